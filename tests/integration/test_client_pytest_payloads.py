"""Events that tests are run on: valid ones, edges in particular, and invalid ones, in test runs of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry import examine
from tenor.codecs import DEFAULTS, Plain, compile
from tenor.schemas import Schema
from tenor.testing.invalid import Invalid, invalid, judge_of
from tenor.testing.samples import unpacking
from tests.pytest_runs import run

SYMBOLS = [f"S{number}" for number in range(30)]
AVRO: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": SYMBOLS}, "default": "S7"},
        {"name": "pay", "type": ["null", "string", {"type": "record", "name": "Card", "fields": [
            {"name": "number", "type": {"type": "fixed", "name": "Number", "size": 4}}]}], "default": None},
        {"name": "count", "type": "int"},
        {"name": "lines", "type": {"type": "array", "items": "shop.Line"}},
    ],
}  # fmt: skip
LINE = {"type": "record", "name": "shop.Line", "fields": [{"name": "sku", "type": "string", "default": "none"}]}
JSON: dict[str, Any] = {
    "type": "object",
    "required": ["state", "name", "total"],
    "additionalProperties": False,
    "properties": {
        "state": {"enum": SYMBOLS},
        "name": {"type": "string", "minLength": 2, "maxLength": 255},
        "total": {"type": "integer", "minimum": -3, "exclusiveMaximum": 100},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": True},
        "code": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"},
    },
}
PROTOBUF = """syntax = "proto3";
package shop;
import "line.proto";
enum State { UNKNOWN = 0; OPEN = 1; PAID = 2; }
message Held { string note = 1; }
message Order {
  State state = 1; oneof pay { string card = 2; Line voucher = 3; } int32 count = 4; bytes raw = 5; Held held = 6;
}
"""
TESTS = """
import pytest

SEEN = {}

def seen(format, event):
    SEEN.setdefault(format, []).append(event)

@pytest.mark.tenor_payloads("order.avsc", references={"shop.Line": "line.avsc"})
def test_avro(tenor_payload):
    seen("avro", tenor_payload)

@pytest.mark.tenor_payloads("order.json", kinds=["edge"], seed=3)
@pytest.mark.tenor_payloads("order.json", kinds=["random"], count=2)
def test_json(tenor_payload):
    seen("json", tenor_payload)

@pytest.mark.tenor_payloads("order.proto", references={"line.proto": "line.proto"}, kinds=["edge"])
def test_protobuf(tenor_payload):
    seen("protobuf", tenor_payload)

@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.tenor_payloads("order.json", invalid=True)
@pytest.mark.tenor_payloads("order.proto", references={"line.proto": "line.proto"}, invalid=True)
def test_refusals(tenor_payload, times):
    assert tenor_payload.rule and tenor_payload.reason

@pytest.mark.tenor_payloads("order.avsc", references={"shop.Line": "line.avsc"}, invalid=True, fill_defaults=True)
def test_what_is_left_out(tenor_payload):
    if tenor_payload.rule == "required":
        assert tenor_payload.path in ("/count", "/lines", "/pay/number")
"""
HELD = """
def test_all_was_seen():
    symbols = {f"S{number}" for number in range(30)}
    assert {each["state"] for each in SEEN["avro"]} == {each["state"] for each in SEEN["json"]} == symbols
    assert {type(each["pay"]) for each in SEEN["avro"]} == {str, dict, type(None)}
    assert any(each["count"] == 2**31 - 1 and not each["lines"] for each in SEEN["avro"])
    assert {"sku": "none"} in [line for each in SEEN["avro"] for line in each["lines"]]
    assert {-3, 99} <= {each["total"] for each in SEEN["json"]}
    assert {2, 255} <= {len(each["name"]) for each in SEEN["json"]}
    assert {None, "absent"} <= {each.get("code", "absent") for each in SEEN["json"]}
    assert {each.get("state") for each in SEEN["protobuf"]} == {"UNKNOWN", "OPEN", "PAID", 3}
    assert bytes(range(256)) in [each.get("raw") for each in SEEN["protobuf"]]
