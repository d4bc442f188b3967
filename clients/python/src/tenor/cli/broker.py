"""The contract broker's API as calls, but for verification (`tenor.broker`), and the words for its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from tenor import broker
from tenor.broker import HEADERS, document, path
from tenor.calls import Call
from tenor.cli.output import one_line

Document = broker.Document


def can_i_deploy(
    selector: Mapping[str, str], destination: Mapping[str, str], ignored: Sequence[tuple[str, str | None]] = ()
) -> Call[Document]:
    """Whether a version is safe at a destination: the broker's matrix with its summary.

    `selector` chooses the version: pacticipant, and version, branch, tag, latest, mainBranch. `destination` holds
    environment, or latest with tag or mainBranch. What is ignored is (application, version or None for all).
    """
    pairs = [
        *((f"q[][{name}]", value) for name, value in selector.items()),
        # The newest row of a pair would hide an older version that an environment still runs.
        ("latestby", "cvpv" if "environment" in destination else "cvp"),
        *destination.items(),
    ]
    for application, version in ignored:
        pairs.append(("ignore[][pacticipant]", application))
        if version is not None:
            pairs.append(("ignore[][version]", version))

    def read(body: Any) -> Document:
        if body["summary"]["deployable"] not in (True, False, None):
            raise TypeError("deployable")
        list(notices(body))
        return document(body)

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
                "contacts": list(item.get("contacts", ())),
            }
            for item in body["_embedded"]["environments"]
        ]

    return Call("GET", path("environments") + query, read, headers=HEADERS)


def create_environment(name: str, display_name: str | None, *, production: bool) -> Call[Document]:
    """Create an environment; a second one of the same name is refused."""
    body: dict[str, Any] = {"name": name, "production": production}
    if display_name is not None:
        body["displayName"] = display_name
    return Call("POST", path("environments"), document, body, repeatable=False, headers=HEADERS)


def update_environment(environment: Document) -> Call[Document]:
    """Replace an environment by what `environments` told of it, changed."""
    body = {
        "name": environment["name"],
        "displayName": environment["display_name"],
        "production": environment["production"],
        "contacts": environment["contacts"],
    }
    return Call("PUT", path("environments", environment["uuid"]), document, body, headers=HEADERS)


def delete_environment(uuid: str) -> Call[None]:
    """Delete an environment with what was recorded for it."""
    return Call("DELETE", path("environments", uuid), lambda _: None, repeatable=False, headers=HEADERS)


DEPLOYED: Final = "deployed-versions"
RELEASED: Final = "released-versions"
KINDS: Final = (DEPLOYED, RELEASED)
_CURRENT: Final = {
    DEPLOYED: ("currently-deployed", "deployedVersions", "currentlyDeployed"),
    RELEASED: ("currently-supported", "releasedVersions", "currentlySupported"),
}


def deploy(application: str, version: str, environment_uuid: str, instance: str | None) -> Call[Document]:
    """Record a deployment; what ran on the same instance ends. The same again changes nothing."""
    return _record(DEPLOYED, application, version, environment_uuid, {"applicationInstance": instance})


def release(application: str, version: str, environment_uuid: str) -> Call[Document]:
    """Record a release, beside others. The same again changes nothing, unless its support had ended."""
    return _record(RELEASED, application, version, environment_uuid, {})


def _record(
    kind: str, application: str, version: str, environment_uuid: str, body: Mapping[str, str | None]
) -> Call[Document]:
    here = path("pacticipants", application, "versions", version, kind, "environment", environment_uuid)
    return Call("POST", here, document, {name: value for name, value in body.items() if value}, headers=HEADERS)


def present(kind: str, environment_uuid: str, application: str | None = None) -> Call[list[Document]]:
    """What is DEPLOYED or RELEASED in an environment now, of one application or of all."""
    state, member, _ = _CURRENT[kind]
    query = "" if application is None else f"?{urlencode({'pacticipant': application})}"

    def read(body: Any) -> list[Document]:
        return [
            {
                "application": str(item["_embedded"]["pacticipant"]["name"]),
                "version": str(item["_embedded"]["version"]["number"]),
                "instance": str(item.get("applicationInstance") or ""),
                "since": str(item["createdAt"]),
                "uuid": str(item["uuid"]),
            }
            for item in body["_embedded"][member]
        ]

    return Call("GET", path("environments", environment_uuid, kind, state) + query, read, headers=HEADERS)


def end(kind: str, uuid: str) -> Call[Document]:
    """A version is deployed, or its release supported, no longer. The same again changes nothing."""
    return Call("PATCH", path(kind, uuid), document, {_CURRENT[kind][2]: False}, headers=HEADERS)


def publish(
    application: str,
    version: str,
    contracts: Sequence[Document],
    *,
    branch: str | None,
    tags: Sequence[str],
    build_url: str | None,
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
    if build_url is not None:
        body["buildUrl"] = build_url

    def read(body: Any) -> Document:
        list(notices(body))
        return document(body)

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
