"""The remarks of a lint as an outcome: each file a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tenor.cli.output import one_line
from tenor.cli.reports import table
from tenor.cli.reports.outcome import FAILED, PASSED, UNREADABLE, Case, Outcome, Problem


def outcome(rows: Sequence[Mapping[str, Any]]) -> Outcome:
    """A lint of some files for every report: each with its remarks, or with the error why it cannot be read."""
    cases = tuple(map(_case, rows))
    found = tuple(problem for case in cases for problem in case.problems)
    counts = Counter(each.severity for each in found)
    about = str(rows[0]["file"]) if len(rows) == 1 else f"{len(rows)} files"

    def comment() -> str:
        sign = table.BAD if counts["error"] else table.OPEN if found else table.GOOD
        said = ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in sorted(counts.items()))
        return table.comment("tenor lint", f"{sign} {about}: {said or 'nothing to remark'}", found)

    return Outcome("tenor lint", f"tenor lint {about}", cases, comment)


def _case(row: Mapping[str, Any]) -> Case:
    file = row["file"]
    if error := row.get("error"):
        place = (error.get("file") or file, error.get("line") or 1, error.get("column") or 1)
        problem = Problem(*place, "error", error["kind"], "this is no schema", one_line(error["message"]))
        return Case(file, file, UNREADABLE, (problem,))
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
        for each in row["remarks"]
    )
    return Case(file, file, FAILED if any(each.severity == "error" for each in found) else PASSED, found)
