"""Hostile events, keys and registries, over a served registry: the list, an item a section.

    key system down · registry down · registry lying · wrong key · swapped fields · replayed ciphertext
    truncated frames · one byte · 100 MB · decompression bombs · headers that would switch rules off
    clock skew · two producers that rotate at once

In each: a refusal is a typed error; no plaintext is in what left the process (requests, values, headers, error texts,
logs of both sides); no event is lost: a producer can send the same object again, and a consumer's record is handled,
or set aside whole, or comes again. The fixture `outside` looks at what left, after every test.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from traceback import format_exception
from typing import Any

import cramjam
import fastavro
import httpx
import pytest

import tenor
from tenor import Consumer, Keys, Outcome, Record, Retries, Retry, Schema, SeenInMemory, errors
from tenor._sync import keys as keys_module
from tenor.compression import ALGORITHMS, Compression
from tenor.consuming import QuarantinedRecord, restored
from tenor.consuming.quarantine import original
from tenor.keys import kms
from tenor.keys.algorithms import AES256_GCM, new_key
from tenor.keys.kms import Driver
from tenor.sanitising import Sanitise
from tenor.sealing import seal
from tests.e2e.conftest import SERVER
from tests.served import served

PEPPER = b"sixteen bytes of pepper"
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "string"},
    {"name": "email", "type": "string", "confluent:tags": ["PII"]},
    {"name": "token", "type": "bytes", "confluent:tags": ["PII"]},
    {"name": "other", "type": "bytes", "confluent:tags": ["PII"]},
]
AVRO = json.dumps({"type": "record", "name": "a.Customer", "fields": FIELDS})
BARE = json.dumps(
    {"type": "record", "name": "a.Customer", "fields": [{"name": f["name"], "type": f["type"]} for f in FIELDS]}
)
EVENT: dict[str, Any] = {
    "id": "c-1",
    "email": "ada@example.org",
    "token": b"0123456789abcdef",
    "other": b"fedcba9876543210",
}
SECRETS = ["ada@example.org", b64encode(b"ada@example.org").decode()[:-1], "0123456789abcdef", "fedcba9876543210"]
DAY = 86_400.0
TYPES = ["ENCRYPT", "ENCRYPT_PAYLOAD", "SEAL", "SEAL_PAYLOAD"]
EACH_TYPE = pytest.mark.parametrize("type_", TYPES)


# --- the world around a client -------------------------------------------------------------------------------------


class Line(httpx.BaseTransport):
    """Between a client and the registry: it can be cut, and change answers on their way. Keeps what was sent."""

    def __init__(self, sent: list[bytes]) -> None:
        self._real, self._sent = httpx.HTTPTransport(), sent
        self.cut = False
        self.lie: Callable[[httpx.Request, Any], Any] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._sent += [request.url.raw_path, request.read(), repr(request.headers).encode()]
        if self.cut:
            raise httpx.ConnectError("cut", request=request)
        response = self._real.handle_request(request)
        response.read()
        if self.lie is None or response.status_code >= 400:
            return response
        told = self.lie(request, response.json())
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        return httpx.Response(
            response.status_code, headers={"content-type": response.headers["content-type"]}, content=content
        )

    def close(self) -> None:
        self._real.close()


class KeySystem(Driver):
    """A key system that can be down. `secret` is what its keys come from."""

    def __init__(self, secret: str = "the clients'") -> None:
        self._real = kms.driver("local-kms", "k", config={"secret": secret})
        self.down, self.wraps = False, 0

    def wrap(self, dek: bytes, context: Any = None) -> bytes:
        self._require_up("wrap")
        self.wraps += 1
        return self._real.wrap(dek)

    def unwrap(self, blob: bytes, context: Any = None) -> bytes:
        self._require_up("unwrap")
        return self._real.unwrap(blob)

    def _require_up(self, action: str) -> None:
        if self.down:
            raise errors.KmsUnavailable(kms="test-kms", action=action, reason="it is down")


@dataclass
class Outside:
    """Everything that leaves a client, and the parts of the world that a test breaks."""

    url: str
    left: list[bytes] = field(default_factory=list)
    systems: KeySystem = field(default_factory=KeySystem)

    def __post_init__(self) -> None:
        self.line = Line(self.left)

    def registry(
        self, *, systems: KeySystem | None = None, keys: dict[str, Any] | None = None, **options: Any
    ) -> tenor.Registry:
        """A client that begins with nothing at hand."""
        system = systems or self.systems
        config = Keys(
            **{"drivers": {"test-kms": lambda *_: system}, "pepper": PEPPER, "jitter": 0.0, "ttl": 60.0, **(keys or {})}
        )
        http = httpx.Client(transport=self.line)
        return tenor.Registry(self.url, http=http, retry=Retry(rounds=1), keys=config, **options)

    def sent(self, codec: tenor.Codec, event: Any = EVENT, **options: Any) -> tenor.Message:
        """An event as it goes to a broker. The caller's object stays what it was."""
        before = repr(event)[:10_000]
        message = codec.encode(event, **options)
        assert repr(event)[:10_000] == before
        self.left += [message.value or b"", repr(message.headers).encode()]
        return message

    def refused(self, kind: Any, action: Callable[[], Any], match: str = "") -> errors.TenorError:
        """The typed error that something is refused with."""
        with pytest.raises(kind, match=match or None) as caught:
            action()
        error = caught.value
        assert isinstance(error, errors.TenorError)
        self.left += [str(error).encode(), repr(error).encode(), repr(error.data).encode()]
        self.left.append("".join(format_exception(error, limit=0)).encode())
        return error


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    folder = tmp_path_factory.mktemp("served")
    environment = {
        "TENOR_DATABASE_URL": "sqlite:///t.db",
        "TENOR_KMS": json.dumps({"local-kms": {"secret": "its own"}}),
    }
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        yield client, folder


