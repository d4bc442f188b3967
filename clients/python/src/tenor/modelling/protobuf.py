"""The types of a Protobuf file's messages, as the codec reads and writes them. Pure.

A field with presence that is not set is None; all others have the defaults of their types. Enums are by name; one that
is open may hold numbers that have none. Google's well-known types are messages as all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from tenor.codecs.protobuf.check import enum_of, is_map, message_of, oneofs
from tenor.codecs.protobuf.descriptors import load, message_at, path_to
from tenor.modelling.document import (
    BOOLEAN,
    BYTES,
    FLOAT,
    TEXT,
    WHOLE,
    Document,
    Node,
    Symbol,
    class_names,
    described,
    nullable,
    union,
)
from tenor.schemas import Schema

_UNSIGNED: Final[Node] = {"type": "integer", "minimum": 0}
_LEAVES: Final[Mapping[int, tuple[Node, str, Any]]] = {
    # kind: its type, how that is written, and the value of a field that is not there
    FieldDescriptor.CPPTYPE_INT32: (WHOLE, "int", 0),
    FieldDescriptor.CPPTYPE_INT64: (WHOLE, "int", 0),
    FieldDescriptor.CPPTYPE_UINT32: (_UNSIGNED, "int", 0),
    FieldDescriptor.CPPTYPE_UINT64: (_UNSIGNED, "int", 0),
    FieldDescriptor.CPPTYPE_DOUBLE: (FLOAT, "float", 0.0),
    FieldDescriptor.CPPTYPE_FLOAT: (FLOAT, "float", 0.0),
    FieldDescriptor.CPPTYPE_BOOL: (BOOLEAN, "bool", False),
    FieldDescriptor.CPPTYPE_STRING: (TEXT, "str", ""),
}


def document(schema: Schema, references: Mapping[str, Schema], message: str = "") -> Document:
    """What a module says of the messages of a file, given as its descriptor; the root is the one named, or the first.

    Raises UnusableSchema.
    """
    file = load(schema, references)
    enums, messages = file.enum_types_by_name.values(), file.message_types_by_name.values()
    # Without a message a file holds what others share.
    shared = next(iter(enums), None) if not messages and not message else None
    root = shared or message_at(file, path_to(file, message))
    met = list(_met([root, *messages, *enums]))
    inner = {each.full_name: _inner_name(each) for each in met}
    names = class_names(inner.values())
    made = Document(names[inner[root.full_name]])
    types = _Types(made, {full: names[name] for full, name in inner.items()})
    for each in met:
        if each is not root:
            made.definitions[types.names[each.full_name]] = types.definition(each)
    made.root = types.definition(root)
    return made


def _met(first: list[Any]) -> Iterator[Descriptor | EnumDescriptor]:
    """Messages and enums, each once, with all that is inside them."""
    seen: set[str] = set()
    todo = list(first)
    while todo:
        each = todo.pop(0)
        if each is None or each.full_name in seen:
            continue
        seen.add(each.full_name)
        if isinstance(each, EnumDescriptor):
            yield each
            continue
        if not each.GetOptions().map_entry:
            yield each
        used = [kind for field in each.fields for kind in (field.message_type, field.enum_type)]
        todo = [*used, *each.nested_types, *each.enum_types, *todo]


def _inner_name(each: Descriptor | EnumDescriptor) -> str:
    """The name within the package: `Order.Line` of `shop.v1.Order.Line`; of another package with that before it."""
    parts: list[str] = []
    holder: Any = each
    while holder is not None:
        parts.insert(0, holder.name)
        holder = holder.containing_type
    return f"{each.file.package}.{'_'.join(parts)}" if each.file.package else "_".join(parts)


@dataclass(frozen=True, slots=True)
class _Types:
    made: Document
    names: Mapping[str, str]

    def definition(self, each: Descriptor | EnumDescriptor) -> Node:
        """The class of a message or an enum."""
        if isinstance(each, EnumDescriptor):
            return {"type": "string", "enum": [value.name for value in each.values]}
        together = {name: names for names in oneofs(each) for name in names}
        properties = {
            field.name: described(self.field(field), _together(together.get(field.name, ()))) for field in each.fields
        }
        required = [field.name for field in each.fields if field.is_required]
        return {"type": "object", "properties": properties, "required": required}

    def field(self, field: FieldDescriptor) -> Node:
        """The type of a field with its default."""
        if is_map(field):
            entry = message_of(field).fields_by_name
            return {**self._map(entry["key"], entry["value"]), "default": self.made.marked({})}
        node, _, default = self.single(field)
        if field.is_repeated:
            return {"type": "array", "items": node, "default": self.made.marked([])}
        if field.is_required:
            return node
        return {**nullable(node), "default": None} if field.has_presence else {**node, "default": default}

    def _map(self, key: FieldDescriptor, value: FieldDescriptor) -> Node:
        node, written, _ = self.single(value)
        kind = self.single(key)[1]
        return {"type": "object", "additionalProperties": node} if kind == "str" else self.made.with_keys(kind, written)

    def single(self, field: FieldDescriptor) -> tuple[Node, str, Any]:
        """The type of one value, how it is written, and its default."""
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            name = self.names[message_of(field).full_name]
            return self.made.reference(name), name, None
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            enum = enum_of(field)
            name = self.names[enum.full_name]
            default = self.made.marked(Symbol(name, enum.values[0].name)) if not field.has_presence else None
            if enum.is_closed:
                return self.made.reference(name), name, default
            return union((self.made.reference(name), WHOLE)), f"{name} | int", default
        if field.type == FieldDescriptor.TYPE_BYTES:
            return BYTES, "bytes", self.made.marked(b"") if not field.has_presence else None
        return _LEAVES[field.cpp_type]


def _together(names: tuple[str, ...]) -> str:
    return f"At most one of {', '.join(names)}." if names else ""
