"""What the OpenAPI description of a route says beyond its signature: which errors it answers."""

from __future__ import annotations

from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Components, SecurityScheme
from msgspec import Struct

CREDENTIALS = Components(
    security_schemes={
        "bearer": SecurityScheme(type="http", scheme="bearer", description="An API token, or a JWT."),
        "basic": SecurityScheme(type="http", scheme="basic", description="A password, or an API token in its place."),
    }
)
"""How callers say who they are."""

DEMANDED: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}, {}]
"""One of them, or none where the server is open."""

ALWAYS = {
    400: "The request is malformed.",
    401: "Who calls must be known.",
    403: "The caller may not do this.",
    406: "No acceptable media type.",
    408: "The body did not come in time.",
    413: "The body is larger than the limit.",
    415: "The body's media type is not read.",
    429: "The caller sent too many requests: try again.",
    500: "The server failed.",
    503: "The server is busy: try again.",
}


def responses(container: type[Struct], codes: dict[int, list[str]]) -> dict[int, ResponseSpec]:
    """Specs by HTTP status: those every route can answer, and its own."""
    merged: dict[int, list[str]] = {status: [text] for status, text in ALWAYS.items()}
    for status, texts in codes.items():
        merged.setdefault(status, []).extend(texts)
    return {
        status: ResponseSpec(data_container=container, description=" · ".join(texts), generate_examples=False)
        for status, texts in sorted(merged.items())
    }


def plain(text: str) -> dict[str, Any]:
    """Handler options for a route whose body is text of its own media type."""
    return {"media_type": text}
