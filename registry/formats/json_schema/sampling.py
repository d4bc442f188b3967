"""Valid events of a schema: the smallest, the largest, those at the edges, then random ones.

Every event was judged valid by the real validator. The same seed gives the same events. Pure, save for the clock
that the caller may bring.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import zip_longest
from random import Random
from typing import Any

from registry.formats.base import Sample
from registry.formats.json_schema.building import EDGE, MAXIMAL, MINIMAL, RANDOM, Builder, Hints
from registry.formats.json_schema.covering import edges
from registry.formats.json_schema.facets import NoValue
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import Plain, TooLarge, plain
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.text import Json, identity

_EDGES = 40
_FAILURES = 60
"""So many random events in a row that are invalid, or could not be built, end the sampling."""


def samples(schema: JsonSchema, *, seed: int = 0) -> Iterator[Sample]:
    """Valid events: minimal, maximal, edges, then random ones without end.

    Edges come in turn: one choice of the schema after the other, in an event that is small otherwise; and several edges
    in one event. Ends early, maybe at once, where no valid event can be found: `false` has none, and for some schemas
    (crossing patterns, `not` of almost everything) none is found by trying.
    """
    try:
        form, validator = plain(schema.graph), official(schema)
    except TooLarge:
        return
    random = Random(seed)  # noqa: S311 # events to try, not secrets
    hints = Hints.of(form)
    builder = Builder(form, random, hints)
    seen: set[str] = set()

    def small() -> Iterator[tuple[Json, str, str]]:
        yield _built(builder, form, MINIMAL), MINIMAL, ""
        yield _built(builder, form, MAXIMAL), MAXIMAL, ""
        for one, several in zip_longest(edges(form, random, hints), range(_EDGES)):
            if one is not None:
                yield _event(one[0]), EDGE, one[1]
            if several is not None:
                yield _built(builder, form, EDGE), EDGE, "several"

    for event, mode, note in small():
        if event is not _NONE and (own := identity(_exact(event))) not in seen and validator.valid(event):
            seen.add(own)
            yield Sample(event, mode, note)
    failures = 0
    while failures < _FAILURES:
        event = _built(builder, form, RANDOM)
        if event is not _NONE and validator.valid(event):
            failures = 0
            yield Sample(event, RANDOM)
        else:
            failures += 1


_NONE: Any = object()


def _built(builder: Builder, form: Plain, mode: str) -> Json:
    builder.mode, builder.budget = mode, 600
    try:
        return as_event(builder.value([form.root]))
    except NoValue:
        return _NONE


def _event(value: Json) -> Json:
    try:
        return as_event(value)
    except NoValue:
        return _NONE


def as_event(value: Json) -> Json:
    """A built value as JSON data: numbers with a fraction become floats, which print the same digits.

    Raises NoValue for a number that a float can't hold.
    """
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        found = float(value)
        if Decimal(repr(found)) != value:
            raise NoValue
        return found
    if type(value) is dict:
        return {name: as_event(member) for name, member in value.items()}
    return [as_event(item) for item in value] if type(value) is list else value


def _exact(event: Json) -> Json:
    if type(event) is float:
        return Decimal(repr(event))
    if type(event) is dict:
        return {name: _exact(member) for name, member in event.items()}
    return [_exact(item) for item in event] if type(event) is list else event