@pytest.fixture
def outside(registry: tuple[httpx.Client, Path], caplog: pytest.LogCaptureFixture) -> Iterator[Outside]:
    client, folder = registry
    caplog.set_level(logging.DEBUG)
    world = Outside(str(client.base_url).rstrip("/"))
    yield world
    world.line.close()
    logs = [log.read_bytes() for log in folder.parent.glob(f"{folder.name}.*.log")]
    assert logs
    left = b"\n".join([*world.left, *logs, caplog.text.encode()])
    assert [secret for secret in SECRETS if secret.encode() in left] == []


def rule(type_: str, **params: Any) -> dict[str, Any]:
    named = {"encrypt.kek.name": "ours", "encrypt.kms.type": "test-kms", "encrypt.kms.key.id": "k"}
    return {
        "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": type_, "onFailure": "ERROR,ERROR",
        "tags": [] if type_.endswith("PAYLOAD") else ["PII"], "params": named | {k: str(v) for k, v in params.items()},
    }  # fmt: skip


def sealing(type_: str, **params: Any) -> Schema:
    listed = "encodingRules" if type_.endswith("PAYLOAD") else "domainRules"
    return Schema(AVRO, rule_set={listed: [rule(type_, **params)]})


def registered(outside: Outside, name: str, type_: str = "SEAL", **params: Any) -> str:
    """A new subject whose events are sealed."""
    subject = f"{name}-value"
    outside.registry().register(subject, sealing(type_, **params))
    return subject


@dataclass
class Received:
    """A consumer, what its handler got, and what was set aside."""

    consumer: Consumer
    handled: list[Any]
    aside: list[QuarantinedRecord]


def receiving(registry: tenor.Registry, subject: str, **options: Any) -> Received:
    handled: list[Any] = []
    aside: list[QuarantinedRecord] = []
    codec = registry.events(subject, decode_only=True)
    retries = Retries(attempts=1, first=0, longest=0, patience=0, trips=10_000)
    consumer = Consumer(
        codec, lambda event: handled.append(event.data), name="c", quarantine=aside.append, retries=retries, **options
    )
    return Received(consumer, handled, aside)


