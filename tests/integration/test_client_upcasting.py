"""Old events read as the version this code was written for, through the plans of a real registry."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import tenor
from registry.store.engine import Store
from tenor import CustomStepRefused, Upcasting, UpcastMissing
from tenor.consuming import Stage, judged
from tenor.plans.custom import Customs, checked

Json = dict[str, Any]
URL = "http://tenor"


def record(*fields: Json) -> str:
    return json.dumps({"type": "record", "name": "Order", "fields": list(fields)})


ID: Json = {"name": "id", "type": "int"}
V1 = record(ID, {"name": "total", "type": "int"})
V2 = record(ID, {"name": "amount", "type": "long"})
V3 = record(ID, {"name": "amount", "type": "long"}, {"name": "country", "type": "string", "default": "CH"})


class Counting(httpx.BaseTransport):
    """Passes requests on and counts them."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner, self.asked = inner, list[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        return self.inner.handle_request(request)


@pytest.fixture
def registry(registry_client: httpx.Client) -> tenor.Registry:
    """A registry with three versions of a subject, the first two joined by a confirmed rename."""
    registry_client.put("/config/orders", json={"compatibility": "NONE"})
    for text in (V1, V2, V3):
        registry_client.post("/subjects/orders/versions", json={"schema": text})
    return tenor.Registry(URL, http=registry_client, negative_ttl=0.0)


def prove(client: httpx.Client) -> None:
    upcasts = "/api/v1/subjects/orders/upcasts"
    for old in (1, 2):
        derived = client.post(f"{upcasts}/derive", json={"old": old, "new": old + 1}).json()
        decisions = {step["path"]: "yes" for step in derived["open"]}
        stored = client.put(f"{upcasts}/{old}..{old + 1}", json={"decisions": decisions, "examples": 50})
        assert stored.status_code == 200, stored.text


def old_event(registry: tenor.Registry, version: int, event: Json) -> bytes:
    value = registry.events("orders", version=version, metadata=False).encode(event).value
    assert value is not None
    return value


def test_an_old_event_is_read_as_todays(registry: tenor.Registry, registry_client: httpx.Client) -> None:
    prove(registry_client)
    values = [old_event(registry, 1, {"id": 1, "total": 5}), old_event(registry, 2, {"id": 1, "amount": 5})]
    transport = Counting(registry_client._transport)
    with httpx.Client(base_url=URL, transport=transport) as http, tenor.Registry(URL, http=http) as fresh:
        orders = fresh.events("orders", version=3, upcast=Upcasting())
        asked = len(transport.asked)
        for _ in range(3):
            for value in values:
                assert orders.decode(value).data == {"id": 1, "amount": 5, "country": "CH"}
        new = transport.asked[asked:]
        # A writer's schema and its plan, once each; then nobody is asked.
        assert sorted(path.rsplit("/", 1)[-1] for path in new) == ["1", "2", "upcasts", "upcasts"]
        mine = orders.encode({"id": 2, "amount": 6, "country": "DE"})
        assert orders.decode(mine.value).data == {"id": 2, "amount": 6, "country": "DE"}


def test_events_of_a_newer_version_are_read_as_the_named_schema(
    registry: tenor.Registry, registry_client: httpx.Client
) -> None:
    prove(registry_client)
    newer = old_event(registry, 3, {"id": 1, "amount": 5, "country": "DE"})
    orders = registry.events("orders", version=2, upcast=Upcasting())
    assert orders.decode(newer).data == {"id": 1, "amount": 5}


def test_a_gap_is_a_typed_error_that_names_it(registry: tenor.Registry) -> None:
    value = old_event(registry, 1, {"id": 1, "total": 5})
    orders = registry.events("orders", version=3, upcast=Upcasting())
    with pytest.raises(UpcastMissing, match="from version 1 to version 3") as caught:
        orders.decode(value)
    assert caught.value.kind == "UPCAST_TODO"


def test_a_plan_that_nobody_proved_is_not_run_unasked(
    registry: tenor.Registry, registry_client: httpx.Client, registry_store: Store
) -> None:
    prove(registry_client)
    registry_store.write_now(lambda db: db.run("UPDATE upcast SET proven = 0"))
    value = old_event(registry, 1, {"id": 1, "total": 5})
    with pytest.raises(UpcastMissing, match="not proven"):
        registry.events("orders", version=3, upcast=Upcasting()).decode(value)
    orders = registry.events("orders", version=3, upcast=Upcasting(unproven=True))
    assert orders.decode(value).data == {"id": 1, "amount": 5, "country": "CH"}


