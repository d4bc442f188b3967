"""Domain values of contract testing as the native API's wire shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contracts.api.v1 import wire
from contracts.impact import FieldUse, Reader
from contracts.protection import Protection, written
from contracts.rollout import Application, Plan, told
from registry.api.v1 import impact_wire
from registry.api.v1.render import time
from registry.evolution.windows import Held


def impact(found: Mapping[str, Any]) -> impact_wire.Impact:
    """An impact told as plain data."""
    return msgspec.convert(found, impact_wire.Impact)


def consumer(reader: Reader) -> wire.Consumer:
    """A reader with what it needs."""
    contracts = reader.contracts or ()
    return wire.Consumer(
        application=reader.application,
        version=reader.version,
        owner=reader.owner,
        places=[
            wire.Place(each.environment, time(each.since), each.production, each.instance, each.released)
            for each in reader.places
        ],
        evidence=[each.value for each in reader.evidence],
        partial=any(each.partial for each in contracts),
        gaps=[*reader.reasons, *(reason for each in contracts for reason in each.reasons)],
        last_seen=None if reader.seen is None else time(reader.seen),
        needs=[
            wire.NeedOf(
                need.path,
                need.presence.value,
                sorted(need.types),
                list(need.values),
                each.evidence.value,
                {situation: did.value for situation, did in sorted(need.when.items())},
            )
            for each in contracts
            for need in sorted(each.needs, key=lambda need: need.path)
        ],
    )


def fields(subject: str, version: int, used: Sequence[FieldUse], readers: Sequence[Reader]) -> wire.Fields:
    """Fields with their readers. A container whose inner fields are read is not unread."""
    read = {each.path for each in used if each.readers}
    return wire.Fields(
        subject=subject,
        version=version,
        fields=[
            wire.FieldUse(
                each.path,
                each.type,
                each.required,
                each.doc,
                each.in_schema,
                [wire.Reading(*who) for who in each.readers],
            )
            for each in used
        ],
        unread=[
            each.path
            for each in used
            if each.in_schema and not each.readers and not any(path.startswith(each.path + "/") for path in read)
        ],
        complete=bool(readers) and all(_complete(each) for each in readers),
    )


def _complete(reader: Reader) -> bool:
    return bool(reader.contracts) and not any(each.partial or each.reasons for each in reader.contracts or ())


def policy(scope: str, found: Protection) -> wire.ScopePolicy:
    """A policy of a scope."""
    body = written(found)
    return wire.ScopePolicy(scope, body.get("protect"), body.get("readable_for"))


def held(found: Sequence[Held]) -> list[wire.HeldVersion]:
    """Versions that must stay readable."""
    return [
        wire.HeldVersion(each.version, each.why, None if each.until is None else time(each.until), each.known)
        for each in found
    ]


def rollout(found: Plan, applications: Sequence[Application], environment: str) -> wire.Rollout:
    """An order of deployment."""
    return wire.Rollout(
        found.possible,
        list(found.steps),
        list(found.anytime),
        [wire.Constraint(each.first, each.then, each.why.value, each.known) for each in found.constraints],
        list(found.blocked),
        list(found.remedies),
        [wire.RolledOut(each.name, each.old, each.new) for each in applications],
        told(found, applications, environment),
    )
