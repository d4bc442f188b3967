"""The container's root, made by the script that the Dockerfile calls and started the way the Dockerfile says.

No container engine is needed: whoever may, enters the folder in a mount namespace of its own, with /proc mounted;
for anybody else the interpreter in the folder is started from outside.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from registry.settings import DOCS
from tests.conftest import ROOT
from tests.served import EACH_FORMAT, served

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def said(instruction: str) -> str:
    """The last argument of an instruction in the Dockerfile."""
    found: list[str] = re.findall(rf"^\s*{instruction}\s+(.*)$", DOCKERFILE, re.M)
    return found[-1]


def exec_form(instruction: str) -> list[str]:
    """A command in exec form: no shell stands between."""
    words: list[str] = json.loads(said(instruction))
    return words


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root, laid into an empty folder."""
    root = tmp_path_factory.mktemp("image") / "root"
    done = subprocess.run(["./do", "image", root], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if may_enter():
        devices(root)
    return root


def entering(root: Path) -> list[str]:
    """The words before a command that make it run inside the root, as the image's user."""
    user, group = said("USER").split(":")
    folders = [f"--root={root}", "--mount-proc=/proc", f"--wd={said('WORKDIR')}"]
    return ["unshare", "--mount", *folders, f"--setuid={user}", f"--setgid={group}"]


def may_enter() -> bool:
    """Whether this user may make a mount namespace; root in a container may not."""
    trial = ["unshare", "--mount", "true"]
    return os.geteuid() == 0 and subprocess.run(trial, capture_output=True, check=False).returncode == 0


def devices(root: Path) -> None:
    """What a container engine adds to a root: a place for /proc, the few devices."""
    (root / "proc").mkdir()
    (root / "dev" / "shm").mkdir(parents=True)
    (root / "dev" / "shm").chmod(0o1777)
    for name, minor in (("null", 3), ("urandom", 9)):
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)


@pytest.mark.timeout(300)
def test_the_image_starts_and_serves(image: Path) -> None:
    environment = dict(re.findall(r"(TENOR_\w+)=(\S+)", DOCKERFILE)) | {"TENOR_HOST": "127.0.0.1"}
    command = [*exec_form("ENTRYPOINT"), *exec_form("CMD")]
    probe = exec_form("HEALTHCHECK .* CMD")
    if may_enter():
        command = entering(image) + command
        probe = entering(image) + probe
    else:
        python = f"{image}{probe[0]}"
        command = [python, f"{image}{command[0]}", *command[1:]]
        probe[0] = python
        environment["TENOR_DATABASE_URL"] = f"sqlite:///{image}/data/tenor.db"
    with served(command, cwd=image, environment=environment) as client:
        for number, body in enumerate(EACH_FORMAT, 1):
            assert client.post(f"/subjects/s{number}/versions", json=body).json()["id"] == number
        assert client.get("/subjects").json() == ["s1", "s2", "s3"]
        assert (image / "data" / "tenor.db").exists()
        for port, code in ((client.base_url.port, 0), (1, 1)):
            probed = subprocess.run(
                probe, env={**os.environ, "TENOR_PORT": str(port)}, capture_output=True, text=True, check=False
            )
            assert probed.returncode == code, probed.stderr


def test_the_image_has_no_shell_and_no_trace_of_the_builder(image: Path) -> None:
    assert {path.name for path in image.rglob("*")} & {"sh", "bash", "dash", "busybox"} == set()
    assert {path.name for path in (image / "usr/local/bin").iterdir()} == {"python3.11", "tenor", "tenor-server"}
    packages = image / "usr/local/lib/python3.11/site-packages"
    assert {path.name for path in packages.iterdir()} & {"pip", "pytest", "ruff", "mypy"} == set()
    texts = [path for path in packages.glob("*") if path.suffix == ".pth"]
    assert [path.name for path in texts if str(ROOT) in path.read_text()] == []
    assert (packages / "registry/_data/migrations/env.py").exists()
    assert (packages / "registry/_data/openapi/confluent.json").exists()


def test_tenor_runs_in_the_image(image: Path) -> None:
    """What `docker run -w /repo --entrypoint /usr/local/bin/tenor` does."""
    folder = image / "tmp" / "repo"
    folder.mkdir(mode=0o755)
    (folder / "tenor.yaml").write_text('schemas: [{path: "*.avsc", subject: "{stem}"}]')
    (folder / "order.avsc").write_text('{"type": "record", "name": "Order", "fields": []}')

    def run(*arguments: str) -> tuple[int, str]:
        command = [str(image / "usr/local/bin/python3.11"), str(image / "usr/local/bin/tenor")]
        if may_enter():
            command = [*entering(image), "--wd=/tmp/repo", "/usr/local/bin/tenor"]
        command += arguments
        done = subprocess.run(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, told = run("check", "--against", "server", "--registry", "http://127.0.0.1:1")
    assert (code, len(told.splitlines())) == (4, 1), told
    assert "127.0.0.1:1" in told
    if may_enter():  # from outside, the commands' interpreter is not where they look for it
        code, told = run("lint")
        assert (code, told.splitlines()[-1]) == (0, "2 warnings"), told


RUN = re.compile(r"docker run ([^`\n]+)")


def test_documented_commands_go_with_the_dockerfile() -> None:
    """Ports, folders, settings and commands that a `docker run` line names are those of the image."""
    lines = [found for name in ("README.md", "deploy/README.md") for found in RUN.findall((ROOT / name).read_text())]
    assert len(lines) >= 2
    settings = {f"TENOR_{name.upper()}" for name in DOCS}
    for line in lines:
        words = shlex.split(line)
        given = dict(pairwise(words))
        if "-p" in given:
            assert given["-p"].rpartition(":")[2] == said("EXPOSE")
        if "-e" in given:
            assert {word.partition("=")[0] for flag, word in pairwise(words) if flag == "-e"} <= settings
        if (entry := given.get("--entrypoint")) is not None:
            assert f'"{entry.rpartition("/")[2]}"' in (ROOT / ".ci" / "image.py").read_text()
            assert given["-v"].split(":")[1] == given["-w"]
        else:
            assert given["-v"].rpartition(":")[2] == said("VOLUME")


def test_the_user_is_numeric_and_not_root() -> None:
    user, _, group = said("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_is_laid_into_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    done = subprocess.run(["./do", "image", tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
