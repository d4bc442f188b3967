"""`tenor check --against git:…` in a fresh clone of a repository of schemas; each report read by its reader."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from junitparser import JUnitXml

from tests import documents, legs

TENOR = Path(sys.executable).with_name("tenor")
GOLDEN = Path(__file__).with_name("golden_comment.md")

PROJECT = """\
schemas:
  - path: schemas/**/*.avsc
    subject: "{stem}-value"
    owner: payments
  - path: schemas/**/*.json
    subject: "{stem}-value"
  - path: proto/**/*.proto
    subject: "{dir}/{stem}"
    level: FULL
"""
BEFORE = {
    "tenor.yaml": PROJECT,
    "README.md": "A repository of schemas.\n",
    "schemas/money.avsc": (
        '{"type":"record","name":"Money","namespace":"shop","fields":[\n'
        '  {"name":"amount","type":"long"},\n'
        '  {"name":"currency","type":"string"}]}\n'
    ),
    "schemas/orders/order.avsc": (
        '{"type":"record","name":"Order","namespace":"shop","fields":[\n'
        '  {"name":"id","type":"string"},\n'
        '  {"name":"total","type":"shop.Money"}]}\n'
    ),
    "schemas/customer.json": (
        '{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n  "type": "object",\n'
        '  "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},\n  "required": ["name"]\n}\n'
    ),
    "proto/shop/unit.proto": 'syntax = "proto3";\npackage shop;\nenum Unit { PIECE = 0; KILO = 1; }\n',
    "proto/shop/stock.proto": (
        'syntax = "proto3";\npackage shop;\nimport "shop/unit.proto";\n'
        "message Stock {\n  string sku = 1;\n  int32 count = 2;\n  Unit unit = 3;\n}\n"
    ),
}
CHANGES = {
    "schemas/money.avsc": ('"amount"', '"value"'),
    "proto/shop/stock.proto": ("int32 count = 2", "int64 count = 2"),
}


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Repository:
    """A git repository with a branch, and a shell in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments: str) -> None:
        named = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *named, *arguments], cwd=self.path, check=True, capture_output=True, timeout=60)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)

    def change(self, changes: Mapping[str, tuple[str, str]]) -> None:
        for name, (old, new) in changes.items():
            text = (self.path / name).read_text()
            assert old in text
            (self.path / name).write_text(text.replace(old, new))

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)

    def tenor(self, *arguments: str, folder: str = ".") -> Ran:
        done = subprocess.run(
            [TENOR, *arguments], cwd=self.path / folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)


