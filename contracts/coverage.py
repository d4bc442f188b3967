"""Does every event that a schema admits satisfy a need? Pure, for all formats, as a consumer sees the decoded event.

    schema   Avro record Order {total: double, note: ["null", "string"]}
    needs    /total number       guaranteed
             /note  string       conditional, null: '/note' may be null
             /sku                impossible, absent: no event has '/sku'

The path is walked through the options of the schema (`registry.formats.reach`), what is left at its end is judged by
`contracts.fitting`. Guaranteed and impossible are certain; all else is conditional. A place that lies inside an
optional item, array or map is judged where it is there: no items, no question.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from contracts.fitting import ALL, Judgement, judged
from contracts.matching import Fullmatch
from contracts.needs import ABSENT, JSON_TYPES, NULL, OTHER, Contract, Evidence, Need, Presence, When
from contracts.rules import Kind, RuleList
from contracts.satisfaction import (
    EACH,
    NOTHING_GIVEN,
    Given,
    Satisfaction,
    escaped,
    fullmatch,
    own_pattern,
    satisfied,
    steps,
)
from registry.formats.base import Schema
from registry.formats.reach import Option, Reach, View

PARENT = "parent"
SITUATIONS = (PARENT, ABSENT, NULL, "type", OTHER, "range", "pattern", "length", "matcher")
"""Every situation, the gravest first."""

_MOST_OPTIONS = 2_000
_HOMES = {"AVRO": "avro", "JSON": "json_schema", "PROTOBUF": "protobuf"}


class Outcome(StrEnum):
    """GUARANTEED: all events do. CONDITIONAL: some do, some do not, or it cannot be told. IMPOSSIBLE: none does."""

    GUARANTEED = "guaranteed"
    CONDITIONAL = "conditional"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Covered:
    """The answer for one need.

    `situation`  what may happen at the path when it is not guaranteed: absent, null, other (an enum arm that is not
                 handled), type, range, pattern, length, matcher: the key that `Need.when` is asked with; or parent: a
                 place above, which has no need of its own, is missing or is no container
    `witness`    an event of the schema that does not satisfy the need, as JSON data; None when none was found
    `given`, `view`   what the contract says beside the need, and how events are decoded: what a witness is judged by
    """

    need: Need
    outcome: Outcome
    situation: str = ""
    reason: str = ""
    witness: Any = None
    given: Given = field(default=NOTHING_GIVEN, repr=False, compare=False)
    view: View = field(default=View.PLAIN, repr=False, compare=False)


def reach_of(schema: Schema) -> Reach:
    """What a schema's format says about the places of its events."""
    module: Reach = import_module(f"registry.formats.{_HOMES[schema.format]}.reach")
    return module


def view_of(contract: Contract) -> View:
    """How the consumer of a contract sees events: a pact written by hand speaks of JSON, code of decoded objects."""
    return View.JSON if contract.evidence is Evidence.DECLARED and not contract.decoded else View.PLAIN


def cover(
    schema: Schema,
    contract: Contract,
    *,
    view: View | None = None,
    patterns: Fullmatch = fullmatch,
    witnesses: bool = False,
    seconds: float = 0.05,
) -> tuple[Covered, ...]:
    """The answer for each need of a contract, in its order.

    `patterns` decides users' regular expressions; the default cannot run away. With `witnesses` events are searched
    for as long as `seconds` allow; without, ask `witness` for those that matter.
    """
    view = view_of(contract) if view is None else view
    found = _answers(schema, contract, view, patterns)
    if not witnesses:
        return found
    deadline = time.monotonic() + seconds
    return tuple(
        each
        if each.outcome is Outcome.GUARANTEED
        else replace(each, witness=witness(schema, each, seconds=deadline - time.monotonic(), patterns=patterns))
        for each in found
    )


def witness(schema: Schema, covered: Covered, *, seconds: float = 0.05, patterns: Fullmatch = fullmatch) -> Any:
    """A valid event of the schema that does not satisfy the need, as JSON data; None if none was found in time."""
    need = covered.need
    if covered.outcome is Outcome.GUARANTEED or any(map(is_number, need.aliases)):
        return None
    deadline = time.monotonic() + seconds
    try:
        path = steps(need.path)
    except ValueError:
        return None
    other: Any = None
    after = 0
    for seen in reach_of(schema).events(schema, path, wishes(need), covered.view):
        if seen is not None and satisfied(seen.decoded, need, covered.given, patterns=patterns) is Satisfaction.NO:
            if _shows(seen.decoded, covered, patterns):
                return seen.shown
            other = seen.shown if other is None else other
        after += other is not None
        if after > _MOST_AFTER or time.monotonic() > deadline:
            return other
    return other


