"""New fields that no old one surely stands for, and old ones that went away: which may belong together.

A guess is a suggestion with its reasons. Each old field is given away once, to the surest guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from registry.evolution.upcasts import conversions
from registry.evolution.upcasts.making import ALIKE, Made, Where, after, escaped
from registry.evolution.upcasts.similar import alike, is_plural_of, shared, unit_ratio, words
from registry.evolution.upcasts.types import MISSING, Field, Object, Scalar, accepts, without_null
from tenor.plans.nodes import Constant, Member, Merge, Node, Optional, Record, Split, Step, StepKind, Take
from tenor.plans.values import encode

if TYPE_CHECKING:
    from registry.evolution.upcasts.deriving import Deriver

NEEDED: Final = 0.55
"""How alike a name must be to stand for a field that must have a value."""
_MOST: Final = 40_000
"""Pairs of fields that are compared by name; past that nothing is guessed."""

Make = Callable[[Field, Field, Where], Made]


@dataclass(frozen=True, slots=True)
class Guess:
    """What may be meant: new fields by name, from these old ones. `hoisted`: parts taken out of an old object."""

    made: dict[str, Made]
    sources: frozenset[str]
    score: float
    hoisted: frozenset[tuple[str, str]] = frozenset()


def guesses(
    deriver: Deriver, left: Sequence[Field], free: Sequence[Field], where: Where, make: Make
) -> dict[str, Guess]:
    """The surest guess for each new field that has one. `make` makes a field from another one."""
    if not left or not free or len(left) * len(free) > _MOST:
        return {}
    listed = _Guessing(deriver, left, free, where, make).all()
    found: dict[str, Guess] = {}
    used: set[str] = set()
    parts: set[tuple[str, str]] = set()
    for guess in sorted(listed, key=lambda each: -each.score):
        whole = guess.sources if not guess.hoisted else frozenset[str]()
        touched = {name for name, _ in guess.hoisted}
        if any(name in found for name in guess.made) or whole & (used | {name for name, _ in parts}):
            continue
        if touched & used or guess.hoisted & parts:
            continue
        found |= dict.fromkeys(guess.made, guess)
        used |= whole
        parts |= guess.hoisted
    return found


class _Guessing:
    def __init__(
        self, deriver: Deriver, left: Sequence[Field], free: Sequence[Field], where: Where, make: Make
    ) -> None:
        self._deriver = deriver
        self._left = left
        self._free = [each for each in free if deriver.decisions.get(self._path(where, each)) != "no"]
        self._where = where
        self._make = make

    @staticmethod
    def _path(where: Where, each: Field) -> str:
        return f"{where.path}/{escaped(each.name)}"

    def all(self) -> list[Guess]:
        found: list[Guess] = []
        for each in self._free:
            found += self._renames(each)
            found += self._hoists(each)
            if (nest := self._nest(each)) is not None:
                found.append(nest)
            if (merge := self._merge(each)) is not None:
                found.append(merge)
        for source in self._left:
            if (split := self._split(source)) is not None:
                found.append(split)
        return found

    def _at(self, each: Field, *sources: Field) -> Where:
        pointer = f"{self._where.source}/{escaped(sources[0].name)}" if sources else ""
        return Where(self._path(self._where, each), pointer, each.name, sources[0].name if sources else "")

    def _step(self, each: Field, kind: StepKind, sentence: str, sources: Sequence[str]) -> Step:
        path = self._path(self._where, each)
        return Step(kind, "suggested", path, sentence, tuple(f"{self._where.source}/{name}" for name in sources))

    def _least(self, each: Field) -> float:
        return NEEDED if each.required and each.default is MISSING else ALIKE

    def _renames(self, each: Field) -> list[Guess]:
        found = []
        for source in self._left:
            if (guess := self._in_unit(each, source)) is not None:
                found.append(guess)
                continue
            score = max(alike(source.name, each.name), 0.85 * is_plural_of(each.name, source.name))
            if not accepts(each.type, source.type):
                score *= 0.9
            if score < self._least(each):
                continue
            made = self._make(source, each, self._at(each, source))
            if made.rank == 3:
                continue
            sentence = f"'{source.name}' may be '{each.name}' now: the names are alike and the types fit"
            step = self._step(each, "rename", sentence, [escaped(source.name)])
            found.append(Guess({each.name: Made(made.node, [step, *made.steps])}, frozenset({source.name}), score))
        return found

    def _in_unit(self, each: Field, source: Field) -> Guess | None:
        ratio = unit_ratio(source.name, each.name)
        old, _ = without_null(source.type)
        new, _ = without_null(each.type)
        if ratio is None or not isinstance(old, Scalar) or not isinstance(new, Scalar) or old is not source.type:
            return None
        node = conversions.scaled(old, new, ratio)
        if node is None or (not source.required and each.required):
            return None
        sentence = f"'{source.name}' in another unit: times {ratio[0]}/{ratio[1]}"
        step = self._step(each, "convert", sentence, [escaped(source.name)])
        take = Take((source.name,), not source.required)
        return Guess({each.name: Made(after(take, node), [step])}, frozenset({source.name}), 0.95)

    def _hoists(self, each: Field) -> list[Guess]:
        found = []
        for source in self._left:
            kind, had_null = without_null(source.type)
            if not isinstance(kind, Object):
                continue
            for inner in kind.fields:
                score = max(0.9 * alike(inner.name, each.name), 0.97 * alike(f"{source.name}_{inner.name}", each.name))
                if score < max(self._least(each), 0.7):
                    continue
                maybe = had_null or not source.required or not inner.required
                if maybe and each.required and each.default is MISSING:
                    continue
                made = self._deriver.pair(inner.type, each.type, self._at(each, source))
                if made.rank == 3:
                    continue
                node = after(Take((source.name, inner.name), maybe), made.node)
                if maybe and each.required:
                    node = Optional(node, Constant(encode(each.default)), when="absent")
                names = [f"{escaped(source.name)}/{escaped(inner.name)}"]
                step = self._step(each, "hoist", f"'{inner.name}' of '{source.name}' moves up", names)
                hoisted = frozenset({(source.name, inner.name)})
                made = Made(node, [step, *made.steps])
                found.append(Guess({each.name: made}, frozenset({source.name}), score, hoisted))
        return found

    def _nest(self, each: Field) -> Guess | None:
        """Old fields that moved into a new object, by the names they have there, with or without its own in front."""
        kind, _ = without_null(each.type)
        if not isinstance(kind, Object) or kind.asks:
            return None
        members: list[Member] = []
        steps: list[Step] = []
        sources: list[str] = []
        scores: list[float] = []
        for inner in kind.fields:
            options = [(self._inside(each, inner, source), -index) for index, source in enumerate(self._left)]
            best = max(options, default=(0.0, 0))
            source = self._left[-best[1]] if best[0] >= ALIKE else None
            if source is not None and source.name not in sources:
                path = f"{self._path(self._where, each)}/{escaped(inner.name)}"
                at = Where(path, f"{self._where.source}/{escaped(source.name)}", inner.name, source.name)
                made = self._make(source, inner, at)
                if made.rank < 3:
                    members.append(Member(inner.name, made.node))
                    steps += made.steps
                    sources.append(source.name)
                    scores.append(best[0])
                    continue
            if inner.required:
                other: Node | None = Constant(None) if without_null(inner.type)[1] else None
                if inner.default is not MISSING:
                    other = Constant(encode(inner.default))
                if other is None:
                    return None
                members.append(Member(inner.name, other))
        prefixed = any(words(name)[: len(words(each.name))] == words(each.name) for name in sources)
        if len(sources) < (1 if prefixed else 2):
            return None
        names = ", ".join(f"'{name}'" for name in sources)
        step = self._step(each, "nest", f"{names} move into the new '{each.name}'", [escaped(n) for n in sources])
        score = 0.85 + 0.12 * min(scores)
        return Guess({each.name: Made(Record(tuple(members)), [step, *steps])}, frozenset(sources), score)

    def _inside(self, each: Field, inner: Field, source: Field) -> float:
        prefix = words(each.name)
        bare = words(source.name)
        found = max(alike(source.name, inner.name), 0.97 * alike(source.name, f"{each.name}_{inner.name}"))
        if bare[: len(prefix)] == prefix and len(bare) > len(prefix):
            found = max(found, alike("_".join(bare[len(prefix) :]), inner.name))
        return found

    def _split(self, source: Field) -> Guess | None:
        """One text that became two or three whose names share a word with it."""
        if not _is_text(source) or not source.required:
            return None
        group = [
            each
            for each in self._free
            if _is_text(each) and shared(each.name, source.name) and len(words(each.name)) > 1 and each.required
        ]
        if not 2 <= len(group) <= 3:
            return None
        made: dict[str, Made] = {}
        for each, at in zip(group, count(), strict=False):
            sentence = f"part {at + 1} of {len(group)} of '{source.name}', cut at blanks"
            step = self._step(each, "split", sentence, [escaped(source.name)])
            made[each.name] = Made(Split(Take((source.name,)), " ", at, len(group)), [step])
        return Guess(made, frozenset({source.name}), 0.9)

    def _merge(self, each: Field) -> Guess | None:
        """Two or three texts that became one whose name shares a word with each."""
        if not _is_text(each):
            return None
        group = [
            source
            for source in self._left
            if _is_text(source) and source.required and shared(each.name, source.name) and len(words(source.name)) > 1
        ]
        if not 2 <= len(group) <= 3:
            return None
        names = [source.name for source in group]
        sentence = f"{', '.join(repr(name) for name in names)} joined with blanks"
        step = self._step(each, "merge", sentence, [escaped(name) for name in names])
        node = Merge(tuple(Take((name,)) for name in names), " ")
        return Guess({each.name: Made(node, [step])}, frozenset(names), 0.9)


def _is_text(each: Field) -> bool:
    kind = each.type
    return isinstance(kind, Scalar) and kind.kind == "string" and not kind.asks and kind.longest is None
