"""Contract testing as the composition root takes it: its dialect, its routes of the native API, who speaks for
consumers, and one worker; all made from the server's parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from contracts.announcing import Announcer
from contracts.api.broker.dialect import Broker
from contracts.api.broker.parts import Parts
from contracts.api.v1.routes import install
from contracts.blast_radius import BlastRadius
from contracts.declaring import Declaring
from contracts.deliveries import Deliveries, Sending
from contracts.matrix import Soundness
from contracts.observing import Observer
from contracts.options import Options
from contracts.sealing import Sealer, key_beside
from contracts.sending import send
from contracts.webhooks import Rules
from registry import upcasters
from registry.services import Services
from registry.settings import Settings
from registry.store.engine import SQLiteStore, Store


def options_of(settings: Settings) -> Options:
    """What is set about contract testing."""
    return Options(
        soundness=Soundness(settings.pact_soundness),
        changes=settings.pact_changes,
        similar_names=settings.pact_similar_names,
        tags_as_branches=settings.pact_tags_as_branches,
        tags_deploy=settings.pact_tags_deploy,
        warnings_pass=settings.impact_warnings == "pass",
        webhooks=Rules(
            schemes=_listed(settings.webhook_schemes),
            methods=tuple(method.upper() for method in _listed(settings.webhook_methods)),
            hosts=_listed(settings.webhook_hosts),
            private=settings.webhook_private,
        ),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def sealer_of(settings: Settings, store: Store) -> Sealer:
    """The sealer under the key that is set; else, for SQLite, under one in a file beside the database."""
    if settings.secret_key:
        return Sealer(lambda: settings.secret_key)
    if isinstance(store, SQLiteStore):
        return Sealer(partial(key_beside, Path(store.path)))
    return Sealer(None)


class Contracts:
    """The parts of contract testing in one server process."""

    def __init__(self, services: Services, log: Callable[..., None], *, sending: Sending = send) -> None:
        self.options = options_of(services.settings)
        self.sealer = sealer_of(services.settings, services.store)
        self.blast_radius = BlastRadius(self.options, crossable=upcasters.crossable)
        self.declaring = Declaring(self.options)
        self.native = install()
        self.broker = Broker(Parts(services, self.options, self.sealer))
        self.deliveries = Deliveries(services.store, self.sealer, self.options, log, sending=sending)
        self.observer = Observer(services.store, log)
        self.announcer = Announcer(services.store, self.sealer, self.blast_radius, log)
        self.blast_radius.on_refusal = self.announcer.refusals.add
