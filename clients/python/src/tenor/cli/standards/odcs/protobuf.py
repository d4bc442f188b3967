"""Protobuf messages as ODCS schema objects, by the descriptor that a registry tells. Pure.

Each message of the file is an object, in their order. A message of another file, or that is inside of itself, is told
by its name only. A field without presence is required: it is never null.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import DecodeError

from tenor.cli.standards.odcs.members import NAME, Json, customs

_T: Final = FieldDescriptorProto
_SCALARS: Final[Mapping[int, tuple[str, str, Json | None]]] = {
    _T.TYPE_DOUBLE: ("double", "number", {"format": "f64"}),
    _T.TYPE_FLOAT: ("float", "number", {"format": "f32"}),
    _T.TYPE_INT64: ("int64", "integer", {"format": "i64"}),
    _T.TYPE_SINT64: ("sint64", "integer", {"format": "i64"}),
    _T.TYPE_SFIXED64: ("sfixed64", "integer", {"format": "i64"}),
    _T.TYPE_UINT64: ("uint64", "integer", {"format": "u64"}),
    _T.TYPE_FIXED64: ("fixed64", "integer", {"format": "u64"}),
    _T.TYPE_INT32: ("int32", "integer", {"format": "i32"}),
    _T.TYPE_SINT32: ("sint32", "integer", {"format": "i32"}),
    _T.TYPE_SFIXED32: ("sfixed32", "integer", {"format": "i32"}),
    _T.TYPE_UINT32: ("uint32", "integer", {"format": "u32"}),
    _T.TYPE_FIXED32: ("fixed32", "integer", {"format": "u32"}),
    _T.TYPE_BOOL: ("bool", "boolean", None),
    _T.TYPE_STRING: ("string", "string", None),
    _T.TYPE_BYTES: ("bytes", "string", None),
}
_WELL_KNOWN: Final = {"google.protobuf.Timestamp": "timestamp", "google.type.Date": "date"}


class NoDescriptor(Exception):
    """What a registry sent is no descriptor of a file."""


def objects_of(serialized: str) -> list[Json]:
    """The schema objects of a file descriptor in base64. Raises NoDescriptor."""
    file = FileDescriptorProto()
    try:
        file.ParseFromString(base64.b64decode(serialized, validate=True))
    except (binascii.Error, ValueError, DecodeError) as error:
        raise NoDescriptor("the registry sent no descriptor (does it know format=serialized?)") from error
    told = _Told(file)
    return [told.message(each, f"{told.prefix}{each.name}", ()) for each in file.message_type]


class _Told:
    def __init__(self, file: FileDescriptorProto) -> None:
        self.prefix = f"{file.package}." if file.package else ""
        self._implicit = file.syntax == "proto3"
        self._messages = dict(_named(file.message_type, self.prefix))
        self._enums = {f"{self.prefix}{each.name}": each for each in file.enum_type}
        for name, message in self._messages.items():
            self._enums |= {f"{name}.{each.name}": each for each in message.enum_type}

    def message(self, message: DescriptorProto, full: str, inside: tuple[str, ...]) -> Json:
        """A message and what is inside."""
        properties = [self._field(message, each, (*inside, full)) for each in message.field]
        return {
            "name": message.name,
            "logicalType": "object",
            "physicalType": "message",
            "properties": properties,
            **customs({NAME: full}),
        }

    def _field(self, message: DescriptorProto, field: FieldDescriptorProto, inside: tuple[str, ...]) -> Json:
        made = self._type(field, inside)
        entry = self._messages.get(field.type_name.lstrip("."))
        repeated = field.label == _T.LABEL_REPEATED
        if repeated and entry is not None and entry.options.map_entry:
            key, value = (self._type(each, inside) for each in entry.field)
            made = {"logicalType": "map", "physicalType": "map", "map": {"key": key, "value": value}}
        elif repeated:
            made = {"logicalType": "array", "physicalType": "repeated", "items": made}
        optional = field.proto3_optional or field.HasField("oneof_index") or field.type == _T.TYPE_MESSAGE
        present = repeated or (field.label == _T.LABEL_REQUIRED) or (self._implicit and not optional)
        group = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
        extra = customs({"tenor:number": field.number, "tenor:oneof": None if field.proto3_optional else group})[
            "customProperties"
        ]
        deprecated = {"deprecated": True} if field.options.deprecated else {}
        extra = [*made.pop("customProperties", []), *extra]
        return {"name": field.name, **made, "required": present, **deprecated, "customProperties": extra}

    def _type(self, field: FieldDescriptorProto, inside: tuple[str, ...]) -> Json:
        if (known := _SCALARS.get(field.type)) is not None:
            physical, logical, options = known
            return {
                "logicalType": logical,
                "physicalType": physical,
                **({"logicalTypeOptions": options} if options else {}),
            }
        full = field.type_name.lstrip(".")
        if field.type == _T.TYPE_ENUM:
            found = self._enums.get(full)
            return {"logicalType": "string", "physicalType": full, **_values(found)}
        message = self._messages.get(full)
        if message is None or full in inside:
            return {"logicalType": _WELL_KNOWN.get(full, "object"), "physicalType": full}
        told = self.message(message, full, inside)
        return {name: value for name, value in told.items() if name != "name"}


def _values(found: EnumDescriptorProto | None) -> Json:
    return {} if found is None else {"enum": [{"value": each.name} for each in found.value]}


def _named(messages: Any, prefix: str) -> Iterator[tuple[str, DescriptorProto]]:
    for each in messages:
        full = f"{prefix}{each.name}"
        yield full, each
        yield from _named(each.nested_type, f"{full}.")
