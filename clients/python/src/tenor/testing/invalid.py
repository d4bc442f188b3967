"""Events that break a schema, each with its reason: a valid event with one thing changed. Pure.

What is tried knows nothing of the schema; the codec that writes the events says what is wrong with one. Where a bound
is broken, the event is the one next to the bound: a text of 256 characters where 255 are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tenor.codecs import Plain
    from tenor.errors import Violation

Path = tuple[str | int, ...]
Key = tuple[Path, str, bool]
Judge = Callable[[Any], "Sequence[Violation]"]

MOST_PLACES: Final = 2000
_LONG: Final = 70_000
_MANY: Final = 300
_UNEXPECTED: Final = "unexpected"


@dataclass(frozen=True, slots=True)
class Invalid:
    """An event that no producer may send.

    `path`    a JSON pointer to what is wrong
    `rule`    the rule that it breaks, a stable word: type, required, range, enum, maxLength, …
    `reason`  the whole of it
    """

    event: Any
    path: str
    rule: str
    reason: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.path or '/'}"


def judge_of(codec: Plain) -> Judge:
    """What is wrong with an event, by the word of the codec that would write it."""
    from tenor.errors import InvalidEvent

    write = codec.writer(b"")

    def judge(event: Any) -> Sequence[Violation]:
        try:
            write(event)
        except InvalidEvent as error:
            return error.violations
        return ()

    return judge


def invalid(judge: Judge, events: Iterable[Any]) -> Iterator[Invalid]:
    """Invalid events made of valid ones: each rule is broken once at each place, in the order of the events.

    `judge` tells what is wrong with an event.
    """
    known: set[Key] = set()
    tried: set[tuple[Path, type]] = set()
    for event in events:
        for path, value in _places(event):
            if (_general(path), type(value)) in tried or len(tried) > MOST_PLACES:
                continue
            tried.add((_general(path), type(value)))
            for candidate in (*_candidates(value), *_without_or_with(value)):
                if path or candidate is not None:  # no event at all is how a key is deleted
                    yield from _broken(judge, event, path, value, candidate, known)


def _broken(judge: Judge, event: Any, path: Path, value: Any, candidate: Any, known: set[Key]) -> Iterator[Invalid]:
    for violation in judge(changed(event, path, candidate)):
        rule, where = violation.rule, violation.path
        key = (_general(tuple(where.split("/"))), rule, _above(value, candidate))
        if key in known:
            continue
        known.add(key)

        def likewise(other: Any, rule: str = rule, where: str = where) -> Violation | None:
            return next(
                (each for each in judge(changed(event, path, other)) if (each.rule, each.path) == (rule, where)), None
            )

        closest = _closest(value, candidate, likewise)
        told = likewise(closest) or violation
        yield Invalid(changed(event, path, closest), told.path, told.rule, told.sentence)


def _above(value: Any, candidate: Any) -> bool:
    """Whether a bound was passed upwards: numbers and lengths have two."""
    if _is_number(value) and _is_number(candidate):
        return bool(candidate > value)
    return isinstance(value, str | bytes | list) and type(value) is type(candidate) and len(candidate) > len(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def changed(event: Any, path: Path, value: Any) -> Any:
    """A copy of an event with another value at a path."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    copy: Any = dict(event) if isinstance(event, Mapping) else list(event)
    copy[step] = changed(event[step], rest, value)
    return copy


def _places(event: Any) -> Iterator[tuple[Path, Any]]:
    """Every value of an event, the whole first."""
    waiting: list[tuple[Path, Any]] = [((), event)]
    for path, value in waiting:
        yield path, value
        if isinstance(value, Mapping):
            waiting += [((*path, key), each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), each) for index, each in enumerate(value)]


def _general(path: Path) -> Path:
    """A path with all items of a list alike."""
    return tuple("*" if isinstance(step, int) or step.isdecimal() else step for step in path)


_ANY: Final[tuple[Any, ...]] = (None, "", "text", True, 1, 1.5, [], {}, [None], {"": None})


def _candidates(value: Any) -> Iterator[Any]:
    """What to put in a value's place: something alike beyond a bound first, then something else."""
    match value:
        case bool():
            pass
        case int():
            yield from (value + 1, value - 1, -1, 0, 2**31, -(2**31) - 1, 2**32, 2**63, -(2**63) - 1, 2**64, 10**30)
        case float():
            yield from (value + 0.001, 0.0, -1.0, 1e9, -1e9, 1e300, -1e300, nan, inf)
        case str():
            yield from (value + "x", "x" + value, "x" * _LONG, "A", "0", "not-one-of-them", "\ud800", " ", "-")
        case bytes() | bytearray():
            yield from (bytes(value) + b"\x00", bytes(value)[:-1], b"\xff" * _LONG)
        case list():
            yield from ([], value[:1] * 2, (value * _MANY)[:_MANY], [*value, None])
    yield from _ANY


def _without_or_with(value: Any) -> Iterator[Any]:
    """A record without each of its members; and with one that nobody expects."""
    if isinstance(value, Mapping):
        for name in value:
            yield {key: each for key, each in value.items() if key != name}
        yield {**value, _UNEXPECTED: 1}


def _closest(valid: Any, broken: Any, breaks: Callable[[Any], object]) -> Any:
    """What is broken like `broken`, and next to `valid`, if both are whole numbers, or of the same kind and long."""
    if _is_number(valid) and isinstance(valid, int) and _is_number(broken) and isinstance(broken, int):
        return _bisected(valid, broken, breaks)
    if isinstance(valid, str | bytes | list) and type(valid) is type(broken):
        longer: Any = broken if len(broken) > len(valid) else valid
        length = _bisected(len(valid), len(broken), lambda size: breaks(longer[:size]))
        return longer[:length] if breaks(longer[:length]) else broken
    return broken


def _bisected(valid: int, broken: int, breaks: Callable[[int], object]) -> int:
    while abs(broken - valid) > 1:
        middle = (valid + broken) // 2
        if breaks(middle):
            broken = middle
        else:
            valid = middle
    return broken
