"""Types reduced to what resolution looks at, interned across schemas, and the question whether one reads another.

Laws.
1. Two types have the same `Shape` object if resolution cannot tell them apart (documentation, custom properties, the
   values of defaults and the order of fields' attributes do not count; logical types do, for the warnings).
2. A shape reads itself without remark if it is `tidy`. So versions that share their parts are compared by identity.
3. Recursion is taken to its greatest fixpoint: every pair is readable unless some chain of failures reaches it.

Nothing here recurses along chains of pairs, so no schema can exhaust the stack.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from registry.formats.avro.model import (
    MISSING,
    PRIMITIVES,
    Array,
    Enum,
    Fixed,
    Map,
    Named,
    Record,
    Type,
    Union,
    logical,
)

PROMOTIONS = frozenset(
    (
        ("int", "long"), ("int", "float"), ("int", "double"),
        ("long", "float"), ("long", "double"), ("float", "double"),
        ("string", "bytes"), ("bytes", "string"),
    )
)  # fmt: skip
"""(writer, reader) pairs of different primitives that resolve."""

REMARKABLE = frozenset((("bytes", "string"), ("int", "float"), ("long", "float"), ("long", "double")))
"""Promotions that read, yet can fail on or round a value: bytes that are no UTF-8, integers past the mantissa."""


class Reading(IntEnum):
    """How a reader fares with a writer."""

    CLEAN = 0
    NOTED = 1  # readable, with (possibly) a warning
    BROKEN = 2


_serial = count(1)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Shape:
    """A type as resolution sees it. Built once, then never changed."""

    kind: str
    logical: tuple[str, int, int] | None
    uid: int = field(default_factory=lambda: next(_serial))
    tidy: bool = True
    full: str = ""
    simple: str = ""
    aliases: frozenset[str] = frozenset()
    size: int = 0
    symbols: frozenset[str] = frozenset()
    has_default: bool = False
    items: Shape | None = None
    branches: tuple[Shape, ...] = ()
    branch_set: frozenset[Shape] = frozenset()
    branches_by: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Which branches may read a writer's type, by its kind and name (see `candidates`)."""
    fields: dict[str, Shape] = field(default_factory=dict)
    slots: frozenset[Slot] = frozenset()
    optional: frozenset[str] = frozenset()
    aliased: dict[str, tuple[str, ...]] = field(default_factory=dict)
    members: dict[str, Shape] = field(default_factory=dict)
    """The named shapes of the cycle that this one closes, by full name."""

    def ambiguous(self, writer: Shape) -> bool:
        """Whether decoders may differ in the branch of this union that they read a writer's type with, and it matters.

        Named types match by their names without namespaces; a promotion that comes before the same type matches first.
        """
        found = candidates(self, writer)
        if len(found) < 2:
            return False
        return bool(writer.full) or (writer.kind, self.branches[found[0]].kind) in REMARKABLE


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Slot:
    """A field's name with its shape, interned: sets of fields are compared by identity."""

    name: str
    shape: Shape


_slots: WeakValueDictionary[tuple[str, int], Slot] = WeakValueDictionary()


def _slot(name: str, shape: Shape) -> Slot:
    found = _slots.get((name, shape.uid))
    if found is None:
        _slots[name, shape.uid] = found = Slot(name, shape)
    return found


_PLAIN = {kind: Shape(kind, None) for kind in PRIMITIVES}
_interned: WeakValueDictionary[Any, Shape] = WeakValueDictionary(
    {(kind, None): shape for kind, shape in _PLAIN.items()}
)
_lock = Lock()


def shape_of(root: Type) -> Shape:
    """The shape of a type, made on first use together with those of all types inside it."""
    if root.shape is None:
        with _lock:
            _Shaper().shape(root, 0)
    assert root.shape is not None
    return root.shape


_CLOSED = 1 << 30


