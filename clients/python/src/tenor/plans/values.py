"""Values of events as plans see them: what type one is, whether two are the same, and how constants are written.

Constants are JSON. What JSON lacks is an object with one key that begins with a dollar sign:

    {"$bytes": "AQI="}  {"$int": "9223372036854775808"}  {"$float": "NaN"}  {"$decimal": "1.50"}  {"$uuid": "…"}
    {"$datetime": "2026-01-01T00:00:00+00:00"}  {"$date": "2026-01-01"}  {"$time": "12:00:00"}
    {"$object": {…}}    a dict with such a key of its own
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from tenor.errors import InvalidPlan

DEEPEST: Final = 64
"""Levels of a constant."""

_INT64: Final = range(-(2**63), 2**63)

ABSENT: Final[Any] = type("Absent", (), {"__repr__": lambda self: "absent", "__slots__": ()})()
"""The value no event holds."""

TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "int": (int,),
    "float": (float,),
    "number": (int, float),
    "string": (str,),
    "bytes": (bytes,),
    "array": (list,),
    "object": (dict,),
    "datetime": (datetime,),
    "date": (date,),
    "time": (time,),
    "decimal": (Decimal,),
    "uuid": (UUID,),
}
"""The types a test can ask for; a value is of one if that is exactly its class (true is no int)."""


def type_name(value: Any) -> str:
    """The name of a value's type; `number` is never the answer."""
    for name, types in TYPES.items():
        if type(value) in types:
            return name
    return type(value).__name__


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same: true is not 1, but 1 is 1.0."""
    return (type(one) is bool) == (type(other) is bool) and bool(one == other)


def key(value: Any) -> Hashable | None:
    """What a value table looks a value up by; None for values with parts, which are in no table."""
    if isinstance(value, list | dict):
        return None
    return (type(value) is bool, value)


def encode(value: Any) -> Any:
    """A value as a constant is written. Raises TypeError for what events do not hold."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if value in _INT64 else {"$int": str(value)}
    if isinstance(value, float):
        return (
            value
            if math.isfinite(value)
            else {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
        )
    if isinstance(value, list | tuple):
        return [encode(each) for each in value]
    if isinstance(value, dict):
        inner = {name: encode(each) for name, each in value.items()}
        return {"$object": inner} if any(name.startswith("$") for name in inner) else inner
    for mark, (kind, write, _) in _SPECIAL.items():
        if type(value) is kind:
            return {mark: write(value)}
    raise TypeError(f"{type(value).__name__} is no value of an event")


def decode(written: Any, at: str = "", depth: int = 0) -> Any:
    """The value of a constant, made fresh. Raises InvalidPlan."""
    if depth > DEEPEST:
        raise InvalidPlan(f"a constant has more than {DEEPEST} levels", at)
    if isinstance(written, list | tuple):
        return [decode(each, at, depth + 1) for each in written]
    if not isinstance(written, dict):
        return written
    mark = next(iter(written), "")
    if mark.startswith("$") or any(name.startswith("$") for name in written):
        return _special(written, mark, at, depth)
    return {name: decode(each, at, depth + 1) for name, each in written.items()}


def _special(written: dict[str, Any], mark: str, at: str, depth: int) -> Any:
    inner = written[mark]
    if len(written) == 1 and mark == "$object" and isinstance(inner, dict):
        return {name: decode(each, at, depth + 1) for name, each in inner.items()}
    if len(written) != 1 or mark not in _SPECIAL or not isinstance(inner, str) or len(inner) > 2_000_000:
        raise InvalidPlan(f"'{mark[:20]}' marks no constant", at)
    try:
        return _SPECIAL[mark][2](inner)
    except (ValueError, ArithmeticError):
        raise InvalidPlan(f"'{inner[:40]}' is no {mark[1:]}", at) from None


def _float(text: str) -> float:
    if text not in ("NaN", "Infinity", "-Infinity"):
        raise ValueError(text)
    return float(text)


def _int(text: str) -> int:
    if len(text) > 1000:
        raise ValueError(text)
    return int(text)


_SPECIAL: Final[dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]]] = {
    "$bytes": (bytes, lambda value: b64encode(value).decode(), lambda text: b64decode(text, validate=True)),
    "$int": (int, str, _int),
    "$float": (float, str, _float),
    "$decimal": (Decimal, str, Decimal),
    "$uuid": (UUID, str, UUID),
    "$datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "$date": (date, date.isoformat, date.fromisoformat),
    "$time": (time, time.isoformat, time.fromisoformat),
}
