"""A plan: how an event of one schema becomes an event of another. JSON data, hashable, nothing of it is executed.

A plan is one expression tree (`root`) with named sub-plans (`parts`) and a list of `steps` in words:

    {"ir": 1, "format": "AVRO",
     "root": {"kind": "record", "members": [
        {"name": "id",    "value": {"kind": "take", "path": ["order_id"]}},
        {"name": "total", "value": {"kind": "convert", "of": {"kind": "take", "path": ["total"]}, "to": "float"}}]},
     "steps": [{"kind": "rename", "certainty": "certain", "path": "/id", "sources": ["/order_id"], "sentence": "…"}]}

Laws of the tree:

1. Every node is a pure function of its *scope*, the value it is evaluated on. `root` has the old event for scope.
2. A node sees its own scope only. `within`, `array`, `map`, `optional.then`, `choose.cases[].then`, `table.otherwise`,
   `record.rest.each` and sub-plans open a new one: the value of `of`, an item, a map's value. Nothing looks outwards.
3. *Absent* is a value no event holds. `take` with `maybe` makes it (a key that is not there, or below null), so do `at`
   and `absent`. A member of a record, an item of an array and a value of a map that is absent is left out. A node
   whose `of` (or a part of `merge`, `items`) is absent is absent, save `optional`, which can catch it. A custom step
   is given None for it. The whole plan must not be absent.
4. Events are what Tenor's client decodes: logical types as Python values (`datetime`, `Decimal`, `UUID` …), the value
   of a union bare, Protobuf messages as dicts by field name with enums by name.
5. The input is never changed. The output may share parts of it.

`steps` say what happens where, how sure that is and which choice was made; they do not decide anything. A step's `path`
is a JSON pointer into the new event with `*` for each item or map value; `sources` point into the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import replace

VERSION: Final = 1

StepKind = Literal[
    "copy",
    "promote",
    "rename",
    "default",
    "optional",
    "enum",
    "branch",
    "nest",
    "hoist",
    "wrap",
    "unwrap",
    "split",
    "merge",
    "drop",
    "constant",
    "table",
    "convert",
    "custom",
    "todo",
]
"""`enum`: symbols mapped; `branch`: branches of a union; `table`: a value table; `convert`: another type or unit."""

Certainty = Literal["certain", "lossy", "suggested", "todo"]
"""certain; certain but information is lost; suggested, needs a word of confirmation; underivable."""

STEP_KINDS: Final = get_args(StepKind)
CERTAINTIES: Final = get_args(Certainty)


class _Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Immutable; fields that hold their default are not written."""


class _Node(_Part, frozen=True, tag_field="kind", gc=False):
    """An expression."""


class Take(_Node, frozen=True, tag="take"):
    """The value at a path of keys below the scope; an empty path is the scope itself.

    `maybe`: a key that is not there, or is looked for in null, makes it absent instead of an error.
    """

    path: tuple[str, ...] = ()
    maybe: bool = False


class Constant(_Node, frozen=True, tag="constant"):
    """A value written into the plan, made fresh each time. Written as `literals` writes it."""

    value: Any


class Absent(_Node, frozen=True, tag="absent"):
    """No value at all."""


class Convert(_Node, frozen=True, tag="convert"):
    """A value as another type: `to` names a row of `conversions.CONVERSIONS`, `by` is its argument.

    `otherwise` (in the outer scope) takes the place of a value of the right type that the conversion refuses, such as a
    text that is no date; without it that is an error.
    """

    of: Node
    to: str
    by: Any = None
    otherwise: Node | None = None


class Member(_Part, frozen=True):
    """A key of a record and what it holds; absent values leave the key out."""

    name: str
    value: Node


class Rest(_Part, frozen=True):
    """The keys of the scope that no member speaks of. `without`: keys left out (members' names need not be listed)."""

    without: tuple[str, ...] = ()
    each: Node = Take()


class Record(_Node, frozen=True, tag="record"):
    """A new dict with these members. `rest`: whether and how other keys of the scope are carried over."""

    members: tuple[Member, ...] = ()
    rest: Rest | None = None


class Optional(_Node, frozen=True, tag="optional"):
    """`then` on the value of `of`, or `otherwise` (in the outer scope) when it is null, absent, or nothing (either)."""

    of: Node
    otherwise: Node
    then: Node = Take()
    when: Literal["null", "absent", "nothing"] = "null"


class Equal(_Part, frozen=True):
    """A discriminator: the value at a path is this literal."""

    path: tuple[str, ...]
    value: Any


