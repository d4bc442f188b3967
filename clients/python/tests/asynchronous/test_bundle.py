"""A bundle keeps producers and consumers going while no registry answers. Asynchronous."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
import pytest
from bundles import bundle_of
from fake_registry import FakeRegistry, error

from tenor import AsyncRegistry, Retry
from tenor import bundle as bundle_module
from tenor.bundle import Bundle
from tenor.errors import SchemaNotFound, SubjectNotFound, UnexpectedAnswer, Unreachable

pytestmark = pytest.mark.anyio


def schema(*names: str) -> str:
    fields = [{"name": name, "type": "string", "default": "x"} for name in names]
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


V1, V2 = schema("id"), schema("id", "note")


def client(fake: FakeRegistry, bundle: Bundle | None, **options: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), bundle=bundle, **options)


def away(fake: FakeRegistry, failure: Any = None) -> None:
    fake.failures = [failure or httpx.ConnectError("gone")] * 1000


def stocked() -> tuple[FakeRegistry, Bundle]:
    fake = FakeRegistry()
    fake.add("orders", V1)
    fake.add("orders", V2)
    return fake, bundle_of(fake, associations={("topic", "value"): "orders"})


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("gone"), error(503, 50301, "later"), httpx.Response(200, text="<html>")], ids=repr
)
async def test_codecs_start_and_work_without_a_registry(failure: Any) -> None:
    fake, bundle = stocked()
    away(fake, failure)
    registry = client(fake, bundle)
    newest, first = await registry.events("orders"), await registry.events("orders", version=1)
    assert (newest.schema.version, first.schema.version) == (2, 1)
    value = first.encode({"id": "A1"}).value
    assert (await newest.decode(value)).data == {"id": "A1"}
    assert (await registry.events("orders", schema=V1)).schema.id == 1
    assert (await registry.events("orders", schema=V2, register=True)).schema.id == 2
    by_guid = await registry.events("orders", guid=newest.schema.guid, framing="guid-header")
    message = by_guid.encode({"id": "A-long-one", "note": "n"})
    assert (await newest.decode(message.value, message.headers)).data == {"id": "A-long-one", "note": "n"}
    assert await registry.subject_for("topic") == "orders"
    assert len(fake.requests) == 1  # who found nobody there does not ask for a while


async def test_a_bundle_that_expires_while_it_is_in_use_answers_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, _ = stocked()
    away(fake)
    registry = client(fake, bundle_of(fake, expires=datetime.now(UTC) + timedelta(hours=1)))
    codec = await registry.events("orders", version=1)
    monkeypatch.setattr(bundle_module, "datetime", _Later)
    with pytest.raises(Unreachable):
        await registry.events("orders", version=2)
    assert codec.encode({"id": "A1"}).value  # what was compiled goes on, as without a bundle


class _Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Self:
        return super().now(tz) + timedelta(hours=2)


async def test_what_a_bundle_does_not_hold_is_the_registrys_to_tell() -> None:
    fake, bundle = stocked()
    away(fake)
    registry = client(fake, bundle)
    calls: list[Callable[[], Any]] = [
        lambda: registry.schema(99),
        lambda: registry.version("orders", 3),
        lambda: registry.version("other"),
        lambda: registry.versions("orders"),
        lambda: registry.events("orders", schema=schema("new"), register=True),
    ]
    for call in calls:
        with pytest.raises(Unreachable):
            await call()


async def test_a_no_of_the_registry_is_a_no() -> None:
    _, bundle = stocked()
    empty = client(FakeRegistry(), bundle)
    with pytest.raises(SubjectNotFound):
        await empty.events("orders")
    with pytest.raises(SchemaNotFound):
        await empty.schema(1)


async def test_a_bundle_never_takes_back_what_the_registry_told() -> None:
    fake, bundle = stocked()
    fake.add("orders", schema("id", "note", "more"))
    registry = client(fake, bundle)
    orders = await registry.events("orders")
    assert orders.schema.version == 3
    away(fake)
    with pytest.raises(Unreachable):
        await orders.refresh()
    assert orders.schema.version == 3
    with pytest.raises(Unreachable):
        await registry.events("orders")


async def test_without_a_bundle_nothing_changes() -> None:
    fake, _ = stocked()
    away(fake, httpx.Response(200, text="<html>"))
    with pytest.raises(UnexpectedAnswer):
        await client(fake, None).events("orders")


async def test_ids_count_in_their_context() -> None:
    fake = FakeRegistry()
    fake.add(":.dev:orders", V1)
    bundle = bundle_of(fake)
    away(fake)
    registry = client(fake, bundle)
    codec = await registry.events(":.dev:orders")
    assert (await codec.decode(codec.encode({"id": "A1"}).value)).data == {"id": "A1"}
    with pytest.raises(Unreachable):
        await registry.schema(1)
