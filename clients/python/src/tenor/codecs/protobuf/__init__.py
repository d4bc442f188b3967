"""Protobuf events: dicts or message objects, written and read by the protobuf library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from tenor.codecs import Body, Options, Plain, Read, Write
from tenor.codecs.fields import MARK, MARKED, Node
from tenor.codecs.protobuf import sealed
from tenor.codecs.protobuf.check import MAX_DEPTH, Check, checker, is_map, is_recursive, message_of, violations
from tenor.codecs.protobuf.descriptors import load, load_unsealed, message_at, message_class, path_to
from tenor.codecs.protobuf.fields import tree
from tenor.codecs.protobuf.meta import meta
from tenor.codecs.protobuf.reading import converter
from tenor.codecs.shown import nests_deeper, pointer, shown
from tenor.errors import InvalidEvent, Undecodable, Unresolvable, UnusableSchema, Violation
from tenor.schemas import PROTOBUF, Schema
from tenor.wire import read_indexes

_TOO_DEEP = Violation("", "depth", "…", f"messages are nested deeper than {MAX_DEPTH} levels")


def compile(schema: Schema, references: Mapping[str, Schema], options: Options) -> Plain:
    """Compile a Protobuf file, given as base64 of its descriptor. Raises UnusableSchema."""
    return ProtobufBody(schema, references, options)


class ProtobufBody:
    """A compiled Protobuf file and the message of it that is written."""

    format = PROTOBUF

    def __init__(
        self,
        schema: Schema,
        references: Mapping[str, Schema],
        options: Options,
        file: FileDescriptor | None = None,
    ) -> None:
        self._options = options
        self._origin = (schema, references)
        self._opens = file is not None
        self._file = load(schema, references) if file is None else file
        self._named = _message_named(self._file.message_types_by_name.values())
        # Which message is written matters to writers only: a file without a message can still be somebody's writer.
        wanted = options.message
        self.indexes: tuple[int, ...] | None = path_to(self._file, wanted) if wanted or self._named else None
        self.record = message_at(self._file, self.indexes).full_name if self.indexes else ""

    def writer(self, head: bytes) -> Write:
        if self.indexes is None:
            raise UnusableSchema(format=PROTOBUF, reason="it has no message")
        descriptor, subject = message_at(self._file, self.indexes), self._options.subject
        cls, check, name = message_class(descriptor), checker(descriptor), descriptor.full_name
        recursive, serialize = is_recursive(descriptor), cls.SerializeToString

        def write(event: Any) -> bytes:
            try:
                if check(event) and not (recursive and nests_deeper(event, MAX_DEPTH - 1)):
                    return head + serialize(cls(**event))
            except Exception:  # noqa: S110 # TypeError, ValueError, EncodeError, …; what is wrong is found out below
                pass
            return slowly(event)

        def slowly(event: Any) -> bytes:
            """Write a message object or an event of unusual types, if it is valid. Raises InvalidEvent."""
            if not isinstance(event, Message):
                # Lists count for nothing in Protobuf's depth, so that only a walk can tell; a longer one cannot.
                found = [_TOO_DEEP] if nests_deeper(event, 2 * MAX_DEPTH) else violations(descriptor, event)
                if found:
                    raise InvalidEvent(found, subject)
                try:
                    event = cls(**event)
                except Exception as error:
                    raise InvalidEvent([Violation("", "encoding", shown(event), str(error)[:200])], subject) from error
            elif event.DESCRIPTOR.full_name != name:
                raise InvalidEvent(violations(descriptor, event), subject)
            return head + _serialized(event, subject)

        return write

    def tree(self, indexes: tuple[int, ...] | None = None, relaxed: frozenset[str] = frozenset()) -> Node:
        """The message as rules see it."""
        return tree(self._written(indexes), self._sealed)

    @cached_property
    def unsealed(self) -> ProtobufBody | None:
        """What events are of, where fields hold sealed values of another type; None if none does.

        Raises UnusableSchema.
        """
        file = None if self._opens else load_unsealed(*self._origin)
        return None if file is None else ProtobufBody(*self._origin, self._options, file)

    def _sealed(self, field: FieldDescriptor, single: FieldDescriptor) -> Any:
        """What a leaf of sealed values is by itself, in the schema that travels or in the one that events are of."""
        if not (name := sealed.marked(field)):
            return None
        if self._opens:
            return {MARKED: True, "value": sealed.value_of(single)}
        if self.unsealed is None:
            return None
        theirs: Any = self.unsealed._file.pool.FindFieldByName(field.full_name)
        theirs = message_of(theirs).fields_by_name["value"] if is_map(theirs) else theirs
        return {MARK: {"logical": name}, "value": sealed.value_of(theirs)}

    @property
    def checked(self) -> Callable[[Any], Any]:
        """A function to the event as a dict, if it is valid. Raises InvalidEvent."""
        return self._checked

    def _checked(self, event: Any) -> Any:
        event = self.as_dict(event)
        try:
            if self._check(event) and not (self._recursive and nests_deeper(event, MAX_DEPTH - 1)):
                return event
        except Exception:  # noqa: S110 # TypeError, AttributeError, …; what is wrong is found out below
            pass
        if found := self.violations(event):
            raise InvalidEvent(found, self._options.subject)
        return event

    def as_dict(self, event: Any) -> Any:
        """A message object as the dict of its fields; anything else as it is. Raises InvalidEvent."""
        if not isinstance(event, Message):
            return event
        descriptor, subject = self._written(None), self._options.subject
        if event.DESCRIPTOR.full_name != descriptor.full_name:
            raise InvalidEvent(self.violations(event), subject)
        if len(UnknownFieldSet(event)):
            found = Violation("", "unknown", "", "rules cannot run on a message with unknown fields")
            raise InvalidEvent([found], subject)
        return converter(descriptor)(event)

    @cached_property
    def _check(self) -> Check:
        return checker(self._written(None))

    @cached_property
    def _recursive(self) -> bool:
        return is_recursive(self._written(None))

    def violations(self, event: Any) -> list[Violation]:
        """Everything that is wrong with an event, at most a hundred of it."""
        # Lists count for nothing in Protobuf's depth, so that only a walk can tell; a longer one cannot.
        if not isinstance(event, Message) and nests_deeper(event, 2 * MAX_DEPTH):
            return [_TOO_DEEP]
        return violations(self._written(None), event)

    def stray_tags(self) -> frozenset[str]:
        """Tags of messages: no rule looks at those."""
        rest, found = [self._written(None)], frozenset[str]()
        seen: set[str] = set()
        while rest:
            message = rest.pop()
            if message.full_name in seen:
                continue
            seen.add(message.full_name)
            found |= meta(message.GetOptions().SerializeToString()).tags
            rest += [field.message_type for field in message.fields if field.message_type is not None]
        return found

    def serializer(self, head: bytes, indexes: tuple[int, ...] | None = None) -> Write:
        """A function that writes an event that was checked, and perhaps sealed, before."""
        descriptor, subject = self._written(indexes), self._options.subject
        cls = message_class(descriptor)

        def write(event: Any) -> bytes:
            try:
                message = cls(**event)
            except Exception as error:
                found = violations(descriptor, event) or [Violation("", "encoding", "", type(error).__name__)]
                raise InvalidEvent(found, subject) from error
            return head + _serialized(message, subject)

        return write

    def judge(self, event: Any) -> None:
        """Protobuf's reader validates what it reads."""

    def _written(self, indexes: tuple[int, ...] | None) -> Descriptor:
        path = indexes if indexes is not None else self.indexes
        if path is None:
            raise UnusableSchema(format=PROTOBUF, reason="it has no message")
        return self._message_at(path)

    def located(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> tuple[tuple[int, ...], int]:
        return (indexes, at) if indexes is not None else read_indexes(data, at)

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None, *, raw: bool = False) -> Read:
        if reads_as is not None and not isinstance(reads_as, ProtobufBody):
            raise UnusableSchema(format=PROTOBUF, reason=f"it cannot be read as {reads_as.format}")
        readers: dict[tuple[int, ...], Read] = {}

        def reader_of(path: tuple[int, ...]) -> Read:
            readers[path] = self._reader_of(path, reads_as, raw)
            return readers[path]

        if indexes is not None:
            return reader_of(indexes)

        def read(data: bytes, at: int) -> Any:
            path, body = read_indexes(data, at)
            return (readers.get(path) or reader_of(path))(data, body)

        return read

    def _reader_of(self, path: tuple[int, ...], reads_as: ProtobufBody | None, raw: bool) -> Read:
        descriptor = self._message_at(path)
        label = descriptor.full_name
        if reads_as is not None:
            if (theirs := reads_as.find(label)) is None:
                raise Unresolvable(format=PROTOBUF, reason=f"the reader's file has no message {label}")
            descriptor = theirs
        cls = message_class(descriptor)
        convert = None if self._options.as_messages and not raw else converter(descriptor)

        def read(data: bytes, at: int) -> Any:
            message = cls()
            try:
                message.ParseFromString(data[at:] if at else data)
            except DecodeError as error:
                raise Undecodable(schema=label, reason=str(error)) from error
            if not message.IsInitialized():
                missing = ", ".join(_missing(message)[:5])
                raise Undecodable(schema=label, reason=f"required fields are missing: {missing}")
            return message if convert is None else convert(message)

        return read

    def find(self, full_name: str) -> Descriptor | None:
        """A message of this file by its full name."""
        return self._named.get(full_name)

    def name_of(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> str:
        path = indexes if indexes is not None else read_indexes(data, at)[0]
        return self._message_at(path).full_name

    def _message_at(self, path: tuple[int, ...]) -> Descriptor:
        try:
            return message_at(self._file, path)
        except LookupError:
            reason = f"the file has no message at {list(path)}"
            raise Undecodable(schema=self._file.name, reason=reason) from None


def _serialized(message: Message, subject: str) -> bytes:
    try:
        return message.SerializeToString()
    except EncodeError as error:
        found = [
            Violation(pointer(*name.split(".")), "required", "", f"the field '{name}' is missing")
            for name in _missing(message)
        ]
        raise InvalidEvent(found or [Violation("", "encoding", "", str(error)[:200])], subject) from error


def _missing(message: Any) -> list[str]:
    """The required fields that are not set, as `line.sku`; the type stubs do not know this method."""
    return list(message.FindInitializationErrors())


def _message_named(messages: Any) -> dict[str, Descriptor]:
    named = {}
    rest = list(messages)
    while rest:
        message = rest.pop()
        named[message.full_name] = message
        rest += list(message.nested_types)
    return named
