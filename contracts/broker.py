"""Use cases of the broker: publish, hand out to verify, take results, ask whether it can be deployed.

Plain functions over a transaction handle. What is decided is decided in the pure modules; here it is read and written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts import catalog, documents, hooks, matrix, merging, pending, selectors, webhooks
from contracts import difference as differences
from contracts import publishing as publications
from contracts.errors import (
    Conflict,
    InvalidFields,
    InvalidPact,
    MergeConflict,
    PactConflict,
    PactConflicts,
    PactNotFound,
    UnknownApplications,
    UnknownEnvironment,
    VerificationNotFound,
)
from contracts.matrix import Matrix
from contracts.merging import OnConflict, Publishing
from contracts.notices import Level, Notice
from contracts.options import Options
from contracts.pending import Line, Provider, Success, ToVerify
from contracts.publishing import Contract, Outcome, Publication
from contracts.queries import applications, environments, pacts, verifications
from contracts.queries.applications import Application, Marks, Version
from contracts.queries.matrix import StoredFacts, moment
from contracts.queries.pacts import Content, Pact, Wanted, Where
from contracts.queries.verifications import Verification
from contracts.questions import Question
from contracts.sealing import Sealer
from contracts.selectors import Candidate, Request, Selector
from contracts.urls import Circumstances, Urls
from contracts.verdict import Verdict, verdict
from contracts.webhooks import ProviderVersion
from registry.clock import now_ms
from registry.events import Actor, record
from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class Desk:
    """What the use cases of a request share: who calls, what is set, where things are found."""

    actor: Actor
    options: Options
    sealer: Sealer
    urls: Urls


# Publishing.


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication came to."""

    version: Version
    created: bool
    outcomes: tuple[Outcome, ...]
    notices: tuple[Notice, ...]


def publish(db: Db, desk: Desk, publication: Publication) -> Published:
    """Publish contracts for a version: version, branch, tags, build URL, pacts, webhooks, in this order.

    All or nothing. Raises PactConflicts, SimilarName.
    """
    _refuse_conflicts(db, desk, publication)
    consumer, _ = catalog.ensured(db, publication.application, desk.options)
    version, created = catalog.ensured_version(db, consumer, publication.number)
    if publication.branch is not None:
        catalog.add_to_branch(db, consumer, version, publication.branch)
    for tag in publication.tags:
        catalog.add_tag(db, consumer, version, tag, desk.options)
    if publication.build_url is not None:
        applications.set_build_url(db, version.pk, publication.build_url, now_ms())
    outcomes: list[Outcome] = []
    fired: list[Notice] = []
    for contract in publication.contracts:
        outcome, told = _store(db, desk, consumer, version, contract)
        outcomes.append(outcome)
        fired.extend(told)
    record(
        db,
        desk.actor,
        "contracts_published",
        f"application:{consumer.name}",
        version=version.number,
        providers=[outcome.provider for outcome in outcomes],
    )
    return Published(
        version,
        created,
        tuple(outcomes),
        (*publications.notices(publication, outcomes, created=created), *fired),
    )


def _refuse_conflicts(db: Db, desk: Desk, publication: Publication) -> None:
    conflicts: list[Conflict] = []
    for contract in publication.contracts:
        known = pacts.pact(db, contract.consumer, publication.number, contract.provider)
        if known is None:
            continue
        how = merging.publishing(known.sha, contract.document.sha, contract.on_conflict, allowed=desk.options.changes)
        if how is Publishing.CONFLICT:
            told = differences.text(_document(db, known), contract.document)
            conflicts.append(PactConflict(contract.consumer, publication.number, contract.provider, told))
        elif how is Publishing.MERGED:
            try:
                merging.merge(_document(db, known), contract.document)
            except MergeConflict as conflict:
                conflicts.append(conflict)
    if conflicts:
        raise PactConflicts(conflicts)


def _document(db: Db, known: Pact) -> documents.Document:
    return documents.read(pacts.content_by_pk(db, known.content_pk).text)


def _store(
    db: Db, desk: Desk, consumer: Application, version: Version, contract: Contract
) -> tuple[Outcome, list[Notice]]:
    """Keep one contract, and fire what it fires."""
    provider, _ = catalog.ensured(db, contract.provider, desk.options)
    document = contract.document
    known = pacts.pact(db, consumer.name, version.number, provider.name)
    how = merging.publishing(
        known.sha if known else None, document.sha, contract.on_conflict, allowed=desk.options.changes
    )
    if how is Publishing.MERGED and known is not None:
        document = merging.merge(_document(db, known), document)
        if document.sha == known.sha:
            how = Publishing.UNCHANGED
    now = now_ms()
    first = pacts.put_integration(db, consumer.pk, provider.pk, now)
    content_pk, fresh = pacts.put_content(db, consumer.pk, provider.pk, document.sha, document.text, now)
    changed = fresh or _differs_from_before(db, consumer, provider, version, document.sha)
    if how is not Publishing.UNCHANGED:
        pacts.put_pact(db, version.pk, consumer.pk, provider.pk, content_pk, version.position, now)
    outcome = Outcome(consumer.name, provider.name, how, changed, first)
    return outcome, _fire_publication(db, desk, consumer, provider, version, content_pk, document.sha, changed=changed)


