"""Refused attempts, told to the audit log: one event an identity and minute, however many attempts there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import time
from typing import Final

from registry.events import Actor, record
from registry.store.engine import Db

MOST_IDENTITIES: Final = 200
MOST_ROUTES: Final = 20
MOST_ORIGINS: Final = 20
OTHERS: Final = "(others)"
"""Whoever comes after so many identities in one minute, together."""
RESOURCE: Final = "audit:refused"


@dataclass(slots=True)
class Refused:
    """The refused attempts of one identity in one minute (counted since 1970)."""

    minute: int
    actor: str
    count: int = 0
    routes: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)

    def add(self, route: str, status: int, origin: str | None) -> None:
        """Count one; of more routes or addresses than are told apart only the number stays."""
        self.count += 1
        _count(self.routes, f"{status} {route}", MOST_ROUTES)
        _count(self.origins, origin or "", MOST_ORIGINS)

    def noted(self, db: Db) -> None:
        """Write the event."""
        record(
            db,
            Actor(self.actor, origin=next(iter(self.origins)) if len(self.origins) == 1 else None),
            "refused",
            RESOURCE,
            minute=self.minute,
            count=self.count,
            routes=dict(self.routes),
            origins=dict(self.origins),
        )


def _count(counter: Counter[str], key: str, most: int) -> None:
    counter[key if key in counter or len(counter) < most else OTHERS] += 1


class Refusals:
    """What was refused and is not yet in the log. One a process; the event loop's thread counts."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._open: dict[tuple[int, str], Refused] = {}

    def note(self, actor: str, route: str, status: int, origin: str | None) -> None:
        """One refused attempt."""
        minute = int(self._clock() // 60)
        key = (minute, actor)
        if key not in self._open and len(self._open) >= MOST_IDENTITIES:
            key = (minute, OTHERS)
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = Refused(*key)
        found.add(route, status, origin)

    def taken(self, *, all: bool = False) -> list[Refused]:
        """What can be written: of minutes that are over, or all of it. It is nobody's any more then."""
        minute = int(self._clock() // 60)
        over = [key for key in self._open if all or key[0] < minute]
        return [self._open.pop(key) for key in over]

    def give_back(self, found: list[Refused]) -> None:
        """Keep what could not be written for the next time."""
        for each in found:
            self._open.setdefault((each.minute, each.actor), each)


def write(db: Db, found: list[Refused]) -> None:
    """A writing job."""
    for each in found:
        each.noted(db)
