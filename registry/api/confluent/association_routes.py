"""`/associations…`: which resource (a topic) a subject belongs to (facts: confluent-api §12).

New serializers ask `GET /associations/resources/{namespace}/{name}` before their first event (§16.1), so the questions
answer a list, `[]` when nothing matches, whatever they are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated

from litestar.params import FromPath, JSONBody, QueryParameter

from registry import associations, errors, names, subjects
from registry.api.confluent import parameters as q
from registry.api.confluent import render, wire
from registry.api.confluent.errors import told
from registry.api.confluent.routes import delete, get, post, put
from registry.api.confluent.schema_routes import association
from registry.associations import Associated, Operation, Question, Resource, Step, Wish
from registry.errors import RegistryError
from registry.names import DEFAULT_CONTEXT, Subject
from registry.security import guard
from registry.security.access import Action, Needs
from registry.security.guard import actor_of
from registry.services import Call, Services, keep, services
from registry.store.engine import Db, savepoint
from registry.store.queries import schemas
from registry.store.queries.associations import Association

READ = Needs(Action.READ, "association")
WRITE = Needs(Action.WRITE, "association")
DELETE = Needs(Action.DELETE, "association")

ResourceType = Annotated[str | None, QueryParameter(name="resourceType", description="of this type: topic")]
Types = Annotated[list[str] | None, QueryParameter(name="associationType", description="of these types: key, value")]
Lifecycle = Annotated[str | None, QueryParameter(name="lifecycle", description="STRONG or WEAK")]
Context = Annotated[
    str | None, QueryParameter(name="context", description="the context of subjects that are named without one")
]
DryRun = Annotated[
    str | None,
    QueryParameter(name="dryRun", schema_extra={"type": "boolean", "default": False}, description="check only"),
]
Cascade = Annotated[
    str | None,
    QueryParameter(
        name="cascadeLifecycle",
        schema_extra={"type": "boolean", "default": False},
        description="also delete STRONG associations, with their subjects",
    ),
]
IncludeSchemas = Annotated[
    str | None,
    QueryParameter(
        name="includeSchemas",
        schema_extra={"type": "boolean", "default": False},
        description="with the latest schema of each subject",
    ),
]

_PUT_ERRORS = (
    errors.Incompatible,
    errors.TooManyAssociations,
    errors.AssociationExists,
    errors.AssociationForSubjectExists,
    errors.StrongAssociationExists,
    errors.NoActiveVersion,
    errors.AssociationFrozen,
    errors.InvalidSchema,
    errors.OperationNotPermitted,
    errors.ReferenceExists,
    errors.InvalidSubject,
    errors.InvalidRuleSet,
    errors.InvalidAssociation,
)


# From the wire and back.


def _context(text: str | None) -> str:
    return names.context(text) if text else DEFAULT_CONTEXT


def _wish(item: wire.AssociationItem, context: str, *, reject_empty: bool) -> Wish:
    subject = None
    if item.subject:
        subject = names.subject(names.qualify(item.subject, context), reject_empty=reject_empty)
    schema = None
    if item.schema is not None:
        # The subject is known once the resource's associations are.
        schema = render.registration(Subject(context, ""), item.schema, normalize=bool(item.normalize))
    return Wish(
        type=associations.association_type(item.association_type),
        subject=subject,
        lifecycle=associations.lifecycle_named(item.lifecycle),
        frozen=item.frozen,
        schema=schema,
    )


def _resource(request: wire.AssociationRequest | wire.AssociationSteps, id: str | None, *, dry_run: bool) -> Resource:
    return associations.resource(
        request.resource_name, request.resource_namespace, id, request.resource_type, dry_run=dry_run
    )


def _response(db: Db, resource: Resource, done: Iterable[Associated] = ()) -> wire.AssociationResponse:
    return wire.AssociationResponse(
        resource_name=resource.name,
        resource_namespace=resource.namespace,
        resource_id=resource.id,
        resource_type=resource.type,
        associations=[_info(db, each.association, each.version) for each in done],
    )


def _info(db: Db, found: Association, version: schemas.Version | None) -> wire.AssociationInfo:
    return wire.AssociationInfo(
        subject=found.subject,
        association_type=found.type,
        lifecycle=found.lifecycle,
        frozen=found.frozen,
        schema=None if version is None else render.version(db, version),
    )


def _require_writable(call: Call, resource: Resource, wishes: Iterable[Wish]) -> None:
    """The guard's question for what a body names: the subjects that it writes to."""
    for wish in wishes:
        subject = wish.subject or resource.own_subject(wish.type)
        guard.decide(actor_of(call), Action.WRITE, f"subject:{subject}")


