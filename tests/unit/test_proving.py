"""What the proof finds, and what it says about what it did not see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry import proving
from registry.proving.targets import as_jsonata
from tenor.plans import plan_hash
from tenor.plans.document import from_data
from tests.conformance.upcast_pairs import corpus

Json = dict[str, Any]


def avro(*fields: Json) -> Json:
    return {"format": "AVRO", "text": json.dumps({"type": "record", "name": "E", "fields": list(fields)})}


COLOURS: Json = {"type": "enum", "name": "C", "symbols": ["RED", "BLUE"]}
OLD = avro({"name": "id", "type": "int"}, {"name": "note", "type": ["null", "string"]}, {"name": "c", "type": COLOURS})
NEW = avro(
    {"name": "id", "type": "long"},
    {"name": "note", "type": ["null", "string"]},
    {"name": "c", "type": COLOURS},
    {"name": "more", "type": "int", "default": 7},
)


def test_an_attestation_says_what_was_proven_of_what() -> None:
    made = proving.derive(OLD, NEW)
    told = proving.prove(OLD, NEW, made["plan"], examples=300, seed=5)
    assert told["proven"] is True
    assert told["plan"] == made["hash"] == plan_hash(from_data(made["plan"]))
    assert (told["examples"], told["seed"], told["old"] != told["new"]) == (300, 5, True)
    assert {name for name, result in told["results"].items() if result == "passed"} >= {
        "P1",
        "P2",
        "P3",
        "P4",
        "P6",
        "P8",
        "P9",
    }
    assert told == proving.prove(OLD, NEW, made["plan"], examples=300, seed=5)


def test_what_jsonata_makes_else_is_shown() -> None:
    """No emitter that is right shows it: a plan's JSONata is held against what another plan makes."""
    check = as_jsonata(from_data(proving.derive(OLD, NEW)["plan"]))
    assert not isinstance(check, str)
    event = {"id": 3, "note": "x", "c": "RED"}
    assert check(event, {**event, "more": 7}) == ""
    assert check(event, {**event, "more": 8}) == "its JSONata makes something else"
    assert check({**event, "id": 2**60}, {**event, "more": 8}) == ""  # no number of JSONata's


def test_a_plan_that_is_no_jsonata_says_why() -> None:
    made = proving.derive(OLD, avro({"name": "id", "type": "string"}), {"/id": "yes"})
    told = proving.prove(OLD, avro({"name": "id", "type": "string"}), made["plan"], examples=10)["results"]["P8"]
    assert told.startswith("not applicable: The plan cannot be written as JSONata: /id: the text of a number"), told


WRONG = [
    ("another source", '"path": ["id"]', '"path": ["note"]', "P2"),
    ("another default", '"value": 7', '"value": 8', "P4"),
    ("a value of another type", '"value": 7', '"value": "x"', "P2"),
]


@pytest.mark.parametrize(("what", "old", "new", "property"), WRONG, ids=lambda case: str(case)[:20])
def test_a_wrong_plan_is_shown_by_a_small_event(what: str, old: str, new: str, property: str) -> None:
    text = json.dumps(proving.derive(OLD, NEW)["plan"])
    assert old in text, text
    told = proving.prove(OLD, NEW, json.loads(text.replace(old, new, 1)), examples=200)
    assert told["proven"] is False
    shown = told["counterexample"]
    assert shown["property"] == property, shown
    assert shown["reason"]
    assert shown["event"]["id"] == 0 or property == "P4"


def test_recorded_events_are_a_second_corpus() -> None:
    made = proving.derive(OLD, NEW)
    samples = [{"id": 1, "note": "x", "c": "RED"}, {"id": "no event of the old schema"}]
    told = proving.prove(OLD, NEW, made["plan"], examples=20, samples=samples)
    assert (told["proven"], told["samples"]) == (True, {"given": 2, "admitted": 1})
    # What the events made here may miss, a recorded one shows.
    wrong = json.loads(json.dumps(made["plan"]))
    text = json.dumps(wrong).replace('"path": ["note"]', '"path": ["missing"], "maybe": true')
    told = proving.prove(OLD, NEW, json.loads(text), examples=1, samples=samples)
    assert told["proven"] is False


def test_what_no_event_reached_is_said() -> None:
    made = proving.derive(OLD, NEW)
    told = proving.prove(OLD, NEW, made["plan"], examples=1)
    assert told["results"]["P9"].startswith("not reached: ")
    assert proving.prove(OLD, NEW, made["plan"], examples=200)["results"]["P9"] == "passed"


def test_the_corpus_is_proven(full: bool) -> None:
    """Every pair that is derived without a todo; one of twelve unless --full."""
    proven = 0
    for pair in list(corpus())[:: 1 if full else 12]:
        old, new = ({"format": pair.format, "text": text} for text in (pair.old, pair.new))
        made = proving.derive(old, new)
        if any(step["certainty"] == "todo" for step in made["open"]):
            continue
        told = proving.prove(old, new, made["plan"], examples=100)
        assert "counterexample" not in told, (pair.id, told)
        assert told["proven"] is not bool(made["open"])
        proven += 1
    assert proven >= (290 if full else 20)
