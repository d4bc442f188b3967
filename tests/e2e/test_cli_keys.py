"""`tenor keys …` against a served registry: each step is asserted on what the server then holds."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenor.keys import algorithms, kms
from tenor.sealing.persons import handle
from tests import documents
from tests.served import served

TENOR = Path(sys.executable).with_name("tenor")
SERVER = Path(sys.executable).with_name("tenor-server")
KMS = json.dumps({"local-kms": {"secret": "s3cret"}})
DEKS = "/dek-registry/v1/keks"
WHY = ("--legal-basis", "GDPR 17(1)(b)", "--request-id", "DSR-7")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "shred").mkdir()
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_KMS": KMS, "TENOR_SHRED_FOLDER": "shred"}
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        yield client


class Shell:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def tenor(self, *arguments: str, code: int = 0, **more: str) -> str:
        done = subprocess.run(
            [TENOR, *arguments],
            cwd=self.folder,
            env={"TENOR_URL": self.url, "PATH": "/usr/bin:/bin", "HOME": str(self.folder), **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def document(self, *arguments: str, **more: str) -> Any:
        return documents.read(self.tenor(*arguments, "--output", "json", code=0, **more))


@pytest.fixture
def shell(tmp_path: Path, registry: httpx.Client) -> Shell:
    return Shell(tmp_path, str(registry.base_url))


def create(shell: Shell, name: str, *more: str) -> str:
    return shell.tenor("keys", "create", name, "--kms-type", "local-kms", "--kms-key-id", "k", *more)


def test_a_shared_kek_is_created_rotated_and_rewrapped(shell: Shell, registry: httpx.Client) -> None:
    said = create(shell, "cli", "--shared", "--test", "--doc", "d", "--prop", "a=b")
    assert said == "created KEK cli (local-kms k)\n"
    assert "already exists" in shell.tenor("keys", "create", "cli", "--kms-type", "x", "--kms-key-id", "k", code=5)
    for version in (1, 2, 3):
        said = shell.tenor("keys", "rotate", "cli", "orders-value")
        assert said == f"made version {version} of orders-value's key under cli\n"
    assert registry.get(f"{DEKS}/cli/deks/orders-value/versions").json() == [1, 2, 3]
    before = registry.get(f"{DEKS}/cli/deks/orders-value/versions/-1").json()
    assert "next: tenor keys rewrap" in shell.tenor("keys", "rotate", "cli", "--kms-key-id", "new")
    assert shell.document("keys", "rewrap", "cli", "--batch", "2") == {
        "kek": "cli",
        "$schema": "urn:tenor:output:keys-rewrap:1",
        "rewrapped": 3,
        "left": 0,
        "failed": [],
    }
    after = registry.get(f"{DEKS}/cli/deks/orders-value/versions/-1").json()
    assert after["keyMaterial"] == before["keyMaterial"]
    assert after["encryptedKeyMaterial"] != before["encryptedKeyMaterial"]
    (item,) = [each for each in shell.document("keys", "list")["keks"] if each["name"] == "cli"]
    assert (item["kms_key_id"], item["shared"], item["deks"]) == ("new", True, 3)
    assert "cli: local-kms new, shared; 3 data keys, 0 persons" in shell.tenor("keys", "list")


def test_a_kek_of_clients_is_rotated_and_rewrapped_here(shell: Shell, registry: httpx.Client) -> None:
    create(shell, "mine")
    shell.tenor("keys", "rotate", "mine", "orders-value", "--algorithm", "AES256_SIV", TENOR_KMS=KMS)
    path = f"{DEKS}/mine/deks/orders-value?algorithm=AES256_SIV"
    system = kms.driver("local-kms", "k", config={"secret": "s3cret"})

    def key() -> tuple[str, bytes]:
        material = registry.get(path).json()["encryptedKeyMaterial"]
        return material, system.unwrap(base64.b64decode(material))

    before, serialised = key()
    assert len(algorithms.raw("AES256_SIV", serialised)) == 64
    assert shell.document("keys", "rewrap", "mine", TENOR_KMS=KMS)["rewrapped"] == 1
    after, again = key()
    assert (again, after == before) == (serialised, False)
    shell.tenor("keys", "rewrap", "mine", code=1, TENOR_KMS=KMS.replace("s3cret", "0ther"))
    assert key() == (after, serialised)
    assert "TENOR_KMS is" in shell.tenor("keys", "rewrap", "mine", code=2, TENOR_KMS="{")
    assert "not shared" in shell.tenor("keys", "rotate", "mine", "--kms-key-id", "new", code=2)


def test_a_person_is_erased(shell: Shell, registry: httpx.Client) -> None:
    create(shell, "people", "--shared")
    pepper = "a pepper of 16 bytes"
    handles = [handle(pepper.encode(), "person", name).hex() for name in ("ada", "bob")]
    resolve = "/api/v1/keks/people/persons:resolve"
    registry.post(resolve, json={"handles": handles, "mint": True})
    assert "--yes" in shell.tenor("keys", "erase", "people", handles[0], *WHY, code=2)
    stone = shell.document("keys", "erase", "people", handles[0], *WHY, "--yes")
    assert (stone["handle"], stone["version"], stone["request_id"]) == (handles[0], 2**20, "DSR-7")
    said = shell.tenor("keys", "erase", "people", "--id", "bob", *WHY, "--yes", TENOR_PEPPER=pepper)
    assert said.startswith(f"erased {handles[1]} under people: version {2**20 + 1} at ")
    states = [each["state"] for each in registry.post(resolve, json={"handles": handles}).json()["persons"]]
    assert states == ["erased", "erased"]
    assert "not found" in shell.tenor("keys", "erase", "people", "0" * 32, *WHY, "--yes", code=2)
    assert "TENOR_PEPPER" in shell.tenor("keys", "erase", "people", "--id", "bob", *WHY, "--yes", code=2)
    assert "say who" in shell.tenor("keys", "erase", "people", *WHY, "--yes", code=2)