_MOST_AFTER = 60
"""So many events are looked at for one that shows the situation, once one is found that shows another."""


def _shows(event: Any, covered: Covered, patterns: Fullmatch) -> bool:
    """Whether an event violates a need in the situation that the answer tells."""
    need, given = covered.need, covered.given
    bare = Need(need.path, Presence.OPTIONAL, aliases=need.aliases)
    is_parent = satisfied(event, bare, given) is Satisfaction.NO
    if covered.situation == PARENT or is_parent:
        return is_parent and covered.situation == PARENT
    if covered.situation == ABSENT:
        return satisfied(event, replace(bare, presence=Presence.REQUIRED), given) is Satisfaction.NO
    is_null = satisfied(event, replace(bare, types=_NOT_NULL), given) is Satisfaction.NO
    if covered.situation == NULL or is_null:
        return is_null and covered.situation == NULL
    present = replace(need, presence=Presence.OPTIONAL)
    is_type = satisfied(event, replace(bare, types=need.types), given) is Satisfaction.NO
    if covered.situation == "type":
        return is_type or need.rules is not None
    return not is_type and satisfied(event, present, given, patterns=patterns) is Satisfaction.NO


_NOT_NULL = frozenset(JSON_TYPES) - {"null"}


# One need


_MOST_KEPT = 16_000
"""So many answers are kept, of all schemas together: each weighs half a kilobyte."""


@dataclass(slots=True)
class _Memo:
    """What was answered for a schema: by what an answer depends on, and whole contracts by themselves."""

    needs: dict[Hashable, Covered] = field(default_factory=dict)
    contracts: dict[int, tuple[Contract, Fullmatch, tuple[Covered, ...]]] = field(default_factory=dict)


_known: dict[View, WeakKeyDictionary[Any, _Memo]] = {view: WeakKeyDictionary() for view in View}
_kept = 0


def _memo(schema: Schema, view: View) -> _Memo:
    # JSON Schemas cannot be referred to weakly, their graphs can.
    held: Any = getattr(schema, "graph", schema)
    memo = _known[view].get(held)
    return _known[view].setdefault(held, _Memo()) if memo is None else memo


def _keep(answers: int) -> None:
    """Note that so many answers are kept; too many are all forgotten."""
    global _kept  # noqa: PLW0603 # a count that threads may get a little wrong
    _kept += answers
    if _kept > _MOST_KEPT:
        _kept = 0
        for known in _known.values():
            known.clear()


def _answers(schema: Schema, contract: Contract, view: View, patterns: Fullmatch) -> tuple[Covered, ...]:
    memo = _memo(schema, view)
    kept = memo.contracts.get(id(contract))
    if kept is not None and kept[0] is contract and kept[1] is patterns:
        return kept[2]
    given = Given.by(contract)
    found = tuple(_remembered(schema, need, given, view, patterns, memo.needs) for need in contract.needs)
    _keep(len(found))
    memo.contracts[id(contract)] = (contract, patterns, found)
    return found


def _remembered(
    schema: Schema, need: Need, given: Given, view: View, patterns: Fullmatch, memo: dict[Hashable, Covered]
) -> Covered:
    key = _key(need, given, patterns)
    if (known := memo.get(key)) is None:
        known = memo[key] = _covered(schema, need, given, view, patterns)
        _keep(1)
        return known
    # Equal needs of other contracts stand beside other paths.
    return Covered(need, known.outcome, known.situation, known.reason, None, given, view)


def _key(need: Need, given: Given, patterns: Fullmatch) -> Hashable:
    """What the answer depends on."""
    return (
        *(need.path, need.presence, need.types, need.fallback, need.minimum, need.maximum, need.pattern),
        *(need.aliases, need.encodings, tuple(sorted(need.when.items())) if need.when else None),
        *(_told(need.values) if need.values else None, _ruled(need.rules), _told(need.example)),
        *(_above(need.path, given), patterns),
    )


