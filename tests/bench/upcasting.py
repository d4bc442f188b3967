"""Upcasting an event of twenty fields: against decoding it, an eleven-hop chain, and that chain in JSONata."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from statistics import median
from typing import Any

import fastavro
import jsonata  # type: ignore[import-untyped] # ships no types
import jsonatapy

from registry import formats
from registry.evolution.upcasts import derive
from registry.formats.base import Source
from tenor.plans import Plan, compile_plan
from tenor.plans.fusion import fuse
from tenor.plans.nodes import Constant, Convert, Node, Record, Take
from tests.bench.report import Row, paired

HOPS = 11
_KINDS = ("string", "int", "long", "double", "boolean", ["null", "string"], "string", "string", "long", "string")


def _versions() -> list[dict[str, Any]]:
    """Twelve versions: each renames a field by an alias, promotes one, adds one with a default and drops one."""
    fields: list[dict[str, Any]] = [{"name": f"field_{n}", "type": _KINDS[n % len(_KINDS)]} for n in range(17)]
    address = [{"name": name, "type": "string"} for name in ("street", "city", "zip")]
    fields += [
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["NEW", "PAID"], "default": "NEW"}},
        {"name": "address", "type": {"type": "record", "name": "Address", "fields": address}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ]
    versions = [fields]
    for hop in range(HOPS):
        after: list[dict[str, Any]] = []
        for index, each in enumerate(versions[-1]):
            bare = {name: value for name, value in each.items() if name != "aliases"}
            if index == hop:
                after.append({**bare, "name": f"renamed_{hop}", "aliases": [each["name"]]})
            elif bare["type"] == "int" and hop == 4:
                after.append({**bare, "type": "double"})
            else:
                after.append(bare)
        after.append({"name": f"added_{hop}", "type": "string", "default": "new"})
        if hop:
            after = [each for each in after if each["name"] != f"added_{hop - 1}"]
        versions.append(after)
    return [{"type": "record", "name": "Order", "namespace": "shop", "fields": each} for each in versions]


def _event(version: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"string": "a text of usual length", "int": 42, "long": 1_700_000_000_000}
    values |= {"double": 19.99, "boolean": True}
    event = {
        each["name"]: "maybe" if isinstance(each["type"], list) else values.get(str(each["type"]))
        for each in version["fields"]
    }
    address = {"street": "Main Street 1", "city": "Berlin", "zip": "10115"}
    return {**event, "status": "PAID", "address": address, "tags": ["a", "b", "c"]}


def _jsonata(plan: Plan) -> str:
    """A plan of renames, promotions and constants as the object constructor that JSONata is quickest with."""
    assert isinstance(plan.root, Record)
    return "{" + ", ".join(f'"{each.name}": {_jsonata_value(each.value)}' for each in plan.root.members) + "}"


def _jsonata_value(node: Node) -> str:
    if isinstance(node, Take):
        return ".".join(f"`{name}`" for name in node.path)
    if isinstance(node, Convert):  # to float, which JSONata does not tell from int
        return _jsonata_value(node.of)
    assert isinstance(node, Constant)
    return json.dumps(node.value)


def _slice(run: Callable[[], Any], times: int) -> Callable[[], float]:
    def measured() -> float:
        began = time.perf_counter()
        for _ in range(times):
            run()
        return (time.perf_counter() - began) / times

    return measured


def measure(*, smoke: bool) -> list[Row]:
    """Ratios of times; all of one event, decoded before where decoding is not what is measured."""
    versions = _versions()
    schemas = [formats.parse("AVRO", Source(json.dumps(version))) for version in versions]
    plans = [derive(old, new) for old, new in pairwise(schemas)]
    event = _event(versions[0])
    parsed = fastavro.parse_schema(versions[0])
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, parsed, event)
    data = buffer.getvalue()
    hop, fused = compile_plan(plans[0]), compile_plan(fuse(plans))
    stepwise = [compile_plan(plan) for plan in plans]
    texts = [_jsonata(plan) for plan in plans]
    slow = [jsonata.Jsonata(text) for text in texts]
    quick = [jsonatapy.compile(text) for text in texts]

    def decode() -> Any:
        return fastavro.schemaless_reader(BytesIO(data), parsed, None)

    def chained(each: list[Callable[[Any], Any]]) -> Callable[[], Any]:
        def run() -> Any:
            made = event
            for step in each:
                made = step(made)
            return made

        return run

    by_jsonata = chained([each.evaluate for each in slow])
    by_jsonatapy = chained([each.evaluate for each in quick])
    by_steps = chained(list(stepwise))
    expected = fused(event)
    if not decode() == event or not by_steps() == expected == by_jsonata() == by_jsonatapy():
        raise RuntimeError("the chains disagree")
    pairs, times = (3, 200) if smoke else (15, 4000)
    one = _slice(lambda: hop(event), times)
    whole = _slice(lambda: fused(event), times)
    few = max(times // 100, 2)
    to_decoding = 1 / paired(pairs, _slice(decode, times), one)
    to_hop = 1 / paired(pairs, one, whole)
    to_steps = paired(pairs, _slice(by_steps, times // 4), whole)
    to_jsonata = paired(pairs, _slice(by_jsonata, few), whole)
    to_jsonatapy = paired(pairs, _slice(by_jsonatapy, times // 10), whole)
    compiling = median(_slice(lambda: compile_plan(plans[0]), 20)() for _ in range(3)) * 1000
    return [
        Row("one hop, 20 fields, to decoding it with fastavro", to_decoding, "x", "<= 0.6"),
        Row(f"{HOPS} hops fused, to one hop", to_hop, "x", "<= 1.5"),
        Row(f"{HOPS} hops one by one, to fused", to_steps, "x", ""),
        Row(f"{HOPS} hops as JSONata (jsonata-python), to fused", to_jsonata, "x", ">= 50"),
        Row(f"{HOPS} hops as JSONata (jsonatapy, Rust), to fused", to_jsonatapy, "x", ""),
        Row("compiling a plan, once", compiling, "ms", ""),
    ]
