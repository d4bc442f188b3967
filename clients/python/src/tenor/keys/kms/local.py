"""Keys that this process holds itself: derived from a secret, read from a variable, or made from a passphrase.

`local-kms` is the one of Confluent's clients, byte for byte: AES-128-GCM under HKDF-SHA256 of the secret.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tenor.errors import AuthenticationFailed, KmsRefused, MissingExtra
from tenor.keys import algorithms
from tenor.keys.kms import NOTHING, Capabilities, Context, Driver, bound


class _Held(Driver):
    """Wraps with a key in memory. The cipher is made with the first use, so that making a driver derives nothing."""

    capabilities: ClassVar[Capabilities] = Capabilities(context=True)  # type: ignore[misc] # narrower than the base's

    def __init__(self, key_id: str, config: Mapping[str, str]) -> None:
        self._key_id = key_id
        self._config = config
        self._prepared: algorithms.Cipher | None = None

    def _key(self) -> tuple[str, bytes]:
        """The algorithm and the raw key."""
        raise NotImplementedError

    @property
    def _cipher(self) -> algorithms.Cipher:
        if self._prepared is None:
            self._prepared = algorithms.cipher(*self._key())
        return self._prepared

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        return self._cipher.seal(dek, bound(context))

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        try:
            return self._cipher.open(blob, bound(context))
        except AuthenticationFailed:
            raise AuthenticationFailed(what="The wrapped key") from None

    def _refused(self, reason: str) -> KmsRefused:
        return KmsRefused(kms=self.kind, action="start", reason=reason)


class LocalKms(_Held):
    """`secret` of the configuration, else the variable LOCAL_SECRET. For development and tests."""

    kind = "local-kms"

    def _key(self) -> tuple[str, bytes]:
        secret = self._config.get("secret") or os.environ.get("LOCAL_SECRET")
        if not secret:
            raise self._refused("neither `secret` nor the variable LOCAL_SECRET is set")
        return algorithms.AES128_GCM, algorithms.hkdf(secret.encode(), b"", 16)


class EnvironmentKms(_Held):
    """A variable that holds 32 random bytes in base64. Its name begins with TENOR_KEY_, so that a rule cannot have
    a data key wrapped with a variable that everybody knows."""

    kind = "env"

    def _key(self) -> tuple[str, bytes]:
        if not re.fullmatch("TENOR_KEY_[A-Z0-9_]+", self._key_id):
            raise self._refused("the key id is a variable's name, TENOR_KEY_…")
        try:
            key = base64.b64decode(os.environ[self._key_id], validate=True)
        except KeyError:
            raise self._refused(f"the variable {self._key_id} is not set") from None
        except binascii.Error:
            raise self._refused(f"the variable {self._key_id} is not base64") from None
        if len(key) != 32:
            raise self._refused(f"the variable {self._key_id} holds {len(key)} bytes, not 32")
        return algorithms.AES256_GCM, key


class PassphraseKms(_Held):
    """A file with a passphrase (`passphrase.file`, else the variable TENOR_PASSPHRASE_FILE), stretched by argon2id
    (64 MiB, 3 passes, 4 lanes; the key id is the salt, so each KEK has a key of its own)."""

    kind = "passphrase"
    SHORTEST: ClassVar[int] = 12

    def _key(self) -> tuple[str, bytes]:
        path = self._config.get("passphrase.file") or os.environ.get("TENOR_PASSPHRASE_FILE")
        if not path:
            raise self._refused("neither `passphrase.file` nor the variable TENOR_PASSPHRASE_FILE is set")
        try:
            passphrase = Path(path).read_bytes().strip()
        except OSError as error:
            raise self._refused(f"the passphrase file cannot be read ({type(error).__name__})") from None
        if len(passphrase) < self.SHORTEST:
            raise self._refused(f"the passphrase is shorter than {self.SHORTEST} bytes")
        salt = algorithms.hkdf(self._key_id.encode(), b"tenor-passphrase-1", 16)
        try:
            from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
        except ImportError:
            raise MissingExtra(purpose="a passphrase", package="cryptography>=44", extra="encryption") from None
        stretched = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65_536)
        return algorithms.AES256_GCM, stretched.derive(passphrase)
