"""From code to a refusal on a served registry: contracts are recorded or made of models, published, deployed, asked."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_cli_contracts import Shell
from tests.e2e.test_pact_tools import TOOLS
from tests.integration.test_v1_impact import V1, register, text, without
from tests.pacts import Broker

MODEL = """
import msgspec
from typing import Literal

class Line(msgspec.Struct):
    sku: str
    count: int = 1

class Order(msgspec.Struct):
    id: str
    status: Literal["PAID", "OPEN", "with \\"quotes\\", / and é"]
    lines: list[Line]
    note: str | None = None
"""
HANDLER = """
def handle(order):
    return {"id": order["id"], "vat": order["total"] * 0.2}
"""


@pytest.fixture
def shell(tmp_path: Path, registry: httpx.Client) -> Shell:
    return Shell(tmp_path, str(registry.base_url))


def written(shell: Shell, consumer: str) -> Path:
    """The pact of a model, as the verb writes it."""
    (shell.folder / "shop_models.py").write_text(MODEL, encoding="utf-8")
    told = shell.document(
        "contracts", "from-model", "shop_models:Order", "--subject", "baskets-value", "--application", consumer
    )
    return shell.folder / str(told["file"])


def tools() -> list[Any]:
    return ["tenor", "rust", pytest.param("ruby", marks=pytest.mark.pactruby)]


@pytest.mark.parametrize("name", tools())
def test_what_matchers_cannot_say_survives_each_tool(name: str, shell: Shell, registry: httpx.Client) -> None:
    consumer = f"{name}-shop"
    file = written(shell, consumer)
    if name == "tenor":
        shell.tenor("contracts", "publish", str(file), "--consumer-version", "1")
    else:
        done = subprocess.run(
            [
                *TOOLS[name],
                "publish",
                str(file),
                "--consumer-app-version",
                "1",
                "--broker-base-url",
                f"{shell.url}/pact",
            ],
            env={**os.environ, "PACT_DO_NOT_TRACK": "true", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
    kept = Broker(registry).get("pacts", "provider", "baskets-value", "consumer", consumer, "version", "1")
    before = json.loads(file.read_bytes())["interactions"][0]["comments"]
    after = kept["interactions"][0]["comments"]
    assert json.dumps(after["tenor"], ensure_ascii=False) == json.dumps(before["tenor"], ensure_ascii=False)
    assert after["references"] == before["references"]
    consumers = registry.get("/api/v1/subjects/baskets-value/consumers").json()["consumers"]
    (derived,) = [each for each in consumers if each["application"] == consumer]
    assert (derived["evidence"], derived["partial"], derived["gaps"]) == (["model"], False, [])
    said = {need["path"]: need for need in before["tenor"]["needs"]}
    assert {need["path"] for need in derived["needs"]} == said.keys()
    for need in derived["needs"]:
        written_need = said[need["path"]]
        assert need["presence"] == written_need["presence"]
        assert sorted(need["types"]) == written_need.get("types", [])
        assert need["values"] == written_need.get("values", [])
        assert need["when"] == written_need.get("when", {})
    assert said["/status"]["when"] == {"erased": "fails"}, "its model refuses what stands in for an erased value"


def test_from_a_handler_to_a_refusal_that_names_it(shell: Shell, registry: httpx.Client) -> None:
    """Record, publish, deploy, ask, be refused by a policy over the Confluent API, waive, see the waiver."""
    register(registry, V1)
    (shell.folder / "billing_code.py").write_text(HANDLER)
    (shell.folder / "orders.avsc").write_text(json.dumps(V1))
    (shell.folder / "pytest.ini").write_text("[pytest]\ntenor_application = billing\n")
    samples = registry.post("/api/v1/sample", json={"schema": text(V1), "count": 8}).json()["samples"]
    (shell.folder / "test_billing.py").write_text(
        "from billing_code import handle\n"
        f"SAMPLES = {[each['event'] for each in samples]!r}\n"
        "def test_invoices(tenor_events):\n"
        "    tenor_events('orders-value', handle, samples=SAMPLES, provider='orders')\n"
    )
    shell.tenor("contracts", "record", "-q", "-p", "no:cacheprovider")
    shell.tenor("contracts", "publish", "contracts", "--consumer-version", "1.4")
    shell.tenor("env", "create", "prod", "--production")
    shell.tenor("deploy", "record", "--application", "billing", "--version", "1.4", "--environment", "prod")

    (shell.folder / "safe.avsc").write_text(json.dumps(without("sku")))
    assert shell.tenor("impact", "orders-value", "safe.avsc").stdout.startswith("safe: 1 safe")
    (shell.folder / "breaking.avsc").write_text(json.dumps(without("total")))
    row = shell.document("impact", "orders-value", "breaking.avsc", code=1)["rows"][0]
    assert (row["consumer"], row["version"], row["environments"]) == ("billing", "1.4", ["prod"])
    assert (row["outcome"], row["path"], row["evidence"]) == ("breaks", "/total", "recorded")
    assert row["witness"].keys() == {"id", "sku"}
    code: dict[str, Any] = {}
    exec(HANDLER, code)
    with pytest.raises(KeyError, match="total"):
        code["handle"](row["witness"])

    confluent = {"schema": json.dumps(without("total"))}
    where = "/subjects/orders-value/versions"
    shell.tenor("policy", "set", "orders-*", "--protect", "used")
    refused = registry.post(where, json=confluent)
    assert refused.status_code == 409
    assert "billing 1.4" in refused.json()["message"]
    assert "prod" in refused.json()["message"]
    assert registry.get(where).json() == [1]
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    waiver = ("--consumer", "billing", "--until", until, "--reason", "it is switched off", "--owner", "Sam")
    shell.tenor("waive", "orders-value", *waiver)
    shown = shell.document("impact", "orders-value", "breaking.avsc")
    assert shown["rows"][0]["outcome"] == "breaks", "what is waived is shown"
    assert "Sam: it is switched off" in shell.tenor("impact", "orders-value", "breaking.avsc").stdout
    passed = registry.post(where, json=confluent)
    assert passed.status_code == 200, passed.text
    assert registry.get(where).json() == [1, 2]
    shell.tenor("policy", "set", "orders-*")
