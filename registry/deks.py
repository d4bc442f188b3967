"""KEKs and DEKs: create, read, change, delete, restore. Facts: confluent-api §14, encryption §4.

A KEK names a key of a key system. A DEK is a data key of a subject, algorithm and version, wrapped by its KEK:

    KEK not shared   the client makes and wraps the DEK, the registry keeps the blob
    KEK shared       the registry makes and wraps it (`registry.keyring`), and hands out the key itself

Creating a DEK is a race that one wins: with material it is a row; where the registry or a client is still to wrap it,
`reserve` makes a row without material first, which nobody reads, and `fulfil` puts the material in. A reservation that
is not kept within `RESERVED_FOR` may be taken over. Everything here runs in a transaction and asks no key system.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

from registry import names, subjects
from registry.clock import now_ms
from registry.errors import (
    InvalidKey,
    InvalidVersion,
    KeyExists,
    KeyInUse,
    KeyNotFound,
    KeyNotSoftDeleted,
    KeyNotUndeleted,
    TooManyKeys,
)
from registry.events import Actor, record
from registry.store.engine import Db
from registry.store.queries import deks as queries
from registry.store.queries import persons
from registry.store.queries.deks import PERSONS_FROM, Dek, Kek
from tenor.keys.algorithms import ALGORITHMS, DEFAULT
from tenor.keys.kms import normalised

RESERVED_FOR: Final = 30_000
"""Milliseconds."""
LATEST: Final = -1
_NAME: Final = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
_LONGEST_MATERIAL: Final = 65_536
_LONGEST_TEXT: Final = 10_000
_VERSIONS: Final = range(1, 2**31)


@dataclass(frozen=True, slots=True)
class KekWish:
    """A KEK as a request asks for it."""

    name: str | None
    kms_type: str | None
    kms_key_id: str | None
    kms_props: Mapping[str, str] = field(default_factory=dict)
    doc: str | None = None
    shared: bool = False
    deleted: bool = False

    def checked(self) -> KekWish:
        """The same with its type in the stored form. Raises InvalidKey."""
        if not self.name or len(self.name) > 256 or not _NAME.fullmatch(self.name):
            raise InvalidKey(
                f"The name '{self.name}' is not valid: at most 256 letters, digits, _ and -, first a letter or _"
            )
        if not self.kms_type or not self.kms_key_id:
            raise InvalidKey("kmsType and kmsKeyId are needed")
        if len(self.kms_type) > 64:
            raise InvalidKey("kmsType is longer than 64 characters")
        texts = (self.kms_key_id, self.doc or "", *self.kms_props, *self.kms_props.values())
        if any(len(each) > _LONGEST_TEXT for each in texts) or len(self.kms_props) > 100:
            raise InvalidKey(f"A text of the key is longer than {_LONGEST_TEXT} characters, or there are too many")
        return replace(self, kms_type=normalised(self.kms_type))

    def same(self, kek: Kek) -> bool:
        """Whether a stored KEK is what is asked for, deleted or not."""
        wished = (self.kms_type, self.kms_key_id, dict(self.kms_props), self.doc, self.shared)
        return wished == (kek.kms_type, kek.kms_key_id, dict(kek.kms_props), kek.doc, kek.shared)


@dataclass(frozen=True, slots=True)
class DekWish:
    """A DEK as a request asks for it. `expected` is the latest version that the client knows, 0 for none."""

    subject: str | None
    version: int = 1
    algorithm: str = DEFAULT
    material: str | None = None
    commitment: bytes | None = None
    deleted: bool = False
    expected: int | None = None

    def checked(self, db: Db) -> DekWish:
        """The same under the subject's own name. Raises InvalidKey, InvalidVersion."""
        if self.version not in _VERSIONS:
            raise InvalidVersion(str(self.version))
        if self.material is not None and decoded(self.material) == b"":
            raise InvalidKey("encryptedKeyMaterial is empty")
        if self.commitment is not None and len(self.commitment) != 32:
            raise InvalidKey("commitment has 32 bytes")
        return replace(self, subject=named(db, self.subject), algorithm=algorithm_named(self.algorithm))


