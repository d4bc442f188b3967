"""Where schemas lie and what `$ref` means: documents, resources, anchors, references. Nothing is ever fetched.

    Document   one schema text with the documents its references name
    Place      one schema in a document: its value, JSON pointer, base URI and draft

A `$ref` is looked up in its own document, then among the references the client gave (by name as written, by name
against the base URI, by the `$id` of the referenced text), then among theirs, last among the five meta-schemas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote, urldefrag, urljoin

from registry.errors import InvalidSchema
from registry.formats.base import Source
from registry.formats.json_schema.dialects import KEYWORDS, Draft, Holds, draft_of, schema_check
from registry.formats.json_schema.text import FORMAT, Json, at, line_and_column, pointer, read, spans, steps

# A document without an $id needs some base for its relative references; nobody reads it.
ROOT_URI = "http://root.invalid/"

MAX_SCHEMAS = 100_000
MAX_DOCUMENTS = 1_000
REFERRING = ("$ref", "$recursiveRef", "$dynamicRef")
RECURSIVE = "$recursiveAnchor"
"""The name under which 2019-09's nameless dynamic anchors are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A schema inside a document; there is one Place for each, so that identity is equality."""

    document: Document
    path: tuple[str, ...]
    value: Json
    base: str
    draft: Draft

    @property
    def pointer(self) -> str:
        """The JSON pointer into the document's text."""
        return pointer(self.path)


@dataclass(slots=True, eq=False)
class Document:
    """One schema text, indexed. Made by `load`."""

    source: Source
    value: Json
    uri: str
    draft: Draft
    references: dict[str, Document] = field(default_factory=dict)
    places: dict[tuple[str, ...], Place] = field(default_factory=dict)
    resources: dict[str, Place] = field(default_factory=dict)
    anchors: dict[tuple[str, str], Place] = field(default_factory=dict)
    dynamic: dict[str, dict[str, Place]] = field(default_factory=dict)
    """Base URI of a resource → its dynamic anchors."""
    referring: list[tuple[Place, str]] = field(default_factory=list)

    @property
    def root(self) -> Place:
        """The whole document."""
        return self.places[()]

    def closure(self) -> Iterator[Document]:
        """This document and every one below it, nearest first."""
        seen: set[int] = set()
        level = [self]
        while level:
            below: list[Document] = []
            for document in level:
                if id(document) not in seen:
                    seen.add(id(document))
                    yield document
                    below.extend(document.references.values())
            level = below


def load(source: Source, *, strict: bool = True) -> Document:
    """Read a text and everything it refers to, check keywords and that each reference leads somewhere.

    Raises InvalidSchema. With `strict=False` keywords are not checked; references always are.
    """
    document = _load(source, strict)
    for each in list(document.closure()):
        # Following a reference can make schemas of places that no keyword showed, with references of their own.
        for place, keyword in _growing(each.referring):
            target(place, place.value[keyword])
    return document


def _growing(referring: list[tuple[Place, str]]) -> Iterator[tuple[Place, str]]:
    index = 0
    while index < len(referring):
        yield referring[index]
        index += 1


def _load(source: Source, strict: bool) -> Document:
    """The documents of a source, equal ones once; deepest first, without recursion.

    Sources are not hashed: that recurses, and repeats for every level.
    """
    order: list[Source] = []
    stack, seen = [(source, False)], set[int]()
    while stack:
        current, ready = stack.pop()
        if ready:
            order.append(current)
        elif id(current) not in seen:
            seen.add(id(current))
            stack.append((current, True))
            stack.extend((below, False) for _, below in current.references)
        if len(seen) > MAX_DOCUMENTS:
            raise InvalidSchema(FORMAT, f"more than {MAX_DOCUMENTS:,} schemas are referred to")
    made: dict[int, Document] = {}
    equal: dict[tuple[str, tuple[tuple[str, int], ...]], Document] = {}
    for current in order:
        references = {name: made[id(below)] for name, below in current.references}
        key = (current.text, tuple((name, id(below)) for name, below in references.items()))
        if (document := equal.get(key)) is None or current is source:
            document = equal[key] = _index(current, strict and current is source)
            document.references = references
        made[id(current)] = document
    return made[id(source)]


