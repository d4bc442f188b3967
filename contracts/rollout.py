"""In which order can a change be deployed so that nobody meets an event that it cannot read? Pure.

    orders 1 → 2 (its events change), billing 1.4 → 1.5, search 7 → 8

A consumer meets the events of every producer version that has written, for events stay in the topic (`retained`); while
an application is rolled out both its versions run. So what has to hold is said pair by pair:

    old code, new events   breaks → the consumer goes first
    new code, old events   breaks → the producer goes first, and only where old events are gone by then
    new code, new events   breaks → no order helps

An order is any that keeps all of these; there is none where they form a circle. What is not known counts as a break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.impact import Outcome


@dataclass(frozen=True, slots=True)
class Application:
    """An application in a rollout. `new` is None if it stays as it is."""

    name: str
    old: str
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A consumer that reads what a producer writes."""

    consumer: str
    producer: str


Reads = Callable[[Link, str, str], Outcome]
"""(link, version of the consumer, version of the producer) → what happens when the one reads events of the other."""


class Why(StrEnum):
    """What a constraint, or a block, comes from."""

    OLD_CODE = "old code cannot read new events"
    NEW_CODE = "new code cannot read old events"
    NEITHER = "new code cannot read new events"


@dataclass(frozen=True, slots=True)
class Before:
    """One application has to be deployed before another. `known` False: it is not known that it need not."""

    first: str
    then: str
    link: Link
    why: Why
    known: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """An order, or none.

    `steps` are the applications to deploy in this order; `anytime` those that no constraint speaks of. `blocked` says
    why there is no order, a sentence each, `remedies` what would create one.
    """

    steps: tuple[str, ...] = ()
    anytime: tuple[str, ...] = ()
    constraints: tuple[Before, ...] = ()
    blocked: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()

    @property
    def possible(self) -> bool:
        return not self.blocked


def plan(applications: Sequence[Application], links: Iterable[Link], reads: Reads, *, retained: bool = True) -> Plan:
    """The order of a rollout. `retained`: events that were written before are still read afterwards."""
    known = {each.name: each for each in applications}
    constraints: list[Before] = []
    blocked: dict[str, None] = {}
    remedies: dict[str, None] = {}
    for link in links:
        found, stuck = _of_link(link, known[link.consumer], known[link.producer], reads, retained=retained)
        constraints += found
        for why, sentence in stuck:
            blocked[sentence] = None
            remedies.update(dict.fromkeys(_remedies(why, link, known)))
    changing = [each.name for each in applications if each.new is not None]
    if not blocked:
        order, circle = _sorted(changing, constraints)
        for before in circle:
            blocked[_told(before, known)] = None
            remedies.update(dict.fromkeys(_remedies(before.why, before.link, known)))
        if not circle:
            bound = {name for each in constraints for name in (each.first, each.then)}
            return Plan(
                tuple(name for name in order if name in bound),
                tuple(name for name in order if name not in bound),
                tuple(constraints),
            )
    return Plan(constraints=tuple(constraints), blocked=tuple(blocked), remedies=tuple(remedies))


def _of_link(
    link: Link, consumer: Application, producer: Application, reads: Reads, *, retained: bool
) -> tuple[list[Before], list[tuple[Why, str]]]:
    """What one consumer and one producer demand of an order, and what no order can mend."""
    constraints: list[Before] = []
    stuck: list[tuple[Why, str]] = []
    names = f"{consumer.name} {consumer.new or consumer.old}", f"{producer.name} {producer.new or producer.old}"
    last = reads(link, consumer.new or consumer.old, producer.new or producer.old)
    if last is not Outcome.SAFE:
        why = Why.OLD_CODE if consumer.new is None else Why.NEITHER
        stuck.append((why, f"{names[0]} {_verb(last)} what {names[1]} writes"))
    if producer.new is not None and consumer.new is not None:
        early = reads(link, consumer.old, producer.new)
        if early is not Outcome.SAFE:
            known = early is not Outcome.UNKNOWN
            constraints.append(Before(consumer.name, producer.name, link, Why.OLD_CODE, known))
    if consumer.new is not None:
        late = reads(link, consumer.new, producer.old)
        if late is not Outcome.SAFE:
            if retained or producer.new is None:
                sentence = (
                    f"{consumer.name} {consumer.new} {_verb(late)} events that {producer.name} {producer.old} wrote"
                )
                stuck.append((Why.NEW_CODE, sentence))
            else:
                known = late is not Outcome.UNKNOWN
                constraints.append(Before(producer.name, consumer.name, link, Why.NEW_CODE, known))
    return constraints, stuck


def _verb(outcome: Outcome) -> str:
    return {
        Outcome.UNKNOWN: "is not known to read",
        Outcome.DEGRADES: "reads with another result",
    }.get(outcome, "cannot read")


def _sorted(names: Sequence[str], constraints: Sequence[Before]) -> tuple[list[str], list[Before]]:
    """The names in an order that keeps all constraints, or those that are left in a circle."""
    waiting = list(names)
    open_constraints = list(constraints)
    order: list[str] = []
    while waiting:
        held = {each.then for each in open_constraints}
        free = next((name for name in waiting if name not in held), None)
        if free is None:
            return order, open_constraints
        waiting.remove(free)
        order.append(free)
        open_constraints = [each for each in open_constraints if each.first != free]
    return order, []


def _told(before: Before, known: Mapping[str, Application]) -> str:
    first, then = known[before.first], known[before.then]
    return f"{first.name} {first.new} has to be there before {then.name} {then.new} ({before.why})"


def _remedies(why: Why, link: Link, known: Mapping[str, Application]) -> Iterable[str]:
    consumer, producer = known[link.consumer], known[link.producer]
    new = producer.new or producer.old
    if why is Why.NEW_CODE:
        yield f"a proven upcaster from what {producer.name} {producer.old} wrote"
        yield f"a default in {consumer.name} for what is not there"
        return
    yield f"keep what {consumer.name} needs in {producer.name} {new} (a field with a default is no loss)"
    yield f"let {producer.name} {new} write both forms until {consumer.name} copes (dual writing)"
    if why is Why.OLD_CODE:
        yield f"deploy a version of {consumer.name} first that copes with both"


def told(found: Plan, applications: Sequence[Application], environment: str = "") -> list[str]:
    """A plan in sentences: what goes before what, and what any time; or why there is no order, and what would make one.

    billing 1.5 to prod before orders 2.0
    search 8 any time
    """
    known = {each.name: each for each in applications}
    to = f" to {environment}" if environment else ""
    if not found.possible:
        return [
            *(f"no order: {each}" for each in found.blocked),
            *(f"what would help: {each}" for each in found.remedies),
        ]
    lines = [
        f"{number}. {name} {known[name].new}{to}{_because(name, found, known)}"
        for number, name in enumerate(found.steps, 1)
    ]
    lines += [f"{name} {known[name].new}{to} any time" for name in found.anytime]
    return lines or ["nothing has to be deployed"]


def _because(name: str, found: Plan, known: Mapping[str, Application]) -> str:
    after = dict.fromkeys(f"{each.then} {known[each.then].new}" for each in found.constraints if each.first == name)
    if not after:
        return ""
    unsure = any(not each.known for each in found.constraints if each.first == name)
    return f" before {', '.join(after)}{' (whether it has to is not known)' if unsure else ''}"
