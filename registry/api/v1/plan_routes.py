"""`POST /plans`: what registering many schemas together would do, or doing it, all or nothing."""

from __future__ import annotations

from dataclasses import astuple

import msgspec
from litestar.params import JSONBody

from registry import errors, names, plans
from registry.api.v1 import render, wire
from registry.api.v1.errors import problem
from registry.api.v1.routes import DryRun, post
from registry.names import Subject
from registry.plans import Asked, Declared, Plan, Step
from registry.security.access import Action, Needs
from registry.security.guard import actor_of, decide, see_references
from registry.security.identity import Caller
from registry.services import Call, Services, services
from registry.store.engine import Db
from registry.store.queries import settings

WRITE_SOME = Needs(Action.WRITE, "subject", filtered=True)


@post(
    "/plans",
    WRITE_SOME,
    errors.StalePlan,
    errors.Incompatible,
    errors.InvalidSchema,
    errors.OperationNotPermitted,
    errors.InvalidSubject,
    errors.InvalidRuleSet,
    errors.InvalidRequest,
    summary="Register many schemas, all or none",
)
async def plan(request: Call, data: JSONBody[wire.PlanRequest], dry_run: DryRun = False) -> wire.Plan:
    """Each schema comes after those that it refers to; a reference to version -1 of a subject of the plan is one to
    the schema that the plan gives it. A dry run goes the whole way and is rolled back; schemas that are refused are
    then told among the others. Its `state`, sent back, makes sure that nothing else is done than it said. Settings that
    are declared are set in the same act, before schemas are judged; changing one needs what its own route needs.
    """
    parts, actor = services(request), actor_of(request)
    environments = [msgspec.to_builtins(each) for each in data.environments]

    def permit(action: str, resource: str) -> None:
        decide(actor, Action(action), resource)

    def job(db: Db) -> list[Asked]:
        aliases = frozenset(scope for scope, _ in settings.aliases(db))
        return [_asked(db, parts, actor, each, aliases) for each in data.schemas]

    asked = await parts.read(job, heavy=True)
    try:
        done = await plans.carried_out(
            parts.store,
            asked,
            parts.server_config,
            actor,
            parts.objector,
            Declared(parts.keeper, permit, environments),
            dry_run=dry_run,
            state=data.state,
        )
    except errors.Incompatible as refusal:
        if parts.objector is not None:
            parts.objector.refused(Subject.parse(refusal.data["subject"]), refusal.data["conflicts"])
        raise
    return _told(done, dry_run=dry_run)


def _asked(db: Db, parts: Services, actor: Caller, given: wire.PlannedSchema, aliases: frozenset[str]) -> Asked:
    decide(actor, Action.WRITE, f"subject:{given.subject}")
    target = names.subject(given.subject, reject_empty=parts.settings.reject_empty_subject)
    if str(target) in aliases:  # asked once for all: most names mean themselves
        target = parts.writable(db, given.subject)
    decide(actor, Action.WRITE, f"subject:{target}")
    body = wire.RegisterRequest(
        schema=given.schema,
        schema_type=given.schema_type,
        references=given.references,
        metadata=given.metadata,
        rule_set=given.rule_set,
    )
    asked = render.registration(target, body, normalize=given.normalize)
    see_references(actor, asked.references, target.context, asked.format)
    return Asked(asked, {} if given.settings is None else msgspec.to_builtins(given.settings))


def _told(done: Plan, *, dry_run: bool) -> wire.Plan:
    return wire.Plan(
        state=done.state,
        applied=not dry_run,
        schemas=[_step(each, dry_run) for each in done.steps],
        settings=[wire.SettingChange(*astuple(each)) for each in done.settings],
    )


def _step(step: Step, dry_run: bool) -> wire.PlanStep:
    found, answer = step.registered, wire.PlanStep(str(step.subject), step.action, reason=step.reason)
    answer.settings = [wire.SettingChange(*astuple(each)) for each in step.settings]
    if found is not None:
        answer.version = found.version.version
        answer.id = None if dry_run and found.created else found.version.id
        answer.changes = [render.change(each) for each in step.changes]
        answer.findings = [render.finding(each) for each in found.conflicts]
    elif step.refusal is not None:
        answer.problem = problem(step.refusal)
        answer.findings = answer.problem.findings
    return answer


HANDLERS = [plan]
