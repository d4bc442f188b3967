"""The command `tenor` as it is typed, against a served registry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import documents

TENOR = Path(sys.executable).with_name("tenor")
ORDER = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"}]}'
GREW = ORDER.replace("}]}", '},{"name":"total","type":"double","default":0}]}')
BROKE = ORDER.replace("}]}", '},{"name":"total","type":"double"}]}')


class Shell:
    """A folder to type in, and the registry that TENOR_URL names."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def file(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def tenor(self, *arguments: str, given: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TENOR, *arguments],
            cwd=self.folder,
            env={"TENOR_URL": self.url, "PATH": "/usr/bin:/bin", "HOME": str(self.folder), **more},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def document(self, *arguments: str) -> Any:
        return documents.read(self.tenor(*arguments, "--output", "json").stdout)


@pytest.fixture
def shell(tmp_path: Path, registry: httpx.Client) -> Shell:
    return Shell(tmp_path, str(registry.base_url))


def test_register_get_and_list(shell: Shell) -> None:
    shell.file("order.avsc", ORDER)
    shell.file("grew.avsc", GREW)
    first = shell.tenor("register", "cli-value", "order.avsc")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("registered cli-value version 1 (id ")
    rehearsed = shell.tenor("register", "cli-value", "grew.avsc", "--dry-run")
    assert (rehearsed.returncode, rehearsed.stdout) == (0, "would register cli-value version 2\n")
    assert shell.tenor("register", "cli-value", "order.avsc").stdout.startswith("no change: cli-value version 1")
    second = shell.document("register", "cli-value", "grew.avsc")
    assert (second["version"], second["created"], second["dry_run"]) == (2, True, False)
    latest = shell.tenor("get", "cli-value")
    assert json.loads(latest.stdout) == json.loads(GREW)
    assert latest.stderr == f"cli-value, version 2, id {second['id']}, AVRO\n"
    assert json.loads(shell.tenor("get", "cli-value", "1").stdout) == json.loads(ORDER)
    assert json.loads(shell.document("get", "--id", str(second["id"]))["schema"]) == json.loads(GREW)
    assert shell.tenor("list", "cli-v").stdout == "cli-value\n"
    assert shell.document("list", "cli-v")["subjects"][0]["version"] == 2
    assert shell.tenor("list", "cli-v", "--long").stdout.splitlines()[1].split()[:2] == ["cli-value", "2"]


def test_an_incompatible_schema_ends_with_1_and_its_reasons(shell: Shell) -> None:
    shell.file("order.avsc", ORDER)
    shell.file("broke.avsc", BROKE)
    shell.tenor("register", "cli-broke", "order.avsc")
    for arguments in ([], ["--dry-run"]):
        ran = shell.tenor("register", "cli-broke", "broke.avsc", *arguments)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "READER_FIELD_MISSING_DEFAULT_VALUE" in ran.stderr
        assert "Traceback" not in ran.stderr
    error = shell.document("register", "cli-broke", "broke.avsc")["error"]
    assert (error["exit_code"], error["code"], error["findings"][0]["new_path"][:7]) == (1, 40901, "/fields")


def test_references_types_and_standard_input(shell: Shell) -> None:
    money = 'syntax = "proto3"; package shop; message Money { int64 cents = 1; }'
    order = 'syntax = "proto3"; package shop; import "money.proto"; message Order { Money total = 1; }'
    assert shell.tenor("register", "cli-money", "-", "--type", "protobuf", given=money).returncode == 0
    shell.file("order.proto", order)
    ran = shell.tenor("register", "cli-order", "order.proto", "--reference", "money.proto=cli-money:1")
    assert ran.returncode == 0, ran.stderr
    shown = shell.tenor("get", "cli-order")
    assert 'import "money.proto";' in shown.stdout
    assert "refers to cli-money:1" in shown.stderr
    assert shell.tenor("get", "cli-order", "--format", "serialized").stdout.strip().isascii()
    shell.file("order.json", '{"type": "object"}')
    assert shell.document("register", "cli-json", "order.json", "--normalize")["version"] == 1
    assert shell.document("get", "cli-json")["schemaType"] == "JSON"


ENDINGS = [
    (["get", "cli-nowhere"], 2, "Subject 'cli-nowhere' not found."),
    (["get", "--id", "2000000000"], 2, "not found"),
    (["register", "cli-bad", "bad.avsc"], 2, "Invalid schema"),
    (["register", "cli-ro", "order.avsc"], 5, "read-only"),
    (["list", "--registry", "http://127.0.0.1:9"], 4, "No answer from the registry at http://127.0.0.1:9"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), ENDINGS)
def test_endings(shell: Shell, registry: httpx.Client, arguments: list[str], code: int, sentence: str) -> None:
    shell.file("order.avsc", ORDER)
    shell.file("bad.avsc", '{"type": "record"}')
    assert registry.put("/mode/cli-ro", json={"mode": "READONLY"}).status_code == 200
    ran = shell.tenor(*arguments)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith("error: ")
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_terminal_that_knows_ascii_only_is_no_reason_to_fail(shell: Shell) -> None:
    shell.file("ü.avsc", '{"type":"enum","name":"E","symbols":["A"],"doc":"grün"}')
    registered = shell.tenor("register", "cli-ü", "ü.avsc", PYTHONIOENCODING="ascii")
    assert registered.returncode == 0
    assert registered.stdout.startswith(r"registered cli-\xfc version 1")
    assert r"gr\xfcn" in shell.tenor("get", "cli-ü", PYTHONIOENCODING="ascii").stdout
    assert "grün" in shell.tenor("get", "cli-ü", PYTHONIOENCODING="utf-8").stdout


def test_many_subjects_are_listed_page_by_page_and_a_reader_may_leave(shell: Shell, registry: httpx.Client) -> None:
    for number in range(450):
        answer = registry.post(f"/subjects/many-{number:03}/versions", json={"schema": '"string"'})
        assert answer.status_code == 200
    listed = shell.tenor("list", "many-").stdout.splitlines()
    assert listed == [f"many-{number:03}" for number in range(450)]
    piped = subprocess.run(
        ["/bin/sh", "-c", f"{TENOR} list many- | head -1"],
        env={"TENOR_URL": shell.url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (piped.stdout, piped.stderr) == ("many-000\n", "")
