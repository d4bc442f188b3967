"""Which topic a subject belongs to, as key or value, and how that is known. Pure.

association   somebody said so
topic         orders-value                     TopicNameStrategy
topic-record  orders-com.acme.Order            TopicRecordNameStrategy: ends with the record's full name
seen          com.acme.Order                   RecordNameStrategy, and its schema was seen in the events of a topic
unknown       com.acme.Order                   no topic is known: the address of the channel is null
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from registry.names import DEFAULT_CONTEXT, Subject

KEY, VALUE = "key", "value"
ASSOCIATION, TOPIC, TOPIC_RECORD, SEEN, UNKNOWN = "association", "topic", "topic-record", "seen", "unknown"

STRATEGIES: Final[Mapping[str, str]] = {
    TOPIC: "TopicNameStrategy",
    TOPIC_RECORD: "TopicRecordNameStrategy",
    SEEN: "RecordNameStrategy",
    UNKNOWN: "RecordNameStrategy",
}
"""How serializers call the naming of a subject; an association needs none."""

_PARTS: Final = (("-value", VALUE), ("-key", KEY))
_MESSAGE: Final = re.compile(r"^\s*message\s+(\w+)", re.MULTILINE)
_PACKAGE: Final = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Topic:
    """A place of events. `space` tells topics of the same name apart: a context, or a resource's namespace."""

    name: str | None
    space: str = ""
    part: str = VALUE
    known: str = TOPIC


def topics(
    subject: Subject, record: str, associated: Sequence[Topic], seen_in: Sequence[str] = ()
) -> tuple[Topic, ...]:
    """The topics of a subject: one, but for associations and for events that were seen in several."""
    space = "" if subject.context == DEFAULT_CONTEXT else subject.context.removeprefix(".")
    if associated:
        return tuple(sorted(associated))
    if record and subject.name.endswith(f"-{record}"):
        return (Topic(subject.name.removesuffix(f"-{record}"), space, VALUE, TOPIC_RECORD),)
    for ending, part in _PARTS:
        if (name := subject.name.removesuffix(ending)) and name != subject.name:
            return (Topic(name, space, part),)
    if seen_in:
        return tuple(Topic(name, space, VALUE, SEEN) for name in sorted(seen_in))
    return (Topic(None, space, VALUE, UNKNOWN),)


def record_name(format: str, text: str) -> str:
    """The full name of what a schema describes, "" if it has none: record, first message, title."""
    if format == "PROTOBUF":
        package, message = _PACKAGE.search(text), _MESSAGE.search(text)
        return ".".join(found[1] for found in (package, message) if found) if message else ""
    read: Any = json.loads(text)
    if not isinstance(read, dict):
        return ""
    name, space = read.get("name" if format == "AVRO" else "title"), read.get("namespace")
    if not isinstance(name, str):
        return ""
    return f"{space}.{name}" if format == "AVRO" and isinstance(space, str) and space and "." not in name else name
