"""Pacts become needs: which subject, which paths, what the comments add, what is only a reason."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import kept, pact
from contracts.coverage import Outcome, cover
from contracts.matching import Outcome as Matched
from contracts.matching import match_body, outcome
from contracts.needs import Contract, Evidence, Need, Presence, When, combined, contradictions
from contracts.reading import comments
from contracts.reading.bodies import body
from contracts.reading.pacts import Reading, contracts
from contracts.reading.pointing import How, Mapped, pointed
from contracts.rules import Combine, Kind, Rule, RuleList, rule_set
from contracts.satisfaction import Given, Satisfaction, satisfied
from registry import formats
from registry.formats.base import Source
from registry.formats.protobuf.schema import ProtobufSchema
from tests.vectors import shared

SHARED = shared("pact-matchers.json")
OBSERVED = json.loads((Path(__file__).parent / "observed_matching.json").read_text())["rows"]
JSON = "application/json"
EQUAL = RuleList((Rule(Kind.EQUALITY, name="equality"),))


def types(*names: str) -> frozenset[str]:
    return frozenset(names)


def message(contents: Any, rules: Any = None, **more: Any) -> dict[str, Any]:
    entry = {"content": contents, "contentType": JSON, "encoded": False}
    return {
        "type": "Asynchronous/Messages",
        "description": "an order",
        "contents": entry,
        "matchingRules": {"body": rules or {}},
        **more,
    }


def readings(*entries: dict[str, Any], metadata: Any = None, **options: Any) -> tuple[Reading, ...]:
    document = {
        "consumer": {"name": "billing"},
        "provider": {"name": "orders"},
        "interactions": list(entries),
        "metadata": {"pactSpecification": {"version": "4.0"}} | (metadata or {}),
    }
    return contracts(pact.parse(json.dumps(document)), **options)


def judged(contract: Contract, event: Any) -> Satisfaction:
    given_ = Given.by(contract)
    found = {satisfied(event, need, given_) for need in contract.needs}
    for answer in (Satisfaction.NO, Satisfaction.UNKNOWN):
        if answer in found:
            return answer
    return Satisfaction.YES


# The subject


REFERENCES = {"references": {"SchemaRegistry": {"subject": "a-value", "version": "3"}}}
POINTED: tuple[tuple[Any, Any, str, int | None, How], ...] = (
    # comments, metadata, subject, version, how
    (REFERENCES, {"subject": "b", "topic": "c"}, "a-value", 3, How.REFERENCES),
    ({"references": {"SchemaRegistry": {"subject": "a", "version": "latest"}}}, {}, "a", None, How.REFERENCES),
    ({"tenor": {"version": 1, "subject": "r"}}, {"subject": "b"}, "r", None, How.RECORDING),
    ({}, {"subject": "b", "version": 2, "topic": "c"}, "b", None, How.SUBJECT),
    ({}, {"topic": "orders"}, "orders-value", None, How.TOPIC),
    ({}, {"channel": "orders"}, "orders-value", None, How.TOPIC),
    ({"references": {"SchemaRegistry": {"subject": 3}}}, {"topic": ["x"]}, "mapped", None, How.MAPPING),
    ({"references": "x", "tenor": 3}, {}, "mapped", None, How.MAPPING),
)


def test_the_subject_is_found_in_the_order_that_is_told() -> None:
    mapping = (Mapped("stock", "an *", "no"), Mapped("orders", "an o*", "mapped"))
    for said, metadata, subject, version, how in POINTED:
        found = pointed("orders", "an order", said, metadata, mapping=mapping)
        assert (found.subject, found.version, found.how) == (subject, version, how), (said, metadata)
    unmapped = pointed("orders", "a fish", {}, {}, mapping=mapping)
    assert unmapped.subject is None
    assert unmapped.how is How.UNMAPPED
    assert "a fish" in unmapped.reason


# Matchers


def matchers(*rules: dict[str, Any], combine: str = "AND") -> dict[str, Any]:
    return {"combine": combine, "matchers": list(rules)}


BODIES: tuple[tuple[Any, Any, tuple[Need, ...]], ...] = (
    # example, rules, needs beside the root's
    ({"a": 1}, {}, (Need("/a", rules=EQUAL, example=1),)),
    ({"a": 1}, {"$.a": matchers({"match": "type"})}, (Need("/a", types=types("number")),)),
    ({"a": "x"}, {"$": matchers({"match": "type"})}, (Need("/a", types=types("string")),)),
    (
        {"a": ["x"]},
        {"$.a": matchers({"match": "type", "min": 1})},
        (
            Need(
                "/a", types=types("array"), rules=RuleList((Rule(Kind.TYPE, min=1, name="type"),)), example=[]
            ),
            Need("/a/*", types=types("string")),
        ),
    ),
    (
        {"a": ["x", "y"]},
        {},
        (
            Need("/a", types=types("array"), rules=RuleList((Rule(Kind.TYPE, min=2, max=2, name="type"),)), example=[]),
            Need("/a/0", rules=EQUAL, example="x"),
            Need("/a/1", rules=EQUAL, example="y"),
        ),
    ),
    (
        {"a": {"k": {"n": 1}}},
        {"$.a": matchers({"match": "values"}), "$.a.*.n": matchers({"match": "integer"})},
        (
            Need("/a", types=types("object")),
            Need("/a/*", types=types("object")),
            Need("/a/*/n", rules=RuleList((Rule(Kind.INTEGER, name="integer"),))),
        ),
    ),
    (
        {"a": {"k": 1}},
        {"$.a": matchers({"match": "eachValue", "rules": [{"match": "integer"}]})},
        (
            Need("/a", types=types("object")),
            Need("/a/*", rules=RuleList((Rule(Kind.INTEGER, name="integer"),))),
        ),
    ),
    ({"a/b": None, "~": True}, {"$": matchers({"match": "type"})}, (
        Need("/a~1b", types=types("null")), Need("/~0", types=types("boolean"))
    )),
)  # fmt: skip


def test_matchers_become_needs() -> None:
    for example, rules, needs in BODIES:
        made = body(example, rule_set(rules))
        assert tuple(made.needs) == (Need("", types=types("object")), *needs), (example, rules)
        assert made.reasons == []


REASONS = (
    # example, rules, part of the reason
    ({"a": [{"x": 1}, {"y": 1}]}, {"$.a": matchers({"match": "type"})}, "differ in what they need"),
    ({"a": 1}, {"$.a": matchers({"match": "type"}), "$['a']": matchers({"match": "integer"})}, "weigh the same"),
    ({"a": {"k": 1}}, {"$.a": matchers({"match": "eachValue", "rules": []})}, "accepts no value"),
    ({"a": 1}, {"$.a": matchers({"match": "integer"}, {"match": "null"})}, "accept no value together"),
    ({"a": None}, {"$.a": matchers({"match": "type"}, {"match": "integer"})}, "accept no value together"),
    ({"a": [1]}, {"$.a": matchers({"match": "equality"}, {"match": "type"}, combine="OR")}, "one must hold"),
)


def test_what_cannot_be_said_as_needs_is_a_reason() -> None:
    for example, rules, part in REASONS:
        assert any(part in reason for reason in body(example, rule_set(rules)).reasons), (example, rules)


@pytest.mark.vectors
@pytest.mark.parametrize("matcher", SHARED["matchers"], ids=lambda matcher: matcher["id"])
def test_the_needs_of_every_matcher_accept_exactly_the_observed_values(matcher: dict[str, Any]) -> None:
    rules = {} if matcher["matchers"] is None else {"$.v": matchers(*matcher["matchers"])}
    made = body({"v": json.loads(matcher["example_json"])}, rule_set(rules))
    contract = Contract(tuple(made.needs), Evidence.DECLARED, reasons=tuple(made.reasons))
    assert not contract.reasons
    for value in SHARED["values"]:
        found = judged(contract, {} if value.get("absent") else {"v": json.loads(value["json"])})
        if value.get("absent"):
            assert found is Satisfaction.NO
        elif matcher.get("portable") is False:
            assert found is Satisfaction.UNKNOWN
        else:
            assert (found is Satisfaction.YES) == (value["id"] in matcher["accepts"]), value["id"]


def test_the_needs_of_observed_bodies_are_judged_as_the_core_judges_bodies() -> None:
    undecided = total = 0
    for row in OBSERVED:
        if row.get("unloadable"):
            continue
        made = body(row["example"], rule_set(row["rules"]))
        contract = Contract(tuple(made.needs), Evidence.DECLARED)
        for expected, key in ((Satisfaction.YES, "accepts"), (Satisfaction.NO, "rejects")):
            for text in row.get(key, ()):
                total += 1
                found = judged(contract, json.loads(text))
                if made.reasons or found is Satisfaction.UNKNOWN:
                    undecided += 1
                else:
                    assert found is expected, (row, text)
    assert total > 1_700
    assert undecided <= 140  # items that differ in what they need; engines that differ


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.5, 1.0])
    | st.sampled_from(["", "a", "1", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
SINGLE = st.sampled_from(
    [{"match": kind} for kind in ("type", "equality", "integer", "decimal", "number", "boolean", "null", "notEmpty")]
    + [{"match": "type", "min": 1}, {"match": "type", "max": 1}, {"match": "values"}, {"match": "semver"}]
    + [{"match": "regex", "regex": "[a-c1]+"}, {"match": "include", "value": "a"}, {"match": "date"}]
    + [{"match": "eachKey", "rules": [{"match": "regex", "regex": "[ab]"}]}]
    + [{"match": "eachValue", "rules": [{"match": "type"}]}, {"match": "eachValue", "rules": [{"match": "number"}]}]
    + [{"match": "arrayContains", "variants": [{"index": 0, "rules": {"$": {"matchers": [{"match": "type"}]}}}]}]
)
PATHS = st.sampled_from(["$", "$.a", "$.b", "$.a.b", "$.a[0]", "$.a[*]", "$.*", "$[*]", "$.a.*", "$.a[*].b"])
RULES = st.dictionaries(
    PATHS,
    st.builds(
        lambda rules, combine: {"matchers": rules, "combine": combine},
        st.lists(SINGLE, min_size=1, max_size=2),
        st.sampled_from(["AND", "OR"]),
    ),
    max_size=3,
)


@settings(max_examples=600)
@given(VALUES, RULES, st.lists(VALUES, min_size=1, max_size=4))
def test_needs_and_matchers_accept_the_same_bodies(example: Any, rules: Any, actual: list[Any]) -> None:
    written = rule_set(rules)
    made = body(example, written)
    contract = Contract(tuple(made.needs), Evidence.DECLARED)
    for value in (example, *actual):
        expected = outcome(match_body(example, value, written))
        found = judged(contract, value)
        if not made.reasons and Satisfaction.UNKNOWN not in (found, expected):
            assert found == _SAME[expected], (value, contract.needs)


_SAME = {
    Matched.MATCHES: Satisfaction.YES,
    Matched.MISMATCHES: Satisfaction.NO,
    Matched.UNKNOWN: Satisfaction.UNKNOWN,
}


def test_a_hostile_body_is_read_in_reasonable_time() -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    ladder = {"$" + "[0]" * depth: matchers({"match": "type"}) for depth in range(40)}
    wide = {f"k{index}": index for index in range(3_000)}
    flat = {f"$.k{index}": matchers({"match": "integer"}) for index in range(3_000)}
    start = time.process_time()
    assert len(body(deep, rule_set({"$": matchers({"match": "type"})})).needs) == 91
    body(deep, rule_set(ladder))
    assert len(body(wide, rule_set(flat)).needs) == 3_001
    assert any("too deep" in reason for reason in body([deep] * 50_000, rule_set({})).reasons)
    assert time.process_time() - start < 10


# The comments


FULL = {
    "version": 1,
    "subject": "orders-value",
    "evidence": "recorded",
    "partial": True,
    "reasons": ["a branch was never reached"],
    "recorded": "2026-11-24",
    "needs": [
        {"path": "/lines/*/sku", "presence": "required", "types": ["string"], "pattern": "[A-Z]+"},
        {"path": "/note", "presence": "optional", "types": ["null", "string"], "aliases": ["remark"]},
        {"path": "/qty", "presence": "required", "types": ["integer"], "minimum": 0, "maximum": 9.5},
        {
            "path": "/status",
            "presence": "required",
            "types": ["string"],
            "values": ["PAID"],
            "fallback": False,
            "when": {"absent": "fails", "erased": "handled", "other": "changes"},
        },
    ],
}


def test_what_is_printed_reads_as_it_was() -> None:
    read = comments.read(FULL, "an order")
    assert not set(read.reasons) - {"a branch was never reached"}
    assert read.evidence is Evidence.RECORDED
    assert read.partial
    status = read.needs[-1]
    assert (status.values, status.fallback) == (("PAID",), False)
    assert status.when == {"absent": When.FAILS, "erased": When.HANDLED, "other": When.CHANGES}
    assert comments.printed(read, "orders-value") == FULL
    assert comments.read(json.loads(json.dumps(comments.printed(read, "orders-value"))), "an order") == read


WRONG = (
    # what is written, part of the reason
    (3, "must be an object"),
    ({"version": 2, "needs": []}, "version must be 1"),
    ({"version": True, "needs": []}, "version must be 1"),
    ({"version": 1}, "has no 'needs'"),
    ({"version": 1, "needs": {}}, "list of at most"),
    ({"version": 1, "needs": [3]}, "needs/0: it must be an object"),
    ({"version": 1, "needs": [{}]}, "has no 'path'"),
    ({"version": 1, "needs": [{"path": "a"}]}, "JSON pointer"),
    ({"version": 1, "needs": [{"path": "/a", "types": ["text"]}]}, "needs/0/types"),
    ({"version": 1, "needs": [{"path": "/a", "presence": "maybe"}]}, "one of required, optional"),
    ({"version": 1, "needs": [{"path": "/a", "presence": ["maybe"]}]}, "one of required, optional"),
    ({"version": 1, "needs": [{"path": "/a", "when": {"absent": "explodes"}}]}, "fails, changes, same"),
    ({"version": 1, "needs": [{"path": "/a", "when": {"absent": "handled"}}]}, "fails, changes, same"),
    ({"version": 1, "needs": [{"path": "/a", "when": {"erased": []}}]}, "fails, changes, same, handled"),
    ({"version": 1, "needs": [{"path": "/a", "when": {"never": "fails"}}]}, "'never' is not known"),
    ({"version": 1, "needs": [{"path": "/a", "minimum": True}]}, "needs/0/minimum: it must be a number"),
    ({"version": 1, "needs": [{"path": "/a", "colour": 1}]}, "'colour' is not known"),
    ({"version": 1, "needs": [], "recorded": "yesterday"}, "2026-11-24"),
    ({"version": 1, "needs": [{"path": "/a", "minimum": 3, "maximum": 1}]}, "above the maximum"),
)


def test_what_cannot_be_read_in_the_comment_is_a_reason() -> None:
    for written, part in WRONG:
        assert any(part in reason for reason in comments.read(written).reasons), written


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["/a", "fails", "string"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["version", "needs", "path", "types", "when", "absent", "x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_comment_is_a_crash(written: Any) -> None:
    comments.read(written)
    comments.read({"version": 1, "needs": [written], "when": written, "reasons": written})


def test_a_recording_takes_the_place_of_matchers_at_its_paths() -> None:
    needs = [{"path": "/status", "presence": "optional", "types": ["string"]}, {"path": "/lines/*/sku"}]
    tenor = {"version": 1, "subject": "orders-value", "evidence": "recorded", "needs": needs}
    example = {"status": "PAID", "lines": [{"sku": "a"}], "total": 1}
    (reading,) = readings(message(example, comments={"tenor": tenor}))
    assert reading.pointed.subject == "orders-value"
    assert reading.contract.evidence is Evidence.RECORDED
    assert [(need.path, need.presence) for need in reading.contract.needs] == [
        ("/total", Presence.REQUIRED),
        ("/status", Presence.OPTIONAL),
        ("/lines/*/sku", Presence.REQUIRED),
    ]


def test_what_was_recorded_as_a_whole_says_all_of_what_is_inside() -> None:
    rules = {"$": matchers({"match": "type"})}
    for evidence, paths in (
        ("recorded", ["/total", "/address"]),
        ("declared", ["/total", "/address/city", "/address"]),
    ):
        tenor = {"version": 1, "evidence": evidence, "needs": [{"path": "/address", "types": ["object"]}]}
        contents = message({"address": {"city": "x"}, "total": 1}, rules, comments={"tenor": tenor})
        (reading,) = readings(contents)
        assert sorted(need.path for need in reading.contract.needs) == sorted(paths), evidence


def test_what_is_stated_by_hand_of_situations_adds_to_the_matchers() -> None:
    stated = [
        {"path": "/email", "when": {"erased": "handled"}},
        {"path": "/lines/*/name", "when": {"erased": "fails"}},
        {"path": "/total", "types": ["number"], "when": {"erased": "same"}},
        {"path": "", "when": {"absent": "same"}},
    ]
    example = {"email": "a@b", "lines": [{"name": "x"}], "total": 1}
    contents = message(example, comments={"tenor": {"version": 1, "needs": stated}})
    (reading,) = readings(contents)
    needs = {need.path: need for need in reading.contract.needs}
    assert needs.keys() == {"", "/email", "/lines", "/lines/0", "/lines/0/name", "/total"}
    assert needs["/email"].rules is not None
    assert needs["/email"].when == {"erased": When.HANDLED}
    assert needs["/lines/0/name"].when == {"erased": When.FAILS}
    assert (needs["/total"].types, needs["/total"].rules) == (types("number"), None)
    assert needs[""].when == {"absent": When.SAME}
    assert reading.contract.reasons == ()


# Whole pacts


def test_every_message_counts_and_requests_do_not() -> None:
    sync = {
        "type": "Synchronous/Messages",
        "description": "a question",
        "request": {"contents": {"content": {"q": 1}, "contentType": JSON, "encoded": False}},
        "response": [{"contents": {"content": {"r": 1}, "contentType": JSON, "encoded": False}}],
    }
    http = {"type": "Synchronous/HTTP", "description": "x", "request": {}, "response": {}}
    found = readings(message({"a": 1}), sync, http, message({"b": 1}, metadata={"topic": "t"}), confirmed=7)
    assert [[need.path for need in each.contract.needs][1:] for each in found] == [["/a"], ["/r"], ["/b"]]
    assert [each.pointed.subject for each in found] == [None, None, "t-value"]
    assert {each.contract.confirmed for each in found} == {7}


def test_a_v3_pact_is_read() -> None:
    document = {
        "consumer": {"name": "billing"},
        "provider": {"name": "orders"},
        "messages": [{"description": "d", "contents": {"a": "x"}, "metaData": {"contentType": JSON, "topic": "o"}}],
        "metadata": {"pactSpecification": {"version": "3.0.0"}},
    }
    (reading,) = contracts(pact.parse(json.dumps(document)))
    assert reading.pointed.subject == "o-value"
    assert [need.path for need in reading.contract.needs] == ["", "/a"]


UNREADABLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"contents": {"content": "AAH/", "contentType": "avro/binary", "encoded": "base64"}}, "binary (avro/binary)"),
    ({"contents": {"content": "hello", "contentType": "text/plain", "encoded": False}}, "text (text/plain)"),
    ({"contents": None, "pluginConfiguration": {"csv": {}}}, ""),
    ({"contents": {}}, "no contents"),
    (
        {
            "contents": {"content": "CAE=", "contentType": "application/protobuf;message=X", "encoded": "base64"},
            "pluginConfiguration": {"protobuf": {"descriptorKey": "k", "message": "X"}},
        },
        "descriptors are not in the pact",
    ),
    ({"matchingRules": {"body": {"$..a": matchers({"match": "type"})}}}, "$..a"),
    ({"matchingRules": {"body": {"$.a": matchers({"regex": None})}}}, "matchingRules"),
    ({"type": "Telepathy"}, "not known"),
    ({"contents": {"content": "!", "encoded": "base64"}}, "not base64"),
)


def test_what_cannot_be_read_in_a_pact_is_a_reason() -> None:
    for more, part in UNREADABLE:
        (reading,) = readings(message({"a": 1}) | more)
        assert any(part in reason for reason in reading.contract.reasons) or not part, (more, reading)


def test_base64_json_is_readable_without_its_plug_in() -> None:
    contents = {"content": base64.b64encode(b'{"a": 1}').decode(), "contentType": JSON, "encoded": "base64"}
    (reading,) = readings(message({}) | {"contents": contents, "pluginConfiguration": {"x": {}}})
    assert [need.path for need in reading.contract.needs] == ["", "/a"]
    assert not reading.contract.reasons


def protobuf_pact(descriptors: str, content: bytes) -> tuple[Reading, ...]:
    entry = message({}, {"$.total": matchers({"match": "number"})}) | {
        "contents": {
            "content": base64.b64encode(content).decode(),
            "contentType": "application/protobuf;message=Order",
            "encoded": "base64",
        },
        "pluginConfiguration": {"protobuf": {"descriptorKey": "k", "message": "Order"}},
    }
    plugins = [{"name": "protobuf", "version": "0.3", "configuration": {"k": {"protoDescriptors": descriptors}}}]
    return readings(entry, metadata={"plugins": plugins, "pactSpecification": {"version": "4.0"}})


def test_a_protobuf_message_is_read_with_the_descriptors_of_the_pact() -> None:
    schema = formats.parse("PROTOBUF", Source('syntax = "proto3"; package o; message Order { double total = 1; }'))
    assert isinstance(schema, ProtobufSchema)
    files = FileDescriptorSet(file=schema.files)
    descriptors = base64.b64encode(files.SerializeToString()).decode()
    (reading,) = protobuf_pact(descriptors, b"\x09\x00\x00\x00\x00\x00\x00\xf8\x3f")
    assert reading.contract.needs[1:] == (Need("/total", types=types("number")),)
    assert not reading.contract.reasons
    assert reading.contract.decoded
    assert kept.read(kept.written([reading.contract])) == (reading.contract,)
    # Its code sees a message, in which what has no presence is always there.
    assert {each.outcome for each in cover(schema, reading.contract)} == {Outcome.GUARANTEED}
    for broken, content in ((descriptors, b"\xff"), (descriptors[4:], b""), ("?", b""), ("", b"")):
        (reading,) = protobuf_pact(broken, content)
        assert reading.contract.reasons, (broken[:9], content)


# Several contracts


CONTRADICTIONS = (
    ((Need("/a", types=types("string")), Need("/a", types=types("integer"))), "both string and integer"),
    ((Need("/a", minimum=2, maximum=1),), "above the maximum"),
    ((Need("/a", types=types("string")), Need("/a/b")), "something inside it"),
    ((Need("/a", types=types("string"), values=(1,), fallback=False),), "no handled value"),
)


def test_needs_that_no_event_satisfies_are_told() -> None:
    for needs, part in CONTRADICTIONS:
        assert any(part in reason for reason in contradictions(needs)), needs
    fine = (Need("/a", types=types("number")), Need("/a", types=types("integer")), Need("/b", types=types("object")))
    assert contradictions((*fine, Need("/b/c"))) == ()


def test_messages_of_one_subject_add_up() -> None:
    def contract(*needs: Need, **more: Any) -> Contract:
        return Contract(needs, Evidence.RECORDED, **more)

    status = Need("/status", types=types("string"), values=("PAID",), fallback=False)
    shipped = Need("/status", types=types("string"), values=("SHIPPED", "PAID"), fallback=False)
    both = combined((contract(status, confirmed=5), contract(shipped, Need("/x"), partial=True, confirmed=3)))
    assert both.needs == (
        Need("/status", types=types("string"), values=("PAID", "SHIPPED"), fallback=False),
        Need("/x"),
    )
    assert (both.partial, both.confirmed, both.reasons) == (True, 3, ())
    one_of = RuleList((Rule(Kind.INTEGER), Rule(Kind.NULL)), Combine.OR)
    torn = combined((contract(Need("/a", types=types("string"))), contract(Need("/a", types=types("null")))))
    assert torn.reasons
    ruled = combined((contract(Need("/a", rules=one_of)), contract(Need("/a", rules=None))))
    assert len(ruled.needs) == 2
