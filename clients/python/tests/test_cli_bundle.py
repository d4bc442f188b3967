"""The verbs of bundles and of the quarantine, run in process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from bundles import KEY, PUBLIC, bytes_of, key_pair
from confluent_kafka import Consumer, Producer, TopicPartition
from fake_keys import FakeKeys
from fake_registry import FakeRegistry, error
from sealing import CUSTOMER, KMS, rule, rules

import tenor
from tenor.bundle import Bundle
from tenor.cli import connection, main
from tenor.consuming import Failure, Reason, Record, Stage, quarantined
from tenor.consuming.file import FileQuarantine
from tenor.integrations import kafka

SCHEMA = '{"type": "record", "name": "a.Order", "fields": [{"name": "line", "type": "a.Line"}]}'
LINE = '{"type": "record", "name": "a.Line", "fields": []}'


Run = Callable[..., Any]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeKeys:
    fake = FakeKeys()

    def registry(url: Any, **options: Any) -> tenor.Registry:
        options["retry"] = tenor.Retry(rounds=1)
        return tenor.Registry(url, http=httpx.Client(transport=httpx.MockTransport(fake)), **options)

    monkeypatch.setattr(connection, "Registry", registry)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENOR_URL", raising=False)
    return fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Any:
        code, captured = main(arguments), capsys.readouterr()
        document = json.loads(captured.out) if "json" in arguments else None
        return SimpleNamespace(code=code, out=captured.out, err=captured.err, json=document)

    return run


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(KEY)
    (tmp_path / "pub.pem").write_bytes(PUBLIC)
    (tmp_path / "other.pem").write_bytes(key_pair(2)[1])
    return tmp_path


def test_a_bundle_is_created_verified_and_shown(run: Run, fake: FakeRegistry, keys: Path) -> None:
    fake.add("line-value", LINE)
    fake.add("orders-value", SCHEMA, references=[{"name": "a.Line", "subject": "line-value", "version": 1}])
    fake.add("other-value", LINE)
    ran = run("bundle", "create", "orders-value", "--key", "key.pem", "--out", "x.bundle")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("x.bundle: 2 schemas of 1 subjects")
    assert run("bundle", "verify", "x.bundle", "--trusted", "pub.pem").code == 0
    shown = run("bundle", "show", "x.bundle")
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == ["SUBJECT", "line-value", "orders-value"]
    assert run("bundle", "show", "x.bundle", "--output", "json").json["registry"] == "http://localhost:8081"
    http = httpx.Client(transport=httpx.MockTransport(FakeRegistry(failures=[httpx.ConnectError("gone")] * 99)))
    bundle = Bundle.read(keys / "x.bundle", PUBLIC)
    registry = tenor.Registry("http://gone.test", http=http, retry=tenor.Retry(rounds=1), bundle=bundle)
    orders = registry.events("orders-value")
    assert orders.decode(orders.encode({"line": {}}).value).data == {"line": {}}
    with pytest.raises(tenor.Unreachable):
        registry.events("line-value")  # taken along for its sake, and no answer for the newest


def test_bundles_by_prefix_and_by_topic(run: Run, fake: FakeRegistry, keys: Path) -> None:
    fake.add("orders-value", LINE)
    fake.add("shop", LINE)
    fake.associations["sales", "value"] = "shop"
    made = run(
        "bundle", "create", "--prefix", "ord", "--topic", "sales", "--key", "key.pem", "--out", "x", "--output", "json"
    )
    assert made.json["subjects"] == ["orders-value", "shop"]
    assert Bundle.read(keys / "x", PUBLIC).associations == {("sales", "value"): "shop"}


def test_wrapped_keys_are_taken_along_and_listed_without_material(
    monkeypatch: pytest.MonkeyPatch, run: Run, keys: Path, fake: FakeKeys
) -> None:
    params = {"encrypt.dek.expiry.days": 30}
    fake.add("c", CUSTOMER, ruleSet=rules(rule(params=params)))
    fake.add("d", CUSTOMER, ruleSet=rules(rule(params={**params, "encrypt.kek.name": "ours"})))
    fake.add("e", CUSTOMER, ruleSet=rules(rule(params={**params, "encrypt.kek.name": "nobody made it"})))
    fake.keks["ours"] = {"name": "ours", "kmsType": "local-kms", "kmsKeyId": "mykey", "shared": True}
    http = httpx.Client(transport=httpx.MockTransport(fake))
    producer = tenor.Registry("http://r.test", http=http, keys=tenor.Keys(kms=KMS))
    for subject in ("c", "d"):
        producer.events(subject)
    fake.deks["kek1", "c", "AES256_GCM", 2**20 + 1] = dict(fake.deks["kek1", "c", "AES256_GCM", 1])
    create = ["bundle", "create", "c", "d", "e", "--key", "key.pem", "--out", "x", "--output", "json"]
    assert run(*create, "--without-keys").json["keys"] == 0
    made = run(*create)
    assert (made.code, made.json["schemas"], made.json["keys"]) == (0, 3, 1), made.err
    assert run("bundle", "verify", "x", "--trusted", "pub.pem", "--output", "json").json["keys"] == 1
    shown = run("bundle", "show", "x")
    assert shown.out.splitlines()[-1] == "c: AES256_GCM keys 1, wrapped by kek1"
    listed = run("bundle", "show", "x", "--output", "json")
    assert listed.json["keys"] == [{"kek": "kek1", "subject": "c", "algorithm": "AES256_GCM", "versions": [1]}]
    wrapped = fake.deks["kek1", "c", "AES256_GCM", 1]["encryptedKeyMaterial"]
    assert wrapped in (keys / "x").read_text(encoding="utf-8")
    assert wrapped not in listed.out + shown.out
    bundle = Bundle.read(keys / "x", PUBLIC)
    assert sorted(name for _, name in bundle.keys.keks) == ["kek1", "ours"]
    fake.lies = lambda body: {**body, "keyMaterial": "c2VjcmV0"} if "kekName" in body else body
    assert run(*create).code == 0
    assert "c2VjcmV0" not in (keys / "x").read_text(encoding="utf-8")
    # Keys that the token does not release are no reason to make a bundle that lacks them.
    fake.lies = lambda body: body
    honest = fake.route
    monkeypatch.setattr(
        fake,
        "route",
        lambda method, segments, query, body: (
            error(403, 40301, "The caller may not release dek:c")
            if "deks" in segments
            else honest(method, segments, query, body)
        ),
    )
    refused = run(*create)
    assert (refused.code, "release dek:c" in refused.json["error"]["message"]) == (4, True), refused.json


REFUSED: list[tuple[list[str], int, str]] = [
    (["create", "s", "--out", "x"], 2, "--key"),
    (["create", "--key", "key.pem", "--out", "x"], 2, "no subject"),
    (["create", "s", "--key", "gone.pem", "--out", "x"], 2, "cannot read gone.pem"),
    (["create", "s", "--key", "pub.pem", "--out", "x"], 4, "no unencrypted private key"),
    (["create", "s", "--key", "key.pem", "--out", "no/x"], 2, "cannot write"),
    (["create", "s", "--key", "key.pem", "--days", "0", "--out", "x"], 2, "--days"),
    (["create", "gone", "--key", "key.pem", "--out", "x"], 2, "no versions"),
    (["verify", "good", "--trusted", "other.pem"], 1, "not that of the trusted key"),
    (["verify", "bad", "--trusted", "pub.pem"], 1, "does not begin"),
    (["verify", "gone", "--trusted", "pub.pem"], 2, "cannot read gone"),
    (["verify", "good", "--trusted", "bad"], 2, "no public key"),
    (["show", "bad"], 2, "is no bundle"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "said"), REFUSED, ids=lambda case: " ".join(case) if isinstance(case, list) else None
)
def test_what_cannot_be_is_refused(
    run: Run,
    fake: FakeRegistry,
    keys: Path,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    fake.add("s", LINE)
    (keys / "good").write_bytes(bytes_of(fake))
    (keys / "bad").write_bytes(b"nonsense")
    ran = run("bundle", *arguments)
    assert (ran.code, said in ran.err, ran.out) == (code, True, ""), ran.err
    assert run("bundle", *arguments, "--output", "json").json["error"]["exit_code"] == code


# --- re-drive ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """librdkafka's mock cluster."""
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1, "log_level": 0})
    yield ",".join(f"{each.host}:{each.port}" for each in producer.list_topics(timeout=10).brokers.values())
    del producer


