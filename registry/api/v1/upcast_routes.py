"""`/subjects/{subject}/upcasts`: derived, proven and stored plans, and the one plan between any two versions.

Plans are derived and proven in a worker process under a deadline.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

import msgspec
from litestar.params import FromPath, JSONBody, QueryParameter

from registry import errors, subjects, upcasters
from registry.api.v1 import upcast_wire as wire
from registry.api.v1.examine_routes import data_of
from registry.api.v1.routes import delete, get, post, put
from registry.names import LATEST, Subject
from registry.security.access import Action, Needs
from registry.security.guard import actor_of
from registry.security.identity import Caller
from registry.services import Call, Services, services
from registry.store.engine import Db
from registry.upcasters import Ends
from registry.workers import WorkerDied, WorkerFailed, WorkerTimeout

READ = Needs(Action.READ, "subject", "subject")
WRITE = Needs(Action.WRITE, "subject", "subject")

_SECONDS = 20.0
_MOST_EXAMPLES = 20_000
_EDGE = re.compile(r"(\d{1,9})\.\.(\d{1,9}|next)")
FromId = Annotated[
    int | None, QueryParameter(name="from_id", ge=1, description="instead: the id that frames the event")
]
FromGuid = Annotated[str | None, QueryParameter(name="from_guid", max_length=36, description="instead: its guid")]

_PROBLEMS = (errors.InvalidUpcast, errors.InvalidSubject, errors.SubjectNotFound, errors.VersionNotFound)

From = Annotated[int | None, QueryParameter(name="from", ge=1, description="the version that wrote the events")]
To = Annotated[int | None, QueryParameter(name="to", ge=-1, description="the version to read them as; -1: the latest")]


def _edge(text: str) -> tuple[int, int | None]:
    """`1..2`, or `1..next` for a schema that is not registered yet. Raises InvalidUpcast."""
    found = _EDGE.fullmatch(text)
    if found is None:
        raise errors.InvalidUpcast(f"'{text}' is no edge: say 1..2, or 1..next with a schema")
    return int(found[1]), None if found[2] == "next" else int(found[2])


def _named(db: Db, subject: str) -> Subject:
    return subjects.aliased(db, Subject.parse(subject))


def _ends(db: Db, actor: Caller, subject: str, old: int, new: int | None, schema: Any) -> Ends:
    named = _named(db, subject)
    if new is not None:
        return upcasters.ends(db, named, old, new)
    if schema is None:
        raise errors.InvalidUpcast("an edge to 'next' needs the schema that is to be registered")
    return upcasters.to_candidate(db, named, old, data_of(db, actor, schema))


async def _worker(parts: Services, function: str, *arguments: Any) -> Any:
    """Run a function of `registry.proving`. Raises InvalidUpcast for what it cannot use, and when it takes too long."""
    try:
        return await asyncio.to_thread(
            parts.workers.call, f"registry.proving:{function}", *arguments, seconds=_SECONDS + 5
        )
    except WorkerFailed as error:
        raise errors.InvalidUpcast(error.sentence) from error
    except (WorkerTimeout, WorkerDied) as error:
        raise errors.InvalidUpcast(f"it could not be derived or proven within {_SECONDS:.0f} s") from error


@post("/subjects/{subject:str}/upcasts/derive", READ, *_PROBLEMS, summary="Derive an upcaster")
async def derive(request: Call, subject: FromPath[str], data: JSONBody[wire.Deriving]) -> wire.Derived:
    """The plan between two schemas with what is certain, what is only likely, and what nobody can derive."""
    parts, actor = services(request), actor_of(request)
    ends = await parts.read(lambda db: _ends(db, actor, subject, data.old, data.new, data.schema), heavy=True)
    made = await _worker(parts, "derive", ends.old_data, ends.new_data, data.decisions)
    return msgspec.convert(made, wire.Derived)


@put("/subjects/{subject:str}/upcasts/{edge:str}", WRITE, errors.UpcastRefuted, *_PROBLEMS,
     summary="Prove and store an upcaster")  # fmt: skip
async def put_upcast(
    request: Call, subject: FromPath[str], edge: FromPath[str], data: JSONBody[wire.Proving]
) -> wire.Edge:
    """The server proves the plan itself, on events that it makes. A plan that fails is refused with the smallest event
    that shows it; one with hand-written steps is stored unproven, because the server does not run them."""
    parts, actor = services(request), actor_of(request)
    old, new = _edge(edge)
    if not 1 <= data.examples <= _MOST_EXAMPLES:
        raise errors.InvalidUpcast(f"examples is a number from 1 to {_MOST_EXAMPLES}")
    ends = await parts.read(lambda db: _ends(db, actor, subject, old, new, data.schema), heavy=True)
    plan = data.plan
    if plan is None:
        plan = (await _worker(parts, "derive", ends.old_data, ends.new_data, data.decisions))["plan"]
    attestation = await _worker(
        parts, "prove", ends.old_data, ends.new_data, plan, data.examples, data.seed, (), _SECONDS, data.samples
    )
    if "counterexample" in attestation:
        await parts.write(lambda db: upcasters.failed(db, ends, attestation, actor))
    stored = await parts.write(lambda db: upcasters.store(db, ends, plan, attestation, actor))
    return wire.Edge(stored.old, stored.new, stored.plan_hash, stored.proven, attestation)


@delete("/subjects/{subject:str}/upcasts/{edge:str}", WRITE, errors.UpcastNotFound, *_PROBLEMS, status_code=204,
        summary="Forget an upcaster")  # fmt: skip
async def delete_upcast(request: Call, subject: FromPath[str], edge: FromPath[str]) -> None:
    """Consumers that have it go on with it until they ask again."""
    actor = actor_of(request)
    old, new = _edge(edge)
    if new is None:
        raise errors.InvalidUpcast("name both versions of the edge")
    await services(request).write(lambda db: upcasters.forget(db, _named(db, subject), old, new, actor))


@get(
    "/subjects/{subject:str}/upcasts",
    READ,
    errors.UpcastNotFound,
    errors.SchemaNotFound,
    *_PROBLEMS,
    summary="The version graph, or one plan",
)
async def get_upcasts(
    request: Call,
    subject: FromPath[str],
    old: From = None,
    from_id: FromId = None,
    from_guid: FromGuid = None,
    new: To = None,
) -> wire.Upcasts:
    """With a `from` (and `to`, else the latest): the chain between the two, composed into one plan; no plan where there
    is nothing to go up. Without: the graph."""
    if sum(each is not None for each in (old, from_id, from_guid)) > 1:
        raise errors.InvalidUpcast("say from, from_id or from_guid, one of them")

    def look(db: Db) -> wire.Upcasts:
        named = _named(db, subject)
        if old is None and from_id is None and from_guid is None:
            return _graph(db, named)
        start = upcasters.written_with(db, named, id=from_id, guid=from_guid) if old is None else old
        end = upcasters.number(db, named, LATEST if new is None else new)
        if start >= end:
            return wire.Upcasts(str(named), old=start, new=end)
        way = upcasters.path(db, named, start, end)
        edges = [_shown(each) for each in way.hops]
        return wire.Upcasts(
            str(named), edges=edges, old=way.old, new=way.new, plan=way.plan, hash=way.plan_hash, proven=way.proven
        )

    return await services(request).read(look, heavy=True)


def _graph(db: Db, subject: Subject) -> wire.Upcasts:
    found = upcasters.graph(db, subject)
    return wire.Upcasts(
        str(subject),
        versions=list(found.versions),
        edges=[_shown(each) for each in found.edges],
        gaps=list(found.gaps),
        unproven=list(found.unproven),
    )


def _shown(edge: upcasters.Edge) -> wire.Edge:
    return wire.Edge(edge.old, edge.new, edge.plan_hash, edge.proven, dict(edge.attestation))


HANDLERS = [derive, put_upcast, delete_upcast, get_upcasts]
