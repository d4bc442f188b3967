"""Calls as values: the requests stock clients send, and answers good, bad and absurd."""

from __future__ import annotations

import json

import pytest

from tenor import calls, errors
from tenor.schemas import LATEST, Reference, Schema

SCHEMA = Schema('"string"')
REFERRING = Schema("{}", "JSON", (Reference("a.json", "a", 2),), {"properties": {"owner": "x"}}, {"domainRules": []})

# (call, method and path as sent)
REQUESTS = [
    (calls.register("orders-value", SCHEMA), "POST /subjects/orders-value/versions"),
    (
        calls.register("a/b c+d:é", SCHEMA, normalize=True),
        "POST /subjects/a%2Fb%20c%2Bd%3A%C3%A9/versions?normalize=true",
    ),
    (calls.register("", SCHEMA), "POST /subjects//versions"),
    (calls.lookup(":.dev:s", SCHEMA, deleted=True), "POST /subjects/%3A.dev%3As?deleted=true"),
    (calls.version("s"), "GET /subjects/s/versions/latest"),
    (calls.version("s", 3, rendering="serialized"), "GET /subjects/s/versions/3?format=serialized"),
    (
        calls.latest_with_metadata("s", {"major": "2", "x y": "&"}),
        "GET /subjects/s/metadata?key=major&value=2&key=x+y&value=%26",
    ),
    (calls.schema_by_id(7), "GET /schemas/ids/7"),
    (calls.schema_by_id(7, subject=":.c:s"), "GET /schemas/ids/7?subject=%3A.c%3As"),
    (calls.schema_by_guid("abc"), "GET /schemas/guids/abc"),
    (calls.ids_of_guid("abc"), "GET /schemas/guids/abc/ids"),
    (calls.subjects("or", offset=10, limit=5), "GET /subjects?subjectPrefix=or&offset=10&limit=5"),
    (calls.subjects(), "GET /subjects"),
    (calls.versions("s"), "GET /subjects/s/versions"),
    (calls.compatibility("s", SCHEMA), "POST /compatibility/subjects/s/versions?verbose=true"),
    (calls.compatibility("s", SCHEMA, LATEST), "POST /compatibility/subjects/s/versions/latest?verbose=true"),
    (calls.level(), "GET /config"),
    (calls.level("s"), "GET /config/s?defaultToGlobal=true"),
    (calls.set_level("s", "FULL"), "PUT /config/s"),
    (calls.delete_version("s", 2), "DELETE /subjects/s/versions/2"),
    (calls.delete_subject("s", permanent=True), "DELETE /subjects/s?permanent=true"),
    (
        calls.associations("t", "key"),
        "GET /associations/resources/-/t?resourceType=topic&associationType=key&offset=0&limit=-1",
    ),
    (
        calls.native_register("s", SCHEMA, dry_run=True, idempotency_key="k"),
        "POST /api/v1/subjects/s/versions?dry_run=true",
    ),
    (calls.native_subjects("or", cursor="c", limit=2), "GET /api/v1/subjects?query=or&cursor=c&limit=2"),
    (calls.native_subjects(prefix=":.dev:", deleted=True), "GET /api/v1/subjects?prefix=%3A.dev%3A&deleted=true"),
]


@pytest.mark.parametrize(("call", "sent"), REQUESTS, ids=lambda value: value if isinstance(value, str) else "")
def test_requests(call: calls.Call[object], sent: str) -> None:
    assert f"{call.method} {call.path}" == sent


def test_bodies_and_headers() -> None:
    register = calls.register("s", REFERRING)
    assert json.loads(register.content() or b"") == {
        "schema": "{}",
        "schemaType": "JSON",
        "references": [{"name": "a.json", "subject": "a", "version": 2}],
        "metadata": {"properties": {"owner": "x"}},
        "ruleSet": {"domainRules": []},
    }
    assert register.sent_headers()["Content-Type"] == calls.MEDIA_TYPE
    assert calls.version("s").content() is None
    assert "Content-Type" not in calls.version("s").sent_headers()
    assert calls.native_register("s", SCHEMA, idempotency_key="k").sent_headers()["Idempotency-Key"] == "k"
    assert json.loads(calls.register("s", SCHEMA).content() or b"") == {"schema": '"string"', "schemaType": "AVRO"}


def read(call: calls.Call[object], body: object, status: int = 200) -> object:
    return calls.answer(call, status, calls.MEDIA_TYPE, json.dumps(body).encode(), "http://h/x")


def test_an_old_registry_answers_with_the_id_only() -> None:
    registration = read(calls.register("s", SCHEMA), {"id": 3})
    assert (registration.id, registration.version, registration.guid, registration.created) == (3, None, None, None)


def test_a_schema_without_type_is_avro_and_null_means_absent() -> None:
    found = read(calls.schema_by_id(3), {"schema": '"int"', "references": None, "metadata": None})
    assert (found.id, found.schema) == (3, Schema('"int"'))


def test_lookup_keeps_the_schema_that_was_asked_for() -> None:
    found = read(calls.lookup("s", SCHEMA), {"subject": "s", "id": 1, "version": 2})
    assert found.schema == SCHEMA


