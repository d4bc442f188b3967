"""Valid events from a schema: minimal, maximal, edges, random ones; and events made to pass a given place.

A type may have no event at all (a record that contains itself without a way out), or only huge ones (records that hold
each other twice, 60 deep). `Sizes` knows before anything is built.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from registry.formats.avro import defaults
from registry.formats.avro.events import Branch, Tree, default_value, plain, shown
from registry.formats.avro.model import (
    MISSING,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Record,
    Type,
    Union,
    children,
    logical,
    walk,
)
from registry.formats.avro.printer import is_logical
from registry.formats.avro.resolution import Trail
from registry.formats.avro.schema import AvroSchema
from registry.formats.base import Sample

DEEPEST = 100
LARGEST = 4_000
"""An event nests at most so deep and holds at most so many values; a type whose smallest one is larger gets none."""

LONGEST_FIXED = 1_000_000
_EDGES_OF_ONE = 200


class Sizes:
    """For each type of a schema: has it an event at all, how deep and how large is the least deep one.

    Types are settled from the least deep up (Knuth's generalisation of Dijkstra's algorithm), so nothing recurses.
    """

    def __init__(self, root: Type) -> None:
        self.depth: dict[int, int] = {}
        self.size: dict[int, int] = {}
        self.choice: dict[int, int] = {}
        """The branch of each union's least deep event."""
        self._users: dict[int, list[Type]] = {}
        self._waiting: dict[int, int] = {}
        heap: list[tuple[int, int, Type]] = []
        order = 0
        for node in walk(root):
            needed = list(children(node)) if isinstance(node, Record | Union) else []
            for child in {id(each): each for each in needed}.values():
                self._users.setdefault(id(child), []).append(node)
            self._waiting[id(node)] = len({id(each) for each in needed})
            if not needed and not isinstance(node, Union) and not (isinstance(node, Enum) and not node.symbols):
                heap.append((1, order, node))
                order += 1
        while heap:
            depth, _, node = heapq.heappop(heap)
            if id(node) in self.depth:
                continue
            self.depth[id(node)] = depth
            self.size[id(node)] = self._size(node)
            for user in self._users.get(id(node), ()):
                self._waiting[id(user)] -= 1
                if isinstance(user, Union) or self._waiting[id(user)] == 0:
                    order += 1
                    heapq.heappush(heap, (depth + 1, order, user))

    def _size(self, node: Type) -> int:
        if isinstance(node, Record):
            return 1 + sum(self.size[id(each.type)] for each in node.fields)
        if isinstance(node, Union):
            settled = [index for index, branch in enumerate(node.branches) if id(branch) in self.size]
            best = min(settled, key=lambda index: (self.depth[id(node.branches[index])], index))
            self.choice[id(node)] = best
            return 1 + self.size[id(node.branches[best])]
        return 1

    def inhabited(self, node: Type) -> bool:
        """Whether the type has an event."""
        return id(node) in self.depth

    def handy(self, node: Type) -> bool:
        """Whether the type has an event worth building."""
        small = self.depth.get(id(node), DEEPEST) < DEEPEST and self.size[id(node)] < LARGEST
        return small and not (isinstance(node, Fixed) and node.size > LONGEST_FIXED)


