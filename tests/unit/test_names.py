"""Names of subjects, contexts and versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import names
from registry.errors import InvalidContext, InvalidSubject, InvalidVersion
from registry.names import Subject


@pytest.mark.parametrize(
    ("text", "context", "name", "printed"),
    [
        ("orders-value", ".", "orders-value", "orders-value"),
        (":.dev:orders-value", ".dev", "orders-value", ":.dev:orders-value"),
        (":.dev:", ".dev", "", ":.dev:"),
        (":.dev", ".dev", "", ":.dev:"),
        (":.:orders-value", ".", "orders-value", "orders-value"),
        (":.:", ".", "", ""),
        ("", ".", "", ""),
        (":.dev:a:b", ".dev", "a:b", ":.dev:a:b"),
        (":orders", ".", ":orders", ":orders"),
        ("a/b +ü", ".", "a/b +ü", "a/b +ü"),
        (":*:ord", "*", "ord", ":*:ord"),
    ],
)
def test_a_name_parses_and_prints(text: str, context: str, name: str, printed: str) -> None:
    assert Subject.parse(text) == Subject(context, name)
    assert str(Subject.parse(text)) == printed


@given(st.text(max_size=30))
def test_printing_and_parsing_again_is_the_same_subject(text: str) -> None:
    subject = Subject.parse(text)
    assert Subject.parse(str(subject)) == subject


@pytest.mark.parametrize("text", ["a\nb", "\x7f", "__GLOBAL", "__EMPTY", ":.dev:__GLOBAL", ":.__GLOBAL:", ":*:x"])
def test_a_subject_that_cannot_be_written_to_is_refused(text: str) -> None:
    with pytest.raises(InvalidSubject, match="is not a valid"):
        names.subject(text)


def test_the_global_context_holds_settings_and_the_empty_name_is_legal_unless_refused() -> None:
    assert names.subject(":.__GLOBAL:", for_settings=True) == Subject(".__GLOBAL", "")
    assert names.subject("") == Subject(".", "")
    for text in ("", "*"):
        with pytest.raises(InvalidSubject):
            names.subject(text, reject_empty=True)


@pytest.mark.parametrize("text", ["dev", ".dev", ":.dev:", ":dev:"])
def test_a_context_is_written_in_several_ways(text: str) -> None:
    assert names.context(text) == ".dev"


def test_a_colon_inside_a_context_is_refused() -> None:
    with pytest.raises(InvalidContext, match="must not contain a colon"):
        names.context(".a:b")


@pytest.mark.parametrize(
    ("text", "version"), [("1", 1), ("latest", -1), (" LATEST ", -1), ("-1", -1), ("2147483647", 2**31 - 1)]
)
def test_a_version_selector(text: str, version: int) -> None:
    assert names.version(text) == version


@pytest.mark.parametrize("text", ["0", "-2", "2147483648", "9" * 400, "abc", "", "1_0", "+1", "١", "1.0"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidVersion, match="not a valid version id"):
        names.version(text)
