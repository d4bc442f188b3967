"""Rows of identities: who may call, with which tokens, what is granted to them, and the audit's checkpoints.

identity ──< token        of 256 bits, kept as SHA-256; shown once
access_grant              principal → role on a kind of resource; a principal is an identity's name, `jwt:…`,
                          `group:…` or `cert:…`
checkpoint                a signed place in the chain of events
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, String, Text, UniqueConstraint
from sqlmodel import Field

from registry.store.tables import columns
from registry.store.tables.columns import Row


class IdentityRow(Row, table=True):
    """A person or a service. `password` is an argon2 hash; without one only tokens count."""

    __tablename__ = "identity"
    pk: int | None = Field(default=None, sa_column=columns.key())
    name: str = Field(sa_column=columns.name(unique=True))
    password: str | None = Field(default=None, sa_column=Column(Text))
    disabled: int = Field(default=0, sa_column=columns.flag())
    created_at: int = Field(sa_column=columns.time())


class TokenRow(Row, table=True):
    """An API token: `id` is public, `hash` the SHA-256 of the secret, `scope` the grants it is narrowed to."""

    __tablename__ = "token"
    pk: int | None = Field(default=None, sa_column=columns.key())
    id: str = Field(sa_column=Column(String(36), nullable=False, unique=True))
    identity_pk: int = Field(sa_column=columns.to("identity.pk", index=True))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    description: str = Field(sa_column=Column(Text, nullable=False))
    scope: str | None = Field(default=None, sa_column=Column(Text))
    created_at: int = Field(sa_column=columns.time())
    expires_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))
    revoked_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))
    used_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))


class AccessGrantRow(Row, table=True):
    """A role that a principal has on resources."""

    __tablename__ = "access_grant"
    __table_args__ = (UniqueConstraint("principal", "role", "kind", "glob"),)
    pk: int | None = Field(default=None, sa_column=columns.key())
    principal: str = Field(sa_column=columns.name())
    role: str = Field(sa_column=Column(String(32), nullable=False))
    kind: str = Field(sa_column=Column(String(32), nullable=False))
    glob: str = Field(sa_column=columns.name())
    created_at: int = Field(sa_column=columns.time())


class CheckpointRow(Row, table=True):
    """The hash of the chain at an event, signed."""

    __tablename__ = "checkpoint"
    __table_args__ = (Index("ix_checkpoint_sequence", "sequence"),)
    pk: int | None = Field(default=None, sa_column=columns.key())
    sequence: int = Field(sa_column=columns.number())
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: int = Field(sa_column=columns.time())
    key_id: str = Field(sa_column=Column(String(64), nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
