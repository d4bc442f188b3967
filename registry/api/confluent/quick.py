"""The requests that every producer and consumer sends, answered without a router.

A Litestar handler costs as much CPU as two whole requests of a bare ASGI app (facts: performance §1), so the shapes
below are answered by the outer layer itself, through the same use cases and the same rendering as the routes of the
same path. Whatever is not exactly such a shape goes on to Litestar.

    GET  /schemas/ids/{id}                 ?subject= &fetchMaxId=false &format=
    GET  /subjects/{s}/versions/{v}        ?deleted=false &format=
    POST /subjects/{s}                     look-up
    POST /subjects/{s}/versions            registering
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec

from registry import formats, names, registration, subjects
from registry.api.confluent import parameters as q
from registry.api.confluent import render, schema_routes, subject_routes, wire
from registry.formats.base import Source
from registry.hot import Keep
from registry.http.dialect import QuickAnswer
from registry.names import Subject
from registry.registration import NotParsed, Registration
from registry.security import guard
from registry.security.access import Needs
from registry.security.identity import Caller
from registry.services import Services
from registry.store.engine import Db
from registry.store.queries.schemas import Version

_ENCODER = msgspec.json.Encoder()
_REQUEST = msgspec.json.Decoder(wire.RegisterSchemaRequest)

Answer = Awaitable[QuickAnswer | None]

BY_ID, VERSION = "/schemas/ids/{id}", "/subjects/{subject}/versions/{version}"
LOOK_UP, REGISTER = "/subjects/{subject}", "/subjects/{subject}/versions"


def template_of(parts: list[str]) -> str:
    """The route that a quick shape stands for."""
    return BY_ID if parts[0] == "schemas" else {2: LOOK_UP, 3: REGISTER}.get(len(parts), VERSION)


@dataclass(slots=True)
class Asked:
    """A request taken apart: decoded segments, query parameters (each at most once), body, and who asks."""

    parts: list[str]
    query: dict[str, str]
    body: bytes
    actor: Caller


async def _permitted(services: Services, asked: Asked, needs: Needs, name: str) -> None:
    if not asked.actor.grants.whole(needs.action, needs.kind):
        await guard.permit(asked.actor, needs, {needs.parameter or "": name}, services.store)


async def _by_id(services: Services, asked: Asked) -> QuickAnswer | None:
    id, subject = asked.parts[2], asked.query.get("subject")
    await _permitted(services, asked, schema_routes.READ, id)
    number, seen = q.schema_id(id), guard.sees(asked.actor)
    answer, keep = await services.store.read(lambda db: schema_routes.read_by_id(db, number, subject, seen=seen))
    return QuickAnswer(_ENCODER.encode(answer), BY_ID, keep)


async def _version(services: Services, asked: Asked) -> QuickAnswer | None:
    subject = asked.parts[1]
    await _permitted(services, asked, subject_routes.READ, subject)
    number = names.version(asked.parts[3])

    def job(db: Db) -> wire.SchemaAnswer:
        return render.version(db, subjects.version(db, subjects.aliased(db, Subject.parse(subject)), number))

    answer = await services.store.read(job)
    return QuickAnswer(_ENCODER.encode(answer), VERSION, Keep(f"subject:{subject}"))


async def _request(services: Services, asked: Asked, needs: Needs) -> Registration:
    subject = asked.parts[1]
    await _permitted(services, asked, needs, subject)
    request = render.registration(
        Subject.parse(subject), _REQUEST.decode(asked.body), normalize=q.flag(asked.query.get("normalize"))
    )
    if request.references:
        guard.see_references(asked.actor, request.references, request.subject.context, request.format)
    return request


def _known(services: Services, request: Registration, *, registering: bool) -> Callable[[Db], Version | None]:
    def job(db: Db) -> Version | None:
        try:
            return registration.known(db, request, services.server_config, registering=registering)
        except NotParsed:
            return None

    return job


def _posted(found: Version, asked: Asked, template: str, needs: Needs, *, created: bool = False) -> QuickAnswer:
    keep = None if created else Keep(f"subject:{asked.parts[1]}", needs.action)
    return QuickAnswer(_ENCODER.encode(render.plain_version(found)), template, keep)


async def _lookup(services: Services, asked: Asked) -> QuickAnswer | None:
    request = await _request(services, asked, subject_routes.READ)
    found = await services.store.read(_known(services, request, registering=False))
    return None if found is None else _posted(found, asked, LOOK_UP, subject_routes.READ)


async def _register(services: Services, asked: Asked) -> QuickAnswer | None:
    request = await _request(services, asked, subject_routes.WRITE)
    names.subject(asked.parts[1], reject_empty=services.settings.reject_empty_subject)
    parsed = formats.remembered(request.format, Source(request.text)) is not None or request.references
    if parsed and services.store.dialect == "sqlite":  # at once; elsewhere `decide` asks the same first
        found = await services.store.read(_known(services, request, registering=True))
        if found is not None:
            return _posted(found, asked, REGISTER, subject_routes.WRITE)
    done = await services.register(asked.actor, request)
    return _posted(done.version, asked, REGISTER, subject_routes.WRITE, created=done.created)


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
