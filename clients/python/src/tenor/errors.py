"""Every way the client says no. Data and one sentence each.

    TenorError
    ├── FramingError          NotFramed · TruncatedFrame · InvalidSchemaId · InvalidMessageIndexes
    ├── RegistryError         the conversation with a registry
    │   ├── Unreachable                                                  nobody answered, on any address
    │   ├── UnexpectedAnswer                                             somebody did, but no registry
    │   └── Answered          the registry said no: status, code, message, findings
    │       ├── NotFound          SubjectNotFound · VersionNotFound · SchemaNotFound
    │       ├── Refused           Incompatible · Conflict
    │       ├── Rejected                                                 the request cannot mean anything
    │       ├── Denied            Unauthenticated · Forbidden
    │       └── Unavailable                                              try again later
    ├── InvalidEvent          the event breaks its schema: path, rule and value of every violation
    ├── Undecodable           the bytes do not hold an event of the schema they name
    ├── UnusableSchema        the schema text does not compile here; Unresolvable: reader and writer do not fit
    └── MissingExtra          an optional package is not installed

`kind` is the stable word for dead-letter headers and metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple


class TenorError(Exception):
    """An error of this library: its attributes are the data, `str()` of it the sentence."""

    sentence: ClassVar[str] = "Something went wrong."
    kind: ClassVar[str] = "ERROR"

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(self.sentence.format(**data))

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process boundaries (worker pools); keyword-only constructors need a hand.
        return _rebuilt, (type(self), str(self), self.data, self.__dict__)


def _rebuilt(cls: type[TenorError], sentence: str, data: dict[str, Any], state: dict[str, Any]) -> TenorError:
    error = cls.__new__(cls)
    Exception.__init__(error, sentence)
    error.data = data
    error.__dict__.update(state)
    return error


class FramingError(TenorError):
    """Bytes that carry no readable reference to a schema."""

    sentence = "The message is not framed: {reason}."
    kind = "FRAMING"


class NotFramed(FramingError):
    """The first byte is neither 0x00 (schema id) nor 0x01 (schema guid)."""


class TruncatedFrame(FramingError):
    """The bytes end inside the frame."""

    sentence = "The frame is cut short: {reason}."


class InvalidSchemaId(FramingError):
    """A schema id that does not fit a positive int32, or a guid that is none."""

    sentence = "{value} is not a schema id: {reason}."


class InvalidMessageIndexes(FramingError):
    """Protobuf message indexes that cannot name a message."""

    sentence = "The Protobuf message indexes are invalid: {reason}."


class RegistryError(TenorError):
    """The conversation with a registry failed."""

    kind = "REGISTRY"


class Unreachable(RegistryError):
    """No address gave an answer, after all tries."""

    sentence = "No answer from the registry at {url}: {reason}."
    kind = "UNREACHABLE"


class UnexpectedAnswer(RegistryError):
    """An answer that a registry would not give: HTML from a proxy, half a body, another shape."""

    sentence = "{url} answered {status}, but not as a registry does: {reason}."
    kind = "UNEXPECTED_ANSWER"


class Answered(RegistryError):
    """The registry said no. `status` is HTTP's, `code` the registry's own, `findings` its structured reasons."""

    kind = "REFUSED"

    def __init__(
        self, *, status: int, code: int, message: str, url: str = "", findings: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.status, self.code, self.message, self.url = status, code, message, url
        self.findings = list(findings)
        self.sentence = "{message}"  # type: ignore[misc] # the registry's own sentence
        super().__init__(status=status, code=code, message=message, url=url, findings=self.findings)


class NotFound(Answered):
    """Something that was named is not there."""

    kind = "UNKNOWN_SCHEMA"


class SubjectNotFound(NotFound):
    """No such subject (40401)."""


class VersionNotFound(NotFound):
    """The subject has no such version (40402)."""


class SchemaNotFound(NotFound):
    """No such id or guid, or the subject does not have this schema (40403)."""


class Refused(Answered):
    """Understood, and against a rule of the registry."""


class Incompatible(Refused):
    """The schema breaks the subject's compatibility level (409)."""


class Conflict(Refused):
    """The registry's state does not allow it: read-only, another id, a moved precondition."""


class Rejected(Answered):
    """The request cannot mean anything: a schema that does not parse, a name that is none (422, 400)."""


class Denied(Answered):
    """Not you, or not this."""

    kind = "DENIED"


class Unauthenticated(Denied):
    """The registry wants to know who calls (401)."""


class Forbidden(Denied):
    """The registry knows who calls and does not allow it (403)."""


class Unavailable(Answered):
    """The registry is there and cannot serve now, after all tries (408, 429, 5xx)."""

    kind = "UNAVAILABLE"


class Violation(NamedTuple):
    """One rule an event breaks.

    `path` is a JSON pointer into the event (`/lines/2/price`, empty = the event itself), `rule` a stable word
    (`type`, `required`, `range`, `maxLength`, …), `value` the offending value, shortened, `sentence` the whole of it.
    """

    path: str
    rule: str
    value: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.sentence}"


class InvalidEvent(TenorError):
    """The event breaks its schema: nothing was encoded. `violations` has path, rule and value of each reason."""

    sentence = "The event breaks {subject}: {reasons}"
    kind = "INVALID"
    SHOWN: ClassVar[int] = 3

    def __init__(self, violations: Sequence[Violation], subject: str = "its schema") -> None:
        self.violations = tuple(violations)
        self.subject = subject
        reasons = "; ".join(str(violation) for violation in self.violations[: self.SHOWN])
        if (more := len(self.violations) - self.SHOWN) > 0:
            reasons += f"; and {more} more"
        super().__init__(subject=subject, reasons=reasons, violations=self.violations)


class Undecodable(TenorError):
    """The bytes do not hold an event of the schema they name."""

    sentence = "The message does not hold an event of schema {schema}: {reason}."
    kind = "UNDECODABLE"


class UnusableSchema(TenorError):
    """A schema that this client cannot compile."""

    sentence = "The {format} schema cannot be used: {reason}."
    kind = "UNUSABLE_SCHEMA"


class Unresolvable(UnusableSchema):
    """What the writer wrote cannot be read as the reader's schema."""

    sentence = "The {format} writer's schema cannot be read as the reader's: {reason}."


class MissingExtra(TenorError, ImportError):
    """An optional package is not installed."""

    sentence = "{purpose} needs the package {package}: pip install 'tenor[{extra}]'"
    kind = "MISSING_EXTRA"
