"""Use case: what a plan declares beyond a subject's own settings (`registry.declarations.Keeper`).

protect, readable_for   the subject's own policy; of a prefix's or everybody's only what differs is set
consumers               applications that read the subject: known as readers, whatever else is known of them
waivers                 breaks accepted for a while; one that is over is not made again
environments            made, and told to be production or not; nothing is removed
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from uuid import uuid4

from contracts import catalog, deployments, protection
from contracts.options import Options
from contracts.protection import Protection, Waiver
from contracts.queries import environments, needs
from contracts.queries import protection as policies
from contracts.queries.environments import Environment
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
    _protect(db, actor, scope, found)
    policies.policies_moved(db)
    needs.moved(db)


def _protect(db: Db, actor: Actor, scope: str, found: Protection) -> None:
    policies.put_policy(db, scope, found, now_ms())
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

    def within(self, db: Db) -> Within:
        """The keeper within a transaction."""
        return Within(db, self.options)


class Within:
    """What is declared, beside what there is: read when it is first asked for, and brought forward by what is set."""

    def __init__(self, db: Db, options: Options) -> None:
        self.db, self.options = db, options
        self._protected = False

    @cached_property
    def _policies(self) -> dict[str, Protection]:
        return policies.policies(self.db)

    @cached_property
    def _waivers(self) -> set[tuple[Any, ...]]:
        return {_facts(each) for each in policies.waivers(self.db)}

    @cached_property
    def _environments(self) -> dict[str, Environment]:
        return {each.name: each for each in environments.environments(self.db)}

    def differing(self, subject: Subject, wanted: Wanted) -> Sequence[Setting]:
        """What is not yet as it is wanted. Raises InvalidConfig, InvalidRequest."""
        found = list(self._policy(subject, wanted))
        if asked := wanted.get("consumers"):
            known = needs.readers_of(self.db, str(subject))
            found += [Setting("consumer", None, name) for name in dict.fromkeys(asked) if name not in known]
        return [*found, *self._new_waivers(subject, wanted)]

    def keep(self, actor: Actor, subject: Subject, wanted: Wanted, changing: Sequence[Setting], permit: Permit) -> None:
        """Set what `differing` said. Raises SimilarName, Denied."""
        name = str(subject)
        if said := [each.name for each in changing if each.name in _POLICY]:
            permit("configure", f"subject:{subject}")
            asked = protection.protection({member: wanted[member] for member in said})
            own = self._policies.get(name, Protection())
            self._protected = True
            _protect(self.db, actor, name, replace(own, **{member: getattr(asked, member) for member in said}))
        for each in changing:
            if each.name == "consumer":
                permit("write", f"application:{each.new}")
                application, _ = catalog.ensured(self.db, each.new, self.options)
                needs.declare(self.db, name, application.pk)
                record(self.db, actor, "consumer_declared", f"subject:{subject}", application=each.new)
            elif each.name == "waiver":
                permit("waive", f"subject:{subject}")
                waive(self.db, actor, Waiver(**{**each.new, "subject": name, "until": moment(each.new["until"])}))

    def kept(self) -> None:
        """All of a plan is set: whatever rests on it has moved."""
        if self._protected:
            policies.policies_moved(self.db)
        needs.moved(self.db)

    def differing_environments(self, wanted: Sequence[Wanted]) -> Sequence[Setting]:
        """Environments that are not there, or are another kind."""
        found = []
        for each in wanted:
            name, production = each["name"], each.get("production")
            known = self._environments.get(name)
            if known is None:
                found.append(Setting("environment", None, {"name": name, "production": bool(production)}))
            elif production is not None and known.production != production:
                new = {"name": name, "production": production}
                found.append(Setting("environment", {"name": name, "production": known.production}, new))
        return found

    def keep_environments(self, actor: Actor, changing: Sequence[Setting], permit: Permit) -> None:
        """Make them, and change those that are another kind. Raises InvalidFields, EnvironmentExists, Denied."""
        for each in changing:
            permit("configure", f"environment:{each.new['name']}")
            known = self._environments.get(each.new["name"])
            if known is None:
                deployments.put_environment(self.db, actor, each.new)
            else:
                as_it_is = {"displayName": known.display_name, "contacts": json.loads(known.contacts)}
                deployments.put_environment(self.db, actor, {**as_it_is, **each.new}, known.uuid)

    def _policy(self, subject: Subject, wanted: Wanted) -> Iterator[Setting]:
        said = [name for name in _POLICY if name in wanted]
        if not said:
            return
        asked = protection.protection({name: wanted[name] for name in said})
        own = self._policies.get(str(subject), Protection())
        held = protection.effective(self._policies, str(subject))
        for name in said:
            new = getattr(asked, name)
            old = getattr(held if new is not None else own, name)
            if old != new:
                shown = [protection.written(Protection(**{name: each})).get(name) for each in (old, new)]
                yield Setting(name, *shown)

    def _new_waivers(self, subject: Subject, wanted: Wanted) -> list[Setting]:
        """The wanted waivers that are not there, but for those that are over."""
        found: dict[tuple[Any, ...], Setting] = {}
        for each in wanted.get("waivers", ()):
            said = {name: each[name] for name in _WAIVED if each.get(name)}
            if (ends := moment(str(said["until"]))) <= now_ms():
                continue
            ahead(str(said["until"]))
            waiver = Waiver(**{**said, "subject": str(subject), "until": ends})
            if _facts(waiver) not in self._waivers:
                found[_facts(waiver)] = Setting("waiver", None, _told(waiver))
        return list(found.values())


def _facts(waiver: Waiver) -> tuple[Any, ...]:
    return (waiver.subject, *(getattr(waiver, name) for name in _WAIVED))


def _told(waiver: Waiver) -> dict[str, Any]:
    until = datetime.fromtimestamp(waiver.until / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {name: value for name in _WAIVED if (value := getattr(waiver, name))} | {"until": until.replace(".000", "")}