def _index(source: Source, strict: bool) -> Document:
    value = read(source.text)
    if type(value) not in (dict, bool):
        raise InvalidSchema(FORMAT, "a schema is an object, true or false", path="", line=1, column=1)
    draft = draft_of(value)
    uri = ROOT_URI
    if type(value) is dict and type(own := value.get(draft.id_keyword)) is str and not own.startswith("#"):
        uri = absolute(ROOT_URI, urldefrag(own).url)
    document = Document(source, value, uri, draft)
    _walk(document, Place(document, (), value, uri, draft), strict)
    return document


def absolute(base: str, reference: str) -> str:
    """A URI reference against a base; a malformed one stays as it is."""
    try:
        return urljoin(base, reference) if reference else base
    except ValueError:  # urljoin refuses some malformed hosts
        return reference


def _walk(document: Document, start: Place, strict: bool) -> None:
    """Index a schema and all below it."""
    level = [start]
    while level:
        below: list[Place] = []
        for place in level:
            entered = _enter(document, place)
            if type(entered.value) is dict:
                below.extend(_subschemas(entered, strict))
        if len(document.places) > MAX_SCHEMAS:
            raise InvalidSchema(FORMAT, f"the schema holds more than {MAX_SCHEMAS:,} subschemas")
        level = below


def _enter(document: Document, place: Place) -> Place:
    """Note what a schema is called and what it refers to; answers it with the base URI that holds inside it."""
    value = place.value
    if type(value) is dict:
        alone = place.draft.ref_stands_alone and type(value.get("$ref")) is str
        own = value.get(place.draft.id_keyword)
        if type(own) is str and not alone:
            if own.startswith("#") and place.draft <= Draft.DRAFT_7:
                document.anchors.setdefault((place.base, own[1:]), place)
            elif place.path:
                base = absolute(place.base, urldefrag(own).url)
                place = Place(document, place.path, value, base, draft_of(value, place.draft))
            document.resources.setdefault(place.base, place)
        if place.draft >= Draft.DRAFT_2019_09:
            _note_anchors(document, place, value)
        document.referring.extend(
            (place, keyword) for keyword in _references_of(place.draft) if type(value.get(keyword)) is str
        )
    if not place.path:
        document.resources.setdefault(place.base, place)
    document.places[place.path] = place
    return place


def _references_of(draft: Draft) -> tuple[str, ...]:
    if draft == Draft.DRAFT_2019_09:
        return ("$ref", "$recursiveRef")
    return ("$ref", "$dynamicRef") if draft == Draft.DRAFT_2020_12 else ("$ref",)


def _note_anchors(document: Document, place: Place, value: dict[str, Json]) -> None:
    for keyword in ("$anchor", "$dynamicAnchor"):
        if type(name := value.get(keyword)) is str:
            document.anchors.setdefault((place.base, name), place)
            if keyword == "$dynamicAnchor":
                document.dynamic.setdefault(place.base, {}).setdefault(name, place)
    if value.get("$recursiveAnchor") is True and place.draft == Draft.DRAFT_2019_09:
        document.dynamic.setdefault(place.base, {}).setdefault(RECURSIVE, place)


def _subschemas(place: Place, strict: bool) -> Iterator[Place]:
    value, draft = place.value, place.draft
    alone = draft.ref_stands_alone and type(value.get("$ref")) is str
    table = KEYWORDS[draft]
    for name, content in value.items():
        keyword = table.get(name)
        if keyword is None:
            continue
        if strict and (wanted := keyword.check(content)) is not None:
            raise refusal(place, (name,), f"{name} should be {wanted}")
        if alone and name not in ("definitions", "$defs"):
            continue  # beside a $ref nothing means anything, yet definitions are reached by pointers
        for step, schema in children(keyword.holds, content):
            if type(schema) in (dict, bool):
                if strict and schema_check(draft)(schema) is not None and name not in _BOOLEAN_IN_DRAFT_4:
                    raise refusal(place, (name, *step), f"{name} should be a schema (an object) in draft-04")
                yield Place(place.document, (*place.path, name, *step), schema, place.base, draft)
            elif strict and keyword.holds != Holds.MAP_OF_SOME and not (name == "$defs" and draft <= Draft.DRAFT_7):
                raise refusal(place, (name, *step), f"{name} should hold schemas (objects, true or false)")
    if strict and draft == Draft.DRAFT_4:
        for bound in ("maximum", "minimum"):
            exclusive = "exclusiveM" + bound[1:]
            if exclusive in value and bound not in value:
                raise refusal(place, (exclusive,), f"{exclusive} needs {bound} beside it in draft-04")


