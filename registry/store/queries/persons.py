"""Questions about persons' keys: cells, live keys, tombstones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from registry.store.engine import Db, Row


@dataclass(frozen=True, slots=True)
class Cell:
    """A key that wraps persons' keys, wrapped itself."""

    pk: int
    kek_pk: int
    material: str
    wrapped_by: str
    wrapped_at: int
    persons: int


@dataclass(frozen=True, slots=True)
class Person:
    """A person's key. `material` is sealed with the key of `epoch` besides, if there is one."""

    kek_pk: int
    version: int
    handle: bytes
    algorithm: str
    material: bytes
    commitment: bytes | None
    cell_pk: int | None
    epoch: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An erasure, by the KEK's name. `sequence` orders the feed; a new one has 0."""

    sequence: int
    kek: str
    handle: bytes
    version: int
    erased_at: int
    who: str
    legal_basis: str
    request_id: str | None


_PERSON: Final = "kek_pk, version, handle, algorithm, material, commitment, cell_pk, epoch, created_at"
_TOMBSTONE: Final = "pk, kek, handle, version, erased_at, who, legal_basis, request_id"
_CELL: Final = "pk, kek_pk, material, wrapped_by, wrapped_at, persons"


def _person(row: Row) -> Person:
    kek, version, handle, algorithm, material, commitment, cell, epoch, created_at = row
    committed = None if commitment is None else bytes(commitment)
    return Person(kek, version, bytes(handle), algorithm, bytes(material), committed, cell, epoch, created_at)


def _tombstone(row: Row) -> Tombstone:
    pk, kek, handle, *rest = row
    return Tombstone(pk, kek, bytes(handle), *rest)


