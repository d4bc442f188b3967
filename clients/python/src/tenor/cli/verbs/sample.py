"""Print valid events of the schema in FILE, one JSON document on each line; needs no server.

First the minimal one, a maximal one and the edges, then random ones: the same seed makes the same events. Bytes are
base64. With --output json each comes with its kind (minimal, maximal, edge, random).
"""

from __future__ import annotations

import argparse
from typing import Final

from tenor.cli import SAFE
from tenor.cli.local_schema import add_reference, add_type, ask_about, read_local
from tenor.cli.output import Output, json_line
from tenor.cli.running import UsageError

MOST: Final = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", help=".avsc, .json or .proto; - for standard input")
    parser.add_argument("--count", type=int, default=10, metavar="N", help=f"how many, at most {MOST}; default 10")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random ones; default 0")
    add_type(parser)
    add_reference(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Sample."""
    if not 1 <= arguments.count <= MOST:
        raise UsageError(f"--count: {arguments.count} is not between 1 and {MOST}")
    if not 0 <= arguments.seed < 2**31:
        raise UsageError(f"--seed: {arguments.seed} is not between 0 and 2^31-1")
    schema = read_local(arguments.file, arguments.type, arguments.reference)
    answer = ask_about({"schema": schema}, arguments.timeout, do="sample", count=arguments.count, seed=arguments.seed)
    output.result(answer, (json_line(sample["event"]) for sample in answer["samples"]))
    return SAFE
