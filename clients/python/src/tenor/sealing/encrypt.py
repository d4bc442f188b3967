"""Confluent's layout of sealed values, byte for byte. Pure.

    [00 · version of the key, u32 big-endian]  ·  what the algorithm gives      for text: in base64, padded

The version is there if and only if the rule renews its keys by age, and nothing in the bytes says so: a rule that
changed makes older values unreadable for other clients. Here the other layout is tried when the first does not open;
that is safe, because sealed bytes authenticate themselves.
"""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any, Final

from tenor.errors import AuthenticationFailed, KeyMissing, KeyNotReady
from tenor.sealing.keyring import Held, KeyRing
from tenor.sealing.sources import Key, Source

HEAD: Final = 5
NOTHING: Final = b""
NEAR: Final = 1000
"""Keys that one place keeps at hand."""

Present = Callable[[Any, Any], Held]
"""(record around the value, state) → the key to seal with. Raises KeyNotReady."""


class ErasedKey(Exception):
    """The key that sealed it was a person's, and is gone."""


def seal_bytes(source: Source, present: Present) -> Callable[[bytes, Any, Any], bytes]:
    """A function that seals bytes: (plaintext, record, state) → sealed."""
    versioned, drawn = source.versioned, source.algorithm != "AES256_SIV"

    def seal(plaintext: bytes, record: Any, state: Any) -> bytes:
        held = present(record, state)
        sealed = held.seal(plaintext, NOTHING, state.nonce() if drawn else None)
        return held.head + sealed if versioned else sealed

    return seal


def to_text(sealed: bytes) -> str:
    """Sealed bytes as Confluent writes them into a text field."""
    return b2a_base64(sealed, newline=False).decode("ascii")


def from_text(text: str, what: str) -> bytes:
    """The sealed bytes in a text field. Raises AuthenticationFailed."""
    try:
        return a2b_base64(text, strict_mode=True)
    except (NotBase64, ValueError):
        raise AuthenticationFailed(what=what) from None


def open_bytes(source: Source, ring: KeyRing, what: str) -> Callable[[bytes, Any], bytes]:
    """A function that opens bytes: (sealed, state) → plaintext.

    Raises KeyNotReady, KeyMissing, AuthenticationFailed, ErasedKey.
    """
    kek, domain, algorithm = source.kek, source.domain, source.algorithm
    first = Key(kek, domain, algorithm, 1)

    def layouts(sealed: bytes) -> list[tuple[Key, bytes]]:
        plain = [(first, sealed)]
        if len(sealed) < HEAD or sealed[0] != 0:
            return plain
        version = int.from_bytes(sealed[1:HEAD], "big")
        if not 0 < version < 2**31:
            return plain
        named = (Key(kek, domain, algorithm, version), sealed[HEAD:])
        return [named, *plain] if source.versioned else [*plain, named]

    # The last keys met: finding one in the ring costs as much as opening with it. Who drops a key ends its time.
    near: dict[int, Held] = {}
    versioned = source.versioned

    def open(sealed: bytes, state: Any) -> bytes:
        version = int.from_bytes(sealed[1:HEAD], "big") if versioned and sealed[:1] == b"\0" else 0 if versioned else 1
        held = near.get(version)
        if held is not None and held.until > state.now:
            try:
                return held.open(sealed[HEAD:] if versioned else sealed, NOTHING)
            except AuthenticationFailed:
                pass
        return slowly(sealed, state)

    def slowly(sealed: bytes, state: Any) -> bytes:
        missing: list[Key] = []
        for key, content in layouts(sealed):
            held = ring.find(key, state.now)
            if held is None:
                if not ring.absent(key, state.now):
                    raise KeyNotReady(needs=[key])
                missing.append(key)
                continue
            try:
                plaintext = held.open(content, NOTHING)
            except AuthenticationFailed:
                continue
            if (content is not sealed) is versioned:
                if len(near) >= NEAR:
                    near.clear()
                near[key.version] = held
            return plaintext
        if versioned and any(ring.erased(key) for key in missing):
            raise ErasedKey
        if missing:
            raise KeyMissing(name=str(missing[0]), reason="the registry does not have it")
        raise AuthenticationFailed(what=what)

    return open