def _told(value: Any) -> Hashable:
    """A JSON value as a key. Types tell 1 from 1.0 and true, which hash alike."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return type(value), value
    if not value:
        return (type(value).__name__,)
    return json.dumps(value, sort_keys=True, default=str)


def _ruled(rules: RuleList | None) -> Hashable:
    try:
        hash(rules)
    except TypeError:
        return repr(rules)
    return rules


def _above(path: str, given: Given) -> tuple[tuple[bool, bool, tuple[str, ...]], ...]:
    """For each place above a path: has it a need of its own, which states types, and which other names."""
    found = []
    at = path.rfind("/")
    while at >= 0:
        above = path[:at]
        found.append((above in given.listed, above in given.typed, given.aliases.get(above, ())))
        at = path.rfind("/", 0, at)
    return tuple(found)


@dataclass(slots=True)
class _Walked:
    """What may be met on the way to a place: the options at its end, and what goes wrong before."""

    ends: list[Option]
    absent: bool = False
    """The last step may be missing."""
    broken: list[str] = field(default_factory=list)
    """What may be wrong with places above that have no need of their own."""


def _covered(schema: Schema, need: Need, given: Given, view: View, patterns: Fullmatch) -> Covered:
    try:
        path = steps(need.path)
    except ValueError:
        reason = f"the path {need.path!r:.80} is no JSON pointer"
        return Covered(need, Outcome.CONDITIONAL, "matcher", reason, given=given, view=view)
    options = reach_of(schema).options(schema, view)
    if not options:
        return Covered(need, Outcome.CONDITIONAL, PARENT, "the schema describes no event", given=given, view=view)
    walked = _walked(options, path, need, given)
    against = [(PARENT, reason) for reason in walked.broken]
    satisfiable = False
    if walked.absent:
        if need.presence is Presence.OPTIONAL:
            satisfiable = True
        else:
            told = "may be missing" if walked.ends else "is in no event"
            against.append((ABSENT, f"'{need.path}' {told}"))
    for judgement in dict.fromkeys(_judgements(walked.ends, need, patterns)):
        satisfiable |= judgement.some
        if not judgement.all:
            against.append((judgement.situation, f"'{need.path}' {judgement.reason}"))
    if not against:
        return Covered(need, Outcome.GUARANTEED, given=given, view=view)
    outcome = Outcome.CONDITIONAL if satisfiable else Outcome.IMPOSSIBLE
    situation = min((each for each, _ in against), key=lambda each: _gravity(need, each))
    reasons = [*dict.fromkeys(reason for each, reason in against if each == situation)]
    if outcome is Outcome.IMPOSSIBLE and len(reasons) == 1:
        reasons = [_CERTAINLY.sub(lambda verb: _CERTAIN[verb[1]], reasons[0], count=1)]
    return Covered(need, outcome, situation, "; ".join(reasons[:4]), given=given, view=view)


_CERTAIN = {"may be": "' is", "may lie": "' lies", "may hold": "' holds"}
_CERTAINLY = re.compile(rf"' ({'|'.join(_CERTAIN)})\b(?! missing)")


def _judgements(options: Iterable[Option], need: Need, patterns: Fullmatch) -> Iterator[Judgement]:
    unbounded = need.minimum is None and need.maximum is None and need.pattern is None
    if unbounded and need.rules is None and not (need.types or need.encodings or need.values):
        options = [*options]
        yield from [ALL] if options else ()
        return
    for option in options:
        yield judged(option, need, patterns)


def _gravity(need: Need, situation: str) -> tuple[int, int]:
    """What the code fails on comes first, then what it was never tried with, then what only changes its result."""
    did = need.when.get(situation)
    return (1 if did is None else _SEVERITY[did]), SITUATIONS.index(situation)


_SEVERITY = {When.FAILS: 0, When.CHANGES: 2, When.SAME: 3, When.HANDLED: 3}


def _walked(options: Sequence[Option], path: Sequence[str], need: Need, given: Given) -> _Walked:
    walked = _Walked([])
    level: list[Option] = list(options)
    above = ""
    for at, step in enumerate(path):
        last = at + 1 == len(path)
        here = f"{above}/{escaped(step)}"
        following: dict[int, Option] = {}
        if len(level) > _MOST_OPTIONS:
            walked.broken.append(f"'{above}' may be one of more than {_MOST_OPTIONS} kinds of values")
        for option in level[:_MOST_OPTIONS]:
            if not _leads_on(option, step):
                if above not in given.typed:
                    walked.broken.append(_blocked(option, above))
                continue
            names = _names(step, need.aliases if last else given.aliases.get(here, ()))
            counted = option.type == "array" or step == EACH
            missing = True
            if not counted and len(names) > 1 and _ambiguous(option, names, need):
                walked.broken.append(f"'{here}' answers to several fields by its name and other names")
            for name in (step,) if counted else names:
                member = option.member(name)
                following |= {id(each): each for each in member.options}
                if member.options and not member.absent:
                    missing = False
                    break  # other names count where this one is missing
            if missing and not counted:
                if last:
                    walked.absent = True
                elif here not in given.listed:
                    walked.broken.append(f"'{here}' may be missing")
        level = list(following.values())
        above = here
    walked.ends = level
    return walked


def _names(step: str, aliases: tuple[str, ...]) -> tuple[str, ...]:
    """The names under which a step is found; a field's number, where one is said, is the only one."""
    return tuple(filter(is_number, aliases)) or (step, *aliases)


