"""What rules see of a schema, alike for every format: records with slots, lists, maps, choices, leaves. Pure.

    Node record acme.Order
      Slot email      full name acme.Order.email   path email         tags PII     → Node leaf STRING
      Slot lines      full name acme.Order.lines   path lines                      → Node list
                                                                                      → Node record acme.Line
                                                                                           Slot sku   path lines.sku

A format turns its schema into such a tree once. `walker` compiles the tree, and what a rule wants of its leaves, into
one closure that touches nothing else: containers on the way are copied, all others stay the caller's own.

Events are dicts here; a Protobuf message comes as the dict of its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

from tenor.errors import UnusableSchema

Test = Callable[[Any], bool]
MARK: Final = "tenor.sealed"
"""On a leaf of a wire schema: `{"logical": …}`, what it holds when it is not sealed."""
MARKED: Final = "tenor.marked"
"""On a leaf of a logical schema: its wire form is another."""
MAX_NODES: Final = 20_000
"""Nodes that one walk may unfold to: nested records of records can be written small and be huge."""


@dataclass(slots=True, eq=False)
class Node:
    """A place of a schema.

    `kind`      record, list, map, choice (the first branch that takes the value), any (all that do), all, leaf
    `type`      of a leaf: STRING BYTES INT LONG FLOAT DOUBLE BOOLEAN NULL ENUM FIXED
    `logical`   of a leaf: its logical type, if it changes what a value looks like
    `item`      of a list or a map
    `branches`  of choice, any and all; `named` are a choice's branches for values that say which they are
    `checks`    of a record: inline constraints on the record itself
    `native`    what the format needs to write a leaf by itself
    """

    kind: str
    name: str = ""
    type: str = ""
    logical: str = ""
    slots: list[Slot] = field(default_factory=list)
    item: Node | None = None
    branches: list[tuple[Test, Node]] = field(default_factory=list)
    named: dict[str, Node] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    native: Any = None


@dataclass(slots=True, eq=False)
class Slot:
    """A field of a record. `implied` is the value of one that is left out, where leaving out is no absence."""

    name: str
    full_name: str
    node: Node
    tags: frozenset[str] = frozenset()
    checks: tuple[Mapping[str, Any], ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    implied: Any = None


class Field(NamedTuple):
    """A leaf as a rule meets it: the slot it belongs to, the path of slots to it, and the leaf."""

    slot: Slot
    path: str
    leaf: Node
    tags: frozenset[str]


Change = Callable[[Any, Any, Any], Any]
"""(value, the record it is in, the message's state) → value."""
Choose = Callable[[Field], Change | None]
Tags = Callable[[Slot], frozenset[str]]


class Hands(Enum):
    """What a walk may do to containers: only look, copy what it changes, or change them in place."""

    LOOK = 0
    COPY = 1
    OWN = 2


def slots(root: Node) -> Iterator[Slot]:
    """Every slot of a tree, each once."""
    seen: set[int] = set()
    rest = [root]
    while rest:
        node = rest.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for slot in node.slots:
            yield slot
            rest.append(slot.node)
        rest += ([node.item] if node.item else []) + [branch for _, branch in node.branches]


def tags_in(document: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Every `confluent:tags` of a JSON document: the pointer to what carries it, and the tags."""
    rest: list[tuple[str, Any]] = [("", document)]
    while rest:
        pointer, node = rest.pop()
        if isinstance(node, list):
            rest += [(f"{pointer}/{index}", item) for index, item in enumerate(node)]
        elif isinstance(node, dict):
            if isinstance(tags := node.get("confluent:tags"), list):
                yield pointer, frozenset(map(str, tags))
            for key, item in node.items():
                rest.append((f"{pointer}/{key.replace('~', '~0').replace('/', '~1').replace('%', '%25')}", item))


def leaves(node: Node) -> list[Node]:
    """The leaves that belong to a slot: through lists, maps and choices, not into records."""
    if node.kind == "leaf":
        return [node]
    if node.kind == "record":
        return []
    return [leaf for child in _children(node) for leaf in leaves(child)]


def _children(node: Node) -> list[Node]:
    return ([node.item] if node.item else []) + [branch for _, branch in node.branches]


def walker(root: Node, choose: Choose, tags: Tags, hands: Hands) -> Change | None:
    """A function that applies changes to the leaves that were chosen; None if there are none.

    Raises UnusableSchema for a tree that unfolds without end.
    """
    return _Walks(choose, tags, hands).compile(root, None, "", ())


class _Walks:
    def __init__(self, choose: Choose, tags: Tags, hands: Hands) -> None:
        self._choose, self._tags, self._hands = choose, tags, hands
        self._budget = MAX_NODES
        self._recursive: dict[int, list[Change | None]] = {}

    def compile(self, node: Node, slot: Slot | None, path: str, inside: tuple[int, ...]) -> Change | None:
        self._budget -= 1
        if self._budget < 0:
            raise UnusableSchema(format="", reason=f"it unfolds to more than {MAX_NODES} fields")
        match node.kind:
            case "leaf":
                return None if slot is None else self._choose(Field(slot, path, node, self._tags(slot)))
            case "record":
                return self._record(node, path, inside)
            case "list":
                assert node.item is not None  # a list has items
                inner = self.compile(node.item, slot, path, inside)
                return None if inner is None else _each_item(inner, self._hands)
            case "map":
                assert node.item is not None  # a map has values
                inner = self.compile(node.item, slot, path, inside)
                return None if inner is None else _each_value(inner, self._hands)
        branches = [(test, self.compile(branch, slot, path, inside)) for test, branch in node.branches]
        if all(inner is None for _, inner in branches):
            return None
        if node.kind == "choice":
            named = {name: self.compile(branch, slot, path, inside) for name, branch in node.named.items()}
            return _choice(branches, named, {name for name, branch in node.named.items() if branch.kind == "leaf"})
        return _every(branches)

    def _record(self, node: Node, path: str, inside: tuple[int, ...]) -> Change | None:
        if id(node) in inside:  # a record in itself: it finds its own walk when the time comes
            box = self._recursive.setdefault(id(node), [None])
            return lambda value, record, state: value if box[0] is None else box[0](value, record, state)
        parts: list[tuple[str, Change, Any]] = []
        for slot in node.slots:
            where = f"{path}.{slot.name}" if path else slot.name
            inner = self.compile(slot.node, slot, where, (*inside, id(node)))
            if inner is not None:
                parts.append((slot.name, inner, slot.implied))
        walk = _record(tuple(parts), self._hands) if parts else None
        if id(node) in self._recursive:
            self._recursive[id(node)][0] = walk
        return walk


def _record(parts: tuple[tuple[str, Change, Any], ...], hands: Hands) -> Change:
    if hands is Hands.LOOK:

        def look(value: Any, record: Any, state: Any) -> Any:
            for name, inner, implied in parts:
                one = value.get(name, implied)
                if one is not None or name in value:
                    inner(one, value, state)
            return value

        return look
    copies = hands is Hands.COPY

    def walk(value: Any, record: Any, state: Any) -> Any:
        out = dict(value) if copies else value
        for name, inner, implied in parts:
            one = out.get(name, implied)
            if one is not None or name in out:
                out[name] = inner(one, value, state)
        return out

    return walk


def _each_item(inner: Change, hands: Hands) -> Change:
    if hands is Hands.LOOK:

        def look(value: Any, record: Any, state: Any) -> Any:
            for item in value:
                inner(item, record, state)
            return value

        return look
    return lambda value, record, state: [inner(item, record, state) for item in value]


def _each_value(inner: Change, hands: Hands) -> Change:
    if hands is Hands.LOOK:

        def look(value: Any, record: Any, state: Any) -> Any:
            for item in value.values():
                inner(item, record, state)
            return value

        return look
    return lambda value, record, state: {key: inner(item, record, state) for key, item in value.items()}


def _choice(branches: list[tuple[Test, Change | None]], named: dict[str, Change | None], ends: set[str]) -> Change:
    def choice(value: Any, record: Any, state: Any) -> Any:
        if type(value) is tuple and len(value) == 2 and value[0] in named:
            if (inner := named[value[0]]) is None:
                return value
            changed = inner(value[1], record, state)
            return changed if value[0] in ends else (value[0], changed)  # a sealed number is of another branch
        for test, inner in branches:
            if test(value):
                return value if inner is None else inner(value, record, state)
        raise ValueError("no branch of the schema takes the value")

    if len(branches) == 2:  # the common optional field
        (test, first), (_, second) = branches
        if test is is_null and first is None and second is not None:

            def optional(value: Any, record: Any, state: Any) -> Any:
                if value is None:
                    return None
                return choice(value, record, state) if type(value) is tuple else second(value, record, state)

            return optional
    return choice


def _every(branches: list[tuple[Test, Change | None]]) -> Change:
    some = tuple((test, inner) for test, inner in branches if inner is not None)

    def every(value: Any, record: Any, state: Any) -> Any:
        taken = [inner for test, inner in some if test(value)]  # before any of them changes the value
        for inner in taken:
            value = inner(value, record, state)
        return value

    return every


def is_null(value: Any) -> bool:
    """The test of a branch that holds null only."""
    return value is None


def always(value: Any) -> bool:
    """The test of a branch that takes any value."""
    return True
