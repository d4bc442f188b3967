"""Each of the 131 kinds of difference: a pair that shows it, and its weight."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.formats.base import Policy, Severity, Source
from registry.formats.json_schema import FORMAT, JsonSchema
from registry.formats.json_schema.compare import Comparison
from registry.formats.json_schema.differing import ADVICE, WARNINGS
from registry.formats.json_schema.kinds import KINDS, Weight, breaks

# text, number, whole number, boolean
S, N, W, B = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}
D19 = {"$schema": "https://json-schema.org/draft/2019-09/schema"}
D20 = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def typed(name: str, **keywords: Any) -> dict[str, Any]:
    return {"type": name, **keywords}


def obj(properties: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    return {"type": "object", **({"properties": properties} if properties is not None else {}), **keywords}


def closed(properties: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return obj(properties, additionalProperties=False, **keywords)


def partly(properties: dict[str, Any], rest: Any = S, **keywords: Any) -> dict[str, Any]:
    return obj(properties, additionalProperties=rest, **keywords)


def needs(*names: str) -> dict[str, Any]:
    return obj(dependencies={"a": list(names)})


def arr(*items: Any, **keywords: Any) -> dict[str, Any]:
    return {"type": "array", **({"items": list(items)} if items else {}), **keywords}


def later(**keywords: Any) -> dict[str, Any]:
    return {**D20, **keywords}


def bounds(prefix: str, keyword: str, base: dict[str, Any], low: float = 2, high: float = 5) -> list[Any]:
    """Added, removed, increased, decreased."""
    return [
        (base, {**base, keyword: low}, {f"{prefix}_ADDED #/{keyword}"}),
        ({**base, keyword: low}, base, {f"{prefix}_REMOVED #/{keyword}"}),
        ({**base, keyword: low}, {**base, keyword: high}, {f"{prefix}_INCREASED #/{keyword}"}),
        ({**base, keyword: high}, {**base, keyword: low}, {f"{prefix}_DECREASED #/{keyword}"}),
    ]


CM = "_CONTENT_MODEL"
CONTAINS = {**D20, "type": "array", "contains": {"const": 1}}

# writer, reader, every difference: kind and path
PAIRS: list[tuple[Any, Any, set[str]]] = [
    # annotations
    ({"$id": "http://x.test/a", **S}, {"$id": "http://x.test/b", **S}, {"ID_CHANGED #/"}),
    ({**S, "title": "a", "description": "b"}, S, {"TITLE_CHANGED #/", "DESCRIPTION_CHANGED #/"}),
    ({**S, "default": "a"}, {**S, "default": "b"}, {"DEFAULT_CHANGED #/"}),
    # types
    (typed("array", items=S), typed("array"), {"SCHEMA_REMOVED #/items"}),
    (typed("array"), typed("array", items=S), {"SCHEMA_ADDED #/items"}),
    (typed("array"), typed("array", items={}), set()),
    (W, N, {"TYPE_EXTENDED #/"}),
    (N, W, {"TYPE_NARROWED #/"}),
    (S, W, {"TYPE_CHANGED #/"}),
    ({"maxLength": 3}, {"type": "string", "maxLength": 3}, {"TYPE_NARROWED #/"}),
    ({"type": "string", "maxLength": 3}, {"maxLength": 3}, set()),
    (S, {}, set()),
    ({}, S, {"TYPE_CHANGED #/"}),
    (False, S, set()),
    (S, False, {"TYPE_CHANGED #/"}),
    (S, {**S, "minimum": 3}, {"TYPE_CHANGED #/"}),  # a keyword of another type makes it an allOf of two
    ({**D20, **S}, {**D20, **S, "minimum": 3}, set()),
    ({"type": "number", "connect.type": "bytes"}, {"type": "string", "connect.type": "bytes"}, set()),
    # strings
    *bounds("MAX_LENGTH", "maxLength", S),
    *bounds("MIN_LENGTH", "minLength", S),
    ({**S, "pattern": "a"}, S, {"PATTERN_REMOVED #/pattern"}),
    (S, {**S, "pattern": "a"}, {"PATTERN_ADDED #/pattern"}),
    ({**S, "pattern": "a"}, {**S, "pattern": "b"}, {"PATTERN_CHANGED #/pattern"}),
    # numbers
    *bounds("MAXIMUM", "maximum", N),
    *bounds("MINIMUM", "minimum", N),
    *bounds("EXCLUSIVE_MAXIMUM", "exclusiveMaximum", N),
    *bounds("EXCLUSIVE_MINIMUM", "exclusiveMinimum", N),
    # the reference compares the old exclusive bound with the new plain one
    ({**N, "exclusiveMaximum": 9}, {**N, "exclusiveMaximum": 5, "maximum": 9}, {"MAXIMUM_ADDED #/maximum"}),
    (
        {**N, "exclusiveMaximum": 9, "maximum": 8},
        {**N, "exclusiveMaximum": 5, "maximum": 8},
        {"EXCLUSIVE_MAXIMUM_DECREASED #/exclusiveMaximum"},
    ),
    ({**N, "maximum": 2**53}, {**N, "maximum": 2**53 + 1}, {"MAXIMUM_INCREASED #/maximum"}),
    ({**N, "multipleOf": 2}, N, {"MULTIPLE_OF_REMOVED #/multipleOf"}),
    (N, {**N, "multipleOf": 2}, {"MULTIPLE_OF_ADDED #/multipleOf"}),
    ({**N, "multipleOf": 2}, {**N, "multipleOf": 4}, {"MULTIPLE_OF_EXPANDED #/multipleOf"}),
    ({**N, "multipleOf": 0.3}, {**N, "multipleOf": 0.1}, {"MULTIPLE_OF_REDUCED #/multipleOf"}),
    ({**N, "multipleOf": 2}, {**N, "multipleOf": 3}, {"MULTIPLE_OF_CHANGED #/multipleOf"}),
    # enum and const
    ({"enum": [1, "a"]}, {"enum": ["a", 1.0, True]}, {"ENUM_ARRAY_EXTENDED #/enum"}),
    ({"enum": [1, True]}, {"enum": [1]}, {"ENUM_ARRAY_NARROWED #/enum"}),
    ({"enum": [1, 2]}, {"enum": [1, 3]}, {"ENUM_ARRAY_CHANGED #/enum"}),
    ({"enum": [{"a": 1, "b": [2]}]}, {"enum": [{"b": [2.0], "a": 1}]}, set()),
    ({"const": 1}, {"const": 1.0}, set()),
    ({"const": 1}, {"const": True}, {"TYPE_CHANGED #/"}),
    ({"const": 1}, {"enum": [1]}, {"TYPE_CHANGED #/"}),
    # objects
    *bounds("MAX_PROPERTIES", "maxProperties", obj()),
    *bounds("MIN_PROPERTIES", "minProperties", obj()),
    (obj({"a": S}, required=["a"]), obj({"a": S}), {"REQUIRED_ATTRIBUTE_REMOVED #/required/a"}),
    (obj({"a": S}), obj({"a": S}, required=["a"]), {"REQUIRED_ATTRIBUTE_ADDED #/required/a"}),
    (
        obj({"a": {**S, "default": ""}}),
        obj({"a": {**S, "default": ""}}, required=["a"]),
        {"REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED #/required/a"},
    ),
    (obj({"a": W}), obj({"a": N}), {"TYPE_EXTENDED #/properties/a"}),
    (obj(), obj({"a": {}}), {f"PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN{CM} #/properties/a"}),
    (obj(), obj({"a": {}}, required=["a"]), {f"REQUIRED_PROPERTY_ADDED_TO_OPEN{CM} #/properties/a"}),
    (obj(), obj({"a": S}), {f"OPTIONAL_PROPERTY_ADDED_TO_OPEN{CM} #/properties/a"}),
    (
        obj(),
        obj({"a": {**S, "default": ""}}, required=["a"]),
        {f"REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN{CM} #/properties/a"},
    ),
    (closed({}), closed({"a": S}), {f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/a"}),
    (closed({}), closed({"a": S}, required=["a"]), {f"REQUIRED_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/a"}),
    (
        closed({}),
        closed({"a": {**S, "default": ""}}, required=["a"]),
        {f"REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN{CM} #/properties/a"},
    ),
    (
        partly({}),
        partly({"a": {**S, "title": "t"}}),
        {
            f"PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/properties/a",
            f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/a",
        },
    ),
    (
        partly({}),
        partly({"a": W}),
        {
            f"PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN{CM} #/properties/a",
            f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/a",
            "TYPE_CHANGED #/properties/a",
        },
    ),
    (obj({"a": S}), obj({}), {f"PROPERTY_REMOVED_FROM_OPEN{CM} #/properties/a"}),
    (closed({"a": S}), closed({}), {f"PROPERTY_REMOVED_FROM_CLOSED{CM} #/properties/a"}),
    (closed({"a": False}), closed({}), {f"PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED{CM} #/properties/a"}),
    (partly({"a": S}), partly({}), {f"PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/properties/a"}),
    (
        partly({"a": W}),
        partly({}),
        {f"PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN{CM} #/properties/a", "TYPE_CHANGED #/properties/a"},
    ),
    # a pattern that matches the name covers it, one that does not leaves it to additionalProperties
    (
        obj({}, patternProperties={"^a": W}, additionalProperties=False),
        obj({"ab": N, "c": S}, patternProperties={"^a": W}, additionalProperties=False),
        {
            f"PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/properties/ab",
            f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/ab",
            f"PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/properties/c",
            f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/c",
        },
    ),
    (closed({}), obj({}), {"ADDITIONAL_PROPERTIES_ADDED #/additionalProperties"}),
    (partly({}), obj({}), {"ADDITIONAL_PROPERTIES_EXTENDED #/additionalProperties"}),
    (obj({}), closed({}), {"ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"}),
    (obj({}), partly({}), {"ADDITIONAL_PROPERTIES_NARROWED #/additionalProperties"}),
    (partly({}, N), partly({}, W), {"TYPE_NARROWED #/additionalProperties"}),
    (
        later(**obj({}, unevaluatedProperties=False)),
        later(**obj({})),
        {"UNEVALUATED_PROPERTIES_ADDED #/unevaluatedProperties"},
    ),
    (
        later(**obj({}, unevaluatedProperties=S)),
        later(**obj({})),
        {"UNEVALUATED_PROPERTIES_EXTENDED #/unevaluatedProperties"},
    ),
    (
        later(**obj({})),
        later(**obj({}, unevaluatedProperties=False)),
        {"UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties"},
    ),
    (
        later(**obj({})),
        later(**obj({}, unevaluatedProperties=S)),
        {"UNEVALUATED_PROPERTIES_NARROWED #/unevaluatedProperties"},
    ),
    # what allOf leaves unevaluated counts as the content model of its branches
    (
        later(allOf=[obj({"a": S})], unevaluatedProperties=False),
        later(allOf=[obj({"a": S, "b": S})], unevaluatedProperties=False),
        {f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/allOf/0/allOf/0/properties/b"},
    ),
    (
        later(allOf=[obj({"a": S, "b": S})], unevaluatedProperties=False),
        later(allOf=[obj({"a": S})], unevaluatedProperties=False),
        {"COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"},
    ),
    (needs("b", "c"), needs("b"), {"DEPENDENCY_ARRAY_NARROWED #/dependencies/a"}),
    (needs("b"), obj(), {"DEPENDENCY_ARRAY_REMOVED #/dependencies/a"}),
    (obj(), needs("b"), {"DEPENDENCY_ARRAY_ADDED #/dependencies/a"}),
    (needs("b"), needs("b", "c"), {"DEPENDENCY_ARRAY_EXTENDED #/dependencies/a"}),
    (needs("b"), needs("c"), {"DEPENDENCY_ARRAY_CHANGED #/dependencies/a"}),
    (obj(dependencies={"a": obj()}), obj(), {"DEPENDENCY_SCHEMA_REMOVED #/dependencies/a"}),
    (obj(), obj(dependencies={"a": obj()}), {"DEPENDENCY_SCHEMA_ADDED #/dependencies/a"}),
    (
        obj(dependencies={"a": obj(minProperties=2)}),
        obj(dependencies={"a": obj(minProperties=1)}),
        {"MIN_PROPERTIES_DECREASED #/dependencies/a/minProperties"},
    ),
    (later(**obj()), later(**obj(dependentRequired={"a": ["b"]})), {"DEPENDENCY_ARRAY_ADDED #/dependencies/a"}),
    (later(**obj()), later(**obj(dependentSchemas={"a": obj()})), {"DEPENDENCY_SCHEMA_ADDED #/dependencies/a"}),
    (obj({}, reserved=["a"]), obj({}), {"RESERVED_PROPERTY_REMOVED #/reserved/a"}),
    (
        closed({}, reserved=["a"]),
        closed({"a": S}, reserved=["a"]),
        {
            "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY #/properties/a",
            f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{CM} #/properties/a",
        },
    ),
    # arrays
    *bounds("MAX_ITEMS", "maxItems", arr()),
    *bounds("MIN_ITEMS", "minItems", arr()),
    *bounds("MAX_CONTAINS", "maxContains", CONTAINS),
    (CONTAINS, {**CONTAINS, "minContains": 2}, {"MIN_CONTAINS_INCREASED #/minContains"}),
    ({**CONTAINS, "minContains": 2}, CONTAINS, {"MIN_CONTAINS_DECREASED #/minContains"}),
    (CONTAINS, {**CONTAINS, "minContains": 0}, {"SCHEMA_REMOVED #/contains"}),
    ({**CONTAINS, "minContains": 0}, CONTAINS, {"SCHEMA_ADDED #/contains"}),
    ({**CONTAINS, "contains": W}, {**CONTAINS, "contains": N}, {"TYPE_EXTENDED #/contains"}),
    (typed("array", uniqueItems=True), arr(), {"UNIQUE_ITEMS_REMOVED #/uniqueItems"}),
    (arr(), typed("array", uniqueItems=True), {"UNIQUE_ITEMS_ADDED #/uniqueItems"}),
    (arr(S), arr(S, {}), {f"ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN{CM} #/items/1"}),
    (arr(S), arr(S, W), {f"ITEM_ADDED_TO_OPEN{CM} #/items/1"}),
    (arr(S, additionalItems=False), arr(S, W, additionalItems=False), {f"ITEM_ADDED_TO_CLOSED{CM} #/items/1"}),
    (
        arr(S, additionalItems=W),
        arr(S, N, additionalItems=W),
        {f"ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/items/1"},
    ),
    (
        arr(S, additionalItems=W),
        arr(S, S, additionalItems=W),
        {f"ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN{CM} #/items/1", "TYPE_CHANGED #/items/1"},
    ),
    (arr(S, W), arr(S), {f"ITEM_REMOVED_FROM_OPEN{CM} #/items/1"}),
    (arr(S, W, additionalItems=False), arr(S, additionalItems=False), {f"ITEM_REMOVED_FROM_CLOSED{CM} #/items/1"}),
    (
        arr(S, False, additionalItems=False),
        arr(S, additionalItems=False),
        {f"ITEM_WITH_FALSE_REMOVED_FROM_CLOSED{CM} #/items/1"},
    ),
    (
        arr(S, W, additionalItems=N),
        arr(S, additionalItems=N),
        {f"ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/items/1"},
    ),
    (
        arr(S, S, additionalItems=N),
        arr(S, additionalItems=N),
        {f"ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN{CM} #/items/1", "TYPE_CHANGED #/items/1"},
    ),
    (arr(S, additionalItems=False), arr(S), {"ADDITIONAL_ITEMS_ADDED #/additionalItems"}),
    (arr(S, additionalItems=S), arr(S), {"ADDITIONAL_ITEMS_EXTENDED #/additionalItems"}),
    (arr(S), arr(S, additionalItems=False), {"ADDITIONAL_ITEMS_REMOVED #/additionalItems"}),
    (arr(S), arr(S, additionalItems=S), {"ADDITIONAL_ITEMS_NARROWED #/additionalItems"}),
    (later(**typed("array", unevaluatedItems=False)), later(**arr()), {"UNEVALUATED_ITEMS_ADDED #/unevaluatedItems"}),
    (later(**typed("array", unevaluatedItems=S)), later(**arr()), {"UNEVALUATED_ITEMS_EXTENDED #/unevaluatedItems"}),
    (later(**arr()), later(**typed("array", unevaluatedItems=False)), {"UNEVALUATED_ITEMS_REMOVED #/unevaluatedItems"}),
    (later(**arr()), later(**typed("array", unevaluatedItems=S)), {"UNEVALUATED_ITEMS_NARROWED #/unevaluatedItems"}),
    (
        later(**typed("array", items=W)),
        later(**typed("array", prefixItems=[N], items=W)),
        {f"ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN{CM} #/prefixItems/0"},
    ),
    (
        later(**typed("array", prefixItems=[S])),
        later(**typed("array", prefixItems=[S], items=False)),
        {"ADDITIONAL_ITEMS_REMOVED #/items"},
    ),
    # combinations
    ({"oneOf": [S, W]}, {"anyOf": [S, W]}, {"COMBINED_TYPE_EXTENDED #/"}),
    ({"anyOf": [S, W]}, {"oneOf": [S, W]}, {"COMBINED_TYPE_CHANGED #/"}),
    ({"anyOf": [S, W]}, {"allOf": [S, W]}, {"COMBINED_TYPE_CHANGED #/"}),
    ({"allOf": [S]}, {"oneOf": [S, W]}, {"COMBINED_TYPE_EXTENDED #/", "SUM_TYPE_EXTENDED #/"}),
    ({"allOf": [S, {"maxLength": 3}]}, {"anyOf": [S]}, {"COMBINED_TYPE_EXTENDED #/", "PRODUCT_TYPE_NARROWED #/"}),
    ({"anyOf": [W, B]}, {"anyOf": [B, N]}, {"TYPE_EXTENDED #/anyOf/0"}),
    ({"anyOf": [S, W]}, {"anyOf": [S, B]}, {"COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"}),
    ({"anyOf": [S, S]}, {"anyOf": [S]}, set()),
    ({"oneOf": [S]}, {"oneOf": [S, W]}, {"SUM_TYPE_EXTENDED #/"}),
    ({"oneOf": [S, W]}, {"oneOf": [S]}, {"SUM_TYPE_NARROWED #/"}),
    ({"allOf": [S]}, {"allOf": [S, {"maxLength": 3}]}, {"PRODUCT_TYPE_EXTENDED #/"}),
    ({"allOf": [S, {"maxLength": 3}]}, {"allOf": [S]}, {"PRODUCT_TYPE_NARROWED #/"}),
    ({"allOf": [S, {"maxLength": 3}]}, S, {"PRODUCT_TYPE_NARROWED #/"}),
    (S, {"allOf": [S, {"maxLength": 3}]}, {"TYPE_CHANGED #/"}),
    (S, {"oneOf": [S, W]}, {"SUM_TYPE_EXTENDED #/"}),
    (S, {"type": ["string", "null"]}, {"SUM_TYPE_EXTENDED #/"}),
    ({"type": ["string", "null"]}, S, {"TYPE_CHANGED #/"}),
    (S, {"anyOf": [S]}, set()),
    ({"oneOf": [{**S, "maxLength": 3}]}, {**S, "maxLength": 2}, {"MAX_LENGTH_DECREASED #/maxLength"}),
    ({**S, "enum": ["a"]}, {**S, "enum": ["a", "b"]}, {"ENUM_ARRAY_EXTENDED #/allOf/0/enum"}),
    ({**S, "enum": ["a"]}, S, {"PRODUCT_TYPE_NARROWED #/"}),
    ({"not": {**S, "maxLength": 5}}, {"not": {**S, "maxLength": 3}}, {"NOT_TYPE_NARROWED #/not"}),
    ({"not": {**S, "maxLength": 3}}, {"not": {**S, "maxLength": 5}}, {"NOT_TYPE_EXTENDED #/not"}),
    ({"if": S, "then": {"maxLength": 3}}, {"if": S, "then": {"maxLength": 2}}, set()),
    ({"if": S, "then": {"maxLength": 3}}, {"if": S, "else": {"minimum": 2}}, {"TYPE_CHANGED #/"}),
    (obj({}), obj({}, **{"if": S, "then": {}}), {"TYPE_CHANGED #/"}),
    # beside a $ref nothing counts up to draft-07, everything does later
    (
        {"definitions": {"s": S}, "properties": {"a": {"$ref": "#/definitions/s", "maxLength": 3}}},
        {"definitions": {"s": S}, "properties": {"a": {"$ref": "#/definitions/s"}}},
        set(),
    ),
    (
        {**D19, "$defs": {"s": S}, "properties": {"a": {"$ref": "#/$defs/s"}}},
        {**D19, "$defs": {"s": S}, "properties": {"a": {"$ref": "#/$defs/s", "maxLength": 3}}},
        {"TYPE_CHANGED #/properties/a"},
    ),
]  # fmt: skip

UNREACHED = {
    # The reference has names for these; a missing minContains means 1, so one is never only added or removed.
    "MIN_CONTAINS_ADDED",
    "MIN_CONTAINS_REMOVED",
}


def parse(value: Any) -> JsonSchema:
    return FORMAT.parse(Source(json.dumps(value)))


def differences(writer: Any, reader: Any, policy: Policy = Policy.STRICT) -> set[str]:
    old, new = parse(writer).graph.root, parse(reader).graph.root
    comparison = Comparison(policy)
    comparison.accepts(old, new)
    return {f"{each.kind} {each.path}" for each in comparison.differences(old, new) if each.kind not in WARNINGS}


def test_every_pair_shows_its_differences() -> None:
    for writer, reader, expected in PAIRS:
        assert differences(writer, reader) == expected, (writer, reader)


def test_findings_are_the_differences_that_break() -> None:
    for writer, reader, expected in PAIRS:
        for policy in Policy:
            found = parse(reader).findings(parse(writer), policy)
            errors = {f"{each.rule} {each.path}" for each in found if each.severity is Severity.ERROR}
            every = expected if policy is Policy.STRICT else differences(writer, reader, policy)
            assert errors == {each for each in every if breaks(each.split()[0], policy)}, (writer, reader, policy)


def test_every_kind_is_shown_by_a_pair() -> None:
    shown = {each.split()[0] for _, _, expected in PAIRS for each in expected}
    assert shown == KINDS.keys() - UNREACHED


def test_the_kinds_are_those_of_the_reference() -> None:
    weights = [kind.weight for kind in KINDS.values()]
    assert (len(weights), weights.count(Weight.FINE), weights.count(Weight.BREAKS)) == (131, 65, 57)
    assert all(kind.explanation and "{path}" in kind.sentence for kind in KINDS.values())
    assert WARNINGS.keys() == ADVICE.keys()
    assert not WARNINGS.keys() & KINDS.keys()


@pytest.mark.parametrize("policy", list(Policy))
def test_a_schema_is_compatible_with_itself(policy: Policy) -> None:
    for writer, reader, _ in PAIRS:
        for each in (writer, reader):
            # Spaces make it another text, so that the comparison is not cut short.
            spaced = FORMAT.parse(Source(json.dumps(each, indent=1) + " "))
            found = parse(each).findings(spaced, policy)
            # A schema may contradict its own reservation.
            assert {finding.rule for finding in found} <= {"RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY"}, each


def test_where_a_finding_stands_in_both_texts() -> None:
    writer = parse(obj({"a/b": arr(S, obj({"x": {**S, "maxLength": 5}}))}))
    reader = parse(obj({"a/b": arr(S, obj({"x": {**S, "maxLength": 3}}))}))
    (finding,) = reader.findings(writer)
    assert finding.path == "#/properties/a/b/items/1/properties/x/maxLength"
    assert finding.reader_path == finding.writer_path == "/properties/a~1b/items/1/properties/x/maxLength"
    assert (finding.reader_value, finding.writer_value) == ("3", "5")
    assert finding.told().startswith(f"At '{finding.path}' the maxLength of the new schema is smaller")
    assert "of the old schema is smaller" in finding.told(forward=True)
    removed = parse(closed({"a": S})).findings(parse(closed({"a": S, "b": W})))
    assert [(each.reader_path, each.writer_path) for each in removed] == [("/additionalProperties", "/properties/b")]
