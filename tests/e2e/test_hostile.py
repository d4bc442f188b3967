"""Bad input gets its code and sentence within a second or so, and the server keeps serving; acknowledged writes survive
a kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import SERVER
from tests.postgres import free_port

# Shared machines pause; what this must catch is a hang or a quadratic blow-up, which takes far longer.
PATIENCE = 5.0


def nested_avro(depth: int) -> str:
    return '{"type":"array","items":' * depth + '"int"' + "}" * depth


def nested_json(depth: int) -> str:
    return '{"properties":{"a":' * depth + "{}" + "}}" * depth


def reference_bomb(levels: int, width: int) -> str:
    definitions = {
        f"d{level}": {"allOf": [{"$ref": f"#/definitions/d{level + 1}"} for _ in range(width)]}
        for level in range(levels)
    }
    return json.dumps({"definitions": {**definitions, f"d{levels}": {"type": "string"}}, "$ref": "#/definitions/d0"})


def garbage_proto() -> str:
    return 'syntax = "proto3"; message A { ' + "".join(chr(33 + n * 7 % 90) for n in range(5000))


INVALID: dict[str, tuple[dict[str, Any], int]] = {
    "empty": ({"schema": ""}, 42201),
    "unknown format": ({"schema": "{}", "schemaType": "XML"}, 42201),
    "avro: not json": ({"schema": "{"}, 42201),
    "avro: unknown type": ({"schema": '"nope"'}, 42201),
    "avro: nesting 10,000 deep": ({"schema": nested_avro(10_000)}, 42201),
    "avro: NUL": ({"schema": '{"type":"record","name":"a\\u0000b","fields":[]}'}, 42201),
    "json: not json": ({"schema": "{", "schemaType": "JSON"}, 42201),
    "json: nesting 10,000 deep": ({"schema": nested_json(10_000), "schemaType": "JSON"}, 42201),
    "json: wrong keyword": ({"schema": '{"type": "strin"}', "schemaType": "JSON"}, 42201),
    "json: remote reference": (
        {"schema": '{"$ref": "http://127.0.0.1:9/steal"}', "schemaType": "JSON"},
        42201,
    ),
    "protobuf: garbage": ({"schema": garbage_proto(), "schemaType": "PROTOBUF"}, 42201),
    "protobuf: a file of the server": (
        {"schema": 'syntax = "proto3"; import "../../../../etc/passwd"; message A {}', "schemaType": "PROTOBUF"},
        42201,
    ),
    "protobuf: base64 of nothing": ({"schema": "AAAA", "schemaType": "PROTOBUF"}, 42201),
    "unresolvable reference": (
        {"schema": '"x"', "references": [{"name": "x", "subject": "none", "version": 1}]},
        42201,
    ),
    "schema of the wrong type": ({"schema": {"type": "string"}}, 422),
    "reference without a subject": ({"schema": '"x"', "references": [{"name": "x"}]}, 422),
    "a version beyond int32": ({"schema": '"string"', "version": 2**40}, 42201),
}


@pytest.mark.parametrize("name", INVALID)
def test_bad_input_gets_its_code_in_time(registry: httpx.Client, name: str) -> None:
    body, code = INVALID[name]
    for path in ("/subjects/hostile/versions", "/compatibility/subjects/hostile/versions/latest"):
        if "version" in body and "compatibility" in path:
            continue
        started = time.perf_counter()
        answer = registry.post(path, json=body)
        assert time.perf_counter() - started < PATIENCE
        assert answer.json()["error_code"] == code, answer.text[:500]
        assert len(answer.json()["message"]) < 2000
    assert registry.get("/").status_code == 200


def test_a_reference_bomb_and_exploding_patterns_end(registry: httpx.Client) -> None:
    started = time.perf_counter()
    bomb = {"schema": reference_bomb(30, 10), "schemaType": "JSON"}
    assert registry.post("/subjects/bomb/versions", json=bomb).status_code in (200, 422)
    evil = {"schema": json.dumps({"type": "string", "pattern": "^(a+)+$"}), "schemaType": "JSON"}
    assert registry.post("/subjects/evil/versions", json=evil).status_code == 200
    worse = {
        "schema": json.dumps({"type": "string", "pattern": "^(a|aa)+$", "default": "a" * 40 + "!"}),
        "schemaType": "JSON",
    }
    assert registry.post("/subjects/evil/versions", json=worse).status_code in (409, 422)
    assert time.perf_counter() - started < 2 * PATIENCE
    assert registry.get("/").status_code == 200


def test_a_body_past_the_limit_is_refused_by_length_and_by_count(registry: httpx.Client) -> None:
    text = b'{"schema":"' + b"x" * 20_000_000 + b'"}'
    headers = {"content-type": "application/json"}
    answer = registry.post("/subjects/big/versions", content=text, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error_code"] == 413

    def chunks() -> Any:
        for start in range(0, len(text), 1_000_000):
            yield text[start : start + 1_000_000]

    counted = registry.post("/subjects/big/versions", content=chunks(), headers=headers)
    assert counted.status_code == 413
    assert registry.get("/subjects/big/versions").json()["error_code"] == 40401


def test_a_large_schema_does_not_stop_others(registry: httpx.Client) -> None:
    fields = [{"name": f"f{n}", "type": "string", "default": "x" * 100} for n in range(5000)]
    body = {"schema": json.dumps({"type": "record", "name": "Wide", "fields": fields})}
    waits: list[float] = []
    done = threading.Event()

    def probe() -> None:
        with httpx.Client(base_url=registry.base_url, trust_env=False) as other:
            while not done.is_set():
                started = time.perf_counter()
                other.get("/").raise_for_status()
                waits.append(time.perf_counter() - started)
                time.sleep(0.01)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        assert registry.post("/subjects/wide/versions", json=body).status_code == 200
    finally:
        done.set()
        thread.join()
    assert max(waits) < PATIENCE


def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TENOR_")}
    command = [str(SERVER), "serve", "--port", str(port), "--database-url", f"sqlite:///{tmp_path}/t.db"]

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path
        )
        for _ in range(600):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200:
                    return process
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    process = start()
    acknowledged: dict[str, int] = {}
    stopping = threading.Event()

    def write(writer: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for number in range(10_000):
                if stopping.is_set():
                    return
                name = f"kill-{writer}-{number}"
                schema = json.dumps({"type": "record", "name": f"R{writer}x{number}", "fields": []})
                try:
                    answer = client.post(f"/subjects/{name}/versions", json={"schema": schema})
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    acknowledged[name] = answer.json()["id"]

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(32)]
    for thread in writers:
        thread.start()
    while len(acknowledged) < 300:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopping.set()
    for thread in writers:
        thread.join()

    process = start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for name, id in acknowledged.items():
                assert client.get(f"/subjects/{name}/versions/latest").json()["id"] == id
            assert len(set(acknowledged.values())) == len(acknowledged)
    finally:
        process.terminate()
        process.wait(20)
    doctor = subprocess.run(
        [SERVER, "doctor", "--database-url", f"sqlite:///{tmp_path}/t.db"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (doctor.returncode, doctor.stdout) == (0, ""), doctor.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the worker follows its parent by a Linux call")
def test_no_worker_outlives_a_killed_server(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [SERVER, "serve", "--port", str(port), "--database-url", f"sqlite:///{tmp_path}/t.db"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    url = f"http://127.0.0.1:{port}/"
    for _ in range(600):
        try:
            httpx.get(url, trust_env=False)
            break
        except httpx.TransportError:
            time.sleep(0.05)
    process.kill()
    process.wait()
    for _ in range(100):
        try:
            httpx.get(url, trust_env=False, timeout=1)
        except httpx.TransportError:
            return
        time.sleep(0.1)
    raise AssertionError("something still answers")
