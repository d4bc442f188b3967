"""Messages read with descriptors that came along with them, as in pacts of the Protobuf plug-in."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

MAX_FILES = 500


class Unreadable(Exception):
    """Why there is no message."""


def read(descriptors: bytes, name: str, data: bytes) -> Any:
    """A message as JSON data, with the field names of its file. `descriptors` is a FileDescriptorSet.

    `name` is a full name, or the message's own. Raises Unreadable.
    """
    try:
        files = list(FileDescriptorSet.FromString(descriptors).file)
        pool = DescriptorPool()
        for file in _ordered(files):
            pool.AddSerializedFile(file.SerializeToString())
        kind = pool.FindMessageTypeByName(_full(files, name.lstrip(".")))
        message = GetMessageClass(kind).FromString(data)
        return MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=pool)
    except (DecodeError, TypeError, KeyError, ValueError, RecursionError) as problem:
        raise Unreadable(str(problem) or type(problem).__name__) from None


def _ordered(files: list[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Each file behind those that it imports."""
    if len(files) > MAX_FILES:
        raise ValueError(f"more than {MAX_FILES} files")
    waiting = {file.name: file for file in files}
    done: list[FileDescriptorProto] = []

    def add(name: str) -> None:
        file = waiting.pop(name, None)
        if file is not None:
            for each in file.dependency:
                add(each)
            done.append(file)

    for file in files:
        add(file.name)
    return done


def _full(files: list[FileDescriptorProto], name: str) -> str:
    """The full name of a top-level message, given with or without its package."""
    for file in reversed(files):
        for message in file.message_type:
            full = f"{file.package}.{message.name}" if file.package else message.name
            if name in (full, message.name):
                return full
    return name