class Test(_Part, frozen=True):
    """What a value must be: of a type (`values.TYPES`), an object with these keys, without those, with these values."""

    __test__ = False  # pytest: this is no test class

    type: str = ""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    equals: tuple[Equal, ...] = ()


class Case(_Part, frozen=True):
    """A test and what follows, on the same value."""

    test: Test
    then: Node = Take()


class Choose(_Node, frozen=True, tag="choose"):
    """The first case that the value of `of` passes. Without `otherwise` (on the value, too) no other may come."""

    of: Node
    cases: tuple[Case, ...]
    otherwise: Node | None = None


class Table(_Node, frozen=True, tag="table"):
    """A value looked up; keys are literals without parts. `otherwise` sees the value; without it no other may come."""

    of: Node
    entries: tuple[tuple[Any, Any], ...]
    otherwise: Node | None = None


class Array(_Node, frozen=True, tag="array"):
    """Each item of a list."""

    of: Node
    each: Node


class Map(_Node, frozen=True, tag="map"):
    """Each value of a dict, by its key."""

    of: Node
    each: Node


class Items(_Node, frozen=True, tag="items"):
    """A list of these values."""

    items: tuple[Node, ...]


class At(_Node, frozen=True, tag="at"):
    """One item of a list, counted from 0; absent if the list is shorter."""

    of: Node
    index: int = 0


class Split(_Node, frozen=True, tag="split"):
    """Part `at` of a text cut into at most `parts` pieces; empty text where there are fewer."""

    of: Node
    separator: str
    at: int
    parts: int


class Merge(_Node, frozen=True, tag="merge"):
    """Texts joined."""

    parts: tuple[Node, ...]
    separator: str


class Within(_Node, frozen=True, tag="within"):
    """`then` on the value of `of`."""

    of: Node
    then: Node


class Call(_Node, frozen=True, tag="call"):
    """A sub-plan on a value: how recursive types are walked."""

    name: str
    of: Node = Take()


class Custom(_Node, frozen=True, tag="custom"):
    """A hand-written function `package.module:name` of the consumer's own, pinned by the hash of its source."""

    function: str
    sha256: str
    inputs: tuple[Node, ...]


class Todo(_Node, frozen=True, tag="todo"):
    """What nobody has decided yet. A plan that holds one is not run."""

    reason: str


Node: TypeAlias = (
    Take
    | Constant
    | Absent
    | Convert
    | Record
    | Optional
    | Choose
    | Table
    | Array
    | Map
    | Items
    | At
    | Split
    | Merge
    | Within
    | Call
    | Custom
    | Todo
)

NODE_KINDS: Final[tuple[type[Node], ...]] = get_args(Node)

SCOPE: Final = Take()


class Candidate(_Part, frozen=True):
    """Something that may be meant: where it is in the old event, why it came to mind, how alike (0 to 1)."""

    path: str
    reason: str
    score: float = 0.0


class Step(_Part, frozen=True):
    """One thing the plan does, for people.

    `confirmed`: a suggestion that was agreed to. `decision`: the decision it rests on, so that a plan derived again
    can be given it. `hop`: of a fused plan, the edge it comes from, counted from 0. `restore`: of a drop, what a
    downcast puts back (a node without scope); None if nothing can be.
    """

    kind: StepKind
    certainty: Certainty
    path: str
    sentence: str
    sources: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    confirmed: bool = False
    decision: Any = None
    hop: int = 0
    restore: Node | None = None


class Plan(_Part, frozen=True):
    """A whole plan. `old` and `new` name the schemas it was made for (guids or digests), if known."""

    format: str
    root: Node
    parts: dict[str, Node] = {}  # msgspec copies it
    steps: tuple[Step, ...] = ()
    old: str = ""
    new: str = ""
    ir: Literal[1] = 1

    @property
    def unsettled(self) -> tuple[Step, ...]:
        """Steps that keep the plan from being run: todos, and suggestions nobody confirmed."""
        return tuple(
            step
            for step in self.steps
            if step.certainty == "todo" or (step.certainty == "suggested" and not step.confirmed)
        )

    @property
    def todos(self) -> tuple[Step, ...]:
        """Steps that could not be derived."""
        return tuple(step for step in self.steps if step.certainty == "todo")

    @property
    def lossy(self) -> bool:
        """Whether a step loses information."""
        return any(step.certainty == "lossy" for step in self.steps)

    @property
    def is_copy(self) -> bool:
        """Whether the event stays as it is."""
        return self.root == SCOPE


