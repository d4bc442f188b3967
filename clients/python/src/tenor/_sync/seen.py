# Generated from src/tenor/_async/seen.py by generate_sync.py: change that file, not this one.

"""Stores that remember which events were handled, so that each is handled once. Synchronous.

A store runs the work for an event that is new, and tells whether it did. While somebody else is at the same event
it raises RecordBusy; when it fails itself, StoreFailed. Whatever the work raises leaves the event as new as it was.

    SeenInMemory   one process; forgets when it ends
    SeenInSql      a table beside the handler's own: marked and handled in one transaction, exactly once
    SeenInRedis    shared; the mark follows the work, so a crash between both means a repetition, never a loss
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, Final, Protocol

from tenor._sync.concurrency import settled
from tenor.cache import Cache
from tenor.errors import RecordBusy, StoreFailed

Work = Callable[[Any], Any]
"""What to do for a new event; it is given the store's transaction, or None."""


class Seen(Protocol):
    """A store of handled events."""

    transactional: bool
    """Whether handlers get the store's connection as a second argument; also for events without an identity, if the
    store has `unmarked`."""

    def once(self, consumer: str, identity: str, work: Work) -> bool:
        """Do the work if the event is new to this consumer; False if it was handled before."""
        ...


class SeenInMemory:
    """Remembers the last `size` events of each consumer, for `ttl` seconds, within this process."""

    transactional = False

    def __init__(self, size: int = 100_000, ttl: float = 7 * 86400.0) -> None:
        self._ttl = ttl
        self._handled: Cache[bool] = Cache(size)
        self._busy: set[tuple[str, str]] = set()
        self._lock = Lock()

    def once(self, consumer: str, identity: str, work: Work) -> bool:
        key = (consumer, identity)
        with self._lock:
            if self._handled.get(key):
                return False
            if key in self._busy:
                raise RecordBusy(id=identity)
            self._busy.add(key)
        try:
            work(None)
            self._handled.put(key, True, self._ttl)
        finally:
            with self._lock:
                self._busy.discard(key)
        return True


class SeenInSql:
    """Remembers events in a table of the handler's own database, in the transaction that the handler writes in.

    `connect` gives a connection (DB-API: sqlite3, psycopg; or an synchronous one), `release` takes it back and
    closes it unless you say otherwise: `connect=pool.getconn, release=pool.putconn`. The handler gets the connection
    and must neither commit nor roll back. `paramstyle` is `qmark` (sqlite3) or `format` (psycopg). SQLite and
    PostgreSQL; others need an INSERT … ON CONFLICT DO NOTHING.
    """

    transactional = True

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        release: Callable[[Any], Any] | None = None,
        table: str = "tenor_seen",
        paramstyle: str = "qmark",
    ) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", table):
            raise ValueError(f"'{table}' is not the name of a table")
        try:
            mark = {"qmark": "?", "format": "%s", "pyformat": "%s"}[paramstyle]
        except KeyError:
            raise ValueError(f"paramstyle is qmark or format, not {paramstyle}") from None
        self._connect, self._release = connect, release
        self._create = (
            f"CREATE TABLE IF NOT EXISTS {table} (consumer TEXT NOT NULL, event TEXT NOT NULL,"
            " seen_at BIGINT NOT NULL, PRIMARY KEY (consumer, event))"
        )
        # The name was checked above, all values are parameters.
        self._insert = (
            f"INSERT INTO {table} (consumer, event, seen_at) VALUES ({mark}, {mark}, {mark}) ON CONFLICT DO NOTHING"  # noqa: S608
        )
        self._delete = f"DELETE FROM {table} WHERE seen_at < {mark}"  # noqa: S608 # likewise

    def create(self) -> None:
        """Create the table, if it is not there. Raises StoreFailed."""
        self._alone(self._create, ())

    def forget(self, older_than: float = 7 * 86400.0) -> None:
        """Forget events handled more than so many seconds ago. Raises StoreFailed."""
        self._alone(self._delete, (int(time.time() - older_than),))

    def once(self, consumer: str, identity: str, work: Work) -> bool:
        connection = self._connected()
        try:
            try:
                found = self._execute(connection, self._insert, (consumer, identity, int(time.time())))
            except Exception as error:
                self._rolled_back(connection)
                raise StoreFailed(reason=type(error).__name__) from error
            if found == 0:
                self._rolled_back(connection)
                return False
            self._worked(connection, work)
            return True
        finally:
            self._give_back(connection)

    def unmarked(self, work: Work) -> None:
        """Do the work in a transaction, for an event that nothing tells from others, so that nothing is remembered."""
        connection = self._connected()
        try:
            self._worked(connection, work)
        finally:
            self._give_back(connection)

    def _worked(self, connection: Any, work: Work) -> None:
        try:
            work(connection)
        except BaseException:
            self._rolled_back(connection)
            raise
        self._committed(connection)

    def _alone(self, statement: str, values: tuple[Any, ...]) -> None:
        connection = self._connected()
        try:
            self._execute(connection, statement, values)
            self._committed(connection)
        except StoreFailed:
            raise
        except Exception as error:
            self._rolled_back(connection)
            raise StoreFailed(reason=type(error).__name__) from error
        finally:
            self._give_back(connection)

    def _connected(self) -> Any:
        try:
            connection = settled(self._connect())
        except Exception as error:
            raise StoreFailed(reason=f"no connection ({type(error).__name__})") from error
        if _commits_by_itself(connection):
            self._give_back(connection)
            raise ValueError("the connection commits by itself: the mark and the handler's work need one transaction")
        return connection

    def _execute(self, connection: Any, statement: str, values: tuple[Any, ...]) -> int:
        cursor = settled(connection.cursor())
        try:
            settled(cursor.execute(statement, values))
            return int(cursor.rowcount)
        finally:
            settled(cursor.close())

    def _committed(self, connection: Any) -> None:
        try:
            settled(connection.commit())
        except Exception as error:
            self._rolled_back(connection)
            raise StoreFailed(reason=f"the commit failed ({type(error).__name__})") from error

    def _rolled_back(self, connection: Any) -> None:
        with suppress(Exception):  # a connection that is gone has rolled back, and the first error says more
            settled(connection.rollback())

    def _give_back(self, connection: Any) -> None:
        settled(connection.close() if self._release is None else self._release(connection))


