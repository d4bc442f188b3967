"""Whom does a change of a schema hurt, where, on which field, and how do we know? Pure, over rows that were fetched.

    readers (versions that are deployed or supported, with their contracts)
      × what coverage says of each need        → rows: breaks, degrades, unknown, safe
    versions that must stay readable           → rows in the other direction: new code, old events
    what their events still seal for persons   → likewise, of each reader
    waivers                                    → rows that are shown and do not count

The verdict is the worst row that counts. It is never safe without evidence: no reader, a reader without a contract, a
contract with gaps, an interaction that belongs to no subject are all unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from contracts.coverage import Covered
from contracts.coverage import Outcome as Coverage
from contracts.needs import ERASED, Contract, Evidence, Need, When
from contracts.protection import Waiver, waives


class Outcome(StrEnum):
    """What happens to a reader at one path."""

    BREAKS = "breaks"
    DEGRADES = "degrades"
    UNKNOWN = "unknown"
    SAFE = "safe"


class Verdict(StrEnum):
    """The answer to the whole question."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """FORWARD: code that runs reads new events. BACKWARD: new code reads older events, of the support window."""

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version runs: deployed (with an instance, if one was named), or released and supported. Since, in ms."""

    environment: str
    since: int
    production: bool = False
    instance: str = ""
    released: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """A version of an application that reads the subject, or may.

    `contracts` None: it published none at all. `seen` is when it fetched a schema of the subject last, in ms.
    `reasons` are further gaps in what is known of it, a sentence each.
    """

    application: str
    version: str
    places: tuple[Place, ...] = ()
    contracts: tuple[Contract, ...] | None = None
    owner: str | None = None
    seen: int | None = None
    reasons: tuple[str, ...] = ()

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """How its contracts are known, each kind once."""
        kinds = dict.fromkeys(contract.evidence for contract in self.contracts or ())
        if self.seen is not None and not kinds:
            kinds[Evidence.OBSERVED] = None
        return tuple(kinds)


@dataclass(frozen=True, slots=True)
class Row:
    """What happens to one reader at one path, or, as one row, at all paths where it is safe.

    `path` None: the reader as a whole. `consumer` "" is whoever reads with the new schema. `age` in ms, None where
    it is not known. `act` says who has to do something, empty when nobody has.
    """

    subject: str
    consumer: str
    version: str
    environments: tuple[str, ...]
    direction: Direction
    outcome: Outcome
    reason: str
    path: str | None = None
    rule: str = ""
    evidence: str = ""
    age: int | None = None
    witness: Any = None
    act: str = ""
    production: bool = False
    owner: str | None = None
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True)
class Impact:
    """The answer. `rows` worst first; `next` says what to do, most useful first."""

    subject: str
    verdict: Verdict
    rows: tuple[Row, ...]
    readers: int = 0
    next: tuple[str, ...] = ()
    expired: tuple[Waiver, ...] = ()
    touched: tuple[str, ...] = ()
    """Other subjects that refer to this one and were judged too."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A version of the support window that the candidate does not read; `known` False: it could not be told."""

    version: int
    reason: str
    path: str | None = None
    rule: str = ""
    witness: Any = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class StillSealed:
    """A version whose events seal for persons what the candidate does not: `cover` says what contracts do not handle
    of what their erasure leaves. `why` its events are still there; `known` False: whether they are could not be told.
    """

    version: int
    why: str
    cover: CoverAll
    known: bool = True

    def of(self, contracts: Sequence[Contract]) -> Iterator[list[tuple[Covered, Outcome]]]:
        """What each contract does not handle, with what it means."""
        for found in self.cover(contracts):
            bad = [(each, is_bad) for each in found if (is_bad := outcome(each)) is not Outcome.SAFE]
            yield [(each, is_bad if self.known else Outcome.UNKNOWN) for each, is_bad in bad]

    def told(self, covered: Covered) -> str:
        """Why a contract does not hold for its events."""
        return f"in events of version {self.version} ({self.why}) {covered.reason}"


CoverAll = Callable[[Sequence[Contract]], Sequence[Sequence[Covered]]]
"""What coverage says of the needs of each contract, in their order."""

