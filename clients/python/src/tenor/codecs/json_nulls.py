"""Where a JSON event may hold null, and so a NaN that would be written as one. Pure.

orjson and the validator both take NaN and the infinities for null: such a float can only stand where the schema takes
null. Where all of these places are known, looking at them is cheaper than looking at the whole event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

Path = tuple[str, ...]
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean", "null"})
MOST_PLACES: Final = 32


def finite_where_null(document: Any) -> Callable[[Any], bool] | None:
    """A test that surely no float of a valid event is NaN or infinite; None where the schema does not tell.

    >>> finite_where_null({"type": "object", "properties": {"a": {"type": ["null", "string"]}},
    ...                    "additionalProperties": False})({"a": float("nan")})
    False
    """
    places = _places(document, untyped=True)
    if places is None or len(places) > MOST_PLACES:
        return None
    names = tuple(place[0] for place in places)
    if all(len(place) == 1 for place in places):

        def flat(event: Any) -> bool:
            if not isinstance(event, dict):  # a schema without a type takes anything at all
                return False
            for name in names:
                value = event.get(name)
                if isinstance(value, float) and not math.isfinite(value):
                    return False
            return True

        return flat

    def nested(event: Any) -> bool:
        if not isinstance(event, dict):
            return False
        for place in places:
            value: Any = event
            for name in place:
                value = value.get(name) if isinstance(value, Mapping) else None
            if isinstance(value, float) and not math.isfinite(value):
                return False
        return True

    return nested


def _places(schema: Any, *, untyped: bool = False) -> list[Path] | None:
    """The paths at which null is valid in an object whose fields are all known; None where that is not so.

    Other keywords can only forbid more, save `$ref`, which makes older drafts ignore them.
    """
    if not isinstance(schema, Mapping) or "$ref" in schema:
        return None
    if schema.get("type") != "object" and not (untyped and "type" not in schema):
        return None
    properties = schema.get("properties")
    if schema.get("additionalProperties") is not False or "patternProperties" in schema:
        return None
    if not isinstance(properties, Mapping):
        return None
    found: list[Path] = []
    for name, inner in properties.items():
        if not isinstance(inner, Mapping) or "$ref" in inner:
            return None
        values, types = inner.get("enum"), inner.get("type")
        if types is None and isinstance(values, list) and not any(value is None for value in values):
            continue
        kinds = _kinds(types)
        if kinds <= _SCALARS:
            if "null" in kinds:
                found.append((name,))
        elif (deeper := _places(inner)) is not None:
            found += [(name, *place) for place in deeper]
        else:
            return None
    return found


def _kinds(types: Any) -> frozenset[str]:
    """The types a schema names; one that nobody knows where it names none, or nonsense."""
    named = [types] if isinstance(types, str) else types
    known = isinstance(named, list) and all(isinstance(each, str) for each in named)
    return frozenset(named) if known else frozenset({""})
