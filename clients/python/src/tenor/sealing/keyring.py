"""The keys at hand: prepared, bounded in number and in time. No I/O; nothing here waits or locks.

A key for everybody is renewed in the background after `ttl` seconds and used for `grace` seconds more while the
registry is away. A person's key is used for `ttl` seconds and not a second longer, so that erasing it has an end.
Python cannot wipe memory: a key that was forgotten may stay in it until that memory is used again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tenor.keys.algorithms import Cipher, cipher, hkdf
from tenor.sealing.sources import HARD_LIMIT, PERSONS, Key, Source

TTL: Final = 300.0
GRACE: Final = 3600.0
MAX_KEYS: Final = 20_000
FIRST_BLOCK: Final = 2**18
MOST_BLOCK: Final = 2**22
LEAST_BLOCK: Final = 1000
"""Uses of a key that a client leases at a time: enough for no event to wait, and little to lose when it ends."""
SHORT: Final = 60.0
MOST_OWED: Final = 2**24
"""Uses that a client makes without a lease while nobody answers: a sixteenth of the rule's limit, and no more than
this, so that 240 clients may do so and random nonces are still safe."""
FOREVER: Final = float("inf")
_NEVER: Final = (0.0, False)


class Held:
    """A key at hand. `due` is when to renew it, `until` when it is no longer used; both in monotonic seconds.

    `uses` counts what was sealed with it. From `limit` on more is to be seen to, past `stop` nothing is sealed; `known`
    is what the registry knows of: the sum of the blocks that were leased (threads may lose a count: they are few, and
    limits are far below the one that matters).
    """

    __slots__ = (
        *("_block", "_chacha", "_leased_at", "cipher", "due", "head", "key", "known", "limit", "open", "raw", "seal"),
        *("stop", "until", "uses"),
    )

    def __init__(self, key: Key, raw: bytes, due: float, until: float) -> None:
        self.key, self.raw = key, raw
        self.cipher: Cipher = cipher(key.algorithm, raw)
        self.seal, self.open = self.cipher.seal, self.cipher.open
        self.head = b"\x00" + key.version.to_bytes(4, "big")
        self.due, self.until = due, until
        self.uses, self.limit, self.stop, self.known = 0, HARD_LIMIT, HARD_LIMIT, 0
        self._block, self._leased_at = 0, 0.0
        self._chacha: Any = None

    @property
    def chacha(self) -> Any:
        """ChaCha20-Poly1305 under a key of its own, derived: no key serves two ciphers."""
        if self._chacha is None:
            from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

            self._chacha = ChaCha20Poly1305(hkdf(self.raw, b"tenor-seal-03", 32))
        return self._chacha

    # --- uses -------------------------------------------------------------------------------------------------

    def block(self, most: int, now: float) -> int:
        """How many uses to lease next, of `most` that all clients have: more at a time while a block lasts shortly."""
        size = FIRST_BLOCK
        if self._block:
            size = self._block * 4 if now - self._leased_at < SHORT else self._block
        return min(size, MOST_BLOCK, max(most // 64, min(most, LEAST_BLOCK)))

    def granted(self, block: int, spent: int, uses: int, now: float) -> None:
        """The registry counted `spent`, and gave `uses` of the block that was asked for."""
        self.known += spent + uses
        if uses:
            self._block, self._leased_at = block, now
            self.stop = self.known
            self.limit = self.stop - max(uses // 10, 1)

    def owe(self, most: int) -> bool:
        """Seal on without a lease, because nobody answers; whether that may be. What is owed is told later."""
        allowed = min(most // 16, MOST_OWED)
        self.stop = self.known + allowed
        self.limit = min(self.stop, self.uses + max(allowed // 64, 1))
        return self.uses < self.stop

    def alone(self, most: int) -> bool:
        """Count in this process alone, because no registry does; whether the key may seal on."""
        self.limit, self.stop = most, HARD_LIMIT
        return self.uses < most

    def __repr__(self) -> str:
        return f"<Held {self.key}>"  # never the key


class Cell:
    """Where a source's present key is kept; closures hold the cell, so that a renewed key needs no new closure."""

    __slots__ = ("held", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.held: Held | None = None


class KeyRing:
    """All keys of one client."""

    def __init__(
        self,
        *,
        ttl: float = TTL,
        grace: float = GRACE,
        size: int = MAX_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ttl, self.grace, self.clock = ttl, grace, clock
        self.hurry = False
        """A key was used so often that it is to be renewed now."""
        self._size = size
        self._held: dict[Key, Held] = {}
        self._absent: dict[Key, tuple[float, bool]] = {}
        self._cells: dict[Source, Cell] = {}
        self._persons: dict[tuple[Source, bytes], Held] = {}

    def cell(self, source: Source) -> Cell:
        """Where the present key of a source is, or will be."""
        return self._cells.setdefault(source, Cell(source))

    def cells(self) -> list[Cell]:
        """Every source in use."""
        return list(self._cells.values())

    def find(self, key: Key, now: float) -> Held | None:
        """A key to open with, if it is at hand."""
        held = self._held.get(key)
        if held is None:
            return None
        if held.until <= now:
            self._held.pop(key, None)
            return None
        return held

    def person(self, source: Source, handle: bytes, now: float) -> Held | None:
        """The key to seal with for a person, if it is at hand."""
        held = self._persons.get((source, handle))
        return held if held is not None and held.until > now else None

    def absent(self, key: Key, now: float) -> bool:
        """Whether the registry said lately that there is no such key."""
        return self._absent.get(key, _NEVER)[0] > now

    def erased(self, key: Key) -> bool:
        """Whether an absent key is known to have been a person's and to be destroyed."""
        return self._absent.get(key, _NEVER)[1]

    def keep(self, key: Key, raw: bytes) -> Held:
        """Keep a key that was unwrapped."""
        now = self.clock()
        if (known := self._held.get(key)) is not None and known.raw == raw:
            held = known
            held.due, held.until = now + self.ttl, self._until(key, now)
        else:
            held = Held(key, raw, now + self.ttl, self._until(key, now))
            if known is not None:
                known.until = 0.0
            _bound(self._held, self._size)
            self._held[key] = held
        self._absent.pop(key, None)
        return held

    def keep_person(self, source: Source, handle: bytes, held: Held) -> None:
        """Remember whose key it is."""
        _bound(self._persons, self._size)
        self._persons[source, handle] = held

    def miss(self, key: Key, *, erased: bool = False) -> None:
        """The registry has no such key: forget it, and do not ask again for a while (never, if it was erased)."""
        self.drop(key)
        _bound(self._absent, self._size)
        self._absent[key] = (FOREVER if erased else self.clock() + self.ttl, erased)

    def drop(self, key: Key) -> None:
        """Forget a key at once, for sealing too."""
        held = self._held.pop(key, None)
        if held is not None:
            held.until = 0.0  # closures may know it
        for cell in self._cells.values():
            if cell.held is not None and cell.held.key == key:
                cell.held = None
        if key.version >= PERSONS:
            for name, mine in list(self._persons.items()):
                if mine.key == key:
                    mine.until = 0.0
                    self._persons.pop(name, None)

    def erase(self, kek: str, version: int) -> None:
        """A person's key was destroyed: forget it wherever it is."""
        held = [*self._held.values(), *self._persons.values()]
        for key in {each.key for each in held if each.key.kek == kek and each.key.version == version}:
            self.miss(key, erased=True)

    def _until(self, key: Key, now: float) -> float:
        return now + self.ttl + (0.0 if key.version >= PERSONS else self.grace)


def _bound(kept: dict[Any, Any], size: int) -> None:
    while len(kept) >= size:
        kept.pop(next(iter(kept)), None)  # the oldest: dicts keep their order
