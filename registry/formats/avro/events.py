"""Events of an Avro schema: as trees that know their union branches, as bytes, as plain data, as JSON data.

A tree is plain data in which every value of a union is a `Branch`. `encode` writes it in Avro's binary encoding;
`decode` reads bytes with fastavro, the decoder that verdicts are shown with; `fits` says whether plain data is a value
of a type.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
from base64 import b64encode
from decimal import Decimal
from typing import Any, NamedTuple

from registry.formats.avro import defaults
from registry.formats.avro.model import MISSING, Array, Enum, Fixed, Map, Named, Record, Type, Union

Tree = Any

PREFIX = "x."
"""What every name is given on its way to fastavro."""

RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class Branch(NamedTuple):
    """A value of a union, and which branch it is of."""

    at: int
    value: Tree


def plain(node: Type, tree: Tree) -> Any:
    """A tree as decoders hand it out: without branches."""
    if isinstance(node, Union):
        return plain(node.branches[tree.at], tree.value)
    if isinstance(node, Record):
        return {each.name: plain(each.type, tree[each.name]) for each in node.fields}
    if isinstance(node, Array):
        return [plain(node.items, each) for each in tree]
    if isinstance(node, Map):
        return {key: plain(node.values, each) for key, each in tree.items()}
    return tree


def shown(event: Any) -> Any:
    """Plain data as JSON data: bytes as base64 text, numbers that JSON lacks as text."""
    if isinstance(event, bytes):
        return b64encode(event).decode()
    if isinstance(event, float) and not math.isfinite(event):
        return "NaN" if math.isnan(event) else "Infinity" if event > 0 else "-Infinity"
    if isinstance(event, list):
        return [shown(each) for each in event]
    if isinstance(event, dict):
        return {key: shown(each) for key, each in event.items()}
    return event


def encode(node: Type, tree: Tree) -> bytes:
    """A tree in Avro's binary encoding."""
    out = bytearray()
    _encode(node, tree, out)
    return bytes(out)


def _encode(node: Type, tree: Tree, out: bytearray) -> None:
    if isinstance(node, Union):
        _number(tree.at, out)
        _encode(node.branches[tree.at], tree.value, out)
    elif isinstance(node, Record):
        for each in node.fields:
            _encode(each.type, tree[each.name], out)
    elif isinstance(node, Enum):
        _number(node.symbols.index(tree), out)
    elif isinstance(node, Fixed):
        out += tree
    elif isinstance(node, Array | Map):
        if tree:
            _number(len(tree), out)
        for each in tree:
            if isinstance(node, Array):
                _encode(node.items, each, out)
            else:
                _text(each.encode(), out)
                _encode(node.values, tree[each], out)
        out.append(0)
    else:
        _scalar(node.kind, tree, out)


def _scalar(kind: str, value: Any, out: bytearray) -> None:
    if kind == "boolean":
        out.append(int(value))
    elif kind in RANGES:
        _number(value, out)
    elif kind in ("float", "double"):
        out += struct.pack("<f" if kind == "float" else "<d", value)
    elif kind == "bytes":
        _text(value, out)
    elif kind == "string":
        _text(value.encode(), out)


def _text(value: bytes, out: bytearray) -> None:
    _number(len(value), out)
    out += value


def _number(value: int, out: bytearray) -> None:
    """A variable-length zig-zag integer."""
    left = (value << 1) ^ (value >> 63)
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)


class Decoder:
    """fastavro, reading a writer's bytes with a reader's schema; logical types are left alone."""

    def __init__(self, writer: Type, reader: Type) -> None:
        self.writer = for_fastavro(writer)
        self.reader = for_fastavro(reader)

    def decode(self, data: bytes) -> Any:
        """The event. Raises whatever fastavro raises."""
        import fastavro

        event: Any = fastavro.schemaless_reader(io.BytesIO(data), self.writer, self.reader)
        return event["event"]


def for_fastavro(root: Type) -> Any:
    """A schema parsed by fastavro: everything inlined, without logical types, in a namespace of its own.

    It is wrapped in a record with one field, `event`, which changes no byte: fastavro parses anything but records
    anew on every call. Every full name gets the prefix `x.`: fastavro would read a name without namespace inside one as
    of that namespace. Defaults are put in afterwards, as the values they stand for: fastavro takes only some, and hands
    out the text of a default of bytes.
    """
    import fastavro

    wrapped = {"type": "record", "name": "w.Event", "fields": [{"name": "event", "type": _plain_schema(root, set())}]}
    parsed: Any = fastavro.parse_schema(wrapped, named_schemas={})
    _put_defaults(root, parsed["fields"][0]["type"], set())
    return parsed


