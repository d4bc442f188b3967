"""Wire shapes of an impact: whom a change of a schema hurts. Names are `like_this`, times RFC 3339."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Waiver(Struct):
    """A break that is accepted until a moment. Empty members mean any; a path means what is below it too."""

    id: str
    subject: str
    rule: str
    path: str
    consumer: str
    until: str
    reason: str
    owner: str
    created_by: str
    created_at: str
    expired: bool


class ImpactRow(Struct):
    """What happens to a consumer's version at one path, or to it as a whole (`path` null).

    `outcome`: breaks, degrades (another result), unknown, safe. `direction` forward: code that runs reads new events;
    backward: new code reads events of the support window, `consumer` is empty then. `evidence` says how the need is
    known, `age_seconds` since when; `witness` is an event that shows it; `act` is who has to do something.
    """

    subject: str
    consumer: str
    version: str
    environments: list[str]
    production: bool
    path: str | None
    direction: str
    outcome: str
    rule: str
    reason: str
    sentence: str
    evidence: str
    age_seconds: int | None
    witness: Any
    act: str
    owner: str | None
    waiver: Waiver | None


class Impact(Struct):
    """Whom a schema hurts. `verdict` is safe, unsafe or unknown: the worst row that is not waived.

    `counts` are the rows by outcome, waived ones left out; `next` says what to do; `touched` are subjects that refer to
    this one and were judged with the new schema in its place; `protect` is the policy that holds.
    """

    subject: str
    verdict: str
    readers: int
    counts: dict[str, int]
    rows: list[ImpactRow]
    next: list[str]
    touched: list[str]
    expired_waivers: list[Waiver]
    protect: str | None
