"""Use cases around a new schema: register it, look it up, check it. Plain functions over a transaction handle.

Registering follows the order of decisions that clients of the reference observe (facts: confluent-api §5); the
numbers in the comments are the steps of that table. `decide` reads and computes outside the write lock, `commit`
compares what the decision rests on and writes inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from registry import formats, names
from registry.clock import now_ms
from registry.content import Content, same
from registry.errors import (
    EmptySchema,
    IdMismatch,
    Incompatible,
    InvalidSchema,
    InvalidVersion,
    OperationNotPermitted,
    ReferenceExists,
    VersionNotFound,
    VersionNotNext,
)
from registry.events import Actor, record
from registry.evolution.changes import changes
from registry.evolution.levels import LEVELS, Conflict, Earlier, Level, conflicts
from registry.evolution.reserved import reserved_conflicts
from registry.formats.base import Change, Reference, Schema, Tagging
from registry.names import LATEST, Subject
from registry.objections import Objector
from registry.policy import READWRITE, Config, Effective, not_in_mode, printed, resolved
from registry.references import Resolver
from registry.rules import VERSION_PROPERTY, Metadata, RuleSet, require_sealable, validate
from registry.store.engine import Db, Heavy, Moved, Settled
from registry.store.queries import associations, registering, schemas, settings, subjects
from registry.store.queries.schemas import Stored, Version
from registry.store.queries.subjects import Head


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client sends to register, look up or check. `version` 0 and `id` None mean: not said."""

    subject: Subject
    text: str
    format: str = "AVRO"
    references: tuple[Reference, ...] = ()
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    version: int = 0
    id: int | None = None
    normalize: bool = False
    force: bool = False
    tags_to_add: tuple[Tagging, ...] = ()
    tags_to_remove: tuple[Tagging, ...] = ()
    propagate_tags: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer: the version, whether it is new, and what the check had to say (warnings when it is new)."""

    version: Version
    created: bool
    conflicts: tuple[Conflict, ...] = ()
    previous: Version | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decided registration, and what the decision rests on."""

    subject: Subject
    content: Content
    number: int
    given_id: int | None
    source: str | None
    terms: tuple[tuple[str, str], ...]
    revision: int | None
    epoch: int
    conflicts: tuple[Conflict, ...]
    previous: Version | None
    plain: bool
    """No references, no given id, no tombstones, nobody to object: PostgreSQL writes it with one call."""
    objected: int | None = None
    """What the objections rest on; None when nobody was asked."""


_LIGHT_TEXT = 8_000
_LIGHT_HISTORY = 2


class NotParsed(Exception):
    """The schema was not parsed before, and the caller does not want it parsed now."""


@dataclass(slots=True)
class _Case:
    """One request with what is known about its subject."""

    db: Db
    request: Registration
    settings: Effective
    only_parsed: bool = False
    objector: Objector | None = None
    resolver: Resolver = field(init=False)
    head: Head | None = field(init=False)
    _history: list[Version] | None = None

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.db)
        self.head = subjects.head(self.db, self.request.subject)

    @property
    def history(self) -> list[Version]:
        """Live versions, newest first."""
        if self._history is None:
            live = self.head is not None and self.head.live > 0
            self._history = schemas.history(self.db, self.request.subject) if live else []
        return self._history

    def latest(self) -> Version | None:
        """The latest live version, read alone while the whole history is not needed."""
        if self._history is not None:
            return self._history[0] if self._history else None
        if self.head is None or self.head.latest_version is None:
            return None
        return schemas.latest(self.db, self.request.subject)

    @property
    def next_number(self) -> int:
        return (self.head.max_version if self.head else 0) + 1


def _opened(
    db: Db, request: Registration, server: Config, *, only_parsed: bool = False, objector: Objector | None = None
) -> _Case:
    """1: the case of a request, its subject's alias followed."""
    subject, settings = resolved(db, request.subject, server)
    if subject != request.subject:
        request = replace(request, subject=subject)
    return _Case(db, request, settings, only_parsed, objector if settings.guarded else None)