def _differs_from_before(db: Db, consumer: Application, provider: Application, version: Version, sha: str) -> bool:
    """Whether the pact before (of the version's branch, if it is on one) had another content."""
    branches = applications.marks(db, [version.pk])[version.pk].branches
    where = Where(
        consumer=consumer.name,
        provider=provider.name,
        branch=branches[-1][0] if branches else None,
        newest=True,
        before=version.position,
        limit=1,
    )
    before = next(iter(pacts.pacts(db, where)), None)
    return before is not None and before.sha != sha


def _fire_publication(
    db: Db,
    desk: Desk,
    consumer: Application,
    provider: Application,
    version: Version,
    content_pk: int,
    sha: str,
    *,
    changed: bool,
) -> list[Notice]:
    about = hooks.About(
        consumer,
        provider,
        {
            **_consumer_values(db, version),
            **webhooks.statuses(None),
            "pactUrl": desk.urls.content(provider.name, consumer.name, sha, _circumstances([version.number])),
            "buildUrl": version.build_url or "",
        },
        version_pk=version.pk,
    )
    fired = hooks.fire(db, desk.sealer, webhooks.publication_events(changed=changed), about)
    for number, reasons in webhooks.versions_requiring(_provider_versions(db, provider, content_pk)):
        target = applications.version(db, provider.name, number)
        assert target is not None
        values = {**about.values, **_provider_values(db, target), "providerVersionDescriptions": ", ".join(reasons)}
        fired += hooks.fire(
            db,
            desk.sealer,
            [webhooks.Event.REQUIRING_VERIFICATION],
            hooks.About(consumer, provider, values, version_pk=version.pk),
        )
    return [
        Notice(Level.DEBUG, f'  Webhook "{description}" triggered for event {event}') for event, description in fired
    ]


def _circumstances(numbers: Sequence[str], *, wip: bool = False) -> str:
    return Circumstances(wip, numbers).encoded()


def _consumer_values(db: Db, version: Version) -> dict[str, str]:
    marks = applications.marks(db, [version.pk])[version.pk]
    return {
        "consumerVersionNumber": version.number,
        "consumerVersionTags": ", ".join(name for name, _ in marks.tags),
        "consumerVersionBranch": marks.branches[-1][0] if marks.branches else "",
    }


def _provider_values(db: Db, version: Version) -> dict[str, str]:
    marks = applications.marks(db, [version.pk])[version.pk]
    return {
        "providerVersionNumber": version.number,
        "providerVersionTags": ", ".join(name for name, _ in marks.tags),
        "providerVersionBranch": marks.branches[-1][0] if marks.branches else "",
        "currentlyDeployedProviderVersionNumber": version.number if marks.deployed else "",
    }


def _provider_versions(db: Db, provider: Application, content_pk: int) -> list[ProviderVersion]:
    """The provider versions that count today, and whether each has a result for a content."""
    counted: list[tuple[int, str]] = []
    if provider.main_branch is not None:
        main = applications.branch(db, provider.pk, provider.main_branch)
        if main is not None and main.head_pk is not None:
            counted.append((main.head_pk, f"latest version from branch {main.name}"))
    for place in environments.environments(db):
        for table, word in ((environments.DEPLOYED, "deployed"), (environments.RELEASED, "released")):
            for there in environments.current(db, table, place.pk, application=provider.name):
                counted.append((there.version_pk, f"currently {word} to {place.name}"))
    verified = verifications.has_result(db, content_pk, [pk for pk, _ in counted])
    numbers = applications.versions_by_pk(db, [pk for pk, _ in counted])
    return [ProviderVersion(numbers[pk].number, why, pk in verified) for pk, why in counted]


