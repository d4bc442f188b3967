"""The audit log that can be checked: signed checkpoints, a check of the whole, and what an export holds.

The log itself is `registry.events`; how it is chained and checked, `tenor.chain`, which clients share.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from registry.clock import now_ms
from registry.settings import InvalidSetting, Settings
from registry.store.engine import Db, SQLiteStore, Store
from registry.store.queries import audit as queries
from tenor.chain import Checkpoint, Report, Sealed, ed25519, key_id, verify

EVERY_EVENTS: Final = 1000
EVERY_MS: Final = 600_000
_PAGE = 1000
_MOST_UNSEALED = 100_000


@dataclass(frozen=True)
class Signer:
    """Signs checkpoints with an Ed25519 seed; `retired` are public keys of seeds before."""

    seed: bytes
    retired: tuple[bytes, ...] = ()

    @cached_property
    def public(self) -> bytes:
        """The public key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def keys(self) -> Mapping[str, bytes]:
        """Public keys by id: whose signatures count."""
        return {key_id(public): public for public in (self.public, *self.retired)}

    def checkpoint(self, sequence: int, hash: bytes, at: int) -> Checkpoint:
        """A signed checkpoint."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        plain = Checkpoint(sequence, hash, at, key_id(self.public), b"")
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(plain.signed())
        return Checkpoint(sequence, hash, at, plain.key_id, signature)


def signer(settings: Settings, store: Store) -> Signer | None:
    """The signer that is set, or for SQLite the one in a file beside the database; None: checkpoints are not made.

    Raises InvalidSetting.
    """
    if settings.audit_key:
        return _read(settings.audit_key, "TENOR_AUDIT_KEY")
    if isinstance(store, SQLiteStore):
        path = Path(store.path)
        return _read(_beside(path.with_name(f"{path.name}.audit-key")), "the audit key beside the database")
    return None


def _read(text: str, what: str) -> Signer:
    """A seed, and after commas the public keys of retired ones; 64 hex digits each."""
    try:
        first, *retired = (bytes.fromhex(part.strip()) for part in text.split(","))
    except ValueError:
        first, retired = b"", []
    if any(len(each) != 32 for each in (first, *retired)):
        raise InvalidSetting(f"{what} is 64 hex digits (then commas and public keys of 64 hex digits)")
    return Signer(first, tuple(retired))


def _beside(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    seed = os.urandom(32).hex()
    with os.fdopen(descriptor, "w") as file:
        file.write(seed + "\n")
    return seed


def due(db: Db) -> bool:
    """Whether a checkpoint should be made: after so many events, or so long after the first one that has none."""
    last = queries.last_sealed(db)
    if last is None:
        return False
    sequence, at = queries.last_checkpoint(db)
    return last[0] - sequence >= EVERY_EVENTS or (last[0] > sequence and now_ms() - at >= EVERY_MS)


def make_checkpoint(db: Db, signer: Signer) -> Checkpoint | None:
    """Sign the newest sealed event, unless that was done. A writing job."""
    last = queries.last_sealed(db)
    if last is None or queries.last_checkpoint(db)[0] == last[0]:
        return None
    made = signer.checkpoint(*last, now_ms())
    queries.insert_checkpoint(db, made)
    return made


def _whole(db: Db) -> Iterator[Sealed]:
    after = 0
    while page := queries.sealed(db, after, _PAGE):
        yield from page
        after = page[-1].sequence or after
    yield from queries.unsealed(db, _MOST_UNSEALED)


def check(db: Db, signer: Signer | None) -> Report:
    """Check the whole log and its checkpoints; without a signer their signatures are not looked at."""
    marks = queries.checkpoints(db, 0, 2**62)
    return verify(_whole(db), marks, None if signer is None else signer.keys, holds=ed25519)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the log with its checkpoints. `next` None: it is the last part, with what is not sealed yet."""

    events: list[Sealed]
    checkpoints: list[Checkpoint]
    next: int | None


def part(db: Db, after: int, limit: int) -> Part:
    """The events after a number."""
    events = queries.sealed(db, after, limit)
    last = events[-1].sequence or after if events else after
    if len(events) == limit:
        return Part(events, queries.checkpoints(db, after, last), last)
    # Checkpoints past the last event are told too: they show that events are gone.
    return Part(events + queries.unsealed(db, limit), queries.checkpoints(db, after, 2**62), None)
