"""Schemas in local files, with those they refer to, as the engine takes them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenor.cli.engine import Declined, ask
from tenor.cli.running import UsageError
from tenor.cli.schema_file import format_of, read_text
from tenor.schemas import FORMATS

MOST_REFERENCES: Final = 200


class Unreadable(UsageError):
    """A schema that does not parse; `place` is where."""

    def __init__(self, sentence: str, place: Mapping[str, Any]) -> None:
        self.place = place
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class LocalSchema:
    """A schema file. `references` maps the names that texts use to files."""

    file: str
    data: Mapping[str, Any]
    references: Mapping[str, str]


def add_type(parser: argparse.ArgumentParser) -> None:
    """The option that says what a file is, where its name does not."""
    choices = [*FORMATS, *map(str.lower, FORMATS)]
    parser.add_argument("--type", choices=choices, metavar="|".join(FORMATS), help="if the name does not tell")


def add_reference(parser: argparse.ArgumentParser, option: str = "--reference", more: str = "") -> None:
    """The option that names a file which a schema refers to."""
    told = f"a schema that is referred to; may be repeated, and each may refer to those before it{more}"
    parser.add_argument(option, action="append", default=[], metavar="NAME=FILE", help=told)


def read_local(file: str, format: str | None, references: Sequence[str]) -> LocalSchema:
    """Read a schema and its references. Raises UsageError."""
    known = format_of(file, format)  # before reading: standard input can be read only once
    named = dict(map(_reference, references))
    if len(named) < len(references):
        raise UsageError("--reference: each name can be given once")
    if len(named) > MOST_REFERENCES:
        raise UsageError(f"--reference: at most {MOST_REFERENCES} of them")
    text = read_text(file)
    # A chain: each sees the one before it and, through that, all the others before.
    below: list[Any] = []
    for name, path in named.items():
        below = [[name, {"text": read_text(path), "references": below}]]
    return LocalSchema(file, {"format": known, "text": text, "references": below}, named)


def overridden(references: Sequence[str], others: Sequence[str]) -> list[str]:
    """References of which some are replaced by others of the same name; new ones come last. Raises UsageError."""
    return [
        f"{name}={file}" for name, file in (dict(map(_reference, references)) | dict(map(_reference, others))).items()
    ]


def ask_about(schemas: Mapping[str, LocalSchema], seconds: float, **question: Any) -> Any:
    """The engine's answer about schemas under the names that the question has for them.

    Raises Unreadable for one that does not parse, and what `engine.ask` raises.
    """
    try:
        return ask({**question, **{name: schema.data for name, schema in schemas.items()}}, seconds)
    except Declined as declined:
        raise _unreadable(schemas, declined) from None


def place(file: str, line: Any, column: Any) -> str:
    """`file:line:column`, as far as it is known."""
    return ":".join([file, *(str(number) for number in (line, column) if number is not None)])


def unreadable(schema: LocalSchema, error: Mapping[str, Any]) -> Unreadable:
    """The engine's error about a schema as one about the file that is meant, with its place."""
    file = schema.references.get(str(error.get("reference")), schema.file)
    at = {"kind": error["kind"], "file": file, "line": error.get("line"), "column": error.get("column")}
    return Unreadable(f"{place(file, at['line'], at['column'])}: {error.get('message')}", at)


def _unreadable(schemas: Mapping[str, LocalSchema], declined: Declined) -> UsageError:
    schema = schemas.get(str(declined.error.get("schema")))
    return declined if schema is None else unreadable(schema, declined.error)


def _reference(text: str) -> tuple[str, str]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise UsageError(f"--reference: '{text}' is not NAME=FILE")
    return name, file
