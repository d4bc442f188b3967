"""The conversions a plan may name: small total functions on one value, with what is lost and how to go back.

A value of another type than the conversion takes raises TypeError; a text that cannot be read raises ValueError.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from typing import Any, Final
from uuid import UUID

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST_NUMBER: Final = 400
"""Characters of a text read as a number."""

PER_SECOND: Final[Mapping[str, int]] = {"seconds": 1, "millis": 1000, "micros": 10**6, "nanos": 10**9}


def _wrong(value: Any, wanted: str) -> TypeError:
    return TypeError(f"{type(value).__name__} is no {wanted}")


def to_float(value: Any, by: Any = None) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise _wrong(value, "number")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_float32(value: Any, by: Any = None) -> float:
    number = to_float(value)
    try:
        found: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    return found


def to_int(value: Any, by: Any = None) -> int:
    """`by`: [lowest, highest]; what is beyond becomes the bound, NaN becomes 0 (or the nearest bound)."""
    low, high = by
    if type(value) is Decimal and value.is_finite():
        value = int(value.to_integral_value(ROUND_HALF_EVEN)) if value.adjusted() < 40 else math.copysign(1e40, value)
    if type(value) is float:
        value = 0 if math.isnan(value) else high if value >= high else low if value <= low else round(value)
    if type(value) is not int:
        raise _wrong(value, "number")
    return int(min(max(value, low), high))


def clamp(value: Any, by: Any = None) -> int | float:
    """`by`: [lowest, highest], either may be null."""
    if type(value) not in (int, float):
        raise _wrong(value, "number")
    low, high = by
    if low is not None and not value >= low:
        return low  # type: ignore[no-any-return] # a number, by the table's check
    if high is not None and value > high:
        return high  # type: ignore[no-any-return] # the same
    return value  # type: ignore[no-any-return] # checked above


def scale(value: Any, by: Any = None) -> Any:
    """Times `by` = [numerator, denominator]. Whole results stay whole, others become floats; Decimals stay exact."""
    above, below = by
    if type(value) is Decimal:
        with localcontext() as context:
            context.prec = 100
            return value * above / below
    if type(value) is int:
        whole, left = divmod(value * above, below)
        return whole if left == 0 else to_float(value * above) / below
    if type(value) is not float:
        raise _wrong(value, "number")
    return value * above / below


def boolean_to_int(value: Any, by: Any = None) -> int:
    if type(value) is not bool:
        raise _wrong(value, "boolean")
    return int(value)


def int_to_boolean(value: Any, by: Any = None) -> bool:
    if type(value) is not int:
        raise _wrong(value, "int")
    return value != 0


def to_text(value: Any, by: Any = None) -> str:
    """A number, boolean, date, time, UUID or Decimal as the text that JSON or ISO 8601 has for it."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return int.__repr__(value)
    if type(value) is float:
        return (
            repr(value)
            if math.isfinite(value)
            else "NaN"
            if math.isnan(value)
            else str(value).replace("inf", "Infinity")
        )
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if type(value) is Decimal:
        return format(value, "f")
    raise _wrong(value, "value with a text")


def text_to_int(value: Any, by: Any = None) -> int:
    """`by`: [lowest, highest]. Raises ValueError for a text that is no such number."""
    text = _number_text(value)
    number = int(text) if text.removeprefix("-").isdigit() and text.isascii() else None
    if number is None or not by[0] <= number <= by[1]:
        raise ValueError(f"'{text[:40]}' is no whole number of this type")
    return number


def text_to_float(value: Any, by: Any = None) -> float:
    """Raises ValueError for a text that is no finite number."""
    text = _number_text(value)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"'{text[:40]}' is no finite number")
    return number


def text_to_decimal(value: Any, by: Any = None) -> Decimal:
    """`by`: the scale to round to."""
    try:
        return to_scale(Decimal(_number_text(value)), by)
    except InvalidOperation:
        raise ValueError(f"'{str(value)[:40]}' is no number") from None


def _number_text(value: Any) -> str:
    if type(value) is not str:
        raise _wrong(value, "string")
    if len(value) > _LONGEST_NUMBER or "_" in value:
        raise ValueError(f"'{value[:40]}' is no number")
    return value.strip()


