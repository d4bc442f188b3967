"""What code does when an event is not as it was: a key missing, a null, another symbol, another type, an erased value.

Each experiment changes one path of a sample event and runs the handler again. What it does then is the contract: not
what somebody believes that it needs. An erased value is what `tenor.Registry` gives where a person's key is destroyed:
"[erased]", no bytes or a zero, and its path in `Event.erased`; of a sealed body nothing is left. Code handles that if
it asks (`"email" in event.erased`, or a comparison with "[erased]") and goes on; else it fails, or takes it for data.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final

from tenor.events import Event
from tenor.testing.lines import Lines
from tenor.testing.places import PLACEHOLDER, changed, erased_at, found, json_type, leaves, of_schema
from tenor.testing.watching import EVERY, ITEM, ErasedPaths, Use, Watch, plain, watched

FAILS: Final = "fails"
CHANGES: Final = "changes"
SAME: Final = "same"
HANDLED: Final = "handled"
_WORSE: Final = (FAILS, CHANGES, HANDLED, SAME)

ERASED: Final = "erased"

ANOTHER_ARM: Final = "TENOR_ANOTHER_ARM"
ANOTHER_NUMBER: Final = 2_011_001_993
TYPES: Final[Mapping[str, Sequence[Any]]] = {
    "string": ("tenor",),
    "integer": (7,),
    "number": (7.5, math.inf, math.nan),
    "boolean": (True, False),
    "array": (["tenor"],),
    "object": ({"tenor": "tenor"},),
}
"""Values of each JSON type but null, which is a situation of its own. Avro's and Protobuf's numbers may be infinite."""
PROBES: Final[Mapping[str, Sequence[Any]]] = {
    "string": ("", "tenor " * 100),
    "integer": (0, -1, 1_000_000_007),
    "number": (0.0, -1.5, 1e15),
    "boolean": (True, False),
    "array": ([],),
    "object": (),
}
"""Values at the edges of each type: they lead into code that no sample reaches."""
MOST_RUNS: Final = 50_000
MOST_BASELINES: Final = 200
LONGEST_ARM: Final = 100


def worst(outcomes: Iterable[str]) -> str:
    """The gravest of what came out."""
    return min(outcomes, key=_WORSE.index)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a run: the error's class, or the result without watching."""

    error: str
    result: Any = None


@dataclass(slots=True)
class Finding:
    """What the experiments say of one path: types and values that were handled, and those that failed.

    `seen` are the types that the samples have there; `others` tells what came of a value that is none of those known,
    in place of one that the code singles out, and in place of one that it does not; `within` what came of a container
    in which everything was erased.
    """

    use: Use
    seen: set[str] = field(default_factory=set)
    others: dict[bool, set[str]] = field(default_factory=dict)
    within: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    values: set[Any] = field(default_factory=set)
    unhandled: set[Any] = field(default_factory=set)
    when: dict[str, str] = field(default_factory=dict)

    def settle(self) -> None:
        """Draw the conclusions of all runs.

        What one sample forgives another does not: only what no run refused is handled. Another value goes the way of
        those that the code does not single out, if the samples have some; what comes out may depend on it.
        """
        self.types -= self.refused
        self.values -= self.unhandled
        if met := set().union(*self.others.values()):
            gravest = worst(met)
            self.met("other", SAME if gravest == CHANGES and False in self.others else gravest)

    def met(self, situation: str, what: str) -> None:
        """Note an outcome; the worst counts."""
        before = self.when.get(situation, SAME)
        self.when[situation] = worst((before, what))


Touch = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Baseline:
    """An event that was handled, and what came out. `around` is the `tenor.Event` that it came in, if it did."""

    data: Any
    outcome: Outcome
    around: Event | None = None