class _Shaper:
    """Makes the shapes of one graph, bottom up.

    A type that refers to one it lies in is open: it is interned only as a part of the outermost type of its cycle,
    whose key spells the whole cycle with inner references by name.
    """

    def __init__(self) -> None:
        self.building: dict[int, tuple[Shape, int]] = {}
        self.open: dict[int, int] = {}
        self.cycle: list[Named] = []
        self.nameless: list[Shape] = []

    def shape(self, node: Type, depth: int) -> tuple[Shape, int, Any]:
        """The shape, how far out its references reach (a depth, or _CLOSED), and its key."""
        if (entry := self.building.get(id(node))) is not None:
            assert isinstance(node, Named)
            return entry[0], entry[1], ("^", node.full)
        if node.shape is not None:
            if (low := self.open.get(id(node))) is not None:
                assert isinstance(node, Named)
                return node.shape, low, ("^", node.full)
            return node.shape, _CLOSED, node.shape.uid
        if not node.props and (plain := _PLAIN.get(node.kind)) is not None:
            node.shape = plain
            return plain, _CLOSED, plain.uid
        made = Shape(node.kind, logical(node))
        first = (len(self.cycle), len(self.nameless))
        if isinstance(node, Named):
            made.full, made.simple, made.aliases = sys.intern(node.full), node.simple, frozenset(node.aliases)
            self.building[id(node)] = (made, depth)
            low, key = self.fill(node, made, depth)
            del self.building[id(node)]
        else:
            low, key = self.fill(node, made, depth)
        full_key = (node.kind, made.logical, *key)
        if low >= depth:
            node.shape = made = self.close(made, first, full_key)
            return made, _CLOSED, made.uid
        if isinstance(node, Named):
            self.cycle.append(node)
        else:
            self.nameless.append(made)
        for each in self.cycle[first[0] :]:
            self.open[id(each)] = low
        node.shape = made
        return made, low, full_key

    def close(self, made: Shape, first: tuple[int, int], key: Any) -> Shape:
        """Intern a type that depends on nothing outside itself, and settle the members of its cycle.

        Whether a part of a cycle is tidy is known only now: all are, or none.
        """
        inner, nameless = self.cycle[first[0] :], self.nameless[first[1] :]
        known = _interned.get(key)
        if known is None:
            made.members = {each.full: each.shape for each in inner if each.shape is not None}
            for member in made.members.values():
                member.tidy = made.tidy
            _interned[key] = known = made
        for each in inner:
            each.shape = known.members[each.full]
            del self.open[id(each)]
        for part in nameless:
            part.tidy = known.tidy
        del self.cycle[first[0] :], self.nameless[first[1] :]
        return known

    def fill(self, node: Type, made: Shape, depth: int) -> tuple[int, tuple[Any, ...]]:
        """Everything but the kind. Returns how far out it reaches, and the key of what was filled in."""
        if isinstance(node, Record):
            return self.fields(node, made, depth)
        if isinstance(node, Enum):
            made.symbols, made.has_default = frozenset(node.symbols), node.default in node.symbols
            return _CLOSED, (made.full, made.aliases, made.symbols, made.has_default)
        if isinstance(node, Fixed):
            made.size = node.size
            return _CLOSED, (made.full, made.aliases, made.size)
        if isinstance(node, Union):
            parts = [self.shape(branch, depth + 1) for branch in node.branches]
            made.branches = tuple(part[0] for part in parts)
            made.branch_set = frozenset(made.branches)
            for index, branch in enumerate(made.branches):
                for name in _readable(branch):
                    made.branches_by.setdefault(name, []).append(index)
            made.tidy = all(branch.tidy for branch in made.branches) and not any(map(made.ambiguous, made.branches))
            return min((part[1] for part in parts), default=_CLOSED), tuple(part[2] for part in parts)
        if isinstance(node, Array | Map):
            made.items, low, key = self.shape(node.items if isinstance(node, Array) else node.values, depth + 1)
            made.tidy = made.items.tidy
            return low, (key,)
        return _CLOSED, ()

    def fields(self, node: Record, made: Shape, depth: int) -> tuple[int, tuple[Any, ...]]:
        low, keys = _CLOSED, []
        names = {each.name for each in node.fields}
        optional = []
        for each in node.fields:
            part, reach, key = self.shape(each.type, depth + 1)
            low = min(low, reach)
            name = sys.intern(each.name)
            made.fields[name] = part
            aliases = tuple(alias for alias in each.aliases if alias != name)
            if aliases:
                made.aliased[name] = aliases
                made.tidy = made.tidy and names.isdisjoint(aliases)
            if each.default is not MISSING:
                optional.append(name)
            made.tidy = made.tidy and part.tidy
            keys.append((name, key, each.default is not MISSING, aliases))
        made.slots = frozenset([_slot(name, part) for name, part in made.fields.items()])
        made.optional = frozenset(optional)
        return low, (made.full, made.aliases, tuple(keys))


def writer_fields(reader: Shape, name: str, writer: Shape) -> list[str]:
    """The writer's fields that a reader's field claims, by its name and by its aliases."""
    return [each for each in (name, *reader.aliased.get(name, ())) if each in writer.fields]


def _readable(reader: Shape) -> Iterator[tuple[str, str]]:
    """The kinds and names of writers that a type, not a union, may read: (kind, name), or (kind, =full name)."""
    yield reader.kind, reader.simple
    for alias in reader.aliases:
        yield reader.kind, "=" + alias
    for writer_kind, reader_kind in PROMOTIONS:
        if reader_kind == reader.kind:
            yield writer_kind, ""


def candidates(reader: Shape, writer: Shape) -> Sequence[int]:
    """The branches of a reader's union that agree with a writer's type, not a union, as far as kind and name."""
    found = reader.branches_by.get((writer.kind, writer.simple), ())
    if by_alias := reader.branches_by.get((writer.kind, "=" + writer.full)):
        return sorted({*found, *by_alias})
    return found


