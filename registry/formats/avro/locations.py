"""Where in the text of a schema a JSON pointer points to."""

from __future__ import annotations

from registry.formats.avro.places import position
from registry.formats.avro.schema import AvroSchema


def locate(schema: AvroSchema, pointer: str) -> tuple[int, int] | None:
    """Line and column, both from 1, in `schema.source.text`; None if nothing stands there."""
    return position(schema.source.text, pointer)
