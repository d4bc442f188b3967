"""What a reader makes of a writer's bytes, by the rules of the wire alone: names, packages and files do not matter.

Two fields of one number read each other when their encodings agree:

    int32 int64 uint32 uint64 bool enum     one varint, cut to fit the reader's range
    sint32 sint64                           one zigzag varint
    string bytes                            one run of bytes; a checking reader refuses what is not UTF-8
    fixed32 sfixed32 · fixed64 sfixed64     the same bytes, another sign
    message, map (a repeated entry)         the same encoding (length-prefixed or delimited), and a body that reads
    message → bytes                         the bytes of the message

A repeated field reads a single value, packed or not; a single field reads the last of several values, but no packed
ones. A required field must be there. Fields that could be set together must not meet in one oneof. Everything else is
skipped: unknown numbers, removed fields. (Source: protobuf.dev, "Updating a message type" and "Encoding".)

Each pair of message types is looked at once; a pair in progress counts as compatible (greatest fixpoint).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.formats.protobuf.encodings import loses_enum_value, narrows, same_group
from registry.formats.protobuf.model import Field, Message, Model

Trail = tuple[Field, ...]
"""Writer's fields from an event down to the message that is meant; through a map comes the entry's value field."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pair of message types, and the way to it from an event: `trail` leads down from the writer's `root`."""

    reader: Message
    writer: Message
    root: Message
    trail: Trail = ()


@dataclass(frozen=True, slots=True)
class Misreading:
    """A place where some event is refused or misread. `condition`: only some values are; the documentation calls the
    types compatible nevertheless.

    `kind`: `type` (another encoding), `missing` (required, may be absent), `cleared` (set together, read in one
    oneof), `values` (an unknown number under a required closed enum, or the condition).
    """

    kind: str
    at: Place
    fields: tuple[Field, ...]
    target: Field | None
    sentence: str
    condition: bool = False
    oneof: str = ""


def misreadings(reader: Model, writer: Model) -> Iterator[Misreading]:
    """Every misreading that some event of the writer's file leads to, nearest first."""
    for each in places(events(reader, writer)):
        yield from misread_at(each)


def events(reader: Model, writer: Model) -> list[Place]:
    """The events of a file are all its messages. One whose name the reader lacks is not read at all."""
    known = {message.local: message for message in reader.file.everything()}
    return [Place(known[each.local], each, each) for each in writer.file.everything() if each.local in known]


def places(starts: Iterable[Place]) -> Iterator[Place]:
    """The starts and every pair of messages that is read from there, nearest first, each pair once."""
    waiting = deque(starts)
    seen = {(each.reader, each.writer) for each in waiting}
    while waiting:
        at = waiting.popleft()
        yield at
        numbered = _numbered(at.reader)
        for was in (*at.writer.fields, *at.writer.extensions):
            now = numbered.get(was.number)
            if now is None or now.message is None or was.message is None or not reads(now, was):
                continue
            if (now.message, was.message) not in seen:
                seen.add((now.message, was.message))
                waiting.append(Place(now.message, was.message, at.root, (*at.trail, was)))


def misread_at(at: Place) -> Iterator[Misreading]:
    """The misreadings of one pair of messages, without those of the messages in it."""
    numbered = _numbered(at.reader)
    for was in (*at.writer.fields, *at.writer.extensions):
        now = numbered.get(was.number)
        if now is not None:
            for kind, sentence, condition in _of_field(now, was):
                yield Misreading(kind, at, (was,), now, f"{_name(at.writer, was)} {sentence}", condition)
    yield from _missing(at)
    yield from _cleared(at)


def _numbered(message: Message) -> dict[int, Field]:
    if not message.extensions:
        return message.by_number
    return {**{each.number: each for each in message.extensions}, **message.by_number}


def reads(now: Field, was: Field) -> bool:
    """Whether the encodings of two fields agree, their message bodies aside."""
    if was.message is not None:
        if now.message is not None:
            return now.delimited == was.delimited
        return now.kind == "bytes" and not was.delimited
    if now.message is not None or not same_group(now, was):
        return False
    return now.repeated or not was.packed


def _of_field(now: Field, was: Field) -> Iterator[tuple[str, str, bool]]:
    if not reads(now, was):
        yield "type", f"is written as {_encoding(was)} and read as {_encoding(now)}", False
        return
    if loses_enum_value(now, was):
        yield "values", "may hold a number that the reader's required enum does not know", False
    if narrows(now, was):
        yield "values", f"is cut to fit {now.kind}: larger {was.kind} values change", True
    if was.kind == "bytes" and now.checks_utf8:
        yield "values", "is refused where its bytes are not UTF-8", True
    if now.enum is not None and now.enum.closed and not now.required and loses_enum_value(now, was, required=False):
        yield "values", "reads as unset where the reader's enum does not know the number", True


def _missing(at: Place) -> Iterator[Misreading]:
    for now in at.reader.fields:
        if now.required:
            was = at.writer.by_number.get(now.number)
            if was is None or not was.required:
                sentence = f"{_name(at.writer, was or now)} is required by the reader, and may be absent"
                yield Misreading("missing", at, () if was is None else (was,), now, sentence)


def _cleared(at: Place) -> Iterator[Misreading]:
    for oneof in at.reader.oneofs:
        members = [at.writer.by_number.get(each.number) for each in at.reader.fields if each.oneof == oneof]
        origins = {(each.oneof or each.number): each for each in members if each is not None}
        if len(origins) > 1:
            first, second, *_ = sorted(origins.values(), key=lambda each: each.number)
            sentence = (
                f"{_name(at.writer, first)} and {_name(at.writer, second)} may be set together, and are read into oneof"
                f" {oneof}"
            )
            yield Misreading("cleared", at, (first, second), None, sentence, oneof=oneof)


def _encoding(each: Field) -> str:
    words = ["packed" if each.packed else "repeated" if each.repeated and each.key is None else ""]
    words.append(each.type_name or ("a map" if each.key is not None else each.kind))
    words.append("(delimited)" if each.delimited else "")
    return " ".join(word for word in words if word)


def _name(message: Message, each: Field) -> str:
    return f"{message.local}.{each.name}"
