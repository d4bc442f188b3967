"""Whose key seals what. Ids of persons stay here: a registry sees handles. Pure.

    handle = HMAC-SHA256(pepper, kind · 00 · id)[:16]

The pepper belongs to the clients: without it a registry's rows cannot be tested against a list of ids.

Where the id stands decides nothing about the handle: `c1` in a field, in a header and as the record's key is one
person. Only who seals needs it; what is sealed names its key.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from tenor.events import Beside
from tenor.wire import Headers

MIN_PEPPER: Final = 16

Finder = Callable[[Any, Any, Beside | None], bytes]
"""(event, record around the field, what stands beside the event) → handle. Raises LookupError if there is no id."""


def handle(pepper: bytes, kind: str, id: str) -> bytes:
    """The handle of a person. Raises ValueError for a pepper that is none."""
    if len(pepper) < MIN_PEPPER:
        raise ValueError(f"a pepper has {MIN_PEPPER} bytes or more")
    return hmac.new(pepper, f"{kind}\0{id}".encode(), sha256).digest()[:16]


def finder(path: str, kind: str, pepper: bytes) -> Finder:
    """A function that finds the handle of the person at a path.

    `$.customer.id` of the event · `@.id` of the record · `header:customer-id` · `key` · `key:$.id` of what it holds
    """
    place, _, rest = path.partition(":")
    steps = path.split(".")[1:]
    if place == "header":
        return lambda event, record, beside: handle(pepper, kind, _header(beside and beside.headers, rest))
    if place == "key" and not rest:
        return lambda event, record, beside: handle(pepper, kind, _text(beside and beside.key, path))
    if place == "key":
        return lambda event, record, beside: handle(pepper, kind, _at(_held(beside and beside.key, path), steps, path))
    if path.startswith("@"):
        return lambda event, record, beside: handle(pepper, kind, _at(record, steps, path))
    return lambda event, record, beside: handle(pepper, kind, _at(event, steps, path))


def _at(value: Any, steps: list[str], path: str) -> str:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, bool | float | Mapping | list) or value == "":
        raise LookupError(path)
    return value.hex() if isinstance(value, bytes) else str(value)


def _header(headers: Headers, name: str) -> str:
    """The text of a header, whose name is in any case. Two that differ are nobody's."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    found = {_text(value, name) for given, value in pairs if str(given).lower() == name.lower()}
    if len(found) != 1:
        raise LookupError(name)
    return found.pop()


def _text(value: Any, path: str) -> str:
    """An id as the text that it is. Bytes that are none (a number in eight bytes, a framed key) are nobody's id."""
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            value = bytes(value).decode()
        except UnicodeDecodeError:
            raise LookupError(path) from None
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value) or not str(value).isprintable():
        raise LookupError(path)
    return str(value)


def _held(key: Any, path: str) -> Any:
    """What a key holds: given as it is, or read out of JSON."""
    if isinstance(key, Mapping):
        return key
    try:
        return json.loads(key if isinstance(key, str) else bytes(key or b""))
    except (ValueError, TypeError, RecursionError):
        raise LookupError(path) from None
