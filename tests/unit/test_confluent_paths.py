"""Context prefixes, path segments and media types of the Confluent API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.api.confluent.dialect import V1, media_type
from registry.api.confluent.paths import rewrite
from registry.errors import InvalidContext
from registry.http.segments import decoded, encoded, segments


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/", []),
        (b"/subjects", ["subjects"]),
        (b"/subjects/", ["subjects"]),
        (b"/subjects/a%2Fb/versions", ["subjects", "a/b", "versions"]),
        (b"/subjects//versions", ["subjects", "", "versions"]),
        (b"/subjects/a+b%20c%2B/versions", ["subjects", "a+b c+", "versions"]),
        (b"/subjects/%3A.ctx%3Ax", ["subjects", ":.ctx:x"]),
        (b"/subjects/%25", ["subjects", "%"]),
        (b"/subjects/%2525", ["subjects", "%25"]),
        (b"/subjects/%C3%BC%FF", ["subjects", "ü\ufffd"]),
        (b"/compatibility/subjects/s/versions/", ["compatibility", "subjects", "s", "versions"]),
        (b"/associations/resources//", ["associations", "resources", ""]),
    ],
)
def test_the_raw_path_is_split_first_and_decoded_once(raw: bytes, parts: list[str]) -> None:
    assert segments(raw) == parts


@given(st.text(max_size=20).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)))
def test_a_segment_survives_routing(text: str) -> None:
    form = encoded(text)
    assert form
    assert "/" not in form
    assert decoded(form) == text


@pytest.mark.parametrize(
    ("path", "query", "new_path", "new_query"),
    [
        ("subjects/s", "", "subjects/s", ""),
        ("contexts", "", "contexts", ""),
        ("contexts/.dev", "", "contexts/.dev", ""),
        ("contexts/.dev/subjects", "", "subjects", "subjectPrefix=%3A.dev%3A"),
        (
            "contexts/.dev/subjects",
            "subjectPrefix=a&deleted=true",
            "subjects",
            "subjectPrefix=%3A.dev%3Aa&deleted=true",
        ),
        ("contexts/.dev/schemas", "", "schemas", "subjectPrefix=%3A.dev%3A"),
        ("contexts/dev/subjects/s/versions/1", "", "subjects/:.dev:s/versions/1", ""),
        ("contexts/.dev/subjects/:.x:s/versions", "", "subjects/:.x:s/versions", ""),
        ("contexts/.dev/compatibility/subjects/s/versions", "", "compatibility/subjects/:.dev:s/versions", ""),
        ("contexts/.dev/config", "", "config/:.dev:", ""),
        ("contexts/.dev/config/s", "a=b", "config/:.dev:s", "a=b"),
        ("contexts/.dev/mode", "", "mode/:.dev:", ""),
        ("contexts/.dev/schemas/ids/1", "format=x", "schemas/ids/1", "format=x&subject=%3A.dev%3A"),
        ("contexts/.dev/schemas/ids/1", "subject=s", "schemas/ids/1", "subject=%3A.dev%3As"),
        ("contexts/./subjects/s", "", "subjects/s", ""),
        ("contexts/:.dev:/subjects/s", "", "subjects/:.dev:s", ""),
        ("contexts/.dev/associations", "", "associations", "context=%3A.dev%3A"),
    ],
)
def test_a_context_prefix_qualifies_names(path: str, query: str, new_path: str, new_query: str) -> None:
    parts, rewritten = rewrite(path.split("/"), query.encode())
    assert "/".join(parts) == new_path
    assert rewritten.decode() == new_query


def test_a_context_with_a_colon_inside_is_refused() -> None:
    with pytest.raises(InvalidContext):
        rewrite(["contexts", ".a:b", "subjects"], b"")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (b"", V1),
        (b"*/*", V1),
        (b"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", V1),
        (b"application/json", b"application/json"),
        (b"application/vnd.schemaregistry+json, application/json", b"application/vnd.schemaregistry+json"),
        (b"application/vnd.schemaregistry.v1+json;q=0.5, application/json", b"application/json"),
        (
            b"application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json",
            V1,
        ),
        (b"text/html", None),
        (b"application/json;q=0", None),
        (b"application/json;q=x", None),
    ],
)
def test_the_answer_s_media_type(accept: bytes, media: bytes | None) -> None:
    assert media_type(accept) == media
