"""The client's pytest plugin, in test runs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tenor.testing.served import server_command, serving
from tests.pytest_runs import run

TESTS = """
import json
import os

import httpx
import pytest

FORMATS = {
    "AVRO": json.dumps({"type": "record", "name": "Order", "fields": [
        {"name": "id", "type": "string"},
        {"name": "data", "type": ["null", "bytes"]},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "sku", "type": "string"}, {"name": "count", "type": "int"}]}}},
    ]}),
    "JSON": json.dumps({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}),
    "PROTOBUF": 'syntax = "proto3"; message Held { int32 n = 1; } '
    'message Order { string id = 1; bytes data = 2; int64 big = 3; Held held = 4; }',
}


@pytest.mark.parametrize("format", FORMATS)
def test_samples_are_valid(tenor_registry, tenor_samples, format):
    import tenor

    schema = tenor.Schema(FORMATS[format], format)
    message = "Order" if format == "PROTOBUF" else ""
    orders = tenor_registry.events("orders", schema=schema, register=True, message=message)
    samples = tenor_samples("orders", count=30)
    assert len(samples) == 30
    assert samples == tenor_samples("orders", count=30)
    for event in samples:
        orders.decode(orders.encode(event).value)
    edges = tenor_samples("orders", kinds=["edge"])
    assert len(edges) > 10
    assert len(tenor_samples("orders", kinds=["minimal", "random"])) == 10
    assert tenor_samples("orders", kinds=["maximal"]) == samples[1:2] != tenor_samples("orders", kinds=["minimal"])
    for event in edges:
        orders.decode(orders.encode(event).value)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_invalid_is_refused_with_its_reason(tenor_registry, tenor_invalid, format):
    import tenor

    schema = tenor.Schema(FORMATS[format], format)
    message = "Order" if format == "PROTOBUF" else ""
    orders = tenor_registry.events("orders", schema=schema, register=True, message=message)
    found = tenor_invalid("orders")
    assert len(found) > 2
    assert len(tenor_invalid("orders", count=2, fill_defaults=True)) == 2
    for each in found:
        with pytest.raises(tenor.InvalidEvent) as refused:
            orders.encode(each.event)
        assert each.reason in [violation.sentence for violation in refused.value.violations]


def test_references_are_followed(tenor_registry, tenor_samples):
    import tenor

    line = json.dumps({"type": "record", "name": "a.Line", "fields": [{"name": "sku", "type": "string"}]})
    order = json.dumps({"type": "record", "name": "a.Order", "fields": [{"name": "line", "type": "a.Line"}]})
    tenor_registry.register("line", tenor.Schema(line))
    schema = tenor.Schema(order, references=(tenor.Reference("a.Line", "line", 1),))
    orders = tenor_registry.events("orders", schema=schema, register=True)
    assert all(orders.encode(event).value for event in tenor_samples("orders", count=3))


@pytest.mark.parametrize("turn", range(2))
def test_each_test_has_a_registry_of_its_own(tenor_registry, turn):
    import tenor

    assert tenor_registry.subjects() == ()
    assert tenor_registry.register("orders", tenor.Schema('"string"')).version == 1


def test_any_client_may_use_it(tenor_url):
    assert httpx.get(tenor_url + "/subjects", trust_env=False).json() == []
"""


def test_a_test_run_gets_a_registry_of_its_own(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS, "-n", "2", TENOR_URL="http://192.0.2.1", TENOR_READ_ONLY="true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed" in done.stdout


def test_a_registry_may_be_named_instead(tmp_path: Path) -> None:
    command = server_command(sys.executable, os.environ)
    assert command is not None
    (tmp_path / "server").mkdir()
    (tmp_path / "run").mkdir()
    with serving(command, tmp_path / "server") as url:
        done = run(tmp_path / "run", TESTS, "-k", "own", f"--tenor-url={url}/")
    assert done.returncode == 0, done.stdout + done.stderr


def test_pytest_finds_the_plugin() -> None:
    [found] = entry_points(group="pytest11", name="tenor")
    assert found.value == "tenor.testing.plugin"


def test_nothing_starts_and_little_loads_until_a_test_asks(tmp_path: Path) -> None:
    code = "import sys, tenor.testing.plugin; print(*{'httpx', 'msgspec', 'asyncio', 'fastavro'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("", "asyncio")


def test_a_machine_without_the_server_is_told_what_to_do(tmp_path: Path) -> None:
    assert server_command(str(tmp_path / "python"), {"PATH": str(tmp_path)}) is None
    (tmp_path / "tenor-server").touch(mode=0o755)
    assert server_command("/nowhere/python", {"PATH": str(tmp_path)}) == str(tmp_path / "tenor-server")


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "tenor-server"
    broken.write_text("#!/bin/sh\necho no database >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(RuntimeError, match=r"exit code 3[\s\S]*no database"), serving(str(broken), tmp_path):
        pass
