"""The semantic verdict: can an event exist that the writer's side writes and the reader's side refuses or misreads?

`wire` says where; an event is then built that shows it, encoded with the writer's classes and decoded with the
reader's. BREAKS is never said without such an event.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.message import Message as Event

from registry.formats.base import Finding, Semantic, Verdict, Witness
from registry.formats.protobuf import events, wire
from registry.formats.protobuf.encodings import RANGES
from registry.formats.protobuf.events import Refused, Uninhabited
from registry.formats.protobuf.model import Field, Message
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.protobuf.wire import Misreading, Place

_SHOWN = 20
"""How many reasons are listed."""

_LOSES_VALUE = ("FIELD_RENUMBERED", "ONEOF_FIELD_REMOVED")
"""Findings whose bytes are read without a fault, but skipped."""


def semantic(reader: ProtobufSchema, writer: ProtobufSchema, *, seconds: float = 0.1) -> Semantic:
    """By the wire. COMPATIBLE lists as reasons under which condition (types that the documentation calls compatible,
    though not all values fit; events whose type is gone); UNKNOWN lists what could not be shown in time."""
    deadline = time.monotonic() + seconds
    found = list(wire.misreadings(reader.model, writer.model))
    breaks = [each for each in found if not each.condition]
    if not breaks:
        return Semantic(Verdict.COMPATIBLE, (*_told(found), *_unread(reader, writer)))
    for each in breaks:
        witness = show(reader, writer, each)
        if witness is not None:
            return Semantic(Verdict.BREAKS, _told(breaks), witness)
        if time.monotonic() > deadline:
            break
    return Semantic(Verdict.UNKNOWN, tuple(f"no event was found where {sentence}" for sentence in _told(breaks)))


def _unread(reader: ProtobufSchema, writer: ProtobufSchema) -> tuple[str, ...]:
    known = {each.local for each in reader.model.file.everything()}
    gone = [each.local for each in writer.model.file.everything() if each.local not in known]
    return tuple(f"events of type {name} have no reader" for name in gone[:_SHOWN])


def _told(found: Iterable[Misreading]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.sentence for each in found))[:_SHOWN]


def witness(
    reader: ProtobufSchema, writer: ProtobufSchema, finding: Finding, *, seconds: float = 0.1
) -> Witness | None:
    """An event that shows a finding; None where it holds by rule only, or none was found in time."""
    deadline = time.monotonic() + seconds
    for each in _behind(reader, writer, finding):
        found = show(reader, writer, each)
        if found is not None:
            return found
        if time.monotonic() > deadline:
            return None
    return _lost(reader, writer, finding) if finding.rule in _LOSES_VALUE else None


# From a finding to what it means on the wire


def _behind(reader: ProtobufSchema, writer: ProtobufSchema, finding: Finding) -> Iterator[Misreading]:
    found = _place(reader, writer, finding)
    if found is None:
        return
    at, number = found
    for each in wire.misread_at(at):
        if each.kind == "cleared":
            if finding.path.endswith(f"/{each.oneof}"):
                yield each
        elif number is not None and (each.target is not None and each.target.number == number):
            yield each
    if finding.rule in ("FIELD_NAMED_TYPE_CHANGED", "FIELD_KIND_CHANGED") and number is not None:
        now, was = at.reader.by_number.get(number), at.writer.by_number.get(number)
        if now is not None and was is not None and now.message is not None and was.message is not None:
            inside = Place(now.message, was.message, at.root, (*at.trail, was))
            for place in wire.places([inside]):
                yield from (each for each in wire.misread_at(place) if not each.condition)
    if number is not None:  # a map's key or value has the number of the map's field
        now, was = at.reader.by_number.get(number), at.writer.by_number.get(number)
        if now is not None and was is not None and now.key is not None and was.key is not None:
            assert now.message is not None
            assert was.message is not None
            yield from wire.misread_at(Place(now.message, was.message, at.root, (*at.trail, was)))


def _place(reader: ProtobufSchema, writer: ProtobufSchema, finding: Finding) -> tuple[Place, int | None] | None:
    """The pair of messages a path leads to, and the number of the field."""
    parts = re.findall(r"[^#/]+", finding.path)
    number = int(parts.pop()) if parts and parts[-1].isdigit() else None
    for size in (len(parts), len(parts) - 1):  # the last part may be a oneof
        local = ".".join(parts[:size])
        for at in wire.places(wire.events(reader.model, writer.model)):
            if local in (at.reader.local, at.writer.local):
                return at, number
    return None


def _lost(reader: ProtobufSchema, writer: ProtobufSchema, finding: Finding) -> Witness | None:
    """An event with a field that the reader skips."""
    found = _place(reader, writer, finding)
    number = int(finding.writer_value) if finding.rule == "FIELD_RENUMBERED" else found and found[1]
    was = found[0].writer.by_number.get(number) if found is not None and number is not None else None
    if found is None or was is None or was.number in found[0].reader.by_number:
        return None
    at, field = found[0], was

    def act(event: Event, entry: Field | None) -> None:
        events.fill(event, field)

    try:
        event = events.new(writer, at.root)
        events.place(event, at.trail, act)
        events.decoded(reader, _reading(reader, at), events.encoded(event, at.root))
    except (Refused, Uninhabited):
        return None
    failure = f"{at.writer.local}.{was.name} is skipped: the reader knows no field {was.number}"
    return Witness(_shown(writer, event, at), failure, _pointer(at, (was,)))


# Showing


def show(reader: ProtobufSchema, writer: ProtobufSchema, each: Misreading) -> Witness | None:
    """An event that is refused or misread, checked with the real decoder."""
    for act in _acts(each):
        try:
            event = events.new(writer, each.at.root)
            events.place(event, each.at.trail, act)
            data = events.encoded(event, each.at.root)
        except (Refused, Uninhabited, ValueError):
            continue
        failure = _failure(reader, each, event, data)
        if failure is not None:
            return Witness(_shown(writer, event, each.at), failure, _pointer(each.at, each.fields))
    return None


def _reading(reader: ProtobufSchema, at: Place) -> Message:
    return next(message for message in reader.model.file.everything() if message.local == at.root.local)


def _failure(reader: ProtobufSchema, each: Misreading, event: Event, data: bytes) -> str | None:
    root = _reading(reader, each.at)
    must_be_there = each.target is not None and each.target.required
    try:
        read = events.decoded(reader, root, data, partial=not must_be_there)
    except Refused as error:
        if each.kind == "missing" and each.target is not None and each.target.name not in str(error):
            return None
        return f"{root.local} {error}"
    found = events.difference(
        root,
        each.at.root,
        events.neutral(read, root),
        events.neutral(event, each.at.root),
        strict=True,
    )
    return None if found is None else f"{root.local}{found[0].replace('/', '.')} {found[1]}"


Act = Callable[[Event, Field | None], None]


def _acts(each: Misreading) -> Iterator[Act]:
    """Ways to set the fields that matter, the simplest first."""
    if each.kind == "missing":
        yield lambda event, entry: None
        return
    if each.kind == "cleared":
        first, second = each.fields

        def both(event: Event, entry: Field | None) -> None:
            events.fill(event, first)
            events.fill(event, second)

        yield both
        return
    (was,) = each.fields
    for value in _telling(was, each):
        yield _setting(was, value)


def _setting(was: Field, value: Any) -> Act:
    def act(event: Event, entry: Field | None) -> None:
        if entry is not None:
            _set_entry(event, entry, was, value)
        elif was.key is not None and was.value is not None:
            _set_entry(event, was, was.value, None if was.value.message is not None else events.simple(was.value))
        elif was.message is not None:
            _something(events.child(event, was), was.message)
        else:
            events.put(event, was, value)

    return act


def _set_entry(event: Event, entry: Field, was: Field, value: Any) -> None:
    """One entry of a map, whose key or value (`was`) is what matters."""
    assert entry.key is not None
    assert entry.value is not None
    if was is entry.key:
        if entry.value.message is not None:
            events.child(event, entry, value)
        else:
            events.slot(event, entry)[value] = events.simple(entry.value)
    elif was.message is not None:
        _something(events.child(event, entry), was.message)
    else:
        events.put(event, entry, value)


def _something(event: Event, message: Message) -> None:
    """Give a message some content, so that its bytes are not empty."""
    if message.fields and not event.ByteSize():
        with contextlib.suppress(Uninhabited):
            events.fill(event, next((each for each in message.fields if each.message is None), message.fields[0]))


def _telling(was: Field, each: Misreading) -> Iterator[Any]:
    """Values of the writer's field that are likely to read as something else."""
    if was.message is not None:
        yield None
        return
    now = each.target
    if was.enum is not None:
        unknown = [
            number for number in was.enum.numbers if now is None or now.enum is None or number not in now.enum.numbers
        ]
        yield from unknown
        yield from was.enum.numbers
        if not was.enum.closed:
            yield from (77, -77, 2**31 - 1)
    elif was.kind in ("string", "bytes"):
        yield from (b"\xff", b"a", b"\x08\x01") if was.kind == "bytes" else ("a", "\b\x01", "ü")
    elif was.kind in ("float", "double"):
        yield from (1.5, -1.0, 1e30)
    elif was.kind == "bool":
        yield True
    else:
        low, high = RANGES[was.kind]
        yield from (value for value in (5, 77, high, low, 2**31, -1, 2**32) if low <= value <= high)


def _shown(writer: ProtobufSchema, event: Event, at: Place) -> Any:
    try:
        return events.shown(writer, event)
    except (ValueError, TypeError) as error:  # a well-known type with a value that its JSON mapping does not have
        return {"bytes": event.SerializeToString().hex(), "message": at.root.name, "not shown": str(error)}


def _pointer(at: Place, fields: tuple[Field, ...]) -> str:
    parts = []
    steps = list(at.trail)
    while steps:
        step = steps.pop(0)
        parts.append(step.name)
        if step.key is not None:
            parts.append(str(events.simple(step.key)))
            if steps:
                steps.pop(0)  # the entry's value field, which the map's message stands for
        elif step.repeated:
            parts.append("0")
    if fields and not at.writer.is_entry:
        parts.append(fields[0].name)
    return "".join(f"/{part}" for part in parts)