def put_pact(
    db: Db, desk: Desk, provider: str, consumer: str, number: str, text: bytes, *, merge: bool = False
) -> tuple[Pact, bool]:
    """Publish one pact by its address (PUT), or merge it into the one that is there (PATCH); whether it is new.

    Raises InvalidPact, PactConflicts, SimilarName.
    """
    document = documents.read(text)
    for side, inside, outside in (("consumer", document.consumer, consumer), ("provider", document.provider, provider)):
        if inside and inside != outside:
            raise InvalidPact(
                f"the {side} name in the pact ('{inside}') does not match the one in the path ('{outside}')"
            )
    known = pacts.pact(db, consumer, number, provider)
    options = desk.options
    if merge and known is not None:
        document = merging.merge(_document(db, known), document)
        # What merges contradicts nothing: it may be stored whatever the setting says.
        desk = Desk(desk.actor, _permitting(options), desk.sealer, desk.urls)
    contract = Contract(consumer, provider, document, OnConflict.OVERWRITE if merge else None)
    publish(db, desk, Publication(consumer, number, (contract,)))
    return pact(db, provider, consumer, number), known is None


def _permitting(options: Options) -> Options:
    return Options(
        soundness=options.soundness,
        changes=True,
        similar_names=options.similar_names,
        tags_as_branches=options.tags_as_branches,
        tags_deploy=options.tags_deploy,
        webhooks=options.webhooks,
    )


# Reading pacts.


def pact(db: Db, provider: str, consumer: str, number: str) -> Pact:
    """The pact of a consumer version. Raises PactNotFound."""
    found = pacts.pact(db, consumer, number, provider)
    if found is None:
        raise PactNotFound(consumer, provider, f"for version {number}")
    return found


def newest_pact(db: Db, where: Where) -> Pact:
    """The newest pact of a pair that fits. Raises PactNotFound."""
    found = next(iter(pacts.pacts(db, where)), None)
    if found is None:
        raise PactNotFound(where.consumer or "", where.provider or "")
    return found


def content(db: Db, provider: str, consumer: str, sha: str) -> Content:
    """A content by its sha. Raises PactNotFound."""
    found = pacts.content(db, consumer, provider, sha)
    if found is None:
        raise PactNotFound(consumer, provider, f"with the content {sha}")
    return found


def of_content(db: Db, found: Content) -> Pact:
    """The newest pact with a content. Raises PactNotFound."""
    one = pacts.newest_with_content(db, found.pk)
    if one is None:
        raise PactNotFound(found.consumer, found.provider, f"with the content {found.sha}")
    return one


def previous_distinct(db: Db, one: Pact) -> Pact | None:
    """The newest earlier pact of the pair with another content."""
    return pacts.previous_distinct(db, one)


def difference(db: Db, old: Content, new: Content) -> str:
    """What changed between two contents, as text."""
    return differences.text(documents.read(old.text), documents.read(new.text))


def delete_pacts(db: Db, desk: Desk, where: Where) -> int:
    """Remove the publications that fit; how many. Raises PactNotFound when there are none."""
    count = 0
    while found := pacts.pacts(db, where):
        pacts.delete_pacts(db, [one.pk for one in found])
        count += len(found)
    if not count:
        raise PactNotFound(where.consumer or "", where.provider or "")
    record(db, desk.actor, "pacts_deleted", f"application:{where.consumer}", provider=where.provider, count=count)
    return count


def delete_pact(db: Db, desk: Desk, provider: str, consumer: str, number: str) -> None:
    """Remove the pact of a version. Raises PactNotFound."""
    pacts.delete_pacts(db, [pact(db, provider, consumer, number).pk])
    record(db, desk.actor, "pacts_deleted", f"application:{consumer}", provider=provider, version=number)


def listed(db: Db, where: Where) -> list[Pact]:
    """The pacts that fit."""
    return pacts.pacts(db, where)


def delete_integration(db: Db, desk: Desk, provider: str, consumer: str) -> None:
    """Remove everything between two applications. Raises ApplicationNotFound, PactNotFound."""
    pair = catalog.application(db, consumer).pk, catalog.application(db, provider).pk
    if not pacts.delete_integration(db, *pair):
        raise PactNotFound(consumer, provider)
    record(db, desk.actor, "integration_deleted", f"application:{consumer}", provider=provider)


