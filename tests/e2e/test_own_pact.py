"""Tenor tested as Tenor is to be used: its Python client is the consumer, its served API the provider, it the broker.

The client makes its real calls against pact-python's mock server; the pact that comes of it is published to the served
broker with `tenor contracts publish`, verified against the same server with `tenor contracts verify` (provider states
are set up over its API), and `tenor can-i-deploy` answers. So is what Tenor itself sends: the body of a webhook.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pact import Pact, match

import tenor
from tenor import Incompatible, Registry, Retry, Schema, SubjectNotFound
from tenor.cli import broker as calls
from tenor.cli.output import finding_line
from tests import documents
from tests.pacts import Broker, message
from tests.served import served

CONSUMER, SENT_TO, PROVIDER = "tenor client", "build server", "tenor"
TENOR = Path(sys.executable).with_name("tenor")
SERVER = Path(sys.executable).with_name("tenor-server")

ORDER = '{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}'
WITH_NOTE = ORDER.replace("]}", ',{"name":"note","type":["null","string"],"default":null}]}')
RENUMBERED = ORDER.replace('"string"', '"int"')
ORDERS, IN_CONTEXT = "own-orders-value", ":.own:orders-value"
JSON, CONFLUENT = "application/json", "application/vnd.schemaregistry.v1+json"
HAL, PROBLEM = "application/hal+json;charset=utf-8", "application/problem+json"
GUID = match.regex("0f0e0d0c-0b0a-0908-0706-050403020100", regex="[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Case:
    """One call of the client: what it sends, what it needs of the answer, and what it makes of it."""

    description: str
    state: str
    call: Callable[[Registry], object]
    found: object
    request: tuple[str, str]
    answer: Any
    status: int = 200
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    media: str = CONFLUENT


def missing(registry: Registry) -> object:
    with pytest.raises(SubjectNotFound) as caught:
        registry.version("own-none-value")
    return caught.value.code


def refused(registry: Registry) -> object:
    with pytest.raises(Incompatible) as caught:
        registry.register(ORDERS, Schema(RENUMBERED))
    return [finding_line(finding) for finding in caught.value.findings]


def registered(schema: str, subject: str) -> dict[str, Any]:
    return {"subject": subject, "version": match.integer(1), "id": match.integer(1), "guid": GUID, "schema": schema}


def verdict(registry: Registry, number: str) -> object:
    asked = {"pacticipant": "own shop", "version": number}
    found = registry.send(calls.can_i_deploy(asked, {"environment": "production"}))
    return found["summary"]["deployable"], [level for level, _ in calls.notices(found)]


def asked(number: str) -> dict[str, str]:
    return {"q[][pacticipant]": "own shop", "q[][version]": number, "latestby": "cvpv", "environment": "production"}


def matrix(deployable: bool | None, level: str) -> dict[str, Any]:
    return {"summary": {"deployable": deployable}, "notices": match.each_like({"type": level, "text": match.str("so")})}


def body(text: str) -> dict[str, str]:
    return {"schema": text, "schemaType": "AVRO"}


CASES = (
    Case(
        "the first registration of a schema",
        "no subject own-first-value",
        lambda registry: registry.register("own-first-value", Schema(ORDER)).created,
        True,
        ("POST", "/api/v1/subjects/own-first-value/versions"),
        {"subject": "own-first-value", "version": 1, "id": match.integer(1), "guid": GUID, "created": True},
        status=201,
        body=body(ORDER),
        media=JSON,
    ),
    Case(
        "a registration that breaks readers",
        ORDERS,
        refused,
        ["/id: It was a string. [avro/type]"],
        ("POST", f"/api/v1/subjects/{ORDERS}/versions"),
        {
            "code": 40901,
            "title": match.str("Incompatible"),
            "detail": match.str("It does not fit."),
            "findings": match.each_like(
                {
                    "path": match.str("/id"),
                    "sentence": match.str("It was a string."),
                    "rule": match.str("avro/type"),
                }
            ),
        },
        status=409,
        body=body(RENUMBERED),
        media=PROBLEM,
    ),
    Case(
        "a rehearsal of a registration",
        ORDERS,
        lambda registry: registry.register(ORDERS, Schema(WITH_NOTE), dry_run=True).created,
        True,
        ("POST", f"/api/v1/subjects/{ORDERS}/versions"),
        {"subject": ORDERS, "created": True, "changes": match.each_like({"kind": match.str("field_added")})},
        body=body(WITH_NOTE),
        query={"dry_run": "true"},
        media=JSON,
    ),
    Case(
        "a schema by its id",
        IN_CONTEXT,
        lambda registry: registry.schema(1, subject=IN_CONTEXT).schema.text,
        ORDER,
        ("GET", "/schemas/ids/1"),
        {"schema": ORDER},
        query={"subject": IN_CONTEXT},
    ),
    Case(
        "the newest version",
        ORDERS,
        lambda registry: registry.version(ORDERS).schema.text,
        ORDER,
        ("GET", f"/subjects/{ORDERS}/versions/latest"),
        registered(ORDER, ORDERS),
    ),
    Case(
        "the newest version of nothing",
        "no subject own-none-value",
        missing,
        40401,
        ("GET", "/subjects/own-none-value/versions/latest"),
        {"error_code": 40401, "message": match.str("Subject 'own-none-value' not found.")},
        status=404,
    ),
    Case(
        "the numbers of versions",
        ORDERS,
        lambda registry: registry.versions(ORDERS),
        (1,),
        ("GET", f"/subjects/{ORDERS}/versions"),
        match.each_like(match.integer(1), min=1),
    ),
    Case(
        "which version a schema is",
        ORDERS,
        lambda registry: registry.lookup(ORDERS, Schema(ORDER)).version,
        1,
        ("POST", f"/subjects/{ORDERS}"),
        registered(ORDER, ORDERS),
        body=body(ORDER),
    ),
    Case(
        "whether a schema fits all that the level demands",
        ORDERS,
        lambda registry: registry.compatibility(ORDERS, Schema(WITH_NOTE)).compatible,
        True,
        ("POST", f"/compatibility/subjects/{ORDERS}/versions"),
        {"is_compatible": True},
        body=body(WITH_NOTE),
        query={"verbose": "true"},
    ),
    Case(
        "why a schema does not fit",
        ORDERS,
        lambda registry: registry.compatibility(ORDERS, Schema(RENUMBERED)).messages,
        ("why",),
        ("POST", f"/compatibility/subjects/{ORDERS}/versions"),
        {"is_compatible": False, "messages": match.each_like(match.str("why"))},
        body=body(RENUMBERED),
        query={"verbose": "true"},
    ),
    Case(
        "a page of subjects",
        ORDERS,
        lambda registry: [item["subject"] for item in registry.search(prefix="own-orders").items],
        [ORDERS],
        ("GET", "/api/v1/subjects"),
        {"items": match.each_like({"subject": ORDERS, "version": match.integer(1), "format": "AVRO"})},
        query={"prefix": "own-orders"},
        media=JSON,
    ),
    Case(
        "can a verified version be deployed",
        "own shop 1 was verified by what production runs",
        lambda registry: verdict(registry, "1"),
        (True, ["success"]),
        ("GET", "/pact/matrix"),
        matrix(True, "success"),
        query=asked("1"),
        media=HAL,
    ),
    Case(
        "can a version without a result be deployed",
        "own shop 2 was not verified",
        lambda registry: verdict(registry, "2"),
        (None, ["error"]),
        ("GET", "/pact/matrix"),
        matrix(None, "error"),
        query=asked("2"),
        media=HAL,
    ),
    Case(
        "all environments",
        "own shop 1 was verified by what production runs",
        lambda registry: [place["name"] for place in registry.send(calls.environments("production"))],
        ["production"],
        ("GET", "/pact/environments"),
        {
            "_embedded": {
                "environments": match.each_like(
                    {"name": "production", "displayName": match.str("Production"), "production": True,
                     "uuid": match.str("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed")}
                )
            }
        },
        query={"name": "production"},
        media=HAL,
    ),
)  # fmt: skip


def consumed(folder: Path) -> Path:
    """The client's calls against a mock server; the pact that they came to."""
    pact = Pact(CONSUMER, PROVIDER).with_specification("V4")
    for case in CASES:
        interaction = pact.upon_receiving(case.description).given(case.state).with_request(*case.request)
        if case.query:
            interaction.with_query_parameters(dict(case.query))
        if case.body is not None:
            interaction.with_body(case.body, JSON if "/api/" in case.request[1] else CONFLUENT, "Request")
        interaction.will_respond_with(case.status).with_body(case.answer, case.media, "Response")
    with pact.serve() as server, Registry(str(server.url), retry=Retry(rounds=1), negative_ttl=0) as registry:
        for case in CASES:
            assert case.call(registry) == case.found, case.description
    pact.write_file(folder)
    return folder / f"{CONSUMER}-{PROVIDER}.json"


