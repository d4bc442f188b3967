"""Is an upcaster right? Runs a plan on events of the old schema and holds the outcome against the new one.

    P1 total        it makes something of every valid old event
    P2 valid        what it makes is valid under the new schema
    P3 pure         the old event is untouched, and the second run makes the same
    P4 oracle       where Avro's own resolution has a reading of the old bytes, it is this one
    P5 fused        a chain in one plan makes what its hops make one after the other
    P6 interpreted  the compiled function makes what the interpreter makes
    P7 inverse      where a downcast without losses is claimed, it restores the old event
    P9 coverage     every branch, symbol, null and emptiness of the old schema was among the events

What it says is an attestation: `results` by property (passed, failed, or not applicable and why), the number of events,
the seed, hashes of the plan and both schemas. A failure carries the smallest event found that shows it. The server runs
it in a worker process: plans and schemas may be anybody's.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

from registry import formats
from registry.evolution.upcasts import derive as derived
from registry.evolution.upcasts import event_types
from registry.evolution.upcasts.types import Array, Enum, Map, Object, Scalar, Type, Union, label
from registry.examine import source_of
from registry.formats.base import Schema
from tenor import __version__, codecs
from tenor.codecs import Body, Options
from tenor.errors import TenorError, UnusableSchema
from tenor.plans import Plan, compile_plan, from_data, interpret, plan_hash, to_data
from tenor.plans.inverse import invert
from tenor.plans.nodes import Custom, walk
from tenor.plans.values import decode, encode
from tenor.schemas import Schema as Text

Data = Mapping[str, Any]
EXAMPLES = 1000
_CHECKED_BY_INTERPRETER = 200
_MOST_SHOWN = 4_000
_SHRINKING = 300

PASSED, FAILED = "passed", "failed"


def schema_key(schema: Schema) -> str:
    """What names a schema in an attestation: the hash of its canonical text with all references written out."""
    return sha256(f"{schema.format}\0{schema.inlined()}".encode("utf-8", "surrogatepass")).hexdigest()


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
    case = _Case(_parsed(old), _parsed(new), checked, time.monotonic() + seconds)
    if any(isinstance(node, Custom) for part in (checked.root, *checked.parts.values()) for node in walk(part)):
        case.results = {"P1": "not applicable: hand-written steps run in the consumer's own package only"}
        return case.attestation(0, seed)
    count = case.run(examples, seed, [from_data(each) for each in hops], [decode(each) for each in samples])
    return case.attestation(count, seed)


@dataclass
class _Case:
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
        complaint = _judge(self.old, self.new)
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
        for event, data in islice(_events(self.old, self.new, seed), examples):
            if time.monotonic() > self.deadline or self.counterexample is not None:
                break
            count += 1
            _reach(types, event, "", self.reached)
            if property := self._one(upcast, event, checks, interpreted=count <= _CHECKED_BY_INTERPRETER):
                self._fail(property, upcast, event, checks)
            elif oracle is not None and data is not None and (differs := _differs(oracle, data, upcast, event)):
                self.results["P4"] = FAILED
                self.counterexample = {"property": "P4", "event": _shown(event), "reason": differs}
        self._sampled(upcast, samples, checks)
        missed = sorted(_wanted(types) - self.reached)
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
        valid, admitted = _judge_old(self.old, self.new), 0
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
        valid = _judge_old(self.old, self.new)
        tried = 0
        shrinking = True
        while shrinking and tried < _SHRINKING and time.monotonic() < self.deadline:
            shrinking = False
            for candidate in _smaller(smallest):
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


def examples(old: Schema, new: Schema, plan: Plan, count: int) -> list[list[Any]]:
    """Old events and what a plan makes of them, as plans write constants. None of a plan that cannot be run here."""
    custom = any(isinstance(node, Custom) for part in (plan.root, *plan.parts.values()) for node in walk(part))
    if plan.todos or custom:
        return []
    upcast = compile_plan(plan, unconfirmed=True)
    return [[encode(event), encode(upcast(event))] for event, _ in islice(_events(old, new, 0), count)]


def _candidates(step: Any) -> list[dict[str, Any]]:
    return [{"path": each.path, "reason": each.reason, "score": each.score} for each in step.candidates]


def _parsed(data: Data) -> Schema:
    return formats.parse(data["format"], source_of(data), strict=False)


# Events.


def _codec(schema: Any, message: str = "") -> Body:
    text = schema.inlined()
    if schema.format == "PROTOBUF":
        text = base64.b64encode(schema.file.SerializeToString()).decode()
    return codecs.compile(Text(text, schema.format), {}, Options(message=message))


def _messages(old: Schema, new: Schema) -> tuple[str, str]:
    from registry.formats.protobuf import ProtobufSchema

    assert isinstance(old, ProtobufSchema)
    assert isinstance(new, ProtobufSchema)
    from registry.evolution.upcasts.protobuf import matching

    names: tuple[str, str] = matching(old, new)
    return names


def _events(old: Any, new: Any, seed: int) -> Iterator[tuple[Any, bytes | None]]:
    """Valid events of a schema as the client reads them, and the bytes they were read from."""
    if old.format == "JSON":
        for sample in formats.insight("JSON").samples(old, seed=seed):
            yield sample.event, None
    elif old.format == "AVRO":
        from registry.formats.avro import events, sampling

        read = _codec(old).reader(None, None)
        for tree, _, _ in sampling.trees(old.root, seed=seed):
            data = events.encode(old.root, tree)
            yield read(data, 0), data
    else:
        from registry.formats.protobuf import sampling as messages

        name, _ = _messages(old, new)
        body = _codec(old, name)
        read = body.reader(body.indexes, None)
        for message, _, _ in messages.messages(old, seed=seed, message=name):
            yield read(message.SerializeToString(), 0), None


def _judge(old: Any, new: Any) -> Callable[[Any], str]:
    """What the new schema says against an event; empty if nothing."""
    return _complaint(new, _messages(old, new)[1] if new.format == "PROTOBUF" else "")


def _judge_old(old: Any, new: Any) -> Callable[[Any], str]:
    return _complaint(old, _messages(old, new)[0] if old.format == "PROTOBUF" else "")


def _complaint(schema: Any, message: str) -> Callable[[Any], str]:
    if schema.format == "JSON":
        from registry.formats.json_schema.official import official

        valid = official(schema)
        return lambda event: str(valid.complaint(event) or "")
    write = _codec(schema, message).writer(b"")

    def judged(event: Any) -> str:
        try:
            write(event)
        except TenorError as error:
            return str(error)
        return ""

    return judged


def _oracle(old: Schema, new: Schema) -> Callable[[bytes], Any] | None:
    """Avro's own resolution of old bytes, where there is one."""
    if old.format != "AVRO":
        return None
    try:
        resolve = _codec(old).reader(None, _codec(new))
    except UnusableSchema:
        return None
    return lambda data: resolve(data, 0)


