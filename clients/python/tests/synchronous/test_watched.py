# Generated from tests/asynchronous/test_watched.py by generate_sync.py: change that file, not this one.

"""Codecs with bounds, compression and an observer around them. Synchronous."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from fake_registry import FakeRegistry
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tenor import Consumer, Event, Observer, Record, Registry, Retries, Retry
from tenor._sync.codec import Codec
from tenor.compression import ALGORITHMS, Compression
from tenor.errors import InvalidEvent
from tenor.sanitising import REDACT, Sanitise

FIELDS = [
    {"name": "id", "type": "string"},
    {"name": "note", "type": ["null", "string"], "default": None, "confluent:tags": ["PLAIN_TEXT"]},
    {"name": "lines", "type": {"type": "array", "items": "string"}, "default": []},
]
SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": FIELDS})
GOOD = {"id": "A1", "note": None, "lines": []}


def client(**options: Any) -> Registry:
    fake = FakeRegistry()
    fake.add("orders", SCHEMA)
    http = httpx.Client(transport=httpx.MockTransport(fake))
    return Registry("http://registry.test", http=http, retry=Retry(rounds=1), **options)


def test_without_any_of_it_a_codec_is_a_plain_one() -> None:
    assert type(client().events("orders")) is Codec


# --- bounds ------------------------------------------------------------------------------------------------------


def test_what_is_redacted_is_told_and_the_event_is_not_touched(caplog: pytest.LogCaptureFixture) -> None:
    orders = client().events("orders", sanitise=Sanitise(control=REDACT, html=REDACT))
    data = {"id": "A1", "note": "<b>hi</b>", "lines": ["ok", "bell\x07"]}
    before = json.dumps(data)
    with caplog.at_level(logging.DEBUG):
        message = orders.encode(data)
    assert json.dumps(data) == before
    event = orders.decode(message.value, message.headers)
    assert event.data == {"id": "A1", "note": "[redacted]", "lines": ["ok", "[redacted]"]}
    assert json.loads(message.header_map["tenor-redacted"]) == [["/note", "html"], ["/lines", "control"]]
    assert "/note: html" in caplog.text
    assert "hi" not in caplog.text
    assert "tenor-redacted" not in orders.encode(GOOD).header_map
    assert (orders.decode(orders.encode_value(data))).data == event.data


def test_what_is_rejected_is_not_written() -> None:
    orders = client().events("orders", sanitise=Sanitise(max_bytes=50))
    for data, rule in [
        ({**GOOD, "id": "a\x00b"}, "control"),
        ({**GOOD, "note": "<script>"}, "html"),
        ({**GOOD, "id": "x" * 60}, "max_bytes"),
    ]:
        for encode in (orders.encode, orders.encode_value):
            with pytest.raises(InvalidEvent) as raised:
                encode(data)
            assert [violation.rule for violation in raised.value.violations] == [rule]
    assert orders.encode(None).value is None
    assert orders.encode_value(None) is None


def test_an_event_of_another_shape_is_told_by_validation() -> None:
    orders = client().events("orders", sanitise=Sanitise())
    for data in (7, {"id": 7, "lines": "no"}, {"id": "a", "lines": 7}, [], "x"):
        with pytest.raises(InvalidEvent):
            orders.encode(data)


# --- compression --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
def test_compressed_events_come_back(algorithm: str, framing: str) -> None:
    registry = client()
    orders = registry.events("orders", compression=Compression(algorithm), framing=framing)
    data = {**GOOD, "id": "A" * 5000}
    message = orders.encode(data)
    assert len(message.value or b"") < 1000
    assert message.header_map["content-encoding"] == algorithm.encode()
    reader = registry.events("orders", decode_only=True, compression=Compression(None))
    for headers in (message.headers, message.header_map, iter(message.headers)):
        assert (reader.decode(message.value, headers)).data == data
    small = orders.encode(GOOD)
    assert "content-encoding" not in small.header_map
    assert (reader.decode(small.value, small.headers)).data == GOOD


# --- watching ------------------------------------------------------------------------------------------------------


class Watch:
    """An observer whose spans and counts can be looked at."""

    def __init__(self) -> None:
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracing = TracerProvider()
        self.tracing.add_span_processor(SimpleSpanProcessor(self.spans))
        self.observer = Observer(self.tracing, MeterProvider([self.reader]))

    def counts(self) -> dict[tuple[str, ...], int]:
        data = self.reader.get_metrics_data()
        found = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.data.data_points:
                attributes = point.attributes or {}
                told = [
                    str(attributes[name])
                    for name in ("rule", "reason", "outcome", "cache", "hit")
                    if name in attributes
                ]
                found[metric.name.removeprefix("tenor."), *told] = point.value
        return found


def test_what_happens_is_counted_and_traced_without_payload() -> None:
    watch = Watch()
    registry = client(observer=watch.observer)
    orders = registry.events("orders", sanitise=Sanitise(control=REDACT))
    poison: list[Any] = []
    retries = Retries(attempts=1, first=0, longest=0, patience=0)
    consumer = Consumer(
        orders,
        lambda event: None,
        name="b",
        quarantine=poison.append,
        upcast=lambda event: Event({**event.data, "v": 2}, event.schema),
        retries=retries,
        observer=watch.observer,
    )
    message = orders.encode({**GOOD, "note": "secret\x00"})
    with pytest.raises(InvalidEvent):
        orders.encode({"id": 4111, "note": None, "lines": []})
    orders.decode(message.value, message.headers)
    consumer.process(Record(message.value, message.headers))
    consumer.process(Record(b"4111", [("traceparent", "nonsense")]))
    counts = watch.counts()
    assert counts["events.validated",] == 1
    assert counts["events.rejected", "type"] == 1
    assert counts["events.redacted", "control"] == 1
    assert counts["events.read",] == 2
    assert counts["events.upcast",] == 1
    assert counts["events.consumed", "handled"] == counts["events.consumed", "quarantined"] == 1
    assert counts["events.quarantined", "NotFramed", "FRAMING"] == 1
    assert (counts["cache.lookups", "reader", "False"], counts["cache.lookups", "reader", "True"]) == (2, 1)
    assert counts["cache.lookups", "registry", "False"] >= 1
    spans = watch.spans.get_finished_spans()
    names = sorted({span.name for span in spans})
    assert names == ["tenor.encode", "tenor.learn", "tenor.process"]
    encode = next(span for span in spans if span.name == "tenor.encode")
    handled = next(span for span in spans if span.name == "tenor.process" and span.links)
    assert handled.links[0].context.span_id == encode.context.span_id
    told = json.dumps([[span.to_json()] for span in spans]) + repr(counts)
    assert "4111" not in told
    assert "secret" not in told


def test_a_producers_own_trace_context_stays() -> None:
    orders = client(observer=Watch().observer).events("orders")
    own = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    assert orders.encode(GOOD, traceparent=own).header_map["traceparent"] == own.encode()


def test_with_no_sdk_an_observer_does_nothing() -> None:
    orders = client(observer=Observer()).events("orders")
    message = orders.encode(GOOD)
    assert (orders.decode(message.value, message.headers)).data == GOOD
    assert "traceparent" not in message.header_map
