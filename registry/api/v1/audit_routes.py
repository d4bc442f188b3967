"""`/audit…`: the log of changes as auditors ask for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from registry import errors
from registry.api.v1 import cursors, render
from registry.api.v1 import trust_wire as wire
from registry.api.v1.routes import Cursor, Limit, get
from registry.security import audit
from registry.security.access import Action, Needs
from registry.services import Call, services
from registry.store.engine import Db
from registry.store.queries import audit as queries
from tenor.chain import Checkpoint, Sealed

READ = Needs(Action.READ, "audit")
_MOST = 5000


def _moment(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise errors.InvalidRequest(f"{name} is not a time: 2025-01-31T12:00:00Z") from None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


@get("/audit/events", READ, errors.InvalidRequest, summary="Search the audit log")
async def search_audit(
    request: Call,
    actor: Annotated[str | None, QueryParameter(name="actor", max_length=500, description="who")] = None,
    action: Annotated[str | None, QueryParameter(name="action", max_length=64, description="what was done")] = None,
    resource: Annotated[
        str, QueryParameter(name="resource", max_length=1000, description="start of the resource: `subject:orders-`")
    ] = "",
    address: Annotated[str | None, QueryParameter(name="address", max_length=100, description="from where")] = None,
    since: Annotated[str | None, QueryParameter(name="since", max_length=40, description="RFC 3339")] = None,
    until: Annotated[str | None, QueryParameter(name="until", max_length=40, description="RFC 3339")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> wire.AuditEvents:
    """Who did what, when, from where; newest first. Refused attempts are there too, by identity and minute."""
    begin, end, before = _moment(since, "since"), _moment(until, "until"), cursors.key(cursor)

    def job(db: Db) -> wire.AuditEvents:
        rows = queries.search(
            db,
            actor=actor,
            action=action,
            resource=resource,
            origin=address,
            since=begin,
            until=end,
            before=before,
            limit=limit + 1,
        )
        items = [
            wire.AuditEvent(sequence, render.time(at), who, what, which, origin, msgspec.json.decode(body))
            for _, sequence, at, who, what, which, body, origin in rows[:limit]
        ]
        return wire.AuditEvents(items, cursors.of_key(rows[limit - 1][0] if len(rows) > limit else None))

    return await services(request).read(job, heavy=True)


@get("/audit/export", READ, summary="Export the audit log")
async def export_audit(
    request: Call,
    after: Annotated[int, QueryParameter(name="after", ge=0, le=2**62, description="events after this number")] = 0,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=_MOST, description="at most so many")] = 1000,
) -> wire.AuditPart:
    """Part by part, exactly as it was hashed; `tenor audit export` collects it and `tenor audit verify` checks it."""
    parts = services(request)
    signer = audit.signer(parts.settings, parts.store)
    found = await parts.read(lambda db: audit.part(db, after, limit), heavy=True)
    return wire.AuditPart(
        [_event(each) for each in found.events],
        [_checkpoint(each) for each in found.checkpoints],
        {} if signer is None else {name: public.hex() for name, public in signer.keys.items()},
        found.next,
    )


def _event(found: Sealed) -> wire.SealedEvent:
    return wire.SealedEvent(
        found.sequence,
        found.at,
        found.actor,
        found.action,
        found.resource,
        found.body,
        found.origin,
        None if found.hash is None else found.hash.hex(),
    )


def _checkpoint(found: Checkpoint) -> wire.SignedCheckpoint:
    return wire.SignedCheckpoint(found.sequence, found.hash.hex(), found.at, found.key_id, found.signature.hex())


HANDLERS = [search_audit, export_audit]
