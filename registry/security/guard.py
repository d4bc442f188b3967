"""The one guard of every route: deny by default."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from registry.errors import Forbidden
from registry.events import Actor
from registry.security.access import Action, Needs, allowed
from registry.security.identity import identify


def decide(actor: Actor, action: Action, resource: str) -> None:
    """Raises Forbidden unless the actor may do this. Routes and ready answers ask the same question here."""
    if not allowed(actor, action, resource):
        raise Forbidden(actor=actor.name, action=action, resource=resource)


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Decide a request by what its route declares (`needs=`). A route that declares nothing is closed."""
    actor = identify(connection.scope["headers"])
    connection.scope["tenor_actor"] = actor  # type: ignore[typeddict-unknown-key] # ours, read by `actor_of`
    needs: Needs | None = handler.opt.get("needs")
    if needs is None and connection.scope.get("method") == "OPTIONS":
        return  # Litestar's own: it names a route's methods and nothing else
    if needs is None:
        raise Forbidden(actor=actor.name, action="call", resource=f"route {handler}")
    name = connection.path_params.get(needs.parameter, "*") if needs.parameter else "*"
    decide(actor, needs.action, f"{needs.kind}:{name}")


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    """The actor the guard identified."""
    actor: Actor = connection.scope["tenor_actor"]  # type: ignore[typeddict-item] # set by the guard
    return actor
