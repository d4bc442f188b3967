"""The real validator: jsonschema-rs under the schema's own draft, offline, in bounds.

What is shown to people (samples, witnesses) was judged by it. It knows nothing of the forms we reason in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry.formats.base import Source
from registry.formats.json_schema.bundle import bundled, copied
from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.plain import Plain, TooLarge, numeric, plain
from registry.formats.json_schema.resources import load
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.text import Json, at, write

MAX_WORK = 100_000
"""How many subschemas may apply to one value, by way of references and combinations."""
_ANNOTATING = ("format", "contentEncoding", "contentMediaType", "contentSchema")
_BACKTRACKS = 10_000


@dataclass(frozen=True, slots=True)
class Official:
    """Judges events; `complaint` is the validator's first sentence, None for a valid event."""

    _validator: Any

    def complaint(self, event: Json) -> tuple[str, str] | None:
        """What is wrong with an event: the sentence, and a JSON pointer into the event; None if nothing is."""
        for error in self._validator.iter_errors(event):
            path = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in error.instance_path)
            return error.message, path
        return None

    def valid(self, event: Json) -> bool:
        """Whether an event is valid."""
        return bool(self._validator.is_valid(event))


def official(schema: JsonSchema) -> Official:
    """The validator of a schema. Raises TooLarge where validating could take for ever or can't be done."""
    found: Official | TooLarge | None = schema.graph.memo.get("official")
    if found is None:
        try:
            found = _made(schema)
        except TooLarge as error:
            found = error
        schema.graph.memo["official"] = found
    if isinstance(found, TooLarge):
        raise found
    return found


def _made(schema: JsonSchema) -> Official:
    import jsonschema_rs

    form = plain(schema.graph)
    if _work(form) > MAX_WORK:
        raise TooLarge("too many subschemas apply to one value")
    classes: dict[Draft, Callable[..., Any]] = {
        Draft.DRAFT_4: jsonschema_rs.Draft4Validator,
        Draft.DRAFT_6: jsonschema_rs.Draft6Validator,
        Draft.DRAFT_7: jsonschema_rs.Draft7Validator,
        Draft.DRAFT_2019_09: jsonschema_rs.Draft201909Validator,
        Draft.DRAFT_2020_12: jsonschema_rs.Draft202012Validator,
    }
    try:
        return Official(
            classes[schema.draft](
                _asserting(schema),
                validate_formats=False,
                retriever=_refuse,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
            )
        )
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise TooLarge(f"the validator does not take the schema: {str(error)[:200]}") from None


def _refuse(uri: str) -> Json:
    raise ValueError(f"{uri} is not fetched")


def _asserting(schema: JsonSchema) -> Json:
    """The bundled value without the keywords that only annotate, some of which the validator asserts."""
    value = bundled(schema.document)
    if type(value) is not dict:
        return value
    document = load(Source(write(value)), strict=False)
    value = copied(document.value)
    for place in document.places.values():
        if type(place.value) is dict and any(keyword in place.value for keyword in _ANNOTATING):
            found = at(value, place.path)
            for keyword in _ANNOTATING:
                found.pop(keyword, None)
    if document.draft == Draft.DRAFT_7:
        value["$schema"] = Draft.DRAFT_7.uri  # also for dialects of other names, which are read as draft-07
    return numeric(value)


def _work(form: Plain) -> int:
    """How many subschemas apply to one value at most: sums over what applies in place, each `$ref` counted again."""
    known: dict[int, int] = {}
    highest = 0
    for root in (form.root, *form.definitions.values()):
        stack: list[tuple[Json, bool]] = [(root, False)]
        open_: set[int] = set()
        while stack:
            schema, ready = stack.pop()
            if type(schema) is not dict or id(schema) in known:
                continue
            inner = list(_in_place(form, schema))
            if ready:
                open_.discard(id(schema))
                known[id(schema)] = min(1 + sum(known.get(id(each), 1) for each in inner), MAX_WORK * 10)
                highest = max(highest, known[id(schema)])
            elif id(schema) in open_:
                raise TooLarge("a schema applies itself to the same value again")
            else:
                open_.add(id(schema))
                stack.append((schema, True))
                stack.extend((each, False) for each in inner)
    return highest


def _in_place(form: Plain, schema: dict[str, Json]) -> list[Json]:
    found: list[Json] = [form.resolved(schema)] if "$ref" in schema else []
    for keyword in ("allOf", "anyOf", "oneOf"):
        found.extend(schema.get(keyword, ()))
    found.extend(schema[keyword] for keyword in ("not", "if", "then", "else") if keyword in schema)
    found.extend(schema.get("dependentSchemas", {}).values())
    return found
