"""Record that a released version of an application is not supported in an environment any more.

It counts for `tenor can-i-deploy` no longer; `tenor deploy release` takes it back.
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
        ended = environments.ended(registry, broker.RELEASED, arguments)
    output.result(
        {"support_ended": ended},
        f"recorded: {arguments.application} version {arguments.version} is not supported in "
        f"{arguments.environment} any more",
    )
    return SAFE