@dataclass
class Builder:
    """Builds trees. `random` chooses where there is a choice; `left` is how many values may still be made freely."""

    sizes: Sizes
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 # events, not secrets
    left: int = 0

    @classmethod
    def of(cls, root: Type) -> Builder:
        """For events of a schema."""
        return cls(Sizes(root))

    def minimal(self, node: Type) -> Tree:
        """The least deep value, with the first of everything. The type must be handy."""
        if isinstance(node, Record):
            return {each.name: self.minimal(each.type) for each in node.fields}
        if isinstance(node, Union):
            index = self.sizes.choice[id(node)]
            return Branch(index, self.minimal(node.branches[index]))
        if isinstance(node, Array | Map):
            return [] if isinstance(node, Array) else {}
        return scalars(node)[0]

    def full(self, node: Type, depth: int = 0) -> Tree:
        """A value with two of everything there may be many of, in which unions take their last branch."""
        self.left -= 1
        if self.left < 0 or depth > 8:
            return self.minimal(node)
        if isinstance(node, Record):
            return {each.name: self.full(each.type, depth + 1) for each in node.fields}
        if isinstance(node, Union):
            index = [index for index, branch in enumerate(node.branches) if self.sizes.handy(branch)][-1]
            return Branch(index, self.full(node.branches[index], depth + 1))
        if isinstance(node, Array):
            return [self.full(node.items, depth + 1) for _ in range(2 * self.sizes.handy(node.items))]
        if isinstance(node, Map):
            return {key: self.full(node.values, depth + 1) for key in ("a", "ü €") if self.sizes.handy(node.values)}
        return scalars(node)[-1]

    def any(self, node: Type, depth: int = 0) -> Tree:
        """A random value."""
        self.left -= 1
        if self.left < 0 or depth > 12:
            return self.minimal(node)
        if isinstance(node, Record):
            return {each.name: self.any(each.type, depth + 1) for each in node.fields}
        if isinstance(node, Union):
            index = self.random.choice([i for i, branch in enumerate(node.branches) if self.sizes.handy(branch)])
            return Branch(index, self.any(node.branches[index], depth + 1))
        if isinstance(node, Array | Map):
            inner = node.items if isinstance(node, Array) else node.values
            count = self.random.choice((0, 1, 1, 2, 3)) if self.sizes.handy(inner) else 0
            if isinstance(node, Array):
                return [self.any(inner, depth + 1) for _ in range(count)]
            return {f"k{self.random.randrange(10**6)}": self.any(inner, depth + 1) for _ in range(count)}
        return self.scalar(node)

    def scalar(self, node: Type) -> Any:
        """A random value without parts: an edge, or anything between."""
        edges = scalars(node)
        low, high = edges[0], edges[-1]
        if node.kind in ("int", "long") and self.random.random() < 0.5:
            return self.random.randint(min(edges), max(edges))
        if node.kind == "string" and not is_logical(node) and self.random.random() < 0.5:
            return "".join(self.random.choice("aZ09_ é€😀\n") for _ in range(self.random.randrange(12)))
        if node.kind == "bytes" and not is_logical(node) and self.random.random() < 0.5:
            return self.random.randbytes(self.random.randrange(12))
        if isinstance(node, Fixed) and not is_logical(node) and low != high:
            return self.random.randbytes(node.size)
        if node.kind == "double" and self.random.random() < 0.5:
            return self.random.uniform(-1e6, 1e6)
        return self.random.choice(edges)

    def along(self, node: Type, trail: Trail, leaf: Tree) -> Tree:
        """The smallest value that passes along a trail, with `leaf` at its end.

        Raises LookupError if no event of handy size does.
        """
        if not self.sizes.handy(node) or len(trail) > DEEPEST:
            raise LookupError
        if not trail:
            return leaf
        step, rest = trail[0], trail[1:]
        if isinstance(node, Union):
            assert isinstance(step, int)
            return Branch(step, self.along(node.branches[step], rest, leaf))
        if isinstance(node, Record):
            return {
                each.name: self.along(each.type, rest, leaf) if each.name == step else self.minimal(each.type)
                for each in node.fields
            }
        if isinstance(node, Array):
            return [self.along(node.items, rest, leaf)]
        assert isinstance(node, Map)
        return {"key": self.along(node.values, rest, leaf)}


def scalars(node: Type) -> Sequence[Any]:
    """Values of a type without parts, the plainest first and the most special last; valid for its logical type."""
    if isinstance(node, Enum):
        return node.symbols
    name = logical(node) if is_logical(node) else None
    if name is not None and (values := _logical_values(node, *name)):
        return values
    if isinstance(node, Fixed):
        return (bytes(node.size), b"\xff" * node.size)
    return _SCALARS[node.kind]


_SCALARS: dict[str, tuple[Any, ...]] = {
    "null": (None,),
    "boolean": (False, True),
    "int": (0, 1, -1, 127, -(2**31), 2**31 - 1),
    "long": (0, 1, -1, 2**31, 2**53 + 1, -(2**63), 2**63 - 1),
    "float": (0.0, 1.0, -1.5, -0.0, 1.401298464324817e-45, float("-inf"), float("nan"), 3.4028234663852886e38),
    "double": (0.0, 1.0, -1.5, -0.0, 0.1, 5e-324, float("inf"), float("nan"), 1.7976931348623157e308),
    "bytes": (b"", b"a", b"\x00", b"\xff\xfe", bytes(range(256))),
    "string": ("", "a", "0", "\x00", "é€😀", "a" * 300, 'quote " slash \\ line\n'),
}
_DAYS = (-719162, 2932896)  # 0001-01-01 to 9999-12-31, what Python's dates hold
_SECONDS = (_DAYS[0] * 86400, _DAYS[1] * 86400 + 86399)
_UNITS = {"millis": 1000, "micros": 10**6, "nanos": 10**9}