def children(node: Node) -> Iterator[tuple[str, Node, bool]]:
    """The nodes directly inside a node: where (a JSON pointer from it), the node, and whether it opens a scope."""
    match node:
        case Convert():
            yield "/of", node.of, False
            if node.otherwise is not None:
                yield "/otherwise", node.otherwise, False
        case At() | Split() | Call():
            yield "/of", node.of, False
        case Record():
            for index, member in enumerate(node.members):
                yield f"/members/{index}/value", member.value, False
            if node.rest is not None:
                yield "/rest/each", node.rest.each, True
        case Optional():
            yield "/of", node.of, False
            yield "/then", node.then, True
            yield "/otherwise", node.otherwise, False
        case Choose():
            yield "/of", node.of, False
            for index, case in enumerate(node.cases):
                yield f"/cases/{index}/then", case.then, True
            if node.otherwise is not None:
                yield "/otherwise", node.otherwise, True
        case Table():
            yield "/of", node.of, False
            if node.otherwise is not None:
                yield "/otherwise", node.otherwise, True
        case Array() | Map():
            yield "/of", node.of, False
            yield "/each", node.each, True
        case Within():
            yield "/of", node.of, False
            yield "/then", node.then, True
        case Items() | Merge() | Custom():
            name, inner = _listed(node)
            for index, each in enumerate(inner):
                yield f"/{name}/{index}", each, False
        case Take() | Constant() | Absent() | Todo():
            return


def _listed(node: Items | Merge | Custom) -> tuple[str, tuple[Node, ...]]:
    if isinstance(node, Items):
        return "items", node.items
    return ("parts", node.parts) if isinstance(node, Merge) else ("inputs", node.inputs)


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """A node with each node directly inside it changed."""
    match node:
        case Take() | Constant() | Absent() | Todo():
            return node
        case Record():
            members = tuple(Member(member.name, change(member.value)) for member in node.members)
            return Record(members, None if node.rest is None else Rest(node.rest.without, change(node.rest.each)))
        case Optional():
            return Optional(change(node.of), change(node.otherwise), change(node.then), node.when)
        case Choose():
            cases = tuple(Case(case.test, change(case.then)) for case in node.cases)
            return Choose(change(node.of), cases, None if node.otherwise is None else change(node.otherwise))
        case Table():
            return Table(change(node.of), node.entries, None if node.otherwise is None else change(node.otherwise))
        case Array() | Map():
            return replace(node, of=change(node.of), each=change(node.each))
        case Within():
            return Within(change(node.of), change(node.then))
        case Items():
            return Items(tuple(map(change, node.items)))
        case Merge():
            return Merge(tuple(map(change, node.parts)), node.separator)
        case Custom():
            return Custom(node.function, node.sha256, tuple(map(change, node.inputs)))
        case Convert():
            otherwise = None if node.otherwise is None else change(node.otherwise)
            return Convert(change(node.of), node.to, node.by, otherwise)
        case At() | Split() | Call():
            return replace(node, of=change(node.of))


def walk(node: Node) -> Iterator[Node]:
    """A node and everything inside it."""
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        todo.extend(inner for _, inner, _ in children(each))


def size(node: Node) -> int:
    """How many nodes it has."""
    return sum(1 for _ in walk(node))


def may_be_absent(node: Node) -> bool:
    """Whether a node can be absent, as far as its shape tells; a sub-plan never is."""
    match node:
        case Take():
            return node.maybe
        case Absent() | At():
            return True
        case Optional():
            inner = may_be_absent(node.then) or may_be_absent(node.otherwise)
            return inner or (node.when == "null" and may_be_absent(node.of))
        case Choose():
            branches = [case.then for case in node.cases]
            branches += [] if node.otherwise is None else [node.otherwise]
            return may_be_absent(node.of) or any(map(may_be_absent, branches))
        case Table():
            return may_be_absent(node.of) or (node.otherwise is not None and may_be_absent(node.otherwise))
        case Within():
            return may_be_absent(node.of) or may_be_absent(node.then)
        case Convert():
            return may_be_absent(node.of) or (node.otherwise is not None and may_be_absent(node.otherwise))
        case Array() | Map() | Split() | Call():
            return may_be_absent(node.of)
        case Items():
            return any(map(may_be_absent, node.items))
        case Merge():
            return any(map(may_be_absent, node.parts))
        case Constant() | Record() | Custom() | Todo():
            return False
