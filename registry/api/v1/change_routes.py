"""`GET /changes`: the feed of everything that was changed, in the order it was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from litestar.params import QueryParameter

from registry import history
from registry.api.v1 import render, wire
from registry.api.v1.routes import Limit, get
from registry.history import Entry
from registry.security.access import Action, Needs, split
from registry.security.guard import actor_of, may
from registry.services import Call, Services, services
from registry.stopping import STOPPING

READ = Needs(Action.READ, "subject", filtered=True)
LONGEST_WAIT = 30
_LOOK_EVERY = 0.25


async def _feed(parts: Services, after: int, prefix: str, limit: int) -> tuple[Sequence[Entry], int]:
    return await parts.read(lambda db: history.feed(db, after=after, limit=limit, prefix=prefix), heavy=True)


@get("/changes", READ, summary="Feed of changes")
async def get_changes(
    request: Call,
    cursor: Annotated[
        int, QueryParameter(name="cursor", ge=0, le=2**62, description="events after this sequence number")
    ] = 0,
    resource: Annotated[
        str, QueryParameter(name="resource", max_length=1000, description="start of the resource: `subject:orders-`")
    ] = "",
    limit: Limit = 100,
    wait: Annotated[
        float,
        QueryParameter(name="wait", ge=0, le=LONGEST_WAIT, description="seconds to wait for an event if there is none"),
    ] = 0,
) -> wire.Events:
    """Oldest first. What is announced was committed; an event is there within a second of its commit.

    With a `resource` that few events have, an answer may be empty and still have come further: its `next_cursor`
    says so.
    """
    parts, loop, actor = services(request), asyncio.get_running_loop(), actor_of(request)
    # An answer must be there before the server gives the request up.
    until = loop.time() + min(wait, parts.settings.request_timeout / 2)
    found, after = await _feed(parts, cursor, resource, limit)
    while not found and loop.time() < until and not STOPPING.is_set():
        await asyncio.sleep(min(_LOOK_EVERY, max(0.0, until - loop.time())))
        found, after = await _feed(parts, after, resource, limit)
    visible = [each for each in found if may(actor, Action.READ, *_place(each.resource))]
    return wire.Events([render.event(each) for each in visible], after)


def _place(resource: str) -> tuple[str, str]:
    """What an event is about, as grants name it: the settings of a scope are those of a subject."""
    kind, name = split(resource)
    return "subject" if kind == "scope" else kind, name


HANDLERS = [get_changes]
