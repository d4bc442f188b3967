"""SEAL: sealed values that know their place. Pure.

    E5 · suite · flags · key reference (varint version of the key) · [nonce 12] · ciphertext · tag 16

    suite   01 AES-256-GCM · 02 AES-256-SIV, deterministic, no nonce · 03 ChaCha20-Poly1305
            04 AES-256-GCM over a padded plaintext (Padmé), so that lengths tell little
    flags   1 a person's key · 2 associated data of version 1 · 4 compressed before sealing (bodies only)
            8 bound to the record's key

Associated data: "tenor-seal-1", suite, key reference, tenant, domain and field path, each behind its length; with
flag 8 also the SHA-256 of the record's key. A value that was moved to another field, subject or suite, or then to a
record of another key, does not open. A renamed field keeps its old path in `sealedAs`. Whether a value is bound is
for the writer's rule to say: one that lacks the flag where the rule binds does not open either.
Text fields hold it in base64url without padding.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from tenor.errors import AuthenticationFailed, KeyMissing, KeyNotReady, RecordKeyNeeded
from tenor.sealing.encrypt import NEAR, ErasedKey, Present
from tenor.sealing.keyring import Held, KeyRing
from tenor.sealing.sources import PERSONS, SUITES, Key, Source

MAGIC: Final = 0xE5
PERSON: Final = 1
BOUND: Final = 2
COMPRESSED: Final = 4
KEYED: Final = 8
NONCE: Final = 12
MAX_BODY: Final = 100 * 2**20
"""A compressed body may not claim to be larger."""


def aad(suite: int, reference: bytes, tenant: str, domain: str, path: str) -> bytes:
    """Associated data of version 1."""
    parts = (b"tenor-seal-1", bytes([suite]), reference, tenant.encode(), domain.encode(), path.encode())
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def key_part(key: Any) -> bytes:
    """The last part of the associated data: the record's key, as it travels. Raises RecordKeyNeeded."""
    raw = (
        key.encode() if isinstance(key, str) else bytes(key) if isinstance(key, bytes | bytearray | memoryview) else b""
    )
    if not raw:
        given = "there is none" if not key else f"its bytes are needed, not {type(key).__name__}"
        raise RecordKeyNeeded(reason=given)
    return b"\0\0\0\x20" + sha256(raw).digest()


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends. Raises IndexError; ValueError past 35 bits."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 28:
            raise ValueError("too long")


