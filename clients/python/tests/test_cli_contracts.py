"""The verbs of the contract broker, run in process against canned answers: requests, words and exit codes."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import tenor
from tenor.cli import connection, main
from tenor.credentials import keep

PACT = '{"consumer":{"name":"web/a b"},"provider":{"name":"api é"},"messages":[]}'
ASK = ("can-i-deploy", "--application", "web/a b", "--version", "1+2", "--to-environment", "live")
ENVIRONMENT = {"uuid": "u-1", "name": "live", "displayName": "Live", "production": True}

Answers = dict[str, httpx.Response]
Ran = tuple[int, str, str]


class Canned:
    """A server that answers `METHOD path` with what the test put there, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.raw_path.decode().partition("?")[0]
        return self.answers.get(f"{request.method} {path}", httpx.Response(404, json={"error": "Not found."}))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Canned:
    server = Canned()

    def registry(url: Any, **options: Any) -> tenor.Registry:
        options["retry"] = tenor.Retry(rounds=1)
        return tenor.Registry(url, http=httpx.Client(transport=httpx.MockTransport(server)), **options)

    monkeypatch.setattr(connection, "Registry", registry)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENOR_URL", "http://h/prefix")
    (tmp_path / "pact.json").write_text(PACT, encoding="utf-8")
    return server


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


Run = Callable[..., Ran]


