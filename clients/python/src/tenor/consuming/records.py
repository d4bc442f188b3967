"""A record as any transport delivers it, what became of it, and how patient a consumer is. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tenor.events import Event
from tenor.wire import Headers


class Outcome(StrEnum):
    """What became of a record. Each of these allows an acknowledgement; everything else is an error."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    DROPPED = "dropped"  # its person's key is erased, and the schema says that such records are left out
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Record:
    """What a transport delivered: bytes, headers, and where it stood.

    `position` are the transport's own words, e.g. {"topic": "orders", "partition": "3", "offset": "17"};
    `ack` acknowledges it, for consumers that run over an iterator of records.
    """

    value: bytes | None
    headers: Headers = None
    key: bytes | None = None
    position: Mapping[str, str] = field(default_factory=dict, hash=False)
    ack: Callable[[], Any] | None = None

    def kept(self) -> Record:
        """The record with headers that can be read more than once: by each try, and by the quarantine."""
        if self.headers is None or isinstance(self.headers, Mapping | list | tuple):
            return self
        return replace(self, headers=list(self.headers))

    def place(self) -> str:
        """The topic, queue or subject that it came from; empty if its position does not tell."""
        return self.position.get("topic") or self.position.get("place") or ""

    def where(self) -> str:
        """The position in one line: `topic=orders partition=3 offset=17`."""
        return " ".join(f"{name}={value}" for name, value in self.position.items()) or "an unknown position"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a consumer tries. Seconds; waits double from `first` to `longest`, with jitter.

    `attempts`   tries of one record in a row, for reasons that may pass
    `trips`      records in a row that fail so, until the circuit opens and tries stop for `rest` seconds
    `patience`   after so long a record is given up unacknowledged, for the transport to deliver again
    """

    attempts: int = 5
    first: float = 0.1
    longest: float = 5.0
    trips: int = 5
    rest: float = 30.0
    patience: float = 300.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.trips < 1 or min(self.first, self.longest, self.rest, self.patience) < 0:
            raise ValueError("a record is tried at least once, and no time is negative")


def identity(event: Event) -> str | None:
    """What makes an event this event: CloudEvents says its source and its id together. None without an id.

    Positions do not count: a topic that is made anew begins at offset 0 again.
    """
    metadata = event.metadata
    return None if not metadata.id else f"{metadata.source or ''} {metadata.id}"
