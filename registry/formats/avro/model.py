"""An Avro schema as a graph of types. A named type is one object, however often it is used.

    Type = Primitive | Array | Map | Union | Record | Enum | Fixed

`pointer` is the JSON pointer of the definition in its own text, `home` says which text that is: 0 is the schema's own,
n the n-th reference. `props` are the custom properties in the order of the text, `logicalType` among them.
Graphs are built by `parser` and never changed afterwards (`shape` is a cache that `shapes` fills).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from registry.formats.avro.shapes import Shape

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
KINDS: Final = frozenset((*PRIMITIVES, "array", "map", "union", "record", "enum", "fixed"))

MISSING: Final[Any] = object()
"""The default of a field that has none; JSON null is a default."""


@dataclass(slots=True, eq=False)
class _Node:
    pointer: str
    home: int
    props: dict[str, Any]
    shape: Shape | None = field(default=None, init=False)


@dataclass(slots=True, eq=False)
class Primitive(_Node):
    """null, boolean, int, long, float, double, bytes or string."""

    kind: str


@dataclass(slots=True, eq=False)
class Array(_Node):
    """A list of one type."""

    items: Type
    kind: str = field(default="array", init=False)


@dataclass(slots=True, eq=False)
class Map(_Node):
    """Values of one type by text keys."""

    values: Type
    kind: str = field(default="map", init=False)


@dataclass(slots=True, eq=False)
class Union(_Node):
    """One of several types."""

    branches: list[Type]
    kind: str = field(default="union", init=False)


@dataclass(slots=True, eq=False)
class _NamedNode(_Node):
    full: str
    space: str | None
    doc: str | None
    aliases: tuple[str, ...]
    """Full names, in the order of the text."""

    @property
    def simple(self) -> str:
        """The name without its namespace."""
        return self.full.rpartition(".")[2]


@dataclass(slots=True, eq=False)
class Field:
    """A field of a record."""

    name: str
    type: Type
    pointer: str
    doc: str | None
    default: Any
    order: str
    aliases: tuple[str, ...]
    props: dict[str, Any]


@dataclass(slots=True, eq=False)
class Record(_NamedNode):
    """Named fields in an order."""

    is_error: bool
    fields: list[Field] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    """Where in `fields` each name is."""
    kind: str = field(default="record", init=False)


@dataclass(slots=True, eq=False)
class Enum(_NamedNode):
    """One of several symbols."""

    symbols: tuple[str, ...]
    default: str | None
    kind: str = field(default="enum", init=False)


@dataclass(slots=True, eq=False)
class Fixed(_NamedNode):
    """So many bytes."""

    size: int
    kind: str = field(default="fixed", init=False)


Named = Record | Enum | Fixed
Type = Primitive | Array | Map | Union | Named


def label(node: Type) -> str:
    """What to call a type in a sentence: `int`, `record acme.Order`, `array of string`."""
    if isinstance(node, Named):
        return f"{node.kind} {node.full}"
    if isinstance(node, Array):
        return f"array of {_short(node.items)}"
    if isinstance(node, Map):
        return f"map of {_short(node.values)}"
    if isinstance(node, Union):
        return "union of " + (", ".join(map(_short, node.branches[:8])) or "nothing")
    return node.kind


def _short(node: Type) -> str:
    return node.full if isinstance(node, Named) else node.kind


def logical(node: Type) -> tuple[str, int, int] | None:
    """The logical type as (name, precision, scale), the last two 0 unless it is a decimal; None if there is none."""
    name = node.props.get("logicalType")
    if not isinstance(name, str):
        return None
    if name != "decimal":
        return name, 0, 0
    return name, _whole(node.props.get("precision")), _whole(node.props.get("scale"))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def children(node: Type) -> Iterator[Type]:
    """The types directly inside a type, in the order of the text."""
    if isinstance(node, Record):
        for each in node.fields:
            yield each.type
    elif isinstance(node, Array):
        yield node.items
    elif isinstance(node, Map):
        yield node.values
    elif isinstance(node, Union):
        yield from node.branches


def walk(root: Type) -> Iterator[Type]:
    """Every type of the graph once, outermost definition first, in the order of the text."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        todo.extend(reversed(list(children(node))))
