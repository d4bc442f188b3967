"""Decide a registration, look one up, check one. Reads and computes, and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from registry import names
from registry.errors import (
    EmptySchema,
    Incompatible,
    InvalidVersion,
    OperationNotPermitted,
    VersionNotFound,
    VersionNotNext,
)
from registry.evolution.changes import changes
from registry.evolution.levels import Conflict
from registry.formats.base import Change, Schema
from registry.names import LATEST, Subject
from registry.objections import Candidate, Objector
from registry.policy import READWRITE, Config, Effective, not_in_mode
from registry.references import Resolver
from registry.registration.case import Case, Proposal, Registered, Registration, opened, parsed, strict
from registry.registration.checking import accepted, checked, with_objections
from registry.registration.filling import filled_in, has_number, inherited
from registry.registration.finding import exact, fast, looser, of_same_normal_form
from registry.rules import require_sealable, validate
from registry.store.engine import Db, Heavy, Settled
from registry.store.queries import schemas
from registry.store.queries.schemas import Version

_LIGHT_TEXT: Final = 8_000
_LIGHT_HISTORY: Final = 2
# A longer one does not fit into an index row of PostgreSQL.
_LONGEST_TERM: Final = 500


def decide(
    db: Db,
    request: Registration,
    server: Config,
    *,
    light: bool = False,
    objector: Objector | None = None,
    resolver: Resolver | None = None,
) -> Proposal | Settled[Registered]:
    """Decide a registration. Raises what `registry.errors` names for each step.

    `light`: only what is quickly decided; raises Heavy for large texts, Protobuf, references and long histories.
    `resolver`: one that is shared by decisions of one transaction, so that each reads what it refers to once.
    """
    if light and (len(request.text) > _LIGHT_TEXT or request.format == "PROTOBUF" or request.references):
        raise Heavy
    case = opened(db, request, server, objector=objector, resolver=resolver)
    if light and (case.objector is not None or (case.head is not None and case.head.live > _LIGHT_HISTORY)):
        raise Heavy
    if case.request.subject != request.subject:
        names.subject(str(case.request.subject))
    if (known := fast(case)) is not None:
        return Settled(Registered(known, created=False))
    _require_mode(case)  # 3
    numbered = has_number(case.request)
    request = case.request = filled_in(case)  # 4
    if request.rule_set is not None:
        validate(request.rule_set)
    _require_weak_targets(case)
    schema, content = parsed(case, strict=strict(case))  # 5
    if not case.settings.importing:
        require_sealable(schema, request.metadata, request.rule_set)
    if request.version == 0 and case.settings.importing:
        if (known := exact(case, content)) is not None and known.id == request.id:  # 6
            return Settled(Registered(known, created=False))
    elif request.version == 0:
        # A number that was only inherited must not make the same request another version each time it is sent.
        sought = content if numbered else content.without_version()
        if (known := exact(case, sought)) is not None:  # 6
            return Settled(Registered(known, created=False))
        if (known := looser(case, sought)) is not None:  # 7
            return Settled(Registered(known, created=False))
    found: Sequence[Conflict] = ()
    objected = None
    if not (request.force or case.settings.importing):  # 8
        # Read first: what moves while the objections are made must make the decision stale.
        found = checked(case, schema, case.settings.level)
        asked = case.objector or (case.waiving if any(each.breaks for each in found) else None)
        objected = None if asked is None else asked.epoch(db)
        found = with_objections(case, schema, accepted(case, found))
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
        registered_at=request.registered_at if case.settings.importing else None,
        plain=not content.references
        and request.id is None
        and objected is None
        and (case.head is None or case.head.live == case.head.max_version),
    )


def known(db: Db, request: Registration, server: Config, *, registering: bool) -> Version | None:
    """The version that a registration or look-up of something known answers with, None for everything else.

    Made for the event loop: raises NotParsed rather than parse, and compares with what is exactly equal first.
    """
    case = opened(db, request, server, only_parsed=True)
    request = case.request
    if registering:
        return fast(case)
    if not request.text.strip():
        return None
    _, content = parsed(case, strict=False)
    return exact(case, content)


def lookup(db: Db, request: Registration, server: Config, *, deleted: bool = False) -> Version | None:
    """The version of a subject whose content is the request's (facts: confluent-api §7.2), or None.

    The subject itself may be unknown: ask `subjects.head`. Raises InvalidSchema when the text does not parse.
    """
    case = opened(db, request, server)
    request = case.request
    if deleted:
        case.look_at(schemas.history(db, request.subject, deleted=True))
    _, content = parsed(case, strict=False)
    found = exact(case, content, deleted=deleted) or looser(case, content) or of_same_normal_form(case, content)
    if found is None:
        case.request = inherited(case)
        if case.request != request:
            _, content = parsed(case, strict=False)
            found = exact(case, content, deleted=deleted) or looser(case, content)
    return found


def check(
    db: Db,
    request: Registration,
    server: Config,
    *,
    version: int | None = None,
    versions: Collection[int] | None = None,
    objector: Objector | None = None,
) -> tuple[Sequence[Conflict], Effective, list[Version]]:
    """The conflicts of a candidate with one version (LATEST or a number), or with all its level looks at (None).

    `versions`: with each of these instead, deleted ones too. Also returns the settings and versions they were found
    with. A level's transitivity counts only without a version. Raises VersionNotFound for an unknown number,
    InvalidSchema.
    """
    case = opened(db, request, server, objector=objector)
    request = case.request
    if not request.text.strip():
        raise EmptySchema
    level = case.settings.level
    if version not in (None, LATEST):
        case.objector = case.waiving = None  # a comparison with one old version is no rehearsal of a registration
    if version is not None:
        one = case.latest() if version == LATEST else schemas.version(db, request.subject, version)
        if one is None and version != LATEST:
            raise VersionNotFound(version=version)
        case.look_at([] if one is None else [one])
        level = replace(level, transitive=False)
    elif versions is not None:
        case.look_at([each for each in schemas.history(db, request.subject, deleted=True) if each.version in versions])
        level = replace(level, transitive=True)
    schema, _ = parsed(case, strict=strict(case))
    found = accepted(case, checked(case, schema, level))
    return with_objections(case, schema, found), case.settings, case.history


def candidate(db: Db, request: Registration, server: Config) -> tuple[Subject, Candidate, list[Version]]:
    """What a request would register, parsed, with the subject that its name means and that one's live versions.

    Raises EmptySchema, InvalidSchema.
    """
    case = opened(db, request, server)
    if not case.request.text.strip():
        raise EmptySchema
    schema, _ = parsed(case, strict=strict(case))
    filled = inherited(case)
    return case.request.subject, Candidate(schema, filled.metadata, filled.rule_set), case.history


def changed(db: Db, proposal: Proposal) -> Sequence[Change]:
    """What is different in a decided registration from the version before."""
    if proposal.previous is None:
        return ()
    resolver, context = Resolver(db), proposal.subject.context
    old, new = (resolver.parsed(content, context) for content in (proposal.previous.content, proposal.content))
    return changes(old, new)


def _require_mode(case: Case) -> None:
    mode, subject = case.settings.mode, case.request.subject
    case.settings.require_writable(subject)
    if case.request.id is not None and not case.settings.importing:
        raise not_in_mode(subject, "is not in import mode")
    if case.request.id is None and mode != READWRITE:
        raise not_in_mode(subject, "is not in read-write mode")


def _require_weak_targets(case: Case) -> None:
    for reference in case.request.references:
        target = Subject.parse(reference.subject, case.request.subject.context)
        if case.resolver.strong(target):
            raise OperationNotPermitted(f"A strong association exists on the referenced subject '{target}'")


def _number(case: Case) -> int:
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


def terms_of(schema: Schema) -> tuple[tuple[str, str], ...]:
    """What search finds the schema by: tags, paths, and the names of nested fields (a top-level path says its own)."""
    fields = schema.fields()
    tags = sorted({tag for each in fields for tag in each.tags} | {tag for each in schema.tags() for tag in each.tags})
    paths = [("field", each.path) for each in fields]
    nested = sorted({each.name for each in fields if each.path != f"/{each.name}"})
    terms = dict.fromkeys([*(("tag", tag) for tag in tags), *paths, *(("name", name) for name in nested)])
    return tuple(term for term in terms if len(term[1]) <= _LONGEST_TERM)[:5000]
