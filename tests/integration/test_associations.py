"""`/associations…` against the whole application, on both engines."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.common.schema_registry_client import (
    AssociationCreateOrUpdateInfo,
    AssociationCreateOrUpdateRequest,
)
from confluent_kafka.serialization import MessageField, SerializationContext

from registry import associations
from registry.events import Actor
from registry.formats.base import Reference
from registry.names import DEFAULT_CONTEXT, Subject
from registry.policy import Config
from registry.registration import Proposal, Registration, commit, decide
from registry.settings import Settings
from registry.store.engine import Moved, Store
from tests.integration.served import client_on
from tests.served import served

Json = dict[str, Any]

TOPIC = {"resourceName": "orders", "resourceNamespace": "lkc-1", "resourceId": "id-1", "resourceType": "topic"}
OTHER = {"resourceName": "refunds", "resourceNamespace": "lkc-1", "resourceId": "id-2", "resourceType": "topic"}
OWN_VALUE, OWN_KEY = ":.lkc-1:orders-value", ":.lkc-1:orders-key"


def record(*fields: str, name: str = "Order") -> Json:
    """A schema with optional fields of the given names: any two of them are compatible."""
    members = ",".join(f'{{"name":"{each}","type":"string","default":""}}' for each in fields)
    return {"schema": f'{{"type":"record","name":"{name}","fields":[{members}]}}'}


ORDER, WIDER = record("a"), record("a", "b")
BROKEN = {"schema": '{"type":"record","name":"Order","fields":[{"name":"a","type":"int"}]}'}
STRONG = {"associationType": "value", "schema": ORDER}
WEAK = {"associationType": "value", "subject": "shared", "lifecycle": "WEAK"}


def asking(*items: Json, of: Json = TOPIC, **changed: Any) -> Json:
    """A request body; a member that is changed to None is left out."""
    body = {**of, "associations": list(items), **changed}
    return {key: value for key, value in body.items() if value is not None}


def create(client: httpx.Client, *items: Json, of: Json = TOPIC, **query: Any) -> httpx.Response:
    return client.post("/associations", json=asking(*items, of=of), params=query)


def ok(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


def code(response: httpx.Response) -> int:
    answer = response.json()
    assert set(answer) == {"error_code", "message"}, answer
    assert str(answer["error_code"]).startswith(str(response.status_code)), answer
    return int(answer["error_code"])


def register(client: httpx.Client, subject: str, schema: Json = ORDER) -> Json:
    answer: Json = ok(client.post(f"/subjects/{subject}/versions", json=schema))
    return answer


def listed(client: httpx.Client, path: str = "/associations/resources/-/-") -> list[Json]:
    answer: list[Json] = ok(client.get(path))
    return answer


# Questions.

EMPTY_QUESTIONS = [
    "/associations/resources/-/orders?resourceType=topic&associationType=value&offset=0&limit=-1",
    "/associations/resources/lkc-1/orders?resourceType=topic&associationType=key&offset=0&limit=-1",
    "/associations/resources//",
    "/associations/resources//orders",
    "/associations/resources/lkc-1/",
    "/associations/resources/-/-",
    "/associations/resources/id-1",
    "/associations/resources/-/a%2Fb",
    "/associations/resources/-/orders?associationType=key&associationType=value&lifecycle=STRONG&resourceType=other",
    "/associations/resources/-/orders?associationType=other&lifecycle=other",
    "/associations/subjects/nobody",
    "/contexts/.dev/associations/resources/-/orders?resourceType=topic&associationType=value&offset=0&limit=-1",
    "/contexts/.dev/associations/subjects/nobody",
]


def test_a_question_without_an_answer_is_an_empty_list(registry_client: httpx.Client) -> None:
    for path in EMPTY_QUESTIONS:
        response = registry_client.get(path)
        assert (response.status_code, response.json()) == (200, []), path


def test_a_number_that_is_none_is_a_404_that_clients_read_as_nothing(registry_client: httpx.Client) -> None:
    for query in ("offset=x", "limit=x"):
        assert code(registry_client.get(f"/associations/resources/-/orders?{query}")) == 404


def test_questions_find_by_name_id_and_subject_and_filter(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, STRONG, {**STRONG, "associationType": "key"}))
    ok(create(registry_client, WEAK, {**WEAK, "associationType": "key"}, of=OTHER))
    elsewhere = {**OTHER, "resourceNamespace": "lkc-2", "resourceId": "id-3"}
    ok(create(registry_client, WEAK, of=elsewhere))
    rows = [
        ("/associations/resources/lkc-1/orders", ["id-1 key", "id-1 value"]),
        ("/associations/resources/-/refunds", ["id-2 key", "id-2 value", "id-3 value"]),
        ("/associations/resources/-/refunds?associationType=value", ["id-2 value", "id-3 value"]),
        ("/associations/resources/-/refunds?associationType=value&associationType=key&limit=1", ["id-2 key"]),
        ("/associations/resources/-/refunds?offset=1&limit=1", ["id-2 value"]),
        ("/associations/resources/-/refunds?offset=1&limit=0", ["id-2 value", "id-3 value"]),
        ("/associations/resources/lkc-1/-", ["id-1 key", "id-1 value", "id-2 key", "id-2 value"]),
        ("/associations/resources/lkc-1/-?lifecycle=weak", ["id-2 key", "id-2 value"]),
        ("/associations/resources/lkc-1/-?resourceType=topic&lifecycle=STRONG", ["id-1 key", "id-1 value"]),
        ("/associations/resources/lkc-1/-?resourceType=cluster", []),
        ("/associations/resources/lkc-9/orders", []),
        ("/associations/resources/id-2", ["id-2 key", "id-2 value"]),
        ("/associations/resources/id-2?associationType=key", ["id-2 key"]),
        ("/associations/subjects/shared", ["id-2 key", "id-2 value", "id-3 value"]),
        ("/associations/subjects/shared?associationType=value&offset=1", ["id-3 value"]),
        (f"/associations/subjects/{OWN_VALUE}", ["id-1 value"]),
        ("/contexts/.lkc-1/associations/subjects/orders-value", ["id-1 value"]),
    ]
    for path, expected in rows:
        found = [f"{each['resourceId']} {each['associationType']}" for each in listed(registry_client, path)]
        assert found == expected, path


def test_the_subject_of_a_question_may_be_an_alias(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, WEAK))
    ok(registry_client.put("/config/nickname", json={"alias": "shared"}))
    assert [each["subject"] for each in listed(registry_client, "/associations/subjects/nickname")] == ["shared"]


def test_an_alias_stands_for_its_target_in_requests_and_has_no_strong_association(
    registry_client: httpx.Client,
) -> None:
    register(registry_client, "shared")
    for alias in ("nickname", OWN_VALUE):
        ok(registry_client.put(f"/config/{alias}", json={"alias": ":.:shared"}))
    for _ in ("created", "confirmed"):
        answer = ok(create(registry_client, {"subject": "nickname"}))
        assert answer["associations"][0]["subject"] == "shared"
    assert code(create(registry_client, STRONG)) == 40903
    step = {"opType": "DELETE", "subject": "nickname"}
    assert outcome(batch(registry_client, "batchMutate", asking(step))[0]) == []
    assert code(create(registry_client, STRONG)) == 42212
    assert ok(registry_client.get("/subjects?subjectPrefix=:*:")) == ["shared"]


def test_an_answer_follows_a_write_at_once(registry_client: httpx.Client) -> None:
    path = "/associations/resources/-/orders"
    assert listed(registry_client, path) == []
    ok(create(registry_client, STRONG))
    assert len(listed(registry_client, path)) == 1
    registry_client.delete("/associations/resources/id-1", params={"cascadeLifecycle": "True"})
    assert listed(registry_client, path) == []


# Creating.


def test_a_strong_association_is_made_with_its_subject_and_schema(registry_client: httpx.Client) -> None:
    answer = ok(create(registry_client, STRONG))
    schema = answer["associations"][0].pop("schema")
    assert answer == {
        **TOPIC,
        "associations": [{"subject": OWN_VALUE, "associationType": "value", "lifecycle": "STRONG", "frozen": True}],
    }
    assert {"subject": OWN_VALUE, "version": 1, "id": 1, "schemaType": "AVRO", **ORDER}.items() <= schema.items()
    assert ok(registry_client.get(f"/subjects/{OWN_VALUE}/versions")) == [1]
    found = listed(registry_client, "/associations/resources/lkc-1/orders")[0]
    assert found.pop("createTimestamp") == found.pop("updateTimestamp") > 0
    assert len(found.pop("guid")) == 36
    expected = {**TOPIC, "subject": OWN_VALUE, "associationType": "value", "lifecycle": "STRONG", "frozen": True}
    assert found == expected


def test_a_weak_association_belongs_to_a_subject_that_is_there(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    info = {"subject": "shared", "associationType": "value", "lifecycle": "WEAK", "frozen": False}
    for item in (WEAK, {"subject": "shared"}, {"subject": "shared", "frozen": False}):
        assert ok(create(registry_client, item)) == {**TOPIC, "associations": [info]}, item
    ok(create(registry_client, WEAK, of=OTHER))
    assert [each["resourceId"] for each in listed(registry_client, "/associations/subjects/shared")] == ["id-1", "id-2"]


def test_unknown_members_nulls_and_media_types_are_taken_as_elsewhere(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    body = asking({**WEAK, "schema": None, "normalize": None, "new": 1}, new=[], resourceType="")
    answer = registry_client.post("/associations", json=body, headers={"content-type": "application/octet-stream"})
    assert ok(answer)["resourceType"] == "topic"


def test_creating_again_what_is_there_changes_nothing(registry_client: httpx.Client) -> None:
    ok(create(registry_client, STRONG))
    before = listed(registry_client)
    same: list[Json] = [
        STRONG,
        {**STRONG, "lifecycle": "strong", "frozen": True, "subject": OWN_VALUE},
        {**STRONG, "schema": {"schema": ORDER["schema"].replace(",", " , ")}},
        {"associationType": "value", "lifecycle": "STRONG"},
        {},
    ]
    for item in same:
        assert ok(create(registry_client, item))["associations"][0]["lifecycle"] == "STRONG", item
    other: list[Json] = [
        {**STRONG, "schema": WIDER},
        {**STRONG, "subject": "other"},
        {"lifecycle": "WEAK"},
        {"subject": "other"},
        {"frozen": False},
    ]
    for item in other:
        assert code(create(registry_client, item)) == 40903, item
    assert listed(registry_client) == before
    assert ok(registry_client.get(f"/subjects/{OWN_VALUE}/versions")) == [1]


@pytest.mark.parametrize(
    ("body", "property"),
    [
        (asking(STRONG, resourceName=None), "resourceName"),
        (asking(STRONG, resourceName=""), "resourceName"),
        (asking(STRONG, resourceNamespace=None), "resourceNamespace"),
        (asking(STRONG, resourceNamespace="a:b"), "resourceNamespace"),
        (asking(STRONG, resourceId=None), "resourceId"),
        (asking(STRONG, resourceType="cluster"), "resourceType"),
        (asking(), "associations"),
        (asking(associations=None), "associations"),
        (asking({**STRONG, "associationType": "header"}), "associationType"),
        (asking(STRONG, STRONG), "associationType"),
        (asking(STRONG, {"schema": WIDER}), "associationType"),
        (asking({**STRONG, "lifecycle": "SOLID"}), "lifecycle"),
        (asking({**STRONG, "lifecycle": "WEAK", "subject": "shared"}), "schema"),
        (asking({**STRONG, "frozen": False}), "frozen"),
        (asking({**WEAK, "frozen": True}), "frozen"),
        (asking({"subject": "shared", "frozen": True}), "frozen"),
        (asking({"lifecycle": "STRONG"}), "schema"),
        (asking({**STRONG, "subject": "shared"}), "subject"),
        (asking({**STRONG, "subject": "orders-value"}), "subject"),
        (asking({**STRONG, "subject": OWN_KEY}), "subject"),
        (asking({"lifecycle": "WEAK"}), "subject"),
        (asking({}), "subject"),
        (asking({**WEAK, "subject": OWN_VALUE}), "subject"),
        (asking(STRONG, {**WEAK, "associationType": "key"}), "lifecycle"),
        (asking(STRONG, {"associationType": "key", "subject": "shared"}), "lifecycle"),
        (asking({"associationType": "key", "subject": "shared"}, STRONG), "lifecycle"),
    ],
)
def test_what_a_request_may_not_say(registry_client: httpx.Client, body: Json, property: str) -> None:
    register(registry_client, "shared")
    response = registry_client.post("/associations", json=body)
    assert code(response) == 42212, response.text
    assert response.json()["message"].startswith(
        f"The association specified an invalid value for property: '{property}', detail: "
    )
    assert listed(registry_client) == []
    assert ok(registry_client.get("/subjects?subjectPrefix=:*:")) == ["shared"]


def test_a_body_of_the_wrong_shape_is_a_422_and_no_json_a_400(registry_client: httpx.Client) -> None:
    for path in ("/associations", "/associations:batchGet", "/associations:batchMutate"):
        assert registry_client.post(path, json={"associations": 1, "requests": 1}).status_code == 422, path
        assert registry_client.post(path, content=b"{").status_code == 400, path
    assert code(registry_client.put("/associations", json={})) == 405


def test_a_subject_that_nobody_may_write_to_is_refused(registry_client: httpx.Client) -> None:
    for subject in ("a\tb", "__GLOBAL", ":*:a", ":.__GLOBAL:a"):
        assert code(create(registry_client, {**WEAK, "subject": subject})) == 42208, subject
    assert code(create(registry_client, STRONG, of={**TOPIC, "resourceName": "a\tb"})) == 42208


def test_all_associations_of_a_resource_share_one_lifecycle(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, STRONG))
    assert code(create(registry_client, {**WEAK, "associationType": "key"})) == 42212
    ok(create(registry_client, {**STRONG, "associationType": "key"}))
    assert ok(registry_client.get(f"/subjects/{OWN_KEY}/versions")) == [1]


def test_a_name_belongs_to_one_resource_and_a_resource_keeps_its_name(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, WEAK))
    again = create(registry_client, WEAK, of={**TOPIC, "resourceId": "id-9"})
    assert code(again) == 40903
    assert again.json()["message"] == "An association of type 'value' already exists for resource 'orders'"
    for changed in ({"resourceName": "renamed"}, {"resourceNamespace": "lkc-9"}):
        for item in (WEAK, {**WEAK, "associationType": "key"}):
            response = create(registry_client, item, of={**TOPIC, **changed})
            assert code(response) == 42212
            assert next(iter(changed)) in response.json()["message"]


def test_strong_and_weak_do_not_meet_on_a_subject(registry_client: httpx.Client) -> None:
    register(registry_client, OWN_VALUE)
    ok(create(registry_client, {**WEAK, "subject": OWN_VALUE}, of=OTHER))
    taken = create(registry_client, STRONG)
    assert code(taken) == 40904
    assert taken.json()["message"] == f"An association already exists for subject '{OWN_VALUE}'"
    assert registry_client.delete("/associations/resources/id-2").status_code == 204
    ok(create(registry_client, STRONG))
    beside = create(registry_client, {**WEAK, "subject": OWN_VALUE}, of=OTHER)
    assert code(beside) == 40905
    assert beside.json()["message"] == f"A strong association already exists for subject '{OWN_VALUE}'"


def test_a_subject_without_a_live_version_is_not_associated(registry_client: httpx.Client) -> None:
    missing = create(registry_client, WEAK)
    assert code(missing) == 40907
    assert missing.json()["message"] == "No active (non-deleted) version exists for subject 'shared'"
    register(registry_client, "shared")
    ok(registry_client.delete("/subjects/shared"))
    assert code(create(registry_client, WEAK)) == 40907


def test_a_strong_subject_is_no_reference_target(registry_client: httpx.Client) -> None:
    uses = {
        "schema": '{"type":"record","name":"Uses","fields":[{"name":"o","type":"Order"}]}',
        "references": [{"name": "Order", "subject": OWN_VALUE, "version": 1}],
    }
    ok(create(registry_client, STRONG))
    assert code(registry_client.post("/subjects/uses/versions", json=uses)) == 42205
    assert registry_client.delete("/associations/resources/id-1?cascadeLifecycle=true").status_code == 204

    register(registry_client, OWN_VALUE)
    ok(registry_client.post("/subjects/uses/versions", json=uses))
    refused = create(registry_client, STRONG)
    assert code(refused) == 42206
    assert f"subject={OWN_VALUE},version=1" in refused.json()["message"]
    ok(registry_client.delete("/subjects/uses"))
    assert code(create(registry_client, STRONG)) == 42206  # what is soft-deleted may come back
    ok(registry_client.delete("/subjects/uses?permanent=true"))
    ok(create(registry_client, STRONG))


def test_a_reference_that_was_decided_before_its_target_became_strong_is_decided_again(
    registry_client: httpx.Client, registry_store: Store
) -> None:
    register(registry_client, OWN_VALUE)
    text = '{"type":"record","name":"Uses","fields":[{"name":"o","type":"Order"}]}'
    uses = Registration(Subject.parse("uses"), text, references=(Reference("Order", OWN_VALUE, 1),))
    proposal = registry_store.read_now(lambda db: decide(db, uses, Config()))
    assert isinstance(proposal, Proposal)
    ok(create(registry_client, STRONG))
    with pytest.raises(Moved):
        registry_store.write_now(lambda db: commit(db, proposal, Actor()))


def test_of_those_who_want_the_same_at_once_one_gets_it(registry_client: httpx.Client) -> None:
    def ask(number: int) -> int:
        return create(registry_client, STRONG, of={**TOPIC, "resourceId": f"id-{number}"}).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(ask, range(16)))
    assert statuses == [200, *[409] * 15]
    assert len(listed(registry_client)) == 1


def test_a_schema_is_registered_like_any_other(registry_client: httpx.Client) -> None:
    register(registry_client, OWN_VALUE)
    refused = create(registry_client, {"schema": BROKEN})
    assert code(refused) == 409
    assert refused.json()["message"].startswith(
        f'Schema being registered is incompatible with an earlier schema for subject "{OWN_VALUE}", details: ['
    )
    for schema, expected in [
        ({"schema": "{"}, 42201),
        ({"schema": ""}, 42201),
        ({**ORDER, "schemaType": "XML"}, 42201),
        ({**ORDER, "id": 7}, 42205),
        ({**ORDER, "ruleSet": {"domainRules": [{"name": "1", "type": "CEL", "mode": "WRITE"}]}}, 42210),
    ]:
        item = {"associationType": "key", "schema": schema}
        assert code(create(registry_client, item)) == expected, schema
    assert listed(registry_client) == []

    answer = ok(create(registry_client, {"schema": WIDER}))
    assert answer["associations"][0]["schema"]["version"] == 2
    metadata = {"properties": {"owner": "billing"}}
    ok(create(registry_client, {"associationType": "key", "schema": {**ORDER, "metadata": metadata}}))
    assert ok(registry_client.get(f"/subjects/{OWN_KEY}/versions/1"))["metadata"] == metadata


def test_normalize_is_taken_from_the_item(registry_client: httpx.Client) -> None:
    shuffled = {"schema": '{"name":"Order","doc":"d","type":"record","fields":[{"type":"string","name":"a"}]}'}
    plain = ok(create(registry_client, {"schema": shuffled, "normalize": False}))
    normal = ok(create(registry_client, {"schema": shuffled, "normalize": True}, of=OTHER))
    for answer, query in ((plain, "false"), (normal, "true")):
        subject = "plain" if query == "false" else "normal"
        register_ = registry_client.post(f"/subjects/{subject}/versions?normalize={query}", json=shuffled)
        assert answer["associations"][0]["schema"]["schema"] == ok(register_)["schema"]


def test_one_refusal_leaves_nothing_of_a_request(registry_client: httpx.Client) -> None:
    register(registry_client, OWN_KEY)
    ok(create(registry_client, {**WEAK, "subject": OWN_KEY}, of=OTHER))
    assert code(create(registry_client, STRONG, {**STRONG, "associationType": "key"})) == 40904
    assert [each["resourceId"] for each in listed(registry_client)] == ["id-2"]
    assert code(registry_client.get(f"/subjects/{OWN_VALUE}/versions")) == 40401


def test_there_is_room_for_so_many(registry_client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(associations, "LIMIT", 1)
    ok(create(registry_client, STRONG))
    ok(create(registry_client, STRONG))
    full = create(registry_client, STRONG, of=OTHER)
    assert code(full) == 40902
    assert full.json()["message"] == "A maximum of 1 associations already exist"


def test_a_dry_run_checks_everything_and_writes_nothing(registry_client: httpx.Client) -> None:
    without_id = {key: value for key, value in TOPIC.items() if key != "resourceId"}
    assert ok(create(registry_client, STRONG, of=without_id, dryRun="True")) == without_id
    assert ok(create(registry_client, STRONG, {**STRONG, "associationType": "key"}, dryRun="true")) == TOPIC
    assert listed(registry_client) == []
    assert ok(registry_client.get("/subjects?subjectPrefix=:*:&deleted=true")) == []
    assert ok(create(registry_client, STRONG))["associations"][0]["schema"]["id"] == 1
    assert code(create(registry_client, {"schema": WIDER}, of=without_id, dryRun="true")) == 40903
    assert code(create(registry_client, WEAK, of=OTHER, dryRun="true")) == 40907


# Contexts.


def test_the_context_qualifies_names_without_one(registry_client: httpx.Client) -> None:
    register(registry_client, ":.dev:shared")
    register(registry_client, "shared")
    rows = [
        ("/associations", "shared", "shared"),
        ("/associations?context=.dev", "shared", ":.dev:shared"),
        ("/associations?context=:.dev:", "shared", ":.dev:shared"),
        ("/contexts/.dev/associations", "shared", ":.dev:shared"),
        ("/contexts/dev/associations?context=.other", "shared", ":.dev:shared"),
        ("/contexts/.dev/associations", ":.:shared", "shared"),
        ("/contexts/:.:/associations", "shared", "shared"),
    ]
    for number, (path, subject, expected) in enumerate(rows):
        of = {**TOPIC, "resourceName": f"t{number}", "resourceId": f"t{number}"}
        answer = registry_client.post(path, json=asking({**WEAK, "subject": subject}, of=of))
        assert ok(answer)["associations"][0]["subject"] == expected, path
        put = path.replace("/associations", f"/associations/resources/t{number}")
        ok(registry_client.put(put, json=asking({**WEAK, "subject": subject}, of=of)))
    assert code(registry_client.post("/associations?context=a:b", json=asking(WEAK))) == 400
    # A resource's own subject is in the context of its namespace, wherever the request comes from.
    own = registry_client.post("/contexts/.dev/associations", json=asking(STRONG))
    assert ok(own)["associations"][0]["subject"] == OWN_VALUE


# Updating.


def upsert(client: httpx.Client, *items: Json, id: str = "id-1", **changed: Any) -> httpx.Response:
    return client.put(f"/associations/resources/{id}", json=asking(*items, **changed))


def test_an_update_creates_weak_ones_and_confirms_what_is_there(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    for body in (WEAK, WEAK, {"lifecycle": "WEAK"}, {**WEAK, "frozen": False}):
        answer = ok(upsert(registry_client, body, resourceId=None))
        assert answer["associations"][0]["subject"] == "shared", body
        assert answer["resourceId"] == "id-1"
    ok(create(registry_client, STRONG, of=OTHER))
    before = listed(registry_client)
    for item in (STRONG, {"lifecycle": "STRONG"}, {"lifecycle": "STRONG", "frozen": True}):
        ok(registry_client.put("/associations/resources/id-2", json=asking(item, of=OTHER)))
    assert listed(registry_client) == before


@pytest.mark.parametrize(
    ("there", "item", "expected", "detail"),
    [
        (None, STRONG, 42212, "'lifecycle'"),
        (None, {"lifecycle": "STRONG", "subject": OWN_VALUE}, 42212, "'lifecycle'"),
        (None, {"subject": "nobody"}, 40907, "nobody"),
        (WEAK, {}, 42212, "'lifecycle'"),
        (WEAK, {"subject": "shared"}, 42212, "'lifecycle'"),
        (WEAK, {**WEAK, "subject": "other"}, 42212, "'subject'"),
        (WEAK, {**WEAK, "frozen": True}, 42212, "'frozen'"),
        (WEAK, {"lifecycle": "STRONG"}, 42212, "'lifecycle'"),
        (WEAK, {"schema": ORDER}, 42212, "'schema'"),
        (STRONG, {}, 42212, "'lifecycle'"),
        (STRONG, {"lifecycle": "STRONG", "subject": "other"}, 42212, "'subject'"),
        (STRONG, {"lifecycle": "WEAK", "frozen": False}, 42212, "'frozen'"),
        (STRONG, {"lifecycle": "WEAK"}, 40908, f"The association of type  'value' is frozen for subject '{OWN_VALUE}'"),
        (STRONG, {"schema": WIDER}, 40908, "is frozen"),
    ],
)
def test_what_an_update_may_not_do(
    registry_client: httpx.Client, there: Json | None, item: Json, expected: int, detail: str
) -> None:
    register(registry_client, "shared")
    register(registry_client, "other")
    if there:
        ok(create(registry_client, there))
    before = listed(registry_client)
    refused = upsert(registry_client, item)
    assert code(refused) == expected, refused.text
    assert detail in refused.json()["message"]
    assert listed(registry_client) == before


def test_the_id_of_path_and_body_are_one(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    refused = upsert(registry_client, WEAK, resourceId="id-2")
    assert code(refused) == 42212
    assert "'resourceId'" in refused.json()["message"]
    assert ok(registry_client.put("/associations/resources/id-1?dryRun=true", json=asking(WEAK))) == TOPIC
    assert listed(registry_client) == []


# Deleting.


def gone(response: httpx.Response) -> bool:
    return (response.status_code, response.content) == (204, b"")


def test_deleting_a_weak_association_leaves_its_subject(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, WEAK, {**WEAK, "associationType": "key"}))
    assert gone(registry_client.delete("/associations/resources/id-1?dryRun=true"))
    assert len(listed(registry_client)) == 2
    assert gone(registry_client.delete("/associations/resources/id-1?associationType=key&resourceType=topic"))
    assert [each["associationType"] for each in listed(registry_client)] == ["value"]
    missing = registry_client.delete("/associations/resources/id-1?associationType=key")
    assert code(missing) == 40410
    assert missing.json()["message"] == "Association for 'id-1' not found."
    assert code(registry_client.delete("/associations/resources/id-1?resourceType=cluster")) == 40410
    assert code(registry_client.delete("/associations/resources/id-1?associationType=other")) == 42212
    assert gone(registry_client.delete("/associations/resources/id-1?cascadeLifecycle=true"))
    assert code(registry_client.delete("/associations/resources/id-1")) == 40410
    assert ok(registry_client.get("/subjects/shared/versions")) == [1]


def test_deleting_a_strong_association_takes_its_subject_for_good(registry_client: httpx.Client) -> None:
    ok(create(registry_client, STRONG, {**STRONG, "associationType": "key"}))
    ok(registry_client.post(f"/subjects/{OWN_VALUE}/versions", json=WIDER))
    frozen = registry_client.delete("/associations/resources/id-1")
    assert code(frozen) == 40908
    assert frozen.json()["message"] == f"The association of type  'key' is frozen for subject '{OWN_KEY}'"
    assert gone(registry_client.delete("/associations/resources/id-1?cascadeLifecycle=true&dryRun=true"))
    assert len(listed(registry_client)) == 2
    assert gone(registry_client.delete("/associations/resources/id-1?cascadeLifecycle=True"))
    assert ok(registry_client.get("/subjects?subjectPrefix=:*:&deleted=true")) == []
    answer = ok(create(registry_client, STRONG))
    assert answer["associations"][0]["schema"]["version"] == 1  # numbers restart
    assert answer["associations"][0]["schema"]["id"] > 2  # ids do not


def test_an_associated_subject_is_not_deleted(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, WEAK))
    ok(create(registry_client, STRONG, of=OTHER))
    for subject in ("shared", ":.lkc-1:refunds-value"):
        refused = registry_client.delete(f"/subjects/{subject}")
        assert code(refused) == 40904, subject
        assert refused.json()["message"] == f"An association already exists for subject '{subject}'"
        for selector in ("1", "latest"):
            last = registry_client.delete(f"/subjects/{subject}/versions/{selector}")
            assert code(last) == 40907, subject
            assert last.json()["message"] == f"No active (non-deleted) version exists for subject '{subject}'"
        register(registry_client, subject, WIDER)
        assert ok(registry_client.delete(f"/subjects/{subject}/versions/1")) == 1
        assert ok(registry_client.delete(f"/subjects/{subject}/versions/1?permanent=true")) == 1
        assert code(registry_client.delete(f"/subjects/{subject}/versions/2")) == 40907
        assert code(registry_client.delete(f"/subjects/{subject}?permanent=true")) == 40405
    assert gone(registry_client.delete("/associations/resources/id-1"))
    assert ok(registry_client.delete("/subjects/shared")) == [2]


# Modes.


def test_a_read_only_subject_keeps_its_associations(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, WEAK))
    for mode in ("READONLY", "READONLY_OVERRIDE"):
        ok(registry_client.put("/mode/shared", json={"mode": mode}))
        refusals = [
            create(registry_client, WEAK),
            create(registry_client, WEAK, of=OTHER),
            upsert(registry_client, WEAK),
            registry_client.delete("/associations/resources/id-1"),
        ]
        for refused in refusals:
            assert code(refused) == 42205
            assert refused.json()["message"] == "Subject shared in context  is in read-only mode"
    assert len(listed(registry_client, "/associations/subjects/shared")) == 1


def test_an_import_brings_strong_associations_without_schemas(registry_client: httpx.Client) -> None:
    ok(registry_client.put("/mode/:.lkc-1:", json={"mode": "IMPORT"}))
    plain = {"lifecycle": "STRONG"}
    refused = create(registry_client, STRONG)
    assert code(refused) == 42212
    assert "'schema'" in refused.json()["message"]
    assert code(create(registry_client, plain)) == 40907
    ok(registry_client.post(f"/subjects/{OWN_VALUE}/versions", json={**ORDER, "id": 70, "version": 3}))
    assert ok(create(registry_client, plain))["associations"][0]["frozen"] is True
    ok(registry_client.post(f"/subjects/{OWN_KEY}/versions", json={**ORDER, "id": 70, "version": 1}))
    assert ok(upsert(registry_client, {**plain, "associationType": "key"}))["associations"][0]["subject"] == OWN_KEY
    assert gone(registry_client.delete("/associations/resources/id-1?cascadeLifecycle=true"))
    assert ok(registry_client.get(f"/subjects/{OWN_VALUE}/versions")) == [3]


# Batches.


def batch(client: httpx.Client, kind: str, *requests: Json, **query: Any) -> list[Json]:
    response = client.post(f"/associations:{kind}", json={"requests": list(requests)}, params=query)
    assert response.status_code == 207, response.text
    assert set(response.json()) == {"results"}
    results: list[Json] = response.json()["results"]
    assert all(len(each) == 1 for each in results)
    return results


def outcome(result: Json) -> Any:
    """The error_code of a result, or the subjects and types of its associations."""
    if "error" in result:
        assert set(result["error"]) == {"error_code", "message"}
        return result["error"]["error_code"]
    return [f"{each['subject']} {each['associationType']}" for each in result["result"].get("associations", [])]


def test_a_batch_of_questions_is_answered_in_order(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    ok(create(registry_client, STRONG, {**STRONG, "associationType": "key"}))
    ok(create(registry_client, WEAK, of=OTHER))
    rows: list[tuple[Json, Any]] = [
        ({"resourceId": "id-2"}, ["shared value"]),
        ({"resourceId": "id-1", "associationTypes": ["key"]}, [f"{OWN_KEY} key"]),
        ({"resourceName": "orders", "resourceNamespace": "lkc-1"}, [f"{OWN_KEY} key", f"{OWN_VALUE} value"]),
        ({"resourceName": "orders", "resourceNamespace": "-", "associationTypes": ["value"]}, [f"{OWN_VALUE} value"]),
        ({"resourceName": "-", "resourceNamespace": "lkc-1", "lifecycle": "WEAK"}, ["shared value"]),
        ({"resourceId": "id-1", "lifecycle": "WEAK"}, []),
        ({"resourceId": "id-9"}, []),
        ({"resourceName": "orders"}, 42212),
        ({"resourceNamespace": "lkc-1"}, 42212),
        ({"resourceId": "id-1", "associationTypes": ["other"]}, 42212),
        ({"resourceId": "id-1", "lifecycle": "other"}, 42212),
        ({"resourceName": "orders", "resourceNamespace": "lkc-1", "resourceType": "cluster"}, 42212),
        ({}, 42212),
    ]
    results = batch(registry_client, "batchGet", *(question for question, _ in rows))
    assert [outcome(each) for each in results] == [expected for _, expected in rows]
    assert results[2]["result"]["resourceId"] == "id-1"
    assert results[6]["result"] == {"resourceId": "id-9", "resourceType": "topic"}
    assert results[0]["result"] == {
        **OTHER,
        "associations": [{"subject": "shared", "associationType": "value", "lifecycle": "WEAK", "frozen": False}],
    }
    with_schemas = batch(registry_client, "batchGet", {"resourceId": "id-2"}, includeSchemas="True")
    assert with_schemas[0]["result"]["associations"][0]["schema"]["schema"] == ORDER["schema"]
    several = batch(registry_client, "batchGet", {"resourceName": "-", "resourceNamespace": "lkc-1"})[0]["result"]
    assert {key: several.get(key) for key in ("resourceName", "resourceId")} == {
        "resourceName": "-",
        "resourceId": None,
    }
    assert len(several["associations"]) == 3


CREATE, UPSERT, DELETE = {"opType": "CREATE"}, {"opType": "UPSERT"}, {"opType": "DELETE"}


def test_each_request_of_a_batch_is_done_whole_or_not_at_all(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    key = {"associationType": "key"}
    rows: list[tuple[Json, Any]] = [
        (asking(CREATE | STRONG, CREATE | STRONG | key), [f"{OWN_VALUE} value", f"{OWN_KEY} key"]),
        (asking(CREATE | WEAK, CREATE | WEAK | key | {"subject": "nobody"}, of=OTHER), 40907),
        (asking(CREATE | WEAK, UPSERT | WEAK | key, of=OTHER), ["shared value", "shared key"]),
        (asking(UPSERT | WEAK, DELETE | key, CREATE | WEAK | key, of=OTHER), ["shared value", "shared key"]),
        (asking(DELETE | key, DELETE | {"associationType": "value"}, DELETE | key, of=OTHER), 40410),
        (asking(DELETE | key, of=OTHER), []),
        (asking(DELETE | {"subject": "nobody"}, of=OTHER), 40410),
        (asking(CREATE | WEAK | key, DELETE | key, of=OTHER), []),
        (asking(DELETE | key), 40908),
        (asking(DELETE | key | {"cascadeLifecycle": True}), []),
        (asking(CREATE | {"schema": WIDER}), 40903),
        (
            asking(CREATE | {"schema": BROKEN}, of={**TOPIC, "resourceName": "new", "resourceId": "n"}),
            [":.lkc-1:new-value value"],
        ),
        (asking({"schema": ORDER}), 42212),
        (asking({"opType": "REPLACE"} | WEAK), 42212),
        (asking(CREATE | STRONG, resourceId=None), 42212),
        (asking(), 42212),
        (asking(CREATE | STRONG, CREATE | STRONG), 42212),
    ]
    results = batch(registry_client, "batchMutate", *(request for request, _ in rows))
    assert [outcome(each) for each in results] == [expected for _, expected in rows]
    assert results[0]["result"]["associations"][0]["schema"]["version"] == 1
    remaining = [f"{each['resourceId']} {each['associationType']}" for each in listed(registry_client)]
    assert remaining == ["n value", "id-1 value", "id-2 value"]
    assert code(registry_client.get(f"/subjects/{OWN_KEY}/versions?deleted=true")) == 40401


def test_a_dry_run_of_a_batch_sees_what_its_earlier_requests_would_do(registry_client: httpx.Client) -> None:
    register(registry_client, "shared")
    of = {key: value for key, value in TOPIC.items() if key != "resourceId"}
    results = batch(
        registry_client,
        "batchMutate",
        asking(CREATE | STRONG, of=of),
        asking(CREATE | {"schema": WIDER}, of=of),
        asking(DELETE, of=of),
        asking(DELETE | {"cascadeLifecycle": True}, of=of),
        asking(CREATE | WEAK, of=of),
        asking(CREATE | WEAK, of={**of, "resourceName": "second"}),
        asking({"opType": ""}, of=of),
        dryRun="true",
    )
    assert [outcome(each) for each in results] == [[], 40903, 40908, [], [], [], 42212]
    assert results[0] == {"result": of}
    assert listed(registry_client) == []
    assert ok(registry_client.get("/subjects?subjectPrefix=:*:&deleted=true")) == ["shared"]


def test_batches_take_the_context_and_refuse_to_be_empty(registry_client: httpx.Client) -> None:
    register(registry_client, ":.dev:shared")
    path = "/contexts/.dev/associations:batchMutate"
    response = registry_client.post(path, json={"requests": [asking(CREATE | WEAK)]})
    assert (response.status_code, outcome(response.json()["results"][0])) == (207, [":.dev:shared value"])
    for path in ("/associations:batchGet", "/associations:batchMutate"):
        bodies: list[Json] = [{}, {"requests": []}, {"requests": None}]
        for body in bodies:
            assert code(registry_client.post(path, json=body)) == 42212, path


def test_the_code_of_an_incompatible_schema_follows_the_setting_in_batches_too(engine_url: str) -> None:
    with client_on(engine_url, Settings(incompatible_code=40901)) as client:
        register(client, ":.lkc-7:t-value")
        of = {**TOPIC, "resourceName": "t", "resourceNamespace": "lkc-7", "resourceId": "t7"}
        assert outcome(batch(client, "batchMutate", asking(CREATE | {"schema": BROKEN}, of=of))[0]) == 40901


# Seen from elsewhere.


def test_schemas_are_listed_with_their_associations_and_by_them(registry_client: httpx.Client) -> None:
    register(registry_client, "free", record("f", name="Free"))
    register(registry_client, "shared")
    ok(create(registry_client, WEAK, of=OTHER))
    ok(create(registry_client, STRONG))
    rows = [
        ("", ["free", "shared"]),
        ("&lifecycle=WEAK", ["shared"]),
        ("&lifecycle=NONE", ["free"]),
        ("&lifecycle=NONE&lifecycle=WEAK", ["free", "shared"]),
        ("&associationType=key", []),
        ("&associationType=value&resourceType=topic", ["shared"]),
        ("&subjectPrefix=:*:&lifecycle=STRONG", [OWN_VALUE]),
    ]
    for query, expected in rows:
        found = ok(registry_client.get(f"/schemas?latestOnly=true{query}"))
        assert [each["subject"] for each in found] == expected, query
    shared = ok(registry_client.get("/schemas?subjectPrefix=shared"))[0]
    assert [each["resourceName"] for each in shared["associations"]] == ["refunds"]


def test_every_change_is_recorded(registry_client: httpx.Client, registry_store: Store) -> None:
    ok(create(registry_client, STRONG))
    create(registry_client, {"schema": WIDER})
    ok(create(registry_client, STRONG, of=OTHER, dryRun="true"))
    registry_client.delete("/associations/resources/id-1?cascadeLifecycle=true")
    rows = registry_store.read_now(lambda db: db.all("SELECT action, resource FROM event ORDER BY pk"))
    actions = ["register", "associate", "dissociate", "delete", "purge"]
    assert [(action, resource) for action, resource in rows] == [(each, f"subject:{OWN_VALUE}") for each in actions]


def test_a_resource_s_own_subject_is_in_the_context_of_its_namespace() -> None:
    made = associations.resource("orders", "lkc-1", "id-1", None)
    assert str(made.own_subject("key")) == OWN_KEY
    assert made.own_subject("key") != Subject(DEFAULT_CONTEXT, "orders-key")


def test_confluent_kafka_asks_makes_and_deletes_associations(tmp_path: Path) -> None:
    server = Path(sys.executable).with_name("tenor-server")
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db"}
    with (
        served([server, "serve"], cwd=tmp_path, environment=environment) as client,
        SchemaRegistryClient({"url": str(client.base_url)}) as theirs,
    ):
        register(client, "shared")
        schema, context = ORDER["schema"], SerializationContext("orders", MessageField.VALUE)
        # Without an association the subject is named after the topic.
        AvroSerializer(theirs, schema)({"a": "x"}, context)
        assert ok(client.get("/subjects")) == ["orders-value", "shared"]

        info = AssociationCreateOrUpdateInfo(subject="shared", association_type="value", lifecycle="WEAK")
        made = theirs.create_association(
            AssociationCreateOrUpdateRequest("orders", "lkc-1", "id-1", "topic", associations=[info])
        )
        assert [each.subject for each in made.associations or []] == ["shared"]
        AvroSerializer(theirs, WIDER["schema"])({"a": "x", "b": "y"}, context)
        assert ok(client.get("/subjects/shared/versions")) == [1, 2]
        assert ok(client.get("/subjects/orders-value/versions")) == [1]

        theirs.delete_associations("id-1", "topic", ["value"])
        assert theirs.get_associations_by_resource_name("orders", "-", "topic", ["value"], offset=0, limit=-1) == []
        own = AssociationCreateOrUpdateInfo(association_type="value", schema=Schema(schema, "AVRO"))
        made = theirs.create_association(
            AssociationCreateOrUpdateRequest("orders", "lkc-1", "id-1", "topic", associations=[own])
        )
        assert [(each.subject, each.frozen) for each in made.associations or []] == [(OWN_VALUE, True)]
        theirs.delete_associations("id-1", cascade_lifecycle=True)
        assert code(client.get(f"/subjects/{OWN_VALUE}/versions?deleted=true")) == 40401
