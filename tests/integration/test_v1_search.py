"""Listing and searching through the native API, against a plain model of what is there, on both engines."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from registry import history, search
from registry.errors import RegistryError
from registry.names import Subject
from registry.policy import Config
from registry.search import Criteria, Position
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from registry.store.queries import events
from registry.store.queries import search as queries
from tests.integration.test_v1_register import record

SEARCHES, SEARCHES_IN_FULL = 50, 1000


@dataclass(frozen=True)
class Known:
    """What the model knows of a subject."""

    context: str
    name: str
    live: bool
    owner: str | None
    format: str
    text: str
    fields: frozenset[str]
    tags: frozenset[str]

    @property
    def place(self) -> tuple[str, str]:
        return self.context, self.name

    @property
    def printed(self) -> str:
        return str(Subject(self.context, self.name))

    def matches(self, asked: dict[str, str]) -> bool:
        """Whether it is what the query parameters ask for."""
        deleted = asked.get("deleted", "false")
        field, prefix = asked.get("field"), Subject.parse(asked.get("prefix", ""), "*")
        names = {path.rpartition("/")[2] for path in self.fields}
        return all(
            (
                deleted == "true" or self.live == (deleted == "false"),
                asked.get("query", "").lower() in self.name.lower(),
                prefix.context in ("*", self.context) and self.name.startswith(prefix.name),
                field is None or field in (self.fields if field.startswith("/") else names),
                "tag" not in asked or asked["tag"] in self.tags,
                "owner" not in asked or asked["owner"] == self.owner,
                asked.get("text", "").lower() in self.text.lower(),
                asked.get("format", self.format).upper() == self.format,
                "context" not in asked or f".{asked['context'].strip('.')}" == self.context,
            )
        )


WORDS = ["order", "Orders", "pay_ment", "100%", "sku", "a/b", "é"]
FIELDS = ["id", "sku", "total", "note", "order"]
TAGS = ["PII", "gdpr", "a b"]
OWNERS = [None, "team-a", "team-b", "T e a m"]
CONTEXTS = [".", ".dev", ".a_b"]


def avro(chance: random.Random) -> tuple[str, frozenset[str], frozenset[str]]:
    """A schema of one to three fields, perhaps one inside another, perhaps tagged."""
    fields: list[dict[str, Any]] = []
    paths, tags = set(), set()
    for name in chance.sample(FIELDS, chance.randint(1, 3)):
        field: dict[str, Any] = {"name": name, "type": "string", "doc": chance.choice(WORDS)}
        paths.add(f"/{name}")
        if chance.random() < 0.3:
            inner = chance.choice(FIELDS)
            field["type"] = {"type": "array", "items": json.loads(record(inner, name=f"In_{name}"))}
            paths.add(f"/{name}/*/{inner}")
        if chance.random() < 0.3:
            tag = chance.choice(TAGS)
            field["confluent:tags"] = [tag]
            tags.add(tag)
        fields.append(field)
    return record(*fields), frozenset(paths), frozenset(tags)


def populate(client: httpx.Client, count: int, seed: int) -> list[Known]:
    """Register subjects with one or two versions, some deleted, some owned; what the model then knows."""
    chance = random.Random(seed)
    known: dict[tuple[str, str], Known] = {}
    client.put("/config/:.__GLOBAL:", json={"compatibility": "NONE"})
    for _ in range(count):
        context, name = chance.choice(CONTEXTS), "-".join(chance.choices(WORDS, k=chance.randint(1, 2)))
        if (context, name) in known:
            continue
        url = f"/api/v1/subjects/{quote(f':{context}:{name}', safe='')}"
        for _ in range(chance.randint(1, 2)):
            format, fields, tags = "AVRO", frozenset[str](), frozenset[str]()
            if chance.random() < 0.2:
                format, text = "JSON", json.dumps({"type": "object", "properties": {"sku": {"title": name}}})
                fields = frozenset({"/sku"})
            else:
                text, fields, tags = avro(chance)
            answer = client.post(f"{url}/versions", json={"schema": text, "schemaType": format})
            assert answer.status_code in (200, 201), answer.text
            shown = client.get(f"/api/v1/schemas/{answer.json()['guid']}").json()["document"]["schema"]
        latest = client.get(url).json()
        if latest["id"] != answer.json()["id"]:
            continue  # the second version was the first one again
        owner, live = chance.choice(OWNERS), chance.random() < 0.8
        if owner is not None:
            assert client.put(f"{url}/owner", json={"owner": owner}).status_code == 200
        if not live:
            assert client.delete(url.removeprefix("/api/v1")).status_code == 200
        known[context, name] = Known(context, name, live, owner, format, shown, fields, tags)
    return sorted(known.values(), key=lambda each: each.place)


def asked_for(chance: random.Random) -> dict[str, str]:
    """Query parameters of a search, one to four of them."""
    possible = {
        "query": ["order", "ORD", "%", "_", "é", "-", "zzz"],
        "prefix": ["order", "Orders-", ":.dev:", ":.dev:pay", ":*:sku", "z"],
        "field": ["sku", "id", "/id", "/order/*/sku", "/sku", "none", "total"],
        "tag": [*TAGS, "none"],
        "owner": ["team-a", "T e a m", "nobody"],
        "text": ["PAY_", "100%", "array", "confluent:tags", "zzz", "é"],
        "format": ["AVRO", "json"],
        "context": [".", "dev", ".a_b", "none"],
        "deleted": ["false", "true", "only"],
    }
    names = chance.sample(sorted(possible), chance.randint(1, 4))
    asked = {name: chance.choice(possible[name]) for name in names}
    if asked.get("prefix", "").startswith(":."):
        asked.pop("context", None)  # the two may contradict each other, which is refused
    return asked


def pages(client: httpx.Client, asked: dict[str, str], limit: int) -> Iterator[list[dict[str, Any]]]:
    """Every page of a search."""
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(
            "/api/v1/subjects", params={**asked, "limit": limit, **({"cursor": cursor} if cursor else {})}
        )
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) <= limit
        yield answer.json()["items"]
        cursor = answer.json()["next_cursor"]


# How few schemas count as few, and the sizes of windows: as they are, and so small that every seam is met.
@pytest.mark.parametrize(("few", "windows"), [(2000, (256, 8192)), (0, (1, 3)), (3, (2, 2))])
def test_searches_find_what_a_plain_model_finds(
    registry_client: httpx.Client, monkeypatch: pytest.MonkeyPatch, full: bool, few: int, windows: tuple[int, int]
) -> None:
    monkeypatch.setattr(search, "_FEW", few)
    monkeypatch.setattr(search, "_FIRST_WINDOW", windows[0])
    monkeypatch.setattr(search, "_LARGEST_WINDOW", windows[1])
    monkeypatch.setattr(search, "_CONTEXTS", 1)
    known = populate(registry_client, 40, seed=few)
    chance = random.Random(few + 1)
    found_something = 0
    searches = SEARCHES_IN_FULL if full else SEARCHES
    for _ in range(searches):
        asked = asked_for(chance)
        expected = [each.printed for each in known if each.matches(asked)]
        limit = chance.choice([1, 2, 3, 50])
        found = [each["subject"] for page in pages(registry_client, asked, limit) for each in page]
        assert found == expected, (asked, limit)
        found_something += bool(expected)
    assert found_something > searches // 4


def test_an_item_has_what_a_table_of_subjects_shows(registry_client: httpx.Client) -> None:
    client = registry_client
    for name in ("own", ":.dev:by-context", "global"):
        client.post(f"/api/v1/subjects/{name}/versions", json={"schema": record("a")})
    client.post(
        "/api/v1/subjects/own/versions", json={"schema": record("a", {"name": "b", "type": "int", "default": 1})}
    )
    client.put("/config", json={"compatibility": "FULL"})
    client.put("/config/:.dev:", json={"compatibility": "FORWARD"})
    client.put("/config/own", json={"compatibility": "NONE"})
    client.put("/api/v1/subjects/own/owner", json={"owner": "team-a"})
    client.delete("/subjects/own/versions/1")
    items = {each["subject"]: each for each in client.get("/api/v1/subjects").json()["items"]}
    levels = {name: client.get(f"/config/{name}?defaultToGlobal=true").json()["compatibilityLevel"] for name in items}
    assert {name: each["level"] for name, each in items.items()} == levels
    assert levels == {"global": "FULL", "own": "NONE", ":.dev:by-context": "FORWARD"}
    own = items["own"]
    assert (own["context"], own["owner"], own["format"], own["version"]) == (".", "team-a", "AVRO", 2)
    assert (own["versions"], own["deleted_versions"], own["deleted"]) == (1, 1, False)
    stored = client.get("/subjects/own/versions/latest").json()
    assert (own["id"], own["guid"]) == (stored["id"], stored["guid"])
    assert list(items) == ["global", "own", ":.dev:by-context"]
    detail = client.get("/api/v1/subjects/own").json()
    assert {key: detail[key] for key in own} == own
    assert (detail["mode"], detail["document"]["schema"]) == ("READWRITE", stored["schema"])


def test_a_deleted_subject_is_shown_when_asked_for(registry_client: httpx.Client) -> None:
    client = registry_client
    client.put("/config", json={"compatibility": "NONE"})
    for fields in (["a"], ["b"]):
        client.post("/api/v1/subjects/s/versions", json={"schema": record(*fields)})
    client.delete("/subjects/s")
    assert client.get("/api/v1/subjects").json() == {"items": [], "next_cursor": None}
    missing = client.get("/api/v1/subjects/s")
    assert (missing.status_code, missing.json()["type"]) == (404, "/api/v1/problems/subject-not-found")
    for path in ("?deleted=only", "?deleted=true", "?deleted=true&field=b", "?deleted=only&text=R"):
        (item,) = client.get(f"/api/v1/subjects{path}").json()["items"]
        assert (item["deleted"], item["version"], item["versions"], item["deleted_versions"]) == (True, 2, 0, 2)
    assert client.get("/api/v1/subjects/s?deleted=true").json()["version"] == 2
    client.delete("/subjects/s/versions/2?permanent=true")
    assert client.get("/api/v1/subjects/s?deleted=true").json()["version"] == 1
    client.delete("/subjects/s?permanent=true")
    assert client.get("/api/v1/subjects?deleted=true").json()["items"] == []
    assert client.get("/api/v1/subjects/s?deleted=true").status_code == 404


def test_a_prefix_may_name_its_context(registry_client: httpx.Client) -> None:
    for name in (":.dev:s", ":.dev:t", "s"):
        registry_client.post(f"/api/v1/subjects/{name}/versions", json={"schema": record("a")})

    def found(query: str) -> list[str]:
        items = registry_client.get(f"/api/v1/subjects?{query}").json()["items"]
        return [each["subject"] for each in items]

    assert found("prefix=s") == ["s", ":.dev:s"]
    assert found("prefix=:.dev:") == found("context=dev") == found("context=:.dev:") == [":.dev:s", ":.dev:t"]
    assert found("prefix=:*:s&context=dev") == found("prefix=:.dev:s&context=.dev") == [":.dev:s"]
    assert found("prefix=:.:") == found("context=.") == ["s"]
    refused = registry_client.get("/api/v1/subjects?prefix=:.dev:s&context=other")
    assert (refused.status_code, refused.json()["type"]) == (400, "/api/v1/problems/invalid-request")


def test_pages_hold_while_subjects_come_and_go(registry_client: httpx.Client) -> None:
    client = registry_client
    for n in range(6):
        client.post(f"/api/v1/subjects/s{n}/versions", json={"schema": record(f"f{n}")})
    first = client.get("/api/v1/subjects?limit=3").json()
    client.delete("/subjects/s2")  # the one that the cursor names
    client.post("/api/v1/subjects/s1x/versions", json={"schema": record("x")})
    client.post("/api/v1/subjects/s3x/versions", json={"schema": record("x")})
    second = client.get("/api/v1/subjects", params={"limit": 10, "cursor": first["next_cursor"]}).json()
    assert [each["subject"] for each in second["items"]] == ["s3", "s3x", "s4", "s5"]
    assert second["next_cursor"] is None


def test_a_search_out_of_time_says_how_far_it_came(registry_client: httpx.Client, registry_store: Store) -> None:
    known = populate(registry_client, 30, seed=5)

    def walk(criteria: Criteria) -> tuple[list[str], int]:
        found, after, calls = [], None, 0
        while True:
            page = registry_store.read_now(
                lambda db, after=after: search.search(db, criteria, Config(), after=after, limit=3, seconds=0)  # type: ignore[misc] # mypy cannot infer a lambda with a default
            )
            calls += 1
            found += [str(each.hit.subject) for each in page.items]
            if page.next is None:
                return found, calls
            assert after is None or (page.next.context, page.next.name or "") > (after.context, after.name or "")
            after = page.next

    assert walk(Criteria(contains="order"))[0] == [each.printed for each in known if each.matches({"query": "order"})]
    found, calls = walk(Criteria(text="zzz"))
    assert found == []
    assert calls == len(CONTEXTS)


def test_a_search_with_few_matches_reads_only_those(registry_store: Store, registry_client: httpx.Client) -> None:
    for n in range(5):
        registry_client.post(f"/api/v1/subjects/s{n}/versions", json={"schema": record("common", f"f{n}")})
    ask = registry_store.read_now
    rare, common = Criteria(field="/f3").terms, Criteria(field="common").terms
    assert ask(lambda db: queries.few(db, common, 4)) is None
    assert ask(lambda db: queries.few(db, [*common, *rare], 4)) == [("field", "/f3")]
    hits = ask(lambda db: queries.by_term(db, Criteria(field="/f3"), rare[0], Position(".", "s2"), 10))
    assert [hit.subject.name for hit in hits] == ["s3"]
    assert ask(lambda db: queries.by_term(db, Criteria(field="/f3"), rare[0], Position(".", "s3"), 10)) == []


# A listing, or a search that an index serves, reads no table as a whole.
PLANS: Sequence[tuple[str, Criteria]] = [
    ("list", Criteria()),
    ("context", Criteria(context=".")),
    ("prefix", Criteria(prefix="s")),
    ("owner", Criteria(owner="x")),
    ("field", Criteria(field="a")),
    ("tag", Criteria(tag="a")),
]
TABLES = {"c", "context", "s", "subject", "v", "version", "x", "schema_", "t", "term", "o", "config"}


class Noting:
    """A transaction handle that notes what is asked."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def all(self, sql: str, **parameters: Any) -> Any:
        """All rows."""
        self.asked.append((sql, parameters))
        return self.db.all(sql, **parameters)

    def one(self, sql: str, **parameters: Any) -> Any:
        """The first row."""
        self.asked.append((sql, parameters))
        return self.db.one(sql, **parameters)

    def plan(self) -> list[str]:
        """SQLite's plans for all that was asked."""
        plans = (self.db.all(f"EXPLAIN QUERY PLAN {sql}", **parameters) for sql, parameters in self.asked)
        return [str(row[-1]) for rows in plans for row in rows]


