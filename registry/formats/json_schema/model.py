"""A schema as the reference sees it: one node of one shape for each set of keywords.

A schema that mixes keyword groups is an `allOf` of its groups, so `{"type": "string", "enum": […]}` is
allOf[enum, string] and `{"type": ["string", "null"]}` is anyOf[string, null]. A keyword of another type than the
stated one makes a group of its own up to draft-07 and means nothing later. `$ref` is seen through.

Nodes are made when first asked for and kept, so that recursion costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import blake2b
from typing import Any, TypeAlias

from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.resources import RECURSIVE, REFERRING, Document, Place, target
from registry.formats.json_schema.text import Json, atom


class Shape(Enum):
    """What kind of assertion a node makes."""

    ANY = "anything"
    NEVER = "nothing"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    OBJECT = "object"
    ARRAY = "array"
    ENUM = "enum"
    CONST = "const"
    NOT = "not"
    CONDITIONAL = "conditional"
    COMBINED = "combined"


_NUMBER = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_STRING = frozenset({"minLength", "maxLength", "pattern"})
_ARRAY = frozenset({"items", "additionalItems", "minItems", "maxItems", "uniqueItems"})
_OBJECT = frozenset(
    {
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "dependencies",
        "patternProperties",
        "additionalProperties",
    }
)
_CONDITIONAL = frozenset({"if", "then", "else"})
_RESERVED = ("confluent:reserved", "reserved")

Groups: TypeAlias = tuple[tuple[Shape, frozenset[str]], ...]


def _groups(draft: Draft) -> Groups:
    array, objects, strings = _ARRAY, _OBJECT, _STRING
    if draft <= Draft.DRAFT_7:
        strings |= {"format"}
    if draft >= Draft.DRAFT_6:
        array |= {"contains"}
        objects |= {"propertyNames"}
    if draft >= Draft.DRAFT_2019_09:
        array |= {"minContains", "maxContains", "unevaluatedItems"}
        objects |= {"dependentRequired", "dependentSchemas", "unevaluatedProperties"}
    if draft >= Draft.DRAFT_2020_12:
        array = (array - {"additionalItems"}) | {"prefixItems"}
    return ((Shape.ARRAY, array), (Shape.OBJECT, objects), (Shape.NUMBER, _NUMBER), (Shape.STRING, strings))


GROUPS: Mapping[Draft, Groups] = {draft: _groups(draft) for draft in Draft}
"""The keywords that make a node of each shape."""

_BY_TYPE = {
    "string": Shape.STRING,
    "integer": Shape.NUMBER,
    "number": Shape.NUMBER,
    "boolean": Shape.BOOLEAN,
    "null": Shape.NULL,
    "array": Shape.ARRAY,
    "object": Shape.OBJECT,
}
_TYPED = frozenset({Shape.STRING, Shape.NUMBER, Shape.ARRAY, Shape.OBJECT})

Scope: TypeAlias = tuple[tuple[str, Place], ...]
"""Dynamic anchors of the resources entered so far, the outermost first."""


@dataclass(slots=True, eq=False)
class Node:
    """One assertion, or a combination of some."""

    graph: Graph
    place: Place
    scope: Scope
    shape: Shape
    part: str = ""
    """Which of several groups of the place this is; empty when it is the whole."""
    typed: bool = True
    integer: bool = False
    criterion: str = ""
    known: frozenset[Shape] = frozenset()
    """Types that the surrounding allOf already asks for."""
    cover: Node | bool | None = None
    """What a surrounding unevaluatedProperties allows."""
    value: dict[str, Json] = field(init=False)
    """The keywords of the place; none for boolean schemas."""
    _make: Callable[[], list[Node]] | None = None
    _derived: dict[Any, Node] = field(default_factory=dict)
    _cache: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.value = self.place.value if type(self.place.value) is dict else {}

    @property
    def states_type(self) -> bool:
        """Whether values of other types are refused."""
        return self.typed or self.shape in self.known

    @property
    def branches(self) -> tuple[Node, ...]:
        """The branches of a combined node, knowing what the context of the node asks for."""
        found: tuple[Node, ...] | None = self._cache.get("branches")
        if found is None:
            assert self._make is not None
            made = self._make()
            if self.criterion == "allOf":
                known = self.known | {node.shape for node in made if node.shape in _TYPED and node.typed}
                made = [node.within(known, self._covering(node)) for node in made]
            elif self.known:
                made = [node.within(self.known, None) for node in made]
            # Two threads may get here at once; both must see the same nodes, which are told apart by identity.
            found = self._cache.setdefault("branches", tuple(made))
        return found

    def _covering(self, branch: Node) -> Node | bool | None:
        own = self.value
        if branch.place is not self.place and "unevaluatedProperties" in own and "additionalProperties" not in own:
            return self.child("unevaluatedProperties")
        return self.cover

    def within(self, known: frozenset[Shape], cover: Node | bool | None) -> Node:
        """This node as it stands inside an allOf."""
        if (known <= self.known and cover is self.cover) or self.shape not in (*_TYPED, Shape.COMBINED):
            return self
        key = (known | self.known, cover if type(cover) is bool else id(cover))
        if (found := self._derived.get(key)) is None:
            fresh = replace(self, known=known | self.known, cover=cover, _derived={}, _cache={})
            found = self._derived.setdefault(key, fresh)
        return found

    def child(self, *steps: str) -> Node:
        """The node of a subschema by its steps: `child("properties", "a")`."""
        return self.graph.node(self.place.document.places[(*self.place.path, *steps)], self.scope)

    def children(self, keyword: str) -> Mapping[str, Node]:
        """The subschemas of a keyword that maps names to schemas."""
        found: dict[str, Node] | None = self._cache.get(keyword)
        if found is None:
            content = self.value.get(keyword)
            names = [name for name, schema in content.items() if type(schema) in (dict, bool)] if content else []
            found = self._cache[keyword] = {name: self.child(keyword, name) for name in names}
        return found

    def maybe(self, keyword: str) -> Node | bool | None:
        """The subschema of a keyword; true and false as they are."""
        content = self.value.get(keyword)
        if content is None or type(content) is bool:
            return content
        return self.child(keyword)

    @property
    def mark(self) -> tuple[Any, ...] | None:
        """Equal marks mean equal assertions, without looking further; None where a reference makes that unsure."""
        if "mark" not in self._cache:
            self._cache["mark"] = self._marked()
        found: tuple[Any, ...] | None = self._cache["mark"]
        return found

    def _marked(self) -> tuple[Any, ...] | None:
        digest = self.graph.digest(self.place)
        cover = self.cover.mark if isinstance(self.cover, Node) else self.cover
        if digest is None or (isinstance(self.cover, Node) and cover is None):
            return None
        return (digest, self.place.draft, self.part, self.known, cover)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Graph:
    """The nodes of one schema and of everything it refers to."""

    document: Document
    _nodes: dict[tuple[int, Scope], Node] = field(default_factory=dict)
    _digests: dict[int, bytes | None] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    """What others work out from the graph once and keep."""

    @property
    def root(self) -> Node:
        """The whole schema."""
        return self.node(self.document.root, ())

    def node(self, place: Place, scope: Scope) -> Node:
        """The node of a place; the dynamic scope tells what `$dynamicRef` means below it."""
        trail: list[tuple[int, Scope]] = []
        while True:
            scope = entered(scope, place)
            key = (id(place), scope)
            found = self._nodes.get(key)
            if found is None and key in trail:  # references that only refer to each other
                found = Node(self, place, scope, Shape.ANY)
            if found is None:
                trail.append(key)
                aliased = self._alias(place, scope)
                if aliased is not None:
                    place = aliased
                    continue
                found = self._build(place, scope)
            for each in reversed(trail):
                found = self._nodes.setdefault(each, found)
            return found

    def _alias(self, place: Place, scope: Scope) -> Place | None:
        """The place that another one only refers to."""
        value = place.value
        if type(value) is not dict:
            return None
        reference = next((keyword for keyword in REFERRING if type(value.get(keyword)) is str), None)
        if reference is None:
            return None
        if place.draft.ref_stands_alone:
            return target(place, value["$ref"]) if reference == "$ref" else None
        if len(value) > 1 and not value.keys() <= _SILENT | {reference}:
            return None
        return self.referred(place, reference, scope)

    def referred(self, place: Place, keyword: str, scope: Scope) -> Place | None:
        """What `$ref`, `$recursiveRef` or `$dynamicRef` leads to in a dynamic scope; None where it means nothing."""
        if keyword == "$dynamicRef" and place.draft != Draft.DRAFT_2020_12:
            return None
        if keyword == "$recursiveRef" and place.draft != Draft.DRAFT_2019_09:
            return None
        first = target(place, place.value[keyword])
        if keyword == "$ref":
            return first
        name = RECURSIVE if keyword == "$recursiveRef" else place.value[keyword].partition("#")[2]
        if first.document.dynamic.get(first.base, {}).get(name) is not first:
            return first
        return next((outer for anchor, outer in scope if anchor == name), first)

    def _build(self, place: Place, scope: Scope) -> Node:
        if type(place.value) is bool:
            return Node(self, place, scope, Shape.ANY if place.value else Shape.NEVER)
        parts = self._parts(place, scope)
        if not parts:
            return Node(self, place, scope, Shape.ANY)
        if len(parts) == 1:
            return replace(parts[0], part="", _derived={}, _cache={}) if parts[0].place is place else parts[0]
        return Node(self, place, scope, Shape.COMBINED, criterion="allOf", _make=lambda: parts)

    def _parts(self, place: Place, scope: Scope) -> list[Node]:
        value, draft = place.value, place.draft
        parts: list[Node] = []
        if not draft.ref_stands_alone:
            for keyword in REFERRING:
                if type(value.get(keyword)) is str and (referred := self.referred(place, keyword, scope)) is not None:
                    parts.append(self._deferred(place, scope, keyword, referred))
        if "enum" in value:
            parts.append(Node(self, place, scope, Shape.ENUM, part="enum"))
        for criterion in ("allOf", "anyOf", "oneOf"):
            if value.get(criterion):
                parts.append(self._combined(place, scope, criterion, len(value[criterion])))
        if "not" in value:
            parts.append(Node(self, place, scope, Shape.NOT, part="not"))
        if "const" in value and draft >= Draft.DRAFT_6:
            parts.append(Node(self, place, scope, Shape.CONST, part="const"))
        parts.extend(self._by_type(place, scope))
        if draft >= Draft.DRAFT_7 and _CONDITIONAL & value.keys():
            parts.append(Node(self, place, scope, Shape.CONDITIONAL, part="if"))
        return parts

    def _deferred(self, place: Place, scope: Scope, keyword: str, referred: Place) -> Node:
        """A reference beside other keywords: an allOf of one, so that recursion waits until it is looked at."""
        return Node(
            self,
            place,
            scope,
            Shape.COMBINED,
            part=keyword,
            criterion="allOf",
            _make=lambda: [self.node(referred, scope)],
        )

    def _combined(self, place: Place, scope: Scope, criterion: str, count: int) -> Node:
        def make() -> list[Node]:
            places = place.document.places
            return [self.node(places[(*place.path, criterion, str(index))], scope) for index in range(count)]

        return Node(self, place, scope, Shape.COMBINED, part=criterion, criterion=criterion, _make=make)

    def _by_type(self, place: Place, scope: Scope) -> Iterable[Node]:
        stated = place.value.get("type")
        groups = GROUPS[place.draft]
        consumed: set[Shape] = set()
        if type(stated) is str and stated in _BY_TYPE:
            node = self._typed(place, scope, stated)
            consumed.add(node.shape)
            yield node
        elif type(stated) is list:
            nodes = [self._typed(place, scope, name) for name in stated if name in _BY_TYPE]
            consumed.update(node.shape for node in nodes)
            yield Node(self, place, scope, Shape.COMBINED, part="type", criterion="anyOf", _make=lambda: list(nodes))
        if stated is not None and place.draft >= Draft.DRAFT_2019_09:
            return  # what speaks of other types has nothing to say
        for shape, keywords in groups:
            if shape not in consumed and keywords & place.value.keys():
                yield Node(self, place, scope, shape, part=f"untyped {shape.value}", typed=False)

    def _typed(self, place: Place, scope: Scope, name: str) -> Node:
        return Node(self, place, scope, _BY_TYPE[name], part=f"type {name}", integer=name == "integer")

    def digest(self, place: Place) -> bytes | None:
        """A hash of a schema's text, member order apart; None if it refers to anything."""
        if id(place.value) not in self._digests:
            self._hash(place.value)
        return self._digests[id(place.value)]

    def _hash(self, root: Json) -> None:
        """Bottom up without recursion: each container is visited twice, the second time with its parts hashed."""
        stack: list[tuple[Json, bool]] = [(root, False)]
        while stack:
            value, ready = stack.pop()
            if type(value) not in (dict, list) or id(value) in self._digests:
                continue
            parts = value.values() if type(value) is dict else value
            if not ready:
                stack.append((value, True))
                stack.extend((part, False) for part in parts)
                continue
            self._digests[id(value)] = self._combine(value)
        if type(root) is bool:
            self._digests[id(root)] = b"true" if root else b"false"

    def _combine(self, value: Json) -> bytes | None:
        total = blake2b(b"{" if type(value) is dict else b"[", digest_size=16)
        if type(value) is dict:
            if any(keyword in value for keyword in REFERRING):
                return None
            members: Iterable[tuple[str, Json]] = sorted(value.items())
        else:
            members = (("", item) for item in value)
        for name, member in members:
            part = self._digests[id(member)] if type(member) in (dict, list) else atom(member).encode()
            if part is None:
                return None
            total.update(f"{len(name)}:{name}{len(part)}:".encode())
            total.update(part)
        return total.digest()


_SILENT = frozenset(
    {
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "format",
        "$anchor",
        "$dynamicAnchor",
        "$recursiveAnchor",
        "$vocabulary",
        "confluent:tags",
    }
)
"""Keywords that assert nothing: beside a $ref they leave it an alias."""


def entered(scope: Scope, place: Place) -> Scope:
    """The dynamic scope inside a place."""
    anchors = place.document.dynamic.get(place.base)
    if not anchors:
        return scope
    known = {name for name, _ in scope}
    fresh = tuple((name, found) for name, found in anchors.items() if name not in known)
    return scope + fresh


def reserved(node: Node) -> tuple[str, ...]:
    """The property names an object schema promises not to use (`"reserved": ["name"]`)."""
    for keyword in _RESERVED:
        names = node.value.get(keyword)
        if type(names) is list and all(type(name) is str for name in names):
            return tuple(names)
    return ()
