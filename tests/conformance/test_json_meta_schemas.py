"""Which keywords are right: our table against the meta-schemas, as Python's jsonschema applies them.

Random schemas with keywords that are right, wrong or of another draft. Normally 1,500, with `--full` 60,000.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import jsonschema
import pytest

from registry.errors import InvalidSchema
from registry.formats.base import Source
from registry.formats.json_schema import FORMAT
from registry.formats.json_schema.dialects import KEYWORDS, Draft
from tests.conformance.json_pairs import URIS

CLASSES: dict[Draft, Any] = {
    Draft.DRAFT_4: jsonschema.Draft4Validator,
    Draft.DRAFT_6: jsonschema.Draft6Validator,
    Draft.DRAFT_7: jsonschema.Draft7Validator,
    Draft.DRAFT_2019_09: jsonschema.Draft201909Validator,
    Draft.DRAFT_2020_12: jsonschema.Draft202012Validator,
}

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2.0, 1.5, "", "a", "string", "#", "a#b", "9a", [], {}, [1], ["a"], ["a", "a"]),
    *(["string", "null"], ["string", "text"], [{}], [True], [1, 1.0], {"a": 1}, {"a": {}}, {"a": True}, {"a": ["b"]}),
    *({"a": []}, {"a": ["b", "b"]}, {"a": {"type": "text"}}, {"a": {"type": "string"}}, [{"minimum": "1"}]),
    *({"minLength": -1}, {"a": [{}]}, {"a": "b"}, {"urn:x": True}, {"a": {"$ref": "#"}}),
]

# What is decided otherwise here than by the meta-schema, each with its reason.
EXPLAINED = {
    "$ref": "a $ref that is no text, or leads nowhere, is refused in every draft, not only where a meta-schema has it",
    "$recursiveRef": "must lead somewhere",
    "$dynamicRef": "must lead somewhere",
    "$defs": "holds schemas in every draft: before 2019-09 it is not a keyword, yet the reference bridges the two",
    "pattern": "must be a regular expression; meta-schemas only annotate it",
    "patternProperties": "must be regular expressions; meta-schemas only annotate them",
    "$schema": "belongs to the whole text",
    "$recursiveAnchor": "was renamed in 2020-12, whose meta-schema still wants a text there; it is ignored here",
    "$vocabulary": "the names of vocabularies are not looked at",
    "2.0": "is a whole number in every draft, also where draft-04 calls it none",
}
ODD = ("id", "$id", "$anchor", "$dynamicAnchor")
MAPS = ("properties", "definitions", "dependencies")


def made(random: Random, draft: Draft) -> dict[str, Any]:
    known = [*KEYWORDS[draft], *KEYWORDS[random.choice(list(Draft))], "unknown"]
    keywords = [name for name in known if name not in EXPLAINED and name not in ODD]

    def assertion() -> dict[str, Any]:
        name = random.choice(keywords)
        right = [value for value in VALUES if name not in KEYWORDS[draft] or KEYWORDS[draft][name].check(value) is None]
        value = random.choice(right if right and random.random() < 0.6 else VALUES)
        return {name: 2 if value == 2.0 and draft == Draft.DRAFT_4 else value}

    schema: dict[str, Any] = {"$schema": URIS[int(draft)], **assertion(), **assertion()}
    if random.random() < 0.3:
        wrap = random.choice([*MAPS, "not", "allOf", "items", "additionalProperties"])
        inner = assertion()
        schema[wrap] = {"x": inner} if wrap in MAPS else [inner] if wrap == "allOf" else inner
    return schema


def meta_schema_takes(draft: Draft, schema: Any) -> bool:
    try:
        CLASSES[draft].check_schema(schema)
    except jsonschema.SchemaError:
        return False
    return True


def we_take(schema: Any) -> bool:
    try:
        FORMAT.parse(Source(json.dumps(schema)))
    except InvalidSchema:
        return False
    return True


@pytest.mark.parametrize("draft", list(Draft))
def test_keywords_are_taken_as_the_meta_schema_takes_them(draft: Draft, full: bool) -> None:
    random = Random(int(draft))
    taken = 0
    for _ in range(12_000 if full else 300):
        schema = made(random, draft)
        expected = meta_schema_takes(draft, schema)
        assert we_take(schema) == expected, schema
        taken += expected
    assert taken > 40


def test_names_of_resources_and_anchors() -> None:
    for draft in (Draft.DRAFT_2019_09, Draft.DRAFT_2020_12):
        for keyword in ("$id", "$anchor", *(("$dynamicAnchor",) if draft == Draft.DRAFT_2020_12 else ())):
            for value in VALUES:
                schema = {"$schema": URIS[int(draft)], keyword: value}
                assert we_take(schema) == meta_schema_takes(draft, schema), schema
