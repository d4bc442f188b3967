"""`tenor fmt`: only the layout changes, the same again changes nothing, and what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenor.cli import main
from tenor.cli.layout import laid_out
from tenor.schemas import AVRO, JSON, PROTOBUF

ORDER = """\
{ "type":"record",
\t"name":"Order", "fields":[ {"name":"id","type":"string"},
  {"name":"price","type":"double","default":1.50e2, "doc":"\\u00e9\\/"}, {"name":"lines","type":{"type":"array","items":
  {"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},{"name":"count","type":"int"}]}}}]}
"""
LAID_OUT = """\
{
  "type": "record",
  "name": "Order",
  "fields": [
    {"name": "id", "type": "string"},
    {"name": "price", "type": "double", "default": 1.50e2, "doc": "\\u00e9\\/"},
    {
      "name": "lines",
      "type": {
        "type": "array",
        "items": {
          "type": "record",
          "name": "Line",
          "fields": [{"name": "sku", "type": "string"}, {"name": "count", "type": "int"}]
        }
      }
    }
  ]
}
"""


def test_a_record_has_a_field_a_line() -> None:
    assert laid_out(AVRO, ORDER) == LAID_OUT
    assert laid_out(AVRO, LAID_OUT) == LAID_OUT


def test_comments_of_protobuf_stay() -> None:
    text = '\r\nsyntax = "proto3";  \r\n\tmessage A {} // why\t\r\n\n\n'
    assert laid_out(PROTOBUF, text) == 'syntax = "proto3";\n\nmessage A {} // why\n'


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


@given(values, st.sampled_from([None, 0, 1, 7]), st.booleans())
@settings(derandomize=True, max_examples=200, deadline=None)
def test_only_the_layout_changes(value: object, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    out = laid_out(JSON, text)
    assert json.loads(out) == value
    assert laid_out(JSON, out) == out
    assert laid_out(JSON, json.dumps(value, ensure_ascii=ascii)) == out


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tenor.yaml").write_text(
        'schemas: [{path: "**/*.avsc", subject: "{stem}"}, {path: "*.proto", subject: "{stem}"}]'
    )
    (tmp_path / "order.avsc").write_bytes(b"\xef\xbb\xbf" + ORDER.encode())
    (tmp_path / "good.avsc").write_text('"string"\n')
    return tmp_path


def test_files_of_a_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project / "order.avsc").read_bytes()
    assert main(["fmt", "--check"]) == 10
    assert capsys.readouterr().out == "order.avsc\n"
    assert (project / "order.avsc").read_bytes() == before
    assert main(["fmt"]) == 0
    assert (project / "order.avsc").read_text() == LAID_OUT
    assert main(["fmt", "--check"]) == 0
    (project / "order.avsc").write_text(ORDER)
    assert main(["fmt", "good.avsc"]) == 0
    assert (project / "order.avsc").read_text() == ORDER


def test_what_is_wrong_is_named_and_the_others_are_laid_out(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bad.avsc").write_text('{"type":\n nonsense}')
    (project / "deep.avsc").write_text("[" * 100_000)
    (project / "open.proto").write_text("message A {\n")
    (project / "latin.avsc").write_bytes(b'"\xe9"')
    assert main(["fmt"]) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "order.avsc"
    assert said[1].startswith("error: bad.avsc:2:2: ")
    assert [line.split(":")[0] for line in said[1:]] == ["error"] * 4
    assert said[-1] == "error: open.proto: a brace is not closed: line 1"
    assert (project / "order.avsc").read_text() == LAID_OUT
    assert (project / "bad.avsc").read_text() == '{"type":\n nonsense}'
