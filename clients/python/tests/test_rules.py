"""Rules of a schema: order, modes, actions, tags, CEL, JSONata, inline constraints. No registry."""

from __future__ import annotations

import base64
import gc
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest
from confluent_kafka.schema_registry.confluent import meta_pb2
from google.protobuf import descriptor_pb2, message_factory

from tenor import Schema, errors
from tenor.codecs import Options, compile
from tenor.codecs.fields import slots
from tenor.codecs.protobuf.descriptors import load
from tenor.codecs.protobuf.meta import meta
from tenor.rules import jsonata
from tenor.rules.model import parse, pattern, tagger
from tenor.rules.ruled import RuledBody, ruled


def rule(name: str, type: str, expr: str = "", kind: str = "CONDITION", mode: str = "WRITE", **more: Any) -> Any:
    return {"name": name, "type": type, "kind": kind, "mode": mode, "expr": expr, **more}


def avro(*fields: Any, **record: Any) -> str:
    made = [field if isinstance(field, dict) else {"name": field[0], "type": field[1]} for field in fields]
    return json.dumps({"type": "record", "name": "acme.Order", "fields": made, **record})


ORDER = avro(
    {"name": "id", "type": "string", "confluent:tags": ["ID"]},
    {"name": "email", "type": ["null", "string"], "confluent:tags": ["PII"]},
    ("total", "double"),
    (
        "lines",
        {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}},
    ),
)
EVENT = {"id": "A1", "email": "ada@example.org", "total": 2.0, "lines": [{"sku": "x"}, {"sku": "y"}]}


def made(
    text: str,
    *domain: Any,
    format: str = "AVRO",
    encoding: Any = (),
    metadata: Any = None,
    must_encrypt: Any = (),
    **more: Any,
) -> Any:
    schema = Schema(
        text, format, metadata=metadata, rule_set={"domainRules": list(domain), "encodingRules": list(encoding), **more}
    )
    return ruled(schema, {}, Options(), None, frozenset(must_encrypt))


def written(body: Any, event: Any) -> Any:
    """What a reader without rules finds in what was written."""
    return body.body.reader(body.indexes, None)(body.writer(b"")(event), 0)


def read(body: Any, event: Any, reads_as: Any = None) -> Any:
    """An event written without rules, read with them."""
    return body.reader(body.indexes, reads_as)(body.body.writer(b"")(event), 0)


# --- conditions and transforms -----------------------------------------------------------------------------------

CONDITIONS = [
    ("message.total > 1.0", True),
    ("message.total > 2.0", False),
    ("message.total > 1", True),
    ("size(message.lines) == 2 && message.lines.all(l, l.sku != '')", True),
    ("has(message.discount)", False),
    ("isEmail(message.email)", True),
    ("message.email.isEmail()", True),
    ("message.id.matches('^[A-Z][0-9]+$')", True),
    ("now > timestamp('2020-01-01T00:00:00Z')", True),
    ("message.total > 100.0 ; message.id == ''", True),
    ("message.total < 100.0 ; message.id == ''", False),
    ("message.id != ';'", True),
]


@pytest.mark.parametrize(("expr", "holds"), CONDITIONS)
def test_conditions_on_the_message(expr: str, holds: bool) -> None:
    body = made(ORDER, rule("r", "CEL", expr))
    if holds:
        assert written(body, EVENT) == EVENT
    else:
        with pytest.raises(
            errors.RuleFailed, match=r"The rule r \(CEL\) failed: its condition does not hold"
        ) as caught:
            body.writer(b"")(EVENT)
        assert (caught.value.rule, caught.value.action, caught.value.path) == ("r", "ERROR", "")


def test_an_expression_that_breaks_is_a_failure_and_says_why() -> None:
    with pytest.raises(errors.RuleFailed, match="the field 'discount' is missing"):
        made(ORDER, rule("r", "CEL", "message.discount > 1")).writer(b"")(EVENT)
    with pytest.raises(errors.RuleFailed, match="condition does not hold"):
        made(ORDER, rule("r", "CEL", "1")).writer(b"")(EVENT)


