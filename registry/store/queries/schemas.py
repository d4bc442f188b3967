"""Questions about versions of subjects and the schemas behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from registry.content import Content
from registry.formats.base import Reference
from registry.names import Subject
from registry.rules import metadata_from_json, metadata_to_json, rule_set_from_json, rule_set_to_json
from registry.store.engine import Db, Row


@dataclass(frozen=True, slots=True)
class Stored:
    """A schema with its id; `schema_pk` is the store's own key."""

    schema_pk: int
    context: str
    id: int
    guid: str
    content: Content
    created_at: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a subject. `created_at` is when the version was registered, in ms."""

    subject: Subject
    version: int
    schema: Stored
    created_at: int
    deleted: bool
    source: str | None = None

    @property
    def content(self) -> Content:
        return self.schema.content

    @property
    def id(self) -> int:
        return self.schema.id

    @property
    def guid(self) -> str:
        return self.schema.guid


_SCHEMA = "x.pk, c.name, x.id, x.guid, x.format, x.text, x.refs, x.metadata, x.rule_set, x.created_at"
_VERSION = f"s.name, v.version, v.created_at, v.deleted_at, v.source, {_SCHEMA}"
_VERSIONS = f"""
SELECT {_VERSION} FROM context c JOIN subject s ON s.context_pk = c.pk
JOIN version v ON v.subject_pk = s.pk JOIN schema_ x ON x.pk = v.schema_pk
"""  # noqa: S608 # constants
_SCHEMAS = f"SELECT {_SCHEMA} FROM schema_ x JOIN context c ON c.pk = x.context_pk "  # noqa: S608 # constants


def _content(format: str, text: str, refs: str | None, metadata: str | None, rule_set: str | None) -> Content:
    return Content(
        format,
        text,
        () if refs is None else msgspec.json.decode(refs, type=tuple[Reference, ...]),
        None if metadata is None else metadata_from_json(msgspec.json.decode(metadata)),
        None if rule_set is None else rule_set_from_json(msgspec.json.decode(rule_set)),
    )


def _stored(row: Row) -> Stored:
    pk, context, id, guid, format, text, refs, metadata, rule_set, created_at = row
    return Stored(pk, context, id, guid, _content(format, text, refs, metadata, rule_set), created_at)


def _version(row: Row) -> Version:
    name, number, created_at, deleted_at, source = row[:5]
    schema = _stored(row[5:])
    return Version(Subject(schema.context, name), number, schema, created_at, deleted_at is not None, source)


def version(db: Db, subject: Subject, number: int, *, deleted: bool = False) -> Version | None:
    """One version by number."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    row = db.one(
        f"{_VERSIONS} WHERE c.name = :context AND s.name = :name AND v.version = :number{live}",
        context=subject.context,
        name=subject.name,
        number=number,
    )
    return None if row is None else _version(row)


def referable(db: Db, subject: Subject, number: int) -> int | None:
    """The key of a subject whose version can be referred to: it is there, if deleted, and not strongly associated."""
    row = db.one(
        """SELECT s.pk FROM context c JOIN subject s ON s.context_pk = c.pk JOIN version v ON v.subject_pk = s.pk
        WHERE c.name = :context AND s.name = :name AND v.version = :number
        AND NOT EXISTS (SELECT 1 FROM association WHERE scope = :scope AND lifecycle = 'STRONG')""",
        context=subject.context,
        name=subject.name,
        number=number,
        scope=str(subject),
    )
    return None if row is None else int(row[0])


def latest(db: Db, subject: Subject) -> Version | None:
    """The highest live version."""
    row = db.one(
        f"{_VERSIONS} WHERE c.name = :context AND s.name = :name AND v.version = s.latest_version",
        context=subject.context,
        name=subject.name,
    )
    return None if row is None else _version(row)


def history(db: Db, subject: Subject, *, deleted: bool = False) -> list[Version]:
    """All versions, newest first."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    rows = db.all(
        f"{_VERSIONS} WHERE c.name = :context AND s.name = :name{live} ORDER BY v.version DESC",
        context=subject.context,
        name=subject.name,
    )
    return [_version(row) for row in rows]


def with_content(db: Db, subject: Subject, fingerprint: bytes, *, deleted: bool = False) -> Version | None:
    """The newest version of a subject that has exactly this content, live ones before deleted ones."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    row = db.one(
        f"""{_VERSIONS} WHERE c.name = :context AND s.name = :name AND x.context_pk = c.pk
        AND x.fingerprint = :fingerprint{live} ORDER BY (v.deleted_at IS NOT NULL), v.version DESC LIMIT 1""",
        context=subject.context,
        name=subject.name,
        fingerprint=fingerprint,
    )
    return None if row is None else _version(row)


