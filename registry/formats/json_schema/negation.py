"""The ways to violate a schema, each as a schema of its own.

    {"type": "string", "maxLength": 3}  →  {"type": [all others]},  {"type": "string", "minLength": 4}

A value that satisfies the writer and one of the ways is a candidate witness; whether it is one, a validator says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from registry.formats.json_schema import patterns, regexes
from registry.formats.json_schema.facets import EQUAL_ITEMS
from registry.formats.json_schema.plain import Plain
from registry.formats.json_schema.text import Json

_ALL = ("null", "boolean", "number", "string", "array", "object")
_MAX_DEPTH = 30
_NAMES = ("other", "zz", "x-1")


@dataclass(frozen=True, slots=True)
class Violation:
    """One way: a schema of violating values, and the schema and keyword it violates."""

    schema: Json
    of: Json
    keyword: str


@dataclass(slots=True)
class Negation:
    """Lists the violations of one plain schema."""

    plain: Plain
    names: tuple[str, ...] = ()
    """Property names worth trying."""
    indexes: tuple[int, ...] = ()
    """Item positions worth trying: where tuples of the other side end."""
    _open: dict[int, int] = field(default_factory=dict)

    def ways(self, schema: Json | None = None) -> Iterator[Violation]:
        """Every way to violate a schema, near ones before deep ones of the same branch."""
        yield from self._ways(self.plain.root if schema is None else schema, 0)

    def _ways(self, schema: Json, depth: int) -> Iterator[Violation]:
        if schema is False:
            yield Violation(True, schema, "false")
        if type(schema) is bool or depth > _MAX_DEPTH or self._open.get(id(schema), 0) > 1:
            return
        self._open[id(schema)] = self._open.get(id(schema), 0) + 1
        try:
            yield from self._scalars(schema)
            yield from self._own_objects(schema)
            yield from self._own_arrays(schema)
            yield from self._in_place(schema, depth)
            yield from self._members(schema, depth)
            yield from self._items(schema, depth)
        finally:
            self._open[id(schema)] -= 1

    def _scalars(self, schema: Json) -> Iterator[Violation]:
        def way(keyword: str, violating: Json) -> Violation:
            return Violation(violating, schema, keyword)

        if "type" in schema:
            stated = [schema["type"]] if type(schema["type"]) is str else schema["type"]
            others = [name for name in _ALL if name not in stated]
            if "integer" in stated and "number" in others:
                others.remove("number")
                yield way("type", {"type": "number", "not": {"multipleOf": 1}})
            if others:
                yield way("type", {"type": others})
                for name in others if len(others) > 1 else ():
                    yield way("type", {"type": name})
        for keyword in ("enum", "const"):
            if keyword in schema:
                listed = schema[keyword] if keyword == "enum" else [schema[keyword]]
                yield way(keyword, {"not": {"enum": listed}})
        for keyword, opposite in _OPPOSITES.items():
            if keyword in schema:
                yield way(keyword, {"type": "number", opposite: schema[keyword]})
        if "multipleOf" in schema:
            yield way("multipleOf", {"type": "number", "not": {"multipleOf": schema["multipleOf"]}})
        for most, least, kind in _SIZES:
            if most in schema:
                yield way(most, {"type": kind, least: schema[most] + 1})
            if schema.get(least, 0) > 0:
                yield way(least, {"type": kind, most: schema[least] - 1})
        if "pattern" in schema:
            yield way("pattern", {"type": "string", "not": {"pattern": schema["pattern"]}})

    # -------------------------------------------------------------------------------------------------------- objects

    def _own_objects(self, schema: Json) -> Iterator[Violation]:
        for name in schema.get("required", ()):
            yield Violation({"type": "object", "properties": {name: False}}, schema, "required")
        for name, others in schema.get("dependentRequired", {}).items():
            for other in others:
                violating = {"type": "object", "required": [name], "properties": {other: False}}
                yield Violation(violating, schema, "dependentRequired")
        if "propertyNames" in schema:
            for name in (*self.names, *_NAMES, "", "a"):
                violating = {"type": "object", "required": [name], "not": {"propertyNames": schema["propertyNames"]}}
                yield Violation(violating, schema, "propertyNames")
            for way in self._ways(schema["propertyNames"], _MAX_DEPTH - 2):
                yield Violation(
                    {"type": "object", "minProperties": 1, "propertyNames": way.schema}, schema, "propertyNames"
                )

    def _members(self, schema: Json, depth: int) -> Iterator[Violation]:
        declared, patterned = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, each in declared.items():
            yield from self._below(schema, "properties", name, each, depth)
        for pattern, each in patterned.items():
            for name in self._matching(pattern):
                yield from self._below(schema, "patternProperties", name, each, depth)
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if keyword in schema:
                for name in (*self.names, *_NAMES):
                    if name not in declared and not any(patterns.matches(pattern, name) for pattern in patterned):
                        yield from self._below(schema, keyword, name, schema[keyword], depth)
        for name, each in schema.get("dependentSchemas", {}).items():
            for way in self._ways(each, depth + 1):
                violating = {"allOf": [{"type": "object", "required": [name]}, way.schema]}
                yield _owned(way, violating, schema, "dependentSchemas")

    def _below(self, owner: Json, keyword: str, name: str, schema: Json, depth: int) -> Iterator[Violation]:
        for way in self._ways(schema, depth + 1):
            inner = {"type": "object", "required": [name], "properties": {name: way.schema}}
            yield _owned(way, inner, owner, keyword)

    def _matching(self, pattern: str) -> list[str]:
        sampled = [regexes.sample(pattern, Random(seed)) for seed in range(3)]  # noqa: S311 # always the same ones
        named = [*self.names, *(name for name in sampled if name is not None)]
        return [name for name in dict.fromkeys(named) if patterns.matches(pattern, name)]

    # --------------------------------------------------------------------------------------------------------- arrays

    def _own_arrays(self, schema: Json) -> Iterator[Violation]:
        if "uniqueItems" in schema:
            yield Violation({"type": "array", EQUAL_ITEMS: True}, schema, "uniqueItems")
        if "contains" in schema:
            contained, least = schema["contains"], schema.get("minContains", 1)
            if least > 0:
                yield Violation({"type": "array", "maxItems": least - 1}, schema, "contains")
                yield Violation({"type": "array", "minItems": 1, "items": {"not": contained}}, schema, "contains")
                fewer = {"type": "array", "contains": contained, "minContains": least - 1, "maxContains": least - 1}
                yield Violation(fewer, schema, "contains")
                for way in self._ways(contained, _MAX_DEPTH - 3):
                    yield Violation({"type": "array", "minItems": 1, "items": way.schema}, schema, "contains")
            if "maxContains" in schema:
                more = {"type": "array", "contains": contained, "minContains": schema["maxContains"] + 1}
                yield Violation(more, schema, "maxContains")

    def _items(self, schema: Json, depth: int) -> Iterator[Violation]:
        prefix = schema.get("prefixItems", ())
        for index, each in enumerate(prefix):
            yield from self._at(schema, "prefixItems", index, each, depth)
        for keyword in ("items", "unevaluatedItems"):
            if keyword in schema:
                for index in dict.fromkeys((len(prefix), *self.indexes)):
                    if index >= len(prefix):
                        yield from self._at(schema, keyword, index, schema[keyword], depth)

    def _at(self, owner: Json, keyword: str, index: int, schema: Json, depth: int) -> Iterator[Violation]:
        for way in self._ways(schema, depth + 1):
            inner = {"type": "array", "minItems": index + 1, "prefixItems": [*([True] * index), way.schema]}
            yield _owned(way, inner, owner, keyword)

    # --------------------------------------------------------------------------------------------------- combinations

    def _in_place(self, schema: Json, depth: int) -> Iterator[Violation]:
        if "$ref" in schema:
            yield from self._ways(self.plain.resolved(schema), depth)
        for each in schema.get("allOf", ()):
            yield from self._ways(each, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                yield from self._none_of(schema, schema[keyword], depth)
        branches = schema.get("oneOf", ())
        for index, one in enumerate(branches[:40]):
            for other in branches[index + 1 : 40]:
                yield Violation({"allOf": [one, other]}, schema, "oneOf")
        if "not" in schema:
            yield Violation({"allOf": [schema["not"]]}, schema, "not")
        if "if" in schema:
            for way in self._ways(schema.get("then", True), depth + 1):
                yield Violation({"allOf": [schema["if"], way.schema]}, way.of, way.keyword)
            for way in self._ways(schema.get("else", True), depth + 1):
                yield Violation({"allOf": [{"not": schema["if"]}, way.schema]}, way.of, way.keyword)

    def _none_of(self, schema: Json, branches: list[Json], depth: int) -> Iterator[Violation]:
        """A value that no branch accepts: one that violates a branch in some way, and the others in any."""
        for index, branch in enumerate(branches):
            others = [{"not": other} for position, other in enumerate(branches) if position != index]
            for way in self._ways(branch, depth + 1):
                yield Violation({"allOf": [way.schema, *others]}, way.of, way.keyword)


def _owned(way: Violation, violating: Json, owner: Json, keyword: str) -> Violation:
    """A way further in, seen from outside; what violates `false` violates the keyword that holds it."""
    return Violation(violating, owner, keyword) if way.of is False else Violation(violating, way.of, way.keyword)


_OPPOSITES = {
    "maximum": "exclusiveMinimum",
    "minimum": "exclusiveMaximum",
    "exclusiveMaximum": "minimum",
    "exclusiveMinimum": "maximum",
}
_SIZES = (
    ("maxLength", "minLength", "string"),
    ("maxItems", "minItems", "array"),
    ("maxProperties", "minProperties", "object"),
)
