"""Derived upcasters on a corpus of evolutions: how many are whole, and that none is wrong.

A plan is wrong if it fails on a valid old event, makes something the new schema refuses, changes its input, differs
from its interpretation, or from what Avro's own resolution makes where that is defined.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from itertools import islice, pairwise
from typing import Any

import pytest

from registry import formats
from registry.errors import InvalidSchema
from registry.evolution.upcasts import derive
from registry.evolution.upcasts.protobuf import matching
from registry.formats.avro import AvroSchema
from registry.formats.avro import events as avro_events
from registry.formats.avro import sampling as avro_sampling
from registry.formats.base import Schema, Source
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import TooLarge
from registry.formats.protobuf import sampling as proto_sampling
from tenor import codecs
from tenor.codecs import Body, Options
from tenor.errors import TenorError, UnusableSchema
from tenor.plans import Plan, compile_plan, interpret
from tenor.plans.fusion import fuse
from tenor.plans.inverse import invert
from tenor.schemas import Schema as Text
from tests.conformance import avro_schemas, json_pairs, protobuf_schemas
from tests.conformance.upcast_pairs import FORMATS, Pair, chain, corpus

PAIRS = list(corpus())
EVENTS = 60


@cache
def derived(pair: Pair) -> tuple[Schema, Schema, Plan]:
    old, new = (formats.parse(pair.format, Source(text)) for text in (pair.old, pair.new))
    return old, new, derive(old, new)


def codec(schema: Any, message: str = "") -> Body:
    text = schema.inlined()
    if schema.format == "PROTOBUF":
        text = base64.b64encode(schema.file.SerializeToString()).decode()
    return codecs.compile(Text(text, schema.format), {}, Options(message=message))


def old_events(old: Any, new: Any, seed: int) -> Iterator[Any]:
    """Valid events of a schema as the client reads them."""
    if old.format == "JSON":
        for sample in formats.insight("JSON").samples(old, seed=seed):
            yield sample.event
    elif old.format == "AVRO":
        read = codec(old).reader(None, None)
        for tree, _, _ in avro_sampling.trees(old.root, seed=seed):
            yield read(avro_events.encode(old.root, tree), 0)
    else:
        name, _ = matching(old, new)
        body = codec(old, name)
        read = body.reader(body.indexes, None)
        for message, _, _ in proto_sampling.messages(old, seed=seed, message=name):
            yield read(message.SerializeToString(), 0)


def judge(old: Any, new: Any) -> Callable[[Any], str]:
    """What is wrong with a new event; empty if nothing is."""
    if new.format == "JSON":
        valid = official(new)
        return lambda event: str(valid.complaint(event) or "")
    message = matching(old, new)[1] if new.format == "PROTOBUF" else ""
    write = codec(new, message).writer(b"")

    def judged(event: Any) -> str:
        try:
            write(event)
        except TenorError as error:
            return str(error)
        return ""

    return judged


@pytest.fixture(scope="module")
def pairs(full: bool) -> list[Pair]:
    return PAIRS if full else [*PAIRS[:46], *PAIRS[46::4]]


def test_four_of_five_edges_have_no_todo() -> None:
    assert len(PAIRS) >= 300
    assert len({(pair.old, pair.new) for pair in PAIRS}) >= 300
    whole = Counter(pair.format for pair in PAIRS if not derived(pair)[2].todos)
    share = sum(whole.values()) / len(PAIRS)
    assert share >= 0.8, whole
    for pair in PAIRS:
        for step in derived(pair)[2].todos:
            assert step.path.startswith("/") or step.path == ""
            assert step.sentence, pair.id


def test_no_step_is_wrong(pairs: list[Pair]) -> None:
    wrong = []
    for pair in pairs:
        old, new, plan = derived(pair)
        if plan.todos:
            continue
        upcast, complaint = compile_plan(plan, unconfirmed=True), judge(old, new)
        seen = 0
        for event in islice(old_events(old, new, 7), EVENTS):
            before = deepcopy(event)
            made = upcast(event)
            if said := complaint(made):
                wrong.append((pair.id, said, before, made))
                break
            assert repr(before) == repr(event), pair.id
            assert repr_of(interpret(plan, event)) == repr_of(made), pair.id
            seen += 1
        assert seen or wrong, pair.id
    assert not wrong, wrong[:3]


def repr_of(value: Any) -> str:
    """A value so that equal ones have equal texts: keys sorted, NaN like NaN."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {repr_of(each)}" for key, each in sorted(value.items())) + "}"
    return "[" + ", ".join(map(repr_of, value)) + "]" if isinstance(value, list) else repr(value)


