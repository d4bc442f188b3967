"""Metadata and rule sets: validity and merging."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.errors import InvalidRuleSet
from registry.formats.avro.schema import AvroFormat
from registry.formats.base import Schema, Source
from registry.rules import (
    Metadata,
    Rule,
    RuleSet,
    merge_metadata,
    merge_rule_sets,
    metadata_from_json,
    metadata_to_json,
    named_by,
    remove_rules,
    require_sealable,
    rule_set_from_json,
    rule_set_to_json,
    validate,
)
from tenor.rules.model import pattern


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
        (RuleSet(domain=(rule("a", type="ENCRYPT", on_failure="NONE"),)), "plaintext out"),
        (RuleSet(domain=(rule("a", type="ENCRYPT", mode="WRITEREAD", on_failure=" none ,ERROR"),)), "plaintext out"),
        (RuleSet(encoding=(rule("a", type="ENCRYPT_PAYLOAD", on_failure="NONE"),)), "plaintext out"),
        (RuleSet(domain=(rule("a", type="SEAL", on_failure="NONE"),)), "onFailure ERROR"),
        (RuleSet(domain=(rule("a", type="SEAL", mode="READ", on_failure="DLQ"),)), "onFailure ERROR"),
        (RuleSet(encoding=(rule("a", type="SEAL_PAYLOAD", mode="WRITEREAD", on_failure="ERROR,NONE"),)), "ERROR"),
    ],
)
def test_a_rule_that_breaks_the_rules(rule_set: RuleSet, reason: str) -> None:
    with pytest.raises(InvalidRuleSet, match=reason):
        validate(rule_set)


def test_valid_rules() -> None:
    validate(RuleSet())
    two_way = RuleSet(
        migration=(rule("up-1", mode="UPDOWN", on_failure="NONE,ERROR"),),
        domain=(
            rule("_a", mode="WRITEREAD", on_success="A,B"),
            rule("b", mode="READ"),
            rule("c", type="ENCRYPT", mode="READ", on_failure="NONE"),
            rule("d", type="ENCRYPT", mode="WRITEREAD", on_failure="ERROR,NONE"),
            rule("e", type="ENCRYPT"),
            rule("f", type="SEAL", mode="WRITEREAD", on_failure="ERROR,ERROR"),
            rule("g", type="SEAL"),
        ),
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


def avro(*fields: str) -> Schema:
    text = f'{{"type": "record", "name": "R", "namespace": "n", "fields": [{", ".join(fields)}]}}'
    return AvroFormat().parse(Source(text))


PII = '"confluent:tags": ["PII"]'
ENCRYPTS = RuleSet(domain=(rule("e", type="ENCRYPT", tags=("PII",)),))
DISABLED = RuleSet(domain=(rule("e", type="ENCRYPT", tags=("PII",), disabled=True),))


@pytest.mark.parametrize(
    ("field", "branches"),
    [
        (f'{{"name": "f", "type": ["null", "int"], {PII}}}', "int"),
        (f'{{"name": "f", "type": ["string", "double", "boolean"], {PII}}}', "double and boolean"),
        (f'{{"name": "f", "type": {{"type": "array", "items": ["null", "long"]}}, {PII}}}', "long"),
        (f'{{"name": "f", "type": ["null", {{"type": "map", "values": ["null", "float"]}}], {PII}}}', "float"),
        (f'{{"name": "f", "type": ["null", {{"type": "enum", "name": "E", "symbols": ["A"]}}], {PII}}}', "n.E"),
        (f'{{"name": "f", "type": ["null", {{"type": "fixed", "name": "F", "size": 4}}], {PII}}}', "n.F"),
    ],
)
def test_a_union_that_would_stay_in_plaintext_is_refused(field: str, branches: str) -> None:
    with pytest.raises(InvalidRuleSet, match=rf"'e' .* leave {branches} of field n\.R\.f in"):
        require_sealable(avro(field), None, ENCRYPTS)


@pytest.mark.parametrize(
    ("field", "metadata", "rules"),
    [
        (f'{{"name": "f", "type": ["null", "string", "bytes"], {PII}}}', None, ENCRYPTS),
        ('{"name": "f", "type": ["null", "int"]}', None, ENCRYPTS),
        ('{"name": "f", "type": ["null", "int"]}', Metadata({"n.R.g": ("PII",)}), ENCRYPTS),
        (f'{{"name": "f", "type": "int", {PII}}}', None, ENCRYPTS),  # an error in clients, not plaintext
        (f'{{"name": "f", "type": ["null", "int"], {PII}}}', None, None),
        (f'{{"name": "f", "type": ["null", "int"], {PII}}}', None, RuleSet(domain=(rule("s", type="SEAL"),))),
        (f'{{"name": "f", "type": ["null", "int"], {PII}}}', None, DISABLED),
    ],
)  # fmt: skip
def test_what_no_rule_leaves_in_plaintext_is_taken(
    field: str, metadata: Metadata | None, rules: RuleSet | None
) -> None:
    require_sealable(avro(field), metadata, rules)


def test_tags_by_pattern_and_rules_without_tags_count() -> None:
    field = '{"name": "f", "type": ["null", "int"]}'
    for metadata, rules in (
        (Metadata({"**.f": ("PII",)}), ENCRYPTS),
        (None, RuleSet(domain=(rule("e", type="ENCRYPT"),))),
    ):
        with pytest.raises(InvalidRuleSet, match="plaintext"):
            require_sealable(avro(field), metadata, rules)
    many = Metadata({f"x{n}": ("PII",) for n in range(100_001)})
    with pytest.raises(InvalidRuleSet, match="too many"):
        require_sealable(avro(field), many, ENCRYPTS)


@given(
    text=st.lists(st.sampled_from(["a", "b", ".", "*", "**", "?", "\\.", "**.*"]), max_size=9).map("".join),
    name=st.text("ab.", max_size=10),
)
@example(text="**a" * 60, name="a" * 200 + "b")
@example(text="*", name="")
def test_patterns_name_what_the_clients_say(text: str, name: str) -> None:
    if len(text) < 100:  # the client's regular expression takes for ever
        assert named_by(text, name) == pattern(text)(name)
    else:
        assert not named_by(text, name)
