"""The error tree: drawn as it is, told in one sentence, able to travel."""

from __future__ import annotations

import pickle

import pytest

from tenor import errors
from tenor.errors import TenorError

CLASSES = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, TenorError)]

EXAMPLES = [
    errors.NotFramed(reason="r"),
    errors.InvalidSchemaId(value=-1, reason="r"),
    errors.Unreachable(url="http://h", reason="r"),
    errors.UnexpectedAnswer(url="http://h", status=200, reason="r"),
    errors.Incompatible(status=409, code=40901, message="no {braces}", findings=[{"rule": "X"}]),
    errors.InvalidEvent([errors.Violation("/a", "type", "'x'", "is not an int")], "orders-value"),
    errors.Undecodable(schema="a.B", reason="r"),
    errors.Unresolvable(format="AVRO", reason="r"),
    errors.InvalidPlan("r", "/root"),
    errors.PlanTooLarge("r", "/root"),
    errors.UnsettledPlan([("/a", "s")] * 5),
    errors.CustomStepRefused(function="f", reason="r"),
    errors.NotExpressible(target="JSONata", path="/total", reason="r"),
    errors.UpcastFailed("split", "/a", "r"),
    errors.InvalidKey(algorithm="AES256_GCM", reason="r"),
    errors.AuthenticationFailed(what="A field"),
    errors.KmsUnavailable(kms="aws-kms", action="wrap", reason="r"),
    errors.UnknownKms(kms="x", known="y"),
    errors.MissingExtra(purpose="a schema", package="fastavro", extra="avro"),
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_is_drawn_in_the_tree(cls: type[TenorError]) -> None:
    assert cls.__name__ in (errors.__doc__ or "")
    assert cls.__doc__


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_is_one_sentence_and_survives_pickling(error: TenorError) -> None:
    assert str(error)
    assert "\n" not in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.data == error.data


def test_an_invalid_event_shows_the_first_reasons_and_keeps_all() -> None:
    error = errors.InvalidEvent([errors.Violation(f"/{n}", "type", "1", "is wrong") for n in range(5)])
    assert str(error) == "The event breaks its schema: /0: is wrong; /1: is wrong; /2: is wrong; and 2 more"
    assert len(error.violations) == 5