# The provider's states, set up over its own API.


def has_order(client: httpx.Client, subject: str) -> None:
    answer = client.post(f"/subjects/{subject}/versions", json={"schema": ORDER})
    assert answer.status_code == 200, answer.text


def is_absent(client: httpx.Client, subject: str) -> None:
    for permanent in ("false", "true"):
        client.delete(f"/subjects/{subject}", params={"permanent": permanent})
    assert client.get(f"/subjects/{subject}/versions").status_code == 404


def is_deployable(client: httpx.Client) -> None:
    broker = Broker(client)
    broker.publish("own shop", "1", "own stock", [message("stock")], branch="main")
    broker.version("own stock", "7")
    broker.deploy("own stock", "7", "production")
    broker.result("own shop", "1", "own stock", "7", success=True)


def is_unknown(client: httpx.Client) -> None:
    is_deployable(client)
    Broker(client).publish("own shop", "2", "own stock", [message("another")], branch="main")


STATES: dict[str, Callable[[httpx.Client], None]] = {
    "no subject own-first-value": lambda client: is_absent(client, "own-first-value"),
    "no subject own-none-value": lambda client: is_absent(client, "own-none-value"),
    ORDERS: lambda client: has_order(client, ORDERS),
    IN_CONTEXT: lambda client: has_order(client, IN_CONTEXT),
    "own shop 1 was verified by what production runs": is_deployable,
    "own shop 2 was not verified": is_unknown,
}


