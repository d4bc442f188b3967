"""Every setting of this API does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.settings import Settings
from tests.integration.served import client_on

With = Callable[..., httpx.Client]


@pytest.fixture
def with_settings(tmp_path: Path) -> Iterator[With]:
    """A client of a new registry that has some settings of its own."""
    with ExitStack() as stack:

        def start(**changed: Any) -> httpx.Client:
            started: AbstractContextManager[httpx.Client] = client_on(
                f"sqlite:///{tmp_path / 't.db'}", replace(Settings(), **changed).checked()
            )
            return stack.enter_context(started)

        yield start


def record(*fields: str) -> str:
    listed = [{"name": each, "type": "string"} for each in fields]
    return json.dumps({"type": "record", "name": "R", "fields": listed})


def register(client: httpx.Client, subject: str, text: str) -> httpx.Response:
    return client.post(f"/subjects/{subject}/versions", json={"schema": text})


def refused(answer: httpx.Response, status: int, code: int, words: str = "") -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert set(answer.json()) == {"error_code", "message"}
    assert words in answer.json()["message"]


def test_the_level_where_nothing_is_configured(with_settings: With) -> None:
    client = with_settings(compatibility_level="none")
    assert client.get("/config").json() == {"compatibilityLevel": "NONE"}
    for fields in (["a"], ["b"], ["c"]):
        assert register(client, "s", record(*fields)).status_code == 200
    # A record without a level of its own means the server's, too.
    client.put("/config/s", json={"normalize": True}).raise_for_status()
    assert register(client, "s", record("d")).status_code == 200
    assert client.put("/config", json={"compatibility": "FULL"}).json() == {"compatibility": "FULL"}
    assert client.delete("/config").json() == {"compatibilityLevel": "FULL"}
    assert client.delete("/config").json() == {"compatibilityLevel": "NONE"}


def test_the_code_of_an_incompatible_schema(with_settings: With) -> None:
    client = with_settings(incompatible_code=40901)
    register(client, "s", record("a")).raise_for_status()
    refused(register(client, "s", record("a", "b")), 409, 40901, "incompatible with an earlier schema")


def test_modes_that_may_not_be_changed(with_settings: With) -> None:
    client = with_settings(mode_mutable=False)
    for path in ("/mode", "/mode/s", "/contexts/.dev/mode"):
        refused(client.put(path, json={"mode": "READONLY"}), 422, 42205, "Mode changes are not allowed")
        refused(client.delete(path), 422, 42205, "Mode changes are not allowed")
        refused(client.delete(f"{path}?recursive=true"), 422, 42205)
    refused(client.put("/mode", json={"mode": "sideways"}), 422, 42204)
    assert client.get("/mode").json() == {"mode": "READWRITE"}


def test_an_empty_subject_that_is_not_taken(with_settings: With) -> None:
    client = with_settings(reject_empty_subject=True)
    for name in ("", "*", ":.dev:"):
        refused(client.post(f"/subjects/{name}/versions", json={"schema": record("a")}), 422, 42208, "is not a valid")
    assert register(client, "s", record("a")).status_code == 200
    # A context is no subject: its settings may be set.
    client.put("/config/:.dev:", json={"compatibility": "NONE"}).raise_for_status()


def test_a_body_that_is_larger_than_the_limit(with_settings: With) -> None:
    client = with_settings(body_limit=1000)
    assert register(client, "s", record("a")).status_code == 200
    refused(register(client, "s", record("a" * 1000)), 413, 413)

    def in_pieces() -> Iterator[bytes]:
        yield from [b"x" * 100] * 20

    refused(client.post("/subjects/s/versions", content=in_pieces()), 413, 413)


def test_a_cache_of_no_size_keeps_nothing(with_settings: With) -> None:
    client = with_settings(hot_cache=0)
    register(client, "s", record("a")).raise_for_status()
    assert {client.get("/schemas/ids/1").status_code for _ in range(5)} == {200}
    assert [client.post("/subjects/s", json={"schema": record("a")}).json()["version"] for _ in range(3)] == [1] * 3


def test_a_request_that_takes_too_long(with_settings: With) -> None:
    client = with_settings(request_timeout=0.001)
    answers = [register(client, f"s{n}", record(*(f"f{m}" for m in range(500 + n)))) for n in range(5)]
    late = [answer for answer in answers if answer.status_code == 503]
    assert late
    for answer in late:
        refused(answer, 503, 503, "took longer than 0.001 s")
        assert answer.headers["retry-after"]
