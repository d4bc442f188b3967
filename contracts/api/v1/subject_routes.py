"""`/subjects/{s}/…`: whom a change hurts, who reads the subject, which fields; its policy and its waivers."""

from __future__ import annotations

from litestar.params import FromPath, JSONBody

from contracts import declaring, ordering, protection
from contracts.api.v1 import render, wire
from contracts.api.v1.parts import CONFIGURE, READ, WAIVE, radius
from contracts.blast_radius import fields, waiver_told
from contracts.errors import UnknownEnvironment, VersionNotFound
from contracts.protection import Waiver
from contracts.queries import needs as queries
from contracts.queries import protection as policies
from registry import errors, names, registration, subjects
from registry.api.v1 import impact_wire
from registry.api.v1 import render as registering
from registry.api.v1.routes import get, post, put
from registry.api.v1.wire import RegisterRequest
from registry.events import Actor
from registry.names import LATEST, Subject
from registry.security.guard import actor_of, see_references, sees
from registry.services import Call, services
from registry.store.engine import Db


@post(
    "/subjects/{subject:str}/impact",
    READ,
    errors.InvalidSchema,
    errors.InvalidSubject,
    summary="Whom does a schema hurt?",
)
async def post_impact(request: Call, subject: FromPath[str], data: JSONBody[RegisterRequest]) -> impact_wire.Impact:
    """Which deployed consumer breaks, in which environment, on which field, and how we know. Nothing is stored."""
    parts, asked_of, actor = services(request), radius(request), actor_of(request)

    def job(db: Db) -> impact_wire.Impact:
        asked = registering.registration(names.subject(subject), data, normalize=False)
        see_references(actor, asked.references, asked.subject.context, asked.format)
        named, candidate, history = registration.candidate(db, asked, parts.server_config)
        return render.impact(asked_of.impact(db, named, candidate, history, sees(actor)))

    return await parts.read(job, heavy=True)


@post(
    "/subjects/{subject:str}/rollout",
    READ,
    errors.InvalidSchema,
    errors.InvalidSubject,
    UnknownEnvironment,
    VersionNotFound,
    summary="In which order to deploy a change",
)
async def post_rollout(request: Call, subject: FromPath[str], data: JSONBody[wire.RolloutRequest]) -> wire.Rollout:
    """What goes before what, or why there is no order and what would create one. Nothing is stored."""
    parts, asked_of, actor = services(request), radius(request), actor_of(request)

    def job(db: Db) -> wire.Rollout:
        asked = registering.registration(names.subject(subject), data, normalize=False)
        see_references(actor, asked.references, asked.subject.context, asked.format)
        named, candidate, history = registration.candidate(db, asked, parts.server_config)
        found, applications = ordering.order(db, asked_of, named, candidate, history, data.environment, data.to)
        return render.rollout(found, applications, data.environment)

    return await parts.read(job, heavy=True)


@get("/subjects/{subject:str}/consumers", READ, summary="Who uses a subject, and which fields")
async def get_consumers(request: Call, subject: FromPath[str]) -> wire.Consumers:
    """Versions that are deployed or supported, those of which nobody recorded where they run, and those seen fetching.

    The subject need not exist: contracts may be there first.
    """
    parts, asked_of = services(request), radius(request)

    def job(db: Db) -> wire.Consumers:
        named = subjects.aliased(db, Subject.parse(subject))
        found = asked_of.consumers(db, named)
        return wire.Consumers(str(named), [render.consumer(each) for each in found], queries.producers(db, str(named)))

    return await parts.read(job, heavy=True)


@get("/subjects/{subject:str}/fields", READ, errors.SubjectNotFound, summary="Every field and its readers")
async def get_fields(request: Call, subject: FromPath[str]) -> wire.Fields:
    """The fields of the latest version, who needs each, and those that nobody is known to need."""
    parts, asked_of = services(request), radius(request)

    def job(db: Db) -> wire.Fields:
        named = subjects.aliased(db, Subject.parse(subject))
        version = subjects.version(db, named, LATEST)
        schema = subjects.parsed(db, version.schema)
        found = asked_of.consumers(db, named)
        return render.fields(str(named), version.version, fields(schema, found), found)

    return await parts.read(job, heavy=True)


@get("/subjects/{subject:str}/policy", READ, summary="What protects a subject")
async def get_policy(request: Call, subject: FromPath[str]) -> wire.EffectivePolicy:
    """Its own policy, that of the longest prefix, that of all: member by member. With the versions that are held."""
    parts, asked_of = services(request), radius(request)

    def job(db: Db) -> wire.EffectivePolicy:
        named = subjects.aliased(db, Subject.parse(subject))
        found = protection.effective(policies.policies(db), str(named))
        shown = render.policy(str(named), found)
        held = [] if found.readable_for is None else asked_of.held(db, named, found.readable_for)
        return wire.EffectivePolicy(str(named), shown.protect, shown.readable_for, render.held(held))

    return await parts.read(job, heavy=True)


@put(
    "/subjects/{subject:str}/policy",
    CONFIGURE,
    errors.InvalidConfig,
    errors.InvalidSubject,
    summary="Protect a subject",
)
async def put_policy(request: Call, subject: FromPath[str], data: JSONBody[wire.Policy]) -> wire.ScopePolicy:
    """The whole policy of this one subject; nothing in it removes it."""
    parts, actor = services(request), actor_of(request)

    def job(db: Db) -> wire.ScopePolicy:
        return set_policy(db, actor, str(parts.writable(db, subject)), data)

    return await parts.write(job)


def set_policy(db: Db, actor: Actor, scope: str, data: wire.Policy) -> wire.ScopePolicy:
    """Set the policy of a scope. Raises InvalidConfig."""
    found = protection.protection({"protect": data.protect, "readable_for": data.readable_for})
    declaring.protect(db, actor, scope, found)
    return render.policy(scope, found)


@post(
    "/subjects/{subject:str}/waivers",
    WAIVE,
    errors.InvalidRequest,
    errors.InvalidSubject,
    summary="Accept a break for a while",
    status_code=201,
)
async def post_waiver(request: Call, subject: FromPath[str], data: JSONBody[wire.NewWaiver]) -> impact_wire.Waiver:
    """It is shown in every report, and counts until its date. At most a year ahead."""
    parts, actor = services(request), actor_of(request)
    until = declaring.ahead(data.until)

    def job(db: Db) -> impact_wire.Waiver:
        said = Waiver(
            str(parts.writable(db, subject)), until, data.reason, data.owner, data.rule, data.path, data.consumer
        )
        return impact_wire.Waiver(**waiver_told(declaring.waive(db, actor, said)))

    return await parts.write(job)


HANDLERS = [post_impact, post_rollout, get_consumers, get_fields, get_policy, put_policy, post_waiver]
