"""The formats an event can be written in. Each turns a schema into closures, once; nothing here does I/O.

A format is imported when its first schema comes: fastavro, jsonschema-rs and protobuf are extras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from tenor.codecs.fields import Node
from tenor.errors import MissingExtra, UnusableSchema, Violation
from tenor.schemas import Schema

Write = Callable[[Any], bytes]
"""Event → framed bytes. Raises InvalidEvent."""
Read = Callable[[bytes, int], Any]
"""Bytes and where the body begins → event. Raises Undecodable."""


@dataclass(frozen=True, slots=True)
class Options:
    """How strictly and into what events are coded.

    `fill_defaults`  Avro: write the default of a field that the event leaves out, instead of refusing the event
    `check_formats`  JSON Schema: whether `format` is asserted; None leaves it to the draft
    `check_reads`    JSON Schema: validate what is read, too
    `message`        Protobuf: full name of the message of the file; the first if not given
    `as_messages`    Protobuf: read into message objects instead of dicts
    `subject`        for the sentences of errors
    """

    fill_defaults: bool = False
    check_formats: bool | None = None
    check_reads: bool = True
    message: str = ""
    as_messages: bool = False
    subject: str = "its schema"


DEFAULTS: Final = Options()


class Body(Protocol):
    """A compiled schema."""

    @property
    def format(self) -> str: ...

    @property
    def record(self) -> str:
        """Full name of the event's type; empty if the schema has none."""
        ...

    @property
    def indexes(self) -> tuple[int, ...] | None:
        """Where the message stands in its Protobuf file; None in other formats."""
        ...

    def writer(self, head: bytes) -> Write:
        """A function that validates an event and writes it behind `head`."""
        ...

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None, *, raw: bool = False) -> Read:
        """A function that reads an event written with this schema, as `reads_as` sees it if given.

        `indexes` come from a guid header; None means that they stand in front of the body, if the format has any.
        `raw`: as a dict, and not validated yet, because values may be sealed. Raises Unresolvable if the two
        schemas do not fit.
        """
        ...

    def name_of(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> str:
        """Full name of the message type these bytes hold."""
        ...


class Plain(Body, Protocol):
    """A compiled schema without its rules. Rules need its tree, and to stand between checking and writing."""

    def tree(self, indexes: tuple[int, ...] | None = None, relaxed: frozenset[str] = frozenset()) -> Node:
        """The schema as rules see it. `relaxed` are full names of slots whose own constraints do not hold."""
        ...

    def as_dict(self, event: Any) -> Any:
        """A message object as the dict of its fields; anything else as it is. Raises InvalidEvent."""
        ...

    @property
    def checked(self) -> Callable[[Any], Any]:
        """A function to the event as a dict with its defaults, if it is valid. Raises InvalidEvent."""
        ...

    def violations(self, event: Any) -> list[Violation]:
        """Everything that is wrong with an event, at most a hundred of it."""
        ...

    def stray_tags(self) -> frozenset[str]:
        """Inline tags that stand on something else than a field, where no client looks for them."""
        ...

    def serializer(self, head: bytes, indexes: tuple[int, ...] | None = None) -> Write:
        """A function that writes an event that was checked, and perhaps sealed, before."""
        ...

    def judge(self, event: Any) -> None:
        """Validate what was read raw and opened, if reads are validated. Raises InvalidEvent."""
        ...

    def located(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> tuple[tuple[int, ...] | None, int]:
        """Which message of a file these bytes hold (None outside Protobuf), and where its body begins."""
        ...


_HOMES: Final = {
    "AVRO": ("tenor.codecs.avro", "fastavro", "avro"),
    "JSON": ("tenor.codecs.json_schema", "jsonschema-rs", "json"),
    "PROTOBUF": ("tenor.codecs.protobuf", "protobuf", "protobuf"),
}


def compile(schema: Schema, references: Mapping[str, Schema], options: Options) -> Plain:
    """Compile a schema. `references` has every schema it needs, by the name the text uses, innermost first.

    Raises UnusableSchema, and MissingExtra if the format's package is not installed.
    """
    try:
        home, package, extra = _HOMES[schema.format]
    except KeyError:
        raise UnusableSchema(format=schema.format, reason=f"the formats are {', '.join(_HOMES)}") from None
    try:
        module = import_module(home)
    except ModuleNotFoundError as error:
        purpose = f"a schema of type {schema.format}"
        raise MissingExtra(purpose=purpose, package=package, extra=extra) from error
    try:
        body: Plain = module.compile(schema, references, options)
    except RecursionError:
        raise UnusableSchema(format=schema.format, reason="it is nested too deeply") from None
    return body
