"""Whether an event is valid under a schema in plain form: exact numbers, a bounded number of steps.

The judge of candidates while searching; what is shown to people was also judged by jsonschema-rs. Where a pattern
can't be tried, or steps run out, there is no answer: Undecided is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from registry.formats.json_schema import patterns
from registry.formats.json_schema.plain import Plain
from registry.formats.json_schema.text import Json, identity

MAX_STEPS = 50_000
_MAX_DEPTH = 250


class Undecided(Exception):
    """The event can't be judged."""


@dataclass(slots=True)
class Seen:
    """What a schema has evaluated of an object or array: names, and how many leading items (and which others)."""

    names: set[str] = field(default_factory=set)
    items: set[int] = field(default_factory=set)

    def add(self, other: Seen) -> None:
        self.names |= other.names
        self.items |= other.items


def types_of(value: Json) -> tuple[str, ...]:
    """The type names a value answers to."""
    if type(value) is bool:
        return ("boolean",)
    if value is None:
        return ("null",)
    if type(value) is str:
        return ("string",)
    if type(value) is dict:
        return ("object",)
    if type(value) is list:
        return ("array",)
    whole = type(value) is int or value == _exact(value).to_integral_value()
    return ("number", "integer") if whole else ("number",)


def _exact(value: Json) -> Decimal:
    # A float of an event means the number its JSON text shows.
    return Decimal(repr(value)) if type(value) is float else Decimal(value)


@dataclass(slots=True)
class Validity:
    """Judges events under one schema, or under subschemas of it."""

    plain: Plain
    limit: int = MAX_STEPS
    _steps: int = 0
    _open: set[tuple[int, int]] = field(default_factory=set)

    def holds(self, event: Json, schema: Json | None = None) -> bool:
        """Whether an event is valid. Raises Undecided."""
        self._steps = 0
        self._open.clear()
        try:
            return self._seen(self.plain.root if schema is None else schema, event, 0) is not None
        except RecursionError:
            raise Undecided from None

    def _holds(self, schema: Json, value: Json, depth: int) -> bool:
        return self._seen(schema, value, depth + 1) is not None

    def _seen(self, schema: Json, value: Json, depth: int) -> Seen | None:
        """What was evaluated, or None for an invalid value."""
        if type(schema) is bool:
            return Seen() if schema else None
        self._steps += 1
        if self._steps > self.limit or depth > _MAX_DEPTH:
            raise Undecided
        key = (id(schema), id(value))
        if key in self._open:
            raise Undecided  # the schema refers to itself without going into the value
        self._open.add(key)
        try:
            return self._judged(schema, value, depth)
        finally:
            self._open.discard(key)

    def _judged(self, schema: Json, value: Json, depth: int) -> Seen | None:
        if not _scalar(schema, value):
            return None
        seen = Seen()
        if not self._in_place(schema, value, depth, seen):
            return None
        if type(value) is dict and not self._object(schema, value, depth, seen):
            return None
        if type(value) is list and not self._array(schema, value, depth, seen):
            return None
        return seen if self._unevaluated(schema, value, depth, seen) else None

    def _in_place(self, schema: Json, value: Json, depth: int, seen: Seen) -> bool:
        every = list(schema.get("allOf", ()))
        if "$ref" in schema:
            every.append(self.plain.resolved(schema))
        if type(value) is dict:
            every.extend(each for name, each in schema.get("dependentSchemas", {}).items() if name in value)
        if "if" in schema:
            condition = self._seen(schema["if"], value, depth + 1)
            if condition is not None:
                seen.add(condition)
            branch = "then" if condition is not None else "else"
            every.append(schema.get(branch, True))
        for each in every:
            found = self._seen(each, value, depth + 1)
            if found is None:
                return False
            seen.add(found)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                fitting = [
                    found for each in schema[keyword] if (found := self._seen(each, value, depth + 1)) is not None
                ]
                if not fitting or (keyword == "oneOf" and len(fitting) > 1):
                    return False
                for found in fitting:
                    seen.add(found)
        return not ("not" in schema and self._holds(schema["not"], value, depth))

    def _object(self, schema: Json, value: dict[str, Json], depth: int, seen: Seen) -> bool:
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        if not all(name in value for name in schema.get("required", ())):
            return False
        for name, others in schema.get("dependentRequired", {}).items():
            if name in value and not all(other in value for other in others):
                return False
        names = schema.get("propertyNames", True)
        if names is not True and not all(self._holds(names, name, depth) for name in value):
            return False
        declared = schema.get("properties", {})
        patterned = schema.get("patternProperties", {})
        extra = schema.get("additionalProperties")
        for name, member in value.items():
            schemas = [declared[name]] if name in declared else []
            schemas.extend(each for pattern, each in patterned.items() if _found(pattern, name))
            if not schemas and extra is not None:
                schemas = [extra]
            if schemas:
                seen.names.add(name)
            if not all(self._holds(each, member, depth) for each in schemas):
                return False
        return True

    def _array(self, schema: Json, value: list[Json], depth: int, seen: Seen) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if "uniqueItems" in schema and len({identity(_comparable(item)) for item in value}) < len(value):
            return False
        prefix = schema.get("prefixItems", ())
        for index, item in enumerate(value):
            if index < len(prefix):
                each = prefix[index]
            elif "items" in schema:
                each = schema["items"]
            else:
                break
            seen.items.add(index)
            if not self._holds(each, item, depth):
                return False
        if "contains" in schema:
            fitting = {index for index, item in enumerate(value) if self._holds(schema["contains"], item, depth)}
            seen.items |= fitting
            least = schema.get("minContains", 1)
            return bool(least <= len(fitting) <= schema.get("maxContains", len(fitting)))
        return True

    def _unevaluated(self, schema: Json, value: Json, depth: int, seen: Seen) -> bool:
        if type(value) is dict and "unevaluatedProperties" in schema:
            rest = [name for name in value if name not in seen.names]
            if not all(self._holds(schema["unevaluatedProperties"], value[name], depth) for name in rest):
                return False
            seen.names.update(rest)
        if type(value) is list and "unevaluatedItems" in schema:
            indexes = [index for index in range(len(value)) if index not in seen.items]
            if not all(self._holds(schema["unevaluatedItems"], value[index], depth) for index in indexes):
                return False
            seen.items.update(indexes)
        return True


