"""The problems of the native API: a kind for every domain error, one number and one type for each."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest

from registry import errors
from registry.api.confluent.errors import TABLE as CONFLUENT
from registry.api.v1.errors import STATUSES, TABLE, kind_of, kinds, problem, refusal

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RegistryError)]


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_domain_error_has_a_kind_of_its_family(error: type[errors.RegistryError]) -> None:
    row = next(each for each in error.__mro__ if each in TABLE)
    assert row is not errors.RegistryError or error is errors.RegistryError
    assert 400 <= TABLE[row].status < 600


def test_a_type_names_one_kind() -> None:
    slugs = Counter(kind.slug for kind in {*TABLE.values(), *STATUSES.values()})
    assert [slug for slug, count in slugs.items() if count > 1] == []
    assert set(kinds()) == set(slugs)
    assert all(meaning.strip() for _, meaning in kinds().values())


def test_one_number_means_one_thing_on_every_api() -> None:
    own = {errors.Incompatible: 40901, errors.IdempotencyConflict: 40999}
    for error, code in CONFLUENT.items():
        if code >= 10_000 or error in own:
            assert TABLE[error].code == own.get(error, code), error.__name__


# (error) → status, slug, sentence
TOLD = [
    (errors.SubjectNotFound(subject="s"), 404, "subject-not-found", "Subject 's' not found."),
    (errors.UnknownFormat("XML"), 422, "invalid-schema", "Invalid schema type XML"),
    (errors.IdempotencyConflict(key="k"), 409, "idempotency-conflict", "The idempotency key 'k' was used before"),
    (errors.InvalidRequest("no"), 400, "invalid-request", "no"),
    (errors.Busy(reason="full"), 503, "busy", "The registry is busy: full. Try again."),
    (errors.OperationNotPermitted("no"), 422, "operation-not-permitted", "no"),
]


@pytest.mark.parametrize(("error", "status", "slug", "sentence"), TOLD, ids=lambda value: str(value)[:20])
def test_problems_say_what_it_was(error: errors.RegistryError, status: int, slug: str, sentence: str) -> None:
    found = problem(error)
    assert (found.status, found.type) == (status, f"/api/v1/problems/{slug}")
    assert found.detail.startswith(sentence)
    assert found.title == kind_of(error).title


def test_a_schema_that_does_not_parse_says_where() -> None:
    found = problem(errors.InvalidSchema("AVRO", "no type", path="/fields/0", line=3, column=7))
    assert (found.pointer, found.line, found.column) == ("/fields/0", 3, 7)


@pytest.mark.parametrize("status", [400, 401, 404, 405, 406, 413, 415, 418, 500, 503])
def test_whatever_the_framework_refuses_is_a_problem(status: int) -> None:
    found = refusal(status, "so it is")
    assert (found.status, found.detail) == (status, "so it is")
    assert found.type.rpartition("/")[2] in kinds()
