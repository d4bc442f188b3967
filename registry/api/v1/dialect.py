"""The dialect as the outer layer sees it: media types, and the Litestar app with its error handling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Response
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.openapi import OpenAPIConfig

from registry.api.documented import CREDENTIALS, DEMANDED
from registry.api.v1 import (
    audit_routes,
    change_routes,
    examine_routes,
    identity_routes,
    key_routes,
    plan_routes,
    problem_routes,
    registration_routes,
    schema_routes,
    subject_routes,
    upcast_routes,
)
from registry.api.v1.errors import MEDIA_TYPE, problem, refusal
from registry.api.v1.wire import Fault, Problem
from registry.errors import RegistryError
from registry.http.asgi import App
from registry.http.dialect import QuickAnswer
from registry.http.segments import DecodedParameters
from registry.security.guard import guard
from registry.security.identity import Caller
from registry.services import Call, Services

Handler = Any
"""A route handler as Litestar's decorators make it."""
JSON = b"application/json"
_ACCEPTED = (JSON, b"application/*", b"*/*", b"*", MEDIA_TYPE.encode())
_SENTENCES = {406: "Answers are application/json", 415: "Request bodies are application/json"}
_log = structlog.get_logger("tenor.v1")


@lru_cache(256)
def media_type(accept: bytes) -> bytes | None:
    """JSON, for every Accept header that does not exclude it."""
    if not accept.strip():
        return JSON
    names = (part.partition(b";")[0].strip().lower() for part in accept.split(b","))
    return JSON if any(name in _ACCEPTED for name in names) else None


class V1:
    """The native API."""

    name = "v1"
    refusal_type = MEDIA_TYPE.encode()

    def __init__(self, services: Services, further: Sequence[Handler] = ()) -> None:
        self.app: App = make_app(services, further)  # type: ignore[assignment] # Litestar's own scope types

    def rewrite(self, parts: list[str], query: bytes) -> tuple[list[str], bytes]:
        """Paths as they are."""
        return parts, query

    def media_type(self, accept: bytes) -> bytes | None:
        """JSON if it may be."""
        return media_type(accept)

    def accepts(self, content_type: bytes) -> bool:
        """JSON, parameters ignored."""
        name = content_type.partition(b";")[0].strip().lower()
        return name == JSON or (name.startswith(b"application/") and name.endswith(b"+json"))

    def refusal(self, status: int, reason: str) -> bytes:
        """A problem without an error of the domain."""
        return msgspec.json.encode(refusal(status, _SENTENCES.get(status, reason)))

    def told(self, error: RegistryError) -> tuple[int, bytes]:
        """A domain error outside a handler."""
        found = problem(error)
        return found.status, msgspec.json.encode(found)

    async def quick(
        self, method: str, parts: list[str], query: bytes, body: bytes, caller: Caller
    ) -> QuickAnswer | None:
        """Nothing here is asked that often."""
        return None


def _answer(found: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    headers = {**(headers or {}), **({"retry-after": "1"} if found.status == 503 else {})}
    return Response(found, status_code=found.status, media_type=MEDIA_TYPE, headers=headers)


def _domain(request: Call, error: RegistryError) -> Response[Problem]:
    return _answer(problem(error))


def _malformed(request: Call, error: HTTPException) -> Response[Problem]:
    return _answer(refusal(400, "The request body is not valid JSON"))


def _invalid(request: Call, error: ValidationException) -> Response[Problem]:
    """A body or parameter of the wrong shape, naming where. Litestar puts JSON that does not parse here too."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SerializationException | msgspec.DecodeError) and not isinstance(
            cause, msgspec.ValidationError
        ):
            return _malformed(request, error)
        cause = cause.__cause__ or cause.__context__
    faults = [_fault(each) for each in error.extra or () if isinstance(each, dict)]
    detail = "; ".join(f"{fault.where}: {fault.detail}" for fault in faults)
    return _answer(refusal(400, detail or error.detail, faults))


def _fault(extra: Mapping[str, Any]) -> Fault:
    where, detail = str(extra.get("key", "data")), str(extra.get("message"))
    if where != "data":
        return Fault(where, detail)
    # Litestar's words for a request without a body are the name of the argument.
    return Fault("body", "A JSON body is needed" if detail == "'data'" else detail)


def _framework(request: Call, error: HTTPException) -> Response[Problem]:
    if isinstance(error.__cause__, SerializationException | msgspec.DecodeError):
        return _malformed(request, error)
    details = {404: "There is no such route", 405: f"The route does not take {request.method}"}
    detail = details.get(error.status_code, error.detail)
    return _answer(refusal(error.status_code, detail), dict(error.headers or {}))


def _too_deep(request: Call, error: RecursionError) -> Response[Problem]:
    return _answer(refusal(400, "The request body is nested too deeply"))


def _unexpected(request: Call, error: Exception) -> Response[Problem]:
    _log.error("unexpected", route=request.scope.get("path_template"), error=type(error).__name__, exc_info=error)
    return _answer(refusal(500, "The registry failed unexpectedly"))


def make_app(services: Services | None, further: Sequence[Handler] = ()) -> Litestar:
    """The Litestar app of this dialect, with the route handlers of other parts. Without services it can only describe
    itself."""
    modules = (
        registration_routes,
        plan_routes,
        subject_routes,
        schema_routes,
        change_routes,
        examine_routes,
        upcast_routes,
        key_routes,
        problem_routes,
        identity_routes,
        audit_routes,
    )
    handlers = [*(handler for module in modules for handler in module.HANDLERS), *further]

    def configure(config: AppConfig) -> AppConfig:
        config.state = State({"services": services})
        return config

    return Litestar(
        route_handlers=handlers,
        guards=[guard],
        middleware=[DecodedParameters],
        exception_handlers={
            RegistryError: _domain,
            SerializationException: _malformed,
            ValidationException: _invalid,
            HTTPException: _framework,
            RecursionError: _too_deep,
            Exception: _unexpected,
        },
        on_app_init=[configure],
        openapi_config=OpenAPIConfig(
            title="Tenor",
            version="1",
            description="Register with findings, search, history, change feed, bulk work. Errors are problems "
            "(RFC 9457). Subjects in other contexts are named `:.context:subject`.",
            path="/-/openapi",
            render_plugins=[],
            use_handler_docstrings=True,
            components=CREDENTIALS,
            security=DEMANDED,
        ),
        logging_config=None,
        debug=False,
    )
