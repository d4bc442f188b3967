"""The remarks of a lint as an outcome: one case, the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tenor.cli.output import one_line
from tenor.cli.reports import table
from tenor.cli.reports.outcome import FAILED, PASSED, Case, Outcome, Problem


def outcome(remarks: Sequence[Mapping[str, Any]], file: str) -> Outcome:
    """A lint for every report."""
    found = tuple(
        Problem(
            file,
            each.get("line") or 1,
            each.get("column") or 1,
            each["severity"],
            each["rule"],
            one_line(each["path"]) or "the schema",
            one_line(each["sentence"]),
        )
        for each in remarks
    )
    counts = Counter(each.severity for each in found)
    state = FAILED if counts["error"] else PASSED

    def comment() -> str:
        sign = table.BAD if counts["error"] else table.OPEN if found else table.GOOD
        said = ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in sorted(counts.items()))
        return table.comment("tenor lint", f"{sign} {file}: {said or 'nothing to remark'}", found)

    return Outcome("tenor lint", f"tenor lint {file}", (Case(file, file, state, found),), comment)
