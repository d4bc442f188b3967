"""The store on PostgreSQL. The driver is imported when a connection is opened: SQLite needs none."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from registry.errors import Busy, InvalidRequest, RegistryError, StoreFailed
from registry.store.base import FORGET_ALL, Store
from registry.store.transaction import Row

if TYPE_CHECKING:
    import psycopg

# Any 63-bit number will do, as long as every replica and the migrations use the same one.
WRITE_LOCK = 0x74656E6F72

_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")
# A connection whose other end is gone says so within seconds.
_IMPATIENT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


@lru_cache(1024)
def _for_psycopg(sql: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


class PostgreSQL:
    dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection
        self.wrote = False
        self.forgotten: set[str] = set()

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        # The texts come from queries.py; only parameters come from outside.
        return self.connection.execute(_for_psycopg(sql), parameters)

    def all(self, sql: str, **parameters: Any) -> list[Row]:
        return self._execute(sql, parameters).fetchall()

    def one(self, sql: str, **parameters: Any) -> Row | None:
        return self._execute(sql, parameters).fetchone()

    def run(self, sql: str, **parameters: Any) -> int:
        self.wrote = True
        return self._execute(sql, parameters).rowcount

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.wrote = True
        self.connection.cursor().executemany(_for_psycopg(sql), rows)

    def forget(self, tag: str) -> None:
        self.forgotten.add(tag)
        self._execute("SELECT pg_notify('tenor_forget', :tag)", {"tag": tag})


class PostgreSQLStore(Store):
    """Any number of stateless replicas on one PostgreSQL."""

    dialect = "postgresql"

    def __init__(self, url: str, *, readers: int = 16) -> None:
        super().__init__(url, readers=readers)
        self._listening: threading.Thread | None = None
        self._hears = False

    def _connect(self) -> PostgreSQL:
        import psycopg

        connection = psycopg.connect(
            self.url,
            autocommit=True,
            prepare_threshold=2,
            application_name="tenor",
            **_IMPATIENT,
            # A replica that was cut off while it held the write lock gives it up after these.
            options="-c idle_in_transaction_session_timeout=10s -c statement_timeout=30s -c lock_timeout=10s",
        )
        return PostgreSQL(connection)

    def _begin(self, db: PostgreSQL, *, writing: bool) -> None:
        db.connection.execute("BEGIN")
        if writing:
            try:
                db.connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
            except BaseException:
                if not db.connection.broken:
                    db.connection.execute("ROLLBACK")
                raise

    def _failure(self, error: Exception) -> RegistryError | None:
        import psycopg

        if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.QueryCanceled):
            return Busy(reason="another replica holds the write lock")
        if isinstance(error, psycopg.errors.ProgramLimitExceeded):
            return InvalidRequest("A name is too long for the indexes of PostgreSQL")
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return Busy(reason="the database does not answer")
        if isinstance(error, psycopg.errors.NumericValueOutOfRange):
            return InvalidRequest("A number is beyond what the registry can count to")
        if isinstance(error, psycopg.DataError):
            # The one text that JSON can say and PostgreSQL cannot hold.
            return InvalidRequest("A NUL character cannot be part of a name")
        if isinstance(error, psycopg.Error):
            return StoreFailed(reason=str(error).splitlines()[0])
        return None

    @property
    def cacheable(self) -> bool:
        return False

    @property
    def hears(self) -> bool:
        return self._hears

    def listen(self) -> None:
        """Follow what other replicas forget, on a thread of its own; after a lost connection forget everything."""
        if self._listening is None:
            self._listening = threading.Thread(target=self._listen_loop, name="listener", daemon=True)
            self._listening.start()

    def _listen_loop(self) -> None:
        import psycopg

        pause = threading.Event()
        while not self._closed:
            try:
                with psycopg.connect(self.url, autocommit=True, application_name="tenor", **_IMPATIENT) as own:
                    own.execute("LISTEN tenor_forget")
                    # In this order: what was found before we listened is not kept.
                    self.forget(FORGET_ALL)
                    self._hears = True
                    while not self._closed:
                        for notice in own.notifies(timeout=0.5):
                            self.forget(notice.payload)
            except psycopg.Error:
                self._hears = False
                self.forget(FORGET_ALL)
                pause.wait(0.5)
