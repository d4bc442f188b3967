"""`/whoami`, `/identities…`, `/tokens…`, `/grants…`: who calls, who may call, and who may what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

from litestar.params import FromPath, JSONBody, QueryParameter

from registry import errors
from registry.api.v1 import render
from registry.api.v1 import trust_wire as wire
from registry.api.v1.routes import delete, get, post, put
from registry.clock import now_ms
from registry.security import administration, passwords
from registry.security.access import KNOWN, Action, Grant, Grants, Needs, grant
from registry.security.guard import actor_of, decide
from registry.services import Call, services
from registry.store.engine import Db
from registry.store.queries import identities as queries
from registry.store.queries.identities import Granted, Identity, Token

READ = Needs(Action.READ, "identity")
ADMINISTER = Needs(Action.ADMINISTER, "identity")


def _printed(grants: Iterable[Grant]) -> list[str]:
    return sorted(map(str, grants))


def _time(ms: int | None) -> str | None:
    return None if ms is None else render.time(ms)


def _identity(found: Identity, granted: Iterable[Granted]) -> wire.Identity:
    grants = _printed(administration.granted([each for each in granted if each.principal == found.name]))
    return wire.Identity(found.name, found.password is not None, found.disabled, render.time(found.created_at), grants)


def _token(found: Token) -> wire.Token:
    return wire.Token(
        found.id,
        found.identity,
        found.description,
        None if found.scope is None else found.scope.split(),
        render.time(found.created_at),
        _time(found.expires_at),
        _time(found.revoked_at),
        _time(found.used_at),
    )


@get("/whoami", KNOWN, errors.Unauthenticated, summary="Who calls")
async def whoami(request: Call) -> wire.Whoami:
    """As the server sees it: name, grants, and the application and address of this request."""
    caller = actor_of(request)
    within: Grants | None = caller.grants.within
    return wire.Whoami(
        caller.name,
        caller.how,
        ["admin@*"] if caller.how == "open" else _printed(caller.grants.listed),
        None if within is None else _printed(within.listed),
        caller.application,
        caller.token,
        caller.origin,
    )


@get("/identities", READ, summary="List identities")
async def list_identities(request: Call) -> list[wire.Identity]:
    """By name, with what is granted to each."""

    def job(db: Db) -> list[wire.Identity]:
        granted = queries.grants(db)
        return [_identity(each, granted) for each in queries.identities(db)]

    return await services(request).read(job, heavy=True)


@post(
    "/identities",
    ADMINISTER,
    errors.InvalidRequest,
    errors.IdentityExists,
    summary="Create an identity",
    status_code=201,
)
async def post_identity(request: Call, data: JSONBody[wire.NewIdentity]) -> wire.Identity:
    """A person or a service."""
    actor, grants = actor_of(request), [grant(each) for each in data.grants]
    hashed = None if data.password is None else await asyncio.to_thread(passwords.hashed, data.password)

    def job(db: Db) -> wire.Identity:
        made = administration.create_identity(db, actor, data.name, hashed)
        return _identity(made, administration.add_grants(db, actor, made.name, grants))

    return await services(request).write(job)


@put(
    "/identities/{name:str}",
    ADMINISTER,
    errors.InvalidRequest,
    errors.IdentityNotFound,
    summary="Change an identity",
)
async def put_identity(request: Call, name: FromPath[str], data: JSONBody[wire.IdentityChange]) -> wire.Identity:
    """Set its password, or switch it off: its tokens do not count then."""
    actor = actor_of(request)
    hashed = None if data.password is None else await asyncio.to_thread(passwords.hashed, data.password)

    def job(db: Db) -> wire.Identity:
        made = administration.change_identity(db, actor, name, password=hashed, disabled=data.disabled)
        return _identity(made, queries.grants(db, [name]))

    return await services(request).write(job)


@delete("/identities/{name:str}", ADMINISTER, errors.IdentityNotFound, summary="Delete an identity")
async def delete_identity(request: Call, name: FromPath[str]) -> None:
    """With its tokens and grants."""
    actor = actor_of(request)
    await services(request).write(lambda db: administration.delete_identity(db, actor, name))


@get("/tokens", KNOWN, errors.Unauthenticated, errors.Forbidden, summary="List tokens")
async def list_tokens(
    request: Call,
    identity: Annotated[
        str | None, QueryParameter(name="identity", max_length=200, description="whose; empty: everybody's")
    ] = None,
) -> list[wire.Token]:
    """Newest first, never with their secrets. One's own need no permission."""
    actor = actor_of(request)
    if identity is None or identity != actor.name:
        decide(actor, READ.action, "identity:*")
    return [_token(each) for each in await services(request).read(lambda db: queries.tokens(db, identity), heavy=True)]


