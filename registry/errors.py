"""Every way the registry says no. Data and one sentence each; no HTTP.

    RegistryError
    ├── NotFound             SubjectNotFound · VersionNotFound · SchemaNotFound · ConfigNotFound · ModeNotFound
    │                        AssociationNotFound · IdentityNotFound · TokenNotFound · KeyNotFound · UpcastNotFound
    ├── WrongState           SubjectSoftDeleted · VersionSoftDeleted      delete again what is deleted
    │                        SubjectNotSoftDeleted · VersionNotSoftDeleted   purge what is still live
    │                        ContextNotEmpty · ReferenceExists · NoActiveVersion
    │                        KeyNotSoftDeleted · KeyNotUndeleted · KeyInUse
    ├── Invalid              InvalidSchema (EmptySchema, UnknownFormat) · InvalidVersion · VersionNotNext · InvalidLevel
    │                        InvalidConfig · InvalidMode · InvalidSubject · InvalidContext · InvalidRuleSet
    │                        InvalidUpcast (UpcastRefuted)
    │                        InvalidAssociation · InvalidRequest · SchemaTooLarge · InvalidKey
    ├── Refused              OperationNotPermitted · IdMismatch · Incompatible
    │                        AssociationExists · AssociationForSubjectExists · StrongAssociationExists
    │                        AssociationFrozen · TooManyAssociations · IdempotencyConflict · IdentityExists
    │                        KeyExists · TooManyKeys · PersonErased · StalePlan
    ├── Denied               Unauthenticated · Forbidden · KmsDenied
    └── Unavailable          Busy · StoreFailed · TimedOut · RateLimited · KmsFailed

A dialect maps each class to its wire in one table (`registry/api/*/errors.py`), and a test proves each table complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class RegistryError(Exception):
    """A domain error: its attributes are the data, `str()` of it the sentence."""

    sentence: ClassVar[str] = "The request could not be served."

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(self.sentence.format(**data))


class NotFound(RegistryError):
    """Something that was named is not there."""


class SubjectNotFound(NotFound):
    sentence = "Subject '{subject}' not found."


class VersionNotFound(NotFound):
    sentence = "Version {version} not found."


class SchemaNotFound(NotFound):
    """`what` is an id, a guid, or None for a lookup by content."""

    def __init__(self, what: int | str | None = None) -> None:
        self.sentence = "Schema not found" if what is None else "Schema {what} not found"  # type: ignore[misc] # instance-level wording
        super().__init__(what=what)


class ConfigNotFound(NotFound):
    sentence = "Subject '{subject}' does not have subject-level compatibility configured"


class ModeNotFound(NotFound):
    sentence = "Subject '{subject}' does not have subject-level mode configured"


class AssociationNotFound(NotFound):
    sentence = "Association for '{resource}' not found."


class IdentityNotFound(NotFound):
    sentence = "Identity '{identity}' not found."


class TokenNotFound(NotFound):
    sentence = "Token '{token}' not found."


class KeyNotFound(NotFound):
    """A KEK, a DEK or a person's key; an erased one is not there either."""

    sentence = "Key '{key}' not found"


class UpcastNotFound(NotFound):
    sentence = "No chain of upcasters leads from version {old} to version {new} of subject '{subject}'."


class WrongState(RegistryError):
    """The thing is there, but not in the state that the request needs."""


class SubjectSoftDeleted(WrongState):
    sentence = "Subject '{subject}' was soft deleted.Set permanent=true to delete permanently"


class SubjectNotSoftDeleted(WrongState):
    sentence = "Subject '{subject}' was not deleted first before being permanently deleted"


class VersionSoftDeleted(WrongState):
    sentence = "Subject '{subject}' Version {version} was soft deleted.Set permanent=true to delete permanently"


class VersionNotSoftDeleted(WrongState):
    sentence = "Subject '{subject}' Version {version} was not deleted first before being permanently deleted"


class ContextNotEmpty(WrongState):
    sentence = "The specified context '{context}' is not empty."


class ReferenceExists(WrongState):
    sentence = "One or more references exist to the schema {{subject={subject},version={version}}}."


class NoActiveVersion(WrongState):
    sentence = "No active (non-deleted) version exists for subject '{subject}'"


class KeyNotSoftDeleted(WrongState):
    sentence = "Key '{key}' was not deleted first before being permanently deleted"


class KeyNotUndeleted(WrongState):
    sentence = "Key '{key}' must be undeleted first"


class KeyInUse(WrongState):
    sentence = "Key '{key}' is in use: {reason}"


class Invalid(RegistryError):
    """The request cannot mean anything, whatever is stored."""

    sentence = "{reason}"

    def __init__(self, reason: str, **data: Any) -> None:
        super().__init__(reason=reason, **data)