_OF_WHEN = {
    When.FAILS: Outcome.BREAKS,
    When.CHANGES: Outcome.DEGRADES,
    When.SAME: Outcome.SAFE,
    When.HANDLED: Outcome.SAFE,
}
_UNRECORDED = {
    Coverage.GUARANTEED: Outcome.SAFE,
    Coverage.CONDITIONAL: Outcome.UNKNOWN,
    Coverage.IMPOSSIBLE: Outcome.BREAKS,
}
_GRAVITY = {Outcome.BREAKS: 0, Outcome.DEGRADES: 1, Outcome.UNKNOWN: 2, Outcome.SAFE: 3}
NO_CONTRACT = "no-contract"
PARTIAL = "partial-contract"
GAP = "contract-gap"
NOWHERE = "not-deployed"
UNMAPPED = "unmapped"
NOT_READABLE = "not-readable"


def outcome(covered: Covered) -> Outcome:
    """What a need that is or is not covered means to the reader: what its code did when it was tried counts most."""
    if covered.outcome is not Coverage.GUARANTEED and covered.situation in covered.need.when:
        return _OF_WHEN[covered.need.when[covered.situation]]
    return _UNRECORDED[covered.outcome]


@dataclass(slots=True)
class Question:
    """What rows have in common: the subject, the time, who answers for it."""

    subject: str
    now: int
    producers: tuple[str, ...] = ()
    owner: str | None = None


def impact(
    question: Question,
    readers: Sequence[Reader],
    cover: CoverAll,
    *,
    unreadable: Iterable[Unreadable] = (),
    still_sealed: Sequence[StillSealed] = (),
    waivers: Sequence[Waiver] = (),
    warnings_pass: bool = False,
) -> Impact:
    """Judge a candidate for one subject.

    `warnings_pass`: a reader whose result only changes does not make the change unsafe.
    """
    judged = cover([contract for reader in readers for contract in reader.contracts or ()])
    # Versions mostly say the same: what it comes to is worked out once for each answer of coverage.
    known = {key: _sorted_out(covered) for key, covered in {id(covered): covered for covered in judged}.items()}
    following = iter(judged)
    rows = [row for reader in readers for row in _of_reader(question, reader, following, known)]
    rows += [_backward(question, each) for each in unreadable]
    rows += [row for each in still_sealed for row in _of_sealed(question, readers, each)]
    return answer(question.subject, rows, len(readers), question.now, waivers, warnings_pass=warnings_pass)


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """What coverage said of a contract: the paths where all is well, and the rest with what it means."""

    safe: frozenset[str]
    rest: tuple[tuple[Covered, Outcome], ...]


def _sorted_out(covered: Sequence[Covered]) -> _SortedOut:
    outcomes = [(each, outcome(each)) for each in covered]
    return _SortedOut(
        frozenset(each.need.path for each, found in outcomes if found is Outcome.SAFE and _is_needed(each.need)),
        tuple((each, found) for each, found in outcomes if found is not Outcome.SAFE),
    )


def _is_needed(need: Need) -> bool:
    """Whether a need asks something of events as they are; of the event itself it may only say what happens without."""
    return need.path != "" or need != Need("", need.presence, when=need.when)


def answer(
    subject: str,
    rows: Iterable[Row],
    readers: int,
    now: int,
    waivers: Sequence[Waiver] = (),
    *,
    warnings_pass: bool = False,
    touched: Sequence[str] = (),
) -> Impact:
    """The verdict on rows, of one subject or of several that a change touches."""
    current = [waiver for waiver in waivers if waiver.until > now]
    marked = [_waived(row, current) for row in rows]
    ordered = tuple(sorted(marked, key=_position))
    expired = tuple(waiver for waiver in waivers if waiver.until <= now)
    found = verdict(ordered, warnings_pass=warnings_pass)
    return Impact(subject, found, ordered, readers, tuple(_next(subject, ordered, found)), expired, tuple(touched))


def verdict(rows: Sequence[Row], *, warnings_pass: bool = False) -> Verdict:
    """The worst row that counts; what is waived does not, since somebody answers for it. No row at all is unknown."""
    outcomes = {row.outcome for row in rows if row.waiver is None}
    if Outcome.BREAKS in outcomes or (Outcome.DEGRADES in outcomes and not warnings_pass):
        return Verdict.UNSAFE
    if Outcome.UNKNOWN in outcomes:
        return Verdict.UNKNOWN
    return Verdict.SAFE if rows else Verdict.UNKNOWN


def _waived(row: Row, waivers: Sequence[Waiver]) -> Row:
    if row.outcome is Outcome.SAFE:
        return row
    found = next((each for each in waivers if waives(each, row.subject, row.rule, row.path, row.consumer)), None)
    return row if found is None else replace(row, waiver=found)


