"""Both wheels carry all they need: installed into a fresh environment, run from an empty folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.served import EACH_FORMAT, served

UV = shutil.which("uv") or ROOT / ".tools/bin/uv"
WHERE = "import registry, contracts, tenor; print(registry.__file__, contracts.__file__, tenor.__file__)"


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheels and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    run(UV, "build", "-q", "--all-packages", "--wheel", "--out-dir", folder, cwd=ROOT)
    run(UV, "venv", "-q", "--python", "3.11", "env", cwd=folder)
    wheels = sorted(folder.glob("*.whl"))
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["tenor", "tenor_server"]
    python = folder / "env/bin/python"
    run(UV, "pip", "install", "-q", "--python", python, "-c", ROOT / "constraints.txt", *wheels, cwd=folder)
    return folder / "env/bin"


@pytest.mark.timeout(300)
def test_the_wheels_serve_migrate_and_import_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for path in run(installed / "python", "-c", WHERE, cwd=folder).split():
        assert installed.parent in Path(path).parents
    moved = run(installed / "tenor-server", "migrate", "--database-url", "sqlite:///moved.db", cwd=folder)
    assert moved.startswith("empty -> ")
    with served([installed / "tenor-server", "serve"], cwd=folder) as client:
        for number, body in enumerate(EACH_FORMAT, 1):
            assert client.post(f"/subjects/s{number}/versions", json=body).json()["id"] == number
        page = client.get("/docs", follow_redirects=True)
        assert page.status_code == 200
        assert "swagger" in page.text.lower()
        assert client.get("/openapi/confluent.json").status_code == 200
    assert sorted(path.name for path in folder.iterdir()) == ["moved.db", "tenor.db", "tenor.db.audit-key"]


def test_a_checkout_installs_no_copy_of_what_it_has() -> None:
    packages = {path.name for path in (ROOT / ".venv").glob("lib/python3*/site-packages/*")}
    assert packages
    assert packages & {"registry", "contracts", "migrations", "openapi", "tenor"} == set()
