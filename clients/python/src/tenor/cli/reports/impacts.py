"""Whom a schema hurts, as problems at the fields in question and as an outcome: a case a consumer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tenor.cli.output import json_line, one_line
from tenor.cli.reports import table
from tenor.cli.reports.outcome import FAILED, PASSED, UNDECIDED, Case, Outcome, Problem

Impact = Mapping[str, Any]

_DOES: Final = {"breaks": "breaks", "degrades": "changes its result", "unknown": "may break"}
_SIGNS: Final = {"safe": table.GOOD, "unsafe": table.BAD, "unknown": table.OPEN}


def outcome(impact: Impact, file: str, text: str) -> Outcome:
    """An impact for every report."""
    found: dict[str, list[Any]] = {}
    for row in impact["rows"]:
        found.setdefault(_who(row), []).append(row)
    cases = tuple(_case(who, rows, impact, file, text) for who, rows in found.items())
    about = f"tenor impact {impact['subject']}"

    def comment() -> str:
        head = {"safe": "Nobody is hurt", "unsafe": "This change hurts consumers"}
        headline = head.get(impact["verdict"], "It cannot be told whom this change hurts")
        rows = [problem for case in cases for problem in case.problems]
        return table.comment("tenor impact", f"{_SIGNS[impact['verdict']]} {headline}: {impact['subject']}", rows)

    return Outcome("tenor impact", about, cases, comment)


def problems(impact: Impact, file: str, text: str) -> Iterator[Problem]:
    """Consumers that do not simply go on, at the field in question where the text still names it."""
    unsafe = impact.get("verdict") == "unsafe"
    severities = {"breaks": "error", "degrades": "error" if unsafe else "warning", "unknown": "warning"}
    for row in impact.get("rows", ()):
        if row["outcome"] not in severities:
            continue
        severity = "note" if row["waiver"] else severities[row["outcome"]]
        where = f" in {', '.join(row['environments'])}" if row["environments"] else ""
        waived = " (waived until {until} by {owner}: {reason})".format(**row["waiver"]) if row["waiver"] else ""
        yield Problem(
            file,
            *place_of(text, row["path"] or ""),
            severity,
            str(row["rule"] or "consumer"),
            one_line(f"{_who(row)}{where} {_DOES[row['outcome']]}"),
            one_line(f"{row['sentence']}{waived}"),
            json_line(row["witness"]) if row["witness"] is not None else "",
            one_line(str(row["reason"])) if row["witness"] is not None else "",
        )


def place_of(text: str, path: str) -> tuple[int, int]:
    """Line and column at which a text names the last part of an event's path; its beginning where it does not."""
    name = re.escape(path.rpartition("/")[2].replace("~1", "/").replace("~0", "~"))
    found = re.search(rf'"{name}"|\b{name}\b', text) if name else None
    at = found.start() if found else 0
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _case(who: str, rows: Sequence[Any], impact: Impact, file: str, text: str) -> Case:
    found = tuple(problems({**impact, "rows": rows}, file, text))
    severities = {each.severity for each in found}
    state = FAILED if "error" in severities else UNDECIDED if "warning" in severities else PASSED
    return Case(one_line(who), file, state, found)


def _who(row: Any) -> str:
    return " ".join(filter(None, (row["consumer"], row["version"]))) or "whoever reads with the new schema"
