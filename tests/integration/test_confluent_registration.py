"""Corner cases of registering, looking up and importing (facts: confluent-api §5, §7.2, §9, §10), on both engines."""

from __future__ import annotations

import json
from typing import Any

import httpx

from registry.doctor import examine
from registry.store.engine import Store


def record(*fields: str, name: str = "R") -> str:
    """An Avro record of strings; `f?` has a default."""
    listed = [
        {"name": each.rstrip("?"), "type": "string", **({"default": ""} if each.endswith("?") else {})}
        for each in fields
    ]
    return json.dumps({"type": "record", "name": name, "fields": listed})


def post(client: httpx.Client, subject: str, text: str, **more: Any) -> httpx.Response:
    return client.post(f"/subjects/{subject}/versions", json={"schema": text, **more})


def registered(client: httpx.Client, subject: str, text: str, **more: Any) -> dict[str, Any]:
    answer = post(client, subject, text, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, code: int, words: str = "") -> None:
    assert answer.json()["error_code"] == code, answer.text
    assert words in answer.json()["message"]


def importing(client: httpx.Client, subject: str) -> None:
    client.put(f"/mode/{subject}?force=true", json={"mode": "IMPORT"}).raise_for_status()


# Aliases.


def test_an_alias_is_followed_for_ids_too(registry_client: httpx.Client) -> None:
    one = registered(registry_client, "target", record("a"))
    path = f"/schemas/ids/{one['id']}?subject=alias"
    assert "subject" not in registry_client.get(path).json()
    registry_client.put("/config/alias", json={"alias": "target"}).raise_for_status()
    for _ in range(3):
        assert registry_client.get(path).json()["subject"] == "target"
        assert registry_client.get(f"/schemas/ids/{one['id']}/versions?subject=alias").json() == [
            {"subject": "target", "version": 1}
        ]
    registry_client.put("/config/alias", json={"alias": "elsewhere"}).raise_for_status()
    assert "subject" not in registry_client.get(path).json()
    registry_client.put("/config/alias", json={"alias": ":.dev:target"}).raise_for_status()
    refused(registry_client.get(path), 40403)
    registry_client.delete("/config/alias").raise_for_status()
    assert registry_client.get(path).status_code == 200


def test_an_alias_is_validated_as_the_subject_it_names(registry_client: httpx.Client) -> None:
    for target in ("a\u0007b", "__GLOBAL", ":.__GLOBAL:x", ":*:x"):
        registry_client.put("/config/alias", json={"alias": target}).raise_for_status()
        refused(post(registry_client, "alias", record("a")), 42208)
    # An empty alias is none.
    registry_client.put("/config/alias", json={"alias": ""}).raise_for_status()
    assert registered(registry_client, "alias", record("a"))["subject"] == "alias"


# Imports.


def test_an_import_over_a_tombstone_leaves_no_orphan(registry_client: httpx.Client, registry_store: Store) -> None:
    importing(registry_client, "s")
    registered(registry_client, "s", record("old"), id=10, version=5)
    assert registry_client.get("/schemas/ids/10").status_code == 200
    registry_client.delete("/subjects/s").raise_for_status()
    assert registered(registry_client, "s", record("new"), id=11, version=5)["version"] == 5
    refused(registry_client.get("/schemas/ids/10"), 40403)
    assert registry_store.read_now(examine) == []


def test_an_import_does_not_replace_a_tombstone_that_is_referred_to(registry_client: httpx.Client) -> None:
    importing(registry_client, "s")
    registered(registry_client, "s", record("a", name="T"), id=10, version=5)
    text = json.dumps({"type": "record", "name": "U", "fields": [{"name": "t", "type": "T"}]})
    registered(registry_client, "user", text, references=[{"name": "T", "subject": "s", "version": 5}])
    registry_client.delete("/mode/s").raise_for_status()
    registry_client.delete("/subjects/user").raise_for_status()
    registry_client.delete("/subjects/s").raise_for_status()
    importing(registry_client, "s")
    refused(post(registry_client, "s", record("b", name="T"), id=20, version=5), 42206)
    # The same content may come back in its place.
    assert registered(registry_client, "s", record("a", name="T"), id=10, version=5)["version"] == 5


def test_an_import_answers_with_what_is_there_though_a_config_merges(registry_client: httpx.Client) -> None:
    registry_client.put("/config/s", json={"defaultMetadata": {"properties": {"k": "v"}}}).raise_for_status()
    importing(registry_client, "s")
    one = registered(registry_client, "s", record("a"), id=10)
    again = registered(registry_client, "s", record("a"), id=10)
    assert (one["version"], again["version"]) == (1, 1)


def test_an_id_of_other_content_is_refused_in_words_that_name_the_context(registry_client: httpx.Client) -> None:
    importing(registry_client, ":.dev:s")
    registered(registry_client, ":.dev:s", record("a"), id=10, version=1)
    answer = post(registry_client, ":.dev:s", record("b"), id=10, version=2)
    refused(answer, 42205, "Overwrite new schema with id 10 in context :.dev: is not permitted.")


