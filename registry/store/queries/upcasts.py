"""Plans along the edges of a subject's version graph."""

from __future__ import annotations

from dataclasses import dataclass

from registry.names import Subject
from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class Stored:
    """An edge as it is stored. `attestation` and `plan` are JSON texts."""

    old: int
    new: int | None
    old_key: str
    new_key: str
    plan: str
    plan_hash: str
    attestation: str
    proven: bool
    created_at: int


_EDGES = """SELECT u.from_version, u.to_version, u.old_key, u.new_key, u.plan, u.plan_hash, u.attestation, u.proven,
u.created_at FROM upcast u JOIN subject s ON s.pk = u.subject_pk JOIN context c ON c.pk = s.context_pk
WHERE c.name = :context AND s.name = :name"""


def edges(db: Db, subject: Subject) -> list[Stored]:
    """Every edge of a subject, oldest version first; of two between the same schemas there is one."""
    rows = db.all(f"{_EDGES} ORDER BY u.from_version, u.created_at", context=subject.context, name=subject.name)
    return [_stored(row) for row in rows]


def _stored(row: tuple[object, ...]) -> Stored:
    old, new, old_key, new_key, plan, plan_hash, attestation, proven, created_at = row
    return Stored(
        int(str(old)),
        None if new is None else int(str(new)),
        str(old_key),
        str(new_key),
        str(plan),
        str(plan_hash),
        str(attestation),
        bool(proven),
        int(str(created_at)),
    )


def put(db: Db, subject_pk: int, edge: Stored) -> None:
    """Store an edge, in the place of the one between the same schemas."""
    db.run(
        """INSERT INTO upcast (subject_pk, from_version, to_version, old_key, new_key, plan, plan_hash, attestation,
        proven, created_at) VALUES (:subject, :old, :new, :old_key, :new_key, :plan, :plan_hash, :attestation, :proven,
        :created_at) ON CONFLICT (subject_pk, from_version, new_key) DO UPDATE SET to_version = EXCLUDED.to_version,
        old_key = EXCLUDED.old_key, plan = EXCLUDED.plan, plan_hash = EXCLUDED.plan_hash,
        attestation = EXCLUDED.attestation, proven = EXCLUDED.proven, created_at = EXCLUDED.created_at""",
        subject=subject_pk,
        old=edge.old,
        new=edge.new,
        old_key=edge.old_key,
        new_key=edge.new_key,
        plan=edge.plan,
        plan_hash=edge.plan_hash,
        attestation=edge.attestation,
        proven=int(edge.proven),
        created_at=edge.created_at,
    )


def remove(db: Db, subject_pk: int, old: int, new: int) -> int:
    """Forget the plans of an edge; how many there were."""
    return db.run(
        "DELETE FROM upcast WHERE subject_pk = :subject AND from_version = :old AND to_version = :new",
        subject=subject_pk,
        old=old,
        new=new,
    )
