"""Shared by all tests: the two tiers, fixed seeds, the legs, PostgreSQL, and where the conformance data lies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from registry import formats
from tests.vectors import VECTORS

__all__ = ["ROOT", "VECTORS"]

pytest_plugins = ["tests.legs", "tests.postgres", "tests.kafka", "tests.brokers"]

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("tenor", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("tenor")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run every case of each corpus, not the stated sample")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the whole of each corpus is to run."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(autouse=True, scope="module")
def _formats_as_built() -> Iterator[None]:
    """An app that ran in this process plugged a compiler in and took its worker processes along: forget it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "_makers", dict(formats._makers))
        patch.setattr(formats, "_formats", dict(formats._formats))
        yield


@pytest.fixture(autouse=True, scope="module")
def _stock_rules_as_imported() -> Iterator[None]:
    """Confluent's client keeps rule executors for the whole process, configured for one registry: forget them."""
    yield
    stock = sys.modules.get("confluent_kafka.schema_registry.rule_registry")
    if stock is None:
        return
    everybody = stock.RuleRegistry.get_global_instance()
    with ExitStack() as clients:
        for executor in everybody.get_executors():
            inner = getattr(executor, "executor", executor)  # one for fields wraps one for payloads
            if (client := getattr(inner, "client", None)) is not None:
                clients.push(client)  # closed at the end, as it would be by `with client`
        everybody.clear()
