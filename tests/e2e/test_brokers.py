"""Events through real brokers: FastStream on RabbitMQ, NATS, Redis, MQTT and Kafka; Redis as a store of ids."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped] # it has no stubs
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaException, Producer, TopicPartition
from faststream import AckPolicy
from faststream.confluent import KafkaBroker as ConfluentBroker
from faststream.kafka import KafkaBroker
from faststream.mqtt import MQTTBroker
from faststream.nats import NatsBroker
from faststream.rabbit import RabbitBroker
from faststream.redis import RedisBroker
from redis import Redis
from redis import asyncio as aioredis

import tenor
from tenor import AsyncConsumer, AsyncRegistry, AsyncSeenInMemory, AsyncSeenInRedis, Record, Retries, Retry
from tenor.consuming import Outcome, QuarantinedRecord, verdict_of
from tenor.errors import RecordBusy, Unprocessed
from tenor.integrations import aiokafka, kafka
from tenor.integrations.faststream import Events
from tests.brokers import running, stop
from tests.legs import executable
from tests.postgres import free_port

pytestmark = pytest.mark.anyio

SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]})
QUICK = Retries(attempts=2, first=0.0, longest=0.0, trips=3, rest=0.05, patience=0.0)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(registry: httpx.Client) -> AsyncIterator[AsyncRegistry]:
    """The served registry, as producers and consumers use it."""
    async with AsyncRegistry(str(registry.base_url)) as client:
        yield client


async def codec_of(client: AsyncRegistry, subject: str, **options: Any) -> tenor.AsyncCodec:
    return await client.events(subject, schema=SCHEMA, register=True, read_as_written=True, **options)


async def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def journey(
    client: AsyncRegistry,
    broker_type: Any,
    url: str,
    broker_options: dict[str, Any],
    subscriber: dict[str, Any],
    prepare: Callable[[str], object] = lambda place: None,
) -> None:
    """Publish good events, one twice, poison and one that the handler refuses; see what each becomes."""
    place = f"orders{uuid.uuid4().hex[:8]}"
    prepare(place)
    codec = await codec_of(client, f"{place}-value")
    poison: list[QuarantinedRecord] = []
    consumer = AsyncConsumer(
        codec, print, name="billing", quarantine=poison.append, seen=AsyncSeenInMemory(), retries=QUICK
    )
    events = Events({place: codec}, {place: consumer})
    broker = broker_type(url, middlewares=[events.middleware], decoder=events.decoder, logger=None, **broker_options)
    got: list[Any] = []

    @broker.subscriber(place, **subscriber)  # type: ignore[untyped-decorator] # of five brokers
    async def handle(body: dict[str, Any]) -> None:
        if body["id"] == "refused":
            raise ValueError("refused")
        got.append(body["id"])

    async with broker:
        await broker.start()
        await asyncio.sleep(0.2)  # a subscription of core NATS and MQTT hears nothing that was sent before it
        await broker.publish({"id": "A1"}, place, headers={"ce_id": "1"})
        await broker.publish({"id": "A1"}, place, headers={"ce_id": "1"})
        with pytest.raises(tenor.Unencoded):
            await broker.publish(b"\x00\x00\x01", place)
        async with broker_type(url, logger=None, **broker_options) as stranger:
            await stranger.publish(b"\x00\x00\x01", place)
        await broker.publish({"id": "refused"}, place)
        with pytest.raises(tenor.InvalidEvent):
            await broker.publish({"id": 7}, place)
        await broker.publish({"id": "A2"}, place)
        await eventually(lambda: len(got) == 2 and len(poison) == 2)
    assert sorted(got) == ["A1", "A2"]
    by_reason = {each.verdict.reason: each for each in poison}
    assert by_reason["FRAMING"].value == b"\x00\x00\x01"
    assert by_reason["HANDLER"].verdict.rule == "ValueError"
    assert by_reason["HANDLER"].verdict.position["place"] == place
    assert (await codec.decode(by_reason["HANDLER"].value, by_reason["HANDLER"].headers)).metadata.type == "Order"


@pytest.mark.brokers
async def test_rabbitmq(client: AsyncRegistry, rabbitmq: str) -> None:
    await journey(client, RabbitBroker, rabbitmq, {}, {})


@pytest.mark.brokers
async def test_nats(client: AsyncRegistry, nats: str) -> None:
    await journey(client, NatsBroker, nats, {}, {})


@pytest.mark.brokers
async def test_redis(client: AsyncRegistry, redis: str) -> None:
    await journey(client, RedisBroker, redis, {}, {})


@pytest.mark.brokers
async def test_mqtt(client: AsyncRegistry, mqtt: str) -> None:
    await journey(client, MQTTBroker, mqtt, {}, {})


KAFKA = {"group_id": "billing", "ack_policy": AckPolicy.NACK_ON_ERROR, "auto_offset_reset": "earliest"}


async def test_kafka_in_a_mock_cluster(client: AsyncRegistry, mock_kafka: str) -> None:
    await journey(client, KafkaBroker, mock_kafka, {}, KAFKA)


async def test_kafka_by_confluents_client_in_a_mock_cluster(client: AsyncRegistry, mock_kafka: str) -> None:
    # The mock cluster knows no CreateTopics, which this client would wait for.
    options = {"allow_auto_create_topics": False}
    producer = Producer({"bootstrap.servers": mock_kafka})
    await journey(client, ConfluentBroker, mock_kafka, options, KAFKA, producer.list_topics)


@pytest.mark.kafka
async def test_kafka(client: AsyncRegistry, kafka: str) -> None:
    await journey(client, KafkaBroker, kafka, {}, KAFKA)


@pytest.mark.brokers
async def test_what_was_not_processed_comes_again(client: AsyncRegistry, rabbitmq: str) -> None:
    """The registry is away when the message comes first: RabbitMQ keeps it."""
    place = f"orders{uuid.uuid4().hex[:8]}"
    codec = await codec_of(client, f"{place}-value")
    value, headers = codec.encode({"id": "A1"})
    away = AsyncRegistry(f"http://127.0.0.1:{free_port()}", retry=Retry(rounds=1))
    reader = await away.events(f"{place}-value", decode_only=True)
    poison: list[QuarantinedRecord] = []
    consumer = AsyncConsumer(reader, print, name="billing", quarantine=poison.append, retries=QUICK)
    tries: list[str] = []
    got: list[Any] = []

    async def process(record: Record, handler: Any = None) -> Outcome:
        tries.append(record.where())
        if len(tries) == 3:  # the registry is back
            consumer._codec = codec
        return await AsyncConsumer.process(consumer, record, handler)

    consumer.process = process  # type: ignore[method-assign] # the registry comes back in the middle
    events = Events({place: codec}, {place: consumer})
    broker = RabbitBroker(rabbitmq, middlewares=[events.middleware], decoder=events.decoder, logger=None)

    @broker.subscriber(place, ack_policy=AckPolicy.NACK_ON_ERROR)
    async def handle(body: dict[str, Any]) -> None:
        got.append(body)

    async with broker:
        await broker.start()
        await broker.publish(value, place, headers={name: text.decode() for name, text in headers})
        await eventually(lambda: got)
    await away.aclose()
    assert (got, poison, len(tries)) == ([{"id": "A1"}], [], 3)


# --- aiokafka and confluent-kafka, as they are -------------------------------------------------------------------


async def kafka_journey(client: AsyncRegistry, bootstrap: str) -> None:
    topic = f"orders{uuid.uuid4().hex[:8]}"
    codec = await codec_of(client, f"{topic}-value", framing="guid-header")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for number in range(3):
            await aiokafka.send(producer, codec, topic, {"id": f"A-long-{number}"}, key=b"k", fact=f"{number}")
        await producer.send_and_wait(topic, b"poison", key=b"k", headers=[("none", None)])
        got: list[Any] = []
        sink = aiokafka.quarantine(producer, f"{topic}-poison")
        consumer = AsyncConsumer(codec, got.append, name="b", quarantine=sink, retries=QUICK)

        async def first(count: int) -> None:
            receiving = AIOKafkaConsumer(
                topic,
                bootstrap_servers=bootstrap,
                group_id=topic,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            await receiving.start()
            records = aiokafka.records(receiving)
            try:
                async with asyncio.timeout(30):
                    async for record in records:
                        await consumer.process(record)
                        assert record.ack is not None
                        record.ack()
                        count -= 1
                        if not count:
                            break
            finally:
                await records.aclose()
                await receiving.stop()

        await first(2)
        await first(2)  # a new member goes on where the acknowledgements ended
        assert [event.data["id"] for event in got] == ["A-long-0", "A-long-1", "A-long-2"]
        assert got[0].metadata.id == tenor.events.repeatable_id(f"/subjects/{topic}-value", "Order", "0")
    finally:
        await producer.stop()
    reading = KafkaConsumer({"bootstrap.servers": bootstrap, "group.id": "x", "auto.offset.reset": "earliest"})
    # Assigned, not subscribed: joining a group takes the mock cluster three seconds.
    partitions = reading.list_topics(f"{topic}-poison", timeout=10).topics[f"{topic}-poison"].partitions
    reading.assign([TopicPartition(f"{topic}-poison", number, 0) for number in partitions])
    [record] = await asyncio.to_thread(taken, reading, 1)
    reading.close()
    verdict = verdict_of(record.headers)
    assert verdict is not None
    assert (record.value, record.key, verdict.reason, verdict.position["topic"]) == (b"poison", b"k", "FRAMING", topic)
    assert ("none", None) in list(record.headers or ())


def taken(client: KafkaConsumer, count: int) -> list[Record]:
    """So many records, acknowledged."""
    waits = iter(range(60))
    found: list[Record] = []
    for record in kafka.records(client, idle=lambda: next(waits, None) is not None):
        found.append(record)
        assert record.ack is not None
        record.ack()
        if len(found) == count:
            break
    return found


async def test_aiokafka_in_a_mock_cluster(client: AsyncRegistry, mock_kafka: str) -> None:
    await kafka_journey(client, mock_kafka)


@pytest.mark.kafka
async def test_aiokafka(client: AsyncRegistry, kafka: str) -> None:
    await kafka_journey(client, kafka)


async def test_a_quarantine_whose_broker_is_gone_keeps_the_record(client: AsyncRegistry) -> None:
    codec = await codec_of(client, "gone-value")
    gone = Producer({"bootstrap.servers": f"127.0.0.1:{free_port()}", "log_level": 0, "message.timeout.ms": 200})
    sink = kafka.quarantine(gone, "poison", timeout=0.5)
    consumer = AsyncConsumer(codec, print, name="b", quarantine=sink, retries=QUICK)
    with pytest.raises(KafkaException):
        kafka.sender(gone, 0.5)("t", b"v", [], None)
    with pytest.raises(Unprocessed, match="KafkaException"):
        await consumer.process(Record(b"poison"))


# --- ids in Redis ------------------------------------------------------------------------------------------------


async def _work(call: Any) -> None:
    await call()


@pytest.mark.brokers
async def test_redis_remembers_what_was_handled(redis: str) -> None:
    connection = aioredis.Redis.from_url(redis)
    seen = AsyncSeenInRedis(connection, lease=0.5)
    done: list[str] = []

    def work(name: str, error: Exception | None = None) -> Callable[[Any], Awaitable[None]]:
        async def run(_: Any) -> None:
            if error is not None:
                raise error
            done.append(name)

        return run

    consumer = uuid.uuid4().hex
    with pytest.raises(ValueError, match="no"):
        await seen.once(consumer, "1", work("a", ValueError("no")))
    assert await seen.once(consumer, "1", work("b"))
    assert not await seen.once(consumer, "1", work("c"))
    assert await seen.once(f"{consumer}2", "1", work("d"))
    assert done == ["b", "d"]

    async def nested(_: Any) -> None:
        with pytest.raises(RecordBusy):
            await seen.once(consumer, "2", work("never"))

    assert await seen.once(consumer, "2", nested)

    async def slow(_: Any) -> None:
        await asyncio.sleep(0.7)  # longer than the lease: another takes over

    slept = asyncio.create_task(seen.once(consumer, "3", slow))
    await asyncio.sleep(0.6)
    assert await seen.once(consumer, "3", work("over"))
    await slept
    await connection.aclose()
    with Redis.from_url(redis) as plain:
        assert not tenor.SeenInRedis(plain).once(consumer, "1", lambda _: None)


@pytest.mark.brokers
async def test_a_store_that_goes_away_in_the_middle_loses_nothing(tmp_path: Path, client: AsyncRegistry) -> None:
    codec = await codec_of(client, "stored-value")
    port, got = free_port(), []
    poison: list[QuarantinedRecord] = []
    command = [executable("redis-server") or "", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    connection = aioredis.Redis.from_url(f"redis://127.0.0.1:{port}")
    messages = [codec.encode({"id": f"{number}"}) for number in range(3)]
    records = [Record(message.value, message.headers) for message in messages]
    with running(command, port, tmp_path) as server:

        def handle(event: tenor.Event) -> None:
            if event.data["id"] == "1":
                stop(server)  # after the claim, before the mark
            got.append(event.data["id"])

        consumer = AsyncConsumer(
            codec, handle, name="b", quarantine=poison.append, seen=AsyncSeenInRedis(connection), retries=QUICK
        )
        assert [await consumer.process(record) for record in records[:2]] == [Outcome.HANDLED] * 2
        with pytest.raises(Unprocessed, match="StoreFailed"):
            await consumer.process(records[2])
    with running(command, port, tmp_path):
        await asyncio.sleep(QUICK.rest)
        assert await consumer.process(records[2]) is Outcome.HANDLED
    await connection.aclose()
    assert (got, poison) == (["0", "1", "2"], [])


async def test_without_redis_nothing_is_handled() -> None:
    connection = aioredis.Redis.from_url(f"redis://127.0.0.1:{free_port()}")
    with pytest.raises(tenor.errors.StoreFailed):
        await AsyncSeenInRedis(connection).once("c", "1", _work)
    await connection.aclose()
