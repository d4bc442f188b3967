"""Encodes and decodes the events of one subject. Asynchronous.

A codec holds immutable snapshots, compiled once and swapped whole, so that any number of threads or tasks may share
it: the warm path takes no lock and does no I/O. What it follows (the newest version of a subject) it refreshes in
the background; while the registry is away it goes on with what it has.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tenor import events, wire
from tenor._async.concurrency import Lock, spawn
from tenor.codecs import DEFAULTS, Body, Options, Read, Write
from tenor.codecs import compile as compile_schema
from tenor.errors import TenorError, UnusableSchema
from tenor.events import Event, Message
from tenor.rules.ruled import ruled
from tenor.schemas import PROTOBUF, Registered, Schema

PREFIX = "id-prefix"
HEADER = "guid-header"
MAX_READERS = 1000
"""Compiled writers' schemas kept by one codec."""
SHORTEST_BARE_BODY = 6
"""Confluent's Python client refuses shorter values before it looks at their headers: those get the id prefix."""

_now = time.monotonic


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema of the registry together with its compiled form."""

    registered: Registered
    body: Body


@dataclass(frozen=True, slots=True)
class Source:
    """Where a codec gets its schemas from: closures over the registry.

    `current`  the schema to write with; `follow` tells that asking again later may give another
    `written`  the schema behind an id or a guid
    """

    current: Callable[[], Awaitable[Compiled]]
    written: Callable[[wire.Frame], Awaitable[Compiled]]
    follow: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """How a codec frames events and what it says about them. See `AsyncRegistry.events`."""

    subject: str
    part: str = "value"
    framing: str = PREFIX
    url: str = ""
    source: str = ""
    type: str = ""
    metadata: bool = True
    header_prefix: str = events.PREFIX
    refresh_after: float = 300.0
    options: Options = DEFAULTS


class _Writing:
    """A snapshot of all that encoding needs."""

    __slots__ = (
        *("body", "fixed", "id_name", "plain_fixed", "prefix", "prefixed", "registered", "source", "stale_at"),
        *("time_name", "type", "write"),
    )

    def __init__(self, compiled: Compiled, settings: Settings, stale_at: float) -> None:
        self.registered, self.body = compiled.registered, compiled.body
        self.stale_at = stale_at
        indexes = self.body.indexes
        head = b""
        own: list[tuple[str, bytes]] = []
        if settings.framing == HEADER:
            own = [(wire.SCHEMA_HEADERS[settings.part], wire.guid_head(_guid(self.registered), indexes))]
        else:
            head = wire.id_head(_id(self.registered), indexes)
        self.write: Write = self.body.writer(head)
        self.prefixed: Write | None = None
        if settings.framing == HEADER and self.registered.id is not None:
            self.prefixed = self.body.writer(wire.id_head(self.registered.id, indexes))
        self.prefix = settings.header_prefix if settings.metadata else None
        self.id_name, self.time_name = f"{self.prefix}id", f"{self.prefix}time"
        self.source = settings.source or f"/subjects/{settings.subject}"
        self.type = settings.type or self.body.record or settings.subject
        described = _described(self.registered, settings, self.source, self.type) if settings.metadata else []
        media = _media_type(self.body.format, bare=settings.framing == HEADER)
        self.fixed = [*own, *described, *([("content-type", media)] if settings.metadata else [])]
        prefixed_media = _media_type(self.body.format, bare=False)
        self.plain_fixed = [*described, *([("content-type", prefixed_media)] if settings.metadata else [])]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A compiled writer's schema: `at` is where its body begins."""

    registered: Registered
    body: Body
    read: Read
    at: int
    indexes: tuple[int, ...] | None


