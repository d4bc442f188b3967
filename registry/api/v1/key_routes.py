"""`/keks…`: KEKs at a glance, rotation and rewrapping, and persons' keys: resolved, erased, revoked.

KEKs and DEKs themselves are created, read and deleted at `/dek-registry/v1`, where existing clients look for them.
"""

from __future__ import annotations

import base64
from typing import Annotated

from litestar.params import FromPath, JSONBody, QueryParameter

from registry import deks, errors, persons
from registry.api.v1 import key_wire as wire
from registry.api.v1 import render
from registry.api.v1.routes import Cursor, Limit, delete, get, post
from registry.deks import DekWish, Lease, Reserved
from registry.keyring import Resolved
from registry.persons import ERASED, LIVE, Known, Minting
from registry.security.access import Action, Needs
from registry.security.guard import actor_of, may, refusal
from registry.services import Call, services
from registry.store.engine import Db
from registry.store.queries import deks as queries
from registry.store.queries import persons as person_rows
from registry.store.queries.deks import Dek
from registry.store.queries.persons import Tombstone
from tenor.keys.algorithms import DEFAULT

LIST = Needs(Action.READ, "kek", filtered=True)
CONFIGURE = Needs(Action.CONFIGURE, "kek", "kek")
RELEASE = Needs(Action.RELEASE, "kek", "kek")
RESERVE = Needs(Action.WRITE, "dek", "subject")
"""Who may make keys may use them up."""
READ_PERSON = Needs(Action.READ, "person", "handle")
ERASE = Needs(Action.ERASE, "person", "handle")

_KMS = (errors.KmsDenied, errors.KmsFailed)
_MOST_REVOCATIONS = 1000


