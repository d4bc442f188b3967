"""Policies by scope, waivers, owners, what was seen of topics: questions and changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from contracts.protection import Protection, Waiver, protection, written
from contracts.queries.lists import Parameters, one_of, rows_of
from registry.evolution.windows import Registered, Retention
from registry.names import Subject
from registry.store.engine import Db

_AT_ONCE = 256


def policies(db: Db) -> dict[str, Protection]:
    """Every policy, by scope."""
    return {scope: protection(json.loads(body)) for scope, body in db.all("SELECT scope, body FROM protection")}


def put_policy(db: Db, scope: str, found: Protection, now: int) -> None:
    """Set the policy of a scope; an empty one removes it. `policies_moved` has to follow."""
    if found.empty:
        db.run("DELETE FROM protection WHERE scope = :scope", scope=scope)
    else:
        db.run(
            """INSERT INTO protection (scope, body, updated_at) VALUES (:scope, :body, :now)
            ON CONFLICT (scope) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at""",
            scope=scope,
            body=json.dumps(written(found), sort_keys=True),
            now=now,
        )


def policies_moved(db: Db) -> None:
    """Policies have changed: registration reads with the settings how many there are, and asks for nothing without."""
    db.run(
        """INSERT INTO counter (name, value) SELECT 'protections', COUNT(*) FROM protection WHERE 1 = 1
        ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
    )
    db.run(
        """INSERT INTO counter (name, value) VALUES ('settings', 1)
        ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"""
    )


_WAIVER = "subject, until, reason, owner, rule, path, consumer, uuid, created_by, created_at"


def waivers(db: Db) -> list[Waiver]:
    """Every waiver that was not withdrawn, expired ones too, the next to expire first."""
    rows = db.all(f"SELECT {_WAIVER} FROM waiver ORDER BY until, uuid")  # noqa: S608 # constants
    return [Waiver(*row) for row in rows]


def put_waiver(db: Db, waiver: Waiver) -> None:
    """Keep a new waiver."""
    db.run(
        f"""INSERT INTO waiver ({_WAIVER}) VALUES (:subject, :until, :reason, :owner, :rule, :path, :consumer, :uuid,
        :created_by, :created_at)""",  # noqa: S608 # constants
        subject=waiver.subject,
        until=waiver.until,
        reason=waiver.reason,
        owner=waiver.owner,
        rule=waiver.rule,
        path=waiver.path,
        consumer=waiver.consumer,
        uuid=waiver.uuid,
        created_by=waiver.created_by,
        created_at=waiver.created_at,
    )


def waivers_ending(db: Db, before: int) -> list[Waiver]:
    """Waivers that end before a moment, of which nobody was told yet."""
    rows = db.all(
        f"SELECT {_WAIVER} FROM waiver WHERE until < :before AND told_at IS NULL ORDER BY until LIMIT 100",  # noqa: S608 # constants
        before=before,
    )
    return [Waiver(*row) for row in rows]


def tell_waiver(db: Db, uuid: str, now: int) -> bool:
    """Note that people are told that a waiver ends; False if they were told already, or it was withdrawn."""
    return db.run("UPDATE waiver SET told_at = :now WHERE uuid = :uuid AND told_at IS NULL", uuid=uuid, now=now) > 0


def written_within(db: Db, ranges: Sequence[tuple[int, int]]) -> list[Subject]:
    """The subjects with a version that was registered after the first and up to the second moment of some pairs."""
    found: dict[Subject, None] = {}
    for start in range(0, len(ranges), _AT_ONCE):
        parameters: Parameters = {}
        conditions = []
        for place, (after, until) in enumerate(ranges[start : start + _AT_ONCE]):
            conditions.append(f"v.created_at > :after{place} AND v.created_at <= :until{place}")
            parameters |= {f"after{place}": after, f"until{place}": until}
        rows = db.all(
            f"""SELECT DISTINCT c.name, s.name FROM version v JOIN subject s ON s.pk = v.subject_pk
            JOIN context c ON c.pk = s.context_pk WHERE {" OR ".join(conditions)} ORDER BY c.name, s.name""",  # noqa: S608 # placeholders
            **parameters,
        )
        found |= dict.fromkeys(Subject(*row) for row in rows)
    return list(found)


