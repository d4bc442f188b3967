"""The doctor, on both engines: each complaint by a fault put in with SQL, what is safe mended, the rest left alone."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path

import httpx
import pytest

from registry import doctor, events, formats
from registry.cli import main
from registry.doctor.rows import RULES
from registry.errors import Busy
from registry.settings import Settings
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from tests.integration.served import client_on, empty
from tests.integration.test_persons import CONFIG, HANDLES, erase, kek, resolve
from tests.integration.test_upcasters import V1, V2, V3

LINE = json.dumps({"type": "record", "name": "Line", "fields": [{"name": "order", "type": "Order"}]})
REFERENCES = [{"name": "Order", "subject": "orders", "version": 2}]
TAGGED = json.dumps(
    {
        "type": "object",
        "properties": {"mail": {"type": "string", "confluent:tags": ["PII"]}, "at": {"$ref": "#/definitions/at"}},
        "definitions": {"at": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
)
PROTO = 'syntax = "proto3"; message Order { int32 id = 1; message Line { string sku = 1; } repeated Line lines = 2; }'


def fill(client: httpx.Client) -> None:
    """A registry with something of everything that the doctor looks at."""
    client.put("/config/orders", json={"compatibility": "NONE"}).raise_for_status()
    bodies = [
        *(("orders", {"schema": text}) for text in (V1, V2, V3)),
        ("lines", {"schema": LINE, "references": REFERENCES}),
        ("mails", {"schemaType": "JSON", "schema": TAGGED}),
        ("protos", {"schemaType": "PROTOBUF", "schema": PROTO}),
        (":.dev:orders", {"schema": V1, "metadata": {"tags": {"**.total": ["MONEY"]}}}),
        ("gone", {"schema": V2}),
    ]
    for subject, body in bodies:
        client.post(f"/subjects/{subject}/versions", json=body).raise_for_status()
    client.delete("/subjects/gone").raise_for_status()
    for edge in ("1..2", "2..3"):
        client.put(f"/api/v1/subjects/orders/upcasts/{edge}", json={"examples": 20}).raise_for_status()
    kek(client)
    resolve(client, HANDLES[:3], mint=True)
    erase(client, HANDLES[2])
    scope = ["reader@subject:orders"]
    bob = {"name": "bob", "password": "correct horse battery", "grants": scope}
    client.post("/api/v1/identities", json=bob).raise_for_status()
    client.post("/api/v1/tokens", json={"identity": "bob", "scope": scope}).raise_for_status()


@pytest.fixture(scope="module")
def filled(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    store = open_store(engine_url)
    migrate(store)
    store.write_now(empty)
    store.close()
    settings = Settings(kms=json.dumps(CONFIG), shred_folder=str(tmp_path_factory.mktemp("shred")))
    with client_on(engine_url, settings) as client:
        fill(client)
    # The app took its compiler along.
    formats.install("PROTOBUF", lambda: import_module("registry.formats.protobuf").FORMAT)
    store = open_store(engine_url)
    store.write_now(events.seal)
    store.close()
    return engine_url


@pytest.fixture
def store(filled: str) -> Iterator[Store]:
    opened = open_store(filled)
    yield opened
    opened.close()


def sentences(db: Db) -> list[str]:
    return [each.sentence for each in doctor.check(db)]


def inject(url: str, *statements: str) -> None:
    """Do what nobody should, with the database's own rules off."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            for statement in statements:
                assert file.execute(statement).rowcount > 0, statement
        return
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


def fixed(url: str) -> tuple[list[str], list[str]]:
    """Repair as an operator does, with nothing else running: what was mended and what is left."""
    store = open_store(url)
    try:
        return doctor.repair(store), store.read_now(sentences)
    finally:
        store.close()


