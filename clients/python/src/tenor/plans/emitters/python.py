"""A plan as a typed Python module: both versions as TypedDicts, and a pure function from one to the other.

    module = emit(plan, old_shapes, new_shapes)
    module.text                  # the module
    test_module(…)               # and its tests

What is open becomes a function marked `@todo(path, reason)`, which raises at import, and suggestions a row of DECISIONS
that raises until it says yes. Generated again from its own text (`kept_of`), a module keeps every function that was
filled in by hand and every decision.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from textwrap import wrap
from typing import Any, Final

from tenor.errors import CustomStepRefused
from tenor.plans.conversions import CONVERSIONS
from tenor.plans.custom import checked
from tenor.plans.document import check, plan_hash
from tenor.plans.emitters.code import Code, Lines, below, indented, word_of
from tenor.plans.emitters.models import Models, free
from tenor.plans.emitters.python_kept import BY_HAND, DECISIONS, NOTHING, Kept
from tenor.plans.emitters.python_literals import in_words, literal, path_tuple, quoted, spread
from tenor.plans.emitters.shapes import Either, Enum, Field, List, Named, Scalar, Shape, Shapes
from tenor.plans.emitters.shapes import Mapping as MapShape
from tenor.plans.nodes import Choose, Convert, Custom, Node, Plan, Record, Split, Step, Table, Test, Todo
from tenor.plans.values import decode, encode

_TYPES: Final[Mapping[str, str]] = {
    **{kind: kind for kind in ("int", "float", "bytes", "datetime", "date", "time")},
    "null": "None",
    "boolean": "bool",
    "number": "int | float",
    "string": "str",
    "array": "list[Any]",
    "object": "dict[str, Any]",
    "decimal": "Decimal",
    "uuid": "UUID",
    "any": "Any",
}
_CLASSES: Final[Mapping[str, str]] = {**_TYPES, "null": "type(None)", "array": "list", "object": "dict"}
_HOMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("datetime", "date", "time"), "datetime"),
    "Decimal": "decimal",
    "UUID": "uuid",
    **dict.fromkeys(("Any", "Final", "Literal", "NotRequired", "TypedDict", "cast"), "typing"),
}
_STUBS: Final = frozenset({"ABSENT", "agreed", "at", "attempt", "dig", "fail", "look", "piece", "same", "todo"})


def step_names(plan: Plan) -> dict[str, str]:
    """The function of each step that only a person can write, by its path."""
    names: dict[str, str] = {}
    for step in plan.steps:
        if step.kind == "todo" and step.path not in names:
            names[step.path] = free(_identifier(word_of(step.path)), names.values())
    return names


def custom_steps(plan: Plan, kept: Kept, module: str) -> dict[str, dict[str, Any]]:
    """Decisions for todos that were written by hand as custom steps of the checked subset, by path.

    A parameter is the field of its name, in the object where the step's field is made. Functions beyond the subset, and
    those inside lists or maps, are called by the module only: no plan can hold them.
    """
    found: dict[str, dict[str, Any]] = {}
    for path, name in step_names(plan).items():
        if name not in kept.functions or "*" in path:
            continue
        with suppress(CustomStepRefused):
            step = checked(kept.functions[name], name)
            above = path.rpartition("/")[0]
            inputs = [below(above, each) for each in step.parameters]
            found[path] = {"custom": f"{module}:{name}", "sha256": step.sha256, "inputs": inputs}
    return found


def _identifier(word: str) -> str:
    return f"{word}_" if keyword.iskeyword(word) or hasattr(builtins, word) or word in _TAKEN else word


_TAKEN: Final = frozenset({*_STUBS, *_HOMES, "old", "item", "key", "made", "upcast"})


def emit(plan: Plan, old: Shapes, new: Shapes, kept: Kept = NOTHING, module: str = "") -> str:
    """The text of the module. `module`: its own name, so that custom steps that live in it are called, not imported.

    Raises InvalidPlan for a plan that breaks the rules.
    """
    return _Module(check(plan), old, new, kept, module).text()


class _Module(Code):
    target, tab, absent, outcome = "Python", "    ", "ABSENT", "new"
    reserved = frozenset({*keyword.kwlist, *dir(builtins), *_TAKEN})

    def __init__(self, plan: Plan, old: Shapes, new: Shapes, kept: Kept, module: str) -> None:
        super().__init__(plan)
        self._kept, self._module = kept, module
        self._steps = step_names(plan)
        self._names |= {*self._steps.values(), *kept.functions}
        self._stubs: dict[str, str] = {}
        self._imports: set[tuple[str, str]] = set()
        self._models = _TypedDicts(old, new)
        self._holder: str | None = None

    # --- the module --------------------------------------------------------------------------------------------

    def text(self) -> str:
        models = self._models.text()
        self.all_parts()
        before, after = self._models.roots()
        with self.opened() as block:
            made = self.value(self.plan.root, "old", "")
        main = [f"def upcast(old: {before}) -> {after}:", *indented(self._docstring(), self.tab)]
        if made == "old" and before == after:
            block = [*block, "return old"]
        elif made == "new":
            block = [line.replace("new: dict[str, Any] = {", f"new: {after} = {{", 1) for line in block]
            block = [*block, "return new"]
        elif made.startswith("{") and "**" not in made:
            block = [*block, *f"return {made}".split("\n")]
        else:
            kind = "dict[str, Any]" if made.startswith("{") else "Any"
            block = [*block, *f"new: {kind} = {_bare(made)}".split("\n"), f"return cast({quoted(after)}, new)"]
        main += indented(block, self.tab)
        body = [*self.functions, *main]
        asked = self._decisions()
        hand = ["", "", BY_HAND] if self._stubs or self._kept.text else []
        for written in (self._kept.text, *self._stubs.values()):
            hand += ["", "", *written.split("\n")] if written else []
        parts = [*models, *self.constants, *(["", ""] if self.constants else [])]
        texts = "\n".join([*asked, *parts, *body, *hand])
        return "\n".join([*self._head(texts), texts]).rstrip() + "\n"

    def _head(self, body: str) -> Lines:
        called = {name for name in _STUBS if _uses(body, f"{name}(")}
        called |= {"ABSENT"} if _uses(body, "ABSENT") else set()
        self._imports |= {("tenor.plans.emitters.stubs", name) for name in called}
        self._imports |= {(home, name) for name, home in _HOMES.items() if _uses(body, name)}
        names = f"{in_words(self.plan.old[:12])} to {in_words(self.plan.new[:12])}"
        lines = [
            f'"""Upcasts events {names}. Generated by `tenor upcast new`.',
            "",
            "Generated again, it keeps what was written by hand at its end, and what DECISIONS say.",
            f"Plan {plan_hash(self.plan)}.",
            '"""',
            "",
            "from __future__ import annotations",
            "",
        ]
        by_home: dict[str, list[str]] = {}
        for home, name in sorted(self._imports):
            by_home.setdefault(home, []).append(name)
        ours = {home for home in by_home if home.startswith("tenor") or home not in set(_HOMES.values())}
        theirs = [f"from {home} import {', '.join(by_home[home])}" for home in by_home if home not in ours]
        own = [f"from {home} import {', '.join(by_home[home])}" for home in by_home if home in ours]
        both = [*theirs, *([""] if theirs and own else []), *own]
        return [*lines, *both, *(["", ""] if both and body.startswith(("class ", "def ")) else [""] if both else [])]

    def _docstring(self) -> Lines:
        said = list(
            dict.fromkeys(in_words(step.sentence) for step in self.plan.steps if step.kind not in ("copy", "todo"))
        )
        if not said:
            return ['"""The event as the new schema has it; the old one stays as it is."""', ""][:1]
        return [
            '"""The event as the new schema has it; the old one stays as it is.',
            "",
            *(f"- {each}" for each in said),
            '"""',
        ]

    def _decisions(self) -> Lines:
        """Suggestions and what was said to them."""
        rows: dict[str, tuple[Any, Step]] = {}
        made_with: dict[str, Any] = {}
        for step in self.plan.steps:
            if step.decision is not None or (step.certainty == "suggested" and not step.confirmed):
                custom = isinstance(step.decision, dict) and "custom" in step.decision
                if not custom:
                    rows.setdefault(step.path, (step.decision or "", step))
                    made_with.setdefault(step.path, step.decision or "yes")
        if not rows:
            return []
        lines = [f"{DECISIONS}: Final[dict[str, Any]] = {{"]
        for path, (decision, step) in rows.items():
            lines += [f"    # {in_words(step.sentence)}", f"    {quoted(path)}: {literal(decision)},"]
        return [*lines, "}", *spread(f"agreed({DECISIONS}, ", made_with, ")"), "", ""]

    # --- nodes -------------------------------------------------------------------------------------------------

    def _record(self, node: Record, it: str, at: str) -> str:
        before, self._holder = self._holder, it
        try:
            return super()._record(node, it, at)
        finally:
            self._holder = before

    def _each(self, node: Node, at: str) -> tuple[str, bool]:
        before, self._holder = self._holder, None
        try:
            return super()._each(node, at)
        finally:
            self._holder = before

    def todo(self, node: Todo, it: str, at: str) -> str:
        path = at if at in self._steps else next((path for path in self._steps if at.startswith(path)), "")
        step = next((each for each in self.plan.todos if each.path == path), None)
        name = self._steps.get(path) or self._free_todo(at)
        if name in self._kept.functions:
            arguments = _parameters(self._kept.functions[name])
        else:
            arguments = [] if step is None else [each.path.rsplit("/", 1)[-1] for each in step.candidates]
            arguments = list(
                dict.fromkeys(each for each in arguments if each.isidentifier() and not keyword.iskeyword(each))
            )
            reason = in_words(node.reason)
            hints = "" if step is None else "; ".join(f"{each.path} ({each.reason})" for each in step.candidates)
            arguments = arguments if self._holder is not None else ["value"]
            given = ", ".join(f"{each}: Any" for each in arguments)
            told = f"{reason}. Candidates: {in_words(hints)}." if hints else f"{reason}."
            self._stubs[name] = (
                f"@todo({quoted(path)}, {quoted(reason)})\ndef {name}({given}) -> Any:\n"
                f"{indented_docstring(told)}\n    raise NotImplementedError"
            )
        holder = self._holder
        if holder is None:
            return f"{name}({', '.join([it][: len(arguments)])})"
        # By name: a function whose parameters were changed fails until the module is generated again.
        return f"{name}({', '.join(f'{each}={holder}.get({quoted(each)})' for each in arguments)})"

    def _free_todo(self, at: str) -> str:
        self._steps[at] = self.name(_identifier(word_of(at)))
        return self._steps[at]

    def custom(self, node: Custom, inputs: Sequence[str], at: str) -> str:
        home, _, name = node.function.partition(":")
        if home != self._module or name not in self._kept.functions:
            self._imports.add((home, name))
        return f"{name}({', '.join(inputs)})"

    # --- the language ------------------------------------------------------------------------------------------

    def take(self, it: str, path: tuple[str, ...], maybe: bool) -> str:
        if not maybe or not path:
            return it + "".join(f"[{quoted(name)}]" for name in path)
        if len(path) == 1 and it == "old":
            return f"{it}.get({quoted(path[0])}, ABSENT)"
        return f"dig({it}, {path_tuple(path)})"

    def literal(self, value: Any, at: str) -> str:
        return literal(value)

    def or_null(self, name: str) -> str:
        return f"(None if {name} is ABSENT else {name})"

    def function(self, name: str, variable: str, block: Lines, result: str) -> Lines:
        body = [*block, *_returned(result)]
        return [f"def {name}({variable}: Any) -> Any:", *indented(body, self.tab), "", ""]

    def bound(self, name: str, expression: str) -> Lines:
        return f"{name} = {_bare(expression)}".split("\n")

    def assigned(self, name: str, expression: str) -> Lines:
        return self.bound(name, expression)

    def branches(self, name: str, test: str, first: Lines, second: Lines) -> Lines:
        head = [] if name == "new" else [f"{name}: Any"]
        return [*head, f"if {test}:", *indented(first, self.tab), "else:", *indented(second, self.tab)]

    def ternary(self, test: str, yes: str, no: str) -> str:
        return f"({yes} if {test} else {no})"

    def when(self, test: str, lines: Lines) -> Lines:
        return [f"if {test}:", *indented(lines, self.tab)]

    def put(self, target: str, name: str, value: str) -> Lines:
        return f"{target}[{quoted(name)}] = {_bare(value)}".split("\n")

    def dictionary(self, name: str, display: str, at: str) -> Lines:
        return f"{name}: dict[str, Any] = {display}".split("\n")

    def display(self, members: Sequence[tuple[str, str]]) -> str:
        whole = "{" + ", ".join(f"{quoted(name)}: {value}" for name, value in members) + "}"
        if len(whole) <= 80 and "\n" not in whole:
            return whole
        lines = [f"{quoted(name)}: {value}," for name, value in members]
        return "\n".join(["{", *indented("\n".join(lines).split("\n"), self.tab), "}"])

    def others(self, it: str, taken: Sequence[str], each: str, maybe: bool, members: Sequence[tuple[str, str]]) -> str:
        kept = f"**{it}"
        if taken or each != "item":
            test = f" if key not in {{{', '.join(map(quoted, taken))}}}" if taken else ""
            kept = f"**{{key: {each} for key, item in {it}.items(){test}}}"
            if maybe:
                kept = f"**{{key: made for key, item in {it}.items(){test} for made in [{each}] if made is not ABSENT}}"
        lines = [f"{kept},", *(f"{quoted(name)}: {value}," for name, value in members)]
        return "\n".join(["{", *indented("\n".join(lines).split("\n"), self.tab), "}"])

    def has(self, it: str, name: str) -> str:
        return f"{quoted(name)} in {it}"

    def is_absent(self, name: str) -> str:
        return f"{name} is ABSENT"

    def not_absent(self, name: str) -> str:
        return f"{name} is not ABSENT"

    def is_null(self, name: str) -> str:
        return f"{name} is None"

    def is_nothing(self, name: str) -> str:
        return f"{name} is None or {name} is ABSENT"

    def any_of(self, tests: Sequence[str]) -> str:
        return " or ".join(tests)

    def joined(self, parts: Sequence[str], separator: str) -> str:
        return f"{quoted(separator)}.join([{', '.join(parts)}])"

    def split(self, node: Split, of: str, at: str) -> str:
        if node.at == 0:
            return f"{_receiver(of)}.split({quoted(node.separator)}, {node.parts - 1})[0]"
        return f"piece({of}, {quoted(node.separator)}, {node.at}, {node.parts})"

    def at(self, of: str, index: int) -> str:
        return f"at({of}, {index})"

    def items(self, of: str, each: str, maybe: bool) -> str:
        if maybe:
            return f"[made for item in {of} for made in [{each}] if made is not ABSENT]"
        return f"[{each} for item in {of}]"

    def entries(self, of: str, each: str, maybe: bool) -> str:
        if maybe:
            return f"{{key: made for key, item in {_receiver(of)}.items() for made in [{each}] if made is not ABSENT}}"
        return f"{{key: {each} for key, item in {_receiver(of)}.items()}}"

    def convert(self, node: Convert, of: str, at: str) -> str:
        return f"{self._conversion(node)}({of}{self._by(node)})"

    def attempt(self, node: Convert, of: str, at: str) -> str:
        return f"attempt({self._conversion(node)}, {of}{self._by(node)})"

    def _conversion(self, node: Convert) -> str:
        name = CONVERSIONS[node.to].apply.__name__
        self._imports.add(("tenor.plans.conversions", name))
        return name

    def _by(self, node: Convert) -> str:
        return "" if node.by is None else f", {literal(list(node.by) if isinstance(node.by, tuple) else node.by)}"

    def check_cases(self, node: Choose, at: str) -> None:
        """Python tells all types apart."""

    def test(self, test: Test, of: str, at: str) -> str:
        parts = []
        if test.type == "null":
            parts.append(f"{of} is None")
        elif test.type == "number":
            parts.append(f"type({of}) in (int, float)")
        elif test.type:
            parts.append(f"type({of}) is {_CLASSES[test.type]}")
        if (test.has or test.lacks or test.equals) and test.type != "object":
            parts.append(f"type({of}) is dict")
        parts += [f"{quoted(name)} in {of}" for name in test.has]
        parts += [f"{quoted(name)} not in {of}" for name in test.lacks]
        parts += [f"same(dig({of}, {path_tuple(each.path)}), {literal(each.value)})" for each in test.equals]
        return " and ".join(parts) or "True"

    def _table(self, node: Table, of: str, at: str) -> str:
        values = [decode(value) for _, value in node.entries]
        plain = all(isinstance(entry, str) for entry, _ in node.entries)
        if node.otherwise is None and plain and not any(isinstance(each, list | dict) for each in values):
            return f"{self._entries(node, at, plain=True)}[{of}]"
        return super()._table(node, of, at)

    def looked_up(self, node: Table, of: str, at: str) -> str:
        return f"look({self._entries(node, at, plain=False)}, {of})"

    def _entries(self, node: Table, at: str, *, plain: bool) -> str:
        name = self.name(word_of(at).upper())
        value: Any = [[entry, encode(decode(value))] for entry, value in node.entries]
        if plain:
            value = {entry: decode(value) for entry, value in reversed(node.entries)}
        kind = "dict[Any, Any]" if plain else "Any"
        self.constants += spread(f"{name}: Final[{kind}] = ", value)
        return name

    def raised(self, reason: str, at: str) -> str:
        return f"fail({quoted(f'{at}: {reason}')})"


