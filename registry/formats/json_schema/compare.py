"""Compare two graphs of nodes: which differences are there, and do they break.

Pairs are judged depth first on a stack of generators, so depth costs no recursion. A pair met while it is being
judged counts as compatible; if that turns out wrong, judging is repeated with what is known to be incompatible,
until nothing changes: the greatest fixpoint. Every comparison ends: too many judgements, or questions, call it off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from registry.formats.base import Finding, Policy, Severity
from registry.formats.json_schema.differing import WARNINGS, Judging, Own, Step
from registry.formats.json_schema.kinds import KINDS, Weight, breaks
from registry.formats.json_schema.model import Graph, Node, Shape
from registry.formats.json_schema.pairs import at_once, judge
from registry.formats.json_schema.text import at, atom, pointer, write

MIN_STEPS, MAX_STEPS = 20_000, 40_000
"""Judgements: 25 microseconds each, so that no comparison takes much more than a second."""
_ASKS = 20
"""Questions for each judgement allowed: long unions ask much, even where all answers are known."""
MAX_FINDINGS = 500
MAX_VISITS = 20_000
TOO_LARGE = "COMPARISON_TOO_LARGE"

_Key: TypeAlias = tuple[int, int]


class CalledOff(Exception):
    """The comparison took more steps than it may."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, with the two nodes it was found at."""

    kind: str
    path: str
    own: Own
    old: Node
    new: Node
    route: tuple[str, ...]
    """The parts its path was put together from: `("properties/a", "items")`."""


def _obvious(old: Node, new: Node) -> bool | None:
    """What needs no judging: equal nodes, everything, nothing, and plain nodes of different shapes."""
    if old is new or new.shape is Shape.ANY or old.shape is Shape.NEVER:
        return True
    if old.shape is new.shape:
        mark = old.mark
        return True if mark is not None and mark == new.mark else None
    if old.shape is Shape.COMBINED or new.shape is Shape.COMBINED:
        return None
    return None if old.value.get("connect.type") == "bytes" else False


