"""JSON Schemas as types of events. What cannot be seen through stays whole: it is copied where it did not change."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from registry.evolution.upcasts.types import (
    MISSING,
    NULL,
    Anything,
    Array,
    Enum,
    Field,
    Object,
    Opaque,
    Scalar,
    Type,
    Union,
    is_null,
)
from registry.formats.json_schema.plain import Plain, TooLarge, plain
from registry.formats.json_schema.sampling import as_event
from registry.formats.json_schema.schema import JsonSchema

_SEEN = frozenset(
    {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "$ref"}
    | {"minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "allOf"}
)
_DEEPEST = 200


def read(schema: JsonSchema) -> Type:
    """The type of a schema's events."""
    try:
        form = plain(schema.graph)
    except TooLarge:
        return Opaque(schema.canonical, "a schema too large to look into")
    return _Reader(form).type(form.root, 0)


class _Reader:
    def __init__(self, form: Plain) -> None:
        self._form = form
        self._known: dict[int, Type] = {}
        self._open: set[int] = set()

    def type(self, schema: Any, depth: int) -> Type:
        if schema is True or schema == {}:
            return Anything()
        if schema is False or depth > _DEEPEST:
            return Opaque("false", "nothing")
        while set(schema) == {"$ref"}:
            schema = self._form.resolved(schema)
            if isinstance(schema, bool):
                return self.type(schema, depth)
        if id(schema) in self._known:
            return self._known[id(schema)]
        if id(schema) in self._open:  # refers to itself without going into the value
            return self._opaque(schema)
        self._open.add(id(schema))
        made = self._made(schema, depth + 1)
        self._open.discard(id(schema))
        self._known[id(schema)] = made
        return made

    def _opaque(self, schema: Any) -> Opaque:
        return Opaque(self._text(schema))

    def _text(self, schema: Any) -> str:
        """A schema as text, definitions written out once: equal texts accept the same values."""
        names: dict[str, Any] = {}
        todo = [schema]
        while todo:
            each = todo.pop()
            if isinstance(each, dict):
                if isinstance(each.get("$ref"), str) and each["$ref"] not in names:
                    names[each["$ref"]] = self._form.resolved(each)
                    todo.append(names[each["$ref"]])
                todo.extend(each.values())
            elif isinstance(each, list):
                todo.extend(each)
        order = {name: f"#{number}" for number, name in enumerate(names)}

        def renamed(value: Any) -> Any:
            if isinstance(value, dict):
                return {
                    k: order.get(v, v) if k == "$ref" and isinstance(v, str) else renamed(v) for k, v in value.items()
                }
            return [renamed(each) for each in value] if isinstance(value, list) else value

        whole = [renamed(schema), {order[name]: renamed(inner) for name, inner in names.items()}]
        return json.dumps(whole, sort_keys=True, default=str)

    def _made(self, schema: dict[str, Any], depth: int) -> Type:
        if not set(schema) <= _SEEN:
            if set(schema) <= _SEEN | {"patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"}:
                return self._object_asking(schema, depth)
            return self._opaque(schema)
        if "enum" in schema or "const" in schema:
            return self._enum(schema)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternatives(schema, keyword, depth)
        if "allOf" in schema or "$ref" in schema:
            return self._merged(schema, depth)
        stated = schema.get("type")
        if isinstance(stated, list):
            return self._union([self._typed(schema, name, depth) for name in stated])
        if isinstance(stated, str):
            return self._typed(schema, stated, depth)
        if "properties" in schema or "required" in schema:
            # Without a stated type other values are valid, too; an event that is meant is an object.
            return self._opaque(schema)
        return self._opaque(schema)

    def _union(self, kinds: list[Type]) -> Type:
        flat: list[Type] = []
        for each in kinds:
            flat.extend(each.branches if isinstance(each, Union) else [each])
        nulls = [each for each in flat if is_null(each)]
        rest = [each for each in flat if not is_null(each)]
        every = [*rest, *nulls[:1]]
        return every[0] if len(every) == 1 else Union(every)

    def _enum(self, schema: dict[str, Any]) -> Type:
        if not set(schema) <= {"enum", "const", "type"}:
            return self._opaque(schema)
        listed = [schema["const"]] if "const" in schema else schema["enum"]
        if "const" in schema and "enum" in schema:
            return self._opaque(schema)
        values = [as_event(each) for each in listed]
        stated = schema.get("type")
        if stated is not None:
            names = [stated] if isinstance(stated, str) else stated
            values = [each for each in values if _of_type(each, names)]
        if any(isinstance(each, list | dict) for each in values):
            return self._opaque(schema)
        rest = tuple(each for each in values if each is not None)
        if len(rest) == len(values):
            return Enum("", rest)
        return NULL if not rest else Union([Enum("", rest), NULL])

    def _alternatives(self, schema: dict[str, Any], keyword: str, depth: int) -> Type:
        if not set(schema) <= {keyword, "type"}:
            return self._opaque(schema)
        made = self._union([self.type(each, depth) for each in schema[keyword]])
        every: list[Type] = list(made.branches) if isinstance(made, Union) else [made]
        if any(isinstance(each, Anything | Opaque) for each in every):
            return self._opaque(schema)
        if keyword == "oneOf" and _may_overlap(every):
            return self._opaque(schema)
        return made

    def _merged(self, schema: dict[str, Any], depth: int) -> Type:
        """An allOf of objects as one object; anything else stays whole."""
        listed = [*schema.get("allOf", ()), *([{"$ref": schema["$ref"]}] if "$ref" in schema else [])]
        own = {name: value for name, value in schema.items() if name not in ("allOf", "$ref")}
        parts = [self.type(each, depth) for each in listed]
        if own and own != {"type": "object"}:
            if "type" not in own and set(own) <= {"properties", "required"}:
                own = {**own, "type": "object"}
            parts.append(self._made(own, depth))
        if len(parts) == 1:
            return parts[0]
        if not all(isinstance(each, Object) and isinstance(each.others, Anything) for each in parts):
            return self._opaque(schema)
        merged = Object("", [], Anything())
        for part in parts:
            assert isinstance(part, Object)
            merged.asks |= part.asks
            for each in part.fields:
                known = merged.named(each.name)
                if known is None:
                    merged.fields.append(Field(each.name, each.type, each.required, each.default))
                elif isinstance(known.type, Anything):
                    known.type, known.required = each.type, known.required or each.required
                elif isinstance(each.type, Anything):
                    known.required = known.required or each.required
                else:
                    return self._opaque(schema)
        return merged

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Type:
        match name:
            case "object":
                return self._object(schema, depth)
            case "array":
                items = self.type(schema.get("items", True), depth)
                asks = {"uniqueItems"} if schema.get("uniqueItems") else set()
                return Array(items, schema.get("minItems", 0), schema.get("maxItems"), frozenset(asks))
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, name)
            case "null":
                return NULL
            case _:
                return Scalar("boolean", "boolean")

    def _string(self, schema: dict[str, Any]) -> Scalar:
        asks = {f"pattern {schema['pattern']}"} if "pattern" in schema else set()
        asks |= {f"at least {count} long" for count in range(1, min(schema.get("minLength", 0), 50) + 1)}
        return Scalar("string", "string", longest=schema.get("maxLength"), asks=frozenset(asks))

    def _number(self, schema: dict[str, Any], name: str) -> Scalar:
        asks = set()
        low, high = _bound(schema.get("minimum")), _bound(schema.get("maximum"))
        for keyword, sign in (("exclusiveMinimum", 1), ("exclusiveMaximum", -1)):
            if keyword not in schema:
                continue
            limit = schema[keyword]
            if name == "integer" and limit == int(limit):
                if sign == 1:
                    low = max(int(limit) + 1, int(limit) + 1 if low is None else low)
                else:
                    high = min(int(limit) - 1, int(limit) - 1 if high is None else high)
            else:
                asks.add(f"{keyword} {limit}")
        if name == "integer":
            low, high = (None if low is None else math.ceil(low)), (None if high is None else math.floor(high))
        if "multipleOf" in schema and not (name == "integer" and schema["multipleOf"] == 1):
            asks.add(f"multipleOf {schema['multipleOf']}")
        # JSON has one kind of number: 1.0 is an integer, and comes as a float from some parsers.
        return Scalar("int" if name == "integer" else "number", name, low, high, asks=frozenset(asks))

    def _object(self, schema: dict[str, Any], depth: int) -> Object:
        made = Object("")
        if schema.get("type") == "object":
            self._known[id(schema)] = made  # may hold itself
        required = set(schema.get("required", ()))
        for name, inner in schema.get("properties", {}).items():
            made.fields.append(
                Field(name, self.type(inner, depth), name in required, self._default(schema, name, inner))
            )
        declared = set(schema.get("properties", ()))
        others = schema.get("additionalProperties", True)
        made.others = None if others is False else self.type(others, depth)
        for name in sorted(required - declared):
            if made.others is None:
                made.asks |= {f"requires {name}"}
            else:
                made.fields.append(Field(name, made.others, True))
        if schema.get("minProperties", 0) > len(required):
            made.asks |= {f"minProperties {schema['minProperties']}"}
        if "maxProperties" in schema:
            made.asks |= {f"maxProperties {schema['maxProperties']}"}
        return made

    def _object_asking(self, schema: dict[str, Any], depth: int) -> Type:
        """An object with keywords that speak of names or of several members: compared as they are written."""
        if schema.get("type") != "object" or not set(schema) - _SEEN or {"anyOf", "oneOf", "allOf"} & set(schema):
            return self._opaque(schema)
        if "patternProperties" in schema:
            return self._opaque(schema)
        rest = {name: value for name, value in schema.items() if name in _SEEN}
        made = self._object(rest, depth)
        asking = {name: value for name, value in schema.items() if name not in _SEEN}
        made.asks |= {self._text(asking)}
        return made

    def _default(self, schema: dict[str, Any], name: str, inner: Any) -> Any:
        """The default of a property, beside its `$ref` or behind it."""
        place = self._form.places.get(id(schema))
        found: Any = MISSING
        if place is not None:
            written = place.value.get("properties", {}).get(name)
            if isinstance(written, dict) and "default" in written:
                found = written["default"]
        while found is MISSING and isinstance(inner, dict) and set(inner) == {"$ref"}:
            inner = self._form.resolved(inner)
            place = self._form.places.get(id(inner))
            if place is not None and isinstance(place.value, dict) and "default" in place.value:
                found = place.value["default"]
        return found if found is MISSING else _data(found)


