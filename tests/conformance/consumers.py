"""Schemas drawn by chance, and Python code that reads their events in the many ways in which people write it.

A schema is drawn once as a tree of `Node`s and written in a format. `Writer` turns a tree into the text of a handler:
it subscripts or asks, iterates, compares with constants, matches, converts, passes along, guards what is optional.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from registry import formats
from registry.formats.base import Schema, Source

SCALARS = ("integer", "number", "string", "boolean", "enum")
SYMBOLS = ("PAID", "OPEN", "GONE")


@dataclass(frozen=True)
class Node:
    """A type: a scalar, an enum of symbols, a record of fields, an array or a map of one type."""

    kind: str
    symbols: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    inside: Node | None = None
    least: int | None = None


@dataclass(frozen=True)
class Field:
    """A member of a record; optional ones are absent, or in Avro null."""

    name: str
    node: Node
    optional: bool = False


def drawn(random: Random, depth: int = 0) -> Node:
    """A record of two to four fields."""
    count = random.randint(3 - depth, 4 - depth // 2)
    fields = (Field(f"f{depth}{at}", _drawn(random, depth), random.random() < 0.2) for at in range(max(count, 1)))
    return Node("record", fields=tuple(fields))


def _drawn(random: Random, depth: int) -> Node:
    draw = random.random()
    if depth < 2 and draw < 0.15:
        return drawn(random, depth + 1)
    if depth < 2 and draw < 0.3:
        return Node("array", inside=_element(random, depth))
    if depth < 2 and draw < 0.4:
        return Node("map", inside=_element(random, depth))
    return scalar(random.choice(SCALARS), random)


def _element(random: Random, depth: int) -> Node:
    return drawn(random, depth + 1) if random.random() < 0.5 else scalar(random.choice(SCALARS), random)


def scalar(kind: str, random: Random) -> Node:
    """A scalar; an enum has two or three symbols."""
    return Node(kind, symbols=SYMBOLS[: random.randint(2, 3)] if kind == "enum" else ())


# Three formats


def as_avro(root: Node) -> Schema:
    """A tree in Avro: what is optional may be null."""
    names = iter(range(1_000))

    def kind(node: Node) -> Any:
        match node.kind:
            case "record":
                fields = [
                    {"name": each.name, "type": ["null", kind(each.node)] if each.optional else kind(each.node)}
                    for each in node.fields
                ]
                return {"type": "record", "name": f"R{next(names)}", "fields": fields}
            case "array":
                return {"type": "array", "items": kind(_inside(node))}
            case "map":
                return {"type": "map", "values": kind(_inside(node))}
            case "enum":
                return {"type": "enum", "name": f"E{next(names)}", "symbols": node.symbols}
        return {"integer": "int", "number": "double"}.get(node.kind, node.kind)

    return formats.parse("AVRO", Source(json.dumps(kind(root))))


def as_json(root: Node) -> Schema:
    """A tree in JSON Schema: what is optional may be missing."""

    def kind(node: Node) -> Any:
        match node.kind:
            case "record":
                return {
                    "type": "object",
                    "properties": {each.name: kind(each.node) for each in node.fields},
                    "required": [each.name for each in node.fields if not each.optional],
                    "additionalProperties": False,
                }
            case "array":
                return {"type": "array", "items": kind(_inside(node))}
            case "map":
                return {"type": "object", "additionalProperties": kind(_inside(node))}
            case "enum":
                return {"enum": node.symbols}
            case "integer" | "number":
                least = -(2**31) if node.least is None else node.least
                return {"type": node.kind, "minimum": least, "maximum": 2**31 - 1}
        return {"type": node.kind}

    return formats.parse("JSON", Source(json.dumps(kind(root))))


def as_protobuf(root: Node) -> Schema:
    """A tree in Protobuf 2, which knows what is required; enums are what consumers of it compare by name."""
    made: list[str] = []

    def named(node: Node) -> str:
        number = len(made)
        if node.kind == "record":
            made.append("")
            lines = [f"{declared(each)} {each.name} = {at + 1};" for at, each in enumerate(node.fields)]
            made[number] = f"message M{number} {{ {' '.join(lines)} }}"
            return f"M{number}"
        if node.kind == "enum":
            # Their names are the constants of the code: each enum stands in a message of its own.
            values = " ".join(f"{name} = {at};" for at, name in enumerate(node.symbols))
            made.append(f"message S{number} {{ enum E {{ {values} }} }}")
            return f"S{number}.E"
        return {"integer": "int32", "number": "double", "boolean": "bool"}.get(node.kind, node.kind)

    def declared(each: Field) -> str:
        if each.node.kind == "array":
            return f"repeated {named(_inside(each.node))}"
        if each.node.kind == "map":
            return f"map<string, {named(_inside(each.node))}>"
        return f"{'optional' if each.optional else 'required'} {named(each.node)}"

    named(root)
    return formats.parse("PROTOBUF", Source('syntax = "proto2"; ' + " ".join(made)))


def _inside(node: Node) -> Node:
    assert node.inside is not None
    return node.inside


WRITTEN: dict[str, Callable[[Node], Schema]] = {"AVRO": as_avro, "JSON": as_json, "PROTOBUF": as_protobuf}


# Code


@dataclass
class Writer:
    """Writes a handler line by line. `random` decides what is read and how; `reads` is the share of fields."""

    random: Random
    reads: float = 0.6
    lines: list[str] = field(default_factory=list)
    names: Iterator[int] = field(default_factory=lambda: iter(range(10_000)))

    def handler(self, root: Node) -> str:
        """The text of a module with `handle(event)`."""
        self.say(0, "import json, math")
        self.say(0, "def handle(event):")
        self.say(1, "out = []")
        self.record(root, "event", 1)
        self.say(1, "return out")
        return "\n".join(self.lines) + "\n"

    def say(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def name(self) -> str:
        return f"v{next(self.names)}"

    def record(self, node: Node, event: str, depth: int) -> None:
        """Reads some fields of a record; some of them only where another field holds a certain value."""
        gates = [each for each in node.fields if each.node.kind in GATES]
        for each in node.fields:
            if self.random.random() > self.reads:
                continue
            gate = self.random.choice(gates) if gates and self.random.random() < 0.3 else None
            if gate is None or gate is each:
                self.member(each, event, depth)
                continue
            condition = GATES[gate.node.kind].replace("X", f"{event}.get({json.dumps(gate.name)})")
            if each.optional or self.random.random() < 0.7:
                self.say(depth, f"if {condition}:")
                self.member(each, event, depth + 1)
            else:
                self.say(depth, f"out.append({event}[{json.dumps(each.name)}] if {condition} else None)")
        self.say(depth, "pass")

    def member(self, each: Field, event: str, depth: int) -> None:
        """Reads one member: optional ones with care, others also without."""
        key, name = json.dumps(each.name), self.name()
        ways = ["get", "in", "pop"] if each.optional else ["[]", "[]", "[]", "get", "default", "in", "try"]
        match self.random.choice(ways):
            case "[]":
                self.say(depth, f"{name} = {event}[{key}]")
                self.value(each.node, name, depth)
            case "get":
                self.say(depth, f"{name} = {event}.get({key})")
                self.say(depth, f"if {name} is not None:")
                self.value(each.node, name, depth + 1)
            case "pop":
                self.say(depth, f"{name} = {event}.get({key}) or None")
                self.say(depth, f"if {name}:")
                self.value(each.node, name, depth + 1)
            case "default":
                self.say(depth, f"{name} = {event}.get({key}, {DEFAULTS[each.node.kind]})")
                self.value(each.node, name, depth)
            case "in":
                self.say(depth, f"if {key} in {event} and {event}[{key}] is not None:")
                self.say(depth + 1, f"{name} = {event}[{key}]")
                self.value(each.node, name, depth + 1)
            case "try":
                self.say(depth, "try:")
                self.say(depth + 1, f"{name} = {event}[{key}]")
                self.say(depth, "except KeyError:")
                self.say(depth + 1, f"{name} = {DEFAULTS[each.node.kind]}")
                self.value(each.node, name, depth)

    def value(self, node: Node, name: str, depth: int) -> None:
        """Does something with a value."""
        if node.kind == "record":
            if self.random.random() < 0.15:
                self.say(depth, f"out.append({name})")
            else:
                self.record(node, name, depth)
            return
        if node.inside is not None:
            self.container(node.kind, node.inside, name, depth)
            return
        for line in self.random.choice(STYLES[node.kind]):
            self.say(depth, line.replace("X", name))
            if line == "MATCH":
                self.lines.pop()
                self.matched(node, name, depth)

    def matched(self, node: Node, name: str, depth: int) -> None:
        """An arm for each symbol, and perhaps one for the rest."""
        self.say(depth, f"match {name}:")
        for symbol in node.symbols:
            self.say(depth + 1, f"case {json.dumps(symbol)}:")
            self.say(depth + 2, f"out.append({json.dumps(symbol.lower())})")
        self.say(depth + 1, "case _:")
        rest = self.random.choice(["raise ValueError('unknown')", "out.append('other')"])
        self.say(depth + 2, rest)

    def container(self, kind: str, inside: Node, name: str, depth: int) -> None:
        """Goes through an array or a map, or into it at one place."""
        item = self.name()
        ways = ["for", "for", "len", "along", "one"]
        match self.random.choice(ways), kind:
            case "for", "array":
                self.say(depth, f"for {item} in {name}:")
                self.value(inside, item, depth + 1)
            case "for", _:
                way = self.random.choice([f"{item} in {name}.values()", f"_, {item} in {name}.items()"])
                self.say(depth, f"for {way}:")
                self.value(inside, item, depth + 1)
            case "len", _:
                self.say(depth, f"out.append(len({name}))")
            case "along", _:
                self.say(depth, f"out.append({name})")
            case "one", "array":
                self.say(depth, f"if {name}:")
                self.say(depth + 1, f"{item} = {name}[0]")
                self.value(inside, item, depth + 1)
            case _:
                self.say(depth, f"for {item} in sorted({name}):")
                self.say(depth + 1, f"{item} = {name}[{item}]")
                self.value(inside, item, depth + 1)


DEFAULTS = {
    "integer": "0", "number": "0.0", "string": "'none'", "boolean": "False", "enum": "'PAID'",
    "record": "{}", "array": "[]", "map": "{}",
}  # fmt: skip
GATES = {
    "boolean": "X",
    "integer": "(X or 0) > 1_000",
    "number": "(X or 0) < -5.5",
    "string": "X == 'EUR'",
    "enum": "X == 'OPEN'",
}
"""Conditions on a field, under which another is read."""
_ALONG = ("out.append(X)",)
STYLES: dict[str, list[tuple[str, ...]]] = {
    "integer": [
        _ALONG,
        ("out.append(X + 1)",),
        ("out.append(int(X))",),
        ("if X > 10:", "    out.append('many')", "else:", "    out.append('few')"),
        ("out.append(f'{X:05d}')",),
        ("out.append(str(X))",),
        ("out.append('even' if X % 2 == 0 else 'odd')",),
        ("if X == 7:", "    out.append('seven')"),
    ],
    "number": [
        _ALONG,
        ("out.append(X * 1.5)",),
        ("out.append(float(X))",),
        ("out.append(f'{X:.2f}')",),
        ("out.append(X < 0)",),
        ("out.append(abs(X))",),
    ],
    "string": [
        _ALONG,
        ("out.append(X.upper())",),
        ("out.append('id-' + X)",),
        ("out.append(f'{X}')",),
        ("out.append(len(X))",),
        ("out.append(X[:3])",),
        ("if X == 'EUR':", "    out.append('euro')", "else:", "    out.append('foreign')"),
        ("out.append(X.split(',')[0].strip())",),
        ("out.append(X.encode('utf-8', 'replace'))",),
        ("out.append(json.dumps(X))",),
    ],
    "boolean": [_ALONG, ("if X:", "    out.append('yes')"), ("out.append(not X)",), ("out.append(X is True)",)],
    "enum": [
        _ALONG,
        ("MATCH",),
        ("MATCH",),
        ("out.append({'PAID': 1, 'OPEN': 2, 'GONE': 3}[X])",),
        ("out.append({'PAID': 1}.get(X, 0))",),
        ("out.append(X in {'PAID', 'OPEN'})",),
        ("out.append(X == 'PAID')",),
        ("if X not in ('PAID', 'OPEN', 'GONE'):", "    raise ValueError(X)"),
        ("out.append(X.lower())",),
        ("assert X != 'NEW'",),
    ],
}  # fmt: skip


# Changes


def places(node: Node, path: str = "") -> Iterator[tuple[str, Field]]:
    """The path of every field of every record."""
    if node.kind == "record":
        for each in node.fields:
            yield f"{path}/{each.name}", each
            yield from places(each.node, f"{path}/{each.name}")
    elif node.inside is not None:
        yield from places(node.inside, f"{path}/*")


def changed(node: Node, path: str, change: Callable[[Field], Field | None]) -> Node:
    """The tree with the field at a path changed, or taken out."""
    step, _, rest = path[1:].partition("/")
    if step == "*":
        return replace(node, inside=changed(_inside(node), f"/{rest}", change))
    fields: list[Field] = []
    for each in node.fields:
        made: Field | None = each
        if each.name == step:
            made = replace(each, node=changed(each.node, f"/{rest}", change)) if rest else change(each)
        if made is not None:
            fields.append(made)
    return replace(node, fields=tuple(fields))


def _retyped(kind: str) -> Callable[[Field], Field | None]:
    return lambda each: each if each.node.kind == kind else replace(each, node=Node(kind))


def _narrowed(each: Field) -> Field:
    match each.node.kind:
        case "enum":
            return replace(each, node=replace(each.node, symbols=each.node.symbols[:1]))
        case "number":
            return replace(each, node=Node("integer"))
        case "integer":
            return replace(each, node=replace(each.node, least=0))
    return each


def _widened(each: Field) -> Field:
    match each.node.kind:
        case "enum":
            return replace(each, node=replace(each.node, symbols=(*each.node.symbols, "NEW")))
        case "integer":
            return replace(each, node=Node("number"))
    return each


CHANGES: dict[str, Callable[[Field], Field | None]] = {
    "remove": lambda each: None,
    "retype to string": _retyped("string"),
    "retype to boolean": _retyped("boolean"),
    "retype to integer": _retyped("integer"),
    "narrow": _narrowed,
    "widen": _widened,
    "make optional": lambda each: replace(each, optional=True),
}


def with_another(root: Node) -> Node:
    """The record with one required field more."""
    return replace(root, fields=(*root.fields, Field("added", Node("string"))))