def _position(row: Row) -> tuple[object, ...]:
    return (
        row.waiver is not None,
        _GRAVITY[row.outcome],
        not row.production,
        row.consumer,
        row.version,
        row.subject,
        row.path or "",
        row.reason,
    )


def _of_reader(
    question: Question, reader: Reader, judged: Iterator[Sequence[Covered]], known: Mapping[int, _SortedOut]
) -> Iterator[Row]:
    environments = tuple(dict.fromkeys(place.environment for place in reader.places))
    production = any(place.production for place in reader.places)
    who = question.subject, reader.application, reader.version, environments, Direction.FORWARD
    act = reader.owner or reader.application

    def row(outcome: Outcome, reason: str, evidence: str, age: int | None, act: str, rule: str = "") -> Row:
        return Row(*who, outcome, reason, None, rule, evidence, age, None, act, production, reader.owner)

    def unknown(rule: str, reason: str, contract: Contract | None = None, age: int | None = None) -> Row:
        evidence = ", ".join(reader.evidence) if contract is None else contract.evidence
        return row(Outcome.UNKNOWN, reason, evidence, age, act, rule)

    if reader.contracts is None:
        yield unknown(NO_CONTRACT, without_contract(reader.seen, question.now))
    for sentence in reader.reasons:
        yield unknown(GAP, sentence)
    if not reader.places:
        yield unknown(NOWHERE, "where it runs was never recorded (tenor deploy record)")
    told: set[tuple[object, ...]] = set()
    safe: frozenset[str] = frozenset()
    for contract in reader.contracts or ():
        found = known[id(next(judged))]
        age, remark = _age(contract.confirmed, question.now)
        safe |= found.safe
        if contract.partial:
            yield unknown(PARTIAL, f"parts of its code were never run when it was recorded{remark}", contract, age)
        for reason in contract.reasons:
            yield unknown(GAP, reason + remark, contract, age)
        for each, outcome in found.rest:
            # Several interactions of one contract need the same thing: it is told once.
            key = (each.need.path, outcome, each.situation, each.reason)
            if key in told:
                continue
            told.add(key)
            actor = _who_acts(question, reader)
            plain = row(
                outcome,
                _sentence(each, outcome) + remark,
                contract.evidence,
                age,
                actor,
                each.situation or each.outcome,
            )
            yield replace(plain, path=each.need.path, witness=each.witness)
    if reader.contracts is not None and not told:
        age = _oldest(reader.contracts, question.now)
        yield row(Outcome.SAFE, _told_safe(safe), ", ".join(reader.evidence), age, "")


def without_contract(seen: int | None, now: int) -> str:
    """Why it is not known what a reader needs that was seen, or not, when it fetched a schema."""
    if seen is None:
        return "it reads the subject, and this version has published no contract"
    days = max(0, now - seen) // 86_400_000
    when = "today" if days == 0 else f"{days} day(s) ago"
    return f"it fetched schemas of the subject ({when}) and has published no contract"


def _age(confirmed: int | None, now: int) -> tuple[int | None, str]:
    if confirmed is None:
        return None, ""
    if confirmed > now:
        return None, " (the contract is dated in the future: clocks differ)"
    return now - confirmed, ""


def _oldest(contracts: Sequence[Contract], now: int) -> int | None:
    ages = [age for contract in contracts if (age := _age(contract.confirmed, now)[0]) is not None]
    return max(ages, default=None)


@lru_cache(1000)
def _told_safe(found: frozenset[str]) -> str:
    paths = sorted(path or "the event" for path in found)
    if not paths:
        return "it needs nothing of the event"
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return f"every event has what it needs: {shown}"


def _sentence(covered: Covered, found: Outcome) -> str:
    reason = covered.reason or f"not every event has what is needed ({covered.situation or covered.outcome})"
    if covered.situation == ERASED:
        return reason  # says what was tried, and what to do
    did = covered.need.when.get(covered.situation)
    if did is When.FAILS:
        return f"{reason}; its code failed when this was tried"
    if did is When.CHANGES:
        return f"{reason}; its code gave another result when this was tried"
    if found is Outcome.UNKNOWN:
        return f"{reason}; what its code does then was never tried"
    return reason


