"""Inline tags against the whole application, on both engines: added, removed, propagated, found, and as a version."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

Json = dict[str, Any]


def avro(**tags: list[str]) -> str:
    """A record `shop.Order` with optional fields a and b, tagged by field name (`Order` tags the record itself)."""
    fields = [
        {"name": name, "type": "string", "default": "", **({"confluent:tags": tags[name]} if name in tags else {})}
        for name in ("a", "b")
    ]
    own = {"confluent:tags": tags["Order"]} if "Order" in tags else {}
    record = {"type": "record", "name": "Order", "namespace": "shop", "fields": fields, **own}
    return json.dumps(record, separators=(",", ":"))


def tagging(path: str, *tags: str, kind: str = "sr_field") -> Json:
    return {"schemaEntity": {"entityPath": path, "entityType": kind}, "tags": list(tags)}


A, B, ORDER = "shop.Order.a", "shop.Order.b", "shop.Order"


def ok(response: httpx.Response) -> Json:
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def code(response: httpx.Response) -> int:
    answer = response.json()
    assert set(answer) == {"error_code", "message"}, answer
    return int(answer["error_code"])


def register(client: httpx.Client, schema: str | None = None, *, subject: str = "s", **members: Any) -> httpx.Response:
    body = {"schema": avro() if schema is None else schema, **members}
    return client.post(f"/subjects/{subject}/versions", json=body)


def retag(client: httpx.Client, version: int | str = "latest", *, subject: str = "s", **members: Any) -> httpx.Response:
    return client.post(f"/subjects/{subject}/versions/{version}/tags", json=members)


def found(client: httpx.Client, path: str, *wanted: str) -> dict[str, list[str]]:
    """The tags that an answer carries, by entity."""
    query = "&".join(f"findTags={tag}" for tag in wanted)
    answer = ok(client.get(f"{path}{'&' if '?' in path else '?'}{query}"))
    return {each["schemaEntity"]["entityPath"]: each["tags"] for each in answer.get("schemaTags", [])}


def numbers(client: httpx.Client, subject: str = "s") -> Any:
    return client.get(f"/subjects/{subject}/versions").json()


def own_version(answer: Json) -> str | None:
    """`confluent:version` of an answer."""
    value: str | None = answer.get("metadata", {}).get("properties", {}).get("confluent:version")
    return value


def rule(name: str, expr: str = "true") -> Json:
    return {"name": name, "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": expr, "disabled": False}


def rules(*names: str) -> Json:
    return {"domainRules": [rule(name) for name in names]}


def rule_names(answer: Json) -> list[str]:
    return [each["name"] for each in answer.get("ruleSet", {}).get("domainRules", [])]


# While registering.


def test_tags_are_added_and_removed_in_the_text(registry_client: httpx.Client) -> None:
    first = ok(register(registry_client, avro(b=["OLD", "PII"], Order=["TOP"])))
    assert own_version(first) is None
    answer = ok(
        register(
            registry_client,
            avro(b=["OLD", "PII"], Order=["TOP"]),
            schemaTagsToAdd=[tagging(A, "PII", "GDPR"), tagging(ORDER, "EVENT", kind="sr_record")],
            schemaTagsToRemove=[tagging(B, "OLD"), tagging(ORDER, "TOP", kind="sr_record")],
        )
    )
    assert json.loads(answer["schema"]) == json.loads(avro(a=["PII", "GDPR"], b=["PII"], Order=["EVENT"]))
    assert (answer["version"], own_version(answer)) == (2, "2")
    assert answer["id"] != first["id"]
    assert ok(registry_client.get("/subjects/s/versions/2"))["schema"] == answer["schema"]


def test_tags_make_a_version_of_their_own_each_time(registry_client: httpx.Client) -> None:
    for version in (1, 2):
        answer = ok(register(registry_client, schemaTagsToAdd=[tagging(A, "PII")]))
        assert (answer["version"], own_version(answer)) == (version, str(version))
    # The text alone, or with -1, is the newest of them.
    for said in (None, -1, 0):
        assert ok(register(registry_client, avro(a=["PII"]), version=said))["version"] == 2, said
    assert numbers(registry_client) == [1, 2]


def test_an_explicit_version_must_be_the_next(registry_client: httpx.Client) -> None:
    ok(register(registry_client))
    add = [tagging(A, "PII")]
    refused = register(registry_client, version=3, schemaTagsToAdd=add)
    assert code(refused) == 42201
    assert "Version is not one more than previous version" in refused.json()["message"]
    answer = ok(register(registry_client, version=2, schemaTagsToAdd=add))
    assert (answer["version"], own_version(answer)) == (2, "2")


def test_tags_are_put_into_the_latest_text_when_none_is_sent(registry_client: httpx.Client) -> None:
    assert code(register(registry_client, "", schemaTagsToAdd=[tagging(A, "PII")])) == 42201
    ok(register(registry_client, avro(b=["PII"])))
    answer = ok(register(registry_client, "", schemaTagsToAdd=[tagging(A, "PII")]))
    assert json.loads(answer["schema"]) == json.loads(avro(a=["PII"], b=["PII"]))


@pytest.mark.parametrize(
    ("member", "path", "kind"),
    [
        ("schemaTagsToAdd", "shop.Order.c", "sr_field"),
        ("schemaTagsToAdd", "shop.Line.a", "sr_field"),
        ("schemaTagsToAdd", "shop.Order.a", "sr_record"),
        ("schemaTagsToAdd", "", "sr_field"),
        ("schemaTagsToRemove", "shop.Order.c", "sr_field"),
    ],
)
def test_an_entity_that_is_not_there_is_an_invalid_schema(
    registry_client: httpx.Client, member: str, path: str, kind: str
) -> None:
    ok(register(registry_client))
    wrong = [tagging(path, "PII", kind=kind)]
    assert code(registry_client.post("/subjects/s/versions", json={"schema": avro(), member: wrong})) == 42201
    name = member.replace("schemaTags", "tags")
    assert code(registry_client.post("/subjects/s/versions/1/tags", json={name: wrong})) == 42201
    assert numbers(registry_client) == [1]


def test_previous_tags_are_propagated_where_their_entities_are(registry_client: httpx.Client) -> None:
    ok(register(registry_client, avro(a=["PII"], b=["GDPR"], Order=["EVENT"])))
    without_b = json.loads(avro(a=["OWN"]))
    without_b["fields"] = [without_b["fields"][0], {"name": "c", "type": "string", "default": ""}]
    answer = ok(register(registry_client, json.dumps(without_b), propagateSchemaTags=True))
    text = json.loads(answer["schema"])
    assert {each["name"]: set(each.get("confluent:tags", [])) for each in text["fields"]} == {
        "a": {"OWN", "PII"},
        "c": set(),
    }
    assert text["confluent:tags"] == ["EVENT"]
    # Propagating alone asks for no version of its own.
    assert (answer["version"], own_version(answer)) == (2, None)
    for text in (json.dumps(without_b), answer["schema"]):
        assert ok(register(registry_client, text, propagateSchemaTags=True))["version"] == 2
    assert numbers(registry_client) == [1, 2]


def test_propagating_the_first_time_changes_nothing(registry_client: httpx.Client) -> None:
    assert ok(register(registry_client, avro(a=["PII"]), propagateSchemaTags=True))["schema"] == avro(a=["PII"])


def test_propagating_after_a_tagged_version_says_the_same_again(registry_client: httpx.Client) -> None:
    tagged = ok(register(registry_client, schemaTagsToAdd=[tagging(A, "PII")]))
    for _ in range(2):
        again = ok(register(registry_client, propagateSchemaTags=True))
        assert (again["version"], again["id"], own_version(again)) == (1, tagged["id"], "1")


def test_defaults_of_the_config_after_a_tagged_version_say_the_same_again(registry_client: httpx.Client) -> None:
    ok(registry_client.put("/config/s", json={"defaultMetadata": {"properties": {"owner": "billing"}}}))
    tagged = ok(register(registry_client, schemaTagsToAdd=[tagging(A, "PII")]))
    for _ in range(2):
        again = ok(register(registry_client, avro(a=["PII"])))
        assert (again["version"], again["id"]) == (1, tagged["id"])
        assert again["metadata"]["properties"] == {"owner": "billing", "confluent:version": "1"}


def test_propagated_and_added_tags_come_together(registry_client: httpx.Client) -> None:
    ok(register(registry_client, avro(a=["PII"], b=["OLD"])))
    answer = ok(
        register(
            registry_client,
            propagateSchemaTags=True,
            schemaTagsToAdd=[tagging(A, "GDPR")],
            schemaTagsToRemove=[tagging(B, "OLD")],
        )
    )
    assert json.loads(answer["schema"]) == json.loads(avro(a=["PII", "GDPR"]))
    assert own_version(answer) == "2"


def test_an_import_takes_tags_but_propagates_none(registry_client: httpx.Client) -> None:
    ok(registry_client.put("/mode/s", json={"mode": "IMPORT"}))
    ok(register(registry_client, avro(b=["PII"]), id=10, version=1))
    answer = ok(
        register(registry_client, id=11, version=2, propagateSchemaTags=True, schemaTagsToAdd=[tagging(A, "GDPR")])
    )
    assert json.loads(answer["schema"]) == json.loads(avro(a=["GDPR"]))
    assert (answer["id"], answer["version"], own_version(answer)) == (11, 2, None)
    assert code(retag(registry_client, tagsToAdd=[tagging(A, "X")])) == 42205


# As a version of their own.


def test_tagging_a_version_registers_a_new_one(registry_client: httpx.Client) -> None:
    first = ok(register(registry_client, metadata={"properties": {"owner": "billing"}}, ruleSet=rules("r")))
    answer = ok(retag(registry_client, 1, tagsToAdd=[tagging(A, "PII")], newVersion=2))
    assert json.loads(answer["schema"]) == json.loads(avro(a=["PII"]))
    assert (answer["subject"], answer["version"], answer["schemaType"]) == ("s", 2, "AVRO")
    assert answer["metadata"] == {"properties": {"owner": "billing", "confluent:version": "2"}}
    assert rule_names(answer) == ["r"]
    assert answer["id"] != first["id"]
    assert {"id", "version", "guid", "ts"} <= answer.keys()
    assert ok(registry_client.get("/subjects/s/versions/latest")) == answer
    removed = ok(retag(registry_client, "latest", tagsToRemove=[tagging(A, "PII")]))
    assert (removed["schema"], removed["version"], own_version(removed)) == (avro(), 3, "3")
    older = ok(retag(registry_client, 2, tagsToAdd=[tagging(B, "GDPR")], newVersion=4))
    assert json.loads(older["schema"]) == json.loads(avro(a=["PII"], b=["GDPR"]))


def test_even_a_change_of_nothing_is_a_new_version(registry_client: httpx.Client) -> None:
    ok(register(registry_client))
    for version in (2, 3):
        answer = ok(retag(registry_client))
        assert (answer["schema"], answer["version"], own_version(answer)) == (avro(), version, str(version))


def test_metadata_is_replaced_or_kept(registry_client: httpx.Client) -> None:
    properties = {"owner": "billing", "level": "1"}
    metadata: Json = {"properties": properties, "tags": {"**.a": ["PII"]}, "sensitive": ["level"]}
    ok(register(registry_client, metadata=metadata))
    kept = ok(retag(registry_client, metadata=None))["metadata"]
    assert kept == {**metadata, "properties": {**properties, "confluent:version": "2"}}
    replaced = ok(retag(registry_client, metadata={"properties": {"owner": "sales", "confluent:version": "77"}}))
    assert replaced["metadata"] == {"properties": {"owner": "sales", "confluent:version": "3"}}
    assert ok(retag(registry_client, metadata={}))["metadata"] == {"properties": {"confluent:version": "4"}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["a", "b"]),
        ({"ruleSet": rules("c")}, ["c"]),
        ({"ruleSet": {}}, []),
        ({"rulesToMerge": rules("b", "c")}, ["a", "b", "c"]),
        ({"rulesToMerge": rules("a")}, ["b", "a"]),
        ({"rulesToRemove": ["a"]}, ["b"]),
        ({"rulesToRemove": ["a", "b", "none"]}, []),
        ({"rulesToRemove": []}, ["a", "b"]),
        ({"rulesToMerge": rules("c"), "rulesToRemove": ["a", "c"]}, ["b"]),
        ({"rulesToMerge": rules("c"), "ruleSet": rules("d")}, ["a", "b", "c"]),
        ({"rulesToRemove": ["a"], "ruleSet": rules("d")}, ["b"]),
    ],
)
def test_rules_are_replaced_or_edited(registry_client: httpx.Client, change: Json, expected: list[str]) -> None:
    ok(register(registry_client, ruleSet=rules("a", "b")))
    assert rule_names(ok(retag(registry_client, **change))) == expected


def test_edited_rules_start_from_the_version_before_the_new_one(registry_client: httpx.Client) -> None:
    ok(register(registry_client, ruleSet=rules("one")))
    ok(register(registry_client, avro(a=["X"]), ruleSet=rules("two")))
    assert rule_names(ok(retag(registry_client, 1, rulesToMerge=rules("more"), newVersion=3))) == ["two", "more"]
    assert rule_names(ok(retag(registry_client, 1, rulesToMerge=rules("most")))) == ["two", "more", "most"]
    ok(registry_client.delete("/subjects/s/versions/4"))
    # 4 is gone, so the latest one that is there.
    assert rule_names(ok(retag(registry_client, 1, rulesToMerge=rules("last"), newVersion=5))) == [
        "two",
        "more",
        "last",
    ]
    migration = {"migrationRules": [{"name": "up", "kind": "TRANSFORM", "mode": "UPGRADE", "type": "JSONATA"}]}
    edited = ok(retag(registry_client, 1, rulesToMerge=migration, rulesToRemove=["two", "more", "last"]))["ruleSet"]
    assert [each["name"] for each in edited["migrationRules"]] == ["up"]
    assert edited.get("domainRules", []) == []


def test_rules_for_a_subject_without_any(registry_client: httpx.Client) -> None:
    ok(register(registry_client))
    assert "ruleSet" not in ok(retag(registry_client, rulesToRemove=["a"]))
    assert rule_names(ok(retag(registry_client, rulesToMerge=rules("a")))) == ["a"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("nobody/versions/1", {}, 40401),
        ("s/versions/2", {}, 40402),
        ("s/versions/0", {}, 42202),
        ("s/versions/first", {}, 42202),
        ("s/versions/1", {"newVersion": 3}, 42201),
        ("s/versions/1", {"newVersion": 1}, 42201),
        ("s/versions/1", {"ruleSet": {"domainRules": [rule("1")]}}, 42210),
        ("s/versions/1", {"rulesToMerge": {"domainRules": [{**rule("a"), "mode": "UPGRADE"}]}}, 42210),
        ("s/versions/1", {"tagsToAdd": 1}, 422),
        ("s/versions/1", {"tagsToAdd": [{"tags": ["X"]}]}, 422),
        ("locked/versions/1", {}, 42205),
        ("deleted/versions/1", {}, 40401),
    ],
)
def test_what_tagging_refuses(registry_client: httpx.Client, path: str, body: Json, expected: int) -> None:
    for subject in ("s", "locked", "deleted"):
        ok(register(registry_client, subject=subject))
    ok(registry_client.put("/mode/locked", json={"mode": "READONLY"}))
    registry_client.delete("/subjects/deleted").raise_for_status()
    assert code(registry_client.post(f"/subjects/{path}/tags", json=body)) == expected
    assert (numbers(registry_client), numbers(registry_client, "locked")) == ([1], [1])


def test_tagging_an_old_version_is_checked_like_any_registration(registry_client: httpx.Client) -> None:
    ok(register(registry_client, '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'))
    ok(registry_client.put("/config/s", json={"compatibility": "NONE"}))
    ok(register(registry_client, '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'))
    ok(registry_client.put("/config/s", json={"compatibility": "BACKWARD"}))
    assert code(retag(registry_client, 1, tagsToAdd=[tagging("R.a", "PII")])) == 409
    assert ok(retag(registry_client, 2, tagsToAdd=[tagging("R.a", "PII")]))["version"] == 3


def test_aliases_and_contexts_lead_to_the_subject(registry_client: httpx.Client) -> None:
    ok(register(registry_client))
    ok(register(registry_client, subject=":.dev:s"))
    ok(registry_client.put("/config/nickname", json={"alias": "s"}))
    assert ok(retag(registry_client, subject="nickname"))["subject"] == "s"
    assert ok(registry_client.post("/contexts/.dev/subjects/s/versions/1/tags", json={}))["subject"] == ":.dev:s"


def test_references_stay_with_the_text(registry_client: httpx.Client) -> None:
    ok(register(registry_client, subject="order"))
    text = '{"type":"record","name":"Uses","namespace":"shop","fields":[{"name":"o","type":"shop.Order"}]}'
    reference = {"name": "shop.Order", "subject": "order", "version": 1}
    ok(register(registry_client, text, references=[reference]))
    answer = ok(retag(registry_client, tagsToAdd=[tagging("shop.Uses.o", "PII")]))
    assert answer["references"] == [reference]
    assert json.loads(answer["schema"])["fields"] == [{"name": "o", "type": "Order", "confluent:tags": ["PII"]}]
    # What a reference brings has its own subject.
    assert code(retag(registry_client, tagsToAdd=[tagging(A, "PII")])) == 42201


# Finding.


def test_answers_carry_the_entities_that_have_a_wanted_tag(registry_client: httpx.Client) -> None:
    answer = ok(register(registry_client, avro(a=["PII", "GDPR"], b=["GDPR"], Order=["EVENT"])))
    paths = [
        "/subjects/s/versions/1",
        "/subjects/s/versions/latest",
        f"/schemas/ids/{answer['id']}",
        f"/schemas/ids/{answer['id']}?subject=s",
        f"/schemas/guids/{answer['guid']}",
    ]
    rows: list[tuple[tuple[str, ...], dict[str, list[str]]]] = [
        (("PII",), {A: ["PII", "GDPR"]}),
        (("GDPR",), {A: ["PII", "GDPR"], B: ["GDPR"]}),
        (("EVENT", "PII"), {ORDER: ["EVENT"], A: ["PII", "GDPR"]}),
        (("NONE",), {}),
        (("*",), {ORDER: ["EVENT"], A: ["PII", "GDPR"], B: ["GDPR"]}),
    ]
    for path in paths:
        for wanted, expected in rows:
            assert found(registry_client, path, *wanted) == expected, (path, wanted)
        assert "schemaTags" not in ok(registry_client.get(path))
    record = ok(registry_client.get("/subjects/s/versions/1?findTags=EVENT"))["schemaTags"]
    assert record == [{"schemaEntity": {"entityPath": ORDER, "entityType": "sr_record"}, "tags": ["EVENT"]}]


def test_what_was_asked_with_tags_is_not_answered_without(registry_client: httpx.Client) -> None:
    ok(register(registry_client, avro(a=["PII"])))
    for _ in range(2):
        assert found(registry_client, "/schemas/ids/1", "PII") == {A: ["PII"]}
        assert found(registry_client, "/schemas/ids/1", "GDPR") == {}
        assert "schemaTags" not in ok(registry_client.get("/schemas/ids/1"))


# The other formats.

JSON_TEXT = '{"title":"Order","type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}'


def test_json_schemas_are_tagged_too(registry_client: httpx.Client) -> None:
    ok(register(registry_client, JSON_TEXT, schemaType="JSON"))
    answer = ok(retag(registry_client, tagsToAdd=[tagging("Order.a", "PII")]))
    assert json.loads(answer["schema"])["properties"]["a"]["confluent:tags"] == ["PII"]
    assert answer["schemaType"] == "JSON"
    assert list(found(registry_client, "/subjects/s/versions/2", "PII").values()) == [["PII"]]
    propagated = ok(register(registry_client, JSON_TEXT, schemaType="JSON", propagateSchemaTags=True))
    assert propagated["version"] == 2
    assert code(retag(registry_client, tagsToAdd=[tagging("Order.c", "PII")])) == 42201
