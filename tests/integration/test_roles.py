"""Every route of every API against every role: what the table says is what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from litestar import Litestar

from registry.http.asgi import App
from registry.http.outer import Outer
from registry.security.access import KNOWN, ROLES, Action, Needs
from tests.integration.callers import ADMIN, GUARDED, ask, bearer, minted, raw
from tests.integration.served import app_on

EVERYBODY = "reader producer consumer developer operator admin auditor"

# Who may do what, written out: `action kind` → roles, when they are granted on everything.
MAY = {
    "read registry": EVERYBODY,
    "read subject": f"{EVERYBODY} waive",
    "write subject": "producer developer admin",
    "delete subject": "developer operator admin purge",
    "purge subject": "admin purge",
    "configure subject": "developer operator admin",
    "waive subject": "operator admin waive",
    "read schema": f"{EVERYBODY} waive",
    "read association": f"{EVERYBODY} waive",
    "write association": "producer developer admin",
    "delete association": "developer operator admin purge",
    "delete context": "operator admin purge",
    "configure registry": "operator admin",
    "read application": f"{EVERYBODY} waive",
    "write application": "producer consumer developer operator admin",
    "delete application": "developer operator admin purge",
    "waive application": "operator admin waive",
    "configure application": "operator admin",
    "read environment": f"{EVERYBODY} deploy waive",
    "configure environment": "operator admin",
    "deploy environment": "operator admin deploy",
    "waive environment": "operator admin waive",
    "read webhook": "operator admin auditor",
    "configure webhook": "operator admin",
    "read identity": "admin auditor",
    "administer identity": "admin",
    "read audit": "admin auditor",
    "read kek": f"{EVERYBODY} release",
    "write kek": "operator admin",
    "delete kek": "operator admin purge",
    "purge kek": "admin purge",
    "configure kek": "operator admin",
    "release kek": "producer consumer release",
    "read dek": f"{EVERYBODY} release",
    "write dek": "producer operator admin",
    "delete dek": "operator admin purge",
    "purge dek": "admin purge",
    "configure dek": "operator admin",
    "release dek": "producer consumer release",
    "release tag": "producer consumer release",
    "read person": "operator admin auditor erase",
    "write person": "operator admin",
    "erase person": "erase",
    "configure context": "operator admin",
    "purge context": "admin purge",
    "purge application": "admin purge",
    "purge environment": "admin purge",
    "read tag": "operator admin auditor release",
    "read upcaster": EVERYBODY,
    "write upcaster": "developer admin",
    "delete upcaster": "developer admin",
}  # fmt: skip

# Whose handlers decide more than the route declares: tokens of others need an administrator, and who records a
# deployment must be allowed to know the application.
_DEPLOYED = "/pacticipants/{name:str}/versions/{number:str}/%s/environment/{uuid:str}"
DECIDE_MORE = {
    "/api/v1/tokens",
    "/api/v1/tokens/{token:str}",
    _DEPLOYED % "deployed-versions",
    _DEPLOYED % "released-versions",
}


class Route(NamedTuple):
    """A route as it is reached."""

    method: str
    template: str
    path: str
    needs: Needs | None


def _routes(app: Litestar, mount: str) -> Iterator[Route]:
    for route in app.routes:
        for method in getattr(route, "methods", ()):
            handler = route.route_handler_map[method][0]  # type: ignore[union-attr] # HTTP routes only
            if method in ("OPTIONS", "HEAD") or "/-/openapi" in route.path:
                continue
            parts = ["x" if part.startswith("{") else part for part in route.path.split("/")]
            yield Route(method, route.path, mount + "/".join(parts), handler.opt.get("needs"))


def routes(app: App) -> list[Route]:
    """Every route of every API that an app serves."""
    assert isinstance(app, Outer)
    mounts = {id(each.app): (each.app, "") for each in (app.default, *app.dialects.values())}
    broker = app.dialects["pact"].app
    mounts[id(broker)] = (broker, "/pact")
    found: list[Route] = []
    for litestar, mount in mounts.values():
        assert isinstance(litestar, Litestar)
        found += _routes(litestar, mount)
    return found


def test_every_route_declares_what_it_needs(tmp_path: Path) -> None:
    async def run() -> list[Route]:
        async with app_on(f"sqlite:///{tmp_path}/t.db", GUARDED) as app:
            return routes(app)

    found = asyncio.run(run())
    assert len(found) > 200
    for route in found:
        assert route.needs is not None, route
        if route.needs.kind not in ("service", "self"):
            assert f"{route.needs.action} {route.needs.kind}" in MAY, route


def test_the_table_is_that_of_the_roles() -> None:
    for line, roles in MAY.items():
        action, kind = line.split()
        seen = {"schema": "subject", "association": "subject"}.get(kind, kind)
        found = {role for role, table in ROLES.items() if action in table.get(seen, table.get("*", ()))}
        assert found == set(roles.split()), line


def _may(route: Route, role: str) -> bool:
    needs = route.needs
    assert needs is not None
    if needs.action is Action.OBSERVE and needs.kind == "service":
        return True
    if needs == KNOWN:
        return role != "nobody"
    return role in MAY[f"{needs.action} {needs.kind}"].split()


async def _wrong(app: App, roles: dict[str, list[tuple[bytes, bytes]]]) -> list[str]:
    wrong = []
    for route in routes(app):
        for role, headers in roles.items():
            body = b"{}" if route.method in ("POST", "PUT", "PATCH") else b""
            answer = await ask(app, route.method, route.path, headers, body)
            refused = answer.status in (401, 403)
            expected = not _may(route, role)
            if refused != expected and not (refused and route.template in DECIDE_MORE):
                wrong.append(f"{role} {route.method} {route.path}: {answer.status} {answer.body[:200]!r}")
            if answer.status >= 500:
                wrong.append(f"{role} {route.method} {route.path}: {answer.status} {answer.body[:200]!r}")
            if answer.status == 401:
                assert role == "nobody", (role, route)
                assert len(answer.named(b"www-authenticate")) == 2
    return wrong


def test_every_route_is_for_the_roles_of_the_table(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with app_on(f"sqlite:///{tmp_path}/t.db", GUARDED) as app:
            roles = {role: raw(bearer(await minted(app, role, f"{role}@*"))) for role in ROLES}
            roles |= {"nobody": [], "nothing": raw(bearer(await minted(app, "nothing")))}
            return await _wrong(app, roles)

    assert asyncio.run(run()) == []


@pytest.mark.parametrize("header", ["Basic Og==", "Bearer x", f"Bearer {ADMIN}x", "Digest x", ""])
def test_what_nobody_understands_is_nobody(tmp_path: Path, header: str) -> None:
    async def run() -> list[str]:
        async with app_on(f"sqlite:///{tmp_path}/t.db", GUARDED) as app:
            return await _wrong(app, {"nobody": [(b"authorization", header.encode())]})

    assert asyncio.run(run()) == []
