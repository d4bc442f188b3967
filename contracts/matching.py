"""Does a value match the example and the rules of a pact? Pure; the answer has three values.

The walk follows the example, as the Rust core of pact-python 4.2 does (`shared/vectors/pact-matchers.json` and the
cases in `tests/unit/contracts/` were observed there):

* a key of the example must be there, whatever rule stands at it: no matcher accepts an absent key; other keys are free;
* without a rule a value equals its example (1 is not 1.0), arrays are as long as the example;
* a rule on a container holds below it too (cascade) where no better one is written; `eachKey`, `eachValue`, `values`
  act on the container that they are written for only, and lift the demand for the example's keys there;
* at arrays and scalars several rules combine by AND or OR; at objects every one must hold, OR or not;
* an empty example array under any rule accepts every array.

UNKNOWN is what cannot be decided here: a plug-in's rule, content sniffing (`contentType`), a zone name, a regular
expression that Python does not read.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from contracts import datetimes, paths
from contracts.datetimes import Fit
from contracts.paths import Place
from contracts.rules import Combine, Kind, Rule, RuleList, RuleSet, at_place

_MAX_DEPTH = 200


class Outcome(StrEnum):
    """MATCHES and MISMATCHES are certain; UNKNOWN is neither."""

    MATCHES = "matches"
    MISMATCHES = "mismatches"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One reason why a value does not match; `undecided` when it may yet."""

    place: Place
    rule: str
    sentence: str
    undecided: bool = False

    def __str__(self) -> str:
        return f"{paths.printed(self.place)}: {self.sentence}"


Mismatches = tuple[Mismatch, ...]
Fullmatch = Callable[[str, str], Fit]
"""Does a regular expression match a whole text? `fullmatch` here, or one that runs in a killable worker."""


def outcome(mismatches: Sequence[Mismatch]) -> Outcome:
    """The answer that a list of mismatches amounts to."""
    if not mismatches:
        return Outcome.MATCHES
    return Outcome.UNKNOWN if all(one.undecided for one in mismatches) else Outcome.MISMATCHES


def match_body(example: Any, actual: Any, rules: RuleSet, *, patterns: Fullmatch | None = None) -> Mismatches:
    """What keeps `actual` from matching. Both are JSON values as `json.loads` gives them.

    `patterns` decides regular expressions; the default runs them in this process, which a hostile pact can exploit:
    servers pass one that is bounded.
    """
    return _Walk(rules, patterns or fullmatch).compare((), example, actual)


