"""Where in the text of a schema a JSON pointer points to."""

from __future__ import annotations

from functools import lru_cache

from registry.formats.avro.places import Index
from registry.formats.avro.schema import AvroSchema

_index = lru_cache(8)(Index)


def locate(schema: AvroSchema, pointer: str) -> tuple[int, int] | None:
    """Line and column, both from 1, in `schema.source.text`; None if nothing stands there."""
    return _index(schema.source.text).position(pointer)
