"""Events from an Avro schema."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from registry.formats.avro import FORMAT, events, sampling
from registry.formats.avro.events import Branch
from registry.formats.avro.sampling import samples
from registry.formats.base import Source

SCHEMA = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 1}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "lines", "type": {"type": "array", "items": "double"}},
        {"name": "next", "type": ["null", "Order"]},
        {"name": "key", "type": {"type": "fixed", "name": "Key", "size": 2}},
    ],
}


def parse(schema: Any) -> Any:
    return FORMAT.parse(Source(json.dumps(schema)))


def test_the_smallest_comes_first_then_the_largest_edges_and_random_ones_without_end() -> None:
    found = list(islice(samples(parse(SCHEMA)), 200))
    assert [each.kind for each in found[:2]] == ["minimal", "maximal"]
    assert found[0].event == {
        "id": "00000000-0000-0000-0000-000000000000",
        "at": 0,
        "price": "AA==",
        "state": "NEW",
        "lines": [],
        "next": None,
        "key": "AAA=",
    }
    assert found[1].event["next"]["next"]["state"] == "PAID"
    assert len(found[1].event["lines"]) == 2
    kinds = [each.kind for each in found]
    assert kinds == ["minimal", "maximal", *["edge"] * kinds.count("edge"), *["random"] * kinds.count("random")]
    assert kinds.count("random") > 100
    assert {each.event["state"] for each in found if each.kind == "edge"} == {"NEW", "PAID"}
    assert "0.0 at /lines/*" in {each.note for each in found}
    assert {"NaN", "Infinity"} <= {line for each in found for line in each.event["lines"] if isinstance(line, str)}


def test_every_symbol_every_branch_and_the_defaults_are_edges() -> None:
    symbols = [f"S{number}" for number in range(60)]
    line = {"type": "record", "name": "Line", "fields": [{"name": "n", "type": "int", "default": 7}]}
    fields = [
        {"name": "symbol", "type": {"type": "enum", "name": "Symbol", "symbols": symbols}, "default": "S3"},
        {"name": "one", "type": ["string", "null", line], "default": "none"},
        {"name": "line", "type": "Line", "default": {}},
        {"name": "raw", "type": "bytes", "default": "\u00ff"},
        {"name": "counts", "type": {"type": "map", "values": "long"}, "default": {"a": 1}},
        {"name": "left", "type": "boolean"},
    ]
    schema = parse({"type": "record", "name": "R", "fields": fields})
    found = [each for each in islice(samples(schema), 300) if each.kind == "edge"]
    assert {each.event["symbol"] for each in found} == set(symbols)
    assert {type(each.event["one"]) for each in found} == {str, type(None), dict}
    defaults = {each.note: each.event for each in found if each.note.startswith("the defaults")}
    assert defaults["the defaults at /"] == {
        "symbol": "S3", "one": "none", "line": {"n": 7}, "raw": "/w==", "counts": {"a": 1}, "left": False
    }  # fmt: skip
    assert defaults["the defaults at /line"]["line"] == {"n": 7}
    for tree, _, _ in islice(sampling.trees(schema.root), 300):
        events.encode(schema.root, tree)
    # What an import brought may not fit, and a logical type may take less than its default.
    odd = [
        {"name": "n", "type": "int", "default": 3},
        {"name": "at", "type": {"type": "string", "logicalType": "uuid"}, "default": ""},
    ]
    told = [each.note for each in islice(samples(parse({"type": "record", "name": "R", "fields": odd})), 50)]
    assert not [note for note in told if note.startswith("the defaults")]


def test_a_seed_decides() -> None:
    one, same, other = (repr(list(islice(samples(parse(SCHEMA), seed=seed), 300))) for seed in (1, 1, 2))
    assert one == same != other


def test_values_are_valid_for_their_logical_types() -> None:
    for each in islice(sampling.trees(parse(SCHEMA).root, seed=3), 300):
        tree = each[0]
        assert -62135596800000 <= tree["at"] <= 253402300799999
        assert abs(int.from_bytes(tree["price"], "big", signed=True)) <= 999
        assert len(tree["id"]) == 36


NOTHING = [
    [],
    {"type": "enum", "name": "E", "symbols": []},
    {"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}]},
    {"type": "fixed", "name": "F", "size": 2_000_000_000},
    {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["R"]}]},
]


@pytest.mark.parametrize("schema", NOTHING)
def test_where_there_is_no_event_worth_building_there_is_none(schema: Any) -> None:
    assert list(samples(parse(schema))) == []


def test_a_way_out_of_recursion_is_found() -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "a", "type": {"type": "array", "items": "R"}},
            {"name": "b", "type": ["R", {"type": "map", "values": "R"}]},
        ],
    }
    first = next(samples(parse(schema)))
    assert first.event == {"a": [], "b": {}}


def test_doubling_records_are_not_built() -> None:
    steps = [{"type": "record", "name": "D0", "fields": [{"name": "v", "type": "int"}]}]
    for index in range(1, 50):
        fields = [{"name": name, "type": f"D{index - 1}"} for name in ("a", "b")]
        steps.append({"type": "record", "name": f"D{index}", "fields": fields})
    found = [each.event for each in islice(samples(parse(steps)), 300)]
    assert found[0] == {"v": 0}
    assert max(len(json.dumps(event)) for event in found) < 600_000


ENCODED = [
    ('"long"', 0, b"\x00"),
    ('"long"', -1, b"\x01"),
    ('"long"', 64, b"\x80\x01"),
    ('"long"', -(2**63), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    ('"boolean"', True, b"\x01"),
    ('"float"', 1.0, b"\x00\x00\x80\x3f"),
    ('"string"', "é", b"\x04\xc3\xa9"),
    ('"bytes"', b"\x00", b"\x02\x00"),
    ('["null","int"]', Branch(1, 1), b"\x02\x02"),
    ('{"type":"array","items":"int"}', [1, 2], b"\x04\x02\x04\x00"),
    ('{"type":"array","items":"int"}', [], b"\x00"),
    ('{"type":"map","values":"int"}', {"a": 1}, b"\x02\x02a\x02\x00"),
    ('{"type":"enum","name":"E","symbols":["A","B"]}', "B", b"\x02"),
    ('{"type":"fixed","name":"F","size":2}', b"ab", b"ab"),
]


@pytest.mark.parametrize(("text", "tree", "data"), ENCODED)
def test_the_binary_encoding(text: str, tree: Any, data: bytes) -> None:
    root = FORMAT.parse(Source(text)).root
    assert events.encode(root, tree) == data
    assert events.Decoder(root, root).decode(data) == events.plain(root, tree)


def test_defaults_are_put_in_as_values() -> None:
    reader = (
        '{"type":"record","name":"R","fields":[{"name":"a","type":"bytes","default":"\\u00ff"},'
        '{"name":"b","type":"double","default":1},{"name":"c","type":{"type":"record","name":"N","fields":'
        '[{"name":"x","type":["null","int"],"default":null}]},"default":{}}]}'
    )
    roots = [FORMAT.parse(Source(text)).root for text in ('{"type":"record","name":"R","fields":[]}', reader)]
    event = events.Decoder(*roots).decode(b"")
    assert event == {"a": b"\xff", "b": 1.0, "c": {"x": None}}
    assert events.fits(roots[1], event)
