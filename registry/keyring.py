"""The registry's own use of key systems: it makes and wraps the keys of shared KEKs, and hands them out.

`TENOR_KMS` says which key systems, as JSON by KMS type: the driver's configuration, and `keys`, globs of the key ids
that KEKs may name (needed where a key id holds an address, so that a KEK cannot have the server call one).

    {"aws-kms": {}, "hcvault": {"token.id": "…", "keys": "https://vault:8200/transit/keys/*"}}

Of a KEK's own `kmsProps` the server takes the names in `TAKEN` alone. Key systems are asked on threads of their own,
never inside a transaction. No key is handed out before the event that says so is committed; the same key to the same
caller again within a minute is counted, and the count recorded after it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, TypeVar

from registry import deks, persons, shredding
from registry.clock import now_ms
from registry.deks import DekWish, KekWish
from registry.errors import InvalidKey, KeyExists, KeyNotFound, KmsDenied, KmsFailed, RegistryError
from registry.events import Actor, record
from registry.names import Subject
from registry.persons import Known, Minting
from registry.policy import effective
from registry.settings import Settings
from registry.store.engine import Db, Store
from registry.store.queries import deks as dek_rows
from registry.store.queries import persons as person_rows
from registry.store.queries.deks import PERSONS_FROM, Dek, Kek
from registry.store.queries.persons import Cell, Tombstone
from tenor import errors as tenor_errors
from tenor.cache import Cache
from tenor.keys import algorithms, kms

TAKEN: Final = frozenset({kms.ALTERNATES, "encrypt.azure.key.version.save"})
_ADDRESSED: Final = frozenset({"azure-kms", "hcvault"})
_KEPT: Final = 300.0
_MINUTE: Final = 60_000
_COUNTED: Final = 10_000
_LOOK_EVERY: Final = 15.0
_UPKEEP_EVERY: Final = 240  # looks: an hour
_WAIT: Final = 15.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """A DEK with its key, if the registry may open it: `key` is serialised, as clients take it."""

    dek: Dek
    key: bytes | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A person's key: `material` as it is wrapped (by the client, for a KEK that is not shared), `key` opened."""

    known: Known
    material: bytes | None = None
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rewrap:
    """How far a rewrap is: done by this call, failed in it, and still under an older key. `before` is to be sent
    again with the next call."""

    before: int
    done: int
    failed: Sequence[str]
    left: int


@dataclass(slots=True)
class _Count:
    """Further releases of a key to a caller in a minute."""

    minute: int
    actor: Actor
    resource: str
    body: dict[str, Any]
    more: int = 0


