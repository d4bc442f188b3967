"""What must always hold in the store, whatever happened: checked row by row, said in sentences, mended where safe.

Safe is what can be had again from what it is kept beside: counters of subjects, contexts, KEKs and cells, rows of
references and search terms, whether a plan is called proven; and a plan between versions that are gone serves nobody.
Contents, keys, identities and the chain of events are told of and left alone: they are what everything else comes from.
"""

from __future__ import annotations

from functools import partial

from registry.doctor.chain import chain
from registry.doctor.complaints import Complaint
from registry.doctor.contents import contents
from registry.doctor.identities import identities
from registry.doctor.plans import plans
from registry.doctor.rows import broken_rows, orphans
from registry.events import Actor, record
from registry.store.engine import Db, Store

__all__ = ["Complaint", "check", "examine", "repair"]

_DOCTOR = Actor("tenor-server doctor")


def check(db: Db, *, parsing: bool = True) -> list[Complaint]:
    """Everything that is wrong with the store. Without `parsing` no schema is parsed, which is most of the time."""
    return [
        *broken_rows(db),
        *orphans(db),
        *contents(db, parsing=parsing),
        *plans(db, parsing=parsing),
        *identities(db),
        *chain(db),
    ]


def examine(db: Db) -> list[str]:
    """Every complaint that can be had without parsing schemas; none is what a healthy store answers."""
    return [complaint.sentence for complaint in check(db, parsing=False)]


def repair(store: Store) -> list[str]:
    """Mend what is safe to mend, each in a transaction of its own that also records it; what was mended.

    What is left, `check` says. Raises Busy when another process has an SQLite file open: its answers are remembered
    there until it writes itself.
    """
    store.require_alone()
    return [each.sentence for each in store.read_now(check) if store.write_now(partial(_mended, each))]


def _mended(complaint: Complaint, db: Db) -> bool:
    if complaint.mend is None or not complaint.mend(db):
        return False
    record(db, _DOCTOR, "repair", complaint.resource, complaint=complaint.sentence)
    return True
