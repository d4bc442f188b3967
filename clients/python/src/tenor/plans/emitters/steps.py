"""Hand-written steps as TypeScript: the checked subset of `tenor.plans.custom`, with Python's meaning.

Truth, equality, slices, negative indexes, code points and white space are Python's. Numbers are JavaScript's: a step
that writes a fraction into a text, or rounds to digits, is refused by name; a whole number past 2**53 throws.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from tenor.errors import NotExpressible
from tenor.plans.custom import CheckedStep

TARGET: Final = "TypeScript"
SUPPORT: Final[Mapping[str, str]] = {
    "pyWrong": """\
function pyWrong(what: string): never {
  throw new TypeError(what);
}""",
    "pyTrue": """\
function pyTrue(value: any): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value !== null && typeof value === "object") return Object.keys(value).length > 0;
  return Number.isNaN(value) || Boolean(value);
}""",
    "pyNumber": """\
function pyNumber(value: any): number {
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "number") return pyWrong("a number is expected");
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? pyWrong("a number is too large") : value;
}""",
    "pyAdd": """\
function pyAdd(one: any, other: any): any {
  if (typeof one === "string" && typeof other === "string") return one + other;
  if (Array.isArray(one) && Array.isArray(other)) return [...one, ...other];
  return pyNumber(pyNumber(one) + pyNumber(other));
}""",
    "pyMul": """\
function pyMul(one: any, other: any): any {
  if (typeof other === "string" || Array.isArray(other)) return pyMul(other, one);
  if (typeof one === "string") return one.repeat(Math.max(0, pyNumber(other)));
  if (Array.isArray(one)) return Array.from({ length: Math.max(0, pyNumber(other)) }, () => one).flat();
  return pyNumber(pyNumber(one) * pyNumber(other));
}""",
    "pyBy": """\
function pyBy(value: any): number {
  return pyNumber(value) === 0 ? pyWrong("division by zero") : pyNumber(value);
}""",
    "pyMod": """\
function pyMod(one: any, other: any): number {
  return pyNumber(one) - Math.floor(pyNumber(one) / pyBy(other)) * pyBy(other);
}""",
    "pyText": """\
function pyText(value: any): string {
  if (typeof value === "string") return value;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return Number.isSafeInteger(value) ? String(value) : pyWrong("only whole numbers become texts");
}""",
    "pySame": """\
function pySame(one: any, other: any): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, at) => pySame(each, other[at]));
  }
  if (one !== null && other !== null && typeof one === "object" && typeof other === "object") {
    const names = Object.keys(one);
    const alike = !Array.isArray(one) && !Array.isArray(other) && names.length === Object.keys(other).length;
    return alike && names.every((name) => Object.hasOwn(other, name) && pySame(one[name], other[name]));
  }
  const plain = (value: any) => (typeof value === "boolean" ? Number(value) : value);
  return plain(one) === plain(other);
}""",
    "pyOrder": """\
function pyOrder(one: any, other: any): number {
  if (typeof one === "string" && typeof other === "string") {
    const [first, second] = [Array.from(one), Array.from(other)];
    for (let at = 0; at < Math.min(first.length, second.length); at += 1) {
      const differs = first[at]!.codePointAt(0)! - second[at]!.codePointAt(0)!;
      if (differs !== 0) return differs;
    }
    return first.length - second.length;
  }
  return pyNumber(one) - pyNumber(other);
}""",
    "pyIn": """\
function pyIn(value: any, whole: any): boolean {
  if (typeof whole === "string") return whole.includes(pyStr(value));
  if (Array.isArray(whole)) return whole.some((each) => pySame(each, value));
  return pyHas(whole, value);
}""",
    "pyHas": """\
function pyHas(whole: any, name: any): boolean {
  if (whole === null || typeof whole !== "object" || Array.isArray(whole)) return pyWrong("an object is expected");
  if (name !== null && typeof name === "object") return pyWrong("this is no key");
  return typeof name === "string" && Object.hasOwn(whole, name);
}""",
    "pyList": """\
