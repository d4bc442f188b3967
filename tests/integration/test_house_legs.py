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

TESTS = """
import pytest

@pytest.mark.kafka
def test_needs_kafka():
    pass

def test_needs_nothing():
    pass
"""

HERE, MISSING = {"TENOR_TEST_KAFKA": "127.0.0.1:9092"}, {"TENOR_TEST_KAFKA": ""}
ROWS = [
    # what the machine has, what is required, exit code, what the output says
    (HERE, "", 0, ["kafka: 1 tests", "2 passed"]),
    (HERE, "kafka", 0, ["kafka: 1 tests", "2 passed"]),
    (MISSING, "", 0, ["kafka: 1 tests not run: TENOR_TEST_KAFKA=host:port is not set", "1 passed, 1 skipped"]),
    (MISSING, "kafka", 1, ["the required leg kafka cannot run", "FAILED: the required leg kafka was not run"]),
    (HERE, "kafka,go", 1, ["2 passed", "FAILED: the required leg go was not run"]),
    (HERE, "kafak", 4, ["no leg is called kafak"]),
]


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "xdist"])
def test_a_leg_that_did_not_run_is_never_silent(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "tests.legs", "-p", "no:cacheprovider", "-p", "xdist"]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for has, require, code, says in ROWS:
        done = subprocess.run(
            [*command, *workers, "--strict-markers", f"--rootdir={tmp_path}", str(tmp_path)],
            env={**inherited, **has, "TENOR_REQUIRE_LEGS": require},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        out = done.stdout + done.stderr
        assert done.returncode == code, out
        for sentence in says:
            assert sentence in out


def test_ci_requires_every_leg_that_has_tests_save_the_optional_ones() -> None:
    marked = re.compile(r"pytest\.mark\.(" + "|".join(legs.LEGS) + r")\b")
    used = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in marked.findall(path.read_text())
        if path != Path(__file__).resolve()
    }
    line = re.search(r"^REQUIRED=(\S*)$", (ROOT / ".ci" / "run").read_text(), re.M)
    assert line is not None
    assert set(line[1].split(",")) - {""} == used - {"kafka", "jvm", "go"}
