"""Back up and restore a database that is one file, while a server works on it.

A backup is an SQLite file of its own, whole as of one moment, checked before it is called one: pages, invariants, and
the chain of events. PostgreSQL brings tools of its own for this (`deploy/README.md`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from registry.doctor import examine
from registry.events import GENESIS
from registry.store.engine import SQLiteStore
from registry.store.migrations import HEAD, current


class Unusable(Exception):
    """What cannot be backed up or restored, in a sentence with the way out."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: the event it ends with (`sequence`, `chain` = its hash) and what is not chained yet."""

    path: str
    bytes: int
    sha256: str
    revision: str
    subjects: int
    versions: int
    sequence: int
    chain: str
    unsealed: int


def back_up(database: Path, target: Path) -> Backup:
    """Copy a database that may be in use into a new file. Raises Unusable; leaves no half file behind."""
    if not database.is_file():
        raise Unusable(f"there is no database {database}")
    if target.exists():
        raise Unusable(f"{target} is there already: name a new file")
    if not target.parent.is_dir():
        raise Unusable(f"there is no folder {target.parent}")
    with _partial(target) as partial:
        _copy(database, partial)
        made = examined(partial)
        _publish(partial, target)
    return dataclasses.replace(made, path=str(target))


def restore(backup: Path, database: Path, *, replace: bool = False) -> tuple[Backup, Path | None]:
    """Make a backup the database. What was there is moved aside, and its new place returned; never deleted.

    Raises Unusable when the backup is not whole, when there is a database and `replace` was not said, and when a
    server has that one open.
    """
    if not backup.is_file():
        raise Unusable(f"there is no backup {backup}")
    if database.exists() and not replace:
        raise Unusable(f"{database} is there already: say --replace to move it aside")
    database.parent.mkdir(parents=True, exist_ok=True)
    with _partial(database) as partial:
        _copy(backup, partial)
        made = examined(partial)
        aside = None
        if database.exists():
            _closed(database)
            aside = _aside(database)
            os.replace(database, aside)
        _publish(partial, database)
    return dataclasses.replace(made, path=str(database)), aside


def examined(path: Path) -> Backup:
    """What a file holds, once nothing is wrong with it. Raises Unusable with the first thing that is."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            for (line,) in connection.execute("PRAGMA integrity_check(1)"):
                if line != "ok":
                    raise Unusable(f"{path.name} is damaged: {line}")
            for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check"):
                raise Unusable(f"{path.name} is damaged: a row of {table} points to nothing in {parent}")
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{path.name} is not an SQLite database: {error}") from None
    store = SQLiteStore(f"sqlite:///{path}")
    try:
        revision = current(store)
        if revision is None:
            raise Unusable(f"{path.name} is not a database of Tenor")
        if revision > HEAD:
            raise Unusable(f"{path.name} has revision {revision}, and this server knows {HEAD}: use a newer server")
        if revision == HEAD and (complaints := store.read_now(examine)):
            raise Unusable(f"{path.name} is not whole: {complaints[0]} ({len(complaints)} complaints)")
        counts = store.read_now(
            lambda db: [
                (db.one(question) or (0,))[0]
                for question in (
                    "SELECT count(*) FROM subject",
                    "SELECT count(*) FROM version",
                    "SELECT count(*) FROM event WHERE sequence IS NULL",
                )
            ]
        )
        last = store.read_now(
            lambda db: db.one("SELECT sequence, hash FROM event WHERE sequence IS NOT NULL ORDER BY sequence DESC")
        )
    finally:
        store.close()
    _alone(path)
    sequence, chain = (0, GENESIS) if last is None else (last[0], bytes(last[1]))
    subjects, versions, unsealed = counts
    return Backup(
        str(path), path.stat().st_size, _sha256(path), revision, subjects, versions, sequence, chain.hex(), unsealed
    )


def _copy(source: Path, target: Path) -> None:
    """One read transaction of the source, however long it takes: writers go on meanwhile, in the WAL."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            origin.backup(copy)
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{source} cannot be copied: {error}") from None


def _alone(path: Path) -> None:
    """One file again, without WAL beside it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _closed(database: Path) -> None:
    """Raises Unusable while another process has the database open: such a connection keeps its lock in WAL mode."""
    try:
        with closing(sqlite3.connect(database, timeout=0.2)) as connection:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        raise Unusable(f"a server has {database} open: stop it first") from None
    except sqlite3.DatabaseError:
        return  # not a database any more: reason enough to restore


def _aside(database: Path) -> Path:
    number = 1
    while (path := database.with_name(f"{database.name}.replaced-{number}")).exists():
        number += 1
    return path


def _publish(partial: Path, target: Path) -> None:
    """The file under its name, on the disk: a power cut leaves the whole of it or nothing."""
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    # Readable by its owner only, from the first byte on: there are wrapped keys and hashes of tokens in it.
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield partial
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            partial.with_name(partial.name + end).unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
