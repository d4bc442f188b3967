"""Record that an environment runs a version of an application no longer.

Deploying another version says the same of the one before; this is for what was switched off. Without --version,
whichever runs on the instance.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, broker, environments
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    environments.configure_record(parser, version=False)
    parser.add_argument("--instance", metavar="NAME", default="", help="as it was deployed with --instance")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Record it."""
    with connect(arguments) as registry:
        ended = environments.ended(registry, broker.DEPLOYED, arguments, instance=arguments.instance)
    where = arguments.environment + (f" (instance {arguments.instance})" if arguments.instance else "")
    versions = [one["version"] for one in ended]
    output.result(
        {"undeployed": ended},
        f"recorded: {arguments.application} version {', '.join(versions)} is not deployed to {where} any more",
    )
    return SAFE
