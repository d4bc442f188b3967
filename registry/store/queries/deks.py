"""Questions about KEKs and DEKs. A reserved DEK, which has no material yet, is not there for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from registry.store.engine import Db, Row
from registry.store.queries.schemas import _limit

PERSONS_FROM: Final = 2**20
"""Versions from here on are persons'; those below are what `latest` answers from."""


@dataclass(frozen=True, slots=True)
class Kek:
    """A key of a key system. Times in ms."""

    pk: int
    name: str
    kms_type: str
    kms_key_id: str
    kms_props: Mapping[str, str]
    doc: str | None
    shared: bool
    updated_at: int
    deleted_at: int | None

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None


@dataclass(frozen=True, slots=True)
class Dek:
    """A data key, wrapped by the key that `wrapped_by` names. `material` is base64 as it was sent.

    `leased` counts the uses that were handed out to clients.
    """

    pk: int
    kek_pk: int
    subject: str
    algorithm: str
    version: int
    material: str | None
    commitment: bytes | None
    wrapped_by: str
    wrapped_at: int
    reservation: str | None
    created_at: int
    deleted_at: int | None
    leased: int = 0

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None


_KEK: Final = "pk, name, kms_type, kms_key_id, kms_props, doc, shared, updated_at, deleted_at"
_DEK: Final = (
    "pk, kek_pk, subject, algorithm, version, material, commitment, wrapped_by, wrapped_at, reservation, "
    "created_at, deleted_at, leased"
)


def _kek(row: Row) -> Kek:
    pk, name, kms_type, key_id, props, doc, shared, updated_at, deleted_at = row
    decoded = {} if props is None else msgspec.json.decode(props, type=dict[str, str])
    return Kek(pk, name, kms_type, key_id, decoded, doc, bool(shared), updated_at, deleted_at)


def _dek(row: Row) -> Dek:
    *before, commitment, wrapped_by, wrapped_at, reservation, created_at, deleted_at, leased = row
    pk, kek_pk, subject, algorithm, version, material = before
    return Dek(
        pk,
        kek_pk,
        subject,
        algorithm,
        version,
        material,
        None if commitment is None else bytes(commitment),
        wrapped_by,
        wrapped_at,
        reservation,
        created_at,
        deleted_at,
        leased or 0,
    )


def kek(db: Db, name: str) -> Kek | None:
    """A KEK by name, soft-deleted or not."""
    row = db.one(f"SELECT {_KEK} FROM kek WHERE name = :name", name=name)  # noqa: S608 # constants
    return None if row is None else _kek(row)


def kek_names(db: Db, prefixes: Sequence[str] = (), *, deleted: bool = False) -> list[str]:
    """Names, sorted; with prefixes those that have a DEK for a subject that begins with one of them (`:*:` any)."""
    where = [] if deleted else ["deleted_at IS NULL"]
    parameters: dict[str, str] = {}
    if prefixes and ":*:" not in prefixes:
        begins = []
        for number, prefix in enumerate(prefixes):
            parameters[f"prefix{number}"] = prefix
            begins.append(f"substr(dek.subject, 1, length(:prefix{number})) = :prefix{number}")
        alive = "" if deleted else " AND dek.deleted_at IS NULL"
        where.append(
            f"pk IN (SELECT kek_pk FROM dek WHERE ({' OR '.join(begins)}) AND dek.material IS NOT NULL{alive})"  # noqa: S608 # constants
        )
    rows = db.all(
        f"SELECT name FROM kek WHERE {' AND '.join(where) or '1 = 1'} ORDER BY name",  # noqa: S608 # constants
        **parameters,
    )
    return [name for (name,) in rows]


def insert_kek(db: Db, kek: Kek, last_person: int) -> None:
    """A new KEK; its `pk` does not count."""
    db.run(
        """INSERT INTO kek
        (name, kms_type, kms_key_id, kms_props, doc, shared, last_person, created_at, updated_at, deleted_at)
        VALUES (:name, :kms_type, :kms_key_id, :kms_props, :doc, :shared, :last_person, :now, :now, :deleted_at)""",
        name=kek.name,
        kms_type=kek.kms_type,
        kms_key_id=kek.kms_key_id,
        kms_props=_props(kek.kms_props),
        doc=kek.doc,
        shared=int(kek.shared),
        last_person=last_person,
        now=kek.updated_at,
        deleted_at=kek.deleted_at,
    )


