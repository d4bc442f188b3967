"""What a job sees of the store: a transaction handle, and what a decision about a write may turn out to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]


class Moved(Exception):  # an event between two steps, not an error a caller sees
    """What a decision was based on changed before it could be written: decide again."""


@dataclass(frozen=True, slots=True)
class Settled(Generic[T]):
    """A decision that needs no write: the answer is there."""

    answer: T


class Heavy(Exception):
    """A decision that looks at too much for the event loop."""


class Joint(Protocol):
    """A write that one call can do for many decisions, where a call costs a round trip (PostgreSQL)."""

    def __call__(self, db: Db, decision: Any) -> Any:
        """Write one decision."""
        ...

    def joins(self, decision: Any) -> bool:
        """Whether a decision is one of those that are written together."""
        ...

    def together(self, db: Db, writes: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Write (joint write, decision) pairs of one kind, in their order; answers, or Moved for one that is stale."""
        ...


class Db(Protocol):
    """A transaction handle. Statements name their parameters as `:name`; rows are tuples."""

    dialect: str
    wrote: bool
    forgotten: set[str]

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        """All rows of a question."""
        ...

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, or None."""
        ...

    def run(self, sql: str, **parameters: Any) -> int:
        """Change rows; how many."""
        ...

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The same change for many rows."""
        ...

    def forget(self, tag: str) -> None:
        """Drop cached answers with this tag in every replica, once this transaction is committed."""
        ...


class Handle(Db, Protocol):
    """A transaction handle as the store has it: with the driver's connection."""

    connection: Any


@contextmanager
def savepoint(db: Db) -> Iterator[None]:
    """When the block fails, undo what it did but not what the transaction did before. Not to be nested."""
    db.run("SAVEPOINT part")
    try:
        yield
    except BaseException:
        db.run("ROLLBACK TO SAVEPOINT part")
        raise
    finally:
        db.run("RELEASE SAVEPOINT part")
