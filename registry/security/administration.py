"""Use cases on identities, tokens and grants. Plain functions over a transaction handle; every change is an event.

A principal is whom something is granted to: an identity's name, or somebody that others vouch for: `jwt:alice`,
`group:platform` (a group of a JWT), `cert:CN=billing,O=Shop`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from registry.clock import now_ms
from registry.errors import IdentityExists, IdentityNotFound, InvalidRequest, TokenNotFound
from registry.events import Actor, record
from registry.security import tokens
from registry.security.access import Grant, grants_of
from registry.store.engine import Db
from registry.store.queries import identities as queries
from registry.store.queries.identities import Granted, Identity, Token

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}\Z")
_PRINCIPAL = re.compile(r"(jwt|group|cert):[^\x00-\x1f\x7f]{1,400}\Z")
_RESERVED = frozenset({"anonymous", "admin-token"})
_LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token and its secret, which nobody can show again."""

    token: Token
    secret: str


def principal(text: str) -> str:
    """Whom something is granted to. Raises InvalidRequest."""
    if _NAME.match(text) or _PRINCIPAL.match(text):
        return text
    raise InvalidRequest("A principal is the name of an identity, or jwt:…, group:… or cert:…")


def create_identity(db: Db, actor: Actor, name: str, password: str | None = None) -> Identity:
    """A new identity; `password` is a hash. Raises InvalidRequest, IdentityExists."""
    if not _NAME.match(name) or name in _RESERVED:
        raise InvalidRequest("The name of an identity has 1 to 100 letters, digits or ._@- and starts with a letter")
    if queries.identity(db, name) is not None:
        raise IdentityExists(identity=name)
    queries.insert_identity(db, name, password, now_ms())
    queries.moved(db)
    record(db, actor, "create", f"identity:{name}", password=password is not None)
    return identity(db, name)


def identity(db: Db, name: str) -> Identity:
    """An identity. Raises IdentityNotFound."""
    found = queries.identity(db, name)
    if found is None:
        raise IdentityNotFound(identity=name)
    return found


def change_identity(
    db: Db, actor: Actor, name: str, *, password: str | None = None, disabled: bool | None = None
) -> Identity:
    """Set a password (a hash), or switch an identity off or on. Raises IdentityNotFound."""
    found = identity(db, name)
    queries.update_identity(
        db, found.pk, password or found.password, disabled=found.disabled if disabled is None else disabled
    )
    queries.moved(db)
    record(db, actor, "change", f"identity:{name}", password=password is not None, disabled=disabled)
    return identity(db, name)


def delete_identity(db: Db, actor: Actor, name: str) -> None:
    """Forget an identity, its tokens and its grants. Raises IdentityNotFound."""
    found = identity(db, name)
    queries.delete_identity(db, found.pk)
    queries.delete_grants(db, name)
    queries.moved(db)
    record(db, actor, "delete", f"identity:{name}")


def create_token(
    db: Db,
    actor: Actor,
    name: str,
    *,
    description: str = "",
    expires_at: int | None = None,
    scope: Sequence[Grant] | None = None,
) -> Minted:
    """A new token of an identity, narrowed to `scope`. Raises IdentityNotFound, InvalidRequest."""
    owner = identity(db, name)
    if len(description) > _LONGEST_DESCRIPTION or not description.isprintable():
        raise InvalidRequest(f"A description has at most {_LONGEST_DESCRIPTION} printable characters")
    now = now_ms()
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("A token cannot end before it begins")
    secret, id = tokens.mint(), str(uuid4())
    hash = tokens.hashed(secret)
    assert hash is not None
    narrowed = None if scope is None else " ".join(map(str, scope))
    queries.insert_token(db, id, owner.pk, hash, description, narrowed, now, expires_at)
    queries.moved(db)
    record(db, actor, "create", f"token:{id}", identity=name, expires_at=expires_at, scope=narrowed)
    made = queries.token(db, id)
    assert made is not None
    return Minted(made, secret)


def token(db: Db, id: str) -> Token:
    """A token by its public id. Raises TokenNotFound."""
    found = queries.token(db, id)
    if found is None:
        raise TokenNotFound(token=id)
    return found


def revoke_token(db: Db, actor: Actor, id: str) -> Token:
    """End a token; one that ended already stays as it is. Raises TokenNotFound."""
    found = token(db, id)
    if found.revoked_at is None:
        queries.revoke_token(db, id, now_ms())
        queries.moved(db)
        record(db, actor, "revoke", f"token:{id}", identity=found.identity)
    return token(db, id)


def add_grants(db: Db, actor: Actor, to: str, grants: Sequence[Grant]) -> list[Granted]:
    """Grant roles to a principal; all that it has then. Raises InvalidRequest."""
    named = principal(to)
    for each in grants:
        if queries.insert_grant(db, named, each.role, each.kind, each.glob, now_ms()):
            record(db, actor, "grant", f"identity:{named}", grant=str(each))
    queries.moved(db)
    return queries.grants(db, [named])


def take_grants(db: Db, actor: Actor, of: str, grants: Sequence[Grant]) -> list[Granted]:
    """Take roles from a principal; what it still has."""
    named = principal(of)
    for each in grants:
        if queries.delete_grant(db, named, each.role, each.kind, each.glob):
            record(db, actor, "ungrant", f"identity:{named}", grant=str(each))
    queries.moved(db)
    return queries.grants(db, [named])


def granted(found: Sequence[Granted]) -> tuple[Grant, ...]:
    """Stored grants as what they allow."""
    return tuple(Grant(each.role, each.kind, each.glob) for each in found)


def scope_of(found: Token) -> tuple[Grant, ...] | None:
    """What a token is narrowed to, None when it is not."""
    return None if found.scope is None else grants_of(found.scope)
