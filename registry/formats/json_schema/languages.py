"""Whether every text in which one pattern is found has the other found in it as well.

Both become automata over the text between two marks, its start and its end, so that `^` and `$` are letters like
others; the first must not reach an end the second can't. What is not understood, or grows too large, is not decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from registry.formats.json_schema.regexes import ANY, Anchor, Choice, Letters, Part, Repeat, Row, read

_MAX_STATES = 600
_MAX_PAIRS = 20_000
_START, _END = -2, -1
_MARKS = {"^": _START, "$": _END}
_EVERY = ((0, 0xD7FF), (0xE000, 0x10FFFF))
# The engine that validates lets `.` match carriage returns and Unicode's line breaks, ECMAScript does not.
_ANY_BUT_NEWLINE = ((0, 9), (11, 0xD7FF), (0xE000, 0x10FFFF))

Ranges = tuple[tuple[int, int], ...]


class _Undecided(Exception):
    """The pattern can't be made an automaton of reasonable size."""


@dataclass(slots=True)
class _Automaton:
    """States with moves over ranges of letters and silent moves; state 0 starts, `end` accepts."""

    dot: Ranges
    moves: list[list[tuple[int, int, int]]] = field(default_factory=list)
    silent: list[list[int]] = field(default_factory=list)
    end: int = 0

    def state(self) -> int:
        """A new state."""
        if len(self.moves) >= _MAX_STATES:
            raise _Undecided
        self.moves.append([])
        self.silent.append([])
        return len(self.moves) - 1

    def add(self, part: Part, start: int) -> int:
        """Append a part behind a state; answers the state behind the part."""
        if isinstance(part, Letters):
            end = self.state()
            ranges = self.dot if part.ranges == ANY else part.ranges
            self.moves[start].extend((low, high, end) for low, high in ranges)
            return end
        if isinstance(part, Anchor):
            end = self.state()
            self.moves[start].append((_MARKS[part.kind], _MARKS[part.kind], end))
            return end
        if isinstance(part, Row):
            for each in part.parts:
                start = self.add(each, start)
            return start
        if isinstance(part, Choice):
            end = self.state()
            for option in part.options:
                self.silent[self.add(option, start)].append(end)
            return end
        return self.repeat(part, start)

    def repeat(self, part: Repeat, start: int) -> int:
        """So many copies in a row, then optional ones or a loop."""
        for _ in range(part.least):
            start = self.add(part.part, start)
        if part.most > 1_000:
            loop = self.state()
            self.silent[start].append(loop)
            self.silent[self.add(part.part, loop)].append(loop)
            return loop
        end = self.state()
        self.silent[start].append(end)
        for _ in range(part.most - part.least):
            start = self.add(part.part, start)
            self.silent[start].append(end)
        return end

    def closed(self, states: frozenset[int]) -> frozenset[int]:
        """The states with all that silent moves reach."""
        found, waiting = set(states), list(states)
        while waiting:
            for following in self.silent[waiting.pop()]:
                if following not in found:
                    found.add(following)
                    waiting.append(following)
        return frozenset(found)

    def after(self, states: frozenset[int], letter: int) -> frozenset[int]:
        """The states behind one letter."""
        return self.closed(
            frozenset(end for state in states for low, high, end in self.moves[state] if low <= letter <= high)
        )


def _built(pattern: str, dot: Ranges) -> _Automaton:
    """Any letters, then the pattern, then any letters, between the marks."""
    found = read(pattern)
    if found is None or found[1] or max(_most(found[0], kind) for kind in "^$") > 1:
        raise _Undecided
    automaton = _Automaton(dot)
    before = automaton.state()
    free = ((_START, _END), *_EVERY)
    automaton.moves[before].extend((low, high, before) for low, high in free)
    end = automaton.add(found[0], before)
    automaton.end = automaton.state()
    automaton.silent[end].append(automaton.end)
    automaton.moves[automaton.end].extend((low, high, automaton.end) for low, high in free)
    return automaton


def _most(part: Part, kind: str) -> int:
    """How many anchors of a kind can follow each other; marks are letters, so more than one would never match."""
    if isinstance(part, Anchor):
        return int(part.kind == kind)
    if isinstance(part, Row):
        return sum(_most(each, kind) for each in part.parts)
    if isinstance(part, Choice):
        return max((_most(each, kind) for each in part.options), default=0)
    if isinstance(part, Repeat):
        return _most(part.part, kind) * (2 if part.most > 1 else 1)
    return 0


@lru_cache(maxsize=1_000)
def found_wherever(narrow: str, wide: str) -> bool | None:
    """Whether `wide` is found in every text in which `narrow` is; None if that is not decided."""
    try:
        return all(_includes(_built(narrow, dot), _built(wide, dot)) for dot in (ANY, _ANY_BUT_NEWLINE))
    except _Undecided:
        return None


def _includes(narrow: _Automaton, wide: _Automaton) -> bool:
    letters = _representatives(narrow, wide)
    start = narrow.after(narrow.closed(frozenset({0})), _START), wide.after(wide.closed(frozenset({0})), _START)
    waiting, seen = [start], {start}
    while waiting:
        one, other = waiting.pop()
        if narrow.end in narrow.after(one, _END) and wide.end not in wide.after(other, _END):
            return False
        if wide.end in other:
            continue  # whatever follows, the wide one is found
        for letter in letters:
            following = narrow.after(one, letter), wide.after(other, letter)
            if following[0] and following not in seen:
                if len(seen) > _MAX_PAIRS // max(1, len(letters)):
                    raise _Undecided
                seen.add(following)
                waiting.append(following)
    return True


@lru_cache(maxsize=1_000)
def never_together(one: str, other: str) -> bool | None:
    """Whether there is no text in which both patterns are found; None if that is not decided."""
    try:
        return not any(_meet(_built(one, dot), _built(other, dot)) for dot in (ANY, _ANY_BUT_NEWLINE))
    except _Undecided:
        return None


def _meet(one: _Automaton, other: _Automaton) -> bool:
    letters = _representatives(one, other)
    start = one.after(one.closed(frozenset({0})), _START), other.after(other.closed(frozenset({0})), _START)
    waiting, seen = [start], {start}
    while waiting:
        left, right = waiting.pop()
        if one.end in one.after(left, _END) and other.end in other.after(right, _END):
            return True
        for letter in letters:
            following = one.after(left, letter), other.after(right, letter)
            if following[0] and following[1] and following not in seen:
                if len(seen) > _MAX_PAIRS // max(1, len(letters)):
                    raise _Undecided
                seen.add(following)
                waiting.append(following)
    return False


def _representatives(*automata: _Automaton) -> list[int]:
    """One letter of each class that no move of the automata tells apart."""
    cuts = {0, 0xE000}
    for automaton in automata:
        for moves in automaton.moves:
            for low, high, _ in moves:
                cuts.update(cut for cut in (low, high + 1) if 0 <= cut <= 0x10FFFF and not 0xD800 <= cut <= 0xDFFF)
    return sorted(cuts)
