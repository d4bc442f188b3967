"""The one error table of the native API: domain error → kind of problem. Sentences are the errors' own.

`code` is the Confluent API's error_code for the same error (facts: confluent-api §2), so that one number means one
thing on every API of this server; the HTTP status is its first three digits.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry import errors
from registry.api.v1 import render, wire

BASE = "/api/v1/problems"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; `slug` ends its type."""

    code: int
    slug: str
    title: str

    @property
    def status(self) -> int:
        return self.code if self.code < 1000 else self.code // 100

    @property
    def type(self) -> str:
        return f"{BASE}/{self.slug}"


TABLE: dict[type[errors.RegistryError], Kind] = {
    errors.SubjectNotFound: Kind(40401, "subject-not-found", "No such subject"),
    errors.VersionNotFound: Kind(40402, "version-not-found", "No such version"),
    errors.SchemaNotFound: Kind(40403, "schema-not-found", "No such schema"),
    errors.SubjectSoftDeleted: Kind(40404, "subject-soft-deleted", "The subject is deleted already"),
    errors.SubjectNotSoftDeleted: Kind(40405, "subject-not-soft-deleted", "The subject is still live"),
    errors.VersionSoftDeleted: Kind(40406, "version-soft-deleted", "The version is deleted already"),
    errors.VersionNotSoftDeleted: Kind(40407, "version-not-soft-deleted", "The version is still live"),
    errors.ConfigNotFound: Kind(40408, "config-not-found", "Nothing is configured"),
    errors.ModeNotFound: Kind(40409, "mode-not-found", "No mode is set"),
    errors.AssociationNotFound: Kind(40410, "association-not-found", "No such association"),
    errors.IdentityNotFound: Kind(40411, "identity-not-found", "No such identity"),
    errors.TokenNotFound: Kind(40412, "token-not-found", "No such token"),
    errors.UpcastNotFound: Kind(40413, "upcast-not-found", "No such upcaster"),
    errors.NotFound: Kind(40400, "not-found", "Not found"),
    errors.Incompatible: Kind(40901, "incompatible", "The schema breaks its subject's level"),
    errors.TooManyAssociations: Kind(40902, "too-many-associations", "Too many associations"),
    errors.AssociationExists: Kind(40903, "association-exists", "The association exists"),
    errors.AssociationForSubjectExists: Kind(40904, "subject-associated", "The subject has associations"),
    errors.StrongAssociationExists: Kind(40905, "subject-strongly-associated", "The subject has a strong association"),
    errors.NoActiveVersion: Kind(40907, "no-active-version", "The subject needs a live version"),
    errors.AssociationFrozen: Kind(40908, "association-frozen", "The association is frozen"),
    errors.KeyNotFound: Kind(40470, "key-not-found", "No such key"),
    errors.KeyNotSoftDeleted: Kind(40471, "key-not-deleted", "The key must be deleted first"),
    errors.KeyNotUndeleted: Kind(40472, "key-not-undeleted", "The key must be undeleted first"),
    errors.KeyExists: Kind(40971, "key-exists", "The key exists"),
    errors.TooManyKeys: Kind(40972, "too-many-keys", "Too many keys"),
    errors.PersonErased: Kind(40973, "person-erased", "The person was erased"),
    errors.UpcastRefuted: Kind(42281, "upcast-refuted", "The upcaster failed its proof"),
    errors.InvalidUpcast: Kind(42280, "invalid-upcast", "Not an upcaster"),
    errors.InvalidKey: Kind(42271, "invalid-key", "Not a key"),
    errors.KeyInUse: Kind(42272, "key-in-use", "The key is in use"),
    errors.KmsDenied: Kind(40370, "kms-denied", "The key system refused"),
    errors.KmsFailed: Kind(50070, "kms-failed", "The key system failed"),
    errors.IdempotencyConflict: Kind(40999, "idempotency-conflict", "The key belongs to another request"),
    errors.StalePlan: Kind(40997, "stale-plan", "The plan is stale"),
    errors.IdentityExists: Kind(40998, "identity-exists", "The identity exists"),
    errors.InvalidSchema: Kind(42201, "invalid-schema", "The schema is not valid"),
    errors.VersionNotNext: Kind(42201, "version-not-next", "Not the next version"),
    errors.InvalidVersion: Kind(42202, "invalid-version", "Not a version"),
    errors.InvalidLevel: Kind(42203, "invalid-level", "Not a compatibility level"),
    errors.InvalidConfig: Kind(42203, "invalid-config", "Not a setting"),
    errors.InvalidMode: Kind(42204, "invalid-mode", "Not a mode"),
    errors.OperationNotPermitted: Kind(42205, "operation-not-permitted", "Not permitted in this state"),
    errors.ReferenceExists: Kind(42206, "reference-exists", "Others refer to it"),
    errors.IdMismatch: Kind(42207, "id-mismatch", "The schema has another id"),
    errors.InvalidSubject: Kind(42208, "invalid-subject", "Not a subject name"),
    errors.SchemaTooLarge: Kind(42209, "schema-too-large", "The schema is too large"),
    errors.InvalidRuleSet: Kind(42210, "invalid-rule-set", "The rule set is not valid"),
    errors.ContextNotEmpty: Kind(42211, "context-not-empty", "The context is not empty"),
    errors.InvalidAssociation: Kind(42212, "invalid-association", "The association is not valid"),
    errors.InvalidContext: Kind(400, "invalid-context", "Not a context name"),
    errors.InvalidRequest: Kind(400, "invalid-request", "The request is malformed"),
    errors.Invalid: Kind(422, "invalid", "The request is not valid"),
    errors.WrongState: Kind(409, "wrong-state", "Not possible in this state"),
    errors.Refused: Kind(409, "refused", "Refused"),
    errors.Unauthenticated: Kind(401, "unauthenticated", "Who calls is not known"),
    errors.Forbidden: Kind(40301, "forbidden", "The caller may not do this"),
    errors.Denied: Kind(403, "denied", "Denied"),
    errors.RateLimited: Kind(429, "rate-limited", "Too many requests"),
    errors.Busy: Kind(503, "busy", "The registry is busy"),
    errors.StoreFailed: Kind(50001, "store-failed", "The store failed"),
    errors.TimedOut: Kind(50002, "timed-out", "It took too long"),
    errors.Unavailable: Kind(503, "unavailable", "Not now"),
    errors.RegistryError: Kind(500, "failed", "The registry failed"),
}

