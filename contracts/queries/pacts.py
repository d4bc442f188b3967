"""Pacts: contents, which version published which, and which ones are asked for. Questions and changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from contracts.queries import needs
from contracts.queries.lists import one_of
from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class Pact:
    """A pact that a consumer version published; without its text."""

    pk: int
    consumer: str
    provider: str
    number: str
    version_pk: int
    position: int
    content_pk: int
    sha: str
    revision: int
    created_at: int
    content_created_at: int


@dataclass(frozen=True, slots=True)
class Content:
    """A content with the pair it belongs to."""

    pk: int
    consumer: str
    provider: str
    consumer_pk: int
    provider_pk: int
    sha: str
    text: str
    created_at: int


_PACT = (
    "p.pk, c.name, q.name, v.number, p.version_pk, p.position, p.content_pk, x.sha, p.revision, p.created_at, "
    "x.created_at"
)
_FROM = """pact p JOIN application c ON c.pk = p.consumer_pk JOIN application q ON q.pk = p.provider_pk
JOIN application_version v ON v.pk = p.version_pk JOIN pact_content x ON x.pk = p.content_pk"""
_PACTS = f"SELECT {_PACT} FROM {_FROM}"  # noqa: S608 # constants
_CONTENT = "x.pk, c.name, q.name, x.consumer_pk, x.provider_pk, x.sha, x.text, x.created_at"
_CONTENTS = f"""SELECT {_CONTENT} FROM pact_content x JOIN application c ON c.pk = x.consumer_pk
JOIN application q ON q.pk = x.provider_pk"""  # noqa: S608 # constants


# contents


def content(db: Db, consumer: str, provider: str, sha: str) -> Content | None:
    """A content by its sha."""
    row = db.one(
        f"{_CONTENTS} WHERE c.name = :consumer AND q.name = :provider AND x.sha = :sha",
        consumer=consumer,
        provider=provider,
        sha=sha,
    )
    return None if row is None else Content(*row)


def content_by_pk(db: Db, pk: int) -> Content:
    """A content by key."""
    row = db.one(f"{_CONTENTS} WHERE x.pk = :pk", pk=pk)
    assert row is not None
    return Content(*row)


def shas(db: Db, pks: Iterable[int]) -> dict[int, str]:
    """Shas of contents by key."""
    listed, parameters = one_of("p", set(pks))
    rows = db.all(f"SELECT pk, sha FROM pact_content WHERE pk IN {listed}", **parameters)  # noqa: S608 # placeholders
    return {int(row[0]): str(row[1]) for row in rows}


def put_content(db: Db, consumer_pk: int, provider_pk: int, sha: str, text: str, now: int) -> tuple[int, bool]:
    """Keep a content; its key, and whether it is new to the pair."""
    added = db.run(
        """INSERT INTO pact_content (consumer_pk, provider_pk, sha, text, created_at)
        VALUES (:consumer, :provider, :sha, :text, :now) ON CONFLICT (consumer_pk, provider_pk, sha) DO NOTHING""",
        consumer=consumer_pk,
        provider=provider_pk,
        sha=sha,
        text=text,
        now=now,
    )
    row = db.one(
        "SELECT pk FROM pact_content WHERE consumer_pk = :consumer AND provider_pk = :provider AND sha = :sha",
        consumer=consumer_pk,
        provider=provider_pk,
        sha=sha,
    )
    assert row is not None
    return int(row[0]), added > 0


def put_integration(db: Db, consumer_pk: int, provider_pk: int, now: int) -> bool:
    """Note that two applications have a pact; whether that is new."""
    row = db.one(
        "SELECT 1 FROM integration WHERE consumer_pk = :consumer AND provider_pk = :provider",
        consumer=consumer_pk,
        provider=provider_pk,
    )
    db.run(
        """INSERT INTO integration (consumer_pk, provider_pk, created_at, changed_at)
        VALUES (:consumer, :provider, :now, :now)
        ON CONFLICT (consumer_pk, provider_pk) DO UPDATE SET changed_at = excluded.changed_at""",
        consumer=consumer_pk,
        provider=provider_pk,
        now=now,
    )
    return row is None


def integrations(db: Db) -> list[tuple[str, str, int, int]]:
    """(consumer, provider, created, changed) of every integration."""
    rows = db.all(
        """SELECT c.name, p.name, i.created_at, i.changed_at FROM integration i
        JOIN application c ON c.pk = i.consumer_pk JOIN application p ON p.pk = i.provider_pk
        ORDER BY c.name, p.name"""
    )
    return [(consumer, provider, created, changed) for consumer, provider, created, changed in rows]


def delete_integration(db: Db, consumer_pk: int, provider_pk: int) -> bool:
    """Remove everything between two applications; whether there was anything."""
    where = "WHERE consumer_pk = :consumer AND provider_pk = :provider"
    needs.drop_integration(db, consumer_pk, provider_pk)
    db.run(f"DELETE FROM pact_content {where}", consumer=consumer_pk, provider=provider_pk)  # noqa: S608 # constants
    return db.run(f"DELETE FROM integration {where}", consumer=consumer_pk, provider=provider_pk) > 0  # noqa: S608 # constants


# publications


def pact(db: Db, consumer: str, number: str, provider: str) -> Pact | None:
    """The pact of a consumer version with a provider."""
    row = db.one(
        f"{_PACTS} WHERE c.name = :consumer AND v.number = :number AND q.name = :provider",
        consumer=consumer,
        number=number,
        provider=provider,
    )
    return None if row is None else Pact(*row)


def newest_with_content(db: Db, content_pk: int) -> Pact | None:
    """The newest pact with a content."""
    row = db.one(f"{_PACTS} WHERE p.content_pk = :content ORDER BY p.position DESC LIMIT 1", content=content_pk)
    return None if row is None else Pact(*row)


def previous_distinct(db: Db, one: Pact) -> Pact | None:
    """The newest earlier pact of a pair with another content."""
    row = db.one(
        f"""{_PACTS} WHERE c.name = :consumer AND q.name = :provider AND p.position < :position
        AND p.content_pk <> :content ORDER BY p.position DESC LIMIT 1""",
        consumer=one.consumer,
        provider=one.provider,
        position=one.position,
        content=one.content_pk,
    )
    return None if row is None else Pact(*row)


def of_version(db: Db, version_pk: int) -> list[Pact]:
    """The pacts of a consumer version, by provider."""
    return [Pact(*row) for row in db.all(f"{_PACTS} WHERE p.version_pk = :version ORDER BY q.name", version=version_pk)]


def put_pact(
    db: Db, version_pk: int, consumer_pk: int, provider_pk: int, content_pk: int, position: int, now: int
) -> None:
    """Publish a content for a version: its first pact with the provider, or the next revision."""
    db.run(
        """INSERT INTO pact (version_pk, consumer_pk, provider_pk, content_pk, position, revision, created_at)
        VALUES (:version, :consumer, :provider, :content, :position, 1, :now)
        ON CONFLICT (version_pk, provider_pk) DO UPDATE SET content_pk = excluded.content_pk,
        revision = pact.revision + 1, created_at = excluded.created_at""",
        version=version_pk,
        consumer=consumer_pk,
        provider=provider_pk,
        content=content_pk,
        position=position,
        now=now,
    )


def delete_pacts(db: Db, pks: Collection[int]) -> None:
    """Remove publications, and contents that nobody publishes any more with them."""
    if not pks:
        return
    needs.drop_pacts(db, pks)
    listed, parameters = one_of("p", pks)
    contents = [pk for (pk,) in db.all(f"SELECT DISTINCT content_pk FROM pact WHERE pk IN {listed}", **parameters)]  # noqa: S608 # placeholders
    db.run(f"DELETE FROM pact WHERE pk IN {listed}", **parameters)  # noqa: S608 # placeholders
    listed, parameters = one_of("c", contents)
    db.run(
        f"""DELETE FROM pact_content WHERE pk IN {listed}
        AND NOT EXISTS (SELECT 1 FROM pact p WHERE p.content_pk = pact_content.pk)""",  # noqa: S608 # placeholders
        **parameters,
    )
    db.run(
        """DELETE FROM integration WHERE NOT EXISTS (SELECT 1 FROM pact p
        WHERE p.consumer_pk = integration.consumer_pk AND p.provider_pk = integration.provider_pk)"""
    )


@dataclass(frozen=True, slots=True)
class Where:
    """Which publications: of a pair, by tag, branch (True: the main branch), environment, or all of it.

    `newest`: only the newest per consumer and provider. `head`: only the branch head's own pact.
    """

    consumer: str | None = None
    provider: str | None = None
    tag: str | None = None
    untagged: bool = False
    branch: str | bool | None = None
    head: bool = False
    environment_pk: int | None = None
    newest: bool = False
    before: int | None = None
    limit: int = 10_000


def pacts(db: Db, where: Where) -> list[Pact]:
    """Publications, newest first within each pair."""
    conditions, parameters = _conditions(where, "p")
    limit = where.limit
    if where.newest and where.consumer is not None and where.provider is not None:
        limit = 1  # in the order of the index
    elif where.newest:
        inner, _ = _conditions(where, "n")
        conditions.append(
            f"""p.position = (SELECT MAX(n.position) FROM pact n WHERE n.consumer_pk = p.consumer_pk
            AND n.provider_pk = p.provider_pk AND {" AND ".join(inner)})"""  # noqa: S608 # constants
        )
    if (
        where.newest
        and limit != 1
        and not (where.tag or where.branch or where.untagged or where.before or where.environment_pk is not None)
    ):
        # Per pair from the index, without looking at the history of any.
        conditions[-1] = "1 = 1"
        source = """integration i JOIN pact p ON p.pk = (SELECT n.pk FROM pact n WHERE n.provider_pk = i.provider_pk
        AND n.consumer_pk = i.consumer_pk ORDER BY n.position DESC LIMIT 1)
        JOIN application c ON c.pk = p.consumer_pk JOIN application q ON q.pk = p.provider_pk
        JOIN application_version v ON v.pk = p.version_pk JOIN pact_content x ON x.pk = p.content_pk"""
    else:
        source = _FROM
    rows = db.all(
        f"""SELECT {_PACT} FROM {source} WHERE {" AND ".join(conditions)}
        ORDER BY c.name, q.name, p.position DESC LIMIT :limit""",  # noqa: S608 # constants
        limit=limit,
        **parameters,
    )
    return [Pact(*row) for row in rows]


def _conditions(where: Where, alias: str) -> tuple[list[str], dict[str, str | int]]:
    found: list[str] = ["1 = 1"]
    parameters: dict[str, str | int] = {}
    for side in ("consumer", "provider"):
        name = where.consumer if side == "consumer" else where.provider
        if name is not None:
            found.append(f"{alias}.{side}_pk = (SELECT pk FROM application WHERE name = :{side})")  # noqa: S608 # constants
            parameters[side] = name
    if where.tag is not None:
        found.append(f"EXISTS (SELECT 1 FROM tag t WHERE t.version_pk = {alias}.version_pk AND t.name = :tag)")  # noqa: S608 # constants
        parameters["tag"] = where.tag
    if where.untagged:
        found.append(f"NOT EXISTS (SELECT 1 FROM tag t WHERE t.version_pk = {alias}.version_pk)")  # noqa: S608 # constants
    if where.branch is not None:
        named = "b.name = :branch" if isinstance(where.branch, str) else "b.name = o.main_branch"
        on = (
            f"b.head_pk = {alias}.version_pk"
            if where.head
            else f"b.pk IN (SELECT w.branch_pk FROM branch_version w WHERE w.version_pk = {alias}.version_pk)"  # noqa: S608 # constants
        )
        found.append(
            f"""EXISTS (SELECT 1 FROM branch b JOIN application o ON o.pk = b.application_pk
            WHERE b.application_pk = {alias}.consumer_pk AND {named} AND {on})"""  # noqa: S608 # constants
        )
        if isinstance(where.branch, str):
            parameters["branch"] = where.branch
    if where.environment_pk is not None:
        found.append(
            f"""{alias}.version_pk IN (SELECT version_pk FROM deployed_version WHERE environment_pk = :environment
            AND ended_at IS NULL UNION SELECT version_pk FROM released_version WHERE environment_pk = :environment
            AND ended_at IS NULL)"""  # noqa: S608 # constants
        )
        parameters["environment"] = where.environment_pk
    if where.before is not None:
        found.append(f"{alias}.position < :before")
        parameters["before"] = where.before
    return found, parameters


# what a provider may be asked to verify


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which consumer versions could be chosen: names, or True for any; `heads_since`: every head published since."""

    branches: frozenset[str] | bool = frozenset()
    main_branches: bool = False
    newest_tags: frozenset[str] | bool = frozenset()
    main_tags: bool = False
    tags: frozenset[str] | bool = frozenset()
    newest: bool = False
    deployed: bool = False
    released: bool = False
    heads_since: int | None = None


