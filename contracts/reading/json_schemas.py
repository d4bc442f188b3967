"""What a reader that validates with a JSON Schema needs: every place as the schema describes it. Pure.

Optional properties may be missing; a closed object needs that there are no others. What the needs cannot say is a
reason that names the keyword.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from contracts.fitting import listed
from contracts.needs import MOST_NEEDS, Need, Presence
from contracts.rules import Kind, Rule, RuleList
from contracts.satisfaction import EACH, escaped, literal
from registry.formats.json_schema.plain import TooLarge, plain
from registry.formats.json_schema.reach import options
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.reach import Option, anything

_UNSAID = (
    *("not", "if", "multipleOf", "uniqueItems", "contains", "prefixItems", "unevaluatedItems"),
    *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"),
    *("exclusiveMinimum", "exclusiveMaximum"),
)
"""Keywords that may refuse what the needs accept."""
_MOST_NAMES = 200


def needs(reader: JsonSchema) -> tuple[list[Need], list[str]]:
    """The needs of a reader, the outermost first. A schema inside itself is cut there."""
    try:
        form = plain(reader.graph)
    except TooLarge as error:
        return [], [str(error)]
    used = {keyword for schema in (form.root, *form.definitions.values()) for keyword in _keywords(schema)}
    reasons = [
        f"the reader's keyword '{keyword}' may refuse what no need says" for keyword in _UNSAID if keyword in used
    ]
    found: list[Need] = []
    todo: deque[tuple[str, tuple[Option, ...], Presence, frozenset[int]]] = deque(
        [("", options(reader), Presence.REQUIRED, frozenset())]
    )
    while todo and len(found) <= MOST_NEEDS:
        path, here, presence, inside = todo.popleft()
        if not here:
            reasons.append(f"at '{path}' the reader accepts no value")
            continue
        need, unsaid = _need(path, here, presence)
        found.append(need)
        reasons.extend(unsaid)
        if sum(each.type == "object" for each in here) > 1:
            reasons.append(f"at '{path}' the reader tells several kinds of objects apart, which paths cannot say")
        known = {id(each) for each in here}
        if not _is_anything(here) and not known & inside:
            todo.extend((*inner, inside | known) for inner in _inside(path, here))
    return found, reasons


def _keywords(schema: object) -> Iterator[str]:
    todo = [schema]
    while todo:
        each = todo.pop()
        if isinstance(each, list):
            todo.extend(each)
        elif isinstance(each, dict):
            yield from each
            for keyword, value in each.items():
                if keyword in ("properties", "patternProperties", "dependentSchemas"):
                    todo.extend(value.values())
                elif keyword not in ("enum", "const", "required"):
                    todo.append(value)


def _is_anything(here: Sequence[Option]) -> bool:
    """Whether the reader says nothing of a place."""
    return tuple(here) == anything()


def _inside(path: str, here: Sequence[Option]) -> Iterator[tuple[str, tuple[Option, ...], Presence]]:
    items = [one for each in here if each.type == "array" for one in each.member(EACH).options]
    objects = [each for each in here if each.type == "object"]
    for name in dict.fromkeys(name for each in objects for name in each.declared):
        members = [each.member(name) for each in objects]
        presence = Presence.OPTIONAL if any(each.absent for each in members) else Presence.REQUIRED
        if found := tuple({id(one): one for each in members for one in each.options}.values()):
            yield f"{path}/{escaped(name)}", found, presence
    for each in objects:
        if not each.declared and each.most != 0:
            items.extend(each.member(EACH).options)
    if items:
        yield f"{path}/{EACH}", tuple({id(one): one for one in items}.values()), Presence.REQUIRED


def _need(path: str, here: Sequence[Option], presence: Presence) -> tuple[Need, list[str]]:
    """The need of a place, and what it leaves out."""
    if _is_anything(here):
        return Need(path, presence), []
    types = frozenset("number" if each.type == "fraction" else each.type for each in here)
    unsaid: list[str] = []
    if any(each.values is not None for each in here):
        known = [listed(each) for each in here]
        if all(each is not None for each in known):
            values = tuple(value for each in known for value in each or ())
            return Need(path, presence, types, values=values, fallback=False), []
        unsaid.append(f"at '{path}' the reader takes listed values beside others")
    low, high = _bounds(here)
    pattern, why = _pattern([each for each in here if each.type == "string"])
    rules, example = _container(here)
    if rules is None and any(_restricted(each) for each in here):
        unsaid.append(f"at '{path}' the reader limits one of several kinds of containers")
    if why:
        unsaid.append(f"at '{path}' {why}")
    return Need(path, presence, types, minimum=low, maximum=high, pattern=pattern, rules=rules, example=example), unsaid


def _bounds(here: Sequence[Option]) -> tuple[float | None, float | None]:
    numbers = [each for each in here if each.is_number]
    lows = [each.minimum for each in numbers]
    highs = [each.maximum for each in numbers]
    return (
        min((low for low in lows if low is not None), default=None) if None not in lows else None,
        max((high for high in highs if high is not None), default=None) if None not in highs else None,
    )


def _pattern(texts: Sequence[Option]) -> tuple[str | None, str]:
    """A pattern for whole texts, and what it leaves out."""
    limits = {(each.patterns, each.least, each.most) for each in texts}
    if len(limits) > 1:
        return None, "the reader takes texts of several kinds"
    patterns, least, most = next(iter(limits), ((), 0, None))
    is_long = least > 0 or most is not None
    if not patterns:
        return (rf"[\s\S]{{{least},{'' if most is None else most}}}", "") if is_long else (None, "")
    whole = _whole(patterns[0])
    unsaid = "the reader limits texts in several ways" if is_long or len(patterns) > 1 else ""
    return whole, unsaid or ("" if whole is not None else "the reader's pattern has anchors inside")


_ANCHOR = re.compile(r"(?<!\\)(?:\\\\)*[$^]")


def _whole(pattern: str) -> str | None:
    """A pattern that is found somewhere in a text, as one for the whole text; None where anchors are in the way."""
    before = after = r"[\s\S]*"
    if "|" not in pattern:
        if pattern.startswith("^"):
            before, pattern = "", pattern[1:]
        if pattern.endswith("$") and (len(pattern) - len(pattern[:-1].rstrip("\\"))) % 2:
            after, pattern = "", pattern[:-1]
    bare = re.sub(r"\[\^?[^\]]*\]", "", pattern)
    return None if _ANCHOR.search(bare) else f"{before}(?:{pattern}){after}"


def _restricted(option: Option) -> bool:
    """Whether an array or object is limited in its size or names."""
    if option.type == "array":
        return option.least > 0 or option.most is not None
    return option.type == "object" and (_names(option) is not None or option.least > len(_required(option)))


def _required(option: Option) -> list[str]:
    return [name for name in option.declared if not option.member(name).absent]


def _names(option: Option) -> tuple[str, ...] | None:
    """All names that the members of an object may have, if there are no others."""
    named = option.named()
    if any(each.values is None for each in named):
        return None
    return tuple(name for each in named for name in each.values or ())


def _container(here: Sequence[Option]) -> tuple[RuleList | None, Any]:
    """The rules for the size of an array or the names of an object, where nothing else may stand there."""
    if len(here) != 1 or not _restricted(here[0]):
        return None, None
    option = here[0]
    if option.type == "array":
        return RuleList((Rule(Kind.TYPE, min=option.least or None, max=option.most, name="type"),)), []
    names = _names(option)
    if names is None or len(names) > _MOST_NAMES:
        return None, None
    if not names:
        return RuleList((Rule(Kind.TYPE, max=0, name="type"),)), {}
    only = Rule(Kind.REGEX, regex="|".join(map(literal, names)), name="regex")
    return RuleList((Rule(Kind.EACH_KEY, rules=(only,), name="eachKey"),)), {}
