"""Exact pins, one truth in two places.

`constraints.txt` is what pip reads; `[tool.uv] constraint-dependencies` in pyproject.toml is what uv
obeys. This script resolves anew (`upgrade`), or copies constraints.txt into pyproject.toml (no argument), or
says what is wrong with the two (`check`). Neither file may hold a URL, because it would name somebody's package index.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXPORT = "export --format requirements-txt --no-hashes --no-annotate --no-header --no-emit-workspace --all-extras"


def pins() -> list[str]:
    """The lines of constraints.txt, e.g. `litestar==2.25.0`."""
    return [line.strip() for line in (ROOT / "constraints.txt").read_text().splitlines() if line.strip()]


def with_pins(pyproject: str, lines: list[str]) -> str:
    """The text of pyproject.toml with its constraint-dependencies replaced."""
    block = "constraint-dependencies = [\n" + "".join(f'  "{line}",\n' for line in lines) + "]"
    return re.sub(
        r"constraint-dependencies = \[.*?\]", lambda _: block.replace("\\", ""), pyproject, count=1, flags=re.S
    )


def faults(lines: list[str], project: dict[str, Any]) -> list[str]:
    """What is wrong with the pins, a sentence each: the lines of constraints.txt against pyproject.toml's data."""
    found = [
        f"not an exact pin: {line}" for line in lines if "://" in line or not re.match(r"[\w.-]+==[\w.!+]+( ;|$)", line)
    ]
    # A backslash is the one character that the two files write differently.
    if [line.replace("\\", "") for line in lines] != project["tool"]["uv"]["constraint-dependencies"]:
        found.append("pyproject.toml and constraints.txt differ: python .ci/pins.py")
    asked = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    pinned = {line.split("==")[0] for line in lines} | {"tenor"}
    names = {re.split(r"[\[=<>~! ;]", each)[0].lower().replace("_", "-") for each in asked}
    return found + [f"not pinned: {name} (python .ci/pins.py upgrade)" for name in sorted(names - pinned)]


def main(arguments: list[str]) -> int:
    pyproject = ROOT / "pyproject.toml"
    if arguments == ["check"]:
        found = faults(pins(), tomllib.loads(pyproject.read_text()))
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    if arguments == ["upgrade"]:
        pyproject.write_text(with_pins(pyproject.read_text(), []))
        (ROOT / "uv.lock").unlink(missing_ok=True)
        exported = subprocess.run(["uv", *EXPORT.split()], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        (ROOT / "constraints.txt").write_text(exported)
    pyproject.write_text(with_pins(pyproject.read_text(), pins()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
