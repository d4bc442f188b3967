"""List the newest contract of each consumer and provider."""

from __future__ import annotations

import argparse
from typing import Final

from tenor.cli import SAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output

COLUMNS: Final = ("consumer", "version", "provider", "published")


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--provider", metavar="P", help="only those with this provider")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List."""
    with connect(arguments) as registry:
        found = registry.send(broker.latest_contracts())
    if arguments.provider is not None:
        found = [row for row in found if row["provider"] == arguments.provider]
    if not found and not output.json:
        output.say("no contracts" + (f" with provider {arguments.provider}" if arguments.provider is not None else ""))
    output.result({"contracts": found}, broker.table(COLUMNS, found) if found else [])
    return SAFE
