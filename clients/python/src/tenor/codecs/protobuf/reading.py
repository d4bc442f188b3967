"""Messages as dicts: field names as in the .proto file, enums by name, nested messages as dicts.

A field with presence (a message, `optional`, a oneof) that is not set is left out; all others are there with their
defaults. What is read can be written again. Numbers stay numbers, bytes stay bytes: this is not ProtoJSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tenor.codecs.protobuf.check import enum_of, is_map, message_of

Convert = Callable[[Any], Any]


def converter(message: Descriptor, known: dict[str, Convert] | None = None) -> Convert:
    """A function from message objects of this type to dicts."""
    known = {} if known is None else known
    if (found := known.get(message.full_name)) is not None:
        return found

    def convert(value: Any) -> dict[str, Any]:
        out = {}
        for name, change in always:
            out[name] = getattr(value, name) if change is None else change(getattr(value, name))
        for name, change in if_set:
            if value.HasField(name):
                out[name] = getattr(value, name) if change is None else change(getattr(value, name))
        return out

    known[message.full_name] = convert
    always = [(field.name, _field(field, known)) for field in message.fields if not field.has_presence]
    if_set = [(field.name, _field(field, known)) for field in message.fields if field.has_presence]
    return convert


def _field(field: FieldDescriptor, known: dict[str, Convert]) -> Convert | None:
    if is_map(field):
        member = _single(message_of(field).fields_by_name["value"], known)
        return dict if member is None else lambda value: {key: member(value[key]) for key in value}
    item = _single(field, known)
    if not field.is_repeated:
        return item
    return list if item is None else lambda value: list(map(item, value))


def _single(field: FieldDescriptor, known: dict[str, Convert]) -> Convert | None:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return converter(message_of(field), known)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        names = {value.number: value.name for value in reversed(enum_of(field).values)}
        return lambda number: names.get(number, number)  # an open enum holds numbers without a name
    return None
