"""Odd input on every route of the broker: no 5xx, always a sentence, and the server keeps serving."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from contracts.api.broker.dialect import make_app
from contracts.queries import environments
from registry.settings import Settings
from registry.store.engine import open_store
from tests.integration.served import client_on, empty
from tests.pacts import Broker, message, pact, path

NAMES = (
    "",
    "a/b",
    "..",
    "%2e%2e",
    "é 日本",
    "x" * 3000,
    "' OR 1=1 --",
    "latest",
    "\x01",
    "{}",
    "\ud7ff",
    "+",
    "%00",
    "null",
)
BODIES: tuple[bytes, ...] = (
    b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"name":1}', b'{"name":null,"production":null}', b'{"success":"maybe"}',
    b'{"contracts":[{}],"pacticipantName":{},"tags":[[]]}', b'{"consumerVersionSelectors":[[]]}', b'\xff\xfe',
    b'{"request":{"method":1,"url":[],"headers":{"a":[]}},"events":{}}', b'{"a":' * 3000, b'{"currentlyDeployed":3}',
    b'{"success":true,"providerApplicationVersion":"' + b"9" * 100_000 + b'"}', b'{"labels":[[],{},null]}',
    json.dumps({"consumer": {"name": []}, "interactions": [None, 1, {"a": [{}]}], "messages": {}}).encode(),
    b'{"providerApplicationVersion":"1","success":true,"testResults":{"a":1e308},"verifiedBy":"x"}',
)  # fmt: skip
QUERIES = (
    "", "q[]=x&q[][]=y&q[[=z", "q[][pacticipant]=a&q[][version]=b&latest=1&tag[]=x", "page=-1", "size=999999999999",
    "ignore[][version]=1&q[][pacticipant]=a", "success[]=&success[]=true&q[][pacticipant]=a", "%", "&&&===",
    "consumer_version_selectors[][tag]=x&consumer_version_selectors=y", "exclude[]=a&exclude=b",
)  # fmt: skip


@pytest.fixture(scope="module")
def broker(engine_url: str) -> Iterator[Broker]:
    store = open_store(engine_url)
    with client_on(engine_url, Settings(secret_key="of the tests"), store=store) as client:
        store.write_now(empty)
        store.write_now(lambda db: environments.seed(db, 0))
        found = Broker(client)
        found.publish("a", "1", "b", [message("m")], branch="main", tags=["t"])
        yield found


def routes() -> list[tuple[str, str]]:
    """(method, path) of every route."""
    found = []
    for route in make_app(None).routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and "/-/" not in route.path:
                found += [(str(method), route.path) for method in sorted(handler.http_methods) if method != "OPTIONS"]
    return found


ROUTES = routes()


def test_no_route_answers_odd_input_with_a_5xx(broker: Broker) -> None:
    names, bodies, queries = itertools.cycle(NAMES), itertools.cycle(BODIES), itertools.cycle(QUERIES)
    for _ in range(2):
        for method, template in ROUTES:
            where = re.sub(r"\{[^}]*\}", lambda _: quote(next(names), safe="%"), template)
            content = next(bodies) if method in ("POST", "PUT", "PATCH") else None
            answer = _ask(broker.client, method, f"/pact{where}?{next(queries)}", content)
            assert answer.status_code < 500, (method, where, content, answer.text)
            if answer.status_code >= 400 and answer.status_code != 404:
                told = answer.json()
                assert told.get("error") or told.get("errors"), (method, where, answer.text)
    assert broker.get("pacticipants", "a")["name"] == "a"


def _ask(client: httpx.Client, method: str, where: str, content: bytes | None) -> httpx.Response:
    return client.request(method, where, content=content, headers={"content-type": "application/json"})


def test_each_body_meets_the_routes_that_read_it(broker: Broker) -> None:
    broker.publish("a", "1", "b", [message("m")])  # a test before this one may have deleted all integrations
    pair = path("pacts", "provider", "b", "consumer", "a")
    sha = broker.get("pacts", "provider", "b", "consumer", "a", "version", "1")["_links"]["pb:pact-version"]["name"]
    uuid = broker.environments()["test"]
    for (method, where), content in itertools.product(
        (
            ("POST", path("contracts", "publish")),
            ("POST", path("pacts", "provider", "b", "for-verification")),
            ("POST", f"{pair}/pact-version/{sha}/verification-results"),
            ("PUT", f"{pair}/version/9"),
            ("PATCH", f"{pair}/version/1"),
            ("POST", path("pacticipants")),
            ("PATCH", path("pacticipants", "a")),
            ("PUT", path("pacticipants", "a", "versions", "1")),
            ("POST", path("environments")),
            ("PUT", path("environments", uuid)),
            ("POST", path("webhooks")),
            ("POST", path("pacticipants", "a", "versions", "1", "deployed-versions", "environment", uuid)),
        ),
        BODIES,
    ):
        answer = _ask(broker.client, method, where, content)
        assert answer.status_code < 500, (method, where, content[:80], answer.text)


def test_a_pact_of_any_kind_of_content_is_stored_and_served(broker: Broker) -> None:
    odd: list[dict[str, Any]] = [
        {"type": "Telepathy", "description": None},
        {
            "contents": {"content": "AAEC", "contentType": "application/x", "encoded": "base64"},
            "type": "Asynchronous/Messages",
        },
        {"matchingRules": {"body": {"$[": 1}}, "type": "Asynchronous/Messages"},
        {"description": "1.0 stays", "number": 1.0, "big": 2**80, "small": 1e-300, "text": "\u2028\u0000"},
    ]
    broker.publish("odd", "1", "b", odd)
    served = broker.get("pacts", "provider", "b", "consumer", "odd", "version", "1")["interactions"]
    assert [{name: value for name, value in one.items() if name != "_id"} for one in served] == odd
    assert '"number":1.0' in broker.client.get(path("pacts", "provider", "b", "consumer", "odd", "version", "1")).text


HOSTILE = ("(a+)+$", "^(a|a)*$", "(.*a){25}$", "([a-z]+)*[0-9]")


def test_hostile_regular_expressions_of_a_pact_hold_nothing_up(broker: Broker) -> None:
    """The broker keeps, shows and compares them as text; impact tries them by an engine that cannot run away."""
    texts = {f"f{index}": {"enum": ["a" * 40 + "!", "b"]} for index in range(len(HOSTILE))}
    schema = {"schemaType": "JSON", "schema": json.dumps({"type": "object", "properties": texts})}
    assert broker.client.post("/subjects/evil-value/versions", json=schema).status_code == 200

    def interactions(example: str) -> list[dict[str, Any]]:
        rules = {
            f"$.f{index}": {"combine": "OR", "matchers": [{"match": "regex", "regex": regex}]}
            for index, regex in enumerate(HOSTILE)
        }
        content = {f"f{index}": example for index in range(len(HOSTILE))}
        one = message("evil", **content) | {
            "matchingRules": {"body": rules},
            "generators": {"body": {"$.f0": {"type": "Regex", "regex": HOSTILE[0]}}},
            "providerStates": [{"name": "a" * 40 + "!", "params": {"regex": HOSTILE[0]}}],
            "comments": {"references": {"SchemaRegistry": {"subject": "evil-value", "version": "latest"}}},
        }
        return [one]

    consumer, provider = "evil shop", "evil stock"
    pair = path("pacts", "provider", provider, "consumer", consumer)
    began = time.monotonic()
    broker.publish(consumer, "1", provider, interactions("a" * 40 + "!"), branch="main", tags=["t"])
    broker.publish(consumer, "2", provider, interactions("b" * 40 + "!"), branch="main", tags=["t"])
    broker.publish(consumer, "1", provider, interactions("c" * 40 + "!"), status=409)
    merged = broker.client.patch(f"{pair}/version/2", json=pact(consumer, provider, [message("kind")]))
    assert merged.status_code == 200
    broker.deploy(consumer, "1", "test")
    broker.version(provider, "1", branch="main")
    broker.result(consumer, "2", provider, "1", success=True)
    assert len(broker.to_verify(provider, includePendingStatus=True, providerVersionBranch="main")) == 2
    for where in (
        f"{pair}/version/1",
        f"{pair}/version/2/diff/previous-distinct",
        f"{pair}/version/2/diff/version/1",
        f"{pair}/latest/badge",
        path("pacts", "provider", provider, "provider-states"),
        path("pacts", "provider", provider, "for-verification"),
        path("dashboard"),
        f"{path('matrix')}?q[][pacticipant]={quote(consumer)}&q[][version]=1&environment=test&latestby=cvpv",
    ):
        assert broker.client.get(where).status_code == 200, where
    assert HOSTILE[0] in broker.client.get(f"{pair}/version/1").text
    impact = broker.client.post("/api/v1/subjects/evil-value/impact", json=schema)
    assert {row["path"] for row in impact.json()["rows"]} >= {"/f0", "/f3"}, impact.text
    # Twenty requests: a single match of one of these expressions takes longer than the universe has.
    assert time.monotonic() - began < 10


def test_a_host_of_any_length_is_refused_at_once(broker: Broker) -> None:
    """Hosts are compared with an operator's expressions, so what is no host name at all never gets there."""
    for host in ("a" * 254, "a." * 200_000 + "example.org"):
        hook = {"request": {"method": "POST", "url": f"https://{host}/"}}
        answer = broker.client.post(path("webhooks"), json=hook)
        assert (answer.status_code, "request.url" in answer.json()["errors"]) == (400, True)
