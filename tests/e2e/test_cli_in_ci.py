"""The GitHub action's steps as the runner runs them, with a GitHub of our own; hooks and templates name what exists."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tenor.cli import VERBS
from tests import documents
from tests.conftest import ROOT
from tests.e2e.test_cli_projects import CHANGES, TENOR, Ran, Repository, started
from tests.postgres import free_port

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


class GitHub(ThreadingHTTPServer):
    """The comments of one pull request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = [{"id": number, "body": "somebody's"} for number in range(1, 131)]
        self.refused: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        page = int(dict(part.split("=") for part in query.split("&"))["page"])
        assert path == "/repos/shop/events/issues/7/comments"
        self._answer(self.server.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        self.server.comments.append({"id": 1000 + len(self.server.comments), **self._body()})
        self._answer(self.server.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.removeprefix("/repos/shop/events/issues/comments/"))
        comment = next(each for each in self.server.comments if each["id"] == number)
        comment |= self._body()
        self._answer(comment)

    def _body(self) -> Any:
        if self.headers["Authorization"] != "Bearer secret":
            self.server.refused.append(self.path)
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def branch(tmp_path: Path) -> Repository:
    repository = started(tmp_path / "repository")
    repository.git("checkout", "-q", "-b", "change")
    repository.change(CHANGES)
    repository.commit("A change")
    return repository


def check_step(
    repository: Repository, out: Path, against: str = "main", **more: str
) -> tuple[dict[str, str], str, str]:
    """Run the step `Check`: its outputs, its annotations, the job's summary."""
    out.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "TENOR": str(TENOR),
        "OUT": str(out),
        "AGAINST": against,
        "UNKNOWN": "pass",
        "GITHUB_OUTPUT": str(out / "output"),
        "GITHUB_STEP_SUMMARY": str(out / "summary"),
        **more,
    }
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "action-check"],
        cwd=repository.path, env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in (out / "output").read_text().splitlines())
    summary = out / "summary"
    return outputs, done.stdout, summary.read_text() if summary.exists() else ""


def comment_step(github: GitHub, file: str, folder: str = ".") -> None:
    environment = {
        **os.environ,
        "GITHUB_API_URL": f"http://127.0.0.1:{github.server_address[1]}",
        "GITHUB_REPOSITORY": "shop/events",
        "GITHUB_TOKEN": "secret",
        "PULL": "7",
        "FOLDER": folder,
    }
    script = ROOT / ".ci" / "action-comment.py"
    subprocess.run([sys.executable, script, file], env=environment, check=True, timeout=30)


def test_a_pull_request_keeps_one_comment(branch: Repository, github: GitHub, tmp_path: Path) -> None:
    outputs, annotations, summary = check_step(branch, tmp_path / "out")
    assert (outputs["code"], outputs["verdict"]) == ("1", "unsafe")
    assert "::error file=schemas/money.avsc,line=2,col=3" in annotations
    assert summary == Path(outputs["comment"]).read_text()
    assert json.loads(Path(outputs["sarif"]).read_text())["version"] == "2.1.0"
    comment_step(github, outputs["comment"])
    assert github.comments[-1]["body"] == summary
    branch.change({"schemas/money.avsc": ('"value"', '"amount"')})
    branch.commit("Taken back")
    outputs, _, _ = check_step(branch, tmp_path / "again")
    assert (outputs["code"], outputs["verdict"]) == ("0", "safe")
    comment_step(github, outputs["comment"])
    ours = [each for each in github.comments if each["body"].startswith("<!-- tenor check -->")]
    assert len(ours) == 1
    assert "Schema changes are safe" in ours[0]["body"]
    assert not github.refused


def test_each_project_of_a_repository_keeps_a_comment(github: GitHub, tmp_path: Path) -> None:
    said = tmp_path / "comment.md"
    for round in ("one", "two"):
        for folder in (".", "billing", "./orders/"):
            said.write_text(f"<!-- tenor check -->\n### {round} of {folder}\n")
            comment_step(github, str(said), folder)
    assert [each["body"] for each in github.comments[130:]] == [
        "<!-- tenor check -->\n### two of .\n",
        "<!-- tenor check billing -->\n**billing**\n\n### two of billing\n",
        "<!-- tenor check orders -->\n**orders**\n\n### two of ./orders/\n",
    ]


def test_a_branch_that_was_just_made_is_compared_with_the_default_one(branch: Repository, tmp_path: Path) -> None:
    branch.git("update-ref", "refs/remotes/origin/trunk", "main")
    outputs, _, _ = check_step(branch, tmp_path / "out", "0" * 40, DEFAULT_BRANCH="trunk")
    assert (outputs["code"], outputs["verdict"]) == ("1", "unsafe")


def test_a_comment_that_is_too_long_is_cut(github: GitHub, tmp_path: Path) -> None:
    long = tmp_path / "comment.md"
    long.write_text("<!-- tenor check -->\n" + "x" * 100_000)
    comment_step(github, str(long))
    assert 60_000 < len(github.comments[-1]["body"]) < 65_536
    assert github.comments[-1]["body"].endswith("summary.\n")


def test_a_check_that_cannot_run_fails_the_job_without_a_comment(branch: Repository, tmp_path: Path) -> None:
    outputs, annotations, summary = check_step(branch, tmp_path / "out", against="nowhere")
    assert outputs == {"code": "2"}
    why = "git knows no revision nowhere (git branch --all lists them)"
    assert annotations == f"::error title=tenor check did not run::{why}\n"
    assert summary == f"tenor check did not run: {why}\n"
    for against in ("server", "tag:prod"):  # not taken for revisions
        address = f"http://127.0.0.1:{free_port()}"
        outputs, annotations, _ = check_step(branch, tmp_path / against, against, TENOR_URL=address, TENOR_TOKEN="")
        assert outputs == {"code": "4"}
        assert annotations.startswith("::error title=tenor check did not run::No answer from the registry at http://")