@dataclass(slots=True)
class Comparison:
    """One direction between two graphs, under one policy."""

    policy: Policy = Policy.STRICT
    limit: int = MIN_STEPS
    _refused: set[_Key] = field(default_factory=set)
    """Pairs known to be incompatible, for good."""
    _settled: set[_Key] = field(default_factory=set)
    """Pairs known to be compatible, for good."""
    _steps: dict[_Key, Step] = field(default_factory=dict)
    _judged: int = 0
    _asked: int = 0

    @classmethod
    def between(cls, reader: Graph, writer: Graph, policy: Policy) -> Comparison:
        """A comparison with a limit that fits the size of the two."""
        size = sum(len(document.places) for graph in (reader, writer) for document in graph.document.closure())
        return cls(policy, min(max(MIN_STEPS, 2 * size), MAX_STEPS))

    def accepts(self, old: Node, new: Node) -> bool:
        """Whether the new node is compatible with the old one."""
        if (obvious := _obvious(old, new)) is not None:
            return obvious
        key = (id(old), id(new))
        while key not in self._settled and key not in self._refused:
            self._round(old, new)
        return key in self._settled

    def _round(self, old: Node, new: Node) -> None:
        """Judge a pair and all it needs. What is refused stays so; what is settled counts only if no pair that was
        assumed compatible on the way turned out not to be."""
        assumed: set[_Key] = set()
        open_: set[_Key] = set()
        settled: set[_Key] = set()
        steps: dict[_Key, Step] = {}
        frames: list[_Frame] = []

        def enter(one: Node, other: Node) -> bool | None:
            """The answer for a pair, or None after a frame for it was pushed."""
            self._asked += 1
            if self._asked > _ASKS * self.limit:
                raise CalledOff
            if (obvious := _obvious(one, other)) is not None:
                return obvious
            key = (id(one), id(other))
            if key in self._refused:
                return False
            if key in settled or key in self._settled:
                return True
            if key in open_:
                assumed.add(key)
                return True
            self._judged += 1
            if self._judged > self.limit:
                raise CalledOff
            if (step := at_once(one, other)) is not None:
                return close(key, step, _fine(step, self.policy))
            open_.add(key)
            frames.append(_Frame(key, judge(one, other)))
            return None

        def close(key: _Key, step: Step, fine: bool) -> bool:
            steps[key] = step
            (settled if fine else self._refused).add(key)
            return fine

        answer = enter(old, new)
        while frames:
            frame = frames[-1]
            ask = frame.next(answer, self.policy)
            if ask is not None:
                answer = enter(*ask)
                continue
            frames.pop()
            open_.discard(frame.key)
            assert frame.step is not None
            answer = close(frame.key, frame.step, frame.fine)
        if not assumed & self._refused:
            self._settled |= settled
            self._steps |= steps

    def step(self, old: Node, new: Node) -> Step:
        """The differences of a pair, all it depends on being settled."""
        key = (id(old), id(new))
        found = self._steps.get(key)
        if found is None:
            judging = judge(old, new)
            try:
                ask = next(judging)
                while True:
                    ask = judging.send(self.accepts(*ask))
            except StopIteration as end:
                found = self._steps[key] = end.value
        return found

    def differences(
        self, old: Node, new: Node, wanted: Callable[[str], bool] = lambda kind: True
    ) -> Iterator[Difference]:
        """Every difference of the kinds wanted, in the order of the texts; compatible ones and warnings as well."""
        telling = self._telling(old, new, wanted)
        for difference in self._walk(old, new, telling) if telling else ():
            if wanted(difference.kind):
                yield difference

    def _telling(self, old: Node, new: Node, wanted: Callable[[str], bool]) -> set[_Key]:
        """The pairs that have something to tell, themselves or below: others need not be walked."""
        above: dict[_Key, list[_Key]] = {}
        telling: list[_Key] = []
        stack, seen = [(old, new)], {(id(old), id(new))}
        while stack:
            one, other = stack.pop()
            key = (id(one), id(other))
            step = self.step(one, other)
            if any(wanted(own.kind) for own in step.own):
                telling.append(key)
            for _, before, after in step.below:
                below = (id(before), id(after))
                above.setdefault(below, []).append(key)
                if below not in seen:
                    if len(seen) > self.limit:
                        raise CalledOff
                    seen.add(below)
                    stack.append((before, after))
        found: set[_Key] = set(telling)
        while telling:
            for key in above.get(telling.pop(), ()):
                if key not in found:
                    found.add(key)
                    telling.append(key)
        return found

    def _walk(self, old: Node, new: Node, telling: set[_Key]) -> Iterator[Difference]:
        visits = 0
        # A negative entry closes the pair it names: recursion is cut where a pair lies on its own path.
        stack: list[tuple[tuple[str, ...], Node, Node, bool]] = [((), old, new, False)]
        on_path: set[_Key] = set()
        while stack:
            route, one, other, leaving = stack.pop()
            key = (id(one), id(other))
            if leaving:
                on_path.discard(key)
                continue
            visits += 1
            if key not in telling or key in on_path or visits > MAX_VISITS:
                continue
            step = self.step(one, other)
            for own in step.own:
                path = "/".join(part for part in (*route, own.tail) if part)
                yield Difference(own.kind, f"#/{path}", own, one, other, route)
            on_path.add(key)
            stack.append((route, one, other, True))
            for tail, before, after in reversed(step.below):
                stack.append(((*route, tail), before, after, False))


def _fine(step: Step, policy: Policy) -> bool:
    """Whether nothing of a pair itself is incompatible."""
    return not any(breaks(own.kind, policy) for own in step.own)


@dataclass(slots=True)
class _Frame:
    """One pair being judged: first what its generator asks, then the pairs below it."""

    key: _Key
    judging: Judging
    step: Step | None = None
    fine: bool = True
    _started: bool = False
    _below: int = 0

    def next(self, answer: bool | None, policy: Policy) -> tuple[Node, Node] | None:
        """The next pair to know about; None when done. `answer` is that of the pair asked for before."""
        if self.step is None:
            try:
                if not self._started:
                    self._started = True
                    return next(self.judging)
                assert answer is not None
                return self.judging.send(answer)
            except StopIteration as end:
                self.step = end.value
                assert self.step is not None
                self.fine = _fine(self.step, policy)
        elif answer is False:
            self.fine = False
        # All pairs below are judged even when the verdict is clear: their differences are reported as well.
        if self._below < len(self.step.below):
            _, before, after = self.step.below[self._below]
            self._below += 1
            return before, after
        return None


