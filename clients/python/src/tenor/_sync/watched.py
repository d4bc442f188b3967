# Generated from src/tenor/_async/watched.py by generate_sync.py: change that file, not this one.

"""A codec with more around it: bounds, compression, an observer. Synchronous.

A class of its own, so that the plain codec pays nothing for what it does not do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tenor import wire
from tenor._sync.codec import Codec
from tenor._sync.snapshots import Compiled, Reading, Settings, Source
from tenor.codecs import Body
from tenor.compression import HEADER, Compression, encoding_of
from tenor.errors import InvalidEvent, RuleFailed, TenorError
from tenor.events import Event, Message, RecordKey
from tenor.observing import Observer
from tenor.rules.model import tagger
from tenor.sanitising import Cleaned, Sanitise, Sanitiser
from tenor.schemas import Registered

if TYPE_CHECKING:
    from tenor.plans import Upcast

_log = logging.getLogger("tenor.sanitising")


class WatchedCodec(Codec):
    """A codec that sanitises and compresses what it encodes, decompresses what it decodes, and counts both."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        current: Compiled | None,
        reads_as: Body | None,
        *,
        sanitise: Sanitise | None = None,
        compression: Compression | None = None,
        observer: Observer | None = None,
    ) -> None:
        if observer is not None and source.upcaster is not None:
            source = replace(source, upcaster=_counting(source.upcaster, observer, settings.subject))
        super().__init__(source, settings, current, reads_as)
        self._bounds, self._compression, self._observer = sanitise, compression, observer
        self._sanitiser_now: tuple[Body, Sanitiser] | None = None
        self._sanitiser()  # bounds that do not compile are found now

    def encode(self, data: Any, **metadata: Any) -> Message:
        """As the plain codec's; raises InvalidEvent for what the bounds reject, too."""
        if data is None:
            return super().encode(None, **metadata)
        if self._observer is None:
            return self._encoded(data, metadata)
        with self._observer.span("tenor.encode", self.subject):
            if metadata.get("traceparent") is None:
                metadata |= self._observer.trace_headers()
            try:
                message = self._encoded(data, metadata)
            except TenorError as error:
                self._observer.rejected(self.subject, error)
                raise
            self._written()
            return message

    def encode_value(self, data: Any, **beside: Any) -> bytes | None:
        """As the plain codec's; without headers nothing is compressed, and the log alone tells what is redacted."""
        if data is None:
            return None
        try:
            value = super().encode_value(self._cleaned(data).event, **beside)
            self._judge_size(value)
        except TenorError as error:
            if self._observer is not None:
                self._observer.rejected(self.subject, error)
            raise
        if self._observer is not None:
            self._written()
        return value

    def _encoded(self, data: Any, metadata: dict[str, Any]) -> Message:
        cleaned = self._cleaned(data)
        value, headers = super().encode(cleaned.event, **metadata)
        self._judge_size(value)
        if cleaned.redacted:
            headers.append(cleaned.header())
        if self._compression is not None and value is not None:
            value, encoding = self._compression.compress(value)
            if encoding is not None:
                headers.append((HEADER, encoding.encode()))
        return Message(value, headers)

    def _cleaned(self, data: Any) -> Cleaned:
        sanitiser = self._sanitiser()
        if sanitiser is None:
            return Cleaned(data)
        try:
            cleaned = sanitiser.clean(data)
        except InvalidEvent as error:
            hides = getattr(self._writing.body, "hides", None)
            if hides is None:
                raise
            raise hides(error) from None
        for violation in cleaned.redacted:
            _log.warning("redacted an event of %s at %s: %s", self.subject, violation.path, violation.rule)
            if self._observer is not None:
                self._observer.count("redacted", subject=self.subject, rule=violation.rule)
        return cleaned

    def _judge_size(self, value: bytes | None) -> None:
        if value is not None and (sanitiser := self._sanitiser()) is not None:
            sanitiser.judge_size(value)

    def _sanitiser(self) -> Sanitiser | None:
        """The bounds, compiled for the schema that is written now. A race compiles twice, to the same."""
        if self._bounds is None or self._snapshot_now is None:
            return None
        body = self._snapshot_now.body
        if self._sanitiser_now is None or self._sanitiser_now[0] is not body:
            plain: Any = getattr(body, "logical", body)
            schema = self._snapshot_now.registered.schema
            made = Sanitiser(self._bounds, plain.tree(), tagger(schema.metadata), schema, self.subject)
            self._sanitiser_now = (body, made)
        return self._sanitiser_now[1]

    def _written(self) -> None:
        assert self._observer is not None  # whoever calls has looked
        self._observer.count("validated", subject=self.subject)
        if getattr(self._writing.compiled, "sealing", None) is not None:
            self._observer.count("sealed", subject=self.subject)

    def require_encoded(self, value: bytes, headers: wire.Headers = None, *, record_key: RecordKey = None) -> None:
        """As the plain codec's, of what is left when it is decompressed."""
        super().require_encoded(self._decompressed(value, headers), headers, record_key=record_key)

    def _decompressed(self, value: bytes, headers: wire.Headers) -> bytes:
        if self._compression is not None and (encoding := encoding_of(headers)) not in (None, "identity"):
            return self._compression.decompress(memoryview(value).tobytes(), str(encoding))
        return value

    def dead_letter(self, refused: RuleFailed, data: Any, **metadata: Any) -> None:
        """As the plain codec's, of what the bounds leave of the event."""
        super().dead_letter(refused, self._cleaned(data).event, **metadata)

    def decode(
        self,
        value: bytes | None,
        headers: wire.Headers = None,
        *,
        record_key: RecordKey = None,
        topic: str = "",
        _arrived: bytes | None = None,
    ) -> Event:
        """As the plain codec's; raises Undecodable for what does not decompress within the limit, too."""
        arrived = value if _arrived is None else _arrived
        if value is not None and self._compression is not None:
            if headers is not None and not hasattr(headers, "items") and not isinstance(headers, list | tuple):
                headers = list(headers)
            value = self._decompressed(value, headers)
        known = len(self._readers)
        event = super().decode(value, headers, record_key=record_key, topic=topic, _arrived=arrived)
        if self._observer is not None:
            self._observer.count("read", subject=self.subject)
            if len(self._readers) == known:
                self._observer.looked_up("reader", hit=True)
        return event

    def _learn(self, value: bytes, headers: wire.Headers, head: bytes) -> Reading:
        if self._observer is None:
            return super()._learn(value, headers, head)
        self._observer.looked_up("reader", hit=False)
        with self._observer.span("tenor.learn", self.subject):
            return super()._learn(value, headers, head)


def _counting(
    upcaster: Callable[[Registered], Upcast | None], observer: Observer, subject: str
) -> Callable[[Registered], Upcast | None]:
    """The same upcaster; its functions count the events that they brought up."""

    def counting(written: Registered) -> Upcast | None:
        function = upcaster(written)
        if function is None:
            return None

        def counted(data: Any) -> Any:
            upcast = function(data)
            observer.count("upcast", subject=subject)
            return upcast

        return counted

    return counting
