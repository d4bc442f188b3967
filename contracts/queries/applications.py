"""Applications, their versions, branches, tags and labels: questions and changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contracts.queries.lists import contains, one_of
from contracts.queries.needs import forget_version, moved
from registry.store.engine import Db, Row


@dataclass(frozen=True, slots=True)
class Application:
    """An application."""

    pk: int
    name: str
    display_name: str | None
    main_branch: str | None
    repository_url: str | None
    repository_name: str | None
    repository_namespace: str | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an application."""

    pk: int
    application_pk: int
    application: str
    number: str
    position: int
    build_url: str | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch and the number of its head, if it has one."""

    pk: int
    application_pk: int
    application: str
    name: str
    head_pk: int | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a version."""

    application: str
    number: str
    name: str
    created_at: int


_APPLICATION = (
    "a.pk, a.name, a.display_name, a.main_branch, a.repository_url, a.repository_name, a.repository_namespace, "
    "a.created_at, a.updated_at"
)
_VERSION = "v.pk, v.application_pk, a.name, v.number, v.position, v.build_url, v.created_at, v.updated_at"
_VERSIONS = f"SELECT {_VERSION} FROM application a JOIN application_version v ON v.application_pk = a.pk"  # noqa: S608 # constants
_BRANCH = "b.pk, b.application_pk, a.name, b.name, b.head_pk, b.created_at, b.updated_at"


def _inserted(db: Db, sql: str, **parameters: object) -> int:
    """The key of a row that a statement with RETURNING made."""
    db.wrote = True
    ((pk,),) = db.all(sql, **parameters)
    return int(pk)


# applications


def _count(db: Db, what: str, **parameters: object) -> int:
    """How many rows; `what` is a constant: a table and its condition."""
    row = db.one(f"SELECT COUNT(*) FROM {what}", **parameters)  # noqa: S608 # constants
    return int(row[0]) if row else 0


def application(db: Db, name: str) -> Application | None:
    """An application by name."""
    row = db.one(f"SELECT {_APPLICATION} FROM application a WHERE a.name = :name", name=name)  # noqa: S608 # constants
    return None if row is None else Application(*row)


def application_by_pk(db: Db, pk: int) -> Application:
    """An application by key."""
    row = db.one(f"SELECT {_APPLICATION} FROM application a WHERE a.pk = :pk", pk=pk)  # noqa: S608 # constants
    assert row is not None
    return Application(*row)


def names(db: Db) -> list[str]:
    """All names."""
    return [name for (name,) in db.all("SELECT name FROM application ORDER BY name")]


def known(db: Db, wanted: Iterable[str]) -> set[str]:
    """Which of these names exist."""
    listed, parameters = one_of("n", wanted)
    return {name for (name,) in db.all(f"SELECT name FROM application WHERE name IN {listed}", **parameters)}  # noqa: S608 # placeholders


def main_branches(db: Db, wanted: Iterable[str]) -> dict[str, str | None]:
    """The main branches of applications by name."""
    listed, parameters = one_of("n", wanted)
    rows = db.all(f"SELECT name, main_branch FROM application WHERE name IN {listed}", **parameters)  # noqa: S608 # placeholders
    return {str(row[0]): row[1] for row in rows}


def applications(
    db: Db, *, containing: str = "", label: str | None = None, offset: int = 0, limit: int = -1
) -> list[Application]:
    """Applications by name; `containing` and `label` narrow."""
    where, parameters = _narrowed(containing, label)
    rows = db.all(
        f"SELECT {_APPLICATION} FROM application a WHERE {where} ORDER BY a.name LIMIT :limit OFFSET :offset",  # noqa: S608 # constants
        limit=_limit(limit),
        offset=offset,
        **parameters,
    )
    return [Application(*row) for row in rows]


def count_applications(db: Db, *, containing: str = "", label: str | None = None) -> int:
    """How many there are."""
    where, parameters = _narrowed(containing, label)
    row = db.one(f"SELECT COUNT(*) FROM application a WHERE {where}", **parameters)  # noqa: S608 # constants
    return int(row[0]) if row else 0


