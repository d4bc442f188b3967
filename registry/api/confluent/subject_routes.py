"""`/subjects…`: list, register, look up, read, delete; and who refers to a version."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from litestar import MediaType, Response
from litestar.params import FromPath, JSONBody, QueryParameter

from registry import errors, names, registration, subjects
from registry.api.confluent import parameters as q
from registry.api.confluent import render, wire
from registry.api.confluent.routes import delete, get, post
from registry.names import Subject
from registry.security.access import Action, Needs
from registry.security.guard import actor_of, decide, see_references, sees, visible
from registry.services import Call, keep, services
from registry.store.engine import Db
from registry.store.queries import schemas
from registry.store.queries import subjects as listing

READ = Needs(Action.READ, "subject", "subject")
WRITE = Needs(Action.WRITE, "subject", "subject")
DELETE = Needs(Action.DELETE, "subject", "subject", purge="permanent")
LIST = Needs(Action.READ, "subject", filtered=True)


def which(deleted: str | None, deleted_only: str | None) -> str:
    """live, all or deleted; deletedOnly wins."""
    return "deleted" if q.flag(deleted_only) else "all" if q.flag(deleted) else "live"


@get("/subjects", LIST, errors.NotFound, summary="List subjects")
async def list_subjects(
    request: Call,
    prefix: q.Prefix = None,
    deleted: q.Deleted = None,
    deleted_only: q.DeletedOnly = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[str]:
    """Sorted names; those of other contexts appear qualified."""
    context, start = subjects.wildcard(prefix or "")
    skip, most = max(0, q.number(offset, 0)), q.number(limit, -1)
    seen = sees(actor_of(request))

    def job(db: Db) -> list[Subject]:
        # What may be seen is picked before the page is cut.
        part = (skip, most) if seen is None else (0, None)
        if q.flag(deleted_only):
            found = listing.with_deleted_versions(db, context=context, prefix=start, offset=part[0], limit=part[1])
        else:
            every = which(deleted, None)
            found = listing.list_subjects(db, context=context, prefix=start, which=every, offset=part[0], limit=part[1])
        if seen is None:
            return found
        visible = [each for each in found if seen(each)][skip:]
        return visible if most <= 0 else visible[:most]

    found = await services(request).read(job, heavy=True)
    if seen is None:  # another caller's list may be longer
        keep(request, "subject:*")
    return [str(subject) for subject in found]


@post(
    "/subjects/{subject:str}",
    READ,
    errors.SubjectNotFound,
    errors.SchemaNotFound,
    errors.InvalidSchema,
    summary="Look up a schema under a subject",
)
async def look_up(
    request: Call,
    subject: FromPath[str],
    data: JSONBody[wire.RegisterSchemaRequest],
    normalize: q.Normalize = None,
    format_: q.Format = None,
    deleted: q.Deleted = None,
) -> wire.SchemaAnswer:
    """The version of the subject that has this schema."""
    parts, actor = services(request), actor_of(request)
    seen = sees(actor)

    def job(db: Db) -> wire.SchemaAnswer:
        named = subjects.aliased(db, Subject.parse(subject))
        asked = render.registration(named, data, normalize=q.flag(normalize))
        see_references(actor, asked.references, named.context, asked.format)
        head = listing.head(db, named)
        found = registration.lookup(db, asked, parts.server_config, deleted=q.flag(deleted))
        if found is None and named.context == names.DEFAULT_CONTEXT and subject == named.name:
            found = _in_other_contexts(db, asked, named, deleted=q.flag(deleted))
        if found is None or not (seen is None or seen(found.subject)):
            if head is None or (head.live == 0 and not q.flag(deleted)):
                raise errors.SubjectNotFound(subject=str(named))
            raise errors.SchemaNotFound
        return render.version(db, found, format=format_)

    def _in_other_contexts(
        db: Db, asked: registration.Registration, named: Subject, *, deleted: bool
    ) -> schemas.Version | None:
        for other in listing.contexts_of(db, named.name, deleted=deleted):
            if other != named:
                elsewhere = render.registration(other, data, normalize=asked.normalize)
                found = registration.lookup(db, elsewhere, parts.server_config, deleted=deleted)
                if found is not None:
                    return found
        return None

    answer = await parts.read(job, heavy=True)
    keep(request, f"subject:{subject}")
    return answer


@delete(
    "/subjects/{subject:str}",
    DELETE,
    errors.SubjectNotFound,
    errors.SubjectSoftDeleted,
    errors.SubjectNotSoftDeleted,
    errors.AssociationForSubjectExists,
    errors.OperationNotPermitted,
    errors.ReferenceExists,
    summary="Delete a subject",
)
async def delete_subject(request: Call, subject: FromPath[str], permanent: q.Permanent = None) -> list[int]:
    """Softly, or for good once it was soft-deleted; the version numbers that went."""
    parts, actor = services(request), actor_of(request)
    return await parts.write(
        lambda db: subjects.delete_subject(
            db,
            actor,
            subjects.aliased(db, Subject.parse(subject)),
            parts.server_config,
            permanent=q.flag(permanent),
            objector=parts.objector,
        )
    )


@get("/subjects/{subject:str}/versions", READ, errors.SubjectNotFound, summary="List version numbers")
async def list_versions(
    request: Call,
    subject: FromPath[str],
    deleted: q.Deleted = None,
    deleted_only: q.DeletedOnly = None,
    negative: Annotated[
        str | None, QueryParameter(name="deletedAsNegative", description="show soft-deleted n as -n")
    ] = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[int]:
    """Ascending."""
    skip, most = max(0, q.number(offset, 0)), q.number(limit, -1)
    found = await services(request).read(
        lambda db: subjects.numbers(
            db,
            subjects.aliased(db, Subject.parse(subject)),
            which=which(deleted, deleted_only),
            negative=q.flag(negative),
        )
    )
    keep(request, f"subject:{subject}")
    return found[skip:] if most <= 0 else found[skip : skip + most]


@post(
    "/subjects/{subject:str}/versions",
    WRITE,
    errors.Incompatible,
    errors.InvalidSchema,
    errors.OperationNotPermitted,
    errors.IdMismatch,
    errors.InvalidSubject,
    errors.InvalidRuleSet,
    summary="Register a schema",
)
async def register(
    request: Call,
    subject: FromPath[str],
    data: JSONBody[wire.RegisterSchemaRequest],
    normalize: q.Normalize = None,
    format_: q.Format = None,
    force: q.Force = None,
) -> wire.SchemaAnswer:
    """Registering what the subject already has answers with the version that is there."""
    parts = services(request)
    named = names.subject(subject, reject_empty=parts.settings.reject_empty_subject)
    asked, actor = render.registration(named, data, normalize=q.flag(normalize), force=q.flag(force)), actor_of(request)
    see_references(actor, asked.references, named.context, asked.format)
    if asked.force:  # a break without a check
        decide(actor, Action.WAIVE, f"subject:{named}")
    registered = await parts.register(actor, asked)
    if not registered.created:
        keep(request, f"subject:{subject}", action=WRITE.action)
    if format_:
        return await parts.read(lambda db: render.version(db, registered.version, format=format_), heavy=True)
    return render.plain_version(registered.version)


@get(
    "/subjects/{subject:str}/versions/{version:str}",
    READ,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.InvalidVersion,
    summary="Read a version",
)
async def get_version(
    request: Call,
    subject: FromPath[str],
    version: FromPath[str],
    format_: q.Format = None,
    reference_format: q.ReferenceFormat = None,
    deleted: q.Deleted = None,
    find_tags: q.FindTags = None,
) -> wire.SchemaAnswer:
    """By number, or `latest` (also -1): the highest live version."""
    number = names.version(version)

    def job(db: Db) -> wire.SchemaAnswer:
        found = subjects.version(db, subjects.aliased(db, Subject.parse(subject)), number, deleted=q.flag(deleted))
        return render.version(
            db, found, format=format_, qualified=reference_format == "qualified", find_tags=find_tags or ()
        )

    answer = await services(request).read(job, heavy=bool(format_ or find_tags))
    keep(request, f"subject:{subject}")
    return answer


@get(
    "/subjects/{subject:str}/versions/{version:str}/schema",
    READ,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.InvalidVersion,
    summary="Read the bare text of a version",
    media_type=MediaType.JSON,
)
async def get_schema(
    request: Call, subject: FromPath[str], version: FromPath[str], format_: q.Format = None, deleted: q.Deleted = None
) -> Response[bytes]:
    """A JSON value for Avro and JSON Schema, plain text for Protobuf."""
    number = names.version(version)

    def job(db: Db) -> str:
        found = subjects.version(db, subjects.aliased(db, Subject.parse(subject)), number, deleted=q.flag(deleted))
        return render.text(db, found.schema, format_)

    text = await services(request).read(job, heavy=bool(format_))
    keep(request, f"subject:{subject}")
    return Response(text.encode(), media_type=MediaType.JSON)


async def _referenced_by(
    request: Call, subject: str, version: str, deleted: str | None, offset: str | None, limit: str | None
) -> list[int]:
    number = names.version(version)
    skip, most = max(0, q.number(offset, 0)), q.number(limit, -1)

    def job(db: Db) -> list[int]:
        named = subjects.aliased(db, Subject.parse(subject))
        found = subjects.version(db, named, number, deleted=True)
        seen = sees(actor_of(request))
        if seen is None:
            return schemas.referencing(db, named, found.version, deleted=q.flag(deleted), offset=skip, limit=most)
        # A referring schema is in the context of what it refers to, or says nothing that the caller could look up.
        ids = [
            id
            for id in schemas.referencing(db, named, found.version, deleted=q.flag(deleted))
            if (stored := schemas.by_id(db, named.context, id)) is not None and visible(db, seen, stored)
        ][skip:]
        return ids if most <= 0 else ids[:most]

    return await services(request).read(job, heavy=True)


@get(
    "/subjects/{subject:str}/versions/{version:str}/referencedby",
    READ,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.InvalidVersion,
    summary="Which schemas refer to a version",
)
async def referenced_by(
    request: Call,
    subject: FromPath[str],
    version: FromPath[str],
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[int]:
    """Global ids."""
    return await _referenced_by(request, subject, version, deleted, offset, limit)


@get(
    "/subjects/{subject:str}/versions/{version:str}/referencedBy",
    READ,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.InvalidVersion,
    summary="Which schemas refer to a version (other spelling)",
)
async def referenced_by_capital(
    request: Call,
    subject: FromPath[str],
    version: FromPath[str],
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[int]:
    """The spelling that Redpanda's clients use."""
    return await _referenced_by(request, subject, version, deleted, offset, limit)


