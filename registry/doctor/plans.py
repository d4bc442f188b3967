"""Plans of upcasters, compared with what was proven of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from registry.doctor.complaints import UNREADABLE, Complaint
from registry.errors import InvalidUpcast
from registry.evolution.upcasts import schema_key
from registry.names import Subject
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import schemas, upcasts
from registry.upcasters import intact

_SUBJECTS: Final = """SELECT DISTINCT c.name, s.name, s.pk FROM upcast u JOIN subject s ON s.pk = u.subject_pk
JOIN context c ON c.pk = s.context_pk ORDER BY c.name, s.name"""


def plans(db: Db, *, parsing: bool) -> Iterator[Complaint]:
    """Plans that somebody changed, or that are called proven and are not; with `parsing` those of other schemas too."""
    for context, name, subject_pk in db.all(_SUBJECTS):
        subject = Subject(context, name)
        resource = f"subject:{subject}"
        for edge in upcasts.edges(db, subject):
            where = f"subject {subject}"
            try:
                intact(edge)
                proven = bool(json.loads(edge.attestation)["proven"])
            except UNREADABLE as error:
                reason = str(error) if isinstance(error, InvalidUpcast) else "cannot be read"
                told = reason if reason.startswith("the plan") else f"the plan from version {edge.old} {reason}"
                yield Complaint(f"{where}: {told}", resource)
                continue
            if proven != edge.proven:
                words = (
                    "is called proven, and its proof does not say so" if edge.proven else "is proven, and not so called"
                )
                mend = partial(_call, subject_pk, edge.old, edge.new_key, proven)
                yield Complaint(f"{where}: the plan from version {edge.old} {words}", resource, mend)
            if parsing and _misplaced(db, subject, edge):
                yield Complaint(f"{where}: the plan from version {edge.old} was proven for other schemas", resource)


def _call(subject_pk: int, old: int, new_key: str, proven: bool, db: Db) -> bool:
    changed = db.run(
        """UPDATE upcast SET proven = :proven
        WHERE subject_pk = :subject AND from_version = :old AND new_key = :key AND proven <> :proven""",
        proven=int(proven),
        subject=subject_pk,
        old=old,
        key=new_key,
    )
    return changed > 0


def _misplaced(db: Db, subject: Subject, edge: upcasts.Stored) -> bool:
    """Whether a version that an edge begins or ends at holds another schema than was proven."""
    for number, key in ((edge.old, edge.old_key), (edge.new, edge.new_key)):
        with suppress(*UNREADABLE):  # a schema that cannot be read is told of as such
            version = None if number is None else schemas.version(db, subject, number, deleted=True)
            if version is not None and schema_key(Resolver(db).parsed(version.content, subject.context)) != key:
                return True
    return False
