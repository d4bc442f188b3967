"""Use cases on subjects and versions that exist: read, delete, restore. Plain functions over a transaction handle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from registry.clock import now_ms
from registry.errors import (
    AssociationForSubjectExists,
    ContextNotEmpty,
    InvalidRequest,
    NoActiveVersion,
    OperationNotPermitted,
    ReferenceExists,
    SchemaNotFound,
    SubjectNotFound,
    SubjectNotSoftDeleted,
    SubjectSoftDeleted,
    VersionNotFound,
    VersionNotSoftDeleted,
    VersionSoftDeleted,
)
from registry.events import Actor, record
from registry.formats.base import Schema
from registry.names import ANY_CONTEXT, DEFAULT_CONTEXT, LATEST, Subject
from registry.objections import Objector
from registry.policy import Config, config_from_json, effective
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import associations, schemas, settings, subjects
from registry.store.queries.schemas import Stored, Version
from registry.store.queries.subjects import Head

LONGEST_OWNER = 200

# Reading.


def aliased(db: Db, subject: Subject, *, for_deks: bool = False) -> Subject:
    """The subject that a name means: the target of its own config's alias, or itself."""
    body = settings.config(db, str(subject))
    if body is None or '"alias' not in body:
        return subject
    config = config_from_json(msgspec.json.decode(body))
    target = (config.alias_for_deks if for_deks else None) or config.alias
    return Subject.parse(target, subject.context) if target else subject


def known(db: Db, subject: Subject) -> Head:
    """The state of a subject with at least one live version. Raises SubjectNotFound."""
    head = subjects.head(db, subject)
    if head is None or head.live == 0:
        raise SubjectNotFound(subject=str(subject))
    return head


def version(db: Db, subject: Subject, number: int, *, deleted: bool = False) -> Version:
    """A version by number or LATEST. Raises SubjectNotFound, VersionNotFound."""
    found = schemas.latest(db, subject) if number == LATEST else schemas.version(db, subject, number, deleted=deleted)
    if found is None and number == LATEST and deleted:
        found = next(iter(schemas.history(db, subject, deleted=True)), None)
    if found is None:
        head = subjects.head(db, subject)
        if head is None or (head.live == 0 and not deleted):
            raise SubjectNotFound(subject=str(subject))
        raise VersionNotFound(version=number)
    return found


def numbers(db: Db, subject: Subject, *, which: str = "live", negative: bool = False) -> list[int]:
    """Version numbers, ascending. `which`: live · all · deleted; `negative` shows deleted ones as -n.

    Raises SubjectNotFound, also when nothing of what was asked for is there.
    """
    head = subjects.head(db, subject)
    rows = [] if head is None else subjects.numbers(db, head.pk)
    if negative:
        found = [-number if deleted else number for number, deleted in rows]
    else:
        wanted = {"live": (False,), "all": (False, True), "deleted": (True,)}[which]
        found = [number for number, deleted in rows if deleted in wanted]
    if not found:
        raise SubjectNotFound(subject=str(subject))
    return found


def with_metadata(db: Db, subject: Subject, pairs: Mapping[str, str], *, deleted: bool = False) -> Version:
    """The newest version whose properties hold every pair. Raises SubjectNotFound when there is none."""
    for found in schemas.history(db, subject, deleted=deleted):
        properties = found.content.metadata.properties if found.content.metadata else {}
        if all(properties.get(key) == value for key, value in pairs.items()):
            return found
    raise SubjectNotFound(subject=str(subject))


@dataclass(frozen=True, slots=True)
class Found:
    """A schema found by id, and the version of the subject that the request named, if it has that id."""

    schema: Stored
    version: Version | None = None


