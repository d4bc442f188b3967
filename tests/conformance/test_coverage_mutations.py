"""Each field of sampled schemas is removed, retyped, narrowed, widened or made optional: coverage flips there only.

A schema is drawn once and written in three formats. The consumer's code reads every field, or some; what it really does
on events of the changed schema decides: nothing that fails is called safe, what survives mostly is. Its contract is
written down here, or recorded by running it, printed into a pact and read again. Every run takes a few schemas,
`--full` takes 200.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.coverage import Outcome, cover, reach_of
from contracts.impact import Outcome as Answer
from contracts.impact import outcome
from contracts.needs import Contract, Evidence, Need
from contracts.pact import parse
from contracts.reading.pacts import contracts
from registry import formats
from registry.formats.base import Schema
from tenor.testing import pacts as recording
from tenor.testing.experiments import Recorder
from tests.conformance.consumers import CHANGES, WRITTEN, Field, Node, changed, drawn, places

pytestmark = pytest.mark.timeout(3600)  # with --full; seconds without

EVENTS = {"AVRO": 40, "PROTOBUF": 40, "JSON": 4}
"""Events of each changed schema; building one of a JSON Schema takes longest."""

# The consumer


def needs(node: Node, path: str = "") -> Iterator[Need]:
    """What code needs that reads every field."""
    if node.kind == "record":
        yield Need(path, types=frozenset({"object"}))
        for each in node.fields:
            yield from needs(each.node, f"{path}/{each.name}")
    elif node.inside is not None:
        yield Need(path, types=frozenset({"object" if node.kind == "map" else "array"}))
        yield from needs(node.inside, f"{path}/*")
    elif node.kind == "enum":
        yield Need(path, types=frozenset({"string"}), values=node.symbols, fallback=False)
    else:
        yield Need(path, types=frozenset({node.kind}))


class Broke(Exception):
    """The consumer's code raised, at a path."""


TAKES: dict[str, Callable[[Any], bool]] = {
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
}


def run(node: Node, value: Any, path: str = "") -> None:
    """The consumer's code: it subscripts, iterates and converts. Raises Broke where code would raise."""
    if node.kind == "record":
        if not isinstance(value, dict):
            raise Broke(path)
        for each in node.fields:
            here = f"{path}/{each.name}"
            if each.name not in value:
                raise Broke(here)
            run(each.node, value[each.name], here)
    elif node.inside is not None:
        if not isinstance(value, dict if node.kind == "map" else list):
            raise Broke(path)
        for one in value.values() if isinstance(value, dict) else value:
            run(node.inside, one, f"{path}/*")
    elif node.kind == "enum":
        if not isinstance(value, str) or value not in node.symbols:
            raise Broke(path)
    elif not TAKES[node.kind](value):
        raise Broke(path)


# Mutations


def retyped(each: Field) -> Field:
    return replace(each, node=Node("boolean" if each.node.kind != "boolean" else "string"))


MUTATIONS: dict[str, Callable[[Field], Field | None]] = {
    "retype": retyped,
    **{name: CHANGES[name] for name in ("remove", "narrow", "widen", "make optional")},
}


def expected(format: str, mutation: str, each: Node, now: Node) -> tuple[Outcome, str]:
    """What coverage says of the changed field."""
    if mutation == "remove":
        return Outcome.IMPOSSIBLE, "absent"
    if mutation == "retype":
        return Outcome.IMPOSSIBLE, "type"
    if mutation == "make optional" and (format != "PROTOBUF" or each.inside is None):
        return Outcome.CONDITIONAL, "null" if format == "AVRO" else "absent"
    if mutation == "widen" and each != now:
        return Outcome.CONDITIONAL, "other" if each.kind == "enum" else "type"
    return Outcome.GUARANTEED, ""


def required(node: Node) -> Node:
    """The tree with nothing optional."""
    fields = tuple(Field(each.name, required(each.node)) for each in node.fields)
    return replace(node, fields=fields, inside=None if node.inside is None else required(node.inside))


def at(node: Node, path: str) -> Node | None:
    for step in path[1:].split("/"):
        if step == "*":
            assert node.inside is not None
            node = node.inside
        else:
            found = [each for each in node.fields if each.name == step]
            if not found:
                return None
            node = found[0].node
    return node


@pytest.mark.parametrize("format", list(WRITTEN))
def test_coverage_flips_where_a_field_changes_and_nowhere_else(format: str, full: bool) -> None:
    write, tally = WRITTEN[format], Counter[str]()
    for seed in range(200 if full else 2 if format == "JSON" else 8):
        old = required(drawn(Random(seed)))
        contract = Contract(tuple(needs(old)), Evidence.RECORDED)
        assert {each.outcome for each in cover(write(old), contract)} == {Outcome.GUARANTEED}
        for path, _ in places(old):
            for mutation, change in MUTATIONS.items():
                new = changed(old, path, change)
                if any(not each.fields for each in records(new)):
                    continue  # an empty record, which Protobuf's samples leave unset
                judge(format, write(new), old, contract, path, mutation, new, tally)
    assert tally["failed"] > 20
    assert tally["called safe"] >= 0.8 * tally["survived"], tally