def _require_deletable(call: Call, gone: Iterable[Association]) -> None:
    """The same for what a job has just deleted, which only the store knew; a refusal undoes the job."""
    for each in gone:
        guard.decide(actor_of(call), Action.DELETE, f"subject:{each.subject}")


def _failure(parts: Services, error: RegistryError) -> wire.BatchResult:
    _, message = told(error, incompatible_code=parts.settings.incompatible_code)
    return wire.BatchResult(error=message)


# Writing.


async def _put(
    call: Call,
    data: wire.AssociationRequest,
    id: str | None,
    context: str | None,
    dry_run: str | None,
    *,
    upsert: bool,
) -> wire.AssociationResponse:
    parts, actor, rehearsal = services(call), actor_of(call), q.flag(dry_run)
    resource = _resource(data, id, dry_run=rehearsal)
    within, reject_empty = _context(context), parts.settings.reject_empty_subject
    wishes = [_wish(item, within, reject_empty=reject_empty) for item in data.associations or ()]
    _require_writable(call, resource, wishes)
    if any(wish.schema for wish in wishes):
        await parts.read(
            lambda db: associations.rehearse(db, resource, wishes, parts.server_config, parts.objector), heavy=True
        )

    def job(db: Db) -> wire.AssociationResponse:
        done = associations.put(db, actor, resource, wishes, parts.server_config, parts.objector, upsert=upsert)
        return _response(db, resource, () if rehearsal else done)

    return await parts.write(job, dry_run=rehearsal)


@post("/associations", WRITE, *_PUT_ERRORS, errors.InvalidContext, summary="Create associations of a resource")
async def create(
    request: Call, data: JSONBody[wire.AssociationRequest], context: Context = None, dry_run: DryRun = None
) -> wire.AssociationResponse:
    """All of them or none; those that are there already, as asked for, stay as they are. Schemas are registered."""
    return await _put(request, data, data.resource_id, context, dry_run, upsert=False)


@put(
    "/associations/resources/{resource_id:str}",
    WRITE,
    *_PUT_ERRORS,
    errors.InvalidContext,
    summary="Create or update associations of a resource",
)
async def upsert(
    request: Call,
    resource_id: FromPath[str],
    data: JSONBody[wire.AssociationRequest],
    context: Context = None,
    dry_run: DryRun = None,
) -> wire.AssociationResponse:
    """All of them or none. STRONG associations are created by POST."""
    if data.resource_id and data.resource_id != resource_id:
        raise errors.InvalidAssociation("resourceId", f"must be '{resource_id}' as in the path, or absent")
    return await _put(request, data, resource_id, context, dry_run, upsert=True)


@delete(
    "/associations/resources/{resource_id:str}",
    DELETE,
    errors.AssociationNotFound,
    errors.AssociationFrozen,
    errors.OperationNotPermitted,
    errors.ReferenceExists,
    errors.InvalidAssociation,
    summary="Delete associations of a resource",
    status_code=204,
)
async def remove(
    request: Call,
    resource_id: FromPath[str],
    resource_type: ResourceType = None,
    types: Types = None,
    cascade: Cascade = None,
    dry_run: DryRun = None,
) -> None:
    """All types, or those named. `cascadeLifecycle` also deletes STRONG ones, and their subjects for good."""
    parts, actor = services(request), actor_of(request)
    wanted = tuple(associations.association_type(each) for each in types or ())
    question = Question(id=resource_id, resource_type=resource_type, types=wanted)

    def job(db: Db) -> None:
        gone = associations.delete(db, actor, question, parts.server_config, parts.objector, cascade=q.flag(cascade))
        _require_deletable(request, gone)

    await parts.write(job, dry_run=q.flag(dry_run))


