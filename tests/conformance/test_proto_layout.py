"""`tenor fmt` of Protobuf against protoc: the descriptor is the same before and after, comments included.

The corpus is what is installed (the files of google.protobuf and of googleapis), each as it is and with its white space
spoiled, and the texts of the shared vectors.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from tenor.cli.proto_layout import laid_out
from tests.vectors import shared

TOKEN = re.compile(
    r"//[^\n]*\n|/\*.*?\*/|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\.?\d(?:[eE][+-]|[\w.])*|\.?\w+(?:\.\w+)*|\s+|.",
    re.DOTALL,
)


def installed() -> Mapping[str, str]:
    """The .proto files of the packages that are installed, by the names that they import each other by."""
    found: dict[str, str] = {}
    for package, root in (("grpc_tools", "_proto"), ("google.api", "../..")):
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations
        folder = (Path(next(iter(spec.submodule_search_locations))) / root).resolve()
        for file in sorted(folder.glob("google/**/*.proto")):
            found.setdefault(file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def corpus() -> Mapping[str, str]:
    found = installed()
    assert len(found) > 60
    return found


def compiled(texts: Mapping[str, str], folder: Path) -> dict[str, FileDescriptorProto]:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    out = folder / "out"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", "--include_source_info"]
    subprocess.run([*command, f"--descriptor_set_out={out}", *texts], check=True, timeout=60, capture_output=True)
    return {each.name: each for each in FileDescriptorSet.FromString(out.read_bytes()).file}


def comments(file: FileDescriptorProto) -> dict[tuple[int, ...], tuple[str, str, tuple[str, ...]]]:
    found = {}
    for each in file.source_code_info.location:
        told = (each.leading_comments, each.trailing_comments, tuple(each.leading_detached_comments))
        if any(told):
            found[tuple(each.path)] = told
    return found


def bare(file: FileDescriptorProto) -> FileDescriptorProto:
    kept = FileDescriptorProto()
    kept.CopyFrom(file)
    kept.ClearField("source_code_info")
    return kept


def spoiled(text: str, seed: int) -> str:
    """The same tokens with other white space; what a line comment needs stays."""
    chance = random.Random(seed)
    parts = []
    for part in TOKEN.findall(text):
        parts.append(chance.choice((" ", "\n", "\t", "\n\n\n  ", "  ")) if part.isspace() else part)
        if part in "{};,[]=<>":
            parts.append(chance.choice(("", "", " ", "\n")))
    return "".join(parts)


def test_files_of_google_stay_what_they_are_with_their_comments(corpus: Mapping[str, str], tmp_path: Path) -> None:
    made = {name: laid_out(text) for name, text in corpus.items()}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, after = compiled(corpus, tmp_path / "a"), compiled(made, tmp_path / "b")
    for name, text in made.items():
        assert bare(after[name]) == bare(before[name]), name
        assert comments(after[name]) == comments(before[name]), name
        assert laid_out(text) == text, name


@pytest.mark.parametrize("seed", [1, 2])
def test_spoiled_files_stay_what_they_are_and_come_out_alike(
    corpus: Mapping[str, str], tmp_path: Path, seed: int
) -> None:
    made = {name: laid_out(spoiled(text, seed)) for name, text in corpus.items()}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, after = compiled(corpus, tmp_path / "a"), compiled(made, tmp_path / "b")
    for name, text in made.items():
        assert bare(after[name]) == bare(before[name]), name
        assert laid_out(text) == text, name


@pytest.mark.vectors
def test_texts_of_the_vectors_stay_what_they_are(tmp_path: Path) -> None:
    texts = sorted({text for row in shared("compat-protobuf.json")["cases"] for text in texts_of(row)})
    assert len(texts) > 50
    for text in texts:
        made = laid_out(text)
        assert laid_out(made) == made
        assert squeezed(made) == squeezed(text)


def texts_of(row: Mapping[str, Any]) -> Iterator[str]:
    """Every text of a case, those of its references too."""
    waiting = [row]
    while waiting:
        for name, value in waiting.pop().items():
            if name in ("reader", "writer", "schema", "text") and isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                waiting.append(value)


def squeezed(text: str) -> list[str]:
    return [part for part in TOKEN.findall(text) if not part.isspace()]


ODD = [
    ('syntax="proto3" ;message A{}', 'syntax = "proto3";\n\nmessage A {}\n'),
    ("message A { };message B{;}", "message A {};\n\nmessage B {\n  ;\n}\n"),
    ("rpc Get( A )returns( stream .b.C ) ;", "rpc Get(A) returns (stream .b.C);\n"),
    ("map < string ,int32> m=3;", "map<string, int32> m = 3;\n"),
    ("option (a).b.(c)={x:-1,y<z:1>};", "option (a).b.(c) = {x: -1, y <z: 1>};\n"),
    ("int32 a=1[(b)=1,\n(c)={d:1}];", "int32 a = 1 [\n  (b) = 1,\n  (c) = {d: 1}\n];\n"),
    ('a = "x"\n  "y";', 'a = "x"\n    "y";\n'),
    ("int32 a // why\n = 1;", "int32 a // why\n    = 1;\n"),
    (
        "message A { // a\n\n int32 b=1; /* b */\n // end\n}",
        "message A { // a\n\n  int32 b = 1; /* b */\n  // end\n}\n",
    ),
    ("repeated group G=1{optional int32 a=2;}", "repeated group G = 1 {\n  optional int32 a = 2;\n}\n"),
    ("import 'a';\n\n\n\nimport 'b';// c", "import 'a';\n\nimport 'b'; // c\n"),
    ("// a\n\n// b\nmessage A {}\n// c\nmessage B {}", "// a\n\n// b\nmessage A {}\n\n// c\nmessage B {}\n"),
    ("", "\n"),
    ("// only", "// only\n"),
]


@pytest.mark.parametrize(("text", "made"), ODD)
def test_layouts(text: str, made: str) -> None:
    assert laid_out(text) == made
    assert laid_out(made) == made


@pytest.mark.parametrize(
    "text", ['a = "x', "/* x", "message A {", "}", "a = (1;", "a ]", "'", "message A {{ }", "[ } ]", "message Ä {}"]
)
def test_what_is_no_schema_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"line [12]"):
        laid_out(text)


PIECES = st.sampled_from(
    [
        *"{}[]()<>;,=:.-/",
        "a",
        "b.c",
        ".d",
        "1",
        "1.5",
        ".5",
        '"x"',
        "'y'",
        "// z\n",
        "/* w */",
        "option",
        "rpc",
        " ",
        "\n",
    ]
)


@given(st.lists(PIECES, max_size=30).map(" ".join))
def test_whatever_it_is_given_it_loses_nothing_or_refuses(text: str) -> None:
    try:
        made = laid_out(text)
    except ValueError:
        return
    assert [part.strip() for part in squeezed(made)] == [part.strip() for part in squeezed(text)]
    assert laid_out(made) == made
