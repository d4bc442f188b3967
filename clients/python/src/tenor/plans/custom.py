"""Hand-written steps: plain functions of a consumer's own package, in a checked subset of Python, pinned by hash.

    def first_name(full):
        return full.split(" ", 1)[0].strip()

    step = custom.checked(source)          # CustomStepRefused, naming the line, if it leaves the subset
    step.sha256                            # what a plan pins; comments, white space, names of types do not matter

The subset has no I/O, no clock, no randomness, no loops, and nothing that grows without bound: parameters, local
names, literals, comparisons, arithmetic, conditional expressions, `if`, comprehensions over inputs, f-strings,
subscripts, and the functions and methods of the tables below. The checked tree (`CheckedStep.tree`) is what the
TypeScript emitter walks: it meets no other node than those of `SHAPES`.

The registry never ships code. `Customs` finds the functions in packages that the consumer named, and refuses one whose
source is not the pinned one.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import FunctionType
from typing import Any, Final

from tenor.errors import CustomStepRefused
from tenor.plans.nodes import Custom, Plan, walk

SHAPES: Final[Mapping[type[ast.AST], tuple[str, ...]]] = {
    ast.Return: ("value",),
    ast.Assign: ("targets", "value"),
    ast.If: ("test", "body", "orelse"),
    ast.Constant: ("value",),
    ast.Name: ("id",),
    ast.BoolOp: ("op", "values"),
    ast.UnaryOp: ("op", "operand"),
    ast.BinOp: ("left", "op", "right"),
    ast.Compare: ("left", "ops", "comparators"),
    ast.IfExp: ("test", "body", "orelse"),
    ast.Subscript: ("value", "slice"),
    ast.Slice: ("lower", "upper"),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Dict: ("keys", "values"),
    ast.ListComp: ("elt", "generators"),
    ast.GeneratorExp: ("elt", "generators"),
    ast.DictComp: ("key", "value", "generators"),
    ast.comprehension: ("target", "iter", "ifs"),
    ast.JoinedStr: ("values",),
    ast.FormattedValue: ("value", "format_spec"),
    ast.Call: ("func", "args"),
    ast.Attribute: ("value", "attr"),
    **dict.fromkeys((ast.And, ast.Or, ast.Not, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv), ()),
    **dict.fromkeys((ast.Mod, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn), ()),
    **dict.fromkeys((ast.Is, ast.IsNot), ()),
}
"""The nodes of the subset, and which of their fields mean something."""

FUNCTIONS: Final = frozenset({"abs", "all", "any", "bool", "float", "int", "len", "max", "min", "round", "sorted"}) | {
    "str",
    "sum",
}
METHODS: Final[Mapping[str, tuple[int, int]]] = {
    **dict.fromkeys(("strip", "lstrip", "rstrip"), (0, 1)),
    **dict.fromkeys(("lower", "upper", "keys", "values", "items"), (0, 0)),
    **dict.fromkeys(("startswith", "endswith", "removeprefix", "removesuffix", "join", "zfill", "find"), (1, 1)),
    "split": (0, 2),
    "replace": (2, 2),
    "get": (1, 2),
}
"""Methods of texts and dicts, with how many arguments they take."""

MAX_SOURCE: Final = 20_000
MAX_NODES: Final = 1_000
MAX_DEPTH: Final = 40
MAX_WEIGHT: Final = 128
"""How much longer than all its inputs together a result may be."""
MAX_TEXT: Final = 10_000
_NUMBERS: Final = frozenset({"int", "float", "len", "round", "abs"})
_FORMAT: Final = re.compile(r"0\d{1,2}d?|\.\d{1,2}f")


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A function in the subset. `tree` holds no other nodes than those of `SHAPES` below its statements."""

    name: str
    parameters: tuple[str, ...]
    tree: ast.FunctionDef
    body: tuple[ast.stmt, ...]
    """The statements, without the docstring."""
    sha256: str


def checked(source: str, name: str = "") -> CheckedStep:
    """The one function of a source text (or the one with this name). Raises CustomStepRefused."""
    shown = name or "(unnamed)"
    if len(source) > MAX_SOURCE:
        raise CustomStepRefused(function=shown, reason=f"its source is longer than {MAX_SOURCE} characters")
    try:
        module = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CustomStepRefused(function=shown, reason=f"it is no Python: {error}") from None
    found = [each for each in module.body if isinstance(each, ast.FunctionDef) and name in ("", each.name)]
    if len(found) != 1:
        raise CustomStepRefused(function=shown, reason="its source does not hold exactly one function of that name")
    return _Checker(found[0]).step()


