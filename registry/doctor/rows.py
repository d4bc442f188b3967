"""Invariants that one statement can look for, by table: what is kept beside rows, and what rows say of each other.

A question's first column is the key of the row to mend, the second the resource it is about, the rest what its sentence
says. A mend holds for one row and changes it only while it is wrong: a server may have moved it since.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from registry.doctor.complaints import Complaint, Mend
from registry.store.engine import Db
from registry.store.tables import Row

_SUBJECT: Final = "'subject:' || CASE WHEN c.name = '.' THEN '' ELSE ':' || c.name || ':' END || s.name"
_LIVE: Final = "(SELECT count(*) FROM version v WHERE v.subject_pk = {0}.pk AND v.deleted_at IS NULL)"
_LATEST: Final = "(SELECT max(version) FROM version v WHERE v.subject_pk = {0}.pk AND v.deleted_at IS NULL)"
_HIGHEST: Final = "(SELECT max(version) FROM version v WHERE v.subject_pk = {0}.pk)"
_LAST_ID: Final = "(SELECT max(x.id) FROM schema_ x WHERE x.context_pk = {0}.pk)"
_PERSONS: Final = """(SELECT max(version) FROM (SELECT version FROM person p WHERE p.kek_pk = {0}.pk
    UNION ALL SELECT version FROM tombstone t WHERE t.kek = {0}.name) handed)"""
_IN_CELL: Final = "(SELECT count(*) FROM person p WHERE p.cell_pk = {0}.pk)"


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant: how it is broken, what is wrong then, and what puts it right."""

    sentence: str
    question: str
    mend: str | None = None


def _kept(sentence: str, table: str, alias: str, what: str, column: str, right: str, wrong: str, *, moved: str) -> Rule:
    """A number kept beside the rows that it is counted from. `wrong` compares it with what it should be."""
    here, there = right.format(alias), right.format(table)
    return Rule(
        sentence,
        f"SELECT {alias}.pk, {what}, {alias}.{column}, {here} FROM {table} {alias} "  # noqa: S608 # constants
        + ("JOIN context c ON c.pk = s.context_pk " if table == "subject" else "")
        + f"WHERE {wrong.format(f'{alias}.{column}', here)}",
        f"UPDATE {table} SET {column} = {there}{moved} "  # noqa: S608 # constants
        f"WHERE pk = :pk AND {wrong.format(f'{table}.{column}', there)}",
    )


_DIFFERS: Final = "COALESCE({0}, 0) <> COALESCE({1}, 0)"
_BELOW: Final = "{0} < COALESCE({1}, 0)"
# What was decided by the wrong number is decided again.
_MOVED: Final = ", revision = revision + 1"

