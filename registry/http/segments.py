"""Paths: split on `/` before anything is decoded, each segment decoded once.

For routing a decoded segment is written in a reversible form (`encoded`), which `DecodedParameters` undoes after
routing, so that handlers see `a/b`, `:.ctx:x` or the empty name as they are.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

_EMPTY: Final = "%_"  # no percent-encoding of anything


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
