"""Events: texts out of patterns, the plain form, validity, samples, and events that break a reader."""

from __future__ import annotations

import json
import time
from itertools import islice
from random import Random
from typing import Any

import pytest

from registry.formats.base import Finding, Source, Verdict
from registry.formats.json_schema import FORMAT, JsonSchema, patterns, regexes
from registry.formats.json_schema.languages import found_wherever
from registry.formats.json_schema.official import official
from registry.formats.json_schema.plain import TooLarge, plain
from registry.formats.json_schema.sampling import samples
from registry.formats.json_schema.semantics import semantic, witness
from registry.formats.json_schema.shrinking import shrunk
from registry.formats.json_schema.validity import Undecided, Validity

S: dict[str, Any] = {"type": "string"}
D4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
D19 = {"$schema": "https://json-schema.org/draft/2019-09/schema"}
D20 = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def parse(value: Any, *references: tuple[str, Source]) -> JsonSchema:
    return FORMAT.parse(Source(value if isinstance(value, str) else json.dumps(value), references))


# -------------------------------------------------------------------------------------------------------- patterns


SAMPLED = [
    "abc", "^a", "b$", "^[a-z]{3,5}$", "^(foo|bar)+$", r"^\d{4}-\d{2}-\d{2}$", "^[^a-z]+$", r"^\w+@\w+\.com$", "a?b*c+",
    r"^\p{Lu}\p{Ll}+$", "^(?:x|y){2}z$", "^(?<year>[0-9]+)$", r"^[\w.-]+$", r"^\x41\u0042\u{43}$", "^.{3}$", "", "^$",
    r"^\S\s\D$", "[]-a]", r"^[\]\\-]$", "^a{0}b$", "(a|b|)c", r"\.\*\$", "^[-a]$", "^[a-]$",
]  # fmt: skip
NOT_READ = ["(", "[a", "a{2", "a{3,1}", "*", r"\1(a)", "(?P=x)", "a++", "[[a]]", r"\p{Script=Greek}", "x" * 3_000]
EVERYTHING = ["", "a*", "^", "$", "^a*", "a*$", "(a|b?)", "x|y*", "[a-z]*", "(a*)*", "^|b"]
NOT_EVERYTHING = ["a", "^$", "^a*$", "a+", r"\b", "(?=a)", "^.*$", "x|y", "(", "b^*c"]


def test_texts_are_sampled_from_patterns() -> None:
    for pattern in SAMPLED:
        texts = [regexes.sample(pattern, Random(seed)) for seed in range(20)]
        assert all(text is not None and patterns.matches(pattern, text) for text in texts), (pattern, texts)
    for pattern in NOT_READ:
        assert regexes.sample(pattern, Random(0)) is None, pattern
    assert len(regexes.sample("a", Random(0), length=50) or "") == 50


def test_patterns_that_are_found_in_every_text() -> None:
    for pattern in EVERYTHING:
        assert regexes.matches_everything(pattern), pattern
        assert all(patterns.matches(pattern, text) for text in ("", "a", "zz", "\n"))
    for pattern in NOT_EVERYTHING:
        assert not regexes.matches_everything(pattern), pattern


# one pattern, another, whether the other is found wherever the one is
INCLUDED: list[tuple[str, str, bool | None]] = [
    ("^a", "a+", True),
    ("a+", "^a", False),
    ("^[a-z]+$", "^[a-zA-Z]+$", True),
    ("^.$", "^.{1,2}$", True),
    ("^.$", r"^[^\n\r]$", False),
    ("^a|b$", "a|b", True),
    ("^$", "a*", True),
    (r"^\d{4}-\d{2}$", "^[0-9-]+$", True),
    ("^(a|b)*$", "^[ab]*$", True),
    (r"^([a-z]{1,50}\.){1,5}$", "^[a-z.]+$", True),
    ("^(a+)+$", "^a*$", True),
    (r"\bfoo", "foo", None),
    ("^^a", "a", None),
    ("(", "a", None),
    ("a{1000}", "a", None),
]
CROSSED = ["^a", "b$", "^[a-c]+$", "a*", "^x-", "^a{1,3}$", "ab", "^(a|bc)+$", "[^a]", "^.$", "^$", "a.b", "c?a+b$"]


