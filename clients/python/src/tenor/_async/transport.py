"""Sends calls to a registry: several addresses, retries, authentication. Asynchronous."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from tenor._async.concurrency import AsyncHttpClient, new_http_client, sleep
from tenor.calls import RETRIABLE, UNPROCESSED, Call, answer, refusal
from tenor.errors import Unreachable
from tenor.retry import Retry
from tenor.schemas import without_credentials

T = TypeVar("T")

# By name, because an injected client brings its own classes.
_TRANSPORT_ERRORS = frozenset({"TransportError", "TimeoutException"})
_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ConnectionRefusedError"})


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """A round in which nobody gave an answer to keep."""

    error: Exception
    retry_after: str | None


class AsyncTransport:
    """One registry behind one or more addresses; the address that answered last is asked first.

    `auth` is (user, password), `token` a bearer token; user and password may also stand in the address.
    An injected `http` client keeps its own timeouts and is not closed here. Raises ValueError for an address
    that is not http or https.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        auth: tuple[str, str] | None = None,
        token: str | None = None,
        http: AsyncHttpClient | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        addresses = [url] if isinstance(url, str) else list(url)
        if not addresses:
            raise ValueError("a registry needs at least one address")
        self.urls = [_address(address) for address in addresses]
        authorization = _authorization(auth, token)
        self._authorizations = [authorization or _authorization(_userinfo(address), None) for address in addresses]
        self._headers = dict(headers or {})
        self._own_http, self._closed = http is None, False
        self._http: Any = http if http is not None else new_http_client(timeout)
        self._retry = retry if retry is not None else Retry()
        self._preferred = 0

    async def send(self, call: Call[T]) -> T:
        """Send one call and read its answer.

        Raises Unreachable, UnexpectedAnswer, and every Answered error.
        """
        rounds = 0
        while True:
            rounds += 1
            outcome = await self._ask_everyone(call)
            if not isinstance(outcome, _NoAnswer):
                return outcome
            pause = self._retry.pause(rounds, random.random, outcome.retry_after)
            if pause is None:
                raise outcome.error
            await sleep(pause)

    async def _ask_everyone(self, call: Call[T]) -> T | _NoAnswer:
        """Ask each address once, until one answers. Returns the answer, or the last failure worth another round."""
        failure: Exception = Unreachable(url=self.urls[0], reason="it has no address")
        retry_after = None
        for turn in range(len(self.urls)):
            index = (self._preferred + turn) % len(self.urls)
            url = self.urls[index] + call.path
            try:
                response = await self._http.request(
                    call.method, url, content=call.content(), headers=self._sent_headers(call, index)
                )
            except Exception as error:
                names = {cls.__name__ for cls in type(error).__mro__}
                if not (names & _TRANSPORT_ERRORS or isinstance(error, OSError) or self._closed):
                    raise
                failure = Unreachable(url=self.urls[index], reason=str(error) or type(error).__name__)
                failure.__cause__ = error
                if not call.repeatable and not names & _NEVER_SENT:
                    raise failure from error
                continue
            status, content_type = response.status_code, response.headers.get("content-type", "")
            if status not in RETRIABLE:
                self._preferred = index
                return answer(call, status, content_type, response.content, url)
            failure = refusal(call, status, content_type, response.content, url)
            retry_after = response.headers.get("retry-after")
            if not call.repeatable and status not in UNPROCESSED:
                raise failure
        return _NoAnswer(failure, retry_after)

    def _sent_headers(self, call: Call[Any], index: int) -> dict[str, str]:
        sent = {**call.sent_headers(), **self._headers}
        if (authorization := self._authorizations[index]) is not None:
            sent["Authorization"] = authorization
        return sent

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client was injected."""
        if self._own_http:
            self._closed = True  # what still runs in the background hears that nobody answers
            await self._http.aclose()


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"'{without_credentials(url)}' is not the address of a registry: http://host:port")
    return without_credentials(url).rstrip("/")


def _userinfo(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))


def _authorization(auth: tuple[str, str] | None, token: str | None) -> str | None:
    if auth is not None and token is not None:
        raise ValueError("give either user and password or a token, not both")
    if token is not None:
        return f"Bearer {token}"
    if auth is not None:
        return "Basic " + base64.b64encode(":".join(auth).encode()).decode("ascii")
    return None
