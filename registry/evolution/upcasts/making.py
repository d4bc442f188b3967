"""A place in both events, and what was made there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from registry.evolution.upcasts.types import MISSING
from tenor.plans.nodes import SCOPE, Certainty, Constant, Node, Step, Take, Within, children
from tenor.plans.values import decode

_RANK: Final[Mapping[Certainty, int]] = {"certain": 0, "lossy": 1, "suggested": 2, "todo": 3}
ALIKE: Final = 0.75
"""How alike names must be to be taken for one where nothing forces it."""
ALIKE_SYMBOLS: Final = 0.6
"""How alike the symbol of an enum must be to one that went away."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place in both events: pointers, the field's name in each, and what the new one can fall back on.

    `shaped`: the value has already moved into or out of something here; once is enough, or recursion would not end.
    """

    path: str = ""
    source: str = ""
    name: str = ""
    old_name: str = ""
    fallback: Node | None = None
    shaped: bool = False

    def below(self, path: str, source: str) -> Where:
        """A place inside, without a name of its own."""
        return replace(self, path=self.path + path, source=self.source + source, fallback=None)


@dataclass(slots=True)
class Made:
    """A node on the old value, and the steps it stands for."""

    node: Node
    steps: list[Step] = field(default_factory=list)

    @property
    def rank(self) -> int:
        """The worst certainty of its steps."""
        return max((_RANK[step.certainty] for step in self.steps), default=0)


def escaped(name: str) -> str:
    """A name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def after(of: Node, node: Node) -> Node:
    """`node` on the value of `of`."""
    return of if node == SCOPE else node if of == SCOPE else Within(of, node)


def constant_of(fallback: Node | None) -> Any:
    """The value a fallback stands for; MISSING if it is none."""
    if not isinstance(fallback, Constant):
        return MISSING
    return decode(fallback.value)


def looks(node: Node) -> bool:
    """Whether a node looks at its scope at all."""
    return isinstance(node, Take) or any(looks(inner) for _, inner, opens in children(node) if not opens)
