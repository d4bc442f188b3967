"""Why a record could not be handled, and what is to be done about it. Pure.

    poison     its own fault: another try gives the same, so it goes to quarantine under its reason
    retryable  not its fault, and may pass: tried again
    held       as retryable, and never quarantined, because it would hit every record alike (the registry is away)

What is neither (a missing package, a registry that wants to know who calls) stops the consumer, unacknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tenor.errors import (
    Denied,
    FramingError,
    InvalidEvent,
    KmsUnavailable,
    MissingExtra,
    RecordBusy,
    RegistryError,
    RuleFailed,
    SchemaNotFound,
    StoreFailed,
    SubjectNotFound,
    TenorError,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    VersionNotFound,
)


class Reason(StrEnum):
    """Why a record is in quarantine: the classes that dead-letter headers and metrics tell apart."""

    FRAMING = "FRAMING"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    KEY_MISSING = "KEY_MISSING"
    ERASED = "ERASED"
    AUTH_FAILED = "AUTH_FAILED"
    UPCAST_TODO = "UPCAST_TODO"
    INVALID = "INVALID"
    HANDLER = "HANDLER"


class Stage(StrEnum):
    """How far a record came."""

    ENCODE = "encode"
    DECODE = "decode"
    UPCAST = "upcast"
    STORE = "store"
    HANDLER = "handler"


BY_KIND: Final[Mapping[str, Reason]] = {
    "FRAMING": Reason.FRAMING,
    "UNKNOWN_SCHEMA": Reason.UNKNOWN_SCHEMA,
    "UNUSABLE_SCHEMA": Reason.UNKNOWN_SCHEMA,
    "UNUSABLE_RULE": Reason.UNKNOWN_SCHEMA,
    "KEY_MISSING": Reason.KEY_MISSING,
    "KMS_KEY_NOT_FOUND": Reason.KEY_MISSING,
    "KMS_REFUSED": Reason.KEY_MISSING,
    "UNKNOWN_KMS": Reason.KEY_MISSING,
    "KMS": Reason.KEY_MISSING,
    "ENCRYPTION": Reason.KEY_MISSING,
    "KEY_MISMATCH": Reason.AUTH_FAILED,
    "ERASED": Reason.ERASED,
    "AUTHENTICATION": Reason.AUTH_FAILED,
    "AUTH_FAILED": Reason.AUTH_FAILED,
    "RECORD_KEY": Reason.AUTH_FAILED,
    "UPCAST_TODO": Reason.UPCAST_TODO,
    "UPCAST": Reason.UPCAST_TODO,
    "INVALID_PLAN": Reason.UPCAST_TODO,
    "UNDECODABLE": Reason.INVALID,
    "INVALID": Reason.INVALID,
    "RULE": Reason.INVALID,
}
"""Reasons by the `kind` of an error; a kind that is not here counts as INVALID."""

ABSENT: Final = (SchemaNotFound, SubjectNotFound, VersionNotFound)
"""The registry's word that this record names what is not there. Any other 404 is somebody else's: a wrong path."""
STOPS: Final = (MissingExtra, Denied)
"""The consumer's own trouble, which no waiting cures."""
AWAY: Final = (RegistryError, KmsUnavailable, StoreFailed, RecordBusy)
"""Somebody else's trouble, which may pass; of a registry's, all but the two above."""
PASSING: Final = (
    *(Unreachable, Unavailable, UnexpectedAnswer, KmsUnavailable, StoreFailed, RecordBusy),
    *(ConnectionError, TimeoutError),
)
"""What is retried when a handler raises it, unless the consumer was told otherwise."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record could not be handled. `reason` is None where the record is not to blame."""

    stage: Stage
    error: Exception
    reason: Reason | None
    rule: str = ""
    retryable: bool = False
    held: bool = False

    @property
    def told(self) -> str:
        """The failure in words that hold nothing of the event: a handler's or a validator's own sentence might."""
        return f"{self.stage}: {type(self.error).__name__}"


def judged(error: Exception, stage: Stage, passing: tuple[type[Exception], ...] = PASSING) -> Failure:
    """What an error means. `passing` are the errors of a handler that may pass."""
    if stage is Stage.HANDLER:
        again = isinstance(error, passing) or getattr(error, "retryable", False) is True
        return Failure(stage, error, Reason.HANDLER, rule_of(error), retryable=again)
    if isinstance(error, STOPS):
        return Failure(stage, error, None, held=True)
    away = isinstance(error, AWAY) and not isinstance(error, ABSENT)
    if away or getattr(error, "retryable", False) is True:
        return Failure(stage, error, None, retryable=True, held=True)
    if stage is Stage.STORE:  # a store or a function of identities that cannot work: no record's fault
        return Failure(stage, error, None, held=True)
    if isinstance(error, TenorError):
        return Failure(stage, error, reason_of(error), rule_of(error))
    # Whatever broke on these bytes will break on them again: an upcaster's bug, a recursion, a codec's surprise.
    reason = Reason.UPCAST_TODO if stage is Stage.UPCAST else Reason.INVALID
    return Failure(stage, error, reason, rule_of(error))


def reason_of(error: TenorError) -> Reason:
    """The reason that an error is: of a rule that broke on another error, that one's."""
    cause = error.__cause__ if isinstance(error, RuleFailed) else None
    return BY_KIND.get((cause if isinstance(cause, TenorError) else error).kind, Reason.INVALID)


def rule_of(error: Exception) -> str:
    """The rule an event broke, in a stable word: of the first violation, of a schema's rule, or the error's type."""
    if isinstance(error, InvalidEvent) and error.violations:
        return error.violations[0].rule
    if isinstance(error, FramingError):
        return type(error).__name__
    rule = getattr(error, "rule", None)
    return rule if isinstance(rule, str) and rule else type(error).__name__
