"""Compatibility levels: a level is a direction and how much history it looks at. Pure.

reader = who reads, writer = who wrote
BACKWARD  new code reads old events      reader = candidate, writer = an earlier version
FORWARD   old code reads new events      reader = an earlier version, writer = candidate
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from registry.errors import InvalidLevel
from registry.formats.base import Finding, Policy, Schema, Severity


@dataclass(frozen=True, slots=True)
class Level:
    """One row of the table."""

    name: str
    backward: bool
    forward: bool
    transitive: bool


LEVELS = {
    level.name: level
    for level in (
        Level("NONE", backward=False, forward=False, transitive=False),
        Level("BACKWARD", backward=True, forward=False, transitive=False),
        Level("BACKWARD_TRANSITIVE", backward=True, forward=False, transitive=True),
        Level("FORWARD", backward=False, forward=True, transitive=False),
        Level("FORWARD_TRANSITIVE", backward=False, forward=True, transitive=True),
        Level("FULL", backward=True, forward=True, transitive=False),
        Level("FULL_TRANSITIVE", backward=True, forward=True, transitive=True),
    )
}
DEFAULT_LEVEL = "BACKWARD"
TYPE_CHANGED = "SCHEMA_TYPE_CHANGED"


def level(text: str) -> Level:
    """The level of a name in any case. Raises InvalidLevel."""
    try:
        return LEVELS[text.upper()]
    except KeyError:
        raise InvalidLevel(text) from None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version to compare with. `schema` is called only when the comparison needs it."""

    version: int
    format: str
    text: str
    schema: Callable[[], Schema]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A finding against one earlier version. `forward` says that old code would read the new events wrongly."""

    finding: Finding
    version: int
    forward: bool

    @property
    def breaks(self) -> bool:
        """Whether it decides the verdict (a warning does not)."""
        return self.finding.severity is Severity.ERROR


def conflicts(
    level: Level, candidate: Schema, history: Iterable[Earlier], policy: Policy = Policy.STRICT
) -> Sequence[Conflict]:
    """Every finding of a candidate against the versions its level looks at. `history` is newest first.

    A candidate of another format conflicts with every version at every level but NONE.
    """
    found: list[Conflict] = []
    if not (level.backward or level.forward):
        return found
    for earlier in history:
        found.extend(_against(level, candidate, earlier, policy))
        if not level.transitive:
            break
    return found


def _against(level: Level, candidate: Schema, earlier: Earlier, policy: Policy) -> Iterable[Conflict]:
    if earlier.format != candidate.format:
        finding = Finding(
            TYPE_CHANGED,
            "/",
            f"The {{new}} schema is of type {candidate.format}, the {{old}} one of type {earlier.format}",
            reader_value=candidate.format,
            writer_value=earlier.format,
        )
        yield Conflict(finding, earlier.version, forward=False)
        return
    old = earlier.schema()
    if level.backward:
        for finding in candidate.findings(old, policy):
            yield Conflict(finding, earlier.version, forward=False)
    if level.forward:
        for finding in old.findings(candidate, policy):
            yield Conflict(finding, earlier.version, forward=True)
