"""A NaN never goes out as null, wherever a schema takes null."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenor import Schema, codecs
from tenor.codecs import DEFAULTS
from tenor.codecs.json_nulls import finite_where_null
from tenor.errors import InvalidEvent

NAN = float("nan")
OPTIONAL = {"type": ["null", "string"]}


def closed(typed: bool = True, **properties: Any) -> dict[str, Any]:
    kind = {"type": "object"} if typed else {}
    return {**kind, "properties": properties, "additionalProperties": False}


FLAT = closed(a=OPTIONAL, b={"type": "number"}, c={"enum": ["x", 1]}, d={"type": ["number", "null"]})
DEEP = closed(o=closed(a=OPTIONAL, p=closed(a=OPTIONAL)), b={"type": "integer"})
OPEN: list[Any] = [
    True,
    {},
    {"type": "string"},
    {**FLAT, "additionalProperties": True},
    {**FLAT, "patternProperties": {"x": {}}},
    {**FLAT, "$ref": "#/definitions/x"},
    closed(a={}),
    closed(a={"enum": [None, 1]}),
    closed(a={"type": "array"}),
    closed(a={"type": "object"}),
    closed(a={"$ref": "#/definitions/x", "type": "string"}),
    closed(a=closed(typed=False, b=OPTIONAL)),
    closed(a={"type": 7}),
    closed(**{f"f{n}": OPTIONAL for n in range(40)}),
]


@pytest.mark.parametrize("schema", OPEN, ids=lambda schema: json.dumps(schema)[:60])
def test_a_schema_that_does_not_tell_is_not_believed(schema: Any) -> None:
    assert finite_where_null(schema) is None


@pytest.mark.parametrize(
    ("schema", "event", "finite"),
    [
        (FLAT, {"a": None}, True),
        (FLAT, {"a": NAN}, False),
        (FLAT, {"d": math.inf}, False),
        (FLAT, {}, True),
        (closed(typed=False, a=OPTIONAL), {"a": None}, True),
        (closed(typed=False, a=OPTIONAL), NAN, False),
        (DEEP, {"o": {"a": None, "p": {"a": -math.inf}}}, False),
        (DEEP, {"o": {"a": None}}, True),
        (DEEP, [], False),
    ],
    ids=repr,
)
def test_the_places_of_null_are_looked_at(schema: Any, event: Any, finite: bool) -> None:
    test = finite_where_null(schema)
    assert test is not None
    assert test(event) is finite


floats = st.sampled_from([None, "x", "null", 1, 1.5, NAN, math.inf, -math.inf, True])


@given(st.dictionaries(st.sampled_from("abcd"), floats), st.booleans())
def test_what_is_written_reads_back_the_same(event: dict[str, Any], typed: bool) -> None:
    for schema in (
        {**FLAT} if typed else closed(typed=False, **FLAT["properties"]),
        closed(o=FLAT),
        {"properties": {}},
    ):
        given_event = {"o": event} if "o" in schema["properties"] else event
        write = codecs.compile(Schema(json.dumps(schema), "JSON"), {}, DEFAULTS).writer(b"")
        try:
            data = write(given_event)
        except InvalidEvent:
            continue
        assert json.loads(data) == given_event