# Looking up.


def test_a_lookup_with_deleted_finds_another_context_too(registry_client: httpx.Client) -> None:
    one = registered(registry_client, ":.dev:s", record("a"))
    body = {"schema": record("a")}
    assert registry_client.post("/subjects/s", json=body).json()["subject"] == ":.dev:s"
    registry_client.delete("/subjects/:.dev:s").raise_for_status()
    refused(registry_client.post("/subjects/s", json=body), 40401)
    found = registry_client.post("/subjects/s?deleted=true", json=body).json()
    assert (found["subject"], found["id"], found["deleted"]) == (":.dev:s", one["id"], True)


# Config and mode.


def test_a_config_is_judged_before_its_subject(registry_client: httpx.Client) -> None:
    rules = {"domainRules": [{"name": "1", "kind": "CONDITION", "mode": "WRITE", "type": "CEL"}]}
    refused(registry_client.put("/config/__GLOBAL", json={"compatibility": "sideways"}), 42203)
    refused(registry_client.put("/config/__GLOBAL", json={"defaultRuleSet": rules}), 42210)
    refused(registry_client.put("/config/__GLOBAL", json={"compatibility": "FULL"}), 42208)
    registry_client.put("/mode", json={"mode": "READONLY"}).raise_for_status()
    refused(registry_client.put("/config/__GLOBAL", json={"compatibility": "FULL"}), 42208)
    refused(registry_client.put("/config/s", json={"compatibility": "FULL"}), 42205)


def test_a_null_mode_removes_the_record_and_answers_without_it(registry_client: httpx.Client) -> None:
    registry_client.put("/mode/s", json={"mode": "READONLY"}).raise_for_status()
    assert registry_client.put("/mode/s", json={"mode": None}).json() == {}
    refused(registry_client.get("/mode/s"), 40409)


def test_a_cluster_is_closed_whatever_its_subjects_say(registry_client: httpx.Client) -> None:
    registered(registry_client, "s", record("a"))
    registry_client.put("/mode/s", json={"mode": "READWRITE"}).raise_for_status()
    for scope in ("", "/:.__GLOBAL:"):
        registry_client.put(f"/mode{scope}", json={"mode": "READONLY_OVERRIDE"}).raise_for_status()
        for subject in ("s", "new", ":.dev:s"):
            refused(post(registry_client, subject, record("a", "b?")), 42205, "is in read-only mode")
        refused(registry_client.delete("/subjects/s"), 42205)
        assert registered(registry_client, "s", record("a"))["version"] == 1
        assert registry_client.get("/mode/s").json() == {"mode": "READWRITE"}
        assert registry_client.get("/mode/s?defaultToGlobal=true").json() == {"mode": "READONLY_OVERRIDE"}
        registry_client.delete(f"/mode{scope}").raise_for_status()
    assert registered(registry_client, "s", record("a", "b?"))["version"] == 2


def test_a_read_only_subject_knows_its_schema_with_references_written_out(registry_client: httpx.Client) -> None:
    registered(registry_client, "leaf", '{"type":"enum","name":"Leaf","symbols":["A"]}')
    text = json.dumps({"type": "record", "name": "Top", "fields": [{"name": "f", "type": "Leaf"}]})
    one = registered(registry_client, "top", text, references=[{"name": "Leaf", "subject": "leaf", "version": 1}])
    registry_client.put("/mode/top", json={"mode": "READONLY"}).raise_for_status()
    inlined = registry_client.get(f"/schemas/ids/{one['id']}?format=resolved").json()["schema"]
    for _ in range(2):
        assert registered(registry_client, "top", inlined)["id"] == one["id"]


def test_a_look_up_that_normalizes_finds_what_was_registered_without(registry_client: httpx.Client) -> None:

    def proto(*imports: str) -> str:
        lines = [f'import "google/protobuf/{each}.proto";' for each in imports]
        fields = "google.protobuf.Any a = 1; google.protobuf.Timestamp t = 2;"
        return "\n".join(['syntax = "proto3";', *lines, f"message A {{ {fields} }}"])

    texts = {
        "JSON": ('{"type":"object","title":"t"}', '{"title":"t","type":"object"}'),
        "AVRO": (
            '{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"n.R"}]}',
            '{"type":"record","name":"n.R","fields":[{"name":"a","type":"R"}]}',
        ),
        "PROTOBUF": (proto("timestamp", "any"), proto("any", "timestamp")),
    }
    for kind, (text, other) in texts.items():
        one = registered(registry_client, kind, text, schemaType=kind)
        for asked in (text, other):
            found = registry_client.post(
                f"/subjects/{kind}?normalize=true", json={"schema": asked, "schemaType": kind}
            ).json()
            assert found.get("id") == one["id"], (kind, found)
