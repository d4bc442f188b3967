"""Environments, and what is deployed and released to them: questions and changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from contracts.queries.lists import one_of
from contracts.queries.needs import moved
from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class Environment:
    """A place where versions run. `contacts` is JSON text."""

    pk: int
    uuid: str
    name: str
    display_name: str
    production: bool
    contacts: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Presence:
    """A version in an environment: deployed (with its instance) or released. `ended_at` None: it is there now."""

    pk: int
    uuid: str
    application: str
    number: str
    version_pk: int
    environment_pk: int
    instance: str
    created_at: int
    ended_at: int | None

    @property
    def current(self) -> bool:
        return self.ended_at is None


_ENVIRONMENT = "e.pk, e.uuid, e.name, e.display_name, e.production, e.contacts, e.created_at, e.updated_at"
_DEPLOYED = "d.pk, d.uuid, a.name, v.number, d.version_pk, d.environment_pk, d.instance, d.created_at, d.ended_at"
_RELEASED = "d.pk, d.uuid, a.name, v.number, d.version_pk, d.environment_pk, '', d.created_at, d.ended_at"
_JOINED = "JOIN application_version v ON v.pk = d.version_pk JOIN application a ON a.pk = d.application_pk"
DEPLOYED, RELEASED = "deployed_version", "released_version"
_COLUMNS = {DEPLOYED: _DEPLOYED, RELEASED: _RELEASED}


def _environment(row: tuple[object, ...] | None) -> Environment | None:
    if row is None:
        return None
    pk, uuid, name, display, production, contacts, created, updated = row
    return Environment(pk, uuid, name, display, bool(production), contacts, created, updated)  # type: ignore[arg-type] # columns of the statement


def environments(db: Db, *, name: str | None = None) -> list[Environment]:
    """All environments by name, or the one of a name."""
    where = "" if name is None else " WHERE e.name = :name"
    rows = db.all(
        f"SELECT {_ENVIRONMENT} FROM environment e{where} ORDER BY e.name",  # noqa: S608 # constants
        **({} if name is None else {"name": name}),
    )
    return [found for row in rows if (found := _environment(row))]


def environment(db: Db, uuid: str) -> Environment | None:
    """An environment by UUID."""
    return _environment(db.one(f"SELECT {_ENVIRONMENT} FROM environment e WHERE e.uuid = :uuid", uuid=uuid))  # noqa: S608 # constants


def environment_named(db: Db, name: str) -> Environment | None:
    """An environment by name."""
    return next(iter(environments(db, name=name)), None)


def environments_by_pk(db: Db, pks: Iterable[int]) -> dict[int, Environment]:
    """Environments by key."""
    listed, parameters = one_of("p", set(pks))
    rows = db.all(f"SELECT {_ENVIRONMENT} FROM environment e WHERE e.pk IN {listed}", **parameters)  # noqa: S608 # placeholders
    return {found.pk: found for row in rows if (found := _environment(row))}


def put_environment(db: Db, uuid: str, name: str, display_name: str, production: bool, contacts: str, now: int) -> None:
    """Create or change an environment."""
    db.run(
        """INSERT INTO environment (uuid, name, display_name, production, contacts, created_at, updated_at)
        VALUES (:uuid, :name, :display, :production, :contacts, :now, :now)
        ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, display_name = excluded.display_name,
        production = excluded.production, contacts = excluded.contacts, updated_at = excluded.updated_at""",
        uuid=uuid,
        name=name,
        display=display_name,
        production=int(production),
        contacts=contacts,
        now=now,
    )


def delete_environment(db: Db, pk: int) -> None:
    """Remove an environment and what was recorded for it."""
    moved(db)
    db.run("DELETE FROM environment WHERE pk = :pk", pk=pk)


def seed(db: Db, now: int) -> None:
    """The environments that exist from the start: `test` and `production`."""
    for name in ("test", "production"):
        put_environment(db, str(uuid4()), name, name.capitalize(), name == "production", "[]", now)


def current(
    db: Db,
    table: str,
    environment_pk: int,
    *,
    application: str | None = None,
    number: str | None = None,
    instance: str | None = None,
) -> list[Presence]:
    """What is in an environment now, newest first."""
    where, parameters = "d.environment_pk = :environment AND d.ended_at IS NULL", {"environment": environment_pk}
    narrowed: dict[str, str] = {}
    for column, name, value in (
        ("a.name", "application", application),
        ("v.number", "number", number),
        ("d.instance", "instance", instance if table == DEPLOYED else None),
    ):
        if value is not None:
            where += f" AND {column} = :{name}"
            narrowed[name] = value
    rows = db.all(
        f"SELECT {_COLUMNS[table]} FROM {table} d {_JOINED} WHERE {where} ORDER BY d.pk DESC",  # noqa: S608 # constants
        **parameters,
        **narrowed,
    )
    return [Presence(*row) for row in rows]


def of_version(db: Db, table: str, version_pk: int, environment_pk: int) -> list[Presence]:
    """A version's records in an environment, past ones too, newest first."""
    rows = db.all(
        f"""SELECT {_COLUMNS[table]} FROM {table} d {_JOINED}
        WHERE d.version_pk = :version AND d.environment_pk = :environment ORDER BY d.pk DESC""",  # noqa: S608 # constants
        version=version_pk,
        environment=environment_pk,
    )
    return [Presence(*row) for row in rows]


