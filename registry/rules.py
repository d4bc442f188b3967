"""Metadata and rule sets: what travels with a schema beside its text. Pure: validate, merge, compare.

The Confluent API stores them with each version and merges them at registration:

    effective = merge(merge(config default, specific), config override)

where *specific* is what the request says or, when it says nothing, what the latest version has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from registry.errors import InvalidRuleSet
from registry.formats.base import Schema

_T = TypeVar("_T")

VERSION_PROPERTY = "confluent:version"
RESERVED_PROPERTY = "confluent:reserved"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_MODES = {
    "migrationRules": ("UPGRADE", "DOWNGRADE", "UPDOWN"),
    "domainRules": ("WRITE", "READ", "WRITEREAD"),
    "encodingRules": ("WRITE", "READ", "WRITEREAD"),
}
_TWO_WAY = ("WRITEREAD", "UPDOWN")
_KINDS = ("TRANSFORM", "CONDITION")
_ENCRYPTS = ("ENCRYPT", "ENCRYPT_PAYLOAD")
_SEALS = ("SEAL", "SEAL_PAYLOAD")
_ENABLE_AT = ("ALL", "CLIENT", "GATEWAY", "SERVER", "NONE")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Tags by path pattern, free properties, and the names of the properties that are sensitive."""

    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()

    def without(self, property: str) -> Metadata:
        """The same without one property."""
        return replace(self, properties={k: v for k, v in self.properties.items() if k != property})

    def with_property(self, name: str, value: str) -> Metadata:
        """The same with one property set."""
        return replace(self, properties={**self.properties, name: value})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `type` names its executor (CEL, JSONATA, ENCRYPT, …); clients run it, the registry stores it."""

    name: str
    type: str
    mode: str
    kind: str = "TRANSFORM"
    doc: str | None = None
    tags: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    expr: str | None = None
    on_success: str | None = None
    on_failure: str | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules by phase. An empty rule set is not the same as none: it is part of a schema's identity."""

    migration: tuple[Rule, ...] = ()
    domain: tuple[Rule, ...] = ()
    encoding: tuple[Rule, ...] = ()
    enable_at: str | None = None

    def lists(self) -> Iterator[tuple[str, tuple[Rule, ...]]]:
        """The three lists under their wire names, in the order that identity uses."""
        yield "migrationRules", self.migration
        yield "domainRules", self.domain
        yield "encodingRules", self.encoding


def validate(rule_set: RuleSet) -> None:
    """Check a rule set as the reference does (facts: confluent-api §3). Raises InvalidRuleSet naming the rule."""
    seen: set[str] = set()
    if rule_set.enable_at is not None and rule_set.enable_at not in _ENABLE_AT:
        raise InvalidRuleSet(f"enableAt must be one of {', '.join(_ENABLE_AT)}, not '{rule_set.enable_at}'")
    for list_name, rules in rule_set.lists():
        for rule in rules:
            if not rule.name:
                raise InvalidRuleSet(f"A rule of {list_name} has no name")
            if len(rule.name) > 256 or not _NAME.match(rule.name):
                raise InvalidRuleSet(
                    f"Rule name '{rule.name[:300]}' must have at most 256 letters, digits, '_' or '-' "
                    "and start with a letter or '_'"
                )
            if rule.name in seen:
                raise InvalidRuleSet(f"Found rule with duplicate name '{rule.name}'")
            seen.add(rule.name)
            _validate_rule(list_name, rule)


def _validate_rule(list_name: str, rule: Rule) -> None:
    if not rule.type:
        raise InvalidRuleSet(f"Rule '{rule.name}' has no type")
    if rule.kind not in _KINDS:
        raise InvalidRuleSet(f"Rule '{rule.name}' must be of kind TRANSFORM or CONDITION, not '{rule.kind}'")
    if rule.mode not in _MODES[list_name]:
        modes = ", ".join(_MODES[list_name])
        raise InvalidRuleSet(f"Rule '{rule.name}' of {list_name} must have mode {modes}, not '{rule.mode}'")
    if rule.mode not in _TWO_WAY:
        for which, action in (("onSuccess", rule.on_success), ("onFailure", rule.on_failure)):
            if action is not None and "," in action:
                raise InvalidRuleSet(
                    f"Rule '{rule.name}' names two actions in {which}, which needs mode WRITEREAD or UPDOWN"
                )
    _require_closed(rule)