@dataclass(frozen=True, slots=True)
class Lease:
    """A block of uses of a DEK that a client may make before it asks again; 0 when the key is to be renewed.

    `dek.leased` is the sum of all that were handed out.
    """

    dek: Dek
    uses: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """A DEK that is being made: `mine` when this request may make it."""

    dek: Dek
    mine: bool


def decoded(material: str) -> bytes:
    """The bytes of base64. Raises InvalidKey."""
    if len(material) > _LONGEST_MATERIAL:
        raise InvalidKey(f"encryptedKeyMaterial is longer than {_LONGEST_MATERIAL} characters")
    try:
        return base64.b64decode(material, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKey("encryptedKeyMaterial is not base64") from None


def algorithm_named(text: str | None) -> str:
    """An algorithm of a request, the default when there is none. Raises InvalidKey."""
    if not text:
        return DEFAULT
    if text.upper() not in ALGORITHMS:
        raise InvalidKey(f"'{text[:100]}' is not an algorithm; those are {', '.join(ALGORITHMS)}")
    return text.upper()


def version_numbered(text: str) -> int:
    """A version of a path: a number, or `latest` and -1. Raises InvalidVersion."""
    if text in ("latest", "-1"):
        return LATEST
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) not in _VERSIONS:
        raise InvalidVersion(text)
    return int(text)


def named(db: Db, text: str | None) -> str:
    """A DEK's subject as it is stored: printed, and the one that its alias for DEKs means. Raises InvalidKey."""
    if not text or not text.isprintable() or len(text) > 10_000:
        raise InvalidKey("The subject of a key is missing, too long, or has control characters")
    return str(subjects.aliased(db, names.subject(text), for_deks=True))


# KEKs.


def kek(db: Db, name: str, *, deleted: bool = False) -> Kek:
    """A KEK. Raises KeyNotFound, also for a soft-deleted one unless `deleted`."""
    found = queries.kek(db, name)
    if found is None or (found.deleted and not deleted):
        raise KeyNotFound(key=name)
    return found


def still(db: Db, known: Kek) -> Kek:
    """A KEK that was read before, if it is still that one and live. Raises KeyNotFound."""
    if kek(db, known.name).pk != known.pk:
        raise KeyNotFound(key=known.name)
    return known


def create_kek(db: Db, actor: Actor, wish: KekWish, quota: int) -> Kek:
    """A new KEK; one that is the same but for being deleted gets that state. Raises KeyExists, TooManyKeys."""
    name, now = str(wish.name), now_ms()
    deleted_at = now if wish.deleted else None
    existing = queries.kek(db, name)
    if existing is not None:
        if existing.deleted == wish.deleted or not wish.same(existing):
            raise KeyExists(key=name)
        queries.update_kek(db, replace(existing, deleted_at=deleted_at, updated_at=now))
        record(db, actor, "delete" if wish.deleted else "undelete", f"kek:{name}")
        return kek(db, name, deleted=True)
    _require_room(db, quota)
    made = Kek(
        0,
        name,
        str(wish.kms_type),
        str(wish.kms_key_id),
        wish.kms_props,
        wish.doc,
        wish.shared,
        now,
        deleted_at,
    )
    # A KEK that was purged and comes again hands out no number that an erased person had.
    queries.insert_kek(db, made, last_person=max(PERSONS_FROM - 1, persons.last_erased(db, name)))
    record(db, actor, "create", f"kek:{name}", kms_type=made.kms_type, kms_key_id=made.kms_key_id, shared=made.shared)
    return kek(db, name, deleted=True)


def _require_room(db: Db, quota: int) -> None:
    if quota and queries.count(db) >= quota:
        raise TooManyKeys(limit=quota)


