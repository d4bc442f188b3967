"""What the options of a place make of a need: do all their values satisfy it, may some? Pure.

Sound both ways: `all` is claimed when every value of an option satisfies, `some` is denied when none does; between
the two the answer is open. Listed values (enum, const, booleans, null) are tried one by one; patterns are compared as
automata; for each matcher of a pact a row says what it makes of each kind of value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts import datetimes
from contracts.datetimes import Fit
from contracts.matching import Fullmatch, compiled, equal, scalar_fit, text_fit, type_name
from contracts.needs import Need, handles, same
from contracts.rules import Combine, Kind, Rule, RuleList
from contracts.satisfaction import literal, null_handled, own_pattern
from registry.formats.json_schema.languages import found_wherever, never_together
from registry.formats.reach import Option, Printed


@dataclass(frozen=True, slots=True)
class Judgement:
    """`all` values satisfy; `some` may. `situation` and `reason` say what stands against all."""

    all: bool
    some: bool
    situation: str = ""
    reason: str = ""


ALL = Judgement(all=True, some=True)


def judged(option: Option, need: Need, patterns: Fullmatch) -> Judgement:
    """What an option makes of a need, whatever is said of the members inside."""
    if need.encodings and option.encoding and not (read := _resolved(option.encoding, need.encodings)).all:
        return read
    if option.type == "null" and need.rules is None:
        return ALL if null_handled(need) else Judgement(False, False, "null", "may be null")
    if not _handled(option, need):
        native = bool(need.types & option.also)  # some decoders hand it out as that
        told = "" if option.type == "null" else f", not {' or '.join(sorted(need.types))}"
        return Judgement(False, native, "type" if told else "null", f"may be {_a(option.type)}{told}")
    some = True
    against: Judgement | None = None
    for judge in (_values, _range, _pattern, _rules):
        found = judge(option, need, patterns)
        if not found.all:
            against = against or found
            some = some and found.some
    return ALL if against is None else Judgement(False, some, against.situation, against.reason)


def _handled(option: Option, need: Need) -> bool:
    kind = "number" if option.type == "fraction" else option.type
    return handles(need.types, kind)


def _resolved(encoding: str, encodings: frozenset[str]) -> Judgement:
    """`int:date` is resolved by who names it, or `int:*`; `bytes?` resolves some values of it only.

    Named types are resolved by their simple names, `enum:Status`, or by the full one of an alias, `enum:=shop.State`.
    """
    kind, _, name = encoding.partition(":")
    if not encodings.isdisjoint((encoding, f"{kind}:*", f"{kind}:={name}", f"{kind}:{name.rpartition('.')[2]}")):
        return ALL
    reason = f"is encoded as {encoding}, which the reader does not resolve"
    return Judgement(False, f"{kind}?" in encodings, "type", reason)


def _a(kind: str) -> str:
    if kind == "fraction":
        return "a number with a fraction"
    return f"an {kind}" if kind[0] in "aio" else kind if kind == "null" else f"a {kind}"


def listed(option: Option) -> tuple[Any, ...] | None:
    """All values of an option in every spelling, if they are few and known."""
    if option.type == "null":
        return (None,)
    if option.type == "boolean":
        return option.values or (False, True)
    if option.values is None:
        return None
    if option.type != "integer" or option.printed is Printed.WHOLE:
        return option.values
    spelled = [float(value) for value in option.values if abs(value) < 2**1000]
    return tuple(spelled) if option.printed is Printed.FRACTION else (*map(int, option.values), *spelled)


# The members of a need


def _values(option: Option, need: Need, _patterns: Fullmatch) -> Judgement:
    if not need.values or need.fallback:
        return ALL
    known = listed(option)
    if known is None:
        some = any(admits(option, value) for value in need.values)
        return Judgement(False, some, "other", "may hold other values than those that are handled")
    others = [value for value in known if not any(same(value, each) for each in need.values)]
    if not others:
        return ALL
    told = ", ".join(dict.fromkeys(map(_shown, others[:4]))) + (", …" if len(others) > 4 else "")
    return Judgement(False, len(others) < len(known), "other", f"may be {told}, which is not handled")


def _range(option: Option, need: Need, _patterns: Fullmatch) -> Judgement:
    low, high = need.minimum, need.maximum
    if not option.is_number or (low is None and high is None):
        return ALL
    if option.values is not None:
        fitting = [value for value in option.values if _between(value, low, high)]
        if len(fitting) == len(option.values):
            return ALL
        return Judgement(False, bool(fitting), "range", f"may lie outside {_interval(low, high)}")
    below = low is not None and (option.minimum is None or option.minimum < low)
    above = high is not None and (option.maximum is None or option.maximum > high)
    if not below and not above:
        return ALL
    apart = (low is not None and option.maximum is not None and option.maximum < low) or (
        high is not None and option.minimum is not None and option.minimum > high
    )
    return Judgement(False, not apart, "range", f"may lie outside {_interval(low, high)}")


def _between(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _interval(low: float | None, high: float | None) -> str:
    return f"{'…' if low is None else low}..{'…' if high is None else high}"


def _pattern(option: Option, need: Need, patterns: Fullmatch) -> Judgement:
    if need.pattern is None or option.type != "string":
        return ALL
    all_, some = text_matches(option, own_pattern(need.pattern), patterns)
    return ALL if all_ else Judgement(False, some, "pattern", f"may be a text that does not match /{need.pattern}/")


def _rules(option: Option, need: Need, patterns: Fullmatch) -> Judgement:
    if need.rules is None:
        return ALL
    judge = _Rules(option, need.example, patterns)
    all_, some = judge.together(need.rules)
    if all_:
        return ALL
    against = next((rule for rule in need.rules.rules if not judge.one(rule)[0]), need.rules.rules[0])
    if option.type == "null":
        return Judgement(False, some, "null", "may be null")
    if against.kind in (Kind.EQUALITY, Kind.VALUES):
        return Judgement(False, some, "other", f"may be something else than {_shown(need.example)}")
    if against.kind is Kind.TYPE and against.bounded:
        size = f"{against.min or 0}..{'…' if against.max is None else against.max}"
        return Judgement(False, some, "length", f"may be of another size than {size}")
    if against.kind is Kind.TYPE:
        return Judgement(False, some, "type", f"may be {_a(option.type)}")
    situation = "pattern" if against.kind is Kind.REGEX else "matcher"
    told = f"/{against.regex}/" if against.kind is Kind.REGEX else f"the matcher '{against.name or against.kind}'"
    if against.kind is Kind.INTEGER and option.type == "integer":
        return Judgement(False, some, situation, "may be a whole number printed as 7.0, or one past 64 bits, which "
                         "the matcher 'integer' refuses")  # fmt: skip
    return Judgement(False, some, situation, f"may be {_a(option.type)} that {told} refuses")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


# Values and texts


def admits(option: Option, value: Any, depth: int = 20) -> bool:
    """Whether an option allows a value, as far as can be told: False is certain."""
    kinds = (option.type, "number") if option.is_number else (option.type,)
    if type_name(value) not in kinds:
        return False
    if option.values is not None:
        return any(same(value, each) for each in option.values)
    if option.is_number:
        whole = isinstance(value, int) or value.is_integer()
        return whole == (option.type == "integer") and _between(value, option.minimum, option.maximum)
    if option.type not in ("string", "array", "object"):
        return True
    if len(value) < option.least or (option.most is not None and len(value) > option.most):
        return False
    if option.type == "string":
        return not any(_never(pattern, f"^{literal(value)}$") for pattern in narrow(option))
    if depth == 0:
        return True
    parts = value.items() if isinstance(value, Mapping) else ((str(index), each) for index, each in enumerate(value))
    return all(any(admits(one, each, depth - 1) for one in option.member(step).options) for step, each in parts)


_LANGUAGES = {
    "uuid": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "time": r"^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    "date-time": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    "timestamp": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3}|\.[0-9]{6}|\.[0-9]{9})?Z$",
    "integer": r"^(0|-?[1-9][0-9]*)$",
    "base64": r"^[A-Za-z0-9+/]*={0,2}$",
}
_SPOKEN = {
    # language: texts of it that differ as much as its texts do
    "uuid": ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "00000000-0000-0000-0000-000000000000"),
    "date": ("2024-01-31", "0001-01-01", "9999-12-31"),
    "time": ("10:11:12Z", "10:11:12+01:00", "10:11:12.123Z"),
    "date-time": ("2024-01-31T10:11:12Z", "2024-01-31T10:11:12+01:00", "2024-01-31T10:11:12.123Z"),
    "timestamp": (
        *("2024-01-31T10:11:12Z", "2024-01-31T10:11:12.123Z"),
        *("2024-01-31T10:11:12.123456Z", "2024-01-31T10:11:12.123456789Z"),
    ),
    "integer": ("0", "7", "-7", "9223372036854775807"),
}


def narrow(option: Option) -> tuple[str, ...]:
    """Patterns that every text of an option matches."""
    found = list(option.patterns)
    if option.language in _LANGUAGES:
        found.append(_LANGUAGES[option.language])
    if option.least > 0 or (option.most is not None and option.most <= 100):
        most = "" if option.most is None or option.most > 100 else option.most
        if option.least <= 100:
            found.append(rf"^[\s\S]{{{option.least},{most}}}$")
    return tuple(found)


_ANY_TEXT = r"^[\s\S]*$"


_BY_ALPHABET = re.compile(r"\\[wWdDsSbB]")
"""What other engines take more letters for than the automata do …"""
_WIDER = re.compile(r"\\[WDSB]|\[\^[^\]]*\\[wds]")
"""… and, complemented, fewer."""
_EVERYTHING = re.compile(r"\[(?:\\s\\S|\\S\\s|\\w\\W|\\W\\w|\\d\\D|\\D\\d)\]")


def _never(one: str, other: str) -> bool:
    return never_together(one, other) is True


def text_matches(option: Option, regex: str, patterns: Fullmatch) -> tuple[bool, bool]:
    """Whether all texts of an option match a whole regular expression, and whether some may."""
    if option.values is not None:
        return _tried([patterns(regex, value) for value in option.values])
    if isinstance(read := compiled(regex), Fit):
        return False, read is not Fit.NO
    wide = f"^(?:{regex})$"
    known = (*narrow(option), _ANY_TEXT)
    ascii = option.language in _LANGUAGES
    bare = _EVERYTHING.sub(".", regex)
    if (ascii or not _WIDER.search(bare)) and any(found_wherever(pattern, wide) for pattern in known):
        return True, True
    return False, not ((ascii or not _BY_ALPHABET.search(bare)) and any(_never(pattern, wide) for pattern in known))


def _tried(fits: Sequence[Fit]) -> tuple[bool, bool]:
    return all(fit is Fit.YES for fit in fits), any(fit is not Fit.NO for fit in fits)


def _contains(option: Option, text: str) -> tuple[bool, bool]:
    wide = literal(text)
    all_ = text == "" or any(found_wherever(pattern, wide) for pattern in narrow(option))
    return all_, all_ or not any(_never(pattern, wide) for pattern in narrow(option))


# Matchers


_OPEN = (False, True)
_YES = (True, True)
_NO = (False, False)
_SEMVER = r"^[0-9]+\.[0-9]+\.[0-9]+"
_CONTAINER_TEXT = r"^[\[{]"
_NUMBER_TEXT = {
    # how numbers are written: text rules see them so
    "integer": {
        Printed.WHOLE: r"^-?[0-9]+$",
        Printed.FRACTION: r"^-?[0-9.]+(e[+-]?[0-9]+)?$",
        Printed.EITHER: r"^-?[0-9.]+(e[+-]?[0-9]+)?$",
    },
    "fraction": dict.fromkeys(Printed, r"^(-?[0-9.]+(e[+-]?[0-9]+)?|-?inf|nan|NaN|-?Infinity)$"),
}


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of one place against one option."""

    option: Option
    example: Any
    patterns: Fullmatch

    def together(self, rules: RuleList) -> tuple[bool, bool]:
        """All of them, or with OR one of them; objects know no OR."""
        found = [self.one(rule) for rule in rules.rules]
        if rules.combine is Combine.OR and not isinstance(self.example, Mapping):
            return any(each[0] for each in found), any(each[1] for each in found)
        return all(each[0] for each in found), all(each[1] for each in found)

    def one(self, rule: Rule) -> tuple[bool, bool]:
        """Whether all values of the option fit the rule, and whether some may."""
        if isinstance(self.example, Mapping):
            return self.on_object(rule) if self.option.type == "object" else _NO
        if isinstance(self.example, list):
            return self.on_array(rule) if self.option.type == "array" else _NO
        known = listed(self.option)
        if known is not None:
            return _tried([scalar_fit(rule, self.example, value, self.patterns) for value in known])
        if self.option.type in ("array", "object"):
            return _CONTAINERS.get(rule.kind, _never_fits)(self, rule)
        return _SCALARS[rule.kind](self, rule)

    def on_object(self, rule: Rule) -> tuple[bool, bool]:
        if rule.kind is Kind.EACH_KEY:
            return self._keys(rule)
        if rule.kind in (Kind.REGEX, Kind.VALUES, Kind.EACH_VALUE, Kind.ARRAY_CONTAINS):
            return _YES
        return self._container(rule)

    def on_array(self, rule: Rule) -> tuple[bool, bool]:
        if rule.kind is Kind.ARRAY_CONTAINS:
            return _OPEN if self.option.most != 0 or not rule.variants else _NO
        if rule.kind in (Kind.NULL, Kind.STATUS_CODE):
            return _NO
        found = self._container(rule)
        return _YES if found == _NO and rule.kind not in _JUDGED else found

    def _container(self, rule: Rule) -> tuple[bool, bool]:
        option = self.option
        if rule.kind is Kind.EQUALITY:
            return _equals(self, rule)
        if rule.kind is Kind.NOT_EMPTY:
            return option.least > 0, option.most != 0
        if rule.kind in (Kind.PLUGIN, Kind.CONTENT_TYPE):
            return _OPEN
        if rule.kind is Kind.TYPE:
            low, high = rule.min or 0, rule.max
            inside = option.least >= low and (high is None or (option.most is not None and option.most <= high))
            apart = (option.most is not None and option.most < low) or (high is not None and option.least > high)
            return inside, not apart
        return _NO

    def _keys(self, rule: Rule) -> tuple[bool, bool]:
        """Keys by their names or kind; an object without members always fits."""
        found = [self._key(key, each) for key in self.option.named() for each in rule.rules]
        all_ = all(each[0] for each in found)
        return all_, all_ or self.option.least == 0 or all(each[1] for each in found)

    def _key(self, key: Option, rule: Rule) -> tuple[bool, bool]:
        if key.values is not None:
            return _tried([text_fit(rule, value, self.patterns) for value in key.values])
        if rule.kind in (Kind.TYPE, Kind.CONTENT_TYPE):
            return _YES
        if rule.kind is Kind.REGEX:
            return text_matches(key, rule.regex, self.patterns)
        return _OPEN


