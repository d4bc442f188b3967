"""Inline tags: `"confluent:tags": ["PII"]` on properties and object schemas, found and edited by entity path.

An entity path names the root and then properties, with dots between: `Customer.address.zip`.

    root      the title of the root schema, or `object` where it has none; `$`, `object` and a leading dot are
              understood as well, and the root may be left out
    property  its name; a name may hold dots itself
    *         each item of an array, each value of a map; may be left out
    type      `sr_field`: the property's own schema; `sr_record`: the object it leads to, behind any `$ref`

Words for types (`array`, `object`) between the names, as Confluent's clients write them, are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.errors import InvalidSchema
from registry.formats.base import Tagging
from registry.formats.json_schema.bundle import copied
from registry.formats.json_schema.fields import TAGS
from registry.formats.json_schema.resources import Document, Place, target
from registry.formats.json_schema.text import FORMAT, Json, write

RECORD, FIELD = "sr_record", "sr_field"
_PASSED_OVER = ("object", "array", "*", "$")
_MAX_ENTITIES = 20_000
_MAX_DEPTH = 64


def tags(document: Document) -> Iterator[Tagging]:
    """The tags of the text by entity, outermost first."""
    root = document.root
    stack: list[tuple[str, Place, bool, frozenset[int]]] = [(root_name(document), root, False, frozenset())]
    count = 0
    while stack and count < _MAX_ENTITIES:
        count += 1
        path, place, is_field, above = stack.pop()
        if is_field and (own := _tags(place)):
            yield Tagging(path, FIELD, own)
        seen = place if is_field else None
        place = _behind(place)
        if place is not seen and (own := _tags(place)):
            yield Tagging(path, RECORD, own)
        if id(place) in above or len(above) > _MAX_DEPTH:
            continue
        inner = above | {id(place)}
        stack.extend(
            (f"{path}.{step}", below, is_property, inner) for step, below, is_property in reversed(list(_below(place)))
        )


def root_name(document: Document) -> str:
    """What entity paths of a document start with."""
    title = document.value.get("title") if type(document.value) is dict else None
    return title if type(title) is str and title else "object"


def _tags(place: Place) -> tuple[str, ...]:
    found = place.value.get(TAGS) if type(place.value) is dict else None
    return tuple(tag for tag in found if type(tag) is str) if type(found) is list else ()


def _behind(place: Place) -> Place:
    """The schema a `$ref` leads to, as long as it lies in the same text."""
    seen: set[int] = set()
    while type(place.value) is dict and type(place.value.get("$ref")) is str and id(place) not in seen:
        seen.add(id(place))
        behind = target(place, place.value["$ref"])
        if behind.document is not place.document:
            break
        place = behind
    return place


def _below(place: Place, seen: set[int] | None = None) -> Iterator[tuple[str, Place, bool]]:
    """One step further: properties by name, items and map values as `*`; combinations are seen through, each once."""
    value, places = place.value, place.document.places
    seen = set() if seen is None else seen
    if type(value) is not dict or id(place) in seen:
        return
    seen.add(id(place))
    for name, content in value.items():
        if name == "properties" and type(content) is dict:
            for each in content:
                if (found := places.get((*place.path, name, each))) is not None:
                    yield each, found, True
        elif name in ("patternProperties", "allOf", "anyOf", "oneOf", "prefixItems", "items") and content:
            keys = content if type(content) is dict and name == "patternProperties" else ()
            steps = [str(index) for index in range(len(content))] if type(content) is list else list(keys)
            nested = [places.get((*place.path, name, step)) for step in steps]
            if name == "items" and type(content) is dict:
                nested = [places.get((*place.path, name))]
            for found in nested:
                if found is not None and name.endswith("Of"):
                    yield from _below(_behind(found), seen)
                elif found is not None:
                    yield "*", found, False
        elif name in ("additionalProperties", "additionalItems") and type(content) is dict:
            yield "*", places[(*place.path, name)], False


# --------------------------------------------------------------------------------------------------------- editing


def retagged(document: Document, add: Iterable[Tagging], remove: Iterable[Tagging]) -> str:
    """The text with tags added, then removed. Raises InvalidSchema for an entity that is not there."""
    value = copied(document.value)
    for tagging in add:
        holder = _Holder.of(document, value, tagging)
        present = holder.tags()
        holder.put([*present, *(tag for tag in dict.fromkeys(tagging.tags) if tag not in present)])
    for tagging in remove:
        holder = _Holder.of(document, value, tagging)
        holder.put([tag for tag in holder.tags() if tag not in tagging.tags])
    return write(value)


def find(document: Document, tagging: Tagging) -> Place:
    """The schema an entity path names. Raises InvalidSchema if there is none."""
    if tagging.type not in (RECORD, FIELD):
        raise InvalidSchema(FORMAT, f"'{tagging.type}' is not an entity type: {RECORD} or {FIELD}")
    rest = tagging.path.removeprefix(".")
    starts = [rest]
    for word in (root_name(document), *_PASSED_OVER):
        if rest == word or rest.startswith(word + "."):
            starts.insert(0, rest[len(word) + 1 :])
    for start in starts:
        found = _descend(document.root, start, tagging.type, _MAX_DEPTH)
        if found is not None:
            return found
    raise InvalidSchema(FORMAT, f"there is no {tagging.type} '{tagging.path}' in the schema")


def _descend(place: Place, rest: str, kind: str, depth: int) -> Place | None:
    if not rest:
        behind = _behind(place)
        is_property = len(place.path) > 1 and place.path[-2] == "properties"
        if kind == FIELD:
            return place if is_property else None
        return behind if type(behind.value) is not dict or "type" not in behind.value or _is_record(behind) else None
    if depth == 0:
        return None
    below = list(_below(_behind(place)))
    for step, found, is_property in below:
        if is_property and (rest == step or rest.startswith(step + ".")):
            answer = _descend(found, rest[len(step) + 1 :], kind, depth - 1)
            if answer is not None:
                return answer
    for step, found, _ in below:
        if step == "*" and (answer := _descend(found, rest.removeprefix("*").removeprefix("."), kind, depth - 1)):
            return answer
    for word in _PASSED_OVER:
        if rest == word or rest.startswith(word + "."):
            return _descend(place, rest[len(word) + 1 :], kind, depth - 1)
    return None


def _is_record(place: Place) -> bool:
    stated = place.value.get("type")
    return stated == "object" or (type(stated) is list and "object" in stated)


@dataclass(frozen=True, slots=True)
class _Holder:
    """Where an entity's tags are written in a copy of the document's value."""

    parent: Json
    key: str | int | None
    root: Json
    tagging: Tagging

    @classmethod
    def of(cls, document: Document, value: Json, tagging: Tagging) -> _Holder:
        place = find(document, tagging)
        if place.document is not document:
            raise InvalidSchema(FORMAT, f"'{tagging.path}' is defined by a reference, and tags go into its own text")
        parent: Json = None
        key: str | int | None = None
        current = value
        for step in place.path:
            parent, key = current, int(step) if type(current) is list else step
            current = current[key]
        return cls(parent, key, value, tagging)

    @property
    def schema(self) -> Json:
        return self.root if self.parent is None else self.parent[self.key]

    def tags(self) -> list[str]:
        found = self.schema.get(TAGS) if type(self.schema) is dict else None
        return [tag for tag in found if type(tag) is str] if type(found) is list else []

    def put(self, found: list[str]) -> None:
        schema = self.schema
        if schema is True and found and self.parent is not None:
            schema = self.parent[self.key] = {}
        if type(schema) is not dict:
            if found:
                raise InvalidSchema(FORMAT, f"'{self.tagging.path}' is the schema {write(schema)}, which holds no tags")
            return
        if found:
            schema[TAGS] = found
        else:
            schema.pop(TAGS, None)
