"""Shared by the Protobuf tests: texts to schemas, in few words."""

from __future__ import annotations

import re

from registry.formats.base import Source
from registry.formats.protobuf import FORMAT, ProtobufSchema


def source(text: str, **references: str | Source) -> Source:
    """A source; references by import path, `a_proto=` for `a.proto`."""
    return Source(
        text,
        tuple(
            (name.replace("_proto", ".proto"), below if isinstance(below, Source) else Source(below))
            for name, below in references.items()
        ),
    )


def schema(text: str, **references: str | Source) -> ProtobufSchema:
    """A parsed schema. A text without a first line of its own gets `syntax = "proto3";`."""
    if re.search("[{;]", text) and not re.match(r"\s*(syntax|edition)\b", text):
        text = f'syntax = "proto3";\n{text}'
    return FORMAT.parse(source(text, **references))
