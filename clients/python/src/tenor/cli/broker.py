"""The contract broker's API as calls, below `/pact` of the registry's address, and the words for its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from tenor.calls import Call
from tenor.cli.output import one_line

Document = Mapping[str, Any]

MOUNT: Final = "/pact"
HEADERS: Final = {"Accept": "application/hal+json, application/json", "Content-Type": "application/json"}


def can_i_deploy(application: str, version: str, environment: str) -> Call[Document]:
    """Whether a version is safe beside what an environment runs: the broker's matrix with its summary."""
    pairs = [
        ("q[][pacticipant]", application),
        ("q[][version]", version),
        ("latestby", "cvpv"),
        ("environment", environment),
    ]

    def read(body: Any) -> Document:
        if body["summary"]["deployable"] not in (True, False, None):
            raise TypeError("deployable")
        list(notices(body))
        return _document(body)

    return Call("GET", f"{path('matrix')}?{urlencode(pairs)}", read, headers=HEADERS)


def environments(name: str | None = None) -> Call[list[Document]]:
    """All environments, or those of this name."""
    query = "" if name is None else f"?{urlencode({'name': name})}"

    def read(body: Any) -> list[Document]:
        return [
            {
                "name": str(item["name"]),
                "display_name": str(item["displayName"]),
                "production": bool(item["production"]),
                "uuid": str(item["uuid"]),
            }
            for item in body["_embedded"]["environments"]
        ]

    return Call("GET", path("environments") + query, read, headers=HEADERS)


def create_environment(name: str, display_name: str | None, *, production: bool) -> Call[Document]:
    """Create an environment; a second one of the same name is refused."""
    body: dict[str, Any] = {"name": name, "production": production}
    if display_name is not None:
        body["displayName"] = display_name
    return Call("POST", path("environments"), _document, body, repeatable=False, headers=HEADERS)


def deploy(application: str, version: str, environment_uuid: str, instance: str | None) -> Call[Document]:
    """Record a deployment; what ran on the same instance ends. The same again changes nothing."""
    here = path("pacticipants", application, "versions", version, "deployed-versions", "environment", environment_uuid)
    return Call("POST", here, _document, {"applicationInstance": instance} if instance else {}, headers=HEADERS)


def publish(
    application: str, version: str, contracts: Sequence[Document], *, branch: str | None, tags: Sequence[str]
) -> Call[Document]:
    """Publish the contracts of a consumer's version, all or none. The same again changes nothing."""
    body: dict[str, Any] = {
        "pacticipantName": application,
        "pacticipantVersionNumber": version,
        "tags": list(tags),
        "contracts": list(contracts),
    }
    if branch is not None:
        body["branch"] = branch

    def read(body: Any) -> Document:
        list(notices(body))
        return _document(body)

    return Call("POST", path("contracts", "publish"), read, body, headers=HEADERS)


def latest_contracts() -> Call[list[Document]]:
    """The newest contract of each consumer and provider."""

    def read(body: Any) -> list[Document]:
        return [
            {
                "consumer": str(item["_embedded"]["consumer"]["name"]),
                "version": str(item["_embedded"]["consumer"]["_embedded"]["version"]["number"]),
                "provider": str(item["_embedded"]["provider"]["name"]),
                "published": str(item["createdAt"]),
                "url": str(item["_links"]["self"][0]["href"]),
            }
            for item in body["pacts"]
        ]

    return Call("GET", path("pacts", "latest"), read, headers=HEADERS)


def to_verify(
    provider: str,
    selectors: Sequence[Document],
    *,
    branch: str | None,
    tags: Sequence[str],
    pending: bool,
) -> Call[list[str]]:
    """The paths of the pacts that a provider is to verify; the selectors choose, else the broker does."""
    body: dict[str, Any] = {
        "consumerVersionSelectors": list(selectors),
        "providerVersionTags": list(tags),
        "includePendingStatus": pending,
    }
    if branch is not None:
        body["providerVersionBranch"] = branch

    def read(body: Any) -> list[str]:
        return [_below(item["_links"]["self"]["href"]) for item in body["_embedded"]["pacts"]]

    return Call("POST", path("pacts", "provider", provider, "for-verification"), read, body, headers=HEADERS)


def pact(here: str) -> Call[tuple[str, str]]:
    """The consumer of a pact and its version."""

    def read(body: Any) -> tuple[str, str]:
        return str(body["consumer"]["name"]), str(body["_links"]["pb:consumer-version"]["name"])

    return Call("GET", here, read, headers=HEADERS)


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


def _below(href: str) -> str:
    """A link as a path below the registry's address: links name the public address, which may be another."""
    _, mount, rest = href.partition(f"{MOUNT}/pacts/")
    if not mount:
        raise ValueError("a link that leads elsewhere")
    return mount + rest


def path(*names: str) -> str:
    """A path below the mount; names may hold anything."""
    return MOUNT + "".join("/" + quote(name, safe="") for name in names)


def notices(body: Document) -> Iterator[tuple[str, str]]:
    """What the broker tells: (error, warning, success or info; the sentence on one line)."""
    for notice in body["notices"]:
        yield str(notice["type"]), one_line(str(notice["text"]))


def table(columns: Sequence[str], rows: Sequence[Document]) -> Iterator[str]:
    """Rows in columns that line up."""
    cells = [[name.replace("_", " ") for name in columns], *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(str(value)) or "-"


def _document(body: Any) -> Document:
    if not isinstance(body, dict):
        raise TypeError("object")
    return body
