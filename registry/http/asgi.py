"""The names of ASGI, as this package uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]
Pairs = list[tuple[bytes, bytes]]

NO_PAIRS: Final[Pairs] = []
NO_BODY: Final[Message] = {"type": "http.disconnect"}


async def whole(receive: Receive, length: int) -> Message:
    """A body of a known length as one message, however the server cuts it; or what came instead of it."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) >= length or not message.get("more_body", False):
            return {"type": "http.request", "body": body, "more_body": False}


def again(receive: Receive, first: Message) -> Receive:
    """The channel with a message put back that was read to look at it."""
    waiting = [first]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message
