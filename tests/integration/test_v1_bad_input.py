"""Whatever is sent to the native API, the answer is a typed problem, on both engines, and the server keeps serving."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.served import DEFAULTS, client_on
from tests.integration.test_v1_register import put, record

VERSIONS = "/api/v1/subjects/s/versions"
DEEP = '{"type":"array","items":' * 10_000 + '"int"' + "}" * 10_000

# (method, path, body as sent or as JSON) → status, end of the type
REQUESTS: list[tuple[str, str, Any, int, str]] = [
    ("POST", VERSIONS, b"", 400, "invalid-request"),
    ("POST", VERSIONS, b"{", 400, "invalid-request"),
    ("POST", VERSIONS, b"\xff\xfe", 400, "invalid-request"),
    ("POST", VERSIONS, b"null", 400, "invalid-request"),
    ("POST", VERSIONS, b"[" * 100_000, 400, "invalid-request"),
    ("POST", VERSIONS, b'{"schema": "\\ud800"}', 400, "invalid-request"),
    ("POST", VERSIONS, [], 400, "invalid-request"),
    ("POST", VERSIONS, {}, 422, "invalid-schema"),
    ("POST", VERSIONS, {"schema": None}, 422, "invalid-schema"),
    ("POST", VERSIONS, {"schema": " "}, 422, "invalid-schema"),
    ("POST", VERSIONS, {"schema": 1}, 400, "invalid-request"),
    ("POST", VERSIONS, {"schema": {"type": "int"}}, 400, "invalid-request"),
    ("POST", VERSIONS, {"schema": "{"}, 422, "invalid-schema"),
    ("POST", VERSIONS, {"schema": DEEP}, 422, "invalid-schema"),
    ("POST", VERSIONS, {"schema": '"int"', "schemaType": "XML"}, 422, "invalid-schema"),
    ("POST", VERSIONS, {"schema": '"int"', "version": 2**40}, 400, "invalid-request"),
    ("POST", VERSIONS, {"schema": '"int"', "version": 7}, 422, "version-not-next"),
    ("POST", VERSIONS, {"schema": '"int"', "id": 2**80}, 400, "invalid-request"),
    ("POST", VERSIONS, {"schema": '"int"', "id": 7}, 422, "operation-not-permitted"),
    ("POST", VERSIONS, {"schema": '"int"', "references": [{"name": "a"}]}, 400, "invalid-request"),
    ("POST", VERSIONS, {"schema": '"int"', "references": [{"name": "a", "subject": "none", "version": 1}]}, 422,
     "invalid-schema"),
    ("POST", VERSIONS, {"schema": '"int"', "metadata": {"properties": {"a": 1}}}, 400, "invalid-request"),
    ("POST", VERSIONS, {"schema": '"int"', "ruleSet": {"domainRules": [{"name": "1"}]}}, 422, "invalid-rule-set"),
    ("POST", VERSIONS, {"schema": '"int"', "schemaTagsToAdd": [{"schemaEntity": {"entityPath": "x"}, "tags": ["a"]}]},
     422, "invalid-schema"),
    ("POST", "/api/v1/subjects/__GLOBAL/versions", {"schema": '"int"'}, 422, "invalid-subject"),
    ("POST", "/api/v1/subjects/a%00b/versions", {"schema": '"int"'}, 422, "invalid-subject"),
    ("POST", f"{VERSIONS}?dry_run=maybe", {"schema": '"int"'}, 400, "invalid-request"),
    ("POST", f"{VERSIONS}?normalize=2", {"schema": '"int"'}, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?limit=0", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?limit=201", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?limit=1e3", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?limit=", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?cursor=x", None, 400, "invalid-request"),
    ("GET", f"/api/v1/subjects?cursor={'A' * 9000}", None, 400, "invalid-request"),
    ("GET", f"/api/v1/subjects?query={'x' * 201}", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?deleted=maybe", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects?format=XML", None, 422, "invalid-schema"),
    ("GET", "/api/v1/subjects?context=a:b", None, 400, "invalid-context"),
    ("GET", "/api/v1/subjects?field=", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects/none", None, 404, "subject-not-found"),
    ("GET", "/api/v1/subjects/none/history", None, 404, "subject-not-found"),
    ("GET", "/api/v1/subjects/known/history?cursor=x", None, 400, "invalid-request"),
    ("GET", "/api/v1/subjects//history", None, 404, "subject-not-found"),
    ("GET", "/api/v1/schemas/", None, 404, "no-such-route"),
    ("GET", "/api/v1/schemas/none", None, 404, "schema-not-found"),
    ("GET", "/api", None, 404, "no-such-route"),
    ("GET", "/api/v2/subjects", None, 404, "no-such-route"),
    ("GET", "/api/v1/subjects:delete", None, 405, "method-not-allowed"),
    ("DELETE", "/api/v1/subjects", None, 405, "method-not-allowed"),
    ("PUT", "/api/v1/subjects/known/owner", b"", 400, "invalid-request"),
    ("PUT", "/api/v1/subjects/none/owner", {"owner": "a"}, 404, "subject-not-found"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "slug"), REQUESTS, ids=lambda value: str(value)[:40].replace("[", "(")
)
def test_bad_requests(registry_client: httpx.Client, method: str, path: str, body: Any, status: int, slug: str) -> None:
    put(registry_client, "known", record("a"))
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} if content is not None else {}
    began = time.monotonic()
    answer = registry_client.request(method, path, content=content, headers=headers)
    assert time.monotonic() - began < 1
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, f"/api/v1/problems/{slug}")
    assert problem["detail"]
    assert registry_client.get("/subjects").json() == ["known"]


# Odd, and still a search: the answer is a list.
ODD = ["query=%25_!", "query=%00", "prefix=%00", "field=%00", "tag=%00", "text=%00", "owner=%00", "context=%00",
       "query=%ff", "query=%F0%9F%A6%86", "prefix=%F4%8F%BF%BF", "text=' OR 1=1 --", "unknown=1", "query=a&query=b",
       "field=%2F"]  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_odd_searches(registry_client: httpx.Client, query: str) -> None:
    put(registry_client, "known", record("a"))
    answer = registry_client.get(f"/api/v1/subjects?{query}")
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["type"] == "/api/v1/problems/invalid-request"
    else:
        assert answer.json()["next_cursor"] is None


@pytest.mark.parametrize("name", ["%00", "a%2Fb", "%20", "", ":.dev:", ":*:x", "%ff", "x" * 5000, "..", "%2E"])
def test_odd_names_are_names(registry_client: httpx.Client, name: str) -> None:
    for path in ("", "/history"):
        answer = registry_client.get(f"/api/v1/subjects/{name}{path}")
        assert answer.status_code in (200, 400, 404), answer.text
    assert registry_client.post(f"/api/v1/subjects/{name}/undelete").status_code in (404, 422)


def test_a_name_that_no_index_can_hold_is_refused(registry_client: httpx.Client) -> None:
    name = "".join(chr(97 + n * n % 26) + str(n) for n in range(1500))  # PostgreSQL compresses repetition
    answer = put(registry_client, name, record("a"))
    assert answer.status_code in (201, 400, 422), answer.text  # SQLite's indexes could hold it
    assert put(registry_client, "s", record("a")).status_code == 201


def test_what_the_outer_layer_refuses_is_a_problem_too(tmp_path: Path) -> None:
    settings = replace(DEFAULTS, body_limit=1000)
    with client_on(f"sqlite:///{tmp_path}/t.db", settings) as client:
        large = client.post(VERSIONS, json={"schema": "x" * 2000})
        foreign = client.post(VERSIONS, content=b"{}", headers={"content-type": "text/plain"})
        deaf = client.get("/api/v1/subjects", headers={"accept": "text/html"})
        known = client.post(VERSIONS, json={"schema": '"int"'}, headers={"content-type": "application/x+json"})
    for answer, status, slug in (
        (large, 413, "body-too-large"),
        (foreign, 415, "unsupported-media-type"),
        (deaf, 406, "not-acceptable"),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["type"] == f"/api/v1/problems/{slug}"
    assert known.status_code == 201
