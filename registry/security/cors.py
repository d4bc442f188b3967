"""Which pages of other origins may call the APIs from a browser: none, unless the operator lists them. Pure.

Nothing here allows cookies: a page must send a credential itself, so that no other page can send it in a user's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"authorization, content-type, accept, idempotency-key, tenor-application, x-request-id"
_EXPOSED = b"etag, retry-after, x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset"


@dataclass(frozen=True, slots=True)
class Cors:
    """The allowed origins; `*` any."""

    origins: frozenset[bytes]

    def answer(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        """What to add to the answer of a request."""
        origin = next((value for name, value in headers if name == b"origin"), None)
        vary = [(b"vary", b"origin")]
        if origin is None or not (origin in self.origins or b"*" in self.origins):
            return vary
        allowed = b"*" if b"*" in self.origins else origin
        return [*vary, (b"access-control-allow-origin", allowed), (b"access-control-expose-headers", _EXPOSED)]

    def preflight(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """The headers of the answer, if a request asks whether another one would be allowed."""
        listed = list(headers)
        if method != "OPTIONS" or not any(name == b"access-control-request-method" for name, _ in listed):
            return None
        found = self.answer(listed)
        if len(found) == 1:
            return found
        return [
            *found,
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", b"600"),
        ]


def cors(setting: str) -> Cors | None:
    """The origins of a setting, None when there is none."""
    origins = frozenset(part.strip().lower().encode() for part in setting.split(",") if part.strip())
    return Cors(origins) if origins else None
