"""What a text refers to, read from the text alone: however it is laid out."""

from __future__ import annotations

import time

import pytest

from tenor.cli.project import Entry
from tenor.cli.references import mentioned, provided

PROTO: list[tuple[str, list[str]]] = [
    ('import "a.proto";', ["a.proto"]),
    ('syntax = "proto3"; package a; import "a.proto"; import public \'b.proto\';', ["a.proto", "b.proto"]),
    ('/* one */ import /* two */ weak // three\n "a.proto" /* four */ ;', ["a.proto"]),
    ('import\n  "a.proto"\n;import"b.proto";\r\n\timport option "c.proto";', ["a.proto", "b.proto", "c.proto"]),
    ('// import "a.proto";\n/* import "b.proto";\n import "c.proto"; */', []),
    ('option (x) = "; import \'a.proto\';"; option (y) = "/*"; import "b.proto"; option (z) = "*/";', ["b.proto"]),
    ('message M { string import = 1; optional string a = 2 [default = "x"]; }', []),
    ('my.import "a.proto"; reimport "b.proto"; import "";', []),
    ('import "google/protobuf/any.proto"; import "a.proto"; import "a.proto";', ["a.proto"]),
    ('import "a.proto', []),
]


@pytest.mark.parametrize(("text", "names"), PROTO)
def test_imports_are_found_wherever_they_stand(text: str, names: list[str]) -> None:
    assert mentioned("PROTOBUF", text) == names


def test_a_long_text_takes_no_longer_than_it_is() -> None:
    started = time.process_time()
    for text in ('import "' * 100_000, "/*" * 100_000, "import " * 100_000, '"\\"' * 100_000):
        assert mentioned("PROTOBUF", text) == []
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("name", "file"),
    [("t.json", "s/t.json"), ("../t.json", "t.json"), ("%C3%A9/a%20b.json", "s/é/a b.json"), ("none.json", None)],
)
def test_a_json_reference_is_a_uri_from_the_file(name: str, file: str | None) -> None:
    files = {each: Entry(each, "", "JSON") for each in ("s/t.json", "t.json", "s/é/a b.json")}
    assert provided(name, "s/x.json", "JSON", files, lambda _: None) == file
