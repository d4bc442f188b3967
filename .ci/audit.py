"""Are advisories known against the pinned dependencies? Works without a network, on a database that is at hand.

`TENOR_ADVISORIES` names a folder or a zip file of advisories in the OSV format, such as OSV's export for PyPI. Each pin
of constraints.txt is compared with the versions and ranges that they say are affected; withdrawn ones do not count, nor
those that TENOR_ADVISORIES_ACCEPTED lists (ids, separated by commas). Without a database the audit says that it was
left out, and ends well: a machine that cannot fetch one must not keep a change from landing.
"""

import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent


def advisories(place: Path) -> Iterator[dict[str, Any]]:
    """Every advisory of a folder or a zip file."""
    if place.is_dir():
        for path in sorted(place.rglob("*.json")):
            yield json.loads(path.read_text())
        return
    with zipfile.ZipFile(place) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def pins(lines: list[str]) -> dict[str, str]:
    """Versions by name, from lines such as `a==1.0 ; sys_platform == 'win32'`."""
    return {
        _name(name): rest.split(";")[0].strip()
        for name, _, rest in (line.partition("==") for line in lines if "==" in line)
    }


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text.strip()).lower()


def found(pinned: dict[str, str], known: Iterator[dict[str, Any]], accepted: set[str]) -> list[str]:
    """A sentence for each advisory about a pin."""
    told = []
    for advisory in known:
        names = {str(advisory.get("id")), *advisory.get("aliases", ())}
        if advisory.get("withdrawn") or names & accepted:
            continue
        for affected in advisory.get("affected", ()):
            package = affected.get("package", {})
            name = _name(str(package.get("name", "")))
            if package.get("ecosystem") == "PyPI" and name in pinned and _affects(affected, pinned[name]):
                told.append(f"{name} {pinned[name]}: {advisory['id']}: {advisory.get('summary') or 'no summary'}")
    return sorted(set(told))


def _affects(affected: dict[str, Any], version: str) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = [each for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM"]
    return any(_within(each.get("events", ()), Version(version)) for each in ranges)


def _within(events: list[dict[str, str]], version: Version) -> bool:
    """Whether a version lies between an `introduced` and what ends it."""
    inside = False
    try:
        for event in events:
            if "introduced" in event:
                inside = inside or event["introduced"] == "0" or version >= Version(event["introduced"])
            elif "fixed" in event:
                inside = inside and version < Version(event["fixed"])
            elif "last_affected" in event:
                inside = inside and version <= Version(event["last_affected"])
    except InvalidVersion:
        return True  # what cannot be compared is looked at by a person
    return inside


def main() -> int:
    place = os.environ.get("TENOR_ADVISORIES")
    if not place:
        print(
            "left out: no database of advisories is at hand (TENOR_ADVISORIES names a folder or a zip in OSV's format)"
        )
        return 0
    pinned = pins((ROOT / "constraints.txt").read_text().splitlines())
    accepted = {each.strip() for each in os.environ.get("TENOR_ADVISORIES_ACCEPTED", "").split(",") if each.strip()}
    told = found(pinned, advisories(Path(place)), accepted)
    print("\n".join(told) or f"no advisory is known against {len(pinned)} pinned packages")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
