"""Two replicas on PostgreSQL under writers and readers, while replicas are killed, cut off and the database restarts.

Nothing acknowledged is lost or doubled, no replica answers with a latest version that was another's a second ago,
whoever is turned away is told 503 with Retry-After, and everything comes back without a hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.conftest import SERVER
from tests.postgres import Restartable, free_port, restartable_server

WRITERS, READERS = 32, 64
FRESH = 1.0
"""Seconds after which an acknowledged write must be what everybody sees."""
RECOVERY = 20.0


@dataclass
class Replica:
    """One server process on a port of its own."""

    url: str
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TENOR_")}
        with (self.folder / f"{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SERVER, "serve", "--port", str(self.port), "--database-url", self.url],
                env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


class Wire:
    """The connection of one replica to the database, which can be cut: bytes stop, nobody is told."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.open = asyncio.Event()
        self.open.set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.open.wait()
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.close()
            return
        for pair in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(*pair))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@dataclass
class Seen:
    """What clients were told, and what they object to."""

    acknowledged: dict[str, list[tuple[float, int, int]]] = field(default_factory=dict)
    """subject -> (when it was acknowledged, version, id)"""
    objections: list[str] = field(default_factory=list)
    reads: int = 0
    turned_away: int = 0
    dropped: int = 0

    def judge(self, answer: httpx.Response) -> bool:
        """Whether this is a real answer; a refusal must be a 503 that says when to come again."""
        if answer.status_code == 200:
            return True
        if answer.status_code == 503 and "retry-after" in answer.headers:
            self.turned_away += 1
        else:
            self.objections.append(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
        return False

    def must_be(self, subject: str, moment: float) -> int:
        """The version that everybody must see at a moment."""
        return max((version for at, version, _ in self.acknowledged[subject] if at <= moment - FRESH), default=0)


async def write(
    seen: Seen, client: httpx.AsyncClient, replicas: list[Replica], writer: int, stop: asyncio.Event
) -> None:
    """Register one version after the other; an unclear end is looked up before going on."""
    subject, number = f"chaos-{writer}", 0
    seen.acknowledged[subject] = []
    while not stop.is_set():
        number += 1
        schema = json.dumps({"type": "fixed", "name": f"F{writer}", "size": number})
        body = {"schema": schema}
        while not stop.is_set():
            replica = random.choice(replicas)
            try:
                answer = await client.post(f"{replica.address}/subjects/{subject}/versions", json=body)
            except httpx.TransportError:
                seen.dropped += 1
                await asyncio.sleep(0.1)
                continue  # registering again is the same version if it was there already
            if seen.judge(answer):
                told = answer.json()
                seen.acknowledged[subject].append((time.monotonic(), told["version"], told["id"]))
                if told["version"] != number:
                    seen.objections.append(f"{subject}: version {told['version']} is told for the {number}th")
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.02)


async def read(seen: Seen, client: httpx.AsyncClient, replicas: list[Replica], stop: asyncio.Event) -> None:
    """Ask any replica for the latest version of any subject."""
    while not stop.is_set():
        subject = f"chaos-{random.randrange(WRITERS)}"
        replica = random.choice(replicas)
        wanted = seen.must_be(subject, time.monotonic()) if subject in seen.acknowledged else 0
        if wanted:
            try:
                answer = await client.get(f"{replica.address}/subjects/{subject}/versions/latest")
            except httpx.TransportError:
                seen.dropped += 1
            else:
                seen.reads += 1
                if seen.judge(answer) and answer.json()["version"] < wanted:
                    seen.objections.append(f"{subject}: {answer.json()['version']} is latest, {wanted} was before")
        await asyncio.sleep(0.05)


