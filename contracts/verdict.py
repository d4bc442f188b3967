"""Can it be deployed? Yes, no, or not known, with reasons, drawn from a matrix. Pure.

The first that applies decides:

    a version that was asked about does not exist                       no
    a row without a result, or a needed integration without a row      not known (one unknown outranks one failure)
    a failed row                                                        no
    otherwise, nothing to check included                                yes

Ignored rows and selectors count nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from contracts.matrix import Integration, Matrix, Origin, Resolved, Row
from contracts.notices import Level, Notice
from contracts.questions import Ignore, Selector


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the verdict is what it is, or a warning about the question."""

    level: ClassVar[Level] = Level.ERROR

    @property
    def sentence(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class VersionMissing(Reason):
    """A version asked about does not exist."""

    selector: Selector

    @property
    def sentence(self) -> str:
        return f"No {_noun(self.selector)} exists."


@dataclass(frozen=True, slots=True)
class Failed(Reason):
    """A pact was verified, and the verification failed."""

    consumer: str
    provider: str

    @property
    def sentence(self) -> str:
        return f"The verification for the pact between {self.consumer} and {self.provider} failed."


@dataclass(frozen=True, slots=True)
class NeverVerified(Reason):
    """No result is known for a pact."""

    consumer: str
    provider: str

    @property
    def sentence(self) -> str:
        return f"There is no verified pact between {self.consumer} and {self.provider}."


@dataclass(frozen=True, slots=True)
class AllVerified(Reason):
    """Everything that is needed has a successful result."""

    level: ClassVar[Level] = Level.SUCCESS

    @property
    def sentence(self) -> str:
        return "All required verification results are published and successful."


@dataclass(frozen=True, slots=True)
class NothingToCheck(Reason):
    """No integration needs a result."""

    level: ClassVar[Level] = Level.SUCCESS

    @property
    def sentence(self) -> str:
        return "There are no missing dependencies."


@dataclass(frozen=True, slots=True)
class IgnoreUnmatched(Reason):
    """An ignore selector that matches nothing."""

    level: ClassVar[Level] = Level.WARNING
    ignore: Ignore

    @property
    def sentence(self) -> str:
        if self.ignore.version is None:
            return f"Cannot ignore {self.ignore.application}: it does not exist."
        return f"Cannot ignore version {self.ignore.version} of {self.ignore.application}: it does not exist."


@dataclass(frozen=True, slots=True)
class NoDestination(Reason):
    """One version was asked about, and not where to."""

    level: ClassVar[Level] = Level.WARNING

    @property
    def sentence(self) -> str:
        return (
            "No environment, tag or branch was specified, so the latest or all versions of the other applications "
            "were considered. Specify the environment that you want to deploy to."
        )


@dataclass(frozen=True, slots=True)
class NoVersionNumber(Reason):
    """One application was asked about, and not which version: the answer may change under one's feet."""

    level: ClassVar[Level] = Level.WARNING

    @property
    def sentence(self) -> str:
        return "The version number was not specified, so the answer may be about another version than you deploy."


@dataclass(frozen=True, slots=True)
class FromCoverage(Reason):
    """What coverage has to say about a contract and the schemas that its provider states."""

    level: ClassVar[Level] = Level.WARNING
    told: str

    @property
    def sentence(self) -> str:
        return f"{self.told}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """`deployable` None: not known. `ignored` None: nothing was asked to be ignored."""

    deployable: bool | None
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    success: int
    failed: int
    unknown: int
    ignored: int | None = None

    @property
    def notices(self) -> tuple[Notice, ...]:
        return tuple(Notice(reason.level, reason.sentence) for reason in (*self.warnings, *self.reasons))

    @property
    def reason(self) -> str:
        """All reasons in one text."""
        return "\n".join(notice.text for notice in self.notices)


def verdict(matrix: Matrix) -> Verdict:
    """The verdict on a matrix, from all its rows, shown or not."""
    considered = [row for row in matrix.rows if not row.ignored]
    missing = [one.selector for one in matrix.resolved if _asked_in_vain(one)]
    bare = _needed_without_row(matrix)
    failed = [row for row in considered if row.success is False]
    silent = [row for row in considered if row.success is None]
    return Verdict(
        deployable=decide(missing=bool(missing), unknown=bool(silent or bare), failed=bool(failed)),
        reasons=tuple(_reasons(matrix, missing, bare, failed, silent, considered)),
        warnings=tuple(_warnings(matrix)),
        success=sum(row.success is True for row in considered),
        failed=len(failed),
        unknown=len(silent) + len(bare),
        ignored=len(matrix.rows) - len(considered) if matrix.question.ignore else None,
    )


def decide(*, missing: bool, unknown: bool, failed: bool) -> bool | None:
    """The order of precedence: what does not exist, what is not known, what failed."""
    if missing:
        return False
    if unknown:
        return None
    return not failed


def _asked_in_vain(resolved: Resolved) -> bool:
    return resolved.origin is Origin.GIVEN and resolved.missing and not resolved.ignored


def _needed_without_row(matrix: Matrix) -> list[Integration]:
    """Needed integrations that no row speaks of, those with an ignored side aside."""
    spoken = {(row.consumer.application, row.provider) for row in matrix.rows}
    ignored = {one.application for one in matrix.question.ignore if one.version is None}
    return [
        one
        for one in matrix.integrations
        if one.required and (one.consumer, one.provider) not in spoken and not {one.consumer, one.provider} & ignored
    ]


def _reasons(
    matrix: Matrix,
    missing: Sequence[Selector],
    bare: Iterable[Integration],
    failed: Iterable[Row],
    silent: Iterable[Row],
    considered: Sequence[Row],
) -> Iterable[Reason]:
    if missing:
        return dict.fromkeys(VersionMissing(selector) for selector in missing)
    names = _Names(matrix.resolved)
    reasons: dict[Reason, None] = {}
    for one in bare:
        reasons[NeverVerified(names.application(one.consumer), names.application(one.provider))] = None
    for row in failed:
        reasons[Failed(names.consumer(row), names.provider(row))] = None
    for row in silent:
        reasons[NeverVerified(names.consumer(row), names.provider(row))] = None
    return reasons or [AllVerified() if considered else NothingToCheck()]


def _warnings(matrix: Matrix) -> Iterator[Reason]:
    for ignore in matrix.unmatched_ignores:
        yield IgnoreUnmatched(ignore)
    yield from dict.fromkeys(_of_coverage(matrix))
    if len(matrix.question.selectors) == 1:
        if not matrix.question.destination.named:
            yield NoDestination()
        if matrix.question.selectors[0].version is None:
            yield NoVersionNumber()


def _of_coverage(matrix: Matrix) -> Iterator[Reason]:
    for row in matrix.rows:
        if row.static is not None and not row.ignored:
            for sentence in row.static.reasons:
                yield FromCoverage(sentence)


class _Names:
    """How the sides of a row are called, after the selectors that they come from."""

    def __init__(self, resolved: Iterable[Resolved]) -> None:
        self._by_application: dict[str, list[Resolved]] = {}
        for one in resolved:
            self._by_application.setdefault(one.selector.application, []).append(one)

    def consumer(self, row: Row) -> str:
        return self._version(row.consumer.application, row.consumer.number)

    def provider(self, row: Row) -> str:
        version = row.provider_version
        return self._version(row.provider, version.number) if version else self.application(row.provider)

    def application(self, name: str) -> str:
        """An application of which no single version is meant."""
        found = self._by_application.get(name, [])
        if not found:
            return f"any version of {name}"
        first = found[0]
        numbers = [one.version.number for one in found if one.version]
        if first.missing:
            return _absent(first.selector)
        if len(numbers) > 1 and first.selector.version is None:
            return f"one of the versions of {name} {_place(first.selector)} ({', '.join(numbers)})".replace("  ", " ")
        return self._version(name, numbers[0]) if numbers else f"any version of {name}"

    def _version(self, name: str, number: str) -> str:
        for one in self._by_application.get(name, ()):
            if one.version is not None and one.version.number == number:
                return _found(one, number)
        return f"version {number} of {name}"


def _found(resolved: Resolved, number: str) -> str:
    selector = resolved.selector
    if selector.version is not None:
        return f"version {number} of {selector.application}"
    article = "one of the versions" if resolved.one_of_many else "the version"
    if selector.latest or selector.branch or selector.main_branch:
        article = "the latest version"
    return f"{article} of {selector.application} {_place(selector)} ({number})".replace("  ", " ")


def _absent(selector: Selector) -> str:
    if selector.environment:
        return f"a version of {selector.application} {_place(selector)} (none is recorded there)"
    return f"{_noun(selector)} (none exists)"


def _noun(selector: Selector) -> str:
    if selector.version is not None:
        return f"version {selector.version} of {selector.application}"
    latest = "latest version" if selector.latest or selector.branch or selector.main_branch else "version"
    return f"{latest} of {selector.application} {_place(selector)}".rstrip()


def _place(selector: Selector) -> str:
    if selector.environment:
        return f"currently in {selector.environment}"
    if selector.tag:
        return f"with tag {selector.tag}"
    if selector.branch:
        return f"from branch {selector.branch}"
    return "from its main branch" if selector.main_branch else ""
