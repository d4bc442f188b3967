"""List the environments that versions are deployed and released to."""

from __future__ import annotations

import argparse
from typing import Final

from tenor.cli import SAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output

COLUMNS: Final = ("name", "display_name", "production", "uuid")


def configure(_: argparse.ArgumentParser) -> None:
    """The verb has no arguments of its own."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    """List."""
    with connect(arguments) as registry:
        found = registry.send(broker.environments())
    output.result({"environments": found}, broker.table(COLUMNS, found))
    return SAFE
