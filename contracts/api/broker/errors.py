"""The one error table of this dialect: domain error → HTTP status, and its bodies.

    {"error": "text"}                                   a single sentence
    {"errors": {"field": ["sentence", …]}}              a body with faults
    {"errors": ["sentence", …]}                         a question with faults
    {"notices": […], "errors": {"contracts": ["…"]}}    a publication that contradicts what is stored
    {"error": {"message": …, "reference": …}}           the server failed

Who accepts `application/problem+json` gets that instead. No mistake of a client is a 5xx: clients repeat those.
"""

from __future__ import annotations

from typing import Any

from contracts import errors
from contracts.notices import Level
from registry import errors as registry

TABLE: dict[type[registry.RegistryError], int] = {
    errors.NotFound: 404,
    errors.Invalid: 400,
    errors.Conflict: 409,
    errors.ApplicationExists: 409,
    errors.Unprocessable: 422,
    errors.ContractError: 500,
    registry.NotFound: 404,
    registry.Invalid: 400,
    registry.SchemaTooLarge: 413,
    registry.WrongState: 422,
    registry.Refused: 409,
    registry.Unauthenticated: 401,
    registry.Forbidden: 403,
    registry.Denied: 403,
    registry.RateLimited: 429,
    registry.Busy: 503,
    registry.StoreFailed: 500,
    registry.Unavailable: 503,
    registry.RegistryError: 500,
}

PROBLEM = "application/problem+json"
_TITLES = {400: "Bad request", 401: "Unauthorised", 403: "Forbidden", 404: "Not found", 405: "Method not allowed"}
_TITLES |= {
    409: "Conflict",
    413: "Too large",
    408: "Too slow",
    429: "Too many requests",
    415: "Unsupported media type",
    422: "Unprocessable",
}
_TITLES |= {500: "Server error", 503: "Busy"}


def status_of(error: registry.RegistryError) -> int:
    """The status of an error: its own row, or that of its nearest ancestor."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def body_of(error: registry.RegistryError) -> dict[str, Any]:
    """The body that says it."""
    if isinstance(error, errors.InvalidFields):
        return {"errors": {name: list(sentences) for name, sentences in error.fields.items()}}
    if isinstance(error, errors.InvalidQuery):
        return {"errors": list(error.reasons)}
    if isinstance(error, errors.PactConflicts):
        return {
            "notices": [notice for conflict in error.conflicts for notice in _conflict_notices(conflict)],
            "errors": {"contracts": [str(conflict) for conflict in error.conflicts]},
        }
    if isinstance(error, errors.SimilarName):
        return {"notices": [{"type": Level.ERROR, "text": str(error)}], "errors": {"name": [str(error)]}}
    return {"error": str(error)}


def _conflict_notices(conflict: errors.Conflict) -> list[dict[str, str]]:
    notices = [{"type": Level.ERROR.value, "text": str(conflict)}]
    difference = conflict.data.get("difference")
    if difference:
        notices.append({"type": Level.INFO.value, "text": f"What would change:\n{difference}"})
    return notices


def problem(status: int, body: dict[str, Any], instance: str) -> dict[str, Any]:
    """The same as a problem of RFC 9457."""
    found: dict[str, Any] = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status}
    found["instance"] = instance
    listed = body.get("errors")
    if isinstance(listed, dict):
        found["errors"] = [
            {"type": "about:blank", "title": "Invalid", "detail": sentence, "pointer": f"/{name}"}
            for name, sentences in listed.items()
            for sentence in sentences
        ]
    elif isinstance(listed, list):
        found["errors"] = [{"type": "about:blank", "title": "Invalid", "detail": sentence} for sentence in listed]
    elif "error" in body:
        error = body["error"]
        found["detail"] = error["message"] if isinstance(error, dict) else error
    return found