async def ready(client: httpx.AsyncClient, replica: Replica, seconds: float = RECOVERY) -> None:
    """Wait until a replica is there again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if (await client.get(f"{replica.address}/health/ready")).status_code == 200:
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{replica.address} did not come back within {seconds} s")


@contextlib.asynccontextmanager
async def two_replicas(
    server: Restartable, folder: Path
) -> AsyncIterator[tuple[list[Replica], Wire, httpx.AsyncClient]]:
    """Two replicas, the second behind a wire that can be cut."""
    parts = urlsplit(server.url)
    assert parts.hostname
    assert parts.port
    wire = Wire(parts.hostname, parts.port)
    proxy = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    replicas = [Replica(server.url, folder), Replica(server.url.replace(f":{parts.port}/", f":{port}/"), folder)]
    limits = httpx.Limits(max_connections=2 * (WRITERS + READERS), max_keepalive_connections=WRITERS + READERS)
    async with proxy, httpx.AsyncClient(timeout=60, trust_env=False, limits=limits) as client:
        try:
            for replica in replicas:
                replica.start()
            for replica in replicas:
                await ready(client, replica)
            yield replicas, wire, client
        finally:
            wire.open.set()
            await asyncio.gather(*(asyncio.to_thread(replica.stop) for replica in replicas))
            for task in wire.tasks:
                task.cancel()


async def disturbed(server: Restartable, folder: Path, seconds: float) -> Seen:
    """What clients see within so many seconds, while one thing after the other happens."""
    seen, stop = Seen(), asyncio.Event()
    async with two_replicas(server, folder) as (replicas, wire, client):

        async def killed(replica: Replica) -> None:
            await asyncio.to_thread(replica.kill)
            await asyncio.sleep(seconds / 30)
            replica.start()
            await ready(client, replica)

        async def database() -> None:
            await asyncio.to_thread(server.restart)
            for replica in replicas:
                await ready(client, replica)

        async def cut_off() -> None:
            wire.open.clear()
            await asyncio.sleep(seconds / 10)
            wire.open.set()
            await ready(client, replicas[1])

        disturbances: list[Callable[[], Awaitable[None]]] = [
            lambda: killed(replicas[0]), database, lambda: killed(replicas[1]), cut_off,
        ]  # fmt: skip
        await client.put(f"{replicas[0].address}/config", json={"compatibility": "NONE"})
        crowd = [asyncio.create_task(write(seen, client, replicas, number, stop)) for number in range(WRITERS)]
        crowd += [asyncio.create_task(read(seen, client, replicas, stop)) for _ in range(READERS)]
        try:
            for disturbance in disturbances:
                await asyncio.sleep(seconds / 10)
                await disturbance()
            await asyncio.sleep(seconds / 10)
        finally:
            stop.set()
            await asyncio.gather(*crowd)
        await everything_is_there(seen, client, replicas)
    return seen


async def everything_is_there(seen: Seen, client: httpx.AsyncClient, replicas: list[Replica]) -> None:
    """Every acknowledged version under its id, the same from both replicas, none twice."""
    ids: dict[int, str] = {}
    for subject, told in seen.acknowledged.items():
        for replica in replicas:
            versions = (await client.get(f"{replica.address}/subjects/{subject}/versions")).json()
            assert versions == list(range(1, len(versions) + 1))
            assert {version for _, version, _ in told} <= set(versions)
        for _, version, id in told:
            assert ids.setdefault(id, f"{subject} {version}") == f"{subject} {version}"
        if told:
            _, version, id = told[-1]
            assert (await client.get(f"{replica.address}/subjects/{subject}/versions/{version}")).json()["id"] == id


@pytest.mark.timeout(240)
def test_two_replicas_under_chaos(tmp_path: Path, full: bool) -> None:
    server = restartable_server()
    seen = asyncio.run(disturbed(server, tmp_path, 60.0 if full else 12.0))
    writes = sum(map(len, seen.acknowledged.values()))
    print(f"{writes} writes, {seen.reads} reads, {seen.turned_away} turned away, {seen.dropped} connections dropped")
    assert not seen.objections[:10]
    assert writes > 10 * WRITERS
    assert seen.reads > 10 * READERS
    assert seen.dropped
    doctor = subprocess.run(
        [SERVER, "doctor", "--database-url", server.url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (doctor.returncode, doctor.stdout) == (0, "")