def _narrowed(containing: str, label: str | None) -> tuple[str, dict[str, str]]:
    where, parameters = "1 = 1", {}
    if containing:
        where += " AND LOWER(a.name) LIKE LOWER(:containing) ESCAPE '!'"
        parameters["containing"] = contains(containing)
    if label is not None:
        where += " AND EXISTS (SELECT 1 FROM application_label l WHERE l.application_pk = a.pk AND l.name = :label)"
        parameters["label"] = label
    return where, parameters


def _limit(limit: int) -> int:
    return limit if limit >= 0 else 2**31 - 1


def add_application(db: Db, name: str, now: int) -> int:
    """A new application; its key."""
    return _inserted(
        db,
        """INSERT INTO application (name, last_position, created_at, updated_at) VALUES (:name, 0, :now, :now)
        RETURNING pk""",
        name=name,
        now=now,
    )


def update_application(db: Db, changed: Application, now: int) -> None:
    """Set everything about an application but its name."""
    db.run(
        """UPDATE application SET display_name = :display_name, main_branch = :main_branch,
        repository_url = :repository_url, repository_name = :repository_name,
        repository_namespace = :repository_namespace, updated_at = :now WHERE pk = :pk""",
        pk=changed.pk,
        display_name=changed.display_name,
        main_branch=changed.main_branch,
        repository_url=changed.repository_url,
        repository_name=changed.repository_name,
        repository_namespace=changed.repository_namespace,
        now=now,
    )


def set_main_branch(db: Db, pk: int, branch: str) -> None:
    """The application's main branch."""
    db.run("UPDATE application SET main_branch = :branch WHERE pk = :pk", pk=pk, branch=branch)


def delete_application(db: Db, pk: int) -> None:
    """Remove an application with everything that is about it."""
    moved(db)
    db.run("DELETE FROM application WHERE pk = :pk", pk=pk)


# labels


def labels(db: Db, pks: Iterable[int]) -> dict[int, list[tuple[str, int]]]:
    """Labels by application, with when each was given."""
    listed, parameters = one_of("p", set(pks))
    found: dict[int, list[tuple[str, int]]] = {}
    for pk, name, at in db.all(
        f"""SELECT application_pk, name, created_at FROM application_label WHERE application_pk IN {listed}
        ORDER BY name""",  # noqa: S608 # placeholders
        **parameters,
    ):
        found.setdefault(pk, []).append((name, at))
    return found


def all_labels(db: Db) -> list[str]:
    """Every label in use."""
    return [name for (name,) in db.all("SELECT DISTINCT name FROM application_label ORDER BY name")]


def add_label(db: Db, pk: int, name: str, now: int) -> bool:
    """Give a label; whether it is new."""
    return (
        db.run(
            """INSERT INTO application_label (application_pk, name, created_at) VALUES (:pk, :name, :now)
            ON CONFLICT (application_pk, name) DO NOTHING""",
            pk=pk,
            name=name,
            now=now,
        )
        > 0
    )


def delete_label(db: Db, pk: int, name: str) -> bool:
    """Take a label away; whether it was there."""
    return db.run("DELETE FROM application_label WHERE application_pk = :pk AND name = :name", pk=pk, name=name) > 0


# versions


def version(db: Db, application: str, number: str) -> Version | None:
    """A version by number."""
    row = db.one(
        f"{_VERSIONS} WHERE a.name = :application AND v.number = :number", application=application, number=number
    )
    return None if row is None else Version(*row)


def versions_by_pk(db: Db, pks: Iterable[int]) -> dict[int, Version]:
    """Versions by key."""
    listed, parameters = one_of("p", set(pks))
    return {row[0]: Version(*row) for row in db.all(f"{_VERSIONS} WHERE v.pk IN {listed}", **parameters)}


def versions(db: Db, application_pk: int, *, offset: int = 0, limit: int = -1) -> list[Version]:
    """Versions of an application, newest first."""
    rows = db.all(
        f"{_VERSIONS} WHERE v.application_pk = :pk ORDER BY v.position DESC LIMIT :limit OFFSET :offset",
        pk=application_pk,
        limit=_limit(limit),
        offset=offset,
    )
    return [Version(*row) for row in rows]