# -------------------------------------------------------------------------------------------------------- findings


def differences(reader: Graph, writer: Graph, policy: Policy = Policy.STRICT) -> Iterator[Difference]:
    """Every difference of a reader from a writer. Raises CalledOff where there are too many pairs to judge."""
    comparison = Comparison.between(reader, writer, policy)
    comparison.accepts(writer.root, reader.root)
    yield from comparison.differences(writer.root, reader.root)


def findings(reader: Graph, writer: Graph, policy: Policy) -> Sequence[Finding]:
    """Why the reader is not compatible with the writer, and what the reference does not look at (as warnings).

    Warnings are those of STRICT whatever the policy: what LENIENT forgives is one, at every depth.
    """
    lenient = policy is Policy.LENIENT
    try:
        comparison = Comparison.between(reader, writer, policy)
        errors = _found(comparison, lambda kind: breaks(kind, policy), Severity.ERROR, reader, writer)
        strict = Comparison.between(reader, writer, Policy.STRICT) if lenient else comparison
        warnings = _found(
            strict,
            lambda kind: _warns(kind) or (lenient and breaks(kind, Policy.STRICT)),
            Severity.WARNING,
            reader,
            writer,
        )
    except CalledOff:
        sentence = "The {new} and {old} schema are too large to compare: too many pairs of subschemas to judge"
        return (Finding(TOO_LARGE, "#/", sentence),)
    known = {(error.rule, error.path) for error in errors}
    return (*errors, *(warning for warning in warnings if (warning.rule, warning.path) not in known))


def _warns(kind: str) -> bool:
    """Whether a kind never decides and is shown all the same: what the reference does not see, and its policy of
    counting defaults."""
    return kind in WARNINGS or ("_WITH_DEFAULT_ADDED" in kind and KINDS[kind].weight is Weight.FINE)


def _found(
    comparison: Comparison, wanted: Callable[[str], bool], severity: Severity, reader: Graph, writer: Graph
) -> Sequence[Finding]:
    comparison.accepts(writer.root, reader.root)
    some = islice(comparison.differences(writer.root, reader.root, wanted), MAX_FINDINGS)
    return tuple(dict.fromkeys(_finding(difference, severity, reader, writer) for difference in some))


def _finding(difference: Difference, severity: Severity, reader: Graph, writer: Graph) -> Finding:
    template = (
        KINDS[difference.kind].sentence if difference.kind in KINDS else "At '{path}' " + WARNINGS[difference.kind]
    )
    name = difference.own.at[-1] if difference.own.at else ""
    tail = difference.own.tail.rsplit("/", 1)[-1]
    own = difference.own
    reader_path, reader_value = _located(difference.new, own.at if own.new_at is None else own.new_at, reader)
    writer_path, writer_value = _located(difference.old, own.at, writer)
    return Finding(
        rule=difference.kind,
        path=difference.path,
        sentence=template.replace("{path}", difference.path).replace("{name}", tail or name),
        severity=severity,
        reader_path=reader_path,
        writer_path=writer_path,
        reader_value=reader_value,
        writer_value=writer_value,
    )


_EXCERPT = 80


def _located(node: Node, steps: tuple[str, ...], graph: Graph) -> tuple[str | None, str]:
    """Where a difference stands in one text, as near as possible, and what stands there."""
    value = node.place.value
    while steps:
        try:
            value = at(node.place.value, steps)
            break
        except (LookupError, ValueError):
            steps = steps[:-1]
    text = write(value) if type(value) in (dict, list) else atom(value)
    excerpt = text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
    here = node.place.document is graph.document
    return (pointer((*node.place.path, *steps)) if here else None), excerpt
