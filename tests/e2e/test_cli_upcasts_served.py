"""`tenor upcast publish`, `tenor upcast list` and `tenor register --migration-rules` against a served registry."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_cli_offline import Folder, Ran
from tests.e2e.test_cli_upcasts import EVENT, V1, V3

V4 = V3.replace('"level", "type": "int", "default": 3', '"level", "type": "long", "default": 3')
V5 = V4.replace('{"name": "level"', '{"name": "vat_id", "type": "string"}, {"name": "level"')


class Served(Folder):
    """A folder whose commands know a registry."""

    url = ""

    def tenor(self, *words: str, given: str | None = None, **more: str) -> Ran:
        return super().tenor(*words, given=given, TENOR_URL=self.url, **more)


@pytest.fixture
def folder(tmp_path: Path, registry: httpx.Client) -> Folder:
    folder = Served(tmp_path)
    folder.url = str(registry.base_url)
    return folder.write(v1_avsc=V1, v3_avsc=V3, v4_avsc=V4, v5_avsc=V5)


def register(registry: httpx.Client, subject: str, *texts: str) -> None:
    registry.put(f"/config/{subject}", json={"compatibility": "NONE"}).raise_for_status()
    for text in texts:
        registry.post(f"/subjects/{subject}/versions", json={"schema": text}).raise_for_status()


def test_an_upcaster_is_proven_kept_and_listed(folder: Folder, registry: httpx.Client) -> None:
    register(registry, "stored-value", V1, V3, V4)
    listed = folder.tenor("upcast", "list", "stored-value")
    assert listed.code == 0
    assert "tenor upcast publish stored-value 1..2" in listed.err
    open_step = folder.tenor("upcast", "publish", "stored-value", "1..2")
    assert open_step.code == 2
    assert "'/postcode'" in open_step.err
    (folder.path / "samples.jsonl").write_text(EVENT + "\n")
    made = folder.tenor("upcast", "publish", "stored-value", "1..2", "--yes", "/postcode", "--samples", "samples.jsonl")
    assert made.code == 0, made.err
    assert "stored-value 1..2: proven, plan " in made.out
    assert "P8  passed" in made.out
    assert folder.tenor("upcast", "publish", "stored-value", "2..3").code == 0
    listed = folder.tenor("upcast", "list", "stored-value")
    assert [line.split()[:2] for line in listed.out.splitlines()[1:]] == [["1..2", "proven"], ["2..3", "proven"]]
    assert listed.err == ""
    document = json.loads(folder.tenor("upcast", "list", "stored-value", "--output", "json").out)
    assert [(edge["old"], edge["new"]) for edge in document["edges"]] == [(1, 2), (2, 3)]


def test_a_plan_that_an_event_refutes_is_not_kept(folder: Folder, registry: httpx.Client) -> None:
    register(registry, "refuted-value", V1, V3)
    folder.tenor("upcast", "new", "v1.avsc", "v3.avsc", "--yes", "/postcode", "--plan", "plan.json")
    wrong = (folder.path / "plan.json").read_text().replace('"value": 3', '"value": "three"')
    (folder.path / "plan.json").write_text(wrong)
    refused = folder.tenor("upcast", "publish", "refuted-value", "1..2", "--plan", "plan.json")
    assert refused.code == 1, refused.err
    assert "the proof failed (P2)" in refused.err
    assert folder.tenor("upcast", "list", "refuted-value").out.split()[-2:] == ["1..2", "none"]


def test_an_upcaster_of_what_is_to_be_registered(folder: Folder, registry: httpx.Client) -> None:
    register(registry, "coming-value", V1)
    made = folder.tenor(
        "upcast", "publish", "coming-value", "1..next", "--schema", "v3.avsc", "--yes", "/postcode", "--output", "json"
    )
    assert made.code == 0, made.out
    assert json.loads(made.out)["new"] is None
    assert folder.tenor("register", "coming-value", "v3.avsc").code == 0
    assert "1..2  proven" in folder.tenor("upcast", "list", "coming-value").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["1-2"], "is no edge"),
        (["1..next"], "--schema FILE says what OLD..next leads to"),
        (["1..2", "--schema", "v3.avsc"], "--schema FILE says what OLD..next leads to"),
        (["1..2", "--plan", "v1.avsc", "--yes", "/x"], "--yes and --no are for a plan that the registry derives"),
        (["1..2", "--yes", "/x", "--no", "/x"], "/x cannot be agreed to and declined"),
        (["1..2", "--examples", "0"], "is not between 1 and 20000"),
        (["1..9"], "9"),
    ],
)
def test_what_cannot_be_meant_is_said(folder: Folder, registry: httpx.Client, arguments: list[str], words: str) -> None:
    registry.post("/subjects/typed-value/versions", json={"schema": V1}).raise_for_status()
    refused = folder.tenor("upcast", "publish", "typed-value", *arguments)
    assert refused.code == 2, refused.err
    assert words in refused.err


def test_a_schema_is_registered_with_the_rules_of_its_upcaster(folder: Folder, registry: httpx.Client) -> None:
    register(registry, "ruled-value", V3)
    folder.tenor("upcast", "new", "v3.avsc", "v4.avsc", "--plan", "plan.json")
    done = folder.tenor("register", "ruled-value", "v4.avsc", "--migration-rules", "plan.json")
    assert done.code == 0, done.err
    rules = registry.get("/subjects/ruled-value/versions/2").json()["ruleSet"]["migrationRules"]
    assert (rules[0]["mode"], rules[0]["type"]) == ("UPGRADE", "JSONATA")
    folder.tenor("upcast", "new", "v4.avsc", "v5.avsc", "--plan", "open.json")
    refused = folder.tenor("register", "ruled-value", "v5.avsc", "--migration-rules", "open.json")
    assert refused.code == 2
    assert "--migration-rules open.json" in refused.err
    assert "'/vat_id'" in refused.err