def decide(
    db: Db, request: Registration, server: Config, *, light: bool = False, objector: Objector | None = None
) -> Proposal | Settled[Registered]:
    """Decide a registration. Raises what `registry.errors` names for each step.

    `light`: only what is quickly decided; raises Heavy for large texts, Protobuf, references and long histories.
    """
    if light and (len(request.text) > _LIGHT_TEXT or request.format == "PROTOBUF" or request.references):
        raise Heavy
    case = _opened(db, request, server, objector=objector)
    if light and (case.objector is not None or (case.head is not None and case.head.live > _LIGHT_HISTORY)):
        raise Heavy
    if case.request.subject != request.subject:
        names.subject(str(case.request.subject))
    if (known := _fast(case)) is not None:
        return Settled(Registered(known, created=False))
    _require_mode(case)  # 3
    numbered = _has_number(case.request)
    request = case.request = _filled_in(case)  # 4
    if request.rule_set is not None:
        validate(request.rule_set)
    _require_weak_targets(case)
    schema, content = _parsed(case, strict=_strict(case))  # 5
    if not case.settings.importing:
        require_sealable(schema, request.metadata, request.rule_set)
    if request.version == 0 and case.settings.importing:
        if (known := _exact(case, content)) is not None and known.id == request.id:  # 6
            return Settled(Registered(known, created=False))
    elif request.version == 0:
        # A number that was only inherited must not make the same request another version each time it is sent.
        sought = content if numbered else content.without_version()
        if (known := _exact(case, sought)) is not None:  # 6
            return Settled(Registered(known, created=False))
        if (known := _looser(case, sought)) is not None:  # 7
            return Settled(Registered(known, created=False))
    found: Sequence[Conflict] = ()
    objected = None
    if not (request.force or case.settings.importing):  # 8
        # Read first: what moves while the objections are made must make the decision stale.
        objected = None if case.objector is None else case.objector.epoch(db)
        found = _objected(case, schema, _checked(case, schema, case.settings.level))
        if any(conflict.breaks for conflict in found):
            raise Incompatible(request.subject, found, case.history, case.settings)
    number = _number(case)  # 9
    return Proposal(
        subject=request.subject,
        content=content,
        number=number,
        given_id=request.id,
        source=None if request.text == content.text else request.text,
        terms=terms_of(schema),
        revision=None if case.head is None else case.head.revision,
        epoch=case.settings.epoch,
        conflicts=tuple(found),
        previous=case.latest(),
        objected=objected,
        plain=not content.references
        and request.id is None
        and objected is None
        and (case.head is None or case.head.live == case.head.max_version),
    )


def known(db: Db, request: Registration, server: Config, *, registering: bool) -> Version | None:
    """The version that a registration or look-up of something known answers with, None for everything else.

    Made for the event loop: raises NotParsed rather than parse, and compares with what is exactly equal first.
    """
    case = _opened(db, request, server, only_parsed=True)
    request = case.request
    if registering:
        return _fast(case)
    if not request.text.strip():
        return None
    _, content = _parsed(case, strict=False)
    return _exact(case, content)


