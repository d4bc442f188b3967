"""What code does when an event is not as it was: a key missing, a null, another symbol, another type.

Each experiment changes one path of a sample event and runs the handler again. What it does then is the contract: not
what somebody believes that it needs.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tenor.testing.lines import Lines
from tenor.testing.watching import ITEM, Use, Watch, plain, watched

FAILS: Final = "fails"
CHANGES: Final = "changes"
SAME: Final = "same"
_WORSE: Final = (FAILS, CHANGES, SAME)

ANOTHER_ARM: Final = "TENOR_ANOTHER_ARM"
ANOTHER_NUMBER: Final = 2_011_001_993
TYPES: Final[Mapping[str, Any]] = {
    "string": "tenor",
    "integer": 7,
    "number": 7.5,
    "boolean": True,
    "array": ["tenor"],
    "object": {"tenor": "tenor"},
}
"""A value of each JSON type but null, which is a situation of its own."""
PROBES: Final[Mapping[str, Sequence[Any]]] = {
    "string": ("", "tenor " * 100),
    "integer": (0, -1, 1_000_000_007),
    "number": (0.0, -1.5, 1e15),
    "boolean": (True, False),
    "array": ([],),
    "object": (),
}
"""Values at the edges of each type: they lead into code that no sample reaches."""
MOST_RUNS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a run: the error's class, or the result without watching."""

    error: str
    result: Any = None


@dataclass(slots=True)
class Finding:
    """What the experiments say of one path: types and values that were handled, and those that failed."""

    use: Use
    types: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    values: set[Any] = field(default_factory=set)
    unhandled: set[Any] = field(default_factory=set)
    when: dict[str, str] = field(default_factory=dict)

    def met(self, situation: str, what: str) -> None:
        """Note an outcome; the worst counts."""
        before = self.when.get(situation, SAME)
        self.when[situation] = min(before, what, key=_WORSE.index)


@dataclass(slots=True)
class Recorded:
    """All that is known about a handler, by path; `failed` are samples that it could not handle as they were."""

    findings: dict[str, Finding] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)
    failed: list[str] = field(default_factory=list)
    runs: int = 0


class Recorder:
    """Runs a handler on samples, and on what becomes of them when one thing is different.

    `observe` is asked after each run for what the handler did besides returning (rows it wrote, messages it sent): it
    belongs to the result. `before` is called before each run, to begin anew.
    """

    def __init__(
        self,
        handler: Callable[[Any], Any],
        *,
        observe: Callable[[], Any] | None = None,
        before: Callable[[], Any] | None = None,
    ) -> None:
        self._handler, self._observe, self._before = handler, observe, before

    def record(self, samples: Sequence[Any], paths: Sequence[str] = ()) -> Recorded:
        """Run it on each sample, then change one path after the other.

        `paths` are those of the schema, where they are known: they tell the keys of a map from the fields of a record.
        """
        recorded = Recorded()
        known = frozenset(paths)
        arms: dict[str, set[Any]] = {}
        baselines: list[tuple[Any, Outcome]] = []
        for sample in samples:
            for path, value in leaves(sample):
                if isinstance(value, str):
                    arms.setdefault(path, set()).add(value)
            watch = Watch()
            outcome = self._run(recorded, copy.deepcopy(sample), watch)
            for touched, use in watch.uses.items():
                path = of_schema(touched, known)
                _add(recorded.findings.setdefault(path, Finding(Use())).use, use)
            if outcome.error:
                recorded.failed.append(outcome.error)
            else:
                baselines.append((sample, outcome))
        for path, finding in recorded.findings.items():
            for sample, outcome in baselines:
                if recorded.runs < MOST_RUNS:
                    self._vary(recorded, path, finding, sample, outcome, arms.get(path, set()))
            # What one sample forgives another does not: only what no run refused is handled.
            finding.types -= finding.refused
            finding.values -= finding.unhandled
        return recorded

    def _vary(
        self, recorded: Recorded, path: str, finding: Finding, sample: Any, before: Outcome, arms: set[Any]
    ) -> None:
        """Everything that may be different at one path of one sample."""
        steps = path.split("/")[1:]
        values = list(found(sample, steps))
        if not values:
            if steps[-1:] != [ITEM]:  # it is absent here, and the handler went on
                finding.met("absent", SAME)
                finding.use.asked = True
            return
        kinds = {kind for value in values if (kind := json_type(value)) is not None}
        if steps[-1] != ITEM:
            finding.met("absent", self._judge(recorded, changed(sample, steps, None, remove=True), before))
        finding.met("null", self._judge(recorded, changed(sample, steps, None), before))
        finding.types |= kinds
        for kind, value in TYPES.items():
            if kind not in kinds:
                failed = self._run(recorded, changed(sample, steps, value)).error
                (finding.refused if failed else finding.types).add(kind)
        for kind in sorted(kinds):
            for value in PROBES[kind]:
                self._run(recorded, changed(sample, steps, value))
        self._symbols(recorded, finding, sample, steps, values, before, arms)

    def _symbols(
        self,
        recorded: Recorded,
        finding: Finding,
        sample: Any,
        steps: Sequence[str],
        values: Sequence[Any],
        before: Outcome,
        arms: set[Any],
    ) -> None:
        """Other values of the same type: the constants the code knows, and one that nobody does."""
        compared = finding.use.constants
        if not (compared or finding.use.looked_up) or not isinstance(values[0], str | int):
            return
        text = isinstance(values[0], str)
        kind: type = str if text else int
        other: Any = ANOTHER_ARM if text else ANOTHER_NUMBER
        changed_event = changed(sample, steps, other)
        finding.met("other", self._judge(recorded, changed_event, before, {other: values[0]}))
        for arm in sorted((compared | arms) if text else compared, key=repr):
            if isinstance(arm, kind):
                failed = self._run(recorded, changed(sample, steps, arm)).error
                (finding.unhandled if failed else finding.values).add(arm)

    def _judge(self, recorded: Recorded, event: Any, before: Outcome, renamed: Mapping[Any, Any] | None = None) -> str:
        outcome = self._run(recorded, event)
        if outcome.error:
            return FAILS
        return SAME if _as_json(outcome.result, renamed or {}) == _as_json(before.result, {}) else CHANGES

    def _run(self, recorded: Recorded, event: Any, watch: Watch | None = None) -> Outcome:
        recorded.runs += 1
        if self._before is not None:
            self._before()
        with recorded.lines.traced():
            try:
                result = self._handler(watched(event, watch or Watch()))
                if inspect.isawaitable(result):
                    result = asyncio.run(_awaited(result))
            except Exception as error:
                return Outcome(f"{type(error).__name__}: {error}")
        seen = None if self._observe is None else self._observe()
        return Outcome("", plain([result, seen]))


