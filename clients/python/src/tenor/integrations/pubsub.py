"""Pub/Sub: an event is data and text attributes. Needs nothing of google-cloud-pubsub.

data, attributes = to_pubsub(orders.encode({…}));  publisher.publish(topic, data, **attributes)
consumer.process(from_pubsub(received)); received.ack()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenor.consuming import Record
from tenor.events import Message
from tenor.integrations.headers import TOMBSTONE, Pairs


def to_pubsub(message: Message) -> tuple[bytes, dict[str, str]]:
    """Data and attributes of an event. A guid header is latin-1, each byte a character: readers know it so.

    So is a header of the record's own that is no text.
    """
    attributes = {name: _text(value) for name, value in message.headers}
    return (b"", {**attributes, TOMBSTONE: "1"}) if message.value is None else (message.value, attributes)


def from_pubsub(message: Any, ack: Callable[[], Any] | None = None) -> Record:
    """A received message as a record."""
    attributes: Pairs = [*(message.attributes or {}).items()]
    value = None if any(name == TOMBSTONE for name, _ in attributes) else message.data
    key = getattr(message, "ordering_key", "") or ""
    position = {"message_id": str(message.message_id)}
    return Record(value, attributes, key.encode() or None, position, ack)


def _text(value: bytes) -> str:
    try:
        return value.decode("latin-1" if value[:1] == b"\x01" else "utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
