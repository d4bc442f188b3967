"""Use cases that read the log of changes: the history of a subject, and the feed of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import msgspec

from registry.errors import InvalidRequest, SubjectNotFound
from registry.names import Subject
from registry.store.engine import Db, Row
from registry.store.queries import events as queries
from registry.store.queries import subjects

# So many events a filtered feed looks at before it asks for the time.
_WINDOW = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `sequence` is None until it is sealed; `guid` and `format` are those of a registered schema that is
    still there."""

    key: int
    sequence: int | None
    at: int
    actor: str
    action: str
    resource: str
    body: Mapping[str, Any]
    guid: str | None = None
    format: str | None = None


def _entry(row: Row) -> Entry:
    key, sequence, at, actor, action, resource, body = row
    return Entry(key, sequence, at, actor, action, resource, msgspec.json.decode(body))


def of_subject(db: Db, subject: Subject, *, before: int | None, limit: int) -> tuple[Sequence[Entry], int | None]:
    """What happened to a subject and to its settings, newest first, and the key to go on before (None: the end).

    A subject that is gone for good still has its history. Raises SubjectNotFound when it never was.
    """
    rows = queries.of_resource(db, f"subject:{subject}", before, limit + 1)
    if not rows and before is None and subjects.head(db, subject) is None:
        raise SubjectNotFound(subject=str(subject))
    rows += queries.of_resource(db, f"scope:{subject}", before, limit + 1)
    rows.sort(key=lambda row: -row[0])
    entries = [_entry(row) for row in rows[:limit]]
    return _with_schemas(db, subject.context, entries), entries[-1].key if len(rows) > limit else None


def _with_schemas(db: Db, context: str, entries: Sequence[Entry]) -> list[Entry]:
    known = queries.schemas_of(db, context, [entry.body["id"] for entry in entries if "id" in entry.body])
    return [_with_schema(entry, *known.get(entry.body.get("id", 0), (None, None))) for entry in entries]


def _with_schema(entry: Entry, guid: str | None, format: str | None) -> Entry:
    return entry if guid is None else replace(entry, guid=guid, format=format)


def feed(db: Db, *, after: int, limit: int, prefix: str = "", seconds: float = 0.5) -> tuple[Sequence[Entry], int]:
    """Sealed events after a sequence number, oldest first, and the number to go on after.

    With a prefix that few resources have the answer may be short, even empty, and still have come further. Raises
    InvalidRequest for a number that was not reached yet: a reader that has one, of a feed that was since restored
    from an older copy, say, would miss events without noticing.
    """
    found: list[Entry] = []
    last, deadline = queries.last_sequence(db), monotonic() + seconds
    if after > last:
        raise InvalidRequest(f"The feed has come to {last}, not to {after}")
    while after < last:
        upto = min(last, after + _WINDOW)
        found += map(_entry, queries.between(db, after, upto, prefix, limit - len(found)))
        if len(found) == limit:
            return found, found[-1].sequence or upto
        after = upto
        if monotonic() > deadline:
            break
    return found, after
