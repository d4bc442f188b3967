"""The schema that events are of, read back out of the one in which they travel. Pure.

`tenor.sealing.wire` makes the second of the first: a sealed leaf that is no text is `bytes` there (in JSON: text), and
its mark says what it was.
"""

from __future__ import annotations

import json
from typing import Any

from tenor.codecs.fields import MARK, MARKED
from tenor.schemas import Schema


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