def _returned(result: str) -> Lines:
    return f"return {_bare(result)}".split("\n")


def _receiver(expression: str) -> str:
    """An expression that a method is called on."""
    return f"({expression})" if expression[:1].isdigit() or expression[:1] == "-" else expression


def _bare(expression: str) -> str:
    """An expression without the parentheses that a ternary comes in."""
    if not (expression.startswith("(") and expression.endswith(")")):
        return expression
    depth = 0
    for index, each in enumerate(expression):
        depth += {"(": 1, ")": -1}.get(each, 0)
        if depth == 0 and index < len(expression) - 1:
            return expression
    return expression[1:-1]


def indented_docstring(told: str) -> str:
    """A docstring of a function, wrapped."""
    lines = wrap(told, 110)
    return "\n".join(indented([f'"""{lines[0]}', *lines[1:]], "    ")) + ('"""' if len(lines) == 1 else '\n    """')


def _uses(text: str, name: str) -> bool:
    """Whether a text has this name, or with a bracket this call, as a word of its own."""
    return re.search(rf"(?<![\w.]){re.escape(name)}" + ("" if name.endswith("(") else r"\b"), text) is not None


def _parameters(text: str) -> list[str]:
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    return [each.arg for each in function.args.args]


class _TypedDicts(Models):
    """Both versions as TypedDicts."""

    reserved = frozenset(_HOMES)

    def declared(self, name: str, told: str, fields: Sequence[Field], is_new: bool) -> Lines:
        typed = [(each.name, self._field(each, is_new)) for each in fields]
        if all(each.isidentifier() and not keyword.iskeyword(each) and not each.startswith("__") for each, _ in typed):
            body = [f"{each}: {kind}" for each, kind in typed] or ["pass"]
            return [f"class {name}(TypedDict):", *indented([f'"""{in_words(told)}."""', "", *body], "    "), "", ""]
        rows = [f"{quoted(each)}: {quoted(kind)}," for each, kind in typed]
        inner = ["{", *indented(rows, "    "), "},"]
        return [f"{name} = TypedDict(", *indented([f'"{name}",', *inner], "    "), ")", "", ""]

    def _field(self, each: Field, is_new: bool) -> str:
        kind = self.typed(each.shape, is_new)
        return kind if each.required else f"NotRequired[{kind}]"

    def typed(self, shape: Shape, is_new: bool) -> str:
        match shape:
            case Scalar(type=kind):
                return _TYPES.get(kind, "Any")
            case Enum(values=values):
                plain = all(value is None or isinstance(value, str | int) for value in values) and not shape.open
                return f"Literal[{', '.join(map(literal, values))}]" if plain and values else "Any"
            case List(items=inner):
                return f"list[{self.typed(inner, is_new)}]"
            case MapShape(values=inner):
                keys = {"string": "str", "bool": "bool"}.get(shape.keys, "int")
                return f"dict[{keys}, {self.typed(inner, is_new)}]"
            case Named(name=name):
                return self.named(name, is_new)
            case Either(branches=branches):
                return " | ".join(dict.fromkeys(self.typed(each, is_new) for each in branches))


