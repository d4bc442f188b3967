"""Fields of bytes that hold sealed values of another type, because their options say so. Pure.

    bytes age = 7 [(confluent.field_meta) = {tags: ["PII"], params: [{key: "tenor.sealed", value: "int32"}]}];

Events have an int32 there; bytes travel. The value may be a scalar by its keyword, an enum or a message by its full
name (its file must be imported); in a repeated field or a map of bytes each item is one. The wire schema is written by
hand: nothing that travels can be read as a number that it is not. What is sealed is, as bytes, the message

    message Value { optional int32 value = 1; }
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from tenor.codecs.fields import MARK
from tenor.codecs.protobuf.meta import meta
from tenor.codecs.protobuf.reading import converter

_P: Final = descriptor_pb2.FieldDescriptorProto
SCALARS: Final = {
    name.removeprefix("TYPE_").lower(): number
    for name, number in _P.Type.items()
    if number not in (_P.TYPE_GROUP, _P.TYPE_MESSAGE, _P.TYPE_ENUM, _P.TYPE_BYTES)
}


def marked(field: FieldDescriptor) -> str:
    """The type of the values that a field of bytes holds when they are not sealed; empty for every other field."""
    return meta(field.GetOptions().SerializeToString()).params.get(MARK, "")


def type_name(field: FieldDescriptor) -> str:
    """What `tenor.sealed` would say for a field of this type."""
    named = field.message_type or field.enum_type
    return named.full_name if named is not None else next(name for name in SCALARS if SCALARS[name] == field.type)


def undo(files: Sequence[descriptor_pb2.FileDescriptorProto]) -> bool:
    """Give marked fields the type of their values, in place; whether there were any. Raises ValueError."""
    types: dict[str, int] = {}
    every = [each for file in files for each in _messages(file.message_type, file.package, types)]
    for file in files:
        types |= {_joined(file.package, enum.name): _P.TYPE_ENUM for enum in file.enum_type}
    found = False
    for full_name, message in every:
        entries = {f".{full_name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry}
        for field in message.field:
            wanted = meta(field.options.SerializeToString()).params.get(MARK)
            if wanted is None:
                continue
            entry = entries.get(field.type_name)
            target = field if entry is None else next(each for each in entry.field if each.name == "value")
            if target.type != _P.TYPE_BYTES:
                raise ValueError(f"{full_name}.{field.name} has {MARK}, and is no field of bytes")
            _retype(target, wanted.removeprefix("."), types, f"{full_name}.{field.name}")
            found = True
    return found


def _retype(field: Any, wanted: str, types: dict[str, int], name: str) -> None:
    if (scalar := SCALARS.get(wanted)) is not None:
        field.type = scalar
    elif (named := types.get(wanted)) is not None:
        field.type, field.type_name = named, f".{wanted}"
    else:
        raise ValueError(f"{name} holds sealed values of {wanted}, which is no scalar and no type that is imported")
    field.ClearField("default_value")


def _messages(messages: Any, scope: str, types: dict[str, int]) -> Iterator[tuple[str, Any]]:
    """Every message of a file, with its full name; notes the types that they declare."""
    for message in messages:
        name = _joined(scope, message.name)
        types[name] = _P.TYPE_MESSAGE
        types |= {f"{name}.{enum.name}": _P.TYPE_ENUM for enum in message.enum_type}
        yield name, message
        yield from _messages(message.nested_type, name, types)


def _joined(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


class Value(NamedTuple):
    """How one value is written by itself and read back, and what stands in for one that is erased.

    Reading raises ValueError for anything but one value.
    """

    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]
    zero: Any


def value_of(field: FieldDescriptor) -> Value:
    """The form of a field's single values; `field` has their type."""
    holder = _holder(field)
    cls = message_factory.GetMessageClass(holder)
    plain = converter(holder)

    def write(value: Any) -> bytes:
        made: bytes = cls(value=value).SerializeToString(deterministic=True)
        return made

    def read(data: bytes) -> Any:
        message = cls()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise ValueError("it is no message") from error
        if not message.HasField("value") or len(UnknownFieldSet(message)) or not message.IsInitialized():
            raise ValueError("it is not one value")
        return plain(message)["value"]

    empty: Any = cls()
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return Value(write, read, {})
    empty.value = empty.value  # to be set is what makes it one
    return Value(write, read, plain(empty)["value"])


def _holder(field: Any) -> Any:
    """`message Value { optional T value = 1; }` in the field's own pool."""
    package, pool = f"tenor.sealed.{field.full_name}", field.file.pool
    try:
        return pool.FindMessageTypeByName(f"{package}.Value")
    except KeyError:
        pass
    file = descriptor_pb2.FileDescriptorProto(name=f"tenor.sealed/{field.full_name}", package=package, syntax="proto2")
    one = file.message_type.add(name="Value").field.add(
        name="value", number=1, type=field.type, label=_P.LABEL_OPTIONAL
    )
    named = field.message_type or field.enum_type
    if named is not None:
        one.type_name = f".{named.full_name}"
        file.dependency.append(named.file.name)
    pool.Add(file)
    return pool.FindMessageTypeByName(f"{package}.Value")