ORDERS = "WHERE name = 'orders' AND context_pk = (SELECT pk FROM context WHERE name = '.')"
LINES = "(SELECT v.schema_pk FROM version v JOIN subject s ON s.pk = v.subject_pk WHERE s.name = 'lines')"
MAILS = LINES.replace("lines", "mails")
REPAIRABLE = [
    (f"UPDATE subject SET live = 7 {ORDERS}", "subject orders says 7 live versions, but has 3"),
    (f"UPDATE subject SET latest_version = 1 {ORDERS}", "subject orders says its latest version is 1, but it is 3"),
    (
        f"UPDATE subject SET latest_version = NULL {ORDERS}",
        "subject orders says its latest version is None, but it is 3",
    ),
    (
        "UPDATE subject SET latest_version = 1 WHERE name = 'gone'",
        "subject gone says its latest version is 1, but it is None",
    ),
    (f"UPDATE subject SET max_version = 1 {ORDERS}", "subject orders has version 3 above its highest number 1"),
    ("UPDATE subject SET live = 0 WHERE live = 1 AND context_pk <> (SELECT pk FROM context WHERE name = '.')",
     "subject :.dev:orders says 0 live versions, but has 1"),
    ("UPDATE context SET last_id = 1 WHERE name = '.'", "context . handed out ids up to 1, but holds id 6"),
    ("UPDATE kek SET last_person = 5", "KEK orders handed out numbers of persons up to 5, but has 1048578"),
    ("UPDATE key_cell SET persons = 0", "cell 1 says that 0 persons were ever put in, but 2 are"),
    ("DELETE FROM reference", "schema 4 has 1 references, but other rows for them"),
    ("UPDATE reference SET version = 1", "schema 4 has 1 references, but other rows for them"),
    ("UPDATE reference SET name = 'Other'", "schema 4 has 1 references, but other rows for them"),
    (
        (f"INSERT INTO reference (schema_pk, position, name, subject_pk, version) "
        f"SELECT schema_pk, 0, 'x', subject_pk, 1 FROM version WHERE schema_pk = {MAILS}"),
        "schema 5 has 0 references, but other rows for them",
    ),
    (f"DELETE FROM term WHERE schema_pk = {MAILS}", "schema 5 is found by 0 terms that are not its 5"),
    (f"DELETE FROM term WHERE kind = 'tag' AND schema_pk = {MAILS}", "schema 5 is found by 4 terms that are not its 5"),
    (f"UPDATE term SET name = 'PUBLIC' WHERE kind = 'tag' AND schema_pk = {MAILS}",
     "schema 5 is found by 5 terms that are not its 5"),
    (
        "UPDATE upcast SET proven = 0 WHERE from_version = 1",
        "subject orders: the plan from version 1 is proven, and not so called",
    ),
    (
        "UPDATE upcast SET to_version = 9 WHERE from_version = 2",
        "subject orders has a plan from version 2 to 9, and one of them is not there",
    ),
]  # fmt: skip


def test_what_is_safe_is_mended_and_told_to_the_log(filled: str) -> None:
    assert fixed(filled) == ([], [])
    for fault, sentence in REPAIRABLE:
        inject(filled, fault)
        store = open_store(filled)
        assert store.read_now(sentences) == [sentence], fault
        store.close()
        assert fixed(filled) == ([sentence], []), fault
    store = open_store(filled)
    told = store.read_now(lambda db: db.all("SELECT actor, resource, body FROM event WHERE action = 'repair'"))
    assert [json.loads(body)["complaint"] for _, _, body in told] == [sentence for _, sentence in REPAIRABLE]
    assert {actor for actor, _, _ in told} == {"tenor-server doctor"}
    assert {resource.partition(":")[0] for _, resource, _ in told} == {"subject", "context", "kek", "cell", "schema"}
    # The plan to nowhere is gone, the other is still there.
    assert store.read_now(lambda db: db.all("SELECT from_version, proven FROM upcast")) == [(1, 1)]
    store.close()


def test_many_faults_are_mended_at_once_and_what_is_not_safe_stays(filled: str) -> None:
    inject(
        filled,
        f"UPDATE subject SET live = 7, latest_version = 1, max_version = 1 {ORDERS}",
        "DELETE FROM term",
        "UPDATE schema_ SET guid = '00000000-0000-0000-0000-000000000000' WHERE id = 6",
    )
    mended, left = fixed(filled)
    assert len(mended) == 3 + 7  # the terms of seven schemas
    assert left == ["schema 6 does not have the guid of its content"]
    inject(filled, "UPDATE schema_ SET id = id + 90 WHERE id = 6", "UPDATE schema_ SET id = id - 90 WHERE id = 96")
    assert fixed(filled)[0] == []