def _logical_values(node: Type, name: str, precision: int, scale: int) -> tuple[Any, ...]:
    """Values that are valid for a logical type; none if any value is."""
    if name == "date":
        return (0, 1, -1, *_DAYS)
    if name == "uuid" and node.kind == "string":
        return ("00000000-0000-0000-0000-000000000000", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    if name == "decimal":
        return tuple(_decimal(node, unscaled) for unscaled in (0, 1, -1, 1 - 10**precision, 10**precision - 1))
    word, _, unit = name.rpartition("-")
    if word == "time":
        return (0, 1, 86400 * _UNITS[unit] - 1)
    if word.endswith("timestamp"):
        low, high = (max(min(bound * _UNITS[unit], 2**63 - 1), -(2**63)) for bound in _SECONDS)
        return (0, 1, -1, low, high)
    return ()


def _decimal(node: Type, unscaled: int) -> bytes:
    size = node.size if isinstance(node, Fixed) else (unscaled.bit_length() + 8) // 8
    return unscaled.to_bytes(size, "big", signed=True)


def samples(schema: AvroSchema, *, seed: int = 0) -> Iterator[Sample]:
    """Events as JSON data: minimal, maximal, edges, then random ones without end.

    Ends at once where there is no event, or none worth building. Unions show their bare value, bytes are base64 text.
    """
    for tree, kind, note in trees(schema.root, seed=seed):
        yield Sample(shown(plain(schema.root, tree)), kind, note)


def trees(root: Type, *, seed: int = 0) -> Iterator[tuple[Tree, str, str]]:
    """The same as trees, with kind and note."""
    builder = Builder(Sizes(root), Random(seed))  # noqa: S311 # events, not secrets
    if not builder.sizes.handy(root):
        return
    yield builder.minimal(root), "minimal", ""
    builder.left = 400
    yield builder.full(root), "maximal", ""
    yield from _edges(root, builder)
    while True:
        builder.left = builder.random.choice((20, 60, 200))
        yield builder.any(root), "random", ""


def _edges(root: Type, builder: Builder) -> Iterator[tuple[Tree, str, str]]:
    """Each place of the schema with each of its special values, everything else minimal."""
    for node, trail in places(root, builder.sizes):
        at = "/" + "/".join(map(str, trail))
        for value, note in _edge_values(node, builder):
            try:
                tree = builder.along(root, trail, value)
            except LookupError:
                break
            yield tree, "edge", f"{note} at {at}"


def _edge_values(node: Type, builder: Builder) -> Iterator[tuple[Tree, str]]:
    if isinstance(node, Array | Map):
        inner = node.items if isinstance(node, Array) else node.values
        if builder.sizes.handy(inner):
            value = builder.minimal(inner)
            yield [value, value] if isinstance(node, Array) else {"": value, "a": value}, "two values"
    elif isinstance(node, Union):
        for index, branch in enumerate(node.branches):
            # The values of other branches are edges of their own; a named type's are, but once in a schema.
            if isinstance(branch, Named | Array | Map) and builder.sizes.handy(branch):
                yield Branch(index, builder.minimal(branch)), f"branch {index}"
    elif not isinstance(node, Record):
        for value in scalars(node)[:_EDGES_OF_ONE]:
            yield value, shown_short(value)
    elif isinstance(node, Record) and any(each.default is not MISSING for each in node.fields):
        try:
            yield {each.name: _default(each, builder) for each in node.fields}, "the defaults"
        except LookupError:
            return


def _default(each: Field, builder: Builder) -> Tree:
    """What a field has when it is left out, else its smallest value. Raises LookupError for a default that is none."""
    return builder.minimal(each.type) if each.default is MISSING else _tree(each.type, each.default)


def _tree(node: Type, value: Any) -> Tree:
    """A JSON default as a tree. Raises LookupError for one that does not fit, or that a logical type may not take."""
    if defaults.fault(node, value) is not None or is_logical(node):
        raise LookupError
    if isinstance(node, Union):
        index = next(index for index, branch in enumerate(node.branches) if defaults.fault(branch, value) is None)
        return Branch(index, _tree(node.branches[index], value))
    if isinstance(node, Record):
        return {each.name: _tree(each.type, value.get(each.name, each.default)) for each in node.fields}
    if isinstance(node, Array):
        return [_tree(node.items, each) for each in value]
    if isinstance(node, Map):
        return {key: _tree(node.values, each) for key, each in value.items()}
    return default_value(node, value)


def shown_short(value: Any) -> str:
    """A value in a few characters."""
    text = str(shown(value))
    return text if len(text) <= 20 else text[:19] + "…"


def places(root: Type, sizes: Sizes) -> Iterator[tuple[Type, Trail]]:
    """Every type that an event can reach, with the first shortest trail to it."""
    seen = {id(root)}
    todo: list[tuple[Type, Trail]] = [(root, ())]
    for node, trail in todo:
        if not sizes.handy(node):
            continue
        yield node, trail
        if len(trail) >= DEEPEST:
            continue
        for step, child in steps(node):
            if not isinstance(child, Named) or id(child) not in seen:
                seen.add(id(child))
                todo.append((child, (*trail, step)))


def steps(node: Type) -> Iterator[tuple[str | int, Type]]:
    """The steps of a trail into a type's values."""
    if isinstance(node, Record):
        yield from ((each.name, each.type) for each in node.fields)
    elif isinstance(node, Union):
        yield from enumerate(node.branches)
    elif isinstance(node, Array | Map):
        yield "*", node.items if isinstance(node, Array) else node.values