def to_decimal(value: Any, by: Any = None) -> Decimal:
    """A number as a Decimal of scale `by`, rounded half to even."""
    if type(value) not in (int, float):
        raise _wrong(value, "number")
    if type(value) is float and not math.isfinite(value):
        raise ValueError(f"{value} is no decimal")
    return to_scale(Decimal(repr(value)), by)


def to_scale(value: Any, by: Any = None) -> Decimal:
    """A Decimal with `by` digits after the point, rounded half to even."""
    if type(value) is not Decimal or not value.is_finite():
        raise _wrong(value, "finite Decimal")
    if value.adjusted() > _LONGEST_NUMBER:
        raise ValueError("the decimal is too long")
    with localcontext() as context:
        context.prec = 2 * _LONGEST_NUMBER + 50
        return value.quantize(Decimal(1).scaleb(-by), ROUND_HALF_EVEN)


def decimal_to_float(value: Any, by: Any = None) -> float:
    if type(value) is not Decimal:
        raise _wrong(value, "Decimal")
    return float(value)


def text_to_bytes(value: Any, by: Any = None) -> bytes:
    if type(value) is not str:
        raise _wrong(value, "string")
    return value.encode("utf-8", "surrogatepass")


def bytes_to_text(value: Any, by: Any = None) -> str:
    """UTF-8; what is none becomes U+FFFD, so that every value has a text."""
    if type(value) is not bytes:
        raise _wrong(value, "bytes")
    return value.decode("utf-8", "replace")


def truncate(value: Any, by: Any = None) -> Any:
    """A text, list or bytes cut to `by` characters, items, bytes."""
    if type(value) not in (str, list, bytes):
        raise _wrong(value, "text or list")
    return value[:by]


def to_datetime(value: Any, by: Any = None) -> datetime:
    """A number since the epoch in the unit `by`, in UTC; what Python's years cannot hold becomes the nearest bound."""
    if type(value) is float and not math.isfinite(value):
        raise ValueError(f"{value} is no time")
    if type(value) not in (int, float):
        raise _wrong(value, "number")
    if type(value) is float:
        value = round(value * 10**6 / PER_SECOND[by])
        micros = value
    else:
        micros = value * 10**6 // PER_SECOND[by]
    if micros < (_EARLIEST - EPOCH) // _MICROSECOND:
        return _EARLIEST
    if micros > (_LATEST - EPOCH) // _MICROSECOND:
        return _LATEST
    return EPOCH + timedelta(microseconds=micros)


def from_datetime(value: Any, by: Any = None) -> int:
    """A datetime as a whole number since the epoch in the unit `by`; one without a zone counts as UTC."""
    if type(value) is not datetime:
        raise _wrong(value, "datetime")
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return (aware - EPOCH) // _MICROSECOND * PER_SECOND[by] // 10**6


def text_to_datetime(value: Any, by: Any = None) -> datetime:
    """ISO 8601 as a datetime in UTC; a text without a zone counts as UTC, a date is its midnight."""
    if type(value) is not str:
        raise _wrong(value, "string")
    read = datetime.fromisoformat(value)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else _in_utc(read)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value.isoformat()} is out of range in UTC") from None


def text_to_date(value: Any, by: Any = None) -> date:
    if type(value) is not str:
        raise _wrong(value, "string")
    return date.fromisoformat(value)


def text_to_time(value: Any, by: Any = None) -> time:
    if type(value) is not str:
        raise _wrong(value, "string")
    return time.fromisoformat(value)


def text_to_uuid(value: Any, by: Any = None) -> UUID:
    if type(value) is not str:
        raise _wrong(value, "string")
    return UUID(value)


def datetime_to_date(value: Any, by: Any = None) -> date:
    if type(value) is not datetime:
        raise _wrong(value, "datetime")
    return value.date()


def date_to_datetime(value: Any, by: Any = None) -> datetime:
    """Midnight in UTC."""
    if type(value) is not date:
        raise _wrong(value, "date")
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def without_zone(value: Any, by: Any = None) -> datetime:
    """The same time of day and date in UTC, without saying so."""
    if type(value) is not datetime:
        raise _wrong(value, "datetime")
    return value if value.tzinfo is None else _in_utc(value).replace(tzinfo=None)


