"""Use cases of upcasters: plans along the edges of a subject's version graph, composed into one where they are served.

An edge is stored with what was proven of it. What is served is checked again: the plan's hash, and that both schemas
are still those of the proof; an edge that was tampered with is refused, not skipped.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from registry import examine
from registry.clock import now_ms
from registry.errors import (
    InvalidUpcast,
    SchemaNotFound,
    SubjectNotFound,
    UpcastNotFound,
    UpcastRefuted,
    VersionNotFound,
)
from registry.events import Actor, record
from registry.evolution.upcasts import schema_key
from registry.formats.base import Schema
from registry.names import LATEST, Subject
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import schemas, subjects, upcasts
from registry.store.queries.schemas import Version
from registry.store.queries.upcasts import Stored
from tenor.errors import TenorError
from tenor.plans import Plan, from_data, plan_hash, to_data
from tenor.plans.fusion import fuse

MOST_HOPS = 100


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two live versions."""

    old: int
    new: int
    plan_hash: str
    proven: bool
    attestation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """A subject's versions with the edges between them. `gaps` are neighbours that no chain of plans joins."""

    versions: tuple[int, ...]
    edges: tuple[Edge, ...]
    gaps: tuple[tuple[int, int], ...]
    unproven: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A chain of edges as one plan."""

    old: int
    new: int
    plan: Any
    plan_hash: str
    proven: bool
    hops: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """The two schemas of an edge, as a worker takes them. `new` is None for a schema that is not registered yet."""

    subject: Subject
    old: int
    new: int | None
    old_data: dict[str, Any]
    new_data: dict[str, Any]


def ends(db: Db, subject: Subject, old: int, new: int) -> Ends:
    """The schemas of two live versions. Raises VersionNotFound, InvalidUpcast for an edge that leads nowhere."""
    before, after = _version(db, subject, old), _version(db, subject, new)
    if before.version >= after.version:
        raise InvalidUpcast(
            f"an upcaster leads from an older version to a newer one, not from {before.version} to {after.version}"
        )
    return Ends(subject, before.version, after.version, _data(db, before), _data(db, after))


def to_candidate(db: Db, subject: Subject, old: int, candidate: Mapping[str, Any]) -> Ends:
    """The schemas of an edge to a schema that is to be registered next."""
    before = _version(db, subject, old)
    return Ends(subject, before.version, None, _data(db, before), dict(candidate))


def failed(db: Db, ends: Ends, attestation: Mapping[str, Any], actor: Actor) -> None:
    """Note that a proof failed: which property, of which plan; never the event that showed it."""
    record(
        db, actor, "upcast.failed", f"subject:{ends.subject}",
        old=ends.old, new=ends.new, plan=attestation["plan"], property=attestation["counterexample"]["property"],
    )  # fmt: skip


def store(db: Db, ends: Ends, plan: Any, attestation: Mapping[str, Any], actor: Actor) -> Stored:
    """Keep a plan with what was proven of it. Raises UpcastRefuted, and InvalidUpcast for what is open."""
    if counterexample := attestation.get("counterexample"):
        event = json.dumps(counterexample["event"])
        raise UpcastRefuted(
            f"the proof failed ({counterexample['property']}): {counterexample['reason']}; event {event}"
        )
    checked = _plan(plan)
    if checked.unsettled:
        told = "; ".join(f"'{step.path}': {step.sentence}" for step in checked.unsettled[:5])
        raise InvalidUpcast(f"the plan is not finished: {told}")
    head = subjects.head(db, ends.subject)
    if head is None:
        raise VersionNotFound(version=ends.old)
    edge = Stored(
        ends.old,
        ends.new,
        str(attestation["old"]),
        str(attestation["new"]),
        json.dumps(to_data(checked)),
        plan_hash(checked),
        json.dumps(dict(attestation)),
        bool(attestation["proven"]),
        now_ms(),
    )
    upcasts.put(db, head.pk, edge)
    record(
        db, actor, "upcast.stored", f"subject:{ends.subject}",
        old=ends.old, new=ends.new, plan=edge.plan_hash, proven=edge.proven,
    )  # fmt: skip
    return edge


def forget(db: Db, subject: Subject, old: int, new: int, actor: Actor) -> None:
    """Forget the plan of an edge. Raises UpcastNotFound."""
    head = subjects.head(db, subject)
    if head is None or not upcasts.remove(db, head.pk, old, new):
        raise UpcastNotFound(subject=str(subject), old=old, new=new)
    record(db, actor, "upcast.removed", f"subject:{subject}", old=old, new=new)


def graph(db: Db, subject: Subject) -> Graph:
    """What is known about a subject's upcasters. Raises SubjectNotFound for a subject without live versions."""
    history = _history(db, subject)
    numbers = [version.version for version in history]
    edges = [edge for edge, _ in _edges(db, subject, history)]
    reached = {(edge.old, edge.new) for edge in edges}
    proven = {(edge.old, edge.new) for edge in edges if edge.proven}
    pairs = list(pairwise(numbers))
    return Graph(
        tuple(numbers),
        tuple(edges),
        tuple(pair for pair in pairs if _route(reached, *pair) is None),
        tuple(pair for pair in pairs if _route(reached, *pair) is not None and _route(proven, *pair) is None),
    )


