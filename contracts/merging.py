"""Merging pacts, and whether another content may follow one that a version has. Pure.

Two pacts of one consumer version merge when every interaction that both have is the same; what makes two entries one
interaction is its kind, description and provider states (the reference merges HTTP interactions only and crashes on
v3 messages).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from contracts import documents
from contracts.documents import Document
from contracts.errors import InvalidPact, MergeConflict

Identity = tuple[str, str, str]


def identity(entry: Mapping[str, Any]) -> Identity:
    """What an interaction is called by: kind, description, states as JSON."""
    states = entry.get("providerStates", entry.get("providerState", entry.get("provider_state"))) or []
    if isinstance(states, str):
        states = [{"name": states}]
    return (
        str(entry.get("type") or ""),
        str(entry.get("description") or ""),
        json.dumps(states, sort_keys=True, ensure_ascii=False),
    )


def named(entry: Mapping[str, Any]) -> str:
    """An interaction in words: `"a request" (given "a user")`."""
    states = entry.get("providerStates", entry.get("providerState", entry.get("provider_state"))) or []
    listed = states if isinstance(states, list) else [states]
    names = [str(state.get("name")) if isinstance(state, Mapping) else str(state) for state in listed]
    given = f" (given {', '.join(names)})" if names else ""
    return f'"{entry.get("description") or ""}"{given}'


def merge(existing: Document, added: Document) -> Document:
    """The first pact with the interactions of the second that it lacks. Idempotent; keys of the newer file win.

    Raises MergeConflict for interactions that exist with another content, InvalidPact where a list holds no objects.
    """
    body = dict(existing.body)
    conflicts: list[str] = []
    for list_name in documents.VERIFIABLE:
        ours, theirs = _entries(existing, list_name), _entries(added, list_name)
        if ours is None and theirs is None:
            continue
        known = {identity(entry): entry for entry in ours or ()}
        merged = list(ours or ())
        for entry in theirs or ():
            before = known.get(identity(entry))
            if before is None:
                merged.append(entry)
                known[identity(entry)] = entry
            elif documents.interaction_id(before) != documents.interaction_id(entry):
                conflicts.append(named(entry))
        body[list_name] = merged
    if conflicts:
        raise MergeConflict(conflicts)
    metadata = {**_metadata(existing), **_metadata(added)}
    if metadata:
        body["metadata"] = metadata
    return documents.read(json.dumps(body, ensure_ascii=False))


def _metadata(document: Document) -> Mapping[str, Any]:
    metadata = document.body.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _entries(document: Document, list_name: str) -> list[Mapping[str, Any]] | None:
    listed = document.body.get(list_name)
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise InvalidPact("it must be a list of objects", f"/{list_name}")
    return listed


class OnConflict(StrEnum):
    """What a publisher asks for when the version has another content already."""

    OVERWRITE = "overwrite"
    MERGE = "merge"


class Publishing(StrEnum):
    """What publishing a content comes to."""

    CREATED = "created"  # the version had no pact with this provider
    UNCHANGED = "unchanged"  # it had this content: no further revision
    OVERWRITTEN = "overwritten"  # another content replaces it: a new revision
    MERGED = "merged"  # both together: a new revision
    CONFLICT = "conflict"


def publishing(existing: str | None, added: str, on_conflict: OnConflict | None, *, allowed: bool) -> Publishing:
    """What to do with a content, told by the shas of what is there and what comes.

    `allowed`: the setting that lets a version's content change at all; without it `onConflict` lifts no conflict.
    """
    if existing is None:
        return Publishing.CREATED
    if existing == added:
        return Publishing.UNCHANGED
    if not allowed:
        return Publishing.CONFLICT
    return Publishing.MERGED if on_conflict is OnConflict.MERGE else Publishing.OVERWRITTEN
