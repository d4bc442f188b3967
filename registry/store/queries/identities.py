"""Identities, tokens and grants: who may call, and what was granted to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or a service; `password` is a hash, None when only tokens count."""

    pk: int
    name: str
    password: str | None
    disabled: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it may be shown: never its secret. `scope` are the grants it is narrowed to, None for no narrowing."""

    pk: int
    id: str
    identity: str
    description: str
    scope: str | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    used_at: int | None


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant as it is stored."""

    principal: str
    role: str
    kind: str
    glob: str
    created_at: int


_IDENTITY = "SELECT pk, name, password, disabled, created_at FROM identity"
_TOKENS = """SELECT t.pk, t.id, i.name, t.description, t.scope, t.created_at, t.expires_at, t.revoked_at, t.used_at
FROM token t JOIN identity i ON i.pk = t.identity_pk"""


def epoch(db: Db) -> int:
    """A number that moves with every change of identities, tokens or grants."""
    row = db.one("SELECT value FROM counter WHERE name = 'identities'")
    return 0 if row is None else int(row[0])


def moved(db: Db) -> None:
    """Tell every replica that something about identities changed."""
    db.run(
        """INSERT INTO counter (name, value) VALUES ('identities', 1)
        ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"""
    )
    db.forget("identities")


def identity(db: Db, name: str) -> Identity | None:
    """An identity by name."""
    row = db.one(f"{_IDENTITY} WHERE name = :name", name=name)
    return None if row is None else Identity(row[0], row[1], row[2], bool(row[3]), row[4])


def identities(db: Db) -> list[Identity]:
    """All of them, by name."""
    return [Identity(pk, name, word, bool(off), at) for pk, name, word, off, at in db.all(f"{_IDENTITY} ORDER BY name")]


def insert_identity(db: Db, name: str, password: str | None, now: int) -> None:
    """A new identity."""
    db.run(
        "INSERT INTO identity (name, password, disabled, created_at) VALUES (:name, :password, 0, :now)",
        name=name,
        password=password,
        now=now,
    )


def update_identity(db: Db, pk: int, password: str | None, *, disabled: bool) -> None:
    """Change an identity."""
    db.run(
        "UPDATE identity SET password = :password, disabled = :disabled WHERE pk = :pk",
        password=password,
        disabled=int(disabled),
        pk=pk,
    )


def delete_identity(db: Db, pk: int) -> None:
    """Forget an identity, with its tokens."""
    db.run("DELETE FROM token WHERE identity_pk = :pk", pk=pk)
    db.run("DELETE FROM identity WHERE pk = :pk", pk=pk)


def live_token(db: Db, hash: bytes, now: int) -> Token | None:
    """The token with a hash, unless it ended or its identity was switched off."""
    row = db.one(
        f"""{_TOKENS} WHERE t.hash = :hash AND t.revoked_at IS NULL AND i.disabled = 0
        AND (t.expires_at IS NULL OR t.expires_at > :now)""",
        hash=hash,
        now=now,
    )
    return None if row is None else Token(*row)


def token(db: Db, id: str) -> Token | None:
    """A token by its public id."""
    row = db.one(f"{_TOKENS} WHERE t.id = :id", id=id)
    return None if row is None else Token(*row)


def tokens(db: Db, identity: str | None = None) -> list[Token]:
    """Tokens, newest first; of one identity or all."""
    where = "" if identity is None else " WHERE i.name = :identity"
    parameters = {} if identity is None else {"identity": identity}
    return [Token(*row) for row in db.all(f"{_TOKENS}{where} ORDER BY t.pk DESC", **parameters)]


def insert_token(
    db: Db,
    id: str,
    identity_pk: int,
    hash: bytes,
    description: str,
    scope: str | None,
    now: int,
    expires_at: int | None,
) -> None:
    """A new token."""
    db.run(
        """INSERT INTO token (id, identity_pk, hash, description, scope, created_at, expires_at)
        VALUES (:id, :identity_pk, :hash, :description, :scope, :now, :expires_at)""",
        id=id,
        identity_pk=identity_pk,
        hash=hash,
        description=description,
        scope=scope,
        now=now,
        expires_at=expires_at,
    )


def revoke_token(db: Db, id: str, now: int) -> None:
    """End a token."""
    db.run("UPDATE token SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", id=id, now=now)


def used(db: Db, pk: int, now: int, before: int) -> None:
    """Note when a token was used, unless that was noted since `before`."""
    db.run(
        "UPDATE token SET used_at = :now WHERE pk = :pk AND (used_at IS NULL OR used_at < :before)",
        pk=pk,
        now=now,
        before=before,
    )


_GRANTS = "SELECT principal, role, kind, glob, created_at FROM access_grant"


def grants(db: Db, principals: Sequence[str] | None = None) -> list[Granted]:
    """Grants of principals (all of them: None), by principal."""
    if principals is None:
        return [Granted(*row) for row in db.all(f"{_GRANTS} ORDER BY principal, role, kind, glob")]
    found: list[Granted] = []
    for principal in principals:
        rows = db.all(f"{_GRANTS} WHERE principal = :principal ORDER BY role, kind, glob", principal=principal)
        found += [Granted(*row) for row in rows]
    return found


def insert_grant(db: Db, principal: str, role: str, kind: str, glob: str, now: int) -> bool:
    """A new grant; whether it was not there."""
    return (
        db.run(
            """INSERT INTO access_grant (principal, role, kind, glob, created_at)
            VALUES (:principal, :role, :kind, :glob, :now) ON CONFLICT DO NOTHING""",
            principal=principal,
            role=role,
            kind=kind,
            glob=glob,
            now=now,
        )
        > 0
    )


def delete_grants(db: Db, principal: str) -> None:
    """Take everything from a principal."""
    db.run("DELETE FROM access_grant WHERE principal = :principal", principal=principal)


def delete_grant(db: Db, principal: str, role: str, kind: str, glob: str) -> bool:
    """Take a grant back; whether it was there."""
    return (
        db.run(
            """DELETE FROM access_grant
            WHERE principal = :principal AND role = :role AND kind = :kind AND glob = :glob""",
            principal=principal,
            role=role,
            kind=kind,
            glob=glob,
        )
        > 0
    )
