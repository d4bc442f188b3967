"""Which upcasters a subject has: from version to version, proven or not, and where there is none."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tenor.cli import SAFE, told, upcasters
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List them."""
    with connect(arguments) as registry:
        found = registry.send(upcasters.graph(arguments.subject))
    rows = [*_rows(found)]
    output.result(found, told.aligned([("EDGE", "", "PLAN", "EVENTS"), *rows]) if rows else "one version, no edges")
    for old, new in found["gaps"]:
        output.say(f"no upcaster leads from {old} to {new}: tenor upcast publish {arguments.subject} {old}..{new}")
    return SAFE


def _rows(found: Any) -> Iterator[tuple[str, str, str, str]]:
    for edge in found["edges"]:
        new = "next" if edge["new"] is None else edge["new"]
        proven = "proven" if edge["proven"] else "unproven"
        yield f"{edge['old']}..{new}", proven, edge["hash"][:12], str(edge["attestation"].get("examples", ""))
    for old, new in found["gaps"]:
        yield f"{old}..{new}", "none", "", ""
