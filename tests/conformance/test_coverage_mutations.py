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
from dataclasses import dataclass, replace
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
from registry.formats.base import Schema, Source
from tenor.testing import pacts as recording
from tenor.testing.experiments import Recorder

pytestmark = pytest.mark.timeout(3600)  # with --full; seconds without

EVENTS = {"AVRO": 40, "PROTOBUF": 40, "JSON": 16}
"""Events of each changed schema; building one of a JSON Schema takes longest."""
SCALARS = ("integer", "number", "string", "boolean", "enum")


@dataclass(frozen=True)
class Node:
    """A type: a scalar, an enum with symbols, a record of fields, an array of one type."""

    kind: str
    symbols: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    items: Node | None = None


@dataclass(frozen=True)
class Field:
    name: str
    node: Node
    optional: bool = False


def drawn(random: Random, depth: int = 0) -> Node:
    """A record of two to four fields."""
    count = random.randint(2, 4)
    return Node("record", fields=tuple(Field(f"f{depth}{index}", inner(random, depth)) for index in range(count)))


def inner(random: Random, depth: int) -> Node:
    draw = random.random()
    if depth < 2 and draw < 0.2:
        return drawn(random, depth + 1)
    if depth < 2 and draw < 0.4:
        return Node("array", items=inner(random, depth + 1))
    kind = random.choice(SCALARS)
    return Node(kind, symbols=("PAID", "OPEN", "GONE")[: random.randint(2, 3)] if kind == "enum" else ())


# Three formats


def as_avro(root: Node) -> Schema:
    count = iter(range(1_000))

    def kind(node: Node) -> Any:
        if node.kind == "record":
            fields = [
                {"name": each.name, "type": ["null", kind(each.node)] if each.optional else kind(each.node)}
                for each in node.fields
            ]
            return {"type": "record", "name": f"R{next(count)}", "fields": fields}
        if node.kind == "array":
            assert node.items is not None
            return {"type": "array", "items": kind(node.items)}
        if node.kind == "enum":
            return {"type": "enum", "name": f"E{next(count)}", "symbols": node.symbols}
        return {"integer": "int", "number": "double"}.get(node.kind, node.kind)

    return formats.parse("AVRO", Source(json.dumps(kind(root))))


def as_json(root: Node) -> Schema:
    def kind(node: Node) -> Any:
        if node.kind == "record":
            return {
                "type": "object",
                "properties": {each.name: kind(each.node) for each in node.fields},
                "required": [each.name for each in node.fields if not each.optional],
                "additionalProperties": False,
            }
        if node.kind == "array":
            assert node.items is not None
            return {"type": "array", "items": kind(node.items)}
        return {"enum": node.symbols} if node.kind == "enum" else {"type": node.kind}

    return formats.parse("JSON", Source(json.dumps(kind(root))))


def as_protobuf(root: Node) -> Schema:
    """Lists of lists have no form: the inner list is taken out."""
    made: list[str] = []

    def kind(node: Node) -> str:
        number = len(made)
        if node.kind == "record":
            made.append("")
            lines = []
            for at, each in enumerate(node.fields):
                inside, repeated = each.node, False
                while inside.items is not None:
                    inside, repeated = inside.items, True
                label = "repeated " if repeated else "optional " if each.optional else ""
                # A message may always be unset: only proto2 can require one.
                label = "required " if not label and inside.kind == "record" else label
                lines.append(f"{label or 'required '}{kind(inside)} {each.name} = {at + 1};")
            made[number] = f"message M{number} {{ {' '.join(lines)} }}"
            return f"M{number}"
        if node.kind == "enum":
            values = " ".join(f"{name}{number}_ = {at};" for at, name in enumerate(node.symbols))
            made.append(f"enum E{number} {{ {values} }}")
            return f"E{number}"
        return {"integer": "int32", "number": "double", "boolean": "bool"}.get(node.kind, node.kind)

    kind(root)
    return formats.parse("PROTOBUF", Source('syntax = "proto2"; ' + " ".join(made)))


WRITERS: dict[str, Callable[[Node], Schema]] = {"AVRO": as_avro, "JSON": as_json, "PROTOBUF": as_protobuf}


# The consumer


def needs(node: Node, format: str, path: str = "") -> Iterator[Need]:
    """What code needs that reads every field; nested lists are one in Protobuf, its enums have names of their own."""
    if node.kind == "record":
        yield Need(path, types=frozenset({"object"}))
        for each in node.fields:
            yield from needs(each.node, format, f"{path}/{each.name}")
    elif node.items is not None:
        yield Need(path, types=frozenset({"array"}))
        inside = node.items
        while format == "PROTOBUF" and inside.items is not None:
            inside = inside.items
        yield from needs(inside, format, f"{path}/*")
    elif node.kind == "enum":
        handled = node.symbols if format != "PROTOBUF" else ()
        yield Need(path, types=frozenset({"string"}), values=handled, fallback=not handled)
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


def run(node: Node, value: Any, format: str, path: str = "") -> None:
    """The consumer's code: it subscripts, iterates and converts. Raises Broke where code would raise."""
    if node.kind == "record":
        if not isinstance(value, dict):
            raise Broke(path)
        for each in node.fields:
            here = f"{path}/{each.name}"
            if each.name not in value:
                raise Broke(here)
            run(each.node, value[each.name], format, here)
    elif node.items is not None:
        if not isinstance(value, list):
            raise Broke(path)
        inside = node.items
        while format == "PROTOBUF" and inside.items is not None:
            inside = inside.items
        for one in value:
            run(inside, one, format, f"{path}/*")
    elif node.kind == "enum":
        if not isinstance(value, str) or (format != "PROTOBUF" and value not in node.symbols):
            raise Broke(path)
    elif not TAKES[node.kind](value):
        raise Broke(path)


