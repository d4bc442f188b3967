"""Needs: who reads a subject, where those versions run, what they said. Questions and changes.

A question about a subject costs what is deployed: rows by reader and place, then the texts that are not in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contracts.queries import aliases
from contracts.queries.lists import Parameters, one_of
from registry.store.engine import Db

T = TypeVar("T")


def epoch(db: Db) -> int:
    """The number that moves with whatever an impact rests on: needs, deployments, waivers, policies, evidence."""
    row = db.one("SELECT value FROM counter WHERE name = 'deployments'")
    return 0 if row is None else int(row[0])


def moved(db: Db) -> None:
    """Something that an impact rests on has changed."""
    db.run(
        """INSERT INTO counter (name, value) VALUES ('deployments', 1)
        ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"""
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """The needs of one version on one subject from one source, their text unread."""

    pk: int
    version_pk: int
    subject: str
    provider: str
    digest: str
    confirmed_at: int
    source: str
    whole: int


_KEPT = "n.pk, n.version_pk, n.subject, n.provider, n.digest, n.confirmed_at, n.source, n.whole"


def put(
    db: Db,
    version_pk: int,
    application_pk: int,
    source: str,
    provider: str,
    subject: str,
    digest: str,
    body: str,
    now: int,
    *,
    whole: bool,
) -> None:
    """Keep the needs of a version on a subject; those from the same source before are replaced."""
    db.run(
        """INSERT INTO contract_needs
        (version_pk, application_pk, source, provider, subject, digest, body, whole, confirmed_at)
        VALUES (:version, :application, :source, :provider, :subject, :digest, :body, :whole, :now)
        ON CONFLICT (version_pk, subject, source) DO UPDATE SET digest = excluded.digest, body = excluded.body,
        provider = excluded.provider, whole = excluded.whole, confirmed_at = excluded.confirmed_at""",
        version=version_pk,
        application=application_pk,
        source=source,
        provider=provider,
        subject=subject,
        digest=digest,
        body=body,
        whole=int(whole),
        now=now,
    )
    db.run(
        """INSERT INTO subject_reader (subject, application_pk, version_pk) VALUES (:subject, :application, :version)
        ON CONFLICT (subject, application_pk) DO UPDATE SET version_pk = excluded.version_pk
        WHERE subject_reader.version_pk IS NULL OR subject_reader.version_pk < excluded.version_pk""",
        subject=subject,
        application=application_pk,
        version=version_pk,
    )


def declare(db: Db, subject: str, application_pk: int) -> None:
    """An application reads a subject, whatever its versions say."""
    db.run(
        """INSERT INTO subject_reader (subject, application_pk, version_pk) VALUES (:subject, :application, NULL)
        ON CONFLICT (subject, application_pk) DO NOTHING""",
        subject=subject,
        application=application_pk,
    )


def readers_of(db: Db, subject: str) -> set[str]:
    """The applications that read a subject by any of its names, or said so once."""
    listed, parameters = one_of("s", aliases.among(db, [subject]))
    rows = db.all(
        f"""SELECT a.name FROM subject_reader r JOIN application a ON a.pk = r.application_pk
        WHERE r.subject IN {listed}""",  # noqa: S608 # placeholders
        **parameters,
    )
    return {name for (name,) in rows}


def read_by(db: Db, application: str) -> list[tuple[str, bool]]:
    """The names of subjects that an application reads in whatever version, and whether it was declared only."""
    rows = db.all(
        """SELECT r.subject, r.version_pk FROM subject_reader r JOIN application a ON a.pk = r.application_pk
        WHERE a.name = :application""",
        application=application,
    )
    return [(subject, version is None) for subject, version in rows]


def declared(db: Db, subjects: Collection[str]) -> set[tuple[str, int]]:
    """(subject, application key) of readers none of whose versions said what it needs."""
    listed, parameters = one_of("s", subjects)
    rows = db.all(
        f"SELECT subject, application_pk FROM subject_reader WHERE version_pk IS NULL AND subject IN {listed}",  # noqa: S608 # placeholders
        **parameters,
    )
    return {(subject, application) for subject, application in rows}


def drop(db: Db, version_pk: int, source: str, kept: Collection[str] = ()) -> int:
    """Forget what a version said from a source, but for some subjects."""
    listed, parameters = one_of("s", kept)
    besides = f" AND subject NOT IN {listed}" if kept else ""
    return db.run(
        f"DELETE FROM contract_needs WHERE version_pk = :version AND source = :source{besides}",  # noqa: S608 # placeholders
        version=version_pk,
        source=source,
        **parameters,
    )


def forget_unread(db: Db, application_pk: int) -> None:
    """An application is no reader of subjects that none of its versions needs any more, unless it was declared."""
    db.run(
        """DELETE FROM subject_reader WHERE application_pk = :application AND version_pk IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM contract_needs n
        WHERE n.application_pk = :application AND n.subject = subject_reader.subject)""",
        application=application_pk,
    )


def forget_version(db: Db, version_pk: int) -> None:
    """A version is about to be deleted: another one said last what its application needs of a subject, or none did."""
    others = """FROM contract_needs n WHERE n.application_pk = subject_reader.application_pk
        AND n.subject = subject_reader.subject AND n.version_pk <> :version"""
    db.run(
        f"DELETE FROM subject_reader WHERE version_pk = :version AND NOT EXISTS (SELECT 1 {others})",  # noqa: S608 # constants
        version=version_pk,
    )
    db.run(
        f"UPDATE subject_reader SET version_pk = (SELECT MAX(n.version_pk) {others}) WHERE version_pk = :version",  # noqa: S608 # constants
        version=version_pk,
    )


def drop_pacts(db: Db, pact_pks: Collection[int]) -> None:
    """Forget what pacts need that are about to be deleted."""
    listed, parameters = one_of("p", pact_pks)
    consumers = db.all(f"SELECT DISTINCT consumer_pk FROM pact WHERE pk IN {listed}", **parameters)  # noqa: S608 # placeholders
    db.run(
        f"""DELETE FROM contract_needs WHERE EXISTS (SELECT 1 FROM pact p WHERE p.pk IN {listed}
        AND p.version_pk = contract_needs.version_pk AND contract_needs.source = 'pact:' || p.provider_pk)""",  # noqa: S608 # placeholders
        **parameters,
    )
    for (consumer,) in consumers:
        forget_unread(db, consumer)
    moved(db)


def drop_integration(db: Db, consumer_pk: int, provider_pk: int) -> None:
    """Forget what all pacts of a pair need."""
    db.run(
        "DELETE FROM contract_needs WHERE application_pk = :consumer AND source = :source",
        consumer=consumer_pk,
        source=f"pact:{provider_pk}",
    )
    forget_unread(db, consumer_pk)
    moved(db)


def confirm(db: Db, content_pk: int, now: int) -> None:
    """The provider kept what versions with a content need: they are confirmed."""
    db.run(
        """UPDATE contract_needs SET confirmed_at = :now WHERE EXISTS (SELECT 1 FROM pact p
        WHERE p.content_pk = :content AND p.version_pk = contract_needs.version_pk
        AND contract_needs.source = 'pact:' || p.provider_pk)
        AND version_pk IN (SELECT version_pk FROM pact WHERE content_pk = :content)""",
        content=content_pk,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class Presence:
    """A version of a reader in an environment now."""

    subject: str
    application_pk: int
    application: str
    version_pk: int
    number: str
    environment: str
    production: bool
    instance: str
    since: int
    released: bool


def present(db: Db, subjects: Collection[str]) -> list[Presence]:
    """Where versions of the readers of some subjects are deployed or supported now."""
    listed, parameters = one_of("s", subjects)
    source = "subject_reader r JOIN application a ON a.pk = r.application_pk"
    return _present(db, "r.subject", f"{source} JOIN", f"r.subject IN {listed}", parameters)


def places_of(db: Db, applications: Collection[str]) -> list[Presence]:
    """Where applications are now, whatever they read."""
    listed, parameters = one_of("a", sorted(applications))
    return _present(db, "''", "application a JOIN", f"a.name IN {listed}", parameters)


_NO_INSTANCE = "''"


def _present(db: Db, subject: str, source: str, where: str, parameters: Parameters) -> list[Presence]:
    def of(table: str, instance: str, released: int) -> str:
        return f"""SELECT {subject}, d.application_pk, a.name, d.version_pk, v.number, e.name, e.production, {instance},
        d.created_at, {released} FROM {source} {table} d ON d.application_pk = a.pk AND d.ended_at IS NULL
        JOIN application_version v ON v.pk = d.version_pk JOIN environment e ON e.pk = d.environment_pk
        WHERE {where}"""  # noqa: S608 # constants and placeholders

    rows = db.all(
        f"{of('deployed_version', 'd.instance', 0)} UNION ALL {of('released_version', _NO_INSTANCE, 1)}", **parameters
    )
    return [
        Presence(named, owner, name, pk, number, place, bool(production), instance, since, bool(released))
        for named, owner, name, pk, number, place, production, instance, since, released in rows
    ]


@dataclass(frozen=True, slots=True)
class NeverPlaced:
    """A reader of which nobody ever recorded where it runs, in its newest version; of one that was declared none."""

    subject: str
    application_pk: int
    application: str
    version_pk: int | None
    number: str | None


def never_placed(db: Db, subjects: Collection[str]) -> list[NeverPlaced]:
    """Readers of some subjects that have no deployment and no release, past ones included."""
    listed, parameters = one_of("s", subjects)
    rows = db.all(
        f"""SELECT r.subject, a.pk, a.name, v.pk, v.number FROM subject_reader r
        JOIN application a ON a.pk = r.application_pk LEFT JOIN application_version v ON v.pk = r.version_pk
        WHERE r.subject IN {listed}
        AND NOT EXISTS (SELECT 1 FROM deployed_version d WHERE d.application_pk = a.pk)
        AND NOT EXISTS (SELECT 1 FROM released_version d WHERE d.application_pk = a.pk)""",  # noqa: S608 # placeholders
        **parameters,
    )
    return [NeverPlaced(*row) for row in rows]


def newest(db: Db, names: Iterable[str]) -> list[tuple[str, int, str]]:
    """The readers of a subject, by its names, with their newest version that said what it needs: (application, key,
    number)."""
    listed, parameters = one_of("s", names)
    rows = db.all(
        f"""SELECT a.name, v.pk, v.number FROM subject_reader r JOIN application a ON a.pk = r.application_pk
        JOIN application_version v ON v.pk = r.version_pk WHERE r.subject IN {listed} ORDER BY a.name, v.position""",  # noqa: S608 # placeholders
        **parameters,
    )
    newest_of = {name: (pk, number) for name, pk, number in rows}
    return [(name, pk, number) for name, (pk, number) in newest_of.items()]


def of_versions(db: Db, subjects: Collection[str], version_pks: Collection[int]) -> list[Kept]:
    """What some versions need of some subjects."""
    found: list[Kept] = []
    for part in _parts(sorted(version_pks)):
        listed, parameters = one_of("v", part)
        named, more = one_of("s", subjects)
        rows = db.all(
            f"""SELECT {_KEPT} FROM contract_needs n
            WHERE n.version_pk IN {listed} AND n.subject IN {named} ORDER BY n.pk""",  # noqa: S608 # placeholders
            **parameters,
            **more,
        )
        found += [Kept(*row) for row in rows]
    return found


def of_sources(db: Db, version_pks: Collection[int]) -> list[Kept]:
    """Everything that some versions need, of whatever subject."""
    listed, parameters = one_of("v", sorted(version_pks))
    rows = db.all(f"SELECT {_KEPT} FROM contract_needs n WHERE n.version_pk IN {listed} ORDER BY n.pk", **parameters)  # noqa: S608 # placeholders
    return [Kept(*row) for row in rows]


def with_contracts(db: Db, version_pks: Collection[int]) -> set[int]:
    """Which versions published a contract of any kind, on whatever subject."""
    found: set[int] = set()
    for part in _parts(sorted(version_pks)):
        listed, parameters = one_of("v", part)
        rows = db.all(
            f"""SELECT version_pk FROM pact WHERE version_pk IN {listed}
            UNION SELECT version_pk FROM contract_needs WHERE version_pk IN {listed}""",  # noqa: S608 # placeholders
            **parameters,
        )
        found |= {pk for (pk,) in rows}
    return found


def bodies(db: Db, pks: Collection[int]) -> dict[int, str]:
    """Texts by key."""
    found: dict[int, str] = {}
    for part in _parts(sorted(pks)):
        listed, parameters = one_of("p", part)
        rows = db.all(f"SELECT pk, body FROM contract_needs WHERE pk IN {listed}", **parameters)  # noqa: S608 # placeholders
        found.update({int(pk): str(body) for pk, body in rows})
    return found


def readers_among(db: Db, subjects: Sequence[str]) -> set[str]:
    """Which of some subjects anybody reads."""
    found: set[str] = set()
    for part in _parts(subjects):
        listed, parameters = one_of("s", part)
        rows = db.all(
            f"""SELECT DISTINCT subject FROM subject_reader WHERE subject IN {listed}
            UNION SELECT DISTINCT subject FROM observed_consumer WHERE subject IN {listed}""",  # noqa: S608 # placeholders
            **parameters,
        )
        found |= {name for (name,) in rows}
    return found


def unmapped(db: Db, providers: Collection[str] | None = None) -> list[tuple[Kept, str, str]]:
    """Needs that belong to no subject, with application and version: of some providers, or all."""
    parameters: Parameters = {}
    narrowed = ""
    if providers is not None:
        listed, parameters = one_of("p", sorted(providers))
        narrowed = f" AND n.provider IN {listed}"
    rows = db.all(
        f"""SELECT {_KEPT}, a.name, v.number
        FROM contract_needs n JOIN application a ON a.pk = n.application_pk
        JOIN application_version v ON v.pk = n.version_pk
        WHERE n.subject = ''{narrowed} AND (n.version_pk IN
        (SELECT version_pk FROM deployed_version d WHERE d.application_pk = a.pk AND d.ended_at IS NULL
        UNION ALL SELECT version_pk FROM released_version d WHERE d.application_pk = a.pk AND d.ended_at IS NULL)
        OR n.version_pk = (SELECT r.version_pk FROM subject_reader r WHERE r.subject = '' AND r.application_pk = a.pk))
        ORDER BY a.name, n.version_pk""",  # noqa: S608 # placeholders
        **parameters,
    )
    return [(Kept(*row[:8]), row[8], row[9]) for row in rows]


def producers(db: Db, subject: str, meanings: Mapping[str, str] | None = None) -> list[str]:
    """The applications that say they write a subject, or that have message contracts on it as the provider, by any of
    its names."""
    listed, parameters = one_of("s", aliases.among(db, [subject], meanings))
    # CROSS JOIN keeps SQLite from beginning with the needs of every version that ever was.
    rows = db.all(
        f"""SELECT DISTINCT a.name FROM produced_subject p JOIN application_version v ON v.pk = p.version_pk
        JOIN application a ON a.pk = v.application_pk WHERE p.subject IN {listed}
        UNION SELECT DISTINCT n.provider FROM subject_reader r CROSS JOIN contract_needs n
        WHERE n.version_pk = r.version_pk AND n.subject = r.subject AND r.subject IN {listed} AND n.provider <> ''""",  # noqa: S608 # placeholders
        **parameters,
    )
    return sorted(name for (name,) in rows)


# mappings


def mappings(db: Db) -> list[tuple[str, str, str]]:
    """(provider, glob of descriptions, subject)."""
    rows = db.all("SELECT provider, description, subject FROM subject_mapping ORDER BY provider, description")
    return [(provider, description, subject) for provider, description, subject in rows]


def put_mapping(db: Db, provider: str, description: str, subject: str, now: int) -> None:
    """Messages of a provider whose description matches belong to a subject."""
    db.run(
        """INSERT INTO subject_mapping (provider, description, subject, created_at)
        VALUES (:provider, :description, :subject, :now)
        ON CONFLICT (provider, description) DO UPDATE SET subject = excluded.subject""",
        provider=provider,
        description=description,
        subject=subject,
        now=now,
    )


def delete_mapping(db: Db, provider: str, description: str) -> bool:
    """Forget a mapping; whether there was one."""
    return (
        db.run(
            "DELETE FROM subject_mapping WHERE provider = :provider AND description = :description",
            provider=provider,
            description=description,
        )
        > 0
    )


# observation


@dataclass(frozen=True, slots=True)
class Observed:
    """An application that fetched schemas of a subject."""

    subject: str
    application: str
    number: str
    first_seen: int
    last_seen: int
    fetches: int


_OBSERVED = "subject, application, number, first_seen, last_seen, fetches"


def observe(db: Db, seen: Iterable[Observed]) -> None:
    """Note who fetched what."""
    db.many(
        """INSERT INTO observed_consumer (subject, application, number, first_seen, last_seen, fetches)
        VALUES (:subject, :application, :number, :first, :last, :fetches)
        ON CONFLICT (subject, application, number) DO UPDATE SET
        last_seen = CASE WHEN excluded.last_seen > observed_consumer.last_seen THEN excluded.last_seen
        ELSE observed_consumer.last_seen END,
        fetches = observed_consumer.fetches + excluded.fetches""",
        [
            {
                "subject": each.subject,
                "application": each.application,
                "number": each.number,
                "first": each.first_seen,
                "last": each.last_seen,
                "fetches": each.fetches,
            }
            for each in seen
        ],
    )


def observed_count(db: Db, subject: str) -> int:
    """How many applications and versions were seen fetching a subject."""
    row = db.one("SELECT COUNT(*) FROM observed_consumer WHERE subject = :subject", subject=subject)
    return 0 if row is None else int(row[0])


def forget_observed(db: Db, before: int) -> None:
    """Forget who was not seen since a moment."""
    db.run("DELETE FROM observed_consumer WHERE last_seen < :before", before=before)


def observed(db: Db, subjects: Collection[str]) -> list[Observed]:
    """Who fetched schemas of some subjects."""
    found: list[Observed] = []
    for part in _parts(sorted(subjects)):
        listed, parameters = one_of("s", part)
        rows = db.all(
            f"""SELECT {_OBSERVED} FROM observed_consumer
            WHERE subject IN {listed} ORDER BY application, number""",  # noqa: S608 # placeholders
            **parameters,
        )
        found += [Observed(*row) for row in rows]
    return found


def fetched_by(db: Db, names: Collection[str], application: str, number: str) -> list[Observed]:
    """The subjects of some names whose schemas a version fetched, or its application without saying which it is."""
    found: list[Observed] = []
    for part in _parts(sorted(names)):
        listed, parameters = one_of("s", part)
        rows = db.all(
            f"""SELECT {_OBSERVED} FROM observed_consumer
            WHERE subject IN {listed} AND application = :application AND number IN ('', :number)""",  # noqa: S608 # placeholders
            application=application,
            number=number,
            **parameters,
        )
        found += [Observed(*row) for row in rows]
    return found


_AT_ONCE = 512


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Lists in parts that fit into a statement."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
