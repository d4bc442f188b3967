"""Requests are counted by route, and added up over the processes of a server."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from registry.metrics import Metrics


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Samples of one name by their labels' values."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 404):
        metrics.count("/subjects/{subject}", "GET", status, 0.003)
    assert samples(metrics, "tenor_requests_total") == {
        ("GET", "/subjects/{subject}", "200"): 2,
        ("GET", "/subjects/{subject}", "404"): 1,
    }
    assert samples(metrics, "tenor_request_seconds_count") == {("GET", "/subjects/{subject}"): 3}
    assert samples(metrics, "tenor_request_seconds_bucket")["0.005", "GET", "/subjects/{subject}"] == 3
    metrics.gauge("tenor_things", "Things.", lambda: 4)
    assert samples(metrics, "tenor_things") == {(): 4}
    metrics.publish()  # alone there is nobody to tell


def test_any_process_tells_the_counters_of_all(tmp_path: Path) -> None:
    one, two = Metrics(tmp_path), Metrics(tmp_path)
    for _ in range(3):
        one.count("/a", "GET", 200, 0.1)
    two.count("/a", "GET", 200, 0.3)
    two.count("/b", "POST", 409, 0.3)
    assert samples(one, "tenor_requests_total") == {("GET", "/a", "200"): 3}  # nothing is published yet
    for metrics in (one, two, two):
        metrics.publish()
    for metrics in (one, two):
        assert samples(metrics, "tenor_requests_total") == {("GET", "/a", "200"): 4, ("POST", "/b", "409"): 1}
        assert samples(metrics, "tenor_request_seconds_count") == {("GET", "/a"): 4, ("POST", "/b"): 1}
        assert samples(metrics, "tenor_request_seconds_sum")["GET", "/a"] == 0.6000000000000001
    # One that ended is replaced; what it counted stays counted.
    three = Metrics(tmp_path)
    three.count("/a", "GET", 200, 0.1)
    assert samples(three, "tenor_requests_total")["GET", "/a", "200"] == 5
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json"]
