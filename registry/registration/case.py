"""A request about a schema, what is known about its subject, and what is decided of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from registry import formats
from registry.content import Content
from registry.evolution.levels import Conflict
from registry.formats.base import Reference, Schema, Tagging
from registry.names import Subject
from registry.objections import Objector
from registry.policy import Config, Effective, resolved
from registry.references import Beside, Resolver
from registry.rules import Metadata, RuleSet
from registry.store.engine import Db
from registry.store.queries import schemas, subjects
from registry.store.queries.schemas import Version
from registry.store.queries.subjects import Head


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client sends to register, look up or check. `version` 0 and `id` None mean: not said.

    `registered_at` is when an import's version was registered where it comes from, in ms.
    """

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
    beside: Mapping[Subject, Beside] = field(default_factory=dict, compare=False)
    """What is to be registered with it, by subject; for checks alone."""
    registered_at: int | None = None


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
    registered_at: int | None = None
    """When the version was registered, if not just now: an import says it."""


class NotParsed(Exception):
    """The schema was not parsed before, and the caller does not want it parsed now."""


@dataclass(slots=True)
class Case:
    """One request with what is known about its subject."""

    db: Db
    request: Registration
    settings: Effective
    resolver: Resolver
    only_parsed: bool = False
    objector: Objector | None = None
    """Who may object, where a policy exists."""
    waiving: Objector | None = None
    """Who knows what is accepted, policy or not."""
    head: Head | None = field(init=False)
    _history: list[Version] | None = None

    def __post_init__(self) -> None:
        self.head = subjects.head(self.db, self.request.subject)

    @property
    def history(self) -> list[Version]:
        """Live versions, newest first."""
        if self._history is None:
            live = self.head is not None and self.head.live > 0
            self._history = schemas.history(self.db, self.request.subject) if live else []
        return self._history

    def look_at(self, versions: list[Version]) -> None:
        """Take these for the history, newest first."""
        self._history = versions

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


def opened(
    db: Db,
    request: Registration,
    server: Config,
    *,
    only_parsed: bool = False,
    objector: Objector | None = None,
    resolver: Resolver | None = None,
) -> Case:
    """1: the case of a request, its subject's alias followed. `resolver`: one that has read of this transaction."""
    subject, settings = resolved(db, request.subject, server)
    if subject != request.subject:
        request = replace(request, subject=subject)
    resolver = resolver or Resolver(db, request.beside)
    return Case(db, request, settings, resolver, only_parsed, objector if settings.guarded else None, objector)


def strict(case: Case) -> bool:
    """Whether a schema that is merely tolerated is refused."""
    if case.settings.importing or case.request.id is not None:
        return False
    return case.settings.config.validate_new_schemas is not False


def normalizes(case: Case) -> bool:
    """Whether the normal form of the text is what is kept."""
    return (case.request.normalize or bool(case.settings.config.normalize)) and not case.settings.importing


def parsed(case: Case, *, strict: bool) -> tuple[Schema, Content]:
    """5: the schema of a request, and its content. Raises InvalidSchema, NotParsed."""
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
    text = schema.normalized() if normalizes(case) else schema.canonical
    return schema, Content(request.format, text, references, request.metadata, request.rule_set)
