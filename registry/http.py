"""What all dialects share on the wire. It decides nothing about schemas.

One outer ASGI layer stands before the Litestar apps:

    raw path ─ segments ─ dialect's rewriting ─ ready answer? ─ yes → sent as it is
                                                             └ no  → Litestar, which meets neither `/` nor an empty
                                                                     segment; a ready answer may be left behind

Segments: the raw path is split on `/` first and each segment percent-decoded once. For routing a decoded segment is
written in a reversible form (`encoded`), which `DecodedParameters` undoes after routing, so that handlers see
`a/b`, `:.ctx:x` or the empty name as they are.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import quote, unquote_to_bytes

from registry.errors import RateLimited, RegistryError, Unauthenticated
from registry.hot import HotReads, Keep, Key, Ready
from registry.logs import frames
from registry.metrics import Counts
from registry.security.access import EVERYTHING, NOTHING, split
from registry.security.authority import Authority
from registry.security.cors import cors
from registry.security.identity import Caller
from registry.security.limits import Limits, Standing
from registry.store.engine import Store

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]
Pairs = list[tuple[bytes, bytes]]
Fetched = Callable[[str, bytes, bytes], None]
"""(application as it names itself, raw path, query)."""

_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_LONGEST_APPLICATION = 200
_MOST_DISCARDED, _LONGEST_DISCARDING = 64_000_000, 5.0
_SMALL = 100_000  # bytes of a posted body that may be a key of a ready answer
_EMPTY = "%_"  # no percent-encoding of anything


def encoded(segment: str) -> str:
    """A decoded segment in the form that routing sees: never empty, never with a slash."""
    return segment if segment.isalnum() and segment.isascii() else quote(segment, safe=":") or _EMPTY


def decoded(segment: str) -> str:
    """The inverse of `encoded`."""
    return "" if segment == _EMPTY else unquote_to_bytes(segment).decode("utf-8", "replace")


def segments(raw_path: bytes) -> list[str]:
    """The decoded segments of a raw path; one trailing slash does not count. `/` has none."""
    parts = raw_path.decode("latin-1").split("/")[1:]
    if parts and parts[-1] == "":
        parts.pop()
    return [unquote_to_bytes(part).decode("utf-8", "replace") if "%" in part else part for part in parts]


class DecodedParameters:
    """Innermost ASGI middleware of a Litestar app: path parameters as the client meant them."""

    # Litestar has its own names for ASGI's types.
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if parameters := scope.get("path_params"):
            scope["path_params"] = {
                name: decoded(value) if isinstance(value, str) and "%" in value else value
                for name, value in parameters.items()
            }
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class QuickAnswer:
    """A JSON answer found without a router: its body, the route template it stands for, and whether to keep it."""

    body: bytes
    template: str
    keep: Keep | None
    status: int = 200


class Dialect(Protocol):
    """One API: how its paths are read, which media types it speaks, and the app behind."""

    name: str
    app: App
    refusal_type: bytes
    """The content type of `refusal` and `told`."""

    def rewrite(self, parts: list[str], query: bytes) -> tuple[list[str], bytes]:
        """Segments and query as the routes expect them."""
        ...

    def media_type(self, accept: bytes) -> bytes | None:
        """The content type of a JSON answer for an Accept header; None when nothing is acceptable."""
        ...

    def refusal(self, status: int, reason: str) -> bytes:
        """A body for what is refused before the app is reached: 406, 413, 415, 503."""
        ...

    def told(self, error: RegistryError) -> tuple[int, bytes]:
        """A domain error met before the app is reached, as (status, body)."""
        ...

    def accepts(self, content_type: bytes) -> bool:
        """Whether a request body of this type is read."""
        ...

    async def quick(
        self, method: str, parts: list[str], query: bytes, body: bytes, caller: Caller
    ) -> QuickAnswer | None:
        """Answer without a router what is asked most; None leaves it to the app."""
        ...


_PREFIX = os.urandom(6).hex()
_COUNTER = itertools.count()


def _request_id() -> bytes:
    return f"{_PREFIX}{next(_COUNTER):08x}".encode()


_NOTHING: Pairs = []
_NO_BODY: Message = {"type": "http.disconnect"}
_NEVER_KEPT: Key = (b"", b"", b"")


def posted(body: bytes) -> bytes:
    """A posted body as part of a key: its SHA-256, so that ready answers do not hold every schema twice."""
    return sha256(body).digest()


async def _whole(receive: Receive, length: int) -> Message:
    """A body of a known length as one message, however the server cuts it; or what came instead of it."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) >= length or not message.get("more_body", False):
            return {"type": "http.request", "body": body, "more_body": False}


