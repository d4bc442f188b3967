"""What decoded Avro events may hold at each place (`registry.formats.reach.Reach`).

Decoders hand out the bare value of a union. Bytes and fixed are texts; dates, times and decimals are what they are
encoded as, and `also` what decoders make of them. Both views are the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

from registry.formats.avro.events import RANGES, Tree, plain, shown
from registry.formats.avro.model import Array, Enum, Fixed, Map, Record, Type, Union, logical
from registry.formats.avro.printer import is_logical
from registry.formats.avro.resolution import Trail
from registry.formats.avro.sampling import Builder, Sizes, scalars, trees
from registry.formats.avro.schema import AvroSchema
from registry.formats.reach import EACH, NOWHERE, Member, Option, Printed, Seen, View

_MOST_PLACES = 200
_KEYS = ("key", "", "zz", "1", "Ünïcode 名")
_TEXT, _NUMBER = frozenset({"string"}), frozenset({"number"})

_known: WeakKeyDictionary[AvroSchema, tuple[Option, ...]] = WeakKeyDictionary()


def options(schema: AvroSchema, /, view: View = View.PLAIN) -> tuple[Option, ...]:  # of the protocol
    """What an event may be."""
    if (found := _known.get(schema)) is None:
        found = _known[schema] = _Places().of(schema.root)
    return found


class _Places:
    """The options of each type of a schema, made once."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Option, ...]] = {}

    def of(self, node: Type) -> tuple[Option, ...]:
        """The options of a type. Branches of a union are those of its types."""
        if (found := self._made.get(id(node))) is None:
            if isinstance(node, Union):
                found = tuple(each for branch in node.branches for each in self.of(branch))
            else:
                found = self._single(node)
            self._made[id(node)] = found
        return found

    def _single(self, node: Type) -> tuple[Option, ...]:
        if isinstance(node, Record):
            return (self._record(node),)
        if isinstance(node, Array):
            items = node.items
            return (Option("array", encoding="array", inside=lambda _step: Member(self.of(items), absent=True)),)
        if isinstance(node, Map):
            values = node.values
            return (
                Option(
                    "object",
                    encoding="map",
                    inside=lambda _step: Member(self.of(values), absent=True),
                    named=lambda: (Option("string"),),
                ),
            )
        if isinstance(node, Enum):
            return (Option("string", values=node.symbols, encoding=f"enum:{node.full}"),)
        return _scalar(node)

    def _record(self, node: Record) -> Option:
        def inside(step: str) -> Member:
            if step == EACH:
                return Member(tuple(each for field in node.fields for each in self.of(field.type)), absent=True)
            at = node.positions.get(step)
            return NOWHERE if at is None else Member(self.of(node.fields[at].type), absent=False)

        names = tuple(each.name for each in node.fields)
        return Option(
            "object",
            least=len(names),
            most=len(names),
            encoding=f"record:{node.full}",
            inside=inside,
            named=lambda: (Option("string", values=names),) if names else (),
            declared=names,
        )


def encoding_of(node: Type) -> str:
    """The name of a type without parts, with its meaning if it has one: `int:date`, `bytes:decimal:9:2`."""
    name = logical(node) if is_logical(node) else None
    if isinstance(node, Fixed):
        return f"fixed:{node.full}:{node.size}"
    if name is None:
        return node.kind
    return f"{node.kind}:{name[0]}" + (f":{name[1]}:{name[2]}" if name[0] == "decimal" else "")


def _scalar(node: Type) -> tuple[Option, ...]:
    kind = node.kind
    name = logical(node) if is_logical(node) else None
    encoding = encoding_of(node)
    if kind in RANGES:
        low, high = RANGES[kind]
        return (Option("integer", minimum=low, maximum=high, encoding=encoding, also=_TEXT if name else frozenset()),)
    if kind in ("float", "double"):
        return tuple(Option(each, printed=Printed.EITHER, encoding=kind) for each in ("integer", "fraction"))
    if kind in ("null", "boolean"):
        return (Option(kind, encoding=kind),)
    if isinstance(node, Fixed):
        return (
            Option(
                "string",
                encoding=encoding,
                also=_NUMBER if name and name[0] == "decimal" else frozenset(),
            ),
        )
    language = "uuid" if name is not None and name[0] == "uuid" and kind == "string" else ""
    also = _NUMBER if name is not None and name[0] == "decimal" else frozenset()
    return (Option("string", encoding=encoding, language=language, also=also),)


def events(
    schema: AvroSchema,
    path: Sequence[str],
    wishes: Sequence[Any],  # all edges are tried, whatever is wished
    /,
    view: View = View.PLAIN,  # of the protocol
    *,
    seed: int = 0,
) -> Iterator[Seen | None]:
    """Events with each special value at the path, then at the places above it, then random ones."""
    sizes = Sizes(schema.root)
    builder = Builder(sizes, Random(seed))  # noqa: S311 # events to try, not secrets
    if not sizes.handy(schema.root):
        return
    for node, trail in _on(schema.root, path, sizes):
        for leaf in _leaves(node, builder):
            try:
                tree = builder.along(schema.root, trail, leaf)
            except LookupError:
                break
            yield _seen(schema.root, tree)
    for tree, _, _ in trees(schema.root, seed=seed):
        yield _seen(schema.root, tree)


def _seen(root: Type, tree: Tree) -> Seen:
    event = plain(root, tree)
    return Seen(_decoded(event), shown(event))


def _decoded(event: Any) -> Any:
    if isinstance(event, float) and not math.isfinite(event):
        return event
    if isinstance(event, list):
        return [_decoded(each) for each in event]
    if isinstance(event, dict):
        return {key: _decoded(each) for key, each in event.items()}
    return shown(event)


def _on(root: Type, path: Sequence[str], sizes: Sizes) -> list[tuple[Type, Trail]]:
    """The types on a path with the trails to them, those at its end first."""
    found: list[tuple[int, Type, Trail]] = []
    todo: list[tuple[Type, int, Trail]] = [(root, 0, ())]
    while todo and len(found) < _MOST_PLACES:
        node, at, trail = todo.pop()
        if not sizes.handy(node):
            continue
        if isinstance(node, Union):
            todo.extend((branch, at, (*trail, index)) for index, branch in enumerate(node.branches))
            continue
        found.append((at, node, trail))
        if at == len(path):
            continue
        if isinstance(node, Record):
            todo.extend(
                (each.type, at + 1, (*trail, each.name)) for each in node.fields if path[at] in (each.name, EACH)
            )
        elif isinstance(node, Array | Map):
            todo.append((node.items if isinstance(node, Array) else node.values, at + 1, (*trail, EACH)))
    return [(node, trail) for _, node, trail in sorted(found, key=lambda each: -each[0])]


def _leaves(node: Type, builder: Builder) -> Iterator[Tree]:
    """Values of a type worth trying, the smallest first."""
    if isinstance(node, Array | Map):
        inner = node.items if isinstance(node, Array) else node.values
        yield [] if isinstance(node, Array) else {}
        if builder.sizes.handy(inner):
            value = builder.minimal(inner)
            if isinstance(node, Array):
                yield from ([value] * count for count in (1, 2, 3, 5, 12))
            else:
                yield from ({key: value} for key in _KEYS)
                yield {f"k{index}": value for index in range(5)}
    elif isinstance(node, Record):
        yield builder.minimal(node)
        builder.left = 60
        yield builder.full(node)
    else:
        yield from scalars(node)
