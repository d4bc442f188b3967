"""Fields as a consumer sees them, and inline tags."""

from __future__ import annotations

import pytest

from registry.errors import InvalidRuleSet, InvalidSchema
from registry.formats.base import Tagging
from registry.formats.protobuf.tags import FIELD, RECORD
from registry.rules import Metadata, Rule, RuleSet, require_sealable
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


PERSON = """\
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "confluent/meta.proto";
message Person {
  string name = 1 [(confluent.field_meta).tags = "PII"];
  repeated bytes tokens = 2 [(confluent.field_meta).tags = "PII"];
  map<string, string> notes = 3 [(confluent.field_meta).tags = "PII"];
  bytes age = 4 [(confluent.field_meta) = {tags: "PII", params: [{key: "tenor.sealed", value: "int32"}]}];
  Home home = 5 [(confluent.field_meta).tags = "PII"];
  FIELD
  message Home { string street = 1; State state = 2; }
}
enum State { OPEN = 0; }
"""
TAGGED = '[(confluent.field_meta).tags = "PII"];'
SEALS = RuleSet(domain=(Rule("seal", "SEAL", "WRITEREAD", tags=("PII",)),))
NO_PLACE = [
    (f"int32 f = 9 {TAGGED}", "f", "int32"),
    (f"optional bool f = 9 {TAGGED}", "f", "bool"),
    (f"repeated double f = 9 {TAGGED}", "f", "double"),
    (f"map<string, sint64> f = 9 {TAGGED}", "f", "sint64"),
    (f"State f = 9 {TAGGED}", "f", "shop.State"),
    (f"google.protobuf.Timestamp f = 9 {TAGGED}", "f", "google.protobuf.Timestamp"),
    (f"oneof o {{ fixed32 f = 9 {TAGGED} }}", "f", "fixed32"),
    (f"message In {{ float g = 1 {TAGGED} }}", "In.g", "float"),
]


@pytest.mark.parametrize(("field", "name", "kind"), NO_PLACE)
def test_a_field_with_no_place_for_what_is_sealed_is_refused_with_the_way_to_give_it_one(
    field: str, name: str, kind: str
) -> None:
    said = rf"'seal' of type SEAL has no place for field shop\.Person\.{name} of type {kind}: declare .*\"{kind}\""
    with pytest.raises(InvalidRuleSet, match=said):
        require_sealable(schema(PERSON.replace("FIELD", field)), None, SEALS)
    imported = schema('import "p.proto"; message M { shop.Person p = 1; }', p_proto=PERSON.replace("FIELD", field))
    with pytest.raises(InvalidRuleSet, match=said):
        require_sealable(imported, None, SEALS)


@pytest.mark.parametrize(
    ("field", "metadata", "rules"),
    [
        ("", None, SEALS),
        ("int32 f = 9;", None, SEALS),
        ("int32 f = 9;", Metadata({"shop.Person.g": ("PII",)}), SEALS),
        (f"int32 f = 9 {TAGGED}", None, None),
        (f"int32 f = 9 {TAGGED}", None, RuleSet(domain=(Rule("e", "ENCRYPT", "WRITEREAD", tags=("PII",)),))),
        ("int32 f = 9;", None, RuleSet(domain=(Rule("all", "SEAL", "WRITEREAD"),))),
    ],
)
def test_what_clients_seal_or_refuse_themselves_is_taken(
    field: str, metadata: Metadata | None, rules: RuleSet | None
) -> None:
    require_sealable(schema(PERSON.replace("FIELD", field)), metadata, rules)


def test_tags_by_pattern_count_for_sealing_too() -> None:
    with pytest.raises(InvalidRuleSet, match=r"shop\.Person\.Home\.state of type shop\.State"):
        require_sealable(schema(PERSON.replace("FIELD", "")), Metadata({"**.state": ("PII",)}), SEALS)
