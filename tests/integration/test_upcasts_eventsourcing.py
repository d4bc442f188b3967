"""Old events, snapshots and projections of a real event store, read as today's version through plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.utils import clear_topic_cache

from tenor.errors import UpcastFailed
from tests.integration.event_store import Turnover, deployed


@pytest.fixture(autouse=True)
def _topics() -> Iterator[None]:
    yield
    clear_topic_cache()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def saved(shop: Any, order: Any) -> UUID:
    shop.app.save(order)
    identity: UUID = order.id
    return identity


def history(store: Path) -> tuple[UUID, UUID, UUID]:
    """What two older deployments left behind: an order each, and one with a snapshot."""
    first = deployed(1, store)
    old = first.Order("Ada", 100)
    old.pay(30)
    plain = saved(first, old)
    kept = first.Order("Bob", 200)
    for _ in range(3):
        kept.pay(10)
    photographed = saved(first, kept)
    first.app.take_snapshot(photographed)
    first.app.close()
    second = deployed(2, store)
    later = saved(second, second.Order("Cyd", 300, "USD"))
    again: Any = second.app.repository.get(plain)
    assert (again.name, again.currency) == ("Ada", "EUR")
    again.pay(20)
    second.app.save(again)
    second.app.close()
    return plain, photographed, later


def test_old_aggregates_are_upcast_on_replay(store: Path) -> None:
    plain, _, later = history(store)
    today = deployed(3, store)
    order: Any = today.app.repository.get(plain)
    assert type(order) is today.Order
    assert (order.customer, order.total, order.currency, order.paid, order.version) == ("Ada", 100, "EUR", 50, 3)
    assert not hasattr(order, "name")
    newer: Any = today.app.repository.get(later)
    assert (newer.customer, newer.currency) == ("Cyd", "USD")
    order.pay(50)
    today.app.save(order)
    assert today.app.repository.get(plain).paid == 100
    today.app.close()


def test_snapshots_carry_the_version_they_were_taken_with(store: Path) -> None:
    _, photographed, _ = history(store)
    today = deployed(3, store)
    snapshots = today.app.snapshots
    [before] = snapshots.get(photographed)
    assert before.state["name"] == "Bob"
    assert "class_version" not in before.state  # the first version says nothing
    order: Any = today.app.repository.get(photographed)
    assert (order.customer, order.currency, order.paid) == ("Bob", "EUR", 30)
    order.pay(1)
    today.app.save(order)
    today.app.take_snapshot(photographed)
    newest = list(snapshots.get(photographed))[-1]
    assert (newest.state["customer"], newest.state["class_version"]) == ("Bob", 3)
    assert today.app.repository.get(photographed).paid == 31
    today.app.close()


def test_a_projection_is_rebuilt_across_versions_from_its_checkpoint(store: Path, tmp_path: Path) -> None:
    history(store)
    today = deployed(3, store)
    expected = [("Ada", "EUR", 100), ("Bob", "EUR", 200), ("Cyd", "USD", 300)]
    whole = Turnover(tmp_path / "whole.db")
    assert whole.follow(today.app, 10) == 8
    assert whole.rows() == expected
    stopped = Turnover(tmp_path / "stopped.db")
    assert stopped.follow(today.app, 3) == 3
    today.app.close()
    again = deployed(3, store)
    resumed = Turnover(tmp_path / "stopped.db")
    assert resumed.position == 3
    assert resumed.follow(again.app, 10) == 5
    assert resumed.rows() == expected
    assert resumed.follow(again.app, 10) == 0
    again.app.close()


def test_an_event_that_cannot_be_upcast_says_where(store: Path) -> None:
    today = deployed(3, store)
    state: dict[str, Any] = {"total": 1, "timestamp": None}
    with pytest.raises(UpcastFailed, match="the old event has no 'name'"):
        today.Order.Placed.upcast_v1_v2(state)
    assert state == {"total": 1, "timestamp": None}
    today.app.close()
