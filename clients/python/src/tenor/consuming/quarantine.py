"""What a quarantined record looks like: its own bytes, its own headers, and the verdict in headers beside them. Pure.

    tenor-quarantine-reason     FRAMING … HANDLER                 tenor-quarantine-position  {"topic": "orders", …}
    tenor-quarantine-rule       maxLength, NotFramed, …           tenor-quarantine-consumer  who gave it up
    tenor-quarantine-error      the type of the error, no text    tenor-quarantine-time      RFC 3339
    tenor-quarantine-stage      decode, upcast, handler           tenor-quarantine-attempts  tries before that

Dead letters (`tenor.consuming.dead_letters`) have the same and some more.

No header holds the text of an error: a validator's sentence quotes the value that it refuses. Sending a record
again (re-drive) takes these headers off and counts in `tenor-redriven`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tenor.consuming.failures import Failure, Reason
from tenor.consuming.records import Record
from tenor.events import STOCK
from tenor.wire import Headers

PREFIX: Final = "tenor-quarantine-"
REDRIVEN: Final = "tenor-redriven"
Header = tuple[str, "bytes | str | None"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a record is in quarantine, as its headers tell; what they do not tell is empty."""

    reason: str
    rule: str = ""
    error: str = ""
    stage: str = ""
    position: Mapping[str, str] = field(default_factory=dict, hash=False)
    consumer: str = ""
    time: str = ""
    attempts: int = 0
    redriven: int = 0
    content: str = ""


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A record as a quarantine keeps it: `value` and `key` untouched, `headers` the original ones and the verdict's."""

    value: bytes | None
    headers: list[Header] = field(hash=False)
    key: bytes | None
    verdict: Verdict


def quarantined(record: Record, failure: Failure, *, consumer: str, time: str, attempts: int) -> QuarantinedRecord:
    """A record with its verdict. What an earlier quarantine wrote, or a producer pretended, is replaced."""
    own = original(record.headers)
    verdict = Verdict(
        reason=(failure.reason or Reason.INVALID).value,
        rule=failure.rule,
        error=type(failure.error).__name__,
        stage=failure.stage.value,
        position={str(name): str(value) for name, value in record.position.items()},
        consumer=consumer,
        time=time,
        attempts=attempts,
        redriven=_times(own),
    )
    return QuarantinedRecord(record.value, [*own, *verdict_headers(verdict)], record.key, verdict)


def verdict_headers(verdict: Verdict) -> list[Header]:
    """The verdict as headers; what is empty is left out."""
    texts = {
        "reason": verdict.reason,
        "rule": verdict.rule,
        "error": verdict.error,
        "stage": verdict.stage,
        "position": json.dumps(dict(verdict.position), ensure_ascii=False) if verdict.position else "",
        "consumer": verdict.consumer,
        "time": verdict.time,
        "attempts": str(verdict.attempts) if verdict.attempts else "",
        "content": verdict.content,
    }
    return [(PREFIX + name, text.encode("utf-8", "replace")) for name, text in texts.items() if text]


def verdict_of(headers: Headers) -> Verdict | None:
    """The verdict that headers tell, or None if they are no quarantine's. What cannot be read is empty."""
    pairs = _pairs(headers)
    found = {name.lower().removeprefix(PREFIX): _text(value) for name, value in pairs if _is_ours(name)}
    if "reason" not in found:
        return None
    attempts = found.get("attempts", "")
    return Verdict(
        reason=found["reason"],
        rule=found.get("rule", ""),
        error=found.get("error", ""),
        stage=found.get("stage", ""),
        position=_position(found.get("position", "")),
        consumer=found.get("consumer", ""),
        time=found.get("time", ""),
        attempts=int(attempts) if _is_count(attempts) else 0,
        redriven=_times(pairs),
        content=found.get("content", ""),
    )


def original(headers: Headers) -> list[Header]:
    """The headers without a quarantine's, in their order; names that repeat stay repeated."""
    return [(name, value) for name, value in _pairs(headers) if not _is_ours(name)]


def restored(headers: Headers) -> list[Header]:
    """The headers to send a record again with: the original ones, and how often it was sent again.

    Without those of a dead letter: on a topic, a header that names a rule makes stock clients skip it.
    """
    own = original(headers)
    kept = [header for header in own if header[0] != REDRIVEN and not header[0].startswith(STOCK)]
    return [*kept, (REDRIVEN, str(_times(own) + 1).encode())]


def _pairs(headers: Headers) -> list[Header]:
    """Headers as pairs; a value that is neither bytes nor text (AMQP has numbers) is the text of it."""
    if headers is None:
        return []
    given = headers.items() if isinstance(headers, Mapping) else headers
    return [(str(name), value if _is_plain(value) else str(value)) for name, value in given]


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bytes | str)


def _is_ours(name: str) -> bool:
    return name.lower().startswith(PREFIX)


def _times(headers: list[Header]) -> int:
    text = next((_text(value) for name, value in reversed(headers) if name == REDRIVEN), "")
    return int(text) if _is_count(text) else 0


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _position(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value or "")
