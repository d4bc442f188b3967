"""Avro events: what is refused and how it is told, what is read back, and what hostile bytes do."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenor.codecs import Options, compile
from tenor.codecs.avro import AvroBody
from tenor.errors import InvalidEvent, Undecodable, Unresolvable, UnusableSchema, Violation
from tenor.schemas import Schema

HEAD = b"\x00\x00\x00\x00\x01"
ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
FIXED = {"type": "fixed", "name": "F", "size": 2}
INNER = {"type": "record", "name": "Inner", "fields": [{"name": "n", "type": "int"}]}
LIST = {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}


def body(schema: Any, references: dict[str, Any] | None = None, **options: Any) -> AvroBody:
    named = {name: Schema(json.dumps(reference)) for name, reference in (references or {}).items()}
    compiled = compile(Schema(json.dumps(schema)), named, Options(**options))
    assert isinstance(compiled, AvroBody)
    return compiled


def record(type_: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": "x", "type": type_, **more}]}


def logical(base: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": name, **more}


def encoded(schema: Any, event: Any, **options: Any) -> bytes:
    framed = body(schema, **options).writer(HEAD)(event)
    assert framed[:5] == HEAD
    return framed[5:]


def refused(schema: Any, event: Any, **options: Any) -> tuple[Violation, ...]:
    with pytest.raises(InvalidEvent) as caught:
        body(schema, **options).writer(HEAD)(event)
    return caught.value.violations


NAN = float("nan")
DECIMAL = logical("bytes", "decimal", precision=4, scale=2)
FIXED_DECIMAL = {**FIXED, "logicalType": "decimal", "precision": 4, "scale": 2}

# (type of field x, its value, rule, path): fastavro alone takes all of those marked with !, and writes something else.
REFUSED = [
    ("int", 2**31, "range", "/x"),  # !
    ("int", -(2**31) - 1, "range", "/x"),  # !
    ("int", 1.5, "type", "/x"),  # !
    ("int", 1.0, "type", "/x"),  # !
    ("int", True, "type", "/x"),  # !
    ("int", "1", "type", "/x"),
    ("int", None, "type", "/x"),
    ("long", 2**63, "range", "/x"),
    ("long", 1.5, "type", "/x"),  # !
    ("float", 1e300, "range", "/x"),  # !
    ("float", 10**400, "range", "/x"),
    ("float", "1.5", "type", "/x"),  # !
    ("double", "1.5", "type", "/x"),  # !
    ("double", True, "type", "/x"),  # !
    ("double", Decimal("1.5"), "type", "/x"),  # !
    ("double", 2**53 + 1, "precision", "/x"),  # !
    ("boolean", 1, "type", "/x"),  # !
    ("boolean", "no", "type", "/x"),  # !
    ("boolean", None, "type", "/x"),  # !
    ("null", 1, "type", "/x"),  # !
    ("string", 1, "type", "/x"),
    ("string", b"a", "type", "/x"),
    ("string", "\ud800", "encoding", "/x"),
    ("bytes", "a", "type", "/x"),
    (ENUM, "C", "enum", "/x"),
    (ENUM, 1, "type", "/x"),
    (FIXED, b"abc", "size", "/x"),
    (FIXED, "ab", "type", "/x"),
    ({"type": "array", "items": "int"}, {1}, "type", "/x"),  # !
    ({"type": "array", "items": "int"}, "12", "type", "/x"),
    ({"type": "array", "items": "int"}, {"a": 1}, "type", "/x"),
    pytest.param({"type": "array", "items": "int"}, iter([1]), "type", "/x", id="an iterator"),  # !
    ({"type": "array", "items": "int"}, [1, 2**31], "range", "/x/1"),  # !
    ({"type": "map", "values": "int"}, {"a/b": 2**31}, "range", "/x/a~1b"),  # !
    ({"type": "map", "values": "int"}, {1: 1}, "key", "/x"),
    ({"type": "map", "values": "int"}, [("a", 1)], "type", "/x"),
    (["null", "int"], 2**31, "range", "/x"),
    (["null", "int"], "a", "type", "/x"),
    (["null", "int", "string"], 1.5, "type", "/x"),
    (["null", INNER], {"n": 2**31}, "range", "/x/n"),
    (["null", INNER], {"n": 1, "m": 2}, "additional", "/x/m"),
    (["null", {"type": "array", "items": "int"}], (1, 2), "type", "/x"),
    (["null", "float"], 1e300, "range", "/x"),  # !
    (INNER, {"n": "a"}, "type", "/x/n"),
    (INNER, [1], "type", "/x"),
    (logical("int", "date"), datetime(2020, 1, 1, 5, tzinfo=UTC), "date", "/x"),  # !
    (logical("int", "date"), "2020-01-01", "type", "/x"),  # !
    (logical("long", "timestamp-millis"), datetime(2020, 1, 1), "timezone", "/x"),  # ! the machine's zone
    (logical("long", "local-timestamp-micros"), datetime(2020, 1, 1, tzinfo=UTC), "timezone", "/x"),  # !
    (logical("int", "time-millis"), time(1, tzinfo=UTC), "timezone", "/x"),  # !
    (logical("string", "uuid"), "x", "uuid", "/x"),  # ! and then cannot be read
    (["null", logical("string", "uuid")], "x", "uuid", "/x"),  # !
    (DECIMAL, Decimal("1.555"), "scale", "/x"),
    (DECIMAL, Decimal("123.45"), "precision", "/x"),
    (DECIMAL, Decimal("1E+5"), "precision", "/x"),  # !
    (DECIMAL, Decimal("NaN"), "type", "/x"),
    (DECIMAL, 1.5, "type", "/x"),
    (FIXED_DECIMAL, Decimal("100.00"), "precision", "/x"),
    (FIXED_DECIMAL, b"abc", "type", "/x"),
]


@pytest.mark.parametrize(("type_", "value", "rule", "path"), REFUSED, ids=str)
def test_what_would_be_read_back_otherwise_is_refused_by_path_and_rule(
    type_: Any, value: Any, rule: str, path: str
) -> None:
    (violation,) = refused(record(type_), {"x": value})
    assert (violation.rule, violation.path) == (rule, path)
    assert violation.sentence
    assert len(str(violation)) < 300


MOMENT = datetime(2026, 11, 24, 10, 30, 0, 123000, tzinfo=UTC)

# (type of field x, value, what is read back if not the same)
TAKEN = [
    ("int", 2**31 - 1),
    ("long", -(2**63)),
    ("float", 1.5),
    ("float", float("inf")),
    ("double", 5, 5.0),
    ("double", 2**53, float(2**53)),
    ("string", ""),
    ("bytes", bytearray(b"ab"), b"ab"),
    ("null", None),
    (ENUM, "B"),
    (FIXED, b"ab"),
    ({"type": "array", "items": "int"}, (1, 2), [1, 2]),
    ({"type": "map", "values": ["null", "int"]}, {"a": None, "b": 1}),
    (["null", "string"], None),
    (["int", "long"], 2**40),
    (["null", INNER], {"n": 1}),
    (["null", INNER, {**INNER, "name": "Other"}], ("Other", {"n": 1}), {"n": 1}),
    (logical("int", "date"), date(2020, 2, 29)),
    (logical("int", "date"), 5, date(1970, 1, 6)),
    (logical("long", "timestamp-millis"), MOMENT),
    (logical("long", "timestamp-micros"), MOMENT),
    (logical("long", "local-timestamp-millis"), MOMENT.replace(tzinfo=None)),
    (logical("int", "time-millis"), time(1, 2, 3)),
    (logical("string", "uuid"), UUID(int=7)),
    (logical("string", "uuid"), str(UUID(int=7)), UUID(int=7)),
    (DECIMAL, Decimal("-12.34")),
    (FIXED_DECIMAL, Decimal("-1.50")),
    (logical("string", "unheard-of"), "x"),
]


@pytest.mark.parametrize("row", TAKEN, ids=str)
def test_what_is_valid_is_read_back(row: tuple[Any, ...]) -> None:
    type_, value, *back = row
    compiled = body(record(type_))
    framed = compiled.writer(HEAD)({"x": value})
    assert compiled.reader(None, None)(framed, 5) == {"x": back[0] if back else value}


def test_every_violation_is_told_at_once() -> None:
    schema = {
        "type": "record",
        "name": "a.Order",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "lines", "type": {"type": "array", "items": INNER}},
            {"name": "note", "type": "string", "default": ""},
        ],
    }
    found = refused(schema, {"lines": [{"n": 1}, {"n": 2**40}, {}], "extra": 1}, subject="orders-value")
    assert [(violation.path, violation.rule) for violation in found] == [
        ("/id", "required"),
        ("/lines/1/n", "range"),
        ("/lines/2/n", "required"),
        ("/note", "required"),
        ("/extra", "additional"),
    ]
    assert "fill_defaults=True" in found[3].sentence


def test_defaults_are_written_on_request_and_the_event_is_left_alone() -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "a", "type": "int", "default": 7},
            {"name": "raw", "type": "bytes", "default": "\u00ff"},
            {"name": "inner", "type": {**INNER, "fields": [{"name": "n", "type": "int", "default": 3}]}, "default": {}},
            {"name": "maybe", "type": ["null", "Inner"], "default": None},
            {"name": "needed", "type": "int"},
        ],
    }
    compiled = body(schema, fill_defaults=True)
    event: dict[str, Any] = {"needed": 1, "maybe": {}}
    read = compiled.reader(None, None)(compiled.writer(HEAD)(event), 5)
    assert read == {"a": 7, "raw": b"\xff", "inner": {"n": 3}, "maybe": {"n": 3}, "needed": 1}
    assert event == {"needed": 1, "maybe": {}}
    assert [violation.path for violation in refused(schema, {}, fill_defaults=True)] == ["/needed"]


def test_top_level_types_other_than_records() -> None:
    for schema, event in [("string", "x"), (["null", "int"], 3), ({"type": "array", "items": "int"}, [1])]:
        compiled = body(schema)
        assert compiled.reader(None, None)(compiled.writer(HEAD)(event), 5) == event
    assert (body("string").record, body(["null", "int"]).record, body(record("int")).record) == ("string", "union", "R")


# --- references ------------------------------------------------------------------------------------------------

ADDRESS = {
    "type": "record",
    "name": "Address",
    "namespace": "com.acme",
    "fields": [{"name": "city", "type": "string"}, {"name": "kind", "type": {**ENUM, "name": "Kind"}}],
}
CUSTOMER = {
    "type": "record",
    "name": "com.acme.Customer",
    "fields": [
        {"name": "kind", "type": "Kind"},
        {"name": "home", "type": "com.acme.Address"},
        {"name": "work", "type": ["null", "Address"]},
    ],
}


def test_references_are_found_by_full_name_in_any_order_and_nested() -> None:
    event = {"kind": "A", "home": {"city": "x", "kind": "B"}, "work": None}
    for named in ({"com.acme.Address": ADDRESS}, {"com.acme.Kind": ADDRESS["fields"], "com.acme.Address": ADDRESS}):
        if isinstance(named.get("com.acme.Kind"), list):
            named["com.acme.Kind"] = {**ENUM, "name": "com.acme.Kind"}
        compiled = body(CUSTOMER, named)
        assert compiled.reader(None, None)(compiled.writer(HEAD)(event), 5) == event
    assert body("com.acme.Address", {"com.acme.Address": ADDRESS}).record == "com.acme.Address"


BROKEN = [
    ("nonsense", "nonsense"),
    ({"type": "record", "fields": []}, "'name' is missing"),
    ({"type": "record", "name": "R"}, "'fields' is missing"),
    ({"type": "array"}, "'items' is missing"),
    (record("com.acme.Missing"), "com.acme.Missing"),
    (7, "7 is no Avro type"),
    (record(record("int")), "the type R is defined twice"),
    ({}, "'type' is missing"),
]


@pytest.mark.parametrize(("schema", "reason"), BROKEN, ids=str)
def test_a_schema_that_cannot_be_used_says_why(schema: Any, reason: str) -> None:
    with pytest.raises(UnusableSchema, match=reason):
        body(schema)


def test_a_schema_nested_without_end_is_refused() -> None:
    deep = '{"type":"array","items":' * 5000 + '"int"' + "}" * 5000
    with pytest.raises(UnusableSchema, match="nested too deeply"):
        compile(Schema(deep), {}, Options())
    with pytest.raises(UnusableSchema):
        compile(Schema("{"), {}, Options())


# --- reading as another schema ---------------------------------------------------------------------------------


def resolved(writer: Any, reader: Any, event: Any) -> Any:
    compiled = body(writer)
    read = compiled.reader(None, body(reader))
    return read(compiled.writer(HEAD)(event), 5)


V1 = record("int")
V2 = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "x", "type": "long"},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "raw", "type": "bytes", "default": "\u00ff"},
        {"name": "inner", "type": {**INNER, "fields": [{"name": "n", "type": "int", "default": 5}]}, "default": {}},
        {"name": "day", "type": logical("int", "date"), "default": 1},
        {"name": "maybe", "type": ["null", "Inner"], "default": None},
    ],
}
FILLED = {"x": 1, "tags": [], "raw": b"\xff", "inner": {"n": 5}, "day": date(1970, 1, 2), "maybe": None}


def test_defaults_of_the_reader_are_values_of_their_own() -> None:
    writer, reader = body(V1), body(V2)
    read = writer.reader(None, reader)
    framed = writer.writer(HEAD)({"x": 1})
    first, second = read(framed, 5), read(framed, 5)
    assert first == second == FILLED
    first["tags"].append("mine")
    first["inner"]["n"] = 99
    assert read(framed, 5) == FILLED


def test_defaults_inside_arrays_maps_and_unions() -> None:
    old = {**INNER, "fields": [{"name": "n", "type": "int"}]}
    new = {**INNER, "fields": [*old["fields"], {"name": "b", "type": "bytes", "default": "a"}]}
    shape = lambda inner: {  # noqa: E731 # the two differ in one place
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "l", "type": {"type": "array", "items": inner}},
            {"name": "m", "type": {"type": "map", "values": "Inner"}},
            {"name": "u", "type": ["null", "Inner"]},
        ],
    }
    event = {"l": [{"n": 1}], "m": {"k": {"n": 2}}, "u": {"n": 3}}
    assert resolved(shape(old), shape(new), event) == {
        "l": [{"n": 1, "b": b"a"}],
        "m": {"k": {"n": 2, "b": b"a"}},
        "u": {"n": 3, "b": b"a"},
    }


# (writer's type of x, reader's type of x, value written, value read)
RESOLVED = [
    ("int", "double", 1, 1.0),
    ("string", "bytes", "é", "é".encode()),
    ("int", ["null", "long"], 1, 1),
    (["null", "int"], "int", 1, 1),
    (logical("long", "timestamp-millis"), "long", MOMENT, 1795516200123),
    ("long", logical("long", "timestamp-millis"), 1795516200123, MOMENT),
    (["null", "long"], ["null", logical("long", "timestamp-millis")], 1795516200123, MOMENT),
    (ENUM, {**ENUM, "symbols": ["A"], "default": "A"}, "B", "A"),
    (DECIMAL, DECIMAL, Decimal("1.50"), Decimal("1.50")),
]


@pytest.mark.parametrize(("writer", "reader", "written", "read"), RESOLVED, ids=str)
def test_resolution(writer: Any, reader: Any, written: Any, read: Any) -> None:
    value = resolved(record(writer), record(reader), {"x": written})["x"]
    assert (value, type(value)) == (read, type(read))


def test_fields_renamed_by_alias_and_dropped() -> None:
    reader = {"type": "record", "name": "R", "fields": [{"name": "y", "aliases": ["x"], "type": "int"}]}
    assert resolved(record("int"), reader, {"x": 1}) == {"y": 1}
    assert resolved({**V2, "fields": [{"name": "x", "type": "int"}, *V2["fields"][1:]]}, V1, FILLED) == {"x": 1}


def test_decimals_of_another_scale_do_not_resolve() -> None:
    with pytest.raises(Unresolvable, match=r"decimal\(4,2\) cannot be read as decimal\(4,3\)"):
        body(record(DECIMAL)).reader(None, body(record({**DECIMAL, "scale": 3})))


def test_what_does_not_resolve_is_told_shortly() -> None:
    with pytest.raises(Undecodable) as caught:
        resolved(record("string"), record(INNER), {"x": "a"})
    assert len(str(caught.value)) < 300
    with pytest.raises(UnusableSchema, match="cannot be read as JSON"):
        body(V1).reader(None, compile(Schema("{}", "JSON"), {}, Options()))


# --- hostile bytes ---------------------------------------------------------------------------------------------

DAMAGED = [
    ("string", b"", "too early"),
    ("string", b"\x80", "too early"),
    ("string", b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", "too early"),
    ("string", b"\x09", "too early"),  # a negative length
    ("string", b"\x02\xff", "invalid start byte"),
    ("double", b"12", "too early"),
    (FIXED, b"a", "too early"),
    (ENUM, b"\x0e", "an index that the schema does not have"),
    (["null", "int"], b"\x08", "an index that the schema does not have"),
    ("int", b"\x02\x02", "1 bytes follow it"),
    ("null", b"\x00", "1 bytes follow it"),
    ({"type": "array", "items": "int"}, b"\x02", "too early"),
    ({"type": "array", "items": "null"}, b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x00", "more than 100000 items"),
    ({"type": "array", "items": record("null")}, b"\x80\x80\x80\x80\x08\x00", "more than 100000 items"),
    ({"type": "array", "items": "null"}, b"\xff" * 12 + b"\x01\x00", "a number or an index that cannot be"),
    (LIST, b"\x02" * 600 + b"\x00", "nested deeper than 256"),
    (LIST, b"\x02" * 1_000_000, "nested deeper than 256"),
]


@pytest.mark.parametrize(("schema", "raw", "reason"), DAMAGED, ids=lambda value: str(value)[:40])
def test_damaged_and_hostile_bytes_are_refused(schema: Any, raw: bytes, reason: str) -> None:
    with pytest.raises(Undecodable, match=reason):
        body(schema).reader(None, None)(HEAD + raw, 5)


def test_an_event_nested_without_end_is_refused_and_a_cycle_too() -> None:
    event: Any = {"next": None}
    for _ in range(100_000):
        event = {"next": event}
    (violation,) = refused(LIST, event)
    assert violation.rule == "depth"
    cycle: dict[str, Any] = {}
    cycle["next"] = cycle
    assert refused(LIST, cycle)[0].rule == "depth"
    while event:  # taken apart one by one: the interpreter would recurse to free it
        event = event["next"]


def test_a_short_list_is_read_in_full() -> None:
    event: Any = None
    for _ in range(200):
        event = {"next": event}
    compiled = body(LIST)
    assert compiled.reader(None, None)(compiled.writer(HEAD)(event), 5) == event


def test_a_hundred_megabytes_are_written_and_read() -> None:
    compiled = body(record("bytes"))
    event = {"x": bytes(100_000_000)}
    assert compiled.reader(None, None)(compiled.writer(HEAD)(event), 5) == event


# --- properties ------------------------------------------------------------------------------------------------

LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "string": st.text(),
    "bytes": st.binary(),
}


@st.composite
def schemas_with_events(draw: st.DrawFn, depth: int = 3) -> tuple[Any, st.SearchStrategy[Any]]:
    """A schema without names beyond its records, and a strategy of its events."""
    kinds = [*LEAVES, *(("array", "map", "record", "nullable") if depth else ())]
    kind = draw(st.sampled_from(kinds))
    if kind in LEAVES:
        return kind, LEAVES[kind]
    if kind == "record":
        fields = draw(st.lists(schemas_with_events(depth=depth - 1), min_size=1, max_size=4))
        name = f"R{draw(st.integers(0, 10**9))}"
        schema = {
            "type": "record",
            "name": name,
            "fields": [{"name": f"f{i}", "type": type_} for i, (type_, _) in enumerate(fields)],
        }
        return schema, st.fixed_dictionaries({f"f{i}": events for i, (_, events) in enumerate(fields)})
    inner, events = draw(schemas_with_events(depth=depth - 1))
    if kind == "array":
        return {"type": "array", "items": inner}, st.lists(events, max_size=4)
    if kind == "map":
        return {"type": "map", "values": inner}, st.dictionaries(st.text(), events, max_size=4)
    if inner == "null" or isinstance(inner, list):
        return ["null", "int"], st.none() | LEAVES["int"]
    return ["null", inner], st.none() | events


def usable(schema: Any) -> bool:
    try:
        body(schema)
    except UnusableSchema:  # two records drew one name
        return False
    return True


@given(st.data())
def test_valid_events_are_written_as_fastavro_does_and_read_back(data: st.DataObject) -> None:
    schema, events = data.draw(schemas_with_events().filter(lambda pair: usable(pair[0])))
    event = data.draw(events)
    compiled = body(schema)
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), event, strict=True)
    framed = compiled.writer(HEAD)(event)
    assert framed == HEAD + buffer.getvalue()
    assert compiled.reader(None, None)(framed, 5) == event
    assert compiled.reader(None, body(schema))(framed, 5) == event


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.dates()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.sampled_from(["f0", "f1"]), inner, max_size=3)
        | st.sets(st.integers(), max_size=2)
    ),
    max_leaves=6,
)


def same(written: Any, read: Any) -> bool:
    """Equal, and of the same kind: 1 is not True, and not 1.0 either, unless the schema turned it into a float."""
    if isinstance(written, dict):
        return isinstance(read, dict) and written.keys() == read.keys() and all(same(written[k], read[k]) for k in read)
    if isinstance(written, list | tuple):
        if isinstance(written, tuple) and not isinstance(read, list):  # (branch, value)
            return same(written[1], read)
        return isinstance(read, list) and len(written) == len(read) and all(map(same, written, read))
    if isinstance(written, float) and written != written:
        return isinstance(read, float) and read != read
    if isinstance(read, float) and isinstance(written, int):
        return written == read and not isinstance(written, bool)
    return type(written) is type(read) and bool(written == read)


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_not_refused_is_read_back_as_it_was(data: st.DataObject) -> None:
    schema, events = data.draw(schemas_with_events().filter(lambda pair: usable(pair[0])))
    event = data.draw(events | ANYTHING)
    if isinstance(event, dict) and event:
        event = {**event, data.draw(st.sampled_from(sorted(event, key=str))): data.draw(ANYTHING)}
    compiled = body(schema)
    try:
        framed = compiled.writer(HEAD)(event)
    except InvalidEvent:
        return
    assert same(event, compiled.reader(None, None)(framed, 5))


@given(st.data(), st.binary(max_size=100))
def test_any_bytes_are_read_or_refused_by_type(data: st.DataObject, raw: bytes) -> None:
    schema, _ = data.draw(schemas_with_events().filter(lambda pair: usable(pair[0])))
    try:
        body(schema).reader(None, None)(HEAD + raw, 5)
    except Undecodable:
        return