def connected(name: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The pairs of the connected component that an application is in."""
    reached = {name}
    while True:
        more = {end for pair in pairs if reached & set(pair) for end in pair} - reached
        if not more:
            return [pair for pair in pairs if pair[0] in reached]
        reached |= more


def provider_states(db: Db, found: Iterable[Pact]) -> list[tuple[str, tuple[str, ...]]]:
    """(consumer, names of provider states) of pacts."""
    states: dict[str, dict[str, None]] = {}
    for one in found:
        body = documents.read(pacts.content_by_pk(db, one.content_pk).text).body
        for list_name in documents.VERIFIABLE:
            for entry in body.get(list_name) or ():
                if isinstance(entry, Mapping):
                    states.setdefault(one.consumer, {}).update(dict.fromkeys(_states_of(entry)))
    return [(consumer, tuple(names)) for consumer, names in sorted(states.items())]


def _states_of(entry: Mapping[str, Any]) -> list[str]:
    listed = entry.get("providerStates", entry.get("providerState", entry.get("provider_state"))) or []
    if isinstance(listed, str):
        return [listed]
    return [str(state.get("name")) for state in listed if isinstance(state, Mapping) and state.get("name")]


# Pacts to verify.


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


# Results.


def put_result(
    db: Db, desk: Desk, found: Content, body: Mapping[str, Any], circumstances: Circumstances
) -> Verification:
    """Take a verification result. Raises InvalidFields."""
    faults: dict[str, list[str]] = {}
    success, number = body.get("success"), body.get("providerApplicationVersion")
    if not isinstance(success, bool):
        faults["success"] = ["must be a boolean"]
    if not isinstance(number, str) or not number.strip():
        faults["providerApplicationVersion"] = ["can't be blank"]
    elif any(letter in number for letter in "\r\n"):
        faults["providerApplicationVersion"] = ["must stand on one line"]
    build_url = body.get("buildUrl")
    if build_url is not None and not isinstance(build_url, str):
        faults["buildUrl"] = ["must be a string"]
    if faults or not isinstance(success, bool) or not isinstance(number, str):
        raise InvalidFields(faults)
    provider = applications.application_by_pk(db, found.provider_pk)
    version, _ = catalog.ensured_version(db, provider, number)
    consumer_version = next(
        (
            known
            for known_number in reversed(circumstances.numbers)
            if (known := applications.version(db, found.consumer, known_number))
        ),
        None,
    )
    details = {
        key: body[key] for key in ("testResults", "verifiedBy", "verificationContext") if body.get(key) is not None
    }
    serial = verifications.add(
        db,
        found.pk,
        version.pk,
        consumer_version_pk=consumer_version.pk if consumer_version else None,
        success=success,
        wip=circumstances.wip,
        build_url=build_url or None,
        details=json.dumps(details, ensure_ascii=False),
        now=now_ms(),
    )
    stored = result(db, found, serial)
    record(
        db,
        desk.actor,
        "verification_published",
        f"application:{provider.name}",
        version=number,
        consumer=found.consumer,
        number=serial,
        success=success,
    )
    _fire_result(db, desk, found, provider, version, stored)
    return stored


def _fire_result(
    db: Db, desk: Desk, found: Content, provider: Application, version: Version, stored: Verification
) -> None:
    published = of_content(db, found)
    consumer_version = applications.versions_by_pk(db, [published.version_pk])[published.version_pk]
    about = hooks.About(
        applications.application_by_pk(db, found.consumer_pk),
        provider,
        {
            **_consumer_values(db, consumer_version),
            **_provider_values(db, version),
            **webhooks.statuses(stored.success),
            "pactUrl": desk.urls.content(found.provider, found.consumer, found.sha),
            "verificationResultUrl": desk.urls.results(found.provider, found.consumer, found.sha, str(stored.number)),
            "buildUrl": stored.build_url or "",
        },
        version_pk=consumer_version.pk,
        verification_pk=stored.pk,
    )
    hooks.fire(db, desk.sealer, webhooks.verification_events(success=stored.success), about)


def result(db: Db, found: Content, number: int) -> Verification:
    """A result of a content. Raises VerificationNotFound."""
    stored = verifications.verification(db, found.pk, number)
    if stored is None:
        raise VerificationNotFound(number=number)
    return stored


def newest_result(db: Db, found: Content) -> Verification:
    """The last result of a content. Raises VerificationNotFound."""
    stored = verifications.newest(db, found.pk)
    if stored is None:
        raise VerificationNotFound(number="latest")
    return stored


def delete_result(db: Db, desk: Desk, found: Content, number: int) -> None:
    """Remove a result; the one before counts again. Raises VerificationNotFound."""
    verifications.delete(db, result(db, found, number))
    record(db, desk.actor, "verification_deleted", f"application:{found.provider}", number=number)


# The matrix.


def ask(db: Db, question: Question, options: Options) -> tuple[Matrix, Verdict]:
    """The matrix of a question, and whether it can be deployed. Raises UnknownApplications, UnknownEnvironment."""
    names = [selector.application for selector in question.selectors]
    known = applications.known(db, names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownApplications(unknown)
    places = {question.destination.environment, *(selector.environment for selector in question.selectors)}
    for place in sorted(name for name in places if name):
        if environments.environment_named(db, place) is None:
            raise UnknownEnvironment(place)
    found = matrix.ask(question, StoredFacts(db, now_ms), options.soundness)
    return found, verdict(found)


def shas_of(db: Db, content_pks: Iterable[int]) -> dict[int, str]:
    """The shas of contents by key."""
    return pacts.shas(db, content_pks)
