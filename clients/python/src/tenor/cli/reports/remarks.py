"""The remarks of a lint as an outcome: each file a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tenor.cli.output import one_line
from tenor.cli.reports import table
from tenor.cli.reports.outcome import FAILED, PASSED, Case, Outcome, Problem


def outcome(remarks: Mapping[str, Sequence[Mapping[str, Any]]]) -> Outcome:
    """A lint of some files, by file, for every report."""
    cases = tuple(_case(file, each) for file, each in remarks.items())
    found = tuple(problem for case in cases for problem in case.problems)
    counts = Counter(each.severity for each in found)
    about = next(iter(remarks)) if len(remarks) == 1 else f"{len(remarks)} files"

    def comment() -> str:
        sign = table.BAD if counts["error"] else table.OPEN if found else table.GOOD
        said = ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in sorted(counts.items()))
        return table.comment("tenor lint", f"{sign} {about}: {said or 'nothing to remark'}", found)

    return Outcome("tenor lint", f"tenor lint {about}", cases, comment)


def _case(file: str, remarks: Sequence[Mapping[str, Any]]) -> Case:
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
    grave = any(each.severity == "error" for each in found)
    return Case(file, file, FAILED if grave else PASSED, found)
