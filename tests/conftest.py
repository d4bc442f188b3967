"""Shared by all tests: the two tiers, fixed seeds, the legs, PostgreSQL, and where the conformance data lies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.vectors import VECTORS

__all__ = ["ROOT", "VECTORS"]

pytest_plugins = ["tests.legs", "tests.postgres", "tests.kafka"]

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("tenor", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("tenor")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run every case of each corpus, not the stated sample")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the whole of each corpus is to run."""
    return bool(request.config.getoption("--full"))
