"""Generated models take every event of their schema and give it back; contracts made of them hold against it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.coverage import Outcome, cover
from contracts.reading import comments
from registry import examine, formats
from tenor.modelling import generate
from tenor.modelling.generator import KINDS, Unsuited
from tenor.schemas import AVRO, JSON, PROTOBUF
from tenor.testing import models
from tests.conformance import consumers
from tests.conformance.modelled import Subject, imported, lost, subject
from tests.vectors import shared

LINE = {
    "type": "record",
    "name": "Line",
    "namespace": "shop",
    "fields": [
        {"name": "sku", "type": "string", "default": "x"},
        {"name": "quantity", "type": "int", "default": 3},
        {"name": "parent", "type": ["null", "shop.Order"], "default": None},
    ],
}
ORDER = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "doc": 'An order, """quoted""" and \\escaped.',
        "fields": [
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
            {
                "name": "amount",
                "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
                "default": "\u0001",
            },
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "default": 5_000_000},
            {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-millis"}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}, "default": 1},
            {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}},
            {"name": "raw", "type": "bytes", "default": '"\\\u00ff'},
            {"name": "mark", "type": ["null", {"type": "fixed", "name": "Mark", "size": 4}], "default": None},
            {"name": "other_mark", "type": "Mark"},
            {
                "name": "status",
                "type": {"type": "enum", "name": "Status", "symbols": ["PAID", "OPEN", "None"], "default": "OPEN"},
                "default": "PAID",
            },
            {"name": "line", "type": LINE, "default": {}},
            {"name": "lines", "type": {"type": "array", "items": "Line"}, "default": []},
            {"name": "rates", "type": {"type": "map", "values": "double"}, "default": {"a": 1}},
            {"name": "states", "type": {"type": "array", "items": "Status"}, "default": ["OPEN"]},
            {"name": "choice", "type": ["int", "boolean", "string", "null"]},
            {"name": "field", "type": "int", "default": 3, "aliases": ["place", "site"]},
            {"name": "date", "type": "long", "default": 0},
        ],
    }
)
TOLD_APART = json.dumps(
    [
        {
            "type": "record",
            "name": "a.Line",
            "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "int", "default": 0}],
        },
        {"type": "record", "name": "b.Line", "fields": [{"name": "x", "type": "int"}]},
        {
            "type": "record",
            "name": "Field",
            "fields": [{"name": "class", "type": "string"}, {"name": "_x", "type": "int"}],
        },
        "string",
        "bytes",
        "double",
    ]
)
PROTO = """syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "money.proto";
message Order {
  pay.Money total = 1;
  map<int32, Line> by_number = 2;
  map<string, Status> states = 3;
  map<bool, bytes> flags = 4;
  enum Status { OPEN = 0; PAID = 1; }
  Status status = 5;
  repeated Status history = 6;
  optional string note = 7;
  oneof way { int32 post = 8; Order next = 9; Status sent = 10; }
  bytes raw = 11;
  google.protobuf.Timestamp at = 12;
  uint64 count = 13;
  double rate = 14;
  message Line { string sku = 1; repeated Line parts = 2; }
}
"""
MONEY = """syntax = "proto2";
package pay;
message Money { required int64 cents = 1; optional int32 scale = 2 [default = 2]; }
"""
LINE_DOCUMENT = {"type": "object", "properties": {"more": {"type": "string"}}}
DOCUMENT = json.dumps(
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Order",
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1, "description": 'Whose """ it is'},
            "total": {"type": "number", "minimum": 0},
            "count": {"type": "integer", "exclusiveMinimum": 0, "default": 1},
            "status": {"enum": ["PAID", "OPEN"], "default": "OPEN"},
            "code": {"type": ["string", "null"], "pattern": "^[A-Z]+$"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1},
            "extra": {"type": "object", "additionalProperties": {"type": "integer"}},
            "money": {"$ref": "money.json#/definitions/Money"},
            "inner": {"type": "object", "properties": {"size": {"type": "string"}, "own": {"type": "boolean"}}},
            "one": {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            "both": {"allOf": [LINE_DOCUMENT, {"$ref": "#/$defs/Line"}]},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
            "when": {"type": "string", "format": "date-time"},
        },
        "required": ["id", "total", "status"],
        "additionalProperties": False,
        "$defs": {
            "Line": {
                "type": "object",
                "properties": {
                    "sku": {"type": "string"},
                    "parts": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
                },
                "required": ["sku"],
            }
        },
    }
)
MONEY_DOCUMENT = json.dumps(
    {"definitions": {"Money": {"type": "object", "properties": {"cents": {"type": "integer"}}, "required": ["cents"]}}}
)
SUBJECTS = {
    "avro": subject(AVRO, ORDER),
    "protobuf": subject(PROTOBUF, PROTO, [("money.proto", MONEY)]),
    "json": subject(JSON, DOCUMENT, [("money.json", MONEY_DOCUMENT)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_events_go_through_models_and_come_back(name: str, kind: str, full: bool) -> None:
    assert lost(kind, SUBJECTS[name], 1000 if full else 60) == []


def test_a_union_of_records_is_told_apart_and_names_are_kept() -> None:
    told = subject(AVRO, TOLD_APART)
    assert lost("pydantic", told, 100) == []
    text = generate(told.schema, told.references).text
    for name in ("ALine", "BLine", "FieldModel"):
        assert f"class {name}(BaseModel):" in text
    for kind, reason in (("msgspec", "not all tagged"), ("dataclass", "no field 'class'")):
        with pytest.raises(Unsuited, match=reason):
            generate(told.schema, told.references, kind)


@pytest.mark.vectors
@pytest.mark.parametrize(("format", "every"), [(AVRO, 10), (JSON, 14), (PROTOBUF, 10)])
def test_models_of_the_shared_vectors(format: str, every: int, full: bool) -> None:
    name = {AVRO: "compat-avro.json", JSON: "compat-json.json", PROTOBUF: "compat-protobuf.json"}[format]
    texts = dict.fromkeys(case[side] for case in shared(name)["cases"] for side in ("reader", "writer"))
    passed = 0
    for text in list(texts) if full else list(texts)[::every]:
        one = _usable(format, text)
        if one is None:
            continue
        for kind in KINDS:
            found = lost(kind, one, 12)
            assert found in ([], ["no event"]), (kind, text)
            passed += found == []
    assert passed > 4 * 10


def _usable(format: str, text: str) -> Subject | None:
    """A schema that the codec takes, and of which events can be made."""
    try:
        one = subject(format, text)
        body = one.body()
        one.samples(12)
    except Exception:  # each format has its own, and so has what cannot be sampled
        return None
    return one if format != PROTOBUF or body.indexes is not None else None


@pytest.mark.parametrize("seed", range(4))
def test_models_of_drawn_schemas(seed: int, full: bool) -> None:
    random = Random(seed)
    for _ in range(15 if full else 3):
        tree = consumers.drawn(random)
        for format, made in ((AVRO, consumers.as_avro), (JSON, consumers.as_json), (PROTOBUF, consumers.as_protobuf)):
            text = made(tree).canonical
            for kind in KINDS:
                assert lost(kind, subject(format, text), 10) == [], (kind, text)


# Contracts: what a model of a schema needs, every event of the schema has.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_contract_of_a_model_holds_against_its_schema(name: str, kind: str) -> None:
    one = SUBJECTS[name]
    made = generate(one.schema, one.references, kind)
    with imported(made) as module:
        schema = models.json_schema(getattr(module, made.name))
    written = models.interaction("reads", "orders", schema, one.schema.format)["comments"]["tenor"]
    contract = comments.read(written)
    covered = cover(formats.parse(one.schema.format, examine.source_of(one.data)), contract)
    assert len(covered) > 10
    assert [(each.need.path, each.reason) for each in covered if each.outcome is not Outcome.GUARANTEED] == []


def test_a_contract_of_a_model_breaks_where_its_schema_changes() -> None:
    made = generate(SUBJECTS["avro"].schema, {})
    with imported(made) as module:
        schema = models.json_schema(module.Order)
    contract = comments.read(models.interaction("reads", "orders", schema, AVRO)["comments"]["tenor"])
    changed = json.loads(ORDER)
    changed["fields"] = [each for each in changed["fields"] if each["name"] != "local"]
    next(each for each in changed["fields"] if each["name"] == "at")["type"] = "long"
    covered = cover(formats.parse(AVRO, formats.base.Source(json.dumps(changed))), contract)
    assert {each.need.path for each in covered if each.outcome is not Outcome.GUARANTEED} == {"/at", "/local"}


# The text.


def _texts() -> str:
    made = (generate(one.schema, one.references, kind, header=["x"]) for one in SUBJECTS.values() for kind in KINDS)
    return "".join(each.text for each in made)


def test_the_same_schema_gives_the_same_text_in_every_process() -> None:
    code = "from tests.conformance import test_modelling; print(test_modelling._texts(), end='')"
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": "."},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert other == _texts()
    assert other.count("# x\n") == 12


def test_no_settings_of_the_folder_change_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = "[tool.ruff]\nline-length = 30\n[tool.black]\nline-length = 30\nskip-string-normalization = true\n"
    (tmp_path / "pyproject.toml").write_text(settings + "[tool.datamodel-codegen]\nsnake-case-field = true\n")
    made = _texts()
    monkeypatch.chdir(tmp_path)
    assert _texts() == made


def test_fields_may_be_called_what_modules_import() -> None:
    names = [
        "field",
        "Field",
        "list",
        "dict",
        "date",
        "datetime",
        "float",
        "bytes",
        "int",
        "str",
        "Annotated",
        "convert",
    ]
    names += ["model_dump", "model_validate_json", "copy", "json", "schema", "root", "UNSET", "dataclass", "Struct"]
    kinds: list[tuple[Any, Any]] = [
        ({"type": "array", "items": "int"}, []),
        ({"type": "map", "values": "string"}, {"a": "b"}),
        ({"type": "int", "logicalType": "date"}, 3),
        ("bytes", "\u00ff"),
        ("double", 1.5),
    ]
    for turn in range(len(kinds)):
        drawn = [kinds[(at + turn) % len(kinds)] for at in range(len(names))]
        fields = [
            {"name": name, "type": kind, "default": default} for name, (kind, default) in zip(names, drawn, strict=True)
        ]
        one = subject(AVRO, json.dumps({"type": "record", "name": "None", "fields": fields}))
        for kind in KINDS:
            assert lost(kind, one, 5) == []
            assert "class NoneModel" in generate(one.schema, {}, kind).text or kind == "typeddict"


def test_modules_pass_mypy_strictly(tmp_path: Path) -> None:
    names = []
    for name, one in SUBJECTS.items():
        for kind in KINDS:
            names.append(f"{name}_{kind}.py")
            (tmp_path / names[-1]).write_text(generate(one.schema, one.references, kind).text, encoding="utf-8")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", str(tmp_path / "cache"), "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[:-1] == [
        'use.py:6: error: Argument "cents" to "Money" has incompatible type "str"; expected "int"  [arg-type]',
    ], ran.stdout + ran.stderr


USE = """\
from datetime import datetime, timezone
import protobuf_pydantic
import avro_typeddict

order = protobuf_pydantic.Order(total=protobuf_pydantic.Money(cents=3), by_number={1: protobuf_pydantic.OrderLine()})
protobuf_pydantic.Money(cents="x")
line: avro_typeddict.Line = {"sku": "a"}
"""


ODD_NAMES = ("", "1", "self", "None", "é", "a b", "class", "model_config", "json", "_x")
HOSTILE = [
    ({"type": "string", "description": '""" \\ \n import os'}, "pydantic"),
    ({"type": "object", "properties": {name: {"type": "string"} for name in ODD_NAMES}}, "pydantic"),
    ({"type": "object", "properties": {name: {"type": "string"} for name in ODD_NAMES}}, "msgspec"),
    ({"type": "object", "properties": {"x": {"enum": ['"', "'''", "\\", "\n", "\u2028"]}}}, "msgspec"),
    ({"type": "object", "properties": {"x": {"default": '"""\n', "type": "string"}}}, "pydantic"),
    ({"title": "BaseModel", "type": "object", "properties": {"x": {"$ref": "#"}}}, "pydantic"),
    (
        {
            "title": "日本",
            "type": "object",
            "properties": {"x": {"$ref": "#/$defs/int"}},
            "$defs": {"int": {"type": "object", "properties": {"y": {}}}},
        },
        "pydantic",
    ),
    (
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#/$defs/a"}}]}},
        },
        "pydantic",
    ),
    ({"type": "array", "items": [{"type": "string"}, {"$ref": "#/items/0"}]}, "pydantic"),
    (
        {
            "definitions": {"x": {"$id": "#x", "type": "integer"}},
            "type": "object",
            "properties": {"a": {"$ref": "#x"}},
        },
        "msgspec",
    ),
]


@pytest.mark.parametrize(("document", "kind"), HOSTILE, ids=map(str, range(len(HOSTILE))))
def test_odd_schemas_have_models_too(document: Any, kind: str) -> None:
    assert lost(kind, subject(JSON, json.dumps(document)), 20) == []


def test_a_reference_beyond_the_schema_is_refused_and_nothing_is_fetched() -> None:
    from tenor.errors import UnusableSchema

    for reference in ("http://127.0.0.1:9/x.json", "other.json", "#/nowhere", "file:///etc/passwd"):
        one = {"type": "object", "properties": {"x": {"$ref": reference}}}
        with pytest.raises(UnusableSchema):
            generate(subject(JSON, json.dumps(one)).schema, {})


DEGENERATE = [
    {"$ref": "#"},
    {"allOf": [{"$ref": "#"}]},
    {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
    {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    {"properties": {"x": {"allOf": [{"$ref": "#/properties/x"}, {"type": "string"}]}}, "type": "object"},
]


@pytest.mark.parametrize("document", DEGENERATE, ids=map(str, range(len(DEGENERATE))))
def test_schemas_that_lead_nowhere_are_refused_or_wide(document: Any) -> None:
    from tenor.errors import UnusableSchema

    for kind in KINDS:
        try:
            made = generate(subject(JSON, json.dumps(document)).schema, {}, kind)
        except (UnusableSchema, Unsuited):
            continue
        compile(made.text, "made", "exec")


def test_before_2019_nothing_beside_a_reference_counts() -> None:
    one = {
        "type": "object",
        "properties": {"x": {"$ref": "#/definitions/text", "type": "integer"}},
        "definitions": {"text": {"type": "string"}},
    }
    assert lost("pydantic", subject(JSON, json.dumps(one)), 20) == []
    assert "x: str | None" in generate(subject(JSON, json.dumps(one)).schema, {}).text


def test_the_default_of_a_union_is_of_the_branch_it_fits() -> None:
    fields = [
        {"name": "a", "type": ["null", "string"], "default": "x"},
        {"name": "b", "type": ["int", "bytes"], "default": "\u00ff"},
    ]
    one = subject(AVRO, json.dumps({"type": "record", "name": "R", "fields": fields}))
    text = generate(one.schema, {}).text
    assert 'a: str | None = "x"' in text
    assert 'b: int | bytes = b"\\xff"' in text


def test_the_command_knows_every_kind() -> None:
    from tenor.cli.verbs import gen_models

    assert tuple(KINDS) == gen_models.KINDS


def test_where_types_differ_from_the_schema_a_remark_says_so() -> None:
    one = {
        "type": "object",
        "properties": {
            "untyped": {"properties": {"x": {"type": "string"}}},
            "pattern": {"type": "string", "pattern": "^(?=a)"},
            "never": False,
            "listed": {"enum": [1.5, {"a": 1}]},
        },
    }
    told = generate(subject(JSON, json.dumps(one)).schema, {}).remarks
    assert [each.partition(":")[0] for each in told] == ["/untyped", "/pattern", "/never", "/listed"]
