"""Key systems: what wraps data keys. Each driver is imported when it is first used and holds no state of the process.

    kms type      key id                                                  blob
    local-kms     anything                                                nonce 12 · ciphertext · tag 16
    env           TENOR_KEY_NAME, a variable with 32 bytes in base64      the same
    passphrase    anything; argon2id of the passphrase file               the same
    pkcs11        pkcs11:token=T;object=K                                 the same, made in the token
    aws-kms       arn:aws:kms:REGION:ACCOUNT:key/ID                       KMS's CiphertextBlob
    gcp-kms       projects/P/locations/L/keyRings/R/cryptoKeys/K          KMS's ciphertext
    azure-kms     https://VAULT/keys/NAME[/VERSION]                       RSA-OAEP-256, maybe after `azure:v1:VERSION:`
    hcvault       https://HOST/MOUNT/keys/NAME                            the text `vault:v1:…`

`driver("aws-kms", key_id, props, config)` makes one. `props` are the KEK's and win over `config`, which is this
process's, save for names that reach into the machine (`LOCAL_ONLY`): a registry must not choose which library, file or
address a client opens. Other key ids are tried in order when the first does not work
(`encrypt.alternate.kms.key.ids`).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from tenor.errors import AuthenticationFailed, EncryptionError, KmsError, UnknownKms

Context = Mapping[str, str]
"""What a blob is bound to, e.g. `{"tenant": …, "kek": …, "subject": …, "version": …}`. Confluent's clients bind to
nothing."""

NOTHING: Final[Context] = {}
ALTERNATES: Final = "encrypt.alternate.kms.key.ids"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`context`: binds a blob to a context; `rewrap`: renews a blob without showing the key; `version`: a blob says
    which version of the key it needs."""

    context: bool = True
    rewrap: bool = False
    version: bool = False


class Kms(Protocol):
    """One key of one key system. Blocking; safe to share between threads."""

    capabilities: Capabilities

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        """A serialised data key, wrapped. Raises KmsError."""
        ...

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        """The serialised data key in a blob. Raises KmsError, and AuthenticationFailed for a blob of another key."""
        ...

    def rewrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        """The same data key under the newest version of the key."""
        ...

    def health(self) -> None:
        """Wrap and unwrap something that is no key. Raises KmsError."""
        ...


DRIVERS: Final[Mapping[str, tuple[str, str]]] = {
    "local-kms": ("tenor.keys.kms.local", "LocalKms"),
    "env": ("tenor.keys.kms.local", "EnvironmentKms"),
    "passphrase": ("tenor.keys.kms.local", "PassphraseKms"),
    "aws-kms": ("tenor.keys.kms.aws", "AwsKms"),
    "gcp-kms": ("tenor.keys.kms.gcp", "GcpKms"),
    "azure-kms": ("tenor.keys.kms.azure", "AzureKms"),
    "hcvault": ("tenor.keys.kms.vault", "VaultKms"),
    "pkcs11": ("tenor.keys.kms.pkcs11", "Pkcs11Kms"),
}
"""KMS type → module and class."""

LOCAL_ONLY: Final = frozenset(
    {
        "endpoint",
        "module",
        "passphrase.file",
        "pin",
        "profile",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
    }
)
"""Names that only this process's configuration may set."""

Factory = Callable[[str, Mapping[str, str]], Kms]


def normalised(kms_type: str) -> str:
    """A KMS type as it is stored: lower case, and Amazon's, Azure's and Google's by their full names.

    >>> normalised("AWS")
    'aws-kms'
    """
    lowered = kms_type.strip().lower()
    return next((f"{cloud}-kms" for cloud in ("aws", "azure", "gcp") if lowered.startswith(cloud)), lowered)


def driver(
    kms_type: str,
    key_id: str,
    props: Mapping[str, str | None] | None = None,
    config: Mapping[str, str] | None = None,
    *,
    factory: Factory | None = None,
) -> Kms:
    """The key system of a KEK, with its other key ids behind it. `factory` replaces the type's own driver.

    Raises UnknownKms, MissingExtra when the driver's package is not installed, and KmsRefused for a key id or a
    configuration that cannot mean anything.
    """
    name = normalised(kms_type)
    if factory is None:
        if (found := DRIVERS.get(name)) is None:
            raise UnknownKms(kms=name, known=", ".join(DRIVERS))
        module, cls = found
        factory = getattr(importlib.import_module(module), cls)
    given = {name: value for name, value in (props or {}).items() if value is not None and name not in LOCAL_ONLY}
    merged = {**(config or {}), **given}
    prefix = f"{name}://"
    ids = [each.strip().removeprefix(prefix) for each in (key_id, *merged.get(ALTERNATES, "").split(","))]
    keys = [factory(each, merged) for position, each in enumerate(ids) if each or position == 0]
    return keys[0] if len(keys) == 1 else FirstThatWorks(keys)


T = TypeVar("T")


class FirstThatWorks:
    """Several keys, tried in order: for regions, and for a key in escrow."""

    def __init__(self, keys: Sequence[Kms]) -> None:
        self._keys = list(keys)
        able = [key.capabilities for key in keys]
        self.capabilities = Capabilities(
            context=all(each.context for each in able),
            rewrap=all(each.rewrap for each in able),
            version=all(each.version for each in able),
        )

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        return self._first(lambda key: key.wrap(dek, context))

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        return self._first(lambda key: key.unwrap(blob, context))

    def rewrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        """Under the first key that works, whichever wrapped it before."""
        return self.wrap(self.unwrap(blob, context), context)

    def health(self) -> None:
        """The first key's: a system that lives on its spare is not well."""
        self._keys[0].health()

    def _first(self, ask: Callable[[Kms], T]) -> T:
        failed: list[EncryptionError] = []
        for key in self._keys:
            try:
                return ask(key)
            except (KmsError, AuthenticationFailed) as error:
                failed.append(error)
        # An error that may pass is the one worth telling: it says to try again.
        raise next((error for error in failed if isinstance(error, KmsError) and error.retryable), failed[0])


class Driver:
    """What drivers have in common. A driver says how to wrap and unwrap."""

    kind = ""
    capabilities = Capabilities()

    def wrap(self, dek: bytes, context: Context = NOTHING) -> bytes:
        raise NotImplementedError

    def unwrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        raise NotImplementedError

    def rewrap(self, blob: bytes, context: Context = NOTHING) -> bytes:
        return self.wrap(self.unwrap(blob, context), context)

    def health(self) -> None:
        probe = b"tenor-probe-" + os.urandom(20)
        if self.unwrap(self.wrap(probe)) != probe:
            raise KmsError(kms=self.kind, action="answer", reason="it gave back other bytes than it was given")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # never what it is configured with


def bound(context: Context) -> bytes:
    """A context as associated data: each name and value behind its length, sorted; nothing for an empty one."""
    if not context:
        return b""
    parts = [part.encode() for pair in sorted(context.items()) for part in pair]
    return b"tenor-context-1" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
