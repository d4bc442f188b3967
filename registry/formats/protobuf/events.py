"""Events of a schema: built field by field, encoded and decoded by the real library, and compared.

An event is shown as JSON data (`{"id": "a", "lines": [{"sku": "b"}]}`): the field names of the schema, bytes as
base64, 64-bit numbers as text, well-known types as in the JSON mapping of Protobuf.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Event

from registry.formats.protobuf.encodings import GROUP_OF, RANGES, same_group
from registry.formats.protobuf.model import Enum, Field, Message
from registry.formats.protobuf.schema import ProtobufSchema

_DEPTH = 40


class Uninhabited(Exception):
    """A message that requires itself: no finite event of it exists."""


class Refused(Exception):
    """What the decoder said."""


# Showing, encoding, decoding


def shown(schema: ProtobufSchema, event: Event) -> Any:
    """An event as JSON data."""
    return _plain(MessageToDict(event, preserving_proto_field_name=True, descriptor_pool=schema.pool.pool))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def parsed(schema: ProtobufSchema, data: Any, message: str) -> Event:
    """The event behind JSON data. `message` is a full name. Raises Refused, KeyError."""
    try:
        event: Event = ParseDict(data, schema.pool.message_class(message)(), descriptor_pool=schema.pool.pool)
    except ParseError as error:
        raise Refused(str(error)) from None
    return event


def new(schema: ProtobufSchema, message: Message) -> Event:
    """An empty event with its required fields. Raises Uninhabited."""
    event: Event = schema.pool.message_class(message.name)()
    complete(event, message)
    return event


def encoded(event: Event, message: Message) -> bytes:
    """The bytes of an event. Raises Refused when a required field is missing."""
    _initialized(event, message)
    return event.SerializePartialToString()


def decoded(schema: ProtobufSchema, message: Message, data: bytes, *, partial: bool = False) -> Event:
    """Bytes read as a message. Raises Refused for bytes that do not parse and (unless `partial`) for missing required
    fields."""
    event: Event = schema.pool.message_class(message.name)()
    try:
        event.MergeFromString(data)
    except DecodeError as error:
        raise Refused(f"does not parse: {error}") from None
    if not partial:
        _initialized(event, message)
    return event


def _initialized(event: Event, message: Message) -> None:
    # The library's own FindInitializationErrors, which SerializeToString calls too, can end the process with a
    # segmentation fault (protobuf 7.36.2: a repeated message with a map and an unset required field).
    if not event.IsInitialized():
        raise Refused(f"lacks required fields: {', '.join(sorted(set(_lacking(event, message, ''))))}")


def _lacking(event: Event, message: Message, path: str) -> Iterator[str]:
    present = {descriptor.number: value for descriptor, value in event.ListFields()}
    for each in (*message.fields, *message.extensions):
        value = present.get(each.number)
        body = each.value.message if each.value is not None else each.message
        if value is None:
            if each.required:
                yield path + each.name
        elif body is not None:
            inner = value.values() if each.key is not None else value if each.repeated else [value]
            for one in inner:
                yield from _lacking(one, body, f"{path}{each.name}.")


# Building

SIMPLE: dict[str, Any] = {"string": "a", "bytes": b"a", "bool": True, "float": 1.5, "double": 1.5}


def simple(each: Field) -> Any:
    """A value of a scalar field that is not its default, where it has one."""
    if each.enum is not None:
        numbers = list(each.enum.numbers)
        return next((number for number in numbers if number), 1 if takes_unknown(each.enum) else numbers[0])
    return SIMPLE.get(each.kind, 5)


def takes_unknown(enum: Enum) -> bool:
    """Whether events may hold numbers that the enum does not name (JSON has one value only for NullValue)."""
    return not enum.closed and enum.name != "google.protobuf.NullValue"


def has_json_form(each: Field) -> bool:
    """Whether the library can read the field back from JSON: it refuses null in lists and maps."""
    holder = each.value if each.value is not None else each
    return not each.repeated or holder.enum is None or holder.enum.name != "google.protobuf.NullValue"


def slot(event: Event, each: Field) -> Any:
    """The value of a field: a container when repeated, a message when it holds one."""
    if each.extends:
        return event.Extensions[_extension(event, each)]
    return getattr(event, each.name)


def _extension(event: Event, each: Field) -> Any:
    descriptor: Any = event.DESCRIPTOR
    return descriptor.file.pool.FindExtensionByNumber(descriptor, each.number)


def put(event: Event, each: Field, value: Any) -> None:
    """Set a field to a scalar, or add the scalar to a repeated one; a map gets one entry with this value."""
    if each.key is not None:
        slot(event, each)[simple(each.key)] = value
    elif each.repeated:
        slot(event, each).append(value)
    elif each.extends:
        event.Extensions[_extension(event, each)] = value
    else:
        setattr(event, each.name, value)


def child(event: Event, each: Field, key: Any = None) -> Event:
    """Make the message of a field present (or one more of them), with its required fields. Raises Uninhabited."""
    if each.key is not None and each.value is not None:
        made: Event = slot(event, each)[simple(each.key) if key is None else key]
        body = each.value.message
    elif each.repeated:
        made, body = slot(event, each).add(), each.message
    else:
        made, body = slot(event, each), each.message
        made.SetInParent()
    assert body is not None
    complete(made, body)
    return made


def complete(event: Event, message: Message, depth: int = 0) -> None:
    """Give an event its required fields. Raises Uninhabited."""
    if depth > _DEPTH:
        raise Uninhabited(message.name)
    for each in message.fields:
        if each.required and not event.HasField(each.name):
            if each.message is None:
                put(event, each, simple(each))
            else:
                inner = slot(event, each)
                inner.SetInParent()
                complete(inner, each.message, depth + 1)


def fill(event: Event, each: Field, value: Any = None) -> None:
    """Set a field of any kind to something: `value` for a scalar or a map's value, an event for a message."""
    holder = each.value if each.value is not None else each
    if holder.message is not None:
        child(event, each)
    else:
        put(event, each, simple(holder) if value is None else value)


