"""A served registry, as an operator starts it, on each engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A registry on an SQLite file, shared by the tests of a module: each uses its own subjects."""
    folder = tmp_path_factory.mktemp("served")
    with served([SERVER, "serve"], cwd=folder, environment={"TENOR_DATABASE_URL": "sqlite:///t.db"}) as client:
        yield client


@pytest.fixture
def registry_on_postgresql(pg_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A registry with two worker processes on PostgreSQL."""
    environment = {"TENOR_DATABASE_URL": pg_url, "TENOR_WORKERS": "2"}
    with served([SERVER, "serve"], cwd=tmp_path, environment=environment) as client:
        yield client