def records(node: Node) -> Iterator[Node]:
    if node.kind == "record":
        yield node
        for each in node.fields:
            yield from records(each.node)
    elif node.inside is not None:
        yield from records(node.inside)


def judge(
    format: str, schema: Schema, old: Node, contract: Contract, path: str, mutation: str, new: Node, tally: Counter[str]
) -> None:
    answers = {each.need.path: each for each in cover(schema, contract)}
    before, now = at(old, path), at(new, path)
    assert before is not None
    told = (format, mutation, path, schema.canonical)
    wanted, situation = expected(format, mutation, before, now or before)
    assert (answers[path].outcome, answers[path].situation) == (wanted, situation), (*told, answers[path])
    for place, answer in answers.items():
        inside = place.startswith(f"{path}/")
        assert inside or place == path or answer.outcome is Outcome.GUARANTEED, (*told, answer)

    steps = tuple(path[1:].split("/"))
    wishes = (False, {"type": "null"}, {"not": {"enum": list(before.symbols)}}, True)
    broke: set[str] = set()
    for seen in islice(filter(None, reach_of(schema).events(schema, steps, wishes)), EVENTS[format]):
        try:
            run(old, seen.decoded)
        except Broke as failure:
            broke.add(str(failure))
    unsafe = {place for place, answer in answers.items() if answer.outcome is not Outcome.GUARANTEED}
    assert broke <= unsafe, (*told, broke)
    if wanted is Outcome.IMPOSSIBLE and "*" not in path:
        assert path in broke, told
    tally["failed" if broke else "survived"] += 1
    tally["called safe"] += not broke and not unsafe


# The same with what was recorded


def some(node: Node, random: Random) -> Node:
    """The part of a type that a consumer reads: some sixty of a hundred fields."""
    if node.inside is not None:
        return replace(node, inside=some(node.inside, random))
    read = [each for each in node.fields if random.random() < 0.6]
    return replace(node, fields=tuple(replace(each, node=some(each.node, random)) for each in read))


def recorded(reads: Node, format: str, schema: Schema, root: Path) -> Contract:
    """The contract of the code, recorded on events of a schema and read from the pact that any tool publishes."""
    events = [seen.decoded for seen in filter(None, islice(reach_of(schema).events(schema, (), (True,)), 12))]
    if format == "JSON":  # without whole numbers as 7.0, by which a recording would take fractions for handled
        events = [sample.event for sample in islice(formats.insight(format).samples(schema), 12)]
    found = Recorder(lambda event: run(reads, event)).record(events, ())
    one = recording.interaction("an order", "orders-value", found, events[0], root)
    (reading,) = contracts(parse(json.dumps(recording.merged(None, "billing", "orders", one))))
    assert reading.pointed.subject == "orders-value"
    return reading.contract


@pytest.mark.parametrize("format", list(WRITTEN))
def test_what_was_recorded_is_field_exact(format: str, full: bool, tmp_path: Path) -> None:
    write, tally = WRITTEN[format], Counter[str]()
    for seed in range(200 if full else 2 if format == "JSON" else 5):
        random = Random(seed)
        old = required(drawn(random))
        reads = some(old, random)
        contract = recorded(reads, format, write(old), tmp_path)
        for path, _ in places(old):
            for change in MUTATIONS.values():
                new = changed(old, path, change)
                if all(each.fields for each in records(new)):
                    tell(format, write(new), reads, contract, path, at(old, path), tally)
    assert tally["failed"] > 3
    survived = sum(tally[str(each)] for each in Answer)
    assert tally[str(Answer.SAFE)] >= 0.8 * survived, tally
    assert tally[str(Answer.BREAKS)] <= 0.05 * survived, tally


def tell(
    format: str, schema: Schema, reads: Node, contract: Contract, path: str, before: Node | None, tally: Counter[str]
) -> None:
    """Compare the answers for a changed schema with what the code does on its events."""
    assert before is not None
    answers = {outcome(each) for each in cover(schema, contract)}
    worst = next((each for each in (Answer.BREAKS, Answer.UNKNOWN, Answer.DEGRADES) if each in answers), Answer.SAFE)
    wishes = (False, {"type": "null"}, {"not": {"enum": list(before.symbols)}}, True)
    found = filter(None, reach_of(schema).events(schema, tuple(path[1:].split("/")), wishes))
    failure = next((where for seen in islice(found, EVENTS[format]) if (where := broken(reads, seen.decoded))), None)
    if failure is None:
        tally[str(worst)] += 1
    else:
        tally["failed"] += 1
        assert worst in (Answer.BREAKS, Answer.UNKNOWN), (format, path, schema.canonical, failure)


def broken(reads: Node, event: Any) -> str | None:
    """Where the code fails on an event."""
    try:
        run(reads, event)
    except Broke as failure:
        return str(failure) or "/"
    return None
