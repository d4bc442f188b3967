"""The log of changes as auditors ask for it: by whom, what, when, from where; whole, with its checkpoints."""

from __future__ import annotations

from typing import Any

from registry.store.engine import Db, Row
from tenor.chain import Checkpoint, Sealed

_SEALED = "sequence, at, actor, action, resource, body, origin, hash"


def _sealed(row: Row) -> Sealed:
    sequence, at, actor, action, resource, body, origin, digest = row
    return Sealed(sequence, at, actor, action, resource, body, origin, None if digest is None else bytes(digest))


def sealed(db: Db, after: int, limit: int) -> list[Sealed]:
    """Events with numbers after one, in order."""
    rows = db.all(
        f"SELECT {_SEALED} FROM event WHERE sequence > :after ORDER BY sequence LIMIT :limit",  # noqa: S608 # constants
        after=after,
        limit=limit,
    )
    return [_sealed(row) for row in rows]


def unsealed(db: Db, limit: int) -> list[Sealed]:
    """Committed events that have no number yet."""
    rows = db.all(
        f"SELECT {_SEALED} FROM event WHERE sequence IS NULL ORDER BY pk LIMIT :limit",  # noqa: S608 # constants
        limit=limit,
    )
    return [_sealed(row) for row in rows]


def checkpoints(db: Db, after: int, upto: int) -> list[Checkpoint]:
    """Checkpoints at events after one and up to another."""
    rows = db.all(
        """SELECT sequence, hash, at, key_id, signature FROM checkpoint
        WHERE sequence > :after AND sequence <= :upto ORDER BY sequence, pk""",
        after=after,
        upto=upto,
    )
    return [Checkpoint(number, bytes(hash), at, key, bytes(signature)) for number, hash, at, key, signature in rows]


def last_checkpoint(db: Db) -> tuple[int, int]:
    """(sequence, time) of the newest checkpoint; zeros before the first."""
    row = db.one("SELECT sequence, at FROM checkpoint ORDER BY sequence DESC, pk DESC LIMIT 1")
    return (0, 0) if row is None else (row[0], row[1])


def last_sealed(db: Db) -> tuple[int, bytes] | None:
    """(sequence, hash) of the newest sealed event."""
    row = db.one("SELECT sequence, hash FROM event WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1")
    return None if row is None else (row[0], bytes(row[1]))


def insert_checkpoint(db: Db, made: Checkpoint) -> None:
    """Keep a checkpoint."""
    db.run(
        """INSERT INTO checkpoint (sequence, hash, at, key_id, signature)
        VALUES (:sequence, :hash, :at, :key_id, :signature)""",
        sequence=made.sequence,
        hash=made.hash,
        at=made.at,
        key_id=made.key_id,
        signature=made.signature,
    )


def search(
    db: Db,
    *,
    actor: str | None,
    action: str | None,
    resource: str,
    origin: str | None,
    since: int | None,
    until: int | None,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Events that match all that is given, newest first: (key, sequence, at, actor, action, resource, body, origin).

    `resource` is the start of one.
    """
    conditions, parameters = ["1 = 1"], dict[str, Any]()
    for name, column, value in (
        ("actor", "actor =", actor),
        ("action", "action =", action),
        ("origin", "origin =", origin),
        ("since", "at >=", since),
        ("until", "at <=", until),
        ("before", "pk <", before),
    ):
        if value is not None:
            conditions.append(f"{column} :{name}")
            parameters[name] = value
    if resource:
        conditions.append("substr(resource, 1, :length) = :resource")
        parameters |= {"resource": resource, "length": len(resource)}
    return db.all(
        f"""SELECT pk, sequence, at, actor, action, resource, body, origin FROM event
        WHERE {" AND ".join(conditions)} ORDER BY pk DESC LIMIT :limit""",  # noqa: S608 # constants
        limit=limit,
        **parameters,
    )