def test_module(module: str, examples: Sequence[tuple[Any, Any]]) -> str:
    """Tests beside a module: what it makes of these events, and that it leaves them alone."""
    lines: Lines = []
    for old, new in examples:
        pair = [*spread("", old, ","), *spread("", new, ",")]
        lines += ["    (", *indented(pair, "        "), "    ),"]
    body = "\n".join(lines)
    imports = [
        f"from {home} import {', '.join(names)}"
        for home in ("datetime", "decimal", "uuid")
        if (names := [name for name, where in sorted(_HOMES.items()) if where == home and _uses(body, name)])
    ]
    head = [
        '"""What the upcaster makes of old events. Generated by `tenor upcast new`."""',
        "",
        "from copy import deepcopy",
    ]
    return "\n".join(
        [
            *head,
            *imports,
            "from typing import Any",
            "",
            "import pytest",
            f"from {module} import upcast",
            "",
            "EVENTS: list[tuple[Any, Any]] = [",
            body,
            "]",
            "",
            "",
            '@pytest.mark.parametrize(("old", "new"), EVENTS)',
            "def test_old_events_become_new_ones(old: Any, new: Any) -> None:",
            "    before = deepcopy(old)",
            "    assert upcast(old) == new",
            "    assert old == before",
            "",
        ]
    )
