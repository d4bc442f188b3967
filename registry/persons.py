"""Persons' keys: one version of a KEK's keys a person, so that destroying it makes one person's data unreadable.

A handle is 16 bytes that only clients can make of a person's id (HMAC with a pepper that the registry never sees).
Versions begin at 2^20, beyond what `latest` answers from; unmodified clients read them as versions of any subject.

    mint     handle → the next version, its key wrapped by a cell of the KEK (shared) or by the client
    erase    one transaction: the key is gone, a tombstone says who, when and why, the event is recorded
    replay   what a restored backup brought back is erased again, from the journal that lies outside the database

An erased handle stays erased until a mint says `renew` (new consent): then it gets another version.

What is not done: keys in warm caches of unmodified clients, in a PostgreSQL heap until VACUUM, and in backups younger
than the epoch keys (`registry.shredding`) are out of reach of an erasure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from registry.clock import now_ms
from registry.errors import InvalidKey, KeyNotFound, PersonErased
from registry.events import Actor, record
from registry.store.engine import Db
from registry.store.queries import deks, persons
from registry.store.queries.deks import Kek
from registry.store.queries.persons import Person, Tombstone

MOST: Final = 1000
"""Handles of one request."""
CELL: Final = 4096
"""Persons of one cell."""
LIVE, ERASED, UNKNOWN = "live", "erased", "unknown"
_LONGEST: Final = 1000
_RESTORE: Final = Actor("restore")


class AtRest(Protocol):
    """What persons' keys are sealed with in the database besides, if anything (`registry.shredding`)."""

    def current(self) -> str | None:
        """The epoch to seal in now, if any."""
        ...

    def seal(self, inner: bytes, epoch: str | None, place: bytes) -> bytes:
        """Sealed with the key of an epoch."""
        ...

    def open(self, sealed: bytes, epoch: str | None, place: bytes) -> bytes:
        """The inverse. Raises KmsFailed when the epoch's key is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Minting:
    """A key that waits for its version: `inner` is wrapped by a cell, or by the client."""

    handle: bytes
    algorithm: str
    inner: bytes
    commitment: bytes | None = None
    cell_pk: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a handle. `version` of an erased one is the last it had; `at` when it was made or erased."""

    handle: bytes
    state: str
    version: int | None = None
    at: int | None = None
    person: Person | None = None


def handle_named(text: str) -> bytes:
    """A handle of a request. Raises InvalidKey."""
    try:
        handle = bytes.fromhex(text)
    except ValueError:
        handle = b""
    if len(handle) != 16 or len(text) != 32:
        raise InvalidKey("A handle is 16 bytes, written as 32 hexadecimal digits")
    return handle


def place(person_kek: int, version: int, handle: bytes) -> bytes:
    """What the sealing at rest is bound to: a row's sealed key opens in no other row."""
    return b"tenor-person-1" + person_kek.to_bytes(8, "big") + version.to_bytes(4, "big") + handle


def resolve(db: Db, kek: Kek, handles: Sequence[bytes], versions: Sequence[int] = ()) -> list[Known]:
    """What is known of handles, then of versions, each once and in their order."""
    live = {each.handle: each for each in persons.by_handle(db, kek.pk, handles)} if handles else {}
    numbered = {each.version: each for each in persons.by_version(db, kek.pk, versions)} if versions else {}
    stones = persons.erased(db, kek.name, handles, versions)
    gone = {stone.handle: stone for stone in stones}
    gone_numbers = {stone.version: stone for stone in stones}
    known = [_known(handle, live.get(handle), gone.get(handle)) for handle in dict.fromkeys(handles)]
    for version in dict.fromkeys(versions):
        person, stone = numbered.get(version), gone_numbers.get(version)
        found = person or stone
        known.append(Known(b"", UNKNOWN, version) if found is None else _known(found.handle, person, stone))
    return known


def _known(handle: bytes, person: Person | None, stone: Tombstone | None) -> Known:
    if person is not None:
        return Known(handle, LIVE, person.version, person.created_at, person)
    if stone is not None:
        return Known(handle, ERASED, stone.version, stone.erased_at)
    return Known(handle, UNKNOWN)


