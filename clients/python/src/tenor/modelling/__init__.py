"""Typed models of a schema's events: pydantic, dataclasses, TypedDict or msgspec. Nothing here does I/O.

What a schema says becomes a document (`avro`, `json_schema`, `protobuf`), that becomes a module (`generator`). A model
takes every event that keeps the schema, as the codec reads it, and what it holds is written by the codec as it was:

    codec.encode(Order.model_validate(event).model_dump(by_alias=True, exclude_unset=True))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tenor.errors import MissingExtra, UnusableSchema
from tenor.modelling import generator
from tenor.modelling.document import Document
from tenor.rules.logical import logical
from tenor.schemas import AVRO, JSON, Schema

__all__ = ["Models", "generate"]


@dataclass(frozen=True, slots=True)
class Models:
    """A module; `name` is the class of the event. `remarks` say where types take more, or less, than the schema."""

    text: str
    name: str
    remarks: tuple[str, ...]


def generate(
    schema: Schema,
    references: Mapping[str, Schema],
    kind: str = generator.PYDANTIC,
    *,
    name: str = "Event",
    message: str = "",
    header: Iterable[str] = (),
) -> Models:
    """The module of a schema and all that it refers to, by the names its text uses; Protobuf as its descriptor.

    `name` is the class of an event whose schema gives it none, `message` one of a Protobuf file. Of sealed values the
    types are those of what was sealed. Raises UnusableSchema, MissingExtra, generator.Unsuited.
    """
    try:
        made = _document(logical(schema), references, name, message, kind)
        return Models(generator.module(made, kind, header), made.name, tuple(made.remarks))
    except RecursionError:
        raise UnusableSchema(format=schema.format, reason="it is nested too deeply") from None


def _document(schema: Schema, references: Mapping[str, Schema], name: str, message: str, kind: str) -> Document:
    try:
        if schema.format == AVRO:
            from tenor.modelling import avro

            return avro.document(schema, references, name)
        if schema.format == JSON:
            from tenor.modelling import json_schema

            # Of the others what is dumped has every default, which would write what the event did not say.
            return json_schema.document(schema, references, name, defaults=kind == generator.PYDANTIC)
        from tenor.modelling import protobuf

        return protobuf.document(schema, references, message)
    except ModuleNotFoundError as error:
        purpose = f"generating models of a schema of type {schema.format}"
        raise MissingExtra(purpose=purpose, package=str(error.name), extra="models") from error
