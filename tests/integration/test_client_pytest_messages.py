"""Producers verify the messages of their consumers' pacts: `tenor_message`, in test runs of their own."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tenor.testing.interactions import Contract, Interaction, Request, State, interactions, others
from tenor.testing.matching import broken
from tenor.testing.messages import read
from tenor.testing.results import prepare
from tests.pacts import pact
from tests.pytest_runs import run

TESTS = """
import dataclasses, datetime
from contextlib import contextmanager
from tenor.testing.messages import Produced

@dataclasses.dataclass
class Placed:
    id: int
    at: datetime.datetime

shop, told = {}, []

async def arriving():
    return {"id": 3}

@contextmanager
def order_exists(id, total=0):
    shop[id] = total
    yield
    del shop[id]

def test_contracts(tenor_message):
    assert not shop
    producers = {
        "an order was placed": lambda: {"id": max(shop, default=7), "lines": [{"sku": "A", "extra": 1}]},
        "a typed order": Placed(7, datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)),
        "a document": Produced(b"%PDF-1.4", content_type="application/pdf"),
        "with headers": Produced({"id": 1}, {"topic": "orders", "attempt": 2}),
        "an event from afar": arriving,
        "what an order costs": lambda request: {"total": request.contents["id"] * 2},
        "two answers": lambda request: [{"n": 1}, Produced({"n": 2}, {"last": True})],
        "an unsuited order": {"id": "7", "lines": []},
        "nothing is expected of a farewell": lambda request: None,
        "a fault": lambda: 1 / 0,
        "one answer": lambda request: [{"n": 1}],
    }
    tenor_message.verify(producers, states={"an order exists": order_exists, "a shop": lambda: None})
"""

TYPES = {"body": {"$": {"combine": "AND", "matchers": [{"match": "type"}]}}}


def content(value: Any, kind: str = "application/json", encoded: bool | str = False) -> dict[str, Any]:
    return {"content": value, "contentType": kind, "encoded": encoded}


def message(description: str, value: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "Asynchronous/Messages",
        "description": description,
        "contents": content(value),
        "matchingRules": TYPES,
        **more,
    }


def answers(description: str, asked: Any, *values: Any) -> dict[str, Any]:
    return {
        "type": "Synchronous/Messages",
        "description": description,
        "request": {"contents": content(asked), "metadata": {"k": "v"}},
        "response": [{"contents": content(value)} for value in values],
    }


ORDER_7 = {"name": "an order exists", "params": {"id": 7}}
KEPT = [
    message("an order was placed", {"id": 1, "lines": [{"sku": "B"}]}, providerStates=[ORDER_7, {"name": "a shop"}]),
    message(
        "an order was placed",
        {"id": 9},
        matchingRules={},
        # as pact-python nests them
        providerStates=[{"name": "an order exists", "params": {"parameters": {"id": 9, "total": 3}}}],
    ),
    message("a typed order", {"id": 3, "at": "2026-01-01T00:00:00Z"}),
    {"type": "Asynchronous/Messages", "description": "a document", "matchingRules": {}, "metadata": {},
     "contents": content("JVBERi0xLjQ=", "application/pdf", "base64")},
    message("with headers", {"id": 3}, metadata={"contentType": "application/json", "topic": "orders", "attempt": 2}),
    message("an event from afar", {"id": 3}),
    answers("nothing is expected of a farewell", None),
    answers("what an order costs", {"id": 3}, {"total": 6}),
    {**answers("two answers", None, {"n": 1}, {"n": 2}),
     "response": [{"contents": content({"n": 1})}, {"contents": content({"n": 2}), "metadata": {"last": True}}]},
]  # fmt: skip
VERSION_3 = {
    "consumer": {"name": "old"},
    "provider": {"name": "orders"},
    "messages": [
        {"description": "an order was placed", "providerStates": [ORDER_7], "contents": {"id": 7},
         "metaData": {"contentType": "application/json"}},
        {"description": "a typed order", "providerState": "a shop", "contents": {"id": 7}, "metaData": {}},
    ],
    "metadata": {"pactSpecification": {"version": "3.0.0"}},
}  # fmt: skip


def written(folder: Path, *documents: Mapping[str, Any]) -> Path:
    there = folder / "pacts"
    there.mkdir()
    for number, document in enumerate(documents):
        (there / f"{number}.json").write_text(json.dumps(document))
    return there


@contextmanager
def nobody_is_to_call() -> Iterator[tuple[str, list[Any]]]:
    """An address, and who called it all the same."""
    calls: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                try:
                    connection, where = server.accept()
                except TimeoutError:
                    continue
                calls.append(where)
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        finally:
            ended.set()
            thread.join()


NO_NETWORK = """
import socket
connect = socket.socket.connect

def local(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "localhost"):
        raise AssertionError(f"{address} is elsewhere")
    return connect(self, address)