def test_patterns_found_wherever_others_are() -> None:
    for narrow, wide, expected in INCLUDED:
        assert found_wherever(narrow, wide) is expected, (narrow, wide)
    random = Random(3)
    for narrow in CROSSED:
        texts = [regexes.sample(narrow, random) or "" for _ in range(40)]
        texts += ["".join(random.choices("abcx-", k=random.randint(0, 5))) for _ in range(150)]
        texts = [text for text in texts if patterns.matches(narrow, text)]
        for wide in CROSSED:
            missed = [text for text in texts if not patterns.matches(wide, text)]
            assert found_wherever(narrow, wide) is not bool(missed), (narrow, wide, missed[:1])


# ------------------------------------------------------------------------------------------------ plain and validity

PLAIN: list[tuple[Any, Any]] = [
    (True, True),
    ({**D4, "maximum": 3, "exclusiveMaximum": True, "minimum": 1}, {"minimum": 1, "exclusiveMaximum": 3}),
    ({**D4, "const": 1, "contains": {}, "if": {}}, {}),
    ({"title": "t", "format": "date", "contentEncoding": "base64", "default": 3, "x": 1}, {}),
    ({"items": [S], "additionalItems": False}, {"prefixItems": [S], "items": False}),
    ({"items": S, "additionalItems": False}, {"items": S}),
    ({"additionalItems": False}, {}),
    ({"dependencies": {"a": ["b"], "c": S}}, {"dependentSchemas": {"c": S}, "dependentRequired": {"a": ["b"]}}),
    ({**D20, "dependencies": {"a": ["b"]}, "additionalItems": False}, {}),
    ({"definitions": {"s": S}, "$ref": "#/definitions/s", "maxLength": 3}, {"$ref": "#/$defs/d0"}),
    ({**D19, "$defs": {"s": S}, "$ref": "#/$defs/s", "maxLength": 3}, {"$ref": "#/$defs/d0", "maxLength": 3}),
    ({"maxLength": 2.0, "multipleOf": 1e1, "pattern": "a*", "uniqueItems": False}, {"maxLength": 2, "multipleOf": 10}),
    ({"minContains": 2, "contains": S}, {"contains": S}),
    ({**D20, "minContains": 2, "contains": S}, {"contains": S, "minContains": 2}),
]


def test_plain_form() -> None:
    for value, expected in PLAIN:
        assert plain(parse(value).graph).root == expected, value
    with pytest.raises(TooLarge):
        plain(parse({"properties": {f"p{index}": {} for index in range(30_000)}}).graph)


