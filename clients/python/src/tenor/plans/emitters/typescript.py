"""A plan as a TypeScript module: both versions as interfaces, and a pure function from one to the other.

The module imports nothing; what it needs stands at its end. Absent is `undefined`, bytes are `Uint8Array`s, and what
Python reads as dates, decimals or UUIDs is copied as whatever the decoder made of it. What a JavaScript number cannot
hold, or tell apart, is refused by name (`javascript`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tenor.errors import NotExpressible
from tenor.plans.compiler import refuse_unsettled
from tenor.plans.custom import CheckedStep
from tenor.plans.document import check, plan_hash
from tenor.plans.emitters.code import Code, Lines, indented, word_of
from tenor.plans.emitters.javascript import EXACT, check_numbers, exact, unheld
from tenor.plans.emitters.models import Models
from tenor.plans.emitters.shapes import Either, Enum, Field, List, Named, Scalar, Shape, Shapes
from tenor.plans.emitters.shapes import Mapping as MapShape
from tenor.plans.emitters.steps import SUPPORT as STEPS
from tenor.plans.emitters.steps import support as support_of
from tenor.plans.emitters.steps import transpiled
from tenor.plans.nodes import Choose, Convert, Custom, Plan, Split, Table, Test, Todo
from tenor.plans.values import decode

TARGET: Final = "TypeScript"
NO_STEPS: Final[Mapping[str, CheckedStep]] = {}
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_INHERITED: Final = frozenset(
    {"constructor", "toString", "toLocaleString", "valueOf", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"}
)
_WORDS: Final = frozenset(
    {
        *("any", "arguments", "as", "await", "boolean", "break", "case", "catch", "class", "const", "continue"),
        *("debugger", "default", "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally"),
        *("for", "function", "if", "implements", "import", "in", "instanceof", "interface", "let", "new", "null"),
        *("number", "object", "package", "private", "protected", "public", "return", "static", "string"),
        *("super", "switch", "symbol", "this", "throw", "true", "try", "typeof", "undefined", "var", "void"),
        *("while", "with", "yield", "item", "upcast", "old"),
    }
)
_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int", "float", "number"), "number"),
    **{kind: kind for kind in ("null", "boolean", "string")},
    "bytes": "Uint8Array",
    "array": "any[]",
    "object": "Record<string, any>",
}

_SUPPORT: Final[Mapping[str, str]] = {
    "fail": """\
function fail(reason: string): never {
  throw new Error(reason);
}""",
    "own": """\
function own(value: any, name: string): any {
  return value !== null && value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
}""",
    "isObject": """\
function isObject(value: any): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}""",
    "without": """\
function without(value: any, names: string[]): any {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}""",
    "mapped": """\
function mapped(value: any, each: (item: any) => any): any {
  const made = Object.entries(value).map(([name, item]) => [name, each(item)] as const);
  return Object.fromEntries(made.filter(([, item]) => item !== undefined));
}""",
    "piece": """\
function piece(text: string, separator: string, at: number, parts: number): string {
  const pieces = text.split(separator);
  return at < parts - 1 ? (pieces[at] ?? "") : pieces.slice(at).join(separator);
}""",
    "toInt": """\
function toInt(value: number, low: number, high: number): number {
  if (Number.isNaN(value)) return Math.min(Math.max(0, low), high);
  if (value >= high) return high;
  if (value <= low) return low;
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}""",
    "scaled": f"""\
function scaled(value: number, above: number, below: number): number {{
  if (Math.abs(value) * above > {EXACT}) throw new Error("the number is too large to be scaled");
  return (value * above) / below;
}}""",
    "clamped": """\
function clamped(value: number, low: number | null, high: number | null): number {
  if (low !== null && !(value >= low)) return low;
  return high !== null && value > high ? high : value;
}""",
    "wholeOf": """\
function wholeOf(text: string, low: number, high: number): number | undefined {
  const plain = text.trim();
  const value = /^-?[0-9]{1,15}$/.test(plain) ? Number(plain) : undefined;
  return value !== undefined && value >= low && value <= high ? value : undefined;
}""",
    "truncated": """\
