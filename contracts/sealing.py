"""Sealing what is secret before it is stored: AES-256-GCM under one key of the server.

Without a key nothing secret is taken: `seal` refuses, and what holds no secret is kept as plain text.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from contracts.errors import CannotSeal

_PLAIN, _SEALED = b"\x00", b"\x01"
_NONCE = 12


class Sealer:
    """Seals texts under a key, any text long enough not to be guessed. No key: only plain texts.

    `key` is asked for when the first secret comes.
    """

    def __init__(self, key: Callable[[], str] | None) -> None:
        self._ask = key

    @cached_property
    def _key(self) -> bytes | None:
        return None if self._ask is None else hashlib.sha256(b"tenor webhooks\x00" + self._ask().encode()).digest()

    def seal(self, text: str, *, secret: bool) -> bytes:
        """The bytes to store; a text without secrets stays readable. Raises CannotSeal for a secret without a key."""
        if not secret:
            return _PLAIN + text.encode()
        if self._key is None:
            raise CannotSeal
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        return _SEALED + nonce + AESGCM(self._key).encrypt(nonce, text.encode(), None)

    def open(self, sealed: bytes) -> str:
        """The text again. Raises CannotSeal when the key is not the one it was sealed under."""
        if sealed[:1] == _PLAIN:
            return sealed[1:].decode()
        if self._key is None:
            raise CannotSeal
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, content = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return AESGCM(self._key).decrypt(nonce, content, None).decode()
        except InvalidTag:
            raise CannotSeal from None


def key_beside(database: Path) -> str:
    """The key in a file beside a database file, made (readable by its owner only) when there is none."""
    path = database.with_name(f"{database.name}.key")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = os.urandom(32).hex()
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key
