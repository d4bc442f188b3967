"""What a codec goes by: where schemas come from, and snapshots of what it compiled, swapped whole. Asynchronous."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tenor import events, wire
from tenor.codecs import DEFAULTS, Body, Options, Read, Write
from tenor.consuming.dead_letters import SendDeadLetter
from tenor.errors import UnusableSchema
from tenor.events import Beside, RecordKey
from tenor.schemas import Registered

if TYPE_CHECKING:
    from tenor._async.keys import AsyncKeychain
    from tenor.plans import Upcast
    from tenor.sealing.executor import Executor

PREFIX = "id-prefix"
HEADER = "guid-header"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema of the registry together with its compiled form. `sealing` holds the keys that its rules seal with."""

    registered: Registered
    body: Body
    sealing: Executor | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a codec gets its schemas from: closures over the registry.

    `current`  the schema to write with; `follow` tells that asking again later may give another
    `written`  the schema behind an id or a guid
    `keys`     gets the keys that rules need
    `upcaster` gets what makes an event of a schema one of the version this code was written for
    `dead_letters` sends what a rule refused to the topic that it names
    """

    current: Callable[[], Awaitable[Compiled]]
    written: Callable[[wire.Frame], Awaitable[Compiled]]
    follow: bool
    keys: Callable[[], AsyncKeychain] | None = None
    upcaster: Callable[[Registered], Awaitable[Upcast | None]] | None = None
    dead_letters: SendDeadLetter | None = None


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
    read_letters: bool = False
    max_behind: float = 300.0


class Writing:
    """A snapshot of all that encoding needs."""

    __slots__ = (
        *("body", "compiled", "fixed", "id_name", "looks_beside", "plain_fixed", "prefix", "prefixed", "registered"),
        *("schema_stale_at", "source", "stale_at", "time_name", "type", "write"),
    )

    def __init__(self, compiled: Compiled, settings: Settings, stale_at: float) -> None:
        self.compiled = compiled
        self.registered, self.body = compiled.registered, compiled.body
        self.stale_at = self.schema_stale_at = stale_at
        self.looks_beside = looks_beside(self.body)
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

    def writes(self, headers: wire.Headers, key: RecordKey) -> Write:
        """What writes a value of a record with these headers and this key."""
        return self.write if not self.looks_beside else beside(self.write, headers, key)


@dataclass(frozen=True, slots=True)
class Reading:
    """A compiled writer's schema: `at` is where its body begins."""

    registered: Registered
    body: Body
    read: Read
    at: int
    indexes: tuple[int, ...] | None
    sealed: bool = False
    upcast: Upcast | None = None
    looks_beside: bool = False

    def reads(self, headers: wire.Headers, key: RecordKey) -> Read:
        """What reads a value of a record with these headers and this key."""
        return self.read if not self.looks_beside else beside(self.read, headers, key)


def looks_beside(body: Body) -> bool:
    """Whether a body's rules look at the record's key or headers: its functions take those as `beside`."""
    return bool(getattr(body, "looks_beside", False))


def beside(function: Any, headers: wire.Headers, key: RecordKey) -> Any:
    """A function of a body with what stands beside the value."""
    return partial(function, beside=Beside(headers, key))


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
