"""Publishing contracts: reading what a client sends, and telling it what became of it. Pure.

{"pacticipantName": "shop", "pacticipantVersionNumber": "1.4", "branch": "main", "tags": ["dev"], "buildUrl": "…",
 "contracts": [{"consumerName": "shop", "providerName": "api", "specification": "pact",
                "contentType": "application/json", "content": "<base64>", "onConflict": "merge"}]}
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts import documents
from contracts.documents import Document
from contracts.errors import InvalidFields, InvalidPact
from contracts.merging import OnConflict, Publishing
from contracts.notices import Level, Notice


@dataclass(frozen=True, slots=True)
class Contract:
    """One pact of a publication, decoded."""

    consumer: str
    provider: str
    document: Document
    on_conflict: OnConflict | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """What a client publishes for one version of its application."""

    application: str
    number: str
    contracts: tuple[Contract, ...]
    branch: str | None = None
    tags: tuple[str, ...] = ()
    build_url: str | None = None


def publication(body: object) -> Publication:
    """Read the body of `POST /contracts/publish`. Raises InvalidFields with all faults.

    The names inside a pact must agree with those around it, where it has any.
    """
    if not isinstance(body, Mapping):
        raise InvalidFields({"body": ["must be a JSON object"]})
    faults: dict[str, list[str]] = {}
    application = _needed(body, "pacticipantName", faults)
    number = _needed(body, "pacticipantVersionNumber", faults)
    if any(letter in number for letter in "\r\n"):
        faults["pacticipantVersionNumber"] = ["must stand on one line"]
    branch, build_url = _optional(body, "branch", faults), _optional(body, "buildUrl", faults)
    tags = body.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        faults["tags"] = ["must be a list of names"]
        tags = []
    listed = body.get("contracts")
    if not isinstance(listed, list) or not listed:
        faults["contracts"] = ["must be a list with at least one contract"]
        listed = []
    contracts: list[Contract] = []
    for index, entry in enumerate(listed):
        sentences: list[str] = []
        contract = _contract(entry, application, sentences)
        if sentences or contract is None:
            faults.setdefault("contracts", []).extend(f"{sentence} (at index {index})" for sentence in sentences)
        else:
            contracts.append(contract)
    if faults:
        raise InvalidFields(faults)
    return Publication(application, number, tuple(contracts), branch, tuple(dict.fromkeys(tags)), build_url)


def _needed(body: Mapping[str, Any], name: str, faults: dict[str, list[str]]) -> str:
    value = body.get(name)
    if isinstance(value, str) and value.strip():
        return value
    faults[name] = ["is missing" if value is None else "can't be blank"]
    return ""


def _optional(body: Mapping[str, Any], name: str, faults: dict[str, list[str]]) -> str | None:
    value = body.get(name)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    faults[name] = ["can't be blank" if value == "" else "must be a string"]
    return None


def _contract(entry: object, application: str, sentences: list[str]) -> Contract | None:
    if not isinstance(entry, Mapping):
        sentences.append("must be an object")
        return None
    faults: dict[str, list[str]] = {}
    consumer, provider = _needed(entry, "consumerName", faults), _needed(entry, "providerName", faults)
    content = _needed(entry, "content", faults)
    sentences.extend(f"{name} {sentence}" for name, found in faults.items() for sentence in found)
    if consumer and application and consumer != application:
        sentences.append(f"consumerName ('{consumer}') must be the pacticipantName ('{application}')")
    for name, only in (("contentType", "application/json"), ("specification", "pact")):
        if entry.get(name) != only:
            sentences.append(f"{name} must be {only}")
    on_conflict = entry.get("onConflict")
    if on_conflict is not None and on_conflict not in [choice.value for choice in OnConflict]:
        sentences.append("onConflict must be overwrite or merge")
        on_conflict = None
    document = _document(content, sentences) if content else None
    if document is None or sentences:
        return None
    for name, outside, inside in (
        ("consumer", consumer, document.consumer),
        ("provider", provider, document.provider),
    ):
        if inside and inside != outside:
            sentences.append(f"the {name} name in the pact ('{inside}') must be the {name}Name ('{outside}')")
    return Contract(consumer, provider, document, OnConflict(on_conflict) if on_conflict else None)


def _document(content: str, sentences: list[str]) -> Document | None:
    try:
        decoded = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        sentences.append("content must be strict base64")
        return None
    try:
        return documents.read(decoded)
    except InvalidPact as problem:
        sentences.append(f"content must hold a pact: {problem.data['reason']}")
        return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one contract. `changed`: its content is new to this consumer and provider."""

    consumer: str
    provider: str
    publishing: Publishing
    changed: bool
    first: bool = False


def notices(publication: Publication, outcomes: Sequence[Outcome], *, created: bool) -> tuple[Notice, ...]:
    """What the publisher is told, in the order it happened."""
    return tuple(_notices(publication, outcomes, created=created))


def _notices(publication: Publication, outcomes: Sequence[Outcome], *, created: bool) -> Iterator[Notice]:
    details = [f"branch {publication.branch}"] if publication.branch else []
    if publication.tags:
        details.append(f"tags {', '.join(publication.tags)}")
    suffix = f" with {' and '.join(details)}" if details else ""
    verb = "Created" if created else "Updated"
    yield Notice(Level.SUCCESS, f"{verb} {publication.application} version {publication.number}{suffix}")
    if not details:
        yield Notice(
            Level.WARNING,
            "No branch was given. Publish with --branch, so that providers can choose pacts by branch.",
        )
    for outcome in outcomes:
        yield from _told(publication, outcome)


_VERBS = {
    Publishing.CREATED: (Level.SUCCESS, "Pact successfully published"),
    Publishing.UNCHANGED: (Level.SUCCESS, "Pact successfully republished"),
    Publishing.OVERWRITTEN: (Level.WARNING, "Pact overwritten"),
    Publishing.MERGED: (Level.SUCCESS, "Pact successfully merged into the published one"),
    Publishing.CONFLICT: (Level.ERROR, "Pact refused: its content cannot be changed"),
}


def _told(publication: Publication, outcome: Outcome) -> Iterator[Notice]:
    level, verb = _VERBS[outcome.publishing]
    yield Notice(level, f"{verb} for {outcome.consumer} version {publication.number} and provider {outcome.provider}.")
    if outcome.publishing is Publishing.CONFLICT:
        return
    if outcome.first:
        yield Notice(
            Level.DEBUG, "  Events detected: contract_published, contract_content_changed (first time published)"
        )
    elif outcome.changed:
        yield Notice(Level.DEBUG, "  Events detected: contract_published, contract_content_changed")
    else:
        yield Notice(Level.DEBUG, "  Events detected: contract_published (the content is known: its results apply)")
    if outcome.first:
        yield Notice(
            Level.PROMPT,
            f"  Next: verify this pact in the build of {outcome.provider}, and add a webhook for the event "
            "contract_requiring_verification_published that starts it.",
        )
