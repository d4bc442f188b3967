"""Lint: what is legal in a schema and still worth a remark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from registry.formats.base import Remark, Severity
from registry.formats.json_schema import patterns
from registry.formats.json_schema.dialects import KEYWORDS, Draft, draft_of
from registry.formats.json_schema.disjoint import disjoint
from registry.formats.json_schema.fields import TAGS
from registry.formats.json_schema.model import GROUPS, Shape
from registry.formats.json_schema.plain import TooLarge, numeric, plain
from registry.formats.json_schema.resources import Place, target
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.text import Json, is_number, pointer
from registry.formats.json_schema.validity import Undecided, Validity

LINT: Mapping[str, tuple[Severity, str]] = {
    "missing-dialect": (Severity.WARNING, "A schema should say which draft it is written in."),
    "unknown-dialect": (Severity.WARNING, "A $schema that is none of the five drafts is read as draft-07."),
    "repeated-member": (Severity.ERROR, "A repeated member name counts with its last value only."),
    "undocumented-field": (Severity.WARNING, "Every property should have a description or a title."),
    "open-object": (Severity.WARNING, "No property can be added compatibly to an object that allows any others."),
    "undeclared-required": (Severity.WARNING, "A required name should be declared in properties."),
    "invalid-default": (Severity.ERROR, "A default should be valid under its own schema."),
    "ambiguous-union": (Severity.WARNING, "Branches of anyOf or oneOf should be told apart by type, value or tag."),
    "unknown-keyword": (Severity.WARNING, "A keyword that the draft does not know is ignored."),
    "ignored-beside-ref": (Severity.WARNING, "Up to draft-07 whatever stands beside a $ref is ignored."),
    "ignored-for-type": (Severity.WARNING, "A keyword for another type than the stated one checks nothing."),
    "pattern-not-portable": (Severity.WARNING, "A pattern should be an ECMAScript regular expression."),
    "number-not-portable": (Severity.WARNING, "Numbers beyond 2^53 lose digits in many languages."),
    "name-makes-bad-code": (Severity.WARNING, "A property name that is no identifier makes bad names in code."),
    "names-differ-by-case": (Severity.WARNING, "Property names that differ by case only clash in code."),
    "unused-definition": (Severity.WARNING, "A definition that nothing refers to can go."),
    "accepts-nothing": (Severity.ERROR, "A schema should accept some event."),
}
"""Rule id → severity and purpose."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN_KEYWORDS = re.compile(r"x-.*|confluent:.*|connect\..*|javaType|\$.*|reserved")
_FREE = frozenset({"deprecated", "format", "examples", "readOnly", "writeOnly", TAGS})
_SAFE = 2**53


def lint(schema: JsonSchema) -> Sequence[Remark]:
    """Remarks on a schema, in the order of the text; referenced texts are looked at on their own."""
    found = [*_whole(schema)]
    for place in schema.document.places.values():
        if type(place.value) is dict:
            for check in _CHECKS:
                found.extend(check(place, schema))
    return tuple(dict.fromkeys(found))


def _at(place: Place, *steps: str) -> str:
    return pointer((*place.path, *steps))


# ------------------------------------------------------------------------------------------------- the whole schema


def _whole(schema: JsonSchema) -> Iterator[Remark]:
    value = schema.document.value
    if type(value) is dict and "$schema" not in value:
        yield Remark("missing-dialect", "", "The schema has no $schema; it is read as draft-07.")
    elif type(value) is dict and draft_of(value, Draft.DRAFT_4) != draft_of(value, Draft.DRAFT_6):
        yield Remark("unknown-dialect", "/$schema", f"'{value['$schema']}' is none of the five drafts.")
    for name in _repeated(schema.source.text):
        yield Remark("repeated-member", "", f"The member '{name}' is written more than once in one object.")
    try:
        if _accepts_nothing(schema):
            yield Remark("accepts-nothing", "", "No event is valid under the schema.")
    except TooLarge:
        pass
    yield from _unused(schema)


def _repeated(text: str) -> Iterator[str]:
    found: list[str] = []

    def pairs(members: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in members]
        if len(set(names)) < len(names):
            found.extend(name for name in dict.fromkeys(names) if names.count(name) > 1)

    json.loads(text.removeprefix("\ufeff"), object_pairs_hook=pairs, parse_float=str, parse_int=str)
    yield from dict.fromkeys(found)


def _accepts_nothing(schema: JsonSchema) -> bool:
    form = plain(schema.graph)
    if form.size > 4_000:
        return False
    import jsonschema_rs

    try:
        answer = jsonschema_rs.canonicalize(form.document(), offline=True).satisfiability()
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.canonical.CanonicalizationError):
        return False
    return answer == jsonschema_rs.canonical.Satisfiability.NO


def _unused(schema: JsonSchema) -> Iterator[Remark]:
    document = schema.document
    used = [target(place, place.value[keyword]) for place, keyword in document.referring]
    paths = {place.path for place in used if place.document is document}
    for keyword in ("definitions", "$defs"):
        content = document.value.get(keyword) if type(document.value) is dict else None
        for name in content if type(content) is dict else ():
            path = (keyword, name)
            named = document.places.get(path)
            own = named is not None and type(named.value) is dict and any(key in named.value for key in ("$id", "id"))
            if not own and not any(each[:2] == path for each in paths):
                yield Remark("unused-definition", pointer(path), f"Nothing refers to '{name}'.")


