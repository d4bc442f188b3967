"""Rows of schemas and subjects: columns, keys and indexes. Statements are in `queries/`, migrations in `migrations/`.

    context ─┬─< subject ──< version >── schema_ ──< reference >── subject
             └─< schema_                         └─< term            (what search finds)
    config, mode        by scope: "" = global, ":.ctx:" = a context, else a subject's printed name
    event               the append-only log of every change
    association         topic ↔ subject
    idempotency         answers already given under a client's key

Times are milliseconds since 1970. A row that can be soft-deleted has `deleted_at`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from registry.store.tables import columns
from registry.store.tables.columns import Row


class Context(Row, table=True):
    """A namespace of ids. `last_id` is the last schema id handed out; an id is never handed out again."""

    __tablename__ = "context"
    pk: int | None = Field(default=None, sa_column=columns.key())
    name: str = Field(sa_column=columns.name(unique=True))
    last_id: int = Field(default=0, sa_column=Column(Integer, nullable=False))


class SchemaRow(Row, table=True):
    """A content with its id. `fingerprint` is what makes it one; references, metadata and rules are JSON text.

    One content has one id in a context, except that an import may bring a second one: then `twin` is that id, else 0.
    """

    __tablename__ = "schema_"
    __table_args__ = (UniqueConstraint("context_pk", "id"), UniqueConstraint("context_pk", "fingerprint", "twin"))
    pk: int | None = Field(default=None, sa_column=columns.key())
    context_pk: int = Field(sa_column=columns.to("context.pk"))
    id: int = Field(sa_column=Column(Integer, nullable=False))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    twin: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    guid: str = Field(sa_column=Column(String(36), nullable=False, index=True))
    format: str = Field(sa_column=Column(String(16), nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    refs: str | None = Field(default=None, sa_column=Column(Text))
    metadata_: str | None = Field(default=None, sa_column=Column("metadata", Text))
    rule_set: str | None = Field(default=None, sa_column=Column(Text))
    created_at: int = Field(sa_column=columns.time())


class SubjectRow(Row, table=True):
    """A subject. `revision` starts anywhere and moves with every change of its versions; `live` and `latest_version`
    are kept beside the versions so that listings and `latest` need not look at them; `max_version` counts deleted
    ones too."""

    __tablename__ = "subject"
    __table_args__ = (
        UniqueConstraint("context_pk", "name"),
        Index(
            "ix_subject_live", "context_pk", "name", sqlite_where=text("live > 0"), postgresql_where=text("live > 0")
        ),
        Index(
            "ix_subject_owner",
            "owner",
            "context_pk",
            "name",
            sqlite_where=text("owner IS NOT NULL"),
            postgresql_where=text("owner IS NOT NULL"),
        ),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    context_pk: int = Field(sa_column=columns.to("context.pk"))
    name: str = Field(sa_column=columns.name())
    revision: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    live: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    latest_version: int | None = Field(default=None, sa_column=Column(Integer))
    max_version: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    owner: str | None = Field(default=None, sa_column=Column(Text))


class VersionRow(Row, table=True):
    """A version of a subject. `source` is the text as it was sent, when it differs from the canonical one."""

    __tablename__ = "version"
    __table_args__ = (
        # The lock alone would let one content become two live versions; this does not.
        Index(
            "uq_version_live",
            "subject_pk",
            "schema_pk",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )
    subject_pk: int = Field(sa_column=columns.to("subject.pk", primary=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    schema_pk: int = Field(sa_column=columns.to("schema_.pk", index=True))
    created_at: int = Field(sa_column=columns.time())
    deleted_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))
    source: str | None = Field(default=None, sa_column=Column(Text))


class ReferenceRow(Row, table=True):
    """What a schema refers to: kept as rows, so that "who refers to this version" is one index look-up."""

    __tablename__ = "reference"
    __table_args__ = (Index("ix_reference_target", "subject_pk", "version"),)
    schema_pk: int = Field(sa_column=columns.to("schema_.pk", primary=True))
    position: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    subject_pk: int = Field(sa_column=columns.to("subject.pk"))
    version: int = Field(sa_column=Column(Integer, nullable=False))


class TermRow(Row, table=True):
    """What search finds a schema by: `kind` is field (a path), name (of a nested field) or tag."""

    __tablename__ = "term"
    __table_args__ = (Index("ix_term_value", "kind", "name", "schema_pk"),)
    schema_pk: int = Field(sa_column=columns.to("schema_.pk", primary=True))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=Column(String(8), nullable=False))
    name: str = Field(sa_column=columns.name())


class ConfigRow(Row, table=True):
    """The settings of a scope, as JSON."""

    __tablename__ = "config"
    scope: str = Field(sa_column=columns.name(primary_key=True))
    body: str = Field(sa_column=Column(Text, nullable=False))


class ModeRow(Row, table=True):
    """The mode of a scope."""

    __tablename__ = "mode"
    scope: str = Field(sa_column=columns.name(primary_key=True))
    mode: str = Field(sa_column=Column(String(32), nullable=False))


class CounterRow(Row, table=True):
    """Numbers that move with a change of something global, e.g. `settings` with each change of config or mode."""

    __tablename__ = "counter"
    name: str = Field(sa_column=columns.name(primary_key=True))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class EventRow(Row, table=True):
    """One change. The sealer gives committed rows their `sequence` and chains them by hash; `origin` is the address
    that the request came from."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_resource", "resource", "pk"), Index("ix_event_actor", "actor", "pk"))
    pk: int | None = Field(default=None, sa_column=columns.key())
    at: int = Field(sa_column=columns.time())
    actor: str = Field(sa_column=Column(Text, nullable=False))
    action: str = Field(sa_column=Column(String(64), nullable=False))
    resource: str = Field(sa_column=Column(Text, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    sequence: int | None = Field(default=None, sa_column=Column(BigInteger, unique=True))
    hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    origin: str | None = Field(default=None, sa_column=Column(Text))


class AssociationRow(Row, table=True):
    """A topic (or other resource) that a subject belongs to."""

    __tablename__ = "association"
    __table_args__ = (UniqueConstraint("resource_id", "resource_type", "type"),)
    guid: str = Field(sa_column=Column(String(36), primary_key=True))
    resource_id: str = Field(sa_column=Column(Text, nullable=False))
    resource_name: str = Field(sa_column=Column(Text, nullable=False, index=True))
    resource_namespace: str = Field(sa_column=Column(Text, nullable=False, index=True))
    resource_type: str = Field(sa_column=Column(String(32), nullable=False))
    type: str = Field(sa_column=Column(String(32), nullable=False))
    scope: str = Field(sa_column=columns.name(index=True))
    lifecycle: str = Field(sa_column=Column(String(16), nullable=False))
    frozen: int = Field(sa_column=Column(SmallInteger, nullable=False))
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class IdempotencyRow(Row, table=True):
    """An answer given under an idempotency key, and the hash of the request it belongs to."""

    __tablename__ = "idempotency"
    key: str = Field(sa_column=Column(String(300), primary_key=True))
    request: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int = Field(sa_column=Column(SmallInteger, nullable=False))
    answer: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
