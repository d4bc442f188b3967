"""Questions about associations: which resource (a topic) a subject belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from registry.store.engine import Db
from registry.store.queries.schemas import _limit


@dataclass(frozen=True, slots=True)
class Association:
    """One association. `subject` is the printed name, `lifecycle` STRONG or WEAK, times in ms."""

    guid: str
    resource_id: str
    resource_name: str
    resource_namespace: str
    resource_type: str
    type: str
    subject: str
    lifecycle: str
    frozen: bool
    created_at: int
    updated_at: int


_COLUMNS = (
    "guid, resource_id, resource_name, resource_namespace, resource_type, type, scope, "
    "lifecycle, frozen, created_at, updated_at"
)


def find(
    db: Db,
    *,
    resource_id: str | None = None,
    name: str | None = None,
    namespace: str | None = None,
    resource_type: str | None = None,
    subject: str | None = None,
    types: Sequence[str] = (),
    lifecycle: str | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> list[Association]:
    """Associations that match everything that is given, by resource and type."""
    wanted = {
        "resource_id": resource_id,
        "resource_name": name,
        "resource_namespace": namespace,
        "resource_type": resource_type,
        "scope": subject,
        "lifecycle": lifecycle,
    }
    parameters = {column: value for column, value in wanted.items() if value is not None}
    where = [f"{column} = :{column}" for column in parameters]
    if types:
        parameters |= {f"type{index}": type for index, type in enumerate(types)}
        where.append(f"type IN ({', '.join(f':type{index}' for index in range(len(types)))})")
    rows = db.all(
        f"""SELECT {_COLUMNS} FROM association WHERE {" AND ".join(where) or "1 = 1"}
        ORDER BY resource_namespace, resource_name, type LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        **parameters,
        limit=_limit(limit),
        offset=offset,
    )
    return [
        Association(guid, id, named, within, of, type, scope, lives, bool(frozen), created_at, updated_at)
        for guid, id, named, within, of, type, scope, lives, frozen, created_at, updated_at in rows
    ]


def strong(db: Db, subject: str) -> bool:
    """Whether a subject has a STRONG association."""
    row = db.one("SELECT 1 FROM association WHERE scope = :subject AND lifecycle = 'STRONG' LIMIT 1", subject=subject)
    return row is not None


def any_for(db: Db, subject: str) -> bool:
    """Whether a subject has any association."""
    return db.one("SELECT 1 FROM association WHERE scope = :subject LIMIT 1", subject=subject) is not None


def count(db: Db) -> int:
    """How many there are."""
    row = db.one("SELECT count(*) FROM association")
    return 0 if row is None else int(row[0])


def insert(db: Db, association: Association) -> None:
    """A new association."""
    values = {each.name: getattr(association, each.name) for each in fields(association)}
    values["frozen"] = int(association.frozen)
    db.run(
        f"""INSERT INTO association ({_COLUMNS}) VALUES (:guid, :resource_id, :resource_name, :resource_namespace,
        :resource_type, :type, :subject, :lifecycle, :frozen, :created_at, :updated_at)""",  # noqa: S608 # constants
        **values,
    )


def delete(db: Db, guid: str) -> None:
    """Remove one association."""
    db.run("DELETE FROM association WHERE guid = :guid", guid=guid)