def match_metadata(
    example: Mapping[str, Any], actual: Mapping[str, Any], rules: RuleSet, *, patterns: Fullmatch | None = None
) -> Mismatches:
    """The same for message metadata. Keys are case sensitive; the content type never counts, libraries insert it."""
    walk = _Walk(rules, patterns or fullmatch)
    found: list[Mismatch] = []
    for key, expected in example.items():
        if key == "contentType":
            continue
        if key not in actual:
            found.append(Mismatch((key,), "presence", f"the metadata key '{key}' is missing"))
        else:
            found.extend(walk.compare((key,), expected, actual[key]))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Walk:
    rules: RuleSet
    patterns: Fullmatch

    def compare(self, place: Place, expected: Any, actual: Any) -> Mismatches:
        if len(place) > _MAX_DEPTH:
            return (Mismatch(place, "depth", f"nested more than {_MAX_DEPTH} deep", undecided=True),)
        if isinstance(expected, Mapping):
            if not isinstance(actual, Mapping):
                return _different_type(place, expected, actual)
            return self._objects(place, expected, actual)
        if isinstance(expected, list):
            if not isinstance(actual, list):
                return _different_type(place, expected, actual)
            return self._arrays(place, expected, actual)
        return self._scalars(place, expected, actual)

    # objects

    def _objects(self, place: Place, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Mismatches:
        chosen = self.rules.choose(place)
        if chosen is None:
            return (*_missing_keys(place, expected, actual), *self._shared_keys(place, expected, actual))
        direct = not chosen.cascaded
        kinds = {rule.kind for rule in chosen.list.rules}
        found: list[Mismatch] = []
        for rule in chosen.list.rules:
            found.extend(self._object_rule(place, rule, expected, actual, direct=direct))
        if not direct or not (kinds & _FREES_KEYS or kinds <= _PAIRS):
            found.extend(_missing_keys(place, expected, actual))
        # With several rules the children are the same children each time: once is enough.
        if not direct or not kinds <= _PAIRS | {Kind.EACH_VALUE}:
            found.extend(self._shared_keys(place, expected, actual))
        return tuple(dict.fromkeys(found))

    def _object_rule(
        self, place: Place, rule: Rule, expected: Mapping[str, Any], actual: Mapping[str, Any], *, direct: bool
    ) -> Iterator[Mismatch]:
        if direct and rule.kind in _PAIRS:
            for key, value, example in _paired(expected, actual):
                yield from self.compare((*place, key), example, value)
        elif direct and rule.kind is Kind.EACH_KEY:
            for key in actual:
                for each in rule.rules:
                    yield from _told(text_fit(each, key, self.patterns), (*place, key), each, key)
        elif direct and rule.kind is Kind.EACH_VALUE:
            for key, value, example in _paired(expected, actual):
                yield from self._isolated((*place, key), rule, example, value)
        else:
            yield from _told(object_fit(rule, expected, actual, direct=direct), place, rule, actual)

    def _shared_keys(self, place: Place, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[Mismatch]:
        for key, example in expected.items():
            if key in actual:
                yield from self.compare((*place, key), example, actual[key])

    def _isolated(self, place: Place, rule: Rule, expected: Any, actual: Any) -> Mismatches:
        """A value under the rules of an eachValue, which replace all rules of the pact below it."""
        if not rule.rules:
            if isinstance(expected, Mapping):
                return () if isinstance(actual, Mapping) else _different_type(place, expected, actual)
            return (Mismatch(place, rule.kind, "an eachValue without rules accepts no value"),)
        return _Walk(at_place(place, rule.rules), self.patterns).compare(place, expected, actual)

    # arrays

    def _arrays(self, place: Place, expected: list[Any], actual: list[Any]) -> Mismatches:
        chosen = self.rules.choose(place)
        if chosen is None:
            return self._arrays_by_example(place, expected, actual)
        if not expected:
            return ()
        return _combined(
            chosen.list,
            [
                tuple(self._array_rule(place, rule, expected, actual, direct=not chosen.cascaded))
                for rule in chosen.list.rules
            ],
        )

    def _arrays_by_example(self, place: Place, expected: list[Any], actual: list[Any]) -> Mismatches:
        found: list[Mismatch] = []
        if len(expected) != len(actual):
            found.append(Mismatch(place, "length", f"{_count(len(expected))} expected, {_count(len(actual))} found"))
        for index, (example, value) in enumerate(zip(expected, actual, strict=False)):
            found.extend(self.compare((*place, index), example, value))
        return tuple(found)

    def _array_rule(
        self, place: Place, rule: Rule, expected: list[Any], actual: list[Any], *, direct: bool
    ) -> Iterator[Mismatch]:
        if rule.kind is Kind.ARRAY_CONTAINS:
            yield from self._variants(place, rule, expected, actual)
        elif direct and rule.kind is Kind.EACH_VALUE:
            for index, value, example in _aligned(expected, actual):
                yield from self._isolated((*place, index), rule, example, value)
        else:
            yield from _told(array_fit(rule, expected, actual, direct=direct), place, rule, actual)
            if rule.kind is not Kind.EQUALITY:
                for index, value, example in _aligned(expected, actual):
                    yield from self.compare((*place, index), example, value)

    def _variants(self, place: Place, rule: Rule, expected: list[Any], actual: list[Any]) -> Iterator[Mismatch]:
        """Each variant must be matched by some element; without variants, each element of the example."""
        wanted = [(one.index, one.rules) for one in rule.variants] or [(at, RuleSet()) for at in range(len(expected))]
        for index, rules in wanted:
            if index >= len(expected):
                yield Mismatch(place, rule.kind, f"the example has no element {index} for its variant")
                continue
            walk = _Walk(rules, self.patterns)
            outcomes = {outcome(walk.compare((), expected[index], value)) for value in actual}
            if Outcome.MATCHES not in outcomes:
                yield Mismatch(
                    place, rule.kind, f"no element matches variant {index}", undecided=Outcome.UNKNOWN in outcomes
                )

    # scalars

    def _scalars(self, place: Place, expected: Any, actual: Any) -> Mismatches:
        chosen = self.rules.choose(place)
        if chosen is None:
            return tuple(_told(_fit(equal(expected, actual)), place, Rule(Kind.EQUALITY), actual, expected))
        return _combined(
            chosen.list,
            [
                tuple(_told(scalar_fit(rule, expected, actual, self.patterns), place, rule, actual, expected))
                for rule in chosen.list.rules
            ],
        )


_FREES_KEYS = frozenset({Kind.VALUES, Kind.EACH_KEY, Kind.EACH_VALUE})
# An arrayContains on an object acts as values do, but other rules beside it still demand the example's keys.
_PAIRS = frozenset({Kind.VALUES, Kind.ARRAY_CONTAINS})
_FITS_ANY_OBJECT = frozenset({Kind.TYPE, Kind.REGEX, Kind.VALUES, Kind.EACH_KEY, Kind.EACH_VALUE, Kind.ARRAY_CONTAINS})
_FITS_NO_ARRAY = frozenset({Kind.NULL, Kind.STATUS_CODE})
_UNDECIDABLE = frozenset({Kind.PLUGIN, Kind.CONTENT_TYPE})


def _fit(yes: bool) -> Fit:
    return Fit.YES if yes else Fit.NO


def object_fit(rule: Rule, expected: Mapping[str, Any], actual: Mapping[str, Any], *, direct: bool) -> Fit:
    """Whether a rule accepts an object as such, its children aside."""
    if rule.kind is Kind.EQUALITY:
        return _fit(equal(expected, actual))
    if rule.kind is Kind.NOT_EMPTY:
        return _fit(bool(actual))
    if rule.kind is Kind.PLUGIN:
        return Fit.UNKNOWN
    if rule.kind is Kind.TYPE and direct and not _in_bounds(rule, len(actual)):
        return Fit.NO
    return _fit(rule.kind in _FITS_ANY_OBJECT)


def array_fit(rule: Rule, expected: list[Any], actual: list[Any], *, direct: bool) -> Fit:
    """Whether a rule accepts an array as such, its elements aside. Bounds do not cascade."""
    if rule.kind is Kind.EQUALITY:
        return _fit(equal(expected, actual))
    if rule.kind is Kind.NOT_EMPTY:
        return _fit(bool(actual))
    if rule.kind is Kind.PLUGIN:
        return Fit.UNKNOWN
    if rule.kind is Kind.TYPE and direct:
        return _fit(_in_bounds(rule, len(actual)))
    return _fit(rule.kind not in _FITS_NO_ARRAY)


def _in_bounds(rule: Rule, size: int) -> bool:
    return (rule.min is None or size >= rule.min) and (rule.max is None or size <= rule.max)


def scalar_fit(rule: Rule, expected: Any, actual: Any, patterns: Fullmatch) -> Fit:
    """Whether a rule whose example is a scalar accepts a value, which may be anything."""
    if rule.kind in _UNDECIDABLE:
        return Fit.UNKNOWN
    if rule.kind is Kind.REGEX:
        return patterns(rule.regex, text_of(actual))
    if rule.kind in (Kind.DATE, Kind.TIME, Kind.DATETIME):
        return datetimes.fits(rule.format, text_of(actual))
    return _fit(_SCALARS[rule.kind](rule, expected, actual))


_SEMVER = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
_ANYTHING = (Kind.STATUS_CODE, Kind.EACH_KEY, Kind.EACH_VALUE, Kind.ARRAY_CONTAINS)
_SCALARS: dict[Kind, Callable[[Rule, Any, Any], bool]] = {
    Kind.EQUALITY: lambda _, expected, actual: equal(expected, actual),
    Kind.VALUES: lambda _, expected, actual: equal(expected, actual),
    Kind.TYPE: lambda _, expected, actual: type_name(expected) == type_name(actual),
    Kind.INTEGER: lambda _, __, actual: _is_integer(actual),
    Kind.DECIMAL: lambda _, __, actual: type_name(actual) == "number" and not _is_integer(actual),
    Kind.NUMBER: lambda _, __, actual: type_name(actual) == "number",
    Kind.BOOLEAN: lambda _, __, actual: isinstance(actual, bool) or actual in ("true", "false"),
    Kind.NULL: lambda _, __, actual: actual is None,
    Kind.INCLUDE: lambda rule, _, actual: rule.value in text_of(actual),
    Kind.SEMVER: lambda _, __, actual: isinstance(actual, str) and _SEMVER.fullmatch(actual) is not None,
    Kind.NOT_EMPTY: lambda _, __, actual: actual is not None and actual not in ("", [], {}),
    **{kind: lambda _, __, ___: True for kind in _ANYTHING},
}

_DIGITS = re.compile(r"\+?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_STATUS_CLASSES = {
    "info": range(100, 200),
    "success": range(200, 300),
    "redirect": range(300, 400),
    "clientError": range(400, 500),
    "serverError": range(500, 600),
    "nonError": range(100, 400),
    "error": range(400, 600),
}


def text_fit(rule: Rule, text: str, patterns: Fullmatch) -> Fit:
    """Whether a rule accepts a text that has no example, as the keys under an eachKey are."""
    match rule.kind:
        case Kind.CONTENT_TYPE | Kind.TYPE:
            return Fit.YES
        case Kind.PLUGIN:
            return Fit.UNKNOWN
        case Kind.REGEX:
            return patterns(rule.regex, text)
        case Kind.DATE | Kind.TIME | Kind.DATETIME:
            return datetimes.fits(rule.format, text)
        case Kind.INTEGER:
            return _fit(_DIGITS.fullmatch(text) is not None)
        case Kind.DECIMAL | Kind.NUMBER:
            return _fit(_DECIMAL.fullmatch(text) is not None)
        case Kind.STATUS_CODE:
            return _fit(_DIGITS.fullmatch(text) is not None and _status_fits(rule, int(text[-9:])))
        case Kind.EQUALITY | Kind.VALUES:
            return _fit(text == "")
        case Kind.BOOLEAN | Kind.INCLUDE | Kind.SEMVER | Kind.NOT_EMPTY:
            return _fit(_SCALARS[rule.kind](rule, "", text))
        case _:
            return Fit.NO


def _status_fits(rule: Rule, code: int) -> bool:
    if isinstance(rule.status, tuple):
        return code in rule.status
    return code in _STATUS_CLASSES.get(rule.status, ())


def _combined(rules: RuleList, alternatives: Sequence[Mismatches]) -> Mismatches:
    """What remains of the mismatches of several rules under AND or OR."""
    if rules.combine is Combine.AND:
        return tuple(dict.fromkeys(one for mismatches in alternatives for one in mismatches))
    best = min(alternatives, key=lambda mismatches: _SEVERITY[outcome(mismatches)], default=())
    if outcome(best) is Outcome.MISMATCHES:
        return tuple(dict.fromkeys(one for mismatches in alternatives for one in mismatches if not one.undecided))
    return best


_SEVERITY = {Outcome.MATCHES: 0, Outcome.UNKNOWN: 1, Outcome.MISMATCHES: 2}


def _paired(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each key with its value and the example to hold it against: the same key's, else the first key's in order."""
    if not expected:
        return
    first = expected[min(expected)]
    for key, value in actual.items():
        yield key, value, expected.get(key, first)


def _aligned(expected: list[Any], actual: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Each index with its value and the example to hold it against: the same index's, else the first."""
    if not expected:
        return
    for index, value in enumerate(actual):
        yield index, value, expected[index] if index < len(expected) else expected[0]


def _missing_keys(place: Place, expected: Iterable[str], actual: Mapping[str, Any]) -> Mismatches:
    return tuple(Mismatch((*place, key), "presence", "the key is missing") for key in expected if key not in actual)


def _different_type(place: Place, expected: Any, actual: Any) -> Mismatches:
    return (Mismatch(place, "type", f"{type_name(expected)} expected, {_shown(actual)} found"),)


def _told(fit: Fit, place: Place, rule: Rule, actual: Any, expected: Any = None) -> Iterator[Mismatch]:
    if fit is Fit.NO:
        yield Mismatch(place, rule.kind, f"{_shown(actual)} {_complaint(rule, expected)}")
    elif fit is Fit.UNKNOWN:
        name = rule.name or rule.kind
        yield Mismatch(place, rule.kind, f"whether {_shown(actual)} fits '{name}' cannot be decided", undecided=True)


def _complaint(rule: Rule, expected: Any) -> str:
    match rule.kind:
        case Kind.EQUALITY | Kind.VALUES:
            return f"is not {_shown(expected)}"
        case Kind.TYPE if rule.bounded:
            return f"is not of size {rule.min or 0}..{'' if rule.max is None else rule.max}"
        case Kind.TYPE:
            return f"is not of the type of {_shown(expected)}"
        case Kind.REGEX:
            return f"does not match /{rule.regex}/"
        case Kind.INCLUDE:
            return f"does not contain {_shown(rule.value)}"
        case Kind.DATE | Kind.TIME | Kind.DATETIME:
            return f"is no {rule.kind} of the pattern {rule.format}"
        case Kind.NOT_EMPTY:
            return "is empty"
        case _:
            return f"does not fit the matcher '{rule.name or rule.kind}'"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _count(number: int) -> str:
    return f"{number} element{'' if number == 1 else 's'}"


def _is_integer(value: Any) -> bool:
    # The Rust core keeps whole numbers in 64 bits and reads longer ones as decimals.
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64


def type_name(value: Any) -> str:
    """The JSON type of a value; integers and decimals are one type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def equal(expected: Any, actual: Any) -> bool:
    """JSON equality in which 1 and 1.0 differ, and true is not 1."""
    if type_name(expected) != type_name(actual):
        return False
    if isinstance(expected, Mapping):
        return expected.keys() == actual.keys() and all(equal(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(equal, expected, actual))
    if type_name(expected) == "number" and _is_integer(expected) != _is_integer(actual):
        return False
    return bool(expected == actual)


_EXPONENT = re.compile(r"e([+-])0+(?=[0-9])")


def text_of(value: Any) -> str:
    """A value as text rules see it: strings raw, all else compact JSON with sorted keys; 1e-7, not 1e-07."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _EXPONENT.sub(r"e\1", repr(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


# What Oniguruma (the Rust core's engine) writes differently from Python.
_SYNTAX = (
    (re.compile(r"(?<!\\)((?:\\\\)*)\(\?<(?=[A-Za-z_])"), r"\1(?P<"),
    (re.compile(r"(?<!\\)((?:\\\\)*)\\z"), r"\1\\Z"),
    (re.compile(r"(?<!\\)((?:\\\\)*)\\h"), r"\1[0-9a-fA-F]"),
    (re.compile(r"(?<!\\)((?:\\\\)*)\\x\{([0-9a-fA-F]{1,2})\}"), r"\1\\x\2"),
)
_FOREIGN = re.compile(r"\\[pPXRKGgk]|\[\[:|&&|\[\[|\\x\{")


def fullmatch(regex: str, text: str) -> Fit:
    """Whether a regular expression matches the whole text, as far as Python can tell.

    Runs in this process and without a deadline: see `match_body`. An expression that Oniguruma refuses matches
    nothing; one that only Python refuses is UNKNOWN.
    """
    read = compiled(regex)
    return read if isinstance(read, Fit) else _fit(read.fullmatch(text) is not None)


@lru_cache(maxsize=1024)
def compiled(regex: str) -> re.Pattern[str] | Fit:
    """An expression as Python reads it; NO where Oniguruma refuses it, UNKNOWN where only Python does."""
    if "(?P<" in regex:
        return Fit.NO
    for foreign, ours in _SYNTAX:
        regex = foreign.sub(ours, regex)
    if _FOREIGN.search(regex):
        return Fit.UNKNOWN
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        try:
            return re.compile(regex)
        except FutureWarning:
            return Fit.UNKNOWN
        except (re.error, RecursionError, OverflowError):
            return _fit_of_broken(regex)


def _fit_of_broken(regex: str) -> Fit:
    """Unbalanced parentheses are refused by every engine; other complaints may be Python's alone."""
    bare = re.sub(r"\\.|\[\]?[^\]]*\]", "", regex, flags=re.DOTALL)
    return Fit.NO if bare.count("(") != bare.count(")") else Fit.UNKNOWN
