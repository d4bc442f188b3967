"""Protobuf events: dicts or message objects, written and read by the protobuf library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, EncodeError, Message

from tenor.codecs import Body, Options, Read, Write
from tenor.codecs.protobuf.check import MAX_DEPTH, checker, is_recursive, violations
from tenor.codecs.protobuf.descriptors import load, message_at, message_class, path_to
from tenor.codecs.protobuf.reading import converter
from tenor.codecs.shown import nests_deeper, pointer, shown
from tenor.errors import InvalidEvent, Undecodable, Unresolvable, UnusableSchema, Violation
from tenor.schemas import PROTOBUF, Schema
from tenor.wire import read_indexes

_TOO_DEEP = Violation("", "depth", "…", f"messages are nested deeper than {MAX_DEPTH} levels")


def compile(schema: Schema, references: Mapping[str, Schema], options: Options) -> Body:
    """Compile a Protobuf file, given as base64 of its descriptor. Raises UnusableSchema."""
    return ProtobufBody(schema, references, options)


class ProtobufBody:
    """A compiled Protobuf file and the message of it that is written."""

    format = PROTOBUF

    def __init__(self, schema: Schema, references: Mapping[str, Schema], options: Options) -> None:
        self._options = options
        self._file = load(schema, references)
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

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None) -> Read:
        if reads_as is not None and not isinstance(reads_as, ProtobufBody):
            raise UnusableSchema(format=PROTOBUF, reason=f"it cannot be read as {reads_as.format}")
        readers: dict[tuple[int, ...], Read] = {}

        def reader_of(path: tuple[int, ...]) -> Read:
            readers[path] = self._reader_of(path, reads_as)
            return readers[path]

        if indexes is not None:
            return reader_of(indexes)

        def read(data: bytes, at: int) -> Any:
            path, body = read_indexes(data, at)
            return (readers.get(path) or reader_of(path))(data, body)

        return read

    def _reader_of(self, path: tuple[int, ...], reads_as: ProtobufBody | None) -> Read:
        descriptor = self._message_at(path)
        label = descriptor.full_name
        if reads_as is not None:
            if (theirs := reads_as.find(label)) is None:
                raise Unresolvable(format=PROTOBUF, reason=f"the reader's file has no message {label}")
            descriptor = theirs
        cls = message_class(descriptor)
        convert = None if self._options.as_messages else converter(descriptor)

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