def commit(db: Db, proposal: Proposal, actor: Actor, objector: Objector | None = None) -> Registered:
    """Write a decided registration. Raises Moved when the decision no longer stands, OperationNotPermitted when
    the given id belongs to other content."""
    subject = proposal.subject
    now = now_ms()
    if proposal.plain and db.dialect == "postgresql":
        written = registering.written(db, proposal, actor, now)
        if written is None:
            raise Moved
        return _registered(proposal, *written, now)
    head = subjects.head(db, subject)
    if (None if head is None else head.revision) != proposal.revision or settings.epoch(db) != proposal.epoch:
        raise Moved
    if proposal.objected is not None and (objector is None or objector.epoch(db) != proposal.objected):
        raise Moved
    targets = Resolver(db).targets(proposal.content.references, subject.context)
    for reference, target in targets:
        named = Subject.parse(reference.subject, subject.context)
        if target is None or schemas.version(db, named, reference.version, deleted=True) is None:
            raise Moved
        if associations.strong(db, str(named)):
            raise Moved
    schema_pk, id = _stored_schema(db, proposal, targets, now)  # 10
    if head is not None and head.live < head.max_version:
        db.forget(f"id:{id}")  # a tombstone of this content is no longer the version that its id stands for
    subject_pk = (
        head.pk if head else subjects.open_subject(db, subjects.open_context(db, subject.context), subject.name)
    )
    if head is not None and head.live < head.max_version:
        _purge_tombstones(db, subject, subject_pk, proposal.number, id)  # 11
    if (there := _already(db, proposal, head, id)) is not None:
        return Registered(there, created=False)
    subjects.insert_version(db, subject_pk, proposal.number, schema_pk, proposal.source, now)
    subjects.advance(db, subject_pk, proposal.number)
    record(db, actor, "register", f"subject:{subject}", version=proposal.number, id=id)
    return _registered(proposal, schema_pk, id, now)


def _registered(proposal: Proposal, schema_pk: int, id: int, now: int) -> Registered:
    schema = Stored(schema_pk, proposal.subject.context, id, proposal.content.guid, proposal.content, now)
    version = Version(proposal.subject, proposal.number, schema, now, deleted=False, source=proposal.source)
    return Registered(version, created=True, conflicts=proposal.conflicts, previous=proposal.previous)


def lookup(db: Db, request: Registration, server: Config, *, deleted: bool = False) -> Version | None:
    """The version of a subject whose content is the request's (facts: confluent-api §7.2), or None.

    The subject itself may be unknown: ask `subjects.head`. Raises InvalidSchema when the text does not parse.
    """
    case = _opened(db, request, server)
    request = case.request
    if deleted:
        case._history = schemas.history(db, request.subject, deleted=True)
    _, content = _parsed(case, strict=False)
    found = _exact(case, content, deleted=deleted) or _looser(case, content) or _of_same_normal_form(case, content)
    if found is None:
        case.request = _inherited(case)
        if case.request != request:
            _, content = _parsed(case, strict=False)
            found = _exact(case, content, deleted=deleted) or _looser(case, content)
    return found


def check(
    db: Db,
    request: Registration,
    server: Config,
    *,
    version: int | None = None,
    objector: Objector | None = None,
) -> tuple[Sequence[Conflict], Effective, list[Version]]:
    """The conflicts of a candidate with one version (LATEST or a number), or with all its level looks at (None).

    Also returns the settings and versions they were found with. A level's transitivity counts only without a version.
    Raises VersionNotFound for an unknown number, InvalidSchema.
    """
    case = _opened(db, request, server, objector=objector)
    request = case.request
    if not request.text.strip():
        raise EmptySchema
    level = case.settings.level
    if version not in (None, LATEST):
        case.objector = None  # a comparison with one old version is no rehearsal of a registration
    if version is not None:
        one = case.latest() if version == LATEST else schemas.version(db, request.subject, version)
        if one is None and version != LATEST:
            raise VersionNotFound(version=version)
        case._history = [] if one is None else [one]
        level = replace(level, transitive=False)
    schema, _ = _parsed(case, strict=_strict(case))
    return _objected(case, schema, _checked(case, schema, level)), case.settings, case.history


def candidate(db: Db, request: Registration, server: Config) -> tuple[Subject, Schema, list[Version]]:
    """What a request would register, parsed, with the subject that its name means and that one's live versions.

    Raises EmptySchema, InvalidSchema.
    """
    case = _opened(db, request, server)
    if not case.request.text.strip():
        raise EmptySchema
    schema, _ = _parsed(case, strict=_strict(case))
    return case.request.subject, schema, case.history


def changed(db: Db, proposal: Proposal) -> Sequence[Change]:
    """What is different in a decided registration from the version before."""
    if proposal.previous is None:
        return ()
    resolver, context = Resolver(db), proposal.subject.context
    old, new = (resolver.parsed(content, context) for content in (proposal.previous.content, proposal.content))
    return changes(old, new)


