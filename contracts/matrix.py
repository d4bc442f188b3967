"""The matrix: which consumer versions' pacts which provider versions verified, and the question asked of it. Pure.

`ask` runs the question in stages; each stage that decides is a function over values, each stage that reads is a
method of `Source`, which answers with rows and decides nothing:

    resolve the selectors → find the integrations → infer selectors for the other side → join pacts with results
    → set ignored rows apart → collapse by latest-by → filter

Two answers of the reference broker are unsound and corrected unless `Soundness.REFERENCE` is asked for:

* several versions of a provider are deployed and one of them never verified the pact: the reference joins results
  with the deployed versions as a set, so that one hit hides the gap; here every deployed version owes a result;
* `latestby=cvp` with an environment keeps only the newest provider version and hides an older deployed one's failure;
  here it is read as cvpv.

Also unlike the reference, `limit` cuts what is shown and never what is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from contracts.questions import Destination, Ignore, LatestBy, Question, Selector


class Soundness(StrEnum):
    """Whether the reference's two unsound answers are given as it gives them."""

    SOUND = "sound"
    REFERENCE = "reference"


# facts


@dataclass(frozen=True, slots=True)
class Version:
    """An application version; `order` counts the versions of its application as they were created."""

    id: int
    application: str
    number: str
    order: int


NO_CONTENT = 0
"""The content of a publication that is no pact: what a version says that it reads."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The pact that a consumer version published with a provider, in its latest revision."""

    consumer: Version
    provider: str
    content: int
    published: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """A verification of a pact content by a provider version; `number` grows over all results."""

    content: int
    provider: Version
    success: bool
    number: int
    at: datetime


class Source(Protocol):
    """Reads facts. Every method takes the whole batch, so that the number of reads does not grow with the graph."""

    def known(self, applications: frozenset[str]) -> Iterable[str]:
        """Which of these applications exist."""
        ...

    def versions(self, selectors: Sequence[Selector]) -> Sequence[Sequence[Version]]:
        """The versions that each selector means today. Never asked for `any_version` selectors."""
        ...

    def providers(self, consumers: Mapping[str, frozenset[int] | None]) -> Iterable[tuple[str, str]]:
        """(consumer, provider) pairs of the pacts that these versions published; None: any version."""
        ...

    def consumers(self, providers: frozenset[str]) -> Iterable[tuple[str, str]]:
        """(consumer, provider) pairs of all pacts with these providers, whatever the version."""
        ...

    def publications(
        self, pairs: frozenset[tuple[str, str]], consumers: Mapping[str, frozenset[int] | None], days: int | None
    ) -> Iterable[Publication]:
        """The pacts of these (consumer, provider) pairs published by these versions; None: any version."""
        ...

    def results(
        self, contents: frozenset[int], providers: Mapping[str, frozenset[int] | None], *, latest: bool
    ) -> Iterable[Result]:
        """Verifications of these contents by these versions; `latest`: only the last by each version."""
        ...


# answers


