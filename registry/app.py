"""The composition root: `create_app(settings)` puts the parts together, once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from contracts.composition import Contracts
from contracts.deliveries import Sending
from contracts.sending import send
from registry import events, formats, idempotency
from registry.api.confluent.dialect import Confluent
from registry.api.pages.dialect import Pages
from registry.api.v1.dialect import V1
from registry.errors import RegistryError
from registry.formats.base import Format
from registry.hot import HotReads
from registry.http.asgi import App, Receive, Scope, Send
from registry.http.dialect import Dialect
from registry.http.outer import Outer
from registry.keyring import Keyring
from registry.logs import configure as configure_logs
from registry.metrics import Metrics
from registry.security import audit, refusals
from registry.security.audit import Signer, signer
from registry.security.authority import Authority
from registry.services import Services
from registry.settings import Settings, load
from registry.store.engine import Db, PostgreSQLStore, Store, open_store
from registry.store.migrations import migrate
from registry.workers import WorkerDied, WorkerFailed, Workers, WorkerTimeout

if TYPE_CHECKING:
    from registry.tracing import Tracing

_log = structlog.get_logger("tenor")
_SEAL_EVERY = 0.5
_PURGE_EVERY = 600.0
_PUBLISH_EVERY = 0.5
_REFUSED_EVERY = 5.0
_CHECKPOINT_EVERY = 10.0


def create_app(settings: Settings, store: Store | None = None, metrics: Metrics | None = None) -> App:
    """The ASGI app of one server process. `store` is opened from the settings when not given, and closed at the end."""
    configure_logs(settings.log_level)
    tracing = _tracing(settings)
    own_store = store or (tracing.open_store if tracing else open_store)(settings.database_url)
    workers = Workers(size=1)
    formats.install("PROTOBUF", partial(_protobuf, workers))
    metrics = metrics or Metrics()
    authority = Authority(settings, own_store, _log.warning)
    services = Services(settings, own_store, HotReads(own_store, settings.hot_cache), metrics, workers, authority)
    confluent, pages = Confluent(services), Pages(services)
    dialects: dict[str, Dialect] = dict.fromkeys(("health", "live", "ready", "metrics", "docs", "openapi"), pages)
    contracts = Contracts(services, _log.warning, sending=_sending(tracing))
    services.objector, services.keeper = contracts.blast_radius, contracts.declaring
    dialects["api"] = V1(services, contracts.native)
    # The Rust command line's get-pacts and provider-states drop the path of the broker's address.
    dialects["pact"] = dialects["pacts"] = contracts.broker
    outer = Outer(
        dialects,
        confluent,
        services.hot,
        own_store,
        tracing.counts(metrics) if tracing else metrics,
        authority,
        body_limit=settings.body_limit,
        timeout=settings.request_timeout,
        lifespan=_Lifespan(
            own_store, workers, contracts, metrics, authority, signer(settings, own_store), services.keyring
        ),
        log=partial(_log.info, "request"),
        log_all=settings.access_log,
        cache_headers=settings.cache_headers,
        rate_limit=settings.rate_limit,
        cors_origins=settings.cors_origins,
    )
    outer.fetched = contracts.observer.note
    return tracing.app(outer, [confluent, *dialects.values()]) if tracing else outer


def _tracing(settings: Settings) -> Tracing | None:
    """What traces this server; OpenTelemetry is imported for who asked for it alone."""
    if not settings.otel:
        return None
    from registry.tracing import Tracing

    return Tracing()


def _sending(tracing: Tracing | None) -> Sending:
    """How webhooks leave."""
    if tracing is None:
        return send
    from contracts.tracing import traced

    return traced(send, tracing)


def _protobuf(workers: Workers) -> Format:
    """Protobuf with its compiler in a child process; imported when the first .proto comes."""
    from registry.formats.protobuf import Protobuf, through

    return Protobuf(compile=through(workers.call, (WorkerTimeout, WorkerDied, WorkerFailed)))


class _Lifespan:
    """Start and stop: migrate; in the background seal events, purge old keys, send webhooks, publish counters; finish
    waiting writes."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        contracts: Contracts,
        metrics: Metrics,
        authority: Authority,
        signer: Signer | None,
        keyring: Keyring,
    ) -> None:
        self.store = store
        self.workers = workers
        self.contracts = contracts
        self.metrics = metrics
        self.authority = authority
        self.signer = signer
        self.keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return
        await receive()
        try:
            migrate(self.store)
            self.keyring.start()
            if isinstance(self.store, PostgreSQLStore):
                self.store.listen()
        except Exception as error:
            _log.error("start failed", error=str(error))
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        async with self._background():
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        self.workers.close()
        self.keyring.close()
        self.authority.close()
        self.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _background(self) -> AsyncIterator[None]:
        jobs = [
            _seal(self.store),
            _purge(self.store),
            self.contracts.deliveries.run(),
            self.contracts.observer.run(),
            self.contracts.announcer.run(),
            _publish(self.metrics),
        ]
        jobs += [_refused(self.store, self.authority), _checkpoint(self.store, self.signer), self.keyring.run()]
        if self.authority.open is None:
            jobs.append(self.authority.follow())
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(RegistryError):
                await _tell(self.store, self.authority, all=True)
            with contextlib.suppress(OSError):
                self.metrics.publish()


