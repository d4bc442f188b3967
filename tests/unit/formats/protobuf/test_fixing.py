"""Fixes that remove findings and keep the text, and where things stand in a text."""

from __future__ import annotations

import pytest

from registry.formats.base import Source
from registry.formats.protobuf import FORMAT
from registry.formats.protobuf.fixing import fixes
from registry.formats.protobuf.locations import locate
from tests.unit.formats.protobuf import schema, source

P3 = 'syntax = "proto3";\n'
P2 = 'syntax = "proto2";\n'
E23 = 'edition = "2023";\n'


def in_m(*lines: str) -> str:
    """A message M of these lines, one each."""
    return "message M {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


# (what, old, new, rule, id of the fix, text with the fix)
BACKWARD = [
    (
        "package",
        P3 + "package a;\nmessage M {}",
        P3 + "package b;\nmessage M {}",
        "PACKAGE_CHANGED",
        "restore-package",
        P3 + "package a;\nmessage M {}",
    ),
    (
        "package gone",
        P3 + "package a;\nmessage M {}",
        P3 + "message M {}",
        "PACKAGE_CHANGED",
        "restore-package",
        P3.strip() + "\npackage a;\nmessage M {}",
    ),
    (
        "message",
        P3 + "message M {}\nmessage N {\n  int32 x = 1; // kept\n}",
        P3 + "message M {}",
        "MESSAGE_REMOVED",
        "restore-message",
        P3 + "message M {}\nmessage N {\n  int32 x = 1; // kept\n}\n",
    ),
    (
        "message inside",
        P3 + "message M { message N {} }",
        P3 + "message M { }",
        "MESSAGE_REMOVED",
        "restore-message",
        P3 + "message M { message N {} }",
    ),
    (
        "type",
        P3 + in_m("string  a = 1;"),
        P3 + in_m("/* c */ double a = 1; // d"),
        "FIELD_SCALAR_KIND_CHANGED",
        "restore-type",
        P3 + in_m("/* c */ string a = 1; // d"),
    ),
    (
        "type, another number",
        P3 + in_m("string a = 1;", "int32 c = 7;"),
        P3 + in_m("double b = 1;"),
        "FIELD_SCALAR_KIND_CHANGED",
        "new-number",
        P3 + in_m("double b = 8;", "reserved 1;"),
    ),
    (
        "map",
        P3 + in_m("map<string, int32> a = 1;"),
        P3 + in_m("repeated int32 a = 1;"),
        "FIELD_KIND_CHANGED",
        "restore-type",
        None,
    ),
    (
        "map value",
        P3 + in_m("map<string, int32> a = 1;"),
        P3 + in_m("map<string, string> a = 1;"),
        "FIELD_SCALAR_KIND_CHANGED",
        "restore-type",
        P3 + in_m("map<string, int32> a = 1;"),
    ),
    (
        "required added",
        P2 + "message M {}",
        P2 + in_m("required int32 a = 1;"),
        "REQUIRED_FIELD_ADDED",
        "make-optional",
        P2 + in_m("optional int32 a = 1;"),
    ),
    (
        "required removed",
        P2 + in_m("required int32 a = 1;"),
        P2 + in_m("optional int32 b = 2;"),
        "REQUIRED_FIELD_REMOVED",
        "restore-field",
        P2 + in_m("optional int32 b = 2;", "required int32 a = 1;"),
    ),
    (
        "label",
        P3 + in_m("optional int32 a = 1;"),
        P3 + in_m("repeated int32 a = 1;"),
        "FIELD_NUMERIC_LABEL_CHANGED",
        "restore-label",
        P3 + in_m("optional int32 a = 1;"),
    ),
    (
        "legacy required",
        E23 + "message M {}",
        E23 + in_m("int32 a = 1 [features.field_presence = LEGACY_REQUIRED];"),
        "LEGACY_REQUIRED_ADDED",
        "drop-feature",
        E23 + in_m("int32 a = 1;"),
    ),
    (
        "legacy required, among options",
        E23 + in_m("int32 a = 1;"),
        E23 + in_m("int32 a = 1 [deprecated = true, features.field_presence = LEGACY_REQUIRED];"),
        "FIELD_BECAME_REQUIRED",
        "drop-feature",
        E23 + in_m("int32 a = 1 [deprecated = true];"),
    ),
    (
        "delimited",
        E23 + in_m("M a = 1 [features.message_encoding = DELIMITED];"),
        E23 + in_m("M a = 1 [deprecated = true];"),
        "MESSAGE_ENCODING_CHANGED",
        "add-feature",
        E23 + in_m("M a = 1 [features.message_encoding = DELIMITED, deprecated = true];"),
    ),
    (
        "packed",
        P3 + in_m("repeated int32 a = 1;"),
        P3 + in_m("int32 a = 1;"),
        "PACKED_FIELD_BECAME_SINGULAR",
        "restore-type",
        P3 + in_m("repeated int32 a = 1;"),
    ),
    (
        "narrowed",
        P3 + in_m("int64 a = 1;"),
        P3 + in_m("int32 a = 1;"),
        "INTEGER_NARROWED",
        "restore-type",
        P3 + in_m("int64 a = 1;"),
    ),
    (
        "renumbered",
        P3 + in_m("int32 a = 1;"),
        P3 + in_m("reserved 1;", "int32 a = 2;"),
        "FIELD_RENUMBERED",
        "restore-number",
        P3 + in_m("", "int32 a = 1;"),
    ),
    (
        "reserved number used",
        P3 + in_m("reserved 2;"),
        P3 + in_m("int32 a = 2;"),
        "RESERVED_NUMBER_REUSED",
        "new-number",
        P3 + in_m("int32 a = 3;", "reserved 2;"),
    ),
    (
        "reservation",
        P3 + in_m("reserved 2 to 4;", 'reserved "x";'),
        P3 + in_m("int32 a = 1;", 'reserved "x";'),
        "RESERVATION_REMOVED",
        "restore-reservation",
        P3 + in_m("int32 a = 1;", 'reserved "x";', "reserved 2 to 4;"),
    ),
    (
        "reserved name",
        P3 + in_m('reserved "x";'),
        P3 + in_m("int32 a = 1;"),
        "RESERVATION_REMOVED",
        "restore-reservation",
        P3 + in_m("int32 a = 1;", 'reserved "x";'),
    ),
    (
        "enum value",
        P2 + in_m("required E e = 1;") + "enum E {\n  A = 0;\n  B = 1;\n}",
        P2 + in_m("required E e = 1;") + "enum E {\n  A = 0;\n}",
        "CLOSED_ENUM_VALUE_REMOVED",
        "restore-values",
        P2 + in_m("required E e = 1;") + "enum E {\n  A = 0;\n  B = 1;\n}",
    ),
    (
        "oneof member",
        P3 + in_m("oneof o {", "  int32 a = 1;", "  int32 b = 2;", "}"),
        P3 + in_m("oneof o {", "  int32 a = 1;", "}"),
        "ONEOF_FIELD_REMOVED",
        "restore-field",
        P3 + in_m("oneof o {", "  int32 a = 1;", "  int32 b = 2;", "}"),
    ),
    (
        "several into a oneof",
        P3 + in_m("int32 a = 1;", "int32 b = 2;"),
        P3 + in_m("oneof o {", "  int32 a = 1;", "  int32 b = 2;", "}"),
        "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
        "leave-oneof",
        P3 + in_m("int32 a = 1;", "int32 b = 2;"),
    ),
    (
        "one into an old oneof",
        P3 + in_m("oneof o {", "  int32 a = 1;", "}", "int32 b = 2;"),
        P3 + in_m("oneof o {", "  int32 a = 1;", "  int32 b = 2;", "}"),
        "FIELD_MOVED_TO_EXISTING_ONEOF",
        "leave-oneof",
        P3 + in_m("int32 b = 2;", "oneof o {", "  int32 a = 1;", "}"),
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "rule", "name", "text"), [row[1:] for row in BACKWARD], ids=[row[0] for row in BACKWARD]
)
def test_fixes(old: str, new: str, rule: str, name: str, text: str | None) -> None:
    writer, reader = FORMAT.parse(Source(old)), FORMAT.parse(Source(new))
    finding = next(each for each in reader.findings(writer) if each.rule == rule)
    offered = {fix.id: fix for fix in fixes(reader, writer, finding)}
    if text is None:  # a map cannot be repeated: the edit would not compile, and is not offered
        assert name not in offered
        assert "new-number" in offered
        return
    assert offered[name].apply(new) == text
    assert offered[name].sentence
    fixed = FORMAT.parse(Source(text))
    assert rule not in {each.rule for each in fixed.findings(writer)}


