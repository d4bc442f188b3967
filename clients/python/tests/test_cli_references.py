"""What a text refers to, read from the text alone: however it is laid out."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tenor.cli import project
from tenor.cli.checking import against_git
from tenor.cli.project import Entry
from tenor.cli.references import mentioned, provided
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_text

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


def git(folder: Path, *command: str) -> None:
    me = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", folder, *me, *command], check=True, timeout=30)


def committed(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")


PROJECTS: list[tuple[str, str | list[tuple[str, str]], list[str]]] = [
    ("{path: 's/*.avsc', subject: '{dir}/{stem}'}", [("s/a.avsc", "a")], []),
    ("{path: '**/*.schema', subject: '{dir}/{stem}', format: AVRO}", [("s/t/b.schema", "s/t/b")], []),
    ("{path: 's/*.avcs', subject: '{stem}'}", [], ["tenor.yaml: no file fits 's/*.avcs' whose name ends in .avsc"]),
    ("{path: '*.txt', subject: '{stem}', format: JSON}", [], ["tenor.yaml: no file fits '*.txt'"]),
    ("{path: 's/*.avsc', subject: '{path}'}, {path: 's/a.avsc', subject: x}", [("s/a.avsc", "s/a.avsc")], []),
    ("{path: 's/*.avsc', subject: '{stem.__class__}'}", "knows {stem}, {dir} and {path}", []),
    ("{path: 's/*.avsc', subject: '{name}'}", "knows {stem}, {dir} and {path}", []),
    ("{path: 's/*.avsc', subject: '{stem'}", "knows {stem}, {dir} and {path}", []),
    ("{path: 's/*.avsc', subject: '{{stem}}'}", "knows {stem}, {dir} and {path}", []),
]


@pytest.mark.parametrize(("schemas", "entries", "remarks"), PROJECTS)
def test_which_file_is_which_subject(
    tmp_path: Path, schemas: str, entries: str | list[tuple[str, str]], remarks: list[str]
) -> None:
    (tmp_path / "tenor.yaml").write_text(f"schemas: [{schemas}]\n")
    (tmp_path / "s" / "t").mkdir(parents=True)
    for file in ("s/a.avsc", "s/t/b.schema", "s/t/c.txt"):
        (tmp_path / file).write_text('"int"')
    (tmp_path / "s" / "gone.avsc").symlink_to("nowhere")
    (tmp_path / "s" / "again").symlink_to(".")
    if isinstance(entries, str):
        with pytest.raises(UsageError, match=entries):
            project.load(tmp_path)
        return
    found = project.load(tmp_path)
    assert [(each.file, each.subject) for each in found.entries] == entries
    assert [told.startswith(said) for told, said in zip(found.remarks, remarks, strict=True)] == [True] * len(remarks)


def test_a_check_of_many_files_reads_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tenor.yaml").write_text("schemas: [{path: '*.avsc', subject: '{stem}'}]\n")
    for number in range(40):
        other = [{"name": "r", "type": f"T{number // 2}"}] if number else []
        schema = {"type": "record", "name": f"T{number}", "fields": [{"name": "a", "type": "int"}, *other]}
        (tmp_path / f"t{number}.avsc").write_text(json.dumps(schema))
    git(tmp_path, "init", "-q")
    committed(tmp_path)
    read: Counter[str] = Counter()

    def counted(path: str) -> str:
        read[path] += 1
        return read_text(path)

    monkeypatch.setattr(project, "read_text", counted)
    found = project.load(tmp_path)
    report = against_git(found, found.entries, "HEAD", "both")
    assert [each.status for each in report.checked] == ["unchanged"] * 40
    assert (len(read), set(read.values())) == (40, {1})


def test_a_file_that_was_moved_to_another_subject_is_told(tmp_path: Path) -> None:
    (tmp_path / "tenor.yaml").write_text("schemas: [{path: '**/*.avsc', subject: '{stem}'}]\n")
    (tmp_path / "s").mkdir()
    for file in ("a.avsc", "b.avsc"):
        (tmp_path / file).write_text(json.dumps({"type": "enum", "name": "E", "symbols": [file[0]]}))
    git(tmp_path, "init", "-q")
    committed(tmp_path)
    git(tmp_path, "mv", "a.avsc", "c.avsc")
    git(tmp_path, "mv", "b.avsc", "s/b.avsc")
    found = project.load(tmp_path)
    report = against_git(found, found.entries, "HEAD", "both")
    assert [(each.subject, each.status) for each in report.checked] == [("c", "unchanged"), ("b", "unchanged")]
    (remark,) = report.remarks
    assert remark.startswith("a.avsc is now c.avsc, and so subject a is now c: ")
