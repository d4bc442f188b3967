"""What the native API writes and reads without a database: cursors, findings, changes, times, media types."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as some
from litestar.routes import HTTPRoute

from contracts.api.v1.routes import install
from registry import formats
from registry.api.v1 import cursors, render
from registry.api.v1.dialect import make_app, media_type
from registry.errors import InvalidRequest
from registry.evolution.changes import changes
from registry.evolution.levels import Conflict
from registry.formats.base import Finding, Severity, Source
from registry.history import Entry
from registry.search import Criteria, Position
from registry.security.access import Needs
from registry.store.queries.search import contains_pattern

TEXT = some.text(some.characters(exclude_categories=["Cs"]))


@given(TEXT, some.none() | TEXT)
def test_a_cursor_comes_back_as_the_position_it_was(context: str, name: str | None) -> None:
    cursor = cursors.of_position(Position(context, name))
    assert cursor is not None
    assert cursor.isascii()
    assert cursors.position(cursor) == Position(context, name)


@given(some.integers(1, 2**62))
def test_a_cursor_comes_back_as_the_key_it_was(key: int) -> None:
    assert cursors.key(cursors.of_key(key)) == key


def test_no_cursor_is_the_beginning_and_the_end() -> None:
    assert (cursors.position(None), cursors.position(""), cursors.key(None)) == (None, None, None)
    assert (cursors.of_position(None), cursors.of_key(None)) == (None, None)


def packed(text: bytes) -> str:
    return urlsafe_b64encode(text).decode()


NOT_CURSORS = [
    "x", "!!!!", "a" * 5, "é", "\0", " ", packed(b"{}"), packed(b"[]"), packed(b'["h",1]'), packed(b'["s"]'),
    packed(b'["s",1,2]'), packed(b'["s",null,"a"]'), packed(b'["s","a"]'), packed(b"\xff"), packed(b'["t","a","b"]'),
]  # fmt: skip


@pytest.mark.parametrize("cursor", NOT_CURSORS)
def test_other_text_is_no_cursor(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="not one of this listing's"):
        cursors.position(cursor)


@pytest.mark.parametrize("text", ['["s",".","a"]', '["h",0]', '["h",-1]', '["h",1e99]', '["h","1"]', f'["h",{2**70}]'])
def test_other_text_is_no_cursor_of_a_history(text: str) -> None:
    with pytest.raises(InvalidRequest):
        cursors.key(packed(text.encode()))


FINDING = Finding(
    "TYPE_MISMATCH",
    "/fields/0/type",
    "The {new} schema expects int, the {old} schema writes string.",
    reader_path="/r",
    writer_path="/w",
    reader_value="int",
    writer_value="string",
)


def test_a_finding_names_the_places_by_old_and_new_in_both_directions() -> None:
    backward = render.finding(Conflict(FINDING, 3, forward=False))
    assert (backward.direction, backward.version, backward.severity) == ("backward", 3, "error")
    assert (backward.new_path, backward.old_path, backward.new, backward.old) == ("/r", "/w", "int", "string")
    assert backward.sentence == "The new schema expects int, the old schema writes string."
    forward = render.finding(Conflict(FINDING, 3, forward=True))
    assert (forward.direction, forward.new_path, forward.old_path) == ("forward", "/w", "/r")
    assert (forward.new, forward.old) == ("string", "int")
    assert forward.sentence == "The old schema expects int, the new schema writes string."
    assert forward.path == backward.path == "/fields/0/type"


def test_a_warning_says_so() -> None:
    warning = Finding("NAME", "/", "It is so.", severity=Severity.WARNING)
    assert render.finding(Conflict(warning, 1, forward=False)).severity == "warning"


def test_times_are_rfc_3339() -> None:
    assert render.time(0) == "1970-01-01T00:00:00.000Z"
    assert render.time(1_738_324_800_123) == "2025-01-31T12:00:00.123Z"


def test_the_body_of_an_event_is_told_by_name() -> None:
    entry = render.entry(Entry(1, 2, 0, "me", "delete", "subject:s", {"versions": [1, 2], "why": "old"}))
    assert (entry.versions, entry.version, entry.detail) == ([1, 2], None, {"why": "old"})


# (Accept) → whether JSON may be sent
ACCEPT = [
    (b"", True),
    (b"application/json", True),
    (b"*/*", True),
    (b"text/html, application/*;q=0.1", True),
    (b"application/problem+json", True),
    (b"Application/JSON; charset=utf-8", True),
    (b"text/html", False),
    (b"application/xml,text/plain", False),
]


@pytest.mark.parametrize(("accept", "json"), ACCEPT)
def test_accept(accept: bytes, json: bool) -> None:
    assert media_type(accept) == (b"application/json" if json else None)


@pytest.mark.parametrize(("text", "pattern"), [("a", "%a%"), ("100%_!", "%100!%!_!!%"), ("", "%%")])
def test_what_is_searched_for_is_meant_literally(text: str, pattern: str) -> None:
    assert contains_pattern(text) == pattern


def test_terms_of_a_field() -> None:
    assert Criteria(field="/a/b").terms == [[("field", "/a/b")]]
    assert Criteria(field="b", tag="PII").terms == [[("field", "/b"), ("name", "b")], [("tag", "PII")]]


def test_every_route_declares_what_it_needs() -> None:
    routes = [route for route in make_app(None, install()).routes if isinstance(route, HTTPRoute)]
    handlers = [each for route in routes if route.path.startswith("/api/") for each in route.route_handlers]
    # Litestar answers OPTIONS by itself; the guard turns that away.
    needs = {each.handler_name: each.opt.get("needs") for each in handlers if each.http_methods != {"OPTIONS"}}
    assert len(needs) >= 11
    assert [name for name, each in needs.items() if not isinstance(each, Needs)] == []


def test_the_format_is_asked_what_changed() -> None:
    old, new = (formats.parse("AVRO", Source(text)) for text in ('"int"', '"long"'))
    assert [(change.old, change.new) for change in changes(old, new)] == [("int", "long")]
    other = formats.parse("JSON", Source('{"type": "integer"}'))
    assert changes(old, other) == changes(other, new) == ()