# Forward: the old schema reads what the new one writes, and the new text is edited.
FORWARD = [
    (
        "required gone",
        P2 + in_m("required int32 a = 1;"),
        P2 + in_m("reserved 1;"),
        "REQUIRED_FIELD_ADDED",
        "restore-field",
        P2 + in_m("", "required int32 a = 1;"),
    ),
    (
        "required added",
        P2 + "message M {}",
        P2 + in_m("required int32 a = 1;"),
        "REQUIRED_FIELD_REMOVED",
        "make-optional",
        P2 + in_m("optional int32 a = 1;"),
    ),
    (
        "type",
        P3 + in_m("int32 a = 1;"),
        P3 + in_m("string a = 1;"),
        "FIELD_SCALAR_KIND_CHANGED",
        "restore-type",
        P3 + in_m("int32 a = 1;"),
    ),
    (
        "widened",
        P3 + in_m("int32 a = 1;"),
        P3 + in_m("int64 a = 1;"),
        "INTEGER_NARROWED",
        "restore-type",
        P3 + in_m("int32 a = 1;"),
    ),
    (
        "oneof dissolved",
        P3 + in_m("oneof o { int32 a = 1; int32 b = 2; }"),
        P3 + in_m("int32 a = 1;", "int32 b = 2;"),
        "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
        "enter-oneof",
        P3 + in_m("oneof o { int32 a = 1; int32 b = 2; }"),
    ),
    (
        "oneof member added",
        P3 + in_m("oneof o { int32 a = 1; }"),
        P3 + in_m("oneof o { int32 a = 1; int32 b = 2; }"),
        "ONEOF_FIELD_REMOVED",
        "leave-oneof",
        P3 + in_m("int32 b = 2; oneof o { int32 a = 1;  }"),
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "rule", "name", "text"), [row[1:] for row in FORWARD], ids=[row[0] for row in FORWARD]
)
def test_forward_fixes_edit_the_new_text(old: str, new: str, rule: str, name: str, text: str) -> None:
    reader, writer = FORMAT.parse(Source(old)), FORMAT.parse(Source(new))
    finding = next(each for each in reader.findings(writer) if each.rule == rule)
    offered = {fix.id: fix.apply(new) for fix in fixes(reader, writer, finding, forward=True)}
    assert "".join(offered[name].split()) == "".join(text.split())
    assert rule not in {each.rule for each in reader.findings(FORMAT.parse(Source(offered[name])))}