def _who_acts(question: Question, reader: Reader) -> str:
    """Whoever changes the schema has to wait, or the reader has to cope first."""
    producer = question.owner or ", ".join(question.producers) or f"the owner of {question.subject}"
    return f"{producer}, or {reader.owner or reader.application} first"


def _backward(question: Question, found: Unreadable) -> Row:
    return Row(
        question.subject,
        "",
        "",
        (),
        Direction.BACKWARD,
        Outcome.BREAKS if found.known else Outcome.UNKNOWN,
        found.reason,
        path=found.path,
        rule=found.rule or NOT_READABLE,
        evidence="support window",
        witness=found.witness,
        act=question.owner or f"the owner of {question.subject}",
    )


def _of_sealed(question: Question, readers: Sequence[Reader], old: StillSealed) -> Iterator[Row]:
    """Code that reads with the new schema still reads events that seal what the new one does not."""
    said = [(reader, contract) for reader in readers for contract in reader.contracts or ()]
    told: set[tuple[object, ...]] = set()
    for (reader, contract), found in zip(said, old.of([contract for _, contract in said]), strict=True):
        age, remark = _age(contract.confirmed, question.now)
        for each, is_bad in found:
            key = (reader.application, reader.version, each.need.path, each.reason)
            if key in told:
                continue
            told.add(key)
            yield Row(
                question.subject,
                reader.application,
                reader.version,
                tuple(dict.fromkeys(place.environment for place in reader.places)),
                Direction.BACKWARD,
                is_bad,
                old.told(each) + remark,
                each.need.path,
                ERASED,
                contract.evidence,
                age,
                each.witness,
                _who_acts(question, reader),
                any(place.production for place in reader.places),
                reader.owner,
            )


def _next(subject: str, rows: Sequence[Row], found: Verdict) -> Iterator[str]:
    counted = [row for row in rows if row.waiver is None]
    if not any(row.consumer for row in rows):
        yield (
            f"Nobody is known to read {subject}. Publish the consumers' contracts (tenor contracts publish), or let "
            "them say who they are when they fetch schemas (header Tenor-Application: billing@1.4), and record what "
            "runs where (tenor deploy record)."
        )
    without = list(dict.fromkeys(row.consumer for row in counted if row.rule == NO_CONTRACT))
    if without:
        yield f"Record what {listed(without)} read(s): the pytest fixture tenor_events, then tenor contracts publish."
    partial = list(dict.fromkeys(row.consumer for row in counted if row.rule == PARTIAL))
    if partial:
        yield f"Let the tests of {listed(partial)} reach all code that touches the event, and record again."
    silent = list(
        dict.fromkeys(row.consumer for row in counted if row.rule == ERASED and row.outcome is Outcome.UNKNOWN)
    )
    if silent:
        yield (
            f"Let the contracts of {listed(silent)} say what their code does once a person's key is destroyed: "
            'record them again, or state "when": {"erased": "handled"} (tenor explain erased).'
        )
    nowhere = list(dict.fromkeys(row.consumer for row in counted if row.rule == NOWHERE))
    if nowhere:
        yield f"Say where {listed(nowhere)} run(s): tenor deploy record."
    if any(row.rule == UNMAPPED for row in counted):
        yield "Say which subject the unmapped messages belong to: tenor policy set --map PROVIDER DESCRIPTION SUBJECT."
    if found is Verdict.UNSAFE and any(row.direction is Direction.FORWARD for row in counted):
        yield "Keep what they need, or deploy versions of them first that cope: tenor rollout shows an order."


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


# Which fields are read.


@dataclass(slots=True)
class FieldUse:
    """A field of a schema, or a path that somebody needs and the schema does not have, with who reads it."""

    path: str
    type: str = ""
    required: bool = False
    doc: str = ""
    in_schema: bool = True
    readers: list[tuple[str, str]] = field(default_factory=list)


def used(fields: Iterable[FieldUse], readers: Iterable[Reader]) -> list[FieldUse]:
    """Every field with the (application, version) pairs that need it, and the paths needed that are no fields."""
    by_path = {each.path: each for each in fields}
    for reader in readers:
        who = (reader.application, reader.version)
        for contract in reader.contracts or ():
            for need in contract.needs:
                found = by_path.get(need.path)
                if found is None:
                    if not need.path:
                        continue
                    found = by_path[need.path] = FieldUse(need.path, in_schema=False)
                if who not in found.readers:
                    found.readers.append(who)
    return list(by_path.values())
