"""Refuses Avro bytes that would kill or stall the decoder: nesting without end, items that take no room. Pure.

fastavro recurses on the C stack, which ends the process near 3,000 levels, and obeys any announced item count. Only
recursive schemas and arrays of zero-width items can be abused so; only for those does this walk run.
"""

from __future__ import annotations

from typing import Any, Final

from tenor.codecs.avro.check import MAX_DEPTH
from tenor.codecs.avro.model import Model, kind

HARMLESS: Final = 512
"""A level of nesting takes at least a byte: so short a body cannot nest dangerously."""
MAX_ZERO_WIDTH: Final = 100_000
"""Items without width that one event may hold."""


class Hostile(Exception):
    """Bytes that must not reach the decoder."""


def inspect(model: Model, data: bytes, at: int) -> None:
    """Walk over a body without building anything. Raises Hostile, for plain damage too.

    Damage must not be left for the decoder to find: it takes a varint of any length, and an overlong one is a count
    that keeps it busy until memory ends.
    """
    if len(data) - at <= HARMLESS and not model.zero_width:
        return
    try:
        _Walk(model, data, at).skip(model.root, 0)
    except RecursionError:
        raise Hostile("the event is nested too deeply") from None
    except IndexError:
        raise Hostile("it ends too early, or holds a number or an index that cannot be") from None


class _Walk:
    def __init__(self, model: Model, data: bytes, at: int) -> None:
        self._model, self._data, self._at = model, data, at
        self._weightless = 0

    def skip(self, node: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Hostile(f"the event is nested deeper than {MAX_DEPTH} levels")
        node = self._model.resolved(node)
        match kind(node):
            case "int" | "long" | "enum":
                self._long()
            case "boolean":
                self._move(1)
            case "float":
                self._move(4)
            case "double":
                self._move(8)
            case "string" | "bytes":
                self._move(self._long())
            case "fixed":
                self._move(node["size"])
            case "union":
                index = self._long()
                if index < 0:  # Python would count from the end
                    raise IndexError
                self.skip(node[index], depth + 1)
            case "record" | "error":
                for field in node["fields"]:
                    self.skip(field["type"], depth + 1)
            case "array":
                self._blocks(node["items"], depth, keyed=False)
            case "map":
                self._blocks(node["values"], depth, keyed=True)

    def _blocks(self, node: Any, depth: int, *, keyed: bool) -> None:
        while (count := self._long()) != 0:
            if count < 0:  # a block that announces its size in bytes
                count = -count
                self._long()
            for _ in range(count):
                before = self._at
                if keyed:
                    self._move(self._long())
                self.skip(node, depth + 1)
                if self._at == before:
                    self._weightless += 1
                    if self._weightless > MAX_ZERO_WIDTH:
                        raise Hostile(f"it announces more than {MAX_ZERO_WIDTH} items that take no bytes")

    def _move(self, count: int) -> None:
        self._at += count
        if count < 0 or self._at > len(self._data):
            raise IndexError

    def _long(self) -> int:
        raw = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            raw |= (byte & 0x7F) << shift
            if byte < 0x80:
                return raw >> 1 ^ -(raw & 1)
            shift += 7
            if shift > 63:
                raise IndexError
