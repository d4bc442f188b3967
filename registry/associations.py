"""Associations: which resource (a topic) a subject belongs to, and how closely. Facts: confluent-api §12.

A resource has at most one association of each type, `key` and `value`; all of them have the same lifecycle:

    STRONG   frozen; the subject is the resource's own, `:.{namespace}:{name}-{type}`: made with the association and its
             schema, associated with nothing else, referred to by no schema, and deleted with it (cascade)
    WEAK     not frozen; a subject of any other name, that may belong to many resources and outlives them

Subject and frozen of an association never change, and each lifecycle is bound to its kind of subject: so an update
confirms what is there or is refused.

The functions in the middle decide and read nothing; the jobs below them read, ask them, and write in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from uuid import uuid4

from registry import names, registration, subjects
from registry.clock import now_ms
from registry.errors import (
    AssociationExists,
    AssociationForSubjectExists,
    AssociationFrozen,
    AssociationNotFound,
    InvalidAssociation,
    NoActiveVersion,
    ReferenceExists,
    RegistryError,
    StrongAssociationExists,
    TooManyAssociations,
)
from registry.events import Actor, record
from registry.names import Subject
from registry.objections import Objector
from registry.policy import Config, Effective, effective
from registry.registration import Registration
from registry.store.engine import Db, Settled
from registry.store.queries import associations, schemas
from registry.store.queries import subjects as subject_rows
from registry.store.queries.associations import Association
from registry.store.queries.schemas import Version

STRONG, WEAK = "STRONG", "WEAK"
KEY, VALUE = "key", "value"
TOPIC = "topic"
ANY = "-"
"""As a namespace of a question: any; as a name: every resource of the namespace."""
LIMIT = 100_000
"""So many associations a registry holds at most: 50 000 topics with key and value."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What subjects are associated with. Only a dry run may leave out the id."""

    name: str
    namespace: str
    id: str | None = None
    type: str = TOPIC

    def own_subject(self, type: str) -> Subject:
        """The subject of a STRONG association, which no WEAK one may have."""
        return Subject(f".{self.namespace}", f"{self.name}-{type}")


@dataclass(frozen=True, slots=True)
class Wish:
    """One association that a request asks for; None means not said. `schema`'s own subject does not count."""

    type: str = VALUE
    subject: Subject | None = None
    lifecycle: str | None = None
    frozen: bool | None = None
    schema: Registration | None = None

    @property
    def said(self) -> str | None:
        """The lifecycle, as said or as a schema implies."""
        return self.lifecycle or (STRONG if self.schema else None)


class Operation(StrEnum):
    """What a step of a batch does."""

    CREATE = "CREATE"
    UPSERT = "UPSERT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a batch. `cascade` lets a DELETE take a STRONG association with its subject."""

    operation: Operation
    wish: Wish
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class Associated:
    """An association as it stands after a request, and the version that the request's schema is."""

    association: Association
    version: Version | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Which associations are asked for: those that match everything that is said. Names may be ANY."""

    id: str | None = None
    namespace: str | None = None
    name: str | None = None
    subject: Subject | None = None
    resource_type: str | None = None
    types: tuple[str, ...] = ()
    lifecycle: str | None = None

    @property
    def wide(self) -> bool:
        """Whether more than one resource may match."""
        return ANY in (self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored about a resource and the subject of one wish.

    `pair` is the resource's association of the wished type; `siblings` its other ones; `namesakes` associations under
    the same name that another resource id holds; `of_subject` what the subject is associated with; `referenced` a
    version of the subject that some schema refers to; `version` the one that holds the schema of the wish, looked up
    only for an existing pair; `total` the number of associations.
    """

    subject: Subject
    settings: Effective
    pair: Association | None = None
    siblings: tuple[Association, ...] = ()
    namesakes: tuple[Association, ...] = ()
    of_subject: tuple[Association, ...] = ()
    live: bool = False
    referenced: int | None = None
    version: Version | None = None
    total: int = 0


# What a request may say.


def resource(
    name: str | None, namespace: str | None, id: str | None, type: str | None, *, dry_run: bool = False
) -> Resource:
    """The resource of a request. Raises InvalidAssociation."""
    if not name:
        raise InvalidAssociation("resourceName", "must not be empty")
    if not namespace:
        raise InvalidAssociation("resourceNamespace", "must not be empty")
    if not (id or dry_run):
        raise InvalidAssociation("resourceId", "must not be empty")
    if ":" in namespace:
        raise InvalidAssociation("resourceNamespace", "must not contain a colon, as it names a context")
    if type and type != TOPIC:
        raise InvalidAssociation("resourceType", f"must be '{TOPIC}', not '{type}'")
    return Resource(name, namespace, id or None)


