"""Which versions of subjects an application version writes: questions and changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.queries import aliases
from contracts.queries.lists import one_of
from registry.store.engine import Db, Row


def put(db: Db, version_pk: int, written: Iterable[tuple[str, int]], self_verified: bool | None, now: int) -> None:
    """Say what a version writes, besides what it said of other subjects before."""
    for subject in {subject for subject, _ in written}:
        db.run(
            "DELETE FROM produced_subject WHERE version_pk = :version AND subject = :subject",
            version=version_pk,
            subject=subject,
        )
    db.many(
        """INSERT INTO produced_subject (version_pk, subject, schema_version, self_verified, created_at)
        VALUES (:version, :subject, :number, :verified, :now)""",
        [
            {
                "version": version_pk,
                "subject": subject,
                "number": number,
                "verified": None if self_verified is None else int(self_verified),
                "now": now,
            }
            for subject, number in dict.fromkeys(written)
        ],
    )


def of_versions(db: Db, version_pks: Collection[int]) -> dict[int, list[tuple[str, int, bool | None]]]:
    """(subject, version of it, what the provider said of its own check) by application version."""
    listed, parameters = one_of("v", sorted(version_pks))
    found: dict[int, list[tuple[str, int, bool | None]]] = {}
    for pk, subject, number, verified in db.all(
        f"""SELECT version_pk, subject, schema_version, self_verified FROM produced_subject
        WHERE version_pk IN {listed} ORDER BY subject, schema_version""",  # noqa: S608 # placeholders
        **parameters,
    ):
        found.setdefault(pk, []).append((subject, number, None if verified is None else bool(verified)))
    return found


def subjects_of(db: Db, application: str) -> list[str]:
    """The subjects that an application ever said it writes, or that messages of its contracts belong to."""
    rows = db.all(
        """SELECT DISTINCT p.subject FROM produced_subject p JOIN application_version v ON v.pk = p.version_pk
        JOIN application a ON a.pk = v.application_pk WHERE a.name = :name
        UNION SELECT DISTINCT subject FROM contract_needs WHERE provider = :name AND subject <> ''""",
        name=application,
    )
    return _meant(db, rows)


def _meant(db: Db, rows: Iterable[Sequence[str]]) -> list[str]:
    """The subjects that names mean."""
    meanings = aliases.meanings(db)
    return sorted({meanings.get(name, name) for (name,) in rows if name})


@dataclass(frozen=True, slots=True)
class Writer:
    """A version of an application that says which version of a subject it writes."""

    subject: str
    application: str
    number: str
    position: int
    schema_version: int


def writers(db: Db, subjects: Sequence[str]) -> list[Writer]:
    """Every version that said it writes one of some subjects, the oldest first."""
    found: list[Writer] = []
    for start in range(0, len(subjects), _AT_ONCE):
        listed, parameters = one_of("s", subjects[start : start + _AT_ONCE])
        rows = db.all(
            f"""SELECT p.subject, a.name, v.number, v.position, p.schema_version FROM produced_subject p
            JOIN application_version v ON v.pk = p.version_pk JOIN application a ON a.pk = v.application_pk
            WHERE p.subject IN {listed} ORDER BY p.subject, a.name, v.position, p.schema_version""",  # noqa: S608 # placeholders
            **parameters,
        )
        found += [Writer(*row) for row in rows]
    return found


def subjects_used(db: Db, application: str | None) -> list[str]:
    """The subjects that an application, or any, writes or reads, by whatever evidence."""
    only = "" if application is None else "AND a.name = :name"
    seen = "" if application is None else "WHERE application = :name"
    named = {} if application is None else {"name": application}
    rows = db.all(
        f"""SELECT p.subject FROM produced_subject p JOIN application_version v ON v.pk = p.version_pk
        JOIN application a ON a.pk = v.application_pk WHERE 1 = 1 {only}
        UNION SELECT r.subject FROM subject_reader r JOIN application a ON a.pk = r.application_pk WHERE 1 = 1 {only}
        UNION SELECT n.subject FROM contract_needs n JOIN application a ON a.name = n.provider WHERE 1 = 1 {only}
        UNION SELECT subject FROM observed_consumer {seen}""",  # noqa: S608 # constants
        **named,
    )
    return _meant(db, rows)


_AT_ONCE = 512
_PRESENT = ("deployed_version", "released_version")


Met = tuple[int, str, str, int]
"""A version: key, application, number, position."""


def readers_in(db: Db, names: Collection[str], environment: str) -> list[Met]:
    """Versions in an environment that say themselves, without a pact, that they read a subject by one of its names."""
    listed, parameters = one_of("s", sorted(names))
    rows = _met(
        db,
        "''",
        """subject_reader r JOIN environment e ON e.name = :environment
        JOIN {present} d ON d.application_pk = r.application_pk AND d.environment_pk = e.pk AND d.ended_at IS NULL
        JOIN contract_needs n ON n.version_pk = d.version_pk AND n.subject = r.subject AND n.source NOT LIKE 'pact:%'
        {names} WHERE r.subject IN {listed}""",
        listed,
        environment=environment,
        **parameters,
    )
    return [(pk, name, number, position) for _, pk, name, number, position in rows]


@dataclass(frozen=True, slots=True)
class Writing:
    """A version that says that it writes a subject."""

    subject: str
    version: Met


def writers_in(db: Db, environment: str) -> list[Writing]:
    """The versions in an environment that say what they write, once for each subject."""
    rows = _met(
        db,
        "p.subject",
        """environment e JOIN {present} d ON d.environment_pk = e.pk AND d.ended_at IS NULL
        JOIN produced_subject p ON p.version_pk = d.version_pk {names} WHERE e.name = :environment""",
        environment=environment,
    )
    return [Writing(subject, (pk, name, number, position)) for subject, pk, name, number, position in rows]


def _met(db: Db, subject: str, source: str, listed: str = "", **parameters: Any) -> list[Row]:
    names = "JOIN application_version v ON v.pk = d.version_pk JOIN application a ON a.pk = v.application_pk"
    parts = [
        f"""SELECT {subject}, v.pk, a.name, v.number, v.position
        FROM {source.format(present=table, names=names, listed=listed)}"""  # noqa: S608 # constants and placeholders
        for table in _PRESENT
    ]
    return sorted(db.all(" UNION ".join(parts), **parameters))
