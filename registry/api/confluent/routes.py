"""What the route modules of this dialect share: decorators that declare needs and errors, and request helpers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import litestar

from registry.api.confluent.errors import TABLE, status_of
from registry.api.confluent.wire import ErrorMessage
from registry.api.documented import responses
from registry.errors import Busy, RegistryError, StoreFailed
from registry.security.access import Needs

Handler = Callable[..., Any]


def _options(path: str, needs: Needs, errors: tuple[type[RegistryError], ...], body: bool) -> dict[str, Any]:
    codes: dict[int, list[str]] = {}
    listed: list[type[RegistryError]] = [*errors, StoreFailed, Busy]
    for error in listed:
        code = TABLE[error]
        text = (error.__doc__ or error.__name__).splitlines()[0] if "{" in error.sentence[:1] else error.sentence
        codes.setdefault(status_of(code), []).append(f"{code}: {text}")
    if body:
        codes.setdefault(422, []).append("422: The body has the wrong shape.")
    tag = path.split("/")[1].partition(":")[0] or "server"
    return {"needs": needs, "responses": responses(ErrorMessage, codes), "status_code": 200, "tags": [tag]}


def get(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Callable[[Handler], Any]:
    """A GET route."""
    return litestar.get(path, **{**_options(path, needs, errors, body=False), **options})


def post(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Callable[[Handler], Any]:
    """A POST route; it answers 200, never 201."""
    return litestar.post(path, **{**_options(path, needs, errors, body=True), **options})


def put(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Callable[[Handler], Any]:
    """A PUT route."""
    return litestar.put(path, **{**_options(path, needs, errors, body=True), **options})


def delete(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Callable[[Handler], Any]:
    """A DELETE route."""
    return litestar.delete(path, **{**_options(path, needs, errors, body=False), **options})
