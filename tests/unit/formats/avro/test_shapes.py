"""The laws of shapes: what resolution cannot tell apart is one object, and no answer depends on earlier questions."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest

from registry.formats.avro import FORMAT, shapes
from registry.formats.avro.rules import ERRORS, RULES, WARNINGS
from registry.formats.avro.shapes import Reading, Shape, reading, shape_of
from registry.formats.base import Source

Json = Any


def shape(schema: Json) -> Shape:
    return shape_of(FORMAT.parse(Source(json.dumps(schema))).root)


def rec(*fields: Json, name: str = "R", **more: Json) -> Json:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def fld(type: Json, name: str = "a", **more: Json) -> Json:
    return {"name": name, "type": type, **more}


LIST = rec(fld("int"), fld(["null", "R"], "next"))
TWO = rec(fld(rec(fld(["null", "R"], "up"), name="S")), fld(["null", "S"], "other"))

SAME: list[tuple[Json, Json]] = [
    ("int", {"type": "int", "x": 1}),
    (rec(fld("int")), rec(fld("int", doc="d", order="ignore"), doc="e", x=2)),
    (rec(fld("int", default=1)), rec(fld("int", default=2))),
    (LIST, {**LIST, "doc": "a list"}),
    (TWO, {**TWO, "doc": "two"}),
    (["null", "int"], ["null", {"type": "int"}]),
]
OTHER: list[tuple[Json, Json]] = [
    ("int", {"type": "int", "logicalType": "date"}),
    (rec(fld("int")), rec(fld("int", default=1))),
    (rec(fld("int")), rec(fld("int", aliases=["b"]))),
    (rec(fld("int")), rec(fld("int"), name="n.R")),
    (LIST, rec(fld("long"), fld(["null", "R"], "next"))),
    (["null", "int"], ["int", "null"]),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_resolution_cannot_tell_apart_is_one_shape(one: Json, other: Json) -> None:
    assert shape(one) is shape(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_it_can_is_another(one: Json, other: Json) -> None:
    assert shape(one) is not shape(other)


def test_parts_of_different_records_are_shared() -> None:
    inner = rec(fld("int", "x"), name="N")
    one, other = shape(rec(fld(inner))), shape(rec(fld(inner), fld("string", "b")))
    assert one.fields["a"] is other.fields["a"]


def test_members_of_a_cycle_are_shared_when_the_cycle_is() -> None:
    one, other = (FORMAT.parse(Source(json.dumps(each))) for each in (TWO, {**TWO, "doc": "x"}))
    assert shape_of(one.root) is shape_of(other.root)
    assert shape_of(one.names["S"]) is shape_of(other.names["S"])


def test_a_cycle_that_closes_late_is_one_cycle() -> None:
    # S and T are met inside R and lead back to it: neither may be taken for a type of its own.
    inner = rec(fld(["null", "R"], "r"), fld(rec(fld(["null", "S"], "s"), name="T"), "t"), name="S")
    one = rec(fld(inner, "s"), fld("bytes", "b"), fld(["null", "T"], "t"))
    other = rec(fld(inner, "s"), fld("string", "b"), fld(["null", "T"], "t"))
    assert shape(one) is shape(one)
    assert shape(one) is not shape(other)
    assert reading(shape(one), shape(other)) is Reading.CLEAN


def test_shapes_go_with_their_schemas() -> None:
    schema = rec(*[fld("int", f"f{index}") for index in range(10)], name="OnlyHere")
    kept = shape(schema)
    before = len(shapes._interned)
    del kept
    gc.collect()
    assert len(shapes._interned) < before


TIDY: list[tuple[Json, bool]] = [
    (rec(fld("int"), fld("int", "b", aliases=["c"])), True),
    (rec(fld("int"), fld("int", "b", aliases=["a"])), False),
    ([rec(name="n.R"), rec(name="m.R")], False),
    (["string", "bytes"], False),
    (["bytes", "string"], True),
    (["int", "double"], True),
    (
        rec(fld(["null", rec(fld(["null", "N"], "n"), fld("int", "x", aliases=["y"]), fld("int", "y"), name="N")])),
        False,
    ),
]


@pytest.mark.parametrize(("schema", "tidy"), TIDY)
def test_what_reads_itself_without_remark(schema: Json, tidy: bool) -> None:
    found = shape(schema)
    assert found.tidy == tidy


def test_the_answer_is_the_greatest_fixpoint_whatever_was_asked_before() -> None:
    # Reading X with Y is assumed while N is compared, and fails later: nothing may remember the assumption.
    inner = rec(fld(["null", "R"], "up"), name="N")
    reader, writer = rec(fld(inner), fld("int", "b")), rec(fld(inner), fld("string", "b"))
    schemas = [FORMAT.parse(Source(json.dumps(each))) for each in (reader, writer)]
    parts = [shape_of(each.names["N"]) for each in schemas]
    shapes._known.clear()
    assert reading(shape_of(schemas[0].root), shape_of(schemas[1].root)) is Reading.BROKEN
    assert reading(*parts) is Reading.BROKEN
    shapes._known.clear()
    assert reading(*parts) is Reading.BROKEN


def test_every_rule_is_explained() -> None:
    assert set(ERRORS) | set(WARNINGS) == set(RULES)
    assert not set(ERRORS) & set(WARNINGS)
    assert all(text.endswith("incompatible.") for rule, text in RULES.items() if rule in ERRORS)
