"""The store on both engines: group commit, dry runs, a job that fails, replicas, migrations."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from registry import events
from registry.errors import Busy, RegistryError, SchemaNotFound, StoreFailed
from registry.events import Actor
from registry.names import Subject
from registry.policy import Config
from registry.registration import Commit, Proposal, Registered, Registration, commit, decide
from registry.store import engine, migrations
from registry.store.engine import Db, Moved, Settled, Store, open_store
from registry.store.queries import settings
from registry.subjects import delete_subject


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: object) -> str:
    return str(request.getfixturevalue("pg_url")) if request.param == "postgresql" else f"sqlite:///{tmp_path}/t.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    migrations.migrate(opened)
    yield opened
    opened.close()


def put(scope: str) -> Callable[[Db], None]:
    return lambda db: settings.put_config(db, scope, "{}")


def scopes(store: Store) -> list[str]:
    return [scope for (scope,) in store.read_now(lambda db: db.all("SELECT scope FROM config ORDER BY scope"))]


def test_waiting_jobs_are_committed_together_and_each_gets_its_own_answer(store: Store) -> None:
    gate = threading.Event()
    first = store.submit(lambda db: gate.wait(10))

    def numbered(number: int) -> Callable[[Db], int]:
        def job(db: Db) -> int:
            settings.put_config(db, f"s{number}", "{}")
            return number

        return job

    def refused(db: Db) -> None:
        raise SchemaNotFound(1)

    def poisonous(db: Db) -> None:
        settings.put_config(db, "poison", "{}")
        raise SchemaNotFound(2)

    waiting = [store.submit(numbered(number)) for number in range(20)]
    no, poison = store.submit(refused), store.submit(poisonous)
    rehearsal = store.submit(numbered(99), dry_run=True)
    late = store.submit(numbered(20))
    gate.set()
    assert first.result(10) is True
    assert [each.result(10) for each in waiting] == list(range(20))
    assert rehearsal.result(10) == 99
    assert late.result(10) == 20
    with pytest.raises(SchemaNotFound, match="1"):
        no.result(10)
    with pytest.raises(SchemaNotFound, match="2"):
        poison.result(10)
    assert scopes(store) == sorted(f"s{number}" for number in range(21))


def test_an_unexpected_failure_spares_the_other_jobs_of_the_batch(store: Store) -> None:
    gate = threading.Event()
    store.submit(lambda db: gate.wait(10))
    good = store.submit(put("good"))
    bad = store.submit(lambda db: db.run("INSERT INTO nowhere VALUES (1)"))
    gate.set()
    good.result(10)
    with pytest.raises(StoreFailed):
        bad.result(10)
    assert scopes(store) == ["good"]


def test_a_decision_that_moved_is_taken_again_three_times(store: Store) -> None:
    tries: list[int] = []

    def write(db: Db, decision: int) -> str:
        if decision < 3:
            raise Moved
        return "written"

    async def run(most: int) -> str:
        def decide(db: Db) -> int | Settled[str]:
            tries.append(len(tries) + 1)
            return min(len(tries), most)

        return await store.decide_and_write(decide, write)

    assert asyncio.run(run(3)) == "written"
    assert tries == [1, 2, 3]  # the third inside the write lock, where nothing moves
    tries.clear()
    with pytest.raises(Busy):
        asyncio.run(run(2))


def test_a_settled_decision_writes_nothing(store: Store) -> None:
    async def run() -> str:
        return await store.decide_and_write(lambda db: Settled("there"), lambda db, decision: "written")

    before = store.epoch
    assert asyncio.run(run()) == "there"
    assert store.epoch == before


def test_what_is_forgotten_is_told_after_the_commit_and_not_after_a_dry_run(store: Store) -> None:
    told: list[str] = []
    store.on_forget(told.append)
    store.write_now(lambda db: db.forget("id:1"))
    store.write_now(lambda db: db.forget("id:2"), dry_run=True)
    assert told == ["id:1"]


def test_a_full_queue_is_busy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    store._jobs.maxsize = 2
    answers = []
    with contextlib.suppress(Busy):
        for _ in range(9):
            answers.append(store.submit(lambda db: gate.wait(10)))
    assert 2 <= len(answers) < 9
    with pytest.raises(Busy, match="writes are waiting"):
        store.submit(lambda db: None)
    gate.set()
    assert all(answer.result(10) for answer in answers)


def test_a_caller_that_goes_away_does_not_undo_its_write_nor_hang_the_others(store: Store) -> None:
    async def run() -> None:
        gate = threading.Event()
        store.submit(lambda db: gate.wait(10))
        gone = asyncio.create_task(store.write(put("gone")))
        stays = asyncio.create_task(store.write(put("stays")))
        await asyncio.sleep(0.05)
        gone.cancel()
        gate.set()
        await asyncio.wait_for(stays, 10)

    asyncio.run(run())
    assert "stays" in scopes(store)


def test_events_are_sealed_in_order_and_a_changed_one_is_found(store: Store) -> None:
    from registry.doctor import examine

    for number in range(5):
        store.write_now(lambda db, number=number: events.record(db, events.Actor("me"), "act", f"r:{number}", n=number))  # type: ignore[misc] # a lambda with a default
    assert store.write_now(events.seal) == 5
    assert store.write_now(events.seal) == 0
    store.write_now(lambda db: events.record(db, events.Actor("me"), "act", "r:5"))
    assert store.write_now(events.seal) == 1
    found = store.read_now(lambda db: events.after(db, 0, 10))
    assert [(event.sequence, event.resource) for event in found] == [(n + 1, f"r:{n}") for n in range(6)]
    assert found[3].body == {"n": 3}
    assert store.read_now(examine) == []
    store.write_now(lambda db: db.run("UPDATE event SET actor = 'you' WHERE sequence = 3"))
    assert store.read_now(examine) == ["event 3 is not what was sealed"]


def test_migrations_go_up_and_down_and_match_the_tables(store: Store, url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from registry.store.tables import Row

    assert migrations.migrate(store) == migrations.HEAD
    target = url if url.startswith("sqlite") else url.replace("postgresql://", "postgresql+psycopg://")
    alchemy = create_engine(target)
    with alchemy.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Row.metadata)
    alchemy.dispose()
    assert differences == []
    assert migrations.migrate(store, to="base") == migrations.HEAD
    assert migrations.current(store) is None
    migrations.migrate(store)
    assert migrations.current(store) == migrations.HEAD


def test_a_newer_revision_is_left_alone(store: Store) -> None:
    """A replica of the former release starts again while the new one is rolled out."""
    migrations.migrate(store)
    store.write_now(lambda db: db.run("UPDATE alembic_version SET version_num = '9999'"))
    assert migrations.migrate(store) == "9999"
    assert migrations.current(store) == "9999"


def test_the_head_is_that_of_the_migrations_folder() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations.package_data("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_two_replicas_take_turns_and_hear_what_the_other_forgets(pg_url: str) -> None:
    one, two = open_store(pg_url), open_store(pg_url)
    assert isinstance(two, engine.PostgreSQLStore)
    migrations.migrate(one)
    heard: list[str] = []
    told = threading.Event()

    def listen(tag: str) -> None:
        heard.append(tag)
        told.set()

    two.on_forget(listen)
    two.listen()
    assert told.wait(10)  # connected: everything cached before is forgotten
    assert heard == [engine.FORGET_ALL]
    told.clear()
    one.write_now(lambda db: db.forget("id:7"))
    assert told.wait(10)
    assert heard[-1] == "id:7"

    def bump(db: Db) -> None:
        row = db.one("SELECT value FROM counter WHERE name = 'x'")
        value = 0 if row is None else row[0]
        db.run(
            """INSERT INTO counter (name, value) VALUES ('x', :value)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            value=value + 1,
        )

    answers = [each.submit(bump) for _ in range(50) for each in (one, two)]
    for answer in answers:
        answer.result(30)
    # Read, then write, without a lock of its own: only taking turns makes this exact.
    assert one.read_now(lambda db: db.one("SELECT value FROM counter WHERE name = 'x'")) == (100,)
    one.close()
    two.close()


