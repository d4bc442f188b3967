"""Bounds on events, for the schemas of each format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenor import Schema, codecs
from tenor.codecs import DEFAULTS
from tenor.errors import InvalidEvent, UnusableSchema
from tenor.rules.model import tagger
from tenor.sanitising import ALLOW, REDACT, REJECT, Sanitise, Sanitiser

NODE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "note": {"type": "string", "confluent:tags": ["PLAIN_TEXT"]},
        "child": {"type": "object", "properties": {"child": {"type": "object", "properties": {}}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "free": {"type": "object", "additionalProperties": {"type": "string"}},
        "either": {
            "oneOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}},
                {"type": "object", "properties": {"b": {"type": "string"}}},
            ]
        },
    },
}


def sanitiser(bounds: Sanitise, schema: Any = None, format: str = "JSON") -> Sanitiser:
    given = Schema(json.dumps(schema or NODE), format)
    return Sanitiser(bounds, codecs.compile(given, {}, DEFAULTS).tree(), tagger(None), given, "orders")


def rules(bounds: Sanitise, event: Any) -> list[tuple[str, str]]:
    try:
        return [(violation.path, violation.rule) for violation in sanitiser(bounds).clean(event).redacted]
    except InvalidEvent as error:
        return [(f"!{violation.path}", violation.rule) for violation in error.violations]


ROWS: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"id": "tab\tcr\r\n"}, []),
    ({"id": "bell\x07"}, [("/id", "control")]),
    ({"id": "\x85"}, [("/id", "control")]),
    ({"id": "abc\u202edef"}, [("/id", "control")]),
    ({"id": "x" * 11}, [("/id", "max_string")]),
    ({"note": "<i>x"}, [("/note", "html")]),
    ({"note": "a &amp; b"}, [("/note", "html")]),
    ({"note": "a < b & c"}, []),
    ({"id": "<i>x"}, []),
    ({"odd": 1}, [("/odd", "unknown")]),
    ({"child": {"child": {"odd": 1}}}, [("/child/child/odd", "unknown")]),
    ({"list": [{"sku": "a"}, {"sku": "b", "odd": 1}]}, [("/list/odd", "unknown")]),
    ({"free": {"any": "thing"}}, []),
    ({"child": {"child": {}}}, []),
    ({"id": {"odd": 1}}, []),
    ({"either": {"b": "x"}}, []),
    ({"either": {"c": "x"}}, [("/either/c", "unknown")]),
]


@pytest.mark.parametrize(("event", "found"), ROWS, ids=lambda case: ascii(case)[:50])
def test_each_bound_rejects_or_redacts(event: Any, found: list[tuple[str, str]]) -> None:
    for mode in (REJECT, REDACT, ALLOW):
        bounds = Sanitise(max_string=10, long=mode, control=mode, unknown=mode, html=mode)
        before = json.dumps(event)
        expected = [(f"!{path}" if mode == REJECT else path, rule) for path, rule in found] if mode != ALLOW else []
        assert rules(bounds, event) == expected
        assert json.dumps(event) == before


def test_redaction_leaves_everything_else() -> None:
    event = {"id": "a\x00", "odd": 1, "list": [{"sku": "ok", "odd": 2}, {"sku": "b\x00"}], "free": {"k": "v"}}
    bounds = Sanitise(control=REDACT, unknown=REDACT)
    cleaned = sanitiser(bounds).clean(event)
    assert cleaned.event == {
        "id": "[redacted]",
        "list": [{"sku": "ok"}, {"sku": "[redacted]"}],
        "free": {"k": "v"},
    }
    assert cleaned.header() == (
        "tenor-redacted",
        b'[["/id", "control"], ["/list/sku", "control"], ["/odd", "unknown"], ["/list/odd", "unknown"]]',
    )


def nested(depth: int) -> Any:
    event: dict[str, Any] = {}
    for _ in range(depth):
        event = {"child": event}
    return event


def test_depth_and_items_are_bounded() -> None:
    bounds = Sanitise(max_depth=10, max_items=5, unknown=ALLOW)
    assert rules(bounds, nested(9)) == []
    assert rules(bounds, nested(10)) == [("!", "max_depth")]
    assert rules(bounds, {"list": [{}] * 6}) == [("!", "max_items")]
    assert rules(bounds, nested(100_000)) == [("!", "max_depth")]
    cycle: dict[str, Any] = {}
    cycle["child"] = cycle
    assert rules(Sanitise(max_depth=None), cycle) == [("!", "max_depth")]


def test_an_event_full_of_mistakes_makes_a_bounded_report() -> None:
    event = {f"odd{number}": 1 for number in range(5000)}
    assert len(rules(Sanitise(), event)) == 100


def test_values_are_shortened_in_reports() -> None:
    with pytest.raises(InvalidEvent) as raised:
        sanitiser(Sanitise()).clean({"id": "\x00" + "x" * 10**6})
    assert len(raised.value.violations[0].value) < 100


def test_a_schema_that_no_tree_can_hold_is_refused_when_the_codec_is_made() -> None:
    with pytest.raises(UnusableSchema):
        sanitiser(Sanitise(), {"type": "object", "properties": {"child": {"$ref": "#"}}})


def test_modes_are_words() -> None:
    with pytest.raises(ValueError, match="html is allow, reject or redact"):
        Sanitise(html="strip")


AVRO = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "note", "type": ["null", "string"], "confluent:tags": ["PLAIN_TEXT"]},
        {"name": "next", "type": ["null", "Order"], "default": None},
        {"name": "map", "type": {"type": "map", "values": "string"}, "default": {}},
    ],
}


@given(st.text(), st.text(), st.integers(0, 3))
def test_redacted_avro_events_are_clean_and_valid(note: str, value: str, depth: int) -> None:
    schema = Schema(json.dumps(AVRO))
    body = codecs.compile(schema, {}, DEFAULTS)
    bounds = Sanitise(control=REDACT, html=REDACT, max_string=20, long=REDACT)
    clean = Sanitiser(bounds, body.tree(), tagger(None), schema).clean
    event: Any = None
    for _ in range(depth + 1):
        event = {"note": note, "next": event, "map": {"k": value}}
    once = clean(event)
    body.writer(b"")(once.event)
    again = clean(once.event)
    assert (again.event, again.redacted) == (once.event, ())
    assert (once.event == event) == (not once.redacted)
