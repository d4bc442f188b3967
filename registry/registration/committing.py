"""Steps 10 and 11: write what was decided, if what it rests on still stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from registry.clock import now_ms
from registry.errors import OperationNotPermitted, ReferenceExists
from registry.events import Actor, record
from registry.formats.base import Reference
from registry.names import Subject
from registry.objections import Objector
from registry.policy import printed
from registry.registration.case import Proposal, Registered
from registry.store.engine import Db, Moved
from registry.store.queries import registering, schemas, settings, subjects
from registry.store.queries.schemas import Stored, Version
from registry.store.queries.subjects import Head


def commit(
    db: Db, proposal: Proposal, actor: Actor, objector: Objector | None = None, *, fresh: bool = False
) -> Registered:
    """Write a decided registration. Raises Moved when the decision no longer stands, OperationNotPermitted when
    the given id belongs to other content. `fresh`: it was decided in this very transaction, so that it stands."""
    subject = proposal.subject
    now = now_ms() if proposal.registered_at is None else min(proposal.registered_at, now_ms())
    if proposal.plain and db.dialect == "postgresql":
        written = registering.written(db, proposal, actor, now)
        if written is None:
            raise Moved
        return _registered(proposal, *written, now)
    head = None if fresh and proposal.revision is None else subjects.head(db, subject)
    if not fresh:
        if (None if head is None else head.revision) != proposal.revision or settings.epoch(db) != proposal.epoch:
            raise Moved
        if proposal.objected is not None and (objector is None or objector.epoch(db) != proposal.objected):
            raise Moved
    targets = []
    for reference in proposal.content.references:
        target = schemas.referable(db, Subject.parse(reference.subject, subject.context), reference.version)
        if target is None:
            raise Moved
        targets.append((reference, target))
    given = _given(db, proposal)  # before anything is written: it may be refused
    subject_pk, context_pk = (head.pk, head.context_pk) if head else subjects.add_subject(db, subject)
    schema_pk, id = _stored_schema(db, proposal, context_pk, given, targets, now)  # 10
    if head is not None and head.live < head.max_version:
        db.forget(f"id:{id}")  # a tombstone of this content is no longer the version that its id stands for
    if head is not None and head.live < head.max_version:
        _purge_tombstones(db, subject, subject_pk, proposal.number, id)  # 11
    if (there := _already(db, proposal, head, id)) is not None:
        return Registered(there, created=False)
    subjects.insert_version(db, subject_pk, proposal.number, schema_pk, proposal.source, now)
    subjects.advance(db, subject_pk, proposal.number)
    record(db, actor, "register", f"subject:{subject}", version=proposal.number, id=id)
    return _registered(proposal, schema_pk, id, now)


@dataclass(frozen=True, slots=True)
class Commit:
    """`commit` for one caller; where it pays, ordinary registrations that wait together are written in one call."""

    actor: Actor
    objector: Objector | None = None

    def __call__(self, db: Db, proposal: Proposal) -> Registered:
        """Write one. Raises as `commit` does."""
        return commit(db, proposal, self.actor, self.objector)

    def joins(self, proposal: Proposal) -> bool:
        """Whether nothing but the one call is needed."""
        return proposal.plain

    def together(self, db: Db, writes: Sequence[tuple[Commit, Proposal]]) -> list[Registered | Moved]:
        """Write several, each as if the ones before it were committed."""
        now = now_ms()
        written = registering.all_written(db, [(proposal, commit.actor) for commit, proposal in writes], now)
        return [
            Moved() if keys is None else _registered(proposal, *keys, now)
            for keys, (_, proposal) in zip(written, writes, strict=True)
        ]


def _registered(proposal: Proposal, schema_pk: int, id: int, now: int) -> Registered:
    schema = Stored(schema_pk, proposal.subject.context, id, proposal.content.guid, proposal.content, now)
    version = Version(proposal.subject, proposal.number, schema, now, deleted=False, source=proposal.source)
    return Registered(version, created=True, conflicts=proposal.conflicts, previous=proposal.previous)


def _given(db: Db, proposal: Proposal) -> Stored | None:
    """The schema that has the id that an import gives. Raises OperationNotPermitted when its content is another."""
    if proposal.given_id is None:
        return None
    context = proposal.subject.context
    taken = schemas.by_id(db, context, proposal.given_id)
    if taken is not None and taken.content.fingerprint != proposal.content.fingerprint:
        raise OperationNotPermitted(
            f"Overwrite new schema with id {proposal.given_id} in context {printed(context)} is not permitted."
        )
    return taken


def _stored_schema(
    db: Db,
    proposal: Proposal,
    context_pk: int,
    given: Stored | None,
    targets: Sequence[tuple[Reference, int]],
    now: int,
) -> tuple[int, int]:
    """10: the content's row and id: reused in this context, given by an import, or the next of the context."""
    content = proposal.content
    same = schemas.by_content(db, proposal.subject.context, content.fingerprint) if given is None else None
    if (existing := same if proposal.given_id is None else given) is not None:
        return existing.schema_pk, existing.id
    if proposal.given_id is None:
        id, twin = subjects.next_id(db, context_pk), False
    else:
        id, twin = proposal.given_id, same is not None
        subjects.reserve_id(db, context_pk, id)
    schema_pk = schemas.insert_schema(db, context_pk, id, content, proposal.terms, now, twin=twin)
    for position, (reference, target) in enumerate(targets):
        schemas.insert_reference(db, schema_pk, position, reference, target)
    return schema_pk, id


def _already(db: Db, proposal: Proposal, head: Head | None, id: int) -> Version | None:
    """An import may name a version that is there: the same again is an answer, other content a refusal, and a
    tombstone gives way."""
    if head is None or proposal.given_id is None:
        return None
    there = schemas.version(db, proposal.subject, proposal.number, deleted=True)
    if there is not None and there.deleted:
        if there.id != id and there.version in schemas.referenced_versions(db, head.pk, deleted=True):
            raise ReferenceExists(subject=str(proposal.subject), version=there.version)
        subjects.purge_version(db, head.pk, there.version, plans=there.id != id)
        if there.id != id:
            schemas.delete_unused(db, there.schema.schema_pk)
        db.forget(f"id:{there.id}")
    elif there is not None:
        if there.id == id:
            return _as_registered_there(db, proposal, head, there)
        raise OperationNotPermitted(f"Version {there.version} of subject '{proposal.subject}' has other content")
    elsewhere = schemas.of_subject(db, proposal.subject, id, deleted=False)
    if elsewhere is not None:
        raise OperationNotPermitted(
            f"Schema {id} is version {elsewhere.version} of subject '{proposal.subject}' already"
        )
    return None


def _as_registered_there(db: Db, proposal: Proposal, head: Head, there: Version) -> Version:
    """A version with the time that an import says, if it came without one before."""
    at = proposal.registered_at
    if at is None or at == there.created_at or at > now_ms():
        return there
    subjects.set_registered(db, head.pk, there.version, at)
    db.forget(f"id:{there.id}")
    return replace(there, created_at=at)


def _purge_tombstones(db: Db, subject: Subject, subject_pk: int, number: int, id: int) -> None:
    referenced = schemas.referenced_versions(db, subject_pk, deleted=True)
    for version in schemas.history(db, subject, deleted=True):
        if version.deleted and version.id == id and version.version < number and version.version not in referenced:
            subjects.purge_version(db, subject_pk, version.version)
            db.forget(f"id:{id}")
