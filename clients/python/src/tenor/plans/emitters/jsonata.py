"""A plan as one JSONata expression, and as the migration rules that Confluent's clients apply.

Absent is JSONata's *nothing*, which object constructors leave out. The expression works on variables only and never on
sequences, which is what keeps empty and one-element lists and maps as they are:

    a list of what may be a list     `$append` of `[[…]]`, else `[$map(…)]`
    a map                            `$merge([{}, $each(…)])`: nothing is left of an empty one otherwise
    null in a list or map            reaches functions as nothing in jsonata-python, hence `$exists($x) ? $x : null`
    numbers                          have one type: a test for int or float stands for both where no other case differs
    what JSONata has no value for    bytes, dates, decimals, whole numbers past 2**53: never computed, refused by name
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from tenor.errors import NotExpressible
from tenor.plans.compiler import refuse_unsettled
from tenor.plans.document import check
from tenor.plans.emitters.javascript import EXACT, check_numbers, exact, unheld
from tenor.plans.emitters.printed import printed
from tenor.plans.emitters.shapes import Either, List, Named, Scalar, Shape, Shapes
from tenor.plans.emitters.shapes import Mapping as MapShape
from tenor.plans.inverse import invert
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

TARGET: Final = "JSONata"
MOST_ENTRIES: Final = 100
"""Entries of a value table with keys that are no texts: each is a condition inside the other."""

_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int", "float", "number"), "number"),
    **{name: name for name in ("boolean", "string", "array", "object")},
}


def emit(plan: Plan, *, unconfirmed: bool = False) -> str:
    """The expression. `unconfirmed`: also suggestions that nobody agreed to, to look at.

    Raises NotExpressible, UnsettledPlan, and InvalidPlan for a plan that breaks the rules.
    """
    refuse_unsettled(check(plan), unconfirmed=unconfirmed)
    return _Writer(plan).expression()


def emit_for_clients(plan: Plan) -> str:
    """The expression on what Confluent's clients evaluate it on: of Protobuf messages that is their JSON form.

    Raises as `emit` does. A float that becomes a double has there the shortest decimal of the float.
    """
    return emit(printed(plan) if plan.format == "PROTOBUF" else plan)


def migration_rules(plan: Plan, name: str = "upcast") -> list[dict[str, Any]]:
    """The plan as entries of `migrationRules` of the newer schema: UPGRADE, and DOWNGRADE if nothing is lost on it.

    Raises NotExpressible and UnsettledPlan where there is no UPGRADE; a way back that cannot be written is left out.
    """
    rules = [_rule(f"{name}_up", "UPGRADE", emit_for_clients(plan))]
    back = invert(plan)
    if back.lossless and not back.plan.unsettled:
        with suppress(NotExpressible):
            rules.append(_rule(f"{name}_down", "DOWNGRADE", emit_for_clients(back.plan)))
    return rules


def unsuited(shapes: Shapes) -> list[tuple[str, str]]:
    """Where events hold what confluent-kafka's JSONata refuses as input: pointers, and the type there."""
    found: dict[str, str] = {}
    todo: list[tuple[str, Shape]] = [("", shapes.root)]
    seen: set[str] = set()
    while todo:
        at, shape = todo.pop()
        match shape:
            case Scalar(type="bytes" | "datetime" | "date" | "time" | "decimal" | "uuid"):
                found.setdefault(at, shape.type)
            case List(items=inner) | MapShape(values=inner):
                todo.append((f"{at}/*", inner))
            case Either(branches=branches):
                todo += [(at, each) for each in branches]
            case Named(name=name) if name not in seen:
                seen.add(name)
                todo += [(_below(at, each.name), each.shape) for each in shapes.objects[name]]
            case _:
                continue
    return sorted(found.items())


def _rule(name: str, mode: str, expression: str) -> dict[str, Any]:
    return {"name": name, "kind": "TRANSFORM", "mode": mode, "type": "JSONATA", "expr": expression}


def _text(value: str) -> str:
    """A text as a literal. Whole characters: escaped pairs of surrogates stay two characters in some engines."""
    return json.dumps(value, ensure_ascii=any("\ud800" <= each <= "\udfff" for each in value))


