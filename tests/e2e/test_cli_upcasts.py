"""`tenor upcast new`, `prove`, `run` and `tenor replay` as they are typed; no server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fastavro
import pytest

from tenor.cli import main
from tenor.consuming.file import FileQuarantine
from tests.e2e.test_cli_offline import Folder

V1 = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "string"}, {"name": "zip", "type": "string"},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}"""
V2 = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "string"}, {"name": "postcode", "type": "string"},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "level", "type": "int", "default": 3}, {"name": "vat_id", "type": "string"}]}"""
V3 = V2.replace(', {"name": "vat_id", "type": "string"}', "")
EVENT = '{"id": "7", "zip": "10115", "at": {"$datetime": "2026-01-01T00:00:00+00:00"}}'


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path).write(v1_avsc=V1, v2_avsc=V2, v3_avsc=V3)


def test_a_plan_is_derived_confirmed_proven_and_run(folder: Folder) -> None:
    asked = folder.tenor("upcast", "new", "v1.avsc", "v3.avsc")
    assert asked.code == 1
    assert "? /postcode  'zip' may be 'postcode' now" in asked.out
    made = folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--plan", "plan.json")
    assert made.code == 0, made.err
    proof = folder.tenor("upcast", "prove", "plan.json", "--old", "v1.avsc", "--new", "v3.avsc", "--output", "json")
    assert proof.code == 0, proof.out
    assert proof.document["proven"] is True
    assert proof.document["results"]["P2"] == "passed"
    run = folder.tenor("upcast", "run", "plan.json", "-", given=EVENT + "\n")
    at = {"$datetime": "2026-01-01T00:00:00+00:00"}
    assert json.loads(run.out) == {"id": "7", "postcode": "10115", "level": 3, "at": at}
    failed = folder.tenor("upcast", "run", "plan.json", "-", given=f'{EVENT}\n\n{{"id": "8"}}\n')
    assert failed.code == 1
    assert "line 3: The event could not be upcast at '/postcode' (rename): the old event has no 'zip'." in failed.err


def test_a_plan_is_proven_on_recorded_events_too(folder: Folder) -> None:
    folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--plan", "plan.json")
    (folder.path / "samples.jsonl").write_text(EVENT + "\n" + EVENT.replace('"7"', "7") + "\n")
    files = ("--old", "v1.avsc", "--new", "v3.avsc", "--samples", "samples.jsonl")
    proof = folder.tenor("upcast", "prove", "plan.json", *files)
    assert proof.code == 0, proof.err
    assert "1 of 2 samples are events of the old schema" in proof.out
    (folder.path / "samples.jsonl").write_text("{")
    assert folder.tenor("upcast", "prove", "plan.json", *files).code == 2


def test_a_plan_that_is_wrong_is_not_proven(folder: Folder) -> None:
    folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--plan", "plan.json")
    text = (folder.path / "plan.json").read_text()
    (folder.path / "plan.json").write_text(text.replace('"value": 3', '"value": "three"'))
    proof = folder.tenor("upcast", "prove", "plan.json", "--old", "v1.avsc", "--new", "v3.avsc")
    assert proof.code == 1, proof.err
    assert "fails P2 on {" in proof.out
    assert "not proven on" in proof.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/nothing"], "nothing to decide at '/nothing'"),
        (["upcast", "new", "v1.avsc", "v3.avsc", "--decide", "bad.json"], "bad.json is not JSON"),
        (["upcast", "new", "v1.avsc", "v3.avsc", "--decide", "list.json"], "is no object with decisions"),
        (["upcast", "new", "v1.avsc", "v3.avsc", "--python", "my-file.py"], "is no name of a module"),
        (["upcast", "new", "-", "-"], "standard input holds one schema"),
        (["upcast", "prove", "bad.json", "--old", "v1.avsc", "--new", "v3.avsc"], "bad.json is not JSON"),
        (["upcast", "run", "list.json", "-"], "list.json: The upcaster's plan is invalid"),
        (["replay", "list.json", "--handler", "nothing"], "'nothing' is not package.module:function"),
        (["replay", "list.json", "--handler", "nothing:here"], "nothing cannot be imported"),
        (["replay", "none.jsonl", "--handler", "builtins:print"], "cannot read none.jsonl: No such file"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    folder.write(bad_json="{", list_json="[]")
    monkeypatch.chdir(folder.path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(words) == 2
    assert sentence in capsys.readouterr().err


def test_a_module_is_written_filled_in_and_written_again(folder: Folder) -> None:
    words = ("upcast", "new", "v1.avsc", "v2.avsc", "--python", "order.py")
    first = folder.tenor(*words, "--yes", "/postcode")
    assert first.code == 1
    file = folder.path / "order.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text[: text.index("@todo(")] + 'def vat_id(zip, id):\n    return f"DE{id}-{zip}"\n', encoding="utf-8"
    )
    again = folder.tenor(*words, "--plan", "plan.json")
    assert again.code == 0, again.out + again.err
    assert "/vat_id  'vat_id' by order:vat_id" in again.out
    made = folder.tenor(
        "replay", "-", "--plan", "plan.json", "--steps", "order", "--handler", "builtins:print", given=EVENT
    )
    assert "'vat_id': 'DE7-10115'" in made.out
    steps = json.loads((folder.path / "plan.json").read_text())["steps"]
    decided = {step["path"]: step["decision"] for step in steps if "decision" in step}
    (folder.path / "decided.json").write_text(json.dumps(decided))
    typed = ("upcast", "new", "v1.avsc", "v2.avsc", "--decide", "decided.json", "--typescript", "--steps", "order")
    assert "function vat_id(zip: any, id: any): any {" in folder.tenor(*typed).out
    refused = folder.tenor("upcast", "run", "plan.json", "-", given=EVENT)
    assert refused.code == 2
    assert "it is in none of the packages" in refused.err
    check = "import order; print(order.upcast({'id': '7', 'zip': 'z', 'at': None})['vat_id'])"
    done = subprocess.run([sys.executable, "-c", check], cwd=folder.path, capture_output=True, text=True, check=True)
    assert done.stdout == "DE7-z\n"


def test_the_tests_beside_a_module_pass(folder: Folder) -> None:
    made = folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--python", "order.py")
    assert made.code == 0, made.err
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_order.py"]
    done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_rules_for_confluent_are_printed(folder: Folder) -> None:
    made = folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--rules")
    assert made.code == 0, made.err
    assert [rule["mode"] for rule in json.loads(made.out)["migrationRules"]] == ["UPGRADE", "DOWNGRADE"]
    assert "/at: datetime: confluent-kafka for Python evaluates JSONata on JSON values only" in made.err
    typed = folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--typescript")
    assert "export function upcast(old: OldOrder): Order {" in typed.out
    assert "postcode: old.zip" in typed.out
    refused = folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--jsonata")
    assert "The upcaster is not finished: '/postcode'" in refused.err


HANDLER = """
seen = open("seen.txt", "a")