def of_subject(db: Db, subject: Subject, id: int, *, deleted: bool = True) -> Version | None:
    """The newest version of a subject that has this id, live ones before deleted ones."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    row = db.one(
        f"""{_VERSIONS} WHERE c.name = :context AND s.name = :name AND x.id = :id{live}
        ORDER BY (v.deleted_at IS NOT NULL), v.version DESC LIMIT 1""",
        context=subject.context,
        name=subject.name,
        id=id,
    )
    return None if row is None else _version(row)


def by_id(db: Db, context: str, id: int) -> Stored | None:
    """The schema with an id in one context."""
    row = db.one(f"{_SCHEMAS} WHERE c.name = :context AND x.id = :id", context=context, id=id)
    return None if row is None else _stored(row)


def by_pk(db: Db, pk: int) -> Stored | None:
    """The schema with a key of the store."""
    row = db.one(f"{_SCHEMAS} WHERE x.pk = :pk", pk=pk)
    return None if row is None else _stored(row)


def rows_after(db: Db, pk: int, limit: int) -> list[Row]:
    """Rows of schemas after a key of the store, in the order of these keys: (key, context, id, …), for `read_row`."""
    return db.all(
        f"""SELECT {_SCHEMA}, x.fingerprint FROM schema_ x JOIN context c ON c.pk = x.context_pk
        WHERE x.pk > :pk ORDER BY x.pk LIMIT :limit""",  # noqa: S608 # constants
        pk=pk,
        limit=limit,
    )


def read_row(row: Row) -> tuple[Stored, bytes]:
    """The schema of a row, and the fingerprint that it is known by."""
    return _stored(row[:-1]), bytes(row[-1])


def by_id_anywhere(db: Db, id: int) -> Stored | None:
    """The schema with an id in whichever context has it, the default one first."""
    row = db.one(f"{_SCHEMAS} WHERE x.id = :id ORDER BY c.name LIMIT 1", id=id)
    return None if row is None else _stored(row)


def by_guid(db: Db, guid: str) -> list[Stored]:
    """The schemas with a guid, one a context (more after imports)."""
    return [_stored(row) for row in db.all(f"{_SCHEMAS} WHERE x.guid = :guid ORDER BY c.name, x.id", guid=guid)]


def by_content(db: Db, context: str, fingerprint: bytes) -> Stored | None:
    """The schema with this content in a context; of twins the one that was not a second id."""
    row = db.one(
        f"{_SCHEMAS} WHERE c.name = :context AND x.fingerprint = :fingerprint ORDER BY x.twin LIMIT 1",
        context=context,
        fingerprint=fingerprint,
    )
    return None if row is None else _stored(row)


def versions_of_id(
    db: Db, context: str, id: int, *, deleted: bool = False, offset: int = 0, limit: int | None = None
) -> list[tuple[Subject, int]]:
    """Where an id is used: (subject, version), by subject name."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    rows = db.all(
        f"""SELECT s.name, v.version FROM schema_ x JOIN context c ON c.pk = x.context_pk
        JOIN version v ON v.schema_pk = x.pk JOIN subject s ON s.pk = v.subject_pk
        WHERE c.name = :context AND x.id = :id{live} ORDER BY s.name, v.version LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        context=context,
        id=id,
        limit=_limit(limit),
        offset=offset,
    )
    return [(Subject(context, name), number) for name, number in rows]


def subjects_of_id(
    db: Db, context: str, id: int, *, deleted: bool = False, offset: int = 0, limit: int | None = None
) -> list[Subject]:
    """The subjects that use an id, by name."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    rows = db.all(
        f"""SELECT DISTINCT s.name FROM schema_ x JOIN context c ON c.pk = x.context_pk
        JOIN version v ON v.schema_pk = x.pk JOIN subject s ON s.pk = v.subject_pk
        WHERE c.name = :context AND x.id = :id{live} ORDER BY s.name LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        context=context,
        id=id,
        limit=_limit(limit),
        offset=offset,
    )
    return [Subject(context, name) for (name,) in rows]


def max_id(db: Db, context: str) -> int:
    """The last id a context handed out."""
    row = db.one("SELECT last_id FROM context WHERE name = :context", context=context)
    return 0 if row is None else int(row[0])


def list_versions(
    db: Db,
    *,
    context: str | None,
    prefix: str,
    deleted: bool,
    latest_only: bool,
    offset: int,
    limit: int | None,
) -> list[Version]:
    """Versions of many subjects, by printed subject name and version; `context` None means all contexts."""
    where, parameters = _range(context, prefix)
    if not deleted:
        where += " AND v.deleted_at IS NULL"
    if latest_only:
        newest = "s.max_version" if deleted else "s.latest_version"
        where += f" AND v.version = {newest}"
    rows = db.all(
        f"{_VERSIONS} WHERE {where} ORDER BY {_order(context)}, v.version LIMIT :limit OFFSET :offset",
        **parameters,
        limit=_limit(limit),
        offset=offset,
    )
    return [_version(row) for row in rows]


def referencing(
    db: Db, subject: Subject, number: int, *, deleted: bool = False, offset: int = 0, limit: int | None = None
) -> list[int]:
    """Ids of the schemas that refer to a version, in use by a live version (or by any, with `deleted`)."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    rows = db.all(
        f"""SELECT DISTINCT x.id FROM context c JOIN subject s ON s.context_pk = c.pk
        JOIN reference r ON r.subject_pk = s.pk JOIN schema_ x ON x.pk = r.schema_pk
        JOIN version v ON v.schema_pk = x.pk
        WHERE c.name = :context AND s.name = :name AND r.version = :number{live}
        ORDER BY x.id LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        context=subject.context,
        name=subject.name,
        number=number,
        limit=_limit(limit),
        offset=offset,
    )
    return [id for (id,) in rows]


def referenced_versions(db: Db, subject_pk: int, *, deleted: bool, by_others: bool = False) -> set[int]:
    """Which versions of a subject are referred to; `by_others` leaves out referrers inside the same subject."""
    live = "" if deleted else " AND v.deleted_at IS NULL"
    others = " AND v.subject_pk <> :subject_pk" if by_others else ""
    rows = db.all(
        f"""SELECT DISTINCT r.version FROM reference r JOIN version v ON v.schema_pk = r.schema_pk
        WHERE r.subject_pk = :subject_pk{live}{others}""",  # noqa: S608 # constants
        subject_pk=subject_pk,
    )
    return {number for (number,) in rows}


def insert_schema(
    db: Db, context_pk: int, id: int, content: Content, terms: Sequence[tuple[str, str]], now: int, *, twin: bool
) -> int:
    """A new content with its references' rows still to come; returns the store's key."""
    row = db.one(
        """INSERT INTO schema_ (context_pk, id, fingerprint, twin, guid, format, text, refs, metadata, rule_set,
        created_at)
        VALUES (:context_pk, :id, :fingerprint, :twin, :guid, :format, :text, :refs, :metadata, :rule_set, :now)
        RETURNING pk""",
        context_pk=context_pk,
        id=id,
        fingerprint=content.fingerprint,
        twin=id if twin else 0,
        guid=content.guid,
        format=content.format,
        text=content.text,
        refs=msgspec.json.encode(content.references).decode() if content.references else None,
        metadata=content.metadata and msgspec.json.encode(metadata_to_json(content.metadata)).decode(),
        rule_set=content.rule_set and msgspec.json.encode(rule_set_to_json(content.rule_set)).decode(),
        now=now,
    )
    db.wrote = True
    assert row is not None
    insert_terms(db, int(row[0]), terms)
    return int(row[0])


def insert_terms(db: Db, schema_pk: int, terms: Sequence[tuple[str, str]]) -> None:
    """What search finds a schema by: (kind, name)."""
    if terms and db.dialect == "postgresql":  # one statement: a round trip a row is what registering would cost
        db.run(
            """INSERT INTO term (schema_pk, position, kind, name)
            SELECT :schema_pk, t.n - 1, t.kind, t.name
            FROM unnest(CAST(:kinds AS text[]), CAST(:names AS text[])) WITH ORDINALITY AS t (kind, name, n)""",
            schema_pk=schema_pk,
            kinds=[kind for kind, _ in terms],
            names=[name for _, name in terms],
        )
    elif terms:
        db.many(
            "INSERT INTO term (schema_pk, position, kind, name) VALUES (:schema_pk, :position, :kind, :name)",
            [
                {"schema_pk": schema_pk, "position": position, "kind": kind, "name": name}
                for position, (kind, name) in enumerate(terms)
            ],
        )


def insert_reference(db: Db, schema_pk: int, position: int, reference: Reference, subject_pk: int) -> None:
    """One edge from a schema to a version."""
    db.run(
        """INSERT INTO reference (schema_pk, position, name, subject_pk, version)
        VALUES (:schema_pk, :position, :name, :subject_pk, :version)""",
        schema_pk=schema_pk,
        position=position,
        name=reference.name,
        subject_pk=subject_pk,
        version=reference.version,
    )


def delete_unused(db: Db, schema_pk: int) -> bool:
    """Drop a schema that no version uses any more; whether it was dropped."""
    return (
        db.run(
            """DELETE FROM schema_ WHERE pk = :schema_pk
            AND NOT EXISTS (SELECT 1 FROM version WHERE version.schema_pk = schema_.pk)""",
            schema_pk=schema_pk,
        )
        > 0
    )


def _limit(limit: int | None) -> int:
    # SQLite takes -1 for "no limit", PostgreSQL takes NULL or any number that is large enough.
    return 2**62 if limit is None or limit <= 0 else limit


def _range(context: str | None, prefix: str) -> tuple[str, dict[str, str]]:
    """A condition for names that start with a prefix, as a range an index can serve."""
    where, parameters = ("1 = 1", {}) if context is None else ("c.name = :context", {"context": context})
    if prefix:
        where += " AND s.name >= :low AND s.name < :high"
        # The highest code point that both engines can store ends the range.
        parameters |= {"low": prefix, "high": prefix + "\U0010ffff"}
    return where, parameters


def _order(context: str | None) -> str:
    if context is not None:
        return "s.name"
    return "CASE WHEN c.name = '.' THEN s.name ELSE ':' || c.name || ':' || s.name END"
