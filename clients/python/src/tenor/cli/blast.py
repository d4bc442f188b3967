"""The native API's answers about consumers as calls, and the words for an impact.

unsafe: 1 consumer breaks
  breaks    billing 1.4 in prod, on /total
            '/total' is in no event; its code failed when this was tried
            event: {"id": "", "sku": ""}
            known: recorded, 3 days ago; to act: team-orders, or billing first
  safe      search 7 in staging
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from tenor.calls import Call
from tenor.cli import SAFE, UNKNOWN, UNSAFE
from tenor.cli.output import json_line, one_line
from tenor.schemas import Schema

Document = Mapping[str, Any]

VERDICTS: Final = {"safe": SAFE, "unsafe": UNSAFE, "unknown": UNKNOWN}
_BASE: Final = "/api/v1"
_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}
_COLOURS: Final = {"breaks": "red", "degrades": "yellow", "unknown": "yellow", "safe": "green"}
_VERDICT_COLOURS: Final = {"safe": "green", "unsafe": "red", "unknown": "yellow"}
_MOST_ROWS: Final = 50
_MOST_OF_AN_EVENT: Final = 400


def impact(subject: str, schema: Schema) -> Call[Document]:
    """Whom a schema hurts. Nothing is stored."""
    return Call("POST", _path("subjects", subject, "impact"), _verdict, schema.body(), headers=_HEADERS)


def rollout(subject: str, schema: Schema, environment: str, targets: Mapping[str, str]) -> Call[Document]:
    """In which order to deploy a change. Nothing is stored."""

    def read(body: Any) -> Document:
        if not isinstance(body["possible"], bool) or not all(isinstance(line, str) for line in body["lines"]):
            raise TypeError("possible")
        return _object(body)

    body = {**schema.body(), "environment": environment, "to": dict(targets)}
    return Call("POST", _path("subjects", subject, "rollout"), read, body, headers=_HEADERS)


def consumers(subject: str) -> Call[Document]:
    """Who reads a subject."""
    return _get("subjects", subject, "consumers", member="consumers")


def fields(subject: str) -> Call[Document]:
    """Every field of a subject and its readers."""
    return _get("subjects", subject, "fields", member="fields")


def produces(
    application: str, version: str, subjects: Sequence[tuple[str, int]], self_verified: bool | None
) -> Call[Document]:
    """Say what a version writes. The same again changes nothing."""
    body: dict[str, Any] = {"subjects": [{"subject": subject, "version": number} for subject, number in subjects]}
    if self_verified is not None:
        body["self_verified"] = self_verified
    return _put(body, "applications", application, "versions", version, "produces")


def reads(application: str, version: str, subject: str, number: int) -> Call[Document]:
    """Say which schema a version was generated from. The same again changes nothing."""
    body = {"subject": subject, "version": number}
    return _put(body, "applications", application, "versions", version, "reads")


def policy(subject: str) -> Call[Document]:
    """What protects a subject."""
    return _get("subjects", subject, "policy", member="held")


def policies() -> Call[Document]:
    """Every policy."""
    return _get("policies", member="policies")


def set_policy(scope: str, body: Document) -> Call[Document]:
    """Set the whole policy of a scope."""
    return _put({"scope": scope, **body}, "policies")


def map_messages(provider: str, description: str, subject: str) -> Call[Document]:
    """Say which subject messages of a provider belong to."""
    return _put({"provider": provider, "description": description, "subject": subject}, "mappings")


def topic_evidence(topic: str, seen: Document) -> Call[Document]:
    """What was seen of a topic, in place of what was seen before."""
    return _put({name: value for name, value in seen.items() if name != "topic"}, "topics", topic, "evidence")


def waive(subject: str, body: Document) -> Call[Document]:
    """Accept a break for a while."""
    return Call("POST", _path("subjects", subject, "waivers"), _object, body, repeatable=False, headers=_HEADERS)


def waivers() -> Call[list[Document]]:
    """Every waiver."""
    return Call("GET", _path("waivers"), lambda body: [_object(each) for each in body], headers=_HEADERS)


def withdraw(waiver: str) -> Call[Document]:
    """Withdraw a waiver."""
    return Call("DELETE", _path("waivers", waiver), _object, repeatable=False, headers=_HEADERS)


def _path(*segments: str) -> str:
    return "/".join((_BASE, *(quote(segment, safe="") for segment in segments)))


def _get(*segments: str, member: str) -> Call[Document]:
    def read(body: Any) -> Document:
        list(body[member])
        return _object(body)

    return Call("GET", _path(*segments), read, headers=_HEADERS)


def _put(body: Document, *segments: str) -> Call[Document]:
    return Call("PUT", _path(*segments), _object, body, headers=_HEADERS)


def _object(body: Any) -> Document:
    if not isinstance(body, dict):
        raise TypeError("not an object")
    return body


def _verdict(body: Any) -> Document:
    if body["verdict"] not in VERDICTS or not isinstance(body["rows"], list):
        raise TypeError("verdict")
    return _object(body)


# words


def told(answer: Document, paint: Any) -> Iterator[str]:
    """The lines of an impact; the first one is the verdict."""
    yield f"{paint(answer['verdict'] + ':', _VERDICT_COLOURS[answer['verdict']])} {summary(answer)}"
    rows: Sequence[Document] = answer["rows"]
    for row in rows[:_MOST_ROWS]:
        yield from _row(row, answer["subject"], paint)
    if (more := len(rows) - _MOST_ROWS) > 0:
        yield f"  … and {more} more rows (--output json has them all)"
    if answer["touched"]:
        yield f"  judged too, as they refer to it: {one_line(', '.join(answer['touched'][:10]))}"
    for waiver in answer["expired_waivers"]:
        yield (
            f"  {paint('EXPIRED WAIVER', 'red')} of {one_line(waiver['owner'])} since {one_line(waiver['until'])}: "
            f"{one_line(waiver['reason'])}"
        )
    for step in answer["next"]:
        yield f"  next: {one_line(step)}"


def summary(answer: Document) -> str:
    """The verdict in half a line."""
    counts, rows = answer["counts"], answer["rows"]
    if not rows:
        return f"nobody is known to read {one_line(answer['subject'])}"
    words = {"breaks": "break", "degrades": "change their results", "unknown": "not known", "safe": "safe"}
    parts = []
    for outcome, word in words.items():
        who = {(row["consumer"], row["version"]) for row in rows if row["outcome"] == outcome and not row["waiver"]}
        if counts.get(outcome) and who:
            parts.append(f"{len(who)} {word}")
    waived = sum(row["waiver"] is not None for row in rows)
    return ", ".join([*parts, *([f"{waived} waived"] if waived else [])])


def _row(row: Document, subject: str, paint: Any) -> Iterator[str]:
    who = " ".join(filter(None, (row["consumer"], row["version"]))) or "whoever reads with the new schema"
    where = f" in {', '.join(row['environments'])}" if row["environments"] else ""
    on = f", on {row['path'] or 'the event'}" if row["path"] is not None else ""
    of = f" ({row['subject']})" if row["subject"] not in ("", subject) else ""
    outcome = row["outcome"]
    yield f"  {paint(f'{outcome:<9}', _COLOURS.get(outcome, 'dim'))} {one_line(f'{who}{where}{on}{of}')}"
    indent = " " * 12
    if outcome != "safe":
        yield f"{indent}{one_line(row['reason'])}"
    if row["witness"] is not None:
        event = json_line(row["witness"])
        yield f"{indent}event: {event[:_MOST_OF_AN_EVENT]}{'…' if len(event) > _MOST_OF_AN_EVENT else ''}"
    if outcome != "safe":
        known = f"known: {row['evidence']}{_age(row['age_seconds'], row['evidence'])}" if row["evidence"] else ""
        act = f"to act: {row['act']}" if row["act"] else ""
        if line := "; ".join(filter(None, (known, act))):
            yield f"{indent}{one_line(line)}"
    if waiver := row["waiver"]:
        yield f"{indent}{one_line('waived until {until} by {owner}: {reason}'.format(**waiver))}"


def _age(seconds: int | None, evidence: str) -> str:
    if seconds is None:
        return ""
    if evidence == "recorded" and seconds < 86_400:
        return ", less than a day ago"  # recordings know the day, not the hour
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if (count := seconds // size) > 0:
            return f", {count} {word}{'s' if count > 1 else ''} ago"
    return ", just now"
