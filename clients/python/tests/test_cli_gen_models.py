"""`tenor gen models`: where schemas come from, where modules go, and what is said when it cannot be done."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_registry import FakeRegistry

import tenor
from tenor.cli import connection, main

MONEY = '{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}'
ORDER = """{"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":"string"},{"name":"total","type":"shop.Money"}]}"""
PROTO = 'syntax = "proto3";\nimport "shop/money.proto";\nmessage Order { shop.Money total = 1; }\n'
MONEY_PROTO = 'syntax = "proto3";\npackage shop;\nmessage Money { int64 cents = 1; }\n'
DOCUMENT = '{"title":"Order","type":"object","properties":{"total":{"$ref":"money.json"}},"required":["total"]}'
MONEY_DOCUMENT = '{"title":"Money","type":"object","properties":{"cents":{"type":"integer"}}}'
FILES = {
    "avro/order.avsc": ORDER,
    "avro/money.avsc": MONEY,
    "proto/order.proto": PROTO,
    "proto/shop/money.proto": MONEY_PROTO,
    "json/order.json": DOCUMENT,
    "json/money.json": MONEY_DOCUMENT,
    "tenor.yaml": 'schemas: [{path: "{avro,proto,json}", subject: x}]',
}
PROJECT = """schemas:
  - {path: "avro/*.avsc", subject: "{stem}-value"}
  - {path: "proto/**/*.proto", subject: "{stem}-proto"}
  - {path: "json/order.json", subject: "orders.json"}
"""
AVRO_MODELS = """\
# Subject order-value, file avro/order.avsc
# pydantic, sha256 {fingerprint}
# Made by `tenor gen models`: change the schema, not this file.

from __future__ import annotations

from pydantic import BaseModel


class Money(BaseModel):
    cents: int


