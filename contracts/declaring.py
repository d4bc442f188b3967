"""Use case: what a plan declares beyond a subject's own settings (`registry.declarations.Keeper`).

protect, readable_for   the subject's own policy; of a prefix's or everybody's only what differs is set
consumers               applications that read the subject: known as readers, whatever else is known of them
waivers                 breaks accepted for a while; one that is over is not made again
environments            made, and told to be production or not; nothing is removed
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from contracts import catalog, deployments, protection
from contracts.options import Options
from contracts.protection import Protection, Waiver
from contracts.queries import environments, needs
from contracts.queries import protection as policies
from registry.clock import now_ms
from registry.declarations import Permit, Setting, Wanted
from registry.errors import InvalidRequest
from registry.events import Actor, record
from registry.names import Subject
from registry.store.engine import Db

LONGEST_WAIVER: Final = timedelta(days=366)
_POLICY: Final = ("protect", "readable_for")
_WAIVED: Final = ("rule", "path", "consumer", "owner", "reason", "until")


def moment(text: str) -> int:
    """A date (which counts to its end) or time in ms. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise InvalidRequest(f"'{text}' is no date: write 2026-12-31 or 2026-12-31T12:00:00Z") from None
    if len(text.strip()) == 10:
        found += timedelta(days=1)
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)


def ahead(text: str) -> int:
    """A moment that a waiver may end at. Raises InvalidRequest."""
    found, now = moment(text), now_ms()
    if not now < found <= now + LONGEST_WAIVER / timedelta(milliseconds=1):
        raise InvalidRequest(f"until must lie ahead, at most {LONGEST_WAIVER.days} days: not {text}")
    return found


def protect(db: Db, actor: Actor, scope: str, found: Protection) -> None:
    """Set the whole policy of a scope."""
    policies.put_policy(db, scope, found, now_ms())
    needs.moved(db)
    record(db, actor, "policy", f"scope:{scope}", **protection.written(found))


def waive(db: Db, actor: Actor, waiver: Waiver) -> Waiver:
    """Accept a break for a while; the waiver with its id."""
    made = replace(waiver, uuid=str(uuid4()), created_by=actor.name, created_at=now_ms())
    policies.put_waiver(db, made)
    needs.moved(db)
    told = {"id": made.uuid, "path": made.path, "consumer": made.consumer, "until": made.until}
    record(db, actor, "waive", f"subject:{made.subject}", **told, owner=made.owner)
    return made


class Declaring:
    """Keeps what plans declare."""

    members = frozenset((*_POLICY, "consumers", "waivers"))

    def __init__(self, options: Options) -> None:
        self.options = options

    def differing(self, db: Db, subject: Subject, wanted: Wanted) -> Sequence[Setting]:
        """What is not yet as it is wanted. Raises InvalidConfig, InvalidRequest."""
        found = list(_policy(db, subject, wanted)[1])
        found += [Setting("consumer", None, name) for name in _unknown(db, subject, wanted)]
        return [*found, *(Setting("waiver", None, _told(each)) for each in _new_waivers(db, subject, wanted))]

    def keep(self, db: Db, actor: Actor, subject: Subject, wanted: Wanted, permit: Permit) -> None:
        """Set what is not yet as it is wanted. Raises what `differing` does, SimilarName, Denied."""
        policy, changing = _policy(db, subject, wanted)
        if changing:
            permit("configure", f"subject:{subject}")
            protect(db, actor, str(subject), policy)
        for name in _unknown(db, subject, wanted):
            permit("write", f"application:{name}")
            application, _ = catalog.ensured(db, name, self.options)
            needs.declare(db, str(subject), application.pk)
            needs.moved(db)
            record(db, actor, "consumer_declared", f"subject:{subject}", application=name)
        for each in _new_waivers(db, subject, wanted):
            permit("waive", f"subject:{subject}")
            waive(db, actor, each)

    def differing_environments(self, db: Db, wanted: Sequence[Wanted]) -> Sequence[Setting]:
        """Environments that are not there, or are another kind."""
        return [Setting("environment", old, new) for old, new in _environments(db, wanted)]

    def keep_environments(self, db: Db, actor: Actor, wanted: Sequence[Wanted], permit: Permit) -> None:
        """Make them, and change those that are another kind. Raises InvalidFields, Denied."""
        for _, new in _environments(db, wanted):
            permit("configure", f"environment:{new['name']}")
            known = environments.environment_named(db, new["name"])
            if known is None:
                deployments.put_environment(db, actor, new)
            else:
                kept = {"displayName": known.display_name, "contacts": json.loads(known.contacts)}
                deployments.put_environment(db, actor, {**kept, **new}, known.uuid)


def _policy(db: Db, subject: Subject, wanted: Wanted) -> tuple[Protection, list[Setting]]:
    """The subject's own policy as it is to be, and what of it is not so yet."""
    said = [name for name in _POLICY if name in wanted]
    if not said:
        return Protection(), []
    asked = protection.protection({name: wanted[name] for name in said})
    known = policies.policies(db)
    own = known.get(str(subject), Protection())
    held = protection.effective(known, str(subject))
    found = []
    for name in said:
        new = getattr(asked, name)
        old = getattr(held if new is not None else own, name)
        if old != new:
            found.append(
                Setting(name, *(protection.written(Protection(**{name: each})).get(name) for each in (old, new)))
            )
    return replace(own, **{each.name: getattr(asked, each.name) for each in found}), found


def _unknown(db: Db, subject: Subject, wanted: Wanted) -> list[str]:
    """The wanted consumers that are not known as readers."""
    if not (asked := wanted.get("consumers")):
        return []
    known = needs.readers_of(db, str(subject))
    return [name for name in dict.fromkeys(asked) if name not in known]


def _new_waivers(db: Db, subject: Subject, wanted: Wanted) -> list[Waiver]:
    """The wanted waivers that are not there, but for those that are over."""
    if not (asked := wanted.get("waivers")):
        return []
    known = {_facts(each) for each in policies.waivers(db) if each.subject == str(subject)}
    found: dict[tuple[Any, ...], Waiver] = {}
    for each in asked:
        said = {name: each[name] for name in _WAIVED if each.get(name)}
        if (ends := moment(str(said["until"]))) > now_ms():
            ahead(str(said["until"]))
            waiver = Waiver(**{**said, "subject": str(subject), "until": ends})
            found.setdefault(_facts(waiver), waiver)
    return [waiver for facts, waiver in found.items() if facts not in known]


def _facts(waiver: Waiver) -> tuple[Any, ...]:
    return tuple(getattr(waiver, name) for name in _WAIVED)


def _told(waiver: Waiver) -> dict[str, Any]:
    until = datetime.fromtimestamp(waiver.until / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {name: value for name in _WAIVED if (value := getattr(waiver, name))} | {"until": until}


def _environments(db: Db, wanted: Sequence[Wanted]) -> list[tuple[Mapping[str, Any] | None, dict[str, Any]]]:
    """(as it is, as it is to be) of each environment that changes."""
    known = {each.name: each.production for each in environments.environments(db)} if wanted else {}
    found: list[tuple[Mapping[str, Any] | None, dict[str, Any]]] = []
    for each in wanted:
        name, production = each["name"], each.get("production")
        if name not in known:
            found.append((None, {"name": name, "production": bool(production)}))
        elif production is not None and known[name] != production:
            found.append(({"name": name, "production": known[name]}, {"name": name, "production": production}))
    return found
