# Generated from src/tenor/_async/codec.py by generate_sync.py: change that file, not this one.

"""Encodes and decodes the events of one subject. Synchronous.

A codec holds immutable snapshots, compiled once and swapped whole, so that any number of threads or tasks may share
it: the warm path takes no lock and does no I/O. What it follows (the newest version of a subject) it refreshes in
the background; while the registry is away it goes on with what it has. Behind a newer version that seals, and that it
cannot use, it goes on for `max_behind` seconds and no longer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tenor import events, wire
from tenor._sync.concurrency import Lock, at_once, spawn
from tenor._sync.dead_letters import DeadLetters, withheld
from tenor._sync.snapshots import Compiled, Reading, Settings, Source, Writing, beside, looks_beside
from tenor.codecs import Body, Read, Write
from tenor.consuming.dead_letters import ENCODED, ORIGINAL, is_letter
from tenor.errors import (
    FramingError,
    KeyNotReady,
    RuleFailed,
    StaleSchema,
    TenorError,
    Unencoded,
    UpcastFailed,
)
from tenor.events import Event, Message, RecordKey
from tenor.rules.model import DLQ, Opened
from tenor.rules.ruled import read_by
from tenor.schemas import PROTOBUF, Registered

if TYPE_CHECKING:
    pass

MAX_READERS = 1000
"""Compiled writers' schemas kept by one codec."""
SHORTEST_BARE_BODY = 6
"""Confluent's Python client refuses shorter values before it looks at their headers: those get the id prefix."""

_LETTER = b"letter".ljust(wire.GUID_HEAD)
"""Marks a head as a dead letter's; with it, it is longer than any that a value without a header can have."""
_now = time.monotonic