function pyList(value: any): any[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return Array.from(value);
  return value !== null && typeof value === "object" ? Object.keys(value) : pyWrong("it has no items");
}""",
    "pyItem": """\
function pyItem(whole: any, at: any): any {
  if (whole !== null && typeof whole === "object" && !Array.isArray(whole)) {
    return pyHas(whole, at) ? whole[at] : pyWrong("there is no such key");
  }
  const items = pyList(whole);
  const index = pyNumber(at) < 0 ? pyNumber(at) + items.length : pyNumber(at);
  return index >= 0 && index < items.length ? items[index] : pyWrong("the index is out of range");
}""",
    "pySlice": """\
function pySlice(whole: any, low: any, high: any): any {
  if (typeof whole === "string") return Array.from(whole).slice(low ?? 0, high ?? undefined).join("");
  return Array.isArray(whole) ? whole.slice(low ?? 0, high ?? undefined) : pyWrong("it has no slices");
}""",
    "pyInt": """\
function pyInt(value: any): number {
  if (typeof value !== "string") return pyNumber(Math.trunc(pyNumber(value)) + 0);
  const plain = pyStrip(value);
  return /^[+-]?[0-9]+$/.test(plain) ? pyNumber(Number(plain) + 0) : pyWrong("it is no whole number");
}""",
    "pyFloat": """\
function pyFloat(value: any): number {
  if (typeof value !== "string") return pyNumber(value);
  const plain = /^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(pyStrip(value));
  return plain ? Number(pyStrip(value)) : pyWrong("it is no number");
}""",
    "pyRound": """\
function pyRound(value: any): number {
  const below = Math.floor(pyNumber(value));
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}""",
    "pyStr": """\
function pyStr(value: any): string {
  return typeof value === "string" ? value : pyWrong("a text is expected");
}""",
    "pyStrip": """\
function pyStrip(value: any, given: any = null, left = true, right = true): string {
  const spaces = "\\t\\n\\v\\f\\r\\x1c\\x1d\\x1e\\x1f \\x85\\xa0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004"
    + "\\u2005\\u2006\\u2007\\u2008\\u2009\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
  const letters = Array.from(pyStr(value));
  const off = new Set(Array.from(given === null ? spaces : pyStr(given)));
  let [start, end] = [0, letters.length];
  while (left && start < end && off.has(letters[start]!)) start += 1;
  while (right && start < end && off.has(letters[end - 1]!)) end -= 1;
  return letters.slice(start, end).join("");
}""",
    "pySplit": """\
function pySplit(value: any, separator: any = null, most: any = -1): string[] {
  if (separator !== null) {
    if (separator === "") return pyWrong("the separator is empty");
    const pieces = pyStr(value).split(pyStr(separator));
    if (most < 0 || pieces.length <= most + 1) return pieces;
    return [...pieces.slice(0, most), pieces.slice(most).join(separator)];
  }
  const made: string[] = [];
  let rest = pyStrip(value, null, true, false);
  while (rest !== "" && (most < 0 || made.length < most)) {
    const letters = Array.from(rest);
    const end = letters.findIndex((letter) => pyStrip(letter) === "");
    made.push(end < 0 ? rest : letters.slice(0, end).join(""));
    rest = end < 0 ? "" : pyStrip(letters.slice(end).join(""), null, true, false);
  }
  return rest === "" ? made : [...made, rest];
}""",
    "pyFind": """\
function pyFind(value: any, wanted: any): number {
  const at = pyStr(value).indexOf(pyStr(wanted));
  return at < 0 ? -1 : Array.from(value.slice(0, at)).length;
}""",
    "pyZfill": """\
