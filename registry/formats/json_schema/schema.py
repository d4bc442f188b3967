"""The JSON Schema format: texts in, schemas out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from weakref import WeakKeyDictionary

from registry.errors import InvalidSchema
from registry.formats.base import Field, Finding, Policy, Schema, Source, Tagging
from registry.formats.json_schema import compare, tags
from registry.formats.json_schema.bundle import bundled
from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.fields import fields
from registry.formats.json_schema.model import Graph
from registry.formats.json_schema.resources import Document, Place, load, refusal, target
from registry.formats.json_schema.text import FORMAT as NAME
from registry.formats.json_schema.text import write

_REMEMBERED = 64
"""Longer lists of findings are worked out again rather than kept."""


@dataclass(frozen=True, slots=True, eq=False)
class JsonSchema(Schema):
    """A parsed JSON Schema with everything it refers to."""

    format: ClassVar[str] = NAME
    source: Source
    canonical: str
    document: Document = field(repr=False)
    graph: Graph = field(repr=False)

    @property
    def draft(self) -> Draft:
        """The draft the schema is read as."""
        return self.document.draft

    def normalized(self) -> str:
        """Canonical text with the members of every object sorted by name."""
        return write(self.document.value, sort=True)

    def inlined(self) -> str:
        """Canonical text with all referenced schemas embedded as definitions that keep their names."""
        return write(bundled(self.document)) if self.source.references else self.canonical

    def render(self, rendering: str) -> str:
        """`resolved` stands alone; every other rendering is the canonical text."""
        return self.inlined() if rendering == "resolved" else self.canonical

    def fields(self) -> Sequence[Field]:
        """Every property an event may hold."""
        return tuple(fields(self.graph))

    def tags(self) -> Sequence[Tagging]:
        """The `confluent:tags` of the text."""
        return tuple(tags.tags(self.document))

    def retagged(self, add: Iterable[Tagging], remove: Iterable[Tagging]) -> str:
        """The canonical text with tags added and removed. Raises InvalidSchema for a path that is not there."""
        return tags.retagged(self.document, add, remove)

    def findings(self, writer: Schema, policy: Policy = Policy.STRICT) -> Sequence[Finding]:
        """Confluent's verdict: errors, then warnings about what its check does not look at."""
        if not isinstance(writer, JsonSchema):
            raise TypeError(f"a JSON Schema is compared with another one, not with {writer.format}")
        if self.canonical == writer.canonical and self.source.references == writer.source.references:
            return ()
        known: WeakKeyDictionary[Graph, dict[Policy, Sequence[Finding]]] = self.graph.memo.setdefault(
            "findings", WeakKeyDictionary()
        )
        answers = known.setdefault(writer.graph, {})
        found = answers.get(policy)
        if found is None:
            found = compare.findings(self.graph, writer.graph, policy)
            if len(found) <= _REMEMBERED:
                answers[policy] = found
        return found


class JsonSchemaFormat:
    """The plug-in for schemas of type JSON."""

    name = NAME

    def parse(self, source: Source, *, strict: bool = True) -> JsonSchema:
        """Read a schema, check it against its draft and follow its references; nothing is fetched.

        `strict=False` accepts keywords with wrong values and patterns that do not compile.
        Raises InvalidSchema, with a JSON pointer where one is known.
        """
        document = load(source, strict=strict)
        if strict:
            _check_loops(document)
            _check_patterns(document)
        return JsonSchema(source, write(document.value), document, Graph(document))


def _check_loops(document: Document) -> None:
    """Refuse a `$ref` that leads back to itself without meeting a keyword that asserts anything."""
    done: set[int] = set()
    for place, keyword in document.referring:
        if keyword != "$ref" or id(place) in done:
            continue
        trail: list[Place] = [place]
        seen = {id(place)}
        while (following := _only_refers(trail[-1])) is not None and id(following) not in done:
            if id(following) in seen:
                reference = place.value["$ref"]
                raise refusal(place, ("$ref",), f"the reference '{reference}' leads back to itself")
            seen.add(id(following))
            trail.append(following)
        done |= seen


def _only_refers(place: Place) -> Place | None:
    value = place.value
    if type(value) is not dict or type(value.get("$ref")) is not str:
        return None
    return target(place, value["$ref"]) if place.draft.ref_stands_alone or len(value) == 1 else None


def _check_patterns(document: Document) -> None:
    """Refuse a regular expression that neither ECMAScript's syntax nor Python's allows."""
    for place in document.places.values():
        if type(place.value) is not dict:
            continue
        if type(pattern := place.value.get("pattern")) is str:
            _check_pattern(place, ("pattern",), pattern)
        if type(named := place.value.get("patternProperties")) is dict:
            for each in named:
                _check_pattern(place, ("patternProperties", each), each)


def _check_pattern(place: Place, steps: tuple[str, ...], pattern: str) -> None:
    from registry.formats.json_schema.patterns import is_regular_expression

    if not is_regular_expression(pattern):
        shown = pattern if len(pattern) <= 80 else pattern[:79] + "…"
        raise refusal(place, steps, f"'{shown}' is not a regular expression")


FORMAT = JsonSchemaFormat()

__all__ = ["FORMAT", "InvalidSchema", "JsonSchema"]
