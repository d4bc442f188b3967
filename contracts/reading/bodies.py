"""What the example and the matching rules of a pact's body need, place by place. Pure.

The walk is that of `contracts.matching`; where that compares with a value, this writes down a need:

    {"lines": [{"sku": "A1"}]}      ""              object
    $.lines       type, min 1       "/lines"        array of 1 or more
                                    "/lines/*"      object
                                    "/lines/*/sku"  string

Elements under a rule are compared with the example's element of the same index, or its first: they become `*`. Without
a rule an array is as long as its example, and each index has needs of its own. Members under `values` and `eachValue`
become `*` too. What cannot be said in this form is a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts import paths
from contracts.matching import equal, type_name
from contracts.needs import MOST_NEEDS, Need, Presence
from contracts.paths import Place, Wildcard
from contracts.rules import Chosen, Combine, Kind, Rule, RuleList, RuleSet, at_place
from contracts.satisfaction import EACH, escaped

_MAX_DEPTH = 100
_MOST_LOOKUPS = 50_000
"""So many places of an example, and rules that may hold there, are looked at."""
_OTHER_INDEX = 1_000_000
"""Stands for every index that no rule names."""
_OTHER_NAME = "\0"
"""Stands for every name that no rule names."""

_FREES_KEYS = frozenset({Kind.VALUES, Kind.EACH_KEY, Kind.EACH_VALUE})
_PAIRS = frozenset({Kind.VALUES, Kind.ARRAY_CONTAINS})
_ANY_OBJECT = frozenset({Kind.REGEX, Kind.VALUES, Kind.EACH_VALUE, Kind.ARRAY_CONTAINS})
_OWN_ARRAY = frozenset({Kind.EQUALITY, Kind.NOT_EMPTY, Kind.PLUGIN, Kind.NULL, Kind.STATUS_CODE, Kind.ARRAY_CONTAINS})
_USES_EXAMPLE = frozenset({Kind.EQUALITY, Kind.VALUES, Kind.TYPE})
_BY_TYPE = frozenset({Kind.TYPE, Kind.NUMBER, Kind.NULL})


@dataclass(slots=True)
class Body:
    """The needs of a body, and why they are not all that the pact says."""

    needs: list[Need] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Budget:
    """How many places and rules may still be looked at."""

    left: int


def body(example: Any, rules: RuleSet) -> Body:
    """The needs of a body: `example` is a JSON value as `json.loads` gives it."""
    made = Body()
    _Walk(rules, 0, made, _Budget(_MOST_LOOKUPS + len(rules.rules))).visit((), "", example, Presence.REQUIRED)
    made.needs = _once(made.needs)
    made.reasons = list(dict.fromkeys(made.reasons))
    return made


def _once(needs: list[Need]) -> list[Need]:
    found: list[Need] = []
    by_path: dict[str, list[Need]] = {}
    for need in needs:
        known = by_path.setdefault(need.path, [])
        if need not in known:
            known.append(need)
            found.append(need)
    return found


@dataclass(slots=True)
class _Walk:
    """A walk at one place; `rules` are those that may hold there or below, `depth` is how many steps lead to it."""

    rules: RuleSet
    depth: int
    made: Body
    budget: _Budget
    _exact: dict[str, list[int]] | None = None
    _always: list[int] = field(default_factory=list)
    _indexed: list[int] = field(default_factory=list)

    def inside(self, fragment: str | int) -> _Walk:
        """The walk one step further."""
        text, rules = str(fragment), self.rules.rules
        if self._exact is None:
            self._exact = {}
            for at, (expression, _) in enumerate(rules):
                token = expression.tokens[self.depth] if len(expression.tokens) > self.depth else Wildcard.STAR
                if token is Wildcard.STAR:
                    self._always.append(at)
                elif token is Wildcard.INDEX:
                    self._indexed.append(at)
                else:
                    self._exact.setdefault(str(token), []).append(at)
        is_index = text.isascii() and text.isdigit()
        chosen = sorted([*self._always, *(self._indexed if is_index else ()), *self._exact.get(text, ())])
        return _Walk(RuleSet(tuple(rules[at] for at in chosen)), self.depth + 1, self.made, self.budget)

    def visit(self, place: Place, path: str, example: Any, presence: Presence) -> None:
        self.budget.left -= 1 + len(self.rules.rules)
        if len(place) > _MAX_DEPTH or len(self.made.needs) > MOST_NEEDS or self.budget.left < 0:
            self.made.reasons.append("the body is too deep or too large to be read whole")
            return
        if ties := self.rules.ties(place):
            told = " and ".join(repr(expression.text) for expression in ties[:2])
            self.made.reasons.append(f"which rule holds at {paths.printed(place)} is open: {told} weigh the same")
        if isinstance(example, Mapping):
            self._object(place, path, example, presence)
        elif isinstance(example, list):
            self._array(place, path, example, presence)
        else:
            self._scalar(place, path, example, presence)

    def _say(self, need: Need) -> None:
        self.made.needs.append(need)

    # scalars

    def _scalar(self, place: Place, path: str, example: Any, presence: Presence) -> None:
        chosen = self.rules.choose(place)
        rules = RuleList((Rule(Kind.EQUALITY, name="equality"),)) if chosen is None else chosen.list
        if len(rules.rules) == 1 and rules.rules[0].kind in _BY_TYPE:
            kind = rules.rules[0].kind
            named = type_name(example) if kind is Kind.TYPE else str(kind)
            self._say(Need(path, presence, frozenset({named})))
            return
        if rules.combine is Combine.AND and not _together(rules.rules, example):
            told = " and ".join(f"'{rule.name or rule.kind}'" for rule in rules.rules)
            self.made.reasons.append(f"the matchers {told} at {paths.printed(place)} accept no value together")
        used = any(rule.kind in _USES_EXAMPLE for rule in rules.rules)
        self._say(Need(path, presence, rules=rules, example=example if used else None))

    # objects

    def _object(self, place: Place, path: str, example: Mapping[str, Any], presence: Presence) -> None:
        chosen = self.rules.choose(place)
        direct = chosen is not None and not chosen.cascaded
        kinds = {rule.kind for rule in chosen.list.rules} if chosen is not None else set()
        own = tuple(_on_object(chosen)) if chosen is not None else ()
        self._say(
            Need(
                path,
                presence,
                frozenset({"object"}),
                rules=RuleList(own) if own else None,
                example=_held(example, own) if own else None,
            )
        )
        if chosen is None or not direct:
            self._children(place, path, example, Presence.REQUIRED)
            return
        if kinds & _PAIRS:
            self._members(place, path, example, self)
        for rule in chosen.list.rules:
            if rule.kind is Kind.EACH_VALUE:
                self._isolated(place, path, example, rule)
        if not kinds <= _PAIRS | {Kind.EACH_VALUE}:
            demanded = not kinds & _FREES_KEYS
            self._children(place, path, example, Presence.REQUIRED if demanded else Presence.OPTIONAL)

    def _children(self, place: Place, path: str, example: Mapping[str, Any], presence: Presence) -> None:
        for name, value in example.items():
            self.inside(name).visit((*place, name), f"{path}/{escaped(name)}", value, presence)

    def _members(self, place: Place, path: str, example: Mapping[str, Any], walk: _Walk) -> None:
        """Every member is compared with the example's of the same name, or its first in order."""
        if not example:
            return
        first = example[min(example)]
        several = [((*place, name), value) for name, value in example.items()]
        self._each(path, ((*place, _OTHER_NAME), first), several, walk)

    def _isolated(self, place: Place, path: str, example: Any, rule: Rule) -> None:
        """Members or items under the rules of an eachValue, which replace all rules of the pact below it."""
        if not example:
            return
        if not rule.rules:
            if all(isinstance(each, Mapping) for each in _inside(example)):
                self._say(Need(f"{path}/{EACH}", Presence.REQUIRED, frozenset({"object"})))
            else:
                self.made.reasons.append(f"the eachValue at {paths.printed(place)} has no rules and accepts no value")
            return
        first, several = _first_and_all(example)
        walk = _Walk(at_place((EACH,), rule.rules), 0, self.made, self.budget)  # at the member itself, whichever it is
        self._each(path, ((EACH,), first), [((EACH,), each) for each in several], walk)

    def _each(self, path: str, generic: tuple[Place, Any], several: list[tuple[Place, Any]], walk: _Walk) -> None:
        """What every item or member needs, if all of the example need the same; else each of the example says so."""
        below = f"{path}/{EACH}"
        needs = walk.apart(generic[0], below, generic[1])
        self.made.needs.extend(needs)
        place, first = generic
        rules = walk.inside(place[-1]).rules
        others = [each for each in several if walk.inside(each[0][-1]).rules != rules or not equal(first, each[1])]
        if any(walk.apart(other, below, value) != needs for other, value in others):
            where = paths.printed(several[0][0][:-1])
            self.made.reasons.append(f"the items at {where} of the example differ in what they need: the first counts")

    def apart(self, place: Place, path: str, example: Any) -> list[Need]:
        """The needs of one item, collected apart. Reasons are kept."""
        made = Body()
        walk = self.inside(place[-1])
        walk.made = made
        walk.visit(place, path, example, Presence.REQUIRED)
        self.made.reasons.extend(made.reasons)
        return made.needs

    # arrays

    def _array(self, place: Place, path: str, example: list[Any], presence: Presence) -> None:
        chosen = self.rules.choose(place)
        array = frozenset({"array"})
        if chosen is None:
            length = RuleList((Rule(Kind.TYPE, min=len(example), max=len(example), name="type"),))
            self._say(Need(path, presence, array, rules=length, example=[]))
            for index, value in enumerate(example):
                self.inside(index).visit((*place, index), f"{path}/{index}", value, Presence.REQUIRED)
            return
        if not example:
            self._say(Need(path, presence, array))
            return
        own = tuple(_on_array(chosen))
        combine = chosen.list.combine
        kinds = {rule.kind for rule in chosen.list.rules}
        if combine is Combine.OR and len(chosen.list.rules) > 1:
            if kinds & {Kind.ARRAY_CONTAINS, Kind.EACH_VALUE, Kind.EQUALITY}:
                self.made.reasons.append(f"rules of which one must hold for the items at {paths.printed(place)}")
            if len(own) < len(chosen.list.rules):
                own = ()  # one of the rules accepts every array
        self._say(
            Need(
                path,
                presence,
                array,
                rules=RuleList(own, combine) if own else None,
                example=_held(example, own) if own else None,
            )
        )
        for rule in chosen.list.rules:
            if rule.kind is Kind.EACH_VALUE and not chosen.cascaded:
                self._isolated(place, path, example, rule)
        apart = {Kind.ARRAY_CONTAINS, Kind.EQUALITY} | (set() if chosen.cascaded else {Kind.EACH_VALUE})
        if not kinds <= apart:
            several = [((*place, index), value) for index, value in enumerate(example)]
            self._each(path, ((*place, _OTHER_INDEX), example[0]), several, self)