def registered(db: Db, subjects: Sequence[Subject]) -> dict[Subject, list[Registered]]:
    """When each version of some subjects was registered, deleted ones too."""
    values, parameters = rows_of("s", [(each.context, each.name) for each in subjects])
    rows = db.all(
        f"""WITH wanted (context, name) AS ({values}) SELECT DISTINCT w.context, w.name, v.version, v.created_at
        FROM wanted w JOIN context c ON c.name = w.context JOIN subject s ON s.context_pk = c.pk AND s.name = w.name
        JOIN version v ON v.subject_pk = s.pk""",  # noqa: S608 # placeholders
        **parameters,
    )
    found: dict[Subject, list[Registered]] = {}
    for context, name, number, at in rows:
        found.setdefault(Subject(context, name), []).append(Registered(number, at))
    return found


def _closing(subject: str, version: int) -> str:
    return f"closing:{version}:{subject}"


def closings_told(db: Db, versions: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    """Of which (subject, version) people were told that it leaves its window."""
    named = {_closing(*each): each for each in versions}
    names, found = list(named), set[tuple[str, int]]()
    for start in range(0, len(names), _AT_ONCE):
        listed, parameters = one_of("n", names[start : start + _AT_ONCE])
        rows = db.all(f"SELECT name FROM counter WHERE name IN {listed}", **parameters)  # noqa: S608 # placeholders
        found |= {named[name] for (name,) in rows}
    return found


def tell_closing(db: Db, subject: str, version: int) -> bool:
    """Note that people are told that a version leaves its window; False if they were told already."""
    return (
        db.run(
            "INSERT INTO counter (name, value) VALUES (:name, 1) ON CONFLICT (name) DO NOTHING",
            name=_closing(subject, version),
        )
        > 0
    )


def delete_waiver(db: Db, uuid: str) -> Waiver | None:
    """Withdraw a waiver; the one that was there."""
    row = db.one(f"SELECT {_WAIVER} FROM waiver WHERE uuid = :uuid", uuid=uuid)  # noqa: S608 # constants
    if row is None:
        return None
    db.run("DELETE FROM waiver WHERE uuid = :uuid", uuid=uuid)
    return Waiver(*row)


def owners(db: Db, applications: Collection[str]) -> dict[str, str]:
    """Who answers for applications."""
    listed, parameters = one_of("a", sorted(applications))
    rows = db.all(
        f"SELECT application, owner FROM application_owner WHERE application IN {listed}",  # noqa: S608 # placeholders
        **parameters,
    )
    return dict(rows)


def put_owner(db: Db, application: str, owner: str | None) -> None:
    """Say who answers for an application, or that nobody does."""
    db.run("DELETE FROM application_owner WHERE application = :application", application=application)
    if owner is not None:
        db.run(
            "INSERT INTO application_owner (application, owner) VALUES (:application, :owner)",
            application=application,
            owner=owner,
        )


def subject_owner(db: Db, subject: Subject) -> str | None:
    """Who answers for a subject."""
    row = db.one(
        """SELECT s.owner FROM subject s JOIN context c ON c.pk = s.context_pk
        WHERE c.name = :context AND s.name = :name""",
        context=subject.context,
        name=subject.name,
    )
    return None if row is None else row[0]


def retention(db: Db, topic: str) -> Retention | None:
    """What was seen of a topic."""
    row = db.one(
        "SELECT topic, retention_ms, oldest_at, observed_at FROM topic_evidence WHERE topic = :topic", topic=topic
    )
    return None if row is None else Retention(*row)


def topics(db: Db) -> list[tuple[Retention, dict[str, Any]]]:
    """What was seen of every topic."""
    rows = db.all("SELECT topic, retention_ms, oldest_at, observed_at, detail FROM topic_evidence ORDER BY topic")
    return [(Retention(*row[:4]), json.loads(row[4])) for row in rows]


def put_topic(db: Db, seen: Retention, detail: Mapping[str, Any]) -> None:
    """Keep what was seen of a topic, in place of what was seen before."""
    db.run(
        """INSERT INTO topic_evidence (topic, retention_ms, oldest_at, observed_at, detail)
        VALUES (:topic, :keeps, :oldest, :seen, :detail)
        ON CONFLICT (topic) DO UPDATE SET retention_ms = excluded.retention_ms, oldest_at = excluded.oldest_at,
        observed_at = excluded.observed_at, detail = excluded.detail""",
        topic=seen.topic,
        keeps=seen.keeps,
        oldest=seen.oldest,
        seen=seen.seen_at,
        detail=json.dumps(detail, sort_keys=True),
    )
