"""Answers by id that are kept, through deletes, registrations and contexts; and what caches on the way are told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx

from registry.settings import Settings
from tests.integration.served import client_on


def record(*fields: str, name: str = "R") -> str:
    listed = [{"name": each, "type": "string", "default": ""} for each in fields]
    return json.dumps({"type": "record", "name": name, "fields": listed})


def registered(client: httpx.Client, subject: str, text: str, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/subjects/{subject}/versions", json={"schema": text, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def thrice(client: httpx.Client, path: str) -> Any:
    """The answer to a question, asked until it is kept; it must not change by that."""
    answers = [client.get(path) for _ in range(3)]
    assert {answer.text for answer in answers} == {answers[0].text}
    return answers[-1].json()


def test_a_tombstone_that_stays_does_not_hide_the_version_that_came_back(registry_client: httpx.Client) -> None:
    registered(registry_client, "s", record("a", name="T"))
    text = json.dumps({"type": "record", "name": "U", "fields": [{"name": "t", "type": "T"}]})
    registered(registry_client, "user", text, references=[{"name": "T", "subject": "s", "version": 1}])
    registry_client.delete("/subjects/user").raise_for_status()
    registry_client.delete("/subjects/s").raise_for_status()
    path = "/schemas/ids/1?subject=s"
    assert thrice(registry_client, path)["deleted"] is True
    again = registered(registry_client, "s", record("a", name="T"))
    assert (again["id"], again["version"]) == (1, 2)
    assert thrice(registry_client, path) == {**thrice(registry_client, path), "version": 2}
    assert "deleted" not in thrice(registry_client, path)
    assert registry_client.get("/subjects/s/versions?deleted=true").json() == [1, 2]


def test_the_default_context_takes_over_an_id_that_only_another_had(registry_client: httpx.Client) -> None:
    registered(registry_client, ":.dev:s", record("dev"))
    assert "dev" in thrice(registry_client, "/schemas/ids/1")["schema"]
    registered(registry_client, "s", record("default"))
    assert "default" in thrice(registry_client, "/schemas/ids/1")["schema"]
    assert "dev" in thrice(registry_client, "/schemas/ids/1?subject=:.dev:")["schema"]
    assert "dev" in thrice(registry_client, "/contexts/.dev/schemas/ids/1")["schema"]
    assert "default" in thrice(registry_client, "/contexts/:.:/schemas/ids/1")["schema"]


def test_a_context_that_was_deleted_is_not_remembered(registry_client: httpx.Client) -> None:
    registered(registry_client, ":.dev:s", record("first"))
    paths = ["/schemas/ids/1?subject=:.dev:s", "/contexts/.dev/schemas/ids/1", "/schemas/ids/1"]
    guid = thrice(registry_client, paths[0])["guid"]
    for path in [*paths, f"/schemas/guids/{guid}"]:
        assert "first" in thrice(registry_client, path)["schema"]
    registry_client.delete("/subjects/:.dev:s").raise_for_status()
    registry_client.delete("/subjects/:.dev:s?permanent=true").raise_for_status()
    assert registry_client.delete("/contexts/.dev").status_code == 204
    for path in [*paths, f"/schemas/guids/{guid}"]:
        assert thrice(registry_client, path)["error_code"] == 40403
    registered(registry_client, ":.dev:s", record("second"))
    for path in paths:
        assert "second" in thrice(registry_client, path)["schema"]


def test_an_answer_is_kept_for_each_rendering_apart(registry_client: httpx.Client) -> None:
    text = 'syntax = "proto3"; message A { int32 id = 1; }'
    registered(registry_client, "p", text, schemaType="PROTOBUF")
    plain = thrice(registry_client, "/schemas/ids/1")
    serialized = thrice(registry_client, "/schemas/ids/1?format=serialized")
    assert plain["schema"].startswith("syntax")
    assert not serialized["schema"].startswith("syntax")
    assert thrice(registry_client, "/schemas/ids/1?fetchMaxId=true")["maxId"] == 1
    registered(registry_client, "q", record("a"))
    assert thrice(registry_client, "/schemas/ids/1?fetchMaxId=true")["maxId"] == 2
    assert "maxId" not in thrice(registry_client, "/schemas/ids/1")
    for accept in ("application/json", "application/vnd.schemaregistry+json", "application/vnd.schemaregistry.v1+json"):
        assert registry_client.get("/schemas/ids/1", headers={"accept": accept}).headers["content-type"] == accept


def test_caches_on_the_way_are_told_what_never_changes(engine_url: str, registry_client: httpx.Client) -> None:
    registered(registry_client, "s", record("a"))
    with client_on(engine_url, replace(Settings(), cache_headers=True)) as client:
        for path, control in [
            ("/schemas/ids/1", "max-age=86400"),
            ("/schemas/ids/1?subject=s&fetchMaxId=false", "max-age=60"),
            ("/schemas/ids/1?subject=:.:", "max-age=86400"),
            (f"/schemas/guids/{client.get('/schemas/ids/1').json()['guid']}", "max-age=86400"),
        ]:
            for _ in range(3):
                answer = client.get(path)
                assert answer.headers["cache-control"] == control, path
                assert answer.headers["content-type"] == "application/vnd.schemaregistry.v1+json"
                again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
                assert (again.status_code, again.content) == (304, b"")
        for path in ("/subjects/s/versions/latest", "/subjects", "/config", "/schemas/ids/1?fetchMaxId=true"):
            assert "etag" not in client.get(path).headers, path
        tag = client.get("/schemas/ids/1?subject=s").headers["etag"]
        client.delete("/subjects/s").raise_for_status()
        assert client.get("/schemas/ids/1?subject=s", headers={"if-none-match": tag}).json()["deleted"] is True
        assert client.get("/schemas/ids/7", headers={"if-none-match": "*"}).status_code == 404
    assert "etag" not in registry_client.get("/schemas/ids/1").headers
