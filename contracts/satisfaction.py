"""Does one event satisfy a need? The plain evaluator: it knows no schema, and coverage is tested against it. Pure.

satisfied({"lines": [{"sku": "a"}, {}]}, Need("/lines/*/sku"))  →  NO: the second line has none
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts.datetimes import Fit
from contracts.matching import Fullmatch, array_fit, compiled, match_body, object_fit, outcome, scalar_fit, text_fit
from contracts.matching import Outcome as Matched
from contracts.needs import Contract, Need, Presence, handles, same, type_of
from contracts.rules import Combine, Kind, Rule, RuleList, at_place
from registry.formats.json_schema import patterns as engine

EACH = "*"


class Satisfaction(StrEnum):
    """YES, NO; UNKNOWN: a rule that cannot be decided here; VOID: the event has no place that the need speaks of."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Given:
    """What else a contract says: the paths that have needs of their own, those that state types, other names by path.

    Whether a place above is missing is its own need's affair; whether it is no container as well, if that need states
    types. Else it counts where something inside is needed.
    """

    listed: frozenset[str] = frozenset()
    typed: frozenset[str] = frozenset()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def by(cls, contract: Contract) -> Given:
        """What a contract says."""
        return cls(
            frozenset(need.path for need in contract.needs),
            frozenset(need.path for need in contract.needs if need.types),
            {need.path: need.aliases for need in contract.needs if need.aliases},
        )


NOTHING_GIVEN = Given()


_BY_ALPHABET = re.compile(r"\\[wWdDsSbB]|\[\[")
"""What means another set of letters past ASCII from engine to engine."""


def fullmatch(regex: str, text: str) -> Fit:
    """Whether a regular expression matches a whole text, by the engine that cannot run away.

    UNKNOWN where engines differ: constructs of Oniguruma, classes of letters past ASCII.
    """
    read = compiled(regex)
    if isinstance(read, Fit):
        return read
    if not text.isascii() and _BY_ALPHABET.search(regex):
        return Fit.UNKNOWN
    found = engine.matches(f"^(?:{regex})$", text)
    return Fit.UNKNOWN if found is None else Fit.YES if found else Fit.NO


def satisfied(event: Any, need: Need, given: Given = NOTHING_GIVEN, *, patterns: Fullmatch = fullmatch) -> Satisfaction:
    """Whether an event satisfies a need of a contract.

    `event` is JSON data, or what decoders make of it: bytes, dates and the like count as texts, decimals as numbers.
    With `*` every item must satisfy it; NO wins over UNKNOWN, UNKNOWN over YES.
    """
    found = Satisfaction.VOID
    for at_end in _values(event, steps(need.path), 0, "", need, given):
        answer = _judged(at_end, need, patterns)
        if answer is Satisfaction.NO:
            return answer
        if answer is Satisfaction.UNKNOWN or found is Satisfaction.VOID:
            found = answer
    return found


def steps(path: str) -> tuple[str, ...]:
    """The steps of a JSON pointer. Raises ValueError for what is none."""
    if path == "":
        return ()
    if not path.startswith("/"):
        raise ValueError(path)
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/"))


class _Missing:
    pass


_MISSING = _Missing()
"""Nothing stands at the place."""
_BROKEN = _Missing()
"""A place above, which has no need of its own, is missing or is no container."""


def _values(value: Any, path: Sequence[str], at: int, above: str, need: Need, given: Given) -> Iterator[Any]:
    if at == len(path):
        yield value
        return
    step, last = path[at], at + 1 == len(path)
    here = f"{above}/{escaped(step)}"
    if isinstance(value, list | tuple):
        if step == EACH:
            for each in value:
                yield from _values(each, path, at + 1, here, need, given)
            return
        if step.isascii() and step.isdigit():
            if int(step) < len(value):
                yield from _values(value[int(step)], path, at + 1, here, need, given)
            return
    elif isinstance(value, Mapping):
        if step == EACH:
            for each in value.values():
                yield from _values(each, path, at + 1, here, need, given)
            return
        names = (step, *(need.aliases if last else given.aliases.get(here, ())))
        found = next((name for name in names if name in value), None)
        if found is not None:
            yield from _values(value[found], path, at + 1, here, need, given)
        elif last:
            yield _MISSING
        elif here not in given.listed:
            yield _BROKEN
        return
    if above not in given.typed:
        yield _BROKEN