socket.socket.connect = socket.socket.connect_ex = local
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_messages_are_verified_and_no_network_is_used(tmp_path: Path, workers: str) -> None:
    pacts = written(tmp_path, pact("billing", "orders", KEPT), VERSION_3, pact("billing", "others", KEPT))
    (tmp_path / "conftest.py").write_text(NO_NETWORK)
    with nobody_is_to_call() as (address, calls):
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PACT_BROKER_BASE_URL", "TENOR_URL")
        here = dict.fromkeys((*names, *map(str.lower, names)), address)
        done = run(tmp_path, TESTS, "-n", workers, "-rA", f"--tenor-pacts={pacts}", "--tenor-provider=orders", **here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout
    assert "PASSED test_it.py::test_contracts[billing: a document]" in done.stdout
    assert "test_contracts[billing: an order was placed, given an order exists and a shop]" in done.stdout
    assert "billing with orders: kept, 9 messages" in done.stdout
    assert "old with orders: kept, 2 messages" in done.stdout
    assert not calls


BROKEN = [
    message("an unsuited order", {"id": 7, "lines": []}),
    message("a fault", {}),
    message("with headers", {"id": 3}, metadata={"topic": "payments", "key": "k"}),
    message("nobody's", {}),
    message("an order was placed", {}, providerStates=[{"name": "midnight"}]),
    message("an order was placed", {}, providerStates=[{"name": "an order exists", "params": {"no": 1}}]),
    message("a typed order", {}, pluginConfiguration={"protobuf": {"message": "Order"}}),
    answers("one answer", None, {"n": 1}, {"n": 2}),
    message("an unsuited order", {"id": 7}, pending=True, providerStates=[{"name": "a shop"}]),
    message("nobody's either", {}, pending=True),
    message("a fault", {}, pending=True, providerStates=[{"name": "a shop"}]),
]
SAID = """
broken: billing: an unsuited order
  $.id: Expected '7' (String) to be the same type as 7 (Integer)
      expected: 7
      got:      "7"
  produced: {"id":"7","lines":[]}
ZeroDivisionError: division by zero
      expected: "payments"
      got:      "orders"
  key: Expected message metadata 'key' but was missing
nothing produces "nobody's" (billing); known: 'an order was placed', 'a typed order'
no state is called 'midnight' (billing: an order was placed, given midnight); known: 'an order exists', 'a shop'
an unexpected keyword argument 'no'
billing: a typed order: only Pact's plugin protobuf can compare it
billing: one answer: 2 responses, not 1, are expected
8 failed, 3 xfailed
billing with orders: broken by 'a fault', 'an order was placed', 'an unsuited order', "nobody's", 'one answer'
""".strip().splitlines()


def test_what_is_broken_says_where_and_why(tmp_path: Path) -> None:
    pacts = written(tmp_path, pact("billing", "orders", BROKEN))
    (tmp_path / "pytest.ini").write_text("[pytest]\ntenor_provider = orders\ntenor_pacts = pacts\n")
    done = run(tmp_path, TESTS)
    assert done.returncode == 1
    for line in SAID:
        assert line in done.stdout, (line, done.stdout)
    assert pacts.is_dir()


def test_a_contract_that_was_not_all_verified_is_unknown(tmp_path: Path) -> None:
    http = {"type": "Synchronous/HTTP", "description": "a page", "request": {}, "response": {}}
    pacts = written(tmp_path, pact("billing", "orders", KEPT), pact("search", "orders", [KEPT[2], http]))
    tests = TESTS.replace(
        "assert not shop\n", "assert not shop\n    if 'document' in tenor_message.description: return\n"
    )
    done = run(tmp_path, tests, f"--tenor-pacts={pacts}", "--tenor-provider=orders", "-k", "not headers")
    assert done.returncode == 0, done.stdout
    assert "billing with orders: unknown, 2 of 9 messages not verified" in done.stdout
    assert "search with orders: unknown, 1 of HTTP, which `tenor contracts verify` plays" in done.stdout


@dataclass
class Options:
    """Of pytest's configuration, what the plugin reads."""

    given: dict[str, Any]
    stash: pytest.Stash = field(default_factory=pytest.Stash)

    def getoption(self, name: str) -> Any:
        return self.given.get(
            name.removeprefix("--tenor-"), [] if name.endswith(("provider", "selector", "tag")) else None
        )

    def getini(self, name: str) -> list[str]:
        return []


NOWHERE = {"broker": "http://127.0.0.1:9", "provider": ["orders"]}
MISUSES: list[tuple[dict[str, Any], str]] = [
    ({"publish": True}, "--tenor-publish needs --tenor-broker and --tenor-provider-version"),
    ({"publish": True, "provider-version": "1"}, "--tenor-publish needs --tenor-broker and"),
    (NOWHERE | {"pacts": ["pacts"]}, "pacts come from one place"),
    (NOWHERE | {"provider": []}, "--tenor-broker needs --tenor-provider NAME"),
    (NOWHERE | {"selector": ["[]"]}, r"--tenor-broker: --selector \[\] is no JSON object"),
    (NOWHERE | {"selector": ["{"]}, "--tenor-broker: --selector { is no JSON: "),
]
FILES = {
    "no.json": ("x", "no.json is no pact: Expecting value"),
    "list.json": ("[]", "list.json is no pact: it names no consumer and no provider"),
    "nameless.json": (json.dumps(pact("a", "b", [KEPT[2] | {"description": ""}])), "its message 1 has no description"),
    "missing.json": (None, "missing.json: No such file or directory"),
    "empty": (None, r"empty holds no pact \(\*.json\)"),
}


def test_misuse_is_told(tmp_path: Path) -> None:
    for given, said in MISUSES:
        with pytest.raises(pytest.UsageError, match=said):
            prepare(Options(given))  # type: ignore[arg-type] # it reads no more than this
    (tmp_path / "empty").mkdir()
    for name, (text, said) in FILES.items():
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=said):
            list(read([tmp_path / name]))


