"""How large a plan may be, how much larger than its input its output, and where recursion may lead.

A plan that passes here ends on every input: sub-plans that call each other go down into the event with every round,
and never twice into the same part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenor.errors import InvalidPlan, PlanTooLarge
from tenor.plans.nodes import (
    Absent,
    Array,
    At,
    Call,
    Choose,
    Constant,
    Convert,
    Custom,
    Items,
    Map,
    Merge,
    Node,
    Optional,
    Plan,
    Record,
    Split,
    Table,
    Take,
    Todo,
    Within,
    children,
)

MAX_NODES: Final = 5_000
MAX_DEPTH: Final = 64
MAX_RATIO: Final = 64.0
"""Values of the output for each of the input."""
MAX_ADDED: Final = 100_000.0
"""Values that a plan may add to one event, outside lists and maps; 64 characters of a text count as one more."""
MAX_WORK: Final = 100_000
"""Nodes evaluated for one value of the event."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The largest output, in values: `ratio` times the input, and `added`."""

    ratio: float
    added: float

    def __add__(self, other: Growth) -> Growth:
        return Growth(self.ratio + other.ratio, self.added + other.added)

    def either(self, other: Growth) -> Growth:
        """Whichever of two is larger."""
        return Growth(max(self.ratio, other.ratio), max(self.added, other.added))

    def then(self, outer: Growth) -> Growth:
        """`outer` on the output of this one."""
        return Growth(outer.ratio * self.ratio, outer.ratio * self.added + outer.added)

    def for_each(self) -> Growth:
        """This for each item of a list: an item is at least one value."""
        return Growth(self.ratio + self.added, 0.0)


_NOTHING: Final = Growth(0.0, 0.0)


def nodes(plan: Plan) -> Iterator[tuple[str, Node]]:
    """Every node of a plan with its JSON pointer. Raises PlanTooLarge when there are too many, or too deep ones."""
    count = 0
    todo: list[tuple[str, Node, int]] = [("/root", plan.root, 1)]
    todo += [(f"/parts/{name}", part, 1) for name, part in plan.parts.items()]
    while todo:
        at, node, depth = todo.pop()
        count += 1
        if count > MAX_NODES:
            raise PlanTooLarge(f"it has more than {MAX_NODES} nodes", at)
        if depth > MAX_DEPTH:
            raise PlanTooLarge(f"it is nested deeper than {MAX_DEPTH} levels", at)
        yield at, node
        todo.extend((at + where, inner, depth + 1) for where, inner, _ in children(node))


# --- recursion -------------------------------------------------------------------------------------------------

_Path = tuple[str, ...]
_MADE: Final = None


@dataclass(frozen=True, slots=True)
class _Called:
    """A call: of what, from where, and on which part of the caller's input (None: on something made)."""

    name: str
    at: str
    on: _Path | None


def _calls(node: Node, at: str, scope: _Path | None) -> Iterator[_Called]:
    if isinstance(node, Call):
        yield _Called(node.name, at, _part(node.of, scope))
    for where, inner, opens in children(node):
        yield from _calls(inner, at + where, _opened(node, where, scope) if opens else scope)


def _opened(node: Node, where: str, scope: _Path | None) -> _Path | None:
    """Which part of the input the scope is that a node opens."""
    if isinstance(node, Record):
        return None if scope is None else (*scope, "*")
    assert isinstance(node, Optional | Choose | Table | Array | Map | Within)
    part = _part(node.of, scope)
    if part is not None and isinstance(node, Array | Map):
        return (*part, "*")
    return part


def _part(node: Node, scope: _Path | None) -> _Path | None:
    """Which part of the input a node is; None if it is something else."""
    if isinstance(node, Take):
        return None if scope is None else (*scope, *(f"={key}" for key in node.path))
    if isinstance(node, At):
        inner = _part(node.of, scope)
        return None if inner is None else (*inner, "*")
    return None


def _overlap(one: _Path, other: _Path) -> bool:
    """Whether two parts may share something: one lies within the other (`*` is any key)."""
    return all(a == b or "*" in (a, b) for a, b in zip(one, other, strict=False))


def check_recursion(plan: Plan) -> None:
    """Refuse sub-plans that could run for ever, or grow without bound. Raises InvalidPlan, PlanTooLarge."""
    calls = {name: list(_calls(part, f"/parts/{name}", ())) for name, part in plan.parts.items()}
    for called in [*_calls(plan.root, "/root", ()), *(each for listed in calls.values() for each in listed)]:
        if called.name not in plan.parts:
            raise InvalidPlan(f"there is no part '{called.name}'", called.at)
    reach = _reachable({name: {each.name for each in listed} for name, listed in calls.items()})
    still = _reachable({name: {each.name for each in listed if not each.on} for name, listed in calls.items()})
    for name, listed in calls.items():
        if name in still[name]:
            raise InvalidPlan(f"part '{name}' calls itself without going into the event", f"/parts/{name}")
        recursive = [each for each in listed if name in reach[each.name] or each.name == name]
        for index, each in enumerate(recursive):
            # A call on something made could feed a part its own output; a cycle through it was refused above.
            for other in recursive[:index]:
                if each.on is not None and other.on is not None and _overlap(each.on, other.on):
                    if _exclusive(each.at, other.at):
                        continue
                    raise PlanTooLarge(f"part '{name}' goes into the same part of the event twice", each.at)


