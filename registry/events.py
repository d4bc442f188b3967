"""The log of every change: audit trail, change feed and outbox in one append-only table.

`record()` writes an event in the transaction of the change itself, so what is announced was committed.
`seal()` gives committed events their sequence number and chains them by hash, in batches, so that no writer waits
for another's hash. Both run under the store's write lock: events are sealed in the order they were committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from registry.clock import now_ms
from registry.store.engine import Db
from tenor.chain import GENESIS, chained

__all__ = ["BATCH", "GENESIS", "Actor", "Event", "after", "chained", "record", "seal"]

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who calls: a name for the log, the application it speaks for where it says so, and the address it calls from."""

    name: str = "anonymous"
    application: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A sealed event. `at` in ms; `resource` such as `subject:orders-value`."""

    sequence: int
    at: int
    actor: str
    action: str
    resource: str
    body: Mapping[str, Any]
    hash: bytes


def record(db: Db, actor: Actor, action: str, resource: str, **body: Any) -> None:
    """Note a change. The body holds names and numbers, never schema text or secrets."""
    db.run(
        """INSERT INTO event (at, actor, action, resource, body, origin)
        VALUES (:at, :actor, :action, :resource, :body, :origin)""",
        at=now_ms(),
        actor=actor.name,
        origin=actor.origin,
        action=action,
        resource=resource,
        body=msgspec.json.encode(body, order="deterministic").decode(),
    )


def seal(db: Db, limit: int = BATCH) -> int:
    """Number and chain events that are not yet; how many. Run as a writing job."""
    rows = db.all(
        """SELECT pk, at, actor, action, resource, body, origin FROM event
        WHERE sequence IS NULL ORDER BY pk LIMIT :limit""",
        limit=limit,
    )
    if not rows:
        return 0
    last = db.one("SELECT sequence, hash FROM event WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1")
    sequence, previous = (0, GENESIS) if last is None else (last[0], bytes(last[1]))
    sealed = []
    for pk, *content in rows:
        sequence += 1
        previous = chained(previous, sequence, *content)
        sealed.append({"pk": pk, "sequence": sequence, "hash": previous})
    db.many("UPDATE event SET sequence = :sequence, hash = :hash WHERE pk = :pk", sealed)
    return len(sealed)


def after(db: Db, sequence: int, limit: int, resource: str | None = None) -> list[Event]:
    """Sealed events after a sequence number, oldest first; `resource` narrows to one."""
    narrowed = "" if resource is None else " AND resource = :resource"
    rows = db.all(
        f"""SELECT sequence, at, actor, action, resource, body, hash FROM event
        WHERE sequence > :sequence{narrowed} ORDER BY sequence LIMIT :limit""",  # noqa: S608 # constants
        sequence=sequence,
        limit=limit,
        **({} if resource is None else {"resource": resource}),
    )
    return [
        Event(number, at, actor, action, named, msgspec.json.decode(body), bytes(digest))
        for number, at, actor, action, named, body, digest in rows
    ]
