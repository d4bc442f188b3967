"""The transit engine of Vault and OpenBao, over httpx.

    https://vault:8200/transit/keys/orders  →  POST https://vault:8200/v1/transit/encrypt/orders

Configuration: `token.id` (else VAULT_TOKEN), or `approle.role.id` and `approle.secret.id`; `namespace`;
`ssl.ca.location`, `ssl.certificate.location` and `ssl.key.location`, else Vault's own variables. The context goes as
`associated_data`: a key with `derived=true` is another thing and does not work, as with Confluent's clients.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx

from tenor.errors import AuthenticationFailed, EncryptionError, KeyNotFound, KmsRefused, KmsUnavailable
from tenor.keys.kms import NOTHING, Capabilities, Context, Driver, bound

_KEY: Final = re.compile(r"(?P<host>https?://[^/?#@]+)/(?P<mount>[A-Za-z0-9._/-]+)/keys/(?P<name>[A-Za-z0-9._-]+)")
_WRAPPED: Final = re.compile(rb"vault:v[0-9]{1,9}:[A-Za-z0-9+/=]+")
_VARIABLES: Final = {
    "token.id": "VAULT_TOKEN",
    "namespace": "VAULT_NAMESPACE",
    "approle.role.id": "VAULT_APPROLE_ROLE_ID",
    "approle.secret.id": "VAULT_APPROLE_SECRET_ID",
    "ssl.ca.location": "VAULT_CACERT",
    "ssl.certificate.location": "VAULT_CLIENT_CERT",
    "ssl.key.location": "VAULT_CLIENT_KEY",
}


class VaultKms(Driver):
    """One key of a transit engine. `transport` replaces the network."""

    kind = "hcvault"
    capabilities = Capabilities(context=True, rewrap=True, version=True)

    def __init__(self, key_id: str, config: Mapping[str, str], *, transport: httpx.BaseTransport | None = None) -> None:
        if (named := _KEY.fullmatch(key_id)) is None or ".." in named["mount"]:
            raise KmsRefused(kms=self.kind, action="start", reason="the key id is https://HOST/MOUNT/keys/NAME")
        self._mount, self._name = named["mount"], named["name"]
        self._set = {name: config.get(name) or os.environ.get(variable) for name, variable in _VARIABLES.items()}
        self._token = self._set["token.id"]
        self._client = httpx.Client(
            base_url=f"{named['host']}/v1/",
            timeout=httpx.Timeout(10, connect=5),
            verify=self._trusted() if key_id.startswith("https") and transport is None else False,
            transport=transport,
            trust_env=False,  # a key system is not asked through whatever proxy a shell names
        )

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        answer = self._ask("wrap", "encrypt", {"plaintext": base64.b64encode(dek).decode(), **_associated(context)})
        blob = str(answer.get("ciphertext")).encode()
        if not _WRAPPED.fullmatch(blob):
            raise self._odd("wrap")
        return blob

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        answer = self._ask("unwrap", "decrypt", {"ciphertext": _text(blob), **_associated(context)})
        try:
            return base64.b64decode(answer["plaintext"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise self._odd("unwrap") from None

    def rewrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        if context:
            return super().rewrap(blob, context)  # transit's own rewrap takes no associated data
        renewed = str(self._ask("rewrap", "rewrap", {"ciphertext": _text(blob)}).get("ciphertext")).encode()
        if not _WRAPPED.fullmatch(renewed):
            raise self._odd("rewrap")
        return renewed

    def _trusted(self) -> ssl.SSLContext:
        try:
            trusted = ssl.create_default_context(cafile=self._set["ssl.ca.location"] or None)
            if certificate := self._set["ssl.certificate.location"]:
                trusted.load_cert_chain(certificate, self._set["ssl.key.location"])
        except OSError as error:
            reason = f"a certificate cannot be read ({type(error).__name__})"
            raise KmsRefused(kms=self.kind, action="start", reason=reason) from None
        return trusted

    def _ask(self, action: str, verb: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        fresh = self._token is None
        if fresh:
            self._log_in()
        answer = self._post(action, f"{self._mount}/{verb}/{self._name}", body)
        if answer.status_code == 403 and not fresh and self._set["approle.role.id"]:
            self._log_in()  # the token of the last login may have ended
            answer = self._post(action, f"{self._mount}/{verb}/{self._name}", body)
        if answer.status_code != 200:
            raise self._told(action, answer)
        return self._inside(action, answer, "data")

    def _log_in(self) -> None:
        role, secret = self._set["approle.role.id"], self._set["approle.secret.id"]
        if not role or not secret:
            raise KmsRefused(kms=self.kind, action="start", reason="there is neither a token nor an AppRole")
        self._token = None
        answer = self._post("log in", "auth/approle/login", {"role_id": role, "secret_id": secret})
        if answer.status_code >= 500 or answer.status_code == 429:
            raise self._told("log in", answer)
        if answer.status_code != 200:
            raise KmsRefused(kms=self.kind, action="log in", reason=f"status {answer.status_code}")
        self._token = str(self._inside("log in", answer, "auth").get("client_token"))

    def _post(self, action: str, path: str, body: Mapping[str, str]) -> httpx.Response:
        headers = {"X-Vault-Request": "true"}
        if self._token:
            headers["X-Vault-Token"] = self._token
        if namespace := self._set["namespace"]:
            headers["X-Vault-Namespace"] = namespace
        try:
            return self._client.post(path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise KmsUnavailable(kms=self.kind, action=action, reason=type(error).__name__) from None

    def _inside(self, action: str, answer: httpx.Response, member: str) -> Mapping[str, Any]:
        try:
            inside = answer.json()[member]
        except (ValueError, KeyError, TypeError):
            raise self._odd(action) from None
        if not isinstance(inside, dict):
            raise self._odd(action)
        return inside

    def _told(self, action: str, answer: httpx.Response) -> EncryptionError:
        said = answer.text[:2000].lower()  # looked at, never passed on: it may repeat what was sent
        if answer.status_code == 404 or "key not found" in said or "no existing key" in said:
            return KeyNotFound(kms=self.kind, action=action, reason=f"it has no key {self._name} in {self._mount}")
        if answer.status_code == 400 and action != "wrap":
            return AuthenticationFailed(what="The wrapped key")
        later = answer.status_code in (408, 412, 429) or answer.status_code >= 500
        reason = f"status {answer.status_code}"
        return (KmsUnavailable if later else KmsRefused)(kms=self.kind, action=action, reason=reason)

    def _odd(self, action: str) -> KmsUnavailable:
        return KmsUnavailable(kms=self.kind, action=action, reason="the answer is not a transit engine's")


def _text(blob: bytes) -> str:
    if not _WRAPPED.fullmatch(blob):
        raise AuthenticationFailed(what="The wrapped key")
    return blob.decode()


def _associated(context: Context) -> dict[str, str]:
    return {"associated_data": base64.b64encode(bound(context)).decode()} if context else {}
