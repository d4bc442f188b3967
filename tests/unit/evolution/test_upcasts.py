"""Derivation: which step a change is, how sure, in which words; and what a decision does."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from registry import formats
from registry.evolution.upcasts import decisions, derive
from registry.evolution.upcasts.similar import alike, is_plural_of, unit_ratio
from registry.formats.base import Schema, Source
from tenor.errors import InvalidPlan, PlanTooLarge, UnsettledPlan
from tenor.plans import Plan, compile_plan, dumps, loads
from tenor.plans.inverse import invert

SHA = "0" * 64


def avro(*fields: Any) -> Schema:
    """A record of (name, type) or (name, type, attributes)."""
    listed = [{"name": name, "type": kind, **(more[0] if more else {})} for name, kind, *more in fields]
    return formats.parse("AVRO", Source(json.dumps({"type": "record", "name": "E", "fields": listed})))


def json_schema(required: list[str], closed: bool = True, **properties: Any) -> Schema:
    text: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if closed:
        text["additionalProperties"] = False
    return formats.parse("JSON", Source(json.dumps(text)))


def proto(text: str) -> Schema:
    head = 'syntax = "proto3";\nimport "google/protobuf/wrappers.proto";\n'
    return formats.parse("PROTOBUF", Source(head + text))


def record(name: str, *fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "S", "symbols": list(symbols), **more}


D, NULLABLE = {"default": "?"}, ["null", "string"]
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
DAY = {"type": "int", "logicalType": "date"}
ROWS: list[tuple[str, Schema, Schema, set[str], Any, Any]] = [
    # name, old, new, {kind certainty path}, old event, new event
    ("nothing", avro(("a", "int")), avro(("a", "int")), set(), {"a": 1}, {"a": 1}),
    (
        "order",
        avro(("a", "int"), ("b", "int")),
        avro(("b", "int"), ("a", "int")),
        set(),
        {"a": 1, "b": 2},
        {"a": 1, "b": 2},
    ),
    ("promote", avro(("a", "int")), avro(("a", "long")), {"promote certain /a"}, {"a": 1}, {"a": 1}),
    ("to double", avro(("a", "int")), avro(("a", "double")), {"promote certain /a"}, {"a": 1}, {"a": 1.0}),
    ("long to double", avro(("a", "long")), avro(("a", "double")), {"promote lossy /a"}, {"a": 1}, {"a": 1.0}),
    ("to bytes", avro(("a", "string")), avro(("a", "bytes")), {"promote certain /a"}, {"a": "é"}, {"a": b"\xc3\xa9"}),
    ("alias", avro(("a", "int")), avro(("b", "int", {"aliases": ["a"]})), {"rename certain /b"}, {"a": 1}, {"b": 1}),
    (
        "default",
        avro(("a", "int")),
        avro(("a", "int"), ("b", "string", D)),
        {"default certain /b"},
        {"a": 1},
        {"a": 1, "b": "?"},
    ),
    ("optional", avro(("a", "string")), avro(("a", NULLABLE)), {"optional certain /a"}, {"a": "x"}, {"a": "x"}),
    (
        "no longer null",
        avro(("a", NULLABLE)),
        avro(("a", "string", D)),
        {"optional suggested /a"},
        {"a": None},
        {"a": "?"},
    ),
    ("null without default", avro(("a", NULLABLE)), avro(("a", "string")), {"todo todo /a"}, None, None),
    ("drop", avro(("a", "int"), ("b", "int")), avro(("a", "int")), {"drop lossy /b"}, {"a": 1, "b": 2}, {"a": 1}),
    ("enum more", avro(("s", enum("A"))), avro(("s", enum("A", "B"))), {"enum certain /s"}, {"s": "A"}, {"s": "A"}),
    (
        "enum less",
        avro(("s", enum("A", "B"))),
        avro(("s", enum("A", default="A"))),
        {"enum lossy /s"},
        {"s": "B"},
        {"s": "A"},
    ),
    ("enum no default", avro(("s", enum("A", "B"))), avro(("s", enum("A"))), {"todo todo /s"}, None, None),
    (
        "enum renamed",
        avro(("s", enum("OPENED", "B"))),
        avro(("s", enum("OPEN", "B"))),
        {"enum suggested /s"},
        {"s": "OPENED"},
        {"s": "OPEN"},
    ),
    (
        "union",
        avro(("a", ["int", "string"])),
        avro(("a", ["double", "bytes"])),
        {"branch certain /a", "promote certain /a"},
        {"a": 1},
        {"a": 1.0},
    ),
    (
        "synonym",
        avro(("zip", "string")),
        avro(("postcode", "string")),
        {"rename suggested /postcode"},
        {"zip": "1"},
        {"postcode": "1"},
    ),
    (
        "unit",
        avro(("price", "double")),
        avro(("price_cents", "long")),
        {"convert suggested /price_cents"},
        {"price": 19.99},
        {"price_cents": 1999},
    ),
    (
        "unit back",
        avro(("price_cents", "long")),
        avro(("price", "double")),
        {"convert suggested /price"},
        {"price_cents": 5},
        {"price": 0.05},
    ),
    (
        "weight",
        avro(("weight_kg", "double")),
        avro(("weight_g", "double")),
        {"convert suggested /weight_g"},
        {"weight_kg": 1.5},
        {"weight_g": 1500.0},
    ),
    (
        "list",
        avro(("tag", "string")),
        avro(("tags", {"type": "array", "items": "string"})),
        {"rename suggested /tags", "wrap suggested /tags"},
        {"tag": "x"},
        {"tags": ["x"]},
    ),
    (
        "nest",
        avro(("id", "int"), ("address_street", "string"), ("address_city", "string")),
        avro(("id", "int"), ("address", record("A", ("street", "string"), ("city", "string")))),
        {"nest suggested /address"},
        {"id": 1, "address_street": "s", "address_city": "c"},
        {"id": 1, "address": {"street": "s", "city": "c"}},
    ),
    (
        "hoist",
        avro(("a", record("A", ("street", "string"), ("x", "int")))),
        avro(("a_street", "string")),
        {"hoist suggested /a_street", "drop lossy /a/x"},
        {"a": {"street": "s", "x": 1}},
        {"a_street": "s"},
    ),
    (
        "split",
        avro(("full_name", "string")),
        avro(("first_name", "string"), ("last_name", "string")),
        {"split suggested /first_name", "split suggested /last_name"},
        {"full_name": "Ada King Lovelace"},
        {"first_name": "Ada", "last_name": "King Lovelace"},
    ),
    (
        "merge",
        avro(("first_name", "string"), ("last_name", "string")),
        avro(("name", "string")),
        {"merge suggested /name"},
        {"first_name": "Ada", "last_name": "Lovelace"},
        {"name": "Ada Lovelace"},
    ),
    (
        "date text",
        avro(("at", "string")),
        avro(("at", ["null", STAMP], {"default": None})),
        {"convert suggested /at", "optional certain /at"},
        {"at": "2026-01-02T03:04:05+01:00"},
        {"at": datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)},
    ),
    (
        "no date text",
        avro(("at", "string")),
        avro(("at", ["null", DAY], {"default": None})),
        {"convert suggested /at", "optional certain /at"},
        {"at": "x"},
        {"at": None},
    ),
    (
        "date",
        avro(("at", STAMP)),
        avro(("at", DAY)),
        {"convert suggested /at"},
        {"at": datetime(2026, 1, 2, 3, tzinfo=UTC)},
        {"at": date(2026, 1, 2)},
    ),
    (
        "stamp",
        avro(("at", "long")),
        avro(("at", STAMP)),
        {"convert lossy /at"},
        {"at": 1000},
        {"at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)},
    ),
    (
        "default stamp",
        avro(("a", "int")),
        avro(("a", "int"), ("t", STAMP, {"default": 0})),
        {"default certain /t"},
        {"a": 1},
        {"a": 1, "t": datetime(1970, 1, 1, tzinfo=UTC)},
    ),
    ("new required", avro(("a", "int")), avro(("a", "int"), ("vat", "string")), {"todo todo /vat"}, None, None),
    (
        "in a list",
        avro(("l", {"type": "array", "items": record("L", ("a", "int"))})),
        avro(("l", {"type": "array", "items": record("L", ("a", "double"))})),
        {"promote certain /l/*/a"},
        {"l": [{"a": 1}]},
        {"l": [{"a": 1.0}]},
    ),
    # JSON Schema
    (
        "json default",
        json_schema([]),
        json_schema(["a"], a={"type": "string", "default": "x"}),
        {"default certain /a"},
        {},
        {"a": "x"},
    ),
    ("json optional", json_schema([]), json_schema([], a={"type": "string"}), {"optional certain /a"}, {}, {}),
    (
        "json was optional",
        json_schema([], a={"type": "string"}),
        json_schema(["a"], a={"type": "string", "default": "x"}),
        {"default certain /a"},
        {},
        {"a": "x"},
    ),
    (
        "json stays optional",
        json_schema([], zip={"type": "integer"}),
        json_schema([], postcode={"type": "integer"}),
        {"rename suggested /postcode"},
        {},
        {},
    ),
    (
        "json clamp",
        json_schema(["a"], a={"type": "integer"}),
        json_schema(["a"], a={"type": "integer", "maximum": 9}),
        {"convert suggested /a"},
        {"a": 12},
        {"a": 9},
    ),
    (
        "json open",
        json_schema([], False),
        json_schema([], False, a={"type": "integer"}),
        {"optional certain /a", "drop lossy /a"},
        {"a": "?", "b": 1},
        {"b": 1},
    ),
    ("json closed", json_schema([], False), json_schema([]), {"drop lossy /*"}, {"b": 1}, {}),
    # Protobuf
    (
        "same number",
        proto("message E { int32 a = 1; }"),
        proto("message E { int32 b = 1; }"),
        {"rename certain /b"},
        {"a": 1},
        {"b": 1},
    ),
    (
        "zero",
        proto("message E { int32 a = 1; }"),
        proto("message E { int32 a = 1; string b = 2; }"),
        {"default certain /b"},
        {"a": 1},
        {"a": 1, "b": ""},
    ),
    (
        "crossing",
        proto("message E { int32 a = 1; int32 b = 2; }"),
        proto("message E { int32 b = 1; int32 a = 2; }"),
        {"rename suggested /a", "rename suggested /b"},
        {"a": 1, "b": 2},
        {"b": 1, "a": 2},
    ),
    (
        "wrapper",
        proto("message E { string a = 1; }"),
        proto("message E { google.protobuf.StringValue a = 1; }"),
        {"wrap certain /a"},
        {"a": "x"},
        {"a": {"value": "x"}},
    ),
    (
        "symbol",
        proto("enum S { A = 0; B = 1; } message E { S s = 1; }"),
        proto("enum S { A = 0; BB = 1; } message E { S s = 1; }"),
        {"enum certain /s"},
        {"s": "B"},
        {"s": "BB"},
    ),
    (
        "oneof",
        proto("message E { string a = 1; string b = 2; }"),
        proto("message E { oneof x { string a = 1; string b = 2; } }"),
        {"branch lossy /b"},
        {"a": "x", "b": "y"},
        {"b": "y"},
    ),
    (
        "oneof unset",
        proto("message E { string a = 1; string b = 2; }"),
        proto("message E { oneof x { string a = 1; string b = 2; } }"),
        {"branch lossy /b"},
        {"a": "x", "b": ""},
        {"a": "x"},
    ),
]


def told(plan: Plan) -> set[str]:
    return {f"{step.kind} {step.certainty} {step.path}" for step in plan.steps}


@pytest.mark.parametrize(
    ("old", "new", "steps", "event", "made"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_change_is_its_steps(old: Schema, new: Schema, steps: set[str], event: Any, made: Any) -> None:
    plan = derive(old, new)
    assert told(plan) == steps
    assert loads(dumps(plan)) == plan
    if event is not None:
        found = compile_plan(plan, unconfirmed=True)(event)
        assert found == made
        assert [type(each) for each in found.values()] == [type(each) for each in made.values()]


def test_what_does_not_change_is_copied_whole() -> None:
    tree = {"type": "record", "name": "T", "fields": [{"name": "c", "type": {"type": "array", "items": "T"}}]}
    schema = avro(("a", "int"), ("t", tree))
    assert derive(schema, schema).is_copy


def test_a_todo_names_path_reason_and_candidates() -> None:
    plan = derive(
        avro(("tax_number", "string"), ("a", "int")), avro(("vat_id", "string"), ("a", "int")), {"/vat_id": "no"}
    )
    [todo] = plan.todos
    assert todo.path == "/vat_id"
    assert (
        "required field 'vat_id' (string) has no source and no default; add an alias if it is a rename" in todo.sentence
    )
    assert [each.path for each in todo.candidates] == ["/tax_number"]
    with pytest.raises(UnsettledPlan, match="'/vat_id': required field"):
        compile_plan(plan, unconfirmed=True)


OLD = avro(("zip", "string"), ("level", "string"), ("name", "string"), ("gone", "int"))
NEW = avro(("postcode", "string"), ("level", "int"), ("first", "string"), ("origin", "string"))


def test_decisions_finish_a_plan_and_survive_deriving_again() -> None:
    plan = derive(OLD, NEW)
    assert {step.path for step in plan.unsettled} == {"/postcode", "/level", "/first", "/origin"}
    decided: dict[str, Any] = {
        "/postcode": "yes",
        "/level": {"table": [["gold", 3]], "otherwise": 1},
        "/first": {"custom": "shop.steps:first", "sha256": SHA, "inputs": ["/name"]},
        "/origin": {"constant": "import"},
    }
    plan = derive(OLD, NEW, decided)
    assert not plan.unsettled
    assert decisions.of_plan(plan) == decided
    assert derive(OLD, NEW, decisions.of_plan(loads(dumps(plan)))) == plan
    upcast = compile_plan(plan, {"shop.steps:first": lambda name: name.split()[0]})
    made = upcast({"zip": "1", "level": "gold", "name": "Ada L", "gone": 1})
    assert made == {"postcode": "1", "level": 3, "first": "Ada", "origin": "import"}
    assert decisions.unused(plan, {**decided, "/typo": "yes"}) == ("/typo",)


def test_a_source_can_be_named() -> None:
    old = avro(("l", {"type": "array", "items": record("L", ("b", "int"), ("c", record("C", ("d", "int"))))}))
    new = avro(("l", {"type": "array", "items": record("L", ("x", "long"))}))
    plan = derive(old, new, {"/l/*/x": {"from": "/l/*/c/d"}})
    assert compile_plan(plan)({"l": [{"b": 1, "c": {"d": 2}}]}) == {"l": [{"x": 2}]}


@pytest.mark.parametrize(
    "decision",
    [
        "maybe",
        {},
        {"from": "zip"},
        {"from": "/none"},
        {"constant": 1, "from": "/zip"},
        {"table": [1]},
        {"custom": "a:b"},
        5,
    ],
)
def test_what_is_no_decision_is_refused(decision: Any) -> None:
    with pytest.raises(InvalidPlan):
        derive(OLD, NEW, {"/origin": decision})


def test_two_formats_have_no_plan() -> None:
    with pytest.raises(TypeError):
        derive(avro(("a", "int")), json_schema([]))


def test_names_are_alike_by_their_words() -> None:
    assert alike("customerName", "customer_name") > 0.95
    assert alike("zip", "postcode") > 0.7
    assert alike("created_at", "creationTime") > 0.7
    assert alike("price", "weather") < 0.5
    assert alike("", "a") == 0.0
    assert is_plural_of("phones", "phone")
    assert not is_plural_of("phone", "phone")
    assert unit_ratio("price", "price_cents") == (100, 1)
    assert unit_ratio("duration_ms", "duration_seconds") == (1, 1000)
    assert unit_ratio("price", "weight_g") is None


def test_a_recursive_type_becomes_a_part() -> None:
    def tree(*more: Any) -> Schema:
        fields = [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "T"], "default": None}, *more]
        return formats.parse("AVRO", Source(json.dumps({"type": "record", "name": "T", "fields": fields})))

    plan = derive(tree(), tree({"name": "w", "type": "int", "default": 7}))
    assert list(plan.parts) == ["T"]
    event = {"v": 1, "next": {"v": 2, "next": None}}
    assert compile_plan(plan)(event) == {"v": 1, "next": {"v": 2, "next": None, "w": 7}, "w": 7}
    inverse = invert(plan)
    assert inverse.lossless
    assert compile_plan(inverse.plan)(compile_plan(plan)(event)) == event


def test_a_downcast_says_what_it_cannot_restore() -> None:
    old = avro(("a", "int"), ("b", "int", {"default": 5}), ("c", "int"), ("full_name", "string"))
    new = avro(("x", "int", {"aliases": ["a"]}), ("first_name", "string"), ("last_name", "string"))
    inverse = invert(derive(old, new))
    assert not inverse.lossless
    assert {loss.path for loss in inverse.losses} == {"/b", "/c", "/full_name"}
    [todo] = inverse.plan.todos
    assert (todo.path, "cannot be restored" in todo.sentence) == ("/c", True)


def test_a_schema_past_the_limits_is_refused_by_name() -> None:
    wide = avro(*((f"f{n}", "int") for n in range(6000)))
    with pytest.raises(PlanTooLarge, match="more than 5000 nodes"):
        derive(wide, avro(*((f"f{n}", "double") for n in range(6000))))
    assert derive(wide, wide).is_copy
