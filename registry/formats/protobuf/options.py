"""Options: from a text or from a descriptor, to a list of (name, value), to lines.

A value is a word that is ready to print (`5`, `SPEED`, `"x"`), a list, or the fields of a message. Printed the way
Confluent's registry prints them:

    deprecated = true
    (confluent.field_meta) = {
      tags: [
        "PII"
      ]
    }
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a message-valued option, as (key, value)."""

    entries: tuple[tuple[str, Value], ...]


Value = str | tuple["Value", ...] | Fields


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `custom`: its name is that of an extension, in parentheses."""

    name: str
    value: Value

    @property
    def custom(self) -> bool:
        return "(" in self.name

    def lines(self) -> list[str]:
        """`name = value`, on one line unless the value has parts."""
        head, *rest = _value_lines(self.value)
        return [f"{self.name} = {head}", *rest]


def _value_lines(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Fields):
        return ["{", *_joined([f"{key}: ", value] for key, value in value.entries), "}"]
    return ["[", *_joined(["", each] for each in value), "]"]


def _joined(parts: Iterable[Sequence[Any]]) -> Iterator[str]:
    blocks = []
    for prefix, value in parts:
        head, *rest = _value_lines(value)
        blocks.append([prefix + head, *rest])
    for number, block in enumerate(blocks):
        if number < len(blocks) - 1:
            block[-1] += ","
        yield from (f"  {line}" for line in block)


# Reading an option as it was written

_TOKEN = re.compile(
    r"""(?P<noise>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<word>[A-Za-z0-9_.][A-Za-z0-9_.]*(?:(?<=[eE])[+-][0-9]+)?)
      | (?P<sign>.)""",
    re.S | re.X,
)
_CLOSING = {"{": "}", "<": ">"}


class NotReadable(Exception):
    """Words of an option that this reader does not understand; its descriptor is printed then."""


def written(text: str) -> Option:
    """`(my).x = {a: 1}`, as cut from a text, `option` in front and `;` behind allowed. Raises NotReadable."""
    reader = _Reader(text)
    if reader.words[0] == "option":
        reader.at = 1
    name = "".join(iter(reader.until_equals, None))
    value = reader.value()
    if reader.peek() == ";":
        reader.next()
    if reader.peek():
        raise NotReadable(text)
    return Option(name, value)


class _Reader:
    def __init__(self, text: str) -> None:
        self.words = [found[0] for found in _TOKEN.finditer(text) if found.lastgroup != "noise"] + [""]
        self.at = 0

    def peek(self) -> str:
        return self.words[self.at]

    def next(self) -> str:
        word = self.words[self.at]
        if not word:
            raise NotReadable
        self.at += 1
        return word

    def until_equals(self) -> str | None:
        word = self.next()
        return None if word == "=" else word

    def value(self) -> Value:
        word = self.next()
        if word in _CLOSING:
            return self.fields(_CLOSING[word])
        if word == "[":
            return self.list()
        if word[0] in "\"'":
            parts = [word]
            while self.peek()[:1] in ("'", '"') and self.peek():
                parts.append(self.next())
            return '"' + "".join(map(_double_quoted, parts)) + '"'
        if word in "+-":
            return word.replace("+", "") + self.next()
        if not (word[0].isalnum() or word[0] in "_."):
            raise NotReadable(word)
        return word

    def list(self) -> Value:
        items = []
        while self.peek() != "]":
            items.append(self.value())
            if self.peek() == ",":
                self.next()
        self.next()
        return tuple(items)

    def fields(self, closing: str) -> Fields:
        entries = []
        while self.peek() != closing:
            key = self.next()
            if key == "[":
                key = "[" + "".join(iter(self.until_bracket, None)) + "]"
            elif not (key[0].isalpha() or key[0] == "_"):
                raise NotReadable(key)
            if self.peek() == ":":
                self.next()
            entries.append((key, self.value()))
            if self.peek() in (",", ";"):
                self.next()
        self.next()
        return Fields(tuple(entries))

    def until_bracket(self) -> str | None:
        word = self.next()
        return None if word == "]" else word


def _double_quoted(literal: str) -> str:
    inside = literal[1:-1]
    if literal[0] == '"':
        return inside
    return re.sub(r"\\.|\"", lambda found: {'"': '\\"', "\\'": "'"}.get(found[0], found[0]), inside, flags=re.S)


# Reading an option from a descriptor

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def quoted(value: str | bytes) -> str:
    """A string literal that means this value. Control characters, and bytes beyond ASCII, become octal escapes."""
    letters = value if isinstance(value, str) else map(chr, value)
    top = 0x110000 if isinstance(value, str) else 127
    return '"' + "".join([_letter(letter, top) for letter in letters]) + '"'


def _letter(letter: str, top: int) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    return letter if 32 <= ord(letter) < top and ord(letter) != 127 else f"\\{ord(letter):03o}"


def number(value: float, *, single: bool = False) -> str:
    """A float or double as protoc reads it, the shortest that means the same."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if single:
        for digits in range(6, 10):
            short = f"{value:.{digits}g}"
            if struct.pack("<f", float(short)) == struct.pack("<f", value):
                return short
    return repr(value)


