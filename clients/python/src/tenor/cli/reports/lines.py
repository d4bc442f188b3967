"""What every form says about one schema: problems with a place, a rule and sentences."""

from __future__ import annotations

import re
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
    yield from _hurt(checked, answer.get("impact") or {})


def _hurt(checked: Checked, impact: Mapping[str, Any]) -> Iterator[Problem]:
    """Consumers that do not simply go on, at the field in question where it is still there."""
    unsafe = impact.get("verdict") == told.UNSAFE
    severities = {"breaks": "error", "degrades": "error" if unsafe else "warning", "unknown": "warning"}
    for row in impact.get("rows", ()):
        if row["outcome"] not in severities:
            continue
        severity = "note" if row["waiver"] else severities[row["outcome"]]
        who = " ".join(filter(None, (row["consumer"], row["version"]))) or "whoever reads with the new schema"
        where = f" in {', '.join(row['environments'])}" if row["environments"] else ""
        waived = (
            one_line(" (waived until {until} by {owner}: {reason})".format(**row["waiver"])) if row["waiver"] else ""
        )
        yield Problem(
            checked.file,
            *place_of(checked.text, row["path"] or ""),
            severity,
            str(row["rule"] or "consumer"),
            one_line(f"{who}{where} {_DOES[row['outcome']]}"),
            one_line(f"{row['sentence']}{waived}"),
            json_line(row["witness"]) if row["witness"] is not None else "",
            one_line(str(row["reason"])) if row["witness"] is not None else "",
        )


_DOES = {"breaks": "breaks", "degrades": "changes its result", "unknown": "may break"}


def place_of(text: str, path: str) -> tuple[int, int]:
    """Line and column at which a text names the last part of an event's path; its beginning where it does not."""
    name = re.escape(path.rpartition("/")[2].replace("~1", "/").replace("~0", "~"))
    found = re.search(rf'"{name}"|\b{name}\b', text) if name else None
    at = found.start() if found else 0
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
