"""Use case: what registering many schemas together would do, and doing it, all or nothing.

A plan is decided in a read as far as that goes; what is new, and whatever refers to it, is registered in one write job.
A dry run is that very job, rolled back. What a plan says, and the revisions of the subjects it would change, are one
hash, `Plan.state`: a plan is stale when doing it now would give another.

What is declared of subjects (`registry.declarations`) is set in the same job before anything is decided: schemas are
judged by the level that the plan gives their subject. Owners come last, as a subject has to be there for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from registry import declarations, registration
from registry.declarations import OWNER, Keeper, Permit, Setting, Wanted
from registry.errors import (
    Denied,
    Incompatible,
    InvalidRequest,
    RegistryError,
    StalePlan,
    Unavailable,
)
from registry.events import Actor
from registry.formats.base import Change, Reference
from registry.names import LATEST, Subject
from registry.objections import Objector
from registry.policy import Config
from registry.references import Resolver
from registry.registration import Proposal, Registered, Registration
from registry.store.engine import Db, Settled, Store

CREATE: Final = "create"
VERSION: Final = "version"
UNCHANGED: Final = "unchanged"
REFUSED: Final = "refused"
BLOCKED: Final = "blocked"
"""It refers to a schema that is refused."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A schema to register, and what is declared of its subject."""

    registration: Registration
    wanted: Wanted = field(default_factory=dict)

    @property
    def subject(self) -> Subject:
        return self.registration.subject


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one schema: `action`, and as it comes to that the registration, its changes, or the refusal.

    `reason` is a sentence where it is refused or blocked; `basis` what the step rests on, for the hash; `settings` what
    becomes another one of its subject's.
    """

    subject: Subject
    action: str
    basis: tuple[str | int | None, ...]
    registered: Registered | None = None
    changes: Sequence[Change] = ()
    refusal: RegistryError | None = None
    reason: str = ""
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in the order they were asked for. `settings` are those that belong to no subject: environments."""

    steps: tuple[Step, ...]
    settings: tuple[Setting, ...] = ()

    @property
    def state(self) -> str:
        """One hash of all that the plan says and rests on."""
        rows = [[str(each.subject), each.action, *each.basis, *_plain(each.settings)] for each in self.steps]
        rows += [["", *_plain(self.settings)]] if self.settings else []
        return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()

    @property
    def changing(self) -> bool:
        """Whether something would be different afterwards, or cannot be as it is asked."""
        return bool(self.settings) or any(each.action != UNCHANGED or each.settings for each in self.steps)


def _plain(settings: Sequence[Setting]) -> list[list[Any]]:
    return [[each.name, each.old, each.new] for each in settings]


@dataclass(frozen=True, slots=True)
class _Later:
    """A schema that refers to one that is not there before the plan is carried out."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A new version, not written yet."""

    proposal: Proposal
    changes: Sequence[Change]


_Draft = Sequence[Step | _Decided | _Later]


@dataclass(frozen=True, slots=True)
class Declared:
    """Who keeps what is declared, who may set what, and the environments that are declared."""

    keeper: Keeper | None
    permit: Permit
    environments: Sequence[Wanted] = ()


@dataclass(slots=True)
class _Planner:
    """Decides one schema after the other within one transaction. With an actor it writes."""

    db: Db
    server: Config
    objector: Objector | None
    planned: Mapping[Subject, int]
    actor: Actor | None = None
    refused: Mapping[Subject, RegistryError] = field(default_factory=dict)
    """Subjects that something declared could not be set of."""
    resolver: Resolver = field(init=False)

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.db)  # a version that was read stays what it is

    def steps(self, asked: Sequence[Registration], draft: _Draft = ()) -> list[Step | _Decided | _Later]:
        """What becomes of each, as far as it can be said; `draft` is what is known from a read."""
        done: list[Step | _Decided | _Later] = []
        for place, request in enumerate(asked):
            known = draft[place] if draft else _Later()
            done.append(self._step(request, done) if isinstance(known, _Later) else self._written(known))
        return done

    def _step(self, request: Registration, done: Sequence[Step | _Decided | _Later]) -> Step | _Decided | _Later:
        numbered: list[Reference] = []
        for reference in request.references:
            target = Subject.parse(reference.subject, request.subject.context)
            place = self.planned.get(target)
            if place is None or reference.version != LATEST:
                numbered.append(reference)
                continue
            before = done[place]
            if not isinstance(before, Step):
                return _Later()
            if before.registered is None:
                reason = f"It refers to '{target}', which is {before.action}"
                return Step(request.subject, BLOCKED, (reason,), reason=reason)
            numbered.append(replace(reference, version=before.registered.version.version))
        return self._decided(replace(request, references=tuple(numbered)))

    def _decided(self, request: Registration) -> Step | _Decided:
        try:
            if (error := self.refused.get(request.subject)) is not None:
                raise error
            decision = registration.decide(
                self.db, request, self.server, objector=self.objector, resolver=self.resolver
            )
        except Unavailable:
            raise
        except RegistryError as error:
            reasons = [error.data["conflicts"]] if isinstance(error, Incompatible) else []
            basis = (str(error), *(str(each.finding) for found in reasons for each in found))
            return Step(request.subject, REFUSED, basis, refusal=error, reason=str(error))
        if isinstance(decision, Settled):
            there = decision.answer.version
            return Step(request.subject, UNCHANGED, (there.version, there.guid), decision.answer)
        return self._written(_Decided(decision, registration.changed(self.db, decision)), fresh=True)

    def _written(self, known: Step | _Decided, *, fresh: bool = False) -> Step | _Decided:
        if isinstance(known, Step) or self.actor is None:
            return known
        proposal = known.proposal
        done = registration.commit(self.db, proposal, self.actor, self.objector, fresh=fresh)
        action = CREATE if proposal.previous is None else VERSION
        basis = (proposal.number, proposal.content.fingerprint.hex(), proposal.revision)
        return Step(proposal.subject, action, basis, done, known.changes)