@get("/keks", LIST, summary="KEKs at a glance")
async def list_keks(
    request: Call,
    deleted: Annotated[bool, QueryParameter(name="deleted", description="soft-deleted ones too")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> wire.Keks:
    """By name, with how many keys each wraps."""
    actor = actor_of(request)

    def look(db: Db) -> tuple[list[wire.Kek], str | None]:
        names = [each for each in queries.kek_names(db, deleted=deleted) if each > (cursor or "")]
        seen = [each for each in names if may(actor, Action.READ, "kek", each)]
        page = [_kek(db, each) for each in seen[:limit]]
        return page, seen[limit - 1] if len(seen) > limit else None

    items, last = await services(request).read(look, heavy=True)
    return wire.Keks(items, last)


def _kek(db: Db, name: str) -> wire.Kek:
    kek = deks.kek(db, name, deleted=True)
    keys, people = queries.uses(db, kek.pk, deleted=True)
    return wire.Kek(kek.name, kek.kms_type, kek.kms_key_id, kek.shared, kek.doc, kek.deleted, keys, people)


@post("/keks/{kek:str}/rotate", CONFIGURE, errors.KeyNotFound, errors.InvalidKey, summary="Let a KEK use another key")
async def rotate_kek(request: Call, kek: FromPath[str], data: JSONBody[wire.Rotation]) -> wire.Kek:
    """A shared one; what the old key wrapped still opens, and is rewrapped by `rewrap`."""
    actor = actor_of(request)

    def job(db: Db) -> wire.Kek:
        return _kek(db, deks.move_kek(db, actor, kek, data.kms_key_id).name)

    return await services(request).write(job)


@post(
    "/keks/{kek:str}/rewrap",
    CONFIGURE,
    errors.KeyNotFound,
    errors.InvalidKey,
    *_KMS,
    summary="Rewrap what an older key wrapped",
)
async def rewrap_kek(request: Call, kek: FromPath[str], data: JSONBody[wire.RewrapRequest]) -> wire.RewrapProgress:
    """Some at a time, for a shared KEK: stopping and going on later loses nothing."""
    progress = await services(request).keyring.rewrap(actor_of(request), kek, data.before, data.limit, data.skip)
    return wire.RewrapProgress(progress.before, progress.done, list(progress.failed), progress.left)


@post(
    "/keks/{kek:str}/deks/{subject:str}/reservations",
    RESERVE,
    errors.KeyNotFound,
    errors.KeyExists,
    errors.TooManyKeys,
    errors.InvalidKey,
    errors.InvalidVersion,
    summary="Win the creation of a DEK",
)
async def reserve_dek(
    request: Call, kek: FromPath[str], subject: FromPath[str], data: JSONBody[wire.Reservation]
) -> wire.Reserved:
    """Before a key system is asked to wrap it: of many producers that rotate at once, one pays for a call."""
    actor, parts = actor_of(request), services(request)

    def job(db: Db) -> Dek:
        found = deks.kek(db, kek)
        wish = DekWish(subject, data.version, data.algorithm or DEFAULT, expected=data.expected).checked(db)
        won = deks.reserve(db, actor, found, wish, parts.settings.key_quota)
        if not isinstance(won, Reserved) or not won.mine:
            raise errors.KeyExists(key=subject)
        return won.dek

    dek = await parts.write(job)
    until = render.time(dek.created_at + deks.RESERVED_FOR)
    return wire.Reserved(kek, dek.subject, dek.version, dek.algorithm, until)


@post(
    "/keks/{kek:str}/deks/{subject:str}/leases",
    RESERVE,
    errors.KeyNotFound,
    errors.InvalidKey,
    errors.InvalidVersion,
    summary="Lease uses of a DEK",
)
async def lease_dek(
    request: Call, kek: FromPath[str], subject: FromPath[str], data: JSONBody[wire.LeaseRequest]
) -> wire.Lease:
    """A block of them: all clients together stay within the limit, and none asks with every event. Each is recorded."""
    actor = actor_of(request)

    def job(db: Db) -> Lease:
        found = deks.kek(db, kek)
        wish = DekWish(subject, data.version, data.algorithm or DEFAULT).checked(db)
        return deks.lease(db, actor, found, wish, data.uses, data.limit, data.spent)

    lease = await services(request).write(job)
    dek = lease.dek
    return wire.Lease(kek, dek.subject, dek.version, dek.algorithm, lease.uses, dek.leased, lease.uses == 0)


@post(
    "/keks/{kek:str}/persons:resolve",
    RELEASE,
    errors.KeyNotFound,
    errors.InvalidKey,
    errors.PersonErased,
    *_KMS,
    summary="Keys of persons",
)
async def resolve_persons(request: Call, kek: FromPath[str], data: JSONBody[wire.ResolveRequest]) -> wire.Persons:
    """Up to 1,000 at a time; minting needs permission to write DEKs too."""
    actor = actor_of(request)
    handles = [persons.handle_named(each) for each in data.handles]
    algorithm = deks.algorithm_named(data.algorithm)
    mint: dict[bytes, Minting] | bool = data.mint
    if data.mint and not actor.grants.any(Action.WRITE, "dek"):
        raise refusal(actor, Action.WRITE, "dek:*")
    if data.mint and data.keys:
        mint = {each.handle: each for each in (_minting(text, key, algorithm) for text, key in data.keys.items())}
    found, resolved = await services(request).keyring.resolve(
        actor, kek, handles, data.versions, mint=mint, algorithm=algorithm, renew=data.renew
    )
    return wire.Persons(found.name, found.shared, [_person(each) for each in resolved])


def _minting(text: str, key: wire.WrappedKey, algorithm: str) -> Minting:
    commitment = None if key.commitment is None else deks.decoded(key.commitment)
    if commitment is not None and len(commitment) != 32:
        raise errors.InvalidKey("commitment has 32 bytes")
    return Minting(persons.handle_named(text), algorithm, deks.decoded(key.encrypted_key_material), commitment)


def _person(resolved: Resolved) -> wire.Person:
    known, person = resolved.known, resolved.known.person
    shown = wire.Person(known.handle.hex(), known.state, known.version)
    if known.at is not None:
        shown.at = render.time(known.at)
    if person is not None and resolved.material is not None:
        shown.algorithm = person.algorithm
        shown.encrypted_key_material = _base64(resolved.material)
        shown.key_material = None if resolved.key is None else _base64(resolved.key)
        shown.commitment = None if person.commitment is None else _base64(person.commitment)
    return shown


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@get(
    "/keks/{kek:str}/persons/{handle:str}",
    READ_PERSON,
    errors.KeyNotFound,
    errors.InvalidKey,
    summary="Whether a person has a key",
)
async def get_person(request: Call, kek: FromPath[str], handle: FromPath[str]) -> wire.Person:
    """Its state, never the key."""
    named = persons.handle_named(handle)

    def look(db: Db) -> Known:
        return persons.resolve(db, deks.kek(db, kek, deleted=True), [named])[0]

    known = await services(request).read(look)
    if known.state not in (LIVE, ERASED):
        raise errors.KeyNotFound(key=handle)
    return _person(Resolved(known))


async def _erase(request: Call, kek: str, handle: str, legal_basis: str, request_id: str | None) -> wire.Tombstone:
    stone = await services(request).keyring.erase(
        actor_of(request), kek, persons.handle_named(handle), legal_basis, request_id
    )
    return _tombstone(stone)


def _tombstone(stone: Tombstone) -> wire.Tombstone:
    return wire.Tombstone(
        stone.kek,
        stone.handle.hex(),
        stone.version,
        render.time(stone.erased_at),
        stone.who,
        stone.legal_basis,
        stone.request_id,
    )


@delete(
    "/keks/{kek:str}/persons/{handle:str}",
    ERASE,
    errors.KeyNotFound,
    errors.InvalidKey,
    summary="Erase a person",
    status_code=200,
)
async def delete_person(
    request: Call,
    kek: FromPath[str],
    handle: FromPath[str],
    legal_basis: Annotated[str, QueryParameter(name="legal_basis", min_length=1, max_length=1000)],
    request_id: Annotated[str | None, QueryParameter(name="request_id", max_length=1000)] = None,
) -> wire.Tombstone:
    """Destroys the key for good: whatever it sealed, wherever it lies, is unreadable. Again, it answers the same."""
    return await _erase(request, kek, handle, legal_basis, request_id)


@post(
    "/keks/{kek:str}/persons/{handle:str}/erase",
    ERASE,
    errors.KeyNotFound,
    errors.InvalidKey,
    summary="Erase a person, saying why in a body",
)
async def erase_person(
    request: Call, kek: FromPath[str], handle: FromPath[str], data: JSONBody[wire.ErasureRequest]
) -> wire.Tombstone:
    """The same; what is said stays out of access logs."""
    return await _erase(request, kek, handle, data.legal_basis, data.request_id)


@get(
    "/keks/{kek:str}/persons/{handle:str}/erasures",
    READ_PERSON,
    errors.KeyNotFound,
    errors.InvalidKey,
    summary="Erasures of a person",
)
async def list_erasures(request: Call, kek: FromPath[str], handle: FromPath[str]) -> list[wire.Tombstone]:
    """Who erased it, when, on what basis; oldest first, empty if nobody did. They outlive the KEK."""
    named = persons.handle_named(handle)
    stones = await services(request).read(lambda db: person_rows.erased(db, kek, [named]))
    return [_tombstone(stone) for stone in stones]


@get("/keks/revocations", LIST, summary="Feed of erasures")
async def list_revocations(
    request: Call,
    after: Annotated[int, QueryParameter(name="after", ge=0, le=2**62, description="`next` of the answer before")] = 0,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=_MOST_REVOCATIONS)] = _MOST_REVOCATIONS,
) -> wire.Revocations:
    """What consumers drop from their caches, of KEKs that the caller may read."""
    actor = actor_of(request)
    stones = await services(request).read(lambda db: persons.revocations(db, after, limit), heavy=True)
    items = [
        wire.Revocation(each.sequence, each.kek, each.handle.hex(), each.version, render.time(each.erased_at))
        for each in stones
        if may(actor, Action.READ, "kek", each.kek)
    ]
    return wire.Revocations(items, stones[-1].sequence if stones else after)


HANDLERS = [
    list_keks,
    rotate_kek,
    rewrap_kek,
    reserve_dek,
    lease_dek,
    resolve_persons,
    get_person,
    delete_person,
    erase_person,
    list_erasures,
    list_revocations,
]
