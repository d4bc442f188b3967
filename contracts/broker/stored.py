"""Pacts that are stored: reading, comparing and deleting them, and what is between two applications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contracts import catalog, documents
from contracts import difference as differences
from contracts.broker.desk import Desk
from contracts.errors import PactNotFound
from contracts.queries import pacts
from contracts.queries.pacts import Content, Pact, Where
from registry.events import record
from registry.store.engine import Db


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


def delete_integrations(db: Db, desk: Desk) -> None:
    """Remove everything between all applications."""
    pairs = [(consumer, provider) for consumer, provider, _, _ in pacts.integrations(db)]
    for consumer, provider in pairs:
        pacts.delete_integration(db, catalog.application(db, consumer).pk, catalog.application(db, provider).pk)
    record(db, desk.actor, "integrations_deleted", "application:*", count=len(pairs))


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