def update_kek(db: Db, kek: Kek) -> None:
    """Everything of a KEK that can change."""
    db.run(
        """UPDATE kek SET kms_key_id = :kms_key_id, kms_props = :kms_props, doc = :doc, shared = :shared,
        updated_at = :now, deleted_at = :deleted_at WHERE pk = :pk""",
        pk=kek.pk,
        kms_key_id=kek.kms_key_id,
        kms_props=_props(kek.kms_props),
        doc=kek.doc,
        shared=int(kek.shared),
        now=kek.updated_at,
        deleted_at=kek.deleted_at,
    )


def _props(props: Mapping[str, str]) -> str | None:
    return msgspec.json.encode(dict(props), order="deterministic").decode() if props else None


def delete_kek(db: Db, pk: int) -> None:
    """Remove a KEK for good."""
    db.run("DELETE FROM kek WHERE pk = :pk", pk=pk)


def uses(db: Db, kek_pk: int, *, deleted: bool) -> tuple[int, int]:
    """How many DEKs (soft-deleted ones too, if asked) and persons' keys a KEK has."""
    alive = "" if deleted else " AND deleted_at IS NULL"
    row = db.one(
        f"""SELECT (SELECT count(*) FROM dek WHERE kek_pk = :pk{alive}),
        (SELECT count(*) FROM person WHERE kek_pk = :pk)""",  # noqa: S608 # constants
        pk=kek_pk,
    )
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def count(db: Db) -> int:
    """How many keys there are, KEKs and DEKs; persons' do not count."""
    row = db.one("SELECT (SELECT count(*) FROM kek) + (SELECT count(*) FROM dek)")
    return 0 if row is None else int(row[0])


def dek(db: Db, kek_pk: int, subject: str, algorithm: str, version: int) -> Dek | None:
    """A DEK by number, in whatever state."""
    row = db.one(
        f"""SELECT {_DEK} FROM dek WHERE kek_pk = :kek AND subject = :subject AND algorithm = :algorithm
        AND version = :version""",  # noqa: S608 # constants
        kek=kek_pk,
        subject=subject,
        algorithm=algorithm,
        version=version,
    )
    return None if row is None else _dek(row)


def deks(db: Db, kek_pk: int, subject: str, algorithm: str) -> list[Dek]:
    """All versions of a subject's key that have material, ascending."""
    rows = db.all(
        f"""SELECT {_DEK} FROM dek WHERE kek_pk = :kek AND subject = :subject AND algorithm = :algorithm
        AND material IS NOT NULL ORDER BY version""",  # noqa: S608 # constants
        kek=kek_pk,
        subject=subject,
        algorithm=algorithm,
    )
    return [_dek(row) for row in rows]


def latest(db: Db, kek_pk: int, subject: str, algorithm: str, *, deleted: bool = False) -> Dek | None:
    """The newest version that is no person's."""
    alive = "" if deleted else " AND deleted_at IS NULL"
    row = db.one(
        f"""SELECT {_DEK} FROM dek WHERE kek_pk = :kek AND subject = :subject AND algorithm = :algorithm
        AND version < :persons AND material IS NOT NULL{alive} ORDER BY version DESC LIMIT 1""",  # noqa: S608 # constants
        kek=kek_pk,
        subject=subject,
        algorithm=algorithm,
        persons=PERSONS_FROM,
    )
    return None if row is None else _dek(row)


def versions(
    db: Db,
    kek_pk: int,
    subject: str,
    algorithm: str,
    *,
    deleted: bool = False,
    offset: int = 0,
    limit: int | None = None,
) -> list[int]:
    """Numbers, ascending."""
    alive = "" if deleted else " AND deleted_at IS NULL"
    rows = db.all(
        f"""SELECT version FROM dek WHERE kek_pk = :kek AND subject = :subject AND algorithm = :algorithm
        AND material IS NOT NULL{alive} ORDER BY version LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        kek=kek_pk,
        subject=subject,
        algorithm=algorithm,
        limit=_limit(limit),
        offset=offset,
    )
    return [version for (version,) in rows]


def subjects(db: Db, kek_pk: int, *, deleted: bool = False, offset: int = 0, limit: int | None = None) -> list[str]:
    """Subjects that have a key, sorted."""
    alive = "" if deleted else " AND deleted_at IS NULL"
    rows = db.all(
        f"""SELECT DISTINCT subject FROM dek WHERE kek_pk = :kek AND material IS NOT NULL{alive}
        ORDER BY subject LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        kek=kek_pk,
        limit=_limit(limit),
        offset=offset,
    )
    return [subject for (subject,) in rows]


