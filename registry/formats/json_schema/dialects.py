"""The five drafts: what each keyword holds, and where subschemas are.

    draft-04 · draft-06 · draft-07 · 2019-09 · 2020-12

A schema without `$schema`, or with one that is none of these, is draft-07, as the reference reads it.
Source of the keywords: the meta-schemas at json-schema.org.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from registry.formats.json_schema.text import Json, identity, is_integer, is_number


class Draft(IntEnum):
    """A version of the specification; the later one is greater."""

    DRAFT_4 = 4
    DRAFT_6 = 6
    DRAFT_7 = 7
    DRAFT_2019_09 = 19
    DRAFT_2020_12 = 20

    @property
    def uri(self) -> str:
        """The URI that `$schema` writes."""
        return _URIS[self]

    @property
    def id_keyword(self) -> str:
        """The keyword that names a schema resource."""
        return "id" if self == Draft.DRAFT_4 else "$id"

    @property
    def definitions_keyword(self) -> str:
        """The keyword that holds schemas for reference."""
        return "definitions" if self <= Draft.DRAFT_7 else "$defs"

    @property
    def ref_stands_alone(self) -> bool:
        """Whether everything beside a `$ref` is ignored."""
        return self <= Draft.DRAFT_7


_URIS = {
    Draft.DRAFT_4: "http://json-schema.org/draft-04/schema#",
    Draft.DRAFT_6: "http://json-schema.org/draft-06/schema#",
    Draft.DRAFT_7: "http://json-schema.org/draft-07/schema#",
    Draft.DRAFT_2019_09: "https://json-schema.org/draft/2019-09/schema",
    Draft.DRAFT_2020_12: "https://json-schema.org/draft/2020-12/schema",
}
DEFAULT = Draft.DRAFT_7


def _bare(uri: str) -> str:
    return uri.removesuffix("#").removeprefix("https:").removeprefix("http:")


_BY_URI = {_bare(uri): draft for draft, uri in _URIS.items()}


def draft_of(schema: Json, otherwise: Draft = DEFAULT) -> Draft:
    """The draft a schema says it is written in; http or https and a closing `#` make no difference."""
    uri = schema.get("$schema") if type(schema) is dict else None
    return _BY_URI.get(_bare(uri), otherwise) if type(uri) is str else otherwise


TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

Check: TypeAlias = Callable[[Json], str | None]
"""Says what a value should have been, or None when it is right."""


def _text(value: Json) -> str | None:
    return None if type(value) is str else "a string"


_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._:]*")


def _anchor(value: Json) -> str | None:
    return None if type(value) is str and _ANCHOR.fullmatch(value) else "a name: a letter, then letters, digits, - . _"


def _resource(value: Json) -> str | None:
    return None if type(value) is str and "#" not in value[:-1] else "a URI reference without a fragment"


def _boolean(value: Json) -> str | None:
    return None if type(value) is bool else "true or false"


def _number(value: Json) -> str | None:
    return None if is_number(value) else "a number"


def _positive(value: Json) -> str | None:
    return None if is_number(value) and value > 0 else "a number greater than 0"


def _size(value: Json) -> str | None:
    return None if is_integer(value) and value >= 0 else "a whole number, 0 or more"


def _anything(value: Json) -> str | None:
    return None


def _list(value: Json) -> str | None:
    return None if type(value) is list else "an array"


def _names(value: Json) -> str | None:
    fine = type(value) is list and all(type(name) is str for name in value) and len(set(value)) == len(value)
    return None if fine else "an array of different strings"


def _some_names(value: Json) -> str | None:
    return "an array of different strings, at least one" if not value else _names(value)


def _distinct(value: Json) -> str | None:
    fine = type(value) is list and value and len({identity(item) for item in value}) == len(value)
    return None if fine else "an array of different values, at least one"


def _map_of_names(value: Json) -> str | None:
    fine = type(value) is dict and all(_names(names) is None for names in value.values())
    return None if fine else "an object whose values are arrays of different strings"


def _type(value: Json) -> str | None:
    names = value if type(value) is list else [value]
    fine = names and all(name in TYPES for name in names if type(name) is str)
    fine = fine and all(type(name) is str for name in names) and len(set(map(str, names))) == len(names)
    return None if fine else f"one of {', '.join(TYPES)}, or an array of some of them"


def _one(value: Json) -> str | None:
    return None if type(value) in (dict, bool) else "a schema (an object, true or false)"


def _object_schema(value: Json) -> str | None:
    return None if type(value) is dict else "a schema (an object)"


def _many(value: Json) -> str | None:
    return None if type(value) is list and value else "an array of schemas, at least one"


def _named(value: Json) -> str | None:
    return None if type(value) is dict else "an object whose values are schemas"


def _one_or_many(value: Json) -> str | None:
    return None if type(value) in (dict, bool) or (type(value) is list and value) else "a schema or an array of them"


def _boolean_or_object(value: Json) -> str | None:
    return None if type(value) in (dict, bool) else "a schema, true or false"


def _dependencies(value: Json) -> str | None:
    if type(value) is not dict:
        return "an object"
    fine = all(type(entry) in (dict, bool) or _names(entry) is None for entry in value.values())
    return None if fine else "an object whose values are schemas or arrays of different strings"


def _dependencies_4(value: Json) -> str | None:
    if type(value) is not dict:
        return "an object"
    fine = all(type(entry) is dict or _some_names(entry) is None for entry in value.values())
    return None if fine else "an object whose values are schemas or arrays of different strings, at least one"


def _flags(value: Json) -> str | None:
    fine = type(value) is dict and all(type(flag) is bool for flag in value.values())
    return None if fine else "an object whose values are true or false"


class Holds(IntEnum):
    """How a keyword holds subschemas."""

    NOTHING = 0
    ONE = 1
    LIST = 2
    MAP = 3
    ONE_OR_LIST = 4
    MAP_OF_SOME = 5  # dependencies: schemas and lists of names mixed


@dataclass(frozen=True, slots=True)
class Keyword:
    """What a keyword takes and where its subschemas are."""

    check: Check
    holds: Holds = Holds.NOTHING


_COMMON: dict[str, Keyword] = {
    "$schema": Keyword(_text),
    "$ref": Keyword(_text),
    "title": Keyword(_text),
    "description": Keyword(_text),
    "default": Keyword(_anything),
    "multipleOf": Keyword(_positive),
    "maximum": Keyword(_number),
    "minimum": Keyword(_number),
    "maxLength": Keyword(_size),
    "minLength": Keyword(_size),
    "pattern": Keyword(_text),
    "maxItems": Keyword(_size),
    "minItems": Keyword(_size),
    "uniqueItems": Keyword(_boolean),
    "maxProperties": Keyword(_size),
    "minProperties": Keyword(_size),
    "type": Keyword(_type),
    "definitions": Keyword(_named, Holds.MAP),
    # Not a keyword before 2019-09, yet used and referred to: the reference bridges the two.
    "$defs": Keyword(_anything, Holds.MAP),
    "properties": Keyword(_named, Holds.MAP),
    "patternProperties": Keyword(_named, Holds.MAP),
    "allOf": Keyword(_many, Holds.LIST),
    "anyOf": Keyword(_many, Holds.LIST),
    "oneOf": Keyword(_many, Holds.LIST),
    "not": Keyword(_one, Holds.ONE),
}

_DRAFT_4 = _COMMON | {
    "id": Keyword(_text),
    "format": Keyword(_text),
    "required": Keyword(_some_names),
    "enum": Keyword(_distinct),
    "exclusiveMaximum": Keyword(_boolean),
    "exclusiveMinimum": Keyword(_boolean),
    "additionalItems": Keyword(_boolean_or_object, Holds.ONE),
    "additionalProperties": Keyword(_boolean_or_object, Holds.ONE),
    "items": Keyword(_one_or_many, Holds.ONE_OR_LIST),
    "dependencies": Keyword(_dependencies_4, Holds.MAP_OF_SOME),
}
_DRAFT_6 = _DRAFT_4 | {
    "$id": Keyword(_text),
    "required": Keyword(_names),
    "enum": Keyword(_list),
    "const": Keyword(_anything),
    "examples": Keyword(_list),
    "exclusiveMaximum": Keyword(_number),
    "exclusiveMinimum": Keyword(_number),
    "contains": Keyword(_one, Holds.ONE),
    "propertyNames": Keyword(_one, Holds.ONE),
    "items": Keyword(_one_or_many, Holds.ONE_OR_LIST),
    "dependencies": Keyword(_dependencies, Holds.MAP_OF_SOME),
}
del _DRAFT_6["id"]
_DRAFT_7 = _DRAFT_6 | {
    "$comment": Keyword(_text),
    "readOnly": Keyword(_boolean),
    "contentMediaType": Keyword(_text),
    "contentEncoding": Keyword(_text),
    "if": Keyword(_one, Holds.ONE),
    "then": Keyword(_one, Holds.ONE),
    "else": Keyword(_one, Holds.ONE),
}
_DRAFT_2019_09 = _DRAFT_7 | {
    "$id": Keyword(_resource),
    "$anchor": Keyword(_anchor),
    "$defs": Keyword(_named, Holds.MAP),
    "writeOnly": Keyword(_boolean),
    "$recursiveRef": Keyword(_text),
    "$recursiveAnchor": Keyword(_boolean),
    "$vocabulary": Keyword(_flags),
    "deprecated": Keyword(_boolean),
    "contentSchema": Keyword(_one, Holds.ONE),
    "dependentRequired": Keyword(_map_of_names),
    "dependentSchemas": Keyword(_named, Holds.MAP),
    "maxContains": Keyword(_size),
    "minContains": Keyword(_size),
    "unevaluatedItems": Keyword(_one, Holds.ONE),
    "unevaluatedProperties": Keyword(_one, Holds.ONE),
}
_DRAFT_2020_12 = _DRAFT_2019_09 | {
    "$dynamicRef": Keyword(_text),
    "$dynamicAnchor": Keyword(_anchor),
    "prefixItems": Keyword(_many, Holds.LIST),
    "items": Keyword(_one, Holds.ONE),
}
for _gone in ("$recursiveAnchor", "additionalItems"):
    del _DRAFT_2020_12[_gone]

KEYWORDS: Mapping[Draft, Mapping[str, Keyword]] = {
    Draft.DRAFT_4: _DRAFT_4,
    Draft.DRAFT_6: _DRAFT_6,
    Draft.DRAFT_7: _DRAFT_7,
    Draft.DRAFT_2019_09: _DRAFT_2019_09,
    Draft.DRAFT_2020_12: _DRAFT_2020_12,
}
"""What each draft's meta-schema says of its keywords. Unknown keywords are free."""


def schema_check(draft: Draft) -> Check:
    """What may stand where a schema is expected."""
    return _object_schema if draft == Draft.DRAFT_4 else _one
