"""Tenor's client: bodies of every format, plain and sealed, over bare libraries, and confluent-kafka's over them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import httpx

import tenor
from tests.bench.report import Row

_FILE = Path(__file__).resolve().parents[2] / "clients" / "python" / "bench.py"


def measure(*, smoke: bool) -> list[Row]:
    """The rows of clients/python/bench.py."""
    bench = _loaded()
    fake = bench.FakeKeys()
    http = httpx.Client(transport=httpx.MockTransport(fake))
    keys = tenor.Keys(kms={"local-kms": {"secret": "s"}})
    registry = tenor.Registry("http://registry.test", http=http, keys=keys)
    slices, number = (1, 50) if smoke else (11, 3000)
    return [
        Row(name, bench.ratio(work, floor, slices, number), "x", target if target[:2] in (">=", "<=") else "")
        for part in (bench.avro, bench.json_schema, bench.protobuf, bench.sealing)
        for name, work, floor, target in part(fake, registry)
    ]


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("tenor_client_bench", _FILE)
    assert spec is not None  # it is a file
    assert spec.loader is not None  # of Python
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
