"""`tenor_message`: verifies that a provider produces the messages that its consumers' pacts ask for.

def test_contracts(tenor_message, shop):
    tenor_message.verify(
        {"an order was placed": lambda: shop.place()},
        states={"order exists": lambda id: shop.add(id)},
    )

The test runs once for each message, with a name such as `test_contracts[billing: an order was placed]`. Pacts come
from files (--tenor-pacts), or from the registry that --tenor-broker names; without either nothing is asked of any
network, and the test is skipped. A pending contract may fail. --tenor-publish records the results, once, at the end.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from tenor.testing.interactions import Contract, Interaction, Request, State
    from tenor.testing.matching import Mismatch

FIXTURE: Final = "tenor_message"
PROVIDER: Final = "tenor_provider"
PACTS: Final = "tenor_pacts"
CONTRACTS: Final = pytest.StashKey["list[Contract]"]()
VERIFIED: Final = pytest.StashKey["Verified"]()
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Produced:
    """A message as it leaves the provider, for when contents alone do not say all.

    `contents` are bytes as they are, or anything that becomes JSON: dicts, dataclasses, pydantic and msgspec models.
    """

    contents: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)
    content_type: str = ""


class Verified:
    """What became of one interaction: plain data, for it travels from a worker of pytest-xdist to its controller."""

    def __init__(self, interaction: Interaction) -> None:
        self.told = False
        self.data: dict[str, Any] = {
            "contract": of_contract(interaction.contract),
            "position": interaction.position,
            "description": interaction.description,
            "id": interaction.id,
            "may_fail": interaction.pending and not interaction.contract.pending,
            "success": False,
            "mismatches": [],
        }

    def tell(self, found: Sequence[Mismatch]) -> None:
        """The message was compared, or could not be produced. Until then nothing is known."""
        self.told = True
        self.data["success"] = not found
        self.data["mismatches"] = [
            {"attribute": each.attribute, "identifier": each.place, "description": each.sentence} for each in found
        ]


def of_contract(contract: Contract) -> dict[str, Any]:
    """What tells a contract from others, and how much of it there is to verify. Plain data."""
    from tenor.testing.interactions import interactions, others

    return {
        "consumer": contract.consumer,
        "version": contract.version,
        "provider": contract.provider,
        "pending": contract.pending,
        "results": contract.results,
        "messages": sum(1 for _ in interactions(contract)),
        "others": others(contract),
    }


class ExpectedMessage:
    """A message that a consumer's contract asks for."""

    def __init__(self, interaction: Interaction, verified: Verified) -> None:
        self._interaction, self._verified = interaction, verified

    @property
    def consumer(self) -> str:
        """Who relies on it."""
        return self._interaction.contract.consumer

    @property
    def consumer_version(self) -> str:
        """The consumer's version; empty for a pact in a file."""
        return self._interaction.contract.version

    @property
    def provider(self) -> str:
        """Who produces it."""
        return self._interaction.contract.provider

    @property
    def description(self) -> str:
        """What it is called in the contract."""
        return self._interaction.description

    @property
    def states(self) -> tuple[State, ...]:
        """What the provider has to be like before."""
        return self._interaction.states

    @property
    def request(self) -> Request | None:
        """What it answers, if it is synchronous."""
        return self._interaction.request

    @property
    def pending(self) -> bool:
        """Whether it may fail: no version of the provider's branch ever kept it."""
        return self._interaction.pending

    def verify(self, producers: Mapping[str, Any], *, states: Mapping[str, Callable[..., Any]] | None = None) -> None:
        """Produce the message and compare it with the contract; the test fails if it differs.

        `producers`  by description: a function that gives the message, or the message itself. It gives the contents or
                     a `Produced`. The function of a synchronous message is given the request; where the contract has
                     several responses it gives a list of them. It may be a coroutine function
        `states`     by name: a function that is called with the state's parameters before the message is made. What it
                     gives is left again afterwards if it is a context manager

        What cannot be produced breaks the contract; what cannot be compared says nothing about it.
        """
        interaction = self._interaction
        if interaction.plugin:
            self._refuse(f"{interaction.name}: only Pact's plugin {interaction.plugin} can compare it; verify it there")
        try:
            produced = self._made(producers, states or {})
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            self._verified.tell([_unmade(told)])
            if self.pending:
                pytest.xfail(f"pending: {interaction.name}: {told}")
            raise
        found: list[Mismatch] = []
        for expected, message in zip(interaction.expected, produced, strict=True):
            found += _compare(interaction.contract, expected, message)
        self._verified.tell(found)
        if found:
            lines = [line for each in found for line in each.lines()]
            shown = " and ".join(_contents(each).decode(errors="backslashreplace") for each in produced)
            shown = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
            self._refuse("\n  ".join([f"broken: {interaction.name}", *lines, f"produced: {shown}"]))

    def _made(self, producers: Mapping[str, Any], states: Mapping[str, Callable[..., Any]]) -> list[Produced]:
        """What the provider produces, as many as are expected."""
        interaction = self._interaction
        if interaction.description not in producers:
            known = ", ".join(map(repr, producers)) or "none"
            self._unproduced(
                f"nothing produces {interaction.description!r} ({interaction.contract.title}); known: {known}"
            )
        for state in interaction.states:
            if state.name not in states:
                known = ", ".join(map(repr, states)) or "none"
                self._unproduced(f"no state is called {state.name!r} ({interaction.name}); known: {known}")
        with ExitStack() as held:
            for state in interaction.states:
                made = _ended(states[state.name](**state.params))
                if isinstance(made, AbstractContextManager):
                    held.enter_context(made)
            produced = self._produced(producers[interaction.description])
        if len(produced) != len(interaction.expected):
            self._unproduced(
                f"{interaction.name}: {len(interaction.expected)} responses, not {len(produced)}, are expected"
            )
        return produced

    def _produced(self, producer: Any) -> list[Produced]:
        given = producer
        if callable(producer):
            given = _ended(producer() if self.request is None else producer(self.request))
        expected = len(self._interaction.expected)
        several = given if expected > 1 and isinstance(given, list | tuple) else [given]
        return [each if isinstance(each, Produced) else Produced(each) for each in several] if expected else []

    def _unproduced(self, sentence: str) -> NoReturn:
        self._verified.tell([_unmade(sentence)])
        self._refuse(sentence)

    def _refuse(self, sentence: str) -> NoReturn:
        if self.pending:
            pytest.xfail(f"pending: {sentence}")
        pytest.fail(sentence, pytrace=False)


