"""The legs: tests that need more than this repository, Python and the package index.

`@pytest.mark.browser` puts a test on a leg. A test whose leg the machine lacks is skipped and the summary at the
end says so, with the reason. `TENOR_REQUIRE_LEGS=node,browser` makes a missing leg fail its tests, and the run fails
when not one test of a required leg was run. `.ci/legs NAME` installs what a leg needs.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.vectors import VECTORS

ROOT = Path(__file__).resolve().parent.parent
NODE_PROJECT = ROOT / "tests" / "e2e" / "node"
CACHE = ROOT / ".cache"
KAFKA_JARS = CACHE / "kafka"
JVM_PROJECT = ROOT / "tests" / "e2e" / "jvm"
JVM_JARS = CACHE / "jvm"


def executable(*names: str) -> str | None:
    """The path of the first of these commands that the machine has; servers of Debian lie in /usr/sbin."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def chromium() -> str | None:
    """The browser of the browser leg."""
    return executable("chromium", "chromium-browser", "google-chrome")


def _commands(*names: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        lacking = [name for name in names if not executable(name)]
        return f"no {', '.join(lacking)} on this machine" if lacking else None

    return missing


def _node() -> str | None:
    if not executable("node"):
        return "no node on this machine"
    installed = NODE_PROJECT / "node_modules" / "installed.json"
    if not installed.exists() or installed.read_bytes() != (NODE_PROJECT / "package-lock.json").read_bytes():
        return "its npm packages are not installed"
    return None


def _browser() -> str | None:
    return None if chromium() else "no Chromium on this machine"


def _kafka() -> str | None:
    if os.environ.get("TENOR_TEST_KAFKA"):
        return None
    if not executable("java"):
        return "no java on this machine, and TENOR_TEST_KAFKA=host:port is not set"
    return None if any(KAFKA_JARS.glob("kafka_*.jar")) else "the broker's jars are not fetched"


def _jvm() -> str | None:
    if missing := _commands("java", "javac")():
        return missing
    installed = JVM_JARS / "installed.xml"
    same = installed.exists() and installed.read_bytes() == (JVM_PROJECT / "pom.xml").read_bytes()
    return None if same else "its jars are not fetched"


def _pactruby() -> str | None:
    return None if (CACHE / "pactruby" / "bin" / "pact-broker").exists() else "the Ruby Pact tools are not installed"


def softhsm() -> str | None:
    """The library of the token of the softhsm leg."""
    places = (Path("/usr/lib/softhsm"), *Path("/usr/lib").glob("*/softhsm"), Path("/usr/local/lib/softhsm"))
    return next((str(each / "libsofthsm2.so") for each in places if (each / "libsofthsm2.so").exists()), None)


def _softhsm() -> str | None:
    return None if softhsm() else "no SoftHSM2 on this machine"


DEPLOY_TOOLS = CACHE / "deploy" / "bin"


def _deploy() -> str | None:
    if not (DEPLOY_TOOLS / "kubernetes-validate").exists():
        return "the validators of manifests are not installed"
    return _commands("nginx", "promtool")()


def _vectors() -> str | None:
    return None if VECTORS.is_dir() else "shared/vectors does not lie beside the project"


LEGS: dict[str, Callable[[], str | None]] = {
    "vectors": _vectors,
    "node": _node,
    "browser": _browser,
    "brokers": _commands("nats-server", "redis-server", "rabbitmq-server", "mosquitto"),
    "kafka": _kafka,
    "pactruby": _pactruby,
    "softhsm": _softhsm,
    "deploy": _deploy,
    "shells": _commands("zsh", "fish"),
    "jvm": _jvm,
    "go": _commands("go"),
}
"""Each leg and what the machine lacks for it: a reason, or None."""


def required() -> set[str]:
    """The legs that must not be missing: `TENOR_REQUIRE_LEGS`. Raises UsageError for an unknown one."""
    names = {name.strip() for name in os.environ.get("TENOR_REQUIRE_LEGS", "").split(",")} - {""}
    if unknown := names - LEGS.keys():
        raise pytest.UsageError(f"TENOR_REQUIRE_LEGS: no leg is called {', '.join(sorted(unknown))}")
    return names


def of(item: pytest.Item) -> list[str]:
    """The legs a test stands on."""
    return [name for name in LEGS if item.get_closest_marker(name)]


@dataclass(eq=False)  # pytest keeps plugins in sets
class Tally:
    """What became of each leg's tests; kept where the summary is printed, which is not where xdist runs them."""

    ran: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        legs = [str(value) for name, value in report.user_properties if name == "leg"]
        if report.when == "call":
            self.ran.update(legs)
        elif report.when == "setup" and not report.passed:
            self.left_out.update(legs)

    def not_run(self) -> list[str]:
        """The required legs of which no test was run."""
        return sorted(name for name in required() if not self.ran[name])

    def lines(self) -> Iterable[str]:
        """The summary, a line a leg that has tests."""
        for name, missing in LEGS.items():
            if self.ran[name]:
                yield f"{name}: {self.ran[name]} tests"
            if self.left_out[name]:
                yield f"{name}: {self.left_out[name]} tests not run: {missing() or 'see above'}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.not_run() and session.exitstatus == pytest.ExitCode.OK and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        lines = list(self.lines())
        if lines or required():
            terminalreporter.section("legs")
        for line in lines:
            terminalreporter.line(line)
        if not terminalreporter.config.option.collectonly:
            for name in self.not_run():
                terminalreporter.line(f"FAILED: the required leg {name} was not run", red=True)


def pytest_configure(config: pytest.Config) -> None:
    for name in LEGS:
        config.addinivalue_line("markers", f"{name}: needs more than Python (tests/legs.py)")
    required()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(), "legs-tally")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lacking = {name: reason for name, missing in LEGS.items() if (reason := missing())}
    for item in items:
        for name in of(item):
            item.user_properties.append(("leg", name))
            if (reason := lacking.get(name)) and name not in required():
                item.add_marker(pytest.mark.skip(reason=f"leg {name}: {reason}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in of(item):
        if name in required() and (reason := LEGS[name]()):
            pytest.fail(f"the required leg {name} cannot run: {reason} (`.ci/legs {name}` installs it)", pytrace=False)