def in_utc(value: Any, by: Any = None) -> datetime:
    """A datetime without zone, taken as UTC."""
    if type(value) is not datetime:
        raise _wrong(value, "datetime")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


# --- the table -------------------------------------------------------------------------------------------------

Argument = Callable[[Any], bool]


def _none(by: Any) -> bool:
    return by is None


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 2**70


def _bounds(by: Any) -> bool:
    return isinstance(by, list | tuple) and len(by) == 2 and all(map(_number, by)) and by[0] <= by[1]


def _whole_bounds(by: Any) -> bool:
    return _bounds(by) and all(type(each) is int for each in by)


def _open_bounds(by: Any) -> bool:
    if not (isinstance(by, list | tuple) and len(by) == 2):
        return False
    return all(each is None or _number(each) for each in by) and (None in by or by[0] <= by[1])


def _ratio(by: Any) -> bool:
    return isinstance(by, list | tuple) and len(by) == 2 and all(type(n) is int and 0 < n <= 10**12 for n in by)


def _unit(by: Any) -> bool:
    return by in PER_SECOND if isinstance(by, str) else False


def _count(by: Any) -> bool:
    return type(by) is int and 0 <= by <= 2**31


def _scale(by: Any) -> bool:
    return type(by) is int and 0 <= by <= _LONGEST_NUMBER


@dataclass(frozen=True, slots=True)
class Conversion:
    """A row: the function, what its argument must be, whether information can be lost, whether a value of the right
    type can still be refused, and the way back (its name; the argument is `back_by` of this one's)."""

    apply: Callable[[Any, Any], Any]
    argument: Argument
    loses: bool
    refuses: bool
    back: str | None = None
    back_by: Callable[[Any], Any] = lambda by: None


_INT64 = [-(2**63), 2**63 - 1]

CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "float": Conversion(to_float, _none, False, False, "int", lambda by: _INT64),
    "float32": Conversion(to_float32, _none, True, False),
    "int": Conversion(to_int, _whole_bounds, True, False, "float"),
    "clamp": Conversion(clamp, _open_bounds, True, False),
    "scale": Conversion(scale, _ratio, False, False, "scale", lambda by: [by[1], by[0]]),
    "boolean_to_int": Conversion(boolean_to_int, _none, False, False, "int_to_boolean"),
    "int_to_boolean": Conversion(int_to_boolean, _none, True, False, "boolean_to_int"),
    "text": Conversion(to_text, _none, False, False),
    "text_to_int": Conversion(text_to_int, _whole_bounds, True, True, "text"),
    "text_to_float": Conversion(text_to_float, _none, True, True, "text"),
    "text_to_decimal": Conversion(text_to_decimal, _scale, True, True, "text"),
    "decimal": Conversion(to_decimal, _scale, True, True),
    "decimal_scale": Conversion(to_scale, _scale, True, False),
    "decimal_to_float": Conversion(decimal_to_float, _none, True, False),
    "text_to_bytes": Conversion(text_to_bytes, _none, False, False, "bytes_to_text"),
    "bytes_to_text": Conversion(bytes_to_text, _none, True, False, "text_to_bytes"),
    "truncate": Conversion(truncate, _count, True, False),
    "datetime": Conversion(to_datetime, _unit, True, True, "from_datetime", lambda by: by),
    "from_datetime": Conversion(from_datetime, _unit, True, False, "datetime", lambda by: by),
    "text_to_datetime": Conversion(text_to_datetime, _none, True, True, "text"),
    "text_to_date": Conversion(text_to_date, _none, True, True, "text"),
    "text_to_time": Conversion(text_to_time, _none, True, True, "text"),
    "text_to_uuid": Conversion(text_to_uuid, _none, True, True, "text"),
    "datetime_to_date": Conversion(datetime_to_date, _none, True, False, "date_to_datetime"),
    "date_to_datetime": Conversion(date_to_datetime, _none, False, False, "datetime_to_date"),
    "without_zone": Conversion(without_zone, _none, False, False, "in_utc"),
    "in_utc": Conversion(in_utc, _none, False, False, "without_zone"),
}
"""Every conversion by its name."""