def _ended(given: Any) -> Any:
    """What a coroutine comes to; anything else as it is. Raises TypeError where a loop is running already."""
    if not inspect.iscoroutine(given):
        return given
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(given)
    given.close()
    raise TypeError("the test is asynchronous itself: await the message in it, and give that")


def _unmade(sentence: str) -> Mismatch:
    from tenor.testing.matching import Mismatch

    return Mismatch("message", "", "", "", sentence)


def _compare(contract: Contract, expected: Mapping[str, Any], message: Produced) -> list[Mismatch]:
    from tenor.testing.interactions import content_type
    from tenor.testing.matching import mismatches

    stated = message.content_type or str(message.metadata.get("contentType") or content_type(expected))
    return mismatches(contract, expected, _contents(message), message.metadata, stated)


def _contents(message: Produced) -> bytes:
    if isinstance(message.contents, bytes | bytearray | memoryview):
        return bytes(message.contents)
    import msgspec

    return msgspec.json.encode(message.contents, enc_hook=_plain)


def _plain(value: Any) -> Any:
    """What is neither JSON nor one of the types that msgspec knows: pydantic's models, mappings, others as text."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return dict(value) if isinstance(value, Mapping) else str(value)


@pytest.fixture
def tenor_message(request: pytest.FixtureRequest) -> ExpectedMessage:
    """A message that a consumer relies on; the test runs once for each. See `tenor.testing.messages`."""
    interaction: Interaction = request.param
    verified = Verified(interaction)
    request.node.stash[VERIFIED] = verified
    return ExpectedMessage(interaction, verified)


def generate(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for `tenor_message` each message of its provider."""
    if FIXTURE not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker(PROVIDER)
    wanted = tuple(map(str, marker.args)) if marker else providers(metafunc.config)
    try:
        if not wanted:
            raise ValueError(f"which provider? say {PROVIDER} = NAME in pytest's ini file, or --tenor-provider NAME")
        found, reason = _wanted(metafunc.config, wanted)
    except ValueError as error:
        raise pytest.Collector.CollectError(f"tenor_message: {error}") from None
    if not found:
        skipped = pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")
        metafunc.parametrize(FIXTURE, [skipped], indirect=True)
        return
    metafunc.parametrize(FIXTURE, [pytest.param(each, id=each.name) for each in found], indirect=True)


def _wanted(config: pytest.Config, wanted: Sequence[str]) -> tuple[list[Interaction], str]:
    from tenor.testing.interactions import interactions

    broker = config.getoption("--tenor-broker")
    if broker and (strange := sorted(set(wanted) - set(providers(config)))):
        raise ValueError(f"the pacts of {', '.join(strange)} were not fetched: --tenor-provider names all providers")
    contracts = contracts_of(config)
    if contracts is None:
        return [], "where are the pacts? --tenor-pacts PATH, or --tenor-broker URL"
    chosen = [contract for contract in contracts if contract.provider in wanted]
    if not chosen and not broker:
        known = sorted({contract.provider for contract in contracts})
        raise ValueError(f"no pact is with {', '.join(wanted)}, but with {', '.join(known) or 'nobody'}")
    found = [each for contract in chosen for each in interactions(contract)]
    return found, f"no contract asks {', '.join(wanted)} for a message"


def providers(config: pytest.Config) -> tuple[str, ...]:
    """The providers that this run verifies."""
    return tuple(config.getoption("--tenor-provider") or config.getini(PROVIDER))


def contracts_of(config: pytest.Config) -> list[Contract] | None:
    """The contracts of this run, None if nobody said where they are. Raises ValueError for a file that is no pact.

    The broker's are the same for all workers of pytest-xdist: the controller fetched them once.
    """
    if CONTRACTS not in config.stash:
        from tenor.testing.interactions import Contract

        given = getattr(config, "workerinput", {}).get(PACTS)
        if given is not None:
            config.stash[CONTRACTS] = [Contract(**each) for each in json.loads(given)]
        else:
            paths = _paths(config)
            if not paths:
                return None
            config.stash[CONTRACTS] = list(read(paths))
    return config.stash[CONTRACTS]


def _paths(config: pytest.Config) -> list[Path]:
    if given := config.getoption("--tenor-pacts"):
        return [config.invocation_params.dir / each for each in given]
    return [config.rootpath / each for each in config.getini(PACTS)]


def read(paths: Iterable[Path]) -> Iterator[Contract]:
    """The pacts in files and folders. Raises ValueError for what is none."""
    from tenor.testing.interactions import Contract, interactions

    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise ValueError(f"the folder {path} holds no pact (*.json)")
        for file in files:
            try:
                contract = Contract(json.loads(file.read_text(encoding="utf-8")))
                list(interactions(contract))
            except OSError as error:
                raise ValueError(f"{file}: {error.strerror}") from None
            except ValueError as error:
                raise ValueError(f"{file} is no pact: {error}") from None
            yield contract