# -------------------------------------------------------------------------------------------------- each subschema


def _documentation(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    declared = place.value.get("properties")
    for name, each in declared.items() if type(declared) is dict else ():
        if type(each) is dict and not _documented(each):
            own = place.document.places[(*place.path, "properties", name)]
            if type(each.get("$ref")) is not str or not _documented(target(own, each["$ref"]).value):
                yield Remark("undocumented-field", _at(place, "properties", name), f"'{name}' has no description.")


def _documented(value: Json) -> bool:
    return type(value) is dict and ("description" in value or "title" in value)


_IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "if", "then", "else", "not"})
_CLOSING = ("additionalProperties", "unevaluatedProperties", "patternProperties")


def _open(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    declares = type(place.value.get("properties")) is dict and not _IN_PLACE & set(place.path)
    if declares and all(place.value.get(keyword, True) is True for keyword in _CLOSING):
        sentence = (
            "The object allows any other property, so none can be added compatibly; restrict additionalProperties."
        )
        yield Remark("open-object", _at(place), sentence)


def _required(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    declared, required = place.value.get("properties"), place.value.get("required")
    if type(declared) is dict and type(required) is list:
        for name in required:
            if type(name) is str and name not in declared:
                yield Remark("undeclared-required", _at(place, "required"), f"'{name}' is required and not declared.")


def _default(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    if "default" not in place.value:
        return
    try:
        form = plain(schema.graph)
        own = form.schemas.get(id(place), True)
        if not Validity(form).holds(numeric(place.value["default"]), own):
            yield Remark("invalid-default", _at(place, "default"), "The default is not valid under its own schema.")
    except (TooLarge, Undecided):
        return


_BRANCHES = 40


def _unions(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    for keyword in ("anyOf", "oneOf"):
        count = len(place.value.get(keyword, ()))
        nodes = [
            schema.graph.node(place.document.places[(*place.path, keyword, str(index))], ())
            for index in range(min(count, _BRANCHES))
        ]
        for index, one in enumerate(nodes):
            other = next((each for each in nodes[index + 1 :] if not disjoint(one, each)), None)
            if other is not None and Shape.ANY not in (one.shape, other.shape):
                yield Remark(
                    "ambiguous-union",
                    _at(place, keyword, str(index)),
                    f"Branch {index} of {keyword} may overlap with a later one.",
                )
                break


def _keywords(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    value, draft = place.value, place.draft
    alone = draft.ref_stands_alone and type(value.get("$ref")) is str
    for name in value:
        known = name in KEYWORDS[draft] or name in _FREE or _OWN_KEYWORDS.fullmatch(name) is not None
        if alone and name not in ("$ref", "definitions", "$defs", "description", "title", "$comment", TAGS):
            yield Remark("ignored-beside-ref", _at(place, name), f"{name} is ignored beside $ref in this draft.")
        elif not known and name not in ("id", "definitions"):
            yield Remark("unknown-keyword", _at(place, name), f"{name} is no keyword of this draft, and is ignored.")
    stated = value.get("type")
    types = [stated] if type(stated) is str else stated if type(stated) is list else []
    if types:
        shapes = {"number" if name == "integer" else name for name in types}
        for shape, keywords in GROUPS[draft]:
            for name in sorted(keywords & value.keys()) if shape.value not in shapes else ():
                if name != "format":
                    yield Remark(
                        "ignored-for-type", _at(place, name), f"{name} says nothing about {' or '.join(types)}."
                    )


def _patterns(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    found: list[tuple[tuple[str, ...], str]]
    found = [(("pattern",), place.value["pattern"])] if type(place.value.get("pattern")) is str else []
    named = place.value.get("patternProperties")
    found.extend((("patternProperties", each), each) for each in (named if type(named) is dict else ()))
    for steps, pattern in found:
        if patterns.matches(pattern, "") is None:
            yield Remark("pattern-not-portable", _at(place, *steps), "The pattern is no ECMAScript regular expression.")


_NUMBERS = ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf", "const", "default")


def _numbers(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    for name in _NUMBERS:
        number = place.value.get(name)
        if is_number(number) and abs(number) > _SAFE:
            yield Remark("number-not-portable", _at(place, name), f"{name} is beyond 2^53.")


def _names(place: Place, schema: JsonSchema) -> Iterator[Remark]:
    declared = place.value.get("properties")
    seen: dict[str, str] = {}
    for name in declared if type(declared) is dict else ():
        if not _NAME.fullmatch(name):
            yield Remark("name-makes-bad-code", _at(place, "properties", name), f"'{name}' is no identifier.")
        plain_name = re.sub(r"[^a-z0-9]", "", name.lower())
        if plain_name in seen:
            clash = f"'{name}' and '{seen[plain_name]}' differ by case or signs only."
            yield Remark("names-differ-by-case", _at(place, "properties", name), clash)
        seen.setdefault(plain_name, name)


_CHECKS = (_documentation, _open, _required, _default, _unions, _keywords, _patterns, _numbers, _names)