@pytest.mark.parametrize(
    ("deployable", "code", "first"),
    [
        (True, 0, "yes: web/a b version 1+2 can be deployed to live"),
        (False, 1, "no: web/a b version 1+2 cannot be deployed to live"),
        (None, 3, "don't know: web/a b version 1+2 may or may not be safe to deploy to live"),
    ],
)
def test_the_verdict_is_the_exit_code(server: Canned, run: Run, deployable: bool | None, code: int, first: str) -> None:
    body = {
        "summary": {"deployable": deployable},
        "notices": [{"type": "error", "text": "because\x1b[2J\nof this"}],
        "matrix": [],
    }
    server.answers["GET /prefix/pact/matrix"] = httpx.Response(200, json=body)
    assert run(*ASK) == (code, f"{first}\n  because [2J of this\n", "")
    query = "q%5B%5D%5Bpacticipant%5D=web%2Fa+b&q%5B%5D%5Bversion%5D=1%2B2&latestby=cvpv&environment=live"
    assert server.requests[0].url.query.decode() == query
    ended, out, _ = run(*ASK, "--output", "json")
    assert ended == code
    told = json.loads(out)
    assert (told["deployable"], told["exit_code"], told["matrix"]) == (deployable, code, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"summary": {}},
        {"summary": {"deployable": "maybe"}, "notices": [], "matrix": []},
        {"summary": {"deployable": True}, "notices": [{"type": "info"}]},
        [],
    ],
)
def test_no_answer_of_another_shape_is_a_yes(server: Canned, run: Run, body: Any) -> None:
    server.answers["GET /prefix/pact/matrix"] = httpx.Response(200, json=body)
    code, out, err = run(*ASK)
    assert (code, out) == (4, "")
    assert "not as a registry does" in err


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (400, {"errors": ["No such name.", "Nor that."]}, 2, "No such name.; Nor that."),
        (400, {"errors": {"name": ["is missing", "is bad"], "x": ["y"]}}, 2, "name: is missing, is bad; x: y"),
        (404, {"error": "Nothing here."}, 2, "Nothing here."),
        (401, {"error": "Who are you?"}, 4, "Who are you?"),
        (500, {"error": {"message": "Broken.", "reference": "r"}}, 4, "Broken."),
        (409, {"notices": [{"type": "error", "text": "Other content."}, {"type": "info", "text": "a\nb"}],
               "errors": {"contracts": ["Other content."]}}, 5, "Other content.\n  a\n  b"),
        (502, None, 4, "http://h/prefix/pact/matrix?"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_brokers_words(
    server: Canned, run: Run, status: int, body: Any, code: int, said: str
) -> None:
    server.answers["GET /prefix/pact/matrix"] = httpx.Response(status, json=body)
    ended, out, err = run(*ASK)
    assert (ended, out) == (code, "")
    assert err.startswith(f"error: {said}")


def test_publish_sends_what_is_in_the_files(server: Canned, run: Run) -> None:
    answer = {"notices": [{"type": "success", "text": "Created it"}]}
    server.answers["POST /prefix/pact/contracts/publish"] = httpx.Response(200, json=answer)
    publish = ("contracts", "publish", "pact.json", "--consumer-version", "1", "--tag", "a", "--tag", "b")
    assert run(*publish, "--branch", "main") == (0, "Created it\n", "")
    sent = json.loads(server.requests[0].content)
    (contract,) = sent.pop("contracts")
    assert base64.b64decode(contract.pop("content")).decode() == PACT
    assert contract == {
        "consumerName": "web/a b",
        "providerName": "api é",
        "specification": "pact",
        "contentType": "application/json",
    }
    run(*publish, "--merge", "--build-url", "http://ci")
    merging = json.loads(server.requests[1].content)
    assert (merging["contracts"][0]["onConflict"], merging["buildUrl"]) == ("merge", "http://ci")
    assert sent == {
        "pacticipantName": "web/a b",
        "pacticipantVersionNumber": "1",
        "branch": "main",
        "tags": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("files", "given", "said"),
    [
        ({}, ["none.json"], "cannot read none.json"),
        ({"x.json": "{"}, ["x.json"], "x.json is no JSON"),
        ({"x.json": "[" * 100_000}, ["x.json"], "x.json is no JSON"),
        ({"x.json": '{"consumer":{"name":1}}'}, ["x.json"], "x.json is no pact"),
        ({"x.json": PACT.replace("web/a b", "other")}, ["pact.json", "x.json"], "several consumers (other, web/a b)"),
        ({"folder/readme": ""}, ["folder"], "the folder folder holds no pact"),
        ({}, [], "FILE"),
    ],
)
def test_what_is_no_pact_is_not_sent(
    server: Canned, run: Run, files: dict[str, str], given: list[str], said: str
) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    code, out, err = run("contracts", "publish", *given, "--consumer-version", "1")
    assert (code, out, server.requests) == (2, "", [])
    assert said in err


def test_deploy_finds_the_environment_by_its_name(server: Canned, run: Run) -> None:
    listed = httpx.Response(200, json={"_embedded": {"environments": [ENVIRONMENT]}})
    there = "/prefix/pact/pacticipants/web%2Fa%20b/versions/1%2B2/deployed-versions/environment/u-1"
    server.answers = {
        "GET /prefix/pact/environments": listed,
        f"POST {there}": httpx.Response(201, json={"uuid": "d-1", "currentlyDeployed": True}),
    }
    deploy = ("deploy", "--application", "web/a b", "--version", "1+2", "--environment")
    assert run(*deploy, "live") == (0, "recorded: web/a b version 1+2 is deployed to live\n", "")
    assert json.loads(server.requests[-1].content) == {}
    assert "(instance blue)" in run(*deploy, "live", "--instance", "blue")[1]
    assert json.loads(server.requests[-1].content) == {"applicationInstance": "blue"}
    code, out, err = run(*deploy, "moon")
    assert (code, out, err) == (2, "", "error: there is no environment 'moon'; there are: live\n")


def test_what_waits_asks_again_and_stops_at_an_answer(
    server: Canned, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        deployable = None if len(asked) < 3 else False
        asked.append(request)
        return httpx.Response(200, json={"summary": {"deployable": deployable}, "notices": [], "matrix": []})

    asked: list[httpx.Request] = []
    pauses: list[float] = []
    monkeypatch.setattr(Canned, "__call__", lambda _, request: answers(request))
    monkeypatch.setattr("time.sleep", pauses.append)
    ask = (*ASK[:5], "--to", "prod", "--ignore", "api", "--ignore", "a:b:2", "--wait", "100")
    assert run(*ask)[0] == 1
    assert pauses == [0.5, 1.0, 2.0]
    query = (
        "q%5B%5D%5Bpacticipant%5D=web%2Fa+b&q%5B%5D%5Bversion%5D=1%2B2&latestby=cvp&tag=prod&latest=true"
        "&ignore%5B%5D%5Bpacticipant%5D=api&ignore%5B%5D%5Bpacticipant%5D=a%3Ab&ignore%5B%5D%5Bversion%5D=2"
    )
    assert {request.url.query.decode() for request in asked} == {query}
    assert run(*ASK[:5], "--to", "prod", "--ignore", ":2")[0] == 2


def test_lists_line_up(server: Canned, run: Run) -> None:
    server.answers = {
        "GET /prefix/pact/environments": httpx.Response(200, json={"_embedded": {"environments": [ENVIRONMENT]}}),
        "GET /prefix/pact/pacts/latest": httpx.Response(200, json={"pacts": []}),
    }
    assert run("env", "list")[1] == "name  display name  production  uuid\nlive  Live          yes         u-1\n"
    assert run("contracts", "list", "--provider", "p") == (0, "", "no contracts with provider p\n")
    assert json.loads(run("contracts", "list", "--output", "json")[1]) == {
        "$schema": "urn:tenor:output:contracts-list:1",
        "contracts": [],
    }


def test_a_verb_of_two_words_wants_both(run: Run) -> None:
    verbs = "tenor env list, tenor env create, tenor env update, tenor env delete or tenor env describe"
    for arguments in (["env"], ["env", "lst"]):
        assert run(*arguments) == (2, "", f"tenor: say which 'env': {verbs}.\n")
    assert run("deploy", "releas")[2].startswith("tenor: say which 'deploy': tenor deploy record, ")
    code, out, err = run("env", "--help")
    assert (code, err) == (0, "")
    assert "tenor env create" in out
    assert "usage: tenor env list" in run("env", "list", "--help")[1]


VERIFY = (
    "contracts",
    "verify",
    "--provider",
    "p",
    "--provider-version",
    "2",
    "--publish",
    "--provider-url",
    "http://p",
)


class Content:
    """A verifier that accepts everything it is told, and finds every contract kept."""

    def __init__(self, provider: str, *, host: str) -> None:
        self.provider, self.host = provider, host

    def __getattr__(self, name: str) -> Callable[..., Content]:
        return lambda *_, **__: self


def matrix(*numbers: int) -> httpx.Response:
    rows = [
        {
            "consumer": {"name": "c/1"},
            "provider": {"name": "p"},
            "verificationResult": {"_links": {"self": {"href": f"http://public/results/{number}"}}},
        }
        for number in numbers
    ]
    return httpx.Response(200, json={"matrix": rows})


def to_be_verified() -> Answers:
    """One pact, whose link names the public address."""
    here = "/pact/pacts/provider/p/consumer/c%2F1/pact-version/s"
    listed = {"_embedded": {"pacts": [{"_links": {"self": {"href": f"http://public/elsewhere{here}"}}}]}}
    document = {"consumer": {"name": "c/1"}, "_links": {"pb:consumer-version": {"name": "1"}}}
    return {
        "POST /prefix/pact/pacts/provider/p/for-verification": httpx.Response(200, json=listed),
        f"GET /prefix{here}": httpx.Response(200, json=document),
    }


@pytest.mark.parametrize(
    ("before", "after", "code", "answer"),
    [
        ((), (1,), 0, "passed"),
        ((1,), (2,), 0, "passed"),
        ((), (), 4, "results not recorded"),
        ((1,), (1,), 4, "results not recorded"),
    ],
)
def test_results_that_did_not_arrive_are_noticed(  # the verifier itself says nothing then
    server: Canned,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[int, ...],
    after: tuple[int, ...],
    code: int,
    answer: str,
) -> None:
    class Moving(Content):
        def verify(self) -> None:
            server.answers["GET /prefix/pact/matrix"] = matrix(*after)

    monkeypatch.setattr("tenor.cli.verbs.contracts_verify.verifier_class", lambda: Moving)
    server.answers = to_be_verified() | {"GET /prefix/pact/matrix": matrix(*before)}
    ended, out, _ = run(*VERIFY)
    assert (ended, out) == (code, f"{answer}: p version 2\n  contract with c/1 version 1\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (VERIFY[:6], "say what answers for the provider"),
        ((*VERIFY, "--selector", "{"), "is no JSON"),
        ((*VERIFY, "--selector", "[]"), "is no JSON object"),
        ((*VERIFY, "--message", "an order"), "not of the form DESCRIPTION=FILE"),
        ((*VERIFY, "--message", "an order=none.json"), "cannot read none.json"),
    ],
)
def test_what_cannot_be_verified_is_said_before_anything_is_asked(
    server: Canned, run: Run, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out, server.requests) == (2, "", [])
    assert said in err


def test_verifying_names_the_package_it_lacks(server: Canned, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pact", None)
    code, out, err = run(*VERIFY)
    assert (code, out) == (4, "")
    assert "pip install 'tenor[contracts]'" in err


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [
        ({}, {}),
        ({"TENOR_TOKEN": "t"}, {"token": "t"}),
        ({"TENOR_BASIC_AUTH": "me:a:b"}, {"username": "me", "password": "a:b"}),
        ({"TENOR_URL": "http://me:p%40ss@h/prefix"}, {"username": "me", "password": "p@ss"}),
        ({"kept": "k"}, {"token": "k"}),
        ({"kept": "k", "TENOR_TOKEN": "t"}, {"token": "t"}),
    ],
)
def test_the_verifier_logs_in_as_the_client_does(
    server: Canned,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: dict[str, str],
    credentials: dict[str, str],
) -> None:
    class Asked(Content):
        def broker_source(self, url: str, **options: Any) -> Content:
            asked.append((url, options))
            return self

    asked: list[Any] = []
    monkeypatch.setattr("tenor.cli.verbs.contracts_verify.verifier_class", lambda: Asked)
    for name in ("TENOR_TOKEN", "TENOR_TOKEN_FILE", "TENOR_BASIC_AUTH", "TENOR_BASIC_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    if (token := settings.get("kept")) is not None:  # by `tenor login`
        keep("http://h/prefix", token)
    server.answers = to_be_verified() | {"GET /prefix/pact/matrix": matrix()}
    assert run(*(word for word in VERIFY if word != "--publish"))[0] == 0
    assert asked == [("http://h/prefix/pact", {"selector": True, "use_env": False, **credentials})]
    sent = {request.headers.get("authorization", "") for request in server.requests}
    assert [bool(each) for each in sent] == [bool(credentials)]
