"""Exit codes over every verb: what cannot be typed is 2, a server that is none is 4, each told in one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

import tenor
from tenor.cli import VERBS, connection, main
from tenor.cli.running import EXIT_CODES
from tenor.errors import TenorError

URL = "http://registry.example:8081"
APPLICATION = ("--application", "a", "--version", "1")

# What each verb that asks a server is asked with.
ASKING = {
    "register": ("s", "order.avsc"),
    "plan": (),
    "apply": ("plan.json",),
    "get": ("s",),
    "list": (),
    "check": ("order.avsc", "--subject", "s"),
    "bundle create": ("s", "--key", "key.pem", "--out", "out.bundle"),
    "contracts publish": ("pact.json", "--consumer-version", "1"),
    "contracts list": (),
    "contracts verify": ("--provider", "p", "--provider-version", "1", "--provider-url", "http://p.example"),
    "can-i-deploy": (*APPLICATION, "--to-environment", "live"),
    "deploy": (*APPLICATION, "--environment", "live"),
    "deploy record": (*APPLICATION, "--environment", "live"),
    "deploy undeploy": (*APPLICATION, "--environment", "live"),
    "deploy release": (*APPLICATION, "--environment", "live"),
    "deploy support-ended": (*APPLICATION, "--environment", "live"),
    "impact": ("s", "order.avsc"),
    "rollout": ("s", "order.avsc", "--environment", "live"),
    "consumers": ("s",),
    "produces": (*APPLICATION, "s:1"),
    "waive": ("--list",),
    "policy get": ("s",),
    "policy set": ("s", "--protect", "used"),
    "env list": (),
    "env create": ("live",),
    "env update": ("live", "--production"),
    "env delete": ("live",),
    "env describe": ("live",),
    "upcast publish": ("s", "1..2"),
    "upcast list": ("s",),
    "keys create": ("k", "--kms-type", "local-kms", "--kms-key-id", "x"),
    "keys list": (),
    "keys rotate": ("k", "s"),
    "keys rewrap": ("k",),
    "keys erase": ("k", "h" * 64, "--legal-basis", "x", "--request-id", "y", "--yes"),
    "import confluent": ("http://source.example",),
    "import pact-broker": ("http://source.example",),
    "import dir": ("archive.jsonl",),
    "import asyncapi": ("asyncapi.json", *APPLICATION),
    "export": ("out.jsonl",),
    "export asyncapi": (),
    "import odcs": ("odcs.json",),
    "export odcs": ("s",),
    "whoami": (),
    "audit tail": (),
    "audit export": (),
}
# Verbs that need no server, or Kafka or a person before one.
OTHERS = {
    "init", "fmt", "diff", "sample", "lint", "explain", "bundle verify", "bundle show", "upcast new", "upcast prove",
    "upcast run", "replay", "redrive", "contracts record", "contracts from-model", "observe kafka", "login",
    "audit verify", "completion", "output-schema", "gen models",
}  # fmt: skip


def _gone(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")


def _answering(status: int, kind: str, content: bytes) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, headers={"content-type": kind}, content=content)


ODD = {
    "HTML": _answering(200, "text/html", b"<html></html>"),
    "HTML with 502": _answering(502, "text/html", b"<html></html>"),
    "half a response": _answering(200, "application/json", b'{"subjects": [{"sub'),
    "another shape": _answering(200, "application/json", b"17"),
    "too many requests": _answering(429, "application/json", b'{"error_code": 429, "message": "slow down"}'),
    "too many requests, in a problem": _answering(429, "application/problem+json", b'{"title": "x", "status": 429}'),
    "nothing at all": _gone,
    "who are you": _answering(401, "application/json", b'{"error_code": 401, "message": "Unauthorized"}'),
}


@pytest.fixture
def odd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def registry(url: Any, **options: Any) -> tenor.Registry:
        options["retry"] = tenor.Retry(rounds=1)
        transport = httpx.MockTransport(ODD[request.param])
        return tenor.Registry(url, http=httpx.Client(transport=transport), **options)

    monkeypatch.setattr(connection, "Registry", registry)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TENOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TENOR_URL", URL)
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path)


def written(folder: Path) -> None:
    """The files that the verbs are given."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from tenor.cli.moving import archive

    plan = {"plan": "tenor-plan/1", "registry": URL, "state": "x", "schemas": []}
    pact = {"consumer": {"name": "c"}, "provider": {"name": "p"}, "interactions": []}
    files = {"plan.json": json.dumps(plan), "pact.json": json.dumps(pact), "order.avsc": '"string"'}
    operation = {"action": "send", "channel": {"$ref": "#/channels/c"}}
    channels = {"c": {"address": "c", "messages": {"m": {"payload": {}}}}}
    document = {"asyncapi": "3.0.0", "info": {}, "channels": channels, "operations": {"o": operation}}
    odcs = {"apiVersion": "v3.2.0", "kind": "DataContract", "schema": [{"name": "s"}]}
    files["odcs.json"] = json.dumps(odcs)
    files["asyncapi.json"] = json.dumps(document)
    files["tenor.yaml"] = 'schemas: [{path: "*.avsc", subject: "{stem}"}]'
    for name, text in files.items():
        (folder / name).write_text(text)
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    archive.write({("mode", ""): {"mode": "READWRITE"}}, folder / "archive.jsonl")


