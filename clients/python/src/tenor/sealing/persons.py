"""Whose key seals what. Ids of persons stay here: a registry sees handles. Pure.

    handle = HMAC-SHA256(pepper, kind · 00 · id)[:16]

The pepper belongs to the clients: without it a registry's rows cannot be tested against a list of ids.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

MIN_PEPPER: Final = 16

Finder = Callable[[Any, Any], bytes]
"""(event, record around the field) → handle. Raises LookupError if there is no id."""


def handle(pepper: bytes, kind: str, id: str) -> bytes:
    """The handle of a person. Raises ValueError for a pepper that is none."""
    if len(pepper) < MIN_PEPPER:
        raise ValueError(f"a pepper has {MIN_PEPPER} bytes or more")
    return hmac.new(pepper, f"{kind}\0{id}".encode(), sha256).digest()[:16]


def finder(path: str, kind: str, pepper: bytes) -> Finder:
    """A function that finds the handle of the person at `$.customer.id` of the event or `@.id` of the record."""
    steps = path.split(".")[1:]
    inside = path.startswith("@")

    def find(event: Any, record: Any) -> bytes:
        value = record if inside else event
        for step in steps:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None or isinstance(value, bool | float | Mapping | list) or value == "":
            raise LookupError(path)
        return handle(pepper, kind, value.hex() if isinstance(value, bytes) else str(value))

    return find
