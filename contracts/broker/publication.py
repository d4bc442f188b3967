"""Publishing contracts: the whole publication of a version, or one pact by its address."""

from __future__ import annotations

from dataclasses import dataclass, replace

from contracts import catalog, derivation, documents, merging
from contracts import difference as differences
from contracts import publishing as publications
from contracts.broker import firing, stored
from contracts.broker.desk import Desk
from contracts.errors import Conflict, InvalidPact, MergeConflict, PactConflict, PactConflicts
from contracts.merging import OnConflict, Publishing
from contracts.notices import Notice
from contracts.publishing import Contract, Outcome, Publication
from contracts.queries import applications, pacts
from contracts.queries.applications import Application, Version
from contracts.queries.pacts import Pact, Where
from registry.clock import now_ms
from registry.events import record
from registry.store.engine import Db


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
        catalog.add_tag(db, desk.actor, consumer, version, tag, desk.options)
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
    derivation.keep_pact(db, version.pk, consumer.pk, provider.pk, provider.name, document.text)
    outcome = Outcome(consumer.name, provider.name, how, changed, first)
    return outcome, firing.publication(db, desk, consumer, provider, version, content_pk, document.sha, changed=changed)


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
    if merge and known is not None:
        document = merging.merge(_document(db, known), document)
        # What merges contradicts nothing: it may be stored whatever the setting says.
        desk = replace(desk, options=replace(desk.options, changes=True))
    contract = Contract(consumer, provider, document, OnConflict.OVERWRITE if merge else None)
    publish(db, desk, Publication(consumer, number, (contract,)))
    return stored.pact(db, provider, consumer, number), known is None
