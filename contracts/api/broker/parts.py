"""What the route modules share: decorators that declare needs, what a request carries, and how answers are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import litestar
import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from msgspec import Struct

from contracts import nested_query
from contracts.broker import Desk
from contracts.catalog import Page
from contracts.options import Options
from contracts.sealing import Sealer
from contracts.urls import Urls
from registry.errors import InvalidRequest
from registry.security.access import Action, Needs
from registry.security.guard import actor_of
from registry.services import Call, Services

MOUNT = "pact"
NUL = "A NUL character cannot be part of a name"
LONGEST_PAGE = 1000

READ = Needs(Action.READ, "application", "name")
WRITE = Needs(Action.WRITE, "application", "name")
DELETE = Needs(Action.DELETE, "application", "name")
READ_ALL = Needs(Action.READ, "application")
WRITE_ALL = Needs(Action.WRITE, "application")
READ_PACT = Needs(Action.READ, "application", "provider")
WRITE_PACT = Needs(Action.WRITE, "application", "consumer")
WRITE_RESULT = Needs(Action.WRITE, "application", "provider")
DELETE_PACT = Needs(Action.DELETE, "application", "consumer")
READ_ENVIRONMENT = Needs(Action.READ, "environment", "uuid")
CONFIGURE_ENVIRONMENT = Needs(Action.CONFIGURE, "environment", "uuid")
CONFIGURE_ENVIRONMENTS = Needs(Action.CONFIGURE, "environment")
READ_ENVIRONMENTS = Needs(Action.READ, "environment")
READ_WEBHOOK = Needs(Action.READ, "webhook", "uuid")
CONFIGURE_WEBHOOK = Needs(Action.CONFIGURE, "webhook", "uuid")
READ_WEBHOOKS = Needs(Action.READ, "webhook")
CONFIGURE_WEBHOOKS = Needs(Action.CONFIGURE, "webhook")

Handler = Callable[..., Any]
Answer = Response[Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """The server's parts and what is set about contract testing. In the app's state as `parts`."""

    services: Services
    options: Options
    sealer: Sealer


def parts(call: Call) -> Parts:
    """The parts, from a request."""
    found: Parts = call.app.state.parts
    return found


def urls(call: Call) -> Urls:
    """Addresses as this client sees them: below the public URL, else below the host it asked."""
    public = parts(call).services.settings.public_url.rstrip("/")
    if not public:
        host = call.headers.get("host") or "localhost"
        public = f"{call.scope.get('scheme', 'http')}://{host}"
    return Urls(f"{public}/{MOUNT}")


def desk(call: Call) -> Desk:
    """What the use cases need to know of a request."""
    shared = parts(call)
    return Desk(actor_of(call), shared.options, shared.sealer, urls(call))


def query(call: Call) -> dict[str, Any]:
    """The query, nested."""
    return nested_query.parse(call.scope["query_string"].decode("latin-1"))


def page(asked: Mapping[str, Any], *, size: int | None = None) -> Page:
    """The part of a list that a query asks for; `size` where it does not say. Raises InvalidRequest."""
    number = _positive(asked.get("page", asked.get("pageNumber")), "page") or 1
    return Page(number, _positive(asked.get("size", asked.get("pageSize")), "size") or size)


def _positive(value: object, name: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8 and int(value) >= 1:
        return min(int(value), LONGEST_PAGE) if name == "size" else int(value)
    raise InvalidRequest(f"The parameter {name} must be a whole number of at least 1")


async def body(call: Call) -> Mapping[str, Any]:
    """The JSON object of a request; nothing counts as an empty one. Raises InvalidRequest."""
    raw = await call.body()
    if not raw.strip():
        return {}
    if b"\\u0000" in raw:
        raise InvalidRequest(NUL)
    try:
        read = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise InvalidRequest(f"The body is not valid JSON: {problem}") from None
    if not isinstance(read, dict):
        raise InvalidRequest("The body must be a JSON object")
    return read


def answer(content: Any, status: int = 200, *, location: str | None = None) -> Answer:
    """A HAL answer; the outer layer gives it the exact media type that clients insist on."""
    headers = {"location": location} if location else {}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(text, status_code=status, headers=headers, media_type="application/json")


def text(content: str, media_type: str) -> Answer:
    """An answer that is not JSON."""
    return Response(content.encode(), media_type=media_type)


def time(ms: int) -> str:
    """A time as answers print it: `2024-01-31T10:11:12+00:00`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


class Failure(Struct, omit_defaults=True):
    """What went wrong: a sentence, or sentences by field."""

    error: str | None = None
    errors: Any = None


@dataclass
class _WithBody(Operation):
    """An operation whose body the handler reads by itself, since old tools send odd ones: none, or nothing in it."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(content={"application/json": media})


_FAILURES = {
    status: ResponseSpec(Failure, description=text, generate_examples=False)
    for status, text in (
        (400, "The request is malformed, or contradicts itself."),
        (404, "Something that was named is not there."),
        (409, "It contradicts what is stored."),
        (503, "The server is busy: try again."),
    )
}


_CREATED = {
    201: ResponseSpec(dict[str, Any], description="It was not there, and is made now.", generate_examples=False)
}


def _options(path: str | list[str], needs: Needs, options: dict[str, Any], *, body: bool = False) -> dict[str, Any]:
    tag = (path if isinstance(path, str) else path[0]).split("/")[1].partition(":")[0].strip("{}") or "index"
    described: dict[str, Any] = {"responses": _FAILURES}
    if body:
        described["operation_class"] = _WithBody
    return {
        "needs": needs,
        "status_code": 200,
        "tags": [tag],
        "media_type": "application/json",
        **described,
        **options,
    }


def get(path: str | list[str], needs: Needs, **options: Any) -> Callable[[Handler], Any]:
    """A GET route."""
    return litestar.get(path, **_options(path, needs, options))


def post(path: str, needs: Needs, **options: Any) -> Callable[[Handler], Any]:
    """A POST route."""
    return litestar.post(path, **_options(path, needs, options, body=True))


def put(path: str, needs: Needs, **options: Any) -> Callable[[Handler], Any]:
    """A PUT route."""
    return litestar.put(path, **_options(path, needs, {"responses": _FAILURES | _CREATED, **options}, body=True))


def patch(path: str, needs: Needs, **options: Any) -> Callable[[Handler], Any]:
    """A PATCH route."""
    return litestar.patch(path, **_options(path, needs, {"responses": _FAILURES | _CREATED, **options}, body=True))


def delete(path: str, needs: Needs, **options: Any) -> Callable[[Handler], Any]:
    """A DELETE route."""
    return litestar.delete(path, **{**_options(path, needs, options), "status_code": options.get("status_code", 204)})
