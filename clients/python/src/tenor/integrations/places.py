"""Where a message of FastStream came from, whichever broker carried it. Pure.

Each broker's message says it in its own way: Kafka `topic`, NATS `subject`, RabbitMQ `routing_key`, Redis `channel`.
"""

from __future__ import annotations

from typing import Any, Final

from tenor.consuming import Record

_PLACES: Final = ("topic", "subject", "routing_key", "channel")
_DETAILS: Final = ("partition", "offset", "delivery_tag")


def place(msg: Any) -> str:
    """The topic, queue, subject or channel of a message; empty if it does not tell."""
    found = next((value for name in _PLACES if (value := _of(msg.raw_message, name))), "")
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def record(msg: Any) -> Record:
    """A message as a record."""
    position = {name: str(value) for name in _DETAILS if (value := _of(msg.raw_message, name)) is not None}
    return Record(
        None if _is_tombstone(msg) else msg.body,
        msg.headers,
        _of(msg.raw_message, "key"),
        {"place": place(msg), **position, "message_id": str(msg.message_id)},
    )


def _is_tombstone(msg: Any) -> bool:
    """Kafka's null, which FastStream turns into no bytes."""
    return msg.body == b"" and hasattr(msg.raw_message, "offset") and _of(msg.raw_message, "value") is None


def _of(raw: Any, name: str) -> Any:
    value = raw.get(name) if isinstance(raw, dict) else getattr(raw, name, None)
    return value() if callable(value) else value