def poison(topic: str, value: bytes = b"v", reason: Reason = Reason.HANDLER) -> Any:
    position = {"topic": topic, "partition": "1", "offset": "7"} if topic else {}
    record = Record(value, [("ce_id", b"1"), ("none", None)], b"key", position)
    failure = Failure(Stage.HANDLER, ValueError(), reason, "ValueError")
    return quarantined(record, failure, consumer="b", time="t", attempts=1)


def read(brokers: str, topic: str, count: int) -> list[Record]:
    """What is in a topic; assigned, because joining a group takes the mock cluster three seconds."""
    client = Consumer({"bootstrap.servers": brokers, "group.id": "x", "auto.offset.reset": "earliest"})
    partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
    client.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Record] = []
    while len(found) < count:
        message = client.poll(10)
        assert message is not None, f"{len(found)} of {count} came"
        assert message.error() is None
        found.append(kafka.record(message))
    client.close()
    return found


def test_a_file_is_sent_again_once(run: Run, brokers: str, tmp_path: Path) -> None:
    topic = f"orders{uuid.uuid4().hex}"
    file = FileQuarantine(tmp_path / "q.jsonl")
    for each in (poison(topic, b"1"), poison(topic, b"2", Reason.INVALID), poison(topic, b"3")):
        file(each)
    arguments = ["redrive", str(file.path), "--kafka", brokers]
    assert run(*arguments, "--dry-run").out == f"would send 3 to {topic}\n"
    assert run(*arguments, "--reason", "HANDLER", "--limit", "1").out == f"sent 1 to {topic}\n"
    assert run(*arguments, "--output", "json").json == {
        "$schema": "urn:tenor:output:redrive:1",
        "sent": {topic: 2},
        "without_topic": 0,
        "dry_run": False,
    }
    assert run(*arguments).out == "nothing to send\n"
    records = read(brokers, topic, 3)
    assert sorted(record.value or b"" for record in records) == [b"1", b"2", b"3"]
    assert records[0].key == b"key"
    assert [*(records[0].headers or ())] == [("ce_id", b"1"), ("none", None), ("tenor-redriven", b"1")]