@dataclass(eq=False)
class Keyring:
    """Key systems, the keys that were opened lately, epochs and journal. One a process."""

    settings: Settings
    store: Store
    _configuration: Mapping[str, Mapping[str, str]] = field(init=False, repr=False)
    _systems: Cache[kms.Kms] = field(init=False)
    _opened: Cache[bytes] = field(init=False)
    _counts: dict[tuple[str, ...], _Count] = field(init=False, default_factory=dict)
    _threads: ThreadPoolExecutor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._configuration = self.settings.kms_configuration()
        self._systems = Cache(500)
        self._opened = Cache(5_000)
        folder = Path(self.settings.shred_folder) if self.settings.shred_folder else None
        self.epochs = None if folder is None else shredding.Epochs(folder, days=self.settings.shred_days)
        self.at_rest: persons.AtRest = self.epochs or shredding.Bare()
        self.journal = None if folder is None else shredding.Journal(folder / "journal.jsonl")

    # Life.

    def start(self) -> None:
        """Once the database is there: erase again what a restored one does not know, and complete the journal.

        Raises OSError when the folder cannot be used.
        """
        if self.journal is None or self.epochs is None:
            return
        self.epochs.current()
        stones = self.journal.read()
        if stones:
            self.store.write_now(lambda db: persons.replay(db, stones))
        self.journal.add(self.store.read_now(lambda db: persons.revocations(db, 0, 2**31)))

    async def run(self) -> None:
        """In the background: record counts whose minute is over, seal persons' keys anew, destroy old epochs."""
        looks = 0
        try:
            while True:
                with contextlib.suppress(RegistryError, OSError):
                    await self.flush()
                    if looks % _UPKEEP_EVERY == 0:
                        await self.upkeep()
                looks += 1
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            with contextlib.suppress(RegistryError):
                await self.flush(all=True)

    async def upkeep(self) -> None:
        """Bring persons' keys under this month's epoch, and destroy the epochs that are over."""
        epochs = self.epochs
        if epochs is None:
            return
        while await self.store.write(lambda db: shredding.reseal(db, epochs)):
            await asyncio.sleep(0)  # others write in between
        await self.store.write(lambda db: shredding.destroy_superseded(db, epochs))

    def close(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    # Key systems.

    async def _ask(self, action: str, call: Callable[[], T]) -> T:
        """Ask a key system on a thread, and tell its refusals as the registry's."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(8, thread_name_prefix="kms")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (tenor_errors.UnknownKms, tenor_errors.MissingExtra) as error:
            raise InvalidKey(str(error)) from None
        except tenor_errors.KmsRefused as error:
            raise KmsDenied(action=action, reason=str(error)) from None
        except tenor_errors.EncryptionError as error:
            altered = isinstance(error, tenor_errors.AuthenticationFailed)
            raise KmsFailed(action=action, reason=str(error), altered=altered) from None

    def _system(self, kek: Kek | KekWish, key_id: str | None = None) -> kms.Kms:
        """The driver of a KEK; `key_id` is another key of the same system. Runs on a thread: it may log in."""
        kind, named = str(kek.kms_type), key_id or str(kek.kms_key_id)
        config = self._configured(kind)
        props = {name: value for name, value in kek.kms_props.items() if name in TAKEN}
        for each in (named, *(props.get(kms.ALTERNATES, "").split(","))):
            if each.strip():
                self._require_allowed(kind, each.strip(), config)
        key = (kind, named, tuple(sorted(props.items())))
        system = self._systems.get(key)
        if system is None:
            system = kms.driver(kind, named, props, config)
            self._systems.put(key, system)
        return system

    def _configured(self, kind: str) -> Mapping[str, str]:
        config = self._configuration.get(kind)
        if config is None:
            raise InvalidKey(f"This server uses no key system '{kind}': TENOR_KMS does not name it")
        return config

    def _require_allowed(self, kind: str, key_id: str, config: Mapping[str, str]) -> None:
        globs = [each.strip() for each in config.get("keys", "" if kind in _ADDRESSED else "*").split(",")]
        bare = key_id.removeprefix(f"{kind}://")
        if not any(fnmatchcase(bare, glob) for glob in globs if glob):
            raise InvalidKey(f"This server may not use the key '{key_id}' of '{kind}': TENOR_KMS does not allow it")

    async def _unwrapped(self, kek: Kek, material: str, wrapped_by: str) -> bytes:
        """The serialised key in a blob; kept a while, so that a starting fleet does not call once a consumer."""
        key = (kek.pk, material)
        if (kept := self._opened.get(key)) is not None:
            return kept
        blob = deks.decoded(material)
        opened = await self._ask("unwrap", lambda: self._system(kek, wrapped_by).unwrap(blob))
        self._opened.put(key, opened, _KEPT)
        return opened

    async def _wrapped(self, kek: Kek, serialised: bytes) -> str:
        blob = await self._ask("wrap", lambda: self._system(kek).wrap(serialised))
        return base64.b64encode(blob).decode()

    async def check(self, kek: Kek | KekWish) -> None:
        """Wrap and unwrap something with a KEK. Raises InvalidKey for one that is not shared, KmsDenied, KmsFailed."""
        if not kek.shared:
            raise InvalidKey(f"Key '{kek.name}' is not shared: this server does not use it")
        await self._ask("test", lambda: self._system(kek).health())

    # KEKs and DEKs.

    async def create_kek(self, actor: Actor, wish: KekWish, *, test: bool = False) -> Kek:
        """A new KEK, with `test` only if the server can use it."""
        wish = wish.checked()
        if test and wish.shared:
            await self.check(wish)
        return await self.store.write(lambda db: deks.create_kek(db, actor, wish, self.settings.key_quota))

    async def change_kek(self, actor: Actor, name: str, change: Mapping[str, Any], *, test: bool = False) -> Kek:
        """Change a KEK, with `test` only if the server can use it afterwards."""
        if test:
            changed = replace(await self.store.read(lambda db: deks.kek(db, name)), **change)
            if changed.shared:
                await self.check(changed)
        return await self.store.write(lambda db: deks.change_kek(db, actor, name, change))

    async def create_dek(self, actor: Actor, kek_name: str, wish: DekWish, *, rewrap: bool = False) -> Opened:
        """A new DEK, or with `rewrap` a new wrapping of one that is there.

        Raises KeyNotFound (of the KEK), KeyExists, TooManyKeys, InvalidKey, KmsDenied, KmsFailed.
        """
        kek, wish, existing, importing = await self.store.read(lambda db: _asked(db, kek_name, wish))
        if rewrap and existing is not None:
            return await self._rewrap(actor, kek, existing, wish)
        if wish.material is None:
            if not kek.shared:
                raise InvalidKey(f"encryptedKeyMaterial is needed: key '{kek.name}' is not shared")
            return await self._make(actor, kek, wish)
        if kek.shared:
            if existing is not None and not existing.deleted:
                raise KeyExists(key=existing.subject)
            if not importing:  # then keys may come before their key system can be reached
                wish = replace(wish, commitment=await self._require_opening(kek, wish))
        made = await self.store.write(
            lambda db: deks.create_dek(db, actor, deks.still(db, kek), wish, self.settings.key_quota)
        )
        if importing:
            return Opened(made, None)
        return await self.opened(actor, kek, made)

    async def _require_opening(self, kek: Kek, wish: DekWish) -> bytes:
        """What the key in the material of a wish can be recognised by. Raises InvalidKey unless it is a key of the
        algorithm, wrapped by a shared KEK, and the one that the wish says."""
        try:
            serialised = await self._unwrapped(kek, str(wish.material), kek.kms_key_id)
            found = algorithms.commitment(algorithms.raw(wish.algorithm, serialised))
        except KmsFailed as error:
            if not error.data.get("altered"):
                raise  # the key system's fault, not the client's
            raise InvalidKey("encryptedKeyMaterial does not open with the KEK") from None
        except tenor_errors.InvalidKey as error:
            raise InvalidKey(f"encryptedKeyMaterial holds something else: {error}") from None
        if wish.commitment is not None and not hmac.compare_digest(wish.commitment, found):
            raise InvalidKey("encryptedKeyMaterial holds another key")
        return found

    async def _make(self, actor: Actor, kek: Kek, wish: DekWish) -> Opened:
        """Make and wrap a key, once this request has won its creation."""
        quota, until = self.settings.key_quota, asyncio.get_running_loop().time() + _WAIT
        while True:
            won = await self.store.write(lambda db: deks.reserve(db, actor, deks.still(db, kek), wish, quota))
            if isinstance(won, Dek):
                return await self.opened(actor, kek, won)
            if won.mine:
                break
            # Somebody else is making it: what the client reads next must be there by the time it is told so.
            while (await self.store.read(lambda db, won=won: _waiting(db, won.dek))) is not None:  # type: ignore[misc] # a lambda with a default
                if asyncio.get_running_loop().time() > until:
                    raise KeyExists(key=wish.subject)
                await asyncio.sleep(0.05)
        serialised = algorithms.new_key(wish.algorithm)
        reserved = won.dek
        try:
            material = await self._wrapped(kek, serialised)
        except BaseException:
            await self.store.write(lambda db: deks.release(db, reserved))
            raise
        committed = algorithms.commitment(algorithms.raw(wish.algorithm, serialised))
        made = await self.store.write(lambda db: deks.fulfil(db, actor, kek, reserved, material, committed))
        self._opened.put((kek.pk, material), serialised, _KEPT)
        return await self.opened(actor, kek, made)

    async def _rewrap(self, actor: Actor, kek: Kek, existing: Dek, wish: DekWish) -> Opened:
        material = wish.material
        if material is not None and kek.shared:
            await self._require_opening(kek, replace(wish, commitment=existing.commitment))
        elif material is None and kek.shared:
            material = await self._renewed(kek, str(existing.material), existing.wrapped_by)
            self._require_committed(existing, await self._unwrapped(kek, material, kek.kms_key_id))
        elif material is None:
            raise InvalidKey(f"encryptedKeyMaterial is needed: key '{kek.name}' is not shared")
        renewed = str(material)
        made = await self.store.write(lambda db: deks.rewrapped(db, actor, kek, existing, renewed))
        return await self.opened(actor, kek, made)

    async def _renewed(self, kek: Kek, material: str, wrapped_by: str) -> str:
        """A blob under the newest version of the KEK's key, whichever key wrapped it before."""
        blob = deks.decoded(material)

        def renew() -> bytes:
            now = self._system(kek)
            if wrapped_by == kek.kms_key_id:
                return now.rewrap(blob)
            return now.wrap(self._system(kek, wrapped_by).unwrap(blob))

        return base64.b64encode(await self._ask("rewrap", renew)).decode()

    @staticmethod
    def _require_committed(dek: Dek, serialised: bytes) -> None:
        """Raises KmsFailed when a blob holds another key than the one that was made."""
        try:
            found = algorithms.commitment(algorithms.raw(dek.algorithm, serialised))
        except tenor_errors.InvalidKey as error:
            raise KmsFailed(action="unwrap", reason=str(error)) from None
        if dek.commitment is not None and not hmac.compare_digest(dek.commitment, found):
            raise KmsFailed(action="unwrap", reason="the blob holds another key than the one that was made")

    async def read_dek(
        self,
        actor: Actor,
        kek_name: str,
        subject: str,
        algorithm: str,
        version: int,
        *,
        deleted: bool = False,
        people: bool = False,
    ) -> tuple[Kek, Opened]:
        """A DEK for a client; with `people` a version from 2^20 on may be a person's, of whatever subject.

        Raises KeyNotFound, KmsDenied, KmsFailed.
        """

        def look(db: Db) -> tuple[Kek, Dek | Known]:
            kek = deks.kek(db, kek_name, deleted=deleted)
            named = deks.named(db, subject)
            try:
                return kek, deks.dek(db, kek, named, algorithm, version, deleted=deleted)
            except KeyNotFound:
                if version < PERSONS_FROM or not people:
                    raise
            (known,) = persons.resolve(db, kek, [], [version])
            if known.person is None or known.person.algorithm != algorithm:
                raise KeyNotFound(key=subject)
            return kek, known

        kek, found = await self.store.read(look)
        if isinstance(found, Dek):
            return kek, await self.opened(actor, kek, found)
        (resolved,) = await self._people(kek, [found])
        await self._note(actor, f"kek:{kek.name}", {"persons": [version]})
        return kek, Opened(_as_dek(kek, subject, resolved), resolved.key)

    async def opened(self, actor: Actor, kek: Kek, dek: Dek) -> Opened:
        """A DEK as it is handed out: noted first, and opened when its KEK is shared."""
        key = None
        if kek.shared:
            key = await self._unwrapped(kek, str(dek.material), dek.wrapped_by)
            self._require_committed(dek, key)
        body = {"kek": kek.name, "algorithm": dek.algorithm, "version": dek.version, "opened": kek.shared}
        await self._note(actor, f"dek:{dek.subject}", body)
        return Opened(dek, key)

    # What is handed out is recorded.

    async def _note(self, actor: Actor, resource: str, body: dict[str, Any]) -> None:
        """Record that key material is about to leave; again within the minute it is counted."""
        key = (actor.name, resource, *(f"{name}={value}" for name, value in sorted(body.items())))
        minute = now_ms() // _MINUTE
        counted = self._counts.get(key)
        if counted is not None and counted.minute == minute:
            counted.more += 1
            return
        if len(self._counts) >= _COUNTED:
            await self.flush(all=True)
        # Taken out first, so that no other request records it too.
        before = self._counts.pop(key, None)
        ended = {} if before is None or not before.more else {key: before}

        def note(db: Db) -> None:
            _record_counts(db, ended.values())
            record(db, actor, "release", resource, **body)

        await self._recorded(note, ended)
        self._counts.setdefault(key, _Count(minute, actor, resource, body))

    async def flush(self, *, all: bool = False) -> None:
        """Record the counts of minutes that are over, or all."""
        minute = now_ms() // _MINUTE
        over = [key for key, each in self._counts.items() if all or each.minute < minute]
        ended = {key: each for key in over if (each := self._counts.pop(key)).more}
        if ended:
            await self._recorded(lambda db: _record_counts(db, ended.values()), ended)

    async def _recorded(self, job: Callable[[Db], None], counts: Mapping[tuple[str, ...], _Count]) -> None:
        """Write; what could not be written is counted on."""
        try:
            await self.store.write(job)
        except Exception:
            for key, each in counts.items():
                self._counts.setdefault(key, replace(each, more=0)).more += each.more
            raise

    # Persons.

    async def resolve(
        self,
        actor: Actor,
        kek_name: str,
        handles: Sequence[bytes],
        versions: Sequence[int] = (),
        *,
        mint: Mapping[bytes, Minting] | bool = False,
        algorithm: str = algorithms.DEFAULT,
        renew: bool = False,
    ) -> tuple[Kek, list[Resolved]]:
        """Persons' keys by handle and by number. `mint` makes those that are missing: True for a shared KEK, else
        with the keys that the client wrapped.

        Raises KeyNotFound (of the KEK), InvalidKey, KmsDenied, KmsFailed.
        """
        if len(handles) + len(versions) > persons.MOST:
            raise InvalidKey(f"At most {persons.MOST} persons at a time")

        def look(db: Db) -> tuple[Kek, list[Known]]:
            kek = deks.kek(db, kek_name)
            return kek, persons.resolve(db, kek, handles, versions)

        kek, known = await self.store.read(look, heavy=True)
        states = {persons.UNKNOWN, persons.ERASED} if renew else {persons.UNKNOWN}
        missing = [each.handle for each in known if each.handle and each.state in states]
        if mint is not False and missing:
            if isinstance(mint, bool):
                if not kek.shared:
                    raise InvalidKey(f"Key '{kek.name}' is not shared: its persons' keys come from the client")
                minting = await self._minted(kek, missing, deks.algorithm_named(algorithm))
            elif kek.shared:
                raise InvalidKey(f"Key '{kek.name}' is shared: the registry makes its persons' keys")
            else:
                minting = [mint[handle] for handle in missing if handle in mint]
            await self.store.write(lambda db: persons.mint(db, actor, kek, minting, self.at_rest, renew=renew))
            kek, known = await self.store.read(look, heavy=True)
        resolved = await self._people(kek, known)
        released = sorted(each.known.version or 0 for each in resolved if each.material is not None)
        if released:
            # Not counted by the minute: what such requests ask for is rarely the same.
            await self.store.write(lambda db: record(db, actor, "release", f"kek:{kek.name}", persons=released))
        return kek, resolved

    async def _minted(self, kek: Kek, handles: Sequence[bytes], algorithm: str) -> list[Minting]:
        """New keys, wrapped by a cell that has room for all of them."""
        room = persons.CELL - len(handles)
        cell = await self.store.read(lambda db: person_rows.open_cell(db, kek.pk, room + 1))
        if cell is None:
            serialised = algorithms.new_key(algorithms.AES256_GCM)
            material = await self._wrapped(kek, serialised)
            cell = await self.store.write(
                lambda db: person_rows.insert_cell(db, kek.pk, material, kek.kms_key_id, now_ms())
            )
        cipher, pk = await self._cell(kek, cell), cell.pk

        def make(handle: bytes) -> Minting:
            key = algorithms.new_key(algorithm)
            committed = algorithms.commitment(algorithms.raw(algorithm, key))
            return Minting(handle, algorithm, cipher.seal(key, _in_cell(kek, handle)), committed, pk)

        return await self._ask("make persons' keys", lambda: [make(handle) for handle in handles])

    async def _cell(self, kek: Kek, cell: Cell) -> algorithms.Cipher:
        serialised = await self._unwrapped(kek, cell.material, cell.wrapped_by)
        return algorithms.cipher(algorithms.AES256_GCM, algorithms.raw(algorithms.AES256_GCM, serialised))

    async def _people(self, kek: Kek, known: Sequence[Known]) -> list[Resolved]:
        """What is known, with the keys of those who live."""
        used = sorted({each.person.cell_pk for each in known if each.person and each.person.cell_pk is not None})
        cells = await self.store.read(lambda db: person_rows.cells(db, used)) if used else {}
        ciphers = {pk: await self._cell(kek, cell) for pk, cell in cells.items()}
        return await self._ask("open persons' keys", lambda: [self._person(kek, each, ciphers) for each in known])

    def _person(self, kek: Kek, known: Known, ciphers: Mapping[int, algorithms.Cipher]) -> Resolved:
        person = known.person
        if person is None:
            return Resolved(known)
        material = persons.inner(person, self.at_rest)
        if person.cell_pk is None:
            return Resolved(known, material)
        try:
            key = ciphers[person.cell_pk].open(material, _in_cell(kek, person.handle))
        except (KeyError, tenor_errors.AuthenticationFailed):
            raise KmsFailed(action="open a person's key", reason="its cell does not fit") from None
        if person.commitment != algorithms.commitment(algorithms.raw(person.algorithm, key)):
            raise KmsFailed(action="open a person's key", reason="it is another key than the one that was made")
        return Resolved(known, material, key)

    async def erase(
        self, actor: Actor, kek_name: str, handle: bytes, legal_basis: str, request_id: str | None
    ) -> Tombstone:
        """Destroy a person's key, and note it outside the database before it is answered."""

        def job(db: Db) -> Tombstone:
            kek = deks.kek(db, kek_name, deleted=True)
            return persons.erase(db, actor, kek, handle, legal_basis, request_id)

        stone = await self.store.write(job)
        if self.journal is not None:
            journal = self.journal
            await asyncio.to_thread(journal.add, [stone])
        return stone

    # After a KEK was rotated.

    async def rewrap(self, actor: Actor, kek_name: str, before: int | None, limit: int, skip: int = 0) -> Rewrap:
        """Wrap anew what was wrapped before a moment, some at a time, the oldest first.

        A key that fails is told, and stays where it is: `skip` passes over so many that failed before.
        """
        kek = await self.store.read(lambda db: deks.kek(db, kek_name))
        if not kek.shared:
            raise InvalidKey(f"Key '{kek.name}' is not shared: its clients wrap its keys")
        moment = before or now_ms() + 1
        done, failed = 0, list[str]()
        for each in await self._behind(kek, moment, limit, skip):
            try:
                await self._renew(actor, kek, each, moment)
            except (KmsDenied, KmsFailed, KeyExists) as error:
                failed.append(f"{_name(each)}: {error}")
            else:
                done += 1
        left = await self.store.read(lambda db: dek_rows.count_behind(db, kek.pk, moment))
        return Rewrap(moment, done, failed, left)

    async def _behind(self, kek: Kek, before: int, limit: int, skip: int) -> Sequence[Dek | Cell]:
        def look(db: Db) -> Sequence[Dek | Cell]:
            cells = person_rows.cells_behind(db, kek.pk, before, skip + limit)
            keys = dek_rows.behind(db, kek.pk, before, skip + limit)
            found: list[Dek | Cell] = [*cells, *keys]
            return found[skip : skip + limit]

        return await self.store.read(look, heavy=True)

    async def _renew(self, actor: Actor, kek: Kek, each: Dek | Cell, after: int) -> None:
        old = str(each.material)
        material = await self._renewed(kek, old, each.wrapped_by)
        if isinstance(each, Dek):
            self._require_committed(each, await self._unwrapped(kek, material, kek.kms_key_id))
            await self.store.write(lambda db: deks.rewrapped(db, actor, kek, each, material, after))
            return
        if await self._unwrapped(kek, material, kek.kms_key_id) != await self._unwrapped(kek, old, each.wrapped_by):
            raise KmsFailed(action="rewrap", reason="it gave back another key")

        def job(db: Db) -> None:
            if not person_rows.rewrap_cell(db, each.pk, old, material, kek.kms_key_id, max(now_ms(), after)):
                raise KeyExists(key=_name(each))
            record(db, actor, "rewrap", f"kek:{kek.name}", cell=each.pk)

        await self.store.write(job)


def _asked(db: Db, kek_name: str, wish: DekWish) -> tuple[Kek, DekWish, Dek | None, bool]:
    """The KEK of a wish, the wish checked, the DEK that is there already, and whether its subject is imported."""
    kek, wish = deks.kek(db, kek_name), wish.checked(db)
    subject = str(wish.subject)
    existing = dek_rows.dek(db, kek.pk, subject, wish.algorithm, wish.version)
    if existing is not None and existing.material is None:
        existing = None
    return kek, wish, existing, effective(db, Subject.parse(subject)).importing


def _waiting(db: Db, dek: Dek) -> Dek | None:
    """A reservation that is still held."""
    now = dek_rows.dek(db, dek.kek_pk, dek.subject, dek.algorithm, dek.version)
    return None if now is None or now.material is not None or now.reservation != dek.reservation else now


def _in_cell(kek: Kek, handle: bytes) -> bytes:
    return f"tenor-cell-1:{kek.name}:".encode() + handle


def _as_dek(kek: Kek, subject: str, resolved: Resolved) -> Dek:
    """A person's key as clients of the DEK API read it: a version of the subject they ask for."""
    person = resolved.known.person
    if person is None or resolved.material is None:
        raise AssertionError("a person that was resolved has a key")  # pragma: no cover
    return Dek(
        pk=0,
        kek_pk=kek.pk,
        subject=subject,
        algorithm=person.algorithm,
        version=person.version,
        material=base64.b64encode(resolved.material).decode(),
        commitment=person.commitment,
        wrapped_by=kek.kms_key_id,
        wrapped_at=person.created_at,
        reservation=None,
        created_at=person.created_at,
        deleted_at=None,
    )


def _name(each: Dek | Cell) -> str:
    return f"cell {each.pk}" if isinstance(each, Cell) else f"{each.subject} {each.algorithm} version {each.version}"


def _record_counts(db: Db, counts: Iterable[_Count]) -> None:
    for each in counts:
        record(db, each.actor, "release", each.resource, **each.body, more=each.more)
