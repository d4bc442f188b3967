"""The verbs that need no server, on engines made up for the purpose: what is told, and how each run ends."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_registry import FakeRegistry, error

import tenor
from tenor.cli import connection, engine, main, told
from tenor.cli.local_schema import MOST_REFERENCES

Run = Callable[..., Any]

WITNESS = {"event": {"total": "a\x9bb"}, "failure": "total is\nno number", "path": "/total"}
FIX = {
    "id": "restore",
    "sentence": "Restore it.",
    "edits": [{"start": 7, "end": 8, "replacement": ""}],
    "text": "one\ntwo\nthree",
}
FINDING = {
    "rule": "TYPE_CHANGED",
    "severity": "error",
    "direction": "backward",
    "version": 1,
    "sentence": "The type is another one",
    "path": "/total",
    "new_line": 2,
    "new_column": 3,
    "old_line": 4,
    "old_column": 5,
    "witness": WITNESS,
    "shown": "by an event",
    "fixes": [FIX, FIX | {"sentence": "Or that."}],
}
WARNING = FINDING | {"severity": "warning", "rule": "CAUTION", "sentence": "Mind this", "old_line": None}
BY_RULE = FINDING | {"direction": "forward", "witness": None, "shown": "by rule only", "fixes": [], "old_line": None}
LATE = BY_RULE | {"shown": "not looked for in time", "new_line": None, "new_column": None}


def meaning(verdict: str, *reasons: str, witness: Any = None) -> dict[str, Any]:
    return {"verdict": verdict, "reasons": list(reasons), "witness": witness}


def checked(
    compatible: bool, *findings: Any, differs: str = "", level: str = "FULL", **semantic: Any
) -> dict[str, Any]:
    return {
        "level": level,
        "policy": "STRICT",
        "compatible": compatible,
        "semantic": semantic,
        "differs": differs,
        "findings": list(findings),
        "changes": [],
    }


FINE, BREAKS, OPEN = meaning("compatible"), meaning("breaks", "because", witness=WITNESS), meaning("unknown", "not")

# (answer, what decides, verdict, last line)
VERDICTS: list[tuple[dict[str, Any], str, str, str]] = [
    (checked(True, backward=FINE), "both", "safe", "new code can read old events"),
    (
        checked(True, backward=FINE, forward=FINE),
        "both",
        "safe",
        "new code can read old events and old code can read new events",
    ),
    (checked(True, backward=FINE), "confluent", "safe", "Confluent's rules accept this change at level FULL"),
    (checked(True, level="NONE"), "both", "safe", "level NONE compares with no earlier version here"),
    (checked(True, backward=BREAKS), "both", "unsafe", "new code cannot read old events"),
    (checked(True, backward=BREAKS), "confluent", "safe", "Confluent's rules accept this change at level FULL"),
    (checked(True, backward=BREAKS), "semantic", "unsafe", "new code cannot read old events"),
    (checked(False, FINDING, backward=FINE), "both", "unsafe", "new code cannot read old events (1 error)"),
    (checked(False, FINDING, backward=FINE), "semantic", "safe", "new code can read old events"),
    (checked(False, FINDING, FINDING, backward=OPEN), "both", "unsafe", "new code cannot read old events (2 errors)"),
    (
        checked(False, FINDING, BY_RULE, backward=BREAKS, forward=OPEN),
        "both",
        "unsafe",
        "new code cannot read old events (1 error), and old code cannot read new events (1 error)",
    ),
    (
        checked(True, backward=OPEN),
        "both",
        "unknown",
        "whether new code can read old events (not); Confluent's rules accept this change",
    ),
    (checked(False, FINDING, forward=OPEN), "semantic", "unknown", "whether old code can read new events (not)"),
    (checked(True, backward=OPEN, forward=BREAKS), "both", "unsafe", "old code cannot read new events"),
    (checked(False, FINDING), "semantic", "unknown", "what events mean across types of schemas"),
]


@pytest.mark.parametrize(("answer", "by", "verdict", "last"), VERDICTS)
def test_the_worse_verdict_counts_and_unknown_is_never_safe(
    answer: dict[str, Any], by: str, verdict: str, last: str
) -> None:
    assert told.verdict(answer, by) == verdict
    lines = list(told.told(answer, told.Sides("new", "", "old"), by, lambda text, colour: text))
    assert lines[-1] == f"{verdict}: {last}"


TOLD = """\
n.json:2:3: error: new code cannot read old events [TYPE_CHANGED]
  The type is another one
  old:    o.json:4:5
  event:  {"total": "a\\u009bb"}
  reader: total is no number
  fix:    Restore it.
          - twoo
          + two
  or:     Or that.
