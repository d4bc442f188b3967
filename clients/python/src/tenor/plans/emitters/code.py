"""A plan as functions of a language with statements: what Python and TypeScript have in common.

Expressions may need statements before them; those go to the innermost open block, which is one branch of an `if` or
the body of a function. What only a comprehension needs becomes a function of its own, named after its place.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from tenor.errors import NotExpressible
from tenor.plans.nodes import (
    SCOPE,
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
)
from tenor.plans.values import decode

_WORD: Final = re.compile(r"[a-z0-9]+")
_VARIABLE: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
Lines = list[str]
WIDEST: Final = 80
"""Characters of a choice that stands on one line."""


def below(at: str, name: str) -> str:
    """The pointer of a member."""
    return f"{at}/{name.replace('~', '~0').replace('/', '~1')}"


def word_of(at: str) -> str:
    """A name made of a pointer: its last two words that are no star."""
    names = [part for part in at.split("/") if part not in ("", "*")]
    word = "_".join(_WORD.findall("_".join(names[-2:]).lower()))
    return word if word and not word[0].isdigit() else f"value_{word}".rstrip("_")


def indented(lines: Sequence[str], by: str) -> Lines:
    return [by + line if line else line for line in lines]


def _given(node: Node) -> tuple[str, Node | None]:
    """For a node that is absent only if one key of its scope is: the key, and the node where it is there."""
    if isinstance(node, Take):
        return (node.path[0], Take(node.path)) if len(node.path) == 1 else ("", None)
    if isinstance(node, Absent | Constant | Record | Items | Merge | Custom | Todo):
        return "", None
    if not isinstance(node.of, Take) or not node.of.maybe or len(node.of.path) != 1:
        return "", None
    given = replace(node, of=Take(node.of.path))
    alone = not isinstance(node, Optional) or node.when == "null"
    return (node.of.path[0], given) if alone and not may_be_absent(given) else ("", None)


class Code(ABC):
    """Writes the functions of one plan. Subclasses are languages."""

    target: ClassVar[str]
    tab: ClassVar[str]
    absent: ClassVar[str]
    outcome: ClassVar[str]
    """What the record that is being made is called."""
    reserved: ClassVar[frozenset[str]]

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.functions: Lines = []
        self.constants: Lines = []
        self.block: Lines = []
        self._names: set[str] = {"old", "item", "upcast", *self.reserved}
        self.parts = {name: self.name(f"{word_of(name)}_part") for name in plan.parts}

    def name(self, wanted: str) -> str:
        """A name nothing else has."""
        found, number = wanted, 1
        while found in self._names:
            number += 1
            found = f"{wanted}_{number}"
        self._names.add(found)
        return found

    def refuse(self, at: str, reason: str) -> NotExpressible:
        return NotExpressible(target=self.target, path=at or "/", reason=reason)

    @contextmanager
    def opened(self) -> Iterator[Lines]:
        before, self.block = self.block, []
        try:
            yield self.block
        finally:
            self.block = before

    def all_parts(self) -> None:
        """Write the sub-plans, each a function."""
        for name, part in self.plan.parts.items():
            with self.opened() as block:
                made = self.value(part, "old", "")
            self.functions += self.function(self.parts[name], "old", block, made)

    def fresh(self, expression: str, at: str) -> str:
        """A local name for the value of an expression."""
        if expression in ("old", "item") or (_VARIABLE.fullmatch(expression) and expression not in self.reserved):
            return expression
        name = self.name(word_of(at))
        self.block += self.bound(name, expression)
        return name

    # --- nodes -------------------------------------------------------------------------------------------------

    def value(self, node: Node, it: str, at: str) -> str:
        """The expression of a node on the scope that the variable `it` holds."""
        match node:
            case Take():
                return self.take(it, node.path, node.maybe)
            case Constant():
                return self.literal(decode(node.value), at)
            case Absent():
                return self.absent
            case Record():
                return self._record(node, it, at)
            case Optional():
                return self._optional(node, it, at)
            case Items() | Merge():
                return self._listed(node, it, at)
            case Custom():
                inputs = [self.value(each, it, at) for each in node.inputs]
                maybe = [may_be_absent(each) for each in node.inputs]
                named = [
                    self.or_null(self.fresh(each, at)) if some else each
                    for each, some in zip(inputs, maybe, strict=True)
                ]
                return self.custom(node, named, at)
            case Todo():
                return self.todo(node, it, at)
            case Convert() if node.otherwise is not None:
                return self._convert_or(node, node.otherwise, it, at)
            case _:
                return self._on(node, it, at)

    def _on(self, node: Convert | Choose | Table | Array | Map | At | Split | Within | Call, it: str, at: str) -> str:
        of = self.value(node.of, it, at)
        if not may_be_absent(node.of):
            return self._applied(node, of, at)
        of = self.fresh(of, at)
        with self.opened() as block:
            made = self._applied(node, of, at)
        return made if made == of else self.chosen(self.is_absent(of), [], self.absent, block, made, at)

    def _applied(
        self, node: Convert | Choose | Table | Array | Map | At | Split | Within | Call, of: str, at: str
    ) -> str:
        match node:
            case Convert():
                return self.convert(node, of, at)
            case Choose():
                return self._choose(node, of, at)
            case Table():
                return self._table(node, of, at)
            case Array():
                return of if node.each == SCOPE else self.items(of, *self._each(node.each, below(at, "*")))
            case Map():
                return of if node.each == SCOPE else self.entries(of, *self._each(node.each, below(at, "*")))
            case At():
                return self.at(self.fresh(of, at), node.index)
            case Split():
                return self.split(node, of, at)
            case Within():
                return self.value(node.then, self.fresh(of, at), at)
            case Call():
                return f"{self.parts[node.name]}({of})"

    def _each(self, node: Node, at: str) -> tuple[str, bool]:
        """The expression for an item, and whether it may be absent."""
        with self.opened() as block:
            made = self.value(node, "item", at)
        if not block and "\n" not in made:
            return made, may_be_absent(node)
        name = self.name(word_of(at))
        self.functions += self.function(name, "item", block, made)
        return f"{name}(item)", may_be_absent(node)

    def _record(self, node: Record, it: str, at: str) -> str:
        always = [each for each in node.members if not may_be_absent(each.value)]
        sometimes = [each for each in node.members if may_be_absent(each.value)]
        members = [(each.name, self.value(each.value, it, below(at, each.name))) for each in always]
        made = self.display(members)
        if node.rest is not None:
            made = self._with_rest(node.rest, [each.name for each in node.members], it, at, members)
        if not sometimes or all(isinstance(each.value, Absent) for each in sometimes):
            return made
        target = self.name(self.outcome if not at else word_of(at))
        self.block += self.dictionary(target, made, at)
        for each in sometimes:
            if isinstance(each.value, Absent):
                continue
            inside = below(at, each.name)
            key, given = _given(each.value) if it == "old" and not at else ("", None)
            if given is not None:
                with self.opened() as block:
                    put = self.put(target, each.name, self.value(given, it, inside))
                self.block += self.when(self.has(it, key), [*block, *put])
                continue
            found = self.fresh(self.value(each.value, it, inside), inside)
            self.block += self.when(self.not_absent(found), self.put(target, each.name, found))
        return target

    def _with_rest(self, rest: Rest, names: Sequence[str], it: str, at: str, members: Sequence[tuple[str, str]]) -> str:
        taken = sorted({*rest.without, *names})
        each, maybe = ("item", False) if rest.each == SCOPE else self._each(rest.each, below(at, "*"))
        return self.others(it, taken, each, maybe, members)

    def _optional(self, node: Optional, it: str, at: str) -> str:
        of = self.fresh(self.value(node.of, it, at), at)
        maybe = may_be_absent(node.of)
        if not maybe and node.when == "absent":
            return self.value(node.then, of, at)
        with self.opened() as first:
            no = self.value(node.otherwise, it, at)
        with self.opened() as second:
            yes = self.value(node.then, of, at)
        if not maybe or node.when == "null":
            test = self.is_null(of)
        else:
            test = self.is_absent(of) if node.when == "absent" else self.is_nothing(of)
        if not (maybe and node.when == "null") or (yes == of and not second):
            return self.chosen(test, first, no, second, yes, at)
        with self.opened() as block:
            made = self.chosen(test, first, no, second, yes, at)
        return self.chosen(self.is_absent(of), [], self.absent, block, made, at)

    def _choose(self, node: Choose, of: str, at: str) -> str:
        self.check_cases(node, at)
        of = self.fresh(of, at)
        with self.opened() as block:
            if node.otherwise is None:
                made = self.raised("no branch takes it", at)
            else:
                made = self.value(node.otherwise, of, at)
        for case in reversed(node.cases):
            with self.opened() as own:
                yes = self.value(case.then, of, at)
            with self.opened() as outer:
                made = self.chosen(self.test(case.test, of, at), own, yes, block, made, at)
            block = outer
        self.block += block
        return made

    def _table(self, node: Table, of: str, at: str) -> str:
        of = self.fresh(of, at)
        found = self.fresh(self.looked_up(node, of, at), f"{at}_found")
        with self.opened() as block:
            if node.otherwise is None:
                made = self.raised("it is not in the table", at)
            else:
                made = self.value(node.otherwise, of, at)
        return self.chosen(self.not_absent(found), [], found, block, made, at)

    def _convert_or(self, node: Convert, otherwise: Node, it: str, at: str) -> str:
        of = self.fresh(self.value(node.of, it, at), at)
        with self.opened() as block:
            found = self.fresh(self.attempt(node, of, at), f"{at}_read")
            with self.opened() as second:
                made = self.value(otherwise, it, at)
            made = self.chosen(self.not_absent(found), [], found, second, made, at)
        if may_be_absent(node.of):
            return self.chosen(self.is_absent(of), [], self.absent, block, made, at)
        self.block += block
        return made

    def _listed(self, node: Items | Merge, it: str, at: str) -> str:
        parts = node.items if isinstance(node, Items) else node.parts
        made = [(self.value(each, it, at), may_be_absent(each)) for each in parts]
        some = any(maybe for _, maybe in made)
        named = [(self.fresh(each, at) if some else each, maybe) for each, maybe in made]
        inner = f"[{', '.join(each for each, _ in named)}]"
        if isinstance(node, Merge):
            inner = self.joined([each for each, _ in named], node.separator)
        tests = [self.is_absent(each) for each, maybe in named if maybe]
        return self.chosen(self.any_of(tests), [], self.absent, [], inner, at) if tests else inner

    def chosen(self, test: str, first: Lines, yes: str, second: Lines, no: str, at: str) -> str:
        """`yes` if the test holds, else `no`, each after its statements."""
        if not first and not second and len(test) + len(yes) + len(no) <= WIDEST:
            return self.ternary(test, yes, no)
        name = self.name(word_of(at))
        self.block += self.branches(
            name, test, [*first, *self.assigned(name, yes)], [*second, *self.assigned(name, no)]
        )
        return name

    # --- a language --------------------------------------------------------------------------------------------

    @abstractmethod
    def take(self, it: str, path: tuple[str, ...], maybe: bool) -> str: ...
    @abstractmethod
    def literal(self, value: Any, at: str) -> str: ...
    @abstractmethod
    def or_null(self, name: str) -> str: ...
    @abstractmethod
    def custom(self, node: Custom, inputs: Sequence[str], at: str) -> str: ...
    @abstractmethod
    def todo(self, node: Todo, it: str, at: str) -> str: ...
    @abstractmethod
    def function(self, name: str, variable: str, block: Lines, result: str) -> Lines: ...
    @abstractmethod
    def bound(self, name: str, expression: str) -> Lines: ...
    @abstractmethod
    def assigned(self, name: str, expression: str) -> Lines: ...
    @abstractmethod
    def branches(self, name: str, test: str, first: Lines, second: Lines) -> Lines: ...
    @abstractmethod
    def ternary(self, test: str, yes: str, no: str) -> str: ...
    @abstractmethod
    def when(self, test: str, lines: Lines) -> Lines: ...
    @abstractmethod
    def put(self, target: str, name: str, value: str) -> Lines: ...
    @abstractmethod
    def dictionary(self, name: str, display: str, at: str) -> Lines: ...
    @abstractmethod
    def display(self, members: Sequence[tuple[str, str]]) -> str: ...
    @abstractmethod
    def others(
        self, it: str, taken: Sequence[str], each: str, maybe: bool, members: Sequence[tuple[str, str]]
    ) -> str: ...
    @abstractmethod
    def has(self, it: str, name: str) -> str: ...
    @abstractmethod
    def is_absent(self, name: str) -> str: ...
    @abstractmethod
    def not_absent(self, name: str) -> str: ...
    @abstractmethod
    def is_null(self, name: str) -> str: ...
    @abstractmethod
    def is_nothing(self, name: str) -> str: ...
    @abstractmethod
    def any_of(self, tests: Sequence[str]) -> str: ...
    @abstractmethod
    def joined(self, parts: Sequence[str], separator: str) -> str: ...
    @abstractmethod
    def split(self, node: Split, of: str, at: str) -> str: ...
    @abstractmethod
    def at(self, of: str, index: int) -> str: ...
    @abstractmethod
    def items(self, of: str, each: str, maybe: bool) -> str: ...
    @abstractmethod
    def entries(self, of: str, each: str, maybe: bool) -> str: ...
    @abstractmethod
    def convert(self, node: Convert, of: str, at: str) -> str: ...
    @abstractmethod
    def attempt(self, node: Convert, of: str, at: str) -> str: ...
    @abstractmethod
    def check_cases(self, node: Choose, at: str) -> None: ...
    @abstractmethod
    def test(self, test: Test, of: str, at: str) -> str: ...
    @abstractmethod
    def looked_up(self, node: Table, of: str, at: str) -> str: ...
    @abstractmethod
    def raised(self, reason: str, at: str) -> str: ...
