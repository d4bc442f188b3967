"""What an environment is, and which versions are deployed and released there now."""

from __future__ import annotations

import argparse
from typing import Final

from tenor.cli import SAFE, broker, environments
from tenor.cli.connection import connect
from tenor.cli.output import Output, one_line

COLUMNS: Final = ("application", "version", "instance", "since")


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", metavar="NAME", help="of the environment")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Describe it."""
    with connect(arguments) as registry:
        place = environments.named(registry, arguments.name)
        deployed, released = (registry.send(broker.present(kind, place["uuid"])) for kind in broker.KINDS)
    kind = "production" if place["production"] else "no production"
    lines = [one_line(f"{place['name']} ({place['display_name']}): {kind}, {place['uuid']}")]
    lines += [one_line(f"contact: {environments.contact(each)}") for each in place["contacts"]]
    for word, rows in (("deployed", deployed), ("released", released)):
        lines += [f"{word}:", *(f"  {line}" for line in broker.table(COLUMNS, rows))] if rows else [f"{word}: nothing"]
    output.result({**place, "deployed": deployed, "released": released}, lines)
    return SAFE
