"""The container's root, made by the script that the Dockerfile calls and started the way the Dockerfile says.

No container engine is needed: the root is entered with chroot (as root), or its interpreter is started from
outside (as anybody else, who may not).
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.served import served

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
SCHEMA = {"schemaType": "JSON", "schema": '{"type":"object","properties":{"x":{"type":"integer"}}}'}


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
    for folder in (root.parent, root.parent.parent, root.parent.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o011)  # the server's user has to get there
    return root


def enter(root: Path) -> Callable[[], None] | None:
    """What turns a new process into one inside the image, as its user."""
    if os.geteuid() != 0:
        return None
    user = int(said("USER").split(":")[0])

    def entered() -> None:
        os.chroot(root)
        os.chdir(said("WORKDIR"))
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)

    return entered


def devices(root: Path) -> None:
    """What a container engine mounts: the few devices."""
    (root / "dev" / "shm").mkdir(parents=True)
    (root / "dev" / "shm").chmod(0o1777)
    for name, minor in (("null", 3), ("urandom", 9)):
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)


@pytest.mark.timeout(300)
def test_the_image_starts_and_serves(image: Path) -> None:
    inside = enter(image)
    environment = dict(re.findall(r"(TENOR_\w+)=(\S+)", DOCKERFILE)) | {"TENOR_HOST": "127.0.0.1"}
    command = [*exec_form("ENTRYPOINT"), *exec_form("CMD")]
    probe = exec_form("HEALTHCHECK .* CMD")
    if inside is None:
        python = str(image / "usr/local/bin/python3.11")
        command[:1] = [python, f"{image}{command[0]}"]
        probe[0] = python
        environment["TENOR_DATABASE_URL"] = f"sqlite:///{image}/data/tenor.db"
    else:
        devices(image)
    with served(command, cwd=image, environment=environment, in_child=inside) as client:
        assert client.post("/subjects/s/versions", json=SCHEMA).json()["id"] == 1
        assert client.get("/subjects").json() == ["s"]
        assert (image / "data" / "tenor.db").exists()
        for port, code in ((client.base_url.port, 0), (1, 1)):
            done = subprocess.run(
                probe,
                env={"TENOR_PORT": str(port)},
                preexec_fn=inside,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == code, done.stderr


def test_the_image_has_no_shell_and_no_trace_of_the_builder(image: Path) -> None:
    assert {path.name for path in image.rglob("*")} & {"sh", "bash", "dash", "busybox"} == set()
    assert {path.name for path in (image / "usr/local/bin").iterdir()} == {"python3.11", "tenor-server"}
    packages = image / "usr/local/lib/python3.11/site-packages"
    assert {path.name for path in packages.iterdir()} & {"pip", "pytest", "ruff", "mypy"} == set()
    texts = [path for path in packages.glob("*") if path.suffix == ".pth"]
    assert [path.name for path in texts if str(ROOT) in path.read_text()] == []
    assert (packages / "registry/_data/migrations/env.py").exists()
    assert (packages / "registry/_data/openapi/confluent.json").exists()


def test_the_user_is_numeric_and_not_root() -> None:
    user, _, group = said("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_is_laid_into_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    done = subprocess.run(["./do", "image", tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