def change_kek(db: Db, actor: Actor, name: str, change: Mapping[str, Any]) -> Kek:
    """Change `kms_props`, `doc` or `shared`; what is not in `change` stays.

    Raises KeyNotFound, InvalidKey, and KeyInUse for one that the registry wraps persons' keys with: nobody else could.
    """
    existing = kek(db, name)
    if existing.shared and change.get("shared") is False and (people := queries.uses(db, existing.pk, deleted=True)[1]):
        raise KeyInUse(key=name, reason=f"{people} persons' keys are wrapped by it")
    changed = replace(existing, **change, updated_at=now_ms())
    KekWish(name, changed.kms_type, changed.kms_key_id, changed.kms_props, changed.doc, changed.shared).checked()
    queries.update_kek(db, changed)
    record(db, actor, "configure", f"kek:{name}", changed=sorted(change))
    return kek(db, name)


def delete_kek(db: Db, actor: Actor, name: str, *, permanent: bool = False) -> None:
    """Delete a KEK softly, or (after that) for good. Raises KeyNotFound, KeyInUse, KeyNotSoftDeleted."""
    existing = kek(db, name, deleted=True)
    if permanent and not existing.deleted:
        raise KeyNotSoftDeleted(key=name)
    keys, people = queries.uses(db, existing.pk, deleted=permanent)
    if keys or people:
        raise KeyInUse(key=name, reason=f"{keys} data keys and {people} persons' keys are wrapped by it")
    if permanent:
        queries.delete_kek(db, existing.pk)
    elif existing.deleted:
        return
    else:
        now = now_ms()
        queries.update_kek(db, replace(existing, deleted_at=now, updated_at=now))
    record(db, actor, "purge" if permanent else "delete", f"kek:{name}")


def undelete_kek(db: Db, actor: Actor, name: str) -> None:
    """Undo a soft delete. Raises KeyNotFound."""
    existing = kek(db, name, deleted=True)
    if existing.deleted:
        queries.update_kek(db, replace(existing, deleted_at=None, updated_at=now_ms()))
        record(db, actor, "undelete", f"kek:{name}")


def move_kek(db: Db, actor: Actor, name: str, key_id: str) -> Kek:
    """Let a shared KEK use another key of its key system from now on; what it wrapped before is rewrapped later.

    Raises KeyNotFound, and InvalidKey for a KEK that clients wrap with: their rules name its key.
    """
    existing = kek(db, name)
    if not existing.shared:
        raise InvalidKey(f"Key '{name}' is not shared: the rules of its clients name its key")
    KekWish(name, existing.kms_type, key_id).checked()
    queries.update_kek(db, replace(existing, kms_key_id=key_id, updated_at=now_ms()))
    record(db, actor, "rotate", f"kek:{name}", kms_key_id=key_id, before=existing.kms_key_id)
    return kek(db, name)


# DEKs.


def dek(db: Db, kek: Kek, subject: str, algorithm: str, version: int, *, deleted: bool = False) -> Dek:
    """A DEK by number, or the latest that is no person's. Raises KeyNotFound."""
    if version == LATEST:
        found = queries.latest(db, kek.pk, subject, algorithm, deleted=deleted)
    else:
        found = queries.dek(db, kek.pk, subject, algorithm, version)
    if found is None or found.material is None or (found.deleted and not deleted):
        raise KeyNotFound(key=subject)
    return found


def versions(
    db: Db, kek: Kek, subject: str, algorithm: str, *, deleted: bool = False, offset: int = 0, limit: int | None = None
) -> list[int]:
    """Numbers, ascending. Raises KeyNotFound when there is none at all."""
    if not queries.versions(db, kek.pk, subject, algorithm, deleted=deleted, limit=1):
        raise KeyNotFound(key=subject)
    return queries.versions(db, kek.pk, subject, algorithm, deleted=deleted, offset=offset, limit=limit)


def create_dek(db: Db, actor: Actor, kek: Kek, wish: DekWish, quota: int) -> Dek:
    """A new DEK that comes with its material. Whoever brings material first wins, a reservation or not.

    Raises KeyExists, TooManyKeys.
    """
    existing = _existing(db, kek, wish)
    if existing is not None and existing.material is not None:
        return _in_other_state(db, actor, kek, existing, wish)
    _require_expected(db, kek, wish)
    made = _new(kek, wish, reservation=None)
    if existing is not None:
        queries.update_dek(db, replace(made, pk=existing.pk))
    else:
        _require_room(db, quota)
        queries.insert_dek(db, made)
    _record(db, actor, "create", kek, made)
    return _again(db, kek, made)


