"""The reference meaning of a plan: slow, obvious, and exact about where it fails.

Compiled plans fall back on it when anything goes wrong, so that every error names the step and the path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tenor.errors import UnsettledPlan, UpcastFailed
from tenor.plans.conversions import CONVERSIONS
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
    Test,
    Todo,
    Within,
)
from tenor.plans.values import ABSENT, TYPES, decode, key, same, type_name

Functions = Mapping[str, Callable[..., Any]]
"""Custom steps by the name the plan gives them, resolved and checked (`custom.Customs`)."""

_NO_FUNCTIONS: Final[Functions] = {}


def interpret(plan: Plan, event: Any, functions: Functions = _NO_FUNCTIONS) -> Any:
    """The event as the new schema has it; the old event stays as it is.

    Raises UpcastFailed with step and path, and UnsettledPlan if it meets a todo.
    """
    try:
        value = _Interpreter(plan, functions).run(plan.root, event, "")
    except RecursionError:
        raise UpcastFailed("copy", "", "the event is nested too deeply") from None
    if value is ABSENT:
        raise UpcastFailed("copy", "", "the whole event is absent")
    return value


class _Interpreter:
    def __init__(self, plan: Plan, functions: Functions) -> None:
        self._plan = plan
        self._functions = functions

    def _fail(self, at: str, reason: str, kind: str = "copy", *, quotes: bool = False) -> UpcastFailed:
        pattern = _pattern(at)
        step = next((step.kind for step in self._plan.steps if _pattern(step.path) == pattern), kind)
        return UpcastFailed(step, at, reason, quotes)

    def run(self, node: Node, it: Any, at: str) -> Any:
        match node:
            case Take():
                return self._take(node, it, at)
            case Convert():
                return self._convert(node, it, at)
            case Constant():
                return decode(node.value)
            case Absent():
                return ABSENT
            case Record():
                return self._record(node, it, at)
            case Optional():
                value = self.run(node.of, it, at)
                nothing = (value is None and node.when != "absent") or (value is ABSENT and node.when != "null")
                if nothing:
                    return self.run(node.otherwise, it, at)
                return ABSENT if value is ABSENT else self.run(node.then, value, at)
            case Items():
                made = [self.run(each, it, f"{at}/{index}") for index, each in enumerate(node.items)]
                return ABSENT if any(each is ABSENT for each in made) else made
            case Merge():
                return self._merge(node, it, at)
            case Custom():
                return self._custom(node, it, at)
            case Todo():
                raise UnsettledPlan([(at, node.reason)])
            case _:
                value = self.run(node.of, it, at)
                return ABSENT if value is ABSENT else self._on(node, value, at)

    def _convert(self, node: Convert, it: Any, at: str) -> Any:
        value = self.run(node.of, it, at)
        if value is ABSENT:
            return ABSENT
        try:
            return CONVERSIONS[node.to].apply(value, node.by)
        except ValueError as error:
            if node.otherwise is None:
                raise self._fail(at, str(error), "convert", quotes=True) from None
        except TypeError as error:
            raise self._fail(at, str(error), "convert") from None
        return self.run(node.otherwise, it, at)

    def _on(self, node: Choose | Table | Array | Map | At | Split | Within | Call, value: Any, at: str) -> Any:
        match node:
            case Choose():
                for case in node.cases:
                    if passes(case.test, value):
                        return self.run(case.then, value, at)
                if node.otherwise is None:
                    raise self._fail(at, f"no branch takes this {type_name(value)}", "branch")
                return self.run(node.otherwise, value, at)
            case Table():
                wanted = key(value)
                if wanted is not None:
                    for entry, found in node.entries:
                        if key(entry) == wanted:
                            return decode(found)
                if node.otherwise is None:
                    raise self._fail(at, f"{_shown(value)} is not in the table", "table", quotes=True)
                return self.run(node.otherwise, value, at)
            case Array():
                if type(value) is not list:
                    raise self._fail(at, f"a list is expected, not {type_name(value)}")
                made = [self.run(node.each, each, f"{at}/{index}") for index, each in enumerate(value)]
                return [each for each in made if each is not ABSENT]
            case Map():
                if type(value) is not dict:
                    raise self._fail(at, f"a map is expected, not {type_name(value)}")
                entries = [(name, self.run(node.each, each, _below(at, name))) for name, each in value.items()]
                return {name: each for name, each in entries if each is not ABSENT}
            case At():
                if type(value) is not list:
                    raise self._fail(at, f"a list is expected, not {type_name(value)}", "unwrap")
                return value[node.index] if node.index < len(value) else ABSENT
            case Split():
                if type(value) is not str:
                    raise self._fail(at, f"a text is expected, not {type_name(value)}", "split")
                parts = value.split(node.separator, node.parts - 1)
                return parts[node.at] if node.at < len(parts) else ""
            case Within():
                return self.run(node.then, value, at)
            case Call():
                return self.run(self._plan.parts[node.name], value, at)

    def _take(self, node: Take, it: Any, at: str) -> Any:
        value = it
        for name in node.path:
            if node.maybe and value is None:
                return ABSENT
            if type(value) is not dict:
                raise self._fail(at, f"'{name}' is looked for in {type_name(value)}")
            if name not in value:
                if node.maybe:
                    return ABSENT
                raise self._fail(at, f"the old event has no '{name}'")
            value = value[name]
        return value

    def _record(self, node: Record, it: Any, at: str) -> Any:
        made: dict[str, Any] = {}
        if node.rest is not None:
            if type(it) is not dict:
                raise self._fail(at, f"an object is expected, not {type_name(it)}")
            taken = {*node.rest.without, *(member.name for member in node.members)}
            for name, each in it.items():
                if name not in taken and (value := self.run(node.rest.each, each, _below(at, name))) is not ABSENT:
                    made[name] = value
        for member in node.members:
            if (value := self.run(member.value, it, _below(at, member.name))) is not ABSENT:
                made[member.name] = value
        return made

    def _merge(self, node: Merge, it: Any, at: str) -> Any:
        parts = [self.run(each, it, at) for each in node.parts]
        if any(each is ABSENT for each in parts):
            return ABSENT
        for each in parts:
            if type(each) is not str:
                raise self._fail(at, f"a text is expected, not {type_name(each)}", "merge")
        return node.separator.join(parts)

    def _custom(self, node: Custom, it: Any, at: str) -> Any:
        inputs = [self.run(each, it, at) for each in node.inputs]
        function = self._functions.get(node.function)
        if function is None:
            raise self._fail(at, f"the custom step {node.function} was not resolved", "custom")
        try:
            return function(*(None if each is ABSENT else each for each in inputs))
        except Exception as error:
            reason = f"{node.function} raised {type(error).__name__}: {error}"
            raise self._fail(at, reason, "custom", quotes=True) from error


def passes(test: Test, value: Any) -> bool:
    """Whether a value passes a test."""
    if test.type and type(value) not in TYPES[test.type]:
        return False
    if test.has or test.lacks or test.equals:
        if type(value) is not dict:
            return False
        if not all(name in value for name in test.has) or any(name in value for name in test.lacks):
            return False
    for each in test.equals:
        found = dig(value, each.path)
        if found is ABSENT or not same(found, each.value):
            return False
    return True


def dig(value: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of keys, absent if there is none."""
    for name in path:
        if type(value) is not dict or name not in value:
            return ABSENT
        value = value[name]
    return value


def _below(at: str, name: Any) -> str:
    return f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}"


def _pattern(path: str) -> str:
    """A path with every index as `*`."""
    return "/".join("*" if part.isdigit() else part for part in path.split("/"))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
