"""The key system `local-kms` for Confluent's Python client, whose own driver needs a package that nothing else does.

Wraps as that driver does: AES-128-GCM under HKDF-SHA256 of the secret, nonce in front.
"""

from __future__ import annotations

import os
from typing import Any

from confluent_kafka.schema_registry.rules.encryption.kms_driver_registry import KmsDriver, register_kms_driver
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tink import KmsClient, aead

PREFIX = "local-kms://"


class _Aead(aead.Aead):  # type: ignore[misc] # tink has no types
    def __init__(self, secret: str) -> None:
        self._key = AESGCM(HKDF(algorithm=SHA256(), length=16, salt=None, info=b"").derive(secret.encode()))

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._key.encrypt(nonce, plaintext, associated_data)

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        return self._key.decrypt(ciphertext[:12], ciphertext[12:], associated_data)


class _Client(KmsClient):  # type: ignore[misc] # tink has no types
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def does_support(self, key_uri: str) -> bool:
        return key_uri.startswith(PREFIX)

    def get_aead(self, key_uri: str) -> aead.Aead:
        return _Aead(self._secret)


class _Driver(KmsDriver):
    def get_key_url_prefix(self) -> str:
        return PREFIX

    def new_kms_client(self, conf: dict[str, Any], key_url: str) -> KmsClient:
        return _Client(conf["secret"])


def register() -> None:
    """Make the driver and the encrypting rules known to the stock client of this process."""
    from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import (
        EncryptionExecutor,
        FieldEncryptionExecutor,
    )

    register_kms_driver(_Driver())
    EncryptionExecutor.register()  # type: ignore[no-untyped-call] # the stock client has few types
    FieldEncryptionExecutor.register()  # type: ignore[no-untyped-call] # the stock client has few types
