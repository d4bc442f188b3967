"""Which versions leave their support window soon, whatever policy holds them: their subject's, a prefix's, that of all.

A version leaves its window a fixed span after the next one was registered. So the subjects to look at are those with a
version that was registered about that span ago: they are searched for now and then, by the few spans that policies
have, and looked at in batches. Subjects that have just got a version are looked at the next time, so that short windows
are not missed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from contracts.protection import Protection, effective
from contracts.queries import protection as queries
from registry.clock import now_ms
from registry.evolution import windows
from registry.evolution.windows import DAY, Registered, Retention, Window
from registry.names import Subject
from registry.store.engine import Db

AHEAD: Final = 7 * DAY
AGAIN: Final = 600.0
BATCH: Final = 100
_RESTS_ON: Final = frozenset({"policy", "topic_seen"})


@dataclass(frozen=True, slots=True)
class Closing:
    """A version that leaves its window at a moment, in ms."""

    subject: Subject
    version: int
    until: int
    why: str


def closing(
    policies: Mapping[str, Protection],
    retentions: Mapping[str, Retention | None],
    histories: Mapping[Subject, Sequence[Registered]],
    now: int,
) -> list[Closing]:
    """The versions of some subjects that leave their windows within `AHEAD`."""
    found = []
    for subject, history in histories.items():
        window = effective(policies, str(subject)).readable_for
        if window is None or _span(window, retentions) is None:
            continue
        for each in windows.held(window, history, now, retentions.get(window.while_retained or "")):
            if each.until is not None and each.until - now <= AHEAD:
                found.append(Closing(subject, each.version, each.until, each.why))
    return found


def _span(window: Window, retentions: Mapping[str, Retention | None]) -> int | None:
    """How long a window holds a version after the next one was registered, in ms; None if it has no such end."""
    if window.days is not None:
        return window.days * DAY
    seen = None if window.while_retained is None else retentions.get(window.while_retained)
    return None if seen is None or seen.keeps is None or seen.keeps < 0 else seen.keeps


class Closings:
    """What is still to be looked at. One thread at a time."""

    def __init__(self) -> None:
        self._due: dict[Subject, None] = {}
        self._searched: float | None = None

    @property
    def more(self) -> bool:
        """Whether there are subjects that were not looked at yet."""
        return bool(self._due)

    def look(self, db: Db, registered: Iterable[Subject], happened: Collection[str]) -> list[Closing]:
        """The versions, of a batch of subjects, that leave their windows soon and of which nobody was told.

        `registered` are subjects that have got a version since, `happened` the actions that were logged.
        """
        subjects = list(dict.fromkeys(registered))
        searching = self._is_time() or not _RESTS_ON.isdisjoint(happened)
        if not (searching or subjects or self._due):
            return []
        policies = queries.policies(db)
        timed = {each.readable_for for each in policies.values() if each.readable_for is not None}
        retentions = {each: queries.retention(db, each) for window in timed if (each := window.while_retained)}
        if searching:
            self._searched = time.monotonic()
            self._due |= dict.fromkeys(_searched(db, timed, retentions))
        batch = list(dict.fromkeys([*subjects, *islice(self._due, BATCH)]))
        for subject in batch:
            self._due.pop(subject, None)
        found = closing(policies, retentions, queries.registered(db, batch), now_ms()) if batch else []
        known = queries.closings_told(db, [(str(each.subject), each.version) for each in found])
        return [each for each in found if (str(each.subject), each.version) not in known]

    def _is_time(self) -> bool:
        return self._searched is None or time.monotonic() - self._searched >= AGAIN


def _searched(db: Db, timed: Iterable[Window], retentions: Mapping[str, Retention | None]) -> list[Subject]:
    spans = {span for window in timed if (span := _span(window, retentions)) is not None}
    now = now_ms()
    return queries.written_within(db, [(now - span, now - span + AHEAD) for span in sorted(spans)])