def plan_of(tmp_path: Path, ask: Callable[[Db], object]) -> list[str]:
    """SQLite's plan for what a reading job asks."""
    store = open_store(f"sqlite:///{tmp_path}/t.db")
    migrate(store)
    store.write_now(lambda db: db.run("INSERT INTO context (name, last_id) VALUES ('.', 0)"))

    def job(db: Db) -> list[str]:
        noting = Noting(db)
        with suppress(RegistryError):
            ask(noting)  # type: ignore[arg-type] # it only reads
        return noting.plan()

    try:
        return store.read_now(job)
    finally:
        store.close()


@pytest.mark.parametrize(("what", "criteria"), PLANS, ids=[what for what, _ in PLANS])
@pytest.mark.parametrize("few", [-1, 2000], ids=["walk", "terms"])
def test_plans_on_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, criteria: Criteria, few: int
) -> None:
    monkeypatch.setattr(search, "_FEW", few)
    after = Position(".", "a")
    plan = plan_of(tmp_path, lambda db: search.search(db, criteria, Config(), after=after, limit=5))
    assert any(step.startswith("SEARCH s") or "ix_term_value" in step for step in plan)
    # The walk's windows are called s too, and are read as a whole: they are as large as they are asked for.
    windows = {step.split()[-1] for step in plan if step.startswith(("CO-ROUTINE", "MATERIALIZE"))}
    scans = {step.split()[1] for step in plan if step.startswith("SCAN")} - windows
    assert scans & TABLES == set()
    assert [step for step in plan if "AUTOMATIC" in step] == []


LOG_PLANS: Sequence[tuple[str, Callable[[Db], object], str]] = [
    ("history", lambda db: history.of_subject(db, Subject(".", "s"), before=9, limit=5), "ix_event_resource"),
    ("feed", lambda db: events.between(db, 1, 9, "", 5), "uq_event_sequence"),
    ("narrowed feed", lambda db: events.between(db, 1, 9, "subject:", 5), "uq_event_sequence"),
]


@pytest.mark.parametrize(("what", "ask", "index"), LOG_PLANS, ids=[what for what, _, _ in LOG_PLANS])
def test_the_log_is_read_by_index(tmp_path: Path, what: str, ask: Callable[[Db], object], index: str) -> None:
    steps = [step for step in plan_of(tmp_path, ask) if " event " in step]
    assert steps
    assert [step for step in steps if not step.startswith("SEARCH") or not ("autoindex" in step or index in step)] == []