function pyZfill(value: any, width: number): string {
  const [sign, rest] = /^[+-]/.test(pyStr(value)) ? [value[0], value.slice(1)] : ["", value];
  return sign + "0".repeat(Math.max(0, width - Array.from(value as string).length)) + rest;
}""",
    "pyReplace": """\
function pyReplace(value: any, wanted: any, by: string): string {
  return pyStr(wanted) === "" ? pyWrong("nothing cannot be replaced") : pyStr(value).split(wanted).join(by);
}""",
    "pyAfter": """\
function pyAfter(text: string, part: string): string {
  return text.startsWith(part) ? text.slice(part.length) : text;
}""",
    "pyBefore": """\
function pyBefore(text: string, part: string): string {
  return text.endsWith(part) ? text.slice(0, text.length - part.length) : text;
}""",
    "pyGet": """\
function pyGet(whole: any, name: any, other: any = null): any {
  return pyHas(whole, name) ? whole[name] : other;
}""",
}
"""What the functions call, by name; some call each other."""

_BINARY: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "pyAdd({}, {})",
    ast.Sub: "pyNumber(pyNumber({}) - pyNumber({}))",
    ast.Mult: "pyMul({}, {})",
    ast.Div: "(pyNumber({}) / pyBy({}))",
    ast.FloorDiv: "Math.floor(pyNumber({}) / pyBy({}))",
    ast.Mod: "pyMod({}, {})",
}
_COMPARED: Final[Mapping[type[ast.AST], str]] = {
    ast.Eq: "pySame({}, {})",
    ast.NotEq: "!pySame({}, {})",
    ast.Is: "({} === {})",
    ast.IsNot: "({} !== {})",
    ast.Lt: "(pyOrder({}, {}) < 0)",
    ast.LtE: "(pyOrder({}, {}) <= 0)",
    ast.Gt: "(pyOrder({}, {}) > 0)",
    ast.GtE: "(pyOrder({}, {}) >= 0)",
    ast.In: "pyIn({}, {})",
    ast.NotIn: "!pyIn({}, {})",
}
_FUNCTIONS: Final[Mapping[str, str]] = {
    "abs": "Math.abs(pyNumber({}))",
    "all": "pyList({}).every(pyTrue)",
    "any": "pyList({}).some(pyTrue)",
    "bool": "pyTrue({})",
    "float": "pyFloat({})",
    "int": "pyInt({})",
    "len": "pyList({}).length",
    "round": "pyRound({})",
    "sorted": "[...pyList({})].sort(pyOrder)",
    "str": "pyText({})",
    "sum": "pyList({}).reduce(pyAdd, 0)",
}
_METHODS: Final[Mapping[str, str]] = {
    "strip": "pyStrip({})",
    "lstrip": "pyStrip({}, null, true, false)",
    "rstrip": "pyStrip({}, null, false, true)",
    "lower": "pyStr({}).toLowerCase()",
    "upper": "pyStr({}).toUpperCase()",
    "keys": "Object.keys({})",
    "values": "Object.values({})",
    "items": "Object.entries({})",
    "startswith": "pyStr({}).startsWith(pyStr({}))",
    "endswith": "pyStr({}).endsWith(pyStr({}))",
    "join": "pyList({1}).map(pyStr).join({0})",
    "zfill": "pyZfill({}, {})",
    "find": "pyFind({}, {})",
    "replace": "pyReplace({}, {}, {})",
}
_RESERVED: Final = frozenset(
    {"new", "var", "let", "const", "function", "switch", "case", "default", "this", "typeof", "void", "delete", "enum"}
    | {"export", "extends", "super", "throw", "catch", "do", "instanceof", "interface", "package", "private", "public"}
    | {"protected", "static", "implements", "arguments", "eval", "debugger", "undefined", "Object", "Math", "Array"}
    | {"Number", "String", "Boolean", "Set"}
)


def transpiled(step: CheckedStep, name: str) -> list[str]:
    """The function, under this name, as lines of TypeScript. Raises NotExpressible."""
    return _Step(step).lines(name)


def support(text: str) -> list[str]:
    """The functions of `SUPPORT` that a text calls, with those that they call."""
    found: list[str] = []
    todo = [text]
    while todo:
        each = todo.pop()
        for name in SUPPORT:
            if name not in found and re.search(rf"\b{name}\b", each):
                found.append(name)
                todo.append(SUPPORT[name])
    return [SUPPORT[name] for name in SUPPORT if name in found]


class _Step:
    def __init__(self, step: CheckedStep) -> None:
        self._step = step

    def _refuse(self, reason: str) -> NotExpressible:
        return NotExpressible(target=TARGET, path=f"the hand-written step {self._step.name}", reason=reason)

    def lines(self, name: str) -> list[str]:
        parameters = ", ".join(f"{_name(each)}: any" for each in self._step.parameters)
        local = sorted({each for node in self._step.body for each in _assigned(node)} - set(self._step.parameters))
        declared = [f"  let {', '.join(f'{_name(each)}: any' for each in local)};"] if local else []
        body = [f"  {line}" for line in self._statements(self._step.body)]
        return [f"function {name}({parameters}): any {{", *declared, *body, "  return null;", "}", ""]

    def _statements(self, body: Sequence[ast.stmt]) -> list[str]:
        lines: list[str] = []
        for each in body:
            match each:
                case ast.Return(value=value):
                    lines.append(f"return {'null' if value is None else self.of(value)};")
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    lines.append(f"{_name(name)} = {self.of(value)};")
                case ast.If(test=test, body=yes, orelse=no):
                    lines += [f"if (pyTrue({self.of(test)})) {{", *(f"  {line}" for line in self._statements(yes)), "}"]
                    if no:
                        lines[-1] = "} else {"
                        lines += [*(f"  {line}" for line in self._statements(no)), "}"]
        return lines

    def of(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=value):
                return json.dumps(value)
            case ast.Name(id=name):
                return _name(name)
            case ast.BoolOp(op=op, values=values):
                made = self.of(values[-1])
                for each in reversed(values[:-1]):
                    chosen = (
                        f"pyTrue(held) ? {made} : held" if isinstance(op, ast.And) else f"pyTrue(held) ? held : {made}"
                    )
                    made = f"((held: any) => {chosen})({self.of(each)})"
                return made
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"!pyTrue({self.of(operand)})"
            case ast.UnaryOp(operand=operand):
                return f"(0 - pyNumber({self.of(operand)}))"
            case ast.BinOp(left=left, op=op, right=right):
                return _BINARY[type(op)].format(self.of(left), self.of(right))
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp(test=test, body=yes, orelse=no):
                return f"(pyTrue({self.of(test)}) ? {self.of(yes)} : {self.of(no)})"
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper)):
                low, high = ("null" if each is None else self.of(each) for each in (lower, upper))
                return f"pySlice({self.of(value)}, {low}, {high})"
            case ast.Subscript(value=value, slice=at):
                return f"pyItem({self.of(value)}, {self.of(at)})"
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return f"[{', '.join(map(self.of, items))}]"
            case ast.Dict(keys=keys, values=values):
                rows = [f"[{self.of(key)}, {self.of(value)}]" for key, value in zip(keys, values, strict=True) if key]
                return f"Object.fromEntries([{', '.join(rows)}])"
            case ast.ListComp(elt=made, generators=[inner]) | ast.GeneratorExp(elt=made, generators=[inner]):
                return self._over(inner, self.of(made))
            case ast.DictComp(key=key, value=value, generators=[inner]):
                return f"Object.fromEntries({self._over(inner, f'[{self.of(key)}, {self.of(value)}]')})"
            case ast.JoinedStr(values=values):
                parts = [self.of(each) for each in values]
                return f"({' + '.join(parts)})" if parts else '""'
            case ast.FormattedValue():
                return self._formatted(node)
            case ast.Call():
                return self._call(node)
        raise self._refuse(f"{type(node).__name__} has no counterpart")

    def _compare(self, node: ast.Compare) -> str:
        if len(node.ops) > 1 and any(not isinstance(each, ast.Name | ast.Constant) for each in node.comparators[:-1]):
            raise self._refuse("a chain of comparisons has more than names and literals in its middle")
        sides = [self.of(each) for each in (node.left, *node.comparators)]
        tests = [_COMPARED[type(op)].format(sides[at], sides[at + 1]) for at, op in enumerate(node.ops)]
        return f"({' && '.join(tests)})"

    def _over(self, inner: ast.comprehension, made: str) -> str:
        target = inner.target
        names = [each.id for each in target.elts if isinstance(each, ast.Name)] if isinstance(target, ast.Tuple) else []
        held = (
            f"[{', '.join(map(_name, names))}]" if names else _name(target.id if isinstance(target, ast.Name) else "")
        )
        kept = "".join(f".filter(({held}: any) => pyTrue({self.of(each)}))" for each in inner.ifs)
        return f"pyList({self.of(inner.iter)}){kept}.map(({held}: any) => {made})"

    def _formatted(self, node: ast.FormattedValue) -> str:
        if _fraction(node.value):
            raise self._refuse("it writes a fraction into a text, and fractions are not written alike")
        value = self.of(node.value)
        if node.format_spec is None:
            return f"pyText({value})"
        spec = node.format_spec.values[0] if isinstance(node.format_spec, ast.JoinedStr) else None
        text = str(spec.value) if isinstance(spec, ast.Constant) else ""
        if not text.startswith("0"):
            raise self._refuse("it rounds to digits, and fractions are not rounded alike")
        return f"pyZfill(pyText(pyNumber({value})), {int(text.rstrip('d'))})"

    def _call(self, node: ast.Call) -> str:
        given = [self.of(each) for each in node.args]
        if isinstance(node.func, ast.Name):
            name = node.func.id
            if name in ("min", "max"):
                items = f"pyList({given[0]})" if len(given) == 1 else f"[{', '.join(given)}]"
                better = "<" if name == "min" else ">"
                return f"{items}.reduce((best: any, each: any) => (pyOrder(each, best) {better} 0 ? each : best))"
            if name == "str" and _fraction(node.args[0]):
                raise self._refuse("it writes a fraction into a text, and fractions are not written alike")
            if len(given) != 1:
                raise self._refuse(f"{name} with more than one argument")
            return _FUNCTIONS[name].format(*given)
        assert isinstance(node.func, ast.Attribute)
        name, own = node.func.attr, self.of(node.func.value)
        match name, given:
            case "strip" | "lstrip" | "rstrip", [letters]:
                sides = "".join(f", {json.dumps(name != other)}" for other in ("rstrip", "lstrip"))
                return f"pyStrip({own}, {letters}{sides})"
            case "split" | "get", _:
                return f"{'pySplit' if name == 'split' else 'pyGet'}({', '.join([own, *given])})"
            case "removeprefix" | "removesuffix", [part]:
                return f"{'pyAfter' if name == 'removeprefix' else 'pyBefore'}(pyStr({own}), pyStr({part}))"
        return _METHODS[name].format(own, *given)


def _name(name: str) -> str:
    return f"{name}_" if name in _RESERVED or name.startswith("py") or name in ("held", "best", "each") else name


def _assigned(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {each.id for each in node.targets if isinstance(each, ast.Name)}
    if isinstance(node, ast.If):
        return {name for each in (*node.body, *node.orelse) for name in _assigned(each)}
    return set()


def _fraction(node: ast.expr) -> bool:
    """Whether an expression may be a float by its form."""
    for each in ast.walk(node):
        if isinstance(each, ast.Div) or (isinstance(each, ast.Constant) and isinstance(each.value, float)):
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "float":
            return True
    return False
