"""What became of each contract in a test run, and what a broker is told of it: once, when all of the run is known.

Reports of tests carry plain data (`messages.Verified`), from the workers of pytest-xdist too. A contract is kept when
each of its messages was produced and compared; one that differs breaks it, whatever became of the others; all else is
unknown, and nothing is recorded.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from tenor.testing.messages import CONTRACTS, PACTS, VERIFIED, of_contract, providers
from tenor.testing.verifying import selector

if TYPE_CHECKING:
    from tenor import Registry
    from tenor.testing.interactions import Contract

ATTRIBUTE: Final = "tenor_message"
KEPT, BROKEN, UNKNOWN = "kept", "broken", "unknown"


@dataclass(slots=True)
class Verdict:
    """What a run says about one contract. `tests` are the data of its messages, by position."""

    consumer: str
    version: str
    provider: str
    pending: bool
    results: str
    messages: int
    others: int
    tests: dict[int, list[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """Messages that differ, without those that the consumer itself marked as pending."""
        return [each for tests in self.tests.values() for each in tests if not (each["success"] or each["may_fail"])]

    @property
    def answer(self) -> str:
        """kept, broken or unknown."""
        if self.failed:
            return BROKEN
        return KEPT if len(self.tests) == self.messages and not self.others else UNKNOWN

    @property
    def sentence(self) -> str:
        """The verdict as one line."""
        who = f"{self.consumer} {self.version}".strip() + f" with {self.provider}: {self.answer}"
        if self.answer == KEPT:
            return f"{who}, {_counted(self.messages)}"
        if self.answer == BROKEN:
            broken = ", ".join(map(repr, sorted({each["description"] for each in self.failed})))
            return f"{who} by {broken}" + (" (pending: it may fail)" if self.pending else "")
        reasons = []
        if missing := self.messages - len(self.tests):
            reasons.append(f"{missing} of {_counted(self.messages)} not verified")
        if self.others:
            reasons.append(f"{self.others} of HTTP, which `tenor contracts verify` plays")
        return f"{who}, {' and '.join(reasons)}"

    def body(self, provider_version: str, build_url: str | None) -> dict[str, Any]:
        """The result as a broker takes it."""
        body: dict[str, Any] = {
            "success": self.answer == KEPT,
            "providerApplicationVersion": provider_version,
            "testResults": [
                {
                    "interactionId": tests[0]["id"],
                    "interactionDescription": tests[0]["description"],
                    "success": all(each["success"] for each in tests),
                    "mismatches": [mismatch for each in tests for mismatch in each["mismatches"]],
                }
                for _, tests in sorted(self.tests.items())
            ],
            "verifiedBy": {
                "implementation": "tenor",
                "version": _version(),
                "clientLanguage": {
                    "name": "python",
                    "version": platform.python_version(),
                    "testFramework": f"pytest {pytest.__version__}",
                },
            },
        }
        return body if build_url is None else {**body, "buildUrl": build_url}


def verdicts(tests: Iterable[Mapping[str, Any]], contracts: Iterable[Contract] = ()) -> list[Verdict]:
    """The verdicts of a run, by consumer; also on contracts that no test was about."""
    found: dict[tuple[Any, ...], Verdict] = {}
    for each in contracts:
        key = of_contract(each)
        found[tuple(key.values())] = Verdict(**key)
    for test in tests:
        key = test["contract"]
        verdict = found.setdefault(tuple(key.values()), Verdict(**key))
        verdict.tests.setdefault(test["position"], []).append(test)
    return [found[key] for key in sorted(found, key=repr)]


class Results:
    """Gathers what tests report, in the process that sees all of them. A plugin of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tests: dict[str, Mapping[str, Any]] = {}
        self._told: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test says; when it is run again, its last word counts."""
        if (data := getattr(report, ATTRIBUTE, None)) is not None:
            self._tests[report.nodeid] = data

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Record the results, if that was asked for; a run whose results are lost has failed."""
        fetched = self._config.stash.get(CONTRACTS, []) if FETCHED in self._config.stash else []
        found = verdicts(self._tests.values(), fetched)
        self._told = [verdict.sentence for verdict in found]
        if not self._config.getoption("--tenor-publish"):
            return
        try:
            self._told += publish(self._config, found)
        except Exception as error:  # whatever it is, the run's own results are not to be lost for it
            self._told.append(f"NOT RECORDED: {type(error).__name__}: {error}")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what became of each contract."""
        if self._told:
            terminalreporter.section("contracts")
            for line in self._told:
                terminalreporter.line(line)


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Let the report of a test's call say what became of its message, if that is known."""
    verified = item.stash.get(VERIFIED, None)
    if verified is None or not verified.told or report.when != "call":
        return
    if report.skipped and not hasattr(report, "wasxfail"):
        return
    if verified.data["success"] and not report.passed:
        verified.data["success"] = False
        sentence = "the test failed after the message was compared"
        verified.data["mismatches"] = [{"attribute": "message", "identifier": "", "description": sentence}]
    setattr(report, ATTRIBUTE, verified.data)


