"""Events on the wire: the message a producer sends, the event a consumer gets, and the metadata beside both. Pure.

Metadata are CloudEvents 1.0 attributes as record headers (binary content mode), with two correlation extensions
and the W3C trace context under its own names:

    ce_specversion ce_id ce_source ce_type ce_time ce_subject ce_dataschema content-type
    ce_schemaversion ce_correlationid ce_causationid traceparent tracestate

The prefix is `ce_` as in the Kafka binding; other transports have others (`ce-` for NATS and HTTP,
`cloudEvents_` for AMQP).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from tenor.schemas import Registered
from tenor.wire import SCHEMA_HEADERS, Headers

PREFIX: Final = "ce_"
ENCODING: Final = "content-encoding"
STOCK: Final = "__rule."
"""Begins the headers by which Confluent's clients tell which rule an event failed, and which one to skip."""
SPEC_VERSION: Final = "1.0"
_TRACE: Final = ("traceparent", "tracestate")
# Version 4, variant 1 of RFC 9562.
_UUID_MASK: Final = ~(0xF000 << 64 | 0xC000 << 48)
_UUID_4: Final = 0x4000 << 64 | 0x8000 << 48
_MESSAGE_IDS: Final = uuid5(NAMESPACE_URL, "tenor:message-id")


RecordKey = bytes | str | int | Mapping[str, Any] | None
"""A record's key: its bytes, its text, or what they hold."""


class Beside(NamedTuple):
    """What stands beside a value in its record. Rules may look at it: whose key seals, what a seal is bound to."""

    headers: Headers = None
    key: RecordKey = None
    topic: str = ""


class Message(NamedTuple):
    """What to send: the value (None is a tombstone) and the headers that belong beside it, ready for any transport."""

    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def header_map(self) -> dict[str, bytes]:
        """The headers as a mapping, for transports that want one."""
        return dict(self.headers)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the headers say about an event; None for what they leave out."""

    id: str | None = None
    source: str | None = None
    type: str | None = None
    time: datetime | None = None
    subject: str | None = None
    dataschema: str | None = None
    schema_version: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


class Event:
    """What was received: `data`, the schema it was written with, and the metadata beside it.

    `message` is the writer's full type name, which for Protobuf tells the messages of one file apart. `erased` are the
    paths of values that were sealed for persons whose keys are destroyed (`""`: all of it); what stands there now is
    what the schema says (null, or a sentinel).
    """

    __slots__ = ("_headers", "_metadata", "_prefix", "data", "erased", "message", "schema")

    def __init__(
        self,
        data: Any,
        schema: Registered | None,
        message: str = "",
        headers: Headers = None,
        prefix: str = PREFIX,
        erased: tuple[str, ...] = (),
    ) -> None:
        self.erased = erased
        self.data = data
        self.schema = schema
        self.message = message
        self._headers = headers
        self._prefix = prefix
        self._metadata: Metadata | None = None

    @property
    def metadata(self) -> Metadata:
        """The event's metadata, read from the headers when first asked for."""
        if self._metadata is None:
            self._metadata = read_metadata(self._headers, self._prefix)
        return self._metadata

    def __repr__(self) -> str:
        # Never the data: events end up in logs.
        schema = self.schema
        return f"Event(message={self.message!r}, subject={schema and schema.subject!r}, id={schema and schema.id!r})"


_dice: Final = random.Random()  # noqa: S311 # ids must differ, not be unpredictable
_bits = _dice.getrandbits
os.register_at_fork(after_in_child=_dice.seed)


def random_id() -> str:
    """A random UUID (version 4) as text, at a quarter of the price of uuid4().

    The generator is seeded by the operating system, anew in every forked process.
    """
    text = f"{_bits(128) & _UUID_MASK | _UUID_4:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def repeatable_id(source: str, type: str, key: str) -> str:
    """The same id for the same fact, however often it is sent: consumers can tell a repetition.

    UUID version 5 over the JSON array [source, type, key], so that any language finds the same.
    """
    return str(uuid5(_MESSAGE_IDS, json.dumps([source, type, key], ensure_ascii=False, separators=(",", ":"))))


_second: tuple[int, str] = (0, "1970-01-01T00:00:00")


def now() -> str:
    """The time as RFC 3339 with microseconds in UTC. The text of a second is made once."""
    global _second  # noqa: PLW0603 # a cache of one entry, swapped whole
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    known, text = _second
    if seconds != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second = (seconds, text)
    return f"{text}.{nanoseconds // 1000:06d}Z"


def metadata_headers(prefix: str, attributes: Mapping[str, str | None]) -> list[tuple[str, bytes]]:
    """Attributes as headers; those that are None are left out, trace context keeps its own name."""
    return [
        (name if name in _TRACE or name == "content-type" else prefix + name, value.encode())
        for name, value in attributes.items()
        if value is not None
    ]


def joined(own: list[tuple[str, bytes]], given: Headers, part: str = "value") -> list[tuple[str, bytes]]:
    """Headers of this library, and the caller's beside them; of one name, this library's stay.

    A job that forwards headers must not be steered by its input: what says how these bytes are to be read, or tells
    stock clients to skip a rule, is not passed on.
    """
    taken = {name for name, _ in own}
    more = [
        (name, value.encode() if isinstance(value, str) else value)
        for name, value in _pairs(given)
        if value is not None and name not in taken and not steers(name, part)
    ]
    return [*own, *more]


def steers(name: str, part: str = "value") -> bool:
    """Whether a header says how the bytes beside it are to be read, or which rule to skip: not for others to say."""
    return name == SCHEMA_HEADERS[part] or name.lower() == ENCODING or name.startswith(STOCK)


def read_metadata(headers: Headers, prefix: str = PREFIX) -> Metadata:
    """Read what the headers say. What cannot be read (a time that is none) is None: metadata never stop an event."""
    found = {name.lower(): text for name, value in _pairs(headers) if (text := _text(value)) is not None}

    def attribute(name: str) -> str | None:
        return found.get(prefix + name)

    version = attribute("schemaversion") or ""
    return Metadata(
        id=attribute("id"),
        source=attribute("source"),
        type=attribute("type"),
        time=_time(attribute("time")),
        subject=attribute("subject"),
        dataschema=attribute("dataschema"),
        schema_version=int(version) if version.isascii() and version.isdigit() and len(version) < 11 else None,
        correlation_id=attribute("correlationid"),
        causation_id=attribute("causationid"),
        traceparent=found.get("traceparent"),
        tracestate=found.get("tracestate"),
    )


def _pairs(headers: Headers) -> Iterable[tuple[str, bytes | str | None]]:
    if headers is None:
        return ()
    return headers.items() if isinstance(headers, Mapping) else headers


def _text(value: bytes | str | None) -> str | None:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _time(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def is_guid(text: str) -> bool:
    """Whether a text is a guid, with or without hyphens."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