@pytest.mark.parametrize("text", ["message.", "", "a ; ", "( ; true"])
@pytest.mark.parametrize("type_", ["CEL", "CEL_FIELD"])
def test_an_expression_that_does_not_compile_stops_the_codec(type_: str, text: str) -> None:
    with pytest.raises(errors.UnusableRule, match="does not compile"):
        made(ORDER, rule("r", type_, text)).writer(b"")


def test_transforms_of_the_message_are_validated() -> None:
    expr = "{'id': message.id + '!', 'email': null, 'total': 3.5, 'lines': []}"
    body = made(ORDER, rule("t", "CEL", expr, "TRANSFORM"))
    assert written(body, EVENT) == {"id": "A1!", "email": None, "total": 3.5, "lines": []}
    with pytest.raises(errors.InvalidEvent, match="/email"):
        made(ORDER, rule("t", "CEL", "{'id': message.id}", "TRANSFORM")).writer(b"")(EVENT)
    with pytest.raises(errors.RuleFailed, match="null"):
        made(ORDER, rule("t", "CEL", "null", "TRANSFORM")).writer(b"")(EVENT)


def test_transforms_of_tagged_fields() -> None:
    body = made(ORDER, rule("t", "CEL_FIELD", "typeName == 'STRING' ; value + '*'", "TRANSFORM", tags=["PII"]))
    before = json.dumps(EVENT)
    assert written(body, EVENT) == {**EVENT, "email": "ada@example.org*"}
    assert json.dumps(EVENT) == before
    assert written(body, {**EVENT, "email": None})["email"] is None


def test_a_rule_without_tags_is_about_every_field() -> None:
    body = made(ORDER, rule("t", "CEL_FIELD", "typeName == 'STRING' ; value + '*'", "TRANSFORM"))
    assert written(body, EVENT) == {
        **EVENT,
        "id": "A1*",
        "email": "ada@example.org*",
        "lines": [{"sku": "x*"}, {"sku": "y*"}],
    }


def test_variables_of_a_field() -> None:
    expr = "value + '|' + fullName + '|' + name + '|' + typeName + '|' + tags[0] + '|' + message.id"
    body = made(ORDER, rule("t", "CEL_FIELD", expr, "TRANSFORM", tags=["ID"]))
    assert written(body, EVENT)["id"] == "A1|acme.Order.id|id|STRING|ID|A1"


def test_a_condition_on_a_field_names_its_path() -> None:
    body = made(
        ORDER, rule("r", "CEL_FIELD", "value != 'y'", tags=["SKU"]), metadata={"tags": {"acme.Line.sku": ["SKU"]}}
    )
    with pytest.raises(errors.RuleFailed) as caught:
        body.writer(b"")(EVENT)
    assert caught.value.path == "/lines/sku"


def test_jsonata_reshapes_a_message_and_moves_what_json_does_not_have() -> None:
    text = avro(
        ("raw", "bytes"),
        ("day", {"type": "int", "logicalType": "date"}),
        ("n", "double"),
        ("m", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
    )
    body = made(text, rule("t", "JSONATA", '$merge([$, {"n": n * 2}])', "TRANSFORM"))
    event = {"raw": b"\x00\xff", "day": date(2026, 1, 2), "n": 1.5, "m": Decimal("1.25")}
    assert written(body, event) == {**event, "n": 3.0}


@pytest.mark.parametrize("expr", ["nothing", "( $f := function($n){ $f($n+1) }; $f(0) )", "$error('x')"])
def test_jsonata_that_breaks_or_does_not_end_fails(expr: str) -> None:
    with pytest.raises(errors.RuleFailed):
        made(ORDER, rule("t", "JSONATA", expr, "TRANSFORM")).writer(b"")(EVENT)


@pytest.mark.parametrize(
    ("kind", "expr"), [("JSONATA", '$merge([$, {"total": total * 2}])'), ("CEL", "message.total > 0.0")]
)
def test_a_rule_made_by_one_thread_runs_and_ends_in_others(kind: str, expr: str) -> None:
    """The engine of JSONata panics where another thread than its maker's uses an expression, or lets go of it."""
    bodies = [made(ORDER, rule("t", kind, expr, "TRANSFORM" if kind == "JSONATA" else "CONDITION"))]
    expected = written(bodies[0], EVENT)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: written(bodies[0], EVENT), range(64))) == [expected] * 64
        pool.submit(bodies.clear).result()
    gc.collect()


