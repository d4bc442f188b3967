"""`/api/v1/check`, `/diff`, `/sample`, `/lint`, `/rules` and a subject's check: findings shown and mended."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from registry import formats
from registry.formats.base import Insight

AVRO_OLD = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "total", "type": "double"}]}, indent=1)
AVRO_NEW = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "amount", "type": "double"}]}, indent=1)
JSON_OLD = json.dumps({"type": "object", "properties": {"total": {"type": "number"}}, "additionalProperties": False})
JSON_NEW = json.dumps({"type": "object", "properties": {"total": {"type": "string"}}, "additionalProperties": False})
PROTO_OLD = 'syntax = "proto3";\nmessage Order {\n  int32 total = 1;\n}\n'
PROTO_NEW = 'syntax = "proto3";\nmessage Order {\n  string total = 1;\n}\n'

PAIRS = {
    "AVRO": (AVRO_NEW, AVRO_OLD, "READER_FIELD_MISSING_DEFAULT_VALUE"),
    "JSON": (JSON_NEW, JSON_OLD, "TYPE_CHANGED"),
    "PROTOBUF": (PROTO_NEW, PROTO_OLD, "FIELD_SCALAR_KIND_CHANGED"),
}


def text(format: str, schema: str) -> dict[str, Any]:
    return {"schema": schema, "schemaType": format}


@pytest.mark.parametrize("format", PAIRS)
def test_a_break_is_explained_shown_and_mended(registry_client: httpx.Client, format: str) -> None:
    new, old, rule = PAIRS[format]
    answer = registry_client.post("/api/v1/check", json={"new": text(format, new), "old": text(format, old)})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["compatible"] is False
    assert body["semantic"]["backward"]["verdict"] == "breaks"
    finding = next(each for each in body["findings"] if each["rule"] == rule)
    assert finding["direction"] == "backward"
    assert finding["new_line"] >= 1
    assert finding["shown"] == "by an event"
    assert finding["witness"]["failure"]
    assert body["changes"]
    # Each fix, made, removes what it promises to remove.
    assert finding["fixes"], finding
    for fix in finding["fixes"]:
        mended = {"new": text(format, fix["text"]), "old": text(format, old)}
        after = registry_client.post("/api/v1/check", json=mended).json()
        assert (rule, finding["path"]) not in [(each["rule"], each["path"]) for each in after.get("findings", [])]


@pytest.mark.parametrize("format", PAIRS)
def test_a_subject_s_check_is_the_registration_s(registry_client: httpx.Client, format: str) -> None:
    new, old, rule = PAIRS[format]
    registry_client.post("/subjects/checked/versions", json=text(format, old)).raise_for_status()
    refused = registry_client.post("/subjects/checked/versions", json=text(format, new))
    assert refused.status_code == 409
    checked = registry_client.post("/api/v1/subjects/checked/check", json=text(format, new)).json()
    assert checked["compatible"] is False
    assert rule in [finding["rule"] for finding in checked["findings"]]
    assert all(
        finding["rule"] in refused.json()["message"]
        for finding in checked["findings"]
        if finding["severity"] == "error"
    )
    same = registry_client.post("/api/v1/subjects/checked/check", json=text(format, old)).json()
    assert same["compatible"] is True
    assert registry_client.get("/subjects/checked/versions").json() == [1]


@pytest.mark.parametrize("format", PAIRS)
def test_samples_are_the_same_for_a_seed_and_diffs_have_words(registry_client: httpx.Client, format: str) -> None:
    new, old, _ = PAIRS[format]
    asked = {"schema": text(format, new), "count": 20, "seed": 7}
    one, two = (registry_client.post("/api/v1/sample", json=asked).json() for _ in range(2))
    assert one == two
    assert 1 <= len(one["samples"]) <= 20
    diff = registry_client.post("/api/v1/diff", json={"new": text(format, new), "old": text(format, old)}).json()
    assert all(change["sentence"] for change in diff["changes"])
    assert diff["changes"]
    assert registry_client.post("/api/v1/lint", json=text(format, new)).status_code == 200


def test_references_are_given_or_registered(registry_client: httpx.Client) -> None:
    leaf = '{"type":"enum","name":"Leaf","symbols":["A"]}'
    registry_client.post("/subjects/leaf/versions", json={"schema": leaf}).raise_for_status()
    top = json.dumps({"type": "record", "name": "Top", "fields": [{"name": "leaf", "type": "Leaf"}]})
    for reference in ({"name": "Leaf", "schema": leaf}, {"name": "Leaf", "subject": "leaf", "version": 1}):
        schema = {"schema": top, "references": [reference]}
        answer = registry_client.post("/api/v1/check", json={"new": schema, "old": schema})
        assert answer.json()["compatible"] is True, answer.text
    missing = {"schema": top, "references": [{"name": "Leaf"}]}
    answer = registry_client.post("/api/v1/check", json={"new": missing, "old": missing})
    assert answer.status_code == 422
    assert "neither a subject nor a schema" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("check", {"new": {"schema": "{"}, "old": {"schema": '"string"'}}),
        ("check", {"new": {"schema": '"string"'}, "old": {"schema": '"string"'}, "level": "sideways"}),
        ("check", {"new": {"schema": '"string"'}, "old": {"schema": '"string"'}, "policy": "harsh"}),
        ("check", {"new": {"schema": '"string"', "schemaType": "XML"}, "old": {"schema": '"string"'}}),
        ("diff", {"new": {"schema": '"string"'}, "old": {"schema": "{}", "schemaType": "JSON"}}),
        ("sample", {"schema": {"schema": '"string"'}, "count": 100000}),
        ("lint", {"schema": 5}),
    ],
)
def test_bad_input_is_a_problem_with_words(registry_client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = registry_client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_every_rule_has_a_text_and_every_insight_is_complete(registry_client: httpx.Client) -> None:
    listed = registry_client.get("/api/v1/rules").json()
    assert {each["format"] for each in listed} == {*formats.NAMES, ""}
    assert all(each["text"] for each in listed)
    members = {name for name in vars(Insight) if not name.startswith("_")} | {"RULES", "LINT"}
    for name in formats.NAMES:
        insight = formats.insight(name)
        assert [member for member in sorted(members) if not hasattr(insight, member)] == []
