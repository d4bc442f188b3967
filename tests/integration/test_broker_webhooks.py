"""Webhooks: a receiver that fails, hangs, redirects or lies never blocks publishing; nothing is lost, nothing is sent
for what was not committed, and no secret is stored or shown in clear text."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import composition
from contracts.deliveries import Deliveries
from contracts.queries import environments
from contracts.sending import Sent, send
from contracts.webhooks import Prepared, Rules
from registry.errors import RegistryError
from registry.settings import Settings
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from tests.integration.served import client_on, empty
from tests.pacts import Broker, message, path

OPEN = Settings(webhook_schemes="http,https", webhook_private=True, secret_key="of the tests")


@dataclass
class Receiver:
    """An HTTP server that answers as told and remembers what came."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0
    got: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wait(self, count: int, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while len(self.got) < count:
            assert time.monotonic() < deadline, f"{len(self.got)} of {count} came"
            time.sleep(0.02)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            told.got.append((self.path, dict(self.headers), body))
            time.sleep(told.hang)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", autouse=True)
def _impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("contracts.deliveries._POLL", 0.05)
        yield


@pytest.fixture(scope="module")
def _served_broker(engine_url: str) -> Iterator[tuple[httpx.Client, Store]]:
    store = open_store(engine_url)
    with client_on(engine_url, OPEN, store=store) as client:
        yield client, store


@pytest.fixture
def broker_store(_served_broker: tuple[httpx.Client, Store]) -> Store:
    return _served_broker[1]


@pytest.fixture
def broker(_served_broker: tuple[httpx.Client, Store]) -> Broker:
    client, store = _served_broker
    store.write_now(empty)
    store.write_now(lambda db: environments.seed(db, 0))
    return Broker(client)


def hook(broker: Broker, url: str, *events: str, **more: Any) -> dict[str, Any]:
    body = {
        "description": "told",
        "events": [{"name": name} for name in events],
        "request": {
            "method": "POST",
            "url": url,
            "headers": {"Authorization": "Bearer s3cret", "Content-Type": "application/json"},
            "body": {"event": "${pactbroker.eventName}", "who": "${pactbroker.consumerName}"},
        },
        **more,
    }
    answer = broker.client.post(path("webhooks"), json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def due(db: Db) -> None:
    """A writing job: what waits is due now."""
    db.run("UPDATE delivery SET due_at = 0 WHERE status = 'waiting'")


def deliveries(store: Store) -> list[tuple[str, int]]:
    return [
        (str(status), int(attempts))
        for status, attempts in store.read_now(lambda db: db.all("SELECT status, attempts FROM delivery ORDER BY pk"))
    ]


def settled(store: Store, count: int = 1) -> list[tuple[str, int]]:
    """Firings once nothing is being sent any more."""
    deadline = time.monotonic() + 20
    while True:
        rows = store.read_now(lambda db: db.all("SELECT COUNT(*) FROM delivery_attempt"))
        if rows[0][0] >= count:
            return deliveries(store)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_each_event_fires_the_webhooks_that_are_about_it(
    broker: Broker, broker_store: Store, receiver: Receiver
) -> None:
    hook(
        broker,
        receiver.url + "?v=${pactbroker.consumerVersionNumber}",
        "contract_published",
        "contract_content_changed",
        "contract_requiring_verification_published",
        "provider_verification_published",
        "provider_verification_succeeded",
        "provider_verification_failed",
    )
    broker.version("api", "9", branch="main")
    broker.version("api", "8")
    broker.deploy("api", "8", "production")
    broker.publish("shop", "1 2", "api", [message("a")])
    broker.result("shop", "1 2", "api", "9", success=True)
    broker.publish("shop", "3", "api", [message("a")])
    broker_store.write_now(due)
    receiver.wait(8)
    events = sorted(json.loads(body)["event"] for _, _, body in receiver.got)
    assert events == [
        "contract_content_changed",
        "contract_published",
        "contract_published",
        "contract_requiring_verification_published",  # for 9, the head of the main branch
        "contract_requiring_verification_published",  # for 8, deployed
        "contract_requiring_verification_published",  # for 8 again: it never verified the content
        "provider_verification_published",
        "provider_verification_succeeded",
    ]
    where, headers, body = receiver.got[0]
    assert where in ("/hook?v=1%202", "/hook?v=3")
    assert headers["Authorization"] == "Bearer s3cret"
    assert json.loads(body)["who"] == "shop"


def test_a_receiver_that_fails_is_tried_again_and_one_that_answers_is_not(
    broker: Broker, broker_store: Store, receiver: Receiver
) -> None:
    receiver.status = 500
    hook(broker, receiver.url, "contract_published")
    broker.publish("shop", "1", "api", [])
    broker_store.write_now(due)
    receiver.wait(1)
    assert settled(broker_store) == [("waiting", 1)]
    receiver.status = 204
    broker_store.write_now(due)
    receiver.wait(2)
    assert settled(broker_store, 2) == [("success", 2)]
    triggered = broker.get("pacts", "provider", "api", "consumer", "shop", "version", "1", "triggered-webhooks")
    (one,) = triggered["_embedded"]["triggeredWebhooks"]
    assert (one["status"], one["attemptsMade"]) == ("success", 2)
    log = broker.client.get(broker.follow(one["_links"]["pb:logs"]["href"])).text
    assert "500" in log
    assert "Tried again in 10 s." in log
    assert "s3cret" not in log
    summary = broker.get("pacts", "provider", "api", "consumer", "shop", "webhooks", "status")["summary"]
    assert summary == {"successful": 1, "failed": 0}


def test_a_webhook_is_given_up_after_the_last_retry(broker: Broker, broker_store: Store, receiver: Receiver) -> None:
    receiver.status = 503
    hook(broker, receiver.url, "contract_published")
    broker.publish("shop", "1", "api", [])
    for attempt in range(1, 8):
        broker_store.write_now(due)
        receiver.wait(attempt)
        settled(broker_store, attempt)
    assert deliveries(broker_store) == [("failure", 7)]


def test_a_receiver_that_hangs_blocks_nobody(broker: Broker, broker_store: Store, receiver: Receiver) -> None:
    receiver.hang = 3
    for _ in range(3):
        hook(broker, receiver.url, "contract_published")
    broker.publish("shop", "1", "api", [])
    broker_store.write_now(due)
    receiver.wait(1)
    started = time.monotonic()
    broker.publish("shop", "2", "api", [message("b")])
    assert broker.get("pacticipants", "shop", "versions", "2")["number"] == "2"
    assert time.monotonic() - started < 2
    receiver.hang = 0


def test_redirects_are_not_followed(broker: Broker, broker_store: Store, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"location": receiver.url + "/private"}
    hook(broker, receiver.url, "contract_published")
    broker.publish("shop", "1", "api", [])
    broker_store.write_now(due)
    settled(broker_store)
    assert [where for where, _, _ in receiver.got] == ["/hook"]


def test_nothing_is_sent_for_what_was_rolled_back(broker: Broker, broker_store: Store, receiver: Receiver) -> None:
    hook(broker, receiver.url, "contract_published")
    broker.publish("shop", "1", "api", [message("a")])
    broker.publish("shop", "1", "api", [message("b")], status=409)

    class Undone(RegistryError):
        sentence = "undone"

    from contracts import broker as use_cases
    from contracts import publishing
    from contracts.urls import Urls
    from registry.events import Actor

    options, sealer = composition.options_of(OPEN), composition.sealer_of(OPEN, broker_store)
    desk = use_cases.Desk(Actor(), options, sealer, Urls("http://x/pact"))
    body = {
        "pacticipantName": "shop",
        "pacticipantVersionNumber": "2",
        "contracts": [
            {
                "consumerName": "shop",
                "providerName": "api",
                "specification": "pact",
                "contentType": "application/json",
                "content": "e30=",
            }
        ],
    }

    def job(db: Db) -> None:
        use_cases.publish(db, desk, publishing.publication(body))
        raise Undone

    with pytest.raises(Undone):
        broker_store.write_now(job)
    assert len(deliveries(broker_store)) == 1


def test_secrets_are_neither_stored_nor_shown_in_clear_text(broker: Broker, broker_store: Store) -> None:
    one = hook(broker, "https://example.org/", "contract_published")
    assert one["request"]["headers"]["Authorization"] == "**********"
    broker.publish("shop", "1", "api", [])
    stored = broker_store.read_now(
        lambda db: db.all("SELECT request FROM webhook UNION ALL SELECT request FROM delivery")
    )
    assert len(stored) == 2
    assert all(b"s3cret" not in bytes(request) for (request,) in stored)
    one["description"] = "changed"
    again = broker.client.put(path("webhooks", one["uuid"]), json=one)
    assert (again.status_code, again.json()["description"]) == (200, "changed")
    from contracts import hooks

    sealer = composition.sealer_of(OPEN, broker_store)
    kept = broker_store.read_now(lambda db: hooks.webhook(db, sealer, one["uuid"]))
    assert kept.webhook.request.headers["Authorization"] == "Bearer s3cret"


def test_webhooks_are_kept_listed_tried_and_deleted(broker: Broker, receiver: Receiver) -> None:
    broker.publish("shop", "1", "api", [])
    about = broker.client.post(
        path("webhooks", "provider", "api", "consumer", "shop"),
        json={"request": {"method": "POST", "url": receiver.url, "body": "${pactbroker.consumerVersionNumber}"}},
    )
    assert about.status_code == 201
    assert about.json()["consumer"] == {"name": "shop"}
    missing = broker.client.post(path("webhooks", "provider", "nobody"), json=about.json())
    assert missing.status_code == 404
    uuid = "a-uuid-of-my-own-choice"
    body = {"request": {"method": "POST", "url": receiver.url}, "consumer": {"label": "web"}, "enabled": False}
    assert broker.client.put(path("webhooks", uuid), json=body).status_code == 201
    assert broker.client.put(path("webhooks", uuid), json=body).status_code == 200
    assert len(broker.get("webhooks")["_embedded"]["webhooks"]) == 2
    assert len(broker.get("webhooks", "consumer", "shop")["_embedded"]["webhooks"]) == 1
    broker.client.put(path("pacticipants", "shop", "labels", "web"))
    assert len(broker.get("pacts", "provider", "api", "consumer", "shop", "webhooks")["_embedded"]["webhooks"]) == 2
    tried = broker.client.post(broker.follow(about.json()["_links"]["pb:execute"]["href"]), json={})
    assert (tried.status_code, tried.json()["success"]) == (200, True)
    assert receiver.got[0][2] == "1"
    assert broker.client.post(path("webhooks", uuid, "execute")).status_code == 400
    unsaved = {"request": {"method": "POST", "url": f"http://127.0.0.1:{_closed_port()}/"}}
    assert broker.client.post(path("webhooks", "execute"), json=unsaved).json()["success"] is False
    assert broker.client.delete(path("webhooks", uuid)).status_code == 204
    assert broker.client.get(path("webhooks", uuid)).status_code == 404
    refused = broker.client.post(path("webhooks"), json={"request": {"method": "GET", "url": "ftp://x"}})
    assert set(refused.json()["errors"]) == {"request.method", "request.url"}


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_deliveries_survive_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    with client_on(url, OPEN) as client:
        broker = Broker(client)
        hook(broker, receiver.url, "contract_published")
        broker.publish("shop", "1", "api", [])
    assert receiver.got == []
    store = open_store(url)
    # A process died while it was sending: its claim ends.
    store.write_now(lambda db: db.run("UPDATE delivery SET status = 'sending', attempts = 1, due_at = 0"))
    store.close()
    with client_on(url, OPEN):
        receiver.wait(1)


def test_two_processes_do_not_send_one_firing_twice(pg_url: str, receiver: Receiver) -> None:
    with client_on(pg_url, OPEN) as client:
        broker = Broker(client)
        hook(broker, receiver.url, "contract_published")
        stores = [open_store(pg_url), open_store(pg_url)]
        options, sealer = composition.options_of(OPEN), composition.sealer_of(OPEN, stores[0])
        for number in range(20):
            broker.publish("shop", str(number), "api", [])
        stores[0].write_now(due)

        async def both() -> None:
            workers = [Deliveries(store, sealer, options, print) for store in stores]
            for _ in range(4):
                await asyncio.gather(*(worker.round() for worker in workers))

        asyncio.run(both())
        receiver.wait(20)
        time.sleep(0.2)
        assert len(receiver.got) == 20
        for store in stores:
            store.close()


def test_without_a_key_postgresql_takes_no_secrets(pg_url: str) -> None:
    with client_on(pg_url, Settings(webhook_schemes="http")) as client:
        broker = Broker(client)
        body = {"request": {"method": "POST", "url": "http://example.org/", "password": "p"}}
        refused = broker.client.post(path("webhooks"), json=body)
        assert (refused.status_code, "TENOR_SECRET_KEY" in refused.json()["error"]) == (422, True)
        body = {"request": {"method": "POST", "url": "http://example.org/"}}
        assert broker.client.post(path("webhooks"), json=body).status_code == 201


# sending


def prepared(url: str) -> Prepared:
    return Prepared("POST", url, {"X": "é"}, "body", "user", "word")


def test_private_addresses_are_refused_whatever_a_name_resolves_to(receiver: Receiver) -> None:
    def private(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    rules = Rules(schemes=("http",))
    sent = send(prepared(f"http://public.example:{receiver.port}/"), rules, addresses=private)
    assert (sent.success, sent.final) == (False, True)
    assert "not a public address" in sent.log
    assert receiver.got == []
    assert not send(prepared("https://127.0.0.1/"), rules).success
    listed = Rules(schemes=("http",), hosts=("public.example",))
    sent = send(prepared(f"http://public.example:{receiver.port}/x?y=1"), listed, addresses=private)
    assert (sent.success, sent.log.endswith("200\nok")) == (True, True)
    (came,) = receiver.got
    assert came[0] == "/x?y=1"
    assert came[1]["Host"] == f"public.example:{receiver.port}"
    assert came[1]["Authorization"].startswith("Basic ")


@contextmanager
def dripping() -> Iterator[int]:
    """A server that sends a byte now and then, for ever."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while not stop.wait(0.1):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    stop.set()
    server.close()
    thread.join(5)


def test_an_attempt_ends_in_time_whatever_the_other_side_does(receiver: Receiver) -> None:
    rules = Rules(schemes=("http",), private=True)
    with dripping() as port:
        started = time.monotonic()
        sent: Sent = send(prepared(f"http://127.0.0.1:{port}/"), rules, deadline=1)
        assert not sent.success
        assert time.monotonic() - started < 5
    receiver.hang = 2
    started = time.monotonic()
    assert not send(prepared(receiver.url), rules, deadline=0.5).success
    assert time.monotonic() - started < 1.9
    assert not send(prepared(f"http://127.0.0.1:{_closed_port()}/"), rules).success
    assert not send(prepared("http://no.such.host.invalid/"), rules).success


def test_a_key_is_made_beside_the_database_when_the_first_secret_comes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/t.db")
    migrate(store)
    sealer = composition.sealer_of(Settings(), store)
    assert not (tmp_path / "t.db.key").exists()
    sealed = sealer.seal("s3cret", secret=True)
    assert (tmp_path / "t.db.key").stat().st_mode & 0o077 == 0
    assert composition.sealer_of(Settings(), store).open(sealed) == "s3cret"
    with pytest.raises(RegistryError):
        composition.sealer_of(Settings(secret_key="another"), store).open(sealed)
    assert sealer.open(sealer.seal("plain", secret=False)) == "plain"
    store.close()
