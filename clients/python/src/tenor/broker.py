"""The contract broker's API, below `/pact` of a registry's address: what a verification of contracts asks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from tenor.calls import Call

Document = Mapping[str, Any]

MOUNT: Final = "/pact"
HEADERS: Final = {"Accept": "application/hal+json, application/json", "Content-Type": "application/json"}


def to_verify(
    provider: str,
    selectors: Sequence[Document],
    *,
    branch: str | None,
    tags: Sequence[str],
    pending: bool,
    wip_since: str | None,
) -> Call[list[tuple[str, bool]]]:
    """The pacts that a provider is to verify: path, and whether it may fail. The selectors choose, else the broker."""
    body: dict[str, Any] = {
        "consumerVersionSelectors": list(selectors),
        "providerVersionTags": list(tags),
        "includePendingStatus": pending,
    }
    if branch is not None:
        body["providerVersionBranch"] = branch
    if wip_since is not None:
        body["includeWipPactsSince"] = wip_since

    def read(body: Any) -> list[tuple[str, bool]]:
        return [
            (below(item["_links"]["self"]["href"]), bool(item.get("verificationProperties", {}).get("pending")))
            for item in body["_embedded"]["pacts"]
        ]

    return Call("POST", path("pacts", "provider", provider, "for-verification"), read, body, headers=HEADERS)


def pact(here: str) -> Call[tuple[Document, str]]:
    """A pact and the version of its consumer."""

    def read(body: Any) -> tuple[Document, str]:
        return document(body), str(body["_links"]["pb:consumer-version"]["name"])

    return Call("GET", here, read, headers=HEADERS)


def put_on_branch(application: str, version: str, branch: str) -> Call[None]:
    """A version is built from a branch; both are made where they are missing. The same again changes nothing."""
    here = path("pacticipants", application, "branches", branch, "versions", version)
    return Call("PUT", here, lambda _: None, {}, headers=HEADERS)


def put_tag(application: str, version: str, tag: str) -> Call[None]:
    """A version has a tag; both are made where they are missing. The same again changes nothing."""
    here = path("pacticipants", application, "versions", version, "tags", tag)
    return Call("PUT", here, lambda _: None, {}, headers=HEADERS)


def record_result(here: str, result: Document) -> Call[bool]:
    """Record what a verification of a pact came to, at the path that the pact names: whether it says so."""
    return Call("POST", here, lambda body: bool(body["success"]), result, repeatable=False, headers=HEADERS)


def result_of(consumer: str, version: str, provider: str, provider_version: str) -> Call[str | None]:
    """The address of the newest verification result of two versions, None without one."""
    pairs = [
        ("q[][pacticipant]", consumer),
        ("q[][version]", version),
        ("q[][pacticipant]", provider),
        ("q[][version]", provider_version),
        ("latestby", "cvpv"),
    ]

    def read(body: Any) -> str | None:
        rows = [
            row
            for row in body["matrix"]
            if (row["consumer"]["name"], row["provider"]["name"]) == (consumer, provider)
            and row["verificationResult"] is not None
        ]
        return str(rows[0]["verificationResult"]["_links"]["self"]["href"]) if rows else None

    return Call("GET", f"{path('matrix')}?{urlencode(pairs)}", read, headers=HEADERS)


def below(href: str) -> str:
    """A link as a path below the registry's address: links name the public address, which may be another."""
    _, mount, rest = href.partition(f"{MOUNT}/pacts/")
    if not mount:
        raise ValueError("a link that leads elsewhere")
    return mount + rest


def path(*names: str) -> str:
    """A path below the mount; names may hold anything."""
    return MOUNT + "".join("/" + quote(name, safe="") for name in names)


def document(body: Any) -> Document:
    """An answer that is an object. Raises TypeError."""
    if not isinstance(body, dict):
        raise TypeError("object")
    return body
