"""--format on lint, plan and impact: the forms that other programs read (those of check: test_cli_projects.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import jsonschema
import pytest
from junitparser import JUnitXml

from tenor.cli import main
from tests import documents, legs
from tests.integration.test_v1_impact import NUMBER, V1, deploy, environment, publish, recorded, register, without

Run = Callable[..., str]

ODD = """{
  "type": "record",
  "name": "order",
  "fields": [
    {"name": "TotalSum", "type": "double"}
  ]
}
"""
OLD = json.dumps({"type": "record", "name": "Kept", "fields": [{"name": "id", "type": "string"}]})
BREAKS = json.dumps(
    {"type": "record", "name": "Kept", "fields": [{"name": n, "type": "string"} for n in ("id", "total")]}
)


@pytest.fixture
def run(
    registry: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENOR_URL", str(registry.base_url))
    (tmp_path / "odd.avsc").write_text(ODD)
    (tmp_path / "tenor.yaml").write_text("schemas:\n  - {path: 'kept/*.avsc', subject: '{stem}-kept'}\n")
    (tmp_path / "kept").mkdir()
    for name, text in (("a", OLD), ("b", BREAKS), ("c", "{")):
        (tmp_path / "kept" / f"{name}.avsc").write_text(text)

    def run(*arguments: str, code: int) -> str:
        ended, said = main(arguments), capsys.readouterr()
        assert (ended, said.err) == (code, ""), said
        return said.out

    return run


def sarif(text: str) -> list[dict[str, object]]:
    document = json.loads(text)
    schema = legs.NODE_PROJECT / "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    jsonschema.Draft7Validator(json.loads(schema.read_text())).validate(document)
    results: list[dict[str, object]] = document["runs"][0]["results"]
    return results


def test_a_lint_in_every_form(run: Run, tmp_path: Path) -> None:
    lint = ("lint", "odd.avsc", "--severity", "undocumented-field=error")
    found = documents.read(run(*lint, "--format", "json", code=1))["remarks"]
    rules = {each["rule"] for each in found}
    assert {"undocumented-field"} <= rules
    (field,) = [each for each in found if each["rule"] == "undocumented-field"]
    lines = run(*lint, "--format", "github", code=1).splitlines()
    assert len(lines) == len(found)
    place = f"file=odd.avsc,line={field['line']},col={field['column']}"
    assert any(line.startswith(f"::error {place},title=undocumented-field%3A") for line in lines)
    run(*lint, "--format", "junit=out.xml", "--format", "gitlab=out.json", code=1)
    (suite,) = JUnitXml.fromfile(str(tmp_path / "out.xml"))
    assert (suite.name, suite.tests, suite.failures) == ("tenor lint odd.avsc", 1, 1)
    quality = json.loads((tmp_path / "out.json").read_text())
    assert {each["check_name"] for each in quality} == rules
    comment = run(*lint, "--format", "markdown", code=1).splitlines()
    assert comment[0] == "<!-- tenor lint -->"
    assert comment[1].startswith("### ❌ odd.avsc: 1 error")
    assert f"| odd.avsc:{field['line']} | ❌ " in "\n".join(comment)


def test_a_lint_of_several_files_says_which_is_no_schema(run: Run, tmp_path: Path) -> None:
    words = ("lint", "kept/a.avsc", "kept/c.avsc", "--quiet", "--format")
    (suite,) = JUnitXml.fromstring(run(*words, "junit", code=2).encode())
    assert [(case.name, len(case.result)) for case in suite] == [("kept/a.avsc", 0), ("kept/c.avsc", 1)]
    assert (suite.tests, suite.errors, suite.failures) == (2, 1, 0)
    assert "::error file=kept/c.avsc,line=1,col=2,title=INVALID_SCHEMA%3A this is no schema::" in run(
        *words, "github", code=2
    )


@pytest.mark.node
def test_the_sarif_of_a_lint_is_valid(run: Run) -> None:
    results = sarif(run("lint", "odd.avsc", "--format", "sarif", code=0))
    (field,) = [each for each in results if each["ruleId"] == "undocumented-field"]
    place = field["locations"][0]["physicalLocation"]  # type: ignore[index] # JSON
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("odd.avsc", 5)


def test_a_plan_in_every_form(run: Run, registry: httpx.Client, tmp_path: Path) -> None:
    registry.post("/subjects/b-kept/versions", json={"schema": OLD})
    run("plan", "--format", "junit=out.xml", code=1)
    (suite,) = JUnitXml.fromfile(str(tmp_path / "out.xml"))
    assert (suite.tests, suite.failures) == (3, 2)
    annotations = run("plan", "--format", "github", code=1).splitlines()
    assert [line.partition(",")[0] for line in annotations] == [
        "::error file=kept/b.avsc",
        "::error file=kept/c.avsc",
    ]
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in annotations[0]
    assert "line=1,col=2" in annotations[1]
    comment = run("plan", "--format", "markdown", code=1).splitlines()
    assert comment[1] == f"### ❌ 2 of 3 schemas are refused on {str(registry.base_url).rstrip('/')}"
    assert "| kept/a.avsc | a-kept | new subject |  |" in comment
    run("plan", "kept/a.avsc", "--format", "text", "--format", "sarif=out.sarif", code=0)
    assert json.loads((tmp_path / "out.sarif").read_text())["runs"][0]["tool"]["driver"]["name"] == "tenor plan"


def test_an_impact_in_every_form(run: Run, registry: httpx.Client, tmp_path: Path) -> None:
    register(registry, V1)
    publish(registry, "1.4", recorded("billing", {"/total": NUMBER}))
    deploy(registry, "billing", "1.4", environment(registry, "prod"))
    (tmp_path / "new.avsc").write_text(json.dumps(without("total"), indent=1))
    impact = ("impact", "orders-value", "new.avsc")
    row = documents.read(run(*impact, "--output", "json", code=1))["rows"][0]
    (annotation,) = run(*impact, "--format", "github", code=1).splitlines()
    assert annotation.startswith(
        f"::error file=new.avsc,line=1,col=1,title={row['rule']}%3A billing 1.4 in prod breaks::"
    )
    run(*impact, "--format", "junit=out.xml", code=1)
    (suite,) = JUnitXml.fromfile(str(tmp_path / "out.xml"))
    assert [(case.name, case.classname, len(case.result)) for case in suite] == [("billing 1.4", "new.avsc", 1)]
    comment = run(*impact, "--format", "markdown", code=1).splitlines()
    assert comment[:2] == ["<!-- tenor impact -->", "### ❌ This change hurts consumers: orders-value"]
    assert comment[-1].startswith("| new.avsc:1 | ❌ billing 1.4 in prod breaks: ")


def test_whether_a_version_can_be_deployed_in_every_form(run: Run, registry: httpx.Client, tmp_path: Path) -> None:
    publish(registry, "2", recorded("ledger", {"/total": NUMBER}))
    environment(registry, "live")
    ask = ("can-i-deploy", "--application", "ledger", "--version", "2", "--to-environment", "live")
    run(*ask, "--format", "junit=out.xml", code=3)
    (suite,) = JUnitXml.fromfile(str(tmp_path / "out.xml"))
    assert suite.name == "ledger version 2 may or may not be safe to deploy to live"
    (case,) = suite
    assert case.result[0].message.startswith("no verification result")
    comment = run(*ask, "--format", "markdown", code=3).splitlines()
    assert comment[:2] == ["<!-- tenor can-i-deploy -->", f"### ❔ {suite.name}"]
    assert any(line.startswith("| ledger 2 with orders") and "❔ no verification" in line for line in comment), comment


def test_a_diff_as_a_comment(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.avsc").write_text(ODD.replace("double", "float"))
    comment = run("diff", "odd.avsc", "new.avsc", "--format", "markdown", code=0).splitlines()
    assert comment[:4] == [
        "<!-- tenor diff -->",
        "### 1 change from odd.avsc to new.avsc",
        "",
        "| what | where | in words |",
    ]
    assert comment[5].startswith("| retyped | /TotalSum |")
    assert run("diff", "odd.avsc", "odd.avsc", "--format", "text", code=0) == "no change\n"


@pytest.mark.parametrize("words", ["lint odd.avsc", "plan", "impact s odd.avsc", "check odd.avsc --against odd.avsc"])
def test_a_form_that_nobody_knows(run: Run, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("xml", "sarif=", "=x"):
        assert main([*words.split(), f"--format={form}"]) == 2
        assert "is not FORMAT or FORMAT=FILE, of text, json, junit, sarif" in capsys.readouterr().err