def _listed(name: str, values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """The inside of `IN (…)`, and its parameters."""
    return ", ".join(f":{name}{n}" for n in range(len(values))), {f"{name}{n}": each for n, each in enumerate(values)}


def by_handle(db: Db, kek_pk: int, handles: Sequence[bytes]) -> list[Person]:
    """Live keys of handles."""
    inside, parameters = _listed("handle", handles)
    rows = db.all(
        f"SELECT {_PERSON} FROM person WHERE kek_pk = :kek AND handle IN ({inside})",  # noqa: S608 # constants
        kek=kek_pk,
        **parameters,
    )
    return [_person(row) for row in rows]


def by_version(db: Db, kek_pk: int, versions: Sequence[int]) -> list[Person]:
    """Live keys by number."""
    inside, parameters = _listed("version", versions)
    rows = db.all(
        f"SELECT {_PERSON} FROM person WHERE kek_pk = :kek AND version IN ({inside})",  # noqa: S608 # constants
        kek=kek_pk,
        **parameters,
    )
    return [_person(row) for row in rows]


def erased(db: Db, kek: str, handles: Sequence[bytes] = (), versions: Sequence[int] = ()) -> list[Tombstone]:
    """Tombstones of handles and of numbers, oldest first."""
    which: list[str] = []
    parameters: dict[str, Any] = {}
    for name, values in (("handle", handles), ("version", versions)):
        if values:
            inside, more = _listed(name, values)
            which.append(f"{name} IN ({inside})")
            parameters |= more
    if not which:
        return []
    rows = db.all(
        f"SELECT {_TOMBSTONE} FROM tombstone WHERE kek = :kek AND ({' OR '.join(which)}) ORDER BY pk",  # noqa: S608 # constants
        kek=kek,
        **parameters,
    )
    return [_tombstone(row) for row in rows]


def take_numbers(db: Db, kek_pk: int, count: int) -> int:
    """The first of so many numbers that nobody had and nobody else gets."""
    # A client may have put keys of its own there through the DEK API.
    row = db.one(
        """UPDATE kek SET last_person = :count + CASE
            WHEN last_person >= COALESCE((SELECT max(version) FROM dek WHERE kek_pk = :kek), 0) THEN last_person
            ELSE (SELECT max(version) FROM dek WHERE kek_pk = :kek) END
        WHERE pk = :kek RETURNING last_person""",
        kek=kek_pk,
        count=count,
    )
    if row is None:
        raise AssertionError("the KEK was there in this transaction")  # pragma: no cover
    return int(row[0]) - count + 1


def numbers_from(db: Db, kek_pk: int, version: int) -> None:
    """Hand out no number up to this one."""
    db.run(
        "UPDATE kek SET last_person = :version WHERE pk = :kek AND last_person < :version", kek=kek_pk, version=version
    )


def last_erased(db: Db, kek: str) -> int:
    """The highest number that was erased under a KEK of this name, 0 if none was."""
    row = db.one("SELECT max(version) FROM tombstone WHERE kek = :kek", kek=kek)
    return 0 if row is None or row[0] is None else int(row[0])


def insert(db: Db, people: Iterable[Person]) -> None:
    """New persons' keys."""
    db.many(
        f"""INSERT INTO person ({_PERSON}) VALUES (:kek_pk, :version, :handle, :algorithm, :material, :commitment,
        :cell_pk, :epoch, :created_at)""",  # noqa: S608 # constants
        [
            {
                "kek_pk": each.kek_pk,
                "version": each.version,
                "handle": each.handle,
                "algorithm": each.algorithm,
                "material": each.material,
                "commitment": each.commitment,
                "cell_pk": each.cell_pk,
                "epoch": each.epoch,
                "created_at": each.created_at,
            }
            for each in people
        ],
    )


def delete(db: Db, kek_pk: int, version: int) -> int:
    """Destroy a person's key; how many rows were there. On SQLite the pages it lay on are overwritten."""
    if db.dialect == "sqlite":
        db.one("PRAGMA secure_delete = ON")
    return db.run("DELETE FROM person WHERE kek_pk = :kek AND version = :version", kek=kek_pk, version=version)


def insert_tombstone(db: Db, stone: Tombstone) -> None:
    """A new tombstone."""
    db.run(
        """INSERT INTO tombstone (kek, handle, version, erased_at, who, legal_basis, request_id)
        VALUES (:kek, :handle, :version, :erased_at, :who, :legal_basis, :request_id)""",
        kek=stone.kek,
        handle=stone.handle,
        version=stone.version,
        erased_at=stone.erased_at,
        who=stone.who,
        legal_basis=stone.legal_basis,
        request_id=stone.request_id,
    )


def tombstones(db: Db, after: int, limit: int) -> list[Tombstone]:
    """The feed: tombstones after a sequence number, in the order of their commits."""
    rows = db.all(
        f"SELECT {_TOMBSTONE} FROM tombstone WHERE pk > :after ORDER BY pk LIMIT :limit",  # noqa: S608 # constants
        after=after,
        limit=limit,
    )
    return [_tombstone(row) for row in rows]


def open_cell(db: Db, kek_pk: int, most: int) -> Cell | None:
    """The newest cell that has room."""
    row = db.one(
        f"SELECT {_CELL} FROM key_cell WHERE kek_pk = :kek AND persons < :most ORDER BY pk DESC LIMIT 1",  # noqa: S608 # constants
        kek=kek_pk,
        most=most,
    )
    return None if row is None else Cell(*row)


def cells(db: Db, pks: Sequence[int]) -> dict[int, Cell]:
    """Cells by key."""
    inside, parameters = _listed("cell", pks)
    rows = db.all(f"SELECT {_CELL} FROM key_cell WHERE pk IN ({inside})", **parameters)  # noqa: S608 # constants
    return {row[0]: Cell(*row) for row in rows}


def insert_cell(db: Db, kek_pk: int, material: str, wrapped_by: str, now: int) -> Cell:
    """A new cell."""
    row = db.one(
        """INSERT INTO key_cell (kek_pk, material, wrapped_by, wrapped_at, persons, created_at)
        VALUES (:kek, :material, :wrapped_by, :now, 0, :now) RETURNING pk""",
        kek=kek_pk,
        material=material,
        wrapped_by=wrapped_by,
        now=now,
    )
    if row is None:
        raise AssertionError("an insert gives its key")  # pragma: no cover
    return Cell(row[0], kek_pk, material, wrapped_by, now, 0)


def fill_cell(db: Db, pk: int, count: int) -> None:
    """Note that so many were put into a cell."""
    db.run("UPDATE key_cell SET persons = persons + :count WHERE pk = :pk", pk=pk, count=count)


def cells_behind(db: Db, kek_pk: int, before: int, limit: int) -> list[Cell]:
    """Cells that were wrapped before a moment."""
    rows = db.all(
        f"""SELECT {_CELL} FROM key_cell WHERE kek_pk = :kek AND wrapped_at < :before
        ORDER BY wrapped_at, pk LIMIT :limit""",  # noqa: S608 # constants
        kek=kek_pk,
        before=before,
        limit=limit,
    )
    return [Cell(*row) for row in rows]


def rewrap_cell(db: Db, pk: int, old: str, new: str, wrapped_by: str, now: int) -> int:
    """Put a renewed wrapping in place of the one it was made from; 0 when another was faster."""
    return db.run(
        """UPDATE key_cell SET material = :new, wrapped_by = :wrapped_by, wrapped_at = :now
        WHERE pk = :pk AND material = :old""",
        pk=pk,
        old=old,
        new=new,
        wrapped_by=wrapped_by,
        now=now,
    )


def of_other_epochs(db: Db, epoch: str, limit: int) -> list[Person]:
    """Live keys that are not sealed with an epoch's key, nor with a later one's."""
    # Two ranges of the index: what is done already is not looked at again.
    for where in ("epoch IS NULL", "epoch < :epoch"):
        rows = db.all(
            f"SELECT {_PERSON} FROM person WHERE {where} ORDER BY epoch LIMIT :limit",  # noqa: S608 # constants
            limit=limit,
            **({"epoch": epoch} if ":epoch" in where else {}),
        )
        if rows:
            return [_person(row) for row in rows]
    return []


def epochs(db: Db) -> list[str]:
    """The epochs that live keys are sealed with, oldest first."""
    found: list[str] = []
    while row := db.one(
        "SELECT min(epoch) FROM person WHERE epoch > :last", last=found[-1] if found else ""
    ):  # from one to the next in the index, which has few among many rows
        if row[0] is None:
            break
        found.append(row[0])
    return found


def reseal(db: Db, changes: Iterable[Mapping[str, Any]]) -> None:
    """New sealings, each only where the old one still is."""
    if db.dialect == "sqlite":
        db.one("PRAGMA secure_delete = ON")
    db.many(
        """UPDATE person SET material = :material, epoch = :epoch
        WHERE kek_pk = :kek_pk AND version = :version AND material = :old""",
        changes,
    )
