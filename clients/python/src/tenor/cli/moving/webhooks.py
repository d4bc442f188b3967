"""Webhooks of a contract broker, as far as it tells of them: what is secret is shown as stars. Pure.

A copy has all but the secrets, and is disabled until somebody sets them; where they were set, they stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from tenor.cli.moving import Document, Key, Records

WEBHOOK: Final = "webhook"
MASK: Final = "**********"
"""What brokers show for a secret, and take for the one that they have."""

_REQUEST: Final = ("method", "url", "headers", "body", "username", "password", "secret")


def listed(body: Any) -> list[str]:
    """The addresses of all webhooks."""
    return [str(each["href"]) for each in body["_links"].get("pb:webhooks") or ()]


def read(body: Any) -> tuple[str, Document]:
    """A webhook by UUID."""
    request = {name: body["request"][name] for name in _REQUEST if body["request"].get(name) not in (None, {})}
    document: dict[str, Any] = {
        "description": str(body.get("description") or ""),
        "enabled": body.get("enabled", True) is not False,
        "events": sorted(str(each["name"]) for each in body.get("events") or ()),
        "request": request,
    }
    for side in ("consumer", "provider"):
        target = body.get(side) or {}
        document[side] = {name: str(target[name]) for name in ("name", "label") if target.get(name)}
    return str(body["uuid"] if body.get("uuid") else body["_links"]["self"]["href"].rpartition("/")[2]), document


def secrets(document: Document) -> list[str]:
    """Where a webhook has secrets: `password`, `headers.Authorization`."""
    return [".".join(place) for place, value in _texts(document["request"]) if value == MASK]


def differing(source: Document, there: Document) -> list[str]:
    """The members of a webhook that are not as in the source. Its secrets are its own, and if it has, when it runs."""
    hidden = {place for document in (source, there) for place, value in _texts(document["request"]) if value == MASK}
    found = [name for name in ("description", "events", "consumer", "provider") if source[name] != there[name]]
    if not secrets(source) and source["enabled"] != there["enabled"]:
        found.append("enabled")
    if _without(source["request"], hidden) != _without(there["request"], hidden):
        found.append("request")
    return sorted(found)


def body(source: Document, there: Document | None) -> dict[str, Any]:
    """What makes a webhook as the source's. `there`: the one that the target has, whose secrets stay."""
    known = set() if there is None else {place for place, value in _texts(there["request"]) if value == MASK}
    unknown = {place for place, value in _texts(source["request"]) if value == MASK and place not in known}
    waiting = bool(secrets(source)) and (there is None or bool(unknown) or not there["enabled"])
    request = _without(source["request"], unknown)
    targets = {side: source[side] for side in ("consumer", "provider") if source[side]}
    return {
        "description": source["description"],
        "enabled": source["enabled"] and not waiting,
        "events": [{"name": name} for name in source["events"]],
        **targets,
        "request": request,
    }


def remarks(source: Records, target: Records) -> Iterator[str]:
    """The webhooks that wait for their secrets in the target, or would."""
    for key, document in source.items():
        if key[0] == WEBHOOK and document["enabled"] and (hidden := secrets(document)) and _waits(key, target):
            named = f" ({document['description']})" if document["description"] else ""
            yield f"webhook {key[1]}{named} stays disabled until {' and '.join(hidden)} is set again"


def _waits(key: Key, target: Records) -> bool:
    there = target.get(key)
    return there is None or not there["enabled"]


def _texts(request: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of a request that may be secret, each with its place."""
    for name in ("username", "password", "secret"):
        if isinstance(value := request.get(name), str):
            yield (name,), value
    for name, value in (request.get("headers") or {}).items():
        yield ("headers", str(name)), str(value)


def _without(request: Mapping[str, Any], hidden: Collection[tuple[str, ...]]) -> dict[str, Any]:
    made = {name: value for name, value in request.items() if name != "headers" and (name,) not in hidden}
    headers = {name: each for name, each in (request.get("headers") or {}).items() if ("headers", name) not in hidden}
    return {**made, **({"headers": headers} if headers else {})}
