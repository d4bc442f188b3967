"""Valid events of a schema: minimal, maximal, edges of each field, then random ones without end. Seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message as Event

from registry.formats.base import Sample
from registry.formats.protobuf import events
from registry.formats.protobuf.encodings import RANGES
from registry.formats.protobuf.events import Uninhabited
from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.model import Enum, Field, Message
from registry.formats.protobuf.schema import ProtobufSchema

_FLOATS = (0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"))
# One step below the largest float: the library prints that one as 3.4028235e+38, and then refuses to read it.
_FLOAT_MAX, _DOUBLE_MAX = 3.4028232635611926e38, 1.7976931348623157e308
_TEXTS = ("", "a", "ü€😀", '\x00\n\t"\\', "a" * 300, "0", "null")
_BYTES = (b"", b"a", b"\x00\xff", bytes(range(256)))
_SPECIAL = "google.protobuf."
_EPOCHS = (-62135596800, 253402300799)
_DURATION = 315_576_000_000
_DEEPEST = 20
_NODES = 400
"""Messages in one event: types that hold each other twice would otherwise grow without measure."""


def samples(schema: ProtobufSchema, *, seed: int = 0, message: str | None = None) -> Iterator[Sample]:
    """Events as JSON data. `message`: the full name of its type; by default the first that no other holds."""
    for event, kind, note in messages(schema, seed=seed, message=message):
        yield Sample(events.shown(schema, event), kind, note)


def messages(schema: ProtobufSchema, *, seed: int = 0, message: str | None = None) -> Iterator[tuple[Event, str, str]]:
    """The same as messages of the real library, with kind and note. None when no finite event exists."""
    if message is not None:
        root = schema.model.messages[message]
    elif schema.model.file.messages:
        root = roots(schema.model)[0]
    else:
        return
    try:
        yield events.new(schema, root), "minimal", root.name
    except Uninhabited:
        return
    yield _Maker(schema, random.Random(seed)).whole(root, chance=1.0), "maximal", root.name  # noqa: S311 # not a secret
    yield from _edges(schema, root)
    number = 0
    while True:
        maker = _Maker(schema, random.Random(f"{seed}:{number}"))  # noqa: S311 # not a secret
        yield maker.whole(root, chance=maker.random.choice((0.3, 0.6, 0.9))), "random", root.name
        number += 1


def _edges(schema: ProtobufSchema, root: Message) -> Iterator[tuple[Event, str, str]]:
    """Each field alone, with each of its edge values; messages in fields with their own, each type once below those."""
    yield from _edges_below(schema, root, root, (), {root.name})


def _edges_below(
    schema: ProtobufSchema, root: Message, message: Message, trail: tuple[Field, ...], known: set[str]
) -> Iterator[tuple[Event, str, str]]:
    place = ".".join((root.name, *(each.name for each in trail)))
    for each in filter(events.has_json_form, (*message.fields, *(() if trail else message.extensions))):
        for label, act in _edge_acts(each):
            event = events.new(schema, root)
            try:
                act(_child(event, trail))
            except Uninhabited:
                return
            yield event, "edge", f"{place}.{each.name}: {label}"
        inner = each.value.message if each.value is not None else each.message
        if inner is None or inner.name.startswith(_SPECIAL) or (trail and inner.name in known) or len(trail) > _DEEPEST:
            continue
        known.add(inner.name)
        yield from _edges_below(schema, root, inner, (*trail, each), known)


def _child(event: Event, trail: tuple[Field, ...]) -> Event:
    """The message at the end of a trail. Raises Uninhabited."""
    for each in trail:
        event = events.child(event, each)
    return event


def _edge_acts(each: Field) -> Iterator[tuple[str, Any]]:
    holder = each.value if each.value is not None else each
    if holder.message is not None:
        if not holder.message.name.startswith(_SPECIAL):
            yield "present", lambda event: _present(event, each)
        return
    for value in edge_values(holder):
        yield repr(value)[:40], lambda event, value=value: events.put(event, each, value)
    if each.key is not None:
        for key in edge_values(each.key):
            if not isinstance(key, float):
                yield f"key {key!r}"[:40], lambda event, key=key: _set_key(event, each, key)
    elif each.repeated:
        yield "many", lambda event: events.slot(event, each).extend([events.simple(each)] * 20)


def _present(event: Event, each: Field) -> None:
    try:
        events.child(event, each)
    except Uninhabited:
        event.Clear()


def _set_key(event: Event, each: Field, key: Any) -> None:
    assert each.value is not None
    events.slot(event, each)[key] = events.simple(each.value)


def edge_values(each: Field) -> tuple[Any, ...]:
    """Values of a scalar kind where encoders and decoders tend to differ."""
    if each.enum is not None:
        return tuple(_enum_numbers(each.enum))
    if each.kind in ("float", "double"):
        top = _FLOAT_MAX if each.kind == "float" else _DOUBLE_MAX
        return (*_FLOATS, top, -top)
    if each.kind == "bool":
        return (False, True)
    if each.kind == "string":
        return _TEXTS
    if each.kind == "bytes":
        return _BYTES
    low, high = RANGES[each.kind]
    return tuple(dict.fromkeys((0, 1, 127, 128, low, high, *(() if low == 0 else (-1,)))))


def _enum_numbers(enum: Enum) -> Iterator[int]:
    yield from enum.numbers
    if events.takes_unknown(enum):
        yield next(number for number in range(1, len(enum.numbers) + 2) if number not in enum.numbers)


class _Maker:
    """Fills one event. `chance`: how likely an optional field is set."""

    def __init__(self, schema: ProtobufSchema, source: random.Random) -> None:
        self.schema, self.random = schema, source
        self._left = _NODES

    def whole(self, root: Message, chance: float) -> Event:
        event: Event = self.schema.pool.message_class(root.name)()
        self.fill(event, root, chance, (root.name,))
        return event

    def fill(self, event: Event, message: Message, chance: float, trail: tuple[str, ...]) -> None:
        if message.name.startswith(_SPECIAL) and self._special(event, message):
            return
        self._left -= 1
        chosen = {
            oneof: self._one_of([each for each in message.fields if each.oneof == oneof], chance)
            for oneof in message.oneofs
        }
        for each in filter(events.has_json_form, (*message.fields, *message.extensions)):
            if each.oneof is not None:
                wanted = chosen[each.oneof] is each
            else:
                wanted = each.required or self.random.random() < chance
            if wanted:
                self._field(event, each, chance, trail)
        events.complete(event, message)

    def _one_of(self, members: list[Field], chance: float) -> Field | None:
        if chance == 1.0:
            return members[0]
        return self.random.choice(members) if self.random.random() < chance else None

    def _field(self, event: Event, each: Field, chance: float, trail: tuple[str, ...]) -> None:
        holder = each.value if each.value is not None else each
        count = 1
        if each.repeated:
            count = 2 if chance == 1.0 else self.random.randint(0, 4)
        if holder.message is None:
            for _ in range(count):
                value = self._value(holder, full=chance == 1.0)
                if each.key is not None:
                    events.slot(event, each)[self._value(each.key, full=False)] = value
                else:
                    events.put(event, each, value)
            return
        inner = holder.message
        if not each.required and (self._left <= 0 or trail.count(inner.name) > 1 or len(trail) > 20):
            return
        for _ in range(count):
            key = self._value(each.key, full=False) if each.key is not None else None
            try:
                made = events.child(event, each, key)
            except Uninhabited:
                event.ClearField(each.name)  # no event can hold one; it is neither required nor an extension then
                return
            self.fill(made, inner, chance, (*trail, inner.name))

    def _value(self, each: Field, *, full: bool) -> Any:
        edges = edge_values(each)
        if full:
            return events.simple(each)
        if each.enum is not None or each.kind == "bool" or self.random.random() < 0.3:
            return self.random.choice(edges)
        if each.kind == "float":
            return float(self.random.randint(-(2**20), 2**20)) / 8
        if each.kind == "double":
            return self.random.gauss(0, 1e6)
        if each.kind == "string":
            return "".join(self.random.choice("abcdefghij äöü0123456789") for _ in range(self.random.randint(0, 12)))
        if each.kind == "bytes":
            return self.random.randbytes(self.random.randint(0, 12))
        low, high = RANGES[each.kind]
        bits = self.random.randint(0, high.bit_length())
        return max(low, min(high, self.random.randint(-(2**bits) if low else 0, 2**bits)))

    # Well-known types: only some of their values have a JSON form

    def _special(self, event: Any, message: Message) -> bool:
        name = message.name.removeprefix(_SPECIAL)
        choose = self.random
        if name == "Timestamp":
            event.seconds = choose.choice((*_EPOCHS, 0, choose.randint(0, 2**31)))
            event.nanos = choose.choice((0, 1, 999_999_999, 500_000_000))
        elif name == "Duration":
            event.seconds = choose.choice((0, 1, -1, _DURATION - 1, choose.randint(-(2**31), 2**31)))
            event.nanos = choose.choice((0, 500_000_000)) * (-1 if event.seconds < 0 else 1)
        elif name == "FieldMask":
            event.paths.extend(choose.sample(("a", "b.c", "long_name"), choose.randint(0, 3)))
        elif name == "Struct":
            for key in choose.sample(("a", "b", "ü"), choose.randint(0, 2)):
                self._json_value(event.fields[key], 2)
        elif name == "ListValue":
            for _ in range(choose.randint(0, 2)):
                self._json_value(event.values.add(), 2)
        elif name == "Value":
            self._json_value(event, 2)
        elif name == "Any":
            root = roots(self.schema.model)[0]
            event.Pack(events.new(self.schema, root))
        else:
            return False
        return True

    def _json_value(self, value: Any, depth: int) -> None:
        kind = self.random.randint(0, 5 if depth else 3)
        if kind == 0:
            value.null_value = 0
        elif kind == 1:
            value.number_value = self.random.choice((0.0, -1.5, 1e300))
        elif kind == 2:
            value.string_value = self.random.choice(_TEXTS)
        elif kind == 3:
            value.bool_value = self.random.choice((True, False))
        elif kind == 4:
            self._json_value(value.list_value.values.add(), depth - 1)
        else:
            self._json_value(value.struct_value.fields["x"], depth - 1)
