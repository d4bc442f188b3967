"""Databases with many versions, made by the store's own statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

from registry.content import Content
from registry.store.engine import Store
from registry.store.queries import subjects

VERSIONS_A_SUBJECT = 10


def text(number: int) -> str:
    """An Avro record of about 800 bytes, different for each number, in canonical form."""
    fields = [{"name": f"field_{n}", "type": "string", "doc": "what it is, in a few words"} for n in range(9)]
    schema = {"type": "record", "name": f"R{number}", "fields": [*fields, {"name": "last", "type": "long"}]}
    return json.dumps(schema, separators=(",", ":"))


def subject(number: int) -> str:
    """The subject that holds schema `number`."""
    return f"subject-{number // VERSIONS_A_SUBJECT}-value"


_TABLES = {
    "subject": "pk, context_pk, name, revision, live, latest_version, max_version",
    "schema_": "pk, context_pk, id, fingerprint, twin, guid, format, text, created_at",
    "version": "subject_pk, version, schema_pk, created_at",
}
_CHUNK = 20_000


def fill(store: Store, first: int, last: int) -> None:
    """Schemas `first` to `last` (exclusive, whole subjects), ten versions a subject; schema `n` gets id `n + 1`."""
    assert first % VERSIONS_A_SUBJECT == last % VERSIONS_A_SUBJECT == 0
    for start in range(first, last, _CHUNK):
        store.write_now(partial(_fill, first=start, last=min(last, start + _CHUNK)))
    store.write_now(partial(_finish, last=last))


def _rows(context: int, first: int, last: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(table, row) in bulk: what the store's own statements would leave behind, search terms apart."""
    for number in range(first, last, VERSIONS_A_SUBJECT):
        most = VERSIONS_A_SUBJECT
        yield "subject", (number // most + 1, context, subject(number), number + 1, most, most, most)
    for number in range(first, last):
        content = Content("AVRO", text(number))
        row = (number + 1, context, number + 1, content.fingerprint, 0, content.guid, "AVRO", content.text, 0)
        yield "schema_", row
    for number in range(first, last):
        yield "version", (number // VERSIONS_A_SUBJECT + 1, number % VERSIONS_A_SUBJECT + 1, number + 1, 0)


def _fill(db: Any, first: int, last: int) -> None:
    context = subjects.open_context(db, ".")
    for table, rows in groupby(_rows(context, first, last), key=lambda row: row[0]):
        columns = _TABLES[table]
        if db.dialect == "postgresql":
            with db.connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for _, row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(columns.split(", ")))
            insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
            db.connection.executemany(insert, (row for _, row in rows))
    db.wrote = True


def _finish(db: Any, last: int) -> None:
    """The next ids, and what the planner knows."""
    db.run("UPDATE context SET last_id = :last", last=last)
    if db.dialect == "postgresql":
        for table in ("subject", "schema_"):
            db.one(f"SELECT setval('{table}_pk_seq', (SELECT max(pk) FROM {table}))")
        for table in _TABLES:
            db.connection.execute(f"ANALYZE {table}")


def numbers(count: int, size: int, seed: int = 1) -> Iterator[int]:
    """Random schema numbers below `size`, the same ones every time."""
    import random

    rng = random.Random(seed)  # a load, not a secret
    return (rng.randrange(size) for _ in range(count))
