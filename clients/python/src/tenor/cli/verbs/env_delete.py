"""Delete an environment, with everything that was recorded for it.

Refused with exit code 5 while versions are deployed or released there, unless --force is given: can-i-deploy would
forget them.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, STALE, broker, environments
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", metavar="NAME", help="of the environment")
    parser.add_argument("--force", action="store_true", help="even while something is deployed or released there")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Delete it, if nothing is there."""
    with connect(arguments) as registry:
        place = environments.named(registry, arguments.name)
        there = [one for kind in broker.KINDS for one in registry.send(broker.present(kind, place["uuid"]))]
        if there and not arguments.force:
            names = ", ".join(sorted({f"{one['application']} version {one['version']}" for one in there}))
            document = {"deleted": False, "exit_code": STALE, "environment": place, "present": there}
            output.say(f"not deleted: there are {names} in {arguments.name} (--force deletes it all the same)")
            output.result(document, [])
            return STALE
        registry.send(broker.delete_environment(place["uuid"]))
    document = {"deleted": True, "exit_code": SAFE, "environment": place, "present": there}
    output.result(document, f"deleted environment {arguments.name}")
    return SAFE
