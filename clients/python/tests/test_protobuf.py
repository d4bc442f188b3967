"""Protobuf events: dicts in, dicts out, and what the library would have written differently."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from tenor.codecs import Options, compile
from tenor.codecs.protobuf import ProtobufBody
from tenor.codecs.protobuf.descriptors import message_class
from tenor.errors import InvalidEvent, Undecodable, Unresolvable, UnusableSchema, Violation
from tenor.schemas import PROTOBUF, Schema

HEAD = b"\x00\x00\x00\x00\x01\x00"
F = descriptor_pb2.FieldDescriptorProto
ONE, REQUIRED, MANY = F.LABEL_OPTIONAL, F.LABEL_REQUIRED, F.LABEL_REPEATED


def file(name: str, package: str, syntax: str = "proto3", imports: tuple[str, ...] = ()) -> Any:
    return descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax=syntax, dependency=imports)


def field(message: Any, name: str, number: int, kind: int, label: int = ONE, type_name: str = "") -> Any:
    return message.field.add(name=name, number=number, type=kind, label=label, type_name=type_name or None)


def order_file() -> Any:
    """order.proto: messages Other, Order (with Line inside), and an enum."""
    proto = file("order.proto", "acme", imports=("google/protobuf/timestamp.proto", "confluent/type/decimal.proto"))
    proto.dependency.append("confluent/meta.proto")
    other = proto.message_type.add(name="Other")
    field(other, "x", 1, F.TYPE_INT32)
    order = proto.message_type.add(name="Order")
    kinds = [
        ("id", F.TYPE_STRING),
        ("count", F.TYPE_INT32),
        ("big", F.TYPE_UINT64),
        ("price", F.TYPE_DOUBLE),
        ("ratio", F.TYPE_FLOAT),
        ("raw", F.TYPE_BYTES),
        ("paid", F.TYPE_BOOL),
    ]
    for number, (name, kind) in enumerate(kinds, 1):
        field(order, name, number, kind)
    field(order, "tags", 8, F.TYPE_STRING, MANY)
    field(order, "numbers", 9, F.TYPE_DOUBLE, MANY)
    field(order, "state", 10, F.TYPE_ENUM, type_name=".acme.State")
    field(order, "line", 11, F.TYPE_MESSAGE, type_name=".acme.Order.Line")
    field(order, "lines", 12, F.TYPE_MESSAGE, MANY, ".acme.Order.Line")
    field(order, "stock", 13, F.TYPE_MESSAGE, MANY, ".acme.Order.StockEntry")
    field(order, "when", 14, F.TYPE_MESSAGE, type_name=".google.protobuf.Timestamp")
    field(order, "cost", 15, F.TYPE_MESSAGE, type_name=".confluent.type.Decimal")
    field(order, "parent", 16, F.TYPE_MESSAGE, type_name=".acme.Order")
    order.oneof_decl.add(name="payment")
    for number, name in [(17, "card"), (18, "iban")]:
        field(order, name, number, F.TYPE_STRING).oneof_index = 0
    order.oneof_decl.add(name="_note")
    note = field(order, "note", 19, F.TYPE_STRING)
    note.proto3_optional, note.oneof_index = True, 1
    line = order.nested_type.add(name="Line")
    field(line, "sku", 1, F.TYPE_STRING)
    field(line, "ok", 2, F.TYPE_BOOL)
    entry = order.nested_type.add(name="StockEntry")
    entry.options.map_entry = True
    field(entry, "key", 1, F.TYPE_STRING)
    field(entry, "value", 2, F.TYPE_MESSAGE, type_name=".acme.Order.Line")
    state = proto.enum_type.add(name="State")
    state.value.add(name="OPEN", number=0)
    state.value.add(name="PAID", number=1)
    return proto


def schema(proto: Any) -> Schema:
    return Schema(base64.b64encode(proto.SerializeToString()).decode(), PROTOBUF)


def body(proto: Any = None, references: dict[str, Any] | None = None, **options: Any) -> ProtobufBody:
    if proto is None:
        proto, options = order_file(), {"message": "acme.Order", **options}
    named = {name: schema(reference) for name, reference in (references or {}).items()}
    compiled = compile(schema(proto), named, Options(**options))
    assert isinstance(compiled, ProtobufBody)
    return compiled


def round_trip(compiled: ProtobufBody, event: Any) -> Any:
    framed = compiled.writer(HEAD)(event)
    assert framed.startswith(HEAD)
    return compiled.reader(compiled.indexes, None)(framed, len(HEAD))


def refused(event: Any) -> tuple[Violation, ...]:
    with pytest.raises(InvalidEvent) as caught:
        body().writer(HEAD)(event)
    return caught.value.violations


DEFAULTS: dict[str, Any] = {
    "id": "",
    "count": 0,
    "big": 0,
    "price": 0.0,
    "ratio": 0.0,
    "raw": b"",
    "paid": False,
    "tags": [],
    "numbers": [],
    "state": "OPEN",
    "lines": [],
    "stock": {},
}


def test_an_empty_event_has_its_defaults_and_nothing_that_was_not_set() -> None:
    assert round_trip(body(), {}) == DEFAULTS


FULL = {
    **DEFAULTS,
    "id": "é",
    "count": -5,
    "big": 2**64 - 1,
    "price": 1.5,
    "ratio": 0.5,
    "raw": b"\xff",
    "paid": True,
    "tags": ["a", "b"],
    "numbers": [1.0, float("inf")],
    "state": "PAID",
    "line": {"sku": "x", "ok": True},
    "lines": [{"sku": "", "ok": False}],
    "stock": {"k": {"sku": "y", "ok": False}},
    "when": {"seconds": 5, "nanos": 7},
    "cost": {"value": b"\x01", "precision": 3, "scale": 2},
    "parent": {**DEFAULTS, "id": "p"},
    "iban": "DE",
    "note": "",
}


def test_every_kind_of_field_is_written_and_read_back() -> None:
    compiled = body()
    assert (compiled.record, compiled.indexes) == ("acme.Order", (1,))
    assert round_trip(compiled, FULL) == FULL
    assert round_trip(compiled, round_trip(compiled, FULL)) == FULL


TAKEN = [
    ({"price": 5}, "price", 5.0),
    ({"state": 1}, "state", "PAID"),
    ({"state": 77}, "state", 77),
    ({"tags": ("a",)}, "tags", ["a"]),
    ({"when": datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)}, "when", {"seconds": 5, "nanos": 0}),
    ({"line": None, "id": None}, "id", ""),
    ({"numbers": [1, 2.5]}, "numbers", [1.0, 2.5]),
]


@pytest.mark.parametrize(("event", "name", "value"), TAKEN, ids=str)
def test_other_spellings_that_mean_the_same(event: Any, name: str, value: Any) -> None:
    assert round_trip(body(), event)[name] == value


# Marked with ! = the library takes it and writes something else.
REFUSED = [
    ({"id": b"x"}, "type", "/id"),  # !
    ({"id": 5}, "type", "/id"),
    ({"id": "\ud800"}, "encoding", "/id"),
    ({"count": 2**31}, "range", "/count"),
    ({"count": 1.0}, "type", "/count"),
    ({"count": True}, "type", "/count"),
    ({"big": -1}, "range", "/big"),
    ({"price": "1.5"}, "type", "/price"),
    ({"price": True}, "type", "/price"),  # !
    ({"price": 2**53 + 1}, "precision", "/price"),  # !
    ({"price": 10**400}, "range", "/price"),
    ({"ratio": 1e300}, "range", "/ratio"),  # !
    ({"raw": "x"}, "type", "/raw"),
    ({"paid": 1}, "type", "/paid"),  # !
    ({"tags": "ab"}, "type", "/tags"),  # !
    ({"tags": {"a": 1}}, "type", "/tags"),  # !
    ({"tags": ["a", b"b"]}, "type", "/tags/1"),  # !
    ({"tags": [None]}, "type", "/tags/0"),
    ({"numbers": [1.0, True]}, "type", "/numbers/1"),  # !
    ({"state": "SENT"}, "enum", "/state"),
    ({"state": "\ud800"}, "enum", "/state"),
    ({"\ud800": 1}, "additional", "/\ud800"),
    ({"state": 1.5}, "type", "/state"),
    ({"state": 2**40}, "range", "/state"),
    ({"line": [1]}, "type", "/line"),
    ({"line": {"sku": "x", "zz": 1}}, "additional", "/line/zz"),
    ({"lines": [{}, {"ok": 1}]}, "type", "/lines/1/ok"),  # !
    ({"stock": {"a/b": {"sku": 1}}}, "type", "/stock/a~1b/sku"),
    ({"stock": {1: {}}}, "key", "/stock"),
    ({"stock": [("k", {})]}, "type", "/stock"),
    ({"card": "a", "iban": "b"}, "oneof", "/iban"),  # !
    ({"parent": {"parent": {"paid": 1}}}, "type", "/parent/parent/paid"),  # !
    ({"Id": "x"}, "additional", "/Id"),
    ({1: "x"}, "additional", "/1"),
    ("x", "type", ""),
    (7, "type", ""),
]


@pytest.mark.parametrize(("event", "rule", "path"), REFUSED, ids=str)
def test_what_would_be_read_back_otherwise_is_refused_by_path_and_rule(event: Any, rule: str, path: str) -> None:
    (violation,) = refused(event)
    assert (violation.rule, violation.path) == (rule, path)


def test_message_objects_are_taken_and_given() -> None:
    compiled = body(as_messages=True)
    read = round_trip(compiled, {"id": "x", "line": {"sku": "s"}})
    assert (read.id, read.line.sku) == ("x", "s")
    assert round_trip(compiled, read) == read
    other = message_class(compiled.find("acme.Other"))()  # type: ignore[arg-type] # it is there
    with pytest.raises(InvalidEvent, match=r"a acme.Other is not a acme.Order"):
        compiled.writer(HEAD)(other)


def proto2_file() -> Any:
    proto = file("two.proto", "", "proto2")
    message = proto.message_type.add(name="M")
    field(message, "needed", 1, F.TYPE_STRING, REQUIRED)
    inner = field(message, "inner", 2, F.TYPE_MESSAGE, type_name=".M")
    inner.label = ONE
    field(message, "state", 3, F.TYPE_ENUM, type_name=".State")
    proto.enum_type.add(name="State").value.add(name="OPEN", number=1)
    return proto


def test_required_fields_and_closed_enums_of_proto2() -> None:
    compiled = body(proto2_file())
    assert round_trip(compiled, {"needed": "x"}) == {"needed": "x"}
    for event, path in [({}, "/needed"), ({"needed": "x", "inner": {}}, "/inner/needed")]:
        with pytest.raises(InvalidEvent) as caught:
            compiled.writer(HEAD)(event)
        assert [(found.path, found.rule) for found in caught.value.violations] == [(path, "required")]
    with pytest.raises(InvalidEvent, match="closed enum State"):
        compiled.writer(HEAD)({"needed": "x", "state": 9})
    message = message_class(compiled.find("M"))()  # type: ignore[arg-type] # it is there
    with pytest.raises(InvalidEvent, match="'needed' is missing"):
        compiled.writer(HEAD)(message)
    with pytest.raises(Undecodable, match="required fields are missing: needed"):
        compiled.reader((0,), None)(b"", 0)


# --- which message ---------------------------------------------------------------------------------------------


def test_the_message_is_chosen_by_name_and_told_by_its_position() -> None:
    assert (body(order_file()).record, body(order_file()).indexes) == ("acme.Other", (0,))
    assert body(order_file(), message="Order.Line").indexes == (1, 0)
    assert body(order_file(), message="acme.Order.Line").record == "acme.Order.Line"
    with pytest.raises(UnusableSchema, match=r"no message 'Nope', only acme\.Other, acme\.Order"):
        body(order_file(), message="Nope")


def test_indexes_in_front_of_the_body_tell_which_message_it_is() -> None:
    compiled = body(order_file())
    read = compiled.reader(None, None)
    assert read(b"\x00\x08\x05", 0) == {"x": 5}
    assert read(b"\x02\x00\x08\x05", 0) == {"x": 5}
    assert read(b"\x04\x02\x00\x0a\x01s", 0) == {"sku": "s", "ok": False}
    assert compiled.name_of(b"\x04\x02\x00", 0, None) == "acme.Order.Line"
    with pytest.raises(Undecodable, match=r"no message at \[7\]"):
        read(b"\x02\x0e", 0)


# --- reading as another schema ---------------------------------------------------------------------------------


def test_an_event_is_read_as_the_readers_message_of_the_same_name() -> None:
    newer = order_file()
    field(newer.message_type[0], "y", 2, F.TYPE_STRING)
    read = body(order_file()).reader((0,), body(newer))
    assert read(b"\x08\x05", 0) == {"x": 5, "y": ""}
    lacking = file("l.proto", "acme")
    lacking.message_type.add(name="Unrelated")
    with pytest.raises(Unresolvable, match=r"no message acme.Other"):
        body(order_file()).reader((0,), body(lacking))
    with pytest.raises(UnusableSchema, match="cannot be read as AVRO"):
        body().reader(None, compile(Schema('"int"'), {}, Options()))


# --- files -----------------------------------------------------------------------------------------------------


def test_imports_are_found_among_the_references_nested_ones_too() -> None:
    base = file("whatever-the-registry-called-it", "b")
    field(base.message_type.add(name="B"), "n", 1, F.TYPE_INT32)
    middle = file("", "m", imports=("base.proto",))
    field(middle.message_type.add(name="M"), "b", 1, F.TYPE_MESSAGE, type_name=".b.B")
    top = file("", "t", imports=("middle.proto", "base.proto"))
    message = top.message_type.add(name="T")
    field(message, "m", 1, F.TYPE_MESSAGE, type_name=".m.M")
    field(message, "b", 2, F.TYPE_MESSAGE, type_name=".b.B")
    compiled = body(top, {"middle.proto": middle, "base.proto": base})
    event = {"m": {"b": {"n": 1}}, "b": {"n": 2}}
    assert round_trip(compiled, event) == event


def broken(what: str) -> tuple[Schema, dict[str, Schema]]:
    proto = file("x.proto", "x")
    match what:
        case "text":
            return Schema('syntax = "proto3";', PROTOBUF), {}
        case "bytes":
            return Schema(base64.b64encode(b"\xff\xff").decode(), PROTOBUF), {}
        case "import":
            proto.dependency.append("missing.proto")
        case "google":
            proto.dependency.append("google/protobuf/nonsense.proto")
        case "escape":
            proto.dependency.append("google/protobuf/../x.proto")
        case "cycle":
            one = file("", "", imports=("one.proto",))
            proto.dependency.append("one.proto")
            return schema(proto), {"one.proto": schema(one)}
        case "type":
            field(proto.message_type.add(name="M"), "f", 1, F.TYPE_MESSAGE, type_name=".x.Missing")
        case "message":
            pass
    return schema(proto), {}


BROKEN = [
    ("text", "no descriptor"),
    ("bytes", "no descriptor"),
    ("import", "'missing.proto' is imported, but not among"),
    ("google", "no such well-known file"),
    ("escape", "not among the schema's references"),
    ("cycle", "one.proto imports itself"),
    ("type", "Missing"),
]


@pytest.mark.parametrize(("what", "reason"), BROKEN)
def test_a_file_that_cannot_be_used_says_why(what: str, reason: str) -> None:
    text, references = broken(what)
    with pytest.raises(UnusableSchema, match=reason):
        compile(text, references, Options())


def test_a_file_without_a_message_can_be_loaded_but_not_written_with() -> None:
    text, references = broken("message")
    compiled = compile(text, references, Options())
    assert (compiled.record, compiled.indexes) == ("", None)
    with pytest.raises(UnusableSchema, match="it has no message"):
        compiled.writer(HEAD)


# --- hostile ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05x", b"\x82\x01" * 300, b"\x0a\x01\xff"]
)
def test_damaged_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(Undecodable, match=r"acme.Order"):
        body().reader((1,), None)(raw, 0)


def test_what_no_parser_would_read_is_not_written() -> None:
    event: dict[str, Any] = {}
    for _ in range(120):
        event = {"parent": event}
    assert {violation.rule for violation in refused(event)} == {"depth"}
    for _ in range(100_000):
        event = {"parent": event}
    assert {violation.rule for violation in refused(event)} == {"depth"}
    while event:
        event = event["parent"]
    shallow: dict[str, Any] = {}
    for _ in range(98):
        shallow = {"parent": shallow}
    assert round_trip(body(), shallow)["parent"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.just("sku"), inner, max_size=2)
    ),
    max_leaves=5,
)


def same(written: Any, read: Any) -> bool:
    if isinstance(written, dict):
        return all(name in read and same(value, read[name]) for name, value in written.items() if value is not None)
    if isinstance(written, list):
        return len(written) == len(read) and all(map(same, written, read))
    if isinstance(read, float) and isinstance(written, int):
        return written == read and not isinstance(written, bool)
    return type(written) is type(read) and bool(written == read or abs(written - read) < 1e-6 * abs(written))


@given(st.dictionaries(st.sampled_from(sorted(set(FULL) - {"when", "cost", "parent", "state"})), ANYTHING, max_size=4))
def test_whatever_is_not_refused_is_read_back_as_it_was(event: dict[str, Any]) -> None:
    try:
        read = round_trip(body(), event)
    except InvalidEvent:
        return
    assert same(event, read)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_by_type(raw: bytes) -> None:
    try:
        body().reader((1,), None)(raw, 0)
    except Undecodable:
        return
