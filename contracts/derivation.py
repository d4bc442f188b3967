"""From a published pact to needs that are kept: by subject, so that a question about a schema never parses a pact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache

from contracts import kept
from contracts.errors import ContractError
from contracts.needs import Contract, Evidence, combined
from contracts.pact import HttpInteraction, parse
from contracts.queries import needs, pacts
from contracts.reading.pacts import Reading, contracts
from registry import names
from registry.clock import now_ms
from registry.errors import InvalidSubject
from registry.store.engine import Db

UNMAPPED = ""
"""The subject under which contracts are kept that belong to none."""

PACT = "pact:"
Mapping = tuple[str, str, str]
"""(provider, glob of descriptions, subject)."""


@lru_cache(64)
def readings(text: str) -> tuple[tuple[Reading, ...], bool]:
    """The message contracts of a pact, and whether it holds nothing else; what is no readable pact has none."""
    try:
        pact = parse(text)
    except ContractError:
        return (), False
    whole = not pact.problems and not any(isinstance(each, HttpInteraction) for each in pact.interactions)
    return contracts(pact), whole


def by_subject(text: str, provider: str, mappings: Sequence[Mapping]) -> dict[str, Contract]:
    """One contract for each subject that the messages of a pact belong to; "" for those that belong to none."""
    found: dict[str, list[Contract]] = {}
    for reading in readings(text)[0]:
        contract = reading.contract
        told = reading.pointed.subject or _mapped(provider, contract.description, mappings)
        reason, subject = reading.pointed.reason, UNMAPPED
        if told is not None:
            try:
                subject = str(names.subject(told, reject_empty=True))
            except InvalidSubject:
                reason = f"'{told:.100}' is no name of a subject".replace("\0", "\\0")
        if subject == UNMAPPED:
            contract = replace(contract, reasons=tuple(dict.fromkeys((reason, *contract.reasons))))
        found.setdefault(subject, []).append(contract)
    return {subject: combined(listed) for subject, listed in found.items()}


def _mapped(provider: str, description: str, mappings: Sequence[Mapping]) -> str | None:
    for name, glob, subject in mappings:
        if name == provider and fnmatchcase(description, glob):
            return subject
    return None


def source_of(provider_pk: int) -> str:
    """The source of what the pact with a provider says."""
    return f"{PACT}{provider_pk}"


def keep_pact(db: Db, version_pk: int, consumer_pk: int, provider_pk: int, provider: str, text: str) -> None:
    """Keep what a version's pact with a provider needs, in place of what it needed before."""
    found = by_subject(text, provider, needs.mappings(db))
    source = source_of(provider_pk)
    needs.drop(db, version_pk, source, found)
    for subject, contract in found.items():
        _put(db, version_pk, consumer_pk, source, provider, subject, contract, whole=readings(text)[1])
    needs.forget_unread(db, consumer_pk)
    needs.moved(db)


def keep(db: Db, version_pk: int, application_pk: int, subject: str, contract: Contract) -> None:
    """Keep what a version says itself of what it needs, e.g. the reader's schema that it was generated from."""
    _put(db, version_pk, application_pk, contract.evidence.value, "", subject, contract, whole=True)
    needs.moved(db)


def _put(
    db: Db,
    version_pk: int,
    application_pk: int,
    source: str,
    provider: str,
    subject: str,
    contract: Contract,
    *,
    whole: bool,
) -> None:
    body = kept.written([contract])
    # A recording that says when it was made is that old, whenever it was published.
    confirmed = contract.confirmed if contract.evidence is Evidence.RECORDED and contract.confirmed else now_ms()
    needs.put(
        db, version_pk, application_pk, source, provider, subject, kept.digest(body), body, confirmed, whole=whole
    )


def remap(db: Db, provider: str) -> int:
    """Derive anew what belonged to no subject, after a mapping changed; how many versions it concerned."""
    count = 0
    for row, consumer, number in needs.unmapped(db, [provider]):
        pact = pacts.pact(db, consumer, number, provider)
        if pact is None:
            continue
        content = pacts.content_by_pk(db, pact.content_pk)
        keep_pact(db, row.version_pk, content.consumer_pk, content.provider_pk, provider, content.text)
        count += 1
    return count
