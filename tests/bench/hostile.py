"""How long others wait while somebody hostile is at work, against a calm server: the same requests, paired slices.

The attacker sends a bounded number of requests a second from a process of its own: mutated tokens, wrong passwords,
patterns that explode, nested JSON, reference bombs, bodies past the limit, paths full of tricks, and bodies that stop.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import multiprocessing
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Event
from statistics import median

import httpx

from tests.bench.report import Row
from tests.bench.servers import Server, tenor_server

TOKEN = "0123456789abcdef0123456789abcdef"
A_SECOND = 40
PARTIAL = 20
"""Connections that begin a body and never finish it."""


def measure(*, smoke: bool) -> list[Row]:
    """The median and the 99th of a hundred reads and registrations, attacked and calm."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"authentication": "on", "admin_token": TOKEN}
        with tenor_server(f"sqlite:///{folder}/t.db", **settings) as tenor:
            calm, attacked = _paired(tenor, 2 if smoke else 9, 0.4 if smoke else 2.0)
    rows = []
    for name in calm:
        for what, quantile, target in (("median", 0.5, "<= 2"), ("99 of 100", 0.99, "")):
            before, after = _quantile(calm[name], quantile), _quantile(attacked[name], quantile)
            note = f"{before * 1000:.1f} ms calm, {after * 1000:.1f} ms attacked"
            rows.append(Row(f"{name}, {what}, attacked over calm", after / before, "x", target, note))
    return rows


Times = dict[str, list[float]]


def _paired(tenor: Server, pairs: int, seconds: float) -> tuple[Times, Times]:
    calm: Times = {}
    attacked: Times = {}
    address = f"http://127.0.0.1:{tenor.port}"
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        client.put("/config", json={"compatibility": "NONE"}).raise_for_status()
        client.post("/subjects/read/versions", json={"schema": '"int"'}).raise_for_status()
        numbers = itertools.count()
        _slice(client, seconds / 2, {}, numbers)
        for _ in range(pairs):
            _slice(client, seconds, calm, numbers)
            with _attack(tenor.port):
                time.sleep(0.2)
                _slice(client, seconds, attacked, numbers)
    return calm, attacked


def _slice(client: httpx.Client, seconds: float, times: Times, numbers: Iterator[int]) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        number = next(numbers)
        schema = {"schema": json.dumps({"type": "fixed", "name": f"F{number}", "size": 4})}
        for name, send in (
            ("hot read by id", partial(client.get, "/schemas/ids/1")),
            ("listing", partial(client.get, "/subjects", params={"subjectPrefix": "read"})),
            ("registration", partial(client.post, f"/subjects/own-{number}/versions", json=schema)),
        ):
            began = time.perf_counter()
            answer = send()
            times.setdefault(name, []).append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
        time.sleep(0.005)


@contextlib.contextmanager
def _attack(port: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_attacker, args=(port, stop), daemon=True)
    process.start()
    try:
        time.sleep(0.5)
        yield
    finally:
        stop.set()
        process.join(20)
        assert process.exitcode == 0, process.exitcode


def _attacker(port: int, stop: Event) -> None:
    """At most so many requests a second, for at most a minute."""
    chance = random.Random(7)
    held = [_half_a_body(port) for _ in range(PARTIAL)]
    began = time.monotonic()
    # Somebody who got in: the costly requests are those of a caller that may register.
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
        for number in itertools.count():
            if stop.is_set() or time.monotonic() - began > 60:
                break
            with contextlib.suppress(httpx.HTTPError):
                _hostile(client, chance, number)
            time.sleep(max(0.0, began + (number + 1) / A_SECOND - time.monotonic()))
    for each in held:
        each.close()


def _hostile(client: httpx.Client, chance: random.Random, number: int) -> None:
    good = {"Authorization": f"Bearer {TOKEN}"}
    match number % 8:
        case 0 | 1:
            at = chance.randrange(len(TOKEN))
            client.get("/subjects", headers={"Authorization": f"Bearer {TOKEN[:at]}x{TOKEN[at + 1 :]}"})
        case 2:
            wrong = base64.b64encode(f"somebody:{number}".encode()).decode()
            client.get("/subjects", headers={"Authorization": f"Basic {wrong}"})
        case 3:
            pattern = {"type": "string", "pattern": "^(a|aa)+$", "default": "a" * 40 + "!"}
            body = {"schemaType": "JSON", "schema": json.dumps(pattern)}
            client.post(f"/subjects/evil-{number}/versions", json=body, headers=good)
        case 4:
            body = {"schema": "[" * 5_000 + "]" * 5_000}
            client.post(f"/subjects/evil-{number}/versions", json=body, headers=good)
        case 5:
            client.post("/subjects/evil/versions", content=b"x" * 11_000_000, headers=good)
        case 6:
            client.get("/subjects/%2e%2e%2f%252e%252e%252fapi/v1/tokens", headers={"X-Forwarded-For": "127.0.0.1"})
        case _:
            client.post(
                "/subjects/evil/versions", json={"schemaType": "PROTOBUF", "schema": "message {" * 500}, headers=good
            )


def _half_a_body(port: int) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=5)
    head = f"POST /subjects/slow/versions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    opened.sendall(f"{head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{".encode())
    return opened


def _quantile(times: list[float], quantile: float) -> float:
    return median(times) if quantile == 0.5 else sorted(times)[int(len(times) * quantile)]
