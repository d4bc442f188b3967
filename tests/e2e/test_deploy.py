"""What `deploy/` says, held against the tools that will read it, and against two replicas behind a real nginx."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from registry.settings import Settings
from tests import legs
from tests.e2e.conftest import SERVER
from tests.postgres import free_port
from tests.served import served

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
TOKEN = "0123456789abcdef0123456789abcdef"  # of a server that lives for one test
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SETTINGS = {f"TENOR_{each.name.upper()}" for each in fields(Settings)}
CERTIFICATE = "X-Client-Certificate-Subject"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.deploy
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_follow_the_published_schemas(path: Path) -> None:
    said = run(legs.DEPLOY_TOOLS / "kubernetes-validate", "--strict", path)
    assert "passed" in said
    assert "WARN" not in said


def test_the_kustomization_names_every_manifest() -> None:
    listed = loaded(DEPLOY / "kubernetes" / "kustomization.yaml")
    assert sorted(listed["resources"]) == [path.name for path in MANIFESTS]


@pytest.mark.parametrize("name", ["deployment.yaml", "migrate.yaml"])
def test_pods_have_no_right_they_do_not_need(name: str) -> None:
    pod = loaded(DEPLOY / "kubernetes" / name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.deploy
def test_the_compose_file_is_one() -> None:
    script = "import sys, compose_spec; print(compose_spec.PyCompose.from_json(sys.stdin.read()).service_names())"
    done = subprocess.run(
        [legs.DEPLOY_TOOLS / "python", "-c", script],
        input=json.dumps(loaded(DEPLOY / "compose.yaml")), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tenor-1" in done.stdout


def test_what_is_set_can_be_set() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"TENOR_[A-Z_]+", text)}
    assert named <= SETTINGS
    assert {"TENOR_ADMIN_TOKEN", "TENOR_DATABASE_URL", "TENOR_SECRET_KEY"} <= named


@pytest.mark.deploy
def test_alerts_say_what_they_should() -> None:
    folder = DEPLOY / "prometheus"
    assert "SUCCESS" in run("promtool", "check", "rules", "alerts.yaml", cwd=folder)
    assert "SUCCESS" in run("promtool", "test", "rules", "alerts_test.yaml", cwd=folder)
    tested = {
        case["alertname"] for test in loaded(folder / "alerts_test.yaml")["tests"] for case in test["alert_rule_test"]
    }
    rules = loaded(folder / "alerts.yaml")["groups"][0]["rules"]
    assert tested == {rule["alert"] for rule in rules}


def test_alerts_and_the_dashboard_ask_for_what_is_exported(registry: httpx.Client) -> None:
    registry.get("/subjects")
    exported = set(re.findall(r"^(tenor_\w+)", registry.get("/metrics").text, re.M))
    dashboard = json.loads((DEPLOY / "grafana" / "tenor.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in loaded(DEPLOY / "prometheus" / "alerts.yaml")["groups"][0]["rules"]]
    wanted = {name for expression in asked for name in re.findall(r"tenor_\w+", expression)}
    assert wanted
    assert wanted <= exported
    labels = set(re.findall(r'(\w+)="', registry.get("/metrics").text))
    assert {"route", "method", "status", "le"} <= labels


def test_revisions_only_add() -> None:
    """What an upgrade without downtime rests on: replicas of the former release meet the new tables."""
    for path in sorted((ROOT / "migrations" / "versions").glob("*.py")):
        upgrade = path.read_text().split("def upgrade()", 1)[1].split("\ndef downgrade()", 1)[0]
        assert not re.findall(r"drop_table|drop_column|rename_table|new_column_name|DROP (?:TABLE|COLUMN)", upgrade), (
            path
        )


# --- nginx and two replicas -----------------------------------------------------------------------------------------


@contextmanager
def nginx(folder: Path, *replicas: httpx.Client) -> Iterator[httpx.Client]:
    """The nginx of the compose file before these replicas: its addresses are other ones, all else is as it stands."""
    port = free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    for number, replica in enumerate(replicas, 1):
        assert f"server tenor-{number}:8081" in text
        text = text.replace(f"server tenor-{number}:8081", f"server 127.0.0.1:{replica.base_url.port}")
    text = text.replace("listen 8081;", f"listen 127.0.0.1:{port};").replace("/tmp/", f"{folder}/")
    # Its workers keep bodies in folders of this test, which nobody but its user reaches.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"daemon off; {user}\n{text}")
    binary = legs.executable("nginx")
    assert binary
    process = subprocess.Popen(
        [binary, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15, trust_env=False) as client:
            for _ in range(200):
                try:
                    client.get("/health/live")
                    break
                except httpx.TransportError:
                    time.sleep(0.02)
            yield client
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def two_replicas(url: str, folder: Path) -> Iterator[tuple[httpx.Client, ExitStack, httpx.Client, httpx.Client]]:
    """nginx, and behind it two replicas as compose starts them; the stack ends the first one early."""
    environment = {
        "TENOR_DATABASE_URL": url,
        "TENOR_AUTHENTICATION": "on",
        "TENOR_ADMIN_TOKEN": TOKEN,
        "TENOR_PROXIES": "127.0.0.1",
        "TENOR_CERTIFICATE_HEADER": CERTIFICATE,
    }
    with ExitStack() as first, ExitStack() as others:
        one = first.enter_context(served([SERVER, "serve"], cwd=folder, environment=environment))
        two = others.enter_context(served([SERVER, "serve"], cwd=folder, environment=environment))
        (folder / "nginx").mkdir()
        client = others.enter_context(nginx(folder / "nginx", one, two))
        client.headers.update(BEARER)
        yield client, first, one, two


@pytest.mark.deploy
def test_nginx_before_two_replicas(pg_url: str, tmp_path: Path) -> None:
    schema = {"schema": '{"type":"record","name":"Order","fields":[{"name":"id","type":"int"}]}'}
    with two_replicas(pg_url, tmp_path) as (client, first, one, two):
        # Names come through as they were sent.
        for name in ("orders%2Fplaced", "a%20b", "%E2%82%AC", "a%2F%2Fb", "%252F", "..%2Fconfig"):
            assert client.post(f"/subjects/{name}/versions", json=schema).json()["id"] == 1
            assert client.get(f"/subjects/{name}/versions").json() == [1]
        assert set(client.get("/subjects").json()) == {"orders/placed", "a b", "€", "a//b", "%2F", "../config"}
        # Both replicas answer, and what one wrote the other has.
        for _ in range(20):
            assert client.get("/subjects/orders%2Fplaced/versions/1").status_code == 200
        for replica in (one, two):
            assert 'route="/subjects/{subject}/versions/{version}"' in replica.get("/metrics", headers=BEARER).text
        # Nobody comes in by saying what a proxy says.
        for headers in ({CERTIFICATE: "CN=admin"}, {"X-Forwarded-For": "127.0.0.1"}):
            refused = client.get("/subjects", headers={"Authorization": "", **headers})
            assert refused.status_code == 401
        # Tenor says no to what is too long, not nginx.
        too_long = client.post("/subjects/long/versions", content=b'"' + b" " * 10_000_001 + b'"')
        assert (too_long.status_code, "error_code" in too_long.json()) == (413, True)
        _keeps_answering(client, first)


def _keeps_answering(client: httpx.Client, first: ExitStack) -> None:
    """One replica is stopped while readers and writers are at work: readers notice nothing, writers at most a 503."""
    stop, reads, writes = threading.Event(), [], []
    url, headers = str(client.base_url), dict(client.headers)

    def read() -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=15, trust_env=False) as mine:
            while not stop.is_set():
                reads.append(mine.get("/schemas/ids/1").status_code)

    def write(writer: int) -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=15, trust_env=False) as mine:
            number = 0
            while not stop.is_set():
                number += 1
                body = {"schema": json.dumps({"type": "fixed", "name": f"F{writer}_{number}", "size": 4})}
                answer = mine.post(f"/subjects/w{writer}-{number}/versions", json=body)
                writes.append((answer.status_code, answer.headers.get("retry-after"), f"w{writer}-{number}"))

    threads = [threading.Thread(target=read) for _ in range(4)]
    threads += [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    before = len(writes)
    first.close()  # SIGTERM, and wait for its end
    time.sleep(0.7)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert set(reads) == {200}
    assert len(writes) > before > 0
    assert {status for status, _, _ in writes} <= {200, 503}
    assert all(retry for status, retry, _ in writes if status == 503)
    there = set(client.get("/subjects").json())
    assert {name for status, _, name in writes if status == 200} <= there
