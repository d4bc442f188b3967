"""Record that a version of an application is released to an environment, beside those released before.

For what users take when they like: a library, a command, an app of a store. It counts for `tenor can-i-deploy` until
`tenor deploy support-ended`. The same again changes nothing.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, broker, environments
from tenor.cli.connection import connect
from tenor.cli.output import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    environments.configure_record(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Record it."""
    with connect(arguments) as registry:
        place = environments.named(registry, arguments.environment)
        recorded = registry.send(broker.release(arguments.application, arguments.version, place["uuid"]))
    sentence = f"recorded: {arguments.application} version {arguments.version} is released to {arguments.environment}"
    output.result(recorded, sentence)
    return SAFE
