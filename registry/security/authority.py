"""Who a request is from. What was verified is remembered under a keyed hash for at most a minute.

    headers ─ remembered? ─ yes → caller                                         (no I/O, on the event loop)
                         └ no  → token: its hash in the store · password: argon2 on a thread · JWT: its issuer's keys
                                 · certificate: a trusted proxy's header

What is remembered counts only while this process knows that nothing about identities changed: a change is told by the
store at once (`forget("identities")`), and a loop asks once a second besides; when it got no answer for LAG seconds,
every credential is verified anew. So a revocation counts everywhere within five seconds, whatever is cut off.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from registry.clock import now_ms
from registry.errors import Busy, InvalidRequest, RateLimited, RegistryError
from registry.security import administration, credentials, passwords, tokens
from registry.security.access import ANY, NOTHING, Grant, Grants, grants_of, united
from registry.security.addresses import Proxies, networks
from registry.security.credentials import Shown
from registry.security.identity import NOBODY, OPEN, Caller
from registry.security.refusals import Refusals
from registry.settings import InvalidSetting, Settings
from registry.store.engine import FORGET_ALL, Db, Store
from registry.store.queries import identities as queries
from registry.store.queries.identities import Token

if TYPE_CHECKING:
    from registry.security.oidc import Bearer

REMEMBERED: Final = 60.0
LAG: Final = 4.0
_POLL = 1.0
_MOST, _MOST_GRANTS = 10_000, 1000
_USE_NOTED_EVERY = 60_000
_SHORTEST_ADMIN_TOKEN = 32
_GUESSES, _GUESSING = 10, 60.0
_WAITING_PASSWORDS = 16
_LONGEST_NAME = 300

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(slots=True)
class _Guesses:
    """Wrong passwords for one name from one address, since a moment."""

    since: float
    count: int = 0


class Authority:
    """Finds out who calls. One a process; only the event loop's thread uses it, but for `forget`."""

    def __init__(self, settings: Settings, store: Store, log: Callable[..., None]) -> None:
        self.open = OPEN if settings.authentication.lower() != "on" else None
        self.proxies = _proxies(settings)
        self.anonymous = _anonymous(settings)
        self._store = store
        self._log = log
        self._admin = _admin(settings)
        self._certificate_header = settings.certificate_header.lower().encode()
        self._key = os.urandom(32)
        self._known: dict[bytes, tuple[Caller, float]] = {}
        self._generation = 0
        self._epoch = -1
        self._confirmed = float("-inf")
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._waiting = 0
        self._guesses: dict[tuple[str, str], _Guesses] = {}
        self._origins: dict[str | None, Caller] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._grants: dict[bytes, Grants] = {}
        self._jwt = _bearer(settings, log)
        self.refusals = Refusals()
        store.on_forget(self._forget)

    # What is remembered.

    def remembered(self, scope: MutableMapping[str, Any]) -> Caller | None:
        """The caller of a request, if that is known without asking anybody."""
        if self.open is not None:
            return self.open
        material = self._material(scope)
        if material is None:
            return self.anonymous
        found = self._known.get(self._place(material))
        if found is None:
            return None
        caller, until = found
        now = time.monotonic()
        if now >= until or now - self._confirmed > LAG:
            return None
        return caller

    def _material(self, scope: MutableMapping[str, Any]) -> bytes | None:
        """What a request shows of itself; None if nothing. Two of a kind are one that nobody understands."""
        found: bytes | None = None
        certificate: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                found = value if found is None else b"\0"
            elif name == self._certificate_header and name:
                certificate = value if certificate is None else b""
        if found is not None:
            return b"a" + found
        if certificate and self._from_proxy(scope):
            return b"c" + certificate
        return None

    def _from_proxy(self, scope: MutableMapping[str, Any]) -> bool:
        client = scope.get("client")
        return client is not None and self.proxies.trusts(client[0])

    def _place(self, material: bytes) -> bytes:
        return hashlib.blake2b(material, key=self._key, digest_size=24).digest()

    def _remember(self, material: bytes, caller: Caller, generation: int) -> None:
        known = self._known  # in this order: what is replaced from now on takes what is put there along
        if generation != self._generation:
            return  # something changed while it was verified
        seconds = REMEMBERED
        if caller.until is not None:
            seconds = min(seconds, caller.until - time.time())
        if len(known) >= _MOST:
            for key in list(known)[: _MOST // 10]:
                del known[key]
        known[self._place(material)] = (caller, time.monotonic() + seconds)

    def _forget(self, tag: str) -> None:
        # Called on the threads of the store: what is replaced is not touched.
        if tag in ("identities", FORGET_ALL):
            self._generation += 1
            self._known = {}

    async def follow(self) -> None:
        """Ask for ever whether identities changed; what another process changed counts from then on."""
        while True:
            before = time.monotonic()
            try:
                epoch = await self._store.read(queries.epoch)
            except RegistryError as error:
                self._log("identities cannot be read", reason=str(error))
            else:
                if epoch != self._epoch:
                    self._epoch = epoch
                    self._forget("identities")
                self._confirmed = before
            await asyncio.sleep(_POLL)

    def close(self) -> None:
        """Let waiting verifications go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # Verifying.

    async def verified(self, scope: MutableMapping[str, Any]) -> Caller:
        """The caller of a request; NOBODY for a credential that does not hold. Raises Busy, RateLimited."""
        known = self.remembered(scope)
        if known is not None:
            return known
        material = self._material(scope)
        if material is None:
            return self.anonymous
        generation = self._generation
        if material[:1] == b"c":
            caller = await self._certificate(material[1:])
        else:
            caller = await self._verify(credentials.shown(material[1:]), self.address(scope))
        if caller.known:
            self._remember(material, caller, generation)
        return caller

    def address(self, scope: MutableMapping[str, Any]) -> str:
        """The address a request comes from."""
        client = scope.get("client")
        if not client:
            return ""
        return self.proxies.client(client[0], scope["headers"]) if self.proxies.trusted else str(client[0])

    def speaking(self, caller: Caller, application: str | None, scope: MutableMapping[str, Any]) -> Caller:
        """A caller in one request: for an application, from the address that the request comes from."""
        origin = self.address(scope) or None
        if caller is not OPEN or application is not None:
            return caller.speaking(application, origin)
        # Of an open server's callers nothing but the address differs.
        known = self._origins.get(origin)
        if known is None:
            if len(self._origins) >= _MOST:
                self._origins.clear()
            known = self._origins[origin] = caller.speaking(None, origin)
        return known

    async def _verify(self, shown: Shown, address: str) -> Caller:
        if shown.kind == "token":
            return await self._token(shown.secret)
        if shown.kind == "password":
            return await self._password(shown, address)
        if shown.kind == "jwt" and self._jwt is not None:
            return await self._bearer(shown.secret)
        return NOBODY

    async def _token(self, secret: str) -> Caller:
        if self._admin is not None and hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), self._admin):
            return Caller("admin-token", grants=self._interned(Grants((Grant("admin", ANY, ANY),))), how="token")
        hash = tokens.hashed(secret)
        if hash is None:
            return NOBODY
        now = now_ms()

        def job(db: Db) -> tuple[Token, tuple[Grant, ...]] | None:
            found = queries.live_token(db, hash, now)
            return None if found is None else (found, administration.granted(queries.grants(db, [found.identity])))

        found = await self._store.read(job)
        if found is None:
            return NOBODY
        token, granted = found
        self._note_use(token, now)
        scope = administration.scope_of(token)
        within = None if scope is None else Grants(scope)
        return Caller(
            token.identity,
            grants=self._interned(Grants(granted, within)),
            how="token",
            token=token.id,
            until=None if token.expires_at is None else token.expires_at / 1000,
        )

    def _note_use(self, token: Token, now: int) -> None:
        if token.used_at is not None and now - token.used_at < _USE_NOTED_EVERY:
            return

        async def note() -> None:
            try:
                await self._store.write(lambda db: queries.used(db, token.pk, now, now - _USE_NOTED_EVERY))
            except RegistryError as error:
                self._log("the use of a token was not noted", reason=str(error))

        task = asyncio.get_running_loop().create_task(note())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _password(self, shown: Shown, address: str) -> Caller:
        place = (shown.user[:_LONGEST_NAME], address)
        self._may_guess(place)
        if self._waiting >= _WAITING_PASSWORDS:
            raise Busy(reason="many callers log in")
        found = await self._store.read(lambda db: queries.identity(db, shown.user))
        kept = None if found is None or found.disabled else found.password
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            holds = await loop.run_in_executor(self._threads, passwords.holds, shown.secret, kept)
        finally:
            self._waiting -= 1
        if not holds or found is None:
            self._guesses.setdefault(place, _Guesses(time.monotonic())).count += 1
            return NOBODY
        self._guesses.pop(place, None)
        return await self._principal(found.name, [found.name], "password")

    def _may_guess(self, place: tuple[str, str]) -> None:
        """Raises RateLimited after ten wrong passwords for a name from an address, until a minute is over."""
        now = time.monotonic()
        if len(self._guesses) > _MOST:
            self._guesses = {key: each for key, each in self._guesses.items() if now - each.since < _GUESSING}
        guesses = self._guesses.get(place)
        if guesses is None:
            return
        left = _GUESSING - (now - guesses.since)
        if left <= 0:
            del self._guesses[place]
        elif guesses.count >= _GUESSES:
            raise RateLimited(seconds=int(left) + 1)

    async def _certificate(self, subject: bytes) -> Caller:
        name = f"cert:{subject.decode('utf-8', 'replace')[:_LONGEST_NAME]}"
        return await self._principal(name, [name], "certificate") if name.isprintable() else NOBODY

    async def _bearer(self, text: str) -> Caller:
        assert self._jwt is not None
        claims = await self._jwt.verified(text)
        if claims is None:
            return NOBODY
        name = f"jwt:{claims.name}"
        return await self._principal(
            name, [name, *(f"group:{each}" for each in claims.groups)], "jwt", until=claims.until
        )

    async def _principal(self, name: str, principals: list[str], how: str, *, until: float | None = None) -> Caller:
        found = await self._store.read(lambda db: queries.grants(db, principals))
        return Caller(name, grants=self._interned(Grants(administration.granted(found))), how=how, until=until)

    def _interned(self, grants: Grants) -> Grants:
        """The same object for the same grants, so that what it decided once is not decided again."""
        if len(self._grants) >= _MOST_GRANTS:
            self._grants.clear()
        return self._grants.setdefault(grants.key, grants)


def _proxies(settings: Settings) -> Proxies:
    try:
        return Proxies(networks(settings.proxies))
    except ValueError as error:
        raise InvalidSetting(f"TENOR_PROXIES: {error}") from None


def _anonymous(settings: Settings) -> Caller:
    try:
        granted = grants_of(settings.anonymous)
    except InvalidRequest as error:
        raise InvalidSetting(f"TENOR_ANONYMOUS: {error}") from None
    return Caller(grants=Grants(united([granted])) if granted else NOTHING)


def _admin(settings: Settings) -> bytes | None:
    if not settings.admin_token:
        return None
    if len(settings.admin_token) < _SHORTEST_ADMIN_TOKEN:
        raise InvalidSetting(f"TENOR_ADMIN_TOKEN has {_SHORTEST_ADMIN_TOKEN} characters at least")
    return hashlib.sha256(settings.admin_token.encode()).digest()


def _bearer(settings: Settings, log: Callable[..., None]) -> Bearer | None:
    wanted = (settings.jwt_keys, settings.jwt_issuer, settings.jwt_audience)
    if not any(wanted):
        return None
    if not all(wanted):
        raise InvalidSetting("TENOR_JWT_KEYS, TENOR_JWT_ISSUER and TENOR_JWT_AUDIENCE belong together")
    from registry.security.oidc import ALGORITHMS, Bearer, Trust

    algorithms = [each.strip() for each in settings.jwt_algorithms.split(",") if each.strip()]
    if not algorithms or not set(algorithms) <= ALGORITHMS:
        raise InvalidSetting(f"TENOR_JWT_ALGORITHMS are of {', '.join(sorted(ALGORITHMS))}")
    trust = Trust(
        *wanted,
        algorithms=algorithms,
        leeway=settings.jwt_leeway,
        name=settings.jwt_name,
        groups=settings.jwt_groups,
        private=settings.jwt_private,
    )
    return Bearer(trust, log)
