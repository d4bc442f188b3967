"""Many writers at once over HTTP: versions without gaps, one id a content, nothing lost, nothing twice (§5).

On SQLite one server process, on PostgreSQL two servers that share nothing but the database.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.doctor import examine
from registry.store.engine import open_store
from tests.integration.served import ENGINES
from tests.postgres import Server
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
WRITERS = 32


@dataclass
class Replicas:
    """Servers on one database, asked in turn by any number of threads at once."""

    url: str
    clients: list[httpx.Client]
    turns: Iterator[int] = field(default_factory=itertools.count)

    def next(self) -> httpx.Client:
        return self.clients[next(self.turns) % len(self.clients)]

    def retried(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request as clients make it: again, at another replica, when it is told to come later."""
        while True:
            answer = self.next().request(method, path, **more)
            if answer.status_code != 503:
                return answer
            assert "retry-after" in answer.headers
            time.sleep(0.05)

    def register(self, subject: str, text: str, **more: Any) -> dict[str, Any]:
        answer = self.retried("POST", f"/subjects/{subject}/versions", json={"schema": text, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module", params=ENGINES)
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        url, count = f"sqlite:///{folder / 't.db'}", 1
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("pg_server")
            url, count = stack.enter_context(server.database(request.getfixturevalue("pg_template"))), 2
        environment = {"TENOR_DATABASE_URL": url}
        clients = [
            stack.enter_context(served([SERVER, "serve"], cwd=folder, environment=environment)) for _ in range(count)
        ]
        yield Replicas(url, clients)


@pytest.fixture(autouse=True)
def healthy(replicas: Replicas) -> Iterator[None]:
    """Whatever a test did, the store holds together afterwards."""
    yield
    store = open_store(replicas.url)
    try:
        assert store.read_now(examine) == []
    finally:
        store.close()


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """The results of jobs that start together, a thread each."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait(30)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def record(name: str, *fields: str) -> str:
    listed = [{"name": each, "type": "string", "default": ""} for each in fields]
    return json.dumps({"type": "record", "name": name, "fields": listed})


def test_the_same_schema_at_once_is_one_version(replicas: Replicas) -> None:
    text = record("Same", "a")
    found = at_once(*[lambda: replicas.register("same", text)] * WRITERS)
    assert {(each["id"], each["version"], each["guid"]) for each in found} == {(found[0]["id"], 1, found[0]["guid"])}
    for client in replicas.clients:
        assert client.get("/subjects/same/versions").json() == [1]


def test_the_same_schema_in_many_subjects_at_once_has_one_id(replicas: Replicas) -> None:
    text = record("Everywhere", "a")
    found = at_once(*[lambda n=n: replicas.register(f"everywhere-{n}", text) for n in range(WRITERS)])
    assert len({each["id"] for each in found}) == 1
    for client in replicas.clients:
        uses = client.get(f"/schemas/ids/{found[0]['id']}/versions").json()
        assert sorted(use["subject"] for use in uses) == sorted(f"everywhere-{n}" for n in range(WRITERS))


def test_different_schemas_at_once_are_numbered_without_gaps(replicas: Replicas) -> None:
    texts = [record("Each", *(f"f{m}" for m in range(n + 1))) for n in range(WRITERS)]

    def register(text: str) -> dict[str, Any]:
        answer = replicas.next().post("/subjects/each/versions", json={"schema": text})
        assert answer.status_code == 200, answer.text  # none is sent away, however many others change the subject
        found: dict[str, Any] = answer.json()
        return found

    found = at_once(*[partial(register, text) for text in texts])
    assert sorted(each["version"] for each in found) == list(range(1, WRITERS + 1))
    assert len({each["id"] for each in found}) == WRITERS
    for client in replicas.clients:
        assert client.get("/subjects/each/versions").json() == list(range(1, WRITERS + 1))
        for each in found:
            assert client.get(f"/schemas/ids/{each['id']}").json()["schema"] == each["schema"]
            assert client.get(f"/subjects/each/versions/{each['version']}").json()["id"] == each["id"]


def test_one_replica_sees_what_another_wrote(replicas: Replicas) -> None:
    for number in range(1, 9):
        writer, reader = replicas.next(), replicas.next()
        body = {"schema": record("Seen", *(f"f{n}" for n in range(number)))}
        one = writer.post("/subjects/seen/versions", json=body).json()
        assert reader.get("/subjects/seen/versions/latest").json()["version"] == number
        assert reader.post("/subjects/seen", json=body).json()["id"] == one["id"]
        assert reader.get(f"/schemas/ids/{one['id']}?subject=seen").json()["version"] == number
        replicas.next()


@pytest.mark.parametrize("turn", range(6))
def test_deletes_race_with_registrations(replicas: Replicas, turn: int) -> None:
    """Any order is right, but each step only whole: what is live afterwards is what somebody registered."""
    text, other, subject = record("Race", "a"), record("Race", "a", "b"), f"race-{turn}"
    replicas.register(subject, text)
    results = at_once(
        *[lambda: replicas.retried("DELETE", f"/subjects/{subject}").status_code] * 2,
        *[lambda: replicas.retried("DELETE", f"/subjects/{subject}?permanent=true").status_code] * 2,
        *[lambda: replicas.register(subject, other)["version"]] * 4,
        *[lambda: replicas.register(subject, text)["version"]] * 2,
    )
    assert set(results[:4]) <= {200, 404}
    live = replicas.retried("GET", f"/subjects/{subject}/versions")
    assert live.status_code in (200, 404)
    found = [
        replicas.next().get(f"/subjects/{subject}/versions/{number}").json()["schema"]
        for number in (live.json() if live.status_code == 200 else ())
    ]
    assert len(set(found)) == len(found)
    assert set(found) <= {text.replace(" ", ""), other.replace(" ", "")}


@pytest.mark.parametrize("turn", range(6))
def test_a_target_is_deleted_or_referred_to_but_not_both(replicas: Replicas, turn: int) -> None:
    target = f"target-{turn}"
    replicas.register(target, record(f"Target{turn}", "a"))
    replicas.retried("DELETE", f"/subjects/{target}").raise_for_status()
    text = json.dumps({"type": "record", "name": "User", "fields": [{"name": "t", "type": f"Target{turn}"}]})
    body = {"schema": text, "references": [{"name": f"Target{turn}", "subject": target, "version": 1}]}
    purge, *users = at_once(
        lambda: replicas.retried("DELETE", f"/subjects/{target}?permanent=true"),
        *[lambda n=n: replicas.retried("POST", f"/subjects/user-{turn}-{n}/versions", json=body) for n in range(4)],
    )
    if purge.status_code == 200:
        assert {user.json()["error_code"] for user in users} == {42201}
    else:
        assert purge.json()["error_code"] == 42206
        assert any(user.status_code == 200 for user in users)


def test_a_purged_schema_is_gone_everywhere(replicas: Replicas) -> None:
    for turn in range(4):
        one = replicas.register("gone", record(f"Gone{turn}", "a"))
        paths = [f"/schemas/ids/{one['id']}", f"/schemas/ids/{one['id']}?subject=gone", f"/schemas/guids/{one['guid']}"]
        for path, client in itertools.product(paths, replicas.clients * 2):
            assert client.get(path).status_code == 200
        replicas.next().delete("/subjects/gone").raise_for_status()
        replicas.next().delete("/subjects/gone?permanent=true").raise_for_status()
        deadline = time.monotonic() + 5  # other replicas hear of it right after the commit
        for path, client in itertools.product(paths, replicas.clients):
            while client.get(path).status_code != 404:
                assert time.monotonic() < deadline, path
                time.sleep(0.01)
        assert [client.get(path).status_code for path, client in itertools.product(paths, replicas.clients)] == [
            404
        ] * len(paths) * len(replicas.clients)


def test_modes_and_configs_hold_for_all_replicas_at_once(replicas: Replicas) -> None:
    replicas.register("moded", record("Moded", "a"))
    for _ in range(4):
        replicas.next().put("/mode/moded", json={"mode": "READONLY"}).raise_for_status()
        more = {"schema": record("Moded", "a", "b")}
        for client in replicas.clients:
            assert client.post("/subjects/moded/versions", json=more).json()["error_code"] == 42205
        replicas.next().delete("/mode/moded").raise_for_status()
        replicas.next()
    assert replicas.register("moded", record("Moded", "a", "b"))["version"] == 2
