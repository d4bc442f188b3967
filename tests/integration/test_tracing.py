"""Traces as an OTLP receiver gets them: requests by route, the store's work below them, webhooks; and no secret."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from contracts.sending import Sent
from contracts.tracing import traced
from contracts.webhooks import Prepared, Rules
from registry import tracing as tracing_module
from registry.errors import Busy
from registry.settings import InvalidSetting, Settings
from registry.store.engine import Db
from tests.integration.served import client_on, empty
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
SECRET = "do-not-tell"
SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": [{"name": SECRET.replace("-", "_"), "type": "int"}]})
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ON = Settings(otel=True)


@dataclass(frozen=True)
class Span:
    """A span as it came over the wire, as far as the tests look."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    failed: bool
    links: int


@dataclass
class Collector:
    """An OTLP receiver."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    status: int = 200

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    @property
    def resource(self) -> dict[str, Any]:
        return _plain(self.requests[0].resource_spans[0].resource.attributes)

    @property
    def spans(self) -> list[Span]:
        return [
            Span(
                span.name,
                span.kind,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                _plain(span.attributes),
                span.status.code == 2,
                len(span.links),
            )
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    told = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            told.paths.add(self.path)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(told.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{told.port}")
    yield told
    server.shutdown()
    server.server_close()


@contextmanager
def traced_client(url: str, settings: Settings = ON) -> Iterator[httpx.Client]:
    """A client of a traced server on an empty database; what was traced is with the collector after the block."""
    with client_on(url, replace(settings, database_url=url)) as client:
        yield client


@pytest.fixture
def url(engine_url: str) -> str:
    from registry.store.engine import open_store
    from registry.store.migrations import migrate

    store = open_store(engine_url)
    migrate(store)
    store.write_now(empty)
    store.close()
    return engine_url


def test_requests_are_spans_by_route_and_the_store_is_below_them(url: str, collector: Collector) -> None:
    with traced_client(url) as client:
        client.post(
            f"/subjects/{SECRET}/versions", json={"schema": SCHEMA},
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "authorization": f"Bearer {SECRET}"},
        ).raise_for_status()  # fmt: skip
        for _ in range(3):  # the later ones are ready answers
            client.get("/schemas/ids/1").raise_for_status()
        client.get(f"/subjects/{SECRET}/versions?deleted={SECRET}").raise_for_status()
        assert client.get(f"/subjects/missing-{SECRET}/versions/1").status_code == 404
        client.head(f"/subjects/{SECRET}/versions").raise_for_status()
        assert client.request("BREW", "/subjects").status_code == 405
    assert collector.paths == {"/v1/traces"}
    assert collector.resource["service.name"] == "tenor-server"
    server = [span for span in collector.spans if span.kind == 2]
    assert [(span.name, span.attributes["http.response.status_code"]) for span in server] == [
        ("POST /subjects/{subject}/versions", 200),
        *[("GET /schemas/ids/{id}", 200)] * 3,
        ("GET /subjects/{subject}/versions", 200),
        ("GET /subjects/{subject}/versions/{version}", 404),
        ("HEAD /subjects/{subject}/versions", 200),
        ("_OTHER unmatched", 405),
    ]
    assert [span.attributes.get("tenor.kind") for span in server] == [
        "subject", "schema", "schema", "schema", "subject", "subject", "subject", None
    ]  # fmt: skip
    assert not any(span.failed for span in server)
    posted = server[0]
    assert (posted.trace, posted.parent) == (TRACE, PARENT)
    assert all(span.trace != TRACE and span.parent == "" for span in server[1:])
    (write,) = [span for span in collector.named("store.write") if span.trace == TRACE]
    (batch,) = [span for span in collector.named("store.batch") if span.trace == TRACE]
    (lock,) = [span for span in collector.named("store.lock") if span.trace == TRACE]
    assert (write.parent, batch.parent, lock.parent) == (posted.id, write.id, batch.id)
    assert (batch.attributes["tenor.jobs"], batch.links) == (1, 0)
    system = "sqlite" if url.startswith("sqlite") else "postgresql"
    assert {span.attributes["db.system.name"] for span in (write, batch, lock)} == {system}
    reads = [span for span in collector.named("store.read") if span.trace == TRACE]
    assert reads
    assert all(span.parent == posted.id for span in reads)
    assert all(span.parent for span in collector.spans if span.name.startswith("store."))
    for body in collector.bodies:
        assert SECRET.encode() not in body
        assert SECRET.replace("-", "_").encode() not in body


def test_one_batch_of_many_requests_is_linked_to_all(url: str, collector: Collector) -> None:
    tracing = tracing_module.Tracing()
    store = tracing.open_store(url)
    gate, held = threading.Event(), threading.Event()

    def hold(db: Db) -> None:
        held.set()
        gate.wait(10)

    store.submit(hold)
    assert held.wait(10)

    def write(db: Db) -> None:
        db.run("INSERT INTO mode (scope, mode) VALUES (:scope, 'READWRITE')", scope=threading.current_thread().name)
        db.run("DELETE FROM mode")

    for number in range(3):
        with tracing.span(f"request {number}"):
            store.submit(write)
    store.submit(write)  # nobody's
    gate.set()
    store.close()
    tracing.close()
    (batch,) = collector.named("store.batch")
    assert (batch.attributes["tenor.jobs"], batch.links) == (4, 2)
    assert batch.parent == collector.named("request 0")[0].id


def test_an_error_is_told_by_its_type_alone(url: str, collector: Collector) -> None:
    tracing = tracing_module.Tracing()
    store = tracing.open_store(url)

    def fail(db: Db) -> None:
        raise Busy(reason=SECRET)

    with pytest.raises(Busy), tracing.span("request"):
        store.read_now(fail)
    store.close()
    tracing.close()
    (read,) = collector.named("store.read")
    assert read.failed
    assert read.attributes["error.type"] == "Busy"
    assert SECRET.encode() not in b"".join(collector.bodies)


UNREADABLE = [
    "",
    "00",
    f"00-{TRACE}-{PARENT}",
    f"00-{'0' * 32}-{PARENT}-01",
    f"ff-{TRACE}-{PARENT}-01",
    "x" * 5000,
    "é",
]


def test_a_parent_that_cannot_be_read_starts_a_trace(tmp_path: Any, collector: Collector) -> None:
    with traced_client(f"sqlite:///{tmp_path / 't.db'}") as client:
        for header in UNREADABLE:
            told = [(b"traceparent", header.encode()), (b"tracestate", b"=,=" * 300)]
            client.get("/subjects", headers=told).raise_for_status()
        twice = [(b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())] * 2
        client.get("/subjects", headers=twice).raise_for_status()
    spans = collector.named("GET /subjects")
    assert [(span.parent, span.trace == TRACE) for span in spans] == [("", False)] * (len(UNREADABLE) + 1)


def test_a_caller_that_does_not_sample_is_not_sampled(tmp_path: Any, collector: Collector) -> None:
    with traced_client(f"sqlite:///{tmp_path / 't.db'}") as client:
        client.get("/subjects", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"}).raise_for_status()
    assert collector.bodies == []


def test_webhooks_tell_their_host_and_carry_the_trace(collector: Collector) -> None:
    tracing = tracing_module.Tracing()
    sent: list[Prepared] = []

    def send(prepared: Prepared, rules: Rules) -> Sent:
        sent.append(prepared)
        return Sent(len(sent) == 1, f"POST {prepared.url}: told", status=204 if len(sent) == 1 else None)

    sending = traced(send, tracing)
    url = f"https://user:{SECRET}@hooks.example:8443/{SECRET}?token={SECRET}"
    hook = Prepared("POST", url, {"Authorization": SECRET}, SECRET, username=SECRET, password=SECRET)
    sending(hook, Rules())
    sending(replace(hook, headers={"Traceparent": "mine"}), Rules())
    tracing.close()
    delivered, failed = collector.named("POST webhook")
    assert (delivered.kind, delivered.failed, failed.failed) == (3, False, True)
    assert delivered.attributes == {
        "http.request.method": "POST", "server.address": "hooks.example", "http.response.status_code": 204,
    }  # fmt: skip
    assert failed.attributes["tenor.final"] is False
    assert sent[0].headers["traceparent"].split("-")[1:3] == [delivered.trace, delivered.id]
    assert sent[0].headers["Authorization"] == SECRET
    assert sent[1].headers == {"traceparent": "mine"}
    assert SECRET.encode() not in b"".join(collector.bodies)


@pytest.mark.parametrize("status", [503, 400])
def test_a_collector_that_fails_costs_spans_alone(
    tmp_path: Any, collector: Collector, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.status = status
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with traced_client(f"sqlite:///{tmp_path / 't.db'}") as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: client.get("/subjects").status_code, range(20)))
    assert answers == [200] * 20
    assert collector.bodies


def test_a_webhook_that_was_fired_is_traced(url: str, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.deliveries._POLL", 0.02)
    monkeypatch.setattr("contracts.webhooks.FIRST_ATTEMPT", timedelta(0))
    settings = replace(ON, webhook_schemes="http", webhook_private=True, secret_key="of the tests")
    with traced_client(url, settings) as client:
        hook = {
            "events": [{"name": "contract_published"}],
            "request": {"method": "POST", "url": f"http://127.0.0.1:{collector.port}/{SECRET}", "body": {}},
        }
        client.post("/pact/webhooks", json=hook).raise_for_status()
        pact = {"consumer": {"name": "C"}, "provider": {"name": "P"}, "interactions": []}
        client.put("/pact/pacts/provider/P/consumer/C/version/1", json=pact).raise_for_status()
        for _ in range(500):
            if f"/{SECRET}" in collector.paths:
                break
            threading.Event().wait(0.02)
    collector.bodies = [body for body in collector.bodies if not body.startswith(b"{")]
    (span,) = collector.named("POST webhook")
    assert span.attributes["server.address"] == "127.0.0.1"
    assert SECRET.encode() not in b"".join(collector.bodies)


def test_a_served_process_sends_what_is_left_when_it_ends(tmp_path: Path, collector: Collector) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    environment = {"TENOR_OTEL": "true", "OTEL_SERVICE_NAME": "orders-registry", "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        client.get("/subjects").raise_for_status()
        assert collector.named("GET /subjects") == []
    assert len(collector.named("GET /subjects")) == 1
    assert collector.resource["service.name"] == "orders-registry"


OFF = """
import sys
from registry.app import create_app
from registry.settings import Settings
from registry.store.engine import SQLiteStore
app = create_app(Settings(database_url="sqlite:///:memory:"))
print(type(app).__name__, type(app.metrics).__name__, type(app.store) is SQLiteStore)
heavy = ("opentelemetry.sdk", "opentelemetry.trace", "opentelemetry.exporter")
print([name for name in sys.modules if name.endswith(".tracing") or name.startswith(heavy)])
"""


def test_off_means_that_nothing_is_imported_and_nothing_stands_between() -> None:
    ran = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.splitlines() == ["Outer Metrics True", "[]"]


def test_without_the_extra_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.settings.find_spec", lambda name: None)
    with pytest.raises(InvalidSetting, match=r"install tenor-server\[otel\]"):
        ON.checked()
    assert Settings().checked().otel is False