async def carried_out(
    store: Store,
    asked: Sequence[Asked],
    server: Config,
    actor: Actor,
    objector: Objector | None,
    declared: Declared,
    *,
    dry_run: bool,
    state: str | None = None,
) -> Plan:
    """Register all of them and set what is declared, or rehearse it. `asked` is in an order in which each comes after
    what it refers to.

    A reference to the latest version (-1) of a subject of the plan means the schema that the plan gives it. The same
    plan again changes nothing. Raises InvalidRequest for two schemas of one subject and for a reference to a later one;
    Denied for a setting that the caller may not change; unless it is a dry run StalePlan when `state` is not the
    plan's, and what the first refused schema is refused with.
    """
    requests = [each.registration for each in asked]
    for each in asked:
        declarations.require_known(each.wanted, declared.keeper)
    planned = _planned(requests)

    def decide(db: Db) -> _Draft | Settled[Plan]:
        settings, environments = _Settings(db, asked, server, declared).found()
        if environments or any(each.name != OWNER for listed in settings for each in listed):
            return ()  # what schemas are judged by changes, so that all is decided where it is set
        draft = _Planner(db, server, objector, planned).steps(requests)
        settled = [each for each in draft if isinstance(each, Step)]
        if len(settled) == len(draft) and not any(settings):
            return Settled(judged(settled, [], settings))
        return draft

    def write(db: Db, draft: _Draft) -> Plan:
        wanted = _Settings(db, asked, server, declared)
        settings, environments = wanted.found()
        refused = wanted.keep(actor, settings, environments) if environments or any(settings) else {}
        done = _Planner(db, server, objector, planned, actor, refused).steps(requests, draft)
        steps = [each for each in done if isinstance(each, Step)]
        wanted.own(actor, steps, settings)
        return judged(steps, environments, settings)

    def judged(steps: Sequence[Step], environments: Sequence[Setting], settings: Sequence[Sequence[Setting]]) -> Plan:
        told = [
            replace(step, settings=tuple(listed)) if listed else step
            for step, listed in zip(steps, settings, strict=True)
        ]
        plan = Plan(tuple(told), tuple(environments))
        if not dry_run:
            _require(plan, state)
        return plan

    return await store.decide_and_write(decide, write, dry_run=dry_run)


class _Settings:
    """What is declared, within one transaction."""

    def __init__(self, db: Db, asked: Sequence[Asked], server: Config, declared: Declared) -> None:
        self.db, self.asked, self.server, self.declared = db, asked, server, declared
        self.keeping = None if declared.keeper is None else declared.keeper.within(db)

    def found(self) -> tuple[list[list[Setting]], Sequence[Setting]]:
        """What changes, by schema, and the environments that do. Raises Invalid."""
        settings = [
            declarations.differing(self.db, each.subject, each.wanted, self.server, self.keeping) for each in self.asked
        ]
        keeping, environments = self.keeping, self.declared.environments
        return settings, () if keeping is None else keeping.differing_environments(environments)

    def keep(
        self, actor: Actor, settings: Sequence[Sequence[Setting]], environments: Sequence[Setting]
    ) -> dict[Subject, RegistryError]:
        """Set it, all but owners; what could not be set, by subject. Raises Denied."""
        keeping, permit = self.keeping, self.declared.permit
        if keeping is not None:
            keeping.keep_environments(actor, environments, permit)
        refused: dict[Subject, RegistryError] = {}
        for each, listed in zip(self.asked, settings, strict=True):
            if any(setting.name != OWNER for setting in listed):
                try:
                    declarations.keep(self.db, actor, each.subject, each.wanted, listed, self.server, keeping, permit)
                except (Denied, Unavailable):
                    raise
                except RegistryError as error:
                    refused[each.subject] = error
        if keeping is not None:
            keeping.kept()
        return refused

    def own(self, actor: Actor, steps: Sequence[Step], settings: Sequence[Sequence[Setting]]) -> None:
        """Set the owners of subjects that are there. Raises Denied."""
        for each, step, listed in zip(self.asked, steps, settings, strict=True):
            if step.registered is not None and any(setting.name == OWNER for setting in listed):
                declarations.own(self.db, actor, each.subject, each.wanted, self.declared.permit)


def _require(plan: Plan, state: str | None) -> None:
    if not plan.changing:
        return  # carried out before, by this plan or by somebody else
    if state is not None and plan.state != state:
        raise StalePlan(reason="a subject, a setting or a referenced schema has changed since")
    for step in plan.steps:
        if step.refusal is not None:
            raise step.refusal


def _planned(asked: Sequence[Registration]) -> dict[Subject, int]:
    planned: dict[Subject, int] = {}
    for place, request in enumerate(asked):
        if planned.setdefault(request.subject, place) != place:
            raise InvalidRequest(f"Two schemas are for subject '{request.subject}'")
    for place, request in enumerate(asked):
        for reference in request.references:
            target = Subject.parse(reference.subject, request.subject.context)
            if reference.version == LATEST and planned.get(target, -1) >= place:
                raise InvalidRequest(
                    f"The schema of '{request.subject}' refers to that of '{target}', which must come before it"
                )
    return planned
