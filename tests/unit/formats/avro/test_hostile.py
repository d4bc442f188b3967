"""Avro schemas meant to hurt: each answers, or is refused by name, within a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import islice

import pytest

from registry.errors import InvalidSchema
from registry.formats.avro import FORMAT, AvroSchema
from registry.formats.avro.changes import changes
from registry.formats.avro.linting import lint
from registry.formats.avro.locations import locate
from registry.formats.avro.sampling import samples
from registry.formats.avro.semantics import semantic, witness
from registry.formats.base import Source

# Seconds of this process. Each takes a fraction of one on a quiet machine; what must be caught is a blow-up.
PATIENCE = 5.0


def parse(text: str) -> AvroSchema:
    return FORMAT.parse(Source(text))


def nested(depth: int) -> str:
    return '{"type":"array","items":' * depth + '"int"' + "}" * depth


def record(name: str, *types: object) -> dict[str, object]:
    fields = [{"name": f"f{index}", "type": each} for index, each in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def wide(kind: object, count: int = 5000) -> str:
    return json.dumps(record("R", *[kind] * count))


def union(kind: str, count: int = 500, prefix: str = "U") -> str:
    return json.dumps([record(f"{prefix}{index}", kind) for index in range(count)])


def chain(kind: str, count: int = 2000) -> str:
    return json.dumps([record("C0", kind), *(record(f"C{index}", f"C{index - 1}") for index in range(1, count))])


def mesh(kind: str, count: int = 50) -> str:
    names = [f"M{index}" for index in range(count)]
    return json.dumps(
        [record(name, [kind, *names[:index]], [kind, *names[:index]]) for index, name in enumerate(names)]
    )


def ladder(kind: str, count: int = 60) -> str:
    steps = [record(f"D{index}", f"D{index - 1}", f"D{index - 1}") for index in range(1, count)]
    return json.dumps([record("D0", kind), *steps])


def references(depth: int) -> AvroSchema:
    source = Source(json.dumps(record("C0")))
    for index in range(1, depth):
        source = Source(json.dumps(record(f"C{index}", f"C{index - 1}")), ((f"C{index - 1}", source),))
    return FORMAT.parse(source)


REFUSED: list[tuple[str, Callable[[], object], str]] = [
    ("nested 10,000 deep", lambda: parse(nested(10_000)), "nested too deeply"),
    ("nested 101 deep", lambda: parse(nested(101)), "nested too deeply"),
    ("brackets", lambda: parse("[" * 100_000), "nested too deeply"),
    ("a deep property", lambda: parse('{"type":"int","x":' + "[" * 400 + "]" * 400 + "}"), "nests deeper"),
    ("references nested deeply", lambda: references(300), "nested too deeply"),
    ("20 MB of text", lambda: parse('"' + "x" * 20_000_000 + '"'), "too large"),
    ("20 MB of fields", lambda: parse('{"type":"record","name":"R","fields":[' + "{}," * 7_000_000), "too large"),
    ("open comments", lambda: parse('{"type":"' + '/*"a' * 200_000), "not JSON"),
    ("quotes", lambda: parse('"' * 500_001), "not JSON"),
    ("a number of 5,000 digits", lambda: parse('{"type":"int","x":' + "9" * 5000 + "}"), "not JSON"),
    ("an exponent without end", lambda: parse('{"type":"int","x":1e999999999999999999999}'), "out of every range"),
    (
        "a default without end",
        lambda: parse(
            json.dumps(
                {
                    "type": "record",
                    "name": "R",
                    "fields": [{"name": name, "type": "R", "default": {}} for name in ("a", "b")],
                }
            )
        ),
        "never ends",
    ),
    (
        "one symbol twice in 100,000",
        lambda: parse(
            json.dumps({"type": "enum", "name": "E", "symbols": [f"S{index}" for index in range(100_000)] + ["S7"]})
        ),
        "duplicate",
    ),
]


@pytest.mark.parametrize(("name", "action", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_in_time(name: str, action: Callable[[], object], reason: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidSchema, match=reason):
        action()
    assert time.process_time() - start < PATIENCE


def compared(make: Callable[[str], str]) -> Callable[[], object]:
    return lambda: parse(make("int")).findings(parse(make("string")))


def understood(make: Callable[[str], str]) -> Callable[[], object]:
    """Everything that explains a pair, on a pair that fails in many places."""

    def action() -> object:
        reader, writer = parse(make("int")), parse(make("string"))
        semantic(reader, writer)
        finding = reader.findings(writer)[-1]
        witness(reader, writer, finding)
        list(islice(samples(writer), 30))
        for remark in lint(reader):
            locate(reader, remark.path)
        return changes(writer, reader)

    return action


ANSWERED: list[tuple[str, Callable[[], object]]] = [
    ("nested 100 deep", lambda: parse(nested(100))),
    ("5,000 fields", lambda: parse(wide(["null", "string"])).fields()),
    ("5,000 fields compared", compared(wide)),
    ("a union of 500", compared(union)),
    ("a union of 500 against strangers", lambda: parse(union("int")).findings(parse(union("int", prefix="V")))),
    ("types in a chain of 2,000", compared(chain)),
    ("types that all hold each other", compared(mesh)),
    ("fields of types that all hold each other", lambda: parse(mesh("int")).fields()),
    ("2^59 places of one field", compared(ladder)),
    ("2^59 places of one field, listed", lambda: parse(ladder("int")).fields()),
    (
        "5,000 fields linted",
        lambda: [locate(schema, each.path) for schema in [parse(wide("int"))] for each in lint(schema)],
    ),
    ("500 fields understood", understood(lambda kind: wide(kind, 500))),
    ("a union of 100 understood", understood(lambda kind: union(kind, 100))),
    ("types in a chain of 500 understood", understood(lambda kind: chain(kind, 500))),
    ("types that all hold each other understood", understood(lambda kind: mesh(kind, 20))),
    ("2^59 places of one field, understood", understood(ladder)),
    ("no value at all", lambda: parse(json.dumps(record("R", "R"))).fields()),
    ("an unpaired surrogate", lambda: parse('{"type":"int","x":"\\ud800"}').inlined().encode()),
    ("a huge exponent", lambda: parse('{"type":"int","x":1e9999999}').normalized()),
]


@pytest.mark.parametrize(("name", "action"), ANSWERED, ids=[row[0] for row in ANSWERED])
def test_answered_in_time(name: str, action: Callable[[], object]) -> None:
    start = time.process_time()
    assert action() is not None
    assert time.process_time() - start < PATIENCE
