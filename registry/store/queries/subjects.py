"""Questions about subjects and contexts, and the changes of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from random import getrandbits

from registry.errors import OperationNotPermitted
from registry.names import Subject
from registry.store.engine import Db
from registry.store.queries.schemas import _limit, _order, _range


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a subject: what a decision about it rests on. `revision` moves with every change."""

    pk: int
    context_pk: int
    revision: int
    live: int
    latest_version: int | None
    max_version: int
    owner: str | None


_HEAD = "s.pk, s.context_pk, s.revision, s.live, s.latest_version, s.max_version, s.owner"


def head(db: Db, subject: Subject) -> Head | None:
    """A subject by name, live or not."""
    row = db.one(
        f"""SELECT {_HEAD} FROM context c JOIN subject s ON s.context_pk = c.pk
        WHERE c.name = :context AND s.name = :name""",  # noqa: S608 # constants
        context=subject.context,
        name=subject.name,
    )
    return None if row is None else Head(*row)


def list_subjects(
    db: Db, *, context: str | None, prefix: str, which: str = "live", offset: int = 0, limit: int | None = None
) -> list[Subject]:
    """Subjects by printed name. `which`: live · all · deleted (those with no live version). `context` None = all."""
    where, parameters = _range(context, prefix)
    where += {"live": " AND s.live > 0", "all": "", "deleted": " AND s.live = 0"}[which]
    rows = db.all(
        f"""SELECT c.name, s.name FROM context c JOIN subject s ON s.context_pk = c.pk
        WHERE {where} ORDER BY {_order(context)} LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        **parameters,
        limit=_limit(limit),
        offset=offset,
    )
    return [Subject(*row) for row in rows]


def with_deleted_versions(
    db: Db, *, context: str | None, prefix: str, offset: int = 0, limit: int | None = None
) -> list[Subject]:
    """Subjects that have a soft-deleted version (`deletedOnly`)."""
    where, parameters = _range(context, prefix)
    rows = db.all(
        f"""SELECT c.name, s.name FROM context c JOIN subject s ON s.context_pk = c.pk
        WHERE {where} AND EXISTS (SELECT 1 FROM version v WHERE v.subject_pk = s.pk AND v.deleted_at IS NOT NULL)
        ORDER BY {_order(context)} LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        **parameters,
        limit=_limit(limit),
        offset=offset,
    )
    return [Subject(*row) for row in rows]


def numbers(db: Db, subject_pk: int) -> list[tuple[int, bool]]:
    """All versions of a subject, ascending: (number, deleted)."""
    rows = db.all(
        "SELECT version, deleted_at FROM version WHERE subject_pk = :subject_pk ORDER BY version", subject_pk=subject_pk
    )
    return [(number, deleted_at is not None) for number, deleted_at in rows]


def contexts(db: Db, *, prefix: str = "", offset: int = 0, limit: int | None = None) -> list[str]:
    """Names of the known contexts that start with a prefix."""
    rows = db.all(
        "SELECT name FROM context WHERE name >= :low AND name < :high ORDER BY name LIMIT :limit OFFSET :offset",
        low=prefix,
        high=prefix + "\U0010ffff",
        limit=_limit(limit),
        offset=offset,
    )
    return [name for (name,) in rows]


def contexts_of(db: Db, name: str, *, deleted: bool = False) -> list[Subject]:
    """The subjects of this name in all contexts, by context."""
    live = "" if deleted else " AND s.live > 0"
    rows = db.all(
        f"""SELECT c.name FROM context c JOIN subject s ON s.context_pk = c.pk
        WHERE s.name = :name{live} ORDER BY c.name""",  # noqa: S608 # constants
        name=name,
    )
    return [Subject(context, name) for (context,) in rows]


def context_in_use(db: Db, context: str) -> bool:
    """Whether a context holds any subject, soft-deleted ones included."""
    return (
        db.one(
            "SELECT 1 FROM context c JOIN subject s ON s.context_pk = c.pk WHERE c.name = :context LIMIT 1",
            context=context,
        )
        is not None
    )


def delete_context(db: Db, context: str) -> bool:
    """Forget an empty context; whether it was known."""
    return db.run("DELETE FROM context WHERE name = :context", context=context) > 0


def referred(db: Db, subject: Subject) -> list[Subject]:
    """The subjects that versions of a subject refer to, deleted ones included."""
    rows = db.all(
        """SELECT DISTINCT tc.name, t.name FROM context c JOIN subject s ON s.context_pk = c.pk
        JOIN version v ON v.subject_pk = s.pk JOIN reference r ON r.schema_pk = v.schema_pk
        JOIN subject t ON t.pk = r.subject_pk JOIN context tc ON tc.pk = t.context_pk
        WHERE c.name = :context AND s.name = :name ORDER BY tc.name, t.name""",
        context=subject.context,
        name=subject.name,
    )
    return [Subject(*row) for row in rows]


