"""Make an event smaller while it still shows what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from registry.formats.json_schema.text import Json

_TRIALS = 200


def shrunk(event: Json, shows: Callable[[Json], bool]) -> Json:
    """A smaller event that shows the same, found by leaving out members and items and by simplifying values."""
    trials = _TRIALS
    while True:
        for smaller in _smaller(event):
            trials -= 1
            if trials < 0:
                return event
            if shows(smaller):
                event = smaller
                break
        else:
            return event


def _smaller(value: Json) -> Iterator[Json]:
    """Events with one thing less, the boldest steps first."""
    if type(value) is dict:
        for name in value:
            yield {other: member for other, member in value.items() if other != name}
        for name, member in value.items():
            for less in _smaller(member):
                yield {**value, name: less}
    elif type(value) is list:
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
        for index, item in enumerate(value):
            for less in _smaller(item):
                yield [*value[:index], less, *value[index + 1 :]]
    elif type(value) is str and len(value) > 1:
        yield value[: len(value) // 2]
        yield value[:-1]
        if set(value) != {"a"}:
            yield "a" * len(value)
    elif type(value) in (int, float) and value not in (0, 1, -1):
        yield 0
        yield 1
        if type(value) is int and abs(value) > 10:
            yield value // 10
