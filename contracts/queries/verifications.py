"""Verification results: questions and changes. Numbers are one sequence over all results and never come again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.queries.lists import one_of
from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class Verification:
    """A result. `details` is JSON: test results and who verified."""

    pk: int
    number: int
    content_pk: int
    sha: str
    consumer: str
    provider: str
    provider_version_pk: int
    provider_number: str
    success: bool
    wip: bool
    build_url: str | None
    details: str
    created_at: int


_VERIFICATION = (
    "r.pk, r.number, r.content_pk, x.sha, c.name, p.name, r.provider_version_pk, v.number, r.success, r.wip, "
    "r.build_url, r.details, r.created_at"
)
_VERIFICATIONS = f"""SELECT {_VERIFICATION} FROM verification r JOIN pact_content x ON x.pk = r.content_pk
JOIN application c ON c.pk = x.consumer_pk JOIN application p ON p.pk = x.provider_pk
JOIN application_version v ON v.pk = r.provider_version_pk"""  # noqa: S608 # constants


def _verification(row: Sequence[object]) -> Verification:
    values = list(row)
    values[8], values[9] = bool(values[8]), bool(values[9])
    return Verification(*values)  # type: ignore[arg-type] # columns of the statement


def verification(db: Db, content_pk: int, number: int) -> Verification | None:
    """A result of a content by number."""
    row = db.one(
        f"{_VERIFICATIONS} WHERE r.content_pk = :content AND r.number = :number", content=content_pk, number=number
    )
    return None if row is None else _verification(row)


def newest(db: Db, content_pk: int) -> Verification | None:
    """The last result of a content."""
    row = db.one(f"{_VERIFICATIONS} WHERE r.content_pk = :content ORDER BY r.number DESC LIMIT 1", content=content_pk)
    return None if row is None else _verification(row)


def newest_of_each(db: Db, content_pks: Iterable[int]) -> dict[int, Verification]:
    """The last result of each of many contents."""
    listed, parameters = one_of("c", set(content_pks))
    rows = db.all(
        f"""{_VERIFICATIONS} WHERE r.content_pk IN {listed} AND r.number =
        (SELECT MAX(n.number) FROM verification n WHERE n.content_pk = r.content_pk)""",  # noqa: S608 # placeholders
        **parameters,
    )
    return {found.content_pk: found for row in rows if (found := _verification(row))}


def add(
    db: Db,
    content_pk: int,
    provider_version_pk: int,
    *,
    consumer_version_pk: int | None,
    success: bool,
    wip: bool,
    build_url: str | None,
    details: str,
    now: int,
) -> int:
    """A new result, which is the newest of its content and provider version; its number."""
    db.run(
        """INSERT INTO counter (name, value) VALUES ('verification', 1)
        ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"""
    )
    row = db.one("SELECT value FROM counter WHERE name = 'verification'")
    assert row is not None
    number = int(row[0])
    db.run(
        """UPDATE verification SET newest = 0
        WHERE content_pk = :content AND provider_version_pk = :version AND newest = 1""",
        content=content_pk,
        version=provider_version_pk,
    )
    db.run(
        """INSERT INTO verification (number, content_pk, provider_version_pk, consumer_version_pk, success, wip,
        newest, build_url, details, created_at)
        VALUES (:number, :content, :version, :consumer, :success, :wip, 1, :build_url, :details, :now)""",
        number=number,
        content=content_pk,
        version=provider_version_pk,
        consumer=consumer_version_pk,
        success=int(success),
        wip=int(wip),
        build_url=build_url,
        details=details,
        now=now,
    )
    return number


def delete(db: Db, found: Verification) -> None:
    """Remove a result; the one before counts again."""
    db.run("DELETE FROM verification WHERE pk = :pk", pk=found.pk)
    db.run(
        """UPDATE verification SET newest = 1 WHERE content_pk = :content AND provider_version_pk = :version
        AND number = (SELECT MAX(n.number) FROM verification n
        WHERE n.content_pk = :content AND n.provider_version_pk = :version)""",
        content=found.content_pk,
        version=found.provider_version_pk,
    )


def of_consumer_version(db: Db, version_pk: int) -> list[Verification]:
    """The last result of each pact of a consumer version."""
    rows = db.all(
        f"""{_VERIFICATIONS} JOIN pact u ON u.content_pk = x.pk WHERE u.version_pk = :version AND r.number =
        (SELECT MAX(n.number) FROM verification n WHERE n.content_pk = x.pk) ORDER BY p.name""",  # noqa: S608 # constants
        version=version_pk,
    )
    return [_verification(row) for row in rows]


@dataclass(frozen=True, slots=True)
class FirstSuccess:
    """When a content was first verified successfully, not counting work in progress."""

    content_pk: int
    at: int


def succeeded(db: Db, content_pks: Iterable[int]) -> list[FirstSuccess]:
    """First successes of contents by any provider version."""
    return _first(db, content_pks, "", {})


def succeeded_on_branch(
    db: Db, content_pks: Iterable[int], application_pk: int, branch: str, *, other: bool
) -> list[FirstSuccess]:
    """First successes by versions on a branch, or (`other`) by versions on other branches."""
    sign = "<>" if other else "="
    return _first(
        db,
        content_pks,
        f"""JOIN branch_version w ON w.version_pk = r.provider_version_pk
        JOIN branch b ON b.pk = w.branch_pk AND b.application_pk = :application AND b.name {sign} :name""",
        {"application": application_pk, "name": branch},
    )


def succeeded_with_tag(db: Db, content_pks: Iterable[int], tag: str, *, other: bool) -> list[FirstSuccess]:
    """First successes by versions with a tag, or (`other`) by versions with other tags."""
    sign = "<>" if other else "="
    return _first(
        db, content_pks, f"JOIN tag t ON t.version_pk = r.provider_version_pk AND t.name {sign} :name", {"name": tag}
    )


def _first(db: Db, content_pks: Iterable[int], join: str, more: dict[str, str | int]) -> list[FirstSuccess]:
    listed, parameters = one_of("c", set(content_pks))
    rows = db.all(
        f"""SELECT r.content_pk, MIN(r.created_at) FROM verification r {join}
        WHERE r.content_pk IN {listed} AND r.success = 1 AND r.wip = 0 GROUP BY r.content_pk""",  # noqa: S608 # constants
        **parameters,
        **more,
    )
    return [FirstSuccess(content, at) for content, at in rows]


def has_result(db: Db, content_pk: int, provider_version_pks: Iterable[int]) -> set[int]:
    """Which of these provider versions have a result for a content."""
    listed, parameters = one_of("v", set(provider_version_pks))
    rows = db.all(
        f"""SELECT provider_version_pk FROM verification WHERE content_pk = :content AND newest = 1
        AND provider_version_pk IN {listed}""",  # noqa: S608 # placeholders
        content=content_pk,
        **parameters,
    )
    return {pk for (pk,) in rows}
