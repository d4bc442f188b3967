"""Metadata beside events, and the names of subjects."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from tenor import events, naming
from tenor.events import Event, Message, Metadata


def test_metadata_survive_the_headers() -> None:
    attributes = {
        "id": "1",
        "source": "/s",
        "type": "t",
        "time": "2026-11-24T10:00:00.000001Z",
        "subject": "order 1",
        "dataschema": "http://h/schemas/guids/g",
        "schemaversion": "3",
        "correlationid": "c",
        "causationid": None,
        "traceparent": "00-aa-bb-01",
    }
    headers = events.metadata_headers("ce_", attributes)
    assert ("traceparent", b"00-aa-bb-01") in headers
    assert ("ce_id", b"1") in headers
    when = datetime(2026, 11, 24, 10, 0, 0, 1, tzinfo=UTC)
    assert events.read_metadata(headers) == Metadata(
        "1", "/s", "t", when, "order 1", "http://h/schemas/guids/g", 3, "c", None, "00-aa-bb-01", None
    )
    assert events.read_metadata(headers, "ce-").id is None
    assert events.read_metadata(dict(headers)).id == "1"


HEADERS = [
    (None, Metadata()),
    ([], Metadata()),
    ([("ce_time", b"yesterday"), ("ce_id", None)], Metadata()),
    ([("ce_schemaversion", b"\xff"), ("CE_ID", b"1")], Metadata(id="1")),
    ([("ce_time", b"2026-01-01T00:00:00")], Metadata(time=datetime(2026, 1, 1, tzinfo=UTC))),
    ({"ce_schemaversion": "9" * 400, "ce_id": "text"}, Metadata(id="text")),
]


@pytest.mark.parametrize(("headers", "metadata"), HEADERS)
def test_headers_that_cannot_be_read_never_stop_an_event(headers: object, metadata: Metadata) -> None:
    assert events.read_metadata(headers) == metadata  # type: ignore[arg-type] # rows of several shapes


def test_ids() -> None:
    first, second = events.random_id(), events.random_id()
    assert first != second
    assert uuid.UUID(first).version == 4
    assert str(uuid.UUID(first)) == first
    again = events.repeatable_id("/s", "Order", "A1:paid")
    assert again == "ef14f923-b7aa-59f1-9461-6352c55105af"  # never to change: it is how repetitions are found
    assert uuid.UUID(again).version == 5
    assert again != events.repeatable_id("/s", "Order", "A1:sent")
    # No two triples may run together: ("a", "b c") is not ("a b", "c").
    assert events.repeatable_id("a", "b c", "d") != events.repeatable_id("a b", "c", "d")


def test_a_time_is_rfc_3339() -> None:
    assert datetime.fromisoformat(events.now()).tzinfo is UTC


def test_an_event_never_shows_its_data() -> None:
    assert "secret" not in repr(Event({"ssn": "secret"}, None))
    assert Message(b"", [("a", b"1"), ("a", b"2")]).header_map == {"a": b"2"}


NAMES = [
    ("topic", "orders", "value", None, "orders-value"),
    ("topic", "orders", "key", "a.B", "orders-key"),
    ("record", "orders", "value", "a.B", "a.B"),
    ("topic-record", "orders", "value", "a.B", "orders-a.B"),
    (lambda topic, part, record: f"{topic}.{part}.{record}", "o", "value", "B", "o.value.B"),
]


@pytest.mark.parametrize(("name", "topic", "part", "record", "subject"), NAMES)
def test_naming(name: str | naming.Naming, topic: str, part: str, record: str | None, subject: str) -> None:
    assert naming.strategy(name)(topic, part, record) == subject


def test_naming_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="needs a schema with a name"):
        naming.by_record("orders", "value", None)
    with pytest.raises(ValueError, match="associated, topic, record, topic-record"):
        naming.strategy("tpic")
