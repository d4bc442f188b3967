"""The plugin that pytest finds by its entry point: options, and the fixtures of the modules beside this one.

It imports next to nothing, because every test run of an environment that has tenor loads it; and it starts nothing
until a test asks.
"""

from __future__ import annotations

import pytest

from tenor.testing.recorder import APPLICATION, CONTRACTS, tenor_events
from tenor.testing.samples import tenor_samples
from tenor.testing.served import tenor_registry, tenor_server, tenor_url

__all__ = ["tenor_events", "tenor_registry", "tenor_samples", "tenor_server", "tenor_url"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("tenor", "Tenor's schema registry")
    group.addoption(
        "--tenor-url",
        metavar="URL",
        default=None,
        help="a registry to use instead of starting one (needs tenor-server); what TENOR_URL says does not count",
    )
    group.addoption("--tenor-record", action="store_true", default=False, help="write the contracts that tests record")
    parser.addini(APPLICATION, "the application whose contracts tests record", default="")
    parser.addini(CONTRACTS, "the folder of recorded contracts", default="contracts")
