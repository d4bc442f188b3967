"""Confluent's options of messages and fields: tags, parameters and inline constraints. Pure.

They are an extension (number 1088) that this client does not compile: they are read from the bytes.

    confluent.Meta   doc 1 · params 2 (map) · tags 3 (repeated text) · rules 4 (repeated Rule)
    confluent.Rule   name 1 · doc 2 · expr 3 · sql 4
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_META: Final = 1088


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
