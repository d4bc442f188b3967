"""`/subjects/{s}/versions/{v}/tags`: a new version with other tags, metadata or rules (facts: confluent-api §13)."""

from __future__ import annotations

from litestar.params import FromPath, JSONBody

from registry import errors, names, registration, tags
from registry.api.confluent import render, wire
from registry.api.confluent.routes import post
from registry.api.schema_wire import metadata, rule_set, taggings
from registry.security.access import Action, Needs
from registry.security.guard import actor_of
from registry.services import Call, services


def _change(data: wire.TagSchemaRequest) -> tags.Change:
    return tags.Change(
        new_version=data.new_version or 0,
        add=taggings(data.tags_to_add),
        remove=taggings(data.tags_to_remove),
        metadata=metadata(data.metadata),
        rule_set=rule_set(data.rule_set),
        rules_to_merge=rule_set(data.rules_to_merge),
        rules_to_remove=None if data.rules_to_remove is None else tuple(data.rules_to_remove),
    )


@post(
    "/subjects/{subject:str}/versions/{version:str}/tags",
    Needs(Action.WRITE, "subject", "subject"),
    errors.SubjectNotFound,
    errors.VersionNotFound,
    errors.Incompatible,
    errors.InvalidSchema,
    errors.VersionNotNext,
    errors.InvalidVersion,
    errors.OperationNotPermitted,
    errors.InvalidSubject,
    errors.InvalidRuleSet,
    summary="Make a new version with other tags, metadata or rules",
)
async def tag(
    request: Call, subject: FromPath[str], version: FromPath[str], data: JSONBody[wire.TagSchemaRequest]
) -> wire.SchemaAnswer:
    """Absent metadata stays; `ruleSet` counts only without `rulesToMerge` and `rulesToRemove`. Answers the version."""
    parts, actor, number, change = services(request), actor_of(request), names.version(version), _change(data)
    registered = await parts.store.decide_and_write(
        lambda db: tags.decide(db, parts.writable(db, subject), number, change, parts.server_config, parts.objector),
        registration.Commit(actor, parts.objector),
    )
    return await parts.read(lambda db: render.version(db, registered.version))


HANDLERS = [tag]
