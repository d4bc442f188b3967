"""A transit engine: encrypt, decrypt, rewrap, AppRole login. Enough of Vault for its driver, and versions of keys."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass
class FakeTransit:
    """A handler for `httpx.MockTransport`. `keys` by path, each a list of versions; `down` is a status to answer."""

    token: str = "root"
    namespace: str | None = None
    keys: dict[str, list[bytes]] = field(default_factory=lambda: {"transit/orders": [os.urandom(32)]})
    down: int = 0
    logins: int = 0
    requests: list[str] = field(default_factory=list)

    def rotate(self, key: str) -> None:
        self.keys[key].append(os.urandom(32))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url.path)
        if self.down:
            return httpx.Response(self.down, json={"errors": ["sealed"]})
        body = json.loads(request.content)
        if request.url.path == "/v1/auth/approle/login":
            if body != {"role_id": "role", "secret_id": "secret"}:
                return httpx.Response(400, json={"errors": ["invalid role or secret ID"]})
            self.logins += 1
            self.token = f"login-{self.logins}"
            return httpx.Response(200, json={"auth": {"client_token": self.token}})
        if request.headers.get("x-vault-token") != self.token:
            return httpx.Response(403, json={"errors": ["permission denied"]})
        if request.headers.get("x-vault-namespace") != self.namespace:
            return httpx.Response(404, json={"errors": []})
        mount, verb, name = request.url.path.removeprefix("/v1/").rsplit("/", 2)
        if (versions := self.keys.get(f"{mount}/{name}")) is None:
            return httpx.Response(400, json={"errors": ["encryption key not found"]})
        aad = base64.b64decode(body.get("associated_data", ""))
        try:
            if verb == "encrypt":
                plaintext = base64.b64decode(body["plaintext"])
            else:
                _, version, sealed = body["ciphertext"].split(":")
                blob = base64.b64decode(sealed)
                plaintext = AESGCM(versions[int(version[1:]) - 1]).decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, IndexError, ValueError):
            return httpx.Response(400, json={"errors": ["cipher: message authentication failed"]})
        if verb == "decrypt":
            return httpx.Response(200, json={"data": {"plaintext": base64.b64encode(plaintext).decode()}})
        nonce = os.urandom(12)
        made = base64.b64encode(nonce + AESGCM(versions[-1]).encrypt(nonce, plaintext, aad)).decode()
        return httpx.Response(200, json={"data": {"ciphertext": f"vault:v{len(versions)}:{made}"}})