class Order(BaseModel):
    id: str
    total: Money
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of schemas in three formats, which refer to each other."""
    for name, text in (FILES | {"tenor.yaml": PROJECT}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Said = pytest.CaptureFixture[str]


def test_a_file_of_the_project_with_what_it_refers_to(folder: Path, capsys: Said) -> None:
    assert main(["gen", "models", "avro/order.avsc", "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (module,) = document["modules"]
    assert (module["file"], module["subject"], module["schema_file"]) == (None, "order-value", "avro/order.avsc")
    assert main(["gen", "models", "avro/order.avsc"]) == 0
    text = capsys.readouterr().out
    assert text == AVRO_MODELS.format(fingerprint=module["fingerprint"]) == module["text"]


def test_all_of_the_project_and_then_nothing_changes(folder: Path, capsys: Said) -> None:
    written = ["models/money_proto.py", "models/money_value.py", "models/order_proto.py", "models/order_value.py"]
    assert main(["gen", "models", "--out", "models", "--check"]) == 10
    assert not (folder / "models").exists()
    assert sorted(capsys.readouterr().out.split()) == [*written, "models/orders_json.py"]
    assert main(["gen", "models", "--out", "models"]) == 0
    capsys.readouterr()
    assert main(["gen", "models", "--out", "models", "--check"]) == 0
    assert capsys.readouterr().out == ""
    assert "total: Money" in (folder / "models/orders_json.py").read_text()
    assert "total: Money | None = None" in (folder / "models/order_proto.py").read_text()
    path = folder / "models/order_value.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as git may have written it
    assert main(["gen", "models", "avro", "--out", "models", "--check"]) == 0
    # What a schema refers to is a part of what its module is made of.
    (folder / "avro/money.avsc").write_text(MONEY.replace("long", "int"))
    assert main(["gen", "models", "avro", "--out", "models", "--check"]) == 10
    assert sorted(capsys.readouterr().out.split()) == ["models/money_value.py", "models/order_value.py"]


def test_code_that_somebody_wrote_is_not_overwritten(folder: Path, capsys: Said) -> None:
    path = folder / "models.py"
    for there, code in ((b"x = 1\n", 2), (b"\xff", 2), (b"", 0), (None, 0)):
        path.unlink() if there is None else path.write_bytes(there)
        assert main(["gen", "models", "avro/money.avsc", "--out", "models.py"]) == code
        assert (path.read_bytes() == there) is (code == 2)
    assert "models.py is there, and was not generated" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pydantic", "dataclass", "typeddict", "msgspec"])
def test_a_file_without_a_project(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    monkeypatch.chdir(tmp_path)
    Path("o.txt").write_text(ORDER)
    Path("m.avsc").write_text(MONEY)
    options = ["--type", "avro", "--reference", "shop.Money=m.avsc", "--kind", kind]
    assert main(["gen", "models", "o.txt", *options, "--out", "new/order.py"]) == 0
    text = Path("new/order.py").read_text()
    assert text.splitlines()[:2] == ["# File o.txt", f"# {kind}, sha256 {text.splitlines()[1][-16:]}"]
    compile(text, "order", "exec")
    assert capsys.readouterr().out == "new/order.py\n"


def test_a_version_of_a_subject(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Said) -> None:
    registry = FakeRegistry()
    registry.add("money", MONEY)
    refers = [{"name": "shop.Money", "subject": "money", "version": 1}]
    registry.add("or@der", ORDER, references=refers)
    registry.add("or@der", ORDER.replace("id", "number"), references=refers)

    def connected(url: Any, **options: Any) -> tenor.Registry:
        return tenor.Registry(url, http=httpx.Client(transport=httpx.MockTransport(registry)), **options)

    monkeypatch.setattr(connection, "Registry", connected)
    monkeypatch.chdir(tmp_path)
    for source, version, field in (("or@der@1", 1, "id"), ("or@der", 2, "number"), ("or@der@latest", 2, "number")):
        assert main(["gen", "models", source]) == 0
        text = capsys.readouterr().out
        assert text.startswith(f"# Subject or@der, version {version}\n")
        assert f"    {field}: str\n    total: Money\n" in text
    assert main(["gen", "models", "nobody@3"]) == 2
    assert capsys.readouterr().err == "error: Subject 'nobody' not found.\n"


WRONG = [
    (["--check"], "--check compares with what is written: say where with --out"),
    ([], "4 modules do not fit on standard output: name a folder with --out"),
    (["--out", "x.py"], "4 modules do not fit into x.py: name a folder with --out"),
    (["avro/gone.avsc"], "avro/gone.avsc is no schema of tenor.yaml, and holds none"),
    (["bad.avsc"], "bad.avsc: The AVRO schema cannot be used: Expecting property name"),
    (["lone.avsc"], "lone.avsc: The AVRO schema cannot be used: the type shop.Money is not defined"),
    (["proto/order.proto", "--message", "Nobody"], "proto/order.proto: The PROTOBUF schema cannot be used"),
    (["keyword.avsc", "--kind", "dataclass"], "keyword.avsc: there can be no field 'class' in A: try another --kind"),
    (["avro/order.avsc", "--out", "avro/money.avsc/models"], "cannot read avro/money.avsc/models/order_value.py"),
    (["same/order.avsc", "same/copy/order.avsc", "--out", "models"], "would both be order.py"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_what_cannot_be_done_is_told_in_a_sentence(
    arguments: list[str], sentence: str, folder: Path, capsys: Said
) -> None:
    (folder / "tenor.yaml").write_text(PROJECT.replace('  - {path: "json/order.json", subject: "orders.json"}\n', ""))
    (folder / "bad.avsc").write_text("{")
    (folder / "lone.avsc").write_text(ORDER)
    (folder / "same/copy").mkdir(parents=True)
    for name in ("same", "same/copy"):
        (folder / name / "order.avsc").write_text('{"type":"record","name":"A","fields":[]}')
    (folder / "keyword.avsc").write_text('{"type":"record","name":"A","fields":[{"name":"class","type":"int"}]}')
    assert main(["gen", "models", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_without_the_generator_a_sentence_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setitem(sys.modules, "datamodel_code_generator", None)
    assert main(["gen", "models", "avro/order.avsc"]) == 2
    assert capsys.readouterr().err == (
        "error: generating models needs the package datamodel-code-generator: pip install 'tenor[models]'\n"
    )


def test_a_type_that_takes_more_than_its_schema_is_told_beside_the_module(folder: Path, capsys: Said) -> None:
    (folder / "json/order.json").write_text('{"type":"object","properties":{"x":{"type":"string","pattern":"^(?!a)"}}}')
    assert main(["gen", "models", "json/order.json"]) == 0
    said = capsys.readouterr()
    assert said.err == ("json/order.json: /x: the pattern is left out, not every library knows its syntax\n")
    assert "x: str | None = None" in said.out


def test_a_generated_model_becomes_a_contract_of_the_subject_it_is_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    at = '{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"raw","type":"bytes"}'
    (folder / "avro/order.avsc").write_text(ORDER.replace("]}", f",{at}]}}"))
    assert main(["gen", "models", "avro", "--out", "made_for_contract"]) == 0
    command = ["contracts", "from-model", "made_for_contract.order_value:Order", "--subject", "order-value"]
    assert main([*command, "--application", "billing", "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out.partition("\n")[2].partition("\n")[2])
    needs = {need["path"]: need for need in document["needs"]}
    assert document["reasons"] == []
    assert "long:timestamp-micros" in needs["/at"]["encodings"]
    assert needs["/raw"] == {"path": "/raw", "presence": "required", "types": ["string"]}
    assert needs["/total/cents"]["types"] == ["integer"]