def reserve(db: Db, actor: Actor, kek: Kek, wish: DekWish, quota: int) -> Reserved | Dek:
    """Win the creation of a DEK whose material is still to be made, or learn that somebody else has won it.

    One that is there but for being deleted is undeleted, and answered. Raises KeyExists, TooManyKeys.
    """
    existing = _existing(db, kek, wish)
    if existing is not None and existing.material is not None:
        return _in_other_state(db, actor, kek, existing, wish)
    if existing is not None and existing.created_at > now_ms() - RESERVED_FOR:
        return Reserved(existing, mine=False)
    _require_expected(db, kek, wish)
    made = _new(kek, wish, reservation=str(uuid4()))
    if existing is not None:
        queries.update_dek(db, replace(made, pk=existing.pk))
    else:
        _require_room(db, quota)
        queries.insert_dek(db, made)
    stored = queries.dek(db, kek.pk, made.subject, made.algorithm, made.version)
    if stored is None:
        raise AssertionError("it was written in this transaction")  # pragma: no cover
    return Reserved(stored, mine=True)


def fulfil(db: Db, actor: Actor, kek: Kek, reserved: Dek, material: str, commitment: bytes | None) -> Dek:
    """Put the material of a reserved DEK in. Raises KeyExists when the reservation was lost."""
    stored = queries.dek(db, kek.pk, reserved.subject, reserved.algorithm, reserved.version)
    if stored is None or stored.reservation != reserved.reservation or stored.reservation is None:
        raise KeyExists(key=reserved.subject)
    now = now_ms()
    made = replace(
        stored,
        material=material,
        commitment=commitment,
        reservation=None,
        wrapped_by=kek.kms_key_id,
        wrapped_at=now,
        created_at=now,
    )
    queries.update_dek(db, made)
    _record(db, actor, "create", kek, made)
    return _again(db, kek, made)


def lease(db: Db, actor: Actor, kek: Kek, wish: DekWish, uses: int, limit: int, spent: int = 0) -> Lease:
    """Hand out uses of the DEK that a wish names, until the sum of all clients is `limit`.

    `spent` are uses that the client made without a lease, while nobody answered: they count before. What a client does
    not use up is lost, so the sum is never less than what was done. Raises KeyNotFound, also for a deleted one, and
    InvalidVersion for a person's.
    """
    if wish.version >= PERSONS_FROM:
        raise InvalidVersion(str(wish.version))
    found = dek(db, kek, str(wish.subject), wish.algorithm, wish.version)
    # Writers take turns, so nothing was added since `found` was read.
    leased = queries.lease(db, found.pk, spent=spent, uses=uses, limit=limit)
    granted = leased - found.leased - spent
    more = {"spent": spent} if spent else {}
    _record(db, actor, "lease", kek, found, uses=granted, leased=leased, **more)
    return Lease(replace(found, leased=leased), granted)


def release(db: Db, reserved: Dek) -> None:
    """Give a reservation back, so that the next may try."""
    stored = queries.dek(db, reserved.kek_pk, reserved.subject, reserved.algorithm, reserved.version)
    if stored is not None and stored.material is None and stored.reservation == reserved.reservation:
        queries.delete_deks(db, [stored.pk])


def rewrapped(db: Db, actor: Actor, kek: Kek, old: Dek, material: str, after: int = 0) -> Dek:
    """Put a renewed wrapping in place of the one it was made from; it counts as made no earlier than `after`.

    Raises KeyExists when another was faster.
    """
    stored = queries.dek(db, kek.pk, old.subject, old.algorithm, old.version)
    if stored is None or stored.material != old.material:
        raise KeyExists(key=old.subject)
    renewed = replace(stored, material=material, wrapped_by=kek.kms_key_id, wrapped_at=max(now_ms(), after))
    queries.update_dek(db, renewed)
    _record(db, actor, "rewrap", kek, renewed)
    return _again(db, kek, renewed)