def insert_dek(db: Db, dek: Dek) -> None:
    """A new DEK; its `pk` does not count."""
    db.run(
        """INSERT INTO dek (kek_pk, subject, algorithm, version, material, commitment, wrapped_by, wrapped_at,
        reservation, created_at, deleted_at) VALUES (:kek, :subject, :algorithm, :version, :material, :commitment,
        :wrapped_by, :wrapped_at, :reservation, :created_at, :deleted_at)""",
        kek=dek.kek_pk,
        subject=dek.subject,
        algorithm=dek.algorithm,
        version=dek.version,
        material=dek.material,
        commitment=dek.commitment,
        wrapped_by=dek.wrapped_by,
        wrapped_at=dek.wrapped_at,
        reservation=dek.reservation,
        created_at=dek.created_at,
        deleted_at=dek.deleted_at,
    )


def update_dek(db: Db, dek: Dek) -> None:
    """Everything of a DEK that can change."""
    db.run(
        """UPDATE dek SET material = :material, commitment = :commitment, wrapped_by = :wrapped_by,
        wrapped_at = :wrapped_at, reservation = :reservation, created_at = :created_at, deleted_at = :deleted_at
        WHERE pk = :pk""",
        pk=dek.pk,
        material=dek.material,
        commitment=dek.commitment,
        wrapped_by=dek.wrapped_by,
        wrapped_at=dek.wrapped_at,
        reservation=dek.reservation,
        created_at=dek.created_at,
        deleted_at=dek.deleted_at,
    )


def lease(db: Db, pk: int, *, spent: int, uses: int, limit: int) -> int:
    """Count uses of a DEK: those that were spent without asking, and up to `uses` more while the sum is within `limit`.

    The sum afterwards.
    """
    row = db.one(
        """UPDATE dek SET leased = COALESCE(leased, 0) + :spent + CASE
            WHEN COALESCE(leased, 0) + :spent + :uses <= :limit THEN :uses
            WHEN COALESCE(leased, 0) + :spent < :limit THEN :limit - COALESCE(leased, 0) - :spent
            ELSE 0 END
        WHERE pk = :pk RETURNING leased""",
        pk=pk,
        spent=spent,
        uses=uses,
        limit=limit,
    )
    if row is None:
        raise AssertionError("the DEK was there in this transaction")  # pragma: no cover
    return int(row[0])


def delete_deks(db: Db, pks: Sequence[int]) -> None:
    """Remove DEKs for good; on SQLite the pages they lay on are overwritten."""
    if db.dialect == "sqlite":
        db.one("PRAGMA secure_delete = ON")
    db.many("DELETE FROM dek WHERE pk = :pk", [{"pk": pk} for pk in pks])


def behind(db: Db, kek_pk: int, before: int, limit: int) -> list[Dek]:
    """DEKs that were wrapped before a moment, oldest first."""
    rows = db.all(
        f"""SELECT {_DEK} FROM dek WHERE kek_pk = :kek AND material IS NOT NULL AND wrapped_at < :before
        ORDER BY wrapped_at, pk LIMIT :limit""",  # noqa: S608 # constants
        kek=kek_pk,
        before=before,
        limit=limit,
    )
    return [_dek(row) for row in rows]


def count_behind(db: Db, kek_pk: int, before: int) -> int:
    """How many DEKs and cells were wrapped before a moment."""
    row = db.one(
        """SELECT (SELECT count(*) FROM dek WHERE kek_pk = :kek AND material IS NOT NULL AND wrapped_at < :before)
        + (SELECT count(*) FROM key_cell WHERE kek_pk = :kek AND wrapped_at < :before)""",
        kek=kek_pk,
        before=before,
    )
    return 0 if row is None else int(row[0])
