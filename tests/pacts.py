"""Talking to the broker the way Pact tools do, over any httpx client. Names are encoded as the tools encode them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from tests.described import check

Json = dict[str, Any]


def path(*names: str) -> str:
    """A path below the mount."""
    return "/pact" + "".join("/" + quote(name, safe="") for name in names)


def pact(consumer: str, provider: str, interactions: Sequence[Json], version: str = "4.0") -> Json:
    """A pact document."""
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": version}},
    }


def message(description: str, **content: Any) -> Json:
    """One asynchronous message."""
    return {
        "type": "Asynchronous/Messages",
        "description": description,
        "contents": {"content": content or {"id": 1}, "contentType": "application/json", "encoded": False},
    }


def contract(document: Json, **more: str) -> Json:
    """A contract as `publish` sends it."""
    return {
        "consumerName": document["consumer"]["name"],
        "providerName": document["provider"]["name"],
        "specification": "pact",
        "contentType": "application/json",
        "content": base64.b64encode(json.dumps(document).encode()).decode(),
        **more,
    }


class Broker:
    """A broker behind a client, at `/pact`. Whatever the client gets there must be as OpenAPI describes it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        if check not in client.event_hooks["response"]:
            client.event_hooks["response"].append(check)

    def get(self, *names: str, **query: str) -> Json:
        """A document that must be there."""
        answer = self.client.get(path(*names), params=query)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def publish(
        self,
        consumer: str,
        number: str,
        provider: str,
        interactions: Sequence[Json],
        *,
        branch: str | None = None,
        tags: Sequence[str] = (),
        status: int = 200,
        **more: str,
    ) -> Json:
        """Publish one pact."""
        body = {
            "pacticipantName": consumer,
            "pacticipantVersionNumber": number,
            "branch": branch,
            "tags": list(tags),
            "contracts": [contract(pact(consumer, provider, interactions), **more)],
        }
        answer = self.client.post(path("contracts", "publish"), json=body)
        assert answer.status_code == status, answer.text
        found: Json = answer.json()
        return found

    def to_verify(self, provider: str, **request: Any) -> list[Json]:
        """The pacts for verification."""
        answer = self.client.post(path("pacts", "provider", provider, "for-verification"), json=request)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["_embedded"]["pacts"]
        return found

    def follow(self, href: str) -> str:
        """A link as a path for this client."""
        return httpx.URL(href).raw_path.decode()

    def result(self, consumer: str, number: str, provider: str, provider_number: str, *, success: bool) -> Json:
        """Publish a verification result for the pact of a version."""
        document = self.get("pacts", "provider", provider, "consumer", consumer, "version", number)
        href = document["_links"]["pb:publish-verification-results"]["href"]
        answer = self.client.post(
            self.follow(href), json={"success": success, "providerApplicationVersion": provider_number}
        )
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        return found

    def environments(self) -> dict[str, str]:
        """UUIDs by name."""
        return {each["name"]: each["uuid"] for each in self.get("environments")["_embedded"]["environments"]}

    def environment(self, name: str) -> str:
        """An environment's UUID, made when it is not there."""
        known = self.environments()
        if name in known:
            return known[name]
        answer = self.client.post(path("environments"), json={"name": name, "production": False})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["uuid"])

    def deploy(self, application: str, number: str, environment: str, instance: str = "") -> Json:
        """Record a deployment."""
        return self._record("deployed-versions", application, number, environment, {"applicationInstance": instance})

    def release(self, application: str, number: str, environment: str) -> Json:
        """Record a release."""
        return self._record("released-versions", application, number, environment, {})

    def _record(self, kind: str, application: str, number: str, environment: str, body: Mapping[str, str]) -> Json:
        uuid = self.environment(environment)
        answer = self.client.post(
            path("pacticipants", application, "versions", number, kind, "environment", uuid),
            json={key: value for key, value in body.items() if value},
        )
        assert answer.status_code in (200, 201), answer.text
        found: Json = answer.json()
        return found

    def version(self, application: str, number: str, *, branch: str | None = None, tag: str | None = None) -> None:
        """Make a version, put it on a branch, tag it."""
        body: Json = {}
        if branch is not None:
            body["branch"] = branch
        answer = self.client.put(path("pacticipants", application, "versions", number), json=body)
        assert answer.status_code in (200, 201), answer.text
        if tag is not None:
            answer = self.client.put(path("pacticipants", application, "versions", number, "tags", tag), json={})
            assert answer.status_code in (200, 201), answer.text

    def matrix(self, query: str, status: int = 200) -> Json:
        """Ask the matrix."""
        answer = self.client.get(f"{path('matrix')}?{query}")
        assert answer.status_code == status, answer.text
        found: Json = answer.json()
        return found