def _below(at: str, name: str) -> str:
    return f"{at}/{name.replace('~', '~0').replace('/', '~1')}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = 0
        self._parts = {name: f"$part{index}" for index, name in enumerate(plan.parts)}
        self._wraps = False

    def expression(self) -> str:
        if self._plan.is_copy:
            return "$"
        root = self.value(self._plan.root, "$it", "")
        parts = [
            f"{self._parts[name]} := function($it) {{ {self.value(part, '$it', '')} }}"
            for name, part in self._plan.parts.items()
        ]
        if self._wraps:
            parts.insert(0, '$one := function($x) { $type($x) = "array" ? [[$x]] : [$x] }')
        return _block("$it := $", *parts, root)

    def _fresh(self) -> str:
        self._count += 1
        return f"$v{self._count}"

    def _named(self, expression: str) -> tuple[str, list[str]]:
        """A variable for an expression, and the binding it takes."""
        if expression.startswith("$") and expression[1:].isalnum():
            return expression, []
        name = self._fresh()
        return name, [f"{name} := {expression}"]

    def value(self, node: Node, it: str, at: str) -> str:
        match node:
            case Take():
                return _taken(it, node.path)
            case Constant():
                return _literal(decode(node.value), at)
            case Absent():
                return '$lookup({}, "")'
            case Record():
                return self._record(node, it, at)
            case Optional():
                return self._optional(node, it, at)
            case Items():
                return self._items(node, it, at)
            case Merge():
                return self._merge(node, it, at)
            case Custom():
                raise NotExpressible(target=TARGET, path=at, reason=f"{node.function} is a hand-written step")
            case Todo():
                raise NotExpressible(target=TARGET, path=at, reason="it is a todo")
            case Convert():
                return self._convert(node, it, at)
            case _:
                return self._on(node, it, at)

    def _on(self, node: Choose | Table | Array | Map | At | Split | Within | Call, it: str, at: str) -> str:
        name, bound = self._named(self.value(node.of, it, at))
        made = self._applied(node, name, at)
        if may_be_absent(node.of) and made != name:
            made = f"$exists({name}) ? {made}"
        return _block(*bound, made) if bound or "?" in made else made

    def _applied(self, node: Choose | Table | Array | Map | At | Split | Within | Call, of: str, at: str) -> str:
        match node:
            case Choose():
                return self._choose(node, of, at)
            case Table():
                return self._table(node, of, at)
            case Array():
                return self._array(node, of, at)
            case Map():
                return self._map(node, of, at)
            case At():
                return f"{of}[{node.index}]"
            case Split():
                return _split(node, of)
            case Within():
                return self.value(node.then, of, at)
            case Call():
                return f"{self._parts[node.name]}({of})"

    # --- things with parts -------------------------------------------------------------------------------------

    def _record(self, node: Record, it: str, at: str) -> str:
        members = [f"{_text(each.name)}: {self.value(each.value, it, _below(at, each.name))}" for each in node.members]
        made = "{" + _indented("\n" + ",\n".join(members)) + "\n}" if members else "{}"
        if node.rest is None:
            return made
        others = self._rest(node.rest, [each.name for each in node.members], it, at)
        return f"$merge([{{}}, {others}, {made}])"

    def _rest(self, rest: Rest, names: list[str], it: str, at: str) -> str:
        taken = sorted({*rest.without, *names})
        kept = f"$not($k in [{', '.join(map(_text, taken))}])"
        if rest.each == SCOPE:
            return f"$sift({it}, function($x, $k) {{ {kept} }})" if taken else it
        value = self._fresh()
        made = f"{{$k: {self.value(rest.each, value, _below(at, '*'))}}}"
        inner = _block(f"{value} := $exists($x) ? $x : null", f"{kept} ? {made}" if taken else made)
        return f"$each({it}, function($x, $k) {{ {inner} }})"

    def _map(self, node: Map, of: str, at: str) -> str:
        if node.each == SCOPE:
            return of
        value = self._fresh()
        made = f"{{$k: {self.value(node.each, value, _below(at, '*'))}}}"
        inner = _block(f"{value} := $exists($x) ? $x : null", made)
        return f"$merge([{{}}, $each({of}, function($x, $k) {{ {inner} }})])"

    def _array(self, node: Array, of: str, at: str) -> str:
        if node.each == SCOPE:
            return of
        value = self._fresh()
        made, given = self.value(node.each, value, _below(at, "*")), f"{value} := $exists($x) ? $x : null"
        if self._never_list(node.each, value):
            return f"[$map({of}, function($x) {{ {_block(given, made)} }})]"
        self._wraps = True
        added = f"$append($all, $one({made}))"
        if may_be_absent(node.each):
            name = self._fresh()
            added = _block(f"{name} := {made}", f"$exists({name}) ? $append($all, $one({name})) : $all")
        return f"$reduce({of}, function($all, $x) {{ {_block(given, added)} }}, [])"

    def _items(self, node: Items, it: str, at: str) -> str:
        made = [self.value(each, it, _below(at, str(index))) for index, each in enumerate(node.items)]
        maybe = [may_be_absent(each) for each in node.items]
        bound = [f"{self._fresh()} := {each}" if some else "" for each, some in zip(made, maybe, strict=True)]
        names = [one.split(" ")[0] if one else each for one, each in zip(bound, made, strict=True)]
        if all(self._never_list(each, it) for each in node.items):
            whole = f"[{', '.join(names)}]"
        else:
            self._wraps = True
            whole = "[]"
            for each in names:
                whole = f"$append({whole}, $one({each}))"
        return _if_all(bound, names, maybe, whole)

    def _merge(self, node: Merge, it: str, at: str) -> str:
        made = [self.value(each, it, at) for each in node.parts]
        maybe = [may_be_absent(each) for each in node.parts]
        bound = [f"{self._fresh()} := {each}" if some else "" for each, some in zip(made, maybe, strict=True)]
        names = [one.split(" ")[0] if one else each for one, each in zip(bound, made, strict=True)]
        glue = f" & {_text(node.separator)} & " if node.separator else " & "
        whole = f"({glue.join(names)})" if names else '""'
        return _if_all(bound, names, maybe, whole)

    def _never_list(self, node: Node, it: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a node makes no list, as far as its shape tells."""
        match node:
            case Record() | Merge() | Split() | Map() | Absent():
                return True
            case Constant():
                return not isinstance(node.value, list | tuple)
            case Convert():
                inner = node.otherwise is None or self._never_list(node.otherwise, it, seen)
                return node.to != "truncate" and inner
            case Optional():
                return self._never_list(node.then, it, seen) and self._never_list(node.otherwise, it, seen)
            case Choose():
                inners = [*(case.then for case in node.cases), *([] if node.otherwise is None else [node.otherwise])]
                return all(self._never_list(each, it, seen) for each in inners)
            case Table():
                plain = not any(isinstance(value, list | tuple) for _, value in node.entries)
                return plain and (node.otherwise is None or self._never_list(node.otherwise, it, seen))
            case Within():
                return self._never_list(node.then, it, seen)
            case Call():
                return node.name in seen or self._never_list(self._plan.parts[node.name], it, seen | {node.name})
            case _:
                return False

    # --- choices -----------------------------------------------------------------------------------------------

    def _optional(self, node: Optional, it: str, at: str) -> str:
        name, bound = self._named(self.value(node.of, it, at))
        then, otherwise = self.value(node.then, name, at), self.value(node.otherwise, it, at)
        maybe = may_be_absent(node.of)
        if node.when == "absent":
            made = f"$exists({name}) ? {then} : {otherwise}" if maybe else then
        elif node.when == "nothing" and maybe:
            made = f"($exists({name}) and {name} != null) ? {then} : {otherwise}"
        else:
            if maybe and then != name:
                then = f"($exists({name}) ? {then})"
            made = f"{name} = null ? {otherwise} : {then}"
        return _block(*bound, made)

    def _choose(self, node: Choose, of: str, at: str) -> str:
        check_numbers(node, at, TARGET)
        made = '$error("no branch takes it")' if node.otherwise is None else self.value(node.otherwise, of, at)
        for case in reversed(node.cases):
            made = f"({_test(case.test, of, at)}) ? {self.value(case.then, of, at)} : {made}"
        return f"({made})"

    def _table(self, node: Table, of: str, at: str) -> str:
        otherwise = '$error("it is not in the table")'
        if node.otherwise is not None:
            otherwise = self.value(node.otherwise, of, at)
        texts = [(entry, value) for entry, value in node.entries if isinstance(entry, str)]
        others = [(entry, value) for entry, value in node.entries if not isinstance(entry, str)]
        if len(others) > MOST_ENTRIES:
            raise NotExpressible(target=TARGET, path=at, reason=f"its table has more than {MOST_ENTRIES} such keys")
        made = otherwise
        if texts:
            first = dict(reversed(texts))
            table = ", ".join(f"{_text(entry)}: {_literal(decode(value), at)}" for entry, value in first.items())
            found = self._fresh()
            looked = f'$type({of}) = "string" ? $lookup({{{table}}}, {of})'
            made = _block(f"{found} := ({looked})", f"$exists({found}) ? {found} : {made}")
        for entry, value in reversed(others):
            made = f"{of} = {_literal(entry, at)} ? {_literal(decode(value), at)} : {made}"
        return f"({made})" if others else made

    # --- conversions -------------------------------------------------------------------------------------------

    def _convert(self, node: Convert, it: str, at: str) -> str:
        name, bound = self._named(self.value(node.of, it, at))
        made = self._converted(node, name, it, at)
        if may_be_absent(node.of) and made != name:
            made = f"$exists({name}) ? ({made})"
        return _block(*bound, made) if bound or "?" in made else made

    def _converted(self, node: Convert, of: str, it: str, at: str) -> str:
        match node.to:
            case "float":
                return of
            case "int":
                low, high = (exact(each, at, TARGET) for each in node.by)
                rounded = f"{of} >= {high} ? {high} : {of} <= {low} ? {low} : $round({of})"
                return f"({of} = {of} ? ({rounded}) : {min(max(0, low), high)})"
            case "clamp":
                low, high = (None if each is None else exact(each, at, TARGET) for each in node.by)
                made = of if high is None else f"({of} > {high} ? {high} : {of})"
                return made if low is None else f"({of} < {low} ? {low} : {made})"
            case "scale":
                above, below = node.by
                product = of if above == 1 else f"{of} * {above}"
                guard = f"$abs({of}) * {above} > {EXACT} ? $error({_text(f'{at}: the number is too large')})"
                return f"({guard} : {product if below == 1 else f'{product} / {below}'})"
            case "boolean_to_int":
                return f"({of} ? 1 : 0)"
            case "int_to_boolean":
                return f"({of} != 0)"
            case "text_to_int":
                return self._text_to_int(node, of, it, at)
            case "truncate":
                text = f"$substring({of}, 0, {node.by})"
                items = f"[$filter({of}, function($x, $i) {{ $i < {node.by} }})]"
                return f'($type({of}) = "array" ? {items} : {text})'
            case _:
                raise unheld(node.to, at, TARGET)

    def _text_to_int(self, node: Convert, of: str, it: str, at: str) -> str:
        low, high = (exact(each, at, TARGET) for each in node.by)
        otherwise = '$error("the text is no whole number of this type")'
        if node.otherwise is not None:
            otherwise = self.value(node.otherwise, it, at)
        plain, number = self._fresh(), self._fresh()
        read = f'$number($replace({plain}, /^(-?)0*([0-9]+)$/, "$1$2"))'
        return _block(
            f"{plain} := $trim({of})",
            f"{number} := ($contains({plain}, /^-?[0-9]{{1,15}}$/) ? {read})",
            f"($exists({number}) and {number} >= {low} and {number} <= {high}) ? {number} : {otherwise}",
        )


def _block(*parts: str) -> str:
    """Bindings and the value that follows."""
    if len(parts) == 1 and "?" not in parts[0]:
        return parts[0]
    return "(" + _indented("\n" + ";\n".join(parts)) + "\n)" if len(parts) > 1 else f"({parts[0]})"


def _if_all(bound: list[str], names: list[str], maybe: list[bool], whole: str) -> str:
    """`whole`, if each part that may be absent is there."""
    if not any(maybe):
        return whole
    tests = " and ".join(f"$exists({name})" for name, some in zip(names, maybe, strict=True) if some)
    return _block(*filter(None, bound), f"({tests}) ? {whole}")


def _taken(it: str, path: tuple[str, ...]) -> str:
    for name in path:
        plain = "`" not in name and "\\" not in name and name and name.isprintable()
        it = f"{it}.`{name}`" if plain else f"$lookup({it}, {_text(name)})"
    return it


def _literal(value: Any, at: str) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(exact(value, at, TARGET))
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_literal(each, at) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(name)}: {_literal(each, at)}' for name, each in value.items())}}}"
    raise NotExpressible(target=TARGET, path=at, reason=f"there is no way to write this {type(value).__name__}")


def _split(node: Split, of: str) -> str:
    separator = _text(node.separator)
    if node.at == 0 and node.parts > 1:
        return f"$substringBefore({of}, {separator})"
    if node.parts == 1:
        return of
    pieces = f"$split({of}, {separator})"
    if node.at == node.parts - 1:
        rest = f"$filter($p, function($x, $i) {{ $i >= {node.at} }})"
        return f'($p := {pieces}; $count($p) > {node.at} ? $join([{rest}], {separator}) : "")'
    return f'($p := {pieces}[{node.at}]; $exists($p) ? $p : "")'


def _test(test: Test, of: str, at: str) -> str:
    parts = []
    looks = bool(test.has or test.lacks or test.equals)
    if test.type == "null":
        parts.append(f"{of} = null")
    elif test.type and test.type not in _TYPES:
        raise NotExpressible(target=TARGET, path=at, reason=f"it asks for values of type {test.type}")
    elif test.type or looks:
        parts.append(f'$type({of}) = "{_TYPES[test.type] if test.type else "object"}"')
        if looks and test.type not in ("", "object"):
            parts.append("false")
    parts += [f"$exists({_taken(of, (name,))})" for name in test.has]
    parts += [f"$not($exists({_taken(of, (name,))}))" for name in test.lacks]
    parts += [f"{_taken(of, each.path)} = {_literal(each.value, at)}" for each in test.equals]
    return " and ".join(parts) or "true"