def fetch(config: pytest.Config) -> list[dict[str, Any]]:
    """The contracts that the broker wants verified, as data of `Contract`. Raises what `Registry.send` raises."""
    from tenor import broker

    found = []
    with _registry(config) as registry:
        for provider in providers(config):
            call = broker.to_verify(
                provider,
                [selector(text) for text in config.getoption("--tenor-selector")],
                branch=config.getoption("--tenor-branch"),
                tags=config.getoption("--tenor-tag"),
                pending=config.getoption("--tenor-pending"),
                wip_since=config.getoption("--tenor-wip-since"),
            )
            for here, pending in registry.send(call):
                document, version = registry.send(broker.pact(here))
                results = broker.below(document["_links"]["pb:publish-verification-results"]["href"])
                found.append({"document": document, "version": version, "pending": pending, "results": results})
    return found


def publish(config: pytest.Config, found: Sequence[Verdict]) -> list[str]:
    """Record the results, in words. Raises what `Registry.send` raises."""
    from tenor import broker

    version, branch = config.getoption("--tenor-provider-version"), config.getoption("--tenor-branch")
    if not found:
        return ["no contract was verified: nothing is recorded"]
    told = []
    with _registry(config) as registry:
        for provider in sorted({verdict.provider for verdict in found if verdict.answer != UNKNOWN}):
            if branch is not None:
                registry.send(broker.put_on_branch(provider, version, branch))
            for tag in config.getoption("--tenor-tag"):
                registry.send(broker.put_tag(provider, version, tag))
        for verdict in found:
            who = f"{verdict.consumer} {verdict.version} with {verdict.provider} {version}"
            if verdict.answer == UNKNOWN:
                told.append(f"not recorded, because it is unknown: {who}")
                continue
            body = verdict.body(version, config.getoption("--tenor-build-url"))
            if registry.send(broker.record_result(verdict.results, body)) is not body["success"]:
                raise RuntimeError(f"the broker recorded something else for {who}")
            told.append(f"recorded as {verdict.answer}: {who}")
    return told


def prepare(config: pytest.Config) -> None:
    """Check the options, and fetch what the broker has if it was named. Raises pytest.UsageError."""
    publishing, address = config.getoption("--tenor-publish"), config.getoption("--tenor-broker")
    if publishing and not (address and config.getoption("--tenor-provider-version")):
        raise pytest.UsageError("--tenor-publish needs --tenor-broker and --tenor-provider-version")
    if address is None:
        return
    if config.getoption("--tenor-pacts"):
        raise pytest.UsageError("--tenor-pacts or --tenor-broker: pacts come from one place")
    if not providers(config):
        raise pytest.UsageError("--tenor-broker needs --tenor-provider NAME, or tenor_provider in pytest's ini file")
    from tenor.errors import TenorError
    from tenor.testing.interactions import Contract, interactions

    try:
        fetched = fetch(config)
        config.stash[CONTRACTS] = contracts = [Contract(**each) for each in fetched]
        for contract in contracts:
            list(interactions(contract))
    except (TenorError, ValueError, KeyError) as error:
        raise pytest.UsageError(f"--tenor-broker: {error}") from error
    config.stash[FETCHED] = json.dumps(fetched)


FETCHED: Final = pytest.StashKey[str]()


def hand_over(node: Any) -> None:
    """Give a worker of pytest-xdist the contracts that were fetched."""
    if (fetched := node.config.stash.get(FETCHED, None)) is not None:
        node.workerinput[PACTS] = fetched


def _registry(config: pytest.Config) -> Registry:
    from tenor import Registry, Retry, credentials

    url = str(config.getoption("--tenor-broker")).strip()
    auth, token = credentials.found([url])
    return Registry(url, auth=auth, token=token, timeout=30.0, retry=Retry(rounds=3, first=0.2, longest=2.0))


def _version() -> str:
    import tenor

    return str(tenor.__version__)


def _counted(messages: int) -> str:
    return f"{messages} message{'' if messages == 1 else 's'}"
