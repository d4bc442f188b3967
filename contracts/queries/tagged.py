"""Which versions of applications are where a tag is: questions."""

from __future__ import annotations

from registry.store.engine import Db

_MOST_NAMED = 50


def in_environment(db: Db, name: str) -> dict[int, tuple[str, str]]:
    """(application, number) by key of what is deployed or supported in an environment now."""
    rows = db.all(
        """SELECT v.pk, a.name, v.number FROM environment e
        JOIN deployed_version d ON d.environment_pk = e.pk AND d.ended_at IS NULL
        JOIN application_version v ON v.pk = d.version_pk JOIN application a ON a.pk = v.application_pk
        WHERE e.name = :name
        UNION SELECT v.pk, a.name, v.number FROM environment e
        JOIN released_version d ON d.environment_pk = e.pk AND d.ended_at IS NULL
        JOIN application_version v ON v.pk = d.version_pk JOIN application a ON a.pk = v.application_pk
        WHERE e.name = :name""",
        name=name,
    )
    return {pk: (application, number) for pk, application, number in rows}


def carrying(db: Db, name: str) -> dict[int, tuple[str, str]]:
    """(application, number) by key of the newest version of each application that carries a tag."""
    rows = db.all(
        """SELECT v.pk, a.name, v.number FROM tag t JOIN application_version v ON v.pk = t.version_pk
        JOIN application a ON a.pk = t.application_pk WHERE t.name = :name AND t.position =
        (SELECT MAX(newest.position) FROM tag newest
        WHERE newest.application_pk = t.application_pk AND newest.name = t.name)""",
        name=name,
    )
    return {pk: (application, number) for pk, application, number in rows}


def tags(db: Db) -> list[str]:
    """The names of tags there are, as many as a sentence holds."""
    rows = db.all("SELECT DISTINCT name FROM tag ORDER BY name LIMIT :most", most=_MOST_NAMED)
    return [name for (name,) in rows]
