"""What the events of a schema can be, and what one event is: P9."""

from __future__ import annotations

from typing import Any

from registry.evolution.upcasts.types import Array, Enum, Map, Object, Scalar, Type, Union, label


def wanted(node: Type, path: str = "", seen: frozenset[int] = frozenset()) -> set[str]:
    """Everything that events should have been once. Recursion is followed once."""
    if id(node) in seen:
        return set()
    seen |= {id(node)}
    match node:
        case Union():
            return {f"{path or '/'} as {label(each)}" for each in node.branches}.union(
                *(wanted(each, path, seen) for each in node.branches)
            )
        case Enum():
            return {f"{path or '/'} = {value!r}" for value in node.values}
        case Array():
            return {f"{path or '/'} empty", f"{path or '/'} filled"} - _bounds(node, path) | wanted(
                node.items, f"{path}/*", seen
            )
        case Map():
            return wanted(node.values, f"{path}/*", seen)
        case Object():
            parts = [wanted(one.type, f"{path}/{one.name}", seen) for one in node.fields]
            return set().union(*parts)
        case Scalar(kind="boolean" | "bool"):
            return {f"{path or '/'} = True", f"{path or '/'} = False"}
    return set()


def _bounds(node: Array, path: str) -> set[str]:
    out = set()
    if node.shortest:
        out.add(f"{path or '/'} empty")
    if node.longest == 0:
        out.add(f"{path or '/'} filled")
    return out


def reach(node: Type, value: Any, path: str, reached: set[str]) -> None:
    match node:
        case Union():
            for each in node.branches:
                if _fits(each, value):
                    reached.add(f"{path or '/'} as {label(each)}")
                    reach(each, value, path, reached)
        case Enum() | Scalar(kind="boolean" | "bool"):
            reached.add(f"{path or '/'} = {value!r}")
        case Array() if isinstance(value, list):
            reached.add(f"{path or '/'} {'filled' if value else 'empty'}")
            for each in value:
                reach(node.items, each, f"{path}/*", reached)
        case Map() if isinstance(value, dict):
            for each in value.values():
                reach(node.values, each, f"{path}/*", reached)
        case Object() if isinstance(value, dict):
            for one in node.fields:
                if one.name in value:
                    reach(one.type, value[one.name], f"{path}/{one.name}", reached)


def _fits(node: Type, value: Any) -> bool:
    """Whether a value may be one of this branch; several may claim it."""
    match node:
        case Scalar(kind="null"):
            return value is None
        case Scalar(kind="boolean" | "bool"):
            return isinstance(value, bool)
        case Scalar(kind="string"):
            return isinstance(value, str)
        case Scalar(kind="bytes"):
            return isinstance(value, bytes)
        case Scalar(kind="int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case Scalar(kind="float"):
            return isinstance(value, float)
        case Enum():
            return any(type(value) is type(each) and value == each for each in node.values)
        case Array():
            return isinstance(value, list)
        case Map() | Object():
            return isinstance(value, dict)
    return value is not None
