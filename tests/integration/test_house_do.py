"""`./do` as a newcomer meets it: in a fresh copy, with what a user's first start may install and no more."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.test_house_guard import tracked
from tests.served import served


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git has, with nothing installed."""
    folder = tmp_path_factory.mktemp("fresh") / "tenor"
    for path in tracked():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


def do(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["./do", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_it_lists_its_verbs_and_refuses_others() -> None:
    verbs = {line.split()[0] for line in do(ROOT).stdout.splitlines() if line.startswith("  ")}
    assert {"serve", "test", "check", "bench", "openapi"} <= verbs
    unknown = do(ROOT, "srve")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "usage" in unknown.stderr


def test_every_verb_it_lists_is_one_it_knows() -> None:
    verbs = {line.split()[0] for line in do(ROOT).stdout.splitlines() if line.startswith("  ")}
    script = (ROOT / "do").read_text()
    assert [verb for verb in sorted(verbs) if f"\n{verb})\n" not in script] == []


@pytest.mark.timeout(300)
def test_serve_installs_once_and_then_starts_at_once(checkout: Path) -> None:
    # Many images say so; byte code has to be there all the same.
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    with served(["./do", "serve"], cwd=checkout, environment=environment, seconds=200) as client:
        assert client.get("/subjects").json() == []
    packages = next((checkout / ".venv/lib").glob("python3*/site-packages"))
    assert list(packages.glob("litestar/__pycache__/*.pyc"))
    assert list(checkout.glob("registry/__pycache__/*.pyc"))
    assert {path.name for path in packages.iterdir()} & {"pytest", "ruff", "mypy", "confluent_kafka"} == set()

    # The second time nothing is installed: no index could be reached. How fast that is, `./do bench starting` says.
    cut_off = {**environment, "UV_OFFLINE": "1", "PIP_NO_INDEX": "1", "UV_CACHE_DIR": str(checkout / "no-cache")}
    installed = (checkout / ".venv/installed-main").stat().st_mtime_ns
    with served(["./do", "serve"], cwd=checkout, environment=cut_off) as client:
        assert client.get("/subjects").json() == []
    assert (checkout / ".venv/installed-main").stat().st_mtime_ns == installed
