"""What is derived from a schema's content, compared with the content: its names, references and search terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from registry.content import Content
from registry.doctor.complaints import UNREADABLE, Complaint
from registry.references import Resolver
from registry.registration import terms_of
from registry.store.engine import Db
from registry.store.queries import schemas
from registry.store.queries.schemas import Stored

_AT_ONCE: Final = 500
_REFERENCES: Final = "SELECT schema_pk, name, subject_pk, version FROM reference"
_TERMS: Final = "SELECT schema_pk, kind, name FROM term"

Rows = list[tuple[Any, ...]]


def contents(db: Db, *, parsing: bool) -> Iterator[Complaint]:
    """Fingerprints, guids and reference rows that are not those of the content; with `parsing` search terms too."""
    after = 0
    while rows := schemas.rows_after(db, after, _AT_ONCE):
        last = rows[-1][0]
        references = _grouped(db, _REFERENCES, after, last)
        terms = _grouped(db, _TERMS, after, last) if parsing else {}
        for row in rows:
            try:
                stored, fingerprint = schemas.read_row(row)
            except UNREADABLE:
                yield Complaint(f"schema {row[2]} has a row that cannot be read", f"schema:{row[2]}")
                continue
            yield from _identity(stored, fingerprint)
            yield from _references(db, stored, references.get(stored.schema_pk, []))
            if parsing:
                yield from _terms(db, stored, terms.get(stored.schema_pk, []))
        after = last


def _grouped(db: Db, question: str, after: int, last: int) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    where = "WHERE schema_pk > :after AND schema_pk <= :last ORDER BY schema_pk, position"
    for pk, *row in db.all(f"{question} {where}", after=after, last=last):
        found.setdefault(pk, []).append(tuple(row))
    return found


def _identity(stored: Stored, fingerprint: bytes) -> Iterator[Complaint]:
    resource = f"schema:{stored.id}"
    if stored.content.fingerprint != fingerprint:
        yield Complaint(f"schema {stored.id} does not have the fingerprint of its content", resource)
    if stored.content.guid != stored.guid:
        yield Complaint(f"schema {stored.id} does not have the guid of its content", resource)


def _targets(db: Db, content: Content, context: str) -> Rows:
    """The reference rows that a content should have; the subject is None where it is not there."""
    return [
        (reference.name, pk, reference.version) for reference, pk in Resolver(db).targets(content.references, context)
    ]


def _references(db: Db, stored: Stored, rows: Rows) -> Iterator[Complaint]:
    content, resource = stored.content, f"schema:{stored.id}"
    if not content.references and not rows:
        return
    wanted = _targets(db, content, stored.context)
    for reference, (_, pk, number) in zip(content.references, wanted, strict=True):
        there = pk is not None and db.one(
            "SELECT 1 FROM version WHERE subject_pk = :pk AND version = :number", pk=pk, number=number
        )
        if not there:
            sentence = f"refers to version {number} of subject {reference.subject}, which is not there"
            yield Complaint(f"schema {stored.id} {sentence}", resource)
    if rows != wanted:
        sentence = f"schema {stored.id} has {len(wanted)} references, but other rows for them"
        mendable = all(pk is not None for _, pk, _ in wanted)
        yield Complaint(sentence, resource, partial(_refer, stored.schema_pk) if mendable else None)


def _refer(schema_pk: int, db: Db) -> bool:
    stored = schemas.by_pk(db, schema_pk)
    if stored is None:
        return False
    targets = Resolver(db).targets(stored.content.references, stored.context)
    if any(pk is None for _, pk in targets):
        return False
    db.run("DELETE FROM reference WHERE schema_pk = :pk", pk=schema_pk)
    for position, (reference, pk) in enumerate(targets):
        assert pk is not None
        schemas.insert_reference(db, schema_pk, position, reference, pk)
    return True


def _parsed_terms(db: Db, stored: Stored) -> Sequence[tuple[str, str]]:
    return terms_of(Resolver(db).parsed(stored.content, stored.context))


def _terms(db: Db, stored: Stored, rows: Rows) -> Iterator[Complaint]:
    resource = f"schema:{stored.id}"
    try:
        wanted = _parsed_terms(db, stored)
    except UNREADABLE as error:
        # Not the error's text: it may quote the schema.
        yield Complaint(f"schema {stored.id} cannot be read ({type(error).__name__})", resource)
        return
    if rows != list(wanted):
        sentence = f"schema {stored.id} is found by {len(rows)} terms that are not its {len(wanted)}"
        yield Complaint(sentence, resource, partial(_index, stored.schema_pk))


def _index(schema_pk: int, db: Db) -> bool:
    stored = schemas.by_pk(db, schema_pk)
    if stored is None:
        return False
    db.run("DELETE FROM term WHERE schema_pk = :pk", pk=schema_pk)
    schemas.insert_terms(db, schema_pk, _parsed_terms(db, stored))
    return True
