"""What changed between two Avro schemas, in data and in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.formats.avro import FORMAT
from registry.formats.avro.changes import changes
from registry.formats.base import Change, ChangeKind, Source

Json = Any


def diff(old: Json, new: Json) -> list[Change]:
    return list(changes(*[FORMAT.parse(Source(json.dumps(each))) for each in (old, new)]))


def rec(*fields: Json, name: str = "R", **more: Json) -> Json:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def fld(type: Json, name: str = "a", **more: Json) -> Json:
    return {"name": name, "type": type, **more}


def enum(*symbols: str, **more: Json) -> Json:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


LINE = rec(fld("string", "sku"), name="Line")

CASES: list[tuple[Json, Json, list[str]]] = [
    (rec(fld("int")), rec(fld("int")), []),
    ("int", "long", ["retyped: The schema was int and is long."]),
    (rec(), rec(fld("int")), ["added: Field /a (int) was added, without a default."]),
    (
        rec(),
        rec(fld(["null", "int"], default=None)),
        ["added: Field /a (null | int) was added, with the default null."],
    ),
    (rec(fld("int")), rec(), ["removed: Field /a (int) was removed."]),
    (rec(fld("int")), rec(fld("long")), ["retyped: /a was int and is long."]),
    (
        rec(fld("int")),
        rec(fld("int", "b", aliases=["a"])),
        ["renamed: /b was called a.", "loosened: /b has the aliases a (was none)."],
    ),
    (
        rec(fld("int", "amount")),
        rec(fld("int", "amounts")),
        ["renamed: /amounts was probably called amount; no alias says so."],
    ),
    (
        rec(fld("int", "x", doc="d")),
        rec(fld("int", "q", doc="d")),
        ["renamed: /q was probably called x; no alias says so."],
    ),
    (
        rec(fld("int", "amount")),
        rec(fld("string", "amounts")),
        ["added: Field /amounts (string) was added, without a default.", "removed: Field /amount (int) was removed."],
    ),
    (
        rec(fld("string", "sku"), fld(rec(name="Line"), "line")),
        rec(fld(LINE, "line")),
        ["moved: Field sku moved from /sku to /line/sku."],
    ),
    (rec(fld("int")), rec(fld(["null", "int"])), ["loosened: /a may now also be null."]),
    (rec(fld(["null", "int"])), rec(fld("int")), ["constrained: /a may no longer be null."]),
    (["null", "int"], ["null", "long"], ["retyped: The schema was int and is long."]),
    (
        ["int", "string"],
        ["boolean"],
        [
            "loosened: The schema may now also be boolean.",
            "constrained: The schema may no longer be int.",
            "constrained: The schema may no longer be string.",
        ],
    ),
    (
        enum("A", "B"),
        enum("B", "C"),
        ["constrained: The schema may no longer be A.", "loosened: The schema may now also be C."],
    ),
    (enum("A"), enum("A", default="A"), ["loosened: The schema reads unknown symbols as A (was none)."]),
    (
        rec(fld({"type": "fixed", "name": "F", "size": 1})),
        rec(fld({"type": "fixed", "name": "F", "size": 2})),
        ["retyped: /a had 1 bytes and has 2."],
    ),
    (rec(), rec(name="S", namespace="n"), ["renamed: The schema is of type n.S, which was called R."]),
    (rec(fld("int", default=1)), rec(fld("int", default=2)), ["constrained: /a has the default 2 (was 1)."]),
    (rec(fld("int", default=1)), rec(fld("int")), ["constrained: /a no longer has a default (was 1)."]),
    (rec(fld("int")), rec(fld("int", default=1)), ["loosened: /a has the default 1 (was none)."]),
    (
        rec(fld("int")),
        rec(fld("int", doc="d"), doc="e"),
        ["documented: The schema has documentation (record R).", "documented: /a has documentation."],
    ),
    (rec(fld("int", doc="d")), rec(fld("int")), ["documented: /a lost its documentation."]),
    (
        rec(fld("int")),
        rec(fld("int", order="ignore", x=1)),
        ["documented: /a sorts ignore.", "documented: /a has another property x: 1 (was none)."],
    ),
    (
        rec(fld("long")),
        rec(fld({"type": "long", "logicalType": "timestamp-millis"})),
        ["retyped: /a was long and is long(timestamp-millis)."],
    ),
    (
        rec(fld({"type": "array", "items": LINE}, "lines")),
        rec(fld({"type": "array", "items": rec(fld("int", "sku"), name="Line")}, "lines")),
        ["retyped: /lines/*/sku was string and is int."],
    ),
    (
        rec(fld("int"), fld(["null", "R"], "b")),
        rec(fld("long"), fld(["null", "R"], "b")),
        ["retyped: /a was int and is long."],
    ),
    (
        {"type": "map", "values": "int"},
        {"type": "array", "items": "int"},
        ["retyped: The schema was map<int> and is array<int>."],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_changes_in_words(old: Json, new: Json, expected: list[str]) -> None:
    assert sorted(f"{each.kind}: {each.sentence}" for each in diff(old, new)) == sorted(expected)


def test_a_change_is_data() -> None:
    (change,) = diff(rec(fld("int", "amount")), rec(fld("int", "amounts")))
    assert change == Change(
        ChangeKind.RENAMED,
        "/amounts",
        "/amounts was probably called amount; no alias says so.",
        "/amount",
        "amount",
        "amounts",
    )


def test_the_outermost_comes_first() -> None:
    old = rec(fld(rec(fld("int", "x"), name="N")), fld("int", "b"))
    new = rec(fld(rec(fld("long", "x"), name="N")), fld("long", "b"))
    assert [each.path for each in diff(old, new)] == ["/b", "/a/x"]
