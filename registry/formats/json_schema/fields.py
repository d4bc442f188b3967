"""The fields of the events a schema describes: every property, with its path through the event. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from registry.formats.base import Field
from registry.formats.json_schema.arrays import array_items
from registry.formats.json_schema.content import extra_properties
from registry.formats.json_schema.model import Graph, Node, Shape
from registry.formats.json_schema.objects import names
from registry.formats.json_schema.text import Json, pointer

TAGS = "confluent:tags"
MAX_FIELDS = 20_000
_MAX_DEPTH = 400
_COMBINED_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Member:
    """What an event may hold one step further down; `name` is None for items and map values."""

    step: str
    node: Node
    name: str | None = None
    required: bool = False
    doc: str = ""
    tags: frozenset[str] = frozenset()


def fields(graph: Graph) -> Iterator[Field]:
    """Every property, each before what is inside it; recursion is cut where a schema lies on its own path."""
    count = 0
    stack: list[tuple[tuple[str, ...], Member, frozenset[int]]] = [((), Member("", graph.root), frozenset())]
    while stack and count < MAX_FIELDS:
        path, member, above = stack.pop()
        if member.name is not None:
            count += 1
            kind = type_name(member.node)
            yield Field(pointer(path), member.name, kind, member.required, member.doc, member.tags)
        if id(member.node) in above or len(path) >= _MAX_DEPTH:
            continue
        inner = above | {id(member.node)}
        stack.extend(((*path, each.step), each, inner) for each in reversed(list(members(member.node))))


def members(node: Node) -> Iterable[Member]:
    """The properties, items and map values of a node; what the branches of a combination say of one is merged."""
    found: dict[str, Member] = {}
    for member in _members(node, _COMBINED_DEPTH, {}):
        known = found.get(member.step)
        if known is None:
            found[member.step] = member
        else:
            # The branch that says more about the inside wins; a property is required if any allOf branch says so.
            richer = member if known.node.shape is Shape.ANY else known
            found[member.step] = replace(
                richer,
                required=known.required or member.required,
                doc=known.doc or member.doc,
                tags=known.tags | member.tags,
            )
    return found.values()


def _members(node: Node, depth: int, memo: dict[int, list[Member]]) -> list[Member]:
    """Each combination is looked into once and says each member once: branches may share what they refer to, and
    what is a small graph would be an exponential tree."""
    if (known := memo.get(id(node))) is None:
        said = {(each.step, each.required, id(each.node)): each for each in _said(node, depth, memo)}
        known = memo[id(node)] = list(said.values())
    return known


def _said(node: Node, depth: int, memo: dict[int, list[Member]]) -> Iterator[Member]:
    if node.shape is Shape.OBJECT:
        yield from _of_object(node)
    elif node.shape is Shape.ARRAY:
        items = array_items(node)
        for index, each in enumerate(items.tuple_):
            yield Member(str(index), each)
        for rest in (items.every, items.extra.value if items.tuple_ else None):
            if isinstance(rest, Node):
                yield Member("*", rest)
    elif node.shape is Shape.COMBINED and depth > 0:
        branches = [_members(branch, depth - 1, memo) for branch in node.branches]
        for branch in branches:
            for member in branch:
                certain = node.criterion == "allOf" or all(
                    any(each.step == member.step and each.required for each in other) for other in branches
                )
                yield member if certain or not member.required else replace(member, required=False)
        if node.criterion == "allOf" and depth == _COMBINED_DEPTH:
            yield from _required_elsewhere(node, branches)
    elif node.shape is Shape.CONDITIONAL and depth > 0:
        for keyword in ("then", "else"):
            if keyword in node.value:
                for member in _members(node.child(keyword), depth - 1, memo):
                    yield replace(member, required=False)


def _required_elsewhere(node: Node, branches: list[list[Member]]) -> Iterator[Member]:
    """Properties that one allOf branch declares and another requires."""
    declared = {member.step: member for branch in branches for member in branch if member.name is not None}
    for branch in node.branches:
        if branch.shape is Shape.OBJECT:
            for name in names(branch):
                if name in declared and not declared[name].required:
                    yield replace(declared[name], required=True)


def _of_object(node: Node) -> Iterator[Member]:
    required = set(names(node))
    for name, child in node.children("properties").items():
        written = node.value["properties"][name]
        yield Member(name, child, name, name in required, _doc(written, child), tags_of(written, child))
    extra = extra_properties(node)
    for rest in (*node.children("patternProperties").values(), extra.value if extra.keyword in node.value else None):
        if isinstance(rest, Node):
            yield Member("*", rest)


def _doc(written: Json, node: Node) -> str:
    for value in (written, node.value):
        if type(value) is dict and type(doc := value.get("description", value.get("title"))) is str:
            return doc
    return ""


def tags_of(*values: Json | Node) -> frozenset[str]:
    """The inline tags of some schemas together."""
    found: set[str] = set()
    for value in values:
        content = value.value if isinstance(value, Node) else value
        tags = content.get(TAGS) if type(content) is dict else None
        if type(tags) is list:
            found.update(tag for tag in tags if type(tag) is str)
    return frozenset(found)


def type_name(node: Node) -> str:
    """A node's types in words: `string`, `integer|null`, `any`."""
    found = _types(node, _COMBINED_DEPTH, {})
    return "any" if found is None else "|".join(found) or "nothing"


def _types(node: Node, depth: int, memo: dict[int, list[str] | None]) -> list[str] | None:
    """Type names in order; None means any. Each node is looked at once."""
    if id(node) not in memo:
        memo[id(node)] = _types_said(node, depth, memo)
    return memo[id(node)]


def _types_said(node: Node, depth: int, memo: dict[int, list[str] | None]) -> list[str] | None:
    if node.shape is Shape.NEVER:
        return []
    if node.shape in (Shape.ENUM, Shape.CONST):
        listed = [node.value["const"]] if node.shape is Shape.CONST else node.value["enum"]
        return list(dict.fromkeys(_type_of(value) for value in listed))
    if node.shape is Shape.COMBINED and depth > 0:
        branches = [_types(branch, depth - 1, memo) for branch in node.branches]
        known = [branch for branch in branches if branch is not None]
        if node.criterion != "allOf":
            every = [name for branch in known for name in branch]
            return list(dict.fromkeys(every)) if len(known) == len(branches) else None
        if not known:
            return None
        return [name for name in known[0] if all(_meets(name, other) for other in known[1:])]
    if node.shape in (Shape.ANY, Shape.NOT, Shape.CONDITIONAL, Shape.COMBINED):
        return None
    if node.shape is Shape.NUMBER and node.integer:
        return ["integer"]
    # Keywords of a type say what events usually are, even where the type is not stated.
    return [node.shape.value]


def _meets(name: str, others: list[str]) -> bool:
    return name in others or (name in ("integer", "number") and bool({"integer", "number"} & set(others)))


def _type_of(value: Json) -> str:
    if type(value) is bool:
        return "boolean"
    if value is None:
        return "null"
    return {str: "string", dict: "object", list: "array", int: "integer"}.get(type(value), "number")