def test_a_topic_is_sent_again(run: Run, brokers: str) -> None:
    topic, dead = f"orders{uuid.uuid4().hex}", f"dead{uuid.uuid4().hex}"
    keep = kafka.quarantine(Producer({"bootstrap.servers": brokers}), dead)
    keep(poison(topic, b"1"))
    keep(poison(topic, b"2", Reason.INVALID))
    arguments = ["redrive", "--topic", dead, "--kafka", brokers, "--wait", "4.5"]
    ran = run(*arguments, "--reason", "INVALID")
    assert (ran.code, ran.out) == (0, f"sent 1 to {topic}\n")
    assert [record.value for record in read(brokers, topic, 1)] == [b"2"]


def test_what_comes_back_is_not_sent_round_and_round(run: Run, brokers: str) -> None:
    topic = f"dead{uuid.uuid4().hex}"
    kafka.quarantine(Producer({"bootstrap.servers": brokers}), topic)(poison(topic))
    ran = run("redrive", "--topic", topic, "--kafka", brokers, "--group", topic, "--wait", "4.5", "--limit", "5")
    assert (ran.code, ran.out) == (0, f"sent 1 to {topic}\n")


def test_a_topic_is_never_passed_over(run: Run, brokers: str) -> None:
    dead = f"dead{uuid.uuid4().hex}"
    kafka.quarantine(Producer({"bootstrap.servers": brokers}), dead)(poison("", b"1"))
    ran = run("redrive", "--topic", dead, "--kafka", brokers, "--wait", "4.5")
    assert (ran.code, "say --to" in ran.err) == (4, True)


def test_a_record_without_a_place_needs_to_be_told_one(run: Run, brokers: str, tmp_path: Path) -> None:
    file = FileQuarantine(tmp_path / "q.jsonl")
    file(poison(""))
    arguments = ["redrive", str(file.path), "--kafka", brokers]
    ran = run(*arguments)
    assert (ran.code, "say --to" in ran.err) == (4, True)
    assert len(list(file.pending())) == 1
    topic = f"t{uuid.uuid4().hex}"
    assert run(*arguments, "--to", topic).out == f"sent 1 to {topic}\n"


def test_brokers_that_are_gone_leave_the_record_where_it_is(run: Run, tmp_path: Path) -> None:
    file = FileQuarantine(tmp_path / "q.jsonl")
    file(poison("orders"))
    gone = ["--kafka", "127.0.0.1:1", "--set", "message.timeout.ms=200", "--set", "log_level=0"]
    ran = run("redrive", str(file.path), *gone)
    assert ran.code == 4
    assert len(list(file.pending())) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a FILE or a --topic"),
        (["q", "--topic", "t"], "name a FILE or a --topic"),
        (["gone.jsonl"], "there is no file"),
        (["q", "--limit", "0"], "--limit"),
        (["q", "--set", "x"], "not NAME=VALUE"),
        (["q", "--reason", "ODD"], "--reason"),
    ],
    ids=repr,
)
def test_a_redrive_that_makes_no_sense_is_refused(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q").touch()
    ran = run("redrive", *arguments, "--kafka", "127.0.0.1:1")
    assert (ran.code, said in ran.err) == (2, True), ran.err