# schema, valid events, invalid events
JUDGED: list[tuple[Any, list[Any], list[Any]]] = [
    ({"type": "integer"}, [1, -2, 10**30], [1.5, "1", True, None]),
    ({"type": ["number", "null"]}, [1.5, None], [True, ""]),
    ({"const": 1}, [1], [True, 2, "1"]),
    ({"enum": [0, False, "", {"a": [1]}]}, [0, False, "", {"a": [1]}], [None, {"a": [True]}, []]),
    ({"maximum": 9007199254740992}, [9007199254740992], [9007199254740993]),
    ({"multipleOf": 0.1}, [0.3, 1, 4.35e1], [0.25]),
    ({"maxLength": 1}, ["é", "😀", 5], ["ab"]),
    ({"uniqueItems": True}, [[1, True, "1"], [[], {}]], [[1, 1], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]]),
    ({"properties": {"a": S}, "additionalProperties": False}, [{"a": ""}, 3], [{"b": 1}, {"a": 1}]),
    ({"patternProperties": {"^x": S}, "additionalProperties": False}, [{"x1": ""}], [{"x": 1}, {"y": ""}]),
    ({"propertyNames": {"maxLength": 1}}, [{"a": 1}], [{"ab": 1}]),
    ({"dependencies": {"a": ["b"], "c": {"minProperties": 2}}}, [{}, {"a": 1, "b": 1}], [{"a": 1}, {"c": 1}]),
    ({"contains": S}, [["", 1]], [[], [1]]),
    ({**D20, "contains": S, "minContains": 0, "maxContains": 1}, [[], ["", 1]], [["", ""]]),
    ({"oneOf": [{"minimum": 1}, {"maximum": 3}]}, [0, 5], [2, "x"]),
    ({"not": {"type": "string"}}, [1], [""]),
    ({"if": S, "then": {"minLength": 1}, "else": {"minimum": 0}}, ["a", 0, []], ["", -1]),
    ({**D20, "allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False}, [{"a": 1}], [{"b": 1}]),
    ({**D20, "anyOf": [{"properties": {"a": S}}, {"properties": {"b": S}}], "unevaluatedProperties": False},
     [{"a": "", "b": ""}], [{"a": 1, "b": 1}, {"c": 1}]),
    ({**D20, "prefixItems": [S], "unevaluatedItems": False}, [[""], []], [["", 1]]),
    ({**D20, "contains": S, "unevaluatedItems": {"type": "null"}}, [["", None]], [["", 1]]),
    ({"properties": {"next": {"$ref": "#"}}, "required": ["v"]}, [{"v": 1, "next": {"v": 1}}], [{"v": 1, "next": {}}]),
]  # fmt: skip


def test_validity_is_that_of_the_real_validator() -> None:
    for value, valid, invalid in JUDGED:
        schema = parse(value)
        ours, real = Validity(plain(schema.graph)), official(schema)
        for events, expected in ((valid, True), (invalid, False)):
            for event in events:
                assert ours.holds(event) is expected, (value, event)
                assert real.valid(event) is expected, (value, event)
                assert (real.complaint(event) is None) is expected


def test_texts_whose_names_are_no_uris_are_judged() -> None:
    street = Source('{"properties": {"city": {"$ref": "ß.json"}}}', (("ß.json", Source('{"type": "string"}')),))
    real = official(parse({"properties": {"ort": {"$ref": "défs/a b.json"}}}, ("défs/a b.json", street)))
    assert real.valid({"ort": {"city": "x"}}) is True
    assert real.valid({"ort": {"city": 1}}) is False


def test_what_can_not_be_judged_is_not() -> None:
    loop = parse({"allOf": [{"$ref": "#"}]})
    with pytest.raises(Undecided):
        Validity(plain(loop.graph)).holds(1)
    with pytest.raises(TooLarge):
        official(loop)
    with pytest.raises(Undecided):
        Validity(plain(parse({"pattern": r"(?=(a|aa)+$)\1"}).graph)).holds("a" * 20_000)
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(60)}
    bomb = parse({"$ref": "#/definitions/d0", "definitions": {**definitions, "d60": S}})
    started = time.process_time()
    with pytest.raises(TooLarge):
        official(bomb)
    with pytest.raises(Undecided):
        Validity(plain(bomb.graph)).holds("x")
    assert list(samples(bomb)) == []
    assert time.process_time() - started < 2


# --------------------------------------------------------------------------------------------------------- samples

SAMPLES: list[Any] = [
    {}, True, S, {"type": ["integer", "null"]}, {"type": "string", "pattern": "^[a-z]{3}-\\d+$", "minLength": 8},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 5, "multipleOf": 7}}},
    {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"enum": [1, 2, 3, 4]}},
    {"type": "array", "minItems": 2, "contains": {"const": "x"}, "items": S},
    {"type": "object", "minProperties": 3, "propertyNames": {"pattern": "^k[0-9]$"}},
    {"oneOf": [{"type": "object", "required": ["k"], "properties": {"k": {"const": "a"}}},
               {"type": "object", "required": ["k"], "properties": {"k": {"const": "b"}}}]},
    {"type": "object", "properties": {"v": S, "next": {"$ref": "#"}}, "required": ["v"], "additionalProperties": False},
    {"allOf": [{"minimum": 3}, {"maximum": 4}, {"type": "number"}, {"not": {"const": 3}}]},
    {"if": {"properties": {"k": {"const": 1}}, "required": ["k"]}, "then": {"required": ["x"]}, "type": "object"},
    {**D20, "type": "object", "properties": {"a": S}, "unevaluatedProperties": False},
    {**D4, "type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1},
    {"type": "object", "dependencies": {"a": ["b"], "b": {"required": ["c"]}}, "properties": {"a": S, "b": S, "c": S}},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"const": {"deep": [1, {"x": None}]}},
]  # fmt: skip


