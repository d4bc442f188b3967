"""How alike two names are, and what the words in a name say about its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

SYNONYMS: Final[tuple[frozenset[str], ...]] = tuple(
    map(
        frozenset,
        (
            ("zip", "postcode", "postal", "plz"),
            ("mail", "email"),
            ("phone", "telephone", "tel", "mobile"),
            ("id", "identifier", "key", "uid", "uuid", "no", "number", "nr", "num", "ref", "reference", "code"),
            ("name", "title", "label"),
            ("amount", "total", "sum", "value", "price", "cost"),
            ("qty", "quantity", "count"),
            ("customer", "client", "buyer", "user", "account"),
            ("created", "create", "creation", "inserted"),
            ("updated", "modified", "changed"),
            ("at", "on", "time", "timestamp", "ts", "date", "datetime"),
            ("desc", "description", "text", "comment", "note", "remarks"),
            ("country", "nation"),
            ("given", "first", "fore"),
            ("family", "last", "sur"),
            ("status", "state"),
            ("kind", "type", "category"),
            ("addr", "address"),
            ("lat", "latitude"),
            ("lng", "lon", "longitude"),
            ("vat", "tax"),
            ("sku", "article", "product", "item"),
        ),
    )
)
"""Words that often take each other's place."""

UNITS: Final[Mapping[str, tuple[str, int]]] = {
    "cents": ("money", 1),
    "cent": ("money", 1),
    "pence": ("money", 1),
    "millis": ("seconds", 1000),
    "milliseconds": ("seconds", 1000),
    "ms": ("seconds", 1000),
    "seconds": ("seconds", 1_000_000),
    "secs": ("seconds", 1_000_000),
    "sec": ("seconds", 1_000_000),
    "minutes": ("seconds", 60_000_000),
    "hours": ("seconds", 3_600_000_000),
    "micros": ("seconds", 1),
    "us": ("seconds", 1),
    "grams": ("grams", 1),
    "g": ("grams", 1),
    "kg": ("grams", 1000),
    "kilograms": ("grams", 1000),
    "mm": ("metres", 1),
    "cm": ("metres", 10),
    "m": ("metres", 1000),
    "meters": ("metres", 1000),
    "metres": ("metres", 1000),
    "km": ("metres", 1_000_000),
    "bytes": ("bytes", 1),
    "kb": ("bytes", 1000),
    "mb": ("bytes", 1_000_000),
}
"""Last words of names that give a unit: what is measured, and in how many of the smallest."""

MONEY_WHOLE: Final = 100
"""What an amount of money without a unit counts in cents."""

_TIME_UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ms", "millis", "milliseconds"), "millis"),
    **dict.fromkeys(("us", "micros", "microseconds"), "micros"),
    **dict.fromkeys(("s", "sec", "secs", "seconds", "epoch", "unix"), "seconds"),
    **dict.fromkeys(("ns", "nanos"), "nanos"),
}


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name: `unitPrice_cents` is unit, price, cents."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _alike(one: str, other: str) -> float:
    one, other = _stem(one), _stem(other)
    if one == other:
        return 1.0
    if any(one in group and other in group for group in SYNONYMS):
        return 0.8
    if len(one) >= 3 and len(other) >= 3 and (one.startswith(other) or other.startswith(one)):
        return 0.7
    ratio = SequenceMatcher(None, one, other).ratio()
    return ratio * 0.8 if ratio > 0.7 else 0.0


@lru_cache(maxsize=8192)
def alike(one: str, other: str) -> float:
    """How alike two names are, 0 to 1: equal words, synonyms, shared beginnings; the last words count twice."""
    first, second = words(one), words(other)
    if not first or not second:
        return 0.0
    if [_stem(word) for word in first] == [_stem(word) for word in second]:
        return 0.98
    total = weight = 0.0
    for these, those in ((first, second), (second, first)):
        for at, word in enumerate(these):
            share = 2.0 if at == len(these) - 1 else 1.0
            total += share * max(_alike(word, other_word) for other_word in those)
            weight += share
    return round(0.95 * total / weight, 3)


def shared(one: str, other: str) -> bool:
    """Whether two names share a word."""
    stems = {_stem(word) for word in words(other)}
    return any(_stem(word) in stems for word in words(one))


def is_plural_of(many: str, one: str) -> bool:
    """Whether a name is the plural of another."""
    return many != one and [_stem(word) for word in words(many)] == [_stem(word) for word in words(one)]


def unit_ratio(old: str, new: str) -> tuple[int, int] | None:
    """By what a value is multiplied when `price` becomes `price_cents` or `weight_kg` `weight_g`; None if no unit.

    The rest of the names must agree.
    """
    before, after = words(old), words(new)
    if not before or not after or before == after:
        return None
    one, other = UNITS.get(before[-1]), UNITS.get(after[-1])
    bare_before = before[:-1] if one else before
    bare_after = after[:-1] if other else after
    if bare_before != bare_after or not bare_before:
        return None
    if one and other:
        return _reduced(one[1], other[1]) if one[0] == other[0] and one[1] != other[1] else None
    if other and other[0] == "money":
        return MONEY_WHOLE, 1
    if one and one[0] == "money":
        return 1, MONEY_WHOLE
    return None


def _reduced(above: int, below: int) -> tuple[int, int]:
    a, b = above, below
    while b:
        a, b = b, a % b
    return above // a, below // a


def time_unit(name: str) -> str:
    """The unit a number named like this counts time in."""
    return next((_TIME_UNITS[word] for word in reversed(words(name)) if word in _TIME_UNITS), "millis")
