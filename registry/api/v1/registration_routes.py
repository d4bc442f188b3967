"""`POST /subjects/{s}/versions`: register, with what changed and what was found; or rehearse it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.params import FromPath, JSONBody, QueryParameter

from registry import errors, idempotency, registration
from registry.api.v1 import render, wire
from registry.api.v1.routes import DryRun, IdempotencyKey, answer, post
from registry.events import Actor
from registry.formats.base import Change
from registry.idempotency import Answer, Claim
from registry.objections import Candidate, Objector
from registry.policy import Config
from registry.references import Resolver
from registry.registration import Proposal, Registered, Registration
from registry.security.access import Action, Needs
from registry.security.guard import Sees, actor_of, see_references, sees
from registry.services import Call, services
from registry.store.engine import Db, Settled

WRITE = Needs(Action.WRITE, "subject", "subject")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A decision that still has to be written: a new version, or only the answer under its key."""

    decided: Proposal | Registered
    changes: Sequence[Change] = ()
    impact: Mapping[str, Any] | None = None


def _plan(
    db: Db,
    asked: Registration,
    server: Config,
    claim: Claim | None,
    objector: Objector | None,
    visible: Sees | None,
) -> _Plan | Settled[Answer]:
    if claim is not None and (before := idempotency.remembered(db, claim)) is not None:
        return Settled(before)
    decision = registration.decide(db, asked, server, objector=objector)
    if isinstance(decision, Proposal):
        return _Plan(decision, registration.changed(db, decision), _impact(db, decision, objector, visible))
    return Settled(_answer(decision.answer, ())) if claim is None else _Plan(decision.answer)


def _impact(db: Db, proposal: Proposal, objector: Objector | None, visible: Sees | None) -> Mapping[str, Any] | None:
    """Whom the new version hurts, as far as the caller may know."""
    if objector is None:
        return None
    content = proposal.content
    candidate = Candidate.of(Resolver(db).parsed(content, proposal.subject.context), content)
    history = [] if proposal.previous is None else [proposal.previous]
    return objector.impact(db, proposal.subject, candidate, history, visible)


def _carry_out(db: Db, plan: _Plan, actor: Actor, claim: Claim | None, objector: Objector | None) -> Answer:
    def work(db: Db) -> Answer:
        decided = plan.decided
        done = registration.commit(db, decided, actor, objector) if isinstance(decided, Proposal) else decided
        return _answer(done, plan.changes if done.created else (), plan.impact if done.created else None)

    return idempotency.once(db, claim, work)


def _answer(done: Registered, changed: Sequence[Change], impact: Mapping[str, Any] | None = None) -> Answer:
    return Answer(201 if done.created else 200, msgspec.json.encode(render.registered(done, changed, impact)))


@post(
    "/subjects/{subject:str}/versions",
    WRITE,
    errors.Incompatible,
    errors.InvalidSchema,
    errors.VersionNotNext,
    errors.OperationNotPermitted,
    errors.IdMismatch,
    errors.InvalidSubject,
    errors.InvalidRuleSet,
    errors.IdempotencyConflict,
    summary="Register a schema",
    status_code=201,
    answers={200: answer(wire.Registration, "The subject has the schema already, or it was a dry run.")},
)
async def register(
    request: Call,
    subject: FromPath[str],
    data: JSONBody[wire.RegisterRequest],
    normalize: Annotated[
        bool, QueryParameter(name="normalize", description="use the normal form of the schema")
    ] = False,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
) -> Response[wire.Registration]:
    """The version, what changed from the one before, warnings, and whom it hurts. 201 when the version is new.

    A dry run goes the whole way and is rolled back. Under an `Idempotency-Key` the same request is done once: sent
    again, also after a restart, it gets the same answer, with the header `Idempotency-Replayed: true`.
    """
    parts, actor = services(request), actor_of(request)
    named = await parts.read(lambda db: parts.writable(db, subject))
    asked = render.registration(named, data, normalize=normalize)
    see_references(actor, asked.references, named.context, asked.format)
    claim = None
    if idempotency_key is not None and not dry_run:
        claim = idempotency.claim(actor, idempotency_key, "register", str(named), normalize, data)
    with nullcontext() if dry_run else parts.telling(named):
        done = await parts.store.decide_and_write(
            lambda db: _plan(db, asked, parts.server_config, claim, parts.objector, sees(actor)),
            lambda db, plan: _carry_out(db, plan, actor, claim, parts.objector),
            dry_run=dry_run,
        )
    return Response(
        msgspec.json.decode(done.body, type=wire.Registration),
        status_code=200 if dry_run else done.status,
        headers={"idempotency-replayed": "true"} if done.again else {},
    )


HANDLERS = [register]