def handle(event):
    if event["id"] == "bad":
        raise LookupError("no such order")
    print(event["postcode"], file=seen, flush=True)
"""


def test_a_replay_goes_on_past_what_it_keeps(folder: Folder) -> None:
    folder.write(hand_py=HANDLER)
    folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--plan", "plan.json")
    lines = [EVENT, EVENT.replace('"7"', '"bad"'), "{not JSON", '{"id": 1}', EVENT]
    (folder.path / "old.jsonl").write_text("\n".join(lines), encoding="utf-8")
    words = ("replay", "old.jsonl", "--plan", "plan.json", "--handler", "hand:handle", "--output", "json")
    stopped = folder.tenor(*words)
    assert stopped.code == 1
    first = {"line": "2", "stage": "handler", "reason": "LookupError: no such order"}
    name = "urn:tenor:output:replay:1"
    assert stopped.document == {"$schema": name, "handled": 1, "failed": 1, "first_failure": first}
    assert "line 2: handler failed: LookupError: no such order" in stopped.err
    rest = folder.tenor(*words, "--skip", "1", "--quarantine", "kept.jsonl")
    assert rest.code == 1
    assert rest.document == {"$schema": name, "handled": 1, "failed": 3, "first_failure": first}
    assert (folder.path / "seen.txt").read_text() == "10115\n10115\n"
    kept = [record for _, record in FileQuarantine(folder.path / "kept.jsonl").pending()]
    assert [record.value for record in kept] == [line.encode() for line in lines[1:4]]
    assert [record.verdict.reason for record in kept] == ["HANDLER", "INVALID", "UPCAST_TODO"]
    assert kept[0].verdict.position == {"file": "old.jsonl", "line": "2"}


def test_a_container_of_avro_is_replayed(folder: Folder) -> None:
    folder.write(hand_py=HANDLER)
    folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--plan", "plan.json")
    with (folder.path / "old.avro").open("wb") as file:
        fastavro.writer(file, json.loads(V1), [{"id": str(n), "zip": f"z{n}", "at": n} for n in range(3)])
    ran = folder.tenor("replay", "old.avro", "--plan", "plan.json", "--handler", "hand:handle")
    assert (ran.code, ran.out) == (0, "3 handled, 0 failed\n"), ran.err
    assert (folder.path / "seen.txt").read_text() == "z0\nz1\nz2\n"
    (folder.path / "cut.avro").write_bytes((folder.path / "old.avro").read_bytes()[:-20])
    cut = folder.tenor("replay", "cut.avro", "--plan", "plan.json", "--handler", "hand:handle")
    assert cut.code == 2
    assert "cut.avro is no Avro container, or is cut short" in cut.err
