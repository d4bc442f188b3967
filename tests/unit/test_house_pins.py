"""The check of the pins finds each fault it is there for."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT

faults: Callable[[list[str], dict[str, Any]], list[str]] = runpy.run_path(str(ROOT / ".ci" / "pins.py"))["faults"]

ROWS = [
    (["a==1", "b==2 ; sys_platform == 'win32'"], ["a==1", "b==2 ; sys_platform == 'win32'"], ["a", "b[x]"], []),
    (["a==1"], ["a==2"], ["a"], ["pyproject.toml and constraints.txt differ: python .ci/pins.py"]),
    (["a==1!2.0"], ["a==1!2.0"], ["a"], []),
    (["a>=1"], ["a>=1"], [], ["not an exact pin: a>=1"]),
    (["a @ x://host/a.whl"], ["a @ x://host/a.whl"], [], ["not an exact pin: a @ x://host/a.whl"]),
    (["a==1"], ["a==1"], ["A_b<3"], ["not pinned: a-b (python .ci/pins.py upgrade)"]),
]


@pytest.mark.parametrize(("constraints", "copied", "asked", "expected"), ROWS)
def test_faults(constraints: list[str], copied: list[str], asked: list[str], expected: list[str]) -> None:
    project = {
        "project": {"dependencies": asked, "optional-dependencies": {"dev": []}},
        "tool": {"uv": {"constraint-dependencies": copied}},
    }
    assert faults(constraints, project) == expected
