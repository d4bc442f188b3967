"""The matching rules, held against what the Rust core of pact-python was observed to accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import datetimes, paths
from contracts.datetimes import Fit
from contracts.errors import InvalidPath
from contracts.matching import Outcome, equal, fullmatch, match_body, match_metadata, outcome, text_of
from contracts.rules import Kind, RuleSet, rule_set
from tests.vectors import shared

HERE = Path(__file__).parent
SHARED = shared("pact-matchers.json")
OBSERVED = json.loads((HERE / "observed_matching.json").read_text())["rows"]
DATETIMES = json.loads((HERE / "observed_datetimes.json").read_text())["rows"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1.0, 2.5]) | st.sampled_from(["", "a", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def judged(example: Any, rules: dict[str, Any], actual: Any) -> Outcome:
    return outcome(match_body(example, actual, rule_set(rules)))


@pytest.mark.vectors
@pytest.mark.parametrize("matcher", SHARED["matchers"], ids=lambda matcher: matcher["id"])
def test_every_matcher_accepts_exactly_the_observed_values(matcher: dict[str, Any]) -> None:
    example = {"v": json.loads(matcher["example_json"])}
    rules = {} if matcher["matchers"] is None else {"$.v": {"combine": "AND", "matchers": matcher["matchers"]}}
    for value in SHARED["values"]:
        actual = {} if value.get("absent") else {"v": json.loads(value["json"])}
        found = judged(example, rules, actual)
        if value.get("absent"):
            assert found is Outcome.MISMATCHES, "no matcher accepts an absent key"
        elif matcher.get("portable") is False:
            assert found is Outcome.UNKNOWN, value["id"]
        else:
            assert (found is Outcome.MATCHES) == (value["id"] in matcher["accepts"]), value["id"]


def test_the_observed_bodies_are_judged_as_the_core_judges_them() -> None:
    undecided = 0
    for row in OBSERVED:
        if row.get("unloadable"):
            assert rule_set(row["rules"]).problems, row
            continue
        for expected, bodies in (
            (Outcome.MATCHES, row.get("accepts", ())),
            (Outcome.MISMATCHES, row.get("rejects", ())),
        ):
            for body in bodies:
                found = judged(row["example"], row["rules"], json.loads(body))
                undecided += found is Outcome.UNKNOWN
                assert found in (expected, Outcome.UNKNOWN), (row, body)
    assert undecided <= 45  # plug-ins' rules, content sniffing, three constructs of Oniguruma


def test_the_observed_dates_and_times_fit_as_the_core_says() -> None:
    for row in DATETIMES:
        for text in row["fits"]:
            assert datetimes.fits(row["pattern"], text) is not Fit.NO, (row["pattern"], text)
        for text in row["fits not"]:
            assert datetimes.fits(row["pattern"], text) is not Fit.YES, (row["pattern"], text)
    assert datetimes.fits("VV", "Europe/Paris") is Fit.UNKNOWN
    assert datetimes.fits("z", "UTC") is Fit.UNKNOWN


PLACES = (
    # expression, place, product x tokens
    ("$", (), 2),
    ("$", ("a",), 2),
    ("$.a", ("a",), 8),
    ("$.a", ("b",), 0),
    ("$.*", ("a",), 4),
    ("$[*]", (0,), 4),
    ("$[*]", ("a",), 0),
    ("$[*]", ("1",), 4),
    ("$[0]", (0,), 8),
    ("$[0]", (1,), 0),
    ("$.a[*].b", ("a", 3, "b"), 32),
    ("$.a[*].b", ("a", 3), 0),
    ("$['a b']", ("a b",), 8),
    ("a.b", ("a", "b"), 24),
    ("$.0", (0,), 8),
)


def test_the_weight_is_the_product_of_the_tokens_times_their_number() -> None:
    for text, place, rank in PLACES:
        assert paths.parse(text).weigh(place).rank == rank, text


REFUSED = (
    "$..a",
    "$.",
    "$[",
    "$[-1]",
    "$[0,1]",
    "$[0:1]",
    "$['']",
    '$["a"]',
    "$.a b",
    "$.$a",
    "$['a\\'b']",
    " $",
    "$a",
)


def test_expressions_that_the_core_refuses_are_refused() -> None:
    for text in REFUSED:
        with pytest.raises(InvalidPath):
            paths.parse(text)


@given(st.lists(st.text(min_size=1).filter(lambda name: "'" not in name) | st.integers(0, 99), max_size=4).map(tuple))
def test_a_printed_place_parses_to_itself(place: paths.Place) -> None:
    assert paths.parse(paths.printed(place)).literal == place


@given(JSON)
def test_a_value_matches_itself_without_rules_and_by_type(value: Any) -> None:
    assert not match_body(value, value, RuleSet())
    assert not match_body(value, value, rule_set({"$": {"matchers": [{"match": "type"}]}}))


@given(JSON, JSON)
def test_equality_without_rules_is_the_strictest_judgement(example: Any, actual: Any) -> None:
    if not match_body(example, actual, RuleSet()):
        assert not match_body(example, actual, rule_set({"$": {"matchers": [{"match": "type"}]}}))


@given(st.sampled_from([kind for kind in Kind if kind is not Kind.PLUGIN]), JSON)
def test_no_matcher_accepts_an_absent_key(kind: Kind, example: Any) -> None:
    rule: dict[str, Any] = {"match": kind.value, "regex": ".*", "value": "", "rules": [], "variants": []}
    assert judged({"v": example}, {"$.v": {"matchers": [rule]}}, {}) is Outcome.MISMATCHES


PROBLEMS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"$.a": {"matchers": "type"}}, "'matchers' must be a list"),
    ({"$.a": {"matchers": ["type"]}}, "a matcher must be an object"),
    ({"$.a": {"matchers": [{"match": "regex"}]}}, "it needs 'regex'"),
    ({"$.a": {"matchers": [{"match": "type", "min": "many"}]}}, "'min' must be a whole number"),
    ({"$.a": {"matchers": [{"match": "arrayContains"}]}}, "'variants' must be a list"),
    ({"$.a": {"matchers": [{"match": "arrayContains", "variants": [{}]}]}}, "a variant needs an index"),
    ({"$.a": {"matchers": [{}]}}, "which matcher"),
    ({"$[": {"matchers": []}}, "does not parse at character 2"),
)


def test_rules_that_cannot_be_read_are_named_and_the_rest_stays_usable() -> None:
    for rules, words in PROBLEMS:
        read = rule_set(rules | {"$.b": {"matchers": [{"match": "type"}]}}, "/matchingRules/body")
        assert len(read.problems) == 1
        assert words in str(read.problems[0])
        assert str(read.problems[0].data["path"]).startswith("/matchingRules/body/")
        assert read.choose(("b",)) is not None


def test_a_rule_that_nests_without_end_is_refused() -> None:
    rule: dict[str, Any] = {"match": "type"}
    for _ in range(60):
        rule = {"match": "eachValue", "rules": [rule]}
    assert "deep" in str(rule_set({"$": {"matchers": [rule]}}).problems[0])


def test_ties_are_told_apart() -> None:
    tied = rule_set({"$.*.a": {"matchers": [{"match": "type"}]}, "$.v.*": {"matchers": [{"match": "equality"}]}})
    assert len(tied.ties(("v", "a"))) == 2
    assert tied.ties(("v", "b")) == ()
    chosen = tied.choose(("v", "a"))
    assert chosen is not None
    assert chosen.expression.text == "$.*.a"


METADATA: tuple[tuple[dict[str, Any], dict[str, Any], dict[str, Any], bool], ...] = (
    ({"k": "v"}, {}, {"k": "v", "more": 1}, True),
    ({"k": "v"}, {}, {"k": "w"}, False),
    ({"k": "v"}, {}, {}, False),
    ({"k": "v"}, {"k": {"matchers": [{"match": "regex", "regex": "\\w"}]}}, {"k": "w"}, True),
    ({"k": "v"}, {"$.k": {"matchers": [{"match": "type"}]}}, {"k": "w"}, True),
    ({"a.b": "v"}, {"$['a.b']": {"matchers": [{"match": "type"}]}}, {"a.b": "w"}, True),
    ({"k": 1}, {}, {"k": "1"}, False),
    ({"k": 1}, {"k": {"matchers": [{"match": "integer"}]}}, {"k": 2}, True),
    ({"Key": "v"}, {}, {"key": "v"}, False),
    ({"contentType": "text/plain"}, {}, {}, True),
    ({"k": None}, {}, {}, False),
)


def test_metadata_is_matched_key_by_key() -> None:
    for example, rules, actual, accepted in METADATA:
        found = match_metadata(example, actual, rule_set(rules, names_only=True))
        assert (not found) == accepted, (example, rules, actual)


def test_regular_expressions_match_the_whole_text_in_the_cores_dialect() -> None:
    for regex, text, fit in (
        ("a|b", "ab", Fit.NO),
        ("(?<n>a)", "a", Fit.YES),
        ("(?P<n>a)", "a", Fit.NO),
        ("\\h+", "af0", Fit.YES),
        ("\\Aa\\z", "a", Fit.YES),
        ("\\x{41}", "A", Fit.YES),
        ("(a", "a", Fit.NO),
        ("\\p{L}", "a", Fit.UNKNOWN),
        ("[[:alpha:]]", "a", Fit.UNKNOWN),
    ):
        assert fullmatch(regex, text) is fit, regex


def test_numbers_keep_their_kind_and_their_text() -> None:
    assert not equal(1, 1.0)
    assert not equal(True, 1)
    assert [text_of(value) for value in (1e-7, 1e20, 1.0, None, [1, "x"], {"b": 1, "a": 2})] == [
        "1e-7",
        "1e+20",
        "1.0",
        "null",
        '[1,"x"]',
        '{"a":2,"b":1}',
    ]


def test_values_nested_without_end_are_unknown_not_a_crash() -> None:
    deep: Any = "x"
    for _ in range(250):
        deep = [deep]
    assert outcome(match_body(deep, deep, RuleSet())) is Outcome.UNKNOWN