def test_a_thread_keeps_so_many_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonata, "MOST_KEPT", 2)
    functions = [jsonata.compile(f"a + {number}") for number in range(5)]
    assert [function({"a": 1}) for function in functions] == [1, 2, 3, 4, 5]


def test_jsonata_conditions() -> None:
    assert written(made(ORDER, rule("t", "JSONATA", "total = 2")), EVENT) == EVENT
    with pytest.raises(errors.RuleFailed, match="does not hold"):
        made(ORDER, rule("t", "JSONATA", "total = 3")).writer(b"")(EVENT)
    with pytest.raises(errors.UnusableRule):
        made(ORDER, rule("t", "JSONATA", "((")).writer(b"")


# --- order, modes, actions ---------------------------------------------------------------------------------------


def append(name: str, letter: str, mode: str = "WRITEREAD", **more: Any) -> Any:
    return rule(name, "CEL_FIELD", f"value + '{letter}'", "TRANSFORM", mode, tags=["ID"], **more)


def test_reading_undoes_writing() -> None:
    body = made(ORDER, append("a", "a"), append("b", "b"), append("r", "r", "READ"), append("w", "w", "WRITE"))
    assert written(body, EVENT)["id"] == "A1abw"
    assert read(body, EVENT)["id"] == "A1rba"


def test_a_transform_before_validation_may_mend_an_event() -> None:
    mend = rule("t", "CEL", "{'id': message.id, 'email': message.mail, 'total': 1.0, 'lines': []}", "TRANSFORM")
    assert written(made(ORDER, mend), {"id": "A", "mail": "m"})["email"] == "m"


ACTIONS = [
    ({"onFailure": "NONE"}, None),
    ({"onFailure": "ERROR"}, "ERROR"),
    ({"onFailure": "DLQ", "params": {"dlq.topic": "dead"}}, "DLQ"),
    ({"onFailure": "NONE,ERROR", "mode": "WRITEREAD"}, None),
    ({"onFailure": "ERROR,NONE", "mode": "WRITEREAD"}, "ERROR"),
    ({}, "ERROR"),
]


@pytest.mark.parametrize(("more", "action"), ACTIONS)
def test_actions_on_failure(more: Any, action: str | None) -> None:
    body = made(ORDER, {**rule("r", "CEL", "false"), **more})
    if action is None:
        assert written(body, EVENT) == EVENT
    else:
        with pytest.raises(errors.RuleFailed) as caught:
            body.writer(b"")(EVENT)
        assert (caught.value.action, caught.value.dead_letter) == (action, "dead" if action == "DLQ" else "")
    if more.get("mode") == "WRITEREAD":
        if action == "ERROR":
            assert read(body, EVENT) == EVENT
        else:
            with pytest.raises(errors.RuleFailed):
                read(body, EVENT)


def test_actions_on_success() -> None:
    with pytest.raises(errors.RuleFailed, match="asks for that to be refused"):
        made(ORDER, rule("r", "CEL", "true", onSuccess="ERROR")).writer(b"")(EVENT)
    assert written(made(ORDER, rule("r", "CEL", "true", onSuccess="NONE")), EVENT) == EVENT


def test_an_ignored_transform_changes_nothing() -> None:
    body = made(ORDER, rule("t", "CEL_FIELD", "value + 1", "TRANSFORM", onFailure="NONE"))
    assert written(body, EVENT) == EVENT


@pytest.mark.parametrize("type_", ["", "MY_ENCRYPT", "SEAL_PAYLOAD", "ENCRYPT_PAYLOAD"])
@pytest.mark.parametrize("failure", [None, "NONE"])
def test_an_unknown_type_fails_closed(type_: str, failure: str | None) -> None:
    with pytest.raises(errors.UnusableRule):
        made(ORDER, rule("x", type_, "true", onFailure=failure)).writer(b"")


