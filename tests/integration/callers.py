"""A registry with authentication, and callers of it.

with guarded("sqlite:///…") as (client, admin): …   two clients of one app: without credentials, and the admin's
token = token_of(admin, "alice", "reader@subject:orders-*")     an identity with a token
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx

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
