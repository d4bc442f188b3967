"""Rules and rule sets as a registry sends them, and which tags a field has. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tenor.codecs.fields import Slot
from tenor.errors import RuleFailed, UnusableRule

WRITE: Final = "WRITE"
READ: Final = "READ"
CONDITION: Final = "CONDITION"
TRANSFORM: Final = "TRANSFORM"
ERROR: Final = "ERROR"
NONE: Final = "NONE"
DLQ: Final = "DLQ"
ACTIONS: Final = frozenset({ERROR, NONE, DLQ})
HERE: Final = frozenset({"ALL", "CLIENT"})
"""`enableAt`: rules for gateways and servers are theirs."""
SEALING: Final = frozenset({"ENCRYPT", "ENCRYPT_PAYLOAD", "SEAL", "SEAL_PAYLOAD"})
"""Types of rules that keep plaintext in."""


class BodyErased(Exception):
    """A body whose key was erased, where the schema says that it then counts as nothing."""


class Opened(NamedTuple):
    """An event some of whose values were erased: the paths tell which."""

    data: Any
    erased: tuple[str, ...]


def is_beside(subject: Any) -> bool:
    """Whether a `tenor.dataSubject` stands beside the value: in a header, or in the record's key."""
    return str(subject or "").partition(":")[0] in ("header", "key")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `params` already has the schema's properties beneath it; `own` are the names of the rule itself."""

    name: str
    type: str
    kind: str = TRANSFORM
    mode: str = "WRITEREAD"
    tags: frozenset[str] = frozenset()
    params: Mapping[str, str] = field(default_factory=dict)
    expr: str = ""
    on_success: str = ""
    on_failure: str = ""
    own: frozenset[str] = frozenset()

    def runs_in(self, mode: str) -> bool:
        """Whether it runs on writing, or on reading."""
        return self.mode in (mode, "WRITEREAD")

    def action(self, mode: str, *, failed: bool) -> str:
        """What to do after it: the second of two actions belongs to reading."""
        text = self.on_failure if failed else self.on_success
        actions = [each.strip().upper() for each in text.split(",")] if text else []
        chosen = actions[1 if mode == READ and len(actions) > 1 else 0] if actions else ""
        return chosen or (ERROR if failed else NONE)

    @property
    def looks_beside(self) -> bool:
        """Whether it asks for more of a record than its value: the key, or a header."""
        return bool(self.params.get("tenor.bind")) or is_beside(self.params.get("tenor.dataSubject"))

    def refused(self, reason: str) -> UnusableRule:
        """The error for a rule that cannot be run."""
        return UnusableRule(rule=self.name, type=self.type, reason=reason)

    def failed(self, reason: str, mode: str, path: str = "") -> RuleFailed:
        """The error for a rule that failed."""
        return self._failure(self.action(mode, failed=True), reason, mode, path)

    def objected(self, mode: str) -> RuleFailed:
        """The error for a rule that held, and asks for that to be refused."""
        return self._failure(self.action(mode, failed=False), "it holds, and asks for that to be refused", mode, "")

    def _failure(self, action: str, reason: str, mode: str, path: str) -> RuleFailed:
        topic = self.params.get("dlq.topic", "") if action == DLQ else ""
        return RuleFailed(
            rule=self.name, type=self.type, reason=reason, path=path, action=action, dead_letter=topic, mode=mode
        )


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules that run in a client: on the event, and on the encoded body."""

    domain: tuple[Rule, ...] = ()
    encoding: tuple[Rule, ...] = ()

    def of(self, mode: str) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Domain and encoding rules of a mode, in the order they run in: reading undoes writing."""

        def chosen(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
            some = tuple(rule for rule in rules if rule.runs_in(mode))
            return some[::-1] if mode == READ else some

        return chosen(self.domain), chosen(self.encoding)


def parse(rule_set: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None) -> RuleSet:
    """Read a registry's JSON. Disabled rules and those of gateways are left out. Raises UnusableRule."""
    if not rule_set or str(rule_set.get("enableAt") or "ALL").upper() not in HERE:
        return RuleSet()
    properties = {str(key): str(value) for key, value in ((metadata or {}).get("properties") or {}).items()}

    def read(key: str) -> tuple[Rule, ...]:
        return tuple(_rule(each, properties) for each in rule_set.get(key) or () if not each.get("disabled"))

    return RuleSet(read("domainRules"), read("encodingRules"))


def _rule(data: Mapping[str, Any], properties: Mapping[str, str]) -> Rule:
    params = {str(key): str(value) for key, value in (data.get("params") or {}).items() if value is not None}
    rule = Rule(
        str(data.get("name") or ""),
        str(data.get("type") or "").upper(),
        str(data.get("kind") or TRANSFORM).upper(),
        str(data.get("mode") or "").upper(),
        frozenset(map(str, data.get("tags") or ())),
        {**properties, **params},
        str(data.get("expr") or ""),
        str(data.get("onSuccess") or ""),
        str(data.get("onFailure") or ""),
        frozenset(params),
    )
    if rule.kind not in (CONDITION, TRANSFORM):
        raise rule.refused(f"its kind is {rule.kind}")
    for mode in (WRITE, READ):
        for failed in (False, True):
            if (action := rule.action(mode, failed=failed)) not in ACTIONS:
                raise rule.refused(f"this client does not know the action {action}")
    return rule


# --- tags ------------------------------------------------------------------------------------------------------


def tagger(metadata: Mapping[str, Any] | None) -> Callable[[Slot], frozenset[str]]:
    """A function from slots to their tags: those in the schema and those that metadata give by pattern."""
    given = (metadata or {}).get("tags") or {}
    patterns = [(pattern(str(text)), frozenset(map(str, tags or ()))) for text, tags in given.items()]
    if not patterns:
        return lambda slot: slot.tags

    def tags_of(slot: Slot) -> frozenset[str]:
        return slot.tags.union(*(tags for matches, tags in patterns if matches(slot.full_name)))

    return tags_of


def pattern(text: str) -> Callable[[str], bool]:
    """Names by pattern: `?` is one character and `*` any number within a dotted part, `**` crosses the dots.

    >>> pattern("acme.*.email")("acme.Customer.email"), pattern("acme.*")("acme.a.b"), pattern("**.b")("acme.a.b")
    (True, False, True)
    """
    parts: list[str] = []
    for token in re.findall(r"\*\*(?:\.\*)?|\*|\?|\\.|.", text, re.DOTALL):
        if token.startswith("**"):
            parts.append(".*")
        elif token == "*":  # noqa: S105 # a wildcard
            parts.append(r"[^.]*")
        elif token == "?":  # noqa: S105 # a wildcard
            parts.append(r"[^.]")
        else:
            parts.append(re.escape(token[1:] if len(token) == 2 else token))
    matches = re.compile("".join(parts)).fullmatch
    return lambda name: matches(name) is not None


def tagged(rule: Rule, tags: frozenset[str]) -> bool:
    """Whether a rule is about a field of these tags; one without tags is about every field."""
    return not rule.tags or not rule.tags.isdisjoint(tags)
