"""Protobuf: proto2, proto3 and editions, as .proto text or base64 FileDescriptorProto, compiled by protoc itself.

A worker process imports `registry.formats.protobuf.compiler` and needs nothing else of this package, so the rest is
loaded when one of its names is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from registry.formats.protobuf.compiler import compile_files, through

if TYPE_CHECKING:
    from registry.formats.protobuf.format import FORMAT, Protobuf
    from registry.formats.protobuf.schema import ProtobufSchema

__all__ = ["FORMAT", "Protobuf", "ProtobufSchema", "compile_files", "through"]

_HOMES = {"FORMAT": "format", "Protobuf": "format", "ProtobufSchema": "schema"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
