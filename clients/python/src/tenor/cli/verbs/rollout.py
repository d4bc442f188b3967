"""Say in which order to deploy a change, so that nobody meets an event that it cannot read.

  tenor rollout orders-value order-2.avsc --environment prod --to orders=2.0 --to billing=1.5

NEW is the schema that the producers will write. A consumer that is not named goes to its newest version with a
contract. Exit code 0: there is an order; 1: there is none, and what would create one is said.
"""

from __future__ import annotations

import argparse

from tenor.cli import SAFE, UNSAFE, blast
from tenor.cli.connection import connect
from tenor.cli.local_schema import add_reference, add_type
from tenor.cli.output import Output, one_line
from tenor.cli.running import UsageError
from tenor.cli.schema_file import read_schema


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="e.g. orders-value")
    parser.add_argument("new", metavar="NEW", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument("--environment", required=True, metavar="E", help="e.g. production")
    parser.add_argument("--to", action="append", default=[], metavar="APPLICATION=VERSION", help="may be repeated")
    add_type(parser)
    add_reference(parser, more=": NAME=SUBJECT:VERSION")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Ask for the order."""
    targets: dict[str, str] = {}
    for text in arguments.to:
        application, equals, version = text.partition("=")
        if not (application and equals and version):
            raise UsageError(f"--to {text}: write APPLICATION=VERSION")
        targets[application] = version
    schema = read_schema(arguments.new, arguments.type, arguments.reference)
    with connect(arguments) as registry:
        answer = registry.send(blast.rollout(arguments.subject, schema, arguments.environment, targets))
    output.result(answer, map(one_line, answer["lines"]))
    return SAFE if answer["possible"] else UNSAFE
