"""Protobuf messages as types of events: dicts by field name, enums by name, as the client reads them."""

from __future__ import annotations

from typing import Any

from registry.evolution.upcasts.types import MISSING, Anything, Array, Enum, Field, Map, Object, Scalar, Type
from registry.formats.protobuf import model
from registry.formats.protobuf.encodings import RANGES
from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.schema import ProtobufSchema


def read(schema: ProtobufSchema, message: str = "") -> Type:
    """The type of a schema's events: of the named message, or of the first that no other holds."""
    found = schema.model.messages.get(message) if message else None
    if found is None:
        if not schema.model.file.messages:
            return Anything()
        found = roots(schema.model)[0]
    return _Reader().message(found)


def matching(old: ProtobufSchema, new: ProtobufSchema) -> tuple[str, str]:
    """The messages of two files that are compared: of one local name where there is one, else the first of each."""
    before = roots(old.model) if old.model.file.messages else []
    after = roots(new.model) if new.model.file.messages else []
    for one in before:
        for other in new.model.file.messages:
            if one.local == other.local:
                return one.name, other.name
    return (before[0].name if before else ""), (after[0].name if after else "")


class _Reader:
    def __init__(self) -> None:
        self._messages: dict[int, Object] = {}
        self._enums: dict[int, Enum] = {}

    def message(self, message: model.Message) -> Object:
        if id(message) in self._messages:
            return self._messages[id(message)]
        made = self._messages[id(message)] = Object(message.name)
        for each in message.fields:
            kind = self._field(each)
            present = each.required or not each.presence
            default = MISSING if each.presence else self._default(each)
            made.fields.append(Field(each.name, kind, present, default, (), each.number, each.oneof or ""))
        return made

    def _field(self, each: model.Field) -> Type:
        if each.key is not None and each.value is not None:
            return Map(self._single(each.value), each.key.kind)
        inner = self._single(each)
        return Array(inner) if each.repeated else inner

    def _single(self, each: model.Field) -> Type:
        if each.message is not None:
            return self.message(each.message)
        if each.enum is not None:
            return self._enum(each.enum)
        if each.kind in RANGES and each.kind != "bool":
            low, high = RANGES[each.kind]
            return Scalar("int", each.kind, low, high)
        if each.kind in ("float", "double"):
            return Scalar("float", each.kind, bits=32 if each.kind == "float" else 64)
        return Scalar({"bool": "boolean"}.get(each.kind, each.kind), each.kind)

    def _enum(self, enum: model.Enum) -> Enum:
        if id(enum) not in self._enums:
            numbers = {name: number for number, name in enum.numbers.items()}
            first = enum.values[0][0]
            default = enum.numbers.get(0, first) if not enum.closed else first
            self._enums[id(enum)] = Enum(enum.name, tuple(numbers), default, numbers, not enum.closed)
        return self._enums[id(enum)]

    def _default(self, each: model.Field) -> Any:
        """The value of a field that was not written."""
        if each.key is not None:
            return {}
        if each.repeated:
            return []
        if each.enum is not None:
            return self._enum(each.enum).default
        return {"string": "", "bytes": b"", "bool": False, "float": 0.0, "double": 0.0}.get(each.kind, 0)
