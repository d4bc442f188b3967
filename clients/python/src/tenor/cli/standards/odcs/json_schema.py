"""JSON Schemas as ODCS schema objects, and back. Pure.

    {"type": "string", "format": "date"}                  → logicalType date
    {"type": "object", "additionalProperties": {…}}       → logicalType map
    {"$ref": "#/$defs/line"}                              what it refers to, written out, unless it is inside of itself

Alternatives (oneOf, anyOf, …) and schemas that say no type are carried as they are; keywords that ODCS has no words for
are carried beside the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenor.cli.standards.odcs.members import (
    DEFAULT,
    KEYWORDS,
    NULLABLE,
    SCHEMA,
    UNTYPED,
    Found,
    Json,
    below,
    carried,
    custom,
    customs,
    field_name,
    has,
    inner,
    listed,
    texts,
    value_of_map,
)

TAGS: Final = "confluent:tags"
_DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_TIMES: Final = {"date": "date", "date-time": "timestamp", "time": "time"}
_FORMATS: Final = {logical: format for format, logical in _TIMES.items()}
_TYPES: Final = ("string", "integer", "number", "boolean", "array", "object")
_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "boolean": (),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties"),
}
_COUNTS: Final = frozenset(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"))
_WORDS: Final = (
    ("title", "businessName", str),
    ("description", "description", str),
    ("deprecated", "deprecated", bool),
)
_APPLICATORS: Final = frozenset(("$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor"))
_DEEPEST: Final = 40


def object_of(schema: Any, name: str) -> Json:
    """The schema object of a JSON Schema; `name` if it has no title."""
    told = _Told(schema)
    if not isinstance(schema, dict) or told.is_bound or _type(schema) != "object" or schema.get("type") == ["object"]:
        return {"name": name, "logicalType": "object", **customs({SCHEMA: schema})}
    members = told.place({key: value for key, value in schema.items() if key not in ("$defs", "definitions")}, ())
    members.pop("required")
    extra = members.pop("customProperties", [])
    if members["logicalType"] != "object" or any(each["property"] in (SCHEMA, NULLABLE) for each in extra):
        return {"name": name, "logicalType": "object", **customs({SCHEMA: schema})}
    besides: Json = custom({"customProperties": extra}, KEYWORDS) or {}
    for member in ("logicalTypeOptions", "enum", "examples"):  # an object at the top has none
        if (found := members.pop(member, None)) is not None:
            besides |= found if member == "logicalTypeOptions" else {member: schema[member]}
    if '"$ref"' in json.dumps([members, extra]):
        besides |= {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    extra = [each for each in extra if each["property"] != KEYWORDS] + customs({KEYWORDS: besides or None}).get(
        "customProperties", []
    )
    title = schema.get("title")
    made = {"name": title if isinstance(title, str) and title else name, **members}
    made["customProperties"] = extra
    return made if extra else {key: value for key, value in made.items() if key != "customProperties"}


def _type(node: Mapping[str, Any]) -> str | None:
    """The one type of a schema, besides null; what has properties and says none is an object."""
    kind = node.get("type")
    if isinstance(kind, list):
        others = [each for each in kind if each != "null"]
        kind = others[0] if len(others) == 1 and len(kind) <= 2 else None
    if kind is None and "type" not in node and "properties" in node:
        return "object"
    return kind if kind in _TYPES else None


@dataclass(slots=True)
class _Told:
    """Places of one schema."""

    root: Any

    @property
    def is_bound(self) -> bool:
        """Whether its references depend on where they stand: then it is carried whole."""
        waiting, first = [self.root], True
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                if node.keys() & _APPLICATORS or (not first and isinstance(node.get("$id", node.get("id")), str)):
                    return True
                reference = node.get("$ref")
                if isinstance(reference, str) and not reference.startswith("#/") and reference != "#":
                    return True
                first = False
                waiting += node.values()
            elif isinstance(node, list):
                waiting += node
        return False

    def place(self, node: Any, inside: tuple[str, ...]) -> Json:
        """The members of a place; `inside` are the references that lead to it."""
        if isinstance(node, dict) and isinstance(reference := node.get("$ref"), str):
            found = self._at(reference)
            others = node.keys() - {"$ref"}
            if others or reference in inside or not isinstance(found, dict) or len(inside) > _DEEPEST:
                return _raw(node)
            return self.place(found, (*inside, reference))
        if not isinstance(node, dict) or (kind := _type(node)) is None:
            return _raw(node)
        if isinstance(node.get("additionalProperties"), dict) and kind == "object" and not _is_record(node):
            return self._members(node, "map", {"additionalProperties"}, inside)
        return self._members(node, kind, set(), inside)

    def _at(self, reference: str) -> Any:
        found = self.root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def _members(self, node: Json, kind: str, taken: set[str], inside: tuple[str, ...]) -> Json:
        physical = "object" if kind == "map" else kind
        taken |= {"type"}
        members: Json = {"logicalType": kind, "physicalType": physical, "required": True}
        for keyword, member, expected in _WORDS:
            if type(node.get(keyword)) is expected and node[keyword] not in ("", False):
                members[member] = node[keyword]
                taken.add(keyword)
        if tags := texts(node.get(TAGS)):
            members["tags"] = tags
            taken.add(TAGS)
        if isinstance(examples := node.get("examples"), list) and examples:
            members["examples"] = examples
            taken.add("examples")
        options = {name: node[name] for name in _OPTIONS[physical] if name in node and _is_option(name, node[name])}
        if kind == "map":
            options = {}
        if kind == "string" and options.get("format") in _TIMES and len(options) == 1:
            members["logicalType"] = _TIMES[options["format"]]
            taken.add("format")
            options = {}
        if options:
            members["logicalTypeOptions"] = options
            taken |= options.keys()
        if _is_enum(node.get("enum"), kind):
            members["enum"] = [{"value": each} for each in node["enum"]]
            taken.add("enum")
        self._inside(node, kind, members, taken, inside)
        nullable = True if isinstance(node.get("type"), list) and "null" in node["type"] else None
        keywords = {name: value for name, value in node.items() if name not in taken | {"default"}}
        extra = {
            NULLABLE: nullable,
            UNTYPED: True if "type" not in node else None,
            KEYWORDS: keywords or None,
        }
        found = customs(extra).get("customProperties", [])
        if "default" in node:
            found.append({"property": DEFAULT, "value": node["default"]})
        return {**members, **({"customProperties": found} if found else {})}

    def _inside(self, node: Json, kind: str, members: Json, taken: set[str], inside: tuple[str, ...]) -> None:
        if kind == "map":
            value = self.place(node["additionalProperties"], inside)
            members["map"] = {"key": {"logicalType": "string", "physicalType": "string"}, "value": value}
        if kind == "array" and isinstance(node.get("items"), dict):
            members["items"] = self.place(node["items"], inside)
            taken.add("items")
        if kind == "object" and isinstance(properties := node.get("properties"), dict) and properties:
            taken.add("properties")
            needed = texts(node.get("required"))
            if all(name in properties for name in needed) and needed == node.get("required", []):
                taken.add("required")
            members["properties"] = [
                {"name": name, **self.place(each, inside), "required": name in needed}
                for name, each in properties.items()
            ]


def _raw(node: Any) -> Json:
    return {"logicalType": "object", "physicalType": "any", "required": True, **customs({SCHEMA: _any(node)})}


def _any(node: Any) -> Any:
    return {} if node is None else node


def _is_record(node: Mapping[str, Any]) -> bool:
    return any(
        name in node for name in ("properties", "patternProperties", "required", "minProperties", "maxProperties")
    )


def _is_option(name: str, value: Any) -> bool:
    """Whether a value is of the kind that ODCS wants."""
    if name in _COUNTS:
        return type(value) is int and value >= 0
    if name in ("pattern", "format"):
        return isinstance(value, str)
    if name == "uniqueItems":
        return isinstance(value, bool)
    return type(value) in (int, float) and (name != "multipleOf" or value > 0)


def _is_enum(values: Any, kind: str) -> bool:
    """Whether values are single ones, each once."""
    if not isinstance(values, list) or not values or kind in ("array", "object", "map"):
        return False
    told = [json.dumps(each) for each in values]
    return all(not isinstance(each, dict | list) for each in values) and len(set(told)) == len(told)


# back


def schema_of(node: Json, found: Found) -> Any:
    """The JSON Schema of a schema object. `found.own`: its physical types are JSON's, as `object_of` told them."""
    if found.own and has(node, SCHEMA):
        return custom(node, SCHEMA)
    made = _made({"logicalType": "object", "required": True, **node}, found, "$")
    if not found.own:
        titled = {"title": node["name"]} if node.get("name") and "title" not in made else {}
        return {"$schema": _DRAFT, **titled, **made}
    return made