_JUDGED = frozenset({Kind.EQUALITY, Kind.NOT_EMPTY, Kind.PLUGIN, Kind.TYPE})


def _never_fits(_rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    return _NO


def _always_fits(_rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    return _YES


def _open(_rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    return _OPEN


def _equals(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    option, example = rules.option, rules.example
    if option.values is not None and option.type in ("array", "object"):
        return _tried([Fit.YES if equal(example, value) else Fit.NO for value in option.values])
    if option.type == "integer" and type_name(example) == "number":
        written = isinstance(example, float)
        if (option.printed is Printed.WHOLE and written) or (option.printed is Printed.FRACTION and not written):
            return _NO
    return False, admits(option, example)


def _of_kind(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    kind = "number" if rules.option.is_number else rules.option.type
    return _YES if type_name(rules.example) == kind else _NO


def _integer(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    option = rules.option
    if option.type != "integer" or option.printed is Printed.FRACTION:
        return _NO
    within = option.minimum is not None and option.maximum is not None
    within = within and option.minimum >= -(2**63) and option.maximum < 2**64  # type: ignore[operator] # both are there
    return option.printed is Printed.WHOLE and within, True


def _decimal(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    option = rules.option
    if not option.is_number:
        return _NO
    if option.type == "fraction" or option.printed is Printed.FRACTION:
        return _YES
    # Whole numbers past 64 bits are read as decimals.
    past = option.minimum is None or option.maximum is None or option.minimum < -(2**63) or option.maximum >= 2**64
    return False, option.printed is Printed.EITHER or past


def _number(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    return _YES if rules.option.is_number else _NO


def _boolean(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    option = rules.option
    return False, option.type == "string" and any(admits(option, text) for text in ("true", "false"))


def _regex(rules: _Rules, rule: Rule) -> tuple[bool, bool]:
    option = rules.option
    if option.type == "string":
        return text_matches(option, rule.regex, rules.patterns)
    wide = f"^(?:{rule.regex})$"
    own = _NUMBER_TEXT[option.type][option.printed] if option.is_number else _CONTAINER_TEXT
    if option.minimum is not None and option.minimum > 0:
        own = own.replace("-?", "")
    return (found_wherever(own, wide) is True) if option.is_number else False, not _never(own, wide)


def _include(rules: _Rules, rule: Rule) -> tuple[bool, bool]:
    return _contains(rules.option, str(rule.value)) if rules.option.type == "string" else _OPEN


def _temporal(rules: _Rules, rule: Rule) -> tuple[bool, bool]:
    """Dates and times by what a language's texts look like; numbers only where a pattern has no more than digits."""
    option = rules.option
    if option.is_number:
        signs = {char for char in rule.format.lstrip("-") if not char.isalpha()}
        if option.type == "integer":
            return False, signs <= (set() if option.printed is Printed.WHOLE else {"."})
        return False, signs <= set(".-+'") and rule.format.count("-") < 2
    if option.type != "string":
        return False, any(char in rule.format for char in "'[{")
    if (spoken := _SPOKEN.get(option.language)) is None:
        return _OPEN
    all_, some = _tried([datetimes.fits(rule.format, text) for text in spoken])
    return all_, some or option.language == "integer"


def _semver(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    option = rules.option
    if option.type != "string":
        return _NO
    return False, not any(_never(pattern, _SEMVER) for pattern in narrow(option))


def _not_empty(rules: _Rules, _rule: Rule) -> tuple[bool, bool]:
    option = rules.option
    if option.is_number:
        return _YES
    all_ = option.least > 0 or (option.type == "string" and any(_never(pattern, "^$") for pattern in narrow(option)))
    return all_, option.most != 0


_Judge = Callable[[_Rules, Rule], tuple[bool, bool]]
_SCALARS: Mapping[Kind, _Judge] = {
    Kind.EQUALITY: _equals,
    Kind.VALUES: _equals,
    Kind.TYPE: _of_kind,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.NULL: _never_fits,
    Kind.REGEX: _regex,
    Kind.INCLUDE: _include,
    Kind.DATE: _temporal,
    Kind.TIME: _temporal,
    Kind.DATETIME: _temporal,
    Kind.SEMVER: _semver,
    Kind.NOT_EMPTY: _not_empty,
    Kind.CONTENT_TYPE: _open,
    Kind.PLUGIN: _open,
    Kind.STATUS_CODE: _always_fits,
    Kind.EACH_KEY: _always_fits,
    Kind.EACH_VALUE: _always_fits,
    Kind.ARRAY_CONTAINS: _always_fits,
}
_CONTAINERS: Mapping[Kind, _Judge] = {
    # what rules with a scalar example make of arrays and objects; the kinds that are not listed refuse them
    Kind.REGEX: _regex,
    Kind.INCLUDE: _include,
    Kind.DATE: _temporal,
    Kind.TIME: _temporal,
    Kind.DATETIME: _temporal,
    Kind.NOT_EMPTY: _not_empty,
    Kind.CONTENT_TYPE: _open,
    Kind.PLUGIN: _open,
    Kind.STATUS_CODE: _always_fits,
    Kind.EACH_KEY: _always_fits,
    Kind.EACH_VALUE: _always_fits,
    Kind.ARRAY_CONTAINS: _always_fits,
}
