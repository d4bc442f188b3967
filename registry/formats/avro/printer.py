"""Printing a graph of types: the text Confluent's registry stores for it, its normal form, and the self-contained text.

The order of properties is that of Apache Avro Java: type, name, namespace (where it differs from the enclosing one),
doc, then fields, symbols or size, then an enum's default, custom properties, aliases; in a field name, type, doc,
default, order, aliases, custom properties. A primitive without properties is a bare string.

The normal form is Confluent's: custom properties, aliases and the keys of JSON values sorted, a valid logical type with
its precision and scale first, an empty doc of a type dropped, an error written as a record, a whole-number default
of a float or double written with a point.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registry.formats.avro import jsontext
from registry.formats.avro.jsontext import java_order, quoted
from registry.formats.avro.model import KINDS, MISSING, Array, Enum, Field, Fixed, Map, Named, Record, Type, Union

LOGICAL = {
    "date": ("int",),
    "time-millis": ("int",),
    "time-micros": ("long",),
    "timestamp-millis": ("long",),
    "timestamp-micros": ("long",),
    "timestamp-nanos": ("long",),
    "local-timestamp-millis": ("long",),
    "local-timestamp-micros": ("long",),
    "local-timestamp-nanos": ("long",),
    "uuid": ("string", "fixed"),
    "duration": ("fixed",),
    "big-decimal": ("bytes",),
    "decimal": ("bytes", "fixed"),
}
"""Where each logical type of the specification belongs."""


def canonical(root: Type, known: Iterable[str] = ()) -> str:
    """The text that is stored and served; the types named in `known` are written by name."""
    return _print(root, set(known), normal=False)


def normal(root: Type, known: Iterable[str] = ()) -> str:
    """The normal form; the types named in `known` are written by name."""
    return _print(root, set(known), normal=True)


def alone(root: Type) -> str:
    """The normal form with everything written out: equal for equal types, wherever they are defined."""
    return _print(root, set(), normal=True)


def mention(node: Type) -> str:
    """The type as one would refer to it, in one short line: named types by name, long unions cut."""
    if isinstance(node, Named):
        return quoted(node.full)
    if isinstance(node, Union):
        shown = [mention(branch) for branch in node.branches[:8]]
        return f"[{','.join(shown)}{',…' if len(node.branches) > 8 else ''}]"
    if isinstance(node, Array | Map):
        part, inner = ("items", node.items) if isinstance(node, Array) else ("values", node.values)
        return f'{{"type":"{node.kind}","{part}":{mention(inner)}}}'
    return canonical(node)


def _print(root: Type, known: set[str], *, normal: bool) -> str:
    out: list[str] = []
    _Printer(known, out, normal).type(root, None)
    return "".join(out)


def is_logical(node: Type) -> bool:
    """Whether the logical type of a type is one the specification knows and belongs where it stands."""
    name = node.props.get("logicalType")
    if not isinstance(name, str) or node.kind not in LOGICAL.get(name, ()):
        return False
    size = node.size if isinstance(node, Fixed) else None
    if name == "decimal":
        return _is_decimal(node.props, size)
    return size is None or size == (16 if name == "uuid" else 12)


def _is_decimal(props: dict[str, Any], size: int | None) -> bool:
    precision, scale = props.get("precision"), props.get("scale", 0)
    if type(precision) is not int or type(scale) is not int or precision <= 0:
        return False
    if size is not None and precision > len(str(2 ** (8 * min(size, 1000) - 1) - 1)) - 1 and size <= 1000:
        return False
    return 0 <= scale <= precision


class _Printer:
    """Writes into `out`. `known` are the full names already written, or answered for elsewhere."""

    def __init__(self, known: set[str], out: list[str], normal: bool) -> None:
        self.known = known
        self.out = out
        self.normal = normal

    def type(self, node: Type, space: str | None) -> None:
        if isinstance(node, Named):
            self.named(node, space)
        elif isinstance(node, Union):
            self.union(node, space)
        elif isinstance(node, Array | Map):
            inner, part = (node.items, "items") if isinstance(node, Array) else (node.values, "values")
            self.out.append(f'{{"type":"{node.kind}","{part}":')
            self.type(inner, space)
            self.props(node)
            self.out.append("}")
        elif node.props:
            self.out.append(f'{{"type":"{node.kind}"')
            self.props(node)
            self.out.append("}")
        else:
            self.out.append(f'"{node.kind}"')

    def union(self, node: Union, space: str | None) -> None:
        self.out.append("[")
        for index, branch in enumerate(node.branches):
            if index:
                self.out.append(",")
            self.type(branch, space)
        self.out.append("]")

    def named(self, node: Named, space: str | None) -> None:
        if node.full in self.known:
            self.out.append(quoted(_relative(node.full, node.space, space)))
            return
        self.known.add(node.full)
        word = "error" if isinstance(node, Record) and node.is_error and not self.normal else node.kind
        self.out.append(f'{{"type":"{word}","name":{quoted(node.simple)}')
        if node.space != space:
            self.out.append(f',"namespace":{quoted(node.space or "")}')
        if node.doc is not None and (node.doc or not self.normal):
            self.out.append(f',"doc":{quoted(node.doc)}')
        if isinstance(node, Record):
            self.fields(node)
        elif isinstance(node, Enum):
            self.out.append(f',"symbols":[{",".join(map(quoted, node.symbols))}]')
            if node.default is not None:
                self.out.append(f',"default":{quoted(node.default)}')
        else:
            self.out.append(f',"size":{node.size}')
        self.props(node)
        aliases = sorted(node.aliases, key=java_order) if self.normal else node.aliases
        if aliases:
            relative = [quoted(_relative(each, each.rpartition(".")[0] or None, node.space)) for each in aliases]
            self.out.append(f',"aliases":[{",".join(relative)}]')
        self.out.append("}")

    def fields(self, node: Record) -> None:
        self.out.append(',"fields":[')
        for index, each in enumerate(node.fields):
            self.out.append(f'{"," if index else ""}{{"name":{quoted(each.name)},"type":')
            self.type(each.type, node.space)
            if each.doc is not None:
                self.out.append(f',"doc":{quoted(each.doc)}')
            if each.default is not MISSING:
                self.out.append(f',"default":{self.default(each)}')
            if each.order != "ascending":
                self.out.append(f',"order":"{each.order}"')
            if each.aliases:
                aliases = sorted(each.aliases, key=java_order) if self.normal else each.aliases
                self.out.append(f',"aliases":[{",".join(map(quoted, aliases))}]')
            self.props(each)
            self.out.append("}")
        self.out.append("]")

    def default(self, each: Field) -> str:
        value = each.default
        if self.normal and each.type.kind in ("float", "double") and type(value) is int and abs(value) <= 2**53:
            value = float(value)
        return jsontext.text(value, ordered=self.normal)

    def props(self, node: Type | Field) -> None:
        if not node.props:
            return
        keys: Iterable[str] = node.props
        if self.normal:
            first = () if isinstance(node, Field) else _logical_keys(node)
            keys = sorted(node.props, key=lambda key: (key not in first, java_order(key)))
        for key in keys:
            self.out.append(f",{quoted(key)}:{jsontext.text(node.props[key], ordered=self.normal)}")


def _logical_keys(node: Type) -> tuple[str, ...]:
    """The properties of a valid logical type, which the normal form writes first; a scale of 0 is not one of them."""
    if not is_logical(node):
        return ()
    if node.props["logicalType"] != "decimal":
        return ("logicalType",)
    return ("logicalType", "precision", "scale") if node.props.get("scale") else ("logicalType", "precision")


def _relative(full: str, own: str | None, space: str | None) -> str:
    """A name as written inside a namespace: short where both agree, unless the short form reads as a kind of type."""
    simple = full.rpartition(".")[2]
    return simple if own == space and own is not None and simple not in KINDS else full
