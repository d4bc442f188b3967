"""What tables are made of: the base of every row, and its kinds of columns.

Times are milliseconds since 1970. Names sort by bytes on both engines.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, SmallInteger, Text
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of every table: one set of metadata with constraints that have names, so that they can be dropped."""

    metadata = MetaData(naming_convention=NAMING)


def key() -> Column[int]:
    """A primary key that the database hands out."""
    # SQLite gives ids by itself only to INTEGER.
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def name(
    *, primary_key: bool = False, unique: bool = False, index: bool = False, nullable: bool = False
) -> Column[str]:
    """A name that is compared and sorted."""
    # Byte order on both engines: answers are sorted as the reference sorts them, and prefixes are ranges.
    kind = Text().with_variant(Text(collation="C"), "postgresql")
    return Column(kind, primary_key=primary_key, unique=unique or None, index=index or None, nullable=nullable)


def to(
    target: str, *, primary: bool = False, index: bool = False, nullable: bool = False, on_delete: str = "CASCADE"
) -> Column[int]:
    """A foreign key, e.g. `to("subject.pk")`."""
    return Column(
        BigInteger().with_variant(Integer, "sqlite"),
        ForeignKey(target, ondelete=on_delete),
        primary_key=primary,
        nullable=nullable,
        index=index,
    )


def time(*, nullable: bool = False) -> Column[int]:
    """A moment."""
    return Column(BigInteger, nullable=nullable)


def flag() -> Column[int]:
    """Yes or no."""
    return Column(SmallInteger, nullable=False)


def number() -> Column[int]:
    """A count or a position."""
    return Column(BigInteger, nullable=False)
