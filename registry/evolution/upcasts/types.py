"""The types of events, whatever language describes them: what two versions of a schema are compared as.

Values are those that Tenor's client decodes: Python's own for logical types, the bare value of a union, Protobuf
messages as dicts by field name. A type is one object, however often it is used, so that recursion is a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

MISSING: Final[Any] = type("Missing", (), {"__repr__": lambda self: "missing", "__bool__": lambda self: False})()
"""The default of a field that has none."""

Bound = int | float | None


@dataclass(slots=True, eq=False)
class Scalar:
    """A value without parts.

    `kind`: a type of `tenor.plans.values.TYPES`, or `number` (int or float). `label`: what the schema calls it.
    `low`, `high`: bounds of numbers, None for none; `longest`: of texts and bytes; `size`: of a fixed.
    `bits`: 32 for single precision. `unit`: of a datetime or time, what the wire counts in. `zoned`: of a datetime.
    `precision`, `scale`: of a decimal. `asks`: constraints that cannot be met by changing a value, as comparable text.
    """

    kind: str
    label: str
    low: Bound = None
    high: Bound = None
    longest: int | None = None
    size: int | None = None
    bits: int = 64
    unit: str = ""
    zoned: bool = True
    precision: int = 0
    scale: int = 0
    asks: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Enum:
    """One of several values. `numbers`: of Protobuf's symbols; `open`: also holds numbers it has no name for."""

    name: str
    values: tuple[Any, ...]
    default: Any = MISSING
    numbers: dict[str, int] = field(default_factory=dict)
    open: bool = False


@dataclass(slots=True, eq=False)
class Array:
    """A list of one type. `shortest`, `longest`: how many items; `asks` as for scalars."""

    items: Type
    shortest: int = 0
    longest: int | None = None
    asks: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Map:
    """Values of one type by text keys. `keys`: what the keys are (Protobuf's may be numbers)."""

    values: Type
    keys: str = "string"


@dataclass(slots=True, eq=False)
class Field:
    """A field of an object. `required`: always there; `default`: the value it has when it is not given.

    `oneof`: at most one field of a group is there.
    """

    name: str
    type: Type
    required: bool
    default: Any = MISSING
    aliases: tuple[str, ...] = ()
    number: int = 0
    oneof: str = ""


@dataclass(slots=True, eq=False)
class Object:
    """Named fields. `others`: the type of fields it does not name; None if there are none. `asks` as for scalars."""

    name: str
    fields: list[Field] = field(default_factory=list)
    others: Type | None = None
    asks: frozenset[str] = frozenset()
    _index: dict[str, Field] = field(default_factory=dict, init=False, repr=False)

    def named(self, name: str) -> Field | None:
        """The field of this name."""
        if len(self._index) != len(self.fields):
            self._index = {each.name: each for each in self.fields}
        return self._index.get(name)


@dataclass(slots=True, eq=False)
class Union:
    """One of several types; none of them is a union itself."""

    branches: list[Type]


@dataclass(slots=True, eq=False)
class Opaque:
    """What cannot be seen through (`not`, `if`, crossing combinations): equal marks accept the same values."""

    mark: str
    label: str = "a combination of conditions"


@dataclass(slots=True, eq=False)
class Anything:
    """Every value."""


Type = Scalar | Enum | Array | Map | Object | Union | Opaque | Anything

NULL: Final = Scalar("null", "null")


def is_null(node: Type) -> bool:
    """Whether a type holds null and nothing else."""
    return isinstance(node, Scalar) and node.kind == "null"


def branches(node: Type) -> list[Type]:
    """The alternatives of a type."""
    return node.branches if isinstance(node, Union) else [node]


def without_null(node: Type) -> tuple[Type | None, bool]:
    """A type without null (None if nothing is left), and whether null was among its alternatives."""
    every = branches(node)
    left = [each for each in every if not is_null(each)]
    if len(left) == len(every):
        return node, False
    return (None if not left else left[0] if len(left) == 1 else Union(left)), True


def label(node: Type) -> str:
    """A type in a few words."""
    match node:
        case Scalar():
            return node.label
        case Enum():
            return f"enum {node.name}".strip()
        case Array():
            return f"list of {label(node.items)}"
        case Map():
            return f"map of {label(node.values)}"
        case Object():
            return node.name or "object"
        case Union():
            return " or ".join(dict.fromkeys(map(label, node.branches)))
        case Opaque():
            return node.label
        case Anything():
            return "anything"


