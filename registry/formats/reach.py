"""What a decoded event may hold at each place: how a parsed schema looks to somebody who reads its events. Pure.

A place has `Option`s, one for each kind of value that may stand there; an option that is a container leads on to its
members. Both are worked out when asked for, so recursive and very large schemas cost what is looked at.

    options of {"total": number, "note": string?}     Option("object")
        .member("total")   Member((Option("integer"), Option("fraction")), absent=False)
        .member("note")    Member((Option("string"),), absent=True)
        .member("other")   Member((), absent=True)

Options may claim too much (a value they allow may never occur), never too little: what holds for every option holds
for every event, and what no option allows no event has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

TYPES = ("null", "boolean", "integer", "fraction", "string", "array", "object")
"""Kinds of values. `integer` is a whole number however it is printed, `fraction` any other number."""

EACH = "*"
"""The step to every item of an array or every member of an object."""


class View(StrEnum):
    """How events are decoded. It matters to Protobuf only.

    PLAIN: as decoders of objects and dicts hand them out (fields without presence always there, 64-bit numbers are
    numbers). JSON: as Protobuf's JSON mapping prints them (defaults left out, 64-bit numbers as text).
    """

    PLAIN = "plain"
    JSON = "json"


class Printed(StrEnum):
    """How a whole number may come out: `7`, `7.0`, or either."""

    WHOLE = "7"
    FRACTION = "7.0"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Member:
    """What may stand one step further: nothing at all if there are no options; `absent`: it may be missing."""

    options: tuple[Option, ...]
    absent: bool


NOWHERE = Member((), absent=True)
"""A member that no event has."""


def _nowhere(_step: str) -> Member:
    return NOWHERE


@dataclass(slots=True, eq=False)
class Option:
    """One kind of value that may stand at a place.

    `type`      one of TYPES
    `values`    the only values, if they are listed
    `minimum`, `maximum`   bounds of numbers, inclusive
    `least`, `most`        how long a text is, how many items or members a container has
    `patterns`  regular expressions, each found somewhere in every text
    `language`  what every text is, where that is known: uuid, date, time, date-time, integer, base64
    `printed`   how whole numbers come out
    `encoding`  the format's own name of the type, where a reader's schema must resolve it: `long`, `fixed:Id:16`; with
                its meaning if it has one: `int:date`
    `also`      types as which some decoders hand the value out (a date as an object of its own, a decimal …)
    `inside`    the members by step: a name, an index, or EACH
    `named`     the names that members may have, as texts
    `declared`  the names that the schema spells out
    """

    type: str
    values: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    least: int = 0
    most: int | None = None
    patterns: tuple[str, ...] = ()
    language: str = ""
    printed: Printed = Printed.WHOLE
    encoding: str = ""
    also: frozenset[str] = frozenset()
    inside: Callable[[str], Member] = _nowhere
    named: Callable[[], tuple[Option, ...]] = tuple
    declared: tuple[str, ...] = ()
    _members: dict[str, Member] = field(default_factory=dict, repr=False)

    def member(self, step: str) -> Member:
        """What may stand behind a step."""
        if (found := self._members.get(step)) is None:
            found = self._members[step] = self.inside(step)
        return found

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "fraction")


def anything() -> tuple[Option, ...]:
    """Options that allow every value."""
    return _ANYTHING


def _anything_inside(_step: str) -> Member:
    return Member(_ANYTHING, absent=True)


def _any_name() -> tuple[Option, ...]:
    return (Option("string"),)


_ANYTHING: tuple[Option, ...] = tuple(
    Option(kind, printed=Printed.EITHER, inside=_anything_inside, named=_any_name)
    if kind in ("array", "object")
    else Option(kind, printed=Printed.EITHER)
    for kind in TYPES
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A valid event: `decoded` as its reader sees it (texts for bytes, floats that JSON lacks kept), `shown` as JSON
    data."""

    decoded: Any
    shown: Any


class Reach(Protocol):
    """What a format says about the places of its events: the module `reach` of its package."""

    def options(self, schema: Any, /, view: View = View.PLAIN) -> tuple[Option, ...]:
        """What an event may be as a whole; worked out once for a schema and view."""
        ...

    def events(
        self, schema: Any, path: Sequence[str], wishes: Sequence[Any], /, view: View = View.PLAIN, *, seed: int = 0
    ) -> Iterator[Seen | None]:
        """Valid events that differ at a path: its value missing, at its edges, of each kind; then random ones.

        `wishes` are JSON Schemas of the value that is looked for there; false is its absence. A format may ignore
        them. None stands for a try that came to nothing, so that the caller can look at the clock. Ends where no event
        can be built.
        """
        ...