def place(event: Event, trail: tuple[Field, ...], act: Callable[[Event, Field | None], None]) -> None:
    """Walk down a trail, making messages, and act on the last: `act(event, map field)` when that is a map's entry."""
    at = 0
    while at < len(trail):
        step = trail[at]
        if step.key is not None:
            if at + 1 == len(trail):
                act(event, step)
                return
            at += 1  # the entry's value field, which the map's message stands for
        event = child(event, step)
        at += 1
    act(event, None)


# Comparing what was written with what is read


def neutral(event: Event, message: Message) -> dict[int, list[Any]]:
    """The fields that are set, by number, each as a list; entries of maps and messages as such dicts again."""
    fields = {each.number: each for each in (*message.fields, *message.extensions)}
    found: dict[int, list[Any]] = {}
    for descriptor, value in event.ListFields():
        each = fields.get(descriptor.number)
        if each is not None:
            found[each.number] = list(_values(each, value))
    return found


def _values(each: Field, value: Any) -> Iterator[Any]:
    if each.key is not None and each.value is not None:
        for key in value:
            inner = value[key]
            yield {1: [key], 2: [inner if each.value.message is None else neutral(inner, each.value.message)]}
    else:
        for one in value if each.repeated else [value]:
            yield one if each.message is None else neutral(one, each.message)


def converted(value: Any, was: str, now: str) -> Any:
    """What the documentation says a value of one scalar kind reads as in another of its group."""
    if now == was or now in ("float", "double", "string", "bytes"):
        return value
    number = int(value)
    if was == "sint64" and now == "sint32":
        zigzag = ((number << 1) ^ (number >> 63)) & 0xFFFFFFFF
        return (zigzag >> 1) ^ -(zigzag & 1)
    if now == "bool":
        return number != 0
    low, high = RANGES[now]
    size = high - low + 1
    return (number - low) % size + low


def difference(
    now: Message, was: Message, read: dict[int, list[Any]], wrote: dict[int, list[Any]], path: str = "", *, strict: bool
) -> tuple[str, str] | None:
    """The first place that reads otherwise than it was written, as (JSON pointer, words); None when all is well.

    `strict`: also where the documentation says that a value is cut or dropped (a number cut to fit, an unknown number
    of a closed enum).
    """
    fields = {each.number: each for each in (*now.extensions, *now.fields)}
    written = {each.number: each for each in (*was.extensions, *was.fields)}
    for number, values in wrote.items():
        if number not in fields:
            continue
        here = f"{path}/{written[number].name}"
        found = _field_difference(fields[number], written[number], read.get(number, []), values, here, strict=strict)
        if found is not None:
            return found
    return None


