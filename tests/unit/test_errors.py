"""Every domain error has a place in every dialect's table, and makes its own sentence."""

import inspect

import pytest

from registry import errors
from registry.api.confluent.errors import TABLE, code_of, status_of

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RegistryError)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_confluent_table_is_complete(kind: type[errors.RegistryError]) -> None:
    own_row = next(each for each in kind.__mro__ if each in TABLE)
    assert own_row is not errors.RegistryError or kind is errors.RegistryError
    assert 400 <= status_of(TABLE[own_row]) < 600


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_tree_on_top_of_the_module_names_every_error(kind: type[errors.RegistryError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_sentences_carry_the_data() -> None:
    assert str(errors.SchemaNotFound(7)) == "Schema 7 not found"
    assert str(errors.SchemaNotFound()) == "Schema not found"
    assert str(errors.ReferenceExists(subject="s", version=1)).endswith("{subject=s,version=1}.")
    assert code_of(errors.EmptySchema()) == 42201
    assert str(errors.UnknownFormat("XML")) == "Invalid schema type XML"
    braces = errors.InvalidSchema("AVRO", "unexpected {curly}", path="/fields/0")
    assert "unexpected {curly}" in str(braces)
    assert braces.data["path"] == "/fields/0"