def _commits_by_itself(connection: Any) -> bool:
    autocommit = getattr(connection, "autocommit", _LEGACY)
    # sqlite3 says it by its isolation level; psycopg has one as well, where None means the server's.
    return autocommit is True or (autocommit == _LEGACY and getattr(connection, "isolation_level", "") is None)


_LEGACY: Final = -1
"""sqlite3's own word for how it always did transactions; before Python 3.12 it had none."""

# Deletes a claim only if it is still ours: another may have taken it over after the lease.
_RELEASE: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
_DONE: Final = b"handled"


class SeenInRedis:
    """Remembers events in Redis for `ttl` seconds. `client` is redis-py's, of the kind that fits the consumer.

    An event is claimed first, for `lease` seconds, so that two consumers do not handle it at once; let it be longer
    than the slowest handler. A consumer that dies leaves its claim behind until then.
    """

    transactional = False

    def __init__(self, client: Any, *, ttl: float = 7 * 86400.0, lease: float = 300.0, prefix: str = "tenor:seen:"):
        self._client, self._prefix = client, prefix
        self._ttl, self._lease = int(ttl * 1000), int(lease * 1000)

    def once(self, consumer: str, identity: str, work: Work) -> bool:
        key, claim = f"{self._prefix}{len(consumer)}:{consumer}:{identity}", uuid.uuid4().hex.encode()
        if not self._asked(self._client.set, key, claim, nx=True, px=self._lease):
            held = self._asked(self._client.get, key)
            if held in (_DONE, _DONE.decode()):
                return False
            raise RecordBusy(id=identity)
        try:
            work(None)
        except BaseException:
            with suppress(StoreFailed):  # the claim ends with its lease
                self._asked(self._client.eval, _RELEASE, 1, key, claim)
            raise
        with suppress(StoreFailed):  # handled it is: to handle it again now would be the certain repetition
            self._asked(self._client.set, key, _DONE, px=self._ttl)
        return True

    def _asked(self, command: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return settled(command(*arguments, **options))
        except Exception as error:
            raise StoreFailed(reason=f"Redis: {type(error).__name__}") from error
