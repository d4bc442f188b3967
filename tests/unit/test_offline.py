"""Questions of the command line: answers are those of `registry.examine`, errors name the text they mean."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from registry import cli, formats, offline

SCHEMAS = {
    "AVRO": '{"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}]}',
    "JSON": '{"type": "object", "properties": {"a": {"type": "integer"}}}',
    "PROTOBUF": 'syntax = "proto3";\nmessage A {\n  int32 a = 1;\n}\n',
}
OTHERS = {
    "AVRO": SCHEMAS["AVRO"].replace('"a"', '"b"'),
    "JSON": SCHEMAS["JSON"].replace("integer", "string"),
    "PROTOBUF": SCHEMAS["PROTOBUF"].replace("int32", "string"),
}


def schema(format: str, text: str | None = None, **references: Any) -> dict[str, Any]:
    below = [[name.replace("_", "."), each] for name, each in references.items()]
    return {"format": format, "text": SCHEMAS[format] if text is None else text, "references": below}


def ask(**question: Any) -> tuple[dict[str, Any], bool]:
    document, fine = offline.answered(json.dumps(question).encode())
    assert fine is ("error" not in document)
    return json.loads(offline.written(document)), fine


@pytest.mark.parametrize("format", SCHEMAS)
def test_every_question_has_its_answer(format: str) -> None:
    new, old = schema(format, OTHERS[format]), schema(format)
    checked, _ = ask(do="check", new=new, old=old, level="FULL")
    assert checked["compatible"] is False
    assert {each["verdict"] for each in checked["semantic"].values()} == {"breaks"}
    assert {each["direction"] for each in checked["findings"]} == {"backward", "forward"}
    assert any(each.get("witness") for each in checked["findings"])
    rules, _ = ask(do="verdict", new=new, old=old, level="FULL")
    assert [each["rule"] for each in rules["findings"]] == [each["rule"] for each in checked["findings"]]
    assert rules["semantic"]["forward"]["verdict"] == "unknown"
    assert ask(do="diff", new=new, old=old)[0]["changes"]
    assert ask(do="diff", new=old, old=old)[0]["changes"] == []
    samples = ask(do="sample", schema=old, count=7, seed=5)[0]["samples"]
    assert len(samples) == 7
    assert samples == ask(do="sample", schema=old, count=7, seed=5)[0]["samples"]


@pytest.mark.parametrize("format", SCHEMAS)
def test_severities_of_lint_are_data(format: str) -> None:
    remarks = ask(do="lint", schema=schema(format))[0]["remarks"]
    rule = remarks[0]["rule"]
    louder = ask(do="lint", schema=schema(format), severities={rule: "error"})[0]["remarks"]
    assert {each["severity"] for each in louder if each["rule"] == rule} == {"error"}
    silent = ask(do="lint", schema=schema(format), severities={rule: "off"})[0]["remarks"]
    assert silent == [each for each in remarks if each["rule"] != rule]
    document, _ = ask(do="lint", schema=schema(format), severities={"no-such": "off"})
    assert document["error"]["message"] == f"lint has no rule 'no-such' for {format}"


BAD_TEXTS: list[tuple[str, str, int | None, int | None, str]] = [
    ("AVRO", '{"type": "record",\n "name":', 2, 9, "not JSON"),
    ("AVRO", '{"type": "record", "name": "A",\n "fields": [{"name": "a", "type": "nope"}]}', 2, 35, "undefined name"),
    ("AVRO", " ", None, None, "Empty schema"),
    ("JSON", '{\n  "type": "objec"}', 2, 11, "type should be one of"),
    ("JSON", '{"$ref": "a.json"}', 1, 10, "does not resolve"),
    ("PROTOBUF", 'syntax = "proto3";\nmessage A { strin a = 1; }', 2, 13, '"strin" is not defined'),
]


@pytest.mark.parametrize("side", ["new", "old"])
@pytest.mark.parametrize(("format", "text", "line", "column", "reason"), BAD_TEXTS)
def test_a_text_that_does_not_parse_is_named_with_its_place(
    side: str, format: str, text: str, line: int | None, column: int | None, reason: str
) -> None:
    if format == "JSON" and side == "old" and "objec" in text:
        text, line, column, reason = "{", 1, 2, "Expecting"  # earlier schemas are read leniently
    other = {"new": "old", "old": "new"}[side]
    for do in ("check", "verdict", "diff"):
        error = ask(do=do, **{side: schema(format, text), other: schema(format)})[0]["error"]
        assert (error["schema"], error["reference"]) == (side, None)
        assert (error["line"], error["column"]) == (line, column)
        assert reason in error["message"]
        assert error["kind"] == ("EMPTY_SCHEMA" if text == " " else "INVALID_SCHEMA")


REFERRING = {
    "AVRO": '{"type": "record", "name": "T", "fields": [{"name": "a", "type": "A"}]}',
    "JSON": '{"properties": {"a": {"$ref": "A"}}}',
    "PROTOBUF": 'syntax = "proto3"; import "A"; message T { A a = 1; }',
}


@pytest.mark.parametrize("format", SCHEMAS)
def test_a_reference_that_does_not_parse_is_blamed_itself(format: str) -> None:
    inner = {"text": "{\n not a schema"}
    error = ask(do="sample", schema=schema(format, REFERRING[format], A=inner))[0]["error"]
    assert (error["kind"], error["schema"], error["reference"]) == ("INVALID_SCHEMA", "schema", "A")
    outer = schema(format, REFERRING[format], A={"text": SCHEMAS[format], "references": [["inner", inner]]})
    document, fine = ask(do="sample", schema=outer)
    if format == "PROTOBUF":  # protoc reads what is imported, and nothing imports this one
        assert fine
    else:
        assert document["error"]["reference"] == "inner"
    assert ask(do="sample", schema=schema(format, REFERRING[format], A={"text": SCHEMAS[format]}))[1]


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ({"do": "nonsense"}, "Invalid value 'nonsense'"),
        ({}, "missing required field `do`"),
        ({"do": "check", "new": schema("AVRO")}, "missing required field `old`"),
        ({"do": "check", "new": schema("AVRO"), "old": schema("AVRO"), "level": "SIDEWAYS"}, "SIDEWAYS"),
        ({"do": "sample", "schema": schema("AVRO"), "count": 10**9}, "$.count"),
        ({"do": "sample", "schema": {"text": "x"}}, "missing required field `format`"),
        ({"do": "diff", "new": schema("AVRO"), "old": schema("JSON")}, "cannot be compared"),
    ],
)
def test_a_question_that_is_none_is_refused(question: dict[str, Any], sentence: str) -> None:
    document, fine = ask(**question)
    assert not fine
    assert document["error"]["kind"] == "INVALID_REQUEST"
    assert sentence in document["error"]["message"]


def test_another_type_of_schema_is_a_finding_and_an_unknown_type_an_error() -> None:
    document, _ = ask(do="check", new=schema("AVRO"), old=schema("JSON"))
    assert [each["rule"] for each in document["findings"]] == ["SCHEMA_TYPE_CHANGED"]
    error = ask(do="sample", schema={"format": "XML", "text": "<a/>"})[0]["error"]
    assert (error["kind"], error["schema"]) == ("UNKNOWN_FORMAT", "schema")


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("AVRO", '{"type":"array","items":' * 5000 + '"int"' + "}" * 5000),
        ("JSON", '{"items":' * 5000 + "true" + "}" * 5000),
        ("PROTOBUF", 'syntax = "proto3";' + "message A {" * 5000 + "}" * 5000),
    ],
)
def test_nesting_without_end_is_an_error_with_words(format: str, text: str) -> None:
    error = ask(do="check", new=schema(format, text), old=schema(format))[0]["error"]
    assert (error["schema"], error["kind"]) == ("new", "INVALID_SCHEMA")


_SEVERITIES = {"check": ("error", "warning", "none"), "lint": ("error", "warning"), "impact": ("error",)}


def test_every_rule_says_how_grave_it_is() -> None:
    """A rule's text ends with one of the sentences of VERDICTS."""
    listed = offline.rules()
    assert {each["format"] for each in listed} == {*formats.NAMES, "any"}
    for each in listed:
        assert each["severity"] in _SEVERITIES[each["verb"]]
        assert each["text"].endswith(tuple(offline.VERDICTS) if each["verb"] == "check" else "."), each
        assert each["rule"].replace("-", "_").replace("_", "").isalnum()
    keys = [(each["format"], each["rule"]) for each in listed]
    assert len(keys) == len(set(keys))
    assert ask(do="rules")[0]["rules"] == listed


@pytest.mark.parametrize(("question", "code"), [({"do": "rules"}, 0), ({"do": "nonsense"}, 2)])
def test_the_verb_reads_one_question_and_writes_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], question: dict[str, Any], code: int
) -> None:
    monkeypatch.setattr(cli, "_bounded", lambda: None)  # this process has other tests to run
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(question).encode())))
    assert cli.main(["check"]) == code
    written = capsys.readouterr()
    assert written.err == ""
    assert written.out.isascii()
    assert written.out.count("\n") == 1
    assert ("error" in json.loads(written.out)) is (code == 2)


def test_many_questions_are_answered_each_for_itself() -> None:
    questions = [
        {"do": "lint", "schema": schema("AVRO")},
        {"do": "check", "new": schema("AVRO", "{"), "old": schema("AVRO")},
        {"do": "diff", "new": schema("JSON"), "old": schema("JSON")},
    ]
    answers = ask(do="many", questions=questions)[0]["answers"]
    assert [answer.keys() & {"remarks", "error", "changes"} for answer in answers] == [
        {"remarks"},
        {"error"},
        {"changes"},
    ]
    assert answers[1]["error"]["schema"] == "new"
    assert ask(do="many", questions=[{"do": "many", "questions": []}])[1] is False
