"""Avro schemas as ODCS schema objects, and back. Pure.

    ["null", {"type": "long", "logicalType": "timestamp-millis"}]
    → logicalType timestamp, physicalType "long (timestamp-millis)", required false

A named type is told where it is defined; where it is used again, physicalType is its full name. Documents of others
know logical types only: a number becomes double, an integer long, a time its milliseconds, and what is not required is
null by default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tenor.cli.standards.odcs.members import (
    ATTRIBUTES,
    DEFAULT,
    DOC,
    FIELD,
    NAME,
    NO_DEFAULT,
    NULL_LAST,
    SCHEMA,
    Found,
    Json,
    below,
    camel,
    carried,
    custom,
    customs,
    field_name,
    has,
    inner,
    listed,
    said,
    texts,
    unique,
    value_of_map,
)

TAGS: Final = "confluent:tags"


class Logical(NamedTuple):
    """What ODCS calls a type."""

    type: str
    options: Json | None = None


_PRIMITIVES: Final[Mapping[str, Logical]] = {
    "null": Logical("string"),
    "boolean": Logical("boolean"),
    "int": Logical("integer", {"format": "i32"}),
    "long": Logical("integer", {"format": "i64"}),
    "float": Logical("number", {"format": "f32"}),
    "double": Logical("number", {"format": "f64"}),
    "bytes": Logical("string"),
    "string": Logical("string"),
}
_ZONED: Final = {"timezone": True}
_LOCAL: Final = {"timezone": False}
_LOGICAL: Final[Mapping[tuple[str, str], Logical]] = {
    ("int", "date"): Logical("date"),
    ("int", "time-millis"): Logical("time"),
    ("long", "time-micros"): Logical("time"),
    **{("long", f"timestamp-{unit}"): Logical("timestamp", _ZONED) for unit in ("millis", "micros", "nanos")},
    **{("long", f"local-timestamp-{unit}"): Logical("timestamp", _LOCAL) for unit in ("millis", "micros", "nanos")},
    ("string", "uuid"): Logical("string", {"format": "uuid"}),
    ("bytes", "decimal"): Logical("number"),
    ("fixed", "decimal"): Logical("number"),
    ("fixed", "duration"): Logical("string"),
    ("fixed", "uuid"): Logical("string", {"format": "uuid"}),
}
_PHYSICAL: Final = re.compile(
    r"(?P<base>[A-Za-z_][\w.]*)(?:\((?P<size>\d+)\))?"
    r"(?: \((?P<logical>[\w-]+)(?: (?P<precision>\d+)(?:,(?P<scale>\d+))?)?\))?"
)
_STRUCTURES: Final = ("record", "enum", "array", "map", "union")
_OF_TYPES: Final = frozenset(
    ("type", "name", "namespace", "doc", "aliases", "fields", "symbols", "default", "size", "items", "values")
)
_OF_FIELDS: Final = frozenset(("name", "type", "doc", "default", TAGS))
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOREIGN: Final[Mapping[str, Any]] = {
    "string": "string",
    "date": {"type": "int", "logicalType": "date"},
    "timestamp": {"type": "long", "logicalType": "timestamp-millis"},
    "time": {"type": "int", "logicalType": "time-millis"},
    "number": "double",
    "integer": "long",
    "boolean": "boolean",
}
_FORMATS: Final = {"i8": "int", "i16": "int", "i32": "int", "u8": "int", "u16": "int", "f32": "float"}


def object_of(schema: Any, name: str) -> Json:
    """The schema object of an Avro schema; `name` if it has none itself."""
    if not (isinstance(schema, dict) and schema.get("type") == "record"):
        return {"name": name, "logicalType": "object", **customs({SCHEMA: schema})}
    members = _Told().place(schema, "")
    members.pop("required")
    return {"name": str(custom(members, NAME)).rpartition(".")[2], **members}


@dataclass(slots=True)
class _Told:
    """Places of one schema; `kinds` of the named types that were told already."""

    kinds: dict[str, str] = field(default_factory=dict)

    def place(self, node: Any, space: str) -> Json:
        """The members of a place of a type. Those that a null may stand at are not required."""
        if isinstance(node, list):
            return self._union(node, space)
        if isinstance(node, str):
            return self._named(node, space)
        kind = node.get("type")
        if isinstance(kind, dict | list):
            return self.place(kind, space)
        if kind in ("record", "error", "enum", "fixed"):
            return self._definition(node, str(kind), space)
        if kind in ("array", "map"):
            return self._container(node, str(kind), space)
        return self._annotated(node, str(kind))

    def _union(self, node: list[Any], space: str) -> Json:
        others = [each for each in node if each not in ("null", {"type": "null"})]
        if len(node) == 2 and len(others) == 1:
            members = self.place(others[0], space)
            last = True if others[0] is node[0] else None
            extra = members.pop("customProperties", []) + customs({NULL_LAST: last}).get("customProperties", [])
            return {**members, "required": False, **({"customProperties": extra} if extra else {})}
        return {
            "logicalType": "object",
            "physicalType": "union",
            "required": len(others) == len(node),
            **customs({SCHEMA: self._standing_alone(node, space)}),
        }

    def _named(self, name: str, space: str) -> Json:
        if name in _PRIMITIVES:
            return self._members(name, _PRIMITIVES[name])
        full = self._meant(name, space)
        return {
            "logicalType": "object" if self.kinds.get(full, "record") == "record" else "string",
            "physicalType": full,
            "required": True,
        }

    def _meant(self, name: str, space: str) -> str:
        """The full name of a type that was defined before: one of this namespace, else one of none."""
        full = _full(name, space)
        return name if full not in self.kinds and name in self.kinds else full

    def _standing_alone(self, node: Any, space: str) -> Any:
        """A part of a schema whose names do not depend on where it stands."""
        if isinstance(node, list):
            return [self._standing_alone(each, space) for each in node]
        if isinstance(node, str):
            return node if node in _PRIMITIVES else self._meant(node, space)
        made = dict(node)
        if isinstance(name := node.get("name"), str):
            full = _full(name, str(node.get("namespace", space)))
            space, _, short = full.rpartition(".")
            self.kinds[full] = str(node.get("type"))
            made = {**node, "name": short, "namespace": space}
        for key in ("type", "items", "values"):
            if isinstance(made.get(key), dict | list) or (key != "type" and isinstance(made.get(key), str)):
                made[key] = self._standing_alone(made[key], space)
        if isinstance(made.get("fields"), list):
            made["fields"] = [{**each, "type": self._standing_alone(each["type"], space)} for each in made["fields"]]
        return made

    def _members(self, physical: str, logical: Logical, **extra: Any) -> Json:
        options = {} if logical.options is None else {"logicalTypeOptions": dict(logical.options)}
        return {"logicalType": logical.type, **options, "physicalType": physical, "required": True, **customs(extra)}

    def _annotated(self, node: Json, base: str) -> Json:
        known = _logical(base, node)
        taken = {"type", *(("logicalType", "precision", "scale") if known else ())}
        attributes = {name: value for name, value in node.items() if name not in taken} or None
        if known is None:
            return self._members(base, _PRIMITIVES[base], **{ATTRIBUTES: attributes})
        physical, logical = known
        return self._members(physical, logical, **{ATTRIBUTES: attributes})

    def _container(self, node: Json, kind: str, space: str) -> Json:
        attributes = {name: value for name, value in node.items() if name not in _OF_TYPES} or None
        part = self.place(node["items" if kind == "array" else "values"], space)
        key = {"logicalType": "string", "physicalType": "string", "required": True}
        inside = {"items": part} if kind == "array" else {"map": {"key": key, "value": part}}
        return {
            "logicalType": kind,
            "physicalType": kind,
            "required": True,
            **inside,
            **customs({ATTRIBUTES: attributes}),
        }

    def _definition(self, node: Json, kind: str, space: str) -> Json:
        full = _full(node["name"], str(node.get("namespace", space)))
        home = full.rpartition(".")[0]
        self.kinds[full] = kind
        known = _logical(f"fixed({node.get('size')})", node) if kind == "fixed" else None
        taken = _OF_TYPES | (frozenset(("logicalType", "precision", "scale")) if known else frozenset())
        extra = {
            "aliases": node.get("aliases"),
            "default": node.get("default"),
            **{name: value for name, value in node.items() if name not in taken},
        }
        extra = {name: value for name, value in extra.items() if value is not None}
        members: Json = {
            "logicalType": "object" if kind in ("record", "error") else "string",
            "physicalType": kind,
            "required": True,
            **({"description": node["doc"]} if node.get("doc") else {}),
            **customs({NAME: full, ATTRIBUTES: extra or None}),
        }
        if kind == "fixed":
            physical, logical = known or (f"fixed({node['size']})", Logical("string"))
            options = {} if logical.options is None else {"logicalTypeOptions": dict(logical.options)}
            members |= {"physicalType": physical, "logicalType": logical.type, **options}
        if kind == "enum" and node["symbols"]:
            members["enum"] = [{"value": symbol} for symbol in node["symbols"]]
        if kind in ("record", "error"):
            members["properties"] = [self._field(each, home) for each in node["fields"]]
        return members

    def _field(self, node: Json, space: str) -> Json:
        members = self.place(node["type"], space)
        extra = members.pop("customProperties", [])
        own = {name: value for name, value in node.items() if name not in _OF_FIELDS}
        own_doc = node.get("doc")
        if own_doc:
            extra += customs({DOC: members.pop("description", None)}).get("customProperties", [])
        elif "description" in members:
            extra += customs({DOC: members.pop("description")})["customProperties"]
        extra += customs({FIELD: own or None}).get("customProperties", [])
        if "default" in node:
            extra.append({"property": DEFAULT, "value": node["default"]})
        elif not members["required"]:
            extra.append({"property": NO_DEFAULT, "value": True})
        tags = texts(node.get(TAGS))
        return {
            "name": node["name"],
            **({"description": own_doc} if own_doc else {}),
            **members,
            **({"tags": tags} if tags else {}),
            **({"customProperties": extra} if extra else {}),
        }


def _logical(base: str, node: Json) -> tuple[str, Logical] | None:
    """The physical type of an annotated one, and what ODCS calls it; None where it says nothing that is known."""
    name = node.get("logicalType")
    known = _LOGICAL.get((base.partition("(")[0], str(name)))
    if known is None:
        return None
    if name != "decimal":
        return f"{base} ({name})", known
    numbers = [node[each] for each in ("precision", "scale") if each in node]
    if not numbers or "precision" not in node or not all(type(each) is int and each >= 0 for each in numbers):
        return None
    return f"{base} (decimal {','.join(map(str, numbers))})", known


def _full(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"


# back


def schema_of(node: Json, found: Found) -> Any:
    """The Avro schema of a schema object. `found.own`: its physical types are Avro's, as `object_of` told them."""
    if found.own and has(node, SCHEMA):
        return custom(node, SCHEMA)
    name = str(custom(node, NAME) or "") if found.own else ""
    if not name:
        space = ""
        name = camel(str(node.get("name") or "Event"))
    else:
        space, _, name = name.rpartition(".")
    made = _Made(found)
    return made.record(node, name, space, str(node.get("name") or name))


