"""Small values that between them take every choice a schema leaves, one after the other.

A choice is met while a value is built: a branch, a type, a listed value, a bound, a length, an optional member. Each
that was not met before is taken once, by a value that is as small as it can be otherwise.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from registry.formats.json_schema.building import MINIMAL, Builder, Hints
from registry.formats.json_schema.facets import Facets, NoValue
from registry.formats.json_schema.plain import Plain
from registry.formats.json_schema.text import Json

_MOST_OF_ONE = 200
_MOST = 600
"""Choices that are taken at one place, and values that are built at all."""

_BUDGET = 600
_LONGEST = 300
_DEEPEST = 5
_UNBOUNDED = tuple(map(Decimal, (2**31, -(2**31) - 1, 2**53 + 1, 2**63, -(2**63) - 1)))
_TEXTS = ("😀é€", '\x00\n\t"\\', " ")

Path = tuple[str | int, ...]
Site = tuple[tuple[int, ...], str]
"""The schemas that a value has to satisfy, by their identity, and what is chosen for it."""


@dataclass
class Covering(Builder):
    """A builder of small values that takes the choices it is told, and remembers those it met."""

    told: dict[Site, int] = field(default_factory=dict)
    met: dict[Site, tuple[int, Path]] = field(default_factory=dict)
    _place: tuple[int, ...] = ()
    _mine: dict[str, int] = field(default_factory=dict)
    _path: Path = ()
    _free: bool = False
    """Below a member that the schema says nothing about: its choices are no edges."""

    def value(self, schemas: Sequence[Json], depth: int = 0) -> Json:
        """A value that satisfies all the schemas. Raises NoValue."""
        outer = self._place, self._mine
        self._place = tuple(id(schema) for schema in schemas)
        # Taken once: a schema that contains itself meets its choices again further down.
        taken = [site for site in self.told if site[0] == self._place]
        self._mine = {site[1]: self.told.pop(site) for site in taken}
        try:
            return super().value(schemas, depth)
        finally:
            self._place, self._mine = outer

    def _take(self, what: str, count: int, *below: str) -> int | None:
        """Which of so many: what was told, or None. `below`: where the choice shows, if not here."""
        if count > 1 and not self._free:
            self.met.setdefault((self._place, what), (min(count, _MOST_OF_ONE), (*self._path, *below)))
        index = self._mine.get(what)
        return index if index is None or index < count else None

    def _chosen(self, options: Sequence[Json], attempt: int, depth: int) -> Json:
        what = f"branch {id(options)}" if type(options) is list else "condition"
        index = self._take(what, len(options))
        return super()._chosen(options, attempt, depth) if index is None else options[index]

    def _pick(self, options: Sequence[Json], attempt: int = 0) -> Json:
        index = self._take("value", len(options))
        return super()._pick(options, attempt) if index is None else options[index]

    def _kinds(self, facets: Facets, attempt: int) -> list[str]:
        kinds = super()._kinds(facets, attempt)
        index = self._take("type", len(facets.types))
        return kinds if index is None else [facets.types[index]]

    def _wishes(self, facets: Facets) -> Iterable[Decimal]:
        yield from super()._wishes(facets)
        yield from _UNBOUNDED

    def _one_number(self, fitting: list[Decimal]) -> Decimal:
        least, most = min(fitting), max(fitting)
        small = super()._one_number(fitting)
        others = sorted({least, most, *(number for number in fitting if abs(number) <= 1)} - {small})
        index = self._take("number", 1 + len(others))
        return [small, *others][index or 0]

    def _letters(self, length: int) -> str:
        index = self._take("letters", 1 + len(_TEXTS)) if length else None
        if not index:
            return super()._letters(length)
        text = _TEXTS[index - 1]
        return (text * (length // len(text) + 1))[:length]

    def _count(self, least: int, most: int | None, limit: int) -> int:
        longest = min(least + _LONGEST, limit) if most is None else most if most <= _LONGEST else min(most, limit)
        options = sorted({least, least + 1, min(least + 4, longest), longest})
        fitting = [option for option in options if least <= option <= longest] or [least]
        index = self._take("count", len(fitting))
        return super()._count(least, most, limit) if index is None else fitting[index]

    def _wanted(self, facets: Facets, depth: int) -> Iterable[str]:
        if depth > _DEEPEST:
            return
        for name in facets.declared:
            if name not in facets.required and self._take(f"member {name}", 2, name) == 1:
                yield name
        if self._take("other", 2, "other") == 1:
            yield next((name for name in ("other", *self._spare(facets)) if name not in facets.declared), "other")

    def _member(self, facets: Facets, name: str, depth: int) -> Json:
        outer, self._free = self._free, self._free or not (name in facets.declared or facets.patterned or facets.extras)
        try:
            return self._below(name, lambda: super(Covering, self)._member(facets, name, depth))
        finally:
            self._free = outer

    def _item(self, facets: Facets, index: int, extra: list[Json], depth: int, known: set[str]) -> Json:
        return self._below(index, lambda: super(Covering, self)._item(facets, index, extra, depth, known))

    def _below(self, step: str | int, build: Any) -> Json:
        outer, self._path = self._path, (*self._path, step)
        try:
            return build()
        finally:
            self._path = outer


def edges(form: Plain, random: Random, hints: Hints) -> Iterator[tuple[Json, str]]:
    """Values with a note of what was chosen. Whether they are valid is for the caller to see."""
    builder = Covering(form, random, hints)
    known: set[Site] = set()
    waiting: deque[tuple[Mapping[Site, int], Path]] = deque([({}, ())])
    for _ in range(_MOST):
        if not waiting:
            return
        chosen, path = waiting.popleft()
        builder.mode, builder.budget, builder.told, builder.met = MINIMAL, _BUDGET, dict(chosen), {}
        try:
            value = builder.value([form.root])
        except NoValue:
            continue
        finally:
            for site, (count, place) in builder.met.items():
                if site not in known:
                    known.add(site)
                    waiting += [({**chosen, site: index}, place) for index in range(1, count)]
        if chosen:
            yield value, _note(value, path)


def _note(value: Json, path: Path) -> str:
    """`"C" at /status`."""
    at = "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in path)
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return f"nothing at {at}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"{text if len(text) <= 20 else text[:19] + '…'} at {at}"
