"""Date and time patterns of the rules `date`, `time` and `datetime`: does a text fit? Pure.

Patterns are written as in Java (`yyyy-MM-dd'T'HH:mm:ss.SSSXXX`); what each letter takes was observed in the Rust core
of pact-python 4.2 and is stricter and looser than Java's in places: a number takes one digit up to the width its
letters give (so `yyyy` takes `24`), a day of the year never exceeds 365, February has 29 days in leap years only, and
28 where no year is in the text. Zone names and zone ids depend on tables of the host: a text that fits but for them
is UNKNOWN, unless it is one of the abbreviations everybody knows.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

_MONTHS = tuple(calendar.month_name)[1:]
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LEAP, _COMMON = 2024, 2023
_KNOWN_ZONES = ("GMT", "EST", "PST", "CET", "AEST")


class Fit(Enum):
    """Whether a text fits a pattern."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class _Piece(NamedTuple):
    """One part of a pattern: what it takes from the text, and what to remember of it."""

    regex: re.Pattern[str]
    low: int | None = None
    high: int | None = None
    part: str = ""
    certain: bool = True


def _number(width: int, low: int | None = None, high: int | None = None, part: str = "") -> _Piece:
    return _Piece(re.compile(rf"[0-9]{{1,{width}}}"), low, high, part)


def _names(names: tuple[str, ...], part: str = "") -> _Piece:
    return _Piece(re.compile("|".join(map(re.escape, names)), re.IGNORECASE), part=part)


def _text(regex: str, *, certain: bool = True) -> _Piece:
    return _Piece(re.compile(regex), certain=certain)


_HOUR, _MINUTE = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_OFFSETS = {
    1: f"[+-]{_HOUR}(?:{_MINUTE})?",
    2: f"[+-]{_HOUR}{_MINUTE}",
    3: f"[+-]{_HOUR}:{_MINUTE}",
    4: f"[+-]{_HOUR}{_MINUTE}(?:{_MINUTE})?",
    5: f"[+-]{_HOUR}:{_MINUTE}(?::{_MINUTE})?",
}


def _year(width: int) -> _Piece:
    return _number(width, part="year")


def _month(width: int) -> _Piece | None:
    if width <= 2:
        return _number(2, 1, 12, "month")
    if width == 3:
        return _names(tuple(name[:3] for name in _MONTHS), "month name")
    return _names(_MONTHS, "month name") if width == 4 else None


def _standalone_month(width: int) -> _Piece | None:
    return _number(2, 1, 12, "month") if width <= 2 else None


def _weekday(width: int) -> _Piece | None:
    if width <= 3:
        return _names(tuple(name[:3] for name in _DAYS))
    return _names(_DAYS) if width == 4 else None


def _zulu_offset(width: int) -> _Piece | None:
    return _text(f"Z|{_OFFSETS[width]}") if width in _OFFSETS else None


def _offset(width: int) -> _Piece | None:
    return _text(_OFFSETS[width]) if width in _OFFSETS else None


def _rfc_offset(width: int) -> _Piece | None:
    if width <= 3:
        return _text(_OFFSETS[2])
    return {4: _text(f"GMT{_OFFSETS[3]}"), 5: _text(_OFFSETS[5])}.get(width)


def _gmt_offset(width: int) -> _Piece | None:
    if width == 1:
        return _text(f"(?:GMT|UTC)[+-](?:{_HOUR}|[0-9])(?::{_MINUTE})?")
    return _text(f"(?:GMT|UTC){_OFFSETS[3]}") if width == 4 else None


def _quarter(width: int) -> _Piece | None:
    if width <= 2:
        return _number(2, 1, 4)
    return _text("Q[1-4]") if width == 3 else None


def _zone_name(width: int) -> _Piece:
    known = "|".join(_KNOWN_ZONES)
    return _Piece(re.compile(rf"(?P<known>(?:{known})(?![A-Za-z]))|[A-Za-z][A-Za-z ]*"), part="zone")


