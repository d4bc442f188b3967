"""`tenor check --against server` and `tag:…`: a project's files beside what a served registry has, in every form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from junitparser import JUnitXml

from tests import documents
from tests.e2e.test_cli_plan import SERVER, Folder
from tests.e2e.test_cli_projects import Repository
from tests.integration.callers import ADMIN, token_of
from tests.integration.test_v1_impact import NUMBER, deploy, environment, publish, recorded
from tests.served import served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("server")
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db"}
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        yield client


@pytest.fixture(scope="module")
def registered(server: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """prod runs shop 1, which writes version 1 of orders and money, and billing 1.4, which reads the total's amount."""
    folder = Folder(tmp_path_factory.mktemp("registered"), str(server.base_url))
    assert folder.tenor("apply").code == 0
    publish(server, "1.4", recorded("billing", {"/total/amount": NUMBER}, "order-value"))
    written = {"subjects": [{"subject": name, "version": 1} for name in ("order-value", "money-value")]}
    server.put("/api/v1/applications/shop/versions/1/produces", json=written).raise_for_status()
    prod = environment(server, "prod", production=True)
    for application, number in (("shop", "1"), ("billing", "1.4")):
        deploy(server, application, number, prod)
    return folder


@pytest.fixture
def folder(registered: Folder, tmp_path: Path) -> Folder:
    """A working copy of what is registered."""
    return Folder(tmp_path, registered.url)


def rows(folder: Folder, *arguments: str, against: str = "server") -> dict[str, tuple[str, str]]:
    ran = folder.tenor("check", "--against", against, "--output", "json", *arguments)
    return {row["subject"]: (row["status"], row["verdict"]) for row in documents.read(ran.out)["schemas"]}


def test_what_is_as_it_is_registered_is_safe(folder: Folder) -> None:
    ran = folder.tenor("check", "--against", "server")
    assert (ran.code, ran.out) == (0, "safe: against server (5 unchanged)\n")
    folder.write({"schemas/fresh.avsc": '"int"'})
    assert rows(folder, "schemas/fresh.avsc") == {"fresh-value": ("new", "safe")}


def test_a_break_is_shown_with_its_places_versions_and_the_consumers_it_hurts(folder: Folder) -> None:
    folder.change("schemas/money.avsc", '"amount"', '"value"')
    ran = folder.tenor("check", "--against", "server")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0].startswith("schemas/money.avsc:2:3: error: new code cannot read old events")
    assert any(line.startswith("  old:    money-value version 1:1:") for line in lines)
    assert "consumers: 1 break" in lines
    assert any("billing 1.4 in prod, on /total/amount" in line for line in lines)
    # What refers to it is judged with the file as it is now.
    assert rows(folder)["order-value"] == ("changed", "unsafe")
    assert lines[-1] == "unsafe: 2 of 5 schemas, against server (2 changed, 3 unchanged)"
    # By the rules alone nobody's consumers count.
    folder.change("schemas/money.avsc", '{"name":"value",', '{"name":"value","aliases":["amount"],')
    assert folder.tenor("check", "--against", "server").code == 1
    assert folder.tenor("check", "--against", "server", "--verdict", "confluent").code == 0


def test_the_level_of_the_server_holds_not_that_of_the_file(folder: Folder, server: httpx.Client) -> None:
    folder.change("proto/shop/stock.proto", "int32 count = 2;", "string count = 2;")
    server.put("/config/shop%2Fstock", json={"compatibility": "NONE"}).raise_for_status()
    try:
        assert rows(folder)["shop/stock"] == ("uncompared", "safe")
    finally:
        server.put("/config/shop%2Fstock", json={"compatibility": "FULL"}).raise_for_status()
    assert rows(folder)["shop/stock"] == ("changed", "unsafe")


