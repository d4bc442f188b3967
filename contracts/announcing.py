"""What people are told of schemas through webhooks: registered, refused, whom it hurts, a waiver about to end.

A background job reads the log of changes from where it stopped, so that nothing is announced that was not committed,
and works out impacts outside the write lock. Refusals leave no trace in the log: they are handed over in memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from contracts import hooks
from contracts.blast_radius import BlastRadius, sentence
from contracts.hooks import Announcement
from contracts.impact import Outcome, Verdict
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
AHEAD: Final = 7 * 86_400_000
_BATCH: Final = 100
_MOST_REFUSED: Final = 1000


class Announcer:
    """Runs until cancelled. One a process; several processes share the work."""

    def __init__(self, store: Store, sealer: Sealer, radius: BlastRadius, log: Callable[..., None]) -> None:
        self._store = store
        self._sealer = sealer
        self._radius = radius
        self._log = log
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
        before, after, told, waivers, closing = found
        told += refused
        if before == after and not told:
            return False

        def write(db: Db) -> None:
            if queries.announced(db) != before:
                return  # another process was faster
            queries.announced_to(db, after)
            hooks.announce(db, self._sealer, told)
            protection.waivers_told(db, waivers, now_ms())
            for subject, version in closing:
                protection.closing_told(db, subject, version)

        await self._store.write(write)
        return after - before == _BATCH

    def _found(self, db: Db) -> tuple[int, int, list[Announcement], list[str], list[tuple[str, int]]] | None:
        """Where the last one stopped, where this one does, what there is to say, and the waivers and versions in it."""
        wanted = queries.wanted_events(db)
        if not wanted & NOTICES:
            return None  # the first webhook that wants to hear begins with what happens from then on (`hooks.put`)
        before = queries.announced(db)
        log = events.after(db, before, _BATCH)
        told = [each for event in log if event.action == "register" for each in self._of_registration(db, event)]
        told += [_of_failure(db, event) for event in log if event.action == "upcast.failed"]
        ending = protection.waivers_ending(db, now_ms() + AHEAD) if Event.WAIVER_EXPIRING in wanted else []
        for waiver in ending:
            until = datetime.fromtimestamp(waiver.until / 1000, UTC).date()
            text = f"A waiver for {waiver.subject} ends on {until}: {waiver.reason}"
            told.append(Announcement(Event.WAIVER_EXPIRING, waiver.subject, text, waiver.owner))
        closing = self._closing(db) if Event.WINDOW_CLOSING in wanted else []
        told += closing
        after = log[-1].sequence if log else before
        versions = [(each.subject, each.version) for each in closing if each.version is not None]
        return before, after, told, [waiver.uuid for waiver in ending], versions

    def _closing(self, db: Db) -> list[Announcement]:
        """Versions that leave the window of their own subject soon; prefixes are not searched subject by subject."""
        found = []
        for scope, policy in protection.policies(db).items():
            if policy.readable_for is None or not scope or scope.endswith("*"):
                continue
            subject, now = Subject.parse(scope), now_ms()
            for each in self._radius.held(db, subject, policy.readable_for):
                if (
                    each.until is not None
                    and each.until - now <= AHEAD
                    and not protection.is_closing(db, scope, each.version)
                ):
                    date = datetime.fromtimestamp(each.until / 1000, UTC).date()
                    text = f"{scope} version {each.version} may be deleted from {date} on: {each.why}"
                    owner = protection.subject_owner(db, subject)
                    found.append(Announcement(Event.WINDOW_CLOSING, scope, text, owner, each.version))
        return found

    def _of_registration(self, db: Db, event: events.Event) -> list[Announcement]:
        subject = Subject.parse(event.resource.partition(":")[2])
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
            impact = self._radius.ask(db, subject, written, [], window=None)
        except RegistryError:
            return found  # what was imported leniently may not parse
        if impact.verdict is Verdict.UNSAFE:
            bad = (Outcome.BREAKS, Outcome.DEGRADES)
            hurt = [row for row in impact.rows if row.outcome in bad and row.waiver is None]
            text = f"{name} version {version.version}: {'; '.join(sentence(row) for row in hurt[:5])}"
            who = tuple(dict.fromkeys(row.consumer for row in hurt))
            found.append(Announcement(Event.IMPACT_FOUND, name, text, owner, version.version, who, producers))
        return found


def _of_failure(db: Db, event: events.Event) -> Announcement:
    subject = Subject.parse(event.resource.partition(":")[2])
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
