"""What handlers of every dialect need: the store, the settings, and ready answers. Made once by `registry.app`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from litestar import Request

from registry import names, subjects
from registry.declarations import Keeper
from registry.errors import Incompatible
from registry.events import Actor
from registry.hot import HotReads, Keep
from registry.keyring import Keyring
from registry.metrics import Metrics
from registry.names import Subject
from registry.objections import Objector
from registry.policy import Config
from registry.registration import Commit, Registered, Registration, decide
from registry.security.access import Action
from registry.security.authority import Authority
from registry.settings import Settings
from registry.store.engine import Db, Store
from registry.workers import Workers

T = TypeVar("T")
Call = Request[Any, Any, Any]


@dataclass(slots=True)
class Services:
    """The server's parts. `server_config` is the config that holds where nothing is set.

    `objector` speaks for contracts and `keeper` keeps what plans declare of them, where contract testing is plugged in.
    """

    settings: Settings
    store: Store
    hot: HotReads
    metrics: Metrics
    workers: Workers
    authority: Authority
    objector: Objector | None = None
    keeper: Keeper | None = None
    server_config: Config = field(init=False)
    keyring: Keyring = field(init=False)

    def __post_init__(self) -> None:
        self.server_config = Config(level=self.settings.compatibility_level.upper())
        self.keyring = Keyring(self.settings, self.store)

    async def read(self, job: Callable[[Db], T], *, heavy: bool = False) -> T:
        """Run a reading job."""
        return await self.store.read(job, heavy=heavy)

    async def write(self, job: Callable[[Db], T], *, dry_run: bool = False) -> T:
        """Run a writing job."""
        return await self.store.write(job, dry_run=dry_run)

    async def register(self, actor: Actor, registration: Registration, *, dry_run: bool = False) -> Registered:
        """Register a schema: decide, compare and write, decide again when somebody was faster."""
        if dry_run:
            return await self._registered(actor, registration, dry_run=True)
        with self.telling(registration.subject):
            return await self._registered(actor, registration, dry_run=False)

    @contextmanager
    def telling(self, subject: Subject) -> Iterator[None]:
        """Tell the objector of a registration that is refused as incompatible."""
        try:
            yield
        except Incompatible as refusal:
            if self.objector is not None:
                self.objector.refused(subject, refusal.data["conflicts"])
            raise

    async def _registered(self, actor: Actor, registration: Registration, *, dry_run: bool) -> Registered:
        return await self.store.decide_and_write(
            lambda db: decide(db, registration, self.server_config, objector=self.objector),
            Commit(actor, self.objector),
            dry_run=dry_run,
            light=lambda db: decide(db, registration, self.server_config, light=True, objector=self.objector),
        )

    def writable(self, db: Db, text: str) -> Subject:
        """A subject that a request may write to, aliases followed. Raises InvalidSubject."""
        strict = self.settings.reject_empty_subject
        named = names.subject(text, reject_empty=strict)
        target = subjects.aliased(db, named)
        return target if target == named else names.subject(str(target), reject_empty=strict)


def services(call: Call) -> Services:
    """The server's parts, from a request."""
    found: Services = call.app.state.services
    return found


def keep(
    call: Call,
    resource: str,
    *,
    action: Action = Action.READ,
    immutable: bool = False,
    tags: tuple[str, ...] = (),
    fresh: int = 0,
) -> None:
    """Ask that the answer to this request be kept and sent again, to whoever may do the same, while it holds."""
    call.scope["tenor_keep"] = Keep(resource, action, immutable, tags, fresh)  # type: ignore[typeddict-unknown-key] # ours, read by http.exchange
