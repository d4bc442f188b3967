"""`/asyncapi`: what the registry knows, as an AsyncAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from litestar.params import QueryParameter

from contracts.api.v1 import errors as _rows  # noqa: F401 # they have to be there before routes name them
from contracts.asyncapi.document import Scope
from contracts.asyncapi.facts import described
from contracts.errors import ApplicationNotFound, UnknownEnvironment
from registry import errors, subjects
from registry.api.v1.routes import get
from registry.api.v1.subject_routes import LIST
from registry.security.guard import actor_of, sees
from registry.services import Call, services
from registry.store.engine import Db

ANYWHERE = ":*:"


@get(
    "/asyncapi",
    LIST,
    errors.InvalidContext,
    errors.InvalidRequest,
    ApplicationNotFound,
    UnknownEnvironment,
    summary="What applications send and receive, as AsyncAPI",
)
async def get_asyncapi(
    request: Call,
    application: Annotated[
        str | None, QueryParameter(name="application", min_length=1, max_length=500, description="only what it uses")
    ] = None,
    environment: Annotated[
        str | None,
        QueryParameter(name="environment", min_length=1, max_length=500, description="only what runs there"),
    ] = None,
    prefix: Annotated[
        str, QueryParameter(name="prefix", max_length=1000, description="start of subjects; `:.ctx:` one context")
    ] = "",
) -> dict[str, Any]:
    """AsyncAPI 3.0: topics as channels, subjects as messages, their schemas as they are, applications as operations.

    An application sends what it said that it writes, and what contracts say that it provides; it receives what its
    contracts need, and what it was seen fetching. At most 1,000 subjects.
    """
    context, start = subjects.wildcard(prefix or ANYWHERE)
    seen = sees(actor_of(request))

    def job(db: Db) -> dict[str, Any]:
        return described(db, Scope(application, environment), start, context, seen)

    return await services(request).read(job, heavy=True)


HANDLERS = [get_asyncapi]