def whole(received: Received, value: bytes | None, headers: Any) -> None:
    """The last record that was set aside is the one that came, to the byte."""
    kept = received.aside[-1]
    assert kept.value == value
    assert original(kept.headers) == list(headers or [])


def later(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    moment = time.time() + days * DAY
    monkeypatch.setattr(keys_module, "_wall", lambda: moment)


def dek_versions(outside: Outside, subject: str) -> list[int]:
    found: list[int] = httpx.get(f"{outside.url}/dek-registry/v1/keks/ours/deks/{subject}/versions").json()
    return found


# --- the key system is down ------------------------------------------------------------------------------------------


@EACH_TYPE
def test_key_system_down(outside: Outside, type_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "WAIT", 0.001)  # for who won a key's creation and then could not wrap it
    subject = registered(outside, f"kms-down-{type_.lower()}", type_, **{"encrypt.dek.expiry.days": 30})
    outside.systems.down = True
    outside.refused(errors.KmsUnavailable, lambda: outside.registry().events(subject))
    outside.systems.down = False
    producer = outside.registry().events(subject)
    message = outside.sent(producer)
    outside.systems.down = True
    warm = outside.sent(producer)  # its key is at hand
    received = receiving(outside.registry(), subject)
    record = Record(message.value, message.headers)
    outside.refused(errors.Unprocessed, lambda: received.consumer.process(record))
    assert (received.handled, received.aside) == ([], [])  # it comes again
    later(monkeypatch, 40)
    outside.refused(errors.KmsUnavailable, lambda: outside.registry().events(subject))  # nor a new key
    outside.systems.down = False
    for each in (record, Record(warm.value, warm.headers)):
        assert received.consumer.process(each) is Outcome.HANDLED
    assert received.handled == [EVENT, EVENT]
    outside.sent(outside.registry().events(subject))
    assert dek_versions(outside, subject) == [1, 2]


# --- the registry is down --------------------------------------------------------------------------------------------


@EACH_TYPE
def test_registry_down(outside: Outside, type_: str) -> None:
    params = {"encrypt.dek.expiry.days": 30, "tenor.dek.max.uses": 1600}
    subject = registered(outside, f"down-{type_.lower()}", type_, **params)
    producer = outside.registry().events(subject)
    messages = [outside.sent(producer)]
    received = receiving(outside.registry(), subject)
    outside.line.cut = True
    outside.refused(errors.Unreachable, lambda: outside.registry().events(subject))
    record = Record(messages[0].value, messages[0].headers)
    outside.refused(errors.Unprocessed, lambda: received.consumer.process(record))
    spent: errors.TenorError | None = None
    while spent is None:
        try:
            messages.append(outside.sent(producer))
        except errors.KeySpent as error:
            spent = error
    assert 300 < len(messages) < 1200  # a block, and what may be owed
    outside.left.append(str(spent).encode())
    outside.line.cut = False
    messages.append(outside.sent(producer))  # the same object
    for message in (messages[0], messages[-2], messages[-1]):
        assert received.consumer.process(Record(message.value, message.headers)) is Outcome.HANDLED
    assert received.handled == [EVENT] * 3


# --- the registry lies -----------------------------------------------------------------------------------------------


def ruled(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[httpx.Request, Any], Any]:
    """A lie about the one rule of a schema."""

    def lie(request: httpx.Request, body: Any) -> Any:
        if isinstance(body, dict) and "ruleSet" in body:
            return {**body, "ruleSet": {"domainRules": [change(rule) for rule in body["ruleSet"]["domainRules"]]}}
        return body

    return lie


def without(*names: str) -> Callable[[httpx.Request, Any], Any]:
    def lie(request: httpx.Request, body: Any) -> Any:
        return {k: v for k, v in body.items() if k not in names} if isinstance(body, dict) else body

    return lie


def where(member: str, **change: Any) -> Callable[[httpx.Request, Any], Any]:
    """A lie about every answer that has a member."""

    def lie(request: httpx.Request, body: Any) -> Any:
        return {**body, **change} if isinstance(body, dict) and member in body else body

    return lie


def another_key() -> str:
    return b64encode(KeySystem().wrap(new_key(AES256_GCM))).decode()


KNOWN_KEY = b64encode(new_key(AES256_GCM)).decode()
LIES: list[tuple[str, Callable[[httpx.Request, Any], Any], Any]] = [
    ("the rules are gone", without("ruleSet"), errors.Unsealed),
    ("the rule is disabled", ruled(lambda rule: {**rule, "disabled": True}), errors.Unsealed),
    ("the rule is about another tag", ruled(lambda rule: {**rule, "tags": ["OTHER"]}), errors.Unsealed),
    ("the rule is for reading", ruled(lambda rule: {**rule, "mode": "READ"}), errors.Unsealed),
    ("the rule lets plaintext out", ruled(lambda rule: {**rule, "onFailure": "NONE"}), errors.UnusableRule),
    ("the rule is of no known type", ruled(lambda rule: {**rule, "type": "SEAL_2"}), errors.UnusableRule),
    ("the rules are none", where("ruleSet", ruleSet={"domainRules": [7]}), errors.UnexpectedAnswer),
    ("the rules are a text", where("ruleSet", ruleSet="none"), errors.UnexpectedAnswer),
    ("the tags are gone", where("schema", schema=BARE), None),
    ("the schema is another", where("schema", schema='"string"'), None),
    ("the answer is no JSON", lambda request, body: b"<html>", errors.UnexpectedAnswer),
    ("the answer is a list", lambda request, body: [body], errors.UnexpectedAnswer),
    ("the KEK is another", where("kmsKeyId", name="theirs"), errors.KeyMismatch),
    ("the KEK is elsewhere", where("kmsKeyId", kmsKeyId="theirs"), errors.KeyMismatch),
    (
        "the KEK has an alternate",
        where("kmsKeyId", kmsProps={"encrypt.alternate.kms.key.ids": "x"}),
        errors.KeyMismatch,
    ),
    ("the KEK is the registry's", where("kmsKeyId", shared=True), errors.KeyMismatch),
    ("the key is one it knows", where("kekName", keyMaterial=KNOWN_KEY), errors.KeyMismatch),
    ("the key is another", where("kekName", encryptedKeyMaterial=another_key()), errors.KeyMismatch),
    ("the key is of another subject", where("kekName", subject="other"), errors.KeyMismatch),
    ("the key is of another algorithm", where("kekName", algorithm="AES128_GCM"), errors.KeyMismatch),
    ("the key is a person's", where("kekName", version=2**20 + 5), errors.KeyMismatch),
    ("the key is no key", where("kekName", encryptedKeyMaterial="AAAA"), errors.EncryptionError),
    ("the key is none", where("kekName", encryptedKeyMaterial=""), errors.KeyMissing),
    ("the lease is no number", where("rotate", uses="all"), None),
    ("the lease is for ever", where("rotate", uses=2**60), None),
    ("no key may be used any more", where("rotate", uses=0, rotate=True), errors.KeyNotReady),
]


@pytest.mark.parametrize(("name", "lie", "kind"), LIES, ids=[each[0] for each in LIES])
def test_registry_lying(outside: Outside, name: str, lie: Any, kind: Any) -> None:
    """To a producer that says which schema it writes, what must be sealed, and under what."""
    subject = registered(outside, f"lie {name}", "SEAL")
    given: dict[str, Any] = {"schema": sealing("SEAL"), "must_encrypt": ["PII"]}
    message = outside.sent(outside.registry().events(subject, **given))
    outside.line.lie = lie
    trusting = {"trusted": ("test-kms://k",)}
    liar = outside.registry(keys=trusting)
    if kind is None:  # it changes nothing, and what goes out is sealed
        outside.sent(liar.events(subject, **given))
    else:
        outside.refused(kind, lambda: liar.events(subject, **given))
    received = receiving(outside.registry(keys=trusting), subject)
    record = Record(message.value, message.headers)
    try:
        outcome = received.consumer.process(record)
    except errors.Unprocessed as error:
        outside.left.append(str(error).encode())  # it comes again
    else:
        assert outcome in (Outcome.HANDLED, Outcome.QUARANTINED)
        if outcome is Outcome.QUARANTINED:
            whole(received, message.value, message.headers)
        elif received.handled != [EVENT]:  # who is told of no rules gets what is sealed, as it is
            outside.left.append(repr(received.handled).encode())
    outside.line.lie = None
    received = receiving(outside.registry(), subject)
    assert received.consumer.process(record) is Outcome.HANDLED
    assert received.handled == [EVENT]


# --- a wrong key -----------------------------------------------------------------------------------------------------


@EACH_TYPE
def test_wrong_key(outside: Outside, type_: str) -> None:
    subject = registered(outside, f"wrong-{type_.lower()}", type_, **{"encrypt.dek.expiry.days": 30})
    message = outside.sent(outside.registry().events(subject))
    stranger = KeySystem("a stranger's")
    outside.refused(errors.AuthenticationFailed, lambda: outside.registry(systems=stranger).events(subject))
    received = receiving(outside.registry(systems=stranger), subject)
    assert received.consumer.process(Record(message.value, message.headers)) is Outcome.QUARANTINED
    assert received.aside[0].verdict.reason == "AUTH_FAILED"
    back = received.aside[0]
    right = receiving(outside.registry(), subject)
    assert right.consumer.process(Record(back.value, restored(back.headers))) is Outcome.HANDLED
    assert right.handled == [EVENT]


# --- swapped fields --------------------------------------------------------------------------------------------------


def swapped(value: bytes) -> bytes:
    """The record with two of its sealed fields in each other's place."""
    schema = fastavro.parse_schema(json.loads(AVRO))
    event: Any = fastavro.schemaless_reader(BytesIO(value[5:]), schema, None)
    event["token"], event["other"] = event["other"], event["token"]
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, event)
    return value[:5] + out.getvalue()


