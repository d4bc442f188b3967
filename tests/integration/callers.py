"""A registry with authentication, and callers of it.

with guarded("sqlite:///…") as (client, admin): …   two clients of one app: without credentials, and the admin's
token = token_of(admin, "alice", "reader@subject:orders-*")     an identity with a token
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import msgspec

from registry.http.asgi import App, Message, Receive, Scope
from registry.settings import Settings
from tests.integration.served import client_on

ADMIN = "the-first-token-of-the-tests-0123456789"
GUARDED = Settings(authentication="on", admin_token=ADMIN)


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a user and password."""
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


ADMINS = bearer(ADMIN)


@contextmanager
def guarded(url: str, **settings: Any) -> Iterator[httpx.Client]:
    """A client, without credentials, of an app that asks for them."""
    with client_on(url, replace(GUARDED, **settings)) as client:
        yield client


def token_of(client: httpx.Client, name: str, *grants: str, **token: Any) -> str:
    """A new token of an identity, made with these grants unless it is there."""
    made = client.post("/api/v1/identities", json={"name": name, "grants": list(grants)}, headers=ADMINS)
    assert made.status_code in (201, 409), made.text
    answer = client.post("/api/v1/tokens", json={"identity": name, **token}, headers=ADMINS)
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret


def password_of(client: httpx.Client, name: str, password: str, *grants: str) -> dict[str, str]:
    """The header of a new identity with a password."""
    body = {"name": name, "password": password, "grants": list(grants)}
    made = client.post("/api/v1/identities", json=body, headers=ADMINS)
    assert made.status_code == 201, made.text
    return basic(name, password)


class Answer(NamedTuple):
    """What an app answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def named(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        return [value for each, value in self.headers if each == name]


async def ask(
    app: App,
    method: str,
    path: bytes | str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: bytes = b"",
    *,
    query: bytes = b"",
    peer: str = "127.0.0.1",
    receive: Receive | None = None,
) -> Answer:
    """One request to an app, its path and headers byte by byte as given."""
    raw = path.encode() if isinstance(path, str) else path
    sent: list[Message] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": raw.decode("latin-1"), "raw_path": raw, "query_string": query, "root_path": "",
        "headers": [(b"host", b"tenor"), *headers], "client": (peer, 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    if body:
        scope["headers"] += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await app(scope, receive or given, send)
    return Answer(sent[0]["status"], list(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent[1:]))


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as an app gets them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


async def minted(app: App, name: str, *grants: str, **token: Any) -> str:
    """As `token_of`, of an app itself."""
    body = msgspec.json.encode({"name": name, "grants": grants})
    await ask(app, "POST", "/api/v1/identities", raw(ADMINS), body)
    answer = await ask(app, "POST", "/api/v1/tokens", raw(ADMINS), msgspec.json.encode({"identity": name, **token}))
    assert answer.status == 201, answer
    secret: str = msgspec.json.decode(answer.body)["secret"]
    return secret