def test_samples_are_valid_and_varied() -> None:
    for value in SAMPLES:
        schema = parse(value)
        real = official(schema)
        found = list(islice(samples(schema, seed=3), 400))
        assert found[0].kind == "minimal", value
        assert len(found) == 400, value
        assert found[-1].kind == "random"
        for sample in found:
            assert real.valid(json.loads(json.dumps(sample.event))), (value, sample)
    kinds = {sample.kind for sample in islice(samples(parse(SAMPLES[5])), 200)}
    assert kinds == {"minimal", "maximal", "edge", "random"}
    smallest = next(samples(parse(SAMPLES[5]))).event
    assert smallest == {"a": 7}


CHOICES: dict[str, Any] = {
    "type": "object",
    "required": ["status", "count", "who", "free"],
    "properties": {
        "status": {"enum": ["A", "B", "C", 4, None]},
        "count": {"type": "integer", "minimum": -3, "exclusiveMaximum": 100},
        "who": {
            "oneOf": [
                {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 4}}},
                {"type": "null"},
                {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 1, "maxItems": 3},
            ]
        },
        "free": {"type": ["string", "boolean", "number"]},
        "note": {"type": "string", "minLength": 2},
        "many": {"type": "array", "items": {"type": "integer"}, "maxItems": 40},
        "below": {"$ref": "#"},
    },
}
TAKEN: dict[str, list[Any]] = {
    "status": ["A", "B", "C", 4, None],
    "count": [-3, -1, 0, 1, 99],
    "who": [None, {"name": ""}, {"name": "a"}, {"name": "😀"}, {"name": "aaaa"}, [1], [2], [3], [1, 1, 1]],
    "free": ["", "😀", "\x00", "a" * 300, True, False, 0.01, 2**63 + 2],
    "note": [None, "aa", "aaa", "😀é", "a" * 302],
    "many": [[], [0], [0] * 40, [1]],
    "below": [None],
}


def test_each_choice_of_a_schema_is_taken_by_an_edge_that_says_so() -> None:
    found = [each for each in islice(samples(parse(CHOICES)), 400) if each.kind != "random"]
    for name, wanted in TAKEN.items():
        seen = [each.event.get(name) for each in found]
        for value in wanted:
            assert any(value == one and type(value) is type(one) for one in seen), (name, value)
    assert any("below" in each.event.get("below", {}) for each in found)
    notes = {each.note for each in found}
    assert {'"C" at /status', "99 at /count", "2 at /who/0", '"aa" at /note', "several", ""} <= notes
    assert len({json.dumps(each.event) for each in found}) == len(found)


def test_what_has_no_events_has_no_samples() -> None:
    for value in (
        False,
        {"type": "string", "enum": [1]},
        {"allOf": [S, {"type": "integer"}]},
        {"minimum": 2, "maximum": 1, "type": "number"},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
    ):
        assert list(samples(parse(value))) == [], value


# ------------------------------------------------------------------------------------------------------- semantics

