"""The strict reading of an Avro schema text, into a graph of types.

What is refused that some libraries let through: duplicate fields, symbols and union branches, nested unions, bad names,
bad defaults, unknown orders, wrong sizes, documentation that is no text, names used before or defined twice.
What is taken that some refuse: comments, names with any Unicode letters (Apache Avro takes both), logical types where
they do not belong (the specification ignores them), records that contain themselves without end (no event of such a
type exists, yet the schema is legal).

`strict=False` reads what older or laxer registries stored: any default, any name that is not empty, forward references,
equal definitions of one name.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from json import JSONDecodeError
from typing import Any, NoReturn

from registry.errors import InvalidSchema
from registry.formats.avro import defaults, jsontext, printer
from registry.formats.avro.model import (
    MISSING,
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Primitive,
    Record,
    Type,
    Union,
    children,
)
from registry.formats.avro.places import position
from registry.formats.base import Source

LONGEST_TEXT = 4_000_000
MOST_OBJECTS = 40_000
DEEPEST_TYPE = 100
"""Budgets for one text: a 5,000-field record takes an eighth of them, and all of them take about a second."""

DEEPEST_GRAPH = 150
"""Types of several texts that name each other may nest a little deeper than those of one."""

LARGEST_FIXED = 2**31 - 9

_ASCII_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LETTERS = ("Lu", "Ll", "Lt", "Lm", "Lo")
_SCHEMA_WORDS = frozenset(
    ("doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases")
)
_ENUM_WORDS = _SCHEMA_WORDS | {"default"}
_FIELD_WORDS = frozenset(("default", "doc", "name", "order", "type", "aliases"))
_ORDERS = ("ascending", "descending", "ignore")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_DOUBLE = re.compile(r"\s*(?:NaN|[+-]?Infinity|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?\s*", re.ASCII)


class Parsed:
    """What a text and its references say: the root, every named type in reach, and the names references answer for."""

    def __init__(self, root: Type, names: dict[str, Named], reference_roots: tuple[Type, ...]) -> None:
        self.root = root
        self.names = names
        self.reference_roots = reference_roots


def parse(source: Source, *, strict: bool) -> Parsed:
    """Read a source. Raises InvalidSchema with the JSON pointer, line and column of what is wrong."""
    names: dict[str, Named] = {}
    roots: list[Type] = []
    for home, (name, text) in enumerate(flat_references(source), start=1):
        try:
            roots.append(_Text(text, names, home, strict=False).read())
        except InvalidSchema as problem:
            raise InvalidSchema("AVRO", f"in the reference '{name}': {problem.data['reason']}") from None
    reading = _Text(source.text, names, 0, strict=strict)
    root = reading.read()
    if roots or reading.waiting:
        _refuse_depth(root)
    return Parsed(root, names, tuple(roots))


def flat_references(source: Source) -> list[tuple[str, str]]:
    """The texts behind a source, each once by its name, those that others need first."""
    order: list[tuple[str, str]] = []
    seen: set[str] = set()
    todo: list[tuple[str, Source, bool]] = [(name, each, False) for name, each in reversed(source.references)]
    while todo:
        name, each, visited = todo.pop()
        if visited:
            order.append((name, each.text))
        elif name not in seen:
            seen.add(name)
            todo.append((name, each, True))
            todo.extend((inner, deeper, False) for inner, deeper in reversed(each.references))
    return order


def _refuse_depth(root: Type) -> None:
    """Types that name each other can nest deeper than any one text; whatever walks them later may recurse this far."""
    seen: set[int] = set()
    todo = [(root, 1)]
    while todo:
        node, depth = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if depth > DEEPEST_GRAPH:
            raise InvalidSchema("AVRO", "the schema is nested too deeply")
        todo.extend((child, depth + 1) for child in reversed(list(children(node))))


class _Text:
    """One text being read. `names` grows by what it defines."""

    def __init__(self, text: str, names: dict[str, Named], home: int, *, strict: bool) -> None:
        self.text = text
        self.names = names
        self.home = home
        self.strict = strict
        self.own: set[str] = set()
        self.waiting: list[tuple[str, str, str, Callable[[Type], None]]] = []
        self.defaulted: list[Field] = []

    def read(self) -> Type:
        root: list[Type] = [self.type(self.value(), None, "", 0, lambda found: root.__setitem__(0, found))]
        for full, bare, pointer, put in self.waiting:
            found = self.names.get(full) or self.names.get(bare)
            if found is None:
                self.refuse(pointer, _undefined(bare))
            put(found)
        if self.strict:
            for each in self.defaulted:
                if problem := defaults.fault(each.type, each.default):
                    shown = jsontext.excerpt(jsontext.text(each.default))
                    self.refuse(f"{each.pointer}/default", f"invalid default {shown} for field {each.name}: {problem}")
        return root[0]

    def value(self) -> Any:
        if len(self.text) > LONGEST_TEXT or self.text.count("{") > MOST_OBJECTS:
            raise InvalidSchema(
                "AVRO", f"the schema is too large: at most {LONGEST_TEXT} characters and {MOST_OBJECTS} objects"
            )
        try:
            return jsontext.read(self.text)
        except JSONDecodeError as problem:
            reason = f"the schema is not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}"
            raise InvalidSchema("AVRO", reason, line=problem.lineno, column=problem.colno) from None
        except ValueError as problem:
            raise InvalidSchema("AVRO", f"the schema is not JSON: {problem}") from None
        except RecursionError:
            raise InvalidSchema("AVRO", "the schema is nested too deeply") from None

    def refuse(self, pointer: str, reason: str) -> NoReturn:
        line, column = position(self.text, pointer) or (None, None)
        raise InvalidSchema("AVRO", reason, path=pointer, line=line, column=column)

    # Types

    def type(self, json: Any, space: str | None, pointer: str, depth: int, put: Callable[[Type], None]) -> Type:
        """The type that a JSON value writes. `put` replaces it in its parent once a forward reference is known."""
        if depth > DEEPEST_TYPE:
            self.refuse(pointer, "the schema is nested too deeply")
        if isinstance(json, str):
            return self.named(json, space, pointer, put)
        if isinstance(json, list):
            return self.union(json, space, pointer, depth)
        if not isinstance(json, dict):
            self.refuse(pointer, f"a type is a name, an object or a list, not {jsontext.excerpt(jsontext.text(json))}")
        kind = json.get("type")
        if not isinstance(kind, str):
            self.refuse(pointer, "no type: an object needs a `type` that is a name")
        if kind in PRIMITIVES:
            return Primitive(pointer, self.home, _props(json, _SCHEMA_WORDS), kind)
        if kind in ("array", "map"):
            return self.collection(kind, json, space, pointer, depth)
        if kind in ("record", "error"):
            return self.record(json, space, pointer, depth)
        if kind == "enum":
            return self.enum(json, space, pointer)
        if kind == "fixed":
            return self.fixed(json, space, pointer)
        return self.named(kind, space, pointer, put)

    def named(self, name: str, space: str | None, pointer: str, put: Callable[[Type], None]) -> Type:
        if name in PRIMITIVES:
            return Primitive(pointer, self.home, {}, name)
        full = f"{space}.{name}" if space and "." not in name else name
        if (found := self.names.get(full) or self.names.get(name)) is not None:
            return found
        if self.strict:
            self.refuse(pointer, _undefined(name))
        self.waiting.append((full, name, pointer, put))
        return Primitive(pointer, self.home, {}, "null")

    def union(self, json: list[Any], space: str | None, pointer: str, depth: int) -> Union:
        branches: list[Type] = []
        names: set[str] = set()
        for index, each in enumerate(json):
            at = f"{pointer}/{index}"
            branch = self.type(each, space, at, depth + 1, _setter(branches, index))
            branches.append(branch)
            if isinstance(branch, Union):
                self.refuse(at, "a union may not directly hold another union")
            waits = bool(self.waiting) and self.waiting[-1][2] == at
            name = self.waiting[-1][0] if waits else branch.full if isinstance(branch, Named) else branch.kind
            if name in names:
                self.refuse(at, f"duplicate in union: {name}")
            names.add(name)
        return Union(pointer, self.home, {}, branches)

    def collection(self, kind: str, json: dict[str, Any], space: str | None, pointer: str, depth: int) -> Array | Map:
        part = "items" if kind == "array" else "values"
        if part not in json:
            self.refuse(pointer, f"{kind} without `{part}`")
        props = _props(json, _SCHEMA_WORDS)
        made: list[Array | Map] = []
        inner = self.type(
            json[part], space, f"{pointer}/{part}", depth + 1, lambda found: setattr(made[0], part, found)
        )
        made.append(
            Array(pointer, self.home, props, inner) if kind == "array" else Map(pointer, self.home, props, inner)
        )
        return made[0]

    def record(self, json: dict[str, Any], space: str | None, pointer: str, depth: int) -> Record:
        full, own_space = self.name(json, space, pointer)
        doc, aliases = self.doc(json, pointer), self.aliases(json, own_space, pointer)
        is_error = json["type"] == "error"
        record = Record(pointer, self.home, _props(json, _SCHEMA_WORDS), full, own_space, doc, aliases, is_error)
        fields = json.get("fields")
        if not isinstance(fields, list):
            self.refuse(pointer, f"record {full} has no list of fields")
        before = self.define(record)
        for index, each in enumerate(fields):
            made = self.field(each, own_space, f"{pointer}/fields/{index}", depth)
            if made.name in record.positions:
                self.refuse(made.pointer, f"duplicate field {made.name} in record {full}")
            record.positions[made.name] = index
            record.fields.append(made)
        self.compare(record, before)
        return record

    def field(self, json: Any, space: str | None, pointer: str, depth: int) -> Field:
        if not isinstance(json, dict):
            self.refuse(pointer, "a field is an object with a name and a type")
        name = json.get("name")
        if not isinstance(name, str):
            self.refuse(pointer, "no field name: a field needs a `name` that is a text")
        self.check_name(name, f"{pointer}/name")
        if "type" not in json:
            self.refuse(pointer, f"no type: the field {name} needs a `type`")
        order = json.get("order", "ascending")
        if not isinstance(order, str) or order.lower() not in _ORDERS:
            self.refuse(f"{pointer}/order", f"the order of field {name} is none of {', '.join(_ORDERS)}")
        aliases = self.texts(json, "aliases", pointer)
        props, default = _props(json, _FIELD_WORDS), json.get("default", MISSING)
        made: list[Field] = []
        inner = self.type(
            json["type"], space, f"{pointer}/type", depth + 1, lambda found: setattr(made[0], "type", found)
        )
        if isinstance(default, str) and inner.kind in ("float", "double"):
            default = self.double(default, name, pointer)
        doc = self.doc(json, pointer)
        made.append(Field(name, inner, pointer, doc, default, order.lower(), aliases, props))
        spelled = inner.kind in ("float", "double") and default in _NOT_FINITE
        if default is not MISSING and not spelled:
            self.defaulted.append(made[0])
        return made[0]

    def double(self, text: str, name: str, pointer: str) -> Any:
        """The number a text default of a float or double spells: Apache Avro reads and prints it as a number."""
        if not _DOUBLE.fullmatch(text):
            if self.strict:
                self.refuse(f"{pointer}/default", f"invalid default for field {name}: {text!r} spells no number")
            return text
        bare = text.strip().rstrip("fFdD").removeprefix("+")
        return bare if bare in _NOT_FINITE else Decimal(bare)

    def enum(self, json: dict[str, Any], space: str | None, pointer: str) -> Enum:
        full, own_space = self.name(json, space, pointer)
        if not isinstance(json.get("symbols"), list):
            self.refuse(pointer, f"enum {full} has no list of symbols")
        symbols = self.texts(json, "symbols", pointer)
        for index, symbol in enumerate(symbols):
            self.check_name(symbol, f"{pointer}/symbols/{index}")
        if len(set(symbols)) < len(symbols):
            again = Counter(symbols).most_common(1)[0][0]
            self.refuse(f"{pointer}/symbols", f"duplicate enum symbol: {again}")
        default = json.get("default")
        if default is not None and not isinstance(default, str):
            self.refuse(f"{pointer}/default", f"the default of enum {full} is not a text")
        if default is not None and default not in symbols and self.strict:
            self.refuse(f"{pointer}/default", f"the default {default} of enum {full} is not one of its symbols")
        doc, aliases = self.doc(json, pointer), self.aliases(json, own_space, pointer)
        props = _props(json, _ENUM_WORDS)
        enum = Enum(pointer, self.home, props, full, own_space, doc, aliases, symbols, default)
        self.compare(enum, self.define(enum))
        return enum

    def fixed(self, json: dict[str, Any], space: str | None, pointer: str) -> Fixed:
        full, own_space = self.name(json, space, pointer)
        size = json.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST_FIXED:
            self.refuse(pointer, f"fixed {full} needs a size from 0 to {LARGEST_FIXED}")
        doc, aliases = self.doc(json, pointer), self.aliases(json, own_space, pointer)
        fixed = Fixed(pointer, self.home, _props(json, _SCHEMA_WORDS), full, own_space, doc, aliases, size)
        self.compare(fixed, self.define(fixed))
        return fixed

    # Names

    def name(self, json: dict[str, Any], space: str | None, pointer: str) -> tuple[str, str | None]:
        """The full name and the namespace of a definition; a name with dots brings its own namespace."""
        name = json.get("name")
        if not isinstance(name, str):
            self.refuse(pointer, f"no name: {json['type']} needs a `name` that is a text")
        given = json.get("namespace")
        if given is not None and not isinstance(given, str):
            self.refuse(f"{pointer}/namespace", "a namespace is a text")
        own, _, simple = name.rpartition(".") if "." in name else (space if given is None else given, "", name)
        self.check_name(simple, f"{pointer}/name")
        full = f"{own}.{simple}" if own else simple
        if own:
            self.check_namespace(own, f"{pointer}/name" if "." in name or given is None else f"{pointer}/namespace")
        if full in PRIMITIVES:
            self.refuse(f"{pointer}/name", f"a type may not be named after the primitive {full}")
        return full, own or None

    def check_name(self, name: str, pointer: str) -> None:
        if not _ASCII_NAME.fullmatch(name) and (not name or (self.strict and not _is_name(name))):
            shown = jsontext.quoted(jsontext.excerpt(name))
            self.refuse(pointer, f"illegal name {shown}: letters, digits and _, not a digit first")

    def check_namespace(self, space: str, pointer: str) -> None:
        for part in space.split(".") if self.strict else ():
            self.check_name(part, pointer)

    def aliases(self, json: dict[str, Any], space: str | None, pointer: str) -> tuple[str, ...]:
        """Full names: an alias without dots lives in the namespace of the type it stands by."""
        full = []
        for index, alias in enumerate(self.texts(json, "aliases", pointer)):
            own, _, simple = alias.rpartition(".") if "." in alias else (space or "", "", alias)
            at = f"{pointer}/aliases/{index}"
            self.check_name(simple, at)
            if own:
                self.check_namespace(own, at)
            full.append(f"{own}.{simple}" if own else simple)
        return tuple(dict.fromkeys(full))

    def define(self, node: Named) -> Named | None:
        """Make a name known. Returns the definition that it replaces, to be compared once the new one is complete."""
        known = self.names.get(node.full)
        if known is not None and node.full in self.own and self.strict:
            self.refuse(node.pointer, f"can't redefine: {node.full}")
        self.own.add(node.full)
        self.names[node.full] = node
        return known

    def compare(self, node: Named, known: Named | None) -> None:
        """A second definition is the first one again, or refused."""
        if known is not None and printer.alone(node) != printer.alone(known):
            self.refuse(node.pointer, f"can't redefine: {node.full}")

    # Attributes

    def doc(self, json: dict[str, Any], pointer: str) -> str | None:
        doc = json.get("doc")
        if doc is not None and not isinstance(doc, str):
            if self.strict:
                self.refuse(f"{pointer}/doc", "the documentation is not a text")
            return None
        return doc

    def texts(self, json: dict[str, Any], key: str, pointer: str) -> tuple[str, ...]:
        """A list of texts; equal aliases count once, as in Apache Avro."""
        if key not in json:
            return ()
        if not isinstance(json[key], list):
            self.refuse(f"{pointer}/{key}", f"`{key}` is a list of texts")
        for index, each in enumerate(json[key]):
            if not isinstance(each, str):
                self.refuse(f"{pointer}/{key}/{index}", f"`{key}` is a list of texts")
        return tuple(json[key] if key == "symbols" else dict.fromkeys(json[key]))


def _undefined(name: str) -> str:
    hint = ""
    if name in ("record", "enum", "fixed", "array", "map", "union", "error"):
        hint = f': write the {name} as an object of its own, {{"type": {{"type": "{name}", …}}}}'
    return f"undefined name: {jsontext.quoted(jsontext.excerpt(name))}{hint}"


def _setter(branches: list[Type], index: int) -> Callable[[Type], None]:
    return lambda found: branches.__setitem__(index, found)


def _props(json: dict[str, Any], words: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in json.items() if key not in words}


def _is_name(name: str) -> bool:
    kinds = [unicodedata.category(letter) for letter in name if letter != "_"]
    return all(kind in _LETTERS or kind == "Nd" for kind in kinds) and not (
        name[0] != "_" and unicodedata.category(name[0]) not in _LETTERS
    )