def _field_difference(
    new: Field, old: Field, got: list[Any], values: list[Any], path: str, *, strict: bool
) -> tuple[str, str] | None:
    if new.message is not None and old.message is not None:
        if new.key is not None or old.key is not None:
            return _map_difference(new.message, old.message, got, values, path, strict=strict)
        if not new.repeated and len(values) > 1:
            return None  # several messages are merged into one
        if len(got) != len(values):
            return path, f"{len(got) or 'nothing'} read where {len(values)} were written"
        for number, (one, other) in enumerate(zip(got, values, strict=True)):
            inner = f"{path}/{number}" if old.repeated else path
            found = difference(new.message, old.message, one, other, inner, strict=strict)
            if found is not None:
                return found
        return None
    if old.message is not None:
        empty = not got and not new.presence and values[-1] == {}
        same = new.kind == "bytes" and (len(got) == (len(values) if new.repeated else 1) or empty)
        return None if same else (path, f"reads as {_words(new, got)} where a message was written")
    if GROUP_OF.get(new.kind) != GROUP_OF.get(old.kind):
        return path, f"reads as {_words(new, got)} where {_words(old, values)} was written"
    expected = [each if strict else converted(each, old.kind, new.kind) for each in values]
    if not strict and new.enum is not None and new.enum.closed:
        expected = [each for each in expected if each in new.enum.numbers]
    if not new.repeated:
        expected = expected[-1:]
        if not new.presence and not got and expected:
            got = [type(expected[0])()]
    if len(got) == len(expected) and all(_same(one, other) for one, other in zip(got, expected, strict=True)):
        return None
    return path, f"reads as {_words(new, got)} where {_words(old, values)} was written"


def _map_difference(
    new: Message, old: Message, got: list[Any], values: list[Any], path: str, *, strict: bool
) -> tuple[str, str] | None:
    """Entries by their key, the last of equal ones: their order is free, and a map may be read as repeated messages."""
    keys = new.by_number.get(1), old.by_number.get(1)
    if keys[0] is None or keys[1] is None:
        return None
    if not same_group(keys[0], keys[1]):
        return path, f"the keys are read as {keys[0].told} where {keys[1].told} was written"

    def key_of(entry: dict[int, list[Any]], kind: str, into: str) -> Any:
        value = entry.get(1, [converted(0, "int64", kind) if kind in RANGES else ""])[-1]
        return value if strict else converted(value, kind, into)

    read = {key_of(entry, keys[0].kind, keys[0].kind): entry for entry in got}
    wrote = {key_of(entry, keys[1].kind, keys[0].kind): entry for entry in values}
    for key, entry in wrote.items():
        if key not in read and not strict and _drops_entry(new, entry):
            continue
        if key not in read:
            return path, f"the entry {key!r} is lost"
        found = difference(new, old, read[key], entry, f"{path}/{key}", strict=strict)
        if found is not None:
            return found
    return None


def _drops_entry(new: Message, entry: dict[int, list[Any]]) -> bool:
    """A map drops an entry whose value is an unknown number of a closed enum."""
    value = new.by_number.get(2)
    return (
        value is not None
        and value.enum is not None
        and value.enum.closed
        and any(not isinstance(each, dict) and int(each) not in value.enum.numbers for each in entry.get(2, []))
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bytes) != isinstance(other, bytes):
        one, other = (each.encode() if isinstance(each, str) else each for each in (one, other))
    if isinstance(one, float) and isinstance(other, float):
        return (
            struct.pack("<d", one) == struct.pack("<d", other)
            or one == other
            or (math.isnan(one) and math.isnan(other))
        )
    return bool(one == other)


def _words(each: Field, values: list[Any]) -> str:
    if not values:
        return "unset"
    shown = values if each.repeated else values[-1:]
    if each.message is not None:
        return "a message"
    words = ", ".join(_word(each, value) for value in shown[:4]) + (", …" if len(shown) > 4 else "")
    return f"[{words}]" if each.repeated else words


def _word(each: Field, value: Any) -> str:
    if each.enum is not None:
        return each.enum.numbers.get(value, str(value))
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "…"
