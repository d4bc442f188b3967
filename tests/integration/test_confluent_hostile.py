"""What no client should send gets a documented code and two keys, never a 500, on both engines."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from registry.doctor import examine
from registry.store.engine import Store

RECORD = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]})
HUGE = [2**31, 2**63, 2**64, 10**40]
RULE = {"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL"}


def refused(answer: httpx.Response, *codes: int) -> None:
    body = answer.json()
    assert body["error_code"] in codes, answer.text[:300]
    assert set(body) == {"error_code", "message"}
    assert str(answer.status_code) == str(body["error_code"])[:3]


def registered(client: httpx.Client, subject: str, text: str = RECORD, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/subjects/{subject}/versions", json={"schema": text, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_numbers_beyond_int32_are_refused_by_name(registry_client: httpx.Client) -> None:
    registered(registry_client, "target")
    registry_client.put("/mode/imported", json={"mode": "IMPORT"}).raise_for_status()
    for number in HUGE:
        reference = {"name": "x", "subject": "target", "version": number}
        for path in (
            "/subjects/s/versions",
            "/subjects/target",
            "/compatibility/subjects/target/versions?verbose=true",
        ):
            refused(registry_client.post(path, json={"schema": RECORD, "references": [reference]}), 422)
        with_id = {"schema": RECORD, "id": number, "version": 1}
        refused(registry_client.post("/subjects/imported/versions", json=with_id), 422)
        with_version = {"schema": RECORD, "id": 7, "version": number}
        refused(registry_client.post("/subjects/imported/versions", json=with_version), 42202)
        change = {"newVersion": number, "rulesToMerge": {"domainRules": [RULE]}}
        refused(registry_client.post("/subjects/target/versions/1/tags", json=change), 422)
        refused(registry_client.get(f"/schemas/ids/{number}"), 404)


def test_the_last_id_and_the_last_version_are_the_last(registry_client: httpx.Client) -> None:
    last = 2**31 - 1
    registry_client.put("/mode/s", json={"mode": "IMPORT"}).raise_for_status()
    assert registered(registry_client, "s", id=last, version=last)["id"] == last
    registry_client.delete("/mode/s").raise_for_status()
    registry_client.put("/config/s", json={"compatibility": "NONE"}).raise_for_status()
    refused(registry_client.post("/subjects/s/versions", json={"schema": '"int"'}), 42205)
    refused(registry_client.post("/subjects/other/versions", json={"schema": '"int"'}), 42205, 422)
    assert registry_client.get(f"/schemas/ids/{last}").json()["schema"] == RECORD.replace(" ", "")


def test_an_id_of_zero_or_less_says_nothing(registry_client: httpx.Client) -> None:
    for number in (0, -1):
        assert registered(registry_client, "s", id=number)["id"] == 1
    registry_client.put("/mode/imported", json={"mode": "IMPORT"}).raise_for_status()
    refused(registry_client.post("/subjects/imported/versions", json={"schema": RECORD, "id": 0}), 42205)


BODIES = {
    "not UTF-8": b'{"schema":"\xff"}',
    "a lone surrogate": b'{"schema":"\\ud800"}',
    "deep in an unknown member": b'{"new":' * 20_000 + b"1" + b"}" * 20_000,
    "deep and open": b'{"schema":' * 20_000,
    "deep lists": b"[" * 50_000 + b"]" * 50_000,
    "an endless number": b'{"version":' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_cannot_be_read(registry_client: httpx.Client, name: str) -> None:
    registered(registry_client, "s")
    for method, path in [
        ("POST", "/subjects/s/versions"),
        ("POST", "/subjects/s"),
        ("POST", "/compatibility/subjects/s/versions/1"),
        ("POST", "/subjects/s/versions/1/tags"),
        ("PUT", "/config"),
        ("PUT", "/config/s"),
        ("PUT", "/mode/s"),
    ]:
        refused(registry_client.request(method, path, content=BODIES[name]), 400, 422)


def test_names_that_no_index_could_hold_are_refused(registry_client: httpx.Client) -> None:
    letters = random.Random(1)
    for length in (2_001, 3_000, 20_000):
        name = "".join(letters.choice(string.ascii_letters) for _ in range(length))
        body = {"schema": RECORD}
        refused(registry_client.post(f"/subjects/{name}/versions", json=body), 42208)
        refused(registry_client.post(f"/contexts/{name}/subjects/x/versions", json=body), 42208)
        refused(registry_client.put(f"/config/{name}", json={"compatibility": "NONE"}), 42208)
        refused(registry_client.put(f"/mode/{name}", json={"mode": "READWRITE"}), 42208)
        refused(registry_client.get(f"/subjects/{name}/versions"), 40401)
    longest = "".join(letters.choice(string.ascii_letters) for _ in range(2_000))
    assert registered(registry_client, longest)["subject"] == longest
    registry_client.put(f"/config/{longest}", json={"compatibility": "NONE"}).raise_for_status()
    assert registry_client.get(f"/subjects/{longest}/versions").json() == [1]


def test_references_may_go_deep_but_not_without_end(registry_client: httpx.Client) -> None:
    registered(registry_client, "c0", json.dumps({"type": "enum", "name": "C0", "symbols": ["A"]}))
    for number in range(1, 105):
        text = json.dumps({"type": "record", "name": f"C{number}", "fields": [{"name": "f", "type": f"C{number - 1}"}]})
        reference = {"name": f"C{number - 1}", "subject": f"c{number - 1}", "version": 1}
        answer = registry_client.post(f"/subjects/c{number}/versions", json={"schema": text, "references": [reference]})
        if answer.status_code != 200:
            break
    refused(answer, 42201)
    assert 50 < number < 104
    assert registry_client.get("/subjects").status_code == 200


def test_every_verb_is_answered(registry_client: httpx.Client) -> None:
    registered(registry_client, "s")
    for path in ("/", "/subjects", "/subjects/s/versions/1", "/config/s", "/schemas/ids/1"):
        options = registry_client.options(path)
        assert options.status_code == 204
        assert "GET" in options.headers["allow"] or path == "/config/s"
        for method in ("PATCH", "TRACE", "FOO"):
            refused(registry_client.request(method, path), 405)
    whole, head = registry_client.get("/subjects/s/versions/1"), registry_client.head("/subjects/s/versions/1")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))
    assert registry_client.head("/schemas/ids/99").status_code == 404
    refused(registry_client.options("/no/such/path"), 404)
    refused(registry_client.get("/schemas/guids/%00"), 40403)


def test_a_parameter_said_twice_is_no_mistake_of_the_server(registry_client: httpx.Client) -> None:
    registered(registry_client, "s")
    for path in (
        "/subjects?deleted=true&deleted=false",
        "/subjects?limit=0&limit=1",
        "/schemas/ids/1?subject=s&subject=t",
        "/subjects/s/versions/latest?format=a&format=b",
        "/schemas?latestOnly=true&latestOnly=x",
    ):
        assert registry_client.get(path).status_code in (200, 404), path


ODD: list[Any] = [None, True, 0, -1, 2**31, 10**40, 1.5, "", "x", "\0", "a" * 10_000, [], [None], [1], {}, {"a": None}]


def odd_bodies() -> Iterator[dict[str, Any]]:
    """Each member of a registration, and of what hangs below it, with each odd value."""
    plain = {"schema": RECORD}
    reference = {"name": "x", "subject": "target", "version": 1}
    tagging = {"schemaEntity": {"entityPath": "R.a", "entityType": "sr_field"}, "tags": ["PII"]}
    for value in ODD:
        for member in (*plain, "schemaType", "references", "metadata", "ruleSet", "version", "id"):
            yield {**plain, member: value}
        for member in ("schemaTagsToAdd", "schemaTagsToRemove", "propagateSchemaTags"):
            yield {**plain, member: value}
        for member in reference:
            yield {**plain, "references": [{**reference, member: value}]}
        for member in ("tags", "properties", "sensitive"):
            yield {**plain, "metadata": {member: value}}
            yield {**plain, "metadata": {member: {"k": value}}}
        for member in ("migrationRules", "domainRules", "encodingRules", "enableAt"):
            yield {**plain, "ruleSet": {member: value}}
        for member in (*RULE, "doc", "tags", "params", "expr", "onSuccess", "onFailure", "disabled"):
            yield {**plain, "ruleSet": {"domainRules": [{**RULE, member: value}]}}
        for member in tagging:
            yield {**plain, "schemaTagsToAdd": [{**tagging, member: value}]}


def test_no_value_of_any_member_is_a_fault_of_the_server(registry_client: httpx.Client, registry_store: Store) -> None:
    registered(registry_client, "target")
    registry_client.put("/mode/imported", json={"mode": "IMPORT"}).raise_for_status()
    for number, body in enumerate(odd_bodies()):
        importing = {"id": number + 1000, "version": number + 1, **body}
        for path, sent in [
            (f"/subjects/odd-{number}/versions", body),
            ("/subjects/imported/versions", importing),
            ("/compatibility/subjects/target/versions/latest", body),
        ]:
            answer = registry_client.post(path, json=sent)
            assert answer.status_code in (200, 400, 409, 422), (path, str(sent)[:200], answer.text[:200])
    assert registry_store.read_now(examine) == []
