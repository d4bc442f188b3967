"""Regular expressions read, never run: texts that match one, and whether one matches every text.

The syntax is ECMAScript's as far as schemas use it. What is not understood (back-references, look-around that
matters) gives no text and no certainty. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypeAlias

_MAX_PATTERN = 2_000
_MAX_NODES = 500
_UNBOUNDED = 1_000_000


class NotUnderstood(Exception):
    """The pattern uses what is not read here."""


@dataclass(frozen=True, slots=True)
class Letters:
    """One letter out of ranges of code points."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One after another."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same several times."""

    part: Part
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^` or `$`; `b` for what matches no letter and is left to trial (word boundaries, look-ahead)."""

    kind: str


Part: TypeAlias = Letters | Row | Choice | Repeat | Anchor

_DIGITS = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = (
    *((9, 13), (32, 32), (160, 160), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
ANY = ((0, 9), (11, 12), (14, 0x2027), (0x202A, 0xD7FF), (0xE000, 0x10FFFF))
"""What `.` matches by ECMAScript."""
_PROPERTIES = {
    "L": ((65, 90), (97, 122)),
    "Letter": ((65, 90), (97, 122)),
    "Lu": ((65, 90),),
    "Ll": ((97, 122),),
    "N": _DIGITS,
    "Nd": _DIGITS,
    "P": ((33, 35), (37, 42), (44, 47)),
}
"""Part of each class is enough: the texts are tried by the real engine."""
_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "0": 0}


def _complement(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in [*sorted(ranges), (0x110000, 0x110000)]:
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return tuple(
        part
        for low, high in found
        for part in ((low, min(high, 0xD7FF)), (max(low, 0xE000), high))
        if part[0] <= part[1]
    )


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    nodes: int = 0
    approximate: bool = False

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self, expected: str) -> bool:
        if self.text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False

    def choice(self, depth: int) -> Part:
        if depth > 40:
            raise NotUnderstood
        options = [self.row(depth)]
        while self.take("|"):
            options.append(self.row(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def row(self, depth: int) -> Part:
        parts: list[Part] = []
        while self.peek() and self.peek() not in "|)":
            self.nodes += 1
            if self.nodes > _MAX_NODES:
                raise NotUnderstood
            parts.append(self.repeated(self.one(depth)))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def repeated(self, part: Part) -> Part:
        while (letter := self.peek()) and letter in "*+?{":
            least, most = {"*": (0, _UNBOUNDED), "+": (1, _UNBOUNDED), "?": (0, 1)}.get(letter, (-1, -1))
            if letter == "{":
                counts = self.counts()
                if counts is None:
                    return part
                least, most = counts
            else:
                self.at += 1
            if self.take("+"):
                raise NotUnderstood  # possessive
            self.take("?")
            part = Repeat(part, least, most)
        return part

    def counts(self) -> tuple[int, int] | None:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at + 1 : end].partition(",")
        if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            raise NotUnderstood
        self.at = end + 1
        least = int(low)
        most = least if not comma else int(high) if high else _UNBOUNDED
        if least > most or least > 10_000:
            raise NotUnderstood
        return least, most

    def one(self, depth: int) -> Part:
        letter = self.text[self.at]
        self.at += 1
        if letter == "(":
            return self.group(depth)
        if letter == "[":
            return self.listed()
        if letter == ".":
            return Letters(ANY)
        if letter in "^$":
            return Anchor(letter)
        if letter == "\\":
            return self.escape()
        if letter in "*+?":
            raise NotUnderstood
        return Letters(((ord(letter), ord(letter)),))

    def group(self, depth: int) -> Part:
        looks = False
        if self.take("?"):
            if self.take("=") or self.take("!") or self.take("<=") or self.take("<!"):
                looks = self.approximate = True
            elif self.take("<") or self.take("P<"):
                self.at = self.text.find(">", self.at) + 1 or len(self.text)
            elif not self.take(":"):
                raise NotUnderstood
        inner = self.choice(depth + 1)
        if not self.take(")"):
            raise NotUnderstood
        return Anchor("b") if looks else inner

    def escape(self) -> Part:
        letter = self.peek()
        self.at += 1
        if letter in "bB":
            self.approximate = True
            return Anchor("b")
        if letter in "AZz":
            return Anchor("^" if letter == "A" else "$")
        return Letters(self.escaped(letter))

    def escaped(self, letter: str) -> tuple[tuple[int, int], ...]:
        classes = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
        if letter and letter.lower() in classes:
            found = classes[letter.lower()]
            return found if letter.islower() else _complement(found)
        if letter and letter in _CONTROLS:
            return ((_CONTROLS[letter],) * 2,)
        if letter in ("x", "u"):
            return self.code(letter)
        if letter in ("p", "P"):
            end = self.text.find("}", self.at)
            name = self.text[self.at + 1 : end].rpartition("=")[2]
            if self.peek() != "{" or end < 0 or name not in _PROPERTIES:
                raise NotUnderstood
            self.at, self.approximate = end + 1, True
            found = _PROPERTIES[name]
            return found if letter == "p" else _complement(found)
        if not letter or letter.isalnum():
            raise NotUnderstood
        return ((ord(letter), ord(letter)),)

    def code(self, letter: str) -> tuple[tuple[int, int], ...]:
        digits = self.text[self.at : self.at + (2 if letter == "x" else 4)]
        if letter == "u" and self.peek() == "{":
            end = self.text.find("}", self.at)
            digits = self.text[self.at + 1 : end]
            self.at = end + 1
        else:
            self.at += len(digits)
        try:
            point = int(digits, 16)
        except ValueError:
            raise NotUnderstood from None
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            raise NotUnderstood
        return ((point, point),)

    def listed(self) -> Part:
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        while self.peek() != "]":
            if not self.peek():
                raise NotUnderstood
            low = self.member()
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", "") and len(low) == 1:
                self.at += 1
                high = self.member()
                if low[0][0] != low[0][1] or len(high) != 1 or high[0][1] < low[0][0]:
                    raise NotUnderstood
                ranges.append((low[0][0], high[0][1]))
            else:
                ranges.extend(low)
        self.at += 1
        return Letters(_complement(tuple(ranges)) if negated else tuple(ranges))

    def member(self) -> tuple[tuple[int, int], ...]:
        letter = self.text[self.at]
        self.at += 1
        if letter == "[" or (letter == "&" and self.peek() == "&"):
            raise NotUnderstood  # a set inside a set, in some dialects
        if letter != "\\":
            return ((ord(letter), ord(letter)),)
        escaped = self.peek()
        self.at += 1
        return ((8, 8),) if escaped == "b" else self.escaped(escaped)


@lru_cache(maxsize=1_000)
def read(pattern: str) -> tuple[Part, bool] | None:
    """A pattern's structure, and whether parts of it were left out; None if it is not understood."""
    if len(pattern) > _MAX_PATTERN:
        return None
    reader = _Reader(pattern)
    try:
        part = reader.choice(0)
    except (NotUnderstood, ValueError):
        return None
    return (part, reader.approximate) if reader.at == len(pattern) else None


def matches_everything(pattern: str) -> bool:
    """Whether a pattern is found in every text, as `a*` and `^` are; False where that is not plain to see."""
    found = read(pattern)
    return found is not None and not found[1] and any(_empty_anywhere(option) for option in _options(found[0]))


def _options(part: Part) -> tuple[Part, ...]:
    return part.options if isinstance(part, Choice) else (part,)


def _empty_anywhere(part: Part) -> bool:
    """Matches the empty text at the start or at the end, whatever the text is."""
    anchors = {each.kind for each in _anchors(part)}
    return len(anchors) < 2 and _nullable(part)


def _anchors(part: Part) -> Iterator[Anchor]:
    if isinstance(part, Anchor):
        yield part
    elif isinstance(part, Row):
        for each in part.parts:
            yield from _anchors(each)
    elif isinstance(part, Choice):
        for each in part.options:
            yield from _anchors(each)
    elif isinstance(part, Repeat):
        yield from _anchors(part.part)


def _nullable(part: Part) -> bool:
    if isinstance(part, Letters):
        return False
    if isinstance(part, Row):
        return all(_nullable(each) for each in part.parts)
    if isinstance(part, Choice):
        return any(_nullable(each) for each in part.options)
    return part.least == 0 or _nullable(part.part) if isinstance(part, Repeat) else True


def sample(pattern: str, random: Random, *, length: int = 0) -> str | None:
    """A text the pattern should be found in, of about a length; try it before use. None if it is not understood."""
    found = read(pattern)
    if found is None:
        return None
    letters: list[str] = []
    _append(found[0], random, length, letters)
    text = "".join(letters)
    missing = max(0, length - len(text)) or (random.randint(1, 3) if random.random() < 0.3 else 0)
    last = pattern.endswith("$") and not pattern.endswith("\\$")
    if missing and not (last and pattern.startswith("^")):
        # A pattern is found anywhere: what comes before or behind is free.
        padding = "".join(random.choice("ab0 ") for _ in range(missing))
        text = padding + text if last else text + padding
    return text


def _append(part: Part, random: Random, length: int, letters: list[str]) -> None:
    if isinstance(part, Letters):
        if part.ranges:
            letters.append(_letter(part.ranges, random))
    elif isinstance(part, Row):
        for each in part.parts:
            _append(each, random, length, letters)
    elif isinstance(part, Choice):
        _append(random.choice(part.options), random, length, letters)
    elif isinstance(part, Repeat):
        missing = max(0, length - len(letters))
        wish = part.least if random.random() < 0.5 else part.least + random.randint(0, 3)
        for _ in range(min(part.most, max(wish, min(missing, 10_000)) if missing else wish)):
            if len(letters) > 20_000:
                return
            _append(part.part, random, length, letters)


_PLAIN = ((97, 122), (65, 90), (48, 57), (32, 126))


def _letter(ranges: tuple[tuple[int, int], ...], random: Random) -> str:
    """A letter of some ranges, a plain one where there is one."""
    if random.random() < 0.9:
        for low, high in _PLAIN:
            meeting = [(max(low, a), min(high, b)) for a, b in ranges if a <= high and b >= low]
            if meeting:
                a, b = random.choice(meeting)
                return chr(random.randint(a, b))
    a, b = random.choice(ranges)
    return chr(random.randint(a, b))
