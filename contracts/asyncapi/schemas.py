"""A schema as AsyncAPI carries it: in its own language, as a multi-format schema object. Pure.

    {"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": {"type": "record", …}}

What a schema refers to is written into it beforehand (`Schema.inlined`). In an AsyncAPI document a `$ref` counts from
the document's root, whatever `$id` stands above it: those of JSON Schemas are written anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

_AVRO: Final = "application/vnd.apache.avro;version={}"
_PROTOBUF: Final = "application/vnd.google.protobuf;version={}"
_JSON: Final = "application/schema+json;version={}"
CONTENT_TYPES: Final[Mapping[str, str]] = {
    "AVRO": "application/avro",
    "JSON": "application/json",
    "PROTOBUF": "application/protobuf",
}
"""The media types of what stands behind a schema id."""

_CHECKED_AVRO: Final = "1.9.0"
"""The version whose schemas AsyncAPI's own JSON Schema describes, more narrowly than Avro: names without dots."""
_LATER_AVRO: Final = "1.12.0"
_DRAFT: Final = re.compile(r"json-schema\.org/(?:draft/)?(draft-0[3467]|2019-09|2020-12)/")
_DEFAULT_DRAFT: Final = "draft-07"
_VALUES: Final = frozenset(("const", "enum", "default", "examples", "required", "type"))
_BY_NAME: Final = frozenset(
    ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
)
_REFERRING: Final = ("$ref",)
_DYNAMIC: Final = ("$dynamicRef", "$recursiveRef")
_NAMES: Final = ("name", "namespace", "aliases")


@dataclass(frozen=True, slots=True)
class Carried:
    """The schema object, and what in it leads nowhere in a document of its own."""

    schema: Mapping[str, Any]
    unresolved: tuple[str, ...] = ()


def carried(format: str, text: str, place: str) -> Carried:
    """A schema that stands alone, to be put at a place of the document (`#/components/schemas/orders-value`)."""
    if format == "PROTOBUF":
        syntax = re.search(r'^\s*(?:syntax|edition)\s*=\s*"(?:proto)?(\w+)"', text, re.MULTILINE)
        return Carried({"schemaFormat": _PROTOBUF.format(syntax[1] if syntax else "2"), "schema": text})
    value = json.loads(text)
    if format == "AVRO":
        named = _split_names(value, "")
        version = _CHECKED_AVRO if all(map(_is_narrow, _avro_nodes(named))) else _LATER_AVRO
        return Carried({"schemaFormat": _AVRO.format(version), "schema": named})
    said = _DRAFT.search(str(value.get("$schema", ""))) if isinstance(value, dict) else None
    anchored = _Anchored(f"{place}/schema")
    try:
        schema = anchored.moved(value)
    except RecursionError:
        schema, anchored.unresolved = value, {"nested too deeply"}
    return Carried(
        {"schemaFormat": _JSON.format(said[1] if said else _DEFAULT_DRAFT), "schema": schema},
        tuple(sorted(anchored.unresolved)),
    )


def _split_names(node: Any, space: str) -> Any:
    """An Avro schema whose named types have a namespace instead of a name with dots."""
    if isinstance(node, list):
        return [_split_names(each, space) for each in node]
    if not isinstance(node, dict):
        return node
    made = dict(node)
    if isinstance(name := node.get("name"), str) and node.get("type") in ("record", "error", "enum", "fixed"):
        home, _, short = name.rpartition(".")
        if home:
            made = {
                "name": short,
                "namespace": home,
                **{key: value for key, value in node.items() if key not in _NAMES[:2]},
            }
        space = str(made.get("namespace", space))
        if "aliases" in made:
            made["aliases"] = [str(each).removeprefix(f"{space}.") if space else each for each in made["aliases"]]
    for key in ("type", "items", "values"):
        if isinstance(made.get(key), dict | list):
            made[key] = _split_names(made[key], space)
    if isinstance(made.get("fields"), list):
        made["fields"] = [_split_names(each, space) for each in made["fields"]]
    return made


def _avro_nodes(node: Any) -> Iterator[Any]:
    """Unions, types with members and fields of an Avro schema."""
    if isinstance(node, list):
        yield node
        for each in node:
            yield from _avro_nodes(each)
    elif isinstance(node, dict):
        yield node
        for key in ("type", "items", "values"):
            yield from _avro_nodes(node.get(key))
        for each in node.get("fields") or ():
            yield from _avro_nodes(each)


def _is_narrow(node: Any) -> bool:
    """Whether AsyncAPI's own JSON Schema has words for a node."""
    if isinstance(node, list):
        return bool(node)
    return node.get("type") != "error" and not any("." in str(alias) for alias in node.get("aliases") or ())


@dataclass(slots=True)
class _Anchored:
    """A JSON Schema whose references count from a place of another document."""

    place: str
    resources: dict[str, str] = field(default_factory=dict)
    """Pointers by URI: of resources, and of anchors with their fragment."""
    unresolved: set[str] = field(default_factory=set)

    def moved(self, schema: Any) -> Any:
        self.resources[""] = ""
        for pointer, base, node in _walked(schema, "", "", named=False):
            if base not in self.resources:
                self.resources[base] = pointer
            for anchor in ("$anchor", "$dynamicAnchor"):
                if isinstance(name := node.get(anchor), str):
                    self.resources[f"{base}#{name}"] = pointer
            if isinstance(own := node.get("$id"), str) and own.startswith("#"):
                self.resources[f"{base}{own}"] = pointer
        return self._rewritten(schema, "", named=False)

    def _rewritten(self, node: Any, base: str, *, named: bool) -> Any:
        if isinstance(node, list):
            return [self._rewritten(each, base, named=False) for each in node]
        if not isinstance(node, dict):
            return node
        if named:
            return {name: self._rewritten(each, base, named=False) for name, each in node.items()}
        base = _base(node, base)
        made: dict[str, Any] = {}
        for key, value in node.items():
            if key in _REFERRING and isinstance(value, str):
                made[key] = self._target(value, base)
            elif key in _DYNAMIC:
                self.unresolved.add(str(value))
                made[key] = value
            elif key == "$id":
                made["x-id"] = value  # as `$id` it would say that references count from there
            elif key in _VALUES:
                made[key] = value
            else:
                made[key] = self._rewritten(value, base, named=key in _BY_NAME)
        return made

    def _target(self, reference: str, base: str) -> str:
        uri, fragment = urldefrag(urljoin(base, reference) if reference[:1] != "#" else base + reference)
        if fragment and not fragment.startswith("/"):
            found = self.resources.get(f"{uri}#{unquote(fragment)}")
            pointer = "" if found is None else found
        else:
            found, pointer = self.resources.get(uri), ""
            pointer = f"{found}{fragment}"
        if found is None:
            self.unresolved.add(reference)
            return reference
        return f"{self.place}{pointer}"


def _base(node: Mapping[str, Any], base: str) -> str:
    own = node.get("$id")
    return urldefrag(urljoin(base, own))[0] if isinstance(own, str) and not own.startswith("#") else base


def _walked(node: Any, pointer: str, base: str, *, named: bool) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every schema below a node: its pointer, the URI that its references count from, and itself."""
    if isinstance(node, list):
        for index, each in enumerate(node):
            yield from _walked(each, f"{pointer}/{index}", base, named=False)
    elif isinstance(node, dict):
        if not named:
            base = _base(node, base)
            yield pointer, base, node
        for key, each in node.items():
            if named or key not in _VALUES:
                step = key.replace("~", "~0").replace("/", "~1")
                yield from _walked(each, f"{pointer}/{step}", base, named=not named and key in _BY_NAME)