function truncated(value: any, most: number): any {
  return typeof value === "string" ? Array.from(value).slice(0, most).join("") : value.slice(0, most);
}""",
}


def emit(
    plan: Plan, old: Shapes, new: Shapes, steps: Mapping[str, CheckedStep] = NO_STEPS, *, unconfirmed: bool = False
) -> str:
    """The text of the module. `steps`: the hand-written steps, by the names that the plan has for them.

    `unconfirmed`: also suggestions that nobody agreed to, to look at.

    Raises NotExpressible, UnsettledPlan, and InvalidPlan for a plan that breaks the rules.
    """
    refuse_unsettled(check(plan), unconfirmed=unconfirmed)
    return _Module(plan, old, new, steps).text()


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=any("\ud800" <= each <= "\udfff" or not each.isprintable() for each in text))


class _Module(Code):
    target, tab, absent, outcome = TARGET, "  ", "undefined", "made"
    reserved = _WORDS | frozenset(_SUPPORT) | frozenset(STEPS)

    def __init__(self, plan: Plan, old: Shapes, new: Shapes, steps: Mapping[str, CheckedStep]) -> None:
        super().__init__(plan)
        self._models = _Interfaces(old, new)
        self._given = steps
        self._written: dict[str, str] = {}

    def text(self) -> str:
        models = self._models.text()
        self.all_parts()
        before, after = self._models.roots()
        with self.opened() as block:
            made = self.value(self.plan.root, "old", "")
        result = [*block, *f"return {_bare(made)};".split("\n")]
        if made == "old" and before != after:
            result = [f"return {made} as any;"]
        said = dict.fromkeys(_plain(step.sentence) for step in self.plan.steps if step.kind != "copy")
        main = [
            "/**",
            " * The event as the new schema has it; the old one stays as it is.",
            *([" *"] if said else []),
            *(f" * - {each}" for each in said),
            " */",
            f"export function upcast(old: {before}): {after} {{",
            *indented(result, self.tab),
            "}",
        ]
        body = "\n".join([*models, *self.constants, *([""] if self.constants else []), *self.functions, *main])
        names = f"{_plain(self.plan.old[:12])} to {_plain(self.plan.new[:12])}"
        head = f"// Upcasts events {names}. Generated by `tenor upcast new`.\n"
        head += f"// Plan {plan_hash(self.plan)}.\n\n"
        support = [text for name, text in _SUPPORT.items() if re.search(rf"(?:(?<![\w.$])|(?<=\.\.\.)){name}\(", body)]
        return head + "\n\n".join([body, *support, *support_of(body)]) + "\n"

    # --- the language ------------------------------------------------------------------------------------------

    def take(self, it: str, path: tuple[str, ...], maybe: bool) -> str:
        for name in path:
            if name in _INHERITED or name == "__proto__":
                it = f"own({it}, {quoted(name)})"
            elif _NAME.fullmatch(name):
                it = f"{it}{'?.' if maybe else '.'}{name}"
            else:
                it = f"{it}{'?.' if maybe else ''}[{quoted(name)}]"
        return it

    def literal(self, value: Any, at: str) -> str:
        return literal(value, at)

    def or_null(self, name: str) -> str:
        return f"({name} ?? null)"

    def custom(self, node: Custom, inputs: Sequence[str], at: str) -> str:
        step = self._given.get(node.function)
        if step is None or step.sha256 != node.sha256:
            raise self.refuse(at, f"the source of the hand-written step {node.function} is not at hand")
        if node.function not in self._written:
            name = self._written[node.function] = self.name(step.name)
            self.functions += transpiled(step, name)
        return f"{self._written[node.function]}({', '.join(inputs)})"

    def todo(self, node: Todo, it: str, at: str) -> str:
        raise self.refuse(at, "it is a todo")

    def function(self, name: str, variable: str, block: Lines, result: str) -> Lines:
        body = [*block, *f"return {_bare(result)};".split("\n")]
        return [f"function {name}({variable}: any): any {{", *indented(body, self.tab), "}", ""]

    def bound(self, name: str, expression: str) -> Lines:
        return f"const {name}: any = {_bare(expression)};".split("\n")

    def assigned(self, name: str, expression: str) -> Lines:
        return f"{name} = {_bare(expression)};".split("\n")

    def branches(self, name: str, test: str, first: Lines, second: Lines) -> Lines:
        yes, no = indented(first, self.tab), indented(second, self.tab)
        return [f"let {name}: any;", f"if ({test}) {{", *yes, "} else {", *no, "}"]

    def ternary(self, test: str, yes: str, no: str) -> str:
        return f"({test} ? {yes} : {no})"

    def when(self, test: str, lines: Lines) -> Lines:
        return [f"if ({test}) {{", *indented(lines, self.tab), "}"]

    def put(self, target: str, name: str, value: str) -> Lines:
        self._holdable(name)
        access = f".{name}" if _NAME.fullmatch(name) else f"[{quoted(name)}]"
        return f"{target}{access} = {_bare(value)};".split("\n")

    def dictionary(self, name: str, display: str, at: str) -> Lines:
        return f"const {name}: any = {display};".split("\n")

    def _holdable(self, name: str) -> None:
        if name == "__proto__":
            raise self.refuse(f"/{name}", "an object cannot hold a field of this name")

    def _members(self, members: Sequence[tuple[str, str]]) -> Lines:
        for name, _ in members:
            self._holdable(name)
        return [f"{name if _NAME.fullmatch(name) else quoted(name)}: {value}," for name, value in members]

    def display(self, members: Sequence[tuple[str, str]]) -> str:
        lines = self._members(members)
        whole = "{ " + " ".join(lines).rstrip(",") + " }"
        if not lines:
            return "{}"
        if len(whole) <= 80 and "\n" not in whole:
            return whole
        return "\n".join(["{", *indented("\n".join(lines).split("\n"), self.tab), "}"])

    def others(self, it: str, taken: Sequence[str], each: str, maybe: bool, members: Sequence[tuple[str, str]]) -> str:
        kept = f"without({it}, [{', '.join(map(quoted, taken))}])" if taken else it
        if each != "item":
            kept = f"mapped({kept}, {_arrow(each)})"
        lines = [f"...{kept},", *self._members(members)]
        return "\n".join(["{", *indented("\n".join(lines).split("\n"), self.tab), "}"])

    def has(self, it: str, name: str) -> str:
        return f"{self.take(it, (name,), False)} !== undefined"

    def is_absent(self, name: str) -> str:
        return f"{name} === undefined"

    def not_absent(self, name: str) -> str:
        return f"{name} !== undefined"

    def is_null(self, name: str) -> str:
        return f"{name} === null"

    def is_nothing(self, name: str) -> str:
        return f"{name} === null || {name} === undefined"

    def any_of(self, tests: Sequence[str]) -> str:
        return " || ".join(tests)

    def joined(self, parts: Sequence[str], separator: str) -> str:
        return f"[{', '.join(parts)}].join({quoted(separator)})"

    def split(self, node: Split, of: str, at: str) -> str:
        return f"piece({of}, {quoted(node.separator)}, {node.at}, {node.parts})"

    def at(self, of: str, index: int) -> str:
        return f"{_receiver(of)}[{index}]"

    def items(self, of: str, each: str, maybe: bool) -> str:
        made = f"{_receiver(of)}.map({_arrow(each)})"
        return f"{made}.filter((item: any) => item !== undefined)" if maybe else made

    def entries(self, of: str, each: str, maybe: bool) -> str:
        return f"mapped({of}, {_arrow(each)})"

    def convert(self, node: Convert, of: str, at: str) -> str:
        match node.to:
            case "float":
                return of
            case "int" | "clamp":
                low, high = ("null" if each is None else exact(each, at, TARGET) for each in node.by)
                return f"{'toInt' if node.to == 'int' else 'clamped'}({of}, {low}, {high})"
            case "scale":
                return f"scaled({of}, {node.by[0]}, {node.by[1]})"
            case "boolean_to_int":
                return f"({of} ? 1 : 0)"
            case "int_to_boolean":
                return f"({of} !== 0)"
            case "text_to_int":
                return f"({self.attempt(node, of, at)} ?? fail({quoted(f'{at}: the text is no whole number')}))"
            case "truncate":
                return f"truncated({of}, {node.by})"
            case _:
                raise unheld(node.to, at, TARGET)

    def attempt(self, node: Convert, of: str, at: str) -> str:
        if node.to != "text_to_int":
            return self.convert(node, of, at)  # refuses no value, or is refused itself
        low, high = (exact(each, at, TARGET) for each in node.by)
        return f"wholeOf({of}, {low}, {high})"

    def check_cases(self, node: Choose, at: str) -> None:
        check_numbers(node, at, TARGET)

    def test(self, test: Test, of: str, at: str) -> str:
        looks = bool(test.has or test.lacks or test.equals)
        parts = []
        if test.type == "null":
            parts.append(f"{of} === null")
        elif test.type == "array":
            parts.append(f"Array.isArray({of})")
        elif test.type == "bytes":
            parts.append(f"{of} instanceof Uint8Array")
        elif test.type and test.type != "object":
            if test.type not in _TYPES:
                raise self.refuse(at, f"it asks for values of type {test.type}")
            parts.append(f'typeof {of} === "{_TYPES[test.type]}"')
        if looks or test.type == "object":
            parts.append(f"isObject({of})")
        parts += [self.has(of, name) for name in test.has]
        parts += [f"{self.take(of, (name,), False)} === undefined" for name in test.lacks]
        parts += [f"{self.take(of, each.path, True)} === {literal(each.value, at)}" for each in test.equals]
        return " && ".join(parts) or "true"

    def looked_up(self, node: Table, of: str, at: str) -> str:
        name = self.name(word_of(at).upper())
        values = [(entry, decode(value)) for entry, value in reversed(node.entries)]
        rows = ", ".join(f"[{literal(entry, at)}, {literal(value, at)}]" for entry, value in values)
        self.constants.append(f"const {name} = new Map<any, any>([{rows}]);")
        found = f"{name}.get({of})"
        return f"structuredClone({found})" if any(isinstance(value, list | dict) for _, value in values) else found

    def raised(self, reason: str, at: str) -> str:
        return f"fail({quoted(f'{at}: {reason}')})"


def _arrow(each: str) -> str:
    return f"(item: any) => {f'({each})' if each.startswith('{') else each}"


def _receiver(expression: str) -> str:
    plain = _NAME.match(expression) is not None or expression[:1] in "(["
    return expression if plain else f"({expression})"


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


def _plain(sentence: str) -> str:
    return " ".join(sentence.replace("*/", "* /").split())


def literal(value: Any, at: str = "") -> str:
    """A value of an event as TypeScript writes it. Raises NotExpressible."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return str(exact(value, at, TARGET))
    if isinstance(value, float):
        words = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return repr(value) if math.isfinite(value) else words.get(value, "NaN")
    if isinstance(value, bytes):
        return f"Uint8Array.from([{', '.join(map(str, value))}])"
    if isinstance(value, list):
        return f"[{', '.join(literal(each, at) for each in value)}]"
    if isinstance(value, dict) and "__proto__" not in value:
        return f"{{ {', '.join(f'{quoted(name)}: {literal(each, at)}' for name, each in value.items())} }}"
    raise NotExpressible(target=TARGET, path=at or "/", reason=f"there is no way to write this {type(value).__name__}")


