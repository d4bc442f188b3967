"""What the route modules of this dialect share: decorators that declare needs and problems, and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import litestar
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter

from registry.api.documented import ALWAYS
from registry.api.v1.errors import MEDIA_TYPE, TABLE
from registry.api.v1.wire import Problem
from registry.errors import Busy, RegistryError, StoreFailed
from registry.security.access import Needs

BASE = "/api/v1"
MOST = 200

Handler = Callable[..., Any]
Decorator = Callable[[Handler], Any]

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST, description="at most so many")]
Cursor = Annotated[
    str | None, QueryParameter(name="cursor", max_length=8000, description="`next_cursor` of the page before")
]
DryRun = Annotated[bool, QueryParameter(name="dry_run", description="do it all, answer the same, and change nothing")]
Deleted = Annotated[bool, QueryParameter(name="deleted", description="also if it has no live version")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="1 to 255 visible ASCII characters: within a day the same request is done once, and answered the "
        "same; a dry run ignores it",
    ),
]


def _responses(errors: tuple[type[RegistryError], ...]) -> dict[int, ResponseSpec]:
    told: dict[int, list[str]] = {status: [text] for status, text in ALWAYS.items()}
    for error in (*errors, StoreFailed, Busy):
        kind = TABLE[error]
        told.setdefault(kind.status, []).append(f"{kind.slug}: {kind.title}.")
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=" ".join(texts), media_type=MEDIA_TYPE)
        for status, texts in sorted(told.items())
    }


def _route(make: Handler, path: str, needs: Needs, errors: tuple[type[RegistryError], ...], options: Any) -> Decorator:
    responses = {**_responses(errors), **options.pop("answers", {})}
    decorator: Decorator = make(BASE + path, needs=needs, responses=responses, **{"status_code": 200, **options})
    return decorator


def answer(container: Any, description: str) -> ResponseSpec:
    """A success besides the main one (`answers={200: answer(…)}`)."""
    return ResponseSpec(container, generate_examples=False, description=description)


def get(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Decorator:
    """A GET route."""
    return _route(litestar.get, path, needs, errors, options)


def post(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Decorator:
    """A POST route. It answers 200 unless `status_code` says that it creates."""
    return _route(litestar.post, path, needs, errors, options)


def delete(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Decorator:
    """A DELETE route. It answers 204."""
    return _route(litestar.delete, path, needs, errors, {"status_code": 204, **options})


def put(path: str, needs: Needs, *errors: type[RegistryError], **options: Any) -> Decorator:
    """A PUT route."""
    return _route(litestar.put, path, needs, errors, options)