def _data(value: Any) -> Any:
    """A JSON value with its numbers as int or float."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _data(each) for name, each in value.items()}
    return [_data(each) for each in value] if isinstance(value, list) else value


def _bound(value: Any) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)


def _of_type(value: Any, names: list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in names
    if value is None:
        return "null" in names
    if isinstance(value, str):
        return "string" in names
    if isinstance(value, int | float):
        return "number" in names or ("integer" in names and value == int(value))
    return ("array" if isinstance(value, list) else "object") in names


def _may_overlap(kinds: list[Type]) -> bool:
    """Whether a value could be of two of the types, so that oneOf refuses it."""
    return any(_meet(one, other) for index, one in enumerate(kinds) for other in kinds[:index])


def _meet(one: Type, other: Type) -> bool:
    first, second = _kinds(one), _kinds(other)
    if not first & second:
        return False
    if isinstance(one, Object) and isinstance(other, Object):
        for each in one.fields:
            match = other.named(each.name)
            if match is not None and each.required and match.required and not _meet(each.type, match.type):
                return False
    if isinstance(one, Enum) and isinstance(other, Enum):
        return any(type(v) is type(w) and v == w for v in one.values for w in other.values)
    return True


def _kinds(node: Type) -> set[str]:
    match node:
        case Scalar():
            return {"number"} if node.kind in ("int", "float", "number") else {node.kind}
        case Enum():
            names = {str: "string", bool: "boolean", int: "number", float: "number"}
            return {names[type(value)] for value in node.values}
        case Array():
            return {"array"}
        case Object():
            return {"object"}
        case Union():
            return set().union(*(_kinds(each) for each in node.branches))
        case _:
            return {"string", "number", "boolean", "array", "object", "null"}
