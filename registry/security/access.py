"""What a call can do to what. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.events import Actor


class Action(StrEnum):
    """The verbs that roles grant."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    CONFIGURE = "configure"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route needs: an action on a kind of resource, whose name is the path parameter `parameter`."""

    action: Action
    kind: str
    parameter: str | None = None


PUBLIC = Needs(Action.OBSERVE, "service")
"""Health, documentation, server metadata: open to whoever reaches the server."""


def allowed(actor: Actor, action: Action, resource: str) -> bool:
    """Whether an actor may do this. Until identities come (part 8) whoever reaches the server may do everything,
    which is why it binds to loopback unless told otherwise."""
    return True
