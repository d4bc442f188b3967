"""What must always hold in the store, whatever happened: checked row by row, said in sentences."""

from __future__ import annotations

import msgspec

from registry.content import Content
from registry.events import GENESIS, chained
from registry.store.engine import Db
from registry.store.queries.schemas import _content

_QUESTIONS = {
    "subject {0} says {1} live versions, but has {2}": """
        SELECT s.name, s.live, (SELECT count(*) FROM version v WHERE v.subject_pk = s.pk AND v.deleted_at IS NULL)
        FROM subject s
        WHERE s.live <> (SELECT count(*) FROM version v WHERE v.subject_pk = s.pk AND v.deleted_at IS NULL)""",
    "subject {0} says its latest version is {1}, but it is {2}": """
        SELECT s.name, s.latest_version,
               (SELECT max(version) FROM version v WHERE v.subject_pk = s.pk AND v.deleted_at IS NULL)
        FROM subject s
        WHERE COALESCE(s.latest_version, 0) <> COALESCE(
              (SELECT max(version) FROM version v WHERE v.subject_pk = s.pk AND v.deleted_at IS NULL), 0)""",
    "subject {0} has version {1} above its highest number {2}": """
        SELECT s.name, v.version, s.max_version FROM subject s JOIN version v ON v.subject_pk = s.pk
        WHERE v.version > s.max_version""",
    "subject {0} has no version at all": """
        SELECT s.name FROM subject s WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.subject_pk = s.pk)""",
    "schema {0} of context {1} is used by no version": """
        SELECT x.id, c.name FROM schema_ x JOIN context c ON c.pk = x.context_pk
        WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.schema_pk = x.pk)""",
    "version {1} of subject {0} uses a schema of another context": """
        SELECT s.name, v.version FROM subject s JOIN version v ON v.subject_pk = s.pk
        JOIN schema_ x ON x.pk = v.schema_pk WHERE x.context_pk <> s.context_pk""",
    "context {0} handed out ids up to {1}, but holds id {2}": """
        SELECT c.name, c.last_id, max(x.id) FROM context c JOIN schema_ x ON x.context_pk = c.pk
        GROUP BY c.name, c.last_id HAVING max(x.id) > c.last_id""",
    "schema {0} refers to version {2} of subject {1}, which is not there": """
        SELECT x.id, s.name, r.version FROM reference r JOIN schema_ x ON x.pk = r.schema_pk
        JOIN subject s ON s.pk = r.subject_pk
        WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.subject_pk = r.subject_pk AND v.version = r.version)""",
    "KEK {0} has the key of person {1}, who was erased": """
        SELECT k.name, p.version FROM person p JOIN kek k ON k.pk = p.kek_pk
        JOIN tombstone t ON t.kek = k.name AND t.version = p.version""",
    "KEK {0} handed out numbers of persons up to {1}, but has {2}": """
        SELECT k.name, k.last_person, max(p.version) FROM kek k JOIN person p ON p.kek_pk = k.pk
        GROUP BY k.name, k.last_person HAVING max(p.version) > k.last_person""",
}


def examine(db: Db) -> list[str]:
    """Every complaint about the store; none is what a healthy one answers."""
    complaints = [sentence.format(*row) for sentence, question in _QUESTIONS.items() for row in db.all(question)]
    return [*complaints, *_contents(db), *_chain(db)]


def _contents(db: Db) -> list[str]:
    """Fingerprints and guids that are not those of the content, and reference rows that are not its references."""
    complaints = []
    after = 0
    while rows := db.all(
        """SELECT pk, id, fingerprint, guid, format, text, refs, metadata, rule_set FROM schema_
        WHERE pk > :after ORDER BY pk LIMIT 1000""",
        after=after,
    ):
        for pk, id, fingerprint, guid, *parts in rows:
            content: Content = _content(*parts)
            if content.fingerprint != bytes(fingerprint):
                complaints.append(f"schema {id} does not have the fingerprint of its content")
            if content.guid != guid:
                complaints.append(f"schema {id} does not have the guid of its content")
            row = db.one("SELECT count(*) FROM reference WHERE schema_pk = :pk", pk=pk)
            if row is None or row[0] != len(content.references):
                complaints.append(f"schema {id} has {len(content.references)} references, but other rows for them")
        after = rows[-1][0]
    return complaints


def _chain(db: Db) -> list[str]:
    """Events that are not what was sealed."""
    expected, previous, after = 1, GENESIS, 0
    while rows := db.all(
        """SELECT sequence, at, actor, action, resource, body, hash, origin FROM event
        WHERE sequence > :after ORDER BY sequence LIMIT 1000""",
        after=after,
    ):
        for sequence, at, actor, action, resource, body, digest, origin in rows:
            if sequence != expected:
                return [f"the event log continues at {sequence}, where {expected} was to come"]
            if chained(previous, sequence, at, actor, action, resource, body, origin) != bytes(digest):
                return [f"event {sequence} is not what was sealed"]
            try:
                msgspec.json.decode(body)
            except msgspec.DecodeError:
                return [f"event {sequence} has no readable body"]
            expected, previous = sequence + 1, bytes(digest)
        after = rows[-1][0]
    return []