def mint(db: Db, actor: Actor, kek: Kek, minting: Sequence[Minting], at_rest: AtRest, *, renew: bool = False) -> int:
    """Give handles that have no live key the next versions; how many. Those that got one meanwhile keep it.

    Raises PersonErased for an erased handle unless `renew`.
    """
    handles = [each.handle for each in minting]
    state = {known.handle: known.state for known in resolve(db, kek, handles)}
    wanted = [each for each in minting if state[each.handle] != LIVE]
    if not wanted:
        return 0
    if not renew and (erased := [each.handle for each in wanted if state[each.handle] == ERASED]):
        raise PersonErased(handle=erased[0].hex(), kek=kek.name)
    first, now = persons.take_numbers(db, kek.pk, len(wanted)), now_ms()
    if first + len(wanted) > 2**31:
        raise InvalidKey("The KEK has no number left for another person")
    epoch = at_rest.current()
    made = []
    for version, each in enumerate(wanted, first):
        material = at_rest.seal(each.inner, epoch, place(kek.pk, version, each.handle))
        made.append(
            Person(
                kek.pk,
                version,
                each.handle,
                each.algorithm,
                material,
                each.commitment,
                each.cell_pk,
                epoch,
                now,
            )
        )
    persons.insert(db, made)
    for cell in {each.cell_pk for each in wanted} - {None}:
        persons.fill_cell(db, int(cell or 0), sum(each.cell_pk == cell for each in wanted))
    again = [each.handle.hex() for each in wanted if state[each.handle] == ERASED]
    record(
        db, actor, "mint", f"kek:{kek.name}", first=first, count=len(wanted), **({"renewed": again} if again else {})
    )
    return len(wanted)


def inner(person: Person, at_rest: AtRest) -> bytes:
    """A person's key as its cell or client wrapped it."""
    return at_rest.open(person.material, person.epoch, place(person.kek_pk, person.version, person.handle))


def erase(db: Db, actor: Actor, kek: Kek, handle: bytes, legal_basis: str, request_id: str | None = None) -> Tombstone:
    """Destroy a person's key; one that is erased already is told as it was. Raises KeyNotFound, InvalidKey."""
    if not legal_basis.strip() or len(legal_basis) > _LONGEST or len(request_id or "") > _LONGEST:
        raise InvalidKey(f"An erasure says its legal basis, in at most {_LONGEST} characters")
    live = persons.by_handle(db, kek.pk, [handle])
    if not live:
        if stones := persons.erased(db, kek.name, [handle]):
            return stones[-1]
        raise KeyNotFound(key=handle.hex())
    stone = Tombstone(0, kek.name, handle, live[0].version, now_ms(), actor.name, legal_basis, request_id)
    _bury(db, actor, kek.pk, stone)
    return persons.erased(db, kek.name, [handle])[-1]


def _bury(db: Db, actor: Actor, kek_pk: int | None, stone: Tombstone, **more: bool) -> None:
    if kek_pk is not None:
        persons.delete(db, kek_pk, stone.version)
    persons.insert_tombstone(db, stone)
    record(
        db,
        actor,
        "erase",
        f"person:{stone.handle.hex()}",
        kek=stone.kek,
        version=stone.version,
        legal_basis=stone.legal_basis,
        request_id=stone.request_id,
        **more,
    )


def revocations(db: Db, after: int, limit: int) -> list[Tombstone]:
    """Erasures after a sequence number."""
    return persons.tombstones(db, after, limit)


def replay(db: Db, stones: Sequence[Tombstone]) -> int:
    """Erase again what a restored database does not know to be erased; how many there were.

    A KEK's numbers go on after those of the journal, so that no new person gets one that was erased.
    """
    buried = 0
    for stone in stones:
        if persons.erased(db, stone.kek, versions=[stone.version]):
            continue
        kek = deks.kek(db, stone.kek)
        _bury(db, _RESTORE, None if kek is None else kek.pk, stone, replayed=True)
        if kek is not None:
            persons.numbers_from(db, kek.pk, stone.version)
        buried += 1
    return buried
