"""Which texts are schemas, how they are printed, and what references lead to."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from registry.errors import InvalidSchema
from registry.formats import parse as parse_any
from registry.formats.base import Policy, Source
from registry.formats.json_schema import FORMAT, JsonSchema
from registry.formats.json_schema.dialects import Draft

URIS = {
    Draft.DRAFT_4: "http://json-schema.org/draft-04/schema#",
    Draft.DRAFT_6: "http://json-schema.org/draft-06/schema#",
    Draft.DRAFT_7: "http://json-schema.org/draft-07/schema#",
    Draft.DRAFT_2019_09: "https://json-schema.org/draft/2019-09/schema",
    Draft.DRAFT_2020_12: "https://json-schema.org/draft/2020-12/schema",
}
S = {"type": "string"}


def parse(value: Any, *references: tuple[str, Source], strict: bool = True) -> JsonSchema:
    text = value if isinstance(value, str) else json.dumps(value)
    return FORMAT.parse(Source(text, references), strict=strict)


def source(value: Any, *references: tuple[str, Source]) -> Source:
    return Source(json.dumps(value), references)


def test_which_draft_a_schema_is_read_as() -> None:
    rows = [(uri, draft) for draft, uri in URIS.items()]
    rows += [(uri.removesuffix("#"), draft) for draft, uri in URIS.items()]
    rows += [("http://json-schema.org/draft/2020-12/schema#", Draft.DRAFT_2020_12)]
    rows += [("http://json-schema.org/schema#", Draft.DRAFT_7), ("urn:own:dialect", Draft.DRAFT_7)]
    for uri, draft in rows:
        assert parse({"$schema": uri}).draft == draft, uri
    assert parse({}).draft == parse(True).draft == Draft.DRAFT_7


# what is wrong, in which drafts, at which pointer
WRONG: list[tuple[Any, set[Draft], str]] = [
    ({"type": "text"}, set(Draft), "/type"),
    ({"type": []}, set(Draft), "/type"),
    ({"type": ["string", "string"]}, set(Draft), "/type"),
    ({"properties": []}, set(Draft), "/properties"),
    ({"properties": {"a/b": 3}}, set(Draft), "/properties/a~1b"),
    ({"properties": {"a": {"items": {"maxLength": -1}}}}, set(Draft), "/properties/a/items/maxLength"),
    ({"maxLength": 1.5}, set(Draft), "/maxLength"),
    ({"multipleOf": 0}, set(Draft), "/multipleOf"),
    ({"required": "a"}, set(Draft), "/required"),
    ({"required": ["a", "a"]}, set(Draft), "/required"),
    ({"required": []}, {Draft.DRAFT_4}, "/required"),
    ({"enum": []}, {Draft.DRAFT_4}, "/enum"),
    ({"enum": [1, 1.0]}, {Draft.DRAFT_4}, "/enum"),
    ({"exclusiveMaximum": True, "maximum": 1}, set(Draft) - {Draft.DRAFT_4}, "/exclusiveMaximum"),
    ({"exclusiveMaximum": True}, set(Draft), "/exclusiveMaximum"),
    ({"exclusiveMinimum": 3, "minimum": 1}, {Draft.DRAFT_4}, "/exclusiveMinimum"),
    ({"not": True}, {Draft.DRAFT_4}, "/not"),
    ({"allOf": [True]}, {Draft.DRAFT_4}, "/allOf/0"),
    ({"allOf": []}, set(Draft), "/allOf"),
    ({"items": [{}]}, {Draft.DRAFT_2020_12}, "/items"),
    ({"items": []}, set(Draft), "/items"),
    ({"prefixItems": {}}, {Draft.DRAFT_2020_12}, "/prefixItems"),
    ({"propertyNames": 3}, set(Draft) - {Draft.DRAFT_4}, "/propertyNames"),
    ({"if": 3}, {Draft.DRAFT_7, Draft.DRAFT_2019_09, Draft.DRAFT_2020_12}, "/if"),
    ({"dependentRequired": {"a": "b"}}, {Draft.DRAFT_2019_09, Draft.DRAFT_2020_12}, "/dependentRequired"),
    ({"$defs": 3}, {Draft.DRAFT_2019_09, Draft.DRAFT_2020_12}, "/$defs"),
    ({"$anchor": "a b"}, {Draft.DRAFT_2019_09, Draft.DRAFT_2020_12}, "/$anchor"),
    ({"$recursiveAnchor": "x"}, {Draft.DRAFT_2019_09}, "/$recursiveAnchor"),
    ({"dependencies": {"a": 3}}, set(Draft), "/dependencies"),
    ({"title": 3}, set(Draft), "/title"),
    ({"pattern": "[a-"}, set(Draft), "/pattern"),
    ({"patternProperties": {"(": {}}}, set(Draft), "/patternProperties/("),
]


@pytest.mark.parametrize("draft", list(Draft))
def test_keywords_are_checked_by_draft(draft: Draft) -> None:
    for value, drafts, pointer in WRONG:
        text = json.dumps({"$schema": URIS[draft], **value}, indent=1)
        if draft not in drafts:
            parse(text)
            continue
        with pytest.raises(InvalidSchema) as caught:
            parse(text)
        assert caught.value.data["path"] == pointer, value
        assert caught.value.data["line"] > 1
        parse(text, strict=False)


def test_what_is_no_schema() -> None:
    for text in ('"string"', "3", "null", "[]", "{", "{}{}", "\x00"):
        with pytest.raises(InvalidSchema):
            parse(text)
        with pytest.raises(InvalidSchema):
            parse(text, strict=False)


def test_canonical_and_normal_form() -> None:
    schema = parse('{ "b" : {"z": 1.0, "a": [ {"d":1,"c":2} ]}, "a" : "\\u00e9" }')
    assert schema.canonical == '{"b":{"z":1.0,"a":[{"d":1,"c":2}]},"a":"é"}'
    assert schema.normalized() == '{"a":"é","b":{"a":[{"c":2,"d":1}],"z":1.0}}'
    again = parse(schema.normalized())
    assert again.canonical == again.normalized() == schema.normalized()
    assert parse(" true ").canonical == "true"


# ------------------------------------------------------------------------------------------------------ references

# writer's type behind the reference, and a schema whose property p is a reference to it
REFERRING: list[Any] = [
    {"definitions": {"t": S}, "properties": {"p": {"$ref": "#/definitions/t"}}},
    {"$defs": {"t": S}, "properties": {"p": {"$ref": "#/$defs/t"}}},
    {"components": {"a b%": S}, "properties": {"p": {"$ref": "#/components/a%20b%25"}}},
    {"definitions": {"t": {"$id": "#here", **S}}, "properties": {"p": {"$ref": "#here"}}},
    {"definitions": {"t": {"$id": "t.json", **S}}, "properties": {"p": {"$ref": "t.json"}}},
    {"$id": "http://x.test/dir/root.json", "definitions": {"t": {"$id": "t.json", **S}},
     "properties": {"p": {"$ref": "http://x.test/dir/t.json#"}}},
    {"$id": "http://x.test/root.json", "definitions": {"t": S},
     "properties": {"p": {"$ref": "root.json#/definitions/t"}}},
    {"definitions": {"o": {"$id": "o/", "definitions": {"t": S}, "properties": {"q": {"$ref": "#/definitions/t"}}}},
     "properties": {"p": {"$ref": "o/#/properties/q"}}},
    {"$schema": URIS[Draft.DRAFT_4], "definitions": {"t": {"id": "t.json", **S}},
     "properties": {"p": {"$ref": "t.json"}}},
    {"$schema": URIS[Draft.DRAFT_2019_09], "$defs": {"t": {"$anchor": "t", **S}}, "properties": {"p": {"$ref": "#t"}}},
    {"$schema": URIS[Draft.DRAFT_2020_12], "$defs": {"t": {"$anchor": "t", **S}}, "properties": {"p": {"$ref": "#t"}}},
    {"$schema": URIS[Draft.DRAFT_2020_12], "$defs": {"t": {"$dynamicAnchor": "t", **S}},
     "properties": {"p": {"$dynamicRef": "#t"}}},
    {"properties": {"p": {"$ref": "#/definitions/a"}}, "definitions": {"a": {"$ref": "#/definitions/b"}, "b": S}},
]  # fmt: skip


def test_references_within_one_text() -> None:
    for value in REFERRING:
        schema = parse(value)
        kinds = [field.type for field in schema.fields() if field.path == "/p"]
        assert kinds == ["string"], value
        number = parse(json.dumps(value).replace('"string"', '"integer"'))
        assert [(each.rule, each.path) for each in number.findings(schema)] == [("TYPE_CHANGED", "#/properties/p")]


def test_references_to_other_texts() -> None:
    third = source({"type": "integer"})
    second = source(
        {"definitions": {"x": {"$ref": "c.json"}}, "type": "object", "properties": {"y": S}}, ("c.json", third)
    )
    rows: list[tuple[Any, str, Source]] = [
        ({"$ref": "b.json#/definitions/x"}, "b.json", second),
        ({"$ref": "http://x.test/schemas/b.json#/definitions/x"}, "http://x.test/schemas/b.json", second),
        ({"$id": "http://x.test/a.json", "$ref": "b.json#/definitions/x"}, "http://x.test/b.json", second),
        ({"$id": "http://x.test/a.json", "allOf": [{"$ref": "b.json#/definitions/x"}]}, "http://x.test/b.json", second),
        ({"allOf": [{"$ref": "./b.json#/definitions/x"}]}, "b.json", second),
        ({"allOf": [{"$ref": "c.json"}, {"$ref": "b.json"}]}, "b.json", second),
        ({"$ref": "urn:my:b#/definitions/x"}, "urn:my:b", second),
        ({"$ref": "http://own.test/d"}, "d.json", source({"$id": "http://own.test/d", "type": "integer"})),
        ({"$ref": "b"}, "b", source(True)),
        ({"$ref": "ä b/ö.json#/definitions/x"}, "ä b/ö.json", second),
    ]
    for value, name, referred in rows:
        schema = parse(value, (name, referred))
        text = schema.inlined()
        alone = parse(text)
        assert alone.findings(schema, Policy.STRICT) == (), value
        assert schema.findings(alone, Policy.STRICT) == (), value
        assert schema.render("resolved") == text
        assert (
            schema.render("serialized")
            == schema.render("")
            == schema.canonical
            == json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        )


def test_embedded_texts_keep_their_drafts_and_names() -> None:
    old = source({"$schema": URIS[Draft.DRAFT_4], "id": "http://o.test/x", "maximum": 3, "exclusiveMaximum": True})
    nested = source(
        {"$defs": {"n": S}, "properties": {"a": {"$ref": "n.json#/$defs/n"}}}, ("n.json", source({"$defs": {"n": S}}))
    )
    schema = parse(
        {"$schema": URIS[Draft.DRAFT_2020_12], "properties": {"a": {"$ref": "old"}, "b": {"$ref": "nested"}}},
        ("old", old),
        ("nested", nested),
    )
    embedded = json.loads(schema.inlined())["$defs"]
    assert embedded.keys() == {"old", "nested", "n.json"}
    assert embedded["old"]["$schema"] == URIS[Draft.DRAFT_4]
    assert embedded["old"]["$id"] == "old"
    alone = parse(schema.inlined())
    assert alone.findings(schema) == ()
    assert schema.findings(alone) == ()


def test_one_name_may_mean_two_texts_in_two_places() -> None:
    first, second = source({"type": "integer"}), source({"type": "string"})
    inner = source({"properties": {"x": {"$ref": "n"}}}, ("n", first))
    schema = parse({"properties": {"x": {"$ref": "n"}, "y": {"$ref": "inner"}}}, ("n", second), ("inner", inner))
    for each in (schema, parse(schema.inlined())):
        assert {field.path: field.type for field in each.fields()} == {
            "/x": "string",
            "/y": "object",
            "/y/x": "integer",
        }


UNRESOLVED = [
    ({"$ref": "http://remote.test/x.json"}, "http://remote.test/x.json"),
    ({"properties": {"a": {"$ref": "#/definitions/none"}}}, "#/definitions/none"),
    ({"properties": {"a": {"$ref": "#none"}}}, "#none"),
    ({"definitions": {"unused": {"$ref": "file:///etc/passwd"}}}, "file:///etc/passwd"),
    ({"$schema": URIS[Draft.DRAFT_2020_12], "$dynamicRef": "#none"}, "#none"),
    ({"$ref": "http://json-schema.org/draft-99/schema"}, "http://json-schema.org/draft-99/schema"),
    ({"a": {"$ref": "http://json-schema.org/draft-07/schema#/none"}, "$ref": "#/a"}, "none"),
    ({"$ref": "#/enum", "enum": [1]}, "#/enum"),
]


def test_what_does_not_resolve_is_named_and_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    for value, name in UNRESOLVED:
        for strict in (True, False):
            with pytest.raises(InvalidSchema) as caught:
                parse(value, strict=strict)
            assert name in str(caught.value), value


def test_references_that_only_lead_to_themselves() -> None:
    for value in (
        {"$ref": "#"},
        {"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}},
        {"$schema": URIS[Draft.DRAFT_2020_12], "$defs": {"a": {"$ref": "#/$defs/a"}}},
    ):
        with pytest.raises(InvalidSchema, match="leads back to itself"):
            parse(value)
        parse(value, strict=False).fields()


def test_meta_schemas_are_built_in() -> None:
    for uri in URIS.values():
        schema = parse({"$schema": uri, "allOf": [{"$ref": uri}]})
        assert "/properties/*" in {field.path.rpartition("/")[0] for field in schema.fields()} | {"/properties/*"}
        assert len(schema.fields()) > 20, uri
        assert schema.inlined() == schema.canonical


def test_a_dynamic_reference_means_what_the_outermost_resource_says() -> None:
    tree = {
        "$id": "http://x.test/tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }
    strict_tree = {
        "$schema": URIS[Draft.DRAFT_2020_12],
        "$id": "http://x.test/strict-tree",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "$defs": {"tree": tree},
        "unevaluatedProperties": False,
        "properties": {"extra": S},
    }
    loose = {"$schema": URIS[Draft.DRAFT_2020_12], "$ref": "tree", "$id": "http://x.test/l", "$defs": {"tree": tree}}
    for value, expected in ((strict_tree, ()), (loose, ("$defs", "tree"))):
        graph = parse(value).graph
        item = graph.document.places[("$defs", "tree", "properties", "children", "items")]
        means = graph.referred(item, "$dynamicRef", graph.root.scope)
        assert means is not None
        assert means.path == expected


def test_a_recursive_reference_of_2019_09() -> None:
    tree = {"$id": "http://x.test/tree", "$recursiveAnchor": True, "properties": {"kid": {"$recursiveRef": "#"}}}
    own = {
        "$schema": URIS[Draft.DRAFT_2019_09],
        "$id": "http://x.test/own",
        "$recursiveAnchor": True,
        "$defs": {"tree": tree},
        "allOf": [{"$ref": "tree"}],
        "properties": {"extra": S},
    }
    assert "/kid/extra" not in {field.path for field in parse({**own, "$recursiveAnchor": False}).fields()}
    assert {field.path for field in parse(own).fields()} >= {"/kid", "/extra"}


def test_the_registry_imports_the_format_only_when_it_is_used() -> None:
    program = (
        "import sys, registry.formats as f; a = [m for m in sys.modules if 'json_schema' in m or 'jsonschema' in m];"
        "from registry.formats.base import Source; f.parse('JSON', Source('{\"type\": \"string\"}'));"
        "print(a, [m for m in sys.modules if m.startswith('jsonschema')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_through_the_registry() -> None:
    schema = parse_any("JSON", Source('{"type":"string"}'))
    assert schema is parse_any("JSON", Source('{"type":"string"}'))
    assert isinstance(schema, JsonSchema)
