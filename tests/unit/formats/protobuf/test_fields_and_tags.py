"""Fields as a consumer sees them, and inline tags."""

from __future__ import annotations

import pytest

from registry.errors import InvalidSchema
from registry.formats.base import Tagging
from registry.formats.protobuf.tags import FIELD, RECORD
from tests.unit.formats.protobuf import schema

ORDER = """\
syntax = "proto2";
package shop;
import "google/protobuf/timestamp.proto";
import "confluent/meta.proto";

// An order.
message Order {
  required string id = 1; // Who it is.
  repeated Line lines = 2;
  map<string, Line> by_sku = 3;
  optional Order parent = 4;
  optional google.protobuf.Timestamp at = 5;
  oneof payment {
    // The card.
    // Keep it secret.
    string card = 6 [(confluent.field_meta).tags = "PII", (confluent.field_meta).tags = "PCI"];
    string iban = 7 [deprecated = true];
  }
  optional State state = 8;
}
message Line {
  option (confluent.message_meta) = { doc: "a line" tags: ["LINE"] };
  optional string sku = 1;
}
message Other {
  optional bool id = 1;
  optional bool flag = 2;
}
enum State { OPEN = 0; }
"""


def test_fields() -> None:
    found = schema(ORDER).fields()
    assert [(each.path, each.type, each.required) for each in found] == [
        ("/id", "required string", True),
        ("/lines", "repeated shop.Line", False),
        ("/by_sku", "map<string, shop.Line>", False),
        ("/parent", "shop.Order", False),
        ("/at", "google.protobuf.Timestamp", False),
        ("/card", "string", False),
        ("/iban", "string", False),
        ("/state", "shop.State", False),
        ("/flag", "bool", False),
        ("/lines/*/sku", "string", False),
        ("/by_sku/*/sku", "string", False),
    ]
    by_path = {each.path: each for each in found}
    assert by_path["/id"].doc == "Who it is."
    assert by_path["/card"].doc == "The card.\nKeep it secret."
    assert by_path["/card"].tags == {"PII", "PCI"}
    assert by_path["/id"].tags == frozenset()


def test_tags_of_imported_fields() -> None:
    parsed = schema('import "o.proto"; message M { shop.Order o = 1; }', o_proto=ORDER)
    assert {each.path: each.tags for each in parsed.fields() if each.tags} == {"/o/card": {"PII", "PCI"}}
    assert parsed.tags() == []


def test_tags() -> None:
    assert schema(ORDER).tags() == [
        Tagging("shop.Order.card", FIELD, ("PII", "PCI")),
        Tagging("shop.Line", RECORD, ("LINE",)),
    ]
    assert schema("message M { int32 a = 1; }").tags() == []


# (add, remove, tags afterwards)
RETAGGED = [
    ([("shop.Order.id", FIELD, ("KEY",))], [], {"shop.Order.id": ("KEY",)}),
    ([(".shop.Order.id", FIELD, ("KEY",))], [], {"shop.Order.id": ("KEY",)}),
    ([("Order.id", FIELD, ("KEY", "KEY"))], [], {"shop.Order.id": ("KEY",)}),
    (
        [("Order", RECORD, ("R",)), ("Order.id", FIELD, ("A",)), ("Order.id", FIELD, ("B",))],
        [],
        {"shop.Order": ("R",), "shop.Order.id": ("A", "B")},
    ),
    ([("Order.card", FIELD, ("NEW", "PII"))], [], {"shop.Order.card": ("PII", "PCI", "NEW")}),
    ([], [("Order.card", FIELD, ("PII", "nope"))], {"shop.Order.card": ("PCI",)}),
    (
        [],
        [("Order.card", FIELD, ("PII", "PCI")), ("Line", RECORD, ("LINE",))],
        {"shop.Order.card": None, "shop.Line": None},
    ),
    ([("Order.iban", FIELD, ('a"b',))], [], {"shop.Order.iban": ('a"b',)}),
    (
        [("Order.by_sku", FIELD, ("M",))],
        [("Order.card", FIELD, ("PCI",))],
        {"shop.Order.by_sku": ("M",), "shop.Order.card": ("PII",)},
    ),
]


@pytest.mark.parametrize(("add", "remove", "changed"), RETAGGED)
def test_retagged(
    add: list[tuple[str, str, tuple[str, ...]]],
    remove: list[tuple[str, str, tuple[str, ...]]],
    changed: dict[str, tuple[str, ...] | None],
) -> None:
    before = schema(ORDER)
    after = schema(before.retagged([Tagging(*each) for each in add], [Tagging(*each) for each in remove]))
    expected = {each.path: each.tags for each in before.tags()} | changed
    assert {each.path: each.tags for each in after.tags()} == {path: tags for path, tags in expected.items() if tags}
    assert after.findings(before) == before.findings(after) == []
    undone = schema(after.retagged([Tagging(*each) for each in remove], [Tagging(*each) for each in add]))
    assert {each.path for each in undone.tags()} <= {each.path for each in before.tags()} | {each[0] for each in remove}


def test_retagging_brings_the_import_it_needs_and_keeps_the_rest() -> None:
    text = 'syntax = "proto3";\n\nmessage M {\n  int32 a = 1 [deprecated = true];\n}\n'
    tagged = schema(text).retagged([Tagging("M.a", FIELD, ("T",))], [])
    assert tagged == (
        'syntax = "proto3";\n\nimport "confluent/meta.proto";\n\nmessage M {\n  int32 a = 1 [\n    deprecated = true,\n'
        '    (confluent.field_meta) = {\n      tags: [\n        "T"\n      ]\n    }\n  ];\n}\n'
    )
    assert schema(schema(ORDER).retagged([Tagging("Line", RECORD, ("X",))], [])).canonical.count('doc: "a line"') == 1
    assert schema(ORDER).retagged([], []) == schema(ORDER).canonical
    assert schema(schema(text).render("serialized")).retagged([Tagging("M.a", FIELD, ("T",))], []) == tagged


@pytest.mark.parametrize(
    ("path", "type"), [("Order.nope", FIELD), ("Order.id", RECORD), ("Order", FIELD), ("", RECORD)]
)
def test_a_path_that_is_not_there(path: str, type: str) -> None:
    with pytest.raises(InvalidSchema, match="no sr_") as caught:
        schema(ORDER).retagged([Tagging(path, type, ("T",))], [])
    assert caught.value.data["path"] == path