def delete_deks(
    db: Db, actor: Actor, kek: Kek, subject: str, algorithm: str, version: int | None, *, permanent: bool = False
) -> None:
    """Delete a version, or all, softly or (after that) for good. Raises KeyNotFound, KeyNotSoftDeleted."""
    found = _meant(db, kek, subject, algorithm, version)
    if permanent:
        if any(not each.deleted for each in found):
            raise KeyNotSoftDeleted(key=subject)
        queries.delete_deks(db, [each.pk for each in found])
    else:
        found = [each for each in found if not each.deleted]
        for each in found:
            queries.update_dek(db, replace(each, deleted_at=now_ms()))
    for each in found:
        _record(db, actor, "purge" if permanent else "delete", kek, each)


def undelete_deks(db: Db, actor: Actor, kek: Kek, subject: str, algorithm: str, version: int | None) -> None:
    """Undo a soft delete of a version, or of all. Raises KeyNotFound, KeyNotUndeleted while the KEK is deleted."""
    found = _meant(db, kek, subject, algorithm, version)
    if kek.deleted:
        raise KeyNotUndeleted(key=kek.name)
    for each in found:
        if each.deleted:
            queries.update_dek(db, replace(each, deleted_at=None))
            _record(db, actor, "undelete", kek, each)


def _meant(db: Db, kek: Kek, subject: str, algorithm: str, version: int | None) -> Sequence[Dek]:
    if version == LATEST:
        last = queries.latest(db, kek.pk, subject, algorithm)
        found = [] if last is None else [last]
    else:
        found = queries.deks(db, kek.pk, subject, algorithm)
        found = found if version is None else [each for each in found if each.version == version]
    if not found:
        raise KeyNotFound(key=subject)
    return found


def _existing(db: Db, kek: Kek, wish: DekWish) -> Dek | None:
    if wish.version >= PERSONS_FROM and (
        persons.by_version(db, kek.pk, [wish.version]) or persons.erased(db, kek.name, versions=[wish.version])
    ):
        raise KeyExists(key=str(wish.subject))  # a person has that number, or had it
    return queries.dek(db, kek.pk, str(wish.subject), wish.algorithm, wish.version)


def _in_other_state(db: Db, actor: Actor, kek: Kek, existing: Dek, wish: DekWish) -> Dek:
    """The existing DEK in the state asked for, if it is the same otherwise. Raises KeyExists."""
    if existing.deleted == wish.deleted or wish.material not in (None, existing.material):
        raise KeyExists(key=existing.subject)
    queries.update_dek(db, replace(existing, deleted_at=now_ms() if wish.deleted else None))
    _record(db, actor, "delete" if wish.deleted else "undelete", kek, existing)
    return _again(db, kek, existing)


def _require_expected(db: Db, kek: Kek, wish: DekWish) -> None:
    if wish.expected is None:
        return
    last = queries.latest(db, kek.pk, str(wish.subject), wish.algorithm, deleted=True)
    if (0 if last is None else last.version) != wish.expected:
        raise KeyExists(key=str(wish.subject))


def _new(kek: Kek, wish: DekWish, reservation: str | None) -> Dek:
    now = now_ms()
    return Dek(
        pk=0,
        kek_pk=kek.pk,
        subject=str(wish.subject),
        algorithm=wish.algorithm,
        version=wish.version,
        material=wish.material,
        commitment=wish.commitment,
        wrapped_by=kek.kms_key_id,
        wrapped_at=now,
        reservation=reservation,
        created_at=now,
        deleted_at=now if wish.deleted else None,
    )


def _again(db: Db, kek: Kek, made: Dek) -> Dek:
    return dek(db, kek, made.subject, made.algorithm, made.version, deleted=True)


def _record(db: Db, actor: Actor, action: str, kek: Kek, each: Dek, **more: int) -> None:
    record(
        db,
        actor,
        action,
        f"dek:{each.subject}",
        kek=kek.name,
        algorithm=each.algorithm,
        version=each.version,
        **more,
    )
