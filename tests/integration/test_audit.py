"""The audit log: every change and every refusal is in it, from where; what is changed in the database is named."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from registry import cli as server
from registry import events
from registry.events import Actor
from registry.security import audit
from registry.security.audit import Signer
from registry.settings import Settings
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from tenor import cli
from tenor.chain import ed25519, verify
from tests.integration.callers import ADMINS, GUARDED, ask, bearer, guarded, minted, raw, token_of
from tests.integration.served import app_on, empty
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
SIGNER = Signer(bytes(range(32)))


@pytest.fixture(scope="module")
def store(engine_url: str) -> Iterator[Store]:
    opened = open_store(engine_url)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def log(store: Store) -> Store:
    """A log of 30 sealed events with two checkpoints, and two events that are not sealed."""

    def fill(db: Db) -> None:
        for number in range(30):
            events.record(
                db, Actor("me", origin="10.0.0.1" if number % 2 else None), "act", f"r:{number % 3}", n=number
            )

    def late(db: Db) -> None:
        for _ in range(2):
            events.record(db, Actor(), "late", "r:0")

    store.write_now(empty)
    store.write_now(fill)
    store.write_now(lambda db: events.seal(db, 20))
    store.write_now(lambda db: audit.make_checkpoint(db, SIGNER))
    store.write_now(events.seal)
    store.write_now(lambda db: audit.make_checkpoint(db, SIGNER))
    store.write_now(late)
    return store


def _problems(store: Store) -> list[tuple[str, int]]:
    report = store.read_now(lambda db: audit.check(db, SIGNER))
    return [(each.kind, each.sequence) for each in report.problems]


def test_a_log_that_nobody_touched_is_sound(log: Store) -> None:
    report = log.read_now(lambda db: audit.check(db, SIGNER))
    assert report.sound
    assert (report.sealed, report.unsealed, report.checkpoints, report.signatures) == (30, 2, 2, 2)
    assert log.write_now(lambda db: audit.make_checkpoint(db, SIGNER)) is None  # nothing new was sealed
    assert not log.read_now(audit.due)


# What somebody does to the database behind the server's back, and what is said of it.
TAMPERING: list[tuple[str, list[tuple[str, int]]]] = [
    ("UPDATE event SET body = '{\"n\":99}' WHERE sequence = 7", [("edited", 7)]),
    ("UPDATE event SET actor = 'you' WHERE sequence = 1", [("edited", 1)]),
    ("UPDATE event SET action = 'x' WHERE sequence = 30", [("edited", 30)]),
    ("UPDATE event SET resource = 'r:9' WHERE sequence = 20", [("edited", 20)]),
    ("UPDATE event SET at = at + 1 WHERE sequence = 12", [("edited", 12)]),
    ("UPDATE event SET origin = '1.1.1.1' WHERE sequence = 4", [("edited", 4)]),
    ("UPDATE event SET origin = NULL WHERE sequence = 4", [("edited", 4)]),
    ("UPDATE event SET body = '' WHERE sequence = 9", [("edited", 9), ("unreadable", 9)]),
    ("DELETE FROM event WHERE sequence = 11", [("missing", 11)]),
    ("DELETE FROM event WHERE sequence BETWEEN 3 AND 5", [("missing", 3)]),
    ("DELETE FROM event WHERE sequence = 1", [("missing", 1)]),
    ("DELETE FROM event WHERE sequence = 20", [("missing", 20), ("missing", 20)]),  # one says its checkpoint
    ("DELETE FROM event WHERE sequence > 25", [("truncated", 30)]),
    ("UPDATE event SET hash = NULL WHERE sequence = 8", [("edited", 8), ("missing", 8)]),
    ("UPDATE event SET sequence = NULL WHERE sequence = 8", [("missing", 8), ("edited", 31)]),
    ("UPDATE checkpoint SET at = at + 1 WHERE sequence = 20", [("signature", 20)]),
    ("UPDATE checkpoint SET sequence = 19 WHERE sequence = 20", [("signature", 19), ("checkpoint", 19)]),
]


@pytest.mark.parametrize(("statement", "problems"), TAMPERING)
def test_what_is_changed_in_the_database_is_named(log: Store, statement: str, problems: list[tuple[str, int]]) -> None:
    log.write_now(lambda db: db.run(statement))
    assert _problems(log) == problems


def test_two_events_that_changed_places_are_named(log: Store) -> None:
    def swap(db: Db) -> None:
        for statement in (
            "UPDATE event SET sequence = -1 WHERE sequence = 14",
            "UPDATE event SET sequence = 14 WHERE sequence = 15",
            "UPDATE event SET sequence = 15 WHERE sequence = -1",
        ):
            db.run(statement)

    log.write_now(swap)
    assert {sequence for _, sequence in _problems(log)} == {14, 15, 16}


def test_a_log_chained_anew_contradicts_its_signed_checkpoints(log: Store) -> None:
    def anew(db: Db) -> None:
        db.run("UPDATE event SET actor = 'you' WHERE sequence = 5")
        db.run("UPDATE event SET sequence = NULL, hash = NULL")
        events.seal(db)

    log.write_now(anew)
    assert _problems(log) == [("checkpoint", 20), ("checkpoint", 30)]


def test_a_checkpoint_is_due_after_many_events_or_some_time(log: Store) -> None:
    log.write_now(events.seal)
    assert not log.read_now(audit.due)  # two events, a moment ago
    log.write_now(lambda db: db.run("UPDATE checkpoint SET at = 1"))
    assert log.read_now(audit.due)
    log.write_now(empty)
    assert not log.read_now(audit.due)


def test_keys_that_were_retired_go_on_counting(log: Store) -> None:
    other = Signer(bytes(32), (SIGNER.public,))
    assert log.read_now(lambda db: audit.check(db, other)).sound
    stranger = log.read_now(lambda db: audit.check(db, Signer(bytes(32))))
    assert [each.kind for each in stranger.problems] == ["signature", "signature"]
    text = f"{bytes(32).hex()}, {SIGNER.public.hex()}"
    assert audit.signer(Settings(audit_key=text), log) == other


def test_the_key_beside_an_sqlite_file_is_its_owners(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/t.db")
    try:
        first = audit.signer(Settings(), store)
        assert first == audit.signer(Settings(), store)
        assert os.stat(tmp_path / "t.db.audit-key").st_mode & 0o777 == 0o600
    finally:
        store.close()


# Over the API.


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with guarded(f"sqlite:///{tmp_path_factory.mktemp('audit')}/t.db") as client:
        yield client


def _until(client: httpx.Client, path: str, enough: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 10
    while not enough(found := client.get(path, headers=ADMINS).json()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_who_did_what_when_from_where_is_found(registry: httpx.Client) -> None:
    writer = bearer(token_of(registry, "writer", "developer@*"))
    for subject in ("a", "b"):
        registry.post(f"/subjects/{subject}/versions", json={"schema": '"int"'}, headers=writer)
    registry.delete("/subjects/b", headers=writer)

    def search(**criteria: str) -> list[tuple[str, str, str]]:
        found = registry.get("/api/v1/audit/events", params=criteria, headers=ADMINS).json()["items"]
        return [(each["actor"], each["action"], each["resource"]) for each in found]

    assert search(actor="writer") == [
        ("writer", "delete", "subject:b"), ("writer", "register", "subject:b"), ("writer", "register", "subject:a"),
    ]  # fmt: skip
    assert search(action="register", resource="subject:a") == [("writer", "register", "subject:a")]
    assert search(actor="writer", address="127.0.0.1") == search(actor="writer")
    assert search(address="8.8.8.8") == search(actor="writer", since="2100-01-01T00:00:00Z") == []
    assert search(actor="writer", until="2100-01-01T00:00:00Z", since="2020-01-01") == search(actor="writer")
    pages, cursor = [], ""
    while True:
        page = registry.get("/api/v1/audit/events", params={"limit": "2", "cursor": cursor}, headers=ADMINS).json()
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(pages) == len(registry.get("/api/v1/audit/events", headers=ADMINS).json()["items"])
    for bad in ({"since": "yesterday"}, {"cursor": "x"}, {"limit": "0"}):
        assert registry.get("/api/v1/audit/events", params=bad, headers=ADMINS).status_code == 400
    reader = bearer(token_of(registry, "reader", "reader@*"))
    for path in ("/api/v1/audit/events", "/api/v1/audit/export"):
        assert registry.get(path, headers=reader).status_code == 403
        assert registry.get(path, headers=bearer(token_of(registry, "auditor", "auditor@*"))).status_code == 200
    feed = {each["resource"] for each in registry.get("/api/v1/changes?limit=200", headers=reader).json()["items"]}
    assert not any(each.startswith(("identity:", "token:", "audit:")) for each in feed)


def test_no_secret_is_in_the_log(registry: httpx.Client) -> None:
    token = token_of(registry, "holder", "reader@*", description="d")
    body = {"name": "person", "password": "correct horse battery"}
    assert registry.post("/api/v1/identities", json=body, headers=ADMINS).status_code == 201
    registry.get("/subjects", headers=bearer(token[:-1]))
    told = registry.get("/api/v1/audit/export?limit=5000", headers=ADMINS).text
    for secret in (token, token[4:30], "correct horse", "argon2", ADMINS["authorization"][7:]):
        assert secret not in told


def test_refused_attempts_are_one_event_an_identity_and_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[dict[str, Any]]:
        async with app_on(f"sqlite:///{tmp_path}/t.db", GUARDED) as app:
            eve = raw(bearer(await minted(app, "eve", "reader@subject:a")))
            for number in range(300):
                assert (await ask(app, "GET", f"/subjects/s{number}/versions", eve, peer="10.0.0.9")).status == 403
                assert (await ask(app, "GET", "/pact/pacticipants", peer=f"10.0.1.{number % 250}")).status == 401
            assert (await ask(app, "GET", "/subjects/a/versions", eve)).status == 404  # no refusal
        # What was refused in a minute that is not over is written when the server stops.
        store = open_store(f"sqlite:///{tmp_path}/t.db")
        try:
            rows = store.read_now(
                lambda db: db.all("SELECT actor, origin, body FROM event WHERE action = 'refused' ORDER BY actor, pk")
            )
        finally:
            store.close()
        return [{"actor": actor, "origin": origin, **json.loads(body)} for actor, origin, body in rows]

    found = asyncio.run(run())
    assert sum(each["count"] for each in found) == 600
    assert len(found) <= 4  # two identities, and a minute may have ended in between
    assert {each["actor"] for each in found} == {"anonymous", "eve"}
    for each in found:
        if each["actor"] == "eve":
            assert each["origin"] == "10.0.0.9"
            assert list(each["routes"]) == ["403 GET /subjects/{subject}/versions"]
        else:
            assert each["origin"] is None
            assert len(each["origins"]) <= 21


# The commands.


class Ran(NamedTuple):
    """What a command came to."""

    code: int
    out: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process: `tenor-server token …` or `tenor audit …`."""
    mains = {"tenor": cli.main, "tenor-server": server.main}

    def ran(name: str, *arguments: object) -> Ran:
        capsys.readouterr()
        code = mains[name]([str(each) for each in arguments])
        return Ran(code, capsys.readouterr().out)

    return ran