def _exclusive(one: str, other: str) -> bool:
    """Whether two places of a plan are on different branches of one choice."""
    first, second = one.split("/"), other.split("/")
    same = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
    heads = (first[same], second[same])
    if set(heads) <= {"then", "otherwise"}:
        return True
    above = first[same - 1]
    return above == "cases" or {"otherwise", "cases"} == set(heads)


def _reachable(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        todo = list(edges[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(edges.get(name, ()))
        found[start] = seen
    return found


# --- growth ----------------------------------------------------------------------------------------------------


def check_growth(plan: Plan) -> Growth:
    """How much larger than its input the output can be. Raises PlanTooLarge past the limits.

    Recursive parts go into each part of the event once (`check_recursion`), so that one level's growth is the whole's.
    """
    made = _Growing(plan).of(plan.root, "/root")
    work = _Working(plan).of(plan.root)
    if work > MAX_WORK:
        raise PlanTooLarge(f"it takes {work:.2g} steps for one value of the event, more than {MAX_WORK}", "/root")
    return made


class _Working:
    """How many nodes are evaluated, sub-plans included; what a recursive part does at one level."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._parts: dict[str, float] = {}

    def of(self, node: Node) -> float:
        total = 1.0 + math.fsum(self.of(inner) for _, inner, _ in children(node))
        return total + self._part(node.name) if isinstance(node, Call) else total

    def _part(self, name: str) -> float:
        if name not in self._parts:
            self._parts[name] = 0.0
            self._parts[name] = self.of(self._plan.parts[name])
        return self._parts[name]


class _Growing:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._parts: dict[str, Growth | None] = {}

    def of(self, node: Node, at: str) -> Growth:
        made = self._of(node, at)
        if made.ratio > MAX_RATIO:
            raise PlanTooLarge(f"an event could grow {made.ratio:.0f} times, more than {MAX_RATIO:.0f}", at)
        if made.added > MAX_ADDED:
            raise PlanTooLarge(f"it could add {made.added:.0f} values to an event, more than {MAX_ADDED:.0f}", at)
        return made

    def _of(self, node: Node, at: str) -> Growth:
        inner = {where: self.of(each, at + where) for where, each, _ in children(node)}
        match node:
            case Take():
                return Growth(1.0, 0.0)
            case Constant():
                return Growth(0.0, weight(node.value))
            case Absent() | Todo():
                return _NOTHING
            case Record():
                return self._record(node, inner)
            case Optional():
                return inner["/of"].then(inner["/then"]).either(inner["/otherwise"])
            case Choose():
                return inner.pop("/of").then(_largest(list(inner.values())))
            case Table():
                found = Growth(0.0, max((weight(value) for _, value in node.entries), default=0.0))
                return found.either(inner["/of"].then(inner.get("/otherwise", _NOTHING)))
            case Array() | Map():
                return inner["/of"].then(inner["/each"].for_each())
            case Within():
                return inner["/of"].then(inner["/then"])
            case Call():
                return inner["/of"].then(self._part(node.name))
            case Convert():
                return inner["/of"].either(inner.get("/otherwise", _NOTHING))
            case At() | Split():
                return inner["/of"]
            case Items() | Merge():
                return _total(list(inner.values())) + Growth(0.0, 1.0)
            case Custom():
                # How much longer its result can be is bounded by its own check (`custom.MAX_WEIGHT`).
                return _total(list(inner.values())) + Growth(0.0, 100.0)

    def _record(self, node: Record, inner: dict[str, Growth]) -> Growth:
        made = [inner[f"/members/{index}/value"] for index in range(len(node.members))]
        whole = _total(made)
        # Members that take different parts of the scope together take no more than the scope.
        once = {path for member in node.members if (path := _taken(member.value))}
        if len(once) == len(node.members) and not any(_within(a, b) for a in once for b in once if a is not b):
            whole = Growth(max((each.ratio for each in made), default=0.0), whole.added)
        if node.rest is not None:
            whole += inner["/rest/each"].for_each()
        return whole + Growth(0.0, 1.0)

    def _part(self, name: str) -> Growth:
        if name in self._parts:
            known = self._parts[name]
            return Growth(1.0, 0.0) if known is None else known
        self._parts[name] = None
        part = self._plan.parts[name]
        found = self.of(part, f"/parts/{name}")
        if any(each.name == name for each in _calls(part, "", ())):
            found = found.for_each()
        self._parts[name] = found
        return found


def _within(one: _Path, other: _Path) -> bool:
    return one == other[: len(one)]


def _taken(node: Node) -> _Path:
    """The path a node starts from, if it rests on one only; else empty."""
    while not isinstance(node, Take):
        if isinstance(node, Optional) and not isinstance(node.otherwise, Constant | Absent):
            return ()
        if not isinstance(node, Convert | Array | Map | At | Split | Within | Call | Table | Choose | Optional):
            return ()
        node = node.of
    return node.path


def _total(parts: list[Growth]) -> Growth:
    return Growth(math.fsum(each.ratio for each in parts), math.fsum(each.added for each in parts))


def _largest(parts: list[Growth]) -> Growth:
    return Growth(max((each.ratio for each in parts), default=0.0), max((each.added for each in parts), default=0.0))


def weight(value: Any) -> float:
    """Values of a constant; 64 characters of a text count as one more."""
    total, todo = 0.0, [value]
    while todo:
        each = todo.pop()
        total += 1.0
        if isinstance(each, dict):
            total += sum(len(name) for name in each) / 64
            todo.extend(each.values())
        elif isinstance(each, list | tuple):
            todo.extend(each)
        elif isinstance(each, str):
            total += len(each) / 64
    return total
