"""Cursors: where a listing goes on, as text that clients hand back and do not read. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, TypeVar

import msgspec

from registry.errors import InvalidRequest
from registry.store.queries.search import Position

T = TypeVar("T", bound=msgspec.Struct)


class _AmongSubjects(msgspec.Struct, array_like=True, tag="s"):
    context: str
    name: str | None


class _InHistory(msgspec.Struct, array_like=True, tag="h"):
    key: Annotated[int, msgspec.Meta(ge=1, le=2**62)]


def of_position(position: Position | None) -> str | None:
    """The cursor of a place among the subjects."""
    return None if position is None else _written(_AmongSubjects(position.context, position.name))


def position(cursor: str | None) -> Position | None:
    """The inverse. Raises InvalidRequest for text that no listing of subjects gave out."""
    if not cursor:
        return None
    found = _read(cursor, _AmongSubjects)
    return Position(found.context, found.name)


def of_key(key: int | None) -> str | None:
    """The cursor of a place in a history."""
    return None if key is None else _written(_InHistory(key))


def key(cursor: str | None) -> int | None:
    """The inverse. Raises InvalidRequest for text that no history gave out."""
    return _read(cursor, _InHistory).key if cursor else None


def _written(place: msgspec.Struct) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read(cursor: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError):
        raise InvalidRequest("The cursor is not one of this listing's") from None