# The steps.


def _fast(case: _Case) -> Version | None:
    """2: the same schema is live already. This is why a producer can start against a read-only registry."""
    request = case.request
    if request.tags_to_add or request.tags_to_remove or request.propagate_tags or case.settings.config.merges:
        return None
    if not request.text.strip() or case.head is None or case.head.live == 0:
        return None
    try:
        content = _content_for_comparison(case)
    except InvalidSchema:
        return None  # said again, strictly, in its turn
    found: Version | None
    if request.version > 0:
        found = schemas.with_content(case.db, request.subject, content.fingerprint)
        matches = found is not None and found.version <= request.version and found.id == request.id
        return found if matches else None
    if request.version == LATEST:
        newest = case.latest()
        found = newest if newest is not None and same(content, newest.content, newest.version) else None
    else:
        # A subject that may be written to is compared in full later, at its turn.
        cheap = case.only_parsed or case.settings.mode == READWRITE
        found = _exact(case, content) or _looser(case, content, cheap=cheap)
    if found is not None and request.id is not None and request.id != found.id:
        if case.settings.importing:
            return None
        raise IdMismatch(given=request.id, stored=found.id)
    return found


def _content_for_comparison(case: _Case) -> Content:
    """What the subject may have already: a valid schema is parsed once, one that an import let in is read leniently."""
    try:
        return _parsed(case, strict=_strict(case))[1]
    except InvalidSchema:
        return _parsed(case, strict=False)[1]


def _require_mode(case: _Case) -> None:
    mode, subject = case.settings.mode, case.request.subject
    case.settings.require_writable(subject)
    if case.request.id is not None and not case.settings.importing:
        raise not_in_mode(subject, "is not in import mode")
    if case.request.id is None and mode != READWRITE:
        raise not_in_mode(subject, "is not in read-write mode")


def _filled_in(case: _Case) -> Registration:
    request = case.request
    if case.settings.importing:
        if not request.text.strip():
            raise EmptySchema
        return _retagged(case, replace(request, propagate_tags=False))
    if not request.text.strip():
        latest = case.latest()
        if latest is None:
            raise EmptySchema
        content = latest.content
        request = replace(request, text=content.text, format=content.format, references=content.references)
    request = _retagged(case, request)
    case.request = request
    request = _inherited(case)
    if request.version != 0 or _has_number(request):
        metadata = request.metadata or Metadata()
        request = replace(request, metadata=metadata.with_property(VERSION_PROPERTY, str(case.next_number)))
    return request


def _has_number(request: Registration) -> bool:
    return request.metadata is not None and VERSION_PROPERTY in request.metadata.properties


def _inherited(case: _Case) -> Registration:
    """Absent metadata and rules come from the latest version; then the config's defaults and overrides."""
    request, latest = case.request, case.latest()
    metadata, rule_set = request.metadata, request.rule_set
    if latest is not None:
        metadata = metadata if metadata is not None else latest.content.metadata
        rule_set = rule_set if rule_set is not None else latest.content.rule_set
    metadata, rule_set = case.settings.config.merged(metadata, rule_set)
    return replace(request, metadata=metadata, rule_set=rule_set)


def _retagged(case: _Case, request: Registration) -> Registration:
    if not (request.tags_to_add or request.tags_to_remove or request.propagate_tags):
        return request
    schema = formats.parse(
        request.format,
        case.resolver.source(request.text, request.references, request.subject.context, request.format),
        strict=False,
    )
    text, latest = request.text, case.latest()
    if request.propagate_tags and latest is not None and latest.content.format == request.format:
        text = _propagated(schema, text, case.resolver.parsed(latest.content, request.subject.context).tags())
    if not (request.tags_to_add or request.tags_to_remove):
        return replace(request, text=text)
    text = _with_text(schema, text).retagged(request.tags_to_add, request.tags_to_remove)
    return replace(request, text=text, version=request.version or LATEST)


