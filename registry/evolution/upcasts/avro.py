"""Avro schemas as types of events."""

from __future__ import annotations

from typing import Any

from registry.evolution.upcasts.types import MISSING, NULL, Array, Enum, Field, Map, Object, Scalar, Type, Union
from registry.formats.avro import model
from registry.formats.avro.events import default_value, fits
from registry.formats.avro.model import logical
from registry.formats.avro.printer import is_logical
from registry.formats.avro.schema import AvroSchema

_RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_UNITS = {"millis": "millis", "micros": "micros"}


def read(schema: AvroSchema) -> Type:
    """The type of a schema's events."""
    return _Reader().type(schema.root)


class _Reader:
    def __init__(self) -> None:
        self._named: dict[int, Type] = {}

    def type(self, node: model.Type) -> Type:
        match node:
            case model.Primitive():
                return _scalar(node)
            case model.Array():
                return Array(self.type(node.items))
            case model.Map():
                return Map(self.type(node.values))
            case model.Union():
                made = [self.type(branch) for branch in node.branches]
                return made[0] if len(made) == 1 else Union(made)
            case _:
                return self._of_named(node)

    def _of_named(self, node: model.Named) -> Type:
        if id(node) in self._named:
            return self._named[id(node)]
        made: Type
        if isinstance(node, model.Record):
            made = self._named[id(node)] = Object(node.full)
            for each in node.fields:
                default = domain_default(each.type, each.default)
                made.fields.append(Field(each.name, self.type(each.type), True, default, each.aliases))
            return made
        if isinstance(node, model.Enum):
            made = Enum(node.full, node.symbols, MISSING if node.default is None else node.default)
        else:
            made = _scalar(node)
        self._named[id(node)] = made
        return made


def _scalar(node: model.Primitive | model.Fixed) -> Scalar:
    size = node.size if isinstance(node, model.Fixed) else None
    label = node.full if isinstance(node, model.Fixed) else node.kind
    meaning = logical(node) if is_logical(node) else None
    if meaning is not None and f"{node.kind}-{meaning[0]}" in _readers():
        name, precision, scale = meaning
        label = f"{label}({name})"
        if name == "date":
            return Scalar("date", label)
        if name == "uuid":
            return Scalar("uuid", label)
        if name == "decimal":
            return Scalar("decimal", label, precision=precision, scale=scale)
        word, _, unit = name.rpartition("-")
        if word == "time":
            return Scalar("time", label, unit=_UNITS[unit])
        return Scalar("datetime", label, unit=_UNITS[unit], zoned=not word.startswith("local"))
    if node.kind == "null":
        return NULL
    if node.kind in _RANGES:
        low, high = _RANGES[node.kind]
        return Scalar("int", label, low, high)
    if node.kind in ("float", "double"):
        return Scalar("float", label, bits=32 if node.kind == "float" else 64)
    kind = {"boolean": "boolean", "string": "string", "bytes": "bytes", "fixed": "bytes"}[node.kind]
    return Scalar(kind, label, size=size, longest=size)


def _readers() -> Any:
    from fastavro.read import LOGICAL_READERS

    return LOGICAL_READERS


def domain_default(node: model.Type, written: Any) -> Any:
    """The value a default stands for, as decoders hand it out; MISSING if there is none, or none that they can read."""
    if written is model.MISSING:
        return MISSING
    try:
        return _logical(node, default_value(node, written))
    except (ValueError, ArithmeticError, TypeError):  # a date past every year, text that is no UUID
        return MISSING


def _logical(node: model.Type, value: Any) -> Any:
    """Plain data with its logical types as Python values."""
    if isinstance(node, model.Union):
        branch = next((each for each in node.branches if fits(each, value)), None)
        return value if branch is None else _logical(branch, value)
    if isinstance(node, model.Record) and isinstance(value, dict):
        return {each.name: _logical(each.type, value[each.name]) for each in node.fields if each.name in value}
    if isinstance(node, model.Array) and isinstance(value, list):
        return [_logical(node.items, each) for each in value]
    if isinstance(node, model.Map) and isinstance(value, dict):
        return {key: _logical(node.values, each) for key, each in value.items()}
    meaning = logical(node) if is_logical(node) else None
    if meaning is None or (convert := _readers().get(f"{node.kind}-{meaning[0]}")) is None:
        return value
    attributes = {"type": node.kind, "precision": meaning[1], "scale": meaning[2]}
    if isinstance(node, model.Fixed):
        attributes["size"] = node.size
    return convert(value, attributes, None)