def count_versions(db: Db, application_pk: int) -> int:
    """How many versions an application has."""
    return _count(db, "application_version WHERE application_pk = :pk", pk=application_pk)


def newest_version(db: Db, application_pk: int, *, tag: str | None = None) -> Version | None:
    """The newest version, or the newest with a tag."""
    if tag is None:
        row = db.one(f"{_VERSIONS} WHERE v.application_pk = :pk ORDER BY v.position DESC LIMIT 1", pk=application_pk)
    else:
        row = db.one(
            f"""SELECT {_VERSION} FROM tag t JOIN application_version v ON v.pk = t.version_pk
            JOIN application a ON a.pk = v.application_pk
            WHERE t.application_pk = :pk AND t.name = :tag ORDER BY t.position DESC LIMIT 1""",  # noqa: S608 # constants
            pk=application_pk,
            tag=tag,
        )
    return None if row is None else Version(*row)


def tagged_versions(db: Db, application_pk: int, tag: str, *, offset: int = 0, limit: int = -1) -> list[Version]:
    """Versions with a tag, newest first."""
    rows = db.all(
        f"""SELECT {_VERSION} FROM tag t JOIN application_version v ON v.pk = t.version_pk
        JOIN application a ON a.pk = v.application_pk WHERE t.application_pk = :pk AND t.name = :tag
        ORDER BY t.position DESC LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        pk=application_pk,
        tag=tag,
        limit=_limit(limit),
        offset=offset,
    )
    return [Version(*row) for row in rows]


def count_tagged_versions(db: Db, application_pk: int, tag: str) -> int:
    """How many versions have a tag."""
    return _count(db, "tag WHERE application_pk = :pk AND name = :tag", pk=application_pk, tag=tag)


def add_version(db: Db, application_pk: int, number: str, now: int, *, build_url: str | None = None) -> int:
    """A new version, after all others of its application; its key."""
    db.run("UPDATE application SET last_position = last_position + 1 WHERE pk = :pk", pk=application_pk)
    return _inserted(
        db,
        """INSERT INTO application_version (application_pk, number, position, build_url, created_at, updated_at)
        SELECT pk, :number, last_position, :build_url, :now, :now FROM application WHERE pk = :pk RETURNING pk""",
        pk=application_pk,
        number=number,
        build_url=build_url,
        now=now,
    )


def set_build_url(db: Db, version_pk: int, build_url: str | None, now: int) -> None:
    """Where a version was built."""
    db.run(
        "UPDATE application_version SET build_url = :url, updated_at = :now WHERE pk = :pk",
        pk=version_pk,
        url=build_url,
        now=now,
    )


def delete_version(db: Db, version_pk: int, now: int) -> None:
    """Remove a version; branches that lose their head get the one added before."""
    moved(db)
    forget_version(db, version_pk)
    headed = [pk for (pk,) in db.all("SELECT pk FROM branch WHERE head_pk = :pk", pk=version_pk)]
    db.run("DELETE FROM application_version WHERE pk = :pk", pk=version_pk)
    for pk in headed:
        _refresh_head(db, pk, now)


# branches


def branch(db: Db, application_pk: int, name: str) -> Branch | None:
    """A branch by name."""
    row = db.one(
        f"""SELECT {_BRANCH} FROM branch b JOIN application a ON a.pk = b.application_pk
        WHERE b.application_pk = :pk AND b.name = :name""",  # noqa: S608 # constants
        pk=application_pk,
        name=name,
    )
    return None if row is None else Branch(*row)


_CONTAINING = " AND LOWER(b.name) LIKE LOWER(:containing) ESCAPE '!'"


def branches(db: Db, application_pk: int, *, containing: str = "", offset: int = 0, limit: int = -1) -> list[Branch]:
    """Branches of an application, the last changed first."""
    narrowed = _CONTAINING if containing else ""
    rows = db.all(
        f"""SELECT {_BRANCH} FROM branch b JOIN application a ON a.pk = b.application_pk
        WHERE b.application_pk = :pk{narrowed} ORDER BY b.updated_at DESC, b.pk DESC
        LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        pk=application_pk,
        limit=_limit(limit),
        offset=offset,
        **({"containing": contains(containing)} if containing else {}),
    )
    return [Branch(*row) for row in rows]


