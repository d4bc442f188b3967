"""Transactions over one database, whatever the engine: readers, and the one writer that commits jobs together."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from registry.errors import Busy, RegistryError
from registry.store.transaction import Db, Handle, Heavy, Joint, Moved, Settled

T = TypeVar("T")
P = TypeVar("P")
D = TypeVar("D")

BATCH = 64
QUEUE = 2048
FORGET_ALL = "*"


@dataclass(slots=True)
class Job:
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
        self._jobs: queue.Queue[Job | None] = queue.Queue(QUEUE)
        self._local = threading.local()
        self._opened: list[Handle] = []
        self._opened_lock = threading.Lock()
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="reader")
        self._writer: threading.Thread | None = None
        self._writer_lock = threading.Lock()
        self._closed = False

    # What the two engines do differently.

    def _connect(self) -> Handle:
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

    def _queue(self, job: Job) -> None:
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
        self._queue(Job(job, dry_run, answer=answer))
        return answer

    def write_now(self, job: Callable[[Db], T], *, dry_run: bool = False) -> T:
        """Run a writing job and wait on this thread."""
        return self.submit(job, dry_run=dry_run).result()

    async def write(self, job: Callable[[Db], T], *, dry_run: bool = False) -> T:
        """Run a writing job and wait without blocking the loop. A caller that goes away does not undo it."""
        answer: T = await self._written(Job(job, dry_run))
        return answer

    async def _written(self, job: Job) -> Any:
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

    def _job(self, write: Callable[[Db, P], T] | Joint, decision: P, *, dry_run: bool) -> Job:
        joint: Any = write if self.dialect == "postgresql" and not dry_run and hasattr(write, "together") else None
        together = (joint, decision) if joint is not None and joint.joins(decision) else None
        return Job(lambda db: write(db, decision), dry_run, joint=together)

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

    def _commit(self, jobs: list[Job]) -> None:
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

    def _commit_together(self, jobs: list[Job]) -> list[Any]:
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

    def _run_group(self, db: Any, jobs: list[Job]) -> list[Any]:
        joints = [job.joint for job in jobs if job.joint is not None]
        if len(joints) > 1:
            return joints[0][0].together(db, joints)
        return [self._run(db, job) for job in jobs]

    @staticmethod
    def _run(db: Any, job: Job) -> Any:
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
