"""The answer of a check, told to a person who never met Tenor: where, what, who is hurt, an event, and a way out.

order-2.avsc:3:4: error: new code cannot read old events [READER_FIELD_MISSING_DEFAULT_VALUE]
  Field amount has no default in the new schema, and …
  old:    order-1.avsc:3:4
  event:  {"total": 0.0}
  reader: no value and no default for amount
  fix:    Keep the old name as an alias.
          - {"name": "amount", "type": "double"}
          + {"name": "amount", "type": "double", "aliases": ["total"]}
unsafe: new code cannot read old events (1 error)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from tenor.cli.local_schema import place
from tenor.cli.output import json_line, one_line

Answer = Mapping[str, Any]
Paint = Callable[[str, str], str]

SAFE: Final = "safe"
UNSAFE: Final = "unsafe"
UNKNOWN: Final = "unknown"
BOTH: Final = "both"
CONFLUENT: Final = "confluent"
SEMANTIC: Final = "semantic"

_CANNOT: Final = {"backward": "new code cannot read old events", "forward": "old code cannot read new events"}
_CAN: Final = {"backward": "new code can read old events", "forward": "old code can read new events"}
_COLOURS: Final = {SAFE: "green", UNSAFE: "red", UNKNOWN: "yellow", "error": "red", "warning": "yellow"}
_MOST_LINES: Final = 8  # of a fix; the whole text is in the JSON answer
_MOST_OF_AN_EVENT: Final = 400
_MOST_OF_A_TEXT: Final = 1000
_MOST_FINDINGS: Final = 50


class Sides(NamedTuple):
    """What the two schemas are called; with a `subject` the answer says itself, by versions, what `old` is."""

    new: str
    new_text: str
    old: str | None = None
    subject: str = ""


def verdict(answer: Answer, by: str = BOTH) -> str:
    """safe, unsafe or unknown: by Confluent's rules, by what events can break, or by both (then the worse counts)."""
    meanings = [each["verdict"] for each in answer.get("semantic", {}).values() if not each.get("accepted")]
    if by != SEMANTIC and not answer["compatible"]:
        return UNSAFE
    if by == CONFLUENT:
        return SAFE
    hurt = _hurt(answer, by)
    if "breaks" in meanings or hurt == UNSAFE:
        return UNSAFE
    # Another type of schema, or a level that looks at nothing, has no meaning of its own.
    if UNKNOWN in (*meanings, hurt) or not (meanings or answer["compatible"]):
        return UNKNOWN
    return SAFE


def _hurt(answer: Answer, by: str) -> str:
    """What the impact on known consumers says; safe where none is known, for that is no news about the schema."""
    impact = answer.get("impact") or {}
    return str(impact["verdict"]) if by == BOTH and impact.get("rows") else SAFE


def told(answer: Answer, sides: Sides, by: str, paint: Paint) -> Iterator[str]:
    """The lines of an answer; the last one is the verdict."""
    findings: Sequence[Answer] = answer.get("findings", ())
    for finding in findings[:_MOST_FINDINGS]:
        yield from _finding(finding, sides, paint)
    if (more := len(findings) - _MOST_FINDINGS) > 0:
        yield f"… and {more} more findings (--output json has them all)"
    for direction, meaning in answer.get("semantic", {}).items():
        shown = any(each["direction"] == direction and each.get("witness") for each in findings)
        if meaning["verdict"] == "breaks" and not shown and not meaning.get("accepted"):
            yield from _break(direction, meaning, sides, paint)
    if differs := answer.get("differs"):
        yield f"{paint('differs:', 'yellow')} {one_line(differs)}"
    if (impact := answer.get("impact")) and impact["rows"] and by == BOTH:
        from tenor.cli import blast  # loads the client, which a check against files needs nothing of

        yield "consumers: " + blast.summary(impact)
        yield from islice(blast.told(impact, paint), 1, None)
    yield from _verdict(answer, by, paint)


def can(direction: str) -> str:
    """What holds in a direction when nothing breaks there."""
    return _CAN[direction]


def _finding(finding: Answer, sides: Sides, paint: Paint) -> Iterator[str]:
    where = place(sides.new, finding.get("new_line"), finding.get("new_column"))
    severity = finding["severity"]
    head = f"{where}: {paint(severity + ':', _COLOURS[severity])}"
    direction = _CANNOT[finding["direction"]]
    if severity == "error":
        yield f"{head} {direction} [{finding['rule']}]"
        yield f"  {one_line(finding['sentence'])}"
    else:
        yield f"{head} {one_line(finding['sentence'])} [{finding['rule']}]"
    if finding.get("old_line") is not None:
        old = f"{sides.subject} version {finding['version']}" if sides.subject else sides.old or ""
        yield f"  old:    {place(old, finding['old_line'], finding.get('old_column'))}"
    if severity == "error":
        yield from _evidence(finding)
        yield from _fixes(finding.get("fixes", ()), sides.new_text)


