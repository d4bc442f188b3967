"""Grants say who may do what; what no grant gives is denied."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidRequest
from registry.security.access import EVERYTHING, NOTHING, Action, Grants, _matches, grant, grants_of

READ, WRITE, DELETE, DEPLOY, RELEASE = Action.READ, Action.WRITE, Action.DELETE, Action.DEPLOY, Action.RELEASE


def _of(*texts: str) -> Grants:
    return Grants(tuple(map(grant, texts)))


# grants, action, kind, name, whether it is allowed
CASES: list[tuple[str, Action, str, str, bool]] = [
    ("reader@subject:orders-*", READ, "subject", "orders-value", True),
    ("reader@subject:orders-*", READ, "subject", "order-value", False),
    ("reader@subject:orders-*", WRITE, "subject", "orders-value", False),
    ("reader@subject:orders-?", READ, "subject", "orders-12", False),
    ("reader@subject:orders-?", READ, "subject", "orders-1", True),
    ("reader@subject:a.b", READ, "subject", "axb", False),  # a dot is a dot
    ("reader@subject:a[bc]", READ, "subject", "ab", False),  # brackets are brackets
    ("reader@subject:*", READ, "subject", "line\nbreak", True),
    ("reader@subject:orders-*", READ, "subject", ":.:orders-value", True),  # another spelling of the same
    ("reader@subject:secret", READ, "subject", ":.dev:secret", False),
    ("reader@subject::.dev:*", READ, "subject", ":.dev:secret", True),
    ("reader@context:.dev", READ, "subject", ":.dev:anything", True),
    ("reader@context:.dev", READ, "subject", "anything", False),
    ("reader@context:.", READ, "subject", "anything", True),
    ("reader@context:.dev", READ, "context", ".dev", True),
    ("reader@context:.dev", READ, "application", ".dev", False),
    ("developer@subject:x", DELETE, "subject", "x", True),
    ("developer@subject:x", Action.PURGE, "subject", "x", False),
    ("purge@subject:x", Action.PURGE, "subject", "x", True),
    ("purge@subject:x", READ, "subject", "x", False),
    ("consumer@application:billing", WRITE, "application", "billing", True),
    ("consumer@application:billing", WRITE, "subject", "billing", False),
    ("deploy@environment:staging", DEPLOY, "environment", "staging", True),
    ("deploy@environment:staging", DEPLOY, "environment", "production", False),
    ("release@tag:PII", RELEASE, "tag", "PII", True),
    ("release@tag:PII", RELEASE, "kek", "PII", False),
    ("consumer@kek:orders-*", RELEASE, "kek", "orders-pii", True),
    ("admin@*", Action.ADMINISTER, "identity", "anybody", True),
    ("admin@*", RELEASE, "kek", "any", False),  # being admin hands out no keys
    ("admin@*", Action.ERASE, "person", "any", False),
    ("erase@person:*", Action.ERASE, "person", "p-1", True),
    ("admin@subject:*", Action.ADMINISTER, "identity", "anybody", False),
    ("auditor@*", READ, "audit", "*", True),
    ("reader@*", READ, "audit", "*", False),
    ("reader@* producer@subject:a", WRITE, "subject", "a", True),
    ("reader@* producer@subject:a", WRITE, "subject", "b", False),
    ("reader@subject:x", READ, "schema", "x", True),  # judged as subjects are
]


@pytest.mark.parametrize(("texts", "action", "kind", "name", "allowed"), CASES)
def test_a_grant_allows_what_it_says(texts: str, action: Action, kind: str, name: str, allowed: bool) -> None:
    grants = Grants(grants_of(texts))
    for _ in range(2):  # remembered, too
        assert grants.permits(action, kind, name) is allowed
    assert not NOTHING.permits(action, kind, name)
    assert EVERYTHING.permits(action, kind, name)


GLOBS = st.lists(st.sampled_from(["*", "?", "a", "b", ".", "\\", "\n", "[", " "]), max_size=8).map("".join)
NAMES = st.lists(st.sampled_from(["a", "b", ".", "\\", "\n", "[", " "]), max_size=10).map("".join)


@given(GLOBS, NAMES)
def test_a_glob_means_what_its_stars_and_question_marks_say(glob: str, name: str) -> None:
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in glob)
    assert _matches(glob, name) is bool(re.fullmatch(pattern, name, re.DOTALL))


def test_no_name_takes_long_to_compare() -> None:
    began = time.perf_counter()
    assert not _matches("*a" * 200 + "*b", "a" * 2000)
    assert not _matches("*?a" * 100 + "b", "a" * 2000)
    assert time.perf_counter() - began < 0.5


def test_a_whole_kind_needs_a_grant_for_it() -> None:
    assert _of("reader@*").whole(READ, "schema")
    assert _of("reader@subject:*").whole(READ, "subject")
    assert _of("reader@subject:*").whole(READ, "association")
    assert not _of("reader@subject:a*").whole(READ, "subject")
    assert not _of("reader@context:*").whole(READ, "application")
    assert not _of("reader@association:*").whole(READ, "subject")
    assert _of("reader@subject:a*").any(READ, "schema")
    assert _of("reader@context:.dev").any(READ, "subject")
    assert not _of("reader@application:a").any(READ, "subject")


def test_a_token_never_has_more_than_its_identity() -> None:
    identity = grants_of("producer@subject:orders-*")
    narrowed = Grants(identity, _of("reader@*"))
    assert narrowed.permits(READ, "subject", "orders-value")
    assert not narrowed.permits(WRITE, "subject", "orders-value")
    assert not narrowed.permits(READ, "subject", "secret")
    assert not narrowed.whole(READ, "subject")
    assert narrowed.key != Grants(identity).key
    assert not Grants(identity, _of("admin@*")).permits(Action.CONFIGURE, "subject", "orders-value")


def test_callers_with_the_same_grants_have_the_same_key() -> None:
    assert _of("reader@*", "waive@subject:x").key == _of("waive@subject:x", "reader@*").key
    assert _of("reader@*").key != _of("reader@subject:*").key
    assert Grants((), _of("reader@*")).key != Grants(grants_of("reader@*")).key


@pytest.mark.parametrize(
    "text",
    ["", "reader", "reader@", "@subject:x", "king@*", "reader@subject", "reader@subject:", "reader@thing:x", "*@*",
     "reader@subject:a\nb", "reader@subject:" + "x" * 501],
)  # fmt: skip
def test_what_is_no_grant_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        grant(text)


def test_a_grant_is_printed_as_it_was_written() -> None:
    for text in ("reader@*", "producer@subject:orders-*", "reader@context:.dev", "deploy@environment:a:b"):
        assert str(grant(text)) == text
    assert [str(each) for each in grants_of(" reader@*,\n deploy@environment:x ")] == [
        "reader@*",
        "deploy@environment:x",
    ]


def test_what_was_decided_is_bounded() -> None:
    grants = _of("reader@subject:orders-*")
    for number in range(5000):
        assert not grants.permits(READ, "subject", f"s{number}")
    assert len(grants._decided) <= 2000