def by_id(db: Db, id: int, subject: str | None = None) -> Found:
    """The schema with an id. `subject` says in which context to look (facts: confluent-api §6):

    a qualified one in its context; a plain one in the default context, then in every other that has this subject
    with this id, then by the id alone in the default context; none in the default context, then anywhere.
    An alias means its target. Raises SchemaNotFound.
    """
    named = Subject.parse(subject) if subject else None
    if named is not None and not named.is_context:
        plain = named.context == DEFAULT_CONTEXT and subject == named.name
        named = aliased(db, named)
        version = schemas.of_subject(db, named, id)
        if version is None and plain and named.context == DEFAULT_CONTEXT:
            others = (schemas.of_subject(db, other, id) for other in subjects.contexts_of(db, named.name))
            version = next((other for other in others if other is not None), None)
        if version is not None:
            return Found(version.schema, version)
    if named is None:
        found = schemas.by_id(db, DEFAULT_CONTEXT, id) or schemas.by_id_anywhere(db, id)
    else:
        found = schemas.by_id(db, named.context, id)
    if found is None:
        raise SchemaNotFound(id)
    return Found(found)


def parsed(db: Db, schema: Stored) -> Schema:
    """A stored schema, parsed with its references."""
    return Resolver(db).parsed(schema.content, schema.context)


def wildcard(prefix: str) -> tuple[str | None, str]:
    """A `subjectPrefix` as (context or None for all, prefix of the name)."""
    named = Subject.parse(prefix)
    return (None if named.context == ANY_CONTEXT else named.context), named.name


# Deleting.


def _require_writable(db: Db, subject: Subject, server: Config) -> bool:
    """Raises OperationNotPermitted in a read-only mode; whether there are policies to object with."""
    settings = effective(db, subject, server)
    settings.require_writable(subject)
    return settings.guarded


def delete_subject(
    db: Db,
    actor: Actor,
    subject: Subject,
    server: Config,
    *,
    permanent: bool = False,
    objector: Objector | None = None,
) -> list[int]:
    """Delete a subject, softly or (after that) for good; the versions it took, ascending.

    Raises SubjectNotFound, SubjectSoftDeleted, SubjectNotSoftDeleted, ReferenceExists, AssociationForSubjectExists,
    OperationNotPermitted.
    """
    head = subjects.head(db, subject)
    if head is None:
        raise SubjectNotFound(subject=str(subject))
    guarded = _require_writable(db, subject, server)
    if permanent and head.live:
        raise SubjectNotSoftDeleted(subject=str(subject))
    if not permanent and not head.live:
        raise SubjectSoftDeleted(subject=str(subject))
    if associations.any_for(db, str(subject)):
        raise AssociationForSubjectExists(subject=str(subject))
    versions = schemas.history(db, subject, deleted=permanent)
    referenced = schemas.referenced_versions(db, head.pk, deleted=permanent, by_others=True)
    for each in versions:
        if each.version in referenced:
            raise ReferenceExists(subject=str(subject), version=each.version)
    if guarded and objector is not None:
        objector.to_deleting(db, subject, [each.version for each in versions])
    now = now_ms()
    for each in versions:
        if permanent:
            _purge(db, head.pk, each)
        else:
            subjects.mark_deleted(db, head.pk, each.version, now)
            db.forget(f"id:{each.id}")
    if permanent:
        _purge_subject(db, subject, head.pk)
    else:
        subjects.refresh(db, head.pk)
    taken = sorted(each.version for each in versions)
    record(db, actor, "purge" if permanent else "delete", f"subject:{subject}", versions=taken)
    return taken


