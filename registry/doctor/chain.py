"""The chain of events, from the first to the last that was sealed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from registry.doctor.complaints import Complaint
from registry.events import GENESIS, chained
from registry.store.engine import Db


def chain(db: Db) -> Iterator[Complaint]:
    """The first event that is not what was sealed; what comes after it proves nothing."""
    expected, previous, after = 1, GENESIS, 0
    while rows := db.all(
        """SELECT sequence, at, actor, action, resource, body, hash, origin FROM event
        WHERE sequence > :after ORDER BY sequence LIMIT 1000""",
        after=after,
    ):
        for sequence, at, actor, action, resource, body, digest, origin in rows:
            if sequence != expected:
                yield Complaint(f"the event log continues at {sequence}, where {expected} was to come", "audit")
                return
            if chained(previous, sequence, at, actor, action, resource, body, origin) != bytes(digest):
                yield Complaint(f"event {sequence} is not what was sealed", "audit")
                return
            try:
                msgspec.json.decode(body)
            except msgspec.DecodeError:
                yield Complaint(f"event {sequence} has no readable body", "audit")
                return
            expected, previous = sequence + 1, bytes(digest)
        after = rows[-1][0]
