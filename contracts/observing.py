"""Who fetches which schemas: requests that name their application make it a known consumer, without a contract.

    Tenor-Application: billing@1.4
    User-Agent: billing@1.4 any-client/2.0

A fetch is only counted in memory, by application and path; now and then the counts are resolved to subjects and
written, each pair at most once in ten minutes. A pair that is new is written within seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl

from contracts.protection import named_application
from contracts.queries import needs as queries
from contracts.queries.needs import Observed
from registry import names, subjects
from registry.clock import now_ms
from registry.errors import RegistryError
from registry.http.segments import segments
from registry.names import Subject
from registry.store.engine import Db, Store
from registry.store.queries import schemas
from registry.store.queries.subjects import head

EVERY: Final = 5.0
AGAIN: Final = 600.0
MOST_SEEN: Final = 2_000
"""How many applications and versions are kept of a subject."""
REMEMBERED: Final = 90 * 86_400_000
"""How long one that is not seen again is kept, in ms."""
_MOST: Final = 10_000
_LONGEST: Final = 200

Fetch = tuple[str, bytes, bytes]
"""Application as it names itself, raw path, query."""


class Observer:
    """Counts fetches on the event loop, and writes them in the background."""

    def __init__(self, store: Store, log: Callable[..., None]) -> None:
        self._store = store
        self._log = log
        self._counts: dict[Fetch, int] = {}
        self._written: dict[Fetch, float] = {}

    def note(self, application: str, raw_path: bytes, query: bytes) -> None:
        """Count a fetch. What does not fit any more is dropped: it will be seen again."""
        fetch = application, raw_path, query
        if fetch in self._counts:
            self._counts[fetch] += 1
        elif len(self._counts) < _MOST and len(application) < _LONGEST and len(raw_path) + len(query) < 4000:
            self._counts[fetch] = 1

    async def run(self) -> None:
        """Write what is due, again and again."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.flush()
            except RegistryError as error:
                self._log("writing who fetched what waits", reason=str(error))

    async def flush(self) -> None:
        """Write what was never written, or not for a while."""
        now = time.monotonic()
        due = {fetch: count for fetch, count in self._counts.items() if now - self._written.get(fetch, -AGAIN) >= AGAIN}
        if not due:
            return
        found = await self._store.read(lambda db: resolved(db, due.items(), now_ms()), heavy=True)
        if found:
            await self._store.write(lambda db: _write(db, found))
        for fetch, count in due.items():
            left = self._counts.pop(fetch) - count
            if left:
                self._counts[fetch] = left
            self._written[fetch] = now
        while len(self._written) > _MOST:
            self._written.pop(next(iter(self._written)))


def _write(db: Db, found: list[Observed]) -> None:
    full = {subject for subject in {each.subject for each in found} if queries.observed_count(db, subject) >= MOST_SEEN}
    known = {(each.subject, each.application, each.number) for each in queries.observed(db, full)} if full else set()
    # Whoever makes up names must not fill the database: a subject that has too many learns of no further ones.
    queries.observe(
        db,
        [each for each in found if each.subject not in full or (each.subject, each.application, each.number) in known],
    )
    queries.forget_observed(db, now_ms() - REMEMBERED)
    queries.moved(db)


def resolved(db: Db, fetches: Iterable[tuple[Fetch, int]], now: int) -> list[Observed]:
    """Fetches by subject and application; those that name no application, or fetch no schema, are left out."""
    found: dict[tuple[str, str, str], int] = {}
    for (application, raw_path, query), count in fetches:
        named = named_application(application)
        if named is None:
            continue
        for subject in subjects_of(db, raw_path, query):
            key = (str(subject), *named)
            found[key] = found.get(key, 0) + count
    return [Observed(*key, now, now, count) for key, count in found.items()]


def subjects_of(db: Db, raw_path: bytes, query: bytes) -> list[Subject]:
    """The subjects whose schema a request fetches: by id, or by subject and version, below a context or not."""
    parts, context = segments(raw_path), names.DEFAULT_CONTEXT
    try:
        if len(parts) > 2 and parts[0] == "contexts":
            context, parts = names.context(parts[1]), parts[2:]
        if len(parts) >= 3 and parts[:2] == ["schemas", "ids"] and parts[2].isascii() and parts[2].isdigit():
            return _of_id(db, context, int(parts[2][:12]), dict(parse_qsl(query.decode("latin-1"))).get("subject"))
        if len(parts) >= 4 and parts[0] == "subjects" and parts[2] == "versions":
            named = subjects.aliased(db, Subject.parse(parts[1], context))
            return [] if head(db, named) is None else [named]
    except RegistryError:
        pass  # a request that was refused fetched nothing
    return []


def _of_id(db: Db, context: str, id: int, subject: str | None) -> list[Subject]:
    if subject:
        named = Subject.parse(subject, context)
        if not named.is_context:
            named = subjects.aliased(db, named)
            return [] if schemas.of_subject(db, named, id) is None else [named]
        context = named.context
    return schemas.subjects_of_id(db, context, id)
