"""The JSON Schema (draft 2020-12) of a verb's document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from tenor.cli.documents import identifier
from tenor.cli.documents.shapes import DIALECT, DOCUMENTS, SHARED, Answer, JsonSchema, Shape

Schema = dict[str, Any]

_TEMPLATE = "#/$defs/{name}"


def schema_of(name: str) -> Schema:
    """The schema of the documents of a verb, or of `error`. Raises KeyError for another name."""
    shapes, known = DOCUMENTS[name], answers()
    defs: Schema = {}
    roots = [_root(shape, name, known, defs) for shape in shapes]
    waiting = [each for root in (*roots, *defs.values()) for each in referred(root)]
    while waiting:
        wanted = waiting.pop()
        if wanted not in defs:
            defs[wanted] = _extended(SHARED[wanted], known, defs) if wanted in SHARED else known[wanted]
            # What is shared brings definitions of its own along.
            waiting += referred(list(defs.values()) if wanted in SHARED else defs[wanted])
    head = {"$schema": DIALECT, "$id": identifier(name), "title": f"tenor {name}"}
    body = roots[0] if len(roots) == 1 else {"anyOf": roots}
    return deepcopy({**head, **body, **head, **({"$defs": dict(sorted(defs.items()))} if defs else {})})


def names_of_answers() -> set[str]:
    """The answers that the shapes name themselves."""
    shapes: list[Shape] = [shape for each in DOCUMENTS.values() for shape in each]
    wanted = {shape.name for shape in (*shapes, *SHARED.values()) if isinstance(shape, Answer)}
    more = [shape.more for shape in (*shapes, *SHARED.values()) if isinstance(shape, Answer) and shape.more]
    structs = [shape for shape in shapes if isinstance(shape, type)]
    _, defs = msgspec.json.schema_components([*structs, *more], ref_template=_TEMPLATE)
    own = {each for shape in defs.values() for each in referred(shape)} - defs.keys()
    return (wanted | own) - SHARED.keys()


def referred(schema: Any) -> Iterator[str]:
    """The definitions that a schema refers to."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if isinstance(reference := each.get("$ref"), str) and reference.startswith("#/$defs/"):
                yield reference.removeprefix("#/$defs/")
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


@cache
def answers() -> Mapping[str, Schema]:
    """The schemas of registries' answers."""
    read: dict[str, Schema] = json.loads(files("tenor.cli.documents").joinpath("answers.json").read_bytes())
    return read


def _root(shape: Shape, name: str, known: Mapping[str, Schema], defs: Schema) -> Schema:
    if isinstance(shape, JsonSchema):
        member = {"$schema": {"const": DIALECT}}
        return {"type": "object", "properties": member, "required": ["$schema"], "$ref": DIALECT}
    found = _extended(shape, known, defs) if isinstance(shape, Answer) else _struct(shape, defs)
    properties = {"$schema": {"const": identifier(name)}, **found.get("properties", {})}
    return {**found, "properties": properties, "required": ["$schema", *found.get("required", ())]}


def _extended(shape: Answer, known: Mapping[str, Schema], defs: Schema) -> Schema:
    found = known[shape.name]
    more = _struct(shape.more, defs) if shape.more is not None else {}
    required: Iterable[str] = () if shape.partial else found.get("required", ())
    members = {**found["properties"], **more.get("properties", {})}
    return {**found, "properties": members, "required": sorted({*required, *more.get("required", ())})}


def _struct(shape: type[msgspec.Struct], defs: Schema) -> Schema:
    (reference,), found = msgspec.json.schema_components([shape], ref_template=_TEMPLATE)
    own: Schema = found.pop(next(referred(reference)))
    defs |= found
    return own
