"""What `tenor` prints as JSON or YAML, against the JSON Schema that it names; answers of a registry closed as well."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
import yaml

from tenor.cli import VERBS
from tenor.cli.documents import ERROR, identifier
from tenor.cli.documents.schema import schema_of
from tenor.cli.documents.shapes import DIALECT


def read(text: str, verb: str = "") -> Any:
    """The document of a run, if it is as its schema says. Raises AssertionError; `verb` is whose it must be."""
    return checked(json.loads(text), verb)


def read_yaml(text: str, verb: str = "") -> Any:
    """The same of YAML."""
    return checked(yaml.safe_load(text), verb)


def checked(document: Any, verb: str = "") -> Any:
    """The document. Raises AssertionError where it is not as its schema says."""
    named = document["$schema"]
    if named == DIALECT:
        jsonschema_rs.meta.validate(document)
        return document
    assert named in _names(), f"{named} is the schema of no verb"
    assert not verb or _names()[named] in (verb, ERROR), f"{verb} printed a document of {_names()[named]}"
    problems = [f"{list(each.instance_path)}: {each.message}" for each in _validator(named).iter_errors(document)]
    what = f"tenor output-schema {_names()[named]} (clients/python/src/tenor/cli/documents/shapes.py)"
    assert not problems, f"the document is not as {what} says: {problems[:5]}\n{json.dumps(document)[:3000]}"
    return document


@cache
def _names() -> dict[str, str]:
    return {identifier(name): name for name in (*VERBS, ERROR)}


@cache
def _validator(named: str) -> Any:
    schema = schema_of(_names()[named])
    waiting: list[Any] = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "properties" in each and "$ref" not in each:
                each.setdefault("additionalProperties", False)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return jsonschema_rs.validator_for(schema)
