"""What the native API does to subjects that are there: history, owner, undelete, bulk delete; and schemas by id."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest

from registry.doctor import examine
from registry.store.engine import Store
from tests.integration.test_v1_register import put, record, rows

MORE = {"name": "b", "type": "int", "default": 0}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


def history(client: httpx.Client, subject: str, **query: Any) -> list[dict[str, Any]]:
    """Every entry, page by page."""
    entries, cursor = [], None
    while True:
        page = client.get(
            f"/api/v1/subjects/{subject}/history", params={**query, **({"cursor": cursor} if cursor else {})}
        )
        assert page.status_code == 200, page.text
        entries += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return entries


def test_history_says_who_when_and_what(registry_client: httpx.Client) -> None:
    client = registry_client
    first = put(client, "s", record("a")).json()
    put(client, "t", record("other"))
    second = put(client, "s", record("a", MORE)).json()
    client.put("/config/s", json={"compatibility": "FULL"})
    client.put("/api/v1/subjects/s/owner", json={"owner": "team-a"})
    client.delete("/subjects/s/versions/1")
    client.put("/mode/s", json={"mode": "READONLY"})
    client.put("/mode/s", json={"mode": "READWRITE"})
    client.post("/api/v1/subjects/s/undelete")
    entries = history(client, "s")
    assert [each["action"] for each in entries] == [
        "undelete", "mode", "mode", "delete", "owner", "config", "register", "register",
    ]  # fmt: skip
    assert all(each["actor"] == "anonymous" and TIME.match(each["at"]) for each in entries)
    told = [{key: entries[-n].get(key) for key in ("version", "id", "guid", "format")} for n in (1, 2)]
    assert told == [
        {"version": each["version"], "id": each["id"], "guid": each["guid"], "format": "AVRO"}
        for each in (first, second)
    ]
    assert (entries[0]["versions"], entries[3]["versions"]) == ([1], [1])
    assert entries[4]["detail"] == {"owner": "team-a"}
    assert entries[5]["detail"] == {"changed": ["compatibility"]}
    for limit in (1, 2, 3, 8, 9):
        assert [each["action"] for each in history(client, "s", limit=limit)] == [each["action"] for each in entries]


def test_history_outlives_the_subject(registry_client: httpx.Client) -> None:
    client = registry_client
    put(client, "s", record("a"))
    client.delete("/subjects/s")
    client.delete("/subjects/s?permanent=true")
    gone = history(client, "s")
    assert [each["action"] for each in gone] == ["purge", "delete", "register"]
    assert "guid" not in gone[2]
    assert client.get("/api/v1/subjects/never/history").status_code == 404


def test_history_of_a_subject_elsewhere(registry_client: httpx.Client) -> None:
    put(registry_client, ":.dev:s", record("a"))
    put(registry_client, "s", record("b"))
    (entry,) = history(registry_client, ":.dev:s")
    guid = registry_client.get("/subjects/:.dev:s/versions/1").json()["guid"]
    assert (entry["guid"], entry["id"]) == (guid, 1)


OWNERS: list[tuple[Any, int]] = [
    ("team-a", 200), ("Team Ä & Söhne", 200), ("x" * 200, 200), (None, 200), ("", 400), (" ", 400), ("x" * 201, 400),
    ("a\nb", 400), ("\x00", 400), (1, 400), ([], 400),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "status"), OWNERS, ids=lambda value: repr(value)[:20])
def test_owners(registry_client: httpx.Client, owner: Any, status: int) -> None:
    put(registry_client, "s", record("a"))
    answer = registry_client.put("/api/v1/subjects/s/owner", json={"owner": owner})
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json() == {"subject": "s", "owner": owner}
        assert registry_client.get("/api/v1/subjects/s").json()["owner"] == owner


def test_an_owner_needs_a_subject_and_is_noted_once(registry_client: httpx.Client) -> None:
    client = registry_client
    assert client.put("/api/v1/subjects/s/owner", json={"owner": "a"}).json()["code"] == 40401
    assert client.put("/api/v1/subjects/s/owner", json={}).status_code == 400
    put(client, "s", record("a"))
    for owner in ("a", "a", None, None):
        client.put("/api/v1/subjects/s/owner", json={"owner": owner})
    assert [each["action"] for each in history(client, "s")] == ["owner", "owner", "register"]


def test_undelete_brings_back_what_was_deleted(registry_client: httpx.Client, registry_store: Store) -> None:
    client = registry_client
    for fields in (("a",), ("a", MORE), ("a", MORE, {**MORE, "name": "c"})):
        put(client, "s", record(*fields))
    client.delete("/subjects/s")
    before = rows(registry_store)
    rehearsed = client.post("/api/v1/subjects/s/undelete?dry_run=true", json={"versions": [1, 3]})
    assert rehearsed.json() == {"subject": "s", "versions": [1, 3]}
    assert rows(registry_store) == before
    assert client.get("/subjects/s/versions").status_code == 404
    assert client.post("/api/v1/subjects/s/undelete", json={"versions": [1, 3]}).json() == rehearsed.json()
    assert client.get("/subjects/s/versions").json() == [1, 3]
    assert client.post("/api/v1/subjects/s/undelete").json()["versions"] == [2]
    assert client.get("/subjects/s/versions/latest").json()["version"] == 3
    assert registry_store.read_now(examine) == []


# (body) → status, code
NOT_UNDELETED = [
    ({"versions": [9]}, 404, 40402),
    ({"versions": [0]}, 400, 400),
    ({"versions": [2**31]}, 400, 400),
    ({"versions": "1"}, 400, 400),
    ({"versions": list(range(1, 502))}, 400, 400),
    ([], 400, 400),
]


@pytest.mark.parametrize(("body", "status", "code"), NOT_UNDELETED, ids=lambda value: str(value)[:30])
def test_undelete_refuses_what_is_not_there(registry_client: httpx.Client, body: Any, status: int, code: int) -> None:
    put(registry_client, "s", record("a"))
    registry_client.delete("/subjects/s")
    answer = registry_client.post("/api/v1/subjects/s/undelete", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert registry_client.post("/api/v1/subjects/t/undelete").json()["code"] == 40401


def bulk(client: httpx.Client, *, dry_run: bool = False, **body: Any) -> dict[str, Any]:
    """The answer of a bulk delete, in short: names that went, names that did not with the slug of why."""
    answer = client.post(f"/api/v1/subjects:delete?dry_run={str(dry_run).lower()}", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["dry_run"] == dry_run
    return {
        "deleted": {each["subject"]: each["versions"] for each in told["deleted"]},
        "refused": {each["subject"]: each["problem"]["type"].rpartition("/")[2] for each in told["refused"]},
        "next": told["next_cursor"],
    }


def chain(client: httpx.Client, *names: str) -> None:
    """Subjects of which each refers to the one before."""
    for n, name in enumerate(names):
        fields = [] if n == 0 else [{"name": "inner", "type": f"T{n - 1}"}]
        references = [] if n == 0 else [{"name": f"T{n - 1}", "subject": names[n - 1], "version": 1}]
        answer = put(client, name, record("a", *fields, name=f"T{n}"), references=references)
        assert answer.status_code == 201, answer.text


def test_a_rehearsal_lists_exactly_what_would_go(registry_client: httpx.Client, registry_store: Store) -> None:
    client = registry_client
    chain(client, "test-base", "test-mid", "test-top")
    chain(client, "test-kept", "outside")
    put(client, "test-two", record("a"))
    put(client, "test-two", record("a", MORE))
    put(client, "test-gone", record("a"))
    client.delete("/subjects/test-gone")
    put(client, "test-ro", record("a"))
    client.put("/mode/test-ro", json={"mode": "READONLY"})
    before = rows(registry_store)
    expected = {
        "deleted": {"test-base": [1], "test-mid": [1], "test-top": [1], "test-two": [1, 2]},
        "refused": {"test-kept": "reference-exists", "test-ro": "operation-not-permitted"},
        "next": None,
    }
    assert bulk(client, dry_run=True, prefix="test-") == expected
    assert rows(registry_store) == before
    assert len(client.get("/subjects").json()) == 7
    assert bulk(client, prefix="test-") == expected
    assert client.get("/subjects").json() == ["outside", "test-kept", "test-ro"]
    assert registry_store.read_now(examine) == []


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "b", "a"), ("b", "a", "c"), ("a", "c", "b", "a")])
def test_referring_subjects_go_first_in_whatever_order(registry_client: httpx.Client, order: tuple[str, ...]) -> None:
    chain(registry_client, "a", "b", "c")
    for permanent in (False, True):
        answer = bulk(registry_client, subjects=list(order), permanent=permanent)
        assert answer == {"deleted": {"a": [1], "b": [1], "c": [1]}, "refused": {}, "next": None}
    assert registry_client.get("/subjects?deleted=true").json() == []


def test_names_of_all_kinds_are_refused_one_by_one(registry_client: httpx.Client) -> None:
    client = registry_client
    for name in ("s", ":.dev:s", "gone"):
        put(client, name, record("a"))
    client.delete("/subjects/gone")
    client.put("/config/short", json={"alias": "s"})
    answer = bulk(client, subjects=["none", "gone", ":.dev:s", "short", "s"])
    assert answer["deleted"] == {":.dev:s": [1], "s": [1]}
    assert answer["refused"] == {"none": "subject-not-found", "gone": "subject-soft-deleted"}
    put(client, "live", record("a"))
    answer = bulk(client, subjects=["live", "s"], permanent=True)
    assert answer["refused"] == {"live": "subject-not-soft-deleted"}
    assert answer["deleted"] == {"s": [1]}


def test_a_prefix_goes_page_by_page(registry_client: httpx.Client) -> None:
    client = registry_client
    for n in range(5):
        put(client, f":.dev:t{n}", record("a"))
        put(client, f"t{n}", record("a"))
    for url in (":.dev:t1", "t3"):
        client.put(f"/mode/{url}", json={"mode": "READONLY"})
    deleted: list[str] = []
    refused: list[str] = []
    cursor, calls = None, 0
    while cursor is not None or calls == 0:
        answer = bulk(client, prefix=":*:t", limit=2, **({"cursor": cursor} if cursor else {}))
        deleted += answer["deleted"]
        refused += answer["refused"]
        cursor, calls = answer["next"], calls + 1
    assert refused == ["t3", ":.dev:t1"]
    assert deleted == ["t0", "t1", "t2", "t4", ":.dev:t0", ":.dev:t2", ":.dev:t3", ":.dev:t4"]
    assert calls == 5
    assert bulk(client, prefix=":.dev:", permanent=True)["refused"] == {":.dev:t1": "operation-not-permitted"}


NOT_BULK: list[Any] = [
    {}, {"prefix": ""}, {"subjects": ["s"], "prefix": "s"}, {"subjects": "s"}, {"subjects": [1]}, {"subjects": None},
    {"subjects": ["s"] * 501}, {"prefix": "s", "limit": 0}, {"prefix": "s", "limit": 501}, {"prefix": "x" * 1001},
    {"prefix": "s", "cursor": "x"}, {"prefix": "s", "permanent": "yes"}, [], "s", None, 1,
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_BULK, ids=lambda value: str(value)[:30])
def test_a_bulk_delete_of_another_shape_deletes_nothing(registry_client: httpx.Client, body: Any) -> None:
    put(registry_client, "s", record("a"))
    answer = registry_client.post("/api/v1/subjects:delete", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert registry_client.get("/subjects").json() == ["s"]


def test_a_name_that_is_none_refuses_the_whole(registry_client: httpx.Client) -> None:
    put(registry_client, "s", record("a"))
    answer = registry_client.post("/api/v1/subjects:delete", json={"subjects": ["s", "a\x00b"]})
    assert (answer.status_code, answer.json()["code"]) == (422, 42208)
    assert registry_client.get("/subjects").json() == ["s"]


def test_schemas_by_id_and_guid(registry_client: httpx.Client) -> None:
    client = registry_client
    one = put(client, "s", record("a")).json()
    put(client, "t", record("a"))
    put(client, ":.dev:x", record("z"))
    other = put(client, ":.dev:s", record("a")).json()
    assert (one["id"], other["id"], one["guid"]) == (1, 2, other["guid"])
    found = client.get("/api/v1/schemas/1").json()
    assert (found["id"], found["guid"], found["context"]) == (1, one["guid"], ".")
    assert found["uses"] == [{"subject": "s", "version": 1}, {"subject": "t", "version": 1}]
    assert found["document"]["schemaType"] == "AVRO"
    assert TIME.match(found["registered_at"])
    for spelled in (one["guid"], one["guid"].replace("-", ""), one["guid"].upper()):
        assert client.get(f"/api/v1/schemas/{spelled}").json() == found
    elsewhere = client.get(f"/api/v1/schemas/{one['guid']}?context=dev").json()
    assert (elsewhere["id"], elsewhere["uses"]) == (2, [{"subject": ":.dev:s", "version": 1}])
    assert client.get("/api/v1/schemas/2?context=.dev").json() == elsewhere
    again = put(client, "again", found["document"]["schema"]).json()
    assert again["id"] == 1


@pytest.mark.parametrize("key", ["0", "9", "abc", "-1", "1.0", "+1", "99999999999", "2147483648", "0" * 32, "%20", "١"])
def test_a_key_that_no_schema_has(registry_client: httpx.Client, key: str) -> None:
    put(registry_client, "s", record("a"))
    answer = registry_client.get(f"/api/v1/schemas/{key}")
    assert (answer.status_code, answer.json()["code"]) == (404, 40403)
    assert registry_client.get("/api/v1/schemas/1?context=.none").json()["code"] == 40403
    assert registry_client.get("/api/v1/schemas/1?context=a:b").json()["type"] == "/api/v1/problems/invalid-context"


def test_times_are_those_of_now(registry_client: httpx.Client) -> None:
    put(registry_client, "s", record("a"))
    year = time.gmtime().tm_year
    assert registry_client.get("/api/v1/subjects/s").json()["registered_at"].startswith(f"{year}-")