@post(
    "/tokens",
    KNOWN,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.InvalidRequest,
    errors.IdentityNotFound,
    summary="Create a token",
    status_code=201,
)
async def post_token(request: Call, data: JSONBody[wire.NewToken]) -> wire.MintedToken:
    """Its secret is in this answer and nowhere else. Who logged in with a password may make tokens for itself."""
    actor = actor_of(request)
    name = data.identity or actor.name
    if name != actor.name or actor.how != "password":
        decide(actor, Action.ADMINISTER, "identity:*")
    scope = None if data.scope is None else [grant(each) for each in data.scope]
    until = None if data.expires_in is None else now_ms() + data.expires_in * 1000

    def job(db: Db) -> wire.MintedToken:
        made = administration.create_token(db, actor, name, description=data.description, expires_at=until, scope=scope)
        shown = _token(made.token)
        return wire.MintedToken(
            shown.id,
            shown.identity,
            shown.description,
            shown.scope,
            shown.created_at,
            shown.expires_at,
            shown.revoked_at,
            shown.used_at,
            made.secret,
        )

    return await services(request).write(job)


@delete(
    "/tokens/{token:str}",
    KNOWN,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.TokenNotFound,
    summary="Revoke a token",
)
async def delete_token(request: Call, token: FromPath[str]) -> None:
    """It counts nowhere five seconds later. One's own need no permission."""
    actor = actor_of(request)

    def job(db: Db) -> None:
        found = queries.token(db, token)
        if found is None or found.identity != actor.name:
            decide(actor, Action.ADMINISTER, "identity:*")
        administration.revoke_token(db, actor, token)

    await services(request).write(job)


@get("/grants", READ, summary="List grants")
async def list_grants(
    request: Call,
    principal: Annotated[
        str | None, QueryParameter(name="principal", max_length=410, description="whose; empty: everybody's")
    ] = None,
) -> list[wire.Granted]:
    """By principal: identities, and `jwt:…`, `group:…`, `cert:…` that others vouch for."""

    def job(db: Db) -> list[wire.Granted]:
        by_principal: dict[str, list[Granted]] = {}
        for each in queries.grants(db, None if principal is None else [principal]):
            by_principal.setdefault(each.principal, []).append(each)
        return [wire.Granted(named, _printed(administration.granted(found))) for named, found in by_principal.items()]

    return await services(request).read(job, heavy=True)


@post("/grants", ADMINISTER, errors.InvalidRequest, summary="Grant roles")
async def post_grants(request: Call, data: JSONBody[wire.GrantChange]) -> wire.Granted:
    """All that the principal has then."""
    actor, grants = actor_of(request), [grant(each) for each in data.grants]
    found = await services(request).write(lambda db: administration.add_grants(db, actor, data.principal, grants))
    return wire.Granted(data.principal, _printed(administration.granted(found)))


@post("/grants:revoke", ADMINISTER, errors.InvalidRequest, summary="Take roles back")
async def revoke_grants(request: Call, data: JSONBody[wire.GrantChange]) -> wire.Granted:
    """All that the principal has then."""
    actor, grants = actor_of(request), [grant(each) for each in data.grants]
    found = await services(request).write(lambda db: administration.take_grants(db, actor, data.principal, grants))
    return wire.Granted(data.principal, _printed(administration.granted(found)))


HANDLERS = [
    whoami,
    list_identities,
    post_identity,
    put_identity,
    delete_identity,
    list_tokens,
    post_token,
    delete_token,
    list_grants,
    post_grants,
    revoke_grants,
]
