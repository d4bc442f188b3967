"""Record that a version of an application is deployed to an environment.

What ran there before, on the same instance, is not deployed any more. The same again changes nothing. Nothing is
checked here: ask `tenor can-i-deploy` first.
"""

from __future__ import annotations

import argparse

from tenor import Registry
from tenor.cli import SAFE, broker
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--application", required=True, metavar="NAME", help="the application (pacticipant)")
    parser.add_argument("--version", required=True, metavar="V", help="its version, as it was published")
    parser.add_argument("--environment", required=True, metavar="E", help="e.g. production")
    parser.add_argument("--instance", metavar="NAME", help="where several run side by side, e.g. blue")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Record it."""
    with connect(arguments) as registry:
        place = environment_uuid(registry, arguments.environment)
        recorded = registry.send(broker.deploy(arguments.application, arguments.version, place, arguments.instance))
    where = arguments.environment + (f" (instance {arguments.instance})" if arguments.instance else "")
    output.result(recorded, f"recorded: {arguments.application} version {arguments.version} is deployed to {where}")
    return SAFE


def environment_uuid(registry: Registry, name: str) -> str:
    """The UUID of an environment. Raises UsageError with the names there are."""
    for place in registry.send(broker.environments(name)):
        if place["name"] == name:
            return str(place["uuid"])
    known = ", ".join(str(place["name"]) for place in registry.send(broker.environments()))
    raise UsageError(f"there is no environment '{name}'; " + (f"there are: {known}" if known else "there is none yet"))
