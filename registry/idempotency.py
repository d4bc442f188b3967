"""Idempotency keys: a request that is sent twice under one key is done once and answered the same both times.

The answer is remembered in the transaction of the work itself, so there is never one without the other, whatever
dies in between. Only what was done is remembered: a refusal changed nothing, and is decided anew when asked again.
Keys belong to who calls, and count for a day.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from registry.clock import now_ms
from registry.errors import IdempotencyConflict, InvalidRequest
from registry.events import Actor
from registry.store.engine import Db
from registry.store.queries import idempotency as queries

LIFETIME = 24 * 3_600_000
"""How long a key counts, in ms."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """A request under a key: where its answer is kept, and the hash that tells whether it is the same request."""

    key: str
    place: str
    request: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. `again` when it was remembered."""

    status: int
    body: bytes
    again: bool = False


def claim(actor: Actor, key: str, *request: Any) -> Claim:
    """The claim of a request, given in parts that msgspec can write. Raises InvalidRequest for a key that is none."""
    if not _KEY.match(key):
        raise InvalidRequest("An Idempotency-Key has 1 to 255 visible ASCII characters")
    place = hashlib.sha256(msgspec.json.encode([actor.name, key])).hexdigest()
    return Claim(key, place, hashlib.sha256(msgspec.json.encode(request, order="deterministic")).digest())


def remembered(db: Db, claim: Claim) -> Answer | None:
    """The answer given before, or None. Raises IdempotencyConflict when the key belongs to another request."""
    found = queries.find(db, claim.place, now_ms() - LIFETIME)
    if found is None:
        return None
    request, status, body = found
    if request != claim.request:
        raise IdempotencyConflict(key=claim.key)
    return Answer(status, body, again=True)


def once(db: Db, claim: Claim | None, work: Callable[[Db], Answer]) -> Answer:
    """Do the work and remember its answer, or give the one it had before. Without a claim the work is just done."""
    if claim is None:
        return work(db)
    if (before := remembered(db, claim)) is not None:
        return before
    answer = work(db)
    queries.put(db, claim.place, claim.request, answer.status, answer.body, now_ms())
    return answer


def expired(db: Db) -> bool:
    """Whether there is anything to purge."""
    return queries.any_before(db, now_ms() - LIFETIME)


def purge(db: Db) -> int:
    """Forget some of the answers that no longer count; how many. Run as a writing job, until it says 0."""
    return queries.purge(db, now_ms() - LIFETIME, _BATCH)