@pytest.mark.parametrize("type_", ["ENCRYPT", "SEAL"])
def test_sealing_rules_never_let_plaintext_out(type_: str) -> None:
    rules = {"domainRules": [rule("x", type_, "", "TRANSFORM", "WRITE", onFailure="NONE")]}
    keyed = ruled(Schema(ORDER, rule_set=rules), {}, Options(), cast("Any", object()))
    with pytest.raises(errors.UnusableRule, match="let plaintext out"):
        keyed.writer(b"")
    with pytest.raises(errors.UnusableRule, match="made without"):
        made(ORDER, rule("x", type_, "", "TRANSFORM", "WRITEREAD"))


def test_unknown_actions_and_kinds_are_refused() -> None:
    with pytest.raises(errors.UnusableRule, match="the action PAGE"):
        made(ORDER, rule("x", "CEL", "true", onFailure="PAGE"))
    with pytest.raises(errors.UnusableRule, match="its kind is X"):
        made(ORDER, rule("x", "CEL", "true", "X"))


@pytest.mark.parametrize("where", ["GATEWAY", "SERVER", "NONE"])
def test_rules_of_others_and_disabled_rules_do_not_run(where: str) -> None:
    assert not parse({"enableAt": where, "domainRules": [rule("r", "CEL", "false")]}, None).domain
    assert not parse({"domainRules": [rule("r", "CEL", "false", disabled=True)]}, None).domain
    assert parse({"enableAt": "CLIENT", "domainRules": [rule("r", "CEL", "false")]}, None).domain


def test_parameters_come_from_the_rule_and_then_from_the_schema() -> None:
    (one,) = parse(
        {"domainRules": [rule("r", "CEL", "true", params={"a": "1"})]}, {"properties": {"a": "0", "b": "2"}}
    ).domain
    assert one.params == {"a": "1", "b": "2"}


# --- tags --------------------------------------------------------------------------------------------------------

PATTERNS = [
    ("eve", "eve", True),
    ("eve", "eve*", True),
    ("alice.bob.eve", "a*.bob.eve", True),
    ("alice.bob.eve", "a*", False),
    ("alice.bob.eve", "a**", True),
    ("alice.bob.eve", "alice.bob*", False),
    ("alice.bob.eve", "alice.bob**", True),
    ("a.b", "?.b", True),
    ("a.b", "???", False),
    ("a.b.c", "**.c", True),
    ("a.b.c", "a.**.*", True),
    ("a+b", "a+b", True),
    ("$.a.b", "$.a.b", True),
    ("$.a.b", "$.*.b", True),
    ("a\nb", "a*", True),
]


@pytest.mark.parametrize(("name", "text", "matches"), PATTERNS)
def test_patterns_of_tags(name: str, text: str, matches: bool) -> None:
    from confluent_kafka.schema_registry.wildcard_matcher import wildcard_match

    assert pattern(text)(name) is matches
    if "\n" not in name:
        assert wildcard_match(name, text) is matches


def test_tags_are_united() -> None:
    body = compile(Schema(ORDER), {}, Options())
    tags = tagger({"tags": {"acme.Order.*": ["A"], "**.id": ["B"]}})
    assert {slot.full_name: sorted(tags(slot)) for slot in slots(body.tree())} == {
        "acme.Order.id": ["A", "B", "ID"],
        "acme.Order.email": ["A", "PII"],
        "acme.Order.total": ["A"],
        "acme.Order.lines": ["A"],
        "acme.Line.sku": [],
    }


def protobuf() -> str:
    kinds = descriptor_pb2.FieldDescriptorProto
    proto = descriptor_pb2.FileDescriptorProto(name="o.proto", package="acme", syntax="proto3")
    order, line = proto.message_type.add(name="Order"), proto.message_type.add(name="Line")
    for number, (name, kind, label) in enumerate(
        [("id", kinds.TYPE_STRING, 1), ("notes", kinds.TYPE_STRING, 3), ("total", kinds.TYPE_DOUBLE, 1)], 1
    ):
        order.field.add(name=name, number=number, type=kind, label=label)
    order.field.add(name="lines", number=4, type=kinds.TYPE_MESSAGE, label=3, type_name=".acme.Line")
    line.field.add(name="sku", number=1, type=kinds.TYPE_STRING, label=1)
    options = order.field[0].options
    options.Extensions[meta_pb2.field_meta].tags.append("ID")
    options.Extensions[meta_pb2.field_meta].params["tenor.dataSubject"] = "yes"
    line.field[0].options.Extensions[meta_pb2.field_meta].rules.add(
        name="some", expr="this != ''", doc="a sku is needed"
    )
    order.options.Extensions[meta_pb2.message_meta].rules.add(name="cheap", expr="this.total < 100.0")
    return base64.b64encode(proto.SerializeToString()).decode()


