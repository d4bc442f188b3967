"""`tenor plan` and `tenor apply` of a repository of schemas, against a served registry."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenor.cli import main
from tests import documents
from tests.e2e.test_cli_projects import BEFORE, Ran
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")


class Folder:
    """A folder with schemas, and a shell in it."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self.write(BEFORE)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        self.write({name: (self.path / name).read_text().replace(old, new)})

    def tenor(self, *arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.path), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([arguments[0], "--registry", self.url, *arguments[1:]])
        assert "Traceback" not in err.getvalue()
        return Ran(code, out.getvalue(), err.getvalue())

    def steps(self, *arguments: str) -> dict[str, tuple[str, Any]]:
        rows = documents.read(self.tenor("plan", "--output", "json", *arguments).out)["schemas"]
        return {row["step"]["subject"]: (row["step"]["action"], row["step"]["version"]) for row in rows}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[httpx.Client]:
    (tmp_path / "server").mkdir()
    with served(
        [SERVER, "serve"], cwd=tmp_path / "server", environment={"TENOR_DATABASE_URL": "sqlite:///t.db"}
    ) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path, server: httpx.Client) -> Folder:
    return Folder(tmp_path / "project", str(server.base_url))


def test_a_plan_is_made_kept_and_applied(folder: Folder, server: httpx.Client) -> None:
    plan = folder.tenor("plan", "--out", "plan.json")
    assert plan.code == 0
    assert plan.out.splitlines()[-1] == "5 create, 4 settings"
    assert "+ money-value     version 1     schemas/money.avsc" in plan.out
    assert folder.tenor("plan", "--detailed-exitcode").code == 10
    assert server.get("/subjects").json() == []
    applied = folder.tenor("apply", "plan.json")
    assert (applied.code, applied.out.splitlines()[-1]) == (0, f"applied to {folder.url}")
    subjects = ["customer-value", "money-value", "order-value", "shop/stock", "shop/unit"]
    assert sorted(server.get("/subjects").json()) == subjects
    order = server.get("/subjects/order-value/versions/1").json()
    assert order["references"] == [{"name": "shop.Money", "subject": "money-value", "version": 1}]
    again = folder.tenor("plan", "--detailed-exitcode")
    assert (again.code, again.out) == (0, "5 unchanged\n")
    assert folder.tenor("apply", "plan.json").out.splitlines()[-1] == f"no change: {folder.url} has all of it"


def test_a_new_version_goes_on_to_what_refers_to_it(folder: Folder, server: httpx.Client) -> None:
    assert folder.tenor("apply").code == 0
    folder.change("schemas/money.avsc", '"string"}]', '"string"},{"name":"scale","type":"int","default":2}]')
    assert folder.steps("schemas/orders") == {"money-value": ("version", 2), "order-value": ("version", 2)}
    assert "scale" in folder.tenor("plan").out
    applied = folder.tenor("apply")
    assert (applied.code, applied.out.splitlines()[-2]) == (0, "2 version, 3 unchanged")
    assert server.get("/subjects/order-value/versions/2").json()["references"][0]["version"] == 2


def test_refusals_are_told_and_nothing_is_done(folder: Folder, server: httpx.Client) -> None:
    assert folder.tenor("apply").code == 0
    folder.change("schemas/money.avsc", '"amount"', '"value"')
    folder.write({"schemas/fresh.avsc": '"int"'})
    plan = folder.tenor("plan", "--out", "plan.json")
    assert plan.code == 1
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in plan.out
    assert "It refers to 'money-value', which is refused" in plan.out
    assert not (folder.path / "plan.json").exists()
    assert folder.tenor("apply").code == 1
    assert "fresh-value" not in server.get("/subjects").json()
    folder.write({"schemas/money.avsc": '{"type":'})
    broken = folder.tenor("plan", "schemas/money.avsc")
    assert (broken.code, "Invalid schema" in broken.out) == (2, True)


def test_a_stale_plan_is_refused(folder: Folder, server: httpx.Client) -> None:
    folder.tenor("plan", "--out", "plan.json")
    server.post("/subjects/money-value/versions", json={"schema": '"int"'}).raise_for_status()
    stale = folder.tenor("apply", "plan.json")
    assert (stale.code, len(stale.err.splitlines())) == (5, 1)
    assert "The plan is stale" in stale.err
    assert server.get("/subjects").json() == ["money-value"]


DECLARED = """\
environments: [staging, {name: prod, production: true}]
schemas:
  - path: schemas/**/*.avsc
    subject: "{stem}-value"
    owner: payments
    level: FULL
    protect: used
    readable_for: {days: 30}
    consumers: [billing]
    waivers: [{until: UNTIL, reason: it is off, owner: shop, consumer: billing}]
"""


