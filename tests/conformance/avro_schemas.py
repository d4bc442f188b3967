"""Random Avro schemas and random edits of them, from a seed: the pairs of the property and differential tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

Json = Any

_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_LOGICAL: dict[str, tuple[Json, ...]] = {
    "int": ({"logicalType": "date"}, {"logicalType": "time-millis"}),
    "long": ({"logicalType": "timestamp-millis"}, {"logicalType": "timestamp-micros"}),
    "bytes": (
        {"logicalType": "decimal", "precision": 4, "scale": 2},
        {"logicalType": "decimal", "precision": 9, "scale": 4},
    ),
    "string": ({"logicalType": "uuid"},),
}
_NAMES = ("A", "B", "C", "D", "E")
_SPACES = ("", "", "n", "n", "n.m")
_FIELDS = ("a", "b", "c", "d", "e", "f")
_SYMBOLS = ("X", "Y", "Z", "W")


class SchemaMaker:
    """Makes schemas; one maker remembers which names it has defined in the current schema."""

    def __init__(self, seed: int | str, *, logical: bool = True) -> None:
        self.random = Random(seed)
        self.logical = logical
        self.defined: dict[str, Json] = {}
        self.open: list[str] = []

    def schema(self) -> Json:
        """A whole schema as JSON data."""
        self.defined, self.open = {}, []
        if self.random.random() < 0.75:
            return self.record(0, None)
        return self.type(0, None)

    def type(self, depth: int, space: str | None) -> Json:
        kinds = ["primitive"] * 6 + ["named"] * 2
        if depth < 3:
            kinds += ["record", "record", "enum", "fixed", "array", "map", "union", "union", "union"]
        return getattr(self, self.random.choice(kinds))(depth, space)

    def primitive(self, _depth: int, _space: str | None) -> Json:
        kind = self.random.choice(_PRIMITIVES)
        if self.logical and kind in _LOGICAL and self.random.random() < 0.25:
            return {"type": kind, **self.random.choice(_LOGICAL[kind])}
        return kind if self.random.random() < 0.8 else {"type": kind}

    def named(self, depth: int, space: str | None) -> Json:
        names = list(self.defined)
        if not names:
            return self.primitive(depth, space)
        return self.random.choice(names)

    def name(self, space: str | None) -> tuple[dict[str, Json], str] | None:
        chosen = self.random.choice(_SPACES) or None
        simple = self.random.choice(_NAMES)
        out: dict[str, Json] = {"name": simple}
        own = space
        if chosen != space or self.random.random() < 0.3:
            out["namespace"], own = chosen or "", chosen
        full = f"{own}.{simple}" if own else simple
        if full in self.defined or simple in self.defined or (own is None and self.taken(simple)):
            # A name without namespace beside the same name in one: libraries disagree on which a reference means.
            return None
        if self.random.random() < 0.15:
            out["aliases"] = [self.random.choice(("Old", "A", "n.B", "m.C"))]
        return out, full

    def taken(self, simple: str) -> bool:
        return any(full.rpartition(".")[2] == simple for full in self.defined)

    def record(self, depth: int, space: str | None) -> Json:
        made = self.name(space)
        if made is None:
            return self.primitive(depth, space)
        head, full = made
        out = {"type": "record", **head}
        self.defined[full] = out
        own = full.rpartition(".")[0] or None
        out["fields"] = [
            self.field(name, depth, own) for name in self.random.sample(_FIELDS, self.random.choice((0, 1, 2, 2, 3, 4)))
        ]
        return out

    def field(self, name: str, depth: int, space: str | None) -> Json:
        out: dict[str, Json] = {"name": name}
        inner = self.type(depth + 1, space)
        if isinstance(inner, str) and inner in self.defined and self.random.random() < 0.7:
            inner = self.random.choice((["null", inner], {"type": "array", "items": inner}))
        out["type"] = inner
        if self.random.random() < 0.35:
            default = self.default(inner, 0)
            if default is not NO_DEFAULT:
                out["default"] = default
        if self.random.random() < 0.1:
            out["aliases"] = [self.random.choice(_FIELDS)]
        return out

    def enum(self, depth: int, space: str | None) -> Json:
        made = self.name(space)
        if made is None:
            return self.primitive(depth, space)
        symbols = self.random.sample(_SYMBOLS, self.random.randint(1, 4))
        out = {"type": "enum", **made[0], "symbols": symbols}
        if self.random.random() < 0.3:
            out["default"] = self.random.choice(symbols)
        self.defined[made[1]] = out
        return out

    def fixed(self, depth: int, space: str | None) -> Json:
        made = self.name(space)
        if made is None:
            return self.primitive(depth, space)
        out = {"type": "fixed", **made[0], "size": self.random.choice((1, 2, 16))}
        self.defined[made[1]] = out
        return out

    def array(self, depth: int, space: str | None) -> Json:
        return {"type": "array", "items": self.type(depth + 1, space)}

    def map(self, depth: int, space: str | None) -> Json:
        return {"type": "map", "values": self.type(depth + 1, space)}

    def union(self, depth: int, space: str | None) -> Json:
        branches: list[Json] = []
        taken: set[str] = set()
        for _ in range(self.random.choice((1, 2, 2, 3, 4))):
            before = dict(self.defined)
            branch = self.type(depth + 1, space)
            key = self.key(branch, space)
            if key is None or key in taken:
                self.defined = before
                continue
            taken.add(key)
            branches.append(branch)
        if "null" not in taken and self.random.random() < 0.5:
            branches.insert(0, "null")
        return branches

    def key(self, branch: Json, space: str | None) -> str | None:
        """What makes a branch unique; None for a union."""
        if isinstance(branch, list):
            return None
        if isinstance(branch, str):
            return branch
        if "name" in branch:
            own = branch.get("namespace", space)
            return f"{own}.{branch['name']}" if own else str(branch["name"])
        return str(branch["type"])

    def default(self, node: Json, depth: int) -> Json:
        """A default valid for the first branch, or NO_DEFAULT where none is easily had."""
        if depth > 3:
            return NO_DEFAULT
        if isinstance(node, list):
            return self.default(node[0], depth) if node else NO_DEFAULT
        if isinstance(node, str):
            if node in self.defined:
                return NO_DEFAULT
            node = {"type": node}
        values: dict[str, Json] = {
            "null": None,
            "boolean": True,
            "int": self.random.choice((0, -1, 2**31 - 1)),
            "long": self.random.choice((0, 7, 2**53 + 1)),
            "float": self.random.choice((0, 1.5)),
            "double": self.random.choice((0.25, 3, 1e20)),
            "bytes": self.random.choice(("", "\u00ff")),
            "string": self.random.choice(("", "x")),
            "array": [],
            "map": {},
        }
        kind = node["type"]
        if kind in values:
            return values[kind]
        if kind == "enum":
            return node["symbols"][0]
        if kind == "fixed":
            return "\u0001" * node["size"]
        out = {}
        for each in node.get("fields", ()):
            if "default" not in each:
                value = self.default(each["type"], depth + 1)
                if value is NO_DEFAULT:
                    return NO_DEFAULT
                out[each["name"]] = value
        return out

    # Edits

    def edited(self, schema: Json) -> Json:
        """The schema with one to three random edits; it may come out invalid."""
        out = copy.deepcopy(schema)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            holder = [out]
            places = list(_places(holder))
            parent, key = self.random.choice(places)
            parent[key] = self.edit(parent[key])
            out = holder[0]
        return out

    def edit(self, node: Json) -> Json:
        if self.random.random() < 0.15:
            self.defined = {}
            return self.type(2, None)
        if isinstance(node, str):
            return self.random.choice((self.primitive(0, None), ["null", node] if node != "null" else node, "long"))
        if isinstance(node, list):
            return self.edit_union(node)
        kind = node["type"]
        if kind == "record":
            self.edit_record(node)
        elif kind == "enum":
            node["symbols"] = self.random.sample(_SYMBOLS, self.random.randint(1, 4))
            node.pop("default", None)
            if self.random.random() < 0.4:
                node["default"] = node["symbols"][0]
        elif kind == "fixed":
            node["size"] = self.random.choice((1, 2, 16))
        elif kind in ("array", "map"):
            part = "items" if kind == "array" else "values"
            node[part] = self.edit(node[part])
        else:
            return self.primitive(0, None)
        if "name" in node and self.random.random() < 0.2:
            self.rename(node)
        return node

    def rename(self, node: Json) -> None:
        old = node["name"]
        node["name"] = self.random.choice(_NAMES)
        if self.random.random() < 0.5:
            node["aliases"] = [old]

    def edit_union(self, node: list[Json]) -> Json:
        choice = self.random.random()
        if choice < 0.35 and node:
            del node[self.random.randrange(len(node))]
        elif choice < 0.7:
            node.insert(self.random.randint(0, len(node)), self.primitive(0, None))
        elif choice < 0.85 and node:
            return self.random.choice(node)
        else:
            self.random.shuffle(node)
        return node

    def edit_record(self, node: Json) -> None:
        fields = node["fields"]
        choice = self.random.random()
        if choice < 0.3 or not fields:
            free = [name for name in _FIELDS if all(name != each["name"] for each in fields)]
            if free:
                self.defined = {}
                made = self.field(self.random.choice(free), 2, None)
                fields.insert(self.random.randint(0, len(fields)), made)
        elif choice < 0.5:
            del fields[self.random.randrange(len(fields))]
        elif choice < 0.7:
            each = self.random.choice(fields)
            free = [name for name in _FIELDS if all(name != other["name"] for other in fields)]
            if free:
                old, each["name"] = each["name"], self.random.choice(free)
                if self.random.random() < 0.6:
                    each["aliases"] = [old]
        elif choice < 0.85:
            self.random.shuffle(fields)
        else:
            each = self.random.choice(fields)
            each["type"] = self.edit(each["type"])
            each.pop("default", None)


NO_DEFAULT = object()


def _places(parent: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below which a type stands."""
    todo: list[tuple[Any, Any]] = [(parent, 0)]
    while todo:
        holder, key = todo.pop()
        yield holder, key
        node = holder[key]
        if isinstance(node, list):
            todo.extend((node, index) for index in range(len(node)))
        elif isinstance(node, dict):
            todo.extend((node, part) for part in ("items", "values") if part in node)
            todo.extend((each, "type") for each in node.get("fields", ()))


def pairs(seed: int | str, *, logical: bool = True) -> Iterator[tuple[str, str]]:
    """(reader, writer) texts without end: mostly an edit of one schema, sometimes two schemas of the same few names."""
    maker = SchemaMaker(seed, logical=logical)
    while True:
        writer = maker.schema()
        reader = maker.edited(writer) if maker.random.random() < 0.85 else maker.schema()
        if maker.random.random() < 0.5:
            reader, writer = writer, reader
        yield json.dumps(reader), json.dumps(writer)