@delete(
    "/subjects/{subject:str}/versions/{version:str}",
    DELETE,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.VersionSoftDeleted,
    errors.VersionNotSoftDeleted,
    errors.NoActiveVersion,
    errors.InvalidVersion,
    errors.OperationNotPermitted,
    errors.ReferenceExists,
    summary="Delete a version",
)
async def delete_version(
    request: Call, subject: FromPath[str], version: FromPath[str], permanent: q.Permanent = None
) -> int:
    """Softly, or for good once it was soft-deleted; the number that went."""
    number, parts, actor = names.version(version), services(request), actor_of(request)
    return await parts.write(
        lambda db: subjects.delete_version(
            db,
            actor,
            subjects.aliased(db, Subject.parse(subject)),
            number,
            parts.server_config,
            permanent=q.flag(permanent),
            objector=parts.objector,
        )
    )


@get("/subjects/{subject:str}/metadata", READ, errors.SubjectNotFound, summary="Newest version with metadata")
async def latest_with_metadata(
    request: Call,
    subject: FromPath[str],
    key: Annotated[list[str] | None, QueryParameter(name="key", description="property names")] = None,
    value: Annotated[list[str] | None, QueryParameter(name="value", description="their values, in order")] = None,
    deleted: q.Deleted = None,
    format_: q.Format = None,
) -> wire.SchemaAnswer:
    """The newest version whose properties hold every pair."""
    # confluent-kafka sends keys and values percent-encoded twice.
    pairs = dict(zip(map(unquote, key or ()), map(unquote, value or ()), strict=False))

    def job(db: Db) -> wire.SchemaAnswer:
        named = subjects.aliased(db, Subject.parse(subject))
        return render.version(db, subjects.with_metadata(db, named, pairs, deleted=q.flag(deleted)), format=format_)

    return await services(request).read(job, heavy=True)


HANDLERS = [
    list_subjects,
    look_up,
    delete_subject,
    list_versions,
    register,
    get_version,
    get_schema,
    referenced_by,
    referenced_by_capital,
    delete_version,
    latest_with_metadata,
]
