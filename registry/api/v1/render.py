"""From wire shapes to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from registry.api.schema_wire import metadata, rule_set, taggings
from registry.api.v1 import wire
from registry.api.v1.impact_wire import Impact
from registry.content import Content
from registry.evolution.levels import Conflict
from registry.formats.base import Change, Reference
from registry.history import Entry
from registry.names import Subject
from registry.registration import Registered, Registration
from registry.rules import metadata_to_json, rule_set_to_json
from registry.search import Found
from registry.store.queries.schemas import Stored, Version


def registration(subject: Subject, request: wire.RegisterRequest, *, normalize: bool) -> Registration:
    """A request as the use cases take it."""
    return Registration(
        subject=subject,
        text=request.schema or "",
        format=(request.schema_type or "AVRO").upper(),
        references=tuple(Reference(each.name, each.subject, each.version) for each in request.references or ()),
        metadata=metadata(request.metadata),
        rule_set=rule_set(request.rule_set),
        version=request.version or 0,
        id=request.id if request.id is not None and request.id >= 0 else None,
        normalize=normalize,
        tags_to_add=taggings(request.schema_tags_to_add),
        tags_to_remove=taggings(request.schema_tags_to_remove),
        propagate_tags=bool(request.propagate_schema_tags),
    )


def registered(
    found: Registered, changes: Sequence[Change], impact: Mapping[str, Any] | None = None
) -> wire.Registration:
    """What became of a registration."""
    version = found.version
    return wire.Registration(
        subject=str(version.subject),
        version=version.version,
        id=version.id,
        guid=version.guid,
        created=found.created,
        changes=[change(each) for each in changes],
        findings=[finding(each) for each in found.conflicts],
        impact=None if impact is None else msgspec.convert(impact, Impact),
    )


def finding(conflict: Conflict) -> wire.Finding:
    """A finding: the reader's side is the new schema's, or forward (old code, new events) the old one's."""
    found = conflict.finding
    sides = [(found.reader_path, found.reader_value), (found.writer_path, found.writer_value)]
    (new_path, new), (old_path, old) = reversed(sides) if conflict.forward else sides
    return wire.Finding(
        rule=found.rule,
        severity=found.severity,
        direction="forward" if conflict.forward else "backward",
        version=conflict.version,
        sentence=found.told(forward=conflict.forward),
        path=found.path,
        old_path=old_path,
        new_path=new_path,
        old=old,
        new=new,
    )


def change(found: Change) -> wire.Change:
    """One difference."""
    return wire.Change(found.kind, found.path, found.sentence, found.old_path, found.old, found.new)


def document(content: Content) -> wire.SchemaDocument:
    """A schema with what belongs to it."""
    return wire.SchemaDocument(
        schema=content.text,
        schema_type=content.format,
        references=[wire.SchemaReference(each.name, each.subject, each.version) for each in content.references],
        metadata=None if content.metadata is None else metadata_to_json(content.metadata),
        rule_set=None if content.rule_set is None else rule_set_to_json(content.rule_set),
    )


def _subject(found: Found) -> dict[str, Any]:
    hit = found.hit
    return {
        "subject": str(hit.subject),
        "context": hit.subject.context,
        "owner": hit.owner,
        "level": found.level,
        "deleted": hit.live == 0,
        "versions": hit.live,
        "deleted_versions": hit.kept - hit.live,
        "version": hit.version,
        "id": hit.id,
        "guid": hit.guid,
        "format": hit.format,
        "registered_at": time(hit.registered_at),
    }


def subject(found: Found) -> wire.Subject:
    """A subject with its latest version."""
    return wire.Subject(**_subject(found))


def detail(found: Found, mode: str, version: Version) -> wire.SubjectDetail:
    """A subject with its mode and the schema it is shown by."""
    return wire.SubjectDetail(**_subject(found), mode=mode, document=document(version.content))


def schema(found: Stored, uses: Sequence[tuple[Subject, int]]) -> wire.Schema:
    """A schema and the versions that have it."""
    return wire.Schema(
        id=found.id,
        guid=found.guid,
        context=found.context,
        registered_at=time(found.created_at),
        document=document(found.content),
        uses=[wire.Use(str(subject), number) for subject, number in uses],
    )


def entry(found: Entry) -> wire.Entry:
    """One event of a subject's history."""
    versions = found.body.get("versions")
    return wire.Entry(
        at=time(found.at),
        actor=found.actor,
        action=found.action,
        sequence=found.sequence,
        version=found.body.get("version"),
        id=found.body.get("id"),
        guid=found.guid,
        format=found.format,
        versions=versions,
        detail={key: value for key, value in found.body.items() if key not in ("version", "id", "versions")},
    )


def event(found: Entry) -> wire.Event:
    """One event of the feed."""
    return wire.Event(found.sequence or 0, time(found.at), found.actor, found.action, found.resource, dict(found.body))


def time(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339: `2025-01-31T12:00:00.123Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
