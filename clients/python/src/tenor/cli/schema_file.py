"""A schema from a file, or from standard input as `-`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tenor.cli.running import UsageError
from tenor.schemas import AVRO, FORMATS, JSON, PROTOBUF, Reference, Schema

SUFFIXES: Final = {".avsc": AVRO, ".proto": PROTOBUF, ".json": JSON}


def read_schema(path: str, format: str | None, references: list[str]) -> Schema:
    """Read a schema; its format is given or follows from the file's name. Raises UsageError."""
    known = format_of(path, format)  # before reading: standard input can be read only once
    return Schema(read_text(path), known, tuple(map(_reference, references)))


def read_text(path: str) -> str:
    """The text of a file, or of standard input. Raises UsageError."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: byte 0x{raw[error.start]:02x} at {error.start}") from error


def format_of(path: str, given: str | None) -> str:
    """The format that is given, or that the name of a file tells. Raises UsageError."""
    if given is not None:
        return given.upper()
    if (known := SUFFIXES.get(Path(path).suffix.lower())) is not None:
        return known
    suffixes = ", ".join(SUFFIXES)
    formats = "|".join(FORMATS)
    raise UsageError(f"{path}: the name does not tell the type of the schema ({suffixes}); give --type {formats}")


def _reference(text: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError as error:
        raise UsageError(f"--reference: {error}") from error
