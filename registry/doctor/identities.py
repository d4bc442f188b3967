"""Grants and scopes of identities that no server could read: what they say counts for nobody, or stops a caller."""

from __future__ import annotations

from collections.abc import Iterator

from registry.doctor.complaints import Complaint
from registry.errors import InvalidRequest
from registry.security.access import grant, grants_of
from registry.store.engine import Db


def identities(db: Db) -> Iterator[Complaint]:
    """Grants of roles or kinds that there are not, and tokens narrowed to what cannot be read."""
    for principal, role, kind, glob in db.all(
        "SELECT principal, role, kind, glob FROM access_grant ORDER BY principal, role, kind, glob"
    ):
        try:
            grant(f"{role}@{kind}" if kind == "*" else f"{role}@{kind}:{glob}")
        except InvalidRequest:
            yield Complaint(f"{principal} is granted {role}@{kind}, which there is not", f"identity:{principal}")
    for name, id, scope in db.all(
        """SELECT i.name, t.id, t.scope FROM token t JOIN identity i ON i.pk = t.identity_pk
        WHERE t.scope IS NOT NULL ORDER BY t.pk"""
    ):
        try:
            grants_of(scope)
        except InvalidRequest:
            yield Complaint(f"identity {name} has token {id}, whose scope cannot be read", f"identity:{name}")