def padme(length: int) -> int:
    """The length that a plaintext is padded to: at most 12 % more, and few lengths are told apart."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    bits = exponent - exponent.bit_length()
    mask = (1 << max(bits, 0)) - 1
    return (length + mask) & ~mask


def sealer(
    source: Source, suite: str, tenant: str, path: str, present: Present, *, person: bool, flags: int = 0
) -> Callable[[bytes, Any, Any], bytes]:
    """A function that seals bytes for one place: (plaintext, record, state) → sealed."""
    number = int(suite)
    flags |= BOUND | (PERSON if person else 0)
    keyed = bool(flags & KEYED)
    # Heads and associated data change with the key only: the last ones are kept.
    made = (0, b"", b"")

    def seal(plaintext: bytes, record: Any, state: Any) -> bytes:
        nonlocal made
        held = present(record, state)
        version = held.key.version
        known, head, data = made  # one look: another thread may put a person's of its own there meanwhile
        if known != version:
            reference = varint(version)
            head = bytes((MAGIC, number, flags)) + reference
            data = aad(number, reference, tenant, source.domain, path)
            made = (version, head, data)
        if keyed:
            data += state.bound()
        if number == 1:
            return head + held.seal(plaintext, data, state.nonce())
        if number == 2:
            return head + held.seal(plaintext, data)
        if number == 4:
            framed = varint(len(plaintext)) + plaintext
            return head + held.seal(framed.ljust(padme(len(framed)), b"\0"), data, state.nonce())
        nonce = state.nonce()
        sealed: bytes = head + nonce + held.chacha.encrypt(nonce, plaintext, data)
        return sealed

    return seal


def opener(
    source: Source, tenant: str, paths: tuple[str, ...], ring: KeyRing, what: str, *, keyed: bool = False
) -> Callable[[bytes, Any], tuple[bytes, int]]:
    """A function that opens bytes of one place: (sealed, state) → plaintext and flags.

    Raises KeyNotReady, KeyMissing, AuthenticationFailed, RecordKeyNeeded, ErasedKey.
    """
    kek, domain = source.kek, source.domain
    # Keys met, with the bytes in front of the sealed part and the associated data that go with them.
    near: dict[bytes, tuple[Held, int, int, bytes]] = {}

    def open(sealed: bytes, state: Any) -> tuple[bytes, int]:
        for length in (4, 6):  # a version below 128, a person's
            if (known := near.get(sealed[:length])) is not None:
                held, number, flags, data = known
                if held.until > state.now:
                    if keyed:
                        data += state.bound()
                    return _opened(number, held, sealed[length:], data, what), flags
        return slowly(sealed, state)

    def slowly(sealed: bytes, state: Any) -> tuple[bytes, int]:
        try:
            magic, number, flags = sealed[0], sealed[1], sealed[2]
            version, at = read_varint(sealed, 3)
        except (IndexError, ValueError):
            raise AuthenticationFailed(what=what) from None
        suite = f"{number:02d}"
        if magic != MAGIC or suite not in SUITES or not flags & BOUND or flags & ~15 or not 0 < version < 2**31:
            raise AuthenticationFailed(what=what)
        if bool(flags & PERSON) != (version >= PERSONS) or bool(flags & KEYED) != keyed:
            raise AuthenticationFailed(what=what)
        key = Key(kek, domain, SUITES[suite], version)
        held = ring.find(key, state.now)
        if held is None:
            if not ring.absent(key, state.now):
                raise KeyNotReady(needs=[key])
            if ring.erased(key):
                raise ErasedKey
            raise KeyMissing(name=str(key), reason="the registry does not have it")
        content = sealed[at:]
        for path in paths:
            data = aad(number, sealed[3:at], tenant, domain, path)
            try:
                plaintext = _opened(number, held, content, data + state.bound() if keyed else data, what)
            except AuthenticationFailed:
                continue
            if len(near) >= NEAR:
                near.clear()
            near[sealed[:at]] = (held, number, flags, data)
            return plaintext, flags
        raise AuthenticationFailed(what=what)

    return open


def _opened(number: int, held: Held, content: bytes, data: bytes, what: str) -> bytes:
    if number == 3:
        from cryptography.exceptions import InvalidTag

        try:
            opened: bytes = held.chacha.decrypt(content[:NONCE], content[NONCE:], data)
        except (InvalidTag, ValueError):
            raise AuthenticationFailed(what=what) from None
        return opened
    plaintext: bytes = held.open(content, data)
    if number != 4:
        return plaintext
    length, at = read_varint(plaintext, 0)
    return plaintext[at : at + length]


def to_text(sealed: bytes) -> str:
    """Sealed bytes in a text field."""
    return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")


def from_text(text: str, what: str) -> bytes:
    """The sealed bytes of a text field: only as this module writes them. Raises AuthenticationFailed."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        raise AuthenticationFailed(what=what) from None
    if to_text(raw) != text:
        raise AuthenticationFailed(what=what)
    return raw


def compressed(data: bytes) -> bytes:
    """A body behind its length, by zstd."""
    import cramjam

    return varint(len(data)) + bytes(cramjam.zstd.compress(data, 1))


def decompressed(data: bytes, what: str) -> bytes:
    """The body. Never grows past the length that it claims, nor past MAX_BODY. Raises AuthenticationFailed."""
    import cramjam

    try:
        length, at = read_varint(data, 0)
        if length > MAX_BODY:
            raise ValueError("too large")
        buffer = bytearray(length)
        if cramjam.zstd.decompress_into(data[at:], buffer) != length:
            raise ValueError("another length")
    except (IndexError, ValueError, cramjam.DecompressionError):
        raise AuthenticationFailed(what=what) from None
    return bytes(buffer)
