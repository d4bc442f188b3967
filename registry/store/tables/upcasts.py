"""Rows of upcasters: plans along the edges of a subject's version graph, each with what was proven of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Text, UniqueConstraint
from sqlmodel import Field

from registry.store.tables import columns
from registry.store.tables.columns import Row


class UpcastRow(Row, table=True):
    """A plan from a version to a schema. `to_version` is None while that schema is not registered yet.

    `old_key` and `new_key` are hashes of the two schemas: what was proven was proven of them, and of no others.
    """

    __tablename__ = "upcast"
    __table_args__ = (
        UniqueConstraint("subject_pk", "from_version", "new_key"),
        Index("ix_upcast_edge", "subject_pk", "from_version", "to_version"),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    subject_pk: int = Field(sa_column=columns.to("subject.pk"))
    from_version: int = Field(sa_column=Column(Integer, nullable=False))
    to_version: int | None = Field(default=None, sa_column=Column(Integer))
    old_key: str = Field(sa_column=Column(String(64), nullable=False))
    new_key: str = Field(sa_column=Column(String(64), nullable=False))
    plan: str = Field(sa_column=Column(Text, nullable=False))
    plan_hash: str = Field(sa_column=Column(String(80), nullable=False))
    attestation: str = Field(sa_column=Column(Text, nullable=False))
    proven: int = Field(sa_column=columns.flag())
    created_at: int = Field(sa_column=columns.time())
