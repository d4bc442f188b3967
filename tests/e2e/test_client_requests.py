"""The exact requests and headers of clients that exist (facts: confluent-api §16), replayed against a served process.

Each row is a step of one client: method, raw path, headers, body, and what that client needs of the answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

AVRO = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]})
AVRO_2 = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [{"name": "id", "type": "string"}, {"name": "note", "type": "string", "default": ""}],
    }
)
ENUM = '{"type":"enum","name":"E","symbols":["A"]}'
COMPATIBILITY = "/compatibility/subjects/java-value/versions"
BAD = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]})
V1 = "application/vnd.schemaregistry.v1+json"
JVM = {"accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "content-type": V1}
JAVA = {**JVM, "confluent-accept-unknown-properties": "true", "confluent-client-version": "8.2.0"}
GO = {
    "accept": f"{V1}, application/vnd.schemaregistry+json, application/json",
    "content-type": V1,
    "target-sr-cluster": "lsrc-1",
}
FRANZ = {"accept": V1, "content-type": V1, "user-agent": "franz-go"}
BROWSER_TOOL = {"accept": "application/json, text/plain, */*"}


@dataclass(frozen=True)
class Step:
    """One request, and what the client reads of the answer."""

    method: str
    path: str
    body: Any = None
    status: int = 200
    code: int | None = None
    has: dict[str, Any] = field(default_factory=dict)
    equals: Any = None
    keys: tuple[str, ...] = ()


def schema(text: str, **more: Any) -> dict[str, Any]:
    return {"schema": text, **more}


ASSOCIATIONS = "/associations/resources/{cluster}/{topic}?resourceType=topic&associationType=value&offset=0&limit=-1"

CLIENTS: dict[str, tuple[dict[str, str], list[Step]]] = {
    "java serializer": (
        JAVA,
        [
            Step("GET", ASSOCIATIONS.format(cluster="lkc-1", topic="java"), equals=[]),
            Step("GET", "/associations/resources//", equals=[]),
            Step("POST", "/subjects/java-value/versions?normalize=false", schema(AVRO), keys=("id",)),
            Step("POST", "/subjects/java-value?normalize=false&deleted=false", schema(AVRO), has={"version": 1}),
            Step("GET", "/schemas/ids/{id}?fetchMaxId=false&subject=java-value", keys=("schema", "schemaType")),
            Step("GET", "/schemas/ids/{id}?fetchMaxId=false", keys=("schema",)),
            Step("GET", "/subjects/java-value/versions/latest", has={"version": 1}),
            Step("GET", "/subjects/java-value/versions/1?deleted=true", has={"version": 1}),
            Step("GET", "/schemas/guids/{guid}", keys=("schema",)),
            # The negative caches key on exactly these codes.
            Step("POST", "/subjects/java-none?normalize=false&deleted=false", schema(AVRO), 404, 40401),
            Step("POST", "/subjects/java-value?normalize=false&deleted=false", schema(BAD), 404, 40403),
            Step("GET", "/schemas/ids/999999?fetchMaxId=false&subject=java-value", None, 404, 40403),
            Step("GET", "/subjects/java-value/versions/9?deleted=false", None, 404, 40402),
            Step("GET", "/schemas/guids/00000000-0000-0000-0000-000000000000", None, 404, 40403),
            Step("POST", f"{COMPATIBILITY}/", schema(AVRO_2), has={"is_compatible": True}),
            Step(
                "POST",
                f"{COMPATIBILITY}/latest?verbose=true",
                schema(BAD),
                keys=("messages",),
            ),
            Step("POST", "/subjects/java-value/versions?normalize=false", schema(BAD), 409, 409),
        ],
    ),
    "java in a context": (
        JAVA,
        [
            Step("POST", "/subjects/:.java:ctx-value/versions?normalize=false", schema(AVRO), keys=("id",)),
            Step("GET", "/schemas/ids/1?fetchMaxId=false&subject=:.java:ctx-value", has={"version": 1}),
            Step("GET", "/contexts/.java/subjects/ctx-value/versions", equals=[1]),
            Step("GET", "/contexts/.java/schemas/ids/1?subject=", keys=("schema",)),
        ],
    ),
    "confluent-kafka-go": (
        GO,
        [
            Step("GET", ASSOCIATIONS.format(cluster="-", topic="go"), equals=[]),
            Step("POST", "/subjects/go-value/versions?normalize=false", schema(AVRO, schemaType="AVRO"), keys=("id",)),
            Step("POST", "/subjects/go-value?normalize=false&deleted=false", schema(AVRO), has={"version": 1}),
            Step("GET", "/schemas/ids/{id}?subject=go-value&format=serialized", keys=("schema",)),
            Step("GET", "/subjects/go-value/metadata?key=a&value=b&deleted=false&format=", None, 404, 40401),
            Step("PUT", "/config/go-value", {"compatibility": "FULL"}, has={"compatibility": "FULL"}),
            Step("GET", "/config/go-value", has={"compatibilityLevel": "FULL"}),
        ],
    ),
    "franz-go, Redpanda Console": (
        FRANZ,
        [
            Step("GET", "/mode", equals={"mode": "READWRITE"}),
            Step("GET", "/config", has={"compatibilityLevel": "BACKWARD"}),
            Step("GET", "/schemas/types", keys=()),
            Step("POST", "/subjects/franz-value/versions", schema(AVRO), keys=("id",)),
            Step("GET", "/subjects?deleted=true", keys=()),
            Step("GET", "/config/franz-value", None, 404, 40408),
            Step("GET", "/mode/franz-value", None, 404, 40409),
            Step("GET", "/schemas?subjectPrefix=franz", keys=()),
            Step("GET", "/subjects/franz-value/versions/1/referencedby", equals=[]),
            Step("GET", "/contexts", keys=()),
        ],
    ),
    "AKHQ": (
        JVM,
        [
            Step("POST", "/subjects/akhq-value/versions", schema(AVRO), keys=("id",)),
            Step("GET", "/subjects", keys=()),
            Step("GET", "/subjects/akhq-value/versions/latest", has={"version": 1}),
            Step("GET", "/config/akhq-value", None, 404, 40408),
            Step("GET", "/config", has={"compatibilityLevel": "BACKWARD"}),
            Step("DELETE", "/subjects/akhq-value/versions/1", equals=1),
            Step("DELETE", "/subjects/akhq-value", None, 404, 40404),
        ],
    ),
    "Kafka-UI": (
        BROWSER_TOOL,
        [
            Step("GET", "/config/", has={"compatibilityLevel": "BACKWARD"}),
            Step("POST", "/subjects/kui-value/versions", schema(AVRO), keys=("id",)),
            Step("GET", "/config/kui-value?defaultToGlobal=true", has={"compatibilityLevel": "BACKWARD"}),
            Step("GET", "/subjects/kui-value/versions/latest", has={"schemaType": "AVRO"}),
            Step("GET", "/subjects?subjectPrefix=kui&deleted=false", equals=["kui-value"]),
            Step(
                "POST",
                "/compatibility/subjects/kui-value/versions/latest?verbose=true",
                schema(AVRO_2),
                equals={"is_compatible": True},
            ),
        ],
    ),
    "Maven plug-in": (
        JAVA,
        [
            Step(
                "POST",
                "/subjects/mvn-base/versions?normalize=false",
                schema(ENUM),
            ),
            Step(
                "POST",
                "/subjects/mvn-value/versions?normalize=true",
                schema(
                    json.dumps({"type": "record", "name": "R", "fields": [{"name": "e", "type": "E"}]}),
                    references=[{"name": "E", "subject": "mvn-base", "version": 1}],
                ),
                keys=("id",),
            ),
            Step("GET", "/subjects/mvn-base/versions/1/referencedby", keys=()),
            Step("DELETE", "/subjects/mvn-base/versions/1", None, 422, 42206),
            Step("PUT", "/config/mvn-value", {"compatibility": "FORWARD"}, has={"compatibility": "FORWARD"}),
            Step("DELETE", "/config/mvn-value", equals={"compatibilityLevel": "FORWARD"}),
            Step("DELETE", "/config/mvn-value", None, 404, 40401),
        ],
    ),
    "kafkajs": (
        {"content-type": V1},
        [
            Step("GET", "/config/kjs-value", None, 404, 40408),
            Step("PUT", "/config/kjs-value", {"compatibility": "BACKWARD"}, has={"compatibility": "BACKWARD"}),
            Step("POST", "/subjects/kjs-value/versions", schema(AVRO, schemaType="AVRO"), keys=("id",)),
            Step("GET", "/subjects/kjs-value/versions/latest", keys=("id",)),
        ],
    ),
    "terraform provider": (
        {"content-type": "application/json", "accept": "application/json"},
        [
            Step("POST", "/subjects/tf-value/versions", schema(AVRO)),
            Step("DELETE", "/subjects/tf-value?permanent=true", None, 404, 40405),
            Step("DELETE", "/subjects/tf-value", equals=[1]),
            Step("DELETE", "/subjects/tf-value?permanent=true", equals=[1]),
            Step("GET", "/subjects/tf-value/versions", None, 404, 40401),
        ],
    ),
    "Karapace's client": (
        {"content-type": "application/octet-stream"},
        [
            Step("POST", "/subjects/kp+value/versions", schema(AVRO, metadata=None, ruleSet=None, references=None)),
            Step("GET", "/subjects/kp%2Bvalue/versions", equals=[1]),
        ],
    ),
}


def send(client: httpx.Client, headers: dict[str, str], step: Step, known: dict[str, str]) -> httpx.Response:
    path = step.path.replace("{id}", known.get("id", "")).replace("{guid}", known.get("guid", ""))
    content = None if step.body is None else json.dumps(step.body).encode()
    return client.request(step.method, path, content=content, headers=headers)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_s_own_requests_are_answered_as_it_needs(registry: httpx.Client, name: str) -> None:
    headers, steps = CLIENTS[name]
    known: dict[str, str] = {}
    for step in steps:
        answer = send(registry, headers, step, known)
        said = f"{step.method} {step.path}: {answer.status_code} {answer.text}"
        assert answer.status_code == step.status, said
        body = answer.json()
        if step.code is not None:
            assert set(body) == {"error_code", "message"}, said
            assert body["error_code"] == step.code, said
        if step.equals is not None:
            assert body == step.equals, said
        for key, value in step.has.items():
            assert body[key] == value, said
        for key in step.keys:
            assert key in body, said
        if isinstance(body, dict):
            known.update({key: str(body[key]) for key in ("id", "guid") if key in body})
        assert None not in (body.values() if isinstance(body, dict) else []), said
