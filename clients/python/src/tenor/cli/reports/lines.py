"""What every form says about one schema: problems with a place, a rule and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenor.cli import told
from tenor.cli.checking import UNREADABLE, Checked
from tenor.cli.output import json_line, one_line

CANNOT = {"backward": "new code cannot read old events", "forward": "old code cannot read new events"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `severity` is error, warning or note; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    severity: str
    rule: str
    title: str
    sentence: str
    event: str = ""
    reader: str = ""
    fixes: tuple[Mapping[str, Any], ...] = ()


def problems(checked: Checked) -> Iterator[Problem]:
    """All that is to be said about one schema, gravest first as the engine gave it."""
    if checked.status == UNREADABLE:
        error = checked.error or {}
        place = (error.get("line") or 1, error.get("column") or 1)
        sentence = one_line(str(error.get("message", "")))
        yield Problem(checked.file, *place, "error", str(error.get("kind")), "this is no schema", sentence)
        return
    answer = checked.answer or {}
    shown = set()
    for finding in answer.get("findings", ()):
        witness = finding.get("witness") or {}
        if witness:
            shown.add(finding["direction"])
        yield Problem(
            checked.file,
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
            yield Problem(checked.file, 1, 1, "error", "SEMANTIC_BREAK", CANNOT[direction], sentence, event, failure)
        elif meaning["verdict"] == told.UNKNOWN and checked.verdict == told.UNKNOWN:
            sentence = one_line("; ".join(meaning.get("reasons", ())) or "it was not decided")
            title = f"unknown: whether {told.can(direction)}"
            yield Problem(checked.file, 1, 1, "warning", "UNKNOWN", title, sentence)