def test_what_a_project_declares_is_planned_and_applied_with_its_schemas(folder: Folder, server: httpx.Client) -> None:
    until = datetime.now(UTC).date() + timedelta(days=30)
    folder.write({"tenor.yaml": DECLARED.replace("UNTIL", str(until))})
    plan = folder.tenor("plan", "--out", "plan.json")
    assert (
        plan.out
        == f"""\
+ staging      environment   not production
+ prod         environment   production
+ money-value  version 1     schemas/money.avsc
~ money-value  level         BACKWARD -> FULL
+ money-value  protect       used
+ money-value  readable_for  {{"days": 30}}
+ money-value  consumer      billing
+ money-value  waiver        billing until {until + timedelta(days=1)}T00:00:00Z, by shop: it is off
+ money-value  owner         payments
+ order-value  version 1     schemas/orders/order.avsc
~ order-value  level         BACKWARD -> FULL
+ order-value  protect       used
+ order-value  readable_for  {{"days": 30}}
+ order-value  consumer      billing
+ order-value  waiver        billing until {until + timedelta(days=1)}T00:00:00Z, by shop: it is off
+ order-value  owner         payments
2 create, 14 settings
"""
    )
    assert server.get("/config/money-value").status_code == 404
    assert folder.tenor("apply", "plan.json").out.splitlines()[-1] == f"applied to {folder.url}"
    assert server.get("/config/order-value").json()["compatibilityLevel"] == "FULL"
    assert server.get("/api/v1/subjects/order-value").json()["owner"] == "payments"
    named = {each["name"] for each in server.get("/pact/environments").json()["_embedded"]["environments"]}
    assert {"staging", "prod"} <= named
    assert folder.tenor("plan", "--detailed-exitcode").code == 0
    # A setting alone is a change too, and one that moved meanwhile makes the plan stale.
    folder.change("tenor.yaml", "owner: payments", "owner: orders")
    changed = folder.tenor("plan", "--detailed-exitcode", "--out", "plan.json")
    assert (changed.code, changed.out.splitlines()[-1]) == (10, "2 unchanged, 2 settings")
    assert "~ money-value  owner         payments -> orders" in changed.out
    server.put("/api/v1/subjects/money-value/owner", json={"owner": "somebody"}).raise_for_status()
    assert folder.tenor("apply", "plan.json").code == 5
    # A line that is gone leaves the registry as it is; null takes the setting back.
    folder.change("tenor.yaml", "    level: FULL\n", "")
    folder.change("tenor.yaml", "    owner: orders\n", "")
    assert folder.tenor("plan").out == "2 unchanged\n"
    folder.change("tenor.yaml", "protect: used", "level:\n    protect: null")
    taken = folder.tenor("apply").out
    assert "- money-value  level         FULL is taken back" in taken
    assert "- order-value  protect       used is taken back" in taken
    assert server.get("/config/money-value").status_code == 404
    assert folder.tenor("plan", "--detailed-exitcode").code == 0


def test_a_project_in_pyproject_declares_as_well(folder: Folder) -> None:
    (folder.path / "tenor.yaml").unlink()
    ends = datetime.now(UTC).date() + timedelta(days=9)
    waiver = f'waivers = [{{until = {ends}, reason = "r", owner = "o"}}]'
    lines = ["[[tool.tenor.schemas]]", 'path = "schemas/*.avsc"', 'subject = "{stem}"', 'owner = "shop"', waiver]
    folder.write({"pyproject.toml": "\n".join(lines) + "\n"})
    assert folder.tenor("plan").out.splitlines()[-1] == "1 create, 2 settings"
    folder.write({"pyproject.toml": "[tool.tenor]\nschemas = " + "[" * 2000 + "]" * 2000 + "\n"})
    deep = folder.tenor("plan")
    assert (deep.code, len(deep.err.splitlines())) == (2, 1)


def test_what_cannot_be_declared_is_said_in_a_sentence(folder: Folder) -> None:
    for line, words in (
        ("protect: all", "Invalid enum value 'all'"),
        ("readable_for: {weeks: 3}", "unknown field `weeks`"),
        ("readable_for: {days: 3, versions: 2}", "readable_for must be one of"),
        ("waivers: [{until: soon, reason: r, owner: o}]", "'soon' is no date"),
        ("waivers: [{until: 2999-01-01, reason: r, owner: o}]", "at most 366 days"),
        ("waivers: [{until: 2999-01-01, reason: r}]", "missing required field `owner`"),
    ):
        folder.write({"tenor.yaml": f'schemas:\n  - path: schemas/*.avsc\n    subject: "{{stem}}"\n    {line}\n'})
        ran = folder.tenor("plan")
        assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran
        assert words in ran.err


def test_what_is_no_plan_is_said(folder: Folder) -> None:
    folder.write({"a.json": "{}", "b.json": "<html>", "c.json": '{"plan": "tenor-plan/9"}', "d.json": "[1]"})
    for name in ("a.json", "b.json", "c.json", "d.json", "nowhere.json"):
        ran = folder.tenor("apply", name)
        assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran
        assert name in ran.err
    folder.write({"schemas/a.json": '{"$ref": "b.json"}', "schemas/b.json": '{"$ref": "a.json"}'})
    circle = folder.tenor("plan")
    assert (circle.code, "refer to each other" in circle.err) == (2, True)


def test_five_hundred_schemas_with_references_are_planned_in_time(folder: Folder) -> None:
    for name in BEFORE:
        (folder.path / name).unlink()
    files = {"tenor.yaml": 'schemas:\n  - path: "**/*.avsc"\n    subject: "{stem}"\n'}
    for number in range(500):
        fields = [{"name": f"f{each}", "type": "string"} for each in range(10)]
        fields += [{"name": "before", "type": f"n.R{(number - 1) // 3}"}] if number else []
        record = {"type": "record", "name": f"R{number}", "namespace": "n", "fields": fields}
        files[f"team{number % 20}/r{number}.avsc"] = json.dumps(record)
    folder.write(files)
    started = time.monotonic()
    assert folder.tenor("plan").out.endswith("500 create\n")
    new = time.monotonic() - started
    assert folder.tenor("apply").code == 0
    started = time.monotonic()
    assert folder.tenor("plan").out == "500 unchanged\n"
    unchanged = time.monotonic() - started
    print(f"500 schemas: new {new:.2f} s, unchanged {unchanged:.2f} s")
    # The target is 3 s; a machine that does other things as well is no reason to fail.
    assert unchanged < 9
    assert new < 15
