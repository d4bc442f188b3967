"""Where things stand in the source text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

from registry.formats.protobuf.fields import roots
from registry.formats.protobuf.model import Field, Message
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.protobuf.spans import Place, Spans

_NAME = (1,)


def locate(schema: ProtobufSchema, pointer: str) -> tuple[int, int] | None:
    """Line and column, from 1, of the name that a pointer leads to, in the source text.

    A pointer is a dotted name, with or without the package (`Order.Line.sku`, `Order.payment`, `State.OPEN`), or a
    JSON pointer through the event (`/lines/0/sku`, `/lines/*/sku`); the empty one is the package. None for what is
    not there, what an import declares, and schemas that were sent as a descriptor.
    """
    if not schema.has_text:
        return None
    place = _event_place(schema, pointer) if pointer.startswith("/") else _named(schema, pointer)
    if place is None:
        return None
    spans = _spans(schema)
    found = spans.range((*place, *_NAME) if place != (2,) else place)
    return spans.position(found[0]) if found is not None else (1, 1) if place == (2,) else None


def _named(schema: ProtobufSchema, name: str) -> Place | None:
    if not name:
        return (2,)
    name = name.removeprefix(".")
    package = schema.file.package
    places = _places(schema)
    return places.get(name) or places.get(name.removeprefix(f"{package}.") if package else name)


@lru_cache(2)
def _spans(schema: ProtobufSchema) -> Spans:
    """A schema's places are large, and made anew for whoever asks: here for all that is asked in a row."""
    return schema.spans


@lru_cache(16)
def _places(schema: ProtobufSchema) -> Mapping[str, Place]:
    """Every declared name with its place, found once for all that is asked about one schema."""
    found: dict[str, Place] = {}
    for name, place in names(schema.file):
        found.setdefault(name, place)
    return found


def names(file: FileDescriptorProto) -> Iterator[tuple[str, Place]]:
    """Every declared name of a file, dotted, without the package, and its place."""
    for number, each in enumerate(file.message_type):
        yield from _in_message(each, "", (4, number))
    for number, enum in enumerate(file.enum_type):
        yield from _in_enum(enum, "", (5, number))
    for number, service in enumerate(file.service):
        yield service.name, (6, number)
        for at, method in enumerate(service.method):
            yield f"{service.name}.{method.name}", (6, number, 2, at)
    for number, extension in enumerate(file.extension):
        yield extension.name, (7, number)


def _in_message(message: DescriptorProto, scope: str, place: Place) -> Iterator[tuple[str, Place]]:
    if message.options.map_entry:
        return
    name = f"{scope}{message.name}"
    yield name, place
    for number, field in enumerate(message.field):
        yield f"{name}.{field.name}", (*place, 2, number)
    for number, oneof in enumerate(message.oneof_decl):
        yield f"{name}.{oneof.name}", (*place, 8, number)
    for number, extension in enumerate(message.extension):
        yield f"{name}.{extension.name}", (*place, 6, number)
    for number, inner in enumerate(message.nested_type):
        yield from _in_message(inner, f"{name}.", (*place, 3, number))
    for number, enum in enumerate(message.enum_type):
        yield from _in_enum(enum, f"{name}.", (*place, 4, number))


def _in_enum(enum: EnumDescriptorProto, scope: str, place: Place) -> Iterator[tuple[str, Place]]:
    yield f"{scope}{enum.name}", place
    for number, value in enumerate(enum.value):
        yield f"{scope}{enum.name}.{value.name}", (*place, 2, number)


def _event_place(schema: ProtobufSchema, pointer: str) -> Place | None:
    steps = pointer.strip("/").split("/")
    for root in roots(schema.model):
        field = _walked(root, steps)
        if field is not None:
            message, each = field
            return each.place if message.file == schema.model.file.path else None
    return None


def _walked(message: Message | None, steps: list[str]) -> tuple[Message, Field] | None:
    found = None
    waiting = list(steps)
    while waiting:
        if message is None:
            return None
        name = waiting.pop(0)
        each = next((field for field in message.fields if field.name == name), None)
        if each is None:
            return None
        found = message, each
        if waiting and each.repeated:
            waiting.pop(0)  # an index, a key, or *
        message = each.value.message if each.value is not None else each.message
    return found
