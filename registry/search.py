"""Use cases of finding subjects: a search that answers page by page, and one subject with all that is shown of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from registry.errors import SubjectNotFound
from registry.evolution.levels import DEFAULT_LEVEL
from registry.names import Subject
from registry.policy import Config, config_among, wider_scopes
from registry.store.engine import Db
from registry.store.queries import search as queries
from registry.store.queries import settings
from registry.store.queries.search import ALL, DELETED, LIVE, Criteria, Hit, Position

__all__ = ["ALL", "DELETED", "LIVE", "Criteria", "Found", "Hit", "Page", "Position", "one", "search"]

# So many schemas with a term are read and sorted; with more, the names are walked and enough of them match.
_FEW = 2000
# Windows grow while they are quick: how much text there is behind a name is not known before.
_FIRST_WINDOW, _LARGEST_WINDOW = 256, 8192
_QUICK = 0.05
_CONTEXTS = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A subject that matches, and the level that holds for it."""

    hit: Hit
    level: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the subjects that match; `next` None when there are no more.

    A page may hold fewer than were asked for, even none, and still go on: a search that no index serves stops
    after its time and says how far it came.
    """

    items: Sequence[Found]
    next: Position | None


def search(
    db: Db, criteria: Criteria, server: Config, *, after: Position | None, limit: int, seconds: float = 0.5
) -> Page:
    """Subjects that match, by context and name, after a position."""
    group = queries.few(db, criteria.terms, _FEW)
    if group is not None:
        hits = queries.by_term(db, criteria, group, after, limit + 1)
        stopped = None
    else:
        hits, stopped = _walked(db, criteria, after, limit + 1, monotonic() + seconds)
    if len(hits) > limit:
        hits = hits[:limit]
        stopped = Position(hits[-1].subject.context, hits[-1].subject.name)
    return Page(_with_levels(db, hits, server), stopped)


def _walked(
    db: Db, criteria: Criteria, after: Position | None, wanted: int, deadline: float
) -> tuple[list[Hit], Position | None]:
    """Walk the names in windows that grow, until enough match, the names end or the time does."""
    found: list[Hit] = []
    size = _FIRST_WINDOW if criteria.tests else wanted
    for walked, (context, start) in enumerate(_contexts(db, criteria, after)):
        if walked and monotonic() > deadline:
            return found, Position(context[1])
        last = start
        while True:
            began = monotonic()
            hits, last = queries.window(db, criteria, context, last, size=size, limit=wanted - len(found))
            found += hits
            if len(found) == wanted:
                return found, None
            if last is None:
                break
            now = monotonic()
            if now > deadline:
                return found, Position(context[1], last)
            if now - began < _QUICK:
                size = min(size * 4, _LARGEST_WINDOW)
    return found, None


def _contexts(db: Db, criteria: Criteria, after: Position | None) -> Iterator[tuple[tuple[int, str], str | None]]:
    """The contexts to walk, by name: (key, name), and the subject to start after."""
    at, start = (after.context, after.name) if after else ("", None)
    if criteria.context is not None:
        key = queries.context_key(db, criteria.context)
        if key is not None and at <= criteria.context:
            yield (key, criteria.context), start if at == criteria.context else None
        return
    itself = True
    while rows := queries.contexts_from(db, at, _CONTEXTS, itself=itself):
        for key, name in rows:
            yield (key, name), start if itself and name == at else None
        at, itself = rows[-1][1], False


def _with_levels(db: Db, hits: Sequence[Hit], server: Config) -> list[Found]:
    """The level of each, by its own record, its context's or the global one."""
    wider = {context: _wider_records(db, context) for context in {hit.subject.context for hit in hits}}
    found = []
    for hit in hits:
        records = wider[hit.subject.context]
        if hit.config is not None:
            records = {**records, str(hit.subject): hit.config}
        found.append(Found(hit, config_among(hit.subject, records, server).level or DEFAULT_LEVEL))
    return found


def _wider_records(db: Db, context: str) -> dict[str, str]:
    records, *_ = settings.read(db, wider_scopes(context))
    return records


def one(db: Db, subject: Subject, server: Config, *, deleted: bool = False) -> Found:
    """A subject by name; `deleted` finds one without live versions too. Raises SubjectNotFound."""
    hit = queries.one(db, subject)
    if hit is None or not (hit.live or deleted):
        raise SubjectNotFound(subject=str(subject))
    return _with_levels(db, [hit], server)[0]
