"""The commit of an ordinary registration in one call, where a call costs a round trip (PostgreSQL).

`tenor_register` (migration 0001) does what `registry.registration.commit` does statement by statement on SQLite, for
the case without references, given ids and tombstones: compare the subject's revision and the settings' epoch, find or
number the content, insert the version, note the event. It decides nothing.
"""

from __future__ import annotations

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


def written(db: Db, plain: Plain, actor: Actor, now: int) -> tuple[int, int] | None:
    """Write a registration: the schema's key and id, or None when what it rests on has changed."""
    content = plain.content
    row = db.one(
        _CALL,
        context=plain.subject.context,
        name=plain.subject.name,
        revision=plain.revision,
        epoch=plain.epoch,
        number=plain.number,
        fingerprint=content.fingerprint,
        guid=content.guid,
        format=content.format,
        text=content.text,
        metadata=_json(None if content.metadata is None else metadata_to_json(content.metadata)),
        rule_set=_json(None if content.rule_set is None else rule_set_to_json(content.rule_set)),
        source=plain.source,
        kinds=[kind for kind, _ in plain.terms],
        names=[name for _, name in plain.terms],
        now=now,
        actor=actor.name,
        origin=actor.origin,
        resource=f"subject:{plain.subject}",
    )
    db.wrote = row is not None
    return None if row is None else (row[0], row[1])


def _json(data: dict[str, Any] | None) -> str | None:
    return None if data is None else msgspec.json.encode(data).decode()
