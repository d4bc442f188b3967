"""What else may object to a change of a subject, as the use cases here see it.

The composition root plugs in an implementation (contract testing has one); without one nobody objects. It is asked
only where a policy exists (`Effective.guarded`), so that an ordinary registration costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from registry.content import Content
from registry.evolution.levels import Conflict
from registry.formats.base import Schema
from registry.names import Subject
from registry.rules import Metadata, RuleSet
from registry.store.engine import Db
from registry.store.queries.schemas import Version

CONSUMER_BREAKS, CONSUMER_UNKNOWN = "CONSUMER_BREAKS", "CONSUMER_UNKNOWN"
FIELD_PROTECTED, NOT_READABLE = "FIELD_PROTECTED", "VERSION_NOT_READABLE"
RULES = {
    CONSUMER_BREAKS: "A deployed consumer breaks or gives another result, and the policy protects what is used.",
    CONSUMER_UNKNOWN: "A consumer may break, as its contract says too little, and the policy protects that too.",
    FIELD_PROTECTED: "A field changes of a subject whose policy protects every field.",
    NOT_READABLE: "A version of the support window could no longer be read.",
}
"""The rules of objections, each with what it means."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is about to be registered: the schema, and what travels beside it once defaults are filled in."""

    schema: Schema
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None

    @classmethod
    def of(cls, schema: Schema, content: Content) -> Candidate:
        """A content that has been parsed."""
        return cls(schema, content.metadata, content.rule_set)


@dataclass(frozen=True, slots=True)
class InUse:
    """What is in use in an environment, or of what carries a tag: the versions of a subject that are written or read
    there, and the versions of applications that are there."""

    versions: frozenset[int]
    applications: frozenset[tuple[str, str]]


class Objector(Protocol):
    """Speaks for those whom a change concerns."""

    def epoch(self, db: Db) -> int:
        """The number that moves with whatever objections rest on."""
        ...

    def to_registering(
        self, db: Db, subject: Subject, candidate: Candidate, history: Sequence[Version]
    ) -> Sequence[Conflict]:
        """What speaks against a new version. `history` are the live versions, newest first."""
        ...

    def accepted(self, db: Db, subject: Subject, conflicts: Sequence[Conflict]) -> Sequence[Conflict]:
        """The conflicts, of which those that somebody answers for break no longer, for a while."""
        ...

    def refused(self, subject: Subject, conflicts: Sequence[Conflict]) -> None:
        """Told of every registration that was refused as incompatible."""
        ...

    def to_deleting(self, db: Db, subject: Subject, versions: Sequence[int]) -> None:
        """Raises OperationNotPermitted, with the date from which on it is permitted, if a version has to stay."""
        ...

    def impact(
        self,
        db: Db,
        subject: Subject,
        candidate: Candidate,
        history: Sequence[Version],
        visible: Callable[[Subject], bool] | None,
        among: Collection[tuple[str, str]] | None = None,
    ) -> Mapping[str, Any]:
        """Whom a new version hurts, where, on which field: as plain data. `history` starts with the newest live
        version; of subjects that are not `visible` only outcomes are told (None: all are); `among` these versions of
        applications (None: all)."""
        ...

    def in_use(self, db: Db, tag: str, subject: Subject) -> InUse:
        """What is in use of a subject in the environment of this name, else in the newest version of each application
        that carries the tag. Raises a RegistryError that names what there is."""
        ...