def candidates(db: Db, provider_pk: int, wanted: Wanted) -> list[Pact]:
    """The publications with a provider that these could choose; each question follows an index, none the history."""
    found: dict[int, Pact] = {}
    for source, condition, parameters in _candidate_sources(wanted):
        for row in db.all(
            f"""SELECT {_PACT} FROM {source} JOIN application c ON c.pk = p.consumer_pk
            JOIN application q ON q.pk = p.provider_pk JOIN application_version v ON v.pk = p.version_pk
            JOIN pact_content x ON x.pk = p.content_pk WHERE p.provider_pk = :provider{condition}""",  # noqa: S608 # constants
            provider=provider_pk,
            **parameters,
        ):
            pact = Pact(*row)
            found[pact.pk] = pact
    return list(found.values())


_INTEGRATED = "integration i"
_OF_BRANCH = """integration i JOIN branch b ON b.application_pk = i.consumer_pk
JOIN pact p ON p.version_pk = b.head_pk AND p.provider_pk = i.provider_pk"""
_NEWEST_TAG = """integration i JOIN tag t ON t.application_pk = i.consumer_pk
JOIN pact p ON p.version_pk = t.version_pk AND p.provider_pk = i.provider_pk"""
_IS_NEWEST = """ AND NOT EXISTS (SELECT 1 FROM tag n WHERE n.application_pk = t.application_pk AND n.name = t.name
AND n.position > t.position)"""
_NEWEST = """integration i JOIN pact p ON p.pk = (SELECT n.pk FROM pact n WHERE n.provider_pk = i.provider_pk
AND n.consumer_pk = i.consumer_pk ORDER BY n.position DESC LIMIT 1)"""
_MINE = " AND i.provider_pk = :provider"


