"""Questions about the log of changes beyond reading it in order: what happened to a resource, and a filtered feed."""

from __future__ import annotations

from registry.store.engine import Db, Row

_COLUMNS = "pk, sequence, at, actor, action, resource, body"


def of_resource(db: Db, resource: str, before: int | None, limit: int) -> list[Row]:
    """Events of one resource, newest first, before a key; committed ones that are not sealed yet included.

    A row is (key, sequence, at, actor, action, resource, body).
    """
    older = "" if before is None else " AND pk < :before"
    return db.all(
        f"SELECT {_COLUMNS} FROM event WHERE resource = :resource{older} ORDER BY pk DESC LIMIT :limit",  # noqa: S608 # constants
        resource=resource,
        limit=limit,
        **({} if before is None else {"before": before}),
    )


def last_sequence(db: Db) -> int:
    """The sequence number of the newest sealed event, 0 before the first."""
    row = db.one("SELECT max(sequence) FROM event")
    return 0 if row is None or row[0] is None else int(row[0])


def between(db: Db, after: int, upto: int, prefix: str, limit: int) -> list[Row]:
    """Sealed events after a sequence number and up to another, oldest first, whose resource starts with a prefix."""
    narrowed = "" if prefix == "" else " AND substr(resource, 1, :length) = :prefix"
    return db.all(
        f"""SELECT {_COLUMNS} FROM event WHERE sequence > :after AND sequence <= :upto{narrowed}
        ORDER BY sequence LIMIT :limit""",  # noqa: S608 # constants
        after=after,
        upto=upto,
        limit=limit,
        **({} if prefix == "" else {"prefix": prefix, "length": len(prefix)}),
    )


def schemas_of(db: Db, context: str, ids: list[int]) -> dict[int, tuple[str, str]]:
    """(guid, format) by id, of those ids of a context that are still there."""
    if not ids:
        return {}
    # Filled up to tens, so that few statements have to be prepared.
    filled = ids + ids[-1:] * (-len(ids) % 10)
    names = ", ".join(f":id{n}" for n in range(len(filled)))
    rows = db.all(
        f"""SELECT x.id, x.guid, x.format FROM context c JOIN schema_ x ON x.context_pk = c.pk
        WHERE c.name = :context AND x.id IN ({names})""",  # noqa: S608 # names of parameters
        context=context,
        **{f"id{n}": id for n, id in enumerate(filled)},
    )
    return {id: (guid, format) for id, guid, format in rows}
