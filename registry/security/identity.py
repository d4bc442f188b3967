"""Who calls: the actor of a request, with what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.events import Actor
from registry.security.access import EVERYTHING, NOTHING, Grants


@dataclass(frozen=True, slots=True)
class Caller(Actor):
    """An actor with its grants. `how` says by what it is known: open, anonymous, token, password, jwt, certificate.

    Names of callers that are not this server's identities say where they come from: `jwt:alice`,
    `cert:CN=billing,O=Shop`. `token` is the public id of the token used. `until` is when what was verified ends, in
    seconds since 1970.
    """

    grants: Grants = NOTHING
    how: str = "anonymous"
    token: str | None = None
    until: float | None = None

    @property
    def known(self) -> bool:
        """Whether the caller is somebody."""
        return self.how != "anonymous"

    def speaking(self, application: str | None, origin: str | None) -> Caller:
        """The same caller in one request: for an application, from an address."""
        # Not `replace`: this is done for every request that is not answered from what is ready.
        return Caller(self.name, application, origin, self.grants, self.how, self.token, self.until)


OPEN: Final = Caller(grants=EVERYTHING, how="open")
"""Whoever reaches a server without authentication."""

NOBODY: Final = Caller()
"""A caller without credentials where those are needed."""
