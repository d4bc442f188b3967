"""The store: where statements run. What differs between SQLite and PostgreSQL is in this module only.

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

import asyncio
import contextlib
import queue
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from registry.errors import Busy, InvalidRequest, RegistryError, StoreFailed

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
P = TypeVar("P")
D = TypeVar("D")
Row = tuple[Any, ...]

BATCH = 64
QUEUE = 2048
FORGET_ALL = "*"
# Any 63-bit number will do, as long as every replica and the migrations use the same one.
WRITE_LOCK = 0x74656E6F72

_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")


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


class _SQLite:
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


@lru_cache(1024)
def _for_psycopg(sql: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


class _PostgreSQL:
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


@dataclass(slots=True)
class _Job:
    """A writing job and whoever waits for it: a thread (`answer`), or a task on an event loop (`waiter`)."""

    run: Callable[[Db], Any]
    rolled_back: bool
    answer: Future[Any] | None = None
    waiter: asyncio.Future[Any] | None = None
    joint: tuple[Joint, Any] | None = None

    @property
    def wanted(self) -> bool:
        """Whether to run it: a thread may have given up before it began; a task that goes away does not undo it."""
        return self.answer is None or self.answer.set_running_or_notify_cancel()

    @property
    def kind(self) -> type[Joint] | None:
        """What jobs can be written together with."""
        return None if self.joint is None else type(self.joint[0])


def _settle(answer: Future[Any] | asyncio.Future[Any], outcome: Any) -> None:
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def _settle_all(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for waiter, outcome in answers:
        _settle(waiter, outcome)


class _Poisoned(Exception):  # a job wrote and failed: the batch must be taken apart
    pass


class Store:
    """Transactions over one database. Create with `open_store(url)`; `close()` when done."""

    dialect: str

    def __init__(self, url: str, *, readers: int) -> None:
        self.url = url
        self.epoch = 0
        """Moves after every commit of this process, before the writer is answered."""
        self._listeners: list[Callable[[str], None]] = []
        self._jobs: queue.Queue[_Job | None] = queue.Queue(QUEUE)
        self._local = threading.local()
        self._opened: list[_SQLite | _PostgreSQL] = []
        self._opened_lock = threading.Lock()
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="reader")
        self._writer: threading.Thread | None = None
        self._writer_lock = threading.Lock()
        self._closed = False

    # What the two engines do differently.

    def _connect(self) -> _SQLite | _PostgreSQL:
        raise NotImplementedError

    def _begin(self, db: Any, *, writing: bool) -> None:
        raise NotImplementedError

    def _failure(self, error: Exception) -> RegistryError | None:
        """The domain error behind a driver's error, or None when it is not one."""
        raise NotImplementedError

    @property
    def cacheable(self) -> bool:
        """Whether answers that change may be cached until `epoch` moves: only when no other process writes."""
        raise NotImplementedError

    @property
    def hears(self) -> bool:
        """Whether this process is told what other replicas forget; without, nothing may be cached."""
        return True

    # Reading.

    def read_now(self, job: Callable[[Db], T], *, snapshot: bool = True) -> T:
        """Run a reading job on this thread; once more when the connection turns out to be gone."""
        for attempt in (1, 2):
            db = None
            try:
                db = self._own()
                return self._snapshot(db, job) if snapshot and self.dialect == "sqlite" else job(db)
            except RegistryError:
                raise
            except Exception as error:
                failure = self._failure(error)
                if failure is None:
                    raise
                if attempt == 1 and db is not None and self._lost(db):
                    continue
                raise failure from error
        raise AssertionError("unreachable")  # pragma: no cover

    @staticmethod
    def _snapshot(db: Any, job: Callable[[Db], T]) -> T:
        """One state of the database for all statements of a job (SQLite; PostgreSQL reads statement by statement)."""
        db.connection.execute("BEGIN")
        try:
            return job(db)
        finally:
            db.connection.execute("COMMIT")

    async def read(self, job: Callable[[Db], T], *, heavy: bool = False) -> T:
        """Run a reading job where it belongs. `heavy` says that it looks at more than a few rows or computes."""
        if self.dialect == "sqlite" and not heavy:
            return self.read_now(job, snapshot=False)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, job)

    def _own(self) -> Any:
        db = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = self._connect()
            with self._opened_lock:
                self._opened.append(db)
        return db

    def _lost(self, db: Any) -> bool:
        """Whether the connection is gone; the next use opens another."""
        if self.dialect == "postgresql" and db.connection.broken:
            self._local.db = None
            with self._opened_lock:
                if db in self._opened:
                    self._opened.remove(db)
            return True
        return False

    # Writing.

    def _queue(self, job: _Job) -> None:
        if self._closed:
            raise Busy(reason="the server is stopping")
        if self._writer is None:
            self._start_writer()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise Busy(reason=f"{QUEUE} writes are waiting") from None

    def submit(self, job: Callable[[Db], T], *, dry_run: bool = False) -> Future[T]:
        """Queue a writing job. `dry_run` runs it and rolls it back. Raises Busy when too many wait."""
        answer: Future[T] = Future()
        self._queue(_Job(job, dry_run, answer=answer))
        return answer

    def write_now(self, job: Callable[[Db], T], *, dry_run: bool = False) -> T:
        """Run a writing job and wait on this thread."""
        return self.submit(job, dry_run=dry_run).result()

    async def write(self, job: Callable[[Db], T], *, dry_run: bool = False) -> T:
        """Run a writing job and wait without blocking the loop. A caller that goes away does not undo it."""
        answer: T = await self._written(_Job(job, dry_run))
        return answer

    async def _written(self, job: _Job) -> Any:
        waiter = job.waiter = asyncio.get_running_loop().create_future()
        # Seen by somebody, even when the caller is gone by then.
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._queue(job)
        return await asyncio.shield(waiter)

    async def decide_and_write(
        self,
        decide: Callable[[Db], P | Settled[T]],
        write: Callable[[Db, P], T] | Joint,
        *,
        dry_run: bool = False,
        light: Callable[[Db], P | Settled[T]] | None = None,
    ) -> T:
        """Decide outside the write lock, compare and write inside; decide again when something moved.

        `decide` reads and computes, and may find that nothing is to be written; `write` raises Moved when what the
        decision rests on has changed. After the second time the decision is made inside too: what it parses was parsed
        by then, and of many writers to one subject each gets its turn. `light` is tried first on the event loop, where
        reading is cheap there; it raises Heavy when that is not the place for it. A `write` that is a Joint is done for
        many callers at once.
        """
        for attempt in (1, 2):
            decision = await self._decided(decide, light if attempt == 1 else None)
            if isinstance(decision, Settled):
                return decision.answer
            try:
                answer: T = await self._written(self._job(write, decision, dry_run=dry_run))
                return answer
            except Moved:
                continue

        def at_once(db: Db) -> T:
            decision = decide(db)
            return decision.answer if isinstance(decision, Settled) else write(db, decision)

        try:
            return await self.write(at_once, dry_run=dry_run)
        except Moved:
            raise Busy(reason="the decision does not hold while it is made") from None

    def _job(self, write: Callable[[Db, P], T] | Joint, decision: P, *, dry_run: bool) -> _Job:
        joint: Any = write if self.dialect == "postgresql" and not dry_run and hasattr(write, "together") else None
        together = (joint, decision) if joint is not None and joint.joins(decision) else None
        return _Job(lambda db: write(db, decision), dry_run, joint=together)

    async def _decided(self, decide: Callable[[Db], D], light: Callable[[Db], D] | None) -> D:
        if light is not None and self.dialect == "sqlite":
            with contextlib.suppress(Heavy):
                return self.read_now(light)
        return await self.read(decide, heavy=True)

    def _start_writer(self) -> None:
        with self._writer_lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_loop, name="writer", daemon=True)
                self._writer.start()

    def _write_loop(self) -> None:
        while True:
            first = self._jobs.get()
            batch = [first]
            while len(batch) < BATCH and not self._jobs.empty():
                batch.append(self._jobs.get_nowait())
            jobs = [job for job in batch if job is not None and job.wanted]
            if jobs:
                self._commit(jobs)
            if None in batch:
                return

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            outcomes = self._commit_together(jobs)
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._commit([job])
                return
            cause = error.__cause__ if isinstance(error, _Poisoned) and error.__cause__ else error
            outcomes = [self._failure(cause) or cause if isinstance(cause, Exception) else cause]
        # One call wakes a loop for the whole batch: each call costs a write to its pipe.
        waiting: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.answer is not None:
                _settle(job.answer, outcome)
            elif job.waiter is not None:
                waiting.setdefault(job.waiter.get_loop(), []).append((job.waiter, outcome))
        for loop, answers in waiting.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle_all, answers)

    def _commit_together(self, jobs: list[_Job]) -> list[Any]:
        db = self._own()
        try:
            self._begin(db, writing=True)
        except Exception:
            if not self._lost(db):
                raise
            db = self._own()
            self._begin(db, writing=True)
        db.forgotten = set()
        outcomes: list[Any] = []
        try:
            for _, group in groupby(jobs, lambda job: job.kind):
                outcomes += self._run_group(db, list(group))
            db.connection.execute("COMMIT")
        except BaseException:
            if not self._lost(db):
                db.connection.execute("ROLLBACK")
            raise
        self.epoch += 1
        for tag in db.forgotten:
            self.forget(tag)
        return outcomes

    def _run_group(self, db: Any, jobs: list[_Job]) -> list[Any]:
        joints = [job.joint for job in jobs if job.joint is not None]
        if len(joints) > 1:
            return joints[0][0].together(db, joints)
        return [self._run(db, job) for job in jobs]

    @staticmethod
    def _run(db: Any, job: _Job) -> Any:
        db.wrote = False
        if job.rolled_back:
            forgotten = set(db.forgotten)
            db.connection.execute("SAVEPOINT dry_run")
            try:
                return job.run(db)
            except (RegistryError, Moved) as error:
                return error
            finally:
                db.connection.execute("ROLLBACK TO SAVEPOINT dry_run")
                db.connection.execute("RELEASE SAVEPOINT dry_run")
                db.forgotten = forgotten
        try:
            return job.run(db)
        except (RegistryError, Moved) as error:
            if db.wrote:
                raise _Poisoned from error
            return error

    def require_alone(self) -> None:
        """Raises Busy when another process has the database open and would not learn of what is written here."""

    # Forgetting cached answers.

    def on_forget(self, listener: Callable[[str], None]) -> None:
        """Call `listener(tag)` whenever answers with a tag must be dropped; FORGET_ALL means everything."""
        self._listeners.append(listener)

    def forget(self, tag: str) -> None:
        """Tell this process's listeners."""
        for listener in self._listeners:
            listener(tag)

    # Housekeeping.

    def ping(self) -> None:
        """Raises Unavailable when the database does not answer."""
        self.read_now(lambda db: db.one("SELECT 1"))

    def close(self) -> None:
        """Finish waiting writes and close every connection."""
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join(30)
        self._readers.shutdown(wait=True)
        with self._opened_lock:
            for db in self._opened:
                db.connection.close()
            self._opened.clear()


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

    def _connect(self) -> _SQLite:
        try:
            connection = sqlite3.connect(
                self.path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=512
            )
        except sqlite3.OperationalError as error:
            raise StoreFailed(reason=f"{error}: {self.path}") from error
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32768", "temp_store=2"):
            connection.execute(f"PRAGMA {pragma}")
        return _SQLite(connection)

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

    def _begin(self, db: _SQLite, *, writing: bool) -> None:
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


# A connection whose other end is gone says so within seconds.
_IMPATIENT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class PostgreSQLStore(Store):
    """Any number of stateless replicas on one PostgreSQL."""

    dialect = "postgresql"

    def __init__(self, url: str, *, readers: int = 16) -> None:
        super().__init__(url, readers=readers)
        self._listening: threading.Thread | None = None
        self._hears = False

    def _connect(self) -> _PostgreSQL:
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
        return _PostgreSQL(connection)

    def _begin(self, db: _PostgreSQL, *, writing: bool) -> None:
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
