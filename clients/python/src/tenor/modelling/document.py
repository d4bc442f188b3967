"""What a schema says of its events, in the part of JSON Schema that the generator turns into types without loss. Pure.

    {"type": "object", "properties": {…}, "required": […]}    a class; `additionalProperties` true keeps others, false
                                                              refuses them, and without they are dropped
    {"type": "object", "additionalProperties": NODE}          a dict
    {"$ref": "#/$defs/Name"}, {"$ref": "#"}                   a class of `definitions`, the root's class
    {"type": "string", "format": "date-time"}                 values as the codec has them: datetime, Decimal, bytes

Defaults that JSON cannot write stand aside, in `defaults`, and a mark in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Node = dict[str, Any]

TEXT: Final[Node] = {"type": "string"}
WHOLE: Final[Node] = {"type": "integer"}
FLOAT: Final[Node] = {"type": "number"}
BOOLEAN: Final[Node] = {"type": "boolean"}
NULL: Final[Node] = {"type": "null"}
BYTES: Final[Node] = {"type": "string", "format": "binary"}
ANY: Final[Node] = {}

_TAKEN: Final = frozenset(
    """
    AliasChoices Annotated Any AwareDatetime BaseModel ConfigDict Decimal Enum False Field Literal Meta NaiveDatetime
    None NotRequired Optional RootModel StrEnum StringConstraints Struct True TypeAlias TypedDict UNSET UUID Union
    UnsetType
    """.split()  # noqa: SIM905 # a list of words reads better as one
)
"""Names that a generated module imports, or that no class can have."""


@dataclass(frozen=True, slots=True)
class Made:
    """A value of a class: what its fields hold, by the names that the schema has for them."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A member of an enumeration."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Keyed:
    """A dict whose keys are no text, as its value's type is written."""

    key: str
    value: str


@dataclass(slots=True)
class Document:
    """What becomes a module. `name` is the class of the root; `enums` says whether enumerations get one of their own.

    `remarks` say where the types take more, or less, than the schema does.
    """

    name: str
    root: Node = field(default_factory=dict)
    definitions: dict[str, Node] = field(default_factory=dict)
    enums: bool = True
    defaults: list[Any] = field(default_factory=list)
    keyed: list[Keyed] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def marked(self, value: Any) -> Any:
        """What stands for a default: itself, or its mark where JSON has no such value, or one that can change."""
        if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and value - value == 0):
            return value
        self.defaults.append(value)
        return f"__TENOR_DEFAULT_{len(self.defaults) - 1}__"

    def with_keys(self, key: str, value: str) -> Node:
        """A dict with keys of another type than text."""
        wanted = Keyed(key, value)
        if wanted not in self.keyed:
            self.keyed.append(wanted)
        return {"customTypePath": f"tenor_keyed.TenorKeyed{self.keyed.index(wanted)}"}

    def remark(self, text: str) -> None:
        """Note once where types and schema differ."""
        if text not in self.remarks:
            self.remarks.append(text)

    def reference(self, name: str) -> Node:
        """The class of this name."""
        return {"$ref": "#" if name == self.name else f"#/$defs/{name}"}

    def whole(self, *, zones: bool = True) -> Node:
        """The JSON Schema that the generator is given; without `zones` for types that know none."""
        definitions = {name: settled(node) for name, node in self.definitions.items()}
        made = {"title": self.name, **settled(self.root), "$defs": definitions}
        return made if zones else _without_zones(made)

    def fields(self) -> dict[str, list[str]]:
        """The fields of each class."""
        nodes = {self.name: self.root, **self.definitions}
        return {name: list(node["properties"]) for name, node in nodes.items() if "properties" in node}


_LIMITS: Final = frozenset(
    "minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems".split()  # noqa: SIM905 # the same
)


def settled(node: Node, *, alone: bool = True) -> Node:
    """The same with limits only where a field's type can carry them: inside of other types each makes a class.

    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}  →  {"type": ["string", "null"], "minLength": 1}
    """
    made = dict(node) if alone else {key: value for key, value in node.items() if key not in _LIMITS}
    if branches := node.get("anyOf"):
        others = [each for each in branches if each != NULL]
        limited = len(others) == 1 and len(branches) == 2 and not _LIMITS.isdisjoint(others[0])
        if alone and limited and others[0].get("type") != "array":
            del made["anyOf"]
            kinds = others[0]["type"]
            return {**others[0], **made, "type": [*(kinds if isinstance(kinds, list) else [kinds]), "null"]}
        made["anyOf"] = [settled(each, alone=False) for each in branches]
    if "properties" in node:
        made["properties"] = {name: settled(inner) for name, inner in node["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            made[key] = settled(node[key], alone=False)
    return made


def _without_zones(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_zones(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _without_zones(each) for key, each in node.items()}
    return {**made, "format": "date-time"} if node.get("format") == "date-time-local" else made


def union(nodes: Iterable[Node]) -> Node:
    """One of several, each once."""
    flat: list[Node] = []
    for node in nodes:
        flat += [each for each in node.get("anyOf", (node,)) if each not in flat]
    if ANY in flat:
        return dict(ANY)
    return dict(flat[0]) if len(flat) == 1 else {"anyOf": flat}


def nullable(node: Node) -> Node:
    """The same, or None."""
    return union((node, NULL))


def described(node: Node, text: Any) -> Node:
    """The same with what the schema tells of it, if it tells anything."""
    return {**node, "description": text.strip()} if isinstance(text, str) and text.strip() else node


def class_names(full_names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A class name for each full name: its last part, with as much before it as tells it from others.

    `shop.Order` and `crm.Order` become `ShopOrder` and `CrmOrder`; `shop.order_line` alone becomes `OrderLine`.
    """
    names = list(dict.fromkeys(full_names))
    used, found = set(taken), {}
    for name in names:
        depth, parts = 1, name.split(".")
        while depth < len(parts) and any(_tail(other, depth) == _tail(name, depth) for other in names if other != name):
            depth += 1
        wanted = _tail(name, depth)
        base, number = f"{wanted}Model" if wanted in _TAKEN else wanted, 1
        made = base
        while made in used:
            number += 1
            made = f"{base}{number}"
        used.add(made)
        found[name] = made
    return found


def _tail(name: str, depth: int) -> str:
    return "".join(map(_pascal, name.split(".")[-depth:]))


def _pascal(text: str) -> str:
    words = [word for word in re.split(r"[^0-9A-Za-z]+", text) if word]
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined if joined[:1].isalpha() else f"Model{joined}"
