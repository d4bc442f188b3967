"""Use case: in which order to deploy a change to an environment. Plain functions over a transaction handle."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from contracts import readers
from contracts.blast_radius import BlastRadius
from contracts.errors import UnknownEnvironment, VersionNotFound
from contracts.impact import Outcome, outcome
from contracts.judging import Judge, judge
from contracts.needs import Contract
from contracts.protection import effective
from contracts.queries import aliases, applications, environments
from contracts.queries import needs as queries
from contracts.queries import protection as policies
from contracts.rollout import Application, Link, Plan, plan
from registry.names import Subject
from registry.objections import Candidate
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries.schemas import Version

NOTHING = "(none yet)"
NEW_SCHEMA = "with the new schema"
_GRAVEST = (Outcome.BREAKS, Outcome.DEGRADES, Outcome.UNKNOWN, Outcome.SAFE)


def order(
    db: Db,
    radius: BlastRadius,
    subject: Subject,
    candidate: Candidate,
    history: Sequence[Version],
    environment: str,
    targets: Mapping[str, str],
) -> tuple[Plan, list[Application]]:
    """The order in which a candidate's producers and its subject's consumers go to an environment.

    `targets` are the versions to deploy; a consumer that is not named goes to the newest version that published what it
    needs, a producer to one that writes the candidate. Raises UnknownEnvironment, VersionNotFound.
    """
    if environments.environment_named(db, environment) is None:
        raise UnknownEnvironment(environment)
    name = str(subject)
    writers = queries.producers(db, name) or [f"whoever writes {name}"]
    running: dict[str, dict[str, int]] = {}
    names = aliases.among(db, [name])
    for each in queries.present(db, names):
        if each.environment == environment and each.application not in writers:
            running.setdefault(each.application, {})[each.number] = each.version_pk
    goals = _goals(db, names, targets, set(writers))
    said = _said(db, names, {pk for versions in running.values() for pk in versions.values()} | set(goals.values()))
    here = _versions_here(db, environment, writers)
    known = [Application(each, here.get(each, NOTHING), targets.get(each, NEW_SCHEMA)) for each in writers]
    contracts: dict[tuple[str, str], list[list[Contract]]] = {}
    for reader in sorted({*running, *(application for application, _ in goals)}):
        old = ", ".join(sorted(running.get(reader, ()))) or NOTHING
        contracts[reader, old] = [said.get(pk, []) for pk in running.get(reader, {}).values()]
        new = next((number for application, number in goals if application == reader), None)
        if new is not None and new != old:
            contracts[reader, new] = [said.get(goals[reader, new], [])]
            known.append(Application(reader, old, new))
        else:
            known.append(Application(reader, old))
    written = {True: [judge(candidate)], False: [judge(each) for each in _old_schemas(db, radius, subject, history)]}
    producers = {each.name: each for each in known[: len(writers)]}

    def reads(link: Link, consumer: str, producer: str) -> Outcome:
        is_new = producer == producers[link.producer].new
        found = [
            _worst(each, listed) for each in written[is_new] for listed in contracts.get((link.consumer, consumer), [])
        ]
        return min(found, key=_GRAVEST.index, default=Outcome.SAFE)

    links = [Link(each.name, writer) for each in known[len(writers) :] for writer in writers]
    return plan(known, links, reads), known


def _goals(db: Db, names: Collection[str], targets: Mapping[str, str], writers: set[str]) -> dict[tuple[str, str], int]:
    """The versions that consumers go to: (application, number) → key."""
    found = {(name, number): pk for name, pk, number in queries.newest(db, names) if name not in targets}
    for name, number in targets.items():
        if name in writers:
            continue
        version = applications.version(db, name, number)
        if version is None:
            raise VersionNotFound(application=name, number=number)
        found[name, number] = version.pk
    return {key: pk for key, pk in found.items() if key[0] not in writers}


def _said(db: Db, names: Collection[str], version_pks: set[int]) -> dict[int, list[Contract]]:
    rows = queries.of_versions(db, names, version_pks) if version_pks else []
    contracts = readers.contracts(db, rows)
    found: dict[int, list[Contract]] = {}
    for row in rows:
        found.setdefault(row.version_pk, []).extend(contracts[row.pk])
    return found


def _versions_here(db: Db, environment: str, names: Sequence[str]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for each in queries.places_of(db, names):
        if each.environment == environment:
            found.setdefault(each.application, set()).add(each.number)
    return {name: ", ".join(sorted(numbers)) for name, numbers in found.items()}


def _old_schemas(db: Db, radius: BlastRadius, subject: Subject, history: Sequence[Version]) -> list[Candidate]:
    """What events in the topic may have been written with: the newest version, or all that the window holds."""
    window = effective(policies.policies(db), str(subject)).readable_for
    held = set() if window is None else {each.version for each in radius.held(db, subject, window)}
    resolver = Resolver(db)
    wanted = [each for place, each in enumerate(history) if place == 0 or each.version in held]
    return [Candidate.of(resolver.parsed(each.content, subject.context), each.content) for each in wanted]


def _worst(judge: Judge, contracts: Sequence[Contract]) -> Outcome:
    if not contracts or any(each.partial or each.reasons for each in contracts):
        floor = Outcome.UNKNOWN
    else:
        floor = Outcome.SAFE
    outcomes = [outcome(each) for covered in judge(contracts) for each in covered]
    return min([floor, *outcomes], key=_GRAVEST.index)
