"""Protobuf files from a registry as message classes, in a pool of their own. No protoc: registries send descriptors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message

from tenor.codecs.protobuf import sealed
from tenor.errors import UnusableSchema
from tenor.schemas import PROTOBUF, Schema

_GOOGLE: Final = "google/protobuf/"


def load(schema: Schema, references: Mapping[str, Schema]) -> FileDescriptor:
    """Build a file and all it imports. Raises UnusableSchema.

    Imports are found among the references, by path; Google's well-known types and Confluent's two files are built in.
    """
    return _built(_files(schema, references))


def load_unsealed(schema: Schema, references: Mapping[str, Schema]) -> FileDescriptor | None:
    """The same with fields of sealed values as what they are when opened; None if there are no such fields."""
    files = _files(schema, references)
    try:
        if not sealed.undo(files):
            return None
    except ValueError as error:
        raise UnusableSchema(format=PROTOBUF, reason=str(error)) from None
    return _built(files)


def _built(files: list[descriptor_pb2.FileDescriptorProto]) -> FileDescriptor:
    pool = descriptor_pool.DescriptorPool()
    try:
        for file in files:
            pool.Add(file)
        return pool.FindFileByName(files[-1].name)
    except (TypeError, KeyError, ValueError) as error:
        raise UnusableSchema(format=PROTOBUF, reason=" ".join(str(error).split())[:200]) from error


def _files(schema: Schema, references: Mapping[str, Schema]) -> list[descriptor_pb2.FileDescriptorProto]:
    """A file after all that it imports."""
    file = _parsed(schema.text)
    files = {name: _parsed(reference.text) for name, reference in references.items()}
    added: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    try:
        for name in file.dependency:
            _add(name, files, added, ())
    except ValueError as error:
        raise UnusableSchema(format=PROTOBUF, reason=" ".join(str(error).split())[:200]) from error
    if not file.name or file.name in added:
        file.name = f"tenor.schema/{file.name}"
    return [*added.values(), file]


def message_class(descriptor: Descriptor) -> type[Message]:
    """The class whose instances are messages of this type."""
    return message_factory.GetMessageClass(descriptor)


def _parsed(text: str) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto()
    try:
        file.ParseFromString(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, DecodeError) as error:
        reason = "the registry sent no descriptor (does it know format=serialized?)"
        raise UnusableSchema(format=PROTOBUF, reason=reason) from error
    return file


def _add(
    name: str,
    files: Mapping[str, descriptor_pb2.FileDescriptorProto],
    added: dict[str, descriptor_pb2.FileDescriptorProto],
    inside: tuple[str, ...],
) -> None:
    """Add an imported file after what it imports itself."""
    if name in added:
        return
    if name in inside:
        raise ValueError(f"{name} imports itself")
    file = descriptor_pb2.FileDescriptorProto()
    file.CopyFrom(files[name] if name in files else _built_in(name))
    for dependency in file.dependency:
        _add(dependency, files, added, (*inside, name))
    file.name = name  # as the import has it, whatever the registry called the file
    added[name] = file


def _built_in(name: str) -> descriptor_pb2.FileDescriptorProto:
    if name in _CONFLUENT:
        return _CONFLUENT[name]
    module = name.removeprefix(_GOOGLE).removesuffix(".proto")
    if not (name.startswith(_GOOGLE) and module.isidentifier()):
        raise ValueError(f"'{name}' is imported, but not among the schema's references")
    try:
        source: Any = import_module(f"google.protobuf.{module}_pb2")
    except ModuleNotFoundError:
        raise ValueError(f"'{name}' is imported, but there is no such well-known file") from None
    file = descriptor_pb2.FileDescriptorProto()
    source.DESCRIPTOR.CopyToProto(file)
    return file


def _decimal() -> descriptor_pb2.FileDescriptorProto:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="confluent/type/decimal.proto", package="confluent.type", syntax="proto3"
    )
    message = file.message_type.add(name="Decimal")
    for number, (name, kind) in enumerate(
        [("value", kinds.TYPE_BYTES), ("precision", kinds.TYPE_UINT32), ("scale", kinds.TYPE_INT32)], 1
    ):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    return file


# Options may use meta.proto; as options stay unknown fields here, an empty file of that name will do.
_CONFLUENT: Final = {
    "confluent/type/decimal.proto": _decimal(),
    "confluent/meta.proto": descriptor_pb2.FileDescriptorProto(
        name="confluent/meta.proto", package="confluent", syntax="proto3"
    ),
}


# --- messages of a file ----------------------------------------------------------------------------------------


def message_at(file: FileDescriptor, path: tuple[int, ...]) -> Descriptor:
    """The message at a path of positions. Raises LookupError."""
    messages = list(file.message_types_by_name.values())
    found: Descriptor | None = None
    for position in path:
        found = messages[position]
        messages = list(found.nested_types)
    if found is None:
        raise LookupError("an empty path names no message")
    return found


def path_to(file: FileDescriptor, full_name: str) -> tuple[int, ...]:
    """The path to a message, by full name or by the name within the package. Raises UnusableSchema."""
    wanted = full_name or next((message.full_name for message in file.message_types_by_name.values()), "")
    top = file.message_types_by_name.values()
    rest: list[tuple[tuple[int, ...], Descriptor]] = [((index,), message) for index, message in enumerate(top)]
    names = []
    while rest:
        path, message = rest.pop(0)
        if wanted in (message.full_name, message.full_name.removeprefix(f"{file.package}.")):
            return path
        names.append(message.full_name)
        rest += [((*path, index), nested) for index, nested in enumerate(message.nested_types)]
    reason = f"it has no message '{wanted}', only {', '.join(names[:10])}" if names else "it has no message"
    raise UnusableSchema(format=PROTOBUF, reason=reason)
