"""`/schemas…`: by id, by guid, and lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from litestar import MediaType, Response
from litestar.params import FromPath, QueryParameter

from registry import errors, formats, subjects
from registry.api.confluent import parameters as q
from registry.api.confluent import render, wire
from registry.api.confluent.routes import get
from registry.content import Content
from registry.hot import Keep
from registry.names import DEFAULT_CONTEXT, Subject
from registry.security.access import PUBLIC, Action, Needs
from registry.security.guard import Sees, actor_of, sees, visible
from registry.services import Call, keep, services
from registry.store.engine import Db
from registry.store.queries import associations, schemas
from registry.store.queries import settings as settings_queries

READ = Needs(Action.READ, "schema", "id", filtered=True)
BY_GUID = Needs(Action.READ, "schema", "guid", filtered=True)
LIST = Needs(Action.READ, "schema", filtered=True)
_MOST = 1000
_HEX = re.compile(r"[0-9a-fA-F]{32}\Z")
# How long caches may hold answers: a content never changes, but the version beside it may be deleted.
_DAY, _MINUTE = 86_400, 60


def _rule_types(content: Content) -> set[str]:
    return {rule.type for _, rules in content.rule_set.lists() for rule in rules} if content.rule_set else set()


@get("/schemas", LIST, errors.NotFound, summary="List schemas")
async def list_schemas(
    request: Call,
    prefix: q.Prefix = None,
    aliases: Annotated[
        str | None, QueryParameter(name="aliases", description="say which aliases a subject has")
    ] = None,
    deleted: q.Deleted = None,
    latest_only: Annotated[str | None, QueryParameter(name="latestOnly", description="the newest version only")] = None,
    rule_type: Annotated[str | None, QueryParameter(name="ruleType", description="with a rule of this type")] = None,
    resource_type: Annotated[
        str | None, QueryParameter(name="resourceType", description="associated with such")
    ] = None,
    association_types: Annotated[
        list[str] | None, QueryParameter(name="associationType", description="of a type")
    ] = None,
    lifecycles: Annotated[
        list[str] | None, QueryParameter(name="lifecycle", description="STRONG, WEAK or NONE")
    ] = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[wire.SchemaAnswer]:
    """Versions of many subjects, by subject name and version; 1000 at most."""
    context, start = subjects.wildcard(prefix or "")
    skip, most = max(0, q.number(offset, 0)), q.number(limit, -1)
    most = most if 0 < most <= _MOST else _MOST
    seen = sees(actor_of(request))
    filters = bool(rule_type or resource_type or association_types or lifecycles) or seen is not None

    def job(db: Db) -> list[wire.SchemaAnswer]:
        found = schemas.list_versions(
            db,
            context=context,
            prefix=start,
            deleted=q.flag(deleted),
            latest_only=q.flag(latest_only),
            offset=0 if filters else skip,
            limit=None if filters else most,
        )
        if filters:
            found = [version for version in found if _matches(db, version)][skip : skip + most]
        named = _aliases(db) if q.flag(aliases) else {}
        return [_extended(db, version, _visible(named.get(str(version.subject), ()))) for version in found]

    def _visible(aliases: Sequence[str]) -> list[str]:
        return [each for each in aliases if seen is None or seen(Subject.parse(each))]

    def _matches(db: Db, version: schemas.Version) -> bool:
        if not (seen is None or seen(version.subject)):
            return False
        if rule_type and rule_type not in _rule_types(version.content):
            return False
        if not (resource_type or association_types or lifecycles):
            return True
        mine = associations.find(
            db, subject=str(version.subject), resource_type=resource_type, types=association_types or ()
        )
        wanted = {each.upper() for each in lifecycles or ()}
        if not wanted:
            return bool(mine)
        return any(each.lifecycle in wanted for each in mine) or ("NONE" in wanted and not mine)

    return await services(request).read(job, heavy=True)


def _aliases(db: Db) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for scope, _ in settings_queries.aliases(db):
        target = subjects.aliased(db, Subject.parse(scope))
        named.setdefault(str(target), []).append(scope)
    return named


def _extended(db: Db, version: schemas.Version, aliases: object) -> wire.SchemaAnswer:
    answer = render.version(db, version, aliases=list(aliases) if isinstance(aliases, list) else ())
    answer.associations = [association(each) for each in associations.find(db, subject=str(version.subject))]
    return answer


def association(found: associations.Association) -> wire.AssociationAnswer:
    """One association on the wire."""
    return wire.AssociationAnswer(
        subject=found.subject,
        guid=found.guid,
        resource_name=found.resource_name,
        resource_namespace=found.resource_namespace,
        resource_id=found.resource_id,
        resource_type=found.resource_type,
        association_type=found.type,
        lifecycle=found.lifecycle,
        frozen=found.frozen,
        create_timestamp=found.created_at,
        update_timestamp=found.updated_at,
    )


@get("/schemas/types", PUBLIC, summary="Schema types")
async def list_types(request: Call) -> list[str]:
    """The formats this registry understands."""
    return ["JSON", "PROTOBUF", "AVRO"] if set(formats.NAMES) == {"JSON", "PROTOBUF", "AVRO"} else list(formats.NAMES)


@get("/schemas/ids/{id:str}", READ, errors.SchemaNotFound, summary="Read a schema by id")
async def get_by_id(
    request: Call,
    id: FromPath[str],
    subject: q.InSubject = None,
    format_: q.Format = None,
    reference_format: q.ReferenceFormat = None,
    find_tags: q.FindTags = None,
    fetch_max_id: Annotated[
        str | None, QueryParameter(name="fetchMaxId", description="also say the highest id of the context")
    ] = None,
) -> wire.SchemaString:
    """Soft-deleted schemas stay readable by id."""
    number, with_max = q.schema_id(id), q.flag(fetch_max_id)
    seen = sees(actor_of(request))

    def job(db: Db) -> tuple[wire.SchemaString, Keep]:
        return read_by_id(
            db,
            number,
            subject,
            format=format_,
            qualified=reference_format == "qualified",
            find_tags=find_tags or (),
            with_max=with_max,
            seen=seen,
        )

    answer, wish = await services(request).read(job, heavy=bool(format_ or find_tags))
    keep(request, wish.resource, immutable=wish.immutable, tags=wish.tags)
    return answer


def _by_id(db: Db, id: int, subject: str | None, seen: Sees | None) -> subjects.Found:
    found = subjects.by_id(db, id, subject)
    if not visible(db, seen, found.schema):
        raise errors.SchemaNotFound(id)
    return found


def read_by_id(
    db: Db,
    id: int,
    subject: str | None,
    *,
    format: str | None = None,
    qualified: bool = False,
    find_tags: Sequence[str] = (),
    with_max: bool = False,
    seen: Sees | None,
) -> tuple[wire.SchemaString, Keep]:
    """A schema by id as the API answers it, and how long that answer holds. Raises SchemaNotFound, also for one of
    subjects of which none may be seen."""
    found = _by_id(db, id, subject, seen)
    max_id = schemas.max_id(db, found.schema.context) if with_max else None
    answer = render.schema_string(db, found, format=format, qualified=qualified, find_tags=find_tags, max_id=max_id)
    # Found where it was looked for first, the answer holds until a delete, a registration under the same id or another
    # alias says so.
    asked = Subject.parse(subject or "")
    here = found.schema.context == asked.context and (asked.is_context or found.version is not None)
    tags = (f"id:{id}",) if asked.is_context else (f"id:{id}", f"alias:{asked}")
    fresh = _DAY if found.version is None else _MINUTE
    return answer, Keep(f"schema:{id}", immutable=here and not with_max, tags=tags, fresh=fresh)


@get(
    "/schemas/ids/{id:str}/schema",
    READ,
    errors.SchemaNotFound,
    summary="Read the bare text of a schema by id",
    media_type=MediaType.JSON,
)
async def get_text_by_id(
    request: Call, id: FromPath[str], subject: q.InSubject = None, format_: q.Format = None
) -> Response[bytes]:
    """A JSON value for Avro and JSON Schema, plain text for Protobuf."""
    number, seen = q.schema_id(id), sees(actor_of(request))
    text = await services(request).read(
        lambda db: render.text(db, _by_id(db, number, subject, seen).schema, format_), heavy=bool(format_)
    )
    keep(request, f"schema:{id}")
    return Response(text.encode(), media_type=MediaType.JSON)


@get("/schemas/ids/{id:str}/subjects", READ, errors.SchemaNotFound, summary="Subjects that use an id")
async def subjects_by_id(
    request: Call,
    id: FromPath[str],
    subject: q.InSubject = None,
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[str]:
    """By name."""
    number, skip, most = q.schema_id(id), max(0, q.number(offset, 0)), q.number(limit, -1)

    seen = sees(actor_of(request))

    def job(db: Db) -> list[Subject]:
        context = _by_id(db, number, subject, seen).schema.context
        found = schemas.subjects_of_id(db, context, number, deleted=q.flag(deleted))
        visible = [each for each in found if seen is None or seen(each)][skip:]
        return visible if most <= 0 else visible[:most]

    return [str(each) for each in await services(request).read(job)]


@get("/schemas/ids/{id:str}/versions", READ, errors.SchemaNotFound, summary="Versions that use an id")
async def versions_by_id(
    request: Call,
    id: FromPath[str],
    subject: q.InSubject = None,
    deleted: q.Deleted = None,
    offset: q.Offset = None,
    limit: q.Limit = None,
) -> list[wire.SubjectVersion]:
    """By subject name."""
    number, skip, most = q.schema_id(id), max(0, q.number(offset, 0)), q.number(limit, -1)

    seen = sees(actor_of(request))

    def job(db: Db) -> list[tuple[Subject, int]]:
        context = _by_id(db, number, subject, seen).schema.context
        found = schemas.versions_of_id(db, context, number, deleted=q.flag(deleted))
        visible = [each for each in found if seen is None or seen(each[0])][skip:]
        return visible if most <= 0 else visible[:most]

    return [wire.SubjectVersion(str(each), version) for each, version in await services(request).read(job)]


def _guid(text: str) -> str:
    """A guid with or without hyphens, in lower case. Raises SchemaNotFound for what cannot be one."""
    bare = text.replace("-", "")
    if not _HEX.match(bare):
        raise errors.SchemaNotFound(text)
    bare = bare.lower()
    return f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"


@get(
    "/schemas/guids/{guid:str}",
    BY_GUID,
    errors.SchemaNotFound,
    summary="Read a schema by guid",
)
async def get_by_guid(
    request: Call, guid: FromPath[str], format_: q.Format = None, find_tags: q.FindTags = None
) -> wire.SchemaString:
    """A guid is the same in every context and cluster."""

    seen = sees(actor_of(request))

    def job(db: Db) -> tuple[wire.SchemaString, schemas.Stored]:
        found = [each for each in schemas.by_guid(db, _guid(guid)) if visible(db, seen, each)]
        if not found:
            raise errors.SchemaNotFound(guid)
        return render.schema_string(db, subjects.Found(found[0]), format=format_, find_tags=find_tags or ()), found[0]

    answer, first = await services(request).read(job, heavy=bool(format_ or find_tags))
    if seen is None:  # the first of those that may be seen is no answer for others
        # No context comes before the default one, should another get the same schema.
        keep(
            request,
            f"schema:{guid}",
            immutable=first.context == DEFAULT_CONTEXT,
            tags=(f"id:{first.id}",),
            fresh=_DAY,
        )
    return answer


@get(
    "/schemas/guids/{guid:str}/ids",
    BY_GUID,
    errors.SchemaNotFound,
    summary="Ids of a guid, by context",
)
async def ids_by_guid(request: Call, guid: FromPath[str]) -> list[wire.ContextId]:
    """Where the schema is known."""

    seen = sees(actor_of(request))

    def job(db: Db) -> list[wire.ContextId]:
        found = [each for each in schemas.by_guid(db, _guid(guid)) if visible(db, seen, each)]
        if not found:
            raise errors.SchemaNotFound(guid)
        return [wire.ContextId(each.context, each.id) for each in found]

    return await services(request).read(job)


HANDLERS = [
    list_schemas,
    list_types,
    get_by_id,
    get_text_by_id,
    subjects_by_id,
    versions_by_id,
    get_by_guid,
    ids_by_guid,
]