COMPATIBLE: list[tuple[Any, Any]] = [
    (S, {}),
    (S, {"type": "string", "pattern": "a*"}),
    ({"type": "number", "exclusiveMaximum": 5}, {"maximum": 5}),
    ({"const": 1}, {"enum": [1, 2]}),
    ({"enum": ["a", "b"]}, S),
    ({"not": {}}, S),
    ({"type": "integer"}, {"multipleOf": 1}),
    ({"type": "integer", "minimum": 6}, {"exclusiveMinimum": 5}),
    ({"type": "object", "required": ["a"]}, {"minProperties": 1}),
    ({"enum": ["a", "b"]}, {"anyOf": [{"const": "b"}, {"pattern": "^a"}]}),
    ({"type": "array", "items": [S]}, {"items": [S, {}]}),
    ({"anyOf": [S, {"type": "null"}]}, {"oneOf": [{"type": "null"}, S]}),
    ({"properties": {"a": {**S, "pattern": "^[0-9]+$"}}}, {"properties": {"a": {**S, "pattern": "^[0-9a-f]*$"}}}),
]
BREAKS: list[tuple[Any, Any, Any]] = [
    ({}, S, None),
    ({"type": "string"}, {"type": "string", "maxLength": 3}, "aaaa"),
    ({"type": "object", "properties": {"a": S}}, {"type": "object", "properties": {"a": S}, "required": ["a"]}, {}),
    ({"type": "object"}, {"type": "object", "properties": {"a": S}}, {"a": None}),
    ({"type": "array", "items": S}, {"type": "array", "items": {**S, "minLength": 1}}, [""]),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, [None, None]),
    ({"type": "array"}, {"type": "array", "contains": S}, []),
    ({"type": "object"}, {"type": "object", "propertyNames": {"maxLength": 2}}, {"other": None}),
    ({"type": "object", "required": ["a"]}, {"type": "object", "patternProperties": {"^a": S}}, {"a": None}),
    ({"type": "integer"}, {"oneOf": [{"minimum": 0}, {"maximum": 5}]}, 0),
    ({"type": "number"}, {"multipleOf": 2}, 1),
    ({"type": "string"}, {"type": "string", "pattern": "^b"}, ""),
    ({"if": S, "then": {"minLength": 1}}, {"if": S, "then": {"minLength": 2}}, "a"),
    ({"type": "number", "maximum": 2**53 + 1}, {"type": "number", "maximum": 2**53}, 2**53 + 1),
    ({"type": "object", "properties": {"a": S, "kid": {"$ref": "#"}}},
     {"type": "object", "properties": {"a": {**S, "maxLength": 0}, "kid": {"$ref": "#"}}}, {"a": "a"}),
]  # fmt: skip


def test_compatible_means_every_event() -> None:
    for writer, reader in COMPATIBLE:
        found = semantic(parse(reader), parse(writer), seconds=2)
        assert (found.verdict, found.witness) == (Verdict.COMPATIBLE, None), (writer, reader)


def test_breaks_means_an_event_and_the_smallest_one() -> None:
    for writer, reader, event in BREAKS:
        old, new = parse(writer), parse(reader)
        found = semantic(new, old, seconds=2)
        assert found.verdict is Verdict.BREAKS, (writer, reader)
        assert found.witness is not None
        assert found.witness.event == event, (writer, reader, found.witness)
        assert found.reasons
        assert found.witness.failure
        for finding in new.findings(old):
            assert witness(new, old, finding, seconds=2) is not None, (writer, reader, finding)


def test_unknown_says_why() -> None:
    writer = parse({"type": "string", "pattern": r"^(?!x)(a|b)+$"})
    reader = parse({"type": "string", "pattern": r"^[ab]+$"})
    found = semantic(reader, writer, seconds=0.1)
    assert found.verdict is Verdict.UNKNOWN
    assert found.reasons == ("PATTERN_CHANGED at '#/pattern'",)
    definitions = {f"d{n}": {"anyOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2 + [S]} for n in range(60)}
    one, other = (parse({"$ref": "#/definitions/d0", "definitions": {**definitions, "d60": leaf}}) for leaf in (S, {}))
    started = time.process_time()
    assert semantic(one, other).verdict is Verdict.UNKNOWN
    assert witness(one, other, Finding("TYPE_CHANGED", "#/", "")) is None
    assert time.process_time() - started < 2


def test_a_witness_comes_in_time() -> None:
    fields = {f"f{index}": {"type": "string", "maxLength": index + 1} for index in range(2_000)}
    writer = parse({"type": "object", "properties": fields})
    reader = parse({"type": "object", "properties": {**fields, "f1999": {"type": "string", "maxLength": 5}}})
    (finding,) = reader.findings(writer)
    started = time.process_time()
    shown = witness(reader, writer, finding, seconds=1)
    assert time.process_time() - started < 2
    assert shown is not None
    assert shown.event == {"f1999": "aaaaaa"}
    assert shown.path == "/f1999"


def test_events_are_shrunk() -> None:
    def shows(event: Any) -> bool:
        return isinstance(event, dict) and len(str(event.get("a", ""))) > 2

    assert shrunk({"a": "xyzuvw", "b": [1, 2], "c": {}}, shows) == {"a": "aaa"}
    assert shrunk([5, {"a": 1234}], bool) == [{}]
