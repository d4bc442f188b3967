"""Whether two nodes certainly have no value in common, seen at a glance: by type, by listed values, by a tag."""

from __future__ import annotations

from collections.abc import Iterator

from registry.formats.json_schema.model import Node, Shape
from registry.formats.json_schema.text import Json, identity

_TYPES = frozenset({"string", "number", "boolean", "null", "object", "array"})
_DEPTH = 4
"""Branches of branches are looked into this far; deeper the answer is `don't know`, so no."""


def disjoint(one: Node, other: Node, depth: int = _DEPTH) -> bool:
    """Whether no value is accepted by both; False where that is not plain to see."""
    if not types(one, depth) & types(other, depth):
        return True
    first, second = values(one, depth), values(other, depth)
    if first is not None and second is not None:
        return not first & second
    return depth > 0 and _tagged_apart(one, other, depth)


def types(node: Node, depth: int = _DEPTH) -> frozenset[str]:
    """The types a node's values may have."""
    if node.shape is Shape.NEVER:
        return frozenset()
    if node.shape in _PLAIN:
        return frozenset({node.shape.value}) if node.states_type else _TYPES
    if node.shape in (Shape.ENUM, Shape.CONST):
        return frozenset(_type(value) for value in _listed(node))
    if node.shape is Shape.COMBINED and depth > 0:
        found = [types(branch, depth - 1) for branch in node.branches]
        return frozenset.intersection(*found) if node.criterion == "allOf" else frozenset.union(*found)
    return _TYPES


_PLAIN = (Shape.STRING, Shape.NUMBER, Shape.BOOLEAN, Shape.NULL, Shape.OBJECT, Shape.ARRAY)


def values(node: Node, depth: int = _DEPTH) -> frozenset[str] | None:
    """The values a node accepts at most (as `identity`), where they are listed; None where they are not."""
    if node.shape in (Shape.ENUM, Shape.CONST):
        return frozenset(identity(value) for value in _listed(node))
    if node.shape is Shape.COMBINED and depth > 0:
        found = [values(branch, depth - 1) for branch in node.branches]
        if node.criterion == "allOf":
            known = [each for each in found if each is not None]
            return frozenset.intersection(*known) if known else None
        every = [each for each in found if each is not None]
        return frozenset.union(*every) if len(every) == len(found) else None
    return None


def listed(node: Node, depth: int = _DEPTH) -> Iterator[Json]:
    """Every value listed in a node; where `values` is not None, it accepts no others."""
    if node.shape in (Shape.ENUM, Shape.CONST):
        yield from _listed(node)
    elif node.shape is Shape.COMBINED and depth > 0:
        for branch in node.branches:
            yield from listed(branch, depth - 1)


def _listed(node: Node) -> list[Json]:
    return [node.value["const"]] if node.shape is Shape.CONST else list(node.value["enum"])


_NAMES: dict[type, str] = {str: "string", dict: "object", list: "array"}


def _type(value: Json) -> str:
    if type(value) is bool:
        return "boolean"
    if value is None:
        return "null"
    return _NAMES.get(type(value), "number")


def _tagged_apart(one: Node, other: Node, depth: int) -> bool:
    """Objects that both require a property whose values differ: `{"kind": {"const": "a"}}` and the like."""
    if types(one, depth) != {"object"} or types(other, depth) != {"object"}:
        return False
    first, second = _required_schemas(one, depth), _required_schemas(other, depth)
    return any(disjoint(schema, second[name], depth - 1) for name, schema in first.items() if name in second)


def _required_schemas(node: Node, depth: int) -> dict[str, Node]:
    if node.shape is Shape.OBJECT:
        declared = node.children("properties")
        required = node.value.get("required", ())
        return {name: declared[name] for name in required if name in declared}
    if node.shape is Shape.COMBINED and depth > 0 and (node.criterion == "allOf" or len(node.branches) == 1):
        found: dict[str, Node] = {}
        for branch in node.branches:
            found |= _required_schemas(branch, depth - 1)
        return found
    return {}