def _steps(call: Call, request: wire.AssociationSteps, context: str, *, dry_run: bool) -> tuple[Resource, list[Step]]:
    resource = _resource(request, request.resource_id, dry_run=dry_run)
    reject_empty = services(call).settings.reject_empty_subject
    steps = [
        Step(
            associations.operation(item.op_type),
            _wish(item, context, reject_empty=reject_empty),
            cascade=bool(item.cascade_lifecycle),
        )
        for item in request.associations or ()
    ]
    _require_writable(call, resource, (step.wish for step in steps if step.operation is not Operation.DELETE))
    return resource, steps


@post(
    "/associations:batchMutate",
    WRITE,
    errors.InvalidAssociation,
    errors.InvalidContext,
    summary="Create, update and delete associations of many resources",
    status_code=207,
)
async def batch_mutate(
    request: Call, data: JSONBody[wire.AssociationBatchRequest], context: Context = None, dry_run: DryRun = None
) -> wire.BatchResults:
    """Each request is done whole or not at all, and answered in its place; what fails does not stop the others."""
    within = _context(context)
    if not data.requests:
        raise errors.InvalidAssociation("requests", "must not be empty")
    if q.flag(dry_run):
        return await _rehearsed(request, data.requests, within)
    return wire.BatchResults([await _mutated(request, each, within) for each in data.requests])


async def _mutated(call: Call, request: wire.AssociationSteps, context: str) -> wire.BatchResult:
    """One request of a batch. Each has a transaction of its own: a long batch must not keep other writers out."""
    parts, actor = services(call), actor_of(call)
    try:
        resource, steps = _steps(call, request, context, dry_run=False)
        wishes = [step.wish for step in steps]
        if any(wish.schema for wish in wishes):
            await parts.read(
                lambda db: associations.rehearse(db, resource, wishes, parts.server_config, parts.objector), heavy=True
            )

        def job(db: Db) -> wire.AssociationResponse:
            done, gone = associations.mutate(db, actor, resource, steps, parts.server_config, parts.objector)
            _require_deletable(call, gone)
            return _response(db, resource, done)

        return wire.BatchResult(result=await parts.write(job))
    except RegistryError as error:
        return _failure(parts, error)


async def _rehearsed(call: Call, requests: Sequence[wire.AssociationSteps], context: str) -> wire.BatchResults:
    """A dry run of a batch is one job, so that each request meets what those before it would have done."""
    parts = services(call)

    def job(db: Db) -> wire.BatchResults:
        return wire.BatchResults([one(db, request) for request in requests])

    def one(db: Db, request: wire.AssociationSteps) -> wire.BatchResult:
        try:
            resource, steps = _steps(call, request, context, dry_run=True)
            with savepoint(db):
                _, gone = associations.mutate(db, actor_of(call), resource, steps, parts.server_config)
                _require_deletable(call, gone)
            return wire.BatchResult(result=_response(db, resource))
        except RegistryError as error:
            return _failure(parts, error)

    return await parts.write(job, dry_run=True)


# Reading.


async def _listed(
    call: Call, question: Question, offset: str | None, limit: str | None
) -> list[wire.AssociationAnswer]:
    skip, most = max(0, q.number(offset, 0)), q.number(limit, -1)

    def job(db: Db) -> list[Association]:
        asked = question
        if asked.subject is not None:
            asked = replace(asked, subject=subjects.aliased(db, asked.subject))
        return associations.find(db, asked, offset=skip, limit=most)

    return [association(each) for each in await services(call).read(job, heavy=question.wide)]