class _Interfaces(Models):
    """Both versions as interfaces."""

    reserved = frozenset(
        {"Array", "Boolean", "Date", "Error", "Event", "Function", "Map", "Math", "Number", "Object"}
    ) | {
        *("Promise", "Record", "RegExp", "Set", "String", "Symbol", "Uint8Array", "Node", "Infinity", "NaN"),
    }

    def declared(self, name: str, told: str, fields: Sequence[Field], is_new: bool) -> Lines:
        rows = [
            f"{each.name if _NAME.fullmatch(each.name) else quoted(each.name)}{'' if each.required else '?'}: "
            f"{self.typed(each.shape, is_new)};"
            for each in fields
        ]
        return [f"/** {_plain(told)}. */", f"export interface {name} {{", *indented(rows, "  "), "}", ""]

    def typed(self, shape: Shape, is_new: bool) -> str:
        match shape:
            case Scalar(type=kind):
                return _TYPES.get(kind, "any")
            case Enum(values=values):
                plain = all(value is None or isinstance(value, str | bool) for value in values) and not shape.open
                return " | ".join(map(literal, values)) if plain and values else "any"
            case List(items=inner):
                made = self.typed(inner, is_new)
                return f"({made})[]" if " " in made else f"{made}[]"
            case MapShape(values=inner):
                return f"Record<string, {self.typed(inner, is_new)}>"
            case Named(name=name):
                return self.named(name, is_new)
            case Either(branches=branches):
                return " | ".join(dict.fromkeys(self.typed(each, is_new) for each in branches))
