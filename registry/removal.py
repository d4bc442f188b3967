"""The use case of deleting many subjects at once: what can go goes, and every refusal says why.

A rehearsal is the same function in a transaction that is rolled back (`Store.write(…, dry_run=True)`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry import search, subjects
from registry.errors import ReferenceExists, RegistryError
from registry.events import Actor
from registry.names import Subject
from registry.objections import Objector
from registry.policy import Config
from registry.search import ALL, LIVE, Criteria, Position
from registry.store.engine import Db
from registry.store.queries.subjects import referred

Permit = Callable[[Subject], None]
"""Raises Forbidden for a subject that the caller may not delete."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A subject that went, and its versions."""

    subject: Subject
    versions: Sequence[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A subject that did not go, and why."""

    subject: Subject
    reason: RegistryError


def with_prefix(
    db: Db, prefix: str, server: Config, *, permanent: bool, after: Position | None, limit: int
) -> tuple[list[Subject], Position | None]:
    """Some of the subjects whose name starts with a prefix (`:.dev:orders-`, `:*:test-`), and where to go on.

    Deleting for good also meets live ones, which refuse.
    """
    context, start = subjects.wildcard(prefix)
    criteria = Criteria(context=context, prefix=start, which=ALL if permanent else LIVE)
    page = search.search(db, criteria, server, after=after, limit=limit)
    return [found.hit.subject for found in page.items], page.next


def delete_subjects(
    db: Db,
    actor: Actor,
    named: Sequence[Subject],
    server: Config,
    *,
    permanent: bool,
    permit: Permit,
    objector: Objector | None = None,
) -> tuple[list[Removed], list[Kept]]:
    """Delete subjects, softly or (after that) for good. One that others of them refer to goes after those.

    A refusal leaves its subject as it was, because deleting one decides before it writes.
    """
    removed: list[Removed] = []
    kept: dict[Subject, RegistryError] = {}
    queue = deque(dict.fromkeys(named))
    while queue:
        subject = queue.popleft()
        targets = referred(db, subject)
        try:
            permit(subject)
            versions = subjects.delete_subject(db, actor, subject, server, permanent=permanent, objector=objector)
        except RegistryError as error:
            kept[subject] = error
            continue
        removed.append(Removed(subject, versions))
        for target in targets:
            if isinstance(kept.get(target), ReferenceExists):
                del kept[target]
                queue.append(target)
    return removed, [Kept(subject, reason) for subject, reason in kept.items()]
