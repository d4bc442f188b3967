"""The broker's dialect is complete: every error has its status, every route declares what it needs."""

from __future__ import annotations

import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler

from contracts import errors
from contracts.api.broker.dialect import make_app
from contracts.api.broker.errors import TABLE, body_of, problem, status_of
from contracts.api.broker.index import RELATIONS
from contracts.errors import ContractError, InvalidFields, InvalidQuery, PactConflict, PactConflicts
from registry import errors as registry
from registry.errors import RegistryError
from registry.security.access import Needs


def every(kind: type[RegistryError]) -> list[type[RegistryError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in every(each))]


@pytest.mark.parametrize("kind", every(RegistryError), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_of_its_own_kind(kind: type[RegistryError]) -> None:
    if kind.__module__ not in (errors.__name__, registry.__name__):
        return  # other tests' own
    row = next(each for each in kind.__mro__ if each in TABLE)
    roots = (RegistryError, ContractError)
    assert row not in roots or kind in roots
    assert 400 <= TABLE[row] < 600
    if issubclass(kind, ContractError) and kind is not ContractError:
        assert TABLE[row] < 500, "clients repeat what is a 5xx"


def routes() -> list[tuple[str, HTTPRouteHandler]]:
    app = make_app(None)
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and "/-/" not in route.path:
                found.append((route.path, handler))
    return found


def test_every_route_declares_what_it_needs() -> None:
    found = routes()
    assert len(found) > 130
    for path, handler in found:
        if handler.http_methods == {"OPTIONS"}:
            continue
        needs = handler.opt.get("needs")
        assert isinstance(needs, Needs), path
        if needs.parameter is not None:
            assert f"{{{needs.parameter}:str}}" in path, (path, needs)


def test_every_body_and_every_answer_has_a_declared_shape() -> None:
    described = make_app(None).openapi_schema.to_schema()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                shape = response.get("content", {}).get("application/json", {}).get("schema")
                assert shape is None or "$ref" in shape, (method, path, status)
            if method in ("post", "put", "patch"):
                shape = operation["requestBody"]["content"]["application/json"]["schema"]
                assert shape.get("properties") or shape["title"] == "Nothing", (method, path)


def test_every_relation_of_the_index_is_a_route() -> None:
    paths = {path for path, _ in routes()}
    shapes = {"/".join("*" if part.startswith("{") else part for part in path.split("/")) for path in paths}
    for relation, (path, _) in RELATIONS.items():
        bare = path.partition("?")[0]
        shape = "/".join("*" if part.startswith("{") else part for part in bare.split("/"))
        assert shape in shapes, relation


def test_each_shape_of_error_has_its_problem() -> None:
    conflict = PactConflict("c", "1", "p", "~ x")
    cases: tuple[tuple[RegistryError, int, set[str]], ...] = (
        (InvalidFields({"name": ["is missing"]}), 400, {"errors"}),
        (InvalidQuery(["no"]), 400, {"errors"}),
        (PactConflicts([conflict]), 409, {"notices", "errors"}),
        (errors.SimilarName("a", ["b"]), 409, {"notices", "errors"}),
        (errors.ApplicationNotFound(name="x"), 404, {"error"}),
        (errors.NotReopenable(property="x", action="y"), 422, {"error"}),
        (registry.Busy(reason="x"), 503, {"error"}),
    )
    for error, status, members in cases:
        body = body_of(error)
        assert (status_of(error), set(body)) == (status, members)
        told = problem(status, body, "/x")
        assert told["status"] == status
        assert told.get("errors") or told["detail"]
        assert msgspec.json.encode(told)
    assert problem(500, {"error": {"message": "m", "reference": "r"}}, "/x")["detail"] == "m"