def test_an_export_is_verified_without_a_server(
    tmp_path: Path, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    for name in [each for each in os.environ if each.startswith("TENOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    token = run("tenor-server", "token", "--database-url", url, "create", "root", "--grant", "admin@*").out.strip()
    environment = {"TENOR_DATABASE_URL": url, "TENOR_AUTHENTICATION": "on"}
    with served([SERVER, "serve"], cwd=tmp_path, environment=environment) as client:
        address = ("--registry", str(client.base_url))
        assert run("tenor", "whoami", *address).code == 4
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
        assert run("tenor", "login", "--with-token", *address).code == 0
        kept = tmp_path / "tenor" / "credentials.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        said = json.loads(run("tenor", "whoami", *address, "--output", "json").out)
        assert (said["name"], said["grants"]) == ("root", ["admin@*"])
        for number in range(5):
            client.put(f"/config/s{number}", json={"compatibility": "NONE"}, headers=bearer(token))
        _until_sealed(client, token)
        key = _checkpoint(url)
        exported = run("tenor", "audit", "export", tmp_path / "log.jsonl", *address)
        assert exported.code == 0
        again = run("tenor", "audit", "export", tmp_path / "log.jsonl", *address)
        assert again.code == 2  # the file is there
        tail = run("tenor", "audit", "tail", "-n", "3", "--resource", "scope:", *address)
        assert [line.split()[4] for line in tail.out.splitlines()] == ["scope:s2", "scope:s3", "scope:s4"]
    assert run("tenor-server", "verify-audit", "--database-url", url).code == 0

    path = tmp_path / "log.jsonl"
    lines = path.read_text().splitlines()
    sound = run("tenor", "audit", "verify", path)
    assert sound.code == 0
    assert "nothing was changed" in sound.out
    places = [number for number, line in enumerate(lines) if '"event"' in line]

    def verified(changed: list[str]) -> tuple[int, list[dict[str, Any]]]:
        other = tmp_path / "changed.jsonl"
        other.write_text("\n".join(changed) + "\n")
        done = run("tenor", "audit", "verify", other, "--output", "json")
        return done.code, json.loads(done.out).get("problems", [])

    edited = [*lines]
    edited[places[2]] = edited[places[2]].replace('"actor":"', '"actor":"x')
    code, problems = verified(edited)
    assert (code, [(each["kind"], each["sequence"]) for each in problems]) == (1, [("edited", 3)])
    code, problems = verified([line for number, line in enumerate(lines) if number != places[4]])
    assert (code, problems[0]["kind"], problems[0]["sequence"]) == (1, "missing", 5)
    swapped = [*lines]
    swapped[places[1]], swapped[places[2]] = swapped[places[2]], swapped[places[1]]
    assert verified(swapped)[0] == 1
    for broken in (["{}"], ["not json"], [lines[0], "[]"], [lines[0], '{"event":{}}'], [""]):
        assert verified(broken)[0] == 2
    assert run("tenor", "audit", "verify", path, "--key", "00").code == 2
    trusted = run("tenor", "audit", "verify", path, "--key", key)
    assert (trusted.code, "1 checkpoints, 1 signatures hold" in trusted.out) == (0, True)
    stranger = run("tenor", "audit", "verify", path, "--key", SIGNER.public.hex())
    assert (stranger.code, "signed with an unknown key" in stranger.out) == (1, True)
    assert run("tenor", "audit", "verify", path, "--no-signatures").code == 0
    assert run("tenor", "audit", "verify", tmp_path / "nowhere").code == 2

    store = open_store(url)
    store.write_now(lambda db: db.run("UPDATE event SET body = '{}' WHERE sequence = 3"))
    store.close()
    named = run("tenor-server", "verify-audit", "--database-url", url)
    assert named == (1, "3: edited: event 3 is not what was sealed\n")


def _checkpoint(url: str) -> str:
    """Sign the log as its server would in time; the public key."""
    store = open_store(url)
    try:
        signer = audit.signer(Settings(), store)
        assert signer is not None
        assert store.write_now(lambda db: audit.make_checkpoint(db, signer)) is not None
        return signer.public.hex()
    finally:
        store.close()


def _until_sealed(client: httpx.Client, token: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        items = client.get("/api/v1/audit/events", headers=bearer(token)).json()["items"]
        if len(items) > 5 and items[0]["sequence"] is not None:
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_exported_part_is_what_the_chain_is_over(log: Store) -> None:
    first = log.read_now(lambda db: audit.part(db, 0, 25))
    assert (len(first.events), first.next, len(first.checkpoints)) == (25, 25, 1)
    rest = log.read_now(lambda db: audit.part(db, 25, 25))
    assert (len(rest.events), rest.next, len(rest.checkpoints)) == (7, None, 1)
    whole, marks = first.events + rest.events, first.checkpoints + rest.checkpoints
    assert verify(whole, marks, SIGNER.keys, holds=ed25519).sound
