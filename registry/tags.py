"""Tagging: a new version of a subject, made from one of its versions by changing tags, metadata and rules.

Facts: confluent-api §13. The text is taken from the version that is tagged; rules that are merged or removed start from
the version before the new one, so that two changes in a row add up. Tags of a registration itself (`schemaTagsToAdd`)
are in `registry.registration`.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry import registration, subjects
from registry.formats.base import Tagging
from registry.names import Subject
from registry.objections import Objector
from registry.policy import Config
from registry.registration import Proposal, Registered, Registration
from registry.rules import VERSION_PROPERTY, Metadata, RuleSet, merge_rule_sets, remove_rules
from registry.store.engine import Db, Settled
from registry.store.queries import schemas
from registry.store.queries.schemas import Version


@dataclass(frozen=True, slots=True)
class Change:
    """What a new version has that the tagged one has not. None means: not said; `new_version` 0 the same.

    `metadata` replaces what is there. `rule_set` replaces the rules, unless rules are to be merged or removed.
    """

    new_version: int = 0
    add: tuple[Tagging, ...] = ()
    remove: tuple[Tagging, ...] = ()
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    rules_to_merge: RuleSet | None = None
    rules_to_remove: tuple[str, ...] | None = None

    @property
    def edits_rules(self) -> bool:
        return self.rules_to_merge is not None or self.rules_to_remove is not None


def edited(rules: RuleSet | None, change: Change) -> RuleSet | None:
    """The rules of the new version; None leaves them to be inherited from the latest one, as in any registration."""
    if not change.edits_rules:
        return change.rule_set
    merged = merge_rule_sets(rules, change.rules_to_merge)
    return None if merged is None else remove_rules(merged, frozenset(change.rules_to_remove or ()))


def tagged(version: Version, rules: RuleSet | None, change: Change) -> Registration:
    """The registration that makes the new version; `rules` are those that an edit starts from."""
    content = version.content
    metadata = change.metadata or content.metadata or Metadata()
    return Registration(
        subject=version.subject,
        text=content.text,
        format=content.format,
        references=content.references,
        # A number of its own makes it a new version whatever else is the same; registering corrects the number.
        metadata=metadata.with_property(VERSION_PROPERTY, str(change.new_version)),
        rule_set=edited(rules, change),
        version=change.new_version,
        tags_to_add=change.add,
        tags_to_remove=change.remove,
    )


def decide(
    db: Db, subject: Subject, number: int, change: Change, server: Config, objector: Objector | None = None
) -> Proposal | Settled[Registered]:
    """Decide a tagging, for `registry.registration.commit`.

    Raises SubjectNotFound, VersionNotFound, InvalidSchema (no such entity) and what a registration raises.
    """
    version = subjects.version(db, subject, number)
    rules = _earlier_rules(db, subject, change.new_version) if change.edits_rules else None
    return registration.decide(db, tagged(version, rules, change), server, objector=objector)


def _earlier_rules(db: Db, subject: Subject, new_version: int) -> RuleSet | None:
    earlier = schemas.version(db, subject, new_version - 1) if new_version > 1 else None
    earlier = earlier or schemas.latest(db, subject)
    return None if earlier is None else earlier.content.rule_set