NEW_SCHEMA = """INSERT INTO schema_ (context_pk, id, fingerprint, twin, guid, format, text, created_at)
SELECT context_pk, {0}, fingerprint, {0}, guid, format, text, created_at FROM schema_ x
WHERE x.id = 1 AND context_pk = (SELECT pk FROM context WHERE name = '.')"""
TOLD: list[tuple[tuple[str, ...], str]] = [
    (
        (("INSERT INTO subject (context_pk, name, revision, live, max_version) SELECT pk, 'empty', 0, 0, 0 FROM context"
         " WHERE name = '.'"),),
        "subject empty has no version at all",
    ),
    (("UPDATE context SET last_id = 90", NEW_SCHEMA.format(90)), "schema 90 of context . is used by no version"),
    (
        ((f"UPDATE version SET schema_pk = (SELECT x.pk FROM schema_ x JOIN context c ON c.pk = x.context_pk "
         f"WHERE c.name = '.dev') WHERE version = 1 AND subject_pk = (SELECT pk FROM subject {ORDERS})"),),
        "version 1 of subject orders uses a schema of another context",
    ),
    (
        (f"DELETE FROM version WHERE version = 2 AND subject_pk = (SELECT pk FROM subject {ORDERS})",),
        "schema 4 refers to version 2 of subject orders, which is not there",
    ),
    (
        (("INSERT INTO tombstone (kek, handle, version, erased_at, who, legal_basis) "
         "SELECT 'orders', handle, version, 0, 'x', 'y' FROM person WHERE version = 1048576"),),
        "KEK orders has the key of person 1048576, who was erased",
    ),
    (
        (("INSERT INTO kek (name, kms_type, kms_key_id, shared, last_person, created_at, updated_at) "
         "VALUES ('other', 'local-kms', 'k', 1, 1048575, 0, 0)"),
         "UPDATE key_cell SET kek_pk = (SELECT pk FROM kek WHERE name = 'other')"),
        "KEK orders has person 1048576 in a cell of another KEK",
    ),
    (
        (("INSERT INTO dek (kek_pk, subject, algorithm, version, material, wrapped_by, wrapped_at, created_at, leased) "
         "SELECT pk, 'orders', 'AES256_GCM', 1, 'AAAA', 'k', 0, 0, 4294967297 FROM kek WHERE name = 'orders'"),),
        ("dek orders version 1 (AES256_GCM) was leased for 4294967297 uses, "
         "more than random nonces allow: rotate it"),
    ),
    (("UPDATE schema_ SET text = '\"string\"' WHERE id = 3",), "schema 3 does not have the fingerprint of its content"),
    (("UPDATE schema_ SET text = '\"string\"' WHERE id = 3",), "schema 3 does not have the guid of its content"),
    (("UPDATE schema_ SET text = '{broken' WHERE id = 3",), "schema 3 cannot be read (InvalidSchema)"),
    (("UPDATE schema_ SET refs = '[' WHERE id = 4",), "schema 4 has a row that cannot be read"),
    (("UPDATE schema_ SET metadata = '7' WHERE id = 2",), "schema 2 has a row that cannot be read"),
    (
        ("UPDATE upcast SET plan_hash = 'x' WHERE from_version = 1",),
        "subject orders: the plan from version 1 is not the one that was proven: somebody changed it",
    ),
    (
        ("UPDATE upcast SET plan = '[' WHERE from_version = 1",),
        "subject orders: the plan from version 1 cannot be read",
    ),
    (
        ("UPDATE upcast SET attestation = '{}' WHERE from_version = 1",),
        "subject orders: the plan from version 1 is not the one that was proven: somebody changed it",
    ),
    (
        ("UPDATE upcast SET old_key = 'x' WHERE from_version = 1",),
        "subject orders: the plan from version 1 was proven for other schemas",
    ),
    (
        ("UPDATE upcast SET from_version = 3 WHERE from_version = 1",),
        "subject orders: the plan from version 3 was proven for other schemas",
    ),
    (("UPDATE access_grant SET role = 'king'",), "bob is granted king@subject, which there is not"),
    (("UPDATE access_grant SET kind = 'moon'",), "bob is granted reader@moon, which there is not"),
    (("UPDATE token SET scope = 'king@*'",), "identity bob has token {token}, whose scope cannot be read"),
    (("UPDATE token SET hash = {blob}",), "identity bob has token {token}, whose hash is that of no token"),
    (
        ("UPDATE identity SET password = 'secret'",),
        "identity bob has a password that was not hashed with argon2",
    ),
    (
        ("INSERT INTO checkpoint (sequence, hash, at, key_id, signature) VALUES (1, {blob}, 0, 'k', {blob})",),
        "the checkpoint at event 1 is not of this chain of events",
    ),
    (("UPDATE event SET actor = 'you' WHERE sequence = 3",), "event 3 is not what was sealed"),
    (("DELETE FROM event WHERE sequence = 3",), "the event log continues at 4, where 3 was to come"),
    (("DELETE FROM event WHERE sequence = 1",), "the event log continues at 2, where 1 was to come"),
]  # fmt: skip


