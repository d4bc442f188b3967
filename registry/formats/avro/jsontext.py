"""JSON as Avro schemas hold it: numbers stay exact on the way in, and print the way Confluent's registry prints them.

Integers are `int`, every other number is a `Decimal` (2^53 and 2^53 + 1 differ). Comments, which Apache Avro takes,
count as white space. The last of two equal keys wins, at the place of the first, as in Jackson.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any

DEEPEST_VALUE = 100
"""How deep a default or a custom property may nest."""

_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*+"|/\*|//', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_NEW_LINE = re.compile(r"[^\n]")


class TooDeep(ValueError):
    """A value nests deeper than DEEPEST_VALUE."""


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {text[:40]} is out of every range") from None


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON value")


_decode = json.JSONDecoder(parse_float=_number, parse_constant=_constant).decode


def without_comments(text: str) -> str:
    """The text with comments blanked out; every other character keeps its place."""
    if "/*" not in text and "//" not in text:
        return text
    out: list[str] = []
    at = 0
    while (found := _STRING_OR_COMMENT.search(text, at)) is not None:
        start, end = found.span()
        if found[0][0] == "/":
            close = text.find("*/", end) + 2 if found[0] == "/*" else text.find("\n", end)
            end = len(text) if close == (1 if found[0] == "/*" else -1) else close
            out += text[at:start], _NOT_NEW_LINE.sub(" ", text[start:end])
        else:
            out.append(text[at:end])
        at = end
    return "".join((*out, text[at:]))


def read(text: str) -> Any:
    """The value of a JSON text. Raises ValueError (json.JSONDecodeError knows the place) or RecursionError."""
    try:
        return _decode(text)
    except json.JSONDecodeError:
        plain = without_comments(text)
        if plain == text:
            raise
        return _decode(plain)


def _upper(match: re.Match[str]) -> str:
    found = match[0]
    return "\\u" + found[2:].upper() if found[1] == "u" else found


def quoted(text: str) -> str:
    """A JSON string: only what must be escaped is, with hexadecimal digits in upper case."""
    out: str = encode_basestring(text)
    if "\\u" in out:
        out = _ESCAPE.sub(_upper, out)
    if _SURROGATE.search(out):
        out = _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04X}", out)
    return out


def _java_double(value: float) -> str:
    """The digits of Java's `Double.toString`: 1.1, 100000.0, 1.0E7, 5.0E-4."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)
    lead = "-" if sign else ""
    if text == "0":
        return lead + "0.0"
    if -3 < point <= 7:
        if point <= 0:
            return f"{lead}0.{'0' * -point}{text}"
        return f"{lead}{text[:point].ljust(point, '0')}.{text[point:] or '0'}"
    return f"{lead}{text[0]}.{text[1:] or '0'}E{point - 1}"


def number(value: int | Decimal) -> str:
    """A number as Java prints it where a double holds it exactly enough to print the same, else with all its digits."""
    if isinstance(value, int):
        return str(value)
    as_double = float(value)
    if as_double - as_double == 0 and Decimal(repr(as_double)) == value:
        return _java_double(-as_double if value.is_zero() and value.is_signed() and as_double > 0 else as_double)
    return str(value)


def java_order(text: str) -> bytes:
    """The key by which Java sorts strings: UTF-16 code units, not code points."""
    return text.encode("utf-16-be", "surrogatepass")


def text(value: Any, *, ordered: bool = False, depth: int = 0) -> str:
    """A value in compact JSON; `ordered` sorts the keys of objects. Raises TooDeep."""
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | Decimal):
        return number(value)
    if isinstance(value, float):
        return _java_double(value)
    if depth >= DEEPEST_VALUE:
        raise TooDeep(f"a value nests deeper than {DEEPEST_VALUE} levels")
    if isinstance(value, list):
        return "[" + ",".join([text(item, ordered=ordered, depth=depth + 1) for item in value]) + "]"
    keys = sorted(value, key=java_order) if ordered else value
    return "{" + ",".join([f"{quoted(key)}:{text(value[key], ordered=ordered, depth=depth + 1)}" for key in keys]) + "}"


def excerpt(value: str, length: int = 80) -> str:
    """The first characters of a text, marked where it was cut."""
    return value if len(value) <= length else value[: length - 1] + "…"
