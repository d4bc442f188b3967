"""`/health/live`, `/health/ready` (also `/live`, `/ready`), `/metrics`, `/docs` and the OpenAPI files behind it.

Swagger UI's files come from an installed package; not one request of the page leaves the host.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import litestar
import msgspec
from litestar import Litestar, MediaType, Response
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from registry.api.confluent.errors import told
from registry.errors import RegistryError
from registry.http.asgi import App
from registry.http.dialect import QuickAnswer
from registry.http.segments import DecodedParameters
from registry.security.access import PUBLIC
from registry.security.guard import guard
from registry.security.identity import Caller
from registry.services import Call, Services, services
from registry.store.migrations import package_data

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
}
APIS = {"confluent": "Confluent Schema Registry", "v1": "Tenor", "broker": "Pact Broker"}
_CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Tenor API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body><div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/swagger-ui-standalone-preset.js"></script>
<script src="docs/assets/start.js"></script>
</body>
</html>
"""


def _start_script() -> str:
    urls = [{"url": f"openapi/{name}.json", "name": title} for name, title in APIS.items()]
    return (
        f"window.ui = SwaggerUIBundle({{urls: {msgspec.json.encode(urls).decode()}, dom_id: '#swagger-ui', "
        "deepLinking: true, validatorUrl: null, docExpansion: 'list', layout: 'StandaloneLayout', "
        "presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset]});"
    )


def _asset(name: str) -> Path:
    folder = Path(str(files("swagger_ui_bundle")))
    return next(folder.rglob(name))


@litestar.get(["/health/live", "/live"], needs=PUBLIC, include_in_schema=False)
async def live(request: Call) -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@litestar.get(["/health/ready", "/ready"], needs=PUBLIC, include_in_schema=False)
async def ready(request: Call) -> Response[dict[str, str]]:
    """The database answers too."""
    try:
        await services(request).read(lambda db: db.one("SELECT 1"))
    except RegistryError as error:
        return Response({"status": "not ready", "reason": str(error)}, status_code=503, headers={"retry-after": "1"})
    return Response({"status": "ready"})


@litestar.get("/metrics", needs=PUBLIC, include_in_schema=False, media_type="text/plain")
async def metrics(request: Call) -> Response[bytes]:
    """What Prometheus scrapes."""
    return Response(services(request).metrics.text(), media_type="text/plain; version=0.0.4")


@litestar.get("/docs", needs=PUBLIC, include_in_schema=False, media_type=MediaType.HTML)
async def docs(request: Call) -> Response[str]:
    """Swagger UI over the served descriptions."""
    return Response(_PAGE, media_type="text/html", headers={"content-security-policy": _CSP})


@litestar.get("/docs/assets/{name:str}", needs=PUBLIC, include_in_schema=False, media_type="text/plain")
async def asset(request: Call, name: FromPath[str]) -> Response[bytes]:
    """One of Swagger UI's files."""
    if name == "start.js":
        return Response(_start_script().encode(), media_type="text/javascript")
    if name not in ASSETS:
        return Response(b"not found", status_code=404, media_type="text/plain")
    return Response(
        _asset(name).read_bytes(), media_type=ASSETS[name], headers={"cache-control": "public, max-age=86400"}
    )


@litestar.get("/openapi/{name:str}", needs=PUBLIC, include_in_schema=False, media_type="application/json")
async def openapi(request: Call, name: FromPath[str]) -> Response[bytes]:
    """The exported description of one API."""
    if name.removesuffix(".json") not in APIS:
        return Response(b'{"error_code":404,"message":"HTTP 404 Not Found"}', status_code=404)
    return Response(
        (package_data("openapi") / f"{name.removesuffix('.json')}.json").read_bytes(), media_type="application/json"
    )


def _error(request: Call, error: HTTPException) -> Response[dict[str, Any]]:
    return Response({"error_code": error.status_code, "message": error.detail}, status_code=error.status_code)


class Pages:
    """Health, metrics and documentation."""

    name = "pages"
    refusal_type = b"application/json"

    def __init__(self, services: Services) -> None:
        def configure(config: AppConfig) -> AppConfig:
            config.state = State({"services": services})
            return config

        self.app: App = Litestar(  # type: ignore[assignment] # Litestar's own scope types
            route_handlers=[live, ready, metrics, docs, asset, openapi],
            guards=[guard],
            middleware=[DecodedParameters],
            exception_handlers={HTTPException: _error},
            on_app_init=[configure],
            openapi_config=None,
            logging_config=None,
        )

    def rewrite(self, parts: list[str], query: bytes) -> tuple[list[str], bytes]:
        """Paths as they are."""
        return parts, query

    def media_type(self, accept: bytes) -> bytes | None:
        """Plain JSON."""
        return b"application/json"

    def accepts(self, content_type: bytes) -> bool:
        """Any body is ignored."""
        return True

    def refusal(self, status: int, reason: str) -> bytes:
        """A JSON sentence."""
        return msgspec.json.encode({"error_code": status, "message": reason})

    def told(self, error: RegistryError) -> tuple[int, bytes]:
        """A domain error outside a handler."""
        status, message = told(error)
        return status, msgspec.json.encode(message)

    async def quick(
        self, method: str, parts: list[str], query: bytes, body: bytes, caller: Caller
    ) -> QuickAnswer | None:
        """Nothing here is worth it."""
        return None
