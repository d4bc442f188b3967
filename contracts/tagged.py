"""Use case: what `tag:prod` means: what is in use in an environment of that name, else of what carries the tag.

The versions of a subject that are in use are those that the versions of applications there say they write (`produces`)
or were generated from (`reads`, or a contract that names its version). A tag is an application's newest version that
carries it, as everywhere in the contract broker.
"""

from __future__ import annotations

from contracts import readers
from contracts.errors import UnknownTag
from contracts.queries import aliases, environments, needs, produces
from contracts.queries import tagged as queries
from registry.names import Subject
from registry.objections import InUse
from registry.store.engine import Db


def in_use(db: Db, tag: str, subject: Subject) -> InUse:
    """What is in use of a subject where a tag is. Raises UnknownTag."""
    if environments.environment_named(db, tag) is not None:
        there = queries.in_environment(db, tag)
    elif not (there := queries.carrying(db, tag)):
        raise UnknownTag(tag, [each.name for each in environments.environments(db)], queries.tags(db))
    name = str(subject)
    written = produces.of_versions(db, there)
    found = {number for listed in written.values() for of, number, _ in listed if of == name}
    kept = needs.of_versions(db, aliases.among(db, [name]), there)
    found |= {each.version for listed in readers.contracts(db, kept).values() for each in listed if each.version}
    return InUse(frozenset(found), frozenset(there.values()))