class Origin(StrEnum):
    """Where a resolved selector comes from."""

    GIVEN = "given"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A selector with one version that it means. `version` None: any version, or none exists (`missing`)."""

    selector: Selector
    origin: Origin
    version: Version | None = None
    missing: bool = False
    one_of_many: bool = False
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Integration:
    """A consumer and a provider that have a pact. `required`: the given consumer version itself needs the provider."""

    consumer: str
    provider: str
    required: bool


@dataclass(frozen=True, slots=True)
class Static:
    """What coverage says of a publication and the schemas that a provider version writes, without running anything.

    `success` None: it cannot be told. `reasons` are sentences; with `warns` they are no reason against it.
    """

    success: bool | None
    reasons: tuple[str, ...] = ()
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A publication with one result of it, or with none.

    `owed_by` is the deployed provider version that has given no result, where the question demands one of it, or the
    version that `static` speaks of.
    """

    publication: Publication
    result: Result | None = None
    owed_by: Version | None = None
    ignored: bool = False
    static: Static | None = None

    @property
    def consumer(self) -> Version:
        return self.publication.consumer

    @property
    def provider(self) -> str:
        return self.publication.provider

    @property
    def provider_version(self) -> Version | None:
        return self.result.provider if self.result else self.owed_by

    @property
    def success(self) -> bool | None:
        if self.static is not None:
            return self.static.success
        return None if self.result is None else self.result.success


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everything the verdict is drawn from. `rows` hold all rows in order, `shown` those within the limit."""

    question: Question
    resolved: tuple[Resolved, ...]
    integrations: tuple[Integration, ...]
    rows: tuple[Row, ...]
    unmatched_ignores: tuple[Ignore, ...] = field(default=())

    @property
    def shown(self) -> tuple[Row, ...]:
        return self.rows[: self.question.limit]


def ask(question: Question, source: Source, soundness: Soundness = Soundness.SOUND) -> Matrix:
    """Answer a question from the facts of a source. Unknown applications simply have no versions."""
    effective = effective_question(question, soundness)
    ignores, unmatched = _resolved_ignores(effective.ignore, source)
    given = _resolve(effective.selectors, Origin.GIVEN, source)
    integrations = _integrations(given, source, bounded=not _infers(effective))
    inferred = _resolve(inferred_selectors(effective, integrations), Origin.INFERRED, source)
    resolved = tuple(_marked(one, ignores) for one in (*given, *inferred))
    wanted = versions_by_application(resolved)
    pairs = frozenset((one.consumer, one.provider) for one in integrations)
    publications = tuple(source.publications(pairs, wanted, effective.days))
    results = tuple(
        source.results(frozenset(one.content for one in publications), wanted, latest=effective.latest_by is not None)
    )
    owing = owing_versions(resolved) if soundness is Soundness.SOUND else {}
    rows = select(effective, join(publications, results, wanted, owing), ignores)
    return Matrix(effective, resolved, integrations, rows, unmatched)


def effective_question(question: Question, soundness: Soundness) -> Question:
    """The question as it is answered: with an environment, cvp hides failures and is read as cvpv."""
    environments = question.destination.environment or any(one.environment for one in question.selectors)
    if soundness is Soundness.SOUND and environments and question.latest_by is LatestBy.CVP:
        return replace(question, latest_by=LatestBy.CVPV)
    return question


def _infers(question: Question) -> bool:
    """Whether other applications than those given take part. A list without a destination bounds the question."""
    return len(question.selectors) == 1 or question.destination != Destination()


def _resolve(selectors: Sequence[Selector], origin: Origin, source: Source) -> tuple[Resolved, ...]:
    asked = [selector for selector in selectors if not selector.any_version]
    found = dict(zip(asked, source.versions(asked), strict=True)) if asked else {}
    resolved: list[Resolved] = []
    for selector in selectors:
        if selector.any_version:
            resolved.append(Resolved(selector, origin))
            continue
        versions = found[selector]
        if not versions:
            resolved.append(Resolved(selector, origin, missing=True))
        resolved.extend(Resolved(selector, origin, version, one_of_many=len(versions) > 1) for version in versions)
    return tuple(resolved)


def _resolved_ignores(ignores: Sequence[Ignore], source: Source) -> tuple[tuple[Ignore, ...], tuple[Ignore, ...]]:
    """The ignore selectors that can apply, and those that name an unknown application or version."""
    if not ignores:
        return (), ()
    versioned = [ignore for ignore in ignores if ignore.version is not None]
    found = source.versions([Selector(one.application, version=one.version) for one in versioned]) if versioned else ()
    known = set(source.known(frozenset(one.application for one in ignores if one.version is None)))
    there = {one for one, versions in zip(versioned, found, strict=True) if versions}
    unmatched = tuple(one for one in ignores if one not in there and one.application not in known)
    return tuple(one for one in ignores if one not in unmatched), unmatched


def _marked(resolved: Resolved, ignores: Sequence[Ignore]) -> Resolved:
    number = resolved.version.number if resolved.version else resolved.selector.version
    return replace(resolved, ignored=_matches(ignores, resolved.selector.application, number))


def _matches(ignores: Sequence[Ignore], application: str, number: str | None) -> bool:
    return any(one.application == application and one.version in (None, number) for one in ignores)


def _integrations(given: Sequence[Resolved], source: Source, *, bounded: bool) -> tuple[Integration, ...]:
    """As consumer from the pacts of the very versions given (required), as provider whatever the consumer's version."""
    consumers = versions_by_application(given)
    names = frozenset(consumers)
    required = set(source.providers(consumers))
    others = set(source.consumers(names))
    if bounded:
        required = {pair for pair in required if pair[1] in names}
        others = {pair for pair in others if pair[0] in names}
    found = [Integration(*pair, required=True) for pair in required]
    found += [Integration(*pair, required=False) for pair in others - required]
    return tuple(sorted(found, key=lambda one: (one.consumer, one.provider)))