_BOOLEAN_IN_DRAFT_4 = ("additionalItems", "additionalProperties")


def children(holds: Holds, content: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    """The values a keyword holds as schemas, with their steps below the keyword."""
    if holds in (Holds.MAP, Holds.MAP_OF_SOME):
        if type(content) is dict:
            for name, schema in content.items():
                yield (name,), schema
    elif type(content) is list and holds in (Holds.LIST, Holds.ONE_OR_LIST):
        for index, schema in enumerate(content):
            yield (str(index),), schema
    elif holds in (Holds.ONE, Holds.ONE_OR_LIST):
        yield (), content


def refusal(place: Place, step: tuple[str, ...], reason: str) -> InvalidSchema:
    """What is wrong at a keyword of a schema, with where that is in the text."""
    path = (*place.path, *step)
    text = place.document.source.text
    found = next((start for where, start, _, _ in spans(text) if where == path), None)
    line, column = (None, None) if found is None else line_and_column(text, found)
    where = f"at '{pointer(path)}': {reason}"
    return InvalidSchema(FORMAT, where, path=pointer(path), line=line, column=column)


# -------------------------------------------------------------------------------------------------- references


def target(place: Place, reference: str) -> Place:
    """What a `$ref` found at a place leads to. Raises InvalidSchema, naming it, when that is nothing."""
    without, _, fragment = reference.partition("#")
    if not without and place.base not in place.document.resources:
        resource: Place | None = place.document.root
    elif not without:
        resource = place.document.resources[place.base]
    else:
        resource = _resource(place.document, place.base, without)
    if resource is None:
        raise refusal(
            place,
            ("$ref",) if place.value.get("$ref") == reference else (),
            f"the reference '{reference}' does not resolve: it is neither in this schema nor among its references, "
            "and nothing is fetched",
        )
    found = _fragment(resource, unquote(fragment))
    if found is None:
        raise refusal(
            place,
            ("$ref",) if place.value.get("$ref") == reference else (),
            f"the reference '{reference}' does not resolve: there is no '{fragment}' in '{without or 'this schema'}'",
        )
    return found


def _resource(document: Document, base: str, name: str) -> Place | None:
    uri = absolute(base, name)
    if (own := document.resources.get(uri)) is not None:
        return own
    for given in (name, uri):
        if (referred := document.references.get(given)) is not None:
            return referred.root
    for each in document.closure():
        for given, referred in each.references.items():
            if absolute(document.uri, given) == uri or referred.uri == uri:
                return referred.root
            if (found := referred.resources.get(uri)) is not None:
                return found
    return _meta_schema(uri)


def _fragment(resource: Place, fragment: str) -> Place | None:
    if not fragment:
        return resource
    document = resource.document
    if not fragment.startswith("/"):
        return document.anchors.get((resource.base, fragment))
    path = (*resource.path, *steps(fragment))
    if (known := document.places.get(path)) is not None:
        return known
    try:
        value = at(document.value, path)
    except (LookupError, ValueError):
        return None
    if type(value) not in (dict, bool):
        return None
    # Not under a keyword that holds schemas (`#/components/…`): it becomes a schema by being referred to.
    base, draft = next(
        ((near.base, near.draft) for cut in range(len(path) - 1, -1, -1) if (near := document.places.get(path[:cut]))),
        (document.uri, document.draft),
    )
    _walk(document, Place(document, path, value, base, draft), strict=False)
    return document.places[path]


@cache
def _meta_documents() -> dict[str, Document]:
    # Few schemas refer to them, so they are read only then.
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped] # it ships none

    documents = {}
    for uri in REGISTRY:
        documents[uri] = _index(Source(json.dumps(REGISTRY.contents(uri))), strict=False)
    for document in documents.values():
        document.references = documents
    return documents


def _meta_schema(uri: str) -> Place | None:
    if not uri.startswith(("http://json-schema.org/", "https://json-schema.org/")):
        return None
    document = _meta_documents().get(uri)
    return document.root if document is not None else None
