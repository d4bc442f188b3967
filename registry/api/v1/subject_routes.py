"""`/subjects…`: search, read, history, owner, undelete, bulk delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeVar

from litestar.params import FromPath, JSONBody, QueryParameter

from registry import errors, formats, history, names, removal, search, subjects
from registry.api.v1 import cursors, render, wire
from registry.api.v1.errors import problem
from registry.api.v1.routes import MOST, Cursor, Deleted, DryRun, Limit, get, post, put
from registry.names import ANY_CONTEXT, Subject
from registry.policy import effective
from registry.search import ALL, DELETED, LIVE, Criteria, Position
from registry.security.access import Action, Needs
from registry.security.guard import Sees, actor_of, decide, sees
from registry.services import Call, services
from registry.store.engine import Db
from registry.store.queries import schemas

READ = Needs(Action.READ, "subject", "subject")
LIST = Needs(Action.READ, "subject", filtered=True)
DELETE = Needs(Action.DELETE, "subject", "subject")
DELETE_MANY = Needs(Action.DELETE, "subject", filtered=True)
CONFIGURE = Needs(Action.CONFIGURE, "subject", "subject")

T = TypeVar("T")

_PAGES = 20
_WHICH = {"false": LIVE, "true": ALL, "only": DELETED}


def _place(context: str | None, prefix: str) -> tuple[str | None, str]:
    """The context to look in (None: all) and the start of the name; the prefix may name its context itself."""
    home = None if context is None else names.context(context)
    start = Subject.parse(prefix, home or ANY_CONTEXT)
    if start.context == ANY_CONTEXT:
        return home, start.name
    if home not in (None, start.context):
        raise errors.InvalidRequest(f"The prefix is one of context '{start.context}', not of '{home}'")
    return start.context, start.name


def _format(text: str | None) -> str | None:
    if text is not None and text.upper() not in formats.NAMES:
        raise errors.UnknownFormat(text)
    return text and text.upper()


def _visible(
    page: Callable[[Position | None, int], tuple[Sequence[T], Position | None]],
    name: Callable[[T], Subject],
    seen: Sees,
    after: Position | None,
    limit: int,
) -> tuple[list[T], Position | None]:
    """A page of what may be seen, and where to go on: after something that may be seen too, never after anything else.

    Raises InvalidRequest when that is far between.
    """
    items: list[T] = []
    for _ in range(_PAGES):
        found, after = page(after, MOST)
        items += [each for each in found if seen(name(each))]
        if len(items) >= limit or after is None:
            break
    else:
        raise errors.InvalidRequest("What you may see is far between here: ask with a longer prefix, or a context")
    further = len(items) > limit or (after is not None and bool(items))
    last = name(items[:limit][-1]) if items else None
    return items[:limit], Position(last.context, last.name) if further and last is not None else None


@get("/subjects", LIST, errors.InvalidContext, errors.InvalidSchema, summary="List and search subjects")
async def list_subjects(
    request: Call,
    part: Annotated[str, QueryParameter(name="query", max_length=200, description="part of the name")] = "",
    prefix: Annotated[
        str, QueryParameter(name="prefix", max_length=1000, description="start of the name; `:.ctx:` one context")
    ] = "",
    field: Annotated[
        str | None,
        QueryParameter(name="field", min_length=1, max_length=500, description="a path (`/a/b`) or a field's name"),
    ] = None,
    tag: Annotated[str | None, QueryParameter(name="tag", min_length=1, max_length=500)] = None,
    owner: Annotated[str | None, QueryParameter(name="owner", max_length=200)] = None,
    text: Annotated[str, QueryParameter(name="text", max_length=200, description="anywhere in the schema")] = "",
    format_: Annotated[
        str | None, QueryParameter(name="format", max_length=20, description="AVRO, JSON or PROTOBUF")
    ] = None,
    context: Annotated[str | None, QueryParameter(name="context", max_length=1000)] = None,
    deleted: Annotated[
        Literal["false", "true", "only"],
        QueryParameter(name="deleted", description="true: also those without a live version; only: just those"),
    ] = "false",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> wire.Subjects:
    """Subjects that match everything that is asked, by context and name.

    Fields, tags and text are those of the latest version. Names and text do not tell upper from lower case.
    """
    home, start = _place(context, prefix)
    criteria = Criteria(home, start, part, field, tag, owner, text, _format(format_), _WHICH[deleted])
    parts, after = services(request), cursors.position(cursor)
    seen = sees(actor_of(request))

    def job(db: Db) -> search.Page:
        def page(after: Position | None, limit: int) -> tuple[Sequence[search.Found], Position | None]:
            found = search.search(db, criteria, parts.server_config, after=after, limit=limit)
            return found.items, found.next

        if seen is None:
            return search.Page(*page(after, limit))
        return search.Page(*_visible(page, lambda found: found.hit.subject, seen, after, limit))

    found = await parts.read(job, heavy=True)
    return wire.Subjects([render.subject(each) for each in found.items], cursors.of_position(found.next))


@get("/subjects/{subject:str}", READ, errors.SubjectNotFound, summary="Read a subject")
async def get_subject(request: Call, subject: FromPath[str], deleted: Deleted = False) -> wire.SubjectDetail:
    """With its mode and the schema of its latest version."""
    parts = services(request)

    def job(db: Db) -> wire.SubjectDetail:
        named = subjects.aliased(db, Subject.parse(subject))
        found = search.one(db, named, parts.server_config, deleted=deleted)
        version = schemas.version(db, named, found.hit.version, deleted=True)
        if version is None:
            raise errors.SubjectNotFound(subject=str(named))
        return render.detail(found, effective(db, named, parts.server_config).mode, version)

    return await parts.read(job)


@get("/subjects/{subject:str}/history", READ, errors.SubjectNotFound, summary="History of a subject")
async def get_history(request: Call, subject: FromPath[str], limit: Limit = 50, cursor: Cursor = None) -> wire.History:
    """What happened to it and to its settings: who, when, what; newest first. It outlives the subject."""
    before = cursors.key(cursor)

    def job(db: Db) -> wire.History:
        named = subjects.aliased(db, Subject.parse(subject))
        entries, further = history.of_subject(db, named, before=before, limit=limit)
        return wire.History(str(named), [render.entry(each) for each in entries], cursors.of_key(further))

    return await services(request).read(job, heavy=True)


@put(
    "/subjects/{subject:str}/owner",
    CONFIGURE,
    errors.SubjectNotFound,
    errors.InvalidSubject,
    summary="Say who owns a subject",
)
async def put_owner(request: Call, subject: FromPath[str], data: JSONBody[wire.Owner]) -> wire.OwnerOf:
    """1 to 200 printable characters; null for nobody."""
    parts, actor = services(request), actor_of(request)

    def job(db: Db) -> wire.OwnerOf:
        named = parts.writable(db, subject)
        subjects.set_owner(db, actor, named, data.owner)
        return wire.OwnerOf(str(named), data.owner)

    return await parts.write(job)


@post(
    "/subjects/{subject:str}/undelete",
    DELETE,
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.OperationNotPermitted,
    errors.InvalidSubject,
    summary="Bring back soft-deleted versions",
)
async def undelete(
    request: Call, subject: FromPath[str], data: JSONBody[wire.UndeleteRequest | None] = None, dry_run: DryRun = False
) -> wire.Restored:
    """All of them, or those named. One whose content is live again under another number stays deleted."""
    parts, actor, versions = services(request), actor_of(request), None if data is None else data.versions

    def job(db: Db) -> wire.Restored:
        named = parts.writable(db, subject)
        return wire.Restored(str(named), subjects.undelete(db, actor, named, parts.server_config, versions))

    return await parts.write(job, dry_run=dry_run)


@post("/subjects:delete", DELETE_MANY, errors.InvalidSubject, summary="Delete many subjects")
async def delete_subjects(
    request: Call, data: JSONBody[wire.BulkDeleteRequest], dry_run: DryRun = False
) -> wire.BulkDelete:
    """What can go goes, referring subjects before those they refer to; every refusal says why.

    A dry run answers exactly what would go and what would not: it is the same code, rolled back.
    """
    if (data.subjects is None) == (not data.prefix):
        raise errors.InvalidRequest("Either subjects or a prefix is needed (`:.:` is the whole default context)")
    parts, actor, after = services(request), actor_of(request), cursors.position(data.cursor)

    def permit(subject: Subject) -> None:
        for action in (Action.DELETE, Action.PURGE) if data.permanent else (Action.DELETE,):
            decide(actor, action, f"subject:{subject}")

    def job(db: Db) -> wire.BulkDelete:
        further: Position | None = None
        named: Sequence[Subject]
        if data.subjects is not None:
            named = [subjects.aliased(db, names.subject(each)) for each in data.subjects]
        else:

            def page(after: Position | None, limit: int) -> tuple[Sequence[Subject], Position | None]:
                return removal.with_prefix(
                    db, data.prefix or "", parts.server_config, permanent=data.permanent, after=after, limit=limit
                )

            deletes = sees(actor, Action.DELETE)
            if deletes is None:
                named, further = page(after, data.limit)
            else:  # of others nothing is said
                named, further = _visible(page, lambda each: each, deletes, after, data.limit)
        removed, kept = removal.delete_subjects(
            db, actor, named, parts.server_config, permanent=data.permanent, permit=permit, objector=parts.objector
        )
        return wire.BulkDelete(
            dry_run,
            [wire.Removed(str(each.subject), list(each.versions)) for each in removed],
            [wire.Refused(str(each.subject), problem(each.reason)) for each in kept],
            cursors.of_position(further),
        )

    return await parts.write(job, dry_run=dry_run)


HANDLERS = [list_subjects, get_subject, get_history, put_owner, undelete, delete_subjects]
