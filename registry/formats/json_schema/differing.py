"""What judging a pair of nodes results in, and the kinds of it that are only warnings.

The kinds in WARNINGS are ours: they mark what the reference does not look at.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from registry.formats.json_schema.dialects import KEYWORDS
from registry.formats.json_schema.model import Node
from registry.formats.json_schema.text import Json

WARNINGS: Mapping[str, str] = {
    "UNDECLARED_REQUIRED_ADDED": "the {new} schema requires '{name}', which no properties declare, and the {old} one "
    "does not",
    "PATTERN_PROPERTIES_CHANGED": "the {new} schema restricts properties by name in another way than the {old} one",
    "PROPERTY_NAMES_CHANGED": "the {new} schema restricts the names of properties in another way than the {old} one",
    "CONTAINS_CHANGED": "the {new} schema asks arrays to contain something else than the {old} one",
    "CONDITIONAL_CHANGED": "if, then or else of the {new} schema are others than those of the {old} one",
    "ONE_OF_MAY_OVERLAP": "the branches of the oneOf of the {new} schema may overlap, and then it refuses what both "
    "accept",
    "EXCLUSIVE_BOUND_SWITCHED_ON": "the {new} schema excludes the bound itself and the {old} one does not",
    "EXCLUSIVE_MAXIMUM_DECREASED_BELOW_MAXIMUM": "the exclusiveMaximum of the {new} schema is smaller than that of the "
    "{old} one",
    "CONNECT_BYTES_TYPE_CHANGED": "the {new} and {old} schema are of different types, hidden by connect.type",
    "UNEVALUATED_CHANGED": "what the {new} schema leaves unevaluated is not what the {old} one leaves unevaluated",
    "DRAFT_4_INTEGER": "the {new} schema is draft-04, where 1.0 is no integer, and the {old} one is not",
}
"""Changes that the reference accepts though an event may exist that breaks; shown, never decisive."""

ADVICE: Mapping[str, str] = {
    "UNDECLARED_REQUIRED_ADDED": "A name that properties does not declare is required now. The reference looks at "
    "declared properties only; validators look at all.",
    "PATTERN_PROPERTIES_CHANGED": "patternProperties was added, changed or removed. The reference never compares it.",
    "PROPERTY_NAMES_CHANGED": "propertyNames was added or changed. The reference never compares it.",
    "CONTAINS_CHANGED": "contains was added or changed. Up to draft-07 the reference never compares it.",
    "CONDITIONAL_CHANGED": "if, then or else was changed. The reference does not look inside.",
    "ONE_OF_MAY_OVERLAP": "oneOf refuses values that two branches accept. A branch was added or widened, and may now "
    "accept what another one does.",
    "EXCLUSIVE_BOUND_SWITCHED_ON": "A draft-04 boolean exclusiveMinimum or exclusiveMaximum became true: the bound "
    "itself is refused now. The reference reads numbers only.",
    "EXCLUSIVE_MAXIMUM_DECREASED_BELOW_MAXIMUM": "exclusiveMaximum was lowered beside a maximum that is not lower than "
    "the old one. The reference compares the wrong two numbers here.",
    "CONNECT_BYTES_TYPE_CHANGED": "Both schemas say connect.type: bytes, which hides a change of type.",
    "UNEVALUATED_CHANGED": "unevaluatedProperties or unevaluatedItems beside other combinations than allOf: what it "
    "covers depends on the event.",
    "DRAFT_4_INTEGER": "In draft-04 a number written with a fraction of zero, such as 1.0, is no integer.",
}


@dataclass(frozen=True, slots=True)
class Own:
    """A difference of a pair itself: its kind, where its path goes on, and the steps to the keyword behind it."""

    kind: str
    tail: str = ""
    at: tuple[str, ...] = ()
    new_at: tuple[str, ...] | None = None
    """The steps on the new side, where it is another keyword that counts there."""


@dataclass(slots=True)
class Step:
    """All a pair differs in, and the pairs below it with the way their paths go on."""

    own: list[Own] = field(default_factory=list)
    below: list[tuple[str, Node, Node]] = field(default_factory=list)

    def say(self, kind: str, *at: str) -> None:
        """Add a difference whose path goes on with the keyword and name behind it."""
        self.own.append(Own(kind, "/".join(at), at))


Judging: TypeAlias = Generator[tuple[Node, Node], bool, Step]
Asking: TypeAlias = Generator[tuple[Node, Node], bool, bool]
Telling: TypeAlias = Generator[tuple[Node, Node], bool, None]


def keyword(node: Node, name: str) -> Json:
    """A keyword's value, None where the node's draft does not know it."""
    return node.value.get(name) if name in KEYWORDS[node.place.draft] else None