def test_protobuf_tags_and_constraints_come_from_the_options() -> None:
    text = protobuf()
    body = made(text, append("a", "a"), format="PROTOBUF", metadata={"tags": {"acme.Order.notes": ["ID"]}})
    event = {"id": "x", "notes": ["n", "m"], "total": 1.0, "lines": [{"sku": "s"}]}
    assert written(body, event) == {**event, "id": "xa", "notes": ["na", "ma"]}
    assert body.reader(None, None)(b"\x00" + body.body.writer(b"")(event), 0)["id"] == "xa"
    with pytest.raises(errors.InvalidEvent, match="/lines/0/sku: a sku is needed"):
        body.writer(b"")({**event, "lines": [{"sku": ""}]})
    with pytest.raises(errors.InvalidEvent, match="cheap"):
        body.writer(b"")({**event, "total": 100.0})
    order = message_factory.GetMessageClass(load(Schema(text, "PROTOBUF"), {}).message_types_by_name["Order"])
    assert written(body, order(id="x"))["id"] == "xa"
    assert meta(b"\x82\x44\x03\x1a\x01T").tags == {"T"}


def test_json_tags_and_branches() -> None:
    text = json.dumps(
        {
            "definitions": {"mail": {"type": "string", "confluent:tags": ["ID"]}},
            "type": "object",
            "properties": {
                "a": {"type": ["null", "string"], "confluent:tags": ["ID"]},
                "list": {"type": "array", "items": {"type": "string"}, "confluent:tags": ["ID"]},
                "ref": {"type": "object", "properties": {"in": {"$ref": "#/definitions/mail"}}},
                "one": {
                    "oneOf": [
                        {
                            "type": "object",
                            "properties": {"k": {"const": 1}, "v": {"type": "string", "confluent:tags": ["ID"]}},
                            "required": ["k"],
                        },
                        {
                            "type": "object",
                            "properties": {"k": {"const": 2}, "v": {"type": "string"}},
                            "required": ["k"],
                        },
                    ]
                },
            },
            "allOf": [{"properties": {"all": {"type": "string", "confluent:tags": ["ID"]}}}],
        }
    )
    body = made(text, append("a", "!"), format="JSON", metadata={"tags": {"$.ref.in": ["ID"]}})
    event = {"a": "x", "list": ["y"], "ref": {"in": "z"}, "one": {"k": 1, "v": "w"}, "all": "u"}
    done = {"a": "x!", "list": ["y!"], "ref": {"in": "z!"}, "one": {"k": 1, "v": "w!"}, "all": "u!"}
    assert written(body, event) == done
    other = {"a": None, "one": {"k": 2, "v": "w"}}
    assert written(body, other) == other


# --- inline constraints --------------------------------------------------------------------------------------------


def test_inline_constraints_tell_everything_at_once() -> None:
    line = {
        "type": "record",
        "name": "Line",
        "fields": [{"name": "n", "type": "int", "confluent:rules": [{"name": "some", "expr": "this > 0"}]}],
        "confluent:rules": [{"name": "odd", "expr": "this.n == 13 ? 'thirteen is bad luck' : ''"}],
    }
    text = avro(
        {"name": "mail", "type": ["null", "string"], "confluent:rules": [{"name": "mail", "expr": "isEmail(this)"}]},
        ("lines", {"type": "array", "items": line}),
        ("by", {"type": "map", "values": "Line"}),
    )
    checked = ruled(Schema(text), {}, Options())
    assert isinstance(checked, RuledBody)
    checked.writer(b"")({"mail": None, "lines": [{"n": 1}], "by": {}})
    with pytest.raises(errors.InvalidEvent) as caught:
        checked.writer(b"")({"mail": "x", "lines": [{"n": 1}, {"n": 0}], "by": {"k": {"n": 13}}})
    assert [(each.path, each.rule) for each in caught.value.violations] == [
        ("/mail", "mail"),
        ("/lines/1/n", "some"),
        ("/by/k", "odd"),
    ]
    assert "thirteen is bad luck" in str(caught.value)


