"""Inline constraints: `confluent:rules` of a record or a field, in CEL over `this`.

A constraint holds when its expression is true, or is an empty text; any other text says what is wrong. A field that
is absent or null keeps every constraint. All constraints are looked at, so that a producer hears everything at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tenor.codecs.fields import Node, Slot
from tenor.codecs.shown import pointer, shown
from tenor.errors import UnusableRule, Violation
from tenor.rules import cel

MAX_VIOLATIONS = 100

Look = Callable[[Any, str, list[Violation]], None]
"""(value, path, found): adds what is wrong."""


class Check(NamedTuple):
    """A compiled constraint."""

    name: str
    said: str
    evaluate: cel.Evaluate


def compile(root: Node) -> Look | None:
    """A function that looks at all constraints of an event; None if the schema has none. Raises UnusableRule."""
    return _Checks().node(root, ())


class _Checks:
    def __init__(self) -> None:
        self._recursive: dict[int, list[Look | None]] = {}

    def node(self, node: Node, inside: tuple[int, ...]) -> Look | None:
        match node.kind:
            case "leaf":
                return None
            case "record":
                return self._record(node, inside)
            case "list" | "map":
                assert node.item is not None  # lists and maps have items
                inner = self.node(node.item, inside)
                return None if inner is None else (_each_item(inner) if node.kind == "list" else _each_value(inner))
        branches = [(test, self.node(branch, inside)) for test, branch in node.branches]
        if all(inner is None for _, inner in branches):
            return None

        def look(value: Any, path: str, found: list[Violation]) -> None:
            if type(value) is tuple and len(value) == 2:
                value = value[1]
            for test, inner in branches:
                if test(value):
                    if inner is not None:
                        inner(value, path, found)
                    if node.kind == "choice":
                        return

        return look

    def _record(self, node: Node, inside: tuple[int, ...]) -> Look | None:
        if id(node) in inside:
            box = self._recursive.setdefault(id(node), [None])
            return lambda value, path, found: None if box[0] is None else box[0](value, path, found)
        own = tuple(_check(each, node.name) for each in node.checks)
        parts = [(slot.name, self._slot(slot), self.node(slot.node, (*inside, id(node)))) for slot in node.slots]
        parts = [(name, checks, inner) for name, checks, inner in parts if checks or inner is not None]
        look = None if not own and not parts else _look_at(own, tuple(parts))
        if id(node) in self._recursive:
            self._recursive[id(node)][0] = look
        return look

    def _slot(self, slot: Slot) -> tuple[Check, ...]:
        return tuple(_check(each, slot.full_name) for each in slot.checks)


def _look_at(own: tuple[Check, ...], parts: tuple[tuple[str, tuple[Check, ...], Look | None], ...]) -> Look:
    def look(value: Any, path: str, found: list[Violation]) -> None:
        if not isinstance(value, Mapping) or len(found) >= MAX_VIOLATIONS:
            return
        _judge(own, value, path, found)
        for name, checks, inner in parts:
            if (one := value.get(name)) is None:
                continue
            where = path + pointer(name)
            _judge(checks, one, where, found)
            if inner is not None:
                inner(one, where, found)

    return look


def _each_item(inner: Look) -> Look:
    def look(value: Any, path: str, found: list[Violation]) -> None:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                inner(item, f"{path}/{index}", found)

    return look


def _each_value(inner: Look) -> Look:
    def look(value: Any, path: str, found: list[Violation]) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                inner(item, path + pointer(str(key)), found)

    return look


def _judge(checks: tuple[Check, ...], value: Any, path: str, found: list[Violation]) -> None:
    for check in checks:
        try:
            result = check.evaluate({"this": value})
        except Exception as error:  # the engine raises whatever the expression met; its text may hold the value
            found.append(Violation(path, check.name, shown(value), f"{check.said} ({type(error).__name__})"))
            continue
        if result is True or result == "" or result is cel.UNGUARDED:
            continue
        said = result if isinstance(result, str) else check.said
        found.append(Violation(path, check.name, shown(value), said[:200]))


def _check(data: Mapping[str, Any], where: str) -> Check:
    name = str(data.get("name") or "unnamed")
    text = str(data.get("expr") or "")
    said = str(data.get("doc") or "") or f"the constraint '{name}' does not hold: {text}"
    try:
        return Check(name, said, cel.compile(text))
    except ValueError as error:
        reason = f"the constraint of {where} does not compile ({' '.join(str(error).split())[:120]})"
        raise UnusableRule(rule=name, type="CEL", reason=reason) from error