def _evidence(finding: Answer) -> Iterator[str]:
    if witness := finding.get("witness"):
        yield from _event(witness)
    elif finding.get("shown") == "by rule only":
        yield "  event:  none found: by Confluent's rule only"
    elif finding.get("shown"):
        yield f"  event:  {one_line(finding['shown'])}"


def _event(witness: Answer) -> Iterator[str]:
    event = json_line(witness["event"])
    if len(event) > _MOST_OF_AN_EVENT:
        event = event[:_MOST_OF_AN_EVENT] + "… (--output json has it whole)"
    yield f"  event:  {event}"
    yield f"  reader: {one_line(witness['failure'])}"


def _fixes(fixes: Sequence[Answer], text: str) -> Iterator[str]:
    for number, fix in enumerate(fixes):
        yield f"  {'fix:' if number == 0 else 'or:':7} {one_line(fix['sentence'])}"
        if number == 0:
            for line in edited(text, fix):
                yield f"          {line}"


def edited(before: str, fix: Answer) -> Iterator[str]:
    """The lines that a fix takes away and puts there; nothing where they are many or very long."""
    edits, after = fix["edits"], fix["text"]
    if not edits:
        return
    begin = before.rfind("\n", 0, min(edit["start"] for edit in edits)) + 1
    end = before.find("\n", max(edit["end"] for edit in edits))
    end = len(before) if end < 0 else end
    old, new = before[begin:end], after[begin : len(after) - (len(before) - end)]
    if max(len(old), len(new)) > _MOST_OF_A_TEXT:
        return
    from difflib import unified_diff  # slow to import, and rarely needed

    lines = list(unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    changed = [line for line in lines if not line.startswith("@@")]
    if len(changed) <= _MOST_LINES:
        for line in changed:
            yield f"{line[0]} {one_line(line[1:])}"


def _break(direction: str, meaning: Answer, sides: Sides, paint: Paint) -> Iterator[str]:
    """A break that no finding shows: Confluent's rules do not look there."""
    yield f"{sides.new}: {paint('error:', 'red')} {_CANNOT[direction]}"
    for reason in meaning.get("reasons", ()):
        yield f"  {one_line(reason)}"
    if witness := meaning.get("witness"):
        yield from _event(witness)


def _verdict(answer: Answer, by: str, paint: Paint) -> Iterator[str]:
    found = verdict(answer, by)
    said = {SAFE: _why_safe, UNSAFE: _why_unsafe, UNKNOWN: _why_unknown}[found](answer, by)
    yield f"{paint(found + ':', _COLOURS[found])} {one_line(said)}"


def _why_safe(answer: Answer, by: str) -> str:
    meanings = answer.get("semantic", {})
    if by == CONFLUENT:
        return f"Confluent's rules accept this change at level {answer['level']}"
    if not meanings:
        return f"level {answer['level']} compares with no earlier version here"
    return " and ".join(
        f"it is accepted for a while that {_CANNOT[direction]}" if each.get("accepted") else _CAN[direction]
        for direction, each in meanings.items()
    )


def _why_unsafe(answer: Answer, by: str) -> str:
    counts = Counter(each["direction"] for each in answer.get("findings", ()) if each["severity"] == "error")
    broken = [
        direction
        for direction, each in answer.get("semantic", {}).items()
        if each["verdict"] == "breaks" and not each.get("accepted")
    ]
    parts = []
    for direction, sentence in _CANNOT.items():
        if by != SEMANTIC and (count := counts[direction]):
            parts.append(f"{sentence} ({count} error{'s' if count > 1 else ''})")
        elif by != CONFLUENT and direction in broken:
            parts.append(sentence)
    if by == BOTH and _hurt(answer, by) == UNSAFE:
        parts.append("deployed consumers are hurt")
    return ", and ".join(parts)


def _why_unknown(answer: Answer, by: str) -> str:
    reasons = [
        f"whether {_CAN[direction]}" + (f" ({'; '.join(each['reasons'])})" if each.get("reasons") else "")
        for direction, each in answer.get("semantic", {}).items()
        if each["verdict"] == UNKNOWN
    ]
    if _hurt(answer, BOTH) == UNKNOWN:
        reasons.append("what becomes of every consumer")
    accepted = "; Confluent's rules accept this change" if answer["compatible"] else ""
    return " and ".join(reasons or ["what events mean across types of schemas"]) + accepted


def aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows in columns that line up."""
    kept = [[*map(one_line, row)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    for row in kept:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