def started(path: Path) -> Repository:
    repository = Repository(path)
    repository.git("init", "-q", "-b", "main")
    repository.write(BEFORE)
    repository.commit("Schemas")
    return repository


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A fresh clone, on a branch that renamed one field (which another schema uses) and widened another."""
    folder = tmp_path_factory.mktemp("repository")
    origin = started(folder / "origin")
    origin.git("checkout", "-q", "-b", "change")
    origin.change(CHANGES)
    origin.git("mv", "schemas/customer.json", "schemas/client.json")
    origin.commit("A change")
    origin.git("checkout", "-q", "main")
    origin.write({"schemas/later.avsc": '"string"\n'})  # main goes on; that is no change of the branch
    origin.commit("Later")
    subprocess.run(["git", "clone", "-q", "-b", "change", folder / "origin", folder / "clone"], check=True, timeout=60)
    return Repository(folder / "clone")


def document(ran: Ran) -> Any:
    return documents.read(ran.out)


def test_breaks_are_found_and_no_others(clone: Repository) -> None:
    ran = clone.tenor("check", "--against", "git:main", "--output", "json")
    assert ran.code == 1
    report = document(ran)
    assert (report["verdict"], report["against"]) == ("unsafe", "git:main")
    assert {row["file"]: (row["subject"], row["status"], row["verdict"]) for row in report["schemas"]} == {
        "proto/shop/stock.proto": ("shop/stock", "changed", "safe"),
        "proto/shop/unit.proto": ("shop/unit", "unchanged", "safe"),
        "schemas/client.json": ("client-value", "unchanged", "safe"),
        "schemas/money.avsc": ("money-value", "changed", "unsafe"),
        "schemas/orders/order.avsc": ("order-value", "changed", "unsafe"),
    }
    money = next(row for row in report["schemas"] if row["file"] == "schemas/money.avsc")
    assert (money["findings"][0]["new_line"], money["findings"][0]["new_column"]) == (2, 3)
    assert money["owner"] == "payments"


def test_the_comment_is_the_golden_one(clone: Repository) -> None:
    ran = clone.tenor("check", "--against", "git:main", "--format", "markdown")
    assert ran.code == 1
    assert ran.out == GOLDEN.read_text()


def test_a_person_reads_where_what_and_how_out(clone: Repository) -> None:
    ran = clone.tenor("check", "--against", "git:main", folder="schemas")
    lines = ran.out.splitlines()
    assert lines[0].startswith("schemas/money.avsc:2:3: error: new code cannot read old events [")
    assert any(line.startswith("  fix:") for line in lines)
    assert lines[-1] == "unsafe: 2 of 5 schemas, against git:main (3 changed, 2 unchanged)"


def test_some_files_only(clone: Repository) -> None:
    assert clone.tenor("check", "proto", "--against", "git:main").code == 0
    assert clone.tenor("check", "schemas/money.avsc", "--against", "git:main").code == 1
    assert clone.tenor("check", "money.avsc", "--against", "git:main", folder="schemas").code == 1
    refused = clone.tenor("check", "README.md", "--against", "git:main")
    assert (refused.code, "README.md is no schema" in refused.err) == (2, True)


def test_annotations_of_github_are_exact(clone: Repository) -> None:
    lines = clone.tenor("check", "--against", "git:main", "--format", "github").out.splitlines()
    shape = re.compile(r"::(error|warning) file=([^,:]+),line=(\d+),col=(\d+),title=([^:,]*)::(.+)")
    found = [match.groups() for line in lines if (match := shape.fullmatch(line))]
    assert len(found) == len(lines)
    money = next(each for each in found if each[1] == "schemas/money.avsc")
    assert money[:4] == ("error", "schemas/money.avsc", "2", "3")
    assert "%0Aevent: {" in money[5]


@pytest.mark.node
def test_sarif_validates_and_points_at_the_line(clone: Repository, tmp_path: Path) -> None:
    out = tmp_path / "out.sarif"
    ran = clone.tenor("check", "--against", "git:main", "--format", f"sarif={out}", "--format", "text")
    assert ran.out.splitlines()[-1].startswith("unsafe:")
    sarif = json.loads(out.read_text())
    schema = legs.NODE_PROJECT / "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    jsonschema.Draft7Validator(json.loads(schema.read_text())).validate(sarif)
    run = sarif["runs"][0]
    result = next(each for each in run["results"] if each["level"] == "error" and each.get("fixes"))
    place = result["locations"][0]["physicalLocation"]
    text = (clone.path / place["artifactLocation"]["uri"]).read_text().splitlines()
    line = text[place["region"]["startLine"] - 1]
    assert line[place["region"]["startColumn"] - 1 :].startswith('{"name":"value"')
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    # A fix applied as SARIF says it leaves a schema with which the check passes.
    (change,) = result["fixes"][0]["artifactChanges"]
    whole = (clone.path / change["artifactLocation"]["uri"]).read_text()
    for edit in sorted(change["replacements"], key=lambda each: -each["deletedRegion"]["charOffset"]):
        at = edit["deletedRegion"]["charOffset"]
        whole = whole[:at] + edit["insertedContent"]["text"] + whole[at + edit["deletedRegion"]["charLength"] :]
    fixed, before = tmp_path / "fixed.avsc", tmp_path / "before.avsc"
    fixed.write_text(whole)
    before.write_text(BEFORE["schemas/money.avsc"])
    assert clone.tenor("check", str(fixed), "--against", str(before)).code == 0


def test_a_real_parser_reads_the_junit_file(clone: Repository, tmp_path: Path) -> None:
    out = tmp_path / "out.xml"
    clone.tenor("check", "--against", "git:main", "--format", f"junit={out}")
    xml = JUnitXml.fromfile(str(out))
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (5, 2, 0, 0)
    suite = next(iter(xml))
    failed = {case.name: case.result[0] for case in suite if case.result}
    assert failed.keys() == {"money-value", "order-value"}
    assert "schemas/money.avsc:2:3" in failed["money-value"].text


def test_gitlab_reads_its_report(clone: Repository, tmp_path: Path) -> None:
    rows = json.loads(clone.tenor("check", "--against", "git:main", "--format", "gitlab").out)
    critical = [row for row in rows if row["severity"] == "critical"]
    assert critical[0]["location"] == {"path": "schemas/money.avsc", "lines": {"begin": 2}}
    assert {row["severity"] for row in rows} <= {"info", "minor", "major", "critical", "blocker"}
    assert len({row["fingerprint"] for row in rows}) == len(rows)


# --- what can go wrong ----------------------------------------------------------------------------------------------


def said(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran
    assert all(word in ran.err for word in words), ran.err
    assert len(ran.err.strip().splitlines()) == 1, ran.err


def test_what_cannot_be_compared_is_said_in_a_sentence(tmp_path: Path) -> None:
    said(Repository(tmp_path / "bare").tenor("check", "--against", "git:main"), 2, "tenor.yaml", "tenor init")
    bare = Repository(tmp_path / "no-git")
    bare.write(BEFORE)
    said(bare.tenor("check", "--against", "git:main"), 2, "no git repository")
    repository = started(tmp_path / "repository")
    said(repository.tenor("check", "--against", "git:nowhere"), 2, "no revision nowhere")
    said(repository.tenor("check", "--against", "git:--help"), 2, "git:REVISION")
    said(repository.tenor("check", "--against", "git:main", "--level", "FULL"), 2, "--level", "tenor.yaml")
    said(repository.tenor("check", "--against", "git:main", "--format", "pdf"), 2, "pdf")
    said(repository.tenor("check", "--against", "git:main", "--format", "sarif=/nowhere/x"), 2, "/nowhere/x")
    repository.write({"schemas/copy/money.avsc": "{}"})
    said(repository.tenor("check", "--against", "git:main"), 2, "schemas/money.avsc", "both subject money-value")


def test_a_repository_without_a_commit_is_told_as_that(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new")
    repository.write({"tenor.yaml": "schemas: [{path: '*.avsc', subject: x}]", "a.avsc": '"int"'})
    repository.git("init", "-q")
    said(repository.tenor("check", "--against", "git:main"), 2, "no revision main", "nothing is committed yet")


def test_a_shallow_clone_says_how_to_deepen_it(clone: Repository, tmp_path: Path) -> None:
    shallow = Repository(tmp_path / "shallow")
    url = f"file://{clone.path.parent / 'origin'}"
    command = ["git", "clone", "-q", "--depth", "1", "--no-single-branch", "-b", "change", url, str(shallow.path)]
    subprocess.run(command, check=True, timeout=60)
    said(shallow.tenor("check", "--against", "git:main"), 2, "shallow clone", "fetch-depth: 0")
    said(shallow.tenor("check", "--against", "git:HEAD~1"), 2, "run git fetch --unshallow, or check out with fetch")


def test_what_is_said_of_a_shallow_clone_of_one_branch_is_enough(clone: Repository, tmp_path: Path) -> None:
    shallow = Repository(tmp_path / "shallow")
    url = f"file://{clone.path.parent / 'origin'}"
    command = ["git", "clone", "-q", "--depth", "1", "-b", "change", url, str(shallow.path)]
    subprocess.run(command, check=True, timeout=60)
    ran = shallow.tenor("check", "--against", "git:main")
    told = re.fullmatch(r"error: .* run (git fetch .*), or check out with fetch-depth: 0\n", ran.err)
    assert told is not None, ran.err
    subprocess.run(told[1].split(), cwd=shallow.path, capture_output=True, check=True, timeout=60)
    assert shallow.tenor("check", "--against", "git:main").code == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schemas: [", ("tenor.yaml:1:11", "expected the node content")),
        ("schemas:\n  - path: a\n", ("missing required field `subject`", "$.schemas[0]")),
        ("schemas: []\nother: 1\n", ("unknown field `other`",)),
        ("schemas:\n  - {path: 'schemas/**', subject: '{what}'}\n", ("{stem}",)),
        ("- 1\n", ("Expected `object`",)),
        ("", ("missing required field `schemas`",)),
    ],
)
def test_a_project_file_that_is_wrong_is_told_where(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    repository = started(tmp_path / "repository")
    repository.write({"tenor.yaml": text})
    said(repository.tenor("check", "--against", "git:main"), 2, *words)


def test_a_file_that_is_no_schema_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    repository.write({"schemas/broken.avsc": '{"type":'})
    ran = repository.tenor("check", "--against", "git:main")
    assert ran.code == 2
    assert ran.out.splitlines()[0].startswith("schemas/broken.avsc:1:")
    repository.change({"schemas/money.avsc": ('"amount"', '"value"')})
    assert repository.tenor("check", "--against", "git:main").code == 1


def test_a_broken_file_is_blamed_by_name_where_others_refer_to_it(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    repository.write({"proto/shop/unit.proto": 'syntax = "proto3";\npackage shop;\nenum Unit { PIECE = ; }\n'})
    ran = repository.tenor("check", "proto", "--against", "git:main")
    assert ran.code == 2
    assert ran.out.splitlines()[0].startswith(
        "proto/shop/stock.proto: error: it refers to shop/unit.proto: proto/shop/unit.proto:3:21: "
    )
    linted = repository.tenor("lint", "proto")
    assert (linted.code, linted.out) == (2, "nothing to remark in 0 files\n")
    assert [line.split(" ")[1] for line in linted.err.splitlines()] == ["proto/shop/unit.proto:3:21:"] * 2


def test_a_schema_that_was_broken_may_be_mended(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    repository.write({"schemas/money.avsc": '{"type":'})
    repository.commit("Broken")
    repository.git("checkout", "-q", "-b", "mended")
    repository.write({"schemas/money.avsc": BEFORE["schemas/money.avsc"]})
    ran = repository.tenor("check", "schemas/money.avsc", "--against", "git:main")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "safe: against git:main (1 new)")


def test_many_schemas_are_linted_with_what_they_refer_to(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    assert repository.tenor("lint").out.splitlines()[-1] == "15 warnings in 5 files"
    rows = documents.read(repository.tenor("lint", "schemas", "--output", "json").out, "lint")["files"]
    assert {row["file"] for row in rows} == {each for each in BEFORE if each.startswith("schemas/")}
    inside = repository.tenor("lint", "order.avsc", folder="schemas/orders")
    assert (inside.code, inside.out.splitlines()[0].startswith("order.avsc:1:1: warning: ")) == (0, True)
    said(repository.tenor("lint", "schemas", "proto", "--type", "AVRO"), 2, "go with one FILE")
    said(repository.tenor("lint", "nowhere"), 2, "nowhere")
    out = repository.tenor("lint", "schemas", "--format", "junit").out
    assert JUnitXml.fromstring(out.encode()).tests == 3


def test_reports_name_files_from_the_top_of_the_repository(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.git("init", "-q", "-b", "main")
    repository.write({f"events/{name}": text for name, text in BEFORE.items()})
    repository.commit("Schemas")
    repository.change({f"events/{name}": change for name, change in CHANGES.items()})
    given = ("--format", "text", "--format", "github=g", "--format", "sarif=s", "--format", "gitlab=l")
    ran = repository.tenor("check", "--against", "git:main", *given, folder="events")
    assert ran.out.startswith("schemas/money.avsc:2:3: error: ")  # for who stands there
    told = {name: (repository.path / "events" / name).read_text() for name in "gsl"}
    assert "::error file=events/schemas/money.avsc,line=2,col=3" in told["g"]
    places = [each["locations"][0]["physicalLocation"] for each in json.loads(told["s"])["runs"][0]["results"]]
    assert {each["artifactLocation"]["uri"] for each in places} >= {"events/schemas/money.avsc"}
    assert {each["location"]["path"] for each in json.loads(told["l"])} >= {"events/schemas/money.avsc"}


def test_a_project_may_live_in_pyproject(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    (repository.path / "tenor.yaml").unlink()
    lines = ["[tool.tenor]", "[[tool.tenor.schemas]]", 'path = "schemas/**/*.avsc"', 'subject = "{stem}"']
    repository.write({"pyproject.toml": "\n".join(lines) + "\n"})
    repository.change({"schemas/money.avsc": ('"amount"', '"value"')})
    ran = repository.tenor("check", "--against", "git:main", "--output", "json")
    assert {row["subject"]: row["verdict"] for row in document(ran)["schemas"]} == {
        "money": "unsafe",
        "order": "unsafe",
    }


def test_removed_and_new_schemas_are_told(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    (repository.path / "schemas/customer.json").unlink()
    repository.write({"schemas/fresh.avsc": '"long"'})
    ran = repository.tenor("check", "--against", "git:main", "--output", "json")
    assert ran.code == 0
    status = {row["file"]: row["status"] for row in document(ran)["schemas"]}
    assert (status["schemas/customer.json"], status["schemas/fresh.avsc"]) == ("removed", "new")


def test_nothing_changed(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    ran = repository.tenor("check", "--against", "git:HEAD")
    assert (ran.code, ran.out) == (0, "safe: against git:HEAD (5 unchanged)\n")
    assert (
        "No schema changed since `git:HEAD`."
        in repository.tenor("check", "--against", "git:HEAD", "--format", "markdown").out
    )


def test_a_break_is_accepted_on_the_record(tmp_path: Path) -> None:
    """By whoever answers for it, until it ends: then it breaks again."""
    repository = started(tmp_path / "repository")
    repository.change({"schemas/customer.json": ('["name"]', '["name", "age"]')})
    refused = repository.tenor("check", "--against", "git:main")
    assert refused.code == 1
    waiver = "    waivers: [{{until: {}, owner: team-crm, reason: nobody replays}}]\n"
    rule = '  - path: schemas/**/*.json\n    subject: "{stem}-value"\n'
    for until, code in ((datetime.now(UTC).date() + timedelta(days=9), 0), (datetime(2026, 1, 1).date(), 1)):
        repository.write({"tenor.yaml": PROJECT.replace(rule, rule + waiver.format(until))})
        done = repository.tenor("check", "--against", "git:main", "--format", "text", "--format", "junit=out.xml")
        assert done.code == code, done.out
    repository.write({"tenor.yaml": PROJECT.replace(rule, rule + waiver.format(datetime.now(UTC).date()))})
    told = repository.tenor("check", "--against", "git:main", "--output", "json")
    [row] = [each for each in json.loads(told.out)["schemas"] if each["subject"] == "customer-value"]
    assert row["verdict"] == "safe"
    assert [each["severity"] for each in row["findings"]] == ["warning"] * len(row["findings"])
    assert "by team-crm: nobody replays" in row["findings"][0]["sentence"]
