"""The texts of an Avro schema: canonical, normal, inlined."""

from __future__ import annotations

import pytest

from registry.errors import InvalidSchema
from registry.formats.avro import FORMAT, AvroSchema
from registry.formats.base import Source

CANONICAL = [
    (' { "type" : "string" } ', '"string"'),
    ('{"x": 1, "type": "string"}', '{"type":"string","x":1}'),
    ('[ "null" , "int" ]', '["null","int"]'),
    ('{"values":"int","type":"map","z":[]}', '{"type":"map","values":"int","z":[]}'),
    ('{"default":[],"items":"int","type":"array","doc":"gone"}', '{"type":"array","items":"int","default":[]}'),
    (
        (
            '{"fields":[{"type":"int","name":"a","p":1,"aliases":["b","b"],"order":"IGNORE","default":1,"doc":"d"}],'
            '"aliases":["Q","n.P","m.R"],"p":{"b":1,"a":2},"doc":"D","namespace":"n","name":"R","type":"record"}'
        ),
        (
            '{"type":"record","name":"R","namespace":"n","doc":"D","fields":[{"name":"a","type":"int","doc":"d","default":1,'
            '"order":"ignore","aliases":["b"],"p":1}],"p":{"b":1,"a":2},"aliases":["Q","P","m.R"]}'
        ),
    ),
    (
        '{"type":"enum","name":"a.b.E","symbols":["X"],"default":"X","doc":"","q":null}',
        '{"type":"enum","name":"E","namespace":"a.b","doc":"","symbols":["X"],"default":"X","q":null}',
    ),
    (
        (
            '{"type":"record","name":"n.R","fields":['
            '{"name":"a","type":{"type":"fixed","name":"F","size":1}},'
            '{"name":"b","type":"n.F"},'
            '{"name":"c","type":{"type":"fixed","name":"m.F","size":1}},'
            '{"name":"d","type":{"type":"fixed","name":"G","namespace":"","size":1}},'
            '{"name":"e","type":["m.F","G","F"]},'
            '{"name":"f","type":["null","R"]}]}'
        ),
        (
            '{"type":"record","name":"R","namespace":"n","fields":['
            '{"name":"a","type":{"type":"fixed","name":"F","size":1}},'
            '{"name":"b","type":"F"},'
            '{"name":"c","type":{"type":"fixed","name":"F","namespace":"m","size":1}},'
            '{"name":"d","type":{"type":"fixed","name":"G","namespace":"","size":1}},'
            '{"name":"e","type":["m.F","G","F"]},'
            '{"name":"f","type":["null","R"]}]}'
        ),
    ),
    # a short name that reads as a kind of type is written in full
    (
        '{"type":"record","name":"n.array","fields":[{"name":"a","type":["null","n.array"]}]}',
        '{"type":"record","name":"array","namespace":"n","fields":[{"name":"a","type":["null","n.array"]}]}',
    ),
    # strings: raw beyond ASCII, escapes in upper case
    ('{"type":"int","x":"\\u00e9\\u20ac\\/\\u001f\\n\\u007f"}', '{"type":"int","x":"é€/\\u001F\\n\x7f"}'),
    ('{"type":"int","x":"\\ud83d\\ude00 \\ud83d"}', '{"type":"int","x":"😀 \\uD83D"}'),
    # numbers: as Java prints doubles, unless digits would be lost
    ('{"type":"int","x":[1.10,1e3,1E-5]}', '{"type":"int","x":[1.1,1000.0,1.0E-5]}'),
    ('{"type":"int","x":[100.0,0.001,12345678.9]}', '{"type":"int","x":[100.0,0.001,1.23456789E7]}'),
    ('{"type":"int","x":[-0.0,0.0,0e5,1E23]}', '{"type":"int","x":[-0.0,0.0,0.0,1.0E23]}'),
    ('{"type":"int","x":9007199254740993}', '{"type":"int","x":9007199254740993}'),
    ('{"type":"int","x":9007199254740993.5}', '{"type":"int","x":9007199254740993.5}'),
    ('{"type":"int","x":0.1234567890123456789}', '{"type":"int","x":0.1234567890123456789}'),
    ('{"type":"int","x":1e400}', '{"type":"int","x":1E+400}'),
    (
        (
            '{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":"1.50"},'
            '{"name":"b","type":"float","default":"NaN"},{"name":"c","type":"double","default":5}]}'
        ),
        (
            '{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":1.5},'
            '{"name":"b","type":"float","default":"NaN"},{"name":"c","type":"double","default":5}]}'
        ),
    ),
    # the last of equal keys wins
    ('{"type":"int","x":1,"y":2,"x":3}', '{"type":"int","x":3,"y":2}'),
    # a named type in an object of its own loses what else stands there
    (
        '{"type":"record","name":"R","fields":[{"name":"a","type":["null",{"type":"R","x":1}]}]}',
        '{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"]}]}',
    ),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_the_canonical_text(text: str, canonical: str) -> None:
    assert FORMAT.parse(Source(text)).canonical == canonical
    assert FORMAT.parse(Source(canonical)).canonical == canonical


NORMAL = [
    ('{"type":"int","b":1,"a":{"y":1,"x":[{"d":1,"c":2}]}}', '{"type":"int","a":{"x":[{"c":2,"d":1}],"y":1},"b":1}'),
    (
        '{"type":"bytes","a":0,"scale":2,"precision":4,"logicalType":"decimal"}',
        '{"type":"bytes","logicalType":"decimal","precision":4,"scale":2,"a":0}',
    ),
    (
        '{"type":"bytes","a":0,"scale":0,"precision":4,"logicalType":"decimal"}',
        '{"type":"bytes","logicalType":"decimal","precision":4,"a":0,"scale":0}',
    ),
    ('{"type":"int","logicalType":"uuid","a":0}', '{"type":"int","a":0,"logicalType":"uuid"}'),
    (
        '{"type":"long","logicalType":"timestamp-millis","a":0}',
        '{"type":"long","logicalType":"timestamp-millis","a":0}',
    ),
    (
        '{"type":"fixed","name":"n.F","size":16,"aliases":["z.Z","B","A"],"doc":"","logicalType":"uuid","a":1}',
        '{"type":"fixed","name":"F","namespace":"n","size":16,"logicalType":"uuid","a":1,"aliases":["A","B","z.Z"]}',
    ),
    (
        (
            '{"type":"error","name":"E","fields":[{"name":"a","type":"double","default":1,"aliases":["c","b"],"doc":""},'
            '{"name":"m","type":{"type":"map","values":"int"},"default":{"b":1,"a":2}}]}'
        ),
        (
            '{"type":"record","name":"E","fields":[{"name":"a","type":"double","doc":"","default":1.0,"aliases":["b","c"]},'
            '{"name":"m","type":{"type":"map","values":"int"},"default":{"a":2,"b":1}}]}'
        ),
    ),
]


@pytest.mark.parametrize(("text", "normal"), NORMAL)
def test_the_normal_form(text: str, normal: str) -> None:
    assert FORMAT.parse(Source(text)).normalized() == normal
    assert FORMAT.parse(Source(normal)).normalized() == normal
    assert FORMAT.parse(Source(normal)).canonical == normal


ADDRESS = '{"type":"record","name":"Address","namespace":"shop","fields":[{"name":"zip","type":"string"}]}'
PERSON = (
    '{"type":"record","name":"Person","namespace":"shop","fields":[{"name":"home","type":"Address"},'
    '{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A"]}}]}'
)
PERSON_SOURCE = Source(PERSON, (("shop.Address", Source(ADDRESS)),))


def order(text: str) -> AvroSchema:
    return FORMAT.parse(Source(text, (("shop.Person", PERSON_SOURCE),)))


def test_types_of_references_are_written_by_name_and_inlined_at_first_use() -> None:
    schema = order(
        '{"type":"record","name":"Order","namespace":"sales","fields":[{"name":"by","type":"shop.Person"},'
        '{"name":"to","type":"shop.Address"}]}'
    )
    assert schema.canonical == (
        '{"type":"record","name":"Order","namespace":"sales","fields":[{"name":"by","type":"shop.Person"},'
        '{"name":"to","type":"shop.Address"}]}'
    )
    assert (
        schema.inlined()
        == schema.render("resolved")
        == schema.render("RESOLVED")
        == (
            '{"type":"record","name":"Order","namespace":"sales","fields":[{"name":"by","type":'
            '{"type":"record","name":"Person","namespace":"shop","fields":[{"name":"home","type":'
            '{"type":"record","name":"Address","fields":[{"name":"zip","type":"string"}]}},'
            '{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A"]}}]}},'
            '{"name":"to","type":"shop.Address"}]}'
        )
    )
    assert schema.render("default") == schema.render("") == schema.render("serialized") == schema.canonical
    assert FORMAT.parse(Source(schema.inlined())).canonical == schema.inlined()
    assert schema.normalized() == schema.canonical


def test_a_type_inside_a_reference_is_written_out_where_it_is_used_on_its_own() -> None:
    # As Confluent's registry prints it: only what the reference itself is counts as known.
    schema = order(
        '{"type":"record","name":"O","fields":[{"name":"a","type":"shop.Kind"},{"name":"b","type":"shop.Kind"}]}'
    )
    assert schema.canonical == (
        '{"type":"record","name":"O","fields":[{"name":"a","type":'
        '{"type":"enum","name":"Kind","namespace":"shop","symbols":["A"]}},{"name":"b","type":"shop.Kind"}]}'
    )
    assert order(schema.canonical).canonical == schema.canonical


def test_a_text_may_repeat_a_type_of_its_references_and_must_repeat_it_exactly() -> None:
    assert order(ADDRESS).canonical == '"shop.Address"'
    with pytest.raises(InvalidSchema, match=r"can't redefine: shop\.Address"):
        order(ADDRESS.replace("string", "int"))


def test_references_that_disagree_or_do_not_parse_are_refused() -> None:
    other = Source(ADDRESS.replace("string", "int"))
    with pytest.raises(InvalidSchema, match="in the reference 'b': can't redefine"):
        FORMAT.parse(Source('"int"', (("a", Source(ADDRESS)), ("b", other))))
    with pytest.raises(InvalidSchema, match="in the reference 'b': undefined name"):
        FORMAT.parse(Source('"int"', (("b", Source('"Nowhere"')),)))


def test_a_reference_is_read_once_however_often_it_is_needed() -> None:
    node = Source(ADDRESS)
    for index in range(40):
        text = f'{{"type":"record","name":"T{index}","fields":[]}}'
        node = Source(text, (("left", node), ("right", node)))
    # The names repeat: the first source behind a name is the one that counts.
    assert FORMAT.parse(Source('"T39"', (("root", node),))).canonical == '"T39"'
