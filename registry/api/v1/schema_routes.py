"""`GET /schemas/{key}`: a schema by id or guid."""

from __future__ import annotations

import re
from typing import Annotated

from litestar.params import FromPath, QueryParameter

from registry import errors, names, subjects
from registry.api.v1 import render, wire
from registry.api.v1.routes import get
from registry.names import Subject
from registry.security.access import Action, Needs
from registry.security.guard import Sees, actor_of, sees, visible
from registry.services import Call, services
from registry.store.engine import Db
from registry.store.queries import schemas
from registry.store.queries.schemas import Stored

READ = Needs(Action.READ, "schema", "key", filtered=True)
_USES = 100
_ID = re.compile(r"[0-9]{1,10}\Z")
_GUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\Z", re.IGNORECASE)


def _found(db: Db, key: str, context: str | None, seen: Sees | None) -> Stored:
    if guid := _GUID.match(key):
        known = schemas.by_guid(db, "-".join(guid.groups()).lower())
        found = next((each for each in known if context in (None, each.context) and visible(db, seen, each)), None)
        if found is None:
            raise errors.SchemaNotFound(key)
        return found
    if not _ID.match(key) or int(key) > names.MAX_VERSION:
        raise errors.SchemaNotFound(key)
    stored = subjects.by_id(db, int(key), None if context is None else str(Subject(context, ""))).schema
    if not visible(db, seen, stored):
        raise errors.SchemaNotFound(int(key))
    return stored


@get("/schemas/{key:str}", READ, errors.SchemaNotFound, errors.InvalidContext, summary="Read a schema by id or guid")
async def get_schema(
    request: Call,
    key: FromPath[str],
    context: Annotated[
        str | None, QueryParameter(name="context", max_length=1000, description="where to look; ids are per context")
    ] = None,
) -> wire.Schema:
    """With the versions that have it. A guid is the same in every context and on every server."""
    place = None if context is None else names.context(context)

    seen = sees(actor_of(request))

    def job(db: Db) -> wire.Schema:
        found = _found(db, key, place, seen)
        uses = schemas.versions_of_id(db, found.context, found.id, limit=None if seen else _USES)
        return render.schema(found, [each for each in uses if seen is None or seen(each[0])][:_USES])

    return await services(request).read(job)


HANDLERS = [get_schema]
