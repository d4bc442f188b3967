"""Apache Avro on the JVM reads what Tenor writes, Tenor reads what it writes, and both judge schemas alike.

`jvm/` is a program on Avro and on the interfaces of Kafka's clients: it knows the two framings and fetches schemas by
id and by guid from a served registry. It says of each scalar which type it is, so that nothing is compared loosely.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from registry import examine
from tenor import Registry, wire
from tenor.schemas import AVRO, Reference, Schema
from tenor.testing.samples import unpacking
from tests.legs import JVM_JARS, JVM_PROJECT

pytestmark = pytest.mark.jvm

LINE = {
    "type": "record",
    "name": "Line",
    "namespace": "shop",
    "fields": [{"name": "sku", "type": "string"}, {"name": "count", "type": "int"}],
}


def logical(kind: str, meaning: str, **more: Any) -> Any:
    return {"type": kind, "logicalType": meaning, **more}


ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": logical("string", "uuid")},
        {"name": "amount", "type": logical("bytes", "decimal", precision=12, scale=2)},
        {"name": "rate", "type": logical("fixed", "decimal", name="Rate", size=4, precision=9, scale=4)},
        {"name": "at", "type": logical("long", "timestamp-micros")},
        {"name": "seen", "type": ["null", logical("long", "timestamp-millis")]},
        {"name": "local", "type": logical("long", "local-timestamp-millis")},
        {"name": "day", "type": logical("int", "date")},
        {"name": "time", "type": logical("int", "time-millis")},
        {"name": "raw", "type": "bytes"},
        {"name": "mark", "type": ["null", {"type": "fixed", "name": "Mark", "size": 4}]},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["OPEN", "PAID", "GONE"]}},
        {"name": "lines", "type": {"type": "array", "items": "shop.Line"}},
        {"name": "totals", "type": {"type": "map", "values": "double"}},
        {"name": "choice", "type": ["null", "boolean", "string", "shop.Line", {"type": "array", "items": "long"}]},
        {"name": "ratio", "type": "float"},
        {"name": "big", "type": "long"},
    ],
}
NEWER_LINE = {
    "type": "record",
    "name": "Line",
    "namespace": "shop",
    "fields": [
        {"name": "count", "type": "long"},
        {"name": "code", "type": "string", "aliases": ["sku"]},
        {"name": "unit", "type": "string", "default": "piece"},
    ],
}
NEWER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "lines", "type": {"type": "array", "items": NEWER_LINE}},
        {"name": "first", "type": "shop.Line", "default": {"count": 1, "code": "none"}},
        {"name": "ratio", "type": "double"},
        {"name": "big", "type": "double"},
        {
            "name": "status",
            "type": {"type": "enum", "name": "Status", "symbols": ["PAID", "OPEN", "NEW"], "default": "NEW"},
        },
        {"name": "at", "type": logical("long", "timestamp-micros")},
        {"name": "marked", "type": ["null", {"type": "fixed", "name": "Mark", "size": 4}], "aliases": ["mark"]},
        # Of ["string", "bytes"] Java takes the branch of the same type, fastavro the first that resolves.
        {"name": "raw", "type": ["bytes", "string"]},
        {"name": "tags", "type": {"type": "map", "values": "int"}, "default": {"a": 1}},
        {"name": "secret", "type": "bytes", "default": "\u00ff\u0000"},
    ],
}
TOPIC, SUBJECT = "jvm-orders", "jvm-orders-value"


class Jvm:
    """The program, asked a line at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, **question: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "it ended"}')
        assert "error" not in answer, answer
        return answer


@pytest.fixture(scope="module")
def tenor(registry: httpx.Client) -> Iterator[Registry]:
    with Registry(str(registry.base_url)) as client:
        client.register("jvm-line", Schema(json.dumps(LINE)))
        yield client