def escaped(step: str) -> str:
    """A step as it stands in a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def _judged(value: Any, need: Need, patterns: Fullmatch) -> Satisfaction:
    if value is _BROKEN:
        return Satisfaction.NO
    if value is _MISSING:
        return Satisfaction.YES if need.presence is Presence.OPTIONAL else Satisfaction.NO
    kinds = _kinds(value)
    if value is None and need.rules is None:
        return _yes(null_handled(need))
    if not any(handles(need.types, kind) for kind in kinds):
        return Satisfaction.NO
    if need.values and not need.fallback and not any(same(value, each) for each in need.values):
        return Satisfaction.NO
    if kinds[0] in ("integer", "number"):
        if need.minimum is not None and not value >= need.minimum:
            return Satisfaction.NO
        if need.maximum is not None and not value <= need.maximum:
            return Satisfaction.NO
    fits = [Fit.YES]
    if need.pattern is not None and isinstance(value, str):
        fits.append(patterns(own_pattern(need.pattern), value))
    if need.rules is not None:
        fits.append(rules_fit(need.rules, need.example, value, patterns))
    return Satisfaction(all_of(fits).value)


def null_handled(need: Need) -> bool:
    """Whether a need without rules handles null: it says so, or it speaks of no types and no values that exclude it."""
    if need.types:
        return "null" in need.types
    return not need.values or need.fallback or any(each is None for each in need.values)


def _yes(yes: bool) -> Satisfaction:
    return Satisfaction.YES if yes else Satisfaction.NO


def _kinds(value: Any) -> tuple[str, ...]:
    """The types a value counts as."""
    kind = type_of(value)
    if kind == "string" and not isinstance(value, str | bytes):
        return ("string", "number", "integer")  # a date, a time, a decimal: what it is encoded as, or a text
    return (kind,)


_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


def literal(text: str) -> str:
    """A regular expression that is found where a text is; every engine reads it."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def own_pattern(pattern: str) -> str:
    """A pattern of code, which may name groups as Python does, as engines of pacts and schemas read it."""
    return pattern.replace("(?P<", "(?<")


def all_of(fits: Sequence[Fit]) -> Fit:
    """YES if all are, NO if one is."""
    return Fit.NO if Fit.NO in fits else Fit.UNKNOWN if Fit.UNKNOWN in fits else Fit.YES


def any_of(fits: Sequence[Fit]) -> Fit:
    """YES if one is, NO if all are."""
    return Fit.YES if Fit.YES in fits else Fit.UNKNOWN if Fit.UNKNOWN in fits else Fit.NO


def rules_fit(rules: RuleList, example: Any, value: Any, patterns: Fullmatch) -> Fit:
    """Whether the rules of one place accept the value there; what is inside has needs of its own."""
    together = any_of if rules.combine is Combine.OR and not isinstance(example, Mapping) else all_of
    return together([_rule_fit(rule, example, value, patterns) for rule in rules.rules])


def _rule_fit(rule: Rule, example: Any, value: Any, patterns: Fullmatch) -> Fit:
    if isinstance(example, Mapping):
        if not isinstance(value, Mapping):
            return Fit.NO
        if rule.kind is Kind.EACH_KEY:
            return all_of([Fit.YES, *(text_fit(each, str(key), patterns) for key in value for each in rule.rules)])
        return object_fit(rule, example, value, direct=True)
    if isinstance(example, list):
        if not isinstance(value, list):
            return Fit.NO
        if rule.kind is Kind.ARRAY_CONTAINS:
            return _FITS[outcome(match_body(example, value, at_place((), (rule,)), patterns=patterns))]
        return array_fit(rule, example, value, direct=True)
    return scalar_fit(rule, example, value, patterns)


_FITS = {Matched.MATCHES: Fit.YES, Matched.MISMATCHES: Fit.NO, Matched.UNKNOWN: Fit.UNKNOWN}
