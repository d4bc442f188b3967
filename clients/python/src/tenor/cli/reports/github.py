"""Workflow commands: GitHub shows them beside the line in a pull request."""

from __future__ import annotations

from tenor.cli.reports.outcome import Outcome

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(outcome: Outcome) -> str:
    """`::error file=…,line=…,col=…,title=RULE::sentence`, a line each."""
    lines = []
    for each in outcome.problems:
        said = [each.sentence]
        if each.event:
            said += [f"event: {each.event}", f"reader: {each.reader}"]
        said += [f"fix: {fix['sentence']}" for fix in each.fixes[:1]]
        places = f"file={_property(each.file)},line={each.line},col={each.column}"
        title = _property(f"{each.rule}: {each.title}")
        lines.append(f"::{_COMMANDS[each.severity]} {places},title={title}::{_data(chr(10).join(said))}")
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
