"""Data keys: their serialised form, and the ciphers they are used with. Pure, save for random keys and nonces.

    algorithm     serialised key      raw key   sealed
    AES256_GCM    1a 20 · 32 bytes    32        nonce 12 · ciphertext · tag 16
    AES128_GCM    1a 10 · 16 bytes    16        nonce 12 · ciphertext · tag 16
    AES256_SIV    12 40 · 64 bytes    64        synthetic nonce 16 · ciphertext       (the same for the same plaintext)

The serialised form is the protobuf of Google Tink's key types (AesGcmKey, AesSivKey), which is what every client of
Confluent's field-level encryption wraps. `cryptography` is imported with the first cipher.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tenor.errors import AuthenticationFailed, InvalidKey, MissingExtra

AES256_GCM: Final = "AES256_GCM"
AES128_GCM: Final = "AES128_GCM"
AES256_SIV: Final = "AES256_SIV"

NONCE: Final = 12
"""Bytes of a nonce of AES-GCM."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """`size` is the raw key's bytes, `field` the protobuf field it stands in, `overhead` what sealing adds."""

    name: str
    size: int
    field: int
    overhead: int
    deterministic: bool = False


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    each.name: each
    for each in (
        Algorithm(AES256_GCM, 32, 3, NONCE + 16),
        Algorithm(AES128_GCM, 16, 3, NONCE + 16),
        Algorithm(AES256_SIV, 64, 2, 16, deterministic=True),
    )
}
DEFAULT: Final = AES256_GCM


class Cipher(Protocol):
    """A prepared key. Safe to share between threads."""

    def seal(self, plaintext: bytes, aad: bytes = b"", nonce: bytes | None = None) -> bytes:
        """Sealed bytes in the algorithm's layout. `nonce`: 12 bytes never used with this key; None draws one."""
        ...

    def open(self, ciphertext: bytes, aad: bytes = b"") -> bytes:
        """The plaintext. Raises AuthenticationFailed."""
        ...


def algorithm(name: str) -> Algorithm:
    """An algorithm by name. Raises InvalidKey."""
    if (found := ALGORITHMS.get(name)) is None:
        raise InvalidKey(algorithm=name, reason=f"known are {', '.join(ALGORITHMS)}")
    return found


def new_key(name: str) -> bytes:
    """A new random key, serialised. Raises InvalidKey for an unknown algorithm."""
    kind = algorithm(name)
    return bytes((kind.field << 3 | 2, kind.size)) + os.urandom(kind.size)


def raw(name: str, serialised: bytes) -> bytes:
    """The raw key in a serialised one. The version field, which is 0 and usually left out, is read over.

    Raises InvalidKey for bytes that are not exactly one key of the algorithm.
    """
    kind = algorithm(name)
    value: bytes | None = None
    position = 0
    try:
        while position < len(serialised):
            tag, position = _varint(serialised, position)
            number, position = _varint(serialised, position)  # of a bytes field the length, of the version its value
            if tag == (kind.field << 3 | 2) and value is None:
                value = serialised[position : position + number]
                position += number
            elif tag != 1 << 3 or number != 0:
                raise InvalidKey(algorithm=name, reason="it holds something else")
    except IndexError:
        raise InvalidKey(algorithm=name, reason="it ends too early") from None
    if value is None or len(value) != kind.size or position != len(serialised):
        raise InvalidKey(algorithm=name, reason=f"the key has {len(value or b'')} bytes, not {kind.size}")
    return value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        if (shift := shift + 7) > 28:
            raise IndexError


def cipher(name: str, key: bytes) -> Cipher:
    """A raw key, prepared: some 2.5 KiB each, so keep a bounded number. Raises InvalidKey."""
    kind = algorithm(name)
    if len(key) != kind.size:
        raise InvalidKey(algorithm=name, reason=f"the key has {len(key)} bytes, not {kind.size}")
    return _Siv(key) if kind.deterministic else _Gcm(key)


def commitment(key: bytes) -> bytes:
    """What a raw key can be recognised by without knowing it: HKDF-SHA256, 32 bytes, kept beside the wrapped key."""
    return hkdf(key, b"tenor-seal-commit-1", 32)


def hkdf(secret: bytes, info: bytes, length: int, salt: bytes | None = None) -> bytes:
    """HKDF-SHA256 (RFC 5869)."""
    _needed()
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _needed() -> None:
    try:
        import cryptography  # noqa: F401 # looked for, used by the caller
    except ImportError:
        raise MissingExtra(purpose="encryption", package="cryptography", extra="encryption") from None


class _Gcm:
    __slots__ = ("_decrypt", "_encrypt", "_invalid")

    def __init__(self, key: bytes) -> None:
        _needed()
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        prepared = AESGCM(key)
        self._encrypt: Any = prepared.encrypt
        self._decrypt: Any = prepared.decrypt
        self._invalid = InvalidTag

    def seal(self, plaintext: bytes, aad: bytes = b"", nonce: bytes | None = None) -> bytes:
        if nonce is None:
            nonce = os.urandom(NONCE)
        elif len(nonce) != NONCE:
            raise ValueError(f"a nonce has {NONCE} bytes")
        sealed: bytes = nonce + self._encrypt(nonce, plaintext, aad)
        return sealed

    def open(self, ciphertext: bytes, aad: bytes = b"") -> bytes:
        if len(ciphertext) < NONCE + 16:
            raise AuthenticationFailed(what="The ciphertext")
        try:
            opened: bytes = self._decrypt(ciphertext[:NONCE], ciphertext[NONCE:], aad)
        except self._invalid:
            raise AuthenticationFailed(what="The ciphertext") from None
        return opened


class _Siv:
    __slots__ = ("_decrypt", "_encrypt", "_invalid")

    def __init__(self, key: bytes) -> None:
        _needed()
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        prepared = AESSIV(key)
        self._encrypt: Any = prepared.encrypt
        self._decrypt: Any = prepared.decrypt
        self._invalid = InvalidTag

    def seal(self, plaintext: bytes, aad: bytes = b"", nonce: bytes | None = None) -> bytes:
        if nonce is not None:
            raise ValueError("AES-SIV takes no nonce")
        # One component, even when empty: an absent one gives other bytes than Tink's.
        sealed: bytes = self._encrypt(plaintext, [aad])
        return sealed

    def open(self, ciphertext: bytes, aad: bytes = b"") -> bytes:
        if len(ciphertext) < 16:
            raise AuthenticationFailed(what="The ciphertext")
        try:
            opened: bytes = self._decrypt(ciphertext, [aad])
        except self._invalid:
            raise AuthenticationFailed(what="The ciphertext") from None
        return opened
