"""Tenor's client: validate and frame events, register schemas, and everything a server shares with its clients.

    registry = tenor.Registry("http://localhost:8081")
    orders   = registry.events("orders-value")
    message  = orders.encode({"order_id": "A1"})
    event    = orders.decode(message.value, message.headers)

Names are imported when first used: the server and the command line load `tenor.wire` without an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenor._async.batches import AsyncBatches as AsyncBatches
    from tenor._async.codec import AsyncCodec as AsyncCodec
    from tenor._async.consumer import AsyncConsumer as AsyncConsumer
    from tenor._async.registry import AsyncRegistry as AsyncRegistry
    from tenor._async.seen import AsyncSeenInMemory as AsyncSeenInMemory
    from tenor._async.seen import AsyncSeenInRedis as AsyncSeenInRedis
    from tenor._async.seen import AsyncSeenInSql as AsyncSeenInSql
    from tenor._sync.batches import Batches as Batches
    from tenor._sync.codec import Codec as Codec
    from tenor._sync.consumer import Consumer as Consumer
    from tenor._sync.registry import Registry as Registry
    from tenor._sync.seen import SeenInMemory as SeenInMemory
    from tenor._sync.seen import SeenInRedis as SeenInRedis
    from tenor._sync.seen import SeenInSql as SeenInSql
    from tenor.bundle import Bundle as Bundle
    from tenor.compression import Compression as Compression
    from tenor.consuming import Outcome as Outcome
    from tenor.consuming import Record as Record
    from tenor.consuming import Retries as Retries
    from tenor.errors import Answered as Answered
    from tenor.errors import Conflict as Conflict
    from tenor.errors import CustomStepRefused as CustomStepRefused
    from tenor.errors import DeadLetterFailed as DeadLetterFailed
    from tenor.errors import Denied as Denied
    from tenor.errors import Erased as Erased
    from tenor.errors import Forbidden as Forbidden
    from tenor.errors import FramingError as FramingError
    from tenor.errors import Incompatible as Incompatible
    from tenor.errors import InvalidEvent as InvalidEvent
    from tenor.errors import InvalidPlan as InvalidPlan
    from tenor.errors import KeyMismatch as KeyMismatch
    from tenor.errors import KeyMissing as KeyMissing
    from tenor.errors import KeyNotReady as KeyNotReady
    from tenor.errors import KeySpent as KeySpent
    from tenor.errors import MissingExtra as MissingExtra
    from tenor.errors import NotFound as NotFound
    from tenor.errors import RecordKeyNeeded as RecordKeyNeeded
    from tenor.errors import Refused as Refused
    from tenor.errors import RegistryError as RegistryError
    from tenor.errors import Rejected as Rejected
    from tenor.errors import RuleError as RuleError
    from tenor.errors import RuleFailed as RuleFailed
    from tenor.errors import SchemaNotFound as SchemaNotFound
    from tenor.errors import StaleSchema as StaleSchema
    from tenor.errors import SubjectNotFound as SubjectNotFound
    from tenor.errors import TenorError as TenorError
    from tenor.errors import Unauthenticated as Unauthenticated
    from tenor.errors import Unavailable as Unavailable
    from tenor.errors import Undecodable as Undecodable
    from tenor.errors import Unencoded as Unencoded
    from tenor.errors import UnexpectedAnswer as UnexpectedAnswer
    from tenor.errors import Unprocessed as Unprocessed
    from tenor.errors import Unreachable as Unreachable
    from tenor.errors import Unresolvable as Unresolvable
    from tenor.errors import Unsealed as Unsealed
    from tenor.errors import UnsettledPlan as UnsettledPlan
    from tenor.errors import UnusableRule as UnusableRule
    from tenor.errors import UnusableSchema as UnusableSchema
    from tenor.errors import UpcastFailed as UpcastFailed
    from tenor.errors import UpcastMissing as UpcastMissing
    from tenor.errors import VersionNotFound as VersionNotFound
    from tenor.errors import Violation as Violation
    from tenor.events import Event as Event
    from tenor.events import Message as Message
    from tenor.events import Metadata as Metadata
    from tenor.observing import Observer as Observer
    from tenor.retry import Retry as Retry
    from tenor.sanitising import Sanitise as Sanitise
    from tenor.schemas import Reference as Reference
    from tenor.schemas import Registered as Registered
    from tenor.schemas import Registration as Registration
    from tenor.schemas import Schema as Schema
    from tenor.sealing.executor import Keys as Keys
    from tenor.upcasting import Upcasting as Upcasting

_HOMES = {
    "_async.batches": ("AsyncBatches",),
    "_async.codec": ("AsyncCodec",),
    "_async.consumer": ("AsyncConsumer",),
    "_async.registry": ("AsyncRegistry",),
    "_async.seen": ("AsyncSeenInMemory", "AsyncSeenInRedis", "AsyncSeenInSql"),
    "_sync.batches": ("Batches",),
    "_sync.codec": ("Codec",),
    "_sync.consumer": ("Consumer",),
    "_sync.registry": ("Registry",),
    "_sync.seen": ("SeenInMemory", "SeenInRedis", "SeenInSql"),
    "bundle": ("Bundle",),
    "compression": ("Compression",),
    "consuming": ("Outcome", "Record", "Retries"),
    "errors": (
        *("Answered", "Conflict", "Denied", "Forbidden", "FramingError", "Incompatible", "InvalidEvent"),
        *("MissingExtra", "NotFound", "Refused", "RegistryError", "Rejected", "RuleError", "RuleFailed"),
        *("SchemaNotFound", "StaleSchema", "SubjectNotFound"),
        *("TenorError", "Unauthenticated", "Unavailable", "Undecodable", "UnexpectedAnswer", "Unprocessed"),
        "Unreachable",
        *("Erased", "KeyMismatch", "KeyMissing", "KeyNotReady", "KeySpent", "Unsealed"),
        *("DeadLetterFailed", "RecordKeyNeeded", "Unencoded"),
        *("Unresolvable", "UnusableRule", "UnusableSchema", "VersionNotFound", "Violation"),
        *("CustomStepRefused", "InvalidPlan", "UnsettledPlan", "UpcastFailed", "UpcastMissing"),
    ),
    "events": ("Event", "Message", "Metadata"),
    "observing": ("Observer",),
    "retry": ("Retry",),
    "sanitising": ("Sanitise",),
    "sealing.executor": ("Keys",),
    "schemas": ("Reference", "Registered", "Registration", "Schema"),
    "upcasting": ("Upcasting",),
}
_WHERE = {name: f"tenor.{module}" for module, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = [*_WHERE, "__version__"]  # noqa: PLE0604 # strings, from the table above


def __getattr__(name: str) -> Any:
    if (home := _WHERE.get(name)) is None:
        raise AttributeError(f"module 'tenor' has no attribute '{name}'")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