def _comparable(value: Json) -> Json:
    """Floats as the exact numbers they show."""
    if type(value) is float:
        return _exact(value)
    if type(value) is dict:
        return {name: _comparable(member) for name, member in value.items()}
    return [_comparable(item) for item in value] if type(value) is list else value


def _found(pattern: str, text: str) -> bool:
    found = patterns.matches(pattern, text)
    if found is None:
        raise Undecided
    return found


def _scalar(schema: Json, value: Json) -> bool:
    """The keywords that look at a value as a whole, at a number or at a text."""
    types = types_of(value)
    stated = schema.get("type")
    if stated is not None and not any(name in types for name in ([stated] if type(stated) is str else stated)):
        return False
    for keyword in ("enum", "const"):
        if keyword in schema:
            listed = schema[keyword] if keyword == "enum" else [schema[keyword]]
            own = identity(_comparable(value))
            if all(identity(each) != own for each in listed):
                return False
    if type(value) is str:
        length = len(value)
        if not schema.get("minLength", 0) <= length <= schema.get("maxLength", length):
            return False
        return "pattern" not in schema or _found(schema["pattern"], value)
    if "number" in types:
        number = _exact(value)
        return all(test(number, Decimal(schema[keyword])) for keyword, test in _NUMERIC.items() if keyword in schema)
    return True


_NUMERIC: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "minimum": lambda number, limit: number >= limit,
    "maximum": lambda number, limit: number <= limit,
    "exclusiveMinimum": lambda number, limit: number > limit,
    "exclusiveMaximum": lambda number, limit: number < limit,
    "multipleOf": lambda number, limit: (Fraction(number) / Fraction(limit)).denominator == 1,
}
