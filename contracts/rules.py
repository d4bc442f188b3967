"""Matching rules of a pact: what a category of them says, and which one holds at a place. Pure.

    {"$.items":       {"combine": "AND", "matchers": [{"match": "type", "min": 1}]},
     "$.items[*].qty": {"matchers": [{"match": "integer"}]}}

Which rule holds: the expression of the highest weight (`paths.Weight.rank`); among equals the first written. The Rust
core picks one of several equals at random, so no tool can rely on any; pacts that hold such ties are told apart by
`RuleSet.ties`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts import paths
from contracts.errors import InvalidPath, InvalidRule
from contracts.paths import Expression, Place


class Kind(StrEnum):
    """What a rule demands. PLUGIN: a rule that only some plug-in knows."""

    EQUALITY = "equality"
    TYPE = "type"
    INTEGER = "integer"
    DECIMAL = "decimal"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    REGEX = "regex"
    INCLUDE = "include"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    SEMVER = "semver"
    NOT_EMPTY = "notEmpty"
    CONTENT_TYPE = "contentType"
    STATUS_CODE = "statusCode"
    VALUES = "values"
    ARRAY_CONTAINS = "arrayContains"
    EACH_KEY = "eachKey"
    EACH_VALUE = "eachValue"
    PLUGIN = "plugin"


_NAMES = {kind.value: kind for kind in Kind if kind is not Kind.PLUGIN} | {
    "real": Kind.DECIMAL,
    "timestamp": Kind.DATETIME,
    "min": Kind.TYPE,
    "max": Kind.TYPE,
    "min-type": Kind.TYPE,
    "max-type": Kind.TYPE,
    "not-empty": Kind.NOT_EMPTY,
    "content-type": Kind.CONTENT_TYPE,
    "status-code": Kind.STATUS_CODE,
    "array-contains": Kind.ARRAY_CONTAINS,
    "each-key": Kind.EACH_KEY,
    "each-value": Kind.EACH_VALUE,
}
# Rules of the earliest versions have no "match": the key that is there says the kind.
_LEGACY = (
    ("regex", Kind.REGEX),
    ("min", Kind.TYPE),
    ("max", Kind.TYPE),
    ("timestamp", Kind.DATETIME),
    ("date", Kind.DATE),
    ("time", Kind.TIME),
)
_DEFAULT_FORMATS = {
    Kind.DATE: "yyyy-MM-dd",
    Kind.TIME: "HH:mm:ss",
    Kind.DATETIME: "yyyy-MM-dd'T'HH:mm:ssXXX",
}
_MAX_DEPTH = 32


class Combine(StrEnum):
    """How several rules at one place add up."""

    AND = "AND"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class Rule:
    """One matcher. Only the fields of its kind are set.

    `value`     include: the text; contentType: the media type; eachKey, eachValue: the example as written
    `format`    date, time, datetime: the pattern, never empty
    `rules`     eachKey, eachValue
    `variants`  arrayContains
    `name`      the name as written, which matters for PLUGIN
    """

    kind: Kind
    min: int | None = None
    max: int | None = None
    regex: str = ""
    value: Any = None
    format: str = ""
    status: str | tuple[int, ...] = ""
    rules: tuple[Rule, ...] = ()
    variants: tuple[Variant, ...] = ()
    name: str = ""

    @property
    def bounded(self) -> bool:
        return self.min is not None or self.max is not None


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the elements that an arrayContains looks for: the example at `index`, under rules of its own."""

    index: int
    rules: RuleSet


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules at one expression."""

    rules: tuple[Rule, ...]
    combine: Combine = Combine.AND


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules that hold at a place; `cascaded` when they were written for a container of it."""

    list: RuleList
    cascaded: bool
    expression: Expression


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of one category (`body`, `metadata`, `header`, …), in the order written.

    `problems` holds what could not be read; the rest is usable.
    """

    rules: tuple[tuple[Expression, RuleList], ...] = ()
    problems: tuple[InvalidRule, ...] = field(default=(), compare=False)

    def choose(self, place: Place) -> Chosen | None:
        """The rules that hold at `place`, or None."""
        best = max(self._reaching(place), key=lambda found: found[0], default=None)
        if best is None:
            return None
        _, expression, rules = best
        return Chosen(rules, len(expression.tokens) != len(place), expression)

    def ties(self, place: Place) -> tuple[Expression, ...]:
        """The expressions of equal, highest weight at `place` when their rules differ; empty if one wins."""
        reaching = list(self._reaching(place))
        top = max((rank for rank, _, _ in reaching), default=0)
        best = [(expression, rules) for rank, expression, rules in reaching if rank == top]
        return tuple(expression for expression, _ in best) if len({rules for _, rules in best}) > 1 else ()

    def _reaching(self, place: Place) -> Iterable[tuple[int, Expression, RuleList]]:
        for expression, rules in self.rules:
            rank = expression.weigh(place).rank
            if rank > 0:
                yield rank, expression, rules

    def __bool__(self) -> bool:
        return bool(self.rules)


def at_place(place: Place, rules: Sequence[Rule]) -> RuleSet:
    """A set that holds `rules` at one literal place, and by cascade below it."""
    return RuleSet(((Expression(paths.printed(place), tuple(place)), RuleList(tuple(rules))),))


def rule_set(category: object, where: str = "", *, names_only: bool = False, single: bool = False) -> RuleSet:
    """Read a category: a map from expression to `{combine, matchers}`, or (`single`, v2) to one rule.

    `names_only`: keys that are plain names are taken whole (`metadata`, `header`, `query`), only those that begin
    with `$` are expressions. What can't be read lands in `problems`. Never raises.
    """
    if not isinstance(category, Mapping):
        return RuleSet()
    read: list[tuple[Expression, RuleList]] = []
    problems: list[InvalidRule] = []
    for text, entry in category.items():
        here = f"{where}{paths.pointer((text,))}"
        try:
            expression = (
                Expression(text, (text,)) if names_only and not text.startswith(paths.ROOT) else paths.parse(text)
            )
            rules = RuleList((_rule(entry, here, 0),)) if single else _rule_list(entry, here)
        except InvalidPath as problem:
            problems.append(InvalidRule(str(problem), here))
        except InvalidRule as problem:
            problems.append(problem)
        else:
            if rules.rules:  # an empty list of matchers is no rule at all
                read.append((expression, rules))
    return RuleSet(tuple(read), tuple(problems))


def _rule_list(entry: object, where: str, depth: int = 0) -> RuleList:
    if not isinstance(entry, Mapping) or "matchers" not in entry:
        return RuleList(())
    matchers = entry["matchers"]
    if not isinstance(matchers, list):
        raise InvalidRule("'matchers' must be a list", where)
    combine = Combine.OR if str(entry.get("combine", "")).upper() == Combine.OR else Combine.AND
    return RuleList(
        tuple(_rule(rule, f"{where}/matchers/{index}", depth) for index, rule in enumerate(matchers)), combine
    )


def _kind(entry: Mapping[str, Any]) -> Kind | None:
    """The kind of a rule; None when it names none."""
    name = entry.get("match")
    if isinstance(name, str):
        return _NAMES.get(name, Kind.PLUGIN)
    return next((kind for key, kind in _LEGACY if key in entry), None)


def _rule(entry: object, where: str, depth: int) -> Rule:
    if not isinstance(entry, Mapping):
        raise InvalidRule("a matcher must be an object", where)
    if depth > _MAX_DEPTH:
        raise InvalidRule(f"rules nest more than {_MAX_DEPTH} deep", where)
    kind = _kind(entry)
    if kind is None:
        raise InvalidRule("it does not say which matcher it is", where)
    name = str(entry.get("match", kind.value))
    match kind:
        case Kind.TYPE:
            return Rule(kind, min=_bound(entry, "min", where), max=_bound(entry, "max", where), name=name)
        case Kind.REGEX:
            return Rule(kind, regex=_text(entry, "regex", where), name=name)
        case Kind.INCLUDE | Kind.CONTENT_TYPE:
            return Rule(kind, value=_text(entry, "value", where), name=name)
        case Kind.DATE | Kind.TIME | Kind.DATETIME:
            return Rule(kind, format=_format(entry, kind), name=name)
        case Kind.STATUS_CODE:
            return Rule(kind, status=_status(entry.get("status")), name=name)
        case Kind.EACH_KEY | Kind.EACH_VALUE:
            return Rule(kind, rules=_nested(entry, where, depth), value=entry.get("value"), name=name)
        case Kind.ARRAY_CONTAINS:
            return Rule(kind, variants=_variants(entry, where, depth), name=name)
        case _:
            return Rule(kind, name=name)


def _bound(entry: Mapping[str, Any], key: str, where: str) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidRule(f"'{key}' must be a whole number", where) from None


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if value is None:
        raise InvalidRule(f"it needs '{key}'", where)
    return value if isinstance(value, str) else str(value)


def _format(entry: Mapping[str, Any], kind: Kind) -> str:
    written = entry.get("format")
    if written is None:
        # Older libraries wrote the pattern under the rule's own name: {"match": "date", "date": "yyyy"}.
        written = next((entry[key] for key in ("timestamp", "datetime", "date", "time") if key in entry), None)
    return written if isinstance(written, str) else _DEFAULT_FORMATS[kind]


def _status(status: object) -> str | tuple[int, ...]:
    if isinstance(status, list):
        return tuple(code for code in status if isinstance(code, int))
    return status if isinstance(status, str) else ""


def _nested(entry: Mapping[str, Any], where: str, depth: int) -> tuple[Rule, ...]:
    rules = entry.get("rules")
    if rules is None:
        return ()
    if not isinstance(rules, list):
        raise InvalidRule("'rules' must be a list", where)
    return tuple(_rule(rule, f"{where}/rules/{index}", depth + 1) for index, rule in enumerate(rules))


def _variants(entry: Mapping[str, Any], where: str, depth: int) -> tuple[Variant, ...]:
    variants = entry.get("variants")
    if not isinstance(variants, list):
        raise InvalidRule("'variants' must be a list", where)
    return tuple(_variant(variant, f"{where}/variants/{at}", depth + 1) for at, variant in enumerate(variants))


def _variant(entry: object, where: str, depth: int) -> Variant:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("index"), int) or entry["index"] < 0:
        raise InvalidRule("a variant needs an index", where)
    rules = entry.get("rules")
    read: list[tuple[Expression, RuleList]] = []
    for text, rule in (rules if isinstance(rules, Mapping) else {}).items():
        here = f"{where}/rules{paths.pointer((text,))}"
        try:
            read.append((paths.parse(text), _rule_list(rule, here, depth)))
        except InvalidPath as problem:
            raise InvalidRule(str(problem), here) from problem
    return Variant(entry["index"], RuleSet(tuple((path, rule) for path, rule in read if rule.rules)))
