"""Contracts that are verified statically: what a provider version writes, judged by what consumers need of it.

Rows of a matrix that were verified by running the provider (CDCT) are joined by rows that coverage decides (BDCT). A
pact that holds messages only, on subjects whose versions the provider states, needs no run: then the static row takes
the place of the missing one. What fails statically fails, whatever a run said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from contracts import old_events, readers
from contracts.coverage import Covered
from contracts.derivation import PACT, source_of
from contracts.impact import Outcome, StillSealed, outcome
from contracts.judging import Judge, judge
from contracts.matrix import NO_CONTENT, Matrix, Origin, Publication, Resolved, Row, Static, Version
from contracts.meeting import Meeting, meetings
from contracts.needs import Contract
from contracts.protection import Protection, effective
from contracts.queries import aliases, applications, needs, produces, protection
from contracts.queries.needs import Kept
from contracts.questions import Ignore
from registry.errors import RegistryError
from registry.names import Subject
from registry.objections import Candidate
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import schemas

Written = Mapping[int, list[tuple[str, int, "bool | None"]]]


def joined(db: Db, matrix: Matrix, *, warnings_pass: bool = False) -> Matrix:
    """The matrix with the rows that coverage decides. Costs three questions where nobody says what it writes."""
    pairs = [(row, version) for row in matrix.rows for version in _versions(row, matrix.resolved)]
    given = [each.version for each in matrix.resolved if each.origin is Origin.GIVEN and each.version is not None]
    met = meetings(db, list(dict.fromkeys(given)), matrix.question.destination.environment)
    versions = {version.id for _, version in pairs} | {provider.id for _, provider in met}
    written = produces.of_versions(db, versions) if versions else {}
    if not written:
        return matrix
    static = _Judge(db, written, warnings_pass)
    consumers = {row.consumer.id for row, version in pairs if version.id in written}
    static.read(consumers | {consumer.id for consumer, _ in met})
    rows: list[Row] = []
    for row in matrix.rows:
        rows += _with_static(row, [version for each, version in pairs if each is row], static)
    ignored = [each for each in matrix.question.ignore if each not in matrix.unmatched_ignores]
    rows += [static.met(*pair, meeting, ignored) for pair, meeting in met.items()]
    return replace(matrix, rows=tuple(rows))


def _versions(row: Row, resolved: Iterable[Resolved]) -> list[Version]:
    """The provider versions that a row is, or might be, about."""
    if row.provider_version is not None:
        return [row.provider_version]
    return list(
        dict.fromkeys(
            each.version for each in resolved if each.version is not None and each.selector.application == row.provider
        )
    )


def _with_static(row: Row, versions: Iterable[Version], judging: _Judge) -> list[Row]:
    static = []
    whole = True
    for version in versions:
        found = judging.static(row, version)
        if found is None:
            whole = False
        else:
            static.append(Row(row.publication, None, version, row.ignored, found[0]))
            whole = whole and found[1]
    if row.result is None and static and whole:
        return static
    return [row, *static]


@dataclass
class _Judge:
    """Reads what the versions of a matrix need, and judges it by what its providers write; each schema once."""

    db: Db
    written: Written
    warnings_pass: bool
    _needs: dict[int, list[Kept]] = field(default_factory=dict)
    _contracts: dict[int, tuple[Contract, ...]] = field(default_factory=dict)
    _judges: dict[tuple[str, int], tuple[Judge | str, list[StillSealed]]] = field(default_factory=dict)
    _providers: dict[str, str] = field(default_factory=dict)
    _by_name: dict[int, dict[str, tuple[str, int, bool | None]]] = field(default_factory=dict)

    def read(self, consumers: set[int]) -> None:
        """Everything that some consumer versions need."""
        rows = needs.of_sources(self.db, consumers)
        for row in rows:
            self._needs.setdefault(row.version_pk, []).append(row)
        self._contracts = readers.contracts(self.db, rows)

    def static(self, row: Row, version: Version) -> tuple[Static, bool] | None:
        """What coverage says of a publication and a provider version, and whether that is all there is to say.

        None where it says nothing: the version states nothing that this consumer needs.
        """
        written = self._written(version)
        source = self._source(row.provider)
        needed = [
            kept for kept in self._needs.get(row.consumer.id, ()) if kept.subject in written and kept.source == source
        ]
        if not needed:
            return None
        mine = [kept for kept in self._needs[row.consumer.id] if kept.source == source]
        whole = all(kept.whole for kept in mine) and all(kept.subject in written for kept in mine)
        outcomes: set[Outcome] = set()
        reasons: dict[str, None] = {}
        for kept in needed:
            subject, number, verified = written[kept.subject]
            if verified is False:
                outcomes.add(Outcome.BREAKS)
                reasons[f"{row.provider} {version.number} says that its own check failed"] = None
            for each, sentence in self._judged(kept, subject, number):
                outcomes.add(each)
                if sentence:
                    reasons[f"{row.consumer.application} {row.consumer.number} {sentence}"] = None
        return self._told(outcomes, tuple(reasons)), whole

    def met(self, consumer: Version, provider: Version, meeting: Meeting, ignored: Sequence[Ignore]) -> Row:
        """What coverage says of two versions that share subjects, and no pact; what has no contract is not known."""
        written = self._written(provider)
        shared = [
            kept
            for kept in self._needs.get(consumer.id, ())
            if kept.subject in written and not kept.source.startswith(PACT)
        ]
        who = f"{consumer.application} {consumer.number}"
        outcomes = {Outcome.UNKNOWN} if meeting.silent else set[Outcome]()
        reasons = {f"{who} {each}": None for each in meeting.sentences}
        for kept in shared:
            subject, number, _ = written[kept.subject]
            for each, sentence in self._judged(kept, subject, number):
                outcomes.add(each)
                if sentence:
                    reasons[f"{who} {sentence}"] = None
        at = datetime.fromtimestamp(max([meeting.since, *(kept.confirmed_at for kept in shared)]) / 1000, UTC)
        publication = Publication(consumer, provider.application, NO_CONTENT, at)
        aside = any(
            each.application in (consumer.application, provider.application)
            and each.version in (None, consumer.number, provider.number)
            for each in ignored
        )
        return Row(publication, None, provider, aside, self._told(outcomes, tuple(reasons)))

    def _written(self, version: Version) -> dict[str, tuple[str, int, bool | None]]:
        """What a version writes, by each name of a subject: the subject, its version, what its own check said."""
        if version.id not in self._by_name:
            said = self.written.get(version.id, ())
            names = aliases.among(self.db, [subject for subject, _, _ in said])
            own = {subject: (subject, number, verified) for subject, number, verified in said}
            self._by_name[version.id] = {name: own[meant[0]] for name, meant in names.items()}
        return self._by_name[version.id]

    def _told(self, outcomes: set[Outcome], reasons: tuple[str, ...]) -> Static:
        if Outcome.BREAKS in outcomes or (Outcome.DEGRADES in outcomes and not self.warnings_pass):
            return Static(False, reasons)
        if Outcome.UNKNOWN in outcomes:
            return Static(None, reasons)
        return Static(True, reasons, warns=bool(reasons))

    def _judged(self, kept: Kept, subject: str, number: int) -> Iterable[tuple[Outcome, str]]:
        judging, still_sealed = self._judging(subject, number)
        place = f"{subject} version {number}"
        if isinstance(judging, str):
            yield Outcome.UNKNOWN, judging
            return
        contracts = self._contracts[kept.pk]
        for old in still_sealed:
            for bad in old.of(contracts):
                yield from ((is_bad, _sentence(is_bad, each, subject, old.told(each))) for each, is_bad in bad)
        for contract, covered in zip(contracts, judging(contracts), strict=True):
            yield Outcome.SAFE, ""
            if contract.partial:
                yield Outcome.UNKNOWN, f"has a contract on {subject} that was recorded in part"
            for reason in contract.reasons:
                yield Outcome.UNKNOWN, f"on {subject}: {reason}"
            for each in covered:
                found = outcome(each)
                if found is not Outcome.SAFE:
                    yield found, _sentence(found, each, place, each.reason)

    def _judging(self, subject: str, number: int) -> tuple[Judge | str, list[StillSealed]]:
        """What judges by a version, or why nothing does; and by older versions of the window that seal more."""
        key = subject, number
        if key not in self._judges:
            self._judges[key] = self._judge(Subject.parse(subject), number)
        return self._judges[key]

    def _judge(self, subject: Subject, number: int) -> tuple[Judge | str, list[StillSealed]]:
        version = schemas.version(self.db, subject, number, deleted=True)
        if version is None:
            return f"needs {subject} version {number}, which is not there any more", []
        try:
            written = Candidate.of(Resolver(self.db).parsed(version.content, subject.context), version.content)
        except RegistryError as error:
            return f"needs {subject} version {number}, which does not parse: {error}", []
        found, window = judge(written), effective(self._policies, str(subject)).readable_for
        old = [] if window is None else old_events.kept(self.db, subject, window)
        return found, old_events.still_sealed(self.db, found.sealed.places, old)

    @cached_property
    def _policies(self) -> Mapping[str, Protection]:
        return protection.policies(self.db)

    def _source(self, provider: str) -> str:
        if provider not in self._providers:
            found = applications.application(self.db, provider)
            self._providers[provider] = "" if found is None else source_of(found.pk)
        return self._providers[provider]


def _sentence(found: Outcome, covered: Covered, place: str, reason: str) -> str:
    return f"{found.value} on {covered.need.path or 'the event'} of {place}: {reason}"
