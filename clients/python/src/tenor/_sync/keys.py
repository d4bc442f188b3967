# Generated from src/tenor/_async/keys.py by generate_sync.py: change that file, not this one.

"""Gets keys: from the registry, through the key systems, into the ring. Synchronous.

Everything here is off the warm path and behind one lock, so that however many ask, a key is made or fetched once. What
a registry says about keys is not believed: names, versions, algorithms and commitments must be what was asked for.

How often a key may seal is the rule's to say, over all clients. Blocks of uses are leased from the registry, the next
one ahead; what a process does not use is lost. While no registry answers, some uses are owed, and told later; then
nothing is sealed (KeySpent). Where none are leased (another registry, a token that may not make keys) each process
counts for itself. A person's key is counted by each process, and has no successor.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, TypeVar

from tenor import calls
from tenor._sync.concurrency import Lock, in_thread, sleep
from tenor.calls import Call
from tenor.errors import (
    Answered,
    Conflict,
    Erased,
    Forbidden,
    KeyMismatch,
    KeyMissing,
    KeyNotReady,
    KeySpent,
    NotFound,
    RegistryError,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tenor.keys.algorithms import commitment, new_key, raw
from tenor.keys.kms import ALTERNATES, Kms, driver, normalised
from tenor.schemas import LATEST, Dek, Kek, Person
from tenor.sealing.executor import Executor, Keys, PersonKey
from tenor.sealing.keyring import Cell, Held, KeyRing
from tenor.sealing.sources import HARD_LIMIT, PERSONS, Key, Source, context_of

T = TypeVar("T")
DAY: Final = 86_400_000
WAIT: Final = 0.15
WAITS: Final = 20
"""How long and how often to look for a key that somebody else is making."""
FEED_EVERY: Final = 30.0
FEED_PAGES: Final = 10
PAGE: Final = 1000
"""Persons of one call."""
ROTATIONS: Final = 3
"""Keys that may turn out to be spent in a row, because others use them up meanwhile."""
AWAY: Final = (Unreachable, Unavailable, UnexpectedAnswer)
"""No registry answers, whoever else may."""
ASK_AGAIN: Final = 10.0
"""Seconds after which a registry that did not answer is asked again, while a key is still good."""
_wall = time.time


class Keychain:
    """The keys of one client; `ring` is what sealing and opening look at."""

    def __init__(self, send: Callable[[Call[Any]], Any], config: Keys, *, bundled: bool = False) -> None:
        self._send, self._config, self._bundled = send, config, bundled
        self.ring = KeyRing(ttl=config.ttl, grace=config.grace)
        self._cold = Lock()
        self._keks: dict[str, tuple[float, Kek]] = {}
        self._systems: dict[Kek, Kms] = {}
        self._early = random.random() * config.jitter  # noqa: S311 # spreads load
        self._skew = 0.0
        """Milliseconds by which this machine's clock is ahead of the registry's, as far as is known."""
        self._reserves: bool | None = None
        """Whether the registry knows reservations."""
        self._won: tuple[Source, int] | None = None
        """The last reservation: a key system that failed may be asked again at once."""
        self._leases: bool | None = None
        """Whether the registry counts uses of keys."""
        self._people: bool | None = None
        """Whether the registry keeps persons' keys."""
        self._after, self._followed = 0, 0.0

    def executor(self, subject: str, *, pinned: bool) -> Executor:
        """The sealing rules of a subject over these keys."""
        return Executor(self.ring, subject, self._config, pinned=pinned)

    def ready(self, needs: Iterable[Any]) -> None:
        """Have these keys at hand: sources to seal with, keys to open with, persons' keys.

        A key that does not exist counts as ready: opening tells what that means. Raises KmsError, KeyMissing,
        KeyMismatch, KeyNotReady, KeySpent, RegistryError.
        """
        with self._cold:
            self.ring.hurry = False
            wanted = list(needs)
            self._follow_erasures()
            for need in wanted:
                if isinstance(need, Source):
                    self._present(self.ring.cell(need))
            for kek, keys in _by_kek([need for need in wanted if isinstance(need, Key)]):
                self._fetch_many(kek, keys)
            for source, people in _by_source([n for n in wanted if isinstance(n, PersonKey) and self._lacks(n)]):
                self._persons(source, people)

    def due(self, sources: Iterable[Source]) -> float:
        """When the first of these keys is to be renewed; infinite without any."""
        held = [self.ring.cell(source).held for source in sources]
        return min((each.due for each in held if each is not None), default=float("inf"))

    # --- keys to seal with ------------------------------------------------------------------------------------

    def _present(self, cell: Cell) -> None:
        """Renew a source's key: lease more uses of it, look again whether it is the newest, make a new one if it is
        old or used up. While nobody answers, one that is still good is gone on with."""
        source, held, now = cell.source, cell.held, self.ring.clock()
        if held is not None and held.until <= now:
            held = None
        try:
            good = held is not None and (held.uses < held.limit or self._leased(source, held))
            if held is None or not good or held.due <= now:
                cell.held = self._renewed(source, None if held is None or good else held.key.version)
        except AWAY:
            if held is None or held.uses >= held.stop:
                raise
            held.due = max(held.due, now + ASK_AGAIN)

    def _renewed(self, source: Source, spent: int | None) -> Held:
        """The key to seal with from now on; not the version that was found to be `spent`."""
        kek = self._kek(source)
        for _ in range(ROTATIONS):
            dek = self._newest_or_bundled(source)
            if dek is None:
                dek = self._create(source, kek, 1)
            elif dek.version == spent or self._old(source, dek):
                dek = self._successor(source, kek, dek)
            held = self._kept(source, kek, dek)
            if (held.known and held.uses < held.limit) or self._leased(source, held):
                return held
            spent = dek.version
        raise KeyNotReady(needs=[source])

    def _successor(self, source: Source, kek: Kek, dek: Dek) -> Dek:
        """The version after one that is old or used up. Raises KeySpent if there can be none now."""
        name = f"{source}/{dek.version}"
        if not source.versioned:
            reason = (
                "it was used as often as a key may be, and its rule (encrypt.dek.expiry.days) gives it no successor"
            )
            raise KeySpent(name=name, reason=reason)
        try:
            return self._create(source, kek, dek.version + 1)
        except AWAY as error:
            why = (
                f"it is older than {source.days:g} days" if self._old(source, dek) else "it was used as often as it may"
            )
            raise KeySpent(name=name, reason=f"{why}, and the registry does not answer ({error})") from error

    # --- uses -------------------------------------------------------------------------------------------------

    def _leased(self, source: Source, held: Held) -> bool:
        """Whether a key may seal on: takes a block of uses, so that all clients together stay within the rule's limit.

        Where no registry keeps count, or not for this client, each process counts for itself; while nobody answers,
        some uses are owed. Raises KeySpent when those are made, too.
        """
        most = source.uses if source.versioned else HARD_LIMIT
        if self._leases is False:
            return held.alone(most)
        key, now = held.key, self.ring.clock()
        block, spent = held.block(most, now), max(held.uses - held.known, 0)
        call = calls.lease_dek(*(key.kek, key.domain, key.version, key.algorithm), uses=block, limit=most, spent=spent)
        try:
            lease = self._send(call)
        except RegistryError as error:
            return self._unleased(held, most, error)
        self._leases = True
        held.granted(block, spent, lease.uses, now)
        return bool(lease.uses)

    def _unleased(self, held: Held, most: int, error: RegistryError) -> bool:
        """Whether a key may seal on that no uses were leased of."""
        native = calls.speaks_native(error)
        if isinstance(error, NotFound) and native:
            return False  # it was deleted: another is to be used
        if isinstance(error, Forbidden) or not native:
            if not native and self._leases is None:
                self._leases = False
            return held.alone(most)
        if not isinstance(error, AWAY):
            raise error
        if held.owe(most):
            return True
        reason = f"it was used as often as it may while the registry does not answer ({error})"
        raise KeySpent(name=str(held.key), reason=reason) from error

    def _newest_or_bundled(self, source: Source) -> Dek | None:
        """The newest key; while nobody answers, the one in use, if a bundle vouches for it.

        A bundle may be older than what the registry told meanwhile: it does not say which is the newest then.
        """
        try:
            return self._newest(source)
        except AWAY:
            held = self.ring.cell(source).held
            if not self._bundled or held is None:
                raise
            call = calls.dek(
                *(source.kek, source.domain, held.key.version, source.algorithm),
                deleted=False,
                context=context_of(source.domain),
            )
            dek = self._send(call)
            _checked(source, dek)
            return dek  # type: ignore[no-any-return] # the sender is of any call

    def _newest(self, source: Source) -> Dek | None:
        """The key that everybody seals with now."""
        number = LATEST if source.versioned else 1
        call = calls.dek(
            source.kek, source.domain, number, source.algorithm, deleted=False, context=context_of(source.domain)
        )
        try:
            dek = self._send(call)
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

    def _create(self, source: Source, kek: Kek, version: int) -> Dek:
        """Make a version; who loses the race takes the winner's, and never stays on the old one."""
        system = None if kek.shared else self._system(kek)  # who has none does not keep others waiting
        free = system is None or self._reserved(source, version)
        if not free and (theirs := self._winner(source, version)) is not None:
            return theirs
        serialised, wrapped = None if system is None else new_key(source.algorithm), None
        if system is not None and serialised is not None:
            wrapped = in_thread(partial(system.wrap, serialised))
        token = b"" if serialised is None else commitment(raw(source.algorithm, serialised))
        try:
            dek = self._post(source, version, wrapped, token)
        except Conflict:
            winner = self._newest(source)
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

    def _reserved(self, source: Source, version: int) -> bool:
        """Whether nobody else is about to make this version: key systems charge for what is then thrown away."""
        if self._reserves is False or context_of(source.domain) or self._won == (source, version):
            return True
        try:
            self._send(calls.reserve_dek(source.kek, source.domain, version, source.algorithm))
        except Conflict:
            return False
        except Unavailable:
            raise  # nor will it take the key
        except (Answered, UnexpectedAnswer) as error:
            self._reserves = calls.speaks_native(error)
        else:
            self._won = source, version
        return True

    def _winner(self, source: Source, version: int) -> Dek | None:
        """The key that somebody else is making; None if it does not come: whoever wraps one first wins anyway."""
        for _ in range(WAITS):
            if (newest := self._newest(source)) is not None and newest.version >= version:
                return newest
            sleep(WAIT)
        return None

    def _post(self, source: Source, version: int, wrapped: bytes | None, token: bytes) -> Dek:
        def call(older: bool) -> Call[Dek]:
            return calls.create_dek(
                *(source.kek, source.domain, version, source.algorithm, wrapped),
                commitment=token,
                older=older,
                context=context_of(source.domain),
            )

        try:
            return self._send(call(older=False))  # type: ignore[no-any-return] # the sender is of any call
        except Answered as error:
            if error.status != 405:
                raise
        return self._send(call(older=True))  # type: ignore[no-any-return] # the sender is of any call

    def _kept(self, source: Source, kek: Kek, dek: Dek) -> Held:
        key = Key(source.kek, source.domain, source.algorithm, dek.version)
        return self.ring.keep(key, self._plain(kek, dek, key))

    # --- keys to open with ------------------------------------------------------------------------------------

    def _fetch(self, key: Key) -> None:
        """Get a key by its version, deleted ones too: what was sealed is to be read until a key is gone for good."""
        now = self.ring.clock()
        if self.ring.find(key, now) is not None or self.ring.absent(key, now):
            return
        source = Source(key.kek, key.domain, key.algorithm)
        call = calls.dek(
            key.kek, key.domain, key.version, key.algorithm, deleted=True, context=context_of(source.domain)
        )
        try:
            dek = self._send(call)
            kek = self._known_kek(source, deleted=True)
        except NotFound:
            # A registry without persons erases one by deleting a version for good.
            self.ring.miss(key, erased=key.version >= PERSONS and self._people is False)
            return
        _checked(source, dek)
        if dek.version != key.version:
            raise KeyMismatch(name=str(key), reason=f"the registry answered with version {dek.version}")
        self.ring.keep(key, self._plain(kek, dek, key))

    def _fetch_many(self, kek: str, keys: list[Key]) -> None:
        """Keys of a KEK: persons' in one call where the registry can, all others one by one."""
        now = self.ring.clock()
        keys = [key for key in keys if self.ring.find(key, now) is None and not self.ring.absent(key, now)]
        people = [key for key in keys if key.version >= PERSONS]
        rest = [key for key in keys if key.version < PERSONS]
        if people and self._people is not False:  # KEKs and their persons are the same in every context
            known: dict[int, Person] = {}
            for some in _pages(sorted({key.version for key in people})):
                call = calls.resolve_persons(kek, versions=some)
                for person in self._resolved(call) or ():
                    known[person.version] = person
            for key in people:
                found = known.get(key.version)
                if found is None or found.state == "unknown":
                    rest.append(key)  # no person's, or of another registry: perhaps a key of that number
                elif found.state == "erased":
                    self.ring.miss(key, erased=True)
                else:
                    self._keep_person(key, found)
        else:
            rest += people
        for key in rest:
            self._fetch(key)

    # --- persons ----------------------------------------------------------------------------------------------

    def _lacks(self, need: PersonKey) -> bool:
        """Whether a person's key is still to be got: many may have asked for it at once."""
        held = self.ring.person(need.source, need.handle, self.ring.clock())
        return held is None or held.uses >= held.limit

    def _persons(self, source: Source, handles: list[bytes]) -> None:
        """The keys of persons to seal with; who has none gets one. Raises Erased for who was erased."""
        kek = self._kek(source)
        for some in _pages(sorted({handle.hex() for handle in handles})):
            found = self._resolved(calls.resolve_persons(source.kek, handles=some))
            if found is None:
                raise KeyMissing(name=f"{source}/person", reason="this registry keeps no persons' keys")
            if any(person.state == "erased" for person in found):
                raise Erased(path="An event")
            unknown = [person.handle for person in found if person.state == "unknown"]
            if unknown:
                keys = None if kek.shared else self._wrapped(source, kek, unknown)
                call = calls.resolve_persons(source.kek, handles=some, mint=True, algorithm=source.algorithm, keys=keys)
                found = self._send(call)
            if sorted(person.handle for person in found) != list(some):
                raise KeyMismatch(name=str(source), reason="the registry answered about other persons")
            for person in found:
                key = Key(source.kek, source.domain, source.algorithm, person.version)
                if person.state != "live":
                    raise KeyMissing(name=str(key), reason=f"the person is {person.state}")
                held = self._keep_person(key, person)
                held.limit = source.uses  # of this process: who shares a person's key seals little with it
                if held.uses >= held.limit:
                    raise KeySpent(name=str(key), reason="a person's key has no successor, and it was used up here")
                self.ring.keep_person(source, bytes.fromhex(person.handle), held)

    def _wrapped(self, source: Source, kek: Kek, handles: list[str]) -> dict[str, tuple[bytes, bytes]]:
        system, made = self._system(kek), {}
        for handle in handles:
            plain = new_key(source.algorithm)
            wrapped = in_thread(partial(system.wrap, plain))
            made[handle] = (wrapped, commitment(raw(source.algorithm, plain)))
        return made

    def _keep_person(self, key: Key, person: Person) -> Held:
        if person.version < PERSONS or person.algorithm != key.algorithm:
            raise KeyMismatch(name=str(key), reason=f"a person's key of {person.algorithm or 'no algorithm'} came back")
        kek = self._known_kek(Source(key.kek, key.domain, key.algorithm), deleted=True)
        dek = Dek(
            *(key.kek, key.domain, person.version, key.algorithm, person.wrapped, person.plain),
            commitment=person.commitment,
        )
        return self.ring.keep(key, self._plain(kek, dek, key))

    def _resolved(self, call: Call[tuple[Person, ...]]) -> tuple[Person, ...] | None:
        """What a registry says of persons; None if it is one that knows none."""
        try:
            found = self._send(call)
        except (NotFound, UnexpectedAnswer) as error:
            if self._people or calls.speaks_native(error):
                raise
            self._people = False
            return None
        self._people = True
        return found  # type: ignore[no-any-return] # the sender is of any call

    def _follow_erasures(self) -> None:
        """Forget the keys of persons that were erased meanwhile."""
        now = self.ring.clock()
        if self._people is not True or self._followed > now - FEED_EVERY:
            return
        self._followed = now
        try:
            for _ in range(FEED_PAGES):
                found, following = self._send(calls.revocations(self._after))
                for each in found:
                    self.ring.erase(each.kek, each.version)
                if following == self._after:
                    return
                self._after = following
        except RegistryError:
            return  # their time ends anyway

    # --- unwrapping -------------------------------------------------------------------------------------------

    def _plain(self, kek: Kek, dek: Dek, key: Key) -> bytes:
        """The raw key in a DEK."""
        serialised = dek.plain
        if not serialised:
            if not dek.wrapped:
                raise KeyMissing(name=str(key), reason="the registry has it and does not hand it out")
            system = self._system(kek)
            serialised = in_thread(lambda: system.unwrap(dek.wrapped))
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

    def _kek(self, source: Source) -> Kek:
        """The KEK of a source, made known if it is not; it must be the one the rule names."""
        try:
            kek = self._known_kek(source, deleted=False)
        except NotFound:
            kek = self._create_kek(source)
        for said, found in ((source.kms_type, normalised(kek.kms_type)), (source.kms_key_id, kek.kms_key_id)):
            if said and said != found:
                raise KeyMismatch(name=source.kek, reason=f"the rule says {said}, the registry {found}")
        if self._config.trusted:
            self._require_trusted(kek)
        return kek

    def _require_trusted(self, kek: Kek) -> None:
        """Raises KeyMismatch for a KEK that this client was not told to seal under, whoever made the rule."""
        ids = [kek.kms_key_id, *kek.kms_props.get(ALTERNATES, "").split(",")]
        under = [f"{normalised(kek.kms_type)}://{each.strip()}" for each in ids if each.strip()]
        under += ["shared"] if kek.shared else []
        for each in under:
            if not any(fnmatchcase(each, pattern) for pattern in self._config.trusted):
                raise KeyMismatch(name=kek.name, reason=f"{each} is not among what this client trusts")

    def _create_kek(self, source: Source) -> Kek:
        if not source.kms_type or not source.kms_key_id:
            raise KeyMissing(
                name=source.kek, reason="the registry has no such KEK, and the rule does not say where it is"
            )
        try:
            kek = self._send(
                calls.create_kek(source.kek, source.kms_type, source.kms_key_id, context=context_of(source.domain))
            )
        except Conflict:
            return self._known_kek(source, deleted=False)
        if kek.name != source.kek:
            raise KeyMismatch(name=source.kek, reason=f"the registry answered with {kek.name}")
        return kek  # type: ignore[no-any-return] # the sender is of any call

    def _known_kek(self, source: Source, *, deleted: bool) -> Kek:
        name = f"{context_of(source.domain)}/{source.kek}/{deleted}"
        until, known = self._keks.get(name, (0.0, None))
        if known is not None and until > self.ring.clock():
            return known
        found = self._send(calls.kek(source.kek, deleted=deleted, context=context_of(source.domain)))
        if found.name != source.kek:
            raise KeyMismatch(name=source.kek, reason=f"the registry answered with {found.name}")
        self._keks[name] = (self.ring.clock() + self._config.ttl, found)
        return found  # type: ignore[no-any-return] # the sender is of any call


def _pages(items: list[Any]) -> list[list[Any]]:
    return [items[at : at + PAGE] for at in range(0, len(items), PAGE)]


def _by_kek(keys: list[Key]) -> list[tuple[str, list[Key]]]:
    return [(kek, [key for key in keys if key.kek == kek]) for kek in sorted({key.kek for key in keys})]


def _by_source(needs: list[PersonKey]) -> list[tuple[Source, list[bytes]]]:
    sources = dict.fromkeys(need.source for need in needs)
    return [(source, [need.handle for need in needs if need.source == source]) for source in sources]


def _checked(source: Source, dek: Dek) -> None:
    """Raises KeyMismatch unless it is a key of the source."""
    for said, found in ((source.kek, dek.kek), (source.domain, dek.subject), (source.algorithm, dek.algorithm)):
        if said != found:
            raise KeyMismatch(name=str(source), reason=f"{said} was asked for and {found} came back")
