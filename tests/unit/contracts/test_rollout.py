"""Orders of deployment: rows by hand, and every interleaving of a four-service rollout with real encoders."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from contracts.coverage import cover
from contracts.impact import Outcome, outcome
from contracts.needs import ABSENT, Contract, Evidence, Need, When
from contracts.rollout import Application, Link, Plan, plan, told
from registry import formats
from registry.formats.base import Source

ORDERS, BILLING, SEARCH = (
    Application("orders", "1", "2"),
    Application("billing", "1.4", "1.5"),
    Application("search", "7"),
)
Bad = set[tuple[str, str, str]]


def planned(applications: Sequence[Application], bad: Bad, *, retained: bool = True) -> Plan:
    """A plan where some (consumer, its version, producer's version) fail."""
    links = [Link(each.name, "orders") for each in applications if each.name != "orders"]

    def reads(link: Link, consumer: str, producer: str) -> Outcome:
        return Outcome.BREAKS if (link.consumer, consumer, producer) in bad else Outcome.SAFE

    return plan(applications, links, reads, retained=retained)


def test_a_consumer_that_copes_goes_first_and_others_any_time() -> None:
    search = Application("search", "7", "8")
    applications = [ORDERS, BILLING, search]
    found = planned(applications, {("billing", "1.4", "2")})
    assert (found.steps, found.anytime) == (("billing", "orders"), ("search",))
    assert told(found, applications, "prod") == [
        "1. billing 1.5 to prod before orders 2",
        "2. orders 2 to prod",
        "search 8 to prod any time",
    ]


# what fails → whether an order exists, and what is said
BLOCKED: list[tuple[str, Bad, bool, str, str]] = [
    (
        "old code of one that stays",
        {("search", "7", "2")},
        True,
        "search 7 cannot read what orders 2 writes",
        "keep what",
    ),
    ("new code, new events", {("billing", "1.5", "2")}, True, "billing 1.5 cannot read what orders 2 writes", "dual"),
    ("new code, old events", {("billing", "1.5", "1")}, True, "events that orders 1 wrote", "upcaster"),
]


@pytest.mark.parametrize(("what", "bad", "retained", "why", "remedy"), BLOCKED, ids=[each[0] for each in BLOCKED])
def test_no_order_says_why_and_what_would_create_one(
    what: str, bad: Bad, retained: bool, why: str, remedy: str
) -> None:
    found = planned([ORDERS, BILLING, SEARCH], bad, retained=retained)
    assert not found.possible
    assert any(why in each for each in found.blocked)
    assert any(remedy in each for each in found.remedies)
    assert told(found, [ORDERS, BILLING, SEARCH])[0].startswith("no order: ")


def test_where_old_events_are_gone_the_producer_may_go_first() -> None:
    found = planned([ORDERS, BILLING], {("billing", "1.5", "1")}, retained=False)
    assert found.steps == ("orders", "billing")
    both: Bad = {("billing", "1.5", "1"), ("billing", "1.4", "2")}
    found = planned([ORDERS, BILLING], both, retained=False)
    assert not found.possible
    assert len(found.blocked) == 2


def test_what_is_not_known_is_no_reason_to_hurry() -> None:
    def reads(link: Link, consumer: str, producer: str) -> Outcome:
        return Outcome.UNKNOWN if (consumer, producer) == ("1.4", "2") else Outcome.SAFE

    found = plan([ORDERS, BILLING], [Link("billing", "orders")], reads)
    assert found.steps == ("billing", "orders")
    assert "not known" in told(found, [ORDERS, BILLING])[0]


# Every interleaving, with real encoders.

FIELDS = ("a", "b", "c")
CONSUMERS = ("billing", "search", "ledger")


def schema_of(fields: Sequence[str]) -> dict[str, Any]:
    return {"type": "record", "name": "Event", "fields": [{"name": each, "type": "string"} for each in fields]}


def encoded(fields: Sequence[str]) -> tuple[dict[str, Any], bytes]:
    """An event of a producer, with the schema it was written with."""
    schema, out = schema_of(fields), io.BytesIO()
    fastavro.schemaless_writer(out, schema, dict.fromkeys(fields, "x"))
    return schema, out.getvalue()


def handles(needed: Sequence[str], events: Sequence[tuple[dict[str, Any], bytes]]) -> bool:
    """Whether code that takes these fields for granted gets through the events, decoded for real."""
    try:
        for schema, raw in events:
            event: Any = fastavro.schemaless_reader(io.BytesIO(raw), schema)
            for name in needed:
                event[name].upper()
    except KeyError:
        return False
    return True


def survives(
    order: Sequence[str], writes: Mapping[str, Sequence[str]], needs: Mapping[tuple[str, str], Sequence[str]]
) -> bool:
    """Whether nobody fails at any moment of a rollout: old events stay, and both versions run while one is replaced."""
    topic = [encoded(writes["old"])]
    running = {consumer: {"old"} for consumer in CONSUMERS}
    for name in order:
        if name == "orders":
            topic.append(encoded(writes["new"]))
        else:
            running = {**running, name: {"old", "new"}}
        for consumer, versions in running.items():
            if not all(handles(needs[consumer, version], topic) for version in versions):
                return False
        if name != "orders":
            running = {**running, name: {"new"}}
    return True


SUBSETS = some.lists(some.sampled_from(FIELDS), unique=True)
NONEMPTY = some.lists(some.sampled_from(FIELDS), unique=True, min_size=1)


@settings(max_examples=150)
@given(NONEMPTY, NONEMPTY, some.data())
def test_the_printed_order_never_fails_and_no_order_means_none(
    old: list[str], new: list[str], data: some.DataObject
) -> None:
    needs: dict[tuple[str, str], list[str]] = {}
    for consumer in CONSUMERS:
        # What runs today reads what is written today.
        needs[consumer, "old"] = [each for each in data.draw(SUBSETS) if each in old]
        needs[consumer, "new"] = data.draw(SUBSETS)
    writes = {"old": old, "new": new}
    schemas = {
        version: formats.parse("AVRO", Source(json.dumps(schema_of(fields)))) for version, fields in writes.items()
    }

    def reads(link: Link, consumer: str, producer: str) -> Outcome:
        found = tuple(Need(f"/{each}", when={ABSENT: When.FAILS}) for each in needs[link.consumer, consumer])
        outcomes = {outcome(each) for each in cover(schemas[producer], Contract(found, Evidence.RECORDED))}
        return Outcome.BREAKS if Outcome.BREAKS in outcomes else Outcome.SAFE

    applications = [Application(name, "old", "new") for name in ("orders", *CONSUMERS)]
    found = plan(applications, [Link(each, "orders") for each in CONSUMERS], reads)
    names = [each.name for each in applications]
    if found.possible:
        assert sorted([*found.steps, *found.anytime]) == sorted(names)
        # What may go any time may go at any time.
        for rest in permutations(found.anytime):
            for place in range(len(found.steps) + 1):
                assert survives([*found.steps[:place], *rest, *found.steps[place:]], writes, needs)
    else:
        assert found.remedies
        for order in permutations(names):
            assert not survives(order, writes, needs)
