"""From a handler to the erasure of a person: who fails on it is named before the field is sealed, and really fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import tenor
from tenor import Keys
from tenor.sealing.persons import handle as handle_of
from tests.e2e.conftest import SERVER
from tests.e2e.test_cli_contracts import Shell
from tests.served import served

SECRET, PEPPER = "e2e-secret", b"sixteen bytes of pepper"
PLAIN = {
    "type": "record",
    "name": "Customer",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "email", "type": "string"},
        {"name": "total", "type": "double"},
    ],
}
TAGGED = json.loads(json.dumps(PLAIN).replace('"name": "email",', '"name": "email", "confluent:tags": ["PII"],'))
RULES = {
    "domainRules": [
        {
            "name": "seal",
            "kind": "TRANSFORM",
            "mode": "WRITEREAD",
            "type": "SEAL",
            "tags": ["PII"],
            "params": {
                "encrypt.kek.name": "people",
                "encrypt.kms.type": "local-kms",
                "encrypt.kms.key.id": "key",
                "tenor.dataSubject": "$.id",
            },
            "onFailure": "ERROR,ERROR",
        }
    ]
}
FAILING = """
def handle(event):
    return {"domain": event.data["email"].split("@")[1]}
"""
COPING = """
def handle(event):
    if "email" in event.erased:
        return None
    return {"domain": event.data["email"].split("@")[1]}
"""
TEST = """
from mailer_code import handle
from tenor import Event
SAMPLES = [Event({"id": name, "email": f"{name}@example.org", "total": 1.5}, None) for name in ("ada", "bob")]
def test_mail(tenor_events):
    tenor_events("customers-value", handle, samples=SAMPLES, provider="shop")
"""
CUSTOMER = {"id": "c-1", "email": "ada@example.org", "total": 1.5}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db"}
    with served([SERVER, "serve"], cwd=tmp_path_factory.mktemp("served"), environment=environment) as client:
        yield client


def released(shell: Shell, code: str, version: str) -> Callable[[Any], Any]:
    """A version of the mailer: its code, recorded, published and deployed to prod."""
    (shell.folder / "mailer_code.py").write_text(code)
    shell.tenor("contracts", "record", "-q", "-p", "no:cacheprovider")
    shell.tenor("contracts", "publish", "contracts", "--consumer-version", version)
    shell.tenor("deploy", "record", "--application", "mailer", "--version", version, "--environment", "prod")
    module = ModuleType("mailer")
    exec(code, module.__dict__)
    handler: Callable[[Any], Any] = module.handle
    return handler


def erased(registry: httpx.Client) -> tenor.Event:
    """What a consumer gets of an event that was sealed for a person who was erased afterwards."""
    keys = Keys(kms={"local-kms": {"secret": SECRET}}, pepper=PEPPER)
    with tenor.Registry(str(registry.base_url), keys=keys) as producer:
        codec = producer.events("customers-value")
        value = codec.encode_value(CUSTOMER)
    assert value is not None
    assert b"example.org" not in value
    person = handle_of(PEPPER, "person", "c-1").hex()
    gone = registry.delete(f"/api/v1/keks/people/persons/{person}", params={"legal_basis": "GDPR Art. 17"})
    assert gone.status_code == 200, gone.text
    with tenor.Registry(str(registry.base_url), keys=keys) as consumer:
        return consumer.events("customers-value", decode_only=True).decode(value)


def test_who_fails_on_erasure_is_named_before_anything_is_sealed(tmp_path: Path, registry: httpx.Client) -> None:
    shell = Shell(tmp_path, str(registry.base_url))
    for name, text in (("plain.avsc", PLAIN), ("tagged.avsc", TAGGED), ("rules.json", RULES)):
        (tmp_path / name).write_text(json.dumps(text))
    (tmp_path / "pytest.ini").write_text("[pytest]\ntenor_application = mailer\n")
    (tmp_path / "test_mailer.py").write_text(TEST)
    shell.tenor("register", "customers-value", "plain.avsc")
    shell.tenor("env", "create", "prod", "--production")
    shell.tenor("policy", "set", "customers-*", "--protect", "used")
    failing = released(shell, FAILING, "1.0")
    comment = json.loads(next((tmp_path / "contracts").iterdir()).read_text())["interactions"][0]["comments"]["tenor"]
    assert {need["path"]: need["when"]["erased"] for need in comment["needs"]} == {"": "fails", "/email": "fails"}

    asked = ("impact", "customers-value", "tagged.avsc", "--rule-set", "rules.json")
    assert shell.tenor(*asked[:3]).stdout.startswith("safe: 1 safe"), "tags alone seal nothing"
    row = shell.document(*asked, code=1)["rows"][0]
    assert (row["consumer"], row["version"], row["environments"]) == ("mailer", "1.0", ["prod"])
    assert (row["outcome"], row["path"], row["rule"], row["evidence"]) == ("breaks", "/email", "erased", "recorded")
    assert row["witness"]["email"] == "[erased]"
    with pytest.raises(IndexError):
        failing(tenor.Event(row["witness"], None, erased=("email",)))
    told = shell.tenor(*asked, code=1).stdout
    assert "breaks    mailer 1.0 in prod, on /email" in told
    assert "is sealed for a person (rule 'seal') and is \"[erased]\" once" in told
    assert "its code failed when this was tried: let it ask event.erased first" in told
    assert "/email (erased: fails)" in shell.tenor("consumers", "customers-value").stdout
    assert "Let the code ask" in " ".join(shell.tenor("explain", "erased").stdout.split())

    sealed = {"schema": json.dumps(TAGGED), "ruleSet": RULES}
    where = "/subjects/customers-value/versions"
    refused = registry.post(where, json=sealed)
    assert refused.status_code == 409
    assert "mailer 1.0 in prod breaks on /email" in refused.json()["message"]

    coping = released(shell, COPING, "1.1")
    assert shell.tenor(*asked).stdout.startswith("safe: 1 safe")
    assert registry.post(where, json=sealed).status_code == 200
    event = erased(registry)
    assert (event.data["email"], event.erased) == ("[erased]", ("email",))
    with pytest.raises(IndexError):
        failing(event)
    assert coping(event) is None

    shell.tenor("produces", "--application", "shop", "--version", "2", "customers-value:2")
    shell.tenor("deploy", "record", "--application", "shop", "--version", "2", "--environment", "prod")
    ask = ("can-i-deploy", "--application", "mailer", "--to-environment", "prod", "--version")
    shell.tenor(*ask, "1.1")
    assert "on /email of customers-value version 2" in shell.tenor(*ask, "1.0", code=1).stdout

    # A later version of the schema is asked as well: its rules are inherited.
    old = {"subject": "customers-value", "evidence": "recorded", "needs": [{"path": "/email"}], "version": 1}
    pact = json.loads(next((tmp_path / "contracts").iterdir()).read_text())
    pact["interactions"][0]["comments"]["tenor"] = old
    (tmp_path / "old.json").write_text(json.dumps(pact))
    shell.tenor("contracts", "publish", "old.json", "--consumer-version", "0.9")
    shell.tenor("deploy", "record", "--application", "mailer", "--version", "0.9", "--environment", "prod")
    unknown = shell.tenor("impact", "customers-value", "tagged.avsc", code=3).stdout
    assert "unknown   mailer 0.9 in prod, on /email" in unknown
    assert "record it again (pytest --tenor-record)" in unknown
    assert "next: Let the contracts of mailer say" in unknown
