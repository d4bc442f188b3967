"""The texts a schema is printed as: canonical, normal, without extensions, inlined, serialized."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from registry.errors import InvalidSchema
from registry.formats.base import Source
from registry.formats.protobuf import FORMAT
from tests.unit.formats.protobuf import schema, source

P3 = 'syntax = "proto3";\n'
OPTIONS = """\
syntax = "proto2";
package my;

import "google/protobuf/descriptor.proto";

message Note {
  optional string text = 1;
  repeated int32 levels = 2;
  optional Note inner = 3;
  map<string, bool> flags = 4;
}

extend google.protobuf.FieldOptions {
  optional Note note = 50001;
  repeated string marks = 50002;
  optional double ratio = 50003;
  optional bytes blob = 50004;
}
extend google.protobuf.MessageOptions {
  optional bool audited = 50001;
}
"""


def _cases() -> list[tuple[str, str, str]]:
    """The rows of canonical.txt: what, text, canonical text."""
    _, *blocks = Path(__file__).with_name("canonical.txt").read_text().split("=== ")
    found = []
    for block in blocks:
        what, _, rest = block.partition("\n")
        text, canonical = rest.split("---\n")
        found.append((what, text, canonical))
    return found


CANONICAL = _cases()


@pytest.mark.parametrize(("text", "canonical"), [row[1:] for row in CANONICAL], ids=[row[0] for row in CANONICAL])
def test_canonical_text(text: str, canonical: str) -> None:
    parsed = FORMAT.parse(Source(text))
    assert parsed.canonical == canonical
    assert FORMAT.parse(Source(canonical)).canonical == canonical
    assert parsed.source.text == text


# (what, text, normal form)
NORMAL = [
    (
        "imports, options and reserved are sorted, types are in full",
        """package a; import "google/type/money.proto"; import "google/protobuf/any.proto"; option java_package = "j";
        option go_package = "g"; message A { reserved 7, 3 to 4; reserved "z", "a"; reserved 9;
        B b = 1; map<string, a.A.B> m = 2; google.protobuf.Any any = 5; message B {} }
        service S { rpc R (A) returns (A.B); }""",
        """package a;

import "google/protobuf/any.proto";
import "google/type/money.proto";

option go_package = "g";
option java_package = "j";

message A {
  reserved 3 to 4, 7, 9;
  reserved "a", "z";

  .a.A.B b = 1;
  map<string, .a.A.B> m = 2;
  .google.protobuf.Any any = 5;

  message B {}
}

