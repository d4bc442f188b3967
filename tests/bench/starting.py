"""From command to first answer, and what one process weighs once all three formats were used."""

from __future__ import annotations

import json
import tempfile
import time
from statistics import median

import httpx

from tests.bench.report import Row
from tests.bench.servers import tenor_server

SCHEMAS = {
    "AVRO": json.dumps({"type": "record", "name": "A", "fields": [{"name": "a", "type": "string"}]}),
    "JSON": json.dumps({"type": "object", "properties": {"a": {"type": "string"}}}),
    "PROTOBUF": 'syntax = "proto3";\nmessage A {\n  string a = 1;\n}\n',
}


def measure(*, smoke: bool) -> list[Row]:
    """The first start makes the database; the restarts find it."""
    first: list[float] = []
    again: list[float] = []
    memory = 0.0
    for _ in range(1 if smoke else 5):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/t.db"
            for times in (first, again):
                began = time.perf_counter()
                with tenor_server(url) as tenor:
                    times.append(time.perf_counter() - began)
                    for kind, schema in SCHEMAS.items():
                        for subject in (f"{kind}-1", f"{kind}-2"):
                            answer = httpx.post(
                                f"http://127.0.0.1:{tenor.port}/subjects/{subject}/versions",
                                json={"schema": schema, "schemaType": kind},
                                trust_env=False,
                            )
                            answer.raise_for_status()
                    memory = max(memory, tenor.memory_mb())
    return [
        Row("first start to first answer", median(first), "s", ""),
        Row("restart to first answer", median(again), "s", "<= 3"),
        Row("memory, three formats used", memory, "MB (PSS)", "<= 160", "all processes but the protoc worker"),
    ]
