"""Whose newest version refers to a version, directly or through others: one question a level."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from contracts.queries.lists import one_of
from registry.content import Content
from registry.formats.base import Reference
from registry.names import Subject
from registry.store.engine import Db

_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Referrer:
    """A newest version that refers to another; of its content what parsing needs."""

    subject: Subject
    version: int
    content: Content


def newest(db: Db, subject: Subject, version: int, limit: int) -> list[Referrer]:
    """Newest versions that refer to a version, those it is referred from before those that refer to these."""
    row = db.one(
        "SELECT s.pk FROM subject s JOIN context c ON c.pk = s.context_pk WHERE c.name = :context AND s.name = :name",
        context=subject.context,
        name=subject.name,
    )
    if row is None:
        return []
    found: dict[int, Referrer] = {}
    level = [(row[0], version)]
    for _ in range(_DEEPEST):
        rows = [row for part in _parts(level) for row in _referring(db, part)]
        level = []
        for pk, context, name, number, format, text, refs in rows:
            if pk in found or len(found) >= limit:
                continue
            references = msgspec.json.decode(refs, type=tuple[Reference, ...])
            found[pk] = Referrer(Subject(context, name), number, Content(format, text, references, None, None))
            level.append((pk, number))
        if not level:
            break
    return list(found.values())


def _parts(level: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    return [level[start : start + 500] for start in range(0, len(level), 500)]


def _referring(db: Db, targets: list[tuple[int, int]]) -> list[tuple[int, str, str, int, str, str, str]]:
    listed, parameters = one_of("s", [pk for pk, _ in targets])
    wanted = set(targets)
    rows = db.all(
        f"""SELECT s.pk, c.name, s.name, v.version, x.format, x.text, x.refs, r.subject_pk, r.version
        FROM reference r JOIN version v ON v.schema_pk = r.schema_pk AND v.deleted_at IS NULL
        JOIN subject s ON s.pk = v.subject_pk AND s.latest_version = v.version
        JOIN context c ON c.pk = s.context_pk JOIN schema_ x ON x.pk = v.schema_pk
        WHERE r.subject_pk IN {listed} ORDER BY c.name, s.name""",  # noqa: S608 # placeholders
        **parameters,
    )
    return [row[:7] for row in rows if (row[7], row[8]) in wanted]
