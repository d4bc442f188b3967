"""HAL documents of the broker's resources: members that clients read, and links they follow. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from contracts import documents, hooks
from contracts.api.broker.parts import time
from contracts.catalog import Page
from contracts.pending import ToVerify
from contracts.queries.applications import Application, Branch, Marks, Tag, Version
from contracts.queries.environments import Environment, Presence
from contracts.queries.pacts import Content, Pact
from contracts.queries.verifications import Verification
from contracts.queries.webhooks import Delivery
from contracts.urls import Circumstances, Urls, segment

Document = dict[str, Any]


def link(href: str, title: str = "", name: str = "", *, templated: bool = False) -> Document:
    """A link."""
    found: Document = {"href": href}
    if title:
        found["title"] = title
    if name:
        found["name"] = name
    if templated:
        found["templated"] = True
    return found


def curies(urls: Urls, context: str) -> list[Document]:
    """What the prefixes of relations stand for."""
    return [
        {"name": name, "href": f"{urls.template('/doc')}/{{rel}}?context={context}", "templated": True}
        for name in ("pb", "beta")
    ]


def page_of(found: Page, total: int) -> Document:
    """The `page` member of a list."""
    size = found.size or max(total, 1)
    return {"number": found.number, "size": size, "totalElements": total, "totalPages": -(-total // size)}


def page_links(here: str, found: Page, total: int, containing: str = "") -> Document:
    """Links to the parts beside this one, of the list that `q` narrowed."""
    links: Document = {}
    if found.size is None:
        return links
    narrowed = f"&q={segment(containing)}" if containing else ""

    def to(number: int) -> Document:
        return link(f"{here}?page={number}&size={found.size}{narrowed}")

    if found.number > 1:
        links["previous"] = to(found.number - 1)
    if found.number * found.size < total:
        links["next"] = to(found.number + 1)
    return links


# applications


def application(
    urls: Urls, found: Application, labels: Sequence[tuple[str, int]] = (), *, short: bool = False
) -> Document:
    """An application."""
    here = urls.application(found.name)
    body: Document = {"name": found.name}
    for key, value in (
        ("displayName", found.display_name or found.name),
        ("mainBranch", found.main_branch),
        ("repositoryUrl", found.repository_url),
        ("repositoryName", found.repository_name),
        ("repositoryNamespace", found.repository_namespace),
    ):
        if value is not None:
            body[key] = value
    body |= {"createdAt": time(found.created_at), "updatedAt": time(found.updated_at)}
    links: Document = {"self": link(here, found.name)}
    if not short:
        body["_embedded"] = {"labels": [label(urls, found.name, name) for name, _ in labels]}
        links |= {
            "pb:versions": link(f"{here}/versions"),
            "pb:version": link(f"{here}/versions/{{version}}", templated=True),
            "pb:latest-version": link(f"{here}/latest-version"),
            "pb:version-tag": link(f"{here}/versions/{{version}}/tags/{{tag}}", templated=True),
            "pb:branches": link(f"{here}/branches"),
            "pb:branch": link(f"{here}/branches/{{branch}}", templated=True),
            "pb:branch-version": link(f"{here}/branches/{{branch}}/versions/{{version}}", templated=True),
            "pb:label": link(f"{here}/labels/{{label}}", templated=True),
            "pb:can-i-deploy-badge": link(
                f"{here}/latest-version/{{tag}}/can-i-deploy/to/{{environmentTag}}/badge", templated=True
            ),
            "curies": curies(urls, "pacticipant"),
        }
    return {**body, "_links": links}


def label(urls: Urls, application: str, name: str) -> Document:
    """A label, as part of an application."""
    return {"name": name, "_links": {"self": link(urls.to("pacticipants", application, "labels", name))}}


def branch_mark(urls: Urls, application: str, number: str, name: str, *, latest: bool) -> Document:
    """A branch as a mark of a version."""
    here = urls.to("pacticipants", application, "branches", name, "versions", number)
    return {"name": name, "latest": latest, "_links": {"self": link(here, "Branch version")}}


def tag_mark(urls: Urls, application: str, number: str, name: str, *, latest: bool) -> Document:
    """A tag as a mark of a version."""
    here = urls.to("pacticipants", application, "versions", number, "tags", name)
    return {"name": name, "latest": latest, "_links": {"self": link(here, "Tag", name)}}


def version(
    urls: Urls, found: Version, marks: Marks, places: Sequence[Environment], published: Sequence[Pact] = ()
) -> Document:
    """A version, with links to record where it goes."""
    here = urls.version(found.application, found.number)
    branches = [branch_mark(urls, found.application, found.number, name, latest=head) for name, head in marks.branches]
    body: Document = {"number": found.number, "createdAt": time(found.created_at)}
    if found.build_url is not None:
        body["buildUrl"] = found.build_url

    def records(kind: str, verb: str) -> list[Document]:
        return [
            link(f"{here}/{kind}/environment/{place.uuid}", f"Record {verb} {place.display_name}", place.name)
            for place in places
        ]

    body["_embedded"] = {
        "branches": branches,
        "branchVersions": branches,
        "tags": [tag_mark(urls, found.application, found.number, name, latest=newest) for name, newest in marks.tags],
    }
    body["_links"] = {
        "self": link(here, "Version", found.number),
        "pb:pacticipant": link(urls.application(found.application), "Pacticipant", found.application),
        "pb:tag": link(f"{here}/tags/{{tag}}", templated=True),
        "pb:pact-versions": [
            link(urls.pact(one.provider, one.consumer, one.number), "Pact", _pact_name(one)) for one in published
        ],
        "pb:record-deployment": records("deployed-versions", "deployment to"),
        "pb:record-release": records("released-versions", "release to"),
        "pb:latest-verification-results-where-pacticipant-is-consumer": link(
            urls.to("verification-results", "consumer", found.application, "version", found.number, "latest")
        ),
        "curies": curies(urls, "pacticipant-version"),
    }
    return body


def matrix_version(
    urls: Urls, application: str, number: str, marks: Marks, places: Mapping[str, Environment]
) -> Document:
    """A version as part of a matrix row."""
    branches = [branch_mark(urls, application, number, name, latest=head) for name, head in marks.branches]
    there = [places[name] for name in dict.fromkeys((*marks.deployed, *marks.released)) if name in places]
    return {
        "number": number,
        "branch": marks.branches[-1][0] if marks.branches else None,
        "branches": branches,
        "branchVersions": branches,
        "environments": [environment(urls, place, short=True) for place in there],
        "tags": [tag_mark(urls, application, number, name, latest=newest) for name, newest in marks.tags],
        "_links": {"self": link(urls.version(application, number))},
    }


def branch(urls: Urls, found: Branch) -> Document:
    """A branch."""
    here = urls.to("pacticipants", found.application, "branches", found.name)
    return {
        "name": found.name,
        "createdAt": time(found.created_at),
        "updatedAt": time(found.updated_at),
        "_links": {
            "self": link(here, "Branch"),
            "pb:latest-version": link(f"{here}/latest-version"),
            "pb:versions": link(f"{here}/versions"),
        },
    }


def branch_version(urls: Urls, found: Version, branch: str) -> Document:
    """A version on a branch."""
    return {
        "_links": {
            "self": link(urls.to("pacticipants", found.application, "branches", branch, "versions", found.number)),
            "pb:pacticipant": link(urls.application(found.application), "Pacticipant", found.application),
            "pb:branch": link(urls.to("pacticipants", found.application, "branches", branch), "Branch", branch),
            "pb:version": link(urls.version(found.application, found.number), "Pacticipant version", found.number),
        }
    }


def tag(urls: Urls, found: Tag) -> Document:
    """A tag."""
    here = urls.to("pacticipants", found.application, "versions", found.number, "tags", found.name)
    return {
        "name": found.name,
        "createdAt": time(found.created_at),
        "_links": {
            "self": link(here, "Tag", found.name),
            "version": link(urls.version(found.application, found.number), "Version", found.number),
            "pacticipant": link(urls.application(found.application), "Pacticipant", found.application),
        },
    }


# environments


def environment(urls: Urls, found: Environment, *, short: bool = False) -> Document:
    """An environment."""
    here = urls.environment(found.uuid)
    body: Document = {
        "uuid": found.uuid,
        "name": found.name,
        "displayName": found.display_name,
        "production": found.production,
    }
    links: Document = {"self": link(here, "Environment", found.name)}
    if not short:
        contacts = json.loads(found.contacts)
        if contacts:
            body["contacts"] = contacts
        links |= {
            "pb:currently-deployed-deployed-versions": link(
                f"{here}/deployed-versions/currently-deployed", "Versions currently deployed"
            ),
            "pb:currently-supported-released-versions": link(
                f"{here}/released-versions/currently-supported", "Released versions currently supported"
            ),
            "pb:environments": link(urls.to("environments"), "Environments"),
            "curies": curies(urls, "environment"),
        }
    body |= {"createdAt": time(found.created_at), "updatedAt": time(found.updated_at), "_links": links}
    return body


def deployed(urls: Urls, found: Presence, place: Environment) -> Document:
    """A deployment."""
    body: Document = {"uuid": found.uuid, "currentlyDeployed": found.current}
    if found.instance:
        body |= {"applicationInstance": found.instance, "target": found.instance}
    if found.ended_at is not None:
        body["undeployedAt"] = time(found.ended_at)
    return {**body, **_presence(urls, found, place, "deployed-versions")}


def released(urls: Urls, found: Presence, place: Environment) -> Document:
    """A release."""
    body: Document = {"uuid": found.uuid, "currentlySupported": found.current}
    if found.ended_at is not None:
        body["supportEndedAt"] = time(found.ended_at)
    return {**body, **_presence(urls, found, place, "released-versions")}


def _presence(urls: Urls, found: Presence, place: Environment, kind: str) -> Document:
    return {
        "createdAt": time(found.created_at),
        "_embedded": {
            "version": {
                "number": found.number,
                "_links": {"self": link(urls.version(found.application, found.number), "Version", found.number)},
                "_embedded": {
                    "pacticipant": {
                        "name": found.application,
                        "_links": {"self": link(urls.application(found.application), "Pacticipant", found.application)},
                    }
                },
            },
            "pacticipant": {
                "name": found.application,
                "_links": {"self": link(urls.application(found.application), "Pacticipant", found.application)},
            },
            "environment": environment(urls, place, short=True),
        },
        "_links": {
            "self": link(urls.to(kind, found.uuid)),
            "pb:version": link(urls.version(found.application, found.number), "Version", found.number),
            "pb:environment": link(urls.environment(place.uuid), "Environment", place.name),
        },
    }


# pacts


def _pact_name(one: Pact) -> str:
    return f"Pact between {one.consumer} ({one.number}) and {one.provider}"


def pact(urls: Urls, one: Pact, content: Content, *, here: str = "", why: Circumstances | None = None) -> Document:
    """A pact as clients verify it: the document with ids, and everything that leads on from it."""
    consumer, provider, sha = one.consumer, one.provider, one.sha
    told = (why or Circumstances()).encoded() or Circumstances(numbers=(one.number,)).encoded()
    by_version = urls.pact(provider, consumer, one.number)
    by_content = urls.content(provider, consumer, sha, told)
    body = documents.with_ids(documents.read(content.text).body)
    body["createdAt"] = time(one.created_at)
    body["_links"] = {
        "self": link(here or by_version, "Pact", _pact_name(one)),
        "pb:consumer": link(urls.application(consumer), "Consumer", consumer),
        "pb:consumer-version": link(urls.version(consumer, one.number), "Consumer version", one.number),
        "pb:consumer-versions": [link(urls.version(consumer, one.number), "Consumer version", one.number)],
        "pb:provider": link(urls.application(provider), "Provider", provider),
        "pb:pact-version": link(urls.content(provider, consumer, sha), "Pact content", sha),
        "pb:latest-pact-version": link(urls.pair(provider, consumer, "latest"), "Latest version of this pact"),
        "pb:all-pact-versions": link(urls.pair(provider, consumer, "versions"), "All versions of this pact"),
        "pb:latest-untagged-pact-version": link(
            urls.pair(provider, consumer, "latest-untagged"), "Latest untagged version of this pact"
        ),
        "pb:latest-tagged-pact-version": link(
            f"{urls.pair(provider, consumer, 'latest')}/{{tag}}", "Latest tagged version of this pact", templated=True
        ),
        "pb:previous-distinct": link(f"{by_version}/previous-distinct", "Previous distinct version of this pact"),
        "pb:diff-previous-distinct": link(
            f"{by_version}/diff/previous-distinct", "Diff with previous distinct version of this pact"
        ),
        "pb:diff": link(
            f"{urls.content(provider, consumer, sha)}/diff/pact-version/{{pactVersion}}",
            "Diff with another specified version of this pact",
            templated=True,
        ),
        "pb:pact-webhooks": link(
            urls.to("webhooks", "provider", provider, "consumer", consumer), "Webhooks for the pact"
        ),
        "pb:consumer-webhooks": link(urls.to("webhooks", "consumer", consumer), "Webhooks for the consumer"),
        "pb:triggered-webhooks": link(f"{by_version}/triggered-webhooks", "Webhooks triggered by this pact"),
        "pb:tag-prod-version": link(
            f"{urls.version(consumer, one.number)}/tags/prod", "PUT to tag this version as prod"
        ),
        "pb:tag-version": link(
            f"{urls.version(consumer, one.number)}/tags/{{tag}}", "PUT to tag this version", templated=True
        ),
        "pb:publish-verification-results": link(f"{by_content}/verification-results", "Publish verification results"),
        "pb:latest-verification-results": link(urls.results(provider, consumer, sha, "latest")),
        "pb:matrix-for-consumer-version": link(
            f"{urls.template('/matrix')}?q[][pacticipant]={segment(consumer)}&q[][version]={segment(one.number)}"
            "&latestby=cvpv",
            "View matrix rows for the consumer version",
        ),
        "curies": curies(urls, "pact"),
    }
    return body


def pact_link(urls: Urls, one: Pact) -> Document:
    """A pact in a list of a provider's."""
    return link(urls.pact(one.provider, one.consumer, one.number), _pact_name(one), one.consumer)