def delete_version(
    db: Db,
    actor: Actor,
    subject: Subject,
    number: int,
    server: Config,
    *,
    permanent: bool = False,
    objector: Objector | None = None,
) -> int:
    """Delete one version, softly or (after that) for good; its number. LATEST is the latest live one.

    Raises SubjectNotFound, VersionNotFound, VersionSoftDeleted, VersionNotSoftDeleted, ReferenceExists,
    NoActiveVersion, OperationNotPermitted.
    """
    head = subjects.head(db, subject)
    found = schemas.latest(db, subject) if number == LATEST else schemas.version(db, subject, number, deleted=True)
    if head is None or (head.live == 0 and not permanent and found is None):
        raise SubjectNotFound(subject=str(subject))
    if found is None:
        raise VersionNotFound(version=number)
    guarded = _require_writable(db, subject, server)
    if permanent and not found.deleted:
        raise VersionNotSoftDeleted(subject=str(subject), version=found.version)
    if not permanent and found.deleted:
        raise VersionSoftDeleted(subject=str(subject), version=found.version)
    if found.version in schemas.referenced_versions(db, head.pk, deleted=permanent):
        raise ReferenceExists(subject=str(subject), version=found.version)
    if not permanent and head.live == 1 and associations.any_for(db, str(subject)):
        raise NoActiveVersion(subject=str(subject))
    if guarded and objector is not None:
        objector.to_deleting(db, subject, [found.version])
    if permanent:
        _purge(db, head.pk, found)
        if not subjects.numbers(db, head.pk):
            _purge_subject(db, subject, head.pk)
        else:
            subjects.refresh(db, head.pk)
    else:
        subjects.mark_deleted(db, head.pk, found.version, now_ms())
        subjects.refresh(db, head.pk)
        db.forget(f"id:{found.id}")
    record(db, actor, "purge" if permanent else "delete", f"subject:{subject}", versions=[found.version])
    return found.version


def _purge(db: Db, subject_pk: int, version: Version) -> None:
    subjects.purge_version(db, subject_pk, version.version)
    schemas.delete_unused(db, version.schema.schema_pk)
    db.forget(f"id:{version.id}")


def _purge_subject(db: Db, subject: Subject, subject_pk: int) -> None:
    """A subject without versions: its settings go with it, and its numbers start again from 1."""
    subjects.purge_subject(db, subject_pk)
    if aliased(db, subject) != subject:
        db.forget(f"alias:{subject}")
    settings.delete_config(db, str(subject))
    settings.delete_mode(db, str(subject))


def delete_context(db: Db, actor: Actor, context: str) -> None:
    """Forget an empty context. Raises ContextNotEmpty."""
    if subjects.context_in_use(db, context):
        raise ContextNotEmpty(context=context)
    if subjects.delete_context(db, context):
        record(db, actor, "delete", f"context:{context}")


# Restoring.


def undelete(
    db: Db, actor: Actor, subject: Subject, server: Config, versions: Sequence[int] | None = None
) -> list[int]:
    """Bring back soft-deleted versions (all of them by default); which ones, ascending.

    A version whose content is live again under another number stays deleted. Raises SubjectNotFound,
    VersionNotFound, OperationNotPermitted.
    """
    head = subjects.head(db, subject)
    if head is None:
        raise SubjectNotFound(subject=str(subject))
    _require_writable(db, subject, server)
    history = {each.version: each for each in schemas.history(db, subject, deleted=True)}
    for number in versions or ():
        if number not in history:
            raise VersionNotFound(version=number)
    wanted = [each for each in history.values() if each.deleted and (versions is None or each.version in versions)]
    live = {each.schema.schema_pk: each.version for each in history.values() if not each.deleted}
    restored = []
    for each in sorted(wanted, key=lambda each: each.version):
        if (other := live.get(each.schema.schema_pk)) is not None:
            if versions is not None:
                raise OperationNotPermitted(
                    f"Version {each.version} of subject '{subject}' is live already, as version {other}"
                )
            continue
        subjects.mark_deleted(db, head.pk, each.version, None)
        live[each.schema.schema_pk] = each.version
        restored.append(each.version)
        db.forget(f"id:{each.id}")
    subjects.refresh(db, head.pk)
    record(db, actor, "undelete", f"subject:{subject}", versions=restored)
    return restored


# Owning.


def set_owner(db: Db, actor: Actor, subject: Subject, owner: str | None) -> None:
    """Say who answers for a subject, or that nobody does. Raises InvalidRequest, SubjectNotFound."""
    if owner is not None and (not owner.strip() or len(owner) > LONGEST_OWNER or not owner.isprintable()):
        raise InvalidRequest(f"An owner has 1 to {LONGEST_OWNER} printable characters")
    head = subjects.head(db, subject)
    if head is None:
        raise SubjectNotFound(subject=str(subject))
    if head.owner != owner:
        subjects.set_owner(db, head.pk, owner)
        record(db, actor, "owner", f"subject:{subject}", owner=owner)