_ACCEPTED = {
    Kind.INTEGER: frozenset({"integer"}),
    Kind.DECIMAL: frozenset({"decimal"}),
    Kind.NUMBER: frozenset({"integer", "decimal"}),
    Kind.BOOLEAN: frozenset({"boolean", "string"}),
    Kind.NULL: frozenset({"null"}),
    Kind.SEMVER: frozenset({"string"}),
}
"""The types of values that matchers accept, where they do not accept all."""


def _together(rules: Sequence[Rule], example: Any) -> bool:
    """Whether some type of value may satisfy all the rules."""
    own = type_name(example)
    by_example = frozenset({"integer", "decimal"}) if own == "number" else frozenset({own})
    known = _ACCEPTED | {Kind.TYPE: by_example, Kind.EQUALITY: by_example}
    sets = [known[rule.kind] for rule in rules if rule.kind in known]
    return not sets or bool(frozenset.intersection(*sets))


def _inside(example: Any) -> list[Any]:
    return list(example.values()) if isinstance(example, Mapping) else list(example)


def _first_and_all(example: Any) -> tuple[Any, list[Any]]:
    first = example[min(example)] if isinstance(example, Mapping) else example[0]
    return first, _inside(example)


def _on_object(chosen: Chosen) -> Iterator[Rule]:
    """The rules that say something of the object itself. Bounds do not cascade, nor do eachKey and eachValue."""
    for rule in chosen.list.rules:
        if rule.kind in _ANY_OBJECT or (rule.kind is Kind.TYPE and (chosen.cascaded or not rule.bounded)):
            continue
        if rule.kind is Kind.EACH_KEY and chosen.cascaded:
            continue
        yield rule


def _on_array(chosen: Chosen) -> Iterator[Rule]:
    """The rules that say something of the array itself."""
    for rule in chosen.list.rules:
        if rule.kind in _OWN_ARRAY or (rule.kind is Kind.TYPE and rule.bounded and not chosen.cascaded):
            yield rule


def _held(example: Any, own: tuple[Rule, ...]) -> Any:
    """The example as far as the rules need it: equality and arrayContains all of it, others its type."""
    if any(rule.kind in (Kind.EQUALITY, Kind.ARRAY_CONTAINS) for rule in own):
        return example
    return {} if isinstance(example, Mapping) else []
