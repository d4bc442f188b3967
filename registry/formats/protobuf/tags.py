"""Inline tags: `(confluent.field_meta).tags` and `(confluent.message_meta).tags` of messages and fields.

Paths are full names, `shop.Order` and `shop.Order.card`; a leading dot is taken, and so is a name without its package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

from registry.errors import InvalidSchema
from registry.formats.base import Tagging
from registry.formats.protobuf.builtin import META, META_NUMBER, is_builtin
from registry.formats.protobuf.options import Fields, Option, described, quoted
from registry.formats.protobuf.source import NAME
from registry.formats.protobuf.spans import Place

if TYPE_CHECKING:
    from registry.formats.protobuf.schema import ProtobufSchema

RECORD, FIELD = "sr_record", "sr_field"
_META_OF = {RECORD: "(confluent.message_meta)", FIELD: "(confluent.field_meta)"}


class _Entity(NamedTuple):
    path: str
    type: str
    place: Place  # of its options
    options: Message


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, Place, DescriptorProto]]:
    """Messages with their names and places, in the order of the text; map entries are none."""
    waiting: list[tuple[str, Place, DescriptorProto]] = [
        (file.package, (4, number), each) for number, each in reversed(list(enumerate(file.message_type)))
    ]
    while waiting:
        scope, place, message = waiting.pop()
        path = f"{scope}.{message.name}" if scope else message.name
        if message.options.map_entry:
            continue
        yield path, place, message
        nested = list(enumerate(message.nested_type))
        waiting += [(path, (*place, 3, number), each) for number, each in reversed(nested)]


def _entities(file: FileDescriptorProto) -> Iterator[_Entity]:
    """Messages and fields, in the order of the text."""
    for path, place, message in _messages(file):
        yield _Entity(path, RECORD, (*place, 7), message.options)
        each: FieldDescriptorProto
        for number, each in enumerate(message.field):
            yield _Entity(f"{path}.{each.name}", FIELD, (*place, 2, number, 8), each.options)


def _meta(schema: ProtobufSchema, options: Message) -> Any:
    """The confluent.Meta of options, or None."""
    if not options.ByteSize() or not any(file.name == META for file in schema.files):
        return None
    found = schema.pool.decode(options).ListFields()
    return next((value for each, value in found if each.is_extension and each.number == META_NUMBER), None)


def tags(schema: ProtobufSchema) -> Sequence[Tagging]:
    """The inline tags of a schema."""
    found = []
    for entity in _entities(schema.file):
        meta = _meta(schema, entity.options)
        if meta is not None and meta.tags:
            found.append(Tagging(entity.path, entity.type, tuple(meta.tags)))
    return found


def of_fields(schema: ProtobufSchema) -> Mapping[tuple[str, Place], frozenset[str]]:
    """The tags of fields, of imported files too, by file and place."""
    if not any(file.name == META for file in schema.files):
        return {}
    found = {}
    for file in schema.files:
        for entity in _entities(file):
            meta = _meta(schema, entity.options) if entity.type == FIELD else None
            if meta is not None and meta.tags:
                found[file.name, entity.place[:-1]] = frozenset(meta.tags)
    return found


_TEXT: Final = (FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_BYTES)
_LEAVES: Final = (".google.protobuf.Timestamp", ".google.protobuf.Duration")
"""Messages that clients take as one value."""


def unsealable(schema: ProtobufSchema) -> Iterator[tuple[str, frozenset[str], str]]:
    """Fields that hold numbers, enums or moments, of imported files too, as (full name, inline tags, type).

    A field of a message is none: its own fields are tagged.
    """
    found = of_fields(schema)
    for file in schema.files:
        if is_builtin(file.name):
            continue
        for path, place, message in _messages(file):
            values = {f".{path}.{each.name}": each.field[1] for each in message.nested_type if each.options.map_entry}
            for number, each in enumerate(message.field):
                value = values.get(each.type_name, each)
                if value.type in _TEXT or (value.type_name and value.type_name not in _LEAVES and not _is_enum(value)):
                    continue
                kind = value.type_name.removeprefix(".") or _keyword(value)
                yield f"{path}.{each.name}", found.get((file.name, (*place, 2, number)), frozenset()), kind


def _is_enum(field: FieldDescriptorProto) -> bool:
    return field.type == FieldDescriptorProto.TYPE_ENUM


def _keyword(field: FieldDescriptorProto) -> str:
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def retagged(schema: ProtobufSchema, add: Iterable[Tagging], remove: Iterable[Tagging]) -> str:
    """The text with inline tags changed. Raises InvalidSchema for a path that is not there."""
    entities = {(entity.type, entity.path): entity for entity in _entities(schema.file)}
    wanted: dict[tuple[str, str], list[str]] = {}

    def tags_of(tagging: Tagging) -> list[str]:
        key = _key(schema, tagging, entities)
        if key not in wanted:
            meta = _meta(schema, entities[key].options)
            wanted[key] = list(meta.tags) if meta is not None else []
        return wanted[key]

    for tagging in add:
        current = tags_of(tagging)
        current += [tag for tag in dict.fromkeys(tagging.tags) if tag not in current]
    for tagging in remove:
        current = tags_of(tagging)
        current[:] = [tag for tag in current if tag not in tagging.tags]

    printer = schema.printer()
    overrides = {}
    for key, current in wanted.items():
        entity = entities[key]
        meta = _meta(schema, entity.options)
        if current != (list(meta.tags) if meta is not None else []):
            kept = [each for each in printer.options(entity.place, entity.options) if not _is_meta(each)]
            overrides[entity.place] = [*kept, *_meta_option(schema, entity, meta, current)]
    if not overrides:
        return schema.canonical
    printer.overrides = overrides
    file = FileDescriptorProto()
    file.CopyFrom(schema.file)
    if META not in file.dependency and META not in file.option_dependency:
        file.dependency.append(META)
    printer.file = file
    return printer.text()


def _is_meta(option: Option) -> bool:
    return option.name.replace("(.", "(").startswith(tuple(_META_OF.values()))


def _meta_option(schema: ProtobufSchema, entity: _Entity, meta: Any, tags: Sequence[str]) -> Iterator[Option]:
    entries = []
    if meta is not None:
        whole = next(
            option
            for option in described(schema.pool.decode(entity.options), str)
            if option.name == _META_OF[entity.type]
        )
        assert isinstance(whole.value, Fields)
        entries = [(key, value) for key, value in whole.value.entries if key != "tags"]
    if tags:
        entries.append(("tags", tuple(map(quoted, tags))))
    if entries:
        name = _META_OF[entity.type][1:-1]
        yield Option(f"({schema.option_name(name)})", Fields(tuple(entries)))


def _key(schema: ProtobufSchema, tagging: Tagging, entities: Mapping[tuple[str, str], _Entity]) -> tuple[str, str]:
    path = tagging.path.removeprefix(".")
    package = schema.file.package
    for each in (path, f"{package}.{path}" if package else path):
        if (tagging.type, each) in entities:
            return tagging.type, each
    raise InvalidSchema(NAME, f"no {tagging.type} at {tagging.path!r}", path=tagging.path)
