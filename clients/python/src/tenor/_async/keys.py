"""Gets keys: from the registry, through the key systems, into the ring. Asynchronous.

Everything here is off the warm path and behind one lock, so that however many ask, a key is made or fetched once. What
a registry says about keys is not believed: names, versions, algorithms and commitments must be what was asked for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from tenor import calls
from tenor._async.concurrency import Lock, in_thread
from tenor.calls import Call
from tenor.errors import Answered, Conflict, KeyMismatch, KeyMissing, KeyNotReady, NotFound
from tenor.keys.algorithms import commitment, new_key, raw
from tenor.keys.kms import Kms, driver, normalised
from tenor.schemas import LATEST, Dek, Kek
from tenor.sealing.executor import Executor, Keys, PersonKey
from tenor.sealing.keyring import Cell, Held, KeyRing
from tenor.sealing.sources import HARD_LIMIT, PERSONS, Key, Source

T = TypeVar("T")
DAY: Final = 86_400_000
_wall = time.time


class AsyncKeychain:
    """The keys of one client; `ring` is what sealing and opening look at."""

    def __init__(self, send: Callable[[Call[Any]], Awaitable[Any]], config: Keys) -> None:
        self._send, self._config = send, config
        self.ring = KeyRing(ttl=config.ttl, grace=config.grace)
        self._cold = Lock()
        self._keks: dict[str, tuple[float, Kek]] = {}
        self._systems: dict[Kek, Kms] = {}
        self._early = random.random() * config.jitter  # noqa: S311 # spreads load
        self._skew = 0.0
        """Milliseconds by which this machine's clock is ahead of the registry's, as far as is known."""

    def executor(self, subject: str, *, pinned: bool) -> Executor:
        """The sealing rules of a subject over these keys."""
        return Executor(self.ring, subject, self._config, pinned=pinned)

    async def ready(self, needs: Iterable[Any]) -> None:
        """Have these keys at hand: sources to seal with, keys to open with, persons' keys.

        A key that does not exist counts as ready: opening tells what that means. Raises KmsError, KeyMissing,
        KeyMismatch, KeyNotReady, RegistryError.
        """
        async with self._cold:
            for need in needs:
                match need:
                    case Source():
                        await self._present(self.ring.cell(need))
                    case Key():
                        await self._fetch(need)
                    case PersonKey():
                        await self._person(need)
            self.ring.hurry = False

    def due(self, sources: Iterable[Source]) -> float:
        """When the first of these keys is to be renewed; infinite without any."""
        held = [self.ring.cell(source).held for source in sources]
        return min((each.due for each in held if each is not None), default=float("inf"))

    # --- keys to seal with ------------------------------------------------------------------------------------

    async def _present(self, cell: Cell) -> None:
        """Renew a source's key: look again whether it is the newest, make a new one if it is old or used up."""
        source, held = cell.source, cell.held
        if held is not None and held.due > self.ring.clock() and held.uses < held.limit:
            return
        kek = await self._kek(source)
        dek = await self._newest(source)
        if dek is None:
            dek = await self._create(source, kek, 1)
        elif self._old(source, dek) or self._used_up(source, held, dek):
            dek = await self._create(source, kek, dek.version + 1)
        cell.held = await self._kept(source, kek, dek, held)

    async def _newest(self, source: Source) -> Dek | None:
        """The key that everybody seals with now."""
        number = LATEST if source.versioned else 1
        call = calls.dek(source.kek, source.domain, number, source.algorithm, deleted=False, context=_context(source))
        try:
            dek = await self._send(call)
        except NotFound:
            return None
        _checked(source, dek)
        if dek.version >= PERSONS or (not source.versioned and dek.version != 1):
            raise KeyMismatch(name=str(source), reason=f"version {dek.version} is no key for everybody")
        return dek  # type: ignore[no-any-return] # the sender is of any call

    def _old(self, source: Source, dek: Dek) -> bool:
        if not source.days:
            return False
        age = _wall() * 1000 - self._skew - dek.created
        return age > source.days * DAY * (1 - self._early)

    def _used_up(self, source: Source, held: Held | None, dek: Dek) -> bool:
        return source.versioned and held is not None and held.key.version == dek.version and held.uses >= held.limit

    async def _create(self, source: Source, kek: Kek, version: int) -> Dek:
        """Make a version; who loses the race takes the winner's, and never stays on the old one."""
        serialised = None if kek.shared else new_key(source.algorithm)
        wrapped = None
        if serialised is not None:
            plain, system = serialised, self._system(kek)
            wrapped = await in_thread(lambda: system.wrap(plain))
        token = b"" if serialised is None else commitment(raw(source.algorithm, serialised))
        try:
            dek = await self._post(source, version, wrapped, token)
        except Conflict:
            winner = await self._newest(source)
            if winner is None or winner.version < version:
                raise KeyNotReady(needs=[source]) from None
            return winner
        _checked(source, dek)
        if dek.version != version:
            raise KeyMismatch(name=str(source), reason=f"version {version} was made and {dek.version} came back")
        if wrapped is not None and dek.wrapped != wrapped:
            raise KeyMismatch(name=str(source), reason="another key came back than was put there")
        if dek.created:
            self._skew = _wall() * 1000 - dek.created
        return dek

    async def _post(self, source: Source, version: int, wrapped: bytes | None, token: bytes) -> Dek:
        def call(older: bool) -> Call[Dek]:
            return calls.create_dek(
                *(source.kek, source.domain, version, source.algorithm, wrapped),
                commitment=token,
                older=older,
                context=_context(source),
            )

        try:
            return await self._send(call(older=False))  # type: ignore[no-any-return] # the sender is of any call
        except Answered as error:
            if error.status != 405:
                raise
        return await self._send(call(older=True))  # type: ignore[no-any-return] # the sender is of any call

    async def _kept(self, source: Source, kek: Kek, dek: Dek, before: Held | None) -> Held:
        key = Key(source.kek, source.domain, source.algorithm, dek.version)
        held = self.ring.keep(key, await self._plain(kek, dek, key), dek.created)
        held.limit = source.uses if source.versioned else HARD_LIMIT
        return held

    # --- keys to open with ------------------------------------------------------------------------------------

    async def _fetch(self, key: Key) -> None:
        """Get a key by its version, deleted ones too: what was sealed is to be read until a key is gone for good."""
        now = self.ring.clock()
        if self.ring.find(key, now) is not None or self.ring.absent(key, now):
            return
        source = Source(key.kek, key.domain, key.algorithm)
        call = calls.dek(key.kek, key.domain, key.version, key.algorithm, deleted=True, context=_context(source))
        try:
            dek = await self._send(call)
            kek = await self._known_kek(source, deleted=True)
        except NotFound:
            self.ring.miss(key)
            return
        _checked(source, dek)
        if dek.version != key.version:
            raise KeyMismatch(name=str(key), reason=f"the registry answered with version {dek.version}")
        self.ring.keep(key, await self._plain(kek, dek, key), dek.created)

    async def _person(self, need: PersonKey) -> None:
        raise KeyMissing(name=str(need), reason="this registry keeps no persons' keys")

    # --- unwrapping -------------------------------------------------------------------------------------------

    async def _plain(self, kek: Kek, dek: Dek, key: Key) -> bytes:
        """The raw key in a DEK."""
        serialised = dek.plain
        if not serialised:
            if not dek.wrapped:
                raise KeyMissing(name=str(key), reason="the registry has it and does not hand it out")
            system = self._system(kek)
            serialised = await in_thread(lambda: system.unwrap(dek.wrapped))
        plain = raw(key.algorithm, serialised)
        if dek.commitment and commitment(plain) != dek.commitment:
            raise KeyMismatch(name=str(key), reason="it is not the key that was committed to")
        return plain

    def _system(self, kek: Kek) -> Kms:
        if (known := self._systems.get(kek)) is None:
            kind = normalised(kek.kms_type)
            known = driver(
                *(kind, kek.kms_key_id, kek.kms_props, self._config.kms.get(kind, {})),
                factory=self._config.drivers.get(kind),
            )
            self._systems[kek] = known
        return known

    # --- KEKs -------------------------------------------------------------------------------------------------

    async def _kek(self, source: Source) -> Kek:
        """The KEK of a source, made known if it is not; it must be the one the rule names."""
        try:
            kek = await self._known_kek(source, deleted=False)
        except NotFound:
            kek = await self._create_kek(source)
        for said, found in ((source.kms_type, normalised(kek.kms_type)), (source.kms_key_id, kek.kms_key_id)):
            if said and said != found:
                raise KeyMismatch(name=source.kek, reason=f"the rule says {said}, the registry {found}")
        return kek

    async def _create_kek(self, source: Source) -> Kek:
        if not source.kms_type or not source.kms_key_id:
            raise KeyMissing(
                name=source.kek, reason="the registry has no such KEK, and the rule does not say where it is"
            )
        try:
            kek = await self._send(
                calls.create_kek(source.kek, source.kms_type, source.kms_key_id, context=_context(source))
            )
        except Conflict:
            return await self._known_kek(source, deleted=False)
        if kek.name != source.kek:
            raise KeyMismatch(name=source.kek, reason=f"the registry answered with {kek.name}")
        return kek  # type: ignore[no-any-return] # the sender is of any call

    async def _known_kek(self, source: Source, *, deleted: bool) -> Kek:
        name = f"{_context(source)}/{source.kek}/{deleted}"
        until, known = self._keks.get(name, (0.0, None))
        if known is not None and until > self.ring.clock():
            return known
        found = await self._send(calls.kek(source.kek, deleted=deleted, context=_context(source)))
        if found.name != source.kek:
            raise KeyMismatch(name=source.kek, reason=f"the registry answered with {found.name}")
        self._keks[name] = (self.ring.clock() + self._config.ttl, found)
        return found  # type: ignore[no-any-return] # the sender is of any call


def _context(source: Source) -> str:
    """`.dev` of `:.dev:orders`; empty for the default context."""
    domain = source.domain
    return domain[1 : domain.find(":", 1)] if domain.startswith(":.") else ""


def _checked(source: Source, dek: Dek) -> None:
    """Raises KeyMismatch unless it is a key of the source."""
    for said, found in ((source.kek, dek.kek), (source.domain, dek.subject), (source.algorithm, dek.algorithm)):
        if said != found:
            raise KeyMismatch(name=str(source), reason=f"{said} was asked for and {found} came back")
