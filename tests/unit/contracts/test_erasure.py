"""What erasure leaves of an event, by rule and format, and what contracts have to say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from contracts import sealed
from contracts.impact import Impact, Outcome, Place, Question, Reader, impact
from contracts.judging import judge
from contracts.kept import read, written
from contracts.needs import ABSENT, ERASED, NULL, Contract, Evidence, Need, When
from contracts.sealed import Form
from registry import formats
from registry.formats.base import Source
from registry.objections import Candidate
from registry.rules import metadata_from_json, rule_set_from_json

PII = {"confluent:tags": ["PII"]}
AVRO = {
    "type": "record",
    "name": "Customer",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "email", "type": "string", **PII},
        {"name": "phone", "type": ["null", "string"], **PII},
        {"name": "token", "type": "bytes", **PII},
        {"name": "names", "type": {"type": "array", "items": "string"}, **PII},
        {"name": "age", "type": {"type": "bytes", "tenor.sealed": {"logical": "int"}}, **PII},
        {"name": "place", "type": {"type": "record", "name": "Home", "fields": [
            {"name": "street", "type": "string", **PII}, {"name": "city", "type": "string"},
        ]}},
    ],
}  # fmt: skip
JSON = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "email": {"type": "string", **PII},
        "phone": {"type": ["null", "string"], **PII},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string", **PII}}}},
    },
}
PROTO = """syntax = "proto3";
import "confluent/meta.proto";
message Customer {
  string id = 1;
  string email = 7 [(confluent.field_meta).tags = "PII"];
  repeated Line lines = 2;
}
message Line { string name = 1 [(confluent.field_meta).tags = "PII"]; }
"""
TEXTS = {"AVRO": json.dumps(AVRO), "JSON": json.dumps(JSON), "PROTOBUF": PROTO}
PERSON = {"tenor.dataSubject": "$.id"}
DROPS: dict[str, Any] = {"tenor.erased": "drop"}
RAISES: dict[str, Any] = {"tenor.erased": "raise"}
SENTINELS: dict[str, Any] = {"tenor.erased": "sentinel"}
EXPIRING: dict[str, Any] = {"encrypt.dek.expiry.days": "9"}


def candidate(
    format: str = "AVRO",
    type: str = "SEAL",
    *,
    text: str = "",
    person: bool = True,
    metadata: Mapping[str, Any] | None = None,
    mode: str = "WRITEREAD",
    more: Mapping[str, Any] | None = None,
    **params: Any,
) -> Candidate:
    """A schema with one rule that seals what is tagged PII, or the body."""
    body = type.endswith("PAYLOAD")
    given = {"encrypt.kek.name": "people", **(PERSON if person else {}), **params}
    rule = {"name": "seal", "type": type, "mode": mode, "tags": [] if body else ["PII"], "params": given}
    rules = rule_set_from_json({"encodingRules" if body else "domainRules": [rule | dict(more or {})]})
    schema = formats.parse(format, Source(text or TEXTS[format]))
    return Candidate(schema, None if metadata is None else metadata_from_json(metadata), rules)


def left(of: Candidate) -> dict[str, Any]:
    """What is left at each place: a value, or the form where there is none."""
    kept = (Form.NULL, Form.PLACEHOLDER)
    return {each.path: each.stands if each.form in kept else each.form for each in sealed.places(of)}


def marked(mark: Mapping[str, Any]) -> str:
    """An Avro schema with a field that is sealed as bytes."""
    field = {"name": "a", "type": {"type": "bytes", "tenor.sealed": mark}, **PII}
    return json.dumps({"type": "record", "name": "R", "fields": [field]})


LEFT: list[tuple[str, Candidate, dict[str, Any]]] = [
    ("avro", candidate(),
     {"/email": "[erased]", "/phone": None, "/token": "", "/names/*": "[erased]", "/age": 0,
      "/place/street": "[erased]"}),
    ("sentinels", candidate(**SENTINELS),
     {"/email": "[erased]", "/phone": "[erased]", "/token": "", "/names/*": "[erased]", "/age": 0,
      "/place/street": "[erased]"}),
    ("json", candidate("JSON"), {"/email": "[erased]", "/phone": None, "/lines/*/name": "[erased]"}),
    ("protobuf", candidate("PROTOBUF"), {"/email": None, "/lines/*/name": None}),
    ("csfle", candidate("JSON", "ENCRYPT", **EXPIRING),
     {"/email": "[erased]", "/phone": None, "/lines/*/name": "[erased]"}),
    ("left out", candidate(**DROPS), {"": Form.DROPPED}),
    ("raises", candidate(**RAISES), {"": Form.RAISED}),
    ("body", candidate(type="SEAL_PAYLOAD"), {"": Form.NOTHING}),
    ("body left out", candidate(type="SEAL_PAYLOAD", **DROPS), {"": Form.DROPPED}),
    ("by a property of the field",
     candidate("JSON", person=False, text=json.dumps({"type": "object", "properties": {
         "a": {"type": "string", "tenor.dataSubject": "@.id", **PII}, "b": {"type": "string", **PII}}})),
     {"/a": "[erased]"}),
    ("by metadata",
     candidate("JSON", person=False, text='{"type": "object", "properties": {"a/b": {"type": "string"}}}',
               metadata={"properties": PERSON, "tags": {"$.a/b": ["PII"]}}),
     {"/a~1b": "[erased]"}),
    ("as clients read types", candidate("JSON", "seal", text='{"properties": {"a": {"type": "string"}}}',
                                        metadata={"tags": {"**": ["PII"]}}), {"/a": "[erased]"}),
    ("nobody's key", candidate(person=False), {}),
    ("never opened", candidate(mode="WRITE"), {}),
    ("never sealed", candidate(mode="READ"), {}),
    ("switched off", candidate(more={"disabled": True}), {}),
    ("no rules", Candidate(formats.parse("AVRO", Source(TEXTS["AVRO"]))), {}),
    ("a rule that clients refuse", candidate(more={"kind": "WISH"}), {"": Form.UNTOLD}),
    ("a mark without a meaning", candidate(text=marked({})), {"": Form.UNTOLD}),
    ("a mark of no type", candidate(text=marked({"logical": {"type": "fixed", "size": "x"}})), {"": Form.UNTOLD}),
    ("a huge one", candidate(text=marked({"logical": {"type": "fixed", "name": "F", "size": 10**12}})),
     {"": Form.UNTOLD}),
    ("of a fixed size", candidate(text=marked({"logical": {"type": "fixed", "name": "F", "size": 3}})),
     {"/a": "\0\0\0"}),
    ("a date", candidate(text=marked({"logical": {"type": "int", "logicalType": "date"}})), {"/a": "1970-01-01"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "of", "expected"), LEFT, ids=[each[0] for each in LEFT])
def test_what_erasure_leaves(what: str, of: Candidate, expected: dict[str, Any]) -> None:
    assert left(of) == expected


TREE = {"type": "record", "name": "N", "fields": [
    {"name": "who", "type": "string", **PII}, {"name": "below", "type": {"type": "array", "items": "N"}},
]}  # fmt: skip


def test_a_record_inside_itself_is_sealed_however_deep() -> None:
    tree = candidate(text=json.dumps(TREE))
    assert left(tree) == {"/who": "[erased]", "/below/*": Form.AGAIN}
    found = told(tree, said("fails", "/below/*/below/0/who"), Need("/below/*/sku"), said("handled", "/who"))
    assert outcomes(found) == {"/below/*/below/0/who": Outcome.BREAKS}
    assert "'/below/*/below/0/who' is sealed" in found.rows[0].reason
    assert outcomes(told(tree, Need("/below"))) == {"/below": Outcome.UNKNOWN}
    assert sealed.places(candidate(text=json.dumps(TREE), person=False)) == ()


def test_what_only_an_older_schema_leaves_is_told_apart() -> None:
    """By what is left at a place, not by the place; what comes again inside itself stays so."""
    tree = sealed.places(candidate(text=json.dumps(TREE)))
    kept, raised = sealed.places(candidate()), sealed.places(candidate(**RAISES))

    def new(found: Sequence[sealed.Place], known: Sequence[sealed.Place]) -> list[str]:
        return [each.path for each in sealed.besides(found, sealed.left(known))]

    assert new(kept, kept) == []
    assert new(tree, tree) == []
    assert new(tree, kept) == ["/who", "/below/*"]
    assert set(new(kept, [each for each in kept if each.path != "/email"])) == {"/email"}
    assert new(raised, kept) == [""], "the event is left out now, not the value"
    of_both = sealed.left(kept)
    assert sealed.besides(tree, of_both)
    assert sealed.besides(tree, of_both) == (), "each place once"


def test_a_schema_that_unfolds_without_end_is_unknown() -> None:
    text: Any = {"type": "record", "name": "R0", "fields": [{"name": "a", "type": "string", **PII}]}
    for depth in range(1, 16):
        twice = [{"name": "a", "type": text}, {"name": "b", "type": f"R{depth - 1}"}]
        text = {"type": "record", "name": f"R{depth}", "fields": twice}
    assert left(candidate(text=json.dumps(text))) == {"": Form.UNTOLD}


def told(of: Candidate, *needs: Need, evidence: Evidence = Evidence.RECORDED) -> Impact:
    who = Reader("billing", "1.4", (Place("prod", 0, production=True),), (Contract(needs, evidence),))
    return impact(Question("customers", 1), [who], judge(of))


def outcomes(found: Impact) -> dict[str | None, Outcome]:
    return {row.path: row.outcome for row in found.rows if row.rule == ERASED}


def said(did: str, path: str = "/email", situation: str = ERASED, **more: Any) -> Need:
    return Need(path, when={situation: When(did)}, **more)


TEXT_OR_NULL = frozenset({"string", "null"})
ASKED: list[tuple[str, Candidate, tuple[Need, ...], dict[str, Outcome]]] = [
    ("handled", candidate(), (said("handled"),), {}),
    ("the same comes out", candidate(), (said("same"),), {}),
    ("taken for data", candidate(), (said("changes"),), {"/email": Outcome.DEGRADES}),
    ("fails", candidate(), (said("fails"),), {"/email": Outcome.BREAKS}),
    ("not said", candidate(), (Need("/email"),), {"/email": Outcome.UNKNOWN}),
    ("null says nothing of a placeholder", candidate(), (said("same", situation=NULL),), {"/email": Outcome.UNKNOWN}),
    ("not needed", candidate(), (Need("/id"),), {}),
    ("beside it", candidate(), (Need("/place/city"),), {}),
    ("items", candidate(), (Need("/names"), Need("/names/*")), {"/names/*": Outcome.UNKNOWN}),
    ("one item", candidate(), (Need("/names/0"),), {"/names/0": Outcome.UNKNOWN}),
    ("around it, as a whole", candidate(), (Need("/place"),), {"/place": Outcome.UNKNOWN}),
    ("around it, and what is inside is listed", candidate(), (Need(""), Need("/place"), Need("/place/city")), {}),
    ("any member of a map", candidate(), (Need("/*"),), {"/*": Outcome.UNKNOWN}),
    ("a sealed number", candidate(), (Need("/age", types=frozenset({"integer"})),), {"/age": Outcome.UNKNOWN}),
    ("null is handled", candidate(), (said("same", "/phone", NULL, types=TEXT_OR_NULL),), {}),
    ("null leads elsewhere", candidate(), (said("changes", "/phone", NULL, types=TEXT_OR_NULL),), {}),
    ("null fails", candidate(), (said("fails", "/phone", NULL),), {"/phone": Outcome.BREAKS}),
    ("null is of a handled type", candidate(), (Need("/phone", types=TEXT_OR_NULL),), {}),
    ("null, stated as erased", candidate(), (said("handled", "/phone"),), {}),
    ("null around it says nothing of it", candidate("JSON"), (said("same", "/lines", NULL),),
     {"/lines": Outcome.UNKNOWN}),
    ("null of one of the items", candidate("PROTOBUF"), (said("fails", "/lines/0/name", NULL), said("same", "/id")),
     {"/lines/0/name": Outcome.BREAKS}),
    ("null, never said", candidate(), (Need("/phone"),), {"/phone": Outcome.UNKNOWN}),
    ("another name", candidate(), (Need("/mail", aliases=("email",)),), {"/mail": Outcome.UNKNOWN}),
    ("a number", candidate("PROTOBUF"), (Need("/mail", aliases=("#7",)),), {"/mail": Outcome.UNKNOWN}),
    ("another number", candidate("PROTOBUF"), (Need("/email", aliases=("#1",)),), {}),
    ("in items", candidate("PROTOBUF"), (Need("/lines/*/name"),), {"/lines/*/name": Outcome.UNKNOWN}),
    ("left out, not said", candidate(**DROPS), (said("handled"),), {"": Outcome.UNKNOWN}),
    ("left out, said", candidate(**DROPS), (said("same", "", ABSENT), Need("/email")), {}),
    ("raised, not said", candidate(**RAISES), (said("handled", ""),), {"": Outcome.UNKNOWN}),
    ("raised, said", candidate(**RAISES), (said("same", "", ABSENT),), {}),
    ("a body, not said", candidate(type="SEAL_PAYLOAD"), (said("handled"),), {"": Outcome.UNKNOWN}),
    ("a body, handled", candidate(type="SEAL_PAYLOAD"), (said("handled", ""), Need("/email")), {}),
    ("a body, fails", candidate(type="SEAL_PAYLOAD"), (said("fails", ""),), {"": Outcome.BREAKS}),
    ("what cannot be told", candidate(more={"kind": "WISH"}), (said("handled"),), {"": Outcome.UNKNOWN}),
    ("nothing is sealed for persons", candidate(person=False), (said("fails"), Need("/phone")), {}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "of", "needs", "expected"), ASKED, ids=[each[0] for each in ASKED])
def test_what_contracts_are_asked(
    what: str, of: Candidate, needs: tuple[Need, ...], expected: dict[str | None, Outcome]
) -> None:
    assert outcomes(told(of, *needs)) == expected


def test_what_is_stated_by_hand_is_meant_of_null_as_well() -> None:
    need = Need("/phone", types=TEXT_OR_NULL, when={ERASED: When.FAILS})
    for evidence, expected in (
        (Evidence.DECLARED, {"/phone": Outcome.BREAKS}),
        (Evidence.RECORDED, {}),
        (Evidence.MODEL, {}),
    ):
        assert outcomes(told(candidate(), need, evidence=evidence)) == expected


def test_a_break_shows_what_is_left_and_says_what_to_do() -> None:
    (row, *_) = told(candidate(), said("fails")).rows
    assert (row.path, row.rule, row.witness["email"]) == ("/email", ERASED, "[erased]")
    assert "rule 'seal'" in row.reason
    assert "its code failed when this was tried: let it ask event.erased first" in row.reason


ADVICE = [
    (Evidence.RECORDED, 'record it again (pytest --tenor-record), or state {"path": "/email"'),
    (Evidence.MODEL, "its model does not say what it makes of that"),
    (Evidence.DECLARED, 'state {"path": "/email", "when": {"erased": "handled"}} in comments.tenor'),
    (Evidence.READER_SCHEMA, "record its handler (pytest --tenor-record)"),
]


@pytest.mark.parametrize(("evidence", "sentence"), ADVICE)
def test_what_is_not_said_says_how_to_say_it(evidence: Evidence, sentence: str) -> None:
    found = told(candidate(), Need("/email"), evidence=evidence)
    assert sentence in found.rows[0].reason
    assert any('"when": {"erased": "handled"}' in step for step in found.next)


def test_what_is_sealed_as_bytes_is_judged_as_what_it_holds() -> None:
    found = told(candidate(), Need("/age", types=frozenset({"integer"}), when={ERASED: When.HANDLED}))
    assert [row.outcome for row in found.rows] == [Outcome.SAFE]
    assert judge(candidate(person=False)).schema.fields()[5].type == "int"


def test_needs_that_say_nothing_of_erasure_are_stored_as_before() -> None:
    contract = Contract((Need("/a", when={ABSENT: When.FAILS}), said("handled")), Evidence.RECORDED)
    text = written([contract])
    assert json.loads(text)[0]["needs"] == [
        {"path": "/a", "when": {"absent": "fails"}},
        {"path": "/email", "when": {"erased": "handled"}},
    ]
    assert read(text) == (contract,)
