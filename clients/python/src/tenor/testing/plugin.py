"""The plugin that pytest finds by its entry point: options, and the fixtures of the modules beside this one.

It imports next to nothing, because every test run of an environment that has tenor loads it; and it starts nothing
until a test asks.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tenor.testing import messages, results, samples
from tenor.testing.messages import PACTS, PROVIDER, tenor_message
from tenor.testing.recorder import APPLICATION, CONTRACTS, tenor_events
from tenor.testing.samples import tenor_invalid, tenor_payload, tenor_samples
from tenor.testing.served import tenor_registry, tenor_server, tenor_url
from tenor.testing.verifying import OPTIONS

__all__ = [
    "tenor_events",
    "tenor_invalid",
    "tenor_message",
    "tenor_payload",
    "tenor_registry",
    "tenor_samples",
    "tenor_server",
    "tenor_url",
]


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
    group.addoption("--tenor-pacts", action="append", metavar="PATH", help="a pact, or a folder of pacts (*.json)")
    group.addoption(
        "--tenor-broker", metavar="URL", help="the registry whose contracts are verified, not those of files"
    )
    for name, told in OPTIONS.items():
        group.addoption(f"--tenor-{name}", **(told | ({"action": "append"} if name == "provider" else {})))
    parser.addini(APPLICATION, "the application whose contracts tests record", default="")
    parser.addini(CONTRACTS, "the folder of recorded contracts", default="contracts")
    parser.addini(PROVIDER, "the applications whose messages tests verify", type="args", default=[])
    parser.addini(PACTS, "pacts to verify: files, or folders", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Fetch contracts if that was asked for, and gather results where all of them arrive."""
    config.addinivalue_line("markers", f"{PROVIDER}(name, ...): whose messages a test of tenor_message verifies")
    config.addinivalue_line("markers", f"{samples.MARKER}(file, ...): the schema whose events are tenor_payload's")
    if not hasattr(config, "workerinput"):
        results.prepare(config)
        config.pluginmanager.register(results.Results(config), "tenor-results")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker of pytest-xdist is given what the controller fetched."""
    results.hand_over(node)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of messages runs once for each, a test of payloads likewise."""
    messages.generate(metafunc)
    samples.generate(metafunc)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A report says what became of its message."""
    report = yield
    results.attach(item, report)
    return report
