"""The commit of an ordinary registration in one call, where a call costs a round trip (PostgreSQL).

`tenor_register` (migration 0001) does what `registry.registration.commit` does statement by statement on SQLite, for
the case without references, given ids and tombstones: compare the subject's revision and the settings' epoch, find or
number the content, insert the version, note the event. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from registry.content import Content
from registry.names import Subject
from registry.rules import metadata_to_json, rule_set_to_json
from registry.store.engine import Db


class Actor(Protocol):
    """Who registers, from where."""

    @property
    def name(self) -> str: ...
    @property
    def origin(self) -> str | None: ...


class Plain(Protocol):
    """What is to be written, and what it rests on."""

    @property
    def subject(self) -> Subject: ...
    @property
    def content(self) -> Content: ...
    @property
    def number(self) -> int: ...
    @property
    def source(self) -> str | None: ...
    @property
    def terms(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def revision(self) -> int | None: ...
    @property
    def epoch(self) -> int: ...


_CALL = """
SELECT schema_pk, schema_id FROM tenor_register(
    :context, :name, CAST(:revision AS bigint), CAST(:epoch AS bigint), CAST(:number AS integer), :fingerprint, :guid,
    :format, :text, :metadata, :rule_set, :source, CAST(:kinds AS text[]), CAST(:names AS text[]), CAST(:now AS bigint),
    :actor, :resource, :origin)
"""
_CALLS = """
SELECT c.place, r.schema_pk, r.schema_id
FROM jsonb_array_elements(CAST(:calls AS jsonb)) WITH ORDINALITY AS c (p, place), LATERAL tenor_register(
    p->>'context', p->>'name', CAST(p->>'revision' AS bigint), CAST(p->>'epoch' AS bigint),
    CAST(p->>'number' AS integer), decode(p->>'fingerprint', 'hex'), p->>'guid', p->>'format', p->>'text',
    p->>'metadata', p->>'rule_set', p->>'source', ARRAY(SELECT jsonb_array_elements_text(p->'kinds')),
    ARRAY(SELECT jsonb_array_elements_text(p->'names')), CAST(p->>'now' AS bigint), p->>'actor', p->>'resource',
    p->>'origin') AS r
"""


def written(db: Db, plain: Plain, actor: Actor, now: int) -> tuple[int, int] | None:
    """Write a registration: the schema's key and id, or None when what it rests on has changed."""
    row = db.one(_CALL, **_parameters(plain, actor, now))
    db.wrote = row is not None
    return None if row is None else (row[0], row[1])


def all_written(db: Db, plains: Sequence[tuple[Plain, Actor]], now: int) -> list[tuple[int, int] | None]:
    """The same for several, in one call; each sees what those before it wrote."""
    calls = [_parameters(plain, actor, now) for plain, actor in plains]
    for call in calls:
        call["fingerprint"] = call["fingerprint"].hex()
    rows = db.all(_CALLS, calls=msgspec.json.encode(calls).decode())
    found = {place: (schema_pk, id) for place, schema_pk, id in rows}
    return [found.get(place) for place in range(1, len(plains) + 1)]


def _parameters(plain: Plain, actor: Actor, now: int) -> dict[str, Any]:
    content = plain.content
    return {
        "context": plain.subject.context,
        "name": plain.subject.name,
        "revision": plain.revision,
        "epoch": plain.epoch,
        "number": plain.number,
        "fingerprint": content.fingerprint,
        "guid": content.guid,
        "format": content.format,
        "text": content.text,
        "metadata": _json(None if content.metadata is None else metadata_to_json(content.metadata)),
        "rule_set": _json(None if content.rule_set is None else rule_set_to_json(content.rule_set)),
        "source": plain.source,
        "kinds": [kind for kind, _ in plain.terms],
        "names": [name for _, name in plain.terms],
        "now": now,
        "actor": actor.name,
        "origin": actor.origin,
        "resource": f"subject:{plain.subject}",
    }


def _json(data: dict[str, Any] | None) -> str | None:
    return None if data is None else msgspec.json.encode(data).decode()
