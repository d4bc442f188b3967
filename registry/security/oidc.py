"""JWTs of an identity provider, checked against its published keys.

What is trusted is set by the operator: where the keys are, the issuer, the audience, and which (asymmetric) algorithms
count. Nothing that a token says about its keys (`jku`, `jwk`, `x5u`) is looked at but its `kid`. Keys are fetched when
the first token comes, again after five minutes, and at once (every ten seconds at most) when a token names a key that
is not known, so that a rotation needs no hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from registry.outgoing import NotAllowed, fetch

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""What may be allowed. Symmetric ones and `none` never: a public key is no secret."""

_KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_FRESH, _PAUSE = 300.0, 10.0
_MOST_KEYS, _MOST_GROUPS, _LONGEST = 100, 200, 300


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a JWT is about, and until when (seconds since 1970)."""

    name: str
    groups: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class Trust:
    """What a JWT must be. `keys` is an https URL or a file."""

    keys: str
    issuer: str
    audience: str
    algorithms: Sequence[str]
    leeway: int = 30
    name: str = "sub"
    groups: str = "groups"
    private: bool = False


class Bearer:
    """Verifies JWTs. One a process."""

    def __init__(self, trust: Trust, log: Callable[..., None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._trust = trust
        self._log = log
        self._clock = clock
        self._keys: list[PyJWK] = []
        self._fetched = self._asked = float("-inf")
        self._fetching = asyncio.Lock()

    async def verified(self, text: str) -> Claims | None:
        """What a JWT says, or None when it does not hold."""
        import jwt

        try:
            header = jwt.get_unverified_header(text)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        algorithm, kid = header.get("alg"), header.get("kid")
        if (
            not isinstance(algorithm, str)
            or algorithm not in self._trust.algorithms
            or "crit" in header
            or not isinstance(kid, str | None)
        ):
            return None
        key = await self._key(algorithm, kid)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                text,
                key.key,
                algorithms=[algorithm],
                audience=self._trust.audience,
                issuer=self._trust.issuer,
                leeway=self._trust.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        # A token of a stranger's making: whatever it breaks in the library, it does not hold.
        except Exception:
            return None
        return self._claims(claims)

    def _claims(self, claims: dict[str, Any]) -> Claims | None:
        name, groups = claims.get(self._trust.name), claims.get(self._trust.groups, [])
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or not name.isprintable():
            return None
        if isinstance(groups, str):
            groups = groups.split()
        if not isinstance(groups, list) or len(groups) > _MOST_GROUPS:
            return None
        named = tuple(each for each in groups if isinstance(each, str) and 0 < len(each) <= _LONGEST)
        return Claims(name, named, float(claims["exp"]) + self._trust.leeway)

    async def _key(self, algorithm: str, kid: str | None) -> PyJWK | None:
        """The one key that a token can be signed with."""
        found = self._fitting(algorithm, kid)
        now = self._clock()
        if (found is None or now - self._fetched > _FRESH) and now - self._asked > _PAUSE:
            async with self._fetching:
                if self._clock() - self._asked > _PAUSE:
                    await self._fetch()
            found = self._fitting(algorithm, kid)
        return found

    def _fitting(self, algorithm: str, kid: str | None) -> PyJWK | None:
        fitting = [
            key
            for key in self._keys
            if (kid is None or key.key_id == kid)
            and key.key_type == _KINDS[algorithm[:2]]
            and key._jwk_data.get("alg", algorithm) == algorithm
        ]
        return fitting[0] if len(fitting) == 1 else None

    async def _fetch(self) -> None:
        try:
            document = await asyncio.to_thread(self._document)
            self._keys = _keys(document)
            self._fetched = self._clock()
        except (OSError, NotAllowed, ValueError, msgspec.DecodeError) as error:
            # The keys that are known go on counting: an issuer that is down for a while locks nobody out.
            self._log("the keys of JWTs cannot be fetched", reason=str(error))
        self._asked = self._clock()

    def _document(self) -> bytes:
        where = self._trust.keys
        if "://" in where:
            return fetch(where, private=self._trust.private)
        return Path(where).read_bytes()


def _keys(document: bytes) -> list[PyJWK]:
    """The public signing keys of a JWKS. Raises ValueError for a document that is none."""
    import jwt

    read = msgspec.json.decode(document)
    listed = read.get("keys") if isinstance(read, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it is not a JWKS")
    found = []
    for each in listed[:_MOST_KEYS]:
        if not isinstance(each, dict) or each.get("kty") not in _KINDS.values() or each.get("use", "sig") != "sig":
            continue
        try:
            found.append(jwt.PyJWK({name: value for name, value in each.items() if name not in ("d", "p", "q")}))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # of a kind that the library does not know
    return found
