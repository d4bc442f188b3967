"""The comment of a pull request: what breaks, shown, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tenor.cli import told
from tenor.cli.checking import CHANGED, NEW, REMOVED, UNCHANGED, UNREADABLE, UNUSED, Checked, Report
from tenor.cli.reports.outcome import Problem

MARKER = "<!-- tenor check -->"
"""Finds the comment again, so that it is edited in place."""

_SIGNS = {told.SAFE: "✅", told.UNSAFE: "❌", told.UNKNOWN: "❔"}
_HAPPENED = {
    NEW: "new",
    REMOVED: "removed; the subject stays in the registry",
    UNUSED: "nothing there is known to use it",
}
_MOST = 20
_MOST_OF_AN_EVENT = 600


def render(report: Report, problems: Sequence[Sequence[Problem]]) -> str:
    """Markdown that reads well without having met Tenor before. `problems` go with the schemas of the report."""
    return "\n".join(_lines(report, problems)) + "\n"


def _lines(report: Report, problems: Sequence[Sequence[Problem]]) -> Iterator[str]:
    yield MARKER
    yield f"### {_SIGNS[report.verdict]} {_headline(report)}"
    yield ""
    told_of = [each for each in report.checked if each.status != UNCHANGED]
    if not told_of:
        yield f"No schema changed since `{report.against}`."
        return
    yield "| schema | what happened | verdict |"
    yield "|---|---|---|"
    for each in sorted(told_of, key=lambda each: (each.verdict == told.SAFE, each.file)):
        yield f"| {_name(each)} | {_happened(each)} | {_SIGNS[each.verdict]} {_word(each)} |"
    unchanged = sum(each.status == UNCHANGED for each in report.checked)
    if unchanged:
        yield ""
        yield f"{unchanged} other schema{'s' if unchanged > 1 else ''} did not change."
    for checked, said in zip(report.checked, problems, strict=True):
        found = [each for each in said if each.severity == "error"]
        if found:
            yield from _details(checked, found)
    if report.verdict == told.UNSAFE:
        yield from _ways_out()


def _headline(report: Report) -> str:
    unsafe = [each for each in report.checked if each.verdict == told.UNSAFE]
    unreadable = [each for each in report.checked if each.status == UNREADABLE]
    if unsafe:
        one = len(unsafe) == 1
        return f"{len(unsafe)} schema change{'' if one else 's'} break{'s' if one else ''} somebody"
    if unreadable:
        return f"{len(unreadable)} file{'s are' if len(unreadable) > 1 else ' is'} no schema"
    if report.verdict == told.UNKNOWN:
        return "It cannot be told whether every schema change is safe"
    return "Schema changes are safe"


def _details(checked: Checked, found: list[Problem]) -> Iterator[str]:
    yield ""
    owner = f" (owner: {_text(checked.owner)})" if checked.owner else ""
    yield f"#### {_name(checked)}{owner}"
    for problem in found[:_MOST]:
        yield ""
        yield f"**Line {problem.line}: {_text(problem.title)}.** {_text(problem.sentence)} `{problem.rule}`"
        if problem.event:
            event = problem.event
            short = event if len(event) <= _MOST_OF_AN_EVENT else event[:_MOST_OF_AN_EVENT] + "…"
            yield ""
            yield "This event shows it:"
            yield from _fenced("json", [short])
            yield f"The reader says: `{problem.reader.replace('`', chr(39))}`"
        for number, fix in enumerate(problem.fixes):
            yield ""
            yield f"{'Fix' if number == 0 else 'Or'}: {_text(fix['sentence'])}"
            if number == 0 and (lines := list(told.edited(checked.text, fix))):
                yield from _fenced("diff", lines)
    if (more := len(found) - _MOST) > 0:
        yield ""
        yield f"… and {more} more problems in this file."


def _ways_out() -> Iterator[str]:
    yield ""
    yield "<details><summary>What can I do?</summary>"
    yield ""
    yield "1. Apply a fix from above and push: this comment changes with your branch."
    yield "2. Keep the old field beside the new one until nobody reads it, then remove it."
    yield "3. Start a new subject for events of the new kind, and let consumers move over."
    yield "4. Accept the break on the record, with an owner and an end: `waivers` in `tenor.yaml`, or `tenor waive`."
    yield ""
    yield "`tenor explain RULE` says what a rule means; `tenor check --help` how to run this before you push."
    yield "</details>"


def _fenced(kind: str, lines: list[str]) -> Iterator[str]:
    longest = max((len(run) for line in lines for run in _ticks(line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{kind}"
    yield from lines
    yield fence


def _ticks(line: str) -> Iterator[str]:
    run = ""
    for letter in f"{line} ":
        if letter == "`":
            run += letter
        elif run:
            yield run
            run = ""


def _name(checked: Checked) -> str:
    return f"`{checked.file}`" + (f" → `{checked.subject}`" if checked.subject else "")


def _happened(checked: Checked) -> str:
    if checked.status == UNREADABLE:
        return _text(str((checked.error or {}).get("message", "")))
    if checked.status != CHANGED:
        return _HAPPENED.get(checked.status, "level NONE: not compared")
    changes = [_text(each["sentence"]) for each in (checked.answer or {}).get("changes", ())]
    shown = "<br>".join(changes[:3]) or "documentation only, or order"
    return shown + (f"<br>… and {len(changes) - 3} more" if len(changes) > 3 else "")


def _word(checked: Checked) -> str:
    return "cannot be read" if checked.status == UNREADABLE else checked.verdict


def _text(text: str) -> str:
    """A sentence in which nothing is taken for a table, a tag or a mention."""
    for sign, shown in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " "), ("@", "@&#8203;")):
        text = text.replace(sign, shown)
    return text