class InvalidSchema(Invalid):
    """A schema that does not parse, or a reference that does not resolve.

    `path` is a JSON pointer into the text where one is known; `line` and `column` count from 1.
    """

    sentence = "Invalid schema of type {format}, details: {reason}"

    def __init__(
        self, format: str, reason: str, *, path: str | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(reason, format=format, path=path, line=line, column=column)


class EmptySchema(InvalidSchema):
    sentence = "Empty schema"

    def __init__(self) -> None:
        super().__init__("", "Empty schema")


class UnknownFormat(InvalidSchema):
    sentence = "Invalid schema type {format}"

    def __init__(self, format: str) -> None:
        super().__init__(format, f"the schema types are AVRO, JSON and PROTOBUF, not {format}")


class SchemaTooLarge(Invalid):
    """More text or more nodes than the server is set to take."""


class InvalidVersion(Invalid):
    sentence = (
        "The specified version '{version}' is not a valid version id. "
        'Allowed values are between [1, 2^31-1] and the string "latest"'
    )

    def __init__(self, version: str) -> None:
        super().__init__("not a version", version=version)


class VersionNotNext(Invalid):
    """A registration asked for a version number that is not the next one."""


class InvalidLevel(Invalid):
    sentence = (
        "Invalid compatibility level. Valid values are none, backward, forward, full, "
        "backward_transitive, forward_transitive, and full_transitive"
    )

    def __init__(self, level: str) -> None:
        super().__init__("not a level", level=level)


class InvalidConfig(Invalid):
    """A setting of the config body, other than the level, that is not one of its values."""


class InvalidMode(Invalid):
    sentence = "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD."

    def __init__(self, mode: str) -> None:
        super().__init__("not a mode", mode=mode)


class InvalidSubject(Invalid):
    sentence = "The specified subject '{subject}' is not a valid."

    def __init__(self, subject: str) -> None:
        super().__init__("not a subject name", subject=subject)


class InvalidContext(Invalid):
    """A context name with a colon inside it."""


class InvalidRuleSet(Invalid):
    """A rule that breaks the rules for rules."""


class InvalidAssociation(Invalid):
    sentence = "The association specified an invalid value for property: '{property}', detail: {reason}"

    def __init__(self, property: str, reason: str) -> None:
        super().__init__(reason, property=property)


class InvalidRequest(Invalid):
    """A body or parameter of the wrong shape."""


class InvalidUpcast(Invalid):
    """A plan that is none, is not finished, or is not what was proven."""


class UpcastRefuted(InvalidUpcast):
    """A plan that failed its proof; the sentence holds the smallest event that shows it."""


class InvalidKey(Invalid):
    """A key's name, type, algorithm or material that cannot be used."""


class Refused(RegistryError):
    """Well-formed and understood, but the answer is no."""


class OperationNotPermitted(Refused):
    """A mode, or an id that is taken, forbids it."""

    sentence = "{reason}"

    def __init__(self, reason: str, **data: Any) -> None:
        super().__init__(reason=reason, **data)


class IdMismatch(Refused):
    sentence = "The id {given} of the request does not match the id {stored} of the existing schema"


class Incompatible(Refused):
    """The candidate breaks the level of its subject.

    `conflicts` are `registry.evolution.levels.Conflict` values: one per finding and version concerned; `history`
    the versions compared with, `settings` the effective settings. Dialects tell them in their own words.
    """

    sentence = 'Schema being registered is incompatible with an earlier schema for subject "{subject}"'

    def __init__(self, subject: Any, conflicts: Sequence[Any], history: Sequence[Any], settings: Any) -> None:
        super().__init__(subject=str(subject), conflicts=conflicts, history=history, settings=settings)


class TooManyAssociations(Refused):
    sentence = "A maximum of {limit} associations already exist"


class AssociationExists(Refused):
    sentence = "An association of type '{type}' already exists for resource '{resource}'"


class AssociationForSubjectExists(Refused):
    sentence = "An association already exists for subject '{subject}'"


class StrongAssociationExists(Refused):
    sentence = "A strong association already exists for subject '{subject}'"


class AssociationFrozen(Refused):
    sentence = "The association of type  '{type}' is frozen for subject '{subject}'"


class IdempotencyConflict(Refused):
    sentence = "The idempotency key '{key}' was used before with another request"


class StalePlan(Refused):
    """What the plan was made from is not what the registry has: plan again."""

    sentence = "The plan is stale: the registry would not do what it says any more ({reason})"


class IdentityExists(Refused):
    sentence = "Identity '{identity}' exists already"


class KeyExists(Refused):
    sentence = "Key '{key}' already exists; use a different value"


class TooManyKeys(Refused):
    sentence = "A maximum of {limit} keys already exist"


class PersonErased(Refused):
    sentence = "The person '{handle}' was erased under key '{kek}'"


class Denied(RegistryError):
    """Who calls is not known, or may not do this."""


class Unauthenticated(Denied):
    sentence = "Authentication is required."


class Forbidden(Denied):
    sentence = "{actor} may not {action} {resource}."


class KmsDenied(Denied):
    """The key system does not let this server use the key."""

    sentence = "The key system refused to {action}: {reason}"


class Unavailable(RegistryError):
    """Not now. The same request may succeed later."""


class Busy(Unavailable):
    """Too many requests wait, or the database is held by others."""

    sentence = "The registry is busy: {reason}. Try again."


class StoreFailed(Unavailable):
    sentence = "The store failed: {reason}"


class TimedOut(Unavailable):
    sentence = "{what} took longer than {seconds} s"


class RateLimited(Unavailable):
    """More requests than the caller may send."""

    sentence = "Too many requests: try again in {seconds} s"


class KmsFailed(Unavailable):
    """The key system could not be asked, or answered with something that is no key."""

    sentence = "The key system failed to {action}: {reason}"
