"""Who meets in an environment on a subject alone, without a pact: who writes it, and who reads it or may.

    what the one writes (`produces`)  ×  what the other says itself that it reads     judged by coverage
                                      ×  a reader without a contract on the subject   unknown

A reader without a contract was declared, was seen fetching schemas, or reads the subject in other versions: whatever an
impact calls unknown for want of a contract. Where nobody says what it writes, nobody meets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contracts import impact, readers
from contracts.derivation import PACT
from contracts.matrix import Version
from contracts.queries import aliases, applications, needs, produces
from registry.clock import now_ms
from registry.store.engine import Db


@dataclass(slots=True)
class Meeting:
    """Two versions that share subjects. `silent` says why what the consumer needs is not known, `since` as of when, in
    ms."""

    silent: dict[str, None] = field(default_factory=dict)
    since: int = 0

    def without_contract(self, subject: str, seen: int | None) -> None:
        """The consumer has no contract on a subject."""
        now = now_ms()
        self.silent[f"on {subject}: {impact.without_contract(seen, now)}"] = None
        self.since = max(self.since, seen or now)


Pair = tuple[Version, Version]
"""Consumer and provider."""


def meetings(db: Db, given: Sequence[Version], environment: str | None) -> dict[Pair, Meeting]:
    """The versions in an environment that given ones meet. Costs two questions where nobody says what it writes."""
    if environment is None or not given:
        return {}
    found: dict[Pair, Meeting] = {}
    written = produces.of_versions(db, {each.id for each in given})
    for provider in given:
        subjects = dict.fromkeys(subject for subject, _, _ in written.get(provider.id, ()))
        if subjects:
            _readers(db, provider, list(subjects), environment, found)
    writers = produces.writers_in(db, environment)
    if writers:
        names = aliases.among(db, dict.fromkeys(each.subject for each in writers))
        for consumer in given:
            _writers(db, consumer, names, writers, found)
    return {pair: each for pair, each in found.items() if pair[0].application != pair[1].application}


def _readers(db: Db, provider: Version, subjects: Sequence[str], environment: str, found: dict[Pair, Meeting]) -> None:
    """Those in the environment that read what a version writes."""
    for each in produces.readers_in(db, aliases.among(db, subjects), environment):
        found.setdefault((_version(each), provider), Meeting())
    for subject in subjects:
        for reader in readers.of_subject(db, subject):
            if reader.contracts is None and any(place.environment == environment for place in reader.places):
                version = applications.version(db, reader.application, reader.version)
                if version is not None:
                    consumer = Version(version.pk, version.application, version.number, version.position)
                    found.setdefault((consumer, provider), Meeting()).without_contract(subject, reader.seen)


def _writers(
    db: Db,
    consumer: Version,
    names: Mapping[str, Sequence[str]],
    writers: Iterable[produces.Writing],
    found: dict[Pair, Meeting],
) -> None:
    """Those in the environment that write what a version reads, or may."""
    kept = needs.of_sources(db, [consumer.id])
    said = {subject for each in kept for subject in names.get(each.subject, ())}
    itself = {subject for each in kept if not each.source.startswith(PACT) for subject in names.get(each.subject, ())}
    silent = {
        subject: seen for subject, seen in _silent(db, consumer, names, is_known=bool(kept)) if subject not in said
    }
    for each in writers:
        pair = consumer, _version(each.version)
        if each.subject in itself:
            found.setdefault(pair, Meeting())
        if each.subject in silent:
            found.setdefault(pair, Meeting()).without_contract(each.subject, silent[each.subject])


def _silent(
    db: Db, consumer: Version, names: Mapping[str, Sequence[str]], *, is_known: bool
) -> Iterator[tuple[str, int | None]]:
    """(subject, when it was seen fetching) of what a version may read, contract or not."""
    without = not is_known and not needs.with_contracts(db, [consumer.id])
    for name, is_declared in needs.read_by(db, consumer.application):
        # Of one that has contracts, and none on this subject, other versions say nothing.
        if is_declared or without:
            yield from ((subject, None) for subject in names.get(name, ()))
    fetched: dict[str, int] = {}
    for each in needs.fetched_by(db, names, consumer.application, consumer.number):
        for subject in names[each.subject]:
            fetched[subject] = max(fetched.get(subject, 0), each.last_seen)
    yield from ((each, at) for each, at in fetched.items() if consumer.application not in needs.producers(db, each))


def _version(row: produces.Met) -> Version:
    return Version(*row)