STATUSES = {
    kind.status: kind
    for kind in (
        TABLE[errors.InvalidRequest],
        TABLE[errors.Forbidden],
        Kind(404, "no-such-route", "No such route"),
        Kind(405, "method-not-allowed", "The route does not take this method"),
        TABLE[errors.Unauthenticated],
        Kind(406, "not-acceptable", "No acceptable media type"),
        Kind(408, "request-too-slow", "The request took too long to arrive"),
        Kind(413, "body-too-large", "The body is larger than the limit"),
        Kind(415, "unsupported-media-type", "The body's media type is not read"),
        TABLE[errors.RateLimited],
        TABLE[errors.RegistryError],
        TABLE[errors.Unavailable],
    )
}
"""What is refused without an error of the domain, by HTTP status."""


def kind_of(error: errors.RegistryError) -> Kind:
    """The kind of an error: its own row, or that of its nearest ancestor."""
    return next(TABLE[each] for each in type(error).__mro__ if each in TABLE)


def problem(error: errors.RegistryError) -> wire.Problem:
    """A domain error on the wire, with what the Confluent body has no room for."""
    kind = kind_of(error)
    answer = wire.Problem(type=kind.type, title=kind.title, status=kind.status, detail=str(error), code=kind.code)
    if isinstance(error, errors.Incompatible):
        answer.subject = error.data["subject"]
        answer.level = error.data["settings"].level.name
        answer.findings = [render.finding(conflict) for conflict in error.data["conflicts"]]
    elif isinstance(error, errors.InvalidSchema):
        answer.pointer, answer.line, answer.column = (error.data[name] for name in ("path", "line", "column"))
    return answer


def refusal(status: int, detail: str, faults: list[wire.Fault] | None = None) -> wire.Problem:
    """What is refused without an error of the domain behind it."""
    kind = STATUSES.get(status) or Kind(status, "failed" if status >= 500 else "refused", "Refused")
    return wire.Problem(
        type=kind.type, title=kind.title, status=status, detail=detail, code=kind.code, faults=faults or []
    )


def kinds() -> dict[str, tuple[Kind, str]]:
    """Every kind by slug, with the pattern of its sentences or what it means."""
    explained = {kind.slug: (kind, _meaning(error)) for error, kind in TABLE.items()}
    return {kind.slug: (kind, kind.title) for kind in STATUSES.values()} | explained


def _meaning(error: type[errors.RegistryError]) -> str:
    inherited = error.__doc__ is None or "sentence" in vars(error)
    return error.sentence if inherited else str(error.__doc__).splitlines()[0]
