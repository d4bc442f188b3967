"""What the route modules share: decorators that declare needs, what a request carries, and how answers are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import litestar
import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from msgspec import Struct

from contracts import nested_query
from contracts.api.broker import answers
from contracts.broker import Desk
from contracts.catalog import Page
from contracts.options import Options
from contracts.sealing import Sealer
from contracts.urls import Urls
from registry.errors import InvalidRequest
from registry.security.access import Action, Needs
from registry.security.guard import RESOLVERS, actor_of, decide, may
from registry.services import Call, Services
from registry.store.engine import Db

MOUNT = "pact"
NUL = "A NUL character cannot be part of a name"
LONGEST_PAGE = 1000

READ = Needs(Action.READ, "application", "name")
WRITE = Needs(Action.WRITE, "application", "name")
DELETE = Needs(Action.DELETE, "application", "name")
READ_ALL = Needs(Action.READ, "application")
READ_SOME = Needs(Action.READ, "application", filtered=True)
WRITE_SOME = Needs(Action.WRITE, "application", filtered=True)
READ_PACT = Needs(Action.READ, "application", "provider", either="consumer")
WRITE_PACT = Needs(Action.WRITE, "application", "consumer")
WRITE_RESULT = Needs(Action.WRITE, "application", "provider")
PURGE_ALL = Needs(Action.PURGE, "application")
DELETE_PACT = Needs(Action.DELETE, "application", "consumer")
READ_ENVIRONMENT = Needs(Action.READ, "environment", "uuid")
CONFIGURE_ENVIRONMENT = Needs(Action.CONFIGURE, "environment", "uuid")
CONFIGURE_ENVIRONMENTS = Needs(Action.CONFIGURE, "environment")
READ_ENVIRONMENTS = Needs(Action.READ, "environment", filtered=True)
DEPLOY = Needs(Action.DEPLOY, "environment", "uuid")
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
    shared, actor = parts(call), actor_of(call)
    options = replace(
        shared.options, may_deploy=lambda environment: may(actor, Action.DEPLOY, "environment", environment)
    )
    return Desk(actor, options, shared.sealer, urls(call))


def sees(call: Call) -> Callable[..., bool]:
    """A test of names: whether the caller may read one of these applications. A pact is seen from both sides."""
    actor = actor_of(call)
    return lambda *names: any(may(actor, Action.READ, "application", name) for name in names)


def sees_every(call: Call) -> bool:
    """Whether the caller may read every application."""
    return may(actor_of(call), Action.READ, "application", "*")


def require(call: Call, action: Action, *applications: str) -> None:
    """Raises Forbidden or Unauthenticated unless the caller may do this to every one of these applications."""
    for name in applications:
        decide(actor_of(call), action, f"application:{name}")


def environments_meant(db: Db, uuid: str) -> Sequence[str]:
    """The name of the environment that a path means by its own number, or by that of what is deployed there."""
    row = db.one(
        """SELECT name FROM environment WHERE uuid = :uuid
        UNION ALL SELECT e.name FROM environment e JOIN deployed_version d ON d.environment_pk = e.pk
        WHERE d.uuid = :uuid
        UNION ALL SELECT e.name FROM environment e JOIN released_version r ON r.environment_pk = e.pk
        WHERE r.uuid = :uuid""",
        uuid=uuid,
    )
    return [] if row is None else [str(row[0])]


RESOLVERS["environment"] = environments_meant


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


# Declaring routes.


def asked(name: str, description: str, kind: OpenAPIType = OpenAPIType.STRING, **limits: Any) -> Parameter:
    """A parameter of the query, which the handler reads by itself: old tools nest them in several ways."""
    return Parameter(name, "query", description=description, required=False, schema=Schema(type=kind, **limits))


PAGES = (
    asked("page", "which part of the list, from 1", OpenAPIType.INTEGER, minimum=1),
    asked("size", "how many a part has", OpenAPIType.INTEGER, minimum=1),
)
CONTAINING = asked("q", "what the names contain")


@dataclass
class _Described(Operation):
    """An operation with a body and parameters that the handler's signature does not show."""

    takes: ClassVar[type[Struct] | None] = None
    asks: ClassVar[tuple[Parameter, ...]] = ()

    def __post_init__(self) -> None:
        if self.takes is not None:
            shape = _inlined(self.takes)
            media = OpenAPIMediaType(schema=shape)  # type: ignore[arg-type] # plain data prints as it is
            self.request_body = RequestBody(content={"application/json": media}, required="required" in shape)
        if self.asks:
            self.parameters = [*(self.parameters or ()), *self.asks]


