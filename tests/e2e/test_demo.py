"""The demo tells its story on a process of its own, and fails where the story does not hold."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests import demo

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_names_who_breaks_and_then_passes() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    first, second = done.stdout.split("# no: billing goes first")
    failed = first.split("$ tenor check")[1]
    assert "breaks    billing 1.4 in prod, on /total" in failed
    assert 'event: {"id": ' in failed
    assert "known: recorded, less than a day ago; to act: orders, or billing first" in failed
    assert failed.rstrip().endswith("unsafe: deployed consumers are hurt")
    assert "consumers: 2 safe" in second
    assert "registered orders-value version 3" in second
    # Half a minute, by what it costs: the machine of a test run has other things to do.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30
    assert "exec .venv/bin/python -m tests.demo" in (ROOT / "do").read_text()


@pytest.mark.parametrize(
    "step",
    [
        demo.Step("tenor get nothing-value"),
        demo.Step("tenor --version", code=1),
        demo.Step("tenor --version", says="7.7.7"),
    ],
)
def test_a_step_that_comes_to_something_else_is_told(
    step: demo.Step, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"TENOR_URL": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    assert not demo.told(step, tmp_path, environment)
    assert "demo: exit code" in capsys.readouterr().err
