"""Differences of texts, numbers and listed values, and of what not and if do with others."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.differing import Asking, Own, Step, Telling, keyword
from registry.formats.json_schema.model import Node
from registry.formats.json_schema.text import identity, is_number


def bound(name: str, old: Node, new: Node, step: Step) -> None:
    """Compare one numeric bound: added, removed, increased or decreased."""
    before, after = keyword(old, name), keyword(new, name)
    before = before if is_number(before) else None
    after = after if is_number(after) else None
    if before == after:
        return
    if before is None:
        word = "ADDED"
    elif after is None:
        word = "REMOVED"
    else:
        word = "INCREASED" if after > before else "DECREASED"
    step.say(f"{screaming(name)}_{word}", name)


@cache
def screaming(name: str) -> str:
    """A keyword in the spelling of kinds: `maxLength` → `MAX_LENGTH`."""
    return "".join("_" + letter if letter.isupper() else letter for letter in name).upper()


def strings(old: Node, new: Node, step: Step) -> None:
    """Differences of two nodes for texts."""
    bound("maxLength", old, new, step)
    bound("minLength", old, new, step)
    before, after = old.value.get("pattern"), new.value.get("pattern")
    if before != after:
        word = "ADDED" if before is None else "REMOVED" if after is None else "CHANGED"
        step.say(f"PATTERN_{word}", "pattern")


def numbers(old: Node, new: Node, step: Step) -> None:
    """Differences of two nodes for numbers."""
    bound("maximum", old, new, step)
    bound("minimum", old, new, step)
    _exclusive_maximum(old, new, step)
    bound("exclusiveMinimum", old, new, step)
    for plain, exclusive in (("maximum", "exclusiveMaximum"), ("minimum", "exclusiveMinimum")):
        if new.value.get(exclusive) is True and new.place.draft == Draft.DRAFT_4 and plain in new.value:
            _switched_on(old, new, plain, exclusive, step)
    _multiple_of(old, new, step)
    if old.integer != new.integer:
        step.own.append(Own("TYPE_EXTENDED" if old.integer else "TYPE_NARROWED", "", ("type",)))
    elif new.integer and new.place.draft == Draft.DRAFT_4 < old.place.draft:
        step.own.append(Own("DRAFT_4_INTEGER", "", ("type",)))


def _exclusive_maximum(old: Node, new: Node, step: Step) -> None:
    """A lowered bound is compared with the new plain maximum, as the reference does; without one it crashes there."""
    name = "exclusiveMaximum"
    before, after, plain = keyword(old, name), keyword(new, name), new.value.get("maximum")
    if not (is_number(before) and is_number(after)) or after >= before:
        bound(name, old, new, step)
    elif not is_number(plain) or before > plain:
        step.say("EXCLUSIVE_MAXIMUM_DECREASED", name)
    else:
        step.say("EXCLUSIVE_MAXIMUM_DECREASED_BELOW_MAXIMUM", name)


def _switched_on(old: Node, new: Node, plain: str, exclusive: str, step: Step) -> None:
    limit = new.value[plain]
    if old.place.draft == Draft.DRAFT_4:
        covered = old.value.get(exclusive) is True and old.value.get(plain) == limit
    else:
        before = old.value.get(exclusive)
        covered = is_number(before) and (before <= limit if plain == "maximum" else before >= limit)
    if not covered:
        step.say("EXCLUSIVE_BOUND_SWITCHED_ON", exclusive)


def _multiple_of(old: Node, new: Node, step: Step) -> None:
    before, after = old.value.get("multipleOf"), new.value.get("multipleOf")
    if before == after:
        return
    if before is None:
        word = "ADDED"
    elif after is None:
        word = "REMOVED"
    elif not (is_number(before) and is_number(after) and before > 0 and after > 0):
        word = "CHANGED"
    elif (Fraction(after) / Fraction(before)).denominator == 1:
        word = "EXPANDED"
    elif (Fraction(before) / Fraction(after)).denominator == 1:
        word = "REDUCED"
    else:
        word = "CHANGED"
    step.say(f"MULTIPLE_OF_{word}", "multipleOf")


def enums(old: Node, new: Node, step: Step) -> None:
    """Differences of two lists of values."""
    before = {identity(value) for value in old.value["enum"]}
    after = {identity(value) for value in new.value["enum"]}
    if before != after:
        word = "EXTENDED" if before < after else "NARROWED" if after < before else "CHANGED"
        step.say(f"ENUM_ARRAY_{word}", "enum")


def consts(old: Node, new: Node, step: Step) -> None:
    """Whether two constants differ."""
    if identity(old.value["const"]) != identity(new.value["const"]):
        step.own.append(Own("TYPE_CHANGED", "", ("const",)))


def negations(old: Node, new: Node, step: Step) -> Telling:
    """Compare what two `not` exclude, with the sides swapped."""
    fits = yield new.child("not"), old.child("not")
    step.say("NOT_TYPE_NARROWED" if fits else "NOT_TYPE_EXTENDED", "not")


def conditionals(old: Node, new: Node, step: Step) -> Telling:
    """Compare if, then and else: the reference looks at which of them are there."""
    if old.mark is not None and old.mark == new.mark:
        return
    for branch in ("then", "else"):
        if branch in new.value and branch not in old.value:
            step.own.append(Own("TYPE_CHANGED", "", (branch,)))
            return
    if (yield from _conditions_hold(old, new)):
        return
    step.own.append(Own("CONDITIONAL_CHANGED"))


def _conditions_hold(old: Node, new: Node) -> Asking:
    """Whether the condition is the same and each branch accepts what it did."""
    if "if" not in new.value:
        return True
    if "if" not in old.value or old.child("if").mark is None or old.child("if").mark != new.child("if").mark:
        return False
    for branch in ("then", "else"):
        if branch in new.value and not (yield old.child(branch), new.child(branch)):
            return False
    return True