async def _awaited(result: Any) -> Any:
    return await result


def of_schema(path: str, known: frozenset[str]) -> str:
    """A touched path as the schema writes it: `/prices/EUR` is `/prices/*` where prices is a map."""
    done = ""
    for step in path.split("/")[1:]:
        items = f"{done}/{ITEM}"
        is_map = items in known or any(each.startswith(f"{items}/") for each in known)
        done = items if is_map and f"{done}/{step}" not in known else f"{done}/{step}"
    return done


def leaves(event: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of an event that is no container, with its path."""
    if isinstance(event, Mapping):
        for key, value in event.items():
            yield from leaves(value, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(event, list):
        for value in event:
            yield from leaves(value, f"{path}/{ITEM}")
    else:
        yield path, event


def found(event: Any, steps: Sequence[str]) -> Iterator[Any]:
    """The values at a path; `*` goes into each item."""
    if not steps:
        yield event
        return
    for _, value in _members(event, steps[0]):
        yield from found(value, steps[1:])


def changed(event: Any, steps: Sequence[str], value: Any, *, remove: bool = False) -> Any:
    """A copy of the event with another value at a path, everywhere it leads to, or without it."""
    if not steps:
        return copy.deepcopy(value)
    step, *rest = steps
    keys = [key for key, _ in _members(event, step)]
    if isinstance(event, Mapping):
        copied: Any = dict(event)
    elif isinstance(event, list):
        copied = list(event)
    else:
        copied = copy.copy(event)
    for key in keys:
        if rest:
            _put(copied, key, changed(_take(event, key), rest, value, remove=remove))
        elif remove and isinstance(copied, dict):
            del copied[key]
        else:
            _put(copied, key, copy.deepcopy(value))
    return copied


def json_type(value: Any) -> str | None:
    """The JSON type of a decoded value; None for null."""
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case Mapping():
            return "object"
        case list() | tuple():
            return "array"
    return "string"  # texts, bytes as base64, dates, decimals


def _members(event: Any, step: str) -> Iterable[tuple[Any, Any]]:
    name = step.replace("~1", "/").replace("~0", "~")
    if isinstance(event, Mapping):
        return [(key, value) for key, value in event.items() if name in (key, ITEM)]
    if isinstance(event, list):
        return list(enumerate(event)) if name == ITEM else []
    if hasattr(event, name):
        return [(name, getattr(event, name))]
    return []


def _take(event: Any, key: Any) -> Any:
    return event[key] if isinstance(event, Mapping | list) else getattr(event, key)


def _put(event: Any, key: Any, value: Any) -> None:
    if isinstance(event, dict | list):
        event[key] = value
        return
    try:
        object.__setattr__(event, key, value)  # frozen dataclasses too: it is our own copy
    except TypeError:
        import msgspec

        msgspec.structs.force_setattr(event, key, value)


def _add(into: Use, use: Use) -> None:
    into.taken |= use.taken
    into.asked |= use.asked
    into.looked_up |= use.looked_up
    into.constants |= use.constants


def _as_json(result: Any, renamed: Mapping[Any, Any]) -> str:
    """A result as a text to compare by; a value that was put in counts as the one it replaced."""
    text = json.dumps(result, sort_keys=True, default=repr, skipkeys=True)
    for put, original in renamed.items():
        text = text.replace(json.dumps(put).strip('"'), json.dumps(original).strip('"'))
    return text
