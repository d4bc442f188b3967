"""Avro events: validated exactly, written and read by fastavro."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from tenor.codecs import Body, Options, Plain, Read, Write
from tenor.codecs.avro.check import MAX_DEPTH, Check, checker, violations
from tenor.codecs.avro.fields import tree
from tenor.codecs.avro.fill import Fill, filler
from tenor.codecs.avro.guard import Hostile, inspect
from tenor.codecs.avro.model import Model, parse
from tenor.codecs.avro.resolve import aligned, completer
from tenor.codecs.fields import Node, tags_in
from tenor.codecs.shown import nests_deeper, shown
from tenor.errors import InvalidEvent, Undecodable, UnusableSchema, Violation
from tenor.schemas import AVRO, Schema

_TOO_DEEP = Violation("", "depth", "…", f"the event is nested deeper than {MAX_DEPTH} levels")


def compile(schema: Schema, references: Mapping[str, Schema], options: Options) -> Plain:
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
        model, root = self.model, self.model.root
        fill = filler(model) if self._options.fill_defaults else None
        check = checker(model, keys=fill is not None)
        guarded = model.recursive

        def write(event: Any) -> bytes:
            try:
                if (check is None or check(event)) and not (guarded and nests_deeper(event, MAX_DEPTH)):
                    buffer = BytesIO()
                    schemaless_writer(buffer, root, event, strict=True)
                    return head + buffer.getvalue()
            except Exception:  # noqa: S110 # fastavro raises whatever its code meets; what is wrong is found out below
                pass
            return self._slowly(head, event, check, fill)

        return write

    def as_dict(self, event: Any) -> Any:
        return event

    @cached_property
    def checked(self) -> Callable[[Any], Any]:
        """A function to the event with its defaults, if it is valid; what fastavro refuses by itself is left to it.

        Raises InvalidEvent.
        """
        model, subject = self.model, self._options.subject
        fill = filler(model) if self._options.fill_defaults else None
        check = checker(model, keys=fill is not None)

        def checked(event: Any) -> Any:
            if model.recursive and nests_deeper(event, MAX_DEPTH):
                raise InvalidEvent([_TOO_DEEP], subject)
            try:
                if check is None or check(event):
                    return event
            except (KeyError, TypeError, AttributeError, RecursionError):
                pass
            if fill is not None:
                event = fill(event)
            if found := violations(model, event):
                raise InvalidEvent(found, subject)
            return event

        return checked

    def violations(self, event: Any) -> list[Violation]:
        """Everything that is wrong with an event, at most a hundred of it."""
        return violations(self.model, event)

    def stray_tags(self) -> frozenset[str]:
        """Inline tags that stand on a type instead of a field."""
        found = (tags for place, tags in tags_in(self.model.root) if not place.rpartition("/")[0].endswith("/fields"))
        return frozenset().union(*found)

    def serializer(self, head: bytes, indexes: tuple[int, ...] | None = None) -> Write:
        """A function that writes an event that was checked, and perhaps sealed, before."""
        root, subject = self.model.root, self._options.subject

        def write(event: Any) -> bytes:
            buffer = BytesIO()
            try:
                schemaless_writer(buffer, root, event, strict=True)
            except Exception as error:
                # What was checked can only be refused for what is cheaper to leave to fastavro: text that is none.
                found = violations(self.model, event) or [Violation("", "encoding", "", type(error).__name__)]
                raise InvalidEvent(found, subject) from error
            return head + buffer.getvalue()

        return write

    def judge(self, event: Any) -> None:
        """Avro's reader validates what it reads."""

    def tree(self, indexes: tuple[int, ...] | None = None, relaxed: frozenset[str] = frozenset()) -> Node:
        """The schema as rules see it."""
        return tree(self.model)

    def _slowly(self, head: bytes, event: Any, check: Check | None, fill: Fill | None) -> bytes:
        """Write an event of unusual types, or with defaults to fill in, if it is valid. Raises InvalidEvent."""
        if self.model.recursive and nests_deeper(event, MAX_DEPTH):
            raise InvalidEvent([_TOO_DEEP], self._options.subject)
        if fill is not None:
            event = fill(event)
        if not (fill is not None and _passes(check, event)) and (found := violations(self.model, event)):
            raise InvalidEvent(found, self._options.subject)
        buffer = BytesIO()
        try:
            schemaless_writer(buffer, self.model.root, event, strict=True)
        except Exception as error:
            found = violations(self.model, event) or [Violation("", "encoding", shown(event), str(error)[:200])]
            raise InvalidEvent(found, self._options.subject) from error
        return head + buffer.getvalue()

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None, *, raw: bool = False) -> Read:
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

    def located(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> tuple[None, int]:
        return None, at


def _passes(check: Check | None, event: Any) -> bool:
    try:
        return check is None or check(event)
    except (KeyError, TypeError, AttributeError, RecursionError):
        return False


def _said(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, IndexError):  # of the bytes, or of the symbols or branches
        early = "string" in str(error)
        return "it ends too early" if early else "it holds an index that the schema does not have"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 160 else text[:160] + "…"