def _require_closed(rule: Rule) -> None:
    """A rule that keeps plaintext in must not let it out when it fails (facts: encryption 8.2, 9). Raises
    InvalidRuleSet."""
    actions = [each.strip().upper() for each in (rule.on_failure or "ERROR").split(",")]
    if rule.type in _ENCRYPTS and rule.mode in ("WRITE", "WRITEREAD") and actions[0] == "NONE":
        raise InvalidRuleSet(f"Rule '{rule.name}' of type {rule.type} would let plaintext out: onFailure NONE on write")
    if rule.type in _SEALS and any(each not in ("", "ERROR") for each in actions):
        # A client that does not know the type fails with this action: any other would pass plaintext or ciphertext on.
        raise InvalidRuleSet(f"Rule '{rule.name}' of type {rule.type} has onFailure ERROR, on write and on read")


def require_sealable(schema: Schema, metadata: Metadata | None, rule_set: RuleSet | None) -> None:
    """Refuse what a client could not seal. Raises InvalidRuleSet naming field and rule.

    ENCRYPT on a union that may hold something else than text or bytes: clients leave those branches in plaintext,
    without an error (facts: encryption 8.13). SEAL on a number or an enum of Protobuf, whose wire form has no place
    for what is sealed.
    """
    for rule, name, branches in _reached("ENCRYPT", schema.open_unions, metadata, rule_set):
        raise InvalidRuleSet(
            f"Rule '{rule.name}' of type ENCRYPT would leave {' and '.join(branches)} of field {name} in "
            "plaintext: only text and bytes of a union are encrypted"
        )
    for rule, name, kind in _reached("SEAL", schema.unsealable, metadata, rule_set):
        if not rule.tags:  # about all of the message that is written, which its client alone knows
            continue
        raise InvalidRuleSet(
            f"Rule '{rule.name}' of type SEAL has no place for field {name} of type {kind}: declare a field of bytes "
            f'with a number of its own, whose (confluent.field_meta).params say that "tenor.sealed" is "{kind}"'
        )


def _reached(
    type: str,
    fields: Callable[[], Iterable[tuple[str, frozenset[str], _T]]],
    metadata: Metadata | None,
    rule_set: RuleSet | None,
) -> Iterator[tuple[Rule, str, _T]]:
    """Which rules of a type act on which fields, by their tags. Raises InvalidRuleSet if that takes too long."""
    rules = [rule for rule in (rule_set.domain if rule_set else ()) if rule.type == type and not rule.disabled]
    found = list(fields()) if rules else []
    given = metadata.tags if metadata and found else {}
    if len(given) * len(found) > _MOST_COMPARED:
        raise InvalidRuleSet(f"{len(given)} tag patterns are too many for a schema with {len(found)} such fields")
    for name, inline, more in found:
        tags = inline.union(*(tags for text, tags in given.items() if named_by(text, name)))
        for rule in rules:
            if not rule.tags or not tags.isdisjoint(rule.tags):
                yield rule, name, more


_MOST_COMPARED = 100_000
_PARTS = re.compile(r"\*\*(?:\.\*)?|\*|\?|\\.|.", re.DOTALL)


def named_by(text: str, name: str) -> bool:
    """Whether a pattern of tags names a field: `?` is one character and `*` any number within a dotted part, `**`
    crosses the dots. Never slower than pattern times name, whatever the pattern.

    >>> named_by("acme.*.email", "acme.Customer.email"), named_by("acme.*", "acme.a.b"), named_by("**.b", "acme.a.b")
    (True, False, True)
    """
    parts = _PARTS.findall(text)

    def reached(states: set[int]) -> set[int]:
        waiting = list(states)
        for state in waiting:
            if state < len(parts) and parts[state].startswith("*") and state + 1 not in states:
                states.add(state + 1)
                waiting.append(state + 1)
        return states

    states = reached({0})
    for character in name:
        after = set()
        for state in states:
            part = parts[state] if state < len(parts) else ""
            if part.startswith("**") or (part == "*" and character != "."):
                after.add(state)
            elif part in (character, f"\\{character}") or (part == "?" and character != "."):
                after.add(state + 1)
        states = reached(after)
    return len(parts) in states


