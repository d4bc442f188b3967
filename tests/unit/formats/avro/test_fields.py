"""What consumers see of an Avro schema, and its inline tags."""

from __future__ import annotations

import json

import pytest

from registry.errors import InvalidSchema
from registry.formats.avro import FORMAT
from registry.formats.base import Field, Source, Tagging

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "confluent:tags": ["PUBLIC"],
    "fields": [
        {
            "name": "id",
            "type": {"type": "string", "logicalType": "uuid"},
            "doc": "The key",
            "confluent:tags": ["ID", "PII"],
        },
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Line",
                    "fields": [
                        {"name": "sku", "type": "string"},
                        {
                            "name": "price",
                            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}],
                        },
                        {"name": "parts", "type": {"type": "map", "values": "Line"}},
                    ],
                },
            },
        },
        {
            "name": "by",
            "type": [
                "null",
                {
                    "type": "record",
                    "name": "Person",
                    "fields": [{"name": "name", "type": "string", "confluent:tags": ["PII"]}],
                },
                {
                    "type": "record",
                    "name": "Robot",
                    "fields": [{"name": "name", "type": "int"}, {"name": "serial", "type": "long"}],
                },
            ],
            "default": None,
        },
    ],
}


def test_fields_are_paths_through_the_decoded_event() -> None:
    fields = FORMAT.parse(Source(json.dumps(ORDER))).fields()
    assert list(fields) == [
        Field("/id", "id", "string(uuid)", True, "The key", frozenset(("ID", "PII"))),
        Field("/lines", "lines", "array<shop.Line>", True),
        Field("/by", "by", "null | shop.Person | shop.Robot", False),
        Field("/lines/*/sku", "sku", "string", True),
        Field("/lines/*/price", "price", "null | bytes(decimal 9,2)", False),
        Field("/lines/*/parts", "parts", "map<shop.Line>", True),
        Field("/by/name", "name", "string", True, "", frozenset(("PII",))),
        Field("/by/serial", "serial", "long", True),
    ]


def test_a_schema_without_records_has_no_fields() -> None:
    assert FORMAT.parse(Source('["null",{"type":"array","items":"int"}]')).fields() == []


def test_a_list_of_records_starts_with_a_star() -> None:
    text = '{"type":"array","items":{"type":"record","name":"R","fields":[{"name":"a~/","type":"int"}]}}'
    (field,) = FORMAT.parse(Source(text), strict=False).fields()
    assert field.path == "/*/a~0~1"


def test_inline_tags() -> None:
    assert list(FORMAT.parse(Source(json.dumps(ORDER))).tags()) == [
        Tagging("shop.Order", "sr_record", ("PUBLIC",)),
        Tagging("shop.Order.id", "sr_field", ("ID", "PII")),
        Tagging("shop.Person.name", "sr_field", ("PII",)),
    ]


def test_tags_are_added_and_removed_in_the_text() -> None:
    schema = FORMAT.parse(Source(json.dumps(ORDER)))
    add = [Tagging("shop.Line.sku", "sr_field", ("A", "B")), Tagging(".shop.Order.id", "sr_field", ("NEW", "ID"))]
    remove = [Tagging("shop.Order", "sr_record", ("PUBLIC",)), Tagging("Person.name", "sr_field", ("PII", "NONE"))]
    text = schema.retagged(add, remove)
    assert list(FORMAT.parse(Source(text)).tags()) == [
        Tagging("shop.Order.id", "sr_field", ("ID", "PII", "NEW")),
        Tagging("shop.Line.sku", "sr_field", ("A", "B")),
    ]
    assert FORMAT.parse(Source(text)).canonical == text
    assert '{"name":"sku","type":"string","confluent:tags":["A","B"]}' in text
    assert schema.canonical != text


@pytest.mark.parametrize(
    "tagging",
    [
        Tagging("shop.Nobody", "sr_record", ("X",)),
        Tagging("shop.Order.nothing", "sr_field", ("X",)),
        Tagging("other.Order", "sr_record", ("X",)),
        Tagging("", "sr_field", ("X",)),
    ],
)
def test_a_path_that_is_not_there(tagging: Tagging) -> None:
    schema = FORMAT.parse(Source(json.dumps(ORDER)))
    with pytest.raises(InvalidSchema, match="in the schema"):
        schema.retagged([tagging], [])
    with pytest.raises(InvalidSchema):
        schema.retagged([], [tagging])


def test_tags_of_a_reference_are_not_the_texts() -> None:
    schema = FORMAT.parse(Source('["null","shop.Order"]', (("shop.Order", Source(json.dumps(ORDER))),)))
    assert list(schema.tags()) == []
    with pytest.raises(InvalidSchema):
        schema.retagged([Tagging("shop.Order", "sr_record", ("X",))], [])
    assert next(iter(schema.fields())).tags == {"ID", "PII"}
