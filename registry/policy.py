"""Which settings hold for a subject: config and mode, global < context < subject.

Records are kept by scope (`registry.store.queries.settings`). The rules are those of facts confluent-api §9.3 and §10:
a subject's own record wins and takes a few absent fields from the global one; a subject without a record takes the
first whole record it finds, unmerged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec

from registry.errors import InvalidConfig, InvalidMode, OperationNotPermitted
from registry.evolution.levels import DEFAULT_LEVEL, LEVELS, Level, level
from registry.formats.base import Policy
from registry.names import DEFAULT_CONTEXT, GLOBAL_CONTEXT, Subject
from registry.rules import (
    Metadata,
    RuleSet,
    merge_metadata,
    merge_rule_sets,
    metadata_from_json,
    metadata_to_json,
    rule_set_from_json,
    rule_set_to_json,
    validate,
)
from registry.store.engine import Db
from registry.store.queries import settings as queries

READWRITE, READONLY, READONLY_OVERRIDE = "READWRITE", "READONLY", "READONLY_OVERRIDE"
IMPORT, FORWARD = "IMPORT", "FORWARD"
MODES = (READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, FORWARD)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one scope; None means not set."""

    level: str | None = None
    group: str | None = None
    policy: str | None = None
    normalize: bool | None = None
    validate_fields: bool | None = None
    validate_new_schemas: bool | None = None
    validate_rules: bool | None = None
    alias: str | None = None
    alias_for_deks: str | None = None
    default_metadata: Metadata | None = None
    override_metadata: Metadata | None = None
    default_rule_set: RuleSet | None = None
    override_rule_set: RuleSet | None = None

    @property
    def merges(self) -> bool:
        """Whether registration adds anything to what a request says."""
        parts = (self.default_metadata, self.override_metadata, self.default_rule_set, self.override_rule_set)
        return any(part is not None for part in parts)

    def merged(self, metadata: Metadata | None, rule_set: RuleSet | None) -> tuple[Metadata | None, RuleSet | None]:
        """Metadata and rules of a registration: default < given < override."""
        return (
            merge_metadata(merge_metadata(self.default_metadata, metadata), self.override_metadata),
            merge_rule_sets(merge_rule_sets(self.default_rule_set, rule_set), self.override_rule_set),
        )


WIRE = {
    "level": "compatibilityLevel",
    "group": "compatibilityGroup",
    "policy": "compatibilityPolicy",
    "normalize": "normalize",
    "validate_fields": "validateFields",
    "validate_new_schemas": "validateNewSchemas",
    "validate_rules": "validateRules",
    "alias": "alias",
    "alias_for_deks": "aliasForDeks",
    "default_metadata": "defaultMetadata",
    "override_metadata": "overrideMetadata",
    "default_rule_set": "defaultRuleSet",
    "override_rule_set": "overrideRuleSet",
}
"""Config fields and their names on the wire and in the store."""

_FILLED_FROM_GLOBAL = (
    "normalize",
    "validate_fields",
    "validate_new_schemas",
    "validate_rules",
    "policy",
    "group",
)


def config_to_json(config: Config) -> dict[str, Any]:
    """The stored form, which is also what GET answers; absent fields are left out."""
    answer: dict[str, Any] = {}
    for name, key in WIRE.items():
        value = getattr(config, name)
        if isinstance(value, Metadata):
            value = metadata_to_json(value)
        elif isinstance(value, RuleSet):
            value = rule_set_to_json(value)
        if value is not None:
            answer[key] = value
    return answer


def config_from_json(data: Mapping[str, Any]) -> Config:
    """The inverse of `config_to_json`; also reads a request's fields, whose level is under `compatibility`."""
    values: dict[str, Any] = {}
    for name, key in WIRE.items():
        value = data.get(key)
        if value is None:
            continue
        if name.endswith("_metadata"):
            value = metadata_from_json(value)
        elif name.endswith("_rule_set"):
            value = rule_set_from_json(value)
        values[name] = value
    return Config(**values)


