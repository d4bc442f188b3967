"""Metadata and rule sets: validity and merging."""

import pytest

from registry.errors import InvalidRuleSet
from registry.rules import (
    Metadata,
    Rule,
    RuleSet,
    merge_metadata,
    merge_rule_sets,
    metadata_from_json,
    metadata_to_json,
    remove_rules,
    rule_set_from_json,
    rule_set_to_json,
    validate,
)


def rule(name: str, **given: object) -> Rule:
    return Rule(**{"name": name, "type": "CEL", "mode": "WRITE", **given})  # type: ignore[arg-type] # a row of a table


@pytest.mark.parametrize(
    ("rule_set", "reason"),
    [
        (RuleSet(domain=(rule(""),)), "has no name"),
        (RuleSet(domain=(rule("1a"),)), "start with a letter"),
        (RuleSet(domain=(rule("a b"),)), "letters, digits"),
        (RuleSet(domain=(rule("a" * 257),)), "at most 256"),
        (RuleSet(domain=(rule("a"),), encoding=(rule("a"),)), "duplicate name 'a'"),
        (RuleSet(domain=(rule("a", type=""),)), "has no type"),
        (RuleSet(domain=(rule("a", mode="UPGRADE"),)), "must have mode WRITE"),
        (RuleSet(migration=(rule("a", mode="READ"),)), "must have mode UPGRADE"),
        (RuleSet(domain=(rule("a", kind="MAGIC"),)), "kind TRANSFORM or CONDITION"),
        (RuleSet(domain=(rule("a", on_failure="ERROR,NONE"),)), "two actions in onFailure"),
        (RuleSet(migration=(rule("a", mode="UPGRADE", on_success="A,B"),)), "two actions in onSuccess"),
        (RuleSet(enable_at="SOMEWHERE"), "enableAt"),
    ],
)
def test_a_rule_that_breaks_the_rules(rule_set: RuleSet, reason: str) -> None:
    with pytest.raises(InvalidRuleSet, match=reason):
        validate(rule_set)


def test_valid_rules() -> None:
    validate(RuleSet())
    two_way = RuleSet(
        migration=(rule("up-1", mode="UPDOWN", on_failure="NONE,ERROR"),),
        domain=(rule("_a", mode="WRITEREAD", on_success="A,B"), rule("b", mode="READ")),
        enable_at="CLIENT",
    )
    validate(two_way)
    assert rule_set_from_json(rule_set_to_json(two_way)) == two_way


def test_merging_metadata() -> None:
    first = Metadata({"a": ("PII",), "b": ("X",)}, {"owner": "one", "team": "t"}, frozenset({"team"}))
    second = Metadata({"a": ("SECRET",)}, {"owner": "two"}, frozenset({"owner"}))
    assert merge_metadata(first, second) == Metadata(
        {"a": ("SECRET",), "b": ("X",)}, {"owner": "two", "team": "t"}, frozenset({"team", "owner"})
    )
    assert merge_metadata(None, second) is second
    assert merge_metadata(first, None) is first
    assert metadata_from_json(metadata_to_json(first)) == first
    assert metadata_from_json({"tags": None, "properties": None}) == Metadata()


def test_merging_rules_keeps_an_empty_later_list_and_replaces_by_name() -> None:
    first = RuleSet(domain=(rule("a"), rule("b")), encoding=(rule("e"),), enable_at="ALL")
    second = RuleSet(domain=(rule("a", mode="READ"), rule("c")))
    merged = merge_rule_sets(first, second)
    assert merged is not None
    assert [(each.name, each.mode) for each in merged.domain] == [("b", "WRITE"), ("a", "READ"), ("c", "WRITE")]
    assert merged.encoding == first.encoding
    assert merged.enable_at == "ALL"
    assert remove_rules(merged, frozenset({"a", "e"})).encoding == ()
