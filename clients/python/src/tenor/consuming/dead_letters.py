"""What a dead letter looks like: an event that a rule refused, for the topic that the rule names (`dlq.topic`). Pure.

    tenor-quarantine-…         as of a quarantined record: reason, rule, error, stage (encode or decode), position
                               ({"topic": "orders", "subject": "orders-value"}), time
    tenor-quarantine-content   what the value is:
                               encoded    the event as it would have been written, sealed and all: its codec reads it
                               withheld   the event as JSON without what a rule seals or a tag marks, because it could
                                          not be written (a transform failed, its key is not to be had, it is invalid)
                               original   the bytes that were to be read, as they came
    __rule.mode .subject .topic .exception     the names that Confluent's clients give the same
    __rule.name                the rule, unless it seals

Sealed before it is sent, a letter is no copy of somebody's data that outlives their key; and what cannot be sealed is
not sent. Confluent's clients skip the rule that `__rule.name` names, on writing, too: a letter that is sent on must not
tell them to skip one that keeps plaintext in. `restored` takes all of these off.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenor.consuming.failures import reason_of
from tenor.consuming.quarantine import (
    Header,
    QuarantinedRecord,
    Verdict,
    original,
    verdict_headers,
    verdict_of,
)
from tenor.errors import RuleFailed, TenorError
from tenor.events import STOCK
from tenor.wire import Headers

ENCODED: Final = "encoded"
WITHHELD: Final = "withheld"
ORIGINAL: Final = "original"
HIDDEN: Final = "<withheld>"
MAX_DEPTH: Final = 64
_SEALING: Final = frozenset({"ENCRYPT", "ENCRYPT_PAYLOAD", "SEAL", "SEAL_PAYLOAD"})


@dataclass(frozen=True, slots=True)
class DeadLetter(QuarantinedRecord):
    """A record for a dead-letter topic: `topic` is the one that the rule names, empty if it names none."""

    topic: str = ""


SendDeadLetter = Callable[[DeadLetter], Any]
"""Where dead letters go. When it returns, the letter must be safe there."""


def dead_letter(
    refused: RuleFailed,
    value: bytes | None,
    headers: Headers,
    key: Any,
    *,
    content: str,
    subject: str,
    topic: str,
    time: str,
) -> DeadLetter:
    """The letter of an event that a rule refused; `topic` is where the event was, or was to go."""
    error = refused.__cause__ if refused.__cause__ is not None else refused
    places = {"topic": topic, "subject": subject}
    verdict = Verdict(
        reason=reason_of(refused).value,
        rule=refused.rule,
        error=type(error).__name__,
        stage="decode" if refused.mode == "READ" else "encode",
        position={name: text for name, text in places.items() if text},
        time=time,
        content=content,
    )
    stock = {
        "name": "" if refused.type in _SEALING else refused.rule,
        "mode": refused.mode,
        "subject": subject,
        "topic": topic,
        "exception": _told(refused),
    }
    own = [header for header in original(headers) if not header[0].startswith(STOCK)]
    told: list[Header] = [(STOCK + name, text.encode("utf-8", "replace")) for name, text in stock.items() if text]
    return DeadLetter(value, [*own, *verdict_headers(verdict), *told], _bytes(key), verdict, refused.dead_letter)


def _told(refused: RuleFailed) -> str:
    """What failed, without what an engine says of it: that may quote the event."""
    cause = refused.__cause__
    reason = refused.reason if cause is None or isinstance(cause, TenorError) else type(cause).__name__
    at = f" at {refused.path}" if refused.path else ""
    return f"The rule {refused.rule} ({refused.type}) failed{at}: {reason}."


def is_letter(headers: Headers) -> bool:
    """Whether a record is one already: what reads dead letters makes no more of them."""
    return verdict_of(headers) is not None


def as_json(shown: Any) -> bytes:
    """What is left of an event, as JSON."""
    return json.dumps(shown, ensure_ascii=False, default=_plain, allow_nan=False).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Discretion:
    """What may be told of an event: which names, whose values; of those that are `marked`, nothing that they hold."""

    names: Callable[[str], bool]
    values: Callable[[str], bool]
    marked: frozenset[str] = frozenset()


def shown_part(event: Any, discretion: Discretion, name: str = "", depth: int = 0) -> Any:
    """What may be seen of an event; items of a list count by the list's name.

    A name that the schema does not have may be data itself: the key of a map, or a value in the wrong place.
    """
    if depth > MAX_DEPTH or name in discretion.marked:
        return HIDDEN
    if isinstance(event, Mapping):
        return {
            str(inner) if discretion.names(str(inner)) else HIDDEN: shown_part(value, discretion, str(inner), depth + 1)
            for inner, value in event.items()
        }
    if isinstance(event, list | tuple):
        return [shown_part(item, discretion, name, depth + 1) for item in event]
    if not discretion.values(name):
        return HIDDEN
    return str(event) if isinstance(event, float) and not math.isfinite(event) else event


def _plain(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray) else str(value)


def _bytes(key: Any) -> bytes | None:
    """A record's key as it travels, if that is known."""
    if isinstance(key, str | int) and not isinstance(key, bool):
        return str(key).encode()
    return bytes(key) if isinstance(key, bytes | bytearray | memoryview) else None
