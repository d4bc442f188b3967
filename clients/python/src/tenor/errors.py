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
    ├── RuleError             the rules of a schema
    │   ├── RuleFailed            a rule said no, or could not be run on this event: rule, path, reason
    │   │   └── DeadLetterFailed      and the dead letter that it asks for could not be sent
    │   └── UnusableRule          a rule that this client cannot run, or that would let plaintext out
    ├── Unencoded             bytes where an event was expected, and not what this codec writes
    ├── Undecodable           the bytes do not hold an event of the schema they name
    ├── UnusableSchema        the schema text does not compile here; Unresolvable: reader and writer do not fit
    ├── StaleSchema           a newer schema seals, this client cannot use it, and has written with the older for long
    ├── PlanError             the plan of an upcaster cannot be used
    │   ├── InvalidPlan · PlanTooLarge                                   it breaks the rules of plans
    │   ├── UnsettledPlan                                                a step is a todo, or was not confirmed
    │   ├── UpcastMissing                                                no proven plans lead there
    │   ├── CustomStepRefused                                            the installed function is not the pinned one
    │   └── NotExpressible                                               another language has no word for a step
    ├── UpcastFailed          an event could not be upcast: step and path
    ├── EncryptionError       keys and what they seal
    │   ├── Unsealed                                                     a field that must be sealed would go out open
    │   ├── KeyNotReady · KeyMissing · KeyMismatch                       not at hand · not there · not what it should be
    │   ├── KeySpent                                                     sealed as long or as often as a key may
    │   ├── Erased                                                       the person's key was destroyed
    │   ├── RecordKeyNeeded                                              bound to a record's key, and there is none
    │   ├── InvalidKey                                                   no key of that algorithm
    │   ├── AuthenticationFailed                                         another key, another place, or altered bytes
    │   └── KmsError          the system that keeps the key-encrypting keys
    │       ├── KmsUnavailable                                           ask again
    │       └── KmsRefused · KeyNotFound · UnknownKms
    ├── ConsumingError        the consume path
    │   ├── Unprocessed           a record was neither handled nor quarantined: it must not be acknowledged
    │   ├── RecordBusy            somebody else is handling the same event just now
    │   └── StoreFailed           the store that remembers handled events did not do its part
    ├── BadBundle             a bundle that is not trusted, not whole, or too old
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
    """The registry said no. `status` is HTTP's, `code` the registry's own, `findings` its structured reasons.

    `place` is the line and column of a schema that does not parse, where the registry tells them.
    """

    kind = "REFUSED"

    def __init__(
        self, *, status: int, code: int, message: str, url: str = "", findings: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.status, self.code, self.message, self.url = status, code, message, url
        self.findings = list(findings)
        self.place: dict[str, int] = {}
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


class RuleError(TenorError):
    """The rules of a schema stand in the way."""

    kind = "RULE"


class RuleFailed(RuleError):
    """A rule said no to this event, or broke on it. Nothing was encoded, nothing is delivered.

    `rule` is its name, `type` its type, `mode` WRITE or READ, `path` a JSON pointer into the event (empty: all of it),
    `action` what the rule asks for on failure (`ERROR`, `DLQ`), `dead_letter` the topic that it names for `DLQ`.
    `dead_lettered`: the event lies there now. `pending`: it could, but `encode` of an asynchronous codec waits for
    nothing; `await codec.dead_letter(error, event)` sends it. Never holds a value.
    """

    sentence = "The rule {rule} ({type}) failed{where}: {reason}.{fate}"

    def __init__(
        self,
        *,
        rule: str,
        type: str,
        reason: str,
        path: str = "",
        action: str = "ERROR",
        dead_letter: str = "",
        mode: str = "WRITE",
        fate: str = "",
    ) -> None:
        self.rule, self.type, self.path, self.reason, self.mode = rule, type, path, reason, mode
        self.action, self.dead_letter = action, dead_letter
        self.dead_lettered = self.pending = False
        where = f" at {path}" if path else ""
        super().__init__(rule=rule, type=type, path=path, reason=reason, where=where, fate=fate and f" {fate}")

    def settled(self, fate: str, *, dead_lettered: bool = False, pending: bool = False) -> RuleFailed:
        """The same, and what became of its dead letter."""
        told = self._again(RuleFailed, fate)
        told.dead_lettered, told.pending = dead_lettered, pending
        return told

    def _again(self, kind: type[RuleFailed], fate: str) -> RuleFailed:
        made = kind(
            rule=self.rule,
            type=self.type,
            reason=self.reason,
            path=self.path,
            action=self.action,
            dead_letter=self.dead_letter,
            mode=self.mode,
            fate=fate,
        )
        made.__cause__ = self.__cause__
        return made


class DeadLetterFailed(RuleFailed):
    """A rule said no, and the dead letter that it asks for could not be sent: the event is still the caller's.

    The error that sending raised is this one's `__cause__`; the sentence names its type.
    """

    kind = "DEAD_LETTER"
    retryable: ClassVar[bool] = True

    @classmethod
    def of(cls, refused: RuleFailed, error: Exception) -> RuleFailed:
        """The error for a letter that was not sent."""
        sink = type(error).__name__
        where = f"to '{refused.dead_letter}'" if refused.dead_letter else "anywhere (the rule names no dlq.topic)"
        return refused._again(cls, f"Its dead letter could not be sent {where}: {sink}.")


class UnusableRule(RuleError):
    """A rule that this client cannot run: it refuses the schema rather than go without the rule."""

    sentence = "The rule {rule} cannot be used: {reason}."
    kind = "UNUSABLE_RULE"


class Unencoded(TenorError):
    """Bytes for a destination whose events are encoded, which its codec did not write: they would go out as they are,
    neither validated nor sealed. Nothing was sent."""

    sentence = "These bytes were not encoded by the codec of {subject}: {reason}. Give the event itself."
    kind = "UNENCODED"


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


class StaleSchema(TenorError):
    """The newest schema seals what the one at hand may not, and this client has been unable to use it for too long:
    nothing was encoded. Its cause says why it cannot."""

    sentence = "Version {version} of {subject} has rules that this client cannot follow: {reason}"
    kind = "STALE_SCHEMA"
    retryable: ClassVar[bool] = True


class PlanError(TenorError):
    """The plan of an upcaster cannot be used."""

    sentence = "The upcaster's plan cannot be used: {reason}."
    kind = "INVALID_PLAN"


class InvalidPlan(PlanError):
    """It is no plan, or means nothing. `at` is a JSON pointer into the plan."""

    sentence = "The upcaster's plan is invalid at '{at}': {reason}."

    def __init__(self, reason: str, at: str = "") -> None:
        self.at = at
        super().__init__(reason=reason, at=at)


class PlanTooLarge(PlanError):
    """More nodes, levels or output than allowed. `at` is a JSON pointer into the plan."""

    sentence = "The upcaster's plan is too large at '{at}': {reason}."

    def __init__(self, reason: str, at: str = "") -> None:
        self.at = at
        super().__init__(reason=reason, at=at)


class UnsettledPlan(PlanError):
    """Steps are underivable, or suggested and not confirmed. `steps` has path and sentence of each."""

    sentence = "The upcaster is not finished: {reasons}"
    kind = "UPCAST_TODO"

    def __init__(self, steps: Sequence[tuple[str, str]]) -> None:
        self.steps = tuple(steps)
        reasons = "; ".join(f"'{path or '/'}': {sentence.rstrip('.')}" for path, sentence in self.steps[:3])
        more = len(self.steps) - 3
        super().__init__(reasons=reasons + (f"; and {more} more." if more > 0 else "."), steps=self.steps)


class UpcastMissing(PlanError):
    """No plans lead from the version an event was written with to the one it is to be read as, or none is proven."""

    sentence = "Events of {subject} cannot be read as version {version}: {reason}"
    kind = "UPCAST_TODO"


class CustomStepRefused(PlanError):
    """A hand-written step is not in the checked subset, not installed here, or not the one that was pinned."""

    sentence = "The custom step {function} is refused: {reason}."


class NotExpressible(PlanError):
    """A plan that cannot be written in another language: `target`, the `path` in the new event, and why."""

    sentence = "The plan cannot be written as {target}: {path}: {reason}."
    kind = "NOT_EXPRESSIBLE"


class UpcastFailed(TenorError):
    """An event could not be upcast. `step` is the kind of the step, `path` a JSON pointer into the new event.

    `quotes`: the reason tells a value of the event.
    """

    sentence = "The event could not be upcast at '{path}' ({step}): {reason}."
    kind = "UPCAST"

    def __init__(self, step: str, path: str, reason: str, quotes: bool = False) -> None:
        self.step, self.path, self.reason, self.quotes = step, path, reason, quotes
        super().__init__(step=step, path=path, reason=reason, quotes=quotes)

    def discreet(self) -> UpcastFailed:
        """The error without what it may quote, for events of which something was sealed."""
        if not self.quotes:
            return self
        return UpcastFailed(self.step, self.path, "the value is not of the kind that the step takes")


class EncryptionError(TenorError):
    """Something could not be sealed or opened. No error of these holds key material, plaintext or ciphertext."""

    kind = "ENCRYPTION"


class Unsealed(EncryptionError):
    """A field that must be sealed (`must_encrypt`) would go out as plaintext: no rule seals it, or none did."""

    sentence = "{path} is tagged {tags} and would not be sealed: nothing was encoded."
    kind = "UNSEALED"


class KeyNotReady(EncryptionError):
    """A key is not at hand. `needs` says which; `await codec.prepare(event)` fetches what an event needs."""

    sentence = "The key {names} is not at hand."
    kind = "KEY_NOT_READY"
    retryable: ClassVar[bool] = True

    def __init__(self, *, needs: Any) -> None:
        self.needs = frozenset(needs)
        shown = sorted(str(need) for need in self.needs)
        super().__init__(names=", ".join(shown[:3]) + (", …" if len(shown) > 3 else ""))


class KeyMissing(EncryptionError):
    """The registry has no such key, or does not hand it out."""

    sentence = "There is no key {name}: {reason}."
    kind = "KEY_MISSING"


class KeySpent(EncryptionError):
    """A key has sealed as long, or as often, as its rule allows, and there is no other to go on with: nothing was
    encoded. What it sealed still opens."""

    sentence = "The key {name} seals no more: {reason}."
    kind = "KEY_SPENT"
    retryable: ClassVar[bool] = True


class KeyMismatch(EncryptionError):
    """The registry's key is not what the rule or the key's creator says it is: nothing is sealed or opened with it."""

    sentence = "The key {name} is not trusted: {reason}."
    kind = "KEY_MISMATCH"


class Erased(EncryptionError):
    """The person's key was destroyed: what it sealed cannot be read by anybody, ever.

    `drop`: the schema says that such a record is to be left out; else it says that reading must stop here.
    """

    sentence = "{path} was sealed for a person whose key has been erased."
    kind = "ERASED"

    def __init__(self, *, path: str, drop: bool = False) -> None:
        self.path, self.drop = path, drop
        super().__init__(path=path or "The event", drop=drop)


class RecordKeyNeeded(EncryptionError):
    """A rule binds what it seals to the record's key (`tenor.bind`), and no key was given: `record_key=…`."""

    sentence = "The rule binds to the record's key, and {reason}: give it as record_key."
    kind = "RECORD_KEY"


class InvalidKey(EncryptionError):
    """Bytes that are no key of the algorithm they are given for, or an algorithm that nobody knows."""

    sentence = "That is no key of {algorithm}: {reason}."


class AuthenticationFailed(EncryptionError):
    """Sealed bytes that this key does not open: another key, another associated data, or somebody altered them."""

    sentence = "{what} does not open: another key, another place, or altered bytes."
    kind = "AUTHENTICATION"


class KmsError(EncryptionError):
    """The system that keeps the key-encrypting keys did not do what it was asked. `retryable`: later it may."""

    sentence = "{kms} did not {action}: {reason}."
    kind = "KMS"
    retryable: ClassVar[bool] = False


class KmsUnavailable(KmsError):
    """It could not be reached, took too long, or wants to be asked less often."""

    kind = "KMS_UNAVAILABLE"
    retryable = True


class KmsRefused(KmsError):
    """It does not allow this caller this use of the key, or the key is disabled."""

    kind = "KMS_REFUSED"


class KeyNotFound(KmsError):
    """It has no key of that name."""

    kind = "KMS_KEY_NOT_FOUND"


class UnknownKms(KmsError):
    """No driver has that name."""

    sentence = "No key system is called '{kms}'; known are {known}."
    kind = "UNKNOWN_KMS"


class ConsumingError(TenorError):
    """The consume path could not go on with a record."""

    kind = "CONSUMING"


class Unprocessed(ConsumingError):
    """A record was neither handled nor quarantined, and must not be acknowledged: the transport gives it again.

    `failure` is the last reason (`tenor.consuming.Failure`), None if no try was allowed.
    """

    sentence = "The record at {position} was not processed, and must come again: {reason}."
    kind = "UNPROCESSED"

    def __init__(self, *, position: str, reason: str, failure: Any = None) -> None:
        self.failure = failure
        super().__init__(position=position, reason=reason)


class RecordBusy(ConsumingError):
    """Somebody else is handling the same event just now, or died while doing so: the claim says how long to wait."""

    sentence = "The event {id} is being handled elsewhere."
    kind = "BUSY"
    retryable: ClassVar[bool] = True


class StoreFailed(ConsumingError):
    """The store that remembers handled events did not do its part. Nothing was handled, or it was rolled back."""

    sentence = "The store of handled events failed: {reason}."
    kind = "STORE_FAILED"
    retryable: ClassVar[bool] = True


class BadBundle(TenorError):
    """A bundle of schemas that is not trusted, not whole, or too old; or one that cannot be made so."""

    sentence = "The bundle cannot be used: {reason}."
    kind = "BUNDLE"


class MissingExtra(TenorError, ImportError):
    """An optional package is not installed."""

    sentence = "{purpose} needs the package {package}: pip install 'tenor[{extra}]'"
    kind = "MISSING_EXTRA"
