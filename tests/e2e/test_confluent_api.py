"""What the Confluent API promises, on both engines (facts: confluent-api §4 to §11, §15)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.conftest import SERVER
from tests.served import served


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        with served([SERVER, "serve"], cwd=folder, environment={"TENOR_DATABASE_URL": "sqlite:///t.db"}) as client:
            yield client
        return
    with request.getfixturevalue("pg_server").database() as url:
        environment = {"TENOR_DATABASE_URL": url, "TENOR_WORKERS": "2"}
        with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
            yield client


def record(*fields: str, name: str = "R", **extra: Any) -> str:
    """An Avro record whose fields are strings; `f?` has a default."""
    listed = [
        {"name": each.rstrip("?"), "type": "string", **({"default": ""} if each.endswith("?") else {})}
        for each in fields
    ]
    return json.dumps({"type": "record", "name": name, "fields": listed, **extra})


def register(api: httpx.Client, subject: str, text: str, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = api.post(f"/subjects/{quote(subject, safe='')}/versions", json={"schema": text, **more})
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: httpx.Response, code: int, words: str = "") -> None:
    assert answer.json()["error_code"] == code, answer.text
    assert answer.status_code == (code if code < 1000 else code // 100)
    assert set(answer.json()) == {"error_code", "message"}
    assert words in answer.json()["message"]


# Registration, in the order clients observe.


def test_registering_twice_is_one_version_and_one_content_has_one_id_everywhere(api: httpx.Client) -> None:
    first = register(api, "reg-a", record("a"))
    again = register(api, "reg-a", record("a") + "  ")
    elsewhere = register(api, "reg-b", record("a"))
    assert (first["version"], again["version"], elsewhere["version"]) == (1, 1, 1)
    assert first["id"] == again["id"] == elsewhere["id"]
    assert first["guid"] == elsewhere["guid"]
    found = api.get(f"/schemas/ids/{first['id']}/versions").json()
    assert {"subject": "reg-a", "version": 1} in found
    assert {"subject": "reg-b", "version": 1} in found
    assert {"reg-a", "reg-b"} <= set(api.get(f"/schemas/ids/{first['id']}/subjects").json())


def test_an_incompatible_schema_is_refused_with_every_reason(api: httpx.Client) -> None:
    register(api, "inc", record("a"))
    answer = api.post("/subjects/inc/versions", json={"schema": record("a", "b", "c")})
    refused(answer, 409, 'Schema being registered is incompatible with an earlier schema for subject "inc", details: [')
    message = answer.json()["message"]
    assert message.count("READER_FIELD_MISSING_DEFAULT_VALUE") == 2
    assert "{oldSchemaVersion: 1}" in message
    assert "compatibility: 'BACKWARD'" in message
    assert register(api, "inc", record("a", "b", "c")[:-1] + ', "x": 1}', 409)
    forced = api.post("/subjects/inc/versions?force=true", json={"schema": record("a", "b", "c")})
    assert forced.json()["version"] == 2


def test_a_read_only_subject_still_answers_with_what_it_has(api: httpx.Client) -> None:
    register(api, "ro", record("a"))
    assert api.put("/mode/ro", json={"mode": "readonly"}).json() == {"mode": "READONLY"}
    assert register(api, "ro", record("a"))["version"] == 1
    refused(
        api.post("/subjects/ro/versions", json={"schema": record("a", "b?")}),
        42205,
        "Subject ro in context  is in read-only mode",
    )
    refused(api.delete("/subjects/ro"), 42205)
    refused(api.delete("/subjects/ro/versions/1"), 42205)
    refused(api.put("/config/ro", json={"compatibility": "NONE"}), 42205)
    assert api.post("/subjects/ro", json={"schema": record("a")}).json()["version"] == 1
    checked = api.post("/compatibility/subjects/ro/versions/latest", json={"schema": record("a")})
    assert checked.json() == {"is_compatible": True}
    assert api.delete("/mode/ro").json() == {"mode": "READONLY"}
    refused(api.delete("/mode/ro"), 40401)
    refused(api.get("/mode/ro"), 40409)
    assert register(api, "ro", record("a", "b?"))["version"] == 2


def test_versions_and_ids_that_are_asked_for(api: httpx.Client) -> None:
    one = register(api, "asked", record("a"))
    refused(
        api.post("/subjects/asked/versions", json={"schema": record("a", "b?"), "version": 5}),
        42201,
        "Version is not one more than previous version",
    )
    refused(api.post("/subjects/asked/versions", json={"schema": record("a", "b?"), "id": 4711}), 42205, "import mode")
    refused(api.post("/subjects/asked/versions", json={"schema": record("a"), "id": one["id"] + 1}), 42207)
    two = register(api, "asked", record("a", "b?"), version=2)
    assert two["version"] == 2
    assert two["metadata"] == {"properties": {"confluent:version": "2"}}
    # The version property is set aside when schemas are compared.
    assert register(api, "asked", record("a", "b?"))["version"] == 2
    assert register(api, "asked", record("a", "b?"), version=-1)["version"] == 2
    # With a version, equal text is a version of its own.
    three = register(api, "asked", record("a", "b?"), version=3)
    assert three["version"] == 3
    assert three["id"] != two["id"]


def test_an_empty_schema_takes_the_latest_text(api: httpx.Client) -> None:
    refused(api.post("/subjects/empty/versions", json={"schema": ""}), 42201, "Empty schema")
    refused(api.post("/subjects/empty/versions", json={}), 42201, "Empty schema")
    register(api, "empty", record("a"))
    two = register(api, "empty", "", metadata={"properties": {"owner": "me"}})
    assert two["version"] == 2
    assert two["schema"] == register(api, "empty", record("a"))["schema"]


def test_metadata_and_rules_are_inherited_merged_and_validated(api: httpx.Client) -> None:
    rule = {"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}
    one = register(
        api,
        "meta",
        record("a"),
        metadata={"properties": {"owner": "a"}, "tags": {"R.a": ["PII"]}, "sensitive": ["owner"]},
        ruleSet={"domainRules": [rule]},
    )
    assert one["metadata"]["sensitive"] == ["owner"]
    two = register(api, "meta", record("a", "b?"))
    assert two["metadata"] == one["metadata"]
    assert two["ruleSet"]["domainRules"][0]["name"] == "r"
    api.put(
        "/config/meta",
        json={
            "defaultMetadata": {"properties": {"team": "t", "owner": "default"}},
            "overrideMetadata": {"properties": {"stage": "prod"}},
            "overrideRuleSet": {"domainRules": [{**rule, "name": "forced"}]},
        },
    ).raise_for_status()
    three = register(api, "meta", record("a", "b?", "c?"), metadata={"properties": {"owner": "b"}})
    assert three["metadata"]["properties"] == {"team": "t", "owner": "b", "stage": "prod"}
    assert [each["name"] for each in three["ruleSet"]["domainRules"]] == ["r", "forced"]
    assert register(api, "meta", record("a", "b?", "c?"), metadata={"properties": {"owner": "b"}})["version"] == 3
    bad = {"domainRules": [{**rule, "name": "1"}]}
    refused(api.post("/subjects/meta/versions", json={"schema": record("z?"), "ruleSet": bad}), 42210)
    refused(api.put("/config/meta", json={"defaultRuleSet": bad}), 42210)
    found = api.get("/subjects/meta/metadata", params={"key": ["owner", "team"], "value": ["b", "t"]})
    assert found.json()["version"] == 3
    refused(api.get("/subjects/meta/metadata", params={"key": "owner", "value": "nobody"}), 40401)


def test_nulls_and_unknown_keys_are_accepted(api: httpx.Client) -> None:
    body = {"schema": record("a"), "references": None, "metadata": None, "ruleSet": None, "schemaType": None, "new": 1}
    answer = api.post("/subjects/nulls/versions", json=body)
    assert answer.status_code == 200, answer.text
    assert "references" not in answer.json()
    assert "metadata" not in answer.json()


def test_references_across_subjects_nested_and_deleted(api: httpx.Client) -> None:
    register(api, "ref-leaf", '{"type":"enum","name":"Leaf","symbols":["A"]}')
    middle = json.dumps({"type": "record", "name": "Middle", "fields": [{"name": "leaf", "type": "Leaf"}]})
    register(api, "ref-middle", middle, references=[{"name": "Leaf", "subject": "ref-leaf", "version": -1}])
    top = json.dumps({"type": "record", "name": "Top", "fields": [{"name": "m", "type": "Middle"}]})
    stored = register(api, "ref-top", top, references=[{"name": "Middle", "subject": "ref-middle", "version": 1}])
    leaf = api.get("/subjects/ref-middle/versions/1").json()["references"]
    assert leaf == [{"name": "Leaf", "subject": "ref-leaf", "version": 1}]
    resolved = api.get(f"/schemas/ids/{stored['id']}?format=resolved").json()["schema"]
    assert "symbols" in resolved
    assert api.get("/subjects/ref-middle/versions/1/referencedby").json() == [stored["id"]]
    assert api.get("/subjects/ref-middle/versions/latest/referencedBy").json() == [stored["id"]]
    refused(api.delete("/subjects/ref-leaf"), 42206)
    # A request without references equals the stored schema once its references are written out.
    assert api.post("/subjects/ref-top", json={"schema": resolved}).json()["version"] == 1
    missing = {"schema": top, "references": [{"name": "Middle", "subject": "ref-none", "version": 1}]}
    refused(api.post("/subjects/ref-top/versions", json=missing), 42201, "ref-none")
    refused(api.post("/subjects/ref-x/versions", json={"schema": top}), 42201)
    api.delete("/subjects/ref-top").raise_for_status()
    api.delete("/subjects/ref-middle").raise_for_status()
    # A soft-deleted target still resolves; it cannot be purged while a referrer exists, deleted or not.
    again = register(api, "ref-top", top, references=[{"name": "Middle", "subject": "ref-middle", "version": 1}])
    assert again["version"] == 2
    refused(api.delete("/subjects/ref-middle?permanent=true"), 42206)


# Deletes.


def test_deletes_go_soft_then_hard_and_ids_are_not_handed_out_again(api: httpx.Client) -> None:
    one = register(api, "del", record("a", name="Del"))
    two = register(api, "del", record("a", "b?", name="Del"))
    refused(
        api.delete("/subjects/del/versions/1?permanent=true"), 40407, "Subject 'del' Version 1 was not deleted first"
    )
    assert api.delete("/subjects/del/versions/latest").json() == 2
    refused(api.delete("/subjects/del/versions/2"), 40406, "was soft deleted.Set permanent=true")
    refused(api.delete("/subjects/del/versions/7"), 40402)
    refused(api.get("/subjects/del/versions/2"), 40402)
    assert api.get("/subjects/del/versions/2?deleted=true").json()["deleted"] is True
    assert api.get("/subjects/del/versions?deleted=true").json() == [1, 2]
    assert api.get("/subjects/del/versions?deletedOnly=true").json() == [2]
    assert api.get("/subjects/del/versions?deletedAsNegative=true").json() == [1, -2]
    assert api.get(f"/schemas/ids/{two['id']}").status_code == 200
    # Registered again: a new number, the same id, and the tombstone goes.
    assert register(api, "del", record("a", "b?", name="Del")) | {"ts": 0, "schema": ""} == two | {
        "version": 3,
        "ts": 0,
        "schema": "",
    }
    assert api.get("/subjects/del/versions?deleted=true").json() == [1, 3]
    assert api.delete("/subjects/del").json() == [1, 3]
    refused(api.delete("/subjects/del"), 40404, "Subject 'del' was soft deleted.Set permanent=true")
    refused(api.get("/subjects/del/versions"), 40401)
    assert "del" not in api.get("/subjects").json()
    assert "del" in api.get("/subjects?deleted=true").json()
    refused(api.post("/subjects/del", json={"schema": record("a", name="Del")}), 40401)
    assert (
        api.post("/subjects/del?deleted=true", json={"schema": record("a", "b?", name="Del")}).json()["id"] == two["id"]
    )
    assert api.delete("/subjects/del?permanent=true").json() == [1, 3]
    refused(api.delete("/subjects/del?permanent=true"), 40401)
    refused(api.get(f"/schemas/ids/{two['id']}"), 40403)
    new = register(api, "del", record("a", "b?", name="Del"))
    assert new["version"] == 1
    assert new["id"] > two["id"] > one["id"] - 1


def test_config_and_mode_survive_a_soft_delete_and_go_with_the_last_version(api: httpx.Client) -> None:
    register(api, "keep", record("a"))
    api.put("/config/keep", json={"compatibility": "FULL"})
    api.delete("/subjects/keep")
    assert api.get("/config/keep").json() == {"compatibilityLevel": "FULL"}
    api.delete("/subjects/keep?permanent=true")
    refused(api.get("/config/keep"), 40408)


# Config.


def test_config_merges_clears_and_falls_back(api: httpx.Client) -> None:
    refused(api.put("/config/cfg", json={"compatibility": "sideways"}), 42203, "Valid values are none, backward")
    refused(api.put("/config/cfg", json={"compatibilityPolicy": "harsh"}), 42203)
    put = api.put("/config/cfg", json={"compatibility": "full_transitive", "normalize": True, "alias": "cfg-target"})
    assert put.json() == {"compatibility": "FULL_TRANSITIVE", "normalize": True, "alias": "cfg-target"}
    assert api.put("/config/cfg", json={"normalize": None}).json() == {
        "compatibility": "FULL_TRANSITIVE",
        "alias": "cfg-target",
    }
    assert api.get("/config/cfg").json() == {"compatibilityLevel": "FULL_TRANSITIVE", "alias": "cfg-target"}
    # Through the alias, reads and writes go to the target.
    register(api, "cfg", record("a"))
    assert api.get("/subjects/cfg-target/versions").json() == [1]
    assert api.get("/subjects/cfg/versions/latest").json()["subject"] == "cfg-target"
    assert api.get("/config/none-of-it?defaultToGlobal=true").json() == {"compatibilityLevel": "BACKWARD"}
    # A record without a level means the server's default level.
    api.put("/config/cfg2", json={"normalize": True})
    assert api.get("/config/cfg2?defaultToGlobal=true").json() == {"compatibilityLevel": "BACKWARD", "normalize": True}


def test_levels_and_groups_decide_what_is_compared(api: httpx.Client) -> None:
    api.put("/config/lvl", json={"compatibility": "NONE"})
    register(api, "lvl", record("a"))
    register(api, "lvl", record("b"))
    api.put("/config/lvl", json={"compatibility": "BACKWARD"})
    new = {"schema": record("b", "c?")}
    assert api.post("/compatibility/subjects/lvl/versions", json=new).json()["is_compatible"] is True
    api.put("/config/lvl", json={"compatibility": "BACKWARD_TRANSITIVE"})
    assert api.post("/compatibility/subjects/lvl/versions", json=new).json()["is_compatible"] is False
    # A numbered version is tested alone, whatever the level.
    assert api.post("/compatibility/subjects/lvl/versions/2", json=new).json()["is_compatible"] is True
    refused(api.post("/compatibility/subjects/lvl/versions/9", json=new), 40402)
    refused(api.post("/compatibility/subjects/lvl/versions/x", json=new), 42202)
    assert api.post("/compatibility/subjects/unknown-lvl/versions", json=new).json() == {"is_compatible": True}
    assert api.post("/compatibility/subjects/unknown-lvl/versions/latest", json=new).json() == {"is_compatible": True}
    broken = {"schema": "{"}
    refused(api.post("/compatibility/subjects/lvl/versions/latest", json=broken), 42201)
    wordy = api.post("/compatibility/subjects/lvl/versions/latest?verbose=True", json=broken).json()
    assert wordy["is_compatible"] is False
    assert "Invalid schema" in wordy["messages"][0]
    refused(api.post("/compatibility/subjects/lvl/versions/latest?verbose=true", json={"schema": ""}), 42201)
    api.put("/config/grp", json={"compatibilityGroup": "major"})
    register(api, "grp", record("a"), metadata={"properties": {"major": "1"}})
    assert register(api, "grp", record("b"), metadata={"properties": {"major": "2"}})["version"] == 2
    register(api, "grp", record("c"), 409, metadata={"properties": {"major": "1"}})


def test_reserved_fields(api: httpx.Client) -> None:
    api.put("/config/res", json={"validateFields": True})
    reserved = {"properties": {"confluent:reserved": "a,b"}}
    register(api, "res", record("x"), metadata=reserved)
    answer = api.post("/subjects/res/versions", json={"schema": record("x", "a?"), "metadata": reserved})
    refused(answer, 409, "RESERVED_FIELD_CONFLICTS_WITH_FIELD")
    fewer = {"properties": {"confluent:reserved": "a"}}
    answer = api.post("/subjects/res/versions", json={"schema": record("x", "y?"), "metadata": fewer})
    refused(answer, 409, "RESERVED_FIELD_REMOVED")


# Modes and imports.


def test_an_import_keeps_ids_and_versions(api: httpx.Client) -> None:
    refused(api.put("/mode/imp", json={"mode": "sideways"}), 42204)
    refused(api.put("/mode/imp", json={"mode": "FORWARD"}), 42204)
    api.put("/mode/imp", json={"mode": "IMPORT"}).raise_for_status()
    refused(api.post("/subjects/imp/versions", json={"schema": record("a")}), 42205, "is not in read-write mode")
    kept = register(api, "imp", record("imported"), id=70_001, version=3)
    assert (kept["id"], kept["version"]) == (70_001, 3)
    assert register(api, "imp", record("imported"), id=70_001, version=3)["version"] == 3
    refused(
        api.post("/subjects/imp/versions", json={"schema": record("other"), "id": 70_001, "version": 4}),
        42205,
        "Overwrite new schema with id 70001 in context  is not permitted.",
    )
    # The same content may be imported under a second id; no check is made.
    assert register(api, "imp2-x", record("imported"))["id"] == 70_001
    api.put("/mode/imp3", json={"mode": "IMPORT"}).raise_for_status()
    assert register(api, "imp3", record("imported"), id=70_005, version=1)["id"] == 70_005
    assert register(api, "imp", record("quite other"[:5]), id=70_010, version=1)["version"] == 1
    assert api.get("/subjects/imp/versions").json() == [1, 3]
    api.put("/mode/imp", json={"mode": "READWRITE"})
    api.put("/config/imp", json={"compatibility": "NONE"})
    fresh = register(api, "imp", record("fresh"))
    assert fresh["version"] == 4
    assert fresh["id"] > 70_010
    refused(api.put("/mode/imp", json={"mode": "IMPORT"}), 42205, "Cannot import since found existing subjects")
    api.put("/mode/imp?force=true", json={"mode": "IMPORT"}).raise_for_status()
    api.delete("/mode/imp")


def test_modes_of_contexts_hold_for_their_subjects(api: httpx.Client) -> None:
    register(api, ":.modes:s", record("a"))
    api.put("/contexts/.modes/mode", json={"mode": "READONLY"}).raise_for_status()
    assert api.get("/mode/:.modes:s?defaultToGlobal=true").json() == {"mode": "READONLY"}
    refused(
        api.post("/subjects/:.modes:s/versions", json={"schema": record("a", "b?")}),
        42205,
        "Subject s in context :.modes: is in read-only mode",
    )
    api.put("/mode/:.modes:s", json={"mode": "READWRITE"})
    register(api, ":.modes:s", record("a", "b?"))
    assert api.delete("/contexts/.modes/mode?recursive=true").json() == {"mode": "READONLY"}
    refused(api.get("/mode/:.modes:s"), 40409)


# Contexts.


def test_a_context_has_its_own_ids_and_is_deleted_when_empty(api: httpx.Client) -> None:
    answer = api.post("/contexts/.ctx-a/subjects/s/versions", json={"schema": record("ctx")})
    assert (answer.json()["id"], answer.json()["subject"]) == (1, ":.ctx-a:s")
    assert ".ctx-a" in api.get("/contexts").json()
    assert api.get("/contexts?contextPrefix=.ctx-a").json() == [".ctx-a"]
    assert api.get("/contexts/.ctx-a/subjects").json() == [":.ctx-a:s"]
    assert api.get("/subjects?subjectPrefix=:.ctx-a:").json() == [":.ctx-a:s"]
    assert ":.ctx-a:s" in api.get("/subjects?subjectPrefix=:*:").json()
    assert ":.ctx-a:s" not in api.get("/subjects").json()
    guid = answer.json()["guid"]
    assert {"context": ".ctx-a", "id": 1} in api.get(f"/schemas/guids/{guid}/ids").json()
    assert api.get("/schemas/ids/1?subject=:.ctx-a:").json()["schema"] == answer.json()["schema"]
    # A plain subject name is also looked for in the other contexts.
    assert api.get("/schemas/ids/1?subject=s").json()["subject"] == ":.ctx-a:s"
    refused(api.delete("/contexts/.ctx-a"), 42211, "'.ctx-a' is not empty")
    api.delete("/contexts/.ctx-a/subjects/s")
    refused(api.delete("/contexts/.ctx-a"), 42211)
    api.delete("/contexts/.ctx-a/subjects/s?permanent=true")
    assert api.delete("/contexts/.ctx-a").status_code == 204
    assert ".ctx-a" not in api.get("/contexts").json()


ODD = [
    "a/b",
    "a%2Fb",
    "with space",
    "plus+plus",
    "ünï",
    "日本",
    ":.odd:x",
    ":.odd:a/b",
    "a?b#c",
    "100%",
    "%25",
]


@pytest.mark.parametrize("subject", ODD)
def test_odd_subject_names_work_on_every_route(api: httpx.Client, subject: str) -> None:
    name = quote(subject, safe="")
    one = register(api, subject, record("odd"))
    assert one["subject"] == subject
    assert api.get(f"/subjects/{name}/versions").json() == [1]
    assert api.get(f"/subjects/{name}/versions/latest").json()["subject"] == subject
    assert json.loads(api.get(f"/subjects/{name}/versions/1/schema").text)["name"] == "R"
    assert api.get(f"/subjects/{name}/versions/1/referencedby").json() == []
    assert api.post(f"/subjects/{name}", json={"schema": record("odd")}).json()["subject"] == subject
    assert api.post(f"/compatibility/subjects/{name}/versions/", json={"schema": record("odd")}).json() == {
        "is_compatible": True
    }
    assert api.put(f"/config/{name}", json={"compatibility": "FULL"}).json() == {"compatibility": "FULL"}
    assert api.get(f"/config/{name}").json() == {"compatibilityLevel": "FULL"}
    assert api.delete(f"/config/{name}").json() == {"compatibilityLevel": "FULL"}
    assert api.put(f"/mode/{name}", json={"mode": "READWRITE"}).json() == {"mode": "READWRITE"}
    assert api.delete(f"/mode/{name}").json() == {"mode": "READWRITE"}
    assert subject in api.get("/subjects", params={"subjectPrefix": ":*:"}).json()
    assert api.get(f"/schemas/ids/{one['id']}", params={"subject": subject}).json()["subject"] == subject
    assert api.delete(f"/subjects/{name}/versions/1").json() == 1
    assert api.delete(f"/subjects/{name}?permanent=true").json() == [1]


def test_the_empty_subject_is_legal(api: httpx.Client) -> None:
    answer = api.post("/subjects//versions", json={"schema": record("empty")})
    assert answer.json()["version"] == 1, answer.text
    assert api.get("/subjects//versions").json() == [1]


@pytest.mark.parametrize("name", ["__GLOBAL", "__EMPTY", "a%00b", "a%0Ab", ":.__GLOBAL:x"])
def test_names_that_cannot_be_written_to(api: httpx.Client, name: str) -> None:
    refused(api.post(f"/subjects/{name}/versions", json={"schema": record("a")}), 42208, "is not a valid")
    # Reading it is no mistake of the server either.
    assert api.get(f"/subjects/{name}/versions").status_code < 500
    assert api.get(f"/schemas/ids/1?subject={name}").status_code < 500


# Lists.


def test_lists_filter_first_then_skip_then_cut(api: httpx.Client) -> None:
    for number in range(6):
        register(api, f"page-{number}", record(f"page{number}"))
    api.delete("/subjects/page-2")
    assert api.get("/subjects?subjectPrefix=page-&offset=1&limit=2").json() == ["page-1", "page-3"]
    assert api.get("/subjects?subjectPrefix=page-&offset=0&limit=-1").json() == [
        f"page-{n}" for n in range(6) if n != 2
    ]
    assert api.get("/subjects?subjectPrefix=page-&deletedOnly=true&deleted=true").json() == ["page-2"]
    listed = api.get("/schemas?subjectPrefix=page-&latestOnly=true&limit=2&offset=1").json()
    assert [each["subject"] for each in listed] == ["page-1", "page-3"]
    refused(api.get("/subjects?offset=abc"), 404)


# The rules of the wire.


def test_content_types_methods_and_unknown_routes(api: httpx.Client) -> None:
    body = json.dumps({"schema": record("ct")})
    for kind in (
        "application/vnd.schemaregistry.v1+json",
        "application/vnd.schemaregistry+json; charset=utf-8",
        "application/json",
        "application/octet-stream",
        None,
    ):
        headers = {} if kind is None else {"content-type": kind}
        assert api.post("/subjects/ct/versions", content=body, headers=headers).status_code == 200, kind
    refused(api.post("/subjects/ct/versions", content=body, headers={"content-type": "text/plain"}), 415)
    refused(api.get("/subjects", headers={"accept": "text/html"}), 406)
    refused(api.get("/no/such/route"), 404)
    refused(api.patch("/subjects"), 405)
    refused(api.get("/schemas/ids/1x"), 404)
    refused(api.post("/subjects/ct/versions", content="{", headers={"content-type": "application/json"}), 400)
    refused(api.post("/subjects/ct/versions", json={"schema": 5}), 422)
    refused(api.post("/subjects/ct/versions", json=[1]), 422)
    refused(api.post("/subjects/ct/versions", json={"schema": record("a"), "schemaType": "XML"}), 42201, "XML")
    assert api.get("/").json() == {}
    assert api.head("/subjects").content == b""
    answer = api.get("/subjects", headers={"x-request-id": "mine"})
    assert answer.headers["x-request-id"] == "mine"
    assert api.get("/subjects").headers["x-request-id"] != api.get("/subjects").headers["x-request-id"]
    assert answer.headers["content-type"] == "application/vnd.schemaregistry.v1+json"


def test_ready_answers_follow_what_is_written(api: httpx.Client) -> None:
    """Whatever is cached, a reader sees the last acknowledged write."""
    one = register(api, "fresh", record("fresh1"))
    path, by_id = "/subjects/fresh/versions/latest", f"/schemas/ids/{one['id']}"
    for _ in range(3):
        assert api.get(path).json()["version"] == 1
        assert api.get(by_id).status_code == 200
        assert api.get(f"{by_id}?subject=fresh").json()["version"] == 1
    register(api, "fresh", record("fresh1", "b?"))
    assert api.get(path).json()["version"] == 2
    api.delete("/subjects/fresh/versions/2")
    assert api.get(path).json()["version"] == 1
    api.delete("/subjects/fresh")
    refused(api.get(path), 40401)
    assert api.get(f"{by_id}?subject=fresh").json()["deleted"] is True
    api.delete("/subjects/fresh?permanent=true")
    for _ in range(20):
        refused(api.get(by_id), 40403)


def test_metrics_count_the_requests_of_all_processes(api: httpx.Client) -> None:
    line = 'tenor_requests_total{method="GET",route="/schemas/types",status="200"} '

    def counted() -> int:
        found = [each for each in api.get("/metrics").text.splitlines() if each.startswith(line)]
        return int(float(found[0].removeprefix(line))) if found else 0

    with httpx.Client(base_url=api.base_url, trust_env=False, headers={"connection": "close"}) as anybody:
        before = counted()
        for _ in range(40):  # a connection each, so that every process gets some
            anybody.get("/schemas/types").raise_for_status()
        deadline = time.monotonic() + 10
        while counted() < before + 40:
            assert time.monotonic() < deadline, (before, counted())
            time.sleep(0.05)
        assert counted() == before + 40
