"""JSON texts with exact numbers: read, print, point into.

    '{"a":1.10}'  →  {"a": Exact("1.10")}  →  '{"a":1.10}'

Integers are `int`, everything else is `Exact`, a Decimal that remembers how it was written. No float anywhere:
2^53 and 2^53 + 1 differ. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeAlias

from registry.errors import InvalidSchema

FORMAT = "JSON"

MAX_CHARACTERS = 4_000_000
MAX_DEPTH = 400
MAX_VALUES = 400_000
# Beyond this a number is a way to stop a server, not a bound: 10 ** 9999999 takes memory as soon as it is an integer.
MAX_EXPONENT = 4_000

Json: TypeAlias = Any
"""dict (in the order of the text), list, str, int, Exact, bool or None."""


class Exact(Decimal):
    """A number with a fraction or an exponent, exact, printed as it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Exact:
        number = super().__new__(cls, text)
        if abs(number.adjusted()) > MAX_EXPONENT:
            raise InvalidSchema(FORMAT, f"the number {text[:40]} is out of range")
        number.text = text
        return number


def _integer(text: str) -> int | Exact:
    if len(text) > MAX_EXPONENT:
        raise InvalidSchema(FORMAT, f"the number {text[:40]}… is out of range")
    return Exact(text) if text == "-0" else int(text)


def _constant(text: str) -> NoReturn:
    raise InvalidSchema(FORMAT, f"{text} is not a JSON value")


_DECODER = json.JSONDecoder(parse_float=Exact, parse_int=_integer, parse_constant=_constant)


