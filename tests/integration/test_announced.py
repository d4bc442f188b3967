"""What people are told of schemas: signed webhooks in the shape of a chat, sent to a server of our own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import announcing, deliveries, webhooks
from registry import app
from registry.settings import Settings
from tests.integration.served import client_on
from tests.integration.test_v1_impact import (
    NUMBER,
    V1,
    deploy,
    environment,
    protect,
    publish,
    recorded,
    register,
    without,
)

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()


class Listener:
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        received: list[tuple[dict[str, str], str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.received = received
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def texts(self, count: int) -> list[str]:
        """The sentences of so many requests."""
        deadline = time.monotonic() + 15
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.received) == count, self.received
        return [json.loads(body)["text"] for _, body in self.received]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(announcing, "EVERY", 0.02)
    monkeypatch.setattr(deliveries, "_POLL", 0.02)
    monkeypatch.setattr(app, "_SEAL_EVERY", 0.02)
    monkeypatch.setattr(webhooks, "FIRST_ATTEMPT", timedelta(0))
    settings = Settings(webhook_schemes="http", webhook_private=True)
    with client_on(f"sqlite:///{tmp_path / 't.db'}", settings) as client:
        yield client


def hook(client: httpx.Client, listener: Listener, *events: str, **request: Any) -> Any:
    body = {
        "events": [{"name": event} for event in events],
        "request": {"method": "POST", "url": listener.url, "secret": SECRET, **request},
    }
    answer = client.post("/pact/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_registered_refused_and_whom_it_hurts(client: httpx.Client, listener: Listener) -> None:
    register(client, V1)
    time.sleep(0.2)
    shown = hook(client, listener, "schema_registered", "schema_refused", "impact_found")
    assert shown["request"]["secret"] == webhooks.MASK
    publish(client, "1.4", recorded("billing", {"/total": NUMBER}))
    deploy(client, "billing", "1.4", environment(client, "prod"))
    register(client, without("id"))
    assert listener.texts(1) == ["orders-value has version 2, registered by anonymous"], (
        "not what was before the webhook"
    )
    register(client, {**V1, "fields": V1["fields"][2:]})
    registered, hurt = sorted(listener.texts(3)[1:])  # two deliveries, on their way at once
    assert registered.startswith("orders-value has version 3")
    assert hurt.startswith("orders-value version 3: billing 1.4 in prod breaks on /total")
    protect(client, {"protect": "used"})
    assert (
        client.post("/subjects/orders-value/versions", json={"schema": json.dumps({**V1, "fields": []})}).status_code
        == 409
    )
    client.post(
        "/api/v1/subjects/orders-value/versions?dry_run=true", json={"schema": json.dumps({**V1, "fields": []})}
    )
    assert "was refused: billing 1.4 in prod breaks on /total" in listener.texts(4)[3]
    headers, body = listener.received[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    expected = hmac.new(b"a key of thirty-two bytes, or so", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert headers["content-type"] == "application/json"


def test_a_waiver_that_ends_is_announced_once(client: httpx.Client, listener: Listener) -> None:
    hook(client, listener, "waiver_expiring", body={"text": "${pactbroker.owner}: ${pactbroker.text}"})
    soon = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    late = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    for until, reason in ((soon, "soon over"), (late, "far away")):
        body = {"until": until, "reason": reason, "owner": "team"}
        assert client.post("/api/v1/subjects/s/waivers", json=body).status_code == 201
    text = listener.texts(1)[0]
    assert text.startswith("team: A waiver for s ends on ")
    time.sleep(0.3)
    assert len(listener.received) == 1


def test_a_webhook_of_one_consumer_hears_of_it_only(client: httpx.Client, listener: Listener) -> None:
    publish(client, "1", recorded("billing", {"/total": NUMBER}))
    publish(client, "1", recorded("search", {"/sku": NUMBER}))
    place = environment(client, "prod")
    deploy(client, "billing", "1", place)
    deploy(client, "search", "1", place)
    body = {
        "consumer": {"name": "billing"},
        "events": [{"name": "impact_found"}],
        "request": {"method": "POST", "url": listener.url},
    }
    assert client.post("/pact/webhooks", json=body).status_code == 201
    client.put("/config", json={"compatibility": "NONE"})
    register(client, {**V1, "fields": [{"name": "total", "type": "double"}]})
    register(client, {**V1, "fields": [{"name": "sku", "type": "double"}]}, "orders-value")
    assert "billing 1 in prod breaks" in listener.texts(1)[0]
    assert "webhook-signature" not in listener.received[0][0]


def test_a_version_that_leaves_its_window_is_announced_once(client: httpx.Client, listener: Listener) -> None:
    hook(client, listener, "window_closing")
    register(client, V1)
    register(client, without("id"))
    protect(client, {"readable_for": {"days": 3}})
    assert listener.texts(1)[0].startswith("orders-value version 1 may be deleted from 20")
    time.sleep(0.3)
    assert len(listener.received) == 1


def test_a_proof_that_fails_is_announced(client: httpx.Client, listener: Listener) -> None:
    register(client, V1)
    register(client, {**V1, "fields": [*V1["fields"], {"name": "more", "type": "int", "default": 7}]})
    hook(client, listener, "proof_failed")
    upcasts = "/api/v1/subjects/orders-value/upcasts"
    plan = client.post(f"{upcasts}/derive", json={"old": 1, "new": 2}).json()["plan"]
    wrong = json.loads(json.dumps(plan).replace('"value": 7', '"value": 8'))
    assert client.put(f"{upcasts}/1..2", json={"plan": wrong, "examples": 20}).status_code == 422
    assert listener.texts(1) == ["The upcaster of orders-value from version 1 to version 2 failed its proof (P4)"]