@get("/associations/resources/{resource_id:str}", READ, errors.NotFound, summary="Associations of a resource, by id")
async def of_resource(
    request: Call,
    resource_id: FromPath[str],
    resource_type: ResourceType = None,
    types: Types = None,
    lifecycle: Lifecycle = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[wire.AssociationAnswer]:
    """`[]` when there are none."""
    question = Question(id=resource_id, resource_type=resource_type, types=tuple(types or ()), lifecycle=lifecycle)
    keep(request, "association:*")
    return await _listed(request, question, offset, limit)


@get(
    "/associations/resources/{namespace:str}/{name:str}",
    READ,
    errors.NotFound,
    summary="Associations of a resource, by name",
)
async def of_named_resource(
    request: Call,
    namespace: FromPath[str],
    name: FromPath[str],
    resource_type: ResourceType = None,
    types: Types = None,
    lifecycle: Lifecycle = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[wire.AssociationAnswer]:
    """`-` as the namespace means any, as the name every resource of the namespace. `[]` when there are none."""
    question = Question(
        namespace=namespace, name=name, resource_type=resource_type, types=tuple(types or ()), lifecycle=lifecycle
    )
    keep(request, "association:*")
    return await _listed(request, question, offset, limit)


@get(
    "/associations/subjects/{subject:str}",
    Needs(Action.READ, "subject", "subject"),
    errors.NotFound,
    summary="Associations of a subject",
)
async def of_subject(
    request: Call,
    subject: FromPath[str],
    resource_type: ResourceType = None,
    types: Types = None,
    lifecycle: Lifecycle = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[wire.AssociationAnswer]:
    """`[]` when there are none."""
    question = Question(
        subject=Subject.parse(subject), resource_type=resource_type, types=tuple(types or ()), lifecycle=lifecycle
    )
    keep(request, f"subject:{subject}")
    return await _listed(request, question, offset, limit)


@post(
    "/associations:batchGet",
    READ,
    errors.InvalidAssociation,
    summary="Associations of many resources",
    status_code=207,
)
async def batch_get(
    request: Call, data: JSONBody[wire.AssociationBatchQuery], include_schemas: IncludeSchemas = None
) -> wire.BatchResults:
    """In the order of the requests; by id where one is given, else by namespace and name."""
    parts, questions = services(request), data.requests
    if not questions:
        raise errors.InvalidAssociation("requests", "must not be empty")

    def job(db: Db) -> list[wire.BatchResult]:
        return [_answer(db, parts, each, with_schemas=q.flag(include_schemas)) for each in questions]

    return wire.BatchResults(await parts.read(job, heavy=True))


def _answer(db: Db, parts: Services, asked: wire.AssociationQuery, *, with_schemas: bool) -> wire.BatchResult:
    try:
        found = _found(db, asked)
    except RegistryError as error:
        return _failure(parts, error)
    # One resource is told as it is stored; with wildcards there may be several, then as it was asked for.
    stored = {(each.resource_id, each.resource_name, each.resource_namespace) for each in found}
    echoed = (asked.resource_id, asked.resource_name, asked.resource_namespace)
    id, name, namespace = stored.pop() if len(stored) == 1 else echoed
    return wire.BatchResult(
        result=wire.AssociationResponse(
            resource_name=name,
            resource_namespace=namespace,
            resource_id=id,
            resource_type=associations.TOPIC,
            associations=[
                _info(db, each, schemas.latest(db, Subject.parse(each.subject)) if with_schemas else None)
                for each in found
            ],
        )
    )


def _found(db: Db, asked: wire.AssociationQuery) -> list[Association]:
    question = Question(
        resource_type=asked.resource_type,
        types=tuple(associations.association_type(each) for each in asked.association_types or ()),
        lifecycle=associations.lifecycle_named(asked.lifecycle),
    )
    if asked.resource_id:
        return associations.find(db, replace(question, id=asked.resource_id))
    named = associations.resource(
        asked.resource_name, asked.resource_namespace, None, asked.resource_type, dry_run=True
    )
    return associations.find(db, replace(question, namespace=named.namespace, name=named.name))


HANDLERS = [
    create,
    upsert,
    remove,
    batch_mutate,
    of_resource,
    of_named_resource,
    of_subject,
    batch_get,
]
