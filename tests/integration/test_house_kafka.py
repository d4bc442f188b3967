"""The broker of the kafka leg is a real one."""

from __future__ import annotations

import pytest


@pytest.mark.kafka
def test_the_broker_creates_topics_and_carries_events(kafka: str) -> None:
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    # A mock cluster does not know this request.
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic("t", 1, 1)])["t"].result(20)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce("t", b"value", headers={"k": b"v"})
    assert producer.flush(20) == 0
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "g", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition("t", 0, 0)])
        message = consumer.poll(20)
        assert message is not None
        assert (message.value(), message.headers()) == (b"value", [("k", b"v")])
    finally:
        consumer.close()
