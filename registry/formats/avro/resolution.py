"""How a reader's type and a writer's type meet: the pairs that a decoder goes on to, and where they are.

Nothing here says whether a pair reads; `shapes` does. Walks over pairs are generators run on a stack of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from registry.formats.avro.model import Array, Field, Map, Named, Record, Type, Union
from registry.formats.avro.shapes import Reading, candidates, reading, shape_of

Trail = tuple[str | int, ...]
"""The way into an event of the writer: field names, `*` into items and values, branch numbers of unions."""


@dataclass(frozen=True, slots=True)
class Side:
    """A type where it is used: `at` is the JSON pointer of the use, None outside the schema's own text."""

    node: Type
    at: str | None

    @classmethod
    def of(cls, root: Type) -> Side:
        """A whole schema."""
        return cls(root, "" if root.home == 0 else None)

    def child(self, node: Type, suffix: str) -> Side:
        """A type inside this one; inside a named type the pointer goes on from its definition."""
        return Side(node, self.inside(suffix))

    def inside(self, suffix: str) -> str | None:
        """The pointer of a part of this type's definition."""
        if isinstance(self.node, Named):
            return None if self.node.home else self.node.pointer + suffix
        return None if self.at is None else self.at + suffix


@dataclass(frozen=True, slots=True)
class Pair:
    """A reader's type against a writer's, at a location and (for events) along a trail through the writer's event."""

    reader: Side
    writer: Side
    location: tuple[str, ...] = ()
    trail: Trail = ()

    def down(self, reader: Side, writer: Side, *steps: str, trail: Trail = ()) -> Pair:
        """A pair inside this one."""
        return Pair(reader, writer, self.location + steps, self.trail + trail)


Walk = Generator[Pair, bool, bool]
"""Yields the pairs it rests on and is told of each whether it failed; returns whether its own did."""


def run(walk: Callable[[Pair], Walk], start: Pair) -> None:
    """Run a walk on a stack of its own: chains of named types may be longer than Python's."""
    stack = [walk(start)]
    failed: bool | None = None
    while stack:
        try:
            request = next(stack[-1]) if failed is None else stack[-1].send(failed)
        except StopIteration as done:
            stack.pop()
            failed = done.value
        else:
            stack.append(walk(request))
            failed = None


Key = tuple[int, int]


def key_of(pair: Pair) -> Key:
    return id(pair.reader.node), id(pair.writer.node)


def reads(reader: Type, writer: Type) -> bool:
    """Whether everything of the writer's type can be read."""
    return reading(shape_of(reader), shape_of(writer)) is not Reading.BROKEN


def same_name(reader: Named, writer: Named) -> bool:
    """Names are compared without namespaces; an alias must be the writer's full name."""
    return reader.simple == writer.simple or writer.full in reader.aliases


def claims(each: Field, writer: Record) -> list[tuple[int, Field]]:
    """The writer's fields that a reader's field answers to by its name and its aliases, with their positions."""
    names = dict.fromkeys((each.name, *each.aliases))
    found = [writer.positions[name] for name in names if name in writer.positions]
    return [(at, writer.fields[at]) for at in found]


def items(pair: Pair, reader: Array, writer: Array) -> Pair:
    """The pair of the items."""
    return pair.down(
        pair.reader.child(reader.items, "/items"), pair.writer.child(writer.items, "/items"), "items", trail=("*",)
    )


def values(pair: Pair, reader: Map, writer: Map) -> Pair:
    """The pair of the values."""
    return pair.down(
        pair.reader.child(reader.values, "/values"), pair.writer.child(writer.values, "/values"), "values", trail=("*",)
    )


def parts(pair: Pair) -> Generator[Pair, bool, None]:
    """The pairs that a decoder goes on to: matching fields, items, values, and the branch it picks in a union."""
    reader, writer = pair.reader.node, pair.writer.node
    if isinstance(writer, Union):
        for index, branch in enumerate(writer.branches):
            side = pair.writer.child(branch, f"/{index}")
            steps = () if isinstance(reader, Union) else (str(index),)
            yield pair.down(pair.reader, side, *steps, trail=(index,))
    elif isinstance(reader, Union):
        if (chosen := chosen_branch(reader, writer)) is not None:
            yield pair.down(pair.reader.child(reader.branches[chosen], f"/{chosen}"), pair.writer, str(chosen))
    elif isinstance(reader, Record) and isinstance(writer, Record):
        for index, each in enumerate(reader.fields):
            if len(claimed := claims(each, writer)) == 1:
                at, one = claimed[0]
                kind = pair.reader.child(each.type, f"/fields/{index}/type")
                side = pair.writer.child(one.type, f"/fields/{at}/type")
                yield pair.down(kind, side, "fields", str(index), "type", trail=(one.name,))
    elif isinstance(reader, Array) and isinstance(writer, Array):
        yield items(pair, reader, writer)
    elif isinstance(reader, Map) and isinstance(writer, Map):
        yield values(pair, reader, writer)


def chosen_branch(reader: Union, writer: Type) -> int | None:
    """The branch of a reader's union that reads a writer's type: the same type first, else the first that can."""
    able = [each for each in candidates(shape_of(reader), shape_of(writer)) if reads(reader.branches[each], writer)]
    same = [index for index in able if _is_same(reader.branches[index], writer)]
    return next(iter((*same, *able)), None)


def _is_same(reader: Type, writer: Type) -> bool:
    if isinstance(reader, Named) and isinstance(writer, Named):
        return reader.full == writer.full
    return reader.kind == writer.kind


def path(location: Sequence[str]) -> str:
    """A location as the reference prints it; the root is `/`."""
    return "/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in location)
