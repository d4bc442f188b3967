"""Registering new schemas, whole requests with parsing and checking, against the bare statements of the database."""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from tests.bench import load
from tests.bench.report import Row, paired
from tests.bench.servers import Server, tenor_server
from tests.postgres import Server as PostgreSQL
from tests.postgres import durable_server

_SERIAL = itertools.count()


def _schema(number: int) -> str:
    fields = [{"name": f"f{n}", "type": "string"} for n in range(8)]
    return json.dumps({"type": "record", "name": f"New{number}", "fields": fields})


def _requests() -> Iterator[bytes]:
    """Each schema new, over 500 subjects that check nothing of each other (names differ: level NONE)."""
    for number in _SERIAL:
        body = json.dumps({"schema": _schema(number)}).encode()
        yield load.post(f"/subjects/new-{number}-value/versions", body)


def _throughput(server: Server, writers: int, seconds: float, worst: list[float]) -> Callable[[], float]:
    """Seconds a registration, by throughput; notes the 99th percentile in ms."""

    def measure() -> float:
        tally = load.run(server.port, _requests(), connections=writers, seconds=seconds)
        if tally.failures or not tally.answers:
            raise RuntimeError(f"{tally.failures} of {tally.answers} registrations failed")
        worst.append(tally.percentile(0.99))
        return tally.seconds / tally.answers

    return measure


def _raw_sqlite(path: Path, seconds: float) -> Callable[[], float]:
    """Seconds a registration for raw sqlite3: select by fingerprint, insert schema, insert version; one commit each."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        """PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
        CREATE TABLE schema_ (id INTEGER PRIMARY KEY, fingerprint BLOB UNIQUE, text TEXT);
        CREATE TABLE version (subject TEXT, version INTEGER, schema_id INTEGER, PRIMARY KEY (subject, version));"""
    )

    def measure() -> float:
        started_at, count = time.perf_counter(), 0
        while time.perf_counter() - started_at < seconds:
            text = _schema(next(_SERIAL))
            fingerprint = hashlib.sha256(text.encode()).digest()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SELECT id FROM schema_ WHERE fingerprint = ?", (fingerprint,)).fetchone()
            id = connection.execute(
                "INSERT INTO schema_ (fingerprint, text) VALUES (?, ?)", (fingerprint, text)
            ).lastrowid
            connection.execute("INSERT INTO version VALUES (?, 1, ?)", (f"s{id}", id))
            connection.execute("COMMIT")
            count += 1
        return (time.perf_counter() - started_at) / count

    return measure


_CALL = """
CREATE TABLE raw_schema (id serial PRIMARY KEY, fingerprint bytea UNIQUE, text text);
CREATE TABLE raw_version (subject text, version int, schema_id int, PRIMARY KEY (subject, version));
CREATE FUNCTION raw_register(s text, f bytea, t text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE found int;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(s));
  SELECT id INTO found FROM raw_schema WHERE fingerprint = f;
  IF found IS NULL THEN INSERT INTO raw_schema (fingerprint, text) VALUES (f, t) RETURNING id INTO found; END IF;
  INSERT INTO raw_version VALUES (s, 1, found);
  RETURN found;
END $$;
"""


def _raw_postgresql(url: str, writers: int, seconds: float) -> Callable[[], float]:
    """Seconds a registration for one prepared call of a function, as many connections as writers."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CALL)
    connections = [psycopg.connect(url, autocommit=True, prepare_threshold=0) for _ in range(writers)]

    def measure() -> float:
        counts = [0] * writers
        until = time.perf_counter() + seconds

        def write(writer: int) -> None:
            while time.perf_counter() < until:
                text = _schema(next(_SERIAL))
                fingerprint = hashlib.sha256(text.encode()).digest()
                connections[writer].execute(
                    "SELECT raw_register(%s, %s, %s)", (f"s{fingerprint.hex()}", fingerprint, text)
                )
                counts[writer] += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - began) / sum(counts)

    return measure


def _sqlite(*, smoke: bool) -> list[Row]:
    pairs, seconds = (1, 0.3) if smoke else (7, 2.0)
    rows = []
    with tempfile.TemporaryDirectory() as folder, tenor_server(f"sqlite:///{folder}/t.db") as tenor:
        raw = _raw_sqlite(Path(folder) / "raw.db", seconds)
        for writers in (1, 32):
            worst: list[float] = []
            ratio = paired(pairs, raw, _throughput(tenor, writers, seconds, worst))
            target = ">= 0.3" if writers == 32 else ""
            rows.append(Row(f"registering, {writers} writers, SQLite", ratio, "of raw sqlite3 (WAL, FULL)", target))
            if writers == 32:
                rows.append(Row("  99th percentile", max(worst), "ms", "<= 100"))
    return rows


def _postgresql(server: PostgreSQL, *, smoke: bool) -> list[Row]:
    pairs, seconds = (1, 0.3) if smoke else (7, 2.0)
    rows = []
    with server.database() as url, tenor_server(url) as tenor:
        for writers in (1, 32):
            worst: list[float] = []
            with server.database() as raw_url:
                raw = _raw_postgresql(raw_url, writers, seconds)
                ratio = paired(pairs, raw, _throughput(tenor, writers, seconds, worst))
            target = ">= 0.30" if writers == 32 else ""
            rows.append(Row(f"registering, {writers} writers, PostgreSQL", ratio, "of one prepared call", target))
            if writers == 32:
                rows.append(Row("  99th percentile", max(worst), "ms", "<= 100"))
    return rows


def measure(*, smoke: bool) -> list[Row]:
    """Both engines. The load runs on another core than the server."""
    return [*_sqlite(smoke=smoke), *_postgresql(durable_server(), smoke=smoke)]
