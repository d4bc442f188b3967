"""`/`: the relations that clients start from."""

from __future__ import annotations

from typing import Any

from contracts.api.broker import answers
from contracts.api.broker.hal import curies, link
from contracts.api.broker.parts import Answer, answer, get, urls
from contracts.urls import Urls
from registry.security.access import PUBLIC
from registry.services import Call

_PAIR = "/pacts/provider/{provider}/consumer/{consumer}"
_PROVIDER = "/pacts/provider/{provider}"
_APPLICATION = "/pacticipants/{pacticipant}"

RELATIONS: dict[str, tuple[str, str]] = {
    # relation: path (templated where it has braces), title
    "pb:publish-pact": (f"{_PAIR}/version/{{consumerApplicationVersion}}", "Publish a pact"),
    "pb:publish-contracts": ("/contracts/publish", "Publish contracts"),
    "pb:latest-pact-versions": ("/pacts/latest", "Latest pact versions"),
    "pb:tagged-pact-versions": (f"{_PAIR}/tag/{{tag}}", "All pacts of a pair with a tag"),
    "pb:branch-pact-versions": (f"{_PAIR}/branch/{{branch}}", "All pacts of a pair from a branch"),
    "pb:latest-branch-pact-versions": (f"{_PAIR}/branch/{{branch}}/latest/versions", "Latest pact from a branch"),
    "pb:main-branch-pact-versions": (f"{_PAIR}/branch/versions", "All pacts of a pair from the main branch"),
    "pb:latest-main-branch-pact-versions": (f"{_PAIR}/branch/latest/versions", "Latest pact from the main branch"),
    "pb:pacticipants": ("/pacticipants", "Pacticipants"),
    "pb:pacticipant": (_APPLICATION, "Fetch a pacticipant by name"),
    "pb:latest-provider-pacts": (f"{_PROVIDER}/latest", "Latest pacts by provider"),
    "pb:latest-provider-pacts-with-tag": (f"{_PROVIDER}/latest/{{tag}}", "Latest pacts by provider with a tag"),
    "pb:provider-pacts-with-tag": (f"{_PROVIDER}/tag/{{tag}}", "All pacts of a provider with a tag"),
    "pb:provider-pacts-with-branch": (f"{_PROVIDER}/branch/{{branch}}", "All pacts of a provider from a branch"),
    "pb:provider-pacts-with-main-branch": (f"{_PROVIDER}/branch", "All pacts of a provider from main branches"),
    "pb:latest-provider-pacts-with-branch": (f"{_PROVIDER}/branch/{{branch}}/latest", "Latest pacts from a branch"),
    "pb:latest-provider-pacts-with-main-branch": (f"{_PROVIDER}/branch/latest", "Latest pacts from main branches"),
    "pb:provider-pacts": (_PROVIDER, "All pacts of a provider"),
    "pb:provider-pacts-for-verification": (f"{_PROVIDER}/for-verification", "Pacts to verify"),
    "beta:provider-pacts-for-verification": (f"{_PROVIDER}/for-verification", "Pacts to verify"),
    "pb:latest-version": (f"{_APPLICATION}/latest-version", "Latest pacticipant version"),
    "pb:latest-tagged-version": (f"{_APPLICATION}/latest-version/{{tag}}", "Latest pacticipant version with a tag"),
    "pb:pacticipant-version": (f"{_APPLICATION}/versions/{{version}}", "A pacticipant version"),
    "pb:pacticipant-version-tag": (f"{_APPLICATION}/versions/{{version}}/tags/{{tag}}", "A tag of a version"),
    "pb:pacticipant-branch": (f"{_APPLICATION}/branches/{{branch}}", "A branch"),
    "pb:pacticipant-branch-version": (
        f"{_APPLICATION}/branches/{{branch}}/versions/{{version}}",
        "Get or add a version on a branch",
    ),
    "pb:environments": ("/environments", "Environments"),
    "pb:environment": ("/environments/{uuid}", "An environment"),
    "pb:webhooks": ("/webhooks", "Webhooks"),
    "pb:webhook": ("/webhooks/{uuid}", "A webhook"),
    "pb:integrations": ("/integrations", "Integrations"),
    "pb:metrics": ("/metrics", "Counts"),
    "pf:publish-provider-contract": (
        "/provider-contracts/provider/{provider}/publish",
        "Publish what a provider writes",
    ),
    "pb:can-i-deploy-pacticipant-version-to-tag": (
        "/can-i-deploy?pacticipant={pacticipant}&version={version}&to={tag}",
        "Can a version be deployed to where a tag stands",
    ),
    "pb:can-i-deploy-pacticipant-version-to-environment": (
        "/can-i-deploy?pacticipant={pacticipant}&version={version}&environment={environment}",
        "Can a version be deployed to an environment",
    ),
}


def index(found: Urls) -> dict[str, Any]:
    """The index."""
    links: dict[str, Any] = {"self": link(found.to(), "Index")}
    for relation, (path, title) in RELATIONS.items():
        links[relation] = link(found.template(path), title, templated="{" in path)
    links["curies"] = curies(found, "index")
    return {"_links": links}


@get("/", PUBLIC, answers.Index, summary="The index of relations")
async def get_index(request: Call) -> Answer:
    """Where everything is."""
    return answer(index(urls(request)))


HANDLERS = [get_index]