def _differs(oracle: Callable[[bytes], Any], data: bytes, upcast: Callable[[Any], Any], event: Any) -> str:
    try:
        expected = oracle(data)
    except TenorError:
        return ""  # Avro has no reading of this event
    return "" if as_text(expected) == as_text(upcast(event)) else "Avro's own resolution reads these bytes otherwise"


def as_text(value: Any) -> str:
    """A value so that equal ones have equal texts: keys sorted, NaN like NaN, 1 and 1.0 apart."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {as_text(each)}" for key, each in sorted(value.items(), key=repr)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_text, value)) + "]"
    return repr(value)


def _shown(event: Any) -> Any:
    """An event as JSON data, cut if it is very large."""
    text = json.dumps(
        event, default=lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    )
    return json.loads(text) if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN]


def _smaller(event: Any) -> Iterator[Any]:
    """Events that are a little simpler, the simplest first; not all of them valid."""
    if isinstance(event, dict):
        for key in event:
            yield {name: value for name, value in event.items() if name != key}
        for key, value in event.items():
            for simpler in _smaller(value):
                yield {**event, key: simpler}
    elif isinstance(event, list):
        if event:
            yield []
            for at, each in enumerate(event):
                yield [*event[:at], *event[at + 1 :]]
                for simpler in _smaller(each):
                    yield [*event[:at], simpler, *event[at + 1 :]]
    elif isinstance(event, str) and event:
        yield ""
        yield event[: len(event) // 2]
    elif isinstance(event, bool):
        if event:
            yield False
    elif isinstance(event, int | float) and event:
        yield type(event)(0)
        yield type(event)(1) if abs(event) > 1 else type(event)(0)


# Coverage: what the events of a type can be, and what one event is.


def _wanted(node: Type, path: str = "", seen: frozenset[int] = frozenset()) -> set[str]:
    """Everything that events should have been once. Recursion is followed once."""
    if id(node) in seen:
        return set()
    seen |= {id(node)}
    match node:
        case Union():
            return {f"{path or '/'} as {label(each)}" for each in node.branches}.union(
                *(_wanted(each, path, seen) for each in node.branches)
            )
        case Enum():
            return {f"{path or '/'} = {value!r}" for value in node.values}
        case Array():
            return {f"{path or '/'} empty", f"{path or '/'} filled"} - _bounds(node, path) | _wanted(
                node.items, f"{path}/*", seen
            )
        case Map():
            return _wanted(node.values, f"{path}/*", seen)
        case Object():
            parts = [_wanted(one.type, f"{path}/{one.name}", seen) for one in node.fields]
            return set().union(*parts)
        case Scalar(kind="boolean" | "bool"):
            return {f"{path or '/'} = True", f"{path or '/'} = False"}
    return set()


def _bounds(node: Array, path: str) -> set[str]:
    out = set()
    if node.shortest:
        out.add(f"{path or '/'} empty")
    if node.longest == 0:
        out.add(f"{path or '/'} filled")
    return out


def _reach(node: Type, value: Any, path: str, reached: set[str]) -> None:
    match node:
        case Union():
            for each in node.branches:
                if _fits(each, value):
                    reached.add(f"{path or '/'} as {label(each)}")
                    _reach(each, value, path, reached)
        case Enum() | Scalar(kind="boolean" | "bool"):
            reached.add(f"{path or '/'} = {value!r}")
        case Array() if isinstance(value, list):
            reached.add(f"{path or '/'} {'filled' if value else 'empty'}")
            for each in value:
                _reach(node.items, each, f"{path}/*", reached)
        case Map() if isinstance(value, dict):
            for each in value.values():
                _reach(node.values, each, f"{path}/*", reached)
        case Object() if isinstance(value, dict):
            for one in node.fields:
                if one.name in value:
                    _reach(one.type, value[one.name], f"{path}/{one.name}", reached)


def _fits(node: Type, value: Any) -> bool:
    """Whether a value may be one of this branch; several may claim it."""
    match node:
        case Scalar(kind="null"):
            return value is None
        case Scalar(kind="boolean" | "bool"):
            return isinstance(value, bool)
        case Scalar(kind="string"):
            return isinstance(value, str)
        case Scalar(kind="bytes"):
            return isinstance(value, bytes)
        case Scalar(kind="int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case Scalar(kind="float"):
            return isinstance(value, float)
        case Enum():
            return any(type(value) is type(each) and value == each for each in node.values)
        case Array():
            return isinstance(value, list)
        case Map() | Object():
            return isinstance(value, dict)
    return value is not None
