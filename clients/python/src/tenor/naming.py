"""Which subject an event belongs to. Pure.

    topic          orders            → orders-value, orders-key
    record         com.acme.Order    → com.acme.Order
    topic-record   both              → orders-com.acme.Order

A strategy of your own is any function (topic, part, record) → subject. `associated`, the default of the
registry's `subject_for`, asks the registry which subject the topic is associated with, and falls back to `topic`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from tenor.schemas import JSON, PROTOBUF, Schema

Naming = Callable[[str, str, "str | None"], str]
"""(topic, part, record) → subject; `part` is `value` or `key`, `record` the full name of the event's type."""

ASSOCIATED: Final = "associated"


def by_topic(topic: str, part: str, record: str | None = None) -> str:
    """One schema a topic, evolving: `orders-value`."""
    return f"{topic}-{part}"


def by_record(topic: str, part: str, record: str | None = None) -> str:
    """One schema a type, in whatever topic: `com.acme.Order`. Raises ValueError without a record name."""
    return _named(record)


def by_topic_and_record(topic: str, part: str, record: str | None = None) -> str:
    """Several types in one topic, each its own subject: `orders-com.acme.Order`."""
    return f"{topic}-{_named(record)}"


STRATEGIES: Final[Mapping[str, Naming]] = {
    "topic": by_topic,
    "record": by_record,
    "topic-record": by_topic_and_record,
}


def strategy(name: str | Naming) -> Naming:
    """The strategy of a name, or the function itself. Raises ValueError for an unknown name."""
    if callable(name):
        return name
    try:
        return STRATEGIES[name]
    except KeyError:
        known = ", ".join([ASSOCIATED, *STRATEGIES])
        raise ValueError(f"'{name}' is not a naming strategy: {known}, or a function") from None


def record_name(schema: Schema, message: str = "") -> str | None:
    """The name of the type a schema describes: Avro's full name, JSON Schema's title, Protobuf's `message`."""
    if message or schema.format == PROTOBUF:
        return message or None
    try:
        document = json.loads(schema.text)
    except ValueError:
        return None
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        return None
    if schema.format == JSON:
        return document.get("title")
    name, namespace = document.get("name"), document.get("namespace")
    return f"{namespace}.{name}" if name and namespace and "." not in name else name


def _named(record: str | None) -> str:
    if not record:
        raise ValueError("naming by record needs a schema with a name (JSON Schema: a title)")
    return record
