"""What a call can do to what. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.events import Actor


class Action(StrEnum):
    """The verbs that roles grant.

    PURGE deletes for good, RELEASE hands out key material, ERASE destroys a person's key, DEPLOY records what an
    environment runs, WAIVE accepts a break for a while, ADMINISTER changes identities and grants.
    """

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    PURGE = "purge"
    CONFIGURE = "configure"
    OBSERVE = "observe"
    RELEASE = "release"
    ERASE = "erase"
    DEPLOY = "deploy"
    WAIVE = "waive"
    ADMINISTER = "administer"


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