def _propagated(schema: Schema, text: str, taggings: Sequence[Tagging]) -> str:
    """The text with those of the tags whose entity is there. By halves: a text is parsed once for each that is gone,
    not for each that stays."""
    if not taggings:
        return text
    try:
        return _with_text(schema, text).retagged(taggings, [])
    except InvalidSchema:
        if len(taggings) == 1:
            return text
    middle = len(taggings) // 2
    return _propagated(schema, _propagated(schema, text, taggings[:middle]), taggings[middle:])


def _with_text(schema: Schema, text: str) -> Schema:
    return formats.parse(schema.format, replace(schema.source, text=text), strict=False)


def _require_weak_targets(case: _Case) -> None:
    for reference in case.request.references:
        target = Subject.parse(reference.subject, case.request.subject.context)
        if associations.strong(case.db, str(target)):
            raise OperationNotPermitted(f"A strong association exists on the referenced subject '{target}'")


def _strict(case: _Case) -> bool:
    if case.settings.importing or case.request.id is not None:
        return False
    return case.settings.config.validate_new_schemas is not False


def _parsed(case: _Case, *, strict: bool) -> tuple[Schema, Content]:
    request = case.request
    context = request.subject.context
    references = case.resolver.numbered(request.references, context, request.format)
    source = case.resolver.source(request.text, references, context, request.format)
    if case.only_parsed:
        remembered = formats.remembered(request.format, source)
        if remembered is None:
            raise NotParsed
        schema = remembered
    else:
        schema = formats.parse(request.format, source, strict=strict)
    text = schema.normalized() if _normalizes(case) else schema.canonical
    return schema, Content(request.format, text, references, request.metadata, request.rule_set)


def _exact(case: _Case, content: Content, *, deleted: bool = False) -> Version | None:
    if case.head is None:
        return None
    return schemas.with_content(case.db, case.request.subject, content.fingerprint, deleted=deleted)


def _looser(case: _Case, content: Content, *, cheap: bool = False) -> Version | None:
    """7: equal but for `confluent:version`, or equal once the stored references are written out.

    `cheap` leaves the second comparison out, which parses what is stored.
    """
    for version in case.history:
        stored = version.content
        if stored.text == content.text and same(content, stored, version.version):
            return version
        if not cheap and stored.references and not content.references and stored.format == content.format:
            inlined = case.resolver.parsed(stored, version.subject.context).inlined()
            if same(content, replace(stored, text=inlined, references=()), version.version):
                return version
    return None


def _normalizes(case: _Case) -> bool:
    return (case.request.normalize or bool(case.settings.config.normalize)) and not case.settings.importing


def _of_same_normal_form(case: _Case, content: Content) -> Version | None:
    """A look-up that normalizes finds what was registered without: the normal form of each version is compared."""
    if not _normalizes(case):
        return None
    for version in case.history:
        stored = version.content
        if stored.format == content.format and stored.references == content.references:
            text = case.resolver.parsed(stored, version.subject.context).normalized()
            if same(content, replace(stored, text=text), version.version):
                return version
    return None


def _checked(case: _Case, schema: Schema, level: Level) -> Sequence[Conflict]:
    if level is LEVELS["NONE"]:
        return ()
    config = case.settings.config
    history = _comparable(case, config.group)
    found = list(conflicts(level, schema, (_earlier(case, version) for version in history), case.settings.policy))
    if config.validate_fields:
        latest = history[0] if history else None
        previous = None if latest is None else latest.content.metadata
        found += reserved_conflicts(schema, case.request.metadata, previous, latest.version if latest else 0)
    return found


def _objected(case: _Case, schema: Schema, found: Sequence[Conflict]) -> Sequence[Conflict]:
    """The conflicts, and what others object that they do not say already."""
    if case.objector is None:
        return found
    known = {(each.finding.rule, each.finding.path, each.version) for each in found}
    objections = case.objector.to_registering(case.db, case.request.subject, schema, case.history)
    return [*found, *(each for each in objections if (each.finding.rule, each.finding.path, each.version) not in known)]