"""


def written(folder: Path) -> None:
    (folder / "order.avsc").write_text(json.dumps(AVRO))
    (folder / "line.avsc").write_text(json.dumps(LINE))
    (folder / "order.json").write_text(json.dumps(JSON))
    (folder / "order.proto").write_text(PROTOBUF)
    (folder / "line.proto").write_text('syntax = "proto3"; package shop; message Line { string sku = 1; }')


def test_a_test_runs_once_for_each_event_without_a_server(tmp_path: Path) -> None:
    written(tmp_path)
    done = run(tmp_path, TESTS + HELD, "-rA")
    assert done.returncode == 0, done.stdout[-3000:]
    names = done.stdout.splitlines()
    assert any("PASSED test_it.py::test_avro[edge: the defaults at /]" in line for line in names), done.stdout
    assert any('PASSED test_it.py::test_json[edge: "S29" at /state]' in line for line in names)
    assert sum("test_json[random" in line for line in names) == 2
    assert any("PASSED test_it.py::test_refusals[invalid: maxLength at /name-2]" in line for line in names)
    # Workers of pytest-xdist are given the same events.
    done = run(tmp_path, TESTS, "-n2", "-k", "refusals or json")
    assert done.returncode == 0, done.stdout[-3000:]


MISUSES = {
    '@pytest.mark.tenor_payloads("none.avsc")': "none.avsc: No such file or directory",
    '@pytest.mark.tenor_payloads("order.avsc")': "shop.Line",
    '@pytest.mark.tenor_payloads("test_it.py")': "the name does not tell the type of the schema",
    '@pytest.mark.tenor_payloads("order.json", kinds=["odd"])': "no such kind: odd; there are minimal, maximal",
    '@pytest.mark.tenor_payloads("order.json", size=3)': "no such option: size",
    "@pytest.mark.skipif(False, reason='')": 'which events? mark the test: @pytest.mark.tenor_payloads("schemas/',
}


def test_misuse_is_told(tmp_path: Path) -> None:
    written(tmp_path)
    tests = [f"{mark}\ndef test_{at}(tenor_payload): pass\n" for at, mark in enumerate(MISUSES)]
    for at, each in enumerate(tests):
        (tmp_path / f"test_{at}.py").write_text(f"import pytest\n{each}")
    done = run(tmp_path, "", "--continue-on-collection-errors")
    for said in MISUSES.values():
        assert said in done.stdout, (said, done.stdout)
    assert "6 errors" in done.stdout


def compiled(format: str, schema: Any) -> tuple[Plain, list[Any]]:
    text = json.dumps(schema)
    plain = compile(Schema(text, format), {}, DEFAULTS)
    found = examine.sample({"format": format, "text": text, "references": []}, 60, 0)
    return plain, [unpacking(plain)(each["event"]) for each in found]


BROKEN: dict[str, dict[str, Any]] = {
    "JSON": {
        "required /state": ..., "required /name": ..., "additionalProperties /unexpected": 1, "type /name": None,
        "enum /state": "S0x", "minLength /name": "a", "maxLength /name": "x" * 256, "minimum /total": -4,
        "exclusiveMaximum /total": 100, "maxItems /tags": 4, "uniqueItems /tags": 2, "pattern /code": ...,
        "type /total": None, "type /": "",
    },
    "AVRO": {
        "required /count": ..., "additional /unexpected": 1, "enum /state": ...,
        "size /pay/number": b"\xff\xff\xff\xff\x00",
        "range /count": 2**31, "type /count": None, "type /pay": True, "type /lines": None,
        "encoding /lines/0/sku": ...,
    },
}  # fmt: skip


@pytest.mark.parametrize("format", list(BROKEN))
def test_each_rule_is_broken_by_an_event_next_to_a_valid_one(format: str) -> None:
    avro = {**AVRO, "fields": [*AVRO["fields"][:3], {"name": "lines", "type": {"type": "array", "items": LINE}}]}
    plain, events = compiled(format, JSON if format == "JSON" else avro)
    assert not any(map(judge_of(plain), events))
    found = list(invalid(judge_of(plain), events))
    by_name: dict[str, list[Invalid]] = {}
    for each in found:
        assert (each.path, each.rule, each.reason) in {
            (told.path, told.rule, told.sentence) for told in judge_of(plain)(each.event)
        }
        by_name.setdefault(f"{each.rule} {each.path or '/'}", []).append(each)
    for name, wanted in BROKEN[format].items():
        values = [at(each.event, each.path) for each in by_name[name]]
        if isinstance(wanted, int) and name.endswith("/tags"):
            values = [len(value) for value in values]
        assert wanted is ... or wanted in values, (name, values)
    assert found == list(invalid(judge_of(plain), events))
    assert len(found) == len({(each.rule, each.path, repr(each.event)) for each in found})


def at(event: Any, path: str) -> Any:
    for step in path.split("/")[1:]:
        event = event[int(step)] if isinstance(event, list) else event.get(step, ...)
    return event


def test_a_schema_that_takes_anything_is_broken_only_by_what_json_cannot_say() -> None:
    plain, _ = compiled("JSON", {})
    found = [each.rule for each in invalid(judge_of(plain), [{"a": [1]}, 3, 1.5, None, "x"])]
    assert sorted(set(found)) == ["encoding", "number", "range"]