@contextmanager
def listening(take: Callable[[Any], None]) -> Iterator[str]:
    """A server on loopback that takes each JSON body it is sent; its address."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            try:
                take(sent)
            except Exception as problem:  # an assertion that fails is the caller's to see
                self.send_error(500, repr(problem).encode("ascii", "replace").decode()[:200])
            else:
                self.send_response(200)
                self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# The journey.


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    environment = {
        "TENOR_DATABASE_URL": "sqlite:///t.db",
        "TENOR_WEBHOOK_SCHEMES": "http",
        "TENOR_WEBHOOK_PRIVATE": "true",
    }
    with served([SERVER, "serve"], cwd=tmp_path_factory.mktemp("own"), environment=environment) as client:
        yield client


@dataclass(frozen=True)
class Shell:
    """A folder to type in."""

    folder: Path
    url: str

    def tenor(self, *arguments: str, code: int = 0, said: str = "") -> Any:
        done = subprocess.run(
            [TENOR, *arguments, "--output", "json"],
            cwd=self.folder,
            env={"TENOR_URL": self.url, "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert said in done.stderr, (arguments, done.stderr)
        return documents.read(done.stdout)


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """pact-python's core reports its use to its makers unless told not to."""
    monkeypatch.setenv("PACT_DO_NOT_TRACK", "true")


@pytest.fixture
def shell(tmp_path: Path, client: httpx.Client) -> Shell:
    return Shell(tmp_path, str(client.base_url))


def results(broker: Broker, consumer: str, number: str) -> list[tuple[str, bool]]:
    """(provider version, success) of the results that a consumer's version has."""
    asked = httpx.QueryParams({"q[][pacticipant]": consumer, "q[][version]": number, "latestby": "cvpv"})
    rows = [row for row in broker.matrix(str(asked))["matrix"] if row["verificationResult"]]
    return [(row["provider"]["version"]["number"], row["verificationResult"]["success"]) for row in rows]