def _put_defaults(node: Type, parsed: Any, known: set[int]) -> None:
    if isinstance(node, Named):
        if id(node) in known:
            return
        known.add(id(node))
    if isinstance(node, Union):
        for branch, inner in zip(node.branches, parsed, strict=True):
            _put_defaults(branch, inner, known)
    elif isinstance(node, Array):
        _put_defaults(node.items, parsed["items"], known)
    elif isinstance(node, Map):
        _put_defaults(node.values, parsed["values"], known)
    elif isinstance(node, Record):
        for each, inner in zip(node.fields, parsed["fields"], strict=True):
            _put_defaults(each.type, inner["type"], known)
            if each.default is not MISSING:
                inner["default"] = default_value(each.type, each.default)


def _plain_schema(node: Type, known: set[str]) -> Any:
    if isinstance(node, Union):
        return [_plain_schema(branch, known) for branch in node.branches]
    if isinstance(node, Array):
        return {"type": "array", "items": _plain_schema(node.items, known)}
    if isinstance(node, Map):
        return {"type": "map", "values": _plain_schema(node.values, known)}
    if not isinstance(node, Named):
        return node.kind
    name = PREFIX + node.full
    if name in known:
        return name
    known.add(name)
    out: dict[str, Any] = {"type": node.kind, "name": name, "aliases": [PREFIX + alias for alias in node.aliases]}
    if isinstance(node, Enum):
        return out | {"symbols": list(node.symbols)} | ({} if node.default is None else {"default": node.default})
    if isinstance(node, Fixed):
        return out | {"size": node.size}
    out["fields"] = [
        {"name": each.name, "type": _plain_schema(each.type, known), "aliases": list(each.aliases)}
        for each in node.fields
    ]
    return out


def default_value(node: Type, value: Any) -> Any:
    """A JSON default as plain data: bytes from their text, numbers of the type's kind, missing parts filled in.

    A default that does not fit (an import's) is left as it is.
    """
    if isinstance(node, Union):
        fitting = (branch for branch in node.branches if defaults.fault(branch, value) is None)
        branch = next(fitting, None)
        return value if branch is None else default_value(branch, value)
    if isinstance(node, Array) and isinstance(value, list):
        return [default_value(node.items, each) for each in value]
    if isinstance(node, Map) and isinstance(value, dict):
        return {key: default_value(node.values, each) for key, each in value.items()}
    if isinstance(node, Record) and isinstance(value, dict):
        parts = {each.name: (each.type, value.get(each.name, each.default)) for each in node.fields}
        return {name: default_value(kind, part) for name, (kind, part) in parts.items() if part is not MISSING}
    if node.kind in ("bytes", "fixed") and isinstance(value, str):
        return value.encode("latin-1", "replace")
    if node.kind in ("float", "double") and isinstance(value, int | Decimal | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return float(value if isinstance(value, str) else Decimal(value))
    return value


def fits(node: Type, value: Any) -> bool:
    """Whether plain data is a value of a type; of a union, of any of its branches."""
    if isinstance(node, Union):
        return any(fits(branch, value) for branch in node.branches)
    if isinstance(node, Record):
        return isinstance(value, dict) and all(
            each.name in value and fits(each.type, value[each.name]) for each in node.fields
        )
    if isinstance(node, Array):
        return isinstance(value, list) and all(fits(node.items, each) for each in value)
    if isinstance(node, Map):
        return isinstance(value, dict) and all(fits(node.values, each) for each in value.values())
    if isinstance(node, Enum):
        return value in node.symbols
    if isinstance(node, Fixed):
        return isinstance(value, bytes) and len(value) == node.size
    if node.kind in RANGES:
        return type(value) is int and RANGES[node.kind][0] <= value <= RANGES[node.kind][1]
    return type(value) is _TYPES[node.kind]


_TYPES = {"null": type(None), "boolean": bool, "float": float, "double": float, "bytes": bytes, "string": str}