def test_every_verb_is_in_the_table() -> None:
    assert {*ASKING, *OTHERS} == set(VERBS)
    assert not OTHERS & set(ASKING)


@pytest.mark.parametrize("odd", ODD, indirect=True)
@pytest.mark.parametrize("verb", ASKING)
def test_a_server_that_is_none_is_four_and_named(verb: str, odd: None, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*verb.split(), *ASKING[verb]])
    said = capsys.readouterr()
    assert code == 4, said.err
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1
    assert "registry.example:8081" in said.err or "source.example" in said.err


@pytest.mark.parametrize("odd", ODD, indirect=True)
@pytest.mark.parametrize("against", ["server", "tag:prod"])
def test_a_project_is_not_checked_against_a_server_that_is_none(
    against: str, odd: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--against", against]) == 4
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "registry.example:8081" in said.err


@pytest.mark.parametrize("answer", ODD)
@pytest.mark.parametrize("odd", ["HTML"], indirect=True)
def test_a_server_may_fail_in_the_middle_of_a_check(
    answer: str, odd: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is answered; what is asked then is not."""
    step = {"subject": "order", "action": "version", "version": 2}
    plan = {"state": "x", "applied": False, "schemas": [step], "settings": []}

    def answered(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=plan) if request.url.path == "/api/v1/plans" else ODD[answer](request)

    def registry(url: Any, **options: Any) -> tenor.Registry:
        options["retry"] = tenor.Retry(rounds=1)
        return tenor.Registry(url, http=httpx.Client(transport=httpx.MockTransport(answered)), **options)

    monkeypatch.setattr(connection, "Registry", registry)
    for form in ((), ("--format", "github"), ("--output", "json")):
        assert main(["check", "--against", "server", *form]) == 4
        said = capsys.readouterr()
        assert said.out == "" or set(json.loads(said.out)) == {"$schema", "error"}
        assert len(said.err.splitlines()) == 1
        assert "registry.example:8081" in said.err


@pytest.mark.parametrize("odd", ["HTML"], indirect=True)
def test_two_files_of_one_subject_are_named_before_any_server_is_asked(
    odd: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "order.avsc").write_text('"int"')
    (tmp_path / "tenor.yaml").write_text('schemas: [{path: "**/*.avsc", subject: "{stem}"}]')
    for verb in (("check", "--against", "server"), ("check", "--against", "tag:prod"), ("plan",), ("apply",)):
        assert main([*verb]) == 2
        assert "copy/order.avsc and order.avsc are both subject order" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_what_cannot_be_typed_is_two(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not getattr(import_module(VERBS[verb].module), "PASSES_ON", False):
        assert main([*verb.split(), "--no-such-option"]) == 2
    assert main([*verb.split(), "--timeout", "soon"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", said.err.count("error: "))


def test_every_error_has_its_code() -> None:
    waiting = [TenorError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        assert next(code for row, code in EXIT_CODES.items() if issubclass(kind, row)) in (1, 2, 4, 5)
