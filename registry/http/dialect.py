"""What the outer layer asks of one API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from registry.errors import RegistryError
from registry.hot import Keep
from registry.http.asgi import App
from registry.security.identity import Caller


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
