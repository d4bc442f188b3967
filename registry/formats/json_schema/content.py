"""Content models: what an object or array allows beside what it declares, and what that makes of a change.

An addition is judged by the writer's model, a removal by the reader's.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.formats.json_schema import patterns
from registry.formats.json_schema.dialects import KEYWORDS, Draft
from registry.formats.json_schema.differing import Asking, Own, Step, Telling
from registry.formats.json_schema.model import Node, Shape
from registry.formats.json_schema.scalars import screaming


@dataclass(frozen=True, slots=True)
class Extra:
    """What an object or array allows beside what it declares: anything, nothing, or what a schema accepts."""

    keyword: str
    value: Node | bool

    @property
    def is_open(self) -> bool:
        """Whether anything goes."""
        return self.value is True

    @property
    def is_closed(self) -> bool:
        """Whether nothing goes."""
        return self.value is False or (isinstance(self.value, Node) and self.value.shape is Shape.NEVER)


def extra_properties(node: Node) -> Extra:
    """What an object allows beside its declared properties; what a surrounding allOf leaves counts as well."""
    for name in ("additionalProperties", "unevaluatedProperties"):
        if name in KEYWORDS[node.place.draft] and (found := node.maybe(name)) is not None:
            return Extra(name, found)
    return Extra("additionalProperties", True) if node.cover is None else Extra("unevaluatedProperties", node.cover)


def stated_extra(node: Node) -> Extra:
    """The same without what surrounds the node: that is compared where it is written."""
    found = extra_properties(node)
    return found if found.keyword in node.value else Extra("additionalProperties", True)


def extra_items(node: Node) -> Extra:
    """What an array allows behind its declared items."""
    name = "items" if node.place.draft >= Draft.DRAFT_2020_12 else "additionalItems"
    for each in (name, "unevaluatedItems"):
        if each in KEYWORDS[node.place.draft] and (found := node.maybe(each)) is not None:
            return Extra(each, found)
    return Extra(name, True)


_ITEMS_2020 = "ADDITIONAL_ITEMS"


def extras(old: Extra, new: Extra, step: Step) -> None:
    """Compare what is allowed besides. Kinds are called after the keyword that changed what counts."""
    before, after = old.value, new.value
    named = new.keyword if after is not True else old.keyword
    prefix = _ITEMS_2020 if named == "items" else screaming(named)
    if new.is_closed:
        if not old.is_closed:
            step.say(f"{prefix}_REMOVED", named)
    elif old.is_closed:
        step.say(f"{prefix}_ADDED", named)
    elif isinstance(before, Node) and isinstance(after, Node):
        step.below.append((named, before, after))
    elif isinstance(after, Node) and after.shape is not Shape.ANY:
        step.say(f"{prefix}_NARROWED", named)
    elif isinstance(before, Node) and before.shape is not Shape.ANY:
        step.say(f"{prefix}_EXTENDED", named)


def coverings(node: Node, extra: Extra, name: str) -> tuple[list[Node | bool], bool]:
    """The schemas that hold for a property a node does not declare, and whether that is certain."""
    found: list[Node | bool] = []
    certain = True
    for pattern, schema in node.children("patternProperties").items():
        hit = patterns.matches(pattern, name)
        certain = certain and hit is not None
        if hit is not False:
            found.append(schema)
    if not found or not certain:
        found.append(extra.value)
    return found, certain


def fits(old: Node | bool, new: Node | bool) -> Asking:
    """Whether the second accepts what the first does, true and false included."""
    if new is True or old is False:
        return True
    if not isinstance(new, Node):  # new is False
        return isinstance(old, Node) and old.shape is Shape.NEVER
    if not isinstance(old, Node):  # old is True
        return new.shape is Shape.ANY
    return (yield old, new)


@dataclass(frozen=True, slots=True)
class Member:
    """A property or an item of which one side has no schema: the words for its kinds."""

    noun: str
    at: tuple[str, ...]
    node: Node
    instead: tuple[str, ...] | None = None
    """The keyword of the new side that says what may be there instead."""

    def say(self, step: Step, kind: str) -> None:
        """Add a kind of difference of this member."""
        step.own.append(Own(f"{kind}_CONTENT_MODEL", "/".join(self.at), self.at, self.instead))


def removed(member: Member, coverings: list[Node | bool], is_open: bool, is_closed: bool, step: Step) -> Telling:
    """A removal is judged by the reader's content model."""
    if is_open:
        member.say(step, f"{member.noun}_REMOVED_FROM_OPEN")
    elif is_closed:
        false = "_WITH_FALSE" if member.node.shape is Shape.NEVER else ""
        member.say(step, f"{member.noun}{false}_REMOVED_FROM_CLOSED")
    else:
        covered = True
        for covering in coverings:
            if not (yield from fits(member.node, covering)):
                covered = False
                if isinstance(covering, Node):
                    step.below.append(("/".join(member.at), member.node, covering))
        member.say(step, f"{member.noun}_REMOVED_{'IS' if covered else 'NOT'}_COVERED_BY_PARTIALLY_OPEN")


def covered(member: Member, coverings: list[Node | bool], certain: bool, step: Step) -> Telling:
    """An addition to a partially open model: what was allowed there must be accepted by what is declared now."""
    answers = []
    for covering in coverings:
        answers.append((yield from fits(covering, member.node)))
    fine = any(answers) if certain else all(answers)
    if not fine and isinstance(coverings[0], Node):
        step.below.append(("/".join(member.at), coverings[0], member.node))
    member.say(step, f"{member.noun}_ADDED_{'IS' if fine else 'NOT'}_COVERED_BY_PARTIALLY_OPEN")
