"""Wire shapes of keys and persons. Handles are 32 hexadecimal digits, key material base64, times RFC 3339 in UTC."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Handle = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]
LegalBasis = Annotated[str, Meta(min_length=1, max_length=1000)]
RequestId = Annotated[str, Meta(max_length=1000)]
Moment = Annotated[int, Meta(ge=0, le=2**53)]


class Kek(Struct):
    """A KEK and how many keys it wraps."""

    name: str
    kms_type: str
    kms_key_id: str
    shared: bool
    doc: str | None
    deleted: bool
    deks: int
    persons: int


class Keks(Struct):
    """KEKs by name; `next_cursor` is null on the last page."""

    items: list[Kek]
    next_cursor: str | None


class Rotation(Struct):
    """Another key of the same key system."""

    kms_key_id: Annotated[str, Meta(min_length=1, max_length=10_000)]


class RewrapRequest(Struct):
    """`before`: what was wrapped before this moment, in ms since 1970; null begins anew, now.

    `skip` passes over so many that failed before.
    """

    before: Moment | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    skip: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class RewrapProgress(Struct):
    """What this call did. Send `before` again until `left` is 0; `failed` says which keys could not be, and why."""

    before: int
    done: int
    failed: list[str]
    left: int


class Reservation(Struct, omit_defaults=True):
    """The version of a key that the client is about to make and wrap.

    `expected` is the latest version that the client knows, 0 for none.
    """

    version: Version = 1
    algorithm: str | None = None
    expected: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class Reserved(Struct):
    """Whoever asks for the same until then gets a 409: make it, and create it."""

    kek: str
    subject: str
    version: int
    algorithm: str
    until: str


class LeaseRequest(Struct, omit_defaults=True):
    """A block of uses of a key to seal with. `limit` is what the rule allows, over all clients.

    `spent` are uses that were made without a lease while the registry was away: they count before.
    """

    version: Version
    uses: Annotated[int, Meta(ge=1, le=2**24)]
    limit: Annotated[int, Meta(ge=1, le=2**32)]
    spent: Annotated[int, Meta(ge=0, le=2**32)] = 0
    algorithm: str | None = None


class Lease(Struct):
    """So many uses may be made before the next lease: as many as were asked for, or what is left of the limit.

    `rotate`: none is left, seal with a new version. `leased` is the sum of what all clients were given.
    """

    kek: str
    subject: str
    version: int
    algorithm: str
    uses: int
    leased: int
    rotate: bool


class WrappedKey(Struct):
    """A key that the client made and wrapped. `commitment`: what the key can be recognised by, of 32 bytes."""

    encrypted_key_material: Annotated[str, Meta(min_length=1, max_length=65_536)]
    commitment: Annotated[str, Meta(max_length=64)] | None = None


class ResolveRequest(Struct):
    """Persons by handle, or by the version in a ciphertext; 1,000 in all.

    `mint` makes keys for handles that have none: for a shared KEK the registry does, else `keys` has them by handle,
    and handles without one stay unknown. `renew` does so for erased ones too: new consent, another version.
    """

    handles: Annotated[list[Handle], Meta(max_length=1000)] = []
    versions: Annotated[list[Version], Meta(max_length=1000)] = []
    mint: bool = False
    renew: bool = False
    algorithm: str | None = None
    keys: Annotated[dict[str, WrappedKey], Meta(max_length=1000)] = {}


class Person(Struct, omit_defaults=True):
    """What is known of a handle: `state` is live, erased or unknown.

    `version` of an erased one is the last it had, `at` when it was made or erased. `key_material` is there for a
    shared KEK, and `encrypted_key_material` is what the client wrapped for another one.
    """

    handle: str
    state: str
    version: int | None = None
    at: str | None = None
    algorithm: str | None = None
    encrypted_key_material: str | None = None
    key_material: str | None = None
    commitment: str | None = None


class Persons(Struct):
    """Handles in the order of the request, then versions."""

    kek: str
    shared: bool
    persons: list[Person]


class ErasureRequest(Struct):
    """Why a person's key is destroyed: the legal basis, and the request it goes back to."""

    legal_basis: LegalBasis
    request_id: RequestId | None = None


class Tombstone(Struct):
    """An erasure: the certificate of it."""

    kek: str
    handle: str
    version: int
    erased_at: str
    who: str
    legal_basis: str
    request_id: str | None


class Revocation(Struct):
    """An erasure as consumers learn of it: drop this key."""

    sequence: int
    kek: str
    handle: str
    version: int
    erased_at: str


class Revocations(Struct):
    """Erasures in the order of their commits; `next` is to be sent as `after`."""

    items: list[Revocation]
    next: int