def association_type(text: str | None) -> str:
    """`key` or `value`; absent means `value`. Raises InvalidAssociation."""
    if text and text not in (KEY, VALUE):
        raise InvalidAssociation("associationType", f"must be '{KEY}' or '{VALUE}', not '{text}'")
    return text or VALUE


def lifecycle_named(text: str | None) -> str | None:
    """A lifecycle in any case; absent stays absent. Raises InvalidAssociation."""
    if not text:
        return None
    if text.upper() not in (STRONG, WEAK):
        raise InvalidAssociation("lifecycle", f"must be {STRONG} or {WEAK}, not '{text}'")
    return text.upper()


def operation(text: str | None) -> Operation:
    """An `opType`. Raises InvalidAssociation."""
    if (text or "").upper() not in Operation.__members__:
        raise InvalidAssociation("opType", f"must be {', '.join(Operation)}, not '{text or ''}'")
    return Operation((text or "").upper())


def require_consistent(wishes: Sequence[Wish]) -> None:
    """Raises InvalidAssociation for wishes that contradict themselves or each other, whatever is stored."""
    if not wishes:
        raise InvalidAssociation("associations", "must not be empty")
    types = [wish.type for wish in wishes]
    if len(set(types)) < len(types):
        raise InvalidAssociation("associationType", "must not occur more than once in a request")
    for wish in wishes:
        if wish.schema and wish.lifecycle == WEAK:
            raise InvalidAssociation("schema", f"must not be given with lifecycle {WEAK}")
        if wish.frozen is not None and wish.said and wish.frozen != (wish.said == STRONG):
            raise InvalidAssociation("frozen", f"must be true with lifecycle {STRONG} and false with {WEAK}")
    if len({wish.said for wish in wishes} - {None}) > 1:
        raise _mixed()


def _mixed() -> InvalidAssociation:
    return InvalidAssociation("lifecycle", "must be the same for all associations of a resource")


# What becomes of a wish.


def subject_of(resource: Resource, wish: Wish, pair: Association | None) -> Subject:
    """The subject a wish is about: the one it names, the one that is there, or the resource's own."""
    if wish.subject is not None:
        return wish.subject
    return resource.own_subject(wish.type) if pair is None else Subject.parse(pair.subject)


def decided(resource: Resource, wish: Wish, known: Known, *, upsert: bool = False) -> str | Association:
    """The lifecycle of a new association, or the one that is there and already as wished.

    Raises InvalidAssociation, AssociationExists, AssociationFrozen, AssociationForSubjectExists,
    StrongAssociationExists, NoActiveVersion, ReferenceExists, TooManyAssociations, OperationNotPermitted.
    """
    known.settings.require_writable(known.subject)
    if wish.schema and known.settings.importing:
        raise InvalidAssociation("schema", "must not be given in import mode")
    _require_same_resource(resource, known)
    if known.pair is not None:
        if upsert:
            _require_confirmed(wish, known, known.pair)
        elif not _equivalent(wish, known, known.pair):
            raise AssociationExists(type=wish.type, resource=resource.name)
        return known.pair
    if any(other.type == wish.type for other in known.namesakes):
        raise AssociationExists(type=wish.type, resource=resource.name)
    lifecycle = wish.said or WEAK
    if wish.frozen is not None and wish.frozen != (lifecycle == STRONG):
        raise InvalidAssociation("frozen", f"must be false with lifecycle {WEAK}, which holds without a schema")
    if any(other.lifecycle != lifecycle for other in known.siblings):
        raise _mixed()
    if lifecycle == STRONG:
        _require_strong(resource, wish, known, upsert=upsert)
    else:
        _require_weak(resource, wish, known)
    if wish.schema is None and not known.live:
        raise NoActiveVersion(subject=str(known.subject))
    if known.total >= LIMIT:
        raise TooManyAssociations(limit=LIMIT)
    return lifecycle


def _require_same_resource(resource: Resource, known: Known) -> None:
    for stored in (known.pair, *known.siblings):
        for property, given, there in (
            ("resourceName", resource.name, stored and stored.resource_name),
            ("resourceNamespace", resource.namespace, stored and stored.resource_namespace),
        ):
            if there is not None and given != there:
                raise InvalidAssociation(property, f"resource '{resource.id}' is known under '{there}', not '{given}'")


def _equivalent(wish: Wish, known: Known, pair: Association) -> bool:
    """Whether an association is what a wish asks for; what it does not say is met by anything."""
    return (
        known.subject == Subject.parse(pair.subject)
        and wish.said in (None, pair.lifecycle)
        and wish.frozen in (None, pair.frozen)
        and (wish.schema is None or known.version is not None)
    )


