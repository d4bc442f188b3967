"""A JSON Schema as rules see it: a property is known by its path, `$.customer.email`. Pure.

Which branch of a oneOf or anyOf a value belongs to is asked of the validator. Once a property is sealed its own
constraints no longer hold; `relaxed` names such properties, and branches are then chosen without them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urljoin

import jsonschema_rs

from tenor.codecs.fields import Node, Slot, Test, always, is_null
from tenor.errors import UnusableSchema
from tenor.schemas import JSON

_TYPES: Final = {"string": "STRING", "integer": "INT", "number": "DOUBLE", "boolean": "BOOLEAN", "null": "NULL"}
_NOT_OWN: Final = frozenset({"type", "properties", "items", "allOf", "anyOf", "oneOf", "$ref"})
MAX_DEPTH: Final = 100

Documents = Callable[[str], Any]
"""URI → document. Raises ValueError if there is none."""
Place = tuple[str, str]
"""Where a schema stands: URI of its document and JSON pointer."""


class Tree:
    """The tree of a document.

    `places` tells where each property is written, by its path; `documents` are the URIs of all that were looked into.
    """

    def __init__(self, uri: str, documents: Documents, relaxed: frozenset[str] = frozenset()) -> None:
        self.document = documents
        self.documents: set[str] = set()
        self._relaxed = relaxed
        self._known: dict[tuple[Place, str], Node] = {}
        self.places: dict[str, set[Place]] = {}
        self.root = self._node((uri, ""), "$", 0)
        self._loosened: dict[str, Any] = {}

    def _node(self, place: Place, path: str, depth: int) -> Node:
        if (known := self._known.get((place, path))) is not None:
            return known
        if depth > MAX_DEPTH or len(self._known) > 20_000:
            raise UnusableSchema(format=JSON, reason="its references never end in a value, or it is too large")
        schema = self._at(place)
        if not isinstance(schema, dict):
            return Node("leaf", type="ANY")
        made = self._known[place, path] = Node("all", native=place)
        self._fill(made, schema, place, path, depth)
        return made

    def _fill(self, made: Node, schema: dict[str, Any], place: Place, path: str, depth: int) -> None:
        """A schema with several keywords is several trees over one value."""
        types = schema.get("type")
        if isinstance(ref := schema.get("$ref"), str):
            made.branches.append((always, self._node(self._target(place[0], ref), path, depth + 1)))
        for keyword in ("allOf", "anyOf", "oneOf"):
            if isinstance(schema.get(keyword), list):
                made.branches.append((always, self._combined(keyword, schema[keyword], place, path, depth)))
        parts: list[Node] = []
        if isinstance(schema.get("properties"), dict) or types == "object":
            parts.append(self._record(schema, place, path, depth))
        if isinstance(schema.get("items"), dict):
            items = self._node((place[0], f"{place[1]}/items"), path, depth + 1)
            parts.append(Node("list", item=items))
        for part in parts:
            made.branches.append((_is_object if part.kind == "record" else _is_array, part))
        if not made.branches:
            leaf = _leaf(schema, types)
            made.kind, made.type, made.branches, made.native = leaf.kind, leaf.type, leaf.branches, schema

    def _record(self, schema: dict[str, Any], place: Place, path: str, depth: int) -> Node:
        record = Node("record", name=path, checks=_checks(schema))
        properties = schema.get("properties") or {}
        for name, inner in properties.items():
            if not isinstance(inner, dict):
                continue
            where = (place[0], f"{place[1]}/properties/{_escaped(name)}")
            full_name = f"{path}.{name}"
            self.places.setdefault(full_name, set()).add(where)
            tags = inner.get("confluent:tags")
            record.slots.append(
                Slot(
                    name,
                    full_name,
                    self._node(where, full_name, depth + 1),
                    frozenset(map(str, tags)) if isinstance(tags, list) else frozenset(),
                    _checks(inner),
                    {key: value for key, value in inner.items() if key not in _NOT_OWN},
                )
            )
        return record

    def _combined(self, keyword: str, branches: list[Any], place: Place, path: str, depth: int) -> Node:
        made = Node({"allOf": "all", "anyOf": "any", "oneOf": "choice"}[keyword])
        for index in range(len(branches)):
            where = (place[0], f"{place[1]}/{keyword}/{index}")
            test = always if keyword == "allOf" else self._test(where)
            made.branches.append((test, self._node(where, path, depth + 1)))
        return made

    def _test(self, place: Place) -> Test:
        """Whether a value keeps the schema that stands at a place; compiled when first asked."""
        made: list[Test] = []

        def test(value: Any) -> bool:
            if not made:
                made.append(self._validator(place))
            return made[0](value)

        return test

    def _validator(self, place: Place) -> Test:
        root = self.document(place[0])
        draft = root.get("$schema") if isinstance(root, dict) else None
        wrapper = {"$schema": draft or "http://json-schema.org/draft-07/schema#", "$ref": f"{place[0]}#{place[1]}"}
        try:
            made = jsonschema_rs.validator_for(wrapper, retriever=self._loosely, base_uri="tenor-branch:///")
        except (ValueError, TypeError) as error:
            raise UnusableSchema(format=JSON, reason=" ".join(str(error).split())[:200]) from error
        return made.is_valid

    def _loosely(self, uri: str) -> Any:
        """A document, with `true` in place of the properties whose values are sealed."""
        uri = uri.partition("#")[0]
        if not self._relaxed:
            return self.document(uri)
        if uri not in self._loosened:
            document = copy.deepcopy(self.document(uri))
            for path in self._relaxed:
                for base, pointer in self.places.get(path, ()):
                    if base == uri:
                        parent, _, name = pointer.rpartition("/")
                        _pointed(document, parent)[_unescaped(name)] = True
            self._loosened[uri] = document
        return self._loosened[uri]

    def _target(self, base: str, ref: str) -> Place:
        uri, _, fragment = urljoin(base, ref).partition("#")
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            reason = f"rules cannot follow the reference '{ref}': write it as a JSON pointer"
            raise UnusableSchema(format=JSON, reason=reason)
        return uri or base, fragment

    def _at(self, place: Place) -> Any:
        self.documents.add(place[0])
        try:
            return _pointed(self.document(place[0]), place[1])
        except (KeyError, IndexError, ValueError, TypeError):
            raise UnusableSchema(
                format=JSON, reason=f"rules cannot follow a reference to {place[0]}#{place[1]}"
            ) from None


def _leaf(schema: Mapping[str, Any], types: Any) -> Node:
    if isinstance(types, list):
        kinds = [_TYPES.get(str(each), "ANY") for each in types]
        branches = [(_TESTS[kind], Node("leaf", type=kind, native=schema)) for kind in kinds]
        # null first, as in the commonest union of Avro
        return Node("choice", branches=sorted(branches, key=lambda branch: branch[1].type != "NULL"))
    return Node("leaf", type=_TYPES.get(str(types), "ANY"))


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_array(value: Any) -> bool:
    return isinstance(value, list | tuple)


_TESTS: Final[Mapping[str, Test]] = {
    "STRING": lambda value: isinstance(value, str),
    "INT": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "DOUBLE": lambda value: not isinstance(value, bool | str) and hasattr(value, "__float__"),
    "BOOLEAN": lambda value: isinstance(value, bool),
    "NULL": is_null,
    "ANY": always,
}


def _checks(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    found = schema.get("confluent:rules")
    return tuple(each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()


def _pointed(document: Any, pointer: str) -> Any:
    """What a JSON pointer points to. Raises KeyError, IndexError, ValueError, TypeError."""
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[_unescaped(step)]
    return document


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def _unescaped(step: str) -> str:
    return unquote(step).replace("~1", "/").replace("~0", "~")