def merge_metadata(first: Metadata | None, second: Metadata | None) -> Metadata | None:
    """Union by key, the second side winning a key entirely; sensitive names are united."""
    if first is None or second is None:
        return second if first is None else first
    return Metadata(
        tags={**first.tags, **second.tags},
        properties={**first.properties, **second.properties},
        sensitive=first.sensitive | second.sensitive,
    )


def merge_rules(first: tuple[Rule, ...], second: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Rules of the first list whose name recurs later go; the second list is appended."""
    names = {rule.name for rule in second}
    return tuple(rule for rule in first if rule.name not in names) + second


def merge_rule_sets(first: RuleSet | None, second: RuleSet | None) -> RuleSet | None:
    """List by list as `merge_rules`; a name of one list is looked for in the same list only."""
    if first is None or second is None:
        return second if first is None else first
    return RuleSet(
        migration=merge_rules(first.migration, second.migration),
        domain=merge_rules(first.domain, second.domain),
        encoding=merge_rules(first.encoding, second.encoding),
        enable_at=second.enable_at or first.enable_at,
    )


def remove_rules(rule_set: RuleSet, names: frozenset[str]) -> RuleSet:
    """The rule set without the named rules, in all three lists."""

    def keep(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(rule for rule in rules if rule.name not in names)

    return replace(
        rule_set,
        migration=keep(rule_set.migration),
        domain=keep(rule_set.domain),
        encoding=keep(rule_set.encoding),
    )


def metadata_to_json(metadata: Metadata) -> dict[str, Any]:
    """The wire and storage form; empty members are left out."""
    answer: dict[str, Any] = {}
    if metadata.tags:
        answer["tags"] = {path: list(tags) for path, tags in metadata.tags.items()}
    if metadata.properties:
        answer["properties"] = dict(metadata.properties)
    if metadata.sensitive:
        answer["sensitive"] = sorted(metadata.sensitive)
    return answer


def metadata_from_json(data: Mapping[str, Any]) -> Metadata:
    """The inverse of `metadata_to_json`; `null` members count as empty."""
    return Metadata(
        tags={path: tuple(tags or ()) for path, tags in (data.get("tags") or {}).items()},
        properties=dict(data.get("properties") or {}),
        sensitive=frozenset(data.get("sensitive") or ()),
    )


_RULE_KEYS = (
    ("name", "name"),
    ("doc", "doc"),
    ("kind", "kind"),
    ("mode", "mode"),
    ("type", "type"),
    ("tags", "tags"),
    ("params", "params"),
    ("expr", "expr"),
    ("onSuccess", "on_success"),
    ("onFailure", "on_failure"),
)


def rule_to_json(rule: Rule) -> dict[str, Any]:
    """The wire and storage form; `disabled` is always said, empty members are left out."""
    answer = {key: value for key, name in _RULE_KEYS if (value := getattr(rule, name)) not in (None, (), {})}
    if rule.tags:
        answer["tags"] = list(rule.tags)
    return {**answer, "disabled": rule.disabled}


def rule_from_json(data: Mapping[str, Any]) -> Rule:
    """The inverse of `rule_to_json`; what is missing is left for `validate` to name."""
    return Rule(
        name=data.get("name") or "",
        type=data.get("type") or "",
        mode=data.get("mode") or "",
        kind=data.get("kind") or "TRANSFORM",
        doc=data.get("doc"),
        tags=tuple(data.get("tags") or ()),
        params=dict(data.get("params") or {}),
        expr=data.get("expr"),
        on_success=data.get("onSuccess"),
        on_failure=data.get("onFailure"),
        disabled=bool(data.get("disabled")),
    )


def rule_set_to_json(rule_set: RuleSet) -> dict[str, Any]:
    """The wire and storage form; empty lists are left out."""
    answer: dict[str, Any] = {name: [rule_to_json(rule) for rule in rules] for name, rules in rule_set.lists() if rules}
    if rule_set.enable_at:
        answer["enableAt"] = rule_set.enable_at
    return answer


def rule_set_from_json(data: Mapping[str, Any]) -> RuleSet:
    """The inverse of `rule_set_to_json`."""

    def read(key: str) -> tuple[Rule, ...]:
        return tuple(rule_from_json(rule) for rule in data.get(key) or ())

    return RuleSet(read("migrationRules"), read("domainRules"), read("encodingRules"), data.get("enableAt"))
