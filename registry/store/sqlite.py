"""The store on SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from registry.errors import Busy, RegistryError, StoreFailed
from registry.store.base import Store
from registry.store.transaction import Row


class SQLite:
    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.wrote = False
        self.forgotten: set[str] = set()

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        return self.connection.execute(sql, parameters).fetchall()

    def one(self, sql: str, **parameters: Any) -> Row | None:
        row: Row | None = self.connection.execute(sql, parameters).fetchone()
        return row

    def run(self, sql: str, **parameters: Any) -> int:
        self.wrote = True
        return self.connection.execute(sql, parameters).rowcount

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.wrote = True
        self.connection.executemany(sql, rows)

    def forget(self, tag: str) -> None:
        self.forgotten.add(tag)


class SQLiteStore(Store):
    """One file, one process that writes. WAL, synchronous FULL: an acknowledged write survives a power cut."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        super().__init__(url, readers=2)
        self.path = url.removeprefix("sqlite:///")
        self._temporary: TemporaryDirectory[str] | None = None
        if self.path == ":memory:":
            # A real file: SQLite's shared memory databases have no WAL, so readers would block the writer.
            self._temporary = TemporaryDirectory(prefix="tenor-")
            self.path = str(Path(self._temporary.name) / "tenor.db")
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)

    def _connect(self) -> SQLite:
        try:
            connection = sqlite3.connect(
                self.path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=512
            )
        except sqlite3.OperationalError as error:
            raise StoreFailed(reason=f"{error}: {self.path}") from error
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32768", "temp_store=2"):
            connection.execute(f"PRAGMA {pragma}")
        return SQLite(connection)

    def require_alone(self) -> None:
        """To be asked before this store is used: SQLite leaves WAL only for who is the only one."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.OperationalError as error:
                failure = self._failure(error) or StoreFailed(reason=str(error))
                raise failure from error

    def close(self) -> None:
        super().close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _begin(self, db: SQLite, *, writing: bool) -> None:
        # Plain BEGIN would fail with "database is locked" when a reader's snapshot has to become a writer's.
        db.connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    def _failure(self, error: Exception) -> RegistryError | None:
        if not isinstance(error, sqlite3.Error):
            return None
        if "locked" in str(error) or "busy" in str(error):
            return Busy(reason="another process holds the database")
        return StoreFailed(reason=str(error))

    @property
    def cacheable(self) -> bool:
        return True