def test_avro_reads_the_same_where_its_resolution_is_defined(pairs: list[Pair]) -> None:
    compared = 0
    for pair in pairs:
        if pair.format != "AVRO":
            continue
        old, new, plan = derived(pair)
        # A suggestion goes beyond what Avro knows; a changed logical type is one value in two readings.
        if plan.unsettled:
            continue
        try:
            resolve = codec(old).reader(None, codec(new))
        except UnusableSchema:
            continue
        upcast, read = compile_plan(plan), codec(old).reader(None, None)
        assert isinstance(old, AvroSchema)
        for tree, _, _ in islice(avro_sampling.trees(old.root, seed=3), EVENTS):
            data = avro_events.encode(old.root, tree)
            try:
                expected = resolve(data, 0)
            except TenorError:
                continue  # Avro has no reading of this event
            assert repr_of(upcast(read(data, 0))) == repr_of(expected), pair.id
            compared += 1
    assert compared > 500


def test_a_downcast_without_losses_restores_the_event(pairs: list[Pair]) -> None:
    claimed = restored = 0
    for pair in pairs:
        old, new, plan = derived(pair)
        inverse = invert(plan)
        if plan.todos or not inverse.lossless:
            continue
        assert not inverse.plan.todos, pair.id
        claimed += 1
        up, down = compile_plan(plan, unconfirmed=True), compile_plan(inverse.plan, unconfirmed=True)
        for event in islice(old_events(old, new, 5), EVENTS):
            assert repr_of(down(up(event))) == repr_of(event), (pair.id, plan, inverse.plan)
            restored += 1
    assert claimed > 20
    assert restored > 500


def test_a_fused_history_makes_what_it_makes_hop_by_hop(full: bool) -> None:
    compared = 0
    for format in FORMATS:
        for seed in range(2000, 2040 if full else 2008):
            texts = chain(format, seed, 6)
            schemas = [formats.parse(format, Source(text)) for text in texts]
            plans = [derive(old, new) for old, new in pairwise(schemas)]
            if any(plan.todos for plan in plans):
                continue
            whole = fuse(plans)
            assert len(whole.steps) == sum(len(plan.steps) for plan in plans)
            fused, hops = compile_plan(whole, unconfirmed=True), [compile_plan(p, unconfirmed=True) for p in plans]
            complaint = judge(schemas[-2], schemas[-1])
            for event in islice(old_events(schemas[0], schemas[1], seed), EVENTS):
                made = event
                for hop in hops:
                    made = hop(made)
                assert repr_of(fused(event)) == repr_of(made), (format, seed)
                assert not complaint(made), (format, seed)
                compared += 1
    assert compared > 200


def strange(format: str, count: int) -> Iterator[tuple[str, str, str]]:
    """(name, old, new): schemas nobody would write, and what became of them. `count` of each format."""
    if format == "AVRO":
        for number, (new, old) in enumerate(islice(avro_schemas.pairs("upcasts"), count)):
            yield f"AVRO {number}", old, new
        return
    for seed in range(count):
        if format == "JSON":
            before, after = json_pairs.pair(seed)
            yield f"JSON {seed}", json.dumps(before), json.dumps(after)
        else:
            one, other, _ = protobuf_schemas.pair(seed)
            yield f"PROTOBUF {seed}", one.text(), other.text()


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_wrong_on_strange_schemas_either(format: str, full: bool) -> None:
    """Whatever two schemas are: a plan without todos makes valid events, and a downcast without losses goes back."""
    judged = restored = 0
    for name, before, after in strange(format, 1500 if full else 120):
        try:
            old, new = (formats.parse(format, Source(text)) for text in (before, after))
            plan = derive(old, new)
            complaint, events = judge(old, new), list(islice(old_events(old, new, 1), 20))
        except (InvalidSchema, UnusableSchema, TooLarge):  # no pair, or none that the validator takes
            continue
        inverse = invert(plan)
        if plan.todos:
            continue
        up = compile_plan(plan, unconfirmed=True)
        down = compile_plan(inverse.plan, unconfirmed=True) if inverse.lossless else None
        for event in events:
            shown = repr(event)
            made = up(event)
            assert not complaint(made), (name, event, made)
            assert repr(event) == shown, name
            judged += 1
            if down is not None:
                assert repr_of(down(made)) == repr_of(event), (name, event, made)
                restored += 1
    assert judged > 300
    assert restored > 100
