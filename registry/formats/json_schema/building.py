"""Builds values out of facets: minimal, maximal, at the edges, or random; always from the same seed the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from random import Random

from registry.formats.json_schema import patterns, regexes
from registry.formats.json_schema.facets import Facets, NoValue, merge
from registry.formats.json_schema.plain import Plain
from registry.formats.json_schema.text import Json, identity
from registry.formats.json_schema.validity import Undecided, Validity, types_of

MINIMAL, MAXIMAL, EDGE, RANDOM = "minimal", "maximal", "edge", "random"
_MAX_LENGTH = 20_000
_MAX_ITEMS = 2_000
_TRIES = 8
_STOP_GROWING = 5
_MAX_DEPTH = 60
_SPARE_NAMES = ("other", "zz", "x-1", "Ünïcode 名", "")


@dataclass(slots=True)
class Hints:
    """Values worth trying, gathered from the schemas at hand."""

    numbers: list[Decimal] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    values: list[Json] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, *plains: Plain) -> Hints:
        """What the schemas mention: bounds, lengths, names, listed values."""
        hints = cls()
        for plain in plains:
            waiting: list[Json] = [plain.root, *plain.definitions.values()]
            while waiting:
                schema = waiting.pop()
                if type(schema) is list:
                    waiting.extend(schema)
                elif type(schema) is dict:
                    hints._note(schema, waiting)
        hints.numbers = list(dict.fromkeys(hints.numbers))[:200]
        hints.lengths = list(dict.fromkeys(hints.lengths))[:100]
        hints.names = list(dict.fromkeys(hints.names))[:500]
        hints.values = hints.values[:200]
        hints.indexes = list(dict.fromkeys(hints.indexes))[:10]
        return hints

    def _note(self, schema: dict[str, Json], waiting: list[Json]) -> None:
        for keyword, content in schema.items():
            if keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
                self.numbers.append(Decimal(content))
            elif keyword in ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"):
                self.lengths.append(content)
            elif keyword in ("properties", "patternProperties", "dependentSchemas", "$defs"):
                self.names.extend(content if keyword != "patternProperties" else ())
                waiting.extend(content.values())
            elif keyword in ("required", "dependentRequired"):
                self.names.extend(content)
            elif keyword == "prefixItems":
                self.indexes.append(len(content))
                waiting.append(content)
            elif keyword in ("enum", "const"):
                self.values.extend(content if keyword == "enum" else [content])
            elif type(content) in (dict, list) and keyword != "type":
                waiting.append(content)


@dataclass(slots=True)
class Builder:
    """Builds values of one plain schema."""

    plain: Plain
    random: Random
    hints: Hints
    mode: str = MINIMAL
    budget: int = 3_000
    _attempt: int = 0
    validity: Validity = field(init=False)

    def __post_init__(self) -> None:
        self.validity = Validity(self.plain)

    def value(self, schemas: Sequence[Json], depth: int = 0) -> Json:
        """A value that satisfies all the schemas. Raises NoValue."""
        if depth > _MAX_DEPTH:
            raise NoValue
        tries = _TRIES if depth < 3 else 3
        for attempt in range(tries):
            self.budget -= 1
            if self.budget < 0:
                raise NoValue
            choices = 0

            def choose(options: Sequence[Json], attempt: int = attempt) -> Json:
                nonlocal choices
                choices += len(options) > 1
                return self._chosen(options, attempt, depth)

            try:
                facets = merge(self.plain, schemas, choose)
                self._attempt = attempt
                found = self._built(facets, depth, attempt)
                if not facets.tried or all(self.validity.holds(found, schema) for schema in schemas):
                    return found
            except Undecided:
                continue
            except NoValue:
                if self.mode == MINIMAL and not choices:
                    break  # nothing would be tried differently
        raise NoValue

    def _chosen(self, options: Sequence[Json], attempt: int, depth: int) -> Json:
        """The branch to try: in order for what should be small, any otherwise."""
        if (self.mode in (MINIMAL, EDGE) or depth > _STOP_GROWING) and attempt < len(options):
            return options[attempt]
        return self.random.choice(options)

    def _pick(self, options: Sequence[Json], attempt: int = 0) -> Json:
        if not options:
            raise NoValue
        return options[min(attempt, len(options) - 1)] if self.mode == MINIMAL else self.random.choice(options)

    def _built(self, facets: Facets, depth: int, attempt: int) -> Json:
        if facets.values is not None:
            fitting = [value for value in facets.values if self._type_fits(value, facets)]
            return self._pick(fitting, attempt)
        for kind in self._kinds(facets, attempt):
            try:
                return self._of_kind(kind, facets, depth)
            except NoValue:
                continue
        raise NoValue

    def _kinds(self, facets: Facets, attempt: int) -> list[str]:
        """The types to try in turn; those the facets speak of come first, except in what should be small."""
        kinds = list(facets.types)
        if self.mode == MINIMAL:
            return kinds if attempt == 0 else self.random.sample(kinds, len(kinds))
        self.random.shuffle(kinds)
        if self.mode == MAXIMAL or self.random.random() < 0.7:
            spoken = {
                "object": bool(facets.declared or facets.required or facets.patterned),
                "array": bool(facets.prefix or facets.rest or facets.contains),
                "string": bool(facets.patterns or facets.least_length or facets.most_length is not None),
                "integer": facets.lower is not None or facets.upper is not None or facets.step is not None,
            }
            kinds.sort(key=lambda kind: not spoken.get(kind, False))
        return kinds

    @staticmethod
    def _type_fits(value: Json, facets: Facets) -> bool:
        names = types_of(value)
        own = "integer" if "integer" in names else "fraction" if "number" in names else names[0]
        return own in facets.types

    def _of_kind(self, kind: str, facets: Facets, depth: int) -> Json:
        if kind == "null":
            return None
        if kind == "boolean":
            return self._pick((False, True))
        if kind in ("integer", "fraction"):
            return self._number(facets, whole=kind == "integer")
        if kind == "string":
            return self._string(facets)
        return self._array(facets, depth) if kind == "array" else self._object(facets, depth)

    # ------------------------------------------------------------------------------------------------ numbers, texts

    def _number(self, facets: Facets, *, whole: bool) -> Json:
        step = facets.step
        if whole:
            step = Fraction(1) if step is None else _whole_step(step)
        candidates: list[Decimal] = []
        for wish in self._wishes(facets):
            candidates.extend(_near(wish, step))
        fitting = [
            number
            for number in dict.fromkeys(candidates)
            if _within(number, facets) and (number == number.to_integral_value()) == whole and _divides(step, number)
        ]
        if not fitting:
            raise NoValue
        found = self._one_number(fitting)
        return int(found) if whole else found

    def _one_number(self, fitting: list[Decimal]) -> Decimal:
        if self.mode != MINIMAL:
            return self.random.choice(fitting)
        fitting.sort(key=lambda number: (abs(number), number < 0))
        return fitting[min(self._attempt, len(fitting) - 1)]

    def _wishes(self, facets: Facets) -> Iterable[Decimal]:
        yield from (bound[0] for bound in (facets.lower, facets.upper) if bound is not None)
        yield Decimal(0)
        if facets.lower is not None and facets.upper is not None:
            yield (facets.lower[0] + facets.upper[0]) / 2
        if self.mode != MINIMAL:
            yield from self.hints.numbers
            yield Decimal(self.random.randint(-1_000, 1_000))
            if self.random.random() < 0.1:
                yield Decimal(self.random.choice([2**53 + 1, -(2**31) - 1, 2**63, 10**20]))

    def _string(self, facets: Facets) -> str:
        least, most = facets.least_length, facets.most_length
        if most is not None and least > most:
            raise NoValue
        length = self._count(least, most, _MAX_LENGTH)
        if not facets.patterns:
            listed = [value for value in self.hints.values if type(value) is str and least <= len(value) <= length]
            if listed and self.mode != MINIMAL and self.random.random() < 0.3:
                return str(self.random.choice(listed))
            return self._letters(length)
        for _ in range(12):
            text = regexes.sample(self.random.choice(facets.patterns), self.random, length=least)
            if text is None:
                break
            if len(text) < least or (most is not None and len(text) > most):
                continue
            if all(patterns.matches(pattern, text) for pattern in facets.patterns):
                return text
        for value in self.hints.values:
            fits = type(value) is str and least <= len(value) <= (len(value) if most is None else most)
            if fits and all(patterns.matches(pattern, value) for pattern in facets.patterns):
                return str(value)
        raise NoValue

    def _letters(self, length: int) -> str:
        if length > _MAX_LENGTH:
            raise NoValue
        if self.mode == MINIMAL or length > 200:
            return "a" * length
        return "".join(self.random.choice("abcXYZ019 -_é😀") for _ in range(length))

    def _count(self, least: int, most: int | None, limit: int) -> int:
        """How long or how many."""
        top = limit if most is None else most
        if self.mode == MINIMAL:
            return min(least + self._attempt, max(top, least))
        options = [least, least + 1, most if most is not None and most <= 300 else least + 3]
        options.extend(length + delta for length in self.hints.lengths for delta in (-1, 0, 1))
        if self.mode == MAXIMAL:
            options = options[2:3]
        fitting = [option for option in options if least <= option <= top]
        return self.random.choice(fitting) if fitting else least

    # -------------------------------------------------------------------------------------------------------- objects

    def _object(self, facets: Facets, depth: int) -> dict[str, Json]:
        chosen: dict[str, Json] = {}
        most = len(facets.required) if facets.most_properties is None else facets.most_properties
        if len(facets.required) > most:
            raise NoValue
        for name in facets.required:
            chosen[name] = self._member(facets, name, depth)
        for name in self._wanted(facets, depth):
            if name not in chosen:
                self._admit(facets, name, depth, chosen)
        if len(chosen) < facets.least_properties:
            for name in self._filling(facets):
                if name not in chosen:
                    self._admit(facets, name, depth, chosen)
                if len(chosen) >= facets.least_properties:
                    break
            else:
                raise NoValue
        return chosen

    def _admit(self, facets: Facets, name: str, depth: int, chosen: dict[str, Json]) -> None:
        """Add a member, with those it asks for, if there are values and room for them."""
        names = [each for each in (name, *facets.dependent.get(name, ())) if each not in chosen]
        most = facets.most_properties
        if facets.avoided.intersection(names) or (most is not None and len(chosen) + len(names) > most):
            return
        if not all(self.validity.holds(each, schema) for each in names for schema in facets.names):
            return
        try:
            chosen |= {each: self._member(facets, each, depth) for each in names}
        except NoValue:
            return

    def _wanted(self, facets: Facets, depth: int) -> Iterable[str]:
        """Names beyond the required ones, as many as the mode wants."""
        if self.mode == MINIMAL or depth > _STOP_GROWING:
            return
        declared = [name for name in facets.declared if name not in facets.required]
        yield from (name for name in declared if self.mode == MAXIMAL or self.random.random() < 0.5)
        if self.mode != MAXIMAL and self.random.random() < 0.3:
            yield self.random.choice(self._spare(facets))

    def _filling(self, facets: Facets) -> Iterable[str]:
        """Names to add until there are enough."""
        yield from facets.declared
        yield from self._spare(facets)
        yield from (f"p{index}" for index in range(min(facets.least_properties, _MAX_ITEMS)))
        for _ in range(4 * min(facets.least_properties, _MAX_ITEMS) if facets.names or facets.patterned else 0):
            yield from self._named(facets)

    def _spare(self, facets: Facets) -> list[str]:
        spare = [*_SPARE_NAMES, *self._named(facets)]
        return spare + (self.hints.names if self.mode != MINIMAL else [])

    def _named(self, facets: Facets) -> list[str]:
        """Names that patternProperties and propertyNames speak of, others each time."""
        sampled = [regexes.sample(pattern, self.random) for pattern, _ in facets.patterned]
        mode, self.mode = self.mode, RANDOM
        try:
            for schema in facets.names:
                sampled.append(self.value([schema, {"type": "string"}], _MAX_DEPTH - 1))
        except NoValue:
            pass
        finally:
            self.mode = mode
        return [name for name in sampled if name is not None]

    def _member(self, facets: Facets, name: str, depth: int) -> Json:
        schemas = list(facets.declared.get(name, ()))
        schemas.extend(schema for pattern, schema in facets.patterned if patterns.matches(pattern, name))
        evaluated = bool(schemas)
        for extra in facets.extras:
            if name not in extra.names and not any(patterns.matches(pattern, name) for pattern in extra.patterns):
                schemas.append(extra.schema)
                evaluated = True
        if not evaluated:
            schemas.extend(facets.unevaluated)
        return self.value(schemas, depth + 1)

    # --------------------------------------------------------------------------------------------------------- arrays

    def _array(self, facets: Facets, depth: int) -> list[Json]:
        needed = sum(least for _, least, _ in facets.contains)
        least = max(facets.least_items, needed if facets.contains else 0, 2 if facets.equal else 0)
        most = facets.most_items
        if least > (_MAX_ITEMS if most is None else most):
            raise NoValue
        count = self._count(least, most, 12) if depth <= _STOP_GROWING else least
        wanted = [schema for schema, at_least, _ in facets.contains for _ in range(at_least)]
        items: list[Json] = []
        known: set[str] = set()
        for index in range(max(count, least)):
            # What must be contained goes to the end first, where the declared items leave most room.
            place = max(count, least) - index
            extra = [wanted[place - 1]] if place <= len(wanted) else []
            try:
                item = items[0] if facets.equal and index == 1 else self._item(facets, index, extra, depth, known)
            except NoValue:
                if index < least:
                    raise
                break
            items.append(item)
            known.add(identity(item))
        return items

    def _item(self, facets: Facets, index: int, extra: list[Json], depth: int, known: set[str]) -> Json:
        schemas = list(facets.prefix[index]) if index < len(facets.prefix) else []
        schemas.extend(schema for start, schema in facets.rest if index >= start)
        schemas = (schemas or list(facets.unevaluated_items)) + extra
        if not facets.unique:
            return self.value(schemas, depth + 1)
        mode = self.mode
        try:
            for attempt in range(12):
                item = self.value(schemas, depth + 1)
                if identity(item) not in known:
                    return item
                if attempt == 0 and mode == MINIMAL:
                    self.mode = EDGE  # the smallest value is taken
        finally:
            self.mode = mode
        raise NoValue


def _whole_step(step: Fraction) -> Fraction:
    return Fraction(step.numerator)  # the least common multiple of 1 and n/d in lowest terms


def _near(wish: Decimal, step: Fraction | None) -> Iterable[Decimal]:
    """Numbers at and beside a wish: multiples of the step, or some close ones."""
    if step is None:
        for delta in ("0", "1", "-1", "0.5", "-0.5", "0.25", "-0.25", "0.01", "-0.01"):
            yield wish + Decimal(delta)
        return
    quotient = Fraction(wish) / step
    for count in {floor(quotient), ceil(quotient), floor(quotient) - 1, ceil(quotient) + 1, floor(quotient) + 2}:
        exact = count * step
        yield Decimal(exact.numerator) / Decimal(exact.denominator)


def _within(number: Decimal, facets: Facets) -> bool:
    for bound, sign in ((facets.lower, 1), (facets.upper, -1)):
        if bound is not None:
            distance = (number - bound[0]) * sign
            if distance < 0 or (distance == 0 and bound[1]):
                return False
    return True


def _divides(step: Fraction | None, number: Decimal) -> bool:
    return step is None or (Fraction(number) / step).denominator == 1
