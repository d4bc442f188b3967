"""Who calls: an Actor for every request."""

from __future__ import annotations

from collections.abc import Iterable

from registry.events import Actor

ANONYMOUS = Actor()


def identify(headers: Iterable[tuple[bytes, bytes]]) -> Actor:
    """The actor behind a request's headers. `Tenor-Application: billing@1.4` names the application it speaks for."""
    for name, value in headers:
        if name == b"tenor-application":
            return Actor(application=value.decode("latin-1")[:200])
    return ANONYMOUS