def _candidate_sources(wanted: Wanted) -> Iterable[tuple[str, str, dict[str, str | int]]]:
    """(FROM, condition, parameters) of each kind that is wanted."""
    yield from _named(_OF_BRANCH, "b.name", "b", wanted.branches, _MINE)
    if wanted.main_branches:
        yield (
            f"{_OF_BRANCH} JOIN application m ON m.pk = b.application_pk AND b.name = m.main_branch",
            _MINE,
            {},
        )
    yield from _named(_NEWEST_TAG, "t.name", "t", wanted.newest_tags, _MINE + _IS_NEWEST)
    if wanted.main_tags:
        yield (
            f"{_NEWEST_TAG} JOIN application m ON m.pk = t.application_pk AND t.name = m.main_branch",
            _MINE + _IS_NEWEST,
            {},
        )
    yield from _named(_NEWEST_TAG, "t.name", "t", wanted.tags, _MINE)
    if wanted.newest:
        yield _NEWEST, _MINE, {}
    for table, asked in (("deployed_version", wanted.deployed), ("released_version", wanted.released)):
        if asked:
            yield f"{table} d JOIN pact p ON p.version_pk = d.version_pk", " AND d.ended_at IS NULL", {}
    if wanted.heads_since is not None:
        since: dict[str, str | int] = {"since": wanted.heads_since}
        yield _OF_BRANCH, f"{_MINE} AND p.created_at >= :since", since
        yield _NEWEST_TAG, f"{_MINE}{_IS_NEWEST} AND p.created_at >= :since", since


def _named(
    source: str, column: str, prefix: str, names: frozenset[str] | bool, condition: str
) -> Iterable[tuple[str, str, dict[str, str | int]]]:
    if names is True:
        yield source, condition, {}
    elif names:
        listed, parameters = one_of(prefix, sorted(names))
        yield source, f"{condition} AND {column} IN {listed}", parameters
