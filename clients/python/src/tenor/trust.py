"""Calls about who calls, tokens, and the audit log; see `tenor.calls` for what a call is. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from tenor.calls import Call
from tenor.chain import Checkpoint, Sealed

Document = Mapping[str, Any]

_BASE: Final = "/api/v1"


def _document(body: Any) -> Document:
    if not isinstance(body, dict):
        raise TypeError("not an object")
    return body


def _query(**given: object) -> str:
    present = {name: value for name, value in given.items() if value not in (None, "")}
    return f"?{urlencode(present)}" if present else ""


def whoami() -> Call[Document]:
    """Who the registry takes the caller for."""
    return Call("GET", f"{_BASE}/whoami", _document)


def create_token(description: str, seconds: int | None) -> Call[Document]:
    """A new token of the caller, which logged in with a password."""
    body = {"description": description, "expires_in": seconds}
    return Call("POST", f"{_BASE}/tokens", _document, body=body, repeatable=False)


def search(cursor: str | None = None, **criteria: object) -> Call[Document]:
    """A page of the audit log, newest first: actor, action, resource, address, since, until, limit."""
    return Call("GET", f"{_BASE}/audit/events{_query(cursor=cursor, **criteria)}", _document)


def export(after: int, limit: int) -> Call[Document]:
    """A part of the audit log as it was hashed."""

    def read(body: Any) -> Document:
        part = _document(body)
        for name, kind in (("events", list), ("checkpoints", list), ("keys", dict)):
            if not isinstance(part.get(name), kind):
                raise TypeError(f"no {name}")
        return part

    return Call("GET", f"{_BASE}/audit/export{_query(after=str(after), limit=limit)}", read)


def sealed(document: Document) -> Sealed:
    """An exported event. Raises KeyError, TypeError or ValueError for what is none."""
    digest, sequence = document["hash"], document["sequence"]
    texts = [document[name] for name in ("actor", "action", "resource", "body")]
    origin = document["origin"]
    if not all(isinstance(each, str) for each in texts) or not isinstance(origin, str | None):
        raise TypeError("not an event")
    if not isinstance(document["at"], int) or not isinstance(sequence, int | None):
        raise TypeError("not an event")
    actor, action, resource, body = texts
    return Sealed(
        sequence,
        document["at"],
        actor,
        action,
        resource,
        body,
        origin,
        None if digest is None else bytes.fromhex(digest),
    )


def checkpoint(document: Document) -> Checkpoint:
    """An exported checkpoint. Raises KeyError, TypeError or ValueError for what is none."""
    sequence, at = document["sequence"], document["at"]
    if not isinstance(sequence, int) or not isinstance(at, int):
        raise TypeError("not a checkpoint")
    return Checkpoint(
        sequence,
        bytes.fromhex(document["hash"]),
        at,
        str(document["key_id"]),
        bytes.fromhex(document["signature"]),
    )
