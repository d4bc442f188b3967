"""Counters for `/metrics`: requests by route template, never by URL. Plain integers, collected when asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Route:
    """What is known about one (route, method, status)."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0


class Metrics(Collector):
    """The counters of one process. Only the event loop's thread counts, so that no lock is needed."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str, int], _Route] = {}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def count(self, template: str, method: str, status: int, seconds: float) -> None:
        """One answered request."""
        key = (template, method, status)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = _Route()
        route.buckets[bisect_left(_BOUNDS, seconds)] += 1
        route.seconds += seconds

    def gauge(self, name: str, doc: str, value: Callable[[], float]) -> None:
        """A number that is read when the metrics are."""
        self._gauges[name] = (doc, value)

    def collect(self) -> Iterable[Metric]:
        """What Prometheus scrapes."""
        requests = CounterMetricFamily("tenor_requests", "Answered requests.", labels=["route", "method", "status"])
        duration = HistogramMetricFamily("tenor_request_seconds", "Time to answer.", labels=["route", "method"])
        by_route: dict[tuple[str, str], _Route] = {}
        for (template, method, status), route in list(self._routes.items()):
            requests.add_metric([template, method, str(status)], sum(route.buckets))
            whole = by_route.setdefault((template, method), _Route())
            whole.buckets = [a + b for a, b in zip(whole.buckets, route.buckets, strict=True)]
            whole.seconds += route.seconds
        for labels, route in by_route.items():
            cumulative, rows = 0, []
            for bound, number in zip([*map(str, _BOUNDS), "+Inf"], route.buckets, strict=True):
                cumulative += number
                rows.append((bound, cumulative))
            duration.add_metric(list(labels), rows, sum_value=route.seconds)
        yield requests
        yield duration
        for name, (doc, value) in self._gauges.items():
            yield GaugeMetricFamily(name, doc, value=value())

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
