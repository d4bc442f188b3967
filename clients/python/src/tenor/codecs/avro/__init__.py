"""Avro events: validated exactly, written and read by fastavro."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from tenor.codecs import Body, Options, Read, Write
from tenor.codecs.avro.check import MAX_DEPTH, checker, violations
from tenor.codecs.avro.guard import Hostile, inspect
from tenor.codecs.avro.model import Model, kind, parse
from tenor.codecs.avro.resolve import aligned, completer, native
from tenor.codecs.shown import nests_deeper, shown
from tenor.errors import InvalidEvent, Undecodable, UnusableSchema, Violation
from tenor.schemas import AVRO, Schema

_NOT_PLAIN = (KeyError, TypeError, AttributeError, ValueError, RecursionError)


def compile(schema: Schema, references: Mapping[str, Schema], options: Options) -> Body:
    """Compile an Avro schema. Raises UnusableSchema."""
    return AvroBody(parse(schema, references), options)


class AvroBody:
    """A compiled Avro schema."""

    format = AVRO
    indexes = None

    def __init__(self, model: Model, options: Options) -> None:
        self.model = model
        self.record = model.record
        self._options = options

    def writer(self, head: bytes) -> Write:
        model, root, subject = self.model, self.model.root, self._options.subject
        recursive, check = model.recursive, checker(model)
        fill = _filler(model) if self._options.fill_defaults else None

        def write(event: Any) -> bytes:
            if recursive and nests_deeper(event, MAX_DEPTH):
                raise InvalidEvent([Violation("", "depth", "…", "the event is nested too deeply")], subject)
            if fill is not None:
                event = fill(event)
            try:
                plain = check is None or check(event)
            except _NOT_PLAIN:
                plain = False
            if not plain and (found := violations(model, event)):
                raise InvalidEvent(found, subject)
            buffer = BytesIO()
            buffer.write(head)
            try:
                schemaless_writer(buffer, root, event, strict=True)
            except Exception as error:  # fastavro raises whatever its code meets
                found = violations(model, event) or [Violation("", "encoding", shown(event), str(error)[:200])]
                raise InvalidEvent(found, subject) from error
            return buffer.getvalue()

        return write

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None) -> Read:
        model, writer, label = self.model, self.model.root, self.record
        target, complete = None, None
        guarded = model.recursive or model.zero_width
        if isinstance(reads_as, AvroBody) and reads_as.model.root != writer:
            writer, target = aligned(model, reads_as.model), reads_as.model.root
            complete = completer(reads_as.model)
        elif reads_as is not None and not isinstance(reads_as, AvroBody):
            raise UnusableSchema(format=AVRO, reason=f"it cannot be read as {reads_as.format}")

        def read(data: bytes, at: int) -> Any:
            buffer = BytesIO(data)
            buffer.seek(at)
            try:
                if guarded:
                    inspect(model, data, at)
                event = schemaless_reader(buffer, writer, target)
            except Hostile as error:
                raise Undecodable(schema=label, reason=str(error)) from None
            except Exception as error:  # fastavro raises whatever its code meets
                raise Undecodable(schema=label, reason=_said(error)) from error
            if buffer.tell() != len(data):
                raise Undecodable(schema=label, reason=f"{len(data) - buffer.tell()} bytes follow it")
            if complete is not None:
                complete(event)
            return event

        return read

    def name_of(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> str:
        return self.record


def _said(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, IndexError):  # of the bytes, or of the symbols or branches
        early = "string" in str(error)
        return "it ends too early" if early else "it holds an index that the schema does not have"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 160 else text[:160] + "…"


# --- defaults on write -----------------------------------------------------------------------------------------


def _filler(model: Model) -> Callable[[Any], Any]:
    """A function that returns the event with the defaults of fields it leaves out; never changes what it is given."""

    def filled(node: Any, value: Any) -> Any:
        node = model.resolved(node)
        match kind(node):
            case "record" | "error" if isinstance(value, Mapping):
                out = dict(value)
                for field in node["fields"]:
                    name = field["name"]
                    if name in value:
                        out[name] = filled(field["type"], value[name])
                    elif "default" in field:
                        out[name] = native(model, field["type"], field["default"])
                return out
            case "array" if isinstance(value, list | tuple):
                return [filled(node["items"], item) for item in value]
            case "map" if isinstance(value, Mapping):
                return {key: filled(node["values"], item) for key, item in value.items()}
            case "union" if isinstance(value, Mapping | list) and len(node) == 2 and "null" in node:
                return filled(next(branch for branch in node if branch != "null"), value)
        return value

    return lambda event: filled(model.root, event)