def _ambiguous(option: Option, names: tuple[str, ...], need: Need) -> bool:
    """Whether an Avro reader would find several fields of the writer for one of its own, which it refuses."""
    found = sum(bool(option.member(name).options) for name in names)
    return found > 1 and bool(need.encodings) and option.encoding.startswith("record:")


def is_number(alias: str) -> bool:
    """Whether an alias is the number of a Protobuf field: `#7`."""
    return alias.startswith("#") and alias[1:].isdigit()


def _leads_on(option: Option, step: str) -> bool:
    if option.type == "array":
        return step == EACH or (step.isascii() and step.isdigit())
    return option.type == "object"


def _blocked(option: Option, above: str) -> str:
    kinds = {"null": "null", "array": "an array", "integer": "a number", "fraction": "a number"}
    return f"'{above}' may be {kinds.get(option.type, f'a {option.type}')}"


# What a witness is looked for with


def wishes(need: Need) -> tuple[Any, ...]:
    """JSON Schemas of values that a need does not handle, the likeliest first; false is absence, true anything."""
    found: list[Any] = [] if need.presence is Presence.OPTIONAL else [False]
    if need.types:
        others = [kind for kind in ("null", "boolean", "string", "array", "object") if kind not in need.types]
        if not need.types & {"integer", "number"}:
            others.insert(1, "number")
        found.extend({"type": kind} for kind in others)
        if "integer" in need.types and "number" not in need.types:
            found.append({"type": "number", "not": {"multipleOf": 1}})
    if need.values and not need.fallback:
        found.append({"not": {"enum": [_exact(each) for each in need.values]}})
    if need.minimum is not None:
        found.append({"type": "number", "exclusiveMaximum": _exact(need.minimum)})
    if need.maximum is not None:
        found.append({"type": "number", "exclusiveMinimum": _exact(need.maximum)})
    if need.pattern is not None:
        found.append({"type": "string", "not": {"pattern": f"^(?:{own_pattern(need.pattern)})$"}})
    for rule in need.rules.rules if need.rules is not None else ():
        if rule.kind in (Kind.EQUALITY, Kind.VALUES):
            found.append({"not": {"const": _exact(need.example)}})
        elif rule.kind is Kind.REGEX:
            found.append({"type": "string", "not": {"pattern": f"^(?:{rule.regex})$"}})
        elif rule.kind is Kind.INCLUDE:
            found.append({"type": "string", "maxLength": max(0, len(str(rule.value)) - 1)})
        elif rule.bounded:
            if rule.min:
                found.extend({"type": kind, most: rule.min - 1} for kind, most in _AT_MOST)
            if rule.max is not None:
                found.extend({"type": kind, least: rule.max + 1} for kind, least in _AT_LEAST)
    kinds = ("null", "boolean", "integer", "number", "string", "array", "object")
    found.extend({"type": kind} for kind in kinds if need.rules is not None)
    return (*found, True)


_AT_MOST = (("array", "maxItems"), ("object", "maxProperties"))
_AT_LEAST = (("array", "minItems"), ("object", "minProperties"))


def _exact(value: Any) -> Any:
    """A JSON value with its numbers exact, as schemas hold them."""
    return json.loads(json.dumps(value, default=str), parse_float=_decimal, parse_constant=lambda _name: None)


def _decimal(text: str) -> Any:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number
