"""The store: where statements run. What differs between SQLite and PostgreSQL is in the module of
each.

Reading: `await store.read(job)`. SQLite answers single-row questions at once on the event loop's own
connection; listings (`heavy=True`) and everything on PostgreSQL run on reader threads, a connection each.

Writing: `await store.write(job)`. One writer thread a process takes waiting jobs in batches and commits them
together (group commit), so that 32 writers pay for one fsync. On PostgreSQL a batch first takes one advisory
lock for the whole database: replicas take turns, ids and versions have no gaps, events are committed in the
order of their keys, and no job can deadlock with another (ARCHITECTURE.md has the measurement).

A job is a plain function of a `Db` and may run more than once: when one job of a batch fails after it wrote,
the batch is rolled back and its jobs are committed one by one.
"""

from __future__ import annotations

from registry.errors import StoreFailed
from registry.store.base import FORGET_ALL, QUEUE, Store
from registry.store.postgresql import WRITE_LOCK, PostgreSQLStore
from registry.store.sqlite import SQLiteStore
from registry.store.transaction import Db, Heavy, Joint, Moved, Row, Settled, savepoint

__all__ = [
    "FORGET_ALL",
    "QUEUE",
    "WRITE_LOCK",
    "Db",
    "Heavy",
    "Joint",
    "Moved",
    "PostgreSQLStore",
    "Row",
    "SQLiteStore",
    "Settled",
    "Store",
    "open_store",
    "savepoint",
]


def open_store(
    url: str, *, sqlite: type[SQLiteStore] = SQLiteStore, postgresql: type[PostgreSQLStore] = PostgreSQLStore
) -> Store:
    """The store behind a URL: `sqlite:///path.db`, `sqlite:///:memory:` (gone at the end) or `postgresql://…`.

    Raises StoreFailed for any other scheme.
    """
    if url.startswith("sqlite:///"):
        return sqlite(url)
    if url.startswith(("postgresql://", "postgres://")):
        return postgresql(url)
    scheme = url.split(":", maxsplit=1)[0]
    raise StoreFailed(reason=f"a database URL starts with sqlite:/// or postgresql://, not '{scheme}:'")
