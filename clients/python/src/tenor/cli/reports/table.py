"""A comment of a pull request as a headline and tables, for what needs no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tenor.cli.reports.outcome import Problem

GOOD: Final = "✅"
BAD: Final = "❌"
OPEN: Final = "❔"
_SIGNS: Final = {"error": BAD, "warning": "⚠️", "note": "·"}
_MOST: Final = 50
_MOST_OF_AN_EVENT: Final = 300

Rows = tuple[Sequence[str], Sequence[Sequence[str]]]


def comment(tool: str, headline: str, problems: Sequence[Problem], rows: Rows | None = None) -> str:
    """Markdown. Its first line finds the comment again, so that it is edited in place."""
    return "\n".join(_lines(tool, headline, problems, rows)) + "\n"


def _lines(tool: str, headline: str, problems: Sequence[Problem], rows: Rows | None) -> Iterator[str]:
    yield f"<!-- {tool} -->"
    yield f"### {safe(headline)}"
    if rows is not None and rows[1]:
        yield from _table(*rows)
    if problems:
        yield from _table(("where", "what", "rule"), [_row(each) for each in problems])


def _row(problem: Problem) -> tuple[str, str, str]:
    place = f"{problem.file}:{problem.line}"
    said = f"{_SIGNS[problem.severity]} {problem.title}: {problem.sentence}"
    if problem.event:
        event = problem.event[:_MOST_OF_AN_EVENT] + ("…" if len(problem.event) > _MOST_OF_AN_EVENT else "")
        said += f" Event: {event}"
    return place, said, problem.rule


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows[:_MOST]:
        yield f"| {' | '.join(map(safe, row))} |"
    if (more := len(rows) - _MOST) > 0:
        yield ""
        yield f"… and {more} more."


def safe(text: str) -> str:
    """A sentence in which nothing is taken for a table, a tag, a picture or a mention."""
    signs = (("\\", "\\\\"), ("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " "), ("@", "@&#8203;"))
    for sign, shown in (*signs, ("`", "\\`"), ("*", "\\*"), ("_", "\\_"), ("[", "\\["), ("]", "\\]")):
        text = text.replace(sign, shown)
    return text
