"""Lays out the text of a schema: where lines break and how far they are indented, and nothing else. Pure.

JSON (Avro, JSON Schema): what fits on a line stands on one, so that a field of a record is a line; the order of
members, numbers and escapes stay as they are written. Protobuf: `tenor.cli.proto_layout`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tenor.cli import proto_layout
from tenor.schemas import PROTOBUF

WIDTH: Final = 100
INDENT: Final = "  "

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_CLOSING: Final = {"{": "}", "[": "]"}
_Node = Any  # a token, or (opening, items); an item of an object is (key, node)


def laid_out(format: str, text: str) -> str:
    """The text as it is to be. Raises ValueError, with line and column, for what is no JSON, RecursionError."""
    if format == PROTOBUF:
        return proto_layout.laid_out(text)
    json.loads(text)
    tokens = _TOKEN.findall(text)
    node, _ = _parsed(tokens, 0)
    out = _printed(node, "", 0) + "\n"
    if _TOKEN.findall(out) != tokens:  # a guard: nothing may be lost
        raise ValueError("the text cannot be laid out without changing it: line 1 column 1 (char 0)")
    return out


def _parsed(tokens: list[str], at: int) -> tuple[_Node, int]:
    opening = tokens[at]
    if opening not in _CLOSING:
        return opening, at + 1
    items: list[Any] = []
    at += 1
    while tokens[at] != _CLOSING[opening]:
        if tokens[at] == ",":
            at += 1
        elif opening == "{":
            key = tokens[at]
            node, at = _parsed(tokens, at + 2)
            items.append((key, node))
        else:
            node, at = _parsed(tokens, at)
            items.append(node)
    return (opening, items), at + 1


def _flat(node: _Node) -> str:
    if isinstance(node, str):
        return node
    opening, items = node
    inside = ", ".join(f"{each[0]}: {_flat(each[1])}" if opening == "{" else _flat(each) for each in items)
    return f"{opening}{inside}{_CLOSING[opening]}"


def _printed(node: _Node, indent: str, before: int) -> str:
    """A node; `before` is how much of its first line is taken, the comma behind it included."""
    if isinstance(node, str) or not node[1]:
        return _flat(node)
    if indent and _short(node, WIDTH - before):
        return _flat(node)
    opening, items = node
    deeper = indent + INDENT
    lines = []
    for each in items:
        key, value = (f"{each[0]}: ", each[1]) if opening == "{" else ("", each)
        lines.append(f"{deeper}{key}{_printed(value, deeper, len(deeper) + len(key) + 1)}")
    joined = ",\n".join(lines)
    return f"{opening}\n{joined}\n{indent}{_CLOSING[opening]}"


def _short(node: _Node, room: int) -> bool:
    """Whether a node fits, without printing one that is far too long at each of its levels."""
    waiting, used = [node], 0
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            used += len(each)
        else:
            used += 2 + 2 * max(0, len(each[1]) - 1)
            for item in each[1]:
                if each[0] == "{":
                    used += len(item[0]) + 2
                    waiting.append(item[1])
                else:
                    waiting.append(item)
        if used > room:
            return False
    return True
