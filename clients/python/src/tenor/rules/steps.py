"""CEL, CEL_FIELD and JSONATA as steps over an event, compiled once. Pure.

A guard that does not hold leaves the event as it is. A condition holds when its result is true and nothing else;
a transform that gives null has failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tenor.codecs.fields import Change, Field, Hands, Node, Tags, walker
from tenor.rules import cel, jsonata
from tenor.rules.model import CONDITION, Rule, tagged

Step = Callable[[Any, Any], Any]
"""(event or body, the message's state) → the same after a rule."""

_PRIMITIVES: Final = frozenset({"STRING", "BYTES", "INT", "LONG", "FLOAT", "DOUBLE", "BOOLEAN", "NULL"})


def unchanged(event: Any, state: Any) -> Any:
    """The step of a rule that this schema gives nothing to do."""
    return event


def cel_message(rule: Rule, mode: str) -> Step:
    """A rule over the variable `message`. Raises UnusableRule."""
    evaluate = _compiled(rule, cel.compile)

    def run(event: Any, state: Any) -> Any:
        result = evaluate({"message": event})
        return event if result is cel.UNGUARDED else _concluded(rule, mode, event, result)

    return run


def jsonata_message(rule: Rule, mode: str) -> Step:
    """A rule whose input is the message. Raises UnusableRule."""
    evaluate = _compiled(rule, jsonata.compile)
    return lambda event, state: _concluded(rule, mode, event, evaluate(event))


def cel_fields(rule: Rule, mode: str, tree: Node, tags: Tags, *, nulls: bool) -> Step:
    """A rule over every tagged leaf; `nulls`: over those that are null, too. Raises UnusableRule."""
    evaluate = _compiled(rule, cel.compile)
    condition = rule.kind == CONDITION

    def choose(field: Field) -> Change | None:
        if not tagged(rule, field.tags) or field.leaf.type not in _PRIMITIVES:
            return None
        if field.leaf.type == "NULL" and not nulls:
            return None
        fixed = {
            "fullName": field.slot.full_name,
            "name": field.slot.name,
            "typeName": field.leaf.type,
            "tags": sorted(field.tags),
        }
        where = "/" + field.path.replace(".", "/")

        def change(value: Any, record: Any, state: Any) -> Any:
            if value is None and not nulls:
                return value
            result = evaluate({"value": value, "message": record, **fixed})
            if result is cel.UNGUARDED:
                return value
            if condition and result is not True:
                raise rule.failed("its condition does not hold", mode, where)
            return value if condition else result

        return change

    walk = walker(tree, choose, tags, Hands.LOOK if condition else Hands.COPY)
    return unchanged if walk is None else lambda event, state: walk(event, None, state)


def _concluded(rule: Rule, mode: str, event: Any, result: Any) -> Any:
    """The event after a rule over all of it."""
    if rule.kind == CONDITION:
        if result is True:
            return event
        raise rule.failed("its condition does not hold", mode)
    if result is None:
        raise rule.failed("it gave null", mode)
    return result


def _compiled(rule: Rule, make: Callable[[str], Callable[[Any], Any]]) -> Callable[[Any], Any]:
    try:
        return make(rule.expr)
    except ValueError as error:
        raise rule.refused(f"it does not compile ({' '.join(str(error).split())[:160]})") from error
