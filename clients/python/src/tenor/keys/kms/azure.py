"""Azure Key Vault: RSA-OAEP-256, as Confluent's clients use it. It binds to no context.

Azure's answers do not say which version of the key made them. With `encrypt.azure.key.version.save` the version is put
before the blob, `azure:v1:<32 hex>:`; a blob that has it is opened with that version, whatever the setting says now.
Without it a key id needs its version, else a rotated key leaves blobs behind that nothing opens.

Configuration: `tenant.id`, `client.id` and `client.secret`, else Azure's own search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from tenor.errors import AuthenticationFailed, EncryptionError, KeyNotFound, KmsRefused, KmsUnavailable, MissingExtra
from tenor.keys.kms import NOTHING, Capabilities, Context, Driver

SAVE_VERSION: Final = "encrypt.azure.key.version.save"

_KEY: Final = re.compile(
    r"(?P<vault>https?://[^/?#]+)/keys/(?P<name>[A-Za-z0-9-]+)(?:/(?P<version>[0-9a-fA-F]{32}))?/?"
)
_HEADER: Final = re.compile(rb"azure:v1:([0-9a-fA-F]{32}):")
_HEADER_LENGTH: Final = 42

T = TypeVar("T")


class AzureKms(Driver):
    """One key of Azure Key Vault.

    `client_of` gives the SDK's `CryptographyClient` for the full id of a key, `newest` the full id of the newest
    version; both replace those made from the configuration.
    """

    kind = "azure-kms"

    def __init__(
        self,
        key_id: str,
        config: Mapping[str, str],
        *,
        client_of: Callable[[str], Any] | None = None,
        newest: Callable[[str, str], str] | None = None,
    ) -> None:
        if (named := _KEY.fullmatch(key_id)) is None:
            raise self._refused("start", "the key id is https://VAULT/keys/NAME, maybe with /VERSION")
        self._vault, self._name, self._version = named.group("vault", "name", "version")
        self._key_id = key_id
        self._saves = config.get(SAVE_VERSION, "").lower() == "true"
        self.capabilities = Capabilities(context=False, version=self._saves)
        if client_of is None or newest is None:
            made, found = _clients(config)
            client_of, newest = client_of or made, newest or found
        self._client_of, self._newest = client_of, newest
        self._clients: dict[str, Any] = {}

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        self._unbound("wrap", context)
        if not self._saves:
            return self._encrypted(self._key_id, dek)
        version = self._version or self._newest_version()
        return b"azure:v1:%s:" % version.encode() + self._encrypted(self._versioned(version), dek)

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        self._unbound("unwrap", context)
        key_id = self._key_id
        if saved := _HEADER.match(blob):
            # Hexadecimal alone passes, so a blob cannot lead to another path of the vault.
            key_id, blob = self._versioned(saved.group(1).decode()), blob[_HEADER_LENGTH:]
        return self._decrypted(key_id, blob)

    def _newest_version(self) -> str:
        key_id = self._ask("wrap", lambda: self._newest(self._vault, self._name))
        named = _KEY.fullmatch(key_id or "")
        if named is None or not named["version"]:
            raise self._refused("wrap", "it does not say which version of the key is the newest")
        return str(named["version"])

    def _versioned(self, version: str) -> str:
        return f"{self._vault}/keys/{self._name}/{version}"

    def _encrypted(self, key_id: str, dek: bytes) -> bytes:
        return bytes(self._ask("wrap", lambda: self._client(key_id).encrypt(_oaep(), dek).ciphertext))

    def _decrypted(self, key_id: str, blob: bytes) -> bytes:
        return bytes(self._ask("unwrap", lambda: self._client(key_id).decrypt(_oaep(), blob).plaintext))

    def _client(self, key_id: str) -> Any:
        if key_id not in self._clients:
            self._clients[key_id] = self._client_of(key_id)
        return self._clients[key_id]

    def _unbound(self, action: str, context: Context) -> None:
        if context:
            raise self._refused(action, "RSA-OAEP binds to no context")

    def _refused(self, action: str, reason: str) -> KmsRefused:
        return KmsRefused(kms=self.kind, action=action, reason=reason)

    def _ask(self, action: str, call: Callable[[], T]) -> T:
        from azure.core.exceptions import AzureError

        try:
            return call()
        except AzureError as error:
            raise self._told(action, error) from None
        except ValueError:
            # The SDK does RSA itself when it may read the key, and says so of what does not fit.
            if action == "unwrap":
                raise AuthenticationFailed(what="The wrapped key") from None
            raise self._refused(action, "the key does not fit") from None

    def _told(self, action: str, error: Exception) -> EncryptionError:
        from azure.core import exceptions

        if isinstance(error, exceptions.ResourceNotFoundError):
            return KeyNotFound(kms=self.kind, action=action, reason=f"it has no key {self._key_id}")
        if isinstance(error, exceptions.ClientAuthenticationError):
            return self._refused(action, "it does not know the credentials")
        status = error.status_code if isinstance(error, exceptions.HttpResponseError) else None
        if status == 400 and action == "unwrap":
            return AuthenticationFailed(what="The wrapped key")
        reason = type(error).__name__ if status is None else f"status {status}"
        later = status is None or status in (408, 429) or status >= 500
        return (KmsUnavailable if later else KmsRefused)(kms=self.kind, action=action, reason=reason)


def _oaep() -> Any:
    from azure.keyvault.keys.crypto import EncryptionAlgorithm

    return EncryptionAlgorithm.rsa_oaep_256


def _clients(config: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[str, str], str]]:
    """What makes the SDK's clients: imported and logged in with the first use."""

    def credentials() -> Any:
        try:
            from azure.identity import ClientSecretCredential, DefaultAzureCredential
        except ImportError:
            raise MissingExtra(purpose="Azure Key Vault", package="azure-identity", extra="azure") from None
        tenant, client, secret = (config.get(name) for name in ("tenant.id", "client.id", "client.secret"))
        if tenant and client and secret:
            return ClientSecretCredential(tenant, client, secret)
        return DefaultAzureCredential()

    def client_of(key_id: str) -> Any:
        from azure.keyvault.keys.crypto import CryptographyClient

        return CryptographyClient(key_id, credentials(), connection_timeout=5, read_timeout=10)

    def newest(vault: str, name: str) -> str:
        from azure.keyvault.keys import KeyClient

        return str(KeyClient(vault, credentials(), connection_timeout=5, read_timeout=10).get_key(name).id)

    return client_of, newest