def inferred_selectors(question: Question, integrations: Iterable[Integration]) -> tuple[Selector, ...]:
    """What the destination says about the applications that take part and were not given."""
    if not _infers(question):
        return ()
    given = {selector.application for selector in question.selectors}
    others = {name for one in integrations for name in (one.consumer, one.provider)} - given
    return tuple(question.destination.selector(name) for name in sorted(others))


def versions_by_application(resolved: Iterable[Resolved]) -> dict[str, frozenset[int] | None]:
    """The version ids wanted of each application; None where any version is. Missing ones leave an empty set."""
    found: dict[str, frozenset[int] | None] = {}
    for one in resolved:
        name = one.selector.application
        if one.version is None and not one.missing:
            found[name] = None
        elif name not in found:
            found[name] = frozenset({one.version.id} if one.version else ())
        elif (ids := found[name]) is not None and one.version is not None:
            found[name] = ids | {one.version.id}
    return found


def owing_versions(resolved: Iterable[Resolved]) -> dict[str, tuple[Version, ...]]:
    """The versions that each owe a result because they are where the question leads: those of environments."""
    found: dict[str, list[Version]] = {}
    for one in resolved:
        if one.selector.environment and one.version is not None:
            found.setdefault(one.selector.application, []).append(one.version)
    return {name: tuple(versions) for name, versions in found.items()}


def join(
    publications: Iterable[Publication],
    results: Iterable[Result],
    wanted: Mapping[str, frozenset[int] | None],
    owing: Mapping[str, Sequence[Version]],
) -> tuple[Row, ...]:
    """Publications with their results; one row without a result where there is none, or one per version that owes."""
    by_content: dict[tuple[int, str], list[Result]] = {}
    for result in results:
        by_content.setdefault((result.content, result.provider.application), []).append(result)
    rows: list[Row] = []
    for publication in publications:
        ids = wanted.get(publication.provider)
        matched = [
            result
            for result in by_content.get((publication.content, publication.provider), ())
            if ids is None or result.provider.id in ids
        ]
        rows.extend(Row(publication, result) for result in matched)
        heard = {result.provider.id for result in matched}
        silent = [version for version in owing.get(publication.provider, ()) if version.id not in heard]
        rows.extend(Row(publication, owed_by=version) for version in silent)
        if not matched and not silent:
            rows.append(Row(publication))
    return tuple(rows)


def select(question: Question, rows: Iterable[Row], ignores: Sequence[Ignore]) -> tuple[Row, ...]:
    """The rows of the answer, newest consumer versions first: marked, collapsed by latest-by, filtered by success."""
    ordered = sorted((_row_marked(row, ignores) for row in rows), key=_position)
    if question.latest_by is not None:
        newest: dict[tuple[object, ...], Row] = {}
        for row in ordered:
            newest.setdefault(_group(row, question.latest_by), row)
        ordered = list(newest.values())
    if question.success is not None:
        ordered = [row for row in ordered if row.success in question.success]
    return tuple(ordered)


def _row_marked(row: Row, ignores: Sequence[Ignore]) -> Row:
    provider = row.provider_version
    ignored = _matches(ignores, row.consumer.application, row.consumer.number) or _matches(
        ignores, row.provider, provider.number if provider else None
    )
    return replace(row, ignored=ignored) if ignored else row


def _position(row: Row) -> tuple[object, ...]:
    provider = row.provider_version
    return (
        row.consumer.application,
        -row.consumer.order,
        row.provider,
        -(provider.order if provider else 0),
        -(row.result.number if row.result else 0),
    )


def _group(row: Row, latest_by: LatestBy) -> tuple[object, ...]:
    # Ignored rows collapse among themselves: an ignored one must not hide one that counts.
    pair = (row.consumer.application, row.provider, row.ignored)
    if latest_by is LatestBy.CP:
        return pair
    if latest_by is LatestBy.CVP:
        return (*pair, row.consumer.id)
    provider = row.provider_version
    return (*pair, row.consumer.id, provider.id if provider else None)
