"""What changed between two pacts, in data and as text. Pure.

+ "a request for a user" (given a user)
~ "an order event"
    /contents/content/qty: 1 → 2
    /matchingRules/body/$.sku: added {"matchers": [...]}
- "a request for nothing"
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts import documents, paths
from contracts.documents import Document
from contracts.matching import equal
from contracts.merging import identity, named

_MISSING = object()
_LONGEST = 300


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Detail:
    """One place below an interaction. `path` is a JSON pointer; `old`, `new` JSON texts, empty where nothing stands."""

    change: Change
    path: str
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        if self.change is Change.CHANGED:
            return f"{self.path}: {_short(self.old)} → {_short(self.new)}"
        return f"{self.path}: {self.change} {_short(self.new or self.old)}"


@dataclass(frozen=True, slots=True)
class InteractionChange:
    """One interaction that came, went or changed."""

    change: Change
    name: str
    details: tuple[Detail, ...] = field(default=())


def differences(old: Document, new: Document) -> tuple[InteractionChange, ...]:
    """The interactions that differ, in the order of the new pact, removed ones last. Order alone is no difference."""
    before, after = dict(_interactions(old)), dict(_interactions(new))
    found: list[InteractionChange] = []
    for key, entry in after.items():
        if key not in before:
            found.append(InteractionChange(Change.ADDED, named(entry)))
        elif documents.interaction_id(entry) != documents.interaction_id(before[key]):
            found.append(InteractionChange(Change.CHANGED, named(entry), tuple(_details(before[key], entry, ()))))
    found.extend(InteractionChange(Change.REMOVED, named(entry)) for key, entry in before.items() if key not in after)
    return tuple(found)


def text(old: Document, new: Document) -> str:
    """The differences for people; one sentence when there are none."""
    changes = differences(old, new)
    if not changes:
        if old.sha == new.sha:
            return "The pacts have the same content."
        stated = documents.specification(old.body), documents.specification(new.body)
        return f"The pacts differ in the version of the Pact specification: {stated[0]} → {stated[1]}."
    signs = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}
    lines: list[str] = []
    for one in changes:
        lines.append(f"{signs[one.change]} {one.name}")
        lines.extend(f"    {detail}" for detail in one.details)
    return "\n".join(lines)


def _interactions(document: Document) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Each interaction under its identity; a repeated identity is told apart by its turn."""
    turns: dict[Any, int] = {}
    for list_name in documents.VERIFIABLE:
        listed = document.body.get(list_name)
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, Mapping):
                turn = turns[identity(entry)] = turns.get(identity(entry), 0) + 1
                yield (*identity(entry), turn), entry


def _details(old: Any, new: Any, place: paths.Place) -> Iterator[Detail]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            if key != "_id":
                yield from _details(old.get(key, _MISSING), new.get(key, _MISSING), (*place, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            after = new[index] if index < len(new) else _MISSING
            yield from _details(before, after, (*place, index))
    elif old is _MISSING:
        yield Detail(Change.ADDED, paths.pointer(place), new=_json(new))
    elif new is _MISSING:
        yield Detail(Change.REMOVED, paths.pointer(place), old=_json(old))
    elif not equal(old, new):
        yield Detail(Change.CHANGED, paths.pointer(place), _json(old), _json(new))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _short(json_text: str) -> str:
    return json_text if len(json_text) <= _LONGEST else f"{json_text[: _LONGEST - 1]}…"