n.json:2:3: warning: Mind this [CAUTION]
n.json:2:3: error: old code cannot read new events [TYPE_CHANGED]
  The type is another one
  event:  none found: by Confluent's rule only
n.json: error: old code cannot read new events [TYPE_CHANGED]
  The type is another one
  event:  not looked for in time
n.json: error: old code cannot read new events
  because
  event:  {"total": "a\\u009bb"}
  reader: total is no number
differs: the two say different things
unsafe: new code cannot read old events (1 error), and old code cannot read new events (2 errors)
"""


LONG = "x" * 2000
# (text, start and end of the edit, replacement, the lines that are shown)
EDITS: list[tuple[str, int, int, str, list[str]]] = [
    ("a\nb\nc", 2, 3, "B", ["- b", "+ B"]),
    ("a\nb\nc", 0, 1, "", ["- a"]),
    ("a\nb\nc", 4, 5, "c\nd", ["+ d"]),
    ("a\nb\nc\n", 2, 4, "", ["- b"]),
    ("a", 1, 1, ",\n b", ["- a", "+ a,", "+ b"]),
    (f"a\n{LONG}\nc", 0, 1, "b", ["- a", "+ b"]),
    (f"a\n{LONG}\nc", 5, 6, "y", []),
    ("a", 0, 1, "\n".join("abcdefghij"), []),
]


@pytest.mark.parametrize(("text", "start", "end", "replacement", "shown"), EDITS, ids=range(len(EDITS)))
def test_a_fix_shows_the_lines_it_changes(text: str, start: int, end: int, replacement: str, shown: list[str]) -> None:
    edit = {"start": start, "end": end, "replacement": replacement}
    fix = FIX | {"edits": [edit], "text": text[:start] + replacement + text[end:]}
    answer = checked(False, FINDING | {"fixes": [fix]}, backward=FINE)
    lines = list(told.told(answer, told.Sides("new", text, "old"), "both", lambda text, colour: text))
    assert [line.strip() for line in lines[5:] if line.startswith(" " * 10)] == shown


def test_findings_without_number_are_counted(run: Run) -> None:
    code, out, _ = run("check", "n.json", "--against", "o.json", engine_does=says(checked(False, *[LATE] * 5000)))
    assert code == 1
    assert out.count("error:") == 50
    assert out.endswith(
        "… and 4950 more findings (--output json has them all)\nunsafe: old code cannot read new events (5000 errors)\n"
    )


def engine_that(tmp_path: Path, code: str) -> list[str]:
    """A command that runs some Python instead of `tenor-server check`; `asked` is the question."""
    file = tmp_path / "engine.py"
    file.write_text(f"import json, os, sys, time\nasked = json.load(sys.stdin)\n{code}\n", encoding="utf-8")
    return [sys.executable, str(file)]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("n.json", "o.json"):
        (tmp_path / name).write_text("one\ntwoo\nthree", encoding="utf-8")

    def run(*arguments: str, engine_does: str = "") -> tuple[int, str, str]:
        if engine_does:
            monkeypatch.setattr(engine, "find", lambda: engine_that(tmp_path, engine_does))
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def says(document: Any) -> str:
    return f"print({json.dumps(document)!r})"


def test_an_answer_is_told_so_that_anyone_knows_what_to_do(run: Run) -> None:
    answer = checked(
        False,
        FINDING,
        WARNING,
        BY_RULE,
        LATE,
        differs="the two say different things",
        backward=BREAKS,
        forward=BREAKS,
    )
    assert run("check", "n.json", "--against", "o.json", engine_does=says(answer)) == (1, TOLD, "")
    code, out, _ = run("check", "n.json", "--against", "o.json", "--output", "json")
    assert (code, json.loads(out)) == (
        1,
        {"$schema": "urn:tenor:output:check:1", "verdict": "unsafe", "new": "n.json", "old": "o.json", **answer},
    )


def test_an_unknown_verdict_fails_only_when_asked_to(run: Run) -> None:
    answer = says(checked(True, backward=OPEN))
    last = "unknown: whether new code can read old events (not); Confluent's rules accept this change\n"
    assert run("check", "n.json", "--against", "o.json", engine_does=answer) == (0, last, "")
    assert run("check", "n.json", "--against", "o.json", "--unknown=fail") == (3, last, "")
    assert run("check", "n.json", "--against", "o.json", "--unknown=fail", "--verdict=confluent")[0] == 0
    unsafe = says(checked(False, FINDING, backward=OPEN))
    assert run("check", "n.json", "--against", "o.json", "--unknown=fail", engine_does=unsafe)[0] == 1


def test_the_question_holds_texts_references_and_settings(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    echo = f"print(json.dumps(dict({checked(True)!r}, asked=asked)))"
    words = ["check", "n.json", "--against", "o.json", "--level", "full", "--policy", "lenient", "--output", "json"]
    words += ["--reference", "x=a", "--reference", "y=b", "--old-reference", "x=c"]
    asked = json.loads(run(*words, engine_does=echo)[1])["asked"]
    assert (asked["do"], asked["level"], asked["policy"]) == ("check", "FULL", "LENIENT")
    assert asked["new"]["format"] == "JSON"
    # The last one sees the one before it.
    assert asked["new"]["references"] == [["y", {"text": "b", "references": [["x", {"text": "a", "references": []}]]}]]
    assert asked["old"]["references"] == [["y", {"text": "b", "references": [["x", {"text": "c", "references": []}]]}]]


def test_a_search_that_runs_away_leaves_the_verdict_by_the_rules(run: Run) -> None:
    slow = f"time.sleep(60) if asked['do'] == 'check' else {says(checked(True, backward=OPEN))}"
    code, out, _ = run("check", "n.json", "--against", "o.json", "--timeout", "2", engine_does=slow)
    assert (code, out.partition(":")[0]) == (0, "unknown")


# (what the engine does, exit code, what the sentence holds)
ENDINGS: list[tuple[str, int, str]] = [
    ("time.sleep(60)", 4, "was stopped after 0.5 s (--timeout): the schema takes too long"),
    ("os.abort()", 4, "gave no answer: it was ended by signal 6"),
    ("raise ImportError('a part is missing')", 4, "ended with code 1, and said: ImportError: a part is missing"),
    ("print('<html>')", 4, "gave no answer: it ended with code 0"),
    ("print('[1]')", 4, "gave no answer: it ended with code 0"),
    (says({"error": {"kind": "INVALID_REQUEST", "message": "no such thing"}}), 2, "error: no such thing"),
]


@pytest.mark.parametrize(("engine_does", "code", "sentence"), ENDINGS)
@pytest.mark.parametrize("verb", ["diff o.json n.json", "sample n.json", "lint n.json", "explain TYPE_CHANGED"])
def test_an_engine_that_fails_is_named_in_one_sentence(
    run: Run, verb: str, engine_does: str, code: int, sentence: str
) -> None:
    ended, out, err = run(
        *verb.split(), "--timeout", "0.5" if "sleep" in engine_does else "10", engine_does=engine_does
    )
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert sentence in err
    assert "Traceback" not in err


# (the error's side, reference, line and column; the place that is named)
PLACES: list[tuple[str, str | None, int | None, int | None, str]] = [
    ("new", None, 3, 9, "n.json:3:9"),
    ("old", None, 1, 2, "o.json:1:2"),
    ("new", None, None, None, "n.json"),
    ("old", "x", 7, 1, "ref.json:7:1"),
]


@pytest.mark.parametrize(("side", "reference", "line", "column", "named"), PLACES)
def test_a_schema_that_does_not_parse_is_named_with_its_place(
    run: Run, tmp_path: Path, side: str, reference: str | None, line: int | None, column: int | None, named: str
) -> None:
    (tmp_path / "ref.json").write_text("{", encoding="utf-8")
    place = {"schema": side, "reference": reference, "line": line, "column": column}
    does = says({"error": {"kind": "INVALID_SCHEMA", "message": "it is odd", **place}})
    words = ["check", "n.json", "--against", "o.json", "--reference", "x=ref.json"]
    assert run(*words, engine_does=does) == (2, "", f"error: {named}: it is odd\n")
    document = json.loads(run(*words, "--output", "json")[1])["error"]
    assert (document["kind"], document["exit_code"]) == ("INVALID_SCHEMA", 2)
    assert (document["file"], document["line"], document["column"]) == (named.partition(":")[0], line, column)


USAGE: list[tuple[str, str]] = [
    ("check n.json", "give either --against OLD or --subject SUBJECT"),
    ("check n.json --against o.json --subject s", "give either --against OLD or --subject SUBJECT"),
    ("check n.json --subject s --level FULL", "--level, --policy and --old-reference go with --against"),
    ("check n.json --against nowhere.json", "cannot read nowhere.json: No such file or directory"),
    ("check n.json --against o.json --level SIDEWAYS", "invalid choice: 'SIDEWAYS'"),
    ("check n.json --against o.json --reference x", "--reference: 'x' is not NAME=FILE"),
    ("check n.json --against o.json --old-reference x", "--reference: 'x' is not NAME=FILE"),
    ("check n.json --against o.json --reference x=n.json --reference x=o.json", "each name can be given once"),
    ("check - --against -", "NEW and OLD cannot both be -"),
    ("diff - -", "OLD and NEW cannot both be -"),
    ("diff n.json", "required: NEW"),
    ("diff n.txt o.json", "cannot read n.txt"),
    ("sample n.json --count 0", "--count: 0 is not between 1 and 1000"),
    ("sample n.json --count many", "invalid int value: 'many'"),
    ("sample n.json --seed -1", "--seed: -1 is not between 0 and 2^31-1"),
    ("lint n.json --severity x", "--severity: 'x' is not RULE=error|warning|off"),
    ("lint n.json --severity x=loud", "--severity: 'x=loud' is not RULE=error|warning|off"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE)
def test_what_cannot_be_done_is_said_before_the_engine_is_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: str, sentence: str
) -> None:
    def never() -> list[str]:
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(engine, "find", never)
    code, out, err = run(*words.replace("n.txt", "n.txt --type JSON").split())
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert sentence in err


def test_references_have_a_limit(run: Run) -> None:
    words = [word for number in range(MOST_REFERENCES + 1) for word in ("--reference", f"r{number}=o.json")]
    code, _, err = run("sample", "n.json", *words)
    assert (code, err) == (2, "error: --reference: at most 200 of them\n")


def test_without_an_engine_a_sentence_says_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = run("lint", "n.json")
    assert (code, out) == (2, "")
    assert err == (
        f"error: this needs the engine, tenor-server, which is neither beside {tmp_path / 'python'} nor on the PATH: "
        "install it with 'pip install tenor-server', of the same version as tenor\n"
    )


def test_the_engine_beside_the_interpreter_comes_before_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("beside", "on-path"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "tenor-server"
        file.write_text("#!/bin/sh\n", encoding="utf-8")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "on-path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    assert engine.find() == [str(tmp_path / "on-path" / "tenor-server")]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "beside" / "python"))
    assert engine.find() == [str(tmp_path / "beside" / "tenor-server")]


def test_diff_lint_sample_and_explain_write_lines(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [
        {"kind": "added", "path": "/total", "sentence": "A field."},
        {"kind": "documented", "path": "/x", "sentence": "D."},
    ]
    lines = "added       /total  A field.\ndocumented  /x      D.\n"
    assert run("diff", "o.json", "n.json", engine_does=says({"changes": changes})) == (0, lines, "")
    assert run("diff", "o.json", "n.json", engine_does=says({"changes": []})) == (0, "no change\n", "")

    remark = {"rule": "odd", "path": "", "severity": "warning", "sentence": "It is odd.", "line": 1, "column": 2}
    lint = says({"remarks": [remark, remark | {"severity": "error", "line": None, "column": None}]})
    told = "n.json:1:2: warning: It is odd. [odd]\nn.json: error: It is odd. [odd]\n1 error, 1 warning\n"
    assert run("lint", "n.json", engine_does=lint) == (1, told, "")
    assert run("lint", "n.json", engine_does=says({"remarks": [remark, remark]}))[1].endswith("2 warnings\n")
    assert run("lint", "n.json", engine_does=says({"remarks": []})) == (0, "nothing to remark\n", "")
    echo = "print(json.dumps({'remarks': [], 'asked': asked}))"
    out = run("lint", "n.json", "--severity", "odd=off", "--output", "json", engine_does=echo)[1]
    assert json.loads(out)["asked"]["severities"] == {"odd": "off"}

    samples = [{"event": {"a": "é\x1b"}, "kind": "edge", "note": ""}, {"event": None, "kind": "random", "note": ""}]
    assert run("sample", "n.json", engine_does=says({"samples": samples})) == (0, '{"a": "é\\u001b"}\nnull\n', "")
    out = run("sample", "n.json", "--output", "json")[1]
    assert [each["kind"] for each in json.loads(out)["samples"]] == ["edge", "random"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text")))
    echo = "print(json.dumps({'samples': [], 'asked': asked}))"
    words = ["sample", "-", "--type", "avro", "--count", "7", "--seed", "3", "--output", "json"]
    asked = json.loads(run(*words, engine_does=echo)[1])["asked"]
    assert (asked["count"], asked["seed"]) == (7, 3)
    assert asked["schema"] == {"format": "AVRO", "text": "text", "references": []}


RULES = [
    {"rule": "TYPE_CHANGED", "format": "JSON", "verb": "check", "severity": "error", "text": "A type is another."},
    {"rule": "odd-name", "format": "JSON", "verb": "lint", "severity": "warning", "text": "A name is odd."},
    {"rule": "odd-name", "format": "AVRO", "verb": "lint", "severity": "error", "text": "A name is odd."},
]
PAGE = """\
odd-name

  A name is odd.

  format:    JSON Schema
  severity:  warning: tenor lint ends with exit code 0
  found by:  tenor lint FILE; --severity odd-name=off silences it