def _again(receive: Receive, first: Message) -> Receive:
    """The channel with a message put back that was read to look at it."""
    waiting = [first]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


def _unnoticed(application: str, raw_path: bytes, query: bytes) -> None:
    """Nobody wants to know who fetched what."""


class TooLarge(Exception):
    """A body went past the limit while it was being read."""


class TooSlow(Exception):
    """A body did not come within the time that a request may take."""


_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HARDENED = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    _CSP,
)
"""What every answer says to browsers; a page says its own policy for content."""

_CHALLENGES = (
    (b"www-authenticate", b'Bearer realm="tenor"'),
    (b"www-authenticate", b'Basic realm="tenor", charset="UTF-8"'),
)


class Outer:
    """The outermost ASGI app: every request enters and every answer leaves here."""

    def __init__(
        self,
        dialects: dict[str, Dialect],
        default: Dialect,
        hot: HotReads,
        store: Store,
        metrics: Counts,
        authority: Authority,
        *,
        body_limit: int,
        timeout: float,
        lifespan: App,
        log: Callable[..., None],
        log_all: bool,
        cache_headers: bool = False,
        rate_limit: int = 0,
        cors_origins: str = "",
    ) -> None:
        self.limits = Limits(rate_limit) if rate_limit else None
        self.cors = cors(cors_origins)
        self.dialects = dialects
        self.default = default
        self.hot = hot
        self.store = store
        self.metrics = metrics
        self.authority = authority
        self.body_limit = body_limit
        self.timeout = timeout
        self.lifespan = lifespan
        self.log = log
        self.log_all = log_all
        self.cache_headers = cache_headers
        self.fetched: Fetched = _unnoticed
        """Told of every answered GET that names its application; the composition root plugs it in."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.lifespan(scope, receive, send)
            return
        started = time.perf_counter()
        accept = content_type = request_id = application = agent = None
        length = 0
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value
            elif name == b"x-request-id":
                request_id = value[:128]
            elif name == b"content-type":
                content_type = value
            elif name == b"tenor-application":
                application = value.decode("latin-1")[:_LONGEST_APPLICATION]
            elif name == b"user-agent" and b"@" in value and b"@" in value.partition(b" ")[0]:
                # `billing@1.4 any-client/2.0`: an application that can set no other header.
                agent = value.partition(b" ")[0].decode("latin-1")[:_LONGEST_APPLICATION]
            elif name == b"content-length":
                # More digits than any length has would take Python long to read.
                length = int(value[:20]) if value.isdigit() else 0
        request_id = request_id or _request_id()
        application = application or agent
        raw_path = scope.get("raw_path") or scope["path"].encode()
        method = scope["method"]
        late = False
        caller = self.authority.remembered(scope)
        extra, standing = self._extra(scope, caller) if self.limits or self.cors else (_NOTHING, None)
        if self.cors is not None and (granted := self.cors.preflight(method, scope["headers"])) is not None:
            await send({"type": "http.response.start", "status": 204, "headers": granted})
            await send({"type": "http.response.body", "body": b""})
            return
        if caller is None or (standing is not None and not standing.allowed):
            pass  # the exchange finds out who calls, or refuses
        elif method == "GET":
            ready = self.hot.get((raw_path, scope["query_string"], b""))
            if ready is not None and await self._send_ready(
                ready, caller, accept, scope, send, request_id, started, extra
            ):
                application = application or caller.grants.application
                if application is not None:
                    self.fetched(application, raw_path, scope["query_string"])
                return
        elif method == "POST" and 0 < length <= _SMALL and self.hot.any and caller.grants is not NOTHING:
            try:
                async with asyncio.timeout(self.timeout):
                    first = await _whole(receive, length)
            except TimeoutError:
                late = True
                first = _NO_BODY
            receive = _again(receive, first)
            if not late and first["type"] == "http.request":
                ready = self.hot.get((raw_path, scope["query_string"], posted(first["body"])))
                if (
                    ready is not None
                    and (content_type is None or self.default.accepts(content_type))
                    and await self._send_ready(ready, caller, accept, scope, send, request_id, started, extra)
                ):
                    return
        exchange = _Exchange(self, scope, receive, send, raw_path, accept, request_id, started, caller)
        exchange.extra, exchange.standing, exchange.late = extra, standing, late
        exchange.application = application
        await exchange.run(method, content_type, length)

    def _extra(self, scope: Scope, caller: Caller | None) -> tuple[Pairs, Standing | None]:
        """The headers that an answer gets for this request, and where its caller stands; counts the request."""
        extra = self.cors.answer(scope["headers"]) if self.cors is not None else []
        if self.limits is None or caller is None:
            return extra, None
        named = caller.how not in ("open", "anonymous")
        standing = self.limits.take(caller.name if named else self.authority.address(scope))
        return [*extra, *standing.headers()], standing

    async def _send_ready(
        self,
        ready: Ready,
        caller: Caller,
        accept: bytes | None,
        scope: Scope,
        send: Send,
        request_id: bytes,
        started: float,
        extra: Pairs,
    ) -> bool:
        media = self.default.media_type(accept or b"")
        if media is None or not ready.is_for(caller.grants):
            return False  # the route decides, and says it in its dialect
        if ready.etag is not None and names_etag(scope["headers"], ready.etag):
            headers = [*_without_body(ready.headers), (b"x-request-id", request_id), *extra]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            self.metrics.count(ready.template, scope["method"], 304, time.perf_counter() - started)
            return True
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [*ready.headers, (b"content-type", media), (b"x-request-id", request_id), *extra],
            }
        )
        await send({"type": "http.response.body", "body": ready.body})
        self.metrics.count(ready.template, scope["method"], 200, time.perf_counter() - started)
        return True


class _Exchange:
    """One request that is not answered from what is ready."""

    def __init__(
        self,
        outer: Outer,
        scope: Scope,
        receive: Receive,
        send: Send,
        raw_path: bytes,
        accept: bytes | None,
        request_id: bytes,
        started: float,
        caller: Caller | None,
    ) -> None:
        self.outer = outer
        self.scope = scope
        self.receive_next = receive
        self.send_next = send
        self.raw_path = raw_path
        self.key: Key = (raw_path, scope["query_string"], b"")
        self.epoch = outer.store.epoch
        self.forgets = outer.hot.forgets
        self.request_id = request_id
        self.started = started
        self.caller = caller
        self.extra: Pairs = _NOTHING
        self.standing: Standing | None = None
        self.late = False
        self.application: str | None = None
        self.typed = False
        self.status = 0
        self.body = b""
        self.given = True
        self.head = scope["method"] == "HEAD"
        self.start: Message | None = None
        self.kept: list[tuple[bytes, bytes]] = []
        self.etag: bytes | None = None
        self.media = b"application/json"
        parts = segments(raw_path)
        self.dialect = outer.dialects.get(parts[0], outer.default) if parts else outer.default
        media = self.dialect.media_type(accept or b"")
        self.acceptable = media is not None
        self.media = media or self.media
        self.parts = parts
        if self.head:
            scope["method"] = "GET"

    async def run(self, method: str, content_type: bytes | None, length: int) -> None:
        """Refuse what must be refused, else let the dialect's app answer, within the time a request may take."""
        if not self.acceptable:
            await self.refuse(406, "HTTP 406 Not Acceptable")
        elif length > self.outer.body_limit:
            await self.refuse_body()
        elif method in ("POST", "PUT", "PATCH") and content_type and not self.dialect.accepts(content_type):
            await self.refuse(415, "HTTP 415 Unsupported Media Type")
        else:
            try:
                await self.identify()
                if self.late:
                    raise TooSlow
                if method in _WITH_BODY and not self.caller_may_anything and self.parts:
                    raise Unauthenticated  # what nobody may ask for is not read first
                if not await self.answered_at_once(method):
                    async with asyncio.timeout(self.outer.timeout):
                        await self.dialect.app(self.scope, self.receive, self.send)
            except RegistryError as error:
                if isinstance(error, RateLimited) and not any(name == b"retry-after" for name, _ in self.extra):
                    self.extra = [*self.extra, (b"retry-after", b"%d" % error.data["seconds"])]
                await self.refuse(*self.dialect.told(error))
            except TooSlow:
                await self.refuse(408, "The request body did not come in time")
            except TooLarge:
                await self.refuse_body()
            except TimeoutError:
                if self.start is None:
                    await self.refuse(503, f"The request took longer than {self.outer.timeout} s")
            except Exception as error:
                # Nothing but a fault of ours comes here: the dialects' apps tell their own.
                if self.start is not None:
                    raise
                self.outer.log(
                    error=type(error).__name__, at=frames(error), request_id=self.request_id.decode("latin-1")
                )
                await self.refuse(500, "Internal server error")
        self.done(method)

    async def identify(self) -> None:
        """Find out who calls; raises what keeps that from being found out."""
        caller, scope = self.caller, self.scope
        if caller is None:
            async with asyncio.timeout(self.outer.timeout):
                caller = await self.outer.authority.verified(scope)
            if self.outer.limits is not None:
                self.extra, self.standing = self.outer._extra(scope, caller)
        if self.standing is not None and not self.standing.allowed:
            raise RateLimited(seconds=self.standing.seconds)
        self.application = self.application or caller.grants.application
        self.caller = scope["tenor_actor"] = self.outer.authority.speaking(caller, self.application, scope)

    @property
    def caller_may_anything(self) -> bool:
        """Whether there is anything at all that was granted."""
        return self.caller is not None and (self.caller.known or self.caller.grants is not NOTHING)

    async def answered_at_once(self, method: str) -> bool:
        """Read the request; whether its answer was ready or the dialect had it without a router."""
        query = self.scope["query_string"]
        parts, self.scope["query_string"] = self.dialect.rewrite(self.parts, query)
        if method in _WITH_BODY:
            try:
                async with asyncio.timeout(self.outer.timeout):
                    await self.read_body()
            except TimeoutError:
                raise TooSlow from None
            async with asyncio.timeout(self.outer.timeout):
                self.key = (*self.key[:2], posted(self.body)) if method == "POST" else _NEVER_KEPT
                if await self.answered_quickly(method, parts):
                    return True
        elif await self.answered_quickly(method, parts):
            return True
        self.scope["path"] = "/" + "/".join(map(encoded, parts))
        return False

    async def read_body(self) -> None:
        """Read a request's body whole, within the limit: a dialect's app gets it in one piece."""
        chunks, size = [], 0
        while True:
            message = await self.receive_next()
            if message["type"] != "http.request":
                break
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.outer.body_limit:
                raise TooLarge
            chunks.append(chunk)
            if not message.get("more_body", False):
                break
        self.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.given = False

    async def refuse_body(self) -> None:
        """Say that a body is too large, once most of what is on its way came in.

        A proxy that is still sending when the connection ends tells its client of a broken one instead of our answer.
        Whoever asked before sending (`Expect`) is told at once.
        """
        rest = _MOST_DISCARDED if all(name != b"expect" for name, _ in self.scope["headers"]) else 0
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_LONGEST_DISCARDING, self.outer.timeout)):
                while rest > 0:
                    message = await self.receive_next()
                    rest -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        break
        await self.refuse(413, f"The request body is larger than {self.outer.body_limit} bytes")

    async def answered_quickly(self, method: str, parts: list[str]) -> bool:
        """Whether the dialect answered by itself."""
        quick = await self.dialect.quick(
            method, parts, self.scope["query_string"], self.body, self.scope["tenor_actor"]
        )
        if quick is None:
            return False
        self.scope["path_template"] = quick.template
        self.scope["tenor_keep"] = quick.keep
        length = (b"content-length", str(len(quick.body)).encode())
        if quick.status != 200 or self.outer.cache_headers:
            headers = [(b"content-type", b"application/json"), length]
            if quick.status == 503:
                headers.append((b"retry-after", b"1"))
            await self.send({"type": "http.response.start", "status": quick.status, "headers": headers})
            await self.send({"type": "http.response.body", "body": quick.body})
            return True
        # As `send` would have it, at once: most of what is answered here is answered so.
        self.status = 200
        self.kept = [length, *_HARDENED]
        headers = [*self.kept, (b"content-type", self.media), (b"x-request-id", self.request_id), *self.extra]
        self.start = {"type": "http.response.start", "status": 200, "headers": headers}
        await self.send_next(self.start)
        self._keep(quick.body)
        await self.send_next({"type": "http.response.body", "body": quick.body})
        return True

    async def receive(self) -> Message:
        """The body that was read, then whatever the server says (a disconnect)."""
        if not self.given:
            self.given = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        return await self.receive_next()

    async def send(self, message: Message) -> None:
        """Finish the headers of an answer, keep it when the handler asked for that, and pass it on."""
        if message["type"] == "http.response.start":
            self.start = message
            self.status = message["status"]
            kept = [pair for pair in message["headers"] if not self._replaced(*pair)]
            self.typed = len(kept) == len(message["headers"]) and kept_type(kept)
            kept += _HARDENED[:-1] if any(name == _CSP[0] for name, _ in kept) else _HARDENED
            self.kept = kept
            message = {
                **message,
                "headers": [
                    *kept,
                    *([] if self.status == 204 or self.typed else [(b"content-type", self.media)]),
                    (b"x-request-id", self.request_id),
                    *self.extra,
                    *(_CHALLENGES if self.status == 401 else ()),
                ],
            }
            if self._has_etag():
                self.start = message  # sent with the body, which its tag is made from
                return
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            if self._has_etag():
                await self._send_tagged(body)
            if not message.get("more_body", False):
                self._keep(body)
            if self.head or self.status == 304:
                message = {**message, "body": b""}
        await self.send_next(message)

    def _wish(self) -> Keep | None:
        return self.scope.get("tenor_keep")

    def _has_etag(self) -> bool:
        wish = self._wish()
        return self.outer.cache_headers and wish is not None and wish.immutable and self.status == 200

    async def _send_tagged(self, body: bytes) -> None:
        """Send the held start of an answer with its tag, or say that the client has it already."""
        wish, start = self._wish(), self.start
        assert wish is not None
        assert start is not None
        self.etag = etag(body)
        vary, fresh = b"accept", freshness(wish.fresh)
        if self.outer.authority.open is None:  # what one caller may see is not for the next one on the way
            vary, fresh = b"accept, authorization", b"private, " + fresh
        headers = [(b"etag", self.etag), (b"vary", vary), (b"cache-control", fresh)]
        self.kept += headers
        start["headers"] += headers
        if names_etag(self.scope["headers"], self.etag):
            self._keep(body)
            self.status = start["status"] = 304
            start["headers"] = _without_body(start["headers"])
        await self.send_next(start)

    @staticmethod
    def _replaced(name: bytes, value: bytes) -> bool:
        return name.lower() == b"content-type" and value.startswith(b"application/json")

    def _keep(self, body: bytes) -> None:
        keep = self._wish()
        if keep is None or self.status != 200 or self.head or self.typed or self.key is _NEVER_KEPT:
            return
        assert self.caller is not None
        grants = self.caller.grants
        known = self.outer.hot.get(self.key)
        if known is not None and known.body == body:
            known.allow(grants)
            return
        if keep.immutable:
            # What was forgotten while this answer was made may be this answer.
            if self.forgets != self.outer.hot.forgets or not self.outer.store.hears:
                return
        elif not self.outer.store.cacheable:
            return
        ready = Ready(
            headers=tuple(self.kept),
            etag=self.etag,
            body=body,
            action=keep.action,
            kind=split(keep.resource)[0],
            template=self.scope.get("path_template", ""),
            # The epoch as it was before the answer was computed: a write in between makes it stale at once.
            epoch=None if keep.immutable else self.epoch,
            tags=keep.tags,
            audience=set() if grants is EVERYTHING else {grants.key},
        )
        self.outer.hot.put(self.key, ready)

    async def refuse(self, status: int, reason: str | bytes) -> None:
        """Answer in the dialect's own error shape; `reason` is a sentence, or the body already."""
        body = reason if isinstance(reason, bytes) else self.dialect.refusal(status, reason)
        headers = [(b"content-type", self.dialect.refusal_type), (b"content-length", str(len(body)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def done(self, method: str) -> None:
        """Count the request by its route, and log it if it failed."""
        elapsed = time.perf_counter() - self.started
        template = self.scope.get("path_template") or "unmatched"
        self.outer.metrics.count(template, method, self.status, elapsed)
        if self.application is not None and method == "GET" and self.status in (200, 304):
            self.outer.fetched(self.application, self.raw_path, self.key[1])
        if self.status in (401, 403):
            who, origin = self.caller, self.outer.authority.address(self.scope)
            self.outer.authority.refusals.note(
                who.name if who else "anonymous", f"{method} {template}", self.status, origin
            )
        if self.outer.log_all or self.status >= 500:
            self.outer.log(
                method=method,
                route=template,
                status=self.status,
                milliseconds=round(elapsed * 1000, 2),
                request_id=self.request_id.decode("latin-1"),
            )


def kept_type(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether headers still name a content type of their own."""
    return any(name.lower() == b"content-type" for name, _ in headers)


def etag(body: bytes) -> bytes:
    """A validator of an answer; weak, because only the media type's label depends on the request."""
    return b'W/"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def freshness(seconds: int) -> bytes:
    """Cache-Control of an answer that holds for so long; 0 means that a cache has to ask each time."""
    return b"no-cache" if seconds == 0 else b"max-age=%d" % seconds


def names_etag(headers: Headers, tag: bytes) -> bool:
    """Whether If-None-Match names a tag (weak comparison) or any (`*`)."""
    opaque = tag.removeprefix(b"W/")
    named = (each for name, value in headers if name == b"if-none-match" for each in value.split(b","))
    return any(each.strip().removeprefix(b"W/") in (opaque, b"*") for each in named)


def _without_body(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in headers if pair[0].lower() not in (b"content-length", b"content-type")]