def count_branches(db: Db, application_pk: int, *, containing: str = "") -> int:
    """How many branches an application has."""
    if not containing:
        return _count(db, "branch WHERE application_pk = :pk", pk=application_pk)
    where = f"branch b WHERE b.application_pk = :pk{_CONTAINING}"
    return _count(db, where, pk=application_pk, containing=contains(containing))


def add_branch(db: Db, application_pk: int, name: str, now: int) -> int:
    """A new branch; its key."""
    return _inserted(
        db,
        """INSERT INTO branch (application_pk, name, created_at, updated_at) VALUES (:pk, :name, :now, :now)
        RETURNING pk""",
        pk=application_pk,
        name=name,
        now=now,
    )


def add_to_branch(db: Db, branch_pk: int, version_pk: int, now: int) -> bool:
    """Put a version on a branch and make it the head, unless it is there already; whether it is new there."""
    added = db.run(
        """INSERT INTO branch_version (branch_pk, version_pk, created_at) VALUES (:branch, :version, :now)
        ON CONFLICT (branch_pk, version_pk) DO NOTHING""",
        branch=branch_pk,
        version=version_pk,
        now=now,
    )
    if added:
        db.run(
            "UPDATE branch SET head_pk = :version, updated_at = :now WHERE pk = :branch",
            branch=branch_pk,
            version=version_pk,
            now=now,
        )
    return added > 0


def is_on_branch(db: Db, branch_pk: int, version_pk: int) -> bool:
    """Whether a version is on a branch."""
    found = db.one(
        "SELECT 1 FROM branch_version WHERE branch_pk = :branch AND version_pk = :version",
        branch=branch_pk,
        version=version_pk,
    )
    return found is not None


def has_branch(db: Db, version_pk: int) -> bool:
    """Whether a version is on any branch."""
    return db.one("SELECT 1 FROM branch_version WHERE version_pk = :pk LIMIT 1", pk=version_pk) is not None


def remove_from_branch(db: Db, branch_pk: int, version_pk: int, now: int) -> bool:
    """Take a version off a branch; whether it was there."""
    removed = db.run(
        "DELETE FROM branch_version WHERE branch_pk = :branch AND version_pk = :version",
        branch=branch_pk,
        version=version_pk,
    )
    _refresh_head(db, branch_pk, now)
    return removed > 0


def _refresh_head(db: Db, branch_pk: int, now: int) -> None:
    db.run(
        """UPDATE branch SET updated_at = :now, head_pk = (SELECT version_pk FROM branch_version
        WHERE branch_pk = :branch ORDER BY pk DESC LIMIT 1) WHERE pk = :branch""",
        branch=branch_pk,
        now=now,
    )


def branch_versions(db: Db, branch_pk: int, *, offset: int = 0, limit: int = -1) -> list[Version]:
    """Versions of a branch, the last added first."""
    rows = db.all(
        f"""SELECT {_VERSION} FROM branch_version bv JOIN application_version v ON v.pk = bv.version_pk
        JOIN application a ON a.pk = v.application_pk WHERE bv.branch_pk = :pk
        ORDER BY bv.pk DESC LIMIT :limit OFFSET :offset""",  # noqa: S608 # constants
        pk=branch_pk,
        limit=_limit(limit),
        offset=offset,
    )
    return [Version(*row) for row in rows]


def count_branch_versions(db: Db, branch_pk: int) -> int:
    """How many versions are on a branch."""
    return _count(db, "branch_version WHERE branch_pk = :pk", pk=branch_pk)


def branch_born(db: Db, branch_pk: int) -> int | None:
    """When the first version came to a branch."""
    row = db.one("SELECT created_at FROM branch_version WHERE branch_pk = :pk ORDER BY pk LIMIT 1", pk=branch_pk)
    return None if row is None else int(row[0])


