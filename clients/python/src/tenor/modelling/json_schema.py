"""The types of a JSON Schema's events: never narrower than the schema, unless a remark says so. Pure.

    object with properties → class      enum, const → Literal     number → int | float
    object without → dict               anyOf, oneOf → union      allOf → one class of all
    array → list                        format → text, as it is on the wire

What types cannot say (not, if, uniqueItems, …) is left to the codec, which validates all that is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from tenor.codecs import Options
from tenor.codecs.json_schema import JsonBody
from tenor.modelling.document import (
    ANY,
    BOOLEAN,
    NULL,
    TEXT,
    WHOLE,
    Document,
    Node,
    class_names,
    described,
    union,
)
from tenor.modelling.resolving import Place, Resolver
from tenor.schemas import Schema

_OF_OBJECTS: Final = ("properties", "required", "additionalProperties", "patternProperties")
_OF_ARRAYS: Final = ("items", "prefixItems", "additionalItems")
_SHAPING: Final = ("type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf", *_OF_OBJECTS, *_OF_ARRAYS)
_NUMBER: Final[Node] = {"type": ["integer", "number"]}
"""What was written 3 stays an int, so that it is written 3 again."""


def document(schema: Schema, references: Mapping[str, Schema], name: str, *, defaults: bool = True) -> Document:
    """What a module says of these events. `name` is for a schema without a title. Raises UnusableSchema.

    Without `defaults` a member that has one counts as absent like any other.
    """
    body = JsonBody(schema, references, Options())
    resolver = Resolver(*body.documents())
    root = resolver.root()
    wanted = body.record or name
    made = Document(class_names([wanted.replace(".", "_")])[wanted.replace(".", "_")], enums=False)
    types = _Types(made, resolver, defaults, _is_modern(root.schema))
    types.names[id(root.schema)] = made.name
    made.root = types.of(root, "", within=True)
    types.finish()
    types.hoist()
    return made


@dataclass(slots=True)
class _Types:
    """Turns schemas into nodes. What is referred to and has a shape of its own becomes a class, once."""

    made: Document
    resolver: Resolver
    defaults: bool
    modern: bool
    names: dict[int, str] = field(default_factory=dict)
    todo: list[tuple[str, Place, str]] = field(default_factory=list)
    following: list[int] = field(default_factory=list)

    def finish(self) -> None:
        """Define the classes that references named on the way."""
        while self.todo:
            name, place, path = self.todo.pop(0)
            self.made.definitions[name] = self.of(place, path, within=True)

    def hoist(self) -> None:
        """Give the objects inside of others names of their own, after the members that hold them."""
        taken = {self.made.name, *self.made.definitions}

        def hoisted(node: Node, member: str) -> Node:
            made = {**node}
            for key in ("items", "additionalProperties"):
                if isinstance(node.get(key), dict):
                    made[key] = hoisted(node[key], member)
            if "anyOf" in node:
                made["anyOf"] = [hoisted(each, member) for each in node["anyOf"]]
            if not node.get("properties"):
                return made
            name = class_names([member.replace(".", "_")], taken)[member.replace(".", "_")]
            taken.add(name)
            self.made.definitions[name] = inside(made)
            return described(self.made.reference(name), made.get("description"))

        def inside(node: Node) -> Node:
            if "properties" not in node:
                return hoisted(node, f"{self.made.name}Item")
            return {**node, "properties": {name: hoisted(each, name) for name, each in node["properties"].items()}}

        self.made.root = inside(self.made.root)
        for name in list(self.made.definitions):
            self.made.definitions[name] = inside(self.made.definitions[name])

    def of(self, place: Place, path: str, *, within: bool = False) -> Node:
        """The type of what a schema takes. `within`: of the schema that is being defined, not a mention of it."""
        schema = place.schema
        if not isinstance(schema, dict):
            if schema is False:
                self.made.remark(f"{path or '/'}: the schema takes nothing here, the type takes anything")
            return dict(ANY)
        if not within and id(schema) in self.names:
            return self.made.reference(self.names[id(schema)])
        parts = list(self.parts(place, path))
        if not parts:
            return described(dict(ANY), schema.get("description"))
        return described(self.joined(parts, path), schema.get("description"))

    def parts(self, place: Place, path: str) -> Iterable[Callable[[], Node]]:
        """Each thing that a schema says at once; later called, for classes are named in order."""
        schema = place.schema
        if isinstance(reference := schema.get("$ref", schema.get("$recursiveRef")), str):
            yield lambda: self.referred(place, reference, path)
            if not self.modern:
                return  # before 2019-09 nothing beside a reference counts
        if _listed(schema) is not None:
            yield lambda: self.listed(schema, path)
        elif any(keyword in schema for keyword in ("type", *_OF_OBJECTS, *_OF_ARRAYS)):
            yield lambda: self.typed(place, path)
        for each in _list(schema.get("allOf")):
            if _shaped(each):
                yield lambda each=each: self.of(place.inside(each), path)  # type: ignore[misc]  # mypy infers no default
        for keyword in ("anyOf", "oneOf"):
            branches = _list(schema.get(keyword))
            if branches and all(_shaped(each) for each in branches if each is not False):
                yield lambda branches=branches: union(  # type: ignore[misc]  # the same
                    self.of(place.inside(each), path) for each in branches if each is not False
                )

    def referred(self, place: Place, reference: str, path: str) -> Node:
        """What a reference leads to: a class where that is an object or contains itself, else its type."""
        target = self.resolver.target(place, reference)
        key = id(target.schema)
        if key in self.names:
            return self.made.reference(self.names[key])
        if not isinstance(target.schema, dict):
            return self.of(target, path)
        if _is_class(target.schema) or key in self.following or len(self.following) > 50:
            name = self.named(target)
            self.todo.append((name, target, f"#{name}"))
            return self.made.reference(name)
        self.following.append(key)
        try:
            return self.of(target, path)
        finally:
            self.following.pop()

    def named(self, target: Place) -> str:
        """A class name for what is referred to."""
        wanted = (target.name or str(target.schema.get("title") or "Model")).replace(".", "_")
        name = class_names([wanted], {self.made.name, *self.names.values()})[wanted]
        self.names[id(target.schema)] = name
        return name

    def joined(self, parts: list[Callable[[], Node]], path: str) -> Node:
        """What keeps all parts: objects become one, of all else the part that says most is taken."""
        nodes = [node for node in (each() for each in parts) if node != ANY]
        if len(nodes) < 2:
            return nodes[0] if nodes else dict(ANY)
        opened = [self.opened(node) for node in nodes]
        if all(each is not None for each in opened):
            merged = [each for each in opened if each is not None]
            return self.merged(merged, path)
        nodes.sort(key=_generality)
        if any(_generality(node) < 3 for node in nodes[1:]):
            self.made.remark(f"{path or '/'}: the type takes what one of several parts of the schema takes")
        return nodes[0]

    def opened(self, node: Node) -> Node | None:
        """The object that a node is or names; None if it is none, or is not known yet."""
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            for number, (waiting, place, path) in enumerate(self.todo):
                if waiting == name:
                    del self.todo[number]
                    self.made.definitions[name] = self.of(place, path, within=True)
                    break
            node = self.made.definitions.get(name, {})
        return node if node.get("type") == "object" and "properties" in node else None

    def merged(self, nodes: list[Node], path: str) -> Node:
        """One object of several."""
        properties: dict[str, Node] = {}
        for node in nodes:
            for name, inner in node["properties"].items():
                if name in properties and properties[name] != inner:
                    known = properties[name]
                    properties[name] = self.joined([lambda one=known: one, lambda one=inner: one], f"{path}/{name}")  # type: ignore[misc]  # the same
                else:
                    properties[name] = inner
        required = {name for node in nodes for name in node.get("required", ())}
        closed = any(node.get("additionalProperties") is False for node in nodes)
        made = {
            "type": "object",
            "properties": properties,
            "required": [each for each in properties if each in required],
        }
        # Of closed parts together no member of another part is allowed; the codec says so.
        return {**made, "additionalProperties": True} if not closed or len(nodes) > 1 else made

    def listed(self, schema: Node, path: str) -> Node:
        """The values of enum or const."""
        values = _listed(schema) or []
        plain = [each for each in values if each is None or isinstance(each, str | int)]
        if len(plain) < len(values) or not plain:
            self.made.remark(f"{path or '/'}: the type takes more than the listed values")
            return union(_type_of(each) for each in values) if values else dict(ANY)
        return {"enum": plain}

    def typed(self, place: Place, path: str) -> Node:
        """What `type` says, with the keywords that belong to it."""
        schema = place.schema
        given = schema.get("type")
        kinds = given if isinstance(given, list) else [given] if isinstance(given, str) else None
        if kinds is None:
            kinds = ["object"] if any(each in schema for each in _OF_OBJECTS) else ["array"]
            self.made.remark(f"{path or '/'}: the schema says no type; taken as {kinds[0]}")
        if "number" in kinds:
            kinds = [each for each in kinds if each != "integer"]
        return union(self.kind(str(each), place, path) for each in kinds)

    def kind(self, kind: str, place: Place, path: str) -> Node:
        """What a schema takes of one JSON type."""
        schema = place.schema
        match kind:
            case "object":
                return self.object(place, path)
            case "array":
                return self.array(place, path)
            case "string":
                return {**TEXT, **_sized(schema, "minLength", "maxLength"), **self.pattern(schema, path)}
            case "integer":
                return {**WHOLE, **_bounds(schema, whole=True)}
            case "number":
                return {**_NUMBER, **_bounds(schema, whole=False)}
            case "boolean" | "null":
                return BOOLEAN if kind == "boolean" else NULL
        return dict(ANY)

    def pattern(self, schema: Node, path: str) -> Node:
        pattern = schema.get("pattern")
        if not isinstance(pattern, str):
            return {}
        if _portable(pattern):
            return {"pattern": pattern}
        self.made.remark(f"{path or '/'}: the pattern is left out, not every library knows its syntax")
        return {}

    def object(self, place: Place, path: str) -> Node:
        """A class where a schema names properties, else a dict."""
        schema = place.schema
        properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
        patterns = schema.get("patternProperties") if isinstance(schema.get("patternProperties"), dict) else {}
        others = schema.get("additionalProperties", True)
        required = [each for each in _list(schema.get("required")) if isinstance(each, str)]
        if not properties and not required:
            values = [each for each in (*patterns.values(), others) if each is not False]
            if not values and not patterns:
                return {"type": "object", "properties": {}, "additionalProperties": False}
            return {
                "type": "object",
                "additionalProperties": union(self.of(place.inside(each), f"{path}/*") for each in values),
            }
        fields = {}
        for name in [*properties, *(each for each in required if each not in properties)]:
            inner = properties.get(name, True)
            fields[name] = self.of(place.inside(inner), f"{path}/{name}")
            if name not in required and isinstance(inner, dict) and "default" in inner:
                self.default(fields[name], inner["default"])
        closed = others is False and not patterns
        return {"type": "object", "properties": fields, "required": required, "additionalProperties": not closed}

    def default(self, node: Node, value: Any) -> None:
        """A default is an annotation only: taken over where it is plain and of the type."""
        plain = value is None or isinstance(value, bool | int | float | str)
        if self.defaults and plain and _takes(node, value):
            node["default"] = value

    def array(self, place: Place, path: str) -> Node:
        """A list; of a tuple, a list of what any of its places takes."""
        schema = place.schema
        items, prefix = schema.get("items", True), _list(schema.get("prefixItems"))
        if isinstance(items, list):
            items, prefix = schema.get("additionalItems", True), items
        inner = [*prefix, *([items] if items is not False else [])]
        node = union(self.of(place.inside(each), f"{path}/*") for each in inner) if inner else dict(ANY)
        return {"type": "array", "items": node, **_sized(schema, "minItems", "maxItems")}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_modern(schema: Any) -> bool:
    said = schema.get("$schema") if isinstance(schema, dict) else None
    return isinstance(said, str) and ("2019-09" in said or "2020-12" in said)


def _listed(schema: Node) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema["enum"] if isinstance(schema.get("enum"), list) else None


def _shaped(schema: Any) -> bool:
    """Whether a schema says of which type values are."""
    return isinstance(schema, dict) and any(
        keyword in schema for keyword in _SHAPING if keyword not in ("required",) or "properties" in schema
    )


def _is_class(schema: Node) -> bool:
    return schema.get("type") == "object" and ("properties" in schema or "required" in schema or "allOf" in schema)


def _generality(node: Node) -> int:
    """How little a type says: a listed value least general, anything most."""
    if "enum" in node or "$ref" in node or "properties" in node:
        return 0
    if "anyOf" in node:
        return 2
    return 3 if node.get("additionalProperties") == ANY or node.get("items") == ANY else 1


def _type_of(value: Any) -> Node:
    if isinstance(value, bool):
        return BOOLEAN
    kinds: Mapping[type, Node] = {
        type(None): NULL,
        int: _NUMBER,
        float: _NUMBER,
        str: TEXT,
        list: {"type": "array", "items": dict(ANY)},
    }
    return kinds.get(type(value), {"type": "object", "additionalProperties": dict(ANY)})


def _takes(node: Node, value: Any) -> bool:
    """Whether a plain value is of a type."""
    if "anyOf" in node:
        return any(_takes(each, value) for each in node["anyOf"])
    if "enum" in node:
        return any(each == value and type(each) is type(value) for each in node["enum"])
    kinds = node.get("type", ())
    known = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    return known[type(value)] in (kinds if isinstance(kinds, list) else [kinds])


def _sized(schema: Node, least: str, most: str) -> Node:
    found = {name: schema.get(name) for name in (least, most)}
    return {name: int(value) for name, value in found.items() if _is_number(value) and value >= 0}


def _bounds(schema: Node, *, whole: bool) -> Node:
    """Ranges, also as draft 4 writes them: whole numbers have whole bounds."""
    found: Node = {}
    for name, exclusive, rounded in (
        ("minimum", "exclusiveMinimum", math.ceil),
        ("maximum", "exclusiveMaximum", math.floor),
    ):
        bound, beyond = schema.get(name), schema.get(exclusive)
        if beyond is True:
            bound, beyond = None, bound
        if _is_number(bound):
            found[name] = rounded(bound) if whole else bound
        if _is_number(beyond):
            if not whole:
                found[exclusive] = beyond
            else:
                step = 1 if name == "minimum" else -1
                found[name] = rounded(beyond) + (step if rounded(beyond) == beyond else 0)
    return found


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ODD: Final = re.compile(r"\\[^dDsSwWbBntrfv0.*+?()\[\]{}|^$/\\-]|\(\?[^:]|\\[1-9]|\[\^\]|\[\]")


def _portable(pattern: str) -> bool:
    """Whether ECMA-262, Rust's regex and Python's re take a pattern, and for the same texts."""
    if _ODD.search(pattern) or not pattern.isascii():
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
