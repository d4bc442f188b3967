"""The audit log's chain: hashes, checkpoints, and the check that nothing of it was changed. Pure; server and client
share it.

    chained(previous hash, sequence, at, actor, action, resource, body, origin) → hash
    verify(events, checkpoints, keys) → Report

Events are sealed in the order they were committed: each has a sequence number without gaps and SHA-256 over the hash
of the one before it and the canonical JSON of its content. A checkpoint is the hash at one event, signed with Ed25519:
whoever rewrites the log from some event on cannot write the checkpoints after it anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

GENESIS: Final = bytes(32)
"""What the first event is chained to."""

_MOST_PROBLEMS = 1000


def canonical(content: Sequence[Any]) -> bytes:
    """JSON of texts and numbers with one spelling only: UTF-8, no blanks, nothing escaped that need not be."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def chained(
    previous: bytes,
    sequence: int,
    at: int,
    actor: str,
    action: str,
    resource: str,
    body: str,
    origin: str | None = None,
) -> bytes:
    """The hash of an event: SHA-256 over the previous hash and the canonical JSON of the rest."""
    content: list[Any] = [sequence, at, actor, action, resource, body]
    if origin is not None:
        content.append(origin)
    return hashlib.sha256(previous + canonical(content)).digest()


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event as it lies in the log. `at` in ms since 1970; `body` is JSON text; `sequence` None before sealing."""

    sequence: int | None
    at: int
    actor: str
    action: str
    resource: str
    body: str
    origin: str | None
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The hash of the chain at an event, signed."""

    sequence: int
    hash: bytes
    at: int
    key_id: str
    signature: bytes

    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return canonical(["tenor-checkpoint-1", self.sequence, self.hash.hex(), self.at, self.key_id])


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and at which sequence number."""

    kind: str
    """edited · missing · moved · repeated · unreadable · truncated · checkpoint · signature"""
    sequence: int
    sentence: str


@dataclass(slots=True)
class Report:
    """What a check of the log came to. `unsealed`: committed events that the chain does not cover yet."""

    problems: list[Problem] = field(default_factory=list)
    first: int = 0
    last: int = 0
    sealed: int = 0
    unsealed: int = 0
    checkpoints: int = 0
    signatures: int = 0
    """Checkpoints whose signature was verified."""
    truncated: bool = False
    """More problems than are listed."""

    @property
    def sound(self) -> bool:
        return not self.problems

    def summary(self) -> str:
        """The check in one line."""
        signed = f"{self.checkpoints} checkpoints" + (
            f", {self.signatures} signatures hold" if self.signatures else ", signatures not looked at"
        )
        tail = f"; {self.unsealed} events are not sealed yet" if self.unsealed else ""
        verdict = "nothing was changed" if self.sound else f"{len(self.problems)} problems"
        return f"{verdict}: {self.sealed} sealed events ({self.first} to {self.last}), {signed}{tail}"

    def add(self, kind: str, sequence: int, sentence: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(kind, sequence, sentence))
        else:
            self.truncated = True


Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, signature, message) → whether it holds."""


def verify(
    events: Iterable[Sealed],
    checkpoints: Iterable[Checkpoint] = (),
    keys: Mapping[str, bytes] | None = None,
    *,
    holds: Verify | None = None,
    previous: bytes = GENESIS,
    after: int = 0,
) -> Report:
    """Check events in the order of the log, with its checkpoints.

    Each event is compared with the hash that the one before it bears, so that a changed one is named and those after
    it are not. `keys` are the public keys that are trusted, by id; without any, signatures are not looked at. A part
    of the log starts at `previous` and `after`, which must come from a place that is trusted.
    """
    report, expected = Report(), after + 1
    marks: dict[int, list[Checkpoint]] = {}
    for each in checkpoints:
        marks.setdefault(each.sequence, []).append(each)
        _check_signature(report, each, keys, holds)
    for event in events:
        if event.sequence is None or event.hash is None:
            report.unsealed += 1
            if event.sequence is not None:
                report.add("edited", event.sequence, f"event {event.sequence} has lost its hash")
            elif event.hash is not None:
                report.add("edited", expected, f"an event beside {expected} has a hash but no number")
            continue
        expected, previous = _check_event(report, event, expected, previous)
        for mark in marks.pop(event.sequence, ()):
            if mark.hash != event.hash:
                report.add(
                    "checkpoint",
                    event.sequence,
                    f"event {event.sequence} is not the one that its checkpoint was made for",
                )
    for sequence in sorted(marks):
        if sequence > report.last:
            report.add("truncated", sequence, f"the log ends at {report.last}, but there is a checkpoint at {sequence}")
        elif sequence > after:
            report.add("missing", sequence, f"the event of the checkpoint at {sequence} is missing")
    return report


def _check_event(report: Report, event: Sealed, expected: int, previous: bytes) -> tuple[int, bytes]:
    sequence, digest = event.sequence, event.hash
    assert sequence is not None
    assert digest is not None
    if sequence < expected:
        kind = "repeated" if sequence == expected - 1 else "moved"
        report.add(kind, sequence, f"event {sequence} comes where {expected} was to come")
        return expected, previous
    if sequence > expected:
        named = f"event {expected} is" if sequence == expected + 1 else f"events {expected} to {sequence - 1} are"
        report.add("missing", expected, f"{named} missing")
        # What the missing ones were chained to is gone with them: the next one is taken as it is.
    elif (
        chained(previous, sequence, event.at, event.actor, event.action, event.resource, event.body, event.origin)
        != digest
    ):
        report.add("edited", sequence, f"event {sequence} is not what was sealed")
    try:
        json.loads(event.body)
    except ValueError:
        report.add("unreadable", sequence, f"event {sequence} has no readable body")
    report.first = report.first or sequence
    report.last = sequence
    report.sealed += 1
    return sequence + 1, digest


def _check_signature(report: Report, mark: Checkpoint, keys: Mapping[str, bytes] | None, holds: Verify | None) -> None:
    report.checkpoints += 1
    if keys is None or holds is None:
        return
    public = keys.get(mark.key_id)
    if public is None:
        report.add("signature", mark.sequence, f"the checkpoint at {mark.sequence} is signed with an unknown key")
    elif not holds(public, mark.signature, mark.signed()):
        report.add("signature", mark.sequence, f"the signature of the checkpoint at {mark.sequence} does not hold")
    else:
        report.signatures += 1


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature holds. Raises ImportError without the package `cryptography`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public: bytes) -> str:
    """The name of a public key: the start of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]
