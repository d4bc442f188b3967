"""How a value of one alternative of a union is told from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.evolution.upcasts.types import Array, Enum, Map, Object, Scalar, Type
from tenor.plans.nodes import Equal, Test


def equal(one: Any, other: Any) -> bool:
    return (type(one) is bool) == (type(other) is bool) and bool(one == other)


def test_of(branch: Type, others: Sequence[Type]) -> Test | None:
    """How a value of one alternative is told from those of the others; None if it cannot be."""
    kind = kind_of(branch)
    rivals = [other for other in others if kind_of(other) == kind or kind_of(other) == ""]
    if not kind:
        return None
    if not rivals:
        return Test(kind)
    if not isinstance(branch, Object) or not all(isinstance(other, Object) for other in rivals):
        return None
    for each in branch.fields:
        if each.required and isinstance(each.type, Enum) and len(each.type.values) == 1:
            value = each.type.values[0]
            matches = [other.named(each.name) for other in rivals if isinstance(other, Object)]
            if all(
                match is not None
                and match.required
                and isinstance(match.type, Enum)
                and not any(equal(value, one) for one in match.type.values)
                for match in matches
            ):
                return Test("object", equals=(Equal((each.name,), value),))
    for each in branch.fields:
        if each.required and all(
            isinstance(other, Object) and other.others is None and other.named(each.name) is None for other in rivals
        ):
            return Test("object", has=(each.name,))
    lacks = []
    for other in rivals:
        assert isinstance(other, Object)
        own = next((f.name for f in other.fields if f.required and branch.named(f.name) is None), None)
        if own is None or branch.others is not None:
            return None
        lacks.append(own)
    return Test("object", lacks=tuple(lacks))


def kind_of(node: Type) -> str:
    """The type of `tenor.plans.values.TYPES` that all values of a type are of; empty if there is none."""
    match node:
        case Scalar():
            # JSON has one kind of number, and some parsers read 1.0 as a float.
            return "number" if node.label in ("integer", "number") else node.kind
        case Enum():
            kinds = {type(value) for value in node.values} | ({int} if node.open else set())
            return "string" if kinds == {str} else ""
        case Array():
            return "array"
        case Map() | Object():
            return "object"
        case _:
            return ""
