"""What becomes of a value without parts when its type changes: one row for each pair of kinds.

A row says by which conversion, how sure that is, and in what words. `refuses` marks conversions that some values of the
old type do not survive: they need something that takes their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.evolution.upcasts.types import Scalar
from tenor.plans.nodes import SCOPE, Certainty, Convert, Node, StepKind

INT64: Final = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Change:
    """A conversion between two kinds: the node on the value, and what to say of it."""

    node: Node
    kind: StepKind
    certainty: Certainty
    sentence: str
    refuses: bool = False


def change(old: Scalar, new: Scalar, format: str) -> Change | None:
    """How a value of the old type becomes one of the new; None if there is no way to tell."""
    if new.low is not None and new.high is not None and new.low > new.high:  # no number is valid
        return None
    row = _ROWS.get((old.kind, new.kind))
    found = None if row is None else row(old, new, format)
    if found is None or not new.asks <= old.asks or (new.size is not None and new.size != old.size):
        return None
    if new.longest is not None and new.kind in ("string", "bytes") and old.kind not in ("string", "bytes"):
        return None
    return found


def _bounds(new: Scalar) -> list[int]:
    low = INT64[0] if new.low is None else int(new.low)
    high = INT64[1] if new.high is None else int(new.high)
    return [low, high]


def _int_to_int(old: Scalar, new: Scalar, format: str) -> Change:
    by = [new.low, new.high]
    sentence = f"{old.label} became {new.label}: what is out of its range becomes the nearest bound"
    return Change(Convert(SCOPE, "clamp", by), "convert", "suggested", sentence)


def _int_to_float(old: Scalar, new: Scalar, format: str) -> Change | None:
    if new.low is not None or new.high is not None:
        return None
    exact = 2 ** (24 if new.bits == 32 else 53)
    large = old.high is None or old.low is None or old.high > exact or old.low < -exact
    more = f", which is exact up to {exact}" if large else ""
    sentence = f"{old.label} is read as {new.label}{more}"
    return Change(Convert(SCOPE, "float"), "promote", "lossy" if large else "certain", sentence)


def _float_to_int(old: Scalar, new: Scalar, format: str) -> Change:
    sentence = f"{old.label} is rounded to {new.label}"
    return Change(Convert(SCOPE, "int", _bounds(new)), "convert", "suggested", sentence)


def _float_to_float(old: Scalar, new: Scalar, format: str) -> Change:
    if old.bits > new.bits:
        return Change(Convert(SCOPE, "float32"), "convert", "lossy", f"{old.label} is rounded to {new.label}")
    return _clamped(old, new, format)


def _clamped(old: Scalar, new: Scalar, format: str) -> Change:
    sentence = f"the range became narrower: what is out of it becomes the nearest bound ({new.low} to {new.high})"
    return Change(Convert(SCOPE, "clamp", [new.low, new.high]), "convert", "suggested", sentence)


def _shorter(old: Scalar, new: Scalar, format: str) -> Change | None:
    if new.size is not None or new.longest is None or any(ask.startswith(("pattern", "at least")) for ask in new.asks):
        return None
    sentence = f"what is longer than {new.longest} is cut"
    return Change(Convert(SCOPE, "truncate", new.longest), "convert", "suggested", sentence)


def _text_to_bytes(old: Scalar, new: Scalar, format: str) -> Change | None:
    if new.size is not None or new.longest is not None:
        return None
    return Change(Convert(SCOPE, "text_to_bytes"), "promote", "certain", f"{old.label} is read as {new.label} (UTF-8)")


def _bytes_to_text(old: Scalar, new: Scalar, format: str) -> Change:
    sentence = f"{old.label} is read as {new.label} (UTF-8; what is none becomes U+FFFD)"
    return Change(Convert(SCOPE, "bytes_to_text"), "promote", "lossy", sentence)


def _boolean_to_int(old: Scalar, new: Scalar, format: str) -> Change | None:
    if (new.low is not None and new.low > 0) or (new.high is not None and new.high < 1):
        return None
    same = format == "PROTOBUF"  # one wire type
    return Change(
        Convert(SCOPE, "boolean_to_int"),
        "promote",
        "certain" if same else "suggested",
        f"false and true become 0 and 1 of {new.label}",
    )


def _int_to_boolean(old: Scalar, new: Scalar, format: str) -> Change:
    same = format == "PROTOBUF"
    return Change(
        Convert(SCOPE, "int_to_boolean"), "convert", "lossy" if same else "suggested", "0 becomes false, others true"
    )


def _to_text(old: Scalar, new: Scalar, format: str) -> Change:
    if old.kind == "uuid":
        return Change(Convert(SCOPE, "text"), "promote", "certain", f"{old.label} is read as its text")
    return Change(Convert(SCOPE, "text"), "convert", "suggested", f"{old.label} is written as text")


def _datetime_to_text(old: Scalar, new: Scalar, format: str) -> Change:
    return Change(Convert(SCOPE, "text"), "convert", "suggested", f"{old.label} is written as ISO 8601")


def _from_text(to: str) -> Callable[..., Change]:
    def row(old: Scalar, new: Scalar, format: str) -> Change:
        by = _bounds(new) if to == "text_to_int" else None
        sentence = f"the text is read as {new.label}"
        return Change(Convert(SCOPE, to, by), "convert", "suggested", sentence, refuses=True)

    return row


def _text_to_datetime(old: Scalar, new: Scalar, format: str) -> Change | None:
    node: Node = Convert(SCOPE, "text_to_datetime")
    sentence = f"the text is read as ISO 8601 and becomes {new.label}"
    if not new.zoned:
        return None
    return Change(node, "convert", "suggested", sentence, refuses=True)


def _int_to_datetime(old: Scalar, new: Scalar, format: str) -> Change | None:
    unit = new.unit or "millis"
    if not new.zoned:
        return None
    sentence = (
        f"{old.label} is read as {new.label}, in {unit} since 1970 (beyond the years 1 to 9999: the nearest bound)"
    )
    return Change(Convert(SCOPE, "datetime", unit), "convert", "lossy", sentence)


def _datetime_to_int(old: Scalar, new: Scalar, format: str) -> Change | None:
    unit = old.unit or "millis"
    wide = (new.low is None or new.low <= INT64[0]) and (new.high is None or new.high >= INT64[1])
    if not wide or not old.zoned:
        return None
    sentence = f"{old.label} is read as {new.label}: {unit} since 1970"
    return Change(Convert(SCOPE, "from_datetime", unit), "convert", "certain", sentence)


def _datetime_to_datetime(old: Scalar, new: Scalar, format: str) -> Change:
    if new.zoned:
        return Change(Convert(SCOPE, "in_utc"), "convert", "suggested", "a local time is taken as UTC")
    return Change(Convert(SCOPE, "without_zone"), "convert", "suggested", "the time becomes the local time in UTC")


def _datetime_to_date(old: Scalar, new: Scalar, format: str) -> Change:
    return Change(Convert(SCOPE, "datetime_to_date"), "convert", "suggested", "the time of day is dropped")


def _date_to_datetime(old: Scalar, new: Scalar, format: str) -> Change | None:
    if not new.zoned:
        return None
    return Change(Convert(SCOPE, "date_to_datetime"), "convert", "suggested", "a date becomes its midnight in UTC")


def _decimal_to_decimal(old: Scalar, new: Scalar, format: str) -> Change | None:
    # One digit more before the point: rounding may carry.
    if new.precision - new.scale < old.precision - old.scale + 1:
        return None
    sentence = f"{old.scale} digits after the point are rounded to {new.scale}"
    return Change(Convert(SCOPE, "decimal_scale", new.scale), "convert", "suggested", sentence)


def _int_to_decimal(old: Scalar, new: Scalar, format: str) -> Change | None:
    largest = max(abs(old.low or INT64[0]), abs(old.high or INT64[1]))
    if len(str(int(largest))) > new.precision - new.scale:
        return None
    return Change(Convert(SCOPE, "decimal", new.scale), "convert", "suggested", f"{old.label} becomes {new.label}")


def _decimal_to_float(old: Scalar, new: Scalar, format: str) -> Change:
    return Change(Convert(SCOPE, "decimal_to_float"), "convert", "suggested", f"{old.label} is rounded to {new.label}")


Row = Callable[[Scalar, Scalar, str], "Change | None"]

_ROWS: Final[dict[tuple[str, str], Row]] = {
    ("int", "int"): _int_to_int,
    ("int", "float"): _int_to_float,
    ("int", "number"): _clamped,
    ("float", "int"): _float_to_int,
    ("number", "int"): _float_to_int,
    ("float", "float"): _float_to_float,
    ("number", "number"): _clamped,
    ("string", "string"): _shorter,
    ("bytes", "bytes"): _shorter,
    ("string", "bytes"): _text_to_bytes,
    ("bytes", "string"): _bytes_to_text,
    ("boolean", "int"): _boolean_to_int,
    ("boolean", "number"): _boolean_to_int,
    ("int", "boolean"): _int_to_boolean,
    **{(kind, "string"): _to_text for kind in ("int", "float", "number", "boolean", "uuid", "decimal")},
    **{(kind, "string"): _datetime_to_text for kind in ("datetime", "date", "time")},
    ("string", "int"): _from_text("text_to_int"),
    ("string", "float"): _from_text("text_to_float"),
    ("string", "number"): _from_text("text_to_float"),
    ("string", "date"): _from_text("text_to_date"),
    ("string", "time"): _from_text("text_to_time"),
    ("string", "uuid"): _from_text("text_to_uuid"),
    ("string", "datetime"): _text_to_datetime,
    ("int", "datetime"): _int_to_datetime,
    ("datetime", "int"): _datetime_to_int,
    ("datetime", "datetime"): _datetime_to_datetime,
    ("datetime", "date"): _datetime_to_date,
    ("date", "datetime"): _date_to_datetime,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("int", "decimal"): _int_to_decimal,
    ("decimal", "float"): _decimal_to_float,
}


def scaled(old: Scalar, new: Scalar, ratio: tuple[int, int]) -> Node | None:
    """A number in another unit; None if one of the types is no number."""
    numbers = ("int", "float", "number")
    if old.kind not in numbers or new.kind not in numbers or new.asks:
        return None
    times: Node = Convert(SCOPE, "scale", list(ratio))
    if new.kind == "int":
        return Convert(times, "int", _bounds(new))
    if new.low is not None or new.high is not None:
        times = Convert(times, "clamp", [new.low, new.high])
    return Convert(times, "float") if new.kind == "float" else times
