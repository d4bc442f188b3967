"""Which pacts a provider is to verify, and whether they may fail. SQL fetches what could be chosen, no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contracts import pending, selectors
from contracts.pending import Line, Provider, Success, ToVerify
from contracts.queries import applications, pacts, verifications
from contracts.queries.applications import Application, Marks
from contracts.queries.matrix import moment
from contracts.queries.pacts import Pact, Wanted
from contracts.selectors import Candidate, Request, Selector
from registry.store.engine import Db


def pacts_to_verify(db: Db, provider: str, request: Request) -> tuple[ToVerify, ...]:
    """The pacts that a provider is to verify. A provider that nobody knows has none."""
    known = applications.application(db, provider)
    if known is None:
        return ()
    rows = pacts.candidates(db, known.pk, wanted(request))
    candidates = _candidates(db, rows)
    chosen = selectors.choose(request, candidates)
    asking = _asking(db, known, request)
    successes = _successes(db, known, asking, {row.content_pk: row.sha for row in rows})
    return pending.to_verify(request, asking, candidates, chosen, successes)


def wanted(request: Request) -> Wanted:
    """Which versions a request's selectors could choose, so that only those are fetched."""
    asked = request.selectors or (*selectors.DEFAULT, Selector(latest=True))
    branches: set[str] = set()
    tags: set[str] = set()
    newest_tags: set[str] = set()
    for one in asked:
        branches |= {name for name in (one.branch, one.fallback_branch) if isinstance(name, str)}
        named = {name for name in (one.tag, one.fallback_tag) if isinstance(name, str)}
        (newest_tags if one.latest else tags).update(named)
        if one.matching_branch and request.provider_branch:
            branches.add(request.provider_branch)
    everywhere = any(one.environment and not (one.deployed or one.released) for one in asked)
    both = everywhere or any(one.deployed_or_released for one in asked)
    return Wanted(
        branches=True if any(one.branch is True for one in asked) else frozenset(branches),
        main_branches=any(one.main_branch for one in asked),
        newest_tags=True if any(one.tag is True and one.latest for one in asked) else frozenset(newest_tags),
        main_tags=not request.selectors,
        tags=True if any(one.tag is True and not one.latest for one in asked) else frozenset(tags),
        newest=any(one.latest and one.tag is None and one.branch is None for one in asked),
        deployed=both or any(one.deployed for one in asked),
        released=both or any(one.released for one in asked),
        heads_since=None if request.since is None else int(request.since.timestamp() * 1000),
    )


def _candidates(db: Db, rows: Sequence[Pact]) -> list[Candidate]:
    marks = applications.marks(db, [row.version_pk for row in rows])
    mains = applications.main_branches(db, {row.consumer for row in rows})
    return [_candidate(row, marks[row.version_pk], mains.get(row.consumer)) for row in rows]


def _candidate(row: Pact, marks: Marks, main_branch: str | None) -> Candidate:
    return Candidate(
        consumer=row.consumer,
        number=row.number,
        order=row.position,
        sha=row.sha,
        published=moment(row.created_at),
        main_branch=main_branch,
        heads=frozenset(name for name, head in marks.branches if head),
        branches=frozenset(name for name, _ in marks.branches),
        tags=frozenset(name for name, _ in marks.tags),
        newest_of=frozenset(name for name, newest in marks.tags if newest),
        deployed=frozenset(marks.deployed),
        released=frozenset(marks.released),
    )


def _asking(db: Db, provider: Application, request: Request) -> Provider:
    branch = None
    if request.provider_branch is not None:
        known = applications.branch(db, provider.pk, request.provider_branch)
        born = applications.branch_born(db, known.pk) if known else None
        branch = Line(request.provider_branch, None if born is None else moment(born))
    tags = []
    for name in request.provider_tags:
        born = applications.tag_born(db, provider.pk, name)
        tags.append(Line(name, None if born is None else moment(born)))
    return Provider(provider.name, branch, tuple(tags))


def _successes(
    db: Db, provider: Application, asking: Provider, contents: Mapping[int, str]
) -> dict[str, list[Success]]:
    """The successes that pending and WIP turn on: the first ones of each line, not the whole history."""
    pks = tuple(contents)
    found: dict[str, list[Success]] = {}

    def note(rows: Iterable[verifications.FirstSuccess], branches: str = "", tags: str = "") -> None:
        for row in rows:
            found.setdefault(contents[row.content_pk], []).append(
                Success(
                    contents[row.content_pk],
                    moment(row.at),
                    frozenset([branches] if branches else ()),
                    frozenset([tags] if tags else ()),
                )
            )

    if asking.branch is not None:
        name = asking.branch.name
        note(verifications.succeeded_on_branch(db, pks, provider.pk, name, other=False), branches=name)
        note(verifications.succeeded_on_branch(db, pks, provider.pk, name, other=True), branches=f"not {name}")
    elif asking.tags:
        for line in asking.tags:
            note(verifications.succeeded_with_tag(db, pks, line.name, other=False), tags=line.name)
            note(verifications.succeeded_with_tag(db, pks, line.name, other=True), tags=f"not {line.name}")
    else:
        note(verifications.succeeded(db, pks))
    return found
