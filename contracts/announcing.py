"""What people are told of schemas through webhooks: registered, refused, whom it hurts, a waiver or a window about to
end.

A background job reads the log of changes from where it stopped, so that nothing is announced that was not committed,
and works out impacts outside the write lock. Refusals leave no trace in the log: they are handed over in memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contracts import hooks
from contracts.blast_radius import BlastRadius, sentence
from contracts.closing import AHEAD, Closing, Closings
from contracts.hooks import Announcement
from contracts.impact import Outcome, Verdict
from contracts.protection import effective
from contracts.queries import needs, protection
from contracts.queries import webhooks as queries
from contracts.sealing import Sealer
from contracts.webhooks import NOTICES, Event
from registry import events
from registry.clock import now_ms
from registry.errors import RegistryError
from registry.names import Subject
from registry.objections import Candidate
from registry.references import Resolver
from registry.store.engine import Db, Store
from registry.store.queries import schemas

EVERY: Final = 2.0
_BATCH: Final = 100
_MOST_REFUSED: Final = 1000


_Once = tuple[Announcement, Callable[[Db], bool]]
"""What is told once, and what notes that within the writing transaction: whether it is the first time."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to say: where the last one stopped in the log and where this one does, and what is told once."""

    before: int
    after: int
    logged: list[Announcement]
    once: list[_Once]
    more: bool


class Announcer:
    """Runs until cancelled. One a process; several processes share the work."""

    def __init__(self, store: Store, sealer: Sealer, radius: BlastRadius, log: Callable[..., None]) -> None:
        self._store = store
        self._sealer = sealer
        self._radius = radius
        self._log = log
        self._closings = Closings()
        self.refusals = Refusals()

    async def run(self) -> None:
        """Announce what is new, again and again."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                while await self.round():
                    pass
            except RegistryError as error:
                self._log("announcing waits", reason=str(error))

    async def round(self) -> bool:
        """Announce a part of what is new; whether there may be more."""
        refused = self.refusals.take()
        found = await self._store.read(self._found, heavy=True)
        if found is None:
            return False
        if found.before == found.after and not (refused or found.once):
            return found.more

        def write(db: Db) -> None:
            # Another process may be faster, with a part of the log or with what is told once.
            told = [*refused, *(each for each, is_first in found.once if is_first(db))]
            if queries.announced(db) == found.before:
                queries.announced_to(db, found.after)
                told += found.logged
            hooks.announce(db, self._sealer, told)

        await self._store.write(write)
        return found.more

    def _found(self, db: Db) -> _Found | None:
        """What there is to say; None while nobody wants to hear."""
        wanted = queries.wanted_events(db)
        if not wanted & NOTICES:
            return None  # the first webhook that wants to hear begins with what happens from then on (`hooks.put`)
        before = queries.announced(db)
        log = events.after(db, before, _BATCH)
        registrations = [event for event in log if event.action == "register"]
        logged = [told for event in registrations for told in self._of_registration(db, event)]
        logged += [_of_failure(db, event) for event in log if event.action == "upcast.failed"]
        once = _waivers(db) if Event.WAIVER_EXPIRING in wanted else []
        more = len(log) == _BATCH
        if Event.WINDOW_CLOSING in wanted:
            registered = [_subject(event) for event in registrations]
            for each in self._closings.look(db, registered, {event.action for event in log}):
                once.append(_of_closing(db, each))
            more |= self._closings.more
        return _Found(before, log[-1].sequence if log else before, logged, once, more)

    def _of_registration(self, db: Db, event: events.Event) -> list[Announcement]:
        subject = _subject(event)
        number = event.body.get("version")
        version = None if number is None else schemas.version(db, subject, int(number), deleted=True)
        if version is None:
            return []
        owner, name = protection.subject_owner(db, subject), str(subject)
        producers = tuple(needs.producers(db, name))
        text = f"{name} has version {version.version}, registered by {event.actor}"
        found = [Announcement(Event.SCHEMA_REGISTERED, name, text, owner, version.version, (), producers)]
        try:
            written = Candidate.of(Resolver(db).parsed(version.content, subject.context), version.content)
            window = effective(protection.policies(db), name).readable_for
            impact = self._radius.ask(db, subject, written, [], window=window, consumers_only=True)
        except RegistryError:
            return found  # what was imported leniently may not parse
        if impact.verdict is Verdict.UNSAFE:
            bad = (Outcome.BREAKS, Outcome.DEGRADES)
            hurt = [row for row in impact.rows if row.outcome in bad and row.waiver is None]
            text = f"{name} version {version.version}: {'; '.join(sentence(row) for row in hurt[:5])}"
            who = tuple(dict.fromkeys(row.consumer for row in hurt))
            found.append(Announcement(Event.IMPACT_FOUND, name, text, owner, version.version, who, producers))
        return found


def _subject(event: events.Event) -> Subject:
    return Subject.parse(event.resource.partition(":")[2])


def _waivers(db: Db) -> list[_Once]:
    """Waivers that end soon."""
    found: list[_Once] = []
    for waiver in protection.waivers_ending(db, now_ms() + AHEAD):
        text = f"A waiver for {waiver.subject} ends on {_date(waiver.until)}: {waiver.reason}"
        told = Announcement(Event.WAIVER_EXPIRING, waiver.subject, text, waiver.owner)
        found.append((told, lambda db, uuid=waiver.uuid: protection.tell_waiver(db, uuid, now_ms())))  # type: ignore[misc] # a lambda with a default
    return found


def _of_closing(db: Db, found: Closing) -> _Once:
    name = str(found.subject)
    text = f"{name} version {found.version} may be deleted from {_date(found.until)} on: {found.why}"
    owner = protection.subject_owner(db, found.subject)
    told = Announcement(Event.WINDOW_CLOSING, name, text, owner, found.version)
    return told, lambda db: protection.tell_closing(db, name, found.version)


def _date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def _of_failure(db: Db, event: events.Event) -> Announcement:
    subject = _subject(event)
    end = "the next version" if event.body["new"] is None else f"version {event.body['new']}"
    old, property = event.body["old"], event.body["property"]
    text = f"The upcaster of {subject} from version {old} to {end} failed its proof ({property})"
    return Announcement(Event.PROOF_FAILED, str(subject), text, protection.subject_owner(db, subject))


class Refusals:
    """Refused registrations that are still to be announced; the oldest go first when there are too many."""

    def __init__(self) -> None:
        self._kept: deque[Announcement] = deque(maxlen=_MOST_REFUSED)

    def add(self, subject: Subject, sentences: Sequence[str]) -> None:
        """Keep one."""
        text = f"A schema for {subject} was refused: {'; '.join(sentences[:5])}"
        self._kept.append(Announcement(Event.SCHEMA_REFUSED, str(subject), text))

    def take(self) -> list[Announcement]:
        """All of them, once."""
        found = list(self._kept)
        self._kept.clear()
        return found
