"""Rows of keys. No row holds a key that opens anything by itself: all are wrapped by a key system.

kek ─┬─< dek            a key a subject, algorithm and version
     └─┬─< key_cell     a key that wraps the keys of some thousand persons (shared KEKs)
       └─< person       a person's key; the row goes when the person is erased
tombstone               who was erased, when, by whom and why; outlives its KEK
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlmodel import Field

from registry.store.tables import columns
from registry.store.tables.columns import Row


class KekRow(Row, table=True):
    """A key of a key system. `last_person` is the last person's version handed out, and never handed out again."""

    __tablename__ = "kek"
    pk: int | None = Field(default=None, sa_column=columns.key())
    name: str = Field(sa_column=columns.name(unique=True))
    kms_type: str = Field(sa_column=Column(String(64), nullable=False))
    kms_key_id: str = Field(sa_column=Column(Text, nullable=False))
    kms_props: str | None = Field(default=None, sa_column=Column(Text))
    doc: str | None = Field(default=None, sa_column=Column(Text))
    shared: int = Field(sa_column=columns.flag())
    last_person: int = Field(sa_column=columns.number())
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())
    deleted_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))


class DekRow(Row, table=True):
    """A data key, wrapped. Without `material` it is reserved: somebody won its creation and is wrapping it.

    `wrapped_by` is the key id it is wrapped with, `wrapped_at` when. `leased` counts the uses that clients were given.
    """

    __tablename__ = "dek"
    __table_args__ = (
        UniqueConstraint("kek_pk", "subject", "algorithm", "version"),
        Index("ix_dek_subject", "subject", "kek_pk"),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    kek_pk: int = Field(sa_column=columns.to("kek.pk"))
    subject: str = Field(sa_column=columns.name())
    algorithm: str = Field(sa_column=Column(String(16), nullable=False))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    material: str | None = Field(default=None, sa_column=Column(Text))
    commitment: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    wrapped_by: str = Field(sa_column=Column(Text, nullable=False))
    wrapped_at: int = Field(sa_column=columns.time())
    reservation: str | None = Field(default=None, sa_column=Column(String(36)))
    created_at: int = Field(sa_column=columns.time())
    deleted_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))
    leased: int | None = Field(default=None, sa_column=Column(BigInteger))


class KeyCellRow(Row, table=True):
    """A key that wraps persons' keys, wrapped by the key system. `persons` counts who was ever put in."""

    __tablename__ = "key_cell"
    pk: int | None = Field(default=None, sa_column=columns.key())
    kek_pk: int = Field(sa_column=columns.to("kek.pk", index=True))
    material: str = Field(sa_column=Column(Text, nullable=False))
    wrapped_by: str = Field(sa_column=Column(Text, nullable=False))
    wrapped_at: int = Field(sa_column=columns.time())
    persons: int = Field(sa_column=columns.number())
    created_at: int = Field(sa_column=columns.time())


class PersonRow(Row, table=True):
    """A person's key under a KEK. `epoch` is the month whose key `material` is sealed with besides, if any."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("kek_pk", "handle"), Index("ix_person_epoch", "epoch"))
    kek_pk: int = Field(sa_column=columns.to("kek.pk", primary=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    handle: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    algorithm: str = Field(sa_column=Column(String(16), nullable=False))
    material: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    commitment: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    cell_pk: int | None = Field(
        default=None, sa_column=columns.to("key_cell.pk", nullable=True, index=True, on_delete="RESTRICT")
    )
    epoch: str | None = Field(default=None, sa_column=Column(String(16)))
    created_at: int = Field(sa_column=columns.time())


class TombstoneRow(Row, table=True):
    """An erasure. `pk` orders the revocation feed."""

    __tablename__ = "tombstone"
    __table_args__ = (UniqueConstraint("kek", "version"), Index("ix_tombstone_handle", "kek", "handle"))
    pk: int | None = Field(default=None, sa_column=columns.key())
    kek: str = Field(sa_column=columns.name())
    handle: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    erased_at: int = Field(sa_column=columns.time())
    who: str = Field(sa_column=Column(Text, nullable=False))
    legal_basis: str = Field(sa_column=Column(Text, nullable=False))
    request_id: str | None = Field(default=None, sa_column=Column(Text))
