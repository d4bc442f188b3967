"""Who reads a subject, where, and what they need of it: facts for an impact, fetched for many subjects at once.

Contracts that were read before are kept in memory by their digest: versions of one application mostly say the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from contracts import kept
from contracts.impact import Place, Reader
from contracts.needs import Contract
from contracts.queries import aliases, protection
from contracts.queries import needs as queries
from contracts.queries.needs import Kept, NeverPlaced, Observed, Presence
from registry.store.engine import Db

_MOST_KEPT = 20_000


class _Memory:
    """Contracts by digest, least recently used out first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._known: OrderedDict[str, tuple[Contract, ...]] = OrderedDict()
        self._lock = Lock()

    def among(self, digests: Iterable[str]) -> dict[str, tuple[Contract, ...]]:
        with self._lock:
            found = {digest: self._known[digest] for digest in digests if digest in self._known}
            for digest in found:
                self._known.move_to_end(digest)
            return found

    def put(self, read: dict[str, tuple[Contract, ...]]) -> None:
        with self._lock:
            self._known.update(read)
            while len(self._known) > self._room:
                self._known.popitem(last=False)


_memory = _Memory(_MOST_KEPT)


def contracts(db: Db, rows: Sequence[Kept]) -> dict[int, tuple[Contract, ...]]:
    """The contracts of rows, by the rows' key."""
    known = _memory.among({row.digest for row in rows})
    missing = {row.digest: row.pk for row in rows if row.digest not in known}
    if missing:
        texts = queries.bodies(db, missing.values())
        read = {digest: kept.read(texts[pk]) for digest, pk in missing.items()}
        _memory.put(read)
        known |= read
    return {row.pk: tuple(_confirmed(each, row.confirmed_at) for each in known[row.digest]) for row in rows}


def _confirmed(of: Contract, at: int) -> Contract:
    """A contract with its date; `dataclasses.replace` takes five times as long."""
    return Contract(of.needs, of.evidence, of.description, of.version, of.partial, of.reasons, at)


@dataclass(slots=True)
class _Version:
    """A version of a reader while its facts come together."""

    application: str
    number: str
    places: dict[Place, None]
    contracts: list[Contract]
    seen: int | None = None


def place(presence: Presence) -> Place:
    """Where a version is, as an impact tells it."""
    return Place(
        presence.environment, presence.since, presence.production, presence.instance, released=presence.released
    )


def readers(
    db: Db, subjects: Collection[str], apart: Collection[str] = (), meanings: Mapping[str, str] | None = None
) -> dict[str, list[Reader]]:
    """The readers of each subject: what is deployed or supported, what never said where it runs, and who was seen
    fetching schemas. Applications `apart` (those that write the subject) are not taken for readers by that alone.

    Who reads an alias reads the subject that it means today (`aliases.meanings`, where they were asked for before).
    """
    names = aliases.among(db, subjects, meanings)
    there = queries.present(db, names)
    nowhere = queries.never_placed(db, names)
    pks = {each.version_pk for each in there} | {each.version_pk for each in nowhere if each.version_pk is not None}
    rows = queries.of_versions(db, names, pks) if pks else []
    said = contracts(db, rows)
    found: dict[str, dict[int, _Version]] = {subject: {} for subject in subjects}
    for each in there:
        for subject in names[each.subject]:
            version = found[subject].setdefault(each.version_pk, _Version(each.application, each.number, {}, []))
            version.places[place(each)] = None
    for subject, none in _newest(nowhere, names):
        # One that was declared has no version; no key of a version is negative.
        key = -none.application_pk if none.version_pk is None else none.version_pk
        found[subject].setdefault(key, _Version(none.application, none.number or "", {}, []))
    for row in rows:
        for subject in names[row.subject]:
            # A row of a subject that this version does not read at any place is none of ours.
            if (spoken := found[subject].get(row.version_pk)) is not None:
                spoken.contracts += said[row.pk]
    silent = {pk for versions in found.values() for pk, each in versions.items() if not each.contracts}
    elsewhere = queries.with_contracts(db, silent) if silent else set()
    declared = queries.declared(db, names) if elsewhere else set()
    kept = {
        (subject, each.version_pk)
        for each in there
        if (each.subject, each.application_pk) in declared
        for subject in names[each.subject]
    }
    seen = _seen(db, names, apart)
    owners = _owners(db, found, seen)
    return {
        subject: _of_subject(
            versions, {pk for pk in elsewhere if (subject, pk) not in kept}, seen.get(subject, []), owners
        )
        for subject, versions in found.items()
    }


