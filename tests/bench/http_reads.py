"""What every client asks, against a bare ASGI app on the same server, by server CPU a request."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from registry.store.engine import open_store
from registry.store.migrations import migrate
from tests.bench import load
from tests.bench.filled import VERSIONS_A_SUBJECT, fill, numbers, subject, text
from tests.bench.report import Row, paired
from tests.bench.servers import Server, bare_server, tenor_server

_JSON = "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json"
PYTHON = f"accept: {_JSON}\r\nuser-agent: python-httpx\r\n"
JAVA = (
    "content-type: application/vnd.schemaregistry.v1+json\r\n"
    "accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n"
    "confluent-accept-unknown-properties: true\r\nuser-agent: Java\r\n"
)
NODE = f"accept: {_JSON}\r\nuser-agent: axios\r\n"


def _body(number: int) -> bytes:
    return json.dumps({"schema": text(number)}).encode()


def shapes(count: int, size: int) -> dict[str, tuple[list[bytes], str, str]]:
    """Requests by what they ask: (requests, target when the answer is ready, target when it is not)."""
    wanted = list(numbers(count, size))

    def each(make: Callable[[int], bytes]) -> list[bytes]:
        return [make(number) for number in wanted]

    return {
        "by id": (each(lambda n: load.get(f"/schemas/ids/{n + 1}")), ">= 0.85", ">= 0.25"),
        "by id, as Java asks": (
            each(lambda n: load.get(f"/schemas/ids/{n + 1}?fetchMaxId=false&subject={subject(n)}", JAVA)),
            ">= 0.75",
            ">= 0.25",
        ),
        "by id, as Python asks": (
            each(lambda n: load.get(f"/schemas/ids/{n + 1}?subject={subject(n)}&format=", PYTHON)),
            ">= 0.75",
            ">= 0.25",
        ),
        "by id, as Node asks": (
            each(lambda n: load.get(f"/schemas/ids/{n + 1}?subject={subject(n)}", NODE)),
            ">= 0.75",
            ">= 0.25",
        ),
        "versions/latest": (
            each(lambda n: load.get(f"/subjects/{subject(n)}/versions/latest")),
            ">= 0.35",
            "",
        ),
        "look-up of what is there": (each(lambda n: load.post(f"/subjects/{subject(n)}", _body(n))), ">= 0.30", ""),
        "registering what is there": (
            each(lambda n: load.post(f"/subjects/{subject(n)}/versions", _body(n))),
            ">= 0.30",
            "",
        ),
    }


def cpu(server: Server, requests: list[bytes], seconds: float) -> Callable[[], float]:
    """Seconds of server CPU a request, over one slice."""

    def measure() -> float:
        before = server.cpu_seconds()
        tally = load.run(server.port, load.endless(requests), seconds=seconds)
        if tally.failures or not tally.answers:
            raise RuntimeError(f"{tally.failures} of {tally.answers} answers failed")
        return (server.cpu_seconds() - before) / tally.answers

    return measure


def measure(*, smoke: bool) -> list[Row]:
    """Ready answers over 20,000 random ids; then the same with no memory for ready answers."""
    count, size = (500, 1000) if smoke else (20_000, 20_000)
    pairs, seconds = (1, 0.2) if smoke else (7, 1.0)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        store = open_store(url)
        migrate(store)
        fill(store, 0, size)
        store.close()
        wanted = shapes(count, size)
        floor_requests = wanted["by id"][0]
        with bare_server() as bare, tenor_server(url, hot_cache=256_000_000) as tenor:
            for what, (requests, target, _) in wanted.items():
                for _ in range(2):  # twice: a look-up is ready only once its schema was parsed
                    load.run(tenor.port, iter(requests), seconds=60)
                ratio = paired(pairs, cpu(bare, floor_requests, seconds), cpu(tenor, requests, seconds))
                rows.append(Row(f"ready: {what}", ratio, "of bare ASGI", target))
        with bare_server() as bare, tenor_server(url, hot_cache=0) as tenor:
            for what, (requests, _, target) in wanted.items():
                load.run(tenor.port, iter(requests[:2000]), seconds=60)
                ratio = paired(pairs, cpu(bare, floor_requests, seconds), cpu(tenor, requests, seconds))
                rows.append(Row(f"asked of the database: {what}", ratio, "of bare ASGI", target))
    assert size % VERSIONS_A_SUBJECT == 0
    return rows
