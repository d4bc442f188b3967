"""SEAL: any type, bound to its place; attacks on it. Asynchronous."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import cramjam
import httpx
import pytest
from fake_keys import FakeKeys
from sealing import KMS, PEPPER, avro, pii, plain, rule, rules

from tenor import AsyncConsumer, AsyncRegistry, Keys, Outcome, Record, Retry, Schema, errors
from tenor.keys.algorithms import AES256_GCM
from tenor.rules.logical import logical
from tenor.rules.model import Rule
from tenor.sealing import seal
from tenor.sealing.executor import State
from tenor.sealing.keyring import KeyRing
from tenor.sealing.sources import Key, Source, source
from tenor.sealing.wire import wired

pytestmark = pytest.mark.anyio


def client(fake: FakeKeys, **keys: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    config = Keys(**{"kms": KMS, "pepper": PEPPER, "jitter": 0.0, **keys})
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), keys=config)


FIX = {"type": "fixed", "name": "demo.F", "size": 3}
ENUM = {"type": "enum", "name": "demo.E", "symbols": ["A", "B"]}
TYPES: list[tuple[Any, Any]] = [
    ("int", -5),
    ("long", 2**62),
    ("float", 0.5),
    ("double", 1e300),
    ("boolean", True),
    ("string", "text é"),
    ("bytes", b"\x00\xff"),
    (FIX, b"abc"),
    (ENUM, "B"),
    (["null", "long"], 7),
    (["null", "long"], None),
    (["string", "int"], 3),
    (["string", "int"], "x"),
    ({"type": "array", "items": "int"}, [1, 2]),
    ({"type": "map", "values": "double"}, {"k": 1.5}),
    ({"type": "int", "logicalType": "date"}, date(2026, 1, 2)),
    ({"type": "int", "logicalType": "time-millis"}, time(1, 2, 3)),
    ({"type": "long", "logicalType": "timestamp-micros"}, datetime(2026, 1, 2, tzinfo=UTC)),
    ({"type": "string", "logicalType": "uuid"}, UUID(int=5)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, Decimal("1.25")),
]


@pytest.mark.parametrize(("type_", "value"), TYPES)
@pytest.mark.parametrize("suite", ["01", "02", "03", "04"])
async def test_every_avro_type_is_sealed(type_: Any, value: Any, suite: str) -> None:
    fake = FakeKeys()
    one = rule("SEAL", params={"tenor.suite": suite, "tenor.searchable": "true"})
    schema = Schema(avro(pii("f", type_), plain("n", "int")), rule_set=rules(one))
    codec = await client(fake).events("s", schema=schema, register=True)
    event = {"f": value, "n": 1}
    message = codec.encode(event).value
    assert (await codec.decode(message)).data == event
    (row,) = fake.ids.values()
    leaf = json.loads(row["schema"])["fields"][0]["type"]
    assert ("tenor.sealed" in json.dumps(leaf)) is (type_ not in ("string", "bytes"))
    # Who has no keys still parses it.
    fake.subjects["bare"] = [{**row, "subject": "bare", "id": 99}]
    fake.ids[99] = {**row, "id": 99}
    del fake.ids[99]["ruleSet"]
    stranger = await client(fake).events("bare", decode_only=True)
    read = (await stranger.decode(b"\x00\x00\x00\x00\x63" + message[5:])).data
    assert read["n"] == 1
    assert value is None or read["f"] != value


async def test_json_numbers_and_constrained_text_are_sealed() -> None:
    properties = {
        "n": {"type": "integer", "minimum": 3, "confluent:tags": ["PII"]},
        "e": {"enum": ["a", "b"], "type": "string", "confluent:tags": ["PII"]},
        "o": {"type": ["null", "boolean"], "confluent:tags": ["PII"]},
        "l": {"type": "array", "items": {"type": "number"}, "confluent:tags": ["PII"]},
        "s": {"type": "string"},
    }
    schema = Schema(json.dumps({"type": "object", "properties": properties}), "JSON", rule_set=rules(rule("SEAL")))
    codec = await client(FakeKeys()).events("s", schema=schema, register=True)
    for event in ({"n": 7, "e": "b", "o": True, "l": [1.5, 2], "s": "x"}, {"n": 3, "o": None}):
        value = codec.encode(event).value
        assert json.loads(value[5:])["n"] != event["n"]
        assert (await codec.decode(value)).data == event
    for wrong in ({"n": 2}, {"e": "c"}):
        with pytest.raises(errors.InvalidEvent):
            codec.encode(wrong)


async def test_the_logical_schema_judges_before_anything_is_sealed() -> None:
    schema = Schema(avro(pii("age", "int")), rule_set=rules(rule("SEAL")))
    codec = await client(FakeKeys()).events("s", schema=schema, register=True)
    for wrong in ({"age": 2**31}, {"age": "old"}, {}, {"age": 1, "x": 2}):
        with pytest.raises(errors.InvalidEvent) as caught:
            codec.encode(wrong)
        assert "old" not in str(caught.value)
        assert str(2**31) not in str(caught.value)


async def test_a_schema_without_room_is_refused() -> None:
    fake = FakeKeys()
    fake.add("s", avro(pii("age", "int")), ruleSet=rules(rule("SEAL")))
    with pytest.raises(errors.UnusableRule, match="wire schema"):
        await client(fake).events("s")
    two = Schema(avro(pii("age", ["int", "long"])), rule_set=rules(rule("SEAL")))
    with pytest.raises(errors.UnusableSchema, match="more than one branch"):
        await client(fake).events("t", schema=two, register=True)


def test_logical_and_wire_are_each_others_inverse() -> None:
    schema = Schema(
        avro(pii("age", "int"), pii("name", "string"), plain("n", ["null", "long"])), rule_set=rules(rule("SEAL"))
    )
    wire = wired(schema, {})
    assert wire.text != schema.text
    assert wired(wire, {}) == wire
    back = json.loads(logical(wire).text)
    assert back["fields"][0]["type"] == {"type": "int", "tenor.marked": True}
    assert [field["type"] for field in back["fields"][1:]] == ["string", ["null", "long"]]
    bare = Schema(schema.text)
    assert wired(bare, {}) is bare


# --- bound to the record's key ---------------------------------------------------------------------------------------


def bound(type_: str = "SEAL", **params: Any) -> FakeKeys:
    fake = FakeKeys()
    one = rule(type_, tags=[] if type_.endswith("PAYLOAD") else ["PII"], params={"tenor.bind": "key", **params})
    fake.add("s", PAIR, ruleSet=rules(encoding=[one]) if type_.endswith("PAYLOAD") else rules(one))
    return fake


@pytest.mark.parametrize("suite", ["01", "02", "03", "04"])
@pytest.mark.parametrize("type_", ["SEAL", "SEAL_PAYLOAD"])
async def test_a_value_bound_to_its_record_opens_in_no_other(type_: str, suite: str) -> None:
    fake = bound(type_, **{"tenor.suite": suite, "tenor.searchable": "true"})
    codec = await client(fake).events("s")
    event = {"a": b"1", "b": b"2"}
    message = codec.encode(event, record_key=b"A1")
    assert codec.encode_value(event, record_key="A1") is not None
    for reader in (codec, await client(fake).events("s", decode_only=True)):
        for key in (b"A1", "A1", bytearray(b"A1")):  # cold, and warm
            assert (await reader.decode(message.value, record_key=key)).data == event
        for key in (b"A2", b"A1 ", "A"):  # the same, under another key
            with pytest.raises(errors.AuthenticationFailed):
                await reader.decode(message.value, message.headers, record_key=key)
        for none in (None, b"", "", {"id": "A1"}, 7):
            with pytest.raises(errors.RecordKeyNeeded) as caught:
                await reader.decode(message.value, record_key=none)
            assert caught.value.kind == "RECORD_KEY"
    read = await codec.decode_many([(message.value, None, b"A1"), (None, None)])
    assert [each.data for each in read] == [event, None]
    for none in (None, b"", {"id": "A1"}):
        with pytest.raises(errors.RecordKeyNeeded):
            codec.encode(event, record_key=none)


async def test_what_was_bound_is_told_by_the_rule_and_not_by_the_value() -> None:
    """A value that was sealed without the key does not pass for one that was, nor the other way round."""
    one, two = rule("SEAL", params={"tenor.bind": "key"}), rule("SEAL")
    fake = FakeKeys()
    fake.add("s", PAIR, ruleSet=rules(one))
    fake.add("s", PAIR, ruleSet=rules(two))
    registry = client(fake)
    binding, free = await registry.events("s", version=1), await registry.events("s", version=2)
    event = {"a": b"1", "b": b"2"}
    for writer, other in ((binding, 2), (free, 1)):
        value = writer.encode(event, record_key=b"A1").value
        assert (await binding.decode(value, record_key=b"A1")).data == event
        with pytest.raises(errors.AuthenticationFailed):
            await binding.decode(b"\0" + other.to_bytes(4, "big") + value[5:], record_key=b"A1")


async def test_a_consumer_hands_the_key_over() -> None:
    fake = bound()
    codec = await client(fake).events("s")
    value = codec.encode({"a": b"1", "b": b"2"}, record_key=b"A1").value
    handled: list[Any] = []
    aside: list[Any] = []
    consumer = AsyncConsumer(codec, lambda event: handled.append(event.data), name="group", quarantine=aside.append)
    outcomes = [await consumer.process(Record(value, None, key)) for key in (b"A1", b"A2", None)]
    assert outcomes == [Outcome.HANDLED, Outcome.QUARANTINED, Outcome.QUARANTINED]
    assert [each.verdict.reason for each in aside] == ["AUTH_FAILED", "AUTH_FAILED"]
    assert handled == [{"a": b"1", "b": b"2"}]


async def test_only_a_key_can_be_bound_to() -> None:
    with pytest.raises(errors.UnusableRule, match=r"tenor\.bind is key"):
        await client(bound(**{"tenor.bind": "header"})).events("s")


# --- attacks (facts: encryption, section 13) -----------------------------------------------------------------------


PAIR = avro(pii("a", "bytes"), pii("b", "bytes"))


async def pair(type_: str = "SEAL", **keys: Any) -> tuple[Any, FakeKeys]:
    fake = FakeKeys()
    fake.add("s", PAIR, ruleSet=rules(rule(type_)))
    return await client(fake, **keys).events("s"), fake


def parts(value: bytes) -> tuple[bytes, bytes]:
    length = value[5] // 2
    return value[6 : 6 + length], value[7 + length :]


def joined(head: bytes, a: bytes, b: bytes) -> bytes:
    return head + bytes([len(a) * 2]) + a + bytes([len(b) * 2]) + b


async def test_every_bit_of_a_sealed_value_counts() -> None:
    codec, _ = await pair()
    value = codec.encode({"a": b"one", "b": b"two"}).value
    a, b = parts(value)
    for at in range(len(a)):
        for bit in (1, 128):
            changed = a[:at] + bytes([a[at] ^ bit]) + a[at + 1 :]
            with pytest.raises((errors.AuthenticationFailed, errors.KeyMissing)):
                await codec.decode(joined(value[:5], changed, b))
    for cut in range(len(a)):
        with pytest.raises((errors.AuthenticationFailed, errors.KeyMissing)):
            await codec.decode(joined(value[:5], a[:cut], b))


async def test_a_renamed_field_opens_by_its_old_path() -> None:
    fake = FakeKeys()
    fake.add("s", avro(pii("a", "string")), ruleSet=rules(rule("SEAL")))
    old = await client(fake).events("s")
    value = old.encode({"a": "one"}).value
    renamed = avro(pii("z", "string", **{"tenor.sealedAs": "a", "aliases": ["a"]}))
    row = fake.add("s", renamed, ruleSet=rules(rule("SEAL")))
    new = await client(fake).events("s", version=2)
    assert (await new.decode(value)).data == {"z": "one"}
    moved = new.encode({"z": "two"}).value
    assert (await old.decode(moved)).data == {"z": "two"}
    assert row["version"] == 2


async def test_subjects_that_share_a_domain_share_keys() -> None:
    fake = FakeKeys()
    one = rule("SEAL", params={"tenor.key.domain": "people", "tenor.suite": "02", "tenor.searchable": "true"})
    for subject in ("s", "t"):
        fake.add(subject, avro(pii("a", "string")), ruleSet=rules(one))
    registry = client(fake)
    first, second = await registry.events("s"), await registry.events("t")
    assert first.encode({"a": "x"}).value[5:] == second.encode({"a": "x"}).value[5:]
    assert [key[1] for key in fake.deks] == ["people"]


async def test_suite_02_must_be_asked_for() -> None:
    fake = FakeKeys()
    fake.add("s", PAIR, ruleSet=rules(rule("SEAL", params={"tenor.suite": "2"})))
    with pytest.raises(errors.UnusableRule, match="searchable"):
        await client(fake).events("s")


async def test_padding_hides_lengths() -> None:
    fake = FakeKeys()
    fake.add("s", avro(pii("a", "bytes")), ruleSet=rules(rule("SEAL", params={"tenor.suite": "04"})))
    codec = await client(fake).events("s")
    sizes = {len(codec.encode({"a": bytes(size)}).value) for size in range(200, 250)}
    assert len(sizes) < 10
    assert all(length <= seal.padme(length) <= length * 1.12 + 1 for length in range(1, 5000))


async def test_bodies_are_compressed_before_they_are_sealed() -> None:
    fake = FakeKeys()
    for subject, params in (("plain", {}), ("small", {"tenor.compress": "zstd"})):
        fake.add(
            subject, avro(plain("a", "string")), ruleSet=rules(encoding=[rule("SEAL_PAYLOAD", tags=[], params=params)])
        )
    registry = client(fake)
    event = {"a": "the same again " * 500}
    sizes = []
    for subject in ("plain", "small"):
        codec = await registry.events(subject)
        value = codec.encode(event).value
        assert (await codec.decode(value)).data == event
        sizes.append(len(value))
    assert sizes[1] * 10 < sizes[0]


def test_a_subject_of_the_default_context_has_the_same_key_however_it_is_called() -> None:
    ruled = Rule("seal", "SEAL", params={"encrypt.kek.name": "kek1"})
    assert source(ruled, ":.:s") == source(ruled, "s") != source(ruled, ":.dev:s")


def test_another_thread_does_not_lend_a_value_its_key_reference() -> None:
    """A version that lets somebody else seal whenever it is compared: where a thread may be interrupted."""
    source = Source("kek1", "s", AES256_GCM, versioned=True, native=True)
    ring = KeyRing()
    other = ring.keep(Key("kek1", "s", AES256_GCM, 2), b"b" * 32)

    class Interrupted(int):
        __hash__ = int.__hash__

        def __ne__(self, known: object) -> bool:
            if turn[0] is not other:
                turn[0] = other
                turned(b"theirs", None, State(None, 0.0, None))
            return int(self) != known

    def present(record: Any, state: Any) -> Any:
        return turn[0]

    mine = ring.keep(Key("kek1", "s", AES256_GCM, 1), b"a" * 32)
    turned = seal.sealer(source, "01", "", "p", present, person=False)
    turn: list[Any] = [mine]
    assert turned(b"mine", None, State(None, 0.0, None))[3] == 1
    turn[0] = SimpleNamespace(key=SimpleNamespace(version=Interrupted(1)), seal=mine.seal)
    sealed = turned(b"mine", None, State(None, 0.0, None))
    opens = seal.opener(source, "", ("p",), ring, "p")
    assert opens(sealed, State(None, 0.0, None)) == (b"mine", seal.BOUND)


def test_a_body_that_grows_past_what_it_claims_is_refused() -> None:
    bomb = bytes(cramjam.zstd.compress(bytes(50 * 2**20)))
    for claim in (10, 2**27, 2**20):
        with pytest.raises(errors.AuthenticationFailed):
            seal.decompressed(seal.varint(claim) + bomb, "it")
    for damaged in (b"", b"\x80", seal.varint(5) + b"xxxxx", seal.compressed(b"abc")[:-1]):
        with pytest.raises(errors.AuthenticationFailed):
            seal.decompressed(damaged, "it")


async def test_the_bytes_are_as_described() -> None:
    codec, fake = await pair()
    a, _ = parts(codec.encode({"a": b"one", "b": b"two"}).value)
    assert a[:4] == bytes([0xE5, 1, 2, 1])
    assert len(a) == 4 + 12 + 3 + 16
    (dek,) = fake.deks.values()
    assert len(base64.b64decode(dek["commitment"])) == 32
    assert dek["algorithm"] == AES256_GCM
    expected = b"".join(
        len(part).to_bytes(4, "big") + part for part in (b"tenor-seal-1", b"\1", b"\1", b"", b"s", b"a")
    )
    assert seal.aad(1, b"\1", "", "s", "a") == expected