def changed(config: Config, change: Mapping[str, Any]) -> Config:
    """A record after a PUT: a key that is absent keeps its value, an explicit null clears it.

    `change` has wire names (`compatibility` for the level). Raises InvalidLevel, InvalidConfig, InvalidRuleSet.
    """
    change = {("compatibilityLevel" if key == "compatibility" else key): value for key, value in change.items()}
    if change.get("compatibilityLevel") is not None:
        change["compatibilityLevel"] = level(str(change["compatibilityLevel"])).name
    if (policy := change.get("compatibilityPolicy")) is not None:
        if str(policy).upper() not in Policy.__members__:
            raise InvalidConfig(f"Invalid compatibility policy '{policy}'. Valid values are strict, lenient, logical")
        change["compatibilityPolicy"] = str(policy).upper()
    given = config_from_json(change)
    for rule_set in (given.default_rule_set, given.override_rule_set):
        if rule_set is not None:
            validate(rule_set)
    names = {key: name for name, key in WIRE.items()}
    return replace(config, **{names[key]: getattr(given, names[key]) for key in change if key in names})


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for a subject. `epoch` moves with every change of any config or mode.

    `guarded`: there are policies, of whichever scope, that somebody may object with (`registry.objections`).
    """

    config: Config
    mode: str
    epoch: int
    guarded: bool = False

    @property
    def level(self) -> Level:
        return LEVELS[self.config.level or DEFAULT_LEVEL]

    @property
    def policy(self) -> Policy:
        return Policy(self.config.policy or Policy.STRICT)

    @property
    def importing(self) -> bool:
        """Whether clients bring their own ids."""
        return self.mode in (IMPORT, FORWARD)

    def require_writable(self, subject: Subject) -> None:
        """Raises OperationNotPermitted in a read-only mode."""
        if self.mode in (READONLY, READONLY_OVERRIDE):
            raise not_in_mode(subject, "is in read-only mode")


def not_in_mode(subject: Subject, what: str) -> OperationNotPermitted:
    """The refusal of a mode, in the words that scripts match on."""
    return OperationNotPermitted(
        f"Subject {subject.name} in context {printed(subject.context)} {what}", subject=str(subject)
    )


def printed(context: str) -> str:
    """A context as refusals print it: the default one is nothing."""
    return "" if context == DEFAULT_CONTEXT else f":{context}:"


def scopes(subject: Subject) -> list[str]:
    """The scopes that can hold settings for a subject, nearest first."""
    wider = [str(Subject(subject.context, "")), str(Subject(GLOBAL_CONTEXT, ""))]
    return list(dict.fromkeys([str(subject), *wider]))


def wider_scopes(context: str) -> list[str]:
    """The scopes whose settings can hold for subjects of a context that have none of their own."""
    return list(dict.fromkeys([*scopes(Subject(context, "")), ""]))


def effective(db: Db, subject: Subject, server: Config = Config()) -> Effective:
    """The config and mode that hold for a subject (or a context, or globally). `server` is the built-in default."""
    names = scopes(subject)
    configs, modes, epoch, guarded = queries.read(db, list(dict.fromkeys([*names, ""])))
    return Effective(_effective_config(names, configs, server), _effective_mode(names, modes), epoch, guarded)


def resolved(db: Db, subject: Subject, server: Config = Config()) -> tuple[Subject, Effective]:
    """The subject that a name means, its own config's alias followed once, with what holds there."""
    names = scopes(subject)
    configs, modes, epoch, guarded = queries.read(db, list(dict.fromkeys([*names, ""])))
    own = configs.get(str(subject))
    if own is not None and (target := config_from_json(msgspec.json.decode(own)).alias):
        aliased = Subject.parse(target, subject.context)
        return aliased, effective(db, aliased, server)
    return subject, Effective(_effective_config(names, configs, server), _effective_mode(names, modes), epoch, guarded)


def config_among(subject: Subject, bodies: Mapping[str, str], server: Config = Config()) -> Config:
    """The config that holds for a subject, from records read before: JSON by scope, its own and `wider_scopes`."""
    return _effective_config(scopes(subject), bodies, server)


def _effective_mode(names: Sequence[str], modes: Mapping[str, str]) -> str:
    """The nearest mode, unless a wider one is READONLY_OVERRIDE: what a whole cluster is closed with."""
    if READONLY_OVERRIDE in (modes.get(""), modes.get(str(Subject(GLOBAL_CONTEXT, "")))):
        return READONLY_OVERRIDE
    return next((modes[name] for name in names if name in modes), READWRITE)


def _effective_config(names: list[str], bodies: Mapping[str, str], server: Config) -> Config:
    records = {name: config_from_json(msgspec.json.decode(body)) for name, body in bodies.items()}
    found = next((name for name in names if name in records), None)
    if found is None:
        config = server
    else:
        config = records[found]
        outer = records.get("")
        if found == names[0] and found != "" and outer is not None:
            absent = {name: getattr(outer, name) for name in _FILLED_FROM_GLOBAL if getattr(config, name) is None}
            config = replace(config, **absent)
    return config if config.level else replace(config, level=server.level or DEFAULT_LEVEL)


def mode_named(text: str) -> str:
    """A mode in any case. Raises InvalidMode."""
    if text.upper() not in MODES:
        raise InvalidMode(text)
    return text.upper()


assert set(WIRE) == {field.name for field in fields(Config)}
