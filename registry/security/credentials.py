"""What a request shows to say who sends it. Pure: reads headers, verifies nothing.

Authorization: Bearer tnr_…          a token
Authorization: Bearer a.b.c          a JWT
Authorization: Basic user:password   a password, or a token as the password (or as the user, without one)
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from registry.security.tokens import looks_like_one

LONGEST = 16_384
"""Bytes of the longest header that is looked at."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential. `kind` is token, password, jwt or invalid."""

    kind: str
    secret: str = ""
    user: str = ""


INVALID = Shown("invalid")


def shown(authorization: bytes) -> Shown:
    """The credential of an Authorization header; INVALID for one that nobody here understands."""
    if len(authorization) > LONGEST:
        return INVALID
    scheme, _, rest = authorization.strip().partition(b" ")
    word = rest.strip()
    if scheme.lower() == b"bearer":
        try:
            text = word.decode("ascii")
        except UnicodeDecodeError:
            return INVALID
        if looks_like_one(text):
            return Shown("token", text)
        return Shown("jwt", text) if text.count(".") == 2 else Shown("token", text)
    if scheme.lower() == b"basic":
        return _basic(word)
    return INVALID


def _basic(word: bytes) -> Shown:
    try:
        text = base64.b64decode(word, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return INVALID
    user, colon, password = text.partition(":")
    if not colon:
        return INVALID
    if looks_like_one(password):
        return Shown("token", password, user)
    if looks_like_one(user) and not password:
        return Shown("token", user)
    return Shown("password", password, user) if user and password else INVALID
