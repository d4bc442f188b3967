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
    """Two versions that share subjects. `silent` are subjects by why it is not known what the consumer needs of them,
    `since` as of when, in ms."""

    silent: dict[str, list[str]] = field(default_factory=dict)
    since: int = 0

    def without_contract(self, subject: str, seen: int | None) -> None:
        """The consumer has no contract on a subject."""
        now = now_ms()
        self.silent.setdefault(impact.without_contract(seen, now), []).append(subject)
        self.since = max(self.since, seen or now)

    @property
    def sentences(self) -> list[str]:
        """What is not known of the consumer, as parts of sentences."""
        return [f"on {impact.listed(subjects)}: {why}" for why, subjects in self.silent.items()]


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
        meanings = aliases.meanings(db)
        names = aliases.among(db, dict.fromkeys(each.subject for each in writers), meanings)
        for consumer in given:
            _writers(db, consumer, names, meanings, writers, found)
    return {pair: each for pair, each in found.items() if pair[0].application != pair[1].application}


def _readers(db: Db, provider: Version, subjects: Sequence[str], environment: str, found: dict[Pair, Meeting]) -> None:
    """Those in the environment that read what a version writes."""
    meanings = aliases.meanings(db)
    for each in produces.readers_in(db, aliases.among(db, subjects, meanings), environment):
        found.setdefault((_version(each), provider), Meeting())
    known: dict[tuple[str, str], applications.Version | None] = {}
    for subject in subjects:
        for reader in readers.of_subject(db, subject, meanings):
            if reader.contracts is None and any(place.environment == environment for place in reader.places):
                who = reader.application, reader.version
                version = known[who] = known[who] if who in known else applications.version(db, *who)
                if version is not None:
                    consumer = Version(version.pk, version.application, version.number, version.position)
                    found.setdefault((consumer, provider), Meeting()).without_contract(subject, reader.seen)


def _writers(
    db: Db,
    consumer: Version,
    names: Mapping[str, Sequence[str]],
    meanings: Mapping[str, str],
    writers: Iterable[produces.Writing],
    found: dict[Pair, Meeting],
) -> None:
    """Those in the environment that write what a version reads, or may."""
    kept = needs.of_sources(db, [consumer.id])
    said = {subject for each in kept for subject in names.get(each.subject, ())}
    itself = {subject for each in kept if not each.source.startswith(PACT) for subject in names.get(each.subject, ())}
    without = not kept and not needs.with_contracts(db, [consumer.id])
    silent = {each: seen for each, seen in _silent(db, consumer, names, meanings, without=without) if each not in said}
    for each in writers:
        pair = consumer, _version(each.version)
        if each.subject in itself:
            found.setdefault(pair, Meeting())
        if each.subject in silent:
            found.setdefault(pair, Meeting()).without_contract(each.subject, silent[each.subject])


def _silent(
    db: Db, consumer: Version, names: Mapping[str, Sequence[str]], meanings: Mapping[str, str], *, without: bool
) -> Iterator[tuple[str, int | None]]:
    """(subject, when it was seen fetching) of what a version may read, contract or not; `without` any at all."""
    for name, is_declared in needs.read_by(db, consumer.application):
        # Of one that has contracts, and none on this subject, other versions say nothing.
        if is_declared or without:
            yield from ((subject, None) for subject in names.get(name, ()))
    fetched: dict[str, int] = {}
    for each in needs.fetched_by(db, names, consumer.application, consumer.number):
        for subject in names[each.subject]:
            fetched[subject] = max(fetched.get(subject, 0), each.last_seen)
    for subject, at in fetched.items():
        if consumer.application not in needs.producers(db, subject, meanings):
            yield subject, at


def _version(row: produces.Met) -> Version:
    return Version(*row)
