"""FastStream: one middleware and one decoder for Kafka, RabbitMQ, NATS, Redis and MQTT 5.

    events = Events({"orders": orders}, consumers={"orders": consumer})    # by topic, queue, subject or channel
    broker = KafkaBroker(url, middlewares=[events.middleware], decoder=events.decoder, parser=events.parser)

    @broker.subscriber("orders", group_id="billing", ack_policy=AckPolicy.NACK_ON_ERROR)
    async def handle(order: dict): ...

A body of bytes must be what its codec wrote, or nothing is sent. A destination with an AsyncConsumer gets each event
once, retries and a quarantine; its own handler is never called, and a store's connection is `Context("transaction")`.
FastStream's Kafka brokers acknowledge before they handle: say NACK_ON_ERROR, or what fails is lost. Headers are text
there: `parser` lets a guid header through, writing one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from faststream import BaseMiddleware
from faststream.exceptions import AckMessage, IgnoredException, RejectMessage

from tenor._async.codec import AsyncCodec
from tenor._async.consumer import AsyncConsumer
from tenor.compression import HEADER, Compression, encoding_of
from tenor.consuming import DeadLetter, SendDeadLetter
from tenor.events import Event, Message, steers
from tenor.integrations.headers import Header, as_text, destination, readable
from tenor.integrations.places import place, record


class _Interrupted(BaseException):
    """Carries FastStream's own signals (nack, stop) past retries and quarantine."""


class Events:
    """The events of some destinations. `codecs` frame and read them, `consumers` handle them."""

    def __init__(self, codecs: Mapping[str, AsyncCodec], consumers: Mapping[str, AsyncConsumer] | None = None) -> None:
        self.codecs, self.consumers = dict(codecs), dict(consumers or {})
        events = self

        class Middleware(BaseMiddleware[Any, Any]):
            async def publish_scope(self, call_next: Any, cmd: Any) -> Any:
                if (codec := events.codecs.get(cmd.destination)) is not None:
                    await _frame(codec, cmd)
                return await call_next(cmd)

            async def consume_scope(self, call_next: Any, msg: Any) -> Any:
                if (consumer := events.consumers.get(place(msg))) is None:
                    return await call_next(msg)
                answer: Any = None

                async def handle(event: Event, transaction: Any = None) -> None:
                    nonlocal answer

                    async def decoded(_: Any) -> Any:
                        return event.data

                    msg.set_decoder(decoded)
                    try:
                        with self.context.scope("transaction", transaction):
                            answer = await call_next(msg)
                    except (AckMessage, RejectMessage) as signal:
                        answer = signal
                    except IgnoredException as signal:
                        raise _Interrupted from signal

                try:
                    await consumer.process(record(msg), handle)
                except _Interrupted as interrupted:
                    raise interrupted.__cause__ or interrupted from None
                if isinstance(answer, IgnoredException):
                    raise answer
                return answer

        self.middleware = Middleware

    async def decoder(self, msg: Any, original: Any) -> Any:
        """Read what a codec's destination delivered; everything else is FastStream's. Raises what `decode` raises."""
        if (codec := self.codecs.get(place(msg))) is None:
            return await original(msg)
        received = record(msg)
        event = await codec.decode(received.value, received.headers, record_key=received.key, topic=place(msg))
        return event.data

    async def parser(self, msg: Any, original: Any) -> Any:
        """Make headers of aiokafka readable as text first: FastStream fails on others, before anything can help."""
        return await original(readable(msg))


def dead_letters(broker: Any, topic: str = "") -> SendDeadLetter:
    """What `AsyncRegistry(dead_letters=…)` takes: letters are published where rules say, or to `topic`.

    Headers are text; those that are none are latin-1, each byte a character. Raises ValueError for a letter that has
    no topic, and for one to a destination that the broker's own middleware would encode.
    """

    async def send(letter: DeadLetter) -> None:
        keyed = {"key": letter.key} if letter.key is not None and "key" in signature(broker.publish).parameters else {}
        headers = {name: _readable(value) for name, value in letter.headers if value is not None}
        await broker.publish(letter.value, destination(letter, topic), headers=headers, **keyed)

    return send


def _readable(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _frame(codec: AsyncCodec, cmd: Any) -> None:
    """Validate and frame a command's events. Tombstones stay as they are, and so do bytes that the codec wrote.

    Raises what `encode` raises, and Unencoded for bytes of anybody else: they would go out as they are.
    """
    batch = len(cmd.batch_bodies) > 1
    as_they_are = [isinstance(body, bytes | bytearray | memoryview) for body in cmd.batch_bodies]
    if not all(as_they_are):  # events bring headers of their own: none may say how to read what another wrote
        cmd.headers = {name: value for name, value in cmd.headers.items() if not steers(name)}
    messages: list[Message | None] = []
    for index, body in enumerate(cmd.batch_bodies):
        key = _key(cmd, index)
        if as_they_are[index]:
            await codec.require_encoded(bytes(body), cmd.headers, record_key=key)
            messages.append(None)
        else:
            message = await codec.encode_when_ready(body, headers=cmd.headers, record_key=key, topic=cmd.destination)
            messages.append(message)
    if len({encoding_of(message.headers if message else None) for message in messages}) > 1:
        messages = [None if message is None else _uncompressed(message) for message in messages]
    framed = [body if new is None else new.value for body, new in zip(cmd.batch_bodies, messages, strict=True)]
    headers: list[set[Header]] = [
        {header for header in new.headers if header[0] not in cmd.headers} for new in messages if new is not None
    ]
    if headers:  # the messages of a batch share their headers: those that differ, ids and times, are left out
        cmd.add_headers(as_text(set.intersection(*headers)), override=False)
    if batch:
        cmd.batch_bodies = framed
    elif framed:
        cmd.body = framed[0]


def _uncompressed(message: Message) -> Message:
    """A message of a batch whose headers cannot tell that it is compressed, because others are not."""
    value, encoding = message.value, encoding_of(message.headers)
    if value is not None and encoding is not None:
        value = Compression(None, limit=2**31).decompress(value, encoding)
    return Message(value, [header for header in message.headers if header[0] != HEADER])


def _key(cmd: Any, index: int) -> Any:
    """The key of a command's record, where the broker has keys."""
    key = cmd.key_for(index) if hasattr(cmd, "key_for") else getattr(cmd, "key", None)
    return key if isinstance(key, bytes | str) else None