def test_swapped_fields(outside: Outside) -> None:
    subject = registered(outside, "swapped", "SEAL")
    message = outside.sent(outside.registry().events(subject))
    received = receiving(outside.registry(), subject)
    value = swapped(message.value or b"")
    assert received.consumer.process(Record(value, message.headers)) is Outcome.QUARANTINED
    assert received.aside[0].verdict.reason == "AUTH_FAILED"
    whole(received, value, message.headers)
    # Confluent's layout cannot know its place, by design: a reason for SEAL.
    subject = registered(outside, "swapped-compat", "ENCRYPT")
    message = outside.sent(outside.registry().events(subject))
    codec = outside.registry().events(subject)
    changed = codec.decode(swapped(message.value or b"")).data
    assert changed == {**EVENT, "token": EVENT["other"], "other": EVENT["token"]}


# --- replayed ciphertext ---------------------------------------------------------------------------------------------


def test_replayed_ciphertext(outside: Outside) -> None:
    first, second = (
        registered(outside, name, "SEAL", **{"tenor.bind": "key"}) for name in ("replay-one", "replay-two")
    )
    message = outside.sent(outside.registry().events(first), record_key=b"k1")
    value, headers = message.value or b"", message.headers
    # Even where somebody has copied the key to the other subject.
    deks = f"{outside.url}/dek-registry/v1/keks/ours/deks"
    dek = httpx.get(f"{deks}/{first}").json()
    copied = {name: dek[name] for name in ("encryptedKeyMaterial", "algorithm", "version")}
    assert httpx.post(f"{deks}/{second}", json=copied).status_code == 200
    for subject, key, keys in ((first, b"k2", {}), (second, b"k1", {}), (first, b"k1", {"tenant": "another"})):
        received = receiving(outside.registry(keys=keys), subject)
        assert received.consumer.process(Record(value, headers, key)) is Outcome.QUARANTINED, subject
        assert received.aside[0].verdict.reason == "AUTH_FAILED"
        whole(received, value, headers)
    # The same record again is the same event: it is handled once.
    received = receiving(outside.registry(), first, seen=SeenInMemory())
    outcomes = [received.consumer.process(Record(value, headers, b"k1")) for _ in range(3)]
    assert outcomes == [Outcome.HANDLED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert received.handled == [EVENT]


# --- truncated frames ------------------------------------------------------------------------------------------------


@EACH_TYPE
@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
def test_truncated_frames(outside: Outside, type_: str, framing: str) -> None:
    subject = registered(outside, f"cut-{type_.lower()}-{framing}", type_)
    registry = outside.registry()
    message = outside.sent(registry.events(subject, framing=framing))
    value = message.value or b""
    received = receiving(registry, subject)
    head = value[: 0 if framing == "guid-header" else 5]
    ill = [*(value[:cut] for cut in range(len(value))), value + b"x", head + bytes(40), head + b"\xff" * 100_000]
    for bad in ill:
        assert received.consumer.process(Record(bad, message.headers)) is Outcome.QUARANTINED, len(bad)
        whole(received, bad, message.headers)
    for at in range(len(head), len(value), 3):
        flipped = value[:at] + bytes([value[at] ^ 0x40]) + value[at + 1 :]
        record = Record(flipped, message.headers)
        if received.consumer.process(record) is Outcome.HANDLED:  # of what is not sealed every text is as good
            data = received.handled.pop()
            assert {**data, "id": "c-1"} == EVENT
            assert not type_.endswith("PAYLOAD")
        else:
            whole(received, flipped, message.headers)
    if framing == "guid-header":
        guid = dict(message.headers)["__value_schema_id"]
        for cut in range(len(guid)):
            headers = [(name, guid[:cut] if name == "__value_schema_id" else text) for name, text in message.headers]
            assert received.consumer.process(Record(value, headers)) is Outcome.QUARANTINED
            whole(received, value, headers)
    assert received.handled == []


# --- one byte, and 100 MB --------------------------------------------------------------------------------------------


@EACH_TYPE
def test_one_byte(outside: Outside, type_: str) -> None:
    subject = registered(outside, f"byte-{type_.lower()}", type_)
    registry = outside.registry()
    producer = registry.events(subject, framing="guid-header")
    tiny = {"id": "", "email": "x", "token": b"", "other": b"\x00"}
    message = outside.sent(producer, tiny)
    assert producer.decode(message.value, message.headers).data == tiny
    received = receiving(registry, subject)
    for byte in range(256):
        for headers in ([], message.headers):
            assert received.consumer.process(Record(bytes([byte]), headers)) is Outcome.QUARANTINED
            whole(received, bytes([byte]), headers)
    assert received.consumer.process(Record(b"", message.headers)) is Outcome.QUARANTINED
    assert received.handled == []


@pytest.mark.parametrize("type_", ["ENCRYPT", "SEAL_PAYLOAD"])
def test_hundred_megabytes(outside: Outside, type_: str) -> None:
    subject = registered(outside, f"large-{type_.lower()}", type_)
    registry = outside.registry()
    event = {**EVENT, "token": EVENT["token"] + bytes(100_000_000)}
    producer = registry.events(subject)
    message = producer.encode(event)
    value = message.value or b""
    assert len(value) > 100_000_000
    assert EVENT["token"] not in value
    assert producer.decode(value, message.headers).data == event
    received = receiving(registry, subject)
    assert received.consumer.process(Record(value[:-1], message.headers)) is Outcome.QUARANTINED
    bounded = registry.events(subject, sanitise=Sanitise())
    outside.refused(errors.InvalidEvent, lambda: bounded.encode(event), "max_bytes|bytes")


# --- decompression bombs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_decompression_bombs_in_values(outside: Outside, algorithm: str) -> None:
    subject = registered(outside, f"bomb-{algorithm}", "SEAL")
    registry = outside.registry()
    bomb, _ = Compression(algorithm, limit=2**30).compress(bytes(50_000_000))
    reader = registry.events(subject, compression=Compression(None, limit=1_000_000))
    headers = [("content-encoding", algorithm.encode())]
    outside.refused(errors.Undecodable, lambda: reader.decode(bomb, headers), "more than 1000000 bytes")
    small, _ = Compression(algorithm).compress(bytes(5000))
    for cut in (small[:-1], b"nonsense"):
        outside.refused(errors.Undecodable, partial(reader.decode, cut, headers), f"no {algorithm}")
    outside.refused(errors.Undecodable, lambda: reader.decode(bomb, [("Content-Encoding", b"br")]), "unknown")
    # Who was not told to decompress does not: the bytes are no frame.
    received = receiving(registry, subject)
    assert received.consumer.process(Record(bomb, headers)) is Outcome.QUARANTINED
    whole(received, bomb, headers)


def test_decompression_bombs_in_sealed_bodies(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """By somebody who has the key."""
    subject = registered(outside, "bomb-sealed", "SEAL_PAYLOAD", **{"tenor.compress": "zstd"})
    producer = outside.registry().events(subject)
    bomb = bytes(cramjam.zstd.compress(bytes(200_000_000)))
    received = receiving(outside.registry(), subject)
    for claim in (10, 2**20, 2**40):
        with monkeypatch.context() as patched:
            patched.setattr(seal, "compressed", lambda data, claim=claim: seal.varint(claim) + bomb)
            message = outside.sent(producer)
        assert received.consumer.process(Record(message.value, message.headers)) is Outcome.QUARANTINED
        whole(received, message.value, message.headers)
    message = outside.sent(producer)
    assert received.consumer.process(Record(message.value, message.headers)) is Outcome.HANDLED


def test_bodies_that_claim_more_than_they_hold(outside: Outside) -> None:
    """A list of nothings costs a byte, and as many objects as it says."""
    nothings = json.dumps({"type": "array", "items": "null"})
    registry = outside.registry()
    registry.register("claims-value", Schema(nothings))
    producer = registry.events("claims-value")
    head = (outside.sent(producer, [None]).value or b"")[:5]
    received = receiving(registry, "claims-value")
    for count in (
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x80\x80\x80\x80\x20",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ):
        value = head + count + b"\x00"
        assert received.consumer.process(Record(value, [])) is Outcome.QUARANTINED
        whole(received, value, [])


# --- headers that would switch rules off -----------------------------------------------------------------------------


STEERING: list[tuple[str, bytes]] = [
    ("__rule.name", b"seal"),
    ("__rule.name", b""),
    ("__rule.exception", b"x"),
    ("content-type", b"application/octet-stream"),
    ("ce_dataschema", b"http://elsewhere/schemas/ids/1"),
    ("ce_specversion", b"0.1"),
    ("confluent.value.schemaId", b"1"),
    ("content-encoding", b"zstd"),
]


@EACH_TYPE
@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
def test_headers_that_would_switch_rules_off(outside: Outside, type_: str, framing: str) -> None:
    subject = registered(outside, f"headers-{type_.lower()}-{framing}", type_)
    registry = outside.registry()
    plain = registry.register(f"plain-{type_.lower()}-{framing}", Schema(BARE))
    assert plain.guid is not None
    guid = b"\x01" + bytes.fromhex(plain.guid.replace("-", ""))
    producer = registry.events(subject, framing=framing)
    received = receiving(registry, subject)
    # What a job forwards with its input steers neither the writing nor who reads it.
    message = outside.sent(producer, headers=[*STEERING, ("__value_schema_id", guid), ("trace", b"t")])
    assert b"ada@" not in (message.value or b"")
    assert dict(message.headers)["trace"] == b"t"
    unpacking = registry.events(subject, decode_only=True, compression=Compression(None))
    assert unpacking.decode(message.value, message.headers).data == EVENT
    assert received.consumer.process(Record(message.value, message.headers)) is Outcome.HANDLED
    assert received.handled == [EVENT]
    # Nor does what somebody put beside a record on its way.
    message = outside.sent(producer)
    for header in STEERING:
        assert received.consumer.process(Record(message.value, [header, *message.headers])) is Outcome.HANDLED
        assert received.handled.pop() == EVENT
    steered = [("__value_schema_id", guid), *((n, v) for n, v in message.headers if n != "__value_schema_id")]
    if received.consumer.process(Record(message.value, steered)) is Outcome.HANDLED:
        outside.left.append(repr(received.handled.pop()).encode())  # read as a schema without rules: still sealed
    else:
        whole(received, message.value, steered)


# --- clock skew ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [400, -400])
def test_clock_skew(outside: Outside, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = registered(outside, f"skew-{days}", "SEAL", **{"encrypt.dek.expiry.days": 1})
    before = outside.sent(outside.registry().events(subject))
    later(monkeypatch, days)
    registry = outside.registry(keys={"ttl": 0.0})
    for _ in range(5):
        message = outside.sent(registry.events(subject))
        assert registry.events(subject, decode_only=True).decode(message.value, message.headers).data == EVENT
    # One that is ahead renews once, and then knows by how much; one that is behind renews nothing.
    assert dek_versions(outside, subject) == ([1, 2] if days > 0 else [1])
    monkeypatch.undo()
    received = receiving(outside.registry(), subject)
    for each in (before, message):
        assert received.consumer.process(Record(each.value, each.headers)) is Outcome.HANDLED
    assert received.handled == [EVENT, EVENT]


# --- two producers that rotate at once -------------------------------------------------------------------------------


@EACH_TYPE
def test_producers_that_rotate_at_once(outside: Outside, type_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because the key is too old, and because its uses are spent."""
    monkeypatch.setattr(keys_module, "WAITS", 200)  # on a machine under load, too, one makes it and the others wait
    params = {"encrypt.dek.expiry.days": 1, "tenor.dek.max.uses": 4000}
    subject = registered(outside, f"rotating-{type_.lower()}", type_, **params)
    messages = [outside.sent(outside.registry().events(subject))]
    later(monkeypatch, 3)
    registries = [outside.registry() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        codecs = list(pool.map(lambda registry: registry.events(subject), registries))
    assert outside.systems.wraps == len(dek_versions(outside, subject))  # one paid for each
    versions = {_version(codec) for codec in codecs}
    assert min(versions) >= 2  # nobody stayed on the old one
    barrier = threading.Barrier(len(codecs))

    def write(codec: tenor.Codec) -> list[tenor.Message]:
        barrier.wait()
        return [codec.encode(EVENT) for _ in range(600)]

    with ThreadPoolExecutor(8) as pool:
        for written in pool.map(write, codecs):
            outside.left += [message.value or b"" for message in written]
            messages += written[::150]
    assert outside.systems.wraps == len(dek_versions(outside, subject))
    received = receiving(outside.registry(), subject)
    for message in messages:
        assert received.consumer.process(Record(message.value, message.headers)) is Outcome.HANDLED
    assert received.handled == [EVENT] * len(messages)


def _version(codec: tenor.Codec) -> int:
    sealing = codec._writing.compiled.sealing
    assert sealing is not None
    (cell,) = sealing._ring.cells()
    assert cell.held is not None
    return cell.held.key.version
