"""Is an upcaster right? Runs a plan on events of the old schema and holds the outcome against the new one.

    P1 total        it makes something of every valid old event
    P2 valid        what it makes is valid under the new schema
    P3 pure         the old event is untouched, and the second run makes the same
    P4 oracle       where Avro's own resolution has a reading of the old bytes, it is this one
    P5 fused        a chain in one plan makes what its hops make one after the other
    P6 interpreted  the compiled function makes what the interpreter makes
    P7 inverse      where a downcast without losses is claimed, it restores the old event
    P8 translated   its JSONata makes the same, as far as JSONata has numbers for it
    P9 coverage     every branch, symbol, null and emptiness of the old schema was among the events

What it says is an attestation: `results` by property (passed, failed, or not applicable and why), the number of events,
the seed, hashes of the plan and both schemas. A failure carries the smallest event found that shows it. The server runs
it in a worker process: plans and schemas may be anybody's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from registry import formats
from registry.evolution.upcasts import derive as derived
from registry.examine import source_of
from registry.formats.base import Schema
from registry.proving.case import Case
from registry.proving.events import events
from tenor.plans import Plan, compile_plan, from_data, plan_hash, to_data
from tenor.plans.nodes import Custom, walk
from tenor.plans.values import decode, encode

Data = Mapping[str, Any]
EXAMPLES = 1000


def derive(old: Data, new: Data, decisions: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The plan between two schemas as data, with its hash and what is still open. Raises InvalidSchema, TenorError."""
    before, after = _parsed(old), _parsed(new)
    return described(derived(before, after, decisions))


def described(plan: Plan) -> dict[str, Any]:
    """A plan with what one wants to know about it at a glance."""
    return {
        "plan": to_data(plan),
        "hash": plan_hash(plan),
        "lossy": plan.lossy,
        "open": [
            {"path": step.path, "certainty": step.certainty, "sentence": step.sentence, "candidates": _candidates(step)}
            for step in plan.unsettled
        ],
    }


def prove(
    old: Data,
    new: Data,
    plan: Any,
    examples: int = EXAMPLES,
    seed: int = 0,
    hops: Sequence[Any] = (),
    seconds: float = 20,
    samples: Sequence[Any] = (),
) -> dict[str, Any]:
    """The attestation of a plan, given as data. `hops` are the plans a fused one was made of.

    `samples` are events that somebody recorded, as plans write constants: a second corpus beside those made here.

    Stops with what it has after so many seconds. Raises InvalidSchema, and TenorError for a plan that cannot be run.
    """
    checked = from_data(plan)
    case = Case(_parsed(old), _parsed(new), checked, time.monotonic() + seconds)
    if any(isinstance(node, Custom) for part in (checked.root, *checked.parts.values()) for node in walk(part)):
        case.results = {"P1": "not applicable: hand-written steps run in the consumer's own package only"}
        return case.attestation(0, seed)
    count = case.run(examples, seed, [from_data(each) for each in hops], [decode(each) for each in samples])
    return case.attestation(count, seed)


def examples(old: Schema, new: Schema, plan: Plan, count: int) -> list[list[Any]]:
    """Old events and what a plan makes of them, as plans write constants. None of a plan that cannot be run here."""
    custom = any(isinstance(node, Custom) for part in (plan.root, *plan.parts.values()) for node in walk(part))
    if plan.todos or custom:
        return []
    upcast = compile_plan(plan, unconfirmed=True)
    return [[encode(event), encode(upcast(event))] for event, _ in islice(events(old, new, 0), count)]


def _candidates(step: Any) -> list[dict[str, Any]]:
    return [{"path": each.path, "reason": each.reason, "score": each.score} for each in step.candidates]


def _parsed(data: Data) -> Schema:
    return formats.parse(data["format"], source_of(data), strict=False)
