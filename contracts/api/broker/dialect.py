"""The dialect as the outer layer sees it: path rewriting, media types, and the Litestar app with its error handling."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Litestar, Response
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from contracts.api.broker import (
    application_routes,
    environment_routes,
    index,
    matrix_routes,
    pact_list_routes,
    pact_routes,
    provider_routes,
    report_routes,
    verification_routes,
    version_routes,
    webhook_routes,
)
from contracts.api.broker.errors import PROBLEM, body_of, problem, status_of
from contracts.api.broker.parts import MOUNT, NUL, Parts
from registry.api.documented import CREDENTIALS, DEMANDED
from registry.errors import InvalidRequest, RegistryError
from registry.http.asgi import App
from registry.http.dialect import QuickAnswer
from registry.http.segments import DecodedParameters
from registry.logs import frames
from registry.security.guard import guard
from registry.security.identity import Caller
from registry.services import Call

# To the letter: clients compare it as text.
HAL = b"application/hal+json;charset=utf-8"
VERSION = "2.120.0"
"""The version of the Pact Broker whose behaviour this is; some tools look at the header."""

_log = structlog.get_logger("tenor.broker")
_ACCEPTED = (
    b"application/json",
    b"application/merge-patch+json",
    b"application/hal+json",
    b"application/json-patch+json",
)


class Broker:
    """The Pact Broker's API."""

    name = "broker"
    refusal_type = b"application/json"  # the outer layer puts the dialect's own type in its place

    def __init__(self, parts: Parts) -> None:
        self.litestar = make_app(parts)
        self.app: App = self.litestar  # type: ignore[assignment] # Litestar's own scope types

    def rewrite(self, parts: list[str], query: bytes) -> tuple[list[str], bytes]:
        """The mount's name comes off, if it is there; a `.csv` behind a table says what is served anyway."""
        below = parts[1:] if parts[0] == MOUNT else parts
        if below and below[0] in ("relationships", "groups", "relationships.csv"):
            below[-1] = below[-1].removesuffix(".csv")
        return below, query

    def media_type(self, accept: bytes) -> bytes | None:
        """One type whatever is asked for: no client of a broker may get a 406."""
        return HAL

    def accepts(self, content_type: bytes) -> bool:
        """JSON in its spellings."""
        return content_type.partition(b";")[0].strip().lower() in _ACCEPTED

    def refusal(self, status: int, reason: str) -> bytes:
        """A single sentence."""
        return msgspec.json.encode({"error": reason})

    def told(self, error: RegistryError) -> tuple[int, bytes]:
        """A domain error outside a handler."""
        return status_of(error), msgspec.json.encode(body_of(error))

    async def quick(
        self, method: str, parts: list[str], query: bytes, body: bytes, caller: Caller
    ) -> QuickAnswer | None:
        """Nothing here is asked that often."""
        return None


def _answer(request: Call, status: int, body: dict[str, Any]) -> Response[Any]:
    headers = {"retry-after": "1"} if status == 503 else {}
    if PROBLEM in request.headers.get("accept", ""):
        told = problem(status, body, str(request.scope["path"]))
        return Response(msgspec.json.encode(told), status_code=status, media_type=PROBLEM, headers=headers)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _domain(request: Call, error: RegistryError) -> Response[Any]:
    return _answer(request, status_of(error), body_of(error))


def _framework(request: Call, error: HTTPException) -> Response[Any]:
    sentences = {
        404: "The requested document was not found on this server.",
        405: f"The method {request.scope['method']} is not allowed here.",
    }
    return _answer(request, error.status_code, {"error": sentences.get(error.status_code, error.detail)})


def _unexpected(request: Call, error: Exception) -> Response[Any]:
    reference = request.headers.get("x-request-id", "")
    _log.error("unexpected", route=request.scope.get("path_template"), error=type(error).__name__, at=frames(error))
    message = "An error has occurred. The details have been logged."
    return _answer(request, 500, {"error": {"message": message, "reference": reference}})


async def _readable(request: Call) -> None:
    """Names in the path that one of the engines could not hold are refused on both."""
    if any(isinstance(value, str) and "\0" in value for value in request.path_params.values()):
        raise InvalidRequest(NUL)


async def _versioned(response: Response[Any]) -> Response[Any]:
    response.headers["x-pact-broker-version"] = VERSION
    return response


def make_app(parts: Parts | None) -> Litestar:
    """The Litestar app of this dialect. Without parts it can only describe itself."""

    def configure(config: AppConfig) -> AppConfig:
        config.state = State({"parts": parts, "services": parts.services if parts else None})
        return config

    return Litestar(
        route_handlers=[
            *index.HANDLERS,
            *pact_routes.HANDLERS,
            *provider_routes.HANDLERS,
            *pact_list_routes.HANDLERS,
            *verification_routes.HANDLERS,
            *application_routes.HANDLERS,
            *version_routes.HANDLERS,
            *environment_routes.HANDLERS,
            *matrix_routes.HANDLERS,
            *webhook_routes.HANDLERS,
            *report_routes.HANDLERS,
        ],
        guards=[guard],
        middleware=[DecodedParameters],
        before_request=_readable,
        after_request=_versioned,
        exception_handlers={
            RegistryError: _domain,
            HTTPException: _framework,
            Exception: _unexpected,
        },
        on_app_init=[configure],
        openapi_config=OpenAPIConfig(
            title="Tenor: Pact Broker API",
            version="1",
            description="Contracts between consumers and providers, their verifications, and what may be deployed. "
            "Mounted below /pact; existing Pact tools work as they are.",
            path="/-/openapi",
            render_plugins=[],
            use_handler_docstrings=True,
            components=CREDENTIALS,
            security=DEMANDED,
        ),
        logging_config=None,
        debug=False,
    )