def test_every_form_names_the_place(folder: Folder, tmp_path: Path) -> None:
    folder.change("schemas/money.avsc", '"amount"', '"value"')
    forms = {name: tmp_path / f"out.{name}" for name in ("sarif", "junit", "github", "gitlab", "markdown", "json")}
    given = [word for name, path in forms.items() for word in ("--format", f"{name}={path}")]
    assert folder.tenor("check", "--against", "server", *given).code == 1
    places = _places(json.loads(forms["sarif"].read_text()))
    assert ("READER_FIELD_MISSING_DEFAULT_VALUE", "schemas/money.avsc", 2, 3) in places
    # A field that is gone has no place of its own; the schema's beginning stands for it.
    hurt = [line for line in forms["github"].read_text().splitlines() if "billing 1.4 in prod breaks" in line]
    assert hurt[0].startswith("::error file=schemas/money.avsc,line=1,col=1,")
    assert "::error file=schemas/money.avsc,line=2,col=3" in forms["github"].read_text()
    failed = {
        case.name: case.result[0].text for case in next(iter(JUnitXml.fromfile(str(forms["junit"])))) if case.result
    }
    assert "schemas/money.avsc:2:3" in failed["money-value"]
    assert "billing 1.4 in prod breaks" in failed["money-value"]
    described = [each["description"] for each in json.loads(forms["gitlab"].read_text())]
    assert any("billing 1.4 in prod breaks" in each for each in described)
    markdown = forms["markdown"].read_text()
    assert "2 schema changes break somebody" in markdown
    assert "billing 1.4 in prod breaks" in markdown
    assert documents.read(forms["json"].read_text())["against"] == "server"