RULES: Final = (
    _kept(
        "{1} says {2} live versions, but has {3}", "subject", "s", _SUBJECT, "live", _LIVE, _DIFFERS, moved=_MOVED
    ),
    _kept(
        "{1} says its latest version is {2}, but it is {3}",
        "subject", "s", _SUBJECT, "latest_version", _LATEST, _DIFFERS, moved=_MOVED,
    ),
    _kept(
        "{1} has version {3} above its highest number {2}",
        "subject", "s", _SUBJECT, "max_version", _HIGHEST, _BELOW, moved=_MOVED,
    ),
    _kept(
        "{1} handed out ids up to {2}, but holds id {3}",
        "context", "c", "'context:' || c.name", "last_id", _LAST_ID, _BELOW, moved="",
    ),
    Rule(
        "{1} has the key of person {2}, who was erased",
        """SELECT k.pk, 'kek:' || k.name, p.version FROM person p JOIN kek k ON k.pk = p.kek_pk
        JOIN tombstone t ON t.kek = k.name AND t.version = p.version""",
    ),
    _kept(
        "{1} handed out numbers of persons up to {2}, but has {3}",
        "kek", "k", "'kek:' || k.name", "last_person", _PERSONS, _BELOW, moved="",
    ),
    _kept(
        "{1} says that {2} persons were ever put in, but {3} are",
        "key_cell", "y", "'cell:' || y.pk", "persons", _IN_CELL, _BELOW, moved="",
    ),
    Rule(
        "{1} has no version at all",
        f"""SELECT s.pk, {_SUBJECT} FROM subject s JOIN context c ON c.pk = s.context_pk
        WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.subject_pk = s.pk)""",  # noqa: S608 # constants
    ),
    Rule(
        "schema {2} of context {3} is used by no version",
        """SELECT x.pk, 'schema:' || x.id, x.id, c.name FROM schema_ x JOIN context c ON c.pk = x.context_pk
        WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.schema_pk = x.pk)""",
    ),
    Rule(
        "version {2} of {1} uses a schema of another context",
        f"""SELECT s.pk, {_SUBJECT}, v.version FROM subject s JOIN context c ON c.pk = s.context_pk
        JOIN version v ON v.subject_pk = s.pk JOIN schema_ x ON x.pk = v.schema_pk
        WHERE x.context_pk <> s.context_pk""",  # noqa: S608 # constants
    ),
    Rule(
        "{1} has person {2} in a cell of another KEK",
        """SELECT k.pk, 'kek:' || k.name, p.version FROM person p JOIN kek k ON k.pk = p.kek_pk
        JOIN key_cell y ON y.pk = p.cell_pk WHERE y.kek_pk <> p.kek_pk""",
    ),
    Rule(
        "{1} version {2} ({3}) was leased for {4} uses, more than random nonces allow: rotate it",
        "SELECT d.pk, 'dek:' || d.subject, d.version, d.algorithm, d.leased FROM dek d WHERE d.leased > 4294967296",
    ),
    Rule(
        "{1} has a plan from version {2} to {3}, and one of them is not there",
        f"""SELECT u.pk, {_SUBJECT}, u.from_version, COALESCE(u.to_version, 0) FROM upcast u
        JOIN subject s ON s.pk = u.subject_pk JOIN context c ON c.pk = s.context_pk
        WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.subject_pk = u.subject_pk AND v.version = u.from_version)
        OR (u.to_version IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM version v WHERE v.subject_pk = u.subject_pk AND v.version = u.to_version))""",  # noqa: S608 # constants
        # It is served to nobody, and would be wrong for another schema that an import gives the number to.
        """DELETE FROM upcast WHERE pk = :pk AND (
        NOT EXISTS (SELECT 1 FROM version v WHERE v.subject_pk = upcast.subject_pk AND v.version = upcast.from_version)
        OR (to_version IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM version v WHERE v.subject_pk = upcast.subject_pk AND v.version = upcast.to_version)))""",
    ),
    Rule(
        "{1} has token {2}, whose hash is that of no token",
        """SELECT t.pk, 'identity:' || i.name, t.id FROM token t JOIN identity i ON i.pk = t.identity_pk
        WHERE length(t.hash) <> 32""",
    ),
    Rule(
        "{1} has a password that was not hashed with argon2",
        "SELECT i.pk, 'identity:' || i.name FROM identity i WHERE i.password NOT LIKE '$argon2id$%'",
    ),
    Rule(
        "the checkpoint at event {2} is not of this chain of events",
        """SELECT p.pk, 'audit', p.sequence FROM checkpoint p LEFT JOIN event e ON e.sequence = p.sequence
        WHERE e.hash IS NULL OR e.hash <> p.hash""",
    ),
)  # fmt: skip


def broken_rows(db: Db) -> Iterator[Complaint]:
    """What the rules find."""
    for rule in RULES:
        for row in db.all(rule.question):
            resource = str(row[1])
            told = (row[0], resource.replace(":", " ", 1).replace("kek ", "KEK ", 1), *row[2:])
            yield Complaint(
                rule.sentence.format(*told), resource, None if rule.mend is None else _mend(rule.mend, row[0])
            )


def _mend(statement: str, pk: int) -> Mend:
    return lambda db: db.run(statement, pk=pk) > 0


def orphans(db: Db) -> Iterator[Complaint]:
    """Rows that point to nothing, whatever the table: the database forbids them, unless somebody told it not to."""
    for table in Row.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda each: each.parent.name):
            child, parent = key.parent.name, key.column
            row = db.one(
                f"""SELECT count(*) FROM {table.name} a WHERE a.{child} IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM {parent.table.name} b WHERE b.{parent.name} = a.{child})"""  # noqa: S608 # names of tables
            )
            if row is not None and row[0]:
                sentence = f"{row[0]} row(s) of {table.name} point to nothing in {parent.table.name} ({child})"
                yield Complaint(sentence, f"table:{table.name}")
