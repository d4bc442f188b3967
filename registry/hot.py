"""Ready answers: what was answered once and still holds is sent again as it is.

An answer that never changes stays until one of its tags is forgotten (a delete, told to every replica); one that
changes stays, on SQLite only, until the store's epoch moves, which any commit does before its writer is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from registry.security.access import EVERYTHING, Action, Grants
from registry.store.engine import FORGET_ALL, Store

_MOST_AUDIENCES = 64


@dataclass(frozen=True, slots=True)
class Keep:
    """A handler's wish that its answer be kept (`scope["tenor_keep"]`).

    `immutable` holds until one of its `tags` is forgotten, anything else until the next write. `fresh` is for how many
    seconds a cache on the way may hold an immutable answer without asking.
    """

    resource: str
    action: Action = Action.READ
    immutable: bool = False
    tags: tuple[str, ...] = ()
    fresh: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer that can be sent again. `epoch` None: until a tag is forgotten; else while the store's epoch stands.

    It is for callers who may do the action to every resource of its kind, and for those whom the route itself gave
    it: what it decided holds as long as the answer does.
    """

    headers: tuple[tuple[bytes, bytes], ...]
    etag: bytes | None
    body: bytes
    action: Action
    kind: str
    template: str
    epoch: int | None
    tags: tuple[str, ...]
    audience: set[bytes] = field(default_factory=set)

    def is_for(self, grants: Grants) -> bool:
        """Whether who has these grants may have it; False leaves that to the route."""
        return grants is EVERYTHING or grants.whole(self.action, self.kind) or grants.key in self.audience

    def allow(self, grants: Grants) -> None:
        """Note that the route gave it to a caller with these grants."""
        if grants is not EVERYTHING and len(self.audience) < _MOST_AUDIENCES:
            self.audience.add(grants.key)


Key = tuple[bytes, bytes, bytes]
"""Raw path, query string, and the hash of what was posted (empty for GET)."""


class HotReads:
    """Ready answers by (path, query, body), least recently used out first, capped by bytes."""

    def __init__(self, store: Store, capacity: int) -> None:
        self._store = store
        self._room = self._capacity = capacity
        self._ready: OrderedDict[Key, Ready] = OrderedDict()
        self._tagged: dict[str, set[Key]] = {}
        self._forgotten: list[str] = []
        self.forgets = 0
        """How often something was forgotten: an answer found before the last time may be what was to be forgotten."""
        store.on_forget(self._forget)

    def _forget(self, tag: str) -> None:
        # Called on the threads of the store: only noted here.
        self.forgets += 1
        self._forgotten.append(tag)

    @property
    def any(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._ready)

    def get(self, key: Key) -> Ready | None:
        """The answer, if it still holds."""
        if self._forgotten:
            self._drop_forgotten()
        ready = self._ready.get(key)
        if ready is None:
            return None
        if ready.epoch is not None and ready.epoch != self._store.epoch:
            self._drop(key)
            return None
        return ready

    def put(self, key: Key, ready: Ready) -> None:
        """Keep an answer, unless it is larger than a hundredth of the whole."""
        weight = self._weight(key, ready)
        if weight * 100 > self._capacity:
            return
        self._drop(key)
        self._ready[key] = ready
        self._room -= weight
        for tag in ready.tags:
            self._tagged.setdefault(tag, set()).add(key)
        while self._room < 0:
            self._drop(next(iter(self._ready)))

    @staticmethod
    def _weight(key: Key, ready: Ready) -> int:
        return 900 + sum(map(len, key)) + len(ready.body)

    def _drop(self, key: Key) -> None:
        ready = self._ready.pop(key, None)
        if ready is None:
            return
        self._room += self._weight(key, ready)
        for tag in ready.tags:
            keys = self._tagged.get(tag)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._tagged[tag]

    def _drop_forgotten(self) -> None:
        tags, count = self._forgotten, len(self._forgotten)
        for tag in tags[:count]:
            keys = list(self._ready) if tag == FORGET_ALL else list(self._tagged.get(tag, ()))
            for key in keys:
                self._drop(key)
        del tags[:count]
