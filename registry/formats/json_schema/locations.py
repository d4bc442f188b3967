"""Where things stand in the source text."""

from __future__ import annotations

from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.text import line_and_column, spans, steps


def locate(schema: JsonSchema, pointer: str) -> tuple[int, int] | None:
    """Line and column, from 1, of what a JSON pointer leads to: a member where its name starts, an item itself.

    None for a pointer that leads nowhere.
    """
    starts: dict[tuple[str, ...], int] | None = schema.graph.memo.get("starts")
    if starts is None:
        # A repeated member counts with its last value, and the last one is the one kept here.
        starts = schema.graph.memo["starts"] = {path: named for path, _, _, named in spans(schema.source.text)}
    start = starts.get(steps(pointer))
    return None if start is None else line_and_column(schema.source.text, start)
