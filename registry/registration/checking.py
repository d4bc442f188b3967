"""Step 8: what stands between a candidate and the versions before it."""

from __future__ import annotations

from collections.abc import Sequence

from registry.evolution.levels import LEVELS, Conflict, Earlier, Level, conflicts
from registry.evolution.reserved import reserved_conflicts
from registry.formats.base import Schema
from registry.objections import Candidate
from registry.registration.case import Case
from registry.registration.filling import inherited
from registry.rules import Metadata
from registry.store.queries.schemas import Version


def checked(case: Case, schema: Schema, level: Level) -> Sequence[Conflict]:
    """The conflicts of a candidate with what its level looks at."""
    if level is LEVELS["NONE"]:
        return ()
    config = case.settings.config
    history = _comparable(case, config.group)
    found = list(conflicts(level, schema, (_earlier(case, version) for version in history), case.settings.policy))
    if config.validate_fields:
        latest = history[0] if history else None
        previous = None if latest is None else latest.content.metadata
        found += reserved_conflicts(schema, case.request.metadata, previous, latest.version if latest else 0)
    return found


def accepted(case: Case, found: Sequence[Conflict]) -> Sequence[Conflict]:
    """The conflicts, of which those that a waiver speaks of are warnings."""
    if case.waiving is None or not any(each.breaks for each in found):
        return found
    return case.waiving.accepted(case.db, case.request.subject, found)


def with_objections(case: Case, schema: Schema, found: Sequence[Conflict]) -> Sequence[Conflict]:
    """The conflicts, and what others object that they do not say already."""
    if case.objector is None:
        return found
    known = {(each.finding.rule, each.finding.path, each.version) for each in found}
    filled = inherited(case)
    candidate = Candidate(schema, filled.metadata, filled.rule_set)
    objections = case.objector.to_registering(case.db, case.request.subject, candidate, case.history)
    return [*found, *(each for each in objections if (each.finding.rule, each.finding.path, each.version) not in known)]


def _comparable(case: Case, group: str | None) -> list[Version]:
    """Only versions with the same value of the group's property; absent equals absent."""
    if group is None:
        return case.history

    def value(metadata: Metadata | None) -> str | None:
        return metadata.properties.get(group) if metadata else None

    mine = value(inherited(case).metadata)
    return [version for version in case.history if value(version.content.metadata) == mine]


def _earlier(case: Case, version: Version) -> Earlier:
    content = version.content
    return Earlier(
        version.version,
        content.format,
        content.text,
        lambda: case.resolver.parsed(content, version.subject.context),
    )