def test_a_native_answer_is_read_in_full() -> None:
    body = {"subject": "s", "version": 2, "id": 9, "guid": "g", "created": True, "changes": [{"kind": "added"}]}
    registration = read(calls.native_register("s", SCHEMA), body)
    assert (registration.created, registration.changes, registration.raw) == (True, ({"kind": "added"},), body)


# (status, body) → error, code
REFUSALS = [
    (404, {"error_code": 40401, "message": "m"}, errors.SubjectNotFound, 40401),
    (404, {"error_code": 40402, "message": "m"}, errors.VersionNotFound, 40402),
    (404, {"error_code": 40403, "message": "m"}, errors.SchemaNotFound, 40403),
    (404, {"error_code": 40408, "message": "m"}, errors.NotFound, 40408),
    (404, {"error_code": 404, "message": "m"}, errors.NotFound, 404),
    (409, {"error_code": 409, "message": "m"}, errors.Incompatible, 409),
    (409, {"error_code": 40901, "message": "m"}, errors.Incompatible, 40901),
    (409, {"error_code": 40904, "message": "m"}, errors.Conflict, 40904),
    (422, {"error_code": 42201, "message": "m"}, errors.Rejected, 42201),
    (422, {"error_code": 42205, "message": "m"}, errors.Conflict, 42205),
    (413, {"error_code": 413, "message": "m"}, errors.Rejected, 413),
    (401, {"error_code": 401, "message": "m"}, errors.Unauthenticated, 401),
    (403, {"error_code": 40301, "message": "m"}, errors.Forbidden, 40301),
    (429, {"error_code": 42901, "message": "m"}, errors.Unavailable, 42901),
    (500, {"error_code": 50001, "message": "m"}, errors.Unavailable, 50001),
    (402, {"error_code": 402, "message": "m"}, errors.Answered, 402),
    (422, {"title": "Invalid schema", "detail": "m", "status": 422}, errors.Rejected, 422),
    (409, {"title": "m", "code": 40901, "findings": [{"rule": "X"}, "noise"]}, errors.Incompatible, 40901),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), REFUSALS)
def test_refusals(status: int, body: dict[str, object], kind: type[errors.Answered], code: int) -> None:
    with pytest.raises(errors.Answered) as caught:
        read(calls.register("s", SCHEMA), body, status)
    error = caught.value
    assert (type(error), error.code, error.status, str(error)) == (kind, code, status, "m")
    assert error.findings == ([{"rule": "X"}] if "findings" in body else [])


# Answers of proxies, load balancers and liars.
NONSENSE = [
    (200, b"<html>hello</html>", errors.UnexpectedAnswer),
    (200, b"", errors.UnexpectedAnswer),
    (200, b"[]", errors.UnexpectedAnswer),
    (200, b"null", errors.UnexpectedAnswer),
    (200, b'{"id": "7"}', errors.UnexpectedAnswer),
    (200, b'{"id": true}', errors.UnexpectedAnswer),
    (200, b"{}", errors.UnexpectedAnswer),
    (200, b"[" * 100_000, errors.UnexpectedAnswer),
    (200, b"\xff\xfe", errors.UnexpectedAnswer),
    (301, b"", errors.UnexpectedAnswer),
    (404, b"not found", errors.UnexpectedAnswer),
    (404, b"{}", errors.UnexpectedAnswer),
    (400, b"[1]", errors.UnexpectedAnswer),
    (502, b"<html>bad gateway</html>", errors.Unavailable),
    (401, b"", errors.Unauthenticated),
    (403, b"<html>", errors.Forbidden),
]


@pytest.mark.parametrize(("status", "content", "kind"), NONSENSE)
def test_nonsense_is_an_error_with_a_name(status: int, content: bytes, kind: type[Exception]) -> None:
    with pytest.raises(errors.RegistryError) as caught:
        calls.answer(calls.register("s", SCHEMA), status, "text/html", content, "http://h/x")
    assert type(caught.value) is kind
    assert "http://h/x" in str(caught.value)
    assert len(str(caught.value)) < 250


NATIVE = [
    (errors.NotFound(status=404, code=404, message="m"), False),
    (errors.NotFound(status=405, code=405, message="m"), False),
    (errors.UnexpectedAnswer(url="u", status=404, reason="r"), False),
    (errors.UnexpectedAnswer(url="u", status=200, reason="r"), True),
    (errors.SubjectNotFound(status=404, code=40401, message="m"), True),
    (errors.Incompatible(status=409, code=40901, message="m"), True),
]


@pytest.mark.parametrize(("error", "native"), NATIVE)
def test_who_speaks_the_native_api(error: Exception, native: bool) -> None:
    assert calls.speaks_native(error) is native


REFERENCES = [
    ("a.avsc=subject:3", Reference("a.avsc", "subject", 3)),
    ("n=:.dev:orders:12", Reference("n", ":.dev:orders", 12)),
    ("n=:.dev:orders", Reference("n", ":.dev:orders", LATEST)),
    ("n=s:latest", Reference("n", "s", LATEST)),
    ("n=s", Reference("n", "s", LATEST)),
]


@pytest.mark.parametrize(("text", "reference"), REFERENCES)
def test_references_as_typed(text: str, reference: Reference) -> None:
    assert Reference.parse(text) == reference


@pytest.mark.parametrize("text", ["", "n", "n=", "=s:1"])
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=SUBJECT:VERSION"):
        Reference.parse(text)
