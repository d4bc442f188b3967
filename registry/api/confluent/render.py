"""From wire shapes to domain values and back."""

from __future__ import annotations

from collections.abc import Sequence

from registry import subjects
from registry.api.confluent import wire
from registry.api.schema_wire import SchemaEntity, SchemaTags, metadata, rule_set, taggings
from registry.content import Content
from registry.formats.base import Reference
from registry.names import DEFAULT_CONTEXT, Subject
from registry.registration import Registration
from registry.rules import (
    metadata_to_json,
    rule_set_to_json,
)
from registry.store.engine import Db
from registry.store.queries.schemas import Stored, Version


def registration(
    subject: Subject, request: wire.RegisterSchemaRequest, *, normalize: bool = False, force: bool = False
) -> Registration:
    """A request as the use cases take it."""
    return Registration(
        subject=subject,
        text=request.schema or "",
        format=(request.schema_type or "AVRO").upper(),
        references=tuple(Reference(each.name, each.subject, each.version) for each in request.references or ()),
        metadata=metadata(request.metadata),
        rule_set=rule_set(request.rule_set),
        version=request.version or 0,
        # Ids start from 1: clients in languages without null send 0 or -1.
        id=request.id if request.id is not None and request.id > 0 else None,
        normalize=normalize,
        force=force,
        tags_to_add=taggings(request.schema_tags_to_add),
        tags_to_remove=taggings(request.schema_tags_to_remove),
        propagate_tags=bool(request.propagate_schema_tags),
        registered_at=request.ts if request.ts is not None and request.ts > 0 else None,
    )


def references(content: Content, context: str, *, qualified: bool = False) -> list[wire.SchemaReference]:
    """References of an answer; `qualified` prints their subjects with the context they are in."""
    if not content.references:
        return []
    return [
        wire.SchemaReference(
            each.name, str(Subject.parse(each.subject, context)) if qualified else each.subject, each.version
        )
        for each in content.references
    ]


def _tags(db: Db, schema: Stored, wanted: Sequence[str]) -> list[SchemaTags]:
    """Entities that have one of the wanted inline tags (`*` is any), with all their tags."""
    if not wanted:
        return []
    found = []
    for tagging in subjects.parsed(db, schema).tags():
        if "*" in wanted or any(tag in wanted for tag in tagging.tags):
            found.append(SchemaTags(SchemaEntity(tagging.path, tagging.type), list(tagging.tags)))
    return found


def text(db: Db, schema: Stored, format: str | None) -> str:
    """The schema text under `format=`; unknown and empty values mean the canonical text, on purpose."""
    if not format or format == "default":
        return schema.content.text
    return subjects.parsed(db, schema).render(format)


def plain_version(found: Version, *, qualified: bool = False) -> wire.SchemaAnswer:
    """A version of a subject with its canonical text: all that is needed is at hand."""
    content = found.content
    return wire.SchemaAnswer(
        subject=str(found.subject),
        version=found.version,
        id=found.id,
        guid=found.guid,
        schema_type=content.format,
        references=references(content, found.subject.context, qualified=qualified),
        metadata=None if content.metadata is None else metadata_to_json(content.metadata) or None,
        rule_set=None if content.rule_set is None else rule_set_to_json(content.rule_set) or None,
        schema=content.text,
        ts=found.created_at,
        deleted=found.deleted,
    )


def version(
    db: Db,
    found: Version,
    *,
    format: str | None = None,
    qualified: bool = False,
    find_tags: Sequence[str] = (),
    aliases: Sequence[str] = (),
) -> wire.SchemaAnswer:
    """A version of a subject, rendered as asked for."""
    answer = plain_version(found, qualified=qualified)
    if format:
        answer.schema = text(db, found.schema, format)
    answer.schema_tags = _tags(db, found.schema, find_tags)
    answer.aliases = list(aliases)
    return answer


def schema_string(
    db: Db,
    found: subjects.Found,
    *,
    format: str | None = None,
    qualified: bool = False,
    find_tags: Sequence[str] = (),
    max_id: int | None = None,
) -> wire.SchemaString:
    """A schema by id or guid."""
    schema, content = found.schema, found.schema.content
    return wire.SchemaString(
        schema=text(db, schema, format),
        schema_type=content.format,
        references=references(content, schema.context, qualified=qualified),
        metadata=None if content.metadata is None else metadata_to_json(content.metadata) or None,
        rule_set=None if content.rule_set is None else rule_set_to_json(content.rule_set) or None,
        schema_tags=_tags(db, schema, find_tags),
        guid=schema.guid,
        ts=schema.created_at,
        deleted=found.version is not None and found.version.deleted,
        max_id=max_id,
        subject=None if found.version is None else str(found.version.subject),
        version=None if found.version is None else found.version.version,
    )


def context_name(context: str) -> str:
    """A context as `/contexts` prints it: `.` or `.dev`."""
    return context or DEFAULT_CONTEXT