def test_a_lost_connection_is_opened_again(pg_url: str) -> None:
    store = open_store(pg_url)
    migrations.migrate(store)
    store.write_now(put("before"))
    other = open_store(pg_url)
    other.read_now(
        lambda db: db.all(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    )
    assert scopes(store) == ["before"]
    store.write_now(put("after"))
    assert scopes(store) == ["after", "before"]
    store.close()
    other.close()


def test_a_database_that_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(RegistryError, match="starts with sqlite:/// or postgresql://, not 'mysql:'"):
        open_store("mysql://x")
    gone = open_store("postgresql://127.0.0.1:1/none?connect_timeout=1")
    with pytest.raises(Busy, match="does not answer"):
        gone.ping()
    gone.close()


def test_a_subject_made_anew_is_not_taken_for_the_one_that_was(store: Store) -> None:
    """A decision about a subject does not hold for another of the same name, whatever happened in between."""
    subject, server, actor = Subject(".", "s"), Config(), Actor()

    def register(db: Db, symbol: str) -> Registered:
        text = f'{{"type":"enum","name":"E","symbols":["{symbol}"]}}'
        decision = decide(db, Registration(subject, text, force=True), server)
        assert isinstance(decision, Proposal)
        return commit(db, decision, actor)

    store.write_now(lambda db: register(db, "A"))
    late = store.read_now(
        lambda db: decide(db, Registration(subject, '{"type":"enum","name":"E","symbols":["B"]}', force=True), server)
    )
    assert isinstance(late, Proposal)
    store.write_now(lambda db: delete_subject(db, actor, subject, server))
    store.write_now(lambda db: delete_subject(db, actor, subject, server, permanent=True))
    store.write_now(lambda db: register(db, "B"))
    with pytest.raises(Moved):
        store.write_now(lambda db: commit(db, late, actor))


def test_registrations_that_wait_together_are_written_as_if_one_after_the_other(store: Store) -> None:
    """Where they are written in one call (PostgreSQL): of two that were decided for one version the second is decided
    anew, and texts come through as they are."""
    write, gate = Commit(Actor()), threading.Event()

    def asked(subject: str, symbol: str, doc: str = "") -> Registration:
        text = f'{{"type":"enum","name":"E","symbols":["{symbol}"],"doc":"{doc}"}}'
        return Registration(Subject(".", subject), text, force=True)

    async def registered(each: Registration) -> Registered:
        return await store.decide_and_write(lambda db: decide(db, each, Config()), write)

    async def together() -> list[Registered]:
        first = store.submit(lambda db: gate.wait(10))
        texts = [
            ("a", "A", ""),
            ("b", "A", ""),
            ("a", "B", ""),
            ("c", "C", r"quote \" é \u0000 \\u0000"),
            ("d", "D", "%"),
        ]
        waiting = [asyncio.ensure_future(registered(asked(*each))) for each in texts]
        while store._jobs.qsize() < len(texts):  # each was decided before the first is written
            await asyncio.sleep(0.01)
        gate.set()
        answers = await asyncio.gather(*waiting)
        first.result()
        return answers

    answers = {(each.version.subject.name, each.version.version): each.version for each in asyncio.run(together())}
    assert sorted(answers) == [("a", 1), ("a", 2), ("b", 1), ("c", 1), ("d", 1)]
    assert len({each.id for each in answers.values()}) == 4
    assert answers["b", 1].content.text in (answers["a", 1].content.text, answers["a", 2].content.text)
    rows = store.read_now(
        lambda db: db.all(
            """SELECT s.name, v.version, x.id, x.text FROM version v JOIN subject s ON s.pk = v.subject_pk
            JOIN schema_ x ON x.pk = v.schema_pk"""
        )
    )
    assert sorted(rows) == sorted((*key, each.id, each.content.text) for key, each in answers.items())
