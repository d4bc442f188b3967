"""Versions whose events may still be there, and what those events seal for persons that a newer schema does not.

New code reads them: within the support window, and without one at least what was written until now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts import sealed
from contracts.impact import StillSealed
from contracts.judging import Judge
from contracts.queries import protection as policies
from contracts.sealed import Place
from registry.clock import now_ms
from registry.errors import RegistryError
from registry.evolution import windows
from registry.evolution.windows import Held, Registered, Window
from registry.names import Subject
from registry.objections import Candidate
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import schemas
from registry.store.queries.schemas import Version

Old = tuple[Version, Held]
"""A version whose events may still be there, and why."""


def kept(db: Db, subject: Subject, window: Window) -> list[Old]:
    """The versions that a window holds, the newest first."""
    history = schemas.history(db, subject, deleted=True)
    by_number = {each.version: each for each in held(db, window, history)}
    return [(each, by_number[each.version]) for each in history if each.version in by_number]


def newest(history: Sequence[Version]) -> list[Old]:
    """Without a window the events that were written last are there all the same."""
    return [(each, Held(each.version, "the newest until now")) for each in history[:1]]


def still_sealed(db: Db, now: Sequence[Place], old: Iterable[Old]) -> list[StillSealed]:
    """What events of older versions seal for persons, and a candidate does not; each place once."""
    known, resolver, found = sealed.left(now), Resolver(db), []
    for version, why in old:
        if not sealed.may_seal(version.content.rule_set):
            continue
        try:
            written = Candidate.of(resolver.parsed(version.content, version.subject.context), version.content)
        except RegistryError:
            continue  # what was imported leniently may not parse: nobody reads it either
        if places := sealed.besides(sealed.places(written), known):
            cover = Judge(sealed.opened(written), places=places).erased
            found.append(StillSealed(version.version, why.why, cover, known=why.known))
    return found


def held(db: Db, window: Window, history: Iterable[Version]) -> list[Held]:
    """The versions that a window holds today, the oldest first."""
    # Of versions that are counted a deleted one is none; by time, its events may still be there.
    there = [each for each in history if window.versions is None or not each.deleted]
    registered = [Registered(each.version, each.created_at) for each in there]
    retention = None if window.while_retained is None else policies.retention(db, window.while_retained)
    return windows.held(window, registered, now_ms(), retention)
