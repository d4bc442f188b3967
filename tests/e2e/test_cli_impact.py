"""The verbs about consumers against a served registry, as a person types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_cli_contracts import Shell
from tests.integration.test_v1_impact import (
    NUMBER,
    TEXT,
    V1,
    deploy,
    environment,
    publish,
    recorded,
    register,
    without,
)

UNTIL = datetime.now(UTC).date() + timedelta(days=200)
"""A last day that a waiver may have: at most a year ahead."""


@pytest.fixture
def shell(tmp_path: Path, registry: httpx.Client) -> Shell:
    """billing 1.4 reads total in prod, search 7 reads sku in staging."""
    shell = Shell(tmp_path, str(registry.base_url))
    register(registry, V1)
    publish(registry, "1.4", recorded("billing", {"/total": NUMBER}))
    publish(registry, "7", recorded("search", {"/sku": TEXT}))
    for application, number, place in (("billing", "1.4", "prod"), ("search", "7", "staging")):
        known = registry.get("/pact/environments").json()["_embedded"]["environments"]
        uuid = {each["name"]: each["uuid"] for each in known}.get(place) or environment(registry, place)
        deploy(registry, application, number, uuid)
    for name in ("total", "sku", "id"):
        (tmp_path / f"without-{name}.avsc").write_text(json.dumps(without(name)), encoding="utf-8")
    return shell


def test_the_impact_of_a_change_is_understood_at_once(shell: Shell) -> None:
    told = shell.tenor("impact", "orders-value", "without-total.avsc", code=1).stdout.splitlines()
    assert told[0] == "unsafe: 1 break, 1 safe"
    assert told[1].split() == ["breaks", "billing", "1.4", "in", "prod,", "on", "/total"]
    assert "its code failed when this was tried" in told[2]
    assert told[3].strip().startswith("event: {")
    assert "known: recorded" in told[4]
    assert "to act: orders" in told[4]
    assert told[5].split() == ["safe", "search", "7", "in", "staging"]
    document = shell.document("impact", "orders-value", "without-total.avsc", code=1)
    assert (document["verdict"], document["rows"][0]["consumer"]) == ("unsafe", "billing")
    assert shell.tenor("impact", "orders-value", "without-id.avsc").stdout.startswith("safe: 2 safe")
    unknown = shell.tenor("impact", "nobody-value", "without-id.avsc", code=3).stdout
    assert unknown.startswith("unknown: nobody is known to read nobody-value")
    assert "next: Nobody is known to read nobody-value. Publish" in unknown
    shell.tenor("impact", "nobody-value", "without-id.avsc", "--unknown", "pass")


def test_a_check_on_a_server_says_who_is_hurt(shell: Shell) -> None:
    told = shell.tenor("check", "without-total.avsc", "--subject", "orders-value", code=1).stdout
    assert "consumers: 1 break, 1 safe" in told
    assert "billing 1.4 in prod, on /total" in told
    assert told.splitlines()[-1].startswith("unsafe: ")
    shell.tenor("check", "without-total.avsc", "--subject", "orders-value", "--verdict", "confluent")


def test_consumers_and_fields_are_listed(shell: Shell) -> None:
    told = shell.tenor("consumers", "orders-value").stdout.splitlines()
    assert told[1].split() == ["billing", "1.4", "prod", "/total"]
    told = shell.tenor("consumers", "orders-value", "--fields").stdout.splitlines()
    assert [line.split()[0] for line in told[1:]] == ["/id", "/total", "/sku"]
    assert told[1].endswith("nobody known")
    assert "nobody is known" in shell.tenor("consumers", "none").stdout


def test_policies_and_waivers(shell: Shell) -> None:
    assert shell.tenor("policy", "get").stdout == "no policies\n"
    done = shell.tenor("policy", "set", "orders-*", "--protect", "used", "--readable-for", "days=30").stdout
    assert done == 'orders-*: protects used, readable for: {"days": 30}\n'
    assert "version 1 stays" in shell.tenor("policy", "get", "orders-value").stdout
    refused = shell.tenor("register", "orders-value", "without-total.avsc", code=1)
    assert "billing 1.4 in prod breaks on /total" in refused.stderr
    waived = shell.tenor(
        "waive",
        "orders-value",
        "--until",
        UNTIL.isoformat(),
        "--reason",
        "it is off",
        "--owner",
        "me",
        "--consumer",
        "billing",
    ).stdout
    over = f"{UNTIL + timedelta(days=1)}T00:00:00Z"  # a date counts to its end
    assert f"waived until {over}: orders-value, billing" in waived
    told = shell.tenor("impact", "orders-value", "without-total.avsc").stdout
    assert f"waived until {over} by me: it is off" in told
    shell.tenor("register", "orders-value", "without-total.avsc")
    listed = shell.document("waive", "--list")["waivers"]
    shell.tenor("waive", "--withdraw", listed[0]["id"])
    assert shell.tenor("waive", "--list").stdout == "no waivers\n"
    shell.tenor("policy", "set", "orders-*")
    assert shell.tenor("policy", "get").stdout == "no policies\n"


def test_the_order_of_a_rollout(shell: Shell, registry: httpx.Client) -> None:
    told = shell.tenor("rollout", "orders-value", "without-total.avsc", "--environment", "prod", code=1).stdout
    assert told.startswith("no order: billing 1.4 cannot read what orders")
    publish(registry, "1.5", recorded("billing", {"/id": {"types": ["string"]}}))
    told = shell.tenor("rollout", "orders-value", "without-total.avsc", "--environment", "prod").stdout
    assert told.splitlines()[0] == "1. billing 1.5 to prod before orders with the new schema"


def test_what_a_version_writes_and_reads(shell: Shell) -> None:
    done = shell.tenor("produces", "--application", "orders", "--version", "2.0", "orders-value:1").stdout
    assert done == "orders 2.0 writes orders-value version 1\n"
    shell.tenor("can-i-deploy", "--application", "orders", "--version", "2.0", "--environment", "prod")
    done = shell.tenor("produces", "--reads", "--application", "ledger", "--version", "1", "orders-value:1").stdout
    assert done.startswith("ledger 1 reads orders-value version 1: ")
    shell.tenor("policy", "set", "--map", "orders", "an *", "orders-value")


@pytest.mark.parametrize(
    "arguments",
    [
        ("waive", "orders-value", "--until", UNTIL.isoformat()),
        ("waive", "orders-value", "--until", "soon", "--reason", "r", "--owner", "o"),
        ("policy", "set"),
        ("policy", "set", "orders-value", "--readable-for", "days=many"),
        ("produces", "--application", "a", "--version", "1", "none:0"),
        ("impact", "orders-value", "without-id.avsc", "--rule-set", "nothing.json"),
        ("impact", "orders-value", "without-id.avsc", "--rule-set", "pytest.ini"),
        ("impact", "orders-value", "without-id.avsc", "--metadata", "list.json"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(shell: Shell, arguments: tuple[str, ...]) -> None:
    (shell.folder / "pytest.ini").write_text("[pytest]\n")
    (shell.folder / "list.json").write_text("[]")
    refused = shell.tenor(*arguments, code=2)
    assert refused.stderr.startswith("error: ")
