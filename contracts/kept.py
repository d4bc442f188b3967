"""Contracts as the text that is stored: JSON, without what is default, equal contracts equal to the byte. Pure.

Reading is quick for what was read before: contracts of many versions say the same things.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, get_type_hints

import msgspec

from contracts.needs import Contract, Evidence, Need
from contracts.rules import Kind, Rule, RuleList, rule_set


def written(contracts: Sequence[Contract]) -> str:
    """Contracts as text; when they were confirmed is not part of it."""
    return msgspec.json.encode([_plain(each) for each in contracts], order="deterministic").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, RuleList):
        return _matchers(value)
    if is_dataclass(value) and not isinstance(value, type):
        told = {}
        for each in fields(value):
            found = getattr(value, each.name)
            default = each.default if each.default_factory is MISSING else each.default_factory()
            if each.name != "confirmed" and found != default:
                told[each.name] = _plain(found)
        return told
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _matchers(rules: RuleList) -> dict[str, Any]:
    """Rules as a pact writes them: whoever reads pacts reads them back."""
    return {"combine": rules.combine.value, "matchers": [_matcher(rule) for rule in rules.rules]}


def _matcher(rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {"match": rule.name or rule.kind.value}
    for name, value in (("min", rule.min), ("max", rule.max), ("value", rule.value), ("format", rule.format or None)):
        if value is not None:
            told[name] = value
    if rule.kind is Kind.REGEX:
        told["regex"] = rule.regex
    if rule.status:
        told["status"] = rule.status if isinstance(rule.status, str) else list(rule.status)
    if rule.rules:
        told["rules"] = [_matcher(each) for each in rule.rules]
    if rule.kind is Kind.ARRAY_CONTAINS:
        told["variants"] = [
            {"index": each.index, "rules": {path.text: _matchers(rules) for path, rules in each.rules.rules}}
            for each in rule.variants
        ]
    return told


def digest(text: str) -> str:
    """What tells two texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()


def _default(of: Any) -> Any:
    return (
        msgspec.field(default=of.default)
        if of.default is not MISSING
        else msgspec.field(default_factory=of.default_factory)
    )


class _Written(msgspec.Struct):
    """A contract with its needs unread."""

    evidence: Evidence
    needs: tuple[msgspec.Raw, ...] = ()
    description: str = ""
    version: int | None = None
    partial: bool = False
    reasons: tuple[str, ...] = ()
    decoded: bool = False


_CONTRACTS = msgspec.json.Decoder(tuple[_Written, ...])
_HINTS = get_type_hints(Need) | {"rules": Any}
_NEED = msgspec.json.Decoder(
    msgspec.defstruct(
        "_WrittenNeed",
        [
            (each.name, _HINTS[each.name])
            if each.default is MISSING and each.default_factory is MISSING
            else (each.name, _HINTS[each.name], _default(each))
            for each in fields(Need)
        ],
    )
)
_MEMBERS = tuple(each.name for each in fields(Need))


@lru_cache(100_000)
def _need(text: bytes) -> Need:
    """A need; equal texts are one object, so that what is known about it is found by identity."""
    written = _NEED.decode(text)
    members = {name: getattr(written, name) for name in _MEMBERS}
    if members["rules"] is not None:
        members["rules"] = rule_set({"$": members["rules"]}).rules[0][1]
    return Need(**members)


def read(text: str, confirmed: int | None = None) -> tuple[Contract, ...]:
    """The inverse of `written`."""
    return tuple(
        Contract(
            tuple(_need(bytes(need)) for need in each.needs),
            each.evidence,
            each.description,
            each.version,
            each.partial,
            each.reasons,
            confirmed,
            each.decoded,
        )
        for each in _CONTRACTS.decode(text)
    )
