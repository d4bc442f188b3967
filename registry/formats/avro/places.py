"""Where a JSON pointer points to in a schema text: offsets for edits, line and column for people."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass

from registry.formats.avro.jsontext import without_comments

_TOKEN = re.compile(r'\s*+("(?:[^"\\]|\\.)*+"|[\[\]{}:,]|[^\s"\[\]{},:]++)', re.DOTALL)
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a text: `text[start:end]`. `key` is where its key starts, if it has one."""

    start: int
    end: int
    key: int | None = None


def place(text: str, pointer: str) -> Place | None:
    """Where the value at a pointer stands; None if the text does not have it (or is not JSON)."""
    plain = without_comments(text)
    found = _value(plain, 0, None)
    for step in pointer.split("/")[1:]:
        if found is None:
            return None
        found = _inside(plain, found, step.replace("~1", "/").replace("~0", "~"))
    return found


def position(text: str, pointer: str) -> tuple[int, int] | None:
    """Line and column, both from 1, of the value at a pointer."""
    found = place(text, pointer)
    if found is None:
        return None
    return text.count("\n", 0, found.start) + 1, found.start - text.rfind("\n", 0, found.start)


class Index:
    """Every place of a text by its pointer, found in one pass: for those who ask more than once."""

    def __init__(self, text: str) -> None:
        self._starts: dict[str, int] = {}
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._scan(without_comments(text))

    def _scan(self, text: str) -> None:
        open_values: list[tuple[str, bool]] = []  # pointer, is it a list
        counts: list[int] = []
        pointer, key = "", None
        token = _TOKEN.match(text)
        while token is not None:
            mark, start = token[1], token.start(1)
            token = _TOKEN.match(text, token.end())
            if mark in "]}":
                if not open_values:
                    return
                open_values.pop()
                counts.pop()
            elif mark == ",":
                key = None
                if counts:
                    counts[-1] += 1
            elif mark != ":":
                within = open_values[-1] if open_values else None
                if within is not None and not within[1] and key is None and mark[0] == '"':
                    key = _step(mark)
                    continue
                if within is not None:
                    pointer = f"{within[0]}/{counts[-1] if within[1] else key}"
                self._starts[pointer] = start
                if mark in "[{":
                    open_values.append((pointer, mark == "["))
                    counts.append(0)
                    key = None

    def position(self, pointer: str) -> tuple[int, int] | None:
        """Line and column, both from 1."""
        start = self._starts.get(pointer)
        if start is None:
            return None
        line = bisect_right(self._lines, start)
        return line, start - self._lines[line - 1] + 1


def _step(key: str) -> str:
    try:
        name = str(json.loads(key))
    except ValueError:
        return key
    return name.replace("~", "~0").replace("/", "~1")


def members(text: str, pointer: str) -> list[tuple[str, Place]]:
    """The members of the object at a pointer, in the order of the text; none if there is no object."""
    plain = without_comments(text)
    whole = place(plain, pointer)
    return _members(plain, whole) if whole is not None else []


def _members(text: str, whole: Place) -> list[tuple[str, Place]]:
    """The parts of an object, or of a list with their indexes as keys."""
    out: list[tuple[str, Place]] = []
    is_object = text[whole.start] == "{"
    at = whole.start + 1
    while (token := _TOKEN.match(text, at)) is not None and token[1] not in "]}":
        if token[1] == ",":
            at = token.end()
            continue
        key, start, key_at = str(len(out)), at, None
        if is_object:
            colon = _TOKEN.match(text, token.end())
            if token[1][0] != '"' or colon is None or colon[1] != ":":
                break
            key, start, key_at = json.loads(token[1]), colon.end(), token.start(1)
        value = _value(text, start, key_at)
        if value is None:
            break
        out.append((key, value))
        at = value.end
    return out


def _inside(text: str, whole: Place, step: str) -> Place | None:
    if text[whole.start] not in "[{":
        return None
    found = [value for key, value in _members(text, whole) if key == step]
    return found[-1] if found else None


def _value(text: str, at: int, key: int | None) -> Place | None:
    token = _TOKEN.match(text, at)
    if token is None or token[1] in "]}:,":
        return None
    if token[1] not in "[{":
        return Place(token.start(1), token.end(1), key)
    depth = 0
    for bracket in _BRACKET.finditer(text, token.start(1)):
        depth += (bracket[0] in "[{") - (bracket[0] in "]}")
        if depth == 0:
            return Place(token.start(1), bracket.end(), key)
    return None
