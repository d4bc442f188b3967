"""A plan as an outcome: a case a schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tenor.cli.output import one_line
from tenor.cli.reports import table
from tenor.cli.reports.outcome import FAILED, PASSED, Case, Outcome, Problem

Step = Mapping[str, Any]

_REFUSED: Final = ("refused", "blocked")
_WORDS: Final = {"create": "new subject", "version": "new version", "refused": "refused", "blocked": "blocked"}


def outcome(steps: Sequence[tuple[str, Step]], registry: str) -> Outcome:
    """A plan for every report: files with what becomes of them, and where."""
    cases = tuple(_case(file, step) for file, step in steps)
    found = tuple(problem for case in cases for problem in case.problems)

    def comment() -> str:
        changing = sum(step["action"] in ("create", "version") for _, step in steps)
        refused = sum(step["action"] in _REFUSED for _, step in steps)
        said = f"{refused} of {len(steps)} schemas are refused" if refused else f"{changing} schemas would change"
        rows = [
            (file, step["subject"], _WORDS[step["action"]], "; ".join(each["sentence"] for each in step["changes"]))
            for file, step in steps
            if step["action"] in _WORDS
        ]
        headline = f"{table.BAD if refused else table.GOOD} {said} on {registry}"
        return table.comment("tenor plan", headline, found, (("file", "subject", "what", "changes"), rows))

    return Outcome("tenor plan", f"tenor plan --registry {registry}", cases, comment)


def _case(file: str, step: Step) -> Case:
    refused = step["action"] in _REFUSED
    found = tuple(_problems(file, step)) if refused else ()
    return Case(str(step["subject"]), file, FAILED if refused else PASSED, found, str(step["action"]))


def _problems(file: str, step: Step) -> Iterator[Problem]:
    problem = step.get("problem") or {}
    slug = str(problem.get("type", "")).rpartition("/")[2] or str(step["action"])
    findings = [each for each in step.get("findings", ()) if each["severity"] == "error"]
    place = (problem.get("line") or 1, problem.get("column") or 1)
    for each in findings:
        where = one_line(str(each.get("path") or each.get("new_path") or "the schema"))
        yield Problem(file, *place, "error", each["rule"], where, one_line(each["sentence"]))
    if not findings:
        title = f"{step['subject']} is {step['action']}"
        yield Problem(file, *place, "error", slug, one_line(title), one_line(str(step.get("reason", ""))))