@dataclass(slots=True)
class Recorded:
    """All that is known about a handler, by path; `failed` are samples that it could not handle as they were.

    `known` are paths of the schema, `arms` the texts that samples have by path, `baselines` the events that it handles
    with what came out: the samples, and what led to code that no sample reaches; `places` what was touched in them,
    `constants` the texts in the code that did. `cut`: there was more to try than is tried. `without` is what came of
    an event of which nothing is left.
    """

    findings: dict[str, Finding] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)
    failed: list[str] = field(default_factory=list)
    runs: int = 0
    cut: bool = False
    known: frozenset[str] = frozenset()
    arms: dict[str, set[Any]] = field(default_factory=dict)
    baselines: list[Baseline] = field(default_factory=list)
    places: set[Touch] = field(default_factory=set)
    constants: set[str] = field(default_factory=set)
    without: set[str] = field(default_factory=set)

    def touched(self, event: Any, watch: Watch) -> set[Touch]:
        """The paths that a run touched, with the types of what stands there, and whether it was taken for granted."""
        paths = {of_schema(each, self.known): use.taken for each, use in watch.uses.items()}
        return {
            (path, kind, taken)
            for path, taken in paths.items()
            for kind in [json_type(value) or "null" for value in found(event, path.split("/")[1:])] or [""]
        }

    def kinds(self, path: str) -> set[str]:
        """The types that the baselines have at a path."""
        steps = path.split("/")[1:]
        values = (value for each in self.baselines for value in found(each.data, steps))
        return {kind for value in values if (kind := json_type(value)) is not None}


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
        self._around: Event | None = None

    def record(self, samples: Sequence[Any], paths: Sequence[str] = ()) -> Recorded:
        """Run it on each sample, then change one path after the other.

        Samples are events' data, or `tenor.Event`s for a handler that gets those, as consumers' handlers do. `paths`
        are those of the schema, where they are known: they tell the keys of a map from the fields of a record.
        """
        recorded = Recorded(known=frozenset(paths))
        for sample in samples:
            self._around = sample if isinstance(sample, Event) else None
            data = data_of(sample)
            self._try(recorded, copy.deepcopy(data))
            for path, value in leaves(data):
                if isinstance(value, str) and len(value) <= LONGEST_ARM:
                    recorded.arms.setdefault(of_schema(path, recorded.known), set()).add(value)
        done: set[tuple[int, str]] = set()
        while todo := [
            (at, path) for at in range(len(recorded.baselines)) for path in recorded.findings if (at, path) not in done
        ]:
            for path, finding in recorded.findings.items():
                finding.seen |= recorded.kinds(path)
            for at, path in todo:
                if recorded.runs < MOST_RUNS:
                    self._vary(recorded, path, recorded.baselines[at])
                else:
                    recorded.cut = True
            done.update(todo)
        for each in list(recorded.baselines):
            self._erase_all(recorded, each)
        for path, finding in recorded.findings.items():
            finding.settle()
            # A container that is taken as a whole: else what is inside says more.
            if finding.within and not any(each.startswith(f"{path}/") for each in recorded.findings):
                finding.met(ERASED, worst(finding.within))
        return recorded

    def _try(self, recorded: Recorded, event: Any) -> Outcome:
        """Run it on an event as it may be; where it succeeds, what it touches is a finding."""
        watch = Watch()
        outcome = self._run(recorded, event, watch)
        if outcome.error:
            recorded.failed.append(outcome.error)
        self._note(recorded, event, watch, outcome)
        return outcome

    def _note(self, recorded: Recorded, event: Any, watch: Watch, outcome: Outcome) -> None:
        for touched, use in watch.uses.items():
            path = of_schema(touched, recorded.known)
            _add(recorded.findings.setdefault(path, Finding(Use())).use, use)
        if not outcome.error:
            recorded.baselines.append(Baseline(event, outcome, self._around))
            recorded.constants |= {text for code, names in watch.touched_by.items() for text in texts(code, names)}
            recorded.places |= recorded.touched(event, watch)

    def _explore(self, recorded: Recorded, event: Any) -> Outcome:
        """Run it on a value of the same type; if that leads it to places where it never was, all is tried there too."""
        watch = Watch()
        outcome = self._run(recorded, event, watch)
        for each, use in watch.uses.items():
            if known := recorded.findings.get(of_schema(each, recorded.known)):
                known.use.constants |= use.constants
                known.use.bounds |= use.bounds
        if not outcome.error and not recorded.touched(event, watch) <= recorded.places:
            if len(recorded.baselines) < MOST_BASELINES:
                self._note(recorded, event, watch, outcome)
            else:
                recorded.cut = True
        return outcome

    def _vary(self, recorded: Recorded, path: str, baseline: Baseline) -> None:
        """Everything that may be different at one path of one sample."""
        sample, before, self._around = baseline.data, baseline.outcome, baseline.around
        finding = recorded.findings[path]
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
        self._erase(recorded, finding, path, baseline)
        finding.types |= kinds
        # Types that samples have are handled as they are: another object there would only lack what is inside.
        for kind, others in TYPES.items():
            if kind not in finding.seen:
                failed = any(self._run(recorded, changed(sample, steps, other)).error for other in others)
                (finding.refused if failed else finding.types).add(kind)
        for kind in sorted(kinds):
            for value in (*PROBES[kind], *around(finding.use.bounds, kind)):
                self._explore(recorded, changed(sample, steps, value))
        self._symbols(recorded, finding, sample, steps, values, before, recorded.arms.get(path, set()))

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
        compared, first = finding.use.constants - {PLACEHOLDER}, values[0]
        if not (compared or finding.use.looked_up) or not isinstance(first, str | int) or first == PLACEHOLDER:
            return
        text = isinstance(first, str)
        kind: type = str if text else int
        other: Any = ANOTHER_ARM if text else ANOTHER_NUMBER
        another = self._explore(recorded, changed(sample, steps, other))
        compared = finding.use.constants - {PLACEHOLDER}  # also what the other value was compared with
        came = _as_json(another.result, {other: first})
        singled_out = finding.use.looked_up or not compared.isdisjoint(values)
        what = FAILS if another.error else SAME if came == _as_json(before.result, {}) else CHANGES
        finding.others.setdefault(singled_out, set()).add(what)
        guessed = recorded.constants - arms - compared - {PLACEHOLDER} if text and finding.use.looked_up else set()
        for arm in sorted((compared | arms | guessed) if text else compared, key=repr):
            if not isinstance(arm, kind):
                continue
            outcome = self._explore(recorded, changed(sample, steps, arm))
            # A text that the code names somewhere is one it knows here if something else comes of it.
            if arm not in guessed or bool(outcome.error) < bool(another.error):
                (finding.unhandled if outcome.error else finding.values).add(arm)
            elif not outcome.error and _as_json(outcome.result, {arm: first}) != came:
                finding.values.add(arm)

    def _erase(self, recorded: Recorded, finding: Finding, path: str, baseline: Baseline) -> None:
        """One path as it is once it was erased, or all that is inside a container."""
        event, erased, whole = erased_at(baseline.data, path.split("/")[1:])
        if not erased:
            return
        watch = Watch()
        self._around = _erasing(baseline.around, *sorted(erased))
        outcome = self._run(recorded, event, watch)
        asked = not watch.asked.isdisjoint((*erased, EVERY)) or any(
            PLACEHOLDER in use.constants
            for each, use in watch.uses.items()
            if (touched := of_schema(each, recorded.known)) == path or touched.startswith(f"{path}/")
        )
        came = _came(outcome, baseline.outcome, asked=asked)
        if whole:
            finding.within.add(came)
        else:
            finding.met(ERASED, came)
        new = not outcome.error and not recorded.touched(event, watch) <= recorded.places
        if new and len(recorded.baselines) < MOST_BASELINES:
            self._note(recorded, event, watch, outcome)
        self._around = baseline.around

    def _erase_all(self, recorded: Recorded, baseline: Baseline) -> None:
        """An event of which nothing is left, as none of it can be taken for data."""
        self._around = _erasing(baseline.around, "")
        outcome = self._run(recorded, None)
        recorded.without.add(_came(outcome, baseline.outcome, asked=True))

    def _judge(self, recorded: Recorded, event: Any, before: Outcome) -> str:
        outcome = self._run(recorded, event)
        if outcome.error:
            return FAILS
        return SAME if _as_json(outcome.result, {}) == _as_json(before.result, {}) else CHANGES

    def _run(self, recorded: Recorded, event: Any, watch: Watch | None = None) -> Outcome:
        recorded.runs += 1
        if self._before is not None:
            self._before()
        given = self._given(event, Watch() if watch is None else watch)
        with recorded.lines.traced():
            try:
                result = self._handler(given)
                if inspect.isawaitable(result):
                    result = asyncio.run(_awaited(result))
            except Exception as error:
                return Outcome(f"{type(error).__name__}: {error}")
        seen = None if self._observe is None else self._observe()
        return Outcome("", plain([result, seen]))

    def _given(self, data: Any, watch: Watch) -> Any:
        """What the handler gets: data, or the event around them."""
        found, around = watched(data, watch), self._around
        if around is None:
            return found
        made = copy.copy(around)
        made.data, made.erased = found, ErasedPaths(around.erased, watch)
        return made


