"""A graph of pacts in memory, told in one line, and the facts that the matrix asks of it.

    Foo@1[dev]{main} -> Bar: ok(Bar@10[prod]) FAIL(Bar@11); dep(Bar@10,prod); dep(Foo@2,prod,blue); rel(Bar@11,prod);
    version(Bar@12[prod])

Versions, results and pacts are created in the order told; every pact statement is a content of its
own and replaces the one that the version had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.matrix import Publication, Result, Version
from contracts.questions import Selector

START = datetime(2024, 1, 1, tzinfo=UTC)
_VERSION = r"(?P<name>[A-Za-z]\w*)@(?P<number>[\w.]+)(?P<marks>(?:\[[^\]]*\]|\{[^}]*\})*)"
_PACT = re.compile(rf"{_VERSION}\s*->\s*(?P<provider>\w+)\s*(?::(?P<results>.*))?")
_RESULT = re.compile(rf"(?P<outcome>ok|FAIL)\({_VERSION}\)")
_RECORD = re.compile(rf"(?P<verb>dep|rel|version)\({_VERSION}(?:,(?P<environment>\w+))?(?:,(?P<instance>\w+))?\)")


@dataclass
class Ledger:
    """Implements `contracts.matrix.Source`."""

    all: list[Version] = field(default_factory=list)
    tags: dict[int, list[str]] = field(default_factory=dict)
    heads: dict[tuple[str, str], Version] = field(default_factory=dict)
    main_branches: dict[str, str] = field(default_factory=dict)
    deployed: dict[tuple[str, str, str], Version] = field(default_factory=dict)
    released: dict[tuple[str, int], Version] = field(default_factory=dict)
    contents: int = 0
    pacts: list[Publication] = field(default_factory=list)
    verifications: list[Result] = field(default_factory=list)

    @classmethod
    def told(cls, text: str) -> Ledger:
        ledger = cls()
        for statement in filter(None, (part.strip() for part in text.split(";"))):
            ledger.tell(statement)
        return ledger

    def tell(self, statement: str) -> None:
        pact, record = _PACT.fullmatch(statement), _RECORD.fullmatch(statement)
        if pact:
            self.contents = content = self.contents + 1
            consumer = self.version(pact)
            # The newest revision of a version's pact is the one that counts.
            self.pacts = [one for one in self.pacts if (one.consumer, one.provider) != (consumer, pact["provider"])]
            self.pacts.append(Publication(consumer, pact["provider"], content, START + timedelta(hours=content)))
            for found in _RESULT.finditer(pact["results"] or ""):
                self.verify(content, self.version(found), success=found["outcome"] == "ok")
        elif record:
            version = self.version(record)
            if record["verb"] == "dep":
                self.deployed[version.application, record["environment"], record["instance"] or ""] = version
            elif record["verb"] == "rel":
                self.released[record["environment"], version.id] = version
        else:
            raise AssertionError(f"cannot read: {statement}")

    def verify(self, content: int, provider: Version, *, success: bool) -> None:
        number = len(self.verifications) + 1
        self.verifications.append(Result(content, provider, success, number, START + timedelta(days=number)))

    def version(self, told: re.Match[str]) -> Version:
        name, number = told["name"], told["number"]
        version = next((one for one in self.all if (one.application, one.number) == (name, number)), None)
        if version is None:
            order = sum(one.application == name for one in self.all) + 1
            version = Version(len(self.all) + 1, name, number, order)
            self.all.append(version)
        for mark in re.findall(r"\[([^\]]*)\]", told["marks"]):
            self.tags.setdefault(version.id, []).append(mark)
        for mark in re.findall(r"\{([^}]*)\}", told["marks"]):
            self.heads[name, mark] = version
            if mark in ("main", "master", "develop"):
                self.main_branches.setdefault(name, mark)
        return version

    # contracts.matrix.Source

    def known(self, applications: frozenset[str]) -> Iterable[str]:
        named = {one.application for one in self.all} | {pact.provider for pact in self.pacts}
        return named & applications

    def versions(self, selectors: Sequence[Selector]) -> Sequence[Sequence[Version]]:
        return [self._versions(selector) for selector in selectors]

    def _versions(self, selector: Selector) -> list[Version]:
        assert not selector.any_version
        name = selector.application
        if selector.environment:
            there = [
                version
                for (app, env, _), version in self.deployed.items()
                if (app, env) == (name, selector.environment)
            ]
            there += [
                v for (env, _), v in self.released.items() if (v.application, env) == (name, selector.environment)
            ]
            return list(dict.fromkeys(there))
        if selector.main_branch or selector.branch:
            branch = selector.branch or self.main_branches.get(name, "")
            return [head for (app, known), head in self.heads.items() if (app, known) == (name, branch)]
        found = [
            version
            for version in self.all
            if version.application == name
            and selector.version in (None, version.number)
            and (selector.tag is None or selector.tag in self.tags.get(version.id, ()))
        ]
        return found[-1:] if selector.latest else found

    def providers(self, consumers: Mapping[str, frozenset[int] | None]) -> Iterable[tuple[str, str]]:
        for pact in self.pacts:
            if pact.consumer.application in consumers:
                ids = consumers[pact.consumer.application]
                if ids is None or pact.consumer.id in ids:
                    yield pact.consumer.application, pact.provider

    def consumers(self, providers: frozenset[str]) -> Iterable[tuple[str, str]]:
        return ((pact.consumer.application, pact.provider) for pact in self.pacts if pact.provider in providers)

    def publications(
        self, pairs: frozenset[tuple[str, str]], consumers: Mapping[str, frozenset[int] | None], days: int | None
    ) -> Iterable[Publication]:
        for pact in self.pacts:
            ids = consumers.get(pact.consumer.application)
            wanted = pact.consumer.application in consumers and (ids is None or pact.consumer.id in ids)
            if wanted and (pact.consumer.application, pact.provider) in pairs:
                yield pact

    def results(
        self, contents: frozenset[int], providers: Mapping[str, frozenset[int] | None], *, latest: bool
    ) -> Iterable[Result]:
        found: dict[tuple[object, ...], Result] = {}
        for result in self.verifications:
            name = result.provider.application
            ids = providers.get(name)
            if result.content in contents and name in providers and (ids is None or result.provider.id in ids):
                found[(result.content, result.provider.id) if latest else (result.number,)] = result
        return found.values()
