"""Where things stand in a .proto text: protoc's source info, turned into offsets.

A place is a path of field numbers through the FileDescriptorProto, `(4, 0, 2, 1)` = the second field of the first
message. protoc counts lines and columns from 0, columns in bytes, a tab leading to the next multiple of 8.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import FileDescriptorProto

Place = tuple[int, ...]

_TAB = 8
_NOISE = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


@dataclass(slots=True)
class Comments:
    """What a text says about a declaration, joined."""

    before: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """Both comments, as one text without comment signs."""
        return "\n".join(part for part in (_clean(self.before), _clean(self.after)) if part)


def _clean(comment: str) -> str:
    return "\n".join(line.strip().removeprefix("*").strip() for line in comment.strip().splitlines())


@dataclass(slots=True)
class Spans:
    """The places of one text."""

    text: str
    _lines: list[int] = field(init=False)
    _simple: bool = field(init=False)
    _raw: dict[Place, list[tuple[int, ...]]] = field(init=False)
    _comments: dict[Place, Comments] = field(init=False)
    _sorted: list[Place] | None = field(init=False)

    def __init__(self, text: str, file: FileDescriptorProto) -> None:
        self.text = text
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._simple = text.isascii() and "\t" not in text
        self._raw, self._comments, self._sorted = {}, {}, None
        for location in file.source_code_info.location:
            place = tuple(location.path)
            self._raw.setdefault(place, []).append(tuple(location.span))
            if location.leading_comments or location.trailing_comments:
                self._comments[place] = Comments(location.leading_comments, location.trailing_comments)

    def __contains__(self, place: Place) -> bool:
        return place in self._raw

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column as protoc counts them (from 0)."""
        if line >= len(self._lines):
            return len(self.text)
        start = self._lines[line]
        if self._simple:
            return min(start + column, len(self.text))
        at = 0
        for number, letter in enumerate(self.text[start : start + column + 1]):
            if at >= column or letter == "\n":
                return start + number
            at += _TAB - at % _TAB if letter == "\t" else len(letter.encode())
        return min(start + column, len(self.text))

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of an offset, both from 1, columns in characters."""
        line = self.text.count("\n", 0, offset)
        return line + 1, offset - self._lines[line] + 1

    def all(self, place: Place) -> list[tuple[int, int]]:
        """Every (start, end) that belongs to a place; reserved statements and options may have several."""
        return [self._range(span) for span in self._raw.get(place, ())]

    def range(self, place: Place) -> tuple[int, int] | None:
        """The first (start, end) of a place."""
        spans = self._raw.get(place)
        return self._range(spans[0]) if spans else None

    def slice(self, place: Place) -> str | None:
        """What stands at a place."""
        found = self.range(place)
        return None if found is None else self.text[found[0] : found[1]]

    def word(self, place: Place) -> str | None:
        """What stands at a place, without blanks and comments: a type name as it was written."""
        found = self.slice(place)
        return None if found is None else "".join(_NOISE.sub(" ", found).split())

    def comments(self, place: Place) -> str:
        """What the text says about the declaration at a place."""
        found = self._comments.get(place)
        return found.text if found else ""

    def below(self, place: Place) -> Iterator[tuple[Place, int, int]]:
        """Every deeper place, with its (start, end), in the order of the text."""
        if self._sorted is None:
            self._sorted = sorted(self._raw)
        first = bisect_right(self._sorted, place)
        last = bisect_left(self._sorted, (*place[:-1], place[-1] + 1))
        found = [(*self._range(span), each) for each in self._sorted[first:last] for span in self._raw[each]]
        for start, end, each in sorted(found, key=lambda entry: (entry[0], -entry[1])):
            yield each, start, end

    def _range(self, span: tuple[int, ...]) -> tuple[int, int]:
        if len(span) == 3:
            line, start, end = span
            return self.offset(line, start), self.offset(line, end)
        first, start, last, end = span
        return self.offset(first, start), self.offset(last, end)