SOURCE = "def doubled(total):\n    return total * 2\n"


def doubled(total: int) -> int:
    return total * 2


def test_a_hand_written_step_is_found_here_or_refused(registry: tenor.Registry, registry_client: httpx.Client) -> None:
    prove(registry_client)
    upcasts = "/api/v1/subjects/orders/upcasts"
    plan = registry_client.get(upcasts, params={"from": 1, "to": 2}).json()["plan"]
    name = f"{__name__}:doubled"
    pinned = checked(SOURCE).sha256
    text = json.dumps(plan)
    take = '{"kind": "take", "path": ["total"]}'
    assert take in text, text
    custom = {"kind": "custom", "function": name, "sha256": pinned, "inputs": [json.loads(take)]}
    stored = registry_client.put(f"{upcasts}/1..2", json={"plan": json.loads(text.replace(take, json.dumps(custom)))})
    assert stored.status_code == 200, stored.text
    assert stored.json()["proven"] is False  # the server runs nobody's code
    value = old_event(registry, 1, {"id": 1, "total": 5})
    known = Upcasting(Customs(functions={name: doubled}), unproven=True)
    assert registry.events("orders", version=2, upcast=known).decode(value).data == {"id": 1, "amount": 10}
    with pytest.raises(CustomStepRefused):
        registry.events("orders", version=2, upcast=Upcasting(unproven=True)).decode(value)
    other = Upcasting(Customs(functions={name: lambda total: total * 3}), unproven=True)
    with pytest.raises(CustomStepRefused):
        registry.events("orders", version=2, upcast=other).decode(value)


def test_upcast_events_are_counted(registry: tenor.Registry, registry_client: httpx.Client) -> None:
    prove(registry_client)
    values = [old_event(registry, 1, {"id": 1, "total": 5}), old_event(registry, 2, {"id": 1, "amount": 5})]
    reader = InMemoryMetricReader()
    observer = tenor.Observer(meter_provider=MeterProvider([reader]))
    orders = tenor.Registry(URL, http=registry_client, observer=observer).events(
        "orders", version=2, upcast=Upcasting()
    )
    for value in [*values, values[0]]:
        assert orders.decode(value).data == {"id": 1, "amount": 5}
    data: Any = reader.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    counted = {metric.name: metric.data.data_points[0].value for metric in metrics}
    assert (counted["tenor.events.upcast"], counted["tenor.events.read"]) == (2, 3)


def test_a_registry_that_has_no_plans_at_all_is_no_events_fault(
    registry_client: httpx.Client, registry: tenor.Registry
) -> None:
    value = old_event(registry, 1, {"id": 1, "total": 5})

    class Stock(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.startswith("/api/"):
                return httpx.Response(404, json={"error_code": 404, "message": "HTTP 404 Not Found"})
            return registry_client._transport.handle_request(request)

    with httpx.Client(base_url=URL, transport=Stock()) as http, tenor.Registry(URL, http=http) as stock:
        orders = stock.events("orders", version=3, upcast=Upcasting())
        with pytest.raises(tenor.NotFound) as caught:
            orders.decode(value)
    assert judged(caught.value, Stage.DECODE).held  # waited for, not put into the quarantine


def test_what_cannot_be_upcast_is_refused_at_once(registry: tenor.Registry) -> None:
    with pytest.raises(ValueError, match="a schema that is named"):
        registry.events("orders", upcast=Upcasting())


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"format": "AVRO", "root": {"kind": "bomb"}},
        [],
        "x",
        {"format": "AVRO", "root": {"kind": "todo", "reason": "?"}},
    ],
    ids=str,
)
def test_a_lying_registry_gets_a_typed_refusal(
    registry_client: httpx.Client, registry: tenor.Registry, plan: Any
) -> None:
    value = old_event(registry, 1, {"id": 1, "total": 5})

    class Lying(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/upcasts"):
                return httpx.Response(200, json={"subject": "orders", "old": 1, "new": 3, "plan": plan, "proven": True})
            return registry_client._transport.handle_request(request)

    with httpx.Client(base_url=URL, transport=Lying()) as http, tenor.Registry(URL, http=http) as lied_to:
        orders = lied_to.events("orders", version=3, upcast=Upcasting())
        with pytest.raises(tenor.TenorError):
            orders.decode(value)