def _require_confirmed(wish: Wish, known: Known, pair: Association) -> None:
    """Raises InvalidAssociation, AssociationFrozen for an update that would change what is there."""
    if wish.lifecycle is None and wish.schema is None:
        raise InvalidAssociation("lifecycle", "an update must have a lifecycle or a schema")
    if known.subject != Subject.parse(pair.subject):
        raise InvalidAssociation("subject", f"must stay '{pair.subject}'")
    if wish.frozen not in (None, pair.frozen):
        raise InvalidAssociation("frozen", "must not change")
    if _equivalent(wish, known, pair):
        return
    if pair.frozen:
        raise AssociationFrozen(type=wish.type, subject=pair.subject)
    if wish.schema is not None:
        raise InvalidAssociation("schema", f"must not be given for a {WEAK} association")
    raise InvalidAssociation("lifecycle", f"a {WEAK} association cannot become {STRONG}")


def _require_strong(resource: Resource, wish: Wish, known: Known, *, upsert: bool) -> None:
    if not known.settings.importing:
        if upsert:
            raise InvalidAssociation("lifecycle", f"a {STRONG} association is created, not updated")
        if wish.schema is None:
            raise InvalidAssociation("schema", f"a {STRONG} association is created with its schema")
    own = resource.own_subject(wish.type)
    if known.subject != own:
        raise InvalidAssociation("subject", f"must be '{own}' with lifecycle {STRONG}")
    if known.of_subject:
        raise AssociationForSubjectExists(subject=str(known.subject))
    if known.referenced is not None:
        raise ReferenceExists(subject=str(known.subject), version=known.referenced)


def _require_weak(resource: Resource, wish: Wish, known: Known) -> None:
    if wish.subject is None:
        raise InvalidAssociation("subject", f"must be given with lifecycle {WEAK}")
    if known.subject == resource.own_subject(wish.type):
        raise InvalidAssociation("subject", f"must not be '{known.subject}' with lifecycle {WEAK}")
    if any(other.lifecycle == STRONG for other in known.of_subject):
        raise StrongAssociationExists(subject=str(known.subject))


# Jobs.


def find(db: Db, question: Question, *, offset: int = 0, limit: int | None = None) -> list[Association]:
    """The associations that a question is about, by resource and type."""
    return associations.find(
        db,
        resource_id=question.id,
        namespace=None if question.namespace == ANY else question.namespace,
        name=None if question.name == ANY else question.name,
        resource_type=question.resource_type or None,
        subject=None if question.subject is None else str(question.subject),
        types=question.types,
        lifecycle=question.lifecycle.upper() if question.lifecycle else None,
        offset=offset,
        limit=limit,
    )


def _of_resource(db: Db, resource: Resource) -> list[Association]:
    if resource.id is not None:
        return associations.find(db, resource_id=resource.id, resource_type=resource.type)
    return _named(db, resource)


def _named(db: Db, resource: Resource) -> list[Association]:
    return associations.find(db, name=resource.name, namespace=resource.namespace, resource_type=resource.type)


def _known(db: Db, resource: Resource, wish: Wish, server: Config) -> Known:
    mine = _of_resource(db, resource)
    pair = next((each for each in mine if each.type == wish.type), None)
    subject = subjects.aliased(db, subject_of(resource, wish, pair))  # registering follows aliases too
    names.subject(str(subject))
    head = subject_rows.head(db, subject)
    referenced = schemas.referenced_versions(db, head.pk, deleted=True) if head else ()
    version = None
    if pair is not None and wish.schema is not None:
        version = registration.lookup(db, replace(wish.schema, subject=subject), server)
    return Known(
        subject=subject,
        settings=effective(db, subject, server),
        pair=pair,
        siblings=tuple(each for each in mine if each is not pair),
        namesakes=tuple(each for each in _named(db, resource) if each not in mine),
        of_subject=tuple(associations.find(db, subject=str(subject))),
        live=head is not None and head.live > 0,
        referenced=min(referenced, default=None),
        version=version,
        total=associations.count(db) if pair is None else 0,
    )


def rehearse(
    db: Db, resource: Resource, wishes: Sequence[Wish], server: Config, objector: Objector | None = None
) -> None:
    """Parse and check the schemas of a request outside the write lock: what was parsed is remembered."""
    for wish in wishes:
        if wish.schema is not None:
            with suppress(RegistryError):  # said in its turn, under the lock
                subject = subject_of(resource, wish, None)
                registration.decide(db, replace(wish.schema, subject=subject), server, objector=objector)


def put(
    db: Db,
    actor: Actor,
    resource: Resource,
    wishes: Sequence[Wish],
    server: Config,
    objector: Objector | None = None,
    *,
    upsert: bool = False,
) -> list[Associated]:
    """Create the associations of a resource, or confirm those that are there; all of them or none.

    A schema is registered in the same transaction. Raises what `decided` and `registry.registration.decide` raise.
    """
    require_consistent(wishes)
    return [_put(db, actor, resource, wish, server, objector, upsert=upsert) for wish in wishes]


