"""Whom does a change hurt, with many consumers: what it costs follows what is deployed, not what ever was.

200 consumers in 4 environments, in another version in each, 40 needs each; then a type that 1,000 subjects refer to, a
tenth of which somebody reads. The floor is the same question with a tenth of the history. CPU of this process counts:
on PostgreSQL the server's own comes on top.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from tempfile import TemporaryDirectory

from contracts import kept
from contracts.blast_radius import BlastRadius
from contracts.impact import Verdict
from contracts.needs import Contract, Evidence, Need, When
from contracts.options import Options
from contracts.queries import environments
from contracts.queries import needs as queries
from registry.events import Actor
from registry.formats.base import Reference
from registry.names import Subject
from registry.policy import Config
from registry.registration import Proposal, Registration, candidate, commit, decide
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from tests.bench.report import Row
from tests.postgres import durable_server

CONSUMERS, NEEDS, FIELDS = 200, 40, 80
PLACES = ("dev", "qa", "staging", "prod")
REFERRERS, READ = 1000, 100
ORDERS, ADDRESS = Subject(".", "orders-value"), Subject(".", "address")


def schema(*, gone: int | None = None) -> str:
    """Many fields of several types; one may be gone."""
    kinds = ("string", "double", "long", "boolean", {"type": "array", "items": "string"})
    fields = [{"name": f"f{number}", "type": kinds[number % 5]} for number in range(FIELDS) if number != gone]
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


def needs_of(consumer: int, version: int) -> Contract:
    """40 of the fields; versions differ in one of them."""
    kinds = ("string", "number", "integer", "boolean", "array")
    numbers = [(consumer + step) % FIELDS for step in range(NEEDS - 1)] + [(consumer + NEEDS + version) % FIELDS]
    when = {"absent": When.FAILS}
    found = [Need(f"/f{each}", types=frozenset({kinds[each % 5]}), when=when) for each in sorted(set(numbers))]
    return Contract(tuple(found), Evidence.RECORDED)


def fill(store: Store, history: int) -> None:
    """The consumers with this many versions each, the last four of which are deployed, one a place."""
    store.write_now(lambda db: register(db, ORDERS, schema()))
    store.write_now(lambda db: _consumers(db, history))
    if store.dialect == "postgresql":
        store.write_now(lambda db: db.run("ANALYZE"))


def register(db: Db, subject: Subject, text: str, references: tuple[Reference, ...] = ()) -> None:
    """Register a schema as a client would."""
    decision = decide(db, Registration(subject, text, references=references), Config())
    assert isinstance(decision, Proposal)
    commit(db, decision, Actor())


def _consumers(db: Db, history: int) -> None:
    places: list[int] = []
    for name in PLACES:
        environments.put_environment(db, f"uuid-{name}", name, name, name == "prod", "[]", 0)
        place = environments.environment_named(db, name)
        assert place is not None
        places.append(place.pk)
    db.many(
        "INSERT INTO application (pk, name, last_position, created_at, updated_at) VALUES (:pk, :name, 0, 0, 0)",
        [{"pk": number + 1, "name": f"consumer-{number}"} for number in range(CONSUMERS)],
    )
    for consumer in range(CONSUMERS):
        first = consumer * history + 1
        db.many(
            """INSERT INTO application_version (pk, application_pk, number, position, created_at, updated_at)
            VALUES (:pk, :application, :number, :position, 0, 0)""",
            [
                {"pk": first + each, "application": consumer + 1, "number": str(each), "position": each + 1}
                for each in range(history)
            ],
        )
        for each in range(history):
            body = kept.written([needs_of(consumer, each)])
            digest = kept.digest(body)
            queries.put(db, first + each, consumer + 1, "pact:1", "orders", ORDERS.name, digest, body, 1, whole=True)
        db.many(
            """INSERT INTO deployed_version
            (uuid, application_pk, version_pk, environment_pk, instance, created_at, ended_at)
            VALUES (:uuid, :application, :version, :place, '', 0, :ended)""",
            [
                {
                    "uuid": f"{first + each}",
                    "application": consumer + 1,
                    "version": first + each,
                    "place": places[each % 4],
                    "ended": None if each >= history - 4 else 1,
                }
                for each in range(history)
            ],
        )


def shared(store: Store) -> None:
    """A type that many subjects refer to; some of them are read."""
    text = json.dumps({"type": "record", "name": "Address", "fields": [_field("city"), _field("zip")]})
    store.write_now(lambda db: register(db, ADDRESS, text))

    def referring(db: Db, begin: int, end: int) -> None:
        for number in range(begin, end):
            fields = [{"name": "to", "type": "Address"}, *(_field(f"f{each}") for each in range(5))]
            order = json.dumps({"type": "record", "name": f"Order{number}", "fields": fields})
            register(db, Subject(".", f"order-{number}"), order, (Reference("Address", "address", 1),))

    for begin in range(0, REFERRERS, 100):
        store.write_now(lambda db, begin=begin: referring(db, begin, begin + 100))  # type: ignore[misc] # a lambda with a default

    def reading(db: Db) -> None:
        body = kept.written([Contract((Need("/to/zip", types=frozenset({"string"})),), Evidence.RECORDED)])
        for number in range(READ):
            version = db.one(
                """SELECT version_pk FROM deployed_version WHERE ended_at IS NULL AND application_pk = :pk LIMIT 1""",
                pk=number + 1,
            )
            assert version is not None
            digest, subject = kept.digest(body), f"order-{number}"
            queries.put(db, version[0], number + 1, "pact:2", "orders", subject, digest, body, 1, whole=True)

    store.write_now(reading)


def _field(name: str) -> dict[str, str]:
    return {"name": name, "type": "string"}


def asked(store: Store, subject: Subject, text: str, times: int) -> tuple[float, float, Verdict, int]:
    """The CPU of the first answer and the median of the following ones, in ms; what they say."""
    radius = BlastRadius(Options())

    def once(db: Db) -> tuple[Verdict, int]:
        named, schema, history = candidate(db, Registration(subject, text), Config())
        found = radius.ask(db, named, schema, history, window=None)
        return found.verdict, found.readers

    taken = []
    for _ in range(times + 1):
        began = time.process_time()
        verdict, readers = store.read_now(once)
        taken.append((time.process_time() - began) * 1000)
    return taken[0], median(taken[1:]), verdict, readers


@contextmanager
def _urls(kind: str) -> Iterator[tuple[str, str]]:
    """Two empty databases."""
    if kind == "SQLite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/small.db", f"sqlite:///{folder}/large.db"
        return
    server = durable_server()
    with server.database() as small, server.database() as large:
        yield small, large


def measure(*, smoke: bool = False) -> list[Row]:
    """Rows for both engines."""
    small, large, times = (4, 8, 3) if smoke else (8, 80, 15)
    rows: list[Row] = []
    for kind in ("SQLite", "PostgreSQL"):
        with _urls(kind) as urls:
            little, much = map(open_store, urls)
            for store, history in ((little, small), (much, large)):
                migrate(store)
                fill(store, history)
            floor = asked(little, ORDERS, schema(gone=7), times)[1]
            first, value, verdict, readers = asked(much, ORDERS, schema(gone=7), times)
            safe = asked(much, ORDERS, schema(), times)
            assert (verdict, safe[2], readers) == (Verdict.UNSAFE, Verdict.SAFE, CONSUMERS * len(PLACES))
            shared(much)
            gone = json.dumps({"type": "record", "name": "Address", "fields": [_field("city")]})
            cold, touched, hurt, _ = asked(much, ADDRESS, gone, 3)
            assert hurt is Verdict.UNSAFE
            little.close()
            much.close()
        what = f"{readers} readers, {NEEDS} needs each"
        rows += [
            Row(f"a field is gone, {what}, {kind}", value, "ms", "<= 50", f"first {first:.0f} ms"),
            Row(f"a new field, {what}, {kind}", safe[1], "ms", "<= 50", f"first {safe[0]:.0f} ms"),
            Row(f"{large} versions each to {small}, {kind}", value / floor, "x", "<= 1.5"),
            Row(f"a type that {REFERRERS} subjects refer to, {kind}", touched, "ms", "<= 500", f"first {cold:.0f} ms"),
        ]
    return rows
