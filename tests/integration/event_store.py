"""An example: three versions of one application on one event store of the `eventsourcing` library.

The library stores a `class_version` with every event and snapshot and calls `upcast_v1_v2`, `upcast_v2_v3` … on the
state of older ones. `versioned` makes those of plans, so that nobody writes them by hand. `deployed(VERSION)` is one
deployment; its classes answer to the topics of those before it, as the library wants it for classes that were renamed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.utils import clear_topic_cache, construct_topic, register_topic

from registry import formats
from registry.evolution.upcasts import derive
from registry.formats.base import Source
from tenor.plans import Plan, Upcast, compile_plan

Class = TypeVar("Class", bound=type)
ENVELOPE: Final = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})


def schema(**properties: Any) -> str:
    """What is in an event, or in a snapshot, besides what the library puts there."""
    required = list(properties)
    return json.dumps({"type": "object", "properties": properties, "required": required, "additionalProperties": False})


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
PLACED = [
    schema(name=TEXT, total=WHOLE),
    schema(name=TEXT, total=WHOLE, currency={**TEXT, "default": "EUR"}),
    schema(customer=TEXT, total=WHOLE, currency={**TEXT, "default": "EUR"}),
]
ORDER = [
    schema(name=TEXT, total=WHOLE, paid=WHOLE),
    schema(name=TEXT, total=WHOLE, paid=WHOLE, currency={**TEXT, "default": "EUR"}),
    schema(customer=TEXT, total=WHOLE, paid=WHOLE, currency={**TEXT, "default": "EUR"}),
]
DECIDED: Final = {"/customer": {"from": "/name"}}


def plans(texts: Sequence[str]) -> list[Plan]:
    """One plan a hop."""
    parsed = [formats.parse("JSON", Source(text)) for text in texts]
    hops = [derive(parsed[0], parsed[1]), derive(parsed[1], parsed[2], DECIDED)]
    assert not any(plan.unsettled for plan in hops)
    return hops


def versioned(hops: Sequence[Plan]) -> Callable[[Class], Class]:
    """Gives a class of events, or of aggregates, its version and the upcasters that the library calls."""

    def mark(cls: Class) -> Class:
        cls.class_version = len(hops) + 1  # type: ignore[attr-defined] # the library's own attribute
        for number, plan in enumerate(hops, 1):
            setattr(cls, f"upcast_v{number}_v{number + 1}", staticmethod(_in_place(compile_plan(plan))))
        return cls

    return mark


def _in_place(upcast: Upcast) -> Callable[[MutableMapping[str, Any]], None]:
    """The library hands over its own dict to be changed; what it put there itself stays."""

    def change(state: MutableMapping[str, Any]) -> None:
        own = {name: value for name, value in state.items() if name not in ENVELOPE and not name.startswith("_")}
        made = upcast(own)
        for name in own:
            del state[name]
        state.update(made)

    return change


# --- version 1 -------------------------------------------------------------------------------------------------


class Order1(Aggregate):
    """An order, as the first version had it."""

    class Placed(Aggregate.Created):
        name: str
        total: int

    class Paid(Aggregate.Event):
        amount: int

        def apply(self, aggregate: Any) -> None:
            aggregate.paid += self.amount

    @event(Placed)
    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.paid = name, total, 0

    def pay(self, amount: int) -> None:
        self.trigger_event(self.Paid, amount=amount)


# --- version 2: a currency --------------------------------------------------------------------------------------


@versioned(plans(ORDER)[:1])
class Order2(Aggregate):
    """An order with a currency."""

    @versioned(plans(PLACED)[:1])
    class Placed(Aggregate.Created):
        name: str
        total: int
        currency: str

    class Paid(Aggregate.Event):
        amount: int

        def apply(self, aggregate: Any) -> None:
            aggregate.paid += self.amount

    @event(Placed)
    def __init__(self, name: str, total: int, currency: str) -> None:
        self.name, self.total, self.paid, self.currency = name, total, 0, currency

    def pay(self, amount: int) -> None:
        self.trigger_event(self.Paid, amount=amount)


# --- version 3: the name is a customer --------------------------------------------------------------------------


@versioned(plans(ORDER))
class Order3(Aggregate):
    """An order of today."""

    @versioned(plans(PLACED))
    class Placed(Aggregate.Created):
        customer: str
        total: int
        currency: str

    class Paid(Aggregate.Event):
        amount: int

        def apply(self, aggregate: Any) -> None:
            aggregate.paid += self.amount

    @event(Placed)
    def __init__(self, customer: str, total: int, currency: str) -> None:
        self.customer, self.total, self.paid, self.currency = customer, total, 0, currency

    def pay(self, amount: int) -> None:
        self.trigger_event(self.Paid, amount=amount)


VERSIONS: Final[Mapping[int, Any]] = {1: Order1, 2: Order2, 3: Order3}


class Shop(Application[UUID]):
    """The application; `name` is what its tables are called."""

    name = "shop"
    is_snapshotting_enabled = True


def deployed(version: int, database: Path) -> SimpleNamespace:
    """One deployment: the application on the store, and its class of orders."""
    clear_topic_cache()
    order = VERSIONS[version]
    for before in range(1, version):
        earlier = VERSIONS[before]
        for old, new in ((earlier, order), (earlier.Placed, order.Placed), (earlier.Paid, order.Paid)):
            register_topic(construct_topic(old), new)
    app = Shop({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(database)})
    return SimpleNamespace(app=app, Order=order)


class Turnover:
    """A projection into a table of its own: money by customer and currency, with the position it has come to.

    Row and position are written in one transaction, so that no event counts twice, whenever it is stopped.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS turnover (customer, currency, total)")
            connection.execute("CREATE TABLE IF NOT EXISTS checkpoint (position)")

    @property
    def position(self) -> int:
        """The last event that counted."""
        with closing(sqlite3.connect(self._database)) as connection:
            return int(connection.execute("SELECT coalesce(max(position), 0) FROM checkpoint").fetchone()[0])

    def rows(self) -> list[tuple[Any, ...]]:
        """Money by customer and currency."""
        query = "SELECT customer, currency, sum(total) FROM turnover GROUP BY 1, 2 ORDER BY 1, 2"
        with closing(sqlite3.connect(self._database)) as connection:
            return connection.execute(query).fetchall()

    def follow(self, app: Shop, most: int) -> int:
        """Count at most so many more events; how many there were. What the store holds is read as today's version."""
        notifications = app.notification_log.select(self.position + 1, most)
        for notification in notifications:
            happened: Any = app.mapper.to_domain_event(notification)
            with closing(sqlite3.connect(self._database)) as connection, connection:
                if hasattr(happened, "customer"):
                    row = (happened.customer, happened.currency, happened.total)
                    connection.execute("INSERT INTO turnover VALUES (?, ?, ?)", row)
                connection.execute("INSERT INTO checkpoint VALUES (?)", (notification.id,))
        return len(notifications)