def _erasing(around: Event | None, *paths: str) -> Event | None:
    """An event around data of which paths were erased."""
    if around is None:
        return None
    made = copy.copy(around)
    made.erased = (*around.erased, *paths)
    return made


def _came(outcome: Outcome, before: Outcome, *, asked: bool) -> str:
    """What came of an erased value."""
    if outcome.error:
        return FAILS
    if _as_json(outcome.result, {}) == _as_json(before.result, {}):
        return SAME
    return HANDLED if asked else CHANGES


def data_of(sample: Any) -> Any:
    """The data of a sample."""
    return sample.data if isinstance(sample, Event) else sample


async def _awaited(result: Any) -> Any:
    return await result


def around(bounds: Iterable[Any], kind: str) -> list[Any]:
    """Numbers on both sides of those that the code compares with by size."""
    numbers = sorted(each for each in bounds if isinstance(each, int | float) and math.isfinite(each))
    if kind == "integer":
        return [math.floor(each) + step for each in numbers for step in (-1, 0, 1)]
    return [each + step for each in numbers for step in (-1.5, 0.0, 1.5)] if kind == "number" else []


def texts(code: CodeType, names: Mapping[str, Any]) -> Iterator[str]:
    """The short texts that code names: its constants, and keys and members of the tables that it knows by name."""
    tables = [names.get(name) for name in code.co_names]
    for each in (*code.co_consts, *(table for table in tables if isinstance(table, _TABLES))):
        for text in each if isinstance(each, _TABLES) else (each,):
            if isinstance(text, str) and len(text) <= LONGEST_ARM:
                yield str(text)


_TABLES = (dict, set, frozenset, list, tuple)


def _add(into: Use, use: Use) -> None:
    into.taken |= use.taken
    into.asked |= use.asked
    into.looked_up |= use.looked_up
    into.constants |= use.constants
    into.bounds |= use.bounds


def _as_json(result: Any, renamed: Mapping[Any, Any]) -> str:
    """A result as a text to compare by; a value that was put in counts as the one it replaced."""
    text = json.dumps(result, sort_keys=True, default=repr, skipkeys=True)
    for put, original in renamed.items():
        text = text.replace(json.dumps(put).strip('"'), json.dumps(original).strip('"'))
    return text
