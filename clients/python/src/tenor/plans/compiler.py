"""A plan as one Python function, generated once and then as fast as if written by hand.

The source is made from checked nodes only: every name of a schema stands in it as a quoted string, every constant as a
literal or under a name of ours. What goes wrong at run time is worked out by the interpreter, which knows step and
path; so generated code tests nothing that Python would refuse by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tenor.errors import UnsettledPlan
from tenor.plans.conversions import CONVERSIONS
from tenor.plans.document import check
from tenor.plans.interpreter import Functions, interpret, passes
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
    Rest,
    Split,
    Table,
    Take,
    Test,
    Todo,
    Within,
    may_be_absent,
    walk,
)
from tenor.plans.values import ABSENT, TYPES, decode, key

Upcast = Callable[[Any], Any]

_NO_FUNCTIONS: Final[Functions] = {}
_VARIABLE: Final = re.compile(r"it|x|v\d+")


def compile_plan(plan: Plan, functions: Functions = _NO_FUNCTIONS, *, unconfirmed: bool = False) -> Upcast:
    """A function from an old event to a new one. It never changes its input; the output may share parts with it.

    `functions`: the custom steps, resolved (`custom.Customs`). `unconfirmed`: also run suggestions that nobody agreed
    to, for previews and proofs. Raises UnsettledPlan for a plan that is not finished, InvalidPlan and PlanTooLarge for
    one that breaks the rules. The function raises UpcastFailed.
    """
    check(plan)
    refuse_unsettled(plan, unconfirmed=unconfirmed)
    quick = raw(plan, functions)
    if quick is None:
        return lambda event: interpret(plan, event, functions)

    def upcast(event: Any) -> Any:
        try:
            return quick(event)
        except Exception:
            return interpret(plan, event, functions)  # raises what is wrong, with step and path

    return upcast


def refuse_unsettled(plan: Plan, *, unconfirmed: bool = False) -> None:
    """Raise UnsettledPlan for a plan with todos, or with suggestions that were not confirmed."""
    open_steps = [(step.path, step.sentence) for step in (plan.todos if unconfirmed else plan.unsettled)]
    if not open_steps:  # a todo in the tree counts, whatever the steps say
        every = (node for part in (plan.root, *plan.parts.values()) for node in walk(part))
        open_steps = [("", node.reason) for node in every if isinstance(node, Todo)]
    if open_steps:
        raise UnsettledPlan(open_steps)


def raw(plan: Plan, functions: Functions = _NO_FUNCTIONS) -> Upcast | None:
    """The generated function alone: raises whatever Python raises. None for a plan too intricate to generate.

    The plan must be checked.
    """
    source, names = _generated(plan, functions)
    try:
        code = compile(source, "<upcaster>", "exec")
    except (SyntaxError, RecursionError, MemoryError):  # nested deeper than Python's own compiler goes
        return None
    exec(code, names)  # noqa: S102 # our own text: quoted names and literals between fixed phrases
    upcast: Upcast = names["upcast"]
    return upcast


def source_of(plan: Plan) -> str:
    """The generated source, to look at."""
    return _generated(check(plan), _NO_FUNCTIONS)[0]


def _generated(plan: Plan, functions: Functions) -> tuple[str, dict[str, Any]]:
    made = _Generator(plan, functions)
    return made.module(), made.names


class _Generator:
    """Expressions of a node, with statements that must stand before them.

    Statements go to the innermost open block; a block is one branch of an `if` or the body of a function.
    """

    def __init__(self, plan: Plan, functions: Functions) -> None:
        self._plan = plan
        self._functions = functions
        self._block: list[str] = []
        self._defined: list[str] = []
        self._count = 0
        self._part_names = {name: f"part{index}" for index, name in enumerate(plan.parts)}
        self.names: dict[str, Any] = {
            "ABSENT": ABSENT,
            "dig": _dig,
            "passes": passes,
            "look": _look,
            "at": _at,
            "attempt": _attempt,
        }

    def module(self) -> str:
        for name, part in self._plan.parts.items():
            self._function(self._part_names[name], part)
        self._function("upcast", self._plan.root)
        return "\n".join(self._defined) + "\n"

    def _function(self, name: str, node: Node) -> None:
        with self._opened() as block:
            result = self.value(node, "it")
        self._define(name, "it", block, result)

    def _define(self, name: str, variable: str, block: list[str], result: str) -> None:
        self._defined += [f"def {name}({variable}):", *(f"    {line}" for line in block), f"    return {result}"]

    @contextmanager
    def _opened(self) -> Iterator[list[str]]:
        before, self._block = self._block, []
        try:
            yield self._block
        finally:
            self._block = before

    def _fresh(self, expression: str) -> str:
        """A local variable holding the value of an expression."""
        if _VARIABLE.fullmatch(expression):
            return expression
        self._count += 1
        name = f"v{self._count}"
        self._block.append(f"{name} = {expression}")
        return name

    def _global(self, value: Any) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def _either(self, test: str, one: Node, it: str, other: Node, its: str) -> str:
        """`one` on `it` if the test holds, else `other` on `its`."""
        with self._opened() as first:
            yes = self.value(one, it)
        with self._opened() as second:
            no = self.value(other, its)
        return self._chosen(test, first, yes, second, no)

    def _chosen(self, test: str, first: list[str], yes: str, second: list[str], no: str) -> str:
        if not first and not second:
            return f"({yes} if {test} else {no})"
        self._count += 1
        name = f"v{self._count}"
        self._block += [f"if {test}:", *(f"    {line}" for line in first), f"    {name} = {yes}"]
        self._block += ["else:", *(f"    {line}" for line in second), f"    {name} = {no}"]
        return name

    def value(self, node: Node, it: str) -> str:
        """The expression of a node on the scope that the variable `it` holds."""
        match node:
            case Take():
                if node.maybe and len(node.path) == 1:
                    return f"{it}.get({node.path[0]!r}, ABSENT)"  # fails on null, which the interpreter knows
                if node.maybe and node.path:
                    return f"dig({it}, {node.path!r})"
                return it + "".join(f"[{name!r}]" for name in node.path)
            case Constant():
                return self._constant(decode(node.value))
            case Absent():
                return "ABSENT"
            case Record():
                return self._record(node, it)
            case Optional():
                return self._optional(node, it)
            case Items() | Merge():
                return self._listed(node, it)
            case Custom():
                return self._custom(node, it)
            case Todo():
                return f"{self._global(_raiser(node.reason))}()"
            case Convert() if node.otherwise is not None:
                return self._convert_or(node, node.otherwise, it)
            case _:
                return self._on(node, it)

    def _on(self, node: Convert | Choose | Table | Array | Map | At | Split | Within | Call, it: str) -> str:
        of = self.value(node.of, it)
        if not may_be_absent(node.of):
            return self._applied(node, of)
        of = self._fresh(of)
        with self._opened() as block:
            made = self._applied(node, of)
        return self._chosen(f"{of} is ABSENT", [], "ABSENT", block, made)

    def _applied(self, node: Convert | Choose | Table | Array | Map | At | Split | Within | Call, of: str) -> str:
        match node:
            case Convert():
                return self._convert(node, of)
            case Choose():
                return self._choose(node, of)
            case Table():
                return self._table(node, of)
            case Array():
                return self._array(node, of)
            case Map():
                return self._map(node, of)
            case At():
                return f"at({of}, {node.index})"
            case Split():
                if node.at == 0:
                    return f"str.split({of}, {node.separator!r}, {node.parts - 1})[0]"
                return f"{self._global(_split(node))}({of})"
            case Within():
                return self.value(node.then, self._fresh(of))
            case Call():
                return f"{self._part_names[node.name]}({of})"

    def _constant(self, value: Any) -> str:
        if value is None or isinstance(value, bool | str) or (type(value) is int and abs(value) < 2**64):
            return repr(value)
        if isinstance(value, list):
            return f"[{', '.join(map(self._constant, value))}]"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{name!r}: {self._constant(each)}' for name, each in value.items())}}}"
        return repr(value) if isinstance(value, float) and math.isfinite(value) else self._global(value)

    def _convert(self, node: Convert, of: str) -> str:
        apply = self._global(CONVERSIONS[node.to].apply)
        return f"{apply}({of})" if node.by is None else f"{apply}({of}, {self._global(node.by)})"

    def _convert_or(self, node: Convert, otherwise: Node, it: str) -> str:
        of = self._fresh(self.value(node.of, it))
        apply, by = self._global(CONVERSIONS[node.to].apply), self._global(node.by)
        with self._opened() as block:
            found = self._fresh(f"attempt({apply}, {of}, {by})")
            made = self._either(f"{found} is not ABSENT", Take(), found, otherwise, it)
        if may_be_absent(node.of):
            return self._chosen(f"{of} is ABSENT", [], "ABSENT", block, made)
        self._block += block
        return made

    def _record(self, node: Record, it: str) -> str:
        always = [(member.name, member.value) for member in node.members if not may_be_absent(member.value)]
        sometimes = [(member.name, member.value) for member in node.members if may_be_absent(member.value)]
        if node.rest is not None:
            made = self._rest(node.rest, {member.name for member in node.members}, it)
            self._block += [f"{made}[{name!r}] = {self.value(value, it)}" for name, value in always]
        else:
            made = f"{{{', '.join(f'{name!r}: {self.value(value, it)}' for name, value in always)}}}"
        if sometimes:
            made = self._fresh(made)
        for name, value in sometimes:
            found = self._fresh(self.value(value, it))
            self._block += [f"if {found} is not ABSENT:", f"    {made}[{name!r}] = {found}"]
        return made

    def _rest(self, rest: Rest, names: set[str], it: str) -> str:
        """A new dict of the scope's other keys."""
        taken = sorted({*rest.without, *names})
        if rest.each == Take():
            made = self._fresh(f"{{**{it}}}")
            self._block += [f"{made}.pop({name!r}, None)" for name in taken]
            return made
        each = self._inner(rest.each, "x")
        only = f"n not in {self._global(frozenset(taken))}"
        if may_be_absent(rest.each):
            return self._fresh(f"{{n: w for n, x in {it}.items() if {only} for w in ({each},) if w is not ABSENT}}")
        return self._fresh(f"{{n: {each} for n, x in {it}.items() if {only}}}")

    def _inner(self, node: Node, variable: str) -> str:
        """The expression of a node in a comprehension's variable: a function of its own if it takes statements."""
        with self._opened() as block:
            made = self.value(node, variable)
        if not block:
            return made
        self._count += 1
        name = f"each{self._count}"
        self._define(name, variable, block, made)
        return f"{name}({variable})"

    def _array(self, node: Array, of: str) -> str:
        each, items = self._inner(node.each, "x"), f"{self._global(_list)}({of})"
        if may_be_absent(node.each):
            return f"[w for x in {items} for w in ({each},) if w is not ABSENT]"
        return f"[{each} for x in {items}]"

    def _map(self, node: Map, of: str) -> str:
        each, items = self._inner(node.each, "x"), f"dict.items({of})"
        if may_be_absent(node.each):
            return f"{{n: w for n, x in {items} for w in ({each},) if w is not ABSENT}}"
        return f"{{n: {each} for n, x in {items}}}"

    def _optional(self, node: Optional, it: str) -> str:
        of = self._fresh(self.value(node.of, it))
        maybe = may_be_absent(node.of)
        if not maybe and node.when == "absent":
            return self.value(node.then, of)
        tests = {"null": f"{of} is None", "absent": f"{of} is ABSENT", "nothing": f"{of} is None or {of} is ABSENT"}
        when = "null" if node.when == "nothing" and not maybe else node.when
        if maybe and when == "null":
            with self._opened() as block:
                made = self._either(tests[when], node.otherwise, it, node.then, of)
            return self._chosen(f"{of} is ABSENT", [], "ABSENT", block, made)
        return self._either(tests[when], node.otherwise, it, node.then, of)

    def _choose(self, node: Choose, of: str) -> str:
        of = self._fresh(of)
        otherwise: Node = Todo("no branch takes it") if node.otherwise is None else node.otherwise
        with self._opened() as block:
            made = self.value(otherwise, of)
        for case in reversed(node.cases):
            with self._opened() as own:
                yes = self.value(case.then, of)
            with self._opened() as outer:
                made = self._chosen(self._test(case.test, of), own, yes, block, made)
            block = outer
        self._block += block
        return made

    def _test(self, test: Test, of: str) -> str:
        if test.equals:
            return f"passes({self._global(test)}, {of})"
        parts = []
        if test.type == "null":
            parts.append(f"{of} is None")
        elif test.type:
            classes = TYPES[test.type]
            parts.append(" or ".join(f"type({of}) is {self._global(each)}" for each in classes))
        if (test.has or test.lacks) and test.type != "object":
            parts.append(f"type({of}) is dict")
        parts += [f"{name!r} in {of}" for name in test.has] + [f"{name!r} not in {of}" for name in test.lacks]
        return " and ".join(f"({part})" if " or " in part else part for part in parts) or "True"

    def _table(self, node: Table, of: str) -> str:
        if all(isinstance(entry, str) for entry, _ in node.entries):
            found = {entry: decode(value) for entry, value in reversed(node.entries)}
            simple = not any(isinstance(value, list | dict) for value in found.values())
            if simple and node.otherwise is None:
                return f"{self._global(found)}[{of}]"
            if simple and node.otherwise == Take():
                of = self._fresh(of)
                return f"{self._global(found)}.get({of}, {of})"
            if simple and isinstance(node.otherwise, Constant):
                return f"{self._global(found)}.get({of}, {self._constant(decode(node.otherwise.value))})"
        written = {key(entry): value for entry, value in reversed(node.entries)}
        of = self._fresh(of)
        found_as = self._fresh(f"look({self._global(written)}, {of})")
        otherwise: Node = Todo("it is not in the table") if node.otherwise is None else node.otherwise
        with self._opened() as block:
            made = self.value(otherwise, of)
        return self._chosen(f"{found_as} is not ABSENT", [], found_as, block, made)

    def _listed(self, node: Items | Merge, it: str) -> str:
        parts = node.items if isinstance(node, Items) else node.parts
        made = [(self.value(each, it), may_be_absent(each)) for each in parts]
        some = any(maybe for _, maybe in made)
        # All are worked out before the test: a part that fails fails, whatever is absent beside it.
        named = [(self._fresh(each) if some else each, maybe) for each, maybe in made]
        tests = [f"{each} is ABSENT" for each, maybe in named if maybe]
        inner = f"[{', '.join(each for each, _ in named)}]"
        if isinstance(node, Merge):
            inner = f"{node.separator!r}.join({inner})"
        return f"(ABSENT if {' or '.join(tests)} else {inner})" if tests else inner

    def _custom(self, node: Custom, it: str) -> str:
        inputs = []
        for each in node.inputs:
            made = self.value(each, it)
            if may_be_absent(each):
                made = self._fresh(made)
                made = f"(None if {made} is ABSENT else {made})"
            inputs.append(made)
        function = self._functions.get(node.function, _raiser(f"{node.function} was not resolved"))
        return f"{self._global(function)}({', '.join(inputs)})"


# --- what generated code calls ---------------------------------------------------------------------------------


def _dig(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if value is None:
            return ABSENT
        if type(value) is not dict:
            raise TypeError(name)
        if name not in value:
            return ABSENT
        value = value[name]
    return value


def _look(table: dict[Any, Any], value: Any) -> Any:
    wanted = key(value)
    return decode(table[wanted]) if wanted is not None and wanted in table else ABSENT


def _attempt(apply: Callable[[Any, Any], Any], value: Any, by: Any) -> Any:
    try:
        return apply(value, by)
    except ValueError:
        return ABSENT


def _at(value: Any, index: int) -> Any:
    if type(value) is not list:
        raise TypeError
    return value[index] if index < len(value) else ABSENT


def _list(value: Any) -> Any:
    if type(value) is not list:
        raise TypeError
    return value


def _split(node: Split) -> Callable[[Any], str]:
    separator, index, most = node.separator, node.at, node.parts - 1

    def split(value: Any) -> str:
        parts = str.split(value, separator, most)
        return parts[index] if index < len(parts) else ""

    return split


def _raiser(reason: str) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise ValueError(reason)

    return fail
