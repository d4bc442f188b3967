"""Places in an Avro schema text, and edits that keep its formatting."""

from __future__ import annotations

import pytest

from registry.formats.avro import FORMAT
from registry.formats.avro.editing import Text
from registry.formats.avro.locations import locate
from registry.formats.avro.places import Index, position
from registry.formats.base import Edit, Fix, Source

TEXT = """{
  "type": "record", // what "it" is
  "name": "R",
  "fields": [
    {"name": "a~/b", "type": "int"},
    {
      "name": "c",
      "type": ["null", "string"]
    }
  ],
  "x/y": {"~": [1, 2]}
}
"""

PLACES = [
    ("", (1, 1)),
    ("/type", (2, 11)),
    ("/name", (3, 11)),
    ("/fields", (4, 13)),
    ("/fields/0", (5, 5)),
    ("/fields/0/name", (5, 14)),
    ("/fields/1/type/1", (8, 24)),
    ("/x~1y/~0/1", (11, 20)),
    ("/fields/2", None),
    ("/fields/x", None),
    ("/name/x", None),
    ("/nothing", None),
]


@pytest.mark.parametrize(("pointer", "expected"), PLACES)
def test_a_single_look_finds_the_same(pointer: str, expected: tuple[int, int] | None) -> None:
    assert position(TEXT, pointer) == expected


@pytest.mark.parametrize("text", ["", "[", "]", '{"a', '{"a": [1, {"b"', '{"a": }', "\ud800"])
def test_a_broken_text_has_few_places(text: str) -> None:
    assert Index(text).position("/a/1/b") is None


@pytest.mark.parametrize(("pointer", "expected"), PLACES)
def test_a_pointer_is_located_in_the_text(pointer: str, expected: tuple[int, int] | None) -> None:
    assert locate(FORMAT.parse(Source(TEXT), strict=False), pointer) == expected


def apply(text: str, edit: Edit | None) -> str:
    assert edit is not None
    return Fix("x", "", (edit,)).apply(text)


ONE_LINE = '{"a": 1, "b": [1, 2], "c": {}}'
TIGHT = '{"a":1,"b":[1],"c":{"d":2}}'
TALL = '{\n  "a": 1,\n  "b": [\n    1\n  ]\n}'


def test_values_are_replaced() -> None:
    assert apply(ONE_LINE, Text(ONE_LINE).replaced("/b/1", "7")) == '{"a": 1, "b": [1, 7], "c": {}}'
    assert Text(ONE_LINE).replaced("/d", "7") is None
    assert Text(ONE_LINE).replaced(None, "7") is None
    assert Text(ONE_LINE).at("/b") == "[1, 2]"


MEMBERS = [
    (ONE_LINE, "", "z", '{"a": 1, "b": [1, 2], "c": {}, "z": 0}'),
    (ONE_LINE, "", "a", '{"a": 0, "b": [1, 2], "c": {}}'),
    (ONE_LINE, "/c", "z", '{"a": 1, "b": [1, 2], "c": {"z": 0}}'),
    (TIGHT, "", "z", '{"a":1,"b":[1],"c":{"d":2},"z":0}'),
    (TIGHT, "/c", "z", '{"a":1,"b":[1],"c":{"d":2,"z":0}}'),
    (TALL, "", "z", '{\n  "a": 1,\n  "b": [\n    1\n  ],\n  "z": 0\n}'),
    ('{\n  "a": 1 // one\n}', "", "z", '{\n  "a": 1,\n  "z": 0 // one\n}'),
]


@pytest.mark.parametrize(("text", "pointer", "key", "expected"), MEMBERS)
def test_members_are_added_in_the_manner_of_the_text(text: str, pointer: str, key: str, expected: str) -> None:
    assert apply(text, Text(text).member(pointer, key, "0")) == expected


ITEMS = [
    (ONE_LINE, '{"a": 1, "b": [1, 2, 0], "c": {}}'),
    (TIGHT, '{"a":1,"b":[1,0],"c":{"d":2}}'),
    (TALL, '{\n  "a": 1,\n  "b": [\n    1,\n    0\n  ]\n}'),
    ('{"b": []}', '{"b": [0]}'),
]


@pytest.mark.parametrize(("text", "expected"), ITEMS)
def test_items_are_added_in_the_manner_of_the_text(text: str, expected: str) -> None:
    assert apply(text, Text(text).item("/b", "0")) == expected
    assert Text(text).member("/b", "x", "0") is None
    assert Text(text).item("", "0") is None


WITHOUT = [("/b/0", "[2, 3]"), ("/b/1", "[1, 3]"), ("/b/2", "[1, 2]")]


@pytest.mark.parametrize(("pointer", "left"), WITHOUT)
def test_items_are_removed_with_their_comma(pointer: str, left: str) -> None:
    text = '{"b": [1, 2, 3]}'
    assert apply(text, Text(text).without(pointer)) == f'{{"b": {left}}}'
    assert Text(text).without("/b/3") is None
    assert Text(text).without(None) is None
    assert apply('{"b": [1]}', Text('{"b": [1]}').without("/b/0")) == '{"b": []}'
