"""Exact JSON: reading, printing, identity, pointers, places in the text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidSchema
from registry.formats.json_schema import text

PRINTED = [
    (' { "b" : 1.50 , "a" : [ 1E+2, -0, -0.0 ] } ', '{"b":1.50,"a":[1E+2,-0,-0.0]}'),
    ('"\\u00e9\\u0001\\/\\n\\u2028"', '"é\\u0001/\\n\u2028"'),
    ("9007199254740993", "9007199254740993"),
    ('{"a":1,"a":2}', '{"a":2}'),
    ("\ufefftrue", "true"),
    ("[]", "[]"),
    ("[null,false,{}]", "[null,false,{}]"),
]
REFUSED = [
    ("", 1, 1),
    ('{"a":}', 1, 6),
    ('{"a":1,}', 1, 8),
    ("{\n 'a': 1}", 2, 2),
    ("NaN", None, None),
    ("-Infinity", None, None),
    ("1e99999", None, None),
    ("1e99999999999999999999", None, None),
    ("9" * 5_000, None, None),
    ('"\\ud800"', None, None),
    ('{"\\udfff":1}', None, None),
    ("[" * 401 + "]" * 401, None, None),
    ("[" * 100_000, None, None),
    ("[" + "0," * 500_000 + "0]", None, None),
    ('"' + "x" * text.MAX_CHARACTERS + '"', None, None),
]
EQUAL = [("1", "1.0"), ("1000", "1e3"), ("0.10", "1e-1"), ("0", "-0.0"), ('{"a":1,"b":[2]}', '{"b":[2.0],"a":1}')]
DIFFERENT = [("1", "true"), ("0", "false"), ("1", '"1"'), ("9007199254740992", "9007199254740993"), ("[1,2]", "[2,1]"),
             ("null", "0"), ("{}", "[]"), ("1", "-1"), ("10", "1")]  # fmt: skip


def test_printed_as_it_was_written() -> None:
    for given_, printed in PRINTED:
        assert text.write(text.read(given_)) == printed
        assert text.write(text.read(printed)) == printed


def test_refused_with_a_place() -> None:
    for given_, line, column in REFUSED:
        with pytest.raises(InvalidSchema) as caught:
            text.read(given_)
        assert (caught.value.data["line"], caught.value.data["column"]) == (line, column), given_[:20]


def test_identity_is_json_equality() -> None:
    for one, other in EQUAL:
        assert text.identity(text.read(one)) == text.identity(text.read(other)), (one, other)
    for one, other in DIFFERENT:
        assert text.identity(text.read(one)) != text.identity(text.read(other)), (one, other)


def test_numbers_are_never_floats() -> None:
    value = text.read("[1, 1.5, 1e2, -0]")
    assert [type(item) for item in value] == [int, text.Exact, text.Exact, text.Exact]
    assert value == [1, Decimal("1.5"), 100, 0]
    assert [text.is_integer(item) for item in (1, Decimal("2.0"), Decimal("2.5"), True, "1")] == [
        True,
        True,
        False,
        False,
        False,
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5, alphabet='ab"/~\\é'), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_the_same_value_as_the_standard_library(value: Any) -> None:
    assert json.loads(text.write(text.read(json.dumps(value)))) == value
    assert json.loads(text.write(value, sort=True)) == value
    ordered = text.write(value, sort=True)
    assert text.write(text.read(ordered), sort=True) == ordered


@given(JSON, st.sampled_from([None, 1, "\t"]))
def test_every_value_is_found_in_the_text(value: Any, indent: int | str | None) -> None:
    written = json.dumps(value, indent=indent)
    found = {path: (start, end) for path, start, end, _ in text.spans(written)}
    assert () in found
    for path, (start, end) in found.items():
        assert json.loads(written[start:end]) == text.at(value, path)
        assert text.steps(text.pointer(path)) == path


def test_pointers_lead_nowhere_or_somewhere() -> None:
    value = {"a": [10, {"b": 1}], "": 2, "01": 3}
    assert text.at(value, ("a", "1", "b")) == 1
    assert text.at(value, ("",)) == 2
    assert text.at(value, ("01",)) == 3
    for path in [("a", "2"), ("a", "-"), ("a", "01"), ("a", "-1"), ("x",), ("a", "0", "b"), ("a", "1", "b", "c")]:
        with pytest.raises(LookupError):
            text.at(value, path)


def test_lines_and_columns_count_from_one() -> None:
    written = '{\n  "a": [\n    true\n  ]\n}'
    places = {path: text.line_and_column(written, start) for path, start, _, _ in text.spans(written)}
    assert places == {(): (1, 1), ("a",): (2, 8), ("a", "0"): (3, 5)}
