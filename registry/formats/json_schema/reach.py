"""What events of a JSON Schema may hold at each place (`registry.formats.reach.Reach`).

Each way to choose branches of anyOf, oneOf, if and dependentSchemas adds up to facets of its own, and each type of
those is an option. Past `_MOST_WAYS` ways what branches say is left out: unsure, never wrong. `format` is believed of
dates, times and uuids, though not every validator looks at it. Both views are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from registry.formats.json_schema import patterns
from registry.formats.json_schema.building import EDGE, MINIMAL, RANDOM, Builder, Hints
from registry.formats.json_schema.dialects import Draft
from registry.formats.json_schema.facets import Facets, NoValue, TooMany, merge
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import Plain, TooLarge, plain
from registry.formats.json_schema.sampling import as_event, samples
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.json_schema.text import Json
from registry.formats.json_schema.validity import Undecided, Validity, types_of
from registry.formats.reach import EACH, NOWHERE, Member, Option, Printed, Seen, View, anything

_MOST_WAYS = 256
_MOST_TRIES = 1_000
_MOST_PARTS = 200_000
"""So many schemas are added up for one document; beyond, every place may hold anything."""
_LOOK_AHEAD = 2
"""So deep it is looked for required members that nothing satisfies."""
_LANGUAGES = frozenset({"uuid", "date", "time", "date-time"})


def options(schema: JsonSchema, /, view: View = View.PLAIN) -> tuple[Option, ...]:  # of the protocol
    """What an event may be; anything where the schema is too large to be reasoned about."""
    found: tuple[Option, ...] | None = schema.graph.memo.get("reach")
    if found is None:
        try:
            form = plain(schema.graph)
            found = _Places(form, schema.draft).of((form.root,))
        except TooLarge:
            found = anything()
        schema.graph.memo["reach"] = found
    return found


class _Places:
    """The options of each set of schemas that meet at a place, made once."""

    def __init__(self, form: Plain, draft: Draft) -> None:
        self.plain, self.draft = form, draft
        self._options: dict[tuple[int, ...], tuple[Option, ...]] = {}
        self._ways: dict[tuple[int, ...], list[Facets] | None] = {}
        self._kept: list[Json] = []
        self._left = _MOST_PARTS

    def of(self, schemas: Sequence[Json]) -> tuple[Option, ...]:
        """The options of a value that satisfies all the schemas; none if there is no such value."""
        schemas = [each for each in schemas if each is not True]
        if not schemas:
            return anything()
        key = tuple(sorted(map(id, schemas)))
        if (found := self._options.get(key)) is None:
            ways = self.ways(schemas, _LOOK_AHEAD)
            found = anything() if ways is None else tuple(each for way in ways for each in self._typed(way, schemas))
            self._options[key] = found
        return found

    def ways(self, schemas: Sequence[Json], ahead: int) -> list[Facets] | None:
        """The facets of each choice of branches that something may satisfy; None where it is too much to tell."""
        key = tuple(sorted(map(id, schemas)))
        if key not in self._ways:
            self._kept.extend(schemas)  # ids stay taken
            self._ways[key] = self._added_up(schemas)
        found = self._ways[key]
        if found is None or ahead == 0:
            return found
        return [way for way in found if way.types != ["object"] or self._possible(way, ahead)]

    def _added_up(self, schemas: Sequence[Json]) -> list[Facets] | None:
        found: list[Facets] = []
        todo: list[tuple[int, ...]] = [()]
        tries = 0
        while todo:
            start = todo.pop()
            taken: list[int] = []
            tries += 1
            if self._left < 0:
                return None
            if tries > _MOST_TRIES or len(found) > _MOST_WAYS:
                return self._together(schemas)

            def choose(offered: Sequence[Json], start: tuple[int, ...] = start, taken: list[int] = taken) -> Json:
                at = len(taken)
                if at >= len(start):
                    todo.extend((*taken, other) for other in range(1, len(offered)))
                taken.append(start[at] if at < len(start) else 0)
                return offered[taken[-1]]

            try:
                way = merge(self.plain, schemas, choose)
                _refuse(way)
            except TooMany:
                return None
            except NoValue:
                self._left -= len(schemas)
                continue
            self._left -= len(way.parts)
            found.append(way)
        return found

    def _together(self, schemas: Sequence[Json]) -> list[Facets] | None:
        """One way for all: only what each of them asks for."""
        try:
            way = merge(self.plain, schemas, None)
            _refuse(way)
        except TooMany:
            return None
        except NoValue:
            return []
        return [way]

    def _possible(self, way: Facets, ahead: int) -> bool:
        """Whether an object may hold all that is required, as far as one looks ahead."""
        for name in way.required:
            if name in way.avoided:
                return False
            member = [each for each in self.members(way, name) if each is not True]
            if any(each is False for each in member):
                return False
            if member and self.ways(member, ahead - 1) == []:
                return False
        return True

    # ------------------------------------------------------------------------------------------------------- one way

    def _typed(self, way: Facets, schemas: Sequence[Json]) -> Iterator[Option]:
        if way.values is not None:
            yield from self._listed(way, schemas)
            return
        for kind in way.types:
            if (made := self._option(kind, way)) is not None:
                yield made

    def _listed(self, way: Facets, schemas: Sequence[Json]) -> Iterator[Option]:
        by_kind: dict[str, list[Json]] = {}
        for value in way.values or ():
            kind = _kind(value)
            if kind in way.types and self._holds(value, schemas):
                by_kind.setdefault(kind, []).append(_event(value))
        for kind, values in by_kind.items():
            if kind in ("array", "object"):
                yield from (self._constant(kind, value) for value in values)
            else:
                yield Option(kind, values=tuple(values), printed=self._printed(way))

    def _holds(self, value: Json, schemas: Sequence[Json]) -> bool:
        try:
            validity = Validity(self.plain)  # one for each thread
            return all(validity.holds(value, each) for each in schemas)
        except Undecided:
            return True

    def _constant(self, kind: str, value: Any) -> Option:
        parts = value if kind == "object" else {str(index): each for index, each in enumerate(value)}
        known = {step: self._of_value(each) for step, each in parts.items()}

        def inside(step: str) -> Member:
            if step == EACH:
                return Member(tuple(each for some in known.values() for each in some), absent=True)
            return Member(known[step], absent=False) if step in known else NOWHERE

        names = tuple(parts) if kind == "object" else ()
        return Option(
            kind,
            values=(value,),
            least=len(parts),
            most=len(parts),
            inside=inside,
            named=lambda: (Option("string", values=names),) if names else (),
            declared=names,
        )

    def _of_value(self, value: Any) -> tuple[Option, ...]:
        kind = _kind(value)
        if kind in ("array", "object"):
            return (self._constant(kind, value),)
        return (Option(kind, values=(value,), printed=Printed.EITHER),)

    def _printed(self, way: Facets) -> Printed:
        # In draft-04 a number written with a fraction of zero is no integer.
        return Printed.WHOLE if self.draft is Draft.DRAFT_4 and "fraction" not in way.types else Printed.EITHER

    def _option(self, kind: str, way: Facets) -> Option | None:
        if kind in ("integer", "fraction"):
            return self._number(kind, way)
        if kind == "string":
            least, most = way.least_length, way.most_length
            if most is not None and least > most:
                return None
            return Option(
                kind, least=least, most=most, patterns=tuple(way.patterns), language=self._language(way.parts)
            )
        if kind == "array":
            least, most = way.least_items, way.most_items
            if way.contains:
                least = max(least, *(count for _, count, _ in way.contains))
            if most is not None and least > most:
                return None
            return Option(kind, least=least, most=most, inside=lambda step: self._item(way, step))
        if kind == "object":
            return self._object(way)
        return Option(kind)

    def _number(self, kind: str, way: Facets) -> Option | None:
        if kind == "fraction" and way.step is not None and way.step.denominator == 1:
            return None
        lower, upper = way.lower, way.upper
        if lower is not None and upper is not None and (lower[0], lower[1] or upper[1]) > (upper[0], False):
            return None
        return Option(
            kind,
            minimum=None if lower is None else _bound(lower, kind, 1),
            maximum=None if upper is None else _bound(upper, kind, -1),
            printed=self._printed(way),
        )

    def _language(self, parts: Iterable[Json]) -> str:
        """What `format` says; the plain form has lost it."""
        for part in parts:
            place = self.plain.places.get(id(part))
            word = place.value.get("format") if place is not None and type(place.value) is dict else None
            if type(word) is str and word in _LANGUAGES:
                return word
        return ""

    def _object(self, way: Facets) -> Option | None:
        least = max(way.least_properties, len(way.required))
        most = way.most_properties
        if most is not None and least > most:
            return None
        closed = any(each.schema is False for each in way.extras) or (
            not way.tried_elsewhere and any(each is False for each in way.unevaluated)
        )
        if closed and not way.patterned:
            most = len(way.declared) if most is None else min(most, len(way.declared))
        if not self._possible(way, _LOOK_AHEAD):
            return None
        return Option(
            "object",
            least=least,
            most=most,
            inside=lambda step: self._property(way, step),
            named=lambda: self._names(way, closed=closed),
            declared=tuple(dict.fromkeys((*way.declared, *way.required))),
        )

    def _names(self, way: Facets, *, closed: bool) -> tuple[Option, ...]:
        declared = tuple(name for name in way.declared if self._property(way, name).options)
        if closed:
            listed = (Option("string", values=declared),) if declared else ()
            return (*listed, *(Option("string", patterns=(pattern,)) for pattern, _ in way.patterned))
        names = self.of([*way.names, _TEXT]) if way.names else ()
        return names or (Option("string"),)

    def members(self, way: Facets, name: str) -> list[Json]:
        """The schemas that a member of this name must satisfy."""
        schemas = list(way.declared.get(name, ()))
        unsure = False
        for pattern, schema in way.patterned:
            found = patterns.matches(pattern, name)
            unsure |= found is None
            if found:
                schemas.append(schema)
        if unsure:
            return schemas
        evaluated = bool(schemas)
        for extra in way.extras:
            if name not in extra.names and not any(patterns.matches(pattern, name) for pattern in extra.patterns):
                schemas.append(extra.schema)
                evaluated = True
        # Branches that were not chosen may evaluate a name all the same, where they hold too.
        if not evaluated and not way.tried_elsewhere:
            schemas.extend(way.unevaluated)
        return schemas

    def _property(self, way: Facets, step: str) -> Member:
        if step == EACH:
            return Member(self._each(way), absent=True)
        if step in way.avoided:
            return NOWHERE
        found = self.of(self.members(way, step))
        return Member(found, absent=step not in way.required)

    def _each(self, way: Facets) -> tuple[Option, ...]:
        """Every member: the declared ones, those of a pattern, and the rest."""
        found = [each for name in way.declared if name not in way.avoided for each in self._property(way, name).options]
        found.extend(each for _, schema in way.patterned for each in self.of([schema]))
        rest = [extra.schema for extra in way.extras]
        found.extend(self.of(rest or ([] if way.tried_elsewhere else list(way.unevaluated))))
        return tuple(found)

    def _item(self, way: Facets, step: str) -> Member:
        if step == EACH:
            ends = {len(way.prefix), *(start for start, _ in way.rest)}
            last = max(ends)
            every = [each for index in range(last + 1) for each in self._at(way, index)]
            return Member(tuple(every), absent=True)
        if not (step.isascii() and step.isdigit() and len(step) < 7):
            return NOWHERE
        index = int(step)
        if way.most_items is not None and index >= way.most_items:
            return NOWHERE
        return Member(self._at(way, index), absent=index >= way.least_items)

    def _at(self, way: Facets, index: int) -> tuple[Option, ...]:
        schemas = list(way.prefix[index]) if index < len(way.prefix) else []
        schemas.extend(schema for start, schema in way.rest if index >= start)
        if not schemas and not way.contains and not way.tried_elsewhere:
            schemas = list(way.unevaluated_items)
        return self.of(schemas)


_TEXT: dict[str, Json] = {"type": "string"}


def _refuse(way: Facets) -> None:
    """Take out what simple `not`s exclude: types, and members that must not be there."""
    for schema in way.refused:
        if schema is True or schema == {}:
            raise NoValue
        if type(schema) is not dict:
            continue
        if schema.keys() == {"type"}:
            stated = [schema["type"]] if type(schema["type"]) is str else schema["type"]
            gone = {part for name in stated for part in (("integer", "fraction") if name == "number" else (name,))}
            way.types = [kind for kind in way.types if kind not in gone]
        if schema.keys() == {"required"} and len(schema["required"]) == 1 and way.types == ["object"]:
            way.avoided.add(schema["required"][0])
    if not way.types:
        raise NoValue


def _kind(value: Any) -> str:
    names = types_of(value)
    return "integer" if "integer" in names else "fraction" if "number" in names else names[0]


def _event(value: Json) -> Any:
    try:
        return as_event(value)
    except NoValue:
        return float(value) if isinstance(value, Decimal) else value


def _bound(bound: tuple[Decimal, bool], kind: str, inwards: int) -> float | int:
    number, excluded = bound
    if kind == "integer":
        whole = int(number.to_integral_value("ROUND_CEILING" if inwards > 0 else "ROUND_FLOOR"))
        return whole + inwards if excluded and whole == number else whole
    return int(number) if number == number.to_integral_value() else float(number)


# Events


def events(
    schema: JsonSchema,
    path: Sequence[str],
    wishes: Sequence[Any],
    /,
    view: View = View.PLAIN,  # of the protocol
    *,
    seed: int = 0,
) -> Iterator[Seen | None]:
    """Events that fulfil a wish at the path, small first, then random ones; each also with whole numbers as 7.0."""
    try:
        form, validator = plain(schema.graph), official(schema)
    except TooLarge:
        return
    builder = Builder(form, Random(seed), Hints.of(form))  # noqa: S311 # events to try, not secrets
    builder.hints.names = list(dict.fromkeys([*builder.hints.names, *(step for step in path if step != EACH)]))
    places = [(path, wish) for wish in wishes]
    places += [(path[:length], wish) for length in range(len(path) - 1, 0, -1) for wish in _ELSE]
    for mode in (MINIMAL, EDGE, RANDOM, RANDOM):
        for place, wish in places:
            for way in _nested(place, wish, builder.hints.names):
                builder.mode, builder.budget = mode, 200 + 2 * form.size
                try:
                    event = as_event(builder.value([form.root, way]))
                except NoValue:
                    yield None
                    continue
                for each in (event, _respelled(event)):
                    if validator.valid(each):
                        yield Seen(each, each)
    for sample in samples(schema, seed=seed):
        yield Seen(sample.event, sample.event)


_ELSE: tuple[Json, ...] = (False, {"not": {"type": ["array", "object"]}})
"""What is looked for at the places above a path."""


def _nested(path: Sequence[str], wish: Json, names: Sequence[str]) -> Iterator[Json]:
    """Schemas of events with something at a path; false is nothing."""
    if not path:
        if wish is not False:
            yield wish
        return
    step, *rest = path
    for inner in _nested(rest, wish, names) if rest else (wish,):
        if step != EACH:
            found = {"type": "object", "properties": {step: inner}}
            yield found if inner is False else found | {"required": [step]}
        elif inner is not False:
            for name in (*names[:8], "other", "zz"):
                yield {"type": "object", "required": [name], "properties": {name: inner}}
        if (step == EACH or (step.isdigit() and len(step) < 4)) and inner is not False:
            index = 0 if step == EACH else int(step)
            yield {"type": "array", "minItems": index + 1, "prefixItems": [*([True] * index), inner]}


def _respelled(event: Any) -> Any:
    """The event with its whole numbers written with a fraction of zero."""
    if type(event) is int and abs(event) < 2**53:
        return float(event)
    if type(event) is dict:
        return {name: _respelled(each) for name, each in event.items()}
    return [_respelled(each) for each in event] if type(event) is list else event