def test_no_fix_is_offered_where_there_is_no_text_to_edit() -> None:
    writer, reader = schema("message M { int32 a = 1; }"), schema("message M { string a = 1; }")
    binary = FORMAT.parse(Source(reader.render("serialized")))
    (finding,) = binary.findings(writer)
    assert fixes(binary, writer, finding) == ()
    assert fixes(binary, writer, finding, forward=True)  # there the writer's text is edited
    # In a body that an import declares, nothing of this text helps.
    old, new = (
        schema('import "d.proto"; message M { D d = 1; }', d_proto=f"{P3}message D {{ {kind} x = 1; }}")
        for kind in ("int32", "string")
    )
    by_path = {each.path: fixes(new, old, each) for each in new.findings(old)}
    assert by_path["#/D/1"] == ()
    assert [fix.id for fix in by_path["#/M/1"]] == ["new-number"]


# Locations

TEXT = f"""{P3}package shop; // here
message Order {{
\tstring id = 1;
  repeated Line lines = 2;
  oneof payment {{ string card = 3; }}
  message Line {{ map<string, Note> notes = 1; }}
}}
message Note {{ string ü_text = 1; }}
enum State {{ OPEN = 0; }}
service Shop {{ rpc Buy (Order) returns (Note); }}
""".replace("ü_text", "text")

PLACES = [
    ("", (2, 1)),
    ("Order", (3, 9)),
    ("shop.Order", (3, 9)),
    (".shop.Order", (3, 9)),
    ("Order.id", (4, 9)),
    ("Order.lines", (5, 17)),
    ("Order.payment", (6, 9)),
    ("Order.card", (6, 26)),
    ("Order.Line", (7, 11)),
    ("Order.Line.notes", (7, 36)),
    ("State", (10, 6)),
    ("State.OPEN", (10, 14)),
    ("Shop.Buy", (11, 20)),
    ("/id", (4, 9)),
    ("/lines/0/notes/k/text", (9, 23)),
    ("/lines/*/notes", (7, 36)),
    ("Order.nope", None),
    ("/nope", None),
    ("/id/deeper", None),
]


@pytest.mark.parametrize(("pointer", "place"), PLACES)
def test_locations(pointer: str, place: tuple[int, int] | None) -> None:
    assert locate(FORMAT.parse(Source(TEXT)), pointer) == place


def test_locations_where_there_are_none() -> None:
    assert locate(FORMAT.parse(Source(FORMAT.parse(Source(TEXT)).render("serialized"))), "Order") is None
    parsed = schema('import "o.proto"; message M { shop.Order o = 1; }', o_proto=source(TEXT))
    assert locate(parsed, "M.o") == (2, 42)
    assert locate(parsed, "/o/id") is None  # it stands in the import
    assert locate(schema("message M {}"), "") == (1, 1)


def test_every_finding_has_its_place() -> None:
    for old, new, rule, *_ in (row[1:] for row in BACKWARD):
        reader, writer = FORMAT.parse(Source(new)), FORMAT.parse(Source(old))
        for finding in reader.findings(writer):
            for side, path in ((reader, finding.reader_path), (writer, finding.writer_path)):
                assert path is None or locate(side, path) is not None, (rule, path)
            assert finding.reader_path is not None or finding.writer_path is not None
