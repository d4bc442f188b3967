"""`./do demo`: who breaks, where, on which field, told on a served process with the tools that people use.

orders is about to drop `total` from its event. billing 1.4, which reads it, runs in prod; billing 1.5, which does not,
runs in staging; search reads `sku` in both. The check fails and shows why; billing 1.5 goes to prod; the check passes.
No network but the loopback address, nothing left behind. Exit code 0 when every step came to what it should.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.served import served

BIN = Path(sys.executable).parent
ID, TOTAL, SKU = (
    {"name": name, "type": kind} for name, kind in (("id", "string"), ("total", "double"), ("sku", "string"))
)
AMOUNT = {"name": "amount", "type": "double", "default": 0.0}
VERSIONS = {1: [ID, TOTAL, SKU], 2: [ID, TOTAL, SKU, AMOUNT], 3: [ID, SKU, AMOUNT]}

BILLING = """
def invoice(order):
    return {{"order": order["id"], "gross": order["{field}"] * 1.2}}

def test_invoice(tenor_events):
    tenor_events("orders-value", invoice, samples=ORDERS, application="billing", provider="orders")

ORDERS = [{{"id": "A1", "total": 9.5, "sku": "tea", "amount": 9.5}}]
"""
SEARCH = """
def document(order):
    return {"id": order["id"], "words": order["sku"].split("-")}

def test_document(tenor_events):
    tenor_events("orders-value", document, samples=ORDERS, application="search", provider="orders")

ORDERS = [{"id": "A1", "total": 9.5, "sku": "tea-green", "amount": 9.5}]
"""


@dataclass(frozen=True)
class Step:
    """A line of the story and a command as it is typed, with the exit code and a text that it must come to.

    What a command says is shown where the story asks for it, or when it did not come to that.
    """

    command: str = ""
    code: int = 0
    says: str = ""
    story: str = ""
    shown: bool = False


STORY = [
    Step(story="orders has an event in two versions; the third one drops total, for which amount is there since v2"),
    Step("tenor register orders-value order-1.avsc"),
    Step("tenor register orders-value order-2.avsc"),
    Step(story="billing and search never wrote a contract: their tests record what their code reads"),
    Step("tenor contracts record -q test_billing_1_4.py test_search.py", says="2 passed", shown=True),
    Step("tenor contracts publish contracts/billing-orders.json --consumer-version 1.4"),
    Step("pact broker publish contracts/search-orders.json --consumer-app-version 7 --broker-base-url $TENOR_URL/pact"),
    Step("tenor contracts record -q test_billing_1_5.py", says="1 passed", shown=True),
    Step("tenor contracts publish contracts/billing-orders.json --consumer-version 1.5"),
    Step(story="prod runs billing 1.4, staging billing 1.5 already"),
    Step("tenor env create prod --production"),
    Step("tenor env create staging"),
    Step("tenor deploy --application billing --version 1.4 --environment prod"),
    Step("tenor deploy --application billing --version 1.5 --environment staging"),
    Step("tenor deploy --application search --version 7 --environment prod"),
    Step("tenor deploy --application search --version 7 --environment staging"),
    Step(story="may orders drop total?"),
    Step("tenor check order-3.avsc --subject orders-value", code=1, says="billing 1.4 in prod, on /total", shown=True),
    Step("tenor deploy --application billing --version 1.5 --environment prod", story="no: billing goes first"),
    Step("tenor check order-3.avsc --subject orders-value", says="safe: ", shown=True),
    Step("tenor register orders-value order-3.avsc", story="yes", shown=True),
]


def files() -> Iterator[tuple[str, str]]:
    """The schemas and the code of the story, by file name."""
    for number, fields in VERSIONS.items():
        record = {"type": "record", "name": "Order", "namespace": "shop", "fields": fields}
        yield f"order-{number}.avsc", json.dumps(record, indent=1)
    yield "test_billing_1_4.py", BILLING.format(field="total")
    yield "test_billing_1_5.py", BILLING.format(field="amount")
    yield "test_search.py", SEARCH


def told(step: Step, folder: Path, environment: dict[str, str]) -> bool:
    """Run a step and show it; whether it came to what it should."""
    if step.story:
        print(f"\n# {step.story}")
    if not step.command:
        return True
    print(f"$ {step.command}", flush=True)
    words = shlex.split(step.command.replace("$TENOR_URL", environment["TENOR_URL"]))
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    as_told = done.returncode == step.code and step.says in done.stdout
    if step.shown or not as_told:
        print(done.stdout.rstrip(), flush=True)
    if as_told:
        return True
    print(f"demo: exit code {done.returncode}, expected {step.code} and {step.says!r}", file=sys.stderr)
    return False


def main() -> int:
    """Tell the story; 0 when it went as told."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="tenor-demo-") as name:
        folder = Path(name) / "shop"
        folder.mkdir()
        for file, content in files():
            (folder / file).write_text(content, encoding="utf-8")
        settings = {"TENOR_DATABASE_URL": "sqlite:///registry.db"}
        with served([BIN / "tenor-server", "serve"], cwd=folder, environment=settings) as client:
            # Settings of a registry that happens to be configured here have no say in the story.
            mine = {key: value for key, value in os.environ.items() if not key.startswith(("TENOR_", "PYTEST_"))}
            environment = {
                **mine,
                "TENOR_URL": str(client.base_url).rstrip("/"),
                "NO_COLOR": "1",
                "PACT_DO_NOT_TRACK": "true",
                "NO_PROXY": "127.0.0.1",
                "PYTEST_ADDOPTS": "-p no:cacheprovider --no-header",
            }
            for step in STORY:
                if not told(step, folder, environment):
                    return 1
    print(f"\n# {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
