"""An Avro schema with its references, resolved into one text that stands alone and parsed. Pure.

References name full names. Each named type is written out where it is first used and named afterwards, so that the
order in which a registry lists references does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

import fastavro
from fastavro.schema import UnknownType

from tenor.errors import UnusableSchema
from tenor.schemas import Schema

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED: Final = frozenset({"record", "error", "enum", "fixed"})
RECORDS: Final = frozenset({"record", "error"})


@dataclass(frozen=True, slots=True)
class Model:
    """A parsed schema. `root` is what fastavro takes; in it every name is a full name found in `named`.

    `recursive`: a type contains itself, so that events nest without bound. `zero_width`: some array has items
    that take no bytes, so that a few bytes can announce any number of them.
    """

    root: Any
    named: Mapping[str, Any]
    recursive: bool
    zero_width: bool

    @property
    def record(self) -> str:
        """Full name of the event's type, or of its primitive type."""
        if isinstance(self.root, list):
            return "union"
        return str(self.root.get("name", self.root["type"]) if isinstance(self.root, dict) else self.root)

    def resolved(self, node: Any) -> Any:
        """A node, or the definition that it names."""
        return self.named.get(node, node) if isinstance(node, str) else node


def parse(schema: Schema, references: Mapping[str, Schema]) -> Model:
    """Parse a schema text. Raises UnusableSchema."""
    definitions: dict[str, Any] = {}
    try:
        for reference in references.values():
            theirs: dict[str, Any] = {}
            _qualified(json.loads(reference.text), "", theirs)
            definitions = theirs | definitions
        own = _qualified(json.loads(schema.text), "", {})
        named: dict[str, Any] = {}
        root = fastavro.parse_schema(standalone(own, definitions, set()), named_schemas=named)
    except RecursionError:
        raise
    except Exception as error:  # fastavro raises whatever its code meets: KeyError, TypeError, …
        raise UnusableSchema(format="AVRO", reason=_said(error)) from error
    model = Model(root, named, False, False)
    return Model(root, named, _recursive(root, model, ()), _has_zero_width_items(model))


def kind(node: Any) -> str:
    """`record`, `union`, `long`, … of a resolved node."""
    if isinstance(node, list):
        return "union"
    return str(node["type"] if isinstance(node, dict) else node)


def logical(node: Any) -> str:
    """The type together with its logical type, as in `long-timestamp-millis`; the type alone if it has none."""
    if isinstance(node, dict) and isinstance(name := node.get("logicalType"), str):
        return f"{node['type']}-{name}"
    return kind(node)


def children(node: Any) -> list[Any]:
    """The types directly inside a resolved node."""
    match kind(node):
        case "union":
            return list(node)
        case "record" | "error":
            return [field["type"] for field in node["fields"]]
        case "array":
            return [node["items"]]
        case "map":
            return [node["values"]]
        case _:
            return []


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _qualified(node: Any, namespace: str, definitions: dict[str, Any]) -> Any:
    """The node with every name written in full; collects what it defines."""
    if isinstance(node, str):
        return node if node in PRIMITIVES else _full_name(node, namespace)
    if isinstance(node, list):
        return [_qualified(branch, namespace, definitions) for branch in node]
    if not isinstance(node, dict):
        raise ValueError(f"{json.dumps(node)} is no Avro type")
    type_ = node["type"]
    if isinstance(type_, dict | list):  # {"type": {"type": "array", …}} says no more than its inside
        return _qualified(type_, namespace, definitions)
    out = dict(node)
    if type_ in NAMED:
        # A dot in the name makes the namespace attribute void.
        full = _full_name(node["name"], node.get("namespace", namespace))
        out["name"], inner = full, full.rpartition(".")[0]
        out.pop("namespace", None)
        if "aliases" in node:
            out["aliases"] = [_full_name(alias, inner) for alias in node["aliases"]]
        if type_ in RECORDS:
            # Interned, because the keys of most events are: then a look-up compares addresses, not letters.
            out["fields"] = [
                {**field, "name": intern(field["name"]), "type": _qualified(field["type"], inner, definitions)}
                for field in node["fields"]
            ]
        if definitions.setdefault(full, out) is not out:
            raise ValueError(f"the type {full} is defined twice")
    elif type_ == "array":
        out["items"] = _qualified(node["items"], namespace, definitions)
    elif type_ == "map":
        out["values"] = _qualified(node["values"], namespace, definitions)
    elif type_ not in PRIMITIVES:
        return _full_name(type_, namespace)
    return out


def standalone(node: Any, definitions: Mapping[str, Any], written: set[str]) -> Any:
    """The node with the definitions it names put in where they are first used; `written` collects them."""
    if isinstance(node, str):
        if node in PRIMITIVES or node in written or node not in definitions:
            return node
        return standalone(definitions[node], definitions, written)
    if isinstance(node, list):
        return [standalone(branch, definitions, written) for branch in node]
    if node["type"] in NAMED:
        if node["name"] in written:
            return node["name"]
        written.add(node["name"])
    out = {key: value for key, value in node.items() if not key.startswith("__")}  # without fastavro's own marks
    if node["type"] in RECORDS:
        out["fields"] = [{**field, "type": standalone(field["type"], definitions, written)} for field in node["fields"]]
    elif node["type"] == "array":
        out["items"] = standalone(node["items"], definitions, written)
    elif node["type"] == "map":
        out["values"] = standalone(node["values"], definitions, written)
    return out


def _recursive(node: Any, model: Model, inside: tuple[str, ...]) -> bool:
    node = model.resolved(node)
    name = node["name"] if isinstance(node, dict) and node["type"] in RECORDS else None
    if name in inside:
        return True
    deeper = (*inside, name) if name else inside
    return any(_recursive(child, model, deeper) for child in children(node))


def _has_zero_width_items(model: Model) -> bool:
    def zero_width(node: Any, inside: tuple[str, ...] = ()) -> bool:
        node = model.resolved(node)
        match kind(node):
            case "null":
                return True
            case "fixed":
                return bool(node["size"] == 0)
            case "record" | "error":
                name = node["name"]
                return name not in inside and all(zero_width(f["type"], (*inside, name)) for f in node["fields"])
            case _:
                return False

    def arrays(node: Any) -> bool:
        node = model.resolved(node)
        if isinstance(node, dict) and node["type"] in RECORDS:
            if node["name"] in seen:
                return False
            seen.add(node["name"])
        if kind(node) == "array" and zero_width(node["items"]):
            return True
        return any(arrays(child) for child in children(node))

    seen: set[str] = set()
    return arrays(model.root)


def _said(error: Exception) -> str:
    if isinstance(error, UnknownType):
        return f"the type {error.name} is not defined in it, nor in what it refers to"
    if isinstance(error, KeyError):
        return f"{error} is missing"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 200 else text[:200] + "…"
