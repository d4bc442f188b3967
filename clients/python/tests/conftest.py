"""Fixed seeds, and which event loop the asynchronous tests run on."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("tenor", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("tenor")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
