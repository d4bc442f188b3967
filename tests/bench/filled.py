"""Databases with many versions, made by the store's own statements."""

from __future__ import annotations

import json
from collections.abc import Iterator

from registry.content import Content
from registry.store.engine import Db, Store
from registry.store.queries import schemas, subjects

VERSIONS_A_SUBJECT = 10


def text(number: int) -> str:
    """An Avro record of about 800 bytes, different for each number, in canonical form."""
    fields = [{"name": f"field_{n}", "type": "string", "doc": "what it is, in a few words"} for n in range(9)]
    schema = {"type": "record", "name": f"R{number}", "fields": [*fields, {"name": "last", "type": "long"}]}
    return json.dumps(schema, separators=(",", ":"))


def subject(number: int) -> str:
    """The subject that holds schema `number`."""
    return f"subject-{number // VERSIONS_A_SUBJECT}-value"


def fill(store: Store, first: int, last: int) -> None:
    """Schemas `first` to `last` (exclusive), ten versions a subject; schema `n` gets id `n + 1`."""
    for start in range(first, last, 5000):
        store.write_now(lambda db, start=start: _fill(db, start, min(last, start + 5000)))  # type: ignore[misc] # a lambda with a default


def _fill(db: Db, first: int, last: int) -> None:
    context = subjects.open_context(db, ".")
    for number in range(first, last):
        content = Content("AVRO", text(number))
        id = subjects.next_id(db, context)
        schema = schemas.insert_schema(db, context, id, content, (), 0, twin=False)
        row = subjects.open_subject(db, context, subject(number))
        version = number % VERSIONS_A_SUBJECT + 1
        subjects.insert_version(db, row, version, schema, None, 0)
        subjects.advance(db, row, version)


def numbers(count: int, size: int, seed: int = 1) -> Iterator[int]:
    """Random schema numbers below `size`, the same ones every time."""
    import random

    rng = random.Random(seed)  # a load, not a secret
    return (rng.randrange(size) for _ in range(count))
