"""Keys as calls: the DEK registry and Tenor's own routes for KEKs and persons, and this machine's key systems.

For a KEK that is not shared keys are made and wrapped here: TENOR_KMS (or the file that TENOR_KMS_FILE names) holds the
configuration of key systems, JSON by KMS type, as a server's does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from tenor import Registry, calls
from tenor.calls import Call
from tenor.cli.connection import secret
from tenor.cli.running import UsageError
from tenor.errors import NotFound
from tenor.keys import algorithms
from tenor.keys.kms import Kms, driver
from tenor.schemas import LATEST, Dek, Kek

Document = Mapping[str, Any]

NATIVE: Final = {"Accept": "application/json", "Content-Type": "application/json"}


def path(*segments: str, **query: Any) -> str:
    """A path below the registry's address; what is None is left out of the query."""
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return "/" + "/".join(quote(each, safe="") for each in segments) + (f"?{asked}" if asked else "")


def dek_registry(*segments: str, **query: Any) -> str:
    """A path of the DEK registry."""
    return path("dek-registry", "v1", "keks", *segments, **query)


def native(*segments: str, **query: Any) -> str:
    """A path of Tenor's own API."""
    return path("api", "v1", "keks", *segments, **query)


def create(body: Document, *, test: bool) -> Call[Document]:
    """Create a KEK."""
    return Call("POST", dek_registry(testSharing="true" if test else None), _document, body, repeatable=False)


def listed(*, deleted: bool, cursor: str | None = None) -> Call[Document]:
    """A page of KEKs, with how many keys each wraps."""

    def read(body: Any) -> Document:
        return {"items": list(body["items"]), "next_cursor": body.get("next_cursor")}

    target = native(deleted="true" if deleted else None, cursor=cursor, limit=200)
    return Call("GET", target, read, headers=NATIVE)


def subjects(kek: str) -> Call[list[str]]:
    """The subjects of a KEK's DEKs, deleted ones too: what they sealed is still to be read."""
    return Call("GET", dek_registry(kek, "deks", deleted="true"), _strings)


def versions(kek: str, subject: str, algorithm: str) -> Call[list[int]]:
    """The versions of a DEK, deleted ones too."""

    def read(body: Any) -> list[int]:
        return [int(each) for each in body]

    return Call("GET", dek_registry(kek, "deks", subject, "versions", algorithm=algorithm, deleted="true"), read)


def move(kek: str, key_id: str) -> Call[Document]:
    """Let a shared KEK use another key of its key system."""
    return Call("POST", native(kek, "rotate"), _document, {"kms_key_id": key_id}, repeatable=False, headers=NATIVE)


def rewrap_some(kek: str, before: int | None, limit: int, skip: int) -> Call[Document]:
    """Have the registry rewrap some keys of a shared KEK."""

    def read(body: Any) -> Document:
        return {
            "before": int(body["before"]),
            "done": int(body["done"]),
            "left": int(body["left"]),
            "failed": [str(each) for each in body["failed"]],
        }

    return Call("POST", native(kek, "rewrap"), read, {"before": before, "limit": limit, "skip": skip}, headers=NATIVE)


def rewrap_one(dek: Dek, wrapped: bytes) -> Call[Dek]:
    """Put a new wrapping of a DEK there."""
    call = calls.create_dek(dek.kek, dek.subject, dek.version, dek.algorithm, wrapped)
    return Call(call.method, f"{call.path}?rewrap=true", call.read, call.body, repeatable=False)


def next_version(kek: Kek, subject: str, algorithm: str, last: int, wrapped: bytes | None, token: bytes) -> Call[Dek]:
    """The version after the last one, unless somebody else has made it by now."""
    call = calls.create_dek(kek.name, subject, last + 1, algorithm, wrapped, commitment=token)
    return Call(call.method, call.path, call.read, call.body, repeatable=False, headers={"If-Match": str(last)})


def erase(kek: str, handle: str, legal_basis: str, request_id: str | None) -> Call[Document]:
    """Destroy a person's key. Again it is answered the same, so it may be repeated."""
    body = {"legal_basis": legal_basis, "request_id": request_id}
    return Call("POST", native(kek, "persons", handle, "erase"), _document, body, headers=NATIVE)


def latest(registry: Registry, kek: str, subject: str, algorithm: str) -> int:
    """The last version of a DEK that everybody uses, 0 if there is none."""
    try:
        return registry.send(calls.dek(kek, subject, LATEST, algorithm, deleted=True)).version
    except NotFound:
        return 0


def system(kek: Kek) -> Kms:
    """The key system of a KEK, configured on this machine. Raises UsageError."""
    try:
        configuration = json.loads(secret("TENOR_KMS") or "{}")
        chosen = configuration.get(kek.kms_type, {})
        if not isinstance(chosen, dict) or not all(isinstance(value, str) for value in chosen.values()):
            raise ValueError
    except (ValueError, AttributeError):
        # What is wrong with it may repeat a secret.
        raise UsageError("TENOR_KMS is a JSON object of objects of strings, by KMS type") from None
    return driver(kek.kms_type, kek.kms_key_id, kek.kms_props, chosen)


def every_dek(registry: Registry, kek: str) -> Iterator[Dek]:
    """All DEKs of a KEK, deleted ones too."""
    for subject in registry.send(subjects(kek)):
        for algorithm in algorithms.ALGORITHMS:
            try:
                numbers = registry.send(versions(kek, subject, algorithm))
            except NotFound:
                continue
            for number in numbers:
                yield registry.send(calls.dek(kek, subject, number, algorithm, deleted=True))


def hidden(dek: Dek) -> Document:
    """A DEK for people and programs: which, never what."""
    return {"kek": dek.kek, "subject": dek.subject, "algorithm": dek.algorithm, "version": dek.version}


def _document(body: Any) -> Document:
    if not isinstance(body, dict):
        raise TypeError("an object")
    return body


def _strings(body: Any) -> list[str]:
    return [str(each) for each in body]