def test_a_constraint_that_does_not_compile_stops_the_codec() -> None:
    text = avro({"name": "a", "type": "int", "confluent:rules": [{"name": "x", "expr": "this >"}]})
    with pytest.raises(errors.UnusableRule, match=r"acme\.Order\.a"):
        ruled(Schema(text), {}, Options()).writer(b"")


def test_a_record_in_itself() -> None:
    text = json.dumps(
        {
            "type": "record",
            "name": "acme.Node",
            "fields": [
                {
                    "name": "v",
                    "type": "string",
                    "confluent:tags": ["ID"],
                    "confluent:rules": [{"name": "c", "expr": "this != '!'"}],
                },
                {"name": "next", "type": ["null", "acme.Node"]},
            ],
        }
    )
    body = made(text, append("a", "!"))
    assert written(body, {"v": "a", "next": {"v": "b", "next": None}}) == {"v": "a!", "next": {"v": "b!", "next": None}}
    with pytest.raises(errors.InvalidEvent, match="/next/v"):
        body.writer(b"")({"v": "a", "next": {"v": "", "next": None}})


def test_unions_of_records_and_named_branches() -> None:
    def record(name: str, field: str) -> Any:
        return {"type": "record", "name": name, "fields": [{"name": field, "type": "string", "confluent:tags": ["ID"]}]}

    body = made(avro(("u", [record("acme.A", "a"), record("acme.B", "b"), "string"])), append("a", "!"))
    assert written(body, {"u": {"b": "x"}}) == {"u": {"b": "x!"}}
    assert written(body, {"u": ("acme.A", {"a": "x"})}) == {"u": {"a": "x!"}}
    assert written(body, {"u": "x"}) == {"u": "x"}


# --- as another schema ---------------------------------------------------------------------------------------------


def test_conditions_of_the_readers_schema_apply_to_what_it_reads() -> None:
    old = made(avro(("id", "string")), rule("w", "CEL", "false", mode="READ"))
    new = made(
        avro(("id", "string"), {"name": "n", "type": "int", "default": 7}),
        rule("r", "CEL", "message.n == 7", mode="READ"),
    )
    with pytest.raises(errors.RuleFailed):
        read(old, {"id": "A"})
    assert read(old, {"id": "A"}, new) == {"id": "A", "n": 7}
    strict = made(
        avro(("id", "string"), {"name": "n", "type": "int", "default": 7}), rule("r", "CEL", "false", mode="READ")
    )
    with pytest.raises(errors.RuleFailed):
        read(old, {"id": "A"}, strict)


def test_a_pinned_tag_that_no_rule_seals_stops_the_codec() -> None:
    with pytest.raises(errors.Unsealed, match=r"acme\.Order\.email is tagged PII"):
        made(ORDER, must_encrypt=["PII"]).writer(b"")
    assert written(made(ORDER, must_encrypt=["OTHER"]), EVENT) == EVENT


@pytest.mark.parametrize("mode", ["WRITE", "READ"])
def test_the_mode_without_rules_is_the_bodys_own(mode: str) -> None:
    """What a schema pays for rules of the other mode, and Protobuf for having none: nothing."""
    rule = {"name": "r", "kind": "CONDITION", "type": "CEL", "mode": mode, "expr": "message.s0 == 'yes'"}
    text = json.dumps({"type": "record", "name": "R", "fields": [{"name": "s0", "type": "string"}]})
    body = ruled(Schema(text, rule_set={"domainRules": [rule]}), {}, Options())
    data = b"\x00\x00\x00\x00\x01\x04no"  # framed with id 1
    write, read = body.writer(data[:5]), body.reader(None, None)
    if mode == "WRITE":
        assert read(data, 5) == {"s0": "no"}
        with pytest.raises(errors.RuleFailed):
            write({"s0": "no"})
    else:
        assert write({"s0": "no"}) == data
        with pytest.raises(errors.RuleFailed):
            read(data, 5)