class AsyncCodec:
    """Encodes events as a subject's schema demands, and decodes what any version of it wrote.

    Made by `AsyncRegistry.events`; safe to share.
    """

    def __init__(self, source: Source, settings: Settings, current: Compiled | None, reads_as: Body | None) -> None:
        self.subject = settings.subject
        self._source, self._settings = source, settings
        self._reads_as = reads_as
        self._snapshot_now = None if current is None else self._snapshot(current)
        self._refreshing = False
        self._readers: dict[bytes, _Reading] = {}
        self._cold = Lock()

    @property
    def _writing(self) -> _Writing:
        if self._snapshot_now is None:
            raise ValueError(f"this codec of {self.subject} was made with decode_only: it has nothing to encode with")
        return self._snapshot_now

    @property
    def schema(self) -> Registered:
        """The schema that events are encoded with now."""
        return self._writing.registered

    @property
    def record(self) -> str:
        """Full name of the type of event that is encoded."""
        return self._writing.body.record

    # --- encode ---------------------------------------------------------------------------------------------

    def encode(
        self,
        data: Any,
        *,
        id: str | None = None,
        key: str | None = None,
        time: str | None = None,
        subject: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> Message:
        """Validate an event and write it. `None` is a tombstone and stays one.

        `id` is the CloudEvents id, random if not given; with `key` (what makes this fact unique, e.g. an order
        number and its state) it is derived, so that sending the fact again repeats the id. The other arguments
        become headers. Never changes `data`. Raises InvalidEvent with path, rule and value of every violation.
        """
        writing = self._snapshot_now or self._writing
        if writing.stale_at < _now():
            self._refresh_soon()
        if data is None:
            return Message(None, [])
        value = writing.write(data)
        fixed = writing.fixed
        if writing.prefixed is not None and len(value) < SHORTEST_BARE_BODY:
            value, fixed = writing.prefixed(data), writing.plain_fixed
        if writing.prefix is None:
            return Message(value, fixed.copy())
        if id is None:
            id = events.random_id() if key is None else events.repeatable_id(writing.source, writing.type, key)
        id_name, time_name = writing.id_name, writing.time_name
        headers = [*fixed, (id_name, id.encode()), (time_name, (time or events.now()).encode())]
        if subject or correlation_id or causation_id or traceparent:
            headers += events.metadata_headers(
                writing.prefix,
                {
                    "subject": subject,
                    "correlationid": correlation_id,
                    "causationid": causation_id,
                    "traceparent": traceparent,
                    "tracestate": tracestate,
                },
            )
        return Message(value, headers)

    def encode_value(self, data: Any) -> bytes | None:
        """Validate an event and write it without any header, for transports that have none. Raises InvalidEvent.

        With `guid-header` framing the value carries the id prefix.
        """
        writing = self._snapshot_now or self._writing
        if writing.stale_at < _now():
            self._refresh_soon()
        if data is None:
            return None
        return (writing.prefixed or writing.write)(data)

    async def refresh(self) -> None:
        """Ask the registry now for the schema to write with. Raises RegistryError, UnusableSchema."""
        self._snapshot_now = self._snapshot(await self._source.current())

    def _snapshot(self, compiled: Compiled) -> _Writing:
        stale_at = _now() + self._settings.refresh_after if self._source.follow else float("inf")
        return _Writing(compiled, self._settings, stale_at)

    def _refresh_soon(self) -> None:
        # A race here costs one more request, not correctness.
        if not self._refreshing:
            self._refreshing = True
            spawn(self._refresh_quietly)

    async def _refresh_quietly(self) -> None:
        try:
            await self.refresh()
        except TenorError:
            # The registry is away, or has something this client cannot use: go on, ask again a little later.
            self._writing.stale_at = _now() + min(10.0, self._settings.refresh_after)
        finally:
            self._refreshing = False

    # --- decode ---------------------------------------------------------------------------------------------

    async def decode(self, value: bytes | None, headers: wire.Headers = None) -> Event:
        """Read an event with the schema it was written with, found by its frame. A tombstone has no data.

        Asks the registry only for a schema it has not met. Raises FramingError, SchemaNotFound, Undecodable,
        UnusableSchema, and every RegistryError.
        """
        if value is None:
            return Event(None, None, "", headers, self._settings.header_prefix)
        value = bytes(value)  # a memoryview, perhaps; bytes are not copied
        if headers is not None and not isinstance(headers, Mapping | list | tuple):
            headers = list(headers)  # an iterator is read twice: for the schema now, for the metadata later
        header = wire.schema_header(headers, self._settings.part) if headers else None
        head = value[: wire.ID_HEAD if value[:1] == b"\x00" else wire.GUID_HEAD] if header is None else header
        reading = self._readers.get(head)
        if reading is None:
            reading = await self._learn(value, headers, head)
        data = reading.read(value, reading.at)
        message = reading.body.name_of(value, reading.at, reading.indexes)
        return Event(data, reading.registered, message, headers, self._settings.header_prefix)

    async def _learn(self, value: bytes, headers: wire.Headers, head: bytes) -> _Reading:
        """Compile the schema behind a frame, once however many ask."""
        async with self._cold:
            if (known := self._readers.get(head)) is not None:
                return known
            frame = wire.read(value, headers, part=self._settings.part, protobuf=None)
            compiled = await self._source.written(frame)
            body = compiled.body
            if frame.in_header:  # now that the format is known, all of the header can be read
                frame = wire.read(value, headers, part=self._settings.part, protobuf=body.format == PROTOBUF)
            read = body.reader(frame.indexes, self._reads_as)
            reading = _Reading(compiled.registered, body, read, frame.body, frame.indexes)
            if len(self._readers) >= MAX_READERS:
                # Plain dicts keep their order: the oldest goes. Readers meet a dict that is never half changed.
                self._readers.pop(next(iter(self._readers)))
            self._readers[head] = reading
            return reading


def _id(registered: Registered) -> int:
    if registered.id is None:
        raise UnusableSchema(format=registered.schema.format, reason="the registry gave it no id to frame with")
    return registered.id


def _guid(registered: Registered) -> str:
    if registered.guid is None:
        raise UnusableSchema(format=registered.schema.format, reason="the registry gave it no guid to frame with")
    return registered.guid


def _media_type(format: str, *, bare: bool) -> bytes:
    """A framed value is no plain Avro, JSON or Protobuf, and says so."""
    name = format.lower()
    return f"application/{name if bare else 'vnd.tenor+' + name}".encode()


def _described(registered: Registered, settings: Settings, source: str, type: str) -> list[tuple[str, bytes]]:
    """The headers that are the same for every event of a schema."""
    where = f"guids/{registered.guid}" if registered.guid else f"ids/{registered.id}"
    version = None if registered.version is None else str(registered.version)
    attributes: dict[str, str | None] = {
        "specversion": events.SPEC_VERSION,
        "source": source,
        "type": type,
        "dataschema": f"{settings.url}/schemas/{where}",
        "schemaversion": version,
    }
    return events.metadata_headers(settings.header_prefix, attributes)


def compiled_from(
    registered: Registered, references: Mapping[str, Schema], options: Options, must_encrypt: frozenset[str]
) -> Compiled:
    """Compile a schema of the registry together with its rules. Raises UnusableSchema, UnusableRule, Unsealed."""
    schema = registered.schema
    return Compiled(
        registered, ruled(compile_schema(schema, references, options), schema, references, must_encrypt=must_encrypt)
    )