def _made(node: Json, found: Found, place: str) -> Any:
    """The schema of a place."""
    if found.own and has(node, SCHEMA):
        return custom(node, SCHEMA)
    kind = str(node.get("logicalType") or "string")
    made: Json = {} if found.own and custom(node, UNTYPED) else {"type": _json_type(kind, node, found, place)}
    if found.own and custom(node, NULLABLE) and "type" in made:
        made["type"] = [made["type"], "null"]
    options = dict(inner(node, "logicalTypeOptions", place))
    if kind in _FORMATS:
        made["format"] = _FORMATS[kind]
        options.pop("timezone", None)
    for name, value in options.items():
        if name in _OPTIONS.get(str(_plain(kind)), ()) and kind not in _FORMATS and not _is_size(name, value, kind):
            made[name] = value
        elif name != "format" or kind in ("string", *_FORMATS):
            found.leave(f"{place}: {name}", "JSON Schema has no word for it here")
    for keyword, member, _ in _WORDS:
        if node.get(member):
            made[keyword] = node[member]
    if node.get("examples"):
        made["examples"] = node["examples"]
    if values := [each.get("value") for each in listed(node, "enum")]:
        made["enum"] = values
    _inside(node, kind, made, found, place)
    if not found.own:
        return made
    if has(node, DEFAULT):
        made["default"] = custom(node, DEFAULT)
    return {**made, **carried(node, KEYWORDS, place)}


