"""Wire shapes of identities, tokens, grants and the audit log. Times are RFC 3339 in UTC; hashes are hex."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Grants = Annotated[list[Annotated[str, Meta(max_length=600)]], Meta(max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=410)]


class Whoami(Struct):
    """Who calls. `how`: open, token, password, jwt or certificate; `grants` such as `reader@*`, narrowed by `scope`."""

    name: str
    how: str
    grants: list[str]
    scope: list[str] | None
    application: str | None
    token: str | None
    address: str | None


class NewIdentity(Struct):
    """Somebody who may call: with a password (of 12 characters at least), with tokens, or both."""

    name: Name
    password: Annotated[str, Meta(max_length=1000)] | None = None
    grants: Grants = []


class IdentityChange(Struct):
    """What is to change; null for nothing."""

    password: Annotated[str, Meta(max_length=1000)] | None = None
    disabled: bool | None = None


class Identity(Struct):
    """Somebody who may call."""

    name: str
    has_password: bool
    disabled: bool
    created_at: str
    grants: list[str]


class NewToken(Struct):
    """A token to make: of an identity (null: the caller), for so many seconds (null: for ever), narrowed to `scope`."""

    identity: Name | None = None
    description: Annotated[str, Meta(max_length=200)] = ""
    expires_in: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    scope: Grants | None = None


class Token(Struct):
    """A token, without its secret."""

    id: str
    identity: str
    description: str
    scope: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    used_at: str | None


class MintedToken(Token):
    """A new token with its secret, which is shown this once."""

    secret: str


class GrantChange(Struct):
    """Grants (`role@kind:name`) to give to a principal, or to take."""

    principal: Name
    grants: Grants


class Granted(Struct):
    """What a principal has."""

    principal: str
    grants: list[str]


class AuditEvent(Struct):
    """Who did what to what, when, from where. `sequence` null: not sealed yet."""

    sequence: int | None
    at: str
    actor: str
    action: str
    resource: str
    address: str | None
    detail: dict[str, Any]


class AuditEvents(Struct):
    """Events that match, newest first."""

    items: list[AuditEvent]
    next_cursor: str | None


class SealedEvent(Struct):
    """An event exactly as it was hashed; `at` in ms since 1970, `body` JSON text."""

    sequence: int | None
    at: int
    actor: str
    action: str
    resource: str
    body: str
    origin: str | None
    hash: str | None


class SignedCheckpoint(Struct):
    """The hash at an event, signed."""

    sequence: int
    hash: str
    at: int
    key_id: str
    signature: str


class AuditPart(Struct):
    """Some of the log, to be checked elsewhere. `keys` are the server's public keys by id; `next` null at the end."""

    events: list[SealedEvent]
    checkpoints: list[SignedCheckpoint]
    keys: dict[str, str]
    next: int | None
