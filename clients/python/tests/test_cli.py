"""The command, run in process against a registry in memory: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_registry import FakeRegistry, error

import tenor
from tenor.cli import VERBS, connection, main, usage

ORDER = '{"type":"record","name":"a.Order","fields":[{"name":"id","type":"string"}]}'


class Ran:
    """One run of the command."""

    def __init__(self, code: int, captured: Any) -> None:
        self.code, self.out, self.err = code, captured.out, captured.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeRegistry:
    fake = FakeRegistry()

    def registry(url: Any, **options: Any) -> tenor.Registry:
        options["retry"] = tenor.Retry(rounds=1)
        return tenor.Registry(url, http=httpx.Client(transport=httpx.MockTransport(fake)), **options)

    monkeypatch.setattr(connection, "Registry", registry)
    monkeypatch.chdir(tmp_path)
    for name in ("TENOR_URL", "TENOR_TOKEN", "TENOR_TOKEN_FILE", "TENOR_BASIC_AUTH", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "order.avsc").write_text(ORDER, encoding="utf-8")
    return fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Ran:
        return Ran(main(arguments), capsys.readouterr())

    return run


def test_help_lists_every_verb(run: Run) -> None:
    for arguments in (["--help"], ["-h"], ["help"]):
        ran = run(*arguments)
        assert (ran.code, ran.out, ran.err) == (0, usage(), "")
    assert all(verb in usage() for verb in VERBS)
    assert run().code == 2
    assert run("--version").out == f"tenor {tenor.__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(run: Run, verb: str) -> None:
    ran = run(verb, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"usage: tenor {verb}" in ran.out
    assert "--registry URL" in ran.out


def test_a_slip_of_the_pen_is_met_with_a_guess(run: Run) -> None:
    ran = run("regsiter")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "tenor: 'regsiter' is not a verb; did you mean 'register'?\n"
    assert "the verbs are: init, register" in run("xyzzy").err


def test_register_says_what_happened(run: Run, fake: FakeRegistry) -> None:
    first = run("register", "orders-value", "order.avsc")
    assert (first.code, first.out) == (0, "registered orders-value version 1 (id 1)\n")
    assert "field x was added" in first.err
    assert fake.requests[0].headers["idempotency-key"]
    again = run("register", "orders-value", "order.avsc")
    assert (again.code, again.out, again.err) == (0, "no change: orders-value version 1 (id 1)\n", "")


def test_register_in_json_is_one_document(run: Run, fake: FakeRegistry) -> None:
    ran = run("register", "s", "order.avsc", "--output", "json")
    assert ran.err == ""
    assert ran.json["created"] is True
    assert (ran.json["version"], ran.json["id"], ran.json["dry_run"]) == (1, 1, False)


def test_a_dry_run_says_would(run: Run, fake: FakeRegistry) -> None:
    ran = run("register", "s", "order.avsc", "--dry-run")
    assert (ran.code, ran.out) == (0, "would register s version 1\n")
    assert fake.subjects == {}


def test_another_registry_says_less_and_the_command_copes(run: Run, fake: FakeRegistry) -> None:
    fake.native = False
    assert run("register", "s", "order.avsc", "--dry-run").out == "would register s\n"
    assert run("register", "s", "order.avsc").out == "registered s version 1 (id 1)\n"
    assert run("register", "s", "order.avsc", "--dry-run").out == "no change: s version 1 (id 1)\n"


def test_register_sends_type_references_and_normalize(run: Run, fake: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "x.proto").write_text("syntax = 'proto3';", encoding="utf-8")
    assert run("register", "p", "x.proto", "--reference", "a.proto=:.dev:a:2", "--normalize").code == 0
    assert fake.subjects["p"][0]["schemaType"] == "PROTOBUF"
    assert fake.subjects["p"][0]["references"] == [{"name": "a.proto", "subject": ":.dev:a", "version": 2}]
    assert "normalize=true" in fake.paths()[0]
    assert run("register", "j", "x.proto", "--type", "json").code == 0
    assert fake.subjects["j"][0]["schemaType"] == "JSON"


def test_a_schema_comes_from_standard_input(run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + ORDER.encode())))
    assert run("register", "s", "-", "--type", "AVRO").code == 0
    assert fake.subjects["s"][0]["schema"] == ORDER


def test_get_puts_the_text_on_stdout_and_the_rest_on_stderr(run: Run, fake: FakeRegistry) -> None:
    fake.add("s", ORDER)
    for arguments in (["s"], ["s", "latest"], ["s", "1"]):
        ran = run("get", *arguments)
        assert (ran.code, ran.out, ran.err) == (0, ORDER + "\n", "s, version 1, id 1, AVRO\n")
    assert run("get", "--id", "1").err == "schema, id 1, AVRO\n"
    document = run("get", "s", "--output=json").json
    assert (document["schema"], document["version"], document["schemaType"]) == (ORDER, 1, "AVRO")


@pytest.mark.parametrize("native", [True, False])
def test_list_filters_and_pages(run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr("tenor.cli.verbs.list.PAGE", 2)
    fake.native = native
    for name in ("a-1", "a-2", "a-3", "a-4", "b"):
        fake.add(name, '"string"')
    assert run("list", "a").out == "a-1\na-2\na-3\na-4\n"
    listed = run("list", "--output", "json").json["subjects"]
    assert [item["subject"] for item in listed] == ["a-1", "a-2", "a-3", "a-4", "b"]
    assert listed[0].get("version") == (1 if native else None)
    assert run("list", "zzz").out == ""


def test_a_long_list_lines_up(run: Run, fake: FakeRegistry) -> None:
    for name in ("a", "orders-value"):
        fake.add(name, '"string"')
    rows = ["subject       version  id  format  level  owner", "a             1        7   AVRO    -      -"]
    assert run("list", "--long").out.splitlines()[:2] == rows
    fake.native = False
    assert run("list", "--long").out.splitlines()[1] == "a             -        -   -       -      -"


def test_list_ends_on_a_registry_that_knows_neither_pages_nor_prefixes(
    run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenor.cli.verbs.list.PAGE", 3)
    fake.failures = [error(404, 404, "HTTP 404 Not Found"), *[httpx.Response(200, json=["a", "ab", "b"])] * 9]
    assert run("list", "a").out == "a\nab\n"
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    ("prefix", "listed"), [("ord", ":.dev:orders"), (":.dev:p", ":.dev:payments"), (":*:o", ":.dev:orders")]
)
def test_list_below_a_context(run: Run, fake: FakeRegistry, prefix: str, listed: str) -> None:
    names = httpx.Response(200, json=[":.dev:orders", ":.dev:payments"])
    fake.failures = [error(404, 404, "HTTP 404 Not Found"), names]
    assert run("list", prefix).out == f"{listed}\n"


# (arguments, what the registry does, exit code, what the sentence holds)
ENDINGS: list[tuple[list[str], Any, int, str]] = [
    (["register"], None, 2, "required: SUBJECT, FILE"),
    (["register", "s", "nowhere.avsc"], None, 2, "cannot read nowhere.avsc: No such file or directory"),
    (["register", "s", "."], None, 2, "give --type AVRO|JSON|PROTOBUF"),
    (["register", "s", ".", "--type", "AVRO"], None, 2, "cannot read .: Is a directory"),
    (["register", "s", "order.avsc", "--reference", "x"], None, 2, "--reference: 'x' is not NAME=SUBJECT:VERSION"),
    (["register", "s", "order.avsc", "--type", "XML"], None, 2, "invalid choice: 'XML'"),
    (["register", "s", "order.avsc", "--nonsense"], None, 2, "unrecognized arguments: --nonsense"),
    (["register", "s", "latin.avsc"], None, 2, "latin.avsc is not UTF-8: byte 0xe9 at 1"),
    (["register", "s", "order.avsc"], httpx.Response(422, json={"error_code": 42201, "message": "bad"}), 2, "bad"),
    (["register", "s", "order.avsc"], httpx.Response(422, json={"error_code": 42205, "message": "ro"}), 5, "ro"),
    (["register", "s", "order.avsc"], httpx.Response(409, json={"code": 40901, "title": "no"}), 1, "no"),
    (["get"], None, 2, "give either SUBJECT [VERSION] or --id N"),
    (["get", "s", "--id", "1"], None, 2, "give either SUBJECT [VERSION] or --id N"),
    (["get", "s", "first"], None, 2, "'first' is not a version"),
    (["get", "s", "0"], None, 2, "'0' is not a version"),
    (["get", "--id", "x"], None, 2, "invalid int value: 'x'"),
    (["get", "s"], None, 2, "Subject 's' not found."),
    (
        ["list"],
        httpx.ConnectError("refused"),
        4,
        "No answer from the registry at http://localhost:8081: refused",
    ),
    (["list", "--registry", "http://h:1"], httpx.ReadTimeout("slow"), 4, "at http://h:1: slow"),
    (["list", "--registry", "h"], None, 2, "'h' is not the address of a registry"),
    (
        ["list"],
        httpx.Response(401, json={"error_code": 401, "message": "who?"}),
        4,
        "who?",
    ),
    (["list"], httpx.Response(403, json={"error_code": 40301, "message": "no"}), 4, "no"),
    (["list"], httpx.Response(500, text="<html>"), 4, "answered 500 (Internal Server Error)."),
    (["list"], httpx.Response(429), 4, "answered 429 (Too Many Requests)."),
    (["list"], httpx.Response(529), 4, "answered 529."),
    (["list"], httpx.Response(200, text="<html>"), 4, "not as a registry does: the body is no JSON"),
    (["list"], RuntimeError("a bug"), 4, "unexpected RuntimeError: a bug (--debug shows where)"),
]


@pytest.mark.parametrize(
    ("arguments", "failure", "step"),
    [
        (["list"], httpx.ConnectError("refused"), "--registry URL, or TENOR_URL, says where the registry is"),
        (["list"], httpx.Response(401, json={"error_code": 401, "message": "who?"}), "log in with tenor login"),
        (["login", "--user", "u"], httpx.Response(401, json={"error_code": 401, "message": "who?"}), ""),
        (["list"], httpx.Response(403, json={"error_code": 40301, "message": "no"}), ""),
    ],
)
def test_what_to_do_next_is_said_where_an_error_does_not(
    run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, arguments: list[str], failure: Any, step: str
) -> None:
    monkeypatch.setenv("TENOR_BASIC_AUTH", "u:p")
    fake.failures = [failure] * 9
    ran = run(*arguments)
    assert (ran.code, ran.err.count("\n")) == (4, 1)
    assert ran.err.partition("; ")[2].startswith(step) if step else "; " not in ran.err


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [(["list"], 10), (["plan"], 60), (["plan", "--timeout", "2"], 2), (["plan", "--timeout", "10"], 10)],
)
def test_a_request_has_the_time_that_it_is_given(
    run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], seconds: float
) -> None:
    (tmp_path / "tenor.yaml").write_text("schemas: [{path: a.avsc, subject: a}]\n")
    (tmp_path / "a.avsc").write_text(ORDER)
    given: list[float] = []
    registry = connection.Registry

    def noted(url: Any, **options: Any) -> tenor.Registry:
        given.append(options["timeout"])
        return registry(url, **options)

    monkeypatch.setattr(connection, "Registry", noted)
    run(*arguments)
    assert given == [seconds]


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(("arguments", "failure", "code", "sentence"), ENDINGS)
def test_endings(
    run: Run,
    fake: FakeRegistry,
    tmp_path: Path,
    arguments: list[str],
    failure: Any,
    code: int,
    sentence: str,
    output: str,
) -> None:
    (tmp_path / "latin.avsc").write_bytes(b'"\xe9"')
    if failure is not None:
        fake.failures = [failure] * 9
    ran = run(*arguments, "--output", output)
    assert ran.code == code
    assert ran.err.startswith("error: ")
    assert sentence in ran.err
    assert "Traceback" not in ran.err
    if output == "json":
        assert ran.json["error"]["exit_code"] == code
        assert sentence.partition(" (--debug")[0].split(": ")[-1] in ran.json["error"]["message"]
    else:
        assert ran.out == ""


def test_debug_shows_where(run: Run, fake: FakeRegistry) -> None:
    fake.failures = [RuntimeError("a bug")]
    assert "Traceback" in run("list", "--debug").err


def test_findings_are_listed_below_the_sentence(run: Run, fake: FakeRegistry) -> None:
    fake.incompatible = {"s": "the type\x1b[31m\nchanged"}
    ran = run("register", "s", "order.avsc")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[1] == "  /fields/0: the type [31m changed [TYPE_MISMATCH]"
    finding = run("register", "s", "order.avsc", "--output", "json").json["error"]["findings"][0]
    assert finding["rule"] == "TYPE_MISMATCH"


SECRETS = [
    ({"TENOR_TOKEN": "t"}, "Bearer t"),
    ({"TENOR_TOKEN_FILE": "secret"}, "Bearer from-file"),
    ({"TENOR_BASIC_AUTH": "user:pass"}, "Basic dXNlcjpwYXNz"),
    ({}, None),
]


@pytest.mark.parametrize(("environment", "sent"), SECRETS)
def test_secrets_come_from_the_environment_or_a_file(
    run: Run,
    fake: FakeRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    sent: str | None,
) -> None:
    (tmp_path / "secret").write_text("from-file\n", encoding="utf-8")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TENOR_URL", "http://one.test, http://two.test")
    assert run("list").code == 0
    assert fake.requests[0].headers.get("authorization") == sent
    assert fake.requests[0].url.host == "one.test"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TENOR_TOKEN_FILE", "nowhere", "TENOR_TOKEN_FILE: cannot read nowhere"),
        ("TENOR_BASIC_AUTH", "user", "not of the form user:password"),
    ],
)
def test_secrets_that_cannot_be_used(
    run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = run("list")
    assert ran.code == 2
    assert sentence in ran.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_only_on_a_terminal_that_wants_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    from tenor.cli.output import Output

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    Output(err=terminal).error(ValueError("x"), 2)
    assert ("\x1b[31m" in terminal.getvalue()) is coloured
    plain = io.StringIO()
    Output(err=plain).error(ValueError("x"), 2)
    assert plain.getvalue() == "error: x\n"


def test_an_interruption_has_its_own_code(run: Run, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tenor.cli.verbs.list.connect", interrupted)
    assert run("list").code == 130