service S {
  rpc R (.a.A) returns (.a.A.B);
}
""",
    ),
    (
        "a json_name that is the usual one is left out",
        'message A { int32 a_b = 1 [json_name = "aB", deprecated = true]; int32 c = 2 [json_name = "d"]; }',
        '\nmessage A {\n  int32 a_b = 1 [deprecated = true];\n  int32 c = 2 [json_name = "d"];\n}\n',
    ),
]


@pytest.mark.parametrize(("text", "normal"), [row[1:] for row in NORMAL], ids=[row[0] for row in NORMAL])
def test_normal_form(text: str, normal: str) -> None:
    parsed = FORMAT.parse(Source(P3 + text))
    assert parsed.normalized() == P3 + normal
    assert FORMAT.parse(Source(P3 + normal)).normalized() == P3 + normal
    assert schema(parsed.render("serialized")).normalized() == P3 + normal


def test_two_spellings_of_one_schema_have_one_normal_form() -> None:
    one = OPTIONS + 'message A { optional string s = 1 [(note).text = "x", (note).levels = 1, (ratio) = 0.5]; }'
    two = OPTIONS + 'message A { optional string s = 1 [(.my.ratio) = 5e-1, (my.note) = {levels: [1], text: "x"}]; }'
    assert schema(one).canonical != schema(two).canonical
    assert schema(one).normalized() == schema(two).normalized()


def test_every_kind_of_option_value_survives_the_descriptor() -> None:
    text = OPTIONS + (
        'message A { optional string s = 1 [(note) = {text: "ü\\n\\"" flags {key: "k" value: true} flags {key: "a"}},'
        ' (blob) = "\\377\\000a", (ratio) = nan]; }'
    )
    parsed = schema(text)
    again = schema(parsed.render("serialized"))
    assert again.normalized() == parsed.normalized()
    assert 'text: "ü\\n\\""' in again.canonical
    assert '"\\377\\000a"' in again.canonical


def test_serialized_is_the_descriptor_without_source_info() -> None:
    parsed = schema('package p; message A { string b = 1; } // c\nimport "google/protobuf/any.proto";')
    file = FileDescriptorProto.FromString(base64.b64decode(parsed.render("serialized")))
    assert (file.package, file.message_type[0].field[0].name, list(file.dependency)) == (
        "p",
        "b",
        ["google/protobuf/any.proto"],
    )
    assert not file.HasField("source_code_info")


def test_a_descriptor_is_taken_in_place_of_a_text() -> None:
    dependency = source(f"{P3}package d; message D {{ int32 x = 1; }}")
    parsed = schema('package p; import "d.proto"; message A { d.D b = 1; map<string, d.D> m = 2; }', d_proto=dependency)
    again = schema(parsed.render("serialized"), d_proto=Source(schema(dependency.text).render("serialized")))
    assert again.canonical == parsed.normalized()
    assert again.source.text == parsed.render("serialized")
    with pytest.raises(InvalidSchema, match=r"d\.proto"):
        schema(parsed.render("serialized"))


def test_a_descriptor_with_custom_options_needs_its_imports() -> None:
    using = (
        'syntax = "proto2"; import "my.proto";'
        " message A { option (my.audited) = true; optional int32 x = 1 [(my.ratio) = 2]; }"
    )
    parsed = schema(using, my_proto=OPTIONS)
    again = schema(parsed.render("serialized"), my_proto=OPTIONS)
    assert "option (.my.audited) = true;" in again.canonical
    assert "[(.my.ratio) = 2.0]" in again.canonical
    assert again.normalized() == parsed.normalized()


def _field(**given: Any) -> FileDescriptorProto:
    whole = {"name": "a", "number": 1, "type": 5, "label": 1, **given}
    return FileDescriptorProto(message_type=[DescriptorProto(name="A", field=[FieldDescriptorProto(**whole)])])


def _file(**given: Any) -> FileDescriptorProto:
    return FileDescriptorProto(**given)


HOSTILE_DESCRIPTORS = [
    ("a name with a brace", FileDescriptorProto(message_type=[DescriptorProto(name="A {} message B")])),
    ("a package with a semicolon", FileDescriptorProto(package='a; import "b"')),
    ("a field name with a blank", _field(name="a b")),
    ("a type that is not there", _field(type=11, type_name=".B")),
    ("a type that is code", _field(type=11, type_name=".B c = 2; A")),
    ("a default that is code", _field(type=12, default_value='"]; } message B { bytes b = 1 [default = "')),
    ("a default that is no number", _field(default_value="1]; //")),
    ("a json_name that is taken", _file(message_type=[{"name": "A", "field": [
        {"name": "ab"[at], "number": at + 1, "type": 5, "label": 1, "json_name": "x"} for at in (0, 1)
    ]}], syntax="proto3")),
    ("field number 0", _field(number=0)),
    ("an import with a quote", FileDescriptorProto(dependency=['a"; import "b'])),
    ("an import of itself", FileDescriptorProto(dependency=["default"])),
    ("an unknown syntax", FileDescriptorProto(syntax="proto4")),
    ("an unreleased edition", _file(syntax="editions", edition=9999)),
    ("a oneof index out of range", _field(oneof_index=7)),
    ("a map entry that is none", _file(message_type=[{"name": "A", "nested_type": [
        {"name": "MEntry", "options": {"map_entry": True}}], "field": [
        {"name": "m", "number": 1, "type": 11, "label": 3, "type_name": ".A.MEntry"}]}])),
    ("an enum without values", _file(enum_type=[{"name": "E"}])),
]  # fmt: skip


@pytest.mark.parametrize("file", [row[1] for row in HOSTILE_DESCRIPTORS], ids=[row[0] for row in HOSTILE_DESCRIPTORS])
def test_a_descriptor_that_is_no_schema_is_refused(file: FileDescriptorProto) -> None:
    with pytest.raises(InvalidSchema):
        FORMAT.parse(Source(base64.b64encode(file.SerializeToString()).decode()))


def test_without_extensions() -> None:
    text = OPTIONS + "message A { option (audited) = true; optional int32 x = 1 [(ratio) = 2, deprecated = true]; }"
    rendered = schema(text).render("ignore_extensions")
    assert "optional int32 x = 1 [deprecated = true];" in rendered
    assert "audited" not in rendered
    assert "extend " not in rendered
    schema(rendered)
    assert schema(text).render("default") == schema(text).render("no such rendering") == schema(text).canonical


def test_inlined() -> None:
    far = source(f"{P3}package p; message Far {{ int32 x = 1; }}")
    near = source(f'{P3}package p; import "far.proto"; message Near {{ Far far = 1; }}', far_proto=far)
    text = (
        f'{P3}package p; import "near.proto"; import "google/protobuf/any.proto";'
        " message A { Near n = 1; google.protobuf.Any a = 2; }"
    )
    inlined = schema(text, near_proto=near).inlined()
    alone = FORMAT.parse(Source(inlined))
    assert [message.name for message in alone.model.file.messages] == ["p.A", "p.Far", "p.Near"]
    assert list(alone.file.dependency) == ["google/protobuf/any.proto"]
    assert alone.inlined() == alone.canonical == inlined
    # One file has one package: another package cannot be written out.
    other = schema(f'{P3}import "far.proto"; message A {{ p.Far n = 1; }}', far_proto=far)
    assert other.inlined() == other.canonical


def test_names_that_an_inner_scope_would_catch_get_a_leading_dot() -> None:
    text = (
        'syntax = "proto3"; package a.confluent; import "confluent/meta.proto";'
        ' message M { string s = 1 [(.confluent.field_meta).tags = "PII"]; }'
    )
    assert schema(schema(text).normalized()).normalized() == schema(text).normalized()
    assert "(.confluent.field_meta)" in schema(text).normalized()