def _put(
    db: Db,
    actor: Actor,
    resource: Resource,
    wish: Wish,
    server: Config,
    objector: Objector | None,
    *,
    upsert: bool,
) -> Associated:
    known = _known(db, resource, wish, server)
    decision = decided(resource, wish, known, upsert=upsert)
    if isinstance(decision, Association):
        return Associated(decision, known.version)
    version = None
    if wish.schema is not None:
        proposal = registration.decide(db, replace(wish.schema, subject=known.subject), server, objector=objector)
        done = proposal.answer if isinstance(proposal, Settled) else registration.commit(db, proposal, actor, objector)
        version = done.version
    now, guid = now_ms(), str(uuid4())
    made = Association(
        guid=guid,
        # Only a dry run may do without, and what that writes is rolled back.
        resource_id=resource.id or guid,
        resource_name=resource.name,
        resource_namespace=resource.namespace,
        resource_type=resource.type,
        type=wish.type,
        subject=str(known.subject),
        lifecycle=decision,
        frozen=decision == STRONG,
        created_at=now,
        updated_at=now,
    )
    associations.insert(db, made)
    _record(db, actor, "associate", made)
    return Associated(made, version)


def delete(
    db: Db,
    actor: Actor,
    question: Question,
    server: Config,
    objector: Objector | None = None,
    *,
    cascade: bool = False,
) -> list[Association]:
    """Delete the associations of a resource, named by its id; which they were.

    `cascade` also takes STRONG ones, and their subjects for good (except in import mode, which keeps the subjects).
    Raises AssociationNotFound when there is none, AssociationFrozen, OperationNotPermitted, ReferenceExists.
    """
    found = find(db, question)
    if not found:
        raise AssociationNotFound(resource=question.id)
    for each in found:
        _delete(db, actor, each, server, objector, cascade=cascade)
    return found


def _delete(
    db: Db, actor: Actor, association: Association, server: Config, objector: Objector | None, *, cascade: bool
) -> None:
    subject = Subject.parse(association.subject)
    settings = effective(db, subject, server)
    settings.require_writable(subject)
    if association.frozen and not cascade:
        raise AssociationFrozen(type=association.type, subject=association.subject)
    associations.delete(db, association.guid)
    _record(db, actor, "dissociate", association)
    if cascade and association.lifecycle == STRONG and not settings.importing:
        for permanent in _ways_to_delete(db, subject):
            subjects.delete_subject(db, actor, subject, server, permanent=permanent, objector=objector)


def _ways_to_delete(db: Db, subject: Subject) -> Iterator[bool]:
    """Softly while it has live versions, then for good."""
    head = subject_rows.head(db, subject)
    if head is not None and head.live:
        yield False
    if head is not None:
        yield True


def mutate(
    db: Db,
    actor: Actor,
    resource: Resource,
    steps: Sequence[Step],
    server: Config,
    objector: Objector | None = None,
) -> tuple[list[Associated], list[Association]]:
    """The steps of one request of a batch, all or none: (what they made or confirmed, what they deleted).

    Adjacent creates are judged together, and so are adjacent upserts. Raises what `put` and `delete` raise.
    """
    if not steps:
        raise InvalidAssociation("associations", "must not be empty")
    done: list[Associated] = []
    gone: list[Association] = []
    for kind, group in groupby(steps, key=lambda step: step.operation):
        if kind is Operation.DELETE:
            gone += [_delete_one(db, actor, resource, step, server, objector) for step in group]
        else:
            done += put(db, actor, resource, [step.wish for step in group], server, upsert=kind is Operation.UPSERT)
    guids = {each.guid for each in gone}
    return [each for each in done if each.association.guid not in guids], gone


def _delete_one(
    db: Db, actor: Actor, resource: Resource, step: Step, server: Config, objector: Objector | None
) -> Association:
    wish = step.wish
    found = next((each for each in _of_resource(db, resource) if each.type == wish.type), None)
    named = wish.subject and str(subjects.aliased(db, wish.subject))
    if found is None or named not in (None, found.subject):
        raise AssociationNotFound(resource=resource.id or resource.name)
    _delete(db, actor, found, server, objector, cascade=step.cascade)
    return found


def _record(db: Db, actor: Actor, action: str, association: Association) -> None:
    record(
        db,
        actor,
        action,
        f"subject:{association.subject}",
        resource_id=association.resource_id,
        resource_name=association.resource_name,
        resource_namespace=association.resource_namespace,
        type=association.type,
        lifecycle=association.lifecycle,
    )
