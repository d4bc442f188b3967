"""`/policies`, `/waivers`, `/mappings`: what holds for many subjects, and which subject messages belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar.params import FromPath, JSONBody

from contracts import derivation, protection, readers
from contracts.api.v1 import render, wire
from contracts.api.v1.parts import (
    CONFIGURE_ALL,
    CONFIGURE_APPLICATIONS,
    READ_ALL,
    READ_APPLICATIONS,
    WAIVE_ALL,
)
from contracts.api.v1.subject_routes import set_policy
from contracts.blast_radius import waiver_told
from contracts.queries import needs as queries
from contracts.queries import protection as policies
from registry import errors
from registry.api.v1 import impact_wire
from registry.api.v1.render import time
from registry.api.v1.routes import delete, get, put
from registry.clock import now_ms
from registry.events import record
from registry.evolution.windows import Retention
from registry.security.guard import actor_of
from registry.services import Call, services
from registry.store.engine import Db


@get("/policies", READ_ALL, summary="Every policy")
async def get_policies(request: Call) -> wire.Policies:
    """By scope: "" all subjects, `orders-*` a prefix, else one subject."""

    def job(db: Db) -> wire.Policies:
        found = sorted(policies.policies(db).items())
        return wire.Policies([render.policy(scope, policy) for scope, policy in found])

    return await services(request).read(job, heavy=True)


@put("/policies", CONFIGURE_ALL, errors.InvalidConfig, errors.InvalidRequest, summary="Protect many subjects")
async def put_policies(request: Call, data: JSONBody[wire.ScopePolicy]) -> wire.ScopePolicy:
    """The whole policy of a scope; nothing in it removes it."""
    actor, scope = actor_of(request), protection.scope(data.scope)
    body = wire.Policy(data.protect, data.readable_for)
    return await services(request).write(lambda db: set_policy(db, actor, scope, body))


@get("/waivers", READ_ALL, summary="Every waiver")
async def get_waivers(request: Call) -> list[impact_wire.Waiver]:
    """Those that expired too, until somebody withdraws them; the next to expire first."""

    def job(db: Db) -> list[impact_wire.Waiver]:
        return [impact_wire.Waiver(**waiver_told(each)) for each in policies.waivers(db)]

    return await services(request).read(job, heavy=True)


@delete("/waivers/{waiver:str}", WAIVE_ALL, errors.NotFound, summary="Withdraw a waiver", status_code=200)
async def delete_waiver(request: Call, waiver: FromPath[str]) -> impact_wire.Waiver:
    """What it was."""
    actor = actor_of(request)

    def job(db: Db) -> impact_wire.Waiver:
        gone = policies.delete_waiver(db, waiver)
        if gone is None:
            raise errors.NotFound
        queries.moved(db)
        record(db, actor, "waiver_withdrawn", f"subject:{gone.subject}", id=waiver)
        return impact_wire.Waiver(**waiver_told(gone))

    return await services(request).write(job)


@get("/mappings", READ_APPLICATIONS, summary="Which subject messages belong to")
async def get_mappings(request: Call) -> wire.Mappings:
    """Looked at where a message does not say its subject itself."""

    def job(db: Db) -> wire.Mappings:
        return wire.Mappings([wire.Mapping(*each) for each in queries.mappings(db)])

    return await services(request).read(job)


@put("/mappings", CONFIGURE_APPLICATIONS, summary="Say which subject messages belong to")
async def put_mapping(request: Call, data: JSONBody[wire.Mapping]) -> wire.Mapping:
    """Messages of a provider whose description matches a glob. What belonged to no subject is looked at again."""
    actor = actor_of(request)

    def job(db: Db) -> wire.Mapping:
        queries.put_mapping(db, data.provider, data.description, data.subject, now_ms())
        derivation.remap(db, data.provider)
        queries.moved(db)
        told = {"description": data.description, "subject": data.subject}
        record(db, actor, "mapping", f"application:{data.provider}", **told)
        return data

    return await services(request).write(job)


@get("/unmapped", READ_APPLICATIONS, summary="Contracts that belong to no subject")
async def get_unmapped(request: Call) -> wire.AllUnmapped:
    """They count as unknown for every subject that their provider writes."""

    def job(db: Db) -> wire.AllUnmapped:
        rows = queries.unmapped(db)
        said = readers.contracts(db, [kept for kept, _, _ in rows])
        return wire.AllUnmapped(
            [
                wire.Unmapped(
                    application, number, kept.provider, [reason for each in said[kept.pk] for reason in each.reasons]
                )
                for kept, application, number in rows
            ]
        )

    return await services(request).read(job, heavy=True)


@put("/topics/{topic:str}/evidence", CONFIGURE_ALL, summary="Say what was seen of a topic")
async def put_topic(request: Call, topic: FromPath[str], data: JSONBody[wire.TopicEvidence]) -> wire.Topic:
    """It replaces what was seen before. A support window `while_retained` rests on it."""
    actor = actor_of(request)
    detail = {"groups": data.groups, "schema_ids": data.schema_ids, "sampled": data.sampled}

    def job(db: Db) -> wire.Topic:
        seen = Retention(topic, data.retention_ms, data.oldest_at, now_ms())
        policies.put_topic(db, seen, detail)
        queries.moved(db)
        record(db, actor, "topic_seen", f"topic:{topic}", retention_ms=data.retention_ms)
        return _topic(seen, detail)

    return await services(request).write(job)


@get("/topics", READ_ALL, summary="What was seen of topics")
async def get_topics(request: Call) -> list[wire.Topic]:
    """With the time when it was seen."""
    return await services(request).read(
        lambda db: [_topic(seen, detail) for seen, detail in policies.topics(db)], heavy=True
    )


def _topic(seen: Retention, detail: Mapping[str, Any]) -> wire.Topic:
    return wire.Topic(
        seen.topic,
        seen.keeps,
        seen.oldest,
        time(seen.seen_at),
        list(detail.get("groups", ())),
        list(detail.get("schema_ids", ())),
        int(detail.get("sampled", 0)),
    )


HANDLERS = [
    put_topic,
    get_topics,
    get_policies,
    put_policies,
    get_waivers,
    delete_waiver,
    get_mappings,
    put_mapping,
    get_unmapped,
]
