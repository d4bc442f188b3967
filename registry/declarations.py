"""Use case: what a plan says of a subject beside its schema, compared with what holds, and set: level, policy, owner.

    {"level": "FULL", "owner": "payments", "protect": null}

Only what is said is looked at: a member that is absent stays as it is, null takes it back. A level or policy that holds
already, from whichever scope, is not set again: a record of a subject's own hides those of its context (facts:
confluent-api §9.3). What contract testing knows of (protection, consumers, waivers, environments) is a Keeper's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from registry import policy, scopes, subjects
from registry.errors import InvalidRequest
from registry.events import Actor
from registry.formats.base import Policy
from registry.names import Subject
from registry.policy import Config
from registry.store.engine import Db
from registry.store.queries import settings
from registry.store.queries.subjects import head

Wanted = Mapping[str, Any]
"""What is said of a subject, by member."""

Permit = Callable[[str, str], None]
"""Raises Denied unless the caller may do an action to a resource (`configure`, `subject:orders-value`)."""

LEVEL, POLICY, OWNER = "level", "policy", "owner"
_WIRE: Final = {LEVEL: "compatibility", POLICY: "compatibilityPolicy"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that becomes another one; None is what is not set."""

    name: str
    old: Any
    new: Any


class Keeping(Protocol):
    """A Keeper within one transaction: what it compares with is read once."""

    def differing(self, subject: Subject, wanted: Wanted) -> Sequence[Setting]:
        """What is not yet as it is wanted. Raises Invalid."""
        ...

    def keep(self, actor: Actor, subject: Subject, wanted: Wanted, changing: Sequence[Setting], permit: Permit) -> None:
        """Set what `differing` said. Raises Refused, Denied."""
        ...

    def differing_environments(self, wanted: Sequence[Wanted]) -> Sequence[Setting]:
        """Environments that are not there, or are another kind."""
        ...

    def keep_environments(self, actor: Actor, changing: Sequence[Setting], permit: Permit) -> None:
        """Make them, and change those that are another kind. Raises Invalid, Denied."""
        ...

    def kept(self) -> None:
        """All of a plan is set."""
        ...


class Keeper(Protocol):
    """Keeps what is declared beyond a subject's own settings."""

    members: frozenset[str]

    def within(self, db: Db) -> Keeping:
        """The keeper within a transaction."""
        ...


def require_known(wanted: Wanted, keeper: Keeper | None) -> None:
    """Raises InvalidRequest for a member that nobody keeps."""
    known = frozenset((LEVEL, POLICY, OWNER)) | (frozenset() if keeper is None else keeper.members)
    if nobodys := sorted(set(wanted) - known):
        raise InvalidRequest(f"Nothing here keeps '{nobodys[0]}' of a subject")


def differing(db: Db, subject: Subject, wanted: Wanted, server: Config, keeping: Keeping | None) -> list[Setting]:
    """What is not yet as it is wanted, in the order in which it is set. Raises InvalidLevel, InvalidConfig, Invalid."""
    if not wanted:
        return []
    found = _configured(db, subject, wanted, server)
    if keeping is not None:
        found += keeping.differing(subject, wanted)
    if OWNER in wanted:
        there = head(db, subject)
        old, new = None if there is None else there.owner, wanted[OWNER]
        if old != new:
            found.append(Setting(OWNER, old, new))
    return found


def keep(
    db: Db,
    actor: Actor,
    subject: Subject,
    wanted: Wanted,
    changing: Sequence[Setting],
    server: Config,
    keeping: Keeping | None,
    permit: Permit,
) -> None:
    """Set all that `differing` said but the owner, which only a subject that exists can have.

    Raises OperationNotPermitted, Refused, Denied.
    """
    if change := {_WIRE[each.name]: wanted[each.name] for each in changing if each.name in _WIRE}:
        permit("configure", f"subject:{subject}")
        record = scopes.put_config(db, actor, subject, change, server)
        if record == Config():
            scopes.delete_config(db, actor, subject, server)
    if keeping is not None:
        keeping.keep(actor, subject, wanted, changing, permit)


def own(db: Db, actor: Actor, subject: Subject, wanted: Wanted, permit: Permit) -> None:
    """Set the owner. Raises InvalidRequest, SubjectNotFound, Denied."""
    permit("configure", f"subject:{subject}")
    subjects.set_owner(db, actor, subject, wanted[OWNER])


def _configured(db: Db, subject: Subject, wanted: Wanted, server: Config) -> list[Setting]:
    said = [name for name in (LEVEL, POLICY) if name in wanted]
    if not said:
        return []
    asked = policy.changed(Config(), {_WIRE[name]: wanted[name] for name in said})
    bodies = settings.read(db, list(dict.fromkeys([*policy.scopes(subject), ""])))[0]
    holds = policy.config_among(subject, bodies, server)
    held = {LEVEL: holds.level, POLICY: holds.policy or Policy.STRICT.value}
    own = bodies.get(str(subject))
    record = Config() if own is None else policy.config_from_json(msgspec.json.decode(own))
    found = []
    for name in said:
        new = getattr(asked, name)
        old = getattr(record, name) if new is None else held[name]
        if old != new:
            found.append(Setting(name, old, new))
    return found
