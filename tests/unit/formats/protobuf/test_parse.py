"""What is accepted and what is refused: references, built-in files, errors with their place, hostile input."""

from __future__ import annotations

import time

import pytest

from registry.errors import InvalidSchema, TimedOut
from registry.formats import parse
from registry.formats.base import Source
from registry.formats.protobuf import FORMAT, Protobuf, compile_files
from registry.formats.protobuf.builtin import SOURCES
from tests.unit.formats.protobuf import schema, source

P3 = 'syntax = "proto3";\n'

# (what, text, line, column, words of the sentence)
REFUSED = [
    ("no semicolon", f"{P3}message A {{\n  string b = 1\n}}", 4, 1, 'Expected ";"'),
    ("unknown type", f"{P3}message A {{\n  Nope b = 1;\n}}", 3, 3, '"Nope" is not defined'),
    ("columns are characters", f"{P3}message A {{\n\t/* ü */ Nope b = 1;\n}}", 3, 10, "Nope"),
    ("lines end in CR LF", 'syntax = "proto3";\r\nmessage A {\r\n  Nope b = 1;\r\n}', 3, 3, "Nope"),
    ("number used twice", f"{P3}message A {{\n  string b = 1;\n  string c = 1;\n}}", 4, 14, "already been used"),
    ("number 0", f"{P3}message A {{ string b = 0; }}", 2, 24, "positive"),
    ("number of the implementation", f"{P3}message A {{ string b = 19000; }}", None, None, "reserved"),
    ("reserved name", f'{P3}message A {{ reserved "b"; string b = 1; }}', 2, 34, "reserved"),
    ("proto3 has no required", f"{P3}message A {{ required string b = 1; }}", 2, 22, "Required"),
    ("proto3 enum without zero", f"{P3}enum E {{ A = 1; }}", 2, 14, "zero"),
    ("missing import", f'{P3}import "x.proto";', 2, 1, "x.proto"),
    ("import of itself", f'{P3}import "default";', 2, 1, "recursively"),
    ("import from the disk", f'{P3}import "/etc/passwd";', 2, 1, "passwd"),
    ("import of a parent folder", f'{P3}import "../setup.proto";', 2, 1, "setup.proto"),
    ("unknown option", f"{P3}option nope = 1;", 2, 8, "nope"),
    ("unknown syntax", 'syntax = "proto4";', 1, 10, "proto4"),
    ("unknown edition", 'edition = "1999";', 1, 11, "1999"),
    ("nothing protobuf", "<xml/>", 1, 1, "Expected"),
    ("JSON", '{"type": "record"}', 1, 1, "Expected"),
    ("control characters", f"{P3}\x00\x01", 2, 1, "control"),
    ("broken string", f'{P3}option java_package = "x', 2, 25, "string"),
    ("33 messages deep", P3 + "".join(f"message M{n} {{" for n in range(34)) + "}" * 34, 2, None, "recursion"),
    ("10,000 deep", P3 + "message A {" * 10_000, 2, None, "nested deeper"),
    ("deep option values", f"{P3}option (o) = {'{m ' * 100}", 2, None, "nested deeper"),
    ("200,000 enum values", f"{P3}enum E {{" + "".join(f"A{n}={n};" for n in range(200_000)), None, None, "more than"),
    ("a comment of 20 MB", f"{P3}/*{'x' * 20_000_000}*/", None, None, "more than"),
    ("a lone surrogate", f"{P3}// \ud800", None, None, "surrogate"),
    ("base64 of something else", "AAAA", None, None, "base64"),
    ("base64 of nothing", "====", 1, 1, "Expected"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_its_place(text: str, line: int | None, column: int | None, words: str) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidSchema) as caught:
        FORMAT.parse(Source(text))
    assert time.monotonic() - began < 2
    assert words in str(caught.value)
    if line is not None:
        assert caught.value.data["line"] == line
    if column is not None:
        assert caught.value.data["column"] == column


def test_the_registry_parses_protobuf_by_name() -> None:
    assert parse("PROTOBUF", Source(f"{P3}message A {{}}")).canonical == f"{P3}\nmessage A {{}}\n"


LARGE = [
    ("5,000 fields", "message A {" + "".join(f"string f{n} = {n};" for n in range(1, 5001)) + "}"),
    ("a oneof of 500", "message A { oneof o {" + "".join(f"string f{n} = {n};" for n in range(1, 501)) + "}}"),
    ("32 messages deep", "".join(f"message M{n} {{" for n in range(31)) + "}" * 31),
    ("recursion", "message A { B b = 1; } message B { A a = 1; repeated B b = 2; map<string, A> m = 3; }"),
    ("a comment of a megabyte", f"/*{';{' * 500_000}*/ message A {{}}"),
    # Each message holds the one before twice: 2^39 paths, were they all unfolded.
    ("a doubling graph", "message M0 {}" + "".join(
        f"message M{n} {{ M{n - 1} a = 1; M{n - 1} b = 2; }}" for n in range(1, 40)
    )),
]  # fmt: skip


@pytest.mark.parametrize("text", [row[1] for row in LARGE], ids=[row[0] for row in LARGE])
def test_large_schemas_are_answered(text: str) -> None:
    began = time.monotonic()
    parsed = schema(text)
    assert schema(parsed.canonical).canonical == parsed.canonical
    assert parsed.findings(parsed) == []
    assert len(parsed.fields()) <= 50_000
    assert parsed.normalized()
    assert time.monotonic() - began < 5  # a second when nothing else runs


def test_references_near_and_far() -> None:
    far = source(f"{P3}package far; message Far {{ int32 x = 1; }}")
    near = source(
        f'{P3}package near; import public "far/far.proto"; message Near {{ far.Far f = 1; }}', **{"far/far_proto": far}
    )
    parsed = schema('import "near.proto"; message A { near.Near n = 1; far.Far f = 2; }', near_proto=near)
    assert [file.name for file in parsed.files] == ["far/far.proto", "near.proto", "default"]
    assert [field.path for field in parsed.fields()] == ["/n", "/f", "/n/f", "/f/x", "/n/f/x"]
    # The schema's own references come before those of its references.
    nearer = source(f"{P3}package far; message Far {{ int32 y = 1; }}")
    parsed = schema('import "near.proto"; message A { near.Near n = 1; }', near_proto=near, **{"far/far_proto": nearer})
    assert [field.path for field in parsed.fields()] == ["/n", "/n/f", "/n/f/y"]


def test_a_cycle_of_references_is_refused() -> None:
    one = source(f'{P3}import "two.proto"; message A {{}}', two_proto=source(f'{P3}import "one.proto";'))
    with pytest.raises(InvalidSchema, match="recursively imports itself"):
        schema('import "one.proto";', one_proto=one)


def test_a_problem_in_a_reference_is_told_with_its_file() -> None:
    with pytest.raises(InvalidSchema, match=r"d\.proto, line 2: .*Nope") as caught:
        schema('import "d.proto"; message A { D d = 1; }', d_proto=f"{P3}message D {{ Nope n = 1; }}")
    assert caught.value.data["line"] == 2  # the import of the broken file


def test_odd_names_of_references() -> None:
    for name in ("default", "a b.proto", "ü.proto", "x,y.proto", "-I.proto", "@file"):
        parsed = FORMAT.parse(
            Source(f'{P3}import "{name}"; message A {{ D d = 1; }}', ((name, Source(f"{P3}message D {{}}")),))
        )
        assert f'import "{name}";' in parsed.canonical
        assert FORMAT.parse(Source(parsed.render("serialized"), parsed.source.references)).fields() == parsed.fields()
    for name in ("a:b.proto", "a=b.proto", "/abs.proto", "../up.proto", "a//b.proto", "a\\\\b.proto", ""):
        with pytest.raises(InvalidSchema):
            FORMAT.parse(
                Source(f'{P3}import "{name}"; message A {{ D d = 1; }}', ((name, Source(f"{P3}message D {{}}")),))
            )
        FORMAT.parse(Source(f"{P3}message A {{}}", ((name, Source(f"{P3}message D {{}}")),)))  # not imported: no harm


@pytest.mark.parametrize("path", [*SOURCES, "google/protobuf/timestamp.proto", "google/protobuf/descriptor.proto"])
def test_built_in_files_need_no_reference(path: str) -> None:
    assert schema(f'import "{path}"; message A {{}}').files[-2].name == path


def test_a_registered_copy_of_a_built_in_file() -> None:
    """Google's well-known types cannot be replaced; what this registry only describes can."""
    own = f"{P3}package google.type; message Money {{ string currency_code = 1; int32 cents = 9; }}"
    text = 'import "google/type/money.proto"; message A { google.type.Money m = 1; }'
    parsed = FORMAT.parse(Source(P3 + text, (("google/type/money.proto", Source(own)),)))
    assert {each.name for each in parsed.model.messages["google.type.Money"].fields} == {"currency_code", "cents"}
    text = 'import "google/protobuf/timestamp.proto"; message A { google.protobuf.Timestamp m = 1; }'
    own = f"{P3}package google.protobuf; message Timestamp {{ string s = 1; }}"
    parsed = FORMAT.parse(Source(P3 + text, (("google/protobuf/timestamp.proto", Source(own)),)))
    assert {each.name for each in parsed.model.messages["google.protobuf.Timestamp"].fields} == {"seconds", "nanos"}


def test_a_compiler_that_takes_too_long() -> None:
    def slow(files: dict[str, str], main: str) -> bytes:
        raise TimedOut(what="protoc", seconds=1)

    with pytest.raises(InvalidSchema, match="protoc took longer than 1 s"):
        Protobuf(compile=slow).parse(Source(f"{P3}message A {{}}"))


def test_compiling_leaves_stderr_alone(capfd: pytest.CaptureFixture[str]) -> None:
    unused = f'{P3}import "google/protobuf/any.proto"; message A {{}}'
    assert isinstance(compile_files({"default": unused}, "default"), bytes)
    assert compile_files({"default": "nonsense \x00"}, "default")
    assert capfd.readouterr() == ("", "")
