"""A check as an outcome: a case a schema."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tenor.cli import told
from tenor.cli.checking import UNREADABLE as NO_SCHEMA
from tenor.cli.checking import Checked, Report
from tenor.cli.output import json_line, one_line
from tenor.cli.reports import impacts, markdown
from tenor.cli.reports.outcome import FAILED, PASSED, UNDECIDED, UNREADABLE, Case, Outcome, Problem

CANNOT = {"backward": "new code cannot read old events", "forward": "old code cannot read new events"}


_STATES = {told.SAFE: PASSED, told.UNSAFE: FAILED, told.UNKNOWN: UNDECIDED}


def outcome(report: Report) -> Outcome:
    """A check for every report."""
    files = [posixpath.join(report.folder, each.file) for each in report.checked]
    found = [tuple(problems(each, file)) for each, file in zip(report.checked, files, strict=True)]
    cases = tuple(
        Case(
            each.subject or file,
            file,
            UNREADABLE if each.status == NO_SCHEMA else _STATES[each.verdict],
            said,
            each.verdict,
        )
        for each, file, said in zip(report.checked, files, found, strict=True)
    )
    return Outcome(
        "tenor check", f"tenor check --against {report.against}", cases, lambda: markdown.render(report, found)
    )


def problems(checked: Checked, file: str) -> Iterator[Problem]:
    """All that is to be said about one schema, a file, gravest first as the engine gave it."""
    if checked.status == NO_SCHEMA:
        error = checked.error or {}
        place = (error.get("line") or 1, error.get("column") or 1)
        sentence = one_line(str(error.get("message", "")))
        yield Problem(file, *place, "error", str(error.get("kind")), "this is no schema", sentence)
        return
    answer = checked.answer or {}
    shown = set()
    for finding in answer.get("findings", ()):
        witness = finding.get("witness") or {}
        if witness:
            shown.add(finding["direction"])
        yield Problem(
            file,
            finding.get("new_line") or 1,
            finding.get("new_column") or 1,
            finding["severity"],
            finding["rule"],
            CANNOT[finding["direction"]] if finding["severity"] == "error" else "worth a look",
            one_line(finding["sentence"]),
            json_line(witness["event"]) if witness else "",
            one_line(str(witness.get("failure", ""))),
            tuple(finding.get("fixes", ())),
        )
    for direction, meaning in answer.get("semantic", {}).items():
        if meaning["verdict"] == "breaks" and direction not in shown:
            witness = meaning.get("witness") or {}
            sentence = one_line(" ".join(meaning.get("reasons", ())) or CANNOT[direction])
            event = json_line(witness["event"]) if witness else ""
            failure = one_line(str(witness.get("failure", "")))
            yield Problem(file, 1, 1, "error", "SEMANTIC_BREAK", CANNOT[direction], sentence, event, failure)
        elif meaning["verdict"] == told.UNKNOWN and checked.verdict == told.UNKNOWN:
            sentence = one_line("; ".join(meaning.get("reasons", ())) or "it was not decided")
            title = f"unknown: whether {told.can(direction)}"
            yield Problem(file, 1, 1, "warning", "UNKNOWN", title, sentence)
    yield from impacts.problems(answer.get("impact") or {}, file, checked.text)
