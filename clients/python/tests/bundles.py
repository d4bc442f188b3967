"""Bundles of what a FakeRegistry holds, for tests, and the key that signs them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fake_keys import FakeKeys
from fake_registry import FakeRegistry

from tenor.bundle import Bundle, signed


def key_pair(seed: int = 1) -> tuple[bytes, bytes]:
    """A private and its public key, both PEM."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


KEY, PUBLIC = key_pair()


def bytes_of(
    fake: FakeRegistry, *, associations: Mapping[tuple[str, str], str] | None = None, key: bytes = KEY, **options: Any
) -> bytes:
    """Everything that a registry holds, signed."""
    rows = [row for rows in fake.subjects.values() for row in rows]
    options = {"registry": "http://registry.test", "created": datetime(2026, 1, 2, tzinfo=UTC), **options}
    return signed(rows, associations or {}, key, **options)


def keys_of(fake: FakeKeys) -> dict[str, Any]:
    """The keys that a registry holds, as `tenor bundle create` takes them."""
    keks = [{name: value for name, value in row.items() if name != "ts"} for row in fake.keks.values()]
    return {"keks": keks, "deks": list(fake.deks.values())}


def bundle_of(fake: FakeRegistry, **options: Any) -> Bundle:
    """Everything that a registry holds, as a client trusts it."""
    return Bundle.parse(bytes_of(fake, **options), PUBLIC)
