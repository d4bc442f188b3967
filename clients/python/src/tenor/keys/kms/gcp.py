"""Google Cloud KMS: Encrypt and Decrypt, checksums both ways, the context as additional authenticated data.

Configuration: `client.email`, `private.key`, `private.key.id`, `client.id` (and `token.uri`) of a service account,
else Google's own search. A blob says itself which version of the key it needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tenor.errors import AuthenticationFailed, EncryptionError, KeyNotFound, KmsRefused, KmsUnavailable, MissingExtra
from tenor.keys.kms import NOTHING, Capabilities, Context, Driver, bound

_NAME: Final = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_TIMEOUT: Final = 10.0


class GcpKms(Driver):
    """One key of Google Cloud KMS. `client` replaces the one made from the configuration."""

    kind = "gcp-kms"
    capabilities = Capabilities(context=True, version=True)

    def __init__(self, key_id: str, config: Mapping[str, str], *, client: Any = None) -> None:
        if (named := _NAME.match(key_id)) is None:
            reason = "the key id is projects/…/locations/…/keyRings/…/cryptoKeys/…"
            raise KmsRefused(kms=self.kind, action="start", reason=reason)
        self._name = named.group()
        self._client = client or _client(config)

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        aad = bound(context)
        request = {
            "name": self._name,
            "plaintext": dek,
            "plaintext_crc32c": crc32c(dek),
            "additional_authenticated_data": aad,
            "additional_authenticated_data_crc32c": crc32c(aad),
        }
        answer = self._ask("wrap", self._client.encrypt, request)
        blob = bytes(answer.ciphertext)
        heard = answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c
        if not heard or answer.ciphertext_crc32c != crc32c(blob):
            raise KmsUnavailable(kms=self.kind, action="wrap", reason="bytes were altered on the way")
        return blob

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        aad = bound(context)
        request = {
            "name": self._name,
            "ciphertext": blob,
            "ciphertext_crc32c": crc32c(blob),
            "additional_authenticated_data": aad,
            "additional_authenticated_data_crc32c": crc32c(aad),
        }
        answer = self._ask("unwrap", self._client.decrypt, request)
        dek = bytes(answer.plaintext)
        if answer.plaintext_crc32c != crc32c(dek):
            raise KmsUnavailable(kms=self.kind, action="unwrap", reason="bytes were altered on the way")
        return dek

    def _ask(self, action: str, call: Any, request: Mapping[str, Any]) -> Any:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        try:
            return call(request=request, timeout=_TIMEOUT)
        except GoogleAPIError as error:
            raise self._told(action, error) from None
        except GoogleAuthError as error:
            cls = KmsUnavailable if error.retryable else KmsRefused
            raise cls(kms=self.kind, action=action, reason=type(error).__name__) from None

    def _told(self, action: str, error: Exception) -> EncryptionError:
        from google.api_core import exceptions

        if isinstance(error, exceptions.NotFound):
            return KeyNotFound(kms=self.kind, action=action, reason=f"it has no key {self._name}")
        if isinstance(error, exceptions.InvalidArgument) and action == "unwrap":
            return AuthenticationFailed(what="The wrapped key")
        later = (exceptions.ServerError, exceptions.TooManyRequests, exceptions.RetryError)
        cls = KmsUnavailable if isinstance(error, later) else KmsRefused
        return cls(kms=self.kind, action=action, reason=type(error).__name__)


def _client(config: Mapping[str, str]) -> Any:
    try:
        from google.cloud import kms_v1
        from google.oauth2 import service_account
    except ImportError:
        raise MissingExtra(purpose="Google Cloud KMS", package="google-cloud-kms", extra="gcp") from None
    named = {
        name: config.get(name.replace("_", "."))
        for name in ("client_id", "client_email", "private_key_id", "private_key")
    }
    account = None
    if all(named.values()):
        token_uri = config.get("token.uri") or "https://oauth2.googleapis.com/token"
        info = {**named, "type": "service_account", "token_uri": token_uri}
        account = service_account.Credentials.from_service_account_info(info)  # type: ignore[no-untyped-call] # google-auth has no annotation there
    return kms_v1.KeyManagementServiceClient(credentials=account)


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


_TABLE: Final = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli, RFC 3720).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF
