"""Differences of arrays: lists, tuples, what may follow a tuple, and what must be contained."""

from __future__ import annotations

from dataclasses import dataclass

from registry.formats.json_schema.content import Extra, Member, covered, extra_items, extras, fits, removed
from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.differing import Own, Step, Telling, keyword
from registry.formats.json_schema.model import Node, Shape
from registry.formats.json_schema.objects import unevaluated_unseen
from registry.formats.json_schema.scalars import bound
from registry.formats.json_schema.text import Json


@dataclass(frozen=True, slots=True)
class Items:
    """The items of an array in the words of draft-07, whichever draft they are written in."""

    every: Node | bool | None
    tuple_: tuple[Node, ...]
    extra: Extra
    tuple_keyword: str

    @property
    def stated_extra(self) -> bool:
        return self.extra.keyword != "items" or bool(self.tuple_)


def array_items(node: Node) -> Items:
    """Read items, prefixItems and additionalItems of a node."""
    value = node.value
    if node.place.draft >= Draft.DRAFT_2020_12:
        prefix = value.get("prefixItems")
        count = len(prefix) if type(prefix) is list else 0
        nodes = tuple(node.child("prefixItems", str(index)) for index in range(count))
        return Items(node.maybe("items"), nodes, extra_items(node), "prefixItems")
    items = value.get("items")
    if type(items) is list:
        nodes = tuple(node.child("items", str(index)) for index in range(len(items)))
        return Items(None, nodes, extra_items(node), "items")
    return Items(node.maybe("items"), (), extra_items(node), "items")


def arrays(old: Node, new: Node, step: Step) -> Telling:
    """Differences of two nodes for arrays."""
    bound("maxItems", old, new, step)
    bound("minItems", old, new, step)
    if (old.value.get("uniqueItems") is True) != (new.value.get("uniqueItems") is True):
        step.say(
            "UNIQUE_ITEMS_REMOVED" if old.value.get("uniqueItems") is True else "UNIQUE_ITEMS_ADDED", "uniqueItems"
        )
    before, after = array_items(old), array_items(new)
    by_prefix = new.place.draft >= Draft.DRAFT_2020_12
    if by_prefix and old.place.draft >= Draft.DRAFT_2020_12 and (before.tuple_ or after.tuple_):
        yield from _tuples(before, after, before.extra, after.extra, step)
        extras(before.extra, after.extra, step)
    else:
        _every_item(before.every, after.every, step)
        yield from _tuples(before, after, _model(before), _model(after), step)
        extras(_plain_extra(before), _plain_extra(after), step)
    yield from _contains(old, new, step)
    unevaluated_unseen(old, new, "unevaluatedItems", step)


def _model(array: Items) -> Extra:
    """What may follow the declared items; additionalItems says nothing where items is no array."""
    meaningless = array.extra.keyword == "additionalItems" and not array.tuple_
    return Extra(array.extra.keyword, True) if meaningless else array.extra


def _plain_extra(array: Items) -> Extra:
    """additionalItems as written; `items` of 2020-12 without prefixItems is compared as the schema of every item."""
    return array.extra if array.stated_extra else Extra("additionalItems", True)


def _every_item(before: Node | bool | None, after: Node | bool | None, step: Step) -> None:
    if before is None and after is None:
        return
    if before in (None, True):
        if after not in (None, True) and not (isinstance(after, Node) and after.shape is Shape.ANY):
            step.say("SCHEMA_ADDED", "items")
    elif after in (None, True):
        step.say("SCHEMA_REMOVED", "items")
    elif isinstance(before, Node) and isinstance(after, Node):
        step.below.append(("items", before, after))
    elif before is not False:
        step.own.append(Own("TYPE_CHANGED", "items", ("items",)))


def _tuples(before: Items, after: Items, old_extra: Extra, new_extra: Extra, step: Step) -> Telling:
    both = min(len(before.tuple_), len(after.tuple_))
    for index in range(both):
        step.below.append((f"{after.tuple_keyword}/{index}", before.tuple_[index], after.tuple_[index]))
    for index in range(both, len(before.tuple_)):
        member = Member("ITEM", (before.tuple_keyword, str(index)), before.tuple_[index], (new_extra.keyword,))
        yield from removed(member, [new_extra.value], new_extra.is_open, new_extra.is_closed, step)
    for index in range(both, len(after.tuple_)):
        member = Member("ITEM", (after.tuple_keyword, str(index)), after.tuple_[index])
        if old_extra.is_open:
            empty = member.node.shape is Shape.ANY
            member.say(step, "ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN" if empty else "ITEM_ADDED_TO_OPEN")
        elif old_extra.is_closed:
            member.say(step, "ITEM_ADDED_TO_CLOSED")
        else:
            yield from covered(member, [old_extra.value], True, step)


def _contains(old: Node, new: Node, step: Step) -> Telling:
    after = keyword(new, "contains")
    if new.place.draft < Draft.DRAFT_2019_09:
        if after is not None:
            schema = new.maybe("contains")
            before = old.maybe("contains") if keyword(old, "contains") is not None else None
            assert schema is not None
            held = old.value.get("minContains", 1) != 0 and before is not None
            if not held or not (yield from fits(before if before is not None else True, schema)):
                step.say("CONTAINS_CHANGED", "contains")
        return
    old_count, new_count = _contained(old), _contained(new)
    if new_count is None:
        if old_count is not None:
            step.say("SCHEMA_REMOVED", "contains")
        return
    if old_count is None:
        step.say("SCHEMA_ADDED", "contains")
        return
    before_schema, after_schema = old.maybe("contains"), new.maybe("contains")
    if isinstance(before_schema, Node) and isinstance(after_schema, Node):
        step.below.append(("contains", before_schema, after_schema))
        if new_count[1] is not None and not (yield after_schema, before_schema):
            step.say("MAX_CONTAINS_DECREASED", "maxContains")  # more items match than did
    elif before_schema != after_schema:
        step.say("SCHEMA_ADDED", "contains")
    _count("MIN_CONTAINS", "minContains", old_count[0], new_count[0], step)
    _count("MAX_CONTAINS", "maxContains", old_count[1], new_count[1], step)


def _contained(node: Node) -> tuple[Json, Json] | None:
    """How many items must and may match contains; None where that says nothing (minContains 0 voids it)."""
    if keyword(node, "contains") is None:
        return None
    least, most = keyword(node, "minContains"), keyword(node, "maxContains")
    least = 1 if least is None else least
    return None if least == 0 and most is None else (least, most)


def _count(prefix: str, name: str, before: Json, after: Json, step: Step) -> None:
    if before == after:
        return
    if before is None:
        step.say(f"{prefix}_ADDED", name)
    elif after is None:
        step.say(f"{prefix}_REMOVED", name)
    else:
        step.say(f"{prefix}_{'INCREASED' if after > before else 'DECREASED'}", name)
