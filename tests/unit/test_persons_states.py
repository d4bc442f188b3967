"""Whatever is minted, erased, backed up and restored, in whatever order: who was erased stays erased."""

from __future__ import annotations

import os
import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from registry import deks, persons
from registry.deks import KekWish
from registry.doctor import examine
from registry.events import Actor
from registry.persons import ERASED, LIVE, UNKNOWN, Minting
from registry.shredding import Bare, Journal
from registry.store.engine import open_store
from registry.store.migrations import migrate
from registry.store.queries.deks import PERSONS_FROM
from registry.store.sqlite import SQLite

ACTOR = Actor("test")
HANDLES = st.integers(1, 5).map(lambda number: number.to_bytes(16, "big"))


@cache
def migrated() -> bytes:
    """An empty database, as a file's bytes."""
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/t.db")
        migrate(store)
        store.close()
        with sqlite3.connect(f"{folder}/t.db") as connection:
            # A database in memory has no log beside it.
            connection.execute("PRAGMA journal_mode = DELETE")
        return Path(folder, "t.db").read_bytes()


class Persons(RuleBasedStateMachine):
    """A model of who is erased, beside a database that is now and then an older one."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "journal.jsonl")
        self.backups: list[bytes] = []
        self.erased: dict[int, bytes] = {}
        self.keys: dict[int, bytes] = {}
        self.load(migrated())
        deks.create_kek(self.db, ACTOR, KekWish("k", "local-kms", "id", shared=True).checked(), 0)

    def load(self, content: bytes) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.deserialize(content)
        self.db = SQLite(self.connection)

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
            self.folder.cleanup()

    @rule(handles=st.lists(HANDLES, min_size=1, max_size=4, unique=True), renew=st.booleans())
    def mint(self, handles: list[bytes], renew: bool) -> None:
        kek = deks.kek(self.db, "k")
        states = {each.handle: each for each in persons.resolve(self.db, kek, handles)}
        wanted = [handle for handle in handles if states[handle].state == UNKNOWN or renew]
        made = [Minting(handle, "AES256_GCM", os.urandom(34)) for handle in wanted]
        minted = persons.mint(self.db, ACTOR, kek, made, Bare(), renew=renew)
        assert minted == sum(states[handle].state != LIVE for handle in wanted)
        for each in persons.resolve(self.db, kek, handles):
            if each.handle in wanted:
                assert each.state == LIVE
                assert each.person is not None
                assert each.version not in self.erased

    @rule(handle=HANDLES)
    def erase(self, handle: bytes) -> None:
        kek = deks.kek(self.db, "k")
        (known,) = persons.resolve(self.db, kek, [handle])
        if known.state == UNKNOWN:
            return
        stone = persons.erase(self.db, ACTOR, kek, handle, "b", None)
        self.journal.add([stone])
        self.erased[stone.version] = handle
        assert stone.handle == handle

    @rule()
    def back_up(self) -> None:
        self.backups.append(self.connection.serialize())

    @precondition(lambda self: self.backups)
    @rule(which=st.integers(0, 50))
    def restore(self, which: int) -> None:
        self.connection.close()
        self.load(self.backups[which % len(self.backups)])
        self.journal = Journal(self.journal.path)
        buried = persons.replay(self.db, self.journal.read())
        assert persons.replay(self.db, self.journal.read()) == 0
        assert buried <= len(self.erased)

    @invariant()
    def nobody_comes_back(self) -> None:
        if not hasattr(self, "db"):
            return
        live = self.db.all("SELECT version, handle FROM person")
        assert not {version for version, _ in live} & self.erased.keys()
        assert all(version >= PERSONS_FROM for version, _ in live)
        stones = persons.revocations(self.db, 0, 10_000)
        assert {(stone.version, stone.handle) for stone in stones} == set(self.erased.items())
        kek = deks.kek(self.db, "k")
        handles = {bytes(handle) for _, handle in live}
        for each in persons.resolve(self.db, kek, sorted(set(self.erased.values()) - handles)):
            assert each.state == ERASED
        assert examine(self.db) == []


Persons.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None, derandomize=True)
TestPersons = Persons.TestCase