def test_what_only_a_human_can_decide_is_told_and_left(store: Store) -> None:
    blob = "x'00'" if store.dialect == "sqlite" else "'\\x00'"
    ((token,),) = store.read_now(lambda db: db.all("SELECT id FROM token"))

    def examined(statements: tuple[str, ...]) -> list[doctor.Complaint]:
        def job(db: Db) -> list[doctor.Complaint]:
            for statement in statements:
                assert db.run(statement.replace("{blob}", blob)) > 0, statement
            return doctor.check(db)

        return store.write_now(job, dry_run=True)

    before = store.read_now(sentences)
    for statements, sentence in TOLD:
        found = {each.sentence: each for each in examined(statements)}
        assert sentence.replace("{token}", token) in found, (statements, list(found))
        assert found[sentence.replace("{token}", token)].mend is None
    assert store.read_now(sentences) == before


def test_every_rule_has_its_fault() -> None:
    """By the words of its sentence that are not numbers or names."""
    told = [sentence for _, sentence in REPAIRABLE] + [sentence for _, sentence in TOLD]
    for rule in RULES:
        words = max(rule.sentence.replace("{", "}").split("}"), key=len).strip()
        assert any(words in sentence for sentence in told), rule.sentence


def test_rows_that_point_to_nothing_are_told(filled: str, store: Store) -> None:
    inject(filled, "UPDATE person SET kek_pk = 99 WHERE version = 1048576", "UPDATE token SET identity_pk = 98")
    found = store.read_now(sentences)
    assert "1 row(s) of person point to nothing in kek (kek_pk)" in found
    assert "1 row(s) of token point to nothing in identity (identity_pk)" in found
    inject(
        filled,
        "UPDATE person SET kek_pk = (SELECT pk FROM kek) WHERE version = 1048576",
        "UPDATE token SET identity_pk = (SELECT pk FROM identity)",
    )


def test_a_mend_that_came_too_late_changes_nothing(filled: str) -> None:
    inject(filled, f"UPDATE subject SET live = 7 {ORDERS}")
    store = open_store(filled)
    complaints = [each for each in store.read_now(doctor.check) if each.mend is not None]
    store.write_now(lambda db: db.run(f"UPDATE subject SET live = 3 {ORDERS}"))
    mends = [each.mend for each in complaints if each.mend is not None]
    assert [store.write_now(mend) for mend in mends] == [False]
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


def test_a_file_that_a_server_has_open_is_refused(file: Path) -> None:
    url = f"sqlite:///{file}"
    with client_on(url) as client:
        client.post("/subjects/orders/versions", json={"schema": V1}).raise_for_status()
        command = [sys.executable, "-m", "registry.cli", "doctor", "--database-url", url]
        ran = subprocess.run([*command, "--repair"], capture_output=True, text=True, timeout=60, check=False)
        assert (ran.returncode, ran.stdout) == (4, "")
        assert "another process holds the database" in ran.stderr
        assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
        client.post("/subjects/orders/versions", json={"schema": V1}).raise_for_status()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("SELECT count(*) FROM subject").fetchall()
        store = open_store(url)
        with pytest.raises(Busy):
            doctor.repair(store)
        store.close()
    assert fixed(url) == ([], [])


def test_the_verb_says_what_it_did(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{file}"
    with client_on(url) as client:
        client.post("/subjects/orders/versions", json={"schema": V1}).raise_for_status()
    sentence = "subject orders says 4 live versions, but has 1"

    def ran(*options: str) -> tuple[int, list[str], str]:
        code = main(["doctor", "--database-url", url, *options])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.strip()

    assert ran() == (0, [], "nothing wrong")
    inject(url, "UPDATE subject SET live = 4")
    assert ran() == (1, [f"{sentence} (repairable)"], "1 complaints")
    assert ran("--repair") == (0, [f"repaired: {sentence}"], "1 repaired, nothing wrong")
    assert ran("--repair") == (0, [], "nothing wrong")
    inject(url, "UPDATE schema_ SET guid = 'x'", "UPDATE subject SET live = 4")
    left = "schema 1 does not have the guid of its content"
    assert ran("--repair") == (1, [f"repaired: {sentence}", left], "1 repaired, 1 complaints")


def test_a_version_deleted_for_good_takes_its_plans_along(registry_client: httpx.Client, registry_store: Store) -> None:
    registry_client.put("/config/orders", json={"compatibility": "NONE"}).raise_for_status()
    for text in (V1, V2, V3):
        registry_client.post("/subjects/orders/versions", json={"schema": text}).raise_for_status()
    for edge in ("1..2", "2..3", "1..3"):
        registry_client.put(f"/api/v1/subjects/orders/upcasts/{edge}", json={"examples": 20}).raise_for_status()
    for options in ("", "?permanent=true"):
        registry_client.delete(f"/subjects/orders/versions/2{options}").raise_for_status()
    edges = registry_store.read_now(lambda db: db.all("SELECT from_version, to_version FROM upcast"))
    assert edges == [(1, 3)]
    assert registry_store.read_now(sentences) == []
