"""Counters for `/metrics`: requests by route template, never by URL. Plain integers, collected when asked for.

A scrape reaches one worker process of several. Each publishes its counters in a folder that their parent made, a file a
process, twice a second; the one that is asked adds up the files of all, those of ended ones too: counters only rise.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import msgspec
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

    def add(self, buckets: Iterable[int], seconds: float) -> None:
        self.buckets = [a + b for a, b in zip(self.buckets, buckets, strict=True)]
        self.seconds += seconds


Key = tuple[str, str, int]
_Row = tuple[str, str, int, list[int], float]
_ROWS = msgspec.json.Decoder(list[_Row])


class Counts(Protocol):
    """Who is told of every answered request."""

    def count(self, template: str, method: str, status: int, seconds: float) -> None:
        """One answered request."""
        ...


class Metrics(Collector):
    """The counters of one process. Only the event loop's thread counts, so that no lock is needed.

    `folder` is where the worker processes of one server publish theirs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._name = f"{uuid4().hex}.json"
        self._published = b""
        self._routes: dict[Key, _Route] = {}
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

    def publish(self) -> None:
        """Let the other processes see this one's counters."""
        if self._folder is None:
            return
        rows = [(*key, route.buckets, route.seconds) for key, route in self._routes.items()]
        text = msgspec.json.encode(rows)
        if text != self._published:
            fresh = self._folder / f"{self._name}.new"
            fresh.write_bytes(text)
            os.replace(fresh, self._folder / self._name)  # whoever reads meanwhile reads the old one whole
            self._published = text

    def _everybody(self) -> dict[Key, _Route]:
        """The counters of this process and of the others."""
        if self._folder is None:
            return self._routes
        whole: dict[Key, _Route] = {}
        for key, route in self._routes.items():
            whole.setdefault(key, _Route()).add(route.buckets, route.seconds)
        for path in self._folder.glob("*.json"):
            if path.name != self._name:
                for template, method, status, buckets, seconds in _ROWS.decode(path.read_bytes()):
                    whole.setdefault((template, method, status), _Route()).add(buckets, seconds)
        return whole

    def gauge(self, name: str, doc: str, value: Callable[[], float]) -> None:
        """A number that is read when the metrics are."""
        self._gauges[name] = (doc, value)

    def collect(self) -> Iterable[Metric]:
        """What Prometheus scrapes."""
        requests = CounterMetricFamily("tenor_requests", "Answered requests.", labels=["route", "method", "status"])
        duration = HistogramMetricFamily("tenor_request_seconds", "Time to answer.", labels=["route", "method"])
        by_route: dict[tuple[str, str], _Route] = {}
        for (template, method, status), route in self._everybody().items():
            requests.add_metric([template, method, str(status)], sum(route.buckets))
            by_route.setdefault((template, method), _Route()).add(route.buckets, route.seconds)
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
