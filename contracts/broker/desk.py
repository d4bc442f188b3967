"""What the use cases of a request share."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.options import Options
from contracts.sealing import Sealer
from contracts.urls import Urls
from registry.events import Actor


@dataclass(frozen=True, slots=True)
class Desk:
    """What the use cases of a request share: who calls, what is set, where things are found."""

    actor: Actor
    options: Options
    sealer: Sealer
    urls: Urls
