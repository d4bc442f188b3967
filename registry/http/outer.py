"""The outermost ASGI app: what is ready is sent, everything else becomes an exchange."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from typing import Final

from registry.hot import HotReads, Ready
from registry.http.asgi import NO_BODY, NO_PAIRS, App, Pairs, Receive, Scope, Send, again, whole
from registry.http.caching import names_etag, posted, without_body
from registry.http.dialect import Dialect
from registry.http.exchange import Exchange
from registry.metrics import Counts
from registry.security.access import NOTHING
from registry.security.authority import Authority
from registry.security.cors import cors
from registry.security.identity import Caller
from registry.security.limits import Limits, Standing
from registry.store.engine import Store

Fetched = Callable[[str, bytes, bytes], None]
"""(application as it names itself, raw path, query)."""

_LONGEST_APPLICATION: Final = 200
_SMALL: Final = 100_000  # bytes of a posted body that may be a key of a ready answer
_PREFIX = os.urandom(6).hex()
_COUNTER = itertools.count()


def _request_id() -> bytes:
    return f"{_PREFIX}{next(_COUNTER):08x}".encode()


def _unnoticed(application: str, raw_path: bytes, query: bytes) -> None:
    """Nobody wants to know who fetched what."""


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
        extra, standing = self.standing_of(scope, caller) if self.limits or self.cors else (NO_PAIRS, None)
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
                    first = await whole(receive, length)
            except TimeoutError:
                late = True
                first = NO_BODY
            receive = again(receive, first)
            if not late and first["type"] == "http.request":
                ready = self.hot.get((raw_path, scope["query_string"], posted(first["body"])))
                if (
                    ready is not None
                    and (content_type is None or self.default.accepts(content_type))
                    and await self._send_ready(ready, caller, accept, scope, send, request_id, started, extra)
                ):
                    return
        exchange = Exchange(self, scope, receive, send, raw_path, accept, request_id, started, caller)
        exchange.extra, exchange.standing, exchange.late = extra, standing, late
        exchange.application = application
        await exchange.run(method, content_type, length)

    def standing_of(self, scope: Scope, caller: Caller | None) -> tuple[Pairs, Standing | None]:
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
            headers = [*without_body(ready.headers), (b"x-request-id", request_id), *extra]
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
