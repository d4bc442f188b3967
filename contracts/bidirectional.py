"""Contracts that are verified statically: what a provider version writes, judged by what consumers need of it.

Rows of a matrix that were verified by running the provider (CDCT) are joined by rows that coverage decides (BDCT). A
pact that holds messages only, on subjects whose versions the provider states, needs no run: then the static row takes
the place of the missing one. What fails statically fails, whatever a run said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from contracts import readers
from contracts.derivation import source_of
from contracts.impact import Outcome, outcome
from contracts.judging import Judge
from contracts.matrix import Matrix, Resolved, Row, Static, Version
from contracts.needs import Contract
from contracts.queries import applications, needs, produces
from contracts.queries.needs import Kept
from registry.errors import RegistryError
from registry.formats.base import Schema
from registry.names import Subject
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import schemas

Written = Mapping[int, list[tuple[str, int, "bool | None"]]]


def joined(db: Db, matrix: Matrix, *, warnings_pass: bool = False) -> Matrix:
    """The matrix with the rows that coverage decides. Costs one question where no provider says what it writes."""
    pairs = [(row, version) for row in matrix.rows for version in _versions(row, matrix.resolved)]
    written = produces.of_versions(db, {version.id for _, version in pairs}) if pairs else {}
    if not written:
        return matrix
    judge = _Judge(db, written, warnings_pass)
    judge.read({row.consumer.id for row, version in pairs if version.id in written})
    rows: list[Row] = []
    for row in matrix.rows:
        rows += _with_static(row, [version for each, version in pairs if each is row], judge)
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


def _with_static(row: Row, versions: Iterable[Version], judge: _Judge) -> list[Row]:
    static = []
    whole = True
    for version in versions:
        found = judge.static(row, version)
        if found is None:
            whole = False
        else:
            static.append(Row(row.publication, None, version, row.ignored, found[0]))
            whole = whole and found[1]
    if row.result is None and static and whole:
        return static
    return [row, *static]


@dataclass(slots=True)
class _Judge:
    """Reads what the versions of a matrix need, and judges it by what its providers write; each schema once."""

    db: Db
    written: Written
    warnings_pass: bool
    _needs: dict[int, list[Kept]] = field(default_factory=dict)
    _contracts: dict[int, tuple[Contract, ...]] = field(default_factory=dict)
    _schemas: dict[tuple[str, int], Schema | str] = field(default_factory=dict)
    _providers: dict[str, str] = field(default_factory=dict)

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
        written = {subject: (number, verified) for subject, number, verified in self.written.get(version.id, ())}
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
            number, verified = written[kept.subject]
            if verified is False:
                outcomes.add(Outcome.BREAKS)
                reasons[f"{row.provider} {version.number} says that its own check failed"] = None
            for each, sentence in self._judged(kept, number):
                outcomes.add(each)
                if sentence:
                    reasons[f"{row.consumer.application} {row.consumer.number} {sentence}"] = None
        return self._told(outcomes, tuple(reasons)), whole

    def _told(self, outcomes: set[Outcome], reasons: tuple[str, ...]) -> Static:
        if Outcome.BREAKS in outcomes or (Outcome.DEGRADES in outcomes and not self.warnings_pass):
            return Static(False, reasons)
        if Outcome.UNKNOWN in outcomes:
            return Static(None, reasons)
        return Static(True, reasons, warns=bool(reasons))

    def _judged(self, kept: Kept, number: int) -> Iterable[tuple[Outcome, str]]:
        schema = self._schema(kept.subject, number)
        place = f"{kept.subject} version {number}"
        if isinstance(schema, str):
            yield Outcome.UNKNOWN, schema
            return
        contracts = self._contracts[kept.pk]
        for contract, covered in zip(contracts, Judge(schema)(contracts), strict=True):
            yield Outcome.SAFE, ""
            if contract.partial:
                yield Outcome.UNKNOWN, f"has a contract on {kept.subject} that was recorded in part"
            for reason in contract.reasons:
                yield Outcome.UNKNOWN, f"on {kept.subject}: {reason}"
            for each in covered:
                found = outcome(each)
                if found is not Outcome.SAFE:
                    yield found, f"{found.value} on {each.need.path or 'the event'} of {place}: {each.reason}"

    def _schema(self, subject: str, number: int) -> Schema | str:
        key = subject, number
        if key not in self._schemas:
            named = Subject.parse(subject)
            version = schemas.version(self.db, named, number, deleted=True)
            try:
                self._schemas[key] = (
                    f"needs {subject} version {number}, which is not there any more"
                    if version is None
                    else Resolver(self.db).parsed(version.content, named.context)
                )
            except RegistryError as error:
                self._schemas[key] = f"needs {subject} version {number}, which does not parse: {error}"
        return self._schemas[key]

    def _source(self, provider: str) -> str:
        if provider not in self._providers:
            found = applications.application(self.db, provider)
            self._providers[provider] = "" if found is None else source_of(found.pk)
        return self._providers[provider]