def delete_branch(db: Db, branch_pk: int) -> None:
    """Remove a branch; its versions stay."""
    db.run("DELETE FROM branch WHERE pk = :pk", pk=branch_pk)


# tags


def tag(db: Db, version_pk: int, name: str) -> Tag | None:
    """A tag of a version."""
    row = db.one(
        """SELECT a.name, v.number, t.name, t.created_at FROM tag t
        JOIN application_version v ON v.pk = t.version_pk JOIN application a ON a.pk = t.application_pk
        WHERE t.version_pk = :pk AND t.name = :name""",
        pk=version_pk,
        name=name,
    )
    return None if row is None else Tag(*row)


def has_tag(db: Db, version_pk: int) -> bool:
    """Whether a version has any tag."""
    return db.one("SELECT 1 FROM tag WHERE version_pk = :pk LIMIT 1", pk=version_pk) is not None


def add_tag(db: Db, version: Version, name: str, now: int) -> bool:
    """Tag a version; whether the tag is new."""
    return (
        db.run(
            """INSERT INTO tag (version_pk, name, application_pk, position, created_at)
            VALUES (:version, :name, :application, :position, :now) ON CONFLICT (version_pk, name) DO NOTHING""",
            version=version.pk,
            name=name,
            application=version.application_pk,
            position=version.position,
            now=now,
        )
        > 0
    )


def delete_tag(db: Db, version_pk: int, name: str) -> bool:
    """Take a tag off; whether it was there."""
    return db.run("DELETE FROM tag WHERE version_pk = :pk AND name = :name", pk=version_pk, name=name) > 0


def tag_born(db: Db, application_pk: int, name: str) -> int | None:
    """When a tag was first used on an application."""
    row = db.one(
        "SELECT MIN(created_at) FROM tag WHERE application_pk = :pk AND name = :name", pk=application_pk, name=name
    )
    return None if row is None or row[0] is None else int(row[0])


# what marks versions


@dataclass(slots=True)
class Marks:
    """How a version stands: branches and tags with whether it is their newest, where it is deployed or released."""

    branches: list[tuple[str, bool]] = field(default_factory=list)
    tags: list[tuple[str, bool]] = field(default_factory=list)
    deployed: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


def marks(db: Db, version_pks: Sequence[int]) -> dict[int, Marks]:
    """The marks of many versions, in four questions however many there are."""
    found = {pk: Marks() for pk in version_pks}
    if not found:
        return found
    listed, parameters = one_of("v", found)

    def ask(sql: str) -> list[Row]:
        return db.all(sql.replace("LISTED", listed), **parameters)

    for pk, name, head in ask(
        """SELECT bv.version_pk, b.name, CASE WHEN b.head_pk = bv.version_pk THEN 1 ELSE 0 END
        FROM branch_version bv JOIN branch b ON b.pk = bv.branch_pk WHERE bv.version_pk IN LISTED ORDER BY bv.pk"""
    ):
        found[pk].branches.append((name, bool(head)))
    for pk, name, newest in ask(
        """SELECT t.version_pk, t.name, CASE WHEN EXISTS (SELECT 1 FROM tag n WHERE n.application_pk = t.application_pk
        AND n.name = t.name AND n.position > t.position) THEN 0 ELSE 1 END
        FROM tag t WHERE t.version_pk IN LISTED ORDER BY t.name"""
    ):
        found[pk].tags.append((name, bool(newest)))
    for pk, name in ask(
        """SELECT DISTINCT d.version_pk, e.name FROM deployed_version d JOIN environment e ON e.pk = d.environment_pk
        WHERE d.version_pk IN LISTED AND d.ended_at IS NULL"""
    ):
        found[pk].deployed.append(name)
    for pk, name in ask(
        """SELECT DISTINCT r.version_pk, e.name FROM released_version r JOIN environment e ON e.pk = r.environment_pk
        WHERE r.version_pk IN LISTED AND r.ended_at IS NULL"""
    ):
        found[pk].released.append(name)
    return found
