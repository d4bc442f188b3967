"""One request that is not answered from what is ready: refused, or answered by its dialect, and told of."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from registry.errors import RateLimited, RegistryError, Unauthenticated
from registry.hot import Keep, Key, Ready
from registry.http.asgi import NO_PAIRS, Message, Pairs, Receive, Scope, Send
from registry.http.caching import etag, freshness, kept_type, names_etag, posted, without_body
from registry.http.segments import encoded, segments
from registry.logs import frames
from registry.security.access import EVERYTHING, NOTHING, split
from registry.security.identity import Caller
from registry.security.limits import Standing

if TYPE_CHECKING:
    from registry.http.outer import Outer

_WITH_BODY: Final = ("POST", "PUT", "PATCH", "DELETE")
_MOST_DISCARDED, _LONGEST_DISCARDING = 64_000_000, 5.0
_NEVER_KEPT: Final[Key] = (b"", b"", b"")

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


class TooLarge(Exception):
    """A body went past the limit while it was being read."""


class TooSlow(Exception):
    """A body did not come within the time that a request may take."""


class Exchange:
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
        self.extra: Pairs = NO_PAIRS
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
                self.extra, self.standing = self.outer.standing_of(scope, caller)
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
            start["headers"] = without_body(start["headers"])
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