odd-name

  A name is odd.

  format:    Avro
  severity:  error: tenor lint ends with exit code 1
  found by:  tenor lint FILE; --severity odd-name=warning makes it one
"""


def test_a_rule_has_a_page_for_each_format(run: Run) -> None:
    does = says({"rules": RULES})
    assert run("explain", "odd-name", engine_does=does) == (0, PAGE, "")
    page = run("explain", "type-changed")[1]
    assert page.endswith("found by:  tenor check NEW --against OLD, with an event that breaks and ways to mend it\n")
    assert run("explain", "TYPE_CHANGD")[2] == "error: 'TYPE_CHANGD' is not a rule; did you mean TYPE_CHANGED?\n"
    assert run("explain", "xyz")[2] == "error: 'xyz' is not a rule; tenor explain lists them all\n"
    code, out, _ = run("explain")
    assert (code, out.splitlines()[0]) == (0, "TYPE_CHANGED  JSON  check  error")
    assert json.loads(run("explain", "odd-name", "--output", "json")[1]) == {
        "$schema": "urn:tenor:output:explain:1",
        "rules": RULES[1:],
    }


@pytest.fixture
def fake(run: Run, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()

    def registry(url: Any, **options: Any) -> tenor.Registry:
        options["retry"] = tenor.Retry(rounds=1)
        return tenor.Registry(url, http=httpx.Client(transport=httpx.MockTransport(fake)), **options)

    monkeypatch.setattr(connection, "Registry", registry)
    monkeypatch.delenv("TENOR_URL", raising=False)
    return fake


def test_a_subject_is_asked_on_its_server(run: Run, fake: FakeRegistry) -> None:
    # As Tenor writes it: what is empty is left out.
    finding = {key: value for key, value in FINDING.items() if key not in ("witness", "shown", "fixes")}
    fake.failures = [
        httpx.Response(200, json={"compatible": False, "level": "FULL", "findings": [finding | {"version": 7}]})
    ]
    code, out, _ = run("check", "n.json", "--subject", "a/b", "--reference", "x=s:2")
    assert code == 1
    assert out.splitlines()[2:] == ["  old:    a/b version 7:4:5", "unsafe: new code cannot read old events (1 error)"]
    assert fake.paths() == ["POST /api/v1/subjects/a%2Fb/check"]
    assert json.loads(fake.requests[0].content)["references"] == [{"name": "x", "subject": "s", "version": 2}]


# (the registry's answer, exit code, what the sentence holds)
SERVERS: list[tuple[Any, int, str]] = [
    (error(404, 404, "HTTP 404 Not Found"), 2, "has no API that explains: it is not Tenor"),
    (httpx.Response(405, text="<html>"), 2, "has no API that explains"),
    (httpx.Response(200, json={"is_compatible": True}), 4, "'compatible' is missing from the body"),
    (httpx.Response(200, text="<html>"), 4, "the body is no JSON"),
    (httpx.ConnectError("refused"), 4, "No answer from the registry"),
    (httpx.Response(401, json={"error_code": 401, "message": "who?"}), 4, "who?"),
    (httpx.Response(422, json={"code": 42201, "title": "Invalid", "detail": "does not parse"}), 2, "does not parse"),
]


@pytest.mark.parametrize(("answer", "code", "sentence"), SERVERS)
def test_a_server_that_does_not_answer_is_named(
    run: Run, fake: FakeRegistry, answer: Any, code: int, sentence: str
) -> None:
    fake.failures = [answer]
    ended, out, err = run("check", "n.json", "--subject", "s")
    assert (ended, out) == (code, "")
    assert sentence in err