def described(options: Message, name_of: Callable[[str], str]) -> list[Option]:
    """The options that a descriptor carries, by field number. `name_of` prints the name of an extension.

    Repeated ones come once for each value; features one by one, `features.field_presence = IMPLICIT`.
    """
    found = []
    for field, value in options.ListFields():
        name = f"({name_of(field.full_name)})" if field.is_extension else field.name
        if field.name == "uninterpreted_option":
            found += [_uninterpreted(each) for each in value]
            continue
        values = value if field.is_repeated else [value]
        for each in values:
            if not field.is_extension and field.name == "features":
                found += [Option(f"features.{inner.name}", inner.value) for inner in described(each, name_of)]
            else:
                found.append(Option(name, _described_value(field, each)))
    return found


def _uninterpreted(option: Any) -> Option:
    """An option of a descriptor that was never linked: it still has the words of its text. Raises NotReadable."""
    name = ".".join(f"({part.name_part})" if part.is_extension else part.name_part for part in option.name)
    if option.HasField("aggregate_value"):
        value = f"{{ {option.aggregate_value} }}"
    elif option.HasField("string_value"):
        value = quoted(option.string_value)
    elif option.HasField("double_value"):
        value = number(option.double_value)
    else:
        value = option.identifier_value or str(option.negative_int_value or option.positive_int_value)
    if not re.fullmatch(r"[\w.()]+", name):
        raise NotReadable(name)
    return written(f"{name} = {value}")


def _described_value(field: FieldDescriptor, value: Any) -> Value:
    if field.message_type is not None:
        return Fields(tuple(_described_fields(value)))
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value, single=field.type == FieldDescriptor.TYPE_FLOAT)
    return quoted(value) if isinstance(value, str | bytes) else str(value)


def _described_fields(message: Message) -> Iterator[tuple[str, Value]]:
    for field, value in message.ListFields():
        key = f"[{field.full_name}]" if field.is_extension else _key(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield key, tuple(_map_entries(field, value))
        elif field.is_repeated:
            yield key, tuple(_described_value(field, each) for each in value)
        else:
            yield key, _described_value(field, value)


def _key(field: FieldDescriptor) -> str:
    """Text format calls a group by the name of its type."""
    kind = field.message_type
    is_group = kind is not None and field.type == FieldDescriptor.TYPE_GROUP and kind.name.lower() == field.name
    return str(kind.name if kind is not None and is_group else field.name)


def _map_entries(field: FieldDescriptor, entries: Any) -> Iterator[Fields]:
    assert field.message_type is not None
    key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
    for each in sorted(entries):
        yield Fields((("key", _described_value(key, each)), ("value", _described_value(value, entries[each]))))
