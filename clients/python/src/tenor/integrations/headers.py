"""Headers for transports whose headers are text, or few. Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any, Final

from tenor.consuming import DeadLetter
from tenor.wire import SCHEMA_HEADERS, Headers

Header = tuple[str, "bytes | str | None"]
Pairs = list[Header]
TOMBSTONE: Final = "tenor-tombstone"
"""Says that the body, which some transports do not allow to be absent, is none."""


def pairs(headers: Headers) -> Pairs:
    """Headers as pairs, whatever they came as."""
    return [] if headers is None else [*(headers.items() if hasattr(headers, "items") else headers)]


def as_text(headers: Iterable[tuple[str, bytes | str | None]]) -> dict[str, str]:
    """Headers as text. Raises ValueError for a guid header: its bytes would not come out as they went in."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in SCHEMA_HEADERS.values():
            raise ValueError("headers are text on this transport: frame events by id-prefix")
        if value is not None:
            found[name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return found


def destination(letter: DeadLetter, otherwise: str) -> str:
    """Where a dead letter goes. Raises ValueError if nobody says."""
    if not (topic := letter.topic or otherwise):
        raise ValueError("the rule names no topic (dlq.topic), and neither does the way to send")
    return topic


def readable(message: Any) -> Any:
    """A record of aiokafka whose headers are all UTF-8; those that were not are latin-1, each byte a character."""
    headers = getattr(message, "headers", None)
    if not isinstance(headers, tuple | list) or all(_is_text(value) for _, value in headers):
        return message
    message = copy.copy(message)
    kept = [(name, value if _is_text(value) else (value or b"").decode("latin-1").encode()) for name, value in headers]
    object.__setattr__(message, "headers", kept)  # some versions freeze it
    return message


def _is_text(value: bytes | None) -> bool:
    try:
        return value is not None and value.decode() is not None
    except UnicodeDecodeError:
        return False


def packed(headers: Iterable[tuple[str, bytes | str | None]], most: int, rest: str) -> dict[str, bytes | str]:
    """At most so many headers: the first ones as they are, the others as JSON in one called `rest`."""
    given = [(name, value) for name, value in headers if value]
    if len(given) <= most:
        return dict(given)
    # latin-1 keeps each byte.
    more = [
        [name, (value.encode() if isinstance(value, str) else value).decode("latin-1")]
        for name, value in given[most - 1 :]
    ]
    return {**dict(given[: most - 1]), rest: json.dumps(more, ensure_ascii=False)}


def unpacked(headers: Pairs, rest: str) -> Pairs:
    """The headers that `packed` got. What is no such JSON stays a header."""
    found: Pairs = []
    for name, value in headers:
        more = _rest(value) if name == rest else None
        found.extend([(name, value)] if more is None else more)
    return found


def _rest(value: bytes | str | None) -> Pairs | None:
    try:
        more = json.loads(value or "")
        return [(str(name), str(text).encode("latin-1")) for name, text in more] if isinstance(more, list) else None
    except (ValueError, TypeError, RecursionError):
        return None
