"""An import from wherever: compare, restore what is missing, read again, and report what was compared."""

from __future__ import annotations

import sys
from typing import Any, Final

from tenor import Registry
from tenor.cli import SAFE, STALE
from tenor.cli.moving import Difference, Records, counted, differences, scopes
from tenor.cli.moving.reading import Progress, read
from tenor.cli.moving.restoring import Restoration, in_the_way
from tenor.cli.output import Output

KIND: Final = "tenor-import/1"
_MOST: Final = 20


def imported(registry: Registry, source: Records, origin: str, output: Output, *, dry_run: bool) -> int:
    """Bring a registry to what the source holds; the exit code."""
    about = scopes(source)
    target = read(registry, progress("reading the target"), about)
    report: dict[str, Any] = {
        "import": KIND,
        "from": origin,
        "to": registry.url,
        "compared": counted(source),
        "copied": counted({}),
    }
    blocked = in_the_way(source, target)
    found = list(differences(source, target))
    if not (blocked or dry_run) and found:
        restoration = Restoration(registry, source, target, progress("copying"))
        restoration.run()
        report["copied"] = counted(iter(restoration.changed))
        found = list(differences(source, read(registry, progress("verifying"), about)))
    report["different"] = [{"key": list(each.key), "what": each.what} for each in (blocked or found)]
    report["verified"] = not (blocked or found)
    output.result(report, _lines(report, blocked or found, blocked=bool(blocked), dry_run=dry_run))
    return SAFE if report["verified"] or (dry_run and not blocked) else STALE


def _lines(report: Any, found: list[Difference], *, blocked: bool, dry_run: bool) -> list[str]:
    lines = [str(each) for each in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"… and {len(found) - _MOST} more (--output json has all)")
    if blocked:
        return [*lines, f"nothing was done: {report['to']} has other contents there"]
    if dry_run:
        return [*lines, f"would change {len(found)} records of {report['to']}"]
    copied = ", ".join(f"{count} {kind}s" for kind, count in report["copied"].items() if count) or "nothing"
    compared = ", ".join(f"{count} {kind}s" for kind, count in report["compared"].items() if count) or "nothing"
    verdict = f"{len(found)} differences are left" if found else "all alike"
    return [*lines, f"copied {copied}", f"compared {compared} with {report['from']}: {verdict}"]


def progress(what: str) -> Progress:
    """A line on stderr that counts, on a terminal only."""
    shown = sys.stderr.isatty()

    def tell(kind: str, count: int) -> None:
        if shown:
            print(f"\r{what}: {count} {kind}s\x1b[K", end="\r", file=sys.stderr, flush=True)

    return tell
