"""One proof: the properties, each event, the smallest counterexample, the attestation."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from registry.evolution.upcasts import event_types, schema_key
from registry.formats.base import Schema
from registry.proving.coverage import reach, wanted
from registry.proving.events import as_text, codec, events, judge, judge_old, smaller
from registry.proving.targets import as_jsonata
from tenor import __version__
from tenor.errors import TenorError, UnusableSchema
from tenor.plans import Plan, compile_plan, interpret, plan_hash
from tenor.plans.inverse import invert

_CHECKED_BY_INTERPRETER = 200
_MOST_SHOWN = 4_000
_SHRINKING = 300
PASSED, FAILED = "passed", "failed"


@dataclass
class Case:
    """One proof in progress."""

    old: Schema
    new: Schema
    plan: Plan
    deadline: float
    results: dict[str, str] = field(default_factory=dict)
    counterexample: dict[str, Any] | None = None
    reached: set[str] = field(default_factory=set)
    reason: str = ""
    samples: dict[str, int] | None = None

    def run(self, examples: int, seed: int, hops: Sequence[Plan], samples: Sequence[Any] = ()) -> int:
        """Try the plan on so many events; how many it was."""
        upcast = compile_plan(self.plan, unconfirmed=True)
        complaint = judge(self.old, self.new)
        self.results = dict.fromkeys(("P1", "P2", "P3", "P6"), PASSED)
        checks: list[tuple[str, Callable[[Any, Any], str]]] = [("P2", lambda _, made: complaint(made))]
        self._more(checks, hops)
        count = 0
        oracle = _oracle(self.old, self.new) if not self.plan.unsettled else None
        if oracle is None:
            self.results["P4"] = "not applicable: Avro has no resolution of these schemas, or the plan goes beyond it"
        elif self.old.format == "AVRO":
            self.results["P4"] = PASSED
        types = event_types(self.old, self.new)[0]
        for event, data in islice(events(self.old, self.new, seed), examples):
            if time.monotonic() > self.deadline or self.counterexample is not None:
                break
            count += 1
            reach(types, event, "", self.reached)
            if property := self._one(upcast, event, checks, interpreted=count <= _CHECKED_BY_INTERPRETER):
                self._fail(property, upcast, event, checks)
            elif oracle is not None and data is not None and (differs := _differs(oracle, data, upcast, event)):
                self.results["P4"] = FAILED
                self.counterexample = {"property": "P4", "event": _shown(event), "reason": differs}
        self._sampled(upcast, samples, checks)
        missed = sorted(wanted(types) - self.reached)
        self.results["P9"] = PASSED if not missed else f"not reached: {', '.join(missed[:20])}"
        return count

    def _sampled(
        self,
        upcast: Callable[[Any], Any],
        samples: Sequence[Any],
        checks: Sequence[tuple[str, Callable[[Any, Any], str]]],
    ) -> None:
        """Try recorded events too; those that the old schema does not admit are counted and left out."""
        if not samples:
            return
        valid, admitted = judge_old(self.old, self.new), 0
        for event in samples:
            if self.counterexample is not None or time.monotonic() > self.deadline:
                break
            if valid(event):
                continue
            admitted += 1
            if property := self._one(upcast, event, checks, interpreted=True):
                self._fail(property, upcast, event, checks)
        self.samples = {"given": len(samples), "admitted": admitted}

    def _more(self, checks: list[tuple[str, Callable[[Any, Any], str]]], hops: Sequence[Plan]) -> None:
        if hops:
            self.results["P5"] = PASSED
            steps = [compile_plan(each, unconfirmed=True) for each in hops]

            def stepwise(event: Any, made: Any) -> str:
                for step in steps:
                    event = step(event)
                return "" if as_text(event) == as_text(made) else "the fused plan makes something else than its hops"

            checks.append(("P5", stepwise))
        translated = as_jsonata(self.plan)
        if isinstance(translated, str):
            self.results["P8"] = f"not applicable: {translated}"
        else:
            self.results["P8"] = PASSED
            checks.append(("P8", translated))
        inverse = invert(self.plan)
        if self.plan.todos or not inverse.lossless:
            self.results["P7"] = "not applicable: the way back loses something"
            return
        self.results["P7"] = PASSED
        down = compile_plan(inverse.plan, unconfirmed=True)
        checks.append(
            ("P7", lambda event, made: "" if as_text(down(made)) == as_text(event) else "the downcast differs")
        )

    def _one(
        self,
        upcast: Callable[[Any], Any],
        event: Any,
        checks: Sequence[tuple[str, Callable[[Any, Any], str]]],
        *,
        interpreted: bool,
    ) -> str:
        """The first property that an event shows to be broken; its reason is kept."""
        self.reason = ""
        before = as_text(event)
        try:
            made = upcast(event)
        except TenorError as error:
            self.reason = str(error)
            return "P1"
        if as_text(event) != before or as_text(upcast(event)) != as_text(made):
            self.reason = (
                "the old event was changed" if as_text(event) != before else "a second run makes something else"
            )
            return "P3"
        if interpreted and as_text(interpret(self.plan, event)) != as_text(made):
            self.reason = "the compiled function and the interpreter differ"
            return "P6"
        for name, check in checks:
            try:
                self.reason = check(event, made)
            except TenorError as error:
                self.reason = str(error)
            if self.reason:
                return name
        return ""

    def _fail(
        self,
        property: str,
        upcast: Callable[[Any], Any],
        event: Any,
        checks: Sequence[tuple[str, Callable[[Any, Any], str]]],
    ) -> None:
        """Keep the smallest event that breaks the same property."""
        self.results[property] = FAILED
        smallest, reason = event, self.reason
        valid = judge_old(self.old, self.new)
        tried = 0
        shrinking = True
        while shrinking and tried < _SHRINKING and time.monotonic() < self.deadline:
            shrinking = False
            for candidate in smaller(smallest):
                tried += 1
                if tried > _SHRINKING:
                    break
                if not valid(candidate) and self._one(upcast, candidate, checks, interpreted=True) == property:
                    smallest, reason, shrinking = candidate, self.reason, True
                    break
        self.counterexample = {"property": property, "event": _shown(smallest), "reason": reason}

    def attestation(self, count: int, seed: int) -> dict[str, Any]:
        """What is stored with the edge."""
        out: dict[str, Any] = {
            "plan": plan_hash(self.plan),
            "old": schema_key(self.old),
            "new": schema_key(self.new),
            "examples": count,
            "seed": seed,
            "tool": f"tenor-server {__version__}",
            "results": self.results,
            "proven": count > 0 and not self.plan.unsettled and FAILED not in self.results.values(),
        }
        if self.samples is not None:
            out["samples"] = self.samples
        if self.counterexample is not None:
            out["counterexample"] = self.counterexample
        return out


def _oracle(old: Schema, new: Schema) -> Callable[[bytes], Any] | None:
    """Avro's own resolution of old bytes, where there is one."""
    if old.format != "AVRO":
        return None
    try:
        resolve = codec(old).reader(None, codec(new))
    except UnusableSchema:
        return None
    return lambda data: resolve(data, 0)


def _differs(oracle: Callable[[bytes], Any], data: bytes, upcast: Callable[[Any], Any], event: Any) -> str:
    try:
        expected = oracle(data)
    except TenorError:
        return ""  # Avro has no reading of this event
    return "" if as_text(expected) == as_text(upcast(event)) else "Avro's own resolution reads these bytes otherwise"


def _shown(event: Any) -> Any:
    """An event as JSON data, cut if it is very large."""
    text = json.dumps(
        event, default=lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    )
    return json.loads(text) if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN]
