"""What the route modules share: what a request needs, and the server's parts."""

from __future__ import annotations

from contracts.api.v1 import errors  # noqa: F401 # its rows have to be there before routes name them
from contracts.blast_radius import BlastRadius
from contracts.options import Options
from registry.errors import Unavailable
from registry.security.access import Action, Needs
from registry.services import Call, services

READ = Needs(Action.READ, "subject", "subject")
READ_ALL = Needs(Action.READ, "subject")
CONFIGURE = Needs(Action.CONFIGURE, "subject", "subject")
CONFIGURE_ALL = Needs(Action.CONFIGURE, "subject")
WAIVE = Needs(Action.WAIVE, "subject", "subject")
WAIVE_ALL = Needs(Action.WAIVE, "subject")
READ_APPLICATIONS = Needs(Action.READ, "application")
WRITE_APPLICATION = Needs(Action.WRITE, "application", "application")
CONFIGURE_APPLICATION = Needs(Action.CONFIGURE, "application", "application")
CONFIGURE_APPLICATIONS = Needs(Action.CONFIGURE, "application")


def options(call: Call) -> Options:
    """What is set about contract testing."""
    return radius(call).options


def radius(call: Call) -> BlastRadius:
    """The one that speaks for consumers."""
    found = services(call).objector
    if not isinstance(found, BlastRadius):
        raise Unavailable
    return found
