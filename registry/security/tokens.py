"""API tokens: 256 random bits that say what they are, of which only the SHA-256 is kept. Pure, but for the dice.

    tnr_ + 43 letters of base64url + 6 letters of a checksum

The prefix lets scanners find one that leaked; the checksum lets a mistyped one be refused without asking a database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

PREFIX = "tnr_"
_SHAPE = re.compile(r"tnr_([A-Za-z0-9_-]{43})([0-9a-z]{6})\Z")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _checksum(secret: str) -> str:
    number, letters = zlib.crc32(f"{PREFIX}{secret}".encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 36)
        letters = _DIGITS[digit] + letters
    return letters


def mint() -> str:
    """A new token."""
    secret = secrets.token_urlsafe(32)
    return f"{PREFIX}{secret}{_checksum(secret)}"


def looks_like_one(text: str) -> bool:
    """Whether a text is meant as a token."""
    return text.startswith(PREFIX)


def hashed(token: str) -> bytes | None:
    """What is kept of a token; None for a text that cannot be one."""
    shape = _SHAPE.match(token)
    if shape is None or _checksum(shape[1]) != shape[2]:
        return None
    return hashlib.sha256(token.encode()).digest()
