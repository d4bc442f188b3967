"""One meaning, one form: any schema of any draft as a self-contained 2020-12 schema of assertions only.

    draft-04 {"maximum": 3, "exclusiveMaximum": true, "title": "t"}   →   {"exclusiveMaximum": 3}

Ids, anchors, dynamic references, annotations, `format` and `content*` are gone; every `$ref` is `#/$defs/<name>`.
Sampling, validity and the semantic verdict work on this form alone. Numbers are int or Decimal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.model import Graph, Scope, entered
from registry.formats.json_schema.regexes import matches_everything
from registry.formats.json_schema.resources import REFERRING, Place
from registry.formats.json_schema.text import Json, is_integer, is_number

MAX_SCHEMAS = 20_000


class TooLarge(Exception):
    """The schema is nested too deeply, or too large, to be reasoned about."""


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """A schema in plain form."""

    root: Json
    definitions: dict[str, Json]
    places: dict[int, Place]
    """Where each schema (by its identity) comes from."""
    schemas: dict[int, Json]
    """What each place (by its identity) became."""
    size: int

    def document(self, schema: Json | None = None) -> Json:
        """A JSON Schema that stands alone: the whole, or one of its subschemas."""
        inner = self.root if schema is None else schema
        return {"$schema": Draft.DRAFT_2020_12.uri, "allOf": [inner], "$defs": self.definitions}

    def resolved(self, schema: Json) -> Json:
        """What a `$ref` of this form leads to."""
        return self.definitions[schema["$ref"][len("#/$defs/") :]]


def together(one: Plain, other: Plain) -> Plain:
    """The first form, with the references of both; they were made with different prefixes."""
    return Plain(
        one.root,
        one.definitions | other.definitions,
        one.places | other.places,
        one.schemas | other.schemas,
        one.size + other.size,
    )


def plain(graph: Graph, prefix: str = "d") -> Plain:
    """The plain form of a schema, its definitions named after a prefix. Raises TooLarge."""
    key = f"plain {prefix}"
    found: Plain | TooLarge | None = graph.memo.get(key)
    if found is None:
        try:
            found = _Writer(graph, prefix).write()
        except RecursionError:
            found = TooLarge("the schema is nested too deeply")
        except TooLarge as error:
            found = error
        graph.memo[key] = found
    if isinstance(found, TooLarge):
        raise found
    return found


_COPIED_NUMBERS = ("multipleOf", "maximum", "minimum")
_COPIED_SIZES = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")


@dataclass(slots=True)
class _Writer:
    graph: Graph
    prefix: str
    names: dict[tuple[int, Scope], str] = field(default_factory=dict)
    waiting: list[tuple[str, Place, Scope]] = field(default_factory=list)
    places: dict[int, Place] = field(default_factory=dict)
    schemas: dict[int, Json] = field(default_factory=dict)
    size: int = 0

    def write(self) -> Plain:
        root = self.schema(self.graph.document.root, ())
        definitions: dict[str, Json] = {}
        while self.waiting:
            name, place, scope = self.waiting.pop()
            definitions[name] = self.schema(place, scope)
        return Plain(root, definitions, self.places, self.schemas, self.size)

    def reference(self, place: Place, scope: Scope) -> dict[str, Json]:
        key = (id(place), entered(scope, place))
        if key not in self.names:
            self.names[key] = f"{self.prefix}{len(self.names)}"
            self.waiting.append((self.names[key], place, scope))
        return {"$ref": f"#/$defs/{self.names[key]}"}

    def schema(self, place: Place, scope: Scope) -> Json:
        self.size += 1
        if self.size > MAX_SCHEMAS:
            raise TooLarge("the schema is too large")
        value = place.value
        if type(value) is bool:
            return value
        scope = entered(scope, place)
        references = self.references(place, scope)
        if place.draft.ref_stands_alone and references:
            return references[0]
        out: dict[str, Json] = {}
        self.scalars(place, out)
        self.combinations(place, scope, out)
        self.objects(place, scope, out)
        self.arrays(place, scope, out)
        if len(references) == 1:
            out |= references[0]
        elif references:
            out["allOf"] = [*references, *out.get("allOf", ())]
        self.places[id(out)] = place
        self.schemas[id(place)] = out
        return out

    def references(self, place: Place, scope: Scope) -> list[dict[str, Json]]:
        found = []
        for keyword in REFERRING:
            if type(place.value.get(keyword)) is str:
                behind = self.graph.referred(place, keyword, scope)
                if behind is not None and (keyword == "$ref" or not place.draft.ref_stands_alone):
                    found.append(self.reference(behind, scope))
        return found

    def child(self, place: Place, scope: Scope, *steps: str) -> Json:
        return self.schema(place.document.places[(*place.path, *steps)], scope)

    def scalars(self, place: Place, out: dict[str, Json]) -> None:
        value, draft = place.value, place.draft
        if "type" in value:
            out["type"] = value["type"]
        if type(value.get("enum")) is list:
            out["enum"] = [numeric(each) for each in value["enum"]]
        if "const" in value and draft >= Draft.DRAFT_6:
            out["const"] = numeric(value["const"])
        for keyword in _COPIED_NUMBERS:
            if is_number(value.get(keyword)):
                out[keyword] = numeric(value[keyword])
        for keyword in _COPIED_SIZES:
            if is_integer(value.get(keyword)):
                out[keyword] = int(value[keyword])
        for bound, exclusive in (("maximum", "exclusiveMaximum"), ("minimum", "exclusiveMinimum")):
            written = value.get(exclusive)
            if draft == Draft.DRAFT_4:
                if written is True and bound in out:
                    out[exclusive] = out.pop(bound)
            elif is_number(written):
                out[exclusive] = numeric(written)
        pattern = value.get("pattern")
        if type(pattern) is str and not matches_everything(pattern):
            out["pattern"] = pattern
        if value.get("uniqueItems") is True:
            out["uniqueItems"] = True

    def combinations(self, place: Place, scope: Scope, out: dict[str, Json]) -> None:
        value, draft = place.value, place.draft
        for keyword in ("allOf", "anyOf", "oneOf"):
            if type(value.get(keyword)) is list and value[keyword]:
                count = len(value[keyword])
                out[keyword] = [self.child(place, scope, keyword, str(index)) for index in range(count)]
        if type(value.get("not")) in (dict, bool):
            out["not"] = self.child(place, scope, "not")
        if draft >= Draft.DRAFT_7 and type(value.get("if")) in (dict, bool):
            for keyword in ("if", "then", "else"):
                if type(value.get(keyword)) in (dict, bool):
                    out[keyword] = self.child(place, scope, keyword)

    def objects(self, place: Place, scope: Scope, out: dict[str, Json]) -> None:
        value, draft = place.value, place.draft
        if type(value.get("required")) is list:
            out["required"] = list(dict.fromkeys(name for name in value["required"] if type(name) is str))
        for keyword in ("properties", "patternProperties"):
            self.mapped(place, scope, keyword, keyword, out)
        for keyword, since in (
            ("additionalProperties", Draft.DRAFT_4),
            ("propertyNames", Draft.DRAFT_6),
            ("unevaluatedProperties", Draft.DRAFT_2019_09),
        ):
            if draft >= since and type(value.get(keyword)) in (dict, bool):
                out[keyword] = self.child(place, scope, keyword)
        if draft >= Draft.DRAFT_2019_09:
            self.mapped(place, scope, "dependentSchemas", "dependentSchemas", out)
            self.listed(place, "dependentRequired", out)
        else:
            self.mapped(place, scope, "dependencies", "dependentSchemas", out)
            self.listed(place, "dependencies", out)

    def mapped(self, place: Place, scope: Scope, keyword: str, into: str, out: dict[str, Json]) -> None:
        content = place.value.get(keyword)
        if type(content) is dict:
            names = [name for name, schema in content.items() if type(schema) in (dict, bool)]
            if names:
                out[into] = {name: self.child(place, scope, keyword, name) for name in names}

    def listed(self, place: Place, keyword: str, out: dict[str, Json]) -> None:
        content = place.value.get(keyword)
        if type(content) is dict:
            found = {name: list(entry) for name, entry in content.items() if type(entry) is list}
            if found:
                out["dependentRequired"] = found

    def arrays(self, place: Place, scope: Scope, out: dict[str, Json]) -> None:
        value, draft = place.value, place.draft
        prefix, rest = ("prefixItems", "items") if draft >= Draft.DRAFT_2020_12 else ("items", "additionalItems")
        if type(value.get(prefix)) is list:
            count = len(value[prefix])
            if count:
                out["prefixItems"] = [self.child(place, scope, prefix, str(index)) for index in range(count)]
            if type(value.get(rest)) in (dict, bool):
                out["items"] = self.child(place, scope, rest)
        elif type(value.get("items")) in (dict, bool):
            out["items"] = self.child(place, scope, "items")
        if draft >= Draft.DRAFT_6 and type(value.get("contains")) in (dict, bool):
            out["contains"] = self.child(place, scope, "contains")
            for keyword in ("minContains", "maxContains"):
                if draft >= Draft.DRAFT_2019_09 and is_integer(value.get(keyword)):
                    out[keyword] = int(value[keyword])
        if draft >= Draft.DRAFT_2019_09 and type(value.get("unevaluatedItems")) in (dict, bool):
            out["unevaluatedItems"] = self.child(place, scope, "unevaluatedItems")


def numeric(value: Json) -> Any:
    """A JSON value with its numbers as int or plain Decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else Decimal(value)
    if type(value) is dict:
        return {name: numeric(member) for name, member in value.items()}
    return [numeric(item) for item in value] if type(value) is list else value
