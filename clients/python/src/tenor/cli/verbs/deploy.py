"""Record that a version of an application is deployed to an environment.

What ran there before, on the same instance, is not deployed any more. The same again changes nothing. Nothing is
checked here: ask `tenor can-i-deploy` first. Versions that stand side by side, as of a library or an app in a store,
are recorded with `tenor deploy release`.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, broker, environments
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    environments.configure_record(parser)
    parser.add_argument("--instance", metavar="NAME", help="where several run side by side, e.g. blue")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Record it."""
    with connect(arguments) as registry:
        place = environments.named(registry, arguments.environment)
        call = broker.deploy(arguments.application, arguments.version, place["uuid"], arguments.instance)
        recorded = registry.send(call)
    where = arguments.environment + (f" (instance {arguments.instance})" if arguments.instance else "")
    output.result(recorded, f"recorded: {arguments.application} version {arguments.version} is deployed to {where}")
    return SAFE
