"""Does every event that a schema admits satisfy a need? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contracts.needs import Need


class Outcome(StrEnum):
    """GUARANTEED: all events do. CONDITIONAL: some do, some do not, or it cannot be told. IMPOSSIBLE: none does."""

    GUARANTEED = "guaranteed"
    CONDITIONAL = "conditional"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Covered:
    """The answer for one need.

    `situation`  what may happen at the path when it is not guaranteed: absent, null, other (an enum arm that is not
                 handled), type, range, pattern, length, matcher: the key that `Need.when` is asked with
    `witness`    an event of the schema that does not satisfy the need, as JSON data; None when none was found
    """

    need: Need
    outcome: Outcome
    situation: str = ""
    reason: str = ""
    witness: Any = None
