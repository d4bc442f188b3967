"""An import from wherever: compare, restore what is missing, read again, and report what was compared."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from tenor import Registry
from tenor.cli import SAFE, STALE
from tenor.cli.connection import registry_at, secret
from tenor.cli.moving import Difference, Document, Records, counted, differences, scopes
from tenor.cli.moving.reading import Tell, read
from tenor.cli.moving.restoring import Restoration, in_the_way
from tenor.cli.output import Output
from tenor.cli.progress import Progress
from tenor.cli.running import UsageError

_MOST: Final = 20


def imported(registry: Registry, source: Records, origin: str, output: Output, *, dry_run: bool) -> int:
    """Bring a registry to what the source holds; the exit code."""
    about = scopes(source)
    with output.progress("reading the target") as shown:
        target = read(registry, stretch(shown, "reading the target"), about)
        blocked = in_the_way(source, target)
        found = list(differences(source, target))
        restoration = Restoration(registry, source, target, stretch(shown, "copying", len(found)))
        if found and not (blocked or dry_run):
            restoration.run()
            found = list(differences(source, read(registry, stretch(shown, "verifying"), about)))
    counts = {"compared": counted(source), "copied": counted(restoration.changed)}
    report = {"from": origin, "to": registry.url, **counts}
    return concluded(report, blocked or found, output, blocked=bool(blocked), dry_run=dry_run)


def concluded(report: Document, found: Sequence[Difference], output: Output, *, blocked: bool, dry_run: bool) -> int:
    """Report an import; its exit code. `report`: from, to, counts of what was compared and copied, and perhaps remarks;
    `found`: what differs, `blocked` if that stood in the way."""
    different = [{"key": list(each.key), "what": each.what} for each in found]
    document = {**report, "different": different, "verified": not found}
    output.result(document, _lines(report, found, blocked=blocked, dry_run=dry_run))
    return SAFE if not found or (dry_run and not blocked) else STALE


def source_at(url: str, arguments: argparse.Namespace) -> Registry:
    """What is copied from, with the credentials of its own. Raises UsageError."""
    basic = secret("TENOR_SOURCE_BASIC_AUTH")
    if basic is not None and ":" not in basic:
        raise UsageError("TENOR_SOURCE_BASIC_AUTH is not of the form user:password")
    user, _, password = (basic or "").partition(":")
    auth = (user, password) if basic is not None else None
    return registry_at(url, arguments, auth=auth, token=secret("TENOR_SOURCE_TOKEN"))


def _lines(report: Document, found: Sequence[Difference], *, blocked: bool, dry_run: bool) -> list[str]:
    lines = [*report.get("remarks", ()), *(str(each) for each in found[:_MOST])]
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


def stretch(shown: Progress, what: str, total: int | None = None) -> Tell:
    """A stretch of the work that is shown, to be told of its records."""

    def tell(kind: str, count: int) -> None:
        shown.at(count, total, what=what, detail=f"{kind}s")

    return tell