_LETTERS: dict[str, Callable[[int], _Piece | None]] = {
    "y": _year,
    "u": _year,
    "Y": _year,
    "G": lambda width: _names(("AD", "BC")) if width <= 3 else None,
    "M": _month,
    "L": _standalone_month,
    "d": lambda _: _number(2, 1, 31, "day"),
    "D": lambda _: _number(3, 1, 365),
    "w": lambda _: _number(2),
    "W": lambda _: _number(1, 1, 5),
    "F": lambda _: _number(1, 1, 4),
    "E": _weekday,
    "e": lambda _: _number(1, 1, 7),
    "c": lambda _: _number(1, 1, 7),
    "a": lambda _: _names(("AM", "PM")),
    "H": lambda _: _number(2, 0, 23),
    "h": lambda _: _number(2, 1, 12),
    "k": lambda _: _number(2, 1, 24),
    "K": lambda _: _number(2, 0, 11),
    "m": lambda _: _number(2, 0, 59),
    "s": lambda _: _number(2, 0, 60),
    "S": _number,
    "A": lambda _: _number(20),
    "n": lambda _: _number(20),
    "N": lambda _: _number(20),
    "z": _zone_name,
    "V": lambda _: _text(r"[A-Za-z_]+/[A-Za-z_/+\-0-9]+", certain=False),
    "Z": _rfc_offset,
    "X": _zulu_offset,
    "x": _offset,
    "O": _gmt_offset,
    "Q": _quarter,
    "q": _quarter,
}


def fits(pattern: str, text: str) -> Fit:
    """Whether `text` as a whole fits `pattern`. A pattern that can't be read fits nothing, as in the Rust core."""
    pieces = _compiled(pattern)
    if not pieces:
        return Fit.NO
    at, certain = 0, True
    parts: dict[str, str] = {}
    for piece in pieces:
        # Greedy and without a way back, as the Rust core reads: "yyyyMMdd" takes month 13 from "2024131".
        found = piece.regex.match(text, at)
        if found is None or not _within(piece, found[0]):
            return Fit.NO
        at = found.end()
        certain = certain and piece.certain and (piece.part != "zone" or found["known"] is not None)
        if piece.part:
            parts[piece.part] = found[0]
    if at != len(text) or not _in_calendar(parts):
        return Fit.NO
    return Fit.YES if certain else Fit.UNKNOWN


def _within(piece: _Piece, taken: str) -> bool:
    if piece.low is None or piece.high is None:
        return True
    return piece.low <= int(taken) <= piece.high


def _in_calendar(parts: dict[str, str]) -> bool:
    """Whether the day exists in the month, where both are there."""
    if "day" not in parts:
        return True
    if "month name" in parts:
        month = [name[:3].lower() for name in _MONTHS].index(parts["month name"][:3].lower()) + 1
    elif "month" in parts:
        month = int(parts["month"])
    else:
        return True
    leap = calendar.isleap(int(parts["year"])) if "year" in parts else False
    return int(parts["day"]) <= calendar.monthrange(_LEAP if leap else _COMMON, month)[1]


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> tuple[_Piece, ...]:
    """The pieces of a pattern; none when it can't be read."""
    pieces: list[_Piece] = []
    for kind, content in _split(pattern):
        if kind == "literal":
            pieces.append(_text(re.escape(content)))
            continue
        if kind == "broken" or content[0] not in _LETTERS:
            return ()
        piece = _LETTERS[content[0]](len(content))
        if piece is None:
            return ()
        pieces.append(piece)
    return tuple(pieces)


_SPLIT = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<field>([A-Za-z])\3*)|(?P<other>[^A-Za-z'\[\]{}]+)|(?P<broken>.)")


def _split(pattern: str) -> Iterator[tuple[str, str]]:
    """The pattern in parts: fields (a run of one letter), literals, and what can't be read."""
    for found in _SPLIT.finditer(pattern):
        quoted = found["quoted"]
        if quoted is not None:
            yield "literal", quoted.replace("''", "'") or "'"
        elif found["field"]:
            yield "field", found["field"]
        else:
            yield ("literal", found["other"]) if found["other"] else ("broken", found[0])