def presence(db: Db, table: str, uuid: str) -> Presence | None:
    """A record by UUID."""
    row = db.one(f"SELECT {_COLUMNS[table]} FROM {table} d {_JOINED} WHERE d.uuid = :uuid", uuid=uuid)  # noqa: S608 # constants
    return None if row is None else Presence(*row)


def end(db: Db, table: str, pk: int, now: int) -> None:
    """A version is there no longer."""
    moved(db)
    db.run(f"UPDATE {table} SET ended_at = :now WHERE pk = :pk AND ended_at IS NULL", pk=pk, now=now)  # noqa: S608 # constants


def reopen_release(db: Db, pk: int) -> None:
    """A release is supported again."""
    moved(db)
    db.run("UPDATE released_version SET ended_at = NULL WHERE pk = :pk", pk=pk)


def deploy(
    db: Db, uuid: str, application_pk: int, version_pk: int, environment_pk: int, instance: str, now: int
) -> None:
    """Record a deployment; what ran on the same instance ends."""
    moved(db)
    db.run(
        """UPDATE deployed_version SET ended_at = :now WHERE environment_pk = :environment
        AND application_pk = :application AND instance = :instance AND ended_at IS NULL""",
        environment=environment_pk,
        application=application_pk,
        instance=instance,
        now=now,
    )
    db.run(
        """INSERT INTO deployed_version
        (uuid, application_pk, version_pk, environment_pk, instance, created_at)
        VALUES (:uuid, :application, :version, :environment, :instance, :now)""",
        uuid=uuid,
        application=application_pk,
        version=version_pk,
        environment=environment_pk,
        instance=instance,
        now=now,
    )


def release(db: Db, uuid: str, application_pk: int, version_pk: int, environment_pk: int, now: int) -> None:
    """Record a release beside those that are there."""
    moved(db)
    db.run(
        """INSERT INTO released_version (uuid, application_pk, version_pk, environment_pk, created_at)
        VALUES (:uuid, :application, :version, :environment, :now)""",
        uuid=uuid,
        application=application_pk,
        version=version_pk,
        environment=environment_pk,
        now=now,
    )


def versions_in(db: Db, application_pk: int, environment_pk: int) -> list[int]:
    """Keys of an application's versions that are deployed or released there now."""
    rows = db.all(
        """SELECT version_pk FROM deployed_version WHERE application_pk = :application
        AND environment_pk = :environment AND ended_at IS NULL
        UNION SELECT version_pk FROM released_version WHERE application_pk = :application
        AND environment_pk = :environment AND ended_at IS NULL""",
        application=application_pk,
        environment=environment_pk,
    )
    return [pk for (pk,) in rows]
