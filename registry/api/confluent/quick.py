"""The requests that every producer and consumer sends, answered without a router.

A Litestar handler costs as much CPU as two whole requests of a bare ASGI app (facts: performance §1), so the shapes
below are answered by the outer layer itself, through the same use cases and the same rendering as the routes of the
same path. Whatever is not exactly such a shape goes on to Litestar; so do requests whose schema text was not parsed
before, since parsing does not belong on the event loop.

    GET  /schemas/ids/{id}                 ?subject= &fetchMaxId=false &format=
    GET  /subjects/{s}/versions/{v}        ?deleted=false &format=
    POST /subjects/{s}                     look-up
    POST /subjects/{s}/versions            registering what the subject already has
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec

from registry import names, registration, subjects
from registry.api.confluent import parameters as q
from registry.api.confluent import render, schema_routes, subject_routes, wire
from registry.events import Actor
from registry.http import Keep, QuickAnswer
from registry.names import Subject
from registry.registration import NotParsed
from registry.security import guard
from registry.security.access import Needs
from registry.services import Services
from registry.store.engine import Db

_ENCODER = msgspec.json.Encoder()
_REQUEST = msgspec.json.Decoder(wire.RegisterSchemaRequest)

Answer = Awaitable[QuickAnswer | None]


@dataclass(slots=True)
class Asked:
    """A request taken apart: decoded segments, query parameters (each at most once), body, and who asks."""

    parts: list[str]
    query: dict[str, str]
    body: bytes
    actor: Actor


def _permitted(asked: Asked, needs: Needs, name: str) -> None:
    guard.decide(asked.actor, needs.action, f"{needs.kind}:{name}")


async def _by_id(services: Services, asked: Asked) -> QuickAnswer | None:
    id, subject = asked.parts[2], asked.query.get("subject")
    _permitted(asked, schema_routes.READ, id)
    number = q.schema_id(id)
    answer, keep = await services.store.read(lambda db: schema_routes.read_by_id(db, number, subject))
    return QuickAnswer(_ENCODER.encode(answer), "/schemas/ids/{id}", keep)


async def _version(services: Services, asked: Asked) -> QuickAnswer | None:
    subject, number = asked.parts[1], names.version(asked.parts[3])
    _permitted(asked, subject_routes.READ, subject)

    def job(db: Db) -> wire.SchemaAnswer:
        return render.version(db, subjects.version(db, subjects.aliased(db, Subject.parse(subject)), number))

    answer = await services.store.read(job)
    return QuickAnswer(_ENCODER.encode(answer), "/subjects/{subject}/versions/{version}", Keep(f"subject:{subject}"))


def _posted(
    services: Services, asked: Asked, template: str, needs: Needs, *, registering: bool
) -> Callable[[Db], QuickAnswer | None]:
    subject = asked.parts[1]
    _permitted(asked, needs, subject)
    data = _REQUEST.decode(asked.body)

    def job(db: Db) -> QuickAnswer | None:
        named = Subject.parse(subject)
        request = render.registration(named, data, normalize=q.flag(asked.query.get("normalize")))
        try:
            found = registration.known(db, request, services.server_config, registering=registering)
        except NotParsed:
            return None
        if found is None:
            return None
        keep = Keep(f"subject:{subject}", needs.action)
        return QuickAnswer(_ENCODER.encode(render.version(db, found)), template, keep)

    return job


async def _lookup(services: Services, asked: Asked) -> QuickAnswer | None:
    job = _posted(services, asked, "/subjects/{subject}", subject_routes.READ, registering=False)
    return await services.store.read(job)


async def _register(services: Services, asked: Asked) -> QuickAnswer | None:
    job = _posted(services, asked, "/subjects/{subject}/versions", subject_routes.WRITE, registering=True)
    return await services.store.read(job)


# What a parameter may say for a request to be quick; any other parameter or value is for the route.
_FALSE = ("", "false", "False")
_ANY = None
_BY_ID: dict[str, tuple[str, ...] | None] = {"subject": _ANY, "fetchMaxId": _FALSE, "format": ("", "default")}
_VERSION: dict[str, tuple[str, ...] | None] = {"deleted": _FALSE, "format": ("", "default")}
_POST: dict[str, tuple[str, ...] | None] = {"normalize": _ANY, "deleted": _FALSE, "format": ("", "default")}


def _fits(query: bytes, allowed: dict[str, tuple[str, ...] | None]) -> dict[str, str] | None:
    """The query's parameters if each is allowed and says nothing special, else None."""
    if not query:
        return {}
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, value in pairs:
        values = allowed.get(name, ())
        if values is not None and value not in values:
            return None
    parameters = dict(pairs)
    return parameters if len(parameters) == len(pairs) else None


def recognise(
    method: str, parts: list[str], query: bytes
) -> tuple[Callable[[Services, Asked], Answer], dict[str, str]] | None:
    """The function that answers a request of a quick shape, and its query parameters; None for all others."""
    count = len(parts)
    if method == "GET":
        if count == 3 and parts[0] == "schemas" and parts[1] == "ids":
            function, allowed = _by_id, _BY_ID
        elif count == 4 and parts[0] == "subjects" and parts[2] == "versions":
            function, allowed = _version, _VERSION
        else:
            return None
    elif method == "POST" and parts and parts[0] == "subjects":
        if count == 2:
            function, allowed = _lookup, _POST
        elif count == 3 and parts[2] == "versions":
            function, allowed = _register, _POST
        else:
            return None
    else:
        return None
    parameters = _fits(query, allowed)
    return None if parameters is None else (function, parameters)
