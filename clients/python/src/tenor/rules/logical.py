"""The schema that events are of, read back out of the one in which they travel. Pure.

`tenor.sealing.wire` makes the second of the first: a sealed leaf that is no text is `bytes` there (in JSON: text), and
its mark says what it was.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tenor.schemas import Schema

MARK: Final = "tenor.sealed"
"""On a leaf of a wire schema: `{"logical": …}`, what it holds when it is not sealed."""
MARKED: Final = "tenor.marked"
"""On a leaf of a logical schema: its wire form is another."""


def logical(schema: Schema) -> Schema:
    """The schema that events are of: the marks of a wire schema, undone."""
    if MARK not in schema.text:
        return schema
    text = json.dumps(_undone(json.loads(schema.text)), ensure_ascii=False)
    return Schema(text, schema.format, schema.references, schema.metadata, schema.rule_set)


def _undone(node: Any) -> Any:
    if isinstance(node, list):
        return [_undone(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(mark := node.get(MARK), dict) and "logical" in mark:
        inner = mark["logical"]
        inner = inner if isinstance(inner, dict) else {"type": inner}
        return {**inner, **{key: value for key, value in node.items() if key not in ("type", MARK)}, MARKED: True}
    return {key: _undone(value) for key, value in node.items()}