def children(node: Type) -> Iterator[Type]:
    """The types directly inside a type."""
    match node:
        case Array():
            yield node.items
        case Map():
            yield node.values
        case Object():
            yield from (each.type for each in node.fields)
            if node.others is not None:
                yield node.others
        case Union():
            yield from node.branches
        case _:
            return


def is_recursive(node: Type) -> bool:
    """Whether a type can contain itself."""
    seen: set[int] = set()
    todo = list(children(node))
    while todo:
        each = todo.pop()
        if each is node:
            return True
        if id(each) not in seen:
            seen.add(id(each))
            todo.extend(children(each))
    return False


def accepts(new: Type, old: Type) -> bool:
    """Whether every value of the old type is one of the new type as it is. Never true by mistake."""
    return _Accepting().accepts(new, old)


class _Accepting:
    """A pair of types is taken to hold while it is looked at, so that recursion ends; what failed is remembered.

    A branch of a union that fails takes back what was assumed on the way.
    """

    def __init__(self) -> None:
        self._assumed: dict[tuple[int, int], None] = {}
        self._refuted: set[tuple[int, int]] = set()

    def accepts(self, new: Type, old: Type) -> bool:
        pair = (id(new), id(old))
        if new is old or isinstance(new, Anything) or pair in self._assumed:
            return True
        if pair in self._refuted:
            return False
        before = len(self._assumed)
        self._assumed[pair] = None
        if self._holds(new, old):
            return True
        while len(self._assumed) > before:
            self._assumed.popitem()
        self._refuted.add(pair)
        return False

    def _holds(self, new: Type, old: Type) -> bool:
        if isinstance(old, Union):
            return all(self.accepts(new, each) for each in old.branches)
        if isinstance(new, Union):
            return any(self.accepts(each, old) for each in new.branches)
        match new, old:
            case Scalar(), Scalar():
                return scalar_accepts(new, old)
            case Scalar(), Enum():
                texts = all(isinstance(value, str) for value in old.values) and not old.open
                return texts and new.kind == "string" and not new.asks and fits_length(new, old.values)
            case Enum(), Enum():
                if old.numbers != new.numbers and not all(new.numbers.get(k) == v for k, v in old.numbers.items()):
                    return False
                return (not old.open or new.open) and all(any(_same(v, w) for w in new.values) for v in old.values)
            case Array(), Array():
                if old.shortest < new.shortest or not new.asks <= old.asks:
                    return False
                if new.longest is not None and (old.longest is None or old.longest > new.longest):
                    return False
                return self.accepts(new.items, old.items)
            case Map(), Map():
                return new.keys == old.keys and self.accepts(new.values, old.values)
            case Object(), Object():
                return self._object(new, old)
            case Opaque(), Opaque():
                return new.mark == old.mark
            case _:
                return False

    def _object(self, new: Object, old: Object) -> bool:
        if not new.asks <= old.asks or (old.others is not None and new.others is None):
            return False
        for each in old.fields:
            match = new.named(each.name)
            if match is None or (match.required and not each.required):
                return False
            if match.oneof != each.oneof or match.number != each.number:
                return False
            if not self.accepts(match.type, each.type):
                return False
        if any(old.named(each.name) is None and (each.required or old.others is not None) for each in new.fields):
            return False
        return old.others is None or new.others is None or self.accepts(new.others, old.others)


def fits_length(new: Scalar, values: tuple[Any, ...]) -> bool:
    """Whether these texts are short enough."""
    return new.longest is None or all(len(value) <= new.longest for value in values)


def _same(one: Any, other: Any) -> bool:
    return (type(one) is bool) == (type(other) is bool) and bool(one == other)


def scalar_accepts(new: Scalar, old: Scalar) -> bool:
    """The same for types without parts."""
    kinds = {"number": ("number", "int", "float")}.get(new.kind, (new.kind,))
    if old.kind not in kinds or not new.asks <= old.asks or new.bits < old.bits:
        return False
    if new.size is not None and new.size != old.size:
        return False
    if new.longest is not None and (old.longest is None or old.longest > new.longest):
        return False
    if new.kind == "datetime" and new.zoned != old.zoned:
        return False
    if new.kind == "decimal":
        return new.scale >= old.scale and new.precision - new.scale >= old.precision - old.scale
    return _wider(new, old)


def _wider(new: Scalar, old: Scalar) -> bool:
    low = new.low is None or (old.low is not None and old.low >= new.low)
    return low and (new.high is None or (old.high is not None and old.high <= new.high))