# Mutations


def places(node: Node, path: str = "") -> Iterator[str]:
    """The path of every field."""
    if node.kind == "record":
        for each in node.fields:
            yield f"{path}/{each.name}"
            yield from places(each.node, f"{path}/{each.name}")
    elif node.items is not None:
        yield from places(node.items, f"{path}/*")


def changed(node: Node, path: str, change: Callable[[Field], Field | None]) -> Node:
    """The type with the field at a path changed, or taken out."""
    step, _, rest = path[1:].partition("/")
    if step == "*":
        assert node.items is not None
        return replace(node, items=changed(node.items, f"/{rest}", change))
    fields = []
    for each in node.fields:
        made: Field | None = each
        if each.name == step:
            made = replace(each, node=changed(each.node, f"/{rest}", change)) if rest else change(each)
        if made is not None:
            fields.append(made)
    return replace(node, fields=tuple(fields))


def retyped(each: Field) -> Field:
    return replace(each, node=Node("boolean" if each.node.kind != "boolean" else "string"))


def narrowed(each: Field) -> Field:
    if each.node.kind == "enum":
        return replace(each, node=replace(each.node, symbols=each.node.symbols[:1]))
    return replace(each, node=Node("integer")) if each.node.kind == "number" else each


def widened(each: Field) -> Field:
    if each.node.kind == "enum":
        return replace(each, node=replace(each.node, symbols=(*each.node.symbols, "NEW")))
    return replace(each, node=Node("number")) if each.node.kind == "integer" else each


MUTATIONS: dict[str, Callable[[Field], Field | None]] = {
    "remove": lambda each: None,
    "retype": retyped,
    "narrow": narrowed,
    "widen": widened,
    "make optional": lambda each: replace(each, optional=True),
}


def expected(format: str, mutation: str, each: Node, now: Node) -> tuple[Outcome, str]:
    """What coverage says of the changed field."""
    if mutation == "remove":
        return Outcome.IMPOSSIBLE, "absent"
    if mutation == "retype":
        return Outcome.IMPOSSIBLE, "type"
    if mutation == "make optional" and (format != "PROTOBUF" or each.items is None):
        return Outcome.CONDITIONAL, "null" if format == "AVRO" else "absent"
    if mutation == "widen" and each != now and (each.kind != "enum" or format != "PROTOBUF"):
        return Outcome.CONDITIONAL, "other" if each.kind == "enum" else "type"
    return Outcome.GUARANTEED, ""


def at(node: Node, path: str) -> Node | None:
    for step in path[1:].split("/"):
        if step == "*":
            assert node.items is not None
            node = node.items
        else:
            found = [each for each in node.fields if each.name == step]
            if not found:
                return None
            node = found[0].node
    return node


@pytest.mark.parametrize("format", list(WRITERS))
def test_coverage_flips_where_a_field_changes_and_nowhere_else(format: str, full: bool) -> None:
    write, tally = WRITERS[format], Counter[str]()
    for seed in range(200 if full else 3 if format == "JSON" else 8):
        old = drawn(Random(seed))
        contract = Contract(tuple(needs(old, format)), Evidence.RECORDED)
        assert {each.outcome for each in cover(write(old), contract)} == {Outcome.GUARANTEED}
        for path in places(old):
            if format == "PROTOBUF" and "/*/*" in path:
                continue
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
    elif node.items is not None:
        yield from records(node.items)


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
    aimed = islice(reach_of(schema).events(schema, steps, wishes), EVENTS[format])
    broke: set[str] = set()
    for seen in filter(None, aimed):
        try:
            run(old, seen.decoded, format)
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
    if node.items is not None:
        return replace(node, items=some(node.items, random))
    read = [each for each in node.fields if random.random() < 0.6]
    return replace(node, fields=tuple(replace(each, node=some(each.node, random)) for each in read))


def recorded(reads: Node, format: str, schema: Schema, root: Path) -> Contract:
    """The contract of the code, recorded on events of a schema and read from the pact that any tool publishes."""
    events = [seen.decoded for seen in filter(None, islice(reach_of(schema).events(schema, (), (True,)), 12))]
    if format == "JSON":  # without whole numbers as 7.0, by which a recording would take fractions for handled
        events = [sample.event for sample in islice(formats.insight(format).samples(schema), 12)]
    found = Recorder(lambda event: run(reads, event, format)).record(events, ())
    one = recording.interaction("an order", "orders-value", found, events[0], root)
    (reading,) = contracts(parse(json.dumps(recording.merged(None, "billing", "orders", one))))
    assert reading.pointed.subject == "orders-value"
    return reading.contract


@pytest.mark.parametrize("format", list(WRITERS))
def test_what_was_recorded_is_field_exact(format: str, full: bool, tmp_path: Path) -> None:
    write, tally = WRITERS[format], Counter[str]()
    for seed in range(200 if full else 3 if format == "JSON" else 5):
        random = Random(seed)
        old = drawn(random)
        reads = some(old, random)
        contract = recorded(reads, format, write(old), tmp_path)
        for path in places(old):
            if format == "PROTOBUF" and "/*/*" in path:
                continue
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
    aimed = islice(reach_of(schema).events(schema, tuple(path[1:].split("/")), wishes), EVENTS[format])
    failure = next((where for seen in filter(None, aimed) if (where := broken(reads, seen.decoded, format))), None)
    if failure is None:
        tally[str(worst)] += 1
    else:
        tally["failed"] += 1
        assert worst in (Answer.BREAKS, Answer.UNKNOWN), (format, path, schema.canonical, failure)


def broken(reads: Node, event: Any, format: str) -> str | None:
    """Where the code fails on an event."""
    try:
        run(reads, event, format)
    except Broke as failure:
        return str(failure) or "/"
    return None
