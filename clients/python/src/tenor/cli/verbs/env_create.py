"""Create an environment that versions can be deployed and released to."""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", metavar="NAME", help="without spaces, e.g. staging")
    parser.add_argument("--display-name", metavar="TEXT", help="what people read; NAME without it")
    parser.add_argument("--production", action="store_true", help="it serves real users")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Create it."""
    with connect(arguments) as registry:
        call = broker.create_environment(arguments.name, arguments.display_name, production=arguments.production)
        made = registry.send(call)
    output.result(made, f"created environment {arguments.name}")
    return SAFE
