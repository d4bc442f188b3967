"""SEAL in Protobuf: values of any type in fields of bytes. Asynchronous."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry.confluent import meta_pb2
from fake_keys import FakeKeys
from google.protobuf import descriptor_pb2, timestamp_pb2
from sealing import KMS, PEPPER, rule, rules

from tenor import AsyncRegistry, Keys, Retry, errors
from tenor.codecs.protobuf import sealed
from tenor.codecs.protobuf.descriptors import load
from tenor.schemas import PROTOBUF, Schema

pytestmark = pytest.mark.anyio

_K: Any = descriptor_pb2.FieldDescriptorProto
SCALARS: list[tuple[str, Any]] = [
    ("int32", -(2**31)),
    ("int64", 2**63 - 1),
    ("uint32", 2**32 - 1),
    ("uint64", 2**64 - 1),
    ("sint32", -5),
    ("sint64", -(2**63)),
    ("fixed32", 7),
    ("fixed64", 8),
    ("sfixed32", -7),
    ("sfixed64", -8),
    ("float", 0.5),
    ("double", 1e300),
    ("bool", True),
    ("string", "text é"),
    ("acme.Level", "HIGH"),
    ("acme.Home", {"street": "s", "number": 0}),
    ("acme.Person.Kind", "ODD"),
    ("google.protobuf.Timestamp", {"seconds": 7, "nanos": 9}),
]


def client(fake: FakeKeys, **keys: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **keys})
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config)


def tagged(field: Any, holds: str = "") -> None:
    options = field.options.Extensions[meta_pb2.field_meta]
    options.tags.append("PII")
    if holds:
        options.params["tenor.sealed"] = holds


def person(*fields: tuple[str, int, str], syntax: str = "proto3", optional: bool = False) -> Any:
    """`message acme.Person { string name = 1; … }`; fields are name, label, and what their bytes hold."""
    file = descriptor_pb2.FileDescriptorProto(name="p.proto", package="acme", syntax=syntax)
    file.dependency.append("google/protobuf/timestamp.proto")
    message = file.message_type.add(name="Person")
    message.field.add(name="name", number=1, type=_K.TYPE_STRING, label=1)
    message.enum_type.add(name="Kind").value.add(name="PLAIN", number=0)
    message.enum_type[0].value.add(name="ODD", number=3)
    for number, (name, label, holds) in enumerate(fields, 2):
        one = message.field.add(name=name, number=number, type=_K.TYPE_BYTES, label=label)
        tagged(one, holds)
        if optional:
            one.proto3_optional, one.oneof_index = True, len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")
    file.enum_type.add(name="Level").value.add(name="LOW", number=0)
    file.enum_type[0].value.add(name="HIGH", number=1)
    home = file.message_type.add(name="Home")
    home.field.add(name="street", number=1, type=_K.TYPE_STRING, label=1)
    home.field.add(name="number", number=2, type=_K.TYPE_INT32, label=1)
    return file


def text(file: Any) -> str:
    return base64.b64encode(file.SerializeToString()).decode()


def registered(file: Any, *domain: Any) -> FakeKeys:
    fake = FakeKeys()
    add(fake, "s", file, ruleSet=rules(*(domain or [rule("SEAL")])))
    return fake


def add(fake: FakeKeys, subject: str, file: Any, **more: Any) -> None:
    descriptor = text(file)
    fake.serialized[descriptor] = descriptor
    fake.add(subject, descriptor, PROTOBUF, **more)


def on_the_wire(value: bytes) -> Any:
    """What anybody parses who has no keys; the frame is six bytes."""
    from google.protobuf import descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="acme", syntax="proto3")
    message = file.message_type.add(name="Person")
    for number, (name, kind) in enumerate([("name", _K.TYPE_STRING), ("f", _K.TYPE_BYTES)], 1):
        message.field.add(name=name, number=number, type=kind, label=1)
    pool.Add(file)
    parsed: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("acme.Person"))()
    parsed.ParseFromString(value[6:])
    return parsed


@pytest.mark.parametrize(("holds", "value"), SCALARS)
@pytest.mark.parametrize("optional", [False, True])
async def test_every_type_is_sealed_in_bytes(holds: str, value: Any, optional: bool) -> None:
    fake = registered(person(("f", 1, holds), optional=optional))
    codec = await client(fake).events("s")
    event = {"name": "Ada", "f": value}
    message = codec.encode(event)
    for reader in (codec, await client(fake).events("s", decode_only=True)):
        assert (await reader.decode(message.value)).data == event
    bare = on_the_wire(message.value)
    assert (bare.name, bare.f[0]) == ("Ada", 0xE5)
    written = sealed.value_of(load_logical(fake).message_types_by_name["Person"].fields_by_name["f"]).write(value)
    assert written not in message.value
    nothing = (await codec.decode(codec.encode({"name": "Ada"}).value)).data
    assert nothing == {"name": "Ada"} if optional else nothing["name"] == "Ada"


def load_logical(fake: FakeKeys) -> Any:
    from tenor.codecs.protobuf.descriptors import load_unsealed

    return load_unsealed(Schema(fake.ids[1]["schema"], PROTOBUF), {})


async def test_what_is_left_out_looks_like_its_zero() -> None:
    """A number that was left out is sealed as 0, so that nobody sees whether it was."""
    fake = registered(person(("f", 1, "int32")))
    codec = await client(fake).events("s")
    out, zero = (codec.encode({"name": "Ada", **event}).value for event in ({}, {"f": 0}))
    assert len(out) == len(zero)
    assert [(await codec.decode(value)).data["f"] for value in (out, zero)] == [0, 0]


async def test_items_of_lists_and_maps_are_sealed_one_by_one() -> None:
    file = person(("f", 3, "sint64"), ("homes", 3, "acme.Home"))
    entry = file.message_type[0].nested_type.add(name="AgesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_K.TYPE_STRING, label=1)
    entry.field.add(name="value", number=2, type=_K.TYPE_BYTES, label=1)
    ages = file.message_type[0].field.add(
        name="ages", number=9, type=_K.TYPE_MESSAGE, label=3, type_name=".acme.Person.AgesEntry"
    )
    tagged(ages, "acme.Level")
    fake = registered(file)
    codec = await client(fake).events("s")
    event = {
        "name": "Ada",
        "f": [1, -2, 0],
        "homes": [{"street": "s", "number": 1}, {"street": "", "number": 0}],
        "ages": {"a": "HIGH", "b": "LOW"},
    }
    value = codec.encode(event).value
    assert (await codec.decode(value)).data == event
    assert (await codec.decode(codec.encode({"name": "Ada"}).value)).data == {
        "name": "Ada",
        "f": [],
        "homes": [],
        "ages": {},
    }
    assert on_the_wire(codec.encode({"name": "Ada", "f": [5]}).value).f[0] == 0xE5


WRONG = [
    ("int32", 2**31),
    ("int32", "old"),
    ("uint32", -1),
    ("bool", 1),
    ("string", b"x"),
    ("acme.Level", "NONE"),
    ("acme.Home", {"street": 7}),
    ("acme.Home", {"town": "x"}),
    ("float", 1e300),
    ("int32", b"\xe5\x01"),
]


@pytest.mark.parametrize(("holds", "value"), WRONG)
async def test_values_are_judged_before_they_are_sealed(holds: str, value: Any) -> None:
    codec = await client(registered(person(("f", 1, holds)))).events("s")
    with pytest.raises(errors.InvalidEvent) as caught:
        codec.encode({"name": "Ada", "f": value})
    assert str(value) not in str(caught.value)
    assert "/f" in str(caught.value)


async def test_a_datetime_is_taken_where_a_timestamp_is_sealed() -> None:
    codec = await client(registered(person(("f", 1, "google.protobuf.Timestamp")))).events("s")
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(moment)
    read = (await codec.decode(codec.encode({"name": "Ada", "f": moment}).value)).data
    assert read["f"] == {"seconds": stamp.seconds, "nanos": 0}


async def test_messages_are_read_with_their_values() -> None:
    fake = registered(person(("f", 1, "int32")))
    value = (await client(fake).events("s")).encode({"name": "Ada", "f": 7}).value
    message = (await (await client(fake).events("s", as_messages=True)).decode(value)).data
    assert (message.name, message.f) == ("Ada", 7)


@pytest.mark.parametrize(("holds", "value"), SCALARS)
@pytest.mark.parametrize("policy", ["null", "sentinel"])
async def test_an_erased_value_is_its_types_zero(holds: str, value: Any, policy: str) -> None:
    file = person(("f", 1, holds), ("many", 3, holds))
    fake = registered(file, rule("SEAL", params={"tenor.dataSubject": "$.name", "tenor.erased": policy}))
    codec = await client(fake).events("s")
    message = await codec.encode_when_ready({"name": "Ada", "f": value, "many": [value]})
    ((kek, handle),) = fake.persons
    fake.erase(kek, handle)
    event = await (await client(fake).events("s", decode_only=True)).decode(message.value)
    assert event.erased == ("f", "many")
    assert event.data.get("f") != value
    assert len(event.data["many"]) == 1
    assert event.data["many"] != [value]


async def test_ciphertext_of_another_field_does_not_open() -> None:
    fake = registered(person(("f", 1, "int32"), ("g", 1, "int32")))
    codec = await client(fake).events("s")
    value = codec.encode({"name": "", "f": 5, "g": 6}).value
    length = value[7]
    f, g = value[8 : 8 + length], value[10 + length :]
    swapped = value[:8] + g + value[8 + length : 10 + length] + f
    assert len(swapped) == len(value)
    with pytest.raises(errors.AuthenticationFailed):
        await codec.decode(swapped)
    plain = value[:7] + b"\x02\x08\x05" + value[8 + length :]
    with pytest.raises(errors.AuthenticationFailed):  # never sealed at all
        await codec.decode(plain)


def numbers() -> Any:
    """A file whose tagged fields are what they are, and have no place for what is sealed."""
    file = person()
    for number, (name, kind, of) in enumerate(
        [
            ("age", _K.TYPE_INT32, ""),
            ("level", _K.TYPE_ENUM, ".acme.Level"),
            ("at", _K.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
            ("home", _K.TYPE_MESSAGE, ".acme.Home"),
        ],
        5,
    ):
        file.message_type[0].field.add(name=name, number=number, type=kind, label=1, type_name=of or None)
    return file


REFUSED = [
    ("age", "is of type int32", 'value: "int32"'),
    ("level", "is of type acme.Level", 'value: "acme.Level"'),
    ("at", "is of type google.protobuf.Timestamp", 'value: "google.protobuf.Timestamp"'),
    ("home", "is a record", "or seal all of it as bytes"),
]


@pytest.mark.parametrize(("name", "reason", "remedy"), REFUSED)
async def test_a_type_without_a_place_is_refused_with_the_way_to_give_it_one(
    name: str, reason: str, remedy: str
) -> None:
    file = numbers()
    tagged(next(field for field in file.message_type[0].field if field.name == name))
    with pytest.raises(errors.UnusableRule) as caught:
        await client(registered(file)).events("s")
    assert f"acme.Person.{name} {reason}" in str(caught.value)
    assert remedy in str(caught.value)


UNUSABLE = [
    ("acme.Nowhere", "holds sealed values of acme.Nowhere, which is no scalar and no type that is imported"),
    ("google.protobuf.Duration", "no type that is imported"),
    ("bytes", "which is no scalar"),
]


@pytest.mark.parametrize(("holds", "reason"), UNUSABLE)
async def test_marks_that_mean_nothing_are_refused(holds: str, reason: str) -> None:
    with pytest.raises(errors.UnusableSchema, match=reason):
        await client(registered(person(("f", 1, holds)))).events("s")


async def test_a_mark_on_something_else_than_bytes_is_refused() -> None:
    file = numbers()
    tagged(file.message_type[0].field[1], "int32")
    with pytest.raises(errors.UnusableSchema, match="is no field of bytes"):
        await client(registered(file)).events("s")


async def test_marks_in_imported_files_count() -> None:
    person_file = person(("f", 1, "int32"))
    outer = descriptor_pb2.FileDescriptorProto(name="o.proto", package="outer", syntax="proto3")
    outer.dependency.append("p.proto")
    outer.message_type.add(name="Order").field.add(
        name="who", number=1, type=_K.TYPE_MESSAGE, label=1, type_name=".acme.Person"
    )
    fake = FakeKeys()
    add(fake, "people", person_file)
    add(
        fake,
        "s",
        outer,
        references=[{"name": "p.proto", "subject": "people", "version": 1}],
        ruleSet=rules(rule("SEAL")),
    )
    codec = await client(fake).events("s")
    event = {"who": {"name": "Ada", "f": 9}}
    assert (await codec.decode(codec.encode(event).value)).data == event


async def test_encrypt_has_no_other_types() -> None:
    with pytest.raises(errors.UnusableRule, match="ENCRYPT seals text and bytes, SEAL any"):
        await client(registered(person(("f", 1, "int32")), rule("ENCRYPT"))).events("s")


async def test_a_field_that_no_rule_seals_goes_nowhere() -> None:
    untagged = person(("f", 1, "int32"))
    del untagged.message_type[0].field[1].options.Extensions[meta_pb2.field_meta].tags[:]
    codec = await client(registered(untagged)).events("s")
    with pytest.raises(errors.InvalidEvent):
        codec.encode({"name": "Ada", "f": 7})


def test_the_sealed_form_is_a_message_of_one_field() -> None:
    """Any language can write it: 08 is field 1, a varint."""
    file = load(Schema(text(numbers()), PROTOBUF), {})
    age = sealed.value_of(file.message_types_by_name["Person"].fields_by_name["age"])
    assert (age.write(7), age.write(0), age.read(b"\x08\x07"), age.zero) == (b"\x08\x07", b"\x08\x00", 7, 0)
    for damaged in (b"", b"\x08", b"\x08\x07\x10\x01", b"\xff"):
        with pytest.raises(ValueError, match="it is"):
            age.read(damaged)
