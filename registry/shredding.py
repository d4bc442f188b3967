"""What makes an erasure hold against old backups: epoch keys and a journal, in a folder outside the database.

    2026-11.epoch      the key that persons' keys are sealed with besides, this month; replaced and then destroyed
    journal.jsonl      every erasure, a line each; a database that does not know one is told at the next start

`TENOR_SHRED_FOLDER` names the folder; every replica sees the same one, and backups must not hold it. A month's key is
destroyed `TENOR_SHRED_DAYS` after the next month's came, once no live key is sealed with it. From then on no older
backup holds a readable key of anybody, erased or not: that is the price, and the bound of an erasure is a month and
those days. Without the folder keys are stored as they were wrapped, and only the journal of the database itself says
who is erased.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from registry.clock import now_ms
from registry.errors import KmsFailed
from registry.events import Actor, record
from registry.persons import place
from registry.store.engine import Db
from registry.store.queries import persons
from registry.store.queries.persons import Tombstone
from tenor.errors import AuthenticationFailed
from tenor.keys import algorithms

_NAME: Final = re.compile(r"(\d{4}-\d{2})\.epoch")
_BATCH: Final = 500
_SERVER: Final = Actor("tenor-server")
_DAY: Final = 86_400_000


class Bare:
    """Nothing besides: keys lie in the database as they were wrapped."""

    def current(self) -> str | None:
        return None

    def seal(self, inner: bytes, epoch: str | None, place: bytes) -> bytes:
        return inner

    def open(self, sealed: bytes, epoch: str | None, place: bytes) -> bytes:
        if epoch is not None:
            raise KmsFailed(action="open a person's key", reason=f"the key of epoch {epoch} is not here")
        return sealed


class _EpochFile(msgspec.Struct):
    key: str
    created: int


class Epochs:
    """The epoch keys of a folder."""

    def __init__(self, folder: Path, *, days: int) -> None:
        self.folder = folder
        self.days = days
        self._ciphers: dict[str, algorithms.Cipher] = {}

    def names(self) -> list[str]:
        """The epochs whose keys are there, oldest first."""
        return sorted(found[1] for each in os.listdir(self.folder) if (found := _NAME.fullmatch(each)))

    def current(self) -> str:
        """This month's epoch, or a later one that is there already; its key is made with the first look."""
        month = datetime.fromtimestamp(now_ms() / 1000, UTC).strftime("%Y-%m")
        newest = max([*self.names(), month])
        path = self._path(newest)
        if not path.exists():
            content = msgspec.json.encode(_EpochFile(base64.b64encode(os.urandom(32)).decode(), now_ms()))
            # Whole or not at all: another replica may look at the same moment, and the first one to link wins.
            draft = self.folder / f".{newest}.{os.getpid()}.{os.urandom(4).hex()}"
            _write(draft, content)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
            _synced(self.folder)
        return newest

    def seal(self, inner: bytes, epoch: str | None, place: bytes) -> bytes:
        return inner if epoch is None else self._cipher(epoch).seal(inner, place)

    def open(self, sealed: bytes, epoch: str | None, place: bytes) -> bytes:
        if epoch is None:
            return sealed
        try:
            return self._cipher(epoch).open(sealed, place)
        except AuthenticationFailed:
            raise KmsFailed(action="open a person's key", reason="what is stored was altered") from None

    def superseded(self) -> list[str]:
        """Epochs whose successor has been there for the days that keys are kept."""
        names = self.names()
        limit = now_ms() - self.days * _DAY
        return [name for name, after in pairwise(names) if self._read(after).created <= limit]

    def destroy(self, name: str) -> None:
        """Overwrite and remove a key. What a file system or a disk keeps of it is out of reach."""
        self._ciphers.pop(name, None)
        with contextlib.suppress(FileNotFoundError):
            path = self._path(name)
            with path.open("r+b") as file:  # in place, where the file system lets it
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            _synced(self.folder)

    def _cipher(self, name: str) -> algorithms.Cipher:
        if name not in self._ciphers:
            self._ciphers[name] = algorithms.cipher(algorithms.AES256_GCM, base64.b64decode(self._read(name).key))
        return self._ciphers[name]

    def _read(self, name: str) -> _EpochFile:
        try:
            return msgspec.json.decode(self._path(name).read_bytes(), type=_EpochFile)
        except (OSError, msgspec.MsgspecError):
            raise KmsFailed(action="open a person's key", reason=f"the key of epoch {name} is gone") from None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.epoch"


def reseal(db: Db, epochs: Epochs) -> int:
    """Seal some live keys of other epochs with the current one's key; how many. Zero means that all are."""
    epoch = epochs.current()
    found = persons.of_other_epochs(db, epoch, _BATCH)
    changes = []
    for each in found:
        where = place(each.kek_pk, each.version, each.handle)
        material = epochs.seal(epochs.open(each.material, each.epoch, where), epoch, where)
        changes.append(
            {
                "kek_pk": each.kek_pk,
                "version": each.version,
                "old": each.material,
                "material": material,
                "epoch": epoch,
            }
        )
    if changes:
        persons.reseal(db, changes)
    return len(changes)


def destroy_superseded(db: Db, epochs: Epochs) -> list[str]:
    """Destroy the keys of epochs that are over and that no live key is sealed with; which.

    Runs under the write lock, as minting does, which looks up the current epoch there: none is used after this.
    """
    used = persons.epochs(db)
    gone = [name for name in epochs.superseded() if name not in used]
    for name in gone:
        epochs.destroy(name)
        record(db, _SERVER, "destroy", f"epoch:{name}")
    return gone


class Journal:
    """Every erasure, outside the database. Several processes may append; one that is there twice is told once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[tuple[str, int]] | None = None

    def read(self) -> list[Tombstone]:
        """All of it. A last line that was cut off by a crash is no erasure: its transaction is told again."""
        try:
            stones = list(_stones(self.path.read_bytes().split(b"\n")))
        except FileNotFoundError:
            stones = []
        self._known = {(stone.kek, stone.version) for stone in stones}
        return stones

    def add(self, stones: Sequence[Tombstone]) -> None:
        """Append what is not there, and wait until the disk has it."""
        if self._known is None:
            self.read()
        known = self._known or set()
        fresh = [stone for stone in stones if (stone.kek, stone.version) not in known]
        if not fresh:
            return
        lines = [msgspec.json.encode({**asdict(stone), "handle": stone.handle.hex()}) + b"\n" for stone in fresh]
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                lines.insert(0, b"\n")  # a crash cut the line before
            file.write(b"".join(lines))
            file.flush()
            os.fsync(descriptor)
        _synced(self.path.parent)
        known.update((stone.kek, stone.version) for stone in fresh)


class _Line(msgspec.Struct):
    kek: str
    handle: str
    version: int
    erased_at: int
    who: str
    legal_basis: str
    request_id: str | None = None


def _stones(lines: Sequence[bytes]) -> Iterator[Tombstone]:
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError, ValueError):
            read = msgspec.json.decode(line, type=_Line)
            yield Tombstone(
                0,
                read.kek,
                bytes.fromhex(read.handle),
                read.version,
                read.erased_at,
                read.who,
                read.legal_basis,
                read.request_id,
            )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