RUNS = [
    (["-rs", "--tenor-provider=orders"], 0, "where are the pacts? --tenor-pacts PATH, or --tenor-broker URL"),
    (["--tenor-pacts=pacts", "--tenor-provider=nobody"], 2, "no pact is with nobody, but with orders"),
    (["--tenor-pacts=pacts"], 2, "which provider? say tenor_provider"),
    (
        ["--tenor-broker=http://127.0.0.1:9", "--tenor-provider=orders", "-n2"],
        4,
        "--tenor-broker: No answer from the registry",
    ),
]


def test_a_run_that_cannot_verify_says_so(tmp_path: Path) -> None:
    written(tmp_path, pact("billing", "orders", KEPT))
    for arguments, code, said in RUNS:
        done = run(tmp_path, TESTS, *arguments)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert said in done.stdout + done.stderr, (arguments, done.stdout, done.stderr)


def test_interactions_are_read_from_both_versions() -> None:
    contract = Contract(pact("billing", "orders", [*KEPT, {"description": "a page", "request": {}}]), "1.4")
    found = list(interactions(contract))
    assert others(contract) == 1
    assert [each.name for each in found][:1] == ["billing 1.4: an order was placed, given an order exists and a shop"]
    assert found[1].states == (State("an order exists", {"id": 9, "total": 3}),)
    assert found[7].request == Request({"id": 3}, {"k": "v"})
    assert [len(each.expected) for each in found] == [1, 1, 1, 1, 1, 1, 0, 1, 2]
    old: list[Interaction] = list(interactions(Contract(VERSION_3)))
    assert [each.states for each in old] == [(State("an order exists", {"id": 7}),), (State("a shop"),)]
    hostile: list[Any] = [[], {"consumer": "a"}, {"consumer": {"name": "a"}, "provider": {}}]
    for bad in hostile:
        with pytest.raises(ValueError, match="names no consumer"):
            Contract(bad)
    with pytest.raises(ValueError, match="no list of objects"):
        Contract({"consumer": {"name": "a"}, "provider": {"name": "b"}, "interactions": ["x"]})


def test_what_keeps_a_verifier_from_playing_is_told() -> None:
    error = {"interaction": "Failed to load pact", "mismatch": {"type": "error", "message": "no pacts"}}
    [(name, [found])] = broken({"errors": [error], "interactionResults": []})
    assert (name, found.lines()) == ("Failed to load pact", ["no pacts"])
    assert list(broken({"errors": [], "interactionResults": [{"result": "OK"}]})) == []


def test_a_machine_without_pact_python_is_told(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['pact'] = None\n")
    pacts = written(tmp_path, pact("billing", "orders", KEPT[2:3]))
    done = run(tmp_path, TESTS, f"--tenor-pacts={pacts}", "--tenor-provider=orders")
    assert done.returncode == 1
    assert "tenor[contracts]" in done.stdout
    assert "billing with orders" not in done.stdout  # which says nothing about the contract


def test_a_test_that_is_asynchronous_gives_the_message_itself(tmp_path: Path) -> None:
    pacts = written(tmp_path, pact("billing", "orders", [message("an event from afar", {"id": 3})]))
    tests = """
import asyncio

async def arriving():
    return {"id": 1}

async def awaited(tenor_message):
    tenor_message.verify({"an event from afar": await arriving()})

async def not_awaited(tenor_message):
    tenor_message.verify({"an event from afar": arriving})

def test_awaited(tenor_message):
    asyncio.run(awaited(tenor_message))

def test_not_awaited(tenor_message):
    asyncio.run(not_awaited(tenor_message))
"""
    done = run(tmp_path, tests, f"--tenor-pacts={pacts}", "--tenor-provider=orders", "-Werror")
    assert "1 failed, 1 passed" in done.stdout
    assert "the test is asynchronous itself: await the message in it, and give that" in done.stdout