def read(text: str) -> Json:
    """The value of a JSON text. A repeated member counts with its last value, as in the reference.

    Raises InvalidSchema with line and column for a text that is not JSON, and for one that is too long, too deep
    or holds lone surrogates.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidSchema(FORMAT, f"the text is longer than {MAX_CHARACTERS:,} characters")
    try:
        value = _DECODER.decode(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise InvalidSchema(FORMAT, error.msg, line=error.lineno, column=error.colno) from None
    except InvalidOperation:
        raise InvalidSchema(FORMAT, "a number is out of range") from None
    except RecursionError:
        raise InvalidSchema(FORMAT, f"the text is nested deeper than {MAX_DEPTH} levels") from None
    _measure(value)
    return value


def _measure(root: Json) -> None:
    level, depth, count = [root], 0, 0
    while level:
        depth += 1
        count += len(level)
        if depth > MAX_DEPTH:
            raise InvalidSchema(FORMAT, f"the text is nested deeper than {MAX_DEPTH} levels")
        if count > MAX_VALUES:
            raise InvalidSchema(FORMAT, f"the text holds more than {MAX_VALUES:,} values")
        below: list[Json] = []
        for value in level:
            if type(value) is dict:
                below.extend(value.values())
                _well_formed("".join(value))
            elif type(value) is list:
                below.extend(value)
            elif type(value) is str:
                _well_formed(value)
        level = below


def _well_formed(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidSchema(FORMAT, "a string holds half of a surrogate pair") from None


_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def quoted(text: str) -> str:
    """A JSON string: nothing escaped but quotes, backslashes and control characters."""
    return '"' + _ESCAPED.sub(lambda hit: _SHORT.get(hit[0]) or f"\\u{ord(hit[0]):04X}", text) + '"'


def _written(number: int | Exact) -> str:
    return number.text if type(number) is Exact else str(number)


def atom(value: Json, number: Callable[[int | Exact], str] = _written) -> str:
    """A value without parts as JSON."""
    if type(value) is str:
        return quoted(value)
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    return number(value)


def write(value: Json, *, sort: bool = False, number: Callable[[int | Exact], str] = _written) -> str:
    """Compact JSON, members in the order of the value, or sorted by name at every level."""
    parts: list[str] = []
    # A stack of ready text and of values still to print; deep values must not meet the recursion limit.
    stack: list[tuple[bool, Json]] = [(False, value)]
    while stack:
        ready, item = stack.pop()
        if ready:
            parts.append(item)
        elif type(item) is dict:
            parts.append("{")
            stack.append((True, "}"))
            members = sorted(item.items()) if sort else list(item.items())
            for index in range(len(members) - 1, -1, -1):
                name, member = members[index]
                stack.append((False, member))
                stack.append((True, ("," if index else "") + quoted(name) + ":"))
        elif type(item) is list:
            parts.append("[")
            stack.append((True, "]"))
            for index in range(len(item) - 1, -1, -1):
                stack.append((False, item[index]))
                if index:
                    stack.append((True, ","))
        else:
            parts.append(atom(item, number))
    return "".join(parts)


def identity(value: Json) -> str:
    """A text that is equal exactly when two values are equal JSON (1 = 1.0, 1 ≠ true, member order free)."""
    return write(value, sort=True, number=_plain)


def _plain(number: int | Decimal) -> str:
    """A number without the ways there are to write it: 1000, 1e3 and 1000.0 are `1e3`."""
    if type(number) is int:
        digits, exponent = str(abs(number)), 0
    else:
        parts = Decimal(number).as_tuple()
        digits, exponent = "".join(map(str, parts.digits)), int(parts.exponent)
    bare = digits.lstrip("0").rstrip("0")
    if not bare:
        return "0"
    return f"{'-' if number < 0 else ''}{bare}e{exponent + len(digits) - len(digits.rstrip('0'))}"


def is_number(value: Json) -> bool:
    """Whether a value is a JSON number (booleans are not)."""
    return isinstance(value, int | Decimal) and type(value) is not bool


def is_integer(value: Json) -> bool:
    """Whether a value is a number without a fraction: 2 and 2.0 are."""
    return is_number(value) and (type(value) is int or value == value.to_integral_value())


# ---------------------------------------------------------------------------------------------------- pointers


def pointer(steps: tuple[str, ...]) -> str:
    """Steps as a JSON pointer: `("a/b", "0")` → `/a~1b/0`."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def steps(text: str) -> tuple[str, ...]:
    """A JSON pointer as steps; the empty pointer has none."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def at(root: Json, path: tuple[str, ...]) -> Json:
    """The value at a path. Raises LookupError when the path leads nowhere."""
    value = root
    for step in path:
        if type(value) is dict:
            value = value[step]
        elif type(value) is list and (step == "0" or (step.isdigit() and step.isascii() and step[0] != "0")):
            value = value[int(step)]
        else:
            raise LookupError(step)
    return value


_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ATOM = re.compile(r"[^\s,\]}\[{\":]+")


def spans(text: str) -> Iterator[tuple[tuple[str, ...], int, int, int]]:
    """Every value of a JSON text, innermost first: path, start and end of the value, start of its member's name.

    The name's start equals the value's start for items and the root. The text must be valid JSON.
    """
    # One frame for each open container: path, start, start of name, next index or None for an object.
    frames: list[list[Any]] = []
    position = 1 if text.startswith("\ufeff") else 0
    path: tuple[str, ...] = ()
    name_at = -1
    end = len(text)
    while True:
        position = _skip(text, position)
        if position >= end:
            return
        letter = text[position]
        if letter in "{[":
            frames.append([path, position, name_at if name_at >= 0 else position, 0 if letter == "[" else None])
            position += 1
            name_at = -1
        elif letter in "]}":
            own, start, named, _ = frames.pop()
            position += 1
            yield own, start, position, named
            name_at = -1
            continue
        elif letter == ",":
            position += 1
            if frames[-1][3] is not None:
                frames[-1][3] += 1
        else:
            match = (_STRING if letter == '"' else _ATOM).match(text, position)
            assert match is not None, "the text was read before"
            yield path, position, match.end(), name_at if name_at >= 0 else position
            position, name_at = match.end(), -1
            continue
        # Just after an opening or a comma: find out what the next value is called.
        position = _skip(text, position)
        base, _, _, index = frames[-1]
        if text[position] in "]}":
            continue
        if index is not None:
            path = (*base, str(index))
            continue
        match = _STRING.match(text, position)
        assert match is not None, "the text was read before"
        name_at = position
        path = (*base, json.loads(match[0], strict=False))
        position = _skip(text, match.end()) + 1


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Where an offset lies, both counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