def listed_pact(urls: Urls, one: Pact) -> Document:
    """A pact in the list of all latest ones."""
    return {
        "createdAt": time(one.created_at),
        "_embedded": {
            "consumer": {
                "name": one.consumer,
                "_embedded": {
                    "version": {
                        "number": one.number,
                        "_links": {"self": link(urls.version(one.consumer, one.number))},
                    }
                },
                "_links": {"self": link(urls.application(one.consumer))},
            },
            "provider": {"name": one.provider, "_links": {"self": link(urls.application(one.provider))}},
        },
        "_links": {
            "self": [
                link(urls.pact(one.provider, one.consumer, one.number), "Pact", _pact_name(one)),
                link(urls.pair(one.provider, one.consumer, "latest"), "Latest pact"),
            ]
        },
    }


def to_verify(urls: Urls, provider: str, one: ToVerify) -> Document:
    """A pact that a provider is to verify."""
    chosen = one.chosen
    numbers = tuple(dict.fromkeys(choice.version.number for choice in chosen.choices))
    why = Circumstances(one.wip is True, numbers)
    properties: Document = {}
    if one.pending is not None:
        properties["pending"] = one.pending
    if one.wip is not None:
        properties["wip"] = one.wip
    properties["notices"] = [{"when": notice.when, "text": notice.text} for notice in one.notices]
    name = f"Pact between {chosen.consumer} ({', '.join(numbers)}) and {provider}"
    return {
        "shortDescription": one.short,
        "verificationProperties": properties,
        "_links": {"self": link(urls.content(provider, chosen.consumer, chosen.sha, why.encoded()), name=name)},
    }