def path(db: Db, subject: Subject, old: int, new: int) -> Path:
    """The chain from one version to another as one plan: proven if all of it is, the shortest of those there are.

    Raises UpcastNotFound naming the gap, InvalidUpcast for an edge that is not what was proven.
    """
    before, after = _version(db, subject, old), _version(db, subject, new)
    history = _history(db, subject)
    known = _edges(db, subject, history)
    plans = {(edge.old, edge.new): (edge, stored) for edge, stored in known}
    proven = {pair for pair, (edge, _) in plans.items() if edge.proven}
    route = _route(proven, before.version, after.version) or _route(plans, before.version, after.version)
    if route is None:
        raise UpcastNotFound(subject=str(subject), old=before.version, new=after.version)
    hops = [plans[pair] for pair in route]
    return _composed(before.version, after.version, [edge for edge, _ in hops], [intact(stored) for _, stored in hops])


def number(db: Db, subject: Subject, version: int) -> int:
    """The number of a live version, of the latest for -1. Raises VersionNotFound."""
    return _version(db, subject, version).version


def written_with(db: Db, subject: Subject, *, id: int | None = None, guid: str | None = None) -> int:
    """The live version of a subject behind the id or guid that frames an event. Raises SchemaNotFound."""
    for version in schemas.history(db, subject):
        if version.id == id or (guid is not None and version.guid == guid):
            return version.version
    raise SchemaNotFound(id if guid is None else guid)


def crossable(db: Db, subject: Subject, version: int, candidate: Schema) -> bool:
    """Whether proven plans bring events of a version to what a candidate reads."""
    wanted = schema_key(candidate)
    history = _history(db, subject, missing_is_empty=True)
    pairs = {(edge.old, edge.new) for edge, _ in _edges(db, subject, history) if edge.proven}
    last = {stored.old for stored in upcasts.edges(db, subject) if stored.proven and stored.new_key == wanted}
    last |= {each.version for each in history if _key(db, each) == wanted}
    return any(_route(pairs, version, end) is not None for end in last)


def _composed(old: int, new: int, edges: Sequence[Edge], plans: Sequence[Plan]) -> Path:
    try:
        whole = plans[0] if len(plans) == 1 else fuse(plans)
    except TenorError as error:
        raise InvalidUpcast(str(error)) from error
    return Path(old, new, to_data(whole), plan_hash(whole), all(edge.proven for edge in edges), tuple(edges))


def _route(pairs: Iterable[tuple[int, int]], old: int, new: int) -> list[tuple[int, int]] | None:
    """The fewest edges from one version to another; they lead upwards only, so that there is no cycle."""
    if old == new:
        return []
    following: dict[int, list[int]] = {}
    for start, end in pairs:
        if start < end:
            following.setdefault(start, []).append(end)
    waiting: deque[tuple[int, list[tuple[int, int]]]] = deque([(old, [])])
    seen = {old}
    while waiting:
        at, way = waiting.popleft()
        for end in sorted(following.get(at, ()), reverse=True):
            if end == new:
                return [*way, (at, end)]
            if end not in seen and end < new and len(way) < MOST_HOPS:
                seen.add(end)
                waiting.append((end, [*way, (at, end)]))
    return None


def _edges(db: Db, subject: Subject, history: Sequence[Version]) -> list[tuple[Edge, Stored]]:
    """Edges between live versions; one to a schema that was registered since is one to its version."""
    live = {version.version: version for version in history}
    keys: dict[str, int] = {}
    found = []
    for stored in upcasts.edges(db, subject):
        new = stored.new
        if new is None:
            keys = keys or {_key(db, version): version.version for version in history}
            new = keys.get(stored.new_key)
        if stored.old in live and new in live:
            assert new is not None
            attestation = json.loads(stored.attestation)
            found.append((Edge(stored.old, new, stored.plan_hash, stored.proven, attestation), stored))
    return found


def intact(stored: Stored) -> Plan:
    """The plan of an edge, once it is the one that was proven. Raises InvalidUpcast."""
    plan = _plan(json.loads(stored.plan))
    attestation = json.loads(stored.attestation)
    where = f"the plan from version {stored.old}"
    if plan_hash(plan) != stored.plan_hash or attestation.get("plan") != stored.plan_hash:
        raise InvalidUpcast(f"{where} is not the one that was proven: somebody changed it")
    if (attestation.get("old"), attestation.get("new")) != (stored.old_key, stored.new_key):
        raise InvalidUpcast(f"{where} was proven for other schemas")
    return plan


def _plan(data: Any) -> Plan:
    try:
        return from_data(data)
    except TenorError as error:
        raise InvalidUpcast(str(error)) from error


def _version(db: Db, subject: Subject, number: int) -> Version:
    version = schemas.latest(db, subject) if number == LATEST else schemas.version(db, subject, number)
    if version is None:
        raise VersionNotFound(version=number)
    return version


def _history(db: Db, subject: Subject, *, missing_is_empty: bool = False) -> list[Version]:
    history = schemas.history(db, subject)
    if not history and not missing_is_empty:
        raise SubjectNotFound(subject=str(subject))
    return history[::-1]


def _data(db: Db, version: Version) -> dict[str, Any]:
    content = version.content
    source = Resolver(db).source(content.text, content.references, version.subject.context, content.format)
    return {"format": content.format, **examine.plain(source)}


def _key(db: Db, version: Version) -> str:
    return schema_key(Resolver(db).parsed(version.content, version.subject.context))
