"""A registry moves: `tenor import confluent` between two served ones, `tenor export` and `tenor import dir`."""

from __future__ import annotations

import base64
import contextlib
import http.server
import io
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenor.cli import main
from tenor.cli.moving import archive
from tests import documents
from tests.e2e.test_cli_projects import Ran
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
WRAPPED = base64.b64encode(b"x" * 48).decode()


def record(name: str, *fields: tuple[str, str]) -> str:
    listed = [{"name": each, "type": type} for each, type in fields]
    return json.dumps({"type": "record", "name": name, "namespace": "n", "fields": listed})


def ask(client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    answer = client.request(method, path, json=body)
    assert answer.status_code < 300, (method, path, answer.text)
    return answer.json() if answer.content else None


def register(client: httpx.Client, subject: str, schema: str, *references: tuple[str, str, int], **more: Any) -> None:
    named = [{"name": name, "subject": target, "version": version} for name, target, version in references]
    ask(client, "POST", f"/subjects/{subject}/versions", {"schema": schema, "references": named, **more})


def fill(client: httpx.Client) -> None:
    """Something of everything that a registry holds."""
    register(client, "gone", '"int"')
    ask(client, "DELETE", "/subjects/gone")
    ask(client, "DELETE", "/subjects/gone?permanent=true")  # so that ids do not simply count from 1
    register(client, "z-money", record("Money", ("amount", "long")))
    register(client, "a-order", record("Order", ("total", "n.Money")), ("n.Money", "z-money", 1))
    ask(client, "PUT", "/config/a-order", {"compatibility": "NONE"})
    for number in range(3):
        register(client, "a-order", record(f"Order{number}", ("total", "n.Money")), ("n.Money", "z-money", 1))
    ask(client, "DELETE", "/subjects/a-order/versions/2")
    ask(client, "DELETE", "/subjects/a-order/versions/3")
    ask(client, "DELETE", "/subjects/a-order/versions/3?permanent=true")
    register(client, ":.dev:part", record("Part", ("a", "string")))
    register(client, ":.dev:whole", record("Whole", ("p", "n.Part")), ("n.Part", "part", 1))
    register(client, "old-part", '"string"')
    register(client, "old-whole", '{"type": "object", "properties": {"é": {}}}', schemaType="JSON")
    proto = 'syntax = "proto3";\npackage p;\n\nmessage A {\n  int32 a = 1;\n}\n'
    register(client, "proto", proto, schemaType="PROTOBUF")
    user = 'syntax = "proto3";\npackage q;\n\nimport "p.proto";\n\nmessage B {\n  p.A a = 1;\n}\n'
    register(client, "proto-user", user, ("p.proto", "proto", 1), schemaType="PROTOBUF")
    ask(client, "DELETE", "/subjects/proto-user")
    ask(client, "DELETE", "/subjects/proto")  # referred to by what is deleted itself
    more = {
        "metadata": {"properties": {"owner": "é"}, "tags": {"**.a": ["PII"]}},
        "ruleSet": {"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "1"}]},
    }
    register(client, "ruled", record("Ruled", ("a", "string")), **more)
    ask(client, "PUT", "/config", {"compatibility": "FULL"})
    ask(client, "PUT", "/config/:.dev:", {"compatibility": "FORWARD", "normalize": True})
    ask(client, "PUT", "/config/nickname", {"alias": "ruled"})
    ask(client, "PUT", "/mode/ruled", {"mode": "READONLY"})
    keks = "/dek-registry/v1/keks"
    for name in ("kek", "old-kek"):
        kek = {"name": name, "kmsType": "aws-kms", "kmsKeyId": "arn:aws:kms:x:1:key/1", "doc": "why"}
        ask(client, "POST", keks, kek)
        for version in (1, 2):
            dek = {"subject": "ruled", "version": version, "encryptedKeyMaterial": WRAPPED}
            ask(client, "POST", f"{keks}/{name}/deks", dek)
    siv = {"subject": "ruled", "algorithm": "AES256_SIV", "encryptedKeyMaterial": WRAPPED}
    ask(client, "POST", f"{keks}/kek/deks", siv)
    ask(client, "DELETE", f"{keks}/kek/deks/ruled/versions/1")
    ask(client, "DELETE", f"{keks}/old-kek/deks/ruled")
    ask(client, "DELETE", f"{keks}/old-kek")
    topic = {"resourceNamespace": "lkc", "resourceType": "topic"}
    for name in ("orders", "moves"):  # one subject of two topics
        weak = [{"subject": "a-order", "associationType": "value", "lifecycle": "WEAK"}]
        ask(client, "POST", "/associations", {**topic, "resourceName": name, "resourceId": name, "associations": weak})
    own = [{"associationType": type, "schema": {"schema": '"string"'}} for type in ("key", "value")]
    ask(client, "POST", "/associations", {**topic, "resourceName": "own", "resourceId": "id", "associations": own})
    ask(client, "PUT", "/mode/:.lkc:own-key", {"mode": "READONLY"})


@contextmanager
def server(folder: Path) -> Iterator[httpx.Client]:
    folder.mkdir()
    with served([SERVER, "serve"], cwd=folder, environment={"TENOR_DATABASE_URL": "sqlite:///t.db"}) as client:
        yield client


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with server(tmp_path_factory.mktemp("moving") / "source") as client:
        fill(client)
        yield client


@pytest.fixture
def target(tmp_path: Path) -> Iterator[httpx.Client]:
    with server(tmp_path / "target") as client:
        yield client


class Between:
    """Stands before a registry, remembers what was asked, and after so many writes answers something else."""

    def __init__(self, behind: httpx.Client) -> None:
        self.asked: list[tuple[str, str]] = []
        self.writes: int | None = None
        self.instead: tuple[int, str, bytes] = (502, "text/html", b"<html>no</html>")
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                between.asked.append((self.command, self.path))
                if self.command != "GET" and between.writes is not None:
                    between.writes -= 1
                if between.writes is not None and between.writes < 0:
                    status, kind, content = between.instead
                else:
                    headers = {name: self.headers[name] for name in ("content-type", "accept") if name in self.headers}
                    url = f"{str(behind.base_url).rstrip('/')}{self.path}"
                    got = httpx.request(self.command, url, content=body, headers=headers, timeout=30)
                    status, kind, content = got.status_code, got.headers.get("content-type", ""), got.content
                self.send_response(status)
                self.send_header("content-type", kind)
                # A status of 0 in `instead` cannot be: a length that is too long is half a response.
                self.send_header("content-length", str(len(content) + (1000 if content.startswith(b"{half") else 0)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 # names of the standard library

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def between(behind: httpx.Client) -> Iterator[Between]:
    made = Between(behind)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def tenor(folder: Path, *arguments: str) -> Ran:
    """The command in this process: what it asks goes over the wire all the same."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*arguments, "--quiet"])  # a slow machine would be told how far it is
    assert "Traceback" not in err.getvalue()
    return Ran(code, out.getvalue(), err.getvalue())


def url(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def everything(client: httpx.Client) -> list[Any]:
    """What clients of a registry see, without when its keys and associations were written there."""
    versions = ask(client, "GET", "/schemas?subjectPrefix=:*:&deleted=true")
    live = ask(client, "GET", "/schemas?subjectPrefix=:*:")
    associations = ask(client, "GET", "/associations/resources/-/-")
    for each in (
        *associations,
        *(found for version in (*versions, *live) for found in version.get("associations", ())),
    ):
        for name in ("guid", "createTimestamp", "updateTimestamp"):
            each.pop(name)
    deks = ask(client, "GET", "/dek-registry/v1/keks/kek/deks/ruled/versions/2")
    deks.pop("ts", None)
    return [
        versions,
        live,
        associations,
        ask(client, "GET", "/contexts"),
        ask(client, "GET", "/config"),
        ask(client, "GET", "/config/:.dev:"),
        ask(client, "GET", "/config/nickname"),
        client.get("/config/z-money").status_code,
        ask(client, "GET", "/mode"),
        ask(client, "GET", "/mode/ruled"),
        client.get("/mode/a-order").status_code,
        ask(client, "GET", "/dek-registry/v1/keks?deleted=true"),
        ask(client, "GET", "/dek-registry/v1/keks"),
        deks,
        client.get("/dek-registry/v1/keks/kek/deks/ruled/versions/1").status_code,
    ]


def sealed(client: httpx.Client) -> int:
    """Where the feed of changes ends, once all that was committed is in it: events are sealed twice a second."""
    end = -1
    while (now := client.get(f"/api/v1/changes?limit=200&cursor={max(end, 0)}").json()["next_cursor"]) != end:
        end = now
        time.sleep(1.2)
    return end


def test_a_registry_is_copied_verified_and_copied_again(
    source: httpx.Client, target: httpx.Client, tmp_path: Path
) -> None:
    with between(source) as confluent:
        copy = ("import", "confluent", confluent.url, "--registry", url(target), "--output", "json")
        dry = documents.read(tenor(tmp_path, *copy, "--dry-run").out)
        assert not dry["verified"]
        assert dry["copied"]["version"] == 0
        assert target.get("/subjects?deleted=true").json() == []
        ran = tenor(tmp_path, *copy)
        report = documents.read(ran.out)
        assert (ran.code, report["verified"], report["different"]) == (0, True, [])
        assert report["compared"] == {
            "config": 4, "mode": 3, "version": 13, "association": 4, "kek": 2, "dek": 5,
        }  # fmt: skip
        assert (report["copied"]["version"], report["copied"]["association"]) == (13, 4)
        # Only what a Confluent registry answers was asked, and nothing was written there.
        assert {method for method, _ in confluent.asked} == {"GET"}
        assert {path.split("/")[1].partition("?")[0] for _, path in confluent.asked} == {
            "schemas", "contexts", "config", "mode", "dek-registry", "associations",
        }  # fmt: skip
    assert everything(target) == everything(source)
    before = sealed(target)
    again = documents.read(tenor(tmp_path, *copy[:2], url(source), *copy[3:]).out)
    assert again["verified"]
    assert sum(again["copied"].values()) == 0
    assert sealed(target) == before
    # Ids go on behind those that were brought along.
    ids = [each["id"] for each in ask(target, "GET", "/schemas?deleted=true")]
    register(target, "later", '"double"')
    assert ask(target, "GET", "/subjects/later/versions/1")["id"] == max(ids) + 1


def test_an_import_that_was_cut_short_goes_on(source: httpx.Client, target: httpx.Client, tmp_path: Path) -> None:
    with between(target) as unreliable:
        for writes in (1, 9, 6, 4):
            unreliable.writes = writes
            cut = tenor(tmp_path, "import", "confluent", url(source), "--registry", unreliable.url)
            assert (cut.code, len(cut.err.splitlines())) == (4, 1), cut
            assert unreliable.url in cut.err
        unreliable.writes = None
        assert tenor(tmp_path, "import", "confluent", url(source), "--registry", unreliable.url).code == 0
    assert everything(target) == everything(source)


def test_an_archive_is_restored_byte_for_byte(source: httpx.Client, target: httpx.Client, tmp_path: Path) -> None:
    assert tenor(tmp_path, "export", "first", "--registry", url(source)).code == 0
    restored = tenor(tmp_path, "import", "dir", "first", "--registry", url(target))
    assert restored.code == 0, restored
    assert restored.out.splitlines()[-1].endswith("all alike")
    assert tenor(tmp_path, "export", "second.jsonl", "--registry", url(target)).code == 0
    written = (tmp_path / "first/registry.jsonl").read_bytes()
    assert (tmp_path / "second.jsonl").read_bytes() == written
    assert everything(target) == everything(source)
    # What is not whole, or was altered, is refused before anything is written.
    lines = written.splitlines(keepends=True)
    broken = {
        "cut.jsonl": b"".join(lines[:-1]),
        "altered.jsonl": written.replace(b"amount", b"amounT"),
        "less.jsonl": b"".join([*lines[:3], *lines[4:]]),
        "html.jsonl": b"<html></html>",
        "empty.jsonl": b"",
        "list.jsonl": b"[]\n[]\n",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        refused = tenor(tmp_path, "import", "dir", name, "--registry", url(target))
        assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused
        assert name in refused.err
    taken = tenor(tmp_path, "export", "first", "--registry", url(source))
    assert (taken.code, "first/registry.jsonl" in taken.err) == (2, True)


def test_times_and_associations_follow_what_the_source_says_now(
    source: httpx.Client, target: httpx.Client, tmp_path: Path
) -> None:
    copy = ("import", "confluent", url(source), "--registry", url(target), "--output", "json")
    assert tenor(tmp_path, "export", "all.jsonl", "--registry", url(source)).code == 0
    # As a release wrote it that told no times: they are another day's, until the source is asked again.
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()[1:-1]]
    untimed = {tuple(each["key"]): {k: v for k, v in each["record"].items() if k != "ts"} for each in lines}
    archive.write(untimed, tmp_path / "old.jsonl")
    old = documents.read(
        tenor(tmp_path, "import", "dir", "old.jsonl", "--registry", url(target), "--output", "json").out
    )
    assert old["verified"]
    more = {"resourceName": "more", "resourceNamespace": "lkc", "resourceId": "more", "resourceType": "topic"}
    weak = [{"subject": "a-order", "associationType": "key", "lifecycle": "WEAK"}]
    ask(target, "POST", "/associations", {**more, "associations": weak})
    first = documents.read(tenor(tmp_path, *copy).out)
    assert first["different"] == []
    assert (first["verified"], first["copied"]["version"], first["copied"]["association"]) == (True, 13, 1)
    assert everything(target) == everything(source)
    assert sum(documents.read(tenor(tmp_path, *copy).out)["copied"].values()) == 0
    # What another topic has by the same name is in the way.
    ask(target, "DELETE", "/associations/resources/moves?resourceType=topic")
    other = {**more, "resourceName": "moves", "resourceId": "other"}
    ask(target, "POST", "/associations", {**other, "associations": [{**weak[0], "associationType": "value"}]})
    ran = tenor(tmp_path, *copy[:-2])
    assert (ran.code, ran.out.splitlines()[0]) == (5, "association a-order lkc moves value: resourceId")


def test_what_is_in_the_way_is_told_before_anything_is_written(
    source: httpx.Client, target: httpx.Client, tmp_path: Path
) -> None:
    register(target, "z-money", '"int"')
    register(target, "mine", '"long"')
    before = sealed(target)
    ran = tenor(tmp_path, "import", "confluent", url(source), "--registry", url(target))
    assert (ran.code, ran.out.splitlines()[0]) == (5, "version z-money 1: id, schema, ts")
    assert sealed(target) == before
    same = tenor(tmp_path, "import", "confluent", url(source), "--registry", url(source))
    assert (same.code, "is where it would be copied to" in same.err) == (2, True)


ODD = {
    "HTML": (200, "text/html", b"<html></html>"),
    "half a response": (200, "application/json", b"{half"),
    "too many requests": (429, "application/json", b'{"error_code": 429, "message": "slow down"}'),
    "another shape": (200, "application/json", b'[{"subject": 1}]'),
    "an error in HTML": (500, "text/html", b"<html></html>"),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_source_that_is_no_registry_is_named(source: httpx.Client, tmp_path: Path, odd: str) -> None:
    with between(source) as broken:
        broken.writes, broken.instead = -1, ODD[odd]
        ran = tenor(tmp_path, "import", "confluent", broken.url, "--registry", url(source))
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (4, "", 1), ran
        assert broken.url in ran.err


def test_a_source_that_is_not_there_is_named(source: httpx.Client, tmp_path: Path) -> None:
    ran = tenor(tmp_path, "import", "confluent", "http://127.0.0.1:9", "--registry", url(source))
    assert (ran.code, len(ran.err.splitlines()), "http://127.0.0.1:9" in ran.err) == (4, 1, True)