def _comparable(case: _Case, group: str | None) -> list[Version]:
    """Only versions with the same value of the group's property; absent equals absent."""
    if group is None:
        return case.history

    def value(metadata: Metadata | None) -> str | None:
        return metadata.properties.get(group) if metadata else None

    mine = value(_inherited(case).metadata)
    return [version for version in case.history if value(version.content.metadata) == mine]


def _earlier(case: _Case, version: Version) -> Earlier:
    content = version.content
    return Earlier(
        version.version,
        content.format,
        content.text,
        lambda: case.resolver.parsed(content, version.subject.context),
    )


def _number(case: _Case) -> int:
    asked = case.request.version if case.request.version > 0 else case.next_number
    if asked > names.MAX_VERSION and case.settings.importing:
        raise InvalidVersion(str(asked))
    if asked != case.next_number and not case.settings.importing:
        raise VersionNotNext(
            f"Version is not one more than previous version: asked for {asked}, the next one is {case.next_number}"
        )
    if asked > names.MAX_VERSION:
        raise OperationNotPermitted(f"Subject '{case.request.subject}' has no version numbers left")
    return asked


# A longer one does not fit into an index row of PostgreSQL.
_LONGEST_TERM = 500


def terms_of(schema: Schema) -> tuple[tuple[str, str], ...]:
    """What search finds the schema by: tags, paths, and the names of nested fields (a top-level path says its own)."""
    fields = schema.fields()
    tags = sorted({tag for each in fields for tag in each.tags} | {tag for each in schema.tags() for tag in each.tags})
    paths = [("field", each.path) for each in fields]
    nested = sorted({each.name for each in fields if each.path != f"/{each.name}"})
    terms = dict.fromkeys([*(("tag", tag) for tag in tags), *paths, *(("name", name) for name in nested)])
    return tuple(term for term in terms if len(term[1]) <= _LONGEST_TERM)[:5000]


def _stored_schema(
    db: Db, proposal: Proposal, targets: Sequence[tuple[Reference, int | None]], now: int
) -> tuple[int, int]:
    """10: the content's row and id: reused in this context, given by an import, or the next of the context."""
    context, content, given = proposal.subject.context, proposal.content, proposal.given_id
    existing = schemas.by_content(db, context, content.fingerprint)
    if given is not None:
        taken = schemas.by_id(db, context, given)
        if taken is not None and taken.content.fingerprint != content.fingerprint:
            raise OperationNotPermitted(
                f"Overwrite new schema with id {given} in context {printed(context)} is not permitted."
            )
        existing = taken
    if existing is not None:
        return existing.schema_pk, existing.id
    context_pk = subjects.open_context(db, context)
    if given is None:
        id, twin = subjects.next_id(db, context_pk), False
    else:
        id, twin = given, schemas.by_content(db, context, content.fingerprint) is not None
        subjects.reserve_id(db, context_pk, id)
    schema_pk = schemas.insert_schema(db, context_pk, id, content, proposal.terms, now, twin=twin)
    for position, (reference, target) in enumerate(targets):
        assert target is not None
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
            return there
        raise OperationNotPermitted(f"Version {there.version} of subject '{proposal.subject}' has other content")
    elsewhere = schemas.of_subject(db, proposal.subject, id, deleted=False)
    if elsewhere is not None:
        raise OperationNotPermitted(
            f"Schema {id} is version {elsewhere.version} of subject '{proposal.subject}' already"
        )
    return None


def _purge_tombstones(db: Db, subject: Subject, subject_pk: int, number: int, id: int) -> None:
    referenced = schemas.referenced_versions(db, subject_pk, deleted=True)
    for version in schemas.history(db, subject, deleted=True):
        if version.deleted and version.id == id and version.version < number and version.version not in referenced:
            subjects.purge_version(db, subject_pk, version.version)
            db.forget(f"id:{id}")