class Codec:
    """Encodes events as a subject's schema demands, and decodes what any version of it wrote.

    Made by `Registry.events`; safe to share.
    """

    def __init__(self, source: Source, settings: Settings, current: Compiled | None, reads_as: Body | None) -> None:
        self.subject = settings.subject
        self._source, self._settings = source, settings
        self._reads_as = reads_as
        self._framed_with = set[Any]()
        self._letters = DeadLetters(source.dead_letters, settings.subject)
        self._lenient_now: tuple[Writing, Writing] | None = None
        self._snapshot_now = None if current is None else self._snapshot(current)
        self._refreshing = False
        self._behind: StaleSchema | None = None
        """Why the newest schema, which seals, is not the one in use; from `_too_far` on that is too long."""
        self._too_far, self._ask_at = 0.0, 0.0
        self._readers: dict[bytes, Reading] = {}
        self._cold = Lock()

    @property
    def _writing(self) -> Writing:
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

    @property
    def looks_beside(self) -> bool:
        """Whether the rules of writing look at the record's key or headers."""
        return (self._snapshot_now or self._writing).looks_beside

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
        headers: wire.Headers = None,
        record_key: RecordKey = None,
        topic: str = "",
        _writing: Writing | None = None,
    ) -> Message:
        """Validate an event and write it. `None` is a tombstone and stays one.

        `id` is the CloudEvents id, random if not given; with `key` (what makes this fact unique, e.g. an order
        number and its state) it is derived, so that sending the fact again repeats the id. The others up to
        `tracestate` become headers. `headers` are the record's own, which go out beside these; they and `record_key`
        are what rules may look at: whose key seals, what a seal is bound to; `topic`, where the event is to go, is
        what a dead letter tells. Never changes `data`. Raises InvalidEvent with path, rule and value of every
        violation, and RuleFailed; an event that a rule wants dead-lettered was sent then, or the error says why not.
        """
        writing = _writing or self._snapshot_now or self._writing
        if writing.stale_at < _now() or (writing.compiled.sealing is not None and writing.compiled.sealing.hurry):
            self._refresh_soon()
        if data is None:
            return Message(None, [] if not headers else events.joined([], headers, self._settings.part))
        write = writing.write if not writing.looks_beside else beside(writing.write, headers, record_key)
        try:
            try:
                value = write(data)
            except KeyNotReady as missing:
                value = at_once(lambda: self._with_keys(write, data), missing)
        except RuleFailed as refused:
            if refused.action != DLQ or _writing is not None:
                raise
            told: dict[str, Any] = {
                "id": id,
                "key": key,
                "time": time,
                "subject": subject,
                "correlation_id": correlation_id,
            }
            told |= {"causation_id": causation_id, "traceparent": traceparent, "tracestate": tracestate}
            told = {**told, "headers": headers, "record_key": record_key, "topic": topic}
            self._refuse(refused, data, told)
            raise
        fixed = writing.fixed
        if writing.prefixed is not None and len(value) < SHORTEST_BARE_BODY:
            write = writing.prefixed if not writing.looks_beside else beside(writing.prefixed, headers, record_key)
            value, fixed = write(data), writing.plain_fixed
        if writing.prefix is None:
            return Message(value, fixed.copy() if not headers else events.joined(fixed, headers, self._settings.part))
        if id is None:
            id = events.random_id() if key is None else events.repeatable_id(writing.source, writing.type, key)
        id_name, time_name = writing.id_name, writing.time_name
        named = [*fixed, (id_name, id.encode()), (time_name, (time or events.now()).encode())]
        if subject or correlation_id or causation_id or traceparent:
            named += events.metadata_headers(
                writing.prefix,
                {
                    "subject": subject,
                    "correlationid": correlation_id,
                    "causationid": causation_id,
                    "traceparent": traceparent,
                    "tracestate": tracestate,
                },
            )
        return Message(value, named if not headers else events.joined(named, headers, self._settings.part))

    def encode_value(
        self, data: Any, *, headers: wire.Headers = None, record_key: RecordKey = None, topic: str = ""
    ) -> bytes | None:
        """Validate an event and write it without any header, for transports that have none.

        With `guid-header` framing the value carries the id prefix. `headers`, `record_key` and `topic` as for
        `encode`. Raises InvalidEvent, RuleFailed.
        """
        writing = self._snapshot_now or self._writing
        if writing.stale_at < _now() or (writing.compiled.sealing is not None and writing.compiled.sealing.hurry):
            self._refresh_soon()
        if data is None:
            return None
        write = writing.prefixed or writing.write
        if writing.looks_beside:
            write = beside(write, headers, record_key)
        try:
            try:
                return write(data)
            except KeyNotReady as missing:
                return at_once(lambda: self._with_keys(write, data), missing)
        except RuleFailed as refused:
            if refused.action == DLQ:
                told = {"headers": headers, "record_key": record_key, "topic": topic}
                self._refuse(refused, data, told)
            raise

    def prepare(self, *data: Any, headers: wire.Headers = None, record_key: RecordKey = None) -> None:
        """Get the keys that these events are sealed with: of persons not met yet, or that have grown old.

        `encode` of a synchronous codec does that by itself; an synchronous one raises KeyNotReady without it.
        """
        writing = self._writing
        write = writing.writes(headers, record_key)
        for each in data:
            if each is not None:
                try:
                    self._with_keys(write, each)
                except RuleFailed as refused:
                    if refused.action != DLQ:  # else `encode` is to say it, and to send its letter
                        raise

    def encode_when_ready(self, data: Any, **metadata: Any) -> Message:
        """`encode`, waiting for what it needs: keys of a person not met yet, or that have grown old; a dead letter."""
        try:
            try:
                return self.encode(data, **metadata)
            except KeyNotReady:
                self.prepare(data, headers=metadata.get("headers"), record_key=metadata.get("record_key"))
                return self.encode(data, **metadata)
        except RuleFailed as refused:
            if refused.pending:
                self.dead_letter(refused, data, **metadata)
            raise

    def dead_letter(self, refused: RuleFailed, data: Any, **metadata: Any) -> None:
        """Send what `encode` was given, and a rule refused, to the dead-letter topic that the rule names.

        For an synchronous codec, whose `encode` raised a RuleFailed that is `pending`; others have sent it. Raises
        it again, with `dead_lettered`, or DeadLetterFailed.
        """
        self._dead_lettered(refused, data, metadata)

    def _refuse(self, refused: RuleFailed, data: Any, metadata: dict[str, Any]) -> None:
        """Send the letter of an event that was to be written, or say that it is pending. Always raises."""
        at_once(partial(self._dead_lettered, refused, data, metadata), self._letters.unsent(refused))

    def _dead_lettered(self, refused: RuleFailed, data: Any, metadata: dict[str, Any]) -> None:
        """Send the letter of an event that was to be written. Always raises."""
        if self._source.dead_letters is None:
            raise self._letters.unsent(refused)
        message, content = self._letter_of(data, metadata)
        key, topic = metadata.get("record_key"), metadata.get("topic", "")
        self._letters.deliver(refused, message.value, message.headers, content=content, key=key, topic=topic)

    def _letter_of(self, data: Any, metadata: dict[str, Any]) -> tuple[Message, str]:
        """What was to be written, without the rules that only say no: sealed, or else without what must be sealed."""
        headers, key = metadata.get("headers"), metadata.get("record_key")
        try:
            lenient = self._lenient()
            try:
                return Codec.encode(self, data, _writing=lenient, **metadata), ENCODED
            except KeyNotReady:
                self._with_keys(lenient.writes(headers, key), data)
                return Codec.encode(self, data, _writing=lenient, **metadata), ENCODED
        except Exception:  # whatever keeps it from being written and sealed
            return withheld(self._writing.body, data, headers)

    def _lenient(self) -> Writing:
        """The snapshot, with rules that only change and seal. A race compiles twice, to the same."""
        writing = self._writing
        if self._lenient_now is None or self._lenient_now[0] is not writing:
            body: Any = writing.body
            compiled = Compiled(writing.registered, body.lenient(), writing.compiled.sealing)
            self._lenient_now = writing, Writing(compiled, self._settings, float("inf"))
        return self._lenient_now[1]

    def require_encoded(self, value: bytes, headers: wire.Headers = None, *, record_key: RecordKey = None) -> None:
        """Raises Unencoded for bytes that this codec would not write: not framed with a schema that it writes with,
        or not open to the rules of that schema, so that nobody knows whether they are sealed.

        What adapters ask before they let bytes pass in place of an event. Raises what `decode` raises for bytes that
        are framed so and hold no such event.
        """
        try:
            frame = wire.read(value, headers, part=self._settings.part, protobuf=None)
        except FramingError as error:
            raise Unencoded(subject=self.subject, reason="they are not framed") from error
        schema = frame.schema if isinstance(frame.schema, int) else str(frame.schema)
        if schema not in self._framed_with:
            raise Unencoded(
                subject=self.subject, reason=f"they are framed with schema {schema}, which it does not write"
            )
        head = self._head(value, headers)
        reading = self._readers.get(head) or self._learn(value, headers, head)
        if not getattr(reading.body, "proves_sealed", True):
            raise Unencoded(subject=self.subject, reason="its rules seal, and let pass on reading what is not sealed")
        read = reading.reads(headers, record_key)
        try:
            read(value, reading.at)
        except KeyNotReady as missing:
            self._opened(read, value, reading.at, missing)

    def _with_keys(self, write: Write, data: Any) -> bytes:
        """Write an event, getting the keys it turns out to need."""
        asked: set[Any] = set()
        while True:
            try:
                return write(data)
            except KeyNotReady as missing:
                if missing.needs <= asked or self._source.keys is None:
                    raise
                asked |= missing.needs
                self._source.keys().ready(missing.needs)

    def refresh(self) -> None:
        """Ask the registry now for the schema to write with. Raises RegistryError, UnusableSchema, StaleSchema."""
        self._snapshot_now = self._snapshot(self._source.current())
        self._behind, self._ask_at = None, 0.0

    def _snapshot(self, compiled: Compiled) -> Writing:
        stale_at = _now() + self._settings.refresh_after if self._source.follow else float("inf")
        writing = Writing(compiled, self._settings, stale_at)
        self._framed_with |= {compiled.registered.id, compiled.registered.guid} - {None}
        self._until_keys_are_due(writing)
        return writing

    def _until_keys_are_due(self, writing: Writing) -> None:
        sealing = writing.compiled.sealing
        writing.stale_at = writing.schema_stale_at
        if sealing is not None and self._source.keys is not None:
            writing.stale_at = min(writing.stale_at, self._source.keys().due(sealing.sources))

    def _renew(self) -> None:
        """What grew old: the schema that is followed, or the keys it seals with."""
        writing = self._writing
        if writing.schema_stale_at < _now():
            self.refresh()
        elif writing.compiled.sealing is not None and self._source.keys is not None:
            self._source.keys().ready(writing.compiled.sealing.sources)
            self._until_keys_are_due(writing)

    def _refresh_soon(self) -> None:
        """Refresh in the background. Raises StaleSchema once the schema at hand has been behind for too long."""
        now = _now()
        # A race here costs one more request, not correctness.
        if not self._refreshing and self._ask_at <= now:
            self._refreshing = True
            spawn(self._refresh_quietly)
        if (behind := self._behind) is not None and self._too_far <= now:
            raise StaleSchema(**behind.data) from behind.__cause__  # a new one: a raised one collects tracebacks

    def _refresh_quietly(self) -> None:
        try:
            self._renew()
        except TenorError as error:
            # The registry is away, or has something this client cannot use: go on, ask again a little later.
            now = _now()
            later = self._writing.stale_at = now + min(10.0, self._settings.refresh_after)
            if isinstance(error, StaleSchema):
                if self._behind is None:
                    self._too_far = now + self._settings.max_behind
                self._behind = error
            if self._behind is not None:  # also while the registry is away: it has told
                self._ask_at, self._writing.stale_at = later, min(later, self._too_far)
        finally:
            self._refreshing = False

    # --- decode ---------------------------------------------------------------------------------------------

    def decode(
        self,
        value: bytes | None,
        headers: wire.Headers = None,
        *,
        record_key: RecordKey = None,
        topic: str = "",
        _arrived: bytes | None = None,
    ) -> Event:
        """Read an event with the schema it was written with, found by its frame. A tombstone has no data.

        `record_key` is needed where a rule binds to it (`tenor.bind`). Where a rule of reading refuses the event and
        asks for a dead letter, that is sent, unless the record is one already; `topic` is what it tells as its origin.
        Asks the registry only for a schema it has not met. Raises FramingError, SchemaNotFound, Undecodable,
        RuleFailed, UnusableSchema, UpcastMissing, UpcastFailed, and every RegistryError.
        """
        if value is None:
            return Event(None, None, "", headers, self._settings.header_prefix)
        if type(value) is not bytes:
            value = memoryview(value).tobytes()  # bytes() would make zeroes of a number
        if headers is not None and not isinstance(headers, Mapping | list | tuple):
            headers = list(headers)  # an iterator is read twice: for the schema now, for the metadata later
        head = self._head(value, headers)
        if self._settings.read_letters and is_letter(headers):
            head = _LETTER + head
        reading = self._readers.get(head)
        if reading is None:
            reading = self._learn(value, headers, head)
        read = reading.read if not reading.looks_beside else beside(reading.read, headers, record_key)
        try:
            try:
                data = read(value, reading.at)
            except KeyNotReady as missing:
                data = self._opened(read, value, reading.at, missing)
        except RuleFailed as refused:
            if refused.action != DLQ:
                raise
            if is_letter(headers):
                raise refused.settled("It is a dead letter, and is not sent again.") from refused.__cause__
            came = value if _arrived is None else _arrived
            self._letters.deliver(refused, came, headers, content=ORIGINAL, key=record_key, topic=topic)
            raise
        message = reading.body.name_of(value, reading.at, reading.indexes)
        erased: tuple[str, ...] = ()
        if type(data) is Opened:
            data, erased = data.data, data.erased
        if reading.upcast is not None and "" not in erased:  # of an erased body there is nothing to bring up
            try:
                data = reading.upcast(data)
            except UpcastFailed as failed:
                if not reading.sealed:
                    raise
                raise failed.discreet() from None
        if erased:
            return Event(data, reading.registered, message, headers, self._settings.header_prefix, erased)
        return Event(data, reading.registered, message, headers, self._settings.header_prefix)

    def _opened(self, read: Read, value: bytes, at: int, missing: KeyNotReady) -> Any:
        """Read an event, getting the keys it turns out to need."""
        asked: set[Any] = set()
        while True:
            if missing.needs <= asked or self._source.keys is None:
                raise missing
            asked |= missing.needs
            self._source.keys().ready(missing.needs)
            try:
                return read(value, at)
            except KeyNotReady as more:
                missing = more

    def decode_many(
        self, messages: Iterable[tuple[bytes | None, wire.Headers] | tuple[bytes | None, wire.Headers, RecordKey]]
    ) -> list[Event]:
        """Read many events, getting all the keys they need together. Raises what `decode` raises.

        A message is value and headers, and the record's key where a rule binds to it.
        """
        given = [
            (
                None if value is None else memoryview(value).tobytes(),
                headers if headers is None or isinstance(headers, Mapping | list | tuple) else list(headers),
                key[0] if key else None,
            )
            for value, headers, *key in messages
        ]
        needs: set[Any] = set()
        for value, headers, key in given:
            if value is None:
                continue
            head = self._head(value, headers)
            try:
                reading = self._readers.get(head) or self._learn(value, headers, head)
                if reading.sealed:
                    reading.reads(headers, key)(value, reading.at)
            except KeyNotReady as missing:
                needs |= missing.needs
            except TenorError:  # said again, to the caller, when it is its turn
                continue
        if needs and self._source.keys is not None:
            self._source.keys().ready(needs)
        return [self.decode(value, headers, record_key=key) for value, headers, key in given]

    def _head(self, value: bytes, headers: wire.Headers) -> bytes:
        """The part of a frame by which its schema is known again, and where the body begins."""
        header = wire.schema_header(headers, self._settings.part) if headers else None
        if header is None:
            return value[: wire.ID_HEAD if value[:1] == b"\x00" else wire.GUID_HEAD]
        return b"header" + header

    def _learn(self, value: bytes, headers: wire.Headers, head: bytes) -> Reading:
        """Compile the schema behind a frame, once however many ask."""
        with self._cold:
            if (known := self._readers.get(head)) is not None:
                return known
            frame = wire.read(value, headers, part=self._settings.part, protobuf=None)
            compiled = self._source.written(frame)
            body = compiled.body
            if head.startswith(_LETTER) and (lenient := getattr(body, "lenient", None)) is not None:
                body = lenient()
            if frame.in_header:  # now that the format is known, all of the header can be read
                frame = wire.read(value, headers, part=self._settings.part, protobuf=body.format == PROTOBUF)
            upcast = None if self._source.upcaster is None else self._source.upcaster(compiled.registered)
            reads_as = self._reads_as if upcast is None else None
            body = read_by(body, compiled.registered.schema, reads_as)
            read = body.reader(frame.indexes, reads_as)
            sealed = compiled.sealing is not None
            looks = looks_beside(body)
            reading = Reading(compiled.registered, body, read, frame.body, frame.indexes, sealed, upcast, looks)
            if len(self._readers) >= MAX_READERS:
                # Plain dicts keep their order: the oldest goes. Readers meet a dict that is never half changed.
                self._readers.pop(next(iter(self._readers)))
            self._readers[head] = reading
            return reading
