# Generated from tests/asynchronous/test_codec.py by generate_sync.py: change that file, not this one.

"""Events through a codec, against a registry in memory. Synchronous."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fake_registry import FakeRegistry, error
from google.protobuf import descriptor_pb2

from tenor import Reference, Registry, Retry, Schema, errors, wire
from tenor._sync.concurrency import sleep

URL = "http://registry.test:8081"


def avro(*fields: tuple[str, Any], name: str = "acme.Order") -> str:
    return json.dumps({"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]})


V1 = avro(("id", "string"))
V2 = json.dumps({**json.loads(V1), "fields": [*json.loads(V1)["fields"], {"name": "n", "type": "int", "default": 7}]})


def client(fake: FakeRegistry, **options: Any) -> Registry:
    http = httpx.Client(transport=httpx.MockTransport(fake))
    return Registry(URL, http=http, retry=Retry(rounds=1), **options)


def eventually(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        sleep(0.005)
    raise AssertionError("it did not happen within a second")


def test_the_shape_of_the_readme() -> None:
    fake = FakeRegistry()
    fake.add("orders-value", V1)
    registry = client(fake)
    orders = registry.events("orders-value")
    message = orders.encode({"id": "A1"})
    event = orders.decode(message.value, message.headers)
    assert event.data == {"id": "A1"}
    assert (event.schema.id, event.message, orders.record, orders.schema.version) == (1, "acme.Order", "acme.Order", 1)
    assert message.value == b"\x00\x00\x00\x00\x01\x04A1"


def test_the_warm_path_asks_nobody() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s")
    message = orders.encode({"id": "A1"})
    orders.decode(message.value)
    asked = len(fake.requests)
    for _ in range(50):
        orders.decode(orders.encode({"id": "A1"}).value)
    assert len(fake.requests) == asked == 2


# --- which schema ----------------------------------------------------------------------------------------------


def test_the_newest_version_is_written_unless_one_is_named() -> None:
    fake = FakeRegistry()
    first = fake.add("s", V1)
    fake.add("s", V2)
    registry = client(fake)
    chosen = {
        "newest": registry.events("s"),
        "version": registry.events("s", version=1),
        "id": registry.events("s", id=1),
        "guid": registry.events("s", guid=first["guid"]),
        "schema": registry.events("s", schema=V1),
    }
    ids = {name: codec.schema.id for name, codec in chosen.items()}
    assert ids == {"newest": 2, "version": 1, "id": 1, "guid": 1, "schema": 1}
    with pytest.raises(ValueError, match="name one schema"):
        registry.events("s", version=1, id=1)


def test_a_schema_is_registered_on_request_only() -> None:
    fake = FakeRegistry()
    registry = client(fake)
    with pytest.raises(errors.SubjectNotFound):
        registry.events("s", schema=V1)
    orders = registry.events("s", schema=Schema(V1), register=True)
    assert (orders.schema.id, orders.schema.version, len(fake.subjects["s"])) == (1, 1, 1)
    assert (registry.events("s", schema=V1, register=True)).schema.version == 1


def test_a_named_schema_is_also_the_one_events_are_read_as() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    fake.add("s", V2)
    registry = client(fake)
    old = (registry.events("s", version=1)).encode({"id": "A1"}).value
    assert ((registry.events("s", version=2)).decode(old)).data == {"id": "A1", "n": 7}
    assert ((registry.events("s", version=2, read_as_written=True)).decode(old)).data == {"id": "A1"}
    assert ((registry.events("s")).decode(old)).data == {"id": "A1"}
    new = (registry.events("s")).encode({"id": "A1", "n": 1}).value
    event = (registry.events("s", version=1)).decode(new)
    assert (event.data, event.schema.id) == ({"id": "A1"}, 2)


def test_an_event_that_breaks_its_schema_is_not_encoded() -> None:
    fake = FakeRegistry()
    fake.add("orders-value", V1)
    orders = client(fake).events("orders-value")
    data = {"id": 5}
    with pytest.raises(errors.InvalidEvent, match=r"The event breaks orders-value: /id: 5 \(int\) is not a string"):
        orders.encode(data)
    assert data == {"id": 5}


# --- following the newest version --------------------------------------------------------------------------------


def test_a_new_version_is_picked_up_in_the_background() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake, latest_ttl=0.0).events("s")
    fake.add("s", V2)
    assert orders.encode({"id": "A1"}).value  # still the old one, nobody waits
    eventually(lambda: orders.schema.version == 2)
    assert orders.encode({"id": "A1", "n": 1}).value
    with pytest.raises(errors.InvalidEvent, match="/n"):
        orders.encode({"id": "A1"})


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("gone"), httpx.Response(200, text="<html>"), error(404, 40401, "gone")], ids=repr
)
def test_while_the_registry_is_away_a_codec_goes_on(failure: Any) -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake, latest_ttl=0.0).events("s")
    fake.failures = [failure] * 100
    asked = len(fake.requests)
    assert orders.encode({"id": "A1"}).value
    eventually(lambda: len(fake.requests) > asked)
    for _ in range(3):
        assert orders.encode({"id": "A1"}).value
    with pytest.raises(errors.RegistryError):
        orders.refresh()


def test_a_schema_this_client_cannot_use_does_not_replace_one_that_it_can() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake, latest_ttl=0.0).events("s")
    fake.add("s", '{"type": "nonsense"}')
    asked = len(fake.requests)
    orders.encode({"id": "A1"})
    eventually(lambda: len(fake.requests) > asked)
    assert orders.encode({"id": "A1"}).value
    with pytest.raises(errors.UnusableSchema):
        orders.refresh()


def test_a_pinned_schema_is_never_asked_for_again() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake, latest_ttl=0.0).events("s", version=1)
    asked = len(fake.requests)
    for _ in range(3):
        orders.encode({"id": "A1"})
        sleep(0.01)
    assert len(fake.requests) == asked


# --- framing ---------------------------------------------------------------------------------------------------


def test_guid_framing_leaves_the_value_bare() -> None:
    fake = FakeRegistry()
    row = fake.add("s", V1)
    orders = client(fake).events("s", framing="guid-header", part="key")
    message = orders.encode({"id": "A-long-one"})
    assert message.value == b"\x14A-long-one"
    assert message.header_map["__key_schema_id"] == b"\x01" + uuid.UUID(row["guid"]).bytes
    assert message.header_map["content-type"] == b"application/avro"
    event = orders.decode(message.value, message.headers)
    assert (event.data, event.schema.guid) == ({"id": "A-long-one"}, row["guid"])
    assert (orders.decode(message.value, iter(message.headers))).metadata.type == "acme.Order"


def test_a_body_too_short_for_stock_clients_gets_the_prefix() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s", framing="guid-header")
    message = orders.encode({"id": "A1"})
    assert message.value == b"\x00\x00\x00\x00\x01\x04A1"
    assert "__value_schema_id" not in message.header_map
    assert message.header_map["content-type"] == b"application/vnd.tenor+avro"
    assert (orders.decode(message.value, message.headers)).data == {"id": "A1"}


def test_a_registry_without_guids_cannot_frame_with_them() -> None:
    fake = FakeRegistry(guids=False)
    fake.add("s", V1)
    registry = client(fake)
    with pytest.raises(errors.UnusableSchema, match="no guid"):
        registry.events("s", framing="guid-header")
    message = (registry.events("s")).encode({"id": "A1"})
    assert message.header_map["ce_dataschema"] == b"http://registry.test:8081/schemas/ids/1"
    with pytest.raises(ValueError, match="framing is"):
        registry.events("s", framing="nonsense")
    with pytest.raises(ValueError, match="part is"):
        registry.events("s", part="nonsense")


def test_a_guid_prefix_is_read() -> None:
    fake = FakeRegistry()
    row = fake.add("s", V1)
    orders = client(fake).events("s")
    assert (orders.decode(wire.guid_head(row["guid"]) + b"\x04A1")).data == {"id": "A1"}


def test_a_tombstone_stays_one() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s")
    assert orders.encode(None) == (None, [])
    event = orders.decode(None, [("ce_id", b"1")])
    assert (event.data, event.schema, event.metadata.id) == (None, None, "1")


HOSTILE = [
    (b"", None, errors.FramingError),
    (b"{}", None, errors.FramingError),
    (b"\x00\x00\x00\x00", None, errors.FramingError),
    (b"\x00\x00\x00\x00\x63\x02A", None, errors.SchemaNotFound),
    (b"\x00\x00\x00\x00\x01", None, errors.Undecodable),
    (b"\x00\x00\x00\x00\x01\x04A1!", None, errors.Undecodable),
    (b"\x04A1", [("__value_schema_id", b"\x01short")], errors.FramingError),
    (b"\x04A1", [("__value_schema_id", b"\x01" + bytes(16))], errors.SchemaNotFound),
    (b"\x04A1", [("__value_schema_id", b"\x01" + bytes(17))], errors.SchemaNotFound),
]


@pytest.mark.parametrize(("value", "headers", "kind"), HOSTILE)
def test_hostile_messages_are_refused_by_type(value: bytes, headers: Any, kind: type[Exception]) -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s")
    with pytest.raises(kind):
        orders.decode(value, headers)


@pytest.mark.parametrize("value", [17, 10**12, "text", [1]], ids=repr)
def test_a_value_that_is_no_bytes_is_a_mistake_of_the_program(value: Any) -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s")
    with pytest.raises(TypeError):
        orders.decode(value)
    for view in (bytearray(b"\x00\x00\x00\x00\x01\x04A1"), memoryview(b"\x00\x00\x00\x00\x01\x04A1")):
        assert (orders.decode(view)).data == {"id": "A1"}  # type: ignore[arg-type] # what else transports give


def test_a_header_longer_than_a_guid_is_refused_once_the_format_is_known() -> None:
    fake = FakeRegistry()
    row = fake.add("s", V1)
    orders = client(fake).events("s")
    with pytest.raises(errors.InvalidSchemaId, match="1 bytes too long"):
        orders.decode(b"\x04A1", [("__value_schema_id", wire.guid_head(row["guid"]) + b"\x00")])


# --- metadata --------------------------------------------------------------------------------------------------


def test_metadata_stand_beside_the_event() -> None:
    fake = FakeRegistry()
    row = fake.add("s", V1)
    orders = client(fake).events("s", source="/checkout")
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    message = orders.encode(
        {"id": "A1"}, subject="A1", correlation_id="c", causation_id="d", traceparent=trace, tracestate="v=1"
    )
    metadata = (orders.decode(message.value, message.headers)).metadata
    assert (metadata.source, metadata.type, metadata.subject) == ("/checkout", "acme.Order", "A1")
    assert (metadata.correlation_id, metadata.causation_id, metadata.schema_version) == ("c", "d", 1)
    assert (metadata.traceparent, metadata.tracestate) == (trace, "v=1")
    assert metadata.dataschema == f"http://registry.test:8081/schemas/guids/{row['guid']}"
    assert metadata.time is not None
    assert abs((datetime.now(UTC) - metadata.time).total_seconds()) < 60
    assert message.header_map["ce_specversion"] == b"1.0"
    assert message.header_map["content-type"] == b"application/vnd.tenor+avro"


def test_ids_are_random_given_or_repeatable() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s", source="/checkout")

    def id_of(**arguments: Any) -> bytes:
        return orders.encode({"id": "A1"}, **arguments).header_map["ce_id"]

    assert id_of() != id_of()
    assert id_of(id="mine") == b"mine"
    assert id_of(key="A1:paid") == id_of(key="A1:paid") != id_of(key="A1:sent")


def test_metadata_can_be_left_out_or_named_otherwise() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    registry = client(fake)
    bare = (registry.events("s", metadata=False)).encode({"id": "A1"})
    assert bare.headers == []
    bare.headers.append(("x", b""))
    assert (registry.events("s", metadata=False)).encode({"id": "A1"}).headers == []
    nats = (registry.events("s", header_prefix="ce-", type="OrderPlaced")).encode({"id": "A1"}, time="t")
    assert (nats.header_map["ce-type"], nats.header_map["ce-time"]) == (b"OrderPlaced", b"t")


def test_a_codec_that_only_decodes_needs_no_schema_yet() -> None:
    fake = FakeRegistry()
    registry = client(fake)
    reader = registry.events("s", decode_only=True)
    assert fake.requests == []
    with pytest.raises(ValueError, match="made with decode_only"):
        reader.encode({"id": "A1"})
    fake.add("s", V1)
    assert (reader.decode((registry.events("s")).encode_value({"id": "A1"}))).data == {"id": "A1"}
    assert (registry.events("s", framing="guid-header")).encode_value({"id": "A1"}) == b"\0\0\0\0\1\4A1"
    assert (registry.events("s")).encode_value(None) is None


# --- references and contexts -------------------------------------------------------------------------------------


def test_references_are_fetched_nested_and_once() -> None:
    fake = FakeRegistry()
    fake.add("city", avro(("name", "string"), name="acme.City"))
    city = {"name": "acme.City", "subject": "city", "version": 1}
    fake.add("address", avro(("city", "acme.City"), name="acme.Address"), references=[city])
    references = [{"name": "acme.Address", "subject": "address", "version": 1}, city]
    fake.add("s", avro(("home", "acme.Address"), ("born", "acme.City")), references=references)
    orders = client(fake).events("s")
    event = {"home": {"city": {"name": "x"}}, "born": {"name": "y"}}
    assert (orders.decode(orders.encode(event).value)).data == event
    assert sum("/subjects/city/" in path for path in fake.paths()) == 1
    assert all("deleted=true" in path for path in fake.paths() if "city" in path or "address" in path)


def test_a_reference_belongs_to_the_context_of_what_refers_to_it() -> None:
    fake = FakeRegistry()
    fake.add(":.dev:city", avro(("name", "string"), name="acme.City"))
    fake.add(
        ":.dev:s", avro(("city", "acme.City")), references=[{"name": "acme.City", "subject": "city", "version": 1}]
    )
    orders = client(fake).events(":.dev:s")
    orders.decode(orders.encode({"city": {"name": "x"}}).value)
    assert "GET /schemas/ids/2?subject=%3A.dev%3As" in fake.paths()


def test_references_without_end_are_refused() -> None:
    fake = FakeRegistry()
    for number in range(110):
        following = [{"name": f"n{number + 1}", "subject": f"s{number + 1}", "version": 1}]
        fake.add(f"s{number}", json.dumps({"type": "fixed", "name": f"n{number}", "size": 1}), references=following)
    with pytest.raises(errors.UnusableSchema, match="more than 100 levels"):
        client(fake).events("s0")


def test_more_references_than_anybody_has_are_refused() -> None:
    fake = FakeRegistry()
    names = [{"name": f"n{number}", "subject": "one", "version": number} for number in range(1, 1002)]
    for number in range(1001):
        fake.add("one", json.dumps({"type": "fixed", "name": f"n{number}", "size": 1}))
    fake.add("s", V1, references=names)
    with pytest.raises(errors.UnusableSchema, match="more than 1000 schemas"):
        client(fake).events("s")


def test_references_in_a_circle_end() -> None:
    fake = FakeRegistry()
    fake.add("a", avro(("x", "int"), name="A"), references=[{"name": "B", "subject": "b", "version": 1}])
    fake.add("b", avro(("x", "int"), name="B"), references=[{"name": "A", "subject": "a", "version": 1}])
    orders = client(fake).events("a")
    assert (orders.decode(orders.encode({"x": 1}).value)).data == {"x": 1}


# --- the other formats -------------------------------------------------------------------------------------------


def test_json_events() -> None:
    fake = FakeRegistry()
    fake.add("money", '{"type": "number"}', "JSON")
    text = json.dumps({"title": "Order", "properties": {"total": {"$ref": "money.json"}}})
    fake.add("s", text, "JSON", [{"name": "money.json", "subject": "money", "version": 1}])
    orders = client(fake).events("s")
    message = orders.encode({"total": 1.5})
    assert message.value == b'\x00\x00\x00\x00\x02{"total":1.5}'
    assert message.header_map["content-type"] == b"application/vnd.tenor+json"
    assert (orders.decode(message.value)).data == {"total": 1.5}
    with pytest.raises(errors.InvalidEvent, match="/total"):
        orders.encode({"total": "much"})


def protobuf_file() -> str:
    kinds = descriptor_pb2.FieldDescriptorProto
    proto = descriptor_pb2.FileDescriptorProto(name="o.proto", package="acme", syntax="proto3")
    for name in ("First", "Second"):
        message = proto.message_type.add(name=name)
        message.field.add(name="id", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    return base64.b64encode(proto.SerializeToString()).decode()


TEXT = 'syntax = "proto3"; package acme; message First { string id = 1; } message Second { string id = 1; }'


@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
@pytest.mark.parametrize(("name", "indexes"), [("", b"\x00"), ("acme.Second", b"\x02\x02")])
def test_protobuf_events(framing: str, name: str, indexes: bytes) -> None:
    fake = FakeRegistry(serialized={TEXT: protobuf_file()})
    row = fake.add("s", TEXT, "PROTOBUF")
    orders = client(fake).events("s", message=name, framing=framing)
    message = orders.encode({"id": "a long one"})
    if framing == "id-prefix":
        assert message.value == b"\x00\x00\x00\x00\x01" + indexes + b"\x0a\x0aa long one"
    else:
        assert message.value == b"\x0a\x0aa long one"
        assert message.header_map["__value_schema_id"] == b"\x01" + uuid.UUID(row["guid"]).bytes + indexes
    event = orders.decode(message.value, message.headers)
    assert (event.data, event.message) == ({"id": "a long one"}, name or "acme.First")


def test_protobuf_text_is_registered_and_its_descriptor_fetched() -> None:
    fake = FakeRegistry(serialized={TEXT: protobuf_file()})
    schema = Schema(TEXT, "PROTOBUF")
    orders = client(fake).events("s", schema=schema, register=True)
    assert (orders.decode(orders.encode({"id": "x"}).value)).data == {"id": "x"}


def test_a_registry_that_sends_no_descriptors_is_named_as_the_reason() -> None:
    fake = FakeRegistry(serialized={TEXT: TEXT})
    fake.add("s", TEXT, "PROTOBUF")
    with pytest.raises(errors.UnusableSchema, match="format=serialized"):
        client(fake).events("s")


def test_a_format_nobody_knows() -> None:
    fake = FakeRegistry()
    fake.add("s", "<xsd/>", "XML")
    with pytest.raises(errors.UnusableSchema, match="the formats are AVRO, JSON, PROTOBUF"):
        client(fake).events("s")


def test_references_are_part_of_what_is_looked_up() -> None:
    fake = FakeRegistry()
    fake.add("city", avro(("name", "string"), name="acme.City"))
    schema = Schema(avro(("city", "acme.City")), references=(Reference("acme.City", "city", 1),))
    orders = client(fake).events("s", schema=schema, register=True)
    assert (orders.decode(orders.encode({"city": {"name": "x"}}).value)).data == {"city": {"name": "x"}}


# --- sharing ---------------------------------------------------------------------------------------------------


def test_many_threads_share_one_codec() -> None:
    fake = FakeRegistry()
    fake.add("s", avro(("id", "int"), ("text", "string")))
    orders = client(fake).events("s")

    def work(worker: int) -> list[bytes | None]:
        events = [{"id": worker * 1000 + n, "text": str(n)} for n in range(50)]
        return [orders.encode(event).value for event in events]

    with ThreadPoolExecutor(100) as pool:
        framed = [value for values in pool.map(work, range(100)) for value in values]
    read = [(orders.decode(value)).data for value in framed]
    assert read == [{"id": worker * 1000 + n, "text": str(n)} for worker in range(100) for n in range(50)]


def test_a_cold_schema_is_fetched_once_by_many() -> None:
    fake = FakeRegistry()
    fake.add("s", V1)
    orders = client(fake).events("s")
    value = orders.encode({"id": "A1"}).value
    events = gathered(orders, value, 200)
    assert [event.data for event in events] == [{"id": "A1"}] * 200
    assert sum("/schemas/ids/" in path for path in fake.paths()) == 1


def gathered(orders: Any, value: bytes | None, times: int) -> list[Any]:
    from concurrency import together

    return together([lambda: orders.decode(value)] * times)
