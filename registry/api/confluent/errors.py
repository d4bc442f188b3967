"""The one error table of the Confluent API: domain error → (HTTP status, error_code). Messages are the errors' own.

The HTTP status is the first three digits of the code (facts: confluent-api §2); scripts match on codes and texts.
"""

from __future__ import annotations

import msgspec

from registry import errors
from registry.api.confluent.messages import details
from registry.api.confluent.wire import ErrorMessage

TABLE: dict[type[errors.RegistryError], int] = {
    errors.SubjectNotFound: 40401,
    errors.VersionNotFound: 40402,
    errors.SchemaNotFound: 40403,
    errors.SubjectSoftDeleted: 40404,
    errors.SubjectNotSoftDeleted: 40405,
    errors.VersionSoftDeleted: 40406,
    errors.VersionNotSoftDeleted: 40407,
    errors.ConfigNotFound: 40408,
    errors.ModeNotFound: 40409,
    errors.AssociationNotFound: 40410,
    errors.IdentityNotFound: 404,
    errors.TokenNotFound: 404,
    errors.KeyNotFound: 40470,
    errors.KeyNotSoftDeleted: 40471,
    errors.KeyNotUndeleted: 40472,
    errors.NotFound: 404,
    errors.Incompatible: 409,
    errors.TooManyAssociations: 40902,
    errors.AssociationExists: 40903,
    errors.AssociationForSubjectExists: 40904,
    errors.StrongAssociationExists: 40905,
    errors.NoActiveVersion: 40907,
    errors.AssociationFrozen: 40908,
    errors.KeyExists: 40971,
    errors.TooManyKeys: 40972,
    errors.PersonErased: 409,
    errors.IdempotencyConflict: 409,
    errors.IdentityExists: 409,
    errors.StalePlan: 409,
    errors.InvalidSchema: 42201,
    errors.VersionNotNext: 42201,
    errors.InvalidVersion: 42202,
    errors.InvalidLevel: 42203,
    errors.InvalidConfig: 42203,
    errors.InvalidMode: 42204,
    errors.OperationNotPermitted: 42205,
    errors.ReferenceExists: 42206,
    errors.IdMismatch: 42207,
    errors.InvalidSubject: 42208,
    errors.SchemaTooLarge: 42209,
    errors.InvalidRuleSet: 42210,
    errors.ContextNotEmpty: 42211,
    errors.InvalidAssociation: 42212,
    errors.InvalidKey: 42271,
    errors.KeyInUse: 42272,
    errors.InvalidContext: 400,
    errors.InvalidRequest: 422,
    errors.Invalid: 422,
    errors.WrongState: 422,
    errors.Refused: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 40301,
    errors.KmsDenied: 40370,
    errors.Denied: 403,
    errors.RateLimited: 429,
    errors.Busy: 503,
    errors.StoreFailed: 50001,
    errors.TimedOut: 50002,
    errors.KmsFailed: 50070,
    errors.Unavailable: 503,
    errors.RegistryError: 500,
}


def code_of(error: errors.RegistryError) -> int:
    """The error_code of an error: its own row, or that of its nearest ancestor."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def status_of(code: int) -> int:
    """The HTTP status of an error_code."""
    return code if code < 1000 else code // 100


def told(error: errors.RegistryError, *, incompatible_code: int = 409) -> tuple[int, ErrorMessage]:
    """An error as (status, body)."""
    code = code_of(error)
    if isinstance(error, errors.Incompatible):
        return 409, ErrorMessage(incompatible_code, f"{error}, details: [{', '.join(details(error))}]")
    return status_of(code), ErrorMessage(code, str(error))


def body(status: int, message: str) -> bytes:
    """The body of a refusal that has no error of the domain behind it."""
    return msgspec.json.encode(ErrorMessage(status, message))