def of_subject(db: Db, subject: str, meanings: Mapping[str, str] | None = None) -> list[Reader]:
    """The readers of one subject; who writes it is none by fetching it."""
    known = aliases.meanings(db) if meanings is None else meanings
    return readers(db, [subject], queries.producers(db, subject, known), known)[subject]


def _newest(rows: Iterable[NeverPlaced], names: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, NeverPlaced]]:
    """The newest version of each application, whatever name of a subject it reads by."""
    found: dict[tuple[str, int], NeverPlaced] = {}
    for each in sorted(rows, key=lambda each: each.version_pk or 0):
        found |= {(subject, each.application_pk): each for subject in names[each.subject]}
    return ((subject, each) for (subject, _), each in found.items())


def _owners(db: Db, found: dict[str, dict[int, _Version]], seen: dict[str, list[_Version]]) -> dict[str, str]:
    names = {each.application for versions in found.values() for each in versions.values()}
    names |= {each.application for versions in seen.values() for each in versions}
    return protection.owners(db, names) if names else {}


def _of_subject(
    versions: dict[int, _Version], elsewhere: set[int], seen: Sequence[_Version], owners: dict[str, str]
) -> list[Reader]:
    fetched = {(each.application, each.number): each for each in seen}
    listed: list[Reader] = []
    known: set[tuple[str, str]] = set()
    for pk, each in versions.items():
        who = (each.application, each.number)
        observed = fetched.get(who)
        # It has contracts, none of them on this subject, and never fetched a schema of it: it does not read it.
        if not each.contracts and pk in elsewhere and observed is None:
            continue
        known.add(who)
        listed.append(_reader(each, owners, None if observed is None else observed.seen))
    listed += [_reader(each, owners, each.seen) for who, each in fetched.items() if who not in known]
    return sorted(listed, key=lambda reader: (reader.application, reader.version))


def _reader(version: _Version, owners: dict[str, str], seen: int | None) -> Reader:
    return Reader(
        version.application,
        version.number,
        tuple(version.places),
        tuple(version.contracts) or None,
        owners.get(version.application),
        seen,
    )


def _seen(db: Db, names: Mapping[str, Sequence[str]], apart: Collection[str]) -> dict[str, list[_Version]]:
    """Who fetched schemas, as versions that may be readers, by the subjects that the names mean."""
    fetched = [each for each in queries.observed(db, names) if each.application not in apart]
    if not fetched:
        return {}
    by_application: dict[str, list[Presence]] = {}
    for presence in queries.places_of(db, {each.application for each in fetched}):
        by_application.setdefault(presence.application, []).append(presence)
    found: dict[str, dict[tuple[str, str], _Version]] = {}
    for each in fetched:
        for version in _versions_seen(each, by_application.get(each.application, [])):
            for subject in names[each.subject]:
                known = found.setdefault(subject, {}).setdefault((version.application, version.number), version)
                known.seen = max(known.seen or 0, each.last_seen)
    return {subject: list(versions.values()) for subject, versions in found.items()}


def _versions_seen(seen: Observed, there: Sequence[Presence]) -> list[_Version]:
    """The versions that a fetch speaks of: the one it named, or all that run where it named none.

    A version that runs nowhere and was not seen since its application was deployed last is history.
    """
    numbers = {presence.number for presence in there}
    if seen.number and seen.number not in numbers:
        if there and seen.last_seen <= max(presence.since for presence in there):
            return []
        return [_Version(seen.application, seen.number, {}, [], seen.last_seen)]
    if not there:
        return [_Version(seen.application, seen.number, {}, [], seen.last_seen)]
    wanted = {seen.number} if seen.number else numbers
    return [
        _Version(
            seen.application,
            number,
            {place(presence): None for presence in there if presence.number == number},
            [],
            seen.last_seen,
        )
        for number in sorted(wanted)
    ]