def _inlined(shape: type[Struct]) -> dict[str, Any]:
    """The JSON Schema of a request, in one piece: Litestar collects only what signatures name."""
    schema = msgspec.json.schema(shape)
    definitions = schema.pop("$defs")

    def resolved(part: Any) -> Any:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            return resolved(definitions[name]) if name else {key: resolved(value) for key, value in part.items()}
        return [resolved(each) for each in part] if isinstance(part, list) else part

    found: dict[str, Any] = resolved(schema)
    return found


def _spec(shape: Any, description: str) -> ResponseSpec:
    return ResponseSpec(shape, description=description, generate_examples=False)


_FAILURES = {
    status: _spec(answers.Failure, text)
    for status, text in (
        (400, "The request is malformed, or contradicts itself."),
        (401, "Who calls is not known."),
        (403, "The caller may not do this."),
        (404, "Something that was named is not there."),
        (408, "The body did not come in time."),
        (409, "It contradicts what is stored."),
        (413, "The body is larger than the limit."),
        (415, "The body's media type is not read."),
        (422, "It cannot be done in the state that things are in."),
        (429, "Too many requests: wait as long as Retry-After says."),
        (503, "The server is busy: try again."),
    )
}


def _options(
    path: str | list[str],
    needs: Needs,
    gives: Any = None,
    *,
    takes: type[Struct] | None = None,
    asks: Sequence[Parameter] = (),
    creates: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """What Litestar wants to know of a route. `gives`: the shape of its answer, `takes`: of its body, `asks`: its
    query, `creates`: it answers 201 where it made what was not there."""
    tag = (path if isinstance(path, str) else path[0]).split("/")[1].partition(":")[0].strip("{}") or "index"
    options = {"status_code": 200, "media_type": "application/json", **options}
    responses = dict(_FAILURES)
    if gives is not None:
        responses[options["status_code"]] = _spec(gives, "As asked.")
        if creates:
            responses[201] = _spec(gives, "It was not there, and is made now.")
    if takes is not None or asks:
        # A dataclass of its own for each route would cost tens of milliseconds at start.
        options["operation_class"] = type("Described", (_Described,), {"takes": takes, "asks": tuple(asks)})
    return {"needs": needs, "tags": [tag], "responses": responses, **options}


def get(path: str | list[str], needs: Needs, gives: Any = None, **options: Any) -> Callable[[Handler], Any]:
    """A GET route; `gives` None: text."""
    return litestar.get(path, **_options(path, needs, gives, **options))


def post(path: str, needs: Needs, takes: type[Struct], gives: Any, **options: Any) -> Callable[[Handler], Any]:
    """A POST route."""
    return litestar.post(path, **_options(path, needs, gives, takes=takes, **options))


def put(path: str, needs: Needs, takes: type[Struct], gives: Any, **options: Any) -> Callable[[Handler], Any]:
    """A PUT route; it creates what is not there, unless told otherwise."""
    return litestar.put(path, **_options(path, needs, gives, takes=takes, **{"creates": True, **options}))


def patch(path: str, needs: Needs, takes: type[Struct], gives: Any, **options: Any) -> Callable[[Handler], Any]:
    """A PATCH route; it creates what is not there, unless told otherwise."""
    return litestar.patch(path, **_options(path, needs, gives, takes=takes, **{"creates": True, **options}))


def delete(path: str, needs: Needs, gives: Any = None, **options: Any) -> Callable[[Handler], Any]:
    """A DELETE route."""
    return litestar.delete(path, **_options(path, needs, gives, **{"status_code": 204, **options}))