@pytest.fixture(scope="module")
def jvm(registry: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jvm]:
    classes = tmp_path_factory.mktemp("classes")
    path = f"{JVM_JARS}/*"
    sources = sorted(map(str, JVM_PROJECT.glob("*.java")))
    subprocess.run(["javac", "-Xlint:all,-classfile", "-Werror", "-cp", path, "-d", str(classes), *sources], check=True)
    with subprocess.Popen(
        ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{classes}:{path}", "Main", str(registry.base_url)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        yield Jvm(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def told(value: Any) -> Any:
    """An event as the program tells it."""
    match value:
        case None:
            return None
        case dict():
            return {key: told(item) for key, item in value.items()}
        case list():
            return [told(item) for item in value]
        case bool():
            return f"boolean:{str(value).lower()}"
        case int():
            return f"int:{value}"
        case float():
            return f"float:{struct.unpack('>Q', struct.pack('>d', value))[0]:x}"
        case bytes():
            return f"bytes:{b64(value)}"
        case Decimal():
            return f"decimal:{value:f}"
        case UUID():
            return f"uuid:{value}"
        case datetime():
            kind, epoch = ("instant", _EPOCH) if value.tzinfo else ("local", _EPOCH.replace(tzinfo=None))
            return f"{kind}:{(value - epoch) // timedelta(microseconds=1)}"
        case date():
            return f"date:{value.isoformat()}"
        case time():
            seconds = (value.hour * 60 + value.minute) * 60 + value.second
            return f"time:{seconds * 1_000_000 + value.microsecond}"
    return f"text:{value}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def samples(codec: Any, count: int) -> list[Any]:
    """Valid events of the order's schema, as the codec takes them."""
    data = {
        "format": AVRO,
        "text": json.dumps(ORDER),
        "references": [["shop.Line", {"text": json.dumps(LINE), "references": []}]],
    }
    return [*map(unpacking(codec._writing.body), (each["event"] for each in examine.sample(data, count, 7)))]


def order_schema() -> Schema:
    return Schema(json.dumps(ORDER), AVRO, (Reference("shop.Line", "jvm-line", 1),))


@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
def test_java_reads_what_tenor_writes(jvm: Jvm, tenor: Registry, framing: str, full: bool) -> None:
    codec = tenor.events(SUBJECT, schema=order_schema(), register=True, framing=framing)
    passed = 0
    for event in samples(codec, 1000 if full else 100):
        message = codec.encode(event)
        assert message.value is not None
        header = wire.schema_header(message.headers)
        assert (header is None) == (framing == "id-prefix")
        answer = jvm.ask(do="read", value=b64(message.value), header=None if header is None else b64(header))
        read = codec.decode(message.value, message.headers).data
        assert answer["told"] == told(read)
        head, body = (b"", message.value) if header else (message.value[:5], message.value[5:])
        again = base64.b64decode(answer["again"])
        if again != body:  # a map has no order
            assert told(codec.decode(head + again, message.headers).data) == told(read)
        passed += 1
    assert passed >= 60


def test_java_resolves_as_tenor_does(jvm: Jvm, tenor: Registry) -> None:
    writer = tenor.events(SUBJECT, schema=order_schema(), register=True)
    reader = tenor.events("jvm-newer", schema=Schema(json.dumps(NEWER)), register=True)
    seen = set()
    for event in samples(writer, 100):
        message = writer.encode(event)
        assert message.value is not None
        answer = jvm.ask(do="read", value=b64(message.value), reader=json.dumps(NEWER))
        resolved = reader.decode(message.value).data
        assert answer["told"] == told(resolved)
        seen.add(resolved["status"])
    assert seen == {"PAID", "OPEN", "NEW"}


@pytest.mark.parametrize("in_header", [False, True])
def test_tenor_reads_what_java_writes(jvm: Jvm, tenor: Registry, in_header: bool) -> None:
    whole = json.loads(json.dumps(ORDER).replace('"shop.Line"', json.dumps(LINE), 1))
    answer = jvm.ask(do="write", topic="jvm-written", schema=json.dumps(whole), inHeader=in_header)
    value = base64.b64decode(answer["value"])
    assert value[:1] == b"\x00" or in_header
    headers = [] if answer["header"] is None else [("__value_schema_id", base64.b64decode(answer["header"]))]
    assert len(headers) == in_header
    codec = tenor.events("jvm-written-value")
    read = codec.decode(value, headers).data
    assert told(read) == answer["told"]
    assert read["amount"] == Decimal("-1234567.89")
    assert read["at"] == datetime(2026, 11, 24, 23, 59, 59, 123456, tzinfo=UTC)
    assert read["seen"] == datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert read["local"] == datetime(2026, 3, 29, 2, 30, 0, 500000)
    assert (read["day"], read["time"]) == (date(2024, 2, 29), time(23, 59, 59, 999000))
    assert (read["mark"], read["raw"], read["status"]) == (b"\x00\x01\x02\xff", b"\x80\x00", "OPEN")
    assert read["choice"] == {"sku": "ä", "count": 2}
    assert read["big"] == -(2**63)


RECORD = '{"type":"record","name":"R","fields":[%s]}'
FIELD = '{"name":"a","type":"int"}'
PAIRS = [
    # the newer schema, which reads, and the older one, which wrote
    (RECORD % FIELD, RECORD % FIELD),
    (RECORD % (FIELD + ',{"name":"b","type":"string"}'), RECORD % FIELD),
    (RECORD % (FIELD + ',{"name":"b","type":"string","default":""}'), RECORD % FIELD),
    (RECORD % "", RECORD % FIELD),
    (RECORD % '{"name":"b","type":"int","aliases":["a"]}', RECORD % FIELD),
    (RECORD % '{"name":"a","type":"long"}', RECORD % FIELD),
    (RECORD % FIELD, RECORD % '{"name":"a","type":"long"}'),
    (RECORD % '{"name":"a","type":["null","int"]}', RECORD % FIELD),
    (RECORD % FIELD, RECORD % '{"name":"a","type":["null","int"]}'),
    (RECORD % FIELD, RECORD % '{"name":"a","type":["int"]}'),
    ('"string"', '"bytes"'),
    ('"bytes"', '"string"'),
    ('"float"', '"long"'),
    ('"long"', '"float"'),
    ('{"type":"enum","name":"E","symbols":["A"]}', '{"type":"enum","name":"E","symbols":["A","B"]}'),
    ('{"type":"enum","name":"E","symbols":["A"],"default":"A"}', '{"type":"enum","name":"E","symbols":["A","B"]}'),
    ('{"type":"enum","name":"E","symbols":["A","B"]}', '{"type":"enum","name":"E","symbols":["A"]}'),
    ('{"type":"fixed","name":"F","size":4}', '{"type":"fixed","name":"F","size":5}'),
    ('{"type":"fixed","name":"F","size":4}', '{"type":"fixed","name":"G","size":4}'),
    ('{"type":"array","items":"long"}', '{"type":"array","items":"int"}'),
    ('{"type":"map","values":"int"}', '{"type":"map","values":"long"}'),
    ('["int","string"]', '["string","int"]'),
    ('["int"]', '["int","string"]'),
]


def test_both_judge_alike(jvm: Jvm, registry: httpx.Client) -> None:
    told_apart = set()
    for number, (newer, older) in enumerate(PAIRS):
        subject = f"jvm-pair-{number}"
        assert registry.post(f"/subjects/{subject}/versions", json={"schema": older}).status_code == 200
        answer = registry.post(f"/compatibility/subjects/{subject}/versions/1", json={"schema": newer})
        verdict = jvm.ask(do="verdict", reader=newer, writer=older)["verdict"]
        assert answer.json()["is_compatible"] == (verdict == "COMPATIBLE"), (newer, older)
        told_apart.add(verdict)
    assert told_apart == {"COMPATIBLE", "INCOMPATIBLE"}
