"""A leg that did not run is never silent: it is listed with its reason, or fails the run where it is required."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import legs
from tests.conftest import ROOT
from tests.integration.test_house_guard import tracked

TESTS = """
import pytest

@pytest.mark.go
def test_needs_go():
    pass

def test_needs_nothing():
    pass
"""

# The machine has the leg's command, or it has none: both folders of commands are made for the test.
HERE, MISSING = ("go",), ()
ROWS: list[tuple[tuple[str, ...], str, int, list[str]]] = [
    # what the machine has, what is required, exit code, what the output says
    (HERE, "", 0, ["go: 1 tests", "2 passed"]),
    (HERE, "go", 0, ["go: 1 tests", "2 passed"]),
    (MISSING, "", 0, ["go: 1 tests not run: no go on this machine", "1 passed, 1 skipped"]),
    (MISSING, "go", 1, ["the required leg go cannot run", "FAILED: the required leg go was not run"]),
    (HERE, "go,jvm", 1, ["2 passed", "FAILED: the required leg jvm was not run"]),
    (HERE, "og", 4, ["no leg is called og"]),
]


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "xdist"])
def test_a_leg_that_did_not_run_is_never_silent(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "tests.legs", "-p", "no:cacheprovider", "-p", "xdist"]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for number, (has, require, code, says) in enumerate(ROWS):
        commands = tmp_path / f"commands{number}"
        commands.mkdir()
        for name in has:
            (commands / name).touch(mode=0o755)
        done = subprocess.run(
            [*command, *workers, "--strict-markers", f"--rootdir={tmp_path}", str(tmp_path)],
            env={**inherited, "PATH": str(commands), "TENOR_REQUIRE_LEGS": require},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        out = done.stdout + done.stderr
        assert done.returncode == code, out
        for sentence in says:
            assert sentence in out


def test_ci_runs_every_leg_that_has_tests() -> None:
    marked = re.compile(r"pytest\.mark\.(" + "|".join(legs.LEGS) + r")\b")
    tests = [path for path in tracked() if path.name.startswith("test_") and path.name != Path(__file__).name]
    used = {name for path in tests if path.suffix == ".py" for name in marked.findall(path.read_text())}
    script = (ROOT / ".ci" / "run").read_text()
    required, optional = (
        set(listed[1].split(",")) - {""}
        for name in ("REQUIRED", "OPTIONAL")
        if (listed := re.search(rf"^{name}=(\S*)$", script, re.M))
    )
    assert optional <= {"kafka", "jvm", "go"}
    assert required | optional == used
