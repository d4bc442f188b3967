"""The dialect as the outer layer sees it: path rewriting, media types, and the Litestar app with its error handling."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Response
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.openapi import OpenAPIConfig

from registry.api.confluent import (
    association_routes,
    compatibility_routes,
    dek_routes,
    schema_routes,
    scope_routes,
    subject_routes,
    tag_routes,
)
from registry.api.confluent.errors import body, told
from registry.api.confluent.parameters import NotANumber
from registry.api.confluent.paths import rewrite
from registry.api.confluent.quick import Asked, recognise, template_of
from registry.api.confluent.wire import ErrorMessage
from registry.api.documented import CREDENTIALS, DEMANDED
from registry.errors import RegistryError
from registry.http.asgi import App
from registry.http.dialect import QuickAnswer
from registry.http.segments import DecodedParameters
from registry.logs import frames
from registry.security.guard import guard
from registry.security.identity import Caller
from registry.services import Call, Services

V1 = b"application/vnd.schemaregistry.v1+json"
_QUALITIES = {V1: 1.0, b"application/vnd.schemaregistry+json": 0.9, b"application/json": 0.5}
_READ = (*_QUALITIES, b"application/octet-stream", b"*/*")
# How msgspec and Litestar refuse a body that is not UTF-8, or nested beyond all sense; nothing else raises them here.
_UNREADABLE = (UnicodeDecodeError, RecursionError)
_log = structlog.get_logger("tenor.confluent")


@lru_cache(256)
def media_type(accept: bytes) -> bytes | None:
    """The content type for an Accept header: by the client's quality, then the server's.

    `*/*`, no header and the JVM's default (`text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2`) all mean v1+json.
    """
    if not accept.strip():
        return V1
    best: tuple[float, float, bytes] | None = None
    for part in accept.split(b","):
        name, _, parameters = part.strip().partition(b";")
        name = name.strip().lower()
        quality = _quality(parameters)
        for media, served in _QUALITIES.items():
            if (
                quality > 0
                and name in (media, b"*/*", b"*", b"application/*")
                and (best is None or (quality, served) > best[:2])
            ):
                best = (quality, served, media)
    return None if best is None else best[2]


def _quality(parameters: bytes) -> float:
    for parameter in parameters.split(b";"):
        name, _, value = parameter.strip().partition(b"=")
        if name.strip() == b"q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


class Confluent:
    """The Confluent Schema Registry API."""

    name = "confluent"
    refusal_type = b"application/json"

    def __init__(self, services: Services) -> None:
        self.services = services
        self.litestar = make_app(services)
        self.app: App = self.litestar  # type: ignore[assignment] # Litestar's own scope types

    def rewrite(self, parts: list[str], query: bytes) -> tuple[list[str], bytes]:
        """Context prefixes become qualified names."""
        return rewrite(parts, query)

    def media_type(self, accept: bytes) -> bytes | None:
        """The content type for an Accept header."""
        return media_type(accept)

    def accepts(self, content_type: bytes) -> bool:
        """The three JSON types and octet-stream, parameters ignored."""
        return content_type.partition(b";")[0].strip().lower() in _READ

    def refusal(self, status: int, reason: str) -> bytes:
        """The two keys."""
        return body(status, reason)

    def told(self, error: RegistryError) -> tuple[int, bytes]:
        """A domain error outside a handler."""
        status, message = told(error, incompatible_code=self.services.settings.incompatible_code)
        return status, msgspec.json.encode(message)

    async def quick(
        self, method: str, parts: list[str], query: bytes, body: bytes, caller: Caller
    ) -> QuickAnswer | None:
        """Answer a request of a shape that every client sends, if it is one."""
        recognised = recognise(method, parts, query)
        if recognised is None:
            return None
        function, parameters = recognised
        try:
            return await function(self.services, Asked(parts, parameters, body, caller))
        except (NotANumber, msgspec.DecodeError, *_UNREADABLE):
            return None  # the route says it, in the words of this dialect
        except RegistryError as error:
            status, answer = self.told(error)
            return QuickAnswer(answer, template_of(parts), None, status)


def _answer(status: int, message: ErrorMessage) -> Response[ErrorMessage]:
    headers = {"retry-after": "1"} if status == 503 else {}
    return Response(message, status_code=status, media_type="application/json", headers=headers)


def _domain(request: Call, error: RegistryError) -> Response[ErrorMessage]:
    code = request.app.state.services.settings.incompatible_code
    return _answer(*told(error, incompatible_code=code))


def _malformed(request: Call, error: Exception) -> Response[ErrorMessage]:
    return _answer(400, ErrorMessage(400, "The request body is not valid JSON"))


def _invalid(request: Call, error: ValidationException) -> Response[ErrorMessage]:
    """A body or parameter of the wrong shape: 422, naming where. Litestar puts JSON that does not parse here too."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SerializationException | msgspec.DecodeError) and not isinstance(
            cause, msgspec.ValidationError
        ):
            return _answer(400, ErrorMessage(400, "The request body is not valid JSON"))
        cause = cause.__cause__ or cause.__context__
    reasons = [f"{each.get('key', 'body')}: {each.get('message')}" for each in _extra(error)]
    return _answer(422, ErrorMessage(422, "; ".join(reasons) or error.detail))


def _extra(error: HTTPException) -> list[dict[str, Any]]:
    return [each for each in error.extra if isinstance(each, dict)] if isinstance(error.extra, list) else []


def _framework(request: Call, error: HTTPException) -> Response[ErrorMessage]:
    if error.status_code == 400 and (error.__cause__ is not None or "JSON" in error.detail):
        return _answer(400, ErrorMessage(400, "The request body is not valid JSON"))
    phrases = {404: "HTTP 404 Not Found", 405: "HTTP 405 Method Not Allowed"}
    message = phrases.get(error.status_code, error.detail)
    return _answer(error.status_code, ErrorMessage(error.status_code, message))


def _unexpected(request: Call, error: Exception) -> Response[ErrorMessage]:
    _log.error("unexpected", route=request.scope.get("path_template"), error=type(error).__name__, at=frames(error))
    return _answer(500, ErrorMessage(500, "Internal server error"))


def make_app(services: Services | None) -> Litestar:
    """The Litestar app of this dialect. Without services it can only describe itself."""
    handlers = [
        *subject_routes.HANDLERS,
        *schema_routes.HANDLERS,
        *compatibility_routes.HANDLERS,
        *scope_routes.HANDLERS,
        *association_routes.HANDLERS,
        *tag_routes.HANDLERS,
        *dek_routes.HANDLERS,
    ]

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
            **dict.fromkeys(_UNREADABLE, _malformed),
            Exception: _unexpected,
        },
        on_app_init=[configure],
        openapi_config=OpenAPIConfig(
            title="Tenor: Confluent Schema Registry API",
            version="1",
            description="Versioned event schemas with compatibility rules. Existing registry clients work as is.",
            path="/-/openapi",
            render_plugins=[],
            use_handler_docstrings=True,
            components=CREDENTIALS,
            security=DEMANDED,
        ),
        logging_config=None,
        debug=False,
    )
