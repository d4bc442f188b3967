"""Upcast the events of FILE with the plan in PLAN; needs no server.

FILE holds one JSON document a line (what JSON lacks is written as plans write it: {"$bytes": "AQI="}), or is an Avro
container (.avro). New events go to standard output, one a line. The first event that fails ends it, with its position.
"""

from __future__ import annotations

import argparse
from typing import Any

from tenor.cli import SAFE, UNSAFE
from tenor.cli.output import Output, json_line, one_line
from tenor.cli.plan_file import events_of, function_of, read_plan
from tenor.cli.running import UsageError
from tenor.errors import TenorError
from tenor.plans.values import encode


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("plan", metavar="PLAN", help="what `tenor upcast new --plan` wrote")
    parser.add_argument("file", metavar="FILE", help="old events; - for standard input")
    parser.add_argument("--steps", action="append", default=[], metavar="PACKAGE", help="where hand-written steps are")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Upcast."""
    if arguments.plan == arguments.file == "-":
        raise UsageError("standard input can be read once")
    upcast = function_of(read_plan(arguments.plan), arguments.steps)
    made: list[Any] = []
    for read in events_of(arguments.file):
        try:
            if read.error is not None:
                raise UsageError(f"it is no event: {read.error}")
            event = encode(upcast(read.event))
        except (TenorError, UsageError) as error:
            output.result({"events": made, "failed": read.position, "reason": str(error)}, [])
            output.say(f"{read.where}: {one_line(str(error))}")
            return UNSAFE
        if output.json:
            made.append(event)
        else:
            print(json_line(event), file=output.out)
    if output.json:
        output.result({"events": made}, [])
    return SAFE
