"""A private descriptor pool of one schema: the real decoder, and the extensions that its options use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

_DESCRIPTOR = "google/protobuf/descriptor.proto"


class Pool:
    """Message classes of one schema and its imports."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        """Raises TypeError for a file that is no valid one."""
        self.pool = DescriptorPool()
        self._has_options = False
        for file in files:
            bare = file
            if file.HasField("source_code_info"):
                bare = FileDescriptorProto()
                bare.CopyFrom(file)
                bare.ClearField("source_code_info")
            self.pool.AddSerializedFile(bare.SerializeToString())
            self._has_options |= file.name == _DESCRIPTOR

    def message_class(self, name: str) -> Any:
        """The class of a message by its full name. Raises KeyError."""
        return GetMessageClass(self.pool.FindMessageTypeByName(name))

    def decode(self, options: Message) -> Message:
        """Options with the extensions that this schema's imports define."""
        if not self._has_options:
            return options
        try:
            made: Message = self.message_class(options.DESCRIPTOR.full_name).FromString(options.SerializeToString())
        except (KeyError, DecodeError):
            return options
        return made