def _inside(node: Json, kind: str, made: Json, found: Found, place: str) -> None:
    if kind == "array" and (items := inner(node, "items", place)):
        found.unread(f"{place}[]", items)
        made["items"] = _made(items, found, place)
    if kind == "map":
        values = value_of_map(node, place)
        made["additionalProperties"] = True if values is None else _made(values, found, place)
    if properties := listed(node, "properties"):
        made["properties"] = {}
        needed = []
        for each in properties:
            name = field_name(each, found, below(place, each.get("name")))
            found.unread(below(place, name), each)
            if not name or name in made["properties"]:
                found.leave(below(place, name), "a property has one name, and one name one property")
                continue
            found.tag(below(place, name), each)
            made["properties"][name] = _made(each, found, below(place, name))
            if each.get("required"):
                needed.append(name)
        if needed:
            made["required"] = needed


def _json_type(kind: str, node: Json, found: Found, place: str) -> str:
    plain = _plain(kind)
    if plain is None:
        found.leave(f"{place}: logicalType {kind}", "JSON Schema has no such type; it becomes an array")
        return "array"
    return plain


def _plain(kind: str) -> str | None:
    """The JSON type of a logical type."""
    if kind in _FORMATS:
        return "string"
    return "object" if kind == "map" else kind if kind in _TYPES else None


def _is_size(name: str, value: Any, kind: str) -> bool:
    """Whether a format is the size of a number, which JSON does not tell apart."""
    return name == "format" and kind in ("integer", "number")
