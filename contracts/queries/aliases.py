"""What names of subjects mean: a contract may name a subject by an alias, which may be made or changed after that.

Contracts are kept under the name that they give, and names are resolved when something is asked: then a new alias needs
no contract to be written anew, and a question still costs what is deployed, once for each name of its subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from registry.errors import RegistryError
from registry.names import Subject
from registry.policy import config_from_json
from registry.store.engine import Db
from registry.store.queries import settings


def meanings(db: Db) -> dict[str, str]:
    """The subject that each alias means."""
    found: dict[str, str] = {}
    for scope, body in settings.aliases(db):
        try:
            named, target = Subject.parse(scope), config_from_json(msgspec.json.decode(body)).alias
            if target:
                found[scope] = str(Subject.parse(target, named.context))
        except RegistryError:
            continue  # was let in by an older release, and names nothing
    return found


def among(db: Db, subjects: Iterable[str], known: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Every name of some subjects, with those of them that it means: its own, and the target if it is an alias.

    `known` are the `meanings`, where they were asked for before.
    """
    found = {subject: [subject] for subject in subjects}
    for alias, subject in (meanings(db) if known is None else known).items():
        if subject in found and alias != subject:
            found.setdefault(alias, []).append(subject)
    return found
