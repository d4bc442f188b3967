"""A key in a token or HSM that speaks PKCS #11: AES-GCM, made inside it.

    pkcs11:token=tenor;object=orders         (RFC 7512; `slot-id` and `id` are not used)

Configuration, this process's alone: `module` (else TENOR_PKCS11_MODULE), the path of the token's library, and `pin`
(else TENOR_PKCS11_PIN). The blob is nonce 12 · ciphertext · tag 16; the nonce is drawn here, from the system.

A library is loaded once a process and keeps login per token: that is PKCS #11's state, not this driver's.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from tenor.errors import AuthenticationFailed, EncryptionError, KeyNotFound, KmsRefused, KmsUnavailable, MissingExtra
from tenor.keys.kms import NOTHING, Capabilities, Context, Driver, bound

_NONCE: Final = 12
_TAG: Final = 16
T = TypeVar("T")


class Pkcs11Kms(Driver):
    """One AES key of one token. A session is no thread's own, so calls take turns."""

    kind = "pkcs11"
    capabilities = Capabilities(context=True)

    def __init__(self, key_id: str, config: Mapping[str, str]) -> None:
        scheme, _, rest = key_id.partition(":")
        parts = dict(part.partition("=")[::2] for part in rest.split("?")[0].split(";"))
        self._token, self._object = unquote(parts.get("token", "")), unquote(parts.get("object", ""))
        if scheme != "pkcs11" or not self._token or not self._object:
            raise self._refused("start", "the key id is pkcs11:token=TOKEN;object=KEY")
        module = config.get("module") or os.environ.get("TENOR_PKCS11_MODULE")
        if not module:
            raise self._refused("start", "neither `module` nor the variable TENOR_PKCS11_MODULE is set")
        self._module = module
        self._pin = config.get("pin") or os.environ.get("TENOR_PKCS11_PIN")
        self._lock = threading.Lock()
        self._session: Any = None
        self._key: Any = None

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._ask("wrap", lambda key: bytes(key.encrypt(dek, **_gcm(nonce, context))))

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        if len(blob) <= _NONCE + _TAG:
            raise AuthenticationFailed(what="The wrapped key")
        nonce, rest = blob[:_NONCE], blob[_NONCE:]
        return self._ask("unwrap", lambda key: bytes(key.decrypt(rest, **_gcm(nonce, context))))

    def _ask(self, action: str, use: Callable[[Any], T]) -> T:
        try:
            from pkcs11 import exceptions
        except ImportError:
            raise MissingExtra(purpose="a PKCS #11 token", package="python-pkcs11", extra="pkcs11") from None
        lost = (
            exceptions.SessionHandleInvalid,
            exceptions.SessionClosed,
            exceptions.UserNotLoggedIn,
            exceptions.KeyHandleInvalid,
            exceptions.ObjectHandleInvalid,
            exceptions.DeviceRemoved,
            exceptions.TokenNotPresent,
        )
        with self._lock:
            try:
                try:
                    return use(self._opened())
                except lost:
                    self._close()  # the token was taken out, or somebody else of this process logged out
                    return use(self._opened())
            except exceptions.PKCS11Error as error:
                raise self._told(action, error) from None

    def _opened(self) -> Any:
        if self._key is None:
            import pkcs11

            try:
                library = pkcs11.lib(self._module)
            except (OSError, RuntimeError) as error:
                raise self._refused("start", f"the module cannot be loaded ({type(error).__name__})") from None
            token = library.get_token(token_label=self._token)
            try:
                self._session = token.open(user_pin=self._pin)
            except pkcs11.exceptions.UserAlreadyLoggedIn:
                self._session = token.open()
            self._key = self._session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=self._object)
        return self._key

    def _close(self) -> None:
        session, self._session, self._key = self._session, None, None
        if session is not None:
            import pkcs11

            with contextlib.suppress(pkcs11.exceptions.PKCS11Error):
                session.close()

    def _told(self, action: str, error: Exception) -> EncryptionError:
        from pkcs11 import exceptions

        if isinstance(error, (exceptions.NoSuchToken, exceptions.NoSuchKey)):
            reason = f"it has no key {self._object} in a token {self._token}"
            return KeyNotFound(kms=self.kind, action=action, reason=reason)
        altered = (exceptions.EncryptedDataInvalid, exceptions.EncryptedDataLenRange, exceptions.SignatureInvalid)
        if action == "unwrap" and isinstance(error, (*altered, exceptions.GeneralError)):
            # Tokens tell a wrong tag in different words; SoftHSM says CKR_GENERAL_ERROR.
            return AuthenticationFailed(what="The wrapped key")
        later = (
            exceptions.DeviceError,
            exceptions.DeviceMemory,
            exceptions.DeviceRemoved,
            exceptions.HostMemory,
            exceptions.TokenNotPresent,
            exceptions.SessionCount,
            exceptions.FunctionFailed,
            exceptions.GeneralError,
        )
        cls = KmsUnavailable if isinstance(error, later) else KmsRefused
        return cls(kms=self.kind, action=action, reason=type(error).__name__)

    def _refused(self, action: str, reason: str) -> KmsRefused:
        return KmsRefused(kms=self.kind, action=action, reason=reason)


def _gcm(nonce: bytes, context: Context) -> dict[str, Any]:
    from pkcs11 import GCMParams, Mechanism

    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, bound(context), _TAG * 8)}
