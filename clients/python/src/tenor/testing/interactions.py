"""The messages that pacts of version 3 and 4 ask of a provider, as values. Pure.

    Contract     a pact, and where it comes from
    Interaction  one of its messages: a description, the states it presumes, what is expected

A synchronous message has a request too, and may expect several responses; each is written as a message of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Document = Mapping[str, Any]

_ASYNCHRONOUS: Final = "Asynchronous/Messages"
_SYNCHRONOUS: Final = "Synchronous/Messages"


@dataclass(frozen=True, slots=True)
class Contract:
    """A pact. `version` of the consumer, and `results`, the path that takes them, are known of a broker's pacts only.

    Raises ValueError for a document that is no pact.
    """

    document: Document
    version: str = ""
    pending: bool = False
    results: str = ""

    def __post_init__(self) -> None:
        match self.document:
            case {"consumer": {"name": str()}, "provider": {"name": str()}}:
                pass
            case _:
                raise ValueError("it names no consumer and no provider")
        if not all(isinstance(each, dict) for each in _entries(self.document)):
            raise ValueError("its interactions are no list of objects")

    @property
    def consumer(self) -> str:
        """The consumer's name."""
        return str(self.document["consumer"]["name"])

    @property
    def provider(self) -> str:
        """The provider's name."""
        return str(self.document["provider"]["name"])

    @property
    def title(self) -> str:
        """Whose contract it is, in words: `billing 1.4`."""
        return f"{self.consumer} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class State:
    """What a provider has to be like before it makes a message."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a synchronous message answers. JSON contents are data, others text or bytes."""

    contents: Any
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One message of a contract.

    `position`  among the contract's messages
    `expected`  each as an asynchronous message in the contract's version of Pact's format
    `plugin`    the Pact plugin that alone can compare its contents, if one
    `id`        the broker's name for it
    """

    contract: Contract
    position: int
    description: str
    states: tuple[State, ...]
    request: Request | None
    expected: tuple[Document, ...]
    pending: bool
    plugin: str
    id: str

    @property
    def name(self) -> str:
        """For lists: `billing 1.4: an order was placed, given an order exists`."""
        given = " and ".join(state.name for state in self.states)
        return f"{self.contract.title}: {self.description}" + (f", given {given}" if given else "")


def interactions(contract: Contract) -> Iterator[Interaction]:
    """The messages of a contract, in its own order. Raises ValueError for one that has no description."""
    found = [each for each in _entries(contract.document) if _is_message(contract.document, each)]
    for position, each in enumerate(found):
        description = each.get("description")
        if not isinstance(description, str) or not description:
            raise ValueError(f"its message {position + 1} has no description")
        synchronous = each.get("type") == _SYNCHRONOUS
        yield Interaction(
            contract,
            position,
            description,
            tuple(_states(each)),
            _request(each.get("request", {})) if synchronous else None,
            tuple(_answers(each)) if synchronous else (_alone(each),),
            contract.pending or bool(each.get("pending")),
            next(iter(each.get("pluginConfiguration") or {}), ""),
            str(each.get("_id", "")),
        )


def others(contract: Contract) -> int:
    """How many interactions are no messages: somebody has to play them over HTTP."""
    return sum(not _is_message(contract.document, each) for each in _entries(contract.document))


def document_of(contract: Contract, expected: Document) -> Document:
    """A pact of one message."""
    list_name = "messages" if "messages" in contract.document else "interactions"
    metadata = {name: each for name, each in contract.document.get("metadata", {}).items() if name != "plugins"}
    return {
        "consumer": {"name": contract.consumer},
        "provider": {"name": contract.provider},
        list_name: [expected],
        "metadata": metadata,
    }


def content_type(expected: Document) -> str:
    """What type the expected contents are of."""
    contents = expected.get("contents")
    stated = contents.get("contentType") if isinstance(contents, Mapping) else None
    metadata = expected.get("metadata") or expected.get("metaData") or {}
    return str(stated or metadata.get("contentType") or "application/json")


def _entries(document: Document) -> list[Document]:
    found = document.get("messages") or document.get("interactions") or []
    return found if isinstance(found, list) else [found]


def _is_message(document: Document, entry: Document) -> bool:
    return bool(document.get("messages")) or entry.get("type") in (_ASYNCHRONOUS, _SYNCHRONOUS)


def _states(entry: Document) -> Iterator[State]:
    if isinstance(old := entry.get("providerState"), str):
        yield State(old)
    for each in entry.get("providerStates") or ():
        params = each.get("params") or {}
        if set(params) == {"parameters"} and isinstance(params["parameters"], Mapping):
            params = params["parameters"]  # as pact-python nests them
        yield State(str(each.get("name", "")), params)


def _alone(entry: Document) -> Document:
    """A message without what is settled before it is compared."""
    return {name: value for name, value in entry.items() if name not in ("providerState", "providerStates", "pending")}


def _answers(entry: Document) -> Iterable[Document]:
    for each in entry.get("response") or ():
        yield {**each, "type": _ASYNCHRONOUS, "description": entry["description"]}


def _request(part: Document) -> Request:
    contents = part.get("contents") or {}
    content = contents.get("content")
    match contents.get("encoded"):
        case str(how) if how.lower() == "base64" and isinstance(content, str):
            content = base64.b64decode(content)
        case str(how) if how.lower() == "json" and isinstance(content, str):
            content = json.loads(content)
    return Request(content, part.get("metadata") or {})