def _places(sarif: Any) -> list[tuple[str, str, int, int]]:
    found = []
    for result in sarif["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        region = place["region"]
        uri = place["artifactLocation"]["uri"]
        found.append((result["ruleId"], uri, region["startLine"], region["startColumn"]))
    return found


def test_a_tag_is_what_an_environment_runs(folder: Folder, server: httpx.Client) -> None:
    assert rows(folder, "schemas/orders", "schemas/money.avsc", against="tag:prod") == {
        "money-value": ("unchanged", "safe"),
        "order-value": ("unchanged", "safe"),
    }
    folder.change("schemas/money.avsc", '"amount"', '"value"')
    ran = folder.tenor("check", "schemas", "--against", "tag:prod")
    assert ran.code == 1
    assert "billing 1.4 in prod, on /total/amount" in ran.out
    assert ran.out.splitlines()[-1].startswith("unsafe: 2 of 3 schemas, against tag:prod")
    # Nothing in prod says that it writes or reads this subject: that is unknown, never safe.
    unknown = folder.tenor("check", "proto/shop/unit.proto", "--against", "tag:prod")
    assert unknown.code == 0
    assert "nothing in prod said which version it writes or reads: tenor produces" in unknown.out
    assert unknown.out.splitlines()[0].startswith("proto/shop/unit.proto: unknown: ")
    assert unknown.out.splitlines()[-1] == "unknown: 1 schema, against tag:prod (1 unused)"
    assert folder.tenor("check", "proto", "--against", "tag:prod", "--unknown", "fail").code == 3
    server.put("/pact/pacticipants/shop/versions/1/tags/main").raise_for_status()
    assert rows(folder, "schemas/money.avsc", against="tag:main")["money-value"] == ("changed", "unsafe")
    nowhere = folder.tenor("check", "--against", "tag:nowhere")
    assert (nowhere.code, len(nowhere.err.splitlines())) == (2, 1)
    assert "called 'nowhere'; the environments are prod" in nowhere.err
    assert "the tags are main" in nowhere.err


def test_a_consumer_that_the_project_names_and_nobody_knows_is_unknown(folder: Folder) -> None:
    folder.change("tenor.yaml", "    owner: payments", "    owner: payments\n    consumers: [billing, ledger]")
    folder.change("schemas/money.avsc", '"string"}]', '"string"},{"name":"scale","type":"int","default":2}]')
    ran = folder.tenor("check", "schemas/money.avsc", "--against", "server")
    assert ran.code == 0
    assert "ledger" in ran.out
    assert ran.out.splitlines()[-1] == "unknown: 1 consumer without evidence, against server (1 changed)"
    assert folder.tenor("check", "schemas/money.avsc", "--against", "server", "--unknown", "fail").code == 3


def test_a_reference_may_be_to_what_only_the_registry_has(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other", folder.url)
    for name in [each for each in other.path.rglob("*") if each.is_file()]:
        name.unlink()
    for target, code in (("registry:money-value", 0), ("registry:money-value:1", 0), ("registry:money-value:9", 2)):
        other.write(
            {
                "tenor.yaml": f"schemas: [{{path: '*.avsc', subject: cart, references: {{shop.Money: '{target}'}}}}]\n",
                "cart.avsc": '{"type":"record","name":"Cart","fields":[{"name":"sum","type":"shop.Money"}]}',
            }
        )
        ran = other.tenor("check", "--against", "server")
        assert (ran.code, "1 new" in ran.out) == (code, code == 0), ran
        assert other.tenor("plan").code == code
    other.write({"schema.txt": ""})
    Repository(other.path).git("init", "-q", "-b", "main")
    Repository(other.path).commit("Cart")
    offline = other.tenor("check", "--against", "git:main")
    assert (offline.code, len(offline.err.splitlines())) == (2, 1)
    assert "only the registry has: check it --against server" in offline.err


def test_who_may_only_read_checks_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "server").mkdir()
    settings = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_AUTHENTICATION": "on", "TENOR_ADMIN_TOKEN": ADMIN}
    with served([SERVER, "serve"], cwd=tmp_path / "server", environment=settings) as client:
        folder = Folder(tmp_path / "project", str(client.base_url))
        monkeypatch.setenv("TENOR_TOKEN", ADMIN)
        assert folder.tenor("apply").code == 0
        monkeypatch.setenv("TENOR_TOKEN", token_of(client, "reviewer", "reader@subject:*"))
        assert folder.tenor("plan").code == 4
        folder.change("schemas/money.avsc", '"amount"', '"value"')
        folder.write({"schemas/fresh.avsc": '"int"', "schemas/broken.avsc": '{"type":'})
        ran = folder.tenor("check", "--against", "server", "--output", "json")
        found = {row["subject"]: (row["status"], row["verdict"]) for row in json.loads(ran.out)["schemas"]}
        assert found == {
            "money-value": ("changed", "unsafe"), "order-value": ("changed", "unsafe"), "fresh-value": ("new", "safe"),
            "broken-value": ("unreadable", "unknown"), "customer-value": ("unchanged", "safe"),
            "shop/stock": ("unchanged", "safe"), "shop/unit": ("unchanged", "safe"),
        }  # fmt: skip
        assert ran.code == 1
        told = folder.tenor("check", "--against", "server").out.splitlines()
        assert any(line.startswith("schemas/broken.avsc:1:9: error: ") for line in told)


def test_what_cannot_be_checked_on_a_server_is_said(folder: Folder, tmp_path: Path) -> None:
    folder.write({"schemas/money.avsc": '{"type":'})
    broken = folder.tenor("check", "--against", "server")
    assert broken.code == 2
    assert any(line.startswith("schemas/money.avsc:1:") and "error:" in line for line in broken.out.splitlines())
    for against, words in (("tag:", "tag:NAME"), ("tag:-x", "tag:NAME"), ("tag:prod", "--level")):
        more = ("--level", "FULL") if words == "--level" else ()
        ran = folder.tenor("check", "--against", against, *more)
        assert (ran.code, len(ran.err.splitlines())) == (2, 1)
        assert words in ran.err
    (folder.path / "tenor.yaml").unlink()
    bare = folder.tenor("check", "schemas/customer.json", "--against", "server")
    assert (bare.code, "has no subject" in bare.err) == (2, True)