def test_the_action_names_files_and_outputs_that_exist() -> None:
    text = (ROOT / "action.yml").read_text()
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            assert step["shell"] == "bash"
            for word in shlex.split(step["run"]):
                if "GITHUB_ACTION_PATH/" in word:
                    assert (ROOT / word.partition("GITHUB_ACTION_PATH/")[2]).is_file()
    assert all((ROOT / path).exists() for path in ("constraints.txt", "clients/python"))
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text


def test_hooks_and_templates_name_verbs_that_exist() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    job = yaml.safe_load((ROOT / "deploy" / "gitlab-ci.yaml").read_text())["tenor-check"]
    commands = [hook["entry"] for hook in hooks] + [line for line in job["script"] if line.startswith("tenor ")]
    assert len(commands) == 4
    for command in commands:
        words = command.split()
        assert {words[1], " ".join(words[1:3])} & {*VERBS}
    extras = {name for hook in hooks for name in hook["additional_dependencies"]}
    assert extras == {"./clients/python[cli,avro,json,protobuf]", "./clients/python[cli,models]"}


HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def hooked(repository: Repository, name: str, *arguments: str) -> Ran:
    """What pre-commit runs for a hook: its entry, then the arguments, then the changed files that it is for."""
    hook = HOOKS[name]
    done = subprocess.run(
        ["git", "diff", "--name-only", "--cached"], cwd=repository.path, capture_output=True, text=True, check=True
    )
    changed = [file for file in done.stdout.splitlines() if re.search(hook["files"], file)]
    assert changed
    entry = shlex.split(hook["entry"])
    return repository.tenor(*entry[1:], *arguments, *(changed if hook.get("pass_filenames", True) else []))


@pytest.mark.timeout(600)
def test_hooks_find_what_they_are_for(branch: Repository, tmp_path: Path, full: bool) -> None:
    """Their entries as pre-commit runs them; with --full pre-commit itself, from the package index."""
    branch.change({"proto/shop/stock.proto": ("string sku", "string SKU")})
    branch.write({"other.avsc": '"int"'})  # a schema that tenor.yaml does not name
    branch.write({"schemas/orders/order.avsc": (branch.path / "schemas/orders/order.avsc").read_text() + "\n"})
    branch.git("add", "--all")
    checked = hooked(branch, "tenor-check")
    assert (checked.code, "unsafe: 2 of 5 schemas, against git:main" in checked.out) == (1, True)
    linted = hooked(branch, "tenor-lint")
    assert linted.code == 0, linted.err
    assert "schemas/orders/order.avsc:3:3: warning: " in linted.out  # what it refers to was found
    assert linted.out.splitlines()[-1].endswith(" in 3 files")
    strict = hooked(branch, "tenor-lint", "--severity", "undocumented-field=error")
    assert strict.code == 1
    if full:
        pre_commit_runs_them(branch, tmp_path)


def pre_commit_runs_them(branch: Repository, tmp_path: Path) -> None:
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(*command: object, code: int = 0) -> str:
        done = subprocess.run(
            list(map(str, command)),
            cwd=branch.path, env=environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv" / "bin" / "pip", "install", "-q", "pre-commit")
    # What is committed is what others get; a clone of its own, so that nothing is written into this one.
    run("git", "clone", "-q", ROOT, tmp_path / "tenor")
    revision = run("git", "-C", tmp_path / "tenor", "rev-parse", "HEAD").strip()
    hooks = [{"id": "tenor-check"}, {"id": "tenor-lint"}]
    config = {"repos": [{"repo": str(tmp_path / "tenor"), "rev": revision, "hooks": hooks}]}
    branch.write({".pre-commit-config.yaml": json.dumps(config)})
    branch.git("add", "--all")
    told = run(tmp_path / "venv" / "bin" / "pre-commit", "run", code=1)
    assert re.search(r"schema changes are safe\.+Failed", told)
    assert "schemas/money.avsc:2:3: error: new code cannot read old events" in told
    assert re.search(r"schemas are well made\.+Passed", told)


def test_init_writes_a_project_file_that_covers_what_is_there(tmp_path: Path) -> None:
    repository = started(tmp_path / "repository")
    (repository.path / "tenor.yaml").unlink()
    repository.write({"package.json": "{}", "node_modules/x/y.avsc": '"int"'})
    ran = repository.tenor("init", "--owner", "shop")
    assert (ran.code, ran.out) == (0, "tenor.yaml: 5 schemas in 3 patterns\n")
    assert "tenor check --against git:main says what a branch breaks" in ran.err
    described = documents.read(repository.tenor("init", "--schema").out)
    written = yaml.safe_load((repository.path / "tenor.yaml").read_text())
    jsonschema.Draft202012Validator(described).validate(written)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(described).validate({"schemas": [{"path": "x"}]})
    checked = repository.tenor("check", "--against", "git:main", "--output", "json")
    assert {row["subject"] for row in documents.read(checked.out)["schemas"]} == {
        "money-value", "order-value", "customer-value", "stock-value", "unit-value",
    }  # fmt: skip
    again = repository.tenor("init")
    assert (again.code, "already" in again.err) == (2, True)