def test_the_client_and_the_server_keep_their_pact(shell: Shell, client: httpx.Client) -> None:
    broker, version = Broker(client), tenor.__version__
    file = consumed(shell.folder)
    shell.tenor("contracts", "publish", str(file), "--consumer-version", version, "--branch", "main")
    stored = broker.get("pacts", "provider", PROVIDER, "consumer", CONSUMER, "version", version)
    assert sorted(one["description"] for one in stored["interactions"]) == sorted(case.description for case in CASES)
    broker.version(PROVIDER, version, branch="main")
    shell.tenor("deploy", "--application", PROVIDER, "--version", version, "--environment", "production")
    ask = ("can-i-deploy", "--application", CONSUMER, "--version", version, "--to-environment", "production")
    shell.tenor(*ask, code=3)

    def set_up(sent: Mapping[str, Any]) -> None:
        if sent["action"] == "setup":
            STATES[sent["state"]](client)

    def verify(code: int, said: str = "") -> None:
        with listening(set_up) as states:
            shell.tenor(
                "contracts", "verify", "--provider", PROVIDER, "--provider-version", version, "--branch", "main",
                "--provider-url", shell.url, "--states-url", states, "--publish", "--selector", '{"mainBranch": true}',
                code=code, said=said,
            )  # fmt: skip

    verify(0)
    assert results(broker, CONSUMER, version) == [(version, True)]
    last = broker.get("pacts", "provider", PROVIDER, "consumer", CONSUMER, "version", version,
                      "verification-results", "latest")  # fmt: skip
    assert sorted(test["interactionId"] for test in last["testResults"]) == sorted(
        one["_id"] for one in stored["interactions"]
    )
    assert all(test["success"] for test in last["testResults"])
    shell.tenor(*ask)

    # A client that needs what the server does not give is not let through.
    wanting = json.loads(file.read_text())
    newest = next(one for one in wanting["interactions"] if one["description"] == "the newest version")
    newest["response"]["body"]["content"]["colour"] = "red"
    file.write_text(json.dumps(wanting))
    shell.tenor("contracts", "publish", str(file), "--consumer-version", "next", "--branch", "main")
    verify(1, f"broken: {CONSUMER}: the newest version, given {ORDERS}\n  $: ")
    assert results(broker, CONSUMER, "next") == [(version, False)]
    shell.tenor("can-i-deploy", "--application", CONSUMER, "--branch", "main", "--environment", "production", code=1)


def test_a_webhook_sends_what_its_receiver_needs(shell: Shell, client: httpx.Client) -> None:
    pact = Pact(SENT_TO, PROVIDER).with_specification("V4")
    needed = {
        "event": "contract_requiring_verification_published",
        "pact": match.regex("http://h/pact/pacts/provider/a/consumer/b/pact-version/c",
                            regex="https?://.+/pact/pacts/provider/[^/]+/consumer/[^/]+/pact-version/[0-9a-f]{40}.*"),
        "provider": match.str("sent stock"),
        "version": match.str("7"),
        "branch": match.str("main"),
    }  # fmt: skip
    pact.upon_receiving("a contract to verify", "Async").with_body(needed, JSON)
    heard: list[Any] = []
    pact.verify(lambda content, _: heard.append(json.loads(content or "")), "Async")
    assert [one["event"] for one in heard] == [needed["event"]]
    pact.write_file(shell.folder)
    file = shell.folder / f"{SENT_TO}-{PROVIDER}.json"
    shell.tenor("contracts", "publish", str(file), "--consumer-version", "1", "--branch", "main")

    broker = Broker(client)
    broker.version("sent stock", "7", branch="main")
    arrived: list[Any] = []
    told = threading.Event()

    def take(sent: Any) -> None:
        arrived.append(sent)
        told.set()

    with listening(take) as address:
        template = {
            "event": "${pactbroker.eventName}",
            "pact": "${pactbroker.pactUrl}",
            "provider": "${pactbroker.providerName}",
            "version": "${pactbroker.providerVersionNumber}",
            "branch": "${pactbroker.providerVersionBranch}",
        }
        hook = {
            "events": [{"name": "contract_requiring_verification_published"}],
            "request": {"method": "POST", "url": address, "body": template},
            "provider": {"name": "sent stock"},
        }
        assert client.post("/pact/webhooks", json=hook).status_code == 201
        broker.publish("sent shop", "1", "sent stock", [message("stock")], branch="main")
        assert told.wait(30)
    (shell.folder / "body.json").write_text(json.dumps(arrived[0]))
    (shell.folder / "less.json").write_text(json.dumps({"event": needed["event"]}))
    said = f"broken: {SENT_TO}: a contract to verify\n  $: Actual map is missing the following keys: "
    for file_name, code in (("less.json", 1), ("body.json", 0)):
        shell.tenor(
            "contracts", "verify", "--provider", PROVIDER, "--provider-version", f"from {file_name}",
            "--message", f"a contract to verify={file_name}", "--publish",
            "--selector", json.dumps({"mainBranch": True, "consumer": SENT_TO}), code=code, said=said if code else "",
        )  # fmt: skip
    assert results(broker, SENT_TO, "1") == [("from body.json", True), ("from less.json", False)]
