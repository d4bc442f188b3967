"""A pact as a JSON document: reading it safely, what identifies its content, the ids of its interactions. Pure.

Identity is the Pact Broker's, so that contents known there keep their ids: the SHA-1 of a compact JSON text with
sorted keys that holds only what a verification depends on (interactions, messages, version of the specification).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from contracts.errors import InvalidPact

VERIFIABLE = ("interactions", "messages")
MAX_DEPTH = 128


@dataclass(frozen=True, slots=True)
class Document:
    """A pact as published: the text, the JSON object that it holds, and what equal contents share (`content_sha`)."""

    text: str
    body: Mapping[str, Any]
    consumer: str
    provider: str
    sha: str


def read(content: bytes | str) -> Document:
    """Read a document. The text must be UTF-8 and hold a JSON object; the rest may be anything.

    `consumer` and `provider` are empty where the document does not name them. Raises InvalidPact.
    """
    body = read_json(content)
    if not isinstance(body, dict):
        raise InvalidPact("the document must be a JSON object")
    text = content if isinstance(content, str) else content.decode()
    return Document(text, body, _name(body, "consumer"), _name(body, "provider"), content_sha(body))


def read_json(content: bytes | str) -> Any:
    """Read JSON that can be written again: UTF-8, no NaN, no lone surrogates, bounded depth. Raises InvalidPact."""
    try:
        text = content if isinstance(content, str) else content.decode()
        text.encode()
        value = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # "\ud800" reads, but has no UTF-8
    except UnicodeError:
        raise InvalidPact("the document must be UTF-8 text") from None
    except RecursionError:
        raise InvalidPact(f"the document nests more than {MAX_DEPTH} deep") from None
    except ValueError as problem:
        raise InvalidPact(f"the document must be JSON: {problem}") from None
    if _deeper_than(value, MAX_DEPTH):
        raise InvalidPact(f"the document nests more than {MAX_DEPTH} deep")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _deeper_than(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (inner for inner in value.values() if isinstance(inner, dict | list))
    elif isinstance(value, list):
        yield from (inner for inner in value if isinstance(inner, dict | list))


def _name(body: Mapping[str, Any], side: str) -> str:
    party = body.get(side)
    name = party.get("name") if isinstance(party, Mapping) else None
    return name if isinstance(name, str) else ""


def specification(body: Mapping[str, Any]) -> str | None:
    """The version of the Pact specification as the document states it: `3.0.0`, `4.0`, or None."""
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    for key in ("pactSpecification", "pact-specification"):
        entry = metadata.get(key)
        if isinstance(entry, Mapping) and entry.get("version") is not None:
            return str(entry["version"])
    version = metadata.get("pactSpecificationVersion")
    return None if version is None else str(version)


def content_sha(body: Mapping[str, Any]) -> str:
    """The identity of a pact's content, as a SHA-1 in hex.

    The order of interactions, client versions and remarks outside interactions don't change it; `comments` and `key`
    of v4 do, since they live inside. A document without interactions and messages is taken whole.
    """
    held: dict[str, Any] = {key: body[key] for key in VERIFIABLE if body.get(key) is not None}
    if not held:
        return _sha1(_canonical(body))
    ordered = next(key for key in VERIFIABLE if key in held)
    if isinstance(held[ordered], list):
        held[ordered] = sorted(held[ordered], key=_canonical)
    version = specification(body)
    if version is not None:
        held["pact_specification_version"] = version
    return _sha1(_canonical(held))


def interaction_id(interaction: Mapping[str, Any]) -> str:
    """The `_id` under which test results refer to an interaction: SHA-1 of its key-sorted JSON."""
    return _sha1(_canonical({key: value for key, value in interaction.items() if key != "_id"}))


def with_ids(body: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `_id` as the first member of each interaction and message."""
    served = dict(body)
    for key in VERIFIABLE:
        entries = served.get(key)
        if isinstance(entries, list):
            served[key] = [
                {"_id": interaction_id(entry)} | {name: value for name, value in entry.items() if name != "_id"}
                if isinstance(entry, dict)
                else entry
                for entry in entries
            ]
    return served


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
