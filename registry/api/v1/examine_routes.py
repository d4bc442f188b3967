"""Check, compare, sample and lint schemas that need not be registered; and what each rule means.

What searches for events runs in a worker process under a deadline: what was not found in time says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from litestar.params import FromPath, JSONBody

from registry import errors, examine, formats, objections, registration, subjects
from registry.api.v1 import render, wire
from registry.api.v1.routes import get, post
from registry.evolution.levels import Conflict, level
from registry.formats.base import Policy, Reference, Source, Verdict
from registry.names import DEFAULT_CONTEXT, Subject
from registry.references import Beside, Resolver
from registry.security.access import PUBLIC, Action, Needs
from registry.security.guard import actor_of, see_references, sees
from registry.security.identity import Caller
from registry.services import Call, Services, services
from registry.store.engine import Db
from registry.workers import WorkerDied, WorkerTimeout

READ_ALL = Needs(Action.READ, "schema", filtered=True)
READ = Needs(Action.READ, "subject", "subject")
_SECONDS = 2.0
_MOST_EXPLAINED = 5
_GRAVITY = (Verdict.COMPATIBLE.value, Verdict.UNKNOWN.value, Verdict.BREAKS.value)


def _source(
    resolver: Resolver, text: str, references: Sequence[wire.NamedSchema], format: str, actor: Caller
) -> Source:
    found = []
    for each in references:
        if each.schema is not None:
            found.append((each.name, _source(resolver, each.schema, each.references, format, actor)))
            continue
        if each.subject is None:
            raise errors.InvalidSchema(format, f"reference '{each.name}' has neither a subject nor a schema")
        reference = Reference(each.name, each.subject, each.version)
        see_references(actor, [reference], DEFAULT_CONTEXT, format)
        found += resolver.source("", [reference], DEFAULT_CONTEXT, format).references
    return Source(text, tuple(found))


def data_of(db: Db, actor: Caller, given: wire.SchemaText, *, strict: bool = True) -> dict[str, Any]:
    """A schema as the worker takes it, once it is known to parse."""
    format = given.schema_type.upper()
    source = _source(Resolver(db), given.schema, given.references, format, actor)
    formats.parse(format, source, strict=strict)
    return {"format": format, **examine.plain(source)}


async def _in_worker(parts: Services, function: str, *arguments: Any) -> Any:
    return await asyncio.to_thread(parts.workers.call, f"registry.examine:{function}", *arguments, seconds=_SECONDS + 3)


@post("/check", READ_ALL, errors.InvalidSchema, errors.InvalidLevel, summary="Check two texts against each other")
async def check(request: Call, data: JSONBody[wire.CheckRequest]) -> wire.Checked:
    """No subject is needed. The verdict with every reason, an event that shows each, and edits that remove it."""
    parts, wanted = services(request), level(data.level).name
    if data.policy.upper() not in Policy.__members__:
        raise errors.InvalidConfig(f"Invalid policy '{data.policy}'. Valid values are strict, lenient, logical")
    actor = actor_of(request)
    new, old = await parts.read(
        lambda db: (data_of(db, actor, data.new), data_of(db, actor, data.old, strict=False)), heavy=True
    )
    answer = await _checked(parts, new, old, wanted, data.policy.upper())
    return msgspec.convert(answer, wire.Checked)


async def _checked(parts: Services, new: Any, old: Any, level: str, policy: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = await _in_worker(parts, "check", new, old, level, policy, _SECONDS)
    except (WorkerTimeout, WorkerDied):
        answer = await asyncio.to_thread(examine.verdict, new, old, level, policy)
    return answer


@post(
    "/subjects/{subject:str}/check",
    READ,
    errors.InvalidSchema,
    errors.InvalidSubject,
    errors.NotFound,
    summary="Check a schema against a subject's history",
)
async def check_subject(
    request: Call, subject: FromPath[str], data: JSONBody[wire.SubjectCheckRequest]
) -> wire.Checked:
    """What registering it would find, by the very code that registers, against every version the level looks at."""
    parts, actor = services(request), actor_of(request)
    if data.tag is not None and parts.objector is None:
        raise errors.InvalidRequest("Nothing here knows what is in use where")

    def job(db: Db) -> tuple[Sequence[Conflict], Any, Mapping[str, Any] | None, Any, dict[int, Any], Any]:
        asked = render.registration(Subject.parse(subject), data, normalize=False)
        see_references(actor, asked.references, asked.subject.context, asked.format)
        asked = replace(asked, beside=_beside(actor, data.beside))
        named = subjects.aliased(db, asked.subject)
        use = None if data.tag is None or parts.objector is None else parts.objector.in_use(db, data.tag, named)
        found, settings, history = registration.check(
            db, asked, parts.server_config, versions=None if use is None else use.versions, objector=parts.objector
        )
        resolver = Resolver(db, asked.beside)
        source = resolver.source(asked.text, asked.references, named.context, asked.format)
        new = {"format": asked.format, **examine.plain(source)}
        wanted = list(dict.fromkeys(conflict.version for conflict in found))[:_MOST_EXPLAINED]
        if use is not None:
            wanted = [version.version for version in history][:_MOST_EXPLAINED]
        elif not wanted and history:
            wanted = [history[0].version]
        earlier = {
            version.version: {
                "format": version.content.format,
                **examine.plain(
                    resolver.source(
                        version.content.text, version.content.references, named.context, version.content.format
                    )
                ),
            }
            for version in history
            if version.version in wanted
        }
        hurt = None
        if parts.objector is not None:
            candidate, live = registration.candidate(db, asked, parts.server_config)[1:]
            among = None if use is None else use.applications
            hurt = parts.objector.impact(db, named, candidate, live, sees(actor), among)
        return found, settings, hurt, new, earlier, [version.version for version in history]

    found, settings, hurt, new, earlier, there = await parts.read(job, heavy=True)
    answer: dict[str, Any] = {
        "level": settings.level.name,
        "policy": settings.policy.value,
        "compatible": not any(conflict.breaks for conflict in found),
        "findings": [],
        "impact": hurt,
        "versions": there,
    }
    explained: dict[int, dict[str, Any]] = {}
    for version, old in earlier.items():
        explained[version] = await _checked(parts, new, old, settings.level.name, settings.policy.value)
    for version, one in explained.items():
        answer["findings"] += [{**finding, "version": version} for finding in one["findings"]]
    answer["findings"] += [
        examine.finding(conflict)
        for conflict in found
        if conflict.version not in explained
        or conflict.finding.rule.startswith("RESERVED_")
        or conflict.finding.rule in objections.RULES
    ]
    # Of versions that are in use each counts, of a history the newest has the word.
    shown = max(
        explained, key=lambda version: (data.tag is not None and _gravity(explained[version]), version), default=0
    )
    newest = explained.get(shown, {})
    answer |= {key: newest[key] for key in ("semantic", "differs", "changes") if key in newest}
    _accept(answer, found)
    return msgspec.convert(answer, wire.Checked)


def _accept(answer: dict[str, Any], found: Sequence[Conflict]) -> None:
    """Of what waivers accept the explanations are warnings, too."""
    accepted = {_key(examine.finding(each)): each.finding.accepted for each in found if each.finding.accepted}
    if not accepted:
        return
    for each in answer["findings"]:
        if each["severity"] == "error" and (told := accepted.get(_key(each))):
            each |= {"severity": "warning", "sentence": f"{each['sentence']} {told}"}
    broken = {each["direction"] for each in answer["findings"] if each["severity"] == "error"}
    waived = {direction for _, _, _, direction in accepted} - broken
    for direction, meaning in answer.get("semantic", {}).items():
        if direction in waived and meaning["verdict"] == "breaks":
            meaning["accepted"] = True


def _key(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return finding["rule"], finding["path"], finding["version"], finding["direction"]


def _beside(actor: Caller, given: Sequence[wire.PlannedSchema]) -> dict[Subject, Beside]:
    found = {}
    for each in given:
        named, format = Subject.parse(each.subject), each.schema_type.upper()
        references = tuple(Reference(one.name, one.subject, one.version) for one in each.references)
        see_references(actor, references, named.context, format)
        found[named] = Beside(each.schema, format, references)
    return found


def _gravity(explained: Mapping[str, Any]) -> int:
    verdicts = [each["verdict"] for each in explained["semantic"].values()]
    return max((_GRAVITY.index(verdict) for verdict in verdicts), default=0)


@post("/diff", READ_ALL, errors.InvalidSchema, errors.InvalidRequest, summary="What changed between two texts")
async def diff(request: Call, data: JSONBody[wire.DiffRequest]) -> wire.Diff:
    """Added, removed, moved, renamed, retyped, constrained, loosened, or documentation only."""
    parts = services(request)
    actor = actor_of(request)
    new, old = await parts.read(
        lambda db: (data_of(db, actor, data.new), data_of(db, actor, data.old, strict=False)), heavy=True
    )
    changes = await asyncio.to_thread(examine.diff, new, old)
    return wire.Diff(msgspec.convert(changes, list[wire.Change]))


@post("/sample", READ_ALL, errors.InvalidSchema, errors.TimedOut, summary="Valid events of a schema")
async def sample(request: Call, data: JSONBody[wire.SampleRequest]) -> wire.Samples:
    """Minimal, maximal and edge events first, then random ones."""
    parts = services(request)
    schema = await parts.read(lambda db: data_of(db, actor_of(request), data.schema), heavy=True)
    samples = await _in_worker(parts, "sample", schema, data.count, data.seed)
    return wire.Samples(msgspec.convert(samples, list[wire.SampleEvent]))


@post("/lint", READ_ALL, errors.InvalidSchema, summary="What could be better about a schema")
async def lint(request: Call, data: JSONBody[wire.SchemaText]) -> wire.Remarks:
    """Remarks with their places in the text."""
    parts = services(request)
    schema = await parts.read(lambda db: data_of(db, actor_of(request), data), heavy=True)
    remarks = await asyncio.to_thread(examine.lint, schema)
    return wire.Remarks(msgspec.convert(remarks, list[wire.Remark]))


@get("/rules", PUBLIC, summary="Every rule and what it means")
async def rules(request: Call) -> list[wire.RuleText]:
    """Rules of findings and of lint, by format; those of policies belong to none."""
    told = [(rule, format, text) for format in formats.NAMES for rule, text in examine.rules(format).items()]
    told += [(rule, "", text) for rule, text in {**objections.RULES, **examine.IMPACT}.items()]
    return [wire.RuleText(*each) for each in told]


HANDLERS = [check, check_subject, diff, sample, lint, rules]
