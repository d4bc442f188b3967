"""can-i-deploy with a large history: what it costs follows what is deployed, not what ever was.

50 applications, 200 integrations, 4 environments; two providers of each environment run a second instance. The floor
is the same question with a tenth of the history.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from contracts import broker, nested_query, questions
from contracts.options import Options
from contracts.queries import environments
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from tests.bench.report import Row
from tests.postgres import durable_server
from tests.served import served

APPLICATIONS = 50
INTEGRATIONS = 200
PLACES = ("dev", "qa", "staging", "prod")
EACH_CONTENT = 20
"""Versions that publish one content before it changes."""


def providers_of(consumer: int) -> list[int]:
    """The four applications that an application consumes."""
    return [(consumer + step) % APPLICATIONS for step in (1, 2, 7, 13)]


def fill(store: Store, versions: int) -> None:
    """The graph, with this many versions of each application; the last four are deployed, one a place."""
    store.write_now(_applications)
    for application in range(APPLICATIONS):
        store.write_now(lambda db, application=application: _versions(db, application, versions))  # type: ignore[misc] # a lambda with a default
    for consumer in range(APPLICATIONS):
        store.write_now(lambda db, consumer=consumer: _pacts(db, consumer, versions))  # type: ignore[misc] # a lambda with a default
    store.write_now(lambda db: _deployed(db, versions))
    if store.dialect == "postgresql":
        store.read_now(lambda db: db.all("SELECT 1"))
        store.write_now(lambda db: db.run("ANALYZE"))


def _applications(db: Db) -> None:
    db.many(
        "INSERT INTO application (pk, name, last_position, created_at, updated_at) VALUES (:pk, :name, 0, 0, 0)",
        [{"pk": number + 1, "name": f"application-{number}"} for number in range(APPLICATIONS)],
    )
    db.many(
        """INSERT INTO integration (consumer_pk, provider_pk, created_at, changed_at)
        VALUES (:consumer, :provider, 0, 0)""",
        [
            {"consumer": consumer + 1, "provider": provider + 1}
            for consumer in range(APPLICATIONS)
            for provider in providers_of(consumer)
        ],
    )
    for place in PLACES:
        environments.put_environment(db, f"uuid-{place}", place, place, place == "prod", "[]", 0)


def _version_pk(application: int, number: int, versions: int) -> int:
    return application * versions + number + 1


def _versions(db: Db, application: int, versions: int) -> None:
    db.many(
        """INSERT INTO application_version (pk, application_pk, number, position, created_at, updated_at)
        VALUES (:pk, :application, :number, :position, 0, 0)""",
        [
            {
                "pk": _version_pk(application, number, versions),
                "application": application + 1,
                "number": str(number),
                "position": number + 1,
            }
            for number in range(versions)
        ],
    )
    db.run("UPDATE application SET last_position = :last WHERE pk = :pk", last=versions, pk=application + 1)


def _pacts(db: Db, consumer: int, versions: int) -> None:
    contents = -(-versions // EACH_CONTENT)
    for at, provider in enumerate(providers_of(consumer)):
        first = (consumer * 4 + at) * contents + 1
        pair = {"consumer": consumer + 1, "provider": provider + 1}
        db.many(
            """INSERT INTO pact_content (pk, consumer_pk, provider_pk, sha, text, created_at)
            VALUES (:pk, :consumer, :provider, :sha, '{}', 0)""",
            [{**pair, "pk": first + number, "sha": f"{first + number:040}"} for number in range(contents)],
        )
        db.many(
            """INSERT INTO pact
            (version_pk, consumer_pk, provider_pk, content_pk, position, revision, created_at)
            VALUES (:version, :consumer, :provider, :content, :position, 1, 0)""",
            [
                {
                    **pair,
                    "version": _version_pk(consumer, number, versions),
                    "content": first + number // EACH_CONTENT,
                    "position": number + 1,
                }
                for number in range(versions)
            ],
        )
        db.many(
            """INSERT INTO verification
            (number, content_pk, provider_version_pk, success, wip, newest, details, created_at)
            VALUES (:number, :content, :version, 1, 0, 1, '{}', 0)""",
            [
                {
                    "number": (consumer * 4 + at) * versions + number + 1,
                    "content": first + number // EACH_CONTENT,
                    "version": _version_pk(provider, number, versions),
                }
                for number in range(versions)
            ],
        )


def _deployed(db: Db, versions: int) -> None:
    places = {place.name: place.pk for place in environments.environments(db)}
    for application in range(APPLICATIONS):
        for back, place in enumerate(PLACES):
            pk = _version_pk(application, versions - 1 - back, versions)
            environments.deploy(db, f"{application}-{place}", application + 1, pk, places[place], "", 0)
            if application % 25 == 0:
                second = _version_pk(application, versions - 5 - back, versions)
                environments.deploy(db, f"{application}-{place}-2", application + 1, second, places[place], "two", 0)


def query_of(versions: int) -> str:
    """Can the newest version of one application go to production?"""
    return f"q[][pacticipant]=application-7&q[][version]={versions - 1}&latestby=cvpv&environment=prod"


def ask(store: Store, versions: int) -> bool | None:
    """The answer to that."""
    question = questions.question(nested_query.parse(query_of(versions)))
    _, verdict = store.read_now(lambda db: broker.ask(db, question, Options()))
    return verdict.deployable


def everything(store: Store, versions: int) -> bool | None:
    """The same of all fifty at once: every integration takes part."""
    selectors = "&".join(
        f"q[][pacticipant]=application-{number}&q[][version]={versions - 1}" for number in range(APPLICATIONS)
    )
    question = questions.question(nested_query.parse(f"{selectors}&latestby=cvpv&environment=prod"))
    _, verdict = store.read_now(lambda db: broker.ask(db, question, Options()))
    return verdict.deployable


def milliseconds(store: Store, versions: int, times: int, *, all_of_them: bool = False) -> float:
    """The median time of a question."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        (everything if all_of_them else ask)(store, versions)
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def over_http(url: str, versions: int, times: int) -> float:
    """The median time of a question to a served broker, with its answer of rows."""
    taken = []
    command: list[str | Path] = [Path(sys.executable).with_name("tenor-server"), "serve"]
    with (
        TemporaryDirectory() as folder,
        served(command, cwd=Path(folder), environment={"TENOR_DATABASE_URL": url}) as client,
    ):
        for _ in range(times):
            began = time.perf_counter()
            answer = client.get(f"/pact/matrix?{query_of(versions)}")
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text
    return median(taken)


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


def measure(*, smoke: bool = False, full: bool = False) -> list[Row]:
    """Rows for both engines. `full`: 20,000 versions of each application beside 2,000."""
    small, large, times = (50, 200, 5) if smoke else (2000, 20_000, 30) if full else (200, 2000, 30)
    rows: list[Row] = []
    for kind in ("SQLite", "PostgreSQL"):
        with _urls(kind) as urls:
            little, much = map(open_store, urls)
            for store, versions in ((little, small), (much, large)):
                migrate(store)
                fill(store, versions)
            floor = milliseconds(little, small, times)
            value = milliseconds(much, large, times)
            whole = milliseconds(much, large, times, all_of_them=True)
            little.close()
            much.close()
            served_in = over_http(urls[1], large, times)
        rows += [
            Row(f"can-i-deploy, {large} versions each, {kind}", value, "ms", "<= 50"),
            Row(f"the same over HTTP, {kind}", served_in, "ms", "<= 50"),
            Row(f"beside {small} versions each, {kind}", value / floor, "x", "<= 2"),
            Row(
                f"{APPLICATIONS} applications in one question, {kind}",
                whole,
                "ms",
                "<= 50",
                f"all {INTEGRATIONS} integrations",
            ),
        ]
    return rows