def verification(urls: Urls, found: Verification) -> Document:
    """A result, its tests under the interactions' ids."""
    details = json.loads(found.details)
    body: Document = {
        "providerName": found.provider,
        "providerApplicationVersion": found.provider_number,
        "success": found.success,
        "verificationDate": time(found.created_at),
    }
    if found.build_url is not None:
        body["buildUrl"] = found.build_url
    if found.wip:
        body["wip"] = True
    body |= {key: details[key] for key in ("testResults", "verifiedBy") if key in details}
    here = urls.results(found.provider, found.consumer, found.sha, str(found.number))
    body["_links"] = {
        "self": link(here, "Verification result", str(found.number)),
        "pb:pact-version": link(urls.content(found.provider, found.consumer, found.sha), "Pact content", found.sha),
        "pb:provider": link(urls.application(found.provider), "Provider", found.provider),
        "pb:provider-version": link(urls.version(found.provider, found.provider_number), "Provider version"),
        "pb:triggered-webhooks": link(f"{here}/triggered-webhooks", "Webhooks triggered by this result"),
    }
    return body


# webhooks


def webhook(urls: Urls, kept: hooks.Kept) -> Document:
    """A webhook, its secrets starred."""
    here = urls.to("webhooks", kept.uuid)
    links: Document = {
        "self": link(here, "Webhook", kept.webhook.description or kept.uuid),
        "pb:execute": link(f"{here}/execute", "Test the execution of the webhook"),
        "pb:webhooks": link(urls.to("webhooks"), "All webhooks"),
        "curies": curies(urls, "webhook"),
    }
    for side, target in (("consumer", kept.webhook.consumer), ("provider", kept.webhook.provider)):
        if target.name is not None:
            links[f"pb:{side}"] = link(urls.application(target.name), side.capitalize(), target.name)
    return {
        **hooks.shown(kept),
        "createdAt": time(kept.created_at),
        "updatedAt": time(kept.updated_at),
        "_links": links,
    }


def delivery(urls: Urls, found: Delivery, attempts: int, webhook_uuid: str | None) -> Document:
    """A firing of a webhook."""
    links: Document = {"pb:logs": link(urls.to("triggered-webhooks", found.uuid, "logs"), "Webhook execution logs")}
    if webhook_uuid is not None:
        links["pb:webhook"] = link(urls.to("webhooks", webhook_uuid), "Webhook")
    status = {"waiting": "retrying" if found.attempts else "not_run", "sending": "not_run"}
    return {
        "name": found.event,
        "uuid": found.uuid,
        "status": status.get(found.status, found.status),
        "attemptsMade": attempts,
        "triggeredAt": time(found.created_at),
        "eventName": found.event,
        "_links": links,
    }