@dataclass(slots=True)
class _Made:
    """Types of one schema. `names` of the records and enums that were made for documents of others."""

    found: Found
    names: set[str] = field(default_factory=set)

    def record(self, node: Json, name: str, space: str, place: str) -> Json:
        self.names.add(name)
        fields: list[Json] = []
        for each in listed(node, "properties"):
            fields.append(self._field(each, {known["name"] for known in fields}, below(place, each.get("name"))))
            self.found.tag(f"{space}.{name}.{fields[-1]['name']}" if space else f"{name}.{fields[-1]['name']}", each)
        described = {"doc": node["description"]} if node.get("description") else {}
        head = {"type": "record", "name": name, "namespace": space, **described}
        return {**head, **self._carried(node, ATTRIBUTES), "fields": fields}

    def _field(self, node: Json, taken: set[str], place: str) -> Json:
        self.found.unread(place, node)
        told = field_name(node, self.found, place) or "field"
        name = told if _NAME.fullmatch(told) else re.sub(r"[^A-Za-z0-9_]", "_", told)
        name = unique(name if _NAME.fullmatch(name) else f"_{name}", taken)
        if name != told:
            self.found.leave(f"{place}: its name", f"Avro calls it {name}")
        typed = {**node, "description": custom(node, DOC) if self.found.own else None}
        made = {"name": name, "type": self.place(typed, place), **self._carried(node, FIELD)}
        if node.get("description"):
            made["doc"] = node["description"]
        if self.found.own and has(node, DEFAULT):
            made["default"] = custom(node, DEFAULT)
        elif not node.get("required") and not (self.found.own and has(node, NO_DEFAULT)):
            made["default"] = None
        for member in ("businessName", "deprecated", "examples"):
            if node.get(member):
                self.found.leave(f"{place}: {member}", "Avro has no word for it")
        return made

    def _carried(self, node: Json, name: str) -> Json:
        """What a document of our own carries along."""
        return carried(node, name, str(node.get("name") or "schema")) if self.found.own else {}

    def place(self, node: Json, place: str) -> Any:
        """The type of a place."""
        if self.found.own and has(node, SCHEMA):
            return custom(node, SCHEMA)
        made = self._physical(node, place) if self.found.own else None
        if made is None:
            made = self._logical(node, place)
        if node.get("required"):
            return made
        return [made, "null"] if custom(node, NULL_LAST) else ["null", made]

    def _part(self, node: Json, place: str) -> Any:
        """The type of items or values."""
        self.found.unread(place, node)
        return self.place(node, place)

    def _physical(self, node: Json, place: str) -> Any:
        found = _PHYSICAL.fullmatch(str(node.get("physicalType") or ""))
        if found is None:
            return None
        base, attributes = found["base"], carried(node, ATTRIBUTES, place)
        if base in ("record", "error"):
            space, _, name = str(custom(node, NAME) or "").rpartition(".")
            return {**self.record(node, name, space, place), "type": base} if name else None
        if base in ("enum", "fixed"):
            space, _, name = str(custom(node, NAME) or "").rpartition(".")
            described = {"doc": node["description"]} if node.get("description") else {}
            head = {"type": base, "name": name, "namespace": space, **described, **attributes}
            if base == "enum":
                return {**head, "symbols": [each.get("value") for each in listed(node, "enum")]}
            return {**head, "size": int(found["size"] or 0), **_annotation(found)}
        if base == "array":
            return {"type": "array", "items": self._part(inner(node, "items", place), f"{place}[]"), **attributes}
        if base == "map":
            values = self._part(value_of_map(node, place) or {}, f"{place}{{}}")
            return {"type": "map", "values": values, **attributes}
        if base not in _PRIMITIVES:
            return base if base not in _STRUCTURES else None  # a type that was defined before
        annotation = {**_annotation(found), **attributes}
        return {"type": base, **annotation} if annotation else base

    def _logical(self, node: Json, place: str) -> Any:
        """The type of a place that only says what it is logically."""
        kind = str(node.get("logicalType") or "string")
        options = dict(inner(node, "logicalTypeOptions", place))
        if kind == "object":
            self._unsayable(options, place)
            name = unique(camel(str(node.get("name") or place.rpartition(".")[2])), self.names)
            return self.record(node, name, "", place)
        if kind == "array":
            self._unsayable(options, place)
            items = inner(node, "items", place)
            if not items:
                self.found.leave(f"{place}: its items", "the document does not say what they are; they become strings")
            return {"type": "array", "items": self._part({"required": True, **items}, f"{place}[]")}
        if kind == "map":
            self._unsayable(options, place)
            values = value_of_map(node, place) or {}
            return {"type": "map", "values": self._part({"required": True, **values}, f"{place}{{}}")}
        if symbols := [each.get("value") for each in listed(node, "enum")]:
            if kind == "string" and all(isinstance(each, str) and _NAME.fullmatch(each) for each in symbols):
                name = unique(camel(str(node.get("name") or place.rpartition(".")[2])), self.names)
                self.names.add(name)
                return {"type": "enum", "name": name, "symbols": symbols}
            self.found.leave(f"{place}: enum", "its values are no symbols of Avro")
        if kind not in _FOREIGN:
            self.found.leave(f"{place}: logicalType {kind}", "Avro has no such type; it becomes a string")
            return "string"
        return self._scalar(node, kind, options, place)

    def _scalar(self, node: Json, kind: str, options: Json, place: str) -> Any:
        decimal = re.fullmatch(
            r"(?:decimal|numeric|number)\((\d+)(?:, *(\d+))?\)", str(node.get("physicalType") or ""), re.IGNORECASE
        )
        if kind == "number" and decimal:
            self._unsayable(options, place)
            annotation = {"logicalType": "decimal", "precision": int(decimal[1]), "scale": int(decimal[2] or 0)}
            return {"type": "bytes", **annotation}
        if kind == "string" and options.get("format") == "uuid":
            self._unsayable({name: each for name, each in options.items() if name != "format"}, place)
            return {"type": "string", "logicalType": "uuid"}
        if kind == "timestamp" and options.get("timezone") is False:
            del options["timezone"]
            self._unsayable(options, place)
            return {"type": "long", "logicalType": "local-timestamp-millis"}
        made = _FORMATS.get(str(options.get("format"))) if kind in ("integer", "number") else None
        dropped = {"timezone"} | ({"format"} if made or options.get("format") in ("i64", "f64") else set())
        self._unsayable({name: each for name, each in options.items() if name not in dropped}, place)
        return made or _FOREIGN[kind]

    def _unsayable(self, options: Mapping[str, Any], place: str) -> None:
        for name in options:
            self.found.leave(f"{place}: {name}", "Avro has no word for it")


def _annotation(found: re.Match[str]) -> Json:
    """The logical type that a physical type names."""
    if found["logical"] is None:
        return {}
    numbers = {name: int(found[name]) for name in ("precision", "scale") if found[name] is not None}
    return said({"logicalType": found["logical"], **numbers})