_Part = tuple[Shape, Shape]
_FAILS: tuple[bool, bool, list[_Part], bool] = (False, False, [], False)


def _step(reader: Shape, writer: Shape) -> tuple[bool, bool, list[_Part], bool]:
    """One pair on its own: can it hold, is one part enough, the parts it rests on, is there something to remark."""
    if writer.kind == "union":
        known = reader.branch_set if reader.kind == "union" and reader.tidy else ()
        return True, False, [(reader, each) for each in writer.branches if not (each in known and each.tidy)], False
    if reader.kind == "union":
        if reader.tidy and writer in reader.branch_set:
            return True, False, [], False
        parts = [(reader.branches[index], writer) for index in candidates(reader, writer)]
        return True, True, parts, reader.ambiguous(writer)
    noted = reader.logical != writer.logical
    kind = reader.kind
    if kind != writer.kind:
        pair = (writer.kind, kind)
        return (True, False, [], noted or pair in REMARKABLE) if pair in PROMOTIONS else _FAILS
    if kind in ("array", "map"):
        assert reader.items is not None
        assert writer.items is not None
        return True, False, [(reader.items, writer.items)], noted
    if not reader.full:
        return True, False, [], noted
    if reader.simple != writer.simple and writer.full not in reader.aliases:
        return _FAILS
    if kind == "record":
        return _fields(reader, writer, noted)
    if kind == "fixed":
        return reader.size == writer.size, False, [], noted
    return reader.has_default or writer.symbols <= reader.symbols, False, [], noted


def _fields(reader: Shape, writer: Shape, noted: bool) -> tuple[bool, bool, list[_Part], bool]:
    parts: list[_Part] = []
    filled = set()
    for name in reader.aliased:
        claimed = writer_fields(reader, name, writer)
        if len(set(claimed)) > 1:
            return _FAILS
        noted = noted or any(each in filled or (each != name and each in reader.fields) for each in claimed)
        filled.update(claimed)
    for slot in reader.slots - writer.slots if reader.tidy else reader.slots:
        name, shape = slot.name, slot.shape
        other = writer.fields.get(name)
        if other is None:
            claimed = writer_fields(reader, name, writer)
            if not claimed:
                if name not in reader.optional:
                    return _FAILS
                continue
            other = writer.fields[claimed[0]]
        if other is not shape or not shape.tidy:
            parts.append((shape, other))
    return True, False, parts, noted


_MOST_KNOWN = 200_000
_known: dict[tuple[int, int], Reading] = {}


def reading(reader: Shape, writer: Shape) -> Reading:
    """How the reader fares with what the writer wrote, remembered by the pair."""
    if reader is writer and reader.tidy:
        return Reading.CLEAN
    key = (reader.uid, writer.uid)
    known = _known.get(key)
    return _solve(reader, writer) if known is None else known


def _solve(reader: Shape, writer: Shape) -> Reading:
    """Explore all pairs that the answer rests on, then let failures spread from part to whole until none is left."""
    whole: dict[tuple[int, int], list[tuple[int, int]]] = {}
    failures_left: dict[tuple[int, int], int] = {}
    failed: list[tuple[int, int]] = []
    root = (reader.uid, writer.uid)
    noted = False
    queued = {root}
    todo: list[tuple[Shape, Shape, tuple[int, int]]] = [(reader, writer, root)]
    while todo:
        reader, writer, key = todo.pop()
        holds, one_is_enough, parts, remark = _step(reader, writer)
        noted = noted or remark
        waiting, broken, read = 0, 0, False
        for part in parts:
            if part[0] is part[1] and part[0].tidy:
                read = True
                continue
            part_key = (part[0].uid, part[1].uid)
            known = _known.get(part_key)
            if known is None:
                waiting += 1
                whole.setdefault(part_key, []).append(key)
                if part_key not in queued:
                    queued.add(part_key)
                    todo.append((*part, part_key))
            elif known is Reading.BROKEN:
                broken += 1
            else:
                read = True
                noted = noted or known is Reading.NOTED
        if one_is_enough:
            holds = read or waiting > 0
            failures_left[key] = waiting if not read else _CLOSED
        else:
            holds = holds and not broken
            failures_left[key] = 1
        if not holds:
            failures_left[key] = 0
            failed.append(key)
    while failed:
        for key in whole.get(failed.pop(), ()):
            failures_left[key] -= 1
            if failures_left[key] == 0:
                failed.append(key)
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    readable = Reading.NOTED if noted else Reading.CLEAN
    _known.update((key, Reading.BROKEN if left <= 0 else readable) for key, left in failures_left.items())
    return Reading.BROKEN if failures_left[root] <= 0 else readable
