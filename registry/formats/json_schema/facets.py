"""What a value must satisfy, merged out of several schemas in plain form.

`merge` follows references and allOf, picks one branch of each anyOf, oneOf and if, and adds up the rest: the result
tells how to build a value. What can't be added up (`not`, oneOf's exclusivity) is left to trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from registry.formats.json_schema.plain import Plain
from registry.formats.json_schema.text import Json, identity

EQUAL_ITEMS = "\0equalItems"
"""A keyword of our own: two items of the array are equal, the opposite of uniqueItems."""

TYPES = ("null", "boolean", "integer", "fraction", "string", "array", "object")
_EXPANDED = {"number": ("integer", "fraction")}
_MAX_PARTS = 500


class NoValue(Exception):
    """No value can be built this way."""


class TooMany(NoValue):
    """More schemas meet here than are added up."""


@dataclass(slots=True)
class Extra:
    """additionalProperties of one schema: what it applies to depends on what that schema declares."""

    names: frozenset[str]
    patterns: tuple[str, ...]
    schema: Json


@dataclass(slots=True)
class Facets:
    """Constraints on one value."""

    types: list[str] = field(default_factory=lambda: list(TYPES))
    values: list[Json] | None = None
    lower: tuple[Decimal, bool] | None = None
    upper: tuple[Decimal, bool] | None = None
    step: Fraction | None = None
    least_length: int = 0
    most_length: int | None = None
    patterns: list[str] = field(default_factory=list)
    declared: dict[str, list[Json]] = field(default_factory=dict)
    patterned: list[tuple[str, Json]] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)
    unevaluated: list[Json] = field(default_factory=list)
    required: dict[str, None] = field(default_factory=dict)
    avoided: set[str] = field(default_factory=set)
    dependent: dict[str, list[str]] = field(default_factory=dict)
    names: list[Json] = field(default_factory=list)
    least_properties: int = 0
    most_properties: int | None = None
    prefix: list[list[Json]] = field(default_factory=list)
    rest: list[tuple[int, Json]] = field(default_factory=list)
    unevaluated_items: list[Json] = field(default_factory=list)
    contains: list[tuple[Json, int, int | None]] = field(default_factory=list)
    least_items: int = 0
    most_items: int | None = None
    unique: bool = False
    equal: bool = False
    tried: bool = False
    """Whether something was left out that only a trial can tell."""
    parts: list[Json] = field(default_factory=list)
    """The schemas that were added up."""
    refused: list[Json] = field(default_factory=list)
    """Schemas that a value must not satisfy."""
    tried_elsewhere: bool = False
    """Whether branches were left out that may hold as well."""

    def limit(self, numbers: tuple[Decimal, bool], lower: bool) -> None:
        """Add a bound; True says that the number itself is excluded."""
        current = self.lower if lower else self.upper
        if current is not None:
            tighter = numbers[0] > current[0] if lower else numbers[0] < current[0]
            if numbers[0] == current[0]:
                numbers = (numbers[0], numbers[1] or current[1])
            elif not tighter:
                return
        if lower:
            self.lower = numbers
        else:
            self.upper = numbers


def merge(plain: Plain, schemas: Sequence[Json], choose: Callable[[Sequence[Json]], Json] | None) -> Facets:
    """The facets of a value that satisfies all the schemas, under a choice of branches. Raises NoValue.

    Without `choose` what only some branches ask for is left out: the facets allow more than the schemas.
    """
    facets = Facets(tried_elsewhere=choose is None)
    waiting = list(reversed(schemas))
    seen: set[int] = set()
    while waiting:
        schema = waiting.pop()
        if schema is True or id(schema) in seen:
            continue
        if schema is False:
            raise NoValue
        if len(seen) > _MAX_PARTS:
            raise TooMany
        seen.add(id(schema))
        facets.parts.append(schema)
        if "not" in schema:
            facets.refused.append(schema["not"])
        if "$ref" in schema:
            waiting.append(plain.resolved(schema))
        waiting.extend(schema.get("allOf", ()))
        if choose is not None:
            for keyword in ("anyOf", "oneOf"):
                if keyword in schema:
                    facets.tried = facets.tried or keyword == "oneOf"
                    facets.tried_elsewhere |= len(schema[keyword]) > 1
                    waiting.append(choose(schema[keyword]))
            if "if" in schema:
                waiting.extend(_condition(schema, choose, facets))
        facets.tried = facets.tried or "not" in schema
        _add_scalars(facets, schema)
        _add_object(facets, schema)
        _add_array(facets, schema)
        for name, each in schema.get("dependentSchemas", {}).items():
            if name not in facets.required and choose is None:
                continue
            if name in facets.required or (choose is not None and choose((False, True)) is True):
                waiting.extend((each, {"required": [name]}))
                facets.tried = True
            else:
                facets.avoided.add(name)
    _close(facets)
    return facets


def _condition(schema: Json, choose: Callable[[Sequence[Json]], Json], facets: Facets) -> Iterator[Json]:
    facets.tried = True
    if choose((False, True)) is True:
        yield schema["if"]
        yield schema.get("then", True)
    else:
        facets.refused.append(schema["if"])
        yield schema.get("else", True)


def _add_scalars(facets: Facets, schema: Json) -> None:
    if "type" in schema:
        stated = [schema["type"]] if type(schema["type"]) is str else schema["type"]
        allowed = {part for name in stated for part in _EXPANDED.get(name, (name,))}
        ordered = [part for name in stated for part in _EXPANDED.get(name, (name,))]
        ordered = ordered if len(facets.types) == len(TYPES) else facets.types
        facets.types = [name for name in ordered if name in facets.types and name in allowed]
    for keyword in ("enum", "const"):
        if keyword in schema:
            listed = schema[keyword] if keyword == "enum" else [schema[keyword]]
            if facets.values is None:
                facets.values = list(listed)
            else:
                known = {identity(each) for each in listed}
                facets.values = [each for each in facets.values if identity(each) in known]
    for keyword, lower, exclusive in _BOUNDS:
        if keyword in schema:
            facets.limit((Decimal(schema[keyword]), exclusive), lower)
    if "multipleOf" in schema:
        facets.step = common(facets.step, Fraction(schema["multipleOf"]))
    facets.least_length = max(facets.least_length, schema.get("minLength", 0))
    facets.most_length = _least(facets.most_length, schema.get("maxLength"))
    if "pattern" in schema:
        facets.patterns.append(schema["pattern"])
        facets.tried = True


_BOUNDS = (
    ("minimum", True, False),
    ("exclusiveMinimum", True, True),
    ("maximum", False, False),
    ("exclusiveMaximum", False, True),
)


def common(one: Fraction | None, other: Fraction) -> Fraction:
    """The smallest number that is a multiple of both."""
    if one is None:
        return other
    return Fraction(lcm(one.numerator, other.numerator), gcd(one.denominator, other.denominator))


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _add_object(facets: Facets, schema: Json) -> None:
    for name, each in schema.get("properties", {}).items():
        facets.declared.setdefault(name, []).append(each)
    patterned = schema.get("patternProperties", {})
    facets.patterned.extend(patterned.items())
    if "additionalProperties" in schema:
        names = frozenset(schema.get("properties", {}))
        facets.extras.append(Extra(names, tuple(patterned), schema["additionalProperties"]))
    if "unevaluatedProperties" in schema:
        facets.unevaluated.append(schema["unevaluatedProperties"])
        facets.tried = True
    facets.required.update(dict.fromkeys(schema.get("required", ())))
    for name, others in schema.get("dependentRequired", {}).items():
        facets.dependent.setdefault(name, []).extend(others)
    if "propertyNames" in schema:
        facets.names.append(schema["propertyNames"])
        facets.tried = True
    facets.least_properties = max(facets.least_properties, schema.get("minProperties", 0))
    facets.most_properties = _least(facets.most_properties, schema.get("maxProperties"))


def _add_array(facets: Facets, schema: Json) -> None:
    prefix = schema.get("prefixItems", ())
    for index, each in enumerate(prefix):
        if index == len(facets.prefix):
            facets.prefix.append([])
        facets.prefix[index].append(each)
    if "items" in schema:
        facets.rest.append((len(prefix), schema["items"]))
    if "unevaluatedItems" in schema:
        facets.unevaluated_items.append(schema["unevaluatedItems"])
        facets.tried = True
    if "contains" in schema:
        facets.contains.append((schema["contains"], schema.get("minContains", 1), schema.get("maxContains")))
        facets.tried = True
    facets.least_items = max(facets.least_items, schema.get("minItems", 0))
    facets.most_items = _least(facets.most_items, schema.get("maxItems"))
    facets.unique = facets.unique or "uniqueItems" in schema
    facets.equal = facets.equal or EQUAL_ITEMS in schema


def _close(facets: Facets) -> None:
    """Follow dependentRequired from what is required, and give up what contradicts itself."""
    waiting = list(facets.required)
    while waiting:
        for other in facets.dependent.get(waiting.pop(), ()):
            if other not in facets.required:
                facets.required[other] = None
                waiting.append(other)
    if not facets.types or facets.values == []:
        raise NoValue
    facets.tried = facets.tried or facets.values is not None