def open_context(db: Db, context: str) -> int:
    """The key of a context, made now if it is new."""
    row = db.one("SELECT pk FROM context WHERE name = :context", context=context)
    if row is None:
        db.wrote = True
        row = db.one("INSERT INTO context (name, last_id) VALUES (:context, 0) RETURNING pk", context=context)
    assert row is not None
    return int(row[0])


def next_id(db: Db, context_pk: int) -> int:
    """Hand out the next schema id of a context: never one that was handed out or imported before."""
    db.wrote = True
    row = db.one(
        """UPDATE context SET last_id = last_id + 1 WHERE pk = :context_pk AND last_id < 2147483647
        RETURNING last_id""",
        context_pk=context_pk,
    )
    if row is None:
        raise OperationNotPermitted("No schema ids are left in the context: the highest one was imported")
    return int(row[0])


def reserve_id(db: Db, context_pk: int, id: int) -> None:
    """Note an imported id, so that it is not handed out."""
    db.run("UPDATE context SET last_id = :id WHERE pk = :context_pk AND last_id < :id", context_pk=context_pk, id=id)


def add_subject(db: Db, subject: Subject) -> tuple[int, int]:
    """The keys of a subject that is not there yet, made now, and of its context."""
    db.wrote = True
    made = {
        "context": subject.context,
        "name": subject.name,
        # Not from 0: a subject that is purged and made anew must not come by a revision that a decision knows.
        "revision": getrandbits(62),
    }
    insert = """INSERT INTO subject (context_pk, name, revision, live, max_version)
        SELECT pk, :name, :revision, 0, 0 FROM context WHERE name = :context RETURNING pk, context_pk"""
    row = db.one(insert, **made)
    if row is None:
        open_context(db, subject.context)
        row = db.one(insert, **made)
    assert row is not None
    return int(row[0]), int(row[1])


def insert_version(db: Db, subject_pk: int, number: int, schema_pk: int, source: str | None, now: int) -> None:
    """A new live version; `refresh` afterwards."""
    db.run(
        """INSERT INTO version (subject_pk, version, schema_pk, created_at, source)
        VALUES (:subject_pk, :number, :schema_pk, :now, :source)""",
        subject_pk=subject_pk,
        number=number,
        schema_pk=schema_pk,
        now=now,
        source=source,
    )


def set_registered(db: Db, subject_pk: int, number: int, at: int) -> None:
    """Say when a version was registered."""
    db.run(
        "UPDATE version SET created_at = :at WHERE subject_pk = :subject_pk AND version = :number",
        subject_pk=subject_pk,
        number=number,
        at=at,
    )


def advance(db: Db, subject_pk: int, number: int) -> None:
    """Note one more live version: the short form of `refresh` after a registration."""
    db.run(
        """UPDATE subject SET revision = revision + 1, live = live + 1,
        latest_version = CASE WHEN latest_version > :number THEN latest_version ELSE :number END,
        max_version = CASE WHEN max_version > :number THEN max_version ELSE :number END
        WHERE pk = :subject_pk""",
        subject_pk=subject_pk,
        number=number,
    )


def refresh(db: Db, subject_pk: int) -> None:
    """Count the live versions anew and find the latest, after deletes and undeletes."""
    db.run(
        """UPDATE subject SET revision = revision + 1,
        live = (SELECT count(*) FROM version WHERE subject_pk = subject.pk AND deleted_at IS NULL),
        latest_version = (SELECT max(version) FROM version WHERE subject_pk = subject.pk AND deleted_at IS NULL)
        WHERE pk = :subject_pk""",
        subject_pk=subject_pk,
    )


def mark_deleted(db: Db, subject_pk: int, number: int, at: int | None) -> None:
    """Soft-delete a version (`at` in ms), or bring it back (None)."""
    db.run(
        "UPDATE version SET deleted_at = :at WHERE subject_pk = :subject_pk AND version = :number",
        subject_pk=subject_pk,
        number=number,
        at=at,
    )


def purge_version(db: Db, subject_pk: int, number: int, *, plans: bool = True) -> None:
    """Remove a version for good, and the upcasters from it and to it; without `plans` the same content comes back."""
    if plans:
        db.run(
            "DELETE FROM upcast WHERE subject_pk = :subject_pk AND (from_version = :number OR to_version = :number)",
            subject_pk=subject_pk,
            number=number,
        )
    db.run(
        "DELETE FROM version WHERE subject_pk = :subject_pk AND version = :number", subject_pk=subject_pk, number=number
    )


def purge_subject(db: Db, subject_pk: int) -> None:
    """Remove a subject that has no version left."""
    db.run("DELETE FROM subject WHERE pk = :subject_pk", subject_pk=subject_pk)


def set_owner(db: Db, subject_pk: int, owner: str | None) -> None:
    """Who answers for a subject."""
    db.run("UPDATE subject SET owner = :owner WHERE pk = :subject_pk", subject_pk=subject_pk, owner=owner)