class _Checker:
    def __init__(self, function: ast.FunctionDef) -> None:
        self._function = function
        self._names: dict[str, float] = {}
        self._count = 0

    def _refuse(self, node: ast.AST, reason: str) -> CustomStepRefused:
        line = getattr(node, "lineno", self._function.lineno) - self._function.lineno + 1
        return CustomStepRefused(function=self._function.name, reason=f"line {line}: {reason}")

    def step(self) -> CheckedStep:
        function, given = self._function, self._function.args
        if function.decorator_list or given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
            raise self._refuse(function, "a step has plain parameters and no decorators")
        if given.defaults:
            raise self._refuse(function, "parameters have no defaults")
        parameters = tuple(each.arg for each in given.args)
        for each in (function.name, *parameters):
            self._check_name(function, each)
        self._names = dict.fromkeys(parameters, 1.0)
        body = function.body
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            body = body[1:]
        if not body:
            raise self._refuse(function, "it does nothing")
        self._statements(body, 0)
        form = [list(parameters), [self._form(each) for each in body]]
        digest = sha256(json.dumps(form, separators=(",", ":")).encode()).hexdigest()
        return CheckedStep(function.name, parameters, function, tuple(body), digest)

    def _check_name(self, node: ast.AST, name: str) -> None:
        if name.startswith("_") or not name.isascii() or name in FUNCTIONS:
            raise self._refuse(node, f"'{name}' is no name to use here")

    def _enter(self, node: ast.AST, depth: int) -> None:
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise self._refuse(node, "the function is too large")
        if type(node) not in SHAPES:
            raise self._refuse(node, f"{_word(node)} is not in the subset")

    def _statements(self, body: list[ast.stmt], depth: int) -> None:
        for each in body:
            self._enter(each, depth)
            if isinstance(each, ast.Return):
                if each.value is not None:
                    self._weigh(each.value, depth + 1)
            elif isinstance(each, ast.Assign):
                target = each.targets[0]
                if len(each.targets) != 1 or not isinstance(target, ast.Name):
                    raise self._refuse(each, "an assignment has one name on its left")
                self._check_name(each, target.id)
                # A name keeps the weight of whatever it may hold, on any branch.
                self._names[target.id] = max(self._weigh(each.value, depth + 1), self._names.get(target.id, 0.0))
            elif isinstance(each, ast.If):
                self._weigh(each.test, depth + 1)
                self._statements(each.body, depth + 1)
                self._statements(each.orelse, depth + 1)
            else:
                raise self._refuse(each, f"{_word(each)} is not in the subset")

    def _weigh(self, node: ast.expr, depth: int) -> float:
        """Check an expression; how large its value may be, in inputs."""
        self._enter(node, depth)
        weight = self._weight(node, depth + 1)
        if weight > MAX_WEIGHT:
            raise self._refuse(node, f"the value could be more than {MAX_WEIGHT} times as long as the inputs")
        return weight

    def _sum(self, nodes: Iterable[ast.expr | None], depth: int) -> float:
        return sum(self._weigh(each, depth) for each in nodes if each is not None)

    def _weight(self, node: ast.expr, depth: int) -> float:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                if node.id not in self._names:
                    raise self._refuse(node, f"'{node.id}' is neither a parameter nor a local name")
                return self._names[node.id]
            case ast.BoolOp():
                return max(self._weigh(each, depth) for each in node.values)
            case ast.UnaryOp():
                self._operator(node, node.op)
                return self._weigh(node.operand, depth)
            case ast.BinOp():
                return self._binary(node, depth)
            case ast.Compare():
                return self._compare(node, depth)
            case ast.IfExp():
                self._weigh(node.test, depth)
                return max(self._weigh(node.body, depth), self._weigh(node.orelse, depth))
            case ast.Subscript():
                return self._subscript(node, depth)
            case ast.List() | ast.Tuple():
                return self._sum(node.elts, depth)
            case ast.Dict():
                if None in node.keys:
                    raise self._refuse(node, "** is not in the subset")
                return self._sum(node.keys, depth) + self._sum(node.values, depth)
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, depth)
            case ast.JoinedStr():
                return self._sum(node.values, depth)
            case ast.FormattedValue():
                return self._formatted(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case _:
                raise self._refuse(node, f"{_word(node)} is not in the subset")

    def _constant(self, node: ast.Constant) -> float:
        value = node.value
        if value is not None and not isinstance(value, bool | int | float | str):
            raise self._refuse(node, f"a literal of type {type(value).__name__} is not in the subset")
        if isinstance(value, int) and abs(value) > 2**53:
            raise self._refuse(node, "whole numbers go up to 2**53")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise self._refuse(node, f"a text is longer than {MAX_TEXT} characters")
        return 0.1

    def _operator(self, node: ast.AST, operator: ast.AST) -> None:
        if type(operator) not in SHAPES:
            raise self._refuse(node, f"the operator {_word(operator)} is not in the subset")

    def _binary(self, node: ast.BinOp, depth: int) -> float:
        self._operator(node, node.op)
        left, right = self._weigh(node.left, depth), self._weigh(node.right, depth)
        if isinstance(node.op, ast.Mult):
            for one, other in ((node.left, right), (node.right, left)):
                if isinstance(one, ast.Constant) and isinstance(one.value, int | float):
                    return other if isinstance(one.value, float) or _is_number(node) else other * abs(one.value)
            if not _is_number(node):
                raise self._refuse(node, "a product needs a small literal number, or int(…) or float(…) on both sides")
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            raise self._refuse(node, "texts are formatted with f-strings")
        return left + right

    def _compare(self, node: ast.Compare, depth: int) -> float:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self._operator(node, operator)
            is_none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(operator, ast.Is | ast.IsNot) and not is_none:
                raise self._refuse(node, "'is' compares with None only")
        self._sum([node.left, *node.comparators], depth)
        return 0.1

    def _subscript(self, node: ast.Subscript, depth: int) -> float:
        if isinstance(node.slice, ast.Slice):
            self._enter(node.slice, depth)
            if node.slice.step is not None:
                raise self._refuse(node, "slices have no step")
            self._sum([node.slice.lower, node.slice.upper], depth)
        else:
            self._weigh(node.slice, depth)
        return self._weigh(node.value, depth)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, depth: int) -> float:
        if len(node.generators) != 1:
            raise self._refuse(node, "a comprehension has one 'for'")
        inner = node.generators[0]
        self._enter(inner, depth)
        if inner.is_async:
            raise self._refuse(node, "async is not in the subset")
        if isinstance(inner.iter, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            raise self._refuse(node, "a comprehension goes over inputs")
        whole = self._weigh(inner.iter, depth)
        targets = inner.target.elts if isinstance(inner.target, ast.Tuple) else [inner.target]
        before = dict(self._names)
        for each in targets:
            if not isinstance(each, ast.Name):
                raise self._refuse(node, "a comprehension names what it goes over")
            self._check_name(node, each.id)
            # What is shared out among the items is no more than the whole, whatever is made of each.
            self._names[each.id] = 1.0
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        others = any(_uses(each, set(before) - {t.id for t in targets if isinstance(t, ast.Name)}) for each in elements)
        each_weight = self._sum(elements, depth)
        self._sum(inner.ifs, depth)
        self._names = before
        if others and not all(_is_number(each) for each in elements):
            raise self._refuse(node, "what a comprehension makes of an item comes from that item only")
        return max(whole, 0.1) * max(each_weight, 1.0)

    def _formatted(self, node: ast.FormattedValue, depth: int) -> float:
        if node.conversion != -1:
            raise self._refuse(node, "f-strings have no conversions")
        if node.format_spec is not None:
            spec = node.format_spec
            parts = spec.values if isinstance(spec, ast.JoinedStr) else []
            text = parts[0].value if len(parts) == 1 and isinstance(parts[0], ast.Constant) else None
            if not isinstance(text, str) or not _FORMAT.fullmatch(text):
                raise self._refuse(node, "formats are 02d and .2f and their like")
        return self._weigh(node.value, depth)

    def _call(self, node: ast.Call, depth: int) -> float:
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise self._refuse(node, "arguments are given one by one, without names")
        if isinstance(node.func, ast.Name):
            if node.func.id not in FUNCTIONS or not node.args:
                raise self._refuse(node, f"'{node.func.id}' is not a function of the subset, or has no argument")
            return max(self._sum(node.args, depth), 0.1)
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in METHODS:
            raise self._refuse(node, f"{ast.unparse(node.func)[:40]} is not a method of the subset")
        fewest, most = METHODS[node.func.attr]
        if not fewest <= len(node.args) <= most:
            raise self._refuse(node, f"{node.func.attr} takes {fewest} to {most} arguments here")
        own = self._weigh(node.func.value, depth)
        given = [self._weigh(each, depth) for each in node.args]
        if node.func.attr == "zfill":
            count = node.args[0]
            if not (isinstance(count, ast.Constant) and type(count.value) is int and 0 <= count.value <= 100):
                raise self._refuse(node, "zfill takes a literal of at most 100")
        if node.func.attr == "replace":
            replacement = node.args[1]
            short = isinstance(replacement, ast.Constant) and len(str(replacement.value)) <= 4
            if not short:
                raise self._refuse(node, "replace puts in a literal of at most 4 characters")
            return own * max(1, len(str(ast.literal_eval(replacement))))
        if node.func.attr == "join":
            glue = node.func.value
            if not (isinstance(glue, ast.Constant) and len(str(glue.value)) <= 4):
                raise self._refuse(node, "texts are joined by a literal of at most 4 characters")
            return 2 * given[0]
        return own + sum(given)

    def _form(self, node: Any) -> Any:
        """A tree as JSON data: what means something, in one form for every version of Python."""
        if isinstance(node, list):
            return [self._form(each) for each in node]
        if isinstance(node, ast.AST):
            return [type(node).__name__, *(self._form(getattr(node, name)) for name in SHAPES[type(node)])]
        return repr(node) if isinstance(node, float) else node


def _word(node: ast.AST) -> str:
    return type(node).__name__


def _is_number(node: ast.expr) -> bool:
    """Whether an expression is a number by its form."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NUMBERS


def _uses(node: ast.expr, names: set[str]) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(node))


# --- where the functions are -----------------------------------------------------------------------------------


class Customs:
    """The hand-written steps a consumer offers: functions by name, or packages they may be found in.

    Nothing is imported but modules of these packages: a plan from a registry cannot name any other.
    """

    def __init__(self, packages: Iterable[str] = (), functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._packages = tuple(packages)
        self._given = dict(functions or {})

    def resolve(self, plan: Plan) -> dict[str, Callable[..., Any]]:
        """The functions of a plan's custom steps. Raises CustomStepRefused for one that is not here or has changed."""
        found: dict[str, Callable[..., Any]] = {}
        pins: dict[str, str] = {}
        for root in (plan.root, *plan.parts.values()):
            for node in walk(root):
                if isinstance(node, Custom):
                    if pins.setdefault(node.function, node.sha256) != node.sha256:
                        raise CustomStepRefused(function=node.function, reason="the plan pins two hashes for it")
                    if node.function not in found:
                        found[node.function] = self._function(node)
        return found

    def _function(self, node: Custom) -> Callable[..., Any]:
        function = self._given.get(node.function) or self._imported(node.function)
        step = of_function(node.function, function)
        if step.sha256 != node.sha256:
            reason = f"the function found here has the hash {step.sha256[:12]}…, the plan pins {node.sha256[:12]}…"
            raise CustomStepRefused(function=node.function, reason=reason)
        if len(step.parameters) != len(node.inputs):
            reason = f"it takes {len(step.parameters)} inputs, the plan gives {len(node.inputs)}"
            raise CustomStepRefused(function=node.function, reason=reason)
        return function

    def _imported(self, name: str) -> Callable[..., Any]:
        module_name, _, own = name.partition(":")
        if not any(module_name == each or module_name.startswith(f"{each}.") for each in self._packages):
            named = ", ".join(self._packages) or "none"
            reason = f"it is in none of the packages that may be looked in ({named})"
            raise CustomStepRefused(function=name, reason=reason)
        try:
            module = sys.modules.get(module_name) or importlib.import_module(module_name)
        except ImportError as error:
            raise CustomStepRefused(function=name, reason=f"{module_name} cannot be imported: {error}") from error
        function = getattr(module, own, None)
        if function is None:
            raise CustomStepRefused(function=name, reason=f"{module_name} has no '{own}'")
        return function  # type: ignore[no-any-return] # looked at by of_function


def of_function(name: str, function: Any) -> CheckedStep:
    """The checked source of a function. Raises CustomStepRefused for anything but a plain function of the subset."""
    if not isinstance(function, FunctionType) or function.__closure__:
        raise CustomStepRefused(function=name, reason="it is no plain function")
    shadowed = sorted(each for each in FUNCTIONS if each in function.__globals__)
    if shadowed:
        raise CustomStepRefused(function=name, reason=f"its module gives {', '.join(shadowed)} another meaning")
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        raise CustomStepRefused(function=name, reason="its source cannot be read") from None
    return checked(source, function.__name__)
