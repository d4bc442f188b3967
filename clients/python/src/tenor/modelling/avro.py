"""The types of an Avro schema's events, as the codec reads and writes them. Pure.

    record → class          decimal → Decimal            timestamp-* → datetime with a zone (local-*: without)
    enum → StrEnum          date, time-* → date, time    uuid → UUID
    bytes, fixed → bytes    int, long → int              what else is logical → its underlying type

A field without a default is required, also where it may be null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import fastavro

from tenor.codecs.avro.model import Model, children, kind, logical, parse, standalone
from tenor.codecs.avro.resolve import native
from tenor.errors import UnusableSchema
from tenor.modelling.document import (
    BOOLEAN,
    BYTES,
    FLOAT,
    NULL,
    TEXT,
    WHOLE,
    Document,
    Made,
    Node,
    Symbol,
    class_names,
    described,
    union,
)
from tenor.schemas import AVRO, Schema

_AWARE: Final[Node] = {"type": "string", "format": "date-time"}
_NAIVE: Final[Node] = {"type": "string", "format": "date-time-local"}
_TIME: Final[Node] = {"type": "string", "format": "time"}
_DECIMAL: Final[Node] = {"type": "number", "format": "decimal"}

_LEAVES: Final[Mapping[str, Node]] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "int": WHOLE,
    "long": WHOLE,
    "float": FLOAT,
    "double": FLOAT,
    "string": TEXT,
    "bytes": BYTES,
    "int-date": {"type": "string", "format": "date"},
    "int-time-millis": _TIME,
    "long-time-micros": _TIME,
    "long-timestamp-millis": _AWARE,
    "long-timestamp-micros": _AWARE,
    "long-local-timestamp-millis": _NAIVE,
    "long-local-timestamp-micros": _NAIVE,
    "string-uuid": {"type": "string", "format": "uuid"},
    "bytes-decimal": _DECIMAL,
    "fixed-decimal": _DECIMAL,
}


def document(schema: Schema, references: Mapping[str, Schema], name: str) -> Document:
    """What a module says of these events. `name` is for a root that has none. Raises UnusableSchema."""
    model = parse(schema, references)
    named = {each["name"]: each for each in _named(model) if each["type"] != "fixed"}
    root = model.root["name"] if isinstance(model.root, dict) and model.root.get("name") in named else None
    own = class_names([root or name])[root or name]
    names = class_names(named) if root else class_names(named, (own,))
    made = Document(names[root] if root else own)
    types = _Types(model, made, names)
    made.definitions = {names[full]: types.definition(node) for full, node in named.items() if full != root}
    made.root = types.definition(named[root]) if root else types.of(model.root)
    return made


def _named(model: Model) -> Iterator[Any]:
    """Every named type, each once, in the order in which they are met."""
    seen: set[str] = set()
    todo = [model.root]
    while todo:
        node = model.resolved(todo.pop(0))
        if isinstance(node, dict) and "name" in node:
            if node["name"] in seen:
                continue
            seen.add(node["name"])
            yield node
        todo = [*children(node), *todo]


@dataclass(frozen=True, slots=True)
class _Types:
    """Turns nodes of a model into those of a document."""

    model: Model
    made: Document
    names: Mapping[str, str]

    def definition(self, node: Any) -> Node:
        """The class of a record or an enum."""
        told = _told(node.get("doc"), node.get("aliases"))
        if node["type"] == "enum":
            return described({"type": "string", "enum": list(node["symbols"])}, told)
        properties, required = {}, []
        for field in node["fields"]:
            inner = described(dict(self.of(field["type"])), _told(field.get("doc"), field.get("aliases")))
            if "default" in field:
                inner["default"] = self.made.marked(self.default(field["type"], field["default"]))
            else:
                required.append(field["name"])
            properties[field["name"]] = inner
        return described({"type": "object", "properties": properties, "required": required}, told)

    def of(self, node: Any) -> Node:
        """The type of the values of a node."""
        node = self.model.resolved(node)
        if (leaf := _LEAVES.get(logical(node))) is not None:
            return leaf
        match kind(node):
            case "union":
                # Pydantic takes the branch that fills most fields, and of several the first: a record that is part
                # of another comes before it, so that what both could hold stays without the other's defaults.
                return union(map(self.of, sorted(node, key=self._width)))
            case "array":
                return {"type": "array", "items": self.of(node["items"])}
            case "map":
                return {"type": "object", "additionalProperties": self.of(node["values"])}
            case "fixed":
                return {**BYTES, "minLength": node["size"], "maxLength": node["size"]}
            case "record" | "error" | "enum":
                return self.made.reference(self.names[node["name"]])
        return _LEAVES[kind(node)]  # of a logical type that the codec does not know

    def _width(self, node: Any) -> int:
        node = self.model.resolved(node)
        return len(node["fields"]) if kind(node) in ("record", "error") else 0

    def default(self, node: Any, default: Any) -> Any:
        """The value that a default's JSON stands for, as the codec reads it; of a union, that of the first it fits."""
        node = self.model.resolved(node)
        for branch in node if kind(node) == "union" else [node]:
            schema = fastavro.parse_schema(standalone(branch, self.model.named, set()), named_schemas={})
            buffer = BytesIO()
            try:
                value = native(self.model, branch, default)
                fastavro.validate(value, schema)
                fastavro.schemaless_writer(buffer, schema, value)
                buffer.seek(0)
                return self._classed(branch, fastavro.schemaless_reader(buffer, schema, None))
            except Exception:  # noqa: S112 # fastavro raises whatever its code meets
                continue
        raise UnusableSchema(format=AVRO, reason=f"the default {json.dumps(default)} is of no type of its field")

    def _classed(self, node: Any, value: Any) -> Any:
        """A value with its classes: of a union a default is of the first branch."""
        node = self.model.resolved(node)
        match kind(node):
            case "union":
                return self._classed(node[0], value)
            case "record" | "error":
                fields = {each["name"]: self._classed(each["type"], value[each["name"]]) for each in node["fields"]}
                return Made(self.names[node["name"]], fields)
            case "enum":
                return Symbol(self.names[node["name"]], value)
            case "array":
                return [self._classed(node["items"], item) for item in value]
            case "map":
                return {key: self._classed(node["values"], item) for key, item in value.items()}
        return value


def _told(doc: Any, aliases: Any) -> str:
    known = f"Also known as {', '.join(aliases)}." if aliases else ""
    return "\n".join(each for each in (doc if isinstance(doc, str) else "", known) if each)
