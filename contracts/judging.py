"""Coverage of many contracts by one schema: equal needs are judged once, events are looked for where they matter. Pure.

What coverage says of a need depends on the need and on what its contract says of the places above it; so contracts are
put together by those, and all their needs are asked about in one go. What a schema seals for persons is asked of each
contract beside (`contracts.erasure`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from contracts import coverage, erasure, sealed
from contracts.coverage import Covered
from contracts.impact import Outcome, outcome
from contracts.needs import Contract, Need
from contracts.satisfaction import Given
from registry.formats.base import Schema
from registry.objections import Candidate

MOST_WITNESSES = 10
WITNESS_SECONDS = 0.2

_GRAVEST = (Outcome.BREAKS, Outcome.DEGRADES, Outcome.UNKNOWN)

Cover = Callable[[Schema, Contract], Sequence[Covered]]


def judge(candidate: Candidate) -> Judge:
    """What speaks for a schema with its rules."""
    return Judge(sealed.opened(candidate), places=sealed.places(candidate))


def surroundings(needs: Sequence[Need], given: Given) -> Hashable:
    """What the answers for needs depend on besides the needs: the places above any of them, and what is said there."""
    found: set[str] = set()
    for path in {need.path for need in needs}:
        at = path.rfind("/")
        while at >= 0 and (above := path[:at]) not in found:
            found.add(above)
            at = path.rfind("/", 0, at)
    return frozenset((each, each in given.listed, each in given.typed, given.aliases.get(each, ())) for each in found)


_MOST_KEYS = 20_000
_keys: OrderedDict[int, tuple[Sequence[Need], Hashable]] = OrderedDict()


def _key(contract: Contract) -> Hashable:
    """What contracts are put together by. Needs are kept with it, so that their identity stays theirs."""
    known = _keys.get(id(contract.needs))
    if known is None:
        known = _keys[id(contract.needs)] = contract.needs, surroundings(contract.needs, Given.by(contract))
        while len(_keys) > _MOST_KEYS:
            with suppress(KeyError):  # another reader thread was faster
                _keys.popitem(last=False)
    return coverage.view_of(contract), known[1]


class Judge:
    """What a schema covers of contracts. Needs are told apart by identity (`contracts.kept` makes equal ones one)."""

    def __init__(self, schema: Schema, cover: Cover = coverage.cover, *, places: Sequence[sealed.Place] = ()) -> None:
        self.schema = schema
        self.cover = cover
        self.sealed = sealed.Sealed(places)
        self._looked = 0.0
        self._shows: dict[Hashable, Any] = {}

    def __call__(self, contracts: Sequence[Contract]) -> list[Sequence[Covered]]:
        """What is covered of each contract, need by need."""
        groups: dict[Hashable, list[Contract]] = {}
        for contract in {id(contract.needs): contract for contract in contracts}.values():
            groups.setdefault(_key(contract), []).append(contract)
        judged: dict[int, Sequence[Covered]] = {}
        for key, group in groups.items():
            judged |= self._group(key, group)
        if self.sealed.places:
            judged = {key: [*judged[key], *found] for key, found in self._all_erased(contracts).items()}
        return [judged[id(contract.needs)] for contract in contracts]

    def erased(self, contracts: Sequence[Contract]) -> list[Sequence[Covered]]:
        """What each contract does not handle of what may be erased, and nothing else."""
        found = self._all_erased(contracts)
        return [found[id(contract.needs)] for contract in contracts]

    def _all_erased(self, contracts: Sequence[Contract]) -> dict[int, Sequence[Covered]]:
        by_needs = {id(contract.needs): contract for contract in contracts}
        return {key: self._erased(contract) for key, contract in by_needs.items()}

    def _erased(self, contract: Contract) -> Sequence[Covered]:
        """What a contract does not say, or says that it fails on, of what may be erased."""
        view = coverage.view_of(contract)

        def show(place: sealed.Place) -> Any:
            key = place.path, view
            if key not in self._shows:
                left = WITNESS_SECONDS - self._looked
                began = time.monotonic()
                self._shows[key] = sealed.witness(self.schema, place, view) if left > 0 else None
                self._looked += time.monotonic() - began
            return self._shows[key]

        return erasure.asked(contract, self.sealed, show)

    def _group(self, key: Hashable, group: Sequence[Contract]) -> dict[int, Sequence[Covered]]:
        union = {id(need): need for contract in group for need in contract.needs}
        together = replace(group[0], needs=tuple(union.values()))
        # A place that some name and others pass through would be judged by what only the former say of it.
        if len(group) > 1 and _key(together) == key:
            known = dict(zip(union, self._shown(self.cover(self.schema, together)), strict=True))
            return {id(contract.needs): [known[id(need)] for need in contract.needs] for contract in group}
        return {id(contract.needs): self._shown(self.cover(self.schema, contract)) for contract in group}

    def _shown(self, covered: Sequence[Covered]) -> Sequence[Covered]:
        """The gravest of what is not covered, with events that show it, as long as there is time."""
        found = list(covered)
        outcomes = [outcome(each) for each in found]
        wanted = [place for grave in _GRAVEST for place, each in enumerate(outcomes) if each is grave]
        for place in wanted[:MOST_WITNESSES]:
            left = WITNESS_SECONDS - self._looked
            if left <= 0:
                break
            began = time.monotonic()
            event = coverage.witness(self.schema, found[place], seconds=min(left, WITNESS_SECONDS / 4))
            found[place] = replace(found[place], witness=event)
            self._looked += time.monotonic() - began
        return found
