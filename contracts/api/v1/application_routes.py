"""`/applications/{a}…`: what a version writes, what it was generated from, who answers for the application."""

from __future__ import annotations

from litestar.params import FromPath, JSONBody

from contracts import catalog, derivation, produces
from contracts.api.v1 import wire
from contracts.api.v1.parts import CONFIGURE_APPLICATION, WRITE_APPLICATION, options
from contracts.queries import protection as policies
from contracts.reading import schemas as reader_schemas
from registry import errors, subjects
from registry.api.v1.routes import put
from registry.events import record
from registry.names import Subject
from registry.security.access import Action
from registry.security.guard import actor_of, decide
from registry.services import Call, services
from registry.store.engine import Db

_VERSION = "/applications/{application:str}/versions/{number:str}"


@put(
    f"{_VERSION}/produces",
    WRITE_APPLICATION,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    summary="Say what a version writes",
)
async def put_produces(
    request: Call, application: FromPath[str], number: FromPath[str], data: JSONBody[wire.Produces]
) -> wire.Produced:
    """Which versions of which subjects. can-i-deploy then judges consumers' message contracts by them, without a run.

    What it said of other subjects before stays.
    """
    parts, actor = services(request), actor_of(request)
    written = [(each.subject, each.version) for each in data.subjects]
    for subject, _ in written:
        decide(actor, Action.READ, f"subject:{subject}")
    set_by = options(request)

    def job(db: Db) -> wire.Produced:
        found = produces.state(db, actor, application, number, written, set_by, self_verified=data.self_verified)
        return wire.Produced(application, number, [wire.SubjectVersion(*each) for each in found])

    return await parts.write(job)


@put(
    f"{_VERSION}/reads",
    WRITE_APPLICATION,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    summary="Say which schema a version was generated from",
)
async def put_reads(
    request: Call, application: FromPath[str], number: FromPath[str], data: JSONBody[wire.Reads]
) -> wire.Kept:
    """It needs all of that schema, its aliases and defaults honoured."""
    parts, actor = services(request), actor_of(request)
    decide(actor, Action.READ, f"subject:{data.subject}")
    set_by = options(request)

    def job(db: Db) -> wire.Kept:
        named = subjects.aliased(db, Subject.parse(data.subject))
        version = subjects.version(db, named, data.version)
        contract = reader_schemas.contract(subjects.parsed(db, version.schema), version=version.version)
        owner, _ = catalog.ensured(db, application, set_by)
        reader, _ = catalog.ensured_version(db, owner, number)
        derivation.keep(db, reader.pk, owner.pk, str(named), contract)
        told = {"subject": str(named), "schema_version": version.version}
        record(db, actor, "reads", f"application:{application}", version=number, **told)
        return wire.Kept(application, number, str(named), version.version, len(contract.needs))

    return await parts.write(job)


@put(
    "/applications/{application:str}/owner",
    CONFIGURE_APPLICATION,
    errors.InvalidRequest,
    errors.NotFound,
    summary="Say who owns an application",
)
async def put_owner(request: Call, application: FromPath[str], data: JSONBody[wire.Owner]) -> wire.OwnerOf:
    """1 to 200 printable characters; null for nobody. Reports name the owner beside the application."""
    actor = actor_of(request)
    if data.owner is not None and (not data.owner.strip() or not data.owner.isprintable()):
        raise errors.InvalidRequest("An owner has 1 to 200 printable characters")

    def job(db: Db) -> wire.OwnerOf:
        catalog.application(db, application)
        policies.put_owner(db, application, data.owner)
        record(db, actor, "owner", f"application:{application}", owner=data.owner)
        return wire.OwnerOf(application, data.owner)

    return await services(request).write(job)


HANDLERS = [put_produces, put_reads, put_owner]
