"""A Protobuf message as rules see it: tags and inline constraints come from Confluent's field options. Pure.

The options are an extension (number 1088) that this client does not compile: they are read from the bytes.

    confluent.Meta   doc 1 · params 2 (map) · tags 3 (repeated text) · rules 4 (repeated Rule)
    confluent.Rule   name 1 · doc 2 · expr 3 · sql 4
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tenor.codecs.fields import Node, Slot, always, is_null
from tenor.codecs.protobuf.check import is_map, message_of

_META: Final = 1088
_F: Final = FieldDescriptor
_TYPES: Final[Mapping[int, str]] = {
    _F.CPPTYPE_INT32: "INT",
    _F.CPPTYPE_INT64: "LONG",
    _F.CPPTYPE_UINT32: "INT",
    _F.CPPTYPE_UINT64: "LONG",
    _F.CPPTYPE_DOUBLE: "DOUBLE",
    _F.CPPTYPE_FLOAT: "FLOAT",
    _F.CPPTYPE_BOOL: "BOOLEAN",
    _F.CPPTYPE_ENUM: "ENUM",
    _F.CPPTYPE_STRING: "STRING",
}
_WELL_KNOWN: Final = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})


def tree(message: Descriptor, known: dict[str, Node] | None = None) -> Node:
    """The tree of a message."""
    known = {} if known is None else known
    if (found := known.get(message.full_name)) is not None:
        return found
    options = meta(message.GetOptions().SerializeToString())
    made = known[message.full_name] = Node("record", name=message.full_name, checks=options.checks, native=message)
    for field in message.fields:
        options = meta(field.GetOptions().SerializeToString())
        made.slots.append(
            Slot(
                field.name,
                field.full_name,
                _field(field, known),
                options.tags,
                options.checks,
                options.params,
                implied=_implied(field),
            )
        )
    return made


def _field(field: FieldDescriptor, known: dict[str, Node]) -> Node:
    if is_map(field):
        return Node("map", item=_single(message_of(field).fields_by_name["value"], known))
    single = _single(field, known)
    if field.is_repeated:
        return Node("list", item=single)
    # None is how the library spells "not set".
    return Node("choice", branches=[(is_null, Node("leaf", type="NULL")), (always, single)])


def _single(field: FieldDescriptor, known: dict[str, Node]) -> Node:
    if field.cpp_type == _F.CPPTYPE_MESSAGE:
        if message_of(field).full_name in _WELL_KNOWN:  # may be a datetime: nothing in it can be tagged
            return Node("leaf", type="MESSAGE", native=field)
        return tree(message_of(field), known)
    kind = "BYTES" if field.type == _F.TYPE_BYTES else _TYPES[field.cpp_type]
    return Node("leaf", type=kind, native=field)


def _implied(field: FieldDescriptor) -> Any:
    """What a text or bytes field without presence holds when it is left out: other clients seal that, too."""
    if field.is_repeated or field.has_presence or field.cpp_type != _F.CPPTYPE_STRING:
        return None
    return b"" if field.type == _F.TYPE_BYTES else ""


class Meta:
    """What `confluent.Meta` says: tags, parameters and constraints."""

    def __init__(self) -> None:
        self.tags: frozenset[str] = frozenset()
        self.params: dict[str, str] = {}
        self.checks: tuple[Mapping[str, Any], ...] = ()


def meta(options: bytes) -> Meta:
    """Read Confluent's options out of serialised options; what cannot be read is not there."""
    found = Meta()
    for number, content in _delimited(options):
        if number != _META:
            continue
        for inner, value in _delimited(content):
            match inner:
                case 2:
                    pair = dict(_delimited(value))
                    found.params[_text(pair.get(1, b""))] = _text(pair.get(2, b""))
                case 3:
                    found.tags |= {_text(value)}
                case 4:
                    names = {1: "name", 2: "doc", 3: "expr", 4: "sql"}
                    check = {names[key]: _text(text) for key, text in _delimited(value) if key in names}
                    found.checks = (*found.checks, check)
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _delimited(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a serialised message: number and content."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                _, at = _varint(data, at)
            case 1:
                at += 8
            case 2:
                length, at = _varint(data, at)
                yield key >> 3, data[at : at + length]
                at += length
            case 5:
                at += 4
            case _:
                return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return value, at