async def _publish(metrics: Metrics) -> None:
    """Let the other processes of this server see what this one counted."""
    while True:
        try:
            metrics.publish()
        except OSError as error:
            _log.warning("publishing counters waits", reason=str(error))
        await asyncio.sleep(_PUBLISH_EVERY)


async def _seal(store: Store) -> None:
    """Number and chain committed events, within a second of their commit."""
    seen = -1
    while True:
        epoch = store.epoch
        if epoch != seen or not store.cacheable:
            try:
                if not await store.read(_pending):
                    seen = epoch
                elif await store.write(events.seal) == events.BATCH:
                    continue
            except RegistryError as error:
                _log.warning("sealing waits", reason=str(error))
        await asyncio.sleep(_SEAL_EVERY)


async def _purge(store: Store) -> None:
    """Forget the answers of idempotency keys that no longer count."""
    while True:
        try:
            while await store.read(idempotency.expired):
                await store.write(idempotency.purge)
        except RegistryError as error:
            _log.warning("purging waits", reason=str(error))
        await asyncio.sleep(_PURGE_EVERY)


async def _tell(store: Store, authority: Authority, *, all: bool = False) -> None:
    """Write down the refused attempts of minutes that are over, or all."""
    if found := authority.refusals.taken(all=all):
        try:
            await store.write(lambda db: refusals.write(db, found))
        except RegistryError:
            authority.refusals.give_back(found)
            raise


async def _refused(store: Store, authority: Authority) -> None:
    """Tell the audit log of refused attempts."""
    while True:
        try:
            await _tell(store, authority)
        except RegistryError as error:
            _log.warning("refused attempts were not noted", reason=str(error))
        await asyncio.sleep(_REFUSED_EVERY)


async def _checkpoint(store: Store, signer: Signer | None) -> None:
    """Sign the newest event of the log, now and then."""
    while signer is not None:
        try:
            if await store.read(audit.due):
                await store.write(lambda db: audit.make_checkpoint(db, signer))
        except RegistryError as error:
            _log.warning("a checkpoint waits", reason=str(error))
        await asyncio.sleep(_CHECKPOINT_EVERY)


def _pending(db: Db) -> bool:
    return db.one("SELECT 1 FROM event WHERE sequence IS NULL LIMIT 1") is not None


def from_environment() -> App:
    """The app of a worker process: what `tenor-server serve` decided is in the environment."""
    folder = os.environ.get("TENOR_METRICS_FOLDER")
    return create_app(load(), metrics=Metrics(Path(folder) if folder else None))
