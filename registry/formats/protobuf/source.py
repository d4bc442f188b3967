"""What is given to the compiler: the texts of a source and all it refers to, counted before they are compiled.

Clients send a schema as .proto text, or as a base64 FileDescriptorProto, as their generated code carries it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError

from registry.errors import InvalidSchema
from registry.formats.base import Source

NAME = "PROTOBUF"

MAX_TEXT = 8_000_000
"""Characters of a schema with all its references."""
MAX_DECLARATIONS = 15_000
"""Fields, enum values, options and other statements of a schema with all its references: about a second of work."""
MAX_DEPTH = 64
"""Nested braces: protoc takes 32 nested messages, and breaks its stack somewhere past 100 nested option values."""

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*\Z")
_COUNTED = re.compile(r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[;{}<>\[\]]""", re.S)


def is_descriptor(text: str) -> bool:
    """Whether a text is base64 (no .proto text is: each has quotes or braces)."""
    return _BASE64.match(text) is not None


def descriptor(text: str) -> FileDescriptorProto:
    """The descriptor behind a base64 text. Raises InvalidSchema."""
    try:
        found = FileDescriptorProto.FromString(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, DecodeError, ValueError):
        raise InvalidSchema(NAME, "neither .proto text nor a base64 FileDescriptorProto") from None
    if not found.ListFields():
        raise InvalidSchema(NAME, "an empty FileDescriptorProto")
    return found


def texts(source: Source, printed: Callable[[Source], str]) -> dict[str, str]:
    """The references of a source, at any depth, as import path → text; the nearest one wins. Cycles end.

    `printed` gives the text of a reference that is a base64 descriptor.
    """
    found: dict[str, str] = {}
    waiting = deque([source])
    while waiting:
        for path, below in waiting.popleft().references:
            if path not in found:
                found[path] = printed(below) if is_descriptor(below.text) else below.text
                waiting.append(below)
    return found


def main_path(files: dict[str, str]) -> str:
    """The import path of the schema itself: `default`, as in Confluent's registry, unless a reference has that name."""
    path = "default"
    while path in files:
        path += "_"
    return path


def count(texts: list[str]) -> None:
    """Refuse what would take too long or break the compiler's stack, before it is tried. Raises InvalidSchema."""
    if sum(map(len, texts)) > MAX_TEXT:
        raise InvalidSchema(NAME, f"more than {MAX_TEXT} characters")
    if any(not text.isascii() and not _encodes(text) for text in texts):
        raise InvalidSchema(NAME, "a lone surrogate is no character")
    declarations = 0
    for text in texts:
        depth = 0
        for found in _COUNTED.finditer(text):
            sign = found[0]
            if sign in ";{":
                declarations += 1
                if declarations > MAX_DECLARATIONS:
                    raise InvalidSchema(NAME, f"more than {MAX_DECLARATIONS} declarations", line=_line(text, found))
            if sign in "{<[":
                depth += 1
                if depth > MAX_DEPTH:
                    raise InvalidSchema(NAME, f"nested deeper than {MAX_DEPTH} levels", line=_line(text, found))
            elif sign in "}>]":
                depth = max(depth - 1, 0)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1
