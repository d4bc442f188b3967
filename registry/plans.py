"""Use case: what registering many schemas together would do, and doing it, all or nothing.

A plan is decided in a read as far as that goes; what is new, and whatever refers to it, is registered in one write job.
A dry run is that very job, rolled back. What a plan says, and the revisions of the subjects it would change, are one
hash, `Plan.state`: a plan is stale when doing it now would give another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from registry import registration
from registry.errors import Incompatible, InvalidRequest, RegistryError, StalePlan, Unavailable
from registry.events import Actor
from registry.formats.base import Change, Reference
from registry.names import LATEST, Subject
from registry.objections import Objector
from registry.policy import Config
from registry.registration import Proposal, Registered, Registration
from registry.store.engine import Db, Settled, Store

CREATE: Final = "create"
VERSION: Final = "version"
UNCHANGED: Final = "unchanged"
REFUSED: Final = "refused"
BLOCKED: Final = "blocked"
"""It refers to a schema that is refused."""


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one schema: `action`, and as it comes to that the registration, its changes, or the refusal.

    `reason` is a sentence where it is refused or blocked; `basis` what the step rests on, for the hash.
    """

    subject: Subject
    action: str
    basis: tuple[str | int | None, ...]
    registered: Registered | None = None
    changes: Sequence[Change] = ()
    refusal: RegistryError | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in the order they were asked for."""

    steps: tuple[Step, ...]

    @property
    def state(self) -> str:
        """One hash of all that the plan says and rests on."""
        rows = [[str(each.subject), each.action, *each.basis] for each in self.steps]
        return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()

    @property
    def changing(self) -> bool:
        """Whether something would be different afterwards, or cannot be as it is asked."""
        return any(each.action != UNCHANGED for each in self.steps)


@dataclass(frozen=True, slots=True)
class _Later:
    """A schema that refers to one that is not there before the plan is carried out."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A new version, not written yet."""

    proposal: Proposal
    changes: Sequence[Change]


_Draft = Sequence[Step | _Decided | _Later]


@dataclass(slots=True)
class _Planner:
    """Decides one schema after the other within one transaction. With an actor it writes."""

    db: Db
    server: Config
    objector: Objector | None
    planned: Mapping[Subject, int]
    actor: Actor | None = None

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
            decision = registration.decide(self.db, request, self.server, objector=self.objector)
        except Unavailable:
            raise
        except RegistryError as error:
            reasons = [error.data["conflicts"]] if isinstance(error, Incompatible) else []
            basis = (str(error), *(str(each.finding) for found in reasons for each in found))
            return Step(request.subject, REFUSED, basis, refusal=error, reason=str(error))
        if isinstance(decision, Settled):
            there = decision.answer.version
            return Step(request.subject, UNCHANGED, (there.version, there.guid), decision.answer)
        return self._written(_Decided(decision, registration.changed(self.db, decision)))

    def _written(self, known: Step | _Decided) -> Step | _Decided:
        if isinstance(known, Step) or self.actor is None:
            return known
        proposal = known.proposal
        done = registration.commit(self.db, proposal, self.actor, self.objector)
        action = CREATE if proposal.previous is None else VERSION
        basis = (proposal.number, proposal.content.fingerprint.hex(), proposal.revision)
        return Step(proposal.subject, action, basis, done, known.changes)


async def carried_out(
    store: Store,
    asked: Sequence[Registration],
    server: Config,
    actor: Actor,
    objector: Objector | None,
    *,
    dry_run: bool,
    state: str | None = None,
) -> Plan:
    """Register all of them, or rehearse it. `asked` is in an order in which each comes after what it refers to.

    A reference to the latest version (-1) of a subject of the plan means the schema that the plan gives it. The same
    plan again changes nothing. Raises InvalidRequest for two schemas of one subject and for a reference to a later one;
    unless it is a dry run StalePlan when `state` is not the plan's, and what the first refused schema is refused with.
    """
    planned = _planned(asked)

    def decide(db: Db) -> _Draft | Settled[Plan]:
        draft = _Planner(db, server, objector, planned).steps(asked)
        settled = [each for each in draft if isinstance(each, Step)]
        return Settled(judged(settled)) if len(settled) == len(draft) else draft

    def write(db: Db, draft: _Draft) -> Plan:
        done = _Planner(db, server, objector, planned, actor).steps(asked, draft)
        return judged([each for each in done if isinstance(each, Step)])

    def judged(steps: Sequence[Step]) -> Plan:
        plan = Plan(tuple(steps))
        if not dry_run:
            _require(plan, state)
        return plan

    return await store.decide_and_write(decide, write, dry_run=dry_run)


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
