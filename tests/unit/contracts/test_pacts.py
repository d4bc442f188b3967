"""Pacts: read to values in every version of the specification, identified, merged, compared."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import difference, documents, merging, pact
from contracts.documents import Document, content_sha, with_ids
from contracts.errors import InvalidPact, MergeConflict
from contracts.merging import OnConflict, Publishing, publishing
from contracts.pact import AsyncMessage, HttpInteraction, Presence, State, SyncMessage
from contracts.rules import Kind

SIDES = {"consumer": {"name": "shop"}, "provider": {"name": "api"}}


def document(version: str | None = None, **body: Any) -> Document:
    metadata = {} if version is None else {"metadata": {"pactSpecification": {"version": version}}}
    return documents.read(json.dumps({**SIDES, **metadata, **body}))


def only(read: pact.Pact) -> Any:
    assert read.problems == ()
    (one,) = read.interactions
    return one


V2 = {
    "description": "a user",
    "providerState": "a user exists",
    "request": {"method": "get", "path": "/u", "query": "a=1&b=2&a=3", "headers": {"Accept": "x"}},
    "response": {
        "status": 201,
        "headers": {"Content-Type": "application/json"},
        "body": {"id": 1, "tags": ["t"]},
        "matchingRules": {
            "$.body.id": {"match": "type"},
            "$.body.tags[*]": {"match": "regex", "regex": "\\w"},
            "$.headers.Content-Type": {"regex": "application/.*"},
        },
    },
}


def test_http_pacts_of_the_first_versions_are_read() -> None:
    for version, body in (("1.0.0", V2), ("2.0.0", V2), (None, V2)):
        read = pact.parse(document(version, interactions=[body]))
        one = only(read)
        assert isinstance(one, HttpInteraction)
        assert (read.specification, one.states) == (1 if version == "1.0.0" else 2, (State("a user exists"),))
        assert (one.request.method, one.request.path) == ("GET", "/u")
        assert one.request.query == {"a": ("1", "3"), "b": ("2",)}
        assert one.request.headers == {"accept": ("x",)}
        assert one.request.body.presence is Presence.MISSING
        assert (one.response.status, one.response.body.value) == (201, {"id": 1, "tags": ["t"]})
        assert set(one.response.rules) == {"body", "header"}
        rule = one.response.rules["body"].choose(("tags", 0))
        assert rule is not None
        assert rule.list.rules[0].kind is Kind.REGEX
        assert one.response.rules["header"].choose(("Content-Type",)) is not None


def test_http_pacts_of_version_3_are_read() -> None:
    entry = {
        "description": "a user",
        "providerStates": [{"name": "a", "params": {"id": 1}}, {"name": "b"}],
        "request": {
            "method": "POST",
            "path": "/u",
            "query": {"a": ["1"]},
            "matchingRules": {
                "path": {"combine": "AND", "matchers": [{"match": "regex", "regex": "/.*"}]},
                "query": {"a": {"matchers": [{"match": "integer"}]}},
            },
        },
        "response": {"status": 200, "body": None},
    }
    one = only(pact.parse(document("3.0.0", interactions=[entry])))
    assert one.states == (State("a", {"id": 1}), State("b"))
    assert one.request.rules["path"].choose(()) is not None
    assert one.request.rules["query"].choose(("a",)) is not None
    assert one.response.body.presence is Presence.NULL


MESSAGE_3 = {
    "description": "an order",
    "providerStates": [{"name": "an order exists"}],
    "contents": {"id": 1, "sku": "A"},
    "metaData": {"topic": "orders", "contentType": "application/json"},
    "matchingRules": {
        "body": {"$.id": {"matchers": [{"match": "integer"}]}},
        "metadata": {"topic": {"matchers": [{"match": "type"}]}},
    },
    "generators": {"body": {"$.id": {"type": "RandomInt"}}},
}


def test_message_pacts_of_version_3_are_read() -> None:
    for body in ({"messages": [MESSAGE_3]}, {"messages": [{**MESSAGE_3, "metadata": MESSAGE_3["metaData"]}]}):
        one = only(pact.parse(document("3.0.0", **body)))
        assert isinstance(one, AsyncMessage)
        assert one.message.contents.value == {"id": 1, "sku": "A"}
        assert one.message.metadata["topic"] == "orders"
        assert one.message.body_rules.choose(("id",)) is not None
        assert one.message.metadata_rules.choose(("topic",)) is not None
        assert "body" in one.message.generators
    assert pact.parse(document(None, messages=[MESSAGE_3])).specification == 3


def v4(contents: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "Asynchronous/Messages",
        "key": "k1",
        "pending": True,
        "description": "an order",
        "comments": {"references": {"SchemaRegistry": {"subject": "orders-value"}, "bad": 1}, "text": ["x"]},
        "pluginConfiguration": {"protobuf": {"message": "M"}},
        "contents": contents,
        **more,
    }


def base64_of(content: bytes, media: str) -> dict[str, Any]:
    return {"content": base64.b64encode(content).decode(), "contentType": media, "encoded": "base64"}


CONTENTS: tuple[tuple[Any, Presence, Any], ...] = (
    ({"content": {"a": 1}, "contentType": "application/json", "encoded": False}, Presence.PRESENT, {"a": 1}),
    ({"content": '{"a":1}', "contentType": "application/json", "encoded": "JSON"}, Presence.PRESENT, {"a": 1}),
    (base64_of(b'{"a":1}', "application/json"), Presence.PRESENT, {"a": 1}),
    (base64_of(b"\x00\xff", "avro/binary"), Presence.PRESENT, b"\x00\xff"),
    ({"content": None}, Presence.NULL, None),
    (None, Presence.NULL, None),
    ({}, Presence.MISSING, None),
)


def test_message_pacts_of_version_4_are_read_with_every_kind_of_contents() -> None:
    for contents, presence, value in CONTENTS:
        one = only(pact.parse(document("4.0", interactions=[v4(contents)])))
        assert isinstance(one, AsyncMessage)
        assert (one.message.contents.presence, one.message.contents.value) == (presence, value)
        assert one.message.contents.is_json == (presence is not Presence.MISSING and not isinstance(value, bytes))
        assert (one.key, one.pending) == ("k1", True)
        assert one.references == {"SchemaRegistry": {"subject": "orders-value"}}
        assert one.plugins == {"protobuf": {"message": "M"}}
    missing = v4(None)
    del missing["contents"]
    assert only(pact.parse(document("4.0", interactions=[missing]))).message.contents.presence is Presence.MISSING


def test_version_4_mixes_kinds_and_names_the_body_as_it_likes() -> None:
    by_type = {"matchers": [{"match": "type"}]}
    rules = {"contents": {"$.a": by_type}, "content": {"$.b": by_type}}
    http = {
        "type": "Synchronous/HTTP",
        "request": {"method": "GET", "path": "/"},
        "response": {"status": 200, "body": {"content": "hi", "contentType": "text/plain", "encoded": False}},
    }
    sync = {
        "type": "Synchronous/Messages",
        "request": {"contents": {"content": 1}},
        "response": [{"contents": {"content": 2}}],
    }
    plugin = {"name": "protobuf", "version": "0.3", "configuration": {"k": {}}}
    metadata = {"pactSpecification": {"version": "4.0"}, "plugins": [plugin]}
    read = pact.parse(
        document(None, interactions=[v4({"content": {}}, matchingRules=rules), http, sync], metadata=metadata)
    )
    message, request, both = read.interactions
    assert isinstance(message, AsyncMessage)
    assert isinstance(request, HttpInteraction)
    assert isinstance(both, SyncMessage)
    assert [message.message.body_rules.choose((name,)) is not None for name in "abc"] == [True, True, False]
    assert request.response.body.value == "hi"
    assert (both.request.contents.value, both.responses[0].contents.value) == (1, 2)
    assert read.messages == (message,)
    assert read.plugins[0].name == "protobuf"


def test_a_json_body_written_as_text_is_json_where_its_type_says_so() -> None:
    body = {"description": "x", "contents": '{"a":1}', "metadata": {"contentType": "application/json"}}
    assert only(pact.parse(document("3.0.0", messages=[body]))).message.contents.value == {"a": 1}
    body["metadata"] = {"contentType": "text/plain"}
    assert only(pact.parse(document("3.0.0", messages=[body]))).message.contents.value == '{"a":1}'


NO_PACTS = (
    (b"\xff\xfe", "UTF-8"),
    (b"", "must be JSON"),
    (b"[]", "must be a JSON object"),
    (b'{"a": NaN}', "no JSON value"),
    (b'{"a": 1e999}', "must be JSON"),
    (b'{"a": "\\ud800"}', "UTF-8"),
    (b"[" * 100_000, "deep"),
    (b'{"a":' * 200 + b"1" + b"}" * 200, "deep"),
    (b'{"a": ' + b"9" * 5000 + b"}", "must be JSON"),
    (b"{}", "the consumer has no name (at /consumer/name)"),
    (b'{"consumer": {"name": "a"}, "provider": "b"}', "the provider has no name"),
    (b'{"consumer": {"name": "a"}, "provider": {"name": "b"}, "interactions": {}}', "a list (at /interactions)"),
)


def test_what_is_no_pact_is_refused_by_name() -> None:
    for text, words in NO_PACTS:
        with pytest.raises(InvalidPact) as refused:
            pact.parse(text)
        assert words in str(refused.value), text[:40]


PROBLEMS: tuple[tuple[str, Any, str, str], ...] = (
    ("4.0", 7, "/interactions/0", "must be an object"),
    ("4.0", {"type": "Telepathy"}, "/interactions/0/type", "Telepathy"),
    ("2.0.0", {"description": "x"}, "/interactions/0", "a request and a response"),
    ("2.0.0", {"request": {}, "response": {"status": "x"}}, "/interactions/0", "status must be a number"),
    ("4.0", {"type": "Synchronous/Messages", "request": {}}, "/interactions/0", "list of responses"),
    ("4.0", v4({"content": "%%%", "encoded": "base64"}), "/interactions/0/contents", "not base64"),
    ("4.0", v4({"content": "{", "encoded": "JSON"}), "/interactions/0/contents", "must be JSON"),
    ("4.0", v4({}, providerStates=[{}]), "/interactions/0/providerStates/0", "needs a name"),
    ("4.0", v4({}, matchingRules={"body": {"$[": {"matchers": []}}}), "/interactions/0/matchingRules/body/$[", "parse"),
    (
        "2.0.0",
        {"request": {"matchingRules": {"$..": {}}}, "response": {}},
        "/interactions/0/request/matchingRules/$..",
        "parse",
    ),
)


def test_what_cannot_be_understood_is_named_and_the_rest_is_read() -> None:
    good = {"description": "ok", "request": {}, "response": {}, "type": "Synchronous/HTTP"}
    for version, entry, path, words in PROBLEMS:
        read = pact.parse(document(version, interactions=[entry, good]))
        assert [problem.path for problem in read.problems] == [path]
        assert words in read.problems[0].reason
        assert read.interactions[-1].description == "ok"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = "type description providerStates contents request response matchingRules metadata"
ENTRIES = st.lists(
    st.dictionaries(st.sampled_from(NAMES.split()), JSON | st.just("Asynchronous/Messages"), max_size=4), max_size=3
)


@given(ENTRIES, st.sampled_from(["1.0.0", "2.0.0", "3.0.0", "4.0", "x"]))
def test_no_document_breaks_the_reader(entries: list[dict[str, Any]], version: str) -> None:
    read = pact.parse(document(version, interactions=entries))
    assert len(read.interactions) + len({problem.path.split("/")[2] for problem in read.problems}) >= len(entries)


# identity


def test_the_sha_is_the_references() -> None:
    body = {"interactions": [{"b": 1, "a": "é"}, {"a": 1}], "metadata": {"pactSpecification": {"version": "2.0.0"}}}
    canonical = '{"interactions":[{"a":"é","b":1},{"a":1}],"pact_specification_version":"2.0.0"}'
    assert content_sha(body) == hashlib.sha1(canonical.encode()).hexdigest()
    assert content_sha({"x": 1}) == hashlib.sha1(b'{"x":1}').hexdigest()


def test_only_what_a_verification_depends_on_counts() -> None:
    one, two = {"description": "1", "r": {"x": 1, "y": 2}}, {"description": "2"}
    base = document("4.0", interactions=[one, two])
    spellings = (
        {"pact-specification": {"version": "4.0"}, "client": {"v": 9}},
        {"pactSpecificationVersion": "4.0"},
    )
    for metadata in spellings:
        other = {"description": "1", "r": {"y": 2, "x": 1}}
        assert document(None, interactions=[two, other], metadata=metadata, more=1).sha == base.sha
    for interactions in ([one], [one, {**two, "key": "k"}], [one, {**two, "comments": {}}]):
        assert document("4.0", interactions=interactions).sha != base.sha
    assert document("3.0", interactions=[one, two]).sha != base.sha
    assert document("3.0", messages=[one, two]).sha == document("3.0", messages=[two, one]).sha


@given(st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), max_size=4))
def test_the_sha_forgets_order_and_nothing_else(entries: list[dict[str, Any]]) -> None:
    assert content_sha({"interactions": entries}) == content_sha({"interactions": entries[::-1]})
    assert content_sha({"interactions": entries}) != content_sha({"interactions": [*entries, {"new": 1}]})


def test_ids_are_injected_first_and_change_nothing() -> None:
    body = document("3.0", messages=[{"description": "x", "contents": 1}]).body
    served = with_ids(body)
    assert next(iter(served["messages"][0])) == "_id"
    assert with_ids(served) == served
    assert len(served["messages"][0]["_id"]) == 40
    (message,) = pact.parse(document("3.0", messages=[body["messages"][0]])).interactions
    assert message.id == served["messages"][0]["_id"]
    assert with_ids({"interactions": [1], "messages": {}}) == {"interactions": [1], "messages": {}}


# merging


def doc(*entries: dict[str, Any], messages: bool = False) -> Document:
    return document("3.0.0", **{"messages" if messages else "interactions": list(entries)})


A, B, A2 = {"description": "a", "x": 1}, {"description": "b"}, {"description": "a", "x": 2}
GIVEN = {"description": "a", "x": 2, "providerStates": [{"name": "s"}]}


def test_pacts_merge_by_description_and_states() -> None:
    for messages in (False, True):
        merged = merging.merge(doc(A, messages=messages), doc(B, GIVEN, A, messages=messages))
        assert merged.sha == doc(A, B, GIVEN, messages=messages).sha
        with pytest.raises(MergeConflict) as refused:
            merging.merge(doc(A, messages=messages), doc(A2, messages=messages))
        assert refused.value.interactions == ('"a"',)
    both = merging.merge(doc(A), doc(B, messages=True))
    assert (both.body["interactions"], both.body["messages"]) == ([A], [B])


def test_merging_refuses_lists_that_hold_no_objects() -> None:
    with pytest.raises(InvalidPact):
        merging.merge(document(None, interactions=[1]), doc(A))


ENTRY = st.builds(lambda name: {"description": name, "x": 1}, st.sampled_from("abcd"))


@given(st.lists(ENTRY, max_size=4, unique_by=str), st.lists(ENTRY, max_size=4, unique_by=str))
def test_merging_is_idempotent_and_forgets_nothing(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    merged = merging.merge(doc(*ours), doc(*theirs))
    assert merging.merge(merged, doc(*theirs)).sha == merged.sha == merging.merge(doc(*theirs), doc(*ours)).sha
    assert {str(entry) for entry in merged.body["interactions"]} == {str(entry) for entry in (*ours, *theirs)}


PUBLISHING = (
    (None, "a", None, False, Publishing.CREATED),
    ("a", "a", None, False, Publishing.UNCHANGED),
    ("a", "a", OnConflict.MERGE, True, Publishing.UNCHANGED),
    ("a", "b", None, False, Publishing.CONFLICT),
    ("a", "b", OnConflict.OVERWRITE, False, Publishing.CONFLICT),
    ("a", "b", OnConflict.MERGE, False, Publishing.CONFLICT),
    ("a", "b", None, True, Publishing.OVERWRITTEN),
    ("a", "b", OnConflict.OVERWRITE, True, Publishing.OVERWRITTEN),
    ("a", "b", OnConflict.MERGE, True, Publishing.MERGED),
)


def test_a_content_may_change_only_where_the_setting_says_so() -> None:
    for existing, added, on_conflict, allowed, outcome in PUBLISHING:
        assert publishing(existing, added, on_conflict, allowed=allowed) is outcome


# differences


def test_differences_are_told_place_by_place() -> None:
    old = doc({"description": "a", "contents": {"qty": 1, "sku": "A", "n": [1, 2]}}, B)
    new = doc(GIVEN, {"description": "a", "contents": {"qty": 1.0, "note": None, "n": [1]}})
    assert difference.text(old, new).splitlines() == [
        '+ "a" (given s)',
        '~ "a"',
        "    /contents/qty: 1 → 1.0",
        '    /contents/sku: removed "A"',
        "    /contents/n/1: removed 2",
        "    /contents/note: added null",
        '- "b"',
    ]


def test_order_is_no_difference_and_the_specification_is() -> None:
    assert difference.text(doc(A, B), doc(B, A)) == "The pacts have the same content."
    changed = difference.text(doc(A), document("4.0", interactions=[A]))
    assert changed.endswith("Pact specification: 3.0.0 → 4.0.")
    twice = difference.differences(doc(A, A), doc(A))
    assert [one.change for one in twice] == [difference.Change.REMOVED]
    long = difference.text(doc({"description": "a", "x": "y" * 900}), doc({"description": "a"}))
    assert len(long) < 400


@given(ENTRIES, ENTRIES)
def test_pacts_differ_exactly_when_their_content_does(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    before, after = document("4.0", interactions=old), document("4.0", interactions=new)
    assert (difference.differences(before, after) == ()) == (before.sha == after.sha)
