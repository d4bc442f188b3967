"""Which subject a message of a pact belongs to. Pure.

Looked for in this order; nothing in the format says it:

    references   v4 comments {"references": {"SchemaRegistry": {"subject": "orders-value", "version": 3}}}
    recording    comments {"tenor": {"subject": "orders-value"}}, as our recorder and `tenor contracts` write them
    subject      the message's metadata {"subject": "orders-value"}
    topic        the metadata {"topic": "orders"} or {"channel": "orders"}, through the naming strategy
    mapping      what the server was told: provider and description → subject
    unmapped     none of these
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

REFERENCES = "SchemaRegistry"
"""The group of external references that names a subject."""


class How(StrEnum):
    """Where the subject was found."""

    REFERENCES = "references"
    RECORDING = "recording"
    SUBJECT = "subject"
    TOPIC = "topic"
    MAPPING = "mapping"
    UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class Pointed:
    """A subject, how it was found, and what else the message says of it.

    `version` is a number; `latest` and no version are None. `reason` says why there is no subject.
    """

    subject: str | None
    topic: str | None
    version: int | None
    how: How
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One row of the server's mapping: messages of a provider whose description fits a glob belong to a subject."""

    provider: str
    description: str
    subject: str


def topic_name(topic: str) -> str:
    """The naming strategy that most use: `orders` → `orders-value`."""
    return f"{topic}-value"


def pointed(
    provider: str,
    description: str,
    comments: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    mapping: Sequence[Mapped] = (),
    strategy: Callable[[str], str] = topic_name,
) -> Pointed:
    """The subject of a message; see the module."""
    topic = _text(metadata.get("topic")) or _text(metadata.get("channel"))
    groups = comments.get("references")
    group = groups.get(REFERENCES) if isinstance(groups, Mapping) else None
    recording = comments.get("tenor")
    for how, holder in ((How.REFERENCES, group), (How.RECORDING, recording), (How.SUBJECT, metadata)):
        if isinstance(holder, Mapping) and (subject := _text(holder.get("subject"))) is not None:
            # Beside the others "version" says something else.
            version = _version(holder.get("version")) if how is How.REFERENCES else None
            return Pointed(subject, topic, version, how)
    if topic is not None:
        return Pointed(strategy(topic), topic, None, How.TOPIC)
    for row in mapping:
        if row.provider == provider and fnmatchcase(description, row.description):
            return Pointed(row.subject, None, None, How.MAPPING)
    reason = (
        f"nothing says which subject the message '{description}' of '{provider}' belongs to: add a reference "
        f"{REFERENCES} with its subject, a topic to its metadata, or a mapping on the server"
    )
    return Pointed(None, None, None, How.UNMAPPED, reason)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _version(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value > 0 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value) or None
    return None
