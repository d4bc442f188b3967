"""Our engines against the ones that Confluent's Python client uses: celpy for CEL, jsonata-python for JSONata."""

from __future__ import annotations

from typing import Any

import celpy
import jsonata as reference
import pytest
from celpy import celtypes
from hypothesis import given, settings
from hypothesis import strategies as st

from tenor.rules import cel, jsonata

SCALARS = {
    "a": st.integers(-1000, 1000),
    "b": st.text("abcxyzé", max_size=6),
    "c": st.booleans(),
    "d": st.integers(-8, 8),
}
MESSAGES = st.fixed_dictionaries(
    {**SCALARS, "f": st.sampled_from([-2.5, -1.0, 0.0, 0.5, 1.0, 1e10]), "l": st.lists(st.integers(-5, 5), max_size=4)}
)
TERMS = [
    "message.a > message.d",
    "message.a + message.d * 2 >= 10",
    "message.f < 1.0",
    "message.f + 0.5 == 1.0",
    "message.b.startsWith('a')",
    "message.b.contains('x')",
    "message.b.endsWith('z')",
    "size(message.b) > 2",
    "message.b == 'abc'",
    "message.b + 'x' != 'abx'",
    "message.b.matches('^[a-c]*$')",
    "message.c",
    "!message.c",
    "message.d in message.l",
    "size(message.l) == 2",
    "message.l.all(x, x > 0)",
    "message.l.exists(x, x == message.d)",
    "message.l.filter(x, x > 0).size() > 1",
    "message.l.map(x, x * 2).exists(x, x == 4)",
    "has(message.a)",
    "has(message.nothing)",
    "message.a % 7 == 3",
    "message.a / 3 > 5",
    "-message.a > 0",
    "string(message.a) == '7'",
    "int(message.f) == 1",
    "double(message.a) > 1.5",
    "(message.c ? message.a : message.d) > 0",
    "message.a == message.d",
    "message.l == [1, 2]",
    "message.b in ['abc', 'xyz']",
    "message.nothing == 1",
    "message.l[0] > 0",
    "message.l.exists_one(x, x == 1)",
    "type(message.a) == int",
]
EXPRESSIONS = st.one_of(
    st.sampled_from(TERMS),
    st.builds("({}) {} ({})".format, st.sampled_from(TERMS), st.sampled_from(["&&", "||"]), st.sampled_from(TERMS)),
    st.builds("!({})".format, st.sampled_from(TERMS)),
)


def typed(value: Any) -> Any:
    match value:
        case bool():
            return celtypes.BoolType(value)
        case int():
            return celtypes.IntType(value)
        case float():
            return celtypes.DoubleType(value)
        case str():
            return celtypes.StringType(value)
        case list():
            return celtypes.ListType(map(typed, value))
    return celtypes.MapType({celtypes.StringType(key): typed(item) for key, item in value.items()})


def verdict(evaluate: Any) -> Any:
    """True, False, or an error, whatever its kind: for a condition that is all there is."""
    try:
        return bool(evaluate())
    except Exception:
        return "error"


ENVIRONMENT = celpy.Environment()


def theirs(expression: str, message: Any) -> Any:
    program = ENVIRONMENT.program(ENVIRONMENT.compile(expression))
    return verdict(lambda: program.evaluate({"message": typed(message)}))


def ours(expression: str, message: Any) -> Any:
    return verdict(lambda: cel.compile(expression)({"message": message}))


def same(expression: str, message: Any) -> None:
    assert ours(expression, message) == theirs(expression, message), (expression, message)


SAMPLE = {"a": 7, "b": "abc", "c": True, "d": 2, "f": 1.0, "l": [1, 2]}


@pytest.mark.parametrize("term", TERMS)
def test_each_term_alone(term: str) -> None:
    same(term, SAMPLE)


@settings(max_examples=200)
@given(EXPRESSIONS, MESSAGES)
def test_random_conditions(expression: str, message: Any) -> None:
    same(expression, message)


def test_where_the_two_differ_the_language_decides() -> None:
    """celpy breaks on what CEL's specification calls false: comparing values of different types."""
    assert (ours("message.a != null", SAMPLE), theirs("message.a != null", SAMPLE)) == (True, "error")


JSONATA = [
    "a",
    "nothing",
    "a + d",
    "a > d",
    "b & '!'",
    "l",
    "l[0]",
    "l[$ > 1]",
    "$sum(l)",
    "$count(l)",
    "$map(l, function($x) {$x * 2})",
    "$merge([$, {'n': a + 1}])",
    "$sift($, function($v, $k) {$k != 'a'})",
    "{'x': a, 'y': {'z': b}}",
    "$uppercase(b)",
    "$string(a)",
    "c ? a : d",
    "[a, d]",
    "$append(l, a)",
    "$exists(nothing)",
    "$not(c)",
    "o.p",
    "o.q.r",
    "o.*",
    "items.sku",
    "items[price > 1].sku",
    "$sum(items.(price * n))",
    "items{sku: price}",
    "$substring(b, 1)",
    "$split(b, 'b')",
    "$join(items.sku, ',')",
    "$sort(l)",
    "$reverse(l)",
    "$distinct(l)",
    "$keys(o)",
    "$lookup(o, 'p')",
    "$number('12')",
    "$round(f, 0)",
    "$abs(a)",
    "$floor(f)",
    "a in l",
    "a = 7 and c",
    "a = 8 or c",
    "$contains(b, 'b')",
    "$length(b)",
    "$type(a)",
    "$spread(o)",
    "$each(o, function($v, $k) {$k})",
    "items^(price).sku",
    "**.sku",
    "$boolean(l)",
    "-a",
    "a % 3",
    "$replace(b, 'b', 'B')",
    "( $t := a * 2; $t + 1 )",
    "items.{'s': sku}",
    "$filter(items, function($i) {$i.n > 1})",
]
DOCUMENT = {
    **SAMPLE,
    "o": {"p": 1, "q": {"r": "s"}},
    "items": [{"sku": "x", "price": 1.5, "n": 2}, {"sku": "y", "price": 1, "n": 1}],
}


@pytest.mark.parametrize("expression", JSONATA)
def test_jsonata_agrees_on_each_kind_of_expression(expression: str) -> None:
    expected = reference.Jsonata(expression).evaluate(DOCUMENT)
    found = jsonata.compile(expression)(DOCUMENT)
    assert found == expected, expression
