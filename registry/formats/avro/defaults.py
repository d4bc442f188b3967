"""Is a JSON value a valid default for a type? The rules of Apache Avro up to 1.11, and the ranges it leaves unchecked.

A union's default belongs to its first branch. Avro 1.12 lets it match any branch, yet every older reader refuses such a
schema, so a strict registration refuses it too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from registry.formats.avro import jsontext
from registry.formats.avro.model import MISSING, Array, Enum, Fixed, Map, Primitive, Record, Type, Union, label

_RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_LARGEST = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}


def fault(node: Type, value: Any) -> str | None:
    """Why the value is no default of the type, as the end of a sentence; None if it is one."""
    return _Check().fault(node, value, 0)


class _Check:
    """One look at one default. Containers are judged once each: a default may reach the same record many times."""

    def __init__(self) -> None:
        self.passed: set[tuple[int, int]] = set()
        self.open: set[tuple[int, int]] = set()

    def fault(self, node: Type, value: Any, depth: int) -> str | None:
        if isinstance(node, Primitive):
            return _scalar(node.kind, value)
        if isinstance(node, Enum):
            if not isinstance(value, str):
                return _not(value, node)
            return None if value in node.symbols else f"{_print(value)} is not a symbol of {label(node)}"
        if isinstance(node, Fixed):
            return _bytes(value) or (
                None if len(value) == node.size else f"it has {len(value)} bytes, {label(node)} has {node.size}"
            )
        if isinstance(node, Union):
            if not node.branches:
                return "an empty union has no value"
            return self.fault(node.branches[0], value, depth)
        return self._container(node, value, depth)

    def _container(self, node: Array | Map | Record, value: Any, depth: int) -> str | None:
        key = (id(node), id(value))
        if key in self.passed:
            return None
        if key in self.open or depth > jsontext.DEEPEST_VALUE:
            return f"the default of {label(node)} never ends"
        self.open.add(key)
        problem = self._parts(node, value, depth + 1)
        self.open.discard(key)
        if problem is None:
            self.passed.add(key)
        return problem

    def _parts(self, node: Array | Map | Record, value: Any, depth: int) -> str | None:
        if isinstance(node, Array):
            if not isinstance(value, list):
                return _not(value, node)
            return next(filter(None, (self.fault(node.items, item, depth) for item in value)), None)
        if not isinstance(value, dict):
            return _not(value, node)
        if isinstance(node, Map):
            return next(filter(None, (self.fault(node.values, item, depth) for item in value.values())), None)
        for each in node.fields:
            part = value.get(each.name, each.default)
            if part is MISSING:
                return f"it lacks the field {each.name} of {label(node)}"
            if problem := self.fault(each.type, part, depth):
                return problem
        return None


def _scalar(kind: str, value: Any) -> str | None:
    if kind in _RANGES:
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{_print(value)} is not of type {kind}"
        low, high = _RANGES[kind]
        return None if low <= value <= high else f"{_print(value)} is out of the range of {kind}"
    if kind in _LARGEST:
        if not isinstance(value, int | Decimal) or isinstance(value, bool):
            return f"{_print(value)} is not of type {kind}"
        return None if -_LARGEST[kind] <= value <= _LARGEST[kind] else f"{_print(value)} is out of the range of {kind}"
    if kind == "bytes":
        return _bytes(value)
    fits = {"null": value is None, "boolean": isinstance(value, bool), "string": isinstance(value, str)}[kind]
    return None if fits else f"{_print(value)} is not of type {kind}"


def _bytes(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"{_print(value)} is not a text that spells bytes"
    return None if value.isascii() or max(value) <= "\xff" else "a character above U+00FF does not spell a byte"


def _not(value: Any, node: Type) -> str:
    return f"{_print(value)} is not of type {label(node)}"


def _print(value: Any) -> str:
    return jsontext.excerpt(jsontext.text(value))
